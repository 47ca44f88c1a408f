/**
 * Sets of texts as small automata, so that one match can be compared with another: whether everything that a later
 * rule matches was taken by an earlier one. What cannot be decided cheaply is `undefined`, never a guess.
 */
export interface Language {
  /** Steps by a character range, by state. */
  readonly steps: readonly (readonly Step[])[];
  /** Steps without a character: always, only at the start of the text (`^`), or only at its end (`$`). */
  readonly jumps: readonly (readonly Jump[])[];
  readonly start: number;
  readonly accept: number;
}

interface Step {
  readonly ranges: Ranges;
  readonly to: number;
}

interface Jump {
  readonly to: number;
  readonly only?: "start" | "end";
}

/** Pairs of first and last code point, ascending, not touching. */
export type Ranges = readonly (readonly [number, number])[];

/** Every character that a path or header may hold. */
export const anyCharacter: Ranges = [[0, 0x10ffff]];

/** An automaton of more states is not built, and a comparison that visits more of them is given up. */
const limits = { states: 1500, visits: 150_000 };

/** Puts an automaton together, part by part (Thompson). */
export class LanguageBuilder {
  readonly #steps: Step[][] = [];
  readonly #jumps: Jump[][] = [];

  get isTooLarge(): boolean {
    return this.#steps.length > limits.states;
  }

  state(): number {
    this.#jumps.push([]);
    return this.#steps.push([]) - 1;
  }

  step(from: number, ranges: Ranges, to: number): void {
    this.#steps[from]!.push({ ranges, to });
  }

  jump(from: number, to: number, only?: Jump["only"]): void {
    this.#jumps[from]!.push({ to, ...(only && { only }) });
  }

  build(start: number, accept: number): Language {
    return { steps: this.#steps, jumps: this.#jumps, start, accept };
  }
}

/** The text alone, or (`open`) every text that begins with it; `fold`: in upper and lower case alike. */
export function literal(text: string, { open = false, fold = false }: { readonly open?: boolean; readonly fold?: boolean } = {}): Language {
  const builder = new LanguageBuilder();
  const start = builder.state();
  let at = start;
  for (const character of text) {
    const next = builder.state();
    builder.step(at, fold ? foldRanges(single(character)) : single(character), next);
    at = next;
  }
  if (open) builder.step(at, anyCharacter, at);
  return builder.build(start, at);
}

export function single(character: string): Ranges {
  const code = character.codePointAt(0)!;
  return [[code, code]];
}

/** The same characters and their other case, of ASCII letters. */
export function foldRanges(ranges: Ranges): Ranges {
  const shift = (low: number, high: number, by: number): Ranges => ranges.flatMap(([from, to]): Ranges => {
    const [first, last] = [Math.max(from, low), Math.min(to, high)];
    return first <= last ? [[first + by, last + by]] : [];
  });
  return unite([...ranges, ...shift(65, 90, 32), ...shift(97, 122, -32)]);
}

export function unite(ranges: Ranges): Ranges {
  const united: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = united.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else united.push([from, to]);
  }
  return united;
}

export function complement(ranges: Ranges): Ranges {
  const left: [number, number][] = [];
  let next = 0;
  for (const [from, to] of unite(ranges)) {
    if (from > next) left.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= 0x10ffff) left.push([next, 0x10ffff]);
  return left;
}

/** Whether every text of `inner` is one of `outer` too; `undefined` where that takes too long to say. */
export function includes(outer: Language, inner: Language): boolean | undefined {
  return walk(outer, inner, (isInner, isOuter) => isInner && !isOuter) ?? undefined;
}

/** Whether no text is in both; `undefined` where that takes too long to say. */
export function excludes(one: Language, other: Language): boolean | undefined {
  return walk(one, other, (isOther, isOne) => isOther && isOne);
}

/** Whether no text leads to a pair of answers that is `wrong`; walks both automata side by side. */
function walk(outer: Language, inner: Language, wrong: (isInner: boolean, isOuter: boolean) => boolean): boolean | undefined {
  const first = [close(inner, [inner.start], true), close(outer, [outer.start], true)] as const;
  const seen = new Set<string>([`${first[0].join()}|${first[1].join()}`]);
  const queue: (readonly [inner: readonly number[], outer: readonly number[], isStart: boolean])[] = [[...first, true]];
  let visits = 0;
  for (let pair = queue.pop(); pair; pair = queue.pop()) {
    const [left, right, isStart] = pair;
    if (wrong(accepts(inner, left, isStart), accepts(outer, right, isStart))) return false;
    for (const character of representatives(inner, left, outer, right)) {
      visits += left.length + right.length;
      if (visits > limits.visits) return undefined;
      const next = [close(inner, follow(inner, left, character)), close(outer, follow(outer, right, character))] as const;
      if (next[0].length === 0) continue;
      const key = `${next[0].join()}|${next[1].join()}`;
      if (seen.has(key)) continue;
      seen.add(key);
      queue.push([...next, false]);
    }
  }
  return true;
}

/** All states that are reached without a character, sorted. */
function close(language: Language, states: Iterable<number>, isStart = false, isEnd = false): readonly number[] {
  const reached = new Set(states);
  for (const state of reached) {
    for (const { to, only } of language.jumps[state]!) if (only === undefined || (only === "start" && isStart) || (only === "end" && isEnd)) reached.add(to);
  }
  return [...reached].sort((a, b) => a - b);
}

function accepts(language: Language, states: readonly number[], isStart: boolean): boolean {
  return close(language, states, isStart, true).includes(language.accept);
}

function follow(language: Language, states: readonly number[], character: number): Set<number> {
  const reached = new Set<number>();
  for (const state of states) for (const { ranges, to } of language.steps[state]!) if (ranges.some(([from, last]) => character >= from && character <= last)) reached.add(to);
  return reached;
}

/** One character of each class that the steps from here tell apart. */
function representatives(inner: Language, left: readonly number[], outer: Language, right: readonly number[]): readonly number[] {
  const cuts = new Set<number>();
  const collect = (language: Language, states: readonly number[]): void => {
    for (const state of states) for (const { ranges } of language.steps[state]!) for (const [from, to] of ranges) cuts.add(from).add(to + 1);
  };
  collect(inner, left);
  collect(outer, right);
  return [...cuts].filter((cut) => cut <= 0x10ffff);
}
