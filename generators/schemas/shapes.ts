/** Names and values as istiod's webhook reads them; `undefined` where it takes them, else what it expects. */
import { asText } from "../kube/object.ts";

const label = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/;
const labelKey = /^(?:([a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)*)\/)?((?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/;
const labelValue = /^((?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

/** Letters, digits and hyphens, at most 63: what a subset, namespace or gateway may be called. */
export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && label.test(text);
}

export function isLabelKey(text: string): boolean {
  const [, prefix = "", name = ""] = labelKey.exec(text) ?? [];
  return name !== "" && name.length <= 63 && prefix.length <= 253;
}

export function isLabelValue(text: string): boolean {
  return labelValue.test(text);
}

/** A full name: labels with dots between them, the last no number; a dot at the end is allowed. */
export function isFqdn(text: string): boolean {
  return text.length > 0 && text.length <= 255 && areLabels(text);
}

function areLabels(text: string): boolean {
  const labels = text.split(".");
  if (/^[+-]?\d+$/.test(labels.at(-1)!)) return false;
  return labels.every((each, i) => isDnsLabel(each) || (each === "" && i === labels.length - 1));
}

/** A host, which may begin with a wildcard (`*`, `*.example.com`, `*-x.example.com`). */
export function isHost(text: string): boolean {
  if (text.length === 0 || text.length > 255) return false;
  const dot = text.indexOf(".");
  const first = dot < 0 ? text : text.slice(0, dot);
  const isFirst = first.length <= 63 && (first === "*" || label.test(first.replace(/^\*-?/, "")));
  return isFirst && (dot < 0 || areLabels(text.slice(dot + 1)));
}

const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

export function isIp(text: string): boolean {
  return ipv4.test(text) || isIpv6(text);
}

function isIpv6(text: string): boolean {
  const [address = "", zone] = text.split("%");
  if (zone === "" || !address.includes(":")) return false;
  const last = address.slice(address.lastIndexOf(":") + 1);
  if (last.includes(".") && !ipv4.test(last)) return false;
  const halves = (last.includes(".") ? `${address.slice(0, -last.length)}0:0` : address).split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  return groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)) && (halves.length === 2 ? groups.length < 8 : groups.length === 8);
}

/** An address, or a block of them (`10.0.0.0/8`). */
export function isSubnet(text: string): boolean {
  const [address = "", bits, ...rest] = text.split("/");
  if (bits === undefined) return isIp(text);
  return rest.length === 0 && isIp(address) && !address.includes("%") && /^(0|[1-9]\d*)$/.test(bits) && Number(bits) <= (address.includes(":") ? 128 : 32);
}

/** Whether one host takes requests for the other: equal, or a wildcard over it, in either direction. */
export function hostsOverlap(a: string, b: string): boolean {
  if (a.startsWith("*") && b.startsWith("*")) return a.length < b.length ? b.slice(1).endsWith(a.slice(1)) : a.slice(1).endsWith(b.slice(1));
  if (a.startsWith("*")) return b.endsWith(a.slice(1));
  return b.startsWith("*") ? a.endsWith(b.slice(1)) : a === b;
}

/** Whether every name under a host is one of the other's. */
export function isWithinHost(host: string, wider: string): boolean {
  if (host.startsWith("*")) return wider.startsWith("*") && host.length >= wider.length && host.slice(1).endsWith(wider.slice(1));
  return wider.startsWith("*") ? host.endsWith(wider.slice(1)) : host === wider;
}

const goDuration = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const goParts = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
const nanoseconds: { readonly [unit: string]: number } = { ns: 1, us: 1e3, "µs": 1e3, "μs": 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Nanoseconds of a duration as Go reads it; `undefined` for what is none. */
export function readGoDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  if (!goDuration.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(goParts)) sum += Number(amount) * nanoseconds[unit!]!;
  return (text.startsWith("-") ? -1 : 1) * Math.round(sum);
}

/** Whole milliseconds, at least one; with `zero` also less than one, which counts as none. */
export function isIstioDuration(value: unknown, { zero = false }: { readonly zero?: boolean } = {}): boolean {
  const text = asText(value);
  const read = text === undefined ? undefined : readGoDuration(text);
  return read !== undefined && ((zero && Math.trunc(read / 1e6) === 0) || (read >= 1e6 && read % 1e6 === 0));
}

const headerName = /^[!#$%&'*+\-.^_`|~A-Za-z0-9]+$/;

export function isHeaderName(text: string): boolean {
  return headerName.test(text);
}

/** A condition on a claim of a token: `@request.auth.claims.group` or `@request.auth.claims[group]`. */
export function isJwtClaim(name: string): boolean {
  return /^@request\.auth\.claims(\..+|\[.+\])$/i.test(name);
}

/** Whether a header's value is one that Envoy takes: no control characters, `%` doubled or around a variable. */
export function isHeaderValue(text: string): boolean {
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) return false;
  // A variable: %NAME%, %NAME(text)% or %NAME(["text", "text"])%.
  return /^(?:[^%]|%%|%[^%(]*%|%[^%(]*\( *(?:\[ *"(?:\\.|[^"\\])*"(?: *, *"(?:\\.|[^"\\])*")* *\] *|(?:\\.|[^)\\"[ ])(?:\\.|[^)\\"])*)\) *%)*$/.test(text);
}
