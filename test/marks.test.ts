import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { CORE_SCHEMA, load as loadWith, types } from "js-yaml";
import { parseDocument } from "yaml";
import { splitStream } from "../plugin/chunks.ts";
import type { FieldEdit } from "../plugin/edit.ts";
import { addMarked, findMarked, removeMarked } from "../plugin/tree/marks.ts";
import { often } from "./support/often.ts";
import { anyNode, entry, mapping, plain, textMap, writeDocument, type Entry, type Node } from "./support/yaml-text.ts";

const injection: FieldEdit = { path: ["metadata", "labels", "istio-injection"], value: "enabled" };
const dataplane: FieldEdit = { path: ["metadata", "labels", "istio.io/dataplane-mode"], value: "none" };

/** Adding gives the second text, and taking out the marked lines the first one again. */
function assertBothWays(before: string, after: string, edits: readonly FieldEdit[] = [injection]): void {
  assert.equal(addMarked(before, edits), after);
  assert.equal(removeMarked(after), before);
}

describe("a field added as lines of our own", () => {
  test("stands below the last line of the mapping that it joins", () => {
    assertBothWays("metadata:\n  labels:\n    app: web # theirs\n  # about the name\n  name: shop\nspec: {}\n", "metadata:\n  labels:\n    app: web # theirs\n    istio-injection: enabled # istiomize\n  # about the name\n  name: shop\nspec: {}\n");
    assertBothWays("metadata:\n    name: shop\n\n# the end\n", "metadata:\n    name: shop\n    labels: # istiomize\n      istio-injection: enabled # istiomize\n\n# the end\n");
    assertBothWays("kind: Namespace\n", "kind: Namespace\nmetadata: # istiomize\n  labels: # istiomize\n    istio-injection: enabled # istiomize\n");
    assertBothWays("metadata:\n  labels: # none yet\n  name: shop\n", "metadata:\n  labels: # none yet\n    istio-injection: enabled # istiomize\n  name: shop\n");
  });

  test("comes in the order in which the fields were given, and with its value quoted where that must be", () => {
    assertBothWays("metadata:\n  name: shop\n", "metadata:\n  name: shop\n  labels: # istiomize\n    istio-injection: enabled # istiomize\n    istio.io/dataplane-mode: none # istiomize\n", [injection, dataplane]);
    assertBothWays("metadata:\n  name: shop\n", 'metadata:\n  name: shop\n  annotations: # istiomize\n    a: "true" # istiomize\n    b: "x # istiomize\\n" # istiomize\n', [{ path: ["metadata", "annotations", "a"], value: "true" }, { path: ["metadata", "annotations", "b"], value: "x # istiomize\n" }]);
  });

  test("finds its place among lists, texts of many lines and quoted keys", () => {
    assertBothWays("metadata:\n  finalizers:\n  - a\n  annotations:\n    note: |\n      # not a comment\n      labels: x\n\n      # nor this\n  'name': shop\n", "metadata:\n  finalizers:\n  - a\n  annotations:\n    note: |\n      # not a comment\n      labels: x\n\n      # nor this\n    a: b # istiomize\n  'name': shop\n", [{ path: ["metadata", "annotations", "a"], value: "b" }]);
    assertBothWays("metadata:\n  annotations:\n    note: |+\n      text\n\nspec: {}\n", "metadata:\n  annotations:\n    note: |+\n      text\n\n  labels: # istiomize\n    istio-injection: enabled # istiomize\nspec: {}\n");
    assertBothWays("spec:\n  template:\n    \"metadata\":\n      labels: &labels\n        app: web\n    spec:\n      containers:\n      - name: web\n        args:\n        - |\n          a\n", "spec:\n  template:\n    \"metadata\":\n      labels: &labels\n        app: web\n        a: b # istiomize\n    spec:\n      containers:\n      - name: web\n        args:\n        - |\n          a\n", [{ path: ["spec", "template", "metadata", "labels", "a"], value: "b" }]);
  });

  test("keeps line ends, a missing one at the end, and what ends a document", () => {
    assertBothWays("metadata:\r\n  name: shop", "metadata:\r\n  name: shop\r\n  labels: # istiomize\r\n    istio-injection: enabled # istiomize");
    assertBothWays("\ufeff# top\n---\nmetadata:\n  name: shop\n...\n", "\ufeff# top\n---\nmetadata:\n  name: shop\n  labels: # istiomize\n    istio-injection: enabled # istiomize\n...\n");
    const stream = "# top\n---\nkind: A\nmetadata:\n  name: a\n--- # next\nkind: Namespace\nmetadata:\n  name: shop\n---\n";
    const edited = splitStream(stream).chunks.map(({ before, text }) => before + (text.includes("Namespace") ? addMarked(text, [injection]) : text)).join("");
    assert.equal(edited, "# top\n---\nkind: A\nmetadata:\n  name: a\n--- # next\nkind: Namespace\nmetadata:\n  name: shop\n  labels: # istiomize\n    istio-injection: enabled # istiomize\n---\n");
    assert.equal(removeMarked(edited), stream);
  });

  test("is not added where lines of its own cannot say it", () => {
    for (const text of [
      "metadata: {name: shop}\n", "metadata:\n  labels: {app: web}\n", "metadata:\n  labels: {}\n", '{"metadata": {"name": "shop"}}\n', "metadata:\n  labels:\n    istio-injection: disabled\n", "metadata:\n  labels:\n    \"istio-injection\": disabled\n",
      "metadata:\n  labels: ~\n", "metadata: |\n  labels:\n", "- metadata:\n", "x: &l\n  labels:\n    a: b\nmetadata:\n  <<: *l\n  name: shop\n", "metadata:\n  labels: &l\n    a: b\nspec:\n  x: *l\n", "metadata: *gone\n", "a: 1\n---\nb: 2\n", "text\n", "metadata:\n  - a\n",
      "? metadata\n: name: shop\n", "metadata:\n  name: shop # istiomize\n",
    ]) assert.equal(addMarked(text, [injection]), undefined, text);
    assert.equal(addMarked("metadata:\n  labels:\n    a: b\n", [{ path: ["metadata", "labels", "a"], value: undefined }]), undefined);
    assert.equal(addMarked("kind: A\n", []), "kind: A\n");
  });
});

