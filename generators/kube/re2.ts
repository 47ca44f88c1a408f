/**
 * Regular expressions as Istio takes them: RE2's syntax as Go and Envoy read it, at most 1024 bytes. Only the syntax is
 * read here, nothing is matched; npm's ports of RE2 carry its matcher and Unicode tables, far more than this check needs.
 * @see https://github.com/google/re2/wiki/Syntax
 */
export type RegexRead = { readonly value: string } | RegexFault;

/** Why RE2 refuses an expression: the character (from 0) at which it does, in words, and what was probably meant. */
export interface RegexFault {
  readonly at: number;
  readonly problem: string;
  readonly suggestion?: string;
}

const mostBytes = 1024;
const mostRepeats = 1000;

export function readRegex(text: string): RegexRead {
  if (text === "") return { at: 0, problem: "an empty regular expression" };
  if (text.length > mostBytes || new TextEncoder().encode(text).length > mostBytes) return { at: mostBytes, problem: `a regular expression of more than ${mostBytes} bytes, which Istio refuses` };
  const lone = /[\uD800-\uDFFF]/u.exec(text);
  if (lone) return { at: lone.index, problem: "half of a character (a lone surrogate)" };
  const fault = new Syntax(text).check();
  if (!fault) return { value: text };
  const { replace, ...rest } = fault;
  const meant = replace && text.slice(0, rest.at) + replace.by + text.slice(rest.at + replace.length);
  return { ...rest, ...(meant !== undefined && meant !== "" && "value" in readRegex(meant) && { suggestion: meant }) };
}

/** A text as an expression that matches exactly this text. */
export function quoteRegex(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}

interface Fault {
  readonly at: number;
  readonly problem: string;
  /** What to put in place of the `length` characters at `at`. */
  readonly replace?: { readonly length: number; readonly by: string };
}

/** What a group has seen so far. */
interface Group {
  readonly at: number;
  /** Whether a repetition operator has something to repeat. */
  atom: boolean;
  /** How often the last atom is written out: nested counts multiply. */
  weight: number;
  heaviest: number;
}

const wordsOfPerl: readonly [start: string, problem: string, replacement?: string][] = [
  ["(?=", "a lookahead (?=…), which RE2 does not have: match the whole text instead"],
  ["(?!", "a negative lookahead (?!…), which RE2 does not have: put a rule for what is excluded before this one"],
  ["(?<=", "a lookbehind (?<=…), which RE2 does not have: match the whole text instead"],
  ["(?<!", "a negative lookbehind (?<!…), which RE2 does not have: put a rule for what is excluded before this one"],
  ["(?>", "an atomic group (?>…), which RE2 does not have (and does not need, it never backtracks)", "(?:"],
  ["(?P=", "a backreference (?P=…), which RE2 does not have"],
  ["(?P>", "a subroutine call (?P>…), which RE2 does not have"],
  ["(?#", "a comment (?#…), which RE2 does not have"],
  ["(?|", "a branch reset (?|…), which RE2 does not have", "(?:"],
  ["(?(", "a conditional (?(…), which RE2 does not have"],
  ["(?'", "a group named with quotes: RE2 writes (?P<name>…)"],
  ["(?R", "a recursion (?R), which RE2 does not have"],
  ["(?&", "a subroutine call (?&…), which RE2 does not have"],
];

const escapesOfPerl: { readonly [escape: string]: readonly [problem: string, replacement?: string] } = {
  Z: ["\\Z, which RE2 writes \\z or $", "\\z"],
  G: ["\\G, which RE2 does not have"],
  K: ["\\K, which RE2 does not have"],
  k: ["a backreference \\k, which RE2 does not have"],
  g: ["a backreference \\g, which RE2 does not have"],
  h: ["\\h, which RE2 writes [ \\t]", "[ \\t]"],
  R: ["\\R, which RE2 writes \\r?\\n", "(\\r?\\n)"],
  X: ["\\X, which RE2 does not have"],
  N: ["\\N, which RE2 writes [^\\n]", "[^\\n]"],
  e: ["\\e, which RE2 writes \\x1b", "\\x1b"],
  E: ["\\E without \\Q"],
  c: ["\\c, which RE2 writes as a number, such as \\x01"],
  C: ["\\C, which Go does not have"],
};

