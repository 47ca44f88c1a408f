import type { Explanation, ExplainedObject, Level, Note, Resolved, SourcedField } from "../../generators/explain.ts";
import type { Place } from "../../generators/diagnostics/diagnostic.ts";
import { writePath } from "../../generators/diagnostics/diagnostic.ts";
import { describe } from "../../generators/kube/object.ts";
import { oneLine, wrap, writeColumns, type Cell, type Layout } from "./columns.ts";
import type { Source, Written } from "./source.ts";

/** An object of a run, as people read it: what holds for it and why, then each field of what was made. */
export function writeExplanation({ ref, earlier, notes, settings, objects, diagnostics }: Explanation, { placesOf }: Source, layout: Layout): string {
  const at = (place: Place | undefined): string => (place ? writePlace(place, placesOf(place)) : "");
  const own = placesOf({ ref, path: ["metadata", "name"] })[0];
  const head = writeColumns([[{ text: describe(ref), style: "bold" }, { text: own ? writePosition(own) : "", style: "faint" }]], 0, layout);
  const before = earlier.map((each) => each.name).filter((each) => each !== ref.name);
  const about = [
    ...(before.length > 0 ? [{ text: `called ${[...new Set(before)].join(", ")} in its file` }] : []), ...notes,
    ...(diagnostics.length === 0 ? [] : [{ text: `the checks say of it: ${[...new Set(diagnostics.map(({ code, severity, title }) => `${severity} ${code} ${title}`))].join("; ")}` }]),
  ];
  return [
    ...head, ...about.flatMap((note) => writeNote(note, at, layout)),
    ...settings.flatMap((setting) => ["", ...writeSetting(setting, placesOf, layout)]),
    // What was asked for stands in the first line already.
    ...objects.flatMap((object) => ["", ...writeObject(object, at, layout).slice(object.isMade && describe(object.ref) === describe(ref) ? 1 : 0)]),
  ].join("\n") + "\n";
}

function writeNote({ text, place }: Note, at: (place: Place | undefined) => string, layout: Layout): readonly string[] {
  return wrap(`${text}${place ? ` (${at(place)})` : ""}`, 2, layout);
}

function writePosition({ position: { file, line, column } }: Written): string {
  return [file, line, column].filter((part) => part !== undefined).join(":");
}

/** The file and line of a place; where nothing has lines, the object and the field. */
function writePlace({ ref, path }: Place, found: readonly Written[]): string {
  return found[0] ? writePosition(found[0]) : `${describe(ref)}${path.length > 0 ? ` ${writePath(path)}` : ""}`;
}

/** The key as somebody writes it, behind its scope. */
function writeKey({ key, scope }: Resolved): string {
  return scope === undefined ? key : `${scope}: ${key}`;
}

const marks: { readonly [S in Level["status"]]: string } = { counts: "counts", overridden: "overridden", removes: "none: removes it", excluded: "excluded", same: "says the same" };

function writeSetting(resolved: Resolved, placesOf: Source["placesOf"], layout: Layout): readonly string[] {
  const { text, sources, became, why } = resolved;
  const head: readonly Cell[] = [{ text: writeKey(resolved), style: "bold" }, text === undefined ? { text: "none", style: "faint" } : { text: oneLine(text), shrinks: true }];
  const chain = sources.flatMap((level): readonly (readonly Cell[])[] => {
    const places = placesOf(level.place);
    const isOver = level.status === "overridden" || level.status === "excluded";
    const [first, ...below] = places;
    const mark = level.by === undefined ? marks[level.status] : `excluded by ${level.by}`;
    const rest = below.map((each): readonly Cell[] => [{ text: "  written over", style: "faint" }, { text: oneLine(each.value ?? ""), style: "faint", shrinks: true }, { text: writePosition(each), style: "faint" }]);
    return [[
      { text: level.level, ...(isOver && { style: "faint" as const }) }, { text: oneLine(level.text), shrinks: true, ...(isOver && { style: "struck" as const }) },
      { text: writePlace(level.place, places), style: "faint" },
      { text: `${mark}${first?.isPatch ? ", by a patch" : ""}`, style: level.status === "counts" ? "counts" : "faint" },
    ], ...rest];
  });
  const fields = groupFields(became);
  const result = fields.length > 0 ? writeFields(fields, layout)
    : wrap(`becomes  no field: ${why ?? "nothing is made that could hold it"}`, 2, layout);
  return [...writeColumns([head], 0, layout), ...writeColumns(chain, 2, layout), ...result];
}

/** Each field with its object; where the terminal is too narrow for that, the fields below their objects. */
function writeFields(fields: ReturnType<typeof groupFields>, layout: Layout): readonly string[] {
  const rows = fields.map((field, i): readonly Cell[] => [{ text: i === 0 ? "becomes" : "" }, { text: field.owner }, { text: field.shown, style: "info" }]);
  const widest = [0, 1, 2].reduce((sum, column) => sum + Math.max(...rows.map((row) => [...row[column]!.text].length)) + 2, 0);
  if (widest <= (layout.width ?? Infinity)) return writeColumns(rows, 2, layout);
  return [...new Set(fields.map(({ owner }) => owner))].flatMap((owner, i) => [
    ...wrap(`${i === 0 ? "becomes  " : "         "}${owner}`, 2, layout), ...fields.filter((field) => field.owner === owner && field.shown !== "").flatMap(({ shown }) => writeColumns([[{ text: shown, style: "info" }]], 13, layout)),
  ]);
}

/** The fields that a setting became, entries of lists without a name as one, those beyond the first ten as a count. */
function groupFields(became: Resolved["became"]): readonly { readonly owner: string; readonly shown: string }[] {
  const all = [...new Map(became.map(({ ref, shown }) => {
    const field = { owner: describe(ref), shown: shown.replace(/\[\d+\]/g, "[]") };
    return [`${field.owner} ${field.shown}`, field] as const;
  })).values()];
  return all.length <= 12 ? all : [...all.slice(0, 10), { owner: `and ${all.length - 10} more`, shown: "" }];
}

function writeObject({ ref, isMade, fields }: ExplainedObject, at: (place: Place | undefined) => string, layout: Layout): readonly string[] {
  const rows = fields.filter(({ path }) => path.length > 1).map((field: SourcedField): readonly Cell[] => [
    { text: field.shown, style: "info" }, { text: writeValue(field.value), shrinks: true }, { text: field.from, shrinks: true }, { text: at(field.place), style: "faint" },
  ]);
  return [...writeColumns([[{ text: describe(ref), style: "bold" }, { text: isMade ? "" : "what was written into it", style: "faint" }]], 0, layout), ...writeColumns(rows, 2, layout)];
}

function writeValue(value: unknown): string {
  return oneLine(typeof value === "string" ? value : JSON.stringify(value) ?? "", 60);
}
