import { isAlias, isMap, isScalar, parseDocument, type Pair, type YAMLMap } from "yaml";
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

function editField(text: string, { path, value }: FieldEdit): string {
  const document = parseDocument(text, { schema: "failsafe", uniqueKeys: false, logLevel: "silent" });
  let map: unknown = document.contents;
  for (let i = 0; isMap(map); i++) {
    const pair = findPair(map, path[i]!);
    const isLast = i === path.length - 1;
    if (!pair) return value === undefined ? text : insert(text, map, path.slice(i), value);
    if (isLast) return value === undefined ? remove(text, map, pair) : replace(text, pair, value);
    if (isAlias(pair.value)) return replaceAlias(text, pair, path.slice(i + 1), value, document.toJS() as unknown, path.slice(0, i + 1));
    if (!isMap(pair.value)) return value === undefined ? text : fill(text, map, pair, path.slice(i + 1), value);
    map = pair.value;
  }
  return text;
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

function insert(text: string, map: YAMLMap, path: readonly string[], value: string): string {
  const first = map.items[0];
  if (map.flow || !first) {
    const at = text.indexOf("{", (map.range as [number, number, number])[0]) + 1;
    return `${text.slice(0, at)}${flow(path, value)}${first ? ", " : ""}${text.slice(at)}`;
  }
  const at = startOf(first);
  const column = columnOf(text, at);
  const eol = eolOf(text);
  return `${text.slice(0, at)}${lines(path, value, column, eol)}${eol}${" ".repeat(column)}${text.slice(at)}`;
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
  if (map.items.length === 1) return `${text.slice(0, startOf(pair))}{}${text.slice(text[end - 1] === "\n" ? end - 1 : end)}`;
  const isFirst = map.items[0] === pair;
  if (!isFirst) return text.slice(0, text.lastIndexOf("\n", startOf(pair) - 1) + 1) + text.slice(nextLine);
  return text.slice(0, startOf(pair)) + text.slice(startOf(map.items[1]!));
}

/** An alias stands for a mapping that others share: here it is written out, with the change. */
function replaceAlias(text: string, pair: Pair, path: readonly string[], value: string | undefined, whole: unknown, at: readonly string[]): string {
  const target = structuredClone(at.reduce<unknown>((found, key) => (found as { [key: string]: unknown })[key], whole)) as { [key: string]: unknown };
  let inner = target;
  for (const key of path.slice(0, -1)) inner = (inner[key] ??= {}) as { [key: string]: unknown };
  const last = path.at(-1)!;
  if (value === undefined) delete inner[last];
  else inner[last] = value;
  const { range } = pair.value as { range: [number, number, number] };
  return text.slice(0, range[0]) + JSON.stringify(target) + text.slice(range[1]);
}
