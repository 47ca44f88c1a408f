import { compact, stringsAt, type KubeObject, type Mapping } from "../kube/object.ts";
import { readWave, syncWave } from "../kube/sync-wave.ts";
import type { MeshContext } from "../mesh/context.ts";
import type { MeshService } from "../mesh/service.ts";
import { writeOwners } from "../mesh/sources.ts";

/** What an object is made for. */
export interface MadeFor {
  /** For `generated-from`; nothing where it is the mesh itself. */
  readonly text?: string;
  /** The Services, or the workload without one; the first gives its labels. */
  readonly objects?: readonly KubeObject[];
  /** What is not healthy before this object is there: the Rollout that names it. */
  readonly before?: KubeObject;
}

/** What the routes and the policy of a Service are made for. */
export function madeFor({ name, object, governed }: MeshService): MadeFor {
  return { text: `Service/${name}`, objects: [object], ...(governed?.role === "apex" && { before: governed.rollout.item.object }) };
}

/**
 * Metadata of a generated object: the labels of its Service, what the ServiceMesh adds, and where it came from. `wave`
 * is how much later than its Service Argo CD applies it, where `spec.argocd.syncWaves` asks for that.
 */
export function makeMetadata(context: MeshContext, name: string, namespace: string, { text, objects = [], before }: MadeFor, wave = 0): Mapping {
  const { config } = context;
  const labels = Object.entries(objects[0] && isService(objects[0]) ? stringsAt(objects[0], "metadata", "labels") : {})
    .filter(([key, value]) => !key.startsWith("helm.sh/") && !(key === "app.kubernetes.io/managed-by" && value === "Helm"));
  const sync = findWave(config.argocd.syncWaves, latestWave(objects), before && (waveOf(before) ?? 0), wave);
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

/**
 * The wave of a Service's object, `later` than the Service where waves are asked for. Argo CD goes on to the next wave
 * when all of this one is healthy, and a Rollout is not before the objects that it names are there: theirs are before
 * its own, in the same order, and at most the same where no waves are asked for.
 */
function findWave(isAsked: boolean, service: number | undefined, rollout: number | undefined, later: number): number | undefined {
  if (isAsked) return rollout === undefined ? (service ?? 0) + later : rollout - 2 + later;
  return service !== undefined && rollout !== undefined ? Math.min(service, rollout) : service;
}

/** An object of several Services goes with the last of them; a Service that says nothing is in wave 0. */
function latestWave(objects: readonly KubeObject[]): number | undefined {
  const waves = objects.map(waveOf);
  return waves.every((wave) => wave === undefined) ? undefined : Math.max(...waves.map((wave) => wave ?? 0));
}

function waveOf(object: KubeObject): number | undefined {
  return readWave(stringsAt(object, "metadata", "annotations")[syncWave]);
}
