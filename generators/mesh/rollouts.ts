import { diagnose, type Diagnostic, type Place } from "../diagnostics/diagnostic.ts";
import { asList, asMapping, asText, compareText, groupOf, identityOf, kindOf, mappingAt, nameOf, refOf, type Item, type KubeObject, type Mapping } from "../kube/object.ts";
import type { MeshConfig } from "./config.ts";
import { namespaceFor } from "./levels.ts";
import { earlierNamesOf, findNamed } from "./lookup.ts";
import type { KnownService } from "./settings.ts";
import { findReferred } from "./workload.ts";

/**
 * An Argo Rollout whose canary strategy splits traffic by Istio, as far as it names our objects. Where it names an
 * object of the input by a name that kustomize is about to mend, the final name stands here.
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
  /** The DestinationRule and its two subsets, where the split is between subsets; the names of subsets beside those. */
  readonly rule?: { readonly name: string; readonly stable: string; readonly canary: string; readonly more: readonly string[] };
  readonly virtualServices: readonly RolloutRoutes[];
  /** Names of http rules that Argo Rollouts adds and takes out by itself. */
  readonly managedRoutes: readonly string[];
  /** The workload that holds the pods: the Rollout, or what it refers to where that is in the input. */
  readonly workload?: Item;
  /** What makes it no Rollout that could work. */
  readonly faults: readonly Fault[];
  /** Services that it names as they were called before a prefix or suffix. */
  readonly pending: readonly { readonly was: string; readonly is: string }[];
}

/** A mistake in a Rollout by itself. */
export interface Fault {
  readonly found: string;
  readonly expected: string;
  readonly help: string;
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
  /** Of the apex, where the split is between Services. */
  readonly stable?: KnownService;
  readonly canary?: KnownService;
}

/** The Rollouts of the input that split traffic by Istio. */
export function findRollouts(sources: readonly Item[], known: readonly KnownService[], config: MeshConfig): readonly Rollout[] {
  const referred = findReferred(sources);
  return sources.filter(({ object }) => kindOf(object) === "Rollout" && groupOf(object) === "argoproj.io").flatMap((item): Rollout[] => {
    const { object } = item;
    const canary = mappingAt(object, "spec", "strategy", "canary");
    const istio = asMapping(mappingAt(canary, "trafficRouting")["istio"]);
    if (!istio) return [];
    const namespace = namespaceFor(object, config);
    const pingPong = mappingAt(canary, "pingPong");
    const services = known.filter((service) => namespaceFor(service.object, config) === namespace);
    const finalName = (name: string | undefined): string | undefined => nameOf(findNamed(name, services, (service) => service.item)?.object ?? {}) || name;
    const written = [asText(canary["stableService"] ?? pingPong["pingService"]), asText(canary["canaryService"] ?? pingPong["pongService"])];
    const [stableService, canaryService] = written.map(finalName);
    const rule = asMapping(istio["destinationRule"]);
    const theirs = (kind: string, name: string): string => finalNameOf(kind, name, namespace, sources, config);
    const workload = mappingAt(object, "spec")["workloadRef"] === undefined ? item : referred.get(object);
    const rollout: Rollout = {
      item, name: nameOf(object), namespace, place: { ref: refOf(object), path: ["spec", "strategy", "canary", "trafficRouting", "istio"] },
      ...(stableService !== undefined && { stableService }), ...(canaryService !== undefined && { canaryService }),
      ...(rule && { rule: { name: theirs("DestinationRule", asText(rule["name"]) ?? ""), stable: asText(rule["stableSubsetName"]) ?? "", canary: asText(rule["canarySubsetName"]) ?? "", more: textsOf(rule["additionalSubsetNames"]) } }),
      virtualServices: [istio["virtualService"], ...asList(istio["virtualServices"])].flatMap((entry) => (asMapping(entry) ? [readRoutes(asMapping(entry)!, namespace)] : []))
        .map((routes) => ({ ...routes, name: routes.namespace === namespace ? theirs("VirtualService", routes.name) : routes.name })),
      managedRoutes: asList(mappingAt(canary, "trafficRouting")["managedRoutes"]).flatMap((entry) => asText(asMapping(entry)?.["name"]) ?? []),
      faults: [], pending: written.flatMap((was) => (was !== undefined && finalName(was) !== was ? [{ was, is: finalName(was)! }] : [])), ...(workload && { workload }),
    };
    return [{ ...rollout, faults: findFaults(rollout, canary, istio) }];
  });
}

/** The final name of an object that people wrote, by the name that a Rollout gives it. */
function finalNameOf(kind: string, name: string, namespace: string, sources: readonly Item[], config: MeshConfig): string {
  const theirs = sources.filter(({ object }) => kindOf(object) === kind && groupOf(object) === "networking.istio.io" && namespaceFor(object, config) === namespace);
  return nameOf(findNamed(name, theirs, (item) => item)?.object ?? {}) || name;
}

function textsOf(list: unknown): readonly string[] {
  return asList(list).filter((each) => typeof each === "string");
}

