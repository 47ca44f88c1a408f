import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Programs that end, and what they left goes, whatever ends this one. */
export interface Processes {
  /** A directory of this run, in which its programs keep their temporary files too. */
  readonly temporary: string;
  readonly run: (program: string, args: readonly string[], options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }) => Promise<Run>;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Does work that runs programs. A signal ends them with all that they started, and takes the directory away. */
export async function withProcesses<T>(work: (processes: Processes) => Promise<T>): Promise<T> {
  const temporary = realpathSync(mkdtempSync(join(tmpdir(), "istiomize-")));
  const running = new Set<ChildProcess>();
  const clean = (): void => {
    for (const child of running) kill(child);
    rmSync(temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  };
  const onSignal = (signal: (typeof signals)[number]): void => {
    clean();
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of signals) process.on(signal, onSignal);
  try {
    return await work({ temporary, run: (program, args, options) => start(running, program, args, options) });
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
    clean();
  }
}

function start(running: Set<ChildProcess>, program: string, args: readonly string[], { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }): Promise<Run> {
  // A group of its own, so that what it starts can be ended with it; Windows has none.
  const child = spawn(program, [...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: process.platform !== "win32" });
  running.add(child);
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  return new Promise((done) => {
    const end = (code: number, extra = ""): void => {
      running.delete(child);
      done({ code, stdout: Buffer.concat(stdout).toString("utf8"), stderr: Buffer.concat(stderr).toString("utf8") + extra });
    };
    child.on("error", (error) => end(127, error.message));
    child.on("close", (code) => end(code ?? 1));
  });
}

function kill(child: ChildProcess): void {
  try {
    if (process.platform === "win32" || child.pid === undefined) child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // it has ended by itself
  }
}
