import { accessSync, constants, lstatSync, realpathSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { diagnose, type Diagnostic, type Outcome } from "../../generators/diagnostics/diagnostic.ts";
import { isBelow } from "../tree/tree.ts";
import type { FileChange } from "./change.ts";
import { at, during, isSystemError, showFile, type SystemError } from "./disk.ts";

/** A change at the place where it really happens: symbolic links inside the tree are followed. */
export interface Target {
  readonly path: string;
  /** The file as the caller names it, for messages. */
  readonly named: string;
  readonly before: Buffer | undefined;
  readonly after: Buffer | undefined;
}

/** The files that really change, each once; refused is what leads out of the tree, or to one file with two contents. `root` is a real path. */
export function findTargets(root: string, changes: readonly FileChange[]): Outcome<readonly Target[]> {
  const follow = directoryFollower();
  const targets = new Map<string, Target>();
  const diagnostics = changes.filter(({ before, after }) => before !== after).flatMap((change): readonly Diagnostic[] => {
    const found = findTarget(root, change, follow);
    if ("code" in found) return [found];
    const same = targets.get(found.path);
    if (!same) targets.set(found.path, found);
    return same && !isSameContent(same, found) ? [diagnose("IZ419", undefined, { other: showFile(same.named) }, at(found.named))] : [];
  });
  return { value: [...targets.values()], diagnostics };
}

function isSameContent(one: Target, other: Target): boolean {
  return one.after === undefined || other.after === undefined ? one.after === other.after : one.after.equals(other.after);
}

function findTarget(root: string, { path: named, before, after }: FileChange, follow: (directory: string) => string): Target | Diagnostic {
  try {
    return during(named, () => {
      const entry = join(follow(dirname(resolve(named))), basename(named));
      const real = followLink(entry);
      const outside = [entry, real].find((path) => path === root || !isBelow(path, root));
      if (outside !== undefined) return diagnose("IZ415", undefined, { target: outside, tree: root }, at(named));
      // Of a link that goes only the link goes: what it leads to has a name of its own.
      const path = after === undefined ? entry : real;
      if (before !== undefined) requireWritable(path);
      return { path, named, before: toBytes(before), after: toBytes(after) };
    });
  } catch (error) {
    if (isSystemError(error)) return refuseFile(error, named);
    throw error;
  }
}

function toBytes(text: string | undefined): Buffer | undefined {
  return text === undefined ? undefined : Buffer.from(text, "utf8");
}

/** Real paths of directories, and of what is not there yet below them; each is looked at once. */
function directoryFollower(): (directory: string) => string {
  const known = new Map<string, string>();
  const follow = (directory: string): string => {
    const parent = dirname(directory);
    if (parent === directory) return directory;
    const found = known.get(directory) ?? followLink(join(follow(parent), basename(directory)));
    known.set(directory, found);
    return found;
  };
  return follow;
}

/** Where a path leads whose directory is a real one; a link that leads nowhere is an error. */
function followLink(path: string): string {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? realpathSync(path) : path;
}

/** A rename asks nobody whether the file that it replaces is write-protected. */
function requireWritable(path: string): void {
  try {
    accessSync(path, constants.W_OK);
  } catch (error) {
    if (!isSystemError(error) || error.code !== "ENOENT") throw error; // that it is gone is found, and said, when it is compared
  }
}

/** A file that the system does not let us write. */
export function refuseFile({ code, message, about }: SystemError, file: string): Diagnostic {
  return diagnose("IZ410", undefined, { code, message }, at(about ?? file));
}
