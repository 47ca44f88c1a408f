import fc from "fast-check";
import type { KubeObject } from "../../generators/kube/object.ts";
import { rows, type SettingName } from "../../generators/annotations/table.ts";
import { prefixed, type Settings, type Tree } from "./trees.ts";
import { validTexts } from "./values.ts";

/**
 * Trees whose annotations draw on the whole vocabulary of VirtualServices and DestinationRules and are right by
 * construction: destinations, gateways and ports are there, and what excludes or needs each other is kept apart or
 * together. Nothing in them deserves an error of ours, or any finding of Istio's own code.
 */
const versions = ["canary", "stable"];
const destination = fc.constantFrom("stable", "canary", "orders", "orders:80", "audit.pay");
const share = fc.constantFrom("1%", "25%", "100%");
const split = fc.integer({ min: 0, max: 100 }).map((first) => `stable=${first},canary=${100 - first}`);

/** One value of a setting, by what its grammar takes, or by what the tree holds. */
const textOf = (name: SettingName): fc.Arbitrary<string> => own[name] ?? validTexts[name]!;

/** Values that name something of the tree. */
const own: { readonly [N in SettingName]?: fc.Arbitrary<string> } = {
  weights: fc.oneof(split, fc.constant("stable=70,canary=20,orders=10")),
  active: destination,
  to: fc.oneof(destination, split),
  mirror: fc.oneof(destination, fc.tuple(destination, share).map(([to, part]) => `${to}@${part}`)),
  hosts: fc.constantFrom("web.example.org", "web.example.org,web-2.example.org"),
  "export-to": fc.constantFrom("*", ".,pay,istio-system"),
  "gateway-hosts": fc.constantFrom("shop.example.com", "a.shop.example.com", "shop.example.com,*.shop.example.com"),
  path: fc.constantFrom("/api", "/", "exact:/web", "prefix:/api/", "/api,/web", "regex:/items/[0-9]+"),
  "gateway-port": fc.constantFrom("http", "80"),
  routes: fc.constantFrom("[{match: [{headers: {x-raw: {exact: a}}}], to: canary}]", "- match: [{headers: {x-raw: {prefix: b}}}]\n  to: stable=20,canary=80\n", "[{match: [{method: {exact: UNLOCK}}], directResponse: {status: 410}}]", "[{match: [{queryParams: {raw: {}}}], redirect: {uri: /new}}]"),
  "virtual-service-patch": fc.constant("{http: [{name: default, headers: {request: {add: {x-patched: \"yes\"}}}}]}"),
  "destination-rule-patch": fc.constant("{trafficPolicy: {connectionPool: {tcp: {maxConnections: 77}}}}"),
};

/** Settings that go together; of each group one variant, or none. */
const some = (...names: readonly SettingName[]): fc.Arbitrary<Settings> => fc.subarray([...names], { minLength: 1, maxLength: Math.min(4, names.length) }).chain((chosen) => fc.record(Object.fromEntries(chosen.map((name) => [name, textOf(name)]))));
const fixed = (settings: Settings): fc.Arbitrary<Settings> => fc.constant(settings);
const both = (...groups: readonly fc.Arbitrary<Settings>[]): fc.Arbitrary<Settings> => fc.tuple(...groups).map((list) => Object.assign({}, ...list) as Settings);

const retries = fc.oneof(fixed({ "retry-attempts": "0" }), both(fixed({ "retry-attempts": "2" }), some("retry-per-try-timeout", "retry-on", "retry-backoff", "retry-remote-localities", "retry-ignore-previous-hosts", "retry-unsafe")));
const faults = some("fault-delay", "fault-abort");
const cors = fc.oneof(some("cors-allow-origins"), both(some("cors-allow-origins"), some("cors-allow-methods", "cors-allow-headers", "cors-expose-headers", "cors-max-age", "cors-allow-credentials")));
const headers = some("request-headers-set", "request-headers-add", "request-headers-remove", "response-headers-set", "response-headers-add", "response-headers-remove");

/** What every rule says for itself. */
const ruleGroups = [some("timeout"), retries, faults, cors, headers] as const;
const answers = fc.oneof(some("rewrite"), some("redirect"), some("direct-response"));
/** Conditions on things of their own for each role, so that no rule takes what another one is for. */
const conditionOn = (role: string): fc.Arbitrary<Settings> => fc.constantFrom<Settings>(...[
  `header:x-${role}-a=1`, `header:x-${role}-b`, `method:GET && header:x-${role}-m^m`, `query:${role}^pre`, `header:x-${role}-c=1 || header:x-${role}-d~j.*`, `source:role=${role} || header:x-${role}-s`,
].map((match) => ({ match })));
const condition = conditionOn("more");

