import { existsSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { worstSeverity, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { planTree } from "../generate/plan.ts";
import { readTree, shown } from "../generate/source.ts";
import { makeWorkspace } from "../generate/workspace.ts";
import { withTemporary } from "../tree/tool.ts";
import type { FileChange } from "../write/change.ts";

/** The changes that are asked for, with what `generate` makes of the tree when they are made; nothing is written. */
export interface Generated {
  readonly changes: readonly FileChange[];
  readonly diagnostics: readonly Diagnostic[];
}

/** What `generate` would make of a tree with these files in it, in a copy: all of it can be written at once then. */
export async function planGenerated(directory: string, changes: readonly FileChange[]): Promise<Generated> {
  const root = existsSync(directory) ? realpathSync(directory) : directory;
  return withTemporary(async (temporary) => {
    const workspace = makeWorkspace(readTree(root), temporary, new Map(changes.map(({ path, after }) => [path, after])));
    const copy = workspace.toCopy(root);
    const { changes: made, diagnostics } = await planTree(copy);
    const inTree = (text: string | undefined): string | undefined => text?.replaceAll(shown(copy), shown(root)).replaceAll(copy, root);
    return {
      changes: joinChanges(changes, made.map((change) => ({ ...change, path: workspace.toTree(change.path) }))),
      diagnostics: diagnostics.map((diagnostic) => ({
        ...diagnostic,
        ...(diagnostic.position && { position: { ...diagnostic.position, file: shown(workspace.toTree(resolve(diagnostic.position.file))) } }),
        ...(diagnostic.read !== undefined && { read: inTree(diagnostic.read)! }), ...(diagnostic.expected !== undefined && { expected: inTree(diagnostic.expected)! }),
      })),
    };
  });
}

/** The directories of a tree of another layout in which generated files stand: an overlay that is written alone. */
export function findGenerated(directory: string): readonly string[] {
  return [...new Set([...readTree(directory).owned.keys()].map((file) => dirname(file)))].sort().map(shown);
}

/** Two steps as one: a file that the first one writes and the second one changes is one change. */
function joinChanges(first: readonly FileChange[], second: readonly FileChange[]): readonly FileChange[] {
  const last = new Map(second.map((change) => [change.path, change]));
  const joined = first.map((change) => (last.has(change.path) ? { ...change, after: last.get(change.path)!.after } : change));
  return [...joined, ...second.filter(({ path }) => !first.some((change) => change.path === path))];
}

/** Whether anything said stands in the way of writing. */
export function isRefused(diagnostics: readonly Diagnostic[]): boolean {
  return worstSeverity(diagnostics) === "error";
}
