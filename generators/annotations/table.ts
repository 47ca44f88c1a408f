import {
  boolean, dnsLabel, duration, enumeration, integer, listOf, percent, quantity, text, yamlMapping, type ValueType,
} from "./values.ts";
import { conditions } from "./conditions.ts";
import { labels, locality, proxyProtocol, retryBudget, tunnel, warmup } from "./policy-values.ts";
import {
  corsHeaders, corsMaxAge, corsMethods, corsOrigins, directResponse, expose, faultAbort, faultDelay, gatewayHosts, gatewayNames, gatewayPort, httpRoutes, mirrors, order, paths,
  redirect, removedHeaders, requestHeaders, responseHeaders, rewrite, routeTo, tcpRoutes, tlsRoutes,
} from "./route-values.ts";
import {
  consistentHash, destination, exportTo, hashAlgorithm, hosts, http2Keepalive, httpCodes, ipRanges, names, portList,
  retryOn, subjectAltNames, tcpKeepalive, weights,
} from "./traffic-values.ts";

/** The kinds of object that an annotation may stand on. `Workload`: Deployment, StatefulSet, DaemonSet, Rollout. */
export type Carrier = "Service" | "Workload" | "Namespace";

/** What reads a setting. */
export type Family = "selection" | "VirtualService" | "DestinationRule" | "PeerAuthentication" | "injection" | "pod";

/** What a prefix before a key narrows it to, on a Service: one port, one subset, one gateway, one more rule. */
export const scopes = ["port", "subset", "gateway", "route"] as const;
export type Scope = (typeof scopes)[number];
/** What people write between a scope and the key. */
export const scopeNames: { readonly [S in Scope]: string } = { port: "<name or number>", subset: "<name>", gateway: "<alias>", route: "<name>" };

