import { asMapping, asText, equal, mappingAt, namespaceOf, selects, stringsAt, type KubeObject, type Mapping } from "../../generators/kube/object.ts";
import { readDuration } from "../../generators/kube/duration.ts";
import { mappingsIn, resolveService, workloadsBehind, type World } from "./objects.ts";
import { code, codes, type Effect } from "./words.ts";
import { describeExport } from "./visibility.ts";

/** What a change of a DestinationRule does to the calls that it is for. */
export function describePolicies(before: KubeObject | undefined, after: KubeObject | undefined, worlds: { readonly before: World; readonly after: World }): readonly Effect[] {
  const host = asText(mappingAt(after ?? before, "spec")["host"]) ?? "";
  return [
    ...describeHost(before, after),
    ...describeSubsets(before, after, worlds),
    ...compareScopes(before, after).flatMap(({ subject, from, to }) => describePolicy(`calls to ${subject === "" ? code(host) : `${subject} of ${code(host)}`}`, from, to)),
    ...describeExport(before, after, "its settings", "go without them"),
  ];
}

function describeHost(before: KubeObject | undefined, after: KubeObject | undefined): readonly Effect[] {
  const [was, is] = [before, after].map((object) => mappingAt(object, "spec")["host"]);
  return was === undefined || is === undefined || was === is ? [] : [{ level: "change", text: `these settings hold for ${code(is)}, and no longer for ${code(was)}` }];
}

interface Scope {
  /** `subset canary`, `port 80`; empty for all of the host. */
  readonly subject: string;
  readonly from: Mapping;
  readonly to: Mapping;
}

const blocks = ["connectionPool", "outlierDetection", "loadBalancer", "tls"];

/**
 * The policies that hold somewhere, before and after: of the host, its ports and its subsets. What a subset or a port
 * does not say comes from the host, in whole blocks; one that is the host's own change is not said again.
 */
function compareScopes(before: KubeObject | undefined, after: KubeObject | undefined): readonly Scope[] {
  const [left, right] = [before, after].map(readPolicies);
  const names = [...new Set([...left!.keys(), ...right!.keys()])];
  return names.flatMap((name): Scope[] => {
    const [own, other] = [left!.get(name), right!.get(name)];
    if (name === "") return [{ subject: name, from: own ?? {}, to: other ?? {} }];
    const isSubset = name.startsWith("subset");
    // A subset that comes or goes has words of its own.
    if (isSubset && (!own || !other)) return [];
    const touched = blocks.filter((block) => (own ?? {})[block] !== undefined || (other ?? {})[block] !== undefined);
    const pick = (policy: Mapping | undefined, host: Mapping | undefined): Mapping => Object.fromEntries(touched.map((block) => [block, policy?.[block] ?? host?.[block]]));
    return [{ subject: name, from: pick(own, left!.get("")), to: pick(other, right!.get("")) }];
  });
}

function readPolicies(object: KubeObject | undefined): ReadonlyMap<string, Mapping> {
  const found = new Map<string, Mapping>();
  const read = (subject: string, policy: Mapping): void => {
    found.set(subject, policy);
    for (const entry of mappingsIn(policy["portLevelSettings"])) {
      found.set(`${subject === "" ? "" : `${subject}, `}port ${code(mappingAt(entry, "port")["number"])}`, entry);
    }
  };
  if (object) read("", mappingAt(object, "spec", "trafficPolicy"));
  for (const subset of subsetsOf(object).values()) read(`subset ${code(subset["name"])}`, mappingAt(subset, "trafficPolicy"));
  return found;
}

function subsetsOf(object: KubeObject | undefined): ReadonlyMap<string, Mapping> {
  return new Map(mappingsIn(mappingAt(object, "spec")["subsets"]).map((entry) => [asText(entry["name"]) ?? "", entry]));
}

function describePolicy(subject: string, from: Mapping, to: Mapping): readonly Effect[] {
  return [...describeLimits(subject, from, to), ...describeTimes(subject, from, to), ...describeOutliers(subject, from, to), ...describeBalance(subject, from, to), ...describeTls(subject, from, to)];
}

/** Limits of the connection pool, each with what happens beyond it. */
const limits: readonly (readonly [path: readonly string[], noun: string, beyond: string])[] = [
  [["tcp", "maxConnections"], "connections at a time from each caller's proxy", "more wait, or get 503"],
  [["http", "http1MaxPendingRequests"], "requests that wait for a connection", "more get 503"],
  [["http", "http2MaxRequests"], "requests at a time", "more get 503"],
  [["http", "maxRetries"], "retries at a time", "more are not tried again"],
];

