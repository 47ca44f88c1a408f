/**
 * Bundles the executable: one CommonJS file with a shebang and its run bit set, so that kustomize can start it
 * directly, whatever `"type"` the package.json above it names.
 */
import { chmodSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type BuildOptions } from "esbuild";
import { compileOnUse, leaveOut, packages } from "./build/compile-on-use.ts";
import { embedArgocd } from "./build/embed-argocd.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { version: string };
const outfile = `${root}plugin/istiomize.cjs`;

/** What only some commands need; the function and `render` never load it, except for the files layout. */
const commands = ["plugin/cli/cli.ts", "plugin/generate/render-files.ts", "plugin/generate/wanted.ts"].map((file) => join(root, file));

const options: BuildOptions = {
  bundle: true, platform: "node", target: "node20", format: "cjs", minify: true, legalComments: "none",
  absWorkingDir: root, logLevel: "warning", define: { ISTIOMIZE_VERSION: JSON.stringify(version) },
};
const entry = { ...options, entryPoints: [`${root}plugin/main.ts`] };

// What the function and `render` consist of is there already when a command runs, and is not packed a second time.
const { metafile } = await build({ ...entry, write: false, metafile: true, plugins: [leaveOut(commands)], external: packages });
const shared = Object.keys(metafile.inputs).filter((file) => !file.includes("node_modules")).map((file) => join(root, file));

await build({
  ...entry, outfile,
  banner: { js: "#!/usr/bin/env node" },
  plugins: [compileOnUse({ root, options: { ...options, plugins: [embedArgocd] }, commands, shared, nameOf: (file) => relative(root, file) })],
});
chmodSync(outfile, 0o755);
