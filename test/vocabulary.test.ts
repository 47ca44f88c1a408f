import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import "./support/version.ts";
import { runFunction, type FunctionOutput } from "../plugin/krm.ts";
import { writeText } from "../plugin/report/text.ts";
import { findOnPath } from "../scripts/tools.ts";
import { temporary } from "./support/process.ts";
import { writeStream, type Tree } from "./support/trees.ts";
import { vocabulary } from "./support/vocabulary.ts";

/**
 * The whole vocabulary on random trees that are right by construction. `ISTIOMIZE_TREES` is how many (2,000 where it says
 * nothing; a night's run takes 50,000), `ISTIOMIZE_SEED` which; both are printed.
 */
const count = Number(process.env["ISTIOMIZE_TREES"] ?? 2000);
const { ISTIOMIZE_SEED: asked = "20261121" } = process.env;
const seed = asked === "random" ? Math.floor(Math.random() * 2 ** 31) : Number(asked);
const trees: readonly Tree[] = fc.sample(vocabulary, { numRuns: count, seed });
const which = `seed ${seed}, ${count} trees`;

const run = (text: string, lint = false): Promise<FunctionOutput> => runFunction({ text, name: "<stdin>", ...(lint && { lint }) });
const streamOf = ({ mesh, objects }: Tree): string => writeStream([...(mesh ? [mesh] : []), ...objects], "block");
const errorsOf = ({ diagnostics }: FunctionOutput): string => writeText(diagnostics.filter(({ severity }) => severity === "error"));

describe(`the vocabulary on random trees (${which})`, () => {
  test("is accepted wherever it is right by construction, and something is made of it", async () => {
    let made = 0;
    for (const tree of trees) {
      const output = await run(streamOf(tree));
      assert.equal(output.exitCode, 0, `${errorsOf(output)}\n${streamOf(tree)}`);
      if (output.text.includes("networking.istio.io")) made++;
    }
    assert.ok(made >= count * 0.95, `${made} of ${count} trees gave an object`);
  });

  test("gives the same when its own output comes in again, and whatever the order of the input", async () => {
    for (const tree of trees) {
      const first = await run(streamOf(tree));
      const again = await run(`${first.text}---\n${writeStream([tree.mesh!], "block")}`);
      assert.equal(again.text, first.text, streamOf(tree));
      const turned = await run(streamOf({ ...tree, objects: tree.objects.toReversed() }));
      assert.deepEqual(documentsOf(turned.text), documentsOf(first.text), streamOf(tree));
    }
  });

  test("gives nothing in which Istio's own code finds a fault", { skip: !findOnPath("istio-judge") && "istio-judge is not on this machine" }, async (t) => {
    const folder = temporary(t);
    const files: string[] = [];
    for (const [i, tree] of trees.entries()) {
      const file = join(folder, `${i}.yaml`);
      writeFileSync(file, (await run(streamOf(tree))).text);
      files.push(file);
    }
    const found: string[] = [];
    for (let start = 0; start < files.length; start += 250) {
      const judged = spawnSync("istio-judge", ["check", "--each", "--json", "--assume-namespace", "istio-system", ...files.slice(start, start + 250)], { encoding: "utf8", maxBuffer: Infinity });
      assert.ok(judged.status === 0 || judged.status === 1, judged.stderr);
      for (const line of judged.stdout.trim().split("\n")) {
        const { input, findings } = JSON.parse(line) as { readonly input: string; readonly findings: readonly { readonly severity: string; readonly code: string; readonly message: string }[] };
        // A gateway's rules are those of the mesh: where a few requests go to a subset and the rest to the Service as a whole,
        // they do so at both, and the analyzer looks at the rest alone.
        found.push(...findings.filter(({ severity, code }) => severity !== "info" && code !== "IST0140").map(({ severity, code, message }) => `${input}: ${severity} ${code}: ${message}`));
      }
    }
    const first = found[0] && trees[Number(/(\d+)\.yaml/.exec(found[0])![1])];
    assert.deepEqual(found.slice(0, 10), [], `${found.length} findings; the first is about\n${first ? streamOf(first) : ""}`);
  });
});

function documentsOf(text: string): readonly string[] {
  return text.split(/^---\n/m).filter((document) => document.trim() !== "").sort();
}
