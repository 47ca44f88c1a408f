import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { Ajv } from "ajv";
import fc from "fast-check";
import { load, loadAll } from "js-yaml";
import "./support/version.ts";
import { carrierOf, ownsPods, readAnnotations } from "../generators/annotations/read.ts";
import { rows, settingByField, settingNames, toFieldName, type Carrier, type SettingName } from "../generators/annotations/table.ts";
import { asMapping, stringsAt, type KubeObject } from "../generators/kube/object.ts";
import { isServiceMesh, readMeshConfig } from "../generators/mesh/config.ts";
import { canBeDefault, canBeInProfile, canStandOnNamespace, definition, type Shape } from "../generators/mesh/definition.ts";
import { writeMeshSchema } from "../generators/mesh/schema.ts";
import { writeAnnotationSchema } from "../generators/reference/annotation-schema.ts";
import { exampleAt, meshExample } from "../generators/reference/mesh-example.ts";
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

/** Every object in the inputs of the goldens, with the file that holds it. */
const inputs = readdirSync(goldens, { recursive: true, encoding: "utf8" }).filter((file) => /\.ya?ml$/.test(file) && !file.includes("expected/")).sort()
  .flatMap((file) => readObjects(join(goldens, file)).map((object) => ({ file, object })));
const written = inputs.filter(({ object }) => isServiceMesh(object));

function readObjects(file: string): readonly KubeObject[] {
  try {
    const objects = loadAll(readFileSync(file, "utf8")).map(asMapping).filter((object) => object !== undefined);
    const inList = objects.flatMap((object) => [...(Array.isArray(object["items"]) ? object["items"] : []), object["functionConfig"]]).map(asMapping);
    return [...objects, ...inList.filter((object) => object !== undefined)];
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
    // Which of two values is the larger no schema can say, nor what another ServiceMesh says beside this one.
    assert.deepEqual(missed.map(({ file }) => dirname(file)), ["mesh/gateway-patched-by-the-function-config", "mesh/limits-min-above-max"]);
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
    ["a gateway with a host that is none", at(["gateways", "public", "hosts"], "https://shop.example.com")],
    ["a gateway with a short host", at(["gateways", "public", "hosts"], ["shop"])],
    ["a gateway on a port that does not exist", at(["gateways", "public"], { hosts: ["shop.example.com"], httpPort: 70000 })],
    ["a gateway that does something else with HTTP", at(["gateways", "public"], { hosts: ["shop.example.com"], http: "redirekt" })],
    ["the HTTP of a gateway with a field that does not exist", at(["gateways", "public"], { hosts: ["shop.example.com"], http: { mod: "serve" } })],
    ["a cipher that does not exist", at(["gateways", "public"], { hosts: ["shop.example.com"], tls: { credentialName: "a", cipherSuites: ["AES"] } })],
    ["a name for all Services", at(["names", "destinationRule"], "rules")],
    ["a name with an unknown placeholder", at(["names", "virtualService"], "{service}-{gateway}")],
    ["a target of another kind", at(["targets", "t"], { kind: "CronJob", set: { timeout: "3s" } })],
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
  const inner = [["injection", "mode"], ["injection", "revision"], ["injection", "exclude"], ["mtls", "mode"], ["mtls", "scope"], ["argocd", "syncWaves"], ["metadata", "labels"], ["metadata", "labels", "l"], ["metadata", "annotations", "a"], ["accept", "IZ310"], ["profiles", "p"], ["namespaces", "n"], ["limits", "timeout"],
    ["names", "virtualService"], ["names", "gatewayVirtualService"], ["gateways", "g"], ["gateways", "g", "hosts"], ["gateways", "mesh", "defaults"], ["gateways", "mesh", "defaults", "timeout"], ["targets", "t"], ["targets", "t", "kind"], ["certificates"]];
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
        const home = settings.find((path) => path.at(-1) === name);
        const kind = rows[settingByField().get(name)!]?.on.includes("Service") ? "Service" : "Deployment";
        const mesh = home ? at(home, example) : at(["targets", "t"], { kind, set: { [name]: example } });
        assert.deepEqual([refusedByReader(mesh), refusedBySchema(mesh)], [[], []], `${name}: ${JSON.stringify(example)}`);
      }
    }
  });

  test("is what scaffold writes beside a ServiceMesh", () => {
    assert.equal(readMeshSchema(), writeMeshSchema());
    assert.match(readMeshSchema(), /"\$comment": "Written by istiomize/);
  });
});

