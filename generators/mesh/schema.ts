import { isWord } from "../annotations/setting.ts";
import { rows, settingNames, toFieldName, type SettingName } from "../annotations/table.ts";
import { readYaml, type ValueType } from "../annotations/values.ts";
import { catalogue, type Code } from "../diagnostics/catalogue.ts";
import { labelKey, labelValue } from "../kube/label.ts";
import type { Mapping } from "../kube/object.ts";
import { meshApiVersion, whyNotAccepted } from "./config.ts";
import { definition, type Shape } from "./definition.ts";

/**
 * The JSON Schema (draft-07) of the ServiceMesh resource, as text: what editors check and complete. It accepts whatever
 * the reader accepts and refuses nearly all else; what needs more than one field (settings that exclude each other,
 * limits, a newer Istio) is left to the reader. `errorMessage` and `patternErrorMessage` are what yaml-language-server shows.
 */
export function writeMeshSchema(): string {
  return printSchema(describeResource());
}

/** A schema as text: short lists stand on one line. */
export function printSchema(schema: Mapping): string {
  return `${JSON.stringify(schema, null, 2).replace(/\[\n\s+([^[\]{}]*)\n\s+\]/g, (_, entries: string) => `[${entries.replace(/,\n\s+/g, ", ")}]`)}\n`;
}

/** A value as the text of an annotation. */
export function describeText(value: ValueType): Mapping {
  const { schema, expects } = value;
  const errorMessage = `Expected ${expects}, as text in quotes${isWord(schema, "none") ? "" : "; none removes what is inherited"}.`;
  if (Array.isArray(schema["enum"])) return { enum: [...new Set([...(schema["enum"] as readonly unknown[]).map(String), "none"])], errorMessage };
  const isList = typesOf(schema).includes("array");
  return { type: "string", pattern: isList ? listPattern(textPattern(itemsOf(schema))) : `^(${textPattern(schema)}|none)$`, errorMessage };
}

function describeResource(): Mapping {
  const used = settingNames.filter((name) => homes.some((allows) => allows(name)));
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    $comment: "Written by istiomize scaffold, for editors: mesh.yaml names it in its first line.",
    title: "ServiceMesh",
    description: definition.summary,
    type: "object",
    required: ["apiVersion", "kind"],
    properties: {
      apiVersion: { const: meshApiVersion, description: "The version of this resource." },
      kind: { const: "ServiceMesh", description: "The kind of this resource." },
      metadata,
      spec: describeShape(definition, "spec"),
      status: { description: "Read by nobody." },
    },
    additionalProperties: false,
    definitions: {
      ...Object.fromEntries(used.map((name) => [toFieldName(name), describeSetting(name)])),
      ...Object.fromEntries(measured.map((name) => [boundOf(name), describeValue(rows[name].value, "bound")])),
    },
  };
}

/** As Kubernetes has it, loosely: what else may stand there is not ours to say. */
const metadata: Mapping = {
  description: "Name, namespace, labels and annotations, as of every Kubernetes object.",
  type: "object",
  properties: {
    name: { type: "string", description: "The name of this ServiceMesh; generated objects carry it in `istiomize.dev/generated-from`.", examples: ["mesh"] },
    namespace: { type: ["string", "null"], description: "Its namespace; nothing depends on it." },
    labels: { type: ["object", "null"], additionalProperties: { type: ["string", "null"] }, description: "Its own labels; those of generated objects are spec.metadata.labels." },
    annotations: {
      type: ["object", "null"], additionalProperties: { type: ["string", "null"] }, description: "Its own annotations; those of generated objects are spec.metadata.annotations.",
      properties: { "config.kubernetes.io/local-config": { type: ["string", "null"], description: '"true": kustomize drops the ServiceMesh from what it builds (the files layout).', examples: ["true"] } },
    },
  },
};

/** Which settings each `settings` field of the definition takes. */
const homes = findHomes(definition);

function findHomes(shape: Shape): readonly ((name: SettingName) => boolean)[] {
  if (shape.kind === "settings") return [shape.allows];
  if (shape.kind === "named") return findHomes(shape.entry);
  if (shape.kind === "either") return findHomes(shape.full);
  return shape.kind === "object" ? Object.values(shape.fields).flatMap(findHomes) : [];
}

