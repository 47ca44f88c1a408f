import { asList, asMapping, asText, type Mapping } from "../kube/object.ts";
import { entries } from "./finding.ts";
import type { Fault, Rule, RuleScope } from "./rules.ts";
import { isDnsLabel, isFqdn, isHost, isIp, isIstioDuration } from "./shapes.ts";
import { atEach, checkExportTo, checkLabels, dnsLabelWords, has, isPort, numberOf, present, quoted, readsAsDuration, textOf } from "./shared-rules.ts";

/** A policy for all ports: of the host, or of one subset. */
const policies = ["spec.trafficPolicy", "spec.subsets[].trafficPolicy"];
/** What a policy and its part for one port have in common. */
const settings = policies.flatMap((at) => [at, `${at}.portLevelSettings[]`]);

const policyFields = ["outlierDetection", "connectionPool", "loadBalancer", "tls", "portLevelSettings", "tunnel", "proxyProtocol", "retryBudget"];
const portFields = ["outlierDetection", "connectionPool", "loadBalancer", "tls"];
const topologyLabels = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"];

/**
 * What istiod's webhook refuses in a DestinationRule beyond its schema.
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/
 */
export const destinationRuleRules: readonly Rule[] = [
  { at: "spec.host", find: (value) => (typeof value !== "string" || isHost(value) ? [] : [{ found: quoted(value), expects: "the name of a Service or host, with a wildcard in its first part at most" }]) },
  { at: "spec.exportTo", find: checkExportTo },
  { at: "spec.workloadSelector", find: checkSelector },
  { at: "spec.subsets", find: checkSubsets },
  { at: "spec.subsets[].labels", find: checkLabels },
  ...atEach(policies, (at) => ({ at, find: checkPolicy })),
  ...atEach(policies.map((at) => `${at}.tunnel`), (at) => ({ at, find: checkTunnel })),
  ...atEach(policies.map((at) => `${at}.retryBudget.budgetInterval`), (at) => ({ at, find: checkInterval })),
  ...atEach(policies.map((at) => `${at}.portLevelSettings[]`), (at) => ({ at, find: checkPortSettings })),
  ...atEach(settings.map((at) => `${at}.outlierDetection`), (at) => ({ at, find: checkOutliers })),
  ...atEach(settings, (at) => ({ at, find: (value) => checkPool(value).map((fault) => ({ ...fault, at: ["connectionPool", ...(fault.at ?? [])] })) })),
  ...atEach(settings, (at) => ({ at, find: checkLoadBalancer })),
  ...atEach(settings.map((at) => `${at}.tls`), (at) => ({ at, find: checkTls })),
];

function checkSelector(value: unknown): readonly Fault[] {
  const labels = asMapping(asMapping(value)?.["matchLabels"]) ?? {};
  const names = Object.keys(labels);
  if (names.length === 0) return [{ found: "a workloadSelector without labels", expects: "`matchLabels` with the labels of the calling pods", isIgnored: true }];
  return names.flatMap((name): Fault[] => (name === "" || name.includes("*") || String(labels[name]).includes("*") ? [{ at: ["matchLabels", name], found: `${name}=${String(labels[name])}`, expects: "a name and a value without a wildcard" }] : []));
}

function checkSubsets(value: unknown): readonly Fault[] {
  const names = asList(value).map((each) => textOf(each, "name"));
  return names.flatMap((name, i): Fault[] => {
    if (!has(asList(value)[i], "name")) return [];
    if (!isDnsLabel(name)) return [{ at: [`[${i}]`, "name"], found: quoted(name), expects: dnsLabelWords, ...(/^[\w.]+$/.test(name) && { help: `for example ${name.replace(/[._]/g, "-")}` }) }];
    return names.indexOf(name) < i ? [{ at: [`[${i}]`, "name"], found: `a second subset ${name}`, expects: "each name once" }] : [];
  });
}

function checkPolicy(value: unknown): readonly Fault[] {
  if (!asMapping(value)) return [];
  if (present(value, policyFields).every((key) => key === "portLevelSettings" && asList(asMapping(value)?.[key]).length === 0)) return [{ found: "an empty trafficPolicy", expects: "at least one setting in it, or no trafficPolicy", fix: { remove: true } }];
  return has(value, "tunnel") && has(value, "proxyProtocol") ? [{ at: ["proxyProtocol"], found: "tunnel and proxyProtocol", expects: "one of them" }] : [];
}

function checkPortSettings(value: unknown): readonly Fault[] {
  if (!asMapping(value)) return [];
  return [
    ...(has(value, "port") ? [] : [{ found: "settings without a port", expects: "port: {number: …}, a port of the Service" }]),
    ...(present(value, portFields).length > 0 ? [] : [{ found: "settings of a port that set nothing", expects: `at least one of ${portFields.join(", ")}` }]),
  ];
}

