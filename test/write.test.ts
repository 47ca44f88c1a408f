import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { buildSync } from "esbuild";
import type { Diagnostic } from "../generators/diagnostics/diagnostic.ts";
import type { FileChange } from "../plugin/write/change.ts";
import { findInterrupted, recoverInterrupted, writeChanges } from "../plugin/write/transaction.ts";
import { root as repository } from "./support/cases.ts";
import { lookAt } from "./support/look.ts";
import { temporary, writeFiles, type Files } from "./support/process.ts";

// Permissions are compared as numbers.
process.umask(0o022);

/** How often what depends on chance is tried, and whether every combination of kills is. */
const runs = Number(process.env["ISTIOMIZE_RUNS"] ?? 1);

/** A program of its own that writes; bundled, because hundreds of them are started. */
let tools: string;
before(() => {
  tools = realpathSync(mkdtempSync(join(tmpdir(), "istiomize-test-")));
  chmodSync(tools, 0o755);
  buildSync({ entryPoints: [join(repository, "test/support/write-changes.ts")], outfile: join(tools, "write.cjs"), bundle: true, platform: "node", target: "node20", format: "cjs", logLevel: "warning" });
  cpSync(join(repository, "test/support/kill-at.cjs"), join(tools, "kill-at.cjs"));
});
after(() => rmSync(tools, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly diagnostics: readonly Diagnostic[];
  readonly stdout: string;
}

/** Where the process is killed, or what it finds written by somebody else at that moment. */
interface Moment {
  readonly at: number;
  readonly half?: boolean;
  readonly write?: readonly [path: string, text: string];
  readonly log?: string;
}

interface Options {
  readonly moment?: Moment;
  readonly uid?: number;
  readonly startAt?: number;
}

/** Runs a command of the program. */
function start(command: string, root: string, changes: string | undefined, { moment, uid, startAt }: Options = {}): Promise<Ended> {
  const args = [...(moment ? ["--require", join(tools, "kill-at.cjs")] : []), join(tools, "write.cjs"), command, root, ...(changes === undefined ? [] : [changes])];
  const child = spawn(process.execPath, args, { cwd: tools, stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...environmentOf(root, moment), ...(startAt !== undefined && { ISTIOMIZE_START_AT: String(startAt) }) }, ...(uid !== undefined && { uid, gid: uid }) });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((done, fail) => {
    child.on("error", fail);
    child.on("close", (code, signal) => {
      const stdout = Buffer.concat(chunks).toString("utf8");
      done({ code, signal, stdout, diagnostics: stdout.startsWith("[") ? JSON.parse(stdout) as readonly Diagnostic[] : [] });
    });
  });
}

function environmentOf(root: string, moment: Moment | undefined): NodeJS.ProcessEnv {
  if (!moment) return {};
  const { at, half, write, log } = moment;
  return { ISTIOMIZE_AT: String(at), ISTIOMIZE_AT_ROOT: root, ...(half && { ISTIOMIZE_AT_HALF: "1" }), ...(write && { ISTIOMIZE_AT_WRITE: JSON.stringify(write) }), ...(log !== undefined && { ISTIOMIZE_AT_LOG: log }) };
}

/** Runs jobs a few at a time. */
async function inParallel<T>(items: readonly T[], job: (item: T) => Promise<void>, workers = 4): Promise<void> {
  const waiting = [...items];
  await Promise.all(Array.from({ length: workers }, async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await job(item);
  }));
}

const codesOf = (diagnostics: readonly Diagnostic[]): readonly string[] => diagnostics.map(({ code }) => code);

/** A tree with something to create, in directories old and new, to change, to move and to delete. */
const tree: Files = {
  "kustomization.yaml": "resources:\n- services/web\n- services/old\n",
  "services/web/kustomization.yaml": "# ours\r\nresources: [service.yaml]\r\n",
  "services/web/service.yaml": "kind: Service\n",
  "services/old/istio-virtualservice.yaml": "kind: VirtualService\n",
};
const changes: readonly FileChange[] = [
  change("kustomization.yaml", tree["kustomization.yaml"], "resources:\n- services/web\n- services/new\n"),
  change("services/web/kustomization.yaml", tree["services/web/kustomization.yaml"], "# ours\r\nresources: [service.yaml, istio-virtualservice.yaml]\r\n"),
  change("services/web/istio-virtualservice.yaml", undefined, "kind: VirtualService\n"),
  change("services/old/istio-virtualservice.yaml", tree["services/old/istio-virtualservice.yaml"], undefined),
  change("services/new/deep/istio-virtualservice.yaml", undefined, "kind: VirtualService\n"),
];

function change(path: string, before: string | undefined, after: string | undefined): FileChange {
  return { path, before, after };
}

/** The tree and the changes on disk, in a directory of their own. */
interface Given {
  readonly root: string;
  readonly file: string;
}

