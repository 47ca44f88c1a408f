import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { catalogue } from "../generators/diagnostics/catalogue.ts";
import { findOnPath } from "../scripts/tools.ts";
import { copyExample, filesIn, findHelm, findKubectls, findKustomizes, readFiles } from "./support/callers.ts";
import { bundle, root } from "./support/cases.ts";
import { istiomize, run, temporary, writeFiles, type Files, type Run } from "./support/process.ts";

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const plugin = "istiomize.dev/v1alpha1/servicemesh/ServiceMesh";
const kustomizes = findKustomizes();
const newest = kustomizes.at(-1);
const [kubectl] = findKubectls();
const kpt = findOnPath("kpt");
const helm = findHelm();

/** A machine: what is on its PATH, its home, and nothing else. */
interface Machine {
  readonly directory: string;
  readonly bin: string;
  readonly env: { readonly [name: string]: string | undefined };
  readonly doctor: (...args: readonly string[]) => Run;
}

/** Programs by name; `istiomize` is there unless it is left out. */
function machine(t: TestContext, programs: { readonly [name: string]: string | undefined } = {}, files: Files = {}, env: { readonly [name: string]: string | undefined } = {}): Machine {
  const directory = temporary(t, { "home/.keep": "", "tmp/.keep": "", "bin/.keep": "", ...files });
  const bin = join(directory, "bin");
  for (const [name, path] of Object.entries({ node: process.execPath, istiomize: bundle, ...programs })) if (path !== undefined) symlinkSync(path, join(bin, name));
  const variables = {
    PATH: bin, HOME: join(directory, "home"), TMPDIR: join(directory, "tmp"), KUSTOMIZE_PLUGIN_HOME: undefined, XDG_CONFIG_HOME: undefined, NO_COLOR: "1",
    ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value?.replaceAll("<dir>", directory)])),
  };
  return {
    directory, bin, env: variables,
    doctor: (...args) => {
      const { code, stdout, stderr } = istiomize(["doctor", ...args], { cwd: directory, env: variables });
      return { code, stdout: stdout.replaceAll(directory, "<dir>"), stderr: stderr.replaceAll(directory, "<dir>") };
    },
  };
}

/** The rows of a mode: what came of each command. */
function rowsOf(stdout: string, mode: string): readonly string[] {
  return [...stdout.matchAll(new RegExp(`^ {2}(works|skipped|fails) +${mode} +(.*)\\n(?: {19}(.*)\\n)?`, "gm"))].map(([, state, command, why]) => `${state}: ${command}${why === undefined ? "" : `: ${why}`}`);
}

/** The findings of one code, as they are printed. */
function findingsOf({ stderr }: Run, code: string): string {
  return stderr.split("\n\n").map((block) => block.trim()).filter((block) => block.split("\n")[0]!.includes(` ${code}  `)).join("\n\n");
}

function codesOf({ stderr }: Run): readonly string[] {
  return [...stderr.matchAll(/\b(?:error|warning|info) (IZ\d{3}) {2}/g)].map(([, code]) => code!);
}

function verdictOf({ stdout }: Run): string {
  return stdout.trimEnd().split("\n").at(-1)!;
}

const raised = new Set<string>();

/** Exactly these lines for a code. */
function assertFound(ended: Run, code: string, text: string): void {
  assert.equal(findingsOf(ended, code), text.trim());
  raised.add(code);
}

describe("doctor on a machine", () => {
  test("without kustomize and kubectl says what to install, and that nothing works", (t) => {
    const ended = machine(t).doctor();
    assert.equal(ended.code, 1);
    assert.equal(ended.stdout, `istiomize ${version}, ${bundle}

On this machine
  node       ${process.versions.node}  <dir>/bin/node
  istiomize  ${version}    <dir>/bin/istiomize
  plugin     none     <dir>/home/.config/kustomize/plugin/${plugin} is where kustomize looks ($HOME/.config/kustomize/plugin, which is not there)
  not on PATH: kustomize, kubectl, helm, kpt, docker

nothing works here
`.replace(/^ {2}(node|istiomize|plugin) .*$/gm, (line) => line.replace(/^( {2}\S+ +)(\S+) +/, (_, start: string, cell: string) => `${start}${cell.padEnd(Math.max(process.versions.node.length, version.length, 4))}  `)));
    assert.deepEqual(codesOf(ended), ["IZ401", "IZ459"]);
  });

  test("with kubectl alone: exec functions are skipped, everything else works but the plugin, which is not installed", (t) => {
    if (!kubectl) return t.skip("kubectl is not on this machine");
    const ended = machine(t, { kubectl: kubectl.path }).doctor();
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual(rowsOf(ended.stdout, "exec"), ["skipped: kubectl kustomize --enable-alpha-plugins DIR: kubectl has no --enable-exec: exit code 0 and no mesh; the guard makes it an error"]);
    assert.deepEqual(rowsOf(ended.stdout, "plugin"), ["fails: kubectl kustomize --enable-alpha-plugins DIR: no plugin home is there"]);
    assert.deepEqual(rowsOf(ended.stdout, "files"), ["works: kubectl kustomize DIR"]);
    assert.deepEqual(rowsOf(ended.stdout, "render"), ["works: istiomize render --with kubectl DIR"]);
    assert.deepEqual(rowsOf(ended.stdout, "pipe"), ["works: kubectl kustomize DIR | istiomize"]);
    assert.equal(verdictOf(ended), "files, render and pipe work here, exec and plugin do not");
    assertFound(ended, "IZ459", `info IZ459  the older plugin is not installed
  read      nothing at <dir>/home/.config/kustomize/plugin/${plugin}
  expected  istiomize there, for trees whose transformer carries no config.kubernetes.io/function
  help      \`istiomize install\`; it is the form that kubectl runs, and the safer one in Argo CD`);
  });

  for (const { name, path } of kustomizes) {
    test(`with ${name}: an exec function runs with both flags, and is skipped without one of them`, (t) => {
      const { doctor, env } = machine(t, { kustomize: path });
      const before = doctor();
      assert.deepEqual(rowsOf(before.stdout, "exec"), [
        "works: kustomize build --enable-alpha-plugins --enable-exec DIR",
        "skipped: kustomize build --enable-alpha-plugins DIR: --enable-exec is missing: exit code 0 and no mesh; the guard makes it an error",
      ]);
      assert.equal(verdictOf(before), "exec, files, render and pipe work here, plugin does not");
      assert.equal(istiomize(["install"], { env }).code, 0);
      const after = doctor();
      assert.deepEqual([after.code, after.stderr, verdictOf(after)], [0, "", "exec, plugin, files, render and pipe work here"]);
      assert.match(after.stdout, new RegExp(`^ {2}plugin {4,} ?${version} .*<dir>/home/\\.config/kustomize/plugin/${plugin} \\(from \\$HOME/\\.config/kustomize/plugin\\)$`, "m"));
    });
  }

  test("with several kustomizes says which one runs", (t) => {
    const [first, second] = [kustomizes[0], newest];
    if (!first || !second || first === second) return t.skip("this machine has not two versions of kustomize");
    const { directory, doctor } = machine(t, { kustomize: first.path }, { "later/.keep": "" }, { PATH: "<dir>/bin:<dir>/later" });
    symlinkSync(second.path, join(directory, "later/kustomize"));
    const ended = doctor();
    const versionOf = (path: string): string => /\d+\.\d+\.\d+/.exec(run(path, ["version"]).stdout)?.[0] ?? "(devel)";
    assertFound(ended, "IZ460", `info IZ460  several kustomizes on PATH
  read      <dir>/bin/kustomize (${versionOf(first.path)}) runs; behind it <dir>/later/kustomize (${versionOf(second.path)})
  help      what you build here and what a pipeline builds may differ; keep one`);
  });

  test("with kpt and helm tries their ways too", (t) => {
    if (!kpt || !helm) return t.skip("kpt or helm is not on this machine");
    const { stdout } = machine(t, { kpt, helm, git: findOnPath("git") }).doctor();
    assert.deepEqual(rowsOf(stdout, "kpt"), ["works: kpt fn eval DIR --exec istiomize", "works: kpt fn render DIR --allow-exec"]);
    const isThree = /^v3\./.test(run(helm, ["version", "--short"]).stdout);
    assert.deepEqual(rowsOf(stdout, "helm"), [
      isThree ? "works: helm template NAME DIR --post-renderer istiomize" : "fails: helm template NAME DIR --post-renderer istiomize: Helm 4 takes the name of a plugin there, and none is called istiomize; a pipe needs none",
      "works: helm template NAME DIR -n NAMESPACE | istiomize -n NAMESPACE",
    ]);
  });

  test("leaves nothing behind and changes nothing, where plugins fail too", (t) => {
    const tools = { ...(newest && { kustomize: newest.path }), ...(kubectl && { kubectl: kubectl.path }), ...(kpt && { kpt }), ...(helm && { helm }), git: findOnPath("git") };
    const { directory, doctor } = machine(t, tools, { [`home/.config/kustomize/plugin/${plugin}`]: "#!/bin/sh\nexit 1\n" });
    chmodSync(join(directory, "home/.config/kustomize/plugin", plugin), 0o755);
    const example = copyExample(t, "exec");
    const [before, tree] = [filesIn(join(directory, "home")), readFiles(example)];
    doctor(example);
    assert.deepEqual(filesIn(join(directory, "home")), before);
    assert.deepEqual(readdirSync(join(directory, "tmp")), [".keep"]);
    assert.deepEqual(readFiles(example), tree);
  });

});

