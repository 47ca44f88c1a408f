import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import "./version.ts";
import { runFunction } from "../../plugin/krm.ts";
import { locate } from "../../plugin/locate.ts";
import { writeText } from "../../plugin/report/text.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const goldens = join(root, "test/golden");
export const bundle = join(root, "plugin/istiomize.cjs");

/**
 * One golden: a directory with `input.yaml` (a stream or a ResourceList) and, where it has one, `mesh.yaml` (the
 * function config), or with `command.txt` (arguments of the executable, run in that directory) and `env.json`.
 */
export interface Case {
  readonly name: string;
  readonly directory: string;
}

export interface Result {
  readonly output: string;
  readonly diagnostics: string;
  readonly exitCode: number;
}

export function findCases(directory: string = goldens): readonly Case[] {
  return readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory()).sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((entry): readonly Case[] => {
    const at = join(directory, entry.name);
    const isCase = existsSync(join(at, "input.yaml")) || existsSync(join(at, "command.txt"));
    return isCase ? [{ name: relative(goldens, at), directory: at }] : findCases(at);
  });
}

export async function runCase({ directory }: Case): Promise<Result> {
  const command = join(directory, "command.txt");
  if (existsSync(command)) return runCommand(directory, readFileSync(command, "utf8").trim());
  const mesh = join(directory, "mesh.yaml");
  const name = "input.yaml";
  const output = await runFunction({
    text: readFileSync(join(directory, name), "utf8"), name,
    ...(existsSync(mesh) && { config: readFileSync(mesh, "utf8") }),
  });
  return { output: output.text, diagnostics: writeLines(writeText(locate(output.diagnostics, output.input, name))), exitCode: output.exitCode };
}

function runCommand(directory: string, command: string): Result {
  const variables = join(directory, "env.json");
  const env = { ...process.env, NO_COLOR: "1", ...(existsSync(variables) ? (JSON.parse(readFileSync(variables, "utf8")) as NodeJS.ProcessEnv) : {}) };
  const stdin = join(directory, "stdin.yaml");
  const run = spawnSync(process.execPath, [bundle, ...command.split(/\s+/)], { cwd: directory, env, encoding: "utf8", input: existsSync(stdin) ? readFileSync(stdin) : "" });
  return { output: run.stdout, diagnostics: run.stderr, exitCode: run.status ?? -1 };
}

function writeLines(text: string): string {
  return text === "" ? "" : `${text}\n`;
}

/** What is expected, by file name; an absent file means that nothing is. */
export function readExpected({ directory }: Case): Result {
  const read = (file: string): string => (existsSync(join(directory, "expected", file)) ? readFileSync(join(directory, "expected", file), "utf8") : "");
  return { output: read("output.yaml"), diagnostics: read("diagnostics.txt"), exitCode: Number(read("exit-code.txt") || 0) };
}

/** `UPDATE_GOLDEN=1 npm test -- golden` rewrites what is expected; the difference is reviewed like code. */
export function writeExpected({ directory }: Case, result: Result): void {
  rmSync(join(directory, "expected"), { recursive: true, force: true });
  const write = (file: string, text: string): void => {
    if (text === "") return;
    const path = join(directory, "expected", file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  write("output.yaml", result.output);
  write("diagnostics.txt", result.diagnostics);
  write("exit-code.txt", result.exitCode === 0 ? "" : `${result.exitCode}\n`);
}
