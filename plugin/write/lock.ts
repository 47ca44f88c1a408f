import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { at, dropFile, isSystemError, showFile, succeeds } from "./disk.ts";

/** The process behind a lock or a journal. */
export interface Owner {
  readonly pid: number;
  /** The machine, and on Linux the container: a process number means nothing in another one. */
  readonly host: string;
  /** When the process was born, as the system counts; a number is given again to a later process. */
  readonly birth: string;
  readonly since: string;
}

interface Held {
  readonly file: string;
  readonly owner: Owner;
  /** How many directories the run made to have a root; like the number of the process part of the name, which is there at once. */
  readonly made: number;
}

export interface Lock {
  readonly owner: Owner;
  /** Locks of processes that are no more. */
  readonly left: readonly Held[];
  /** Takes away this lock and those left; may be called again. */
  readonly release: () => void;
}

const lockName = /^\.istiomize-lock-(\d+)-(\d+)-[0-9a-f]{8}$/;

/**
 * The tree for this process alone, or who has it. Every process puts down a lock with a name of its own, and only then
 * looks for others: of two that come at once at least one sees the other. So nobody ever replaces a lock, and two that
 * find the same dead one do not hurt each other.
 */
export async function takeLock(root: string, made = 0): Promise<Lock | Diagnostic> {
  const owner = describeOwner();
  const file = join(root, `.istiomize-lock-${owner.pid}-${made}-${randomBytes(4).toString("hex")}`);
  for (let tries = 4; ; tries--) {
    putDown(file, owner);
    const others = findLocks(root).filter((held) => held.file !== file);
    const alive = others.find(isHeld);
    if (!alive) return { owner, left: others, release: () => [...others.map((held) => held.file), file].forEach((each) => succeeds(() => dropFile(each))) };
    dropFile(file);
    // Two that saw each other both step back; the one that waits less has it next time.
    if (tries === 0) return refuse(root, alive);
    await setTimeout(10 + Math.random() * 50);
  }
}

function putDown(file: string, owner: Owner): void {
  try {
    writeFileSync(file, `${JSON.stringify(owner)}\n`, { flag: "wx" });
  } catch (error) {
    dropFile(file);
    throw error;
  }
}

/** Who is at work in a tree, said of the tree; nothing where nobody is. */
export function findRun(root: string): Diagnostic | undefined {
  const alive = findLocks(root).find(isHeld);
  return alive && refuse(root, alive);
}

function refuse(root: string, { owner, file }: Held): Diagnostic {
  const isHere = owner.host === describeHost();
  return diagnose("IZ412", undefined, { pid: owner.pid, host: owner.host.split(" ")[0]!, isHere, since: owner.since, lock: showFile(file) }, at(root));
}

function findLocks(root: string): readonly Held[] {
  return readdirSync(root).flatMap((name) => {
    const [, pid, made] = lockName.exec(name) ?? [];
    const owner = pid === undefined ? undefined : readOwner(join(root, name), Number(pid));
    return owner ? [{ file: join(root, name), owner, made: Number(made) }] : [];
  });
}

/** Who put down a lock; nobody where it is gone by now. One that is just being written, or was when its process was killed, says no more than its name. */
function readOwner(file: string, pid: number): Owner | undefined {
  const unwritten = { pid, host: describeHost(), birth: readBirth(pid), since: "just now" };
  try {
    const owner = JSON.parse(readFileSync(file, "utf8")) as Owner | null;
    return typeof owner?.host === "string" ? owner : unwritten;
  } catch (error) {
    return isSystemError(error) && error.code === "ENOENT" ? undefined : unwritten;
  }
}

function describeOwner(): Owner {
  return { pid: process.pid, host: describeHost(), birth: readBirth(process.pid), since: new Date().toISOString().replace(/\.\d+/, "") };
}

function describeHost(): string {
  return [hostname(), tryText(() => readlinkSync("/proc/self/ns/pid"))].filter((part) => part !== undefined).join(" ");
}

/** The boot and the tick in which a process began; empty where the system does not say. */
function readBirth(pid: number): string {
  const boot = tryText(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
  const stat = tryText(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  return boot === undefined || stat === undefined ? "" : `${boot} ${afterName(stat)[19]}`;
}

/** The fields behind the name of the program, which may itself hold blanks and brackets. */
function afterName(stat: string): readonly string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function tryText(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Longer than any run takes: a container that was killed is never seen again, and neither is its process. */
const longest = 60 * 60 * 1000;

function isHeld({ file, owner }: Held): boolean {
  const isForeign = owner.host !== describeHost();
  return isForeign ? Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < longest : !isGone(owner);
}

/** Whether a process is known to be no more: one on another machine never is. */
export function isGone({ pid, host, birth }: Owner): boolean {
  if (host !== describeHost()) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (isSystemError(error) && error.code === "ESRCH") return true;
  }
  const stat = tryText(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  const isZombie = stat !== undefined && /^[ZX]/.test(afterName(stat)[0]!);
  return isZombie || readBirth(pid) !== birth;
}