function describeLimits(subject: string, from: Mapping, to: Mapping): readonly Effect[] {
  return limits.flatMap(([path, noun, beyond]): Effect[] => {
    const [was, is] = [numberAt(from, path), numberAt(to, path)];
    if (was === is) return [];
    const before = was === undefined ? "no limit of its own" : code(was);
    if (is === undefined) return [{ level: "change", text: `${subject}: the limit of ${before} ${noun} is gone` }];
    const isLower = was === undefined || is < was;
    return [{ level: isLower ? "risk" : "change", text: `${subject}: at most ${code(is)} ${noun} (before: ${before})${isLower ? `; ${beyond}` : ""}` }];
  });
}

function numberAt(policy: Mapping, path: readonly string[]): number | undefined {
  const value = mappingAt(policy, "connectionPool", ...path.slice(0, -1))[path.at(-1)!];
  return typeof value === "number" ? value : undefined;
}

function describeTimes(subject: string, from: Mapping, to: Mapping): readonly Effect[] {
  const times = [["tcp", "connectTimeout", "a connection must stand"], ["http", "idleTimeout", "an idle connection is closed"], ["tcp", "maxConnectionDuration", "a connection is closed"]] as const;
  const found = times.flatMap(([layer, field, what]): Effect[] => {
    const [was, is] = [from, to].map((policy) => asText(mappingAt(policy, "connectionPool", layer)[field]));
    if (was === is) return [];
    const isShorter = field === "connectTimeout" && is !== undefined && (was === undefined || (readDuration(is) ?? 0) < (readDuration(was) ?? 0));
    return [{ level: isShorter && was !== undefined ? "risk" : "change", text: `${subject}: ${what} ${is === undefined ? "after the time that is usual" : `${field === "connectTimeout" ? "within" : "after"} ${code(is)}`} (before: ${was === undefined ? "the time that is usual" : code(was)})${isShorter && was !== undefined ? "; else the call fails with 503" : ""}` }];
  });
  const [was, is] = [from, to].map((policy) => numberAt(policy, ["http", "maxRequestsPerConnection"]));
  return was === is ? found : [...found, { level: "change", text: `${subject}: ${is === undefined || is === 0 ? "connections are used again without limit" : `a connection is closed after ${code(is)} requests`} (before: ${was === undefined || was === 0 ? "no limit" : code(was)})` }];
}

function describeOutliers(subject: string, from: Mapping, to: Mapping): readonly Effect[] {
  const [was, is] = [asMapping(from["outlierDetection"]), asMapping(to["outlierDetection"])];
  if (equal(was, is)) return [];
  const errors = (policy: Mapping): string => {
    const counted = [["consecutive5xxErrors", "5xx responses"], ["consecutiveGatewayErrors", "gateway errors"], ["consecutiveLocalOriginFailures", "failures to connect"]] as const;
    const said = counted.filter(([field]) => typeof policy[field] === "number" && policy[field] !== 0).map(([field, noun]) => `${code(policy[field])} ${noun}`);
    return said.length > 0 ? said.join(" or ") : policy["consecutive5xxErrors"] === 0 ? "nothing" : `${code(5)} 5xx responses`;
  };
  if (!is) return [{ level: "change", text: `${subject}: a pod that keeps failing is no longer taken out; it goes on getting its share of requests` }];
  if (!was) return [{ level: "change", text: `${subject}: a pod is taken out for ${code(is["baseEjectionTime"] ?? "30s")} after ${errors(is)} in a row, at most ${code(`${String(is["maxEjectionPercent"] ?? 10)}%`)} of the pods at a time` }];
  const effects: Effect[] = [];
  if (errors(was) !== errors(is)) effects.push({ level: "change", text: `${subject}: a pod is taken out after ${errors(is)} in a row (before: ${errors(was)})` });
  const fields = [["baseEjectionTime", "for", "30s"], ["interval", "looked at every", "10s"]] as const;
  for (const [field, word, usual] of fields) {
    if (was[field] !== is[field]) effects.push({ level: "change", text: `${subject}: pods are ${word === "for" ? "taken out for" : word} ${code(is[field] ?? usual)} (before: ${code(was[field] ?? usual)})` });
  }
  const percent = (policy: Mapping, field: string, usual: number): number => (typeof policy[field] === "number" ? (policy[field] as number) : usual);
  const [most, before] = [percent(is, "maxEjectionPercent", 10), percent(was, "maxEjectionPercent", 10)];
  if (most !== before) effects.push({ level: most === 100 ? "risk" : "change", text: `${subject}: at most ${code(`${most}%`)} of the pods are out at a time (before: ${code(`${before}%`)})${most === 100 ? "; when all fail, all are taken out and calls get 503" : ""}` });
  const [least, least0] = [percent(is, "minHealthPercent", 0), percent(was, "minHealthPercent", 0)];
  if (least !== least0) effects.push({ level: "change", text: `${subject}: pods are taken out only while ${code(`${least}%`)} are healthy (before: ${code(`${least0}%`)})` });
  return effects;
}

