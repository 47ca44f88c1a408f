import { relative, sep } from "node:path";
import { formatPatch, structuredPatch, type StructuredPatch } from "diff";
import { findSecretLines } from "./secret-lines.ts";
import type { FileChange } from "../write/change.ts";

/** Lines that may differ before a file is shown as replaced whole: the search for the shortest difference is quadratic. */
const maxEditLength = 2000;

/** What the changes do to the lines of each file, as `git diff` shows it and `git apply` takes it; paths are relative to `root`. */
export function writeDiff(changes: readonly FileChange[], root: string, isColoured: boolean): string {
  return changes.filter(({ before, after }) => before !== after)
    .map((change) => ({ change, name: relative(root, change.path).split(sep).join("/") }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ change, name }) => formatPatch(compare(change, name)))
    .map((patch) => (isColoured ? paint(patch) : patch)).join("");
}

function compare({ before, after }: FileChange, name: string): StructuredPatch {
  const [from, to] = [before === undefined ? "/dev/null" : `a/${name}`, after === undefined ? "/dev/null" : `b/${name}`];
  const shortest = before === undefined || after === undefined ? undefined : structuredPatch(from, to, before, after, undefined, undefined, { context: 3, maxEditLength });
  const [inOld, inNew] = [findSecretLines(before ?? ""), findSecretLines(after ?? "")];
  const hunks = (shortest?.hunks ?? replaceWhole(before ?? "", after ?? "")).flatMap((hunk) => leaveOutSecrets(hunk, inOld, inNew));
  return { oldFileName: from, newFileName: to, oldHeader: undefined, newHeader: undefined, hunks, isGit: true, ...(before === undefined && { isCreate: true }), ...(after === undefined && { isDelete: true }) };
}

type Hunk = StructuredPatch["hunks"][number];

/**
 * A diff goes into logs. Lines that may hold values of Secrets are no context: a hunk ends before them and goes on
 * behind them, and `git apply` still takes it. One that changes itself is named, not shown.
 */
function leaveOutSecrets(hunk: Hunk, inOld: ReadonlySet<number>, inNew: ReadonlySet<number>): readonly Hunk[] {
  const pieces: Hunk[] = [];
  let [oldLine, newLine, isOpen, wasShown] = [hunk.oldStart, hunk.newStart, false, true];
  for (const line of hunk.lines) {
    const mark = line[0];
    const isSecret = (mark !== "+" && inOld.has(oldLine - 1)) || (mark === "+" && inNew.has(newLine - 1));
    if (mark === "\\" ? !wasShown : mark === " " && isSecret) isOpen = false;
    else {
      if (!isOpen) pieces.push({ oldStart: oldLine, oldLines: 0, newStart: newLine, newLines: 0, lines: [] });
      const piece = pieces.at(-1)!;
      piece.lines.push(mark !== "\\" && isSecret ? `${mark}# a line that may hold a value of a Secret, not shown` : line);
      if (mark === " " || mark === "-") piece.oldLines++;
      if (mark === " " || mark === "+") piece.newLines++;
      isOpen = true;
    }
    wasShown = isOpen;
    if (mark === " " || mark === "-") oldLine++;
    if (mark === " " || mark === "+") newLine++;
  }
  return pieces.filter(({ lines }) => lines.some((line) => line.startsWith("+") || line.startsWith("-")));
}

function replaceWhole(before: string, after: string): StructuredPatch["hunks"] {
  const [gone, come] = [splitLines(before), splitLines(after)];
  if (gone.length + come.length === 0) return [];
  return [{ oldStart: 1, oldLines: gone.length, newStart: 1, newLines: come.length, lines: [...gone.flatMap(sign("-")), ...come.flatMap(sign("+"))] }];
}

function splitLines(text: string): readonly string[] {
  return text === "" ? [] : text.split(/(?<=\n)/);
}

function sign(mark: "+" | "-"): (line: string) => readonly string[] {
  return (line) => (line.endsWith("\n") ? [mark + line.slice(0, -1)] : [mark + line, "\\ No newline at end of file"]);
}

/** Colours as git has them: bold heads, then hunks. A line of a file may look like a head, so the place decides. */
function paint(patch: string): string {
  const lines = patch.split("\n");
  const body = lines.findIndex((line) => line.startsWith("@@"));
  return lines.map((line, i) => {
    const code = i < body || body < 0 ? "1" : colours[line[0] ?? ""];
    // A carriage return stays behind the colour, at the end of its line.
    return code === undefined || line === "" ? line : line.replace(/^(.*?)(\r?)$/s, `\u001b[${code}m$1\u001b[0m$2`);
  }).join("\n");
}

const colours: { readonly [sign: string]: string } = { "@": "36", "+": "32", "-": "31" };
