import { suggest } from "../diagnostics/suggest.ts";
import { quoteRegex, readRegex } from "../kube/re2.ts";
import { asMapping, type Mapping } from "../kube/object.ts";
import { destinationText, readDestination, weights, type Destination, type WeightedDestination } from "./traffic-values.ts";
import { bounded, duration, enumeration, integer, listOf, parseYaml, percent, placeIn, refuse, text, type Read, type ValueType } from "./values.ts";

/**
 * Values of VirtualService settings; each gives the value of its Istio field, where that needs nothing but the text.
 *
 * `paths` PathPattern[], `toUriMatches`; `mirrors` Mirror[]; `faultDelay`, `faultAbort`; `corsOrigins` StringMatch[],
 * `corsMethods`, `corsHeaders`, `corsMaxAge`; `requestHeaders`, `responseHeaders` {name: value}, `removedHeaders`;
 * `rewrite` string, `redirect`, `directResponse`; `gatewayNames`, `gatewayHosts`, `expose` Exposure[], `gatewayPort`;
 * `order` number, `routeTo` WeightedDestination[]; `httpRoutes`, `tcpRoutes`, `tlsRoutes` RouteEntry[].
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/
 */

/** Istio's StringMatch; the empty one matches wherever there is a value at all. */
export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

/** One entry of `path`. `both`: the path itself and everything below it. */
export interface PathPattern {
  readonly kind: "both" | "exact" | "prefix" | "regex";
  readonly text: string;
}

