import { isLabel } from "../kube/label.ts";
import { asMapping, type Mapping } from "../kube/object.ts";
import { bounded, duration, enumeration, integer, parseYaml, parts, percent, refuse, type Read, type ValueType } from "./values.ts";

/**
 * Values of DestinationRule settings; each gives the value of its Istio field.
 *
 * `retryBudget`, `warmup`, `locality`, `tunnel` mappings; `proxyProtocol` "V1" | "V2"; `labels` {key: value}, for
 * `client-selector` (workloadSelector.matchLabels) and `subset.<name>.labels`.
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/
 */

/** A first part and named ones behind it, such as `20%;min=3;interval=10s`; `rest` says which there are. */
function readParts(value: string, rest: readonly string[]): { readonly first: string; readonly named: ReadonlyMap<string, string> } | undefined {
  const [first, ...more] = value.split(";");
  const named = more.length > 0 ? parts(more.join(";"), ";") : new Map<string, string>();
  return named && [...named.keys()].every((name) => rest.includes(name)) ? { first: first!.trim(), named } : undefined;
}

const budgetShare = percent();
const budgetLeast = integer({ max: 4_294_967_295 });
const budgetInterval = duration({ zero: true });

/** Istio's retryBudget; `budgetInterval` needs Istio 1.31. */
export interface RetryBudget {
  readonly percent: number;
  readonly minRetryConcurrency?: number;
  readonly budgetInterval?: string;
}

/** `20%;min=3;interval=10s`. */
export const retryBudget: ValueType<RetryBudget> = bounded(128, {
  expects: "the share of active requests that may be retries, with min= and interval= if wanted, such as 20%;min=3;interval=10s",
  schema: { type: "string", pattern: "^[0-9.]+%\\s*(;\\s*(min|interval)\\s*=[^;]+)*$" },
  read: (value) => {
    const found = readParts(value, ["min", "interval"]);
    const share = budgetShare.read(found?.first ?? "");
    const least = readNamed(found?.named.get("min"), budgetLeast);
    const interval = readNamed(found?.named.get("interval"), budgetInterval);
    if (!found || !("value" in share) || !least || !interval) return refuse(/^\d{1,3}(\.\d+)?(;|$)/.test(value) ? suggestRead(value.replace(/^[\d.]+/, "$&%"), retryBudget) : undefined);
    return { value: { percent: share.value, ...(least.value !== undefined && { minRetryConcurrency: least.value }), ...(interval.value !== undefined && { budgetInterval: interval.value }) } };
  },
});

/** The value of a part that need not be there; nothing where it is there and not understood. */
function readNamed<T>(text: string | undefined, type: ValueType<T>): { readonly value: T | undefined } | undefined {
  if (text === undefined) return { value: undefined };
  const read = type.read(text);
  return "value" in read ? read : undefined;
}

function suggestRead<T>(meant: string, type: ValueType<T>): string | undefined {
  return "value" in type.read(meant) ? meant : undefined;
}

/** Istio's loadBalancer.warmup. */
export interface Warmup {
  readonly duration: string;
  readonly minimumPercent?: number;
  readonly aggression?: number;
}

const warmupTime = duration();

/** `60s;min=10;aggression=1`. */
export const warmup: ValueType<Warmup> = bounded(128, {
  expects: "a duration, with min= (percent, 0 to 100) and aggression= (above 0) if wanted, such as 60s;min=10;aggression=1",
  schema: { type: "string", pattern: "^([0-9]+(\\.[0-9]+)?(h|ms|m|s))+\\s*(;\\s*(min|aggression)\\s*=[^;]+)*$" },
  read: (value) => {
    const found = readParts(value, ["min", "aggression"]);
    const time = warmupTime.read(found?.first ?? "");
    const [least, aggression] = ["min", "aggression"].map((name) => readDecimal(found?.named.get(name)));
    if (found && "value" in time && least !== null && aggression !== null && (least ?? 0) <= 100 && aggression !== 0) {
      return { value: { duration: time.value, ...(least !== undefined && { minimumPercent: least }), ...(aggression !== undefined && { aggression }) } };
    }
    if (found && !("value" in time) && time.suggestion !== undefined) return refuse(suggestRead(value.replace(found.first, time.suggestion), warmup));
    return refuse(/%/.test(value) ? suggestRead(value.replaceAll("%", ""), warmup) : undefined);
  },
});

/** A decimal number; `null` for anything else, `undefined` where there is none. */
function readDecimal(text: string | undefined): number | null | undefined {
  if (text === undefined) return undefined;
  return /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : null;
}

const topologyLabels = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"];
const region = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;

const labelText = "[-A-Za-z0-9_./]+\\s*=\\s*[A-Za-z0-9][-A-Za-z0-9_.]*\\s*";

