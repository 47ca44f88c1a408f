import { equal } from "../../generators/kube/object.ts";
import type { KindSchema, LeafSchema, ListSchema, MapSchema, ObjectSchema, Schema } from "../../generators/schemas/schema.ts";

/** The part of a CustomResourceDefinition that is read here. */
export interface Crd {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly served: boolean; readonly storage: boolean; readonly schema: { readonly openAPIV3Schema: OpenApi } }[];
  };
}

/** A structural schema as Kubernetes has it. */
export interface OpenApi {
  readonly type?: string;
  readonly properties?: { readonly [name: string]: OpenApi };
  readonly items?: OpenApi;
  readonly additionalProperties?: OpenApi;
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly oneOf?: readonly Alternative[];
  readonly allOf?: readonly { readonly oneOf: readonly Alternative[] }[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-validations"?: readonly { readonly rule: string; readonly message?: string }[];
}

interface Alternative {
  readonly required?: readonly string[];
  readonly not?: unknown;
}

export interface Definitions {
  /** By `<group> <kind>`. */
  readonly kinds: { readonly [name: string]: KindSchema };
  readonly definitions: { readonly [name: string]: Schema };
}

const groups = /^(networking|security|telemetry|extensions)\.istio\.io$/;

/**
 * CEL rules that a schema cannot hold. Those of VirtualService and DestinationRule stand in generators/schemas/rules.ts;
 * the API server says the others itself.
 */
const leftToRules = [
  /^self\.all\(key, !key\.contains\("\*"\)\)$/, /^self\.all\(key, key\.size\(\) != 0\)$/, /^!self\.contains\("\*"\)$/,
];
const leftToServer = [
  /^isURL\(self\)/, /^url\(self\)/, /valueFrom/, /startsWith\("unix:/, /^has\(self\.context\)/, /self\.resolution/, /^has\(self\.address\)/, /^self\.all\(key, size\(key\)/, /exists_one/,
  /serviceAccounts/, /portLevelMtls/, /int\(key\)/, /self\.operation/, /^self != "\*"$/, /^self in \["", "HTTP", "HTTPS"\]$/, /^has\(self\.wasm\) != has\(self\.lua\)$/,
];
const isDuration = "duration(self) >= duration('1ms')";
const isPort = "0 < self && self <= 65535";
const isEmpty = "self.size() == 0";

/** The schemas of one Istio, without what newer ones added. */
export function convertCrds(crds: readonly Crd[]): { readonly [name: string]: KindSchema } {
  return Object.fromEntries(crds.filter(({ spec }) => groups.test(spec.group)).map(({ spec }) => {
    const served = spec.versions.filter((version) => version.served);
    const { properties, required } = (served.find(({ storage }) => storage) ?? served[0]!).schema.openAPIV3Schema;
    return [`${spec.group} ${spec.names.kind}`, {
      versions: served.map(({ name }) => name), ...(required?.includes("spec") && { needsSpec: true as const }), spec: convert(properties!["spec"]!),
    }];
  }));
}

/** Rules of the newest Istio that neither the conversion nor the lists above know: somebody has to look at them. */
export function findNewRules(crds: readonly Crd[]): readonly string[] {
  const known = [...leftToRules, ...leftToServer, /^(\(has\(self\.\w+\) \? 1 : 0\)( \+ )?)+ <= 1$/];
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const { rule } of (value as OpenApi)["x-kubernetes-validations"] ?? []) {
      if (![isDuration, isPort, isEmpty].includes(rule) && !known.some((each) => each.test(rule))) found.add(rule);
    }
    for (const each of Object.values(value)) visit(each);
  };
  visit(crds.filter(({ spec }) => groups.test(spec.group)));
  return [...found];
}

function convert(schema: OpenApi): Schema {
  const rules = (schema["x-kubernetes-validations"] ?? []).map(({ rule }) => rule);
  if (schema["x-kubernetes-preserve-unknown-fields"] || schema["x-kubernetes-int-or-string"]) return "any";
  if (schema.type === "object") return schema.additionalProperties ? convertMap(schema) : convertObject(schema, rules);
  if (schema.type === "array") return convertList(schema);
  return convertLeaf(schema, rules);
}

