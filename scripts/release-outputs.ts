/**
 * `npm run release:outputs`: keeps what a release gives, so that the next one can be held to it. Writes
 * test/released/<version>.tar.gz, in place of the one before: the golden cases that give YAML, and the example overlays
 * as their build reaches the function, each with its input and with what the built bundle makes of it.
 * test/output-changes.test.ts compares, and takes only a release before the version of package.json: so this comes
 * first after a release, when the version is raised for the next one, from a checkout of the release:
 *
 *   npm run release:outputs -- --from ../istiomize-0.5.0     with its plugin/istiomize.cjs built
 *
 * The bundle is run on each stream and ResourceList. What it makes of golden trees is taken as committed with it, which
 * is what its own tests held it to; what `scaffold` writes is a beginning for people to change, and is not kept. Nothing
 * in the tarball tells when or where it was made.
 */
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import semver from "semver";
import { create } from "tar";
import { findTools, root } from "./tools.ts";

const { values: { from } } = parseArgs({ options: { from: { type: "string", default: root } } });
const checkout = resolve(from);
const bundle = join(checkout, "plugin/istiomize.cjs");
const folder = mkdtempSync(join(tmpdir(), "istiomize-release-"));
try {
  const version = run(process.execPath, [bundle, "--version"]).trim();
  const streams = [...findStreams(join(checkout, "test/golden")), ...captureOverlays()];
  await inTurns(streams, keepStream);
  for (const tree of findTrees(join(checkout, "test/golden"))) keepTree(tree);
  const file = join(root, "test/released", `${version}.tar.gz`);
  await pack(file);
  console.log(`${relative(process.cwd(), file)}: ${readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => /(?:input\.yaml|command\.txt)$/.test(path)).length} cases, ${Math.round(statSync(file).size / 1000)} kB`);
  const { version: current } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  if (!semver.lt(version, current)) console.error(`release:outputs: package.json says ${current}; raise it, or nothing can be compared with ${version}`);
} finally {
  rmSync(folder, { recursive: true });
}

/** A stream or ResourceList and, for the older plugin form, the file of its function config. */
interface Stream {
  readonly name: string;
  readonly text: string;
  readonly config?: string;
}

function findStreams(goldens: string): readonly Stream[] {
  return findCases(goldens, "input.yaml").map((name) => {
    const config = join(goldens, name, "mesh.yaml");
    return { name, text: readFileSync(join(goldens, name, "input.yaml"), "utf8"), ...(existsSync(config) && { config }) };
  });
}

/** Golden cases that run commands in a tree and leave files changed. */
function findTrees(goldens: string): readonly string[] {
  return findCases(goldens, "command.txt").filter((name) => existsSync(join(goldens, name, "input")) && ["tree", "removed.txt", "output.yaml"].some((entry) => existsSync(join(goldens, name, "expected", entry))));
}

function findCases(goldens: string, file: string): readonly string[] {
  return readdirSync(goldens, { recursive: true, encoding: "utf8" })
    .filter((path) => path.split("/").length === 3 && path.endsWith(`/${file}`)).map(dirname).sort();
}

/** Each overlay as the function reads it: the ResourceList that kustomize sends it, or the stream of a plain build. */
function captureOverlays(): readonly Stream[] {
  const { kustomize } = findTools();
  if (!kustomize) throw new Error("release:outputs needs a kustomize on PATH: kubectl runs no transformers of the example");
  const overlays = join(checkout, "gitops/overlays");
  const recorded = join(folder, "recorded.yaml");
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "istiomize"), `#!/bin/sh\ntee '${recorded}' | exec '${process.execPath}' '${bundle}'\n`);
  chmodSync(join(bin, "istiomize"), 0o755);
  const streams = readdirSync(overlays).sort().map((overlay): Stream => {
    const text = run(kustomize, ["build", "--enable-alpha-plugins", "--enable-exec", join(overlays, overlay)], { PATH: [bin, process.env["PATH"]].join(delimiter) });
    const stream = { name: `gitops/overlays/${overlay}`, text: existsSync(recorded) ? readFileSync(recorded, "utf8") : text };
    rmSync(recorded, { force: true });
    return stream;
  });
  rmSync(bin, { recursive: true });
  return streams;
}

/** What is refused has no output that could change. */
async function keepStream({ name, text, config }: Stream): Promise<void> {
  const output = await mesh(text, config);
  if (output === undefined) return;
  const directory = join(folder, name);
  mkdirSync(join(directory, "expected"), { recursive: true });
  writeFileSync(join(directory, "input.yaml"), text);
  if (config !== undefined) cpSync(config, join(directory, "mesh.yaml"));
  writeFileSync(join(directory, "expected/output.yaml"), output);
}

/** `undefined` after an error. */
function mesh(text: string, config: string | undefined): Promise<string | undefined> {
  const env = { ...process.env, ...(config !== undefined && { KUSTOMIZE_PLUGIN_CONFIG_ROOT: dirname(config) }) };
  const child = spawn(process.execPath, [bundle, ...(config === undefined ? [] : [config])], { env, stdio: ["pipe", "pipe", "ignore"] });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stdin.on("error", () => undefined);
  child.stdin.end(text);
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (code) => done(code === 0 ? Buffer.concat(chunks).toString("utf8") : undefined));
  });
}

function keepTree(name: string): void {
  const golden = join(checkout, "test/golden", name);
  cpSync(golden, join(folder, name), { recursive: true, verbatimSymlinks: true });
  for (const file of ["diagnostics.txt", "output.txt", "exit-code.txt"]) rmSync(join(folder, name, "expected", file), { force: true });
}

/** Runs the work on all of them, as many at once as there are processors. */
async function inTurns<T>(list: readonly T[], work: (entry: T) => Promise<void>): Promise<void> {
  const rest = [...list];
  await Promise.all(Array.from({ length: availableParallelism() }, async () => {
    for (let next = rest.shift(); next !== undefined; next = rest.shift()) await work(next);
  }));
}

/** Inputs first, then outputs, so that like stands by like, and the packer finds it. */
async function pack(file: string): Promise<void> {
  rmSync(dirname(file), { recursive: true, force: true });
  mkdirSync(dirname(file), { recursive: true });
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => !statSync(join(folder, path)).isDirectory()).sort();
  await create({ file, cwd: folder, gzip: { level: 9 }, portable: true, mtime: new Date(0), noDirRecurse: true }, paths);
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr, error } = spawnSync(program, [...args], { encoding: "utf8", maxBuffer: 2 ** 30, env: { ...process.env, ...env } });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed (${status})\n${stderr}`);
  return stdout;
}
