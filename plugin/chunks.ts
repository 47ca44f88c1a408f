import { asMapping, type KubeObject } from "../generators/kube/object.ts";
import { CORE_SCHEMA, load, types, YAMLException } from "js-yaml";

/**
 * Text cut into pieces of one object each, so that what is not asked to change goes out as it came in, byte by byte.
 * A stream is cut at its `---` lines, a list at its items, whether in block or in flow style.
 */
export interface Chunk {
  readonly style: "document" | "block" | "flow";
  /** What stands between this object and the one before: the `---` of a document, the comma of a flow list. */
  readonly before: string;
  readonly text: string;
  /** Set where the object is an item of a list in block style: the column of its keys. */
  readonly indent?: number;
  /** Line of the first character, from 0. */
  readonly line: number;
  /** The items of a list that stands here. */
  readonly frame?: Frame;
}

/** A list, or a stream, around its chunks. */
export interface Frame {
  readonly style: "stream" | "block" | "flow";
  readonly head: string;
  readonly chunks: readonly Chunk[];
  readonly tail: string;
  /** Spaces before the `-` of an item. */
  readonly indent: number;
}

/** A YAML error with the place in the text, counted from 0. */
export class YamlError extends Error {
  readonly line: number;
  readonly column: number;
  readonly isDuplicateKey: boolean;
  constructor(reason: string, line: number, column: number) {
    super(reason);
    this.line = line;
    this.column = column;
    this.isDuplicateKey = reason.startsWith("duplicated mapping key");
  }
}

const marker = /^---(?=[ \t\r\n]|$)/gm;

/** Cuts a stream at its document markers. */
export function splitStream(text: string): Frame {
  const starts = [...text.matchAll(marker)].map(({ index }) => index);
  const bounds = starts[0] === 0 ? starts : [0, ...starts];
  let line = 0;
  const chunks = bounds.map((start, i): Chunk => {
    const piece = text.slice(start, bounds[i + 1] ?? text.length);
    const hasMarker = i > 0 || starts[0] === 0;
    const chunk: Chunk = { style: "document", before: hasMarker ? "---" : "", text: hasMarker ? piece.slice(3) : piece, line };
    line += countLines(piece);
    return chunk;
  });
  return { style: "stream", head: "", chunks, tail: "", indent: 0 };
}

export function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

