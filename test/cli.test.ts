import assert from "node:assert/strict";
import { chmodSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { loadAll } from "js-yaml";
import { catalogue } from "../generators/diagnostics/catalogue.ts";
import { settingNames } from "../generators/annotations/table.ts";
import { findOnPath } from "../scripts/tools.ts";
import { bundle, root } from "./support/cases.ts";
import { findKubectls, findKustomizes } from "./support/callers.ts";
import { istiomize, run, temporary, writeFiles, type Run } from "./support/process.ts";

const builders = [...findKustomizes(), ...findKubectls()];
const noBuilder = builders.length === 0 && "neither kustomize nor kubectl is on this machine";

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

const workload = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n";
const service = (annotation: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\n  annotations:\n    istiomize.dev/${annotation}\nspec:\n  selector: {app: web}\n  ports: [{name: http, port: 80}]\n`;
const namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {istio-injection: enabled}\n";
const stream = (annotation: string): string => [namespace, workload, service(annotation)].join("---\n");

function assertRefused({ code, stdout, stderr }: Run, message: RegExp, exitCode = 2): void {
  assert.match(stderr, message);
  assert.doesNotMatch(stderr, /^\s+at /m, "no stack trace");
  assert.deepEqual([code, stdout], [exitCode, ""]);
}

describe("help and version", () => {
  test("--help, -h and help print usage, three examples, the commands and the exit codes", () => {
    for (const word of ["--help", "-h", "help"]) {
      const { code, stdout, stderr } = istiomize([word]);
      assert.deepEqual([code, stderr], [0, ""]);
      assert.ok(stdout.startsWith(`istiomize ${version}`));
      const [, examples] = /^Examples\n((?: {2}.*\n)+)/m.exec(stdout) ?? [];
      assert.equal(examples?.trimEnd().split("\n").length, 3);
      for (const part of ["render <kustomization>", "explain <Kind/name>", "--namespace", "--version", "Exit codes"]) assert.ok(stdout.includes(part), part);
      assert.ok(stdout.indexOf("Examples") < stdout.indexOf("Options"), "examples before flags");
    }
  });

  test("render --help prints its own page, and needs no kustomize for it", () => {
    const { code, stdout, stderr } = istiomize(["render", "--help"], { env: { PATH: "" } });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^istiomize render <kustomization>/);
  });

  test("--version and -v print the version of package.json, and nothing else", () => {
    for (const word of ["--version", "-v"]) assert.deepEqual(istiomize([word]), { code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("a terminal without a command gets the help instead of waiting for YAML", (t) => {
    const { code, stdout } = onTerminal(t, `${process.execPath} ${bundle}`);
    assert.deepEqual([code, stdout.includes("Examples")], [0, true]);
  });
});

describe("a mistake on the command line", () => {
  test("in a command is refused with the one that was meant", () => {
    assertRefused(istiomize(["rendr", "."]), /there is no command "rendr"; did you mean `istiomize render`\?/);
    assertRefused(istiomize(["expalin"]), /did you mean `istiomize explain`\?/);
  });

  test("in a command that is like nothing is refused without a guess", () => {
    const refused = istiomize(["launch-rockets"]);
    assertRefused(refused, /there is no command "launch-rockets"/);
    assert.doesNotMatch(refused.stderr, /did you mean/);
    assert.match(refused.stderr, /istiomize --help/);
  });

  test("in an option is refused with the one that was meant", () => {
    assertRefused(istiomize(["--helpp"]), /--helpp.*did you mean --help\?/);
    assertRefused(istiomize(["--namspace", "shop"]), /--namspace.*did you mean --namespace\?/);
    assertRefused(istiomize(["explain", "--lst"]), /--lst.*did you mean --list\?/);
    assertRefused(istiomize(["render", ".", "--namspace", "shop"]), /--namspace.*did you mean --namespace\?/);
    assertRefused(istiomize(["render", ".", "--enable-helm"]), /--enable-helm.*behind `--`/);
  });

  test("an option without its value is refused", () => {
    assertRefused(istiomize(["--namespace"]), /namespace/);
    assertRefused(istiomize(["render", ".", "--with"]), /--with needs a value/);
  });

  test("a word too many is refused, and standard input not even read", () => {
    assertRefused(istiomize(["-n", "shop", "overlays/staging"], { input: stream("timeout: 5s") }), /overlays\/staging/);
    assertRefused(istiomize(["render", "a", "b"]), /one directory/);
    assertRefused(istiomize(["explain", "timeout", "weights"]), /weights/);
  });

  test("render and explain without a subject say what to name", () => {
    assertRefused(istiomize(["render"]), /istiomize render overlays\/staging/);
    assertRefused(istiomize(["explain"]), /istiomize explain timeout/);
  });
});

describe("explain", () => {
  test("shows an annotation, with or without its prefix: where it stands, its value, an example, what it writes", () => {
    const shown = istiomize(["explain", "timeout"]);
    assert.deepEqual([shown.code, shown.stderr], [0, ""]);
    for (const part of ["istiomize.dev/timeout", "Service, workload (Deployment, StatefulSet, DaemonSet, Rollout), Namespace", "a duration with a unit", "VirtualService spec.http[].timeout", "https://istio.io/latest/docs/"]) assert.ok(shown.stdout.includes(part), part);
    assert.deepEqual(istiomize(["explain", "istiomize.dev/timeout"]), shown);
  });

  test("shows a code, in capitals or not", () => {
    const shown = istiomize(["explain", "IZ310"]);
    assert.deepEqual([shown.code, shown.stderr], [0, ""]);
    assert.ok(shown.stdout.includes(catalogue.IZ310.title) && shown.stdout.includes(catalogue.IZ310.why));
    assert.deepEqual(istiomize(["explain", "iz310"]), shown);
  });

  test("--list names every annotation once, with what it does", () => {
    const { code, stdout, stderr } = istiomize(["explain", "--list"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.deepEqual(stdout.trimEnd().split("\n").map((line) => line.split(/ {2,}/)[0]), settingNames);
    assert.doesNotMatch(stdout, /^\S+\s*$/m, "every line says something");
  });

  test("explains every annotation and every code", () => {
    for (const topic of [settingNames.at(0)!, settingNames.at(-1)!, Object.keys(catalogue).at(0)!, Object.keys(catalogue).at(-1)!]) {
      assert.equal(istiomize(["explain", topic]).code, 0, topic);
    }
  });

  test("takes the name that Istio has for a field, the one in the ServiceMesh, and a key with its scope", () => {
    const shown = istiomize(["explain", "retry-per-try-timeout"]);
    for (const name of ["perTryTimeout", "VirtualService.spec.http.retries.perTryTimeout", "spec.defaults.retryPerTryTimeout", "istiomize.dev/port.8080.retry-per-try-timeout"]) {
      assert.deepEqual(istiomize(["explain", name]), shown, name);
    }
  });

  test("gives JSON of everything that it lists, and a table for a page", () => {
    const read = (...args: readonly string[]): { readonly [key: string]: unknown } => JSON.parse(istiomize(["explain", ...args, "--format", "json"]).stdout) as { [key: string]: unknown };
    assert.deepEqual((read("--list")["annotations"] as readonly { readonly name: string }[]).map(({ name }) => name), settingNames);
    assert.deepEqual((read("--list", "codes")["codes"] as readonly { readonly code: string }[]).map(({ code }) => code), Object.keys(catalogue));
    assert.equal(read("timeout")["annotation"], "istiomize.dev/timeout");
    assert.equal(read("IZ310")["severity"], "warning");
    const table = istiomize(["explain", "--list", "--format", "markdown"]).stdout.trimEnd().split("\n");
    assert.deepEqual([table.length, table[1]], [settingNames.length + 2, "| --- | --- | --- | --- |"]);
    assertRefused(istiomize(["explain", "timeout", "--format", "markdown"]), /--list/);
    assertRefused(istiomize(["explain", "--list", "code"]), /did you mean codes\?/);
  });

  test("refuses an unknown name with the one that was meant", () => {
    assertRefused(istiomize(["explain", "retry-atempts"]), /did you mean retry-attempts\?/);
    assertRefused(istiomize(["explain", "perTryTimout"]), /did you mean retry-per-try-timeout\?/);
    assertRefused(istiomize(["explain", "IZ3100"]), /did you mean IZ310\?/);
    assertRefused(istiomize(["explain", "zzzzzz"]), /nothing is called "zzzzzz"$/m);
  });
});

describe("a pipe", () => {
  test("carries the result on stdout and what is said about it on stderr", () => {
    const { code, stdout, stderr } = istiomize([], { input: [workload, service("timeout: 5s")].join("---\n") });
    assert.equal(code, 0);
    assert.match(stderr, /^<stdin>:\d+:\d+ {2}warning IZ340/, "a namespace without a Namespace object");
    assert.deepEqual(loadAll(stdout).map((object) => (object as { kind: string }).kind), ["Deployment", "Service", "VirtualService"]);
  });

  test("that has nothing to say leaves stderr empty", () => {
    const { code, stderr } = istiomize([], { input: stream("timeout: 5s") });
    assert.deepEqual([code, stderr], [0, ""]);
  });

  test("carries nothing on stdout after an error, and exit code 1", () => {
    const mistakes: readonly (readonly [string, RegExp])[] = [
      ["", /error IZ101/], ["  \n# nothing\n", /error IZ101/], ["a: [", /error IZ102/], ["- a\n- b\n", /error IZ103/], ["just words\n", /error IZ103/],
      [stream("timeout: '15'"), /error IZ201/], [stream("timeout: 15"), /error IZ201/], [stream("timout: 5s"), /error IZ202[\s\S]*istiomize\.dev\/timeout/], [`${stream("timeout: 5s")}---\na: 1\na: 2\n`, /error IZ105/],
      [`${stream("timeout: 5s")}---\napiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata: {name: m}\nspec: {tiemout: 5s}\n`, /error IZ110/],
    ];
    for (const [input, message] of mistakes) assertRefused(istiomize([], { input }), message, 1);
  });

  test("names the line of a mistake, and counts the mistakes where there are several", () => {
    const { stderr } = istiomize([], { input: stream("timeout: '15'\n    istiomize.dev/retry-attempts: many") });
    assert.match(stderr, /^<stdin>:25:28 {2}error IZ201/m);
    assert.match(stderr, /^<stdin>:26:35 {2}error IZ201/m);
    assert.match(stderr, /^istiomize: 2 errors$/m);
  });

  test("gives a ResourceList back as it was after an error, with results and exit code 1", () => {
    const items = [namespace, workload, service("timeout: '15'")].map((text) => `- ${text.replace(/^(?=.)/gm, "  ").slice(2)}`).join("");
    const input = `apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n${items}`;
    const { code, stdout, stderr } = istiomize([], { input });
    assert.equal(code, 1);
    assert.match(stderr, /error IZ201/);
    assert.ok(stdout.startsWith(input));
    const [list] = loadAll(stdout) as { results: readonly { severity: string; tags: { code: string } }[] }[];
    assert.deepEqual(list!.results.map(({ severity, tags }) => [severity, tags.code]), [["error", "IZ201"]]);
  });

  test("-n gives a namespace to objects that carry none", () => {
    const input = stream("timeout: 5s").replaceAll("  namespace: shop\n", "");
    for (const args of [["-n", "shop"], ["--namespace", "shop"], ["--namespace=shop"]]) {
      const { code, stdout, stderr } = istiomize(args, { input });
      assert.deepEqual([code, stderr], [0, ""]);
      const made = loadAll(stdout).at(-1) as { kind: string; metadata: { namespace?: string } };
      assert.deepEqual([made.kind, made.metadata.namespace], ["VirtualService", "shop"]);
    }
  });

  test("with a closed standard input is refused like an empty one", () => {
    assertRefused(run("sh", ["-c", `exec "${process.execPath}" "${bundle}" <&-`]), /error IZ101/, 1);
  });

  test("is read as UTF-8 however its bytes arrive", () => {
    const input = `${namespace}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: "größe ✓ 日本 🚀"}\n`;
    const { stdout } = run("sh", ["-c", `for part in 1 2; do dd bs=1 count=$((part == 1 ? 150 : 1000)) 2>/dev/null; sleep 0.1; done | "${process.execPath}" "${bundle}"`], { input });
    assert.equal(stdout, input);
  });
});

/** More than any pipe holds, most of it text that only passes by. */
function makeLarge(megabytes: number): string {
  const line = "x".repeat(99);
  const passing = Array.from({ length: megabytes * 10 }, (_, i) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c-${i}}\ndata:\n  text: |\n${`    ${line}\n`.repeat(1000)}`);
  const meshed = Array.from({ length: 50 }, (_, i) => service("timeout: 5s").replaceAll("web", `web-${i}`));
  return [namespace, ...passing, ...meshed].join("---\n");
}