function give(t: TestContext, files: Files = tree, plan: readonly FileChange[] = changes): Given {
  const directory = temporary(t, { "changes.json": JSON.stringify(plan) });
  chmodSync(directory, 0o755);
  const root = join(directory, "tree");
  mkdirSync(root);
  writeFiles(root, files);
  return { root, file: join(directory, "changes.json") };
}

/** The same changes for this process. */
function below(root: string, plan: readonly FileChange[]): readonly FileChange[] {
  return plan.map((each) => ({ ...each, path: join(root, each.path) }));
}

/** What the tree looks like before and after the changes, by doing them undisturbed. */
async function lookBeforeAndAfter(t: TestContext, files: Files = tree, plan: readonly FileChange[] = changes): Promise<{ readonly old: object; readonly new: object }> {
  const { root } = give(t, files, plan);
  const old = lookAt(root);
  assert.deepEqual(await writeChanges(root, below(root, plan)), []);
  return { old, new: lookAt(root) };
}

/** Every moment at which a command does something to a file, as it happens when nobody interferes. */
async function listMoments(t: TestContext, command: string, root: string, file?: string): Promise<readonly string[]> {
  const log = join(temporary(t), "log.txt");
  const { code } = await start(command, root, file, { moment: { at: 0, log } });
  assert.equal(code, 0);
  return readFileSync(log, "utf8").trimEnd().split("\n");
}

/** Every way of being killed: before each of these moments, and half-way through each write. */
function killings(moments: readonly string[]): readonly Moment[] {
  return moments.flatMap((name, i) => [{ at: i + 1 }, ...(name.startsWith("writeFileSync") ? [{ at: i + 1, half: true }] : [])]);
}

/** Whether the tree is as the recovery says: as before, as after, or (nothing to say) one of the two. */
function assertWhole(look: object, diagnostics: readonly Diagnostic[], states: { readonly old: object; readonly new: object }, what: string): void {
  const [said, ...more] = diagnostics;
  assert.deepEqual([codesOf(more), said?.code ?? "IZ413"], [[], "IZ413"], what);
  if (said === undefined) assert.ok([JSON.stringify(states.old), JSON.stringify(states.new)].includes(JSON.stringify(look)), `${what}: ${JSON.stringify(look, undefined, 1)}`);
  else assert.deepEqual(look, /as after/.test(said.help!) ? states.new : states.old, `${what}: ${said.read}; ${said.help}`);
}

describe("writing files", () => {
  test("creates, changes and deletes, with the directories that this needs or leaves empty", async (t) => {
    const { root } = give(t);
    assert.deepEqual(await writeChanges(root, below(root, changes)), []);
    assert.deepEqual(Object.keys(lookAt(root)), [
      "kustomization.yaml", "services", "services/new", "services/new/deep", "services/new/deep/istio-virtualservice.yaml",
      "services/web", "services/web/istio-virtualservice.yaml", "services/web/kustomization.yaml", "services/web/service.yaml",
    ]);
    assert.equal(readFileSync(join(root, "kustomization.yaml"), "utf8"), changes[0]!.after);
  });

  test("changes nothing at all where nothing is to change", async (t) => {
    const { root } = give(t);
    utimesSync(root, 1e9, 1e9);
    for (const plan of [[], [change("kustomization.yaml", "same", "same")]]) {
      assert.deepEqual(await writeChanges(root, below(root, plan)), []);
      assert.equal(statSync(root).mtimeMs, 1e12);
    }
    const { mtimeMs } = statSync(join(root, "services/web/service.yaml"));
    assert.deepEqual(await writeChanges(root, below(root, [...changes, change("services/web/service.yaml", "x", "x")])), []);
    assert.equal(statSync(join(root, "services/web/service.yaml")).mtimeMs, mtimeMs);
  });

  test("keeps every byte: a byte order mark, CRLF, no final newline, letters of every kind", async (t) => {
    const text = "\uFEFFa: 1\r\nb: \u00fc\u{1F680}\r\n\tend";
    const { root } = give(t, { "a.yaml": text }, []);
    const before = readFileSync(join(root, "a.yaml"), "utf8");
    assert.deepEqual(await writeChanges(root, below(root, [change("a.yaml", before, `${before}!`), change("b.yaml", undefined, before)])), []);
    assert.deepEqual([readFileSync(join(root, "a.yaml")), readFileSync(join(root, "b.yaml"))], [Buffer.from(`${text}!`), Buffer.from(text)]);
  });

  test("takes an empty file for a file", async (t) => {
    const { root } = give(t, { "a.yaml": "", "b.yaml": "b" }, []);
    assert.deepEqual(await writeChanges(root, below(root, [change("a.yaml", "", "a"), change("b.yaml", "b", ""), change("c.yaml", undefined, "")])), []);
    assert.deepEqual(lookAt(root), { "a.yaml": "644 a", "b.yaml": "644 ", "c.yaml": "644 " });
  });

  test("keeps the permissions and the owner of a file that it replaces", async (t) => {
    const { root } = give(t);
    const file = join(root, "kustomization.yaml");
    chmodSync(file, 0o640);
    if (process.getuid?.() === 0) chownSync(file, 65534, 65534);
    const { uid, gid, mode } = statSync(file);
    assert.deepEqual(await writeChanges(root, below(root, changes)), []);
    const now = statSync(file);
    assert.deepEqual([now.uid, now.gid, now.mode], [uid, gid, mode]);
  });

  test("makes a tree where there is none, and takes it away again where that fails", async (t) => {
    const directory = temporary(t);
    const root = join(directory, "some/where/gitops");
    const plan = [change("base/kustomization.yaml", undefined, "a"), change("base", undefined, "a file where a directory is needed")];
    assert.deepEqual(codesOf(await writeChanges(root, below(root, plan))), ["IZ410"]);
    assert.deepEqual(readdirSync(directory), []);
    assert.deepEqual(await writeChanges(root, below(root, plan.slice(0, 1))), []);
    assert.deepEqual(lookAt(root), { base: "directory 755", "base/kustomization.yaml": "644 a" });
  });

  test("writes three thousand files", async (t) => {
    const { root } = give(t, {}, []);
    const plan = Array.from({ length: 3000 }, (_, i) => change(`services/ms-${i % 1000}/file-${i}.yaml`, undefined, "kind: Service\n".repeat(100)));
    const began = performance.now();
    assert.deepEqual(await writeChanges(root, below(root, plan)), []);
    t.diagnostic(`${Math.round(performance.now() - began)} ms`);
    assert.equal(Object.keys(lookAt(root)).length, 1 + 1000 + 3000);
  });
});

