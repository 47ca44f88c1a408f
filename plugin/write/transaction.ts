import { isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fchmodSync, fchownSync, linkSync, mkdirSync, openSync, readdirSync, realpathSync, renameSync, statSync, writeFileSync, type Stats } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import type { FileChange } from "./change.ts";
import { at, dropEmpty, dropFile, during, flushDirectories, flushedTogether, flushOpen, hashOf, isSystemError, isThere, readBytes, showFile, succeeds, type SystemError } from "./disk.ts";
import { findJournals, journalFile, placesOf, readJournal, tidy, undo, writeJournal, type Found, type Journal, type Phase, type Places } from "./journal.ts";
import { findRun, isGone, takeLock, type Lock } from "./lock.ts";
import { findTargets, refuseFile, type Target } from "./targets.ts";

/**
 * Carries out all changes or none. Gives what is wrong (then nothing was written), or nothing. `root` is the tree; it is
 * made where it is not there yet. A run that is killed leaves a journal, from which `recoverInterrupted` undoes it.
 */
export async function writeChanges(root: string, changes: readonly FileChange[]): Promise<readonly Diagnostic[]> {
  if (changes.every(({ before, after }) => before === after)) return [];
  const made: string[] = [];
  try {
    makeDirectories(resolve(root), made);
    return await locked(realpathSync(root), made.length, (real, lock) => writeLocked(real, lock, changes));
  } catch (error) {
    if (isSystemError(error)) return [refuseFile(error, root)];
    throw error;
  } finally {
    made.toReversed().every(dropEmpty);
  }
}

/** Makes a directory and those above it that are missing, and notes which. */
function makeDirectories(directory: string, made: string[]): void {
  if (existsSync(directory)) return;
  makeDirectories(dirname(directory), made);
  during(directory, () => mkdirSync(directory));
  made.push(directory);
}

async function locked(root: string, made: number, work: (root: string, lock: Lock) => Promise<readonly Diagnostic[]>): Promise<readonly Diagnostic[]> {
  const lock = await takeLock(root, made);
  if ("code" in lock) return [lock];
  try {
    return await work(root, lock);
  } finally {
    lock.release();
  }
}

/** A target with the places of its files. */
type Step = Target & Places;

async function writeLocked(root: string, lock: Lock, changes: readonly FileChange[]): Promise<readonly Diagnostic[]> {
  const interrupted = findUnfinished(root);
  if (interrupted) return [interrupted];
  const targets = findTargets(root, changes);
  if (targets.diagnostics.length > 0) return targets.diagnostics;
  const journal = planJournal(root, lock, targets.value);
  const steps = targets.value.map((target, i): Step => ({ ...target, ...placesOf(root, journal.run, journal.entries[i]!, i) }));
  const diagnostics = await carryOut(root, journal, steps);
  if (diagnostics.length === 0) finish(root, journal, lock);
  return diagnostics;
}

/** Clears away what a run that is done no longer needs. What cannot go now is left to the next run: the files are all written. */
function finish(root: string, journal: Journal, lock: Lock): void {
  succeeds(() => {
    tidy(root, journal);
    // The lock goes first: alone it would say that a run had not begun.
    lock.release();
    dropFile(journalFile(root, journal.run, "done"));
  });
}

function planJournal(root: string, { owner }: Lock, targets: readonly Target[]): Journal {
  const parents = new Set(targets.filter(({ after }) => after !== undefined).map(({ path }) => dirname(path)));
  const directories = new Set([...parents].flatMap(missingDirectories));
  return {
    version: 1, run: randomBytes(4).toString("hex"), owner,
    entries: targets.map(({ path, before, after }) => ({ path: relative(root, path), ...(before && { old: hashOf(before) }), ...(after && { new: hashOf(after) }) })),
    directories: [...directories].map((directory) => relative(root, directory)),
  };
}

/** A directory and those above it that are not there yet, the outer ones first. */
function missingDirectories(directory: string): readonly string[] {
  return existsSync(directory) ? [] : [...missingDirectories(dirname(directory)), directory];
}

