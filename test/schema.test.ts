import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { Ajv } from "ajv";
import fc from "fast-check";
import { loadAll } from "js-yaml";
import "./support/version.ts";
import { rows, settingNames, toFieldName } from "../generators/annotations/table.ts";
import { asMapping, type KubeObject } from "../generators/kube/object.ts";
import { isServiceMesh, readMeshConfig } from "../generators/mesh/config.ts";
import { canBeDefault, canBeInProfile, canStandOnNamespace, definition } from "../generators/mesh/definition.ts";
import { writeMeshSchema } from "../generators/mesh/schema.ts";
import { readMeshSchema, schemaFile, schemaLine } from "../plugin/scaffold/schema.ts";
import { findOnPath } from "../scripts/tools.ts";
import { findKubectls, findKustomizes } from "./support/callers.ts";
import { goldens } from "./support/cases.ts";
import { run, temporary, type Files } from "./support/process.ts";
import { tree } from "./support/trees.ts";

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, strictRequired: false });
ajv.addVocabulary(["errorMessage", "patternErrorMessage"]); // what yaml-language-server shows; no validator acts on it
const validate = ajv.compile(JSON.parse(writeMeshSchema()) as object);

/** What the schema says against an object; empty where it is accepted. */
function refusedBySchema(object: unknown): readonly string[] {
  return validate(object) ? [] : validate.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** Rules that hold between fields or beyond the resource, which no schema of one field can say. */
const beyondShape = new Set(["IZ109", "IZ112", "IZ205", "IZ206", "IZ208"]);

function refusedByReader(mesh: KubeObject): readonly string[] {
  const { diagnostics } = readMeshConfig(mesh, []);
  return diagnostics.filter(({ severity, code }) => severity === "error" && !beyondShape.has(code)).map(({ code, place }) => `${code} ${place?.path.join(".")}`);
}

function meshOf(spec: unknown): KubeObject {
  return { apiVersion: "istiomize.dev/v1alpha1", kind: "ServiceMesh", metadata: { name: "mesh" }, spec };
}

/** A value at a path of the spec. */
function at(path: readonly string[], value: unknown): KubeObject {
  return meshOf(path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value));
}

/** Every ServiceMesh in the inputs of the goldens, with the file that holds it. */
const written = readdirSync(goldens, { recursive: true, encoding: "utf8" }).filter((file) => /\.ya?ml$/.test(file) && !file.includes("expected/")).sort()
  .flatMap((file) => readObjects(join(goldens, file)).map((object) => ({ file, object })));

function readObjects(file: string): readonly KubeObject[] {
  try {
    const objects = loadAll(readFileSync(file, "utf8")).map(asMapping).filter((object) => object !== undefined);
    const inList = objects.flatMap((object) => [...(Array.isArray(object["items"]) ? object["items"] : []), object["functionConfig"]]).map(asMapping);
    return [...objects, ...inList.filter((object) => object !== undefined)].filter(isServiceMesh);
  } catch {
    return []; // goldens of files that are no YAML
  }
}

