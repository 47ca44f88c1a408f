/**
 * `npm run build:sea`: the self-contained executable `dist/istiomize`, for machines without Node. It is this machine's
 * node (or another one of the same version) with the bundle inside. Beside it go NODE-LICENSE and, as `<name>.cdx.json`,
 * its SBOM: that of the bundle and what is in node.
 *
 *   npm run build:sea -- --node ~/node-v20.20.2-darwin-arm64/bin/node --output istiomize-darwin-arm64
 *
 * The bundle goes in as text, so it fits a node of another platform, and two builds give the same bytes. A code cache
 * would save 20 ms at the start, but V8 puts random hash seeds into it, and with V8 flags of its own it is refused with
 * a warning. On macOS the result is signed anew where `codesign` is; a build for macOS elsewhere must still be signed.
 * @see https://nodejs.org/docs/latest-v20.x/api/single-executable-applications.html
 */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeNode } from "./build/describe-node.ts";
import { bundle, findOnPath, root } from "./tools.ts";

type Format = "elf" | "mach-o" | "pe";

/** Where node looks for a blob; in a node that keeps its code in a library (Debian's) it is not in the executable. */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";

/**
 * Variables by which somebody tells programs on Node something, or the libraries in it: options that would change this
 * one or even stop it, files to read or to write, code to load. It obeys none of them: a name with `=` cannot be set.
 */
const unheard = [
  "NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "NODE_V8_COVERAGE", "NODE_REDIRECT_WARNINGS", "NODE_COMPILE_CACHE", "NODE_ICU_DATA",
  "ICU_TIMEZONE_FILES_DIR", "OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_MODULES", "OPENSSL_ENGINES",
] as const;

try {
  const { values } = parseArgs({ options: { node: { type: "string", default: process.execPath }, output: { type: "string" } } });
  const node = resolve(values.node);
  const program = readProgram(node);
  const licence = readNodeLicence(node);
  await import("./build.ts");
  await import("./sbom.ts");
  const output = buildExecutable(program, values.output);
  writeFileSync(`${output.replace(/\.exe$/, "")}.cdx.json`, await describeNode(readFileSync(join(root, "dist/sbom.cdx.json"), "utf8")));
  writeFileSync(join(dirname(output), "NODE-LICENSE"), licence);
  console.log(relative(process.cwd(), output));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** What is in the file, where the blob can go into it and the SBOM is true of it. */
function readProgram(node: string): Buffer {
  const program = readFileSync(node);
  formatOf(program);
  if (!program.includes(fuse)) throw new Error(`${node} takes no application: it is older than 20, or keeps its code in a library (libnode). --node names another one, such as one of nodejs.org`);
  if (!program.includes(`node.js/${process.version}\0`)) throw new Error(`${node} is not Node ${process.version}, which runs this: the two must be of one version`);
  return program;
}

/** Gives the path of the executable. */
function buildExecutable(program: Buffer, named: string | undefined): string {
  const format = formatOf(program);
  const output = resolve(named ?? join(root, "dist", format === "pe" ? "istiomize.exe" : "istiomize"));
  const folder = mkdtempSync(join(tmpdir(), "istiomize-sea-"));
  try {
    const executable = join(folder, "istiomize");
    writeFileSync(executable, renameVariables(program));
    if (format === "mach-o") sign(executable, "--remove-signature");
    inject(executable, makeBlob(folder), format);
    if (format === "mach-o") sign(executable, "--sign", "-");
    mkdirSync(dirname(output), { recursive: true });
    copyFileSync(executable, `${output}.new`);
    chmodSync(`${output}.new`, 0o755);
    renameSync(`${output}.new`, output); // one that runs at this moment is not written over
    return output;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The licences of Node and what is in it, which go where the executable goes: those beside the node that is taken, else
 * those of the one that runs this, which is of the same version. Distributions keep them in different places.
 */
function readNodeLicence(node: string): string {
  const homes = [node, process.execPath].map((program) => dirname(dirname(realpathSync(program))));
  const files = homes.flatMap((home) => ["LICENSE", "share/doc/nodejs/LICENSE", "share/doc/nodejs/copyright", "share/doc/node/LICENSE"].map((path) => join(home, path)));
  const file = files.find((path) => existsSync(path) && readFileSync(path, "utf8").includes("Node.js"));
  if (file === undefined) throw new Error(`no licence of Node lies beside ${node} or ${process.execPath}: the executable must not go anywhere without it. Unpack a node of nodejs.org with its LICENSE, and build with that one`);
  return readFileSync(file, "utf8");
}

function formatOf(program: Buffer): Format {
  const magic = program.readUInt32BE(0);
  if (magic === 0x7f454c46) return "elf";
  if (magic === 0xcffaedfe) return "mach-o";
  if (magic >>> 16 === 0x4d5a) return "pe";
  throw new Error("--node takes an executable of Linux, macOS or Windows");
}

/** The same program with the names of its variables changed; each stands in it once as a string of C. */
function renameVariables(program: Buffer): Buffer {
  for (const name of unheard) {
    const places = findStrings(program, name);
    for (const place of places) program.write("=", place, "latin1");
    if (places.length === 0 && program.includes(name)) console.error(`build:sea: this node has ${name} in another place than expected; the executable will obey it`);
  }
  return program;
}

/** Where a text stands with a zero on both sides. In V8's snapshot its length stands before it: that one is for JavaScript to read. */
function findStrings(program: Buffer, text: string): readonly number[] {
  const wanted = Buffer.from(`\0${text}\0`);
  const places: number[] = [];
  for (let at = program.indexOf(wanted); at >= 0; at = program.indexOf(wanted, at + 1)) {
    if (program.readUInt32LE(at - 3) !== text.length) places.push(at + 1);
  }
  return places;
}

/** What node runs: the bundle, which takes its first argument for its own path. Names are relative: they go into the blob. */
function makeBlob(folder: string): string {
  const script = readFileSync(bundle, "utf8").replace(/^#!.*\n/, "");
  writeFileSync(join(folder, "istiomize.cjs"), `process.argv[1] = process.execPath;\n${script}`);
  writeFileSync(join(folder, "sea.json"), JSON.stringify({ main: "istiomize.cjs", output: "istiomize.blob", disableExperimentalSEAWarning: true, useCodeCache: false }));
  runTool(process.execPath, ["--experimental-sea-config", "sea.json"], folder);
  return join(folder, "istiomize.blob");
}

/** postject is what Node's own documentation does it with; its warnings are about notes of the ELF file that do not matter. */
function inject(executable: string, blob: string, format: Format): void {
  const postject = join(root, "node_modules/postject/dist/cli.js");
  runTool(process.execPath, [postject, executable, "NODE_SEA_BLOB", blob, "--sentinel-fuse", fuse, ...(format === "mach-o" ? ["--macho-segment-name", "NODE_SEA"] : [])], dirname(executable));
}

function sign(executable: string, ...options: readonly string[]): void {
  const codesign = findOnPath("codesign");
  if (codesign) runTool(codesign, [...options, executable], dirname(executable));
  else if (options[0] === "--sign") console.error("build:sea: codesign is not on this machine; macOS starts the executable only after `codesign --sign - istiomize`");
}

function runTool(program: string, args: readonly string[], cwd: string): void {
  const run = spawnSync(program, [...args], { cwd, encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } });
  if (run.status !== 0) throw new Error(`${program} ${args.join(" ")} failed (${run.status ?? run.signal ?? run.error?.message})\n${run.stdout}${run.stderr}`);
}