async function carryOut(root: string, journal: Journal, steps: readonly Step[]): Promise<readonly Diagnostic[]> {
  let phase: Phase = "preparing";
  const enter = (next: Phase): void => {
    during(root, () => renameSync(journalFile(root, journal.run, phase), journalFile(root, journal.run, next)));
    phase = next;
  };
  try {
    during(root, () => writeJournal(root, journal));
    await flushDirectories([root]);
    for (const directory of journal.directories) during(join(root, directory), () => mkdirSync(join(root, directory)));
    await writeFresh(steps);
    const changed = findChanged(steps, ({ target }) => target);
    if (changed.length > 0) return takeBack(root, journal, phase, changed);
    enter("replacing");
    // A file that somebody wrote between the comparison and its replacement is found in what was kept of it.
    const found = [...replaceAll(steps), ...findChanged(steps.filter(({ before }) => before !== undefined), ({ backup }) => backup)];
    if (found.length > 0) return takeBack(root, journal, phase, found);
    await flushDirectories(steps.map(({ target }) => dirname(target)));
    enter("done");
  } catch (error) {
    return takeBack(root, journal, phase, isSystemError(error) ? [refuseFile(error, root)] : [], error);
  }
  await flushDirectories([root]);
  return [];
}

/** Undoes what was begun, and gives the reasons; where even that fails the journal stays. */
async function takeBack(root: string, journal: Journal, phase: "preparing" | "replacing", reasons: readonly Diagnostic[], thrown?: unknown): Promise<readonly Diagnostic[]> {
  try {
    const edited = await undo(root, journal, phase);
    if (reasons.length === 0) throw thrown;
    return [...reasons, ...edited];
  } catch (error) {
    if (isSystemError(error)) return [refuseUndo(root, error, journalFile(root, journal.run, phase))];
    throw error;
  }
}

function refuseUndo(root: string, { code, message, about }: SystemError, journal: string): Diagnostic {
  return diagnose("IZ417", undefined, { code, message, journal: showFile(journal) }, at(about ?? root));
}

/** Writes every new file beside its target and waits until it is on the disk. */
async function writeFresh(steps: readonly Step[]): Promise<void> {
  const written = steps.filter(({ after }) => after !== undefined);
  for (let i = 0; i < written.length; i += flushedTogether) {
    const open: { readonly open: number; readonly about: string }[] = [];
    try {
      for (const step of written.slice(i, i + flushedTogether)) {
        during(step.named, () => {
          const kept = step.before && statSync(step.target, { throwIfNoEntry: false });
          const file = openSync(step.fresh, "wx");
          open.push({ open: file, about: step.named });
          if (kept) keepRights(file, kept);
          writeFileSync(file, step.after!);
        });
      }
      await flushOpen(open);
    } finally {
      for (const { open: file, about } of open) during(about, () => closeSync(file));
    }
  }
}

/** Gives a new file the owner, as far as we may, and the permissions of the one that it replaces. */
function keepRights(file: number, { uid, gid, mode }: Stats): void {
  if (uid !== process.geteuid?.() || gid !== process.getegid?.()) succeeds(() => fchownSync(file, uid, gid));
  fchmodSync(file, mode & 0o7777);
}

/** The files that are not as they were when they were read. */
function findChanged(steps: readonly Step[], place: (step: Step) => string): readonly Diagnostic[] {
  return steps.flatMap((step) => {
    const now = during(step.named, () => readBytes(place(step)));
    if (now === undefined || step.before === undefined) return now === step.before ? [] : [sayChanged(step, now ? "created" : "removed")];
    if (now.equals(step.before)) return [];
    const isLossy = !isUtf8(now) && now.toString("utf8") === step.before.toString("utf8");
    return [isLossy ? diagnose("IZ410", undefined, { code: "EILSEQ", message: "" }, at(step.named)) : sayChanged(step, "changed")];
  });
}

function sayChanged({ named }: Step, now: "changed" | "created" | "removed"): Diagnostic {
  return diagnose("IZ411", undefined, { now }, at(named));
}

