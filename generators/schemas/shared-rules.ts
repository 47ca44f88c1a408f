import { asList, asMapping, asText } from "../kube/object.ts";
import { readRegex } from "../kube/re2.ts";
import { entries, isSet, writeValue } from "./finding.ts";
import type { Fault, Rule, RuleScope } from "./rules.ts";
import { isDnsLabel, isFqdn, isHeaderName, isHeaderValue, isHost, isJwtClaim, isLabelKey, isLabelValue, readGoDuration } from "./shapes.ts";

/** What a mapping has under a key, as a text; an absent one is empty, as in Istio's own objects. */
export function textOf(value: unknown, key: string): string {
  return asText(asMapping(value)?.[key]) ?? "";
}

/** What a mapping has under a key, as a number; an absent one is 0. */
export function numberOf(value: unknown, key: string): number {
  const found = asMapping(value)?.[key];
  return typeof found === "number" ? found : 0;
}

export function has(value: unknown, key: string): boolean {
  return isSet(asMapping(value)?.[key]);
}

/** The keys of a mapping that are set, among those given. */
export function present(value: unknown, keys: readonly string[]): readonly string[] {
  return keys.filter((key) => has(value, key));
}

export function quoted(value: unknown): string {
  return writeValue(value);
}

export const dnsLabelWords = "letters, digits and hyphens, at most 63, no dot";

/** Labels as Kubernetes has them. */
export function checkLabels(value: unknown): readonly Fault[] {
  return Object.entries(asMapping(value) ?? {}).flatMap(([key, each]): Fault[] => [
    ...(isLabelKey(key) ? [] : [{ at: [key], found: quoted(key), expects: "a label's name: letters, digits, -, _ and ., at most 63, behind an optional domain and /" }]),
    ...(typeof each !== "string" || isLabelValue(each) ? [] : [{ at: [key], found: quoted(each), expects: "a label's value: letters, digits, -, _ and ." }]),
  ]);
}

/** Callers that see an object: `.`, `*` or namespaces. */
export function checkExportTo(value: unknown, { namespace, spec }: RuleScope): readonly Fault[] {
  const all = asList(value).filter((each): each is string => typeof each === "string");
  const resolved = all.map((each) => (each === "." ? namespace : each));
  const faults: Fault[] = [];
  all.forEach((each, i) => {
    if (resolved.indexOf(resolved[i]!) < i) faults.push({ at: [`[${i}]`], found: `${quoted(each)} a second time`, expects: "each namespace once (`.` is the object's own)", fix: { remove: true } });
    else if (each !== "." && each !== "*" && !isDnsLabel(each)) faults.push({ at: [`[${i}]`], found: quoted(each), expects: "`.`, `*` or the name of a namespace" });
  });
  if (all.includes("*") && all.length > 1) faults.push({ found: all.join(", "), expects: "`*` alone, or namespaces" });
  if (isSet(spec["workloadSelector"]) && all.length > 0 && resolved.some((each) => each !== namespace)) {
    faults.push({ found: all.join(", "), expects: "`.` alone: a rule with workloadSelector is for clients of its own namespace" });
  }
  return faults;
}

/** A regular expression that RE2 takes; an empty one is refused too. */
export function checkRegex(value: unknown, at: readonly string[] = []): readonly Fault[] {
  if (typeof value !== "string") return [];
  const read = readRegex(value);
  if ("value" in read) return [];
  return [{ at, found: `${quoted(value)}: ${read.problem}${value === "" ? "" : `, at character ${read.at + 1}`}`, expects: "a regular expression of RE2, which matches the whole text", ...(read.suggestion !== undefined && { help: `did you mean ${read.suggestion}?` }) }];
}

/** A condition on a text: no empty prefix (`withPrefix` allows one), and a sound regular expression. */
export function checkStringMatch(value: unknown, { withPrefix = false }: { readonly withPrefix?: boolean } = {}): readonly Fault[] {
  const match = asMapping(value);
  if (!match) return [];
  if (!withPrefix && match["prefix"] === "") return [{ at: ["prefix"], found: "an empty prefix", expects: "a prefix that is not empty", help: "for any value that is there write {} instead, for the header alone" }];
  return has(match, "regex") ? checkRegex(match["regex"], ["regex"]) : [];
}

/** Conditions on headers, by name. */
export function checkHeaderMatches(value: unknown, { withStar = false }: { readonly withStar?: boolean } = {}): readonly Fault[] {
  return Object.entries(asMapping(value) ?? {}).flatMap(([name, match]): Fault[] => [
    ...(isHeaderName(name) || isJwtClaim(name) || /^:(method|scheme|authority|path|status)$/.test(name) ? [] : [{ at: [name], found: quoted(name), expects: "the name of a header, or :method, :scheme, :authority, :path" }]),
    ...(withStar && textOf(match, "regex") === "*" ? [] : checkStringMatch(match).map((fault) => ({ ...fault, at: [name, ...(fault.at ?? [])] }))),
  ]);
}

