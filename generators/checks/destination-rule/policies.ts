import { asMapping, asText, mappingAt, nameOf, namespaceOf, stringsAt, type Mapping, type ResourceRef } from "../../kube/object.ts";
import type { ServicePort } from "../../kube/protocol.ts";
import { namespaceFor } from "../../mesh/levels.ts";
import type { KnownService } from "../../mesh/settings.ts";
import type { Workload } from "../../mesh/workload.ts";
import { entriesOf, type IstioObject, type IstioWorld } from "../istio-object.ts";
import { hasOnlyWorkloads, podsOf } from "../pods.ts";

/** The blocks of a traffic policy that Istio replaces as a whole, and that a port may have of its own. */
export const portBlocks = ["loadBalancer", "connectionPool", "outlierDetection", "tls"] as const;
export type Block = (typeof portBlocks)[number];

/** A block and where it stands. */
export interface Found {
  readonly value: Mapping;
  readonly path: readonly string[];
}

/** What holds for one kind of call: to a port (all of them, where nothing tells them apart) of a subset or of the whole Service. */
export interface Policy {
  readonly subset?: Subset;
  readonly port?: ServicePort;
  /** What the rule says of a port by number, where the Service is not in the input. */
  readonly number?: number;
  readonly blocks: { readonly [block in Block]?: Found };
}

export interface Subset {
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  readonly path: readonly string[];
  readonly policy: Mapping;
}

export function subsetsIn(object: IstioObject): readonly Subset[] {
  return entriesOf(object.spec["subsets"]).map(([entry, step]) => ({
    name: asText(entry["name"]) ?? "", labels: stringsAt(entry, "labels"), path: ["spec", "subsets", step], policy: mappingAt(entry, "trafficPolicy"),
  }));
}

export function hostOf(object: IstioObject): string {
  return asText(object.spec["host"]) ?? "";
}

export function serviceOf(object: IstioObject, world: IstioWorld): KnownService | undefined {
  return world.serviceOf(hostOf(object), object.namespace);
}

type Blocks = { [block in Block]?: Found };

/**
 * What Istio makes of a rule for each kind of call: a block of a subset replaces the one of the whole rule, and an entry
 * for a port replaces all blocks, even with nothing.
 */
export function policiesOf(object: IstioObject, world: IstioWorld): readonly Policy[] {
  const known = policies.get(object);
  if (known) return known;
  const found = findPolicies(object, world);
  policies.set(object, found);
  return found;
}

const policies = new WeakMap<IstioObject, readonly Policy[]>();

function findPolicies(object: IstioObject, world: IstioWorld): readonly Policy[] {
  const service = serviceOf(object, world);
  const whole = mappingAt(object.spec, "trafficPolicy");
  const subsets = subsetsIn(object);
  const written = new Set([whole, ...subsets.map(({ policy }) => policy)].flatMap((policy) => portsIn(policy).map(([number]) => number)));
  const ports: readonly { readonly number?: number; readonly port?: ServicePort }[] = service
    ? service.ports.filter(({ protocol }) => protocol !== "udp").map((port) => ({ number: port.number, port }))
    : [{}, ...[...written].map((number) => ({ number }))];
  if (written.size === 0 && subsets.length === 0) return ports.map((port) => ({ ...port, ...wholePolicy(object) }));
  return ports.flatMap(({ number, port }) => {
    const of = (base: Blocks, policy: Mapping, path: readonly string[]): Blocks => applyPolicy(base, policy, path, number);
    const base = of({}, whole, ["spec", "trafficPolicy"]);
    const about = { ...(port && { port }), ...(number !== undefined && { number }) };
    return [{ ...about, blocks: base }, ...subsets.map((subset) => ({ ...about, subset, blocks: of(base, subset.policy, [...subset.path, "trafficPolicy"]) }))];
  });
}

/** Whether an object has one policy for all calls. */
export function isUniform({ spec }: IstioObject): boolean {
  return spec["subsets"] === undefined && mappingAt(spec, "trafficPolicy")["portLevelSettings"] === undefined;
}

/** What holds for all calls that nothing tells apart. */
export function wholePolicy({ spec }: IstioObject): Policy {
  return { blocks: applyPolicy({}, mappingAt(spec, "trafficPolicy"), ["spec", "trafficPolicy"], undefined) };
}

function applyPolicy(base: Blocks, policy: Mapping, path: readonly string[], number: number | undefined): Blocks {
  const merged: Blocks = { ...base };
  for (const block of portBlocks) {
    const value = asMapping(policy[block]);
    if (value) merged[block] = { value, path: [...path, block] };
  }
  const [, entry, step] = portsIn(policy).find(([each]) => each === number) ?? [];
  if (!entry) return merged;
  return Object.fromEntries(portBlocks.flatMap((block) => {
    const value = asMapping(entry[block]);
    return value ? [[block, { value, path: [...path, "portLevelSettings", step!, block] }]] : [];
  }));
}

