import { asMapping, asText, compareText, equal, mappingAt, type KubeObject, type Mapping } from "../../generators/kube/object.ts";
import { mappingsIn } from "./objects.ts";
import { describeMatch } from "./rules.ts";
import { renderWords } from "./words.ts";

/** A field of an object before and after a change; `undefined` where it is not there. */
export interface FieldChange {
  /** `spec.http[default].timeout`: entries of lists by name, so that one that moved is no other one. */
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

/** What is different between two objects, leaf by leaf; an object that is not there has no fields. */
export function compareFields(before: KubeObject | undefined, after: KubeObject | undefined): readonly FieldChange[] {
  // In an order of our own: kustomize sorts the keys of some builds and not of others.
  return compare("", before, after).map((change) => (isSecret(change) ? { ...change, ...hide(change) } : change)).sort((a, b) => compareText(a.path, b.path));
}

function compare(path: string, before: unknown, after: unknown): readonly FieldChange[] {
  if (equal(before, after)) return [];
  const [left, right] = [asMapping(before), asMapping(after)];
  if ((left || before === undefined) && (right || after === undefined)) {
    const keys = [...new Set([...Object.keys(left ?? {}), ...Object.keys(right ?? {})])];
    if (keys.length > 0 && (left || right)) return [...emptied(path, left, right), ...keys.flatMap((key) => compare(join(path, key), left?.[key], right?.[key]))];
  }
  const [list, other] = [asObjects(before), asObjects(after)];
  if ((list ?? other) && (list || before === undefined) && (other || after === undefined)) return compareLists(path, list ?? [], other ?? []);
  return [{ path, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }];
}

/** `match: {}` against no `match`: there is nothing below the field, but it was there. */
function emptied(path: string, left: Mapping | undefined, right: Mapping | undefined): readonly FieldChange[] {
  const isEmpty = (value: Mapping | undefined): boolean => value !== undefined && Object.keys(value).length === 0;
  if (path === "") return [];
  return isEmpty(left) && !right ? [{ path, before: {} }] : isEmpty(right) && !left ? [{ path, after: {} }] : [];
}

function asObjects(value: unknown): readonly Mapping[] | undefined {
  return Array.isArray(value) && value.length > 0 && value.every((entry) => asMapping(entry)) ? (value as Mapping[]) : undefined;
}

function join(path: string, key: string): string {
  if (path === "") return key;
  return /^[A-Za-z_][\w-]*$/.test(key) ? `${path}.${key}` : `${path}[${key}]`;
}

/** Lists in which the order decides; the others are read as a whole. */
const ordered = /^spec\.(http|tcp|tls)$/;

function compareLists(path: string, before: readonly Mapping[], after: readonly Mapping[]): readonly FieldChange[] {
  const [left, right] = [keyEntries(path, before), keyEntries(path, after)];
  const keys = [...new Set([...left.keys(), ...right.keys()])];
  const [common, now] = [left, right].map((entries, i) => [...entries.keys()].filter((key) => (i === 0 ? right : left).has(key)));
  const moved = ordered.test(path) && !equal(common, now) ? [{ path: `${path} (order)`, before: [...left.keys()].join(", "), after: [...right.keys()].join(", ") }] : [];
  return [...moved, ...keys.flatMap((key) => compare(`${path}[${key}]`, left.get(key), right.get(key)))];
}

/**
 * The entries of a list by what they are called: a name, a port, a destination; else by what they say where that does
 * not change, and by their place. Several of one name are counted.
 */
export function keyEntries(path: string, entries: readonly Mapping[]): ReadonlyMap<string, Mapping> {
  const named = entries.map((entry) => nameEntry(path, entry));
  const keyed = new Map<string, Mapping>();
  for (const [i, entry] of entries.entries()) {
    const name = named[i] ?? String(i);
    let key = name;
    for (let n = 2; keyed.has(key); n++) key = `${name} #${n}`;
    keyed.set(key, entry);
  }
  return keyed;
}

function nameEntry(path: string, entry: Mapping): string | undefined {
  const port = mappingAt(entry, "port");
  const name = asText(entry["name"]) ?? asText(port["name"]) ?? (port["number"] === undefined ? undefined : String(port["number"]));
  if (name !== undefined) return name;
  const destination = asMapping(entry["destination"]) ?? (path.endsWith(".mirrors") ? entry : undefined);
  if (destination && Object.keys(destination).length > 0) return nameDestination(destination);
  if (/^spec\.(http|tcp|tls)$/.test(path)) return plain(describeMatch(mappingsIn(entry["match"]))) || "everything";
  if (path.endsWith(".match")) return plain(describeMatch([entry]));
  return asText(entry["issuer"]) ?? asText(entry["address"]);
}

function plain(words: string): string {
  return renderWords(words.trim(), (value) => value);
}

/** `reviews/v2:9080`, as routes name where they lead. */
export function nameDestination(destination: Mapping): string {
  const { host, subset } = destination;
  const port = mappingAt(destination, "port")["number"];
  return `${asText(host) ?? ""}${asText(subset) === undefined ? "" : `/${asText(subset)}`}${port === undefined ? "" : `:${String(port)}`}`;
}

/** Fields in which people put what nobody else should read: what is shown goes into logs and pull requests. */
function isSecret({ path, before, after }: FieldChange): boolean {
  const texts = [before, after].filter((value) => typeof value === "string");
  if (texts.length === 0) return false;
  return texts.some((text) => /^(bearer|basic) |-----BEGIN .*PRIVATE KEY/i.test(text)) || /headers\.(request|response)\.(set|add)\b.*(authorization|cookie|token|secret|key|password)/i.test(path)
    || /\.match\b.*\bheaders\b.*authorization/i.test(path)
    || /(password|passwd|secret|token|credentials?|api[-_]?key|private[-_]?key)$/i.test(path);
}

function hide({ before, after }: FieldChange): Partial<FieldChange> {
  const hidden = "(not shown: it may be a secret)";
  return { ...(before !== undefined && { before: hidden }), ...(after !== undefined && { after: hidden }) };
}
