import {
  asList, asMapping, asText, compareText, equal, groupOf, identityOf, kindOf, mappingAt, nameOf, namespaceOf, stringsAt, type KubeObject, type Mapping,
} from "../../generators/kube/object.ts";
import { findWorkloads, podMetadataPath, WorkloadIndex, type Workload } from "../../generators/mesh/workload.ts";
import { readDocuments } from "../chunks.ts";

/** What an overlay builds, with what the words about a change look up in it. */
export interface World {
  readonly objects: readonly KubeObject[];
  readonly workloads: readonly Workload[];
  readonly pods: WorkloadIndex;
  /** The workload of this kind, namespace and name. */
  readonly findWorkload: (object: KubeObject) => Workload | undefined;
  /** By name; a namespace without an object in the build is not here. */
  readonly namespaces: ReadonlyMap<string, KubeObject>;
  readonly ofKind: (kind: string) => readonly KubeObject[];
  /** Services by what `resolveService` calls them. */
  readonly services: ReadonlyMap<string, KubeObject>;
  /** The subsets that DestinationRules define, and those that VirtualServices route to, by Service and name: `web.shop v1`. */
  readonly definedSubsets: ReadonlyMap<string, Mapping>;
  readonly routedSubsets: ReadonlySet<string>;
}

export function readWorld(text: string): World {
  const objects = readDocuments(text).flatMap(flatten);
  const workloads = findWorkloads(objects.map((object) => ({ object })));
  const byIdentity = new Map(workloads.map((workload) => [identityOf(workload.item.object), workload]));
  const byKind = new Map<string, KubeObject[]>();
  for (const object of objects.filter((each) => isMeshGroup(groupOf(each)))) {
    const alike = byKind.get(kindOf(object));
    if (alike) alike.push(object);
    else byKind.set(kindOf(object), [object]);
  }
  return {
    objects, workloads, pods: new WorkloadIndex(workloads), findWorkload: (object) => byIdentity.get(identityOf(object)),
    namespaces: new Map(objects.filter((object) => kindOf(object) === "Namespace" && groupOf(object) === "").map((object) => [nameOf(object), object])),
    ofKind: (kind) => byKind.get(kind) ?? [],
    definedSubsets: new Map((byKind.get("DestinationRule") ?? []).flatMap((rule) => mappingsIn(mappingAt(rule, "spec")["subsets"]).map((subset) => [`${hostOf(rule)} ${asText(subset["name"]) ?? ""}`, subset] as const))),
    routedSubsets: new Set((byKind.get("VirtualService") ?? []).flatMap((rules) => subsetsIn(rules["spec"], namespaceOf(rules)))),
    services: new Map(objects.filter((object) => kindOf(object) === "Service" && groupOf(object) === "").map((object) => [`${nameOf(object)}.${namespaceOf(object)}`, object])),
  };
}

function hostOf(rule: KubeObject): string {
  return resolveService(asText(mappingAt(rule, "spec")["host"]) ?? "", namespaceOf(rule));
}

/** Every destination with a subset, wherever in a rule it stands. */
function subsetsIn(value: unknown, namespace: string): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((entry) => subsetsIn(entry, namespace));
  const mapping = asMapping(value);
  if (!mapping) return [];
  const [host, subset] = [asText(mapping["host"]), asText(mapping["subset"])];
  return host !== undefined && subset !== undefined ? [`${resolveService(host, namespace)} ${subset}`] : Object.values(mapping).flatMap((entry) => subsetsIn(entry, namespace));
}

function flatten(object: KubeObject): readonly KubeObject[] {
  const items = asList(object["items"]);
  return kindOf(object).endsWith("List") && items.length > 0 ? items.flatMap((item) => flatten(asMapping(item) ?? {})) : [object];
}

function isMeshGroup(group: string): boolean {
  return group.endsWith(".istio.io") || group === "gateway.networking.k8s.io";
}

/** An object on both sides, as far as the mesh is concerned with it. */
export interface Pair {
  readonly identity: string;
  /** The whole objects. */
  readonly before?: KubeObject;
  readonly after?: KubeObject;
  /** What of them is compared. */
  readonly seen: { readonly before?: KubeObject; readonly after?: KubeObject };
}

/** The objects that a change makes other ones for the mesh, in order of kind, namespace and name. */
export function findChanged(before: World, after: World): readonly Pair[] {
  const [left, right] = [before, after].map(({ objects }) => new Map(objects.map((object) => [identityOf(object), object])));
  const identities = [...new Set([...left!.keys(), ...right!.keys()])].filter((identity) => left!.get(identity) !== right!.get(identity));
  return identities.flatMap((identity): Pair[] => {
    const [one, other] = [left!.get(identity), right!.get(identity)];
    const seen = { ...seeing("before", one), ...seeing("after", other) };
    // A workload, a Service or a Namespace that comes or goes is not the mesh's own.
    const isForeign = !isMeshGroup(groupOf((one ?? other)!));
    if (equal(seen.before, seen.after) || (isForeign && (!one || !other) && kindOf((one ?? other)!) !== "Namespace")) return [];
    return [{ identity, seen, ...(one && { before: one }), ...(other && { after: other }) }];
  }).sort((a, b) => rank(a) - rank(b) || compareText(a.identity, b.identity));
}

