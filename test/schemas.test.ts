import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { load } from "js-yaml";
import { rows, settingNames } from "../generators/annotations/table.ts";
import type { Fix } from "../generators/diagnostics/catalogue.ts";
import { asMapping, type KubeObject } from "../generators/kube/object.ts";
import { definitions, kinds, known } from "../generators/schemas/definitions.ts";
import type { Finding } from "../generators/schemas/finding.ts";
import { findSince, isList, isMap, isNewerIstio, isObject, resolve, walkFields } from "../generators/schemas/lookup.ts";
import { oldNames, oldWords } from "../generators/schemas/old-names.ts";
import { rulesByKind } from "../generators/schemas/rules.ts";
import type { Schema } from "../generators/schemas/schema.ts";
import { validateIstio } from "../generators/schemas/validate.ts";
import { validator } from "../generators/schemas/validator.ts";
import { convertCrds, findNewRules, type Crd } from "../scripts/schemas/convert.ts";
import { root } from "./support/cases.ts";
import { readJudged } from "../scripts/schemas/istio-objects.ts";

const readCrds = (version: string): readonly Crd[] => JSON.parse(gunzipSync(readFileSync(join(root, `test/istio-crds/${version}.json.gz`))).toString()) as Crd[];
const oldest = convertCrds(readCrds(known.oldest));
const newest = convertCrds(readCrds(known.newest));

/** A schema with every name looked up and nothing said of versions. */
function expand(schema: Schema): unknown {
  const resolved = resolve(schema);
  if (typeof resolved === "string") return resolved;
  const { since: _, ...rest } = resolved as { since?: unknown };
  if (isObject(resolved)) return { ...rest, fields: Object.fromEntries(Object.entries(resolved.fields).map(([name, each]) => [name, expand(each)])) };
  if (isList(resolved)) return { ...rest, items: expand(resolved.items) };
  return isMap(resolved) ? { ...rest, values: expand(resolved.values) } : rest;
}

const fieldsOf = (kind: { readonly spec: Schema } | undefined): readonly string[] => (kind ? [...walkFields(kind.spec)].map(({ path }) => path) : []);

