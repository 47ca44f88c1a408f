import { carrierOf } from "../annotations/read.ts";
import { asList, asMapping, asText, groupOf, kindOf, mappingAt, nameOf, namespaceOf, selects, stringsAt, type Item, type KubeObject, type Mapping } from "../kube/object.ts";
import { findNamed } from "./lookup.ts";

/** A Deployment, StatefulSet, DaemonSet or Rollout, with what of it matters to the mesh. */
export interface Workload {
  readonly item: Item;
  readonly name: string;
  readonly namespace: string;
  readonly podLabels: { readonly [key: string]: string };
  readonly selector: { readonly [key: string]: string };
  /** Pods as declared; `undefined` where the manifest leaves it open (a DaemonSet, an autoscaler's minimum unknown). */
  readonly replicas?: number;
  readonly podSpec: Mapping;
}

/** Everything in the input that runs pods behind Services. */
export function findWorkloads(items: readonly Item[]): readonly Workload[] {
  const minimums = findAutoscalerMinimums(items);
  const rollouts = new Map([...findReferred(items)].map(([rollout, { object }]) => [object, rollout]));
  return items.flatMap((item): Workload[] => {
    const { object } = item;
    const spec = mappingAt(object, "spec");
    if (carrierOf(object) !== "Workload" || spec["workloadRef"] !== undefined) return [];
    const rollout = rollouts.get(object);
    const declared = mappingAt(rollout ?? object, "spec")["replicas"];
    const minimum = minimums.get(`${namespaceOf(object)}/${kindOf(object)}/${nameOf(object)}`);
    const replicas = minimum ?? (kindOf(object) === "DaemonSet" ? undefined : typeof declared === "number" ? declared : 1);
    return [{
      item, name: nameOf(object), namespace: namespaceOf(object),
      podLabels: stringsAt(spec, "template", "metadata", "labels"),
      selector: stringsAt(spec, "selector", "matchLabels"),
      ...(replicas !== undefined && { replicas }),
      podSpec: mappingAt(spec, "template", "spec"),
    }];
  });
}

/** Whether it is an Argo Rollout without pods of its own: the Deployment that it refers to holds the template, it the replicas. */
export function isReferring(object: KubeObject): boolean {
  return kindOf(object) === "Rollout" && groupOf(object) === "argoproj.io" && mappingAt(object, "spec")["workloadRef"] !== undefined;
}

/** By Rollout, the workload that it refers to, where that is in the input. */
export function findReferred(items: readonly Item[]): ReadonlyMap<KubeObject, Item> {
  return new Map(items.filter(({ object }) => isReferring(object)).flatMap(({ object }): [KubeObject, Item][] => {
    const target = mappingAt(object, "spec", "workloadRef");
    const alike = items.filter((each) => kindOf(each.object) === target["kind"] && groupOf(each.object) === "apps" && namespaceOf(each.object) === namespaceOf(object));
    const found = findNamed(asText(target["name"]), alike, (item) => item);
    return found ? [[object, found]] : [];
  }));
}

function findAutoscalerMinimums(items: readonly Item[]): ReadonlyMap<string, number> {
  return new Map(items.flatMap(({ object }): [string, number][] => {
    if (kindOf(object) !== "HorizontalPodAutoscaler" || groupOf(object) !== "autoscaling") return [];
    const target = mappingAt(object, "spec", "scaleTargetRef");
    const minimum = mappingAt(object, "spec")["minReplicas"];
    return [[`${namespaceOf(object)}/${asText(target["kind"])}/${asText(target["name"])}`, typeof minimum === "number" ? minimum : 1]];
  }));
}

/** Finds the workloads whose pods a selector matches, without looking at every workload for every Service. */
export class WorkloadIndex {
  readonly #byLabel = new Map<string, Workload[]>();
  constructor(workloads: readonly Workload[]) {
    for (const workload of workloads) {
      for (const [key, value] of Object.entries(workload.podLabels)) {
        const at = `${workload.namespace}\n${key}\n${value}`;
        const bucket = this.#byLabel.get(at);
        if (bucket) bucket.push(workload);
        else this.#byLabel.set(at, [workload]);
      }
    }
  }
  /** In the order of the input; none for an empty selector, which selects nothing in a Service. */
  find(namespace: string, selector: Mapping): readonly Workload[] {
    const buckets = Object.entries(selector).map(([key, value]) => this.#byLabel.get(`${namespace}\n${key}\n${String(value)}`) ?? []);
    if (buckets.length === 0) return [];
    const smallest = buckets.reduce((a, b) => (b.length < a.length ? b : a));
    return smallest.filter((workload) => selects(selector, workload.podLabels));
  }
}

/** A port that a container declares. */
export interface ContainerPort {
  readonly name: string;
  readonly number: number;
}

export function containerPortsOf(workload: Workload): readonly ContainerPort[] {
  const containers = [...asList(workload.podSpec["containers"]), ...asList(workload.podSpec["initContainers"])];
  return containers.flatMap((container) => asList(asMapping(container)?.["ports"])).flatMap((entry): ContainerPort[] => {
    const port = asMapping(entry);
    const number = port?.["containerPort"];
    return typeof number === "number" ? [{ name: asText(port?.["name"]) ?? "", number }] : [];
  });
}

/** Where the metadata of the pods stands: in a CronJob below its job template; a Pod is one itself. */
export function podMetadataPath(object: KubeObject): readonly string[] {
  const kind = kindOf(object);
  if (kind === "Pod") return ["metadata"];
  return kind === "CronJob" ? ["spec", "jobTemplate", "spec", "template", "metadata"] : ["spec", "template", "metadata"];
}