function checkTunnel(value: unknown): readonly Fault[] {
  const tunnel = asMapping(value) ?? {};
  const [protocol, host, port] = [textOf(tunnel, "protocol"), textOf(tunnel, "targetHost"), numberOf(tunnel, "targetPort")];
  return [
    ...(["", "CONNECT", "POST"].includes(protocol) ? [] : [{ at: ["protocol"], found: quoted(protocol), expects: "CONNECT or POST" }]),
    ...(!has(tunnel, "targetHost") || isFqdn(host) || isIp(host) ? [] : [{ at: ["targetHost"], found: quoted(host), expects: "a host name without a wildcard, or an address" }]),
    ...(!has(tunnel, "targetPort") || isPort(port) ? [] : [{ at: ["targetPort"], found: String(port), expects: "a port from 1 to 65535" }]),
  ];
}

function checkInterval(value: unknown): readonly Fault[] {
  return readsAsDuration(value) ? [] : [{ found: quoted(value), expects: "a duration, such as 0s or 10s" }];
}

function checkOutliers(value: unknown): readonly Fault[] {
  const outliers = asMapping(value) ?? {};
  const percents = ["maxEjectionPercent", "minHealthPercent"].filter((key) => numberOf(outliers, key) < 0 || numberOf(outliers, key) > 100);
  return [
    ...(numberOf(outliers, "consecutiveLocalOriginFailures") > 0 && outliers["splitExternalLocalOriginErrors"] !== true
      ? [{ at: ["consecutiveLocalOriginFailures"], found: "consecutiveLocalOriginFailures without splitExternalLocalOriginErrors", expects: "`splitExternalLocalOriginErrors: true` beside it" }] : []),
    ...percents.map((key): Fault => ({ at: [key], found: String(outliers[key]), expects: "a percentage from 0 to 100" })),
  ];
}

const poolNumbers = [["http", "http1MaxPendingRequests"], ["http", "http2MaxRequests"], ["http", "maxRequestsPerConnection"], ["http", "maxRetries"], ["http", "maxConcurrentStreams"], ["tcp", "maxConnections"]] as const;

function checkPool(settings: unknown): readonly Fault[] {
  const pool = asMapping(asMapping(settings)?.["connectionPool"]);
  if (!pool) return [];
  // Taken out where something else is left: a policy may not be empty either.
  const isAlone = present(settings, policyFields).length === 1;
  if (!has(pool, "http") && !has(pool, "tcp")) return [{ found: "an empty connectionPool", expects: "`http` or `tcp` in it, or no connectionPool", ...(!isAlone && { fix: { remove: true } }) }];
  const http = asMapping(pool["http"]) ?? {};
  const keepalive = asMapping(http["http2KeepAlive"]);
  const idle = asMapping(pool["tcp"])?.["idleTimeout"];
  return [
    ...poolNumbers.filter(([where, key]) => numberOf(pool[where], key) < 0).map(([where, key]): Fault => ({ at: [where, key], found: String(numberOf(pool[where], key)), expects: "0 or more" })),
    ...(http["h2UpgradePolicy"] === "UPGRADE" && http["useClientProtocol"] === true ? [{ at: ["http", "useClientProtocol"], found: "useClientProtocol: true with h2UpgradePolicy: UPGRADE", expects: "one of them: the one keeps the protocol of the caller, the other changes it" }] : []),
    ...(keepalive ? ["interval", "timeout"].filter((key) => !has(keepalive, key)).map((key): Fault => ({ at: ["http", "http2KeepAlive"], found: `http2KeepAlive without ${key}`, expects: "interval and timeout" })) : []),
    ...(typeof idle !== "string" || isIstioDuration(idle, { zero: true }) ? [] : [{ at: ["tcp", "idleTimeout"], found: quoted(idle), expects: "a duration in whole milliseconds, or 0s, which never closes a connection" }]),
  ];
}

function checkLoadBalancer(value: unknown): readonly Fault[] {
  const balancer = asMapping(asMapping(value)?.["loadBalancer"]);
  if (!balancer) return [];
  const hasOutliers = has(value, "outlierDetection");
  const below = (key: string, faults: readonly Fault[]): readonly Fault[] => faults.map((fault) => ({ ...fault, at: ["loadBalancer", key, ...(fault.at ?? [])] }));
  const warmup = asMapping(balancer["warmup"]);
  const aggression = warmup?.["aggression"];
  return [
    ...below("consistentHash", checkHash(balancer["consistentHash"])),
    ...(has(balancer, "localityLbSetting") && has(balancer, "zoneAwareLbSetting") ? [{ at: ["loadBalancer", "zoneAwareLbSetting"], found: "localityLbSetting and zoneAwareLbSetting", expects: "one of them" }] : []),
    ...below("localityLbSetting", checkLocality(balancer["localityLbSetting"], hasOutliers)),
    ...below("zoneAwareLbSetting", checkZones(balancer["zoneAwareLbSetting"], hasOutliers)),
    ...(typeof aggression === "number" && aggression <= 0 ? [{ at: ["loadBalancer", "warmup", "aggression"], found: String(aggression), expects: "a number above 0" }] : []),
  ];
}

