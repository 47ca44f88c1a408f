import { isAlias, isMap, isScalar, isSeq, parseDocument, visit, type Document, type Pair, type YAMLMap } from "yaml";
import { writeScalar } from "./write-yaml.ts";

/** A value for the field at a path; `undefined` takes the field out. */
export interface FieldEdit {
  readonly path: readonly string[];
  readonly value: string | undefined;
}

/**
 * Changes single fields of a document in place: only the lines that must change do, comments, order and quoting stay.
 */
export function editText(text: string, edits: readonly FieldEdit[]): string {
  // A new entry goes in front of the others, so the first one is written last; what goes out goes after that.
  return edits.filter(({ value }) => value === undefined).reduce(editField, edits.filter(({ value }) => value !== undefined).reduceRight(editField, text));
}

function editField(text: string, edit: FieldEdit): string {
  const { path, value } = edit;
  const document = parseDocument(text, { schema: "failsafe", uniqueKeys: false, logLevel: "silent" });
  let map: unknown = document.contents;
  for (let i = 0; isMap(map); i++) {
    const shared = expandAliases(text, document, map);
    if (shared !== undefined) return editField(shared, edit);
    const pair = findPair(map, path[i]!);
    const isLast = i === path.length - 1;
    if (!pair) return value === undefined ? text : insert(text, map, path.slice(i), value, mergedAt(text, path.slice(0, i + 1)));
    if (isLast) return value === undefined ? remove(text, map, pair) : replace(text, pair, value);
    if (isAlias(pair.value) && pair.value.range) {
      const [start, end] = pair.value.range;
      return editField(text.slice(0, start) + writeFlow(pair.value.resolve(document), document) + text.slice(end), edit);
    }
    if (!isMap(pair.value)) return value === undefined ? text : fill(text, map, pair, path.slice(i + 1), value);
    map = pair.value;
  }
  return text;
}

/** What else stands for this mapping through an alias must stay what it was: there it is written out. */
function expandAliases(text: string, document: Document, map: YAMLMap): string | undefined {
  const ranges: [number, number][] = [];
  if (map.anchor !== undefined) {
    visit(document, { Alias: (_, alias) => void (alias.source === map.anchor && alias.range && ranges.push([alias.range[0], alias.range[1]])) });
  }
  if (ranges.length === 0) return undefined;
  const written = writeFlow(map, document);
  return ranges.reverse().reduce((edited, [start, end]) => edited.slice(0, start) + written + edited.slice(end), text);
}

