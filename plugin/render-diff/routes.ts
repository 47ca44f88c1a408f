import { asList, asMapping, asText, equal, kindOf, mappingAt, nameOf, namespaceOf, selects, stringsAt, type KubeObject, type Mapping } from "../../generators/kube/object.ts";
import { readDuration } from "../../generators/kube/duration.ts";
import { describeMatch, mayOverlap, rulesOf, takerOf, type Rule, type RuleKind } from "./rules.ts";
import { mappingsIn, resolveService, workloadsBehind, type World } from "./objects.ts";
import { code, codes, count, listOf, type Effect } from "./words.ts";
import { describeExport } from "./visibility.ts";

/** A VirtualService before and after a change, and what is built around it. */
export interface RouteChange {
  readonly before?: KubeObject;
  readonly after?: KubeObject;
  readonly worlds: { readonly before: World; readonly after: World };
}

/** What a change of a VirtualService does to the requests that it routes. */
export function describeRoutes(change: RouteChange): readonly Effect[] {
  return [...describeReach(change), ...(["http", "tcp", "tls"] as const).flatMap((kind) => describeRules(change, kind)), ...describeExport(change.before, change.after, "its rules", "go unrouted: straight to the Service")];
}

function hostsOf(object: KubeObject | undefined): readonly string[] {
  return asList(mappingAt(object, "spec")["hosts"]).filter((host) => typeof host === "string");
}

/** `mesh` is every sidecar; it is what no gateways at all means. */
function gatewaysOf(object: KubeObject | undefined): readonly string[] {
  if (!object) return [];
  const gateways = asList(mappingAt(object, "spec")["gateways"]).filter((gateway) => typeof gateway === "string");
  return gateways.length === 0 ? ["mesh"] : gateways;
}

/** Hosts that can be reached through a gateway, or no longer; those in the mesh are reached in any case. */
function describeReach({ before, after, worlds }: RouteChange): readonly Effect[] {
  const [left, right] = [bindings(before), bindings(after)];
  const lost = [...left.keys()].filter((key) => !right.has(key));
  const won = [...right.keys()].filter((key) => !left.has(key));
  const isStill = (world: World, key: string): boolean => world.ofKind("VirtualService").some((object) => bindings(object).has(key));
  const sort = (keys: readonly string[], from: Bindings): readonly (readonly [gateway: string, hosts: readonly string[]])[] => {
    const groups = new Map<string, string[]>();
    for (const { gateway, host } of keys.map((key) => from.get(key)!)) groups.set(gateway, [...(groups.get(gateway) ?? []), host]);
    return [...groups];
  };
  const outside = (from: Bindings) => (key: string): boolean => from.get(key)!.gateway !== "mesh";
  const inMesh = (keys: readonly string[], from: Bindings): readonly string[] => (before && after ? keys.filter((key) => !outside(from)(key)).map((key) => from.get(key)!.host) : []);
  const [noLonger, now] = [inMesh(lost, left), inMesh(won, right)];
  return [
    ...sort(lost.filter(outside(left)).filter((key) => !isStill(worlds.after, key)), left).map(([gateway, hosts]): Effect => ({ level: "risk", text: `${codes(hosts)} can no longer be reached through gateway ${code(gateway)}` })),
    ...sort(won.filter(outside(right)).filter((key) => !isStill(worlds.before, key)), right).map(([gateway, hosts]): Effect => ({ level: "change", text: `${codes(hosts)} can be reached through gateway ${code(gateway)}` })),
    ...(noLonger.length > 0 ? [{ level: "change", text: `calls to ${codes(noLonger)} inside the mesh no longer follow these rules` } as const] : []),
    ...(now.length > 0 ? [{ level: "change", text: `calls to ${codes(now)} inside the mesh follow these rules` } as const] : []),
  ];
}

type Bindings = ReadonlyMap<string, { readonly gateway: string; readonly host: string }>;

