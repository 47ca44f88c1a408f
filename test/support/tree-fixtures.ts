import type { KubeObject, Mapping } from "../../generators/kube/object.ts";
import type { FileEdit } from "./disk-trees.ts";
import type { Files } from "./process.ts";
import { prefixed, writeStream, writeYaml, type Settings } from "./trees.ts";

/** A tree that is hard for one reason, which its name says. */
export interface TreeFixture {
  readonly files: Files;
  readonly edit?: FileEdit;
}

interface ServiceOptions {
  readonly namespace?: string;
  readonly labels?: { readonly [key: string]: string };
  readonly versions?: readonly string[];
  readonly ofPods?: Settings;
  readonly port?: Mapping;
}

/** A Service and a Deployment for each version. */
function service(name: string, settings: Settings = {}, { namespace, labels = {}, versions = ["v1"], ofPods = {}, port = { name: "http", port: 80 } }: ServiceOptions = {}): readonly KubeObject[] {
  const inside = namespace === undefined ? {} : { namespace };
  const annotations = (own: Settings): Mapping => (Object.keys(own).length > 0 ? { annotations: prefixed(own) } : {});
  return [
    { apiVersion: "v1", kind: "Service", metadata: { name, ...inside, labels: { app: name, ...labels }, ...annotations(settings) }, spec: { selector: { app: name }, ports: [port] } },
    ...versions.map((version): KubeObject => ({
      apiVersion: "apps/v1", kind: "Deployment", metadata: { name: versions.length > 1 ? `${name}-${version}` : name, ...inside, ...annotations(ofPods) },
      spec: { replicas: 4, selector: { matchLabels: { app: name, version } }, template: { metadata: { labels: { app: name, version } }, spec: { containers: [{ name, image: `${name}:1.0` }] } } },
    })),
  ];
}

