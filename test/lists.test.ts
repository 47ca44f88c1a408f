import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { loadAll } from "js-yaml";
import { parseAllDocuments } from "yaml";
import { editLists, type ListEdit } from "../plugin/tree/lists.ts";
import { often } from "./support/often.ts";

const add = (text: string, ...entries: readonly string[]): string => editLists(text, [{ field: "resources", remove: () => false, add: entries }]);
const remove = (text: string, ...entries: readonly string[]): string => editLists(text, [{ field: "resources", remove: (entry) => entries.includes(entry), add: [] }]);

/** Adding gives the second text, and taking out what was added the first one again. */
function assertBothWays(before: string, after: string, ...entries: readonly string[]): void {
  assert.equal(add(before, ...entries), after);
  assert.equal(remove(after, ...entries), before);
  assert.equal(add(after, ...entries), after);
}

describe("a list of a kustomization", () => {
  test("in block style grows in the style of its last entry, above the comments below it", () => {
    assertBothWays("resources:\n- a.yaml\n", "resources:\n- a.yaml\n- b.yaml\n- c.yaml\n", "b.yaml", "c.yaml");
    assertBothWays("resources: # ours\n  # first\n  -   \"a.yaml\" # why\n  # more to come\n\nnamespace: shop\n", "resources: # ours\n  # first\n  -   \"a.yaml\" # why\n  -   b.yaml\n  # more to come\n\nnamespace: shop\n", "b.yaml");
    assertBothWays("resources:\n- |-\n  kind: A\n\n# next\nx: y\n", "resources:\n- |-\n  kind: A\n- b.yaml\n\n# next\nx: y\n", "b.yaml");
    assertBothWays("resources:\n- |+\n  kind: A\n\n# next\nx: y\n", "resources:\n- |+\n  kind: A\n\n- b.yaml\n# next\nx: y\n", "b.yaml");
  });

  test("in flow style grows before its bracket, on one line or on many", () => {
    assertBothWays("resources: []\n", "resources: [b.yaml]\n", "b.yaml");
    assertBothWays("resources: [ ] # none\n", "resources: [b.yaml, c.yaml ] # none\n", "b.yaml", "c.yaml");
    assertBothWays("resources: [a.yaml]\n", "resources: [a.yaml, b.yaml, c.yaml]\n", "b.yaml", "c.yaml");
    assertBothWays("resources: [ a.yaml,c.yaml, ]\n", "resources: [ a.yaml,c.yaml,b.yaml, ]\n", "b.yaml");
    assertBothWays("resources: [\n  a.yaml, # one\n  c.yaml # two\n] # end\n", "resources: [\n  a.yaml, # one\n  c.yaml, # two\n  b.yaml\n] # end\n", "b.yaml");
    assertBothWays("resources: [\n  a.yaml,\n\n  # last\n]\n", "resources: [\n  a.yaml,\n  b.yaml,\n\n  # last\n]\n", "b.yaml");
    assertBothWays("resources: [a.yaml,\n            c.yaml]\n", "resources: [a.yaml,\n            c.yaml,\n            b.yaml]\n", "b.yaml");
  });

  test("that is not there is written at the end, and goes with its last entry", () => {
    assertBothWays("namespace: shop\n\nconfigurations:\n- a.yaml\n\n# the end\n\n", "namespace: shop\n\nconfigurations:\n- a.yaml\n\n# the end\nresources:\n- b.yaml\n\n", "b.yaml");
    assertBothWays("namespace: shop", "namespace: shop\nresources:\n  - b.yaml", "b.yaml");
    assertBothWays("namespace: shop\n...\n", "namespace: shop\nresources:\n  - b.yaml\n...\n", "b.yaml");
    assertBothWays("---\nnamespace: shop\n---\nother: x\n", "---\nnamespace: shop\nresources:\n  - b.yaml\n---\nother: x\n", "b.yaml");
    assertBothWays("patches:\n- patch: |+\n    a: b\n\n\n", "patches:\n- patch: |+\n    a: b\n\n\nresources:\n- b.yaml\n", "b.yaml");
    assertBothWays("resources:\n", "resources: [ b.yaml, c.yaml ]\n", "b.yaml", "c.yaml");
    assertBothWays("resources: # none yet\nnamespace: shop\n", "resources: [ b.yaml ] # none yet\nnamespace: shop\n", "b.yaml");
  });

  test("can be the first thing in a file that holds nothing but comments, or nothing", () => {
    assertBothWays("", "resources:\n  - b.yaml\n", "b.yaml");
    assertBothWays("\ufeff", "\ufeffresources:\n  - b.yaml\n", "b.yaml");
    assertBothWays("# todo", "# todo\nresources:\n  - b.yaml", "b.yaml");
    assertBothWays("# todo\n---\n# here\n", "# todo\n---\n# here\nresources:\n  - b.yaml\n", "b.yaml");
    assertBothWays("---", "---\nresources:\n  - b.yaml", "b.yaml");
  });

  test("in a mapping in flow style, as in JSON, is added and taken out as its style asks", () => {
    assertBothWays("{}\n", "{resources: [ b.yaml ]}\n", "b.yaml");
    assertBothWays("{namespace: shop}\n", "{namespace: shop, resources: [ b.yaml ]}\n", "b.yaml");
    assertBothWays('{\n  "namespace": "shop",\n  "resources": [\n    "a.yaml"\n  ]\n}\n', '{\n  "namespace": "shop",\n  "resources": [\n    "a.yaml",\n    "b.yaml"\n  ]\n}\n', "b.yaml");
    assertBothWays('{\n  "namespace": "shop"\n}', '{\n  "namespace": "shop",\n  "resources": [ "b.yaml", "c.yaml" ]\n}', "b.yaml", "c.yaml");
  });

  test("keeps the line ends of the file, and its byte order mark", () => {
    assertBothWays("\ufeffresources:\r\n- a.yaml\r\n", "\ufeffresources:\r\n- a.yaml\r\n- b.yaml\r\n", "b.yaml");
    assertBothWays("namespace: shop\r\nresources:\r\n- a.yaml", "namespace: shop\r\nresources:\r\n- a.yaml\r\n- b.yaml", "b.yaml");
  });

  test("loses the entries that are asked for, with their lines, and no other line", () => {
    assert.equal(remove("resources:\n# a\n- ./a.yaml # one\n# b\n- 'b.yaml'\n- c.yaml\n", "a.yaml", "c.yaml"), "resources:\n# a\n# b\n- 'b.yaml'\n");
    assert.equal(remove("resources: # all\n- a.yaml\n# left\nnamespace: x\n", "a.yaml"), "# left\nnamespace: x\n");
    assert.equal(remove("resources: [a.yaml, b.yaml, c.yaml]\n", "a.yaml"), "resources: [b.yaml, c.yaml]\n");
    assert.equal(remove("resources: [a.yaml, b.yaml, c.yaml]\n", "a.yaml", "c.yaml"), "resources: [b.yaml]\n");
    assert.equal(remove("resources: [\n  a.yaml, # a\n  b.yaml # b\n]\n", "b.yaml"), "resources: [\n  a.yaml # a\n]\n");
  });

  test("keeps an entry that is both owned and wanted, however it is written", () => {
    const text = "resources:\n- ./a.yaml\n- \"b.yaml\"\n- c.yaml\n";
    assert.equal(editLists(text, [{ field: "resources", remove: () => true, add: ["b.yaml", "a.yaml", "d.yaml"] }]), "resources:\n- ./a.yaml\n- \"b.yaml\"\n- d.yaml\n");
  });

  test("writes names plainly where YAML reads them as text, and quotes the others", () => {
    assert.equal(add("resources:\n- a.yaml\n", "../../base", "01-web.yaml", "no", "a: b.yaml", "größe #1.yaml"), 'resources:\n- a.yaml\n- ../../base\n- 01-web.yaml\n- "no"\n- "a: b.yaml"\n- "größe #1.yaml"\n');
    assert.equal(add("resources: ['x']\n", "a,b.yaml", "a, b"), "resources: ['x', \"a,b.yaml\", \"a, b\"]\n");
  });

  test("is left alone, with a reason, where an edit would change something else", () => {
    assert.throws(() => add("resources: &a\n- a.yaml\ntransformers: *a\n", "b.yaml"), /resources cannot be edited without changing something else, such as what shares its anchor/);
    assert.throws(() => add("x: &a [a.yaml]\nresources: *a\n", "b.yaml"), /resources is an alias/);
    assert.throws(() => add("x: &a {resources: [a.yaml]}\n<<: *a\n", "b.yaml"), /merge key/);
    assert.throws(() => remove("resources:\n- &a a.yaml\n- b.yaml\nx: *a\n", "a.yaml"), /cannot be edited/);
    assert.throws(() => add("resources: a.yaml\n", "b.yaml"), /resources is not a list/);
    assert.throws(() => add("- a\n", "b.yaml"), /does not hold a mapping/);
    assert.throws(() => add("resources: [\n", "b.yaml"), Error);
    assert.throws(() => add("resources: []\nresources: []\n", "b.yaml"), /Map keys must be unique/);
    assert.equal(remove("resources: a.yaml\n", "a.yaml"), "resources: a.yaml\n");
  });
});