describe("what is known of Istio's objects", () => {
  test("is what the CRDs of the newest Istio say", () => {
    assert.deepEqual(findNewRules(readCrds(known.newest)), []);
    assert.deepEqual(Object.keys(kinds), Object.keys(newest).sort());
    for (const [name, { versions, needsSpec, spec }] of Object.entries(kinds)) {
      assert.deepEqual({ versions, needsSpec, spec: expand(spec) }, { versions: newest[name]!.versions, needsSpec: newest[name]!.needsSpec, spec: expand(newest[name]!.spec) }, name);
    }
  });

  test("says of each field that the oldest Istio lacks since when it is there, and of no other", () => {
    for (const [name, kind] of Object.entries(kinds)) {
      const [group, word] = name.split(" ") as [string, string];
      const before = fieldsOf(oldest[name]);
      for (const path of fieldsOf(kind)) {
        const since = findSince(group, word, path) ?? kind.since?.[""];
        assert.equal(since === undefined, before.includes(path), `${name} ${path}: ${since ?? "always"}`);
        if (since !== undefined) assert.ok(isNewerIstio(since, known.oldest) && !isNewerIstio(since, known.newest), `${name} ${path}: ${since}`);
      }
      assert.deepEqual(before.filter((path) => !fieldsOf(kind).includes(path)), [], `${name}: no field was ever taken away`);
    }
  });

  test("agrees with the annotations on the first Istio that has a field", () => {
    for (const name of settingNames) {
      for (const written of rows[name].writes.split(", ")) {
        const [kind = "", path = ""] = written.split(" ");
        if (!/^(VirtualService|DestinationRule)$/.test(kind) || path === "") continue;
        const since = findSince("networking.istio.io", kind, path);
        if (since === undefined && (rows[name].istio === undefined || !isNewerIstio(rows[name].istio, known.oldest))) continue;
        assert.equal(rows[name].istio, since, `${name} writes ${written}`);
      }
    }
  });

  test("has the versions that the rule book names", () => {
    const since = (kind: string, path: string): string | undefined => findSince("networking.istio.io", kind, path);
    const policy = "spec.subsets[].trafficPolicy";
    assert.deepEqual([
      since("DestinationRule", `${policy}.loadBalancer.warmup.aggression`), since("DestinationRule", `${policy}.loadBalancer.consistentHash.httpCookie.attributes`),
      since("DestinationRule", "spec.trafficPolicy.loadBalancer.zoneAwareLbSetting"), since("DestinationRule", "spec.trafficPolicy.retryBudget.percent"),
      since("DestinationRule", "spec.trafficPolicy.retryBudget.budgetInterval"), since("DestinationRule", "spec.trafficPolicy.connectionPool.http.http2KeepAlive"),
      since("DestinationRule", "spec.trafficPolicy.portLevelSettings[].outlierDetection.outlierDetectionHttpErrorCodes"), since("DestinationRule", "spec.trafficPolicy.tls.caCrl"),
      since("VirtualService", "spec.http[].retries.backoff"), since("VirtualService", "spec.http[].retries.retryIgnorePreviousHosts"),
      since("VirtualService", "spec.http[].corsPolicy.unmatchedPreflights"), since("VirtualService", "spec.http[].redirect.prefixRewrite"), since("VirtualService", "spec.http[].timeout"),
    ], ["1.24", "1.28", "1.31", "1.27", "1.31", "1.31", "1.31", undefined, "1.26", "1.26", "1.23", "1.31", undefined]);
    assert.deepEqual(kinds["extensions.istio.io TrafficExtension"]!.since, { "": "1.30" });
  });

  test("has no definition that nothing uses", () => {
    const text = JSON.stringify([kinds, definitions]);
    assert.deepEqual(Object.keys(definitions).filter((name) => !text.includes(`"#${name}"`)), []);
  });

  test("speaks of old names where they are: fields of today that go out of use, and fields that are gone", () => {
    for (const [kind, names] of Object.entries(oldNames)) {
      const [name] = Object.keys(kinds).filter((each) => each.endsWith(` ${kind}`));
      const fields = fieldsOf(kinds[name!]).map((path) => path.replaceAll("[]", "").replaceAll("{}", ""));
      for (const [field, { state }] of Object.entries(names)) {
        assert.equal(fields.some((path) => path === field || path.endsWith(`.${field}`)), state !== "gone", `${kind} ${field} is ${state}`);
        const above = field.slice(0, field.lastIndexOf("."));
        assert.ok(fields.some((path) => path === above || path.endsWith(`.${above}`)), `${kind} has ${above}`);
      }
    }
    for (const [word, { word: now }] of Object.entries(oldWords)) assert.match(JSON.stringify(definitions), new RegExp(`"${word}".*"${now}"|"${now}".*"${word}"`));
  });

  test("has every rule of the webhook at a field that is there", () => {
    for (const [kind, rules] of Object.entries(rulesByKind)) {
      const fields = fieldsOf(kinds[Object.keys(kinds).find((name) => name.endsWith(` ${kind}`))!]);
      for (const { at } of rules) assert.ok(fields.some((path) => path === at || path === at.replace(/(\[\]|\{\})$/, "")), `${kind} ${at}`);
    }
  });
});

const soft: readonly Finding["kind"][] = ["deprecated", "ignored", "old-version"];
const errorsOf = (object: KubeObject): readonly Finding[] => validateIstio(object).filter(({ kind }) => !soft.includes(kind));

/** The object with one field changed as a fix says. */
function applyFix(object: KubeObject, path: readonly string[], fix: Fix): KubeObject {
  const copy = structuredClone(object) as { [key: string]: unknown };
  let parent: { [key: string]: unknown } | unknown[] = copy;
  const indexOf = (step: string): number => Number(step.slice(1, -1));
  for (const step of path.slice(0, -1)) parent = (Array.isArray(parent) ? parent[indexOf(step)] : parent[step]) as typeof parent;
  const last = path.at(-1)!;
  if (Array.isArray(parent)) {
    if (fix.remove) parent.splice(indexOf(last), 1);
    else parent[indexOf(last)] = load(fix.value!);
    return copy;
  }
  const value = fix.value === undefined ? parent[last] : load(fix.value);
  const kept = Object.entries(parent).flatMap(([key, each]): [string, unknown][] => (key !== last ? [[key, each]] : fix.remove ? [] : [[fix.rename ?? key, value]]));
  for (const key of Object.keys(parent)) delete parent[key];
  Object.assign(parent, Object.fromEntries(kept));
  return copy;
}

