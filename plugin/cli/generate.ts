import { worstSeverity } from "../../generators/diagnostics/diagnostic.ts";
import { planTree } from "../generate/plan.ts";
import { reportDiagnostics } from "../run.ts";
import { writeChanges } from "../write/transaction.ts";
import { print, readOptions, refuse } from "./cli.ts";

/** `istiomize generate <tree>`. */
export async function generate(args: readonly string[]): Promise<number> {
  const options = readOptions(args, { check: { type: "boolean" }, diff: { type: "boolean" }, "dry-run": { type: "boolean" }, with: { type: "string" } });
  if (typeof options === "string") return refuse(options);
  const [directory] = options._ ?? [];
  if (directory === undefined) return refuse("name a tree");
  const { tree, changes, diagnostics } = await planTree(directory);
  reportDiagnostics(diagnostics);
  if (worstSeverity(diagnostics) === "error") return 1;
  if (options["dry-run"]) return print(changes.map(({ path }) => path).join("\n") + "\n");
  const problems = await writeChanges(tree.root, changes);
  reportDiagnostics(problems);
  return worstSeverity(problems) === "error" ? 1 : print(changes.map(({ path }) => path).join("\n") + "\n");
}
