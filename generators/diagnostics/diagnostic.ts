import { compareText, describe, type ResourceRef } from "../kube/object.ts";
import { catalogue, type Arguments, type Code, type Fix, type Severity } from "./catalogue.ts";

/** Where in an object something was found: the object, and the keys that lead to the field. */
export interface Place {
  readonly ref: ResourceRef;
  readonly path: readonly string[];
}

/** Something said about the input. */
export interface Diagnostic {
  readonly code: Code;
  readonly severity: Severity;
  readonly title: string;
  readonly place?: Place;
  /** Who it concerns, where that is another object than the one at `place` (a default that many Services inherit). */
  readonly subjects: readonly ResourceRef[];
  readonly read?: string;
  readonly expected?: string;
  readonly help?: string;
  /** The value as it stands there, and the one to write instead, where they are certain. */
  readonly current?: string;
  readonly proposed?: string;
  /** How the field at `place` is mended without anybody having to think. */
  readonly fix?: Fix;
  /** The object that the input lacks: who looks at several inputs of one cluster may find it in another one. */
  readonly absent?: Absent;
  /** File and position, filled in by whoever knows them; lines and columns count from 1. */
  readonly position?: Position;
}

/** An object that is not there; the namespace is empty where it is not known. */
export interface Absent {
  readonly kind: "Service" | "Gateway";
  readonly namespace: string;
  readonly name: string;
}

export interface Position {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

/** A value, and what was noticed on the way to it. */
export interface Outcome<T> {
  readonly value: T;
  readonly diagnostics: readonly Diagnostic[];
}

type Options = { readonly subject?: ResourceRef; readonly position?: Position; readonly absent?: Absent };

/** A diagnostic by its catalogue code; the compiler knows the arguments of each. */
export function diagnose<C extends Code>(code: C, place: Place | undefined, args: Arguments<C>, options: Options = {}): Diagnostic {
  const rule = catalogue[code];
  const text = (rule.text as (args: Arguments<C>) => { read?: string; expected?: string; help?: string; current?: string; proposed?: string; fix?: Fix })(args);
  return {
    code,
    severity: rule.severity,
    title: rule.title,
    ...(place && { place }),
    subjects: options.subject && !(place && sameRef(options.subject, place.ref)) ? [options.subject] : [],
    ...text,
    ...(options.absent && { absent: options.absent }),
    ...(options.position && { position: options.position }),
  };
}

function sameRef(a: ResourceRef, b: ResourceRef): boolean {
  return a.kind === b.kind && a.name === b.name && a.namespace === b.namespace && a.apiVersion === b.apiVersion;
}

/** `metadata.annotations.istiomize.dev/timeout`, `spec.http[0].timeout`. */
export function writePath(path: readonly string[]): string {
  return path.reduce((text, key) => (/^\[\d+\]$/.test(key) || text === "" ? text + key : `${text}.${key}`), "");
}

const rank: { readonly [S in Severity]: number } = { error: 0, warning: 1, info: 2 };

export function worstSeverity(diagnostics: readonly Diagnostic[]): Severity | undefined {
  return diagnostics.reduce<Severity | undefined>(
    (worst, { severity }) => (worst === undefined || rank[severity] < rank[worst] ? severity : worst), undefined);
}

/**
 * Errors first, then by file, line and code; what one place causes for many objects is said once, with all of them
 * as subjects.
 */
export function arrangeDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const groups = new Map<string, Diagnostic[]>();
  for (const diagnostic of diagnostics) {
    const { code, place, position } = diagnostic;
    const where = position ? `${position.file}:${position.line}:${position.column}` : "";
    const said = `${diagnostic.read}\n${place ? "" : diagnostic.expected}`;
    const key = `${code} ${place ? `${describe(place.ref)} ${place.path.join("\n")}` : ""} ${where} ${said}`;
    const group = groups.get(key);
    if (group) group.push(diagnostic);
    else groups.set(key, [diagnostic]);
  }
  return sortDiagnostics([...groups.values()].flatMap(mergeGroup));
}

/** Errors first, then by file, line and code. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...diagnostics].sort(compareDiagnostics);
}

function mergeGroup(group: Diagnostic[]): readonly Diagnostic[] {
  const first = group[0]!;
  if (group.length === 1) return group;
  if (group.some(({ subjects }) => subjects.length === 0)) {
    const distinct = new Map(group.map((diagnostic) => [`${diagnostic.read}\n${diagnostic.expected}\n${diagnostic.help}`, diagnostic]));
    return [...distinct.values()];
  }
  const subjects = new Map(group.flatMap((diagnostic) => diagnostic.subjects).map((ref) => [describe(ref), ref]));
  return [{ ...first, subjects: [...subjects.entries()].sort((a, b) => compareText(a[0], b[0])).map(([, ref]) => ref) }];
}

function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  return rank[a.severity] - rank[b.severity]
    || compareText(a.position?.file ?? "", b.position?.file ?? "")
    || (a.position?.line ?? 0) - (b.position?.line ?? 0)
    || (a.position?.column ?? 0) - (b.position?.column ?? 0)
    || compareText(a.code, b.code)
    || compareText(a.place ? describe(a.place.ref) : "", b.place ? describe(b.place.ref) : "")
    || compareText(a.place ? writePath(a.place.path) : "", b.place ? writePath(b.place.path) : "")
    || compareText(a.read ?? "", b.read ?? "");
}
