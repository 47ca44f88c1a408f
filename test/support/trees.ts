import fc from "fast-check";
import { dump } from "js-yaml";
import type { KubeObject } from "../../generators/kube/object.ts";

/** Annotations of one object, without the prefix. */
export type Settings = { readonly [name: string]: string };

/** What a generated tree holds: the objects in the order of a build, and a ServiceMesh or none. */
export interface Tree {
  readonly objects: readonly KubeObject[];
  readonly mesh?: KubeObject;
}

export const duration = fc.constantFrom("250ms", "1s", "2.5s", "15s", "1m30s", "1h");
const count = fc.integer({ min: 1, max: 5000 }).map(String);
const share = fc.constantFrom("20%", "50%", "70%");
const switched = fc.constantFrom("true", "false");

/** Settings that go together, by what they are about; each group is valid on its own and beside the others. */
export const routing: fc.Arbitrary<Settings> = fc.oneof(
  fc.record({ timeout: duration }),
  fc.record({ "retry-attempts": fc.constantFrom("0", "1", "3"), timeout: fc.constant("90s") }),
  fc.record({ "retry-attempts": fc.constant("2"), "retry-per-try-timeout": fc.constantFrom("1s", "3s"), "retry-on": fc.constantFrom("connect-failure", "refused-stream,unavailable", "503,connect-failure"), "retry-unsafe": switched }),
  fc.record({ "retry-remote-localities": switched }),
  fc.record({ hosts: fc.constantFrom("a.example.com", "a.example.com,b.example.com") }),
  fc.record({ timeout: duration, "export-to": fc.constantFrom(".", "*", "shop,pay") }),
  fc.record({ "virtual-service-patch": fc.constantFrom("{http: [{name: default, corsPolicy: {allowMethods: [GET]}}]}", "exportTo: ['.']") }),
);
export const policies: fc.Arbitrary<Settings> = fc.oneof(
  fc.record({ "load-balancer": fc.constantFrom("ROUND_ROBIN", "RANDOM") }),
  fc.record({ "consistent-hash": fc.constantFrom("header:X-User", "cookie:session;ttl=1h", "source-ip"), "consistent-hash-algorithm": fc.constantFrom("ring", "ring:2048", "maglev:65537") }),
  fc.record({ "max-connections": count, "connect-timeout": duration }),
  fc.record({ "tcp-keepalive": fc.constantFrom("time=2h,interval=75s,probes=9", "probes=3"), "tcp-idle-timeout": fc.constantFrom("0s", "30m") }),
  fc.record({ "max-pending-requests": count, "max-requests": count, "http-idle-timeout": duration }),
  fc.record({ "outlier-consecutive-5xx": fc.constantFrom("0", "5"), "outlier-interval": duration, "outlier-max-ejection-percent": share }),
  fc.record({ "outlier-split-local-errors": fc.constant("true"), "outlier-consecutive-local-failures": count, "outlier-max-ejection-percent": share }),
  fc.record({ "destination-rule-patch": fc.constant("{trafficPolicy: {loadBalancer: {warmup: {duration: 60s}}}}") }),
);
export const pods: fc.Arbitrary<Settings> = fc.oneof(
  fc.record({ "proxy-cpu": fc.constantFrom("100m", "0.5"), "proxy-memory": fc.constant("128Mi") }),
  fc.record({ "hold-application-until-proxy-starts": switched, "drain-duration": duration }),
  fc.record({ concurrency: fc.constantFrom("0", "2") }),
);
const ports: fc.Arbitrary<Settings> = fc.record({ "exclude-outbound-ports": fc.constantFrom("3306", "3306,6379"), "exclude-outbound-ip-ranges": fc.constant("10.0.0.0/8") });

export function some(groups: fc.Arbitrary<Settings>, maxLength: number): fc.Arbitrary<Settings> {
  return fc.array(groups, { maxLength }).map((list) => list.reduce((all, each) => ({ ...all, ...each }), {}))
    // Settings that exclude each other: the hash stays.
    .map(({ "load-balancer": simple, ...rest }) => (simple === undefined || Object.hasOwn(rest, "consistent-hash") ? rest : { ...rest, "load-balancer": simple }));
}

export const prefixed = (settings: Settings): { readonly [key: string]: string } =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [`istiomize.dev/${name}`, value]));

const httpPort = { name: "http", port: 80, targetPort: "http" };
const morePorts = [
  { name: "grpc-api", port: 9090 }, { name: "tcp-db", port: 5432 }, { name: "https-admin", port: 8443 }, { name: "metrics", port: 9100, appProtocol: "http" },
];

