import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import "./support/version.ts";
import { settingNames } from "../generators/annotations/table.ts";
import { catalogue } from "../generators/diagnostics/catalogue.ts";
import { writePath, type Place } from "../generators/diagnostics/diagnostic.ts";
import { explainObject, FieldSources, findObjects, type Explanation, type Run } from "../generators/explain.ts";
import { asMapping, describe as describeRef, describeObject, kindOf, mappingAt, refOf, stringsAt, type Item, type KubeObject, type Mapping } from "../generators/kube/object.ts";
import { leavesOf, valueAt } from "../generators/mesh/origin.ts";
import { writeColumns, oneLine, wrap, type Layout } from "../plugin/explain/columns.ts";
import { readMessages } from "../plugin/explain/messages.ts";
import { toJson } from "../plugin/explain/object-json.ts";
import { writeExplanation } from "../plugin/explain/object-text.ts";
import { traceRun, type Source } from "../plugin/explain/source.ts";
import { readTopic } from "../plugin/explain/topic.ts";
import { readInput } from "../plugin/input.ts";
import { findCases } from "./support/cases.ts";
import { tree, writeStream } from "./support/trees.ts";
import { vocabulary } from "./support/vocabulary.ts";

interface Traced {
  readonly name: string;
  readonly run: Run;
  readonly source: Source;
  readonly items: readonly Item[];
  readonly functionConfig?: KubeObject;
}

/** Every golden that is one stream, as `explain` sees it. */
async function traceGoldens(): Promise<readonly Traced[]> {
  const cases = findCases().filter(({ directory }) => existsSync(join(directory, "input.yaml")));
  const traced = await Promise.all(cases.map(async ({ name, directory }): Promise<readonly Traced[]> => {
    const mesh = join(directory, "mesh.yaml");
    const input = await readInput(readFileSync(join(directory, "input.yaml"), "utf8"), "input.yaml");
    const config = existsSync(mesh) ? (await readInput(readFileSync(mesh, "utf8"), "mesh.yaml", undefined, "all")).leaves[0]?.item.object : undefined;
    const functionConfig = config ?? asMapping(input.envelope?.["functionConfig"]);
    const items = input.leaves.map(({ item }) => item);
    const { run, diagnostics } = await traceRun({ items, ...(functionConfig && { functionConfig }) });
    return run ? [{ name, run, items, ...(functionConfig && { functionConfig }), source: { name: "input.yaml", run, diagnostics, placesOf: () => [] } }] : [];
  }));
  return traced.flat();
}

const goldens = traceGoldens();

/** Not the VirtualService of a gateway's host, which several Services share. */
function isOfOneService({ object, beside }: Run["made"][number]): boolean {
  const owners = stringsAt(object, "metadata", "annotations")["istiomize.dev/generated-from"] ?? "";
  return beside !== undefined && kindOf(beside.object) === "Service" && owners.split("Service/").length === 2;
}

const count = Number(process.env["ISTIOMIZE_TREES"] ?? 2000);
const { ISTIOMIZE_SEED: asked = "20261121" } = process.env;
const seed = asked === "random" ? Math.floor(Math.random() * 2 ** 31) : Number(asked);

/** The fields of a run that no place is named for, or one that is not there; and how many were looked at. */
function findUnsourced(run: Run): { readonly looked: number; readonly wrong: readonly string[] } {
  const objects = new Map(run.objects.map((object) => [describeRef(refOf(object)), object]));
  const isThere = ({ ref, path }: Place): boolean => objects.has(describeRef(ref)) && (path.length === 0 || valueAt(objects.get(describeRef(ref)), path) !== undefined);
  const sources = new FieldSources(run);
  const made = run.made.flatMap((each) => {
    const fields = sources.fieldsOf(each);
    assert.equal(fields.length, leavesOf(each.object).length, "no field is left out");
    return fields;
  });
  const written = [...new Set(run.edits.map(({ item }) => item.object))].flatMap((object) => {
    const fields = explainObject(run, object, []).objects.find(({ isMade }) => !isMade)?.fields ?? [];
    assert.equal(fields.length, run.edits.filter(({ item }) => item.object === object).length, describeObject(object));
    return fields;
  });
  const all = [...made, ...written];
  const wrong = all.filter(({ from, place }) => from === "" || !isThere(place))
    .map(({ ref, shown, from, place }) => `${describeRef(ref)} ${shown} from ${JSON.stringify(from)} at ${describeRef(place.ref)} ${writePath(place.path)}`);
  return { looked: all.length, wrong };
}

