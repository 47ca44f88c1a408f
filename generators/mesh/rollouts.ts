import type { Place } from "../diagnostics/diagnostic.ts";
import { asList, asMapping, asText, groupOf, identityOf, kindOf, mappingAt, nameOf, refOf, type Item, type KubeObject, type Mapping } from "../kube/object.ts";
import type { MeshConfig } from "./config.ts";
import { namespaceFor } from "./levels.ts";
import { earlierNamesOf } from "./lookup.ts";
import type { KnownService } from "./settings.ts";
import type { Workload } from "./workload.ts";

/**
 * An Argo Rollout whose canary strategy splits traffic by Istio, as far as it names our objects.
 * @see https://argoproj.github.io/argo-rollouts/features/traffic-management/istio/
 */
export interface Rollout {
  readonly item: Item;
  readonly name: string;
  readonly namespace: string;
  /** `spec.strategy.canary.trafficRouting.istio`. */
  readonly place: Place;
  readonly stableService?: string;
  readonly canaryService?: string;
  /** The DestinationRule and its two subsets, where the split is between subsets. */
  readonly rule?: { readonly name: string; readonly stable: string; readonly canary: string };
  readonly virtualServices: readonly RolloutRoutes[];
  /** Names of http rules that Argo Rollouts adds and takes out by itself. */
  readonly managedRoutes: readonly string[];
}

/** A VirtualService that a Rollout names, and the rules whose weights it sets. */
export interface RolloutRoutes {
  readonly name: string;
  readonly namespace: string;
  readonly routes: readonly string[];
  readonly tcpPorts: readonly number[];
  readonly tlsRoutes: readonly { readonly port: number; readonly sniHosts: readonly string[] }[];
}

/** What a Rollout makes of a Service: the one whose VirtualService it names, or one that only receives a share. */
export interface Governed {
  readonly rollout: Rollout;
  readonly role: "apex" | "stable" | "canary";
  /** Of the apex: the VirtualService that is made for it. */
  readonly virtualService?: RolloutRoutes;
  /** Of the apex: the name of its DestinationRule. */
  readonly destinationRule?: string;
  /** Of the apex, where the split is between Services: those that are in the input. */
  readonly stable?: KnownService;
  readonly canary?: KnownService;
}

/** The Rollouts of the input that split traffic by Istio. */
export function findRollouts(sources: readonly Item[], config: MeshConfig): readonly Rollout[] {
  return sources.filter(({ object }) => kindOf(object) === "Rollout" && groupOf(object) === "argoproj.io").flatMap((item): Rollout[] => {
    const { object } = item;
    const canary = mappingAt(object, "spec", "strategy", "canary");
    const istio = asMapping(mappingAt(canary, "trafficRouting")["istio"]);
    if (!istio) return [];
    const namespace = namespaceFor(object, config);
    const pingPong = mappingAt(canary, "pingPong");
    const [stableService, canaryService] = [asText(canary["stableService"] ?? pingPong["pingService"]), asText(canary["canaryService"] ?? pingPong["pongService"])];
    const rule = asMapping(istio["destinationRule"]);
    return [{
      item, name: nameOf(object), namespace, place: { ref: refOf(object), path: ["spec", "strategy", "canary", "trafficRouting", "istio"] },
      ...(stableService !== undefined && { stableService }), ...(canaryService !== undefined && { canaryService }),
      ...(rule && { rule: { name: asText(rule["name"]) ?? "", stable: asText(rule["stableSubsetName"]) ?? "", canary: asText(rule["canarySubsetName"]) ?? "" } }),
      virtualServices: [istio["virtualService"], ...asList(istio["virtualServices"])].flatMap((entry) => (asMapping(entry) ? [readRoutes(asMapping(entry)!, namespace)] : [])),
      managedRoutes: asList(mappingAt(canary, "trafficRouting")["managedRoutes"]).flatMap((entry) => asText(asMapping(entry)?.["name"]) ?? []),
    }];
  });
}

/** `name`, or `name.namespace`. */
function readRoutes(entry: Mapping, namespace: string): RolloutRoutes {
  const [, name, other] = /^(.*?)(?:\.([^.]+))?$/.exec((asText(entry["name"]) ?? "").replace(/\.svc\.cluster\.local$|\.cluster\.local$/, ""))!;
  const texts = (list: unknown): readonly string[] => asList(list).filter((each) => typeof each === "string");
  const portOf = (route: unknown): number => Number(asMapping(route)?.["port"] ?? 0);
  return {
    name: name!, namespace: other ?? namespace, routes: texts(entry["routes"]), tcpPorts: asList(entry["tcpRoutes"]).map(portOf),
    tlsRoutes: asList(entry["tlsRoutes"]).map((route) => ({ port: portOf(route), sniHosts: texts(asMapping(route)?.["sniHosts"]) })),
  };
}

