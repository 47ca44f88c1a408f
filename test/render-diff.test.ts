import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { compareWorlds, gatherSections } from "../plugin/render-diff/differences.ts";
import { longestComment, writeMarkdownReport } from "../plugin/render-diff/markdown-report.ts";
import { readWorld } from "../plugin/render-diff/objects.ts";
import { findOnPath } from "../scripts/tools.ts";
import { findKubectls, findKustomizes } from "./support/callers.ts";
import { bundle, root } from "./support/cases.ts";
import { istiomize, run, temporary, writeFiles, type Files, type Run } from "./support/process.ts";

const builder = [...findKustomizes(), ...findKubectls()][0];
const skip = !builder ? "neither kustomize nor kubectl is on this machine" : findOnPath("git") === undefined && "git is not on this machine";

const base: Files = {
  "gitops/base/kustomization.yaml": "namespace: shop\nresources: [mesh.yaml, namespace.yaml, web.yaml]\n",
  "gitops/base/mesh.yaml": "apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata: {name: shop}\nspec:\n  defaults:\n    timeout: 30s\n",
  "gitops/base/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
  "gitops/base/web.yaml": "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n    istiomize.dev/enabled: \"true\"\nspec:\n  selector: {app: web}\n  ports: [{name: http, port: 80}]\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata:\n      labels: {app: web}\n    spec:\n      containers: [{name: app, image: web}]\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {password: hunter2}\n",
  "gitops/overlays/staging/kustomization.yaml": "resources: [../../base]\n",
  "gitops/overlays/production/kustomization.yaml": "resources: [../../base]\npatches:\n- path: web.yaml\n",
  "gitops/overlays/production/web.yaml": "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n    istiomize.dev/retry-attempts: \"3\"\n",
};

const identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false", "-c", "protocol.file.allow=always"];

