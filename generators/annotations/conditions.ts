import { isLabel } from "../kube/label.ts";
import { quoteRegex, readRegex } from "../kube/re2.ts";
import { headerNameType, readPath, toUriMatches, type PathPattern, type StringMatch } from "./route-values.ts";
import { bounded, placeIn, refuse, type Read, type ValueType } from "./values.ts";

/**
 * Which requests a rule takes: `header:x-user=jason && path:/api || cookie:beta=true`.
 *
 * `conditions` Conjunction[] (the alternatives of one rule), `andMatches` for two lists of them, `cookieRegex`.
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
 */

/** The part of Istio's HTTPMatchRequest that we write; everything in one of them must hold at once. */
export interface Conjunction {
  readonly uri?: StringMatch;
  readonly method?: StringMatch;
  readonly authority?: StringMatch;
  readonly headers?: { readonly [name: string]: StringMatch };
  readonly withoutHeaders?: { readonly [name: string]: StringMatch };
  readonly queryParams?: { readonly [name: string]: StringMatch };
  readonly sourceLabels?: { readonly [key: string]: string };
}

/** What both lists take, nothing where no request can meet both; or the field that would need two values in one match. */
export type Anded = { readonly value: readonly Conjunction[] } | { readonly conflict: string };

/** More alternatives than people write, and few enough to write out. */
const mostMatches = 128;

/**
 * Every alternative of one list with every one of the other. Alternatives that no request can meet are left out, so
 * that an empty list takes nothing (and must not be written: to Istio no match at all means every request).
 */
export function andMatches(a: readonly Conjunction[], b: readonly Conjunction[]): Anded {
  const found = new Map<string, Conjunction>();
  for (const one of a) {
    for (const other of b) {
      const both = andConjunctions(one, other);
      if ("conflict" in both) return both;
      if ("match" in both) found.set(JSON.stringify(both.match), both.match);
    }
  }
  return { value: dropCovered([...found.values()]) };
}

/** Alternatives without those that a wider one takes too; Istio warns of them. Long lists stay as they are. */
function dropCovered(matches: readonly Conjunction[]): readonly Conjunction[] {
  if (matches.length > mostMatches) return matches;
  return matches.filter((narrow, i) => !matches.some((wide, j) => i !== j && covers(wide, narrow) && (j < i || !covers(narrow, wide))));
}

function covers(wide: Conjunction, narrow: Conjunction): boolean {
  if (!Object.keys(wide).every((field) => Object.hasOwn(narrow, field))) return false;
  const both = andConjunctions(narrow, wide);
  return "match" in both && JSON.stringify(both.match) === JSON.stringify(narrow);
}

type Both<T> = { readonly match: T } | { readonly conflict: string } | { readonly never: true };

const texts = ["uri", "method", "authority", "scheme"];
const maps = ["headers", "withoutHeaders", "queryParams", "sourceLabels"];

function andConjunctions(a: Conjunction, b: Conjunction): Both<Conjunction> {
  const left = a as { readonly [field: string]: unknown };
  const right = b as { readonly [field: string]: unknown };
  const both: { [field: string]: unknown } = { ...left };
  // What ignores case and what does not cannot stand in one match.
  if (left["uri"] !== undefined && right["uri"] !== undefined && (left["ignoreUriCase"] === true) !== (right["ignoreUriCase"] === true)) return { conflict: "uri" };
  for (const [field, value] of Object.entries(right)) {
    const own = left[field];
    const anded: Both<unknown> = own === undefined ? { match: value }
      : texts.includes(field) ? andTexts(own as StringMatch, value as StringMatch, field)
      : maps.includes(field) ? andMaps(own as Texts, value as Texts, field)
      : JSON.stringify(own) === JSON.stringify(value) ? { match: value }
      : field === "port" ? { never: true } : { conflict: field };
    if (!("match" in anded)) return anded;
    both[field] = anded.match;
  }
  return { match: both as Conjunction };
}

interface Texts {
  readonly [name: string]: StringMatch | string;
}

function andMaps(a: Texts, b: Texts, field: string): Both<Texts> {
  const both = new Map(Object.entries(a));
  for (const [name, value] of Object.entries(b)) {
    const own = Object.hasOwn(a, name) ? a[name]! : undefined;
    const where = `${field}.${name}`;
    if (own === undefined) both.set(name, value);
    else if (typeof own === "string" || typeof value === "string") {
      if (own !== value) return { never: true };
    } else if (field === "withoutHeaders") {
      // "Not a and not b" is two values of one header; without the header at all, it has neither.
      if (isPresence(own) || isPresence(value)) both.set(name, {});
      else if (!isSame(own, value)) return { conflict: where };
    } else {
      const anded = andTexts(own, value, where);
      if (!("match" in anded)) return anded;
      both.set(name, anded.match);
    }
  }
  return { match: Object.fromEntries(both) };
}

