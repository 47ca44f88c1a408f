import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { catalogue } from "../generators/diagnostics/catalogue.ts";
import { settingNames } from "../generators/annotations/table.ts";
import { commands } from "../plugin/cli/cli.ts";
import { findOnPath } from "../scripts/tools.ts";
import { root } from "./support/cases.ts";
import { istiomize, run, temporary, type Files } from "./support/process.ts";

function script(shell: string): string {
  const { code, stdout, stderr } = istiomize(["completion", shell]);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

const files: Files = { "gitops/base/.keep": "", "git ops/.keep": "", "given.yaml": "" };

describe("completion in bash", () => {
  const bash = findOnPath("bash");

  /** What bash offers for words, the last of which is the one under the cursor, as bash takes them apart. */
  function offered(t: TestContext, ...words: readonly string[]): readonly string[] {
    const directory = temporary(t, files);
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const { code, stdout, stderr } = run(bash!, ["--norc", "--noprofile", "-c", `source "$1"; COMP_WORDS=(istiomize ${quoted}); COMP_CWORD=${words.length}; _istiomize; printf '%s\\n' "\${COMPREPLY[@]}"`, "bash", writeScript(t, "bash")], { cwd: directory });
    assert.deepEqual([code, stderr], [0, ""]);
    return stdout.split("\n").filter(Boolean).sort();
  }

  test("knows every command", (t) => {
    if (!bash) return t.skip("bash is not on this machine");
    assert.deepEqual(offered(t, ""), [...Object.keys(commands), "help"].sort());
    assert.deepEqual(offered(t, "do"), ["doctor"]);
    assert.deepEqual(offered(t, "scaffold", ""), ["overlay", "service", "tree"]);
  });

  test("knows the options of every command, and those of the function", async (t) => {
    if (!bash) return t.skip("bash is not on this machine");
    assert.deepEqual(offered(t, "--"), ["--environment", "--help", "--namespace", "--strict", "--version"]);
    for (const [name, { syntax }] of Object.entries(commands)) {
      const { options, inner = {} } = await syntax();
      assert.deepEqual(offered(t, name, "-"), Object.keys(options).map((option) => `--${option}`).sort(), name);
      for (const [word, { options: more }] of Object.entries(inner)) assert.deepEqual(offered(t, name, word, "x", "--"), Object.keys(more).map((option) => `--${option}`).sort(), `${name} ${word}`);
    }
  });

  test("knows the values that are fixed, behind a blank and behind =", (t) => {
    if (!bash) return t.skip("bash is not on this machine");
    assert.deepEqual(offered(t, "scaffold", "tree", "--layout", ""), ["files", "transformer"]);
    assert.deepEqual(offered(t, "scaffold", "tree", "--layout", "=", "t"), ["transformer"]);
    assert.deepEqual(offered(t, "scaffold", "tree", "--layout", "="), ["files", "transformer"]);
    assert.deepEqual(offered(t, "scaffold", "service", "web", "--protocol", "g"), ["grpc"]);
    assert.deepEqual(offered(t, "completion", ""), ["bash", "fish", "zsh"]);
    assert.deepEqual(offered(t, "scaffold", "service", "web", "--port", ""), [], "a port may be any");
  });

  test("knows annotations and codes for explain", (t) => {
    if (!bash) return t.skip("bash is not on this machine");
    assert.deepEqual(offered(t, "explain", ""), [...settingNames, ...Object.keys(catalogue)].sort());
    assert.deepEqual(offered(t, "explain", "retry-at"), ["retry-attempts"]);
    assert.deepEqual(offered(t, "explain", "IZ45"), Object.keys(catalogue).filter((code) => code.startsWith("IZ45")));
  });

  test("names directories elsewhere, with blanks too, and files where they are meant", (t) => {
    if (!bash) return t.skip("bash is not on this machine");
    for (const words of [["render"], ["generate", "--check"], ["doctor"], ["scaffold", "service", "web"], ["install", "--argocd"], ["install", "--bin"]]) assert.deepEqual(offered(t, ...words, "gi"), ["git ops", "gitops"], words.join(" "));
    assert.deepEqual(offered(t, "render", "gitops/"), ["gitops/base"]);
    assert.deepEqual(offered(t, "render", "--with", "gi"), ["git ops", "gitops", "given.yaml"]);
    assert.deepEqual(offered(t, "render", "gitops", "--", "gi"), ["git ops", "gitops", "given.yaml"], "what follows -- goes to kustomize");
    assert.deepEqual(offered(t, "install", "gi"), []);
  });
});

function writeScript(t: TestContext, shell: string): string {
  return join(temporary(t, { [`istiomize.${shell}`]: script(shell) }), `istiomize.${shell}`);
}

describe("completion in other shells", () => {
  for (const shell of ["zsh", "fish"]) {
    test(`${shell} reads its script without an error`, (t) => {
      const path = findOnPath(shell);
      if (!path) return t.skip(`${shell} is not on this machine`);
      const { code, stderr } = run(path, ["-n", writeScript(t, shell)]);
      assert.deepEqual([code, stderr], [0, ""]);
    });
  }

  test("fish offers commands, values and directories", (t) => {
    const fish = findOnPath("fish");
    if (!fish) return t.skip("fish is not on this machine");
    const [file, directory] = [writeScript(t, "fish"), temporary(t, files)];
    const offered = (line: string): readonly string[] => run(fish, ["--no-config", "-c", `source ${file}; complete -C '${line}'`], { cwd: directory, env: { HOME: directory } }).stdout.split("\n").filter(Boolean).map((each) => each.split("\t")[0]!).sort();
    assert.deepEqual(offered("istiomize "), [...Object.keys(commands)].sort());
    assert.deepEqual(offered("istiomize scaffold "), ["overlay", "service", "tree"]);
    assert.deepEqual(offered("istiomize scaffold tree --layout "), ["files", "transformer"]);
    assert.deepEqual(offered("istiomize explain retry-at"), ["retry-attempts"]);
    assert.deepEqual(offered("istiomize completion "), ["bash", "fish", "zsh"]);
  });

  test("every script holds every command, option and fixed value of the table", async () => {
    const syntaxes = await Promise.all(Object.values(commands).map(({ syntax }) => syntax()));
    const all = syntaxes.flatMap((each) => [each, ...Object.values(each.inner ?? {})]);
    const words = [...Object.keys(commands), ...all.flatMap(({ options, argument, values = {} }) => [...Object.keys(options), ...[argument, ...Object.values(values)].flatMap((each) => (typeof each === "object" ? each : []))])];
    for (const shell of ["bash", "zsh", "fish"]) {
      const text = script(shell);
      assert.deepEqual(words.filter((word) => !new RegExp(`(?<![\\w])${word}(?![\\w-])`).test(text)), [], shell);
    }
  });
});

describe("the command", () => {
  test("refuses what is no shell, with the one that was meant", () => {
    for (const [args, message] of [[["zhs"], /did you mean zsh\?/], [["powershell"], /bash, zsh and fish, not for "powershell"/], [[], /name a shell/], [["bash", "zsh"], /"zsh" is a second one/], [["--hlp"], /did you mean --help\?/]] as const) {
      const { code, stdout, stderr } = istiomize(["completion", ...args]);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
    }
  });

  test("and its neighbours have a help page, and stand in that of istiomize", () => {
    const page = istiomize(["--help"]).stdout;
    for (const name of ["doctor", "install", "completion"]) {
      assert.match(page, new RegExp(`^ {2}istiomize ${name} `, "m"));
      const { code, stdout, stderr } = istiomize([name, "--help"]);
      assert.deepEqual([code, stderr, stdout.startsWith(`istiomize ${name}`)], [0, "", true]);
      assert.match(stdout, /^Examples\n(?: {2}.*\n){3}/m);
    }
  });

  test("is named in the README, with doctor and install", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    for (const words of ["istiomize doctor", "istiomize install", "istiomize completion"]) assert.ok(readme.includes(words), words);
  });
});