describe("doctor that cannot run", () => {
  test("ends with 2 where it can make no temporary directory, and after a mistake on the command line", (t) => {
    const { doctor } = machine(t, {}, {}, { TMPDIR: "/nowhere" });
    for (const [args, message] of [[[], /no temporary directory can be made .*TMPDIR names another place/], [["a", "b"], /"b" is a second one/], [["--hlp"], /did you mean --help\?/]] as const) {
      const ended = doctor(...args);
      assert.deepEqual([ended.code, ended.stdout], [2, ""]);
      assert.match(ended.stderr, message);
    }
  });
});

describe("doctor on istiomize itself", () => {
  const kustomize = newest ? { kustomize: newest.path } : {};
  const install = (t: TestContext, text: string, mode = 0o755): Machine => {
    const made = machine(t, { ...kustomize, istiomize: undefined });
    writeFileSync(join(made.bin, "istiomize"), text);
    chmodSync(join(made.bin, "istiomize"), mode);
    return made;
  };

  test("missing from PATH", (t) => {
    const ended = machine(t, { ...kustomize, istiomize: undefined }).doctor();
    assertFound(ended, "IZ455", `warning IZ455  istiomize is not on PATH
  read      no \`istiomize\` on PATH
  expected  \`istiomize\`: kustomize, kpt and Helm find the function by its name
  help      \`istiomize install --bin DIR\`, with a DIR that is on PATH`);
    if (newest) assert.deepEqual(rowsOf(ended.stdout, "exec")[0], "fails: kustomize build --enable-alpha-plugins --enable-exec DIR: istiomize is not on PATH");
    if (newest) assert.deepEqual(rowsOf(ended.stdout, "render"), ["works: istiomize render DIR"]);
  });

  test("missing from a PATH with a directory of this user", (t) => {
    const { doctor } = machine(t, { istiomize: undefined }, { "home/.local/bin/.keep": "" }, { PATH: "<dir>/bin:<dir>/home/.local/bin" });
    assert.match(findingsOf(doctor(), "IZ455"), /^ {2}help {6}`istiomize install --bin <dir>\/home\/\.local\/bin`$/m);
  });

  test("without its run bit", (t) => {
    const ended = install(t, readFileSync(bundle, "utf8"), 0o644).doctor();
    assertFound(ended, "IZ457", `<dir>/bin/istiomize  warning IZ457  istiomize is found and cannot be started
  read      a file without its run bit
  expected  a program that prints its version
  help      \`chmod +x <dir>/bin/istiomize\``);
    if (newest) assert.match(rowsOf(ended.stdout, "exec")[0]!, /^fails: .*: istiomize (has no run bit|is not on PATH)$/);
  });

  test("with the line ends of another system", (t) => {
    const ended = install(t, readFileSync(bundle, "utf8").replace("\n", "\r\n")).doctor();
    assertFound(ended, "IZ457", `<dir>/bin/istiomize  warning IZ457  istiomize is found and cannot be started
  read      a first line that ends in CR LF, so that the system looks for a program \`node\\r\`
  expected  a program that prints its version
  help      install it anew, and keep Git from changing it: \`*.cjs -text\` in .gitattributes`);
    if (newest) assert.equal(rowsOf(ended.stdout, "exec")[0], "fails: kustomize build --enable-alpha-plugins --enable-exec DIR: the first line of istiomize ends in CR LF");
  });

  test("a script, and no node", (t) => {
    const made = machine(t, { ...kustomize, node: undefined });
    const ended = made.doctor();
    assertFound(ended, "IZ457", `<dir>/bin/istiomize  warning IZ457  istiomize is found and cannot be started
  read      a script for Node.js, and no \`node\` on PATH
  expected  a program that prints its version
  help      install Node.js 20 or newer, or the self-contained executable`);
    if (newest) assert.equal(rowsOf(ended.stdout, "exec")[0], "fails: kustomize build --enable-alpha-plugins --enable-exec DIR: there is no node on PATH");
  });

  test("another version, on PATH and as the plugin", (t) => {
    const text = readFileSync(bundle, "utf8").replace("\n", "\nif (process.argv[2] === \"--version\") { console.log(\"0.0.9\"); process.exit(0); }\n");
    const made = install(t, text);
    writeFiles(made.directory, { [`home/.config/kustomize/plugin/${plugin}`]: text });
    chmodSync(join(made.directory, "home/.config/kustomize/plugin", plugin), 0o755);
    assertFound(made.doctor(), "IZ456", `<dir>/bin/istiomize  warning IZ456  another version of istiomize
  read      0.0.9
  expected  ${version}, as the one that runs now
  help      \`istiomize install --bin <dir>/bin\`

<dir>/home/.config/kustomize/plugin/${plugin}  warning IZ456  another version of istiomize
  read      0.0.9
  expected  ${version}, as the one that runs now
  help      \`istiomize install\``);
  });

  test("a program of that name which is none", (t) => {
    const ended = install(t, "#!/bin/sh\necho hello\n").doctor();
    assert.match(findingsOf(ended, "IZ457"), /^ {2}read {6}an answer to --version that is no version: "hello"$/m);
  });

  test("a plugin home that is there and empty, before one with istiomize", (t) => {
    const { env, doctor } = machine(t, kustomize, { "named/.keep": "" }, { KUSTOMIZE_PLUGIN_HOME: "<dir>/named" });
    assert.equal(istiomize(["install", "--plugin-home", join(env["HOME"]!, ".config/kustomize/plugin")], { env }).code, 0);
    const ended = doctor();
    assertFound(ended, "IZ458", `warning IZ458  kustomize looks in another plugin home
  read      <dir>/named ($KUSTOMIZE_PLUGIN_HOME), where no istiomize is; it is in <dir>/home/.config/kustomize/plugin ($HOME/.config/kustomize/plugin)
  expected  the first of the plugin homes that exists to hold istiomize: kustomize looks in no other
  help      \`istiomize install\` puts it into the one that is used`);
    if (newest) assert.deepEqual(rowsOf(ended.stdout, "plugin"), [`fails: kustomize build --enable-alpha-plugins DIR: nothing at <dir>/named/${plugin}`]);
  });

  test("a plugin home that is named and not there, and one that is no absolute path", (t) => {
    const absent = machine(t, {}, { "home/.config/kustomize/plugin/.keep": "" }, { KUSTOMIZE_PLUGIN_HOME: "<dir>/named" }).doctor();
    assert.match(findingsOf(absent, "IZ458"), /^ {2}read {6}<dir>\/home\/\.config\/kustomize\/plugin \(\$HOME\/\.config\/kustomize\/plugin\), because <dir>\/named \(\$KUSTOMIZE_PLUGIN_HOME\) is not there$/m);
    const relative = machine(t, {}, { "named/.keep": "" }, { KUSTOMIZE_PLUGIN_HOME: "named" }).doctor();
    assert.match(findingsOf(relative, "IZ458"), /^ {2}read {6}named \(\$KUSTOMIZE_PLUGIN_HOME\), which is not an absolute path$/m);
  });
});