describe("a run that is killed", () => {
  test("before any of its steps leaves a tree that the next one makes whole, and says as what", async (t) => {
    const states = await lookBeforeAndAfter(t);
    const undisturbed = give(t);
    const moments = await listMoments(t, "write", undisturbed.root, undisturbed.file);
    const count = (name: string): number => moments.filter((moment) => moment.startsWith(name)).length;
    assert.deepEqual({ renames: count("renameSync"), links: count("linkSync"), flushes: count("fsync") >= 8, directories: count("mkdirSync") }, { renames: 7, links: 2, flushes: true, directories: 2 });
    const outcomes = new Set<string>();
    await inParallel(killings(moments), async (moment) => {
      const { root, file } = give(t);
      const what = `killed ${moment.half ? "half-way through" : "before"} step ${moment.at}, ${moments[moment.at - 1]}`;
      assert.equal((await start("write", root, file, { moment })).signal, "SIGKILL", what);
      const found = findInterrupted(root);
      assert.equal(found?.code ?? "IZ414", "IZ414", what);
      // Whoever only reads is kept from a tree that is half and half, and from no other.
      const seen = Object.fromEntries(Object.entries(lookAt(root)).filter(([path]) => !path.includes(".istiomize-")));
      if (!found) assert.deepEqual({ ...seen, ...emptyDirectories }, [states.old, states.new].map((state) => ({ ...state, ...emptyDirectories })).find((state) => state["kustomization.yaml" as never] === seen["kustomization.yaml"]), what);
      const said = await recoverInterrupted(root);
      assertWhole(lookAt(root), said, states, what);
      outcomes.add(said[0]?.read?.replace(/^.* stopped /, "") ?? "nothing said");
      assert.deepEqual(await recoverInterrupted(root), [], what);
    });
    assert.deepEqual([...outcomes].sort(), ["before it had changed any file", "before it had changed every file", "nothing said", "when it had changed every file"].sort());
  });

  /** Directories of the example that may be there or not while a run is at work. */
  const emptyDirectories = Object.fromEntries(["services/new", "services/new/deep", "services/old"].map((path) => [path, "directory 755"]));

  test("can be put in order by a run that is killed itself, before any of its steps", async (t) => {
    const states = await lookBeforeAndAfter(t);
    const undisturbed = give(t);
    const moments = await listMoments(t, "write", undisturbed.root, undisturbed.file);
    const all = moments.map((_, i) => i + 1);
    const step = Math.ceil(all.length / (6 * runs));
    let kills = 0;
    await inParallel(all.filter((at) => at % step === 0 || at === all.length), async (at) => {
      const { root, file } = give(t);
      assert.equal((await start("write", root, file, { moment: { at } })).signal, "SIGKILL");
      const copy = (): string => {
        const { root: to } = give(t, {}, []);
        rmSync(to, { recursive: true });
        execFileSync("cp", ["-a", root, to]); // with the hard links
        return to;
      };
      const log = join(temporary(t), "log.txt");
      assert.equal((await start("recover", copy(), undefined, { moment: { at: 0, log } })).code, 0);
      const ways = existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : [];
      for (const moment of killings(ways)) {
        const to = copy();
        const what = `killed before step ${at}, ${moments[at - 1]}; its recovery before step ${moment.at}, ${ways[moment.at - 1]}`;
        const ended = await start("recover", to, undefined, { moment });
        assert.equal(ended.signal, "SIGKILL", what);
        const said = await recoverInterrupted(to);
        assertWhole(lookAt(to), said, states, what);
        kills++;
      }
    });
    assert.ok(kills > 50, `${kills} kills`);
  });

  test("while it made a tree where there was none leaves none, or all of it", async (t) => {
    const plan = [change("base/kustomization.yaml", undefined, "a"), change("overlays/staging/kustomization.yaml", undefined, "b")];
    const fresh = (): { readonly directory: string; readonly root: string; readonly file: string } => {
      const directory = temporary(t);
      writeFiles(`${directory}-plan`, { "changes.json": JSON.stringify(plan) });
      t.after(() => rmSync(`${directory}-plan`, { recursive: true }));
      return { directory, root: join(directory, "some/where"), file: join(`${directory}-plan`, "changes.json") };
    };
    const undisturbed = fresh();
    const moments = await listMoments(t, "write", undisturbed.root, undisturbed.file);
    const whole = lookAt(undisturbed.directory);
    await inParallel(killings(moments), async (moment) => {
      const { directory, root, file } = fresh();
      await start("write", root, file, { moment });
      const [said] = await recoverInterrupted(root);
      // Before there is a lock nobody knows whose the empty directories are.
      const hadLock = moment.at > moments.findIndex((name) => name.includes("lock")) + 1 || moment.half;
      const expected = hadLock ? [{}, whole] : [{ some: "directory 755" }, { some: "directory 755", "some/where": "directory 755" }];
      assert.ok(expected.some((look) => JSON.stringify(look) === JSON.stringify(lookAt(directory))), `${moments[moment.at - 1]}: ${JSON.stringify(said)} ${JSON.stringify(lookAt(directory))}`);
      if (said) assert.deepEqual(lookAt(directory), /as after/.test(said.help!) ? whole : {}, said.help);
    });
  });

  test("keeps the very files, with their times and other names", async (t) => {
    const { root, file } = give(t);
    const old = statSync(join(root, "kustomization.yaml"));
    const moments = await listMoments(t, "write", give(t).root, file);
    await start("write", root, file, { moment: { at: moments.findLastIndex((name) => name.startsWith("renameSync")) + 1 } });
    assert.notEqual(statSync(join(root, "kustomization.yaml")).ino, old.ino);
    assert.deepEqual(codesOf(await recoverInterrupted(root)), ["IZ413"]);
    const now = statSync(join(root, "kustomization.yaml"));
    assert.deepEqual([now.ino, now.mtimeMs, now.nlink], [old.ino, old.mtimeMs, 1]);
  });

  test("keeps the next run from planning on a tree that is half and half", async (t) => {
    const { root, file } = await interrupt(t);
    const files = (): object => Object.fromEntries(Object.entries(lookAt(root)).filter(([path]) => !path.startsWith(".istiomize-lock-")));
    const look = files();
    assert.deepEqual(codesOf((await start("write", root, file)).diagnostics), ["IZ414"]);
    assert.deepEqual(files(), look);
    assert.deepEqual(codesOf(await recoverInterrupted(root)), ["IZ413"]);
    assert.deepEqual((await start("write", root, file)).diagnostics, []);
  });

  /** A tree whose files are being replaced: all but the last are. */
  async function interrupt(t: TestContext, files?: Files, plan?: readonly FileChange[]): Promise<Given> {
    const spare = give(t, files, plan);
    const moments = await listMoments(t, "write", spare.root, spare.file);
    const given = give(t, files, plan);
    const at = moments.findLastIndex((name) => name.startsWith("renameSync") && !name.includes("journal")) + 1;
    assert.equal((await start("write", given.root, given.file, { moment: { at } })).signal, "SIGKILL");
    return given;
  }

  test("leaves alone what a person wrote before the next run, and names it", async (t) => {
    const { root } = await interrupt(t);
    const old = await lookBeforeAndAfter(t).then((states) => states.old as { readonly [path: string]: string });
    writeFiles(root, { "kustomization.yaml": "mine\n", "services/web/istio-virtualservice.yaml": "mine too\n" });
    const said = await recoverInterrupted(root);
    assert.deepEqual(said.map(({ code, position }) => [code, position?.file.split("/tree/")[1]]), [["IZ416", "kustomization.yaml"], ["IZ416", "services/web/istio-virtualservice.yaml"], ["IZ413", undefined]]);
    assert.deepEqual(lookAt(root), { ...old, "kustomization.yaml": "644 mine\n", "services/web/istio-virtualservice.yaml": "644 mine too\n" });
  });

  test("and tidied up by git leaves nothing to do", async (t) => {
    const { root } = give(t);
    const git = (...args: readonly string[]): void => void execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], { cwd: root, stdio: "ignore" });
    git("init");
    git("add", "-A");
    git("commit", "-m", "a");
    const { root: half } = await interrupt(t);
    renameSync(join(root, ".git"), join(half, ".git"));
    execFileSync("git", ["-C", half, "checkout", "--", "."], { stdio: "ignore" });
    execFileSync("git", ["-C", half, "clean", "-fdq"]);
    assert.deepEqual([findInterrupted(half), await recoverInterrupted(half)], [undefined, []]);
    rmSync(join(half, ".git"), { recursive: true });
    assert.deepEqual(lookAt(half), (await lookBeforeAndAfter(t)).old);
  });

  test("cannot reach out of the tree by a journal that somebody made up", async (t) => {
    const { root } = await interrupt(t);
    const journal = readdirSync(root).find((name) => name.endsWith(".replacing"))!;
    const text = readFileSync(join(root, journal), "utf8");
    const outside = join(root, "../precious.yaml");
    writeFiles(root, { "../precious.yaml": "kind: VirtualService\n" });
    symlinkSync("..", join(root, "out"));
    for (const path of ["../precious.yaml", "services/../../precious.yaml", outside, "out/precious.yaml"]) {
      writeFiles(root, { [journal]: text.replace("services/web/istio-virtualservice.yaml", path) });
      assert.deepEqual([codesOf(await recoverInterrupted(root)), findInterrupted(root)?.code], [["IZ418"], "IZ418"], path);
      assert.equal(readFileSync(outside, "utf8"), "kind: VirtualService\n");
    }
    for (const broken of [text.slice(0, 100), "[]", text.replace('"version": 1', '"version": 2'), text.replaceAll("\"path\": ", "\"paths\": ")]) {
      writeFiles(root, { [journal]: broken });
      assert.deepEqual(codesOf(await recoverInterrupted(root)), ["IZ418"], broken.slice(0, 40));
    }
    writeFiles(root, { [journal]: text });
    assert.deepEqual(codesOf(await recoverInterrupted(root)), ["IZ413"]);
  });

  test("leaves nothing that kustomize or kpt would read", async (t) => {
    const { root } = await interrupt(t);
    const left = Object.keys(lookAt(root)).filter((path) => path.includes("istiomize"));
    assert.ok(left.length > 3, String(left));
    assert.deepEqual(left.filter((path) => !/(^|\/)\.istiomize-[^/]+$/.test(path) || /\.(ya?ml|json)$/.test(path)), []);
  });
});

