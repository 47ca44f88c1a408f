import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { asList, asMapping } from "../../generators/kube/object.ts";
import { readTree } from "../generate/source.ts";
import { findKustomization, isBelow, texts, walkKustomizations, type Kustomization } from "../tree/tree.ts";

/**
 * The kustomizations that are built at a path: the one that stands there, else those below it that no other one takes in.
 * Real paths, sorted; none where nothing is there.
 */
export function findOverlays(path: string): readonly string[] {
  if (!existsSync(path) || !statSync(path).isDirectory()) return [];
  if (findKustomization(path) !== undefined) return [realpathSync(path)];
  const { nodes, isInside } = readTree(path);
  const taken = new Set([...nodes.values()].flatMap((node) => [...node.bases, ...directoriesOf(node)]));
  return [...nodes.values()].filter(({ directory, isComponent }) => !isComponent && !taken.has(directory) && isInside(directory)).map(({ directory }) => directory).sort();
}

/** Kustomizations that another one takes in under a field other than `resources`. */
function directoriesOf({ directory, content }: Kustomization): readonly string[] {
  return ["transformers", "generators", "validators"].flatMap((field) => texts(content[field])).map((entry) => resolve(directory, entry));
}

/**
 * Whether the build of an overlay can be other than it was, given the paths that changed: one of them lies in a
 * kustomization that it takes in, or is named there or in a transformer. A path too many costs a build and no more.
 */
export function mayDiffer(overlay: string, changed: readonly string[]): boolean {
  return pathsOf(overlay).some((path) => changed.some((each) => isBelow(each, path) || isBelow(path, each)));
}

/** The directories that the build of an overlay reads, and whatever else it may read. */
export function pathsOf(overlay: string): readonly string[] {
  return [...new Set(walkKustomizations(overlay).flatMap((node) => {
    const directory = realpathSync(node.directory);
    return [directory, ...namesOf(node).map((name) => resolve(directory, name))];
  }))];
}

/** Everything in a kustomization, and in the transformers and generators that it lists, that may be a path out of its directory. */
function namesOf({ directory, text, content }: Kustomization): readonly string[] {
  const files = directoriesOf({ directory, content } as Kustomization).filter((path) => existsSync(path) && statSync(path).isFile());
  const words = [text, ...files.map((file) => readFileSync(file, "utf8"))].flatMap((each) => each.split(/[\s"',{}[\]=]+/));
  return [...new Set([...words, ...stringsIn(content)])].filter((word) => /^\/|(^|\/)\.\.(\/|$)/.test(word) && !/^[./]*$|\n/.test(word) && word.length < 1000); // what leads nowhere else is below
}

function stringsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return [...asList(value), ...Object.values(asMapping(value) ?? {})].flatMap(stringsIn);
}
