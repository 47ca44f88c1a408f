import { isDeepStrictEqual } from "node:util";
import { isAlias, isMap, isNode, isPair, isScalar, isSeq, parseAllDocuments, type Document, type Pair, type Scalar, type YAMLMap, type YAMLSeq } from "yaml";
import { writeScalar } from "../write-yaml.ts";

/** What is to become of one list of a kustomization (`resources`, `configurations`, `transformers`). */
export interface ListEdit {
  readonly field: string;
  /** Entries to take out, asked as kustomize reads them and without a leading `./`; what `add` names stays. */
  readonly remove: (entry: string) => boolean;
  /** Entries to add at the end, in this order, where they are not there yet. */
  readonly add: readonly string[];
}

/**
 * The text of a kustomization with those edits; only lines that must change do. Taking out everything that was added
 * gives the text as it was. Throws an `Error` with a plain message where that cannot be done safely.
 */
export function editLists(text: string, edits: readonly ListEdit[]): string {
  const mark = text.startsWith("\ufeff") ? "\ufeff" : "";
  // With a line end after every line there is one kind of line; the one that was missing is taken off again.
  const isOpen = text !== mark && !text.endsWith("\n");
  const whole = text.slice(mark.length) + (isOpen ? eolOf(text) : "");
  const edited = edits.reduce(editList, whole);
  return edited === whole ? text : mark + (isOpen ? edited.replace(/\r?\n$/, "") : edited);
}

/** Where the entries of a list stand, or could stand. */
type Place = BlockPlace | FlowPlace | EmptyPlace | NewPlace;