/** The text of a chunk as YAML of its own: an item's `-` becomes a space, so that every column stays. */
export function yamlOf(chunk: Chunk): string {
  const text = chunk.text.charCodeAt(0) === 0xfeff ? ` ${chunk.text.slice(1)}`.trimStart() : chunk.text;
  if (chunk.indent === undefined) return text;
  return text.replace(/^((?:[ \t]*(?:#[^\n]*)?\r?\n)*[ ]*)-/, "$1 ");
}

/** YAML as Kubernetes tools read it: no dates, but merge keys. Trying every text for a date takes a tenth of the reading. */
const schema = CORE_SCHEMA.extend({ implicit: [types.merge], explicit: [types.binary, types.omap, types.pairs, types.set] });

/** Reads one chunk; throws a `YamlError` whose line counts from the start of the whole text. */
export function readChunk(chunk: Chunk): unknown {
  const text = yamlOf(chunk);
  try {
    return load(endDocument(text), { schema });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    throw new YamlError(withoutNames(error.reason), chunk.line + (error.mark?.line ?? 0), error.mark?.column ?? 0);
  }
}

/** The place says which one is meant; a value that begins with `*` or `!` is taken for a name, and it may be a password. */
export function withoutNames(reason: string): string {
  return reason.replace(/^(unidentified alias|unknown tag|tag \w+ (?:is malformed|cannot contain such characters)|undeclared tag handle|unacceptable node kind for|cannot resolve a node with)\b[^]*/, "$1");
}

/** What follows a `...` line belongs to no document: directives of the next one. */
function endDocument(text: string): string {
  const end = text.startsWith("...") ? 0 : text.indexOf("\n...");
  if (end >= 0 && /^\n?\.\.\.\s*$/m.test(text.slice(end, end + 6))) return text.slice(0, end + 1);
  return text.startsWith("%") ? text.replace(/^%[^\n]*(\n|$)/gm, "") : text;
}

/**
 * Cuts a mapping with a list under `items` into the list's items, by lines. Nothing where the two are not in block
 * style: `flow.ts` cuts those, and costs a second parser.
 */
export function splitBlock(chunk: Chunk): Frame | undefined {
  const base = chunk.indent ?? 0;
  const text = chunk.text;
  const key = new RegExp(`^${" ".repeat(base)}items:[ \\t]*(#[^\\n]*)?\\r?$`, "m").exec(text);
  if (!key || key[0].includes("&")) return undefined;
  let at = key.index + key[0].length + 1;
  const first = at;
  let indent = -1;
  const starts: number[] = [];
  let comments = -1;
  let end = text.length;
  while (at < text.length) {
    const next = text.indexOf("\n", at) + 1 || text.length;
    const line = text.slice(at, next);
    const column = line.length - line.trimStart().length;
    const content = line.slice(column);
    if (content === "" || content.startsWith("#")) {
      if (content !== "" && comments < 0 && column <= Math.max(indent, base)) comments = at;
    } else if ((indent < 0 ? column >= base : column === indent) && /^-([ \t\r\n]|$)/.test(content)) {
      if (line.slice(0, column).includes("\t")) return undefined;
      if (indent < 0) indent = column;
      starts.push(comments >= 0 ? comments : at);
      comments = -1;
    } else if (indent < 0 || column <= indent) {
      if (column !== base || !/^["'A-Za-z_]/.test(content)) return undefined;
      end = comments >= 0 ? comments : at;
      break;
    } else comments = -1;
    at = next;
  }
  if (starts.length === 0) return undefined;
  starts[0] = first;
  let line = chunk.line + countLines(text.slice(0, first));
  const chunks = starts.map((start, i): Chunk => {
    const piece = text.slice(start, starts[i + 1] ?? end);
    const item: Chunk = { style: "block", before: "", text: piece, indent: itemColumn(piece, indent), line };
    line += countLines(piece);
    return item;
  });
  return { style: "block", head: text.slice(0, first), chunks, tail: text.slice(end), indent };
}

/** The column of an item's keys: behind its `-`, or on the next line where a comment or nothing follows that. */
function itemColumn(piece: string, indent: number): number {
  const [, spaces, rest] = /^[ ]*-([ ]*)(.?)/m.exec(piece.slice(piece.search(/^[ ]*-/m))) ?? [];
  if (rest !== undefined && rest !== "" && rest !== "#" && rest !== "\r") return indent + 1 + spaces!.length;
  const next = /\n([ ]*)[^\s#]/.exec(piece.slice(piece.search(/^[ ]*-/m)));
  return next ? next[1]!.length : indent + 2;
}

/** Whether a text may hold a list that only `flow.ts` can cut. */
export function mayUseFlow(text: string): boolean {
  return text.includes("items") && /^[ \t]*(?:---[ \t]*)?\{|^[ \t]*items:[ \t]*[[&!]/m.test(text);
}

const hasAlias = /(^|[\s[{,:-])\*[^\s,[\]{}]/m;

/** Whether a text names an anchor somewhere, so that a small document may stand for a huge value. */
export function usesAliases(text: string): boolean {
  return text.includes("&") && hasAlias.test(text);
}

/** The objects of a text, as far as they can be read. */
export function readDocuments(text: string): readonly KubeObject[] {
  return splitStream(text).chunks.flatMap((chunk) => {
    try {
      const object = asMapping(readChunk(chunk));
      return object ? [object] : [];
    } catch {
      return [];
    }
  });
}
