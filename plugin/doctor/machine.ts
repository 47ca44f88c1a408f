import { accessSync, closeSync, constants, existsSync, openSync, readSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { findPluginHome, placeInHome, pluginHomes, type PluginHome } from "../tree/plugin-home.ts";
import { quoteWord } from "../scaffold/next.ts";
import { findAllOnPath, findOnPath, isExecutable } from "../tree/on-path.ts";
import { runProgram } from "./program.ts";

/** An istiomize that somebody else starts: the one on PATH, or the plugin. */
export interface Installed {
  readonly path: string;
  /** Not there where it cannot be started. */
  readonly version?: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** Where kustomize, kpt and Helm find istiomize on this machine. */
export interface Machine {
  readonly onPath?: Installed;
  readonly home?: PluginHome;
  readonly plugin?: Installed;
  readonly diagnostics: readonly Diagnostic[];
}

export async function inspectMachine(): Promise<Machine> {
  const files = findAllOnPath("istiomize");
  const file = files.find((each) => each.isExecutable) ?? files[0];
  const home = findPluginHome();
  const pluginFile = home && join(home.path, placeInHome);
  const [onPath, plugin] = await Promise.all([
    file && inspect(file.path, `istiomize install --bin ${quoteWord(dirname(file.path))}`),
    pluginFile !== undefined && existsSync(pluginFile) ? inspect(pluginFile, "istiomize install") : undefined,
  ]);
  const missing = onPath ? [] : [diagnose("IZ455", undefined, { ...findBin() })];
  return {
    ...(onPath && { onPath }), ...(home && { home }), ...(plugin && { plugin }),
    diagnostics: [...missing, ...(onPath?.diagnostics ?? []), ...(plugin?.diagnostics ?? []), ...checkHomes(home, plugin !== undefined)],
  };
}

/** A directory of PATH that this user may write to, those of the user before those of the system. */
function findBin(): { readonly directory?: string } {
  const home = process.env["HOME"] || "/nowhere";
  const directories = (process.env["PATH"] ?? "").split(delimiter).filter((each) => isAbsolute(each) && isWritable(each));
  const directory = directories.find((each) => each.startsWith(join(home, ".local")) || each === join(home, "bin")) ?? directories.find((each) => each === "/usr/local/bin");
  return directory === undefined ? {} : { directory: quoteWord(directory) };
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts a file that is said to be istiomize, as kustomize would, and asks for its version. */
async function inspect(path: string, install: string): Promise<Installed> {
  const at = { position: { file: path } };
  const refuse = (fault: "run bit" | "line ends" | "node" | "other", message?: string): Installed =>
    ({ path, diagnostics: [diagnose("IZ457", undefined, { fault, file: quoteWord(path), ...(message !== undefined && { message }) }, at)] });
  if (!isExecutable(path)) return refuse("run bit");
  const first = firstLine(path);
  if (first.startsWith("#!") && first.endsWith("\r")) return refuse("line ends");
  if (/^#!.*\bnode$/.test(first) && findOnPath("node") === undefined) return refuse("node");
  const { code, stdout, stderr } = await runProgram(path, ["--version"]);
  const version = /^\d+\.\d+\.\d+\S*$/.exec(stdout.trim())?.[0];
  if (code !== 0 || version === undefined) return refuse("other", stderr.trim().split("\n")[0] || `an answer to --version that is no version: ${JSON.stringify(stdout.trim().slice(0, 60))}`);
  return { path, version, diagnostics: version === ISTIOMIZE_VERSION ? [] : [diagnose("IZ456", undefined, { found: version, own: ISTIOMIZE_VERSION, install }, at)] };
}

/** The first line of a file; of a program that is no script, its first bytes. */
export function firstLine(path: string): string {
  const buffer = Buffer.alloc(256);
  const file = openSync(path, "r");
  try {
    return buffer.subarray(0, readSync(file, buffer)).toString("latin1").split("\n")[0]!;
  } finally {
    closeSync(file);
  }
}

/** Whether the plugin home that kustomize uses is the one that the person means. */
function checkHomes(used: PluginHome | undefined, isInstalled: boolean): readonly Diagnostic[] {
  const homes = pluginHomes();
  const named = homes.find(({ from }) => from === "$KUSTOMIZE_PLUGIN_HOME");
  const show = ({ path, from }: PluginHome): { readonly used: string; readonly from: string } => ({ used: path, from });
  if (named && !isAbsolute(named.path)) return [diagnose("IZ458", undefined, { ...(used ? show(used) : { used: "none", from: "no home" }), missed: named.path, missedFrom: named.from, fault: "relative" })];
  if (!used) return [];
  if (named && named !== used && !named.isThere) return [diagnose("IZ458", undefined, { ...show(used), missed: named.path, missedFrom: named.from, fault: "not there" })];
  const later = isInstalled ? undefined : homes.slice(homes.indexOf(used) + 1).find(({ path }) => isAbsolute(path) && existsSync(join(path, placeInHome)));
  if (later) return [diagnose("IZ458", undefined, { ...show(used), missed: later.path, missedFrom: later.from, fault: "later" })];
  return isInstalled ? [] : [diagnose("IZ459", undefined, { path: join(used.path, placeInHome) })];
}
