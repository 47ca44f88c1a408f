import { cpSync, existsSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { compareText } from "../../generators/kube/object.ts";
import { Queue } from "../generate/queue.ts";
import { startProgress } from "../report/progress.ts";
import { reportDiagnostics } from "../run.ts";
import { isColoured, writeAll } from "../stdio.ts";
import { findTool } from "../tree/tool.ts";
import { isBelow, realPath } from "../tree/tree.ts";
import { compareWithNothing, compareWorlds, gatherSections, type Comparison } from "./differences.ts";
import { writeMarkdownReport } from "./markdown-report.ts";
import { readWorld, type World } from "./objects.ts";
import { findOverlays, mayDiffer, pathsOf } from "./overlays.ts";
import { withProcesses, type Processes, type Run } from "./processes.ts";
import { isDifferent, type OverlayResult, type Preview } from "./report.ts";
import { checkOut, describeCommit, hasSymlinks, listChanges, listIgnored, openRepository, type Repository } from "./repository.ts";
import { writeTextReport } from "./text-report.ts";

/** What `istiomize render … --diff` was asked for. */
export interface DiffRequest {
  readonly directories: readonly string[];
  readonly revision: string;
  readonly format: "text" | "markdown";
  /** Whether a difference is an exit code of 1. */
  readonly hasExitCode: boolean;
  /** The program to build with, where one is named. */
  readonly with?: string;
  /** What each overlay is rendered with, besides its directory. */
  readonly options: readonly string[];
  readonly flags: readonly string[];
}

/**
 * `istiomize render <path…> --diff <revision>`: what a change does to the Istio objects of every overlay. Both sides
 * are rendered by this executable with the same tool, the earlier one from a checkout that is taken away again.
 */
export async function renderDiff(request: DiffRequest): Promise<number> {
  if (!findTool(request.with)) return refuse([diagnose("IZ401", undefined, request.with === undefined ? {} : { named: request.with })]);
  return withProcesses(async (processes) => {
    const start = request.directories.map(findParent);
    const repository = await openRepository(processes, start[0]!, request.revision);
    if ("code" in repository) return refuse([repository]);
    const outside = request.directories.find((_, i) => !isBelow(realpathSync(start[i]!), repository.top));
    if (outside !== undefined) return refuse([diagnose("IZ490", undefined, { fault: "outside", directory: outside, message: repository.top })]);
    return preview(request, repository, processes);
  });
}

function refuse(diagnostics: readonly Diagnostic[]): number {
  reportDiagnostics(diagnostics);
  return 2;
}

/** The nearest directory that is there: what is asked about may be gone. */
function findParent(path: string): string {
  const full = resolve(path);
  return statSync(full, { throwIfNoEntry: false })?.isDirectory() ? full : findParent(dirname(full));
}

/** The overlays on both sides, and whether one may be another one than it was. */
interface Found {
  readonly now: ReadonlySet<string>;
  /** At their places of now. */
  readonly then: ReadonlySet<string>;
  readonly isAffected: (overlay: string) => boolean;
}

async function preview(request: DiffRequest, repository: Repository, processes: Processes): Promise<number> {
  const earlier = join(processes.temporary, "tree");
  const toEarlier = (path: string): string => join(earlier, relative(repository.top, path));
  const paths = request.directories.map((path) => realPath(resolve(path)));
  const found = await findBothSides(paths, repository, earlier, toEarlier, processes.temporary);
  if (!found) return 2;
  const all = [...new Set([...found.now, ...found.then])].sort(compareText);
  const empty = paths.filter((path) => !all.some((overlay) => isBelow(overlay, path)));
  reportDiagnostics(empty.map((path) => diagnose("IZ492", undefined, { path: shown(path), revision: request.revision })));
  if (all.length === 0) return 1;

  const overlays = await compareAll(all, { ...found, request, repository, processes, earlier, toEarlier });
  const compared = new Map([...overlays].flatMap(([name, result]) => ("comparison" in result ? [[name, result.comparison] as const] : [])));
  const result: Preview = { revision: request.revision, commit: await describeCommit(repository), overlays, sections: gatherSections(compared) };
  const command = `istiomize render ${request.directories.join(" ")} --diff ${request.revision}`;
  writeAll(1, request.format === "markdown" ? writeMarkdownReport(result, command) : writeTextReport(result, isColoured(process.stdout)));
  const results = [...overlays.values()];
  return empty.length > 0 || results.some(({ state }) => state === "failed") || (request.hasExitCode && results.some(isDifferent)) ? 1 : 0;
}

/** Writes the earlier side down where something changed that may matter; nothing where git cannot do that. */
async function findBothSides(paths: readonly string[], repository: Repository, earlier: string, toEarlier: (path: string) => string, scratch: string): Promise<Found | undefined> {
  const changed = await listChanges(repository);
  const now = new Set(paths.flatMap(findOverlays));
  const isCertain = changed.length > 0 && await hasSymlinks(repository);
  const affected = new Set([...now].filter((overlay) => isCertain || (changed.length > 0 && mayDiffer(overlay, changed))));
  const isSame = affected.size === 0 && now.size > 0 && !changed.some((path) => paths.some((each) => isBelow(path, each)));
  if (isSame) return { now, then: now, isAffected: () => false };
  const checkout = await checkOut(repository, earlier, scratch);
  reportDiagnostics(checkout.diagnostics);
  if (!checkout.value) return undefined;
  await copyIgnored(repository, [...affected], toEarlier);
  const then = new Set(paths.flatMap((path) => findOverlays(toEarlier(path))).map((path) => join(repository.top, relative(earlier, path))));
  return { now, then, isAffected: (overlay) => affected.has(overlay) || !now.has(overlay) };
}

/**
 * Files that git ignores (`.env` of a secretGenerator, a chart, a plugin) are on the earlier side as they are now: how
 * they were nobody knows, and without them nothing could be compared.
 */
async function copyIgnored(repository: Repository, overlays: readonly string[], toEarlier: (path: string) => string): Promise<void> {
  const ignored = await listIgnored(repository);
  const read = ignored.length === 0 ? [] : [...new Set(overlays.flatMap(pathsOf))];
  const wanted = ignored.flatMap((path) => read.flatMap((each) => (isBelow(path, each) ? [path] : isBelow(each, path) ? [each] : [])));
  for (const path of new Set(wanted)) {
    if (basename(path) === "node_modules" || !existsSync(path) || existsSync(toEarlier(path))) continue;
    cpSync(path, toEarlier(path), { recursive: true });
  }
}

function shown(path: string): string {
  return relative(process.cwd(), path) || ".";
}

interface Sides extends Found {
  readonly request: DiffRequest;
  readonly repository: Repository;
  readonly processes: Processes;
  readonly earlier: string;
  readonly toEarlier: (path: string) => string;
}

/** As many builds at a time as there are cores; what one of them says against its overlay stops no other one. */
async function compareAll(overlays: readonly string[], sides: Sides): Promise<ReadonlyMap<string, OverlayResult>> {
  const queue = new Queue(availableParallelism());
  const progress = startProgress({ total: 2 * overlays.filter(sides.isAffected).length });
  const failures = new Map<string, { readonly output: string; readonly diagnostic: Diagnostic }[]>();
  const results = await Promise.all(overlays.map(async (overlay): Promise<readonly [string, OverlayResult]> => {
    const name = shown(overlay);
    if (!sides.isAffected(overlay)) return [name, { state: "same" }];
    const build = (side: "now" | "then"): Promise<Run | undefined> => queue.add(async () => {
      if (!sides[side].has(overlay)) return undefined;
      progress.say(`building ${name} ${side === "now" ? "as it is" : `at ${sides.request.revision}`}`);
      return render(overlay, side, sides);
    });
    const [now, then] = await Promise.all([build("now"), build("then")]);
    const failed = ([["now", now], ["then", then]] as const).filter(([, run]) => run !== undefined && run.code !== 0);
    failures.set(name, failed.map(([side, run]) => ({ output: run!.stderr, diagnostic: diagnose("IZ493", undefined, { overlay: name, side, revision: sides.request.revision }, { position: { file: name } }) })));
    if (failed.length > 0) return [name, { state: "failed", side: failed[0]![0] }];
    return [name, { state: !then ? "new" : !now ? "gone" : "compared", comparison: compare(then, now) }];
  }));
  progress.end();
  for (const { output, diagnostic } of [...failures.values()].flat()) {
    writeAll(2, output.trim() === "" ? "" : `${output.trimEnd()}\n\n`);
    reportDiagnostics([diagnostic]);
  }
  return new Map(results);
}

function compare(then: Run | undefined, now: Run | undefined): Comparison {
  if (then?.stdout === now?.stdout) return { differences: [], restarted: [] };
  const read = (run: Run | undefined): World => readWorld(run?.stdout ?? "");
  const comparison = compareWorlds(read(then), read(now));
  return then && now ? comparison : compareWithNothing(comparison);
}

/**
 * One overlay, rendered by this executable as a person would do it. The earlier side runs at the same place of its
 * tree, so that messages name the same paths; what it leaves in the temporary directory goes with that.
 */
async function render(overlay: string, side: "now" | "then", { request, repository, processes, earlier, toEarlier }: Sides): Promise<Run> {
  const place = isBelow(process.cwd(), repository.top) ? toEarlier(realpathSync(process.cwd())) : earlier;
  const cwd = side === "now" ? process.cwd() : place;
  if (side === "then") mkdirSync(cwd, { recursive: true }); // a directory that is new, with nothing in it then
  const directory = side === "now" ? overlay : toEarlier(overlay);
  const temporary = join(processes.temporary, "builds");
  mkdirSync(temporary, { recursive: true });
  const own = process.argv[1]!;
  const [program, ...first] = own === process.execPath ? [own] : [process.execPath, ...process.execArgv, resolve(own)];
  const tool = request.with === undefined ? [] : ["--with", findTool(request.with)!.path];
  const run = await processes.run(program!, [...first, "render", relative(cwd, directory) || ".", ...tool, ...request.options, ...(request.flags.length > 0 ? ["--", ...request.flags] : [])], {
    cwd, env: { ...process.env, NO_COLOR: "1", TMPDIR: temporary, TEMP: temporary, TMP: temporary, ISTIOMIZE_REPORT: undefined, ISTIOMIZE_OPTIONS: undefined },
  });
  return { ...run, stderr: run.stderr.replaceAll(`${earlier}/`, "").replaceAll(earlier, repository.top) };
}
