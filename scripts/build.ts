/**
 * Bundles the executable: one CommonJS file with a shebang and its run bit set, so that kustomize can start it
 * directly, whatever `"type"` the package.json above it names.
 */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type BuildOptions } from "esbuild";
import { bundleParts, packages } from "./build/compile-on-use.ts";
import { embedArgocd } from "./build/embed-argocd.ts";
import { embedMessages } from "./build/embed-messages.ts";
import { completedTables, leaveOut, tablesForPeople, withoutDumper, withoutGoldens, withoutTexts } from "./build/leave-out.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { version: string };
const outfile = `${root}plugin/istiomize.cjs`;

/** What only some commands need; the function and `render` never load it, except for the files layout. */
const commands = ["plugin/cli/cli.ts", "plugin/generate/render-files.ts", "plugin/generate/wanted.ts", "plugin/render-diff/render-diff.ts"].map((file) => join(root, file));

/** What a run needs only where the input asks for it, or where there is something to say. */
const seldom = Object.fromEntries(Object.entries({
  catalogue: ["generators/diagnostics/catalogue.ts"],
  values: ["generators/annotations/conditions.ts", "generators/annotations/policy-values.ts", "generators/annotations/route-values.ts"],
  schemas: ["generators/schemas/validator.ts"],
  patterns: ["generators/kube/re2.ts"],
  review: ["generators/checks/review.ts", "generators/checks/hand-written.ts", "generators/mesh/origin.ts"],
  routing: ["generators/checks/rollouts.ts", "generators/mesh/rollouts.ts", "generators/mesh/settle-gateways.ts", "generators/istio/gateway-virtual-service.ts"],
}).map(([part, files]) => [part, files.map((file) => join(root, file))]));

const options: BuildOptions = {
  bundle: true, platform: "node", target: "node20", format: "cjs", minify: true, legalComments: "none",
  absWorkingDir: root, logLevel: "warning", define: { ISTIOMIZE_VERSION: JSON.stringify(version) }, supported: { "dynamic-import": false },
};
const entry = `${root}plugin/main.ts`;

// What the function and `render` consist of is there already when a command runs, and is not packed a second time.
const apart = [...commands, ...Object.values(seldom).flat()];
const { metafile } = await build({ ...options, entryPoints: [entry], write: false, metafile: true, plugins: [leaveOut(apart)], external: packages });
const shared = Object.keys(metafile.inputs).filter((file) => !file.includes("node_modules")).map((file) => join(root, file));

writeFileSync(outfile, await bundleParts(entry, {
  root, commands, seldom, shared, whole: tablesForPeople, completed: completedTables, nameOf: (file) => relative(root, file), options: { ...options, plugins: [withoutDumper, withoutGoldens, embedArgocd, embedMessages] }, ofMain: [withoutTexts],
}));
chmodSync(outfile, 0o755);
