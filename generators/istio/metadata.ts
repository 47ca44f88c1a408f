import { compact, type KubeObject, type Mapping } from "../kube/object.ts";
import type { MeshContext } from "../mesh/context.ts";
import { writeOwners } from "../mesh/sources.ts";

/** Metadata of a generated object: the labels of its Service, what the ServiceMesh adds, and where it came from. */
export function makeMetadata(context: MeshContext, name: string, namespace: string, source: { readonly text?: string; readonly service?: { readonly object: KubeObject } }, wave = 0): Mapping {
  const { config } = context;
  const metadata = (source.service?.object["metadata"] ?? {}) as { labels?: Mapping; annotations?: Mapping };
  const labels = Object.entries(metadata.labels ?? {}).filter(([key, value]) => typeof value === "string" && !key.startsWith("helm.sh/") && !(key === "app.kubernetes.io/managed-by" && value === "Helm"));
  const inherited = metadata.annotations?.[syncWave];
  const declared = typeof inherited === "string" && /^-?\d+$/.test(inherited) ? Number(inherited) : undefined;
  const sync = config.argocd.syncWaves ? (declared ?? 0) + wave : declared;
  return compact({
    name,
    namespace: namespace || undefined,
    labels: { ...Object.fromEntries(labels), ...config.metadata.labels },
    annotations: {
      ...config.metadata.annotations,
      ...(sync !== undefined && { [syncWave]: String(sync) }),
      "istiomize.dev/generated-from": writeOwners(source.text, config.meshes),
    },
  });
}

const syncWave = "argocd.argoproj.io/sync-wave";
