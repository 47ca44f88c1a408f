import type { Difference } from "./differences.ts";
import type { FieldChange } from "./fields.ts";
import { summarize, type Preview } from "./report.ts";
import { count, renderWords, writeValue } from "./words.ts";

const signs = { added: { sign: "+", colour: "32" }, changed: { sign: "~", colour: "33" }, removed: { sign: "-", colour: "31" } } as const;
const levels = { risk: { sign: "!", colour: "31" }, change: { sign: "•", colour: "36" }, note: { sign: "·", colour: "2" } } as const;

/** Fields of one object that are shown, and objects that are named. */
const [mostFields, mostNames] = [40, 20];

/** The preview for a terminal: a line for each overlay, then what happens to each object, in words and field by field. */
export function writeTextReport({ revision, commit, overlays, sections }: Preview, isColoured: boolean): string {
  const paint = (text: string, colour: string): string => (isColoured ? `\u001b[${colour}m${text}\u001b[0m` : text);
  const width = Math.max(...[...overlays.keys()].map((name) => name.length));
  const summary = [...overlays].map(([name, result]) => {
    const { text, risks } = summarize(result);
    return `  ${name.padEnd(width)}  ${text}${risks > 0 ? paint(`; ${count(risks, "risk")}`, "31") : ""}`;
  });
  const body = sections.flatMap((section) => ["", paint(section.overlays.join(", "), "1"), ...section.differences.flatMap((difference) => ["", ...writeDifference(difference, paint)])]);
  return `${[`Against ${writeValue(revision)}${revision === commit ? "" : ` (${commit})`}`, ...summary, ...body].join("\n")}\n`;
}

type Paint = (text: string, colour: string) => string;

function writeDifference({ kind, of, objects, effects, fields }: Difference, paint: Paint): readonly string[] {
  const { sign, colour } = signs[kind];
  const shown = fields.slice(0, mostFields).map((field) => writeField(field, paint));
  return [
    `  ${paint(sign, colour)} ${of} ${nameObjects(objects, mostNames, (name) => paint(name, "1"))}`,
    ...effects.map(({ level, text }) => `      ${paint(levels[level].sign, levels[level].colour)} ${renderWords(text, (value) => value)}`),
    ...shown,
    ...(fields.length > shown.length ? [`      and ${fields.length - shown.length} more fields`] : []),
  ];
}

/** `web, cart (2 replicas) and 3 more in shop`, with the namespace where it is one of several objects' own. */
export function nameObjects(objects: Difference["objects"], most: number, paint: (name: string) => string): string {
  const namespaces = new Set(objects.map(({ namespace }) => namespace));
  const common = namespaces.size === 1 && objects.length > 1 ? [...namespaces][0]! : "";
  const names = objects.slice(0, most).map(({ name, namespace, replicas }) => `${paint(`${namespace === "" || common !== "" ? "" : `${namespace}/`}${name}`)}${replicas === undefined ? "" : ` (${count(replicas, "replica")})`}`);
  return `${names.join(", ")}${objects.length > most ? ` and ${objects.length - most} more` : ""}${common === "" ? "" : ` in ${paint(common)}`}`;
}

function writeField({ path, before, after }: FieldChange, paint: Paint): string {
  const name = paint(writeValue(path), "2");
  if (before === undefined) return `      ${name}  ${paint(`+ ${writeValue(after)}`, "32")}`;
  if (after === undefined) return `      ${name}  ${paint(`- ${writeValue(before)}`, "31")}`;
  return `      ${name}  ${paint(writeValue(before), "31")} → ${paint(writeValue(after), "32")}`;
}