const service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, annotations: {istiomize.dev/timeout: 5s}}\nspec: {selector: {app: web}, ports: [{name: http, port: 80}]}\n";
const guard = "---\napiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: istiomize-guard}\npatch: |-\n  apiVersion: istiomize.dev/v1alpha1\n  kind: IstiomizeRan\n  metadata: {name: istiomize-did-not-run--pass-enable-alpha-plugins-and-enable-exec}\n  $patch: delete\n";
const mesh = (annotation: string | undefined, spec = "guard: true"): string => `apiVersion: istiomize.dev/v1alpha1
kind: ServiceMesh
metadata:
  name: m
${annotation === undefined ? "" : annotation.startsWith("config") ? `  annotations: {${annotation}}\n` : `  annotations:\n    config.kubernetes.io/function: |\n      ${annotation}\n`}spec: {${spec}}
`;
const tree = (at: string, annotation: string | undefined, spec?: string, tail = guard): Files => ({
  [`${at}/kustomization.yaml`]: "resources: [service.yaml]\ntransformers: [mesh.yaml]\n", [`${at}/service.yaml`]: service, [`${at}/mesh.yaml`]: mesh(annotation, spec) + tail,
});
const resource = (at: string, annotation?: string): Files => ({ [`${at}/kustomization.yaml`]: "resources: [service.yaml, mesh.yaml]\n", [`${at}/service.yaml`]: service, [`${at}/mesh.yaml`]: mesh(annotation, "") });
const exec = "exec: {path: istiomize}";
const local = "config.kubernetes.io/local-config: \"true\"";

const application = (name: string, source: string, repository = "https://git.example.com/shop.git"): string => `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: ${name}}
spec:
  source:
    repoURL: ${repository}
${source.replace(/^/gm, "    ")}
`;

