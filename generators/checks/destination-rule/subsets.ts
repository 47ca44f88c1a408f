import { diagnose, type Diagnostic, type Place } from "../../diagnostics/diagnostic.ts";
import { nameOf, refOf, stringsAt, type Mapping } from "../../kube/object.ts";
import type { KnownService } from "../../mesh/settings.ts";
import type { Workload } from "../../mesh/workload.ts";
import type { IstioObject, IstioWorld, ObjectCheck } from "../istio-object.ts";
import { hostOf, isMade, isSteered, isWrittenAsIstio, podLabelsIn, podsBehind, podsOfSubset, policiesOf, serviceOf, subjectOf, subsetsIn, type Subset } from "./policies.ts";
import { routesTo } from "./routes.ts";

/** Subsets that no pod behind the Service belongs to (rules S1, S2 and P9; IST0173); until a route leads there that does no harm. */
export const checkSubsetPods: ObjectCheck = (object, world) => {
  if (isMade(object)) return [];
  const service = serviceOf(object, world);
  if (!service || isSteered(object, world) || !["cluster", "selector-less"].includes(service.shape)) return [];
  const selector = stringsAt(service.object, "spec", "selector");
  const behind = podsBehind(service, world);
  const routed = new Set(routesTo(world.resolve(hostOf(object), object.namespace), world).filter(({ weight }) => weight !== 0).map(({ subset }) => subset));
  return subsetsIn(object).flatMap((subset) => {
    const labels = podLabelsIn(subset.labels);
    const path = [...subset.path, "labels"];
    if (Object.keys(labels).length === 0 || !isWrittenAsIstio(object, ...path)) return [];
    const place = object.placeOf(...path);
    const told = (workloads: readonly string[]): readonly Diagnostic[] => [routed.has(subset.name) ? diagnose("IZ222", place, { name: subset.name, labels: writeLabels(labels), workloads }) : diagnose("IZ218", place, {
      key: `subset ${subset.name} (${writeLabels(labels)})`, why: `labels that a pod template behind the Service carries: ${workloads.join(", ")}`, help: "correct the labels, or add the workload before a route leads to the subset; until then this can be accepted",
    })];
    if (service.shape === "selector-less") return isBackedElsewhere(object, world) ? [] : told([`${nameOf(service.object)} has no selector, and endpoints written by hand carry no labels`]);
    const contradicts = Object.keys(labels).find((key) => selector[key] !== undefined && selector[key] !== labels[key]);
    if (contradicts !== undefined) return told([`the selector of ${nameOf(service.object)} takes only pods with ${contradicts}=${selector[contradicts]}`]);
    return behind.length === 0 || podsOfSubset(service, subset, world).length > 0 ? [] : told(behind.map((pods) => `${pods.name} has ${writeLabels(nearLabels(pods, labels))}`));
  });
};

/** A ServiceEntry for the same host may bring endpoints with labels. */
function isBackedElsewhere(object: IstioObject, world: IstioWorld): boolean {
  return world.entryOf(world.resolve(hostOf(object), object.namespace)) !== undefined;
}

/** What the pods say to the keys that a subset asks for; all of their labels where they have none of them. */
function nearLabels({ podLabels }: Workload, labels: Mapping): Mapping {
  const near = Object.fromEntries(Object.entries(podLabels).filter(([key]) => Object.hasOwn(labels, key)));
  return Object.keys(near).length > 0 ? near : podLabels;
}

export function writeLabels(labels: Mapping): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`).join(",") || "no labels";
}

/** Two subsets with the same pods, or one inside the other: a split between them is none, or not the one that is written. */
export const checkOverlaps: ObjectCheck = (object, world) => {
  const service = serviceOf(object, world);
  if (areApart(subsetsIn(object)) || !service || service.shape !== "cluster" || isSteered(object, world)) return [];
  const pods = subsetsIn(object).map((subset) => ({ subset, pods: new Set(podsOfSubset(service, subset, world)) })).filter(({ pods: own }) => own.size > 0);
  return pods.flatMap((one, i) => {
    const other = pods.find((each, j) => j !== i && (equalSets(each.pods, one.pods) ? j < i : isInside(one.pods, each.pods)));
    if (!other || isTopology(one.subset, other.subset)) return [];
    const isSame = equalSets(one.pods, other.pods);
    return [diagnose("IZ367", placeOfLabels(object, one.subset, service), { one: one.subset.name, other: other.subset.name, isSame, workloads: [...one.pods].map(({ name }) => name) }, subjectOf(object))];
  });
};

/** Subsets that ask for another value of one label each can share no pods. */
function areApart(subsets: readonly Subset[]): boolean {
  const [first] = subsets;
  return first === undefined || Object.keys(first.labels).some((key) => new Set(subsets.map(({ labels }) => labels[key])).size === subsets.length && subsets.every(({ labels }) => labels[key] !== undefined));
}

/** The annotation that defines a subset of ours, where one does. */
function placeOfLabels(object: IstioObject, { name, path }: Subset, { object: service }: KnownService): Place {
  const key = `istiomize.dev/subset.${name}.labels`;
  return object.isOurs && stringsAt(service, "metadata", "annotations")[key] !== undefined ? { ref: refOf(service), path: ["metadata", "annotations", key] } : object.placeOf(...path, "labels");
}

function isInside<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): boolean {
  return [...one].every((each) => other.has(each));
}

function equalSets<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): boolean {
  return one.size === other.size && isInside(one, other);
}

/** Subsets of clusters, regions and zones have the same pod template, and other pods. */
function isTopology(one: Subset, other: Subset): boolean {
  return [one, other].some(({ labels }) => Object.keys(labels).length !== Object.keys(podLabelsIn(labels)).length);
}

/** Where the caller chooses the address, neither subsets nor weights choose pods (PASSTHROUGH). */
export const checkPassthrough: ObjectCheck = (object, world) => {
  if (subsetsIn(object).length === 0) return [];
  const told = new Map<string, Diagnostic>();
  for (const { subset, blocks } of policiesOf(object, world)) {
    const { loadBalancer } = blocks;
    if (!subset || loadBalancer?.value["simple"] !== "PASSTHROUGH") continue;
    const path = [...loadBalancer.path, "simple"];
    const names = subsetsIn(object).map(({ name }) => name);
    told.set(path.join("."), diagnose("IZ218", object.placeOf(...path), {
      key: `${object.wordFor(...path) === "load-balancer" ? "load-balancer: PASSTHROUGH" : "loadBalancer PASSTHROUGH"} with the subsets ${names.join(", ")}`,
      why: "ROUND_ROBIN, LEAST_REQUEST, RANDOM or a hash where subsets or weights are to choose pods: PASSTHROUGH calls the address that the caller chose, whatever its labels",
      help: "remove PASSTHROUGH, or the subsets; at a gateway, where there is no such address, PASSTHROUGH gives 503",
    }, subjectOf(object)));
  }
  return [...told.values()];
};
