import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { asMapping, asText, compareText, describe, nameOf, selects, stringsAt, type Item } from "../../kube/object.ts";
import { readDuration, writeDuration } from "../../kube/duration.ts";
import { namespaceFor } from "../../mesh/levels.ts";
import type { KnownService } from "../../mesh/settings.ts";
import { accountIndex, accountsIn } from "../callers.ts";
import { entriesOf, type IstioWorld } from "../istio-object.ts";
import { attemptsOf, conditionsOf, type RouteCheck, type Routes, type Rule } from "./routes.ts";
import type { TrafficMap } from "./traffic-map.ts";

/** Requests under way to a Service by one rule of one VirtualService. */
interface Hop {
  readonly routes: Routes;
  readonly rule: Rule;
  /** Whether it leads to a gRPC port: errors of answers have codes of their own there. */
  readonly isGrpc: boolean;
}

/** How often one request at the head of a chain can reach a Service, and through which rules. */
interface Storm {
  readonly calls: number;
  readonly hops: readonly Hop[];
}

/** Who calls whom, as far as gateways and policies tell. */
interface Calls {
  readonly callersOf: (service: KnownService) => readonly KnownService[];
  readonly hopsTo: (service: KnownService) => { readonly atGateway: readonly Hop[]; readonly inMesh: readonly Hop[] };
  readonly storms: Map<KnownService, Storm>;
}

const calls = new WeakMap<IstioWorld, Calls>();
const deepest = 8;

/** Retries that multiply from hop to hop, and callees that work longer than anybody waits (rules T5 and T7). */
export const checkChains: RouteCheck = (routes, world, map) => {
  if (world.ofKind("AuthorizationPolicy").length === 0 || !routes.isMesh) return [];
  const known = callsOf(world, map);
  const services = new Set(routes.hosts.flatMap(({ text }) => world.serviceOf(text, routes.object.namespace) ?? []));
  return [...services].flatMap((service) => [...checkStorm(service, routes, known), ...checkWaiting(service, routes, known)]);
};

function checkStorm(service: KnownService, routes: Routes, known: Calls): readonly Diagnostic[] {
  const storm = stormAt(service, known, 0);
  const own = storm.hops.at(-1);
  if (storm.hops.length < 2 || own?.routes !== routes) return [];
  const { object } = routes;
  const field = [...own.rule.path, "retries", "attempts"];
  return [diagnose("IZ388", object.placeOf(...field), {
    service: nameOf(service.object), calls: storm.calls, hops: storm.hops.map(({ routes: { object: by }, rule }) => `${describe(by.ref)} ${attemptsOf(rule) + 1} tries`),
  }, object.subject && { subject: object.subject })];
}

/** The worst chain that ends with the calls to a Service. A hop in front counts only where it tries again after an error in an answer. */
function stormAt(service: KnownService, known: Calls, depth: number): Storm {
  const found = known.storms.get(service);
  if (found) return found;
  known.storms.set(service, { calls: 1, hops: [] }); // a circle of callers ends here
  const { inMesh } = known.hopsTo(service);
  const own = worst(inMesh.filter(({ rule }) => asMapping(rule.body["retries"]) !== undefined && attemptsOf(rule) > 0).map((hop): Storm => ({ calls: attemptsOf(hop.rule) + 1, hops: [hop] })));
  const front = depth < deepest ? worst(known.callersOf(service).map((caller) => stormInto(caller, known, depth + 1))) : undefined;
  const storm = own && front && front.hops.length > 0 ? { calls: own.calls * front.calls, hops: [...front.hops, ...own.hops] } : own ?? front ?? { calls: 1, hops: [] };
  known.storms.set(service, storm);
  return storm;
}

/** What reaches a caller and makes it call again: through a gateway, or through rules of the mesh. */
function stormInto(service: KnownService, known: Calls, depth: number): Storm {
  const through = worst(known.hopsTo(service).atGateway.filter(retriesAnswers).map((hop): Storm => ({ calls: attemptsOf(hop.rule) + 1, hops: [hop] })));
  const inside = stormAt(service, known, depth);
  const counted = inside.hops.every(retriesAnswers) ? inside : undefined;
  return worst([through, counted].filter((each) => each !== undefined)) ?? { calls: 1, hops: [] };
}

function worst(storms: readonly Storm[]): Storm | undefined {
  return storms.reduce<Storm | undefined>((most, each) => (most === undefined || each.calls > most.calls ? each : most), undefined);
}

/** Whether an error that the callee answered with is tried again; the other conditions are about connections. */
function retriesAnswers({ rule, isGrpc }: Hop): boolean {
  if (asMapping(rule.body["retries"]) === undefined || attemptsOf(rule) === 0) return false;
  const conditions = conditionsOf(rule) ?? ["connect-failure", "refused-stream", "unavailable", "cancelled"];
  return conditions.some((condition) => ["5xx", "gateway-error", "retriable-status-codes"].includes(condition) || /^5\d\d$/.test(condition) || (isGrpc && ["unavailable", "internal", "resource-exhausted"].includes(condition)));
}

