/**
 * Builds the executable after an install. Plain JavaScript, because nothing that runs TypeScript may be there yet.
 *
 * `npm install -g <git url>` (npm 7 to 11) passes `--global` on to the install that it runs inside its temporary clone.
 * That one then fetches no development dependencies, so this script does; and it links the clone into the global
 * folder, where the package itself would be unpacked through the link into a clone that is about to be deleted, so this
 * script puts a folder in the place of the link.
 */
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, realpathSync, unlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_config_(global|location|prefix|local_prefix|global_prefix)$/i.test(name)));

function npm(...args) {
  const cli = process.env["npm_execpath"];
  const run = cli ? spawnSync(process.execPath, [cli, ...args], { cwd: root, env, stdio: "inherit" }) : spawnSync("npm", args, { cwd: root, env, stdio: "inherit", shell: true });
  if (run.status !== 0) process.exit(run.status ?? 1);
}

if (!existsSync(`${root}node_modules/esbuild`)) npm("ci", "--ignore-scripts", "--include=dev", "--no-audit", "--no-fund");
npm("run", "build");

const prefix = process.env["npm_config_global_prefix"] ?? process.env["npm_config_prefix"];
if (process.env["npm_config_global"] === "true" && prefix) {
  const link = join(prefix, process.platform === "win32" ? "" : "lib", "node_modules", "istiomize");
  const isOurs = lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() && existsSync(link) && realpathSync(link) === realpathSync(resolve(root));
  if (isOurs && /git-clone/.test(root)) {
    unlinkSync(link);
    mkdirSync(link); // npm made this folder before, and is about to unpack into it
  }
}
