import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { findJudges } from "../scripts/judge/judges.ts";
import { compareWorlds } from "../plugin/render-diff/differences.ts";
import { readWorld } from "../plugin/render-diff/objects.ts";
import { renderWords } from "../plugin/render-diff/words.ts";
import { temporary } from "./support/process.ts";

const service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec:\n  selector: {app: web}\n  ports: [{name: http, port: 80}]\n";
const deployment = (version: string, { replicas = 2, labels = "", annotations = "" } = {}): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web-${version}, namespace: shop}\nspec:\n  replicas: ${replicas}\n  selector: {matchLabels: {app: web, version: ${version}}}\n  template:\n    metadata:\n      labels: {app: web, version: ${version}${labels}}\n      annotations: {${annotations}}\n    spec: {containers: [{name: app, image: web}]}\n`;
const namespace = (labels = "istio-injection: enabled"): string => `apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {${labels}}}\n`;
const rules = (http: string, { more = "", name = "web", hosts = "[web]" } = {}): string => `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: ${name}, namespace: shop}\nspec:\n  hosts: ${hosts}\n${more}  http:\n${http}`;
const rule = (fields: string, { name = "default", match = "", to = "{host: web}" } = {}): string => `  - name: ${name}\n${match && `    match: ${match}\n`}    route: [{destination: ${to}}]\n${fields && `    ${fields}\n`}`;
const policy = (trafficPolicy: string, subsets = "[{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]"): string =>
  `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: web, namespace: shop}\nspec:\n  host: web\n  trafficPolicy: ${trafficPolicy}\n  subsets: ${subsets}\n`;
const split = (v1: number, v2: number): string => `  - name: default\n    route: [{destination: {host: web, subset: v1}, weight: ${v1}}, {destination: {host: web, subset: v2}, weight: ${v2}}]\n`;
const peers = (mode: string, where = "shop", more = ""): string => `apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: ${where}}\nspec:\n  mtls: {mode: ${mode}}\n${more}`;
const gateway = (servers: string): string => `apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: door, namespace: shop}\nspec:\n  selector: {istio: ingressgateway}\n  servers: ${servers}\n`;

const signs = { risk: "!", change: "*", note: "-" } as const;

/** What is said about a change from one stream to another, a line for each effect: its sign, the object, the words. */
function say(before: readonly string[], after: readonly string[]): readonly string[] {
  return compareWorlds(readWorld(before.join("---\n")), readWorld(after.join("---\n"))).differences.flatMap(({ of, objects, effects }) =>
    effects.map(({ level, text }) => `${signs[level]} ${of} ${objects.map(({ name }) => name).join(", ")}: ${renderWords(text, (value) => value)}`));
}

const around = [namespace(), service, deployment("v1"), deployment("v2")];
const routed = (fields: string): readonly string[] => [...around, rules(rule(fields))];

describe("timeouts", () => {
  test("are told as shortened, lengthened, added and taken away", () => {
    assert.deepEqual(say(routed("timeout: 30s"), routed("timeout: 5s")), ["! VirtualService web: calls to web may take 5s (before: 30s): slower ones get 504"]);
    assert.deepEqual(say(routed("timeout: 5s"), routed("timeout: 1m")), ["* VirtualService web: calls to web may take 1m (before: 5s): callers wait longer for a slow answer"]);
    assert.deepEqual(say(routed(""), routed("timeout: 5s")), ["! VirtualService web: calls to web may take 5s (before: no limit): slower ones get 504"]);
    assert.deepEqual(say(routed("timeout: 5s"), routed("")), ["* VirtualService web: calls to web may take as long as they like: the timeout of 5s is gone"]);
  });

  test("that only are written in another way change nothing for requests", () => {
    assert.deepEqual(say(routed("timeout: 60s"), routed("timeout: 1m")), []);
    assert.deepEqual(say(routed(""), routed("timeout: 0s")), []);
  });
});

describe("retries", () => {
  test("are told with the most requests that one call becomes; where nothing is written Istio tries three times", () => {
    assert.deepEqual(say(routed(""), routed("retries: {attempts: 5}")), ["* VirtualService web: calls to web: one call becomes up to 6 requests when it fails (before: 3)"]);
    assert.deepEqual(say(routed(""), routed("retries: {attempts: 2}")), []);
    assert.deepEqual(say(routed("retries: {attempts: 3}"), routed("retries: {attempts: 0}")), ["* VirtualService web: calls to web are tried once and never again (before: up to 4 requests for one call)"]);
  });

  test("after what may have been carried out are a risk", () => {
    assert.deepEqual(say(routed("retries: {attempts: 2, retryOn: connect-failure}"), routed("retries: {attempts: 2, retryOn: \"connect-failure,5xx\"}")), ["! VirtualService web: calls to web are tried again after 5xx too: what was carried out may be carried out twice"]);
  });

  test("of another length are told", () => {
    assert.deepEqual(say(routed("retries: {attempts: 2, perTryTimeout: 5s}"), routed("retries: {attempts: 2, perTryTimeout: 2s}")), ["* VirtualService web: calls to web: each try may take 2s (before: 5s): a slower one is given up and tried again, as far as retries go"]);
  });
});

describe("traffic", () => {
  const subsets = policy("{}");

  test("that moves is told with its weights before and after", () => {
    assert.deepEqual(say([...around, subsets, rules(split(90, 10))], [...around, subsets, rules(split(70, 30))]), ["* VirtualService web: calls to web move: v1 90% → 70%, v2 10% → 30%"]);
    assert.deepEqual(say([...around, subsets, rules(rule("", { to: "{host: web, subset: v1}" }))], [...around, subsets, rules(rule("", { to: "{host: web, subset: v2}" }))]), ["* VirtualService web: calls to web go to v2 (before: v1)"]);
  });

  test("that goes to another Service or port says so", () => {
    assert.deepEqual(say([...around, rules(rule("", { to: "{host: web, port: {number: 80}}" }))], [...around, rules(rule("", { to: "{host: web, port: {number: 81}}" }))]), ["* VirtualService web: calls to web go to port 81 of web (before: 80)"]);
    assert.deepEqual(say([...around, rules(rule(""))], [...around, rules(rule("", { to: "{host: web-next.shop.svc.cluster.local}" }))]), ["* VirtualService web: calls to web go to web-next.shop.svc.cluster.local (before: web)"]);
  });

  test("to a Service of the same name in another namespace is no traffic that stays", () => {
    assert.deepEqual(say([...around, rules(rule(""))], [...around, rules(rule("", { to: "{host: web.pay.svc.cluster.local}" }))]), ["* VirtualService web: calls to web go to web.pay.svc.cluster.local (before: web)"]);
    assert.deepEqual(say([...around, rules(rule(""))], [...around, rules(rule("", { to: "{host: web.shop.svc.cluster.local}" }))]), []);
  });

  test("to where there is no pod, and to a subset that nothing defines, is a risk", () => {
    const without = [namespace(), service, deployment("v1"), deployment("v2", { replicas: 0 }), subsets];
    assert.deepEqual(say([...without, rules(split(100, 0))], [...without, rules(split(90, 10))]), ["* VirtualService web: calls to web move: v1 100% → 90%, v2 0% → 10%", "! VirtualService web: no pod in this build is behind v2 (0 replicas): its 10% get 503"]);
    assert.deepEqual(say([...around, rules(rule(""))], [...around, rules(rule("", { to: "{host: web, subset: v3}" }))]), ["* VirtualService web: calls to web go to v3 (before: web)", "! VirtualService web: no DestinationRule in this build defines subset v3: its 100% get 503"]);
  });

  test("of a new rule is told by what it takes, and what took that before", () => {
    const fast = rule("timeout: 1s", { name: "fast", match: "[{uri: {prefix: /fast}}]", to: "{host: web, subset: v2}" });
    assert.deepEqual(say([...around, subsets, rules(rule(""))], [...around, subsets, rules(fast + rule(""))]), [
      "- VirtualService web: calls to web with path /fast… are taken by rule fast (before: default)",
      "* VirtualService web: calls to web with path /fast… go to v2 (before: web)",
      "! VirtualService web: calls to web with path /fast… may take 1s (before: no limit): slower ones get 504",
    ]);
    assert.deepEqual(say([...around, subsets, rules(fast + rule(""))], [...around, subsets, rules(rule(""))]).slice(0, 2), [
      "- VirtualService web: calls to web with path /fast… are taken by rule default (before: fast)",
      "* VirtualService web: calls to web with path /fast… go to web (before: v2)",
    ]);
  });

  test("that a rule took which is gone, with no other to take it, is answered with 404", () => {
    const only = rule("", { name: "api", match: "[{uri: {prefix: /api}}]" });
    const pages = rule("", { name: "pages", match: "[{uri: {prefix: /pages}}]" });
    assert.deepEqual(say([...around, rules(only + pages)], [...around, rules(only)]), ["! VirtualService web: calls to web with path /pages… are answered with 404: rule pages, which took them, is gone"]);
    assert.deepEqual(say([...around, rules(only)], [...around, rules(only + pages)]), ["* VirtualService web: calls to web with path /pages… go to web (before, they were answered with 404)"]);
  });

  test("of a rule behind one that takes everything goes to that one", () => {
    const api = rule("", { name: "api", match: "[{uri: {prefix: /api}}]", to: "{host: web, subset: v1}" });
    const all = rule("", { to: "{host: web, subset: v2}" });
    assert.deepEqual(say([...around, subsets, rules(api + all)], [...around, subsets, rules(all + api)]), [
      "- VirtualService web: calls to web with path /api… are taken by rule default (before: api)",
      "* VirtualService web: calls to web with path /api… go to v2 (before: v1)",
      "* VirtualService web: rules are asked in another order, default and api (before: api and default): a request that several match goes to the first of them",
    ]);
  });

  test("of rules that overlap and change places goes to the first of them", () => {
    const [a, b] = [rule("", { name: "a", match: "[{uri: {prefix: /a}}]" }), rule("", { name: "b", match: "[{headers: {x-b: {exact: \"1\"}}}]" })];
    assert.deepEqual(say([...around, rules(a + b)], [...around, rules(b + a)]), ["* VirtualService web: rules are asked in another order, b and a (before: a and b): a request that several match goes to the first of them"]);
  });

  test("under a VirtualService of another name is compared with what the one before it did", () => {
    assert.deepEqual(say([...around, rules(rule("timeout: 9s"), { name: "old" })], [...around, rules(rule("timeout: 3s"))]), [
      "- VirtualService old: VirtualService web takes its place", "! VirtualService web: calls to web may take 3s (before: 9s): slower ones get 504",
    ]);
  });

  test("that gets rules for the first time is compared with what Istio does without any", () => {
    assert.deepEqual(say(around, [...around, rules(rule("timeout: 3s"))]), ["! VirtualService web: calls to web may take 3s (before: no limit): slower ones get 504"]);
    assert.deepEqual(say([...around, rules(rule("timeout: 3s"))], around), ["* VirtualService web: calls to web may take as long as they like: the timeout of 3s is gone"]);
  });
});

describe("faults, copies and answers", () => {
  test("are told when they begin and end", () => {
    const fault = "fault: {abort: {httpStatus: 503, percentage: {value: 10}}, delay: {fixedDelay: 2s, percentage: {value: 0.5}}}";
    assert.deepEqual(say(routed(""), routed(fault)), ["! VirtualService web: 0.5% (2s) of calls to web are delayed on purpose", "! VirtualService web: 10% (503) of calls to web fail on purpose"]);
    assert.deepEqual(say(routed(fault), routed("")), ["* VirtualService web: calls to web are no longer delayed on purpose (before: 0.5% (2s))", "* VirtualService web: calls to web are no longer failed on purpose (before: 10% (503))"]);
    const mirror = "mirrors: [{destination: {host: web-next}, percentage: {value: 20}}]";
    assert.deepEqual(say(routed(""), routed(mirror)), ["! VirtualService web: 20% of calls to web are copied to web-next, writes too: what it does to shared data is done twice"]);
    assert.deepEqual(say(routed(mirror), routed("")), ["* VirtualService web: calls to web are no longer copied to web-next"]);
  });

  test("of the proxy itself are told in place of a destination", () => {
    const redirect = "  - name: default\n    redirect: {authority: shop.example.com, redirectCode: 302}\n";
    assert.deepEqual(say(routed("timeout: 5s"), [...around, rules(redirect)]), ["! VirtualService web: calls to web go to a redirect (302) to shop.example.com (before: web)"]);
    assert.deepEqual(say([...around, rules(redirect)], routed("")), ["* VirtualService web: calls to web go to web (before: a redirect (302) to shop.example.com)"]);
    assert.deepEqual(say(routed(""), routed("rewrite: {uri: /}")), ["* VirtualService web: calls to web arrive with the matched path rewritten to /"]);
  });
});

describe("what can be reached from outside", () => {
  const bound = (hosts: string, gateways = "[door]"): readonly string[] => [...around, rules(rule(""), { hosts, more: `  gateways: ${gateways}\n` })];

  test("is told when a host or a gateway comes or goes", () => {
    assert.deepEqual(say(bound("[a.example.com, b.example.com]"), bound("[a.example.com]")), ["! VirtualService web: b.example.com can no longer be reached through gateway door"]);
    assert.deepEqual(say(around, bound("[a.example.com]")), ["* VirtualService web: a.example.com can be reached through gateway door", "* VirtualService web: requests for a.example.com through door go to web"]);
    assert.deepEqual(say(bound("[a.example.com]"), around), ["! VirtualService web: a.example.com can no longer be reached through gateway door"]);
    assert.deepEqual(say(bound("[web]", "[mesh, door]"), bound("[web]", "[mesh]")), ["! VirtualService web: web can no longer be reached through gateway door"]);
  });

  test("is told of Gateways too, with their ports and how they speak", () => {
    const server = (host: string, more = ""): string => `{port: {name: https, number: 443, protocol: HTTPS}, hosts: [${host}], tls: {mode: SIMPLE, credentialName: cert${more}}}`;
    assert.deepEqual(say([gateway(`[${server("a.example.com")}]`)], [gateway(`[${server("b.example.com")}]`)]), ["! Gateway door: gateway door no longer takes a.example.com on port 443", "* Gateway door: gateway door takes b.example.com on port 443"]);
    assert.deepEqual(say([gateway(`[${server("a.example.com")}]`)], [gateway(`[${server("a.example.com").replace("SIMPLE", "MUTUAL")}]`)]), ["! Gateway door: gateway door takes a.example.com on port 443 as TLS MUTUAL (before: TLS SIMPLE)"]);
  });

  test("narrows with exportTo", () => {
    assert.deepEqual(say(routed(""), [...around, rules(rule(""), { more: "  exportTo: [.]\n" })]), ["! VirtualService web: its rules hold for callers in its own namespace alone (before: every namespace); calls from elsewhere go unrouted: straight to the Service"]);
  });
});

describe("policies of destinations", () => {
  const with_ = (trafficPolicy: string, subsets?: string): readonly string[] => [...around, policy(trafficPolicy, subsets)];

  test("tell limits that are lowered, and what is beyond them", () => {
    assert.deepEqual(say(with_("{connectionPool: {tcp: {maxConnections: 100}, http: {http2MaxRequests: 50}}}"), with_("{connectionPool: {tcp: {maxConnections: 10}, http: {http2MaxRequests: 60}}}")), [
      "! DestinationRule web: calls to web: at most 10 connections at a time from each caller's proxy (before: 100); more wait, or get 503",
      "* DestinationRule web: calls to web: at most 60 requests at a time (before: 50)",
    ]);
  });

  test("tell outlier detection, balancing and TLS", () => {
    assert.deepEqual(say(with_("{}"), with_("{outlierDetection: {consecutive5xxErrors: 3, baseEjectionTime: 1m, maxEjectionPercent: 50}}")), ["* DestinationRule web: calls to web: a pod is taken out for 1m after 3 5xx responses in a row, at most 50% of the pods at a time"]);
    assert.deepEqual(say(with_("{outlierDetection: {maxEjectionPercent: 50}}"), with_("{outlierDetection: {maxEjectionPercent: 100}}")), ["! DestinationRule web: calls to web: at most 100% of the pods are out at a time (before: 50%); when all fail, all are taken out and calls get 503"]);
    assert.deepEqual(say(with_("{}"), with_("{loadBalancer: {consistentHash: {httpHeaderName: x-user}}}")), ["* DestinationRule web: calls to web: pods are chosen by header x-user (before: with LEAST_REQUEST); sessions may come to other pods"]);
    assert.deepEqual(say(with_("{}"), with_("{tls: {mode: DISABLE}}")), ["! DestinationRule web: calls to web are sent as plain text (before: Istio's mTLS where the other side has a sidecar, else plain text); pods whose mTLS is strict refuse it"]);
  });

  test("tell subsets that come and go, and in which order to apply that", () => {
    const one = "[{name: v1, labels: {version: v1}}]";
    assert.deepEqual(say([...with_("{}", one), rules(rule("", { to: "{host: web, subset: v1}" }))], [...with_("{}"), rules(split(90, 10))]), [
      "* VirtualService web: calls to web move: v1 100% → 90%, v2 0% → 10%",
      "- DestinationRule web: web gets subset v2 (web-v2)",
      "! DestinationRule web: apply this before the VirtualService that routes to v2: until a proxy has both, those requests get 503",
    ]);
    assert.deepEqual(say([...with_("{}"), rules(split(90, 10))], [...with_("{}", one), rules(rule("", { to: "{host: web, subset: v1}" }))]).slice(1), [
      "- DestinationRule web: web loses subset v2",
      "! DestinationRule web: apply this after the VirtualService that routed to v2: as long as a proxy still has that, those requests get 503",
    ]);
  });

  test("tell a subset that goes while routes still lead there", () => {
    assert.deepEqual(say([...with_("{}"), rules(split(90, 10))], [...with_("{}", "[{name: v1, labels: {version: v1}}]"), rules(split(90, 10))]), ["- DestinationRule web: web loses subset v2", "! DestinationRule web: requests to v2 get 503: a VirtualService still routes there"]);
  });

  test("of a DestinationRule under another name are compared with those of the one before it", () => {
    const limited = (connections: number, name: string): string => policy(`{connectionPool: {tcp: {maxConnections: ${connections}}}}`).replace("name: web,", `name: ${name},`);
    assert.deepEqual(say([...around, limited(100, "old"), rules(split(90, 10))], [...around, limited(50, "web"), rules(split(90, 10))]), [
      "- DestinationRule old: DestinationRule web takes its place", "! DestinationRule web: calls to web: at most 50 connections at a time from each caller's proxy (before: 100); more wait, or get 503",
    ]);
  });

  test("of one subset are told of that subset, and not where the change is the host's", () => {
    const subset = (connections: number): string => `[{name: v1, labels: {version: v1}, trafficPolicy: {connectionPool: {tcp: {maxConnections: ${connections}}}}}]`;
    assert.deepEqual(say(with_("{}", subset(10)), with_("{}", subset(5))), ["! DestinationRule web: calls to subset v1 of web: at most 5 connections at a time from each caller's proxy (before: 10); more wait, or get 503"]);
  });
});

describe("mTLS", () => {
  const bare = deployment("v2", { labels: ", sidecar.istio.io/inject: \"false\"" });

  test("made strict names who is refused", () => {
    const build = [namespace(), service, deployment("v1"), bare];
    assert.deepEqual(say([...build, peers("PERMISSIVE")], [...build, peers("STRICT")]), ["! PeerAuthentication default: all pods of its namespace take mTLS alone (before: both): callers without a sidecar are refused: in this build web-v2, and everything outside the mesh"]);
    assert.deepEqual(say(around, [...around, peers("STRICT", "istio-system")]), ["! PeerAuthentication default: all pods of the mesh take mTLS alone (before: both): callers without a sidecar are refused, such as everything outside the mesh"]);
  });

  test("made permissive, and a policy that goes while a wider one stays", () => {
    assert.deepEqual(say([...around, peers("STRICT")], [...around, peers("PERMISSIVE")]), ["! PeerAuthentication default: all pods of its namespace take plain text beside mTLS (before: mTLS alone): callers without a sidecar get in, and who they are is not known"]);
    assert.deepEqual(say([...around, peers("STRICT"), peers("STRICT", "istio-system")], [...around, peers("STRICT", "istio-system")]), []);
  });

  test("of some pods or of one port is told of those", () => {
    const some = (port: string): string => `apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: web, namespace: shop}\nspec:\n  selector: {matchLabels: {version: v1}}\n  mtls: {mode: STRICT}\n${port}`;
    assert.deepEqual(say([...around, some("")], [...around, some("  portLevelMtls: {8080: {mode: DISABLE}}\n")]), ["! PeerAuthentication web: port 8080 of pods of web-v1 take plain text alone (before: mTLS alone): what they get and send is not encrypted, and rules that ask who calls refuse everybody"]);
  });
});

describe("pods and namespaces", () => {
  test("whose template changes restart; what it is about is named", () => {
    const [difference] = compareWorlds(readWorld([namespace(), deployment("v1")].join("---\n")), readWorld([namespace(), deployment("v1", { annotations: "sidecar.istio.io/proxyCPU: 200m", replicas: 3 })].join("---\n"))).differences;
    assert.deepEqual(difference?.objects, [{ name: "web-v1", namespace: "shop", replicas: 3 }]);
    assert.deepEqual(difference.effects, [{ level: "change", text: "its pods restart" }]);
    assert.deepEqual(difference.fields, [{ path: "spec.template.metadata.annotations[sidecar.istio.io/proxyCPU]", after: "200m" }]);
  });

  test("that lose their sidecar are a risk", () => {
    assert.deepEqual(say([namespace(), deployment("v1")], [namespace(), deployment("v1", { labels: ", sidecar.istio.io/inject: \"false\"" })]), ["* Deployment web-v1: its pods restart", "! Deployment web-v1: its pods lose their sidecar: no mTLS, no routes and no policies of theirs, and pods whose mTLS is strict refuse them"]);
  });

  test("get what a namespace says when they restart", () => {
    assert.deepEqual(say([namespace(""), deployment("v1")], [namespace(), deployment("v1")]), ["* Namespace shop: pods of web-v1 get a sidecar when they restart, not before"]);
    assert.deepEqual(say([namespace(), deployment("v1")], [namespace("istio.io/rev: v1-27"), deployment("v1")]), ["* Namespace shop: pods of web-v1 get their sidecar from revision v1-27 when they restart (before: the default revision)"]);
    assert.deepEqual(say([namespace(), deployment("v1")], [namespace("istio-injection: disabled"), deployment("v1")]), ["! Namespace shop: pods of web-v1 lose their sidecar when they restart: no mTLS, no routes and no policies of theirs, and pods whose mTLS is strict refuse them"]);
  });
});

describe("fields", () => {
  const fields = (before: readonly string[], after: readonly string[]): readonly string[] => compareWorlds(readWorld(before.join("---\n")), readWorld(after.join("---\n"))).differences.flatMap((each) => each.fields.map(({ path }) => path));

  test("of lists are named, not counted, so that an entry that moved is none that changed", () => {
    const [a, b] = ["{name: v1, labels: {version: v1}}", "{name: v2, labels: {version: v2}}"];
    assert.deepEqual(fields([policy("{}", `[${a}, ${b}]`)], [policy("{}", `[${b}, ${a}]`)]), []);
    assert.deepEqual(fields([policy("{}", `[${a}]`)], [policy("{}", `[${b}, ${a}]`)]), ["spec.subsets[v2].labels.version", "spec.subsets[v2].name"]);
    const unnamed = (path: string): string => `  - match: [{uri: {prefix: ${path}}}]\n    timeout: ${path.length}s\n    route: [{destination: {host: web}}]\n`;
    assert.deepEqual(fields([rules(unnamed("/a"))], [rules(unnamed("/bcd") + unnamed("/a"))]), ["spec.http[with path /bcd…].match[with path /bcd…].uri.prefix", "spec.http[with path /bcd…].route[web].destination.host", "spec.http[with path /bcd…].timeout"]);
    assert.deepEqual(fields([rules(split(90, 10))], [rules(split(80, 20))]), ["spec.http[default].route[web/v1].weight", "spec.http[default].route[web/v2].weight"]);
  });

  test("never show what may be a secret", () => {
    const header = (token: string): string => rules(rule(`headers: {request: {set: {authorization: Bearer ${token}}}}`));
    const [difference] = compareWorlds(readWorld(header("abc")), readWorld(header("xyz"))).differences;
    assert.deepEqual(difference?.fields, [{ path: "spec.http[default].headers.request.set.authorization", before: "(not shown: it may be a secret)", after: "(not shown: it may be a secret)" }]);
    const filter = (value: string): string => `apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: a, namespace: shop}\nspec: {configPatches: [{patch: {value: {key: x, value: ${value}}}}]}\n`;
    assert.doesNotMatch(JSON.stringify(compareWorlds(readWorld(filter("Bearer abc")), readWorld(filter("none"))).differences), /abc/);
    assert.deepEqual(fields(["apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: b}\n"], ["apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: c}\n"]), []);
  });
});

describe("Istio's own translation", () => {
  const judges = findJudges();
  const skip = !judges && "the judges are not on this machine";

  interface Answer {
    readonly route: string;
    readonly destinations?: readonly { readonly host: string; readonly subset?: string; readonly weight: number }[];
    readonly timeout?: string;
    readonly retries?: { readonly attempts: number };
  }

  function ask(t: TestContext, stream: readonly string[], request: readonly string[]): Answer {
    const directory = temporary(t, { "stream.yaml": stream.join("---\n") });
    const run = spawnSync(judges!.istioJudge, ["route", "--json", "--host", "web", "--from", "shop", "--namespace", "shop", ...request, join(directory, "stream.yaml")], { encoding: "utf8" });
    return JSON.parse(run.stdout) as Answer;
  }

  const to = (subset: string): string => `{host: web, subset: ${subset}}`;
  const all = rule("timeout: 30s", { to: to("v1") });
  const fast = rule("timeout: 1s", { name: "fast", match: "[{uri: {prefix: /fast}}]", to: to("v2") });
  const one = rule("timeout: 2s", { name: "one", match: "[{uri: {exact: /fast/one}}]", to: to("v1") });
  const tester = rule("timeout: 3s\n    retries: {attempts: 4}", { name: "tester", match: "[{headers: {x-tester: {exact: \"1\"}}}]", to: to("v2") });

  /** Rules before and after; requests, each with the words that tell it apart, or none where nothing may be said of it. */
  const cases: readonly (readonly [what: string, before: string, after: string, requests: readonly (readonly [words: string | undefined, request: readonly string[]])[]])[] = [
    ["a new rule", all, fast + all, [["calls to web with path /fast…", ["--path", "/fast/x"]], [undefined, ["--path", "/slow"]]]],
    ["a rule that is gone", fast + all, all, [["calls to web with path /fast…", ["--path", "/fast/x"]], [undefined, ["--path", "/"]]]],
    ["a rule within another one", fast + all, one + fast + all, [["calls to web with path /fast/one", ["--path", "/fast/one"]], [undefined, ["--path", "/fast/two"]]]],
    ["a rule behind the one that covers it", fast + all, fast + one + all, [[undefined, ["--path", "/fast/one"]]]],
    ["an order that hides a rule", one + fast + all, fast + one + all, [["calls to web with path /fast/one", ["--path", "/fast/one"]], [undefined, ["--path", "/fast/two"]]]],
    ["a header", all, tester + all, [["calls to web with header x-tester 1", ["--header", "x-tester=1"]], [undefined, ["--header", "x-tester=2"]]]],
    ["another path in a rule of the same name", fast + all, fast.replace("/fast", "/quick") + all, [["calls to web with path /fast…", ["--path", "/fast"]], ["calls to web with path /quick…", ["--path", "/quick"]], [undefined, ["--path", "/"]]]],
    ["everything", all, rule("timeout: 1m", { to: to("v2") }), [["calls to web", ["--path", "/"]]]],
    ["a rule behind one that takes some of it", tester + all, tester + fast + all, [["calls to web with path /fast… that no rule before takes", ["--path", "/fast"]], [undefined, ["--path", "/fast", "--header", "x-tester=1"]]]],
    ["rules at all", rule(""), all, [["calls to web", ["--path", "/"]]]],
  ];

  for (const [what, before, after, requests] of cases) {
    test(`agrees with the words about ${what}`, { skip }, (t) => {
      const [left, right] = [[...around, policy("{}"), rules(before)], [...around, policy("{}"), rules(after)]];
      const said = say(left, right);
      for (const [words, request] of requests) {
        const [was, is] = [ask(t, left, request), ask(t, right, request)];
        const target = ({ destinations }: Answer): string => destinations!.map(({ subset }) => subset ?? "web").join();
        const lines = words === undefined ? [] : said.filter((line) => line.includes(`: ${words} `) || line.includes(`: ${words}:`));
        if (words === undefined) assert.deepEqual([target(is), is.timeout], [target(was), was.timeout], `${request.join(" ")}: nothing is said, for nothing changes`);
        assert.equal(lines.some((line) => line.endsWith(`go to ${target(is)} (before: ${target(was)})`)), target(was) !== target(is), lines.join("\n"));
        const written = ({ timeout = "none" }: Answer): string => timeout.replace("none", "no limit").replace("m0s", "m");
        const isTimed = (line: string): boolean => line.includes(` may take ${written(is)} (before: ${written(was)})`);
        assert.equal(lines.some(isTimed), was.timeout !== is.timeout, `${was.timeout} → ${is.timeout}\n${lines.join("\n")}`);
        const most = (answer: Answer): number => (answer.retries?.attempts ?? 0) + 1;
        assert.equal(lines.some((line) => line.includes(`one call becomes up to ${most(is)} requests when it fails (before: ${most(was)})`)), most(was) !== most(is), lines.join("\n"));
      }
    });
  }
});
