import { isAlias, isMap, isNode, isPair, isScalar, isSeq, parseAllDocuments, type Document, type Pair, type Scalar, type YAMLMap, type YAMLSeq } from "yaml";

/** Where a list stands in the text of a kustomization, and in which style it is written. */
export type Place = BlockPlace | FlowPlace | EmptyPlace | NewPlace;

/** A piece of the text, by offsets. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

interface BlockPlace {
  readonly form: "block";
  /** The line of the key, which goes with the last entry. */
  readonly key: Span;
  /** Each entry with its whole lines; the text of one that is no text is `undefined`. */
  readonly items: readonly (Span & { readonly text: string | undefined })[];
  /** What stands before the dash of an entry, and what after it. */
  readonly indent: string;
  readonly gap: string;
}

export interface FlowPlace {
  readonly form: "flow";
  readonly list: FlowCollection;
  readonly texts: readonly (string | undefined)[];
  readonly isQuoted: boolean;
  /** What goes with the last entry of a list that we wrote ourselves. */
  readonly ours: { readonly value: Span } | { readonly map: FlowCollection; readonly index: number };
}

/** A key without a list: behind its colon, or where its `null` stands. */
interface EmptyPlace extends Span {
  readonly form: "empty";
  /** Whether taking the list out again can leave the bare key. */
  readonly isPadded: boolean;
  readonly isQuoted: boolean;
}

export interface NewPlace {
  readonly form: "new";
  readonly in: { readonly at: number; readonly indent: string; readonly step: string } | { readonly map: FlowCollection; readonly isQuoted: boolean };
}

/** What stands between brackets or braces. */
export interface FlowCollection {
  readonly open: number;
  readonly close: number;
  readonly items: readonly (Span & { readonly comma: number | undefined })[];
}

/** A piece of text to be put in place of another. */

export interface Reading {
  readonly place: Place;
  readonly values: readonly unknown[];
  /** The first document, where a parser had to read it: what is written into it is read again. */
  readonly document?: Document.Parsed | undefined;
  readonly count?: number;
}

export function readPlace(text: string, field: string): Reading {
  const plain = readPlain(text, field);
  return plain ? { place: plain, values: textsOf(plain) } : parsePlace(text, field);
}

