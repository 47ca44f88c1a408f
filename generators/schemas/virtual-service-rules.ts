import { asList, asMapping, asText } from "../kube/object.ts";
import { entries, isSet } from "./finding.ts";
import type { Fault, Rule, RuleScope } from "./rules.ts";
import { isDnsLabel, isHeaderName, isHost, isIp, isJwtClaim, isSubnet, isWithinHost, hostsOverlap, readGoDuration } from "./shapes.ts";
import {
  atEach, checkDestination, checkExportTo, checkGateways, checkHeaderMatches, checkHeaderOperations, checkLabels, checkRegex, checkStringMatch, checkWeights, dnsLabelWords, has, isPort, numberOf, present, quoted, textOf,
} from "./shared-rules.ts";

const http = "spec.http[]";
const matches = [`${http}.match[]`, "spec.tcp[].match[]", "spec.tls[].match[]"];

/** Names are those of `supportedRetryOnPolicies` in Istio's validation. */
const retryConditions = new Set([
  "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "retriable-4xx", "refused-stream", "retriable-status-codes", "retriable-headers", "envoy-ratelimited",
  "http3-post-connect-failure", "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
]);
/** Codes that Go has a text for, which is what istiod asks. */
const statusCodes = /^[+-]?0*(10[0-3]|20[0-8]|226|30[0-5]|30[78]|4(0\d|1[0-8]|2[1-6]|28|29|31|51)|50[0-8]|51[01])$/;
const corsMethods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"];
const grpcStatuses = [
  "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
  "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
];

/**
 * What istiod's webhook refuses in a VirtualService beyond its schema.
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/
 */
export const virtualServiceRules: readonly Rule[] = [
  { at: "spec", find: checkSpec },
  { at: "spec.hosts", find: checkHosts },
  { at: "spec.exportTo", find: checkExportTo },
  { at: "spec.gateways", find: checkGateways },
  { at: http, find: checkAction },
  { at: `${http}.headers`, find: checkHeaderOperations },
  { at: `${http}.route[].headers`, find: checkHeaderOperations },
  ...atEach([`${http}.route[].destination`, `${http}.mirror`, `${http}.mirrors[].destination`, "spec.tcp[].route[].destination", "spec.tls[].route[].destination"], (at) => ({ at, find: checkDestination })),
  ...atEach([`${http}.route`, "spec.tcp[].route", "spec.tls[].route"], (at) => ({ at, find: checkWeights })),
  ...atEach([`${http}.match[].uri`], (at) => ({ at, find: (value) => checkStringMatch(value, { withPrefix: true }) })),
  ...atEach(["scheme", "method", "authority", "queryParams{}"].map((field) => `${http}.match[].${field}`), (at) => ({ at, find: (value) => checkStringMatch(value) })),
  { at: `${http}.match[].headers`, find: (value, scope) => [...checkHeaderMatches(value), ...checkClaims(value, scope)] },
  { at: `${http}.match[].withoutHeaders`, find: (value, scope) => [...checkHeaderMatches(value, { withStar: true }), ...checkClaims(value, scope)] },
  ...atEach(matches.map((at) => `${at}.port`), (at) => ({ at, find: (value) => (typeof value !== "number" || value === 0 || isPort(value) ? [] : [{ found: String(value), expects: "a port from 1 to 65535" }]) })),
  ...atEach(matches.map((at) => `${at}.sourceLabels`), (at) => ({ at, find: checkLabels })),
  ...atEach(matches.map((at) => `${at}.gateways`), (at) => ({ at, find: checkGateways })),
  { at: `${http}.match[].sourceNamespace`, find: (value) => (typeof value !== "string" || value === "" || isDnsLabel(value) ? [] : [{ found: quoted(value), expects: `the name of a namespace: ${dnsLabelWords}` }]) },
  ...atEach(["spec.tcp[].match[].destinationSubnets[]", "spec.tls[].match[].destinationSubnets[]"], (at) => ({ at, find: (value) => (typeof value !== "string" || isSubnet(value) ? [] : [{ found: quoted(value), expects: "an address, or a block of addresses such as 10.0.0.0/8" }]) })),
  { at: `${http}.corsPolicy`, find: checkCors },
  { at: `${http}.fault`, find: checkFault },
  { at: `${http}.mirrorPercentage.value`, find: checkMirrorShare },
  { at: `${http}.mirrors[].percentage.value`, find: checkMirrorShare },
  ...atEach([`${http}.mirrorPercent`, `${http}.mirror_percent`], (at) => ({ at, find: checkMirrorShare })),
  { at: `${http}.directResponse`, find: checkDirectResponse },
  { at: `${http}.retries`, find: checkRetries },
  { at: `${http}.rewrite`, find: checkRewrite },
  { at: "spec.tcp[]", find: (route) => (asList(asMapping(route)?.["route"]).length > 0 ? [] : [{ found: "a tcp rule without `route`", expects: "`route` with at least one destination" }]) },
  { at: "spec.tls[]", find: checkTlsRoute },
];

