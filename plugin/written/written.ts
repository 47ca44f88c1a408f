import { isAlias, isMap, isScalar, isSeq, parseDocument } from "yaml";
import { yamlOf, type Chunk, type Frame } from "../chunks.ts";
import type { Input } from "../input.ts";
import { findInLines, type Piece } from "./lines.ts";

/** A file, or standard input, as it was read. */
export interface SourceText {
  /** What messages call it. */
  readonly file: string;
  readonly text: string;
  /** Where it stands on disk, if a fix may change it; else why none may. */
  readonly path?: string;
  readonly why?: string;
}

/** An object, or a patch of one, at the place where somebody wrote it. */
export interface Written {
  readonly source: SourceText;
  readonly object: unknown;
  readonly yaml: string;
  /** Where a place of `yaml` stands in the text of the source. */
  readonly toOffset: (at: number) => number;
}

/** A piece of a source, from one offset up to another. */
export interface Span {
  readonly source: SourceText;
  readonly from: number;
  readonly to: number;
  /** Whether the field itself stands here, and not only what it belongs to. */
  readonly isExact: boolean;
  readonly written: Written;
  readonly path: readonly string[];
}

/** The objects that were read of an input, at their places. */
export function findWritten(input: Input, source: SourceText): readonly Written[] {
  const offsets = findOffsets(input, source.text);
  return input.leaves.map(({ chunk, item }): Written => {
    const yaml = yamlOf(chunk);
    const start = (offsets.get(chunk) ?? 0) + chunk.text.length - yaml.length; // a byte order mark is no YAML
    return { source, object: item.object, yaml, toOffset: (at) => start + at };
  });
}

function findOffsets({ frame, envelope }: Input, text: string): ReadonlyMap<Chunk, number> {
  const offsets = new Map<Chunk, number>();
  const visit = (within: Frame, start: number): number => {
    let at = start + within.head.length;
    for (const chunk of within.chunks) {
      at += chunk.before.length;
      offsets.set(chunk, at);
      if (chunk.frame) visit(chunk.frame, at);
      at += chunk.text.length;
    }
    return at + within.tail.length;
  };
  const end = visit(frame, 0);
  // What stands before the items of a ResourceList is not part of its frame.
  return envelope && end < text.length ? new Map([...offsets].map(([chunk, at]) => [chunk, at + text.length - end])) : offsets;
}

const counted = new WeakMap<SourceText, readonly number[]>();

/** Line and column, from 1, of an offset in a source. */
export function positionOf(source: SourceText, offset: number): { readonly line: number; readonly column: number } {
  const starts = counted.get(source) ?? countStarts(source);
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - starts[low]! + 1 };
}

function countStarts(source: SourceText): readonly number[] {
  const starts = [0];
  for (let at = source.text.indexOf("\n"); at >= 0; at = source.text.indexOf("\n", at + 1)) starts.push(at + 1);
  counted.set(source, starts);
  return starts;
}

/** Where a field is written; the nearest thing above it that is there, where it is not. */
export function findSpan(written: Written, path: readonly string[]): Span {
  const { yaml, toOffset, source } = written;
  const inFlow = (from: number, to: number, rest: readonly string[]): Piece | undefined => {
    const found = findNode(yaml.slice(from, to), rest);
    return found?.isExact ? { from: from + found.from, to: from + found.to } : undefined;
  };
  const line = findInLines(yaml, path, inFlow);
  const found = line ? { ...line, isExact: true } : findNode(yaml, path);
  return { source, written, path, from: toOffset(found.from), to: toOffset(found.to), isExact: found.isExact };
}

/** The document that was parsed last: several findings may speak of it. */
let parsed: { readonly text: string; readonly document: ReturnType<typeof parseDocument> } | undefined;

/** As `findSpan`, by parsing. */
export function findNode(text: string, path: readonly string[]): Pick<Span, "from" | "to" | "isExact"> {
  if (parsed?.text !== text) parsed = { text, document: parseDocument(text, { logLevel: "silent", uniqueKeys: false }) };
  let node: unknown = parsed.document.contents;
  let [from, to] = rangeOf(node) ?? [0, 0];
  let depth = 0;
  for (; depth < path.length; depth++) {
    const step = path[depth]!;
    const index = /^\[(\d+)\]$/.exec(step)?.[1];
    if (index !== undefined && isSeq(node)) {
      if (node.items[Number(index)] === undefined) break;
      node = node.items[Number(index)];
    } else if (isMap(node)) {
      const pair = node.items.find((each) => isScalar(each.key) && String(each.key.value) === step);
      if (!pair) break;
      [from, to] = rangeOf(pair.key) ?? [from, to];
      node = pair.value;
    } else break;
    [from, to] = rangeOf(node) ?? [from, to];
    if (isAlias(node)) return { from, to, isExact: false };
  }
  return { from, to: from + text.slice(from, to).trimEnd().length, isExact: depth === path.length };
}

function rangeOf(node: unknown): readonly [number, number] | undefined {
  const range = (node as { readonly range?: readonly [number, number, number] | null } | null | undefined)?.range;
  return range ? [range[0], range[1]] : undefined;
}
