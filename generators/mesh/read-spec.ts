import { diagnose, type Diagnostic, type Place } from "../diagnostics/diagnostic.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { asMapping, type Mapping, type ResourceRef } from "../kube/object.ts";
import { findExclusions, suggestSetting } from "../annotations/read.ts";
import { isNewer, isWord, kindOfValue, readSetting, type Guardrails, type Layer, type Limit, type Setting } from "../annotations/setting.ts";
import { rows, settingByField, settingNames, toFieldName, type SettingName } from "../annotations/table.ts";
import type { Shape } from "./definition.ts";

/** What reading a spec needs beside the spec: whose field it is, the guardrails, and a place for what is noticed. */
export interface ReadContext {
  readonly refOf: (path: readonly string[]) => ResourceRef;
  readonly guardrails: Guardrails;
  readonly report: (diagnostic: Diagnostic) => void;
}

/**
 * Reads a field by its shape. Unknown fields, wrong types and unknown words are reported with the path of the field;
 * `null` and `none` leave a field out, so that an overlay can remove what a base says.
 */
export function readShape(shape: Shape, written: unknown, path: readonly string[], context: ReadContext): unknown {
  if (shape.kind === "either") return readShape(asMapping(written) ? shape.full : shape.short, written, path, context);
  const absent = written === undefined || written === null || (written === "none" && !(shape.kind === "value" && isWord(shape.value.schema, "none")));
  if (shape.kind === "value") return absent ? shape.default : readValue(shape, written, path, context);
  const place: Place = { ref: context.refOf(path), path };
  if (shape.kind === "later") {
    if (!absent) context.report(diagnose("IZ120", place, { field: path.at(-1)!, instead: shape.instead }));
    return undefined;
  }
  const mapping = absent ? {} : asMapping(written);
  if (!mapping) {
    context.report(diagnose("IZ111", place, { found: kindOfValue(written), expects: "a mapping" }));
    return readShape(shape, {}, path, context);
  }
  switch (shape.kind) {
    case "object": return readObject(shape.fields, mapping, path, context);
    case "named": return new Map(present(mapping).map(([name, entry]) => [name, readShape(shape.entry, entry, [...path, name], context)]));
    case "strings": return readStrings(mapping, path, context);
    case "settings": return readSettings(shape, mapping, path, context);
    case "limits": return readLimits(mapping, path, context);
  }
}

function present(mapping: Mapping): [string, unknown][] {
  return Object.entries(mapping).filter(([, entry]) => entry !== null && entry !== "none");
}

function readValue(shape: Shape & { kind: "value" }, written: unknown, path: readonly string[], context: ReadContext): unknown {
  const isList = JSON.stringify(shape.value.schema["type"] ?? "").includes("array");
  const text = Array.isArray(written) ? (isList ? JSON.stringify(written) : undefined)
    : typeof written === "object" ? undefined : String(written);
  if (Array.isArray(written) && isList && written.length === 0) return [];
  const read = text === undefined || text === "" ? {} : shape.value.read(text);
  if ("value" in read && shape.istio !== undefined && isNewer(shape.istio, context.guardrails.istioVersion)) {
    context.report(diagnose("IZ208", { ref: context.refOf(path), path }, { field: path.at(-1)!, since: shape.istio, target: context.guardrails.istioVersion }));
  }
  if ("value" in read) return read.value;
  const { suggestion, expects } = read as { suggestion?: string; expects?: string };
  context.report(diagnose("IZ111", { ref: context.refOf(path), path }, { found: text ?? kindOfValue(written), expects: expects ?? shape.value.expects, suggestion }));
  return shape.default;
}

function readObject(fields: { readonly [name: string]: Shape }, mapping: Mapping, path: readonly string[], context: ReadContext): Mapping {
  const known = Object.keys(fields);
  for (const name of Object.keys(mapping)) {
    if (Object.hasOwn(fields, name)) continue;
    context.report(diagnose("IZ110", { ref: context.refOf([...path, name]), path: [...path, name] }, { field: name, known, suggestion: suggest(name, known) }));
  }
  return Object.fromEntries(known.map((name) => [name, readShape(fields[name]!, own(mapping, name), [...path, name], context)]));
}