function isBoundToGateway(spec: RuleScope["spec"]): boolean {
  const gateways = asList(spec["gateways"]);
  return gateways.length > 0 && !gateways.includes("mesh");
}

function checkSpec(value: unknown): readonly Fault[] {
  const lists = ["http", "tcp", "tls"].filter((key) => asList(asMapping(value)?.[key]).length > 0);
  const isDelegate = asList(asMapping(value)?.["hosts"]).length === 0;
  const inVain = isDelegate ? ["gateways", "tls", "tcp"].filter((key) => asList(asMapping(value)?.[key]).length > 0) : [];
  return [
    ...(lists.length > 0 ? [] : [{ found: "no http, tcp or tls", expects: "at least one rule in `http`, `tcp` or `tls`" }]),
    ...inVain.map((key): Fault => ({ at: [key], found: `${key} without \`hosts\``, expects: "`hosts`: only the http rules of a delegate do without", help: "add hosts, or remove it if another VirtualService delegates to this one" })),
  ];
}

function checkHosts(value: unknown, { spec }: RuleScope): readonly Fault[] {
  const isGateway = isBoundToGateway(spec);
  const hasSni = asList(spec["tls"]).some((route) => asList(asMapping(route)?.["match"]).some((match) => asList(asMapping(match)?.["sniHosts"]).length > 0));
  const hosts = asList(value).map((each) => asText(each));
  const faults = hosts.flatMap((host, i): Fault[] => {
    if (host === undefined || (isGateway && hasSni && host.startsWith("outbound_"))) return [];
    if (!isHost(host) && !isIp(host)) return [{ at: [`[${i}]`], found: quoted(host), expects: "a host name, with a wildcard in its first part at most, or an address" }];
    return host === "*" && !isGateway ? [{ at: [`[${i}]`], found: "*", expects: "names of hosts: `*` is for VirtualServices of gateways alone, and this one is for the mesh" }] : [];
  });
  if (faults.length > 0) return faults;
  return hosts.flatMap((host, i): Fault[] => {
    const before = hosts.slice(0, i).find((other) => other !== undefined && host !== undefined && hostsOverlap(other, host));
    return before === undefined ? [] : [{ at: [`[${i}]`], found: before === host ? `${host} a second time` : `${String(host)} beside ${before}`, expects: "hosts that do not contain each other", ...(before === host && { fix: { remove: true as const } }) }];
  });
}

function checkClaims(value: unknown, { spec }: RuleScope): readonly Fault[] {
  if (isBoundToGateway(spec)) return [];
  return Object.keys(asMapping(value) ?? {}).filter(isJwtClaim).map((name) => ({ at: [name], found: name, expects: "`gateways` without `mesh`: only gateways route by the claims of a token" }));
}

const actions = ["route", "redirect", "directResponse"];

