import { cpSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findOnPath } from "../../scripts/tools.ts";
import { root } from "./cases.ts";
import { run, type Run, type RunOptions } from "./process.ts";

/** Large, and no build needs them: the kubectl of the tests, and what caches keep. */
const unneeded = ["@aws-cdk", ".cache", ".package-lock.json"];

/** A copy of the repository, packages included, in which nothing was built yet. */
export function copyRepository(directory: string): string {
  mkdirSync(join(directory, "node_modules"), { recursive: true });
  const built = ["plugin/istiomize.cjs", "node_modules", "dist", ".git", "test"].map((path) => join(root, path));
  for (const entry of readdirSync(root)) cpSync(join(root, entry), join(directory, entry), { recursive: true, verbatimSymlinks: true, filter: (path) => !built.includes(path) });
  for (const entry of readdirSync(join(root, "node_modules")).filter((name) => !unneeded.includes(name))) {
    cpSync(join(root, "node_modules", entry), join(directory, "node_modules", entry), { recursive: true, verbatimSymlinks: true });
  }
  return directory;
}

/** Why no self-contained executable can be made on this machine, as a reason to skip; some distributions keep node's code in a library. */
export const noExecutable = process.platform === "win32" ? "the tests of the self-contained executable are for a Unix"
  : !readFileSync(process.execPath).includes("NODE_SEA_FUSE") && "the node of this machine takes no application";

/** Runs npm as a person would, whatever npm runs these tests. */
export function npm(directory: string, args: readonly string[], { env, ...options }: RunOptions = {}): Run {
  const inherited = Object.keys(process.env).filter((name) => /^npm_(config_(?!registry|userconfig|cache)|package_|lifecycle_|command|execpath)/i.test(name));
  return run(findOnPath("npm") ?? "npm", args, { ...options, cwd: directory, env: { ...Object.fromEntries(inherited.map((name) => [name, undefined])), npm_config_update_notifier: "false", ...env } });
}
