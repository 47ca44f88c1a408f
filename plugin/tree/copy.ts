import { cpSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { editText } from "../edit.ts";
import { splitStream } from "../chunks.ts";
import { commonDirectory, holdsMesh, type Kustomization } from "./tree.ts";

/**
 * A copy of the kustomizations of a tree in which the ServiceMesh transformers carry no function annotation: kubectl
 * never runs a function of that form, but runs the older one. Gives the copy of the outermost directory.
 */
export function copyForKubectl(tree: readonly Kustomization[], temporary: string): string {
  const roots = tree.map(({ directory }) => realpathSync(directory));
  const common = commonDirectory(roots);
  const target = (path: string): string => join(realpathSync(temporary), "tree", relative(common, path));
  const skipped = new Set([".git", "node_modules"]);
  for (const root of roots) cpSync(root, target(root), { recursive: true, dereference: true, filter: (path) => !skipped.has(basename(path)) });
  for (const file of tree.flatMap(({ transformers }) => transformers)) {
    const copy = target(realpathSync(file));
    const { chunks } = splitStream(readFileSync(copy, "utf8"));
    writeFileSync(copy, chunks.map(({ before, text }) => before + (holdsMesh(text) ? dropFunction(text) : text)).join(""));
  }
  return target(roots[0]!);
}

function dropFunction(text: string): string {
  return editText(text, [{ path: ["metadata", "annotations", "config.kubernetes.io/function"], value: undefined }]);
}