function checkHash(value: unknown): readonly Fault[] {
  const hash = asMapping(value);
  if (!hash) return [];
  const cookie = asMapping(hash["httpCookie"]);
  const names = asList(cookie?.["attributes"]).map((each) => textOf(each, "name"));
  const table = asMapping(hash["maglev"]) && numberOf(hash["maglev"], "tableSize");
  const ringSize = numberOf(hash, "minimumRingSize");
  return [
    ...(cookie && has(cookie, "name") && textOf(cookie, "name") === "" ? [{ at: ["httpCookie", "name"], found: "an empty name", expects: "the name of a cookie" }] : []),
    ...(cookie && !readsAsDuration(cookie["ttl"] ?? "0s") ? [{ at: ["httpCookie", "ttl"], found: quoted(cookie["ttl"]), expects: "a duration, such as 1h, or 0s for a cookie of the session" }] : []),
    ...names.flatMap((name, i): Fault[] => (name === "" && has(asList(cookie?.["attributes"])[i], "name") ? [{ at: ["httpCookie", "attributes", `[${i}]`, "name"], found: "an empty name", expects: "the name of an attribute" }] : names.indexOf(name) < i ? [{ at: ["httpCookie", "attributes", `[${i}]`, "name"], found: `${name} a second time`, expects: "each attribute once" }] : [])),
    ...(ringSize !== 0 && present(hash, ["ringHash", "maglev"]).length > 0 ? [{ at: ["minimumRingSize"], found: `minimumRingSize beside ${present(hash, ["ringHash", "maglev"]).join(", ")}`, expects: "the size inside `ringHash`" }] : []),
    ...(table === undefined || isPrime(table) && table < 5_000_011 ? [] : [{ at: ["maglev", ...(has(hash["maglev"], "tableSize") ? ["tableSize"] : [])], found: table === 0 ? "maglev without tableSize" : String(table), expects: "a prime number below 5000011, such as 65537" }]),
  ];
}

/** As Envoy reckons it: 1 counts as a prime there. */
function isPrime(number: number): boolean {
  if (number > 0 && number < 4) return true;
  if (number % 2 === 0) return false;
  for (let factor = 3; factor * factor <= number; factor += 2) if (number % factor === 0) return false;
  return true;
}