describe("doctor on a tree", () => {
  test("says how each kustomization gets its mesh, and that it works", (t) => {
    if (!newest) return t.skip("kustomize is not on this machine");
    const { doctor } = machine(t, { kustomize: newest.path }, { ...tree("tree/exec", exec), ...resource("tree/resource"), ...resource("tree/files", local), "tree/plain/kustomization.yaml": "resources: [../exec/service.yaml]\n" });
    const ended = doctor("tree");
    assert.deepEqual([ended.code, verdictOf(ended)], [0, "what this tree needs works here"]);
    assert.ok(ended.stdout.includes(`
Built by themselves in tree
  works  tree/exec      transformer, exec function
  works  tree/files     files that generate wrote
  works  tree/resource  ServiceMesh as a resource
  1 has no ServiceMesh
`), ended.stdout);
  });

  test("ends with 1 where what the tree needs does not work, and says what to install", (t) => {
    if (!kubectl) return t.skip("kubectl is not on this machine");
    const { doctor } = machine(t, { kubectl: kubectl.path, docker: undefined }, { ...tree("tree/exec", exec), ...tree("tree/plugin", undefined), ...tree("tree/container", "container: {image: istiomize}"), ...resource("tree/resource") });
    const ended = doctor("tree");
    assert.deepEqual([ended.code, verdictOf(ended)], [1, "3 errors: what is said above stands between this tree and its mesh"]);
    assertFound(ended, "IZ461", `tree/container/kustomization.yaml  error IZ461  what this tree needs does not work here
  read      tree/container (transformer, container function): no docker on PATH
  expected  a build with its mesh on this machine
  help      install docker, or write exec: {path: istiomize} into config.kubernetes.io/function

tree/exec/kustomization.yaml  error IZ461  what this tree needs does not work here
  read      tree/exec (transformer, exec function): kubectl alone is here, which skips exec functions
  expected  a build with its mesh on this machine
  help      \`istiomize render tree/exec\` builds it with kubectl; or install kustomize

tree/plugin/kustomization.yaml  error IZ461  what this tree needs does not work here
  read      tree/plugin (transformer, older plugin): no plugin home is there
  expected  a build with its mesh on this machine
  help      \`istiomize install\` puts the plugin into its place`);
  });

  test("ends with 2 where there is no tree", (t) => {
    const { doctor } = machine(t, {}, { "empty/.keep": "" });
    for (const [directory, message] of [["empty", "no kustomization in it or below"], ["nowhere", "nothing is there"], ["empty/.keep", "a file, not a directory"]] as const) {
      const ended = doctor(directory);
      assert.equal(ended.code, 2);
      assert.ok(findingsOf(ended, "IZ408").includes(`read      ${directory}: ${message}`), ended.stderr);
    }
  });

  test("finds a transformer without guard", (t) => {
    const { doctor } = machine(t, {}, { ...tree("tree/none", exec, "", ""), ...tree("tree/older", undefined, "", "") });
    assertFound(doctor("tree"), "IZ462", `tree/none/mesh.yaml:2  warning IZ462  transformer without a guard
  read      a transformer that kustomize may skip without a word
  expected  spec.guard: true, and as a second document a PatchTransformer that deletes IstiomizeRan
  help      add both, as \`istiomize scaffold tree --layout transformer\` writes them`);
  });

  test("finds half a guard, with which no build is right, and knows two halves in two files or two kustomizations", (t) => {
    const { doctor } = machine(t, newest ? { kustomize: newest.path } : {}, {
      ...tree("tree/field", exec, "guard: true", ""), ...tree("tree/document", undefined, ""),
      ...tree("tree/apart", exec, "guard: true", ""), "tree/apart/kustomization.yaml": "resources: [service.yaml]\ntransformers: [mesh.yaml, guard.yaml]\n", "tree/apart/guard.yaml": guard,
      ...tree("tree/base", exec, "guard: true", ""), "tree/overlay/kustomization.yaml": "resources: [../base]\ntransformers: [guard.yaml]\n", "tree/overlay/guard.yaml": guard,
      "tree/patched/kustomization.yaml": "resources: [../../service.yaml]\ntransformers: [mesh]\n", "tree/patched/mesh/mesh.yaml": mesh(exec, "") + guard,
      "tree/patched/mesh/kustomization.yaml": "resources: [mesh.yaml]\npatches:\n  - {target: {kind: ServiceMesh}, patch: '{apiVersion: istiomize.dev/v1alpha1, kind: ServiceMesh, metadata: {name: m}, spec: {guard: true}}'}\n", "service.yaml": service,
      "tree/app.yaml": application("a", "path: tree/document"),
    });
    const ended = doctor("tree");
    assert.equal(ended.code, 1);
    const expected = "  expected  both, or none: spec.guard: true, and a PatchTransformer that deletes IstiomizeRan";
    assertFound(ended, "IZ475", `tree/document/mesh.yaml:12  error IZ475  incomplete guard
  read      the PatchTransformer of the guard, and no spec.guard: true
${expected}
  help      add it to the ServiceMesh, or every build fails

tree/field/mesh.yaml:2  error IZ475  incomplete guard
  read      spec.guard: true, and no PatchTransformer that deletes the marker
${expected}
  help      add it, or the marker goes to the cluster, which refuses it`);
    assert.match(ended.stdout, /^ {2}fails {2}tree\/document .*\n {2}fails {2}tree\/field /m);
    if (newest) assert.match(ended.stdout, /^ {2}works {2}tree\/apart .*\n(?:.*\n)* {2}works {2}tree\/overlay .*\n(?:.*\n)* {2}works {2}tree\/patched /m);
  });

  test("finds names that change after the mesh was made", (t) => {
    const { doctor } = machine(t, newest ? { kustomize: newest.path } : {}, { ...tree("tree/base", exec), "tree/eu/kustomization.yaml": "namePrefix: eu-\nresources: [../base]\n", "tree/app.yaml": application("a", "path: tree/eu") });
    const ended = doctor("tree");
    assert.match(ended.stdout, /^ {2}fails {2}tree\/eu /m);
    assert.match(findingsOf(ended, "IZ441"), /^tree\/eu\/kustomization\.yaml:1 .*\n {2}read {6}namePrefix: eu-, above the transformer in \.\.\/base$/m);
    assert.equal(ended.code, 1);
  });

  test("goes on where it may not read, and says so", (t) => {
    if (process.getuid?.() !== 0 || !findOnPath("setpriv")) return t.skip("only root with setpriv can become another user");
    const { directory, env } = machine(t, {}, { ...resource("tree/files", local), "tree/priv/.keep": "", "tree/secret.yaml": "a: b\n", "program/istiomize.cjs": readFileSync(bundle, "utf8") });
    run("chmod", ["-R", "a+rX", directory]);
    run("chmod", ["a+rwx", join(directory, "tmp")]);
    for (const path of ["tree/priv", "tree/secret.yaml"]) chmodSync(join(directory, path), 0o000);
    const doctor = (at: string): Run => run(findOnPath("setpriv")!, ["--reuid=65532", "--regid=65532", "--clear-groups", process.execPath, join(directory, "program/istiomize.cjs"), "doctor", at], { env, cwd: directory });
    const ended = doctor("tree");
    assert.match(ended.stdout, /^Built by themselves in tree\n.* tree\/files +files that generate wrote$/m);
    assertFound(ended, "IZ476", `tree/priv  info IZ476  not looked at
  read      no permission to read it (and 1 more)
  help      if it configures Argo CD or Flux, run doctor as somebody who may read it`);
    const closed = doctor("tree/priv");
    assert.deepEqual([closed.code, codesOf(closed)], [2, ["IZ408"]]);
  });

  test("finds fields that older kustomize refuses", (t) => {
    const { doctor } = machine(t, {}, { ...tree("tree", "exec: {path: istiomize, args: [\"-n\", shop]}") });
    assertFound(doctor("tree"), "IZ463", `tree/mesh.yaml:7  warning IZ463  a function that older kustomize refuses
  read      exec.args in config.kubernetes.io/function
  expected  exec: {path: istiomize} and nothing else: kustomize before 5.7.0 and kpt stop at an unknown field
  help      remove it; settings of istiomize belong in the ServiceMesh`);
  });

  test("finds paths that lead elsewhere, and programs that do not start", (t) => {
    const { directory, doctor } = machine(t, {}, {
      ...tree("tree/missing", "exec: {path: ./istiomize}"),
      "tree/shared/mesh.yaml": mesh("exec: {path: ./istiomize}") + guard, "tree/shared/kustomization.yaml": "resources: [mesh.yaml]\n", "tree/shared/istiomize": "#!/bin/sh\n",
      "tree/elsewhere/kustomization.yaml": "resources: [service.yaml]\ntransformers: [../shared]\n", "tree/elsewhere/service.yaml": service,
      ...tree("tree/bit", "exec: {path: ./run}"), "tree/bit/run": "#!/bin/sh\n",
      ...tree("tree/crlf", "exec: {path: ./run}"), "tree/crlf/run": "#!/bin/sh\r\n",
      ...tree("tree/name", "exec: {path: istiomise}"), ...tree("tree/right", "exec: {path: ./run}"), "tree/right/run": "#!/bin/sh\n",
    });
    for (const at of ["crlf", "right"]) chmodSync(join(directory, "tree", at, "run"), 0o755);
    const start = "error IZ464  no function where kustomize looks";
    const expected = "  expected  a program; a relative path begins at the kustomization that lists the transformer, not at the file that holds it";
    assertFound(doctor("tree"), "IZ464", `tree/bit/mesh.yaml:7  ${start}
  read      exec.path ./run, from tree/bit: a file without its run bit
${expected}
  help      \`chmod +x\`, and \`git update-index --chmod=+x\` for everybody else

tree/crlf/mesh.yaml:7  ${start}
  read      exec.path ./run, from tree/crlf: a first line that ends in CR LF
${expected}
  help      \`*.cjs text eol=lf\` in .gitattributes, and check it out anew

tree/missing/mesh.yaml:7  ${start}
  read      exec.path ./istiomize, from tree/missing: no such file
${expected}
  help      write exec: {path: istiomize}, which is found on PATH from everywhere

tree/name/mesh.yaml:7  ${start}
  read      exec.path istiomise, and no such program on PATH
${expected}
  help      write exec: {path: istiomize}, or install that program

tree/shared/mesh.yaml:7  ${start}
  read      exec.path ./istiomize, from tree/elsewhere: no such file
${expected}
  help      there is one at tree/shared/istiomize; better: exec: {path: istiomize}, found on PATH from everywhere`);
  });

  test("finds a schema that describes Istio's kinds alone", (t) => {
    const schema = (group: string): string => JSON.stringify({ definitions: { x: { "x-kubernetes-group-version-kind": [{ group, version: "v1", kind: group.includes("istio") ? "DestinationRule" : "Deployment" }] } } });
    const { doctor } = machine(t, {}, {
      "tree/kustomization.yaml": "resources: [service.yaml]\nopenapi:\n  path: schema.json\n", "tree/service.yaml": service, "tree/schema.json": schema("networking.istio.io"),
      "tree/whole/kustomization.yaml": "resources: [../service.yaml]\nopenapi: {path: schema.json}\n", "tree/whole/schema.json": `[${schema("networking.istio.io")},${schema("apps")}]`,
    });
    assertFound(doctor("tree"), "IZ465", `tree/kustomization.yaml:2  warning IZ465  a schema of Istio's kinds alone
  read      openapi.path schema.json, which describes no kind of Kubernetes
  expected  no \`openapi\`, or a schema that holds the built-in kinds too
  help      remove it: istiomize needs none`);
  });
});

