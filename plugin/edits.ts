import type { Item } from "../generators/kube/object.ts";
import type { PipelineResult } from "../generators/pipeline.ts";
import { yamlOf, type Chunk } from "./chunks.ts";
import { editLines } from "./edit-lines.ts";
import type { FieldEdit } from "./edit.ts";
import type { Input } from "./input.ts";

/** The new text of every object of which single fields change; all else in it stays as it was. */
export async function carryOutEdits(input: Input, result: PipelineResult): Promise<ReadonlyMap<Chunk, string>> {
  const edits = new Map<Item, FieldEdit[]>();
  for (const { item, path, value } of result.edits) {
    const list = edits.get(item);
    if (list) list.push({ path, value });
    else edits.set(item, [{ path, value }]);
  }
  const texts = new Map<Chunk, string>();
  if (edits.size === 0) return texts;
  for (const { chunk, item } of input.leaves) {
    const own = edits.get(item);
    if (own) texts.set(chunk, await editChunk(chunk, own));
  }
  return texts;
}

async function editChunk(chunk: Chunk, edits: readonly FieldEdit[]): Promise<string> {
  const source = yamlOf(chunk);
  const edited = editLines(source, edits) ?? (await import("./edit.ts")).editText(source, edits);
  if (chunk.indent === undefined) return chunk.text.slice(0, chunk.text.length - source.length) + edited;
  const dash = /^((?:[ \t]*(?:#[^\n]*)?\r?\n)*[ ]*)-/.exec(chunk.text)![1]!.length;
  return `${edited.slice(0, dash)}-${edited.slice(dash + 1)}`;
}
