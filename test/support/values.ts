import fc from "fast-check";
import { duration } from "./trees.ts";

/**
 * Texts that are valid as the value of a setting, by the setting's name: what its grammar takes, not what fits the
 * object that it stands on (destinations, ports and gateways are names that a test may not have).
 */
type Texts = fc.Arbitrary<string>;

const anyOf = (...texts: readonly string[]): Texts => fc.constantFrom(...texts);
const joined = (entry: Texts, separator = ","): Texts => fc.uniqueArray(entry, { minLength: 1, maxLength: 3 }).map((entries) => entries.join(separator));
const switched = anyOf("true", "false");
const zeroDuration = fc.oneof(duration, anyOf("0s"));
const count = fc.integer({ min: 1, max: 100_000 }).map(String);
const countOrNone = fc.integer({ min: 0, max: 100_000 }).map(String);
const wholeShare = fc.integer({ min: 0, max: 100 }).map((share) => `${share}%`);
const share = fc.oneof(wholeShare, anyOf("0.5%", "0.0001%", "99.9%", "12.25%"));
const port = fc.integer({ min: 1, max: 65_535 }).map(String);
const dnsLabel = anyOf("a", "blue", "canary-2", "v1-2-3", "9to5", "x".repeat(63));
const host = anyOf("a.example.com", "shop.example.com", "orders", "x-1.shop.svc.cluster.local");
const cidr = anyOf("10.0.0.0/8", "192.168.1.1/32", "0.0.0.0/0", "fd00::/8");
const quantity = anyOf("100m", "0.5", "2", "128Mi", "1.5Gi");
const gateway = anyOf("external", "internal", "istio-system/shared-gateway");
const destination = fc.tuple(anyOf("stable", "canary", "v2", "orders-next", "orders.pay"), fc.option(port)).map(([name, number]) => (number === null ? name : `${name}:${number}`));
const weights = fc.tuple(fc.integer({ min: 0, max: 100 }), anyOf(",", ", ")).map(([first, comma]) => `stable=${first}${comma}canary=${100 - first}`);

