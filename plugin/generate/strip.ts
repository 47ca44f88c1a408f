import { isDeepStrictEqual } from "node:util";
import { isSeq, parseDocument } from "yaml";
import { annotationPrefix, asList, asMapping, asText, groupOf, kindOf, mappingAt, nameOf, type KubeObject, type Mapping } from "../../generators/kube/object.ts";
import { readChunk, splitBlock, splitStream, type Chunk, type Frame } from "../chunks.ts";
import { splitFlow } from "../flow.ts";
import { editDocuments, editFields } from "../tree/documents.ts";
import { removeEntries } from "../tree/patch-entries.ts";

/**
 * Texts without what is istiomize's in them: annotations, ServiceMeshes, guards. Everything else stays as it was written;
 * nothing comes back where nothing is left. Each throws an `Error` with a plain message where that cannot be done.
 */
export function stripResources(text: string): string | undefined {
  return mayHoldOurs(text) ? editDocuments(text, stripObject) : text;
}

/**
 * A strategic merge patch that says nothing any more goes, a JSON patch without operations too. An operation that sets
 * all annotations takes others away: where there are some (`hasOthers`), it stays, with what is not ours.
 */
export function stripPatches(text: string, hasOthers: boolean): string | undefined {
  if (!mayHoldOurs(text)) return text;
  return editDocuments(text, (value, chunk) => {
    if (Array.isArray(value)) return stripOperations(value, chunk, hasOthers);
    const stripped = stripObject(value, chunk);
    return stripped === undefined || stripped === chunk.text || !saysNothing(readChunk({ ...chunk, text: stripped })) ? stripped : undefined;
  });
}

/** Of transformers only those go that are ours. */
export function stripTransformers(text: string): string | undefined {
  return mayHoldOurs(text) ? editDocuments(text, (value, chunk) => (isOurs(value) || isGuard(value) ? undefined : chunk.text)) : text;
}

function mayHoldOurs(text: string): boolean {
  return text.includes("istiomize");
}

/** A ServiceMesh, or a patch of one. */
function isOurs(value: unknown): boolean {
  return asMapping(value) !== undefined && groupOf(value as KubeObject) === "istiomize.dev";
}

/** The transformer that makes a build fail which the function had no part in. */
export function isGuard(value: unknown): boolean {
  const object = asMapping(value);
  return object !== undefined && kindOf(object) === "PatchTransformer" && (nameOf(object) === "istiomize-guard" || /^\s*kind:\s*IstiomizeRan\b/m.test(asText(object["patch"]) ?? ""));
}

function stripObject(value: unknown, chunk: Chunk): string | undefined {
  if (isOurs(value) || isGuard(value)) return undefined;
  const object = asMapping(value);
  if (!object) return chunk.text;
  const items = asList(object["items"]).map(asMapping);
  return items.length > 0 && kindOf(object).endsWith("List") ? stripItems(items, chunk) : stripAnnotations(object, chunk);
}

function stripItems(items: readonly (Mapping | undefined)[], chunk: Chunk): string {
  if (items.some(isOurs)) throw new Error("a ServiceMesh inside a List");
  if (!items.some((item) => ownKeys(item).length > 0)) return chunk.text;
  const frame = splitBlock(chunk) ?? splitFlow(chunk);
  if (frame?.chunks.length !== items.length) throw new Error("a List that cannot be cut into its items");
  return joinFrame(frame, (each, i) => stripAnnotations(items[i]!, each));
}

function joinFrame({ head, chunks, tail }: Frame, edit: (chunk: Chunk, i: number) => string): string {
  return head + chunks.map((chunk, i) => chunk.before + edit(chunk, i)).join("") + tail;
}

function ownKeys(object: Mapping | undefined): readonly string[] {
  return Object.keys(mappingAt(object, "metadata", "annotations")).filter((key) => key.startsWith(annotationPrefix));
}

