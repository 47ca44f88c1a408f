import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmdirSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { asList, asMapping } from "../../generators/kube/object.ts";
import { isBelow, realPath } from "../tree/tree.ts";
import { at, dropEmpty, dropFile, during, flushDirectories, hashOf, isSystemError, isThere, readBytes } from "./disk.ts";
import type { Owner } from "./lock.ts";

/** One file of a run, by its path from the root, with the hashes of what it was and what it is to be. */
export interface Entry {
  readonly path: string;
  readonly old?: string;
  readonly new?: string;
}

/** What a run is about to do, written down before it begins; from this any later run can undo it. */
export interface Journal {
  readonly version: 1;
  readonly run: string;
  readonly owner: Owner;
  readonly entries: readonly Entry[];
  /** Directories that the run makes, the outer ones first. */
  readonly directories: readonly string[];
}

/**
 * How far a run is. `preparing`: new files are written beside their targets, which nobody touches. `replacing`: the new
 * ones take the names of the old ones, which are kept beside them. `done`: the old ones go. The phase is part of the
 * journal's name, so that a step to the next is one rename, for which a full disk has room.
 */
export type Phase = "preparing" | "replacing" | "done";

const journalName = /^\.istiomize-journal-([0-9a-f]{8})\.(preparing|replacing|done)$/;

export interface Found {
  readonly run: string;
  readonly phase: Phase;
  readonly file: string;
}

export function journalFile(root: string, run: string, phase: Phase): string {
  return join(root, `.istiomize-journal-${run}.${phase}`);
}

export function findJournals(root: string): readonly Found[] {
  return readdirSync(root).flatMap((name) => {
    const [, run, phase] = journalName.exec(name) ?? [];
    return run === undefined ? [] : [{ run, phase: phase as Phase, file: join(root, name) }];
  });
}

/** Where the three files of an entry are: the target, the new one beside it until it takes that name, and the old one from then on. */
export interface Places {
  readonly target: string;
  readonly fresh: string;
  readonly backup: string;
}

export function placesOf(root: string, run: string, { path }: Entry, index: number): Places {
  const target = join(root, path);
  const beside = (kind: string): string => join(dirname(target), `.istiomize-${kind}-${run}-${index}`);
  return { target, fresh: beside("new"), backup: beside("old") };
}

export function writeJournal(root: string, journal: Journal): void {
  const file = openSync(journalFile(root, journal.run, "preparing"), "wx");
  try {
    writeFileSync(file, `${JSON.stringify(journal, undefined, 1)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** A journal as it was written; `undefined` where the run was stopped while it wrote that; or what is wrong with it. */
export function readJournal(root: string, { file, phase, run }: Found): Journal | Diagnostic | undefined {
  const refuse = (message: string): Diagnostic => diagnose("IZ418", undefined, { message }, at(file));
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (isSystemError(error)) throw error;
    return phase === "preparing" ? undefined : refuse("text that is no JSON");
  }
  const journal = asMapping(content);
  if (journal?.["version"] !== 1 || journal["run"] !== run) return refuse("a journal of another version, or of another run");
  const entries = asList(journal["entries"]).map(asMapping);
  const paths = [...entries.map((entry) => entry?.["path"]), ...asList(journal["directories"])];
  // A journal that came with a repository must not reach what lies outside of it.
  const [outside] = paths.filter((path) => typeof path !== "string" || !isInside(root, path)).map((path) => JSON.stringify(path) ?? "an entry without a path");
  return outside === undefined ? content as Journal : refuse(`${outside}, which is no path in this tree`);
}

function isInside(root: string, path: string): boolean {
  return !isAbsolute(path) && normalize(path) === path && isBelow(realPath(dirname(join(root, path))), root);
}

/** Puts everything back as it was before the run; gives the files that somebody edited since, which stay. It can be stopped anywhere and called again. */
export async function undo(root: string, journal: Journal, phase: "preparing" | "replacing"): Promise<readonly Diagnostic[]> {
  const { run, entries } = journal;
  const places = entries.map((entry, i) => placesOf(root, run, entry, i));
  const edited = phase === "preparing" ? [] : entries.flatMap((entry, i) => (during(places[i]!.target, () => putBack(entry, places[i]!)) ? [] : [places[i]!.target]));
  // From here on a new file that is missing says nothing about its target any more.
  if (phase === "replacing") during(root, () => renameSync(journalFile(root, run, "replacing"), journalFile(root, run, "preparing")));
  for (const { target, fresh } of places) during(target, () => dropFile(fresh));
  for (const directory of journal.directories.toReversed()) during(join(root, directory), () => dropMade(join(root, directory)));
  await flushDirectories([...places.map(({ target }) => dirname(target)), root]);
  during(root, () => dropFile(journalFile(root, run, "preparing")));
  return edited.map((file) => diagnose("IZ416", undefined, {}, at(file)));
}

/** Gives whether the target is as before; not so where somebody else wrote it since. */
function putBack(entry: Entry, { target, fresh, backup }: Places): boolean {
  if (entry.old === undefined) {
    const now = isThere(fresh) ? undefined : hashNow(target); // while the new one is beside it, nothing at the target is ours
    if (now === entry.new) unlinkSync(target);
    return now === undefined || now === entry.new;
  }
  if (!isThere(backup)) return true;
  const now = hashNow(target);
  const isOurs = now === undefined || now === entry.new;
  const isBefore = !isOurs && (now === entry.old || isSameFile(target, backup));
  if (isOurs) renameSync(backup, target);
  else dropFile(backup);
  return isOurs || isBefore;
}

function hashNow(path: string): string | undefined {
  try {
    const bytes = readBytes(path);
    return bytes && hashOf(bytes);
  } catch (error) {
    if (isSystemError(error) && error.code === "EISDIR") return "a directory";
    throw error;
  }
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [statSync(one), statSync(other)];
  return a.ino === b.ino && a.dev === b.dev;
}

/** A directory that a run made, unless somebody has put something into it. */
function dropMade(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!isSystemError(error) || !["ENOENT", "ENOTDIR", "ENOTEMPTY", "EEXIST"].includes(error.code)) throw error;
  }
}

/** After the last replacement: what was kept of the old files goes, and so do the directories that are empty without them. */
export function tidy(root: string, { run, entries }: Journal): void {
  entries.forEach((entry, i) => {
    const { target, backup } = placesOf(root, run, entry, i);
    if (entry.old !== undefined) during(target, () => dropFile(backup));
  });
  for (const { path } of entries.filter((entry) => entry.new === undefined)) {
    for (let at = dirname(join(root, path)); at !== root && dropEmpty(at);) at = dirname(at);
  }
}
