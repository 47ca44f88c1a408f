/**
 * Runs the tests on a fresh bundle: `npm test` all of them, `npm test -- golden` the files whose name holds "golden".
 * Options go on to node (`npm test -- --test-name-pattern=canary`). Files are listed here because the `node --test`
 * of Node 20 takes no globs.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import semver from "semver";
import { root } from "./tools.ts";

await import("./build.ts");

const words = process.argv.slice(2);
const options = words.filter((word) => word.startsWith("-"));
const filters = words.filter((word) => !word.startsWith("-"));
const files = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.ts"))
  .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
  .sort();

if (files.length === 0) {
  console.error(`no *.test.ts in test/${filters.length > 0 ? ` has ${filters.join(" or ")} in its name` : ""}`);
  process.exitCode = 1;
} else {
  // node leaves one core idle unless told otherwise, which it can be since 20.10
  const parallel = semver.gte(process.version, "20.10.0") ? [`--test-concurrency=${availableParallelism()}`] : [];
  const node = ["--import", "tsx", "--test", "--test-reporter=spec", ...parallel, ...options];
  const run = spawnSync(process.execPath, [...node, ...files.map((file) => join("test", file))], { cwd: root, stdio: "inherit" });
  process.exitCode = run.status ?? 1;
}
