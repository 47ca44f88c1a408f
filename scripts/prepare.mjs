/**
 * Builds the executable after an install. `npm install -g <git url>` installs the clone without its development
 * dependencies (npm passes `--global` on to the install inside), so they are fetched here first. Plain JavaScript,
 * because nothing that runs TypeScript is there yet.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
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
