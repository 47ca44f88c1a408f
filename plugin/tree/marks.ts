import { isDeepStrictEqual } from "node:util";
import { Lexer } from "yaml";
import { readChunk } from "../chunks.ts";
import type { FieldEdit } from "../edit.ts";
import { writeScalar } from "../write-yaml.ts";

/** What a line of ours ends in, among lines that people wrote. */
const mark = "# istiomize";

/**
 * Adds fields to one document as lines of their own that end in the mark. Nothing where that cannot be done by whole
 * lines: in flow style, for a value that is there already or goes away, for what an alias or a merge key shares.
 */
export function addMarked(text: string, edits: readonly FieldEdit[]): string | undefined {
  // With a line end after every line there is one kind of line; the one that was missing is taken off again.
  const isOpen = text !== "" && !text.endsWith("\n");
  const whole = isOpen ? text + eolOf(text) : text;
  const added = edits.reduce<string | undefined>((edited, edit) => (edited === undefined ? undefined : addEntry(edited, edit)), whole);
  if (added === undefined || added === whole) return added === undefined ? undefined : text;
  const result = isOpen ? added.replace(/\r?\n$/, "") : added;
  return removeMarked(result) === text && readsAs(result, text, edits) ? result : undefined;
}

/**
 * The text without the lines that carry the mark: what people wrote. A marked key under which people put lines of their
 * own stays, and loses the mark only.
 */
