import { text, boolean, dnsLabel, enumeration, listOf, refuse, type ValueType } from "../annotations/values.ts";
import { exportTo, names } from "../annotations/traffic-values.ts";
import { suggestSetting } from "../annotations/read.ts";
import { rows, settingByField, settingNames, toFieldName, type SettingName } from "../annotations/table.ts";
import {
  address, certificateFiles, cipherSuiteList, filePath, gatewayHosts, hashes, portNumber, secretName, secretNames, serverProtocol, subjectNames, tlsMode, tlsVersion,
} from "./gateway-values.ts";
import { nameTemplate } from "./rule-names.ts";

/** The shape of a field of `ServiceMesh.spec`; types, defaults, messages and the reference page follow from it. */
export type Shape =
  | { readonly kind: "value"; readonly value: ValueType; readonly default?: unknown; readonly summary: string; /** First Istio that has the field. */ readonly istio?: string }
  | { readonly kind: "object"; readonly fields: { readonly [name: string]: Shape }; readonly summary: string }
  /** A mapping keyed by names that people choose. */
  | { readonly kind: "named"; readonly entry: Shape; readonly summary: string }
  | { readonly kind: "strings"; readonly summary: string }
  /** Settings by their field names (`retryAttempts`). */
  | { readonly kind: "settings"; readonly allows: (name: SettingName) => boolean; readonly summary: string; /** Which settings those are, for messages. */ readonly what?: string; /** Keys with a scope in front may stand here too (`port.8080.timeout`); `settleTargets` reads them. */ readonly scoped?: true }
  | { readonly kind: "limits"; readonly summary: string }
  /** A value in short, a mapping in full. */
  | { readonly kind: "either"; readonly short: ValueShape; readonly full: ObjectShape; readonly summary: string }
  /** Part of the public interface that this version does not act on: said so wherever it stands. */
  | { readonly kind: "later"; readonly summary: string; readonly instead: string };

type ValueShape = Extract<Shape, { readonly kind: "value" }>;
type ObjectShape = Extract<Shape, { readonly kind: "object" }>;

const value = (type: ValueType, summary: string, fallback?: unknown): ValueShape => ({ kind: "value", value: type, summary, ...(fallback !== undefined && { default: fallback }) });
const since = (istio: string, shape: ValueShape): Shape => ({ ...shape, istio });

const version = text({
  expects: 'a version such as "1.27" in quotes, at least 1.22',
  pattern: /^1\.(2[2-9]|[3-9]\d)$/,
  meant: (written) => written.replace(/^v/, "").split(".").slice(0, 2).join("."),
});
/** Without quotes `1.27` is a number that still says what was meant; `1.30` is 1.3. */
const istioVersion = { ...version, schema: { ...version.schema, type: ["string", "number"], minimum: 1.22, maximum: 1.99, not: { enum: [1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9] } } };
const domain = text({ expects: "a domain name", pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/ });
const objectName = text({ expects: "the name of an object: lower-case letters, digits, hyphens and dots", pattern: /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, meant: (written) => written.toLowerCase().replaceAll("_", "-") });
const words = text({ expects: "a string", pattern: /^[\s\S]+$/ });
const settingList = listOf<SettingName>({
  expects: "the name of a setting, such as retryAttempts",
  schema: { type: "string" },
  read: (written) => {
    const name = settingByField().get(written) ?? settingNames.find((each) => each === written);
    const near = name ?? suggestSetting(written);
    return name ? { value: name } : refuse(near && toFieldName(near));
  },
}, { expects: "a list of settings such as retryAttempts" });

/** What can be handed down: not what names something of one Service, nor what holds for one object only. */
export function canBeDefault(name: SettingName): boolean {
  return !("single" in rows[name] && rows[name].single) && !rows[name].ownLevel;
}

/** What a profile may bring to the objects that name it. */
export function canBeInProfile(name: SettingName): boolean {
  return (canBeDefault(name) && name !== "enabled") || name === "mtls" || name === "inject";
}

/** What a Namespace annotation may say, from the ServiceMesh. */
export function canStandOnNamespace(name: SettingName): boolean {
  return rows[name].on.includes("Namespace");
}

/** What holds for every Service behind a gateway: settings of its VirtualServices. */
export function canBeGatewayDefault(name: SettingName): boolean {
  return canBeDefault(name) && rows[name].family === "VirtualService" && rows[name].on.length > 0;
}

