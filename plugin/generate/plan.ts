import { arrangeDiagnostics, worstSeverity, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import type { FileChange } from "../write/change.ts";
import { checkLayout } from "./check.ts";
import { findLayout, type Layout } from "./layout.ts";
import { chooseService } from "./only.ts";
import { serviceNames } from "./place.ts";
import { Planner, type PlanOptions } from "./planner.ts";
import { readTree, type SourceTree } from "./source.ts";
import { Uneditable, Wanted } from "./wanted.ts";

/** What `generate` is to do to a tree. */
export interface Plan {
  readonly tree: SourceTree;
  readonly layout: Layout;
  readonly changes: readonly FileChange[];
  readonly diagnostics: readonly Diagnostic[];
  readonly wanted: Wanted;
  /** Whether anything here is meshed, wherever its files stand. */
  readonly isMeshed: boolean;
  /** The names of the Services in the files of the tree. */
  readonly services: ReadonlySet<string>;
}

/**
 * Plans the generated files of a tree: objects are made from the files as people wrote them and put beside their
 * Services; then every kustomization is built with those in it, and where the result is not what `render` gives, a
 * patch at its end makes it so. Nothing is written.
 */
export async function planTree(directory: string, options: PlanOptions = {}): Promise<Plan> {
  const tree = readTree(directory);
  const wanted = new Wanted(tree);
  const layout = findLayout(tree);
  const early = [...tree.diagnostics, ...(tree.nodes.size > 0 ? checkLayout(tree) : [])];
  const planner = new Planner(tree, layout, wanted, options);
  const found = isRefused(early) ? [] : await planner.run().catch((error: unknown): readonly Diagnostic[] => {
    if (error instanceof Uneditable) return [error.diagnostic];
    throw error;
  });
  const sources = planner.sources.everything();
  const only = options.only === undefined ? undefined : chooseService(options.only, tree, wanted, sources);
  const said = [...early, ...found];
  const { changes, diagnostics } = isRefused(said) ? { changes: [], diagnostics: [] } : wanted.changes(only?.isChosen);
  const all = [...said, ...diagnostics];
  return {
    tree, layout, wanted, isMeshed: planner.isMeshed(), services: serviceNames(sources.map(({ item }) => item.object)), diagnostics: arrangeDiagnostics(all),
    changes: isRefused(all) ? [] : [...changes, ...planner.insertions.changes(only?.sources)].sort((a, b) => (a.path < b.path ? -1 : 1)),
  };
}

function isRefused(diagnostics: readonly Diagnostic[]): boolean {
  return worstSeverity(diagnostics) === "error";
}
