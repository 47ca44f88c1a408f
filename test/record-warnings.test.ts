import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { load } from "js-yaml";
import { mappingAt, warningsKey, type KubeObject } from "../generators/kube/object.ts";
import { runFunction } from "../plugin/krm.ts";
import { findCases } from "./support/cases.ts";

const config = "apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata: {name: recorded}\nspec: {argocd: {recordWarnings: true}}\n";

describe("spec.argocd.recordWarnings", () => {
  const inputs = findCases().map(({ directory }) => join(directory, "input.yaml")).filter(existsSync).map((file) => readFileSync(file, "utf8")).filter((text) => !/ResourceList|ServiceMesh/.test(text));

  test("on what every golden starts from: once is as good as twice, and no object carries more than 1000 characters", async () => {
    let recorded = 0;
    for (const text of inputs) {
      const first = await runFunction({ text, name: "<stdin>", config });
      if (first.exitCode !== 0) continue;
      const second = await runFunction({ text: first.text, name: "<stdin>", config });
      assert.equal(second.text, first.text);
      for (const object of first.text.split(/^---$/m).filter((document) => document.includes(warningsKey)).map((document) => load(document) as KubeObject)) {
        const warnings = mappingAt(object, "metadata", "annotations")[warningsKey];
        recorded++;
        assert.ok(String(warnings).length <= 1000, String(warnings));
        assert.ok(String(warnings).split("\n").every((line) => /^(IZ\d{3} |and \d+ more$)/.test(line)), String(warnings));
      }
    }
    assert.ok(recorded > 20, `only ${recorded} objects carry warnings`);
  });

  test("what is said is said just as well without it", async () => {
    for (const text of inputs.slice(0, 100)) {
      const withIt = await runFunction({ text, name: "<stdin>", config });
      const without = await runFunction({ text, name: "<stdin>", config: config.replace("true", "false") });
      assert.deepEqual(withIt.diagnostics, without.diagnostics);
    }
  });
});