const serverTls: ObjectShape = {
  kind: "object", summary: "TLS of a server, with the fields of Istio's ServerTLSSettings.",
  fields: {
    mode: value(tlsMode, "How connections are secured; PASSTHROUGH leaves that to the pods.", "SIMPLE"),
    httpsRedirect: value(boolean, "Of an HTTP server: answers every request with a redirect to https."),
    credentialName: value(secretName, "The Secret with certificate and key, in the namespace of the gateway's pods."),
    credentialNames: since("1.26", value(secretNames, "Two Secrets, one with an RSA and one with an ECDSA certificate.")),
    caCertCredentialName: since("1.28", value(secretName, "The Secret with the CA that clients' certificates come from.")),
    serverCertificate: value(filePath, "The certificate, as a file."),
    privateKey: value(filePath, "Its key, as a file."),
    caCertificates: value(filePath, "The CA that clients' certificates come from, as a file."),
    caCrl: value(filePath, "Revoked certificates of clients, as a file."),
    tlsCertificates: since("1.26", value(certificateFiles, "Certificates and keys as files, one for each kind of key.")),
    subjectAltNames: value(subjectNames, "Names of which a client's certificate must carry one."),
    verifyCertificateSpki: value(hashes, "Hashes of the public keys that a client's certificate may have."),
    verifyCertificateHash: value(hashes, "Hashes of the certificates that a client may have."),
    minProtocolVersion: value(tlsVersion, "The oldest TLS that is spoken; Istio's default is TLSV1_2."),
    maxProtocolVersion: value(tlsVersion, "The newest TLS that is spoken."),
    cipherSuites: value(cipherSuiteList, "The only ciphers that are spoken below TLS 1.3."),
    insecureSkipVerify: since("1.31", value(boolean, "Lets clients in whose certificate does not hold.")),
  },
};

const certificate: Shape = { kind: "later", summary: "The Certificate (cert-manager) of the Secret.", instead: "write the Certificate yourself; its secretName is the server's tls.credentialName, its namespace that of the gateway's pods" };

/** One entry of `spec.gateways`. */
const gateway: ObjectShape = {
  kind: "object", summary: "A Gateway, by the alias that annotations use; the alias `mesh` takes `defaults` only, for callers inside the mesh.",
  fields: {
    name: value(dnsLabel, "The name of the Gateway; without it, the alias."),
    namespace: value(dnsLabel, "The namespace of the Gateway; without it, rootNamespace."),
    existing: value(boolean, "Made elsewhere: described here so that hosts and callers can be checked, nothing is made.", false),
    selector: { kind: "strings", summary: "Labels of the gateway's pods; without any, `istio: ingressgateway`." },
    workload: {
      kind: "object", summary: "The pods behind the Gateway.",
      fields: {
        namespace: value(dnsLabel, "Their namespace, where Secrets are read; without it, the Gateway's."),
        serviceAccount: value(objectName, "Their service account, which callers in policies are."),
        service: value(dnsLabel, "The Service in front of them."),
      },
    },
    hosts: value(gatewayHosts, "The hosts of the servers `http` and `https`."),
    http: {
      kind: "either", summary: "The HTTP server beside the HTTPS one: `redirect` (where there is `tls`), `serve` (where there is none) or `none`; or a mapping with `mode` and `hosts` of its own.",
      short: value(enumeration("redirect", "serve", "none"), "What the HTTP server does."),
      full: {
        kind: "object", summary: "The HTTP server with hosts of its own.",
        fields: { mode: value(enumeration("redirect", "serve", "none"), "What the HTTP server does."), hosts: value(gatewayHosts, "Its hosts; without any, the gateway's.") },
      },
    },
    httpPort: value(portNumber, "The port of the HTTP server.", 80),
    httpsPort: value(portNumber, "The port of the HTTPS server.", 443),
    tls: serverTls,
    certificate,
    servers: {
      kind: "named", summary: "Further servers; the key is the name of the port.",
      entry: {
        kind: "object", summary: "A server.",
        fields: {
          port: value(portNumber, "Its port."),
          protocol: value(serverProtocol, "What it speaks."),
          hosts: value(gatewayHosts, "Its hosts; without any, the gateway's."),
          bind: value(address, "The address that it listens on, where that is not every one."),
          tls: serverTls,
          certificate,
        },
      },
    },
    defaults: { kind: "settings", allows: canBeGatewayDefault, what: "a VirtualService setting that can hold for every Service behind a gateway", summary: "VirtualService settings of every Service that is reached through it." },
    routes: { kind: "later", summary: "Routes to Services that are not in the build.", instead: "write the VirtualService yourself, with this gateway in its `gateways`" },
    virtualServices: value(enumeration("service", "host"), "One VirtualService per Service, or one per host, its rules ordered over all Services.", "service"),
    exportTo: value(exportTo, "Namespaces that see its VirtualServices."),
  },
};