describe("the example of a ServiceMesh", () => {
  test("is accepted by the reader", () => {
    assert.deepEqual(refusedByReader(asMapping(load(meshExample))!), []);
  });

  test("says something in every field", () => {
    const silent: string[] = [];
    const visit = (shape: Shape, path: readonly string[]): void => {
      if (shape.kind !== "later" && exampleAt(path) === undefined) silent.push(path.join("."));
      const inner = shape.kind === "object" ? shape.fields : shape.kind === "either" ? shape.full.fields : shape.kind === "named" ? { "<name>": shape.entry } : {};
      for (const [name, field] of Object.entries(inner)) visit(field, [...path, name]);
    };
    visit(definition, []);
    assert.deepEqual(silent, []);
  });
});

describe("the JSON Schema of annotations", () => {
  const check = ajv.compile(JSON.parse(writeAnnotationSchema()) as object);
  const kinds: { readonly [C in Carrier]: KubeObject } = {
    Service: { apiVersion: "v1", kind: "Service" }, Workload: { apiVersion: "apps/v1", kind: "Deployment" }, Namespace: { apiVersion: "v1", kind: "Namespace" },
  };
  /** What one object can say by itself: its keys and their values. */
  const ofOneObject = new Set(["IZ201", "IZ202", "IZ203", "IZ204", "IZ210", "IZ219", "IZ220", "IZ354"]);
  const guardrails = { istioVersion: "9.99", limits: new Map<SettingName, never>() };

  function refusedByReader(object: KubeObject): boolean {
    return readAnnotations(object, guardrails, false).diagnostics.some(({ code, severity }) => severity === "error" && ofOneObject.has(code));
  }

  function annotated(carrier: Carrier, key: string, value: unknown): KubeObject {
    return { ...kinds[carrier], metadata: { name: "web", annotations: { [`istiomize.dev/${key}`]: value } } };
  }

  test("accepts what the reader accepts of the objects of the goldens, and refuses what it refuses", () => {
    const objects = inputs.filter(({ object }) => (carrierOf(object) !== undefined || ownsPods(object)) && Object.keys(stringsAt(object, "metadata", "annotations")).length > 0);
    const [taken, refused] = [objects.filter(({ object }) => !refusedByReader(object)), objects.filter(({ object }) => refusedByReader(object))];
    assert.ok(taken.length > 400 && refused.length > 80, `${taken.length} and ${refused.length}`);
    assert.deepEqual(taken.filter(({ object }) => !check(object)).map(({ file }) => file), []);
    const missed = refused.filter(({ object }) => check(object)).map(({ file }) => dirname(file));
    assert.ok(missed.length * 10 < refused.length, `${missed.length} of ${refused.length}:\n${missed.join("\n")}`);
  });

  for (const name of settingNames) {
    const keys = rows[name].on.map((carrier) => [carrier, name.replace(/<.*>/, "canary")] as const);
    const scoped = (rows[name].behind ?? []).map((scope) => ["Service", `${scope}.${{ port: "http", subset: "canary", gateway: name === "hosts" ? "mesh" : "public", route: "beta" }[scope]}.${name.replace(/<.*>/, "canary")}`] as const);

    test(`${name}: the example is accepted wherever it may stand`, () => {
      for (const [carrier, key] of [...keys, ...scoped]) {
        const object = annotated(carrier, key, rows[name].example);
        assert.deepEqual([refusedByReader(object), check(object) ? [] : check.errors], [false, []], key);
        assert.equal(check(annotated(carrier, key, "none")), true, `${key}: none`);
      }
    });

    test(`${name}: a number, a mapping and nothing at all are refused, and the key elsewhere`, () => {
      const [carrier, key] = [...keys, ...scoped][0]!;
      for (const value of [8, true, { a: 1 }, ["a"], ""]) assert.equal(check(annotated(carrier, key, value)), false, `${key}: ${JSON.stringify(value)}`);
      for (const other of ["Service", "Workload", "Namespace"] as const) {
        const object = annotated(other, name.replace(/<.*>/, "canary"), rows[name].example);
        assert.equal(check(object), !refusedByReader(object), `on a ${other}`);
      }
    });
  }

  test("refuses the misspelled, and what stands behind a scope that does not take it", () => {
    for (const key of ["timeuot", "retry_attempts", "port.http.weights", "port.timeout", "gateway.public", "route.beta.mtls", "Timeout"]) {
      assert.deepEqual([refusedByReader(annotated("Service", key, "3s")), check(annotated("Service", key, "3s"))], [true, false], key);
    }
  });

  test("leaves alone what istiomize writes, what begins with x- and what is not ours", () => {
    const object = { ...kinds.Service, metadata: { name: "web", annotations: { "istiomize.dev/generated-from": "Service/web", "istiomize.dev/x-mine": "1", "example.com/timeout": "8", "istiomize.dev.example.com/a": "b" } } };
    assert.equal(check(object), true);
    assert.equal(check({ apiVersion: "v1", kind: "ConfigMap", metadata: { annotations: { "istiomize.dev/anything": 1 } } }), true);
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