const settings = (data: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm}\ndata:\n${data.replace(/^/gm, "  ")}\n`;
const cmp = (spec: string): string => `apiVersion: argoproj.io/v1alpha1\nkind: ConfigManagementPlugin\nmetadata: {name: istiomize}\nspec:\n${spec.replace(/^/gm, "  ")}\n`;
const trees: Files = { ...tree("repo/exec", exec), ...tree("repo/plugin", undefined), ...tree("repo/container", "container: {image: istiomize}"), ...resource("repo/resource"), ...resource("repo/files", local) };

describe("doctor on Argo CD", () => {
  test("says which Applications get no mesh with this configuration, and the line to add", (t) => {
    const { doctor } = machine(t, {}, {
      ...trees,
      "repo/argocd/cm.yaml": settings("kustomize.buildOptions: --load-restrictor LoadRestrictionsNone"),
      ...Object.fromEntries(["exec", "plugin", "container", "resource", "files"].map((name) => [`repo/argocd/${name}.yaml`, application(name, `path: ${name}`)])),
    });
    const start = "error IZ466  Argo CD does not mesh this Application";
    const expected = "  expected  a configuration of Argo CD in which istiomize runs";
    const sidecar = "`plugin: {name: istiomize}` in its source, with the sidecar that `istiomize install --argocd DIR` writes (cmp/)";
    const ended = doctor("repo");
    assert.equal(ended.code, 1);
    assertFound(ended, "IZ466", `repo/argocd/container.yaml:7  ${start}
  read      container (transformer, container function), with native Kustomize, and no container runtime in the repo-server
${expected}
  help      the ServiceMesh under \`resources:\`, and ${sidecar}

repo/argocd/exec.yaml:7  ${start}
  read      exec (transformer, exec function), with kustomize.buildOptions: --load-restrictor LoadRestrictionsNone
${expected}
  help      \`kustomize: {version: istiomize}\` in its source, with the wrapper that \`istiomize install --argocd DIR\` writes (exec/)

repo/argocd/plugin.yaml:7  ${start}
  read      plugin (transformer, older plugin), with kustomize.buildOptions: --load-restrictor LoadRestrictionsNone
${expected}
  help      \`kustomize.buildOptions: --enable-alpha-plugins\` in argocd-cm, and the plugin in the repo-server: \`istiomize install --argocd DIR\` writes both (plugin/)

repo/argocd/resource.yaml:7  ${start}
  read      resource (ServiceMesh as a resource), with native Kustomize, which leaves the ServiceMesh in and makes no mesh
${expected}
  help      ${sidecar}; or files: \`istiomize generate --migrate\``);
    assert.ok(ended.stdout.includes(`
Built in a cluster
  fails  Application container  container  transformer, container function, built by kustomize
  fails  Application exec       exec       transformer, exec function, built by kustomize
  fits   Application files      files      files that generate wrote, built by kustomize
  fails  Application plugin     plugin     transformer, older plugin, built by kustomize
  fails  Application resource   resource   ServiceMesh as a resource, built by kustomize
`), ended.stdout);
  });

  test("says nothing where options, a wrapper or the plugin run istiomize, nor where its configuration is elsewhere", (t) => {
    const { doctor } = machine(t, {}, {
      ...trees,
      "repo/argocd/values.yaml": "configs:\n  cm:\n    kustomize.buildOptions: --enable-alpha-plugins\n    kustomize.path.istiomize: /opt/istiomize-kustomize/kustomize\n",
      "repo/argocd/plugins.yaml": `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plugins}\ndata:\n  plugin.yaml: |\n${cmp("generate: {command: [istiomize, render, .]}").replace(/^/gm, "    ")}\n`,
      "repo/argocd/applications.yaml": [application("a", "path: exec\nkustomize: {version: istiomize}"), application("b", "path: plugin"), application("c", "path: resource\nplugin: {name: istiomize}"), application("d", "path: files"), application("e", "path: elsewhere")].join("---\n"),
    });
    const ended = doctor("repo");
    assert.deepEqual(codesOf(ended).filter((code) => code >= "IZ466"), [], ended.stderr);
    const alone = machine(t, {}, { ...trees, "repo/apps.yaml": application("a", "path: exec") }).doctor("repo");
    assert.deepEqual(codesOf(alone).filter((code) => code >= "IZ466"), []);
    assert.match(alone.stdout, /^ {2}unknown {2}Application a {2}exec /m);
  });

  test("finds options that are never applied, and options that let every repository run programs", (t) => {
    const { doctor } = machine(t, {}, { ...trees, "repo/cm.yaml": settings("kustomize.buildOptions: --enable-alpha-plugins --enable-exec\nkustomize.buildOptions.v5.8.1: --enable-helm") });
    const ended = doctor("repo");
    assertFound(ended, "IZ467", `repo/cm.yaml:6  warning IZ467  build options that Argo CD never applies
  read      kustomize.buildOptions.v5.8.1: --enable-helm
  expected  kustomize.buildOptions, which holds for every version: Argo CD 3.2 to 3.5 read the options of one version and apply them nowhere
  help      point kustomize.path.v5.8.1 at a wrapper that adds them, as exec/ of \`istiomize install --argocd DIR\` does`);
    assertFound(ended, "IZ470", `repo/cm.yaml:5  warning IZ470  every repository may run programs in Argo CD
  read      kustomize.buildOptions: --enable-alpha-plugins --enable-exec
  expected  --enable-exec only for Applications that ask for it
  help      take the plugin sidecar, the older plugin with --enable-alpha-plugins alone, or a wrapper under kustomize.path.<name>: \`istiomize install --argocd DIR\` writes all three`);
  });

  test("finds names that Argo CD does not know, and sources of two types", (t) => {
    const { doctor } = machine(t, {}, {
      ...trees,
      "repo/cm.yaml": settings("kustomize.path.istiomize: /opt/istiomize-kustomize/kustomize"),
      "repo/plugin.yaml": cmp("version: v1\ngenerate: {command: [istiomize, render, .]}"),
      "repo/a.yaml": application("a", "path: exec\nkustomize:\n  version: istiomise"), "repo/b.yaml": application("b", "path: resource\nplugin:\n  name: istiomize"),
      "repo/c.yaml": application("c", "path: resource\nplugin: {}"), "repo/d.yaml": application("d", "path: resource\nkustomize: {namePrefix: x-}\nplugin: {name: istiomize-v1}"),
    });
    const ended = doctor("repo");
    const start = "error IZ469  name that Argo CD does not know";
    const expected = "  expected  the name of a ConfigManagementPlugin, with `-<spec.version>` behind it where it has one: istiomize-v1";
    assertFound(ended, "IZ469", `repo/a.yaml:9  ${start}
  read      spec.source.kustomize.version "istiomise"
  expected  a <name> for which argocd-cm says kustomize.path.<name>: istiomize
  help      did you mean "istiomize"?

repo/b.yaml:8  ${start}
  read      spec.source.plugin.name "istiomize"
${expected}
  help      did you mean "istiomize-v1"?

repo/c.yaml:8  ${start}
  read      spec.source.plugin without a name, and no plugin with \`discover\`
${expected}
  help      name one of them`);
    assertFound(ended, "IZ468", `repo/d.yaml:8  error IZ468  kustomize and plugin in one source
  read      spec.source.kustomize beside spec.source.plugin
  expected  one of the two: Argo CD refuses an Application with both
  help      move the settings of kustomize: into an overlay, or use the plugin or exec mode, in which they work`);
  });

  test("finds what is wrong with a plugin that runs istiomize, and leaves other plugins alone", (t) => {
    const bad = "generat: {}\ndiscover:\n  find: {glob: \"**/kustomization.yaml\"}\ngenerate:\n  command: [sh, -c]\n  args: [\"kustomize build . | istiomize\"]";
    const { doctor } = machine(t, {}, {
      ...trees, "repo/plugin.yaml": cmp(bad), "repo/other.yaml": cmp(bad.replaceAll("istiomize", "sed s/a/b/")).replace("istiomize", "other"),
      "repo/good.yaml": cmp("discover: {find: {command: [grep, -rl, istiomize.dev, kustomization.yaml]}}\ngenerate: {command: [bash, -c, \"set -o pipefail; kustomize build . | istiomize\"]}"),
    });
    const ended = doctor("repo");
    assertFound(ended, "IZ471", `repo/plugin.yaml:6  warning IZ471  a plugin that takes every kustomization
  read      discover: {find:{glob:**/kustomization.yaml}}
  expected  no \`discover\`, so that only Applications that name the plugin get it
  help      remove it, and write \`plugin: {name: …}\` into the Applications that use istiomize`);
    assertFound(ended, "IZ472", `repo/plugin.yaml:8  warning IZ472  a pipe that hides a failure
  read      "kustomize build . | istiomize"
  expected  \`command: [istiomize, render, .]\`, which fails when a part of it does
  help      write that; or begin the script with \`set -euo pipefail\` in a shell that knows it (bash)`);
    assertFound(ended, "IZ473", `repo/plugin.yaml:5  warning IZ473  a key that Argo CD ignores
  read      spec.generat, which a ConfigManagementPlugin does not have
  expected  one of version, init, generate, discover, parameters, preserveFileMode, provideGitCreds
  help      did you mean "generate"?`);
  });

  test("knows that options which run the older plugin do not run an exec function", (t) => {
    const { doctor } = machine(t, {}, { ...trees, "repo/cm.yaml": settings("kustomize.buildOptions: --enable-alpha-plugins=true --enable-helm"), "repo/a.yaml": application("a", "path: exec"), "repo/b.yaml": application("b", "path: plugin") });
    const ended = doctor("repo");
    assert.equal(codesOf(ended).filter((code) => code === "IZ466").length, 1);
    assert.match(findingsOf(ended, "IZ466"), /^ {2}help .*\(exec\/\); or take config\.kubernetes\.io\/function out of its ServiceMesh, whose older form these options run$/m);
  });

  test("has nothing to say about the tree that install --argocd writes", (t) => {
    const { directory, doctor, env } = machine(t, {}, {});
    assert.equal(istiomize(["install", "--argocd", "argocd"], { cwd: directory, env }).code, 0);
    const ended = doctor(".");
    assert.deepEqual(codesOf(ended).filter((code) => code >= "IZ461"), [], ended.stderr);
  });
});