function describeShape(shape: Shape, path: string): Mapping {
  const { summary: description } = shape;
  switch (shape.kind) {
    case "value": {
      const fallback = shape.default !== undefined && shape.default !== "" ? { default: shape.default } : {};
      return { description: `${description}\n\nExpected: ${shape.value.expects}.`, ...fallback, ...describeValue(shape.value, "field"), ...closer()[path] };
    }
    // `spec` itself cannot be `none`.
    case "object": return { description, ...(path === "spec" ? { type: ["object", "null"] } : removable), ...describeFields(Object.entries(shape.fields).map(([name, field]) => [name, describeShape(field, `${path}.${name}`)])) };
    case "named": return { description, ...removable, propertyNames: { not: { enum: Object.getOwnPropertyNames(Object.prototype) } }, additionalProperties: describeShape(shape.entry, `${path}.*`) };
    case "strings": return { description, ...removable, additionalProperties: { type: ["string", "null"] }, ...closer()[path] };
    case "settings": return { description, ...removable, ...(shape.scoped && { patternProperties: { "^(port|subset|gateway|route|match)\\..": {} } }), ...describeFields(settingNames.filter(shape.allows).map((name) => [toFieldName(name), { $ref: `#/definitions/${toFieldName(name)}` }])) };
    case "limits": return { description, ...removable, ...describeFields(measured.map((name) => [toFieldName(name), describeLimit(name)])) };
    case "either": return { description, anyOf: [describeShape(shape.short, path), describeShape(shape.full, path)] };
    case "later": return { description: `${description}\n\nNothing is made of it by this version.`, deprecated: true };
  }
}

/** A mapping, or what takes an inherited one away. An `errorMessage` here would hide which property is not allowed. */
const removable: Mapping = { type: ["object", "string", "null"], pattern: "^none$", patternErrorMessage: "Expected a mapping; none or null removes it." };

function describeFields(fields: readonly (readonly [string, Mapping])[]): Mapping {
  return { properties: Object.fromEntries(fields), additionalProperties: false };
}

/** What is checked beyond the shape of a field, by its path. */
function closer(): { readonly [path: string]: Mapping } {
  const fields = settingNames.map(toFieldName);
  const names = [...new Set([...fields, ...settingNames])].map(escape).join("|");
  const codes = (Object.keys(catalogue) as Code[]).filter((code) => whyNotAccepted(code) === undefined);
  return {
    "spec.accept": describeFields(codes.map((code) => [code, { description: `${catalogue[code].title}. ${catalogue[code].why}`, type: ["string", "null"], pattern: "\\S", errorMessage: "Expected the reason, such as measured, see runbook." }])),
    "spec.locked": { pattern: listPattern(names), items: { type: "string", pattern: `^(${names})$`, examples: fields, errorMessage: "Expected the name of a setting, such as retryAttempts." } },
    "spec.metadata.labels": { propertyNames: { pattern: labelKey.source }, additionalProperties: { type: ["string", "null"], pattern: labelValue.source } },
    "spec.metadata.annotations": { propertyNames: { pattern: labelKey.source, not: { pattern: "^istiomize\\.dev/" } } },
  };
}

function describeSetting(name: SettingName): Mapping {
  const { value, summary, example, istio, docs } = rows[name];
  const since = istio === undefined ? "" : `\n\nFrom Istio ${istio} on.`;
  return {
    description: `${summary}\n\nExpected: ${value.expects}.${since}\n\nAs an annotation: istiomize.dev/${name}\n\nhttps://istio.io/latest/docs/${docs}`,
    ...describeValue(value, "setting"), examples: [writeExample(value, example)],
  };
}

function describeLimit(name: SettingName): Mapping {
  const bound = { $ref: `#/definitions/${boundOf(name)}` };
  return { description: `The least and the most that ${toFieldName(name)} may be. ${rows[name].summary}`, ...removable, minProperties: 1, ...describeFields([["min", bound], ["max", bound]]) };
}

/** The settings that `spec.limits` can bound. */
const measured = settingNames.filter((name) => rows[name].value.measure);

/** The name of the definition of a bound: one for all settings with the same values. */
function boundOf(name: SettingName): string {
  return `limitOf${toFieldName(`-${measured.find((other) => rows[other].value.expects === rows[name].value.expects)!}`)}`;
}

