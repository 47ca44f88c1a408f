import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { bundle } from "./cases.ts";

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  /** Variables beside those of the tests; `undefined` takes one out. */
  readonly env?: { readonly [name: string]: string | undefined };
}

/** Runs a program to its end. Without `input` its standard input is empty. */
export function run(program: string, args: readonly string[], { input = "", cwd, env }: RunOptions = {}): Run {
  const { status, signal, stdout, stderr, error } = spawnSync(program, [...args], {
    input, cwd, encoding: "utf8", maxBuffer: 2 ** 30, env: { ...process.env, ISTIOMIZE_REPORT: undefined, ...env },
  });
  if (error) throw error;
  return { code: status ?? -1, stdout, stderr: signal ? `${stderr}\nended by ${signal}` : stderr };
}

/** Runs the bundled executable. */
export function istiomize(args: readonly string[], options: RunOptions = {}): Run {
  return run(process.execPath, [bundle, ...args], options);
}

/** A directory of its own for one test, removed when that ends; with the files that are named. */
export function temporary(t: TestContext, files: Files = {}): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "istiomize-test-")));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  writeFiles(directory, files);
  return directory;
}

/** Texts by path. */
export type Files = { readonly [path: string]: string };

export function writeFiles(directory: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
