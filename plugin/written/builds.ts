import { existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { load } from "js-yaml";
import { asMapping, asText, compareText, describeObject, stringsAt, type KubeObject } from "../../generators/kube/object.ts";
import { isMaterialised } from "../generate/render-files.ts";
import type { SourceTree } from "../generate/source.ts";
import type { Input } from "../input.ts";
import { runsMesh, type Kustomization } from "../tree/tree.ts";
import { writeYaml } from "../write-yaml.ts";
import type { Origin } from "./place.ts";

/** The kustomizations of a tree that no other one takes in, in the order of their paths. */
export function findRoots(tree: SourceTree): readonly string[] {
  const nodes = [...tree.nodes.values()];
  const taken = new Set(nodes.flatMap(({ directory, bases, content }) => [...bases, ...directoriesIn(directory, content)].filter((base) => base !== directory)));
  const roots = nodes.filter(({ directory, isComponent }) => !isComponent && !taken.has(directory) && tree.isInside(directory)).map(({ directory }) => directory);
  return roots.toSorted(compareText);
}

/** Directories of kustomizations of transformers, generators and validators: they are no tree of their own. */
function directoriesIn(directory: string, content: Kustomization["content"]): readonly string[] {
  return ["transformers", "generators", "validators"].flatMap((field) => (Array.isArray(content[field]) ? content[field] : [])).flatMap((entry) => {
    const path = typeof entry === "string" && !entry.includes("\n") ? resolve(directory, entry) : "";
    return path !== "" && existsSync(path) ? [realpathSync(path)] : [];
  });
}

export type LayoutName = "transformer" | "files" | "resource";

/** Which of the three layouts the kustomizations of a build are. */
export function layoutOf(nodes: readonly Kustomization[]): LayoutName {
  return nodes.some(runsMesh) ? "transformer" : isMaterialised(nodes) ? "files" : "resource";
}

/** A new directory below one. */
export function subdirectory(directory: string, name: string): string {
  const path = join(realpathSync(directory), name);
  mkdirSync(path);
  return path;
}

/** A kustomization over another one that asks for the origins of its objects. */
export function wrap(root: string, temporary: string): string {
  const wrapper = join(realpathSync(temporary), "over");
  mkdirSync(wrapper);
  writeFileSync(join(wrapper, "kustomization.yaml"), writeYaml({ resources: [relative(wrapper, realpathSync(root))], buildMetadata: ["originAnnotations"] }));
  return wrapper;
}

/** Where the objects of a build came from, by `Kind namespace/name`. */
export function readOrigins({ leaves }: Input, resolveOrigin: (origin: string) => string): ReadonlyMap<string, Origin> {
  return new Map(leaves.flatMap(({ item }): [string, Origin][] => {
    const origin = readOrigin(item.object);
    return origin === undefined ? [] : [[describeObject(item.object), { path: resolveOrigin(origin.path), isRemote: origin.isRemote }]];
  }));
}

/** What kustomize wrote down of an object: a file, the kustomization that a generator stands in, or a file of another repository. */
function readOrigin(object: KubeObject): Origin | undefined {
  const text = stringsAt(object, "metadata", "annotations")["config.kubernetes.io/origin"];
  const origin = text === undefined ? undefined : asMapping(load(text));
  const path = asText(origin?.["path"]) ?? asText(origin?.["configuredIn"]);
  return path === undefined ? undefined : { path, isRemote: origin!["repo"] !== undefined };
}
