import assert from "node:assert/strict";
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { bundle, root } from "./support/cases.ts";
import { findKubectls, findKustomizes, readFiles, type Builder } from "./support/callers.ts";
import { istiomize, temporary } from "./support/process.ts";
import { functionRuns, mesh, service } from "./support/function-runs.ts";
import { bare, beyondNode, findStrace, node, nothing, outside, trace, traceIdle, type Found, type Trace } from "./support/strace.ts";

const strace = findStrace();
describe("system calls", { skip: strace ? false : "strace is not on this machine, or may not trace" }, () => {
  test("node alone reaches no network, starts nothing and writes no file", (t) => {
    const { network, processes, writes, programs } = traceIdle(strace!, t);
    assert.deepEqual({ network, processes, writes, programs }, { network: [], processes: 0, writes: [], programs: [node] });
  });

  for (const [name, { input, code, env }] of Object.entries(functionRuns)) {
    test(`the function given ${name} opens its own file and nothing else`, (t) => {
      const run = trace(strace!, node, [bundle], { input, env: { ...bare, ...env } });
      assert.equal(run.run.code, code, run.run.stderr);
      assert.deepEqual(beyondNode(run, traceIdle(strace!, t)), { ...nothing, reads: [bundle] });
    });
  }

  test("as the older plugin it opens its config file too, and the package.json beside it by which node knows what it is", (t) => {
    const directory = temporary(t, { "config.yaml": mesh, "home/package.json": '{"type":"commonjs"}' });
    const plugin = join(directory, "home/ServiceMesh");
    cpSync(bundle, plugin);
    const config = join(directory, "config.yaml");
    const run = trace(strace!, node, [plugin, config], { input: service("15s"), env: { ...bare, KUSTOMIZE_PLUGIN_CONFIG_ROOT: directory } });
    assert.equal(run.run.code, 0, run.run.stderr);
    assert.match(run.run.stdout, /kind: VirtualService/);
    const { reads, ...rest } = beyondNode(run, traceIdle(strace!, t));
    assert.deepEqual([...reads].sort(), [config, plugin, join(directory, "home/package.json")].sort());
    assert.deepEqual({ ...rest, reads: [] }, nothing);
  });

  test("where `render` asks for a report it writes that file, and after a bug of ours nothing", (t) => {
    const directory = temporary(t);
    const report = join(directory, "report.json");
    const run = trace(strace!, node, [bundle], { input: service("15"), env: { ...bare, ISTIOMIZE_REPORT: report } });
    assert.deepEqual({ ...beyondNode(run, traceIdle(strace!, t)), code: run.run.code }, { ...nothing, reads: [bundle], writes: [report], code: 1 });
    const bug = trace(strace!, node, [bundle], { input: service("15"), env: { ...bare, ISTIOMIZE_REPORT: join(directory, "missing/report.json"), ISTIOMIZE_DEBUG: "1" } });
    assert.match(bug.run.stderr, /IZ901/);
    assert.deepEqual({ ...beyondNode(bug, traceIdle(strace!, t)), code: bug.run.code }, { ...nothing, reads: [bundle], writes: [join(directory, "missing/report.json")], code: 2 });
  });

  const offences: { readonly [name: string]: { readonly script: string; readonly shows: (found: Found, directory: string) => boolean } } = {
    "opens a connection": { script: 'require("net").connect(9, "127.0.0.1").on("error", () => {})', shows: ({ network }) => network.some((call) => /^connect\(.*AF_INET/.test(call)) },
    "asks for an address": { script: 'require("dns").lookup("example.invalid", () => {})', shows: ({ network, reads }) => network.length > 0 || reads.includes("/etc/hosts") },
    "listens at a socket of the machine": { script: 'const s = require("net").createServer().listen("./socket", () => s.close())', shows: ({ network }) => network.some((call) => call.startsWith("bind(")) },
    "writes a file": { script: 'require("fs").writeFileSync("made", "x")', shows: ({ writes }, directory) => writes.includes(join(directory, "made")) },
    "fails to write a file": { script: 'try { require("fs").writeFileSync("missing/made", "x") } catch {}', shows: ({ writes }, directory) => writes.includes(join(directory, "missing/made")) },
    "removes a file": { script: 'require("fs").rmSync("there")', shows: ({ writes }, directory) => writes.includes(join(directory, "there")) },
    "reads a file": { script: 'require("fs").readFileSync("there")', shows: ({ reads }, directory) => reads.includes(join(directory, "there")) },
    "lists a directory": { script: 'require("fs").readdirSync(".")', shows: ({ reads }, directory) => reads.includes(directory) },
    "starts a program": { script: 'require("child_process").spawnSync(process.execPath, ["--version"])', shows: ({ programs, processes }) => programs.includes(node) && processes === 1 },
    "copies a file": { script: 'require("fs").copyFileSync("there", "copy")', shows: ({ writes }, directory) => writes.includes(join(directory, "copy")) },
  };
  for (const [name, { script, shows }] of Object.entries(offences)) {
    test(`the same look at a script that ${name} sees it`, (t) => {
      const directory = temporary(t, { "offence.cjs": `require("fs").readFileSync(0);\n${script};\n`, there: "x" });
      const file = join(directory, "offence.cjs");
      const found = beyondNode(trace(strace!, node, [file], { cwd: directory, env: bare }), traceIdle(strace!, t));
      assert.ok(shows(found, directory), JSON.stringify(found, undefined, 1));
      assert.notDeepEqual(found, { ...nothing, reads: [file] });
    });
  }
});

const builder: Builder | undefined = findKustomizes().at(-1) ?? findKubectls()[0];
const skip = !strace ? "strace is not on this machine, or may not trace" : !builder ? "neither kustomize nor kubectl is on this machine" : false;

/** The example tree in a directory of its own, and beside it the only place for temporary files. */
function place(t: TestContext): { readonly tree: string; readonly scratch: string; readonly env: { readonly [name: string]: string | undefined } } {
  const directory = temporary(t, { "scratch/.keep": "", "home/.keep": "" });
  cpSync(join(root, "gitops/base"), join(directory, "tree/base"), { recursive: true });
  cpSync(join(root, "gitops/overlays"), join(directory, "tree/overlays"), { recursive: true });
  const scratch = join(directory, "scratch");
  return { tree: join(directory, "tree"), scratch, env: { ...bare, TMPDIR: scratch, HOME: join(directory, "home") } };
}

/** Calls about sockets that a command of ours makes: node talks with the programs that it starts by pairs of nameless sockets. */
function ownNetwork({ network }: Trace): readonly string[] {
  return network.filter(({ program, call }) => (program === node || !builder!.isKubectl) && !/^socketpair\(AF_UNIX,/.test(call)).map(({ call }) => call);
}

describe("system calls of commands", { skip }, () => {
  for (const overlay of ["staging", "production", "preview", "qa"]) {
    test(`\`render\` of ${overlay} starts ${builder?.isKubectl ? "kubectl" : "kustomize"} and itself, and writes only temporary files, which are gone afterwards`, (t) => {
      const { tree, scratch, env } = place(t);
      const before = readFiles(tree);
      const run = trace(strace!, node, [bundle, "render", "--with", builder!.path, join(tree, "overlays", overlay)], { env, cwd: tree });
      assert.equal(run.run.code, 0, run.run.stderr);
      assert.match(run.run.stdout, /kind: VirtualService/);
      assert.deepEqual(outside(run.programs, [node, builder!.path, scratch]), []);
      const inScratch = run.programs.filter((path) => outside([path], [scratch]).length === 0).map((path) => basename(path));
      assert.deepEqual([...new Set(inScratch)], overlay === "preview" || overlay === "qa" ? [] : [builder!.isKubectl ? "ServiceMesh" : "istiomize"]);
      assert.deepEqual(outside(run.writes, [scratch, "/dev/null"]), []);
      assert.deepEqual(ownNetwork(run), []);
      assert.deepEqual(readdirSync(scratch), [".keep"]);
      assert.deepEqual(readFiles(tree), before);
    });
  }

  for (const options of [["--check"], ["--dry-run"], ["--diff"], ["--verify"], ["--remove", "--dry-run"], ["--migrate", "--diff"]]) {
    test(`\`generate ${options.join(" ")}\` writes nothing into the tree`, (t) => {
      const { tree, scratch, env } = place(t);
      const before = readFiles(tree);
      const builds = !/--(remove|migrate)/.test(options.join(" "));
      const run = trace(strace!, node, [bundle, "generate", join(tree, "overlays/qa"), ...(builds ? ["--with", builder!.path] : []), ...options], { env, cwd: tree });
      assert.equal(run.run.code, 0, run.run.stderr);
      assert.deepEqual(outside(run.programs, [node, builder!.path]), []);
      assert.deepEqual(outside(run.writes, [scratch, "/dev/null"]), []);
      assert.deepEqual(ownNetwork(run), []);
      assert.deepEqual(readdirSync(scratch), [".keep"]);
      assert.deepEqual(readFiles(tree), before);
    });
  }

  test("`generate` writes into the tree that it is given and nowhere else", (t) => {
    const { tree, scratch, env } = place(t);
    const overlay = join(tree, "overlays/qa");
    const service = join(tree, "base/services/ms-product/service.yaml");
    assert.ok(existsSync(service));
    const removed = trace(strace!, node, [bundle, "generate", overlay, "--remove"], { env, cwd: tree });
    assert.equal(removed.run.code, 0, removed.run.stderr);
    const run = trace(strace!, node, [bundle, "generate", overlay, "--with", builder!.path], { env, cwd: tree });
    assert.equal(run.run.code, 0, run.run.stderr);
    assert.match(run.run.stdout, /istio-virtualservice\.yaml/);
    for (const each of [removed, run]) {
      assert.deepEqual(outside(each.writes, [scratch, overlay, "/dev/null"]), []);
      assert.deepEqual(ownNetwork(each), []);
    }
    assert.deepEqual(readdirSync(scratch), [".keep"]);
  });
});

describe("the guards that SECURITY.md recommends", () => {
  const page = readFileSync(join(root, "SECURITY.md"), "utf8");
  const recommended = /```yaml\n([^]*?)```/.exec(page)![1]!;
  const guarded: { readonly [line: string]: RegExp } = {
    "hosts: payments.other.svc.cluster.local": /IZ207/, 'export-to: "*"': /IZ207/, "mtls: DISABLE": /IZ207/, "tls: DISABLE": /IZ207/, 'tls-insecure-skip-verify: "true"': /IZ207/,
    'virtual-service-patch: "hosts: [payments]"': /IZ207/, 'destination-rule-patch: "host: payments"': /IZ207/, "accept: IZ331=later": /IZ207/, "timeout: 90s": /IZ206/, 'retry-attempts: "9"': /IZ206/,
  };
  for (const [line, code] of Object.entries(guarded)) {
    test(`refuse ${line}`, () => {
      const { code: exit, stdout, stderr } = istiomize([], { input: `${recommended}---\n${service("15s").replace("{istiomize.dev/timeout: 15s}", `\n    istiomize.dev/${line}`)}` });
      assert.match(stderr, code);
      assert.deepEqual({ exit, stdout }, { exit: 1, stdout: "" });
    });
  }

  for (const line of ['inject: "false"', "dataplane-mode: ambient", 'exclude-inbound-ports: "80"', 'exclude-outbound-ports: "80"', "include-outbound-ip-ranges: 10.0.0.0/8", "exclude-outbound-ip-ranges: 10.0.0.0/8"]) {
    test(`refuse ${line} on a workload`, () => {
      const workload = `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\n  annotations:\n    istiomize.dev/${line}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n`;
      const { code: exit, stdout, stderr } = istiomize([], { input: `${recommended}---\n${service("15s")}---\n${workload}` });
      assert.match(stderr, /IZ207/);
      assert.deepEqual({ exit, stdout }, { exit: 1, stdout: "" });
    });
  }

  test("name tests that are there", () => {
    for (const [path] of page.matchAll(/test\/[a-z/-]+(\.test\.ts)?(?=`)/g)) assert.ok(existsSync(join(root, path)), path);
  });
});
