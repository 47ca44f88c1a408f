import { asList, asMapping } from "../kube/object.ts";
import { entries } from "./finding.ts";
import type { Fault, Rule } from "./rules.ts";
import { has, isPort, numberOf, present, quoted, textOf } from "./shared-rules.ts";

const protocols = /^(https?|http2|grpc|grpc-web|tls|tcp|udp|mongo|redis|mysql)$/i;
const certificateFields = ["serverCertificate", "privateKey", "caCertificates", "tlsCertificates", "credentialName", "credentialNames"];

/**
 * What istiod's webhook refuses in a Gateway beyond its schema, as far as people meet it.
 * @see https://istio.io/latest/docs/reference/config/networking/gateway/
 */
export const gatewayRules: readonly Rule[] = [
  { at: "spec", find: (value) => (asList(asMapping(value)?.["servers"]).length > 0 ? [] : [{ found: "a Gateway without servers", expects: "`servers` with at least one entry" }]) },
  { at: "spec.servers", find: checkPortNames },
  { at: "spec.servers[]", find: checkServer },
  { at: "spec.servers[].tls", find: checkServerTls },
];

function checkPortNames(value: unknown): readonly Fault[] {
  const names = asList(value).map((server) => textOf(asMapping(server)?.["port"], "name"));
  return names.flatMap((name, i): Fault[] => (name !== "" && names.indexOf(name) < i ? [{ at: [`[${i}]`, "port", "name"], found: `a second port ${name}`, expects: "each name once in a Gateway" }] : []));
}

function checkServer(value: unknown): readonly Fault[] {
  const server = asMapping(value);
  const port = asMapping(server?.["port"]);
  if (!server || !port) return [];
  const protocol = textOf(port, "protocol");
  const isSocket = textOf(server, "bind").startsWith("unix://");
  const isTls = /^(https|tls)$/i.test(protocol);
  const tls = asMapping(server["tls"]);
  const isKnown = protocols.test(protocol);
  return [
    ...(has(server, "hosts") && asList(server["hosts"]).length === 0 ? [{ at: ["hosts"], found: "a server without hosts", expects: "at least one host, `*` for every one" }] : []),
    ...(isKnown || !has(port, "protocol") ? [] : [{ at: ["port", "protocol"], found: quoted(protocol), expects: "HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, TLS, TCP, MONGO, REDIS or MYSQL" }]),
    ...(typeof port["number"] === "number" && !isPort(port["number"]) && !isSocket ? [{ at: ["port", "number"], found: String(port["number"]), expects: "a port from 1 to 65535" }] : []),
    ...(has(port, "name") && textOf(port, "name") === "" ? [{ at: ["port", "name"], found: "an empty name", expects: "a name of the port" }] : []),
    ...(numberOf(port, "targetPort") > 0 ? [{ at: ["port", "targetPort"], found: "targetPort", expects: "no targetPort: a Gateway listens, and sends nowhere by itself", fix: { remove: true as const } }] : []),
    ...(isTls && !tls ? [{ found: `a server with protocol ${protocol} without \`tls\``, expects: "`tls` with a mode: SIMPLE and a credentialName, or PASSTHROUGH" }] : []),
    ...(isKnown && !isTls && tls && !isRedirectAlone(tls, protocol) ? [{ at: ["tls"], found: `tls on a port with protocol ${protocol}`, expects: /^(http|grpc)/i.test(protocol) ? "httpsRedirect alone, or protocol HTTPS" : "protocol TLS or HTTPS" }] : []),
  ];
}

/** A plain HTTP server may say that it redirects, and has no certificate to show. */
function isRedirectAlone(tls: { readonly [key: string]: unknown }, protocol: string): boolean {
  return /^(http|grpc)/i.test(protocol) && ["", "PASSTHROUGH", "AUTO_PASSTHROUGH"].includes(textOf(tls, "mode")) && present(tls, ["caCertificates", "privateKey", "serverCertificate"]).length === 0;
}

function checkServerTls(value: unknown): readonly Fault[] {
  const tls = asMapping(value) ?? {};
  const mode = textOf(tls, "mode");
  const set = (key: string): boolean => textOf(tls, key) !== "" || asList(tls[key]).length > 0;
  if (mode === "ISTIO_MUTUAL") return certificateFields.filter(set).map((key): Fault => ({ at: [key], found: `${key} beside ISTIO_MUTUAL`, expects: "none: Istio's own certificates are used" }));
  const sources = [set("serverCertificate") && set("privateKey"), ...["credentialName", "credentialNames", "tlsCertificates"].map(set)].filter(Boolean).length;
  const faults: Fault[] = sources > 1 ? [{ found: "certificates from several places", expects: "one of credentialName, credentialNames, tlsCertificates, serverCertificate with privateKey" }] : [];
  if (!["SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL"].includes(mode) || set("credentialName") || set("credentialNames")) return faults;
  const missing = set("tlsCertificates") ? [] : ["serverCertificate", "privateKey"].filter((key) => !set(key));
  if (missing.length > 0) faults.push({ found: `${mode} without a certificate`, expects: "credentialName: the name of a secret in the gateway's namespace" });
  if (mode !== "SIMPLE" && !set("caCertificates")) faults.push({ found: `${mode} without caCertificates`, expects: "caCertificates, or a credentialName whose secret holds the CA of the clients" });
  return faults;
}

/** A Sidecar says something of what its pods send or receive. */
export const sidecarRules: readonly Rule[] = [
  { at: "spec", find: (value) => (asList(asMapping(value)?.["egress"]).length > 0 || asList(asMapping(value)?.["ingress"]).length > 0 || present(value, ["outboundTrafficPolicy", "inboundConnectionPool"]).length > 0 ? [] : [{ found: "a Sidecar that says nothing", expects: "`egress`, `ingress`, `outboundTrafficPolicy` or `inboundConnectionPool`" }]) },
];

/** Modes of single ports need pods to hold for. */
export const peerAuthenticationRules: readonly Rule[] = [
  {
    at: "spec", find: (value) => (Object.keys(asMapping(asMapping(value)?.["portLevelMtls"]) ?? {}).length > 0 && Object.keys(asMapping(asMapping(asMapping(value)?.["selector"])?.["matchLabels"]) ?? {}).length === 0
      ? [{ at: ["portLevelMtls"], found: "portLevelMtls without a selector", expects: "`selector.matchLabels`: ports are those of certain pods" }] : []),
  },
  { at: "spec.portLevelMtls", find: (value) => Object.keys(asMapping(value) ?? {}).filter((port) => !isPort(Number(port))).map((port) => ({ at: [port], found: quoted(port), expects: "a port from 1 to 65535, of the pods" })) },
];

/** A patch of an EnvoyFilter says what it changes. */
export const envoyFilterRules: readonly Rule[] = [
  { at: "spec.configPatches", find: (value) => entries(value).flatMap(([step, each]): Fault[] => (asMapping(each) && !has(each, "patch") ? [{ at: [step], found: "an entry without `patch`", expects: "`patch` with an operation" }] : [])) },
];
