import { text, boolean, dnsLabel, enumeration, listOf, refuse, type ValueType } from "../annotations/values.ts";
import { names } from "../annotations/traffic-values.ts";
import { suggestSetting } from "../annotations/read.ts";
import { rows, settingByField, settingNames, toFieldName, type SettingName } from "../annotations/table.ts";

/** The shape of a field of `ServiceMesh.spec`; types, defaults, messages and the reference page follow from it. */
export type Shape =
  | { readonly kind: "value"; readonly value: ValueType; readonly default?: unknown; readonly summary: string }
  | { readonly kind: "object"; readonly fields: { readonly [name: string]: Shape }; readonly summary: string }
  /** A mapping keyed by names that people choose. */
  | { readonly kind: "named"; readonly entry: Shape; readonly summary: string }
  | { readonly kind: "strings"; readonly summary: string }
  /** Settings by their field names (`retryAttempts`). */
  | { readonly kind: "settings"; readonly allows: (name: SettingName) => boolean; readonly summary: string }
  | { readonly kind: "limits"; readonly summary: string };

const value = (type: ValueType, summary: string, fallback?: unknown): Shape => ({ kind: "value", value: type, summary, ...(fallback !== undefined && { default: fallback }) });

const version = text({
  expects: 'a version such as "1.27" in quotes, at least 1.22',
  pattern: /^1\.(2[2-9]|[3-9]\d)$/,
  meant: (written) => written.replace(/^v/, "").split(".").slice(0, 2).join("."),
});
/** Without quotes `1.27` is a number that still says what was meant; `1.30` is 1.3. */
const istioVersion = { ...version, schema: { ...version.schema, type: ["string", "number"], minimum: 1.22, maximum: 1.99, not: { enum: [1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9] } } };
const domain = text({ expects: "a domain name", pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/ });
const words = text({ expects: "a text", pattern: /^[\s\S]+$/ });
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
