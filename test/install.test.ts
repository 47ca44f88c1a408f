import assert from "node:assert/strict";
import { chmodSync, existsSync, linkSync, lstatSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { readArgocdTree } from "../plugin/install/argocd-tree.ts";
import { pluginHomes } from "../plugin/tree/plugin-home.ts";
import { findOnPath } from "../scripts/tools.ts";
import { findKubectls, findKustomizes, readFiles } from "./support/callers.ts";
import { bundle, root } from "./support/cases.ts";
import { istiomize, run, temporary, writeFiles, type Run } from "./support/process.ts";

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const plugin = "istiomize.dev/v1alpha1/servicemesh/ServiceMesh";
const nowhere = { KUSTOMIZE_PLUGIN_HOME: undefined, XDG_CONFIG_HOME: undefined };

/** The bundle as another version would have been. */
const older = (): string => readFileSync(bundle, "utf8").replace("\n", "\nif (process.argv[2] === \"--version\") { console.log(\"0.0.9\"); process.exit(0); }\n");

/** Names, modes, link targets and texts of everything below, to see that nothing changed. */
function snapshot(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).sort().map((path) => {
    const stats = lstatSync(join(directory, path));
    return `${path} ${stats.mode} ${stats.isFile() ? readFileSync(join(directory, path), "latin1").length : ""} ${stats.ino} ${stats.mtimeMs}`;
  });
}

