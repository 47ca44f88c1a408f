import type { Fix } from "../../generators/diagnostics/catalogue.ts";
import { writePath } from "../../generators/diagnostics/diagnostic.ts";
import type { ResourceRef } from "../../generators/kube/object.ts";
import { currentOf, type Finding, type LintReport } from "./finding.ts";
import { fixOf } from "./fix.ts";

/** A finding as `--format json` gives it; fields are added in later versions, never taken away. */
interface JsonFinding {
  readonly code: string;
  readonly severity: string;
  readonly title: string;
  /** Relative to the current directory; `<stdin>` for a pipe. Lines and columns count from 1. */
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
  readonly resource?: ResourceRef;
  /** Such as `spec.http[0].timeout`. */
  readonly field?: string;
  readonly read?: string;
  readonly expected?: string;
  readonly help?: string;
  readonly currentValue?: unknown;
  readonly proposedValue?: string;
  /** What `--fix` does at the field: another name for the key, another value, or none of it. */
  readonly fix?: Fix;
  /** Other objects that it concerns. */
  readonly subjects: readonly ResourceRef[];
  /** The kustomizations it was found in, where several were built. */
  readonly builds: readonly string[];
  readonly fingerprint: string;
}

/** Findings for programs: one object, `version` 1. */
export function writeJson({ findings, files, objects, known }: LintReport): string {
  const count = (severity: string): number => findings.filter((each) => each.severity === severity).length;
  return `${JSON.stringify({
    version: 1,
    tool: { name: "istiomize", version: ISTIOMIZE_VERSION },
    checked: { files: files.length, objects },
    summary: { errors: count("error"), warnings: count("warning"), infos: count("info"), inBaseline: known },
    findings: findings.map(toJson),
  }, null, 2)}\n`;
}

function toJson(finding: Finding): JsonFinding {
  const { code, severity, title, place, position, read, expected, help, subjects, builds, fingerprints, proposed } = finding;
  const fix = fixOf(finding);
  const current = currentOf(finding);
  const proposedValue = proposed ?? fix?.value;
  return {
    code, severity, title,
    ...(position && { file: position.file, line: position.line, column: position.column, endLine: position.endLine, endColumn: position.endColumn }),
    ...(place && { resource: place.ref, ...(place.path.length > 0 && { field: writePath(place.path) }) }),
    ...(read !== undefined && { read }), ...(expected !== undefined && { expected }), ...(help !== undefined && { help }),
    ...(current !== undefined && { currentValue: current }), ...(proposedValue !== undefined && { proposedValue }),
    ...(fix && { fix: toJsonFix(fix) }), subjects, builds, fingerprint: fingerprints[0]!,
  };
}

function toJsonFix({ rename, value, remove }: Fix): Fix {
  return { ...(rename !== undefined && { rename }), ...(value !== undefined && { value }), ...(remove && { remove }) };
}
