import { relative, sep } from "node:path";
import { formatPatch, structuredPatch, type StructuredPatch } from "diff";
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
  const hunks = shortest?.hunks ?? replaceWhole(before ?? "", after ?? "");
  return { oldFileName: from, newFileName: to, oldHeader: undefined, newHeader: undefined, hunks, isGit: true, ...(before === undefined && { isCreate: true }), ...(after === undefined && { isDelete: true }) };
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
