import { asList, asMapping, asText, groupOf, kindOf, mappingAt, nameOf, stringsAt, type Item, type KubeObject, type Mapping } from "../kube/object.ts";
import type { MeshContext } from "../mesh/context.ts";
import { namespaceFor } from "../mesh/levels.ts";
import { containerPortsOf, podMetadataPath, WorkloadIndex, type Workload } from "../mesh/workload.ts";
import type { IstioWorld } from "./istio-object.ts";

/** Everything in the input that brings pods (or stands for machines, as a WorkloadEntry does), by namespace and labels. */
export interface Pods {
  readonly all: readonly Workload[];
  /** Those of which the input holds pods. */
  readonly namespaces: readonly string[];
  /** Whether the input holds pods of a namespace, and not a gateway's alone; of one without, nothing can be said to be missing. */
  isKnown(namespace: string): boolean;
  /** Those whose labels carry all of `labels`; every one of the namespace where `labels` is empty. */
  find(namespace: string, labels: Mapping): readonly Workload[];
}

const byContext = new WeakMap<MeshContext, Pods>();

/** The pods of an input, gathered once. */
export function podsOf(world: IstioWorld): Pods {
  const known = byContext.get(world.context);
  if (known) return known;
  const pods = gatherPods(world.context);
  byContext.set(world.context, pods);
  return pods;
}

function gatherPods({ workloads, sources, config }: MeshContext): Pods {
  const paired = new Set(workloads.map(({ item }) => item));
  const scaled = findScaled(sources, config);
  const all = [...workloads, ...sources.filter((item) => !paired.has(item)).flatMap(readPods)].map((each): Workload => {
    const namespace = namespaceFor(each.item.object, config);
    const isScaled = scaled.size > 0 && scaled.has(`${namespace}/${kindOf(each.item.object)}/${each.name}`);
    if (namespace === each.namespace && !isScaled) return each;
    const { replicas, ...rest } = each;
    return { ...rest, namespace, ...(replicas !== undefined && !isScaled && { replicas }) };
  });
  const index = new WorkloadIndex(all);
  const byNamespace = new Map<string, Workload[]>();
  for (const each of all) {
    const bucket = byNamespace.get(each.namespace);
    if (bucket) bucket.push(each);
    else byNamespace.set(each.namespace, [each]);
  }
  const known = new Set(all.filter((each) => !isGateway(each)).map(({ namespace }) => namespace));
  return {
    all,
    namespaces: [...byNamespace.keys()],
    isKnown: (namespace) => known.has(namespace),
    find: (namespace, labels) => (Object.keys(labels).length === 0 ? byNamespace.get(namespace) ?? [] : index.find(namespace, labels)),
  };
}

const plain = new WeakMap<MeshContext, boolean>();

/** Whether all pods of the input are those of workloads as they were paired with Services, so that nothing needs to be gathered anew. */
export function hasOnlyWorkloads({ context }: IstioWorld): boolean {
  const known = plain.get(context);
  if (known !== undefined) return known;
  const { workloads, sources, config } = context;
  const paired = new Set(workloads.map(({ item }) => item));
  const found = (config.namespace === "" || workloads.every(({ namespace }) => namespace !== "")) && sources.every((item) => paired.has(item) || (kindOf(item.object) !== "ScaledObject" && readPods(item).length === 0));
  plain.set(context, found);
  return found;
}

/** What KEDA scales, whose replicas nobody knows from its manifest. */
function findScaled(sources: readonly Item[], config: MeshContext["config"]): ReadonlySet<string> {
  return new Set(sources.filter(({ object }) => kindOf(object) === "ScaledObject" && groupOf(object) === "keda.sh").map(({ object }) => {
    const target = mappingAt(object, "spec", "scaleTargetRef");
    return `${namespaceFor(object, config)}/${asText(target["kind"]) ?? "Deployment"}/${asText(target["name"]) ?? ""}`;
  }));
}

