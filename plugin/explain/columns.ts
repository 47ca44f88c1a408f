/** How text is laid out: for a terminal of some width, or for a pipe, which has none. */
export interface Layout {
  /** Columns of the terminal; nothing in a pipe. */
  readonly width?: number;
  readonly isColoured: boolean;
}

/** A piece of text, and how it looks where colours are shown. */
export interface Cell {
  readonly text: string;
  readonly style?: Style;
  /** May be cut to what is left of the line. */
  readonly shrinks?: true;
}

export type Style = keyof typeof styles;

const styles = { bold: "1", faint: "2", error: "31", counts: "32", warning: "33", info: "36", struck: "2;9" } as const;

/** The narrowest that a column is cut to, and that a text is wrapped to. */
const least = 16;

export function paint(text: string, style: Style | undefined, { isColoured }: Layout): string {
  return isColoured && style !== undefined && text !== "" ? `\u001b[${styles[style]}m${text}\u001b[0m` : text;
}

/** A text of the input as one line that no terminal takes for anything but text, and not longer than anybody reads. */
export function oneLine(text: string, most = 100): string {
  const plain = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/.test(text) ? JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`) : text;
  return cut(plain, most);
}

function cut(text: string, most: number): string {
  const letters = [...text];
  return letters.length <= most ? text : `${letters.slice(0, Math.max(most - 1, 1)).join("")}…`;
}

function lengthOf(text: string): number {
  return [...text].length;
}

/**
 * Rows in columns, each as wide as what stands in it. Where the terminal is too narrow for that, what may be cut is
 * cut; where that is not enough, what stands right of the second column goes onto lines of its own.
 */
export function writeColumns(rows: readonly (readonly Cell[])[], indent: number, layout: Layout): readonly string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, i) => Math.max(0, ...rows.map((row) => lengthOf(row[i]?.text ?? ""))));
  const total = (): number => indent + widths.reduce((sum, width) => sum + width, 0) + 2 * Math.max(0, widths.filter((width) => width > 0).length - 1);
  const room = layout.width ?? Infinity;
  const shrinking = widths.map((_, i) => i).filter((i) => rows.some((row) => row[i]?.shrinks)).sort((a, b) => widths[b]! - widths[a]!);
  for (const i of shrinking) if (total() > room) widths[i] = Math.min(widths[i]!, Math.max(least, widths[i]! - (total() - room)));
  return total() > room ? rows.flatMap((row) => stack(row, indent, layout)) : rows.map((row) => {
    const cells = row.map((cell, i) => ({ ...cell, text: cut(cell.text, Math.max(widths[i]!, 1)) }));
    const last = cells.findLastIndex(({ text }) => text !== "");
    return `${" ".repeat(indent)}${cells.slice(0, last + 1).map((cell, i) => `${paint(cell.text, cell.style, layout)}${i === last || widths[i] === 0 ? "" : " ".repeat(widths[i]! - lengthOf(cell.text) + 2)}`).join("")}`;
  });
}

/** A row that is too long for a line: the first two columns, and what is left below them. */
function stack(row: readonly Cell[], indent: number, layout: Layout): readonly string[] {
  const [first, second, ...rest] = row.filter(({ text }) => text !== "");
  const width = layout.width!;
  const head = second && indent + lengthOf(first!.text) + 2 + lengthOf(second.text) <= width ? [first!, second] : [first!];
  const below = head.length === 2 || !second ? rest : [second, ...rest];
  const whole = indent + 4 + below.reduce((sum, { text }) => sum + lengthOf(text) + 2, -2);
  if (below.length > 1 && whole <= width) return [
    `${" ".repeat(indent)}${head.map((cell) => paint(cell.text, cell.style, layout)).join("  ")}`,
    `${" ".repeat(indent + 4)}${below.map((cell) => paint(cell.text, cell.style, layout)).join("  ")}`,
  ];
  return [
    `${" ".repeat(indent)}${head.map((cell) => paint(cell.text, cell.style, layout)).join("  ")}`,
    ...below.flatMap((cell) => wrap(cell.shrinks ? cut(cell.text, Math.max(width - indent - 4, least)) : cell.text, indent + 4, layout).map((line) => line.replace(/\S.*/, (text) => paint(text, cell.style, layout)))),
  ];
}

/** Words on as many lines as they need; one that is longer than a line stays whole, so that it can still be copied. */
export function wrap(text: string, indent: number, { width }: Layout): readonly string[] {
  const room = Math.max((width ?? Infinity) - indent, least);
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && lengthOf(last) + 1 + lengthOf(word) <= room) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => `${" ".repeat(indent)}${line}`);
}

/** Lines with a title at the left, as `explain` and the messages write them. */
export function writeFacts(facts: readonly (readonly [title: string, text: string | undefined])[], layout: Layout): readonly string[] {
  const said = facts.filter((fact): fact is readonly [string, string] => fact[1] !== undefined && fact[1] !== "");
  const column = Math.max(0, ...said.map(([title]) => title.length)) + 2;
  return said.flatMap(([title, text]) => text.split("\n").flatMap((line) => wrap(line, column, layout))
    .map((line, i) => (i === 0 ? `${paint(title, "faint", layout)}${" ".repeat(column - title.length)}${line.slice(column)}` : line)));
}
