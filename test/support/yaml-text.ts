import fc from "fast-check";

/**
 * YAML as people write it: random documents in every style that turns up in real repositories. What is generated is a
 * tree of values together with how each is written, so that a failing document shrinks to its smallest text.
 */
export type Node =
  | { readonly kind: "scalar"; readonly text: string; readonly tail: string }
  | { readonly kind: "quoted"; readonly lines: readonly string[] }
  | { readonly kind: "literal"; readonly header: string; readonly lines: readonly string[] }
  | { readonly kind: "alias"; readonly pick: number }
  | { readonly kind: "map"; readonly entries: readonly Entry[]; readonly step: number; readonly anchored: boolean; readonly tail: string }
  | { readonly kind: "list"; readonly items: readonly Node[]; readonly step: number; readonly gap: number; readonly anchored: boolean }
  | { readonly kind: "flow-map"; readonly entries: readonly Entry[]; readonly broken: boolean; readonly padded: boolean }
  | { readonly kind: "flow-list"; readonly items: readonly Node[]; readonly broken: boolean };

export interface Entry {
  readonly key: string;
  readonly style: "plain" | "double" | "single";
  readonly above: string;
  readonly value: Node;
}

/** Scalars on one line, as written; every reader of YAML has retyped one of these for somebody. */
export const scalarTexts: readonly string[] = [
  "web", "a b  c", "0644", "12345678901234567890", "1.0", "1e3", "-1", "0x1F", ".5", "yes", "on", "~", "null", "", "true", "2001-01-01",
  "12:30:45", "1_000", "http://web:80/x?y#z", '"0644"', '"yes"', '"a: b # c"', '"é\\u0041\\n\\t"', "'it''s'", "'#'", "''", '""', "größe ✓ 日本 🚀",
  "!!str 123", "a#b", "-x", "?x", "x:y", '"{{ .Values.x }}"', "'{}'",
];

const keys = ["name", "labels", "annotations", "spec", "app.kubernetes.io/name", "a b", "8080", "items", "kind-of", "Ключ", "x-y_z"];
const tails = ["", "", "", "", " # why", "   ", "\t# tab", "  #"];
const aboves = ["", "", "", "", "# note\n", "\n", "#\n# two lines\n", "   \n"];

const scalar: fc.Arbitrary<Node> = fc.record({
  kind: fc.constant("scalar" as const), text: fc.constantFrom(...scalarTexts), tail: fc.constantFrom(...tails),
});
const quoted: fc.Arbitrary<Node> = fc.record({
  kind: fc.constant("quoted" as const), lines: fc.array(fc.constantFrom("one", "two: three", "# four", "- five"), { minLength: 2, maxLength: 3 }),
});
const literal: fc.Arbitrary<Node> = fc.record({
  kind: fc.constant("literal" as const),
  header: fc.constantFrom("|", ">", "|-", "|+", ">-", "| # why", "|2"),
  lines: fc.array(fc.constantFrom("text", "key: value", "- item", "# no comment", "", "  indented", "trailing  ", "--- no marker", "items:", "kind: Service"), { minLength: 1, maxLength: 4 }),
});
const alias: fc.Arbitrary<Node> = fc.record({ kind: fc.constant("alias" as const), pick: fc.nat(9) });

/** js-yaml takes what follows an empty item of an inner list for a part of that list; no Kubernetes object has one. */
function isWritten(item: Node): boolean {
  return item.kind !== "scalar" || item.text !== "";
}

const { node, flow } = fc.letrec<{ node: Node; flow: Node }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    { weight: 6, arbitrary: scalar },
    { weight: 1, arbitrary: quoted },
    { weight: 2, arbitrary: literal },
    { weight: 1, arbitrary: alias },
    { weight: 4, arbitrary: mapOf(tie("node"), 0, 4) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("list" as const), items: fc.array(tie("node").filter(isWritten), { minLength: 1, maxLength: 3 }), step: fc.constantFrom(0, 2, 4), gap: fc.constantFrom(1, 1, 3), anchored: fc.boolean() }) },
    { weight: 2, arbitrary: tie("flow") },
  ),
  flow: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    { weight: 3, arbitrary: fc.constantFrom("web", "0644", '"a, b"', "'x'", "yes", "1.0", '"é"').map((text): Node => ({ kind: "scalar", text, tail: "" })) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("flow-map" as const), entries: entriesOf(tie("flow"), 0, 3), broken: fc.boolean(), padded: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("flow-list" as const), items: fc.array(tie("flow"), { maxLength: 3 }), broken: fc.boolean() }) },
  ),
}));

function entriesOf(value: fc.Arbitrary<Node>, minLength: number, maxLength: number): fc.Arbitrary<readonly Entry[]> {
  const entry = fc.record({ key: fc.constantFrom(...keys), style: fc.constantFrom("plain" as const, "plain" as const, "double" as const, "single" as const), above: fc.constantFrom(...aboves), value });
  return fc.uniqueArray(entry, { minLength, maxLength, selector: ({ key }) => key });
}

function mapOf(value: fc.Arbitrary<Node>, minLength: number, maxLength: number): fc.Arbitrary<Node> {
  return fc.record({
    kind: fc.constant("map" as const), entries: entriesOf(value, minLength, maxLength), step: fc.constantFrom(2, 2, 2, 4, 1), anchored: fc.boolean(), tail: fc.constantFrom(...tails),
  });
}