/** An annotation's example as the ServiceMesh has it. */
function writeExample(value: ValueType, example: string): unknown {
  const types = typesOf(value.schema);
  if (typesOf(itemsOf(value.schema)).includes("object")) return readYaml(example);
  if (types.includes("array") && /^[[{]/.test(example)) return example;
  if (types.includes("array")) return example.split(",").map((entry) => (typesOf(itemsOf(value.schema)).includes("integer") && /^\d+$/.test(entry) ? Number(entry) : entry));
  if (types.includes("boolean")) return example === "true";
  return types.includes("integer") && /^\d+%?$/.test(example) ? Number.parseInt(example, 10) : example;
}

/** A value in every way that the reader takes it: typed, as an annotation's text, and `none`; but for a bound also `null`. */
function describeValue(value: ValueType, place: "field" | "setting" | "bound"): Mapping {
  const { schema } = value;
  const errorMessage = `Expected ${value.expects}${isWord(schema, "none") ? "" : "; none removes what is inherited"}.`;
  const absent = place === "bound" ? ["none"] : ["none", null];
  if (Array.isArray(schema["enum"])) return { enum: [...new Set([...(schema["enum"] as readonly unknown[]), ...absent])], errorMessage };
  const { pattern: _, items: __, type: ___, ...rest } = schema;
  const items = itemsOf(schema);
  const isList = typesOf(schema).includes("array");
  const types = new Set([...typesOf(schema), "string", ...scalarsOf(value), ...(place === "bound" ? [] : ["null"])]);
  return {
    type: [...types].filter((type) => type !== "integer" || !types.has("number")),
    pattern: isList ? listPattern(textPattern(items)) : `^(${textPattern(schema)}|none)$`,
    ...((types.has("number") || types.has("integer")) && { ...("value" in value.read("-8") ? {} : { minimum: 0 }), ...boundsOf(items) }),
    ...rest,
    ...(isList && { items: describeEntry(items), uniqueItems: true, ...(place === "setting" && { minItems: 1 }) }),
    errorMessage,
  };
}

/** An entry of a YAML list: its text, or a number where that reads the same. */
function describeEntry(items: Mapping): Mapping {
  if (typesOf(items).includes("object")) return items;
  const { pattern: _, type: __, ...rest } = items;
  const takes = (text: string): boolean => new RegExp(`^(${textPattern(items)})$`).test(text);
  const number = takes("8.5") ? ["number"] : typesOf(items).includes("integer") || takes("8") ? ["integer"] : [];
  return { type: ["string", ...number], pattern: `^(${textPattern(items)})$`, ...rest };
}

/** The types of YAML value that the reader takes as this value's text. Only texts without a range of numbers of their own are asked. */
function scalarsOf({ schema, read }: ValueType): readonly string[] {
  const takes = (text: string): boolean => "value" in read(text);
  const numbers = typesOf(itemsOf(schema)).includes("integer") || takes("8") ? ["integer"] : [];
  return [...numbers, ...(takes("8.5") ? ["number"] : []), ...(takes("true") ? ["boolean"] : [])];
}

function typesOf(schema: Mapping): readonly string[] {
  const type = schema["type"] as string | readonly string[] | undefined;
  return type === undefined ? [] : [type].flat();
}

function itemsOf(schema: Mapping): Mapping {
  return (schema["items"] ?? {}) as Mapping;
}

function boundsOf(schema: Mapping): Mapping {
  return Object.fromEntries(["minimum", "maximum"].flatMap((bound) => (schema[bound] === undefined ? [] : [[bound, schema[bound]]])));
}

/** The pattern of a value's text, without its anchors. */
function textPattern(schema: Mapping): string {
  const types = typesOf(schema);
  if (typeof schema["pattern"] === "string") return schema["pattern"].replace(/^\^/, "").replace(/\$$/, "");
  if (types.includes("boolean")) return "true|false";
  if (types.includes("object")) return "(?!)"; // a mapping is no entry of a comma separated list
  if (!types.includes("integer")) return "[\\s\\S]+";
  return Number(schema["minimum"]) > 0 ? "0*[1-9]\\d*" : Number(schema["minimum"]) < 0 ? "-?\\d+" : "\\d+";
}

/** A comma separated list of entries, a list in YAML, or `none`. */
function listPattern(entry: string): string {
  return `^(\\s*(${entry})\\s*(,\\s*(${entry})\\s*)*|(\\[|- )[\\s\\S]*|none)$`;
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