const pools: readonly SettingName[] = [
  "max-connections", "connect-timeout", "tcp-keepalive", "max-connection-duration", "tcp-idle-timeout", "max-pending-requests", "max-requests", "max-requests-per-connection",
  "max-concurrent-streams", "http-idle-timeout", "http2-keepalive",
];
const tcpPools: readonly SettingName[] = ["max-connections", "connect-timeout", "tcp-keepalive", "max-connection-duration", "tcp-idle-timeout"];
const outliers = fc.oneof(
  some("outlier-consecutive-5xx", "outlier-consecutive-gateway-errors", "outlier-interval", "outlier-base-ejection-time", "outlier-max-ejection-percent", "outlier-min-health-percent"),
  both(fixed({ "outlier-split-local-errors": "true" }), some("outlier-consecutive-local-failures", "outlier-interval")),
);
const balancers = fc.oneof(
  fixed({ "load-balancer": "ROUND_ROBIN" }), fixed({ "load-balancer": "RANDOM" }), both(fixed({ "load-balancer": "LEAST_REQUEST" }), some("warmup")), some("consistent-hash"),
  both(fixed({ "outlier-interval": "10s" }), some("locality")),
);
const tls = fc.oneof(
  fixed({ tls: "DISABLE" }), fixed({ tls: "ISTIO_MUTUAL" }), both(fixed({ tls: "SIMPLE" }), some("tls-ca-certificates", "tls-sni", "tls-subject-alt-names")),
  fixed({ tls: "MUTUAL", "tls-client-certificate": "/etc/certs/c.pem", "tls-private-key": "/etc/certs/k.pem" }),
);
const blockGroups = [some(...pools), outliers, balancers, fc.oneof(fixed({ "h2-upgrade": "DO_NOT_UPGRADE" }), some("use-client-protocol"))] as const;
const policyGroups = [...blockGroups, tls, fc.oneof(some("retry-budget"), some("max-retries")), fc.oneof(some("proxy-protocol"), fixed({}))] as const;
const tcpGroups = [some(...tcpPools), fixed({ "outlier-consecutive-local-failures": "3", "outlier-split-local-errors": "true" }), tls] as const;

/** A few of some groups, each at most once. */
const few = (groups: readonly fc.Arbitrary<Settings>[], most: number): fc.Arbitrary<Settings> =>
  fc.subarray([...groups], { maxLength: Math.min(most, groups.length) }).chain((chosen) => (chosen.length === 0 ? fixed({}) : both(...chosen)));

const scoped = (scope: string, settings: fc.Arbitrary<Settings>): fc.Arbitrary<Settings> => settings.map((all) => Object.fromEntries(Object.entries(all).map(([name, value]) => [`${scope}.${name}`, value])));

const splits = fc.oneof(some("weights"), some("active"), fixed({}));
/** Any conditions; and those that can be met together with every match and path of a gateway that a tree has. */
const pins = fc.oneof(fixed({}), validTexts["match.<dest>"]!.map((text): Settings => ({ "match.canary": text })));
const boundPins = fc.constantFrom<Settings>({}, { "match.canary": "header:x-pin=1" }, { "match.canary": "header:x-pin~v[12] || query:pin" }, { "match.canary": "header:x-pin^b && query:pin~.+" });
const further = fc.oneof(
  fixed({}),
  scoped("route.more", both(condition, fc.oneof(some("to"), answers, fixed({})), few(ruleGroups, 2))),
  scoped("route.more", both(condition, some("to"), fixed({ order: "-5" }))),
);
const faultMatch = fc.oneof({ weight: 4, arbitrary: fixed({}) }, { weight: 1, arbitrary: both(faults, conditionOn("chaos").map(({ match }): Settings => ({ "fault-match": match! }))) });
const bindings = fc.oneof(
  fixed({}), fixed({ gateways: "public" }), both(fixed({ gateways: "public" }), some("gateway-hosts", "path", "rewrite")), both(fixed({ gateways: "public" }), some("path"), fixed({ "default-route": "true" })),
  fixed({ expose: "public=shop.example.com/web" }), both(fixed({ gateways: "public" }), scoped("gateway.public", few(ruleGroups, 2))), both(fixed({ gateways: "public" }), conditionOn("edge")), both(fixed({ gateways: "public" }), scoped("gateway.mesh", some("timeout"))),
);