/** What a value asks for that its row does not: a part that came with a later Istio. */
export interface Newer {
  readonly field: string;
  /** First Istio that has it; not `since`, which the bundle leaves out of the rows. */
  readonly istio: string;
}

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
  /** The scopes that it may stand behind; on a Service only. */
  readonly behind?: readonly Scope[];
  /** For what comes through a gateway: `gateway` never for callers in the mesh, `bound` for those only while no gateway is bound. */
  readonly edge?: "gateway" | "bound";
  /** The settings that it excludes. */
  readonly excludes?: readonly string[];
  /** First Istio that has the field, where that is newer than the oldest one we write for. */
  readonly istio?: string;
  /** What Istio does where nothing writes the field. */
  readonly istioDefault?: string;
  /** What it may do to traffic that its writer did not expect. */
  readonly risk?: string;
  /** A part of this value that needs a still newer Istio. */
  newer?(value: T): Newer | undefined;
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
/** What a VirtualService says as a whole, or of its default rule. */
const route = <T>(own: RowOf<T>): Row<T> => row<T>({ on: anywhere, family: "VirtualService", docs: `${vs}#HTTPRoute` })({ behind: ["gateway"], ...own });
/** What each rule of a VirtualService says for itself. */
const rule = <T>(own: RowOf<T>): Row<T> => route<T>({ http: true, behind: ["gateway", "route"], since: "0.6.0", ...own });
const retries = <T>(own: RowOf<T>): Row<T> => rule<T>({ behind: ["port", "gateway", "route"], docs: `${vs}#HTTPRetry`, since: "0.3.0", ...own });
const cors = <T>(own: RowOf<T>): Row<T> => rule<T>({ docs: `${vs}#CorsPolicy`, ...own });
const headers = <T>(own: RowOf<T>): Row<T> => rule<T>({ docs: `${vs}#Headers-HeaderOperations`, ...own });
const fault = <T>(own: RowOf<T>): Row<T> => rule<T>({ docs: `${vs}#HTTPFaultInjection`, ...own });
/** What names something of one Service. */
const single = <T>(own: RowOf<T>): Row<T> => route<T>({ on: oneService, single: true, since: "0.6.0", ...own });
const gateway = <T>(own: RowOf<T>): Row<T> => single<T>({ edge: "gateway", ...own });
const policy = <T>(own: RowOf<T>): Row<T> => row<T>({ on: anywhere, family: "DestinationRule", docs: `${dr}#TrafficPolicy` })({ behind: ["subset"], ...own });
/** Istio takes these four blocks per port too. */
const block = <T>(own: RowOf<T>): Row<T> => policy<T>({ behind: ["port", "subset"], ...own });
const tcpPool = <T>(own: RowOf<T>): Row<T> => block<T>({ docs: `${dr}#ConnectionPoolSettings-TCPSettings`, ...own });
const httpPool = <T>(own: RowOf<T>): Row<T> => block<T>({ http: true, docs: `${dr}#ConnectionPoolSettings-HTTPSettings`, ...own });
const outlier = <T>(own: RowOf<T>): Row<T> => block<T>({ docs: `${dr}#OutlierDetection`, ...own });
const tls = <T>(own: RowOf<T>): Row<T> => block<T>({ docs: `${dr}#ClientTLSSettings`, ...own });

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
    istioDefault: "pods are injected where their Namespace or they themselves are labelled for it", risk: "A pod gets its sidecar when it is made anew: a change here restarts nothing by itself.",
  }),
  revision: injection({
    value: dnsLabel, writes: "label istio.io/rev",
    summary: "Injection by an Istio revision or tag, instead of `istio-injection`.", example: "stable", refused: "Stable Release",
    docs: "setup/upgrade/canary/",
    istioDefault: "the default revision or tag injects", risk: "Pods keep the revision that they started with until they are made anew.",
  }),
  "dataplane-mode": injection({
    value: enumeration("sidecar", "ambient", "none"), writes: "label istio.io/dataplane-mode",
    summary: "Data plane of a Namespace or of one workload's pods.", example: "ambient", refused: "proxyless",
    docs: "ambient/usage/add-workloads/",
    istioDefault: "sidecars, where pods are injected", risk: "A pod that is in both data planes is served by its sidecar.",
  }),
  waypoint: injection({
    on: ["Service", "Namespace"], value: dnsLabel, writes: "label istio.io/use-waypoint",
    summary: "The waypoint proxy of an ambient Service or Namespace.", example: "waypoint", refused: "my waypoint",
    docs: "ambient/usage/waypoint/",
    istioDefault: "no waypoint: ambient mode handles connections and knows no HTTP", risk: "Without the waypoint behind this name HTTP rules and policies do nothing.",
  }),
  "proxy-cpu": pod({
    on: ["Workload", "Namespace"], value: quantity, writes: "pod annotation sidecar.istio.io/proxyCPU",
    summary: "CPU request of the sidecar. The four proxy-* resources are always written together; Istio's own default fills in for what is not set.", example: "100m", refused: "a lot",
    istioDefault: "100m, from Istio's installation", risk: "Changes the pod template, so that pods are made anew.",
  }),
  "proxy-memory": pod({
    on: ["Workload", "Namespace"], value: quantity, writes: "pod annotation sidecar.istio.io/proxyMemory",
    summary: "Memory request of the sidecar.", example: "128Mi", refused: "128MB",
    istioDefault: "128Mi, from Istio's installation", risk: "Changes the pod template, so that pods are made anew; too little and the sidecar is killed with all connections.",
  }),
  "proxy-cpu-limit": pod({
    on: ["Workload", "Namespace"], value: quantity, writes: "pod annotation sidecar.istio.io/proxyCPULimit",
    summary: "CPU limit of the sidecar.", example: "500m", refused: "none at all",
    istioDefault: "2000m, from Istio's installation", risk: "Changes the pod template, so that pods are made anew; a sidecar at its limit adds latency to every call.",
  }),
  "proxy-memory-limit": pod({
    on: ["Workload", "Namespace"], value: quantity, writes: "pod annotation sidecar.istio.io/proxyMemoryLimit",
    summary: "Memory limit of the sidecar.", example: "512Mi", refused: "512 MB",
    istioDefault: "1024Mi, from Istio's installation", risk: "Changes the pod template, so that pods are made anew; a sidecar at its limit is killed with all connections.",
  }),
  "hold-application-until-proxy-starts": pod({
    on: ["Workload", "Namespace"], value: boolean, writes: "pod annotation proxy.istio.io/config holdApplicationUntilProxyStarts",
    summary: "The application starts only once its sidecar is ready.", example: "true", refused: "wait",
    istioDefault: "false; with native sidecars the proxy starts first anyway", risk: "Changes the pod template, so that pods are made anew; a sidecar that gets no configuration holds the application back for good.",
  }),
  "drain-duration": pod({
    on: ["Workload", "Namespace"], value: duration(), writes: "pod annotation proxy.istio.io/config terminationDrainDuration",
    summary: "How long the sidecar drains connections when its pod stops.", example: "20s", refused: "20",
    istioDefault: "5s", risk: "Changes the pod template, so that pods are made anew; `terminationGracePeriodSeconds` must leave room for it.",
  }),
  concurrency: pod({
    on: ["Workload", "Namespace"], value: integer(), writes: "pod annotation proxy.istio.io/config concurrency",
    summary: "Worker threads of the sidecar; 0 uses every core.", example: "2", refused: "two",
    istioDefault: "as many as the sidecar's CPU limit has cores", risk: "Changes the pod template, so that pods are made anew.",
  }),
  "exclude-outbound-ports": pod({
    value: portList, writes: "pod annotation traffic.sidecar.istio.io/excludeOutboundPorts",
    summary: "Outbound ports that bypass the sidecar.", example: "3306,6379", refused: "mysql",
    istioDefault: "all outbound TCP goes through the sidecar", risk: "Calls to these ports have no mutual TLS, no routes and no metrics.",
  }),
  "exclude-inbound-ports": pod({
    value: portList, writes: "pod annotation traffic.sidecar.istio.io/excludeInboundPorts",
    summary: "Inbound ports that bypass the sidecar.", example: "9404", refused: "0",
    istioDefault: "all inbound TCP goes through the sidecar", risk: "Anybody may call these ports in plain text, whatever mTLS mode or policy holds.",
  }),
  "include-outbound-ip-ranges": pod({
    value: ipRanges, writes: "pod annotation traffic.sidecar.istio.io/includeOutboundIPRanges",
    summary: "The only addresses whose traffic goes through the sidecar.", example: "10.0.0.0/8", refused: "10.0.0.1",
    istioDefault: "all addresses", risk: "Calls to any other address have no mutual TLS, no routes and no metrics.",
  }),
  "exclude-outbound-ip-ranges": pod({
    value: ipRanges, writes: "pod annotation traffic.sidecar.istio.io/excludeOutboundIPRanges",
    summary: "Addresses whose traffic bypasses the sidecar.", example: "169.254.169.254/32", refused: "metadata",
    istioDefault: "no address is left out", risk: "Calls to these addresses have no mutual TLS, no routes and no metrics.",
  }),

  // ---- VirtualService
  timeout: rule({
    value: duration(), behind: ["port", "gateway", "route"], since: "0.3.0", writes: "VirtualService spec.http[].timeout",
    summary: "How long a request may take in all, retries included.", example: "15s", refused: "15",
    istioDefault: "no timeout", risk: "It covers the whole answer: streams, server-sent events and long polls end with it.",
  }),
  "retry-attempts": retries({
    value: integer(), writes: "VirtualService spec.http[].retries.attempts",
    summary: "Retries after the first try; 0 turns retries off. Istio retries twice where nothing is set.", example: "3", refused: "-1",
    istioDefault: "2 retries, for requests that failed before the server took them", risk: "Retries multiply along a chain of calls: two hops with 3 retries each are up to 16 calls.",
  }),
  "retry-per-try-timeout": retries({
    value: duration(), writes: "VirtualService spec.http[].retries.perTryTimeout",
    summary: "How long one try may take.", example: "4s", refused: "4",
    istioDefault: "the timeout of the request", risk: "(1 + attempts) × this beyond `timeout` leaves no time for the last tries.",
  }),
  "retry-on": retries({
    value: retryOn, field: (value) => value.join(","), writes: "VirtualService spec.http[].retries.retryOn",
    summary: "Conditions and status codes under which a request is retried.", example: "connect-failure,refused-stream", refused: "conect-failure",
    istioDefault: "connect-failure,refused-stream,unavailable,cancelled and the status codes in it", risk: "5xx, reset, gateway-error and status codes run a POST again that the server may have carried out.",
  }),
  "retry-backoff": retries({
    value: duration(), istio: "1.26", writes: "VirtualService spec.http[].retries.backoff",
    summary: "Base interval between retries; it grows with each.", example: "50ms", refused: "50",
    istioDefault: "25ms",
  }),
  "retry-remote-localities": retries({
    value: boolean, writes: "VirtualService spec.http[].retries.retryRemoteLocalities",
    summary: "Retries may go to other localities.", example: "true", refused: "us-east",
    istioDefault: "false", risk: "Retries may leave the zone or region, with its latency and its cost.",
  }),
  "retry-ignore-previous-hosts": retries({
    value: boolean, istio: "1.26", writes: "VirtualService spec.http[].retries.retryIgnorePreviousHosts",
    summary: "Retries avoid hosts that were already tried.", example: "false", refused: "no",
    istioDefault: "true, but false behind a consistent hash", risk: "Set to false, a retry may go to the pod that has just failed.",
  }),
  "retry-unsafe": retries({
    value: boolean, writes: "nothing: acknowledges warning IZ311",
    summary: "Acknowledges retry conditions that run non-idempotent calls again.", example: "true", refused: "ok",
  }),
  subset: route({
    on: ["Workload"], value: dnsLabel, single: true, ownLevel: true, behind: [], writes: "DestinationRule spec.subsets[].name",
    summary: "Subset name of this workload; without it, its pod label `version`.", example: "canary", refused: "Canary 2",
    docs: `${dr}#Subset`,
    istioDefault: "the pods of a Service are one set",
  }),
  weights: route({
    on: oneService, value: weights, single: true, excludes: ["active"], writes: "VirtualService spec.http[].route[].weight",
    summary: "Shares of the traffic in percent, by subset or Service.", example: "stable=90,canary=10", refused: "stable:90",
    docs: `${vs}#HTTPRouteDestination`,
    istioDefault: "all traffic goes to the Service, over all of its pods alike", risk: "Weights hold for callers with a sidecar and behind a gateway; others are spread over all pods.",
  }),
  active: route({
    on: oneService, value: destination, single: true, excludes: ["weights"], writes: "VirtualService spec.http[].route[].destination",
    summary: "Blue-green: all traffic goes there, every other subset stays defined.", example: "blue", refused: "blue green",
    docs: `${vs}#Destination`,
    istioDefault: "all traffic goes to the Service, over all of its pods alike", risk: "The switch is at once and for all callers; connections that are open finish where they are.",
  }),
  "match.<dest>": rule({
    on: oneService, value: conditions, single: true, behind: ["gateway"], writes: "VirtualService spec.http[].match",
    summary: "Requests that go wholly to that subset or Service, before `weights`.", example: "header:x-canary=true || cookie:beta=true", refused: "x-canary: true",
    docs: `${vs}#HTTPMatchRequest`,
    istioDefault: "no request is told from another", risk: "What a caller sends decides: anybody who knows the header or cookie gets there.",
  }),
  mirror: single({
    value: mirrors, http: true, behind: ["gateway", "route"], writes: "VirtualService spec.http[].mirrors",
    summary: "Sends a copy of the requests there too and ignores the answers; without a percentage, of all of them.", example: "canary@5%", refused: "canary 5%",
    docs: `${vs}#HTTPMirrorPolicy`,
    istioDefault: "nothing is mirrored", risk: "Copies of writes are carried out too, wherever they go.",
  }),
  "fault-delay": fault({
    value: faultDelay, writes: "VirtualService spec.http[].fault.delay",
    summary: "Delays a share of the requests.", example: "5s@10%", refused: "5s",
    istioDefault: "no faults", risk: "Callers wait for real; timeouts and retries of the same rule do not apply to it.",
  }),
  "fault-abort": fault({
    value: faultAbort, writes: "VirtualService spec.http[].fault.abort",
    summary: "Answers a share of the requests with an error status.", example: "503@5%", refused: "503",
    istioDefault: "no faults", risk: "Callers get real errors; timeouts and retries of the same rule do not apply to them.",
  }),
  "fault-match": fault({
    on: oneService, single: true, value: conditions, behind: ["gateway"], writes: "VirtualService spec.http[].match",
    summary: "Limits the fault to such requests: one more rule, the first of all.", example: "header:x-chaos=true", refused: "chaos",
    istioDefault: "a fault is for every request of its rule",
  }),
  "cors-allow-origins": cors({
    value: corsOrigins, writes: "VirtualService spec.http[].corsPolicy.allowOrigins",
    summary: "Origins that browsers may call from.", example: "https://shop.example.com,prefix:https://preview-", refused: "shop.example.com",
    istioDefault: "no CORS headers: browsers refuse calls of other sites", risk: "A prefix or regex that is too wide lets foreign sites in; with credentials they act as the user.",
  }),
  "cors-allow-methods": cors({
    value: corsMethods, writes: "VirtualService spec.http[].corsPolicy.allowMethods",
    summary: "Methods that browsers may use from there.", example: "GET,POST", refused: "get",
    istioDefault: "no method is announced",
  }),
  "cors-allow-headers": cors({
    value: corsHeaders, writes: "VirtualService spec.http[].corsPolicy.allowHeaders",
    summary: "Request headers that browsers may send from there.", example: "authorization,content-type", refused: "content type",
    istioDefault: "no header is announced",
  }),
  "cors-expose-headers": cors({
    value: corsHeaders, writes: "VirtualService spec.http[].corsPolicy.exposeHeaders",
    summary: "Response headers that a page from there may read.", example: "x-request-id", refused: "x request id",
    istioDefault: "pages read only the headers that browsers always show",
  }),
  "cors-max-age": cors({
    value: corsMaxAge, writes: "VirtualService spec.http[].corsPolicy.maxAge",
    summary: "How long browsers remember the answer to a preflight, in whole seconds.", example: "24h", refused: "1.5s",
    istioDefault: "browsers keep their own short time", risk: "A mistake is remembered by browsers for as long.",
  }),
  "cors-allow-credentials": cors({
    value: boolean, writes: "VirtualService spec.http[].corsPolicy.allowCredentials",
    summary: "Browsers may send cookies and other credentials from there.", example: "true", refused: "yes",
    istioDefault: "false", risk: "Pages of the origins act as the user who is logged in.",
  }),
  "request-headers-set": headers({
    value: requestHeaders, writes: "VirtualService spec.http[].headers.request.set",
    summary: "Headers that each request gets, in place of what it has.", example: "x-env=prod", refused: "x-env",
    istioDefault: "headers pass as they are", risk: "Replaces what a caller sends, and applications may trust it.",
  }),
  "request-headers-add": headers({
    value: requestHeaders, writes: "VirtualService spec.http[].headers.request.add",
    summary: "Headers that each request gets beside what it has.", example: "x-via=mesh", refused: "x-via",
    istioDefault: "headers pass as they are",
  }),
  "request-headers-remove": headers({
    value: removedHeaders, writes: "VirtualService spec.http[].headers.request.remove",
    summary: "Headers that are taken off each request.", example: "x-debug", refused: "host",
    istioDefault: "headers pass as they are",
  }),
  "response-headers-set": headers({
    value: responseHeaders, writes: "VirtualService spec.http[].headers.response.set",
    summary: "Headers that each response gets, in place of what it has.", example: "{cache-control: \"no-cache, no-store\"}", refused: ":status=200",
    istioDefault: "headers pass as they are",
  }),
  "response-headers-add": headers({
    value: responseHeaders, writes: "VirtualService spec.http[].headers.response.add",
    summary: "Headers that each response gets beside what it has.", example: "x-served-by=mesh", refused: "x-served-by",
    istioDefault: "headers pass as they are",
  }),
  "response-headers-remove": headers({
    value: removedHeaders, writes: "VirtualService spec.http[].headers.response.remove",
    summary: "Headers that are taken off each response.", example: "server", refused: ":status",
    istioDefault: "headers pass as they are",
  }),
  rewrite: single({
    value: rewrite, http: true, behind: ["gateway", "route"], edge: "bound", excludes: ["redirect", "direct-response"], writes: "VirtualService spec.http[].rewrite",
    summary: "Path that the Service gets in place of the one that matched; both halves of a `path` are rewritten alike.", example: "/v1", refused: "v1",
    docs: `${vs}#HTTPRewrite`,
    istioDefault: "paths pass as they are", risk: "Links and redirects that the application makes still have its own paths.",
  }),
  redirect: single({
    value: redirect, http: true, behind: ["gateway", "route"], edge: "bound", excludes: ["rewrite", "direct-response"], writes: "VirtualService spec.http[].redirect",
    summary: "Sends callers elsewhere; 301 where no code stands before it.", example: "308:https://shop.example.com/start", refused: "shop.example.com",
    docs: `${vs}#HTTPRedirect`,
    istioDefault: "nothing is redirected", risk: "Browsers remember 301 and 308, also after it is taken out.",
  }),
  "direct-response": single({
    value: directResponse, http: true, behind: ["gateway", "route"], edge: "bound", excludes: ["rewrite", "redirect"], writes: "VirtualService spec.http[].directResponse",
    summary: "Answers in the proxy, without calling the Service.", example: "503:closed for today", refused: "closed",
    docs: `${vs}#HTTPDirectResponse`,
    istioDefault: "the Service answers", risk: "The Service gets none of these requests.",
  }),
  gateways: gateway({
    value: gatewayNames, behind: [], writes: "VirtualService spec.gateways",
    summary: "The gateways through which the Service is reached, by alias of `spec.gateways` or as namespace/name: one more VirtualService each.", example: "public", refused: "mesh",
    docs: `${vs}#VirtualService`,
    istioDefault: "no gateway leads to the Service", risk: "The Service can be called from outside of the mesh.",
  }),
  expose: gateway({
    value: expose, behind: [], writes: "VirtualService spec.gateways, VirtualService spec.hosts",
    summary: "Short for a gateway, its host and its path.", example: "public=shop.example.com/api", refused: "shop.example.com",
    docs: `${vs}#VirtualService`,
    istioDefault: "no gateway leads to the Service", risk: "The Service can be called from outside of the mesh.",
  }),
  "gateway-hosts": gateway({
    value: gatewayHosts, writes: "VirtualService spec.hosts",
    summary: "Public hosts of this Service, within those of the gateway; without it, all of them. `gateway.<alias>.hosts` for one gateway.", example: "shop.example.com", refused: "https://shop.example.com",
    docs: `${vs}#VirtualService`,
    istioDefault: "the hosts of the VirtualService",
  }),
  "gateway-port": gateway({
    value: gatewayPort, writes: "VirtualService spec.http[].route[].destination.port",
    summary: "The Service port behind the gateway, by name or number. `gateway.<alias>.port` for one gateway.", example: "http", refused: "70000",
    docs: `${vs}#Destination`,
    istioDefault: "the gateway's own port, which most Services do not have", risk: "Everything that comes through the gateway goes to this one port.",
  }),
  path: gateway({
    value: paths, http: true, writes: "VirtualService spec.http[].match[].uri",
    summary: "Paths that the gateway takes for this Service; `/api` is that path and everything below it.", example: "/api", refused: "api",
    docs: `${vs}#HTTPMatchRequest`,
    istioDefault: "every path", risk: "What matches no path of any Service gets 404.",
  }),
  match: single({
    value: conditions, http: true, behind: ["gateway", "route"], edge: "bound", writes: "VirtualService spec.http[].match",
    summary: "Requests that the rules are for; behind a gateway together with `path`.", example: "header:x-region=us-east", refused: "x-region",
    docs: `${vs}#HTTPMatchRequest`,
    istioDefault: "every request", risk: "What matches no rule gets 404, unless `default-route` is there.",
  }),
  "default-route": gateway({
    value: boolean, http: true, writes: "VirtualService spec.http[]",
    summary: "Adds the default rule once more without a match: what no other rule of the host takes.", example: "true", refused: "yes",
    istioDefault: "what matches no rule gets 404", risk: "Only one Service of a host may take the rest.",
  }),
  routes: single({
    value: httpRoutes, http: true, writes: "VirtualService spec.http[]",
    summary: "Rules in Istio's own fields, before the generated ones; `to: canary` or `to: v2=20,v1=80` for destinations of this Service. `route.<name>.*` says the same in keys that overlays can patch.", example: "[{match: [{uri: {prefix: /v2/}}], to: v2}]", refused: "to: v2",
    istioDefault: "one rule that leads to the Service", risk: "These rules come first, so that they can take what `weights` and `match.<dest>` are for.",
  }),
  "tcp-routes": single({
    value: tcpRoutes, writes: "VirtualService spec.tcp[]",
    summary: "TCP rules in Istio's own fields, before the generated ones.", example: "[{match: [{port: 5432, sourceLabels: {app: reports}}], to: replica}]", refused: "replica",
    docs: `${vs}#TCPRoute`,
    istioDefault: "connections go to the Service on the port that was called",
  }),
  "tls-routes": single({
    value: tlsRoutes, writes: "VirtualService spec.tls[]",
    summary: "TLS rules in Istio's own fields, before the generated ones.", example: "[{match: [{port: 443, sniHosts: [db.example.com]}], to: v2}]", refused: "v2",
    docs: `${vs}#TLSRoute`,
    istioDefault: "connections go to the Service on the port that was called", risk: "They match the server name that the caller sends, and nothing where it sends none.",
  }),
  to: single({
    on: [], value: routeTo, behind: ["route"], writes: "VirtualService spec.http[].route",
    summary: "Where the requests of this rule go: a subset or Service, or several with weights; without it, to the Service.", example: "canary", refused: "stable=90;canary=10",
    docs: `${vs}#HTTPRouteDestination`,
    istioDefault: "the destination of the rule",
  }),
  order: single({
    on: [], value: order, behind: ["route"], writes: "nothing: the order of the rules",
    summary: "Place of this rule among the further ones: lower first, 0 where nothing is set, then by name.", example: "-10", refused: "first",
  }),
  hosts: route({
    on: oneService, value: hosts, single: true, writes: "VirtualService spec.hosts", // behind `gateway.mesh.` too; behind another alias it means `gateway-hosts`
    summary: "Further host names by which the mesh calls this Service.", example: "orders.example.com", refused: "https://orders",
    docs: `${vs}#VirtualService`,
    istioDefault: "only the names of the Service", risk: "A name of another Service or site is captured for every caller who sees this VirtualService.",
  }),
  "export-to": route({
    value: exportTo, writes: "VirtualService and DestinationRule spec.exportTo",
    summary: "Namespaces whose callers see both objects: `.`, `*` or names.", example: ".", refused: "*,shop",
    docs: `${vs}#VirtualService`,
    istioDefault: "`*`: every namespace, unless the mesh says otherwise", risk: "Callers elsewhere lose routes and policies, and get 503 where one side of the two is hidden from them.",
  }),
  "virtual-service-patch": route({
    on: oneService, value: yamlMapping, single: true, writes: "VirtualService spec",
    summary: "YAML that is merged into the VirtualService's spec last: the escape hatch.", example: "{http: [{name: default, corsPolicy: {allowMethods: [GET]}}]}", refused: "http",
    docs: `${vs}#VirtualService`,
    istioDefault: "nothing is merged", risk: "It can write what the checks of annotations would refuse; the checks of objects still look at it.",
  }),

  // ---- DestinationRule
  "load-balancer": policy({
    behind: ["port", "subset"], value: enumeration("ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "PASSTHROUGH"), excludes: ["consistent-hash"], writes: "DestinationRule spec.trafficPolicy.loadBalancer.simple",
    summary: "How callers choose a pod; Istio's default is LEAST_REQUEST.", example: "ROUND_ROBIN", refused: "LEAST_CONN",
    docs: `${dr}#LoadBalancerSettings-SimpleLB`,
    istioDefault: "LEAST_REQUEST", risk: "PASSTHROUGH sends calls to the address that the caller asked for: subsets and ejection are off.",
  }),
  "consistent-hash": policy({
    behind: ["port", "subset"], value: consistentHash, excludes: ["load-balancer"], writes: "DestinationRule spec.trafficPolicy.loadBalancer.consistentHash",
    summary: "Sends equal callers to the same pod: by header, cookie, query parameter or source address.", example: "header:x-user", refused: "user",
    docs: `${dr}#LoadBalancerSettings-ConsistentHashLB`,
    istioDefault: "no stickiness", risk: "The pod of a caller changes when pods come and go; inside a split it holds within each subset only.",
  }),
  "consistent-hash-algorithm": policy({
    behind: ["port", "subset"], value: hashAlgorithm, writes: "DestinationRule spec.trafficPolicy.loadBalancer.consistentHash",
    summary: "The hash behind `consistent-hash`: a ring (its minimum size) or a Maglev table.", example: "maglev:65537", refused: "maglev",
    docs: `${dr}#LoadBalancerSettings-ConsistentHashLB`,
    istioDefault: "a ring of 1024",
  }),
  warmup: policy({
    behind: ["port", "subset"], value: warmup, istio: "1.24", since: "0.6.0", writes: "DestinationRule spec.trafficPolicy.loadBalancer.warmup",
    summary: "New pods get their share of the traffic over this time; `min` percent at first, `aggression` above 1 makes it faster.", example: "60s;min=10;aggression=1", refused: "60",
    docs: `${dr}#WarmupConfiguration`,
    istioDefault: "new pods get their full share at once", risk: "Only with ROUND_ROBIN or LEAST_REQUEST; the other pods carry more for that time.",
  }),
  locality: policy({
    behind: ["port", "subset"], value: locality, since: "0.6.0", writes: "DestinationRule spec.trafficPolicy.loadBalancer.localityLbSetting",
    summary: "Which regions and zones traffic prefers, and where it goes when they fail.", example: "failover:us-east=us-west", refused: "us-east",
    docs: `${dr}#LocalityLoadBalancerSetting`,
    istioDefault: "the caller's zone first, as soon as outlier detection is on", risk: "A small zone can be overloaded by its own callers; failover needs outlier detection.",
  }),
  "max-connections": tcpPool({
    value: integer({ min: 1 }), writes: "DestinationRule spec.trafficPolicy.connectionPool.tcp.maxConnections",
    summary: "Connections from one caller's proxy to this Service, and on the server's side from all of them.", example: "100", refused: "0",
    istioDefault: "no limit (4294967295)", risk: "What finds no connection waits, and gets 503 beyond `max-pending-requests`; the server's own sidecar holds all callers to it together.",
  }),
  "connect-timeout": tcpPool({
    value: duration(), writes: "DestinationRule spec.trafficPolicy.connectionPool.tcp.connectTimeout",
    summary: "How long connecting may take; Istio's default is 10s.", example: "3s", refused: "3",
    istioDefault: "10s, unless the mesh says otherwise",
  }),
  "tcp-keepalive": tcpPool({
    value: tcpKeepalive, writes: "DestinationRule spec.trafficPolicy.connectionPool.tcp.tcpKeepalive",
    summary: "TCP keep-alive probes.", example: "time=2h,interval=75s,probes=9", refused: "2h",
    istioDefault: "that of the operating system",
  }),
  "max-connection-duration": tcpPool({
    value: duration(), writes: "DestinationRule spec.trafficPolicy.connectionPool.tcp.maxConnectionDuration",
    summary: "How long a connection lives at most.", example: "1h", refused: "forever",
    istioDefault: "no limit", risk: "A request that is under way is cut off with the connection, a TCP stream always.",
  }),
  "tcp-idle-timeout": tcpPool({
    value: duration({ zero: true }), istio: "1.21", writes: "DestinationRule spec.trafficPolicy.connectionPool.tcp.idleTimeout",
    summary: "Closes a TCP connection without traffic; 0s never does. Istio's default is 1h.", example: "30m", refused: "30 minutes",
    istioDefault: "1h", risk: "Shorter than the application's own pause, it cuts connections that are in use, such as those of a pool.",
  }),
  "max-pending-requests": httpPool({
    value: integer({ min: 1 }), writes: "DestinationRule spec.trafficPolicy.connectionPool.http.http1MaxPendingRequests",
    summary: "Requests that may wait for a connection, HTTP/1 and HTTP/2.", example: "100", refused: "many",
    istioDefault: "no limit (4294967295)", risk: "Requests beyond it get 503 at once.",
  }),
  "max-requests": httpPool({
    value: integer({ min: 1 }), writes: "DestinationRule spec.trafficPolicy.connectionPool.http.http2MaxRequests",
    summary: "Requests at the same time, HTTP/1 and HTTP/2.", example: "1000", refused: "1k",
    istioDefault: "no limit (4294967295)", risk: "Requests beyond it get 503 at once; the server's own sidecar holds all callers to it together.",
  }),
  "max-requests-per-connection": httpPool({
    value: integer(), writes: "DestinationRule spec.trafficPolicy.connectionPool.http.maxRequestsPerConnection",
    summary: "Requests on one connection; 1 turns keep-alive off, 0 is unlimited.", example: "50", refused: "-1",
    istioDefault: "0: no limit", risk: "1 makes a new connection for each call.",
  }),
  "max-retries": httpPool({
    value: integer({ min: 1 }), excludes: ["retry-budget"], writes: "DestinationRule spec.trafficPolicy.connectionPool.http.maxRetries",
    summary: "Retries that may run at the same time towards this Service.", example: "10", refused: "3x",
    istioDefault: "no limit (4294967295)", risk: "Retries beyond it do not run.",
  }),
  "max-concurrent-streams": httpPool({
    value: integer({ min: 1 }), istio: "1.21", writes: "DestinationRule spec.trafficPolicy.connectionPool.http.maxConcurrentStreams",
    summary: "Streams on one HTTP/2 connection.", example: "100", refused: "0",
    istioDefault: "2147483647", risk: "Further requests open more connections.",
  }),
  "http-idle-timeout": httpPool({
    value: duration(), writes: "DestinationRule spec.trafficPolicy.connectionPool.http.idleTimeout",
    summary: "Closes an HTTP connection without requests; Istio's default is 1h.", example: "15m", refused: "0s",
    istioDefault: "1h", risk: "Shorter than the server's own, it costs connections; longer, calls can meet one that the server has just closed.",
  }),
  "h2-upgrade": httpPool({
    value: enumeration("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"), excludes: ["use-client-protocol"], writes: "DestinationRule spec.trafficPolicy.connectionPool.http.h2UpgradePolicy",
    summary: "Whether HTTP/1 calls become HTTP/2 on the way; the server must speak h2c.", example: "UPGRADE", refused: "ON",
    istioDefault: "DEFAULT: as the mesh says, which is not to upgrade", risk: "A server that speaks HTTP/1.1 only answers with protocol errors.",
  }),
  "use-client-protocol": httpPool({
    value: boolean, excludes: ["h2-upgrade"], writes: "DestinationRule spec.trafficPolicy.connectionPool.http.useClientProtocol",
    summary: "Calls the server with the protocol that the client used.", example: "true", refused: "h2",
    istioDefault: "false",
  }),
  "http2-keepalive": httpPool({
    value: http2Keepalive, istio: "1.31", writes: "DestinationRule spec.trafficPolicy.connectionPool.http.http2KeepAlive",
    summary: "HTTP/2 keep-alive pings; both parts are required.", example: "interval=30s,timeout=10s", refused: "interval=30s",
    istioDefault: "no pings",
  }),
  "outlier-consecutive-5xx": outlier({
    value: integer(), writes: "DestinationRule spec.trafficPolicy.outlierDetection.consecutive5xxErrors",
    summary: "5xx responses in a row before a pod is ejected; 0 turns this rule off. Istio's default is 5.", example: "5", refused: "5%",
    istioDefault: "5, as soon as any outlier setting is there", risk: "An application that answers 500 to one bad request can lose all of its pods for everybody.",
  }),
  "outlier-consecutive-gateway-errors": outlier({
    value: integer(), writes: "DestinationRule spec.trafficPolicy.outlierDetection.consecutiveGatewayErrors",
    summary: "502, 503 and 504 in a row before a pod is ejected; 0 is off.", example: "3", refused: "three",
    istioDefault: "0: off", risk: "Counts only below `outlier-consecutive-5xx`, which counts the same answers.",
  }),
  "outlier-consecutive-local-failures": outlier({
    value: integer({ min: 1 }), writes: "DestinationRule spec.trafficPolicy.outlierDetection.consecutiveLocalOriginFailures",
    summary: "Failed connections in a row before a pod is ejected; needs `outlier-split-local-errors`.", example: "5", refused: "0",
    istioDefault: "5, where local failures are counted apart",
  }),
  "outlier-split-local-errors": outlier({
    value: boolean, writes: "DestinationRule spec.trafficPolicy.outlierDetection.splitExternalLocalOriginErrors",
    summary: "Counts failed connections apart from error responses.", example: "true", refused: "split",
    istioDefault: "false: failed connections count as 5xx",
  }),
  "outlier-interval": outlier({
    value: duration(), writes: "DestinationRule spec.trafficPolicy.outlierDetection.interval",
    summary: "Time between two looks for outliers; Istio's default is 10s.", example: "30s", refused: "30",
    istioDefault: "10s",
  }),
  "outlier-base-ejection-time": outlier({
    value: duration(), writes: "DestinationRule spec.trafficPolicy.outlierDetection.baseEjectionTime",
    summary: "How long a pod is ejected, times how often it was. Istio's default is 30s.", example: "30s", refused: "half a minute",
    istioDefault: "30s", risk: "The second ejection lasts twice as long, and so on.",
  }),
  "outlier-max-ejection-percent": outlier({
    value: percent({ whole: true }), writes: "DestinationRule spec.trafficPolicy.outlierDetection.maxEjectionPercent",
    summary: "Share of the pods that may be ejected at once; Istio's default of 10% ejects nobody below ten pods.", example: "50%", refused: "50",
    istioDefault: "10%", risk: "100% can eject every pod; rounded down, a small share ejects nobody.",
  }),
  "outlier-min-health-percent": outlier({
    value: percent({ whole: true }), writes: "DestinationRule spec.trafficPolicy.outlierDetection.minHealthPercent",
    summary: "Ejection stops while fewer pods than this are healthy.", example: "30%", refused: "130%",
    istioDefault: "0%: ejection never stops", risk: "Above what is left after an ejection, traffic goes to the ejected pods too.",
  }),
  "outlier-http-codes": outlier({
    value: httpCodes, http: true, istio: "1.31", writes: "DestinationRule spec.trafficPolicy.outlierDetection.outlierDetectionHttpErrorCodes",
    summary: "Status codes that count as errors, instead of 5xx.", example: "500,503", refused: "5xx",
    istioDefault: "every 5xx",
  }),
  tls: tls({
    value: enumeration("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"), writes: "DestinationRule spec.trafficPolicy.tls.mode",
    summary: "TLS towards this Service. Without it Istio uses mutual TLS wherever the pod has a sidecar.", example: "SIMPLE", refused: "STRICT",
    docs: `${dr}#ClientTLSSettings-TLSmode`,
    istioDefault: "mutual TLS towards pods with a sidecar, plain text to others", risk: "Any mode of your own replaces that: SIMPLE or MUTUAL to a pod with a sidecar that takes mutual TLS fails.",
  }),
  "tls-client-certificate": tls({
    value: path, writes: "DestinationRule spec.trafficPolicy.tls.clientCertificate",
    summary: "Client certificate in the caller's proxy, for MUTUAL.", example: "/etc/certs/client.pem", refused: "client.pem",
    istioDefault: "no certificate of the caller", risk: "A file in the sidecar of every caller, who must have it mounted.",
  }),
  "tls-private-key": tls({
    value: path, writes: "DestinationRule spec.trafficPolicy.tls.privateKey",
    summary: "Key of the client certificate.", example: "/etc/certs/key.pem", refused: "key.pem",
    istioDefault: "no key of the caller", risk: "A file in the sidecar of every caller, who must have it mounted.",
  }),
  "tls-ca-certificates": tls({
    value: path, writes: "DestinationRule spec.trafficPolicy.tls.caCertificates",
    summary: "CA that the server's certificate must come from; `system` is the bundle of the operating system.", example: "system", refused: "ca.pem",
    istioDefault: "the CAs of the operating system", risk: "A file in the sidecar of every caller, who must have it mounted.",
  }),
  "tls-credential-name": tls({
    value: text({ expects: "the name of a Secret, or configmap://name", pattern: /^(?=.{1,265}$)(configmap:\/\/)?[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/ }), writes: "DestinationRule spec.trafficPolicy.tls.credentialName",
    summary: "Secret with the certificates, instead of files.", example: "orders-client", refused: "Orders Client",
    istioDefault: "no Secret", risk: "Sidecars read it only with `client-selector`; gateways always.",
  }),
  "tls-subject-alt-names": tls({
    value: subjectAltNames, writes: "DestinationRule spec.trafficPolicy.tls.subjectAltNames",
    summary: "Names of which the server's certificate must carry one.", example: "orders.example.com", refused: "a b",
    istioDefault: "any name that the CA vouches for",
  }),
  "tls-sni": tls({
    value: text({ expects: "a host name", pattern: /^[A-Za-z0-9_]([-A-Za-z0-9._]{0,251}[A-Za-z0-9])?$/ }), writes: "DestinationRule spec.trafficPolicy.tls.sni",
    summary: "Server name in the TLS handshake.", example: "orders.example.com", refused: "https://orders",
    istioDefault: "the host that is called",
  }),
  "tls-insecure-skip-verify": tls({
    value: boolean, writes: "DestinationRule spec.trafficPolicy.tls.insecureSkipVerify",
    summary: "Accepts any certificate of the server.", example: "true", refused: "never",
    istioDefault: "false", risk: "Anybody on the way can pose as the server.",
  }),
  "retry-budget": policy({
    value: retryBudget, excludes: ["max-retries"], istio: "1.27", since: "0.6.0", writes: "DestinationRule spec.trafficPolicy.retryBudget",
    newer: ({ budgetInterval }) => (budgetInterval === undefined ? undefined : { field: "the interval of retryBudget", istio: "1.31" }),
    summary: "Retries as a share of the active requests; `min` may always run.", example: "20%;min=3", refused: "20",
    docs: `${dr}#TrafficPolicy-RetryBudget`,
    istioDefault: "no budget", risk: "Retries beyond it do not run; `max-retries` counts no more.",
  }),
  "proxy-protocol": policy({
    value: proxyProtocol, excludes: ["tunnel"], since: "0.6.0", writes: "DestinationRule spec.trafficPolicy.proxyProtocol.version",
    summary: "Puts the PROXY protocol before each connection, so that the server learns the caller's address.", example: "V2", refused: "v2",
    docs: `${dr}#TrafficPolicy-ProxyProtocol`,
    istioDefault: "no PROXY protocol", risk: "A server that does not expect it takes the header for the first bytes of the request.",
  }),
  tunnel: policy({
    value: tunnel, excludes: ["proxy-protocol"], since: "0.6.0", writes: "DestinationRule spec.trafficPolicy.tunnel",
    summary: "Tunnels TCP and TLS through the Service to a further host.", example: "CONNECT://proxy.example.com:3128", refused: "proxy.example.com",
    docs: `${dr}#TrafficPolicy-TunnelSettings`,
    istioDefault: "connections go to the destination directly", risk: "For TCP and TLS routes only.",
  }),
  "client-selector": policy({
    value: labels, behind: [], since: "0.6.0", writes: "DestinationRule spec.workloadSelector.matchLabels",
    summary: "Callers of the Service's namespace for which the DestinationRule holds, by their pod labels; nobody else sees it.", example: "app=web", refused: "web",
    docs: `${dr}#DestinationRule`,
    istioDefault: "every caller", risk: "Callers elsewhere, and those without the label, lose the whole DestinationRule.",
  }),
  labels: policy({
    on: [], value: labels, behind: ["subset"], single: true, since: "0.6.0", writes: "DestinationRule spec.subsets[].labels",
    summary: "Defines the subset by the labels of its pods; where one subset of a Service is defined so, all are.", example: "version=v2,track=canary", refused: "v2",
    docs: `${dr}#Subset`,
    istioDefault: "no subsets",
  }),
  "destination-rule-patch": policy({
    behind: [], on: oneService, value: yamlMapping, single: true, writes: "DestinationRule spec",
    summary: "YAML that is merged into the DestinationRule's spec last: the escape hatch.", example: "{trafficPolicy: {loadBalancer: {warmup: {duration: 60s}}}}", refused: "warmup",
    docs: `${dr}#DestinationRule`,
    istioDefault: "nothing is merged", risk: "It can write what the checks of annotations would refuse; the checks of objects still look at it.",
  }),

  // ---- security
  mtls: row<"STRICT" | "PERMISSIVE" | "DISABLE">({ on: anywhere, family: "PeerAuthentication", docs: "reference/config/security/peer_authentication/#PeerAuthentication-MutualTLS-Mode" })({
    value: enumeration("STRICT", "PERMISSIVE", "DISABLE"), ownLevel: true, behind: ["port"], writes: "PeerAuthentication spec.mtls.mode, or spec.portLevelMtls behind a port",
    summary: "What the pods accept: mutual TLS only, both, or plain text only.", example: "STRICT", refused: "strict",
    istioDefault: "PERMISSIVE", risk: "STRICT refuses every caller without a sidecar, DISABLE everybody who insists on mutual TLS.",
  }),
} satisfies { readonly [name: string]: Row };

export type SettingName = keyof typeof table;
export type ValueOf<N extends SettingName> = (typeof table)[N] extends Row<infer T> ? T : never;

/** The rows by name, for code that walks them all. */
export const rows = table as { readonly [N in SettingName]: Row };
export const settingNames = Object.keys(table) as readonly SettingName[];

/** Whether a setting may stand behind a scope. */
export function standsBehind(name: SettingName, scope: Scope): boolean {
  return rows[name].behind?.includes(scope) ?? false;
}

/** `match` → `match.<dest>`: the row of names that hold a name of the user's own. */
export function familyOf(word: string): SettingName | undefined {
  return settingNames.find((name) => name.startsWith(`${word}.<`));
}

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

export const settingByField: () => ReadonlyMap<string, SettingName> = onUse(() => new Map(settingNames.filter((name) => !name.includes("<")).map((name) => [toFieldName(name), name])));

/** Istio's own field names, as did-you-mean for people who know those. */
export const settingByIstioField: () => ReadonlyMap<string, SettingName> = onUse(() => new Map(
  settingNames.flatMap((name): [string, SettingName][] => {
    const field = /^(?:VirtualService|DestinationRule) .*\.([A-Za-z0-9]+)$/.exec(rows[name].writes)?.[1];
    return field !== undefined && !["spec", "weight", "destination", "consistentHash", "exportTo", "hosts", "name"].includes(field) ? [[field, name]] : [];
  }),
));
