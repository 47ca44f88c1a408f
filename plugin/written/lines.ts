/** A piece of a text, from one offset up to another. */
export interface Piece {
  readonly from: number;
  readonly to: number;
}

interface Line {
  readonly start: number;
  readonly end: number;
  readonly column: number;
}

/** Where a value in flow style stands, with the steps that lead on inside it. */
type FindInFlow = (from: number, to: number, path: readonly string[]) => Piece | undefined;

const key = /^(?:([A-Za-z0-9_.$/-]+)|"([^"\\\n]*)"|'([^'\n]*)')[ \t]*:(?=[ \t]|$)/;

/**
 * Where a field stands in a document in plain block style, as kustomize and people mostly write them, by looking at the
 * indentation of lines. Nothing for any other style, or for a field that is not there: a parser finds those, and takes
 * ten times as long.
 */
export function findInLines(text: string, path: readonly string[], findInFlow: FindInFlow): Piece | undefined {
  const lines = readLines(text);
  return lines && lines.length > 0 ? new Finder(text, lines, findInFlow).node(0, lines[0]!.column, lines.length, path) : undefined;
}

/** The lines of the document that was looked at last: several findings may speak of it. */
let known: { readonly text: string; readonly lines: readonly Line[] | undefined } | undefined;

/** The lines that say something; nothing where there is more than one document, or a tab to indent. */
function readLines(text: string): readonly Line[] | undefined {
  if (known?.text !== text) known = { text, lines: splitLines(text) };
  return known.lines;
}

function splitLines(text: string): readonly Line[] | undefined {
  const lines: Line[] = [];
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf("\n", start);
    const next = newline < 0 ? text.length : newline;
    const end = text[next - 1] === "\r" ? next - 1 : next;
    let at = start;
    while (at < end && text[at] === " ") at++;
    if (text[at] === "\t" || (at === start && /^(?:---|\.\.\.|%)/.test(text.slice(at, at + 3)))) return undefined;
    if (at < end && text[at] !== "#") lines.push({ start, end, column: at - start });
    start = next + 1;
  }
  return lines;
}

class Finder {
  readonly #text: string;
  readonly #lines: readonly Line[];
  readonly #findInFlow: FindInFlow;

  constructor(text: string, lines: readonly Line[], findInFlow: FindInFlow) {
    this.#text = text;
    this.#lines = lines;
    this.#findInFlow = findInFlow;
  }

  /** What begins at a column of a line, which may stand behind dashes, and ends before another line. */
  node(first: number, column: number, end: number, path: readonly string[]): Piece | undefined {
    const [step, ...rest] = path;
    if (step === undefined) return this.#whole(this.#lines[first]!.start + column, end);
    const index = /^\[(\d+)\]$/.exec(step)?.[1];
    const entries = this.#entries(first, column, end);
    const at = index === undefined ? entries.findIndex((line) => this.#keyAt(line, column) === step) : Number(index);
    const line = entries[at];
    if (line === undefined || !entries.every((each) => (index === undefined ? this.#keyAt(each, column) !== undefined : this.#isItem(each, column)))) return undefined;
    const next = entries[at + 1] ?? end;
    return index === undefined ? this.#value(line, column, next, rest) : this.#item(line, column, next, rest);
  }

  /** The lines on which the entries of a mapping or list begin; a list may stand at the column of its key. */
  #entries(first: number, column: number, end: number): readonly number[] {
    const isList = this.#isItem(first, column);
    const found = [first];
    for (let i = first + 1; i < end; i++) if (this.#lines[i]!.column === column && this.#isItem(i, column) === isList) found.push(i);
    return found;
  }

  #contentAt(line: number, column: number): string {
    const { start, end } = this.#lines[line]!;
    return this.#text.slice(start + column, end);
  }

  #isItem(line: number, column: number): boolean {
    return /^-(?:[ \t]|$)/.test(this.#contentAt(line, column));
  }

  #keyAt(line: number, column: number): string | undefined {
    const found = key.exec(this.#contentAt(line, column));
    return found ? found[1] ?? found[2] ?? found[3] : undefined;
  }

  #item(line: number, column: number, end: number, rest: readonly string[]): Piece | undefined {
    const content = this.#contentAt(line, column);
    const inner = column + 1 + /^[ ]*/.exec(content.slice(1))![0].length;
    if (/^-[ \t]*(?:#.*)?$/.test(content)) return line + 1 < end ? this.node(line + 1, this.#lines[line + 1]!.column, end, rest) : undefined;
    if (this.#isItem(line, inner) || this.#keyAt(line, inner) !== undefined) return this.node(line, inner, end, rest);
    return this.#inline(line, inner, end, rest);
  }

  #value(line: number, column: number, end: number, rest: readonly string[]): Piece | undefined {
    const content = this.#contentAt(line, column);
    const colon = key.exec(content)![0].length;
    const gap = /^[ \t]*/.exec(content.slice(colon))![0].length;
    const value = content.slice(colon + gap);
    if (value !== "" && !value.startsWith("#")) return this.#inline(line, column + colon + gap, end, rest);
    const next = this.#lines[line + 1];
    return line + 1 < end && (next!.column > column || this.#isItem(line + 1, next!.column)) ? this.node(line + 1, next!.column, end, rest) : undefined;
  }

  /** A value that begins behind its key or dash. */
  #inline(line: number, column: number, end: number, rest: readonly string[]): Piece | undefined {
    const from = this.#lines[line]!.start + column;
    const content = this.#contentAt(line, column);
    if (/^[{[]/.test(content)) return this.#findInFlow(from, this.#lines[end - 1]!.end, rest);
    if (rest.length > 0 || end > line + 1) return undefined;
    const scalar = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'&*!|>%@`#{}[\],?-](?:[^#:]|:(?!\s|$)|(?<!\s)#)*|-[^\s#](?:[^#:]|:(?!\s|$)|(?<!\s)#)*)(?=\s+#|\s*$)/.exec(content)?.[0].trimEnd();
    return scalar ? { from, to: from + scalar.length } : undefined;
  }

  /** A block as a whole; the parser has its own ideas of comments behind one. */
  #whole(from: number, end: number): Piece | undefined {
    const last = this.#lines[end - 1]!;
    return this.#text.slice(last.start, last.end).includes("#") || /^[&*!|>?]/.test(this.#text.slice(from, from + 1)) ? undefined : { from, to: last.end };
  }
}
