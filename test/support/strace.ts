import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { findOnPath } from "../../scripts/tools.ts";
import { run, temporary, type Run, type RunOptions } from "./process.ts";

/** The node that runs the tests. */
export const node = realpathSync(process.execPath);

/** What a program and all that it started asked of the system, each thing once. */
export interface Trace {
  readonly run: Run;
  /** Programs that were started, by path, as often as they were; the first one is the program itself. */
  readonly programs: readonly string[];
  /** New processes (threads are none), the first one not counted. */
  readonly processes: number;
  /** Files that were opened to be read. */
  readonly reads: readonly string[];
  /** Files and directories that were opened to be written, made, changed, renamed or removed. */
  readonly writes: readonly string[];
  /** Calls about sockets, as strace writes them, and the program that made each. */
  readonly network: readonly { readonly program: string; readonly call: string }[];
  /** The names of all system calls. */
  readonly calls: ReadonlySet<string>;
}

/** strace, where it is on this machine and may trace: a container can forbid that. */
export function findStrace(): string | undefined {
  const strace = findOnPath("strace");
  return strace && run(strace, ["-f", "-o", "/dev/null", process.execPath, "--version"]).code === 0 ? strace : undefined;
}

/** Runs a program under strace. */
export function trace(strace: string, program: string, args: readonly string[], options: RunOptions = {}): Trace {
  const directory = mkdtempSync(join(tmpdir(), "istiomize-strace-"));
  try {
    const file = join(directory, "trace.txt");
    const traced = run(strace, ["-f", "-y", "-qq", "-s", "4096", "-o", file, program, ...args], options);
    return { run: traced, ...readTrace(readFileSync(file, "utf8"), options.cwd ?? process.cwd()) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Call {
  readonly process: string;
  readonly name: string;
  readonly args: string;
  readonly result: string;
}

/** Calls that change what stands at a path: their quoted arguments, from the directory that stands before each. */
const writing = /^(mkdir|rmdir|unlink|rename|link|symlink|mknod|chmod|fchmodat|chown|lchown|fchownat|truncate|utime|futimesat|l?setxattr|l?removexattr|mount|umount|pivot_root|chroot|swapon|acct)/;
const networking = /^(socket|connect|bind|listen|accept|sendto|sendmsg|sendmmsg|recvfrom|recvmsg|recvmmsg)/;
const forking = /^(fork|vfork|clone)/;

function readTrace(text: string, cwd: string): Omit<Trace, "run"> {
  const calls = readCalls(text);
  const isDone = ({ result }: Call): boolean => !result.startsWith("-1 ");
  const opened = calls.filter(({ name }) => /^(open|creat)/.test(name));
  const isReading = ({ name, args }: Call): boolean => name !== "creat" && !/O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE/.test(args.replace(/"(?:[^"\\]|\\.)*"/g, ""));
  const programOf = followPrograms(calls.filter(isDone), cwd);
  return {
    programs: calls.filter((call) => /^execve/.test(call.name) && isDone(call)).flatMap((call) => pathsOf(call, cwd).slice(0, 1)),
    processes: calls.filter(({ name, args }) => forking.test(name) && !args.includes("CLONE_THREAD")).length,
    reads: unique(opened.filter((call) => isReading(call) && isDone(call)).flatMap((call) => pathsOf(call, cwd))),
    // An attempt counts too: what failed here may succeed elsewhere.
    writes: unique([...opened.filter((call) => !isReading(call)), ...calls.filter(({ name }) => writing.test(name))].flatMap((call) => pathsOf(call, cwd))),
    network: calls.filter(({ name }) => networking.test(name)).map((call) => ({ program: programOf(call), call: `${call.name}(${call.args})` })),
    calls: new Set(calls.map(({ name }) => name)),
  };
}

/** Which program a process was when it made a call: the last that it became, or what the process was that made it. */
function followPrograms(calls: readonly Call[], cwd: string): (call: Call) => string {
  const parents = new Map(calls.filter(({ name }) => forking.test(name)).map((call) => [/^\d+/.exec(call.result)?.[0] ?? "", call]));
  const programOf = (call: Call): string => {
    const became = calls.slice(0, calls.indexOf(call)).findLast(({ name, process }) => process === call.process && /^execve/.test(name));
    const parent = parents.get(call.process);
    return became ? pathsOf(became, cwd)[0]! : parent ? programOf(parent) : "";
  };
  return programOf;
}

/** Where another process came in between, strace writes a call in two lines. */
function readCalls(text: string): readonly Call[] {
  const unfinished = new Map<string, string>();
  return text.split("\n").flatMap((line): readonly Call[] => {
    const [, process, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (process === undefined || rest === undefined || /^(---|\+\+\+)/.test(rest)) return [];
    const begun = /^(.*?) ?<unfinished \.\.\.>$/.exec(rest)?.[1];
    if (begun !== undefined) {
      unfinished.set(process, begun);
      return [];
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    const whole = resumed === undefined ? rest : `${unfinished.get(process) ?? ""}${resumed}`;
    if (resumed !== undefined) unfinished.delete(process);
    return readCall(process, whole);
  }).concat([...unfinished].flatMap(([process, begun]) => readCall(process, begun)));
}

function readCall(process: string, text: string): readonly Call[] {
  const [, name, rest] = /^(\w+)\((.*)$/s.exec(text) ?? [];
  if (name === undefined || rest === undefined) throw new Error(`a line of strace that nobody here understands: ${text}`);
  const [, args, result] = /^(.*)\) += (.*)$/s.exec(rest) ?? [];
  return [{ process, name, args: args ?? rest, result: result ?? "" }];
}

/** The paths among the arguments of a call, from the directory that stands before them where they are relative. */
function pathsOf({ name, args }: Call, cwd: string): readonly string[] {
  const found = [...args.matchAll(/(?:(?:AT_FDCWD|\d+)(?:<([^>]*)>)?, )?"((?:[^"\\]|\\.)*)"/g)];
  // The first path of a link is what it leads to, and stays as it is.
  const changed = /^(link|symlink)/.test(name) ? found.slice(-1) : /^(exec|open|creat)/.test(name) ? found.slice(0, 1) : found;
  return changed.map(([, directory, path]) => resolve(directory ?? cwd, unescape(path!)));
}

function unescape(text: string): string {
  return text.replace(/\\([0-7]{1,3}|.)/g, (_, code: string) => (/^[0-7]/.test(code) ? String.fromCharCode(parseInt(code, 8)) : ({ n: "\n", t: "\t" }[code] ?? code)));
}

/** Each once, in order of appearance. */
function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

/** Those that are neither one of these files nor below one of these directories. */
export function outside(paths: readonly string[], allowed: readonly string[]): readonly string[] {
  return paths.filter((path) => !allowed.some((each) => path === each || path.startsWith(each.endsWith("/") ? each : `${each}/`)));
}

/** Nothing of this user's is set, so that node itself has nothing more to read. */
export const bare: { readonly [name: string]: string | undefined } = { ...Object.fromEntries(Object.keys(process.env).map((name) => [name, undefined])), PATH: dirname(process.execPath) };

/** What node does for a script that reads standard input and looks at its streams. */
export function traceIdle(strace: string, t: TestContext): Trace {
  const script = join(temporary(t, { "idle.cjs": 'require("fs").readFileSync(0); process.stderr.isTTY; require("fs").writeSync(1, "done"); process.exit(0);' }), "idle.cjs");
  return trace(strace, node, [script], { env: bare });
}

/** What somebody may want to know of a trace. */
export interface Found {
  readonly programs: readonly string[];
  readonly processes: number;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly network: readonly string[];
  readonly calls: readonly string[];
}

/** What a run did beyond what node does by itself. */
export function beyondNode(run: Trace, idle: Trace): Found {
  return {
    programs: run.programs.slice(1), processes: run.processes, reads: run.reads.filter((path) => path !== processors && !idle.reads.includes(path)), writes: run.writes,
    network: run.network.map(({ call }) => call), calls: [...run.calls].filter((call) => !idle.calls.has(call) && !ofMemory.has(call)).sort(),
  };
}

/** What the C library reads when several threads of node ask for memory at once. */
const processors = "/sys/devices/system/cpu/online";

/** Memory, threads and time: a larger run needs more of them, and reaches nothing by them. */
const ofMemory = new Set(["mmap", "mremap", "munmap", "madvise", "mprotect", "brk", "futex", "sched_yield", "clock_nanosleep", "clock_gettime", "restart_syscall", "epoll_wait", "epoll_pwait", "lseek", "getrusage", "sched_getparam", "sched_getscheduler", "clone3", "clone", "rt_sigreturn", "tgkill", "set_robust_list", "rseq", "exit"]);

export const nothing: Found = { programs: [], processes: 0, reads: [], writes: [], network: [], calls: [] };
