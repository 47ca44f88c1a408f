import { worstSeverity, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import type { FileChange } from "../write/change.ts";
import type { SourceTree } from "./source.ts";
import { Wanted } from "./wanted.ts";

/** Takes out what istiomize wrote (placeholder: annotations are being written). */
export function planRemoval(tree: SourceTree, _options: { readonly annotations: boolean }): { readonly changes: readonly FileChange[]; readonly diagnostics: readonly Diagnostic[] } {
  if (worstSeverity(tree.diagnostics) === "error") return { changes: [], diagnostics: tree.diagnostics };
  const { changes, diagnostics } = new Wanted(tree).changes();
  const files = new Set([...tree.nodes.values()].flatMap(({ resources }) => resources).filter((file) => tree.isInside(file) && !tree.owned.has(file)));
  const restored = [...files].flatMap((path): readonly FileChange[] => (tree.read(path) === tree.original(path) ? [] : [{ path, before: tree.read(path), after: tree.original(path) }]));
  return { changes: [...changes, ...restored], diagnostics };
}