const isPresence = (match: StringMatch): boolean => match.exact === undefined && match.prefix === undefined && match.regex === undefined;
const isSame = (a: StringMatch, b: StringMatch): boolean => a.exact === b.exact && a.prefix === b.prefix && a.regex === b.regex;

/** What both take: the narrower one where one holds the other; two expressions have no common form. */
function andTexts(a: StringMatch, b: StringMatch, field: string): Both<StringMatch> {
  if (isSame(a, b) || isAnything(b, field)) return { match: a };
  if (isAnything(a, field)) return { match: b };
  if (a.regex !== undefined || b.regex !== undefined) return { conflict: field };
  const [one, other] = [a, b].map((match) => match.exact ?? match.prefix!) as [string, string];
  if (a.prefix !== undefined && other.startsWith(one)) return { match: b };
  return b.prefix !== undefined && one.startsWith(other) ? { match: a } : { never: true };
}

function isAnything(match: StringMatch, field: string): boolean {
  return isPresence(match) || (field === "uri" && (match.prefix === "/" || match.prefix === ""));
}

/** The regular expression for a cookie among the others in a `cookie` header. */
export function cookieRegex(name: string, value: string): string {
  return `^(.*;\\s*)?${quoteRegex(name)}=${quoteRegex(value)}(;.*)?$`;
}

const expects = "conditions joined by && and ||, each one of header:NAME=value (or ~regex, ^prefix, or the name alone), cookie:NAME=value, query:NAME=value, method:GET, path:/api, authority:host, source:label=value; a value with && or || or a comma in double quotes";

/** One condition as it was cut out of the text. */
interface Term {
  readonly text: string;
  readonly at: number;
  /** The joint before it. */
  readonly joint?: "&&" | "||";
}

/** Conditions of requests; each entry of the value is one match, and one of them is enough. */
export const conditions: ValueType<readonly Conjunction[]> = bounded(16_384, {
  expects,
  schema: { type: "string", pattern: "^\\s*(header|cookie|query|method|path|authority|source):\\s*\\S[\\s\\S]*$" },
  read: (value) => {
    const terms = splitTerms(value);
    if ("problem" in terms) return refuse(undefined, terms.problem);
    const read = terms.list.map((term) => ({ term, result: readTerm(term.text) }));
    const refused = read.find(({ result }) => !("value" in result));
    if (refused && !("value" in refused.result)) return refuse(meantConditions(read), `at ${placeIn(value, refused.term.at)}, ${refused.result.expects ?? expects}`);
    const alternatives = new Map<string, Conjunction>();
    let current: readonly Conjunction[] = [{}];
    for (const [i, { term, result }] of read.entries()) {
      const both = andMatches(term.joint === "||" ? [{}] : current, "value" in result ? result.value : []);
      if ("conflict" in both) return refuse(undefined, `one condition for ${both.conflict} in one match; ${JSON.stringify(term.text)} (${placeIn(value, term.at)}) is the second: write both as one regular expression`);
      if (both.value.length === 0) return refuse(undefined, `conditions that a request can meet; ${JSON.stringify(term.text)} (${placeIn(value, term.at)}) contradicts what stands before it`);
      current = both.value;
      if (read[i + 1]?.term.joint !== "&&") for (const match of current) alternatives.set(JSON.stringify(match), match);
      if (Math.max(current.length, alternatives.size) > mostMatches) return refuse(undefined, `at most ${mostMatches} alternatives; these are more`);
    }
    return { value: dropCovered([...alternatives.values()]) };
  },
});

/** The conditions with every misspelled one as it was probably meant; nothing where one of them is beyond guessing. */
function meantConditions(read: readonly { readonly term: Term; readonly result: Read<readonly Conjunction[]> }[]): string | undefined {
  let meant = "";
  for (const { term, result } of read) {
    const text = "value" in result ? term.text : result.suggestion;
    if (text === undefined) return undefined;
    meant += (term.joint ? ` ${term.joint} ` : "") + text;
  }
  return "value" in conditions.read(meant) ? meant : undefined;
}