function assertDone({ code, stdout, stderr }: Run): string {
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

/** Refused with these words, and without a change to a directory. */
function assertRefused(directory: string, args: readonly string[], message: string, code = 1): void {
  const before = snapshot(directory);
  const refused = istiomize(["install", ...args], { cwd: directory, env: { ...nowhere, HOME: join(directory, "home") } });
  assert.equal(refused.stderr, message);
  assert.deepEqual([refused.code, refused.stdout], [code, ""]);
  assert.deepEqual(snapshot(directory), before);
}

describe("install", () => {
  test("puts an executable on a PATH and the plugin into a plugin home, and says what to type next", (t) => {
    const directory = temporary(t);
    const stdout = assertDone(istiomize(["install", "--bin", "bin", "--plugin-home", "plugins"], { cwd: directory }));
    const [program, installed] = [join(directory, "bin/istiomize"), join(directory, "plugins", plugin)];
    assert.equal(stdout, `installed     ${program} (${version}, run by the \`node\` on PATH)
installed     ${installed} (${version}, run by the \`node\` on PATH)

Next
  export PATH=${dirname(program)}:"$PATH"
  export KUSTOMIZE_PLUGIN_HOME=${join(directory, "plugins")}
  istiomize doctor
`);
    for (const file of [program, installed]) {
      assert.equal(statSync(file).mode & 0o777, 0o755);
      assert.equal(lstatSync(file).isSymbolicLink(), false);
      assert.equal(assertDone(run(file, ["--version"])), `${version}\n`);
    }
    assert.equal(statSync(program).ino, statSync(installed).ino, "one file with two names");
    assert.equal(readFileSync(join(dirname(installed), "package.json"), "utf8"), "{\"type\": \"commonjs\"}\n");
  });

  test("does nothing the second time, and mends a run bit that is gone", (t) => {
    const directory = temporary(t);
    const again = (): string => assertDone(istiomize(["install", "--bin", "bin", "--plugin-home", "plugins"], { cwd: directory }));
    again();
    const before = snapshot(directory);
    assert.match(again(), /^already there .*bin\/istiomize .*\nalready there .*ServiceMesh /);
    assert.deepEqual(snapshot(directory), before);
    chmodSync(join(directory, "bin/istiomize"), 0o644);
    again();
    assert.equal(statSync(join(directory, "bin/istiomize")).mode & 0o777, 0o755);
  });

  test("replaces another version in one step, a symbolic link included but not what it leads to", (t) => {
    const directory = temporary(t, { "checkout/istiomize.cjs": older(), "bin/istiomize": older() });
    mkdirSync(join(directory, "plugins", dirname(plugin)), { recursive: true });
    symlinkSync(join(directory, "checkout/istiomize.cjs"), join(directory, "plugins", plugin));
    linkSync(join(directory, "bin/istiomize"), join(directory, "running"));
    const stdout = assertDone(istiomize(["install", "--bin", "bin", "--plugin-home", "plugins"], { cwd: directory }));
    assert.match(stdout, /^replaced .*bin\/istiomize .*\nreplaced .*ServiceMesh /);
    for (const file of ["bin/istiomize", join("plugins", plugin)]) assert.equal(assertDone(run(join(directory, file), ["--version"])), `${version}\n`);
    for (const file of ["checkout/istiomize.cjs", "running"]) assert.equal(readFileSync(join(directory, file), "utf8"), older());
    assert.deepEqual(readdirSync(join(directory, "bin")), ["istiomize"], "nothing left beside it");
  });

  test("says under --dry-run what it would do, and does nothing", (t) => {
    const directory = temporary(t, { "bin/istiomize": older() });
    const before = snapshot(directory);
    const stdout = assertDone(istiomize(["install", "--bin", "bin", "--plugin-home", "plugins", "--dry-run"], { cwd: directory }));
    assert.match(stdout, /^would replace .*bin\/istiomize .*\nwould install .*ServiceMesh /);
    assert.deepEqual(snapshot(directory), before);
  });

  for (const [what, files, env, home] of [
    ["the one that is named, where it is there", ["named/.keep", "config/kustomize/plugin/.keep"], { KUSTOMIZE_PLUGIN_HOME: "named", XDG_CONFIG_HOME: "config" }, "named"],
    ["the first that is there, not the one that is named", ["config/kustomize/plugin/.keep"], { KUSTOMIZE_PLUGIN_HOME: "named", XDG_CONFIG_HOME: "config" }, "config/kustomize/plugin"],
    ["the one below HOME, where only that is there", ["home/.config/kustomize/plugin/.keep"], { KUSTOMIZE_PLUGIN_HOME: "named" }, "home/.config/kustomize/plugin"],
    ["the oldest one, where only that is there", ["home/kustomize/plugin/.keep"], {}, "home/kustomize/plugin"],
    ["the one that is named, where none is there", [], { KUSTOMIZE_PLUGIN_HOME: "named", XDG_CONFIG_HOME: "config" }, "named"],
    ["the usual one below HOME, where none is there and none is named", [], {}, "home/.config/kustomize/plugin"],
  ] as const) {
    test(`without options takes the plugin home that kustomize uses: ${what}`, (t) => {
      const directory = temporary(t, Object.fromEntries(files.map((file) => [file, ""])));
      const absolute = Object.fromEntries(Object.entries({ HOME: "home", ...env }).map(([name, path]) => [name, join(directory, path)]));
      const stdout = assertDone(istiomize(["install"], { env: { ...nowhere, ...absolute } }));
      assert.equal(stdout, `installed     ${join(directory, home, plugin)} (${version}, run by the \`node\` on PATH)\n\nNext\n  istiomize doctor\n`);
    });
  }

  for (const { name, path, isKubectl } of [...findKustomizes(), ...findKubectls()]) {
    test(`is enough for ${name} to build a tree whose transformer is the older plugin`, (t) => {
      const directory = temporary(t, {
        "tree/kustomization.yaml": "resources: [service.yaml]\ntransformers: [mesh.yaml]\n",
        "tree/service.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop, annotations: {istiomize.dev/timeout: 5s}}\nspec: {selector: {app: web}, ports: [{name: http, port: 80}]}\n",
        "tree/mesh.yaml": "apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata: {name: m}\nspec: {}\n",
      });
      const env = { ...nowhere, HOME: join(directory, "home") };
      const build = (): Run => run(path, [isKubectl ? "kustomize" : "build", "--enable-alpha-plugins", join(directory, "tree")], { env });
      assert.notEqual(build().code, 0);
      assertDone(istiomize(["install"], { env }));
      assert.match(build().stdout, /kind: VirtualService/); // kustomize 5.0 also passes on what the plugin warns of
    });
  }

  test("knows the plugin homes by the names that kustomize gives them", (t) => {
    const kustomize = findKustomizes()[0];
    if (!kustomize) return t.skip("kustomize is not on this machine");
    const directory = temporary(t, { "kustomization.yaml": "transformers: [mesh.yaml]\n", "mesh.yaml": "apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata: {name: m}\n" });
    const env = { KUSTOMIZE_PLUGIN_HOME: "/nowhere/named", XDG_CONFIG_HOME: "/nowhere/config", HOME: "/nowhere/home" };
    const { stderr } = run(kustomize.path, ["build", "--enable-alpha-plugins", directory], { env });
    const tried = [...stderr.matchAll(/(\/nowhere\/\S+?)['")\s;,]/g)].map(([, path]) => path);
    assert.deepEqual(tried.filter((path, i) => tried.indexOf(path) === i), pluginHomes(env).map(({ path }) => path), stderr);
  });

  test("works as an init container: any user, no home, no shell, into an empty directory", (t) => {
    if (process.getuid?.() !== 0 || !findOnPath("setpriv")) return t.skip("only root with setpriv can become another user");
    const directory = temporary(t, { "program/istiomize.cjs": readFileSync(bundle, "utf8"), "volume/.keep": "" });
    for (const path of [directory, join(directory, "program")]) chmodSync(path, 0o755);
    chmodSync(join(directory, "volume"), 0o777);
    const args = ["--reuid=65532", "--regid=65532", "--clear-groups", process.execPath, join(directory, "program/istiomize.cjs"), "install", "--bin", join(directory, "volume/bin"), "--plugin-home", join(directory, "volume/plugins")];
    const env = { HOME: undefined, USER: undefined, PATH: undefined, TMPDIR: "/nowhere", ...nowhere };
    for (const word of ["installed", "already there"]) assert.ok(assertDone(run(findOnPath("setpriv")!, args, { env, cwd: "/" })).startsWith(word));
    assert.equal(assertDone(run(join(directory, "volume/plugins", plugin), ["--version"])), `${version}\n`);
    chmodSync(join(directory, "volume"), 0o755);
    const refused = run(findOnPath("setpriv")!, args.map((arg) => arg.replace("volume", "volume/other")), { env, cwd: "/" });
    assert.deepEqual([refused.code, refused.stdout], [1, ""]);
    assert.match(refused.stderr, /^\/.*\/volume\/other\/bin\/istiomize {2}error IZ451 {2}cannot be installed\n {2}read {6}no permission to write here \(EACCES\)\n/m);
  });
});

describe("install refuses, and touches nothing", () => {
  const here = (directory: string, path: string): string => join(directory, path);
  const block = (file: string, read: string, help = "move it away, or choose another directory", expected = "no file of this name, or one that istiomize put there"): string =>
    `${file}  error IZ450  cannot be installed here\n  read      ${read}\n  expected  ${expected}\n  help      ${help}; nothing was written\n`;

  test("a directory in its place", (t) => {
    const directory = temporary(t, { "bin/istiomize/.keep": "" });
    assertRefused(directory, ["--plugin-home", "plugins", "--bin", "bin"], block(here(directory, "bin/istiomize"), "a directory of this name"));
  });

  test("somebody else's program, at either place, whatever it is called", (t) => {
    const directory = temporary(t, { "bin/istiomize": "#!/bin/sh\necho 0.4.0\n", [`plugins/${plugin}`]: "#!/bin/sh\n" });
    const [program, other] = [here(directory, "bin/istiomize"), here(directory, `plugins/${plugin}`)];
    assertRefused(directory, ["--plugin-home", "plugins", "--bin", "bin"], `${block(program, "a file that is not istiomize")}\n${block(other, "a file that is not istiomize")}\nistiomize: 2 errors\n`);
  });

  test("a symbolic link that leads nowhere", (t) => {
    const directory = temporary(t, { "bin/.keep": "" });
    symlinkSync("/nowhere/istiomize", join(directory, "bin/istiomize"));
    assertRefused(directory, ["--bin", "bin"], block(here(directory, "bin/istiomize"), "a symbolic link that leads nowhere"));
  });

  test("a package.json of somebody else's beside the plugin", (t) => {
    const directory = temporary(t, { [`plugins/${dirname(plugin)}/package.json`]: "{\"type\": \"module\"}" });
    assertRefused(directory, ["--plugin-home", "plugins"], block(here(directory, `plugins/${dirname(plugin)}/package.json`), "a package.json that istiomize did not write"));
  });

  test("a directory in which Node.js takes it for a module", (t) => {
    const directory = temporary(t, { "package.json": "{\"name\": \"x\", \"type\": \"module\"}", "bin/.keep": "" });
    assertRefused(directory, ["--bin", "bin"], block(here(directory, "bin"), `a directory below ${here(directory, "package.json")}, which says "type": "module"`, "choose a directory outside that package", "a place where Node.js takes a file without extension for CommonJS"));
  });

  test("a file where a directory is needed", (t) => {
    const directory = temporary(t, { bin: "" });
    assertRefused(directory, ["--bin", "bin/inner"], `${here(directory, "bin/inner/istiomize")}  error IZ451  cannot be installed
  read      a file where a directory is needed (ENOTDIR)
  expected  permission and space to write here
  help      move it away and run again, or choose another directory
`);
  });

  test("an environment from which nobody knows a plugin home", () => {
    const { code, stdout, stderr } = istiomize(["install"], { env: { ...nowhere, HOME: undefined } });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.equal(stderr, `error IZ453  no plugin home
  read      neither KUSTOMIZE_PLUGIN_HOME nor XDG_CONFIG_HOME nor HOME in the environment
  expected  one of them, from which kustomize knows its plugin home
  help      name it: \`istiomize install --plugin-home DIR\`, and set KUSTOMIZE_PLUGIN_HOME to DIR where kustomize runs; nothing was written
`);
  });

  for (const [args, message] of [
    [["bin"], /"bin" is behind none/], [["--bin"], /--bin/], [["--bin", ""], /--bin needs a value/], [["--image", "x:1"], /--image goes with --argocd DIR/],
    [["--force"], /--force goes with --argocd/], [["--plugin-hom", "x"], /did you mean --plugin-home\?/], [["--argocd", "a", "--image", "registry.example.com/istiomize"], /has no tag/],
  ] as const) {
    test(`a mistake on the command line: ${args.join(" ")}`, () => {
      const { code, stdout, stderr } = istiomize(["install", ...args]);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
    });
  }
});

describe("install --argocd", () => {
  const record = ".istiomize.json";
  const write = (t: TestContext): string => {
    const directory = temporary(t);
    assertDone(istiomize(["install", "--argocd", "argocd"], { cwd: directory }));
    return directory;
  };

  test("writes gitops/argocd as it stands in the repository, without the examples, and says which files are its own", (t) => {
    const directory = write(t);
    const { [record]: text, ...files } = readFiles(join(directory, "argocd"));
    const own = Object.fromEntries(Object.entries(readFiles(join(root, "gitops/argocd"))).filter(([path]) => !path.startsWith("examples/")));
    assert.deepEqual(files, own);
    assert.deepEqual(files, readArgocdTree());
    const { istiomize: by, sha256 } = JSON.parse(text!) as { istiomize: string; sha256: { [path: string]: string } };
    assert.deepEqual([by, Object.keys(sha256)], [version, Object.keys(files).sort()]);
  });

  test("names the image of this version, and no other", () => {
    const images = Object.values(readArgocdTree()).flatMap((text) => [...text.matchAll(/(?<![\w.-])istiomize:(\d+\.\d+\.\d+[\w.-]*)/g)].map(([, tag]) => tag));
    assert.ok(images.length > 0);
    assert.deepEqual(images.filter((tag) => tag !== version), []);
  });

  test("writes another image where one is named, and wants to hear it again", (t) => {
    const directory = temporary(t);
    const at = (...args: readonly string[]): Run => istiomize(["install", "--argocd", "argocd", ...args], { cwd: directory });
    assertDone(at("--image", `registry.example.com/team/istiomize:${version}`));
    const text = Object.values(readFiles(join(directory, "argocd"))).join("\n");
    assert.match(text, /image: registry\.example\.com\/team\/istiomize:/);
    assert.doesNotMatch(text, /image: istiomize:/);
    assert.doesNotMatch(text, new RegExp(`registry\\.example\\.com/istiomize:${version}`), "the commands of the guide name it too");
    const refused = at();
    assert.deepEqual([refused.code, refused.stdout], [2, ""]);
    assert.match(refused.stderr, /was written with --image registry\.example\.com\/team\/istiomize:.*name the image again/);
    assert.match(assertDone(at("--image", "registry.example.com/team/istiomize:next")), /~ argocd\/executable\/repo-server\.yaml/);
  });

  test("has nothing to do the second time; the plan of the first names every file", (t) => {
    const directory = temporary(t);
    const at = (...args: readonly string[]): string => assertDone(istiomize(["install", "--argocd", "argocd", ...args], { cwd: directory }));
    const dry = at("--dry-run");
    assert.deepEqual(readdirSync(directory), []);
    assert.equal(at(), dry);
    assert.match(dry, /^\+ argocd\/\.istiomize\.json\n(?:\+ argocd\/.*\n)+\d+ created\n\nNext: argocd\/README\.md says which of the three ways to take, and how to switch it on\n$/);
    assert.equal(at(), `nothing to do: argocd holds the tree for Argo CD of ${version}\n`);
  });

  test("replaces what another version wrote, and takes out what is no longer part of it", (t) => {
    const directory = write(t);
    const at = join(directory, "argocd");
    const hash = run("sha256sum", [], { input: "old\n" }).stdout.slice(0, 64);
    writeFiles(at, { "cmp/plugin.yaml": "old\n", "cmp/gone.yaml": "old\n", "mine.yaml": "of the admin\n" });
    const written = JSON.parse(readFileSync(join(at, record), "utf8")) as { sha256: { [path: string]: string } };
    writeFileSync(join(at, record), JSON.stringify({ istiomize: "0.0.9", sha256: { ...written.sha256, "cmp/plugin.yaml": hash, "cmp/gone.yaml": hash } }));
    const stdout = assertDone(istiomize(["install", "--argocd", "argocd"], { cwd: directory }));
    assert.match(stdout, /^~ argocd\/\.istiomize\.json\n- argocd\/cmp\/gone\.yaml\n~ argocd\/cmp\/plugin\.yaml\n2 changed, 1 removed\n/);
    assert.equal(existsSync(join(at, "mine.yaml")), true);
  });

  test("never writes over what people edited, unless they say --force", (t) => {
    const directory = write(t);
    const file = join(directory, "argocd/cmp/plugin.yaml");
    writeFileSync(file, "mine\n");
    assertRefused(directory, ["--argocd", "argocd"], `argocd/cmp/plugin.yaml  error IZ452  would be overwritten
  read      a file that somebody edited
  expected  a file as an earlier \`istiomize install --argocd\` wrote it, or none
  help      keep changes of your own in a kustomization that takes this one in; --force overwrites it; nothing was written
`);
    assertDone(istiomize(["install", "--argocd", "argocd", "--force"], { cwd: directory }));
    assert.equal(readFileSync(file, "utf8"), readArgocdTree()["cmp/plugin.yaml"]);
  });

  test("never writes over what stands there without a note that istiomize wrote it", (t) => {
    const directory = temporary(t, { "argocd/README.md": "ours\n", "argocd/cmp/kustomization.yaml": "resources: []\n" });
    assertRefused(directory, ["--argocd", "argocd"], ["README.md", "cmp/kustomization.yaml"].map((file) => `argocd/${file}  error IZ452  would be overwritten
  read      a file that istiomize did not write
  expected  a file as an earlier \`istiomize install --argocd\` wrote it, or none
  help      move it away, or choose another directory; --force overwrites it; nothing was written
`).join("\n") + "\nistiomize: 2 errors\n");
  });

  test("leaves a directory alone that stands where a file of its own goes", (t) => {
    const directory = temporary(t, { "argocd/README.md/.keep": "" });
    const { code, stdout, stderr } = istiomize(["install", "--argocd", "argocd", "--force"], { cwd: directory });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^argocd\/README\.md {2}error IZ450 .*\n {2}read {6}a directory of this name\n/);
    assert.deepEqual(readdirSync(join(directory, "argocd")), ["README.md"]);
  });

  test("wants a directory, and says so of a file", (t) => {
    const directory = temporary(t, { f: "mine\n" });
    assertRefused(directory, ["--argocd", "f"], `${join(directory, "f")}  error IZ451  cannot be installed
  read      a file where a directory is needed (ENOTDIR)
  expected  permission and space to write here
  help      move it away and run again, or choose another directory
`);
  });

  test("takes no path of its record that leads out of the directory", (t) => {
    const directory = write(t);
    const outside = join(directory, "outside.yaml");
    writeFileSync(outside, "old\n");
    const hash = run("sha256sum", [], { input: "old\n" }).stdout.slice(0, 64);
    const file = join(directory, "argocd", record);
    const written = JSON.parse(readFileSync(file, "utf8")) as { sha256: { [path: string]: string } };
    writeFileSync(file, JSON.stringify({ ...written, sha256: { ...written.sha256, "../outside.yaml": hash } }));
    assertDone(istiomize(["install", "--argocd", "argocd"], { cwd: directory }));
    assert.equal(existsSync(outside), true);
  });
});
