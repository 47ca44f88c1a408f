import { writePath, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { describe } from "../../generators/kube/object.ts";

const colours = { error: "31", warning: "33", info: "36" } as const;

/** A diagnostic, and the kustomizations in which it was found, where several were built. */
type Placed = Diagnostic & { readonly builds?: readonly string[] };

/** Diagnostics as people read them: place first, then what was read, what was expected, and what to do. */
export function writeText(diagnostics: readonly Placed[], isColoured = false, bytes: number = longest): string {
  const paint = (text: string, code: string): string => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text);
  return diagnostics.map((diagnostic) => {
    const { code, severity, title } = diagnostic;
    const where = writePosition(diagnostic);
    const head = `${where && `${where}  `}${paint(severity, colours[severity])} ${code}  ${paint(title, "1")}`;
    const lines = writeLines(diagnostic).map(([label, text]) => `  ${paint(label.padEnd(9), "2")} ${text}`);
    return [head, ...lines].flatMap((line) => line.split("\n")).map((line) => cut(line, bytes)).join("\n");
  }).join("\n\n");
}

/** How long a line of a diagnostic may be, in bytes: a name or a value of an input may be of any size. */
const longest = 2000;

/** How much of one diagnostic, and of all of them, fits into an error that Argo CD shows: bytes. */
const brief = { line: 700, all: 3300 } as const;

/** As `writeText`, errors first, as many as fit into a message that somebody else passes on; the first is always there. */
export function writeBriefly(diagnostics: readonly Diagnostic[]): { readonly text: string; readonly count: number } {
  const rank = ["error", "warning", "info"];
  const texts = diagnostics.toSorted((a, b) => rank.indexOf(a.severity) - rank.indexOf(b.severity))
    .map((diagnostic) => writeText([diagnostic], false, brief.line));
  const ends = texts.reduce<readonly number[]>((sums, text) => [...sums, (sums.at(-1) ?? 0) + Buffer.byteLength(text) + 2], []);
  const count = Math.max(1, ends.filter((end) => end <= brief.all).length);
  return { text: texts.slice(0, count).join("\n\n"), count };
}

function cut(line: string, bytes: number): string {
  return Buffer.byteLength(line) <= bytes ? line : `${Buffer.from(line).subarray(0, bytes).toString("utf8").replace(/\ufffd+$/, "")}…`;
}

function writePosition({ position }: Diagnostic): string {
  if (!position) return "";
  return [position.file, position.line, position.column].filter((part) => part !== undefined).join(":");
}

function writeLines({ place, subjects, read, expected, help, builds = [] }: Placed): readonly (readonly [string, string])[] {
  return [
    ...(place ? [["resource", `${describe(place.ref)}${writeField(place.path)}`] as const] : []),
    ...(subjects.length > 0 ? [["for", writeSubjects(subjects.map(describe))] as const] : []),
    ...(builds.length > 0 ? [["in", writeSubjects(builds)] as const] : []),
    ...(read !== undefined ? [["read", read] as const] : []),
    ...(expected !== undefined ? [["expected", expected] as const] : []),
    ...(help !== undefined ? [["help", help] as const] : []),
  ];
}

function writeField(path: readonly string[]): string {
  if (path.length === 0) return "";
  if (path[0] === "metadata" && path[1] === "annotations" && path[2] !== undefined) return `, annotation ${path[2]}`;
  return `, ${writePath(path)}`;
}

function writeSubjects(names: readonly string[]): string {
  return names.length <= 5 ? names.join(", ") : `${names.slice(0, 4).join(", ")} and ${names.length - 4} more (${names.length} in all)`;
}

/** `2 errors, 1 warning`; infos are counted only where there is nothing else. */
export function writeSummary(diagnostics: readonly Diagnostic[]): string {
  return (["error", "warning", "info"] as const).flatMap((severity) => {
    const count = diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}${count === 1 || severity === "info" ? "" : "s"}`];
  }).join(", ");
}
