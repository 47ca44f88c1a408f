import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { CORE_SCHEMA, load as loadWith, loadAll as loadAllWith, types } from "js-yaml";
import { isAlias, isMap, isScalar, LineCounter, parseAllDocuments, parseDocument, type Pair, type YAMLMap } from "yaml";
import "./support/version.ts";
import { readDuration, writeDuration } from "../generators/kube/duration.ts";
import { asMapping, generatedFrom, kindOf, mappingAt, type KubeObject, type Mapping } from "../generators/kube/object.ts";
import { readChunk, splitBlock, splitStream } from "../plugin/chunks.ts";
import { editText } from "../plugin/edit.ts";
import { splitFlow } from "../plugin/flow.ts";
import { runFunction, type FunctionInput, type FunctionOutput } from "../plugin/krm.ts";
import { tree, writeResourceList, writeStream, writeYaml, type Tree } from "./support/trees.ts";
import { anyFlow, anyNode, entry, mapping, plain, scalarTexts, textMap, writeDocument, type Entry, type Node } from "./support/yaml-text.ts";

/**
 * A change is judged on the same trees as the one before it, so the seed is fixed; to look for new faults,
 * `ISTIOMIZE_SEED=random ISTIOMIZE_RUNS=20 npm test -- properties` runs each property twenty times as often on others.
 * A failure prints its seed and path, which `ISTIOMIZE_SEED` and `ISTIOMIZE_PATH` repeat.
 */
const factor = Number(process.env["ISTIOMIZE_RUNS"] ?? 1);
const { ISTIOMIZE_SEED: asked = "20261121", ISTIOMIZE_PATH: path } = process.env;
const seed = asked === "random" ? undefined : Number(asked);

function often(runs: number): fc.Parameters<unknown> {
  return { numRuns: Math.ceil(runs * factor), includeErrorInReport: true, ...(seed !== undefined && { seed }), ...(path !== undefined && { path }) };
}

/** Kubernetes has no dates: what looks like one is a text. */
const schema = CORE_SCHEMA.extend({ implicit: [types.merge] });
const load = (text: string): unknown => loadWith(text, { schema });
const loadAll = (text: string): readonly unknown[] => loadAllWith(text, null, { schema });

const run = (input: Omit<FunctionInput, "name">): Promise<FunctionOutput> => runFunction({ ...input, name: "<stdin>" });

/** The objects of a text, each as JSON with its keys sorted, in one order. */
function objectsOf(text: string): readonly string[] {
  const sorted = (value: unknown): unknown => Array.isArray(value) ? value.map(sorted)
    : asMapping(value) ? Object.fromEntries(Object.entries(value as Mapping).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)])) : value;
  return loadAll(text).filter((object) => object !== null && object !== undefined).map((object) => JSON.stringify(sorted(object))).sort();
}