/** Cuts at `&&` and `||`, but not in a quoted value. */
function splitTerms(value: string): { readonly list: readonly Term[] } | { readonly problem: string } {
  const list: Term[] = [];
  let joint: "&&" | "||" | undefined;
  let start = 0;
  let isQuoted = false;
  for (let i = 0; i <= value.length; i++) {
    if (isQuoted && i < value.length) {
      if (value[i] === "\\" && value[i + 1] === "\"") i += 1;
      else if (value[i] === "\"") isQuoted = false;
      continue;
    }
    if (isQuoted) return { problem: `a quote that is closed; the one in the condition at ${placeIn(value, start + /^\s*/.exec(value.slice(start))![0].length)} is not` };
    const next = value.slice(i, i + 2);
    if (value[i] === "\"") isQuoted = opensQuote.test(value.slice(start, i));
    if (i < value.length && next !== "&&" && next !== "||") continue;
    const written = value.slice(start, i);
    const at = start + written.length - written.trimStart().length;
    if (written.trim() === "") return { problem: `a condition ${joint ? `behind ${joint}` : `before ${next}`}, at ${placeIn(value, Math.min(at, value.length - 1))}` };
    list.push({ text: written.trim(), at, ...(joint && { joint }) });
    if (list.length > mostMatches) return { problem: `at most ${mostMatches} conditions; these are more` };
    joint = next as "&&" | "||";
    start = i + 2;
    i += 1;
  }
  return { list };
}