/** What is said of what is built in a cluster: `Application a: fits`. */
function inCluster({ stdout }: Run): readonly string[] {
  const rows = stdout.split("\nBuilt in a cluster\n")[1]?.split("\n\n")[0]!.split("\n") ?? [];
  return rows.filter((row) => row.startsWith("  ")).map((row) => {
    const [state, name, , built] = row.trim().split(/ {2,}/);
    return `${name}: ${state}${state === "unknown" ? `, ${/built by .*?: (.*)$/.exec(built!)![1]}` : ""}`;
  });
}

describe("doctor on what istiomize install --argocd wrote", () => {
  const applications = { "repo/apps/cmp.yaml": application("cmp", "path: resource\nplugin: {name: istiomize}"), "repo/apps/plugin.yaml": application("plugin", "path: plugin"), "repo/apps/exec.yaml": application("exec", "path: exec\nkustomize: {version: istiomize}") };
  const upstream = "https://raw.githubusercontent.com/argoproj/argo-cd/v3.5.7/manifests/install.yaml";
  const look = (t: TestContext, kustomization: string | undefined, files: Files = {}): Run => {
    const { directory, doctor, env } = machine(t, newest ? { kustomize: newest.path } : {}, { ...trees, ...applications, ...(kustomization !== undefined && { "repo/argocd/kustomization.yaml": kustomization }), ...files });
    assert.equal(istiomize(["install", "--argocd", "repo/argocd/istiomize", "--image", "registry.example.com/istiomize:1"], { cwd: directory, env }).code, 0);
    return doctor("repo");
  };
  const findings = (ended: Run): readonly string[] => codesOf(ended).filter((code) => code >= "IZ466");

  for (const [components, states, codes] of [
    ["istiomize/exec", ["cmp: fails", "exec: fits", "plugin: fails"], ["IZ469", "IZ466"]],
    ["istiomize/cmp", ["cmp: fits", "exec: fails", "plugin: fails"], ["IZ469", "IZ466"]],
    ["istiomize/plugin", ["cmp: fails", "exec: fails", "plugin: fits"], ["IZ469", "IZ469"]],
    ["istiomize/cmp, istiomize/plugin, istiomize/exec", ["cmp: fits", "exec: fits", "plugin: fits"], []],
  ] as const) {
    test(`knows what is switched on by ${components}, and takes no example for an Application`, (t) => {
      const ended = look(t, `namespace: argocd\nresources: [${upstream}]\ncomponents: [${components}]\n`, { "repo/overlays/staging/kustomization.yaml": "resources: [../../resource]\n" });
      assert.deepEqual(inCluster(ended), states.map((state) => `Application ${state}`));
      assert.deepEqual([...findings(ended)].sort(), [...codes].sort());
    });
  }

  test("names the component that a plugin needs", (t) => {
    assert.match(findingsOf(look(t, `resources: [${upstream}]\ncomponents: [istiomize/exec]\n`), "IZ469"), /^ {2}expected {2}the name of .*: none is switched on\n {2}help {6}list repo\/argocd\/istiomize\/cmp under `components:` of Argo CD's kustomization$/m);
  });

  test("knows nothing where it is switched on elsewhere, or by Helm values, or above a base of somebody else", (t) => {
    const elsewhere = look(t, undefined);
    assert.deepEqual(inCluster(elsewhere), ["cmp", "exec", "plugin"].map((name) => `Application ${name}: unknown, no configuration of Argo CD is here`));
    if (newest) assert.match(verdictOf(elsewhere), /; whether 3 builds in a cluster will fit is not known$|errors?: what is said above/);
    const values = look(t, undefined, { "repo/values.yaml": "configs: {cm: {kustomize.buildOptions: --enable-helm}}\n" });
    assert.deepEqual(inCluster(values), ["cmp: unknown, no plugin istiomize is here", "exec: unknown, further Helm values may be given", "plugin: unknown, further Helm values may be given"].map((row) => `Application ${row}`));
    assert.deepEqual([...findings(elsewhere), ...findings(values)], []);
    const above = look(t, "resources: [\"https://git.example.com/base?ref=1\"]\ncomponents: [istiomize/exec]\n");
    assert.deepEqual(inCluster(above), ["cmp: unknown, https://git.example.com/base?ref=1 was not read", "exec: fits", "plugin: unknown, https://git.example.com/base?ref=1 was not read"].map((row) => `Application ${row}`));
  });
});

describe("doctor on configuration in other places", () => {
  const look = (t: TestContext, files: Files): Run => machine(t, {}, { ...trees, "repo/a.yaml": application("a", "path: plugin"), ...files }).doctor("repo");
  const cm = (kustomization: string, files: Files = {}): Files => ({ "repo/argocd/kustomization.yaml": kustomization, "repo/argocd/repo-server.yaml": server, ...files });
  const server = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: argocd-repo-server}\nspec: {template: {spec: {containers: [{name: argocd-repo-server, env: [{name: KUSTOMIZE_PLUGIN_HOME, value: /opt/istiomize/plugins}]}]}}}\n";
  const flag = "--enable-alpha-plugins";

  for (const [what, files] of [
    ["a generator's literals", cm(`resources: [repo-server.yaml]\nconfigMapGenerator:\n  - name: argocd-cm\n    behavior: merge\n    literals: ["kustomize.buildOptions=${flag}"]\n`)],
    ["a generator's file", cm("resources: [repo-server.yaml]\nconfigMapGenerator:\n  - {name: argocd-cm, files: [kustomize.buildOptions=options.txt]}\n", { "repo/argocd/options.txt": `${flag}\n` })],
    ["a generator's environment", cm("resources: [repo-server.yaml]\nconfigMapGenerator:\n  - {name: argocd-cm, envs: [cm.env]}\n", { "repo/argocd/cm.env": `# x=y\nkustomize.buildOptions=${flag}\n` })],
    ["a JSON patch", cm(`resources: [repo-server.yaml, cm.yaml]\npatches:\n  - target: {kind: ConfigMap, name: argocd-.*}\n    patch: |-\n      - op: add\n        path: /data/kustomize.buildOptions\n        value: ${flag}\n`, { "repo/argocd/cm.yaml": settings("a: b") })],
    ["a JSON patch in a file", cm("resources: [repo-server.yaml, cm.yaml]\npatches:\n  - {target: {kind: ConfigMap, name: argocd-cm}, path: patch.json}\n", { "repo/argocd/cm.yaml": settings("a: b"), "repo/argocd/patch.json": JSON.stringify([{ op: "add", path: "/data/kustomize.buildOptions", value: flag }]) })],
    ["a patch written inside", cm(`resources: [repo-server.yaml, cm.yaml]\npatches:\n  - patch: |-\n${settings(`kustomize.buildOptions: ${flag}`).replace(/^/gm, "      ")}\n`, { "repo/argocd/cm.yaml": settings("kustomize.buildOptions: --enable-helm") })],
    ["the object of the operator", { "repo/argocd.yaml": `apiVersion: argoproj.io/v1beta1\nkind: ArgoCD\nmetadata: {name: argocd}\nspec:\n  kustomizeBuildOptions: ${flag}\n  repo: {env: [{name: KUSTOMIZE_PLUGIN_HOME, value: /p}]}\n` }],
    ["values below an alias", { "repo/values.yaml": `argocd:\n  configs: {cm: {kustomize.buildOptions: ${flag}}}\n  repoServer: {env: [{name: KUSTOMIZE_PLUGIN_HOME, value: /p}]}\n` }],
    ["a list", { "repo/list.yaml": `apiVersion: v1\nkind: List\nitems:\n  - ${JSON.stringify({ kind: "ConfigMap", metadata: { name: "argocd-cm" }, data: { "kustomize.buildOptions": flag } })}\n`, "repo/server.yaml": server }],
  ] as const) {
    test(`reads ${what}`, (t) => {
      const ended = look(t, files);
      assert.deepEqual([inCluster(ended), codesOf(ended).filter((code) => code >= "IZ466")], [["Application a: fits"], []], ended.stderr);
    });
  }

  test("knows what a patch takes away, and does not say it of a line that is replaced", (t) => {
    const away = look(t, cm("resources: [repo-server.yaml, cm.yaml]\npatches:\n  - target: {kind: ConfigMap}\n    patch: |-\n      - {op: remove, path: /data/kustomize.buildOptions}\n", { "repo/argocd/cm.yaml": settings(`kustomize.buildOptions: ${flag} --enable-exec`) }));
    assert.deepEqual([inCluster(away), codesOf(away).filter((code) => code >= "IZ466")], [["Application a: fails"], ["IZ466"]]);
  });

  test("says unknown where two configurations differ, and where no plugin home is set", (t) => {
    const two = look(t, { "repo/x.yaml": settings("kustomize.buildOptions: --enable-helm"), "repo/y.yaml": settings(`kustomize.buildOptions: ${flag}`), "repo/server.yaml": server });
    assert.deepEqual(inCluster(two), ["Application a: unknown, it fits one configuration of Argo CD here and not the other"]);
    const bare = look(t, { "repo/y.yaml": settings(`kustomize.buildOptions: ${flag}`) });
    assert.deepEqual(inCluster(bare), ["Application a: unknown, nothing here sets KUSTOMIZE_PLUGIN_HOME"]);
    assert.equal(codesOf(two).concat(codesOf(bare)).includes("IZ466"), false);
  });

  test("knows a version that is a wrapper of istiomize, and of no other what it adds", (t) => {
    const { doctor } = machine(t, {}, {
      ...trees, "repo/cm.yaml": settings(`kustomize.buildOptions: ${flag}\nkustomize.path.v5.4.3: /custom-tools/kustomize\nkustomize.path.istiomize: /opt/istiomize-kustomize/kustomize`),
      "repo/a.yaml": application("a", "path: exec\nkustomize: {version: v5.4.3}"), "repo/b.yaml": application("b", "path: exec\nkustomize: {version: istiomize}"), "repo/c.yaml": application("c", "path: files\nkustomize: {version: v5.4.3}"),
    });
    assert.deepEqual(inCluster(doctor("repo")), ["Application a: unknown, which options /custom-tools/kustomize adds is not known", "Application b: fits", "Application c: fits"]);
  });

  test("reads plugins in Helm values, and what a name there misses", (t) => {
    const values = (create: boolean): string => `configs:\n  cm: {a: b}\n  cmp:\n    create: ${create}\n    plugins:\n      istiomize:\n        generate: {command: [istiomize, render, .]}\n`;
    const { directory, doctor } = machine(t, {}, { ...trees, "repo/values.yaml": values(true), "repo/a.yaml": application("a", "path: resource\nplugin: {name: istomize}"), "repo/b.yaml": application("b", "path: resource\nplugin: {name: istiomize}") });
    const ended = doctor("repo");
    assert.deepEqual([ended.code, inCluster(ended)], [1, ["Application a: fails", "Application b: fits"]]);
    assert.match(findingsOf(ended, "IZ469"), /did you mean "istiomize"\?/);
    writeFileSync(join(directory, "repo/values.yaml"), values(false));
    assert.deepEqual(inCluster(doctor("repo")), ["Application a: unknown, no plugin istomize is here", "Application b: unknown, no plugin istiomize is here"]);
  });

  test("does not say that a plugin fits which does not run istiomize, nor that it is not there", (t) => {
    const helm = cmp("generate: {command: [sh, -c, kustomize build --enable-helm .]}").replace("istiomize", "kustomized-helm");
    const { doctor } = machine(t, {}, { ...trees, "repo/plugin.yaml": helm, "repo/a.yaml": application("a", "path: resource\nplugin: {name: kustomized-helm}"), "repo/b.yaml": application("b", "path: resource\nplugin: {name: of-an-image}") });
    const ended = doctor("repo");
    assert.deepEqual(inCluster(ended), ["Application a: unknown, its command does not show istiomize", "Application b: unknown, no plugin of-an-image is here"]);
    assert.deepEqual(codesOf(ended).filter((code) => code >= "IZ466"), []);
  });

  test("finds parameters that the plugin refuses", (t) => {
    const at = (name: string, parameter: string): Files => ({ [`repo/${name}.yaml`]: application(name, `path: resource\nplugin:\n  name: istiomize\n  parameters:\n    - ${parameter}`) });
    const { doctor } = machine(t, {}, {
      ...trees, "repo/plugin.yaml": cmp("generate: {command: [istiomize, render, .]}"),
      ...at("a", "{name: strict, string: \"yes\"}"), ...at("b", "{name: evironment, string: qa}"), ...at("c", "{name: strict, string: \"true\"}"), ...at("d", "{name: strict, array: [\"true\"]}"),
    });
    const ended = doctor("repo");
    assert.deepEqual(inCluster(ended), ["Application a: fails", "Application b: fails", "Application c: fits", "Application d: fails"]);
    const rest = "  expected  parameters as gitops/argocd/cmp/plugin.yaml announces them: strict, \"true\" or \"false\", and environment\n  help      correct it in spec.source.plugin.parameters of the Application";
    assertFound(ended, "IZ477", `repo/a.yaml:10  error IZ477  a parameter that istiomize refuses
  read      the plugin parameter strict is "true" or "false", not "yes"
${rest}

repo/b.yaml:10  error IZ477  a parameter that istiomize refuses
  read      the plugin has no parameter "evironment"; it has strict and environment
${rest}

repo/d.yaml:10  error IZ477  a parameter that istiomize refuses
  read      the plugin parameter strict is a string, not an array: \`- {name: strict, string: "true"}\`
${rest}`);
  });

  test("points at the line that is meant, and takes a shell with -o pipefail", (t) => {
    const { doctor } = machine(t, {}, {
      ...trees, "repo/cm.yaml": settings("kustomize.buildOptions.v5.4.3: --enable-helm\nkustomize.buildOptions: --enable-alpha-plugins --enable-exec"),
      "repo/plugin.yaml": cmp("generate: {command: [bash, -o, pipefail, -c, \"kustomize build . | istiomize\"]}\ninit: {comand: [x]}"),
    });
    const ended = doctor("repo");
    assert.match(findingsOf(ended, "IZ470"), /^repo\/cm\.yaml:6 /);
    assert.match(findingsOf(ended, "IZ473"), /^repo\/plugin\.yaml:6 .*\n {2}read {6}spec\.init\.comand, .*\n {2}expected {2}one of command, args\n/);
    assert.equal(findingsOf(ended, "IZ472"), "");
  });
});

