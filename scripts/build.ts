/**
 * Bundles the executable: one CommonJS file with a shebang and its run bit set, so that kustomize can start it
 * directly, whatever `"type"` the package.json above it names.
 */
import { chmodSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { build, type BuildOptions, type Plugin } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { version: string };
const outfile = `${root}plugin/istiomize.cjs`;

const options: BuildOptions = {
  bundle: true, platform: "node", target: "node20", format: "cjs", minify: true, legalComments: "none",
  absWorkingDir: root, logLevel: "warning",
};

/** What is taken from a package of which most is left out. */
const usedOf: { readonly [name: string]: readonly string[] | undefined } = {
  "@clack/prompts": ["isCancel", "select", "text"],
  diff: ["formatPatch", "structuredPatch"],
};

/**
 * Packages that most runs never touch go into the bundle as packed text, which node reads past, and are unpacked (in a
 * millisecond) and compiled on first use: half of the bundle, and a tenth of the start time of a small run.
 */
const compileOnUse: Plugin = {
  name: "compile-on-use",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(yaml|semver|diff|@clack\/prompts)$/ }, ({ path }) => ({ path, namespace: "on-use" }));
    onLoad({ filter: /.*/, namespace: "on-use" }, async ({ path }) => {
      const used = usedOf[path];
      const contents = used ? `export { ${used.join(", ")} } from ${JSON.stringify(path)};` : `module.exports = require(${JSON.stringify(path)})`;
      const { outputFiles } = await build({ ...options, stdin: { contents, resolveDir: root }, write: false });
      return {
        contents: `const own = { exports: {} }; new Function("module", "exports", "require", require("node:zlib").inflateRawSync(Buffer.from("${deflateRawSync(outputFiles[0]!.text, { level: 9 }).toString("base64")}", "base64")).toString())(own, own.exports, require); module.exports = own.exports;`,
        resolveDir: root,
      };
    });
  },
};

await build({
  ...options, outfile,
  entryPoints: [`${root}plugin/main.ts`],
  banner: { js: "#!/usr/bin/env node" },
  define: { ISTIOMIZE_VERSION: JSON.stringify(version) },
  plugins: [compileOnUse],
});
chmodSync(outfile, 0o755);