/** A timeout that is longer than that of every call which the caller itself is answering. */
function checkWaiting(service: KnownService, routes: Routes, known: Calls): readonly Diagnostic[] {
  const { object } = routes;
  const callers = known.callersOf(service);
  const waits = callers.map((caller) => {
    const { atGateway, inMesh } = known.hopsTo(caller);
    const times = [...atGateway, ...inMesh].map(({ rule }) => timeoutOf(rule));
    return times.length > 0 && times.every((time) => time !== undefined) ? { caller: nameOf(caller.object), longest: Math.max(...times) } : undefined;
  });
  if (waits.length === 0 || waits.some((wait) => wait === undefined)) return [];
  const longest = waits.reduce((most, wait) => (wait!.longest > most!.longest ? wait : most))!;
  return routes.rules.filter(({ kind }) => kind === "http").flatMap((rule) => {
    const timeout = timeoutOf(rule);
    return timeout !== undefined && timeout > longest.longest ? [diagnose("IZ378", object.placeOf(...rule.path, "timeout"), {
      timeout: asText(rule.body["timeout"])!, caller: longest.caller, waits: writeDuration(longest.longest),
    }, object.subject && { subject: object.subject })] : [];
  }).slice(0, 1);
}

function timeoutOf({ body }: Rule): number | undefined {
  return readDuration(asText(body["timeout"]) ?? "");
}

function callsOf(world: IstioWorld, map: TrafficMap): Calls {
  const known = calls.get(world);
  if (known) return known;
  const callers = findCallers(world);
  const made: Calls = {
    storms: new Map(), callersOf: (service) => callers.get(service) ?? [],
    hopsTo: (service) => {
      const namespace = namespaceFor(service.object, world.config);
      const host = world.resolve(nameOf(service.object), namespace);
      const rules = (list: readonly Routes[]): readonly Hop[] => list.flatMap((routes) => routes.rules.filter(({ kind }) => kind === "http").flatMap((rule) => {
        const led = rule.destinations.filter((each) => !each.isMirror && world.resolve(each.host, routes.object.namespace) === host);
        const isGrpc = led.some(({ port }) => service.ports.some(({ number, protocol }) => protocol === "grpc" && (port === number || (port === undefined && service.ports.length === 1))));
        return led.length > 0 ? [{ routes, rule, isGrpc }] : [];
      }));
      return { atGateway: rules((map.byDestination.get(host) ?? []).filter(({ isMesh }) => !isMesh)), inMesh: rules(map.inMesh.get(host) ?? []) };
    },
  };
  calls.set(world, made);
  return made;
}

/** The Services whose pods a policy lets in by service account: whoever is named there is expected to call. */
function findCallers(world: IstioWorld): ReadonlyMap<KnownService, readonly KnownService[]> {
  const policies = world.ofKind("AuthorizationPolicy").filter(({ spec }) => (spec["action"] ?? "ALLOW") === "ALLOW");
  const found = new Map<KnownService, Set<KnownService>>();
  if (policies.length === 0) return new Map();
  const byLabel = new Map<string, KnownService[]>();
  const behind = new Map<Item, KnownService[]>();
  for (const service of world.context.known) {
    for (const [key, value] of Object.entries(stringsAt(service.object, "spec", "selector"))) put(byLabel, `${namespaceFor(service.object, world.config)} ${key}=${value}`, service);
    for (const { workload } of service.workloads) put(behind, workload.item, service);
  }
  for (const policy of policies) {
    const labels = stringsAt(policy.spec, "selector", "matchLabels");
    const [first] = Object.entries(labels);
    const callees = first ? (byLabel.get(`${policy.namespace} ${first[0]}=${first[1]}`) ?? []).filter(({ object }) => selects(labels, stringsAt(object, "spec", "selector"))) : [];
    if (callees.length === 0) continue;
    const accounts = entriesOf(policy.spec["rules"]).flatMap(([rule]) => entriesOf(rule["from"]).flatMap(([from]) => accountsIn(from["source"], policy)));
    const callers = accounts.flatMap(({ namespace, account }) => (accountIndex(world).get(`${namespace}/${account}`) ?? []).flatMap((workload) => behind.get(workload.item) ?? []));
    for (const callee of callees) for (const caller of callers) if (caller !== callee) found.set(callee, (found.get(callee) ?? new Set()).add(caller));
  }
  return new Map([...found].map(([callee, callers]) => [callee, [...callers].sort((a, b) => compareText(nameOf(a.object), nameOf(b.object)))]));
}

function put<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
