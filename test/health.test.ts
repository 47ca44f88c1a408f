import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { load } from "js-yaml";
import { LuaFactory } from "wasmoon";
import { root } from "./support/cases.ts";

const script = readFileSync(join(root, "gitops/argocd/health/istio.lua"), "utf8");

interface Health {
  readonly status: string;
  readonly message?: string;
}

/**
 * What a script says of an object, in a real Lua interpreter that opens the libraries which Argo CD opens for a health
 * check, base, package and table, and none else: there is no `string`, and texts have no methods.
 */
async function judge(object: unknown, health = script): Promise<Health> {
  const lua = await new LuaFactory().createEngine({ openStandardLibs: false });
  try {
    const { lua: api, address } = lua.global;
    api.luaopen_base(address);
    api.luaopen_package(address);
    api.luaopen_table(address);
    api.lua_setglobal(address, "table");
    api.lua_settop(address, 0);
    lua.global.set("obj", object);
    return lua.doStringSync(health) as Health;
  } finally {
    lua.global.close();
  }
}

const virtualService = (status: unknown, generation = 1): unknown => ({
  apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata: { name: "web", generation }, ...(status !== undefined && { status: load(status as string) }),
});

describe("health of Istio's objects in Argo CD", () => {
  /** Status objects as Istio writes them: from its documentation, and from reports of people who had them in a cluster. */
  const rows: readonly { readonly name: string; readonly status?: string; readonly generation?: number; readonly expected: Health }[] = [
    { name: "an object without a status is healthy, as everywhere that Istio writes none", expected: { status: "Healthy" } },
    { name: "an empty status is healthy", status: "{}", expected: { status: "Healthy" } },
    {
      name: "an error is shown with its meaning and link (https://github.com/istio/istio/issues/30120)",
      status: `
conditions:
- {lastProbeTime: "2021-01-15T19:45:54.504546007Z", lastTransitionTime: "2021-01-15T19:45:54.504547691Z", message: 4/4 proxies up to date., status: "True", type: Reconciled}
observedGeneration: "1"
validationMessages:
- {documentation_url: "https://istio.io/v1.1/docs/reference/config/analysis/ist0101/?ref=status-controller", level: 3, type: {code: IST0101}}
- {documentation_url: "https://istio.io/v1.1/docs/reference/config/analysis/ist0132/?ref=status-controller", level: 8, type: {code: IST0132}}`,
      expected: { status: "Degraded", message: "IST0101: something that it refers to does not exist (https://istio.io/v1.1/docs/reference/config/analysis/ist0101/?ref=status-controller)" },
    },
    {
      name: "the same error twice is shown once (https://github.com/istio/istio/issues/40380)",
      status: `
validationMessages:
- {documentation_url: "https://istio.io/v1.11/docs/reference/config/analysis/ist0101/?ref=status-controller", level: 3, type: {code: IST0101}}
- {documentation_url: "https://istio.io/v1.11/docs/reference/config/analysis/ist0101/?ref=status-controller", level: 3, type: {code: IST0101}}`,
      expected: { status: "Degraded", message: "IST0101: something that it refers to does not exist (https://istio.io/v1.11/docs/reference/config/analysis/ist0101/?ref=status-controller)" },
    },
    {
      name: "levels by name, as Istio writes them since 1.12",
      status: `
observedGeneration: "2"
validationMessages:
- {documentationUrl: "https://istio.io/latest/docs/reference/config/analysis/ist0173/", level: ERROR, type: {code: IST0173}}`,
      generation: 2,
      expected: { status: "Degraded", message: "IST0173: a subset selects no pods (https://istio.io/latest/docs/reference/config/analysis/ist0173/)" },
    },
    {
      name: "the text of a message where there is one (https://istio.io/latest/docs/reference/config/config-status/)",
      status: `
conditions:
- {lastProbeTime: null, lastTransitionTime: "2019-12-26T22:06:56Z", message: 1 Error and 1 Warning found. See validationMessages field for details, reason: errorsFound, status: "False", type: PassedAnalysis}
validationMessages:
- {code: IST0101, level: Error, message: 'Referenced gateway not found: "bogus-gateway"'}
- {code: IST0102, level: Warn, message: mTLS not enabled for virtual service}`,
      expected: { status: "Degraded", message: 'IST0101: Referenced gateway not found: "bogus-gateway"' },
    },
    {
      name: "a warning alone is healthy and is said",
      status: 'validationMessages: [{documentationUrl: "https://istio.io/latest/docs/reference/config/analysis/ist0130/", level: WARNING, type: {code: IST0130}}]',
      expected: { status: "Healthy", message: "warning: IST0130 (https://istio.io/latest/docs/reference/config/analysis/ist0130/)" },
    },
    {
      name: "a message without a level is no error (https://github.com/istio/istio/issues/29445)",
      status: 'validationMessages: [{documentation_url: "https://istio.io/v1.8/docs/reference/config/analysis/ist0130/?ref=status-controller", type: {code: IST0130}}]',
      expected: { status: "Healthy" },
    },
    {
      name: "information alone is healthy",
      status: "validationMessages: [{level: INFO, type: {code: IST0118}}]",
      expected: { status: "Healthy" },
    },
    {
      name: "an error of an older generation is progressing: Istio looks at the new one within seconds",
      status: 'observedGeneration: "1"\nvalidationMessages: [{documentationUrl: "https://istio.io/latest/docs/reference/config/analysis/ist0101/", level: ERROR, type: {code: IST0101}}]',
      generation: 2,
      expected: { status: "Progressing", message: "Istio has not looked at the latest change yet; before it: IST0101: something that it refers to does not exist (https://istio.io/latest/docs/reference/config/analysis/ist0101/)" },
    },
    {
      name: "a status of an older generation without errors is healthy: Istio never writes that one again (https://github.com/istio/istio/issues/31931)",
      status: 'observedGeneration: "1"\nvalidationMessages: []',
      generation: 4,
      expected: { status: "Healthy" },
    },
    {
      name: "distribution to the proxies, of Istio up to 1.22, is progressing",
      status: 'conditions: [{lastProbeTime: null, lastTransitionTime: "2019-12-26T22:06:34Z", message: "61/122 complete", reason: stillPropagating, status: "False", type: Reconciled}]',
      expected: { status: "Progressing", message: "61/122 complete" },
    },
    {
      name: "a policy that a waypoint does not take is degraded",
      status: 'conditions: [{type: ZtunnelAccepted, status: "True", reason: Accepted}, {type: WaypointAccepted, status: "False", reason: Invalid, message: "target not found", observedGeneration: "1"}]',
      expected: { status: "Degraded", message: "WaypointAccepted: target not found" },
    },
  ];

  for (const { name, status, generation, expected } of rows) {
    test(name, async () => assert.deepEqual({ ...await judge(virtualService(status, generation)) }, expected));
  }

  test("the interpreter has what Argo CD's has, and no string library", async () => {
    await assert.rejects(judge({}, 'return { status = string.lower("A") }'), /nil value \(global 'string'\)/);
    await assert.rejects(judge({}, 'return { status = ("A"):lower() }'), /index a string value/);
    for (const name of ["io", "math", "coroutine", "debug", "utf8"]) assert.deepEqual({ ...await judge({}, `return { status = type(${name}) }`) }, { status: "nil" });
  });

  test("no global name of the script stays behind in Argo CD's interpreter", () => {
    assert.deepEqual(script.split("\n").filter((line) => /^(function|[A-Za-z_]\w*\s*=)/.test(line)), []);
  });
});

