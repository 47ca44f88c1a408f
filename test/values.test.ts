import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { andMatches, conditions, type Conjunction } from "../generators/annotations/conditions.ts";
import { toUriMatches } from "../generators/annotations/route-values.ts";
import { rows, settingNames, type SettingName } from "../generators/annotations/table.ts";
import { bounded, parseYaml, type ValueType } from "../generators/annotations/values.ts";
import { quoteRegex, readRegex } from "../generators/kube/re2.ts";
import { validTexts } from "./support/values.ts";

/** The value of an accepted text; a refused one fails the test with what was said. */
function valueOf<T>(type: ValueType<T>, text: string): T {
  const read = type.read(text);
  if (!("value" in read)) assert.fail(`${JSON.stringify(text)} is refused: expected ${read.expects ?? type.expects}, did you mean ${read.suggestion}`);
  return read.value;
}

/** What is said to a refused text. */
function refusal(type: ValueType, text: string): { readonly expects: string; readonly suggestion?: string } {
  const read = type.read(text);
  if ("value" in read) assert.fail(`${JSON.stringify(text)} is accepted as ${JSON.stringify(read.value)}`);
  return { expects: read.expects ?? type.expects, ...(read.suggestion !== undefined && { suggestion: read.suggestion }) };
}

/** The type of a setting's value, for a test that knows its name. */
const typeOf = (name: string): ValueType => rows[name as SettingName].value;

/**
 * Expressions that RE2 takes. The verdicts are those of Go's regexp, by which istiod's webhook decides, and were
 * compared with it through a VirtualService for each.
 */
const takenByRe2 = [
  "a", ".", ".*", "^a$", "a|b", "(a)", "()", "(|a)", "a||b", "[a-z]", "[^a-z]", "[]a]", "[^]a]", "[a-]", "[-a]", "[a\\]b]", "[\\d-z]", "[a-z-9]", "[[]", "[a[b]", "[[:alpha:]]", "[[:^space:]]", "[[:word:]x]", "[:alpha:]", "[a&&b]",
  "\\d\\D\\s\\S\\w\\W", "\\bword\\B", "\\Aa\\z", "\\a\\f\\n\\r\\t\\v", "\\x41", "\\x{41}", "\\x{10FFFF}", "\\0", "\\012", "\\12", "\\.\\-\\_\\/\\ ", "\\Q.*\\E", "\\Qabc", "\\Q\\E", "a\\Q(\\E*", "\\pL", "\\PL", "\\p{L}", "\\p{^L}", "\\p{Lu}", "\\p{Greek}", "\\p{Thai}", "[\\p{Han}a]", "\\p{Any}",
  "a*", "a+", "a?", "a*?", "a+?", "a??", "a{2}", "a{2,}", "a{2,5}", "a{0}", "a{1000}", "a{2}?", "(a{10}){100}", "(a{0}){1000}", "a{", "a{,3}", "a{x}", "{", "}", "]", "a{01}", "(a*)*", "(a+)+$", "^*", "\\b+", "(?:a*)?", "a(?i)*",
  "(?i)a", "(?im)a", "(?s-i:a)", "(?-i)a", "(?U)a*", "(?:a|b)c", "(?P<name>a)", "(?<name>a)", "(?P<a_1>x)(?P<a_2>y)", "(?)a",
  "/items/[0-9]+", ".*\\.(png|jpe?g|gif)", "(.*;\\s*)?beta=true(;.*)?", "^(.*;\\s*)?user=jason(;.*)?$", "v[12](-[a-z]+)?", "(?i)(get|head)", "[^/]+", "/api/v\\d+(/.*)?", "é+", "[а-я]+", "😀", "😀*", "[😀-😎]", "a\nb", " ", "#", "a{2}b{3}", "x".repeat(1024),
] as const;

