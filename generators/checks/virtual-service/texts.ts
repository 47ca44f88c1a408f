import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { asList, asMapping } from "../../kube/object.ts";
import { quoteRegex } from "../../kube/re2.ts";
import { entriesOf, type IstioWorld } from "../istio-object.ts";
import { describeMatch, readTextMatch, takes, type TextMatch } from "./text-match.ts";
import type { Match, RouteCheck, Routes, Rule } from "./routes.ts";

/** Something that a match takes or leaves against appearances. */
interface Surprise {
  readonly read: string;
  readonly expected: string;
  readonly help: string;
  readonly proposed?: string;
}

/** Conditions that match less or more than they seem to: cookies, stars, query strings, origins (rule V7 and CORS). */
export const checkTexts: RouteCheck = (routes, world) => routes.rules.filter(({ kind }) => kind === "http").flatMap((rule) =>
  [...rule.matches.flatMap((match) => checkMatch(match, routes, world)), ...checkOrigins(rule, routes)]);

function checkMatch({ body, path }: Match, routes: Routes, world: IstioWorld): readonly Diagnostic[] {
  const headers = (field: "headers" | "withoutHeaders"): readonly Diagnostic[] => Object.entries(asMapping(body[field]) ?? {}).flatMap(([name, value]) => {
    const match = readTextMatch(value);
    if (!match || match.kind === "present") return [];
    const found = name.toLowerCase() === "cookie" ? judgeCookie(match, world) : readHeader(name, match);
    return found ? [describe(routes, [...path, field, name, match.kind], found)] : [];
  });
  const uri = readTextMatch(body["uri"]);
  const method = readTextMatch(body["method"]);
  const ofUri = uri && readUri(uri);
  const ofMethod = method?.kind === "exact" && method.text !== method.text.toUpperCase() ? {
    read: `method exact ${JSON.stringify(method.text)}, which no request has`, expected: "a method as HTTP writes it, in capitals", help: `write ${method.text.toUpperCase()}`, proposed: method.text.toUpperCase(),
  } : undefined;
  return [
    ...headers("headers"), ...headers("withoutHeaders"),
    ...(uri && ofUri ? [describe(routes, [...path, "uri", uri.kind], ofUri)] : []), ...(ofMethod ? [describe(routes, [...path, "method", "exact"], ofMethod)] : []),
  ];
}

function describe({ object }: Routes, path: readonly string[], surprise: Surprise): Diagnostic {
  return diagnose("IZ383", object.placeOf(...path), surprise, object.subject && { subject: object.subject });
}

const judged = new WeakMap<IstioWorld, Map<string, Surprise | undefined>>();

/** Each pattern once: a tree repeats a few of them. */
function judgeCookie(match: TextMatch, world: IstioWorld): Surprise | undefined {
  const known = judged.get(world) ?? new Map<string, Surprise | undefined>();
  judged.set(world, known);
  const key = `${match.kind} ${match.text}`;
  if (!known.has(key)) known.set(key, readCookie(match));
  return known.get(key);
}

/** A browser sends all cookies in one header, `a=1; beta=true; c=2`. */
function readCookie(match: TextMatch): Surprise | undefined {
  const plain = match.kind === "regex" ? match.text.replace(/\\s[*+]?|\.[*+]\??|[\^$();|]/g, " ").replace(/\\(\W)/g, "$1") : match.text;
  const cookie = /(?:^|[^\w.%-])([\w.%-]+)=([\w.%-]*)/.exec(plain);
  if (!cookie) return undefined;
  const [name, value] = [cookie[1]!, cookie[2]!];
  const one = `${name}=${value || "x"}`;
  const wanted = [one, `a=1; ${one}`, `${one}; z=1`, `a=1; ${one}; z=1`];
  if (!wanted.some((header) => takes(match, header) === true)) return undefined;
  const missed = wanted.find((header) => takes(match, header) === false);
  const foreign = [`x${one}`, `a=1; x${one}`, ...(value === "" ? [] : [`${one}x`, `${one}x; z=1`])].find((header) => takes(match, header) === true);
  const better = value === "" ? `^(.*;\\s*)?${quoteRegex(name)}=.*$` : `^(.*;\\s*)?${quoteRegex(name)}=${quoteRegex(value)}(;.*)?$`;
  const rest = { help: `regex: '${better}'`, ...(match.kind === "regex" && { proposed: better }) };
  const written = `cookie ${describeMatch(match)}`;
  const what = value === "" ? name : one;
  if (missed) return { read: `${written}, which does not take ${JSON.stringify(missed)}`, expected: `a match for ${what} among other cookies, first or not: they come in one header, parted by "; "`, ...rest };
  return foreign ? { read: `${written}, which takes ${JSON.stringify(foreign)} too`, expected: `a match for the cookie ${what} alone, between the start or ";" and the end or ";"`, ...rest } : undefined;
}

