import type { Setting } from "../annotations/setting.ts";
import { compareText, describeObject, nameOf } from "../kube/object.ts";
import type { Destination, WeightedDestination } from "../annotations/traffic-values.ts";
import { toDnsLabel } from "../annotations/values.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { suggest, suggestFinal } from "../diagnostics/suggest.ts";
import { fullHost } from "../kube/host.ts";
import { describePort, type ServicePort } from "../kube/protocol.ts";
import type { MeshConfig } from "./config.ts";
import { namespaceFor } from "./levels.ts";
import { earlierNamesOf, type ServiceLookup } from "./lookup.ts";
import type { MeshService } from "./service.ts";
import type { KnownService } from "./settings.ts";
import type { Subset } from "./subsets.ts";

/** Where a share of the traffic goes. */
export interface Target {
  readonly host: string;
  readonly subset?: Subset;
  /** The Service behind the host; the one that the rule is for, unless another one was named. */
  readonly service: KnownService | MeshService;
  readonly port?: number;
  readonly weight?: number;
}

/** The host of a Service in a rule of `namespace`: its name where that is enough, else the full name. */
export function hostOf(service: { readonly object: MeshService["object"] }, namespace: string, config: MeshConfig): string {
  const own = namespaceFor(service.object, config);
  const isShort = config.hosts === "short" && own === namespace;
  return isShort || own === "" ? nameOf(service.object) : fullHost(nameOf(service.object), { namespace: own, clusterDomain: config.clusterDomain });
}

/** A short host that name references of kustomize would take for the earlier name of another Service. */
export function checkRename(service: MeshService, host: string, lookup: ServiceLookup<KnownService>): readonly Diagnostic[] {
  if (host.includes(".")) return [];
  const used = lookup.used;
  const others = lookup.find(host, service.namespace).filter((other) =>
    other.object !== service.object && nameOf(other.object) !== host && other.item.earlier === undefined && earlierNamesOf(other.item).some(({ name }) => name === host));
  lookup.used = used;
  return others.map((other) => diagnose("IZ370", { ref: service.ref, path: ["metadata", "name"] }, { host, other: describeObject(other.object) }));
}

/** The Service or subset that a destination of this Service means. */
export function findTarget(destination: Destination & { weight?: number }, service: MeshService, setting: Setting, lookup: ServiceLookup<KnownService>, config: MeshConfig): { target?: Target; diagnostics: readonly Diagnostic[] } {
  const { name, port, weight } = destination;
  const rest = { ...(port !== undefined && { port }), ...(weight !== undefined && { weight }) };
  const host = hostOf(service, service.namespace, config);
  const { place } = setting.source;
  const subset = service.subsets.find((each) => each.name === name) ?? service.subsets.find((each) => each.name === toDnsLabel(name) && each.labels?.["version"] === name);
  if (subset) {
    if (subset.labels) return { target: { host, subset, service, ...rest }, diagnostics: checkPort(service, port, place) };
    return { diagnostics: [diagnose("IZ306", place, { one: `subset ${subset.name} (${subset.workloads.map((each) => each.name).join(", ")})`, other: "the other workloads behind this Service", what: "no pod label is theirs alone" })] };
  }
  const found = lookup.find(name, service.namespace);
  if (found.length > 1) return { diagnostics: [diagnose("IZ305", place, { name, candidates: found.map(({ object }) => describeObject(object)).sort(compareText) })] };
  const other = found[0];
  if (!other) {
    const subsets = service.subsets.map((each) => each.name);
    return { diagnostics: [diagnose("IZ301", place, { name, subsets, isElsewhere: name.includes("."), suggestion: suggest(name, subsets) ?? suggestFinal(name, lookup.names(service.namespace)) })] };
  }
  if (other.shape === "external-name") return { diagnostics: [diagnose("IZ332", place, { target: `${name}, an alias of ${String((other.object["spec"] as { externalName?: unknown }).externalName)}` })] };
  if (other.shape === "headless") return { diagnostics: [diagnose("IZ334", place, { key: `a share of the traffic to ${name}` })] };
  return { target: { host: hostOf(other, service.namespace, config), service: other, ...rest }, diagnostics: checkPort(other, port, place) };
}

function checkPort(service: KnownService | MeshService, port: number | undefined, place: Setting["source"]["place"]): readonly Diagnostic[] {
  if (port === undefined || service.ports.some(({ number }) => number === port)) return [];
  return [diagnose("IZ304", place, { service: nameOf(service.object), port: String(port), known: service.ports.map(describePort) })];
}

/** Shares that do not add up, or that go where nobody is. */
export function checkWeights(weights: readonly WeightedDestination[], setting: Setting, targets: readonly Target[]): readonly Diagnostic[] {
  const { place } = setting.source;
  const sum = weights.reduce((total, { weight }) => total + weight, 0);
  const key = ({ host, subset, port }: Target): string => `${host} ${subset?.name} ${port}`;
  const twice = targets.length === weights.length ? weights.find((_, i) => targets.findIndex((each) => key(each) === key(targets[i]!)) !== i) : undefined;
  return [
    ...(sum === 100 ? [] : [diagnose("IZ302", place, { sum })]),
    ...(twice ? [diagnose("IZ303", place, { name: twice.name })] : []),
    ...targets.flatMap((target) => (target.weight ? checkPods(target, setting, `${target.weight}%`) : [])),
  ];
}

/** Traffic to workloads that are scaled to nothing. */
export function checkPods(target: Target, setting: Setting, weight: string): readonly Diagnostic[] {
  const workloads = target.subset?.workloads ?? target.service.workloads.map(({ workload }) => workload);
  if (workloads.length === 0 || workloads.some(({ replicas }) => replicas !== 0)) return [];
  const name = target.subset?.name ?? nameOf(target.service.object);
  return [diagnose("IZ307", setting.source.place, { name, weight, isActive: setting.name === "active", workload: describeObject(workloads[0]!.item.object) })];
}

/** The port of a target that a rule for `port` leads to: the one written, else the same number, name, or the only one. */
export function targetPort(target: Target, port: ServicePort): number | undefined {
  if (target.port !== undefined) return target.port;
  const { ports } = target.service;
  const same = ports.find(({ number }) => number === port.number) ?? ports.find(({ name }) => name !== "" && name === port.name);
  return same?.number ?? (ports.length === 1 ? ports[0]!.number : undefined);
}
