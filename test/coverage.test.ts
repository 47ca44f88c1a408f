import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadAll } from "js-yaml";
import { rows, settingNames } from "../generators/annotations/table.ts";
import { asList, asMapping, generatedFrom, groupOf, kindOf, mappingAt, type KubeObject } from "../generators/kube/object.ts";
import { findKind, isLeaf, isList, isMap, isObject, resolve, walkFields, type Resolved } from "../generators/schemas/lookup.ts";
import type { Schema } from "../generators/schemas/schema.ts";
import { findCases, root } from "./support/cases.ts";

const file = join(root, "test/coverage.json");
const kinds = ["DestinationRule", "VirtualService"];

/** For each field of a kind the annotations that write it, or why none does. */
type Coverage = { readonly [kind: string]: { readonly [field: string]: readonly string[] | string } };

/** The rows that take any YAML: what they write is in people's hands. */
const hatches = new Set<string>(["routes", "tcp-routes", "tls-routes", "virtual-service-patch", "destination-rule-patch"]);

/** What a subset or a port says is written by the same annotations as what the whole rule says. */
function canonical(path: string): string {
  return path.replace(/^spec\.subsets\[\]\.trafficPolicy\./, "spec.trafficPolicy.").replace(/^spec\.trafficPolicy\.portLevelSettings\[\]\.(?!port\.)/, "spec.trafficPolicy.");
}

function holdsValue(schema: Resolved): boolean {
  return isLeaf(schema) || (isList(schema) && isLeaf(resolve(schema.items))) || (isMap(schema) && isLeaf(resolve(schema.values)));
}

function schemaOf(kind: string): Schema {
  return findKind("networking.istio.io", kind)!.spec;
}

function leavesOf(kind: string): readonly string[] {
  const leaves = [...walkFields(schemaOf(kind))].filter(({ schema }) => holdsValue(schema)).map(({ path }) => canonical(path));
  return [...new Set(leaves)].sort();
}

/** What a row says that it writes, by kind; not the one that repeats a whole rule. */
const claims = settingNames.filter((name) => !hatches.has(name) && name !== "default-route").flatMap((name) =>
  rows[name].writes.replace("VirtualService and DestinationRule ", "VirtualService spec.exportTo, DestinationRule ").split(", ").flatMap((each) => {
    const [kind = "", path = ""] = each.split(" ");
    return kinds.includes(kind) && path !== "" ? [{ name, kind, path }] : [];
  }));

/** The fields that stand in objects which istiomize made in the goldens, without the help of a row that takes any YAML. */
function findShown(): ReadonlyMap<string, ReadonlySet<string>> {
  const shown = new Map(kinds.map((kind) => [kind, new Set<string>()]));
  const add = (kind: string, schema: Schema, value: unknown, path: string): void => {
    const resolved = resolve(schema);
    if (holdsValue(resolved)) shown.get(kind)!.add(canonical(path));
    else if (isList(resolved)) for (const each of asList(value)) add(kind, resolved.items, each, `${path}[]`);
    else if (isMap(resolved)) for (const each of Object.values(asMapping(value) ?? {})) add(kind, resolved.values, each, `${path}{}`);
    else if (isObject(resolved)) for (const [key, each] of Object.entries(asMapping(value) ?? {})) if (resolved.fields[key]) add(kind, resolved.fields[key], each, `${path}.${key}`);
  };
  for (const { directory } of findCases()) {
    const [input, output] = [join(directory, "input.yaml"), join(directory, "expected/output.yaml")];
    if (!existsSync(input) || !existsSync(output) || [...hatches].some((name) => new RegExp(`istiomize\\.dev/(\\S+\\.)?${name}\\b`).test(readFileSync(input, "utf8")))) continue;
    const text = readFileSync(output, "utf8");
    for (const document of (text.includes(generatedFrom) ? readAll(text) : []) as (KubeObject | null)[]) {
      const objects = document && kindOf(document) === "ResourceList" ? (document["items"] as KubeObject[]) : document ? [document] : [];
      for (const object of objects) {
        if (groupOf(object) === "networking.istio.io" && kinds.includes(kindOf(object)) && Object.hasOwn(mappingAt(object, "metadata", "annotations"), generatedFrom)) add(kindOf(object), schemaOf(kindOf(object)), object["spec"], "spec");
      }
    }
  }
  return shown;
}

/** The documents of an output; nothing where it carries broken YAML through. */
function readAll(text: string): unknown[] {
  try {
    return loadAll(text, undefined, { json: true });
  } catch {
    return [];
  }
}

/** Field by field: a row that names the field writes it; one that names what is around it must have been seen to. */
function measure(known: Coverage): Coverage {
  const shown = findShown();
  return Object.fromEntries(kinds.map((kind) => [kind, Object.fromEntries(leavesOf(kind).map((field) => {
    const within = claims.filter((claim) => claim.kind === kind && (claim.path === field || field.startsWith(`${claim.path}.`) || field.startsWith(`${claim.path}[`)));
    const nearest = Math.max(...within.map(({ path }) => path.length));
    const names = within.filter(({ path }) => path === field || (path.length === nearest && shown.get(kind)!.has(field))).map(({ name }) => name);
    const reason = known[kind]?.[field];
    return [field, names.length > 0 ? [...new Set(names)].sort() : typeof reason === "string" ? reason : ""];
  }))]));
}

test("every field of a VirtualService and a DestinationRule has an annotation, or a reason to have none", () => {
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Coverage) : {};
  const measured = measure(known);
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(file, `${JSON.stringify(measured, undefined, 2).replace(/\[\n\s+([^\]]*?)\n\s+\]/g, (_, names: string) => `[${names.split(/\s*\n\s*/).join(" ")}]`)}\n`);
  const bare = Object.entries(measured).flatMap(([kind, fields]) => Object.entries(fields).flatMap(([field, by]) => (by === "" ? [`${kind} ${field}`] : [])));
  assert.deepEqual(bare, [], "fields that no annotation writes: say in test/coverage.json why (UPDATE_GOLDEN=1 adds them), and that `routes` or a patch reaches them");
  assert.deepEqual(known, measured, "test/coverage.json is out of date: UPDATE_GOLDEN=1 npx tsx --test test/coverage.test.ts");
});

test("whatever has no annotation is within reach of a row that takes any YAML", () => {
  for (const kind of kinds) assert.ok([...hatches].some((name) => rows[name as keyof typeof rows]?.writes === `${kind} spec`), kind);
});