interface Application {
  readonly name: string;
  readonly shape: "cluster" | "headless" | "selector-less";
  /** A route that a person wrote for the same host. */
  readonly isRouted: boolean;
  readonly namespace: string;
  readonly versions: readonly { readonly version: string; readonly kind: string; readonly replicas: number; readonly own: Settings }[];
  readonly ports: readonly (typeof morePorts)[number][];
  readonly own: Settings;
  readonly behindPort: Settings;
  readonly split: "none" | "weights" | "active";
  readonly labels: { readonly [key: string]: string };
}

const names = ["web", "api", "cart", "db-proxy", "a", "frontend-2"];
const namespaces = ["shop", "pay"];

const application: fc.Arbitrary<Application> = fc.record({
  name: fc.constantFrom(...names),
  shape: fc.constantFrom("cluster", "cluster", "cluster", "cluster", "cluster", "headless", "selector-less"),
  isRouted: fc.integer({ min: 0, max: 5 }).map((n) => n === 5),
  namespace: fc.constantFrom(...namespaces, ...namespaces, ""),
  versions: fc.uniqueArray(fc.record({
    version: fc.constantFrom("v1", "v2", "v3"), kind: fc.constantFrom("Deployment", "Deployment", "StatefulSet"), replicas: fc.integer({ min: 5, max: 12 }),
    own: some(fc.oneof(pods, ports, policies), 1),
  }), { maxLength: 3, selector: ({ version }) => version }),
  ports: fc.uniqueArray(fc.constantFrom(...morePorts), { maxLength: 2 }),
  own: fc.oneof(fc.constant<Settings>({}), some(fc.oneof(routing, policies), 3), fc.record({ enabled: switched }), fc.constant<Settings>({ profile: "calm" })),
  behindPort: fc.oneof({ weight: 4, arbitrary: fc.constant<Settings>({}) }, { weight: 1, arbitrary: fc.record({ "port.80.max-connections": count, "port.http.connect-timeout": duration }) }),
  split: fc.constantFrom("none", "none", "weights", "active"),
  labels: fc.constantFrom<{ [key: string]: string }>({}, { team: "one" }, { "app.kubernetes.io/part-of": "shop", tier: "0644" }),
});

function writeApplication({ name, shape, isRouted, namespace, versions, ports: more, own, behindPort, split, labels }: Application): readonly KubeObject[] {
  const isSplit = versions.length > 1 && split !== "none" && own["enabled"] !== "false" && shape === "cluster";
  const inside = namespace === "" ? {} : { namespace };
  const [first, second] = versions.map(({ version }) => version);
  const splitting: Settings = !isSplit ? {} : split === "weights" ? { weights: `${first}=75,${second}=25` } : { active: second! };
  const annotations = prefixed({ ...own, ...behindPort, ...splitting });
  const service: KubeObject = {
    apiVersion: "v1", kind: "Service",
    metadata: { name, ...inside, ...(Object.keys(labels).length > 0 && { labels }), ...(Object.keys(annotations).length > 0 && { annotations }) },
    spec: { ...(shape !== "selector-less" && { selector: { app: name } }), ...(shape === "headless" && { clusterIP: "None" }), ports: [httpPort, ...more] },
  };
  const route: KubeObject = { apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata: { name: `${name}-by-hand`, ...inside }, spec: { hosts: [name], http: [{ route: [{ destination: { host: name } }] }] } };
  return [service, ...(isRouted ? [route] : []), ...versions.map(({ version, kind, replicas, own: settings }): KubeObject => {
    const podLabels = { app: name, version };
    return {
      apiVersion: "apps/v1", kind,
      metadata: { name: `${name}-${version}`, ...inside, ...(Object.keys(settings).length > 0 && { annotations: prefixed(settings) }) },
      spec: {
        replicas, selector: { matchLabels: podLabels },
        template: { metadata: { labels: podLabels }, spec: { containers: [{ name: "app", image: `${name}:${version}`, ports: [{ name: "http", containerPort: 8080 }] }] } },
      },
    };
  })];
}

const namespace = fc.record({
  name: fc.constantFrom(...namespaces),
  own: fc.oneof(fc.constant<Settings>({}), some(fc.oneof(policies, fc.record({ timeout: duration })), 1), fc.constantFrom<Settings>({ inject: "true" }, { revision: "stable" }, { "dataplane-mode": "ambient" }, { mtls: "PERMISSIVE" })),
}).map(({ name, own }): KubeObject => ({
  apiVersion: "v1", kind: "Namespace", metadata: { name, ...(Object.keys(own).length > 0 && { annotations: prefixed(own) }) },
}));

