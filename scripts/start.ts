/**
 * `npm start`: builds, then renders the staging overlay through `istiomize render` and a real kustomize or kubectl.
 * stdout carries the YAML only; a person at a terminal gets a summary on stderr. Another folder: `npm start -- FOLDER`.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { bundle, makeBundleFolder, root, toolPath } from "./tools.ts";

const [target = join("gitops", "overlays", "staging")] = process.argv.slice(2);
process.stdout.on("error", () => undefined); // `npm start | head` closes the pipe early

try {
  await import("./build.ts");
  process.exitCode = await start(target);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}

/** Renders one kustomization and prints it; the exit code is that of `render`. */
async function start(kustomization: string): Promise<number> {
  const folder = makeBundleFolder();
  try {
    const run = spawnSync(process.execPath, [bundle, "render", kustomization], {
      cwd: root,
      env: { ...process.env, PATH: [folder, toolPath()].join(delimiter) },
      stdio: ["ignore", "pipe", "inherit"],
      maxBuffer: Infinity,
    });
    process.stdout.write(run.stdout);
    if (run.status === 0 && process.stderr.isTTY) {
      const { summarize } = await import("./summary.ts");
      process.stderr.write(summarize(run.stdout.toString(), kustomization));
    }
    return run.status ?? 2;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
