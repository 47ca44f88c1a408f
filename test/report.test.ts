import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, test, type TestContext } from "node:test";
import fc from "fast-check";
import { writeDiff } from "../plugin/report/diff.ts";
import { writePlan } from "../plugin/report/plan.ts";
import { startProgress } from "../plugin/report/progress.ts";
import type { FileChange } from "../plugin/write/change.ts";
import { run, temporary, type Files } from "./support/process.ts";

/** The changes that lead from one tree to another. */
function changesBetween(root: string, before: Files, after: Files): readonly FileChange[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].map((path) => ({ path: join(root, path), before: before[path], after: after[path] }));
}

function readTree(root: string): Files {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(files.map((file) => [relative(root, file), readFileSync(file, "utf8")] as const).filter(([file]) => !file.startsWith(".git/")));
}

/** Writes one tree, has git apply the difference to another, and gives what is there then. */
function applied(t: TestContext, before: Files, after: Files): Files {
  const root = temporary(t, before);
  mkdirSync(join(root, ".git"), { recursive: true });
  run("git", ["init", "--quiet"], { cwd: root });
  const { code, stderr } = run("git", ["-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "-"], { cwd: root, input: writeDiff(changesBetween(root, before, after), root, false) });
  assert.equal(code, 0, stderr);
  return readTree(root);
}

const lines = (count: number, at = -1, instead = ""): string => Array.from({ length: count }, (_, i) => (i === at ? instead : `line ${i}`)).join("\n") + "\n";

describe("differences", () => {
  test("look as git shows them", (t) => {
    const root = temporary(t);
    const diff = writeDiff(changesBetween(root, { "b/k.yaml": "resources:\n- a.yaml\n", "gone.yaml": "a: 1\n" }, { "b/k.yaml": "resources:\n- a.yaml\n- b.yaml\n", "b/b.yaml": "b: 2" }), root, false);
    assert.equal(diff, `diff --git a/b/b.yaml b/b/b.yaml
new file mode 100644
--- /dev/null
+++ b/b/b.yaml
@@ -0,0 +1,1 @@
+b: 2
\\ No newline at end of file
diff --git a/b/k.yaml b/b/k.yaml
--- a/b/k.yaml
+++ b/b/k.yaml
@@ -1,2 +1,3 @@
 resources:
 - a.yaml
+- b.yaml
diff --git a/gone.yaml b/gone.yaml
deleted file mode 100644
--- a/gone.yaml
+++ /dev/null
@@ -1,1 +0,0 @@
-a: 1
`);
  });

  test("say nothing of files that stay as they are", (t) => {
    const root = temporary(t);
    assert.equal(writeDiff(changesBetween(root, { a: "1\n" }, { a: "1\n" }), root, true), "");
  });

  const cases: { readonly [what: string]: readonly [Files, Files] } = {
    "a change in the middle of a long file": [{ a: lines(100) }, { a: lines(100, 50, "other") }],
    "changes far from each other": [{ a: lines(100) }, { a: lines(100, 3, "x").replace("line 90\n", "") }],
    "files that are created, in folders that do not exist yet, and removed": [{ "x/gone": "1\n2\n" }, { "y/z/new": "1\n2\n" }],
    "empty files": [{ "empty-before": "", "empty-gone": "" }, { "empty-before": "now\n", "empty-new": "" }],
    "a final newline that appears, goes away, and stays away": [{ a: "1\n2", b: "1\n2\n", c: "1\n2" }, { a: "1\n2\n", b: "1\n2", c: "0\n2" }],
    "CRLF, and a file that changes from one kind of line end to the other": [{ a: "1\r\n2\r\n", b: "1\r\n2\r\n" }, { a: "1\r\nx\r\n2\r\n", b: "1\n2\n" }],
    "lines that look like a difference": [{ a: "-- a/b\n++ b/c\n@@ -1 +1 @@\n" }, { a: "++ b/c\ndiff --git a/a b/a\n-- a/b\n" }],
    "names with spaces, quotes and other alphabets": [{ "a b.yaml": "1\n", "ü.yaml": "1\n", 'q"q.yaml': "1\n" }, { "a b.yaml": "2\n", "ü.yaml": "2\n", 'q"q.yaml': "2\n", "new file.yaml": "3\n", "ñ ew.yaml": "3\n" }],
    "a byte order mark": [{ a: "\ufeffa: 1\nb: 2\n" }, { a: "\ufeffa: 1\nb: 3\n" }],
    "a long file of which nothing is left, shown as replaced whole": [{ a: lines(9000) }, { a: lines(9000).replaceAll("line", "row") }],
  };
  for (const [what, [before, after]] of Object.entries(cases)) {
    test(`are what git applies: ${what}`, (t) => assert.deepEqual(applied(t, before, after), after));
  }

  test("are what git applies: any texts", (t) => {
    const text = fc.array(fc.constantFrom("a\n", "b\n", "c\r\n", "\n", "- x\n", "\\ No newline at end of file\n"), { maxLength: 12 }).chain((list) => fc.constantFrom("", "end").map((end) => list.join("") + end));
    const file = fc.option(text, { nil: undefined });
    const trees = fc.array(fc.record({ before: file, after: file }), { minLength: 30, maxLength: 30 });
    fc.assert(fc.property(trees, (list) => {
      const pick = (which: "before" | "after"): Files => Object.fromEntries(list.flatMap((each, i) => (each[which] === undefined ? [] : [[`d${i % 3}/f${i}`, each[which]]])));
      assert.deepEqual(applied(t, pick("before"), pick("after")), pick("after"));
    }), { numRuns: 10, seed: 20261121 });
  });

  test("are coloured for terminals: heads, places and lines; the text between the colours stays", (t) => {
    const root = temporary(t);
    const changes = changesBetween(root, { a: "-- a/b\r\n1\n" }, { a: "1\n2\n" });
    const coloured = writeDiff(changes, root, true);
    assert.equal(coloured.replace(/\u001b\[\d*m/g, ""), writeDiff(changes, root, false));
    for (const part of ["\u001b[1m--- a/a\u001b[0m\n", "\u001b[36m@@ -1,2 +1,2 @@\u001b[0m\n", "\u001b[31m--- a/b\u001b[0m\r\n", "\u001b[32m+2\u001b[0m\n"]) assert.ok(coloured.includes(part), part);
  });
});

describe("the plan", () => {
  const planOf = (before: Files, after: Files, root = process.cwd(), all = false): string => writePlan(changesBetween(root, before, after), root, false, all);

  test("names each file with what happens to it, in order, and counts", () => {
    assert.equal(planOf({ "b/k.yaml": "1", "a.yaml": "1", same: "1" }, { "b/k.yaml": "2", "b/new.yaml": "1", "b/c/new.yaml": "1", same: "1" }),
      "- a.yaml\n+ b/c/new.yaml\n~ b/k.yaml\n+ b/new.yaml\n2 created, 1 changed, 1 removed\n");
  });

  test("is empty where there is nothing to do", () => assert.equal(planOf({ a: "1" }, { a: "1" }), ""));

  test("names paths as somebody types them here, wherever the tree is", () => {
    assert.equal(planOf({}, { "a.yaml": "1" }, join(process.cwd(), "gitops")), "+ gitops/a.yaml\n1 created\n");
    assert.equal(planOf({}, { "a.yaml": "1" }, dirname(process.cwd())), "+ ../a.yaml\n1 created\n");
  });

  test("is coloured for terminals", () => {
    assert.equal(writePlan(changesBetween(process.cwd(), {}, { a: "" }), process.cwd(), true), "\u001b[32m+ a\u001b[0m\n1 created\n");
  });

  const many: Files = { ...Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`base/services/s${i}/istio.yaml`, "1"])), "base/k.yaml": "1", "overlays/staging/one.yaml": "1", "overlays/staging/two.yaml": "1" };

  test("is folded by directory where it is long", () => {
    assert.equal(planOf({ "base/k.yaml": "0" }, many), "~ base/k.yaml\n+ base/services/  500 created\n+ overlays/staging/  2 created\n502 created, 1 changed; `--all` names every file\n");
  });

  test("folds no further than it must", () => {
    const files = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`services/s${Math.floor(i / 3)}/f${i}.yaml`, "1"]));
    const folded = planOf({}, files).split("\n");
    assert.equal(folded.length, 42);
    assert.equal(folded[0], "+ services/s0/  3 created");
  });

  test("names every file where that is asked for", () => assert.equal(planOf({}, many, process.cwd(), true).split("\n").length, 505));
});

