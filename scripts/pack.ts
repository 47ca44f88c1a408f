/**
 * `npm run pack`: the tarball that people install, in the working directory. It is what `npm pack` makes of the built
 * checkout, but for package.json: the scripts and development dependencies of the repository stand in it no more. npm
 * would warn about `prepare` at every install, and it could not run there. The checkout is left as it is: the files are
 * packed from a copy.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "./tools.ts";

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly files: readonly string[]; readonly [key: string]: unknown };
const folder = mkdtempSync(join(tmpdir(), "istiomize-pack-"));
try {
  const missing = manifest.files.filter((path) => !path.includes("*") && !existsSync(join(root, path)));
  if (missing.length > 0) throw new Error(`${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not there: npm run build`);
  for (const { path } of pack(root, "--dry-run").files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path));
  }
  writeFileSync(join(folder, "package.json"), writeManifest());
  console.log(pack(folder, "--pack-destination", process.cwd()).filename);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}

/** Runs npm, which says what it packed. */
function pack(directory: string, ...options: readonly string[]): Packed {
  const args = ["pack", "--ignore-scripts", "--json", ...options];
  const npm = process.env["npm_execpath"];
  const run = npm === undefined ? spawnSync("npm", args, { cwd: directory, encoding: "utf8", shell: process.platform === "win32" }) : spawnSync(process.execPath, [npm, ...args], { cwd: directory, encoding: "utf8" });
  if (run.status !== 0) throw new Error(`npm ${args.join(" ")} failed (${run.status ?? run.error?.message})\n${run.stdout}${run.stderr}`);
  const said = JSON.parse(run.stdout) as readonly Packed[] | { readonly [name: string]: Packed };
  return Object.values(said)[0]!; // a list, and since npm 12 a mapping
}

/** package.json without what only works in the repository. */
function writeManifest(): string {
  const { scripts: _, devDependencies: __, ...rest } = manifest;
  return `${JSON.stringify(rest, undefined, 2)}\n`;
}
