import { LineCounter, parseDocument, isMap, isScalar, isSeq } from "yaml";
import { sortDiagnostics, type Diagnostic, type Place } from "../generators/diagnostics/diagnostic.ts";
import { describe, describeObject } from "../generators/kube/object.ts";
import { countLines, yamlOf } from "./chunks.ts";
import type { Input } from "./input.ts";

/** Adds line and column from the text of a stream. A ResourceList has no lines that anybody could open. */
export function locate(diagnostics: readonly Diagnostic[], input: Input | undefined, name: string): readonly Diagnostic[] {
  if (!input || input.envelope || diagnostics.every(({ position, place }) => position || !place)) return diagnostics;
  const leaves = new Map(input.leaves.map((leaf) => [describeObject(leaf.item.object), leaf]));
  return sortDiagnostics(diagnostics.map((diagnostic) => {
    const { place, position } = diagnostic;
    const leaf = place && !position ? leaves.get(describe(place.ref)) : undefined;
    if (!place || !leaf) return diagnostic;
    const found = findPosition(yamlOf(leaf.chunk), place);
    return { ...diagnostic, position: { file: name, line: leaf.chunk.line + (found?.line ?? 1), ...(found && { column: found.column }) } };
  }));
}

interface LineColumn {
  readonly line: number;
  readonly column: number;
}

/** Line and column, from 1, of the value at a place in a document; of the nearest thing above it that is there. */
export function findPosition(text: string, place: Place): LineColumn | undefined {
  return findAnnotation(text, place) ?? parsePosition(text, place);
}

/** Most diagnostics speak of an annotation, whose key stands once on a line of its own: no need to parse for that. */
function findAnnotation(text: string, { path }: Place): LineColumn | undefined {
  const key = path[0] === "metadata" && path[1] === "annotations" && path.length === 3 ? path[2]! : undefined;
  const at = key === undefined ? -1 : text.indexOf(key);
  if (at < 0 || text.indexOf(key!, at + 1) >= 0) return undefined;
  const start = text.lastIndexOf("\n", at) + 1;
  const before = text.slice(start, at);
  const value = /^["']?[ \t]*:[ \t]+(?=\S)/.exec(text.slice(at + key!.length));
  if (!value || !/^[ ]*["']?$/.test(before)) return undefined;
  return { line: countLines(text.slice(0, start)) + 1, column: before.length + key!.length + value[0].length + 1 };
}

/** The document that was parsed last: thousands of diagnostics may speak of one. */
let parsed: { readonly text: string; readonly counter: LineCounter; readonly document: ReturnType<typeof parseDocument> } | undefined;

function parsePosition(text: string, place: Place): LineColumn | undefined {
  if (parsed?.text !== text) {
    const counter = new LineCounter();
    parsed = { text, counter, document: parseDocument(text, { lineCounter: counter, logLevel: "silent", uniqueKeys: false }) };
  }
  const { counter, document } = parsed;
  let node: unknown = document.contents;
  let offset = (node as { range?: [number, number, number] } | null)?.range?.[0];
  for (const key of place.path) {
    const index = /^\[(\d+)\]$/.exec(key)?.[1];
    if (index !== undefined && isSeq(node)) node = node.items[Number(index)];
    else if (isMap(node)) {
      const pair = node.items.find((each) => isScalar(each.key) && each.key.value === key);
      if (!pair) break;
      offset = (pair.key as { range?: [number, number, number] }).range?.[0] ?? offset;
      node = pair.value;
    } else break;
    offset = (node as { range?: [number, number, number] } | null)?.range?.[0] ?? offset;
  }
  if (offset === undefined) return undefined;
  const { line, col } = counter.linePos(offset);
  return { line, column: col };
}