/** `ServiceMesh.spec`, field by field. */
export const definition: Shape & { readonly kind: "object" } = {
  kind: "object",
  summary: "Everything that belongs to the mesh as a whole rather than to one Service.",
  fields: {
    istioVersion: value(istioVersion, "The oldest Istio that this must run on; newer fields are refused, by name.", "1.27"),
    requires: value(words, "The range of istiomize versions that this was written for, such as `>=0.3`."),
    namespace: value(dnsLabel, "The namespace of objects that carry none (`helm template`); `-n` on the command line wins.", ""),
    services: value(enumeration("annotated", "all"), "Which Services are meshed.", "annotated"),
    hosts: value(enumeration("short", "fqdn"), "How hosts are written: the Service's name, or `<service>.<namespace>.svc.<clusterDomain>`.", "short"),
    clusterDomain: value(domain, "The domain of the cluster.", "cluster.local"),
    trustDomain: value(domain, "The trust domain of the mesh.", "cluster.local"),
    rootNamespace: value(dnsLabel, "The namespace of mesh-wide objects.", "istio-system"),
    environment: value(words, "Free text; `production` refuses fault injection unless the Service stands in `allowFaults`.", ""),
    allowFaults: value(names, "Services that may inject faults in production.", []),
    strict: value(boolean, "Warnings are errors.", false),
    strictness: value(enumeration("error", "warn"), "What an unknown annotation under our prefix is.", "error"),
    accept: { kind: "strings", summary: "Warnings that are acknowledged, by code, with the reason." },
    mode: value(enumeration("generate", "validate"), "`validate` checks and changes nothing.", "generate"),
    guard: value(boolean, "Emits the marker that the guard in the function's file deletes.", false),
    injection: {
      kind: "object", summary: "How Namespaces with meshed workloads are labelled.",
      fields: {
        mode: value(enumeration("sidecar", "ambient", "none"), "The data plane.", "sidecar"),
        revision: value(dnsLabel, "`istio.io/rev` instead of `istio-injection`."),
        exclude: value(listOf(dnsLabel), "Namespaces that are never labelled and that `services: all` leaves out.", []),
      },
    },
    namespaces: {
      kind: "named", summary: "Namespace annotations, by namespace; the only way for one that is not in the build.",
      entry: { kind: "settings", allows: canStandOnNamespace, summary: "Settings, as annotations of that Namespace." },
    },
    targets: {
      kind: "named", summary: "Settings for objects that cannot be annotated, such as those of a chart; between those of their Namespace and of their workload. One that matches nothing is an error.",
      entry: {
        kind: "object", summary: "Which objects, and what holds for them.",
        fields: {
          kind: value(enumeration("Service", "Deployment", "StatefulSet", "DaemonSet", "Rollout", "Namespace"), "The kind of the objects."),
          name: value(objectName, "Their name, before or after a prefix."),
          namespace: value(dnsLabel, "Their namespace."),
          labels: { kind: "strings", summary: "Labels that they all carry." },
          set: { kind: "settings", scoped: true, allows: (name) => rows[name].on.length > 0 && !name.includes("<"), summary: "Settings, as annotations of these objects; for a Service also behind a scope (`port.8080.timeout`)." },
        },
      },
    },
    defaults: { kind: "settings", allows: canBeDefault, summary: "Settings of every meshed Service and workload." },
    profiles: {
      kind: "named", summary: "Named sets of settings, brought in by the annotation `profile`.",
      entry: { kind: "settings", allows: canBeInProfile, summary: "Settings of this profile." },
    },
    limits: { kind: "limits", summary: "`min` and `max` by setting; breaking one is an error." },
    locked: value(settingList, "Settings that nobody below the ServiceMesh may change.", []),
    metadata: {
      kind: "object", summary: "Put on every generated object.",
      fields: {
        labels: { kind: "strings", summary: "Labels." },
        annotations: { kind: "strings", summary: "Annotations." },
      },
    },
    names: {
      kind: "object", summary: "Names of what is made for a Service, to keep those of an existing tree.",
      fields: {
        destinationRule: value(nameTemplate(["service"]), "The DestinationRule.", "{service}"),
        virtualService: value(nameTemplate(["service"]), "The VirtualService of the mesh.", "{service}"),
        gatewayVirtualService: value(nameTemplate(["service", "gateway"]), "The VirtualService behind a gateway.", "{service}-{gateway}"),
      },
    },
    gateways: { kind: "named", summary: "Gateways, by the alias that annotations use.", entry: gateway },
    certificates: {
      kind: "later", summary: "Certificates (cert-manager) that no gateway here serves, by the name of the Secret.", instead: "write the Certificate yourself",
    },
    argocd: {
      kind: "object", summary: "Argo CD.",
      fields: {
        syncWaves: value(boolean, "Sync waves: DestinationRules in the wave of their Service, VirtualServices and PeerAuthentications in the next, and pruned in reverse; what a Rollout names in the two waves before the Rollout, which is not healthy without it. Without this setting each is in its Service's wave.", false),
        recordWarnings: value(boolean, "Each generated object carries the warnings about it, its Service and the workloads behind that one as `istiomize.dev/warnings`: Argo CD shows no others unless they are errors (`strict`). Not in the files layout: there `generate --check` shows them, before the merge.", false),
      },
    },
    mtls: {
      kind: "object", summary: "Mutual TLS, as PeerAuthentication.",
      fields: {
        mode: value(enumeration("STRICT", "PERMISSIVE", "DISABLE"), "What pods accept.", "STRICT"),
        scope: value(enumeration("mesh", "namespace", "none"), "`mesh`: `default` in rootNamespace; `namespace`: `default` in each namespace with a meshed workload.", "mesh"),
      },
    },
  },
};
