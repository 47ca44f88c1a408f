import { asList, asMapping, asText, generatedFrom, groupOf, kindOf, stringsAt, type Item, type KubeObject } from "../kube/object.ts";

/** What istiomize once wrote, by the annotation that it leaves on Istio objects: the ServiceMeshes behind one. */
export function ownersOf(object: KubeObject): { readonly meshes: readonly string[] } | undefined {
  if (!groupOf(object).endsWith(".istio.io")) return undefined;
  const text = stringsAt(object, "metadata", "annotations")[generatedFrom];
  if (text === undefined) return undefined;
  return { meshes: text.split(",").map((part) => part.trim()).filter((part) => /^(ServiceMesh|ConfigMap)\//.test(part)) };
}

/** The value of `generated-from` for an object made for `source` under these ServiceMeshes. */
export function writeOwners(source: string | undefined, meshes: readonly string[]): string {
  return [...(source === undefined ? [] : [source]), ...meshes].join(", ");
}

/**
 * The objects that settings are read from: not what is local to the package (`local-config`), and not the patches
 * that a kustomization of the package names, which look like second, partial objects to callers that run no kustomize.
 */
export function findSources(items: readonly Item[]): readonly Item[] {
  const patches = findPatchFiles(items);
  return items.filter(({ object, path }) =>
    stringsAt(object, "metadata", "annotations")["config.kubernetes.io/local-config"] !== "true"
    && !(path !== undefined && patches.has(path)));
}

function findPatchFiles(items: readonly Item[]): ReadonlySet<string> {
  const files = new Set<string>();
  for (const { object, path } of items) {
    if (path === undefined || !isKustomization(object, path)) continue;
    const directory = path.split("/").slice(0, -1);
    for (const field of ["patches", "patchesStrategicMerge", "patchesJson6902"]) {
      for (const entry of asList(object[field])) {
        const file = asText(entry) ?? asText(asMapping(entry)?.["path"]);
        if (file !== undefined && !file.includes("\n")) files.add(joinPath(directory, file));
      }
    }
  }
  return files;
}

function isKustomization(object: KubeObject, path: string): boolean {
  return groupOf(object) === "kustomize.config.k8s.io" || (kindOf(object) === "" && /(^|\/)(kustomization\.ya?ml|Kustomization)$/.test(path));
}

function joinPath(directory: readonly string[], file: string): string {
  const steps = [...directory];
  for (const step of file.split("/")) {
    if (step === "..") steps.pop();
    else if (step !== "." && step !== "") steps.push(step);
  }
  return steps.join("/");
}
