import { asText, stringsAt, type Mapping } from "../kube/object.ts";
import type { Workload } from "../mesh/workload.ts";
import type { IstioObject, IstioWorld } from "./istio-object.ts";
import { podsOf } from "./pods.ts";

/** The labels by which an object selects pods; none where it is for all of its namespace. */
export function labelsOf({ kind, object }: IstioObject): Mapping {
  return kind === "Sidecar" || kind === "EnvoyFilter" ? stringsAt(object, "spec", "workloadSelector", "labels") : stringsAt(object, "spec", "selector", "matchLabels");
}

/** The action of an AuthorizationPolicy. */
export function actionOf({ spec }: IstioObject): string {
  return asText(spec["action"]) ?? "ALLOW";
}

/** Whether an object names what it is for instead of selecting pods. */
export function isAttached({ spec }: IstioObject): boolean {
  return spec["targetRefs"] !== undefined || spec["targetRef"] !== undefined;
}

interface Index {
  readonly byPods: ReadonlyMap<Workload, readonly IstioObject[]>;
  /** Without a selector, by namespace. */
  readonly wide: ReadonlyMap<string, readonly IstioObject[]>;
}

const indexes = new WeakMap<IstioWorld, Map<string, Index>>();

function indexOf(kind: string, world: IstioWorld): Index {
  const known = indexes.get(world) ?? new Map<string, Index>();
  indexes.set(world, known);
  const found = known.get(kind);
  if (found) return found;
  const byPods = new Map<Workload, IstioObject[]>();
  const wide = new Map<string, IstioObject[]>();
  for (const object of world.ofKind(kind)) {
    const labels = labelsOf(object);
    if (Object.keys(labels).length === 0) put(wide, object.namespace, object);
    else for (const pods of podsOf(world).find(object.namespace, labels)) put(byPods, pods, object);
  }
  const index = { byPods, wide };
  known.set(kind, index);
  return index;
}

function put<K>(map: Map<K, IstioObject[]>, key: K, object: IstioObject): void {
  const bucket = map.get(key);
  if (bucket) bucket.push(object);
  else map.set(key, [object]);
}

/** The objects of a kind that select any of these pods by labels. */
export function selecting(kind: string, pods: readonly Workload[], world: IstioWorld): readonly IstioObject[] {
  const { byPods } = indexOf(kind, world);
  return [...new Set(pods.flatMap((each) => byPods.get(each) ?? []))];
}

/** The objects of a kind that are for all pods of a namespace. */
export function withoutSelector(kind: string, namespace: string, world: IstioWorld): readonly IstioObject[] {
  return indexOf(kind, world).wide.get(namespace) ?? [];
}