/** `k=v,k2=v2` or a YAML mapping. */
export const labels: ValueType<{ readonly [key: string]: string }> = bounded(16_384, {
  expects: "labels, such as version=v2,track=canary",
  schema: { type: ["string", "object"], minProperties: 1, additionalProperties: { type: "string" }, pattern: `^\\s*${labelText}(,${labelText})*$|^\\s*\\{[\\s\\S]+$` },
  read: (value) => {
    const found = value.trimStart().startsWith("{") ? readLabelMapping(value) : parts(value, ",");
    if (!found) return refuse(value.length < 1024 && /^[^=,:]+:[^=,:]+(,[^=,:]+:[^=,:]+)*$/.test(value) ? suggestRead(value.split(":").map((part) => part.trim()).join("="), labels) : undefined);
    const isFit = found.size > 0 && [...found].every(([key, text]) => isLabel(key, text));
    return isFit ? { value: Object.fromEntries(found) } : refuse();
  },
});

function readLabelMapping(value: string): ReadonlyMap<string, string> | undefined {
  const read = parseYaml(value);
  const mapping = "value" in read ? asMapping(read.value) : undefined;
  const entries = Object.entries(mapping ?? {});
  return entries.every(([, text]) => typeof text === "string") ? new Map(entries as [string, string][]) : undefined;
}

const localityExpects = "disabled, failover:us-east=us-west,eu-west=us-east (regions), failover-priority:topology.kubernetes.io/region,… (labels), or a YAML mapping of Istio's localityLbSetting, such as {distribute: [{from: us-west/*, to: {us-west/*: 80, us-east/*: 20}}]}";

/** Istio's localityLbSetting. */
export const locality: ValueType<Mapping> = bounded(16_384, {
  expects: localityExpects,
  schema: {
    type: ["string", "object"], minProperties: 1, additionalProperties: false,
    properties: { enabled: { type: "boolean" }, distribute: { type: "array" }, failover: { type: "array" }, failoverPriority: { type: "array" } },
    pattern: "^(disabled|failover:\\s*[A-Za-z0-9][-\\w.]*=[\\s\\S]+|failover-priority:\\s*[A-Za-z0-9][\\s\\S]*|\\s*\\{[\\s\\S]+|(enabled|distribute|failover|failoverPriority):\\s[\\s\\S]+)$",
  },
  read: (value) => {
    if (value === "disabled") return { value: { enabled: false } };
    const [, kind, rest] = /^(failover|failover-priority):([\s\S]*)$/.exec(value) ?? [];
    const list = rest?.split(",").map((part) => part.trim());
    if (kind === "failover") return checkLocality({ failover: list!.map((part) => { const [from, ...to] = part.split("="); return { from, to: to.join("=") }; }) });
    if (kind === "failover-priority") return checkLocality({ failoverPriority: list! });
    if (!/^\s*\{|^\w+:(\s|$)/.test(value)) return refuse(/^(off|none|false|disable|no)$/i.test(value) ? "disabled" : undefined);
    const read = parseYaml(value);
    if ("problem" in read) return refuse(undefined, `${localityExpects}; ${read.problem}`);
    const mapping = asMapping(read.value);
    return mapping ? checkLocality(mapping) : refuse();
  },
});

/** What Istio's own validation says to a localityLbSetting. */
function checkLocality(setting: Mapping): Read<Mapping> {
  const problem = findLocalityProblem(setting);
  return problem === undefined ? { value: setting } : refuse(undefined, `${localityExpects}; ${problem}`);
}

function findLocalityProblem(setting: Mapping): string | undefined {
  const fields = ["enabled", "distribute", "failover", "failoverPriority"];
  const strange = Object.keys(setting).find((key) => !fields.includes(key));
  if (strange !== undefined) return `a field ${strange} beside ${fields.join(", ")}`;
  const { enabled, distribute, failover, failoverPriority } = setting;
  if (Object.keys(setting).length === 0) return "it is empty";
  if (enabled !== undefined && typeof enabled !== "boolean") return "enabled is true or false";
  if (distribute !== undefined && failover !== undefined) return "distribute and failover exclude each other";
  return findFailoverProblem(failover) ?? findPriorityProblem(failoverPriority, failover !== undefined) ?? findDistributeProblem(distribute);
}

function findFailoverProblem(failover: unknown): string | undefined {
  if (failover === undefined) return undefined;
  if (!Array.isArray(failover) || failover.length === 0) return "failover is a list of {from, to}";
  const from = new Set<unknown>();
  for (const entry of failover as readonly unknown[]) {
    const pair = asMapping(entry);
    const names = [pair?.["from"], pair?.["to"]];
    if (!pair || Object.keys(pair).length !== 2 || !names.every((name) => typeof name === "string" && region.test(name))) return "each failover goes from one region to another, such as us-east=us-west: regions only, without zones or *";
    if (names[0] === names[1]) return `a failover from ${String(names[0])} to itself`;
    if (from.size === from.add(names[0]).size) return `two failovers from ${String(names[0])}`;
  }
  return undefined;
}

function findPriorityProblem(priority: unknown, hasFailover: boolean): string | undefined {
  if (priority === undefined) return undefined;
  if (!Array.isArray(priority) || priority.length === 0) return "failoverPriority is a list of labels";
  const seen = new Set<string>();
  for (const entry of priority as readonly unknown[]) {
    const [, key, value] = typeof entry === "string" ? /^([^=]+)(?:=([\s\S]*))?$/.exec(entry) ?? [] : [];
    if (key === undefined || !isLabel(key, value ?? "any")) return "each priority is a label such as topology.kubernetes.io/region, or one with a value";
    if (hasFailover && topologyLabels.includes(key)) return `failover and the label ${key} exclude each other`;
    if (seen.size === seen.add(key).size) return `${key} is there twice`;
  }
  return undefined;
}

function findDistributeProblem(distribute: unknown): string | undefined {
  if (distribute === undefined) return undefined;
  if (!Array.isArray(distribute) || distribute.length === 0) return "distribute is a list of {from, to}";
  const from: string[] = [];
  for (const entry of distribute as readonly unknown[]) {
    const pair = asMapping(entry);
    const to = asMapping(pair?.["to"]);
    const source = pair?.["from"];
    if (!pair || Object.keys(pair).length !== 2 || typeof source !== "string" || !to) return "each distribute has from: a locality and to: localities with weights";
    const shares = Object.values(to);
    if (!shares.every((weight) => typeof weight === "number" && Number.isInteger(weight) && weight >= 1 && weight <= 100)) return `the weights from ${source} are whole numbers from 1 to 100`;
    const sum = (shares as readonly number[]).reduce((all, weight) => all + weight, 0);
    if (sum !== 100) return `the weights from ${source} sum to ${sum}, not 100`;
    const overlap = findOverlap(Object.keys(to));
    if (overlap !== undefined) return overlap;
    from.push(source);
  }
  return findOverlap(from);
}

const localityPattern = /^(\*|[A-Za-z0-9][-A-Za-z0-9_.]*(\/(\*|[A-Za-z0-9][-A-Za-z0-9_.]*(\/(\*|[A-Za-z0-9][-A-Za-z0-9_.]*))?))?)$/;

/** Two localities of which one holds the other; `region` and `region/*` hold everything in it. */
function findOverlap(localities: readonly string[]): string | undefined {
  const wide = localities.map((name) => name.replace(/(^|\/)\*$/, "").split("/").filter((part) => part !== ""));
  for (const [i, name] of localities.entries()) {
    if (!localityPattern.test(name)) return `${JSON.stringify(name.slice(0, 60))} is no locality: region, region/zone or region/zone/subzone, with * at the end only`;
    const other = wide.findIndex((parts, j) => j !== i && parts.every((part, k) => wide[i]![k] === part));
    if (other >= 0) return `${localities[other]!} holds ${name} too`;
  }
  return undefined;
}

export const proxyProtocol: ValueType<"V1" | "V2"> = enumeration("V1", "V2");

/** Istio's trafficPolicy.tunnel. */
export interface Tunnel {
  readonly protocol: "CONNECT" | "POST";
  readonly targetHost: string;
  readonly targetPort: number;
}

const tunnelPattern = /^(CONNECT|POST):\/\/(?:\[([0-9A-Fa-f:.]{2,45})\]|((?=[^:]{1,253}:)[A-Za-z0-9](?:[-A-Za-z0-9]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[-A-Za-z0-9]{0,61}[A-Za-z0-9])?)*)):([1-9]\d{0,4})$/;

