import type { Layer } from "../annotations/setting.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { labelKey, labelValue } from "../kube/label.ts";
import { asMapping, compact, compareText, mappingAt, type Mapping, type ResourceRef } from "../kube/object.ts";
import { allHosts, isPlainHttp, meshAlias, settleHosts, type GatewayServer, type MeshGateway } from "./gateways.ts";

/** An entry of `spec.gateways` as its shape gives it. */
interface WrittenGateway {
  readonly name?: string;
  readonly namespace?: string;
  readonly existing: boolean;
  readonly selector: { readonly [key: string]: string };
  readonly workload: { readonly namespace?: string; readonly serviceAccount?: string; readonly service?: string };
  readonly hosts?: readonly string[];
  readonly http?: HttpMode | { readonly mode?: HttpMode; readonly hosts?: readonly string[] };
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly tls: Mapping;
  readonly servers: ReadonlyMap<string, WrittenServer>;
  readonly defaults: Layer;
  readonly virtualServices: "service" | "host";
  readonly exportTo?: readonly string[];
}

type HttpMode = "redirect" | "serve" | "none";

interface WrittenServer {
  readonly port?: number;
  readonly protocol?: string;
  readonly hosts?: readonly string[];
  readonly bind?: string;
  readonly tls: Mapping;
}

export type WrittenGateways = ReadonlyMap<string, WrittenGateway>;

/** What settling needs beside the entries: the spec as written, to tell `tls: {}` from no `tls`, and whose field is whose. */
export interface SettleContext {
  readonly rootNamespace: string;
  readonly written: Mapping;
  readonly refOf: (path: readonly string[]) => ResourceRef;
  readonly report: (diagnostic: Diagnostic) => void;
}

/** The gateways with every default filled in; those that cannot be so are reported and left out. */
export function settleGateways(gateways: WrittenGateways, context: SettleContext): ReadonlyMap<string, MeshGateway> {
  const settled = new Map<string, MeshGateway>();
  const byObject = new Map<string, string>();
  for (const [alias, entry] of gateways) {
    if (alias === meshAlias) {
      checkMeshEntry(context);
      continue;
    }
    const gateway = settleGateway(alias, entry, context);
    if (!gateway) continue;
    const object = `${gateway.namespace}/${gateway.name}`;
    const other = byObject.get(object);
    if (other !== undefined) {
      report(context, "IZ123", [alias], { one: other, other: alias, object: `Gateway ${object}` });
      continue;
    }
    byObject.set(object, alias);
    settled.set(alias, gateway);
  }
  return settled;
}

type ReportArguments = { IZ121: { alias: string; read: string; help: string }; IZ122: { read: string; expects: string; help: string }; IZ123: { one: string; other: string; object: string } };

function report<C extends keyof ReportArguments>({ refOf, report: say }: SettleContext, code: C, below: readonly string[], args: ReportArguments[C]): void {
  const path = ["spec", "gateways", ...below];
  say(diagnose<C>(code, { ref: refOf(path), path }, args as never));
}

function misunderstood({ refOf, report: say }: SettleContext, below: readonly string[], found: string, expects: string, suggestion?: string): void {
  const path = ["spec", "gateways", ...below];
  say(diagnose("IZ111", { ref: refOf(path), path }, { found, expects, ...(suggestion !== undefined && { suggestion }) }));
}

/** `mesh` is no Gateway: it has no hosts, servers or pods. */
function checkMeshEntry({ written, refOf, report: say }: SettleContext): void {
  for (const field of Object.keys(mappingAt(written, meshAlias))) {
    const path = ["spec", "gateways", meshAlias, field];
    if (field !== "defaults") say(diagnose("IZ110", { ref: refOf(path), path }, { field, known: ["defaults"], suggestion: suggest(field, ["defaults"]) }));
  }
}

const aliasPattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

function settleGateway(alias: string, entry: WrittenGateway, context: SettleContext): MeshGateway | undefined {
  if (!aliasPattern.test(alias)) {
    const meant = alias.toLowerCase().replace(/[^a-z0-9-]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 63);
    misunderstood(context, [alias], alias, "an alias of lower-case letters, digits and hyphens, as it stands in annotations", aliasPattern.test(meant) ? meant : undefined);
    return undefined;
  }
  checkSelector(alias, entry.selector, context);
  const namespace = entry.namespace ?? context.rootNamespace;
  const hosts = settleHosts(entry.hosts ?? [], namespace);
  const servers = settleServers(alias, entry, hosts, namespace, context);
  if (servers.length === 0) {
    if (isComplete(alias, entry, context)) reportNoServer(alias, entry, context);
    return undefined;
  }
  return {
    alias, name: entry.name ?? alias, namespace, existing: entry.existing,
    selector: Object.keys(entry.selector).length > 0 ? entry.selector : { istio: "ingressgateway" },
    workload: compact({ ...entry.workload, namespace: entry.workload.namespace ?? namespace }),
    hosts: allHosts(servers), servers, defaults: entry.defaults, virtualServices: entry.virtualServices, ...(entry.exportTo && { exportTo: entry.exportTo }),
  };
}

