import { asList, asText, compareText, equal, mappingAt, nameOf, namespaceOf, selects, stringsAt, type KubeObject } from "../../generators/kube/object.ts";
import type { Workload } from "../../generators/mesh/workload.ts";
import { hasSidecar, mappingsIn, type World } from "./objects.ts";
import { code, codes, count, listOf, type Effect } from "./words.ts";

/** Where Istio looks for what holds in the whole mesh; a build does not say whether it is another one. */
const rootNamespace = "istio-system";

type Worlds = { readonly before: World; readonly after: World };

/** What a change of a PeerAuthentication does: which pods take plain text, and who is refused. */
export function describePeers(before: KubeObject | undefined, after: KubeObject | undefined, { before: was, after: is }: Worlds): readonly Effect[] {
  const object = (after ?? before)!;
  const concerned = is.workloads.filter((workload) => [before, after].some((policy) => policy && concerns(policy, workload)));
  const moves = new Map<string, Workload[]>();
  for (const workload of concerned) {
    const earlier = was.findWorkload(workload.item.object) ?? workload;
    for (const [port, from, to] of compareModes(modesOf(earlier, was), modesOf(workload, is))) {
      const key = [port, from, to].join(" ");
      moves.set(key, [...(moves.get(key) ?? []), workload]);
    }
  }
  const scope = scopeOf(object);
  if (moves.size === 0) return concerned.length > 0 || !scope ? [] : describeMode(scope, modeOf(before), modeOf(after), is);
  const inScope = is.workloads.filter(({ namespace }) => namespaceOf(object) === rootNamespace || namespace === namespaceOf(object));
  return [...moves].flatMap(([key, workloads]) => {
    const [port, from, to] = key.split(" ") as [string, string, string];
    const pods = scope && workloads.length === inScope.length ? scope : `pods of ${codes([...new Set(workloads.map(({ name }) => name))].sort(compareText))}`;
    return describeMode(port === "" ? pods : `port ${code(port)} of ${pods}`, from, to, is);
  });
}

/** `all pods of its namespace`; nothing for a policy of some pods. */
function scopeOf(object: KubeObject): string | undefined {
  if (Object.keys(mappingAt(object, "spec", "selector")).length > 0) return undefined;
  return namespaceOf(object) === rootNamespace ? "all pods of the mesh" : "all pods of its namespace";
}

function describeMode(pods: string, from: string, to: string, world: World): readonly Effect[] {
  if (from === to) return [];
  if (to === "STRICT") {
    const without = world.workloads.filter((workload) => hasSidecar(workload, world) === "no").map(({ name }) => name);
    const unknown = world.workloads.filter((workload) => hasSidecar(workload, world) === "unknown").map(({ namespace }) => namespace);
    const others = without.length > 0 ? `: in this build ${codes([...new Set(without)])}, and everything outside the mesh` : ", such as everything outside the mesh";
    const unsure = unknown.length > 0 ? `; whether namespace ${codes([...new Set(unknown)])} is injected is not in this build` : "";
    return [{ level: "risk", text: `${pods} take mTLS alone (before: ${modeWords[from] ?? code(from)}): callers without a sidecar are refused${others}${unsure}` }];
  }
  if (to === "DISABLE") return [{ level: "risk", text: `${pods} take plain text alone (before: ${modeWords[from] ?? code(from)}): what they get and send is not encrypted, and rules that ask who calls refuse everybody` }];
  return [{ level: from === "STRICT" ? "risk" : "change", text: `${pods} take plain text beside mTLS (before: ${modeWords[from] ?? code(from)})${from === "STRICT" ? ": callers without a sidecar get in, and who they are is not known" : ""}` }];
}

const modeWords: { readonly [mode: string]: string } = { STRICT: "mTLS alone", PERMISSIVE: "both", DISABLE: "plain text alone" };