describe("the mark", () => {
  test("is found with its lines", () => {
    assert.deepEqual(findMarked("metadata:\r\n  labels: # istiomize\r\n    a: b # istiomize\r\n"), [{ line: 2, text: "  labels: # istiomize" }, { line: 3, text: "    a: b # istiomize" }]);
    assert.deepEqual(findMarked("a: b\n"), []);
  });

  test("is content inside a text of many lines, and nothing of ours in a comment that stands alone", () => {
    for (const text of ["a: |\n  b: c # istiomize\n", "a: >-\n  b # istiomize\n  c\n", "a: \"b\n  c: # istiomize\n  d\"\n", "a: 'b # istiomize\n  c'\n", "# written by hand, not by # istiomize\na: b\n", "a: b #istiomize\n", "a: b# istiomize\n", "a: 'x' # istiomize it\n"]) {
      assert.equal(removeMarked(text), text);
      assert.deepEqual(findMarked(text), []);
    }
    assert.equal(removeMarked("a: |\n  b: c # istiomize\nd: e # istiomize\n---\nf: \"g # istiomize\"\nh: i # istiomize"), "a: |\n  b: c # istiomize\n---\nf: \"g # istiomize\"");
  });

  test("goes, but its key stays, where people put lines of their own under it", () => {
    assert.equal(removeMarked("metadata:\n  labels: # istiomize\n    istio-injection: enabled # istiomize\n    team: web\n  name: shop\n"), "metadata:\n  labels:\n    team: web\n  name: shop\n");
    assert.equal(removeMarked("metadata: # istiomize\n  labels: # istiomize\n    a: b # istiomize\nspec:\n  x: y\n"), "spec:\n  x: y\n");
  });
});

// ---- any document, any fields

const schema = CORE_SCHEMA.extend({ implicit: [types.merge] });

const documents: fc.Arbitrary<string> = fc.record({
  labels: fc.option(textMap, { nil: undefined }), annotations: fc.option(textMap, { nil: undefined }), podLabels: fc.option(textMap, { nil: undefined }), above: fc.array(anyNode, { maxLength: 1 }), between: fc.array(anyNode, { maxLength: 1 }), behind: fc.array(anyNode, { maxLength: 2 }),
  step: fc.constantFrom(2, 2, 4), isTemplateFirst: fc.boolean(), eol: fc.constantFrom("\n", "\n", "\r\n"), head: fc.constantFrom("", "---\n", "# top\n", "\n# top\n\n", "--- # first\n", "\ufeff"), foot: fc.constantFrom("", "", "# end\n", "\n\n", "...\n", "  # end\n"), cut: fc.boolean(),
}).map((parts) => {
  const optional = (key: string, value: Node | undefined): Entry[] => (value ? [entry(key, value)] : []);
  const template = entry("template", mapping([entry("metadata", mapping([...optional("labels", parts.podLabels), entry("name", plain("pod"))], parts.step))], parts.step));
  const behind = parts.behind.map((value, i) => entry(`field${i}`, value));
  const metadata = entry("metadata", mapping([entry("name", plain("web")), ...optional("labels", parts.labels), ...parts.between.map((value) => entry("x-between", value)), ...optional("annotations", parts.annotations)], parts.step));
  const root = mapping([entry("kind", plain("Deployment")), ...parts.above.map((value) => entry("x-shared", value)), metadata, entry("spec", mapping(parts.isTemplateFirst ? [template, ...behind] : [...behind, template], parts.step))]);
  const text = (parts.head + writeDocument(root as Node & { kind: "map" }) + parts.foot).replaceAll("\n", parts.eol);
  return parts.cut ? text.replace(/\r?\n$/, "") : text;
});

