import { createHash } from "node:crypto";
import type { Severity } from "../../generators/diagnostics/catalogue.ts";
import { sortDiagnostics, writePath, type Diagnostic, type Position } from "../../generators/diagnostics/diagnostic.ts";
import { compareText, describe } from "../../generators/kube/object.ts";
import type { Held } from "./elsewhere.ts";
import { positionOf, type Span } from "../written/written.ts";

/** A diagnostic of `lint`: where it ends, which builds it was found in, and what names it whatever moves around it. */
export interface Finding extends Diagnostic {
  readonly position?: Position & { readonly endLine?: number; readonly endColumn?: number };
  /** The kustomizations it was found in, where more than one was built. */
  readonly builds: readonly string[];
  /** One for each object that it was found in; they do not depend on lines or on the names of files. */
  readonly fingerprints: readonly string[];
  /** The text that it stands in, where that is a local file that people wrote. */
  readonly span?: Span;
  /** What the objects hold that it was found among. */
  readonly among?: Held;
}

/** Where a finding stands, as people count. */
export function spanned(span: Span): Pick<Finding, "position" | "span"> {
  const [start, end] = [positionOf(span.source, span.from), positionOf(span.source, span.to)];
  return { span, position: { file: span.source.file, ...start, ...(span.to > span.from && { endLine: end.line, endColumn: end.column }) } };
}

/** A finding about a file as such: at its first line where nothing says which one is meant. */
export function bareFinding(diagnostic: Diagnostic): Finding {
  const { position } = diagnostic;
  return { ...diagnostic, ...(position && { position: { ...position, line: position.line ?? 1, column: position.column ?? 1 } }), builds: [], fingerprints: [fingerprintOf(diagnostic)] };
}

/** Diagnostics of one object behind each other, so that it is parsed once for the positions of all of them. */
export function byObject(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const objects = new Map<string, Diagnostic[]>();
  for (const diagnostic of diagnostics) {
    const key = diagnostic.place ? describe(diagnostic.place.ref) : "";
    const list = objects.get(key);
    if (list) list.push(diagnostic);
    else objects.set(key, [diagnostic]);
  }
  return [...objects.values()].flat();
}

/** What stays the same about a diagnostic when lines are added above it: code, object, field, and what was read. */
export function fingerprintOf({ code, place, read }: Diagnostic): string {
  const said = [code, place ? describe(place.ref) : "", place ? writePath(place.path) : "", read ?? ""];
  return createHash("sha256").update(said.join("\n")).digest("hex").slice(0, 16);
}

/** What several builds find at one place of one file is said once, with the builds. */
export function mergeFindings(findings: readonly Finding[]): readonly Finding[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = keyOf(finding);
    const group = groups.get(key);
    if (group) group.push(finding);
    else groups.set(key, [finding]);
  }
  return sortDiagnostics([...groups.values()].map(mergeGroup)) as readonly Finding[];
}

function keyOf({ code, severity, place, position, read, expected }: Finding): string {
  const where = position?.line === undefined ? `${place ? describe(place.ref) : ""}` : `${position.line}:${position.column} ${place?.ref.kind}`;
  return [code, severity, position?.file, where, place ? writePath(place.path) : "", read, place ? "" : expected].join("\n");
}

function mergeGroup(group: readonly Finding[]): Finding {
  const first = group[0]!;
  if (group.length === 1) return first;
  const subjects = new Map(group.flatMap((each) => each.subjects).map((ref) => [describe(ref), ref]));
  return {
    ...first,
    subjects: [...subjects].sort(([a], [b]) => compareText(a, b)).map(([, ref]) => ref),
    builds: [...new Set(group.flatMap(({ builds }) => builds))].sort(compareText),
    fingerprints: [...new Set(group.flatMap(({ fingerprints }) => fingerprints))],
  };
}

/** The value as it stands in the field, where it is one word or number and not a whole block. */
export function currentOf({ current, span }: Finding): string | number | boolean | undefined {
  if (current !== undefined || !span?.isExact) return current;
  const value = span.path.reduce<unknown>((at, step) => (at as { readonly [key: string]: unknown } | undefined | null)?.[/^\[(\d+)\]$/.exec(step)?.[1] ?? step], span.written.object);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : undefined;
}

/** Everything that one run of `lint` has to say. */
export interface LintReport {
  /** What is shown: not in the baseline, of the codes and severities that were asked for. */
  readonly findings: readonly Finding[];
  /** The files that were looked at, those without a finding included. */
  readonly files: readonly string[];
  readonly objects: number;
  /** How many findings the baseline holds back. */
  readonly known: number;
  /** How bad a finding must be for the run to fail. */
  readonly failOn: Severity;
}

/** Whether a finding is one that `lint` fails for. */
export function isFailure({ severity }: Finding, { failOn }: LintReport): boolean {
  return rank[severity] <= rank[failOn];
}

const rank: { readonly [S in Severity]: number } = { error: 0, warning: 1, info: 2 };
