import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { describeObject, identityOf, refOf, type KubeObject } from "../../generators/kube/object.ts";
import { readDocuments, splitStream, yamlOf } from "../chunks.ts";
import { findPosition } from "../locate.ts";
import { findSecretLines } from "../report/secret-lines.ts";
import type { FileChange } from "../write/change.ts";
import { diffObjects, type Operation } from "./json-patch.ts";
import { isOwned } from "./ownership.ts";
import { shown } from "./source.ts";

/** What is out of date on disk, file by file: the field, what stands there and what should. */
export function describeDrift(changes: readonly FileChange[], tree: string): readonly Diagnostic[] {
  return changes.flatMap((change) => {
    const { path, before, after } = change;
    if (before === undefined) return [diagnose("IZ420", undefined, { tree, found: "no such file", wanted: listObjects(after!) }, { position: { file: shown(path) } })];
    if (after === undefined) return [diagnose("IZ420", undefined, { tree, found: listObjects(before), wanted: "no such file: nothing asks for it any more" }, { position: { file: shown(path), line: 1 } })];
    // A patch is a text in a field: its lines say more than the field does.
    const fields = isOwned(before) && !before.includes("kind: PatchTransformer") ? describeFields(path, before, after, tree) : [];
    return fields.length > 0 ? fields : [describeLine(path, before, after, tree)];
  });
}

function listObjects(text: string): string {
  const names = readDocuments(text).map((object) => (object["nameReference"] ? "name references for kustomize" : describeObject(object)));
  return names.length <= 3 ? names.join(", ") : `${names.slice(0, 2).join(", ")} and ${names.length - 2} more objects`;
}

/** The first difference of each object in a generated file. */
function describeFields(path: string, before: string, after: string, tree: string): readonly Diagnostic[] {
  const wanted = new Map(readDocuments(after).map((object) => [identityOf(object), object]));
  const found = readDocuments(before);
  const extra = found.filter((object) => !wanted.has(identityOf(object)));
  const missing = [...wanted.values()].filter((object) => !found.some((each) => identityOf(each) === identityOf(object)));
  return [
    ...found.flatMap((object) => {
      const [first] = wanted.has(identityOf(object)) ? diffObjects(object, wanted.get(identityOf(object))!) : [];
      return first ? [describeField(path, before, object, first, tree)] : [];
    }),
    ...extra.map((object) => diagnose("IZ420", { ref: refOf(object), path: [] }, { tree, found: describeObject(object), wanted: "no such object" }, { position: { file: shown(path), line: lineOf(before, object, [])?.line ?? 1 } })),
    ...missing.map((object) => diagnose("IZ420", { ref: refOf(object), path: [] }, { tree, found: "no such object", wanted: describeObject(object) }, { position: { file: shown(path) } })),
  ];
}

function describeField(path: string, text: string, object: KubeObject, operation: Operation, tree: string): Diagnostic {
  const keys = readPointer(operation.path);
  const position = lineOf(text, object, operation.op === "add" ? keys.slice(0, -1) : keys);
  return diagnose("IZ420", { ref: refOf(object), path: keys }, {
    tree, found: operation.op === "add" ? "nothing" : writeValue(valueAt(object, keys)),
    wanted: operation.op === "remove" ? "no such field" : writeValue(operation.value),
  }, { position: { file: shown(path), ...(position && position) } });
}

/** The keys of a JSON pointer, list positions as diagnostics write them. */
export function readPointer(pointer: string): readonly string[] {
  return pointer.split("/").slice(1).map((key) => (/^\d+$/.test(key) ? `[${key}]` : key.replaceAll("~1", "/").replaceAll("~0", "~")));
}

/** The value at keys as `readPointer` gives them. */
export function valueAt(object: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>((at, key) => {
    const index = /^\[(\d+)\]$/.exec(key)?.[1];
    return index !== undefined && Array.isArray(at) ? at[Number(index)] : (at as { [key: string]: unknown } | undefined)?.[key];
  }, object);
}

/** A value on one line, as long as a line of a message can be. */
export function writeValue(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return text.length <= 160 ? text : `${text.slice(0, 157)}...`;
}

function lineOf(text: string, object: KubeObject, path: readonly string[]): { readonly line: number; readonly column: number } | undefined {
  const chunk = splitStream(text).chunks.find((each) => readDocuments(each.text).some((one) => identityOf(one) === identityOf(object)));
  const found = chunk && findPosition(yamlOf(chunk), { ref: refOf(object), path });
  return found && { line: chunk.line + found.line, column: found.column };
}

/** The first line that differs: an entry of a kustomization, a line that istiomize added to a file of people's. */
function describeLine(path: string, before: string, after: string, tree: string): Diagnostic {
  const [found, wanted] = [before.split(/\r?\n/), after.split(/\r?\n/)];
  const at = found.findIndex((line, i) => line !== wanted[i]);
  const index = at < 0 ? found.length : at;
  return diagnose("IZ420", undefined, {
    tree, found: wanted.length > found.length ? "no such line" : quoteLine(before, index), wanted: wanted.length < found.length ? "no such line" : quoteLine(after, index),
  }, { position: { file: shown(path), line: index + 1 } });
}

function quoteLine(text: string, index: number): string {
  const line = text.split(/\r?\n/)[index];
  if (findSecretLines(text).has(index)) return "a line that may hold a value of a Secret, not shown";
  return line === undefined || line.trim() === "" ? "an empty line" : JSON.stringify(line.trim());
}
