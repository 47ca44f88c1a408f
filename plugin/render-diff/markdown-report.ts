import type { Difference, Section } from "./differences.ts";
import { isDifferent, summarize, type Preview } from "./report.ts";
import { nameObjects } from "./text-report.ts";
import { count, renderWords, writeValue } from "./words.ts";

/** What GitHub takes as a comment, in characters, with some room for a line around it. */
export const longestComment = 65_536 - 536;

const [mostOverlays, mostFields] = [100, 40];

/**
 * The preview for a pull request: a table of the overlays, then a part to unfold for each change that some of them share.
 * Where all of it is too long the fields are left out first, then objects from the end, and their count is told.
 */
export function writeMarkdownReport(preview: Preview, command: string): string {
  const head = writeHead(preview);
  for (const hasFields of [true, false]) {
    const text = head + preview.sections.map((section) => writeSection(section, section.differences.map((each) => writeDifference(each, hasFields)))).join("");
    const note = hasFields ? "" : `\nFields are left out, for the length of a comment: ${inCode(command)} shows them.\n`;
    if (text.length + note.length <= longestComment) return text + note;
  }
  return writeCut(head, preview.sections, command);
}

/** As many objects as fit. */
function writeCut(head: string, sections: readonly Section[], command: string): string {
  const end = (left: number): string => `\n${count(left, "change")} more, left out for the length of a comment: ${inCode(command)} shows them.\n`;
  let [text, left] = [head, sections.reduce((sum, { differences }) => sum + differences.length, 0)];
  for (const section of sections) {
    const shown: string[] = [];
    for (const difference of section.differences) {
      const written = writeSection(section, [...shown, writeDifference(difference, false)]);
      if (text.length + written.length + end(left).length > longestComment) break;
      shown.push(writeDifference(difference, false));
    }
    left -= shown.length;
    if (shown.length > 0) text += writeSection(section, shown);
    if (shown.length < section.differences.length) break;
  }
  return text + (left > 0 ? end(left) : "");
}

function writeHead({ revision, commit, overlays }: Preview): string {
  const title = `### What changes in the mesh\n\nAgainst ${inCode(revision)}${revision === commit ? "" : ` (${commit})`}: `;
  const failed = [...overlays.values()].some(({ state }) => state === "failed");
  const different = [...overlays].filter(([, result]) => isDifferent(result) || result.state === "failed");
  if (different.length === 0) return `${title}nothing, in ${count(overlays.size, "overlay")}.\n`;
  const same = [...overlays.keys()].filter((name) => !different.some(([other]) => other === name));
  const rows = different.slice(0, mostOverlays).map(([name, result]) => {
    const { text, risks } = summarize(result);
    return `| ${inCode(name)} | ${text}${risks > 0 ? ` | ⚠️ ${risks}` : " |"} |\n`;
  });
  const more = different.length > mostOverlays ? `\n${count(different.length - mostOverlays, "overlay")} more with changes.\n` : "";
  const rest = same.length === 0 ? "" : `\nNothing changes in ${same.slice(0, mostOverlays).map(inCode).join(", ")}${same.length > mostOverlays ? ` and ${same.length - mostOverlays} more` : ""}.\n`;
  return `${title}${different.length} of ${count(overlays.size, "overlay")}.${failed ? " What stopped a build stands in the log." : ""}\n\n| Overlay | What changes | Risks |\n|---|---|---|\n${rows.join("")}${more}${rest}`;
}

function writeSection({ overlays }: Section, differences: readonly string[]): string {
  const names = overlays.slice(0, 10).map(inCode).join(", ") + (overlays.length > 10 ? ` and ${overlays.length - 10} more` : "");
  return `\n<details><summary>${names}: ${count(differences.length, "change")}</summary>\n\n${differences.join("\n")}\n</details>\n`;
}

const signs = { added: "➕", changed: "", removed: "➖" } as const;
const levels = { risk: "⚠️ ", change: "", note: "ℹ️ " } as const;

function writeDifference({ kind, of, objects, effects, fields }: Difference, hasFields: boolean): string {
  const words = effects.map(({ level, text }) => `- ${levels[level]}${renderWords(text, inCode)}\n`).join("");
  const rows = fields.slice(0, mostFields).map(({ path, before, after }) => `| ${inCode(path)} | ${before === undefined ? "" : inCode(before)} | ${after === undefined ? "" : inCode(after)} |\n`).join("");
  const more = fields.length > mostFields ? `\n${fields.length - mostFields} more fields.\n` : "";
  const table = !hasFields || fields.length === 0 ? "" : `\n| Field | Before | After |\n|---|---|---|\n${rows}${more}`;
  return `${signs[kind] && `${signs[kind]} `}**${escape(of)}** ${nameObjects(objects, 20, inCode)}\n\n${words}${table}`;
}

/** Code that nothing in it can end: no mark of Markdown, no tag, no mention of a person or an issue is made of a value. */
function inCode(value: unknown): string {
  return `<code>${escape(writeValue(value))}</code>`;
}

/** Text in which every character that means something to Markdown, HTML or GitHub stands for itself. */
function escape(text: string): string {
  return text.replace(/[\\`*_{}[\]<>()#!|~@&$^=+]|:(?=\/\/)|(?<=www)\./g, (character) => `&#${character.codePointAt(0)};`);
}