export function removeMarked(text: string): string {
  const marked = new Set(findMarked(text).map(({ line }) => line));
  if (marked.size === 0) return text;
  const isOpen = !text.endsWith("\n");
  const lines = text.split(/(?<=\n)/).map((line, i, all) => (i === all.length - 1 && isOpen ? line + eolOf(text) : line));
  const kept = lines.map((line, i) => (!marked.has(i + 1) ? line : holdsOthers(lines, i, marked) ? line.replace(/[ \t]+# istiomize(\r?\n)$/, "$1") : "")).join("");
  return isOpen ? kept.replace(/\r?\n$/, "") : kept;
}

/** The lines that carry the mark, with their number (from 1) and as they stand, without their line end. */
export function findMarked(text: string): readonly { readonly line: number; readonly text: string }[] {
  if (!text.includes(` ${mark}`)) return [];
  const found = text.split("\n").map((line, i) => ({ line: i + 1, text: line.replace(/\r$/, "") })).filter(({ text: line }) => isMarked(line));
  if (found.length === 0 || !/[|>"']/.test(text)) return found;
  // Where a text may run over several lines, one of them may end in the same words.
  const comments = linesWithMark(text);
  return found.filter(({ line }) => comments.has(line));
}

/** Whether a line ends in the mark, as far as it alone can tell. */
function isMarked(line: string): boolean {
  return line.endsWith(` ${mark}`) && !/^\s*#/.test(line);
}

function linesWithMark(text: string): ReadonlySet<number> {
  const lines = new Set<number>();
  let line = 1;
  let isText = false;
  for (const lexeme of new Lexer().lex(text)) {
    if (!isText && lexeme.startsWith("#") && ` ${lexeme}`.endsWith(` ${mark}`)) lines.add(line);
    isText = lexeme === "\u001f"; // announces a scalar
    for (let at = lexeme.indexOf("\n"); at >= 0; at = lexeme.indexOf("\n", at + 1)) line++;
  }
  return lines;
}

/** Whether lines that people wrote stand under a marked key. */
function holdsOthers(lines: readonly string[], at: number, marked: ReadonlySet<number>): boolean {
  if (!/:[ \t]+# istiomize\r?\n$/.test(lines[at]!)) return false;
  const column = columnOf(lines[at]!);
  for (let i = at + 1; i < lines.length; i++) {
    const content = lines[i]!.trim();
    if (content === "" || content.startsWith("#")) continue;
    if (columnOf(lines[i]!) <= column) return false;
    if (!marked.has(i + 1)) return true;
  }
  return false;
}

function columnOf(line: string): number {
  return line.length - line.trimStart().length;
}

function eolOf(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

// ---- adding

interface Line {
  readonly start: number;
  readonly end: number;
  /** Column of the first character; -1 for what is no line of its own: blank lines, comments, the lines of a block scalar. */
  readonly column: number;
  readonly content: string;
  /** The end of what belongs to this line: a block scalar below it. */
  readonly reach: number;
}

const key = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#&*!|>'"%@`{}[\],?:-](?:[^\s:#]|:(?=\S)|[ \t]+(?=[^\s:#])|(?<=\S)#)*|-(?=\S)[^\s:]*)[ \t]*:(?=[ \t]|$)/;
const property = /^(?:[ \t]+[&!][^ \t]*)*[ \t]*(?:#.*)?$/;

function addEntry(text: string, { path, value }: FieldEdit): string | undefined {
  if (value === undefined || path.length === 0) return undefined;
  let inner = readLines(text);
  let column = inner[0]?.column ?? 0;
  let at = inner.at(-1)?.reach ?? text.length;
  for (const [depth, name] of path.entries()) {
    const keys = inner.filter((line) => line.column === column);
    const index = keys.findIndex(({ content }) => nameOf(content) === name);
    if (index < 0) return keys.every(isEntry) ? insert(text, at, column, path.slice(depth), value) : undefined;
    const found = keys[index]!;
    if (depth === path.length - 1 || !property.test(found.content.slice(key.exec(found.content)![0].length)) || found.reach > found.end) return undefined;
    const below = inner.slice(inner.indexOf(found) + 1);
    const last = below.findIndex((line) => line.column <= column);
    inner = last < 0 ? below : below.slice(0, last);
    column = inner[0]?.column ?? column + 2;
    at = inner.at(-1)?.reach ?? found.end;
  }
  return undefined;
}

/** A line of a mapping, or of a list that stands at the column of its key. */
function isEntry({ content }: Line): boolean {
  return key.test(content) || /^-(?=\s|$)/.test(content);
}

function nameOf(content: string): string | undefined {
  const written = key.exec(content)?.[0].slice(0, -1).trimEnd();
  if (written === undefined) return undefined;
  if (written.startsWith("'")) return written.slice(1, -1).replaceAll("''", "'");
  return written.startsWith('"') ? parseQuoted(written) : written;
}

function parseQuoted(written: string): string | undefined {
  try {
    return JSON.parse(written) as string;
  } catch {
    return undefined; // YAML has more escapes; no key of ours needs one
  }
}

const scalarHeader = /(?:^|[:?-][ \t]+)(?:[&!][^ \t]*[ \t]+)*[|>]([0-9+-]{0,2})[ \t]*(?:#.*)?$/;

/** The lines of a document that say something, each with the block scalar that it opens. */
function readLines(text: string): readonly Line[] {
  const lines: Line[] = [];
  for (let start = documentStart(text), end; start < text.length; start = end) {
    end = text.indexOf("\n", start) + 1 || text.length;
    const line = text.slice(start, end).trimEnd();
    const content = line.trimStart();
    if (/^\.\.\.(?=\s|$)/.test(line)) break;
    if (content === "" || content.startsWith("#")) continue;
    const column = line.length - content.length;
    const header = scalarHeader.exec(content);
    const reach = header ? scalarEnd(text, end, column + itemOffset(content), header[1]!.includes("+")) : end;
    lines.push({ start, end, column, content, reach });
    end = reach;
  }
  return lines;
}

/** How much further right than its line the mapping begins that opens a block scalar: behind the dashes. */
function itemOffset(content: string): number {
  const dashes = /^(?:-[ \t]+)*/.exec(content)![0];
  return key.test(content.slice(dashes.length)) ? dashes.length : Math.max(0, dashes.trimEnd().length - 1);
}

function scalarEnd(text: string, from: number, column: number, keepsBlank: boolean): number {
  let reach = from;
  for (let start = from, end; start < text.length; start = end) {
    end = text.indexOf("\n", start) + 1 || text.length;
    const line = text.slice(start, end).trimEnd();
    if (line !== "" && columnOf(line) <= column) break;
    if (line !== "" || keepsBlank) reach = end;
  }
  return reach;
}

/** Behind the directives and the `---` of a document. */
function documentStart(text: string): number {
  return /^\ufeff?(?:(?:[ \t]*(?:#[^\n]*)?|%[^\n]*)\r?\n)*---[ \t]*(?:#[^\n]*)?\r?\n/.exec(text)?.[0].length ?? (text.startsWith("\ufeff") ? 1 : 0);
}

function insert(text: string, at: number, column: number, path: readonly string[], value: string): string {
  const eol = at === 0 ? eolOf(text) : text[at - 2] === "\r" ? "\r\n" : "\n";
  const written = path.map((name, i) => `${" ".repeat(column + 2 * i)}${writeScalar(name)}:${i === path.length - 1 ? ` ${writeScalar(value)}` : ""} ${mark}${eol}`);
  return text.slice(0, at) + written.join("") + text.slice(at);
}

// ---- proof

/** Whether a text reads as another one with these fields. */
function readsAs(text: string, before: string, edits: readonly FieldEdit[]): boolean {
  try {
    const wanted = edits.reduce<unknown>((object, { path, value }) => withField(object, path, value!), read(before));
    return isDeepStrictEqual(read(text), wanted);
  } catch {
    return false;
  }
}

function read(text: string): unknown {
  return readChunk({ style: "document", before: "", text, line: 0 });
}

/** A copy with one field set; nothing that it shares with the old one is changed. */
function withField(object: unknown, [name, ...rest]: readonly string[], value: string): unknown {
  const old = (object ?? {}) as { readonly [key: string]: unknown };
  return { ...old, [name!]: rest.length === 0 ? value : withField(old[name!], rest, value) };
}