/** Whatever else carries a pod template (a Job, a Knative Service, a CloneSet), a Pod itself, or a machine outside the cluster. */
function readPods(item: Item): readonly Workload[] {
  const { object } = item;
  const spec = mappingAt(object, "spec");
  if (groupOf(object) === "networking.istio.io") {
    if (kindOf(object) === "WorkloadEntry") return [describePods(item, stringsAt(spec, "labels"), {}, 1)];
    return kindOf(object) === "WorkloadGroup" ? [describePods(item, stringsAt(spec, "metadata", "labels"), {}, undefined)] : [];
  }
  const path = podMetadataPath(object);
  const template = mappingAt(object, ...path.slice(0, -1));
  const isPod = kindOf(object) === "Pod" && groupOf(object) === "";
  if (!isPod && asMapping(template["metadata"]) === undefined && asMapping(template["spec"]) === undefined) return [];
  return [describePods(item, stringsAt(object, ...path, "labels"), mappingAt(template, "spec"), isPod ? 1 : undefined)];
}

function describePods(item: Item, podLabels: { readonly [key: string]: string }, podSpec: Mapping, replicas: number | undefined): Workload {
  return { item, name: nameOf(item.object), namespace: "", podLabels, selector: {}, podSpec, ...(replicas !== undefined && { replicas }) };
}

/** The annotations of the pods. */
export function podAnnotationsOf({ item }: Workload): { readonly [key: string]: string } {
  return stringsAt(item.object, ...podMetadataPath(item.object), "annotations");
}

/** Whether the pods are a gateway's, which no sidecar stands in front of. */
export function isGateway(workload: Workload): boolean {
  const templates = podAnnotationsOf(workload)["inject.istio.io/templates"] ?? "";
  const runsProxy = asList(workload.podSpec["containers"]).some((container) => asText(asMapping(container)?.["name"]) === "istio-proxy");
  return templates.includes("gateway") || runsProxy || /gateway/.test(workload.podLabels["istio"] ?? "") || workload.podLabels["gateway.networking.k8s.io/gateway-name"] !== undefined;
}

/** What will keep a proxy away from pods, in words; nothing where there will be one (a gateway is one itself), or where that cannot be known. */
export function whyNotInjected(workload: Workload, { namespaces }: MeshContext): string | undefined {
  if (isGateway(workload)) return undefined;
  if (workload.podSpec["hostNetwork"] === true) return "hostNetwork: true";
  const key = "sidecar.istio.io/inject";
  if ((workload.podLabels[key] ?? podAnnotationsOf(workload)[key]) === "false") return `${key}: "false"`;
  const namespace = namespaces.get(workload.namespace);
  const labels = namespace ? stringsAt(namespace.object, "metadata", "labels") : {};
  const injection = labels["istio-injection"];
  return injection !== undefined && injection !== "enabled" ? `istio-injection: ${injection} on namespace ${workload.namespace}` : undefined;
}

/** Whether a label of the namespace or of the pods asks for a sidecar, and nothing keeps it away. */
export function isInjected(workload: Workload, context: MeshContext): boolean {
  if (whyNotInjected(workload, context) !== undefined || isGateway(workload)) return false;
  const namespace = context.namespaces.get(workload.namespace);
  const labels = namespace ? stringsAt(namespace.object, "metadata", "labels") : {};
  return labels["istio-injection"] === "enabled" || labels["istio.io/rev"] !== undefined
    || workload.podLabels["sidecar.istio.io/inject"] === "true" || (workload.podLabels["istio.io/rev"] !== undefined && labels["istio-injection"] === undefined);
}

/** Whether pods have a sidecar as far as can be told: of a namespace that is not in the input its policies say so. */
export function mayHaveSidecar(workload: Workload, context: MeshContext): boolean {
  if (isGateway(workload) || whyNotInjected(workload, context) !== undefined) return false;
  return !context.namespaces.has(workload.namespace) || isInjected(workload, context) || context.services.some(({ workloads }) => workloads.some((each) => each.workload.item === workload.item));
}

/** Whether what comes in on a port of pods goes by their sidecar. */
export function passesSidecar(workload: Workload, port: number | string): boolean {
  const { "traffic.sidecar.istio.io/excludeInboundPorts": excluded = "", "traffic.sidecar.istio.io/includeInboundPorts": included } = podAnnotationsOf(workload);
  const numbers = containerPortsOf(workload).filter((each) => each.name === port).map(({ number }) => number);
  return included === "" || excluded.split(",").some((each) => [...numbers, port].some((number) => String(number) === each.trim()));
}

/** The parts of an object that selects pods as security policies do. */
export function selectorOf(object: KubeObject): Mapping {
  return mappingAt(object, "spec", "selector", "matchLabels");
}
