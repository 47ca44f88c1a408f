import { cpSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { worstSeverity, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { planTree } from "../generate/plan.ts";
import { withTemporary } from "../tree/tool.ts";
import { writeChanges } from "../write/transaction.ts";
import type { FileChange } from "../write/change.ts";

/** What was, or would be, written for a tree in the files layout, and what was said about it. */
export interface Generated {
  readonly changes: readonly FileChange[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Writes files and then what `generate` makes of them; where that fails, takes them back. */
export async function writeAndGenerate(root: string, changes: readonly FileChange[]): Promise<Generated> {
  const refused = await writeChanges(root, changes);
  if (worstSeverity(refused) === "error") return { changes: [], diagnostics: refused };
  const { changes: made, diagnostics } = await planTree(root);
  const problems = worstSeverity(diagnostics) === "error" ? [] : await writeChanges(root, made);
  if (worstSeverity([...diagnostics, ...problems]) !== "error") return { changes: made, diagnostics: [...refused, ...diagnostics, ...problems] };
  const undone = await writeChanges(root, changes.map(({ path, before, after }) => ({ path, before: after, after: before })));
  return { changes: [], diagnostics: [...diagnostics, ...problems, ...undone] };
}

/** What `generate` would make of a tree with these files in it: tried in a copy, nothing is written. */
export async function tryGenerate(root: string, changes: readonly FileChange[]): Promise<Generated> {
  return withTemporary(async (temporary) => {
    const copy = join(temporary, basename(root));
    cpSync(root, copy, { recursive: true, filter: (path) => ![".git", "node_modules"].includes(basename(path)) });
    const toCopy = (path: string): string => join(copy, relative(root, path));
    const refused = await writeChanges(copy, changes.map((change) => ({ ...change, path: toCopy(change.path) })));
    if (worstSeverity(refused) === "error") return { changes: [], diagnostics: refused };
    const { changes: made, diagnostics, tree } = await planTree(copy);
    return { changes: made.map((change) => ({ ...change, path: join(root, relative(tree.root, change.path)) })), diagnostics };
  });
}

/** Two steps as one: a file that the first one writes and the second one changes is one change. */
export function joinChanges(first: readonly FileChange[], second: readonly FileChange[]): readonly FileChange[] {
  const last = new Map(second.map((change) => [change.path, change]));
  const joined = first.map((change) => ({ ...change, after: last.get(change.path)?.after ?? change.after }));
  return [...joined, ...second.filter(({ path }) => !first.some((change) => change.path === path))];
}
