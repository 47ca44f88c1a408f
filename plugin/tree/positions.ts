import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { sortDiagnostics, type Diagnostic, type Place, type Position } from "../../generators/diagnostics/diagnostic.ts";
import { asList, asMapping, asText, kindOf, nameOf, namespaceOf, type KubeObject } from "../../generators/kube/object.ts";
import { readChunk, splitStream, yamlOf, type Chunk } from "../chunks.ts";
import { findPosition } from "../locate.ts";
import type { Kustomization } from "./tree.ts";

interface Candidate {
  readonly file: string;
  readonly chunk: Chunk;
  readonly object: KubeObject;
}

/**
 * Adds file, line and column to diagnostics, by looking for what they speak of in the files of the tree: first where
 * the field itself is written, the outermost patch before the base, then where its object is.
 */
export function locateInTree(diagnostics: readonly Diagnostic[], tree: readonly Kustomization[]): readonly Diagnostic[] {
  if (!diagnostics.some(({ place, position }) => place && !position)) return diagnostics;
  const files = [...new Set(tree.flatMap(({ patches, resources, transformers }) => [...transformers, ...patches, ...resources]))];
  const candidates = files.flatMap(readCandidates);
  return sortDiagnostics(diagnostics.map((diagnostic) => {
    if (!diagnostic.place || diagnostic.position) return diagnostic;
    const position = findInPatches(diagnostic.place, tree) ?? findPlace(diagnostic.place, candidates);
    return position ? { ...diagnostic, position } : diagnostic;
  }));
}

function readCandidates(file: string): readonly Candidate[] {
  return splitStream(readFileSync(file, "utf8")).chunks.flatMap((chunk): Candidate[] => {
    try {
      const object = asMapping(readChunk(chunk));
      return object ? [{ file, chunk, object }] : [];
    } catch {
      return [];
    }
  });
}

/**
 * An annotation in a patch that is no partial object: a JSON6902 patch, or one written inside the kustomization. Such
 * a patch is searched as text, because what it changes stands in its target.
 */
function findInPatches({ ref, path }: Place, tree: readonly Kustomization[]): Position | undefined {
  if (path[0] !== "metadata" || path[1] !== "annotations" || path[2] === undefined) return undefined;
  const keys = [path[2], path[2].replaceAll("~", "~0").replaceAll("/", "~1")];
  for (const { directory, file, content } of tree) {
    for (const entry of asList(content["patches"])) {
      const inline = asText(asMapping(entry)?.["patch"]);
      const at = inline === undefined ? resolve(directory, asText(asMapping(entry)?.["path"]) ?? ".") : file;
      const target = asMapping(asMapping(entry)?.["target"]);
      const text = inline ?? readText(at);
      const isMeant = target
        ? (target["kind"] === undefined || target["kind"] === ref.kind) && (target["name"] === undefined || ref.name.includes(String(target["name"])))
        : inline !== undefined && (readNames(inline, ref.kind).some((name) => ref.name.includes(name)));
      const key = isMeant ? keys.find((each) => text.includes(each)) : undefined;
      if (key !== undefined) return findText(at, key);
    }
  }
  return undefined;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function readNames(patch: string, kind: string): readonly string[] {
  return splitStream(patch).chunks.flatMap((chunk) => {
    try {
      const object = asMapping(readChunk(chunk));
      return object && kindOf(object) === kind && nameOf(object) !== "" ? [nameOf(object)] : [];
    } catch {
      return [];
    }
  });
}

function findText(file: string, key: string): Position {
  const before = readText(file).split(key)[0]!.split("\n");
  return { file: relative(process.cwd(), file), line: before.length, column: before.at(-1)!.length + 1 };
}

function findPlace(place: Place, candidates: readonly Candidate[]): Position | undefined {
  const { ref, path } = place;
  const fitting = candidates.filter(({ object }) => kindOf(object) === ref.kind && nameOf(object) !== "" && ref.name.includes(nameOf(object)));
  const rank = ({ object }: Candidate): number => {
    const sameNamespace = namespaceOf(object) === (ref.namespace ?? "") ? 0 : namespaceOf(object) === "" ? 1 : 2;
    return (ref.name.length - nameOf(object).length) * 10 + sameNamespace;
  };
  const best = Math.min(...fitting.map((candidate) => ref.name.length - nameOf(candidate.object).length));
  const near = fitting.filter(({ object }) => ref.name.length - nameOf(object).length === best).sort((a, b) => rank(a) - rank(b));
  const found = near.find(({ object }) => holds(object, path)) ?? near[0];
  if (!found) return undefined;
  const at = findPosition(yamlOf(found.chunk), place);
  return { file: relative(process.cwd(), found.file), line: found.chunk.line + (at?.line ?? 1), ...(at && { column: at.column }) };
}

function holds(object: KubeObject, path: readonly string[]): boolean {
  let at: unknown = object;
  for (const key of path) {
    const index = /^\[(\d+)\]$/.exec(key)?.[1];
    at = index === undefined ? asMapping(at)?.[key] : Array.isArray(at) ? at[Number(index)] : undefined;
    if (at === undefined) return false;
  }
  return true;
}
