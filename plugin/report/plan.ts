import { dirname, relative, sep } from "node:path";
import type { FileChange } from "../write/change.ts";

/** More lines than this are folded by directory. */
const longest = 60;

const kinds = { created: { sign: "+", colour: "32" }, changed: { sign: "~", colour: "33" }, removed: { sign: "-", colour: "31" } } as const;
type Kind = keyof typeof kinds;

interface Line {
  readonly kind: Kind;
  readonly file: string;
}

/**
 * One line per file, `+ created`, `~ changed`, `- removed`, in the order of the paths, which are relative to the current
 * directory as in every message; then the counts. Long plans are folded by directory below `root` unless `all` is asked for.
 */
export function writePlan(changes: readonly FileChange[], root: string, isColoured: boolean, all = false): string {
  const lines = changes.flatMap(({ path, before, after }): readonly Line[] => (before === after ? [] : [{ kind: kindOf(before, after), file: show(path) }]))
    .sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0));
  if (lines.length === 0) return "";
  const paint = (kind: Kind, text: string): string => (isColoured ? `\u001b[${kinds[kind].colour}m${text}\u001b[0m` : text);
  const isFolded = !all && lines.length > longest;
  const shown = isFolded ? fold(lines, show(root)) : lines.map(({ kind, file }) => ({ kind, text: file }));
  const counts = countKinds(lines) + (isFolded ? "; `--all` names every file" : "");
  return `${[...shown.map(({ kind, text }) => paint(kind, `${kinds[kind].sign} ${text}`)), counts].join("\n")}\n`;
}

function kindOf(before: string | undefined, after: string | undefined): Kind {
  return before === undefined ? "created" : after === undefined ? "removed" : "changed";
}

function show(path: string): string {
  return (relative(process.cwd(), path) || ".").split(sep).join("/");
}

/** `3 created, 1 changed` */
function countKinds(lines: readonly Line[]): string {
  return (Object.keys(kinds) as Kind[]).flatMap((kind) => {
    const count = lines.filter((line) => line.kind === kind).length;
    return count === 0 ? [] : [`${count} ${kind}`];
  }).join(", ");
}

/**
 * Directories with what happens in them. The deepest ones are folded into their parents, level by level, until few
 * enough are left; the root itself is where that ends.
 */
function fold(lines: readonly Line[], root: string): readonly { readonly kind: Kind; readonly text: string }[] {
  const depthOf = (directory: string): number => directory.split("/").length;
  let groups = group(lines, (line) => dirname(line.file));
  while (groups.size > longest) {
    const deepest = Math.max(...[...groups.keys()].map(depthOf));
    if (deepest <= depthOf(root)) break;
    groups = group([...groups].flatMap(([directory, inside]) => inside.map((line) => ({ ...line, at: depthOf(directory) === deepest ? dirname(directory) : directory }))), ({ at }) => at);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([directory, inside]) => {
    const only = new Set(inside.map(({ kind }) => kind));
    return inside.length === 1 ? { kind: inside[0]!.kind, text: inside[0]!.file } : { kind: only.size === 1 ? inside[0]!.kind : "changed", text: `${directory}/  ${countKinds(inside)}` };
  });
}

function group<T>(entries: readonly T[], keyOf: (entry: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const entry of entries) {
    const own = groups.get(keyOf(entry));
    if (own) own.push(entry);
    else groups.set(keyOf(entry), [entry]);
  }
  return groups;
}
