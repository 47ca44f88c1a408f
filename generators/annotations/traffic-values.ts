import { suggest } from "../diagnostics/suggest.ts";
import type { Mapping } from "../kube/object.ts";
import { bounded, duration, integer, listOf, parts, refuse, text, type ValueType } from "./values.ts";

/** Values whose grammar belongs to one Istio field; each gives the value of that field. */

const conditions = [
  "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream",
  "retriable-status-codes", "retriable-headers", "envoy-ratelimited", "http3-post-connect-failure",
  "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
];

/** The status codes with a name in HTTP, which is what Istio's validation asks for. */
const statusCode = /10[0-3]|20[0-8]|226|30[0-578]|40\d|41[0-8]|42[1-689]|431|451|50[0-8]|51[01]/;

/** @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on */
const retryCondition: ValueType<string> = {
  expects: `one of ${conditions.join(", ")}, or a status code`,
  schema: { type: ["string", "integer"], minimum: 100, maximum: 511, pattern: `^(${conditions.join("|")}|${statusCode.source})$`, examples: conditions },
  read: (value) => (conditions.includes(value) || isStatusCode(value) ? { value } : refuse(suggest(value, conditions))),
};

function isStatusCode(value: string): boolean {
  return statusCode.exec(value)?.[0] === value;
}

const retryConditions = listOf(retryCondition, {
  expects: `a comma separated list of retry conditions (${conditions.join(", ")}) or status codes`,
});

/** A message names a few of the conditions only; `explain` and the reference have them all. */
export const retryOn: ValueType<readonly string[]> = {
  ...retryConditions,
  read: (value) => ({ expects: "retry conditions, separated by commas, such as connect-failure,5xx,503; `istiomize explain retry-on` prints them all", ...retryConditions.read(value) }),
};

export const httpCodes: ValueType<readonly number[]> = listOf({ ...integer({ min: 100, max: 599 }), schema: { type: "integer", minimum: 100, maximum: 599, pattern: "^0*[1-5]\\d\\d$" } }, { expects: "a comma separated list of status codes from 100 to 599" });

const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const headerPattern = headerName.source.slice(1, -1);