describe("a large output", () => {
  test("is never cut: file, pipe, slow reader and a pipe that does not block all get the same bytes", (t) => {
    const directory = temporary(t, { "large.yaml": makeLarge(4) });
    const sh = (command: string): Run => run("sh", ["-c", command], { cwd: directory });
    const us = `"${process.execPath}" "${bundle}" < large.yaml 2>>said.txt`;
    sh(`${us} > file.yaml`);
    const whole = readFileSync(join(directory, "file.yaml"), "utf8");
    assert.ok(whole.length > 3_000_000);
    assert.equal(whole.match(/^kind: VirtualService$/gm)?.length, 50);
    const readers = [...Array.from({ length: 8 }, () => `${us} | cat`), ...Array.from({ length: 4 }, () => `${us} | (sleep 0.3; cat)`), `${us} | (dd bs=1000 count=100 2>/dev/null; sleep 0.5; cat)`];
    const perl = findOnPath("perl");
    if (perl) readers.push(...Array.from({ length: 4 }, () => `perl -MFcntl -e 'fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK); exec @ARGV' "${process.execPath}" "${bundle}" < large.yaml 2>>said.txt | (sleep 0.3; cat)`));
    for (const reader of readers) assert.ok(sh(reader).stdout === whole, reader);
    assert.ok(istiomize([], { input: readFileSync(join(directory, "large.yaml"), "utf8") }).stdout === whole, "through a socket");
  });

  test("whose reader goes away ends without a stack trace", (t) => {
    const directory = temporary(t, { "large.yaml": makeLarge(4) });
    for (const reader of ["head -1", "true", "head -c 100000"]) {
      const { stderr } = run("sh", ["-c", `{ "${process.execPath}" "${bundle}" < large.yaml; echo "ended with $?" >&2; } | ${reader} > /dev/null`], { cwd: directory });
      assert.doesNotMatch(stderr, /EPIPE|IZ901|^\s+at /m, reader);
      assert.match(stderr, /ended with (0|141)$/m, reader);
    }
    const { stderr } = run("sh", ["-c", `"${process.execPath}" "${bundle}" explain --list | true`]);
    assert.equal(stderr, "");
  });
});