/** `namespace/name`, or a name alone, behind which istiod looks at no other. */
export function checkGateways(value: unknown): readonly Fault[] {
  const faults: Fault[] = [];
  for (const [step, each] of entries(value)) {
    const name = asText(each);
    if (name === undefined) continue;
    const slash = name.indexOf("/");
    if (slash < 0) {
      if (!isFqdn(name)) faults.push({ at: [step], found: quoted(name), expects: "a Gateway as namespace/name, or `mesh`" });
      else if (name.includes(".")) faults.push({ at: [step], found: name, expects: "namespace/name: the form of a host is an old one", isIgnored: true, fix: { value: name.split(".").slice(0, 2).reverse().join("/") } });
      return faults;
    }
    if (!isDnsLabel(name.slice(0, slash)) || !isDnsLabel(name.slice(slash + 1))) faults.push({ at: [step], found: quoted(name), expects: `a Gateway as namespace/name, each of ${dnsLabelWords}` });
  }
  return faults;
}

/** Where requests are sent. */
export function checkDestination(value: unknown): readonly Fault[] {
  const destination = asMapping(value);
  if (!destination || !has(destination, "host")) return [];
  const host = textOf(destination, "host");
  return [
    ...(host !== "*" && isHost(host) ? [] : [{ at: ["host"], found: quoted(host), expects: "the name of a Service or host" }]),
    ...(textOf(destination, "subset") === "" || isDnsLabel(textOf(destination, "subset")) ? [] : [{ at: ["subset"], found: quoted(destination["subset"]), expects: `the name of a subset: ${dnsLabelWords}` }]),
    ...(isNoPort(destination["port"]) ? [{ at: ["port"], found: has(destination["port"], "number") ? String(numberOf(destination["port"], "number")) : "a port without `number`", expects: "port: {number: 1 to 65535}" }] : []),
  ];
}

function isNoPort(value: unknown): boolean {
  const port = asMapping(value);
  const number = port?.["number"];
  return port !== undefined && (!isSet(number) || (typeof number === "number" && !isPort(number)));
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535;
}

/** Shares of a split: none below 0, together more than 0. */
export function checkWeights(value: unknown): readonly Fault[] {
  const weights = asList(value).map((each) => numberOf(each, "weight"));
  const negative = weights.findIndex((each) => each < 0);
  if (negative >= 0) return [{ at: [`[${negative}]`, "weight"], found: String(weights[negative]), expects: "a weight of 0 or more" }];
  if (weights.length < 2 || weights.some((each) => each > 0)) return [];
  return [{ found: `${weights.length} destinations without a weight above 0`, expects: "a weight for each, together 100" }];
}

const headerOperations = [["request", "add"], ["request", "set"], ["response", "add"], ["response", "set"], ["request", "remove"], ["response", "remove"]] as const;

/** Headers that are added, set or removed. */
export function checkHeaderOperations(value: unknown): readonly Fault[] {
  return headerOperations.flatMap(([where, what]): readonly Fault[] => {
    const found = asMapping(asMapping(value)?.[where])?.[what];
    const named: readonly (readonly [step: string, name: string])[] = what === "remove" ? entries(found).map(([step, each]) => [step, asText(each) ?? "x"] as const) : Object.keys(asMapping(found) ?? {}).map((name) => [name, name] as const);
    return named.flatMap(([step, name]): Fault[] => {
      const isAuthority = /^(:authority|host)$/i.test(name);
      const mayName = name !== "" && (where === "request" && what !== "remove" ? isAuthority || !name.startsWith(":") : !name.startsWith(":") && !isAuthority);
      const content = what === "remove" ? undefined : asMapping(found)?.[name];
      return [
        ...(mayName ? [] : [{ at: [where, what, step], found: quoted(name), expects: where === "request" && what !== "remove" ? "the name of a header without a colon in front (:authority alone may be set)" : "the name of a header; not Host, none with a colon in front" }]),
        ...(typeof content !== "string" || isHeaderValue(content) ? [] : [{ at: [where, what, step], found: quoted(content), expects: "a value without control characters, % doubled (%%) or around a variable of Envoy (%NAME%)" }]),
      ];
    });
  });
}

/** A duration of any length that can be read, where neither the schema nor the webhook sets a least one. */
export function readsAsDuration(value: unknown): boolean {
  return typeof value !== "string" || readGoDuration(value) !== undefined;
}

/** Rules under several paths. */
export function atEach(paths: readonly string[], make: (path: string) => Rule): readonly Rule[] {
  return paths.map(make);
}