describe("doctor on Applications that it cannot know", () => {
  const git = "[remote \"origin\"]\n\turl = git@git.example.com:team/shop.git\n";
  const states = (t: TestContext, files: Files): readonly string[] => {
    const ended = machine(t, {}, { ...trees, "repo/.git/config": git, "repo/cm.yaml": settings("kustomize.buildOptions: --enable-helm"), ...files }).doctor("repo");
    const found = inCluster(ended);
    assert.equal(codesOf(ended).filter((code) => code >= "IZ466").length, found.filter((row) => row.endsWith(": fails")).length, ended.stderr);
    return found;
  };

  test("leaves those of other repositories alone", (t) => {
    assert.deepEqual(states(t, {
      "repo/a.yaml": application("a", "path: exec", "https://git.example.com/team/other.git"), "repo/b.yaml": application("b", "path: exec", "oci://registry.example.com/shop"),
      ...Object.fromEntries(["https://git.example.com/team/shop", "ssh://git@git.example.com:22/team/shop.git", "git@git.example.com:Team/shop.git/"].map((url, i) => [`repo/c${i}.yaml`, application(`c${i}`, "path: exec", url)])),
    }), ["Application a: unknown, https://git.example.com/team/other.git is no remote of this repository", "Application c0: fails", "Application c1: fails", "Application c2: fails"]);
  });

  test("lists templates, patches and hydrated sources as unknown", (t) => {
    const set = (name: string, path: string, more = ""): string => `apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: ${name}}\nspec:\n  goTemplate: true\n${more}  template:\n    spec:\n      source: {repoURL: "https://git.example.com/team/shop", path: ${path}}\n`;
    assert.deepEqual(states(t, {
      "repo/a.yaml": set("a", "'{{.path.path}}'"), "repo/b.yaml": set("b", "\"overlays/{{env}}\""), "repo/c.yaml": set("c", "exec", "  templatePatch: |\n    spec: {source: {plugin: {name: istiomize}}}\n"),
      "repo/d.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: d}\nspec: {sourceHydrator: {drySource: {repoURL: \"https://git.example.com/team/shop\", path: exec}}}\n",
      "repo/e/kustomization.yaml": "resources: [app.yaml]\npatches:\n  - path: patch.yaml\n", "repo/e/app.yaml": application("e", "path: exec", "https://git.example.com/team/shop"), "repo/e/patch.yaml": application("e", "plugin: {name: istiomize}", "https://git.example.com/team/shop"),
    }), ["Application e: unknown, a kustomization patches it", "ApplicationSet a: unknown, its path is a template", "ApplicationSet b: unknown, its path is a template", "ApplicationSet c: unknown, its templatePatch was not read", "Application d: unknown, the source hydrator builds it"]);
  });

  test("sees a mesh that comes by the components of a source, and Applications in a list", (t) => {
    assert.deepEqual(states(t, {
      "repo/plain/kustomization.yaml": "resources: [service.yaml]\n", "repo/plain/service.yaml": service, "repo/mesh/kustomization.yaml": "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\ntransformers: [mesh.yaml]\n", "repo/mesh/mesh.yaml": mesh(exec) + guard,
      "repo/list.yaml": `apiVersion: v1\nkind: List\nitems:\n  - ${JSON.stringify({ apiVersion: "argoproj.io/v1alpha1", kind: "Application", metadata: { name: "a" }, spec: { source: { path: "plain", kustomize: { components: ["../mesh"] } } } })}\n`,
      "repo/flux.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: shop}\nspec:\n  path: ./plain\n  components: [../mesh]\n",
    }), ["Application a: fails", "Flux Kustomization shop: fails"]);
  });

  test("leaves a Flux Kustomization of another repository alone", (t) => {
    const flux = (url: string): string => `apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: shop, namespace: flux-system}\nspec: {url: "${url}"}\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: shop, namespace: flux-system}\nspec: {path: ./exec, sourceRef: {kind: GitRepository, name: shop}}\n`;
    assert.deepEqual(states(t, { "repo/flux.yaml": flux("ssh://git@git.example.com/team/other") }), ["Flux Kustomization shop: unknown, ssh://git@git.example.com/team/other is no remote of this repository"]);
    assert.deepEqual(states(t, { "repo/flux.yaml": flux("ssh://git@git.example.com/team/shop") }), ["Flux Kustomization shop: fails"]);
  });
});

