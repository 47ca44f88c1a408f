import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, isSeq, parseAllDocuments, type Scalar, type YAMLSeq } from "yaml";
import { asMapping } from "../../generators/kube/object.ts";
import { writeScalar } from "../write-yaml.ts";
import { editLists } from "./lists.ts";

/** A patch of a kustomization: a file, or its text, which ends without a line end. */
export type PatchEntry = { readonly path: string } | { readonly patch: string };

/** Stands for an entry that is no text, so that `editLists` can add it or take it out. */
const standIn = "istiomize-entry.yaml";

interface Replacement {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The text of a kustomization with one more patch, the last of them. Throws an `Error` where it cannot be edited. */
export function addPatch(text: string, entry: PatchEntry): string {
  const held = editLists(text, [{ field: "patches", remove: () => false, add: [standIn] }]);
  const at = held.indexOf(standIn);
  const line = held.slice(held.lastIndexOf("\n", at - 1) + 1, at);
  const isQuoted = held[at - 1] === '"';
  const written = /^ *- +$/.test(line) ? writeBlock(entry, line.length, held.includes("\r\n") ? "\r\n" : "\n") : writeFlow(entry, isQuoted);
  const edited = replaceAll(held, [{ from: isQuoted ? at - 1 : at, to: at + standIn.length + (isQuoted ? 1 : 0), text: written }]);
  return proven(text, edited, "patches", [...readList(text, "patches").values, entry]);
}

function writeBlock(entry: PatchEntry, column: number, eol: string): string {
  if ("path" in entry) return `path: ${writeScalar(entry.path)}`;
  return ["patch: |-", ...entry.patch.split("\n").map((line) => `${" ".repeat(column + 2)}${line}`)].join(eol);
}

function writeFlow(entry: PatchEntry, isQuoted: boolean): string {
  const [key, value] = "path" in entry ? ["path", entry.path] : ["patch", entry.patch];
  const isPlain = !isQuoted && !/[,[\]{}]/.test(value);
  return `{${isQuoted ? JSON.stringify(key) : key}: ${isPlain ? writeScalar(value) : JSON.stringify(value)}}`;
}

/**
 * The text of a kustomization without some entries of a list, which may be texts or mappings; the key goes with the
 * last of them. Throws an `Error` where it cannot be edited.
 */
export function removeEntries(text: string, field: string, isGone: (entry: unknown) => boolean): string {
  const { list, values } = readList(text, field);
  const gone = values.map((value) => isGone(value));
  if (!list || !gone.includes(true)) return text;
  const held = replaceAll(text, list.items.flatMap((item, i) => (gone[i] ? [{ ...spanOf(text, item, field), text: standIn }] : [])));
  const edited = editLists(held, [{ field, remove: (entry) => entry === standIn, add: [] }]);
  return proven(text, edited, field, values.filter((_, i) => !gone[i]));
}

/**
 * The text of a kustomization with the texts in a list changed: entries of several lines, and `patch` of those that are
 * mappings. An entry goes where `edit` gives nothing. Throws an `Error` where it cannot be edited.
 */
export function editInline(text: string, field: string, edit: (inline: string, entry: unknown) => string | undefined): string {
  const { list, values } = readList(text, field);
  const plans = (list?.items ?? []).map((item, i) => planInline(text, item, values[i], edit));
  const replacements = plans.flatMap(({ replacement }) => (replacement ? [replacement] : []));
  const edited = replacements.length === 0 ? text : proven(text, replaceAll(text, replacements), field, plans.map(({ value }) => value));
  let turn = 0;
  return plans.some(({ isGone }) => isGone) ? removeEntries(edited, field, () => plans[turn++]!.isGone) : edited;
}

interface InlinePlan {
  readonly value: unknown;
  readonly isGone: boolean;
  readonly replacement?: Replacement;
}

function planInline(text: string, item: unknown, value: unknown, edit: (inline: string, entry: unknown) => string | undefined): InlinePlan {
  const node = isMap(item) ? item.get("patch", true) : item;
  if (!isScalar(node) || typeof node.value !== "string" || (!isMap(item) && !node.value.includes("\n"))) return { value, isGone: false };
  const { inline, write } = readSource(text, node as Scalar.Parsed);
  const now = edit(inline, value);
  if (now === undefined || now === inline) return { value, isGone: now === undefined };
  const written = write(now);
  const [from, to] = (node as Scalar.Parsed).range;
  return { value: isMap(item) ? { ...asMapping(value), patch: written.value } : written.value, isGone: false, replacement: { from, to, text: written.text } };
}

interface Source {
  readonly inline: string;
  readonly write: (now: string) => { readonly text: string; readonly value: string };
}

/** The text of a scalar as it stands in the file, without its indentation, and how another one is written in its place. */
function readSource(text: string, node: Scalar.Parsed): Source {
  const value = node.value as string;
  const [from, to] = node.range;
  if (node.type !== "BLOCK_LITERAL") {
    const end = /\r?\n$/.exec(text.slice(from, to))?.[0] ?? "";
    const quote = (now: string): string => (node.type === "QUOTE_SINGLE" && !now.includes("\n") ? `'${now.replaceAll("'", "''")}'` : JSON.stringify(now));
    return { inline: value, write: (now) => ({ value: now, text: quote(now) + end }) };
  }
  const head = text.slice(from, text.indexOf("\n", from) + 1);
  const lines = text.slice(from + head.length, to).split("\n");
  const indent = columnOf(lines) - columnOf(value.split("\n"));
  return {
    inline: lines.map((line) => line.slice(indent)).join("\n"),
    write: (now) => ({ text: head + now.split("\n").map((line) => (line.trim() === "" ? line : " ".repeat(indent) + line)).join("\n"), value: chomp(now.replaceAll("\r\n", "\n"), head) }),
  };
}

/** The column of the first line that says something. */
function columnOf(lines: readonly string[]): number {
  const line = lines.find((each) => each.trim() !== "") ?? "";
  return line.length - line.trimStart().length;
}

/** What a block scalar gives of its last line ends, by its header. */
function chomp(text: string, head: string): string {
  if (/^[|>][0-9]*\+/.test(head)) return text;
  const bare = text.replace(/\n*$/, "");
  return /^[|>][0-9]*-/.test(head) || bare === "" ? bare : `${bare}\n`;
}

// ---- reading and proof

interface List {
  readonly list: YAMLSeq | undefined;
  readonly values: readonly unknown[];
}

function readList(text: string, field: string): List {
  const [document] = parseAllDocuments(text, { logLevel: "silent" });
  const list = document && isMap(document.contents) ? document.contents.get(field, true) : undefined;
  if (!isSeq(list)) return { list: undefined, values: [] };
  return { list, values: (document!.toJS() as { readonly [key: string]: readonly unknown[] })[field]! };
}

function spanOf(text: string, item: unknown, field: string): { readonly from: number; readonly to: number } {
  const range = (item as { readonly range?: readonly [number, number, number] | null } | null)?.range;
  if (!range) throw new Error(`${field} is written in a way that cannot be edited in place`);
  return { from: range[0], to: range[0] + text.slice(range[0], range[1]).trimEnd().length };
}

function replaceAll(text: string, replacements: readonly Replacement[]): string {
  return [...replacements].sort((a, b) => b.from - a.from).reduce((edited, { from, to, text: written }) => edited.slice(0, from) + written + edited.slice(to), text);
}

/** The edited text, once it is sure that it reads as the old one with this list. */
function proven(before: string, after: string, field: string, wanted: readonly unknown[]): string {
  const [old, now] = [readFields(before), readFields(after)];
  if (old && now && isDeepStrictEqual({ ...old, [field]: wanted }, { ...now, [field]: now[field] ?? [] })) return after;
  throw new Error(`${field} cannot be edited without changing something else${/[&*]/.test(before) ? ", such as what shares its anchor" : ""}`);
}

function readFields(text: string): { readonly [key: string]: unknown } | undefined {
  const [document, ...others] = [...parseAllDocuments(text, { logLevel: "silent" })];
  if (others.length > 0 || (document?.errors.length ?? 0) > 0) return undefined;
  try {
    return { ...(document?.toJS() as { readonly [key: string]: unknown } | null | undefined) };
  } catch {
    return undefined; // an alias whose anchor went
  }
}
