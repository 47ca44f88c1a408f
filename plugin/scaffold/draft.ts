import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { isBelow } from "../tree/tree.ts";
import type { FileChange } from "../write/change.ts";
import { positionOf, type Survey } from "./survey.ts";

/** Files as they will be, over those that are there. */
export interface Draft {
  /** The text of a file as it will be; nothing where it is not there, or no text. */
  readonly read: (file: string) => string | undefined;
  /** Changes the text of a file, which may be new. */
  readonly edit: (file: string, text: string) => void;
  /** A new file; one that is there already is reported. */
  readonly create: (file: string, text: string) => void;
  /** Whether this draft makes a file, or files below a directory, of this path. */
  readonly makes: (path: string) => boolean;
  readonly report: (diagnostic: Diagnostic) => void;
  readonly diagnostics: readonly Diagnostic[];
  /** What is different from what is there: changed files first, then new ones, each in order of path. */
  readonly changes: () => readonly FileChange[];
}

export function beginDraft(survey: Pick<Survey, "read" | "files">): Draft {
  const present = new Set(survey.files);
  const texts = new Map<string, string>();
  const diagnostics: Diagnostic[] = [];
  const onDisk = (file: string): string | undefined => (present.has(file) ? survey.read(file) : undefined);
  return {
    read: (file) => texts.get(file) ?? onDisk(file),
    edit: (file, text) => void texts.set(file, text),
    create: (file, text) => {
      if (present.has(file) || texts.has(file)) diagnostics.push(diagnose("IZ438", undefined, { file: positionOf(file).file }, { position: positionOf(file) }));
      else texts.set(file, text);
    },
    makes: (path) => [...texts.keys()].some((file) => !present.has(file) && isBelow(file, path)),
    report: (diagnostic) => void diagnostics.push(diagnostic),
    diagnostics,
    changes: () => [...texts].map(([path, after]): FileChange => ({ path, before: onDisk(path), after })).filter(({ before, after }) => before !== after)
      .sort((a, b) => Number(a.before === undefined) - Number(b.before === undefined) || (a.path < b.path ? -1 : 1)),
  };
}