describe("every field that is made", () => {
  test("has a source that names a place which is there", async () => {
    const found = (await goldens).map(({ name, run }) => ({ name, ...findUnsourced(run) }));
    assert.deepEqual(found.flatMap(({ name, wrong }) => wrong.map((each) => `${name}: ${each}`)), []);
    const looked = found.reduce((sum, each) => sum + each.looked, 0);
    assert.ok(looked > 5_000, `${looked} fields were looked at`);
  });

  test(`has one on random trees, too (seed ${seed}, ${count} trees)`, async () => {
    for (const { mesh, objects } of fc.sample(fc.oneof(vocabulary, tree), { numRuns: count, seed })) {
      const { run } = await traceRun({ items: [...(mesh ? [mesh] : []), ...objects].map((object) => ({ object })) });
      const { wrong } = run ? findUnsourced(run) : { wrong: [] };
      assert.deepEqual(wrong, [], `${wrong.join("\n")}\n${writeStream([...(mesh ? [mesh] : []), ...objects])}`);
    }
  });

  test("that a setting decided is among what that setting became", async () => {
    const lost: string[] = [];
    for (const { name, run, source } of await goldens) {
      for (const made of run.made.filter(isOfOneService)) {
        const explained = explainObject(run, made.beside!.object, source.diagnostics);
        const became = explained.settings.flatMap((setting) => setting.became.map(({ ref, path }) => `${describeRef(ref)} ${path.join("\n")}`));
        const fields = explained.objects.find(({ ref }) => describeRef(ref) === describeObject(made.object))?.fields ?? [];
        for (const field of fields.filter(({ setting }) => setting !== undefined)) {
          const isShown = field.path.some((_, i) => became.includes(`${describeRef(field.ref)} ${field.path.slice(0, i + 1).join("\n")}`));
          if (!isShown) lost.push(`${name}: ${field.shown} from ${field.from}`);
        }
      }
    }
    assert.deepEqual(lost, []);
  });
});