/** @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#LoadBalancerSettings-ConsistentHashLB */
export const consistentHash: ValueType<Mapping> = bounded<Mapping>(1024, {
  expects: "header:NAME, cookie:NAME[;ttl=1h][;path=/], query:NAME or source-ip",
  schema: { type: "string", pattern: `^(source-ip|header:${headerPattern}|query:[^\\s&#=?]+|cookie:${headerPattern}(;\\s*(ttl|path)\\s*=[^;]*)*)$` },
  read: (value) => {
    if (value === "source-ip") return { value: { useSourceIp: true } };
    const [, kind, rest] = /^(header|cookie|query):(.+)$/s.exec(value) ?? [];
    if (kind === undefined || rest === undefined) return refuse(suggestHash(value));
    if (kind === "header") return headerName.test(rest) ? { value: { httpHeaderName: rest.toLowerCase() } } : refuse();
    if (kind === "query") return /^[^\s&#=?]+$/.test(rest) ? { value: { httpQueryParameterName: rest } } : refuse();
    const [name, ...more] = rest.split(";");
    const options = more.length > 0 ? parts(more.join(";"), ";") : new Map<string, string>();
    const ttl = options?.get("ttl");
    if (!name || !headerName.test(name) || !options || [...options.keys()].some((key) => key !== "ttl" && key !== "path")) return refuse();
    if (ttl !== undefined && !("value" in duration({ zero: true }).read(ttl))) return refuse(undefined, "ttl with a unit, such as cookie:NAME;ttl=1h (0s makes a session cookie)");
    const path = options.get("path");
    return { value: { httpCookie: { name, ...(path !== undefined && { path }), ...(ttl !== undefined && { ttl }) } } };
  },
});

function suggestHash(value: string): string | undefined {
  if (/^source-?ip$/i.test(value)) return "source-ip";
  return headerName.test(value) ? `header:${value}` : undefined;
}

/** `ring[:size]` or `maglev:size`; the size of a Maglev table is a prime below 5000011, and Envoy's rings end at 8388608. */
export const hashAlgorithm: ValueType<Mapping> = bounded<Mapping>(32, {
  expects: "ring, ring:SIZE (1 to 8388608) or maglev:SIZE, where a maglev size is a prime below 5000011",
  schema: { type: "string", pattern: "^(ring(:\\d+)?|maglev:\\d{1,7})$" },
  read: (value) => {
    const [, kind, size] = /^(ring|maglev)(?::(\d+))?$/.exec(value) ?? [];
    if (kind === "ring" && (size === undefined || (Number(size) >= 1 && Number(size) <= 8_388_608))) return { value: { ringHash: { minimumRingSize: Number(size ?? 1024) } } };
    if (kind === "maglev" && size !== undefined && Number(size) < 5_000_011 && isPrime(Number(size))) return { value: { maglev: { tableSize: Number(size) } } };
    return refuse(kind === "maglev" ? "maglev:65537" : undefined);
  },
});

function isPrime(n: number): boolean {
  if (n < 2) return false;
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return true;
}

/** Durations and counts by name, such as `time=2h,interval=75s,probes=9`; `required` parts must be there. */
function keepalive(fields: { readonly [name: string]: ValueType }, example: string, required: readonly string[]): ValueType<Mapping> {
  const part = `\\s*(${Object.keys(fields).join("|")})\\s*=[^,]+`;
  return bounded(256, {
    expects: `values for ${Object.keys(fields).join(", ")}, separated by commas, such as ${example}`,
    schema: { type: "string", pattern: `^${part}(,${part})*$` },
    read: (value) => {
      const found = parts(value, ",");
      if (!found || required.some((name) => !found.has(name))) return refuse();
      const built: { [name: string]: unknown } = {};
      for (const [name, part] of found) {
        const result = Object.hasOwn(fields, name) ? fields[name]!.read(part) : refuse();
        if (!("value" in result)) return refuse();
        built[name] = result.value;
      }
      return { value: built };
    },
  });
}

export const tcpKeepalive = keepalive({ time: duration(), interval: duration(), probes: integer({ min: 1 }) }, "time=2h,interval=75s,probes=9", []);
export const http2Keepalive = keepalive({ interval: duration(), timeout: duration() }, "interval=30s,timeout=10s", ["interval", "timeout"]);

const portNumber = integer({ min: 1, max: 65535 });
const portOrAll: ValueType<string> = {
  expects: "a port number or *",
  schema: { type: ["string", "integer"], minimum: 1, maximum: 65535, pattern: "^(\\*|0*[1-9]\\d{0,4})$" },
  read: (value) => (value === "*" || "value" in portNumber.read(value) ? { value } : refuse()),
};

/** Ports as `traffic.sidecar.istio.io` takes them. */
export const portList = listOf(portOrAll, { expects: "a comma separated list of port numbers, such as 3306,6379" });

const ipRange = text({
  expects: "a CIDR such as 10.0.0.0/8, or *",
  pattern: /^(\*|(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}\/(3[0-2]|[12]?\d)|(?=[0-9a-fA-F:]{2,39}\/)[0-9a-fA-F]*:[0-9a-fA-F:]+\/(12[0-8]|1[01]\d|[1-9]?\d))$/,
  meant: (value) => (/^\d{1,3}(\.\d{1,3}){3}$/.test(value) ? `${value}/32` : value),
});

export const ipRanges = listOf(ipRange, { expects: "a comma separated list of CIDRs, such as 10.0.0.0/8,172.16.0.0/12" });

const exportTarget = text({ expects: "., * or a namespace", pattern: /^(\.|\*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$/ });

export const exportTo: ValueType<readonly string[]> = {
  ...listOf(exportTarget, { expects: "., * (alone) or a comma separated list of namespaces" }),
  read: (value) => {
    const result = listOf(exportTarget).read(value);
    return "value" in result && result.value.includes("*") && result.value.length > 1 ? refuse("*") : result;
  },
};

export const hosts = listOf(text({
  expects: "a host name without a wildcard",
  pattern: /^(?=.{1,253}$)(?!(.*\.)?\d+$)[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$/,
  meant: (value) => value.toLowerCase().replace(/^https?:\/\//, "").replace(/[:/].*$/, ""),
}), { expects: "a comma separated list of host names" });

export const names = listOf(text({ expects: "a name", pattern: /^[^\s,]{1,253}$/ }), { expects: "a comma separated list of names" });

export const subjectAltNames = listOf(text({ expects: "a name", pattern: /^[!-~]{1,2048}$/ }), { expects: "a comma separated list of names" });

/** One destination of a split: a subset of this Service or another Service, with an optional port. */
export interface Destination {
  /** As written, without the port. */
  readonly name: string;
  readonly port?: number;
}

export interface WeightedDestination extends Destination {
  readonly weight: number;
}

/** The pattern of a destination with its port, for schemas: it looks less closely than `readDestination`. */
export const destinationText = "[A-Za-z0-9](?:[-A-Za-z0-9._]*[A-Za-z0-9])?(?::\\d{1,5})?";

const destinationPattern = /^([A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?)(?::(\d{1,5}))?$/;

export function readDestination(value: string): Destination | undefined {
  const match = value.length > 330 ? undefined : destinationPattern.exec(value.trim());
  if (!match || (match[3] !== undefined && (Number(match[3]) < 1 || Number(match[3]) > 65535))) return undefined;
  return { name: match[1]!, ...(match[3] !== undefined && { port: Number(match[3]) }) };
}

export const destination: ValueType<Destination> = bounded(512, {
  expects: "a subset of this Service, a Service of its namespace or name.namespace, with an optional :port",
  schema: { type: "string", pattern: `^\\s*${destinationText}\\s*$` },
  read: (value) => {
    const found = readDestination(value);
    return found ? { value: found } : refuse();
  },
});

const weightText = `\\s*${destinationText}\\s*=\\s*0*(100|\\d{1,2})\\s*`;

/** Shares in percent by destination, such as `stable=90,canary=10`; the sum is checked where the Service is known. */
export const weights: ValueType<readonly WeightedDestination[]> = bounded<readonly WeightedDestination[]>(4096, {
  expects: "destinations with weights, such as stable=90,canary=10 (whole numbers that sum to 100)",
  schema: { type: "string", pattern: `^${weightText}(,${weightText})*$` },
  read: (value) => {
    const read: WeightedDestination[] = [];
    const meant: string[] = [];
    let refused = false;
    for (const part of value.split(",")) {
      const [, name, separator, number, sign] = /^\s*([^\s=]+?)\s*(=|:)\s*(\d{1,9})(%?)\s*$/.exec(part) ?? [];
      const found = name === undefined ? undefined : readDestination(name);
      if (!found || Number(number) > 100) return refuse();
      if (separator !== "=" || sign) refused = true;
      read.push({ ...found, weight: Number(number) });
      meant.push(`${name}=${number}`);
    }
    return refused ? refuse(meant.join(",")) : { value: read };
  },
});
