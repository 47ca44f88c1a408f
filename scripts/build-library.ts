/**
 * Bundles what `import { … } from "istiomize"` gives: one CommonJS file that `import` and `require` both read by name,
 * with everything in it (the package has no dependencies), and its types in one file beside it. Nobody waits for its
 * start, so it is not packed, and not minified either: it stands in other people's stack traces. The schemas
 * of the ServiceMesh and of annotations go beside it under names that `import` and `require` read as JSON; where they are
 * committed they have others, because kpt takes every *.json of a package for an object.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { root } from "./tools.ts";

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const dist = join(root, "dist");

/** The function tunes V8 for one short run; in a process of somebody else's it must not. */
const leavesV8Alone: Plugin = {
  name: "leaves-v8-alone",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:v8$/ }, ({ path }) => ({ path, namespace: "untuned" }));
    onLoad({ filter: /.*/, namespace: "untuned" }, () => ({ contents: "export function setFlagsFromString() {}" }));
  },
};

await build({
  bundle: true, platform: "node", target: "node20", format: "cjs", legalComments: "none", absWorkingDir: root, logLevel: "warning",
  entryPoints: [join(root, "plugin/library.ts")], outfile: join(dist, "library.cjs"),
  define: { ISTIOMIZE_VERSION: JSON.stringify(version) },
  plugins: [leavesV8Alone],
});
writeTypes(join(dist, "library.d.cts"));
copyFileSync(join(root, "generators/mesh/servicemesh.jsonschema"), join(dist, "servicemesh.schema.json"));
copyFileSync(join(root, "generators/annotations/annotations.jsonschema"), join(dist, "annotations.schema.json"));

/** The declarations of plugin/library.ts, which import nothing: its types are its own. */
function writeTypes(file: string): void {
  const folder = mkdtempSync(join(tmpdir(), "istiomize-types-"));
  try {
    const run = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--project", join(root, "tsconfig.library.json"), "--outDir", folder], { encoding: "utf8" });
    if (run.status !== 0) throw new Error(`the types of the library could not be written:\n${run.stdout}${run.stderr}`);
    const types = join(folder, "plugin/library.d.ts");
    const foreign = /^(?:import|export) .* from .*$/m.exec(readFileSync(types, "utf8"));
    if (foreign) throw new Error(`plugin/library.ts must not need the types of other files: ${foreign[0]}`);
    mkdirSync(dist, { recursive: true });
    copyFileSync(types, file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
