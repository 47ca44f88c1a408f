import { compareText } from "../../generators/kube/object.ts";
import { asMapping, asText, asList } from "../../generators/kube/object.ts";
import type { Kustomization } from "../tree/tree.ts";
import { mayBeOwned } from "./ownership.ts";
import type { SourceTree } from "./source.ts";

/** Which kustomizations of a tree are built, and where each resource file is at home. */
export interface Layout {
  /**
   * What plain kustomize must build as `render` does: kustomizations that no other one takes in, and those that hold
   * a ServiceMesh and Services. Bases come before what is built on them.
   */
  readonly targets: readonly string[];
  /** The kustomization from whose point of view a resource file's generated objects are written. */
  readonly homeOf: (file: string) => string | undefined;
  /** What a home is made from: its own files, and the ServiceMeshes that everything built on it shares. */
  readonly filesOf: (home: string) => readonly string[];
  /** The kustomizations that list a resource file. */
  readonly listers: ReadonlyMap<string, readonly string[]>;
}

export function findLayout(tree: SourceTree): Layout {
  const { nodes, closure } = tree;
  const taken = new Set([...nodes.values()].flatMap(({ bases }) => bases));
  const filesOf = (at: string): readonly string[] => [...closure(at)].flatMap((each) => nodes.get(each)?.resources ?? []);
  const isMeshed = (at: string): boolean => [...closure(at)].some((each) => nodes.get(each)?.resources.some((file) => tree.meshFiles.has(file)))
    && filesOf(at).some((file) => /^[ \t]*["']?kind["']?:\s*["']?Service\b/m.test(tree.read(file)));
  const candidates = [...nodes.values()].filter(({ directory, isComponent }) => !isComponent && tree.isInside(directory));
  const meshAbove = meshedAbove(tree);
  const targets = candidates.map(({ directory }) => directory).filter((at) => !taken.has(at) || (meshAbove.has(at) && isMeshed(at)))
    .sort((a, b) => closure(a).size - closure(b).size || compareText(a, b));

  const smallest = targets.filter((target) => !targets.some((other) => other !== target && closure(target).has(other)));
  const covering = new Map<string, string[]>();
  for (const target of targets) {
    const below = targets.filter((other) => other !== target && closure(target).has(other)).map(closure);
    for (const at of closure(target)) if (!below.some((each) => each.has(at))) covering.set(at, [...(covering.get(at) ?? []), target]);
  }
  const shared = sharedBases(tree, smallest);
  const listers = new Map<string, string[]>();
  for (const { directory, resources } of nodes.values()) {
    for (const file of resources) {
      const list = listers.get(file);
      if (list) list.push(directory);
      else listers.set(file, [directory]);
    }
  }
  const homeOf = (file: string): string | undefined => {
    const lister = listers.get(file)?.[0];
    if (lister === undefined) return undefined;
    const above = covering.get(lister) ?? [];
    return above.length === 1 ? above[0] : (shared.get(lister) ?? lister);
  };
  const meshesFor = (home: string): readonly string[] => {
    const above = targets.filter((target) => closure(target).has(home));
    return [...tree.meshFiles].filter((file) => above.length > 0 && above.every((target) => filesOf(target).includes(file)));
  };
  return { targets, homeOf, listers, filesOf: (home) => [...new Set([...filesOf(home), ...meshesFor(home)])] };
}

/** The kustomizations that take in one that lists a ServiceMesh, those included: only they can be targets for it. */
function meshedAbove({ nodes, closure, meshFiles }: SourceTree): ReadonlySet<string> {
  const holders = [...nodes.values()].filter(({ resources }) => resources.some((file) => meshFiles.has(file))).map(({ directory }) => directory);
  return new Set(holders.length === 0 ? [] : [...nodes.keys()].filter((at) => holders.some((holder) => closure(at).has(holder))));
}

/** For what several smallest targets build on: the largest kustomization that all of those take in. */
function sharedBases({ nodes, closure }: SourceTree, targets: readonly string[]): ReadonlyMap<string, string> {
  const shared = new Map<string, string>();
  const bases = [...nodes.values()].filter(({ isComponent, directory }) => !isComponent && targets.filter((target) => closure(target).has(directory)).length > 1)
    .map(({ directory }) => directory).sort((a, b) => closure(b).size - closure(a).size || compareText(a, b));
  for (const base of bases) {
    const above = targets.filter((target) => closure(target).has(base)).length;
    for (const at of closure(base)) {
      if (!shared.has(at) && targets.filter((target) => closure(target).has(at)).length === above) shared.set(at, base);
    }
  }
  return shared;
}

const neutral = new Set(["apiVersion", "kind", "metadata", "resources", "bases", "configurations", "sortOptions", "generatorOptions", "buildMetadata"]);

/** Whether kustomize gives the files of a kustomization as they are: then reading them is building them. */
export function isPlain({ content, remote, missing }: Kustomization): boolean {
  return remote.length === 0 && missing.every(mayBeOwned) && Object.entries(content).every(([field, value]) =>
    neutral.has(field) || value === null || (Array.isArray(value) && value.length === 0));
}

const predictable = new Set([...neutral, "namePrefix", "nameSuffix", "namespace", "labels", "commonLabels", "commonAnnotations", "components", "images", "replicas", "configMapGenerator", "secretGenerator"]);

/** Whether what a kustomization does to an object of ours follows from its prefix, suffix, namespace and labels alone. */
export function isPredictable(content: Kustomization["content"]): boolean {
  return Object.entries(content).every(([field, value]) => predictable.has(field) || value === null || (field === "patches" && asList(value).every(isElsewhere)));
}

/** A patch that can only be of other kinds than those that istiomize makes. */
function isElsewhere(entry: unknown): boolean {
  const target = asMapping(asMapping(entry)?.["target"]);
  return target === undefined || /^(Service|Deployment|StatefulSet|DaemonSet|Namespace|ServiceMesh|ConfigMap|Secret|Ingress|HorizontalPodAutoscaler)$/.test(asText(target["kind"]) ?? "");
}

/** What a kustomization does to all its objects, its components included, innermost first. */
export function changesOf(tree: SourceTree, directory: string): readonly Kustomization["content"][] {
  const node = tree.nodes.get(directory);
  if (!node) return [];
  const components = node.bases.filter((base) => tree.nodes.get(base)?.isComponent);
  return [...components.flatMap((component) => changesOf(tree, component)), node.content];
}

/** The labels that a kustomization puts on every object. */
export function labelsOf(content: Kustomization["content"]): { readonly [key: string]: string } {
  const pairs = asList(content["labels"]).map((entry) => asMapping(asMapping(entry)?.["pairs"]) ?? {});
  const all = Object.assign({}, ...pairs, asMapping(content["commonLabels"]) ?? {}) as { [key: string]: unknown };
  return Object.fromEntries(Object.entries(all).flatMap(([key, value]) => (asText(value) === undefined ? [] : [[key, value as string]])));
}
