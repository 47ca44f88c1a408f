import type { Fix } from "../diagnostics/catalogue.ts";
import { asList } from "../kube/object.ts";
import { writeYaml } from "./finding.ts";

/** A field that Istio has under another name today, or no more. */
export interface OldName {
  /** `ignored`: istiod reads past it; `deprecated`: it still works; `gone`: no Istio of today knows the field. */
  readonly state: "ignored" | "deprecated" | "gone";
  /** What to write instead, for people. */
  readonly instead: string;
  /** First Istio that has what stands instead. */
  readonly since?: string;
  /** The mechanical change, where there is one. */
  readonly fix?: (value: unknown) => Fix | undefined;
}

const renamed = (rename: string): Pick<OldName, "instead" | "fix"> => ({ instead: `\`${rename}\` with the same value`, fix: () => ({ rename }) });
const wrapped = (rename: string, key: string): Pick<OldName, "instead" | "fix"> => ({
  instead: `\`${rename}: {${key}: …}\``,
  fix: (value) => (typeof value === "number" || typeof value === "string" ? { rename, value: writeYaml({ [key]: value }) } : undefined),
});
const removed = (instead: string): Pick<OldName, "instead" | "fix"> => ({ instead, fix: () => ({ remove: true }) });
const headers = (where: string): OldName => ({ state: "gone", instead: `\`headers.${where}\`` });

/**
 * By kind, then by the last steps of a field's path without indexes (`outlierDetection.consecutiveErrors`): what Istio
 * had before, what people carry over from its proto files and from Envoy, and what it has in its schema but not in use.
 */
export const oldNames: { readonly [kind: string]: { readonly [field: string]: OldName } } = {
  VirtualService: {
    "http.mirrorPercent": { state: "deprecated", ...wrapped("mirrorPercentage", "value") },
    "http.mirror_percent": { state: "deprecated", ...wrapped("mirrorPercentage", "value") },
    "corsPolicy.allowOrigin": {
      state: "deprecated", instead: "`allowOrigins: [{exact: …}]`",
      fix: (value) => (asList(value).every((each) => typeof each === "string") ? { rename: "allowOrigins", value: writeYaml(asList(value).map((exact) => ({ exact }))) } : undefined),
    },
    "delay.percent": { state: "deprecated", ...wrapped("percentage", "value") },
    "abort.percent": { state: "gone", ...wrapped("percentage", "value") },
    "match.sourceSubnet": { state: "ignored", ...removed("`sourceLabels` or `sourceNamespace`: istiod has never looked at it") },
    "http.websocketUpgrade": { state: "gone", ...removed("nothing: WebSocket upgrades are always let through") },
    "http.appendHeaders": headers("request.add"),
    "http.appendRequestHeaders": headers("request.add"),
    "http.appendResponseHeaders": headers("response.add"),
    "http.removeRequestHeaders": headers("request.remove"),
    "http.removeResponseHeaders": headers("response.remove"),
    "http.httpReqTimeout": { state: "gone", instead: "`timeout`" },
    "http.httpReqRetries": { state: "gone", instead: "`retries`" },
    "http.httpFault": { state: "gone", instead: "`fault`" },
    "http.mirrorTo": { state: "gone", instead: "`mirrors: [{destination: …}]`" },
    "destination.name": { state: "gone", ...renamed("host") },
    "destination.labels": { state: "gone", instead: "a `subset` of a DestinationRule" },
    "retries.maxRetries": { state: "gone", ...renamed("attempts") },
    "retries.numRetries": { state: "gone", ...renamed("attempts") },
    "retries.timeout": { state: "gone", ...renamed("perTryTimeout") },
  },
  DestinationRule: {
    "outlierDetection.consecutiveErrors": { state: "ignored", ...renamed("consecutive5xxErrors") },
    "outlierDetection.consecutive5xx": { state: "gone", ...renamed("consecutive5xxErrors") },
    "outlierDetection.consecutiveGatewayFailure": { state: "gone", ...renamed("consecutiveGatewayErrors") },
    "outlierDetection.enforcingConsecutive5xx": { state: "gone", ...removed("nothing: Istio always enforces what is set") },
    "outlierDetection.http": { state: "gone", instead: "its fields, directly in `outlierDetection`" },
    "loadBalancer.warmupDurationSecs": { state: "deprecated", since: "1.24", ...wrapped("warmup", "duration") },
    "consistentHash.minimumRingSize": { state: "deprecated", ...wrapped("ringHash", "minimumRingSize") },
    "http.maxRequests": { state: "gone", ...renamed("http2MaxRequests") },
    "http.maxPendingRequests": { state: "gone", ...renamed("http1MaxPendingRequests") },
    "spec.name": { state: "gone", ...renamed("host") },
    "spec.hosts": { state: "gone", instead: "`host`: a DestinationRule is for one host" },
    "spec.selector": { state: "gone", instead: "`workloadSelector`" },
    "tls.caCertificate": { state: "gone", ...renamed("caCertificates") },
    "tls.subjectAltName": { state: "gone", instead: "`subjectAltNames: […]`" },
  },
  Sidecar: { "outboundTrafficPolicy.egressProxy": { state: "deprecated", instead: "a VirtualService that sends the traffic to the egress gateway" } },
  RequestAuthentication: { "jwtRules.jwks_uri": { state: "deprecated", ...renamed("jwksUri") } },
  PeerAuthentication: { "spec.peers": { state: "gone", instead: "`mtls.mode`: this is the Policy of Istio 1.4" }, "spec.targets": { state: "gone", instead: "`selector.matchLabels`" } },
};

/** Words of an enum that have another name today. */
export const oldWords: { readonly [word: string]: { readonly word: string; readonly why: string } } = {
  LEAST_CONN: { word: "LEAST_REQUEST", why: "the same under the name that Envoy gives it" },
};

/** API groups and kinds of Istio's past, and what took their place. */
export const oldGroups: { readonly [group: string]: string } = {
  "authentication.istio.io": "PeerAuthentication and RequestAuthentication of security.istio.io/v1",
  "rbac.istio.io": "AuthorizationPolicy of security.istio.io/v1",
  "config.istio.io": "Telemetry, EnvoyFilter or WasmPlugin: Mixer is gone since Istio 1.8",
};

/** The last steps of all of them: nearly every field is none of these. */
const lastNames = new Set(Object.values(oldNames).flatMap((names) => Object.keys(names).map((field) => field.slice(field.lastIndexOf(".") + 1))));

/** What an old field is called today, by kind and path. */
export function findOldName(kind: string, path: readonly string[]): OldName | undefined {
  if (!lastNames.has(path.at(-1)!)) return undefined;
  const names = path.filter((step) => !step.startsWith("["));
  return oldNames[kind]?.[names.slice(-2).join(".")];
}