/** What stands before a quote that opens a value, rather than being part of one. */
const opensQuote = /^\s*[a-z]+:\s*([^=~^"\s]+ ?[=~^]|[~^])?\s*$/;

/** `NAME=value`, `NAME~regex`, `NAME^prefix` or `NAME` as a name and a match. */
function readNamed(text: string): Read<{ readonly name: string; readonly match: StringMatch }> {
  const at = text.search(/[=~^]/);
  const name = (at < 0 ? text : text.slice(0, at)).trim();
  if (at < 0) return { value: { name, match: {} } };
  const operator = text[at]!;
  const match = readMatch(operator, text.slice(at + 1).trim());
  return "value" in match ? { value: { name, match: match.value } } : { ...match, ...(match.suggestion !== undefined && { suggestion: `${name}${operator}${match.suggestion}` }) };
}

function readMatch(operator: string, written: string): Read<StringMatch> {
  if (!written.startsWith("\"") && /,\s*(header|cookie|query|method|path|authority|source):/.test(written)) return refuse(undefined, "conditions joined by && or ||; a value with a comma in double quotes");
  const value = unquote(written);
  if (value === undefined) return refuse(undefined, "a quoted value ends with its quote; a quote inside it is written \\\"");
  if (value === "") return refuse(undefined, `a value behind ${operator}`);
  if (operator !== "~") return { value: operator === "=" ? { exact: value } : { prefix: value } };
  const regex = readRegex(value);
  return "value" in regex ? { value: { regex: value } } : refuse(regex.suggestion && requote(written, regex.suggestion), `a regular expression as RE2 reads it; its character ${regex.at + 1} is ${regex.problem}`);
}

/** A value without its quotes; nothing where a quote is left open or something stands behind it. */
function unquote(written: string): string | undefined {
  if (!written.startsWith("\"")) return written;
  const [, inside] = /^"((?:\\"|[^"])*)"$/.exec(written) ?? [];
  return inside?.replaceAll("\\\"", "\"");
}

const requote = (written: string, value: string): string => (written.startsWith("\"") ? `"${value.replaceAll("\"", "\\\"")}"` : value);

const cookieName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const cookieValue = /^[!#-+\--:<-[\]-~]+$/;
const claim = /^@request\.auth\.claims(\.[^.[\]\s]+|\[[^[\]\s]+\])+$/;

/** `NAME=value`, the value out of its quotes; nothing for it where there is none. */
function splitPair(text: string): { readonly name: string; readonly value?: string } {
  const at = text.indexOf("=");
  const value = at < 0 ? undefined : unquote(text.slice(at + 1).trim());
  return { name: text.slice(0, Math.max(at, 0)).trim(), ...(value !== undefined && { value }) };
}

type ReadTerm = (text: string) => Read<readonly Conjunction[]>;

const readers: { readonly [kind: string]: ReadTerm } = {
  header: (text) => {
    const read = readNamed(text);
    if (!("value" in read)) return read;
    const { name, match } = read.value;
    if (claim.test(name)) return { value: [{ headers: { [name]: match } }] };
    return "value" in headerNameType.read(name) ? { value: [{ headers: { [name.toLowerCase()]: match } }] } : refuse(undefined, "header:NAME=value, with a header name of letters, digits and hyphens");
  },
  cookie: (text) => {
    const { name, value } = splitPair(text);
    if (value === undefined || !cookieName.test(name) || !cookieValue.test(value)) return refuse(undefined, "cookie:NAME=value, without spaces, commas, semicolons or quotes in the value; for more, header:cookie~regex");
    const regex = cookieRegex(name, value);
    return "value" in readRegex(regex) ? { value: [{ headers: { cookie: { regex } } }] } : refuse(undefined, "a cookie of at most 1000 characters, which Istio's limit on regular expressions leaves");
  },
  query: (text) => {
    const read = readNamed(text);
    if (!("value" in read)) return read;
    return /^[^\s&#=?]+$/.test(read.value.name) ? { value: [{ queryParams: { [read.value.name]: read.value.match } }] } : refuse(undefined, "query:NAME=value, with the name of a query parameter");
  },
  method: (text) => {
    const method = unquote(text) ?? "";
    if (/^[A-Z][A-Z0-9_-]{0,31}$/.test(method)) return { value: [{ method: { exact: method } }] };
    const several = method.toUpperCase().split(/[,|\s]+/);
    return refuse(several.every((each) => /^[A-Z]{3,7}$/.test(each)) ? several.map((each, i) => (i === 0 ? each : `method:${each}`)).join(" || ") : undefined, "one method in capitals, such as method:GET");
  },
  path: (text) => {
    const whole = text.startsWith("\"") ? unquote(text) : undefined;
    if (text.startsWith("\"") && whole === undefined) return refuse(undefined, "a quoted value ends with its quote");
    const patterns: PathPattern[] = [];
    if (text.split(",").length > mostMatches) return refuse(undefined, `at most ${mostMatches} paths; these are more`);
    for (const entry of whole === undefined ? text.split(",") : [whole]) {
      const read = readPath(entry.trim());
      if (!("value" in read)) return refuse(text.includes(",") || read.suggestion === undefined ? undefined : requote(text, read.suggestion), read.expects ?? "a path such as /api, exact:/api, prefix:/api/ or regex:…, without a query");
      patterns.push(read.value);
    }
    return { value: toUriMatches(patterns).map((uri) => ({ uri })) };
  },
  authority: (text) => {
    const [, operator, rest] = /^([~^]?)\s*([\s\S]*)$/.exec(text)!;
    const read = readMatch(operator === "" ? "=" : operator!, rest!);
    if (!("value" in read)) return { ...read, ...(read.suggestion !== undefined && { suggestion: operator + read.suggestion }) };
    const host = read.value.exact ?? read.value.prefix;
    const isHost = host === undefined || /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_*]?[-A-Za-z0-9_.]*)(:\d{0,5})?$/.test(host);
    return isHost && host !== "" && !host?.includes("*") ? { value: [{ authority: read.value }] }
      : refuse(/^https?:\/\/[^/*]+\/?$/.test(host!) ? host!.replace(/^https?:\/\/|\/$/g, "") : undefined, "authority:host, with a port where callers send one; authority:~regex and authority:^prefix for several");
  },
  source: (text) => {
    const { name, value } = splitPair(text);
    return value !== undefined && isLabel(name, value) ? { value: [{ sourceLabels: { [name]: value } }] } : refuse(undefined, "source:label=value, a label of the calling pods");
  },
};

function readTerm(term: string): Read<readonly Conjunction[]> {
  const [, kind, rest] = /^([A-Za-z-]{1,20}):\s*([\s\S]*)$/.exec(term) ?? [];
  const reader = kind !== undefined && Object.hasOwn(readers, kind) ? readers[kind]! : undefined;
  if (!reader) {
    const near = /^headers?$/i.test(kind ?? "") ? "header" : /^(host|hostname)$/i.test(kind ?? "") ? "authority" : /^(uri|url)$/i.test(kind ?? "") ? "path" : term.startsWith("/") ? "path" : undefined;
    const meant = near && `${near}:${term.startsWith("/") ? term : rest!}`;
    return refuse(meant, `header:, cookie:, query:, method:, path:, authority: or source:, not ${JSON.stringify(term.slice(0, 40))}`);
  }
  const read = reader(rest!);
  return "value" in read || read.suggestion === undefined ? read : { ...read, suggestion: `${kind}:${read.suggestion}` };
}