const known = new WeakMap<KubeObject, Bindings>();

/** Every host at every gateway. Asked again and again, for every object that is new or gone. */
function bindings(object: KubeObject | undefined): Bindings {
  if (!object) return new Map();
  const found = known.get(object) ?? readBindings(object);
  known.set(object, found);
  return found;
}

/** A gateway without a namespace is of the rule's own, and so is a host in the mesh. */
function readBindings(object: KubeObject): Bindings {
  const full = (gateway: string): string => (gateway === "mesh" || gateway.includes("/") || namespaceOf(object) === "" ? gateway : `${namespaceOf(object)}/${gateway}`);
  return new Map(gatewaysOf(object).flatMap((gateway) => hostsOf(object).map((host) => [`${full(gateway)} ${gateway === "mesh" ? resolveService(host, namespaceOf(object)) : host}`, { gateway, host }] as const)));
}

/** What Istio does where no rule says anything: it sends the request to the Service that it names. */
function withoutRules(object: KubeObject): Rule {
  return { name: "", match: [], content: { route: [{ destination: { host: hostsOf(object)[0] ?? nameOf(object) } }] } };
}

function describeRules({ before, after, worlds }: RouteChange, kind: RuleKind): readonly Effect[] {
  const present = (after ?? before)!;
  const only = (object: KubeObject | undefined): readonly Rule[] => {
    if (object) return rulesOf(object, kind);
    return rulesOf(present, kind).length > 0 && gatewaysOf(present).includes("mesh") ? [withoutRules(present)] : [];
  };
  const [left, right] = [only(before), only(after)];
  const classes = [...right, ...left].filter(({ match }, i, all) => all.findIndex((other) => equal(other.match, match)) === i);
  const hasMatches = classes.some(({ match }) => match.length > 0);
  const effects = classes.flatMap(({ match }) => {
    const [from, to] = [takerOf(left, match), takerOf(right, match)];
    const isOwn = [from, to].some((rule) => rule && equal(rule.match, match));
    if (!isOwn) return describeUnreached(right, match);
    const isShared = ([[left, from], [right, to]] as const).some(([rules, taker]) => rules.slice(0, taker && rules.indexOf(taker)).some((rule) => mayOverlap(rule.match, match)));
    const which = match.length === 0 ? (hasMatches ? " that no other rule takes" : "") : `${describeMatch(match)}${isShared ? " that no rule before takes" : ""}`;
    const subject = `${subjectOf(present, kind)}${which}`;
    return compareRules({ from, to, subject, host: hostsOf(present)[0] ?? "", namespace: namespaceOf(present), kind, worlds, isNew: !before, isGone: !after });
  });
  return [...effects, ...describeOrder(left, right)];
}

function describeUnreached(rules: readonly Rule[], match: readonly Mapping[]): readonly Effect[] {
  const [own, taker] = [rules.find((rule) => equal(rule.match, match)), takerOf(rules, match)];
  return own && taker && own !== taker ? [{ level: "note", text: `rule ${code(own.name)} gets no request: rule ${code(taker.name)} stands before it and takes them all` }] : [];
}

function subjectOf(object: KubeObject, kind: RuleKind): string {
  const outside = gatewaysOf(object).filter((gateway) => gateway !== "mesh");
  const what = { http: outside.length > 0 && !gatewaysOf(object).includes("mesh") ? "requests for" : "calls to", tcp: "connections to", tls: "TLS connections to" }[kind];
  return `${what} ${codes(hostsOf(object), 2)}${outside.length === 0 ? "" : ` through ${codes(outside, 2)}${gatewaysOf(object).includes("mesh") ? " and in the mesh" : ""}`}`;
}