function checkFailover(setting: Mapping, hasOutliers: boolean): readonly Fault[] {
  const isUsed = asList(setting["failover"]).length > 0 || asList(setting["failoverPriority"]).length > 0;
  return [
    ...(isUsed && !hasOutliers ? [{ found: "failover without outlierDetection", expects: "outlierDetection beside loadBalancer: without it no region is ever taken for failing", isIgnored: true as const }] : []),
    ...entries(setting["failover"]).flatMap(([step, each]): Fault[] => {
      const [from, to] = [textOf(each, "from"), textOf(each, "to")];
      const at = ["failover", step];
      if (from === to) return [{ at, found: `from ${from || "nothing"} to itself`, expects: "two different regions" }];
      return /[/*]/.test(from + to) ? [{ at, found: `${from} to ${to}`, expects: "names of regions, without zones and wildcards" }] : [];
    }),
  ];
}

function checkLocality(value: unknown, hasOutliers: boolean): readonly Fault[] {
  const setting = asMapping(value);
  if (!setting) return [];
  const distribute = asList(setting["distribute"]);
  if (distribute.length > 0 && asList(setting["failover"]).length > 0) return [{ at: ["failover"], found: "distribute and failover", expects: "one of them" }];
  const both = asList(setting["failover"]).length > 0 ? asList(setting["failoverPriority"]).find((each) => topologyLabels.includes(String(each))) : undefined;
  if (both !== undefined) return [{ at: ["failoverPriority"], found: `${String(both)} beside failover`, expects: "one of them: both order regions" }];
  const weighed = entries(distribute).flatMap(([step, each]): readonly Fault[] => {
    const to = Object.entries(asMapping(asMapping(each)?.["to"]) ?? {});
    const at = ["distribute", step, "to"];
    const wrong = to.find(([, weight]) => typeof weight !== "number" || weight < 1 || weight > 100);
    if (wrong) return [{ at: [...at, wrong[0]], found: quoted(wrong[1]), expects: "a weight from 1 to 100" }];
    const sum = to.reduce((total, [, weight]) => total + Number(weight), 0);
    return sum === 100 ? checkLocalities(to.map(([name]) => name), true).map((fault) => ({ ...fault, at: [...at, ...(fault.at ?? [])] })) : [{ at, found: `weights of together ${sum}`, expects: "100 in all" }];
  });
  if (weighed.length > 0) return weighed;
  return [
    ...checkLocalities(distribute.map((each) => textOf(each, "from"))).map((fault): Fault => ({ ...fault, at: ["distribute"] })),
    ...checkFailover(setting, hasOutliers),
  ];
}

/**
 * Places as region/zone/subzone, a wildcard at the end at most, of which none contains a later one; istiod takes those
 * of a mapping (`unordered`) in any order, so that none may contain another.
 */
function checkLocalities(names: readonly string[], unordered = false): readonly Fault[] {
  const parts = names.map((name) => name.split("/", 3));
  for (const [i, name] of names.entries()) {
    const stars = name.split("*").length - 1;
    if (stars > 1 || (stars === 1 && !name.endsWith("*"))) return [{ at: [name], found: quoted(name), expects: "one wildcard at most, at the end" }];
    if (parts[i]!.some((part) => part === "")) return [{ at: [name], found: quoted(name), expects: "region, region/zone or region/zone/subzone" }];
    const before = parts.slice(0, i).findIndex((other) => overlaps(other, parts[i]!, unordered));
    if (before >= 0) return [{ at: [name], found: `${name} beside ${names[before]!}`, expects: "places that do not contain each other" }];
  }
  return [];
}

function overlaps(before: readonly string[], after: readonly string[], unordered: boolean): boolean {
  for (let i = 0; i < Math.min(before.length, after.length); i++) if (before[i] !== after[i]) return before[i] === "*" || (unordered && after[i] === "*");
  return true;
}

function checkZones(value: unknown, hasOutliers: boolean): readonly Fault[] {
  const setting = asMapping(value);
  if (!setting) return [];
  const label = asList(setting["failoverPriority"]).find((each) => topologyLabels.includes(String(each)));
  return [...(label === undefined ? [] : [{ at: ["failoverPriority"], found: String(label), expects: "other labels: region, zone and subzone are ordered already" }]), ...checkFailover(setting, hasOutliers)];
}

function checkTls(value: unknown, { namespace }: RuleScope): readonly Fault[] {
  const tls = asMapping(value) ?? {};
  const mode = asText(tls["mode"]) ?? "DISABLE";
  const set = (keys: readonly string[]): readonly string[] => keys.filter((key) => (key === "subjectAltNames" ? asList(tls[key]).length > 0 : textOf(tls, key) !== ""));
  const credential = textOf(tls, "credentialName");
  const skipped = tls["insecureSkipVerify"] !== true ? [] : mode === "SIMPLE" ? set(["caCertificates", "credentialName", "subjectAltNames"]) : mode === "MUTUAL" ? set(["caCertificates", "subjectAltNames"]) : [];
  const files = set(["clientCertificate", "caCertificates", "privateKey", "caCrl"]);
  const takesCredential = (mode === "SIMPLE" || mode === "MUTUAL") && credential !== "";
  const missing = mode === "MUTUAL" && !takesCredential ? ["clientCertificate", "privateKey"].filter((key) => textOf(tls, key) === "") : [];
  const [, configMap] = /^configmap:\/\/(.*)$/.exec(credential) ?? [];
  const isElsewhere = configMap !== undefined && (namespace === "" ? !/^[^/]+\/./.test(configMap) : !configMap.startsWith(`${namespace}/`) || configMap.length === namespace.length + 1);
  return [
    ...(isElsewhere ? [{ at: ["credentialName"], found: quoted(credential), expects: `a ConfigMap of this namespace: configmap://${namespace || "namespace"}/name` }] : []),
    ...(skipped.length > 0 ? [{ at: ["insecureSkipVerify"], found: `insecureSkipVerify: true beside ${skipped.join(", ")}`, expects: "nothing to verify against, or insecureSkipVerify: false" }] : []),
    ...(takesCredential && files.length > 0 ? [{ at: ["credentialName"], found: `credentialName beside ${files.join(", ")}`, expects: "the secret alone, or files alone" }] : []),
    ...(missing.length > 0 ? [{ found: `MUTUAL without ${missing.join(" and ")}`, expects: "clientCertificate and privateKey, or credentialName" }] : []),
  ];
}
