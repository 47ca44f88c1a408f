import { asList, asMapping, asText, equal, mappingAt, type KubeObject, type Mapping } from "../../generators/kube/object.ts";
import { mappingsIn } from "./objects.ts";
import { code, listOf } from "./words.ts";

/** Where in a VirtualService a rule stands: of requests, of connections, or of TLS that passes through. */
export type RuleKind = "http" | "tcp" | "tls";

export interface Rule {
  /** Its name, or what it is called without one. */
  readonly name: string;
  readonly content: Mapping;
  readonly match: readonly Mapping[];
}

export function rulesOf(virtualService: KubeObject | undefined, kind: RuleKind): readonly Rule[] {
  return asList(mappingAt(virtualService, "spec")[kind]).flatMap((entry, i): Rule[] => {
    const content = asMapping(entry);
    return content ? [{ name: asText(content["name"]) ?? `${kind}[${i}]`, content, match: mappingsIn(content["match"]) }] : [];
  });
}

/** The first rule that takes every request of a kind, where that can be told from the matches. */
export function takerOf(rules: readonly Rule[], match: readonly Mapping[]): Rule | undefined {
  return rules.find((rule) => covers(rule.match, match));
}

function covers(wide: readonly Mapping[], narrow: readonly Mapping[]): boolean {
  if (wide.length === 0) return true;
  return narrow.length > 0 && narrow.every((each) => wide.some((other) => coversOne(other, each)));
}

/** Fields that name a match or count it and ask for nothing. */
const silent = new Set(["name", "statPrefix"]);

function coversOne(wide: Mapping, narrow: Mapping): boolean {
  return Object.entries(wide).every(([field, wanted]) => {
    const given = narrow[field];
    if (silent.has(field) || equal(wanted, given)) return true;
    if (field === "headers" || field === "queryParams") return asMapping(given) !== undefined && Object.entries(asMapping(wanted) ?? {}).every(([name, value]) => coversText(value, mappingAt(narrow, field)[name]));
    return coversText(wanted, given);
  });
}

function coversText(wanted: unknown, given: unknown): boolean {
  if (equal(wanted, given)) return true;
  const prefix = asText(asMapping(wanted)?.["prefix"]);
  const text = asText(asMapping(given)?.["exact"]) ?? asText(asMapping(given)?.["prefix"]);
  return prefix !== undefined && text !== undefined && text.startsWith(prefix);
}

/** Whether a request can match both; true where that cannot be told. */
export function mayOverlap(one: readonly Mapping[], other: readonly Mapping[]): boolean {
  return one.length === 0 || other.length === 0 || one.some((a) => other.some((b) => !isDisjoint(a, b)));
}

function isDisjoint(a: Mapping, b: Mapping): boolean {
  const isOther = (left: unknown, right: unknown): boolean => {
    const [p, q] = [left, right].map((value) => ({ exact: asText(asMapping(value)?.["exact"]), prefix: asText(asMapping(value)?.["prefix"]) }));
    const [s, t] = [p!.exact ?? p!.prefix, q!.exact ?? q!.prefix];
    if (s === undefined || t === undefined) return false;
    return !(s === t || (p!.exact === undefined && t.startsWith(s)) || (q!.exact === undefined && s.startsWith(t)));
  };
  return ["uri", "method", "authority", "scheme"].some((field) => isOther(a[field], b[field]))
    || ["headers", "queryParams"].some((field) => Object.keys(mappingAt(a, field)).some((name) => isOther(mappingAt(a, field)[name], mappingAt(b, field)[name])));
}

/** ` with path /cart…, or with header x-user: jason`; nothing for a rule that takes everything. */
export function describeMatch(match: readonly Mapping[]): string {
  if (match.length === 0) return "";
  const shown = match.slice(0, 3).map((each) => listOf(Object.entries(each).flatMap(describeCondition)) || "anything");
  return ` with ${shown.join(", or with ")}${match.length > 3 ? `, and ${match.length - 3} more` : ""}`;
}

const nouns: { readonly [field: string]: string } = { uri: "path", method: "method", authority: "authority", scheme: "scheme" };

function describeCondition([field, value]: readonly [string, unknown]): readonly string[] {
  if (silent.has(field) || field === "ignoreUriCase") return [];
  if (nouns[field] !== undefined) return [`${nouns[field]} ${describeText(value)}`];
  const entries = Object.entries(asMapping(value) ?? {});
  switch (field) {
    case "headers": return entries.map(([name, text]) => `header ${describeHeader(name, text)}`);
    case "withoutHeaders": return entries.map(([name]) => `no such header as ${code(name)}`);
    case "queryParams": return entries.map(([name, text]) => `query ${code(name)} ${describeText(text)}`);
    case "sourceLabels": return [`a caller labelled ${code(entries.map(([key, text]) => `${key}=${String(text)}`).join(","))}`];
    case "sourceNamespace": return [`a caller in namespace ${code(value)}`];
    case "gateways": return [`gateway ${listOf(asList(value).map(code))}`];
    case "sniHosts": return [`SNI ${listOf(asList(value).map(code))}`];
    default: return [`${code(field)} ${code(value)}`];
  }
}

function describeHeader(name: string, text: unknown): string {
  return /authorization/i.test(name) || Object.keys(asMapping(text) ?? {}).length === 0 ? code(name) : `${code(name)} ${describeText(text)}`;
}

function describeText(value: unknown): string {
  const { exact, prefix, regex } = asMapping(value) ?? {};
  if (exact !== undefined) return code(exact);
  if (prefix !== undefined) return `${code(prefix)}…`;
  return regex === undefined ? code(value) : `like ${code(regex)}`;
}
