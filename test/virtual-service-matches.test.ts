import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { coversText, overlaps, takes, type TextMatch } from "../generators/checks/virtual-service/text-match.ts";

const exact = (text: string): TextMatch => ({ kind: "exact", text });
const prefix = (text: string): TextMatch => ({ kind: "prefix", text });
const regex = (text: string): TextMatch => ({ kind: "regex", text });

/** Patterns of a few letters, in the syntax that RE2 and JavaScript share. */
const pattern = fc.letrec<{ atom: string; part: string; sequence: string; whole: string }>((tie) => ({
  atom: fc.oneof({ maxDepth: 2, withCrossShrink: true }, fc.constantFrom("a", "b", "/", ".", "[ab]", "[^a]", "\\.", "\\w", "[a-c/]", "\\d"), tie("whole").map((inside) => `(${inside})`), tie("whole").map((inside) => `(?:${inside})`)),
  part: fc.tuple(tie("atom"), fc.constantFrom("", "", "", "*", "+", "?", "*?", "{2}", "{1,2}", "{0,1}")).map(([atom, times]) => atom + times),
  sequence: fc.array(tie("part"), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("")),
  whole: fc.array(tie("sequence"), { minLength: 1, maxLength: 2 }).map((all) => all.join("|")),
})).whole;
const word = fc.array(fc.constantFrom("a", "b", "c", "/", ".", "1"), { maxLength: 6 }).map((letters) => letters.join(""));
const match = fc.oneof(pattern.map(regex), word.map(exact), word.map(prefix));

/** The same question, answered by JavaScript's own engine. */
function fits({ kind, text }: TextMatch, value: string): boolean {
  return kind === "regex" ? new RegExp(`^(?:${text})$`, "s").test(value) : kind === "exact" ? value === text : value.startsWith(text);
}

/** The text itself, where it is no pattern. */
function plain({ kind, text }: TextMatch): readonly string[] {
  return kind === "regex" ? [] : [text];
}

describe("matches of texts", () => {
  test("takes says what a regular expression engine says", () => {
    fc.assert(fc.property(pattern, word, (text, value) => {
      assert.equal(takes(regex(text), value), fits(regex(text), value));
    }), { numRuns: 500 });
  });

  test("what is covered fits wherever it fits itself, and what is not covered has a value that shows it", () => {
    fc.assert(fc.property(match, match, fc.array(word, { minLength: 20, maxLength: 20 }), (outer, inner, values) => {
      const isCovered = coversText(outer, inner);
      for (const value of [...values, ...plain(inner), ...plain(outer)]) if (isCovered && fits(inner, value)) assert.ok(fits(outer, value), `${value} fits ${inner.text} and not ${outer.text}`);
    }), { numRuns: 500 });
  });

  test("two matches that are told apart share no value, and two that overlap are never told apart", () => {
    fc.assert(fc.property(match, match, fc.array(word, { minLength: 20, maxLength: 20 }), (one, other, values) => {
      const meet = overlaps(one, other);
      for (const value of [...values, ...plain(one), ...plain(other)]) if (meet === false) assert.ok(!(fits(one, value) && fits(other, value)), `${value} fits both`);
    }), { numRuns: 500 });
  });

  for (const [outer, inner, expected] of [
    [prefix("/api"), prefix("/api/v2"), true], [prefix("/api"), exact("/api"), true], [prefix("/api/"), exact("/api"), false], [exact("/a"), prefix("/a"), false],
    [regex("/api.*"), prefix("/api"), true], [regex("/api(/.*)?"), prefix("/api/"), true], [regex("/api(/.*)?"), prefix("/api"), false], [regex("/api"), exact("/api"), true],
    [regex("/a/[0-9]+"), exact("/a/42"), true], [regex("/a/[^/]+"), prefix("/a/"), false], [prefix("/a/"), regex("/a/(b|c)/.+"), true], [prefix("/a/b"), regex("/a/(b|c)/.+"), false],
    [regex("^(.*;\\s*)?beta=true(;.*)?$"), exact("a=1; beta=true"), true], [regex(".*beta=true.*"), regex("^(.*;\\s*)?beta=true(;.*)?$"), true], [regex("^(.*;\\s*)?beta=true(;.*)?$"), regex(".*beta=true.*"), false],
    [regex("(?i)/LOGIN"), exact("/login"), true], [regex("us|eu"), exact("us"), true], [regex("us|eu"), regex("(us|eu|asia)"), false], [regex("a{3}"), exact("aaa"), true],
    [regex("\\bword\\b"), exact("word"), false], [regex("\\p{L}+"), exact("a"), false], [regex("a$b"), exact("ab"), false], [regex("(^|x)a($|y)"), exact("a"), true],
  ] as const) {
    test(`${outer.kind} ${outer.text} ${expected ? "takes" : "does not take, or not surely,"} all of ${inner.kind} ${inner.text}`, () => assert.equal(coversText(outer, inner), expected));
  }

  test("a pattern that is hard for other engines is answered at once", () => {
    const started = performance.now();
    for (const text of ["(a+)+b", "(a|aa)+$", "((a*)*)*b", `${"a?".repeat(100)}${"a".repeat(100)}`, "(x+x+)+y", "[ab]{500}", "(a{30}){30}"]) {
      takes(regex(text), "a".repeat(200));
      coversText(regex(text), regex(".*a.{12}"));
    }
    assert.ok(performance.now() - started < 2000, `${performance.now() - started} ms`);
  });
});