/** The Services behind which a Rollout's pods stand. */
export function membersOf(rollout: Rollout, known: readonly KnownService[]): readonly KnownService[] {
  const workload = targetOf(rollout.item.object);
  return known.filter(({ workloads }) => workloads.some(({ workload: each }) => isWorkload(each, workload, rollout)));
}

function targetOf(object: KubeObject): { readonly kind: string; readonly name: string } {
  const reference = mappingAt(object, "spec", "workloadRef");
  return { kind: asText(reference["kind"]) ?? kindOf(object), name: asText(reference["name"]) ?? nameOf(object) };
}

function isWorkload({ item, name, namespace }: Workload, target: { readonly kind: string; readonly name: string }, rollout: Rollout): boolean {
  return name === target.name && kindOf(item.object) === target.kind && (namespace || rollout.namespace) === rollout.namespace;
}

/**
 * What Rollouts make of the Services, by the Service's object. The VirtualService that a Rollout names is made for the
 * Service that is neither its stable nor its canary one, else for the stable one; under the name that the Rollout says,
 * unless people wrote that one, or it would be another Service's.
 */
export function governServices(rollouts: readonly Rollout[], known: readonly KnownService[], sources: readonly Item[], config: MeshConfig): ReadonlyMap<KubeObject, Governed> {
  const governed = new Map<KubeObject, Governed>();
  const written = new Set(sources.map(({ object }) => identityOf(object)));
  for (const rollout of rollouts) {
    const inNamespace = known.filter(({ object }) => namespaceFor(object, config) === rollout.namespace);
    const named = (name: string | undefined): KnownService | undefined => inNamespace.find(({ object }) => nameOf(object) === name);
    const [stable, canary] = [named(rollout.stableService), named(rollout.canaryService)];
    const sides = [rollout.stableService, rollout.canaryService].flatMap((name) => named(name) ?? (name === undefined ? undefined : findRenamed(name, inNamespace)) ?? []);
    const roots = membersOf(rollout, inNamespace).filter((service) => service.shape === "cluster" && !sides.includes(service));
    const candidates = roots.length > 0 ? roots : [stable].filter((service) => service?.shape === "cluster");
    const open = rollout.virtualServices.filter(({ name, namespace }) => namespace === rollout.namespace && !isWritten("VirtualService", name, rollout, written));
    const pairs = pairByName(candidates as readonly KnownService[], open, (name) => named(name) !== undefined);
    if (pairs.size === 0) continue;
    for (const [service, role] of [[stable, "stable"], [canary, "canary"]] as const) if (service) governed.set(service.object, { rollout, role });
    for (const [service, virtualService] of pairs) {
      const { rule } = rollout;
      const isFree = rule && (named(rule.name) === undefined || named(rule.name) === service) && pairs.size === 1;
      governed.set(service.object, { rollout, role: "apex", virtualService, ...(isFree && { destinationRule: rule.name }), ...(!rule && stable && { stable }), ...(!rule && canary && { canary }) });
    }
  }
  return governed;
}

function isWritten(kind: string, name: string, { item, namespace }: Rollout, written: ReadonlySet<string>): boolean {
  const own = asText(mappingAt(item.object, "metadata")["namespace"]) ?? "";
  return written.has(`networking.istio.io/${kind}/${own}/${name}`) || written.has(`networking.istio.io/${kind}/${namespace}/${name}`);
}

/** Each Service with the entry of its own name; then the one Service that is left with the one entry that is left. */
function pairByName(services: readonly KnownService[], entries: readonly RolloutRoutes[], isTaken: (name: string) => boolean): ReadonlyMap<KnownService, RolloutRoutes> {
  const pairs = new Map(services.flatMap((service): [KnownService, RolloutRoutes][] => {
    const entry = entries.find(({ name }) => name === nameOf(service.object));
    return entry ? [[service, entry]] : [];
  }));
  const left = services.filter((service) => !pairs.has(service));
  const open = entries.filter((entry) => ![...pairs.values()].includes(entry));
  if (left.length === 1 && open.length === 1 && open[0]!.name !== "" && !isTaken(open[0]!.name)) pairs.set(left[0]!, open[0]!);
  return pairs;
}

/** Whether traffic for this Service goes to two others: it is an address and nothing more. */
export function isAddressOnly(governed: Governed | undefined, object: KubeObject): boolean {
  return governed?.role === "apex" && governed.rollout.rule === undefined && governed.stable?.object !== object;
}

/** The Service that had this name before a prefix, suffix or namespace was set. */
export function findRenamed(name: string, known: readonly KnownService[]): KnownService | undefined {
  return known.find(({ item }) => nameOf(item.object) !== name && earlierNamesOf(item).some((earlier) => earlier.name === name));
}
