import { realpathSync, statSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { arrangeDiagnostics, worstSeverity, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { diagnose } from "../../generators/diagnostics/diagnostic.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import { describeDrift } from "../generate/drift.ts";
import { findLayout } from "../generate/layout.ts";
import { planMigration } from "../generate/migrate.ts";
import { planTree } from "../generate/plan.ts";
import { planRemoval } from "../generate/remove-annotations.ts";
import { readTree, shown } from "../generate/source.ts";
import { Uneditable } from "../generate/wanted.ts";
import { verifyTarget } from "../generate/verify.ts";
import { startProgress } from "../report/progress.ts";
import { writePlan } from "../report/plan.ts";
import { reportDiagnostics } from "../run.ts";
import { isColoured } from "../stdio.ts";
import { findTool } from "../tree/tool.ts";
import { isBelow } from "../tree/tree.ts";
import type { FileChange } from "../write/change.ts";
import { findInterrupted, recoverInterrupted, writeChanges } from "../write/transaction.ts";
import { exitCodeOf, print, readOptions, refuse } from "./cli.ts";

export const generateOptions = {
  check: { type: "boolean" }, diff: { type: "boolean" }, "dry-run": { type: "boolean" }, verify: { type: "boolean" }, all: { type: "boolean" },
  only: { type: "string" }, remove: { type: "boolean" }, annotations: { type: "boolean" }, migrate: { type: "boolean" },
  with: { type: "string" }, help: { type: "boolean", short: "h" },
} as const;

/** What the files of a tree are to become. */
interface Work {
  readonly root: string;
  readonly changes: readonly FileChange[];
  readonly diagnostics: readonly Diagnostic[];
  /** What is said where there is nothing to do. */
  readonly idle: string;
}

/** `istiomize generate <tree>`: plans the files of a tree, and writes, shows or checks them. */
export async function generate(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    if (!(error instanceof Uneditable)) throw error;
    reportDiagnostics([error.diagnostic]);
    return 1;
  }
}

async function run(args: readonly string[]): Promise<number> {
  // Thousands of files are read and dropped again: with room for them the collector runs a tenth as often.
  for (const flag of ["--max-semi-space-size=64", "--min-semi-space-size=32"]) setFlagsFromString(flag);
  const end = args.indexOf("--");
  const options = readOptions(end < 0 ? args : args.slice(0, end), generateOptions);
  if (typeof options === "string") return refuse(options);
  if (options["help"]) return print(generateHelp);
  const passed = end < 0 ? [] : args.slice(end + 1);
  const [directory, extra] = options._ ?? [];
  if (directory === undefined) return refuse("name the directory of a tree, for example `istiomize generate gitops`");
  if (extra !== undefined) return refuse(`generate takes one directory; ${JSON.stringify(extra)} is a second one`);
  const wrong = checkOptions(options);
  if (wrong !== undefined) return refuse(wrong);
  if (options["verify"]) return verify(directory, options["with"] as string | undefined, passed);

  const isReading = Boolean(options["check"] || options["diff"] || options["dry-run"]);
  const root = statSync(directory, { throwIfNoEntry: false })?.isDirectory() ? realpathSync(directory) : undefined;
  const interrupted = root === undefined ? [] : isReading ? [findInterrupted(root)].filter((each) => each !== undefined) : await recoverInterrupted(root);
  reportDiagnostics(interrupted);
  if (worstSeverity(interrupted) === "error") return exitCodeOf(interrupted);
  const work = await plan(directory, options, passed);
  if (typeof work === "string") return refuse(work);
  const { changes, diagnostics, idle } = work;
  const drift = options["check"] ? describeDrift(changes, shown(work.root)) : [];
  reportDiagnostics(arrangeDiagnostics([...diagnostics, ...drift]));
  if (worstSeverity(diagnostics) === "error") return exitCodeOf(diagnostics);
  if (options["diff"]) print((await import("../report/diff.ts")).writeDiff(changes, isBelow(work.root, process.cwd()) ? process.cwd() : work.root, isColoured(process.stdout)));
  if (options["check"]) return changes.length > 0 ? 1 : print(options["diff"] ? "" : `${idle}\n`);
  if (options["diff"]) return 0;
  if (changes.length === 0) return print(`${idle}\n`);
  if (!options["dry-run"]) {
    const refused = await writeChanges(work.root, changes);
    reportDiagnostics(refused);
    if (refused.length > 0) return exitCodeOf(refused);
  }
  const next = options["migrate"] ? `\nNext, for without it plain builds have no mesh\n  istiomize generate ${shown(work.root)}\n` : "";
  return print(writePlan(changes, work.root, isColoured(process.stdout), Boolean(options["all"])) + next);
}

/** What is only good to know about settings comes with every \`render\`; here it would come with every run. */
function isWorthSaying({ severity, code }: Diagnostic): boolean {
  return severity !== "info" || code.startsWith("IZ4");
}

/** What may not stand together. */
function checkOptions(options: { readonly [name: string]: unknown }): string | undefined {
  const given = (names: readonly string[]): readonly string[] => names.filter((name) => options[name]).map((name) => `--${name}`);
  const works = given(["remove", "migrate", "only", "verify"]);
  if (works.length > 1) return `${works.join(" and ")} do not go together: run one after the other`;
  if (options["annotations"] && !options["remove"]) return "--annotations goes with --remove: it takes istiomize's annotations and the ServiceMesh out too";
  if (options["check"] && (options["remove"] || options["migrate"])) return `--check says whether generated files are up to date; to see what ${works[0]} would do, use --diff or --dry-run`;
  return options["verify"] && given(["check", "diff", "dry-run"]).length > 0 ? `--verify compares what is on disk and writes nothing: leave out ${given(["check", "diff", "dry-run"]).join(" and ")}` : undefined;
}

async function plan(directory: string, options: { readonly [name: string]: unknown }, passed: readonly string[]): Promise<Work | string> {
  if (options["remove"] || options["migrate"]) {
    const tree = readTree(directory);
    const idle = options["remove"] ? "nothing to remove: no generated files, entries or lines here" : "nothing to migrate: the tree is in the files layout";
    if (worstSeverity(tree.diagnostics) === "error") return { root: tree.root, idle, changes: [], diagnostics: tree.diagnostics };
    return { root: tree.root, idle, ...(options["remove"] ? planRemoval(tree, { annotations: Boolean(options["annotations"]) }) : planMigration(tree)) };
  }
  const only = options["only"] as string | undefined;
  const progress = startProgress();
  const { tree, changes, diagnostics, services, wanted, isMeshed } = await planTree(directory, {
    flags: passed, say: (text) => progress.say(text), ...(typeof options["with"] === "string" && { with: options["with"] }), ...(only !== undefined && { only }),
  });
  progress.end();
  if (only !== undefined && worstSeverity(diagnostics) !== "error" && !services.has(only)) {
    const near = suggest(only, [...services]);
    return `no Service in ${shown(tree.root)} is called ${JSON.stringify(only)}${near ? `; did you mean ${JSON.stringify(near)}?` : ""}`;
  }
  const count = wanted.files().length;
  if (only !== undefined) return { root: tree.root, changes, diagnostics, idle: `nothing to do: what belongs to ${only} is up to date` };
  const nothing = isMeshed ? "nothing to do: the generated files stand in what these kustomizations build on" : "nothing to generate: no Service that a kustomization here builds is meshed";
  return { root: tree.root, changes, diagnostics: diagnostics.filter(isWorthSaying), idle: count === 0 ? nothing : `nothing to do: ${count} generated file${count === 1 ? " is" : "s are"} up to date` };
}

async function verify(directory: string, named: string | undefined, passed: readonly string[]): Promise<number> {
  const tree = readTree(directory);
  if (worstSeverity(tree.diagnostics) === "error") {
    reportDiagnostics(arrangeDiagnostics(tree.diagnostics));
    return 1;
  }
  const tool = findTool(named);
  if (!tool) {
    reportDiagnostics([diagnose("IZ401", undefined, named === undefined ? {} : { named })]);
    return 2;
  }
  const { targets } = findLayout(tree);
  if (targets.length === 0) return print("nothing to verify: no kustomization here is built by itself\n");
  const progress = startProgress({ total: targets.length });
  const found: { readonly objects: number; readonly diagnostics: readonly Diagnostic[] }[] = [];
  for (const target of targets) {
    progress.say(`building ${shown(target)} twice`);
    found.push(await verifyTarget(tool, tree, target, passed));
  }
  progress.end();
  const diagnostics = arrangeDiagnostics([...tree.diagnostics, ...found.flatMap((each) => each.diagnostics)]);
  reportDiagnostics(diagnostics);
  if (worstSeverity(diagnostics) === "error") return 1;
  const count = found.reduce((sum, { objects }) => sum + objects, 0);
  return print(`verified: plain builds of ${targets.map(shown).join(", ")} give what \`istiomize render\` gives (${count} objects)\n`);
}

const generateHelp = `istiomize generate <tree>: write the Istio files beside each service, so that plain kustomize builds the mesh

Examples
  istiomize generate gitops
  istiomize generate gitops --check
  istiomize generate gitops --diff | less -R

Options
      --dry-run               show which files would be created, changed and removed
      --diff                  show what would change in them, line by line
      --check                 exit with 1 where a file is out of date; for CI and before a commit
      --verify                build everything plainly and as \`render\` does, and compare
      --only SERVICE          change only what belongs to this Service
      --migrate               change a tree of another layout to the files layout; run generate after it
      --remove                take out everything that was generated
      --annotations           with --remove: the annotations and the ServiceMesh too
      --all                   name every file of a long list
      --with PROGRAM          the kustomize or kubectl to build with (default: the first of the two on PATH)
  --                          what follows goes to kustomize

Exit codes: 0 fine, 1 errors or drift, 2 could not run.
`;
