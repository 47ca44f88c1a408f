import { readChunk, splitStream, yamlOf, type Chunk } from "../chunks.ts";
import { editText, type FieldEdit } from "../edit.ts";
import { isEmpty } from "../input.ts";
import { addMarked, findMarked } from "./marks.ts";

/**
 * The text of a stream with each of its documents changed, or taken out where that gives nothing. Nothing comes back
 * where no document is left. Throws a `YamlError` for a document that cannot be read.
 */
export function editDocuments(text: string, edit: (value: unknown, chunk: Chunk) => string | undefined): string | undefined {
  const { chunks } = splitStream(text);
  const edited = chunks.map((chunk) => ({ chunk, text: isEmpty(chunk) ? chunk.text : edit(readChunk(chunk), chunk) }));
  if (edited.every(({ chunk, text: now }) => now === chunk.text)) return text;
  const kept = edited.filter(({ text: now }) => now !== undefined);
  if (kept.every(({ chunk, text: now }) => isEmpty({ ...chunk, text: now! }))) return undefined;
  return kept.map(({ chunk, text: now }, i) => {
    // The first document of a stream that began without a marker begins without one again.
    const isNowFirst = i === 0 && chunk !== chunks[0] && chunks[0]!.before === "" && /^[ \t]*\r?\n/.test(now!);
    return isNowFirst ? now!.replace(/^[ \t]*\r?\n/, "") : chunk.before + now!;
  }).join("");
}

/** The text of a chunk with fields changed in place. */
export function editFields(chunk: Chunk, edits: readonly FieldEdit[]): string {
  const source = yamlOf(chunk);
  const edited = editText(source, edits);
  if (chunk.indent === undefined) return chunk.text.slice(0, chunk.text.length - source.length) + edited;
  const dash = /^((?:[ \t]*(?:#[^\n]*)?\r?\n)*[ ]*)-/.exec(chunk.text)![1]!.length;
  return `${edited.slice(0, dash)}-${edited.slice(dash + 1)}`;
}

/** The text of a chunk with one field more: behind its neighbours, as a person would add it, where whole lines can do that. */
export function addField(chunk: Chunk, path: readonly string[], value: string): string {
  const added = findMarked(chunk.text).length > 0 ? undefined : addMarked(chunk.text, [{ path, value }]);
  if (added === undefined) return editFields(chunk, [{ path, value }]);
  const lines = new Set(findMarked(added).map(({ line }) => line));
  return added.split("\n").map((line, i) => (lines.has(i + 1) ? line.replace(/[ \t]+# istiomize(\r?)$/, "$1") : line)).join("\n");
}