/** Rules that change places matter to the requests that two of them match. */
function describeOrder(left: readonly Rule[], right: readonly Rule[]): readonly Effect[] {
  const isCommon = (others: readonly Rule[]) => ({ name }: Rule): boolean => others.some((other) => other.name === name);
  const [was, is] = [left.filter(isCommon(right)).map(({ name }) => name), right.filter(isCommon(left)).map(({ name }) => name)];
  if (equal(was, is) || !equal([...was].sort(), [...is].sort())) return [];
  return [{ level: "change", text: `rules are asked in another order, ${codes(is)} (before: ${codes(was)}): a request that several match goes to the first of them` }];
}

interface Comparison {
  /** The rule that took these requests, and the one that takes them. */
  readonly from: Rule | undefined;
  readonly to: Rule | undefined;
  readonly subject: string;
  /** The host of the rules, and the namespace that they stand in. */
  readonly host: string;
  readonly namespace: string;
  readonly kind: RuleKind;
  readonly worlds: RouteChange["worlds"];
  readonly isNew: boolean;
  readonly isGone: boolean;
}

function compareRules(comparison: Comparison): readonly Effect[] {
  const { from, to, subject, kind } = comparison;
  const nowhere = kind === "http" ? "are answered with 404" : "are closed";
  if (!to) return from && !comparison.isGone ? [{ level: "risk", text: `${subject} ${nowhere}: rule ${code(from.name)}, which took them, is gone` }] : [];
  if (!from) return [{ level: "change", text: `${subject} go to ${describeTargets(to, comparison)}${comparison.isNew ? "" : ` (before, they ${kind === "http" ? "were answered with 404" : "were closed"})`}` }];
  const taken = from.name === to.name || from.name === "" || to.name === "" || !isNamed(from, to) ? [] : [{ level: "note", text: `${subject} are taken by rule ${code(to.name)} (before: ${code(from.name)})` } as const];
  const settled = [describeMove, describeMirrors];
  const ofRequests = [describeAnswer, describeTimeout, describeRetries, describeFaults, describeRewrite];
  return [...taken, ...[...settled, ...(kind === "http" ? ofRequests : [])].flatMap((describe) => describe(from, to, comparison))];
}

/** Rules without names are called after their places, which say nothing. */
function isNamed(...rules: readonly Rule[]): boolean {
  return rules.every(({ content }) => asText(content["name"]) !== undefined);
}

interface Share {
  readonly label: string;
  readonly host: string;
  readonly subset: string | undefined;
  readonly port: number | undefined;
  /** Of all requests of the rule, in percent. */
  readonly percent: number;
}

/** Where a rule sends, by host and subset; a destination that stands there twice counts once. */
function sharesOf({ content }: Rule, { host: own, namespace }: Comparison): ReadonlyMap<string, Share> {
  const entries = mappingsIn(content["route"]);
  const weights = entries.map((entry) => (typeof entry["weight"] === "number" ? entry["weight"] : entries.length === 1 ? 100 : 0));
  const sum = weights.reduce((total, weight) => total + weight, 0) || 1;
  const shares = new Map<string, Share>();
  for (const [i, entry] of entries.entries()) {
    const destination = mappingAt(entry, "destination");
    const [host, subset, port] = [asText(destination["host"]) ?? "", asText(destination["subset"]), mappingAt(destination, "port")["number"]];
    const [meant, isOwn] = [resolveService(host, namespace), resolveService(host, namespace) === resolveService(own, namespace)];
    const key = `${meant} ${subset ?? ""}`;
    const before = shares.get(key);
    shares.set(key, { label: subset === undefined ? host : isOwn ? subset : `${host}/${subset}`, host, subset, port: typeof port === "number" ? port : undefined, percent: (before?.percent ?? 0) + (100 * weights[i]!) / sum });
  }
  return shares;
}

