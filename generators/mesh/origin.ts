import { toUriMatches, type Exposure, type PathPattern, type RouteEntry } from "../annotations/route-values.ts";
import type { Setting, Settings } from "../annotations/setting.ts";
import { rows, type SettingName } from "../annotations/table.ts";
import type { Place } from "../diagnostics/diagnostic.ts";
import { asList, asMapping, equal, mappingAt, refOf, type KubeObject, type ResourceRef } from "../kube/object.ts";

/** The settings that decided the part of a generated object below `path`; the longest path that fits a field counts. */
export interface Decided {
  readonly path: readonly string[];
  readonly settings: Settings;
  /** Settings that wrote something here beside those: a pin, the match of a gateway. */
  readonly also?: readonly Setting[];
}

/** Where a field of a generated object comes from. */
export interface Origin {
  readonly place: Place;
  /** The setting, where one wrote the field; without it the field follows from the object at `place`. */
  readonly setting?: Setting;
  /** What that setting wrote as a whole: the field, or what it is a part of. */
  readonly field?: readonly string[];
}

/** A generated object as far as its origins go. */
export interface Explained {
  readonly object: KubeObject;
  readonly decided: readonly Decided[];
  /** The Service (or what else it was made for), from which all that no setting decides follows. */
  readonly source: ResourceRef;
  /** Where it was asked for, where that is no object that it stands beside. */
  readonly from?: Place;
}

const isStep = (key: string): boolean => /^\[\d+\]$/.test(key);

/** `["spec", "http", "[0]", "timeout"]` → `spec.http[].timeout`, the form in which the table says what a row writes. */
function patternOf(path: readonly string[]): string {
  return path.reduce((text, key) => (isStep(key) ? `${text}[]` : text === "" ? key : `${text}.${key}`), "");
}

/** What a subset or a port says is written by the same rows as what the whole rule says. */
function canonical(pattern: string): string {
  return pattern.replace(/^spec\.subsets\[\]\.trafficPolicy\./, "spec.trafficPolicy.").replace(/^spec\.trafficPolicy\.portLevelSettings\[\]\./, "spec.trafficPolicy.");
}

/** What a field holds; nothing where it is not there. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((found, key) => (isStep(key) ? asList(found)[Number(key.slice(1, -1))] : asMapping(found)?.[key]), value);
}

/** The fields below a value that hold no others: texts, numbers, and what is empty. */
export function leavesOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  const inner: readonly (readonly [string, unknown])[] = Array.isArray(value) ? value.map((entry, i) => [`[${i}]`, entry]) : Object.entries(asMapping(value) ?? {});
  return inner.length === 0 ? [path] : inner.flatMap(([key, entry]) => leavesOf(entry, [...path, key]));
}

/** What each row writes, by the kind of object: path, longest first, and the row's name. */
const written = new Map<string, readonly (readonly [path: string, name: SettingName])[]>();

/** What rows write beside the field that they name. */
const further: { readonly [name: string]: readonly string[] } = {
  mtls: ["PeerAuthentication spec.portLevelMtls"],
  weights: ["VirtualService spec.tcp[].route", "VirtualService spec.tls[].route"],
  active: ["VirtualService spec.tcp[].route", "VirtualService spec.tls[].route"],
};

function writtenBy(kind: string): readonly (readonly [path: string, name: SettingName])[] {
  const known = written.get(kind);
  if (known) return known;
  const found = (Object.keys(rows) as SettingName[]).flatMap((name) =>
    [...rows[name].writes.split(", "), ...(further[name] ?? [])].flatMap((each): [string, SettingName][] => {
      const [, kinds, path] = /^(\w+(?: and \w+)*) (spec\S*)$/.exec(each) ?? [];
      return kinds?.split(" and ").includes(kind) ? [[path!, name]] : [];
    }))
    .sort(([a], [b]) => b.length - a.length);
  written.set(kind, found);
  return found;
}

/** The settings that say where the requests of a rule go; each rule remembers its own. */
const routing: readonly SettingName[] = ["weights", "active", "to", "match.<dest>", "routes"];

/** The setting or object that a field of a generated object comes from. */
export function originOf({ object, decided, source, from }: Explained, path: readonly string[]): Origin {
  const kind = String(object["kind"]);
  const pattern = canonical(patternOf(path));
  const fits = decided.filter((each) => each.path.every((key, i) => path[i] === key)).sort((a, b) => b.path.length - a.path.length);
  const patch = path[0] === "spec" ? patchOf(kind, fits, object, path) : undefined;
  if (patch) return { place: patch.source.place, setting: patch, field: path };
  const own = pattern.startsWith("spec.http[]") ? fits.find((each) => each.path.length === 3) : undefined;
  const raw = own?.also?.find(({ name }) => name === "routes");
  if (raw && saysRule(raw, object, path)) return { place: raw.source.place, setting: raw, field: path.slice(0, 4) };
  if (own && /^spec\.http\[\]\.route\b/.test(pattern) && !pattern.includes(".destination.port")) {
    const setting = own.also?.find(({ name }) => routing.includes(name));
    return setting ? { place: setting.source.place, setting, field: path.slice(0, 4) } : { place: from ?? { ref: source, path: ["metadata", "name"] } };
  }
  for (const [written, name] of writtenBy(kind)) {
    if (pattern !== written && !pattern.startsWith(`${written}.`) && !pattern.startsWith(`${written}[`)) continue;
    for (const { settings, also = [] } of fits) {
      const setting = also.find((each) => each.name === name) ?? settings.find(name);
      if (setting && says(setting, object, path)) return { place: setting.source.place, setting, field: fieldOf(path, pattern, written) };
    }
  }
  const rest = raw ?? patchAround(kind, fits, object, path);
  return rest ? { place: rest.source.place, setting: rest, field: path } : { place: from ?? { ref: source, path: ["metadata", "name"] } };
}