describe("differences that Argo CD ignores", () => {
  const { ignoreDifferences } = load(readFileSync(join(root, "gitops/argocd/ignore-differences.yaml"), "utf8")) as { ignoreDifferences: { group: string; kind: string; jqPathExpressions: string[] }[] };
  const found = spawnSync("jq", ["--version"]).status === 0;
  const skip = found ? false : "no jq on this machine";

  /** What Argo CD compares: the object without these fields. */
  function strip(kind: string, object: unknown): unknown {
    const expressions = ignoreDifferences.filter((each) => each.kind === kind).flatMap((each) => each.jqPathExpressions);
    return expressions.reduce<unknown>((left, expression) => {
      const run = spawnSync("jq", ["-c", `del(${expression})`], { input: JSON.stringify(left), encoding: "utf8" });
      assert.equal(run.stderr, "");
      return JSON.parse(run.stdout);
    }, object);
  }

  test("weights of HTTP, TLS and TCP routes, and nothing beside them", { skip }, () => {
    const make = (stable: number, timeout: string): unknown => ({ spec: Object.fromEntries(["http", "tls", "tcp"].map((kind) => [kind, [{ timeout, route: [{ destination: { host: "web" }, weight: stable }, { destination: { host: "web-canary" }, weight: 100 - stable }] }]])) });
    assert.deepEqual(strip("VirtualService", make(80, "5s")), strip("VirtualService", make(100, "5s")));
    assert.notDeepEqual(strip("VirtualService", make(100, "5s")), strip("VirtualService", make(100, "30s")));
  });

  test("an object without any of these fields", { skip }, () => {
    for (const kind of ["VirtualService", "DestinationRule"]) assert.deepEqual(strip(kind, { spec: { hosts: ["web"] } }), { spec: { hosts: ["web"] } });
  });

  test("the hash that Argo Rollouts adds to subsets", { skip }, () => {
    const make = (more: object): unknown => ({ spec: { host: "web", subsets: [{ name: "stable", labels: { app: "web", ...more } }, { name: "plain" }] } });
    assert.deepEqual(strip("DestinationRule", make({ "rollouts-pod-template-hash": "7bf84f9696" })), make({}));
  });
});
