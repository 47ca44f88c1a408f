import { anyCharacter, complement, foldRanges, LanguageBuilder, single, unite, type Language, type Ranges } from "./language.ts";

/** Thrown inside this file where a pattern holds what is not modelled; it never leaves it. */
class NotModelled extends Error {}

interface Fragment {
  readonly from: number;
  readonly to: number;
}

const digits: Ranges = [[48, 57]];
const spaces: Ranges = [[9, 10], [12, 13], [32, 32]];
const wordCharacters: Ranges = [[48, 57], [65, 90], [95, 95], [97, 122]];
const classes: { readonly [letter: string]: Ranges } = {
  d: digits, D: complement(digits), s: spaces, S: complement(spaces), w: wordCharacters, W: complement(wordCharacters),
};
const controls: { readonly [letter: string]: string } = { a: "\x07", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** The texts that an RE2 pattern matches as a whole, as Envoy does; `undefined` for what is not modelled. */
export function languageOf(pattern: string): Language | undefined {
  try {
    return new PatternReader(pattern).read();
  } catch (error) {
    if (error instanceof NotModelled) return undefined;
    throw error;
  }
}

class PatternReader {
  readonly #characters: readonly string[];
  readonly #builder = new LanguageBuilder();
  #at = 0;
  #folds = false;
  #depth = 0;

  constructor(pattern: string) {
    if (pattern.length > 1024) throw new NotModelled();
    this.#characters = [...pattern];
  }

  read(): Language {
    const { from, to } = this.#alternatives();
    if (this.#at < this.#characters.length) throw new NotModelled();
    return this.#builder.build(from, to);
  }

  #peek(ahead = 0): string | undefined {
    return this.#characters[this.#at + ahead];
  }

  #take(text: string): boolean {
    const found = this.#characters.slice(this.#at, this.#at + text.length).join("") === text;
    if (found) this.#at += text.length;
    return found;
  }

  #state(): number {
    if (this.#builder.isTooLarge) throw new NotModelled();
    return this.#builder.state();
  }

  #alternatives(): Fragment {
    const from = this.#state();
    const to = this.#state();
    const folds = this.#folds;
    do {
      const each = this.#sequence();
      this.#builder.jump(from, each.from);
      this.#builder.jump(each.to, to);
    } while (this.#take("|"));
    this.#folds = folds;
    return { from, to };
  }

  #sequence(): Fragment {
    const from = this.#state();
    let to = from;
    while (this.#peek() !== undefined && this.#peek() !== "|" && this.#peek() !== ")") {
      const begin = this.#at;
      const folds = this.#folds;
      let part = this.#atom();
      const times = this.#quantifier();
      if (times) part = this.#repeat(part, begin, folds, times);
      this.#builder.jump(to, part.from);
      to = part.to;
    }
    return { from, to };
  }

  #quantifier(): readonly [least: number, most: number] | undefined {
    const found = this.#readQuantifier();
    if (!found) return undefined;
    this.#take("?"); // as few as possible: the same texts in the end
    if (this.#peek() !== undefined && "*+?".includes(this.#peek()!)) throw new NotModelled();
    return found;
  }

  #readQuantifier(): readonly [least: number, most: number] | undefined {
    if (this.#take("*")) return [0, Infinity];
    if (this.#take("+")) return [1, Infinity];
    if (this.#take("?")) return [0, 1];
    const counted = /^\{(\d+)(,(\d*))?\}/.exec(this.#characters.slice(this.#at, this.#at + 12).join(""));
    if (!counted) return undefined;
    this.#at += counted[0].length;
    const least = Number(counted[1]);
    const most = counted[2] === undefined ? least : counted[3] === "" ? Infinity : Number(counted[3]);
    if (most < least || least > 1000 || (most > 1000 && most !== Infinity)) throw new NotModelled();
    return [least, most];
  }

  /** The atom is read again for each further copy, which leaves the reader where it was. */
  #repeat(first: Fragment, begin: number, folds: boolean, [least, most]: readonly [number, number]): Fragment {
    const end = this.#at;
    const after = this.#folds;
    let unused: Fragment | undefined = first;
    const copy = (): Fragment => {
      const part = unused;
      unused = undefined;
      if (part) return part;
      this.#at = begin;
      this.#folds = folds;
      return this.#atom();
    };
    const from = this.#state();
    let to = from;
    for (let i = 0; i < least; i++) {
      const each = copy();
      this.#builder.jump(to, each.from);
      to = each.to;
    }
    if (most === Infinity) {
      const loop = this.#state();
      const each = copy();
      this.#builder.jump(to, loop);
      this.#builder.jump(loop, each.from);
      this.#builder.jump(each.to, loop);
      to = loop;
    } else {
      const last = this.#state();
      for (let i = least; i < most; i++) {
        this.#builder.jump(to, last);
        const each = copy();
        this.#builder.jump(to, each.from);
        to = each.to;
      }
      this.#builder.jump(to, last);
      to = last;
    }
    this.#at = end;
    this.#folds = after;
    return { from, to };
  }

  #atom(): Fragment {
    const character = this.#peek()!;
    this.#at++;
    if (character === "(") return this.#group();
    if (character === "[") return this.#set(this.#characterClass());
    if (character === ".") return this.#set(anyCharacter);
    if (character === "^") return this.#anchor("start");
    if (character === "$") return this.#anchor("end");
    if (character === "\\") return this.#escape();
    if ("*+?".includes(character)) throw new NotModelled();
    return this.#set(single(character));
  }

  #set(ranges: Ranges): Fragment {
    const fragment = { from: this.#state(), to: this.#state() };
    this.#builder.step(fragment.from, this.#folds ? foldRanges(ranges) : ranges, fragment.to);
    return fragment;
  }

  #anchor(only: "start" | "end"): Fragment {
    const fragment = { from: this.#state(), to: this.#state() };
    this.#builder.jump(fragment.from, fragment.to, only);
    return fragment;
  }

  #empty(): Fragment {
    const state = this.#state();
    return { from: state, to: state };
  }

  #group(): Fragment {
    if (++this.#depth > 100) throw new NotModelled();
    const folds = this.#folds;
    if (this.#take("?")) {
      const flags = /^(i|s|is|si|U)?(:|\))|^P?<\w+>/.exec(this.#characters.slice(this.#at, this.#at + 40).join(""));
      if (!flags) throw new NotModelled();
      this.#at += [...flags[0]].length;
      if (flags[1]?.includes("i")) this.#folds = true;
      if (flags[2] === ")") {
        this.#depth--;
        return this.#empty(); // holds for the rest of the group around it
      }
    }
    const inside = this.#alternatives();
    if (!this.#take(")")) throw new NotModelled();
    this.#folds = folds;
    this.#depth--;
    return inside;
  }

  #escape(): Fragment {
    const letter = this.#peek();
    if (letter === "A" || letter === "z") {
      this.#at++;
      return this.#anchor(letter === "A" ? "start" : "end");
    }
    return this.#set(this.#escaped());
  }

  #escaped(): Ranges {
    const letter = this.#peek();
    if (letter === undefined) throw new NotModelled();
    this.#at++;
    if (Object.hasOwn(classes, letter)) return classes[letter]!;
    if (Object.hasOwn(controls, letter)) return single(controls[letter]!);
    if (letter === "x") {
      const code = /^[0-9a-fA-F]{2}/.exec(this.#characters.slice(this.#at, this.#at + 2).join(""));
      if (!code) throw new NotModelled();
      this.#at += 2;
      return [[parseInt(code[0], 16), parseInt(code[0], 16)]];
    }
    if (/[A-Za-z0-9]/.test(letter)) throw new NotModelled();
    return single(letter);
  }

  #characterClass(): Ranges {
    const isNegated = this.#take("^");
    const found: (readonly [number, number])[] = [];
    for (let first = true; first || this.#peek() !== "]"; first = false) {
      if (this.#peek() === undefined || (this.#peek() === "[" && this.#peek(1) === ":")) throw new NotModelled();
      const low = this.#member();
      const isRange = this.#peek() === "-" && this.#peek(1) !== "]" && this.#peek(1) !== undefined;
      if (!isRange) {
        found.push(...low);
        continue;
      }
      this.#at++;
      const high = this.#member();
      if (low.length !== 1 || high.length !== 1 || low[0]![0] !== low[0]![1] || high[0]![0] !== high[0]![1] || high[0]![0] < low[0]![0]) throw new NotModelled();
      found.push([low[0]![0], high[0]![0]]);
    }
    this.#at++;
    const ranges = this.#folds ? foldRanges(unite(found)) : unite(found);
    return isNegated ? complement(ranges) : ranges;
  }

  #member(): Ranges {
    const character = this.#peek()!;
    this.#at++;
    return character === "\\" ? this.#escaped() : single(character);
  }
}
