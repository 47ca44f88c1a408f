/** A Kubernetes object as it was read: nothing about it is trusted beyond being a mapping. */
export type KubeObject = { readonly [key: string]: unknown };
export type Mapping = { readonly [key: string]: unknown };

/** Names one object, as `ResourceList.results[].resourceRef` does. */
export interface ResourceRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** A name that an object had before a prefix, suffix or namespace was set. */
export interface EarlierName {
  readonly name: string;
  readonly namespace: string;
}

/** An input object and what the caller knows of where it came from. */
export interface Item {
  readonly object: KubeObject;
  /** File inside the package, where the caller is one that writes files back (kpt). */
  readonly path?: string;
  /** Earlier names, where the caller knows them; else they are read from kustomize's annotations. */
  readonly earlier?: readonly EarlierName[];
}

export const annotationPrefix = "istiomize.dev/";

/** Annotation on every object that istiomize makes: the Service and the ServiceMesh it came from. */
export const generatedFrom = "istiomize.dev/generated-from";

/** Annotation on generated objects with the warnings about them, where `spec.argocd.recordWarnings` asks for it. */
export const warningsKey = "istiomize.dev/warnings";

export function asMapping(value: unknown): Mapping | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Mapping) : undefined;
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** The mapping at a path of keys; an empty one where a step is missing or no mapping. */
export function mappingAt(value: unknown, ...path: readonly string[]): Mapping {
  let found: unknown = value;
  for (const key of path) found = asMapping(found)?.[key];
  return asMapping(found) ?? {};
}

/** The string entries of the mapping at a path (labels, annotations, selectors). */
export function stringsAt(value: unknown, ...path: readonly string[]): { readonly [key: string]: string } {
  const mapping = mappingAt(value, ...path);
  for (const key in mapping) {
    if (typeof mapping[key] !== "string") return Object.fromEntries(Object.entries(mapping).filter((entry) => typeof entry[1] === "string")) as { [key: string]: string };
  }
  return mapping as { readonly [key: string]: string };
}

export function kindOf(object: KubeObject): string {
  return asText(object["kind"]) ?? "";
}

export function nameOf(object: KubeObject): string {
  return asText(mappingAt(object, "metadata")["name"]) ?? "";
}

/** The namespace that the object carries; empty where it carries none. */
export function namespaceOf(object: KubeObject): string {
  return asText(mappingAt(object, "metadata")["namespace"]) ?? "";
}

export function groupOf(object: KubeObject): string {
  const apiVersion = asText(object["apiVersion"]) ?? "";
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

export function refOf(object: KubeObject): ResourceRef {
  const namespace = namespaceOf(object);
  const ref = { apiVersion: asText(object["apiVersion"]) ?? "", kind: kindOf(object), name: nameOf(object) };
  return namespace ? { ...ref, namespace } : ref;
}

/** Group, kind, namespace and name: what makes two objects the same one, whatever their version. */
export function identityOf(object: KubeObject): string {
  return `${groupOf(object)}/${kindOf(object)}/${namespaceOf(object)}/${nameOf(object)}`;
}

/** `Service shop/web`, as people write it in messages. */
export function describe(ref: ResourceRef): string {
  return `${ref.kind} ${ref.namespace ? `${ref.namespace}/` : ""}${ref.name}`.trim();
}

export function describeObject(object: KubeObject): string {
  return describe(refOf(object));
}

/** Code point order, the same on every machine and locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether every entry of `selector` stands in `labels`; an empty selector matches nothing, as in a Service. */
export function selects(selector: Mapping, labels: Mapping): boolean {
  const entries = Object.entries(selector);
  return entries.length > 0 && entries.every(([key, value]) => labels[key] === value);
}

/** Equal as JSON values, whatever the order of keys. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((entry, i) => equal(entry, b[i]));
  const left = asMapping(a);
  const right = asMapping(b);
  if (!left || !right) return false;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => Object.hasOwn(right, key) && equal(left[key], right[key]));
}

/** A deep copy of a plain value with `undefined` entries and empty mappings left out. */
export function compact<T>(value: T): T {
  if (Array.isArray(value)) return value.map(compact) as T;
  if (typeof value !== "object" || value === null) return value;
  const kept: { [key: string]: unknown } = {};
  for (const key in value) {
    const entry: unknown = compact(value[key]);
    if (entry !== undefined && !isEmpty(entry)) kept[key] = entry;
  }
  return kept as T;
}

/** A mapping without its `undefined` entries; what stands inside an entry is left as it is, empty mappings too. */
export function defined(mapping: Mapping): Mapping {
  return Object.fromEntries(Object.entries(mapping).filter(([, entry]) => entry !== undefined));
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  for (const _ in value) return false;
  return true;
}
