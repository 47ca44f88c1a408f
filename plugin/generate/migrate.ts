import type { Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import type { FileChange } from "../write/change.ts";
import type { SourceTree } from "./source.ts";

/** Placeholder with the final signature, so that the command line compiles; being written. */
export function planMigration(_tree: SourceTree): { readonly changes: readonly FileChange[]; readonly diagnostics: readonly Diagnostic[] } {
  return { changes: [], diagnostics: [] };
}