// ---- any kustomization, any edits

/** A line of a generated text: the list that it is part of, and the entry that it holds. */
interface Line {
  readonly text: string;
  readonly field?: string;
  readonly entry?: string;
}

const fields = ["resources", "configurations", "transformers"] as const;
const theirs = ["a.yaml", "../base", "b-1/c.yml", "sub", "größe.yaml", "x y.yaml", "01.yaml", "no"];
const ours = ["istio.yaml", "../istio/mesh.yaml", "istio #1.yaml", "a,b.yaml", "yes", "00.yaml"];
const name = fc.constantFrom(...theirs);
const above = fc.constantFrom(undefined, undefined, undefined, "# note", "  # note", "");
const tail = fc.constantFrom("", "", "", " # why", "  ", " #");

function written(entry: string, style: string): string {
  if (style === "single") return `'${entry}'`;
  if (style === "dot" && !entry.startsWith(".") && /^[a-z.-]+$/.test(entry) && entry !== "no") return `./${entry}`;
  return style === "double" || entry === "no" ? JSON.stringify(entry) : entry;
}

const entries = fc.uniqueArray(fc.record({ entry: name, style: fc.constantFrom("plain", "plain", "plain", "double", "single", "dot"), above, tail }), { minLength: 1, maxLength: 4, selector: ({ entry }) => entry });