/** How many runs of a property were of the kind that it is about; a generator gone stale would make it say nothing. */
class Tally {
  #all = 0;
  #hits = 0;
  count(hit: boolean): boolean {
    this.#all++;
    if (hit) this.#hits++;
    return hit;
  }
  assertMost(share: number): void {
    if (path === undefined) assert.ok(this.#hits >= this.#all * share, `only ${this.#hits} of ${this.#all} runs were of use`);
  }
}

/** A tree that was refused: nothing half-made may come out. */
function isRefused(output: FunctionOutput, tally: Tally): boolean {
  if (tally.count(output.exitCode === 0)) return false;
  assert.ok(output.diagnostics.some(({ severity }) => severity === "error"), "an exit code of 1 has an error to show");
  return true;
}

const style = fc.constantFrom("block" as const, "block" as const, "flow" as const);

describe("running twice is running once", () => {
  test("on a stream that held its ServiceMesh, or none", async () => {
    const tally = new Tally();
    await fc.assert(fc.asyncProperty(tree, style, async ({ objects, mesh }, written) => {
      const first = await run({ text: writeStream([...(mesh ? [mesh] : []), ...objects], written) });
      if (isRefused(first, tally)) return assert.equal(first.text, "");
      // A profile needs its ServiceMesh: where nothing was made that names it, the second pass refuses the name.
      if (!first.text.includes(generatedFrom) && first.text.includes("istiomize.dev/profile")) return;
      const second = await run({ text: first.text });
      assert.deepEqual([second.text, second.exitCode], [first.text, 0]);
    }), often(250));
    tally.assertMost(0.6);
  });

  test("with the ServiceMesh as config file of the older plugin form", async () => {
    await withConfig((text, config) => run({ text, config }), (objects) => writeStream(objects));
  });

  test("with the ServiceMesh as function config of a ResourceList", async () => {
    await withConfig((text) => run({ text }), (objects, mesh) => writeResourceList(objects, mesh, "plugin"));
  });

  test("on a package whose files are written back", async () => {
    await withConfig((text) => run({ text }), (objects, mesh) => writeResourceList([mesh, ...objects], undefined, "package"));
  });

  async function withConfig(make: (text: string, config: string) => Promise<FunctionOutput>, write: (objects: readonly KubeObject[], mesh: KubeObject) => string): Promise<void> {
    const tally = new Tally();
    await fc.assert(fc.asyncProperty(tree.filter(({ mesh }) => mesh !== undefined), async (each) => {
      const { objects, mesh } = each as Required<Tree>;
      const config = writeYaml(mesh);
      const first = await make(write(objects, mesh), config);
      if (isRefused(first, tally)) return;
      const once = withoutResults(first.text);
      const second = await make(once, config);
      assert.deepEqual([withoutResults(second.text), second.exitCode], [once, 0]);
    }), often(100));
    tally.assertMost(0.6);
  }

  /** Callers take `results` off before they run the next function. */
  function withoutResults(text: string): string {
    return text.replace(/^results:\n(?:[- ].*\n)*/m, "");
  }
});

describe("the order of the input", () => {
  test("does not change the objects that come out", async () => {
    const tally = new Tally();
    const shuffled = tree.chain((each) => {
      const all = [...(each.mesh ? [each.mesh] : []), ...each.objects];
      return fc.record({ all: fc.constant(all), mixed: fc.shuffledSubarray(all, { minLength: all.length }) });
    });
    await fc.assert(fc.asyncProperty(shuffled, async ({ all, mixed }) => {
      const [one, other] = [await run({ text: writeStream(all) }), await run({ text: writeStream(mixed) })];
      const codes = ({ diagnostics }: FunctionOutput): readonly string[] => diagnostics.map(({ code, severity }) => `${severity} ${code}`).sort();
      assert.deepEqual(codes(other), codes(one));
      assert.deepEqual([objectsOf(other.text), other.exitCode], [objectsOf(one.text), one.exitCode]);
      isRefused(one, tally);
    }), often(150));
    tally.assertMost(0.6);
  });
});

/** Kinds that are read and kinds that pass by, none with an annotation of ours. */
const kinds = ["ConfigMap", "Service", "Deployment", "Namespace", "CronJob", "VirtualService", "Widget", "Kustomization", "Secret"];
const groups: { readonly [kind: string]: string } = { Deployment: "apps/v1", CronJob: "batch/v1", VirtualService: "networking.istio.io/v1", Widget: "example.com/v1", Kustomization: "kustomize.config.k8s.io/v1beta1" };

/** The text of one object: its identity written plainly, everything else as it comes. `numbered` gives it its name. */
const objectText: fc.Arbitrary<string> = fc.record({
  kind: fc.constantFrom(...kinds), labels: fc.option(textMap, { nil: undefined }), rest: fc.array(anyNode, { maxLength: 3 }), isFlow: fc.boolean(), flow: anyFlow,
}).map(({ kind, labels, rest, isFlow, flow }) => {
  const fields = kind === "ConfigMap" || kind === "Secret" ? ["data", "x-one", "immutable"] : ["spec", "x-one", "status"];
  const metadata = mapping([entry("name", plain("NAME")), ...(labels ? [entry("labels", labels)] : [])]);
  return writeDocument(mapping([
    entry("apiVersion", plain(groups[kind] ?? "v1")), entry("kind", plain(kind)), entry("metadata", metadata),
    ...rest.map((value, i) => entry(fields[i]!, isFlow && i === 0 ? flow : value)),
  ]) as Node & { kind: "map" });
});

const objectTexts = (maxLength: number): fc.Arbitrary<readonly string[]> =>
  fc.array(objectText, { minLength: 1, maxLength }).map((texts) => texts.map((text, i) => text.replace("NAME", `n-${i}`)));

/** Documents joined in the ways that tools and people join them. */
const anyStream: fc.Arbitrary<string> = fc.record({
  documents: objectTexts(4),
  marker: fc.constantFrom("---\n", "---\n# Source: chart/templates/x.yaml\n", "--- # next\n", "---   \n\n", "...\n---\n"),
  head: fc.constantFrom("", "", "---\n", "# licence\n", "# licence\n---\n", "\n\n", "%YAML 1.2\n---\n", "\ufeff"),
  end: fc.constantFrom("", "", "---\n", "---\n# nothing\n", "\n\n", "..."),
  eol: fc.constantFrom("\n", "\n", "\r\n"),
  cut: fc.boolean(),
}).map(({ documents, marker, head, end, eol, cut }) => {
  const whole = head + documents.join(marker) + end;
  return (cut ? whole.replace(/\n+$/, "") : whole).replaceAll("\n", eol);
});

describe("what carries no annotation", () => {
  test("comes out of a stream byte for byte", async () => {
    await fc.assert(fc.asyncProperty(anyStream, async (text) => {
      const output = await run({ text });
      assert.deepEqual([output.diagnostics.filter(({ severity }) => severity === "error"), output.exitCode], [[], 0]);
      assert.equal(output.text, text);
    }), often(300));
  });

  test("stays byte for byte beside a Service that is meshed, and a ServiceMesh that is taken out", async () => {
    const meshed = "apiVersion: v1\nkind: Service\nmetadata: {name: meshed, annotations: {istiomize.dev/timeout: 5s}}   # keep\nspec:\n  selector: {app: meshed}\n  ports: [{port: 80, name: http}]\n";
    const mesh = "apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata: {name: m}\nspec: {istioVersion: '1.27'}\n";
    await fc.assert(fc.asyncProperty(objectTexts(3), fc.nat(9), fc.nat(9), fc.constantFrom("\n", "\r\n"), async (documents, at, meshAt, eol) => {
      const parts = [...documents];
      parts.splice(at % (parts.length + 1), 0, meshed);
      const kept = parts.map((text) => `---\n${text}`.replaceAll("\n", eol));
      const input = [...kept];
      input.splice(meshAt % (input.length + 1), 0, `---\n${mesh}`.replaceAll("\n", eol));
      const output = await run({ text: input.join("") });
      assert.deepEqual(output.diagnostics.filter(({ severity }) => severity === "error"), []);
      assert.ok(output.text.startsWith(kept.join("")), "what came in comes out first, unchanged");
      const added = output.text.slice(kept.join("").length);
      assert.deepEqual(loadAll(added).filter(Boolean).map((object) => kindOf(object as KubeObject)), ["VirtualService"]);
      assert.equal(added.replaceAll(eol, "").includes(eol === "\n" ? "\r" : "\n"), false, "line ends as in the input");
    }), often(300));
  });

  test("comes out of a ResourceList byte for byte, however its items are indented", async () => {
    await fc.assert(fc.asyncProperty(anyList, async (text) => {
      const output = await run({ text });
      assert.deepEqual([output.diagnostics.filter(({ severity }) => severity === "error"), output.exitCode], [[], 0]);
      assert.equal(output.text, text);
    }), often(300));
  });

  test("comes out of a ResourceList in JSON byte for byte", async () => {
    await fc.assert(fc.asyncProperty(tree, fc.constantFrom(0, 2), async ({ objects }, indent) => {
      const bare = objects.map((object) => ({ ...object, metadata: { name: (object["metadata"] as KubeObject)["name"], namespace: kindOf(object) === "Namespace" ? undefined : "shop" } }))
        .filter((object, i, all) => all.findIndex((each) => kindOf(each) === kindOf(object) && each.metadata.name === object.metadata.name) === i);
      const text = JSON.stringify({ apiVersion: "config.kubernetes.io/v1", kind: "ResourceList", items: bare }, null, indent);
      const output = await run({ text });
      assert.deepEqual([output.exitCode, output.text], [0, text]);
    }), often(40));
  });
});

describe("a Namespace of a meshed workload", () => {
  const service = { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "shop", annotations: { "istiomize.dev/timeout": "5s" } }, spec: { selector: { app: "web" }, ports: [{ port: 80, name: "http" }] } };
  const deployment = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "shop" }, spec: { selector: { matchLabels: { app: "web" } }, template: { metadata: { labels: { app: "web" } } } } };
  const namespace = fc.record({ labels: fc.option(textMap, { nil: undefined }), isNameLast: fc.boolean(), rest: fc.array(anyNode, { maxLength: 1 }) }).map(({ labels, isNameLast, rest }) => {
    const name = entry("name", plain("shop"));
    const others = labels ? [entry("labels", labels)] : [];
    return writeDocument(mapping([
      entry("apiVersion", plain("v1")), entry("kind", plain("Namespace")), entry("metadata", mapping(isNameLast ? [...others, name] : [name, ...others])), ...rest.map((value) => entry("spec", value)),
    ]) as Node & { kind: "map" });
  });

  test("gets its label in whatever style it is written, in a stream and as an item, and nothing else changes", async () => {
    await fc.assert(fc.asyncProperty(namespace, fc.boolean(), fc.constantFrom("\n", "\r\n"), async (text, isList, eol) => {
      const rest = [deployment, service].map(writeYaml);
      const item = (document: string): string => `- ${document.replace(/^(?=.)/gm, "  ").slice(2)}`;
      const input = (isList ? `apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n${[text, ...rest].map(item).join("")}` : [text, ...rest].join("---\n")).replaceAll("\n", eol);
      const output = await run({ text: input });
      const objects = (whole: string): readonly unknown[] => (isList ? (load(whole) as { items: readonly unknown[] }).items : loadAll(whole));
      const [before, ...others] = objects(input);
      const [after, ...same] = objects(output.text);
      assert.deepEqual(after, withField(before, ["metadata", "labels", "istio-injection"], "enabled"));
      assert.deepEqual(same.slice(0, 2), others);
      assert.deepEqual(same.slice(2).map((object) => kindOf(object as KubeObject)), ["VirtualService"]);
    }), often(300));
  });
});