/** Any value, in any style. */
export const anyNode = node;
/** A value in flow style. */
export const anyFlow = flow;
/** A mapping of scalars, as labels and annotations are; block or flow, with or without an anchor, possibly an alias. */
export const textMap: fc.Arbitrary<Node> = fc.oneof(
  { weight: 6, arbitrary: mapOf(fc.oneof({ weight: 5, arbitrary: scalar }, { weight: 1, arbitrary: literal }, { weight: 1, arbitrary: quoted }), 0, 4) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("flow-map" as const), entries: entriesOf(scalarFlow(), 0, 3), broken: fc.boolean(), padded: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant<Node>({ kind: "scalar", text: "", tail: "" }) },
);

function scalarFlow(): fc.Arbitrary<Node> {
  return fc.constantFrom("web", "0644", '"a, b"', "'x'", "yes").map((text): Node => ({ kind: "scalar", text, tail: "" }));
}

/** An entry written plainly, for the parts of an object whose names matter. */
export function entry(key: string, value: Node): Entry {
  return { key, style: "plain", above: "", value };
}

export function mapping(entries: readonly Entry[], step = 2): Node {
  return { kind: "map", entries, step, anchored: false, tail: "" };
}

export function plain(text: string): Node {
  return { kind: "scalar", text, tail: "" };
}

/** A mapping as a document, from its first line to a line end. */
export function writeDocument(root: Node & { kind: "map" }): string {
  return new Writer().entries(root.entries, 0);
}

class Writer {
  #anchors = 0;
  /** Anchors whose value is complete: an alias inside its own anchor would be a cycle. */
  #closed: string[] = [];

  entries(entries: readonly Entry[], column: number): string {
    return entries.map(({ key, style, above, value }) => indent(above, column) + `${" ".repeat(column)}${writeKey(key, style)}:${this.#value(value, column)}`).join("");
  }

  /** What follows the colon of a key, or the dash of an item, up to a line end. */
  #value(value: Node, column: number): string {
    switch (value.kind) {
      case "scalar": return `${value.text === "" ? "" : ` ${value.text}`}${value.tail}\n`;
      case "quoted": return ` "${value.lines.join(`\n${" ".repeat(column + 2)}`)}"\n`;
      case "literal": return this.#literal(value, column);
      case "alias": return ` ${this.#closed.length === 0 ? "none" : `*${this.#closed[value.pick % this.#closed.length]}`}\n`;
      case "flow-map": case "flow-list": return ` ${writeFlow(value, column + 2)}\n`;
      case "map": return value.entries.length === 0 ? " {}\n" : this.#anchor(value.anchored, (name) => `${name}${value.tail}\n${this.entries(value.entries, column + value.step)}`);
      case "list": return this.#anchor(value.anchored, (name) => `${name}\n${value.items.map((item) => this.#item(item, column + value.step, value.gap)).join("")}`);
    }
  }

  #item(item: Node, column: number, gap: number): string {
    const dash = `${" ".repeat(column)}-`;
    if (item.kind !== "map" || item.entries.length === 0 || item.anchored || item.step === 1) return `${dash}${this.#value(item, column)}`;
    const inner = column + 1 + gap;
    const [first, ...rest] = item.entries;
    return dash + this.entries([{ ...first!, above: "" }, ...rest], inner).slice(column + 1);
  }

  #literal({ header, lines }: { readonly header: string; readonly lines: readonly string[] }, column: number): string {
    // A first line that is indented further than the block needs its indentation said.
    const head = /^\s/.test(lines.find((line) => line.trim() !== "") ?? " ") ? header.replace(/^([|>])2?/, "$12") : header;
    return ` ${head}\n${lines.map((line) => (line === "" ? "\n" : `${" ".repeat(column + 2)}${line}\n`)).join("")}`;
  }

  #anchor(anchored: boolean, write: (name: string) => string): string {
    if (!anchored) return write("");
    const name = `a${this.#anchors++}`;
    const text = write(` &${name}`);
    this.#closed.push(name);
    return text;
  }
}

function indent(above: string, column: number): string {
  return above.replace(/^(?=#)/gm, " ".repeat(column));
}

function writeKey(key: string, style: Entry["style"]): string {
  return style === "double" ? JSON.stringify(key) : style === "single" ? `'${key}'` : key;
}

function writeFlow(value: Node, column: number): string {
  const eol = (broken: boolean): string => (broken ? `\n${" ".repeat(column)}` : "");
  if (value.kind === "flow-list") return `[${value.items.map((item) => eol(value.broken) + writeFlow(item, column + 2)).join(", ")}${eol(value.broken)}]`;
  if (value.kind === "flow-map") {
    const pad = value.padded && !value.broken ? " " : "";
    const entries = value.entries.map(({ key, style, value: inner }) => `${eol(value.broken)}${writeKey(key, style)}: ${writeFlow(inner, column + 2)}`);
    return `{${pad}${entries.join(", ")}${eol(value.broken)}${pad}}`;
  }
  return value.kind === "scalar" ? value.text || '""' : '""';
}
