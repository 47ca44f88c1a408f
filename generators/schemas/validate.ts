import { suggest } from "../diagnostics/suggest.ts";
import { asMapping, groupOf, kindOf, type KubeObject, type Mapping } from "../kube/object.ts";
import { kinds, known } from "./definitions.ts";
import { isSet, shorten, writeValue, writeYaml, type Finding } from "./finding.ts";
import { findKind, isList, isMap, isNewerIstio, isObject, resolve, walkFields, type Resolved } from "./lookup.ts";
import { findOldName, oldGroups, oldWords } from "./old-names.ts";
import { applyRules } from "./rules.ts";
import type { KindSchema, LeafSchema, ListSchema, MapSchema, ObjectSchema, Schema } from "./schema.ts";
import { isIstioDuration, readGoDuration } from "./shapes.ts";

export interface ValidateOptions {
  /** The oldest Istio that it must run on; the newest known where nothing is said. */
  readonly istioVersion?: string;
  /** Where it will be, if it carries no namespace. */
  readonly namespace?: string;
}

/**
 * What the API server and istiod would say to an object of Istio's: the schema of its CRD, fields that are gone or too
 * new, and the rules of istiod's webhook for VirtualServices and DestinationRules. Nothing for objects of other groups.
 */
export function validateIstio(object: KubeObject, { istioVersion = known.newest, namespace }: ValidateOptions = {}): readonly Finding[] {
  const kind = findKind(groupOf(object), kindOf(object));
  if (!kind) return checkGroup(object);
  const version = String(object["apiVersion"]).split("/")[1]!;
  const walk = new SchemaWalk(kindOf(object), kind, istioVersion);
  const findings = [...checkVersion(object, kind, version, istioVersion), ...checkTop(object, kind, walk)];
  const spec = object["spec"];
  if (isSet(spec)) walk.check(kind.spec, spec, ["spec"]);
  const found = [...findings, ...walk.findings];
  const refused = applyRules(object, namespace);
  // What the schema refuses already is not said again in other words.
  return [...found, ...refused.filter((finding) => !found.some(({ kind: each, path }) => each !== "deprecated" && each !== "ignored" && covers(path, finding.path)))];
}

function covers(path: readonly string[], other: readonly string[]): boolean {
  return path.length > 1 && path.length <= other.length && path.every((step, i) => other[i] === step);
}

function checkGroup(object: KubeObject): readonly Finding[] {
  const group = groupOf(object);
  const kind = kindOf(object);
  const instead = oldGroups[group];
  if (instead) return [{ kind: "version", path: ["apiVersion"], found: `${kind} of ${String(object["apiVersion"])}, which today's Istio does not have`, expects: instead }];
  const names = Object.keys(kinds).map((name) => name.split(" ") as [string, string]);
  if (!names.some(([each]) => each === group)) return [];
  const elsewhere = names.find(([, each]) => each === kind);
  if (elsewhere) return [{ kind: "version", path: ["apiVersion"], found: writeValue(object["apiVersion"]), expects: `${elsewhere[0]}/${findKind(...elsewhere)!.versions[0]}, where ${kind} is` }];
  const suggestion = suggest(kind, names.filter(([each]) => each === group).map(([, each]) => each));
  return [{
    kind: "version", path: ["kind"], found: writeValue(kind), expects: `a kind of ${group}: ${names.filter(([each]) => each === group).map(([, each]) => each).join(", ")}`,
    ...(suggestion && { help: `did you mean ${suggestion}?` }),
  }];
}

function checkVersion(object: KubeObject, kind: KindSchema, version: string, istioVersion: string): readonly Finding[] {
  const since = kind.since?.[""];
  if (since && isNewerIstio(since, istioVersion)) return [{ kind: "newer", path: ["kind"], found: kindOf(object), expects: `only what Istio ${istioVersion} has`, since }];
  const usable = kind.versions.filter((each) => !(kind.since?.[each] && isNewerIstio(kind.since[each], istioVersion)));
  const best = usable[0] ?? kind.versions[0]!;
  if (version === best) return [];
  const wanted = `${groupOf(object)}/${best}`;
  const change = { path: ["apiVersion"], found: String(object["apiVersion"]), current: String(object["apiVersion"]), proposed: wanted, fix: { value: wanted } };
  if (!kind.versions.includes(version)) return [{ kind: "version", expects: `${wanted}: ${kindOf(object)} has ${kind.versions.length === 1 ? "no other version" : `only ${kind.versions.join(", ")}`}`, ...change }];
  return [{ kind: "old-version", expects: wanted, ...change }];
}