function stripAnnotations(object: Mapping, chunk: Chunk): string {
  const own = ownKeys(object);
  if (own.length === 0) return chunk.text;
  const { annotations, ...metadata } = mappingAt(object, "metadata");
  const others = Object.fromEntries(Object.entries(asMapping(annotations)!).filter(([key]) => !own.includes(key)));
  const isEmptied = Object.keys(others).length === 0;
  const path = ["metadata", "annotations"];
  const edited = editFields(chunk, isEmptied ? [{ path, value: undefined }] : own.map((key) => ({ path: [...path, key], value: undefined })));
  const wanted = { ...object, metadata: { ...metadata, ...(!isEmptied && { annotations: others }) } };
  if (!isDeepStrictEqual(readChunk({ ...chunk, text: edited }), wanted)) throw new Error(`annotations of ${kindOf(object)} ${nameOf(object)} that come from somewhere else (an anchor, a merge key)`);
  return edited;
}

/** Whether a patch names an object and nothing more. */
function saysNothing(value: unknown): boolean {
  const { apiVersion: _, kind: __, metadata, ...rest } = asMapping(value) ?? {};
  const { name: ___, namespace: ____, ...others } = asMapping(metadata) ?? {};
  return Object.keys(rest).length === 0 && Object.keys(others).length === 0;
}

// ---- JSON6902

const ownPath = "/metadata/annotations/istiomize.dev~1";

function stripOperations(operations: readonly unknown[], chunk: Chunk, hasOthers: boolean): string | undefined {
  const isGone = (operation: unknown): boolean => [asText(asMapping(operation)?.["path"]), asText(asMapping(operation)?.["from"])].some((path) => path?.startsWith(ownPath)) || (!hasOthers && setsOursAlone(operation));
  const mixed = operations.map((operation) => (isGone(operation) ? [] : keysSetBy(operation).filter((key) => key.startsWith(annotationPrefix))));
  if (operations.every(isGone)) return undefined;
  if (!operations.some(isGone) && mixed.every((keys) => keys.length === 0)) return chunk.text;
  const wrapped = wrapList(chunk.text);
  const frame = splitFrame(wrapped.text);
  if (frame?.chunks.length !== operations.length) throw new Error("a JSON patch that cannot be cut into its operations");
  const edited = joinFrame(frame, (each, i) => editFields(each, mixed[i]!.map((key) => ({ path: ["value", key], value: undefined }))));
  const stripped = wrapped.unwrap(removeEntries(edited, "items", isGone));
  const wanted = operations.filter((operation) => !isGone(operation)).map((operation) => (keysSetBy(operation).length === 0 ? operation : withoutOurs(operation)));
  if (!isDeepStrictEqual(readChunk({ ...chunk, text: stripped }), wanted)) throw new Error("a JSON patch that cannot be edited in place");
  return stripped;
}

/** The annotations that an operation sets all at once. */
function keysSetBy(operation: unknown): readonly string[] {
  const { path, value } = asMapping(operation) ?? {};
  return path === "/metadata/annotations" ? Object.keys(asMapping(value) ?? {}) : [];
}

function setsOursAlone(operation: unknown): boolean {
  const keys = keysSetBy(operation);
  return keys.length > 0 && keys.every((key) => key.startsWith(annotationPrefix));
}

function withoutOurs(operation: unknown): unknown {
  const { value, ...rest } = asMapping(operation)!;
  return { ...rest, value: Object.fromEntries(Object.entries(asMapping(value)!).filter(([key]) => !key.startsWith(annotationPrefix))) };
}

function splitFrame(text: string): Frame | undefined {
  const [chunk] = splitStream(text).chunks;
  return splitBlock(chunk!) ?? splitFlow(chunk!);
}

/** A list as the field `items` of a mapping, which the editors of lists know. */
function wrapList(text: string): { readonly text: string; readonly unwrap: (text: string) => string } {
  const { contents } = parseDocument(text, { logLevel: "silent" });
  if (!isSeq(contents) || !contents.range) throw new Error("a JSON patch that cannot be edited in place");
  const [start, end] = contents.range;
  if (contents.flow) {
    const [open, tail] = ['{"items": ', text.slice(end)];
    return { text: `${text.slice(0, start)}${open}${text.slice(start, end)}}${tail}`, unwrap: (now) => now.slice(0, start) + now.slice(start + open.length, now.length - tail.length - 1) + tail };
  }
  const line = text.lastIndexOf("\n", start - 1) + 1;
  const key = `${text.slice(line, start)}items:${text.includes("\r\n") ? "\r\n" : "\n"}`;
  return { text: text.slice(0, line) + key + text.slice(line), unwrap: (now) => now.slice(0, line) + now.slice(line + key.length) };
}
