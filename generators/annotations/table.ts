import {
  boolean, dnsLabel, duration, enumeration, integer, listOf, percent, quantity, text, yamlMapping, type ValueType,
} from "./values.ts";
import {
  consistentHash, destination, exportTo, hashAlgorithm, hosts, http2Keepalive, httpCodes, ipRanges, names, portList,
  retryOn, subjectAltNames, tcpKeepalive, weights,
} from "./traffic-values.ts";

/** The kinds of object that an annotation may stand on. `Workload`: Deployment, StatefulSet, DaemonSet, Rollout. */
export type Carrier = "Service" | "Workload" | "Namespace";

/** What reads a setting. */
export type Family = "selection" | "VirtualService" | "DestinationRule" | "PeerAuthentication" | "injection" | "pod";

/** One annotation: where it may stand, how its value is written, and the field that it becomes. */
export interface Row<T = unknown> {
  readonly on: readonly Carrier[];
  readonly family: Family;
  readonly value: ValueType<T>;
  /** Kind and field that it becomes. */
  readonly writes: string;
  /** Where the field wants another shape than the value has. */
  field?(value: T): unknown;
  /** Names something of one Service, so that it can be no default. */
  readonly single?: true;
  /** Holds for the object it stands on and is not handed down. */
  readonly ownLevel?: true;
  /** Istio uses it on HTTP and gRPC ports only. */
  readonly http?: true;
  /** May stand behind `port.<name or number>.`. */
  readonly port?: true;
  /** The setting that it excludes. */
  readonly excludes?: string;
  /** First Istio that has the field, where that is newer than the oldest one we write for. */
  readonly istio?: string;
  readonly summary: string;
  readonly example: string;
  /** A value that is refused; shown on the reference page. */
  readonly refused: string;
  /** Page and anchor below https://istio.io/latest/docs/. */
  readonly docs: string;
  readonly since: string;
}

const anywhere: readonly Carrier[] = ["Service", "Workload", "Namespace"];
const oneService: readonly Carrier[] = ["Service", "Workload"];
const dr = "reference/config/networking/destination-rule/";
const vs = "reference/config/networking/virtual-service/";
const sidecar = "reference/config/annotations/";

type Shared = "on" | "family" | "since" | "docs";
type RowOf<T> = Omit<Row<T>, Shared> & Partial<Pick<Row<T>, Shared>>;

const row = <T>(defaults: Pick<Row<T>, "on" | "family" | "docs">) => (own: RowOf<T>): Row<T> => ({ since: "0.3.0", ...defaults, ...own });

const selection = <T>(own: RowOf<T>): Row<T> => row<T>({ on: anywhere, family: "selection", docs: "setup/additional-setup/sidecar-injection/" })(own);
const injection = <T>(own: RowOf<T>): Row<T> => row<T>({ on: ["Workload", "Namespace"], family: "injection", docs: "setup/additional-setup/sidecar-injection/" })({ ownLevel: true, ...own });
const pod = <T>(own: RowOf<T>): Row<T> => row<T>({ on: ["Workload"], family: "pod", docs: sidecar })(own);
const route = <T>(own: RowOf<T>): Row<T> => row<T>({ on: anywhere, family: "VirtualService", docs: `${vs}#HTTPRoute` })(own);
const retries = <T>(own: RowOf<T>): Row<T> => route<T>({ http: true, port: true, docs: `${vs}#HTTPRetry`, ...own });
const policy = <T>(own: RowOf<T>): Row<T> => row<T>({ on: anywhere, family: "DestinationRule", docs: `${dr}#TrafficPolicy` })(own);
const tcpPool = <T>(own: RowOf<T>): Row<T> => policy<T>({ port: true, docs: `${dr}#ConnectionPoolSettings-TCPSettings`, ...own });
const httpPool = <T>(own: RowOf<T>): Row<T> => policy<T>({ port: true, http: true, docs: `${dr}#ConnectionPoolSettings-HTTPSettings`, ...own });
const outlier = <T>(own: RowOf<T>): Row<T> => policy<T>({ port: true, docs: `${dr}#OutlierDetection`, ...own });
const tls = <T>(own: RowOf<T>): Row<T> => policy<T>({ port: true, docs: `${dr}#ClientTLSSettings`, ...own });

const path = text({ expects: "an absolute file path, or `system`", pattern: /^(\/\S+|system)$/ });