interface Span {
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

interface FlowPlace {
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

interface NewPlace {
  readonly form: "new";
  readonly in: { readonly at: number; readonly indent: string; readonly step: string } | { readonly map: FlowCollection; readonly isQuoted: boolean };
}

/** What stands between brackets or braces. */
interface FlowCollection {
  readonly open: number;
  readonly close: number;
  readonly items: readonly (Span & { readonly comma: number | undefined })[];
}

/** A piece of text to be put in place of another. */
interface Change extends Span {
  readonly text: string;
}

function editList(text: string, { field, remove, add }: ListEdit): string {
  const wanted = [...new Map(add.map((entry) => [normalize(entry), entry]))];
  const before = readPlace(text, field);
  const present = textsOf(before.place);
  const added = wanted.filter(([entry]) => !present.includes(entry)).map(([, entry]) => entry);
  const grown = added.length === 0 ? text : changeList(text, field, before, [...before.values, ...added], [addEntries(text, field, before.place, added)]);
  const isGone = (entry: string | undefined): boolean => entry !== undefined && remove(entry) && !wanted.some(([each]) => each === entry);
  if (!present.some(isGone)) return grown;
  const after = grown === text ? before : readPlace(grown, field);
  const texts = textsOf(after.place);
  const isItemGone = (i: number): boolean => isGone(texts[i]);
  return changeList(grown, field, after, after.values.filter((_, i) => !isItemGone(i)), removeEntries(grown, after.place, isItemGone));
}

/** The text with the first of some ways to change a list that leaves everything else as it was. */
function changeList(text: string, field: string, reading: Reading, wanted: readonly unknown[], ways: readonly (readonly Change[])[]): string {
  for (const changes of ways) {
    const edited = applyChanges(text, changes);
    // Plain lines need no proof.
    if (reading.count === undefined || readsAs(edited, field, wanted, reading)) return edited;
  }
  throw new Error(`${field} cannot be edited without changing something else${/[&*]/.test(text) ? ", such as what shares its anchor" : ""}`);
}

function normalize(entry: string): string {
  return entry.replace(/^(?:\.\/+)+(?=.)/, "");
}

function textsOf(place: Place): readonly (string | undefined)[] {
  const texts = place.form === "block" ? place.items.map(({ text }) => text) : place.form === "flow" ? place.texts : [];
  return texts.map((text) => (text === undefined ? undefined : normalize(text)));
}

function applyChanges(text: string, changes: readonly Change[]): string {
  let at = 0;
  let result = "";
  for (const { from, to, text: written } of [...changes].sort((a, b) => a.from - b.from || a.to - b.to)) {
    result += text.slice(at, from) + written;
    at = to;
  }
  return result + text.slice(at);
}

// ---- reading where a list stands

interface Reading {
  readonly place: Place;
  readonly values: readonly unknown[];
  /** The first document, where a parser had to read it: what is written into it is read again. */
  readonly document?: Document.Parsed | undefined;
  readonly count?: number;
}

function readPlace(text: string, field: string): Reading {
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
  if (isNode(contents) && !(isScalar(contents) && contents.value === null && !contents.source && !contents.tag && contents.anchor === undefined)) return unusable("the file holds no mapping");
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

function lineStart(text: string, at: number): number {
  return text.lastIndexOf("\n", at - 1) + 1;
}

function lineEnd(text: string, at: number): number {
  return text.indexOf("\n", at) + 1 || text.length;
}

function columnOf(text: string, at: number): number {
  return at - lineStart(text, at);
}

// ---- adding

function addEntries(text: string, field: string, place: Place, entries: readonly string[]): readonly Change[] {
  switch (place.form) {
    case "block": {
      const at = place.items.at(-1)!.to;
      return [insertion(at, entries.map((entry) => `${place.indent}-${place.gap}${writeEntry(entry)}${eolBefore(text, at)}`).join(""))];
    }
    case "flow": return insertFlow(text, place.list, entries.map((entry) => writeFlowEntry(entry, place.isQuoted)));
    case "empty": {
      const written = entries.map((entry) => writeFlowEntry(entry, place.isQuoted)).join(", ");
      // The spaces inside tell a list that was empty from a key that had no list, so that each is given back as it was.
      return [{ from: place.from, to: place.to, text: place.isPadded ? ` [ ${written} ]` : place.from === place.to ? ` [${written}]` : `[${written}]` }];
    }
    case "new": return addField(text, field, place, entries);
  }
}

function addField(text: string, field: string, { in: home }: NewPlace, entries: readonly string[]): readonly Change[] {
  if ("map" in home) return insertFlow(text, home.map, [`${home.isQuoted ? JSON.stringify(field) : field}: [ ${entries.map((entry) => writeFlowEntry(entry, home.isQuoted)).join(", ")} ]`]);
  const { at, indent, step } = home;
  const lines = [`${indent}${field}:`, ...entries.map((entry) => `${indent}${step}- ${writeEntry(entry)}`)];
  return [insertion(at, lines.map((line) => line + eolBefore(text, at)).join(""))];
}

function insertFlow(text: string, { open, close, items }: FlowCollection, entries: readonly string[]): readonly Change[] {
  const last = items.at(-1);
  if (!last) return [insertion(open, entries.join(", "))];
  const end = last.comma === undefined ? last.to : last.comma + 1;
  const hasComma = last.comma !== undefined;
  const indent = text.slice(lineStart(text, last.from), last.from);
  const hasOwnLine = indent.trim() === "";
  if (hasOwnLine && text.slice(end, close).includes("\n")) {
    const at = lineEnd(text, end);
    const written = entries.map((entry, i) => `${indent}${entry}${hasComma || i < entries.length - 1 ? "," : ""}${eolBefore(text, at)}`).join("");
    return [...(hasComma ? [] : [insertion(end, ",")]), insertion(at, written)];
  }
  const comma = items.at(-2)?.comma;
  const between = comma === undefined ? " " : text.slice(comma + 1, last.from);
  const gap = hasOwnLine ? eolOf(text) + indent : /^[ \t]*$/.test(between) ? between : " ";
  return [insertion(end, entries.map((entry) => (hasComma ? `${gap}${entry},` : `,${gap}${entry}`)).join(""))];
}

function insertion(at: number, text: string): Change {
  return { from: at, to: at, text };
}

/** Paths that no reader of YAML takes for anything but a text, beside those that `writeScalar` knows. */
const plainPath = /^(?:\.{1,2}(?:\/[A-Za-z0-9_./-]*)?|[A-Za-z0-9_/][A-Za-z0-9_./-]*\.ya?ml)$/;

function writeEntry(entry: string): string {
  return plainPath.test(entry) && entry !== "." ? entry : writeScalar(entry);
}

function writeFlowEntry(entry: string, isQuoted: boolean): string {
  const written = writeEntry(entry);
  return written.startsWith('"') || (!isQuoted && !written.includes(",")) ? written : JSON.stringify(entry);
}

function eolOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

/** The line end of the line that ends here. */
function eolBefore(text: string, at: number): string {
  return at === 0 ? eolOf(text) : text[at - 2] === "\r" ? "\r\n" : "\n";
}

// ---- taking out

/** The ways to take entries out, the best first. */
function removeEntries(text: string, place: Place, isGone: (index: number) => boolean): readonly (readonly Change[])[] {
  if (place.form === "block") {
    const gone = place.items.filter((_, i) => isGone(i)).map(removal);
    if (gone.length < place.items.length) return [gone];
    // Without its key, a comment of the list could become part of a block scalar above it.
    return [[removal(place.key), ...gone], [insertion(text.indexOf(":", place.key.from) + 1, " []"), ...gone]];
  }
  return place.form === "flow" ? [removeFromFlow(text, place, isGone)] : [];
}

function removeFromFlow(text: string, { list, ours }: FlowPlace, isGone: (index: number) => boolean): readonly Change[] {
  const isEmptied = list.items.every((_, i) => isGone(i));
  if (!isEmptied || !isPadded(text, list)) return removeFlow(text, list, isGone);
  if ("map" in ours) return removeFlow(text, ours.map, (i) => i === ours.index);
  // A value on the key's line, behind one space, as we write it.
  return /^ \[/.test(text.slice(ours.value.from)) ? [removal(ours.value)] : removeFlow(text, list, isGone);
}

function isPadded(text: string, { open, close, items }: FlowCollection): boolean {
  return text.slice(open, items[0]!.from) === " " && text.slice(items.at(-1)!.to, close) === " " && !text.slice(open, close).includes("\n");
}

function removeFlow(text: string, { open, close, items }: FlowCollection, isGone: (index: number) => boolean): readonly Change[] {
  const lastKept = items.findLastIndex((_, i) => !isGone(i));
  const firstKept = items.findIndex((_, i) => !isGone(i));
  const spare = lastKept >= 0 && lastKept < items.length - 1 && items.at(-1)!.comma === undefined ? items[lastKept]!.comma : undefined;
  // What stands on the line of the bracket goes back to the end of the last entry that stays.
  const isClosedInLine = !text.slice(items.at(-1)!.to, close).includes("\n");
  const gone = items.flatMap(({ from, to, comma }, i): readonly Change[] => {
    if (!isGone(i)) return [];
    const end = comma === undefined ? to : comma + 1;
    const start = lineStart(text, from);
    const rest = /^[ \t]*(?:#[^\n]*)?\r?\n/.exec(text.slice(end, lineEnd(text, end)));
    if (rest && !(isClosedInLine && i > lastKept && lastKept >= 0) && text.slice(start, from).trim() === "") return [removal({ from: start, to: end + rest[0].length })];
    if (firstKept < 0 || i < firstKept) return [removal({ from, to: i === items.length - 1 ? end : end + /^[ \t]*(?!#)/.exec(text.slice(end))![0].length })];
    const before = text.slice(i === 0 ? open : items[i - 1]!.comma! + 1, from);
    return [removal({ from: from - (before.trim() === "" ? before : /[ \t]*$/.exec(before)![0]).length, to: end })];
  });
  return spare === undefined ? gone : [removal({ from: spare, to: spare + 1 }), ...gone];
}

function removal({ from, to }: Span): Change {
  return { from, to, text: "" };
}

// ---- proof

/** Whether an edited text reads as it should: everything else as it was, this list with these entries. */
function readsAs(text: string, field: string, wanted: readonly unknown[], { document, count }: Reading): boolean {
  const documents = [...parseAllDocuments(text, { logLevel: "silent" })];
  // A file that holds nothing any more, or nothing yet, has no document.
  if (documents.some(({ errors }) => errors.length > 0) || (documents.length !== count && documents.length + count! !== 1)) return false;
  const [old, read] = [fieldsOf(document), fieldsOf(documents[0])];
  return old !== undefined && read !== undefined && isDeepStrictEqual({ ...old, [field]: wanted }, { ...read, [field]: read[field] ?? [] });
}

function fieldsOf(document: Document | undefined): { readonly [key: string]: unknown } | undefined {
  try {
    return { ...(document?.toJS() as { readonly [key: string]: unknown } | null | undefined) };
  } catch {
    return undefined; // an alias whose anchor went
  }
}