const path = anyOf(
  "/", "/api", "/api/", "/api/v1", "/a-b_c.d~e/%20", "/caf%C3%A9", "exact:/api", "exact:/*", "prefix:/api/", "prefix:/", "prefix:/a(b)[c]", "regex:/items/[0-9]+", "regex:/(a|b)/.*", "regex:.*\\.(png|jpe?g)",
);
const regex = anyOf("v[12]", "^a.*z$", "(?i)beta", "[[:alpha:]]+", "\\d+\\.\\d+", "a|b", ".+@example\\.com", "\\p{L}+", "x{2,5}");
const word = anyOf("jason", "us-east", "1", "a b", "a=b", "Ünïcode", "50%", "a,b", "\"inside\" it");
/** A value as it stands behind an operator: in quotes where it holds a joint, or starts with one itself. */
const quoted = fc.oneof(word, anyOf("a && b", "a || b", "a\\b")).map((text) => (/&&|\|\||^"|^\s|\s$/.test(text) ? `"${text.replaceAll("\"", "\\\"")}"` : text));
const named = (name: Texts): Texts => fc.oneof(
  name,
  fc.tuple(name, quoted).map(([key, value]) => `${key}=${value}`),
  fc.tuple(name, regex).map(([key, value]) => `${key}~${value}`),
  fc.tuple(name, anyOf("pre", "a-b")).map(([key, value]) => `${key}^${value}`),
);
/** Conditions of different fields, so that they can be met at once. */
const conditions: Texts = joined(fc.oneof(
  fc.subarray([
    named(anyOf("x-user", "X-Region", "user-agent")).map((text) => `header:${text}`), anyOf("beta=true", "session=a.b+c").map((text) => `cookie:${text}`), named(anyOf("debug", "q")).map((text) => `query:${text}`),
    anyOf("GET", "POST", "PURGE").map((text) => `method:${text}`), path.map((text) => `path:${text}`), anyOf("shop.example.com", "shop.example.com:8443", "~.*\\.example\\.com", "^shop.").map((text) => `authority:${text}`),
    anyOf("app=web", "version=v2", "app.kubernetes.io/name=web").map((text) => `source:${text}`),
  ], { minLength: 1 }).chain((terms) => fc.tuple(...terms)).map((terms) => terms.join(" && ")),
), " || ");

const headerName = anyOf("x-env", "X-Team", "cache-control", "x_under", "strict-transport-security");
const headerValue = anyOf("prod", "a b", "max-age=31536000", "100%%", "%HOSTNAME%", "%REQ(x-request-id)%", "a: b", "ünï");
const headers = fc.uniqueArray(fc.tuple(headerName, headerValue), { minLength: 1, maxLength: 3, selector: ([name]) => name }).chain((pairs) => anyOf(
  pairs.map(([name, value]) => `${name}=${value}`).join(","), JSON.stringify(Object.fromEntries(pairs)), JSON.stringify(pairs.map(([name, value]) => `${name}=${value}, and more`)),
));
const origin = anyOf("https://shop.example.com", "exact:http://localhost:3000", "prefix:https://preview-", "regex:https://[^.]+\\.example\\.com", "null");
const httpMatch = anyOf("{uri: {prefix: /v2/}}", "{headers: {x-user: {exact: jason}}}", "{queryParams: {debug: {}}}", "{method: {regex: 'GET|HEAD'}, withoutHeaders: {x-old: {}}}");
const routes = httpMatch.chain((match) => anyOf(
  `[{match: [${match}], to: canary}]`, `- match: [${match}]\n  to: v2=20,v1=80\n  timeout: 3s\n`, `[{name: gone, match: [${match}], directResponse: {status: 410}}]`, `[{match: [${match}], redirect: {uri: /new}}]`,
));
const label = anyOf("version=v2", "track=canary", "app.kubernetes.io/name=web", "team=a_b.c");
const labels = fc.oneof(joined(label), anyOf("{version: v2, track: canary}"));
const parts = (first: Texts, ...rest: readonly Texts[]): Texts => fc.tuple(first, fc.tuple(...rest.map((part) => fc.option(part)))).map(([start, more]) => [start, ...more.filter((part) => part !== null)].join(";"));
const retryOn = joined(anyOf("5xx", "gateway-error", "reset", "connect-failure", "refused-stream", "503", "unavailable"));

export const validTexts: { readonly [setting: string]: Texts } = {
  enabled: switched,
  profile: joined(anyOf("critical", "slow", "web.v2")),
  accept: joined(anyOf("IZ310=measured", "IZ311=idempotent by key")),
  inject: switched,
  revision: dnsLabel,
  "dataplane-mode": anyOf("sidecar", "ambient", "none"),
  waypoint: dnsLabel,
  "proxy-cpu": quantity, "proxy-memory": quantity, "proxy-cpu-limit": quantity, "proxy-memory-limit": quantity,
  "hold-application-until-proxy-starts": switched,
  "drain-duration": duration,
  concurrency: countOrNone,
  "exclude-outbound-ports": fc.oneof(anyOf("*"), joined(port)), "exclude-inbound-ports": fc.oneof(anyOf("*"), joined(port)),
  "include-outbound-ip-ranges": fc.oneof(anyOf("*"), joined(cidr)), "exclude-outbound-ip-ranges": joined(cidr),

  timeout: duration,
  "retry-attempts": countOrNone, "retry-per-try-timeout": duration, "retry-on": retryOn, "retry-backoff": duration,
  "retry-remote-localities": switched, "retry-ignore-previous-hosts": switched, "retry-unsafe": switched,
  subset: dnsLabel,
  weights,
  active: destination,
  "match.<dest>": conditions, "fault-match": conditions, match: conditions,
  mirror: fc.oneof(destination, fc.tuple(destination, share).map(([to, part]) => `${to}@${part}`), anyOf("canary@5%,audit:8080", "- canary@5%\n- audit\n")),
  "fault-delay": fc.tuple(duration, share).map(([delay, part]) => `${delay}@${part}`),
  "fault-abort": fc.tuple(anyOf("200", "503", "599", "grpc:UNAVAILABLE", "grpc:OK", "grpc:DATA_LOSS"), share).map(([status, part]) => `${status}@${part}`),
  "cors-allow-origins": fc.oneof(anyOf("*"), joined(origin)),
  "cors-allow-methods": fc.oneof(anyOf("*"), joined(anyOf("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"))),
  "cors-allow-headers": fc.oneof(anyOf("*"), joined(headerName)), "cors-expose-headers": joined(headerName),
  "cors-max-age": anyOf("1s", "10m", "24h", "1m30s", "0.5h", "2000ms"),
  "cors-allow-credentials": switched,
  "request-headers-set": fc.oneof(headers, anyOf("host=inner.example.com", ":authority=inner.example.com")), "request-headers-add": headers, "request-headers-remove": joined(headerName),
  "response-headers-set": headers, "response-headers-add": headers, "response-headers-remove": joined(headerName),
  rewrite: anyOf("/", "/new", "/new/", "/a%20b"),
  redirect: anyOf("/new", "https://shop.example.com", "https://shop.example.com:8443/new?from=old#top", "http://10.0.0.1/", "308:https://shop.example.com", "302:/login", "https://[2001:db8::1]:8443/"),
  "direct-response": anyOf("200", "503:closed for today", "599:{\"error\": \"gone\"}", "404:line one\nline two", "503:ünavailable 😀"),
  gateways: joined(gateway),
  expose: joined(fc.tuple(gateway, anyOf("shop.example.com", "*.example.com", "shop.example.com/api", "shop.example.com/")).map(([alias, target]) => `${alias}=${target}`)),
  "gateway-hosts": fc.oneof(joined(host), anyOf("*.example.com", "*", "*.example.com,orders")),
  "gateway-port": fc.oneof(port, anyOf("http", "grpc-web", "p1")),
  path: fc.oneof(path, anyOf("/api,/web", "/api, exact:/web, regex:/b.*", "[\"regex:/a{1,2}\", /b]", "- regex:/a{1,2}\n- /b\n")),
  "default-route": switched,
  routes,
  "tcp-routes": anyOf("[{match: [{port: 5432}], to: \"v2=20,v1=80\"}]", "- to: canary\n", "[{route: [{destination: {host: db}}]}]"),
  "tls-routes": anyOf("[{match: [{sniHosts: [db.example.com]}], to: v2}]", "- match: [{port: 443, sniHosts: [a.example.com]}]\n  to: v2=20,v1=80\n"),
  to: fc.oneof(destination, weights),
  order: fc.integer({ min: -1000, max: 1000 }).map(String),
  hosts: joined(host),
  "export-to": fc.oneof(anyOf("*", "."), joined(anyOf("shop", "pay", "."))),
  "virtual-service-patch": anyOf("{http: [{name: default, corsPolicy: {allowMethods: [GET]}}]}", "exportTo: ['.']"),

  "load-balancer": anyOf("ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "PASSTHROUGH"),
  "consistent-hash": anyOf("header:X-User", "cookie:session", "cookie:session;ttl=0s", "cookie:session;ttl=1h;path=/", "query:user", "source-ip"),
  "consistent-hash-algorithm": anyOf("ring", "ring:2048", "ring:8388608", "maglev:65537", "maglev:2"),
  warmup: parts(duration, anyOf("min=0", "min=10", "min=99.5", "min=100"), anyOf("aggression=1", "aggression=0.5", "aggression=10")),
  locality: anyOf(
    "disabled", "failover:us-east=us-west", "failover:us-east=us-west,eu-west=us-east", "failover-priority:topology.kubernetes.io/region,topology.kubernetes.io/zone", "failover-priority:team=web,version",
    "{distribute: [{from: us-west/zone1/*, to: {us-west/zone1/*: 80, us-west/zone2/*: 20}}]}", "{failover: [{from: a, to: b}], failoverPriority: [team]}", "enabled: true\n",
  ),
  "max-connections": count, "connect-timeout": duration, "max-connection-duration": duration, "tcp-idle-timeout": zeroDuration,
  "tcp-keepalive": anyOf("time=2h,interval=75s,probes=9", "probes=3", "time=10s"),
  "max-pending-requests": count, "max-requests": count, "max-requests-per-connection": countOrNone, "max-retries": count, "max-concurrent-streams": count, "http-idle-timeout": duration,
  "h2-upgrade": anyOf("DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"),
  "use-client-protocol": switched,
  "http2-keepalive": anyOf("interval=30s,timeout=10s", "timeout=1s,interval=1m30s"),
  "outlier-consecutive-5xx": countOrNone, "outlier-consecutive-gateway-errors": countOrNone, "outlier-consecutive-local-failures": count, "outlier-split-local-errors": switched,
  "outlier-interval": duration, "outlier-base-ejection-time": duration, "outlier-max-ejection-percent": wholeShare, "outlier-min-health-percent": wholeShare,
  "outlier-http-codes": joined(anyOf("500", "503", "429", "599", "100")),
  tls: anyOf("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"),
  "tls-client-certificate": anyOf("/etc/certs/cert.pem"), "tls-private-key": anyOf("/etc/certs/key.pem"), "tls-ca-certificates": anyOf("/etc/certs/ca.pem", "system"),
  "tls-credential-name": anyOf("orders-client", "configmap://orders-ca"),
  "tls-subject-alt-names": joined(anyOf("orders.example.com", "spiffe://cluster.local/ns/shop/sa/orders")),
  "tls-sni": anyOf("orders.example.com", "outbound_.80_._.a.shop.svc.cluster.local"),
  "tls-insecure-skip-verify": switched,
  "retry-budget": parts(share, anyOf("min=0", "min=3", "min=4294967295"), anyOf("interval=0s", "interval=10s")),
  "proxy-protocol": anyOf("V1", "V2"),
  tunnel: anyOf("CONNECT://proxy.example.com:3128", "POST://10.0.0.1:8080", "CONNECT://[2001:db8::1]:443", "CONNECT://proxy:1"),
  "client-selector": labels, labels,
  "destination-rule-patch": anyOf("{trafficPolicy: {loadBalancer: {warmup: {duration: 60s}}}}", "workloadSelector:\n  matchLabels:\n    app: web\n"),
  mtls: anyOf("STRICT", "PERMISSIVE", "DISABLE"),
};