function own(mapping: Mapping, key: string): unknown {
  return Object.hasOwn(mapping, key) ? mapping[key] : undefined;
}

function readStrings(mapping: Mapping, path: readonly string[], context: ReadContext): Mapping {
  for (const [key, entry] of Object.entries(mapping)) {
    if (typeof entry === "string" || entry === null) continue;
    context.report(diagnose("IZ111", { ref: context.refOf([...path, key]), path: [...path, key] }, { found: `${JSON.stringify(entry)} (${kindOfValue(entry)})`, expects: "a string; in quotes, where YAML reads it as another type", suggestion: typeof entry === "object" ? undefined : String(entry) }));
  }
  return Object.fromEntries(Object.entries(mapping).filter(([, entry]) => typeof entry === "string"));
}

function readSettings({ allows, what, scoped }: Extract<Shape, { readonly kind: "settings" }>, mapping: Mapping, path: readonly string[], context: ReadContext): Layer {
  const layer = new Map<SettingName, Setting>();
  for (const [field, written] of Object.entries(mapping)) {
    if (scoped && field.includes(".")) continue;
    const place: Place = { ref: context.refOf([...path, field]), path: [...path, field] };
    const name = settingByField().get(field);
    if (name === undefined || !allows(name)) {
      if (name !== undefined) {
        const expects = what ?? `a setting that can be handed down; ${toFieldName(name)} is for one ${rows[name].on.includes("Service") ? "Service" : "object"}, so it stands on that as an annotation`;
        context.report(diagnose("IZ111", place, { found: field, expects }));
        continue;
      }
      const known = settingNames.filter(allows).map(toFieldName);
      const near = suggestSetting(field);
      context.report(diagnose("IZ110", place, { field, known, suggestion: near && allows(near) ? toFieldName(near) : undefined }));
      continue;
    }
    if (written === null) continue;
    const { setting, diagnostics } = readSetting(name, written, place, context.guardrails, true);
    diagnostics.forEach(context.report);
    if (setting) layer.set(name, setting);
  }
  findExclusions(layer).forEach(context.report);
  return layer;
}

function readLimits(mapping: Mapping, path: readonly string[], context: ReadContext): ReadonlyMap<SettingName, Limit> {
  const limits = new Map<SettingName, Limit>();
  for (const [field, written] of present(mapping)) {
    const here = [...path, field];
    const place: Place = { ref: context.refOf(here), path: here };
    const name = settingByField().get(field);
    const known = settingNames.filter((each) => rows[each].value.measure).map(toFieldName);
    if (name === undefined || !rows[name].value.measure) {
      const near = suggestSetting(field);
      context.report(diagnose("IZ110", place, { field, known, suggestion: near && known.includes(toFieldName(near)) ? toFieldName(near) : undefined }));
      continue;
    }
    const bounds = asMapping(written);
    if (!bounds || Object.keys(bounds).length === 0) {
      context.report(diagnose("IZ111", place, { found: kindOfValue(written), expects: "a mapping with min, max or both" }));
      continue;
    }
    const limit: { min?: Limit["min"]; max?: Limit["max"]; place: string } = { place: here.join(".") };
    for (const [bound, entry] of Object.entries(bounds)) {
      const boundPlace: Place = { ref: context.refOf([...here, bound]), path: [...here, bound] };
      if (bound !== "min" && bound !== "max") {
        context.report(diagnose("IZ110", boundPlace, { field: bound, known: ["min", "max"], suggestion: suggest(bound, ["min", "max"]) }));
        continue;
      }
      const { setting, diagnostics } = readSetting(name, entry, boundPlace, { ...context.guardrails, limits: new Map() }, true);
      diagnostics.forEach(context.report);
      if (setting && !setting.removed) limit[bound] = { value: rows[name].value.measure!(setting.value), text: setting.source.text };
    }
    if (limit.min && limit.max && limit.min.value > limit.max.value) {
      context.report(diagnose("IZ111", place, { found: `min ${limit.min.text}, max ${limit.max.text}`, expects: "a min that is at most max" }));
      continue;
    }
    limits.set(name, limit);
  }
  return limits;
}
