import { load, YAMLException } from "js-yaml";
import { suggest } from "../diagnostics/suggest.ts";
import { readDuration } from "../kube/duration.ts";
import { countValues } from "../kube/count-values.ts";
import { asMapping, type Mapping } from "../kube/object.ts";

/** What a value's text gave: the value, or why not, with the text that was probably meant. */
export type Read<T> = { readonly value: T } | { readonly suggestion?: string; readonly expects?: string };

/** One kind of annotation value: how it is written, and how its text is read. */
export interface ValueType<T = unknown> {
  /** The grammar, as it ends the sentence "expected …". */
  readonly expects: string;
  readonly read: (text: string) => Read<T>;
  /** JSON Schema of the value as typed in the ServiceMesh. */
  readonly schema: Mapping;
  /** A number to compare with `spec.limits`, for values that have an order. */
  measure?(value: T): number;
}

export const refuse = (suggestion?: string, expects?: string): { suggestion?: string; expects?: string } =>
  ({ ...(suggestion !== undefined && { suggestion }), ...(expects !== undefined && { expects }) });

/** All annotations of an object hold 256 KiB at most, so that no value can be longer. */
const longest = 262_144;
const longestList = 65_536;
const mostEntries = 1000;
/** Control characters, half characters, and those that hide in a text or turn its direction. */
const unseen = /[\0-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F\u200B\u2028-\u202E\u2066-\u2069\uFEFF\uD800-\uDFFF]/u;

const tooLong = (most: number): string => `at most ${most} characters`;

/**
 * A value type that refuses what no value of it can be before it looks any closer: a text of more than `most`
 * characters, one that is blank, and one with characters that nobody sees.
 */
export function bounded<T>(most: number, type: ValueType<T>): ValueType<T> {
  return {
    ...type,
    read: (text) => {
      if (text.length > most) return refuse(undefined, `${type.expects}; ${tooLong(most)}`);
      if (text.trim() === "") return refuse();
      const found = unseen.exec(text);
      return found ? refuse(undefined, `${type.expects}; ${placeIn(text, found.index)} is U+${hex(found[0])}, which nobody sees`) : type.read(text);
    },
  };
}

const hex = (letter: string): string => letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");

/** `character 5 of the value`, or its line and column where the value has several lines; `at` counts from 0. */
export function placeIn(text: string, at: number): string {
  const before = text.slice(0, at).split("\n");
  return text.includes("\n") ? `line ${before.length}, column ${before.at(-1)!.length + 1} of the value` : `character ${at + 1} of the value`;
}

/** `true` or `false`, nothing else. */
export const boolean: ValueType<boolean> = bounded(64, {
  expects: "true or false",
  schema: { type: "boolean" },
  read: (text) => {
    if (text === "true" || text === "false") return { value: text === "true" };
    const meant = /^(yes|y|on|1|enabled?|True|TRUE)$/.test(text) ? "true" : /^(no|n|off|0|disabled?|False|FALSE)$/.test(text) ? "false" : undefined;
    return refuse(meant);
  },
});

/** A whole number within a range. */
export function integer(range: { readonly min?: number; readonly max?: number } = {}): ValueType<number> {
  const { min = 0, max = 2 ** 31 - 1 } = range;
  const expects = max === 2 ** 31 - 1 ? `a whole number, ${min} or more` : `a whole number from ${min} to ${max}`;
  return bounded(64, {
    expects,
    schema: { type: "integer", minimum: min, maximum: max },
    measure: (value) => value,
    read: (text) => {
      const value = Number(text);
      if (/^\d+$/.test(text) && value >= min && value <= max) return { value };
      const digits = /^\s*(\d+)\s*(?:%|x|s)?\s*$/.exec(text)?.[1];
      return refuse(digits !== undefined && Number(digits) >= min && Number(digits) <= max ? digits : undefined);
    },
  });
}