/** As much of a path as a row writes: what it says of a subset or port stands deeper. */
function fieldOf(path: readonly string[], pattern: string, written: string): readonly string[] {
  const beyond = pattern.slice(written.length).replace(/\[\]/g, ".[]").split(".").filter((step) => step !== "").length;
  return path.slice(0, path.length - beyond);
}

/** Whether a setting that shares its field with others says what stands there, or some of it. */
function says(setting: Setting, object: KubeObject, path: readonly string[]): boolean {
  const value = valueAt(object, path);
  const isMesh = asList(mappingAt(object, "spec")["gateways"]).every((gateway) => gateway === "mesh");
  switch (setting.name) {
    case "path": return saysMatch(toUriMatches(setting.value as readonly PathPattern[]).map((uri) => ({ uri })), value, path);
    case "match": case "match.<dest>": case "fault-match": return saysMatch(setting.value as readonly unknown[], value, path);
    case "hosts": return isMesh && (!isText(value) || (setting.value as readonly string[]).includes(value));
    case "gateway-hosts": return !isText(value) || (setting.value as readonly string[]).includes(value);
    case "expose": return saysExposure(setting.value as readonly Exposure[], value, path);
    case "consistent-hash": case "consistent-hash-algorithm": {
      const { field } = rows[setting.name];
      return holds(asMapping(field ? field(setting.value) : setting.value), path.slice(path.indexOf("consistentHash") + 1));
    }
    case "default-route": return /^default-route/.test(String(valueAt(object, [...path.slice(0, 3), "name"]))) && path.at(-1) === "name";
    case "tcp-routes": case "tls-routes": return Number(path[2]?.slice(1, -1)) < (setting.value as readonly RouteEntry[]).length;
    case "routes": case "virtual-service-patch": case "destination-rule-patch": return false;
    default: return true;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function saysExposure(exposed: readonly Exposure[], value: unknown, path: readonly string[]): boolean {
  return path[1] === "gateways" || !isText(value) || exposed.some(({ host }) => host === value);
}

/** Whether one of the alternatives of a setting asks for what stands in a match. */
function saysMatch(alternatives: readonly unknown[], value: unknown, path: readonly string[]): boolean {
  const rest = path.slice(5);
  return leavesOf(value).some((leaf) => alternatives.some((each) => {
    const below = path.length > 4 ? [...rest, ...leaf] : leaf.slice(1);
    return holds(each, below) && equal(valueAt(each, below), valueAt(value, leaf));
  }));
}

function holds(value: unknown, path: readonly string[]): boolean {
  return value !== undefined && valueAt(value, path) !== undefined;
}

/** Whether a rule in Istio's own fields says itself what stands in it. */
function saysRule({ value }: Setting, object: KubeObject, path: readonly string[]): boolean {
  const rest = path.slice(3);
  const own = valueAt(object, path);
  return rest[0] === "name" || (value as readonly RouteEntry[]).some(({ fields, to }) => (rest[0] === "route" && to !== undefined) || (holds(fields, rest) && equal(valueAt(fields, rest), own)));
}

/** The patch that wrote a field last, if one did. */
function patchOf(kind: string, fits: readonly Decided[], object: KubeObject, path: readonly string[]): Setting | undefined {
  const name: SettingName = kind === "DestinationRule" ? "destination-rule-patch" : "virtual-service-patch";
  const patch = fits.map(({ settings }) => settings.find(name)).find((setting) => setting !== undefined);
  return patch && path.length > 1 && isPatched(patch.value, mappingAt(object, "spec"), path.slice(1)) ? patch : undefined;
}

/** The patch that wrote some of what stands at a path, or of what the path would have to stand in. */
function patchAround(kind: string, fits: readonly Decided[], object: KubeObject, path: readonly string[]): Setting | undefined {
  if (path[0] !== "spec" || !fits.some(({ settings }) => settings.has("virtual-service-patch") || settings.has("destination-rule-patch"))) return undefined;
  const depth = path.findIndex((_, i) => valueAt(object, path.slice(0, i + 1)) === undefined);
  const there = depth < 0 ? path : path.slice(0, depth);
  return there.length < 2 ? undefined : leavesOf(valueAt(object, there)).map((leaf) => patchOf(kind, fits, object, [...there, ...leaf])).find((patch) => patch !== undefined);
}

/** Whether a patch says what stands at a path of the patched value; lists of named entries it merges by name. */
function isPatched(patch: unknown, target: unknown, [key, ...rest]: readonly string[]): boolean {
  if (patch === undefined || patch === null) return false;
  if (key === undefined) return equal(patch, target);
  if (!isStep(key)) return isPatched(asMapping(patch)?.[key], asMapping(target)?.[key], rest);
  const entry = asList(target)[Number(key.slice(1, -1))];
  const entries = asList(patch);
  const isNamed = entries.length > 0 && entries.every((each) => isText(asMapping(each)?.["name"]));
  const found = isNamed ? entries.find((each) => asMapping(each)?.["name"] === asMapping(entry)?.["name"]) : entries[Number(key.slice(1, -1))];
  return isPatched(found, entry, rest);
}

/** The field of an object that somebody wrote by hand. */
export function ownPlace(object: KubeObject, path: readonly string[]): Place {
  return { ref: refOf(object), path };
}