describe("doctor on Flux", () => {
  const flux = (path: string, kind = "GitRepository"): string => `apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec:
  interval: 10m
  path: ${path}
  prune: true
  sourceRef: {kind: ${kind}, name: shop}
`;

  test("says that it cannot run istiomize, and what to do, from the root of the repository", (t) => {
    const { directory, doctor } = machine(t, {}, {
      ...trees, "repo/clusters/exec.yaml": flux("./repo/exec"), "repo/clusters/resource.yaml": flux("/repo/resource"), "repo/clusters/files.yaml": flux("./repo/files"), "repo/clusters/artifact.yaml": flux("./repo/exec", "OCIRepository"),
    });
    mkdirSync(join(directory, ".git"));
    const ended = doctor("repo");
    assert.equal(ended.code, 1);
    const rest = "  expected  files that plain kustomize builds: Flux runs no plugins, and has no setting that would allow it\n  help      `istiomize generate --migrate repo`, then `istiomize generate repo`, and commit what they write; `istiomize generate --check repo` in CI keeps it up to date";
    assertFound(ended, "IZ474", `repo/clusters/exec.yaml:6  error IZ474  Flux cannot run istiomize
  read      spec.path ./repo/exec, transformer, exec function
${rest}

repo/clusters/resource.yaml:6  error IZ474  Flux cannot run istiomize
  read      spec.path /repo/resource, ServiceMesh as a resource
${rest}`);
    assert.match(ended.stdout, /^ {2}fits {3}Flux Kustomization shop {2}\.\/repo\/files +files that generate wrote, built by kustomize-controller$/m);
  });
});

describe("the codes of doctor", () => {
  test("are all raised here, word for word", () => {
    const own = Object.keys(catalogue).filter((code) => code >= "IZ455" && code <= "IZ477");
    const possible = new Set([...(kubectl ? [] : ["IZ461"]), ...(kustomizes.length > 1 ? [] : ["IZ460"])]);
    assert.deepEqual(own.filter((code) => !raised.has(code) && !possible.has(code)), []);
  });
});