/** A ResourceList in block style whose items are random documents, its keys in any order. */
const anyList: fc.Arbitrary<string> = fc.record({
  documents: objectTexts(4),
  step: fc.constantFrom(0, 2, 4), gap: fc.constantFrom(1, 3), ownLine: fc.boolean(), isKindLast: fc.boolean(), isCommented: fc.boolean(), eol: fc.constantFrom("\n", "\r\n"), cut: fc.boolean(),
}).map(({ documents, step, gap, ownLine, isKindLast, isCommented, eol, cut }) => {
  const pad = " ".repeat(step + 1 + gap);
  const items = documents.map((document) => {
    const shifted = document.replace(/^(?=.)/gm, pad);
    return `${isCommented ? `${" ".repeat(step)}# one more\n` : ""}${" ".repeat(step)}-${ownLine ? "\n" + shifted : shifted.slice(step + 1)}`;
  });
  const kind = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n";
  const whole = `${isKindLast ? "" : kind}items:\n${items.join("")}${isKindLast ? kind : ""}`;
  return (cut && isKindLast ? whole.replace(/\n$/, "") : whole).replaceAll("\n", eol);
});

const noise = fc.array(fc.constantFrom("---\n", "---", "--- x\n", "...\n", "a: b\n", "  - c\n", "- d\n", "items:\n", "items: # x\n", "\n", "# e\n", "  # f\n", "\r\n", "\t\n", "---\r\n", "- |\n", "    ---\n", "é\n", "\ufeff", "kind: X", "-\n", "  g: h\n"), { maxLength: 20 }).map((lines) => lines.join(""));

