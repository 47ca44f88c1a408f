import { basename } from "node:path";
import { generatedFrom, kindOf, mappingAt, nameOf, selects, stringsAt, type KubeObject } from "../../generators/kube/object.ts";
import { readDocuments } from "../chunks.ts";
import type { Source } from "./objects.ts";
import { referencesFile } from "./ownership.ts";
import type { SourceTree } from "./source.ts";
import type { Wanted } from "./wanted.ts";

/** What belongs to one Service, for `--only`. */
export interface Choice {
  /** Its generated files, and patches of those and of its workloads. */
  readonly isChosen: (file: string) => boolean;
  /** The files of people's that hold its workloads. */
  readonly sources: ReadonlySet<string>;
}

export function chooseService(name: string, tree: SourceTree, wanted: Wanted, sources: readonly Source[]): Choice {
  const selectors = sources.flatMap(({ item: { object } }) => (kindOf(object) === "Service" && nameOf(object) === name ? [mappingAt(object, "spec", "selector")] : []));
  const isBehind = (object: KubeObject): boolean => selectors.some((selector) => selects(selector, mappingAt(object, "spec", "template", "metadata", "labels")));
  const isIts = (object: KubeObject): boolean => isBehind(object) || (stringsAt(object, "metadata", "annotations")[generatedFrom] ?? "").split(", ").includes(`Service/${name}`);
  const onDisk = (file: string): readonly KubeObject[] => (tree.owned.has(file) ? readDocuments(tree.owned.get(file)!) : []);
  return {
    isChosen: (file) => basename(file) === referencesFile || [...wanted.objectsOf(file), ...onDisk(file)].some(isIts),
    sources: new Set(sources.filter(({ item }) => isBehind(item.object)).map(({ file }) => file)),
  };
}
