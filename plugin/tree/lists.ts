import { isDeepStrictEqual } from "node:util";
import { parseAllDocuments, type Document } from "yaml";
import { writeScalar } from "../write-yaml.ts";
import { lineEnd, lineStart, normalize, readPlace, textsOf, type FlowCollection, type FlowPlace, type NewPlace, type Place, type Reading, type Span } from "./list-places.ts";

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

function applyChanges(text: string, changes: readonly Change[]): string {
  let at = 0;
  let result = "";
  for (const { from, to, text: written } of [...changes].sort((a, b) => a.from - b.from || a.to - b.to)) {
    result += text.slice(at, from) + written;
    at = to;
  }
  return result + text.slice(at);
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