/** Why something cannot be mounted here, in a namespace of its own that ends with the command. */
const namespace = process.getuid?.() === 0 ? ["-m"] : ["-Urm"];
const cannotMount = spawnSync("unshare", [...namespace, "sh", "-c", "mount -t tmpfs tmpfs /mnt"]).status === 0 ? false : "mounting is not allowed here";

/** Runs the program where something is mounted first; gives what it said, and the tree as it is seen there. */
function writeMounted({ root, file }: Given, mount: string): { readonly diagnostics: readonly Diagnostic[]; readonly look: object } {
  const script = `set -e; root=$1; given=$1.given; ${mount}\nnode=$2; "$node" "$3" write-and-look "$root" "$4"`;
  cpSync(root, `${root}.given`, { recursive: true });
  const stdout = execFileSync("unshare", [...namespace, "sh", "-c", script, "sh", root, process.execPath, join(tools, "write.cjs"), file], { cwd: tools, encoding: "utf8" });
  rmSync(`${root}.given`, { recursive: true });
  const [said, look] = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown);
  return { diagnostics: said as readonly Diagnostic[], look: look as object };
}

describe("what the system refuses", () => {
  test("a full disk, whenever it fills, leaves the tree as it was", { skip: cannotMount }, async (t) => {
    const plan = [...changes, ...Array.from({ length: 6 }, (_, i) => change(`services/web/more-${i}.yaml`, undefined, "x".repeat(6000)))];
    const states = await lookBeforeAndAfter(t, tree, plan);
    const reached = new Set<string>();
    const fills = [
      ...Array.from({ length: 20 }, (_, i) => `size=${4 * (i + 5)}k`), // 20 kB hold the tree, 90 kB all
      ...Array.from({ length: 10 }, (_, i) => `size=1m,nr_inodes=${2 * i + 10}`),
    ];
    let written = 0;
    for (const limit of fills) {
      const { diagnostics, look } = writeMounted(give(t, tree, plan), `mount -t tmpfs -o mode=755,${limit} tmpfs "$root"; cp -R "$given/." "$root/"`);
      assert.deepEqual(look, diagnostics.length === 0 ? states.new : states.old, `${limit}: ${JSON.stringify(diagnostics)}`);
      if (diagnostics.length === 0) written++;
      else {
        assert.deepEqual([codesOf(diagnostics), /the disk is full/.test(diagnostics[0]!.read!), /nothing was written/.test(diagnostics[0]!.help!)], [["IZ410"], true, true], limit);
        reached.add(diagnostics[0]!.position!.file.split("/tree").at(-1)!);
      }
    }
    // The disk was full for the journal, for early and for late files, and for some limits large enough.
    assert.ok(reached.size >= 5 && written >= 5, `${[...reached]}; ${written} written`);
  });

  test("a read-only file system is named, with what to do", { skip: cannotMount }, async (t) => {
    const { old } = await lookBeforeAndAfter(t);
    const { diagnostics, look } = writeMounted(give(t), 'mount --bind "$root" "$root"; mount -o remount,ro,bind "$root"');
    assert.deepEqual([codesOf(diagnostics), look], [["IZ410"], old]);
    assert.match(diagnostics[0]!.read!, /read-only \(EROFS\)/);
  });

  test("a file that cannot be replaced, which shows only when others are, is undone with them", { skip: cannotMount }, async (t) => {
    // A file that is mounted by itself, as containers do it, can be read and written but not replaced.
    const { old } = await lookBeforeAndAfter(t);
    for (const path of ["kustomization.yaml", "services/web/kustomization.yaml", "services/old/istio-virtualservice.yaml"]) {
      const { diagnostics, look } = writeMounted(give(t), `mount --bind "$given/${path}" "$root/${path}"`);
      assert.deepEqual([codesOf(diagnostics), look], [["IZ410"], old], JSON.stringify(diagnostics));
      assert.match(diagnostics[0]!.read!, /EBUSY/);
      assert.ok(diagnostics[0]!.position!.file.endsWith(path));
    }
  });

  test("a directory or a file without permission is named, and the tree is as it was", async (t) => {
    const nobody = process.getuid?.() === 0 ? 65534 : undefined;
    for (const closed of [".", "services", "services/web", "services/old", "kustomization.yaml"]) {
      const { root, file } = give(t);
      const { old } = await lookBeforeAndAfter(t);
      if (nobody !== undefined) execFileSync("chown", ["-R", String(nobody), root]);
      const rights = closed.endsWith(".yaml") ? 0o444 : 0o555;
      chmodSync(join(root, closed), rights);
      const { diagnostics } = await start("write", root, file, nobody === undefined ? {} : { uid: nobody });
      assert.deepEqual(codesOf(diagnostics), ["IZ410"], closed);
      assert.match(diagnostics[0]!.read!, /permission.*EACCES/);
      chmodSync(join(root, closed), closed.endsWith(".yaml") ? 0o644 : 0o755);
      assert.deepEqual(lookAt(root), old, closed);
    }
  });

  test("a directory in the place of a file, and a file in the place of a directory", async (t) => {
    const { root } = give(t, { "a/b": "b", "c.yaml": "c" }, []);
    const look = lookAt(root);
    for (const path of ["a", "a/b/d.yaml"]) {
      const [said, ...more] = await writeChanges(root, below(root, [change("c.yaml", "c", "new"), change(path, undefined, "new")]));
      assert.deepEqual([said?.code, more, lookAt(root)], ["IZ410", [], look], path);
      assert.ok(said!.position!.file.endsWith(path));
    }
  });

  test("bytes that are no UTF-8 are kept from being lost", async (t) => {
    const { root } = give(t, {}, []);
    writeFileSync(join(root, "a.yaml"), Buffer.from([0x61, 0xff, 0x0a]));
    const [said] = await writeChanges(root, below(root, [change("a.yaml", readFileSync(join(root, "a.yaml"), "utf8"), "b")]));
    assert.deepEqual([said?.code, lookAt(root)], ["IZ410", { "a.yaml": "644 a\xff\n" }]);
  });
});

