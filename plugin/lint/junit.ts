import { describe } from "../../generators/kube/object.ts";
import { writePath } from "../../generators/diagnostics/diagnostic.ts";
import { isFailure, type Finding, type LintReport } from "./finding.ts";
import { writeText } from "../report/text.ts";

/**
 * Findings as JUnit XML, which every CI system reads: a suite for each file, a test case for each finding, and one that
 * passes for each file without any. What the run does not fail for is output of a case that passes.
 */
export function writeJunit(report: LintReport): string {
  const { findings, files } = report;
  const byFile = new Map<string, Finding[]>([...files].sort().map((file) => [file, []]));
  for (const finding of findings) {
    const file = finding.position?.file ?? "istiomize lint";
    byFile.set(file, [...(byFile.get(file) ?? []), finding]);
  }
  const suites = [...byFile].map(([file, own]) => writeSuite(file, own, report));
  const tests = [...byFile.values()].reduce((sum, own) => sum + Math.max(own.length, 1), 0);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="istiomize lint" tests="${tests}" failures="${countFailures(findings, report)}" errors="0">\n${suites.join("")}</testsuites>\n`;
}

function countFailures(findings: readonly Finding[], report: LintReport): number {
  return findings.filter((finding) => isFailure(finding, report)).length;
}

function writeSuite(file: string, findings: readonly Finding[], report: LintReport): string {
  const cases = findings.length === 0 ? [`    <testcase name="nothing found" classname="${escape(file)}" file="${escape(file)}"/>\n`] : findings.map((finding) => writeCase(file, finding, report));
  return `  <testsuite name="${escape(file)}" tests="${cases.length}" failures="${countFailures(findings, report)}" errors="0">\n${cases.join("")}  </testsuite>\n`;
}

function writeCase(file: string, finding: Finding, report: LintReport): string {
  const { code, title, severity, place, position } = finding;
  const where = place ? ` ${describe(place.ref)}${place.path.length > 0 ? ` ${writePath(place.path)}` : ""}` : "";
  const at = position?.line === undefined ? "" : ` line="${position.line}"`;
  const text = escape(writeText([finding]));
  const body = isFailure(finding, report) ? `<failure message="${escape(`${code} ${title}`)}" type="${severity}">${text}</failure>` : `<system-out>${text}</system-out>`;
  return `    <testcase name="${escape(`${code} ${title}:${where}`)}" classname="${escape(file)}" file="${escape(file)}"${at}>\n      ${body}\n    </testcase>\n`;
}

/** Characters that XML cannot hold, even escaped, become the sign for what is not known. */
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function escape(text: string): string {
  return text.replace(forbidden, "\ufffd").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
