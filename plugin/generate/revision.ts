import type { FileChange } from "../write/change.ts";
import type { SourceTree } from "./source.ts";

/** The files of a tree as they will be, over those that are there. */
export interface Revision {
  /** The text of a file as it will be; nothing where it goes. */
  readonly read: (path: string) => string | undefined;
  readonly write: (path: string, text: string | undefined) => void;
  /** What is different from what is there, in order of path. */
  readonly changes: () => readonly FileChange[];
}

export function beginRevision(tree: SourceTree, planned: readonly FileChange[] = []): Revision {
  const texts = new Map(planned.map(({ path, after }) => [path, after]));
  return {
    read: (path) => (texts.has(path) ? texts.get(path) : tree.read(path)),
    write: (path, text) => void texts.set(path, text),
    changes: () => [...texts].map(([path, after]) => ({ path, before: tree.read(path), after })).filter(({ before, after }) => before !== after)
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
  };
}
