import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import semver from "semver";
import { root } from "./support/cases.ts";
import { temporary } from "./support/process.ts";
import { compareAnnounced, differs, readAnnounced, unpackReleased } from "./support/released.ts";

describe("output changes", () => {
  test("every case of the last release that gives other YAML today is named in the changelog, and no other", async (t) => {
    const { version, cases } = await unpackReleased(temporary(t));
    assert.ok(cases.length > 300, `${cases.length} cases`);
    const differing: string[] = [];
    for (const each of cases) if (await differs(each)) differing.push(each.name);
    const areas = [...new Set(cases.map(({ name }) => name.split("/")[0]!))];
    const announced = readAnnounced(readFileSync(join(root, "CHANGELOG.md"), "utf8"), areas);
    // Just after a release its section is the newest and tells what it changed over the one before.
    const isNewer = semver.gt(announced.version, version);
    assert.deepEqual(compareAnnounced(isNewer ? announced : { ...announced, names: [] }, differing), [], isNewer ? "CHANGELOG.md" : `CHANGELOG.md has no section above ${version}`);
  });

  test("streams, ResourceLists, trees of files and every overlay of the example are kept", async (t) => {
    const { cases } = await unpackReleased(temporary(t));
    const names = cases.map(({ name }) => name);
    for (const overlay of ["staging", "production", "preview", "qa"]) assert.ok(names.includes(`gitops/overlays/${overlay}`), overlay);
    for (const area of ["annotations", "checks", "files", "generation", "input", "mesh"]) assert.ok(names.some((name) => name.startsWith(`${area}/`)), area);
  });

  test("an entry names cases in backticks, one by one or by how they begin; annotations beside them are none", () => {
    const changelog = "# Changelog\n\n## 0.5.0\n\n### Changed\n- **output changes** `istiomize.dev/timeout` is\n  written first (`generation/rollout`, `mesh/*`).\n- Something about `mesh/strict`.\n\n## 0.4.0\n- **output changes** (`mesh/old`)\n";
    assert.deepEqual(readAnnounced(changelog, ["generation", "mesh"]), { version: "0.5.0", names: ["generation/rollout", "mesh/*"] });
  });

  test("a difference that nobody names and a name without a difference are both said", () => {
    const announced = { version: "0.5.0", names: ["mesh/*", "checks/gone"] };
    assert.deepEqual(compareAnnounced(announced, ["mesh/strict", "generation/rollout"]), [
      "generation/rollout: gives other YAML, which no entry marked **output changes** names",
      "checks/gone: named by an entry marked **output changes**, and gives what it gave",
    ]);
    assert.deepEqual(compareAnnounced({ version: "0.5.0", names: ["mesh/*"] }, ["mesh/strict"]), []);
  });
});