/** Runs a command of the shell with a terminal on all three of its standard streams. */
function onTerminal(t: TestContext, command: string, env: { readonly [name: string]: string | undefined } = {}): Run {
  if (!findOnPath("script")) {
    t.skip("script (util-linux) is not on this machine");
    return { code: 0, stdout: "Examples", stderr: "" };
  }
  return run("script", ["-qec", command, "/dev/null"], { env: { TERM: "xterm", NO_COLOR: undefined, ...env } });
}

describe("colour", () => {
  const escape = /\u001b\[\d+m/;
  const command = (input: string): string => `"${process.execPath}" "${bundle}" < ${input} > /dev/null`;

  test("is for terminals, unless NO_COLOR says otherwise", (t) => {
    if (!findOnPath("script")) return t.skip("script (util-linux) is not on this machine");
    const directory = temporary(t, { "in.yaml": stream("timeout: 15") });
    const input = join(directory, "in.yaml");
    const shown = onTerminal(t, command(input)).stdout;
    assert.match(shown, /IZ201/);
    assert.match(shown, escape);
    const plain = onTerminal(t, command(input), { NO_COLOR: "1" }).stdout;
    assert.match(plain, /IZ201/);
    assert.doesNotMatch(plain, escape);
    assert.match(onTerminal(t, command(input), { NO_COLOR: "" }).stdout, escape, "an empty NO_COLOR says nothing");
  });

  test("never reaches a pipe", () => {
    const { stdout, stderr } = istiomize([], { input: stream("timeout: 15"), env: { NO_COLOR: undefined, FORCE_COLOR: undefined } });
    assert.doesNotMatch(stdout + stderr, escape);
  });
});

describe("render", () => {
  const kustomization = "resources: [all.yaml]\n";

  /** A PATH with node's own folder and a stand-in `kustomize`, a shell script. */
  function withTool(t: TestContext, script: string, name = "kustomize"): { readonly directory: string; readonly env: { readonly PATH: string } } {
    const directory = temporary(t, { [`bin/${name}`]: `#!/bin/sh\n${script}\n`, "tree/kustomization.yaml": kustomization, "tree/all.yaml": stream("timeout: 5s") });
    chmodSync(join(directory, "bin", name), 0o755);
    for (const tool of ["sh", "cat", "echo", "sleep"]) {
      const path = findOnPath(tool);
      if (path) symlinkSync(path, join(directory, "bin", tool));
    }
    return { directory, env: { PATH: join(directory, "bin") } };
  }

  test("without kustomize and kubectl names both and how people install them", (t) => {
    const directory = temporary(t, { "kustomization.yaml": kustomization });
    const refused = istiomize(["render", directory], { env: { PATH: directory } });
    assertRefused(refused, /error IZ401/);
    assert.match(refused.stderr, /kustomize[\s\S]*kubectl/);
    assertRefused(istiomize(["render", directory, "--with", join(directory, "kustomize-9")]), /error IZ401/);
  });

  test("of a directory without a kustomization says so", (t) => {
    const { directory, env } = withTool(t, "cat tree/all.yaml");
    assertRefused(istiomize(["render", "bin"], { cwd: directory, env }), /error IZ403[\s\S]*kustomization\.yaml/, 1);
    assertRefused(istiomize(["render", "no/such/place"], { cwd: directory, env }), /error IZ403[\s\S]*no\/such\/place/, 1);
  });

  test("shows what kustomize said when it fails, and the command", (t) => {
    const { directory, env } = withTool(t, "echo half: made; echo 'Error: accumulating resources: no such file' >&2; exit 1");
    const refused = istiomize(["render", "tree", "--", "--enable-helm"], { cwd: directory, env });
    assertRefused(refused, /error IZ402/, 1);
    assert.match(refused.stderr, /accumulating resources: no such file/);
    assert.match(refused.stderr, /kustomize build --enable-helm tree/);
  });

  test("of a tool that cannot be started, or is killed, is an error too", (t) => {
    const { directory, env } = withTool(t, "kill -9 $$");
    assertRefused(istiomize(["render", "tree"], { cwd: directory, env }), /error IZ402/, 1);
    writeFiles(directory, { "bin/kustomize": "#!/no/such/interpreter\n" });
    assertRefused(istiomize(["render", "tree"], { cwd: directory, env }), /error IZ402/, 1);
  });

  test("of a build that gives nothing is an error", (t) => {
    const { directory, env } = withTool(t, "exit 0");
    assertRefused(istiomize(["render", "tree"], { cwd: directory, env }), /error IZ119[\s\S]*resources:/, 1);
  });

  test("puts an error of the annotations in its file and line, and nothing on stdout", (t) => {
    const { directory, env } = withTool(t, "cat tree/all.yaml");
    writeFiles(directory, { "tree/all.yaml": stream("timeout: 15") });
    assertRefused(istiomize(["render", "tree"], { cwd: directory, env }), /^tree\/all\.yaml:25:28 {2}error IZ201/m, 1);
  });

  test("takes kustomize before kubectl, kubectl where it is alone, and what --with names", (t) => {
    const { directory, env } = withTool(t, "echo \"# $0 $*\"; cat tree/all.yaml");
    writeFiles(directory, { "other/kubectl": "#!/bin/sh\necho \"# $0 $*\"\ncat tree/all.yaml\n" });
    chmodSync(join(directory, "other/kubectl"), 0o755);
    const first = (args: readonly string[], path: string): string | undefined => istiomize(["render", "tree", ...args], { cwd: directory, env: { PATH: path } }).stdout.split("\n")[0];
    assert.equal(first([], `${join(directory, "other")}:${env.PATH}`), `# ${join(directory, "bin/kustomize")} build tree`);
    assert.equal(first(["--with", "kubectl"], `${join(directory, "other")}:${env.PATH}`), `# ${join(directory, "other/kubectl")} kustomize tree`);
    const alone = temporary(t);
    for (const tool of ["sh", "cat", "echo"]) symlinkSync(findOnPath(tool) ?? `/bin/${tool}`, join(alone, tool));
    assert.equal(first([], `${join(directory, "other")}:${alone}`), `# ${join(directory, "other/kubectl")} kustomize tree`);
    assert.equal(first(["--with", "other/kubectl"], env.PATH), `# ${join(directory, "other/kubectl")} kustomize tree`);
  });

  test("prints a large build whole", (t) => {
    const { directory, env } = withTool(t, "cat large.yaml");
    writeFiles(directory, { "large.yaml": makeLarge(3) });
    const { code, stdout } = istiomize(["render", "tree"], { cwd: directory, env });
    assert.equal(code, 0);
    assert.ok(stdout === istiomize([], { input: makeLarge(3) }).stdout);
  });

  test("passes -n on and gives a namespace to objects that carry none", (t) => {
    const { directory, env } = withTool(t, "cat tree/all.yaml");
    writeFiles(directory, { "tree/all.yaml": stream("timeout: 5s").replaceAll("  namespace: shop\n", "") });
    const { code, stdout, stderr } = istiomize(["render", "-n", "shop", "tree"], { cwd: directory, env });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /kind: VirtualService\nmetadata:\n {2}name: web\n {2}namespace: shop\n/);
  });
});