function describeBalance(subject: string, from: Mapping, to: Mapping): readonly Effect[] {
  const [was, is] = [balanceOf(from), balanceOf(to)];
  if (was === is) return [];
  const sticky = [was, is].some((each) => each.startsWith("by "));
  return [{ level: "change", text: `${subject}: pods are chosen ${is} (before: ${was})${sticky ? "; sessions may come to other pods" : ""}` }];
}

function balanceOf(policy: Mapping): string {
  const balancer = mappingAt(policy, "loadBalancer");
  const hash = asMapping(balancer["consistentHash"]);
  if (!hash) return `with ${code(asText(balancer["simple"]) ?? "LEAST_REQUEST")}`;
  if (hash["httpHeaderName"] !== undefined) return `by header ${code(hash["httpHeaderName"])}`;
  if (hash["httpQueryParameterName"] !== undefined) return `by query ${code(hash["httpQueryParameterName"])}`;
  const cookie = asMapping(hash["httpCookie"]);
  return cookie ? `by cookie ${code(cookie["name"])}` : "by the caller's address";
}

const speech: { readonly [mode: string]: string } = { DISABLE: "plain text", SIMPLE: "TLS", MUTUAL: "TLS with a certificate of their own", ISTIO_MUTUAL: "Istio's mTLS", "": "Istio's mTLS where the other side has a sidecar, else plain text" };

function describeTls(subject: string, from: Mapping, to: Mapping): readonly Effect[] {
  const [was, is] = [from, to].map((policy) => asText(mappingAt(policy, "tls")["mode"]) ?? "");
  if (was === is) return [];
  const against = { DISABLE: "; pods whose mTLS is strict refuse it", ISTIO_MUTUAL: "; pods without a sidecar refuse it", SIMPLE: "; a server without TLS refuses it", MUTUAL: "; a server without TLS refuses it" }[is!] ?? "";
  return [{ level: against === "" ? "change" : "risk", text: `${subject} are sent as ${speech[is!] ?? code(is)} (before: ${speech[was!] ?? code(was)})${against}` }];
}

/** Subsets that come and go, and whose pods are other ones. */
function describeSubsets(before: KubeObject | undefined, after: KubeObject | undefined, worlds: { readonly before: World; readonly after: World }): readonly Effect[] {
  const [left, right] = [subsetsOf(before), subsetsOf(after)];
  const host = asText(mappingAt(after ?? before, "spec")["host"]) ?? "";
  const namespace = namespaceOf((after ?? before)!);
  const [added, removed] = [[...right.keys()].filter((name) => !left.has(name)), [...left.keys()].filter((name) => !right.has(name))];
  const inUse = (world: World, names: readonly string[]): readonly string[] => names.filter((name) => world.routedSubsets.has(`${resolveService(host, namespace)} ${name}`));
  const isThere = (world: World, name: string): boolean => world.definedSubsets.has(`${resolveService(host, namespace)} ${name}`);
  const missing = inUse(worlds.after, removed).filter((name) => !isThere(worlds.after, name));
  const begin = inUse(worlds.after, added).filter((name) => !isThere(worlds.before, name));
  const end = inUse(worlds.before, removed).filter((name) => !isThere(worlds.after, name) && !missing.includes(name));
  const pods = (name: string): string => {
    const labels = stringsAt(right.get(name), "labels");
    const names = workloadsBehind(worlds.after, host, namespace)?.filter(({ podLabels }) => selects(labels, podLabels)).map((workload) => workload.name);
    return names === undefined ? "" : names.length === 0 ? " (no pods in this build)" : ` (${codes(names)})`;
  };
  const changed = [...right].filter(([name, entry]) => left.has(name) && !equal(mappingAt(entry, "labels"), mappingAt(left.get(name), "labels")));
  return [
    ...(added.length > 0 ? [{ level: "note", text: `${host === "" ? "" : `${code(host)} gets `}subset ${added.map((name) => code(name) + pods(name)).join(", ")}` } as const] : []),
    ...(begin.length > 0 ? [{ level: "risk", text: `apply this before the VirtualService that routes to ${codes(begin)}: until a proxy has both, those requests get 503` } as const] : []),
    ...(removed.length > 0 ? [{ level: "note", text: `${code(host)} loses subset ${codes(removed)}` } as const] : []),
    ...(missing.length > 0 ? [{ level: "risk", text: `requests to ${codes(missing)} get 503: a VirtualService still routes there` } as const] : []),
    ...(end.length > 0 ? [{ level: "risk", text: `apply this after the VirtualService that routed to ${codes(end)}: as long as a proxy still has that, those requests get 503` } as const] : []),
    ...changed.map(([name]): Effect => ({ level: "change", text: `subset ${code(name)} is made of other pods${pods(name)}` })),
  ];
}