const block = (field: string): fc.Arbitrary<readonly Line[]> => fc.record({ entries, indent: fc.constantFrom("", "  ", "    "), gap: fc.constantFrom(" ", " ", "   "), tail, style: fc.constantFrom("plain", "plain", "double") })
  .map((list) => [{ text: `${list.style === "double" ? JSON.stringify(field) : field}:${list.tail}`, field }, ...list.entries.flatMap((each): Line[] => [
    ...(each.above === undefined ? [] : [{ text: each.above }]),
    { text: `${list.indent}-${list.gap}${written(each.entry, each.style)}${each.tail}`, field, entry: each.entry },
  ])]);

const flow = (field: string): fc.Arbitrary<readonly Line[]> => fc.record({ entries: fc.oneof({ weight: 4, arbitrary: entries }, { weight: 1, arbitrary: entries.map((list) => list.slice(0, 0)) }), form: fc.constantFrom("line", "lines", "hanging"), pad: fc.constantFrom("", " "), comma: fc.constantFrom("", ","), gap: fc.constantFrom("", " ", " ", "  "), tail })
  .map(({ entries: list, form, pad, comma, gap, tail: end }) => {
    const texts = list.map((each) => written(each.entry, each.style === "plain" && each.entry.includes(" ") ? "double" : each.style));
    const last = texts.length === 0 ? "" : comma;
    if (form === "line" || texts.length === 0) return [{ text: `${field}: [${pad}${texts.join(`,${gap || " "}`)}${last}${texts.length === 0 ? "" : pad}]${end}`, field }];
    if (form === "hanging") return `${field}: [${texts.join(`,\n  `)}${last}]${end}`.split("\n").map((text) => ({ text, field }));
    const rows = texts.flatMap((text, i) => [...(list[i]!.above === undefined ? [] : [list[i]!.above]), `  ${text}${i < texts.length - 1 ? "," : last}${list[i]!.tail}`]);
    return [`${field}: [${end}`, ...rows, "]"].map((text) => ({ text, field }));
  });

const empty = (field: string): fc.Arbitrary<readonly Line[]> => tail.map((end) => [{ text: `${field}:${end}`, field }]);

