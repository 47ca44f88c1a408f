import type { Conjunction } from "../annotations/conditions.ts";
import type { Settings } from "../annotations/setting.ts";
import { rows, type SettingName } from "../annotations/table.ts";
import { asMapping, compact, defined, equal, type Mapping } from "../kube/object.ts";
import type { ServicePort } from "../kube/protocol.ts";
import type { Target } from "../mesh/destinations.ts";
import { targetPort } from "../mesh/destinations.ts";
import type { PlannedRule } from "../mesh/plan.ts";

/** What a rule is written with beside its settings. */
export interface RulePlace {
  readonly name: string;
  readonly match?: readonly Mapping[];
  readonly port: ServicePort;
  readonly route: readonly Mapping[];
  /** The paths that a gateway takes for the Service, which `rewrite` replaces. */
  readonly path?: readonly Conjunction[];
}

/**
 * One rule of `spec.http`.
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute
 */
export function makeHttpRule(rule: PlannedRule, settings: Settings, { name, match, port, route, path }: RulePlace): Mapping {
  if (rule.kind === "raw") return makeRawRule(rule, settings, { name, match, port, route, path });
  const answered = rule.kind === "default" || rule.kind === "route" ? makeAnswer(settings) : undefined;
  if (answered) return defined({ name, match, ...answered, corsPolicy: makeCors(settings), headers: makeHeaders(settings) });
  return defined({
    name, match, rewrite: makeRewrite(settings, rule.rewritesMatch ? match : path as readonly Mapping[] | undefined, match), timeout: settings.valueOf("timeout"), retries: makeRetries(settings), route,
    mirrors: rule.mirrors.length > 0 ? rule.mirrors.map(({ target, percent }) => (defined({ ...destinationOf(target, port), percentage: percent === undefined ? undefined : { value: percent } }))) : undefined,
    fault: makeFault(settings), corsPolicy: makeCors(settings), headers: makeHeaders(settings),
  });
}

/** `redirect` and `direct-response` answer in the proxy: no route, no fault and no retry goes with them. */
function makeAnswer(settings: Settings): Mapping | undefined {
  const redirect = settings.valueOf("redirect");
  if (redirect) return { redirect };
  const directResponse = settings.valueOf("direct-response");
  return directResponse && { directResponse };
}

/** A rule in Istio's own fields; what holds for every rule fills in what it does not say. */
function makeRawRule({ raw, targets }: PlannedRule, settings: Settings, { name, match, route }: RulePlace): Mapping {
  const isAnswered = raw!["redirect"] !== undefined || raw!["directResponse"] !== undefined || raw!["delegate"] !== undefined;
  const standard: Mapping = isAnswered ? { corsPolicy: makeCors(settings), headers: makeHeaders(settings) } : {
    timeout: settings.valueOf("timeout"), retries: makeRetries(settings), fault: makeFault(settings), corsPolicy: makeCors(settings), headers: makeHeaders(settings),
  };
  const own = Object.fromEntries(Object.entries(raw!).filter(([key]) => key !== "match" && key !== "name"));
  const needsRoute = !isAnswered && own["route"] === undefined;
  return defined({ name, match, ...standard, ...own, ...((targets || needsRoute) && { route }) });
}

/** `{destination: {host, subset, port}}`, the port always written. */
export function destinationOf(target: Target, port: ServicePort): { readonly destination: Mapping } {
  return { destination: compact({ host: target.host, subset: target.subset?.name, port: { number: targetPort(target, port) ?? port.number } }) };
}

const retryFields: readonly SettingName[] = ["retry-attempts", "retry-per-try-timeout", "retry-on", "retry-backoff", "retry-remote-localities", "retry-ignore-previous-hosts"];

/** `attempts: 0` stands alone: Istio refuses any other retry field beside it. */
function makeRetries(settings: Settings): Mapping | undefined {
  const attempts = settings.valueOf("retry-attempts");
  if (attempts === 0) return { attempts: 0 };
  const fields = retryFields.filter((name) => settings.has(name));
  return fields.length === 0 ? undefined : { attempts: attempts ?? 2, ...gather(settings, fields) };
}

