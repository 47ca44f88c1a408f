import type { Fix } from "../diagnostics/catalogue.ts";
import { asList, asMapping } from "../kube/object.ts";

/**
 * Something about an Istio object that the API server or istiod would not take, or would take and not use.
 *
 * - `unknown`, `newer`: a field that no Istio knows, or only a newer one: dropped without a word, or refused.
 * - `type`, `enum`, `required`, `version`: what the CRD's schema refuses.
 * - `refused`: what the schema takes and istiod's webhook refuses.
 * - `ignored`, `deprecated`: what still works, or does nothing any more.
 */
export interface Finding {
  readonly kind: "unknown" | "newer" | "type" | "enum" | "required" | "version" | "refused" | "ignored" | "deprecated" | "old-version";
  /** Keys that lead to the field, indexes as `[0]`. */
  readonly path: readonly string[];
  readonly found: string;
  readonly expects: string;
  readonly help?: string;
  /** First Istio that knows it, where that is what is wrong. */
  readonly since?: string;
  readonly current?: string;
  readonly proposed?: string;
  readonly fix?: Fix;
}

/** A value in words short enough for a message. */
export function writeValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (asMapping(value)) return Object.keys(value as object).length === 0 ? "an empty mapping" : `a mapping of ${Object.keys(value as object).slice(0, 5).join(", ")}`;
  return shorten(JSON.stringify(value));
}

/** A value as YAML of one line, as a fix writes it. */
export function writeYaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeYaml).join(", ")}]`;
  const mapping = asMapping(value);
  if (mapping) return `{${Object.entries(mapping).map(([key, each]) => `${plain.test(key) ? key : JSON.stringify(key)}: ${writeYaml(each)}`).join(", ")}}`;
  return typeof value === "string" && plain.test(value) && !isReadAsSomethingElse(value) ? value : JSON.stringify(value);
}

const plain = /^[A-Za-z_/][\w./-]*$|^\d+(\.\d+)?(ms|s|m|h)$/;
/** Words that YAML 1.1, which kubectl reads, takes for a boolean or for nothing. */
const otherThanText = /^(y|n|yes|no|on|off|true|false|null|nan|inf)$/i;

/** Whether an unquoted text is no text for kubectl and the API server, which read YAML 1.1. */
export function isReadAsSomethingElse(text: string): boolean {
  return otherThanText.test(text);
}

export function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}

/** A mapping's value where it is there at all: the API server drops a `null`. */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export function entries(value: unknown): readonly (readonly [step: string, value: unknown])[] {
  return asList(value).map((each, i) => [`[${i}]`, each]);
}