const other: fc.Arbitrary<readonly Line[]> = fc.constantFrom(
  ["namespace: shop # theirs"], ["kind: Kustomization"], ["apiVersion: kustomize.config.k8s.io/v1beta1"], ["", "# about what follows", "namePrefix: p-"], ["labels:", "- pairs:", "    app: web", "  includeSelectors: true"],
  ["images: [{name: web, newTag: '1'}]"], ["patches:", "  - patch: |-", "      - op: remove", "        path: /x", "    target: {kind: Service}"], ["patches:", "- patch: |+", "    kind: Service", "", "- path: p.yaml"],
  ["generators:", "- |", "  resources:", "  - a.yaml", ""], ["commonAnnotations:", "  note: \"one", "    - a.yaml\""], ["components:", "    - ../c", "", "    # none"],
).map((lines) => lines.map((text) => ({ text })));

interface Kustomization {
  readonly text: string;
  readonly lines: readonly Line[];
  /** How long what stands above the first line is, counted before line ends become those of the file. */
  readonly head: number;
}

const inBlocks: fc.Arbitrary<Kustomization> = fc.record({
  lists: fc.tuple(...fields.map((field) => fc.oneof({ weight: 5, arbitrary: block(field) }, { weight: 3, arbitrary: flow(field) }, { weight: 1, arbitrary: empty(field) }, { weight: 3, arbitrary: fc.constant<readonly Line[]>([]) }))),
  others: fc.uniqueArray(other, { maxLength: 3, selector: (lines) => lines.find(({ text }) => text !== "" && !text.startsWith("#"))!.text.split(":")[0] }),
  order: fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6, maxLength: 6 }),
  head: fc.constantFrom("", "", "", "---\n", "# top\n", "# top\n---\n", "\n", "\ufeff", "--- # first\n"), foot: fc.constantFrom("", "", "", "\n", "# end\n", "\n\n# end\n\n", "...\n", "---\nresources:\n- z.yaml\n"),
  eol: fc.constantFrom("\n", "\n", "\r\n"), cut: fc.boolean(),
}).map(({ lists, others, order, head, foot, eol, cut }) => {
  const parts = [...lists, ...others];
  const lines = order.flatMap((i) => parts[i] ?? []);
  const body = lines.map(({ text }) => `${text}\n`).join("");
  const whole = (head + body + foot).replaceAll("\n", eol);
  return { lines, head: head.length, text: cut ? whole.replace(/\r?\n$/, "") : whole };
});

const json: fc.Arbitrary<Kustomization> = fc.record({
  lists: fc.tuple(...fields.map((field) => fc.option(fc.uniqueArray(name, { maxLength: 3 }).map((list) => [field, list] as const)))),
  rest: fc.constantFrom({}, { namespace: "shop" }, { kind: "Kustomization", labels: [{ pairs: { app: "web" } }] }), isLast: fc.boolean(), step: fc.constantFrom(0, 0, 2), end: fc.constantFrom("", "\n", "\r\n"),
}).map(({ lists, rest, isLast, step, end }) => {
  const some = Object.fromEntries(lists.filter((list) => list !== null));
  const text = JSON.stringify(isLast ? { ...rest, ...some } : { ...some, ...rest }, null, step);
  return { lines: [], head: 0, text: (end === "\r\n" ? text.replaceAll("\n", end) : text) + end };
});

const kustomization = fc.oneof({ weight: 9, arbitrary: inBlocks }, { weight: 1, arbitrary: json });

const edits: fc.Arbitrary<readonly ListEdit[]> = fc.tuple(...fields.map((field) => fc.record({ gone: fc.subarray(theirs, { maxLength: 4 }), add: fc.oneof(fc.shuffledSubarray(ours), fc.shuffledSubarray([...ours, ...theirs], { maxLength: 4 })), isUsed: fc.boolean() })
  .map(({ gone, add: added, isUsed }): ListEdit => ({ field, remove: (entry) => isUsed && gone.includes(entry), add: isUsed ? added : [] }))));

type Values = { readonly [field: string]: unknown };

/** The first document as two readers see it. */
function readBoth(text: string): readonly Values[] {
  const documents = [...parseAllDocuments(text, { logLevel: "silent" })];
  assert.deepEqual(documents.flatMap(({ errors }) => errors), [], text);
  const plain = text.replace(/^\ufeff/, "");
  return [documents[0]?.toJS(), loadAll(plain)[0]].map((value) => (value ?? {}) as Values);
}

