import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { compact, type Item, type KubeObject, type Mapping } from "../kube/object.ts";
import type { MeshConfig } from "../mesh/config.ts";
import type { RoutePlan } from "../mesh/destinations.ts";
import type { Levels } from "../mesh/levels.ts";
import type { MeshService } from "../mesh/service.ts";
import type { KnownService } from "../mesh/settings.ts";
import { writeOwners } from "../mesh/sources.ts";
import type { Workload } from "../mesh/workload.ts";

/** Everything that a generator may look at. */
export interface MeshContext {
  readonly config: MeshConfig;
  readonly services: readonly MeshService[];
  readonly plans: ReadonlyMap<MeshService, RoutePlan>;
  readonly known: readonly KnownService[];
  readonly workloads: readonly Workload[];
  readonly levels: Levels;
  readonly sources: readonly Item[];
  /** The Namespace objects of the input, by name. */
  readonly namespaces: ReadonlyMap<string, Item>;
  /** Objects in the input that stay: people's own, and generated ones whose ServiceMesh is not here. */
  readonly kept: readonly Item[];
}

/** An object that was made, and the input object that it stands beside. */
export interface Made {
  readonly object: KubeObject;
  readonly beside?: Item;
}

/** A change to one field of an input object; `undefined` removes it. */
export interface Edit {
  readonly item: Item;
  readonly path: readonly string[];
  readonly value: string | undefined;
}

/** What a generator gives. */
export interface Generated {
  readonly made: readonly Made[];
  readonly edits: readonly Edit[];
  readonly diagnostics: readonly Diagnostic[];
}

export type Generator = (context: MeshContext) => Generated;

/** Metadata of a generated object: the labels of its Service, what the ServiceMesh adds, and where it came from. */
export function makeMetadata(context: MeshContext, name: string, namespace: string, source: { readonly text?: string; readonly service?: MeshService }, wave = 0): Mapping {
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
