import { spawn, type ChildProcess } from "node:child_process";
import { basename } from "node:path";
import { isSystemError } from "../write/disk.ts";

/** How a program ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Options {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
}

/** Nothing that is asked here takes longer on a machine that works; milliseconds. */
const patience = 30_000;

/** Programs that gave no answer once: nobody waits for them again. */
const silent = new Set<string>();
const noAnswer = `no answer in ${patience / 1000} seconds`;

/** Runs a program to its end, or to the end of our patience; one that cannot be started ends with 127 and the reason. */
export function runProgram(program: string, args: readonly string[], { env = process.env, cwd, input = "" }: Options = {}): Promise<Ended> {
  if (silent.has(program)) return Promise.resolve({ code: 1, stdout: "", stderr: noAnswer });
  const child = spawn(program, [...args], { env, cwd, stdio: ["pipe", "pipe", "pipe"], detached: process.platform !== "win32" });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on("error", () => undefined); // it may end without reading
  child.stdin.end(input);
  return new Promise((done) => {
    const end = (code: number, extra = ""): void => done({ code, stdout: Buffer.concat(stdout).toString("utf8"), stderr: Buffer.concat(stderr).toString("utf8") + extra });
    // What it started goes with it: a shim of a version manager is a script that waits for another program.
    const timer = setTimeout(() => {
      silent.add(program);
      killGroup(child);
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      end(1, noAnswer);
    }, patience);
    child.on("error", (error) => end(127, error.message));
    child.on("close", (code) => {
      clearTimeout(timer);
      end(code ?? 1);
    });
  });
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid === undefined || process.platform === "win32") child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // it ended by itself meanwhile
  }
}

/** Does several things, no more than a few at a time; the results stand in the order of the things. */
export async function inParallel<T, R>(things: readonly T[], most: number, work: (thing: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < things.length) {
      const i = next++;
      results[i] = await work(things[i]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, things.length) }, worker));
  return results;
}

/** What work on files gives; nothing where the system does not let it. */
export function readable<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (isSystemError(error)) return undefined;
    throw error;
  }
}

/** A command as a person types it. */
export function typed(program: string, args: readonly string[]): string {
  return [basename(program), ...args].join(" ");
}