function asEntries(value: unknown): readonly string[] {
  return ((value ?? []) as readonly string[]).map((entry) => entry.replace(/^\.\//, ""));
}

function expected(before: Values, asked: readonly ListEdit[]): Values {
  return asked.reduce((values, { field, remove: isGone, add: added }) => {
    const kept = asEntries(values[field]).filter((entry) => added.includes(entry) || !isGone(entry));
    return { ...values, [field]: [...kept, ...added.filter((entry) => !kept.includes(entry))] };
  }, before);
}

function tidy(values: Values): Values {
  return { ...values, ...Object.fromEntries(fields.map((field) => [field, asEntries(values[field])])) };
}

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const line of whole) if (at < part.length && part[at] === line) at++;
  return at === part.length;
}

describe("editing the lists of any kustomization", () => {
  test("gives the lists that were asked for, and changes no other value", () => {
    fc.assert(fc.property(kustomization, edits, ({ text }, asked) => {
      const after = editLists(text, asked);
      const [before, read] = [readBoth(text), readBoth(after)];
      for (const [i, values] of read.entries()) assert.deepEqual(tidy(values), tidy(expected(before[i]!, asked)), after);
    }), often(800));
  });

  test("keeps every line that holds no entry that goes, in order", () => {
    fc.assert(fc.property(inBlocks, edits, ({ text, lines }, asked) => {
      const after = editLists(text, asked);
      const touched = new Set(lines.filter(({ field, entry }) => {
        const edit = asked.find((each) => each.field === field);
        if (!edit || field === undefined) return false;
        if (entry !== undefined) return edit.remove(entry) && !edit.add.includes(entry);
        const own = lines.filter((each) => each.field === field && each.entry !== undefined).map((each) => each.entry!);
        return own.length === 0 || own.every((each) => edit.remove(each) && !edit.add.includes(each));
      }).map((line) => line.text));
      const [before, found] = [text, after].map((each) => each.replace(/^\ufeff/, "").split(/\r?\n/));
      assert.ok(isSubsequence(before!.filter((line) => !touched.has(line)), found!), after);
      assert.equal(after.startsWith("\ufeff"), text.startsWith("\ufeff"));
      if (text.includes("\r\n") && text.split("\r\n").length > 2) assert.doesNotMatch(after, /[^\r]\n/);
      if (!text.includes("\r")) assert.doesNotMatch(after, /\r/);
    }), often(800));
  });

  test("done twice is done once, and gives the very same text", () => {
    fc.assert(fc.property(kustomization, edits, ({ text }, asked) => {
      const after = editLists(text, asked);
      assert.equal(editLists(after, asked), after);
    }), often(400));
  });

  test("and taking out what was added gives the bytes back, in whatever order", () => {
    const step = fc.record({ field: fc.constantFrom(...fields), add: fc.shuffledSubarray(ours, { minLength: 1, maxLength: 3 }) });
    fc.assert(fc.property(kustomization, fc.array(step, { minLength: 1, maxLength: 4 }), fc.array(step, { maxLength: 3 }), ({ text }, added, first) => {
      const grown = added.reduce((edited, { field, add: names }) => editLists(edited, [{ field, remove: () => false, add: names }]), text);
      assert.notEqual(grown, text);
      const shrunk = first.reduce((edited, { field, add: names }) => editLists(edited, [{ field, remove: (entry) => names.includes(entry), add: [] }]), grown);
      assert.equal(editLists(shrunk, fields.map((field) => ({ field, remove: (entry) => ours.includes(entry), add: [] }))), text);
    }), often(800));
  });

  test("gives the same by lines as by the parser, which a field in flow style calls for", () => {
    fc.assert(fc.property(inBlocks, edits, ({ text, head, lines }, asked) => {
      if (lines.length === 0) return;
      const eol = text.includes("\r\n") ? "\r\n" : "\n";
      const at = text.slice(0, head + (eol.length - 1) * 3).lastIndexOf(eol) + eol.length;
      const start = head === 0 ? 0 : text.startsWith("\ufeff") ? 1 : at;
      const odd = `x: {}${eol}`;
      const after = editLists(text.slice(0, start) + odd + text.slice(start), asked);
      assert.equal(after.replace(odd, ""), editLists(text, asked));
    }), often(500));
  });
});
