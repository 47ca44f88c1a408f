import { ruleBook } from "../../generators/checks/rule-book.ts";
import { catalogue, type Code } from "../../generators/diagnostics/catalogue.ts";
import { writePath } from "../../generators/diagnostics/diagnostic.ts";
import { compareText, describe } from "../../generators/kube/object.ts";
import { istioPage } from "../../generators/reference/markdown.ts";
import { currentOf, isFailure, type Finding, type LintReport } from "./finding.ts";

const levels = { error: "error", warning: "warning", info: "note" } as const;

/**
 * Findings as SARIF 2.1.0, which code scanning of GitHub, GitLab and others takes.
 * @see https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
 */
export function writeSarif(report: LintReport): string {
  const { findings, files } = report;
  const codes = [...new Set(findings.map(({ code }) => code))].sort(compareText);
  return `${JSON.stringify({
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [{
      tool: { driver: { name: "istiomize", version: ISTIOMIZE_VERSION, semanticVersion: ISTIOMIZE_VERSION, rules: codes.map(toRule) } },
      invocations: [{ executionSuccessful: true, exitCode: findings.some((finding) => isFailure(finding, report)) ? 1 : 0 }],
      originalUriBaseIds: { "%SRCROOT%": { description: { text: "the directory in which lint ran: the root of the repository" } } },
      columnKind: "utf16CodeUnits",
      results: findings.map((finding) => toResult(finding, codes, files)),
    }],
  }, null, 2)}\n`;
}

function toRule(code: Code): object {
  const { severity, title, why } = catalogue[code];
  const rules = Object.values(ruleBook).filter(({ codes }) => codes?.[code] !== undefined);
  const docs = (rules.find(({ codes = {} }) => Object.keys(codes)[0] === code) ?? rules[0])?.docs;
  return {
    id: code,
    name: title.split(/[^A-Za-z0-9]+/).map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join(""),
    shortDescription: { text: title },
    fullDescription: { text: why },
    help: { text: `${why}\n\nistiomize explain ${code}`, markdown: `${why}\n\n\`istiomize explain ${code}\`${docs === undefined ? "" : `\n\n[Istio's page](${istioPage(docs)})`}` },
    ...(docs !== undefined && { helpUri: istioPage(docs) }),
    defaultConfiguration: { level: levels[severity] },
  };
}

function toResult(finding: Finding, codes: readonly Code[], files: readonly string[]): object {
  const { code, severity, title, place, position, read, expected, help, builds, fingerprints } = finding;
  const file = position?.file ?? files[0];
  const current = currentOf(finding);
  const details = [["read", read], ["expected", expected], ["help", help]].flatMap(([label, text]) => (text === undefined ? [] : [`${label}: ${text}`]));
  const region = position?.line === undefined ? undefined : {
    startLine: position.line, ...(position.column !== undefined && { startColumn: position.column }),
    ...(position.endLine !== undefined && { endLine: position.endLine, endColumn: position.endColumn }),
  };
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: levels[severity],
    message: { text: [title, ...details].join("\n") },
    locations: [{
      ...(file !== undefined && { physicalLocation: { artifactLocation: artifactOf(file), ...(region && { region }) } }),
      ...(place && { logicalLocations: [{ name: place.ref.name, fullyQualifiedName: `${describe(place.ref)}${place.path.length > 0 ? ` ${writePath(place.path)}` : ""}`, kind: "resource" }] }),
    }],
    partialFingerprints: { "istiomize/v1": fingerprints[0]! },
    properties: { ...(current !== undefined && { currentValue: current }), ...(finding.proposed !== undefined && { proposedValue: finding.proposed }), ...(builds.length > 0 && { builds }) },
  };
}

/** A file of the repository by its path from the root; a pipe has none. */
function artifactOf(file: string): object {
  return { uri: file.split(/[/\\]/).map(encodeURIComponent).join("/"), ...(!file.startsWith("<") && { uriBaseId: "%SRCROOT%" }) };
}