function describeMove(from: Rule, to: Rule, comparison: Comparison): readonly Effect[] {
  const [left, right] = [sharesOf(from, comparison), sharesOf(to, comparison)];
  if (left.size === 0 || right.size === 0) return []; // an answer of the proxy's own, which has words of its own
  const keys = [...new Set([...left.keys(), ...right.keys()])];
  const moves = keys.map((key) => ({ key, share: (right.get(key) ?? left.get(key))!, was: left.get(key)?.percent ?? 0, is: right.get(key)?.percent ?? 0 })).filter(({ was, is }) => Math.abs(was - is) > 0.001);
  const ports = keys.flatMap((key): Effect[] => {
    const [a, b] = [left.get(key)?.port, right.get(key)?.port];
    return a === undefined || b === undefined || a === b ? [] : [{ level: "change", text: `${comparison.subject} go to port ${code(b)} of ${code(right.get(key)!.label)} (before: ${code(a)})` }];
  });
  if (moves.length === 0) return ports;
  const isWhole = moves.length === 2 && moves.every(({ was, is }) => Math.abs(was - is) === 100);
  const [source, target] = [moves.find(({ was }) => was > 0), moves.find(({ is }) => is > 0)];
  const text = isWhole ? `${comparison.subject} go to ${code(target!.share.label)} (before: ${code(source!.share.label)})` : `${comparison.subject} move: ${moves.map(({ share, was, is }) => `${code(share.label)} ${writePercent(was)} → ${writePercent(is)}`).join(", ")}`;
  return [{ level: "change", text }, ...moves.filter(({ is }) => is > 0).flatMap(({ share }) => describeEmpty(share, comparison)), ...ports];
}

function writePercent(value: number): string {
  return `${Math.round(value * 100) / 100}%`;
}

/** A destination in which there is no pod: requests to it fail. */
function describeEmpty({ host, subset, label, percent }: Share, { worlds: { after }, namespace }: Comparison): readonly Effect[] {
  const behind = workloadsBehind(after, host, namespace);
  if (!behind) return [];
  const defined = after.definedSubsets.get(`${resolveService(host, namespace)} ${subset}`);
  if (subset !== undefined && !defined) return [{ level: "risk", text: `no DestinationRule in this build defines subset ${code(label)}: its ${writePercent(percent)} get 503` }];
  const labels = stringsAt(defined, "labels");
  const pods = behind.filter(({ podLabels }) => subset === undefined || Object.keys(labels).length === 0 || selects(labels, podLabels));
  return pods.some(({ replicas }) => replicas !== 0) ? [] : [{ level: "risk", text: `no pod in this build is behind ${code(label)}${pods.length > 0 ? " (0 replicas)" : ""}: its ${writePercent(percent)} get 503` }];
}

function describeTargets(rule: Rule, comparison: Comparison): string {
  const shares = [...sharesOf(rule, comparison).values()];
  if (shares.length === 0) return answerOf(rule) ?? "no destination";
  return listOf(shares.map(({ label, percent }) => (shares.length === 1 ? code(label) : `${code(label)} ${writePercent(percent)}`)));
}

function answerOf({ content }: Rule): string | undefined {
  const [redirect, direct] = [asMapping(content["redirect"]), asMapping(content["directResponse"])];
  if (direct) return `the proxy itself, which answers ${code(direct["status"])}`;
  if (!redirect) return undefined;
  const target = [redirect["scheme"] === undefined ? "" : `${String(redirect["scheme"])}://`, redirect["authority"] ?? "", redirect["uri"] ?? ""].map(String).join("");
  return `a redirect (${code(redirect["redirectCode"] ?? 301)})${target === "" ? "" : ` to ${code(target)}`}`;
}

/** Redirects and answers of the proxy's own, in place of a destination or of one another. */
function describeAnswer(from: Rule, to: Rule, comparison: Comparison): readonly Effect[] {
  const [was, is] = [answerOf(from), answerOf(to)];
  if (was === is) return [];
  return [{ level: is === undefined ? "change" : "risk", text: `${comparison.subject} go to ${describeTargets(to, comparison)} (before: ${describeTargets(from, comparison)})` }];
}

