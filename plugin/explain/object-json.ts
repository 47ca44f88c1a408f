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

/** A setting with every place that sets it, and the fields that it became. */
interface JsonSetting {
  /** Without the prefix, with the entry in it: `match.canary`. */
  readonly key: string;
  /** The row of the reference: `istiomize.dev/match.<dest>`. */
  readonly annotation: string;
  /** `port 8080`, `gateway public`, `route beta`, `subset canary`; not there where it holds for the whole object. */
  readonly scope?: string;
  /** The value that counts, as typed; null where none does. */
  readonly value: string | null;
  /** Nearest first. */
  readonly sources: readonly {
    /** `Service web`, `profile critical`, `spec.defaults`. */
    readonly level: string;
    readonly value: string;
    readonly status: "counts" | "overridden" | "removes" | "excluded" | "same";
    /** What excludes it. */
    readonly by?: string;
    readonly at: JsonPlace;
  }[];
  readonly became: readonly { readonly resource: ResourceRef; readonly field: string; /** With names of entries: `spec.http[default].timeout`. */ readonly shown: string; readonly value: unknown }[];
  /** Why it became nothing. */
  readonly why?: string;
}

/** A field of an object that was made or changed, and where it comes from. */
interface JsonField {
  readonly field: string;
  readonly shown: string;
  readonly value: unknown;
  /** In words. */
  readonly from: string;
  /** The setting that decided it, if one did. */
  readonly setting?: string;
  readonly at: JsonPlace;
}

/** One explanation as `--format json` gives it, in `objects` of `{version: 1, objects}`; fields are added in later versions, never taken away. */
interface JsonExplanation {
  /** What was read: a kustomization, a file, `<stdin>`. */
  readonly input: string;
  readonly resource: ResourceRef;
  readonly role: Explanation["role"];
  readonly earlierNames: Explanation["earlier"];
  readonly notes: readonly { readonly text: string; readonly at?: JsonPlace }[];
  readonly settings: readonly JsonSetting[];
  readonly objects: readonly { readonly resource: ResourceRef; /** Whether it was made, or is an object of the input that fields were written into. */ readonly isMade: boolean; readonly fields: readonly JsonField[] }[];
  readonly diagnostics: readonly { readonly code: string; readonly severity: string; readonly title: string }[];
}

export function toJson({ ref, role, earlier, notes, settings, objects, diagnostics }: Explanation, { name, placesOf }: Source): JsonExplanation {
  const at = (place: Place): JsonPlace => toPlace(place, placesOf(place));
  return {
    input: name, resource: ref, role, earlierNames: earlier,
    notes: notes.map(({ text, place }) => ({ text, ...(place && { at: at(place) }) })),
    settings: settings.map((setting) => toSetting(setting, at)),
    objects: objects.map(({ ref: resource, isMade, fields }) => ({ resource, isMade, fields: fields.map((field) => toField(field, at)) })),
    diagnostics: diagnostics.map(({ code, severity, title }) => ({ code, severity, title })),
  };
}

function toSetting({ key, name, scope, text, sources, became, why }: Resolved, at: (place: Place) => JsonPlace): JsonSetting {
  return {
    key, annotation: `istiomize.dev/${name}`, ...(scope !== undefined && { scope }), value: text ?? null,
    sources: sources.map(({ level, text: value, status, by, place }: Level) => ({ level, value, status, ...(by !== undefined && { by }), at: at(place) })),
    became: became.map(({ ref, shown, path, value }: Field) => ({ resource: ref, field: writePath(path), shown, value })),
    ...(why !== undefined && became.length === 0 && { why }),
  };
}

function toField({ shown, path, value, from, setting, place }: SourcedField, at: (place: Place) => JsonPlace): JsonField {
  return { field: writePath(path), shown, value, from, ...(setting !== undefined && { setting }), at: at(place) };
}

function toPlace({ ref, path }: Place, [first, ...over]: readonly Written[]): JsonPlace {
  return {
    resource: ref, field: writePath(path),
    ...(first && { file: first.position.file, line: first.position.line, column: first.position.column, ...(first.isPatch && { isPatch: true }) }),
    ...(over.length > 0 && { over: over.map(({ value, position }) => ({ ...(value !== undefined && { value }), file: position.file, line: position.line, column: position.column })) }),
  } as JsonPlace;
}
