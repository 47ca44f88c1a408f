import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { loadAll } from "js-yaml";
import "./support/version.ts";
import { besideTheRules, ruleBook } from "../generators/checks/rule-book.ts";
import { catalogue, type Code } from "../generators/diagnostics/catalogue.ts";
import { asList, asMapping, generatedFrom, kindOf, mappingAt, nameOf, namespaceOf, stringsAt, type KubeObject, type Mapping } from "../generators/kube/object.ts";
import { splitMessages } from "../generators/reference/examples.ts";
import { findCases, goldens } from "./support/cases.ts";

/** The rules of the book, by letter: how many there are. */
const letters: { readonly [letter: string]: number } = { P: 13, H: 11, V: 12, S: 14, T: 8, M: 12, K: 6 };

/** The objects that a golden's function run wrote, where it wrote any. */
function readOutput(golden: string): readonly KubeObject[] {
  const file = join(goldens, golden, "expected/output.yaml");
  if (!existsSync(file)) return [];
  try {
    const objects = loadAll(readFileSync(file, "utf8")).map(asMapping).filter((object) => object !== undefined);
    return objects.flatMap((object) => (Array.isArray(object["items"]) ? object["items"].map(asMapping).filter((item) => item !== undefined) : [object]));
  } catch {
    return []; // goldens whose output is no YAML
  }
}

/** The codes that a golden raises. */
function messagesOf(golden: string): readonly string[] {
  const file = join(goldens, golden, "expected/diagnostics.txt");
  return existsSync(file) ? splitMessages(readFileSync(file, "utf8")).map(({ code }) => code) : [];
}

const outputs = findCases().map(({ name }) => ({ name, objects: readOutput(name) })).filter(({ objects }) => objects.length > 0);

function isOurs(object: KubeObject): boolean {
  return Object.hasOwn(stringsAt(object, "metadata", "annotations"), generatedFrom);
}

/** What somebody merged into an object by hand is his, and other tests read it. */
function isPatched(objects: readonly KubeObject[]): boolean {
  return objects.some((object) => Object.keys(stringsAt(object, "metadata", "annotations")).some((key) => /-patch$|(^|\.)(tcp-|tls-)?routes$/.test(key)));
}

function rulesOf(object: KubeObject, kind: "http" | "tcp" | "tls"): readonly Mapping[] {
  return asList(mappingAt(object, "spec")[kind]).map(asMapping).filter((rule) => rule !== undefined);
}

function destinationsOf(object: KubeObject): readonly Mapping[] {
  return (["http", "tcp", "tls"] as const).flatMap((kind) => rulesOf(object, kind)).flatMap((rule) => [...asList(rule["route"]), ...asList(rule["mirrors"])])
    .map((route) => asMapping(asMapping(route)?.["destination"])).filter((destination) => destination !== undefined);
}

/** Texts of a mapping with nothing in it, at any depth, as paths. */
function emptyBlocks(value: unknown, path = ""): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((each, i) => emptyBlocks(each, `${path}[${i}]`));
  const mapping = asMapping(value);
  if (!mapping) return [];
  const entries = Object.entries(mapping);
  return entries.length === 0 ? [path] : entries.flatMap(([key, each]) => emptyBlocks(each, `${path}.${key}`));
}

/** The Services that an object says it is made from, where they name their namespace. */
function servicesOf(object: KubeObject, all: readonly KubeObject[]): readonly KubeObject[] {
  const sources = stringsAt(object, "metadata", "annotations")[generatedFrom]!.split(", ");
  return all.filter((other) => kindOf(other) === "Service" && sources.includes(`Service/${nameOf(other)}`) && mappingAt(other, "metadata")["namespace"] !== undefined);
}

type Broken = (object: KubeObject, all: readonly KubeObject[]) => boolean;

const isVirtualService: (object: KubeObject) => boolean = (object) => kindOf(object) === "VirtualService";
const isDestinationRule: (object: KubeObject) => boolean = (object) => kindOf(object) === "DestinationRule";
const isInMesh: (object: KubeObject) => boolean = (object) => isVirtualService(object) && mappingAt(object, "spec")["gateways"] === undefined;