describe("the executable", () => {
  test("starts by its shebang, through a link of another name, under a package.json that says module", (t) => {
    const directory = temporary(t, { "package.json": '{"type": "module"}' });
    symlinkSync(bundle, join(directory, "ServiceMesh"));
    assert.deepEqual(run(join(directory, "ServiceMesh"), ["--version"], { cwd: directory }), { code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("is at most 500 kB", () => {
    assert.ok(readFileSync(bundle).length <= 500_000);
  });

  test("says what is missing around it: a temporary directory, the current directory", { skip: noBuilder }, (t) => {
    const directory = temporary(t, { "kustomization.yaml": "resources: [mesh.yaml]\n", "mesh.yaml": 'apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata: {name: a, annotations: {config.kubernetes.io/local-config: "true"}}\n', "gone/.keep": "" });
    const refused = istiomize(["render", directory, "--with", builders[0]!.path], { env: { TMPDIR: "/no/such/place" } });
    assert.deepEqual([refused.code, refused.stdout, refused.stderr], [2, "", "istiomize: cannot write to the temporary directory /no/such/place (ENOENT); set TMPDIR to one that is there and can be written to\n"]);
    const gone = run("/bin/sh", ["-c", `cd gone && rm -r ../gone && exec "${process.execPath}" "${bundle}" generate "${directory}" --check`], { cwd: directory });
    assert.deepEqual([gone.code, gone.stderr], [2, "istiomize: the current directory is not there any more; change to another one\n"]);
  });

  test("takes millions of comment lines, and never repeats a name of any length", () => {
    assert.equal(istiomize([], { input: `${"# c\n".repeat(1_000_000)}${stream("timeout: 5s")}` }).code, 0);
    const { code, stderr } = istiomize([], { input: stream(`${"x".repeat(200_000)}: 5s`) });
    assert.equal(code, 1);
    assert.ok(stderr.length < 10_000, String(stderr.length));
    assert.match(stderr, /error IZ202 .*\n {2}resource {2}Service shop\/web, annotation istiomize\.dev\/x{1000,}…\n/);
  });

  test("shows no user and password of a URL, in words of its own and in those of kustomize", { skip: noBuilder }, (t) => {
    const directory = temporary(t, { "kustomization.yaml": 'resources: ["https://somebody:hunter2@localhost:1/x.git?ref=main"]\n' });
    for (const command of [["render", directory], ["generate", directory]]) {
      const { code, stdout, stderr } = istiomize([...command, "--with", builders[0]!.path]);
      assert.notEqual(code, 0);
      assert.doesNotMatch(stdout + stderr, /hunter2|somebody/);
      assert.match(stderr, /localhost:1/);
    }
  });

  test("calls a bug a bug: version, step and exit code 2, without a stack trace unless it is asked for", (t) => {
    const directory = temporary(t, { "report": "" });
    const report = join(directory, "report", "no-directory");
    const broken = istiomize([], { input: stream("timeout: 5s"), env: { ISTIOMIZE_REPORT: report } });
    assertRefused(broken, /error IZ901[\s\S]*please report it/);
    assert.ok(broken.stderr.includes(version));
    assert.match(istiomize([], { input: stream("timeout: 5s"), env: { ISTIOMIZE_REPORT: report, ISTIOMIZE_DEBUG: "1" } }).stderr, /^\s+at /m);
  });
});