const httpService: fc.Arbitrary<Settings> = fc.tuple(
  splits, fc.oneof(fc.tuple(pins, fixed({})), fc.tuple(boundPins, bindings)).map(([pin, bound]): Settings => ({ ...pin, ...bound })), further, faultMatch, few(ruleGroups, 3), few(policyGroups, 3), few([some("mirror"), some("hosts"), some("export-to"), some("routes"), some("virtual-service-patch"), some("destination-rule-patch")], 2),
  few([scoped("port.http", few(blockGroups, 2)), scoped("port.80", some("timeout")), scoped("subset.canary", few(policyGroups, 2))], 1),
).map((groups) => sift(Object.assign({}, ...groups.toReversed()) as Settings));

const tcpService: fc.Arbitrary<Settings> = fc.tuple(splits, few(tcpGroups, 2), fc.oneof(fixed({}), scoped("subset.stable", few(tcpGroups, 1))), fc.oneof(fixed({}), fixed({ "tcp-routes": "[{match: [{port: 5432, sourceLabels: {app: front}}], to: stable}]" })))
  .map((groups) => sift(Object.assign({}, ...groups) as Settings)).map((settings): Settings => (settings["active"] === "orders:80" ? { ...settings, active: "orders" } : settings));

/** Takes out what excludes something that is there already, and ports of other kinds. */
function sift(settings: Settings): Settings {
  const kept: { [name: string]: string } = {};
  for (const [key, value] of Object.entries(settings)) {
    const scope = /^(port|subset|gateway|route)\.[^.]+\./.exec(key)?.[0] ?? "";
    const excluded = rows[key.slice(scope.length) as SettingName]?.excludes ?? [];
    if (!excluded.some((other) => Object.hasOwn(kept, scope + other))) kept[key] = value;
  }
  return kept;
}

const mesh: KubeObject = {
  apiVersion: "istiomize.dev/v1alpha1", kind: "ServiceMesh", metadata: { name: "shop" },
  spec: { istioVersion: "1.99", gateways: { public: { hosts: ["shop.example.com", "*.shop.example.com"] } }, defaults: { connectTimeout: "2s" } },
};

function workload(app: string, version: string, namespace: string, own: Settings): KubeObject {
  const labels = { app, version };
  return {
    apiVersion: "apps/v1", kind: "Deployment", metadata: { name: `${app}-${version}`, namespace, ...(Object.keys(own).length > 0 && { annotations: prefixed(own) }) },
    spec: { replicas: 12, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { serviceAccountName: app, containers: [{ name: app, image: `${app}:${version}`, ports: [{ name: "http", containerPort: 8080 }] }] } } },
  };
}

const service = (name: string, namespace: string, ports: readonly KubeObject[], own: Settings): KubeObject => ({
  apiVersion: "v1", kind: "Service", metadata: { name, namespace, ...(Object.keys(own).length > 0 && { annotations: prefixed(own) }) }, spec: { selector: { app: name }, ports },
});

const http = { name: "http", port: 80, targetPort: 8080 };
const grpc = { name: "grpc-api", port: 9090, targetPort: 9090 };
const tcp = { name: "tcp-db", port: 5432, targetPort: 5432 };

/** A rule is called after its port where a Service has several, so that this patch would add a rule without a route. */
function withoutPatch({ "virtual-service-patch": _, ...rest }: Settings): Settings {
  return rest;
}

export const vocabulary: fc.Arbitrary<Tree> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ ports: fc.constantFrom([http], [http], [http, grpc], [http, tcp]), own: httpService }) },
  { weight: 1, arbitrary: fc.record({ ports: fc.constant([tcp]), own: tcpService }) },
).chain(({ ports, own: settings }) => fc.record({
  stable: few([some("outlier-interval"), some("max-connections")], 1), canary: few([some("max-connection-duration")], 1), namespace: few([fixed({ "tcp-idle-timeout": "1h" })], 1),
}).map(({ stable, canary, namespace }): Tree => ({
  mesh,
  objects: [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", annotations: prefixed(namespace) } }, { apiVersion: "v1", kind: "Namespace", metadata: { name: "pay" } },
    service("web", "shop", ports, ports.length === 1 ? settings : withoutPatch(settings)), workload("web", versions[1]!, "shop", stable), workload("web", versions[0]!, "shop", canary),
    service("orders", "shop", ports, {}), workload("orders", "v1", "shop", {}),
    service("audit", "pay", ports, {}), workload("audit", "v1", "pay", {}), service("front", "shop", [http], {}), workload("front", "v1", "shop", {}),
  ],
})));
