import type { Explanation, Field, Level, Resolved, SourcedField } from "../../generators/explain.ts";
import { writePath, type Place } from "../../generators/diagnostics/diagnostic.ts";
import type { ResourceRef } from "../../generators/kube/object.ts";
import type { Source, Written } from "./source.ts";

/** A place as `--format json` gives it: the object and the field, and where that stands. Lines and columns count from 1. */
interface JsonPlace {
  readonly resource: ResourceRef;
  /** Such as `metadata.annotations.istiomize.dev/timeout`. */
  readonly field: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** Whether a patch writes it. */
  readonly isPatch?: boolean;
  /** What that is written over, nearest first. */
  readonly over?: readonly { readonly value?: string; readonly file: string; readonly line?: number; readonly column?: number }[];
}

/** One explanation as `--format json` gives it; fields are added in later versions, never taken away. */
export function toJson({ ref, role, earlier, notes, settings, objects, diagnostics }: Explanation, { name, placesOf }: Source): object {
  const at = (place: Place): JsonPlace => toPlace(place, placesOf(place));
  return {
    input: name, resource: ref, role, earlierNames: earlier,
    notes: notes.map(({ text, place }) => ({ text, ...(place && { at: at(place) }) })),
    settings: settings.map((setting) => toSetting(setting, at)),
    objects: objects.map(({ ref: resource, isMade, fields }) => ({ resource, isMade, fields: fields.map((field) => toField(field, at)) })),
    diagnostics: diagnostics.map(({ code, severity, title }) => ({ code, severity, title })),
  };
}

function toSetting({ key, name, scope, text, sources, became, why }: Resolved, at: (place: Place) => JsonPlace): object {
  return {
    key, annotation: `istiomize.dev/${name}`, ...(scope !== undefined && { scope }), value: text ?? null, isSet: text !== undefined,
    sources: sources.map(({ level, text: value, status, by, place }: Level) => ({ level, value, status, ...(by !== undefined && { by }), at: at(place) })),
    became: became.map(({ ref, shown, path, value }: Field) => ({ resource: ref, field: writePath(path), shown, value })),
    ...(why !== undefined && became.length === 0 && { why }),
  };
}

function toField({ shown, path, value, from, setting, place }: SourcedField, at: (place: Place) => JsonPlace): object {
  return { field: writePath(path), shown, value, from, ...(setting !== undefined && { setting }), at: at(place) };
}

function toPlace({ ref, path }: Place, [first, ...over]: readonly Written[]): JsonPlace {
  return {
    resource: ref, field: writePath(path),
    ...(first && { file: first.position.file, line: first.position.line, column: first.position.column, ...(first.isPatch && { isPatch: true }) }),
    ...(over.length > 0 && { over: over.map(({ value, position }) => ({ ...(value !== undefined && { value }), file: position.file, line: position.line, column: position.column })) }),
  } as JsonPlace;
}