function timeoutOf({ content }: Rule): number | undefined {
  const text = asText(content["timeout"]);
  return text === undefined ? undefined : readDuration(text) || undefined; // 0s is none
}

function describeTimeout(from: Rule, to: Rule, { subject }: Comparison): readonly Effect[] {
  const [was, is] = [timeoutOf(from), timeoutOf(to)];
  if (was === is || answerOf(to) !== undefined) return [];
  const before = was === undefined ? "no limit" : code(from.content["timeout"]);
  if (is === undefined) return answerOf(from) === undefined ? [{ level: "change", text: `${subject} may take as long as they like: the timeout of ${before} is gone` }] : [];
  const now = code(to.content["timeout"]);
  if (was !== undefined && is > was) return [{ level: "change", text: `${subject} may take ${now} (before: ${before}): callers wait longer for a slow answer` }];
  return [{ level: "risk", text: `${subject} may take ${now} (before: ${before}): slower ones get 504` }];
}

interface Retries {
  readonly attempts: number;
  readonly perTry: string | undefined;
  readonly on: readonly string[];
}

/** What Istio does where a rule says nothing of retries. */
const usual = { attempts: 2, perTry: undefined, on: ["connect-failure", "refused-stream", "unavailable", "cancelled"] } as const satisfies Retries;

/** Conditions under which the server may have carried the call out. */
const repeating = new Set(["5xx", "gateway-error", "reset", "retriable-4xx", "internal", "deadline-exceeded"]);

function retriesOf({ content }: Rule): Retries {
  const retries = asMapping(content["retries"]);
  if (!retries) return usual;
  const attempts = retries["attempts"];
  const on = asText(retries["retryOn"])?.split(",").map((each) => each.trim()).filter((each) => each !== "" && each !== "retriable-status-codes"); // the codes themselves say it
  return { attempts: typeof attempts === "number" ? attempts : 0, perTry: asText(retries["perTryTimeout"]), on: on ?? usual.on };
}

function describeRetries(from: Rule, to: Rule, { subject }: Comparison): readonly Effect[] {
  if (answerOf(from) !== undefined || answerOf(to) !== undefined) return [];
  const [was, is] = [retriesOf(from), retriesOf(to)];
  const effects: Effect[] = [];
  if (was.attempts !== is.attempts) effects.push({ level: "change", text: is.attempts === 0 ? `${subject} are tried once and never again (before: up to ${count(was.attempts + 1, "request")} for one call)` : `${subject}: one call becomes up to ${count(is.attempts + 1, "request")} when it fails (before: ${was.attempts + 1})` });
  if (is.attempts === 0) return effects;
  if (was.attempts > 0 && was.perTry !== is.perTry) effects.push(describePerTry(subject, was.perTry, is.perTry));
  const [more, fewer] = [is.on.filter((each) => was.attempts === 0 || !was.on.includes(each)), was.attempts === 0 ? [] : was.on.filter((each) => !is.on.includes(each))];
  const twice = more.filter((each) => repeating.has(each) || /^\d/.test(each));
  if (more.length > 0 && was.attempts > 0) effects.push({ level: twice.length > 0 ? "risk" : "change", text: `${subject} are tried again after ${codes(more)} too${twice.length > 0 ? ": what was carried out may be carried out twice" : ""}` });
  if (was.attempts === 0 && twice.length > 0) effects.push({ level: "risk", text: `${subject} are tried again after ${codes(twice)}: what was carried out may be carried out twice` });
  if (fewer.length > 0) effects.push({ level: "change", text: `${subject} are no longer tried again after ${codes(fewer)}` });
  return effects;
}

function describePerTry(subject: string, was: string | undefined, is: string | undefined): Effect {
  const write = (value: string | undefined): string => (value === undefined ? "as long as the whole call" : code(value));
  const isShorter = is !== undefined && (was === undefined || (readDuration(is) ?? 0) < (readDuration(was) ?? 0));
  return { level: "change", text: `${subject}: each try may take ${write(is)} (before: ${write(was)})${isShorter ? ": a slower one is given up and tried again, as far as retries go" : ""}` };
}