function seeing(side: "before" | "after", object: KubeObject | undefined): Pair["seen"] {
  const seen = object && see(object);
  return seen ? { [side]: seen } : {};
}

const order = ["Gateway", "VirtualService", "DestinationRule", "PeerAuthentication", "AuthorizationPolicy", "RequestAuthentication"];

function rank({ before, after }: Pair): number {
  const object = (after ?? before)!;
  const at = order.indexOf(kindOf(object));
  return at >= 0 ? at : isMeshGroup(groupOf(object)) ? order.length : order.length + 1;
}

const ownMetadata = new Set(["name", "namespace", "labels", "annotations"]);

/** The part of an object that a mesh reads: all of an Istio object, labels and annotations of others; nothing where there is none. */
function see(object: KubeObject): KubeObject | undefined {
  if (isMeshGroup(groupOf(object))) {
    const { status: _, metadata, ...rest } = object;
    const { annotations, ...kept } = pick(metadata, (key) => ownMetadata.has(key));
    const shown = pick(annotations, (key) => !key.includes("last-applied-configuration"));
    return { ...rest, metadata: { ...kept, ...(Object.keys(shown).length > 0 && { annotations: shown }) } };
  }
  const kind = kindOf(object);
  if (kind === "Namespace" || kind === "Service") return metadataAt(["metadata"], pickMesh(mappingAt(object, "metadata"), isMeshKey));
  if (!podOwners.has(kind)) return undefined;
  const path = podMetadataPath(object);
  // Every label of a pod: subsets and policies select by them.
  return metadataAt(path, pickMesh(mappingAt(object, ...path), (key, section) => section === "labels" || isMeshKey(key)));
}

const podOwners = new Set(["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Rollout", "Job", "CronJob", "Pod"]);

/** Keys that Istio reads; never those of istiomize, which it wrote from. */
function isMeshKey(key: string): boolean {
  return key === "istio-injection" || /^([a-z0-9.-]+\.)?istio\.io\//.test(key);
}

function pickMesh(metadata: Mapping, test: (key: string, section: string) => boolean): Mapping {
  const sections = ["labels", "annotations"].map((section) => [section, pick(stringsAt(metadata, section), (key) => test(key, section))] as const);
  return Object.fromEntries(sections.filter(([, kept]) => Object.keys(kept).length > 0));
}

function pick(value: unknown, test: (key: string) => boolean): Mapping {
  return Object.fromEntries(Object.entries(asMapping(value) ?? {}).filter(([key]) => test(key)));
}

/** Labels and annotations at a path, as far as there are any. */
function metadataAt(path: readonly string[], metadata: Mapping): KubeObject | undefined {
  return Object.keys(metadata).length === 0 ? undefined : path.reduceRight<Mapping>((inner, key) => ({ [key]: inner }), metadata);
}

/** The entries of a list that are mappings. */
export function mappingsIn(list: unknown): readonly Mapping[] {
  return asList(list).map(asMapping).filter((entry) => entry !== undefined);
}

/** Whether the pods of a workload run with a sidecar when they start: by their own label, else by their namespace. */
export function hasSidecar(workload: Workload, world: World): "yes" | "no" | "unknown" {
  if (workload.podSpec["hostNetwork"] === true) return "no";
  const own = workload.podLabels["sidecar.istio.io/inject"] ?? stringsAt(workload.item.object, "spec", "template", "metadata", "annotations")["sidecar.istio.io/inject"];
  const namespace = world.namespaces.get(workload.namespace);
  const asked = namespaceInjection(namespace);
  if (own === "false" || asked === "off" && own !== "true") return "no";
  if (own === "true") return asked === "off" ? "no" : "yes";
  if (workload.podLabels["istio.io/rev"] !== undefined || asked === "on") return "yes";
  return namespace === undefined ? "unknown" : "no";
}

/** What the labels of a Namespace say: `on`, `off` (its pods can ask for nothing else), or nothing. */
export function namespaceInjection(namespace: KubeObject | undefined): "on" | "off" | undefined {
  const labels = stringsAt(namespace, "metadata", "labels");
  if (labels["istio-injection"] !== undefined) return labels["istio-injection"] === "enabled" ? "on" : "off";
  return labels["istio.io/rev"] === undefined ? undefined : "on";
}

/** What a host in an object of a namespace means: `web.shop` for a Service however it is written, else the host itself. */
export function resolveService(host: string, namespace: string): string {
  const [, service, other] = /^([^.]+)\.([^.]+)\.svc(?:\.|$)/.exec(host) ?? [];
  return service !== undefined ? `${service}.${other}` : host.includes(".") || host.includes("*") ? host : `${host}.${namespace}`;
}

/** The workloads whose pods a Service sends to; nothing for what is no Service of the build that selects pods. */
export function workloadsBehind(world: World, host: string, namespace: string): readonly Workload[] | undefined {
  const meant = resolveService(host, namespace);
  const service = world.services.get(meant);
  if (!service) return undefined;
  const selector = stringsAt(service, "spec", "selector");
  return Object.keys(selector).length === 0 ? undefined : world.pods.find(namespaceOf(service), selector);
}