/** What is done with a request: exactly one thing. */
function checkAction(value: unknown, { spec }: RuleScope): readonly Fault[] {
  const rule = asMapping(value);
  if (!rule) return [];
  const isDelegate = asList(spec["hosts"]).length === 0;
  const done = actions.filter((key) => (key === "route" ? asList(rule["route"]).length > 0 : isSet(rule[key])));
  const faults: Fault[] = [];
  if (isSet(rule["delegate"]) && !isDelegate) {
    for (const key of done.filter((each) => each !== "directResponse")) faults.push({ at: [key], found: `${key} beside delegate`, expects: "one of them: the other VirtualService says where requests go" });
  } else {
    if (isSet(rule["delegate"])) faults.push({ at: ["delegate"], found: "delegate in a VirtualService without hosts", expects: "no delegate: one level is all" });
    const [first] = done.filter((key) => key !== "route");
    if (done.length === 0) faults.push({ found: "a rule that sends requests nowhere", expects: "one of route, redirect, directResponse or delegate" });
    else if (done.length > 1) faults.push({ at: [first!], found: done.join(" and "), expects: "one of route, redirect, directResponse or delegate" });
    if (first !== undefined) for (const key of present(rule, ["fault", "rewrite"])) faults.push({ at: [key], found: `${key} beside ${first}`, expects: `no ${key}: nothing is sent on` });
  }
  if (isSet(rule["mirror"]) && asList(rule["mirrors"]).length > 0) faults.push({ at: ["mirror"], found: "mirror and mirrors", expects: "`mirrors` alone" });
  return [...faults, ...checkRedirect(rule["redirect"], rule["match"]), ...checkAuthorities(rule)];
}

function checkRedirect(value: unknown, match: unknown): readonly Fault[] {
  const redirect = asMapping(value);
  if (!redirect) return [];
  const at = (key: string, found: string, expects: string): readonly Fault[] => [{ at: ["redirect", ...(key === "" ? [] : [key])], found, expects }];
  const [uri, prefix, scheme, code, port] = [textOf(redirect, "uri"), textOf(redirect, "prefixRewrite"), textOf(redirect, "scheme"), numberOf(redirect, "redirectCode"), numberOf(redirect, "port")];
  if (uri !== "" && prefix !== "") return at("prefixRewrite", "uri and prefixRewrite", "one of them");
  if (prefix !== "" && asList(match).some((each) => has(each, "uri") && !has(asMapping(each)?.["uri"], "prefix"))) return at("prefixRewrite", "prefixRewrite with a match that is no prefix", "`prefix` in every `uri` of the match");
  if (uri === "" && prefix === "" && textOf(redirect, "authority") === "" && !has(redirect, "port") && !has(redirect, "derivePort") && scheme === "") return at("", "a redirect that changes nothing", "at least one of uri, prefixRewrite, authority, scheme, port");
  if (code !== 0 && (code < 300 || code > 399)) return at("redirectCode", String(code), "301, 302, 303, 307 or 308");
  if (scheme !== "" && scheme !== "http" && scheme !== "https") return at("scheme", quoted(scheme), "http or https");
  return port > 65535 ? at("port", String(port), "a port from 1 to 65535") : [];
}

/** The authority of a request is rewritten in one place at most. */
function checkAuthorities(rule: { readonly [key: string]: unknown }): readonly Fault[] {
  const places = [
    ...(textOf(rule["rewrite"], "authority") === "" ? [] : [["rewrite", "authority"]]),
    ...(["set", "add"] as const).flatMap((what) => Object.keys(asMapping(asMapping(asMapping(rule["headers"])?.["request"])?.[what]) ?? {}).filter((name) => /^(:authority|host)$/i.test(name)).map((name) => ["headers", "request", what, name])),
  ];
  return places.length < 2 ? [] : [{ at: places[1]!, found: places.map((path) => path.join(".")).join(" and "), expects: "one of them: the authority is set once" }];
}

