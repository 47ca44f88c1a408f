import { definitions, kinds } from "./definitions.ts";
import type { KindSchema, LeafSchema, ListSchema, MapSchema, ObjectSchema, Schema } from "./schema.ts";

/** A schema whose name, if it had one, was looked up; a plain type stays a word. */
export type Resolved = Exclude<Schema, string> | PlainType;
export type PlainType = "string" | "boolean" | "integer" | "number" | "duration" | "any";

export function resolve(schema: Schema): Resolved {
  if (typeof schema !== "string" || schema[0] !== "#") return schema as Resolved;
  const found = definitions[schema.slice(1)];
  if (found === undefined) throw new Error(`no definition ${schema} in the schemas of Istio`);
  return resolve(found);
}

export function isObject(schema: Resolved): schema is ObjectSchema {
  return typeof schema === "object" && "fields" in schema;
}

export function isList(schema: Resolved): schema is ListSchema {
  return typeof schema === "object" && "items" in schema;
}

export function isMap(schema: Resolved): schema is MapSchema {
  return typeof schema === "object" && "values" in schema;
}

export function isLeaf(schema: Resolved): schema is LeafSchema | PlainType {
  return typeof schema === "string" || "type" in schema;
}

export function findKind(group: string, kind: string): KindSchema | undefined {
  return kinds[`${group} ${kind}`];
}

/** Every field of a kind, a mapping before what is in it: `spec.http[].retries.attempts`; entries of a map are `{}`. */
export function* walkFields(schema: Schema, path = "spec"): Generator<{ readonly path: string; readonly schema: Resolved; readonly since?: string }> {
  const resolved = resolve(schema);
  yield { path, schema: resolved };
  yield* walkInside(resolved, path);
}

function* walkInside(schema: Resolved, path: string): Generator<{ readonly path: string; readonly schema: Resolved; readonly since?: string }> {
  if (isList(schema)) return yield* walkInside(resolve(schema.items), `${path}[]`);
  if (isMap(schema)) return yield* walkInside(resolve(schema.values), `${path}{}`);
  if (!isObject(schema)) return;
  for (const [name, each] of Object.entries(schema.fields)) {
    const field = resolve(each);
    const since = schema.since?.[name];
    yield { path: `${path}.${name}`, schema: field, ...(since !== undefined && { since }) };
    yield* walkInside(field, `${path}.${name}`);
  }
}

/** First Istio that has a field (`spec.trafficPolicy.retryBudget`), where that is newer than the oldest one known. */
export function findSince(group: string, kind: string, path: string): string | undefined {
  let schema = findKind(group, kind)?.spec;
  let since: string | undefined;
  for (const step of path.replaceAll("[]", ".[]").replaceAll("{}", ".{}").split(".").slice(1)) {
    const resolved = schema && resolve(schema);
    if (!resolved) return undefined;
    if (isObject(resolved)) {
      since = later(since, resolved.since?.[step]);
      schema = resolved.fields[step];
    } else schema = isList(resolved) ? resolved.items : isMap(resolved) ? resolved.values : undefined;
  }
  return since;
}

function later(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || (b !== undefined && isNewerIstio(b, a)) ? b : a;
}

/** Whether one Istio (`1.27`) is newer than another. */
export function isNewerIstio(a: string, b: string): boolean {
  const [major = 0, minor = 0] = a.split(".").map(Number);
  const [otherMajor = 0, otherMinor = 0] = b.split(".").map(Number);
  return major > otherMajor || (major === otherMajor && minor > otherMinor);
}