const longestList = 65_536;
const pathPattern = /^\/[!-"$->@-~]{0,2047}$/;
const yamlHint = "one with a comma is written in a YAML list";

/** Why a regular expression is refused, as the end of "expected …". */
function describeRegexFault(read: Exclude<ReturnType<typeof readRegex>, { value: string }>, whole: string, start: number): string {
  return `${placeIn(whole, start + Math.min(read.at, whole.length))} is ${read.problem}`;
}

/** A regular expression behind `prefix` as a value: its text, or a refusal that says where it goes wrong. */
function readRegexAfter(prefix: string, expression: string, expects: string): Read<string> {
  const read = readRegex(expression);
  if ("value" in read) return { value: expression };
  return refuse(read.suggestion === undefined ? undefined : prefix + read.suggestion, `${expects}; ${describeRegexFault(read, prefix + expression, prefix.length)}`);
}

const onePath: ValueType<PathPattern> = {
  expects: "/api (that path and all below it), exact:/api, prefix:/api/ or regex:…",
  schema: { type: "string", pattern: "^(regex:[\\s\\S]+|((exact|prefix):)?/[^\\s?#]*)$" },
  read: (value) => readPath(value),
};

/** One path: `/api`, `exact:/api`, `prefix:/api/` or `regex:…`. */
export function readPath(value: string): Read<PathPattern> {
  const [, kind, rest] = /^(?:(exact|prefix|regex):)?([\s\S]*)$/.exec(value)!;
  const written = rest!;
  if (kind === "regex") {
    const read = readRegexAfter("regex:", written, onePath.expects);
    return "value" in read ? { value: { kind, text: read.value } } : read;
  }
  if (!pathPattern.test(written)) return refuse(meantPath(kind, written), /[?#]/.test(written) ? `${onePath.expects}; a path is compared without its query, so leave out what stands from ${/[?#]/.exec(written)![0]} on` : undefined);
  if (kind === undefined && /[*{}]/.test(written)) return refuse(meantWildcard(written), `${onePath.expects}; a path is taken letter by letter, with ${quoted(/[*{}]/.exec(written)![0])} in it too, so write exact: or prefix: before one that has such a letter`);
  return { value: { kind: (kind as "exact" | "prefix" | undefined) ?? "both", text: written } };
}

const quoted = (letter: string): string => JSON.stringify(letter);

function meantPath(kind: string | undefined, written: string): string | undefined {
  const start = kind === undefined ? "" : `${kind}:`;
  const bare = written.replace(/[?#][\s\S]*$/, "").trim();
  if (bare === "" || /\s|[\uD800-\uDFFF]/u.test(bare) || /^(Exact|Prefix|Regex):/i.test(bare)) return undefined;
  const path = bare.startsWith("/") ? bare : `/${bare}`;
  const encoded = path.replace(/[^!-~]+/gu, (letters) => encodeURI(letters));
  return pathPattern.test(encoded) && !/[*{}:]/.test(encoded) ? start + encoded : undefined;
}

function meantWildcard(written: string): string | undefined {
  const [, before] = /^([^*{}]*\/)\*+$/.exec(written) ?? [];
  return before === undefined ? undefined : `prefix:${before}`;
}

export const paths: ValueType<readonly PathPattern[]> = withoutOverlap(listOf(onePath, { expects: `a comma separated list, each ${onePath.expects}; ${yamlHint}` }), coversPath, ({ text }) => text);

/** Whether one path takes whatever the other does, as far as that can be told. */
function coversPath(wide: PathPattern, narrow: PathPattern): boolean {
  const all = toUriMatches([wide]);
  return toUriMatches([narrow]).every(({ exact, prefix, regex }) => all.some((match) => (
    (match.prefix !== undefined && (exact ?? prefix)?.startsWith(match.prefix)) || (exact !== undefined && match.exact === exact) || (regex !== undefined && match.regex === regex)
  )));
}

/** A list in which no entry holds another, which would then do nothing. */
function withoutOverlap<T>(type: ValueType<readonly T[]>, covers: (wide: T, narrow: T) => boolean, nameOf: (entry: T) => string): ValueType<readonly T[]> {
  return {
    ...type,
    read: (value) => {
      const read = type.read(value);
      if (!("value" in read)) return read;
      for (const [i, wide] of read.value.entries()) {
        const narrow = read.value.find((other, j) => i !== j && covers(wide, other));
        if (narrow !== undefined) return refuse(undefined, `${type.expects}; ${nameOf(wide)} holds ${nameOf(narrow)} already, so write only one of them`);
      }
      return read;
    },
  };
}

/**
 * The `uri` matches of a path: Istio's prefixes are plain text (`/api` matches `/apiary`), so that `/api` becomes the
 * path itself or what starts with `/api/`.
 */
export function toUriMatches(patterns: readonly PathPattern[]): readonly StringMatch[] {
  return patterns.flatMap(({ kind, text: path }): StringMatch[] => {
    if (kind !== "both") return [{ [kind]: path }];
    return path.endsWith("/") ? [{ prefix: path }] : [{ exact: path }, { prefix: `${path}/` }];
  });
}

const share = percent();

/** Splits `text@5%`; nothing where the share is missing or none. */
function readShare(value: string): { readonly before: string; readonly share: number } | undefined {
  const at = value.lastIndexOf("@");
  const read = at < 0 ? refuse() : share.read(value.slice(at + 1).trim());
  return "value" in read ? { before: value.slice(0, at).trim(), share: read.value } : undefined;
}

/** `text@5` → `text@5%`, for a suggestion. */
function meantShare(value: string): string | undefined {
  const [, before, number] = /^([^@]+)@\s*(\d{1,3}(?:\.\d{1,4})?)\s*(?:%|percent|pct)?$/.exec(value) ?? [];
  return before === undefined || Number(number) > 100 ? undefined : `${before.trim()}@${number}%`;
}

/** A destination that gets a copy of the requests; without a share, of all of them. */
export interface Mirror extends Destination {
  readonly percent?: number;
}

const oneMirror: ValueType<Mirror> = {
  expects: "a destination with the share that is copied there, such as canary@5% (without one, all)",
  schema: { type: "string", pattern: `^${destinationText}(\\s*@\\s*[0-9.]{1,9}%)?$` },
  read: (value) => {
    const found = value.includes("@") ? readShare(value) : { before: value, share: undefined };
    const destination = found && readDestination(found.before);
    if (!destination) {
      const meant = meantShare(value);
      return refuse(meant !== undefined && readDestination(meant.replace(/@.*$/, "")) ? meant : undefined);
    }
    return { value: { ...destination, ...(found.share !== undefined && { percent: found.share }) } };
  },
};

export const mirrors: ValueType<readonly Mirror[]> = distinct(listOf(oneMirror, { expects: "destinations with the share that is copied to each, such as canary@5% (without one, all)" }), ({ name, port }) => `${name}:${port ?? ""}`);

/** A list in which no two entries name the same thing. */
function distinct<T>(type: ValueType<readonly T[]>, nameOf: (entry: T) => string): ValueType<readonly T[]> {
  return bounded(longestList, {
    ...type,
    read: (value) => {
      const read = type.read(value);
      if (!("value" in read)) return read;
      const seen = new Set<string>();
      const twice = read.value.map(nameOf).find((name) => seen.size === seen.add(name).size);
      return twice === undefined ? read : refuse(undefined, `${type.expects}; each once, and ${twice.replace(/:$/, "")} is there twice`);
    },
  });
}

export interface FaultDelay {
  readonly fixedDelay: string;
  readonly percentage: { readonly value: number };
}

export interface FaultAbort {
  readonly httpStatus?: number;
  readonly grpcStatus?: string;
  readonly percentage: { readonly value: number };
}

const delay = duration();

/** `5s@10%`: without a share Istio would delay nothing, so it must be there. */
export const faultDelay: ValueType<FaultDelay> = bounded(64, {
  expects: "a duration and the share of the requests, such as 5s@10%",
  schema: { type: "string", pattern: "^([0-9]+(\\.[0-9]+)?(h|ms|m|s))+@[0-9.]+%$" },
  read: (value) => {
    const found = readShare(value);
    const fixedDelay = delay.read(found?.before ?? value.replace(/@[\s\S]*$/, "").trim());
    if (found && "value" in fixedDelay) return { value: { fixedDelay: fixedDelay.value, percentage: { value: found.share } } };
    const time = "value" in fixedDelay ? fixedDelay.value : fixedDelay.suggestion;
    const [, , part] = /^([^@]*)@([\s\S]*)$/.exec(meantShare(value) ?? value) ?? [];
    return refuse(time !== undefined && part !== undefined && "value" in share.read(part) ? `${time}@${part}` : undefined);
  },
});

const grpcStatuses = [
  "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
];

/** Envoy answers with 200 to 599; Istio's own check also lets 600 pass, which Envoy then refuses. */
const answerStatus = integer({ min: 200, max: 599 });

/** `503@5%` or `grpc:UNAVAILABLE@5%`. */
export const faultAbort: ValueType<FaultAbort> = bounded<FaultAbort>(64, {
  expects: "a status from 200 to 599, or grpc: and the name of a gRPC status, with the share of the requests, such as 503@5% or grpc:UNAVAILABLE@5%",
  schema: { type: "string", pattern: `^([2-5]\\d\\d|grpc:(${grpcStatuses.join("|")}))@[0-9.]+%$` },
  read: (value) => {
    const found = readShare(value);
    const before = found?.before ?? value.replace(/@[\s\S]*$/, "").trim();
    const name = /^(?:grpc:)?([A-Za-z_ -]+)$/.exec(before)?.[1]?.toUpperCase().replace(/[ -]/g, "_");
    const status = answerStatus.read(before);
    if (found && "value" in status) return { value: { httpStatus: status.value, percentage: { value: found.share } } };
    if (found && name !== undefined && before === `grpc:${name}` && grpcStatuses.includes(name)) return { value: { grpcStatus: name, percentage: { value: found.share } } };
    const near = name === undefined ? undefined : grpcStatuses.includes(name) ? name : suggest(name, grpcStatuses);
    const what = "value" in status ? before : near && `grpc:${near}`;
    const part = found ? value.slice(value.lastIndexOf("@") + 1).trim() : meantShare(value)?.split("@")[1];
    return refuse(what !== undefined && part !== undefined ? `${what}@${part}` : undefined);
  },
});

const originPattern = /^(null|[a-z][a-z0-9+.-]*:\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?)(:\d{1,5})?)$/;

const oneOrigin: ValueType<StringMatch> = {
  expects: "an origin such as https://shop.example.com, prefix:…, regex:… or *",
  schema: { type: "string", pattern: "^((exact:)?(\\*|null|[a-z][a-z0-9+.-]*://[^\\s/,]+)|prefix:[a-z][a-z0-9+.-]*://[^\\s/,]*|regex:[\\s\\S]+)$" },
  read: (value) => {
    const [, kind, rest] = /^(?:(exact|prefix|regex):(?!\/\/))?([\s\S]*)$/.exec(value)!;
    const written = rest!;
    if (kind === "regex") {
      const read = readRegexAfter("regex:", written, oneOrigin.expects);
      return "value" in read ? { value: { regex: read.value } } : read;
    }
    if (kind !== "prefix" && (written === "*" || originPattern.test(written))) return { value: { exact: written } };
    if (kind === "prefix" && /^[a-z][a-z0-9+.-]*:\/\/[-A-Za-z0-9_.:[\]]*$/.test(written)) return { value: { prefix: written } };
    return refuse(meantOrigin(written));
  },
};

function meantOrigin(written: string): string | undefined {
  if (/^\*?$/.test(written)) return written === "*" ? "*" : undefined;
  const withScheme = /^[a-z]+:\/\//i.test(written) ? written : `https://${written}`;
  const [, origin] = /^([a-z]+:\/\/[-A-Za-z0-9.*:]+)(?:\/.*)?$/i.exec(withScheme) ?? [];
  if (origin === undefined) return undefined;
  return origin.includes("*") ? `regex:${quoteRegex(origin).replace(/\\\*/g, "[^.]+")}` : originPattern.test(origin) ? origin : undefined;
}

export const corsOrigins: ValueType<readonly StringMatch[]> = bounded(longestList, listOf(oneOrigin, { expects: `a comma separated list, each ${oneOrigin.expects}; ${yamlHint}` }));

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"] as const;
const corsMethod = enumeration(...methods, "*");

export const corsMethods: ValueType<readonly string[]> = bounded(256, listOf({ ...corsMethod, schema: { type: "string", pattern: `^(${methods.join("|")}|\\*)$` } }));

const tokens = "!#$%&'*+\\-.^_`|~0-9A-Za-z";
const headerName = new RegExp(`^[${tokens}]{1,256}$`);

export const headerNameType: ValueType<string> = text({ expects: "a header name", pattern: headerName, meant: (value) => value.trim().replace(/:.*$/s, "").replace(/\s+/g, "-") });

/** Header names, or `*`. */
export const corsHeaders: ValueType<readonly string[]> = bounded(longestList, listOf(headerNameType, { expects: "a comma separated list of header names, or *" }));

/** Whole seconds: Istio refuses a fraction of one here. */
export const corsMaxAge: ValueType<string> = {
  ...delay,
  expects: "a duration in whole seconds, such as 10m or 24h",
  read: (value) => {
    const read = delay.read(value);
    return !("value" in read) ? read : delay.measure!(read.value) % 1000 === 0 ? read : refuse(undefined, "a duration in whole seconds, such as 10m or 24h: Istio refuses a fraction of a second here");
  },
};

/** Header values by name, as Istio's `set` and `add` take them. */
export type HeaderValues = { readonly [name: string]: string };

const isAuthority = (name: string): boolean => /^(:authority|host)$/i.test(name);

/** `k=v,…`; a YAML list of them or a YAML mapping where a value holds a comma. */
function headerValues(side: "request" | "response"): ValueType<HeaderValues> {
  const expects = "header names with values, such as x-env=prod,x-team=shop; a value with a comma is written in YAML, such as {cache-control: \"no-cache, no-store\"}";
  return bounded(longestList, {
    expects,
    schema: { type: ["string", "object", "array"], minProperties: 1, additionalProperties: { type: "string" }, items: { type: "string", pattern: `^([${tokens}:]+\\s*=\\s*\\S[\\s\\S]*|\\{[\\s\\S]+|[${tokens}:]+:\\s[\\s\\S]+)$` } },
    read: (value) => {
      const entries = splitHeaders(value);
      if ("problem" in entries) return refuse(meantHeader(value), `${expects}; ${entries.problem}`);
      const values = new Map<string, string>();
      const seen = new Set<string>();
      for (const [name, content] of entries.list) {
        const problem = checkHeaderName(name, side) ?? checkHeaderValue(name, content) ?? (seen.has(nameOfHeader(name)) ? `${name} is there twice` : undefined);
        if (problem !== undefined) return refuse(undefined, `${expects}; ${problem}`);
        seen.add(nameOfHeader(name));
        values.set(name, content);
      }
      return { value: Object.fromEntries(values) };
    },
  });
}

/** `x-env: true` → `x-env=true`: YAML reads no text there. */
function meantHeader(value: string): string | undefined {
  const [, name, content] = new RegExp(`^([${tokens}]{1,256}): *([^\\s,=:{}[\\]"']{1,256})$`).exec(value) ?? [];
  return name === undefined || checkHeaderName(name, "response") !== undefined || checkHeaderValue(name, content!) !== undefined ? undefined : `${name}=${content}`;
}

const nameOfHeader = (name: string): string => (isAuthority(name) ? "host" : name.toLowerCase());

function splitHeaders(value: string): { readonly list: readonly (readonly [string, string])[] } | { readonly problem: string } {
  const pairs: (readonly [string, string])[] = [];
  if (/^\s*(\{|\[|- )|^[^=,]+:(\s|$)/.test(value)) {
    const read = parseYaml(value);
    if ("problem" in read) return read;
    const mapping = asMapping(read.value);
    if (mapping) {
      for (const [name, content] of Object.entries(mapping)) {
        if (typeof content !== "string") return { problem: `the value of ${name} is no text: write it in quotes` };
        pairs.push([name, content]);
      }
      return pairs.length > 0 ? { list: pairs } : { problem: "the mapping is empty" };
    }
    if (!Array.isArray(read.value) || read.value.length === 0) return { problem: "this YAML is neither a mapping nor a list" };
    value = "";
    for (const entry of read.value as readonly unknown[]) {
      const pair = typeof entry === "string" ? splitPair(entry) : undefined;
      if (!pair) return { problem: "each entry of the list is a text such as x-env=prod" };
      pairs.push(pair);
    }
    return { list: pairs };
  }
  for (const part of value.split(",")) {
    const pair = splitPair(part);
    if (!pair) return { problem: `${JSON.stringify(part.trim().slice(0, 60))} has no name and value` };
    pairs.push(pair);
  }
  return { list: pairs };
}

function splitPair(part: string): readonly [string, string] | undefined {
  const at = part.indexOf("=");
  const name = part.slice(0, at).trim();
  const content = part.slice(at + 1).trim();
  return at < 0 || name === "" || content === "" ? undefined : [name, content];
}

function checkHeaderName(name: string, side: "request" | "response" | "remove"): string | undefined {
  if (isAuthority(name)) return side === "request" ? undefined : `${name} cannot be ${side === "remove" ? "removed" : "set on a response"}`;
  if (name.startsWith(":")) return `${name} belongs to the protocol and cannot be changed here`;
  return headerName.test(name) ? undefined : `${JSON.stringify(name.slice(0, 60))} is no header name`;
}

/** Envoy reads `%` as the start of a variable: `%REQ(x-id)%`, or `%%` for the sign itself. */
function checkHeaderValue(name: string, content: string): string | undefined {
  if (content === "") return `${name} has no value`;
  if (/[\0-\x08\n-\x1F\x7F]/.test(content)) return `the value of ${name} has a line break or another control character`;
  if (content.length > 8192) return `the value of ${name} is longer than 8192 characters`;
  return /^(?:[^%]|%%|%[A-Za-z_][A-Za-z0-9_]*(?:\([^()%"\\]*\)(?::\d+)?)?%)*$/.test(content) && !/\):\d+%/.test(content)
    ? undefined
    : `the value of ${name} has a % that is neither doubled (100%%) nor around a variable (%HOSTNAME%, %REQ(x-id)%)`;
}

export const requestHeaders = headerValues("request");
export const responseHeaders = headerValues("response");

export const removedHeaders: ValueType<readonly string[]> = distinct(listOf({
  ...headerNameType,
  schema: { type: "string", pattern: `^(?![Hh]ost(,|$))[${tokens}]{1,256}$` },
  read: (value) => {
    const problem = checkHeaderName(value, "remove");
    return problem === undefined ? { value } : isAuthority(value) || value.startsWith(":") ? refuse(undefined, `header names; ${problem}`) : headerNameType.read(value);
  },
}, { expects: "a comma separated list of header names; :authority, Host and the other names with a colon cannot be removed" }), (name) => name.toLowerCase());

const rewritePath = text({
  expects: "a path such as /new, which takes the place of what matched",
  pattern: pathPattern,
  meant: (value) => meantPath(undefined, value) ?? "",
});

/** `/new`: takes the place of the matched prefix or path. */
export const rewrite: ValueType<string> = bounded(2048, rewritePath);

/** Istio's HTTPRedirect. */
export interface Redirect {
  readonly scheme?: "http" | "https";
  readonly authority?: string;
  readonly port?: number;
  readonly uri?: string;
  readonly redirectCode?: number;
}

const redirectPattern = /^(?:(\d{3}):)?(?:(https?):\/\/([A-Za-z0-9](?:[-A-Za-z0-9.]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?)?(\/[!-~]*)?$/;

/** `https://host[:port][/path]` or `/path`, with a code before it: `308:https://shop.example.com`. */
export const redirect: ValueType<Redirect> = bounded(2048, {
  expects: "https://host/path or /path, with 301:, 302:, 303:, 307: or 308: before it for another code than 301",
  schema: { type: "string", pattern: "^(30[12378]:)?(https?://[^\\s/]+(/\\S*)?|/\\S*)$" },
  read: (value) => {
    const [all, code, scheme, authority, port, uri] = redirectPattern.exec(value) ?? [];
    const number = port === undefined ? undefined : Number(port);
    const isPort = number === undefined || (number >= 1 && number <= 65535);
    if (all === undefined || (scheme === undefined && uri === undefined) || !isPort || !/^(30[12378])?$/.test(code ?? "")) return refuse(meantRedirect(value));
    return {
      value: {
        ...(scheme !== undefined && { scheme: scheme as "http" | "https", authority: authority! }), ...(number !== undefined && { port: number }),
        ...(uri !== undefined && { uri }), ...(code !== undefined && { redirectCode: Number(code) }),
      },
    };
  },
});

function meantRedirect(value: string): string | undefined {
  if (/^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)+(\/[!-~]*)?$/.test(value)) return `https://${value}`;
  return /^[a-z][-a-z0-9/]*$/.test(value) ? `/${value}` : undefined;
}

/** Istio's HTTPDirectResponse. */
export interface DirectResponse {
  readonly status: number;
  readonly body?: { readonly string: string };
}

/** `503:body`, or `503` without one. Istio warns of a body above 100 KB, so it ends there. */
export const directResponse: ValueType<DirectResponse> = bounded(100_000, {
  expects: "a status from 200 to 599 and the body, such as 503:closed for today, or the status alone",
  schema: { type: ["string", "integer"], minimum: 200, maximum: 599, pattern: "^[2-5]\\d\\d(:[\\s\\S]+)?$" },
  read: (value) => {
    const [, status, body] = /^(\d{3})(?::([\s\S]+))?$/.exec(value) ?? [];
    const read = answerStatus.read(status ?? "");
    if ("value" in read && (body === undefined || new TextEncoder().encode(body).length <= 100_000)) return { value: { status: read.value, ...(body !== undefined && { body: { string: body } }) } };
    return refuse(/^\d{3}:$/.test(value) ? value.slice(0, 3) : /^[2-5]\d\d[ ,;=]\s*\S/.test(value) ? value.replace(/^(\d{3})[ ,;=]\s*/, "$1:") : undefined);
  },
});

const label = "[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?";
const gatewayPattern = new RegExp(`^(?:${label}/)?${label}$`);

const oneGateway: ValueType<string> = {
  expects: "an alias of spec.gateways, or namespace/name of a Gateway",
  schema: { type: "string", pattern: `^(?!mesh(,|$))${gatewayPattern.source.slice(1)}` },
  read: (value) => {
    if (value === "mesh") return refuse(undefined, "an alias of spec.gateways, or namespace/name of a Gateway; callers inside the mesh need no gateway, they are always served");
    if (gatewayPattern.test(value)) return { value };
    const [, name, namespace] = new RegExp(`^(${label})\\.(${label})(?:\\.svc.*)?$`).exec(value) ?? [];
    return refuse(name === undefined ? (gatewayPattern.test(value.toLowerCase()) && value.toLowerCase() !== "mesh" ? value.toLowerCase() : undefined) : `${namespace}/${name}`);
  },
};

/** Aliases of `spec.gateways`, or `namespace/name`. */
export const gatewayNames: ValueType<readonly string[]> = bounded(longestList, listOf(oneGateway, { expects: "a comma separated list of aliases of spec.gateways, or namespace/name of Gateways" }));

const publicHost = text({
  expects: "a public host name, such as shop.example.com or *.example.com",
  pattern: /^(?=.{1,253}$)(?!(.*\.)?\d+$)(\*|(\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*)$/,
  meant: (value) => value.slice(0, 300).toLowerCase().replace(/^https?:\/\//, "").replace(/[:/].*$/s, ""),
});

/** Public hosts; the first label may be `*`. */
export const gatewayHosts: ValueType<readonly string[]> = withoutOverlap(
  listOf(publicHost, { expects: "a comma separated list of public host names, such as shop.example.com" }),
  (wide, narrow) => wide.startsWith("*") && narrow.endsWith(wide.slice(1)), (host) => host,
);

/** One entry of `expose`. */
export interface Exposure {
  readonly gateway: string;
  readonly host: string;
  readonly path?: PathPattern;
}

const oneExposure: ValueType<Exposure> = {
  expects: "a gateway, a host and a path if there is one, such as external=shop.example.com/api",
  schema: { type: "string", pattern: `^(${label}/)?${label}\\s*=\\s*(\\*|[a-z0-9])[-a-z0-9.]*(/\\S*)?$` },
  read: (value) => {
    const at = value.indexOf("=");
    const target = value.slice(at + 1).trim();
    const slash = target.indexOf("/");
    const gateway = oneGateway.read(value.slice(0, Math.max(at, 0)).trim());
    const host = publicHost.read(slash < 0 ? target : target.slice(0, slash));
    const path = slash < 0 || slash === target.length - 1 ? undefined : readPath(target.slice(slash));
    if (at > 0 && "value" in gateway && "value" in host && (!path || "value" in path)) return { value: { gateway: gateway.value, host: host.value, ...(path && { path: path.value }) } };
    const withoutScheme = target.replace(/^https?:\/\//i, "");
    return refuse(at > 0 && withoutScheme !== target && "value" in oneExposure.read(`${value.slice(0, at)}=${withoutScheme}`) ? `${value.slice(0, at)}=${withoutScheme}` : undefined);
  },
};

/** `external=shop.example.com/api`: binding, host and path in one. */
export const expose: ValueType<readonly Exposure[]> = bounded(longestList, listOf(oneExposure, { expects: `a comma separated list, each ${oneExposure.expects}` }));

/** A port of the Service, by number or by name. */
export const gatewayPort: ValueType<number | string> = bounded<number | string>(63, {
  expects: "the name or number of a port of the Service",
  schema: { type: ["string", "integer"], minimum: 1, maximum: 65535, pattern: `^((?=.*[a-z])${label}|[1-9]\\d{0,4})$` },
  read: (value) => {
    if (/^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65535) return { value: Number(value) };
    return /[a-z]/.test(value) && new RegExp(`^${label}$`).test(value) ? { value } : refuse();
  },
});

/** A whole number, also below zero: the place of a rule among the others. */
export const order: ValueType<number> = bounded(16, {
  expects: "a whole number; lower ones come first, 0 where nothing is set",
  schema: { type: ["integer", "string"], minimum: -1_000_000, maximum: 1_000_000, pattern: "^-?\\d{1,7}$" },
  measure: (value) => value,
  read: (value) => (/^-?\d{1,7}$/.test(value) && Math.abs(Number(value)) <= 1_000_000 ? { value: Number(value) + 0 } : refuse(/^\+\d{1,6}$/.test(value) ? value.slice(1) : undefined)),
});

/** The grammar of `weights`, where a single destination may stand alone: it gets everything. */
export const routeTo: ValueType<readonly WeightedDestination[]> = bounded(longestList, {
  ...weights,
  schema: { type: "string", pattern: `^\\s*${destinationText}\\s*$|${String(weights.schema["pattern"])}` },
  expects: "a destination such as canary, or several with weights, such as stable=90,canary=10",
  read: (value) => {
    const single = /[=,%]/.test(value) ? undefined : readDestination(value);
    return single ? { value: [{ ...single, weight: 100 }] } : weights.read(value);
  },
});

/** One entry of `routes`: Istio's own fields, and the destinations behind `to`. */
export interface RouteEntry {
  readonly fields: Mapping;
  readonly to?: readonly WeightedDestination[];
}

const httpFields = [
  "name", "match", "route", "redirect", "directResponse", "delegate", "rewrite", "timeout", "retries", "fault", "mirror", "mirrors", "mirrorPercentage", "corsPolicy", "headers",
];

function routeList(what: string, fields: readonly string[], ends: readonly string[], example: string): ValueType<readonly RouteEntry[]> {
  const expects = `a YAML list of ${what} rules in Istio's own fields, with to: for destinations of this Service, such as ${example}`;
  const known = [...fields, "to"];
  return bounded(262_144, {
    expects,
    schema: { type: ["array", "string"], items: { type: "object", properties: Object.fromEntries(known.map((field) => [field, {}])), additionalProperties: false } },
    read: (value) => {
      const read = parseYaml(value);
      if ("problem" in read) return refuse(undefined, `${expects}; ${read.problem}`);
      if (!Array.isArray(read.value) || read.value.length === 0) return refuse(undefined, `${expects}; this is ${asMapping(read.value) ? "one mapping: put \"- \" before it" : "not a list"}`);
      const entries: RouteEntry[] = [];
      for (const [i, written] of (read.value as readonly unknown[]).entries()) {
        const entry = readEntry(written, known, ends);
        if ("problem" in entry) return refuse(undefined, `${expects}; rule ${i + 1}: ${entry.problem}`);
        entries.push(entry);
      }
      return { value: entries };
    },
  });
}

function readEntry(written: unknown, known: readonly string[], ends: readonly string[]): RouteEntry | { readonly problem: string } {
  const mapping = asMapping(written);
  if (!mapping) return { problem: "not a mapping of fields" };
  const strange = Object.keys(mapping).find((field) => !known.includes(field));
  if (strange !== undefined) {
    const near = suggest(strange, known);
    return { problem: `a field ${strange} that such a rule does not have${near === undefined ? "" : `; did you mean ${near}?`}` };
  }
  const { to, ...fields } = mapping;
  const problem = findMatchProblem(mapping["match"]);
  if (problem !== undefined) return { problem };
  const given = ends.filter((end) => Object.hasOwn(mapping, end));
  if (given.length !== 1) return { problem: given.length === 0 ? `it needs one of ${ends.join(", ")}` : `${given.join(" and ")} exclude each other` };
  if (to === undefined) return { fields };
  const read = typeof to === "string" || typeof to === "number" ? routeTo.read(String(to)) : refuse();
  return "value" in read ? { fields, to: read.value } : { problem: `to is ${JSON.stringify(to)?.slice(0, 60)}, not ${routeTo.expects}` };
}

/** What is wrong with the shape of a rule's `match`, so that others need not look again; its words are the checks' business. */
function findMatchProblem(match: unknown): string | undefined {
  if (match === undefined) return undefined;
  if (!Array.isArray(match) || match.length === 0) return "match is a list of matches, one of which is enough";
  for (const each of match as readonly unknown[]) {
    const fields = asMapping(each);
    if (!fields) return "each match is a mapping, such as {uri: {prefix: /v2/}}";
    for (const [field, value] of Object.entries(fields)) {
      const problem = ["uri", "scheme", "method", "authority"].includes(field) ? findTextProblem(field, value)
        : ["headers", "withoutHeaders", "queryParams"].includes(field) ? findNamedProblem(field, value)
        : undefined;
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function findNamedProblem(field: string, value: unknown): string | undefined {
  const named = asMapping(value);
  if (!named) return `${field} of a match is a mapping of names, such as {x-user: {exact: jason}}`;
  for (const [name, match] of Object.entries(named)) {
    const problem = findTextProblem(`${field}.${name}`, match);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function findTextProblem(where: string, value: unknown): string | undefined {
  const match = asMapping(value);
  const [[kind, text] = [], ...more] = Object.entries(match ?? {});
  if (!match || more.length > 0 || (kind !== undefined && (!["exact", "prefix", "regex"].includes(kind) || typeof text !== "string"))) return `${where} is one of {exact: …}, {prefix: …} and {regex: …}, with a text`;
  const read = kind === "regex" && text !== "*" ? readRegex(text as string) : undefined;
  return read && !("value" in read) ? `the regular expression of ${where} has, at character ${read.at + 1}, ${read.problem}` : undefined;
}

export const httpRoutes = routeList("http", httpFields, ["to", "route", "redirect", "directResponse", "delegate"], "[{match: [{uri: {prefix: /v2/}}], to: v2}]");
export const tcpRoutes = routeList("tcp", ["match", "route"], ["to", "route"], "[{match: [{port: 5432}], to: \"v2=20,v1=80\"}]");
export const tlsRoutes = routeList("tls", ["match", "route"], ["to", "route"], "[{match: [{sniHosts: [db.example.com]}], to: v2}]");