function convertObject({ properties = {}, required, oneOf, allOf }: OpenApi, rules: readonly string[]): ObjectSchema {
  const stated = [...(oneOf ? [oneOf] : []), ...(allOf ?? []).map((each) => each.oneOf)].map((alternatives) => alternatives.flatMap((each) => each.required ?? []));
  const counted = rules.filter((rule) => rule.endsWith("<= 1") && rule.startsWith("(has(")).map((rule) => [...rule.matchAll(/has\(self\.(\w+)\)/g)].map(([, name]) => name!));
  const exclusive = [...stated, ...counted].filter((names) => names.length > 1);
  return {
    fields: Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, convert(each)])),
    ...(required && { required }), ...(exclusive.length > 0 && { groups: exclusive }),
  };
}

function convertList({ items, minItems, maxItems, "x-kubernetes-list-map-keys": keys }: OpenApi): ListSchema {
  return defined({ items: convert(items!), minItems, maxItems, keys });
}

function convertMap({ additionalProperties, minProperties, maxProperties }: OpenApi): MapSchema {
  return defined({ values: convert(additionalProperties!), minProperties, maxProperties });
}

function convertLeaf(schema: OpenApi, rules: readonly string[]): Schema {
  const { type, enum: words, minLength, pattern } = schema;
  if (rules.includes(isDuration)) return "duration";
  if (type === "boolean") return "boolean";
  const isNumber = type === "integer" || type === "number";
  const leaf: LeafSchema = defined({
    type: type as LeafSchema["type"], enum: words, minLength, pattern,
    maxLength: rules.includes(isEmpty) ? 0 : schema.maxLength,
    minimum: rules.includes(isPort) ? 1 : schema.minimum ?? (isNumber && schema.format === "int32" ? -2147483648 : undefined),
    maximum: rules.includes(isPort) ? 65535 : schema.maximum ?? (isNumber && schema.format === "int32" ? 2147483647 : undefined),
    format: schema.format === "byte" ? "byte" : undefined,
  });
  return Object.keys(leaf).length === 1 ? leaf.type : leaf;
}

/** Marks in the newest schemas what older ones lack: `older` from the oldest on, each with its version. */
export function markSince(newest: { readonly [name: string]: KindSchema }, older: readonly (readonly [version: string, kinds: { readonly [name: string]: KindSchema }])[], version: string): { readonly [name: string]: KindSchema } {
  const firstWith = (has: (kinds: { readonly [name: string]: KindSchema }) => boolean): string | undefined => {
    const first = older.findIndex(([, kinds]) => has(kinds));
    return first === 0 ? undefined : first < 0 ? version : older[first]![0];
  };
  return Object.fromEntries(Object.entries(newest).map(([name, kind]) => {
    const since = Object.fromEntries(["", ...kind.versions].flatMap((each): [string, string][] => {
      const first = firstWith((kinds) => (each === "" ? kinds[name] !== undefined : kinds[name]?.versions.includes(each) ?? false));
      return first === undefined ? [] : [[each, first]];
    }));
    const spec = since[""] ? kind.spec : markSchema(kind.spec, older.map(([, kinds]) => kinds[name]?.spec), (index) => (index < 0 ? version : older[index]![0]));
    return [name, { ...kind, ...(Object.keys(since).length > 0 && { since: since[""] ? { "": since[""] } : since }), spec }];
  }));
}

/** `before`: the same place in each older Istio, the oldest first. */
function markSchema(schema: Schema, before: readonly (Schema | undefined)[], versionOf: (index: number) => string): Schema {
  if (typeof schema === "string") return schema;
  const at = (each: Schema | undefined, step: (schema: ObjectSchema & ListSchema & MapSchema) => Schema | undefined): Schema | undefined => (typeof each === "object" ? step(each as ObjectSchema & ListSchema & MapSchema) : undefined);
  if ("items" in schema) return { ...schema, items: markSchema(schema.items, before.map((each) => at(each, ({ items }) => items)), versionOf) };
  if ("values" in schema) return { ...schema, values: markSchema(schema.values, before.map((each) => at(each, ({ values }) => values)), versionOf) };
  if ("fields" in schema) {
    const since: { [field: string]: string } = {};
    const fields = Object.fromEntries(Object.entries(schema.fields).map(([name, field]) => {
      const known = before.map((each) => at(each, (object) => object.fields?.[name]));
      const first = known.findIndex((each) => each !== undefined);
      if (first !== 0) since[name] = versionOf(first);
      return [name, first < 0 ? field : markSchema(field, known.slice(first), (index) => versionOf(index < 0 ? index : index + first))];
    }));
    return { ...schema, fields, ...(Object.keys(since).length > 0 && { since }) };
  }
  const since = Object.fromEntries((schema.enum ?? []).flatMap((word): [string, string][] => {
    const first = before.findIndex((each) => typeof each === "object" && "type" in each && each.enum?.includes(word));
    return first === 0 ? [] : [[word, versionOf(first)]];
  }));
  return Object.keys(since).length > 0 ? { ...schema, since } : schema;
}