/** Every annotation, without its prefix. Ordered as the fields are written. */
export const table = {
  // ---- selection
  enabled: selection({
    value: boolean, writes: "nothing: takes the Service in or leaves it out",
    summary: "Takes a Service into the mesh, or leaves it out; the nearest one counts.", example: "true", refused: "yes",
  }),
  profile: selection({
    value: names, ownLevel: true, writes: "nothing: brings in settings of spec.profiles",
    summary: "Sets of defaults from `spec.profiles`; a later name wins.", example: "critical", refused: "a b",
  }),
  accept: selection({
    value: listOf(text({ expects: "CODE=why, such as IZ310=measured", pattern: /^IZ\d{3}=[\s\S]+$/ }), { expects: "a list of CODE=why, such as IZ310=measured" }),
    ownLevel: true, writes: "nothing: acknowledges a warning",
    summary: "Acknowledges a warning here: it is not said again, and `strict` lets it pass.", example: "IZ310=measured", refused: "IZ310",
  }),

  // ---- injection
  inject: injection({
    value: boolean, writes: "Namespace label istio-injection, or pod template label sidecar.istio.io/inject",
    summary: "On a Namespace: sidecar injection on or off. On a workload (also Job, CronJob, Pod): for its pods.", example: "false", refused: "disabled",
  }),
  revision: injection({
    value: dnsLabel, writes: "label istio.io/rev",
    summary: "Injection by an Istio revision or tag, instead of `istio-injection`.", example: "stable", refused: "Stable Release",
    docs: "setup/upgrade/canary/",
  }),
  "dataplane-mode": injection({
    value: enumeration("sidecar", "ambient", "none"), writes: "label istio.io/dataplane-mode",
    summary: "Data plane of a Namespace or of one workload's pods.", example: "ambient", refused: "proxyless",
    docs: "ambient/usage/add-workloads/",
  }),
  waypoint: injection({
    on: ["Service", "Namespace"], value: dnsLabel, writes: "label istio.io/use-waypoint",
    summary: "The waypoint proxy of an ambient Service or Namespace.", example: "waypoint", refused: "my waypoint",
    docs: "ambient/usage/waypoint/",
  }),
  "proxy-cpu": pod({
    on: ["Workload", "Namespace"], value: quantity, writes: "pod annotation sidecar.istio.io/proxyCPU",
    summary: "CPU request of the sidecar. The four proxy-* resources are always written together; Istio's own default fills in for what is not set.", example: "100m", refused: "a lot",
  }),
  "proxy-memory": pod({
    on: ["Workload", "Namespace"], value: quantity, writes: "pod annotation sidecar.istio.io/proxyMemory",
    summary: "Memory request of the sidecar.", example: "128Mi", refused: "128MB",
  }),
  "proxy-cpu-limit": pod({
    on: ["Workload", "Namespace"], value: quantity, writes: "pod annotation sidecar.istio.io/proxyCPULimit",
    summary: "CPU limit of the sidecar.", example: "500m", refused: "none at all",
  }),
  "proxy-memory-limit": pod({
    on: ["Workload", "Namespace"], value: quantity, writes: "pod annotation sidecar.istio.io/proxyMemoryLimit",
    summary: "Memory limit of the sidecar.", example: "512Mi", refused: "512 MB",
  }),
  "hold-application-until-proxy-starts": pod({
    on: ["Workload", "Namespace"], value: boolean, writes: "pod annotation proxy.istio.io/config holdApplicationUntilProxyStarts",
    summary: "The application starts only once its sidecar is ready.", example: "true", refused: "wait",
  }),
  "drain-duration": pod({
    on: ["Workload", "Namespace"], value: duration(), writes: "pod annotation proxy.istio.io/config terminationDrainDuration",
    summary: "How long the sidecar drains connections when its pod stops.", example: "20s", refused: "20",
  }),
  concurrency: pod({
    on: ["Workload", "Namespace"], value: integer(), writes: "pod annotation proxy.istio.io/config concurrency",
    summary: "Worker threads of the sidecar; 0 uses every core.", example: "2", refused: "two",
  }),
  "exclude-outbound-ports": pod({
    value: portList, writes: "pod annotation traffic.sidecar.istio.io/excludeOutboundPorts",
    summary: "Outbound ports that bypass the sidecar.", example: "3306,6379", refused: "mysql",
  }),
  "exclude-inbound-ports": pod({
    value: portList, writes: "pod annotation traffic.sidecar.istio.io/excludeInboundPorts",
    summary: "Inbound ports that bypass the sidecar.", example: "9404", refused: "0",
  }),
  "include-outbound-ip-ranges": pod({
    value: ipRanges, writes: "pod annotation traffic.sidecar.istio.io/includeOutboundIPRanges",
    summary: "The only addresses whose traffic goes through the sidecar.", example: "10.0.0.0/8", refused: "10.0.0.1",
  }),
  "exclude-outbound-ip-ranges": pod({
    value: ipRanges, writes: "pod annotation traffic.sidecar.istio.io/excludeOutboundIPRanges",
    summary: "Addresses whose traffic bypasses the sidecar.", example: "169.254.169.254/32", refused: "metadata",
  }),

  // ---- VirtualService
  timeout: route({
    value: duration(), http: true, port: true, writes: "VirtualService spec.http[].timeout",
    summary: "How long a request may take in all, retries included.", example: "15s", refused: "15",
  }),
  "retry-attempts": retries({
    value: integer(), writes: "VirtualService spec.http[].retries.attempts",
    summary: "Retries after the first try; 0 turns retries off. Istio retries twice where nothing is set.", example: "3", refused: "-1",
  }),
  "retry-per-try-timeout": retries({
    value: duration(), writes: "VirtualService spec.http[].retries.perTryTimeout",
    summary: "How long one try may take.", example: "4s", refused: "4",
  }),
  "retry-on": retries({
    value: retryOn, field: (value) => value.join(","), writes: "VirtualService spec.http[].retries.retryOn",
    summary: "Conditions and status codes under which a request is retried.", example: "connect-failure,refused-stream", refused: "conect-failure",
  }),
  "retry-backoff": retries({
    value: duration(), istio: "1.26", writes: "VirtualService spec.http[].retries.backoff",
    summary: "Base interval between retries; it grows with each.", example: "50ms", refused: "50",
  }),
  "retry-remote-localities": retries({
    value: boolean, writes: "VirtualService spec.http[].retries.retryRemoteLocalities",
    summary: "Retries may go to other localities.", example: "true", refused: "us-east",
  }),
  "retry-ignore-previous-hosts": retries({
    value: boolean, istio: "1.26", writes: "VirtualService spec.http[].retries.retryIgnorePreviousHosts",
    summary: "Retries avoid hosts that were already tried.", example: "false", refused: "no",
  }),
  "retry-unsafe": retries({
    value: boolean, writes: "nothing: acknowledges warning IZ311",
    summary: "Acknowledges retry conditions that run non-idempotent calls again.", example: "true", refused: "ok",
  }),
  subset: route({
    on: ["Workload"], value: dnsLabel, single: true, ownLevel: true, writes: "DestinationRule spec.subsets[].name",
    summary: "Subset name of this workload; without it, its pod label `version`.", example: "canary", refused: "Canary 2",
    docs: `${dr}#Subset`,
  }),
  weights: route({
    on: oneService, value: weights, single: true, excludes: "active", writes: "VirtualService spec.http[].route[].weight",
    summary: "Shares of the traffic in percent, by subset or Service.", example: "stable=90,canary=10", refused: "stable:90",
    docs: `${vs}#HTTPRouteDestination`,
  }),
  active: route({
    on: oneService, value: destination, single: true, excludes: "weights", writes: "VirtualService spec.http[].route[].destination",
    summary: "Blue-green: all traffic goes there, every other subset stays defined.", example: "blue", refused: "blue green",
    docs: `${vs}#Destination`,
  }),
  hosts: route({
    on: oneService, value: hosts, single: true, writes: "VirtualService spec.hosts",
    summary: "Further host names by which the mesh calls this Service.", example: "orders.example.com", refused: "https://orders",
    docs: `${vs}#VirtualService`,
  }),
  "export-to": route({
    value: exportTo, writes: "VirtualService and DestinationRule spec.exportTo",
    summary: "Namespaces whose callers see both objects: `.`, `*` or names.", example: ".", refused: "*,shop",
    docs: `${vs}#VirtualService`,
  }),
  "virtual-service-patch": route({
    on: oneService, value: yamlMapping, single: true, writes: "VirtualService spec",
    summary: "YAML that is merged into the VirtualService's spec last: the escape hatch.", example: "{http: [{name: default, corsPolicy: {allowMethods: [GET]}}]}", refused: "http",
    docs: `${vs}#VirtualService`,
  }),

  // ---- DestinationRule
  "load-balancer": policy({
    port: true, value: enumeration("ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "PASSTHROUGH"), excludes: "consistent-hash", writes: "DestinationRule spec.trafficPolicy.loadBalancer.simple",
    summary: "How callers choose a pod; Istio's default is LEAST_REQUEST.", example: "ROUND_ROBIN", refused: "LEAST_CONN",
    docs: `${dr}#LoadBalancerSettings-SimpleLB`,
  }),
  "consistent-hash": policy({
    port: true, value: consistentHash, excludes: "load-balancer", writes: "DestinationRule spec.trafficPolicy.loadBalancer.consistentHash",
    summary: "Sends equal callers to the same pod: by header, cookie, query parameter or source address.", example: "header:x-user", refused: "user",
    docs: `${dr}#LoadBalancerSettings-ConsistentHashLB`,
  }),
  "consistent-hash-algorithm": policy({
    port: true, value: hashAlgorithm, writes: "DestinationRule spec.trafficPolicy.loadBalancer.consistentHash",
    summary: "The hash behind `consistent-hash`: a ring (its minimum size) or a Maglev table.", example: "maglev:65537", refused: "maglev",
    docs: `${dr}#LoadBalancerSettings-ConsistentHashLB`,
  }),
  "max-connections": tcpPool({
    value: integer({ min: 1 }), writes: "DestinationRule spec.trafficPolicy.connectionPool.tcp.maxConnections",
    summary: "Connections from one caller's proxy to this Service, and on the server's side from all of them.", example: "100", refused: "0",
  }),
  "connect-timeout": tcpPool({
    value: duration(), writes: "DestinationRule spec.trafficPolicy.connectionPool.tcp.connectTimeout",
    summary: "How long connecting may take; Istio's default is 10s.", example: "3s", refused: "3",
  }),
  "tcp-keepalive": tcpPool({
    value: tcpKeepalive, writes: "DestinationRule spec.trafficPolicy.connectionPool.tcp.tcpKeepalive",
    summary: "TCP keep-alive probes.", example: "time=2h,interval=75s,probes=9", refused: "2h",
  }),
  "max-connection-duration": tcpPool({
    value: duration(), writes: "DestinationRule spec.trafficPolicy.connectionPool.tcp.maxConnectionDuration",
    summary: "How long a connection lives at most.", example: "1h", refused: "forever",
  }),
  "tcp-idle-timeout": tcpPool({
    value: duration({ zero: true }), istio: "1.21", writes: "DestinationRule spec.trafficPolicy.connectionPool.tcp.idleTimeout",
    summary: "Closes a TCP connection without traffic; 0s never does. Istio's default is 1h.", example: "30m", refused: "30 minutes",
  }),
  "max-pending-requests": httpPool({
    value: integer({ min: 1 }), writes: "DestinationRule spec.trafficPolicy.connectionPool.http.http1MaxPendingRequests",
    summary: "Requests that may wait for a connection, HTTP/1 and HTTP/2.", example: "100", refused: "many",
  }),
  "max-requests": httpPool({
    value: integer({ min: 1 }), writes: "DestinationRule spec.trafficPolicy.connectionPool.http.http2MaxRequests",
    summary: "Requests at the same time, HTTP/1 and HTTP/2.", example: "1000", refused: "1k",
  }),
  "max-requests-per-connection": httpPool({
    value: integer(), writes: "DestinationRule spec.trafficPolicy.connectionPool.http.maxRequestsPerConnection",
    summary: "Requests on one connection; 1 turns keep-alive off, 0 is unlimited.", example: "50", refused: "-1",
  }),
  "max-retries": httpPool({
    value: integer({ min: 1 }), writes: "DestinationRule spec.trafficPolicy.connectionPool.http.maxRetries",
    summary: "Retries that may run at the same time towards this Service.", example: "10", refused: "3x",
  }),
  "max-concurrent-streams": httpPool({
    value: integer({ min: 1 }), istio: "1.21", writes: "DestinationRule spec.trafficPolicy.connectionPool.http.maxConcurrentStreams",
    summary: "Streams on one HTTP/2 connection.", example: "100", refused: "0",
  }),
  "http-idle-timeout": httpPool({
    value: duration(), writes: "DestinationRule spec.trafficPolicy.connectionPool.http.idleTimeout",
    summary: "Closes an HTTP connection without requests; Istio's default is 1h.", example: "15m", refused: "0s",
  }),
  "h2-upgrade": httpPool({
    value: enumeration("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"), excludes: "use-client-protocol", writes: "DestinationRule spec.trafficPolicy.connectionPool.http.h2UpgradePolicy",
    summary: "Whether HTTP/1 calls become HTTP/2 on the way; the server must speak h2c.", example: "UPGRADE", refused: "ON",
  }),
  "use-client-protocol": httpPool({
    value: boolean, excludes: "h2-upgrade", writes: "DestinationRule spec.trafficPolicy.connectionPool.http.useClientProtocol",
    summary: "Calls the server with the protocol that the client used.", example: "true", refused: "h2",
  }),
  "http2-keepalive": httpPool({
    value: http2Keepalive, istio: "1.31", writes: "DestinationRule spec.trafficPolicy.connectionPool.http.http2KeepAlive",
    summary: "HTTP/2 keep-alive pings; both parts are required.", example: "interval=30s,timeout=10s", refused: "interval=30s",
  }),
  "outlier-consecutive-5xx": outlier({
    value: integer(), writes: "DestinationRule spec.trafficPolicy.outlierDetection.consecutive5xxErrors",
    summary: "5xx responses in a row before a pod is ejected; 0 turns this rule off. Istio's default is 5.", example: "5", refused: "5%",
  }),
  "outlier-consecutive-gateway-errors": outlier({
    value: integer(), writes: "DestinationRule spec.trafficPolicy.outlierDetection.consecutiveGatewayErrors",
    summary: "502, 503 and 504 in a row before a pod is ejected; 0 is off.", example: "3", refused: "three",
  }),
  "outlier-consecutive-local-failures": outlier({
    value: integer({ min: 1 }), writes: "DestinationRule spec.trafficPolicy.outlierDetection.consecutiveLocalOriginFailures",
    summary: "Failed connections in a row before a pod is ejected; needs `outlier-split-local-errors`.", example: "5", refused: "0",
  }),
  "outlier-split-local-errors": outlier({
    value: boolean, writes: "DestinationRule spec.trafficPolicy.outlierDetection.splitExternalLocalOriginErrors",
    summary: "Counts failed connections apart from error responses.", example: "true", refused: "split",
  }),
  "outlier-interval": outlier({
    value: duration(), writes: "DestinationRule spec.trafficPolicy.outlierDetection.interval",
    summary: "Time between two looks for outliers; Istio's default is 10s.", example: "30s", refused: "30",
  }),
  "outlier-base-ejection-time": outlier({
    value: duration(), writes: "DestinationRule spec.trafficPolicy.outlierDetection.baseEjectionTime",
    summary: "How long a pod is ejected, times how often it was. Istio's default is 30s.", example: "30s", refused: "half a minute",
  }),
  "outlier-max-ejection-percent": outlier({
    value: percent({ whole: true }), writes: "DestinationRule spec.trafficPolicy.outlierDetection.maxEjectionPercent",
    summary: "Share of the pods that may be ejected at once; Istio's default of 10% ejects nobody below ten pods.", example: "50%", refused: "50",
  }),
  "outlier-min-health-percent": outlier({
    value: percent({ whole: true }), writes: "DestinationRule spec.trafficPolicy.outlierDetection.minHealthPercent",
    summary: "Ejection stops while fewer pods than this are healthy.", example: "30%", refused: "130%",
  }),
  "outlier-http-codes": outlier({
    value: httpCodes, http: true, istio: "1.31", writes: "DestinationRule spec.trafficPolicy.outlierDetection.outlierDetectionHttpErrorCodes",
    summary: "Status codes that count as errors, instead of 5xx.", example: "500,503", refused: "5xx",
  }),
  tls: tls({
    value: enumeration("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"), writes: "DestinationRule spec.trafficPolicy.tls.mode",
    summary: "TLS towards this Service. Without it Istio uses mutual TLS wherever the pod has a sidecar.", example: "SIMPLE", refused: "STRICT",
    docs: `${dr}#ClientTLSSettings-TLSmode`,
  }),
  "tls-client-certificate": tls({
    value: path, writes: "DestinationRule spec.trafficPolicy.tls.clientCertificate",
    summary: "Client certificate in the caller's proxy, for MUTUAL.", example: "/etc/certs/client.pem", refused: "client.pem",
  }),
  "tls-private-key": tls({
    value: path, writes: "DestinationRule spec.trafficPolicy.tls.privateKey",
    summary: "Key of the client certificate.", example: "/etc/certs/key.pem", refused: "key.pem",
  }),
  "tls-ca-certificates": tls({
    value: path, writes: "DestinationRule spec.trafficPolicy.tls.caCertificates",
    summary: "CA that the server's certificate must come from; `system` is the bundle of the operating system.", example: "system", refused: "ca.pem",
  }),
  "tls-credential-name": tls({
    value: text({ expects: "the name of a Secret, or configmap://name", pattern: /^(configmap:\/\/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/ }), writes: "DestinationRule spec.trafficPolicy.tls.credentialName",
    summary: "Secret with the certificates, instead of files.", example: "orders-client", refused: "Orders Client",
  }),
  "tls-subject-alt-names": tls({
    value: subjectAltNames, writes: "DestinationRule spec.trafficPolicy.tls.subjectAltNames",
    summary: "Names of which the server's certificate must carry one.", example: "orders.example.com", refused: "a b",
  }),
  "tls-sni": tls({
    value: text({ expects: "a host name", pattern: /^[A-Za-z0-9_]([-A-Za-z0-9._]*[A-Za-z0-9])?$/ }), writes: "DestinationRule spec.trafficPolicy.tls.sni",
    summary: "Server name in the TLS handshake.", example: "orders.example.com", refused: "https://orders",
  }),
  "tls-insecure-skip-verify": tls({
    value: boolean, writes: "DestinationRule spec.trafficPolicy.tls.insecureSkipVerify",
    summary: "Accepts any certificate of the server.", example: "true", refused: "never",
  }),
  "destination-rule-patch": policy({
    on: oneService, value: yamlMapping, single: true, writes: "DestinationRule spec",
    summary: "YAML that is merged into the DestinationRule's spec last: the escape hatch.", example: "{trafficPolicy: {loadBalancer: {warmup: {duration: 60s}}}}", refused: "warmup",
    docs: `${dr}#DestinationRule`,
  }),

  // ---- security
  mtls: row<"STRICT" | "PERMISSIVE" | "DISABLE">({ on: anywhere, family: "PeerAuthentication", docs: "reference/config/security/peer_authentication/#PeerAuthentication-MutualTLS-Mode" })({
    value: enumeration("STRICT", "PERMISSIVE", "DISABLE"), ownLevel: true, port: true, writes: "PeerAuthentication spec.mtls.mode, or spec.portLevelMtls behind a port",
    summary: "What the pods accept: mutual TLS only, both, or plain text only.", example: "STRICT", refused: "strict",
  }),
} satisfies { readonly [name: string]: Row };

export type SettingName = keyof typeof table;
export type ValueOf<N extends SettingName> = (typeof table)[N] extends Row<infer T> ? T : never;

/** The rows by name, for code that walks them all. */
export const rows = table as { readonly [N in SettingName]: Row };
export const settingNames = Object.keys(table) as readonly SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(table, name);
}

/** `retry-attempts` → `retryAttempts`: the name of a setting in the ServiceMesh. */
export function toFieldName(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** A value that is made when it is first asked for: small runs never ask for most of them. */
function onUse<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

export const settingByField: () => ReadonlyMap<string, SettingName> = onUse(() => new Map(settingNames.map((name) => [toFieldName(name), name])));

/** Istio's own field names, as did-you-mean for people who know those. */
export const settingByIstioField: () => ReadonlyMap<string, SettingName> = onUse(() => new Map(
  settingNames.flatMap((name): [string, SettingName][] => {
    const field = /^(?:VirtualService|DestinationRule) .*\.([A-Za-z0-9]+)$/.exec(rows[name].writes)?.[1];
    return field !== undefined && !["spec", "weight", "destination", "consistentHash", "exportTo", "hosts", "name"].includes(field) ? [[field, name]] : [];
  }),
));
