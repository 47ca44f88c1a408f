import { createHash } from "node:crypto";
import { closeSync, fsync, lstatSync, openSync, readFileSync, rmdirSync, unlinkSync } from "node:fs";
import { relative } from "node:path";
import type { Position } from "../../generators/diagnostics/diagnostic.ts";

/** What the system says when it refuses; `about` is the file that it is said of, whatever name that has meanwhile. */
export interface SystemError extends Error {
  readonly code: string;
  readonly about?: string;
}

export function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && "syscall" in error && typeof (error as { readonly code?: unknown }).code === "string";
}

/** Does something to a file; an error of the system remembers which file that was. */
export function during<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isSystemError(error) ? Object.assign(error, { about: error.about ?? file }) : error;
  }
}

/** Does something, and gives whether the system let it. */
export function succeeds(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}

/** A file as people name it: from the current directory. */
export function showFile(path: string): string {
  return relative(process.cwd(), path) || ".";
}

export function at(path: string): { readonly position: Position } {
  return { position: { file: showFile(path) } };
}

/** The bytes of a file; nothing where there is none. */
export function readBytes(path: string): Buffer | undefined {
  try {
    return isThere(path) ? readFileSync(path) : undefined; // asking first is cheaper than an error for each of many new files
  } catch (error) {
    if (isSystemError(error) && isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing({ code }: SystemError): boolean {
  return code === "ENOENT" || code === "ENOTDIR";
}

export function hashOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Whether anything has this name, a symbolic link that leads nowhere included. */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (isSystemError(error) && isMissing(error)) return false;
    throw error;
  }
}

/** Takes a file away, if it is there. */
export function dropFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isSystemError(error) || !isMissing(error)) throw error;
  }
}

/** Takes a directory away if it is empty; gives whether it did. */
export function dropEmpty(directory: string): boolean {
  return succeeds(() => rmdirSync(directory));
}

/** How many files are open at a time, and flushed together. */
export const flushedTogether = 64;

/** Waits until open files are on the disk; together they take half of the time that they take one by one. */
export async function flushOpen(files: readonly { readonly open: number; readonly about: string }[]): Promise<void> {
  const ended = await Promise.allSettled(files.map(({ open, about }) => new Promise<void>((done, fail) => {
    fsync(open, (error) => (error ? fail(Object.assign(error, { about })) : done()));
  })));
  const failed = ended.find((each) => each.status === "rejected");
  if (failed) throw failed.reason;
}

/** Makes names that were given and taken in these directories last. Not every system can flush a directory; then it does so by itself. */
export async function flushDirectories(directories: Iterable<string>): Promise<void> {
  const all = [...new Set(directories)];
  for (let i = 0; i < all.length; i += flushedTogether) {
    const open = all.slice(i, i + flushedTogether).flatMap((directory) => {
      let file: number | undefined;
      return succeeds(() => void (file = openSync(directory, "r"))) ? [{ open: file!, about: directory }] : [];
    });
    await flushOpen(open).catch(() => undefined);
    for (const { open: file } of open) closeSync(file);
  }
}