/** Headers whose values are long sentences: a word of them is never the whole value. */
const sentences = new Set(["user-agent", "referer"]);

function readHeader(name: string, match: TextMatch): Surprise | undefined {
  if (match.kind !== "regex" || !sentences.has(name.toLowerCase()) || /[\\^$.|?*+()[\]{}]/.test(match.text)) return undefined;
  return { read: `${name} regex ${JSON.stringify(match.text)}`, expected: "a pattern for the whole value: Envoy matches from its first character to its last", help: `regex: '.*${match.text}.*'`, proposed: `.*${match.text}.*` };
}

function readUri(match: TextMatch): Surprise | undefined {
  const written = `uri ${describeMatch(match)}`;
  if (match.kind === "regex" || match.kind === "present") return undefined;
  if (match.text !== "" && !match.text.startsWith("/") && match.text !== "*" && match.kind === "prefix") return { read: `${written}, which no path has`, expected: "a path from its first slash", help: `write /${match.text}` };
  if (match.text.includes("?")) return { read: `${written}, which no path has`, expected: "a path without its query string, which Envoy takes off before it matches", help: "match the parameters under queryParams" };
  if (!match.text.includes("*") || match.text === "*") return undefined;
  const prefix = match.text.replace(/\*+$/, "");
  return {
    read: `${written}, with a star that is a character like any other`, expected: "plain text in exact and prefix; a prefix takes everything below it without a star",
    help: prefix.includes("*") ? `regex: '${match.text.replace(/[.+(){}[\]^$|\\]/g, "\\$&").replaceAll("*", ".*")}'` : `prefix: ${prefix}`,
  };
}

function checkOrigins({ body, path }: Rule, routes: Routes): readonly Diagnostic[] {
  const policy = asMapping(body["corsPolicy"]);
  if (!policy) return [];
  const at = [...path, "corsPolicy"];
  const origins = entriesOf(policy["allowOrigins"]).flatMap(([entry, step]) => {
    const match = readTextMatch(entry);
    return match && match.kind !== "present" ? [{ match, path: [...at, "allowOrigins", step, match.kind] }] : [];
  });
  const all = origins.find(({ match }) => isEveryOrigin(match));
  const credentials = policy["allowCredentials"] === true && (all ?? (asList(policy["allowOrigin"]).includes("*") ? { match: { kind: "exact", text: "*" } as const } : undefined));
  return [
    ...origins.flatMap(({ match, path: place }) => {
      const found = readOrigin(match);
      return found ? [describe(routes, place, found)] : [];
    }),
    ...(credentials ? [describe(routes, [...at, "allowCredentials"], {
      read: `allowCredentials: true for origin ${describeMatch(credentials.match)}: every site, with the user's cookies`, expected: "the origins that may call with credentials, one by one", help: "list them as exact origins, or leave allowCredentials out",
    })] : []),
  ];
}

function isEveryOrigin(match: TextMatch): boolean {
  return match.kind === "exact" ? match.text === "*" : ["https://a.test", "http://b.example:8080"].every((origin) => takes(match, origin) === true);
}

/** A browser sends scheme, host and port, such as `https://shop.example.com`. */
function readOrigin(match: TextMatch): Surprise | undefined {
  const written = `allowOrigins ${describeMatch(match)}`;
  if (isEveryOrigin(match)) return undefined;
  const { kind, text } = match;
  if (kind !== "regex" && text.includes("*")) {
    const regex = text.replace(/[.+?(){}[\]^$|\\]/g, "\\$&").replace("*", "[a-z0-9-]+");
    return { read: `${written}, which no origin has`, expected: "no star: only the bare * stands for every origin, and exact and prefix are plain text", help: `regex: '${regex}'` };
  }
  const host = /^https?:\/\/[\w-]+(\.[\w-]+)+$/.test(text) ? text : undefined;
  if (kind === "prefix" && host) return { read: `${written}, which takes ${JSON.stringify(`${host}.evil.test`)} too`, expected: "a whole origin: everything may follow a prefix", help: `exact: ${host}` };
  if (kind !== "regex") return undefined;
  const name = /((?:[\w-]+\\?\.)+[a-z]{2,})\$?$/.exec(text)?.[1];
  if (!name) return undefined;
  const plain = name.replaceAll("\\", "");
  const trick = [`https://${plain}.evil.test`, `https://evil${plain}`, `https://${plain.replaceAll(".", "x")}`, `https://a.${plain.replace(/^[^.]*\./, "").replaceAll(".", "x")}`].find((origin) => origin !== `https://${plain}` && takes(match, origin) === true);
  return trick ? { read: `${written}, which takes ${JSON.stringify(trick)} too`, expected: "a pattern in which each dot of the name is escaped, and nothing can stand in front of the domain but a subdomain", help: `regex: 'https://([a-z0-9-]+\\.)?${plain.replaceAll(".", "\\.")}'` } : undefined;
}
