/**
 * What a program hands to the library, looked at before anything reads it: plain values as JSON has them, or a TypeError
 * that names the place and what was expected there. Values are never quoted: they may be a piece of a Secret.
 */
import { asMapping, type Item, type KubeObject } from "../generators/kube/object.ts";

/** An object as it was given, or a `List` with those in it. */
export type Given = { readonly item: Item } | { readonly list: KubeObject; readonly items: readonly Given[] };

/** The objects of `runPipeline`. */
export function readObjects(objects: unknown): readonly Given[] {
  if (!Array.isArray(objects)) throw unexpected("objects", "a list of Kubernetes objects", objects);
  const known = new Map<object, unknown>();
  return Array.from(objects as readonly unknown[], (object, i) => readObject(readPlain(object, i, { key: "objects" }, known), `objects[${i}]`));
}

/** The objects one by one, those in lists included. */
export function itemsOf(given: readonly Given[]): readonly Item[] {
  return given.flatMap((each) => ("item" in each ? [each.item] : itemsOf(each.items)));
}

/** One object that is no list. */
export function readConfig(object: unknown, name: string): KubeObject {
  const config = asMapping(readPlain(object, name, undefined, new Map()));
  if (!config) throw unexpected(name, "a Kubernetes object", object);
  return config;
}

interface Fields {
  readonly namespace?: unknown;
  readonly strict?: unknown;
  readonly environment?: unknown;
  readonly name?: unknown;
}

/** What stands beside the objects or the text. */
export function checkSettings(settings: Fields): void {
  const { namespace, strict, environment, name } = settings;
  const isLabel = typeof namespace === "string" && /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace);
  if (namespace !== undefined && !isLabel) throw unexpected("namespace", "a name of lower-case letters, digits and hyphens, at most 63 characters", namespace);
  if (strict !== undefined && typeof strict !== "boolean") throw unexpected("strict", "true or false", strict);
  if (environment !== undefined && typeof environment !== "string") throw unexpected("environment", "text", environment);
  if (name !== undefined && typeof name !== "string") throw unexpected("name", "text", name);
}

/** The error for a value that is not what it should be. */
export function unexpected(place: string, expected: string, found: unknown): TypeError {
  return new TypeError(`istiomize: ${place}: expected ${expected}, found ${describeValue(found)}`);
}

function readObject(value: unknown, place: string): Given {
  const object = asMapping(value);
  if (!object) throw unexpected(place, "a Kubernetes object", value);
  const { kind, items } = object;
  if (typeof kind !== "string") throw unexpected(`${place}.kind`, "text (lists of the Kubernetes API leave `apiVersion` and `kind` of their items out: add them)", kind);
  if (typeof object["apiVersion"] !== "string") throw unexpected(`${place}.apiVersion`, "text", object["apiVersion"]);
  if (kind === "ResourceList") throw new TypeError(`istiomize: ${place}: expected a Kubernetes object, found a ResourceList: give its \`items\` as \`objects\`, and its \`functionConfig\` beside them`);
  if (!isList(kind, items)) return { item: { object } };
  return { list: object, items: items.map((item, i) => readObject(item, `${place}.items[${i}]`)) };
}

/** A `List`, or a list of one kind: a custom resource may be called so too, and hold anything under `items`. */
function isList(kind: string, items: unknown): items is readonly unknown[] {
  if (!Array.isArray(items)) return false;
  return kind === "List" || (kind.endsWith("List") && items.every((item) => asMapping(asMapping(item)?.["metadata"]) !== undefined || typeof asMapping(item)?.["kind"] === "string"));
}

interface Path {
  readonly above?: Path | undefined;
  readonly key: string | number;
}

function writePath({ above, key }: Path): string {
  if (!above) return String(key);
  return `${writePath(above)}${typeof key === "number" ? `[${key}]` : /^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`}`;
}

/** Whether a Kubernetes object stands there, not a field of one. */
function isObject({ above }: Path): boolean {
  return above === undefined || (above.above === undefined && above.key === "objects");
}

/** Stands for a value whose own values are being read. */
const unfinished = Symbol("unfinished");

/**
 * The value as `JSON.stringify` would see it: fields that are undefined are left out, dates are text, and what has a
 * `toJSON` of its own is what that gives. Where nothing of this is in it, it is the same value, not a copy.
 */
function readPlain(value: unknown, key: string | number, above: Path | undefined, known: Map<object, unknown>): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)) return value;
  const path = { above, key };
  const isArray = Array.isArray(value);
  const tag = Object.prototype.toString.call(value);
  if (typeof value !== "object" || !(isArray || tag === "[object Object]" || tag === "[object Date]")) throw unexpected(writePath(path), isObject(path) ? "a Kubernetes object" : "a value of JSON", value);
  const before = known.get(value);
  if (before === unfinished) throw new TypeError(`istiomize: ${writePath(path)}: expected a value of JSON, found one that holds itself`);
  if (before !== undefined) return before;
  known.set(value, unfinished);
  const { toJSON } = value as { toJSON?: unknown };
  const read = typeof toJSON === "function" ? readPlain((toJSON as () => unknown).call(value), key, above, known)
    : isArray ? keepIfSame(value, Array.from(value as readonly unknown[], (entry, i) => readPlain(entry, i, path, known)))
    : readFields(value, path, known);
  known.set(value, read);
  return read;
}

function readFields(value: object, path: Path, known: Map<object, unknown>): object {
  const entries = Object.entries(value);
  const read = entries.filter(([, entry]) => entry !== undefined).map(([key, entry]) => [key, readPlain(entry, key, path, known)] as const);
  return read.length === entries.length && read.every(([, entry], i) => entry === entries[i]![1]) ? value : Object.fromEntries(read);
}

function keepIfSame(list: readonly unknown[], read: readonly unknown[]): readonly unknown[] {
  return read.every((entry, i) => entry === list[i]) ? list : read;
}

function describeValue(value: unknown): string {
  if (value === undefined || value === null || Number.isNaN(value)) return String(value);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return "another text";
  if (typeof value !== "object") return `a ${typeof value}`;
  const { constructor } = value;
  return typeof constructor === "function" && constructor !== Object && constructor.name ? `a ${constructor.name}` : "an object";
}