describe("cutting text into objects", () => {
  const join = ({ head, chunks, tail }: { head: string; chunks: readonly { before: string; text: string }[]; tail: string }): string =>
    head + chunks.map(({ before, text }) => before + text).join("") + tail;

  test("a stream joins to the same bytes, whatever it holds", () => {
    fc.assert(fc.property(fc.oneof(noise, anyStream, fc.string({ unit: "grapheme" })), (text) => {
      assert.equal(join(splitStream(text)), text);
    }), often(400));
  });

  test("a stream is cut where YAML's documents begin", () => {
    fc.assert(fc.property(anyStream, (text) => {
      const ours = splitStream(text).chunks.map((chunk) => readChunk(chunk)).filter((value) => value !== undefined && value !== null);
      assert.deepEqual(ours, loadAll(text).filter((value) => value !== undefined && value !== null));
    }), often(300));
  });

  test("a list joins to the same bytes, whatever it holds", () => {
    fc.assert(fc.property(fc.oneof(noise.map((text) => `items:\n${text}`), anyList), (text) => {
      const chunk = splitStream(text).chunks[0]!;
      const frame = splitBlock(chunk);
      if (frame) assert.equal(join(frame), chunk.text);
    }), often(400));
  });

  test("a list is cut at its items, each at its line", () => {
    fc.assert(fc.property(anyList, (text) => {
      const frame = splitBlock(splitStream(text).chunks[0]!);
      assert.ok(frame, "a list in block style is cut by lines");
      assert.deepEqual(frame.chunks.map((chunk) => readChunk(chunk)), itemsOf(text));
      for (const { line, text: piece } of frame.chunks) assert.ok(text.split("\n").slice(line).join("\n").startsWith(piece), "the line of an item is where it stands");
    }), often(300));
  });

  test("a list in flow style is cut at its items and joins to the same bytes", () => {
    fc.assert(fc.property(fc.array(anyFlow, { maxLength: 4 }), fc.constantFrom("", "\n  "), (values, eol) => {
      const items = writeDocument(mapping([entry("items", { kind: "flow-list", items: values, broken: eol !== "" }), entry("kind", plain("List"))]) as Node & { kind: "map" });
      const [chunk] = splitStream(items).chunks;
      const frame = splitFlow(chunk!);
      assert.ok(frame);
      assert.equal(join(frame), items);
      assert.deepEqual(frame.chunks.map((each) => readChunk(each)), itemsOf(items));
    }), often(300));
  });

  function itemsOf(text: string): unknown {
    return (load(text) as { items: unknown }).items;
  }
});

