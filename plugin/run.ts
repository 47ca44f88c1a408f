import { isUtf8 } from "node:buffer";
import { appendFileSync } from "node:fs";
import { dirname } from "node:path";
import { diagnose, type Diagnostic } from "../generators/diagnostics/diagnostic.ts";
import type { Overrides } from "../generators/pipeline.ts";
import { isArgoCd } from "./argocd.ts";
import { refuseEmpty, runFunction } from "./krm.ts";
import { isColoured, readAll, writeAll } from "./stdio.ts";
import { writeBriefly, writeSummary, writeText } from "./report/text.ts";

/** What a command line says beside the input. */
export interface RunOptions {
  readonly namespace?: string;
  readonly overrides?: Overrides;
  /** Whether what people wrote is checked like what is made. */
  readonly lint?: boolean;
  /** A file that gets what came in, a line of JSON for each run: `explain` runs it once more to see how it came about. */
  readonly capture?: string;
}

/** What one run of the function was given. */
export interface Captured {
  readonly text: string;
  readonly config?: string;
}

/** Standard input to standard output; gives the exit code. */
export async function runAsFunction(options: RunOptions & { readonly config?: string }): Promise<number> {
  const bytes = readAll(0);
  const name = "<stdin>";
  if (!isUtf8(bytes)) {
    reportDiagnostics([diagnose("IZ102", undefined, { message: "bytes that are not UTF-8", help: "save the file as UTF-8; nothing was written" }, { position: { file: name, ...findInvalid(bytes) } })]);
    return 1;
  }
  const text = bytes.toString("utf8");
  // `render` says to the functions that kustomize runs for it what was said to it, and places what they find in the files.
  const { ISTIOMIZE_REPORT: report, ISTIOMIZE_OPTIONS: passed } = process.env;
  const { capture, ...told } = report !== undefined && passed ? JSON.parse(passed) as RunOptions : {};
  if (capture !== undefined) appendFileSync(capture, `${JSON.stringify({ text, ...(options.config !== undefined && { config: options.config }) } satisfies Captured)}\n`);
  const result = await runFunction({ text, name, ...told, ...options });
  const output = isArgoCd() ? refuseEmpty(result) : result;
  if (report !== undefined) appendFileSync(report, `${JSON.stringify(output.diagnostics)}\n`); // a tree may run more than one
  // What kustomize hands to the older kind of plugin is no file: a line of it would lead nowhere.
  else if (options.config !== undefined) reportDiagnostics(output.diagnostics);
  else if (output.diagnostics.length > 0) reportDiagnostics((await import("./locate.ts")).locate(output.diagnostics, output.input, name));
  writeAll(1, output.text);
  return output.exitCode;
}

/** Where the first line stands that is no UTF-8. */
function findInvalid(bytes: Buffer): { readonly line: number } {
  let line = 1;
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(10, start);
    if (!isUtf8(bytes.subarray(start, end < 0 ? bytes.length : end))) break;
    start = end < 0 ? bytes.length : end + 1;
  }
  return { line };
}

/** Nobody reads more. */
const mostShown = 200;

/** Diagnostics to standard error, with a count where there is more than one. */
export function reportDiagnostics(diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length === 0) return;
  const { text, count } = isArgoCd() ? writeBriefly(diagnostics) : { text: writeText(diagnostics.slice(0, mostShown), isColoured(process.stderr)), count: mostShown };
  const rest = diagnostics.length - count;
  const where = isArgoCd() ? `; \`istiomize render ${process.env["ARGOCD_APP_SOURCE_PATH"] || "<path>"}\` in the repository shows them` : "";
  const summary = diagnostics.length > 1 ? `\n\nistiomize: ${writeSummary(diagnostics)}${rest > 0 ? `; the last ${rest} are not shown${where}` : ""}` : "";
  writeAll(2, `${text}${summary}\n`);
}

/** What is missing around the process, where that is why it could not go on. */
function describeSurroundings({ syscall, code, path }: NodeJS.ErrnoException): string | undefined {
  if (syscall === "uv_cwd") return "the current directory is not there any more; change to another one";
  if (syscall === "mkdtemp") return `cannot write to the temporary directory ${dirname(path ?? "")} (${code}); set TMPDIR to one that is there and can be written to`;
  return undefined;
}

/** Says that the fault is ours, without a stack trace unless it is asked for; gives the exit code. */
export function reportBug(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  const surroundings = describeSurroundings(error as NodeJS.ErrnoException);
  if (surroundings !== undefined) {
    writeAll(2, `istiomize: ${surroundings}\n`);
    return 2;
  }
  reportDiagnostics([diagnose("IZ901", undefined, { version: ISTIOMIZE_VERSION, step: process.argv[2] ?? "function", message })]);
  if (process.env["ISTIOMIZE_DEBUG"] && error instanceof Error) writeAll(2, `${error.stack}\n`);
  return 2;
}