function git(directory: string, ...args: readonly string[]): string {
  const { code, stdout, stderr } = run("git", [...identity, ...args], { cwd: directory });
  assert.equal(code, 0, `git ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** A repository with one commit on `main`, and a directory for temporary files beside it. */
function repository(t: TestContext, files: Files = base): string {
  const directory = join(temporary(t, { "temporary/.keep": "", "repository/.keep": "" }), "repository");
  writeFiles(directory, files);
  git(directory, "init", "--quiet", "--initial-branch=main");
  commit(directory);
  return directory;
}

function commit(directory: string): void {
  git(directory, "add", "--all");
  git(directory, "commit", "--quiet", "--message=change");
}

function edit(directory: string, path: string, from: string, to: string): void {
  const text = readFileSync(join(directory, path), "utf8");
  assert.ok(text.includes(from), `${path} holds ${from}`);
  writeFileSync(join(directory, path), text.replace(from, to));
}

function temporaryOf(directory: string): string {
  return join(dirname(directory), "temporary");
}

function diff(directory: string, args: readonly string[], env: { readonly [name: string]: string | undefined } = {}): Run {
  const found = istiomize(["render", ...args, "--with", builder!.path], { cwd: directory, env: { NO_COLOR: "1", TMPDIR: temporaryOf(directory), ...env } });
  return { ...found, stderr: found.stderr.replace(/^istiomize: \[\d+\/\d+\] building .*\n/gm, "") };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const slower = (directory: string): void => edit(directory, "gitops/base/mesh.yaml", "timeout: 30s", "timeout: 5s");

describe("render --diff", { skip }, () => {
  test("says of every overlay that nothing changed, and builds none for that", (t) => {
    const directory = repository(t);
    const counting = join(temporaryOf(directory), builder!.isKubectl ? "kubectl-counting" : "kustomize-counting");
    writeFileSync(counting, `#!/bin/sh\necho "$@" >> "${join(dirname(directory), "calls")}"\nexec "${builder!.path}" "$@"\n`);
    chmodSync(counting, 0o755);
    const found = istiomize(["render", "gitops", "--diff", "HEAD", "--exit-code", "--with", counting], { cwd: directory });
    assert.deepEqual([found.code, found.stderr], [0, ""]);
    assert.match(found.stdout, /^Against HEAD \([0-9a-f]+\)\n {2}gitops\/overlays\/production {2}nothing changes\n {2}gitops\/overlays\/staging {5}nothing changes\n$/);
    assert.ok(!existsSync(join(dirname(directory), "calls")));
    edit(directory, "gitops/overlays/production/web.yaml", "3", "4");
    istiomize(["render", "gitops", "--diff", "HEAD", "--with", counting], { cwd: directory, env: { TMPDIR: temporaryOf(directory) } });
    assert.equal(readFileSync(join(dirname(directory), "calls"), "utf8").trim().split("\n").length, 2, "one overlay, twice");
  });

  test("shows a change of the base once, with the overlays that it reaches", (t) => {
    const directory = repository(t);
    slower(directory);
    const { code, stdout, stderr } = diff(directory, ["gitops", "--diff", "main"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.equal(stdout.replace(/\([0-9a-f]{7,}\)/, "(commit)"), `Against main (commit)
  gitops/overlays/production  1 object changes; 1 risk
  gitops/overlays/staging     1 object changes; 1 risk

gitops/overlays/production, gitops/overlays/staging

  ~ VirtualService web
      ! calls to web may take 5s (before: 30s): slower ones get 504
      spec.http[default].timeout  30s → 5s
`);
    assert.equal(diff(directory, ["gitops", "--diff", "main", "--exit-code"]).code, 1);
  });

  test("takes one overlay, or several paths, from wherever it is run", (t) => {
    const directory = repository(t);
    slower(directory);
    assert.match(diff(directory, ["gitops/overlays/staging", "--diff", "main"]).stdout, /^Against main .*\n {2}gitops\/overlays\/staging {2}1 object/);
    assert.match(diff(join(directory, "gitops"), ["overlays/staging", "overlays/production", "--diff", "main"], { TMPDIR: temporaryOf(directory) }).stdout, /\n {2}overlays\/production {2}1 object.*\n {2}overlays\/staging {5}1 object/);
    const outside = istiomize(["render", join(directory, "gitops"), "--diff", "main", "--with", builder!.path], { cwd: dirname(directory) });
    assert.match(outside.stdout, /\n {2}repository\/gitops\/overlays\/staging +1 object/);
  });

  test("compares files that git does not know yet, and those that are staged", (t) => {
    const directory = repository(t);
    writeFiles(directory, { "gitops/overlays/qa/kustomization.yaml": "resources: [../../base]\n" });
    rmSync(join(directory, "gitops/overlays/staging"), { recursive: true });
    git(directory, "add", "--all", "gitops/overlays/staging");
    const { code, stdout } = diff(directory, ["gitops", "--diff", "HEAD"]);
    assert.equal(code, 0);
    assert.match(stdout, /\n {2}gitops\/overlays\/production {2}nothing changes\n {2}gitops\/overlays\/qa {10}a new overlay: 2 objects are new\n {2}gitops\/overlays\/staging {5}the overlay is gone: 2 objects are gone\n/);
    assert.match(stdout, /\n {2}\+ VirtualService shop\/web\n {6}spec\.hosts {2}\+ \[web\]\n/, "no request goes another way than it did");
    assert.match(stdout, /\n {2}- VirtualService shop\/web\n {6}spec\.hosts {2}- \[web\]\n/);
    assert.match(diff(directory, ["gitops/overlays/qa", "gitops/overlays/staging", "--diff", "HEAD"]).stdout, /qa {7}a new overlay.*\n.*staging {2}the overlay is gone/);
  });

  test("compares with where a branch left main, and not with what came there since", (t) => {
    const directory = repository(t);
    git(directory, "checkout", "--quiet", "-b", "feature");
    edit(directory, "gitops/overlays/production/web.yaml", "3", "4");
    commit(directory);
    git(directory, "checkout", "--quiet", "main");
    slower(directory);
    commit(directory);
    git(directory, "checkout", "--quiet", "feature");
    assert.match(diff(directory, ["gitops", "--diff", "main"]).stdout, /timeout {2}5s → 30s/);
    for (const revision of ["main...", "main...HEAD"]) {
      const { stdout } = diff(directory, ["gitops", "--diff", revision]);
      assert.match(stdout, /one call becomes up to 5 requests when it fails \(before: 4\)/);
      assert.doesNotMatch(stdout, /timeout/);
    }
  });

  test("shows nothing of Secrets, and writes nothing to the repository or to where temporary files are", (t) => {
    const directory = repository(t);
    slower(directory);
    edit(directory, "gitops/base/web.yaml", "hunter2", "correct horse");
    const [before, index] = [git(directory, "status", "--porcelain"), readFileSync(join(directory, ".git/index"))];
    const { stdout, stderr } = diff(directory, ["gitops", "--diff", "main"]);
    assert.doesNotMatch(stdout + stderr, /hunter2|correct horse|Secret/);
    assert.deepEqual([git(directory, "status", "--porcelain"), readFileSync(join(directory, ".git/index")).equals(index)], [before, true]);
    assert.deepEqual(readdirSync(temporaryOf(directory)), [".keep"]);
  });

  test("does the same in a hook, whose index it leaves alone", (t) => {
    const directory = repository(t);
    slower(directory);
    const index = readFileSync(join(directory, ".git/index"));
    const { stdout } = diff(directory, ["gitops", "--diff", "HEAD"], { GIT_DIR: ".git", GIT_INDEX_FILE: ".git/index", GIT_PREFIX: "" });
    assert.match(stdout, /timeout {2}30s → 5s/);
    assert.ok(readFileSync(join(directory, ".git/index")).equals(index));
  });

  test("leaves nothing behind when it is stopped", async (t) => {
    const directory = repository(t);
    slower(directory);
    const slow = join(dirname(directory), "kustomize-slow");
    writeFileSync(slow, `#!/bin/sh\necho $$ >> "${join(dirname(directory), "pids")}"\nsleep 60\n`);
    chmodSync(slow, 0o755);
    const child = spawn(process.execPath, [bundle, "render", "gitops", "--diff", "main", "--with", slow], { cwd: directory, env: { ...process.env, TMPDIR: temporaryOf(directory) }, stdio: "ignore" });
    while (!existsSync(join(dirname(directory), "pids"))) await setTimeout(20);
    assert.ok(readdirSync(temporaryOf(directory)).length > 1);
    const ended = new Promise<number | null>((done) => child.on("close", done));
    child.kill("SIGTERM");
    assert.equal(await ended, 143);
    assert.deepEqual(readdirSync(temporaryOf(directory)), [".keep"]);
    const pids = readFileSync(join(dirname(directory), "pids"), "utf8").trim().split("\n").map(Number);
    for (let waited = 0; waited < 5000 && pids.some(isAlive); waited += 50) await setTimeout(50);
    assert.deepEqual(pids.filter(isAlive), [], "builds that go on");
  });

  test("reads what is below a symlink, in a directory that archives leave out, and in a submodule", (t) => {
    const module = repository(t, { "web.yaml": base["gitops/base/web.yaml"]! });
    const { "gitops/base/web.yaml": _, ...rest } = base;
    const directory = repository(t, {
      ...rest, ".gitattributes": "gitops export-ignore\n", "gitops/base/kustomization.yaml": "namespace: shop\nresources: [mesh.yaml, namespace.yaml]\n",
      "gitops/overlays/staging/kustomization.yaml": "resources: [../../base, ../../module]\nnamespace: shop\n", "gitops/overlays/production/kustomization.yaml": "resources: [../../base, ../../linked]\nnamespace: shop\n",
      "elsewhere/kustomization.yaml": "resources: [web.yaml]\n", "elsewhere/web.yaml": base["gitops/base/web.yaml"]!,
    });
    writeFiles(module, { "kustomization.yaml": "resources: [web.yaml]\n" });
    commit(module);
    symlinkSync("../elsewhere", join(directory, "gitops/linked"));
    git(directory, "submodule", "--quiet", "add", module, "gitops/module");
    commit(directory);
    slower(directory);
    const found = diff(directory, ["gitops/overlays/staging", "gitops/overlays/production", "--diff", "main"]);
    assert.deepEqual([found.code, found.stderr], [0, ""]);
    assert.match(found.stdout, /production {2}1 object changes; 1 risk\n.*staging {5}1 object changes; 1 risk\n/);
    renameSync(join(directory, "gitops/module"), join(dirname(directory), "module"));
    mkdirSync(join(directory, "gitops/module"));
    const without = diff(directory, ["gitops/overlays/production", "--diff", "main"]);
    assert.equal(without.code, 0);
    assert.match(without.stderr, /warning IZ494 {2}submodules are left out\n.*gitops\/module/);
    assert.match(without.stdout, /1 object changes/);
  });

  test("takes files that git ignores as they are now, for nobody knows how they were", (t) => {
    const directory = repository(t, { ...base, ".gitignore": "*.env\nlocal/\n", "gitops/base/kustomization.yaml": "namespace: shop\nresources: [mesh.yaml, namespace.yaml, web.yaml]\nsecretGenerator:\n- name: more\n  envs: [more.env]\npatches:\n- path: local/patch.yaml\n" });
    writeFiles(directory, { "gitops/base/more.env": "a=b\n", "gitops/base/local/patch.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: web, labels: {a: b}}\n" });
    slower(directory);
    const { code, stdout, stderr } = diff(directory, ["gitops", "--diff", "main"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /timeout {2}30s → 5s/);
  });

  test("meshes the example tree of this repository in all of its layouts", (t) => {
    const directory = repository(t, {});
    cpSync(join(root, "gitops"), join(directory, "gitops"), { recursive: true });
    commit(directory);
    edit(directory, "gitops/base/istio/mesh.yaml", "maxConnections: 100", "maxConnections: 50");
    edit(directory, "gitops/overlays/production/patches/ms-product.yaml", "stable=90,canary=10", "stable=70,canary=30");
    const { code, stdout, stderr } = diff(directory, ["gitops", "--diff", "main"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /\ngitops\/overlays\/production, gitops\/overlays\/qa, gitops\/overlays\/staging\n\n {2}~ DestinationRule frontend, ms-identity, .*\n.*at most 50 connections at a time/);
    assert.match(stdout, /\ngitops\/overlays\/production\n\n {2}~ VirtualService kubestock-production\/ms-product\n {6}• calls to ms-product move: stable 90% → 70%, canary 10% → 30%\n/);
  });
});

describe("render --diff that cannot run", { skip }, () => {
  const refused = ({ code, stdout, stderr }: Run, exitCode: number, message: RegExp): void => {
    assert.match(stderr, message);
    assert.deepEqual([code, stdout], [exitCode, ""]);
  };

  test("says what is wrong with the command line", (t) => {
    const directory = repository(t);
    refused(diff(directory, ["gitops", "--diff", "main", "--format", "html"]), 2, /--format is text or markdown, not "html"/);
    refused(diff(directory, ["gitops", "--format", "markdown"]), 2, /--format goes with --diff/);
    refused(diff(directory, ["gitops", "--exit-code"]), 2, /--exit-code goes with --diff/);
    refused(diff(directory, ["gitops", "--diff"]), 2, /"--with" is no git revision; --diff needs one, such as main/);
    refused(diff(directory, ["--diff", "main"]), 2, /name the directory/);
  });

  test("says that there is no git, no repository, and no such revision", (t) => {
    const directory = repository(t);
    const outside = temporary(t, base);
    refused(diff(directory, ["gitops", "--diff", "main"], { PATH: "" }), 2, /error IZ490 {2}no git revision to compare with\n.*no `git` on PATH/);
    refused(istiomize(["render", "gitops", "--diff", "main", "--with", builder!.path], { cwd: outside }), 2, /error IZ490.*\n.*not a git repository/);
    refused(diff(directory, ["gitops", outside, "--diff", "main"]), 2, /error IZ490.*\n.*is not in/);
    git(directory, "update-ref", "refs/remotes/origin/release", "main");
    refused(diff(directory, ["gitops", "--diff", "release"]), 2, /error IZ491 {2}revision not found\n[^]*did you mean "origin\/release"\?/);
    refused(diff(directory, ["gitops", "--diff", "mian"]), 2, /did you mean "main"\?/);
    refused(diff(directory, ["gitops", "--diff", "main..HEAD"]), 2, /the other side is always the working tree/);
    refused(diff(directory, ["gitops", "--diff=--output=/tmp/x"]), 2, /is no git revision/);
  });

  test("says how to get a revision that a shallow clone does not hold", (t) => {
    const directory = repository(t);
    slower(directory);
    commit(directory);
    const clone = join(dirname(directory), "clone");
    git(dirname(directory), "clone", "--quiet", "--depth=1", `file://${directory}`, clone);
    refused(diff(clone, ["gitops", "--diff", "HEAD~1"]), 2, /error IZ491[^]*shallow clone[^]*--unshallow/);
  });

  test("says of a path without a kustomization, then or now, that there is none", (t) => {
    const directory = repository(t);
    refused(diff(directory, ["gitops/overlays/qa", "--diff", "main"]), 1, /error IZ492 {2}no kustomization to compare\n.*gitops\/overlays\/qa/);
  });

  test("on one side of an overlay says why, and goes on with the others", (t) => {
    const directory = repository(t);
    slower(directory);
    edit(directory, "gitops/overlays/production/kustomization.yaml", "web.yaml", "gone.yaml");
    const now = diff(directory, ["gitops", "--diff", "main"]);
    assert.equal(now.code, 1);
    assert.match(now.stderr, /error IZ402[^]*gone\.yaml[^]*gitops\/overlays\/production {2}error IZ493 {2}overlay cannot be compared/);
    assert.match(now.stdout, /production {2}cannot be built\n {2}gitops\/overlays\/staging {5}1 object changes/);
    commit(directory);
    edit(directory, "gitops/overlays/production/kustomization.yaml", "gone.yaml", "web.yaml");
    const then = diff(directory, ["gitops", "--diff", "main"]);
    assert.equal(then.code, 1);
    assert.match(then.stderr, /fails on the files as they were at main/);
    assert.doesNotMatch(then.stderr, /istiomize-\w{6}/, "no temporary path");
  });
});

describe("render --diff --format markdown", () => {
  const header = (value: string): string => `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web, namespace: shop}\nspec:\n  hosts: [web]\n  http:\n  - name: default\n    match: [{headers: {x-who: {exact: ${JSON.stringify(value)}}}}]\n    route: [{destination: {host: web}}]\n`;
  const timed = (count: number, seconds: number): string => Array.from({ length: count }, (_, i) =>
    `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web-${i}, namespace: shop}\nspec: {hosts: [web-${i}], http: [{name: default, timeout: ${seconds + i}s, route: [{destination: {host: web-${i}}}]}]}\n`).join("---\n");

  function write(before: string, after: string): string {
    const comparison = compareWorlds(readWorld(before), readWorld(after));
    const overlays = new Map([["overlays/staging", { state: "compared", comparison } as const], ["overlays/production", { state: "same" } as const]]);
    return writeMarkdownReport({ revision: "main", commit: "1234567", overlays, sections: gatherSections(new Map([["overlays/staging", comparison]])) }, "istiomize render overlays --diff main");
  }

  test("begins with a table of what changes where, and folds the rest", () => {
    assert.equal(write(timed(1, 30), timed(1, 5)), `### What changes in the mesh

Against <code>main</code> (1234567): 1 of 2 overlays.

| Overlay | What changes | Risks |
|---|---|---|
| <code>overlays/staging</code> | 1 object changes | ⚠️ 1 |

Nothing changes in <code>overlays/production</code>.

<details><summary><code>overlays/staging</code>: 1 change</summary>

**VirtualService** <code>shop/web-0</code>

- ⚠️ calls to <code>web-0</code> may take <code>5s</code> (before: <code>30s</code>): slower ones get 504

| Field | Before | After |
|---|---|---|
| <code>spec.http&#91;default&#93;.timeout</code> | <code>30s</code> | <code>5s</code> |

</details>
`);
    assert.match(write(timed(1, 30), timed(1, 30)), /^### .*\n\nAgainst <code>main<\/code> \(1234567\): nothing, in 2 overlays\.\n$/);
  });

  test("lets no value end its cell, begin a tag, a link or code, call a person, or hide anything", () => {
    const text = write(header("a"), header("x|y`z`</code></details><img src=x onerror=alert(1)>@octocat #1 [a](http://b) **b** \u202e\u0007\nnext"));
    assert.doesNotMatch(text, /[@`\u202e\u0007]|<img|\]\(|\*\*b|http:\/\/|x\|y/);
    assert.equal(text.match(/<details>/g)?.length, 1);
    assert.equal(text.match(/<\/details>/g)?.length, 1);
    assert.match(text, /x&#124;y&#96;z/);
  });

  test("stays within the length of a comment, and says what it leaves out", () => {
    const [before, after] = [timed(3000, 30), timed(3000, 5)];
    const text = write(before, after);
    assert.ok(text.length <= longestComment, String(text.length));
    assert.match(text, /\n\d+ changes more, left out for the length of a comment: <code>istiomize render overlays --diff main<\/code> shows them\.\n$/);
    const some = write(timed(250, 30), timed(250, 5));
    assert.ok(some.length <= longestComment);
    assert.match(some, /Fields are left out, for the length of a comment/);
  });
});
