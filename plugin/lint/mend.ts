import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, isSeq, parseDocument, type Pair, type Scalar, type YAMLMap, type YAMLSeq } from "yaml";
import type { Fix } from "../../generators/diagnostics/catalogue.ts";
import { writeScalar } from "../write-yaml.ts";

/** A fix, and whether its value is a text, which stays quoted where one was quoted. */
export type Mechanical = Fix & { readonly isText?: true };

/** A piece of text in the place of another. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/**
 * The edits that mend one field of a document; nothing where it cannot be changed in place. They are proven to change
 * what the document says in that field, and in no other.
 */
export function mend(text: string, path: readonly string[], fix: Mechanical): readonly Edit[] | undefined {
  const found = find(text, path);
  const edits = found && (fix.remove ? remove(text, found) : [...rename(text, found, fix), ...replace(text, found, fix)]);
  const wanted = (fix.rename === undefined ? 0 : 1) + (fix.value === undefined ? 0 : 1) + (fix.remove ? 1 : 0);
  return edits && edits.length === wanted && isProven(text, applyEdits(text, edits), path, fix) ? edits : undefined;
}

export function applyEdits(text: string, edits: readonly Edit[]): string {
  return [...edits].sort((a, b) => b.from - a.from).reduce((edited, { from, to, text: written }) => edited.slice(0, from) + written + edited.slice(to), text);
}

/** A field, and the mapping or list that it stands in. */
interface Found {
  readonly node: unknown;
  readonly within: YAMLMap | YAMLSeq;
  readonly pair?: Pair;
}

function read(text: string): ReturnType<typeof parseDocument> {
  return parseDocument(text, { logLevel: "silent", uniqueKeys: false });
}

function find(text: string, path: readonly string[]): Found | undefined {
  let found: Found | undefined;
  let node: unknown = read(text).contents;
  for (const step of path) {
    const index = /^\[(\d+)\]$/.exec(step)?.[1];
    if (isMap(node)) {
      const pair: Pair | undefined = node.items.find((each) => isScalar(each.key) && String(each.key.value) === step);
      found = pair && { node: pair.value, within: node, pair };
    } else found = isSeq(node) && index !== undefined && node.items[Number(index)] !== undefined ? { node: node.items[Number(index)], within: node } : undefined;
    if (!found) return undefined;
    node = found.node;
  }
  return found;
}

function rangeOf(node: unknown): readonly [from: number, to: number] | undefined {
  const range = (node as { readonly range?: readonly [number, number, number] | null } | null | undefined)?.range;
  return range ? [range[0], range[1]] : undefined;
}

function rename(text: string, { within, pair }: Found, { rename: name }: Mechanical): readonly Edit[] {
  if (name === undefined || !pair || !isMap(within) || within.has(name)) return [];
  const [from, to] = (pair.key as Scalar.Parsed).range;
  const quote = text[from] === '"' || text[from] === "'" ? text[from] : "";
  return [{ from, to, text: quote ? `${quote}${name}${quote}` : writeScalar(name) }];
}

function replace(text: string, { node, pair }: Found, { value, isText }: Mechanical): readonly Edit[] {
  const range = rangeOf(node);
  if (value === undefined || !range) return [];
  const [from, to] = [range[0], range[0] + text.slice(range[0], range[1]).trimEnd().length];
  const old = text.slice(from, to);
  if (isScalar(node) && !old.includes("\n")) {
    const inner = value.replaceAll(/^"|"$/g, "");
    const quote = isText && /^["']/.test(old) && !/["'\\]/.test(inner) ? old[0]! : "";
    return [{ from, to, text: `${from === to ? " " : ""}${quote ? `${quote}${inner}${quote}` : value}` }];
  }
  // A block goes with its lines, unless somebody wrote a comment into them.
  const start = pair ? (pair.key as Scalar.Parsed).range[1] : from;
  const colon = text.indexOf(":", start) + 1;
  if (old.includes("#") || !pair || colon === 0 || colon > from || text.slice(colon, from).includes("#")) return [];
  return [{ from: colon, to, text: ` ${value}` }];
}

function remove(text: string, { node, within, pair }: Found): readonly Edit[] {
  const items: readonly unknown[] = within.items;
  if (items.length < 2) return []; // a mapping or list that holds nothing may be refused
  const at = pair ? items.indexOf(pair) : items.indexOf(node);
  const start = pair ? (pair.key as Scalar.Parsed).range[0] : rangeOf(node)?.[0];
  const end = rangeOf(pair ? pair.value : node)?.[1] ?? (pair?.key as Scalar.Parsed | undefined)?.range[1];
  if (start === undefined || end === undefined) return [];
  const startOf = (item: unknown): number => rangeOf((item as Pair | undefined)?.key ?? item)?.[0] ?? -1;
  const next = startOf(items[at + 1]);
  if (within.flow) {
    const before = items[at - 1] as Pair | undefined;
    const last = rangeOf(pair ? before?.value : before)?.[1];
    return next >= 0 ? [{ from: start, to: next, text: "" }] : last === undefined ? [] : [{ from: last, to: end, text: "" }];
  }
  const line = text.lastIndexOf("\n", start - 1) + 1;
  const lead = text.slice(line, start);
  const nextLine = text[end - 1] === "\n" ? end : text.indexOf("\n", end) + 1 || text.length;
  if (lead.trim() === "" || (!pair && /^ *-[ \t]+$/.test(lead))) return [{ from: line, to: nextLine, text: "" }];
  // The first key of an item of a list stands behind the dash.
  return pair && next >= 0 && /^ *(?:-[ \t]+)+$/.test(lead) && !text.slice(start, next).includes("#") ? [{ from: start, to: next, text: "" }] : [];
}

function isProven(before: string, after: string, path: readonly string[], fix: Mechanical): boolean {
  const [old, now] = [read(before), read(after)];
  if (now.errors.length > 0) return false;
  return isDeepStrictEqual(now.toJS(), change(old.toJS(), path, fix));
}

/** A copy of a value with one field renamed, replaced or taken out; the order of keys does not count. */
function change(value: unknown, [step, ...rest]: readonly string[], fix: Mechanical): unknown {
  const index = /^\[(\d+)\]$/.exec(step!)?.[1];
  if (Array.isArray(value)) {
    const at = Number(index);
    if (rest.length > 0) return value.map((item: unknown, i) => (i === at ? change(item, rest, fix) : item));
    return fix.remove ? value.filter((_, i) => i !== at) : value.map((item: unknown, i) => (i === at ? read(fix.value!).toJS() : item));
  }
  const { [step!]: old, ...others } = value as { readonly [key: string]: unknown };
  if (rest.length > 0) return { ...others, [step!]: change(old, rest, fix) };
  return fix.remove ? others : { ...others, [fix.rename ?? step!]: fix.value === undefined ? old : read(fix.value).toJS() };
}