/** Settings under the last steps of what they write. */
function gather(settings: Settings, names: readonly SettingName[]): Mapping {
  return Object.fromEntries(names.flatMap((name): [string, unknown][] => {
    const setting = settings.find(name);
    const row = rows[name];
    return setting ? [[row.writes.split(".").at(-1)!.replace("[]", ""), row.field ? row.field(setting.value) : setting.value]] : [];
  }));
}

function makeFault(settings: Settings): Mapping | undefined {
  const fault = gather(settings, ["fault-delay", "fault-abort"]);
  return Object.keys(fault).length > 0 ? fault : undefined;
}

const corsFields: readonly SettingName[] = ["cors-allow-origins", "cors-allow-methods", "cors-allow-headers", "cors-expose-headers", "cors-max-age", "cors-allow-credentials"];

function makeCors(settings: Settings): Mapping | undefined {
  const policy = gather(settings, corsFields);
  return Object.keys(policy).length > 0 ? policy : undefined;
}

function makeHeaders(settings: Settings): Mapping | undefined {
  const of = (side: "request" | "response"): Mapping | undefined => {
    const operations = gather(settings, [`${side}-headers-set`, `${side}-headers-add`, `${side}-headers-remove`]);
    return Object.keys(operations).length > 0 ? operations : undefined;
  };
  const [request, response] = [of("request"), of("response")];
  return request || response ? { ...(request && { request }), ...(response && { response }) } : undefined;
}

/**
 * What replaces the path: the part that the gateway takes for the Service, or that a rule with a rewrite of its own
 * matches; nothing of it where neither names a path. Both halves of `/grafana` (the path itself and what lies below)
 * arrive as `/new` and `/new/…`.
 */
function makeRewrite(settings: Settings, replaced: readonly Mapping[] | undefined, match: readonly Mapping[] | undefined): Mapping | undefined {
  const uri = settings.valueOf("rewrite");
  if (uri === undefined) return undefined;
  const to = uri.replace(/\/+$/, "");
  const [gone, matched] = [pathsOf(replaced), pathsOf(match)];
  // Istio's own rewrite replaces what the rule matches, which a rule for a part of the path does not mean.
  const isWhole = equal(gone, matched);
  if (gone.length === 0) return isWhole ? { uri: `${to}/` } : to === "" ? undefined : { uriRegexRewrite: { match: "^(/.*)$", rewrite: `${to}\\1` } };
  const text = (kind: string): readonly string[] => gone.flatMap((each) => (typeof each[kind] === "string" ? [each[kind]] : []));
  if (text("regex").length > 0) return { uri };
  const [exact, prefixes] = [text("exact"), text("prefix")];
  if (prefixes.length === 0) return { uri };
  if ((isWhole || matched.length === 0) && to === "" && prefixes.every((prefix) => prefix.endsWith("/"))) return { uri: "/" };
  const roots = [...new Set([...prefixes.map((prefix) => prefix.replace(/\/+$/, "")), ...exact.filter((each) => !prefixes.includes(`${each}/`))])];
  const pattern = roots.map(quoteRegex).join("|");
  const root = roots.length === 1 ? pattern : `(?:${pattern})`;
  return { uriRegexRewrite: to === "" ? { match: `^${root}/?(.*)$`, rewrite: "/\\1" } : { match: `^${root}(/.*)?$`, rewrite: `${to}\\1` } };
}

/** The paths among conditions, each once. */
function pathsOf(match: readonly Mapping[] | undefined): readonly Mapping[] {
  const uris = (match ?? []).map((each) => asMapping(each["uri"])).filter((uri) => uri !== undefined);
  return [...new Map(uris.map((uri): [string, Mapping] => [JSON.stringify(uri), uri])).values()];
}

function quoteRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
