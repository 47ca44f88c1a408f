import { editDistance } from "../diagnostics/suggest.ts";
import { refuse, type ValueType } from "../annotations/values.ts";
import type { MeshConfig } from "./config.ts";

/** The objects of a Service whose names `spec.names` decides. */
export type RuleKind = "destinationRule" | "virtualService" | "gatewayVirtualService";
export type RuleNames = { readonly [K in RuleKind]: string };

const placeholder = /\{([^{}]*)\}/g;
const objectName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The longest name that Kubernetes takes for objects such as these. */
const mostCharacters = 253;

/** A name with placeholders, each of which must stand in it: two Services would else share one name. */
export function nameTemplate(placeholders: readonly string[]): ValueType<string> {
  const written = placeholders.map((name) => `{${name}}`);
  return {
    expects: `a name with ${written.join(" and ")} in it, of lower-case letters, digits, hyphens and dots`,
    schema: { type: "string", pattern: `^${written.map((each) => `(?=.*${each.replace(/[{}]/g, "\\$&")})`).join("")}([a-z0-9.-]|${written.map((each) => each.replace(/[{}]/g, "\\$&")).join("|")})+$` },
    read: (template) => (isTemplate(template, placeholders) ? { value: template } : refuse(meantTemplate(template, placeholders))),
  };
}

function isTemplate(template: string, placeholders: readonly string[]): boolean {
  const found = [...template.matchAll(placeholder)].map(([, name]) => name!);
  return placeholders.every((name) => found.includes(name)) && found.every((name) => placeholders.includes(name)) && objectName.test(template.replace(placeholder, "a")) && template.length <= mostCharacters;
}

/** The template with its placeholders mended: `{svc}-mesh` → `{service}-mesh`, `Web-{service}` in lower case. */
function meantTemplate(template: string, placeholders: readonly string[]): string | undefined {
  const mended = template.toLowerCase().replace(/[_ ]+/g, "-").replace(/\$\{|\{\{/g, "{").replace(/\}\}/g, "}").replace(placeholder, (whole, name: string) => {
    const near = placeholders.find((each) => each === name.trim()) ?? placeholders.filter((each) => abbreviates(name.trim(), each) || editDistance(name, each) <= 2)[0];
    return near === undefined ? whole : `{${near}}`;
  });
  const missing = placeholders.filter((name) => !mended.includes(`{${name}}`));
  const complete = [mended, ...missing.map((name) => `{${name}}`)].join("-");
  return isTemplate(complete, placeholders) ? complete : undefined;
}

/** Whether a word's letters stand in another one in this order, as `svc` in `service`. */
function abbreviates(short: string, long: string): boolean {
  let at = -1;
  return short.length > 1 && short[0] === long[0] && [...short].every((letter) => (at = long.indexOf(letter, at + 1)) >= 0);
}

/** The name of an object that is made for a Service, behind a gateway with the alias of that. */
export function nameOfRule({ names }: Pick<MeshConfig, "names">, kind: RuleKind, service: string, alias = ""): string {
  return shortenName(names[kind].replaceAll("{service}", service).replaceAll("{gateway}", alias));
}

/** A name that Kubernetes takes: one that is too long is cut, and ends in a hash of the whole so that two stay two. */
export function shortenName(name: string, most = mostCharacters): string {
  if (name.length <= most) return name;
  const hash = hashText(name);
  return `${name.slice(0, most - hash.length - 1).replace(/[-.]+$/, "")}-${hash}`;
}

/** FNV-1a over UTF-16 units, 32 bits twice, as eight letters and digits. */
function hashText(text: string): string {
  const hash = (seed: number): number => [...text].reduce((sum, letter) => Math.imul(sum ^ letter.charCodeAt(0), 0x01000193), seed) >>> 0;
  return (BigInt(hash(0x811c9dc5)) * 0x100000000n + BigInt(hash(0x050c5d1f))).toString(36).padStart(8, "0").slice(-8);
}
