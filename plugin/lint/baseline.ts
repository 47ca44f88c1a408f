import { existsSync, readFileSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import { diagnose, writePath, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { asList, asMapping, asText, compareText, describe } from "../../generators/kube/object.ts";
import { shown } from "../generate/source.ts";
import { writeChanges } from "../write/transaction.ts";
import { fingerprintOf, type Finding } from "./finding.ts";

/** A finding that was there when the baseline was written. */
interface Entry {
  readonly code: string;
  /** Relative to the baseline, so that it means the same wherever `lint` runs. */
  readonly file: string;
  readonly resource: string;
  readonly field: string;
  readonly read: string;
  readonly fingerprint: string;
}

export interface Baseline {
  readonly path: string;
  readonly text: string;
  readonly entries: readonly Entry[];
}

/** Reads a baseline; a diagnostic says what is wrong with it. */
export function readBaseline(file: string): Baseline | Diagnostic {
  const path = resolve(file);
  const position = { file: shown(path), line: 1, column: 1 };
  const refuse = (message: string): Diagnostic => diagnose("IZ478", undefined, { message }, { position });
  if (!existsSync(path)) return refuse("nothing is there");
  try {
    const text = readFileSync(path, "utf8");
    const content = asMapping(JSON.parse(text));
    if (content?.["version"] !== 1) return refuse(`version ${JSON.stringify(content?.["version"] ?? null)}`);
    const entries = asList(content["findings"]).map(asMapping);
    const wrong = entries.findIndex((entry) => !/^[0-9a-f]{16}$/.test(asText(entry?.["fingerprint"]) ?? ""));
    if (!Array.isArray(content["findings"]) || wrong >= 0) return refuse(wrong >= 0 ? `findings[${wrong}] without a fingerprint` : "no `findings` list");
    const textOf = (entry: (typeof entries)[number], key: string): string => asText(entry?.[key]) ?? "";
    return {
      path, text, entries: entries.map((entry) => ({
        code: textOf(entry, "code"), file: textOf(entry, "file"), resource: textOf(entry, "resource"), field: textOf(entry, "field"), read: textOf(entry, "read"), fingerprint: textOf(entry, "fingerprint"),
      })),
    };
  } catch (error) {
    return refuse((error as Error).message);
  }
}

/** Whether a finding was there when the baseline was written. */
export function isKnown({ fingerprints }: Finding, known: ReadonlySet<string>): boolean {
  return fingerprints.some((fingerprint) => known.has(fingerprint));
}

/** Entries of the baseline that no longer occur, of the codes and files that were looked at. */
export function findGone(baseline: Baseline, findings: readonly Finding[], wasLookedAt: (code: string, file: string) => boolean): readonly Finding[] {
  const found = new Set(findings.flatMap(({ fingerprints }) => fingerprints));
  const gone = baseline.entries.filter(({ fingerprint, code, file }) => !found.has(fingerprint) && wasLookedAt(code, resolve(dirname(baseline.path), file)));
  return gone.map((entry) => {
    const line = baseline.text.slice(0, baseline.text.indexOf(entry.fingerprint)).split("\n").length;
    const diagnostic = diagnose("IZ479", undefined, { code: entry.code, resource: entry.resource, field: entry.field, read: entry.read }, { position: { file: shown(baseline.path), line, column: 1 } });
    return { ...diagnostic, builds: [], fingerprints: [fingerprintOf(diagnostic)] };
  });
}

/** Writes the findings down as a baseline; gives what is wrong where that fails. */
export async function writeBaseline(file: string, findings: readonly Finding[], before: Baseline | undefined): Promise<readonly Diagnostic[]> {
  const path = resolve(file);
  const entries = findings.flatMap((finding) => finding.fingerprints.map((fingerprint): Entry => toEntry(finding, fingerprint, dirname(path))));
  const unique = [...new Map(entries.map((entry) => [entry.fingerprint, entry])).values()]
    .sort((a, b) => compareText(a.file, b.file) || compareText(a.code, b.code) || compareText(a.resource, b.resource) || compareText(a.field, b.field) || compareText(a.fingerprint, b.fingerprint));
  const list = unique.map((entry) => `\n    {${Object.entries(entry).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`).join(", ")}}`).join(",");
  const after = `{\n  "version": 1,\n  "findings": [${list}${list === "" ? "" : "\n  "}]\n}\n`;
  return writeChanges(dirname(path), [{ path, before: before?.text ?? (existsSync(path) ? readFileSync(path, "utf8") : undefined), after }]);
}

function toEntry({ code, place, position, read }: Finding, fingerprint: string, directory: string): Entry {
  const file = position === undefined ? "" : position.file.startsWith("<") ? position.file : relative(directory, resolve(position.file)).split(sep).join("/");
  return { code, file, resource: place ? describe(place.ref) : "", field: place ? writePath(place.path) : "", read: read ?? "", fingerprint };
}