describe("a file that changes between reading and writing", () => {
  test("is named, and nothing is written", async (t) => {
    const cases: readonly (readonly [(root: string) => void, RegExp, string])[] = [
      [(root) => writeFiles(root, { "kustomization.yaml": "mine\n" }), /other content/, "kustomization.yaml"],
      [(root) => unlinkSync(join(root, "kustomization.yaml")), /no file/, "kustomization.yaml"],
      [(root) => writeFiles(root, { "services/new/deep/istio-virtualservice.yaml": "mine\n" }), /a file where there was none/, "services/new/deep/istio-virtualservice.yaml"],
      [(root) => unlinkSync(join(root, "services/old/istio-virtualservice.yaml")), /no file/, "services/old/istio-virtualservice.yaml"],
    ];
    for (const [interfere, read, path] of cases) {
      const { root } = give(t);
      interfere(root);
      const look = lookAt(root);
      const [said, ...more] = await writeChanges(root, below(root, changes));
      assert.deepEqual([said?.code, more, lookAt(root)], ["IZ411", [], look]);
      assert.match(said!.read!, read);
      assert.ok(said!.position!.file.endsWith(path));
    }
  });

  test("is never lost, whenever that happens, and the others are as before or as after", async (t) => {
    const states = await lookBeforeAndAfter(t);
    const spare = give(t);
    const moments = await listMoments(t, "write", spare.root, spare.file);
    const mine = "kustomization.yaml";
    const others = (look: object): object => Object.fromEntries(Object.entries(look).filter(([path]) => path !== mine));
    const seen = new Set<string>();
    await inParallel(moments.map((_, i) => i + 1), async (at) => {
      const { root, file } = give(t);
      const { code, diagnostics } = await start("write", root, file, { moment: { at, write: [join(root, mine), "mine\n"] } });
      const what = `written before step ${at}, ${moments[at - 1]}: ${JSON.stringify(diagnostics)}`;
      assert.equal(code, 0, what);
      assert.equal(readFileSync(join(root, mine), "utf8"), "mine\n", what);
      assert.deepEqual(others(lookAt(root)), others(diagnostics.length === 0 ? states.new : states.old), what);
      seen.add(codesOf(diagnostics).join());
    });
    assert.deepEqual([...seen].sort(), ["", "IZ411"]);
  });
});