/** Whether what was written is what was read: a refused host is said once, not again as a missing one. */
function isComplete(alias: string, entry: WrittenGateway, { written }: SettleContext): boolean {
  const hosts = mappingAt(written, alias)["hosts"];
  return (hosts === undefined || hosts === null || hosts === "none" || entry.hosts !== undefined) && Object.keys(mappingAt(written, alias, "servers")).length === 0;
}

function reportNoServer(alias: string, entry: WrittenGateway, context: SettleContext): void {
  const given = (field: string): boolean => isGiven(context.written, alias, field);
  const hasHosts = (entry.hosts ?? []).length > 0;
  report(context, "IZ121", [alias], {
    alias,
    read: hasHosts ? "hosts with http: none, and no tls" : given("tls") || given("http") ? `${given("tls") ? "tls" : "http"} without hosts` : "neither hosts nor servers",
    help: hasHosts ? "add tls, or let http serve" : "add hosts: [shop.example.com]; of a gateway that is made elsewhere too (existing: true), so that Services behind it can be checked",
  });
}

function isGiven(written: Mapping, alias: string, field: string): boolean {
  const value = mappingAt(written, alias)[field];
  return value !== undefined && value !== null && (value !== "none" || field === "http");
}

function checkSelector(alias: string, selector: { readonly [key: string]: string }, context: SettleContext): void {
  for (const [key, value] of Object.entries(selector)) {
    if (labelKey.test(key) && labelValue.test(value)) continue;
    misunderstood(context, [alias, "selector", key], `${key}: ${value}`, "a label that pods can have: letters, digits, `-`, `_` and `.`, at most 63");
  }
}

/** `http`, `https`, then the others by name; with `servers` alone nothing is added to them. */
function settleServers(alias: string, entry: WrittenGateway, hosts: readonly string[], namespace: string, context: SettleContext): readonly GatewayServer[] {
  const hasTls = isGiven(context.written, alias, "tls");
  const http = typeof entry.http === "string" ? { mode: entry.http } : entry.http ?? {};
  const mode = http.mode ?? (hasTls ? "redirect" : "serve");
  const httpHosts = http.hosts ? settleHosts(http.hosts, namespace) : hosts;
  const tls = settleTls(entry.tls);
  const own: readonly GatewayServer[] = [
    ...(mode !== "none" && httpHosts.length > 0 ? [{ name: "http", port: entry.httpPort, protocol: "HTTP", hosts: httpHosts, ...(mode === "redirect" && { httpsRedirect: true as const }) }] : []),
    ...(hasTls && hosts.length > 0 ? [{ name: "https", port: entry.httpsPort, protocol: isPassthrough(tls) ? "TLS" : "HTTPS", hosts, tls }] : []),
  ];
  if (hasTls) {
    checkTls([alias, "tls"], "HTTPS", tls, context);
    if (hosts.length === 0 && entry.servers.size > 0) report(context, "IZ121", [alias, "tls"], { alias, read: "tls without hosts", help: "add hosts, or move tls into the server that it is for" });
  }
  const names = new Set(own.map(({ name }) => name));
  const further = [...entry.servers].sort(([a], [b]) => compareText(a, b)).flatMap(([name, server]) => {
    if (names.has(name)) {
      report(context, "IZ122", [alias, "servers", name], { read: name, expects: "a name that no other server of the gateway has", help: `${name} is generated from hosts; choose another name, or change that one with http, tls, httpPort and httpsPort` });
      return [];
    }
    return settleServer([alias, "servers", name], name, server, hosts, namespace, context);
  });
  return [...own, ...further];
}

function settleServer(below: readonly string[], name: string, server: WrittenServer, hosts: readonly string[], namespace: string, context: SettleContext): readonly GatewayServer[] {
  const given = mappingAt(context.written, ...below);
  const own = server.hosts ? settleHosts(server.hosts, namespace) : hosts;
  const missing = (["port", "protocol"] as const).filter((field) => server[field] === undefined);
  for (const field of missing) {
    if (given[field] === undefined || given[field] === null) report(context, "IZ122", below, { read: `a server without ${field}`, expects: field === "port" ? "the port that it listens on" : "what it speaks: HTTP, HTTPS, GRPC, HTTP2, TCP, TLS or another one", help: `add ${field}: ${field === "port" ? "8443" : "HTTPS"}` });
  }
  if (own.length === 0 && (given["hosts"] === undefined || given["hosts"] === null)) report(context, "IZ121", below, { alias: below[0]!, read: `server ${name} without hosts`, help: 'add hosts: ["*"] to the server, or hosts to the gateway' });
  const hasTls = asMapping(given["tls"]) !== undefined;
  const tls = hasTls ? settleTls(server.tls) : undefined;
  if (server.protocol !== undefined) checkServerTls(below, server.protocol, tls, mappingAt(given, "tls"), context);
  if (server.port === undefined || server.protocol === undefined || own.length === 0) return [];
  const isRedirect = isPlainHttp(server.protocol) && tls?.["httpsRedirect"] === true;
  return [{
    name, port: server.port, protocol: server.protocol, hosts: own, ...(server.bind !== undefined && { bind: server.bind }),
    ...(isRedirect ? { httpsRedirect: true as const } : tls && !isPlainHttp(server.protocol) && { tls }),
  }];
}