describe("durations", () => {
  test("survive number → text → number", () => {
    fc.assert(fc.property(fc.oneof(fc.nat(10_000), fc.nat(100_000_000_000)), (milliseconds) => {
      assert.equal(readDuration(writeDuration(milliseconds)), milliseconds);
    }), often(500));
  });

  test("survive text → number → text → number, in every way of writing them", () => {
    const part = fc.tuple(fc.oneof(fc.nat(1000).map(String), fc.tuple(fc.nat(99), fc.constantFrom("5", "25", "125")).map(([whole, rest]) => `${whole}.${rest}`)), fc.constantFrom("h", "m", "s", "ms")).map((pair) => pair.join(""));
    fc.assert(fc.property(fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("")), (text) => {
      const milliseconds = readDuration(text);
      if (milliseconds === undefined) return assert.match(text, /\d\.\d+ms/, "only a fraction of a millisecond is refused");
      const again = writeDuration(milliseconds);
      assert.equal(readDuration(again), milliseconds);
      assert.equal(writeDuration(readDuration(again)!), again, "what is written is written the same again");
    }), often(500));
  });
});

describe("what istiomize writes", () => {
  /** The three kinds of YAML that will read it: js-yaml, YAML 1.2, and YAML 1.1 as kubectl and kustomize read it. */
  function readAll(text: string): readonly (readonly unknown[])[] {
    const parse = (version: "1.1" | "1.2"): readonly unknown[] => parseAllDocuments(text, { version, logLevel: "error" }).map((document) => {
      assert.deepEqual(document.errors, []);
      return document.toJS() as unknown;
    });
    return [loadAll(text), parse("1.2"), parse("1.1")];
  }

  function isMade(object: unknown): boolean {
    return Object.hasOwn(mappingAt(object, "metadata", "annotations"), generatedFrom);
  }

  test("is read by yaml as by js-yaml", async () => {
    const tally = new Tally();
    await fc.assert(fc.asyncProperty(tree, async ({ objects, mesh }) => {
      const output = await run({ text: writeStream([...(mesh ? [mesh] : []), ...objects]) });
      if (isRefused(output, tally)) return;
      const [ours, core, old] = readAll(output.text).map((documents) => documents.filter(isMade));
      assert.deepEqual(core, ours);
      assert.deepEqual(old, ours);
    }), often(120));
    tally.assertMost(0.6);
  });

  const awkward = fc.oneof(
    fc.constantFrom(...scalarTexts, "y", "n", "No", "OFF", "=", "<<", "0o17", "0b11", "190:20:30", "1_000.5", "+.inf", ".NaN", "2001-12-14t21:59:43.10-05:00", "a: b", "a #b", "- a", "? a", "| a", "> a", "% a", "@a", "`a`", "&a", "*a", "!a", "{a", "[a", "a\nb", "a\n", "\na", " a", "a ", "\ta", "a\r\nb", "---", "...", "--- a", "a:", ":a", ",", "null ", "Null", "\u0085", "\u2028", "\u00a0", "\u0007", "\u007f", "\ufeff", "🚀", "'", '"', "\\", "\\n"),
    fc.string({ unit: "grapheme", maxLength: 20 }), fc.string({ unit: "binary-ascii", maxLength: 10 }), fc.stringMatching(/^[-+0-9._:eExXoObTZ]{1,12}$/),
  ).filter((text) => !/^e[-+]?\d+$/i.test(text)); // `yaml` takes E0 for a number in YAML 1.1; neither its specification nor Go does

  test("keeps every text a text, for readers of YAML 1.1 and 1.2 alike", async () => {
    await fc.assert(fc.asyncProperty(fc.dictionary(fc.constantFrom("a", "b.c/d", "0644", "yes"), awkward, { minKeys: 1, noNullPrototype: true }), async (annotations) => {
      const service = { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "shop", annotations: { "istiomize.dev/timeout": "5s" } }, spec: { selector: { app: "web" }, ports: [{ port: 80, name: "http" }] } };
      const config = JSON.stringify({ apiVersion: "istiomize.dev/v1alpha1", kind: "ServiceMesh", metadata: { name: "m" }, spec: { metadata: { annotations } } })
        .replace(/[\u007f-\uffff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
      const output = await run({ text: writeStream([service]), config });
      assert.equal(output.exitCode, 0);
      for (const documents of readAll(output.text)) {
        const { [generatedFrom]: _, ...own } = mappingAt(documents.find(isMade), "metadata", "annotations");
        assert.deepEqual(own, annotations);
      }
    }), often(300));
  });
});

// ---- editing one field of a document

type Path = readonly string[];

/** One edit of a text: set a field, or take one out. */
interface Editing {
  readonly text: string;
  readonly path: Path;
  readonly value: string | undefined;
}

/** A Deployment-like document in random styles; labels and annotations stand where istiomize edits them. */
const editable: fc.Arbitrary<string> = fc.record({
  above: fc.array(anyNode, { maxLength: 1 }), labels: fc.option(textMap, { nil: undefined }), annotations: fc.option(textMap, { nil: undefined }), podLabels: fc.option(textMap, { nil: undefined }),
  metadata: fc.constantFrom("block", "flow", "absent"), behind: fc.array(anyNode, { maxLength: 2 }), step: fc.constantFrom(2, 4), isTemplateFirst: fc.boolean(), isFlow: fc.boolean(),
  eol: fc.constantFrom("\n", "\n", "\r\n"), head: fc.constantFrom("", "---\n", "# top\n", "\n# top\n\n"), cut: fc.boolean(),
}).map((parts) => {
  const { step } = parts;
  const optional = (key: string, value: Node | undefined): Entry[] => (value ? [entry(key, value)] : []);
  const template = entry("template", mapping([entry("metadata", mapping([...optional("labels", parts.podLabels), entry("name", plain("pod"))], step))], step));
  const rest = parts.behind.map((value, i) => entry(`field${i}`, value));
  const spec = mapping(parts.isTemplateFirst ? [template, ...rest] : [...rest, template], step);
  const metadata = parts.metadata === "flow"
    ? entry("metadata", { kind: "flow-map", padded: parts.isFlow, broken: parts.cut, entries: [entry("name", plain("web")), ...optional("labels", flowOnly(parts.labels))] })
    : entry("metadata", mapping([entry("name", plain("web")), ...optional("labels", parts.labels), ...optional("annotations", parts.annotations)], step));
  const text = parts.head + writeDocument(mapping([
    entry("kind", plain("Deployment")), ...parts.above.map((value) => entry("x-shared", value)), ...(parts.metadata === "absent" ? [] : [metadata]), entry("spec", spec),
  ]) as Node & { kind: "map" });
  return (parts.cut ? text.replace(/\n$/, "") : text).replaceAll("\n", parts.eol);
});

function flowOnly(node: Node | undefined): Node | undefined {
  return node?.kind === "flow-map" ? node : node && { kind: "flow-map", padded: false, broken: false, entries: [entry("app", plain("web"))] };
}

const homes: readonly Path[] = [["metadata", "labels"], ["metadata", "annotations"], ["spec", "template", "metadata", "labels"], ["spec", "template", "metadata", "annotations"]];
const newKeys = ["istio-injection", "sidecar.istio.io/inject", "proxy.istio.io/config", "istio.io/rev"];
const newValues = ["enabled", "true", "0644", "a: b # c", "x\ny\n", '{"a":1}', "", "größe", "istio-1-27"];

const editing: fc.Arbitrary<Editing> = fc.record({ text: editable, home: fc.constantFrom(...homes), pick: fc.nat(9), key: fc.constantFrom(...newKeys), value: fc.constantFrom(...newValues), isRemoval: fc.boolean(), isNew: fc.boolean() })
  .map(({ text, home, pick, key, value, isRemoval, isNew }) => {
    const present = Object.entries(asMapping(valueAt(load(text), home)) ?? {}).filter(([, old]) => typeof old !== "object").map(([name]) => name);
    const chosen = present.length > 0 && !isNew ? present[pick % present.length]! : key;
    return { text, path: [...home, chosen], value: isRemoval ? undefined : value };
  });

function valueAt(value: unknown, at: Path): unknown {
  return at.reduce<unknown>((found, key) => asMapping(found)?.[key], value);
}

/** The same value with one field set or taken out; nothing that it shares with the old one is changed. */
function withField(value: unknown, [key, ...rest]: Path, text: string | undefined): unknown {
  const old = asMapping(value);
  if (text === undefined && (!old || !Object.hasOwn(old, key!))) return value;
  if (rest.length > 0) return { ...old, [key!]: withField(old?.[key!], rest, text) };
  const { [key!]: _, ...others } = old ?? {};
  return text === undefined ? others : { ...old, [key!]: text };
}

/** First and last line, from 0, of what an edit may touch: the field, or the nearest mapping above it that is not block style. */
function linesToTouch({ text, path: at, value }: Editing): readonly [number, number] | undefined {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, logLevel: "silent", schema: "failsafe" });
  const linesOf = (from: number, to: number): readonly [number, number] => [counter.linePos(from).line - 1, counter.linePos(Math.max(from, to - 1)).line - 1];
  let node: unknown = document.contents;
  let above: readonly [number, number] | undefined;
  for (const [i, key] of at.entries()) {
    if (!isMap(node)) return above;
    const map: YAMLMap = node;
    const pair: Pair | undefined = map.items.find((each) => isScalar(each.key) && each.key.value === key);
    const ownLines = map.range ? linesOf(map.range[0], map.range[1]) : undefined;
    if (!pair) return value !== undefined && (map.flow || map.items.length === 0) ? above && ownLines ? [above[0], ownLines[1]] : ownLines : undefined;
    const start = (pair.key as { range: [number, number, number] }).range[0];
    const end = (pair.value as { range?: [number, number, number] } | null)?.range?.[1] ?? start + 1;
    // A flow mapping that loses its last entry, or a block one that loses its only one, is written as {}.
    if (i === at.length - 1) return map.flow && ownLines ? ownLines : linesOf(start, Math.max(end, start + 1));
    above = isMap(pair.value) && !pair.value.flow ? linesOf(start, start + 1) : linesOf(start, Math.max(end, start + 1));
    if (isAlias(pair.value)) return above;
    node = pair.value;
  }
  return above;
}