const categories = /^(Any|C[cfos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?)$/;
/** Scripts whose full name has four letters, as every short name has that RE2 does not know. */
const shortScripts = /^(Cham|Kawi|Lisu|Modi|Newa|Thai|Toto)$/;
/** Of the others those of one word: Go has lost sight of Old_Italic and its like since 1.25. */
const scriptName = /^[A-Z][a-z]+$/;
const posixClass = /^\[:\^?(alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]/;

class Syntax {
  readonly #text: string;
  readonly #groups: Group[] = [openGroup(0)];
  #at = 0;
  constructor(text: string) {
    this.#text = text;
  }

  check(): Fault | undefined {
    let repeated = false;
    while (this.#at < this.#text.length) {
      const start = this.#at;
      const sign = this.#text[start]!;
      const count = sign === "{" ? this.#readCount() : undefined;
      const isRepeat = sign === "*" || sign === "+" || sign === "?" || count !== undefined;
      const fault = isRepeat ? this.#readRepeat(repeated, count) : this.#readAtom(sign);
      if (fault) return fault;
      repeated = isRepeat;
      if (this.#at === start) this.#at += 1;
    }
    const open = this.#groups.length > 1 ? this.#groups.at(-1) : undefined;
    return open && { at: open.at, problem: "a ( that is never closed" };
  }

  #rest(): string {
    return this.#text.slice(this.#at);
  }

  #addAtom(length: number, weight = 1): undefined {
    const group = this.#groups.at(-1)!;
    group.atom = true;
    group.weight = weight;
    group.heaviest = Math.max(group.heaviest, weight);
    this.#at += length;
  }

  #readAtom(sign: string): Fault | undefined {
    if (sign === "(") return this.#openGroup();
    if (sign === ")") return this.#closeGroup();
    if (sign === "[") return this.#readClass();
    if (sign === "\\") return this.#readEscape();
    if (sign === "|") {
      const group = this.#groups.at(-1)!;
      group.atom = false;
      this.#at += 1;
      return undefined;
    }
    return this.#addAtom(String.fromCodePoint(this.#text.codePointAt(this.#at)!).length);
  }

  #openGroup(): Fault | undefined {
    const rest = this.#rest();
    const at = this.#at;
    if (rest.startsWith("(*") && /^\(\*[A-Z]/.test(rest)) return { at, problem: "a verb (*…), which RE2 does not have" };
    if (!rest.startsWith("(?")) return this.#push(1);
    for (const [start, problem, by] of wordsOfPerl) {
      if (rest.startsWith(start)) return { at, problem, ...(by !== undefined && { replace: { length: start.length, by } }) };
    }
    const [named, name] = /^\(\?P?<([^>]*)>/.exec(rest) ?? [];
    if (named !== undefined && name !== undefined) {
      if (!/^\w+$/.test(name)) return { at, problem: "a group name of something else than letters, digits and _" };
      return this.#push(named.length);
    }
    const [flags] = /^\(\?[imsU]*(-[imsU]+)?[:)]/.exec(rest) ?? [];
    if (flags === undefined) return { at, problem: "a group (? that RE2 does not know: it has (?:…), (?P<name>…) and the flags i, m, s and U" };
    if (flags.endsWith(":")) return this.#push(flags.length);
    this.#at += flags.length;
    return undefined;
  }

  #push(length: number): undefined {
    this.#groups.push(openGroup(this.#at));
    this.#at += length;
  }

  #closeGroup(): Fault | undefined {
    if (this.#groups.length === 1) return { at: this.#at, problem: "a ) without its (", replace: { length: 1, by: "\\)" } };
    const { heaviest } = this.#groups.pop()!;
    return this.#addAtom(1, heaviest);
  }

  /** The counts of `{2}`, `{2,}` or `{2,5}`; nothing for a brace that stands for itself. */
  #readCount(): { readonly length: number; readonly min: number; readonly max?: number } | undefined {
    const [all, min, more, max] = /^\{(0|[1-9]\d*)(,(0|[1-9]\d*)?)?\}/.exec(this.#rest()) ?? [];
    if (all === undefined) return undefined;
    return { length: all.length, min: Number(min), ...(more === undefined ? { max: Number(min) } : max !== undefined && { max: Number(max) }) };
  }

  #readRepeat(repeated: boolean, count: { readonly length: number; readonly min: number; readonly max?: number } | undefined): Fault | undefined {
    const at = this.#at;
    const length = count?.length ?? 1;
    const group = this.#groups.at(-1)!;
    if (count && (count.min > mostRepeats || (count.max ?? 0) > mostRepeats)) return { at, problem: `a repetition of more than ${mostRepeats}, which RE2 refuses` };
    if (count?.max !== undefined && count.min > count.max) return { at, problem: "a repetition whose first number is greater than its second", replace: { length, by: `{${count.max},${count.min}}` } };
    if (repeated) {
      const possessive = this.#text[at] === "+";
      const problem = possessive ? "a possessive repetition, which RE2 does not have (and does not need, it never backtracks)" : "a repetition of a repetition, such as a**";
      return { at, problem, replace: { length, by: "" } };
    }
    if (!group.atom) return { at, problem: `a ${this.#text.slice(at, at + length)} with nothing before it to repeat`, ...(count === undefined && { replace: { length: 1, by: this.#text[at] === "*" ? ".*" : `\\${this.#text[at]!}` } }) };
    if (count) {
      const times = count.max ?? count.min;
      group.weight = count.max === 0 ? 0 : group.weight * Math.max(1, times);
      if (group.weight > mostRepeats) return { at, problem: `nested repetitions of together more than ${mostRepeats}, which RE2 refuses` };
      group.heaviest = Math.max(group.heaviest, group.weight);
    }
    this.#at += length + (this.#text[at + length] === "?" ? 1 : 0);
    return undefined;
  }

  #readEscape(): Fault | undefined {
    const at = this.#at;
    const rest = this.#rest();
    if (rest.startsWith("\\Q")) {
      const end = rest.indexOf("\\E");
      const length = end < 0 ? rest.length : end + 2;
      const literal = end < 0 ? rest.length - 2 : end - 2;
      if (literal > 0) return this.#addAtom(length);
      this.#at += length;
      return undefined;
    }
    if (/^\\[AbBz]/.test(rest)) return this.#addAtom(2);
    const read = this.#readCharacter(at, "outside");
    return "problem" in read ? read : this.#addAtom(read.end - at);
  }

  /** One escaped or plain character, or a class such as `\d` or `\pL`, at a place of the text. */
  #readCharacter(at: number, where: "outside" | "class"): { readonly end: number; readonly code?: number } | Fault {
    const rest = this.#text.slice(at);
    if (!rest.startsWith("\\")) {
      const code = rest.codePointAt(0)!;
      return { end: at + String.fromCodePoint(code).length, code };
    }
    if (rest === "\\") return { at, problem: "a \\ at the end, with nothing behind it", replace: { length: 1, by: "\\\\" } };
    const next = String.fromCodePoint(rest.codePointAt(1)!);
    if (/[dDsSwW]/.test(next)) return { end: at + 2 };
    if (next === "p" || next === "P") return readUnicodeClass(rest, at);
    const [octal] = /^\\(0[0-7]{0,2}|[1-7][0-7]{1,2})/.exec(rest) ?? [];
    if (octal !== undefined) return { end: at + octal.length, code: Number.parseInt(octal.slice(1), 8) };
    if (/[1-9]/.test(next)) return { at, problem: `a backreference \\${next}, which RE2 does not have` };
    const [hex, two, many] = /^\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\})/.exec(rest) ?? [];
    if (hex !== undefined) {
      const code = Number.parseInt(two ?? many!, 16);
      return code > 0x10ffff ? { at, problem: "a character number above 10FFFF" } : { end: at + hex.length, code };
    }
    const control = "afnrtv".indexOf(next);
    if (control >= 0) return { end: at + 2, code: [7, 12, 10, 13, 9, 11][control]! };
    if (next < "\x80" && !/[A-Za-z0-9]/.test(next)) return { end: at + 2, code: next.codePointAt(0)! };
    const [unicode, digits] = /^\\u([0-9A-Fa-f]{4})/.exec(rest) ?? [];
    if (unicode !== undefined) return { at, problem: "\\u, which RE2 writes \\x{…}", replace: { length: unicode.length, by: `\\x{${digits!}}` } };
    const [problem, by] = (where === "outside" && escapesOfPerl[next]) || [`an escape \\${next} that RE2 does not know`, next < "\x80" ? undefined : next];
    return { at, problem, ...(by !== undefined && { replace: { length: 1 + next.length, by } }) };
  }

  #readClass(): Fault | undefined {
    const start = this.#at;
    let at = start + (this.#text[start + 1] === "^" ? 2 : 1);
    const first = at;
    for (;;) {
      if (at >= this.#text.length) return { at: start, problem: "a [ that is never closed", replace: { length: 1, by: "\\[" } };
      if (this.#text[at] === "]" && at > first) break;
      const rest = this.#text.slice(at);
      if (rest.startsWith("[:") && rest.indexOf(":]", 2) > 0) {
        const [named] = posixClass.exec(rest) ?? [];
        if (named === undefined) return { at, problem: `a class ${rest.slice(0, rest.indexOf(":]", 2) + 2)} that RE2 does not know` };
        at += named.length;
        continue;
      }
      const low = this.#readCharacter(at, "class");
      if ("problem" in low) return low;
      if (low.code === undefined || this.#text[low.end] !== "-" || low.end + 1 >= this.#text.length || this.#text[low.end + 1] === "]") {
        at = low.end;
        continue;
      }
      const high = this.#readCharacter(low.end + 1, "class");
      if ("problem" in high) return high;
      const range = this.#text.slice(at, high.end);
      if (high.code === undefined) return { at, problem: `a range ${range} that ends in a class`, replace: { length: low.end - at + 1, by: `${this.#text.slice(at, low.end)}\\-` } };
      if (high.code < low.code) return { at, problem: `a range ${range} that runs backwards`, replace: { length: range.length, by: `${this.#text.slice(low.end + 1, high.end)}-${this.#text.slice(at, low.end)}` } };
      at = high.end;
    }
    return this.#addAtom(at + 1 - start);
  }
}

function openGroup(at: number): Group {
  return { at, atom: false, weight: 1, heaviest: 1 };
}

function readUnicodeClass(rest: string, at: number): { readonly end: number } | Fault {
  const [all, one, braced] = /^\\[pP](?:\{\^?([^}]*)\}|([^{]))/u.exec(rest) ?? [];
  const name = one ?? braced;
  if (all === undefined || name === undefined) return { at, problem: "a class \\p{ that is never closed" };
  if (categories.test(name) || isScript(name)) return { end: at + all.length };
  return { at, problem: `a class ${all} that RE2 does not know: it has categories such as \\p{Lu} and scripts such as \\p{Greek}` };
}

function isScript(name: string): boolean {
  if (!scriptName.test(name) || (name.length === 4 && !shortScripts.test(name))) return false;
  try {
    return new RegExp(`\\p{Script=${name}}`, "u").unicode;
  } catch {
    return false;
  }
}