describe("two runs at once", () => {
  test("never mix: one writes, the other says who is at work or what has changed", async (t) => {
    const first = changes;
    const second = changes.map((each) => ({ ...each, after: each.after && `${each.after}# second\n` }));
    const wanted = [(await lookBeforeAndAfter(t, tree, first)).new, (await lookBeforeAndAfter(t, tree, second)).new];
    const refusals = new Set<string>();
    for (let i = 0; i < 12 * runs; i++) {
      const { root, file } = give(t, tree, first);
      const other = give(t, tree, second);
      const startAt = Date.now() + 150;
      const ended = await Promise.all([start("write", root, file, { startAt }), start("write", root, other.file, { startAt })]);
      const winner = ended.findIndex(({ diagnostics }) => diagnostics.length === 0);
      assert.ok(winner >= 0, `nobody wrote: ${JSON.stringify(ended)}`);
      assert.deepEqual(lookAt(root), wanted[winner]);
      for (const code of codesOf(ended[1 - winner]!.diagnostics)) refusals.add(code);
      assert.notEqual(ended[1 - winner]!.diagnostics.length, 0);
    }
    assert.deepEqual([...refusals].filter((code) => code !== "IZ411" && code !== "IZ412"), []);
  });

  test("both find an interrupted one, and the tree is whole", async (t) => {
    const states = await lookBeforeAndAfter(t);
    const spare = give(t);
    const moments = await listMoments(t, "write", spare.root, spare.file);
    for (let at = 3; at <= moments.length; at += 8) {
      const { root, file } = give(t);
      await start("write", root, file, { moment: { at } });
      const startAt = Date.now() + 150;
      const ended = await Promise.all([1, 2, 3].map(() => start("recover", root, undefined, { startAt })));
      const said = ended.flatMap(({ diagnostics }) => diagnostics).filter(({ code }) => code !== "IZ412");
      assertWhole(lookAt(root), said.slice(0, 1), states, `${moments[at - 1]}: ${JSON.stringify(said)}`);
      assert.ok(said.length >= 1 && said.every(({ code }) => code === "IZ413"), JSON.stringify(said));
    }
  });

  test("the second names the process that is at work, and one that only reads does too", async (t) => {
    const { root } = give(t);
    const sleeper = spawn("sleep", ["60"], { stdio: "ignore" });
    t.after(() => sleeper.kill());
    const { host, birth } = ownerOf(sleeper.pid!);
    writeFiles(root, { [`.istiomize-lock-${sleeper.pid}-0-00000000`]: JSON.stringify({ pid: sleeper.pid, host, birth, since: "noon" }) });
    const look = lookAt(root);
    const [said] = await writeChanges(root, below(root, changes));
    assert.deepEqual([said?.code, said?.read], ["IZ412", `process ${sleeper.pid}, at work since noon`]);
    assert.deepEqual([findInterrupted(root)?.code, codesOf(await recoverInterrupted(root)), lookAt(root)], ["IZ412", ["IZ412"], look]);
    // The same number, given to a process that was born at another time.
    writeFiles(root, { [`.istiomize-lock-${sleeper.pid}-0-00000000`]: JSON.stringify({ pid: sleeper.pid, host, birth: `${birth}0`, since: "noon" }) });
    assert.equal(findInterrupted(root), undefined);
    // A process of another machine cannot be seen from here.
    writeFiles(root, { [`.istiomize-lock-${sleeper.pid}-0-00000000`]: JSON.stringify({ pid: 1, host: "elsewhere pid:[1]", birth, since: "noon" }) });
    const other = findInterrupted(root);
    assert.match(`${other?.read} ${other?.help}`, /process 1 on elsewhere, .*or remove \S+\.istiomize-lock-/);
    // No run takes hours: that was a container that is gone.
    const long = Date.now() / 1000 - 2 * 60 * 60;
    utimesSync(join(root, `.istiomize-lock-${sleeper.pid}-0-00000000`), long, long);
    assert.equal(findInterrupted(root), undefined);
  });

  /** How the lock of this process would name the host, and when that other process was born. */
  function ownerOf(pid: number): { readonly host: string; readonly birth: string } {
    const { hostname, namespace, boot, tick } = JSON.parse(execFileSync(process.execPath, ["-p", `const fs = require("fs"); const t = (f) => { try { return f(); } catch { } }; JSON.stringify({
      hostname: os.hostname(), namespace: t(() => fs.readlinkSync("/proc/self/ns/pid")), boot: t(() => fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
      tick: t(() => fs.readFileSync("/proc/${pid}/stat", "utf8").split(") ")[1].split(" ")[19]) })`], { encoding: "utf8" })) as { hostname: string; namespace?: string; boot?: string; tick?: string };
    return { host: [hostname, namespace].filter(Boolean).join(" "), birth: boot === undefined || tick === undefined ? "" : `${boot} ${tick}` };
  }
});