/** Gives every new file the name of its target, and keeps the old ones beside them; stops at one that came or went meanwhile. */
function replaceAll(steps: readonly Step[]): readonly Diagnostic[] {
  for (const step of steps) {
    const { target, fresh, before, after } = step;
    const hasCome = isThere(target);
    if (hasCome !== (before !== undefined)) return [sayChanged(step, hasCome ? "created" : "removed")];
    during(step.named, () => {
      if (before !== undefined) keepOld(step);
      if (after !== undefined) renameSync(fresh, target);
    });
  }
  return [];
}

/** A second name for the old file, so that its own is never without a file; where the system has none, the name moves. */
function keepOld({ target, backup, after }: Step): void {
  if (after === undefined || !succeeds(() => linkSync(target, backup))) renameSync(target, backup);
}

/** Undoes, or finishes, what an interrupted run left in the tree; says which, or nothing where nothing was left. */
export async function recoverInterrupted(root: string): Promise<readonly Diagnostic[]> {
  let made: readonly string[] = [];
  try {
    if (!existsSync(root) || !readdirSync(root).some((name) => name.startsWith(".istiomize-"))) return [];
    return await locked(realpathSync(root), 0, async (real, lock) => {
      made = pathsAbove(real, Math.max(0, ...lock.left.map((held) => held.made)));
      return recoverLocked(real, lock);
    });
  } catch (error) {
    if (isSystemError(error)) return [refuseFile(error, root)];
    throw error;
  } finally {
    made.every(dropEmpty);
  }
}

/** A directory and those above it, so many in all. */
function pathsAbove(directory: string, count: number): readonly string[] {
  return count === 0 ? [] : [directory, ...pathsAbove(dirname(directory), count - 1)];
}

async function recoverLocked(root: string, lock: Lock): Promise<readonly Diagnostic[]> {
  const diagnostics: Diagnostic[] = [];
  // Those that are done come last: with them the lock goes.
  const found = findJournals(root).toSorted((a, b) => Number(a.phase === "done") - Number(b.phase === "done"));
  for (const each of found) diagnostics.push(...await recoverOne(root, each, lock));
  const [dead] = lock.left;
  return found.length > 0 || !dead ? diagnostics : [diagnose("IZ413", undefined, { outcome: "not begun", pid: dead.owner.pid, since: dead.owner.since }, at(root))];
}

async function recoverOne(root: string, found: Found, lock: Lock): Promise<readonly Diagnostic[]> {
  try {
    const journal = during(found.file, () => readJournal(root, found));
    if (journal && "code" in journal) return [journal];
    const { pid, since } = journal?.owner ?? {};
    const say = (outcome: "not begun" | "undone" | "finished"): Diagnostic => diagnose("IZ413", undefined, { outcome, pid, since }, at(root));
    if (!journal) {
      dropFile(found.file);
      return [say("not begun")];
    }
    if (found.phase === "done") {
      finish(root, journal, lock);
      return isGone(journal.owner) ? [say("finished")] : [];
    }
    const edited = await undo(root, journal, found.phase);
    return [...edited, say(found.phase === "preparing" ? "not begun" : "undone")];
  } catch (error) {
    if (isSystemError(error)) return [refuseUndo(root, error, found.file)];
    throw error;
  }
}

/** Whether a run is at work or was interrupted; for runs that write nothing (--check, --diff, --dry-run) to refuse with. */
export function findInterrupted(root: string): Diagnostic | undefined {
  try {
    if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) return undefined;
    const real = realpathSync(root);
    return findRun(real) ?? findUnfinished(real);
  } catch (error) {
    if (isSystemError(error)) return refuseFile(error, root);
    throw error;
  }
}

/** A run that was stopped while it replaced files. Before and after that the files are whole, whatever lies beside them. */
function findUnfinished(root: string): Diagnostic | undefined {
  const found = findJournals(root).find(({ phase }) => phase === "replacing");
  const journal = found && readJournal(root, found);
  if (!journal || "code" in journal) return journal;
  return diagnose("IZ414", undefined, { pid: journal.owner.pid, since: journal.owner.since }, at(root));
}