/** A duration with its unit, kept as it was typed. `zero` allows `0s`, which Istio takes in a few fields only. */
export function duration(options: { readonly zero?: boolean } = {}): ValueType<string> {
  return bounded(64, {
    expects: `a duration with a unit, such as 250ms, 15s or 1m30s${options.zero ? " (0s turns it off)" : "; at least 1ms, in whole milliseconds"}`,
    schema: { type: "string", pattern: `^${options.zero ? "" : "(?=.*[1-9])"}([0-9]+(\\.[0-9]+)?(h|ms|m|s))+$` },
    measure: (value) => readDuration(value) ?? Number.NaN,
    read: (text) => {
      const milliseconds = readDuration(text);
      if (milliseconds !== undefined && (milliseconds >= 1 || (options.zero && milliseconds === 0))) return { value: text };
      if (milliseconds === 0) return refuse(undefined, `a duration of at least 1ms; Istio refuses ${text} here`);
      if (/^\d+(\.\d+)?$/.test(text) && readDuration(`${text}s`)) return refuse(`${text}s`);
      const spelled = /^(\d+)\s*(s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?|ms|millis|milliseconds?)$/i.exec(text);
      if (!spelled) return refuse();
      const unit = spelled[2]!.toLowerCase();
      const meant = `${spelled[1]}${/^(ms|mil)/.test(unit) ? "ms" : unit[0]}`;
      return refuse(readDuration(meant) ? meant : undefined);
    },
  });
}

/** `10%` or `0.5%`; `whole` where Istio's field is an integer. The value is the number before the sign. */
export function percent(options: { readonly whole?: boolean } = {}): ValueType<number> {
  return bounded(64, {
    expects: options.whole ? "a whole percentage from 0% to 100%" : "a percentage such as 10% or 0.5%, at most 100%",
    schema: { type: [...(options.whole ? ["integer"] : ["integer", "number"]), "string"], minimum: 0, maximum: 100, pattern: `^0*(100(\\.0+)?|\\d{1,2}(\\.${options.whole ? "0" : "\\d"}+)?)%?$` },
    measure: (value) => value,
    read: (text) => {
      const match = /^(\d+(?:\.\d+)?)%$/.exec(text);
      const value = Number(match?.[1]);
      if (match && value <= 100 && (!options.whole || Number.isInteger(value)) && (value === 0 || value >= 0.0001)) return { value };
      return refuse(/^\d+(\.\d+)?$/.test(text) && Number(text) <= 100 && (!options.whole || Number.isInteger(Number(text))) ? `${text}%` : undefined);
    },
  });
}

/** One of a few words, exactly as Istio writes them. */
export function enumeration<const W extends string>(...words: readonly W[]): ValueType<W> {
  return bounded(128, {
    expects: `one of ${words.join(", ")}`,
    schema: { enum: words },
    read: (text) => {
      const found = words.find((word) => word === text);
      if (found !== undefined) return { value: found };
      const upper = text.toUpperCase().replaceAll("-", "_");
      return refuse(words.find((word) => word.toUpperCase() === upper) ?? suggest(text, words));
    },
  });
}

/** A text that a pattern describes. */
export function text(options: { readonly expects: string; readonly pattern: RegExp; readonly meant?: (text: string) => string }): ValueType<string> {
  return bounded(4096, {
    expects: options.expects,
    schema: { type: "string", pattern: options.pattern.source },
    read: (value) => {
      if (options.pattern.test(value)) return { value };
      const meant = options.meant?.(value);
      return refuse(meant !== undefined && options.pattern.test(meant) ? meant : undefined);
    },
  });
}

const labelPattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** The DNS label that a text comes nearest to: lower case, dots and other signs as hyphens, `1.2.3` as `v1-2-3`. */
export function toDnsLabel(value: string): string {
  const label = value.toLowerCase().replace(/[^a-z0-9-]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 62).replace(/-+$/, "");
  return /^\d+-/.test(label) ? `v${label}` : label;
}

/** A DNS-1123 label: what names a subset, a namespace or a revision. */
export const dnsLabel: ValueType<string> = text({
  expects: "a name of lower-case letters, digits and hyphens, at most 63 characters",
  pattern: labelPattern,
  meant: (value) => (/^[A-Za-z]/.test(value) ? toDnsLabel(value) : ""),
});

/** A Kubernetes resource quantity such as `100m`, `0.5` or `128Mi`. */
export const quantity: ValueType<string> = text({
  expects: "a quantity such as 100m, 0.5 or 128Mi",
  pattern: /^\d{1,15}(\.\d{1,9})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/,
  meant: (value) => value.replace(/\s+/g, "").replace(/^(\d+)(mb|mib)$/i, "$1Mi").replace(/^(\d+)(gb|gib)$/i, "$1Gi"),
});

