import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root } from "./support/cases.ts";
import { temporary } from "./support/process.ts";
import { checkRelease, compareAnnounced, differs, readAnnounced, unpackReleased } from "./support/released.ts";

describe("output changes", () => {
  test("every case of the last release that gives other YAML today is named in the changelog, and no other", async (t) => {
    const { version, cases } = await unpackReleased(temporary(t));
    assert.ok(cases.length > 300, `${cases.length} cases`);
    const differing: string[] = [];
    for (const each of cases) if (await differs(each)) differing.push(each.name);
    const areas = [...new Set(cases.map(({ name }) => name.split("/")[0]!))];
    const announced = readAnnounced(readFileSync(join(root, "CHANGELOG.md"), "utf8"), areas);
    const { version: current } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
    assert.deepEqual(checkRelease(version, current, announced.version), []);
    assert.deepEqual(compareAnnounced(announced, cases.map(({ name }) => name), differing), [], "CHANGELOG.md");
  });

  test("streams, ResourceLists, trees of files and every overlay of the example are kept", async (t) => {
    const { cases } = await unpackReleased(temporary(t));
    const names = cases.map(({ name }) => name);
    for (const overlay of ["staging", "production", "preview", "qa"]) assert.ok(names.includes(`gitops/overlays/${overlay}`), overlay);
    for (const area of ["annotations", "checks", "files", "generation", "input", "mesh"]) assert.ok(names.some((name) => name.startsWith(`${area}/`)), area);
  });

  test("an entry names cases in backticks, one by one or by how they begin; annotations beside them are none", () => {
    const changelog = "# Changelog\n\n## 0.5.0\n\n### Changed\n- **output changes** `istiomize.dev/timeout` is\n  written first (`generation/rollout`, `mesh/*`).\n- Something about `mesh/strict`.\n\n## 0.4.0\n- **output changes** (`mesh/old`)\n";
    assert.deepEqual(readAnnounced(changelog, ["generation", "mesh"]), { version: "0.5.0", names: ["generation/rollout", "mesh/*"], nameless: [] });
  });

  test("an entry that names no case has to say that the last release has none", () => {
    const changelog = "## 0.5.0\n- **output changes** Rollouts: `istiomize.dev/weights` is\n  theirs.\n- **output changes** Sync waves (no case of the last release).\n";
    const announced = readAnnounced(changelog, ["generation"]);
    assert.deepEqual(announced.nameless, ["**output changes** Rollouts: `istiomize.dev/weights` is"]);
    assert.deepEqual(compareAnnounced(announced, ["generation/rollout"], []), ["- **output changes** Rollouts: `istiomize.dev/weights` is: names neither a case nor says (no case of the last release)"]);
  });

  test("a difference that nobody names, a name without a difference and a name of nothing are all said", () => {
    const announced = { version: "0.5.0", names: ["mesh/*", "checks/same", "checks/gone"], nameless: [] };
    assert.deepEqual(compareAnnounced(announced, ["checks/same", "generation/rollout", "mesh/strict"], ["mesh/strict", "generation/rollout"]), [
      "generation/rollout: gives other YAML, which no entry marked **output changes** names",
      "checks/gone: named by an entry marked **output changes**, and is no case of the last release",
      "checks/same: named by an entry marked **output changes**, and gives what it gave",
    ]);
    assert.deepEqual(compareAnnounced({ version: "0.5.0", names: ["mesh/*"], nameless: [] }, ["mesh/strict"], ["mesh/strict"]), []);
  });

  test("a name for many cases excuses none that it does not mean: each of them has to differ", () => {
    const announced = { version: "0.5.0", names: ["mesh/*"], nameless: [] };
    assert.deepEqual(compareAnnounced(announced, ["mesh/lax", "mesh/strict"], ["mesh/strict"]), ["mesh/lax (mesh/*): named by an entry marked **output changes**, and gives what it gave"]);
  });

  test("only a release before this version can be compared with: one kept too early would hide every change", () => {
    assert.deepEqual(checkRelease("0.4.0", "0.5.0", "0.5.0"), []);
    for (const kept of ["0.5.0", "0.6.0"]) assert.match(checkRelease(kept, "0.5.0", "0.5.0").join(), /must be a release before it/);
    assert.match(checkRelease("0.4.0", "0.5.0", "0.4.0").join(), /CHANGELOG\.md begins with 0\.4\.0/);
  });
});