/** The entries for ports of a traffic policy, by the number that they name. */
export function portsIn(policy: Mapping): readonly (readonly [number: number, entry: Mapping, step: string])[] {
  return entriesOf(policy["portLevelSettings"]).flatMap(([entry, step]): [number, Mapping, string][] => {
    const number = mappingAt(entry, "port")["number"];
    return typeof number === "number" ? [[number, entry, step]] : [];
  });
}

/** Labels that Istio gives endpoints itself, from their node and cluster. */
const fromTheNode = /^(topology\.(istio|kubernetes)\.io|kubernetes\.io\/hostname|istio\.io\/benchmark)/;

/** The labels of a subset that a pod template can carry. */
export function podLabelsIn(labels: Mapping): { readonly [key: string]: string } {
  return Object.fromEntries(Object.entries(labels).filter((entry): entry is [string, string] => !fromTheNode.test(entry[0]) && typeof entry[1] === "string"));
}

/** The pods that a subset of a Service selects: those behind the Service that carry the subset's labels too. */
export function podsOfSubset(service: KnownService, subset: Subset, world: IstioWorld): readonly Workload[] {
  const labels = Object.entries(podLabelsIn(subset.labels));
  return podsBehind(service, world).filter(({ podLabels }) => labels.every(([key, value]) => podLabels[key] === value));
}

const behind = new WeakMap<KnownService, readonly Workload[]>();

/** Everything in the input that the selector of a Service finds. */
export function podsBehind(service: KnownService, world: IstioWorld): readonly Workload[] {
  if (hasOnlyWorkloads(world) && (world.config.namespace === "" || namespaceOf(service.object) !== "")) return service.workloads.map(({ workload }) => workload);
  const known = behind.get(service);
  if (known) return known;
  const selector = mappingAt(service.object, "spec", "selector");
  const found = Object.keys(selector).length === 0 ? [] : podsOf(world).find(namespaceFor(service.object, world.config), selector);
  behind.set(service, found);
  return found;
}

/** Pods as declared, of all of them together; nothing where one leaves it open. */
export function countPods(workloads: readonly Workload[]): number | undefined {
  return workloads.every(({ replicas }) => replicas !== undefined) ? workloads.reduce((sum, { replicas }) => sum + replicas!, 0) : undefined;
}

/** A Rollout or a Canary that works on the rule tells the pods of its subsets apart itself, by labels that nobody wrote. */
export function isSteered(object: IstioObject, world: IstioWorld): boolean {
  const { rules, services } = steeredIn(world);
  if (rules.size + services.size === 0) return false;
  const service = serviceOf(object, world);
  return rules.has(`${object.namespace}/${object.ref.name}`) || (service !== undefined && services.has(`${namespaceFor(service.object, world.config)}/${nameOf(service.object)}`));
}

/** A Service whose pods a controller tells apart, by a label that it adds to the selector. */
export function isSteeredService({ object }: KnownService, world: IstioWorld): boolean {
  const name = `${namespaceFor(object, world.config)}/${nameOf(object)}`;
  return steeredIn(world).services.has(name) || steeredIn(world).halves.has(name);
}

/** Whether a Canary brings a Service of this name, which then need not be in the input. */
export function isMadeByCanary(name: string, namespace: string, world: IstioWorld): boolean {
  return steeredIn(world).services.has(`${namespace}/${name}`);
}

interface Steered {
  /** DestinationRules, Services of a Canary, and the Services of a Rollout, as `namespace/name`. */
  readonly rules: ReadonlySet<string>;
  readonly services: ReadonlySet<string>;
  readonly halves: ReadonlySet<string>;
}

const steered = new WeakMap<IstioWorld, Steered>();

function steeredIn(world: IstioWorld): Steered {
  const known = steered.get(world);
  if (known) return known;
  const { rollouts, flagger } = world.context;
  const at = (namespace: string, name: string | undefined): string => `${namespace || world.config.namespace}/${name ?? ""}`;
  const found = {
    rules: new Set(rollouts.flatMap(({ namespace, rule }) => (rule ? [at(namespace, rule.name)] : []))),
    services: new Set(flagger.flatMap(({ apex, namespace }) => ["", "-primary", "-canary"].map((end) => at(namespace, `${apex}${end}`)))),
    halves: new Set(rollouts.flatMap(({ namespace, stableService, canaryService }) => [at(namespace, stableService), at(namespace, canaryService)])),
  };
  steered.set(world, found);
  return found;
}

/** Who a finding concerns beside the place that it names. */
export function subjectOf({ subject }: IstioObject): { readonly subject?: ResourceRef } {
  return subject ? { subject } : {};
}

/** Whether nothing in an object is written as Istio has it: what settings write alone is right by construction, or checked with them. */
export function isMade({ isOurs, isOpen }: IstioObject): boolean {
  return isOurs && !isOpen;
}

/** Whether a field was written as Istio has it: in a hand-written object, or by a patch; what settings write is checked with them. */
export function isWrittenAsIstio(object: IstioObject, ...path: readonly string[]): boolean {
  return !object.isOurs || (object.isOpen && object.placeOf(...path).path.at(-1) === "istiomize.dev/destination-rule-patch");
}
