import { besideTheRules, ruleBook } from "../../generators/checks/rule-book.ts";
import { catalogue, type Code } from "../../generators/diagnostics/catalogue.ts";
import { whyNotAccepted } from "../../generators/mesh/config.ts";
import { istioPage } from "../../generators/reference/markdown.ts";
import { paint, wrap, writeFacts, type Layout, type Style } from "./columns.ts";
import { readMessages } from "./messages.ts";

/** One code as `--format json` gives it; fields are added in later versions, never taken away. */
export function describeCode(code: Code): object {
  const { severity, title, why, mild } = catalogue[code];
  const example = exampleOf(code);
  return {
    code, severity, mildSeverity: mild ?? null, title, why, example: example ?? null, fix: (example && fixIn(example)) ?? null, canBeAccepted: whyNotAccepted(code) === undefined,
    rules: rulesOf(code).map(([rule, { says, docs }]) => ({ rule, says, page: istioPage(docs) })), about: besideTheRules[code] ?? null,
  };
}

/** One code for people: what it means, a message as somebody read it, how to fix it and how to accept it. */
export function writeCode(code: Code, layout: Layout): string {
  const { severity, title, why, mild } = catalogue[code];
  const example = exampleOf(code);
  const rules = rulesOf(code);
  return `${[
    `${paint(code, "bold", layout)}  ${paint(severity, severity as Style, layout)}: ${title}${mild === undefined ? "" : `; ${mild === "info" ? "an info" : "a warning"} where somebody may mean it`}`, ...wrap(why, 0, layout),
    ...(example === undefined ? [] : ["", paint("example", "faint", layout), ...example.split("\n").flatMap((line) => wrapMessage(line, layout))]),
    "",
    ...writeFacts([
      ["fix", (example && fixIn(example)) ?? "the message says what was read and what to write"],
      ["accept", acceptOf(code)],
      ...rules.map(([rule, { says }]): readonly [string, string] => [`rule ${rule}`, `in a mesh that works, ${says}`]),
      ["about", besideTheRules[code]],
      ["see", [...new Set(rules.map(([, { docs }]) => istioPage(docs)))].join("\n")],
    ], layout),
  ].join("\n")}\n`;
}

/** A message as somebody read it. */
function exampleOf(code: Code): string | undefined {
  const rest = readMessages()[code];
  return rest && `${catalogue[code].severity} ${code}  ${catalogue[code].title}\n${rest}`;
}

function rulesOf(code: Code): readonly (readonly [string, (typeof ruleBook)[string]])[] {
  return Object.entries(ruleBook).filter(([, row]) => row.codes?.[code] !== undefined);
}

function acceptOf(code: Code): string {
  return whyNotAccepted(code) === undefined
    ? `istiomize.dev/accept: "${code}=why it is meant" on the Service, its workload or Namespace, or spec.accept of the ServiceMesh`
    : "no: an error is to be mended";
}

/** What the message of an example says to do. */
function fixIn(example: string): string | undefined {
  const [, first, rest] = /^ {2}help {6}(.*)((?:\n {4,}.*)*)$/m.exec(example) ?? [];
  return first === undefined ? undefined : `${first}${(rest ?? "").replace(/\n\s+/g, " ")}`;
}

/** A line of a message, below its own text where it is longer than the terminal. */
function wrapMessage(line: string, layout: Layout): readonly string[] {
  const [, title, text] = /^( {2}\w+ +)(.*)$/.exec(line) ?? [];
  if (title === undefined) return wrap(line, 2, layout);
  return wrap(text!, title.length + 2, layout).map((each, i) => (i === 0 ? `  ${title}${each.slice(title.length + 2)}` : each));
}