/** What the fields are that a Rollout has in the place of others. */
const shapes: readonly { readonly path: readonly string[]; readonly is: "a mapping" | "a list" | "a string" }[] = [
  { path: ["stableService"], is: "a string" }, { path: ["canaryService"], is: "a string" }, { path: ["pingPong"], is: "a mapping" },
  { path: ["trafficRouting", "managedRoutes"], is: "a list" },
  { path: ["trafficRouting", "istio", "virtualService"], is: "a mapping" }, { path: ["trafficRouting", "istio", "virtualServices"], is: "a list" }, { path: ["trafficRouting", "istio", "destinationRule"], is: "a mapping" },
];

function findFaults({ rule, stableService, canaryService }: Rollout, canary: Mapping, istio: Mapping): readonly Fault[] {
  const misshapen = shapes.flatMap(({ path, is }): readonly Fault[] => {
    const value = mappingAt(canary, ...path.slice(0, -1))[path.at(-1)!];
    const kind = asMapping(value) ? "a mapping" : Array.isArray(value) ? "a list" : typeof value === "string" ? "a string" : `a ${typeof value}`;
    return value === undefined || value === null || kind === is ? [] : [{ found: `${kind} as ${path.join(".")}`, expected: is, help: "write it as Argo Rollouts documents it" }];
  });
  if (misshapen.length > 0) return misshapen;
  const nameless = rule ? Object.entries({ name: rule.name, stableSubsetName: rule.stable, canarySubsetName: rule.canary }).filter(([, name]) => name === "").map(([field]) => field) : [];
  const isBoth = istio["virtualService"] && istio["virtualServices"];
  return [
    ...(nameless.length > 0 ? [{ found: `destinationRule without ${nameless.join(", ")}`, expected: "a name, stableSubsetName and canarySubsetName", help: `add ${nameless.join(", ")}` }] : []),
    ...(rule && rule.stable !== "" && rule.stable === rule.canary ? [{ found: `both subsets named ${rule.stable}`, expected: "two subsets", help: "give canarySubsetName another name" }] : []),
    ...(stableService !== undefined && stableService === canaryService ? [{ found: `stableService and canaryService are both ${stableService}`, expected: "two Services: Argo Rollouts gives each a selector of its own", help: "add a second Service with the same selector, and name that one as canaryService" }] : []),
    ...(isBoth ? [{ found: "virtualService and virtualServices", expected: "one of the two", help: "move virtualService into the list" }] : []),
  ];
}

/** `name`, or `name.namespace`. */
function readRoutes(entry: Mapping, namespace: string): RolloutRoutes {
  const [, name, other] = /^(.*?)(?:\.([^.]+))?$/.exec((asText(entry["name"]) ?? "").replace(/\.svc\.cluster\.local$|\.cluster\.local$/, ""))!;
  const portOf = (route: unknown): number => Number(asMapping(route)?.["port"] ?? 0);
  return {
    name: name!, namespace: other ?? namespace, routes: textsOf(entry["routes"]), tcpPorts: asList(entry["tcpRoutes"]).map(portOf),
    tlsRoutes: asList(entry["tlsRoutes"]).map((route) => ({ port: portOf(route), sniHosts: textsOf(asMapping(route)?.["sniHosts"]) })),
  };
}

/** The Services behind which a Rollout's pods stand. */
export function membersOf({ workload }: Rollout, known: readonly KnownService[]): readonly KnownService[] {
  return known.filter(({ workloads }) => workloads.some((each) => each.workload.item === workload));
}

/** What Rollouts make of the Services, by the Service's object. */
export interface Governance {
  readonly governed: ReadonlyMap<KubeObject, Governed>;
  /** Services that the VirtualService of a Rollout could be for. */
  readonly candidates: ReadonlyMap<Rollout, readonly KnownService[]>;
  /** Rollouts that cannot both have what they name. */
  readonly refused: ReadonlySet<Rollout>;
  readonly diagnostics: readonly Diagnostic[];
}

/** What one Rollout would have made. */
interface Wish {
  readonly rollout: Rollout;
  readonly stable?: KnownService;
  readonly canary?: KnownService;
  readonly candidates: readonly KnownService[];
  readonly pairs: ReadonlyMap<KnownService, RolloutRoutes>;
  readonly destinationRule?: string;
}

/**
 * The VirtualService that a Rollout names is made for the Service that is neither its stable nor its canary one, else
 * for the stable one; under the name that the Rollout says, unless people wrote that one, or it would be another
 * Service's.
 */
export function governServices(rollouts: readonly Rollout[], known: readonly KnownService[], sources: readonly Item[], config: MeshConfig): Governance {
  const written = new Set(sources.map(({ object }) => identityOf(object)));
  const wishes = rollouts.map((rollout) => wishOf(rollout, rollouts, known, written, config));
  const { refused, diagnostics } = findRivals(wishes);
  const governed = new Map<KubeObject, Governed>();
  for (const { rollout, stable, canary, pairs, destinationRule } of wishes) {
    if (refused.has(rollout) || pairs.size === 0) continue;
    for (const [service, role] of [[stable, "stable"], [canary, "canary"]] as const) if (service) governed.set(service.object, { rollout, role });
    for (const [service, virtualService] of pairs) {
      governed.set(service.object, { rollout, role: "apex", virtualService, ...(destinationRule !== undefined && { destinationRule }), ...(!rollout.rule && { stable: stable!, canary: canary! }) });
    }
  }
  return { governed, candidates: new Map(wishes.map(({ rollout, candidates }) => [rollout, candidates])), refused, diagnostics };
}