/** Expressions that RE2 refuses, with what was found in them and where (characters count from 0). */
const refusedByRe2: readonly (readonly [regex: string, at: number, problem: RegExp, suggestion?: string])[] = [
  ["", 0, /empty/],
  ["(?=a)b", 0, /lookahead/], ["a(?!b)", 1, /negative lookahead/], ["(?<=a)b", 0, /lookbehind/], ["(?<!a)b", 0, /negative lookbehind/],
  ["^(?!internal).*$", 1, /negative lookahead/], ["(?=.*a)(?=.*b).*", 0, /lookahead/], [".*(?<!\\.map)", 2, /lookbehind/],
  ["(?>a+)b", 0, /atomic/, "(?:a+)b"], ["a++", 2, /possessive/, "a+"], ["a*+b", 2, /possessive/, "a*b"], ["a?+", 2, /possessive/, "a?"], ["a{2}+", 4, /possessive/, "a{2}"],
  ["(a)\\1", 3, /backreference \\1/], ["(a)\\8", 3, /backreference/], ["(?P<n>a)(?P=n)", 8, /backreference/], ["(?<n>a)\\k<n>", 7, /backreference/], ["(a)\\g1", 3, /backreference/],
  ["a\\Z", 1, /\\Z/, "a\\z"], ["\\Ga", 0, /\\G/], ["a\\Kb", 1, /\\K/], ["\\h+", 0, /\\h/, "[ \\t]+"], ["\\R", 0, /\\R/, "(\\r?\\n)"], ["\\X", 0, /\\X/], ["\\N", 0, /\\N/, "[^\\n]"], ["\\e", 0, /\\e/, "\\x1b"], ["\\cA", 0, /\\c/], ["\\C", 0, /\\C/], ["a\\E", 1, /\\E/],
  ["\\u0041", 0, /\\u/, "\\x{0041}"], ["\\y", 0, /escape \\y/], ["\\i", 0, /escape/], ["\\é", 0, /escape/, "é"], ["\\x4", 0, /escape \\x/], ["\\x{}", 0, /escape/], ["\\x{110000}", 0, /10FFFF/], ["\\xZZ", 0, /escape/], ["a\\", 1, /at the end/, "a\\\\"],
  ["(?#note)a", 0, /comment/], ["(?|a|b)", 0, /branch reset/, "(?:a|b)"], ["(?(1)a|b)", 0, /conditional/], ["(?'n'a)", 0, /named with quotes/], ["(?R)", 0, /recursion/], ["(?&n)", 0, /subroutine/], ["(?P>n)", 0, /subroutine/], ["(*ACCEPT)a", 0, /verb/],
  ["(?x)a b", 0, /flags/], ["(?i", 0, /flags/], ["(?i-)a", 0, /flags/], ["(?", 0, /flags/], ["(?Pa)", 0, /flags/], ["(?P<>a)", 0, /group name/], ["(?P<a-b>x)", 0, /group name/], ["(?P<n", 0, /flags/],
  ["(a", 0, /never closed/], ["a)", 1, /without its \(/, "a\\)"], ["((a)", 0, /never closed/], ["(a))", 3, /without its/, "(a)\\)"], [")(", 0, /without its/],
  ["[a", 0, /never closed/, "\\[a"], ["[", 0, /never closed/, "\\["], ["[]", 0, /never closed/, "\\[]"], ["[^]", 0, /never closed/, "\\[^]"], ["[a-", 0, /never closed/, "\\[a-"], ["[a\\]", 0, /never closed/, "\\[a\\]"], ["x[[:alpha:]", 1, /never closed/, "x\\[[:alpha:]"],
  ["[z-a]", 1, /backwards/, "[a-z]"], ["[a-\\d]", 1, /ends in a class/, "[a\\-\\d]"], ["[[:foo:]]", 1, /\[:foo:\]/], ["[\\b]", 1, /escape \\b/], ["[\\Z]", 1, /escape/], ["[\\1]", 1, /backreference/],
  ["\\p{Grek}", 0, /\\p\{Grek\}/], ["\\p{Foo}", 0, /\\p\{Foo\}/], ["\\p{Old_Italic}", 0, /Old_Italic/], ["\\p{Letter}", 0, /Letter/], ["\\p", 0, /never closed/], ["\\p{Greek", 0, /never closed/], ["\\pZZ\\pJ", 4, /\\pJ/], ["\\p{}", 0, /\\p\{\}/],
  ["*", 0, /nothing before it/, ".*"], ["*.example.com", 0, /nothing before it/, ".*.example.com"], ["+", 0, /nothing before it/, "\\+"], ["?a", 0, /nothing before it/, "\\?a"], ["a|*", 2, /nothing before it/, "a|.*"], ["(*a)", 1, /nothing before it/, "(.*a)"], ["{2}", 0, /nothing before it/], ["(?i)*", 4, /nothing before it/, "(?i).*"],
  ["a**", 2, /repetition of a repetition/, "a*"], ["a{2}{3}", 4, /repetition of a repetition/, "a{2}"], ["a+*", 2, /repetition of a repetition/, "a+"], ["a???", 3, /repetition of a repetition/, "a??"],
  ["a{1001}", 1, /more than 1000/], ["a{2,1001}", 1, /more than 1000/], ["a{99999999999}", 1, /more than 1000/], ["(a{100}){11}", 8, /together more than 1000/], ["((a{10}){10}){11}", 13, /together/], ["a{5,2}", 1, /greater/, "a{2,5}"],
  ["\ud800", 0, /lone surrogate/], ["x".repeat(1025), 1024, /more than 1024 bytes/], ["é".repeat(513), 1024, /more than 1024 bytes/],
];

describe("a regular expression", () => {
  test("is accepted where RE2 takes it", () => {
    for (const regex of takenByRe2) assert.deepEqual(readRegex(regex), { value: regex });
  });

  test("is refused where RE2 refuses it, with the place and what to write instead", () => {
    for (const [regex, at, problem, suggestion] of refusedByRe2) {
      const read = readRegex(regex);
      if ("value" in read) assert.fail(`${regex} is accepted`);
      assert.equal(read.at, at, regex);
      assert.match(read.problem, problem, regex);
      assert.equal(read.suggestion, suggestion, regex);
    }
  });

  test("suggests only what is accepted", () => {
    for (const [, , , suggestion] of refusedByRe2) if (suggestion !== undefined) assert.deepEqual(readRegex(suggestion), { value: suggestion });
  });

  test("of quoted text matches exactly this text", () => {
    fc.assert(fc.property(fc.string({ maxLength: 40, unit: "binary" }), (text) => {
      const regex = quoteRegex(text);
      assert.ok(new RegExp(`^(?:${regex})$`, "s").test(text));
      if (text !== "" && !/[\uD800-\uDFFF]/u.test(text)) assert.deepEqual(readRegex(regex), { value: regex });
    }));
  });
});

describe("conditions", () => {
  const taken: readonly (readonly [text: string, matches: readonly Conjunction[]])[] = [
    ["header:x-user=jason", [{ headers: { "x-user": { exact: "jason" } } }]],
    ["header:X-User", [{ headers: { "x-user": {} } }]],
    ["header:x-user~^j.*n$", [{ headers: { "x-user": { regex: "^j.*n$" } } }]],
    ["header:x-user^ja", [{ headers: { "x-user": { prefix: "ja" } } }]],
    ["header:x-user=a=b~c^d", [{ headers: { "x-user": { exact: "a=b~c^d" } } }]],
    ["header:x-user = jason ", [{ headers: { "x-user": { exact: "jason" } } }]],
    ["header:x=\"a && b || c, d\"", [{ headers: { x: { exact: "a && b || c, d" } } }]],
    ["header:x=\"say \\\"hi\\\"\"", [{ headers: { x: { exact: "say \"hi\"" } } }]],
    ["header:x~\"a\\.b||c\"", [{ headers: { x: { regex: "a\\.b||c" } } }]],
    ["header:x=say \"hi", [{ headers: { x: { exact: "say \"hi" } } }]],
    ["header:@request.auth.claims[group]=admin", [{ headers: { "@request.auth.claims[group]": { exact: "admin" } } }]],
    ["cookie:beta=true", [{ headers: { cookie: { regex: "^(.*;\\s*)?beta=true(;.*)?$" } } }]],
    ["cookie:a.b=1+1", [{ headers: { cookie: { regex: "^(.*;\\s*)?a\\.b=1\\+1(;.*)?$" } } }]],
    ["query:debug", [{ queryParams: { debug: {} } }]],
    ["query:__proto__=1 && query:debug", [{ queryParams: Object.fromEntries([["__proto__", { exact: "1" }], ["debug", {}]]) }]],
    ["query:q=a && query:v~[12] && query:w^x", [{ queryParams: { q: { exact: "a" }, v: { regex: "[12]" }, w: { prefix: "x" } } }]],
    ["method:GET", [{ method: { exact: "GET" } }]],
    ["path:/api", [{ uri: { exact: "/api" } }, { uri: { prefix: "/api/" } }]],
    ["path:exact:/a,prefix:/b,regex:/c[0-9]", [{ uri: { exact: "/a" } }, { uri: { prefix: "/b" } }, { uri: { regex: "/c[0-9]" } }]],
    ["path:\"regex:/a{1,2}\"", [{ uri: { regex: "/a{1,2}" } }]],
    ["authority:shop.example.com", [{ authority: { exact: "shop.example.com" } }]],
    ["authority:~.*\\.example\\.com || authority:^shop.", [{ authority: { regex: ".*\\.example\\.com" } }, { authority: { prefix: "shop." } }]],
    ["source:app=web && source:app.kubernetes.io/part-of=shop", [{ sourceLabels: { app: "web", "app.kubernetes.io/part-of": "shop" } }]],
    ["header:x=1 && path:/api || cookie:b=1", [{ headers: { x: { exact: "1" } }, uri: { exact: "/api" } }, { headers: { x: { exact: "1" } }, uri: { prefix: "/api/" } }, { headers: { cookie: { regex: "^(.*;\\s*)?b=1(;.*)?$" } } }]],
    ["header:x=1\n  && method:GET", [{ headers: { x: { exact: "1" } }, method: { exact: "GET" } }]],
    ["header:x=1&&header:y=2||method:GET", [{ headers: { x: { exact: "1" }, y: { exact: "2" } } }, { method: { exact: "GET" } }]],
    ["header:x && header:x=1", [{ headers: { x: { exact: "1" } } }]],
    ["path:/api && path:prefix:/api/v1", [{ uri: { prefix: "/api/v1" } }]],
    ["header:x=1 && method:GET || header:x=1", [{ headers: { x: { exact: "1" } } }]],
    ["header:x=1 && method:GET || method:GET && header:x=1", [{ headers: { x: { exact: "1" } }, method: { exact: "GET" } }]],
  ];
  for (const [text, matches] of taken) test(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(valueOf(conditions, text), matches));

  const refused: readonly (readonly [text: string, says: RegExp, suggestion?: string])[] = [
    ["x-user=jason", /at character 1 of the value, header:/],
    ["header:x=1 &&", /a condition behind &&/], ["&& header:x=1", /a condition before &&, at character 1/], ["header:x=1 || || method:GET", /a condition behind \|\|/],
    ["header:x=", /at character 1 of the value, a value behind =/], ["header:=1", /header name/], ["header:x y=1", /header name/], ["header::path=/a", /header name/],
    ["header:x=\"open", /a quote that is closed; the one in the condition at character 1/], ["header:x=\"a\"b", /quote/],
    ["header:x~(?!a)", /its character 1 is a negative lookahead/], ["header:x~a++", /possessive/, "header:x~a+"], ["header:x~*", /nothing before it/, "header:x~.*"], ["method:GET && header:x~(a", /at character 15 of the value.*its character 1 is a \(/],
    ["header:x=1 && header:x=2", /contradicts what stands before it/], ["header:x~a && header:x~b", /one condition for headers\.x in one match/], ["cookie:a=1 && cookie:b=2", /one condition for headers\.cookie/], ["path:/a && path:/b", /contradicts/],
    ["method:get", /one method in capitals/, "method:GET"], ["method:GET,POST", /one method/, "method:GET || method:POST"], ["method:", /one method/],
    ["path:api", /path/, "path:/api"], ["path:/api?x=1", /path/, "path:/api"], ["path:/a b", /path/], ["path:/café", /path/, "path:/caf%C3%A9"], ["path:/api/*", /letter by letter/, "path:prefix:/api/"],
    ["headers:x=1", /header:/, "header:x=1"], ["host:shop.example.com", /authority/, "authority:shop.example.com"], ["uri:/api", /path/, "path:/api"], ["/api", /header:/, "path:/api"],
    ["authority:https://shop.example.com", /authority:host/, "authority:shop.example.com"], ["authority:*.example.com", /authority:host/],
    ["cookie:beta", /cookie:NAME=value/], ["cookie:b=a;c", /cookie:NAME=value/], [`cookie:b=${"x".repeat(1100)}`, /at most 1000 characters/],
    ["query:a&b=1", /query/], ["source:app", /source:label=value/], ["source:app=a b", /source:label=value/],
    ["method:get && headers:x=1", /one method/, "method:GET && header:x=1"],
    [Array(200).fill("method:GET").join(" || "), /at most 128 conditions/], [`path:${Array(200).fill("/a").join(",")}`, /at most 128 paths/],
    ["header:x=1\n&& nonsense", /line 2, column 4 of the value/],
  ];
  for (const [text, says, suggestion] of refused) {
    test(`refuses ${JSON.stringify(text.slice(0, 60))}`, () => {
      const said = refusal(conditions, text);
      assert.match(said.expects, says);
      assert.equal(said.suggestion, suggestion);
    });
  }
});

interface Request {
  readonly uri: string;
  readonly headers: { readonly [name: string]: string };
  readonly app: string;
}

/** Whether one of the matches takes a request, as Envoy has it. */
function isTaken(matches: readonly Conjunction[], { uri, headers, app }: Request): boolean {
  const fits = (match: object, text: string | undefined): boolean => {
    const { exact, prefix, regex } = match as { exact?: string; prefix?: string; regex?: string };
    if (text === undefined) return false;
    return exact !== undefined ? text === exact : prefix !== undefined ? text.startsWith(prefix) : regex === undefined || new RegExp(`^(?:${regex})$`).test(text);
  };
  return matches.some((match) => (match.uri === undefined || fits(match.uri, uri))
    && Object.entries(match.headers ?? {}).every(([name, each]) => fits(each, headers[name]))
    && Object.entries(match.withoutHeaders ?? {}).every(([name, each]) => !fits(each, headers[name]))
    && Object.values(match.sourceLabels ?? {}).every((label) => label === app));
}

describe("two lists of matches at once", () => {
  const x1: Conjunction = { headers: { x: { exact: "1" } } };
  const cases: readonly (readonly [what: string, a: readonly Conjunction[], b: readonly Conjunction[], both: ReturnType<typeof andMatches>])[] = [
    ["merge different fields", [x1], [{ method: { exact: "GET" } }], { value: [{ ...x1, method: { exact: "GET" } }] }],
    ["merge different headers", [x1], [{ headers: { y: {} } }], { value: [{ headers: { x: { exact: "1" }, y: {} } }] }],
    ["make every pair", [x1, { method: { exact: "GET" } }], [{ uri: { exact: "/a" } }, { uri: { exact: "/b" } }], { value: [{ ...x1, uri: { exact: "/a" } }, { ...x1, uri: { exact: "/b" } }, { method: { exact: "GET" }, uri: { exact: "/a" } }, { method: { exact: "GET" }, uri: { exact: "/b" } }] }],
    ["collapse where they are equal", [x1], [x1], { value: [x1] }],
    ["keep the exact path inside a prefix", [{ uri: { exact: "/api/v1" } }], [{ uri: { prefix: "/api/" } }], { value: [{ uri: { exact: "/api/v1" } }] }],
    ["keep the longer prefix", [{ uri: { prefix: "/api/" } }], [{ uri: { prefix: "/api/v1" } }], { value: [{ uri: { prefix: "/api/v1" } }] }],
    ["leave out what no request can meet", [{ uri: { exact: "/a" } }, { uri: { exact: "/b" } }], [{ uri: { exact: "/b" } }], { value: [{ uri: { exact: "/b" } }] }],
    ["take nothing where nothing is left", [{ uri: { prefix: "/a/" } }], [{ uri: { prefix: "/b/" } }], { value: [] }],
    ["take / as every path", [{ uri: { regex: "/x.*" } }], [{ uri: { prefix: "/" } }], { value: [{ uri: { regex: "/x.*" } }] }],
    ["report two expressions for one path", [{ uri: { regex: "/a.*" } }], [{ uri: { prefix: "/a/" } }], { conflict: "uri" }],
    ["report two expressions for one header", [{ headers: { x: { regex: "a" } } }], [{ headers: { x: { regex: "b" } } }], { conflict: "headers.x" }],
    ["narrow a header that only had to be there", [{ headers: { x: {} } }], [{ headers: { x: { regex: "a" } } }], { value: [{ headers: { x: { regex: "a" } } }] }],
    ["know two values of one label as none", [{ sourceLabels: { app: "a" } }], [{ sourceLabels: { app: "b" } }], { value: [] }],
    ["keep a header away altogether", [{ withoutHeaders: { x: { exact: "a" } } }], [{ withoutHeaders: { x: {} } }], { value: [{ withoutHeaders: { x: {} } }] }],
    ["report two values to keep away", [{ withoutHeaders: { x: { exact: "a" } } }], [{ withoutHeaders: { x: { exact: "b" } } }], { conflict: "withoutHeaders.x" }],
    ["report fields that they do not know", [{ sourceNamespace: "a" } as Conjunction], [{ sourceNamespace: "b" } as Conjunction], { conflict: "sourceNamespace" }],
    ["know two ports as none", [{ port: 80 } as Conjunction], [{ port: 90 } as Conjunction], { value: [] }],
    ["report a path that ignores case beside one that does not", [{ uri: { prefix: "/A" }, ignoreUriCase: true } as Conjunction], [{ uri: { prefix: "/a" } }], { conflict: "uri" }],
    ["take nothing with an empty list", [x1], [], { value: [] }],
    ["take what is left of an open match", [{}], [x1], { value: [x1] }],
    ["drop what a wider one takes too", [{}, x1], [{ method: { exact: "GET" } }], { value: [{ method: { exact: "GET" } }] }],
  ];
  for (const [what, a, b, both] of cases) test(what, () => assert.deepEqual(andMatches(a, b), both));

  const text = fc.constantFrom("", "/", "/a", "/a/", "/a/b", "/b", "/ab");
  const textMatch = fc.oneof(
    text.filter((each) => each !== "").map((exact) => ({ exact })), text.filter((each) => each !== "").map((prefix) => ({ prefix })), fc.constantFrom({ regex: "/a.*" }, { regex: "/[ab]" }), fc.constant({}),
  );
  const conjunction: fc.Arbitrary<Conjunction> = fc.record({ uri: textMatch, headers: fc.dictionary(fc.constantFrom("x", "y"), textMatch), withoutHeaders: fc.dictionary(fc.constantFrom("x", "z"), textMatch), sourceLabels: fc.dictionary(fc.constant("app"), fc.constantFrom("a", "b")) }, { requiredKeys: [] });
  const lists = fc.array(conjunction, { minLength: 1, maxLength: 3 });
  const request = fc.record({ uri: fc.constantFrom("/", "/a", "/a/", "/a/b", "/b", "/ab"), headers: fc.dictionary(fc.constantFrom("x", "y", "z"), text), app: fc.constantFrom("a", "b") });

  test("take the requests that both take, and no other", () => {
    fc.assert(fc.property(lists, lists, fc.array(request, { minLength: 5, maxLength: 5 }), (a, b, requests) => {
      const both = andMatches(a, b);
      if ("conflict" in both) return;
      for (const each of requests) assert.equal(isTaken(both.value, each), isTaken(a, each) && isTaken(b, each), JSON.stringify([both.value, each]));
    }), { numRuns: 2000 });
  });

  test("take /api with /api/v1 as what is below both", () => {
    const [api, v1] = ["/api", "/api/v1"].map((text) => toUriMatches([{ kind: "both", text }]).map((uri) => ({ uri })));
    assert.deepEqual(andMatches(api!, v1!), { value: [{ uri: { exact: "/api/v1" } }, { uri: { prefix: "/api/v1/" } }] });
  });
});

const grammar: { readonly [setting: string]: { readonly takes: readonly (readonly [text: string, value: unknown])[]; readonly refuses: readonly (readonly [text: string, suggestion?: string, says?: RegExp])[] } } = {
  path: {
    takes: [
      ["/api", [{ kind: "both", text: "/api" }]], ["/", [{ kind: "both", text: "/" }]], ["exact:/a, prefix:/b/", [{ kind: "exact", text: "/a" }, { kind: "prefix", text: "/b/" }]],
      ["[\"regex:/a{1,2}\"]", [{ kind: "regex", text: "/a{1,2}" }]], ["prefix:/a*b", [{ kind: "prefix", text: "/a*b" }]],
    ],
    refuses: [["api", "/api"], ["/api?x=1", "/api"], ["/a b"], ["/api/*", "prefix:/api/"], ["/café", "/caf%C3%A9"], ["exact:"], ["prefix:"], ["regex:"], ["regex:(?=a)", undefined, /^in "regex:\(\?=a\)", .*character 7 of the value is a lookahead/], ["regex:a++", "regex:a+"], ["/a,/a", "/a"], ["/api,/api/v1", undefined, /\/api holds \/api\/v1 already/], ["regex:/a{1,2}", undefined, /YAML list/]],
  },
  mirror: {
    takes: [["canary@5%", [{ name: "canary", percent: 5 }]], ["canary", [{ name: "canary" }]], ["audit.ops:8080@0.5%, canary", [{ name: "audit.ops", port: 8080, percent: 0.5 }, { name: "canary" }]]],
    refuses: [["canary@5", "canary@5%"], ["canary@101%"], ["canary@-1%"], ["canary@0.00001%"], ["canary@"], ["@5%"], ["canary:0@5%"], ["canary:70000"], ["canary@5%,canary@6%", undefined, /canary is there twice/], ["a b@5%"]],
  },
  "fault-delay": {
    takes: [["5s@10%", { fixedDelay: "5s", percentage: { value: 10 } }], ["1m30s@0.5%", { fixedDelay: "1m30s", percentage: { value: 0.5 } }]],
    refuses: [["5s"], ["5s@10", "5s@10%"], ["5@10%", "5s@10%"], ["5@10", "5s@10%"], ["0s@10%"], ["-5s@10%"], ["5s@"], ["@10%"], ["5s@110%"]],
  },
  "fault-abort": {
    takes: [["503@5%", { httpStatus: 503, percentage: { value: 5 } }], ["grpc:UNAVAILABLE@5%", { grpcStatus: "UNAVAILABLE", percentage: { value: 5 } }]],
    refuses: [["503"], ["503@5", "503@5%"], ["199@5%"], ["600@5%"], ["UNAVAILABLE@5%", "grpc:UNAVAILABLE@5%"], ["grpc:unavailable@5%", "grpc:UNAVAILABLE@5%"], ["grpc:UNAVAILBLE@5%", "grpc:UNAVAILABLE@5%"], ["grpc:14@5%"]],
  },
  "cors-allow-origins": {
    takes: [["*", [{ exact: "*" }]], ["https://a.example.com,regex:https://[^.]+\\.b\\.com,prefix:https://preview-", [{ exact: "https://a.example.com" }, { regex: "https://[^.]+\\.b\\.com" }, { prefix: "https://preview-" }]], ["exact:http://localhost:3000", [{ exact: "http://localhost:3000" }]]],
    refuses: [["a.example.com", "https://a.example.com"], ["https://a.example.com/", "https://a.example.com"], ["https://*.example.com", "regex:https://[^.]+\\.example\\.com"], ["prefix:*", "*"], ["prefix:"], ["regex:(?!a)"], ["prefix:https://*.a"]].map(([text, meant]) => (text === "prefix:https://*.a" ? [text, "regex:https://[^.]+\\.a"] : [text!, meant])),
  },
  "cors-allow-methods": { takes: [["GET,POST", ["GET", "POST"]], ["*", ["*"]]], refuses: [["get", "GET"], ["GET POST"], ["FETCH"]] },
  "cors-allow-headers": { takes: [["x-a,X-B", ["x-a", "X-B"]], ["*", ["*"]]], refuses: [["x a", "x-a"], ["x:y", "x"], [":path"]] },
  "cors-max-age": { takes: [["24h", "24h"], ["2000ms", "2000ms"]], refuses: [["1.5s", undefined, /fraction of a second/], ["250ms"], ["60", "60s"], ["0s"]] },
  "request-headers-set": {
    takes: [["x-env=prod,x-team=a=b", { "x-env": "prod", "x-team": "a=b" }], ["{cache-control: \"no-cache, no-store\"}", { "cache-control": "no-cache, no-store" }], ["- x-a=1, 2\n- x-b=%HOSTNAME%", { "x-a": "1, 2", "x-b": "%HOSTNAME%" }], ["host=a.example.com", { host: "a.example.com" }], ["__proto__=a", Object.fromEntries([["__proto__", "a"]])], ["x-p=100%%", { "x-p": "100%%" }]],
    refuses: [["x-env"], ["x-env="], ["=prod"], ["x env=prod"], [":path=/a", undefined, /belongs to the protocol/], ["x=1,X=2", undefined, /there twice/], ["x=100%", undefined, /neither doubled/], ["x=%A", undefined, /neither doubled/], ["x=no-cache, no-store", undefined, /"no-store" has no name/], ["{x: 1}", undefined, /in quotes/], ["x-a: true", "x-a=true"], ["host=a,:authority=b", undefined, /there twice/], ["{x: \"a\\nb\"}", undefined, /line break/]],
  },
  "response-headers-set": { takes: [["x-env=prod", { "x-env": "prod" }]], refuses: [["host=a", undefined, /cannot be set on a response/], [":authority=a"], [":status=200"]] },
  "request-headers-remove": { takes: [["x-a,x-b", ["x-a", "x-b"]]], refuses: [["host", undefined, /cannot be removed/], [":path"], ["x-a,X-A", undefined, /there twice/], ["x a", "x-a"]] },
  rewrite: { takes: [["/new", "/new"], ["/", "/"]], refuses: [["new", "/new"], ["/a?b=1", "/a"], ["https://a/b"]] },
  redirect: {
    takes: [
      ["/new", { uri: "/new" }], ["https://a.example.com", { scheme: "https", authority: "a.example.com" }], ["308:http://a.example.com:8080/x?y=1", { scheme: "http", authority: "a.example.com", port: 8080, uri: "/x?y=1", redirectCode: 308 }], ["302:/login", { uri: "/login", redirectCode: 302 }],
    ],
    refuses: [["a.example.com/x", "https://a.example.com/x"], ["305:/a"], ["https://"], ["ftp://a.example.com"], ["https://a.example.com:0/"], ["https://a.example.com:70000/"], ["new", "/new"], ["https://a b/"], ["301:"]],
  },
  "direct-response": {
    takes: [["503", { status: 503 }], ["503:closed for today", { status: 503, body: { string: "closed for today" } }], ["200:a:b\nc", { status: 200, body: { string: "a:b\nc" } }]],
    refuses: [["503:", "503"], ["199:a"], ["600"], ["closed"], ["503 closed", "503:closed"], ["503:\u0007"]],
  },
  gateways: { takes: [["external,istio-system/shared", ["external", "istio-system/shared"]]], refuses: [["mesh", undefined, /callers inside the mesh need no gateway/], ["shared.istio-system.svc.cluster.local", "istio-system/shared"], ["External", "external"], ["a/b/c"], ["a/"], ["MESH"]] },
  expose: {
    takes: [["external=shop.example.com/api", [{ gateway: "external", host: "shop.example.com", path: { kind: "both", text: "/api" } }]], ["external=shop.example.com/,ns/gw=*.example.com", [{ gateway: "external", host: "shop.example.com" }, { gateway: "ns/gw", host: "*.example.com" }]]],
    refuses: [["shop.example.com"], ["external="], ["=shop.example.com"], ["external=https://shop.example.com", "external=shop.example.com"], ["external=shop.example.com:443"], ["mesh=shop.example.com"], ["external=a b"]],
  },
  "gateway-hosts": { takes: [["shop.example.com,*.example.org", ["shop.example.com", "*.example.org"]]], refuses: [["a.*.com"], ["https://shop.example.com", "shop.example.com"], ["shop.example.com:443", "shop.example.com"], ["*.example.com,a.example.com", undefined, /holds a\.example\.com already/], ["10.0.0.1"]] },
  "gateway-port": { takes: [["http", "http"], ["8080", 8080]], refuses: [["0"], ["65536"], ["Http"], ["a b"], ["-1"], ["01"]] },
  order: { takes: [["0", 0], ["-10", -10], ["+5".slice(1), 5]], refuses: [["1.5"], ["+5", "5"], ["first"], ["99999999"], ["--1"], ["-"]] },
  to: { takes: [["canary", [{ name: "canary", weight: 100 }]], ["v2:8080", [{ name: "v2", port: 8080, weight: 100 }]], ["stable=90,canary=10", [{ name: "stable", weight: 90 }, { name: "canary", weight: 10 }]]], refuses: [["stable 90"], ["stable=90%", "stable=90"], ["stable=110"], ["canary,stable"]] },
  weights: { takes: [["stable=90, canary=10", [{ name: "stable", weight: 90 }, { name: "canary", weight: 10 }]]], refuses: [["stable:90", "stable=90"], ["stable"], ["stable=-1"], ["a:0=100"], ["a:99999=100"]] },
  routes: {
    takes: [
      ["[{match: [{uri: {prefix: /v2/}}], to: \"v2=20,v1=80\"}]", [{ fields: { match: [{ uri: { prefix: "/v2/" } }] }, to: [{ name: "v2", weight: 20 }, { name: "v1", weight: 80 }] }]],
      ["- redirect: {uri: /new}", [{ fields: { redirect: { uri: "/new" } } }]], ["[{to: 2}]", [{ fields: {}, to: [{ name: "2", weight: 100 }] }]],
    ],
    refuses: [
      ["{to: v2}", undefined, /one mapping: put "- " before it/], ["[]"], ["[v2]", undefined, /rule 1: not a mapping/], ["[{match: []}]"], ["[{to: v2}, {rout: []}]", undefined, /rule 2: a field rout .*did you mean route\?/], ["[{to: v2, redirect: {uri: /a}}]", undefined, /to and redirect exclude each other/],
      ["[{match: [{uri: /v2}], to: v2}]", undefined, /uri is one of \{exact/], ["[{match: [{headers: {x: {regex: \"(?=a)\"}}}], to: v2}]", undefined, /headers\.x has, at character 1, a lookahead/], ["[{match: [a], to: v2}]", undefined, /each match is a mapping/], ["[{to: \"a b\"}]", undefined, /to is "a b"/], ["[{timeout: 3s}]", undefined, /it needs one of/],
      ["- match: [\n  to: v2\n", undefined, /line \d+, column \d+ of the value/], ["[{mirrorPercent: 5, to: a}]", undefined, /mirrorPercent/],
    ],
  },
  "tcp-routes": { takes: [["[{match: [{port: 5432}], to: v2}]", [{ fields: { match: [{ port: 5432 }] }, to: [{ name: "v2", weight: 100 }] }]]], refuses: [["[{timeout: 3s, to: v2}]", undefined, /timeout/], ["[{match: [{port: 1}]}]"]] },
  "retry-budget": {
    takes: [["20%", { percent: 20 }], ["0.5%;min=3;interval=10s", { percent: 0.5, minRetryConcurrency: 3, budgetInterval: "10s" }], ["20%; interval=0s", { percent: 20, budgetInterval: "0s" }]],
    refuses: [["20", "20%"], ["20;min=3", "20%;min=3"], ["120%"], ["20%;min=-1"], ["20%;min=4294967296"], ["20%;interval=10"], ["20%;max=3"], ["20%;min=3;min=4"], ["20%;"], ["min=3"]],
  },
  warmup: {
    takes: [["60s", { duration: "60s" }], ["1m30s;min=10;aggression=1.5", { duration: "1m30s", minimumPercent: 10, aggression: 1.5 }]],
    refuses: [["60", "60s"], ["60s;min=101"], ["60s;min=10%", "60s;min=10"], ["60s;aggression=0"], ["60s;aggression=-1"], ["60s;speed=1"], ["0s"], ["60s;"]],
  },
  locality: {
    takes: [
      ["disabled", { enabled: false }], ["failover:us-east=us-west,eu=us-east", { failover: [{ from: "us-east", to: "us-west" }, { from: "eu", to: "us-east" }] }], ["failover-priority:topology.kubernetes.io/region,version=v1", { failoverPriority: ["topology.kubernetes.io/region", "version=v1"] }],
      ["{distribute: [{from: us-west/*, to: {\"us-west/*\": 80, us-east/z1: 20}}]}", { distribute: [{ from: "us-west/*", to: { "us-west/*": 80, "us-east/z1": 20 } }] }],
    ],
    refuses: [
      ["off", "disabled"], ["failover:a=a", undefined, /to itself/], ["failover:a/z=b", undefined, /regions only/], ["failover:*=b"], ["failover:a=b,a=c", undefined, /two failovers from a/], ["failover:"], ["failover-priority:"], ["failover-priority:a b"],
      ["{distribute: [{from: a, to: {a: 80, b: 10}}]}", undefined, /sum to 90, not 100/], ["{distribute: [{from: a, to: {a: 100, \"a/*\": 0}}]}", undefined, /1 to 100/], ["{distribute: [{from: a, to: {a: 50, a/z: 50}}]}", undefined, /a holds a\/z/], ["{distribute: [{from: \"*/z\", to: {a: 100}}]}", undefined, /no locality/], ["{distribute: [{from: a, to: {b: 100}}, {from: a/z, to: {b: 100}}]}", undefined, /holds/],
      ["{distribute: [], failover: []}", undefined, /exclude/], ["{failover: [{from: a, to: b}], failoverPriority: [topology.kubernetes.io/zone]}", undefined, /exclude/], ["{speed: 1}", undefined, /a field speed/], ["{}"], ["{failover: [", undefined, /line \d, column \d+ of the value/],
    ],
  },
  tunnel: { takes: [["CONNECT://proxy.example.com:3128", { protocol: "CONNECT", targetHost: "proxy.example.com", targetPort: 3128 }], ["POST://[::1]:80", { protocol: "POST", targetHost: "::1", targetPort: 80 }]], refuses: [["connect://a:80", "CONNECT://a:80"], ["proxy.example.com:3128", "CONNECT://proxy.example.com:3128"], ["CONNECT://a"], ["CONNECT://a:0"], ["CONNECT://a:70000"], ["CONNECT://1.2.3.400:80"], ["CONNECT://[zz]:80"], ["GET://a:80"]] },
  "client-selector": { takes: [["app=web,version=v2", { app: "web", version: "v2" }], ["{app: web}", { app: "web" }]], refuses: [["app"], ["app=*"], ["app="], ["app:web", "app=web"], ["app=web,app=api"], ["{app: 1}"], ["a..b/c=d"], [`app=${"x".repeat(64)}`]] },
  "exclude-outbound-ports": { takes: [["*", ["*"]], ["3306,6379", ["3306", "6379"]]], refuses: [["70000"], ["0"], ["-1"]] },
  "include-outbound-ip-ranges": { takes: [["10.0.0.0/8", ["10.0.0.0/8"]]], refuses: [["10.0.0.256/8"], ["10.0.0.0/33"], ["10.0.0.1", "10.0.0.1/32"], ["::/129"]] },
  "consistent-hash-algorithm": { takes: [["ring:1", { ringHash: { minimumRingSize: 1 } }]], refuses: [["ring:0"], ["ring:8388609"], ["maglev:65536", "maglev:65537"]] },
  hosts: { takes: [["a.example.com", ["a.example.com"]]], refuses: [["10.0.0.1"], ["1"], ["*.example.com"], ["a..b"]] },
};

describe("the grammar of", () => {
  for (const [name, { takes, refuses }] of Object.entries(grammar)) {
    test(`${name}: reads what it takes`, () => {
      for (const [text, value] of takes) assert.deepEqual(valueOf(typeOf(name), text), value, text);
    });

    test(`${name}: refuses the rest, with a suggestion where one is certain`, () => {
      for (const [text, suggestion, says] of refuses) {
        const said = refusal(typeOf(name), text);
        assert.equal(said.suggestion, suggestion, text);
        if (says) assert.match(said.expects, says);
        if (suggestion !== undefined) valueOf(typeOf(name), suggestion);
      }
    });
  }
});

describe("a valid value", () => {
  test("is known for every setting", () => assert.deepEqual(Object.keys(validTexts).sort(), [...settingNames].sort()));

  for (const name of settingNames) {
    test(`of ${name} is read, twice the same`, () => {
      fc.assert(fc.property(validTexts[name]!, (text) => {
        assert.deepEqual(valueOf(typeOf(name), text), valueOf(typeOf(name), text));
      }), { numRuns: 50 });
    });
  }
});

const million = 1_000_000;

/** What people and programs put where a value belongs; every grammar refuses each, but for the exceptions below. */
const badTexts: { readonly [what: string]: string } = {
  nothing: "", "a space": " ", "white space": " \t\n ", "a negative number": "-1", "a number of 31 digits": `1${"0".repeat(30)}`, "a number that overflows": "9".repeat(400), "an exponent": "1e30", "a number without its unit": "15",
  "a million letters": "a".repeat(million), "a million digits": "1".repeat(million), "a million spaces": `a${" ".repeat(million)}b`, "a million commas": ",".repeat(million), "thousands of commas": ",".repeat(60_000), "thousands of entries": "ab,".repeat(20_000), "thousands of pairs": `${"k=v,".repeat(15_000)}k=v v`,
  "thousands of spaces": `a:${" ".repeat(4000)}b`, "long white space in conditions": `header:a${" ".repeat(16_000)}x y`, "thousands of joints": "header:a||".repeat(1600), "thousands of quotes": `header:a="${"\\\"".repeat(7000)}`, "thousands of paths": `path:${"/a,".repeat(5000)}/a`, "thousands of signs": "@".repeat(4000), "thousands of percents": `a=${"%a".repeat(20_000)}`,
  "digits of another script": "１５ｓ", "letters with marks": "ünïcödé", "an emoji": "😀", "a text that runs backwards": "\u202e15s", "half a character": "a\ud800", "a zero-width space": "15s\u200b", "a byte order mark": "\ufeff15s",
  "a control character": "a\u0001b", "a null character": "a\0b", "a delete": "a\u007f",
  "an open YAML list": "[a, b", "broken YAML over lines": "- a\n b: c: d\n", "an open YAML mapping": "{a: 1\nb", "deep YAML": "[".repeat(100_000), "a YAML tag": "!!js/function x", "YAML that holds itself": "{a: &x {b: *x}}", "a YAML list that holds itself": "[&x [*x]]",
  "YAML with huge aliases": "[&a [x,x,x,x,x,x,x,x,x,x], &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a], &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b], &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c], &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]]",
};

const digits = ["a number of 31 digits", "an exponent", "a number without its unit"];
const words = [...digits, "a negative number"];
const numbers = ["a number without its unit"];

/** Where a text of the table is a value after all: names made of digits, a count without a unit, YAML in one mapping. */
const exceptions: { readonly [setting: string]: readonly string[] } = {
  profile: [...words, "digits of another script", "letters with marks", "an emoji"],
  ...Object.fromEntries(["revision", "waypoint", "subset", "active", "mirror", "gateways", "export-to", "to"].map((name) => [name, digits])),
  ...Object.fromEntries(["tls-credential-name", "tls-sni"].map((name) => [name, [...digits, "a number that overflows"]])),
  ...Object.fromEntries(["cors-allow-headers", "cors-expose-headers", "request-headers-remove", "response-headers-remove", "tls-subject-alt-names"].map((name) => [name, [...words, ...(name === "tls-subject-alt-names" ? ["a number that overflows"] : [])]])),
  ...Object.fromEntries(["gateway-hosts", "hosts"].map((name) => [name, ["an exponent"]])),
  "gateway-port": ["an exponent", ...numbers],
  order: ["a negative number", ...numbers],
  ...Object.fromEntries(settingNames.filter((name) => "value" in rows[name].value.read("15") && !["profile", "gateway-port", "order"].includes(name)).filter((name) => /whole number|quantity|port number/.test(rows[name].value.expects)).map((name) => [name, numbers])),
  ...Object.fromEntries(["request-headers-set", "request-headers-add", "response-headers-set", "response-headers-add", "virtual-service-patch", "destination-rule-patch"].map((name) => [name, ["thousands of spaces"]])),
  "exclude-outbound-ports": numbers, "exclude-inbound-ports": numbers,
};

/** Milliseconds of the fastest of a few runs, as the machine may be busy. */
function timeOf(run: () => unknown): number {
  let best = Infinity;
  for (let i = 0; i < 5 && best >= 50; i++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

describe("bad input", () => {
  for (const name of settingNames) {
    test(`is refused by ${name}, at once and in words`, () => {
      const type = typeOf(name);
      const accepted: string[] = [];
      for (const [what, text] of Object.entries(badTexts)) {
        const read = type.read(text);
        const took = timeOf(() => type.read(text));
        assert.ok(took < 50, `${what} took ${took.toFixed(0)} ms`);
        if ("value" in read) accepted.push(what);
        else if (read.suggestion !== undefined) {
          assert.ok(read.suggestion.length <= 70_000);
          valueOf(type, read.suggestion);
        }
      }
      assert.deepEqual(accepted.filter((what) => !exceptions[name]?.includes(what)), []);
    });
  }

  for (const name of settingNames.filter((each) => /\byaml\b/i.test(typeOf(each).expects) || each.endsWith("routes"))) {
    test(`says where the YAML of ${name} breaks`, () => {
      const text = name.endsWith("patch") || name === "locality" ? "{http:\n  [a: b,\n  c}" : "- a: b\n  c: [d\n- e\n";
      assert.match(refusal(typeOf(name), text).expects, /line [23], column \d+ of the value/, name);
    });
  }

  test("of a character that nobody sees is told by its number and place", () => {
    const any = bounded(10, { expects: "a word", schema: {}, read: (text) => ({ value: text }) });
    assert.deepEqual(refusal(any, "a\u200bb"), { expects: "a word; character 2 of the value is U+200B, which nobody sees" });
    assert.deepEqual(refusal(any, "a\nb\u0007"), { expects: "a word; line 2, column 2 of the value is U+0007, which nobody sees" });
    assert.deepEqual(refusal(any, "a".repeat(11)), { expects: "a word; at most 10 characters" });
  });

  test("in YAML is told by line and column", () => {
    assert.deepEqual(parseYaml("a: 1\nb: [c\nd: e\n"), { problem: "line 3, column 1 of the value: missed comma between flow collection entries" });
    assert.deepEqual(parseYaml("&x [*x]"), { problem: "its aliases stand for more than 10000 values" });
  });
});