/** `CONNECT://host:port` or `POST://host:port`. */
export const tunnel: ValueType<Tunnel> = bounded(320, {
  expects: "CONNECT://host:port or POST://host:port, such as CONNECT://proxy.example.com:3128",
  schema: { type: "string", pattern: "^(CONNECT|POST)://\\S+:\\d{1,5}$" },
  read: (value) => {
    const [, protocol, address, host, port] = tunnelPattern.exec(value) ?? [];
    if (protocol !== undefined && Number(port) <= 65535 && isHost(address, host)) return { value: { protocol: protocol as "CONNECT" | "POST", targetHost: address ?? host!, targetPort: Number(port) } };
    const meant = value.replace(/^(connect|post):\/\//i, (word) => word.toUpperCase());
    return refuse(suggestIf(/^[A-Za-z0-9.-]+:\d+$/.test(value) ? `CONNECT://${value}` : meant === value ? undefined : meant));
  },
});

function suggestIf(meant: string | undefined): string | undefined {
  return meant === undefined ? undefined : suggestRead(meant, tunnel);
}

/** Whether it is an IPv6 address, an IPv4 address, or a name whose last label is no number. */
function isHost(address: string | undefined, host: string | undefined): boolean {
  if (address !== undefined) return isIpv6(address);
  if (!/(^|\.)\d+$/.test(host!)) return true;
  const numbers = host!.split(".");
  return numbers.length === 4 && numbers.every((number) => /^(0|[1-9]\d{0,2})$/.test(number) && Number(number) <= 255);
}

function isIpv6(address: string): boolean {
  try {
    return new URL(`http://[${address}]`).hostname !== "";
  } catch {
    return false;
  }
}
