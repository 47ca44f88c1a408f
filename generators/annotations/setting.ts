import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import { diagnose } from "../diagnostics/diagnostic.ts";
import { compareText } from "../kube/object.ts";
import { rows, toFieldName, type SettingName, type ValueOf } from "./table.ts";

/** Where a setting's value was written. */
export interface Source {
  readonly place: Place;
  /** The value as typed. */
  readonly text: string;
  /** The profile that brought it in, if one did. */
  readonly profile?: string;
}

/** A value and where it came from; `removed` where the value is `none`, which takes an inherited one away. */
export interface Setting<T = unknown> {
  readonly name: SettingName;
  /** What stands in place of `<dest>` in a name such as `match.<dest>`. */
  readonly entry?: string;
  readonly value: T;
  readonly source: Source;
  readonly removed?: true;
}

/** Settings of one level, as written there: by name, those such as `match.<dest>` by their name with the entry in it. */
export type Layer = ReadonlyMap<string, Setting>;

/** Where a setting stands in a layer. */
export function keyOf({ name, entry }: Pick<Setting, "name" | "entry">): string {
  return entry === undefined ? name : `${name.slice(0, name.indexOf("."))}.${entry}`;
}

/** Settings after all levels: nothing in it is `removed`. */
export class Settings {
  readonly #settings: Layer;
  constructor(settings: Layer) {
    this.#settings = settings;
  }
  get<N extends SettingName>(name: N): Setting<ValueOf<N>> | undefined {
    return this.#settings.get(name) as Setting<ValueOf<N>> | undefined;
  }
  valueOf<N extends SettingName>(name: N): ValueOf<N> | undefined {
    return this.get(name)?.value;
  }
  has(name: SettingName): boolean {
    return this.#settings.has(name);
  }
  /** The setting of a name that is only known at run time. */
  find(name: SettingName): Setting | undefined {
    return this.#settings.get(name);
  }
  all(): Iterable<Setting> {
    return this.#settings.values();
  }
  /** All settings of a name such as `match.<dest>`, by entry, in the order of the entries. */
  entriesOf(name: SettingName): readonly Setting[] {
    return [...this.#settings.values()].filter((setting) => setting.name === name).sort((a, b) => compareText(a.entry ?? "", b.entry ?? ""));
  }
  /** These settings without those of some names. */
  without(isLeftOut: (name: SettingName) => boolean): Settings {
    const kept = [...this.#settings].filter(([, { name }]) => !isLeftOut(name));
    return kept.length === this.#settings.size ? this : new Settings(new Map(kept));
  }
  /** These settings with further levels on top. */
  with(...layers: readonly Layer[]): Settings {
    return layers.every((layer) => layer.size === 0) ? this : layerSettings([this.#settings, ...layers]);
  }
}

/**
 * Levels from the farthest to the nearest; per setting the nearest counts, `none` removes, and a setting removes the
 * farther one that it excludes.
 */
export function layerSettings(layers: readonly Layer[]): Settings {
  const settings = new Map<string, Setting>();
  for (const layer of layers) {
    for (const [key, setting] of layer) {
      if (setting.removed) settings.delete(key);
      else {
        settings.set(key, setting);
        for (const other of rows[setting.name].excludes ?? []) settings.delete(other);
      }
    }
  }
  return new Settings(settings);
}

/** Guardrails of the ServiceMesh that hold wherever a setting is read. */
export interface Guardrails {
  /** The oldest Istio that must understand the result, such as `1.27`. */
  readonly istioVersion: string;
  readonly limits: ReadonlyMap<SettingName, Limit>;
}

/** The least and the most that a setting may be, with the text for messages. */
export interface Limit {
  readonly min?: { readonly value: number; readonly text: string };
  readonly max?: { readonly value: number; readonly text: string };
  readonly place: string;
}

/** Reads one value for one setting and checks it against the guardrails. `typed`: the value stands in a ServiceMesh. */
export function readSetting(name: SettingName, written: unknown, place: Place, guardrails: Guardrails, typed: boolean, entry?: string): { setting?: Setting; diagnostics: Diagnostic[] } {
  const row = rows[name];
  const text = textOf(written, typed && isPercent(row.value));
  const refused = (found: string, suggestion?: string, expects = row.value.expects): Diagnostic =>
    typed
      ? diagnose("IZ111", place, { found, expects, suggestion })
      : diagnose("IZ201", place, { text: found, expects, suggestion });
  if (!typed && typeof written !== "string") {
    const meant = (plain: string): string | undefined => {
      const read = row.value.read(plain);
      return "value" in read ? plain : read.suggestion;
    };
    const isSimple = typeof written === "number" || typeof written === "boolean";
    const expects = `${row.value.expects}; annotation values are strings${isSimple ? ", so write it in quotes" : ", so remove it or write one"}`;
    return { diagnostics: [refused(isSimple ? String(written) : kindOfValue(written), isSimple && text !== undefined ? meant(text) : undefined, expects)] };
  }
  if (text === undefined) return { diagnostics: [refused(typeof written === "object" ? kindOfValue(written) : String(written))] };
  if (text === "") return { diagnostics: [typed ? refused('""') : diagnose("IZ204", place, { expects: row.value.expects })] };
  const source: Source = { place, text };
  const limit = guardrails.limits.get(name);
  if (text === "none" && !isWord(row.value.schema, "none")) {
    const diagnostics = limit ? [diagnose("IZ206", place, { text, limit: describeLimit(limit), from: limit.place })] : [];
    return { setting: { name, value: undefined, source, removed: true, ...(entry !== undefined && { entry }) }, diagnostics };
  }
  const read = row.value.read(text);
  if (!("value" in read)) return { diagnostics: [refused(text, read.suggestion, read.expects)] };
  const diagnostics: Diagnostic[] = [];
  if (row.istio !== undefined && isNewer(row.istio, guardrails.istioVersion)) {
    diagnostics.push(diagnose("IZ208", place, { field: row.writes, since: row.istio, target: guardrails.istioVersion }));
  }
  const newer = row.newer?.(read.value);
  if (newer && isNewer(newer.istio, guardrails.istioVersion)) diagnostics.push(diagnose("IZ208", place, { field: newer.field, since: newer.istio, target: guardrails.istioVersion }));
  const measure = row.value.measure?.(read.value);
  if (limit && measure !== undefined && ((limit.min && measure < limit.min.value) || (limit.max && measure > limit.max.value))) {
    diagnostics.push(diagnose("IZ206", place, { text, limit: describeLimit(limit), from: limit.place }));
  }
  return { setting: { name, value: read.value, source, ...(entry !== undefined && { entry }) }, diagnostics };
}

function describeLimit(limit: Limit): string {
  if (limit.min && limit.max) return `${limit.min.text} to ${limit.max.text}`;
  return limit.min ? `at least ${limit.min.text}` : `at most ${limit.max?.text}`;
}

/** What a ServiceMesh may hold in place of an annotation's text: numbers, booleans, lists and mappings. */
function textOf(written: unknown, asPercent: boolean): string | undefined {
  if (typeof written === "string") return asPercent && /^\d+(\.\d+)?$/.test(written) ? `${written}%` : written.trim() === "" ? "" : written;
  if (typeof written === "number") return asPercent ? `${written}%` : String(written);
  if (typeof written === "boolean") return String(written);
  if (Array.isArray(written) && written.length > 0) return JSON.stringify(written);
  return typeof written === "object" && written !== null && Object.keys(written).length > 0 ? JSON.stringify(written) : undefined;
}

function isPercent(type: { readonly expects: string }): boolean {
  return type.expects.includes("percentage");
}

export function isWord(schema: { readonly [key: string]: unknown }, word: string): boolean {
  const words = schema["enum"];
  return Array.isArray(words) && words.includes(word);
}

export function kindOfValue(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return Object.keys(value).length === 0 ? "an empty mapping" : "a mapping";
  return `a ${typeof value}`;
}

/** Whether Istio version `a` (`1.26`) is newer than `b`. */
export function isNewer(a: string, b: string): boolean {
  const [majorA, minorA] = a.split(".").map(Number) as [number, number];
  const [majorB, minorB] = b.split(".").map(Number) as [number, number];
  return majorA > majorB || (majorA === majorB && minorA > minorB);
}

/** `istiomize.dev/timeout` on an object, `spec.defaults.timeout` in a ServiceMesh: how messages name a setting's place. */
export function describeSetting(setting: Setting): string {
  const { place, text } = setting.source;
  const last = place.path.at(-1)!;
  const key = last.startsWith("istiomize.dev/") ? last : toFieldName(setting.name);
  return `${key}: ${text} on ${place.ref.kind} ${place.ref.name}`;
}