/** A comma separated list, or a YAML list where an entry holds a comma; every entry is read by `entry`. */
export function listOf<T>(entry: ValueType<T>, options: { readonly expects?: string } = {}): ValueType<readonly T[]> {
  const expects = options.expects ?? `a comma separated list, each ${entry.expects}`;
  return bounded(longestList, {
    expects,
    schema: { type: ["array", "string"], items: { ...entry.schema, errorMessage: `Expected ${entry.expects}.` } },
    read: (value) => {
      const parts = splitList(value);
      if ("problem" in parts) return refuse(undefined, `${expects}; a value that starts with "[" or "- " is read as YAML: ${parts.problem}`);
      if (parts.length > mostEntries) return refuse(undefined, `${expects}; at most ${mostEntries} entries`);
      const values: T[] = [];
      const meant: string[] = [];
      let refused = parts.length === 0;
      let why: string | undefined;
      for (const part of parts) {
        const result = entry.read(part);
        if ("value" in result) {
          values.push(result.value);
          meant.push(part);
        } else {
          refused = true;
          if (result.expects !== undefined) why ??= `in ${JSON.stringify(part.slice(0, 60))}, ${result.expects}`;
          if (result.suggestion !== undefined) meant.push(result.suggestion);
        }
      }
      if (!refused && new Set(parts).size === parts.length) return { value: values };
      const unique = [...new Set(meant)];
      return refuse(meant.length === parts.length && parts.length > 0 ? unique.join(",") : undefined, why);
    },
  });
}

function splitList(value: string): readonly string[] | { readonly problem: string } {
  if (!/^(\[|- )/.test(value)) return value.split(",").map((part) => part.trim());
  const read = parseYaml(value);
  if ("problem" in read) return read;
  const list = read.value;
  return Array.isArray(list) && list.every((part) => typeof part === "string" || typeof part === "number") ? list.map(String) : { problem: "a list of texts is expected" };
}

/** Far above what any setting holds, and far below what a few nested aliases can stand for. */
const mostValues = 10_000;

/** The YAML value in a text; `undefined` where it is none, or one that its aliases make huge. */
export function readYaml(value: string): unknown {
  const read = parseYaml(value);
  return "value" in read ? read.value : undefined;
}

/** The YAML value in a text, or what is wrong with it and where: line and column count from 1 inside the value. */
export function parseYaml(value: string): { readonly value: unknown } | { readonly problem: string } {
  if (value.length > longest) return { problem: tooLong(longest) };
  try {
    const read = load(value);
    return countValues(read) > mostValues ? { problem: `its aliases stand for more than ${mostValues} values` } : { value: read };
  } catch (error) {
    if (!(error instanceof YAMLException)) return { problem: "it is nested too deeply" };
    const { reason, mark } = error as { readonly reason: string; readonly mark?: { readonly line: number; readonly column: number } };
    return { problem: mark ? `line ${mark.line + 1}, column ${mark.column + 1} of the value: ${reason}` : reason };
  }
}

/** A YAML mapping, as the escape hatches take it. */
export const yamlMapping: ValueType<Mapping> = bounded(longest, {
  expects: "a YAML mapping of the fields to merge, starting below spec",
  schema: { type: ["object", "string"], minProperties: 1, pattern: "^[\\s\\S]*(\\{|:(\\s|$))[\\s\\S]*$" },
  read: (value) => {
    const read = parseYaml(value);
    if ("problem" in read) return refuse(undefined, `a YAML mapping of the fields to merge, starting below spec; ${read.problem}`);
    const mapping = asMapping(read.value);
    return mapping && Object.keys(mapping).length > 0 ? { value: mapping } : refuse();
  },
});

/**
 * Named parts after an optional first one: `cookie:NAME;ttl=1h;path=/`, `time=2h,interval=75s`. Gives what `build`
 * makes of them, or nothing where a part is unknown or its value is not understood.
 */
export function parts(value: string, separator: "," | ";"): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>();
  for (const part of value.split(separator)) {
    const at = part.indexOf("=");
    const key = (at < 0 ? part : part.slice(0, at)).trim();
    if (at < 0 || key === "" || found.has(key)) return undefined;
    found.set(key, part.slice(at + 1).trim());
  }
  return found;
}
