import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import type { Files, Run } from "./support/process.ts";
import { diskTree, type FileEdit } from "./support/disk-trees.ts";
import { asResourceLayout, differences, findBuilder, findTargets, readComparable, readTree, startBuild, startOurs, takeSnapshot, withFiles, type Comparable } from "./support/equality.ts";
import { followedRule, treeFixtures } from "./support/tree-fixtures.ts";

/**
 * The promise of `generate`: a plain build of a tree that it has written to gives what `render` gives. What is wanted
 * is rendered from a copy in the resource layout, where `generate` has no part. Seeds are those of properties.test.ts:
 * `ISTIOMIZE_SEED=random ISTIOMIZE_RUNS=20 npm test -- equality` looks for new faults, and takes the named trees through
 * an edit, too. A failing tree is printed as it came; with `ISTIOMIZE_SHRINK=1` it is made smaller first, which takes long.
 */
const factor = Number(process.env["ISTIOMIZE_RUNS"] ?? 1);
const { ISTIOMIZE_SEED: asked = "20261121", ISTIOMIZE_PATH: path } = process.env;
const seed = asked === "random" ? undefined : Number(asked);

type Wanted = { readonly [target: string]: Comparable };

/** What each target is to give; nothing where istiomize refuses one of them. */
async function renderTargets(files: Files, targets: readonly string[]): Promise<Wanted | undefined> {
  const runs = await withFiles(asResourceLayout(files), (directory) => Promise.all(targets.map((target) => startOurs(["render", join(directory, target)]))));
  if (runs.some(({ code }) => code !== 0)) return undefined;
  return Object.fromEntries(targets.map((target, i) => [target, readComparable(runs[i]!.stdout)]));
}

async function assertGives(wanted: Wanted, what: string, start: (target: string) => Promise<Run>): Promise<void> {
  await Promise.all(Object.entries(wanted).map(async ([target, objects]) => {
    const { code, stdout, stderr } = await start(target);
    assert.equal(code, 0, `${what} ${target} fails: ${stderr}`);
    const found = differences(objects, readComparable(stdout));
    assert.ok(found.length === 0, `${what} ${target} differs from what is wanted:\n  ${found.join("\n  ")}`);
  }));
}

async function ours(args: readonly string[], code: number): Promise<string> {
  const run = await startOurs(args);
  assert.equal(run.code, code, `istiomize ${args.join(" ")} gives ${run.code} instead of ${code}: ${run.stdout}${run.stderr}`);
  return run.stdout;
}

function edited(files: Files, { path: at, from, to }: FileEdit): Files {
  return { ...files, [at]: files[at]!.replace(from, to) };
}

/** What is promised of one tree: the shorter way, and everything where there is an edit to make. Gives whether istiomize took it. */
async function holds(files: Files, edit?: FileEdit): Promise<boolean> {
  const targets = findTargets(files);
  assert.ok(targets.length > 0, "a tree has something to build");
  const wanted = await renderTargets(files, targets);
  return withFiles(files, async (root) => {
    const build = (target: string): Promise<Run> => startBuild(join(root, target));
    const render = (target: string): Promise<Run> => startOurs(["render", join(root, target)]);
    for (const run of await Promise.all(targets.map(build))) assert.equal(run.code, 0, `the tree itself does not build: ${run.stderr}`);
    const untouched = takeSnapshot(root);
    if (!wanted) {
      await ours(["generate", root], 1);
      assert.deepEqual(takeSnapshot(root), untouched, "what is refused leaves the tree as it was");
      return false;
    }
    // `render` is slow beside a build, and one layer of a tree is read as the others are.
    const last = Object.fromEntries(Object.entries(wanted).slice(-1));
    if (edit) await assertGives(last, "render of the untouched", render);
    await ours(["generate", root], 0);
    await assertGives(wanted, "the build of", build);
    await assertGives(last, "render of the generated", render);

    if (edit) {
      const generated = takeSnapshot(root);
      assert.match(await ours(["generate", root], 0), /^[^\n]*\n$/, "with nothing to do it says so in one line");
      await ours(["generate", "--check", root], 0);
      assert.deepEqual(takeSnapshot(root), generated, "with nothing to do it touches nothing");
      await holdsAfterEdit(root, wanted, edited(files, edit), edit, build);
    }
    const final = edit ? edited(files, edit) : files;
    await ours(["generate", "--remove", root], 0);
    assert.deepEqual(readTree(root), sorted(final), "what is left after --remove is what people wrote");
    assert.deepEqual(Object.keys(takeSnapshot(root)), Object.keys(untouched), "and no folder more or less");
    return true;
  });
}

async function holdsAfterEdit(root: string, old: Wanted, files: Files, { path: at, from, to }: FileEdit, build: (target: string) => Promise<Run>): Promise<void> {
  const file = join(root, at);
  writeFileSync(file, readFileSync(file, "utf8").replace(from, to));
  const wanted = await renderTargets(files, Object.keys(old));
  assert.ok(wanted, "the edit is one that istiomize takes");
  const isSeen = Object.keys(old).some((target) => differences(old[target]!, wanted[target]!).length > 0);
  if (isSeen) {
    const drifted = takeSnapshot(root);
    await ours(["generate", "--check", root], 1);
    assert.deepEqual(takeSnapshot(root), drifted, "--check writes nothing");
  }
  await ours(["generate", root], 0);
  await assertGives(wanted, "after an edit, the build of", build);
}

function sorted(files: Files): Files {
  return Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1)));
}

describe("a plain build after generate gives what render gives", { concurrency: availableParallelism() }, () => {
  before(() => void findBuilder());

  for (const [name, { files, edit }] of Object.entries(treeFixtures)) {
    test(`with ${name}`, async () => assert.ok(await holds(files, factor > 1 ? edit : undefined), "istiomize takes this tree"));
  }

  test("with a rule that a person wrote: it follows its Service below a prefix, in the build and in render alike", async () => {
    await withFiles(followedRule, async (root) => {
      await ours(["generate", root], 0);
      const target = join(root, "overlays/staging");
      const [built, rendered] = (await Promise.all([startBuild(target), startOurs(["render", target])])).map(({ stdout }) => readComparable(stdout));
      assert.deepEqual(differences(rendered!, built!), []);
      const rules = Object.entries(built!).filter(([identity]) => identity.includes("VirtualService"));
      assert.deepEqual(rules.map(([identity, { spec }]) => [identity.split("/").at(-1), (spec as { readonly hosts: readonly string[] }).hosts]).sort(), [["s-mail-by-hand", ["s-mail"]], ["s-web", ["s-web"]]]);
    });
  });

  test("for any tree", async () => {
    let [taken, all] = [0, 0];
    await fc.assert(fc.asyncProperty(diskTree, async ({ files, edit }) => {
      all++;
      if (await holds(files, edit)) taken++;
    }), {
      numRuns: Math.ceil(4 * factor), includeErrorInReport: true, endOnFailure: process.env["ISTIOMIZE_SHRINK"] === undefined,
      ...(seed !== undefined && { seed }), ...(path !== undefined && { path }),
    });
    assert.ok(path !== undefined || taken >= all * 0.6, `only ${taken} of ${all} trees were taken`);
  });
});