/** What no object of ours in any golden does, by the rule that it would break. */
const never: { readonly [rule: string]: Broken } = {
  P10: (object) => isVirtualService(object) && destinationsOf(object).some((destination) => asMapping(destination["port"])?.["number"] === undefined),
  H1: (object) => [...destinationsOf(object).map(({ host }) => host), mappingAt(object, "spec")["host"]].some((host) => typeof host === "string" && /^[^.]+\.[^.]+$/.test(host)),
  H4: (object, all) => (isDestinationRule(object) || isVirtualService(object)) && servicesOf(object, all).length > 0 && !servicesOf(object, all).some((service) => namespaceOf(service) === namespaceOf(object)),
  H6: (object, all) => isDestinationRule(object) && all.some((other) => isOurs(other) && isInMesh(other) && nameOf(other) === nameOf(object) && namespaceOf(other) === namespaceOf(object)
    && JSON.stringify(mappingAt(other, "spec")["exportTo"]) !== JSON.stringify(mappingAt(object, "spec")["exportTo"])),
  H9: (object) => isInMesh(object) && asList(mappingAt(object, "spec")["hosts"]).some((host) => String(host).startsWith("*")),
  V1: (object) => isInMesh(object) && rulesOf(object, "http").some((rule, i, all) => rule["match"] === undefined && i < all.length - 1),
  V4: (object) => isVirtualService(object) && rulesOf(object, "http").some(({ route }) => asList(route).length === 1 && asMapping(asList(route)[0])?.["weight"] !== undefined),
  V11: (object) => isVirtualService(object) && asList(mappingAt(object, "spec")["gateways"]).length > 1 && asList(mappingAt(object, "spec")["gateways"]).includes("mesh"),
  S12: (object) => (isDestinationRule(object) || isVirtualService(object)) && emptyBlocks(object).some((path) => !/\.headers\.[^.]+$|\.(headers|withoutHeaders|queryParams)\./.test(path)),
  S13: (object) => isDestinationRule(object) && mappingAt(object, "spec")["trafficPolicy"] === undefined && mappingAt(object, "spec")["subsets"] === undefined,
  T2: (object) => rulesOf(object, "http").some((rule) => asMapping(rule["retries"])?.["attempts"] === 0 && Object.keys(asMapping(rule["retries"])!).length > 1),
  M9: (object) => kindOf(object) === "NetworkPolicy",
};

describe("the rule book", () => {
  test("has a row for every rule, in order", () => {
    const expected = Object.entries(letters).flatMap(([letter, count]) => Array.from({ length: count }, (_, i) => `${letter}${i + 1}`));
    assert.deepEqual(Object.keys(ruleBook), expected);
  });

  for (const [rule, { says, docs, construction, codes = {} }] of Object.entries(ruleBook)) {
    test(`${rule}: ${says}`, () => {
      assert.match(docs, /^[a-z0-9/_-]+\/(#[A-Za-z0-9-]+)?$/);
      assert.ok(construction !== undefined || Object.keys(codes).length > 0, "neither kept by construction nor by a code");
      for (const [code, golden] of Object.entries(codes)) {
        assert.ok(Object.hasOwn(catalogue, code), `${code} is in the catalogue`);
        assert.ok(messagesOf(golden).includes(code), `${golden} raises ${code}`);
      }
      if (!construction) return;
      const { golden, shows = [], never: absent = [] } = construction;
      const output = readFileSync(join(goldens, golden, "expected/output.yaml"), "utf8");
      assert.ok(shows.length + absent.length > 0, "nothing that its golden shows");
      for (const text of shows) assert.ok(output.includes(text), `${golden} shows ${JSON.stringify(text)}`);
      for (const text of absent) assert.equal(output.includes(text), false, `${golden} does not show ${JSON.stringify(text)}`);
    });
  }

  for (const [rule, isBroken] of Object.entries(never)) {
    test(`${rule} is broken by no object of ours in any golden`, () => {
      const broken = outputs.filter(({ objects }) => !isPatched(objects)).flatMap(({ name, objects }) => objects.filter((object) => isOurs(object) && isBroken(object, objects)).map((object) => `${name}: ${kindOf(object)}/${nameOf(object)}`));
      assert.deepEqual(broken, []);
    });
  }

  test("those objects are found at all", () => {
    const ours = outputs.flatMap(({ objects }) => objects.filter(isOurs));
    assert.ok(ours.filter(isVirtualService).length > 100 && ours.filter(isDestinationRule).length > 100, `${ours.length}`);
  });

  test("knows every code of a check: it belongs to a rule, or says what else it is about", () => {
    const checks = (Object.keys(catalogue) as Code[]).filter((code) => code.startsWith("IZ3"));
    const ruled = new Set(Object.values(ruleBook).flatMap(({ codes = {} }) => Object.keys(codes)));
    assert.deepEqual(checks.filter((code) => !ruled.has(code) && besideTheRules[code] === undefined), []);
    assert.deepEqual(Object.keys(besideTheRules).filter((code) => ruled.has(code as Code) || !Object.hasOwn(catalogue, code)), [], "beside the rules, yet in one, or not a code");
  });

  test("says each rule as the end of a sentence, and each construction as one", () => {
    for (const [rule, { says, construction }] of Object.entries(ruleBook)) {
      assert.match(says, /^[a-zA-Z].*[^.]$/, rule);
      if (construction) assert.match(construction.how, /^[A-Z`a-z].*\.$/, rule);
    }
  });

  test("names no golden that is not there", () => {
    const named = Object.values(ruleBook).flatMap(({ construction }) => (construction ? [construction.golden] : []));
    assert.deepEqual(named.filter((golden) => !existsSync(join(goldens, golden)) || readdirSync(join(goldens, golden)).length === 0), []);
  });
});
