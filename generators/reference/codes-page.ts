import { besideTheRules, ruleBook } from "../checks/rule-book.ts";
import { catalogue, type Code } from "../diagnostics/catalogue.ts";
import type { Examples } from "./examples.ts";
import { anchorOf, cell, facts, header, istioPage } from "./markdown.ts";

const codes = Object.keys(catalogue) as readonly Code[];

const floors: readonly (readonly [digit: string, title: string])[] = [
  ["1", "Input and ServiceMesh"], ["2", "Annotations"], ["3", "Checks"], ["4", "Files and commands"], ["9", "Our own bugs"],
];

/** Every code on one page: what it says, why that matters, and which rule it keeps. */
export function writeCodesPage(examples: Examples): string {
  const sections = floors.map(([digit, title]) => {
    const own = codes.filter((code) => code.startsWith(`IZ${digit}`));
    return `## ${title}\n\n${own.map((code) => writeCode(code, examples)).join("\n")}`;
  });
  return `${header}# Codes

1xx input and ServiceMesh, 2xx annotations, 3xx checks, 4xx files and commands, 9xx our own bugs. \`istiomize explain IZ310\` prints one. A warning that is meant is acknowledged by the annotation \`accept\` or by \`spec.accept\`.

| code | severity | title |
|---|---|---|
${codes.map((code) => `| [${code}](${anchorOf(headingOf(code))}) | ${catalogue[code].severity} | ${cell(catalogue[code].title)} |`).join("\n")}

${sections.join("\n")}`;
}

function headingOf(code: Code): string {
  return `${code} ${catalogue[code].title}`;
}

function writeCode(code: Code, examples: Examples): string {
  const { severity, why } = catalogue[code];
  const example = examples[code];
  const rules = Object.entries(ruleBook).filter(([, row]) => row.codes?.[code] !== undefined);
  return [
    `### ${headingOf(code)}`, "", `**${severity}.** ${why}`, "",
    ...(example ? ["```text", example.message, "```", ""] : []),
    ...(example || rules.length > 0 || besideTheRules[code] !== undefined ? [facts([
      ["example of", example && `\`test/golden/${example.golden}\``],
      ["rule", rules.map(([rule, { says }]) => `[${rule}](../checks/README.md): ${cell(says)}`).join("<br>")],
      ["about", besideTheRules[code]],
      ["Istio's page", [...new Set(rules.map(([, { docs }]) => `<${istioPage(docs)}>`))].join("<br>")],
    ]), ""] : []),
  ].join("\n");
}