/** A stream that keeps what it is given, with the times. */
function listen(isTTY: boolean, columns = 80): { readonly stream: NodeJS.WriteStream; readonly written: string[] } {
  const written: string[] = [];
  return { stream: { isTTY, columns, write: (text: string) => written.push(text) > 0 } as unknown as NodeJS.WriteStream, written };
}

const wait = (milliseconds: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, milliseconds));

describe("progress", () => {
  test("says nothing of short work", async () => {
    for (const isTTY of [true, false]) {
      const { stream, written } = listen(isTTY);
      const progress = startProgress({ stream });
      progress.say("reading");
      await wait(50);
      progress.say("writing");
      progress.end();
      assert.deepEqual(written, []);
    }
  });

  test("rewrites one line of a terminal while something else works, and takes it away", async () => {
    const { stream, written } = listen(true);
    const progress = startProgress({ stream, total: 2 });
    progress.say("kustomize build overlays/staging");
    await wait(600);
    progress.say("kustomize build overlays/production");
    await wait(200);
    progress.end();
    const plain = written.map((text) => text.replace(/\u001b\[\d+m/g, ""));
    assert.deepEqual(plain, ["\r\u001b[K[1/2] kustomize build overlays/staging", "\r\u001b[K[2/2] kustomize build overlays/production", "\r\u001b[K"]);
    progress.end();
    progress.say("late");
    await wait(100);
    assert.equal(written.length, 3, "nothing comes after the end");
  });

  test("never wraps a line, and has no colours where NO_COLOR is set", async (t) => {
    const before = process.env["NO_COLOR"];
    process.env["NO_COLOR"] = "1";
    t.after(() => (before === undefined ? delete process.env["NO_COLOR"] : (process.env["NO_COLOR"] = before)));
    const { stream, written } = listen(true, 20);
    const progress = startProgress({ stream });
    progress.say("kustomize build overlays/staging");
    await wait(600);
    progress.end();
    assert.deepEqual(written, ["\r\u001b[Kkustomize build ov…", "\r\u001b[K"]);
  });

  test("takes a terminal that does not know its width for one of 80 columns", async () => {
    const { stream, written } = listen(true, 0);
    const progress = startProgress({ stream });
    progress.say("kustomize build overlays/staging");
    await wait(600);
    progress.end();
    assert.ok(written[0]?.includes("kustomize build overlays/staging"), written[0]);
  });

  test("prints plain lines to a log, only once it takes long, and no carriage return", async () => {
    const { stream, written } = listen(false);
    const progress = startProgress({ stream });
    progress.say("reading gitops");
    await wait(100);
    progress.say("kustomize build overlays/staging");
    await wait(1500);
    progress.end();
    assert.deepEqual(written, ["istiomize: kustomize build overlays/staging\n"]);
  });

  test("keeps no process alive that is done", (t) => {
    const root = temporary(t, { "work.ts": `import { startProgress } from ${JSON.stringify(join(process.cwd(), "plugin/report/progress.ts"))};\nstartProgress().say("forgotten");\n` });
    assert.deepEqual(run(join(process.cwd(), "node_modules/.bin/tsx"), ["work.ts"], { cwd: root }), { code: 0, stdout: "", stderr: "" });
  });
});