function checkCors(value: unknown): readonly Fault[] {
  const policy = asMapping(value) ?? {};
  const maxAge = asText(policy["maxAge"]);
  const names = (key: string): readonly Fault[] => entries(policy[key]).flatMap(([step, name]) => (typeof name !== "string" || name === "*" || isHeaderName(name) ? [] : [{ at: [key, step], found: quoted(name), expects: "the name of a header, or `*`" }]));
  return [
    ...entries(policy["allowOrigins"]).flatMap(([step, origin]): readonly Fault[] => {
      const match = ["exact", "prefix", "regex"].map((key) => textOf(origin, key)).find((text) => text !== "");
      if (match === undefined) return asMapping(origin) ? [{ at: ["allowOrigins", step], found: "an origin that is empty", expects: "{exact: …}, {prefix: …} or {regex: …} with a string" }] : [];
      return has(origin, "regex") ? checkRegex(textOf(origin, "regex"), ["allowOrigins", step, "regex"]) : [];
    }),
    ...entries(policy["allowMethods"]).flatMap(([step, method]): readonly Fault[] => {
      if (typeof method !== "string" || corsMethods.includes(method)) return [];
      const upper = corsMethods.find((each) => each === method.toUpperCase());
      return [{ at: ["allowMethods", step], found: quoted(method), expects: `one of ${corsMethods.join(", ")}`, ...(upper && { help: `did you mean ${upper}?`, fix: { value: upper } }) }];
    }),
    ...names("allowHeaders"), ...names("exposeHeaders"),
    ...(maxAge === undefined || (readGoDuration(maxAge) ?? 0) % 1e9 === 0 ? [] : [{ at: ["maxAge"], found: quoted(maxAge), expects: "a duration of whole seconds" }]),
  ];
}

function checkShare(value: unknown, at: readonly string[]): readonly Fault[] {
  const share = numberOf(value, "value");
  return share === 0 || (share >= 0.0001 && share <= 100) ? [] : [{ at: [...at, "value"], found: String(share), expects: "a percentage from 0.0001 to 100, or 0" }];
}

function checkMirrorShare(value: unknown): readonly Fault[] {
  return typeof value !== "number" || (value >= 0 && value <= 100) ? [] : [{ found: String(value), expects: "a percentage from 0 to 100" }];
}

function checkFault(value: unknown): readonly Fault[] {
  const fault = asMapping(value);
  if (!fault) return [];
  const abort = asMapping(fault["abort"]);
  const delay = asMapping(fault["delay"]);
  if (!abort && !delay) return [{ found: "a fault without `delay` and `abort`", expects: "at least one of them" }];
  return [
    ...(abort ? checkAbort(abort).map((each) => ({ ...each, at: ["abort", ...(each.at ?? [])] })) : []),
    ...(delay ? checkShare(delay["percentage"], ["delay", "percentage"]) : []),
    ...(delay && isSet(delay["exponentialDelay"]) ? [{ at: ["delay", "exponentialDelay"], found: "exponentialDelay", expects: "`fixedDelay`: istiod has never had the other" }] : []),
  ];
}

function checkAbort(abort: { readonly [key: string]: unknown }): readonly Fault[] {
  const share = checkShare(abort["percentage"], ["percentage"]);
  if (isSet(abort["http2Error"])) return [...share, { at: ["http2Error"], found: "http2Error", expects: "`httpStatus` or `grpcStatus`: istiod has never had the other" }];
  if (isSet(abort["grpcStatus"])) {
    const status = textOf(abort, "grpcStatus");
    const upper = grpcStatuses.find((each) => each === status.toUpperCase());
    return grpcStatuses.includes(status) ? share : [...share, { at: ["grpcStatus"], found: quoted(status), expects: `one of ${grpcStatuses.join(", ")}`, ...(upper && { fix: { value: upper } }) }];
  }
  if (isSet(abort["httpStatus"])) return [...share, ...checkStatus(numberOf(abort, "httpStatus"), ["httpStatus"])];
  return [...share, { found: "an abort without httpStatus and grpcStatus", expects: "one of them: without it nothing is aborted", isIgnored: true }];
}

function checkStatus(status: number, at: readonly string[]): readonly Fault[] {
  return status >= 200 && status <= 600 ? [] : [{ at, found: String(status), expects: "an HTTP status from 200 to 599" }];
}

const mostBytes = 1024 * 1024;

function checkDirectResponse(value: unknown): readonly Fault[] {
  const response = asMapping(value) ?? {};
  const body = new TextEncoder().encode(textOf(response["body"], "string")).length || Math.floor((textOf(response["body"], "bytes").length * 3) / 4);
  return [
    ...(has(response, "status") ? checkStatus(numberOf(response, "status"), ["status"]) : []),
    ...(body > mostBytes ? [{ at: ["body"], found: `${body} bytes`, expects: "a body of less than 1 MB" }] : []),
  ];
}

