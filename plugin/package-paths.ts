import { asMapping, kindOf, stringsAt, mappingAt, type Item, type KubeObject } from "../generators/kube/object.ts";
import { isServiceMesh } from "../generators/mesh/config.ts";
import type { PipelineResult } from "../generators/pipeline.ts";

/**
 * New objects of a package get a file: `istio-virtualservice.yaml` and so on, beside the file that holds their
 * Service; what belongs to the whole mesh stands beside the ServiceMesh.
 */
export function addPackagePaths(result: PipelineResult, items: readonly Item[]): readonly KubeObject[] {
  const counts = new Map<string, number>();
  for (const { object, path } of items) {
    const index = Number(stringsAt(object, "metadata", "annotations")["internal.config.kubernetes.io/index"] ?? 0);
    if (path !== undefined) counts.set(path, Math.max(counts.get(path) ?? 0, index + 1));
  }
  const meshPath = items.find(({ object }) => isServiceMesh(object))?.path ?? "";
  return result.added.map(({ object, beside }) => {
    const directory = (beside?.path ?? meshPath).split("/").slice(0, -1).join("/");
    const path = `${directory && `${directory}/`}istio-${kindOf(object).toLowerCase()}.yaml`;
    const index = counts.get(path) ?? 0;
    counts.set(path, index + 1);
    const metadata = asMapping(object["metadata"]) ?? {};
    return {
      ...object,
      metadata: {
        ...metadata,
        annotations: {
          ...mappingAt(metadata, "annotations"),
          "config.kubernetes.io/index": String(index), "config.kubernetes.io/path": path,
          "internal.config.kubernetes.io/index": String(index), "internal.config.kubernetes.io/path": path,
        },
      },
    };
  });
}