const homes = [["metadata", "labels"], ["metadata", "annotations"], ["spec", "template", "metadata", "labels"], ["spec", "template", "metadata", "annotations"], ["metadata"], ["status", "new"]] as const;
const fieldEdits: fc.Arbitrary<readonly FieldEdit[]> = fc.uniqueArray(fc.record({ home: fc.constantFrom(...homes), key: fc.constantFrom("istio-injection", "sidecar.istio.io/inject", "0644", "name", "a: b # c"), value: fc.constantFrom("enabled", "true", "0644", "a: b # istiomize", "x\ny\n", "", "größe") })
  .map(({ home, key, value }): FieldEdit => ({ path: [...home, key], value })), { minLength: 1, maxLength: 3, selector: ({ path }) => path.join("\n") });

function withField(value: unknown, [key, ...rest]: readonly string[], text: string): unknown {
  const old = (value ?? {}) as { readonly [key: string]: unknown };
  return { ...old, [key!]: rest.length > 0 ? withField(old[key!], rest, text) : text };
}

describe("adding fields to any document by lines", () => {
  test("gives these fields and no other change, in lines that go again without a trace", () => {
    let [all, added] = [0, 0];
    fc.assert(fc.property(documents, fieldEdits, (text, edits) => {
      const after = addMarked(text, edits);
      all++;
      if (after === undefined) return;
      added++;
      assert.equal(removeMarked(after), text);
      const lines = after.split("\n");
      const marked = findMarked(after).map(({ line }) => line);
      assert.deepEqual(lines.filter((_, i) => !marked.includes(i + 1)).map((line) => line.trimEnd()).join("\n").trimEnd(), text.split("\n").map((line) => line.trimEnd()).join("\n").trimEnd());
      const wanted = edits.reduce<unknown>((value, { path, value: written }) => withField(value, path, written!), loadWith(text.replace(/^\ufeff/, "").replace(/\n\.\.\.\r?\n?$/, "\n"), { schema }));
      assert.deepEqual(loadWith(after.replace(/^\ufeff/, "").replace(/\n\.\.\.\r?\n?$/, "\n"), { schema }), wanted, after);
      const [read, before] = [after, text].map((each) => parseDocument(each, { logLevel: "silent", merge: true }));
      if (before!.errors.length === 0) {
        assert.deepEqual(read!.errors, []);
        assert.deepEqual(read!.toJS(), edits.reduce<unknown>((value, { path, value: written }) => withField(value, path, written!), before!.toJS()), after);
      }
    }), often(800));
    if (process.env["ISTIOMIZE_PATH"] === undefined) assert.ok(added > all * 0.35, `only ${added} of ${all} documents took their fields`);
  });

  test("can always be done where the mappings on the way are in block style, and the field is new", () => {
    const block = fc.record({ labels: fc.option(fc.constantFrom("", "  # why"), { nil: undefined }), lists: anyNode, step: fc.constantFrom(2, 4), eol: fc.constantFrom("\n", "\r\n"), cut: fc.boolean() }).map(({ labels, lists, step, eol, cut }) => {
      const pad = " ".repeat(step);
      const text = `${writeDocument(mapping([entry("x-shared", lists)]) as Node & { kind: "map" })}metadata:\n${pad}name: shop\n${labels === undefined ? "" : `${pad}labels:${labels}\n${pad}${pad}app: web\n`}${pad}# about the uid\n${pad}uid: a\n`.replaceAll("\n", eol);
      return cut ? text.slice(0, -eol.length) : text;
    });
    fc.assert(fc.property(block, (text) => {
      try {
        loadWith(text, { schema });
      } catch {
        return; // some of the texts are no YAML for js-yaml
      }
      assert.notEqual(addMarked(text, [injection, dataplane]), undefined, text);
    }), often(400));
  });

  test("leaves alone what looks like the mark in any text of people", () => {
    fc.assert(fc.property(documents, (text) => {
      assert.equal(removeMarked(text), text);
      const quoted = text.replace(/^(\s*)text(\r?)$/gm, "$1text # istiomize$2");
      assert.equal(removeMarked(quoted), quoted);
    }), often(500));
  });
});