const topLevel = ["apiVersion", "kind", "metadata", "spec", "status"];

function checkTop(object: KubeObject, { needsSpec }: KindSchema, walk: SchemaWalk): readonly Finding[] {
  for (const key of Object.keys(object)) if (!topLevel.includes(key) && isSet(object[key])) walk.reportUnknown([key], object[key], { fields: Object.fromEntries(topLevel.map((name) => [name, "any"])) }, object);
  const { name, generateName } = (asMapping(object["metadata"]) ?? {}) as { name?: unknown; generateName?: unknown };
  return [
    ...(isSet(name) || isSet(generateName) ? [] : [{ kind: "required" as const, path: ["metadata", "name"], found: "nothing", expects: "a name" }]),
    ...(needsSpec && !isSet(object["spec"]) ? [{ kind: "required" as const, path: ["spec"], found: "nothing", expects: "a spec" }] : []),
  ];
}

/** Walks a value and its schema side by side; `check` is for one field, `findings` what was found so far. */
class SchemaWalk {
  readonly findings: Finding[] = [];
  readonly #kind: string;
  readonly #schema: KindSchema;
  readonly #istioVersion: string;
  constructor(kind: string, schema: KindSchema, istioVersion: string) {
    this.#kind = kind;
    this.#schema = schema;
    this.#istioVersion = istioVersion;
  }

