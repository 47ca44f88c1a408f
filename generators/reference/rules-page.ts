import { besideTheRules, ruleBook, type RuleRow } from "../checks/rule-book.ts";
import { catalogue, type Code } from "../diagnostics/catalogue.ts";
import { anchorOf, cell, header, istioPage } from "./markdown.ts";

/** The rule book on one page: each rule, and how it is kept. */
export function writeRulesPage(): string {
  const rules = Object.entries(ruleBook).map(([rule, row]) => `| ${rule} | ${cell(row.says)} | ${cell(writeHow(row))} | [page](${istioPage(row.docs)}) |`);
  const beside = Object.entries(besideTheRules).map(([code, why]) => `| ${linkCode(code as Code)} | ${cell(catalogue[code as Code].title)} | ${cell(why)} |`);
  return `${header}# Rules

What holds in a mesh that works, and how istiomize sees to it. **By construction**: whatever the annotations say, what is made keeps the rule. **A code**: whoever breaks it is told, in objects of ours and in those that people wrote (\`istiomize lint\`). Behind each stands the golden in \`test/golden/\` that shows it.
P ports and Services, H hosts and who sees them, V routes, S subsets and policies, T timeouts and retries, M mutual TLS and authorization, K Kustomize.

| rule | in a mesh that works | how it is kept | Istio |
|---|---|---|---|
${rules.join("\n")}

## Checks beside the rules

| code | title | what it is about |
|---|---|---|
${beside.join("\n")}
`;
}

function writeHow({ construction, codes = {} }: RuleRow): string {
  const byConstruction = construction ? [`**by construction**: ${construction.how} (\`${construction.golden}\`)`] : [];
  const byCode = Object.entries(codes).map(([code, golden]) => `${linkCode(code as Code)} ${catalogue[code as Code].severity}: ${catalogue[code as Code].title} (\`${golden}\`)`);
  return [...byConstruction, ...byCode].join("<br>");
}

function linkCode(code: Code): string {
  return `[${code}](../diagnostics/README.md${anchorOf(`${code} ${catalogue[code].title}`)})`;
}