function describeMirrors(from: Rule, to: Rule, comparison: Comparison): readonly Effect[] {
  const [left, right] = [mirrorsOf(from), mirrorsOf(to)];
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((target): Effect[] => {
    const [was, is] = [left.get(target), right.get(target)];
    if (was === is) return [];
    if (is === undefined) return [{ level: "change", text: `${comparison.subject} are no longer copied to ${code(target)}` }];
    return [{ level: was === undefined ? "risk" : "change", text: `${writePercent(is)} of ${comparison.subject} are copied to ${code(target)}${was === undefined ? ", writes too: what it does to shared data is done twice" : ` (before: ${writePercent(was)})`}` }];
  });
}

function mirrorsOf({ content }: Rule): ReadonlyMap<string, number> {
  const percentAt = (value: unknown): number => (typeof mappingAt(value)["value"] === "number" ? (mappingAt(value)["value"] as number) : asMapping(value) ? 0 : 100);
  const name = (value: unknown): string => [asText(mappingAt(value)["host"]), asText(mappingAt(value)["subset"])].filter((part) => part !== undefined).join("/");
  const single = asMapping(content["mirror"]);
  return new Map([
    ...(single ? [[name(single), percentAt(content["mirrorPercentage"])] as const] : []),
    ...mappingsIn(content["mirrors"]).map((entry) => [name(entry["destination"]), percentAt(entry["percentage"])] as const),
  ]);
}

function describeFaults(from: Rule, to: Rule, { subject }: Comparison): readonly Effect[] {
  return (["delay", "abort"] as const).flatMap((kind): Effect[] => {
    const [was, is] = [faultOf(from, kind), faultOf(to, kind)];
    if (was === is) return [];
    if (is === undefined) return [{ level: "change", text: `${subject} are no longer ${kind === "delay" ? "delayed" : "failed"} on purpose (before: ${was})` }];
    return [{ level: "risk", text: `${is} of ${subject} ${kind === "delay" ? "are delayed" : "fail"} on purpose${was === undefined ? "" : ` (before: ${was})`}` }];
  });
}

function faultOf({ content }: Rule, kind: "delay" | "abort"): string | undefined {
  const fault = asMapping(mappingAt(content, "fault")[kind]);
  if (!fault) return undefined;
  const percent = mappingAt(fault, "percentage")["value"];
  const value = fault["fixedDelay"] ?? fault["httpStatus"] ?? fault["grpcStatus"];
  return `${writePercent(typeof percent === "number" ? percent : 0)} (${code(value)})`;
}

function describeRewrite(from: Rule, to: Rule, { subject }: Comparison): readonly Effect[] {
  if (answerOf(to) !== undefined) return [];
  const [was, is] = [mappingAt(from.content, "rewrite"), mappingAt(to.content, "rewrite")];
  return ([["uri", "path"], ["authority", "host"]] as const).flatMap(([field, noun]): Effect[] => {
    if (equal(was[field], is[field])) return [];
    return [{ level: "change", text: is[field] === undefined ? `${subject} arrive with their own ${noun} (before: rewritten to ${code(was[field])})` : `${subject} arrive with the matched ${noun} rewritten to ${code(is[field])}${was[field] === undefined ? "" : ` (before: ${code(was[field])})`}` }];
  });
}

/** What a VirtualService routes, or a DestinationRule is for, as keys: two that share one did the same work, under whatever names. */
export function workOf(object: KubeObject): readonly string[] {
  if (kindOf(object) === "VirtualService") return [...bindings(object).keys()];
  return kindOf(object) === "DestinationRule" ? [`policy ${resolveService(asText(mappingAt(object, "spec")["host"]) ?? "", namespaceOf(object))}`] : [];
}
