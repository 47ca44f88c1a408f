import { resolve } from "node:path";
import { isMap, isScalar, isSeq, parseDocument, type Node, type Pair, type YAMLSeq } from "yaml";
import { asList, asMapping, asText } from "../../generators/kube/object.ts";
import { editLists } from "../tree/lists.ts";

/** An entry of a list of a kustomization: the list's field, its value, and its own lines. */
export interface Entry {
  readonly field: string;
  readonly value: unknown;
  readonly text: string;
}

/** A further entry, by what stands where its model stands. */
export interface NewEntry {
  readonly field: string;
  /** The name by which it takes its place among the others. */
  readonly name: string;
  /** In the style of the list: whole lines from a list in block style, a value from one in flow style. */
  readonly text: string;
}

/** Every entry of every list of a kustomization, in the order in which they are written. */
export function readEntries(text: string): readonly Entry[] {
  return listsOf(text).flatMap(({ field, list }) => list.items.map((item): Entry => ({ field, value: (item as Node).toJSON(), text: text.slice(...rangeOf(text, list, item as Node)) })));
}

/** What people call an entry by: a path, the `name` of an image or a patch's file. */
export function nameOfEntry(value: unknown): string {
  const mapping = asMapping(value);
  return asText(value) ?? asText(mapping?.["name"]) ?? asText(mapping?.["path"]) ?? asText(asMapping(mapping?.["target"])?.["name"]) ?? "";
}

/** A text without the comments that stand above mappings which are to go from their lists: they speak of those. */
export function removeCommentsAbove(text: string, isGone: (entry: Pick<Entry, "field" | "value">) => boolean): string {
  const starts = listsOf(text).flatMap(({ field, list }) => (list.flow ? [] : list.items.filter((item) => isMap(item) && isGone({ field, value: item.toJSON() as unknown })).map((item) => rangeOf(text, list, item as Node)[0])));
  return starts.reverse().reduce((edited, start) => edited.slice(0, start).replace(/(?:^[ \t]*#[^\n]*\n)+(?![\s\S])/m, "") + edited.slice(start), text);
}

/** The files and directories that an entry names. */
export function filesOf({ value }: Pick<Entry, "value">, directory: string): readonly string[] {
  const mapping = asMapping(value);
  const lists = ["files", "envs", "additionalValuesFiles"].flatMap((field) => asList(mapping?.[field]).map(asText));
  const named = [asText(value), asText(mapping?.["path"]), ...lists, asText(mapping?.["env"]), asText(mapping?.["valuesFile"])];
  return named.flatMap((each) => (each === undefined || each.includes("\n") || each.includes("://") ? [] : [resolve(directory, each.replace(/^[^/=]+=/, ""))]));
}

/** Whether an entry is one of the forms that kustomize fetches. */
export function isUrl(value: string): boolean {
  return /^[a-z]+:\/\/|[?&]ref=|^github\.com\//.test(value);
}

/**
 * Puts an entry in its place: among those of the same folder, by name where these stand in order, else behind the
 * last of them; behind all others where it is the first of its kind.
 */
export function insertEntry(text: string, { field, name, text: entry }: NewEntry): string {
  const list = listsOf(text).find((each) => each.field === field)?.list;
  if (!list || list.items.length === 0) return text;
  const names = list.items.map((item) => nameOfEntry((item as Node).toJSON()));
  const group = names.flatMap((each, i) => (folderOf(each) === folderOf(name) ? [i] : []));
  const isSorted = group.length > 2 && // two of them may be in order by chance
    group.every((at, i) => i === 0 || names[group[i - 1]!]! <= names[at]!);
  const before = isSorted ? group.filter((at) => names[at]! < name).at(-1) : group.at(-1) ?? names.length - 1;
  const [start, end] = rangeOf(text, list, list.items[before ?? group[0]!] as Node);
  if (before === undefined && !hasCommentAbove(text, start)) return text.slice(0, start) + (list.flow ? `${entry}, ` : ended(entry, text)) + text.slice(start);
  if (list.flow) return `${text.slice(0, end)}, ${entry}${text.slice(end)}`;
  const missing = end > 0 && text[end - 1] !== "\n" ? eolOf(text) : "";
  const written = missing ? entry.replace(/\r?\n$/, "") : ended(entry, text);
  return text.slice(0, end) + missing + written + text.slice(end);
}

/** Adds plain entries at their place in a list, which is made where it is missing. */
export function addPaths(text: string, field: string, paths: readonly string[]): string {
  return paths.reduce((edited, path) => {
    const model = readEntries(edited).find((entry) => entry.field === field && typeof entry.value === "string");
    if (!model) return editLists(edited, [{ field, remove: () => false, add: [path] }]);
    const written = /^(\s*-\s+)/.exec(model.text)?.[1];
    return insertEntry(edited, { field, name: path, text: written === undefined ? path : `${written.replace(/^\s*\n/, "")}${path}${eolOf(edited)}` });
  }, text);
}

export function eolOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

function ended(entry: string, text: string): string {
  return entry.endsWith("\n") ? entry : entry + eolOf(text);
}

function hasCommentAbove(text: string, start: number): boolean {
  return text.slice(0, start).trimEnd().split("\n").at(-1)!.trimStart().startsWith("#");
}

function folderOf(name: string): string {
  return name.includes("/") ? name.slice(0, name.lastIndexOf("/")) : "";
}

function listsOf(text: string): readonly { readonly field: string; readonly list: YAMLSeq }[] {
  const { contents } = parseDocument(text, { uniqueKeys: false, logLevel: "silent" });
  if (!isMap(contents)) return [];
  return contents.items.flatMap(({ key, value }: Pair) => (isScalar(key) && isSeq(value) ? [{ field: String(key.value), list: value }] : []));
}

/** Whole lines of an entry in block style, from its dash; of one in flow style the value alone. */
function rangeOf(text: string, list: YAMLSeq, item: Node): readonly [number, number] {
  const [start, end] = item.range!;
  if (list.flow) return [start, end];
  const dash = text.lastIndexOf("-", start - 1);
  const newline = text.indexOf("\n", end - 1);
  return [text.lastIndexOf("\n", dash) + 1, newline < 0 ? text.length : newline + 1];
}