/** The lines that differ once what is equal at the start and at the end is left out: those of `before`, [from, to). */
function changedLines(before: string, after: string): readonly [number, number] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  return [start, a.length - end];
}

describe("changing one field of a document", () => {
  test("changes that field, and no other value", () => {
    fc.assert(fc.property(editing, (edit) => {
      const after = editText(edit.text, [edit]);
      assert.deepEqual(load(after), withField(load(edit.text), edit.path, edit.value), after);
    }), often(1200));
  });

  test("leaves every other line as it was, unless an alias had to be written out", () => {
    fc.assert(fc.property(editing, (edit) => {
      if (edit.text.includes("*")) return; // an alias of the changed mapping keeps its value, in words
      const after = editText(edit.text, [edit]);
      const [from, to] = changedLines(edit.text, after);
      const allowed = linesToTouch(edit);
      if (from < to) assert.ok(allowed && from >= allowed[0] && to - 1 <= allowed[1], `lines ${from}–${to - 1} changed, ${allowed ? `only ${allowed.join("–")} hold the field` : "none holds the field"}:\n${after}`);
    }), often(1200));
  });

  test("keeps the line ends of the document", () => {
    fc.assert(fc.property(editing, (edit) => {
      const after = editText(edit.text, [edit]);
      if (edit.text.includes("\r\n")) assert.doesNotMatch(after, /[^\r]\n/);
      else assert.doesNotMatch(after, /\r/);
    }), often(500));
  });

  test("several at once give what one after the other gives", () => {
    const two = fc.record({ one: editing, key: fc.constantFrom(...newKeys), value: fc.constantFrom(...newValues) });
    fc.assert(fc.property(two, ({ one, key, value }) => {
      const other = { path: [...one.path.slice(0, -1), `${key}-2`], value };
      const after = load(editText(one.text, [one, other]));
      assert.deepEqual(after, withField(withField(load(one.text), one.path, one.value), other.path, other.value));
    }), often(500));
  });

  test("does not reach what shares a mapping through an alias", () => {
    const shared = "spec:\n  template:\n    metadata:\n      labels: &labels {app: web}\n  selector:\n    matchLabels: *labels\n";
    const block = "spec:\n  template:\n    metadata:\n      labels: &labels\n        app: web\n  selector:\n    matchLabels: *labels\n";
    for (const text of [shared, block]) {
      const path = ["spec", "template", "metadata", "labels", "sidecar.istio.io/inject"];
      const after = load(editText(text, [{ path, value: "false" }]));
      assert.deepEqual(after, withField(load(text), path, "false"), "the selector of a Deployment must stay as it is");
    }
  });

  test("keeps what a merge key brings in", () => {
    const text = "x: &common\n  team: one\nmetadata:\n  labels:\n    <<: *common\n    app: web\n";
    const path = ["metadata", "labels", "istio-injection"];
    assert.deepEqual(load(editText(text, [{ path, value: "enabled" }])), withField(load(text), path, "enabled"));
    const over = "x: &common\n  labels: {team: one}\nmetadata:\n  <<: *common\n  name: web\n";
    assert.deepEqual(load(editText(over, [{ path, value: "enabled" }])), withField(load(over), path, "enabled"));
  });
});
