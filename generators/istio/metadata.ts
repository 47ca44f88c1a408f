import { compact, stringsAt, type KubeObject, type Mapping } from "../kube/object.ts";
import { readWave, syncWave } from "../kube/sync-wave.ts";
import type { MeshContext } from "../mesh/context.ts";
import { writeOwners } from "../mesh/sources.ts";

/** What an object is made for. */
export interface MadeFor {
  /** For `generated-from`; nothing where it is the mesh itself. */
  readonly text?: string;
  /** The Services, or the workload without one; the first gives its labels. */
  readonly objects?: readonly KubeObject[];
}

/**
 * Metadata of a generated object: the labels of its Service, what the ServiceMesh adds, and where it came from. `wave`
 * is how much later than its Service Argo CD applies it, where `spec.argocd.syncWaves` asks for that.
 */
export function makeMetadata(context: MeshContext, name: string, namespace: string, { text, objects = [] }: MadeFor, wave = 0): Mapping {
  const { config } = context;
  const labels = Object.entries(objects[0] && isService(objects[0]) ? stringsAt(objects[0], "metadata", "labels") : {})
    .filter(([key, value]) => !key.startsWith("helm.sh/") && !(key === "app.kubernetes.io/managed-by" && value === "Helm"));
  const declared = latestWave(objects);
  const sync = config.argocd.syncWaves ? (declared ?? 0) + wave : declared;
  return compact({
    name,
    namespace: namespace || undefined,
    labels: { ...Object.fromEntries(labels), ...config.metadata.labels },
    annotations: {
      ...config.metadata.annotations,
      ...(sync !== undefined && { [syncWave]: String(sync) }),
      "istiomize.dev/generated-from": writeOwners(text, config.meshes),
    },
  });
}

function isService(object: KubeObject): boolean {
  return object["kind"] === "Service";
}

/** An object of several Services goes with the last of them. */
function latestWave(objects: readonly KubeObject[]): number | undefined {
  const waves = objects.flatMap((object) => readWave(stringsAt(object, "metadata", "annotations")[syncWave]) ?? []);
  return waves.length === 0 ? undefined : Math.max(...waves);
}