/** A value on one line, every scalar as it was typed: what an alias stood for. */
function writeFlow(node: unknown, document: Document): string {
  if (isAlias(node)) return writeFlow(node.resolve(document), document);
  if (isMap(node)) return `{${node.items.map(({ key, value }) => `${writeFlow(key, document)}: ${writeFlow(value, document)}`).join(", ")}}`;
  if (isSeq(node)) return `[${node.items.map((entry) => writeFlow(entry, document)).join(", ")}]`;
  if (!isScalar(node)) return "null";
  const source = node.source ?? String(node.value ?? "");
  if (node.type !== "PLAIN" || node.tag?.endsWith(":str")) return JSON.stringify(source);
  if (node.tag) return `!<${node.tag}> ${source}`;
  return source === "" ? "null" : /[[\]{},#"'\n]|: |:$/.test(source) ? JSON.stringify(source) : source;
}

/** The mapping that a merge key (`<<`) brings to a place where none is written; nothing where there is none. */
function mergedAt(text: string, path: readonly string[]): { readonly [key: string]: unknown } | undefined {
  if (!text.includes("<<")) return undefined;
  const whole: unknown = parseDocument(text, { merge: true, uniqueKeys: false, logLevel: "silent" }).toJS();
  const found = path.reduce<unknown>((at, key) => (typeof at === "object" && at !== null ? (at as { [key: string]: unknown })[key] : undefined), whole);
  return typeof found === "object" && found !== null && !Array.isArray(found) ? (found as { [key: string]: unknown }) : undefined;
}

function findPair(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

function startOf(pair: Pair): number {
  return (pair.key as { range: [number, number, number] }).range[0];
}

function columnOf(text: string, offset: number): number {
  return offset - (text.lastIndexOf("\n", offset - 1) + 1);
}

function eolOf(text: string): string {
  return /\r\n/.test(text) ? "\r\n" : "\n";
}

/** `a: {b: c}` as lines, each below the other. */
function lines(path: readonly string[], value: string, column: number, eol: string): string {
  return path.map((key, i) => `${i === 0 ? "" : eol + " ".repeat(column + 2 * i)}${writeScalar(key)}:`).join("") + ` ${writeScalar(value)}`;
}

function flow([key, ...rest]: readonly string[], value: string): string {
  return `${JSON.stringify(key)}: ${rest.length === 0 ? JSON.stringify(value) : `{${flow(rest, value)}}`}`;
}

function insert(text: string, map: YAMLMap, path: readonly string[], value: string, merged?: { readonly [key: string]: unknown }): string {
  const first = map.items[0];
  const whole = merged && path.length > 1 ? `${writeScalar(path[0]!)}: ${JSON.stringify(withEntry(merged, path.slice(1), value))}` : undefined;
  if (map.flow || !first) {
    const at = text.indexOf("{", (map.range as [number, number, number])[0]) + 1;
    return `${text.slice(0, at)}${whole ?? flow(path, value)}${first ? ", " : ""}${text.slice(at)}`;
  }
  const at = startOf(first);
  const column = columnOf(text, at);
  const eol = eolOf(text);
  return `${text.slice(0, at)}${whole ?? lines(path, value, column, eol)}${eol}${" ".repeat(column)}${text.slice(at)}`;
}

/** A copy of a mapping with one entry set, or taken out. */
function withEntry(mapping: { readonly [key: string]: unknown }, [key, ...rest]: readonly string[], value: string | undefined): { readonly [key: string]: unknown } {
  const { [key!]: present, ...others } = mapping;
  if (rest.length > 0) return { ...mapping, [key!]: withEntry((present ?? {}) as { [key: string]: unknown }, rest, value) };
  return value === undefined ? others : { ...mapping, [key!]: value };
}

function replace(text: string, pair: Pair, value: string): string {
  const { range, type } = (pair.value ?? {}) as { range?: [number, number, number]; type?: string };
  if (!range) return text;
  const isBlock = type === "BLOCK_LITERAL" || type === "BLOCK_FOLDED";
  const written = range[0] === range[1] ? ` ${writeScalar(value)}` : writeScalar(value);
  return text.slice(0, range[0]) + written + (isBlock ? eolOf(text) : "") + text.slice(range[1]);
}

/** A key whose value is empty, or no mapping: the value is written in its place. */
function fill(text: string, map: YAMLMap, pair: Pair, path: readonly string[], value: string): string {
  const colon = text.indexOf(":", (pair.key as { range: [number, number, number] }).range[1]) + 1;
  if (map.flow) return `${text.slice(0, colon)} {${flow(path, value)}}${text.slice(Math.max(colon, (pair.value as { range?: [number, number, number] } | null)?.range?.[1] ?? colon))}`;
  const column = columnOf(text, startOf(pair)) + 2;
  const eol = eolOf(text);
  const valueEnd = isScalar(pair.value) && pair.value.range && pair.value.range[1] > pair.value.range[0] ? pair.value.range[1] : colon;
  return `${text.slice(0, colon)}${eol}${" ".repeat(column)}${lines(path, value, column, eol)}${text.slice(valueEnd)}`;
}

function remove(text: string, map: YAMLMap, pair: Pair): string {
  const end = (pair.value as { range?: [number, number, number] } | null)?.range?.[1] ?? (pair.key as { range: [number, number, number] }).range[1] + 1;
  if (map.flow) {
    const rest = /^\s*,\s*/.exec(text.slice(end));
    const before = /,\s*$/.exec(text.slice(0, startOf(pair)));
    return rest ? text.slice(0, startOf(pair)) + text.slice(end + rest[0].length) : text.slice(0, before ? before.index : startOf(pair)) + text.slice(end);
  }
  const nextLine = text[end - 1] === "\n" ? end : text.indexOf("\n", end) + 1 || text.length;
  if (map.items.length === 1) return `${text.slice(0, startOf(pair))}{}${text.slice(end - (/\r?\n$/.exec(text.slice(0, end))?.[0].length ?? 0))}`;
  const line = text.lastIndexOf("\n", startOf(pair) - 1) + 1;
  const hasOwnLine = text.slice(line, startOf(pair)).trim() === "";
  // Blank lines would become part of a text above that keeps its own (`|+`).
  const before = map.items[map.items.indexOf(pair) - 1]?.value;
  const keepsLines = isScalar(before) && before.type?.startsWith("BLOCK") && before.range && /^[|>][0-9]*\+/.test(text.slice(before.range[0]));
  const blank = keepsLines ? /^(?:[ \t]*\r?\n)*/.exec(text.slice(nextLine))![0].length : 0;
  return hasOwnLine ? text.slice(0, line) + text.slice(nextLine + blank) : text.slice(0, startOf(pair)) + text.slice(startOf(map.items[1]!));
}
