import { mkdirSync, realpathSync } from "node:fs";
import { join, relative } from "node:path";
import { diagnose, type Diagnostic, type Outcome } from "../../generators/diagnostics/diagnostic.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import { findOnPath } from "../tree/on-path.ts";
import { withoutCredentials } from "../tree/quoted.ts";
import { isBelow } from "../tree/tree.ts";
import type { Processes, Run } from "./processes.ts";

/** A git repository, and the revision of it that the working tree is compared with. */
export interface Repository {
  /** The directory of the working tree, symlinks followed. */
  readonly top: string;
  /** The revision as a person wrote it. */
  readonly revision: string;
  readonly commit: string;
  readonly run: (args: readonly string[], env?: NodeJS.ProcessEnv) => Promise<Run>;
}

/** What git tells the programs that it runs as hooks, where another repository may be meant; and the index is not even refreshed. */
const ofHooks = { GIT_DIR: undefined, GIT_WORK_TREE: undefined, GIT_INDEX_FILE: undefined, GIT_PREFIX: undefined, GIT_OPTIONAL_LOCKS: "0" };

/** The repository that a directory is in, at a revision: `main`, a commit, or `main...` for where this branch left it. */
export async function openRepository(processes: Processes, directory: string, revision: string): Promise<Repository | Diagnostic> {
  const git = findOnPath("git");
  if (git === undefined) return diagnose("IZ490", undefined, { fault: "no git" });
  const at = (cwd: string) => (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Run> =>
    processes.run(git, ["-c", "core.quotePath=false", ...args], { cwd, env: { ...process.env, ...ofHooks, ...env } });
  const found = await at(directory)(["rev-parse", "--show-toplevel"]);
  if (found.code !== 0) return diagnose("IZ490", undefined, { fault: "no repository", directory: shown(directory), message: said(found) });
  const top = realpathSync(found.stdout.replace(/\r?\n$/, ""));
  const run = at(top);
  const from = /^(.+)\.\.\.(?:HEAD)?$/.exec(revision)?.[1];
  const commit = from === undefined ? await resolveCommit(run, revision) : await findFork(run, from);
  return typeof commit === "string" ? { top, revision, commit, run } : diagnose("IZ491", undefined, { revision, ...await describeUnknown(run, from ?? revision) });
}

type Git = Repository["run"];

async function resolveCommit(run: Git, revision: string): Promise<string | undefined> {
  if (revision.startsWith("-") || revision.includes("..")) return undefined; // an option, or two revisions
  const { code, stdout } = await run(["rev-parse", "--verify", "--quiet", `${revision}^{commit}`]);
  return code === 0 ? stdout.trim() : undefined;
}

/** Where this branch left another one: what is new there since is no part of the change. */
async function findFork(run: Git, revision: string): Promise<string | undefined> {
  const other = await resolveCommit(run, revision);
  if (other === undefined) return undefined;
  const { code, stdout } = await run(["merge-base", other, "HEAD"]);
  return code === 0 ? stdout.trim() : undefined;
}

async function describeUnknown(run: Git, revision: string): Promise<{ readonly fault: "range" | "unknown" | "shallow" | "unrelated"; readonly suggestion?: string }> {
  if (revision.includes("..")) return { fault: "range" };
  if (await resolveCommit(run, revision) !== undefined) return { fault: "unrelated" };
  const refs = (await run(["for-each-ref", "--format=%(refname:short)"])).stdout.split("\n").filter(Boolean);
  const suggestion = refs.find((ref) => ref.endsWith(`/${revision}`)) ?? suggest(revision, refs);
  if (suggestion !== undefined) return { fault: "unknown", suggestion };
  return { fault: (await run(["rev-parse", "--is-shallow-repository"])).stdout.trim() === "true" ? "shallow" : "unknown" };
}

/** The paths at which the working tree differs from the revision, files that git does not know yet included. */
export async function listChanges({ top, commit, run }: Repository): Promise<readonly string[]> {
  const [changed, untracked] = await Promise.all([
    run(["diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", commit, "--"]), run(["ls-files", "--others", "--exclude-standard", "-z"]),
  ]);
  return [...new Set(`${changed.stdout}\0${untracked.stdout}`.split("\0").filter(Boolean))].map((path) => join(top, path));
}

/** The files and directories that git is told to ignore: no revision holds them, and a build may read them all the same. */
export async function listIgnored({ top, run }: Repository): Promise<readonly string[]> {
  const { stdout } = await run(["ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z"]);
  return stdout.split("\0").filter(Boolean).map((path) => join(top, path));
}

/** Whether symlinks are in the repository: then what a kustomization reads does not follow from the paths that it names. */
export async function hasSymlinks({ run }: Repository): Promise<boolean> {
  return /(^|\0)120000 /.test((await run(["ls-files", "--stage", "-z"])).stdout);
}

/** The commit as people call it. */
export async function describeCommit({ run, commit }: Repository): Promise<string> {
  return (await run(["rev-parse", "--short", commit])).stdout.trim();
}

/**
 * Writes the files of the revision to a directory, through an index of its own: nothing of the repository changes, and
 * unlike in an archive `export-ignore` leaves nothing out. What is said is which submodules are not there.
 */
export async function checkOut({ commit, run, top }: Repository, directory: string, scratch: string): Promise<Outcome<boolean>> {
  mkdirSync(directory, { recursive: true });
  const env = { GIT_INDEX_FILE: join(scratch, "index") };
  const whole = ["-c", "core.sparseCheckout=false"];
  const read = await run([...whole, "read-tree", commit], env);
  const written = read.code === 0 ? await run([...whole, "checkout-index", "--all", "--force", "--quiet", `--prefix=${directory}/`], env) : read;
  if (written.code !== 0) return { value: false, diagnostics: [diagnose("IZ490", undefined, { fault: "checkout", message: said(written) })] };
  const modules = (await run(["ls-files", "--stage", "-z"], env)).stdout.split("\0").flatMap((line) => {
    const [, id, path] = /^160000 (\S+) \d\t([^]*)$/.exec(line) ?? [];
    return id !== undefined && path !== undefined ? [{ id, path }] : [];
  });
  const missing: string[] = [];
  for (const { id, path } of modules) {
    const index = { GIT_INDEX_FILE: join(scratch, `index-${missing.length}-${id}`) };
    const inside = (args: readonly string[]): Promise<Run> => run(["-C", path, ...args], index);
    const here = (await inside(["rev-parse", "--show-toplevel"])).stdout.trim();
    const isFilled = here !== "" && realpathSync(here) !== top && (await inside(["read-tree", id])).code === 0;
    if (!isFilled || (await inside(["checkout-index", "--all", "--force", "--quiet", `--prefix=${join(directory, path)}/`])).code !== 0) missing.push(path);
  }
  return { value: true, diagnostics: missing.length === 0 ? [] : [diagnose("IZ494", undefined, { paths: missing })] };
}

function said({ stderr }: Run): string {
  return withoutCredentials(stderr.trim().replace(/^fatal: /, "").replace(/\n[^]*/, ""));
}

function shown(path: string): string {
  return isBelow(path, process.cwd()) ? relative(process.cwd(), path) || "." : path;
}