describe("the truth", () => {
  test("no field changes with an annotation that it is not said to come from", async () => {
    const untold: string[] = [];
    let count = 0;
    for (const { name, run, items, functionConfig } of (await goldens).filter((each) => /^(generation|coverage)\//.test(each.name))) {
      for (const item of items) {
        // A profile is named by its own name, and labels of subsets decide what every share means.
        for (const key of Object.keys(annotationsOf(item)).filter((each) => /^istiomize\.dev\/(?!enabled|profile|subset$|subset\..*labels|generated-from|accept)/.test(each))) {
          const without = await traceRun({ items: items.map((each) => (each === item ? withoutAnnotation(item, key) : each)), ...(functionConfig && { functionConfig }) });
          if (!without.run) continue;
          const after = new Map(fieldsOf(without.run).map((field) => [field.at, field.value]));
          for (const { at, value, place } of fieldsOf(run).filter((field) => after.has(field.at) && after.get(field.at) !== field.value)) {
            if (at.includes(".rewrite") && /(^|\.)(match|path)$/.test(key)) continue; // what `rewrite` replaces is the path that a match asks for
            count++;
            if (place.path[2] !== key || describeRef(place.ref) !== describeObject(item.object)) untold.push(`${name}: ${at} is ${value} because of ${key} on ${describeObject(item.object)}, not of ${writePath(place.path)} on ${describeRef(place.ref)}`);
          }
        }
      }
    }
    assert.ok(count > 10, `${count} fields changed`);
    assert.deepEqual(untold, []);
  });
});

interface Told {
  readonly at: string;
  readonly value: string;
  readonly place: Place;
}

function fieldsOf(run: Run): readonly Told[] {
  const sources = new FieldSources(run);
  return run.made.flatMap((made) => sources.fieldsOf(made).filter(({ path }) => path[1] !== "annotations").map(({ shown, value, place }) => ({ at: `${describeObject(made.object)} ${shown}`, value: JSON.stringify(value), place })));
}

function annotationsOf({ object }: Item): Mapping {
  return mappingAt(object, "metadata", "annotations");
}

function withoutAnnotation(item: Item, key: string): Item {
  const { [key]: _, ...annotations } = annotationsOf(item);
  return { ...item, object: { ...item.object, metadata: { ...mappingAt(item.object, "metadata"), annotations: { "istiomize.dev/enabled": "true", ...annotations } } } };
}

describe("every setting", () => {
  test("that counts became a field, or says why not", async () => {
    for (const { name, run, source } of await goldens) {
      for (const object of run.objects) {
        const { settings } = explainObject(run, object, source.diagnostics);
        for (const { key, became, why, sources } of settings) {
          assert.ok(became.length > 0 || (why ?? "") !== "", `${name}: ${describeObject(object)} ${key}`);
          assert.ok(sources.length > 0, `${name}: ${describeObject(object)} ${key} has a source`);
          assert.ok(sources.filter(({ status }) => status === "counts").length <= 1, `${name}: ${describeObject(object)} ${key} counts once`);
        }
      }
    }
  });
});

describe("what is printed", () => {
  test("fits a terminal of any width, and holds no control characters in a pipe", async () => {
    for (const { run, source } of await goldens) {
      for (const object of run.objects.filter((each) => kindOf(each) === "Service").slice(0, 2)) {
        const explained = explainObject(run, object, source.diagnostics);
        assert.doesNotMatch(writeExplanation(explained, source, { isColoured: false }), /[\u0000-\u0009\u000b-\u001f\u007f]/);
        for (const width of [40, 80, 120]) {
          const lines = writeExplanation(explained, source, { isColoured: false, width }).split("\n");
          const long = lines.filter((line) => [...line].length > width && line.trim().includes("  "));
          assert.deepEqual(long, [], `${width} columns`);
        }
      }
    }
  });

  test("is the same as JSON, whose fields are all there", async () => {
    const { run, source } = (await goldens).find(({ name }) => name === "explain/every-level") ?? (await goldens)[0]!;
    const service = run.objects.find((object) => kindOf(object) === "Service")!;
    const explained: Explanation = explainObject(run, service, source.diagnostics);
    const json = JSON.parse(JSON.stringify(toJson(explained, source))) as { readonly settings: readonly { readonly sources: readonly object[] }[]; readonly objects: readonly { readonly fields: readonly object[] }[] };
    assert.deepEqual(Object.keys(json), ["input", "resource", "role", "earlierNames", "notes", "settings", "objects", "diagnostics"]);
    assert.equal(json.settings.length, explained.settings.length);
    assert.deepEqual(json.objects.map(({ fields }) => fields.length), explained.objects.map(({ fields }) => fields.length));
  });
});

describe("columns", () => {
  const plain: Layout = { isColoured: false };
  const rows = [[{ text: "timeout" }, { text: "x".repeat(60), shrinks: true as const }, { text: "base/web.yaml:8:31" }]];

  test("are as wide as what stands in them, and cut only where the terminal is too narrow", () => {
    assert.deepEqual(writeColumns(rows, 0, plain), [`timeout  ${"x".repeat(60)}  base/web.yaml:8:31`]);
    assert.deepEqual(writeColumns(rows, 0, { ...plain, width: 60 }), [`timeout  ${"x".repeat(30)}…  base/web.yaml:8:31`]);
    assert.deepEqual(writeColumns(rows, 2, { ...plain, width: 40 }), ["  timeout", `      ${"x".repeat(33)}…`, "      base/web.yaml:8:31"]);
  });

  test("have the same width with colours as without", () => {
    const coloured = writeColumns([[{ text: "a", style: "bold" as const }, { text: "b" }], [{ text: "long" }, { text: "c" }]], 0, { isColoured: true });
    assert.deepEqual(coloured.map((line) => line.replace(/\u001b\[[0-9;]*m/g, "")), ["a     b", "long  c"]);
  });

  test("show what a terminal would take for a command as text", () => {
    assert.equal(oneLine("a\u001b[31m\nb\u202e"), JSON.stringify("a\u001b[31m\nb").slice(0, -1) + "\\u202e\"");
  });

  test("break text between words only", () => {
    assert.deepEqual(wrap("one two three-and-a-very-long-word four", 2, { ...plain, width: 18 }), ["  one two", "  three-and-a-very-long-word", "  four"]);
  });
});

describe("a topic", () => {
  test("is an object by kind and name, with short names of kinds and with a namespace", () => {
    assert.deepEqual(readTopic("Service/web"), { object: { kind: "Service", name: "web" } });
    assert.deepEqual(readTopic("svc/shop/web"), { object: { kind: "Service", name: "web", namespace: "shop" } });
    assert.deepEqual(readTopic("deployments/web"), { object: { kind: "Deployment", name: "web" } });
    assert.match((readTopic("Sevrice/web") as { unknown: string }).unknown, /did you mean Service\/web\?/);
    assert.match((readTopic("Service/a/b/c") as { unknown: string }).unknown, /Service\/name or Service\/namespace\/name/);
  });

  test("is a setting, by each name that people know it by", () => {
    for (const [written, name] of [
      ["timeout", "timeout"], ["istiomize.dev/timeout", "timeout"], ["retryAttempts", "retry-attempts"], ["port.8080.timeout", "timeout"], ["istiomize.dev/gateway.public.hosts", "gateway-hosts"],
      ["gateway.mesh.hosts", "hosts"], ["spec.defaults.retryAttempts", "retry-attempts"], ["spec.gateways.public.defaults.timeout", "timeout"], ["spec.targets.cache.set.port.8080.maxConnections", "max-connections"],
      ["match.canary", "match.<dest>"], ["perTryTimeout", "retry-per-try-timeout"], ["http2MaxRequests", "max-requests"], ["VirtualService.spec.http.timeout", "timeout"], ["spec.http[].retries.attempts", "retry-attempts"],
      ["VirtualService spec.http[0].timeout", "timeout"], ["connectionPool.tcp.maxConnections", "max-connections"], ["TIMEOUT", "timeout"], ["route[].weight", "weights"],
    ] as const) assert.equal((readTopic(written) as { setting?: string }).setting, name, written);
  });

  test("is a field of the ServiceMesh, whatever names people chose in it", () => {
    for (const [written, path] of [["spec.gateways.public.hosts", "spec.gateways.<name>.hosts"], ["gateways.public.tls.credentialName", "spec.gateways.<name>.tls.credentialName"], ["spec.mtls", "spec.mtls"], ["spec", "spec"]] as const) {
      assert.equal((readTopic(written) as { field?: { path: readonly string[] } }).field?.path.join("."), path, written);
    }
    assert.match((readTopic("spec.gateways.public.host") as { unknown: string }).unknown, /did you mean spec\.gateways\.<name>\.hosts\?/);
  });

  test("finds every annotation by its own name, with its example's scope too", () => {
    for (const name of settingNames) assert.equal((readTopic(name) as { setting?: string }).setting, name);
  });
});

describe("a code", () => {
  test("shows a message that a golden raises", () => {
    const messages = readMessages();
    const without = Object.keys(catalogue).filter((code) => messages[code] === undefined);
    assert.ok(Object.keys(messages).length > 100, "the page of codes holds messages");
    assert.ok(without.every((code) => !Object.hasOwn(messages, code)));
    for (const [code, message] of Object.entries(messages)) assert.match(message, /^ {2}(resource|for|in|read|expected|help) /, code);
  });
});

test("an object is found by the name from before a prefix, and by its namespace", async () => {
  const text = ["shop", "bank"].map((namespace) => `apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: ${namespace}}\nspec: {ports: [{port: 80}]}\n`).join("---\n");
  const { leaves } = await readInput(text, "input.yaml");
  const { run } = await traceRun({ items: leaves.map(({ item }) => ({ ...item, earlier: [{ name: "plain", namespace: "" }] })) });
  assert.equal(findObjects(run!, { kind: "Service", name: "web" }).length, 2);
  assert.deepEqual(findObjects(run!, { kind: "Service", name: "web", namespace: "bank" }).map(describeObject), ["Service bank/web"]);
  assert.equal(findObjects(run!, { kind: "Service", name: "plain" }).length, 2);
});