const file = (...objects: readonly KubeObject[]): string => writeStream(objects);
const mesh = (spec: Mapping): string => file({ apiVersion: "istiomize.dev/v1alpha1", kind: "ServiceMesh", metadata: { name: "mesh", annotations: { "config.kubernetes.io/local-config": "true" } }, spec: { istioVersion: "1.27", ...spec } });
const meshPatch = (spec: Mapping): Mapping => ({ patch: writeYaml({ apiVersion: "istiomize.dev/v1alpha1", kind: "ServiceMesh", metadata: { name: "mesh" }, spec }) });
const servicePatch = (name: string, settings: { readonly [name: string]: string | null }, inside: Mapping = { namespace: "shop" }): Mapping => ({ patch: writeYaml({ apiVersion: "v1", kind: "Service", metadata: { name, ...inside, annotations: prefixed(settings as Settings) } }) });
const namespace = (name: string, more: Mapping = {}): string => file({ apiVersion: "v1", kind: "Namespace", metadata: { name, ...more } });
const kustomization = (resources: readonly string[], more: Mapping = {}): string => writeYaml({ apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", ...more, resources });
const component = (more: Mapping): string => writeYaml({ apiVersion: "kustomize.config.k8s.io/v1alpha1", kind: "Component", ...more });
const overlay = (more: Mapping = {}, ...own: readonly string[]): string => kustomization(["../../base", ...own], more);
const byHand = (host: string): KubeObject => ({ apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata: { name: `${host}-by-hand`, namespace: "shop" }, spec: { hosts: [host], http: [{ route: [{ destination: { host } }] }] } });

const webEdit: FileEdit = { path: "base/services/web.yaml", from: "15s", to: "7s" };
const defaults = { timeout: "30s", maxConnections: 100 };

/** A base with one meshed Service, one that is not, a Namespace and a ServiceMesh. */
function base(meshSpec: Mapping = { mtls: { mode: "STRICT" }, defaults }, more: Mapping = {}): Files {
  return {
    "base/kustomization.yaml": kustomization(["namespace.yaml", "istio/mesh.yaml", "services/web.yaml", "services/mail.yaml"], more),
    "base/namespace.yaml": namespace("shop"),
    "base/istio/mesh.yaml": mesh(meshSpec),
    "base/services/web.yaml": file(...service("web", { timeout: "15s" }, { namespace: "shop" })),
    "base/services/mail.yaml": file(...service("mail", {}, { namespace: "shop" })),
  };
}

const withEdit = (files: Files): TreeFixture => ({ files, edit: webEdit });

export const treeFixtures: { readonly [name: string]: TreeFixture } = {
  "a prefix over a prefix, and a namespace between them": withEdit({
    ...base(),
    "overlays/staging/kustomization.yaml": overlay({ namePrefix: "s-", namespace: "staging" }),
    "overlays/tenant/kustomization.yaml": kustomization(["../staging"], { namePrefix: "t-", nameSuffix: "-x" }),
    "overlays/other/kustomization.yaml": kustomization(["../staging"], { namespace: "other" }),
  }),
  "a ServiceMesh in each overlay and none in the base": withEdit({
    "base/kustomization.yaml": kustomization(["services"]),
    "base/services/kustomization.yaml": kustomization(["web.yaml", "mail.yaml"]),
    "base/services/web.yaml": file(...service("web", { timeout: "15s" })),
    "base/services/mail.yaml": file(...service("mail")),
    "overlays/staging/kustomization.yaml": overlay({ namespace: "staging" }, "mesh.yaml"),
    "overlays/staging/mesh.yaml": mesh({ defaults }),
    "overlays/production/kustomization.yaml": overlay({ namespace: "production", namePrefix: "p-" }, "istio/mesh.yaml"),
    "overlays/production/istio/mesh.yaml": mesh({ services: "all", mtls: { mode: "STRICT", scope: "namespace" }, defaults: { maxRequests: 7, proxyCpu: "100m" } }),
  }),
  "no ServiceMesh at all": withEdit({
    "base/kustomization.yaml": kustomization(["services/web.yaml", "services/mail.yaml"]),
    "base/services/web.yaml": file(...service("web", { timeout: "15s" })),
    "base/services/mail.yaml": file(...service("mail", { mtls: "STRICT" })),
    "overlays/staging/kustomization.yaml": overlay({ namespace: "staging", patches: [servicePatch("web", { "max-connections": "5" }, {})] }),
  }),
  "a Service that only an overlay has": withEdit({
    ...base(),
    "overlays/staging/kustomization.yaml": overlay({ namePrefix: "s-" }, "debug"),
    "overlays/staging/debug/kustomization.yaml": kustomization(["service.yaml"]),
    "overlays/staging/debug/service.yaml": file(...service("debug", { timeout: "5s", "max-connections": "3" }, { namespace: "shop" })),
    "overlays/production/kustomization.yaml": overlay({}, "probe.yaml"),
    "overlays/production/probe.yaml": file(...service("probe", { timeout: "6s" }, { namespace: "shop" })),
  }),
  "an overlay that meshes what the base does not, and one that takes a Service out": withEdit({
    ...base(),
    "overlays/staging/kustomization.yaml": overlay({ patches: [servicePatch("mail", { "max-connections": "7" })] }),
    "overlays/production/kustomization.yaml": overlay({ patches: [servicePatch("web", { enabled: "false" })], namePrefix: "p-" }),
    "overlays/preview/kustomization.yaml": overlay({ patches: [servicePatch("web", { timeout: null })] }),
  }),
  "an overlay that deletes a Service": withEdit({
    ...base(),
    "overlays/staging/kustomization.yaml": overlay({ namePrefix: "s-", patches: [{ patch: writeYaml({ $patch: "delete", apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "shop" } }) }] }),
  }),
  "a component that adds a Service and changes another": withEdit({
    ...base(),
    "components/cache/kustomization.yaml": component({ resources: ["cache.yaml"], patches: [servicePatch("web", { "max-requests": "9" })] }),
    "components/cache/cache.yaml": file(...service("cache", { "connect-timeout": "1s", timeout: "3s" }, { namespace: "shop" })),
    "overlays/staging/kustomization.yaml": overlay({ components: ["../../components/cache"], namePrefix: "s-" }),
    "overlays/production/kustomization.yaml": overlay({ components: ["../../components/cache"], namespace: "production" }),
    "overlays/plain/kustomization.yaml": overlay(),
  }),
  "a base with a namespace of its own, two levels deep": withEdit({
    "base/kustomization.yaml": kustomization(["istio", "namespaces", "services"], { namespace: "shop" }),
    "base/namespaces/kustomization.yaml": kustomization(["namespace.yaml"]),
    "base/namespaces/namespace.yaml": "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n",
    "base/istio/kustomization.yaml": kustomization(["mesh.yaml"]),
    "base/istio/mesh.yaml": mesh({ mtls: { mode: "STRICT", scope: "namespace" }, defaults }),
    "base/services/kustomization.yaml": kustomization(["web.yaml"], { namePrefix: "k-" }),
    "base/services/web.yaml": file(...service("web", { timeout: "15s" })),
    "overlays/staging/kustomization.yaml": overlay({ namespace: "staging" }),
  }),
  "labels that reach what is made": withEdit({
    ...base(undefined, { labels: [{ pairs: { "app.kubernetes.io/part-of": "shop" } }] }),
    "overlays/staging/kustomization.yaml": overlay({ labels: [{ pairs: { stage: "staging" }, includeSelectors: true }] }),
    "overlays/production/kustomization.yaml": overlay({ commonLabels: { stage: "production" }, commonAnnotations: { "example.com/owner": "team-a" } }),
    "overlays/preview/kustomization.yaml": overlay({ labels: [{ pairs: { "app.kubernetes.io/part-of": "preview" }, includeTemplates: true }] }),
  }),
  "a PeerAuthentication of the whole mesh below a namespace and a prefix": withEdit({
    ...base({ mtls: { mode: "STRICT", scope: "mesh" }, defaults }),
    "overlays/preview/kustomization.yaml": overlay({ namespace: "shop-preview", namePrefix: "p-", nameSuffix: "-1" }),
    "overlays/over/kustomization.yaml": kustomization(["../preview"], { namePrefix: "o-", namespace: "over", labels: [{ pairs: { over: "yes" } }] }),
  }),
  "an overlay that changes a default of all Services": withEdit({
    ...base({ services: "all", defaults: { ...defaults, proxyCpu: "100m" } }),
    "overlays/staging/kustomization.yaml": overlay({ patches: [meshPatch({ defaults: { maxConnections: 5, timeout: null } })] }),
    "overlays/production/kustomization.yaml": overlay({ patches: [meshPatch({ defaults: { proxyCpu: "250m", outlierConsecutive5xx: 4 } })], namePrefix: "p-" }),
    "overlays/over/kustomization.yaml": kustomization(["../production"], { patches: [meshPatch({ defaults: { proxyCpu: null } })] }),
  }),
  "an overlay that changes the injection revision, the mode, and mTLS": withEdit({
    ...base(),
    "overlays/staging/kustomization.yaml": overlay({ patches: [meshPatch({ injection: { revision: "canary" } })] }),
    "overlays/ambient/kustomization.yaml": overlay({ patches: [meshPatch({ injection: { mode: "ambient" } })] }),
    "overlays/none/kustomization.yaml": overlay({ patches: [meshPatch({ injection: { mode: "none" }, mtls: { scope: "none" } })] }),
    "overlays/permissive/kustomization.yaml": overlay({ namespace: "lax", patches: [meshPatch({ mtls: { mode: "PERMISSIVE", scope: "namespace" } })] }),
  }),
  "a JSON patch that replaces the labels of the Namespace": withEdit({
    ...base(),
    "base/namespace.yaml": namespace("shop", { labels: { team: "one" } }),
    "overlays/staging/kustomization.yaml": overlay({ patches: [{ target: { kind: "Namespace" }, patch: writeYaml([{ op: "replace", path: "/metadata/labels", value: { team: "two" } }]) }] }),
    "overlays/production/kustomization.yaml": overlay({ patches: [{ target: { kind: "Namespace", name: "shop" }, patch: writeYaml([{ op: "add", path: "/metadata/labels", value: { "istio.io/rev": "stable" } }]) }] }),
  }),
  "a JSON patch with a label selector, and one that removes an annotation": withEdit({
    ...base(undefined, { labels: [{ pairs: { tier: "front" } }] }),
    "overlays/staging/kustomization.yaml": overlay({ patches: [{ path: "json.yaml", target: { kind: "Service", labelSelector: "app=web,tier=front" } }] }),
    "overlays/staging/json.yaml": writeYaml([{ op: "replace", path: "/metadata/annotations/istiomize.dev~1timeout", value: "3s" }, { op: "add", path: "/metadata/annotations/istiomize.dev~1retry-attempts", value: "1" }]),
    "overlays/production/kustomization.yaml": overlay({ patches: [{ target: { kind: "Service", name: "w.*" }, patch: writeYaml([{ op: "remove", path: "/metadata/annotations/istiomize.dev~1timeout" }]) }] }),
  }),
  "weights between Services, below a prefix": withEdit({
    ...base(),
    "base/services/web.yaml": file(...service("web", { timeout: "15s", weights: "web=90,mail=10" }, { namespace: "shop" })),
    "overlays/staging/kustomization.yaml": overlay({ namePrefix: "s-", patches: [servicePatch("web", { weights: "web=50,mail=50" })] }),
  }),
  "a canary that only production has": withEdit({
    ...base(),
    "base/services/web.yaml": file(...service("web", { timeout: "15s", enabled: "true" }, { namespace: "shop", versions: ["stable"] })),
    "overlays/staging/kustomization.yaml": overlay({ namespace: "staging" }),
    "overlays/production/kustomization.yaml": overlay({ namespace: "production", replicas: [{ name: "web-canary", count: 3 }], patches: [servicePatch("web", { weights: "stable=90,canary=10", "max-connections": "9" })] }, "canary.yaml"),
    "overlays/production/canary.yaml": file({ ...service("web-canary", {}, { namespace: "shop" })[1]!, spec: { replicas: 2, selector: { matchLabels: { app: "web", version: "canary" } }, template: { metadata: { labels: { app: "web", version: "canary" } }, spec: { containers: [{ name: "web", image: "web:2.0" }] } } } }),
  }),
  "full host names, where each overlay has another namespace": withEdit({
    ...base({ hosts: "fqdn", mtls: { mode: "STRICT" }, defaults }, { namespace: "shop" }),
    "overlays/staging/kustomization.yaml": overlay({ namespace: "staging", namePrefix: "s-" }),
    "overlays/over/kustomization.yaml": kustomization(["../staging"], { namespace: "over" }),
  }),
  "several Services in one file": withEdit({
    ...base({ defaults }),
    "base/services/web.yaml": file(...service("web", { timeout: "15s" }, { namespace: "shop", versions: ["v1", "v2"] }), ...service("api", { weights: "v1=75,v2=25", timeout: "4s" }, { namespace: "shop", versions: ["v1", "v2"] }), ...service("cart", { "max-connections": "4" }, { namespace: "shop" })),
    "overlays/staging/kustomization.yaml": overlay({ namePrefix: "s-", patches: [servicePatch("api", { weights: "v1=50,v2=50" }), servicePatch("cart", { "max-connections": null })] }),
  }),
  "a rule that a person wrote for the same host": withEdit({
  ...base({ defaults }),
  "base/services/mail.yaml": file(...service("mail", { enabled: "true" }, { namespace: "shop" }), byHand("mail")),
    "overlays/staging/kustomization.yaml": overlay({ namespace: "staging" }),
  }),
  "settings of the proxy, changed in an overlay on one Deployment": withEdit({
    ...base(),
    "base/services/web.yaml": file(...service("web", { timeout: "15s" }, { namespace: "shop", ofPods: { "proxy-cpu": "100m", "hold-application-until-proxy-starts": "true" } })),
    "base/services/mail.yaml": "{apiVersion: v1, kind: Service, metadata: {name: mail}, spec: {selector: {app: mail}, ports: [{name: http, port: 80}]}}\n---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: mail, annotations: {istiomize.dev/proxy-memory: 64Mi}}, spec: {selector: {matchLabels: {app: mail}}, template: {metadata: {labels: {app: mail}}, spec: {containers: [{name: mail, image: mail}]}}}}\n",
    "overlays/staging/kustomization.yaml": overlay({ patches: [{ target: { kind: "Deployment", name: "web" }, patch: writeYaml([{ op: "replace", path: "/metadata/annotations/istiomize.dev~1proxy-cpu", value: "200m" }]) }] }),
    "overlays/production/kustomization.yaml": overlay({ patches: [{ patch: writeYaml({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "shop", annotations: prefixed({ "hold-application-until-proxy-starts": null as unknown as string }) } }) }], namePrefix: "p-" }),
  }),
  "a default for proxies that an overlay takes away, for all Deployments and for one": withEdit({
    ...base({ services: "all", defaults: { proxyCpu: "100m", proxyMemory: "64Mi" } }),
    "overlays/staging/kustomization.yaml": overlay({ patches: [meshPatch({ defaults: { proxyCpu: null, proxyMemory: null } })] }),
    "overlays/production/kustomization.yaml": overlay({ namePrefix: "p-", patches: [servicePatch("web", { enabled: "false" })] }),
    "overlays/none/kustomization.yaml": overlay({ patches: [meshPatch({ injection: { mode: "none" } })] }),
    "overlays/ambient/kustomization.yaml": overlay({ patches: [meshPatch({ injection: { mode: "ambient" } })] }),
  }),
  "a PeerAuthentication in each of two namespaces, below prefixes": withEdit({
    ...base({ services: "all", mtls: { mode: "STRICT", scope: "namespace" }, defaults }),
    "base/services/mail.yaml": file(...service("mail", {}, { namespace: "post" })),
    "overlays/staging/kustomization.yaml": overlay({ namePrefix: "s-" }),
    "overlays/over/kustomization.yaml": kustomization(["../staging"], { nameSuffix: "-o" }),
  }),
  "a PeerAuthentication in a namespace and one in none, below a prefix": withEdit({
    ...base({ services: "all", mtls: { mode: "STRICT", scope: "namespace" } }, { namePrefix: "b-" }),
    "base/services/mail.yaml": file(...service("mail")),
    "overlays/staging/kustomization.yaml": overlay({ namePrefix: "s-" }),
  }),
  "two namespaces with a PeerAuthentication each, which an overlay makes one": withEdit({
    ...base({ services: "all", mtls: { mode: "STRICT", scope: "namespace" } }),
    "base/services/mail.yaml": file(...service("mail", {}, { namespace: "post" })),
    "overlays/staging/kustomization.yaml": overlay({ namespace: "staging" }),
  }),
  "a flow-style Namespace that the base renames and overlays label differently": withEdit({
    ...base({ services: "all", defaults }, { namespace: "core" }),
    "base/namespace.yaml": "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: one}}}\n",
    "overlays/ambient/kustomization.yaml": overlay({ patches: [meshPatch({ injection: { mode: "ambient" } })] }),
    "overlays/revision/kustomization.yaml": overlay({ namespace: "rev", patches: [meshPatch({ injection: { revision: "canary" } })] }),
    "overlays/over/kustomization.yaml": kustomization(["../ambient"], { patches: [meshPatch({ injection: { mode: "sidecar" } })] }),
  }),
  "an overlay that changes a port and a version label": withEdit({
    ...base(),
    "base/services/web.yaml": file(...service("web", { timeout: "15s", weights: "v1=75,v2=25" }, { namespace: "shop", versions: ["v1", "v2"] })),
    "overlays/staging/kustomization.yaml": overlay({ patches: [{ target: { kind: "Service", name: "web" }, patch: writeYaml([{ op: "replace", path: "/spec/ports/0", value: { name: "grpc", port: 9000 } }]) }] }),
    "overlays/production/kustomization.yaml": overlay({ patches: [servicePatch("web", { weights: "v1=75,v3=25" }), { target: { kind: "Deployment", name: "web-v2" }, patch: writeYaml([{ op: "replace", path: "/spec/template/metadata/labels/version", value: "v3" }, { op: "replace", path: "/spec/selector/matchLabels/version", value: "v3" }]) }] }),
  }),
  "an overlay that lists one service folder of the base, without its ServiceMesh": { edit: { ...webEdit, path: "base/services/web/web.yaml" }, files: {
    "base/kustomization.yaml": kustomization(["istio/mesh.yaml", "services/web", "services/mail"]),
    "base/istio/mesh.yaml": mesh({ services: "all", defaults }),
    "base/services/web/kustomization.yaml": kustomization(["web.yaml"]),
    "base/services/web/web.yaml": file(...service("web", { timeout: "15s" })),
    "base/services/mail/kustomization.yaml": kustomization(["mail.yaml"]),
    "base/services/mail/mail.yaml": file(...service("mail")),
    "overlays/only-web/kustomization.yaml": kustomization(["../../base/services/web"], { namePrefix: "one-" }),
    "overlays/staging/kustomization.yaml": overlay(),
  } },
  "files that nothing lists, names that need care, and lists that are there already": {
    files: {
      ...base(),
      "base/services/unlisted.yaml": file(...service("unlisted", { timeout: "1s" })),
      "base/kustomization.yaml": "# The base.\r\nresources: [namespace.yaml, \"istio/mesh.yaml\", ./services/web.yaml,\r\n  services/mail.yaml]\r\nconfigurations:\r\n- names.yaml",
      "base/names.yaml": "nameReference:\n- kind: ConfigMap\n  version: v1\n  fieldSpecs:\n  - {path: spec/config, kind: Widget}\n",
      "overlays/sta ging/kustomization.yml": "bases:\n- \"../../base\"\ntransformers: [ 'labels.yaml' ]\npatches: [{path: web.yaml}]",
      "overlays/sta ging/labels.yaml": writeYaml({ apiVersion: "builtin", kind: "LabelTransformer", metadata: { name: "late" }, labels: { late: "yes" }, fieldSpecs: [{ path: "metadata/labels", create: true }] }),
      "overlays/sta ging/web.yaml": writeYaml({ apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "shop", annotations: prefixed({ timeout: "3s" }) } }),
      "overlays/empty/Kustomization": "resources:\n  - ../../base # all of it\n\npatches: []\n",
    },
    edit: webEdit,
  },
  "a Namespace that only overlays have, and one that a name gives": withEdit({
    "base/kustomization.yaml": kustomization(["istio/mesh.yaml", "services/web.yaml"]),
    "base/istio/mesh.yaml": mesh({ mtls: { mode: "STRICT", scope: "namespace" }, namespaces: { staging: { maxConnections: 3 } } }),
    "base/services/web.yaml": file(...service("web", { timeout: "15s" })),
    "overlays/staging/kustomization.yaml": overlay({ namespace: "staging" }, "namespace.yaml"),
    "overlays/staging/namespace.yaml": namespace("staging"),
    "overlays/production/kustomization.yaml": overlay({ namespace: "production" }, "namespace.yaml"),
    "overlays/production/namespace.yaml": namespace("production", { annotations: prefixed({ revision: "stable" }) }),
  }),
};

/** A rule that a person wrote, below a prefix: its host follows the Service as soon as the name references are there. */
export const followedRule: Files = {
  ...base({ defaults }),
  "base/services/mail.yaml": file(...service("mail", { enabled: "true" }, { namespace: "shop" }), byHand("mail")),
  "overlays/staging/kustomization.yaml": overlay({ namePrefix: "s-" }),
};