function modeOf(policy: KubeObject | undefined): string {
  const mode = asText(mappingAt(policy, "spec", "mtls")["mode"]);
  return mode === undefined || mode === "UNSET" ? "PERMISSIVE" : mode;
}

function concerns(policy: KubeObject, workload: Workload): boolean {
  const selector = stringsAt(policy, "spec", "selector", "matchLabels");
  if (Object.keys(selector).length > 0) return namespaceOf(policy) === workload.namespace && selects(selector, workload.podLabels);
  return namespaceOf(policy) === workload.namespace || namespaceOf(policy) === rootNamespace;
}

/** The mode by port; `""` for the ports that no policy names. The nearest policy that says something decides. */
function modesOf(workload: Workload, world: World): ReadonlyMap<string, string> {
  const policies = world.ofKind("PeerAuthentication").filter((policy) => concerns(policy, workload));
  const rank = (policy: KubeObject): number => (Object.keys(mappingAt(policy, "spec", "selector")).length > 0 ? 0 : namespaceOf(policy) === rootNamespace && workload.namespace !== rootNamespace ? 2 : 1);
  const sorted = [...policies].sort((a, b) => rank(a) - rank(b) || compareText(nameOf(a), nameOf(b)));
  const said = (value: unknown): string | undefined => (asText(value) === "UNSET" ? undefined : asText(value));
  const general = sorted.map((policy) => said(mappingAt(policy, "spec", "mtls")["mode"])).find((mode) => mode !== undefined) ?? "PERMISSIVE";
  const ports = sorted.filter((policy) => rank(policy) === 0).flatMap((policy) => Object.entries(mappingAt(policy, "spec", "portLevelMtls")));
  return new Map([["", general], ...ports.map(([port, value]) => [port, said(mappingAt(value)["mode"]) ?? general] as const)]);
}

function compareModes(from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>): readonly (readonly [port: string, from: string, to: string])[] {
  const at = (modes: ReadonlyMap<string, string>, port: string): string => modes.get(port) ?? modes.get("")!;
  const general = [at(from, ""), at(to, "")] as const;
  return [...new Set([...from.keys(), ...to.keys()])].map((port) => [port, at(from, port), at(to, port)] as const)
    .filter(([port, was, is]) => was !== is && (port === "" || was !== general[0] || is !== general[1]));
}

/** What a change of an AuthorizationPolicy does, as far as it can be told without its rules. */
export function describeAccess(before: KubeObject | undefined, after: KubeObject | undefined): readonly Effect[] {
  const object = (after ?? before)!;
  const selector = stringsAt(object, "spec", "selector", "matchLabels");
  const whom = Object.keys(selector).length > 0 ? `pods labelled ${code(Object.entries(selector).map(([key, value]) => `${key}=${value}`).join(","))}` : scopeOf(object) ?? "its pods";
  const action = (policy: KubeObject): string => asText(mappingAt(policy, "spec")["action"]) ?? "ALLOW";
  const rules = (policy: KubeObject): number => asList(mappingAt(policy, "spec")["rules"]).length;
  if (!before) return [describeAdded(whom, action(object), rules(object))];
  if (!after) return [{ level: action(before) === "ALLOW" ? "change" : "risk", text: action(before) === "ALLOW" ? `${whom} no longer ask for what this policy allowed: without another ALLOW policy everybody may call them` : `${whom} no longer refuse what this policy named` }];
  if (action(before) !== action(after)) return [{ level: "risk", text: `for ${whom}, requests that its rules name are ${verbs[action(after)] ?? code(action(after))} (before: ${verbs[action(before)] ?? code(action(before))})` }];
  return equal(mappingAt(before, "spec")["rules"], mappingAt(after, "spec")["rules"]) ? [] : [{ level: "risk", text: `who may call ${whom} changes: the rules below say who is ${verbs[action(after)] ?? code(action(after))}` }];
}

const verbs: { readonly [action: string]: string } = { ALLOW: "let in", DENY: "refused", AUDIT: "noted", CUSTOM: "asked of another service" };

