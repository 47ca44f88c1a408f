import { isCollection, isMap, isScalar, isSeq, parseDocument, type YAMLSeq } from "yaml";
import { countLines, yamlOf, type Chunk, type Frame } from "./chunks.ts";

/** Cuts a list in flow style (JSON, `items: [...]`) at the positions that the parser gives; nothing for any other. */
export function splitFlow(chunk: Chunk): Frame | undefined {
  const source = yamlOf(chunk);
  const document = parseDocument(source, { logLevel: "silent", uniqueKeys: false });
  if (document.errors.length > 0 || !isMap(document.contents)) return undefined;
  const list = document.contents.items.find(({ key }) => isScalar(key) && key.value === "items")?.value;
  return isSeq(list) && list.flow && list.range ? cutFlow(chunk, source, list) : undefined;
}

function cutFlow(chunk: Chunk, source: string, list: YAMLSeq): Frame {
  const [start] = list.range!;
  const chunks: Chunk[] = [];
  let at = start + 1;
  for (const item of list.items) {
    const [from, to] = isCollection(item) || isScalar(item) ? item.range! : [at, at];
    chunks.push({ style: "flow", before: source.slice(at, from), text: source.slice(from, to), line: chunk.line + countLines(source.slice(0, from)) });
    at = to;
  }
  return { style: "flow", head: source.slice(0, start + 1), chunks, tail: source.slice(at), indent: 0 };
}
