import { diagnose, type Diagnostic, type Place } from "../diagnostics/diagnostic.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { annotationPrefix, generatedFrom, groupOf, kindOf, mappingAt, refOf, warningsKey, type KubeObject, type Mapping } from "../kube/object.ts";
import { keyOf, readSetting, type Guardrails, type Layer, type Setting } from "./setting.ts";
import { familyOf, isSettingName, rows, scopeNames, scopes, settingByField, settingByIstioField, settingNames, standsBehind, type Carrier, type Scope, type SettingName } from "./table.ts";

/** The settings that one object's annotations hold. */
export interface ObjectSettings {
  readonly own: Layer;
  /** What stands behind `port.`, `subset.`, `gateway.` and `route.`: by what was written there, not yet looked up. */
  readonly scopes: { readonly [S in Scope]: ReadonlyMap<string, Layer> };
}

/** The settings of an object without annotations of ours. */
export const noSettings: ObjectSettings = { own: new Map(), scopes: { port: new Map(), subset: new Map(), gateway: new Map(), route: new Map() } };

const carriers = new Map<string, { readonly group: string; readonly carrier: Carrier }>([
  ["Service", { group: "", carrier: "Service" }], ["Namespace", { group: "", carrier: "Namespace" }], ["Deployment", { group: "apps", carrier: "Workload" }],
  ["StatefulSet", { group: "apps", carrier: "Workload" }], ["DaemonSet", { group: "apps", carrier: "Workload" }], ["Rollout", { group: "argoproj.io", carrier: "Workload" }],
]);
const podOwners = new Set(["batch/Job", "batch/CronJob", "/Pod"]);

/** Which annotations an object may carry; nothing for kinds that carry none. */
export function carrierOf(object: KubeObject): Carrier | undefined {
  const found = carriers.get(kindOf(object));
  return found?.group === groupOf(object) ? found.carrier : undefined;
}

/** Job, CronJob and Pod: they carry `inject` only. */
export function ownsPods(object: KubeObject): boolean {
  return podOwners.has(`${groupOf(object)}/${kindOf(object)}`);
}

/** Reads every annotation under our prefix; `lenient` turns unknown keys into warnings. */
export function readAnnotations(object: KubeObject, guardrails: Guardrails, lenient: boolean): { settings: ObjectSettings; diagnostics: readonly Diagnostic[] } {
  const annotations = mappingAt(object, "metadata", "annotations");
  const keys = Object.keys(annotations).filter((key) => key.startsWith(annotationPrefix));
  const diagnostics: Diagnostic[] = [];
  if (keys.length === 0) return { settings: noSettings, diagnostics };
  const size = sizeOf(annotations);
  if (size > 262_144) {
    return { settings: noSettings, diagnostics: [diagnose("IZ107", { ref: refOf(object), path: ["metadata", "annotations"] }, { size })] };
  }
  const own = new Map<string, Setting>();
  const written = new Map<Scope, Map<string, Map<string, Setting>>>();
  const ref = refOf(object);
  for (const key of keys) {
    if (key === generatedFrom || (key === warningsKey && Object.hasOwn(annotations, generatedFrom)) || key.startsWith(`${annotationPrefix}x-`)) continue;
    const place: Place = { ref, path: ["metadata", "annotations", key] };
    const found = findRow(object, key.slice(annotationPrefix.length), place, lenient);
    if ("diagnostic" in found) {
      diagnostics.push(found.diagnostic);
      continue;
    }
    const read = readSetting(found.name, annotations[key], place, guardrails, false, found.entry);
    diagnostics.push(...read.diagnostics);
    if (!read.setting) continue;
    const layer = found.scope === undefined ? own : layerBehind(found.scope, written);
    layer.set(keyOf(read.setting), read.setting);
  }
  for (const layer of [own, ...scopes.flatMap((scope) => [...written.get(scope)?.values() ?? []])]) diagnostics.push(...findExclusions(layer));
  return { settings: { own, scopes: written.size === 0 ? noSettings.scopes : { ...noSettings.scopes, ...Object.fromEntries(written) } }, diagnostics };
}

/** The layer behind one scope; most objects have none. */
function layerBehind({ kind, of }: WrittenScope, written: Map<Scope, Map<string, Map<string, Setting>>>): Map<string, Setting> {
  const layers = written.get(kind) ?? new Map<string, Map<string, Setting>>();
  const layer = layers.get(of) ?? new Map<string, Setting>();
  written.set(kind, layers.set(of, layer));
  return layer;
}

/** Bytes of all annotations, as the API server counts them: keys and values in UTF-8. */
function sizeOf(annotations: Mapping): number {
  const characters = Object.entries(annotations).reduce((sum, [key, value]) => sum + key.length + String(value).length, 0);
  if (characters * 3 <= 262_144) return characters;
  return Object.entries(annotations).reduce((sum, [key, value]) => sum + new TextEncoder().encode(key + String(value)).length, 0);
}

/** What stands between the prefix and the setting: `gateway.public.` is `{kind: "gateway", of: "public"}`. */
interface WrittenScope {
  readonly kind: Scope;
  readonly of: string;
}

type Found = { readonly name: SettingName; readonly entry?: string; readonly scope?: WrittenScope } | { readonly diagnostic: Diagnostic };

/** Inside `gateway.<alias>.`, where the alias says already which hosts and port are meant. */
const gatewayWords: { readonly [word: string]: SettingName } = { hosts: "gateway-hosts", port: "gateway-port" };