describe("the JSON Schema of ServiceMesh", () => {
  test("accepts every ServiceMesh of the goldens that the reader accepts, and both kinds are there", () => {
    const accepted = written.filter(({ object }) => refusedByReader(object).length === 0);
    assert.ok(accepted.length > 80 && accepted.length < written.length, `${accepted.length} of ${written.length}`);
    for (const { file, object } of accepted) assert.deepEqual(refusedBySchema(object), [], file);
  });

  test("refuses what the reader refuses in the goldens", () => {
    const missed = written.filter(({ object }) => refusedByReader(object).length > 0 && refusedBySchema(object).length === 0);
    // Which of two values is the larger no schema can say.
    assert.deepEqual(missed.map(({ file }) => dirname(file)), ["mesh/limits-min-above-max"]);
  });

  test("accepts the ServiceMeshes of random trees", () => {
    fc.assert(fc.property(tree, ({ mesh }) => {
      if (mesh) assert.deepEqual([refusedByReader(mesh), refusedBySchema(mesh)], [[], []]);
    }), { numRuns: 200, seed: 20261121 });
  });

  const wrong: readonly (readonly [string, KubeObject])[] = [
    ["a field that does not exist", at(["istioVersoin"], "1.27")],
    ["a setting that does not exist", at(["defaults", "retryAttempt"], 3)],
    ["the name of an annotation instead of a field", at(["defaults", "retry-attempts"], 3)],
    ["a setting of one Service among the defaults", at(["defaults", "weights"], "a=50,b=50")],
    ["a duration without a unit", at(["defaults", "timeout"], 15)],
    ["a duration without a unit, as text", at(["defaults", "timeout"], "15")],
    ["a duration of nothing", at(["defaults", "timeout"], "0s")],
    ["a word that is none of those known", at(["services"], "some")],
    ["a word in the wrong case", at(["mtls", "mode"], "strict")],
    ["a text where a number belongs", at(["defaults", "maxConnections"], "many")],
    ["a number below the range", at(["defaults", "maxConnections"], 0)],
    ["a fraction where a whole number belongs", at(["defaults", "retryAttempts"], 1.5)],
    ["more than all of it", at(["defaults", "outlierMaxEjectionPercent"], "130%")],
    ["a yes that YAML no longer reads as true", at(["strict"], "yes")],
    ["a mapping where a word belongs", at(["injection", "mode"], { sidecar: true })],
    ["a word where a mapping belongs", at(["mtls"], "STRICT")],
    ["a list where a mapping belongs", at(["defaults"], [{ timeout: "3s" }])],
    ["an empty text", at(["trustDomain"], "")],
    ["an empty list of conditions", at(["defaults", "retryOn"], [])],
    ["a condition that does not exist", at(["defaults", "retryOn"], ["conect-failure"])],
    ["one of two conditions that does not exist", at(["defaults", "retryOn"], "5xx,conect-failure")],
    ["an Istio that is too old", at(["istioVersion"], "1.21")],
    ["an Istio that lost its zero", at(["istioVersion"], 1.3)],
    ["a limit on what has no order", at(["limits", "loadBalancer"], { max: "RANDOM" })],
    ["a limit without a bound", at(["limits", "timeout"], {})],
    ["a bound that does not exist", at(["limits", "timeout"], { most: "3s" })],
    ["a bound of another type", at(["limits", "timeout"], { max: 3 })],
    ["a locked setting that does not exist", at(["locked"], ["retryAttempt"])],
    ["an error to accept", at(["accept"], { IZ201: "known" })],
    ["a warning accepted for no reason", at(["accept"], { IZ310: " " })],
    ["a label that Kubernetes refuses", at(["metadata", "labels"], { "team name": "one" })],
    ["a number as a label", at(["metadata", "labels"], { team: 1 })],
    ["one of our annotations on what is made", at(["metadata", "annotations"], { "istiomize.dev/timeout": "3s" })],
    ["a spec that is no mapping", meshOf("none")],
    ["a field beside the spec", { ...meshOf({}), defaults: {} }],
    ["another version", { ...meshOf({}), apiVersion: "istiomize.dev/v1" }],
  ];
  for (const [what, mesh] of wrong) {
    test(`refuses ${what}, as the reader does`, () => {
      assert.notDeepEqual(refusedByReader(mesh), []);
      assert.notDeepEqual(refusedBySchema(mesh), []);
    });
  }

  const anything: readonly unknown[] = [
    null, true, false, 0, 1, 8, -8, 8.5, 50, 101, 503, 1000, 70000, 1.27, 1.3, {}, { a: 1 }, [], [null], [true], [8], [8.5], ["8"], ["a"], ["a", "b"], ["a", "a"], ["none"], ["A B"], [["a"]],
    "", " ", "none", "true", "yes", "0", "1", "8", "8.5", "-8", "50", "50%", "50.0%", "101%", "70000", "15s", "0s", "1.5s", "250ms", "1m30s", "15 s", "a", "a,b", "a, b", "a,,b", "a,", "A B", "a.b", "x\ny", "*", "*,a", ".",
    "[a, b]", "- a\n- b", "header:x", "cookie:a;ttl=1h", "cookie:a;ttl=1", "query:q", "source-ip", "ring", "ring:2048", "maglev:65537", "maglev", "time=2h", "time=2h,interval=75s", "interval=30s", "100m", "1.5Gi", "128MB",
    "3306,6379", [3306, "6379"], "10.0.0.0/8", ["10.0.0.0/8"], "IZ310=why", "IZ310", ["IZ310=why, indeed"], "STRICT", "retryAttempts", "retry-attempts,timeout", "5xx,503", "7xx", "/etc/a.pem", "system", "configmap://a", "1.27", "1.30", "1.3",
  ];
  const values = [...anything, ...settingNames.flatMap((name) => [rows[name].example, rows[name].refused])];
  const settings = settingNames.flatMap((name) => [
    ...(canBeDefault(name) ? [["defaults", toFieldName(name)]] : []), ...(canBeInProfile(name) ? [["profiles", "p", toFieldName(name)]] : []),
    ...(canStandOnNamespace(name) ? [["namespaces", "n", toFieldName(name)]] : []), ...(rows[name].value.measure ? [["limits", toFieldName(name), "max"]] : []),
  ]);
  const fields = Object.keys(definition.fields).map((name) => [name]);
  const inner = [["injection", "mode"], ["injection", "revision"], ["injection", "exclude"], ["mtls", "mode"], ["mtls", "scope"], ["argocd", "syncWaves"], ["metadata", "labels"], ["metadata", "labels", "l"], ["metadata", "annotations", "a"], ["accept", "IZ310"], ["profiles", "p"], ["namespaces", "n"], ["limits", "timeout"]];
  const everywhere = [...fields, ...inner, ...settings].flatMap((path) => values.map((value) => {
    const mesh = at(path, value);
    return { value, name: `${path.join(".")}: ${JSON.stringify(value)}`, byReader: refusedByReader(mesh).length > 0, bySchema: refusedBySchema(mesh).length > 0 };
  }));

  test("accepts whatever the reader accepts, anywhere", () => {
    // A mapping that the reader takes for the text of a name, because it holds no space, is nothing to propose.
    assert.deepEqual(everywhere.filter(({ value, byReader, bySchema }) => asMapping(value) === undefined && !byReader && bySchema).map(({ name }) => name), []);
  });

  test("refuses nearly everything that the reader refuses", () => {
    const refused = everywhere.filter(({ byReader }) => byReader);
    const missed = refused.filter(({ bySchema }) => !bySchema).map(({ name }) => name);
    assert.ok(missed.length * 100 < refused.length, `${missed.length} of ${refused.length}:\n${missed.join("\n")}`);
  });

  test("describes every field, so that an editor has something to show", () => {
    const bare: string[] = [];
    const visit = (schema: KubeObject, path: string): void => {
      for (const [name, field] of Object.entries(asMapping(schema["properties"]) ?? {})) {
        const inner = asMapping(field)!;
        if (typeof inner["description"] !== "string" && typeof inner["$ref"] !== "string") bare.push(`${path}.${name}`);
        visit(inner, `${path}.${name}`);
      }
    };
    const schema = JSON.parse(writeMeshSchema()) as KubeObject;
    visit(schema, "");
    for (const [name, setting] of Object.entries(asMapping(schema["definitions"])!)) if (!name.startsWith("limitOf")) assert.equal(typeof asMapping(setting)!["description"], "string", name);
    assert.deepEqual(bare, []);
  });

  test("proposes only values that are accepted", () => {
    const definitions = asMapping((JSON.parse(writeMeshSchema()) as KubeObject)["definitions"])!;
    for (const [name, setting] of Object.entries(definitions)) {
      for (const example of (asMapping(setting)!["examples"] ?? []) as readonly unknown[]) {
        const home = settings.find((path) => path.at(-1) === name)!;
        const mesh = { ...at(home, example) };
        assert.deepEqual([refusedByReader(mesh), refusedBySchema(mesh)], [[], []], `${name}: ${JSON.stringify(example)}`);
      }
    }
  });

  test("is what scaffold writes beside a ServiceMesh", () => {
    assert.equal(readMeshSchema(), writeMeshSchema());
    assert.match(readMeshSchema(), /"\$comment": "Written by istiomize/);
  });
});

describe("the schema beside a ServiceMesh", () => {
  const mesh = "apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata:\n  name: mesh\nspec:\n  services: all\n";
  const without: Files = { "mesh.yaml": mesh, "kustomization.yaml": "resources:\n- mesh.yaml\n" };
  const beside: Files = { ...without, "mesh.yaml": schemaLine + mesh, [schemaFile]: readMeshSchema() };

  for (const { name, path, isKubectl } of [...findKustomizes(), ...findKubectls()]) {
    test(`changes nothing for ${name}`, (t) => {
      const build = (files: Files): unknown => run(path, isKubectl ? ["kustomize", "."] : ["build", "."], { cwd: temporary(t, files) });
      assert.deepEqual(build(beside), build(without));
    });
  }

  test("changes nothing for kpt, which takes every .json for an object", (t) => {
    const kpt = findOnPath("kpt");
    if (!kpt) return t.skip("kpt is not on this machine");
    const { code, stdout } = run(kpt, ["fn", "source", "."], { cwd: temporary(t, beside) });
    assert.equal(code, 0);
    assert.equal(stdout.includes("json-schema.org"), false);
    assert.ok(stdout.includes("services: all"));
  });
});
