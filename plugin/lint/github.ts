import { relative, resolve } from "node:path";
import { describe } from "../../generators/kube/object.ts";
import { writePath } from "../../generators/diagnostics/diagnostic.ts";
import type { Finding, LintReport } from "./finding.ts";

const commands = { error: "error", warning: "warning", info: "notice" } as const;

/**
 * Findings as commands of a GitHub workflow, which shows them beside the lines of a pull request. Paths count from the
 * checkout, wherever in it `lint` runs.
 * @see https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
export function writeGithub({ findings }: LintReport): string {
  const root = process.env["GITHUB_WORKSPACE"];
  return findings.map((finding) => writeCommand(finding, (file) => (root ? relative(root, resolve(file)) : file))).join("");
}

function writeCommand({ code, severity, title, place, position, read, expected, help }: Finding, fromRoot: (file: string) => string): string {
  const isPipe = position?.file.startsWith("<"); // no file of the repository
  const properties = [
    ...(position && !isPipe ? [
      ["file", fromRoot(position.file)], ["line", position.line], ["col", position.column], ["endLine", position.endLine],
      ["endColumn", position.endLine === position.line ? position.endColumn : undefined],
    ] : []),
    ["title", `${code} ${title}`],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${escapeProperty(String(value))}`]));
  const lines = [
    position && isPipe && [position.file, position.line, position.column].filter(Boolean).join(":"),
    place && `${describe(place.ref)}${place.path.length > 0 ? `, ${writePath(place.path)}` : ""}`,
    read && `read: ${read}`, expected && `expected: ${expected}`, help && `help: ${help}`,
  ].filter(Boolean);
  return `::${commands[severity]} ${properties.join(",")}::${escapeData(lines.join("\n"))}\n`;
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
