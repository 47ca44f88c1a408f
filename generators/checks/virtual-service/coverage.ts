import { asList, asMapping, asText, type Mapping } from "../../kube/object.ts";
import { gatewaysOf, type Match, type Routes, type RuleKind } from "./routes.ts";
import { coversText, describeMatch, overlaps, readTextMatch, readTextMatches, type TextMatch } from "./text-match.ts";

type Texts = ReadonlyMap<string, TextMatch | undefined>;

/** What one alternative of a `match` asks for, read once. A condition that cannot be read is there with no text. */
export interface Conditions {
  readonly fields: Texts;
  readonly ignoresCase: boolean;
  readonly headers: Texts;
  readonly without: Texts;
  readonly query: Texts;
  readonly port: unknown;
  readonly gateways: ReadonlySet<string>;
  readonly sourceLabels: Mapping;
  readonly sourceNamespace: string;
  readonly sniHosts: ReadonlySet<string>;
  readonly subnets: ReadonlySet<string>;
}

export function readConditions(match: Match, routes: Routes): Conditions {
  const { body } = match;
  const isSourceRead = asList(body["gateways"]).length === 0; // Istio reads gateways, and the source only where they say nothing
  return {
    fields: new Map(["uri", "scheme", "method", "authority"].filter((name) => body[name] !== undefined).map((name) => [name, readTextMatch(body[name])])),
    ignoresCase: body["ignoreUriCase"] === true,
    headers: readTextMatches(body["headers"], true), without: readTextMatches(body["withoutHeaders"], true), query: readTextMatches(body["queryParams"], false),
    port: body["port"], gateways: new Set(gatewaysOf(match, routes)),
    sourceLabels: isSourceRead ? asMapping(body["sourceLabels"]) ?? {} : {}, sourceNamespace: (isSourceRead && asText(body["sourceNamespace"])) || "",
    sniHosts: readSet(body["sniHosts"]), subnets: readSet(body["destinationSubnets"]),
  };
}

function readSet(value: unknown): ReadonlySet<string> {
  return new Set(asList(value).filter((each) => typeof each === "string"));
}

/** Whether every request that `inner` takes is one that `outer` takes; `false` also where it cannot be told. */
export function covers(outer: Conditions, inner: Conditions, kind: RuleKind): boolean {
  return coversPlace(outer, inner) && (kind === "http" ? coversRequest(outer, inner) : coversConnection(outer, inner, kind));
}

function coversPlace(outer: Conditions, inner: Conditions): boolean {
  return (outer.port === undefined || outer.port === inner.port) && isWithin(inner.gateways, outer.gateways)
    && Object.entries(outer.sourceLabels).every(([key, value]) => inner.sourceLabels[key] === value)
    && (outer.sourceNamespace === "" || outer.sourceNamespace === inner.sourceNamespace);
}

/** Server names are told apart by the most exact one, not by order: only the same ones cover each other. */
function coversConnection(outer: Conditions, inner: Conditions, kind: RuleKind): boolean {
  const sameNames = kind === "tcp" || (isWithin(inner.sniHosts, outer.sniHosts) && isWithin(outer.sniHosts, inner.sniHosts));
  return sameNames && (outer.subnets.size === 0 || (inner.subnets.size > 0 && isWithin(inner.subnets, outer.subnets)));
}

function coversRequest(outer: Conditions, inner: Conditions): boolean {
  const fold = { outer: outer.ignoresCase, inner: inner.ignoresCase };
  for (const [name, match] of outer.fields) {
    if (!match) return false;
    if (name === "uri" && isEveryPath(match)) continue;
    const other = inner.fields.get(name);
    if (!other || !coversText(match, other, name === "uri" ? fold : undefined)) return false;
  }
  const isAsked = (asked: Texts, given: Texts): boolean => [...asked].every(([name, match]) => {
    const other = given.get(name);
    return match !== undefined && other !== undefined && coversText(match, other);
  });
  const isLeftOut = [...outer.without].every(([name, match]) => {
    const other = inner.without.get(name);
    return match !== undefined && other !== undefined && coversText(other, match);
  });
  return isAsked(outer.headers, inner.headers) && isAsked(outer.query, inner.query) && isLeftOut;
}

function isEveryPath({ kind, text }: TextMatch): boolean {
  return (kind === "prefix" && (text === "/" || text === "")) || (kind === "regex" && text === ".*");
}

function isWithin(inner: ReadonlySet<string>, outer: ReadonlySet<string>): boolean {
  return [...inner].every((each) => outer.has(each));
}

/** A match in words: `uri prefix "/api", header x-region exact "us"`; `every request` without conditions. */
export function describeConditions({ fields, headers, without, query, port, sourceLabels, sourceNamespace, sniHosts, subnets }: Conditions): string {
  const each = (what: string, matches: Texts): readonly string[] => [...matches].flatMap(([name, match]) => (match ? [`${what}${name} ${describeMatch(match)}`] : []));
  const parts = [
    ...each("", fields), ...each("header ", headers), ...each("no header ", without), ...each("query ", query),
    ...(port === undefined ? [] : [`port ${String(port)}`]), ...(sniHosts.size > 0 ? [`server name ${[...sniHosts].join(" or ")}`] : []), ...(subnets.size > 0 ? [`address ${[...subnets].join(" or ")}`] : []),
    ...Object.entries(sourceLabels).map(([key, value]) => `callers with ${key}=${String(value)}`), ...(sourceNamespace === "" ? [] : [`callers in ${sourceNamespace}`]),
  ];
  return parts.length > 0 ? parts.join(", ") : "every request";
}

/** Whether some request fits both, as far as can be told: `false` where it cannot. */
export function meets(one: Conditions, other: Conditions): boolean {
  const share = (left: Texts, right: Texts): boolean => [...left].every(([name, match]) => {
    const same = right.get(name);
    return match !== undefined && (!right.has(name) || (same !== undefined && overlaps(match, same) === true));
  });
  const isSamePlace = one.port === undefined || other.port === undefined || one.port === other.port;
  const isSameAddress = one.subnets.size === 0 || other.subnets.size === 0 || [...one.subnets].some((each) => other.subnets.has(each));
  return isSamePlace && isSameAddress && one.without.size + other.without.size === 0 && share(one.fields, other.fields) && share(one.headers, other.headers) && share(one.query, other.query);
}
