import { diagnose, type Diagnostic, type Place } from "../diagnostics/diagnostic.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { annotationPrefix, generatedFrom, groupOf, kindOf, mappingAt, refOf, warningsKey, type KubeObject, type Mapping } from "../kube/object.ts";
import { readSetting, type Guardrails, type Layer, type Setting } from "./setting.ts";
import { isSettingName, rows, settingByField, settingByIstioField, settingNames, type Carrier, type SettingName } from "./table.ts";

/** The settings that one object's annotations hold. */
export interface ObjectSettings {
  readonly own: Layer;
  /** By what was written between `port.` and the setting: a name or number, not yet looked up. */
  readonly ports: ReadonlyMap<string, Layer>;
}

const nothing: ObjectSettings = { own: new Map(), ports: new Map() };

const carriers: { readonly [groupKind: string]: Carrier } = {
  "/Service": "Service", "/Namespace": "Namespace", "apps/Deployment": "Workload", "apps/StatefulSet": "Workload",
  "apps/DaemonSet": "Workload", "argoproj.io/Rollout": "Workload",
};
const podOwners = new Set(["batch/Job", "batch/CronJob", "/Pod"]);

/** Which annotations an object may carry; nothing for kinds that carry none. */
export function carrierOf(object: KubeObject): Carrier | undefined {
  return carriers[`${groupOf(object)}/${kindOf(object)}`];
}

/** Job, CronJob and Pod: they carry `inject` only. */
export function ownsPods(object: KubeObject): boolean {
  return podOwners.has(`${groupOf(object)}/${kindOf(object)}`);
}

export function annotationPlace(object: KubeObject, key: string): Place {
  return { ref: refOf(object), path: ["metadata", "annotations", key] };
}

/** Reads every annotation under our prefix; `lenient` turns unknown keys into warnings. */
export function readAnnotations(object: KubeObject, guardrails: Guardrails, lenient: boolean): { settings: ObjectSettings; diagnostics: readonly Diagnostic[] } {
  const annotations = mappingAt(object, "metadata", "annotations");
  const keys = Object.keys(annotations).filter((key) => key.startsWith(annotationPrefix));
  const diagnostics: Diagnostic[] = [];
  if (keys.length === 0) return { settings: nothing, diagnostics };
  const size = sizeOf(annotations);
  if (size > 262_144) {
    return { settings: nothing, diagnostics: [diagnose("IZ107", { ref: refOf(object), path: ["metadata", "annotations"] }, { size })] };
  }
  const own = new Map<SettingName, Setting>();
  const ports = new Map<string, Map<SettingName, Setting>>();
  for (const key of keys) {
    if (key === generatedFrom || (key === warningsKey && Object.hasOwn(annotations, generatedFrom)) || key.startsWith(`${annotationPrefix}x-`)) continue;
    const place = annotationPlace(object, key);
    const found = findRow(object, key.slice(annotationPrefix.length), place, lenient);
    if ("diagnostic" in found) {
      diagnostics.push(found.diagnostic);
      continue;
    }
    const read = readSetting(found.name, annotations[key], place, guardrails, false);
    diagnostics.push(...read.diagnostics);
    if (!read.setting) continue;
    const layer = found.port === undefined ? own : ports.get(found.port) ?? new Map<SettingName, Setting>();
    if (found.port !== undefined) ports.set(found.port, layer);
    layer.set(found.name, read.setting);
  }
  for (const layer of [own, ...ports.values()]) diagnostics.push(...findExclusions(layer));
  return { settings: { own, ports }, diagnostics };
}

/** Bytes of all annotations, as the API server counts them: keys and values in UTF-8. */
function sizeOf(annotations: Mapping): number {
  const characters = Object.entries(annotations).reduce((sum, [key, value]) => sum + key.length + String(value).length, 0);
  if (characters * 3 <= 262_144) return characters;
  return Object.entries(annotations).reduce((sum, [key, value]) => sum + new TextEncoder().encode(key + String(value)).length, 0);
}

type Found = { readonly name: SettingName; readonly port?: string } | { readonly diagnostic: Diagnostic };

function findRow(object: KubeObject, key: string, place: Place, lenient: boolean): Found {
  const [, port, behind] = /^port\.(.+)\.([^.]+)$/.exec(key) ?? [];
  const name = behind ?? key;
  if (!isSettingName(name)) {
    const near = suggestSetting(name.replace(/^port\./, ""));
    const scope = port === undefined ? (name.startsWith("port.") ? "port.<name or number>." : "") : `port.${port}.`;
    const written = near && (scope === "" || rows[near].port) ? annotationPrefix + scope + near : undefined;
    const diagnostic = diagnose("IZ202", place, { ...(written && { suggestion: written }) });
    return { diagnostic: lenient ? { ...diagnostic, severity: "warning" } : diagnostic };
  }
  const carrier = carrierOf(object);
  const misplaced = (allowed: readonly string[]): Found => ({ diagnostic: diagnose("IZ203", place, { kind: kindOf(object), allowed: allowed.map((each) => (each === "Workload" ? "workload (Deployment, StatefulSet, DaemonSet, Rollout)" : each)) }) });
  if (port !== undefined) {
    if (!rows[name].port) return { diagnostic: diagnose("IZ210", place, { key: name, allowed: settingNames.filter((each) => rows[each].port) }) };
    if (name === "mtls" && carrier === "Namespace") return { diagnostic: diagnose("IZ354", place, { key: `port.${port}.mtls` }) };
    return carrier === "Service" || (name === "mtls" && carrier === "Workload") ? { name, port } : misplaced(name === "mtls" ? ["Service", "Workload"] : ["Service"]);
  }
  const allowed = rows[name].on;
  const fits = carrier ? allowed.includes(carrier) : ownsPods(object) && (name === "inject" || name === "accept");
  return fits ? { name } : misplaced(allowed);
}

/** The setting that an unknown name probably means: Istio's own field name, camelCase, or a misspelling. */
export function suggestSetting(name: string): SettingName | undefined {
  const camel = name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return settingByField().get(camel) ?? settingByIstioField().get(camel) ?? (suggest(name, settingNames) as SettingName | undefined)
    ?? settingByIstioField().get(suggest(camel, settingByIstioField().keys()) ?? "");
}

/** Two settings of one level that exclude each other. */
export function findExclusions(layer: Layer): readonly Diagnostic[] {
  return [...layer.values()].flatMap((setting) => {
    const other = layer.get(rows[setting.name].excludes as SettingName);
    if (!other || setting.removed || other.removed || other.name < setting.name) return [];
    return [diagnose("IZ205", setting.source.place, {
      one: setting.source.place.path.at(-1)!, other: other.source.place.path.at(-1)!, remove: setting.source.place.path.at(-1)!,
    })];
  });
}