/** Takes a key without its prefix apart. What is written behind a scope may hold dots by mistake, so the key is looked for from its end. */
function splitKey(key: string): { readonly scope?: WrittenScope; readonly word: string } {
  if (!key.includes(".")) return { word: key };
  const [kind, ...rest] = key.split(".") as [string, ...string[]];
  if (!(scopes as readonly string[]).includes(kind) || rest.length < 2) return { word: key };
  const cuts = rest.slice(1).map((_, i) => ({ scope: { kind: kind as Scope, of: rest.slice(0, i + 1).join(".") }, word: rest.slice(i + 1).join(".") }));
  return cuts.find(({ scope, word }) => findName(word, scope) !== undefined) ?? cuts[0]!;
}

function findName(word: string, scope: WrittenScope | undefined): { readonly name: SettingName; readonly entry?: string } | undefined {
  const alias = scope?.kind === "gateway" && scope.of !== "mesh" && Object.hasOwn(gatewayWords, word) ? gatewayWords[word] : undefined;
  if (alias) return { name: alias };
  if (isSettingName(word)) return { name: word };
  const dot = word.indexOf(".");
  const family = dot > 0 ? familyOf(word.slice(0, dot)) : undefined;
  return family && dot < word.length - 1 ? { name: family, entry: word.slice(dot + 1) } : undefined;
}

function findRow(object: KubeObject, key: string, place: Place, lenient: boolean): Found {
  const { scope, word } = splitKey(key);
  const found = findName(word, scope);
  if (!found) {
    const near = suggestSetting(word.replace(/^(port|subset|gateway|route)\./, ""));
    const unfinished = scope ? undefined : scopes.find((each) => word.startsWith(`${each}.`));
    const front = scope ? `${scope.kind}.${scope.of}.` : unfinished ? `${unfinished}.${scopeNames[unfinished]}.` : "";
    const fits = near !== undefined && !(scope?.of === "mesh" && rows[near].edge === "gateway") && ((scope?.kind ?? unfinished) === undefined || standsBehind(near, (scope?.kind ?? unfinished)!));
    const diagnostic = diagnose("IZ202", place, { ...(fits && { suggestion: annotationPrefix + front + near }) });
    return { diagnostic: lenient ? { ...diagnostic, severity: "warning" } : diagnostic };
  }
  const { name } = found;
  const carrier = carrierOf(object);
  const misplaced = (allowed: readonly string[]): Found => ({ diagnostic: diagnose("IZ203", place, { kind: kindOf(object), allowed: allowed.map((each) => (each === "Workload" ? "workload (Deployment, StatefulSet, DaemonSet, Rollout)" : each)) }) });
  if (found.entry !== undefined && !isPlainName(found.entry)) return { diagnostic: diagnose("IZ219", place, { key: name, entry: found.entry }) };
  if (scope) {
    const isMesh = scope.kind === "gateway" && scope.of === "mesh" && rows[name].edge === "gateway";
    if (isMesh || !standsBehind(name, scope.kind)) return { diagnostic: diagnose("IZ210", place, { key: word, scope: scope.kind, ...(isMesh && { isMesh }) }) };
    if (scope.kind !== "port" && !isPlainName(scope.of)) return { diagnostic: diagnose("IZ219", place, { key: `${scope.kind}.${scopeNames[scope.kind]}`, entry: scope.of }) };
    if (name === "mtls" && carrier === "Namespace") return { diagnostic: diagnose("IZ354", place, { key: `port.${scope.of}.mtls` }) };
    return carrier === "Service" || (name === "mtls" && carrier === "Workload") ? { ...found, scope } : misplaced(name === "mtls" ? ["Service", "Workload"] : ["Service"]);
  }
  const allowed = rows[name].on;
  if (allowed.length === 0) return { diagnostic: diagnose("IZ220", place, { key: name, scopes: scopes.filter((each) => standsBehind(name, each)).map((each) => `${each}.${scopeNames[each]}.${name}`) }) };
  const fits = carrier ? allowed.includes(carrier) : (ownsPods(object) && (name === "inject" || name === "accept")) || (name === "accept" && groupOf(object).endsWith(".istio.io"));
  return fits ? found : misplaced(allowed);
}

/** Inside a key a destination, subset, gateway or route is a plain name. */
function isPlainName(name: string): boolean {
  return /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name);
}

/** The setting that an unknown name probably means: Istio's own field name, camelCase, or a misspelling. */
export function suggestSetting(name: string): SettingName | undefined {
  const camel = name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return settingByField().get(camel) ?? settingByIstioField().get(camel) ?? (suggest(name, settingNames) as SettingName | undefined)
    ?? settingByIstioField().get(suggest(camel, settingByIstioField().keys()) ?? "");
}

/** Two settings of one level that exclude each other. */
export function findExclusions(layer: Layer): readonly Diagnostic[] {
  return [...layer.values()].flatMap((setting) => (rows[setting.name].excludes ?? []).flatMap((excluded) => {
    const other = layer.get(excluded);
    if (!other || setting.removed || other.removed || other.name < setting.name) return [];
    return [diagnose("IZ205", setting.source.place, {
      one: setting.source.place.path.at(-1)!, other: other.source.place.path.at(-1)!, remove: setting.source.place.path.at(-1)!,
    })];
  }));
}