describe("symbolic links", () => {
  test("out of the tree are refused, and nothing is written", async (t) => {
    const { root } = give(t);
    writeFiles(root, { "../outside/file.yaml": "outside\n" });
    symlinkSync("../outside", join(root, "directory"));
    symlinkSync("../outside/file.yaml", join(root, "file.yaml"));
    symlinkSync("nowhere.yaml", join(root, "dangling.yaml"));
    symlinkSync("nowhere", join(root, "dangling"));
    symlinkSync("circle.yaml", join(root, "circle.yaml"));
    const look = lookAt(root);
    const cases: readonly (readonly [FileChange, string])[] = [
      [change("directory/file.yaml", "outside\n", "new"), "IZ415"], [change("directory/deep/new.yaml", undefined, "new"), "IZ415"],
      [change("directory/file.yaml", "outside\n", undefined), "IZ415"], [change("file.yaml", "outside\n", "new"), "IZ415"],
      [change("file.yaml", "outside\n", undefined), "IZ415"], [change("../outside/file.yaml", "outside\n", "new"), "IZ415"], [change("../new.yaml", undefined, "new"), "IZ415"],
      [change("dangling.yaml", undefined, "new"), "IZ410"], [change("dangling/new.yaml", undefined, "new"), "IZ410"], [change("circle.yaml", undefined, "new"), "IZ410"],
    ];
    for (const [each, code] of cases) {
      assert.deepEqual([codesOf(await writeChanges(root, below(root, [...changes, each]))), lookAt(root)], [[code], look], each.path);
    }
    assert.equal(readFileSync(join(root, "../outside/file.yaml"), "utf8"), "outside\n");
    assert.deepEqual(readdirSync(join(root, "../outside")), ["file.yaml"]);
  });

  test("inside the tree are followed, and stay links", async (t) => {
    const { root } = give(t, { "real/file.yaml": "real\n", "real/gone.yaml": "gone\n" }, []);
    symlinkSync("real", join(root, "directory"));
    symlinkSync("real/file.yaml", join(root, "file.yaml"));
    symlinkSync("real/gone.yaml", join(root, "gone.yaml"));
    const plan = [change("file.yaml", "real\n", "new\n"), change("directory/more.yaml", undefined, "more\n"), change("gone.yaml", "gone\n", undefined)];
    assert.deepEqual(await writeChanges(root, below(root, plan)), []);
    const look = lookAt(root);
    assert.deepEqual([look["file.yaml"], look["real/file.yaml"], look["real/more.yaml"], look["directory"]], ["to real/file.yaml", "644 new\n", "644 more\n", "to real"]);
    assert.deepEqual([look["gone.yaml"], look["real/gone.yaml"]], [undefined, "644 gone\n"], "of a link that goes only the link goes");
  });

  test("that give one file two names: one content is written once, two are refused", async (t) => {
    const { root } = give(t, { "real/file.yaml": "real\n" }, []);
    symlinkSync("real", join(root, "directory"));
    const [one, other] = [change("real/file.yaml", "real\n", "new\n"), change("directory/file.yaml", "real\n", "new\n")];
    const [said] = await writeChanges(root, below(root, [one, { ...other, after: "other\n" }]));
    assert.deepEqual([said?.code, lookAt(root)["real/file.yaml"]], ["IZ419", "644 real\n"]);
    assert.deepEqual([await writeChanges(root, below(root, [one, other])), lookAt(root)["real/file.yaml"]], [[], "644 new\n"]);
  });

  test("in the name of the tree itself lead nowhere else", async (t) => {
    const { root } = give(t);
    const link = join(root, "../link");
    symlinkSync("tree", link);
    assert.deepEqual(await writeChanges(link, below(link, changes)), []);
    assert.deepEqual(lookAt(root), (await lookBeforeAndAfter(t)).new);
  });
});
