import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join, resolve } from "node:path";
import { findOnPath } from "./on-path.ts";
import { findPluginHome, placeInHome } from "./plugin-home.ts";
import { withoutQuotes } from "./quoted.ts";

/** The program that builds: standalone kustomize, or kubectl with kustomize inside. */
export interface Tool {
  readonly path: string;
  readonly isKubectl: boolean;
}

/** kustomize from PATH, else kubectl; or the one that is named. */
export function findTool(named?: string): Tool | undefined {
  for (const name of named === undefined ? ["kustomize", "kubectl"] : [named]) {
    const path = name.includes("/") || name.includes("\\") ? resolve(name) : findOnPath(name);
    if (path !== undefined && existsSync(path)) return { path, isKubectl: basename(path).startsWith("kubectl") };
  }
  return undefined;
}

export interface Build {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The command as a person would type it. */
  readonly command: string;
}

/** Starts the build at once; the promise settles when it has ended. */
export function startBuild(tool: Tool, directory: string, flags: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Build> {
  const args = [tool.isKubectl ? "kustomize" : "build", ...flags, directory];
  const child = spawn(tool.path, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  return new Promise((done) => {
    const end = (code: number, extra = ""): void => done({
      code, stdout: Buffer.concat(stdout).toString("utf8"), stderr: withoutQuotes(plainError(Buffer.concat(stderr).toString("utf8"))) + extra,
      command: [basename(tool.path), ...args].join(" "),
    });
    child.on("error", (error) => end(127, error.message));
    child.on("close", (code) => end(code ?? 1));
  });
}

/** Newer kubectls log their error as a field of a line, or of several that are indented; people want the error. */
function plainError(text: string): string {
  const several = /^E\d{4} [\d:.]+ +\d+ run\.go:\d+\] "command failed" err=<\n((?:\t.*\n)*) *>$/m;
  return text.replace(several, (_, lines: string) => `error: ${lines.replace(/^\t/gm, "").trimEnd()}`).replace(/^E\d{4} [\d:.]+ +\d+ run\.go:\d+\] "command failed" err=("(?:[^"\\]|\\.)*")$/m, (line, quoted: string) => {
    try {
      return `error: ${JSON.parse(quoted) as string}`;
    } catch {
      return line;
    }
  });
}

/** A temporary directory that is removed when the work is done, whatever comes of it. */
export async function withTemporary<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "istiomize-"));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * An environment in which kustomize finds this executable in both forms: as `istiomize` on PATH, and as a plugin in
 * a plugin home that otherwise holds what the user's own one holds.
 */
export function pluginEnvironment(temporary: string, executable: string, variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const bin = join(temporary, "bin");
  mkdirSync(bin);
  symlinkSync(executable, join(bin, "istiomize"));
  const home = join(temporary, "plugins");
  const own = join(home, placeInHome);
  mkdirSync(dirname(own), { recursive: true });
  symlinkSync(executable, own);
  const theirs = findPluginHome();
  for (const group of theirs?.isThere ? readdirSync(theirs.path) : []) {
    if (group !== "istiomize.dev") symlinkSync(join(theirs!.path, group), join(home, group));
  }
  return { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`, KUSTOMIZE_PLUGIN_HOME: home, ...variables };
}