describe("an Istio object", () => {
  const judged = readJudged();

  test(`is refused exactly where a cluster refuses it, in ${judged.length} cases of which each has one thing to say`, () => {
    assert.ok(judged.length > 600 && judged.some(({ refused }) => refused) && judged.some(({ refused }) => !refused));
    const wrong = judged.filter(({ object, refused }) => (errorsOf(object).length > 0) !== refused)
      .map(({ name, object, refused }) => `${name}: a cluster ${refused ? "refuses" : "takes"} it; ${JSON.stringify(errorsOf(object))}`);
    assert.deepEqual(wrong, []);
  });

  test("is sound at the place of a fix once that is applied", () => {
    let fixed = 0;
    for (const { name, object } of judged) {
      for (const { path, fix } of validateIstio(object)) {
        if (!fix) continue;
        fixed += 1;
        const after = applyFix(object, path, fix);
        const at = fix.rename === undefined ? path : [...path.slice(0, -1), fix.rename];
        const above = fix.remove ? path.slice(0, -1) : at;
        const left = validateIstio(after).filter((finding) => above.every((step, i) => finding.path[i] === step));
        const before = validateIstio(object).length;
        assert.ok(validateIstio(after).length < before, `${name}: ${JSON.stringify(fix)} leaves ${JSON.stringify(left)}`);
      }
    }
    assert.ok(fixed > 20);
  });

  test("says where the field is that is meant, and what stands there", () => {
    for (const { name, object } of judged) {
      for (const finding of validateIstio(object)) {
        assert.ok(finding.found !== "" && finding.expects !== "" && !finding.found.includes("undefined") && !finding.expects.includes("undefined"), `${name}: ${JSON.stringify(finding)}`);
        let value: unknown = object;
        for (const step of finding.path.slice(0, -1)) {
          value = step.startsWith("[") ? (value as unknown[])[Number(step.slice(1, -1))] : asMapping(value)?.[step];
          assert.notEqual(value, undefined, `${name}: no ${finding.path.join(".")}`);
        }
      }
    }
  });

  const destinationRule = (trafficPolicy: unknown, more: object = {}): KubeObject => ({ apiVersion: "networking.istio.io/v1", kind: "DestinationRule", metadata: { name: "x", namespace: "shop" }, spec: { host: "web", trafficPolicy }, ...more });
  const helps = (object: KubeObject): readonly (string | undefined)[] => validateIstio(object).map(({ help, expects, fix }) => help ?? (fix ? `${fix.rename ?? ""} ${fix.value ?? ""}`.trim() : expects));

  test("is understood by the names and places that people mix up", () => {
    const virtualService = (http: object, more: object = {}): KubeObject => ({ apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata: { name: "x" }, spec: { hosts: ["web"], http: [{ route: [{ destination: { host: "web" } }], ...http }], ...more } });
    assert.deepEqual(helps({ ...destinationRule({ tls: {} }), spec: { host: "web", outlierDetection: { interval: "5s" } } }), ["it belongs at spec.trafficPolicy.outlierDetection"]);
    assert.deepEqual(helps(virtualService({}, { mirror: { host: "b" } })), ["it belongs at spec.http[].mirror"]);
    assert.deepEqual(helps(virtualService({}, { timeout: "5s" })), ["it belongs at spec.http[].timeout"]);
    assert.deepEqual(helps(virtualService({ perTryTimeout: "5s" })), ["it belongs at spec.http[].retries.perTryTimeout"]);
    assert.deepEqual(helps(virtualService({}, { subsets: [{ name: "v1" }] })), ["a DestinationRule has it, at spec.subsets"]);
    assert.deepEqual(helps(virtualService({ timout: "5s" })), ["did you mean timeout?"]);
    assert.deepEqual(helps(virtualService({ retries: { attempts: 1, per_try_timeout: "5s" } })), ["did you mean perTryTimeout?"]);
    assert.deepEqual(helps(virtualService({ websocketUpgrade: true })), ["Istio has nothing: WebSocket upgrades are always let through"]);
    assert.deepEqual(helps(virtualService({ timeout: 15 })), ["did you mean 15s?"]);
    assert.deepEqual(helps(destinationRule({ outlierDetection: { consecutiveErrors: 5 } })), ["consecutive5xxErrors"]);
    assert.deepEqual(helps(destinationRule({ loadBalancer: { simple: "LEAST_CONN" } })), ["LEAST_REQUEST"]);
    assert.deepEqual(helps(destinationRule({ loadBalancer: { warmupDurationSecs: "60s" } })), ["warmup {duration: 60s}"]);
  });

  test("is held against the oldest Istio that it must run on", () => {
    const budget = destinationRule({ retryBudget: { percent: 20 } });
    assert.deepEqual(validateIstio(budget, { istioVersion: "1.26" }).map(({ kind, path, since }) => [kind, path.join("."), since]), [["newer", "spec.trafficPolicy.retryBudget", "1.27"]]);
    assert.deepEqual(validateIstio(budget, { istioVersion: "1.27" }), []);
    // The field that is to be used instead is not there yet.
    assert.deepEqual(validateIstio(destinationRule({ loadBalancer: { warmupDurationSecs: "60s" } }), { istioVersion: "1.23" }), []);
    const entry = (resolution: string): KubeObject => ({ apiVersion: "networking.istio.io/v1", kind: "ServiceEntry", metadata: { name: "x" }, spec: { hosts: ["a.com"], resolution } });
    assert.deepEqual(validateIstio(entry("DYNAMIC_DNS"), { istioVersion: "1.27" }).map(({ kind, since }) => [kind, since]), [["newer", "1.28"]]);
    const extension: KubeObject = { apiVersion: "extensions.istio.io/v1alpha1", kind: "TrafficExtension", metadata: { name: "x" }, spec: { lua: { inlineCode: "x" } } };
    assert.deepEqual(validateIstio(extension, { istioVersion: "1.29" }).map(({ kind, since }) => [kind, since]), [["newer", "1.30"]]);
  });

  test("says where kubectl reads a word without quotes as a boolean", () => {
    const object: KubeObject = { apiVersion: "networking.istio.io/v1", kind: "DestinationRule", metadata: { name: "x" }, spec: { host: "web", subsets: [{ name: "on", labels: { beta: "yes", version: "v1" } }] } };
    const { findTraps } = validator;
    assert.deepEqual(findTraps(object, () => true).map(({ path, fix }) => [path.join("."), fix?.value]), [["spec.subsets.[0].name", '"on"'], ["spec.subsets.[0].labels.beta", '"yes"']]);
    assert.deepEqual(findTraps(object, (path) => path.at(-1) === "name").length, 1);
    assert.deepEqual(findTraps(object, () => false), []);
  });

  test("is known by its group, kind and version", () => {
    const of = (apiVersion: string, kind: string): readonly string[] => validateIstio({ apiVersion, kind, metadata: { name: "x" }, spec: {} }).map((finding) => `${finding.kind}: ${finding.expects}`);
    assert.deepEqual(of("networking.istio.io/v1", "EnvoyFilter"), ["version: networking.istio.io/v1alpha3: EnvoyFilter has no other version"]);
    assert.deepEqual(of("security.istio.io/v1beta1", "PeerAuthentication"), ["old-version: security.istio.io/v1"]);
    assert.deepEqual(of("networking.istio.io/v1", "PeerAuthentication"), ["version: security.istio.io/v1, where PeerAuthentication is"]);
    assert.deepEqual(of("authentication.istio.io/v1alpha1", "Policy"), ["version: PeerAuthentication and RequestAuthentication of security.istio.io/v1"]);
    assert.match(validateIstio({ apiVersion: "networking.istio.io/v1", kind: "VirtualServise", metadata: { name: "x" } })[0]!.help!, /did you mean VirtualService\?/);
    assert.deepEqual(of("install.istio.io/v1alpha1", "IstioOperator"), []);
    assert.deepEqual(of("example.com/v1", "VirtualService"), []);
  });

});
