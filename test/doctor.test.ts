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
  expected  one: kustomize, kpt and Helm find the function by its name
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
    assert.match(findingsOf(relative, "IZ458"), /^ {2}read {6}named \(\$KUSTOMIZE_PLUGIN_HOME\), which is no absolute path$/m);
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
  expected  to be built with its mesh on this machine
  help      install docker, or write exec: {path: istiomize} into config.kubernetes.io/function

tree/exec/kustomization.yaml  error IZ461  what this tree needs does not work here
  read      tree/exec (transformer, exec function): kubectl alone is here, which skips exec functions
  expected  to be built with its mesh on this machine
  help      \`istiomize render tree/exec\` builds it with kubectl; or install kustomize

tree/plugin/kustomization.yaml  error IZ461  what this tree needs does not work here
  read      tree/plugin (transformer, older plugin): no plugin home is there
  expected  to be built with its mesh on this machine
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

  test("finds a transformer without guard, and half a guard", (t) => {
    const { doctor } = machine(t, {}, { ...tree("tree/none", exec, "", ""), ...tree("tree/field", exec, "guard: true", ""), ...tree("tree/document", exec, ""), ...tree("tree/older", undefined, "", "") });
    const start = "warning IZ462  no guard";
    const expected = "  expected  spec.guard: true, and as a second document a PatchTransformer that deletes IstiomizeRan";
    assertFound(doctor("tree"), "IZ462", `tree/document/mesh.yaml:2  ${start}
  read      the PatchTransformer of the guard, and no spec.guard: true
${expected}
  help      add it to the ServiceMesh, or every build fails

tree/field/mesh.yaml:2  ${start}
  read      spec.guard: true, and no PatchTransformer that deletes the marker
${expected}
  help      add it, or the marker goes to the cluster, which refuses it

tree/none/mesh.yaml:2  ${start}
  read      a transformer that kustomize may skip without a word
${expected}
  help      add both, as \`istiomize scaffold tree --layout transformer\` writes them`);
  });

  test("finds fields that older kustomize refuses", (t) => {
    const { doctor } = machine(t, {}, { ...tree("tree", "exec: {path: istiomize, args: [\"-n\", shop]}") });
    assertFound(doctor("tree"), "IZ463", `tree/mesh.yaml:7  warning IZ463  a function that older kustomize refuses
  read      exec.args in config.kubernetes.io/function
  expected  exec: {path: istiomize} and nothing else: kustomize before 5.7.0 and kpt stop at an unknown field
  help      take it out; the settings of istiomize stand in the ServiceMesh`);
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
  help      take it out: istiomize needs none, and settings of Istio's objects are annotations`);
  });
});

const application = (name: string, source: string): string => `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: ${name}}
spec:
  source:
    repoURL: https://git.example.com/shop.git
${source.replace(/^/gm, "    ")}
`;
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
  help      ${sidecar}

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
    const start = "error IZ469  Argo CD knows nothing of this name";
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
  help      what kustomize: says goes into an overlay, or use the plugin or exec mode, in which it works`);
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
  help      take it out, and write \`plugin: {name: …}\` into the Applications that are meshed`);
    assertFound(ended, "IZ472", `repo/plugin.yaml:8  warning IZ472  a pipe that hides a failure
  read      "kustomize build . | istiomize"
  expected  \`command: [istiomize, render, .]\`, which fails when a part of it does
  help      write that; or begin the script with \`set -euo pipefail\` in a shell that knows it (bash)`);
    assertFound(ended, "IZ473", `repo/plugin.yaml:5  warning IZ473  a key that Argo CD ignores
  read      spec.generat, which a ConfigManagementPlugin does not have
  expected  version, init, generate, discover, parameters, preserveFileMode, provideGitCreds
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
    const own = Object.keys(catalogue).filter((code) => code >= "IZ455" && code <= "IZ479");
    const possible = new Set([...(kubectl ? [] : ["IZ461"]), ...(kustomizes.length > 1 ? [] : ["IZ460"])]);
    assert.deepEqual(own.filter((code) => !raised.has(code) && !possible.has(code)), []);
  });
});
