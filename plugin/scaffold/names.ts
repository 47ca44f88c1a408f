import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";

const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const serviceLabel = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** The name of a Service (RFC 1035), which its Deployment and ServiceAccount share; with room for what a canary adds to it. */
export function checkServiceName(name: string, isCanary = false): readonly Diagnostic[] {
  if (!serviceLabel.test(name)) return [diagnose("IZ430", undefined, { name, what: "service", start: "a letter", suggestion: suggestName(name, "svc") })];
  return isCanary && !serviceLabel.test(`${name}-canary`) ? [diagnose("IZ430", undefined, { name: `${name}-canary`, what: "service", start: "a letter" })] : [];
}

/** The name of an environment: a directory, and part of names (RFC 1123). */
export function checkLabel(name: string, what: "overlay" | "namespace" | "mesh"): readonly Diagnostic[] {
  return label.test(name) ? [] : [diagnose("IZ430", undefined, { name, what, start: "a letter or digit", suggestion: suggestName(name, "") })];
}

/** A namePrefix: what stands in front of a name and leaves it one. */
export function checkPrefix(prefix: string): readonly Diagnostic[] {
  return /^[a-z]([-a-z0-9]{0,40})$/.test(prefix) ? [] : [diagnose("IZ430", undefined, { name: prefix, what: "prefix", start: "a letter", suggestion: suggestName(prefix, "") && `${suggestName(prefix, "")}-` })];
}

function suggestName(name: string, lead: string): string | undefined {
  const lower = name.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 63).replace(/-+$/, "");
  const suggestion = lead !== "" && /^\d/.test(lower) ? `${lead}-${lower}` : lower;
  return label.test(suggestion) && suggestion !== name ? suggestion : undefined;
}

/** The number of a port as it was typed. */
export function readPort(text: string): number | Diagnostic {
  const port = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return port >= 1 && port <= 65_535 ? port : diagnose("IZ432", undefined, { port: text });
}

/** An image reference in its parts. */
export interface Image {
  readonly text: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const reference = /^((?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::\d+)?\/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)(?::([\w][\w.-]{0,127}))?(?:@(sha256:[a-f0-9]{64}))?$/;

/** `registry/repository:tag@digest`, as container runtimes read it. */
export function readImage(text: string): Image | Diagnostic {
  const [, repository, tag, digest] = reference.exec(text) ?? [];
  if (repository === undefined) return diagnose("IZ436", undefined, { image: text });
  return { text, repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** Whether a reader found something wrong, instead of a value. */
export function isDiagnostic(value: unknown): value is Diagnostic {
  return typeof value === "object" && value !== null && "code" in value && "severity" in value;
}