function settleTls(tls: Mapping): Mapping {
  const { mode, httpsRedirect, ...rest } = tls;
  return compact({ mode, ...(httpsRedirect === true && { httpsRedirect }), ...rest });
}

function isPassthrough(tls: Mapping): boolean {
  return tls["mode"] === "PASSTHROUGH" || tls["mode"] === "AUTO_PASSTHROUGH";
}

function checkServerTls(below: readonly string[], protocol: string, tls: Mapping | undefined, given: Mapping, context: SettleContext): void {
  const isSecured = protocol === "HTTPS" || protocol === "TLS";
  if (isSecured && !tls) {
    report(context, "IZ122", below, { read: `protocol ${protocol} without tls`, expects: "protocol and tls together", help: "add tls: {mode: SIMPLE, credentialName: <the Secret with the certificate>}, or {mode: PASSTHROUGH} where the pods have it" });
    return;
  }
  if (isSecured) return checkTls([...below, "tls"], protocol, tls!, context);
  const wrong = Object.keys(given).filter((field) => field !== "httpsRedirect" && given[field] !== null && given[field] !== "none");
  if (wrong.length > 0) {
    const secured = isPlainHttp(protocol) ? "HTTPS" : "TLS";
    report(context, "IZ122", [...below, "tls"], {
      read: `tls with ${wrong.join(", ")} on a server that speaks ${protocol}`, expects: isPlainHttp(protocol) ? "httpsRedirect alone" : "no tls",
      help: `write protocol: ${secured} where clients speak TLS${protocol.startsWith("GRPC") ? " (gRPC over TLS is HTTPS)" : ""}, or remove tls`,
    });
  } else if (!isPlainHttp(protocol) && tls) {
    report(context, "IZ122", [...below, "tls"], { read: `httpsRedirect on a server that speaks ${protocol}`, expects: "an HTTP server", help: "remove tls" });
  }
}

const certificateSources: readonly (readonly string[])[] = [["credentialName"], ["credentialNames"], ["serverCertificate", "privateKey"], ["tlsCertificates"]];

/** What Istio's validation says of a server's TLS. */
function checkTls(below: readonly string[], protocol: string, tls: Mapping, context: SettleContext): void {
  const mode = String(tls["mode"]);
  const has = (field: string): boolean => tls[field] !== undefined;
  const say = (read: string, expects: string, help: string): void => report(context, "IZ122", below, { read, expects, help });
  if (has("httpsRedirect")) say(`httpsRedirect on the ${protocol} server`, "it on an HTTP server", "write http: redirect instead");
  if (["TLSV1_0", "TLSV1_1"].includes(String(tls["minProtocolVersion"])) && !has("cipherSuites")) {
    say(`minProtocolVersion ${String(tls["minProtocolVersion"])} without cipherSuites`, "the ciphers that clients of that age speak; the default ones are for TLSV1_2 and newer", "add cipherSuites, such as ECDHE-RSA-AES128-SHA, or write TLSV1_2");
  }
  const sources = certificateSources.filter((fields) => fields.some(has));
  const names = sources.map((fields) => fields.filter(has).join(" and "));
  if (isPassthrough(tls) || mode === "ISTIO_MUTUAL") {
    const certificates = [...sources.flatMap((fields) => fields.filter(has)), ...["caCertificates", "caCrl"].filter(has)];
    if (certificates.length > 0) say(`mode ${mode} with ${certificates.join(", ")}`, mode === "ISTIO_MUTUAL" ? "no certificate: Istio brings its own" : "no certificate: the pods have it", `remove ${certificates.join(", ")}, or write mode: SIMPLE`);
    return;
  }
  if (sources.length > 1) say(names.join(" and "), "one source of the certificate", `keep ${names[0]} and remove the others`);
  if (sources.length === 0) say(`mode ${mode} without a certificate`, "credentialName: the Secret with the certificate", "add credentialName, or write mode: PASSTHROUGH where the pods have the certificate");
  if (has("serverCertificate") !== has("privateKey")) say(has("serverCertificate") ? "serverCertificate without privateKey" : "privateKey without serverCertificate", "both files", "add the other one");
  if (mode !== "SIMPLE" && !has("credentialName") && !has("credentialNames") && sources.length > 0 && !has("caCertificates")) say(`mode ${mode} without caCertificates`, "the CA that clients' certificates come from", "add caCertificates, or a credentialName whose Secret has ca.crt");
  if (has("caCrl") && (mode === "SIMPLE" || has("credentialName"))) say(`caCrl with ${mode === "SIMPLE" ? "mode SIMPLE" : "credentialName"}`, "no caCrl: Istio refuses it here", has("credentialName") && mode !== "SIMPLE" ? "put the list of revoked certificates into the Secret (ca.crl)" : "remove caCrl");
}