/** Objects that nothing here looks at. */
const bystander = fc.record({ kind: fc.constantFrom("ConfigMap", "Secret", "ServiceAccount"), name: fc.constantFrom("one", "two", "three"), data: fc.dictionary(fc.constantFrom("a", "b"), fc.constantFrom("yes", "0644", "x\ny\n", "")) })
  .map(({ kind, name, data }): KubeObject => ({ apiVersion: "v1", kind, metadata: { name, namespace: "shop" }, ...(kind !== "ServiceAccount" && { data }) }));

export const spec = fc.record({
  istioVersion: fc.constant("1.27"),
  services: fc.constantFrom("annotated", "all"),
  hosts: fc.constantFrom("short", "fqdn"),
  defaults: fc.record({ timeout: duration, maxConnections: fc.integer({ min: 1, max: 100 }), outlierMaxEjectionPercent: fc.constantFrom(50, "70%"), proxyCpu: fc.constant("100m") }, { requiredKeys: [] }),
  mtls: fc.record({ mode: fc.constantFrom("STRICT", "PERMISSIVE"), scope: fc.constantFrom("mesh", "namespace", "none") }, { requiredKeys: ["mode"] }),
  profiles: fc.record({ calm: fc.record({ timeout: duration, connectTimeout: duration, proxyCpu: fc.constant("50m") }, { requiredKeys: [] }) }),
  namespaces: fc.dictionary(fc.constantFrom(...namespaces), fc.record({ timeout: duration, maxRequests: fc.constant(10), accept: fc.constant("IZ310=known") }, { requiredKeys: [] }), { noNullPrototype: true }),
  metadata: fc.constant({ labels: { "managed-by": "istiomize" } }),
  argocd: fc.record({ syncWaves: fc.boolean() }),
  injection: fc.record({ mode: fc.constantFrom("sidecar", "ambient") }),
}, { requiredKeys: ["istioVersion", "profiles"] });

const serviceMesh = spec.map((own): KubeObject => ({ apiVersion: "istiomize.dev/v1alpha1", kind: "ServiceMesh", metadata: { name: "mesh" }, spec: own }));

const identity = (object: KubeObject): string => {
  const { name, namespace: inside } = object["metadata"] as { name: string; namespace?: string };
  return `${String(object["kind"])}/${inside}/${name}`;
};

/** Trees whose annotations are valid one by one; a few are refused as a whole, as in life. */
export const tree: fc.Arbitrary<Tree> = fc.record({
  namespaces: fc.uniqueArray(namespace, { maxLength: 2, selector: identity }),
  applications: fc.uniqueArray(application, { minLength: 1, maxLength: 4, selector: ({ name, namespace: inside }) => `${inside}/${name}` }),
  bystanders: fc.uniqueArray(bystander, { maxLength: 2, selector: identity }),
  mesh: fc.option(serviceMesh, { nil: undefined }),
}).map(({ namespaces: spaces, applications, bystanders, mesh }) => ({
  objects: [...spaces, ...bystanders, ...applications.map((each) => (mesh ? each : withoutProfile(each))).flatMap(writeApplication)], ...(mesh && { mesh }),
}));

/** Without a ServiceMesh there is none to name. */
function withoutProfile(each: Application): Application {
  const { profile: _, ...own } = each.own;
  return { ...each, own };
}

export function writeYaml(value: unknown): string {
  return dump(value, { lineWidth: -1, noRefs: true });
}

/** How a document is written: as kustomize does, or as JSON. */
export function writeStream(objects: readonly KubeObject[], style: "block" | "flow" = "block"): string {
  return objects.map((object) => (style === "block" ? writeYaml(object) : `${JSON.stringify(object)}\n`)).join("---\n");
}

/** A ResourceList as kustomize and kpt send it; `package`: each item carries the file that it stands in. */
export function writeResourceList(objects: readonly KubeObject[], functionConfig: KubeObject | undefined, form: "plugin" | "package"): string {
  const items = objects.map((object, i) => {
    const metadata = object["metadata"] as { readonly annotations?: object };
    const own = form === "plugin"
      ? { "kustomize.config.k8s.io/id": `\n${i}\n`, "internal.config.kubernetes.io/index": `${i}` }
      : { "internal.config.kubernetes.io/path": `file-${i}.yaml`, "internal.config.kubernetes.io/index": "0" };
    return { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, ...own } } };
  });
  return writeYaml({ apiVersion: "config.kubernetes.io/v1", kind: "ResourceList", items, ...(functionConfig && { functionConfig }) });
}
