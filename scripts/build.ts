/**
 * Bundles the executable: one CommonJS file with a shebang and its run bit set, so that kustomize can start it
 * directly, whatever `"type"` the package.json above it names.
 */
import { chmodSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { version: string };
const outfile = `${root}plugin/istiomize.cjs`;

await build({
  entryPoints: [`${root}plugin/main.ts`],
  outfile,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "none",
  banner: { js: "#!/usr/bin/env node" },
  define: { ISTIOMIZE_VERSION: JSON.stringify(version) },
  logLevel: "warning",
});
chmodSync(outfile, 0o755);