function wishOf(rollout: Rollout, all: readonly Rollout[], known: readonly KnownService[], written: ReadonlySet<string>, config: MeshConfig): Wish {
  const { rule, stableService, canaryService } = rollout;
  const inNamespace = known.filter(({ object }) => namespaceFor(object, config) === rollout.namespace);
  const named = (name: string | undefined): KnownService | undefined => inNamespace.find(({ object }) => nameOf(object) === name);
  const [stable, canary] = [named(stableService), named(canaryService)];
  const isSide = ({ object }: KnownService): boolean => all.some((each) => each.namespace === rollout.namespace && [each.stableService, each.canaryService].includes(nameOf(object)));
  const roots = membersOf(rollout, inNamespace).filter((service) => service.shape === "cluster" && !isSide(service));
  // The stable Service selects the stable pods alone, so two subsets cannot both be parts of it.
  const candidates = roots.length > 0 || rule ? roots : [stable].filter((service) => service?.shape === "cluster") as readonly KnownService[];
  const open = rollout.virtualServices.filter(({ name, namespace }) => namespace === rollout.namespace && !isWritten("VirtualService", name, rollout, written));
  const isFit = rollout.faults.length === 0 && (rule || (stable && canary));
  const pairs = isFit ? pairByName(candidates, open, (name) => named(name) !== undefined) : new Map<KnownService, RolloutRoutes>();
  const isFree = rule && pairs.size === 1 && (named(rule.name) === undefined || pairs.has(named(rule.name)!));
  return { rollout, candidates, pairs, ...(stable && { stable }), ...(canary && { canary }), ...(isFree && { destinationRule: rule.name }) };
}

/** Rollouts that want one object, or the traffic of one Service: whichever it is given to, the other one does not work. */
function findRivals(wishes: readonly Wish[]): { readonly refused: ReadonlySet<Rollout>; readonly diagnostics: readonly Diagnostic[] } {
  const claims = new Map<string, Rollout>();
  const shared = new Map<Rollout, Map<Rollout, string[]>>();
  for (const { rollout, pairs, stable, canary, destinationRule } of [...wishes].sort((a, b) => compareText(a.rollout.name, b.rollout.name))) {
    if (pairs.size === 0) continue;
    const services = new Set([...pairs.keys(), stable, canary].flatMap((service) => (service ? [`Service ${nameOf(service.object)}`] : [])));
    const objects = [...pairs.values()].map(({ name }) => `VirtualService ${name}`);
    for (const claim of [...services, ...objects, ...(destinationRule === undefined ? [] : [`DestinationRule ${destinationRule}`])]) {
      const key = `${rollout.namespace}/${claim}`;
      const first = claims.get(key);
      if (!first) claims.set(key, rollout);
      else if (first !== rollout) {
        const others = shared.get(rollout) ?? new Map<Rollout, string[]>();
        shared.set(rollout, others.set(first, [...(others.get(first) ?? []), claim]));
      }
    }
  }
  const diagnostics = [...shared].flatMap(([rollout, others]) => [...others].map(([first, what]) => diagnose("IZ346", rollout.place, { one: first.name, other: rollout.name, what }, { subject: refOf(first.item.object) })));
  return { refused: new Set([...shared].flatMap(([rollout, others]) => [rollout, ...others.keys()])), diagnostics };
}

function isWritten(kind: string, name: string, { item, namespace }: Rollout, written: ReadonlySet<string>): boolean {
  const own = asText(mappingAt(item.object, "metadata")["namespace"]) ?? "";
  return written.has(`networking.istio.io/${kind}/${own}/${name}`) || written.has(`networking.istio.io/${kind}/${namespace}/${name}`);
}

/** Each Service with the entry of its own name, or of the one from before a prefix; then the one that is left with the one entry that is left. */
function pairByName(services: readonly KnownService[], entries: readonly RolloutRoutes[], isTaken: (name: string) => boolean): ReadonlyMap<KnownService, RolloutRoutes> {
  const pairs = new Map<KnownService, RolloutRoutes>();
  const open = (): readonly RolloutRoutes[] => entries.filter((entry) => ![...pairs.values()].includes(entry));
  for (const namesOf of [({ object }: KnownService) => [nameOf(object)], ({ item }: KnownService) => earlierNamesOf(item).map(({ name }) => name)]) {
    for (const service of services.filter((each) => !pairs.has(each))) {
      const entry = open().find(({ name }) => namesOf(service).includes(name) && (name === nameOf(service.object) || !isTaken(name)));
      if (entry) pairs.set(service, entry);
    }
  }
  const left = services.filter((service) => !pairs.has(service));
  const [last, ...others] = open();
  if (left.length === 1 && last && others.length === 0 && last.name !== "" && !isTaken(last.name)) pairs.set(left[0]!, last);
  return pairs;
}