function checkRetries(value: unknown): readonly Fault[] {
  const retries = asMapping(value) ?? {};
  const attempts = numberOf(retries, "attempts");
  const others = [...present(retries, ["perTryTimeout", "retryRemoteLocalities"]), ...(textOf(retries, "retryOn") === "" ? [] : ["retryOn"])];
  const conditions = textOf(retries, "retryOn");
  return [
    ...(attempts < 0 ? [{ at: ["attempts"], found: String(attempts), expects: "0 or more" }] : []),
    ...(attempts === 0 && others.length > 0
      ? [{ at: has(retries, "attempts") ? ["attempts"] : [], found: `${has(retries, "attempts") ? "attempts: 0" : "no attempts"} beside ${others.join(", ")}`, expects: "`attempts` of 1 or more, or `attempts: 0` alone, which switches retries off" }] : []),
    ...(conditions === "" ? [] : conditions.split(",").filter((each) => !retryConditions.has(each) && !statusCodes.test(each)).map((each): Fault => {
      const spaced = each.trim();
      const isSpace = spaced !== each && (retryConditions.has(spaced) || statusCodes.test(spaced));
      return { at: ["retryOn"], found: quoted(each), expects: `conditions without spaces between them: ${[...retryConditions].join(", ")}, or status codes`, ...(isSpace && { fix: { value: conditions.split(",").map((part) => part.trim()).join(",") } }) };
    })),
  ];
}

function checkRewrite(value: unknown): readonly Fault[] {
  const rewrite = asMapping(value) ?? {};
  const regex = asMapping(rewrite["uriRegexRewrite"]);
  if (textOf(rewrite, "uri") !== "" && regex) return [{ at: ["uriRegexRewrite"], found: "uri and uriRegexRewrite", expects: "one of them" }];
  if (textOf(rewrite, "uri") === "" && !regex && textOf(rewrite, "authority") === "") return [{ found: "a rewrite that changes nothing", expects: "at least one of uri, uriRegexRewrite, authority" }];
  if (!regex) return [];
  if (textOf(regex, "match") === "" || textOf(regex, "rewrite") === "") return [{ at: ["uriRegexRewrite"], found: "uriRegexRewrite without `match` or `rewrite`", expects: "both of them" }];
  return checkRegex(regex["match"], ["uriRegexRewrite", "match"]);
}

function checkTlsRoute(value: unknown, { spec }: RuleScope): readonly Fault[] {
  const route = asMapping(value) ?? {};
  const hosts = asList(spec["hosts"]).filter((each): each is string => typeof each === "string");
  const isGateway = isBoundToGateway(spec);
  return [
    ...(Array.isArray(route["match"]) && route["match"].length === 0 ? [{ at: ["match"], found: "an empty list", expects: "at least one match with `sniHosts`" }] : []),
    ...(asList(route["route"]).length > 0 ? [] : [{ found: "a tls rule without `route`", expects: "`route` with at least one destination" }]),
    ...entries(route["match"]).flatMap(([step, match]): readonly Fault[] => {
      const names = asMapping(match)?.["sniHosts"];
      if (Array.isArray(names) && names.length === 0) return [{ at: ["match", step, "sniHosts"], found: "an empty list", expects: "at least one host" }];
      return entries(names).flatMap(([at, name]): Fault[] => {
        if (typeof name !== "string" || (isGateway && name.startsWith("outbound_"))) return [];
        if (isIp(name)) return [{ at: ["match", step, "sniHosts", at], found: name, expects: "a name: clients send no SNI for an address", isIgnored: true }];
        if (!isHost(name)) return [{ at: ["match", step, "sniHosts", at], found: quoted(name), expects: "a host name, with a wildcard in its first part at most" }];
        return hosts.some((host) => isWithinHost(name, host)) ? [] : [{ at: ["match", step, "sniHosts", at], found: name, expects: `a host within those of the VirtualService: ${hosts.join(", ") || "none"}` }];
      });
    }),
  ];
}

