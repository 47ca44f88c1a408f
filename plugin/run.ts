import { writeFileSync } from "node:fs";
import { diagnose, type Diagnostic } from "../generators/diagnostics/diagnostic.ts";
import { runFunction } from "./krm.ts";
import { isColoured, readAll, writeAll } from "./stdio.ts";
import { writeSummary, writeText } from "./report/text.ts";

/** Standard input to standard output; gives the exit code. */
export async function runAsFunction(options: { readonly config?: string; readonly namespace?: string }): Promise<number> {
  const text = readAll(0);
  const name = "<stdin>";
  const output = await runFunction({ text, name, ...options });
  // `render` collects the diagnostics of the functions that kustomize runs for it, and places them in the files.
  const report = process.env["ISTIOMIZE_REPORT"];
  if (report !== undefined) writeFileSync(report, JSON.stringify(output.diagnostics));
  else if (output.diagnostics.length > 0) reportDiagnostics((await import("./locate.ts")).locate(output.diagnostics, output.input, name));
  writeAll(1, output.text);
  return output.exitCode;
}

/** Diagnostics to standard error, with a count where there is more than one. */
export function reportDiagnostics(diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length === 0) return;
  const text = writeText(diagnostics, isColoured(process.stderr));
  const summary = diagnostics.length > 1 ? `\n\nistiomize: ${writeSummary(diagnostics)}` : "";
  writeAll(2, `${text}${summary}\n`);
}

/** Says that the fault is ours, without a stack trace unless it is asked for; gives the exit code. */
export function reportBug(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  reportDiagnostics([diagnose("IZ901", undefined, { version: ISTIOMIZE_VERSION, step: process.argv[2] ?? "function", message })]);
  if (process.env["ISTIOMIZE_DEBUG"] && error instanceof Error) writeAll(2, `${error.stack}\n`);
  return 2;
}