function describeAdded(whom: string, action: string, rules: number): Effect {
  if (action === "ALLOW") return { level: "risk", text: rules === 0 ? `${whom} refuse every request that no other policy allows, with 403` : `${whom} take only requests that this or another ALLOW policy names; the others get 403` };
  return { level: action === "DENY" ? "risk" : "change", text: `for ${whom}, requests that its rules name are ${verbs[action] ?? code(action)}${action === "DENY" ? ", with 403" : ""}` };
}

/** What a change of a RequestAuthentication does. */
export function describeTokens(before: KubeObject | undefined, after: KubeObject | undefined): readonly Effect[] {
  const issuers = (object: KubeObject | undefined): readonly string[] => asList(mappingAt(object, "spec")["jwtRules"]).map((rule) => asText(mappingAt(rule)["issuer"]) ?? "");
  const [was, is] = [issuers(before), issuers(after)];
  const [added, removed] = [is.filter((each) => !was.includes(each)), was.filter((each) => !is.includes(each))];
  return [
    ...(added.length > 0 ? [{ level: "change", text: `tokens of ${codes(added)} are checked: a request with a bad one gets 401, one without any still gets in unless an AuthorizationPolicy asks for it` } as const] : []),
    ...(removed.length > 0 ? [{ level: "risk", text: `tokens of ${codes(removed)} are no longer known: where an AuthorizationPolicy asks for them, nobody gets in with one` } as const] : []),
  ];
}

interface Listener {
  readonly host: string;
  readonly port: string;
  readonly tls: string;
}

/** What a change of a Gateway does to who can come in from outside. */
export function describeGateway(before: KubeObject | undefined, after: KubeObject | undefined): readonly Effect[] {
  const [left, right] = [listenersOf(before), listenersOf(after)];
  const name = code(nameOf((after ?? before)!));
  const list = (entries: readonly Listener[]): string => listOf(entries.slice(0, 5).map(({ host, port }) => `${code(host)} on port ${code(port)}`)) + (entries.length > 5 ? `, and ${entries.length - 5} more` : "");
  const [lost, won] = [[...left].filter(([key]) => !right.has(key)).map(([, each]) => each), [...right].filter(([key]) => !left.has(key)).map(([, each]) => each)];
  const changed = [...right].flatMap(([key, is]) => (left.has(key) && left.get(key)!.tls !== is.tls ? [{ was: left.get(key)!, is }] : []));
  return [
    ...(lost.length > 0 ? [{ level: "risk", text: `gateway ${name} no longer takes ${list(lost)}` } as const] : []),
    ...(won.length > 0 ? [{ level: "change", text: `gateway ${name} takes ${list(won)}` } as const] : []),
    ...changed.map(({ was, is }): Effect => ({ level: "risk", text: `gateway ${name} takes ${code(is.host)} on port ${code(is.port)} as ${is.tls} (before: ${was.tls})` })),
  ];
}

function listenersOf(object: KubeObject | undefined): ReadonlyMap<string, Listener> {
  return new Map(mappingsIn(mappingAt(object, "spec")["servers"]).flatMap((server) => {
    const [port, tls] = [String(mappingAt(server, "port")["number"] ?? "?"), mappingAt(server, "tls")];
    const how = tls["httpsRedirect"] === true ? "a redirect to https" : tls["mode"] === undefined ? code(mappingAt(server, "port")["protocol"] ?? "HTTP") : `TLS ${code(tls["mode"])}`;
    return asList(server["hosts"]).flatMap((host) => (typeof host === "string" ? [[`${host} ${port}`, { host, port, tls: how }] as const] : []));
  }));
}

/** `6 workloads (19 replicas)` */
export function countPods(workloads: readonly Workload[]): string {
  const replicas = workloads.reduce((sum, each) => sum + (each.replicas ?? 0), 0);
  return `${count(workloads.length, "workload")}${replicas > 0 ? ` (${count(replicas, "replica")})` : ""}`;
}