  /** The path is one list that grows and shrinks with the walk; a finding takes a copy. */
  #report(finding: Finding): void {
    this.findings.push({ ...finding, path: [...finding.path] });
  }

  check(schema: Schema, value: unknown, path: string[]): void {
    const resolved = resolve(schema);
    if (resolved === "any") return;
    if (isObject(resolved)) return this.#checkObject(resolved, value, path);
    if (isList(resolved)) return this.#checkList(resolved, value, path);
    if (isMap(resolved)) return this.#checkMap(resolved, value, path);
    return this.#checkLeaf(typeof resolved === "string" ? { type: resolved } : resolved, value, path);
  }

  #checkObject(schema: ObjectSchema, value: unknown, path: string[]): void {
    const mapping = asMapping(value);
    if (!mapping) return this.#refuseType(value, path, `a mapping with ${this.#listFields(Object.keys(schema.fields), [...path, ""])}`, meantMapping(value, schema));
    for (const name in mapping) {
      if (!isSet(mapping[name])) continue;
      path.push(name);
      this.#checkField(schema, mapping, name, path);
      path.pop();
    }
    for (const name of schema.required ?? []) {
      if (!isSet(mapping[name])) this.#report({ kind: "required", path: [...path, name], found: `${path.at(-1)!.startsWith("[") ? "an entry" : `\`${path.at(-1)}\``} without \`${name}\``, expects: `\`${name}\`: ${describeSchema(resolve(schema.fields[name]!))}` });
    }
    for (const group of schema.groups ?? []) {
      const set = group.filter((name) => isSet(mapping[name]));
      if (set.length > 1) this.#report({ kind: "type", path: [...path, set[1]!], found: set.join(" and "), expects: `only one of ${group.join(", ")}`, help: "remove one of them" });
    }
  }

  #checkField(schema: ObjectSchema, mapping: Mapping, name: string, path: string[]): void {
    const field = Object.hasOwn(schema.fields, name) ? schema.fields[name] : undefined;
    if (field === undefined) return this.reportUnknown(path, mapping[name], schema, mapping);
    const since = schema.since?.[name];
    if (since && isNewerIstio(since, this.#istioVersion)) return this.#report({ kind: "newer", path, found: name, expects: `only what Istio ${this.#istioVersion} has`, since });
    this.#reportOld(path, mapping[name], mapping);
    this.check(field, mapping[name], path);
  }

  #checkList({ items, minItems, maxItems, keys }: ListSchema, value: unknown, path: string[]): void {
    if (!Array.isArray(value)) {
      const words = describeSchema(resolve(items));
      return this.#refuseType(value, path, `a list${words.startsWith("a mapping") ? " of mappings" : `; each entry ${words}`}`, "put it into a list: a hyphen in front of each entry");
    }
    if (minItems !== undefined && value.length < minItems) this.#refuseType(value, path, `at least ${minItems === 1 ? "one entry" : `${minItems} entries`}`);
    if (maxItems !== undefined && value.length > maxItems) this.#refuse(path, `${value.length} entries`, `at most ${maxItems}`);
    const seen = new Set<string>();
    value.forEach((each, i) => {
      path.push(`[${i}]`);
      this.check(items, each, path);
      path.pop();
      if (!keys) return;
      const key = keys.map((name) => writeValue(asMapping(each)?.[name])).join(" ");
      if (seen.has(key)) this.#refuse([...path, `[${i}]`], `a second entry with ${keys.join(" and ")} ${key}`, "each once");
      seen.add(key);
    });
  }

  #checkMap({ values, minProperties, maxProperties }: MapSchema, value: unknown, path: string[]): void {
    const mapping = asMapping(value);
    if (!mapping) return this.#refuseType(value, path, `a mapping of names; each value ${describeSchema(resolve(values))}`);
    const names = Object.keys(mapping);
    if (minProperties !== undefined && names.length < minProperties) this.#refuse(path, "an empty mapping", "at least one entry");
    if (maxProperties !== undefined && names.length > maxProperties) this.#refuse(path, `${names.length} entries`, `at most ${maxProperties}`);
    for (const name of names) {
      if (!isSet(mapping[name])) continue;
      path.push(name);
      this.check(values, mapping[name], path);
      path.pop();
    }
  }

  #checkLeaf(schema: LeafSchema | { readonly type: string }, value: unknown, path: readonly string[]): void {
    const { type } = schema;
    const expects = (): string => describeSchema(schema as LeafSchema);
    if (type === "duration") return isIstioDuration(value) ? undefined : this.#refuseDuration(value, path, expects());
    if (type === "boolean") return typeof value === "boolean" ? undefined : this.#refuseType(value, path, expects(), undefined, meantBoolean(value));
    if (type === "integer" || type === "number") {
      const { minimum = -Infinity, maximum = Infinity } = schema as LeafSchema;
      if (typeof value !== "number" || (type === "integer" && !Number.isInteger(value))) return this.#refuseNumber(value, path, expects(), meantNumber(value, type));
      if (value < minimum || value > maximum) this.#refuse(path, String(value), expects());
      return;
    }
    if (typeof value !== "string") return this.#refuseType(value, path, expects(), "put it in quotes", meantText(value));
    this.#checkText(schema as LeafSchema, value, path);
  }

  #checkText(schema: LeafSchema, value: string, path: readonly string[]): void {
    const { enum: words, minLength = 0, maxLength = Infinity, pattern, format, since } = schema;
    if (words) {
      const first = since?.[value];
      if (first && isNewerIstio(first, this.#istioVersion)) this.#report({ kind: "newer", path, found: value, expects: `only what Istio ${this.#istioVersion} has`, since: first });
      else if (!words.includes(value)) this.#refuseWord(value, path, words);
      else if (oldWords[value]) this.#report({ kind: "deprecated", path, found: value, expects: `${oldWords[value].word}: ${oldWords[value].why}`, current: value, proposed: oldWords[value].word, fix: { value: oldWords[value].word } });
      return;
    }
    if (minLength > 0 || maxLength < Infinity) {
      const length = [...value].length;
      if (length < minLength || length > maxLength) this.#refuse(path, length === 0 ? "an empty string" : `${length} characters`, describeSchema(schema));
    }
    if (pattern !== undefined && !new RegExp(pattern).test(value)) this.#refuse(path, writeValue(value), describeSchema(schema));
    if (format === "byte" && !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value)) this.#refuse(path, writeValue(value), "bytes in base64");
  }

  #refuseDuration(value: unknown, path: readonly string[], expects: string): void {
    const isBare = typeof value === "number" ? value > 0 && Number.isInteger(value) : typeof value === "string" && /^[1-9]\d*$/.test(value);
    if (isBare) {
      this.#report({ kind: "type", path, found: writeValue(value), expects, help: `did you mean ${String(value)}s?`, current: String(value), proposed: `${String(value)}s`, fix: { value: `${String(value)}s` } });
      return;
    }
    const isZero = typeof value === "string" && readGoDuration(value) === 0;
    this.#report({ kind: "type", path, found: writeValue(value), expects, ...(isZero && { help: "remove the field: 0 does not mean \"no limit\" here" }) });
  }

  #refuse(path: readonly string[], found: string, expects: string): void {
    this.#report({ kind: "type", path, found, expects });
  }

  #refuseType(value: unknown, path: readonly string[], expects: string, help?: string, meant?: unknown): void {
    const change = meant === undefined ? {} : { current: JSON.stringify(value), proposed: writeYaml(meant), fix: { value: writeYaml(meant) } };
    this.#report({ kind: "type", path, found: value === null ? "null" : writeValue(value), expects, ...(help && { help }), ...change });
  }

  #refuseNumber(value: unknown, path: readonly string[], expects: string, meant: unknown): void {
    this.#refuseType(value, path, expects, meant === undefined ? undefined : `write ${writeYaml(meant)}`, meant);
  }

  #refuseWord(value: string, path: readonly string[], words: readonly string[]): void {
    const same = words.find((word) => word.toLowerCase() === value.toLowerCase());
    const near = same ?? suggest(value, words);
    this.#report({
      kind: "enum", path, found: writeValue(value), expects: `one of ${words.filter((word) => !oldWords[word] && !/^(UNSPECIFIED|UNDEFINED|UNSET)/.test(word)).join(", ")}`,
      ...(near && { help: `did you mean ${near}?` }), ...(same && { current: value, proposed: same, fix: { value: same } }),
    });
  }

  /** A field that is in the schema, and has a better name. */
  #reportOld(path: readonly string[], value: unknown, beside: Mapping): void {
    const old = findOldName(this.#kind, path);
    if (!old || old.state === "gone" || (old.since && isNewerIstio(old.since, this.#istioVersion))) return;
    this.#report({ kind: old.state, path, found: path.at(-1)!, expects: old.instead, ...changeFor(path.at(-1)!, value, old.fix?.(value), beside) });
  }

  reportUnknown(path: readonly string[], value: unknown, schema: ObjectSchema, beside: Mapping): void {
    const name = path.at(-1)!;
    const old = findOldName(this.#kind, path);
    const known = Object.keys(schema.fields);
    const base = { kind: "unknown" as const, path, found: name, expects: this.#listFields(known, path) };
    if (old) {
      this.#report({ ...base, help: `Istio has ${old.instead}`, ...changeFor(name, value, old.fix?.(value), beside) });
      return;
    }
    const same = known.find((each) => plainName(each) === plainName(name));
    if (same && !isSet(beside[same])) {
      this.#report({ ...base, help: `did you mean ${same}?`, ...changeFor(name, value, { rename: same }, beside) });
      return;
    }
    const near = suggest(name, known);
    const place = near === undefined ? this.#findPlace(name, path) : undefined;
    this.#report({ ...base, ...(near ? { help: `did you mean ${near}?` } : place ? { help: place } : {}) });
  }

  /** The names that a person may write here, without those that go out of use. */
  #listFields(names: readonly string[], path: readonly string[]): string {
    return names.filter((name) => !findOldName(this.#kind, [...path.slice(0, -1), name])).join(", ");
  }

  /** Where a field of this name belongs: the place in this kind that is nearest, or another kind that has it. */
  #findPlace(name: string, path: readonly string[]): string | undefined {
    const here = path.slice(0, -1).map((step) => (step.startsWith("[") ? "[]" : step)).join(".").replaceAll(".[]", "[]");
    const places = [...walkFields(this.#schema.spec)].map((field) => field.path).filter((each) => each === `spec.${name}` || each.endsWith(`.${name}`));
    const nearest = places.sort((a, b) => distance(a, here) - distance(b, here) || (a < b ? -1 : 1))[0];
    if (nearest) return `it belongs at ${nearest}`;
    const other = ["VirtualService", "DestinationRule"].filter((kind) => kind !== this.#kind && ["VirtualService", "DestinationRule"].includes(this.#kind));
    for (const kind of other) {
      const found = [...walkFields(findKind("networking.istio.io", kind)!.spec)].map((field) => field.path).filter((each) => each.endsWith(`.${name}`)).sort((a, b) => a.length - b.length)[0];
      if (found) return `a ${kind} has it, at ${found}`;
    }
    return undefined;
  }
}

/** Steps from one place up to what both share, and down to the other. */
function distance(path: string, here: string): number {
  const one = path.split(/\.|(?=\[\])/);
  const other = here.split(/\.|(?=\[\])/);
  let shared = 0;
  while (shared < one.length && one[shared] === other[shared]) shared++;
  return one.length - shared + other.length - shared;
}

/** `per_try_timeout` and `PerTryTimeout` are both meant as `perTryTimeout`. */
function plainName(name: string): string {
  return name.replace(/[_-]/g, "").toLowerCase();
}

/** The mechanical change of a key: a rename falls away where the new name is there already. */
function changeFor(name: string, value: unknown, fix: Finding["fix"], beside: Mapping): Pick<Finding, "current" | "proposed" | "fix"> {
  if (!fix) return {};
  const current = shorten(`${name}: ${writeYaml(value)}`);
  if (fix.remove || (fix.rename !== undefined && isSet(beside[fix.rename]))) return { current, fix: { remove: true } };
  return { current, proposed: shorten(`${fix.rename ?? name}: ${fix.value ?? writeYaml(value)}`), fix };
}

function meantMapping(value: unknown, { fields }: ObjectSchema): string | undefined {
  if (Array.isArray(value)) return "it is one mapping, not a list: remove the hyphen in front of it";
  if (typeof value === "string" && fields["exact"] && fields["prefix"]) return `say how: {exact: ${writeYaml(value)}}, {prefix: ${writeYaml(value)}} or {regex: …}`;
  const [only, ...more] = Object.keys(fields);
  return (typeof value === "string" || typeof value === "number") && only !== undefined && more.length === 0 ? `write {${only}: ${writeYaml(value)}}` : undefined;
}

function meantBoolean(value: unknown): boolean | undefined {
  const text = typeof value === "string" ? value.toLowerCase() : undefined;
  return text === undefined ? undefined : /^(true|yes|on|y)$/.test(text) ? true : /^(false|no|off|n)$/.test(text) ? false : undefined;
}

function meantNumber(value: unknown, type: string): number | undefined {
  if (typeof value !== "string" || !(type === "integer" ? /^-?\d{1,15}%?$/ : /^-?\d{1,15}(\.\d+)?%?$/).test(value)) return undefined;
  return Number(value.replace("%", ""));
}

function meantText(value: unknown): string | undefined {
  return typeof value === "boolean" || Number.isSafeInteger(value) ? String(value) : undefined;
}

/** What a schema takes, in words. */
export function describeSchema(schema: Resolved): string {
  if (isObject(schema)) return `a mapping with ${shorten(Object.keys(schema.fields).join(", "))}`;
  if (isList(schema)) return "a list";
  if (isMap(schema)) return "a mapping of names to values";
  const { type, enum: words, minimum, maximum, minLength, maxLength, pattern } = (typeof schema === "string" ? { type: schema } : schema) as LeafSchema;
  if (words) return `one of ${words.join(", ")}`;
  if ((type as string) === "duration") return "a duration of at least 1ms in whole milliseconds, such as 250ms, 15s or 1m30s";
  if ((type as string) === "boolean") return "true or false";
  if (type === "integer" || type === "number") {
    const most = maximum === undefined || maximum > 1e9 ? undefined : maximum;
    const range = minimum !== undefined && minimum > -1e9 ? (most === undefined ? ` of at least ${minimum}` : ` from ${minimum} to ${most}`) : most === undefined ? "" : ` of at most ${most}`;
    return `a${type === "integer" ? " whole" : ""} number${range}`;
  }
  if (maxLength === 0) return "nothing";
  const length = minLength === 1 && maxLength === undefined ? "a string that is not empty" : maxLength === undefined ? "a string" : `a string of ${minLength ?? 0} to ${maxLength} characters`;
  return pattern === undefined ? length : `${length} of the form ${pattern}`;
}