const note = /^ *(?:#[^\r\n]*)?\r?$/;
const plainKey = /^([A-Za-z][A-Za-z0-9_-]*):(?:( +[A-Za-z0-9](?:[A-Za-z0-9_.\/:@-]*[A-Za-z0-9])?)?(?: +#[^\r\n]*)?) *\r?$/;
const plainItem = /^( *)-( +)((?:\.{1,2}\/)*[A-Za-z][A-Za-z0-9_.\/-]*|[0-9][A-Za-z0-9_.\/-]*\.ya?ml|(?:\.\.\/)*\.\.\/?)(?: +#[^\r\n]*)? *\r?$/;
const retyped = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

/**
 * The place of a list in a text that holds nothing but plain fields and plain lists, as most kustomizations do. Nothing
 * for any other text: the parser reads that, and takes a hundred times as long.
 */
function readPlain(text: string, field: string): Place | undefined {
  const keys = new Map<string, Span>();
  let items: (Span & { text: string; indent: string; gap: string })[] = [];
  const found: typeof items = [];
  let name: string | undefined;
  let step: string | undefined;
  let hasMarker = false;
  let end = 0;
  for (let from = 0, to; from < text.length; from = to) {
    to = text.indexOf("\n", from) + 1;
    const line = text.slice(from, to - 1);
    const [, indent, gap, entry] = plainItem.exec(line) ?? [];
    const [, key, value] = entry === undefined ? plainKey.exec(line) ?? [] : [];
    if (entry !== undefined) {
      if (name === undefined || retyped.test(entry) || (items[0] && items[0].indent !== indent)) return undefined;
      items.push({ from, to, text: entry, indent: indent!, gap: gap! });
      if (name === field) found.push(items.at(-1)!);
      step ??= indent;
    } else if (key !== undefined) {
      if (keys.has(key)) return undefined;
      keys.set(key, { from, to });
      name = value === undefined ? key : undefined;
      items = [];
    } else if (!hasMarker && keys.size === 0 && /^--- *\r?$/.test(line)) hasMarker = true;
    else if (!note.test(line)) return undefined;
    if (line.trim() !== "") end = to;
  }
  const key = keys.get(field);
  if (keys.size === 0 || (key && found.length === 0)) return undefined;
  return key ? { form: "block", key, items: found, indent: found[0]!.indent, gap: found.at(-1)!.gap } : { form: "new", in: { at: end, indent: "", step: step ?? "  " } };
}

function parsePlace(text: string, field: string): Reading {
  const documents = parseAllDocuments(text, { keepSourceTokens: true, logLevel: "silent" });
  // Kustomize reads the first document of a kustomization and no other.
  const document = [...documents][0] as Document.Parsed | undefined;
  if (document?.errors[0]) throw new Error(document.errors[0].message.split("\n")[0]!.replace(/:$/, ""));
  const { contents } = document ?? {};
  const place = isMap(contents) ? findPlace(text, contents, field) : newPlaceInEmpty(text, contents);
  const values: unknown = isMap(contents) ? (document!.toJS() as { readonly [key: string]: unknown })[field] : undefined;
  return { place, values: Array.isArray(values) ? values : [], document, count: documents.length };
}

function findPlace(text: string, root: YAMLMap, field: string): Place {
  const pair = root.items.find(({ key }) => isScalar(key) && key.value === field);
  if (!pair) return newPlace(text, root, field);
  const { value } = pair;
  const isQuoted = root.flow === true && isDoubleQuoted(pair.key);
  if (isSeq(value) && !value.flow) return blockPlace(text, pair, value, field);
  if (isSeq(value)) {
    const list = readFlow(value, field);
    const last = value.items.at(-1);
    return {
      form: "flow", list, texts: value.items.map(textOf), isQuoted: last === undefined ? isQuoted : isDoubleQuoted(last),
      ours: root.flow ? { map: readFlow(root, field), index: root.items.indexOf(pair) } : { value: { from: colonOf(pair, field) + 1, to: list.close + 1 } },
    };
  }
  if (isScalar(value) && value.value === null && value.range && !value.tag && value.anchor === undefined) {
    const isWritten = value.source !== undefined && value.source !== "";
    const colon = colonOf(pair, field) + 1;
    return { form: "empty", from: isWritten ? value.range[0] : colon, to: isWritten ? value.range[1] : colon, isPadded: !isWritten && !root.flow, isQuoted };
  }
  // Only its adding fails: there is nothing in it to take out.
  return unusable(isAlias(value) ? `${field} is an alias, and what it stands for is used elsewhere` : `${field} is not a list`);
}

/** A place for nothing, which says why once something is to be added to it. */
function unusable(reason: string): Place {
  return { form: "new", get in(): never { throw new Error(reason); } };
}

function newPlace(text: string, root: YAMLMap, field: string): Place {
  if (root.items.some(({ key }) => isScalar(key) && key.value === "<<")) return unusable(`${field} may come from a merge key (<<)`);
  if (root.flow) return { form: "new", in: { map: readFlow(root, field), isQuoted: isDoubleQuoted(root.items.at(-1)?.key) } };
  const column = columnOf(text, startOfKey(root.items[0]!));
  const list = root.items.map(({ value }) => value).find((value): value is YAMLSeq => isSeq(value) && !value.flow && value.items.length > 0);
  const step = list ? " ".repeat(Math.max(0, columnOf(text, dashesOf(list)[0]!) - column)) : "  ";
  const end = endOf(text, root);
  return { form: "new", in: { at: Math.max(end, lastLineEnd(text, 0, documentEnd(text, end))), indent: " ".repeat(column), step } };
}

/** A file with nothing but comments, and perhaps the markers of a document. */
function newPlaceInEmpty(text: string, contents: unknown): Place {
  if (isNode(contents) && !(isScalar(contents) && contents.value === null && !contents.source && !contents.tag && contents.anchor === undefined)) return unusable("the file does not hold a mapping");
  const marker = /^---[ \t]*(?:#[^\n]*)?\n/m.exec(text.replaceAll("\r", " "));
  const from = marker ? marker.index + marker[0].length : 0;
  return { form: "new", in: { at: lastLineEnd(text, from, documentEnd(text, from)), indent: "", step: "  " } };
}

function blockPlace(text: string, pair: Pair, list: YAMLSeq, field: string): Place {
  const key = startOfKey(pair);
  const dashes = dashesOf(list);
  const lines = dashes.map((dash) => lineStart(text, dash));
  if (dashes.length !== list.items.length || ![key, ...dashes].every((at) => /^ *$/.test(text.slice(lineStart(text, at), at)))) throw new Error(`${field} is written in a way that cannot be edited by lines`);
  const items = list.items.map((item, i) => ({ from: lines[i]!, to: Math.max(endOf(text, item), lineEnd(text, dashes[i]!)), text: textOf(item) }));
  const last = dashes.at(-1)!;
  return { form: "block", key: { from: lineStart(text, key), to: lineEnd(text, key) }, items, indent: text.slice(lines.at(-1)!, last), gap: /^ +(?=[^ #\r\n])/.exec(text.slice(last + 1))?.[0] ?? " " };
}

function readFlow(collection: YAMLSeq | YAMLMap, field: string): FlowCollection {
  const token = collection.srcToken;
  if (token?.type !== "flow-collection") throw new Error(`${field} is written in a way that cannot be edited in place`);
  const commas = token.items.map(({ start }) => start.find(({ type }) => type === "comma")?.offset);
  const items = (collection.items as readonly unknown[]).map((item, i) => {
    const { start, key, value } = token.items[i]!;
    const from = start.find(({ type }) => !["comma", "space", "newline", "comment"].includes(type))?.offset ?? (key ?? value)?.offset;
    const node = isPair(item) ? (item.value ?? item.key) : item;
    const to = isNode(node) ? node.range?.[1] : undefined;
    if (from === undefined || to === undefined) throw new Error(`${field} is written in a way that cannot be edited in place`);
    return { from, to, comma: commas[i + 1] };
  });
  const close = token.end.find(({ type }) => type === "flow-seq-end" || type === "flow-map-end")?.offset;
  if (close === undefined) throw new Error(`${field} is not closed`);
  return { open: token.start.offset + 1, close, items };
}

function textOf(node: unknown): string | undefined {
  return isScalar(node) && typeof node.value === "string" ? node.value : undefined;
}

function isDoubleQuoted(node: unknown): boolean {
  return isScalar(node) && node.type === "QUOTE_DOUBLE";
}

function startOfKey({ key }: Pair): number {
  return (key as Scalar.Parsed).range[0];
}

function colonOf(pair: Pair, field: string): number {
  const colon = (pair.srcToken as { readonly sep?: readonly { readonly type: string; readonly offset: number }[] } | undefined)?.sep?.find(({ type }) => type === "map-value-ind");
  if (!colon) throw new Error(`${field} is written in a way that cannot be edited in place`);
  return colon.offset;
}

function dashesOf(list: YAMLSeq): readonly number[] {
  const token = list.srcToken;
  return token?.type !== "block-seq" ? [] : token.items.flatMap(({ start }) => start.filter(({ type }) => type === "seq-item-ind").map(({ offset }) => offset));
}

/** The end of the last line that belongs to a value; comments and blank lines below it do not. */
function endOf(text: string, node: unknown): number {
  if (isPair(node)) return Math.max(endOf(text, node.key), endOf(text, node.value));
  if ((isMap(node) || isSeq(node)) && !node.flow && node.items.length > 0) return endOf(text, node.items.at(-1));
  if (!isNode(node) || !node.range) return 0;
  const [from, to] = node.range;
  // Blank lines are part of a text that keeps its own (`|+`).
  if (isScalar(node) && node.type?.startsWith("BLOCK") && /^[|>][0-9]*\+/.test(text.slice(from, to))) return to;
  return lineEnd(text, from + text.slice(from, to).trimEnd().length);
}

function documentEnd(text: string, from: number): number {
  const marker = /^(?:---|\.\.\.)(?=\s|$)/gm;
  marker.lastIndex = from;
  return marker.exec(text)?.index ?? text.length;
}

function lastLineEnd(text: string, from: number, to: number): number {
  const { length } = text.slice(from, to).trimEnd();
  return length === 0 ? from : lineEnd(text, from + length);
}

export function lineStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

export function lineEnd(text: string, at: number): number {
  return text.indexOf("\n", at) + 1 || text.length;
}

function columnOf(text: string, at: number): number {
  return at - lineStart(text, at);
}

export function textsOf(place: Place): readonly (string | undefined)[] {
  const texts = place.form === "block" ? place.items.map(({ text }) => text) : place.form === "flow" ? place.texts : [];
  return texts.map((text) => (text === undefined ? undefined : normalize(text)));
}

export function normalize(entry: string): string {
  return entry.replace(/^(?:\.\/+)+(?=.)/, "");
}
