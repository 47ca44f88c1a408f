import { asMapping, asText } from "../../kube/object.ts";
import { excludes, includes, literal, type Language } from "./language.ts";
import { languageOf } from "./regex-language.ts";

/** A StringMatch: `{exact}`, `{prefix}`, `{regex}`, or `present` for an empty one, which asks only for the header. */
export interface TextMatch {
  readonly kind: "exact" | "prefix" | "regex" | "present";
  readonly text: string;
}

/** What a field says, `undefined` where it is absent or none of the forms that Istio knows. */
export function readTextMatch(value: unknown): TextMatch | undefined {
  const match = value === null ? {} : asMapping(value);
  if (!match) return undefined;
  const keys = Object.keys(match);
  if (keys.length === 0) return { kind: "present", text: "" };
  const [kind] = keys;
  const text = asText(match[kind!]);
  if (keys.length > 1 || text === undefined || (kind !== "exact" && kind !== "prefix" && kind !== "regex")) return undefined;
  return kind === "regex" && text === "*" ? { kind: "present", text: "" } : { kind, text };
}

/** Every match of a mapping by name, names in lower case where Envoy compares them so. */
export function readTextMatches(value: unknown, lower: boolean): ReadonlyMap<string, TextMatch | undefined> {
  return new Map(Object.entries(asMapping(value) ?? {}).map(([name, match]) => [lower ? name.toLowerCase() : name, readTextMatch(match)]));
}

/** `prefix "/api"`, for messages. */
export function describeMatch({ kind, text }: TextMatch): string {
  return kind === "present" ? "any value" : `${kind} ${JSON.stringify(text)}`;
}

/**
 * Whether every value that `inner` takes is one that `outer` takes. `fold`: which of the two ignore upper and lower case
 * (`ignoreUriCase`, which Envoy heeds for exact and prefix only). `false` also where it cannot be told.
 */
export function coversText(outer: TextMatch, inner: TextMatch, fold: { readonly outer: boolean; readonly inner: boolean } = { outer: false, inner: false }): boolean {
  if (outer.kind === "present") return true;
  if (inner.kind === "present") return outer.kind === "regex" && outer.text === ".*";
  const plain = !fold.outer && !fold.inner;
  if (plain && outer.kind === inner.kind && outer.text === inner.text) return true;
  if (outer.kind !== "regex" && inner.kind !== "regex" && !(fold.inner && !fold.outer)) {
    const [one, other] = fold.outer ? [outer.text.toLowerCase(), inner.text.toLowerCase()] : [outer.text, inner.text];
    return outer.kind === "exact" ? inner.kind === "exact" && one === other : other.startsWith(one);
  }
  if (!fold.outer && !fold.inner && areApart(outer, inner)) return false;
  const [one, other] = [languageFor(outer, fold.outer), languageFor(inner, fold.inner)];
  return one !== undefined && other !== undefined && includes(one, other) === true;
}

/** Whether some value is taken by both; `undefined` where it cannot be told. */
export function overlaps(one: TextMatch, other: TextMatch): boolean | undefined {
  if (one.kind === "present" || other.kind === "present") return true;
  if (one.kind !== "regex" && other.kind !== "regex") {
    if (one.kind === "exact") return other.kind === "exact" ? one.text === other.text : one.text.startsWith(other.text);
    return other.text.startsWith(one.text) || (other.kind === "prefix" && one.text.startsWith(other.text));
  }
  if (areApart(one, other)) return false;
  const [left, right] = [languageFor(one, false), languageFor(other, false)];
  const apart = left && right && excludes(left, right);
  return apart === undefined ? undefined : !apart;
}

/** Whether two matches differ in how every value of theirs begins: seen without reading the patterns. */
function areApart(one: TextMatch, other: TextMatch): boolean {
  const [left, right] = [startOf(one), startOf(other)];
  return !left.startsWith(right) && !right.startsWith(left);
}

/** Text with which every value begins; as much of it as is plain to see. */
function startOf({ kind, text }: TextMatch): string {
  if (kind !== "regex") return text;
  if (/[|]|\(\?/.test(text)) return "";
  const plain = /^\^?([\w/=:;, -]*)(.?)/.exec(text)!;
  return "*?{".includes(plain[2]!) ? plain[1]!.slice(0, -1) : plain[1]!;
}

const read = new WeakMap<TextMatch, Language | undefined>();

/** Patterns are read once for each match that they stand in. */
function languageFor(match: TextMatch, fold: boolean): Language | undefined {
  if (match.kind !== "regex") return literal(match.text, { open: match.kind === "prefix", fold });
  if (!read.has(match)) read.set(match, languageOf(match.text));
  return read.get(match);
}

/** Whether a match takes this one value; `undefined` where it cannot be told. */
export function takes(match: TextMatch, value: string): boolean | undefined {
  if (match.kind === "present") return true;
  if (match.kind !== "regex") return match.kind === "exact" ? match.text === value : value.startsWith(match.text);
  const language = languageFor(match, false);
  return language && includes(language, literal(value));
}