/** What several places share stands once, under the name of the first field that has it. */
export function shareSchemas(kinds: { readonly [name: string]: KindSchema }): Definitions {
  const seen = new Map<string, { count: number; name: string }>();
  const count = (schema: Schema, name: string): void => {
    if (typeof schema === "string") return;
    const text = JSON.stringify(schema);
    const known = seen.get(text);
    seen.set(text, { count: (known?.count ?? 0) + 1, name: known?.name ?? name });
    if (known) return;
    if ("fields" in schema) for (const [field, each] of Object.entries(schema.fields)) count(each, field);
    else if ("items" in schema) count(schema.items, name.replace(/s$/, ""));
    else if ("values" in schema) count(schema.values, name.replace(/s$/, ""));
  };
  for (const [name, { spec }] of Object.entries(kinds)) count(spec, name);

  const definitions: { [name: string]: Schema } = {};
  const nameOf = new Map<string, string>();
  const share = (schema: Schema): Schema => {
    if (typeof schema === "string") return schema;
    const text = JSON.stringify(schema);
    const { count: uses, name } = seen.get(text)!;
    if (uses < 2 || text.length < 40) return inside(schema);
    const known = nameOf.get(text);
    if (known) return `#${known}`;
    const wanted = "type" in schema && schema.type === "integer" ? nameRange(schema) : name;
    let free = wanted;
    for (let i = 2; [...nameOf.values()].includes(free); i++) free = `${wanted}${i}`;
    nameOf.set(text, free);
    definitions[free] = inside(schema);
    return `#${free}`;
  };
  const inside = (schema: Exclude<Schema, string>): Schema => {
    if ("fields" in schema) return { ...schema, fields: Object.fromEntries(Object.entries(schema.fields).map(([name, each]) => [name, share(each)])) };
    if ("items" in schema) return { ...schema, items: share(schema.items) };
    if ("values" in schema) return { ...schema, values: share(schema.values) };
    return schema;
  };
  const shared = Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, { ...kind, spec: share(kind.spec) }]));
  return { kinds: shared, definitions: Object.fromEntries(Object.entries(definitions).sort(([a], [b]) => (a < b ? -1 : 1))) };
}

function nameRange({ minimum, maximum }: LeafSchema): string {
  const known: { readonly [range: string]: string } = { "-2147483648 2147483647": "int32", "0 4294967295": "uint32", "1 65535": "port number" };
  return known[`${minimum} ${maximum}`] ?? `${minimum} to ${maximum}`;
}

/** What a test keeps of a CRD: nothing that only people read, and one schema for all versions, which have the same. */
export function stripCrd({ spec }: Crd): Crd {
  const strip = (value: unknown, isProperties = false): unknown => {
    if (Array.isArray(value)) return value.map((each) => strip(each));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).flatMap(([key, each]) => (!isProperties && ["description", "example", "title"].includes(key) ? [] : [[key, strip(each, key === "properties")]])));
  };
  const specOf = ({ schema }: Crd["spec"]["versions"][number]): unknown => strip(schema.openAPIV3Schema.properties?.["spec"]);
  const storage = spec.versions.find((version) => version.storage)!;
  for (const version of spec.versions) if (!equal(specOf(version), specOf(storage))) throw new Error(`${spec.names.kind}: ${version.name} differs from ${storage.name}`);
  return {
    spec: {
      group: spec.group, names: { kind: spec.names.kind },
      versions: spec.versions.map(({ name, served, storage: isStored, schema }) => ({
        name, served, storage: isStored,
        schema: { openAPIV3Schema: isStored ? { ...(schema.openAPIV3Schema.required && { required: schema.openAPIV3Schema.required }), properties: { spec: specOf(storage) as OpenApi } } : {} },
      })),
    },
  };
}

function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}
