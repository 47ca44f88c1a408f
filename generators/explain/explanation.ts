import type { SettingName } from "../annotations/table.ts";
import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import type { EarlierName, ResourceRef } from "../kube/object.ts";

/** What an object is to istiomize. */
export type Role = "service" | "workload" | "namespace" | "generated" | "hand-written" | "other";

/** Everything there is to say about one object: what holds for it, why, and what was made of it. */
export interface Explanation {
  readonly ref: ResourceRef;
  readonly role: Role;
  /** What it was called before a prefix, suffix or namespace. */
  readonly earlier: readonly EarlierName[];
  readonly notes: readonly Note[];
  readonly settings: readonly Resolved[];
  readonly objects: readonly ExplainedObject[];
  /** What the checks say about it and about what was made of it. */
  readonly diagnostics: readonly Diagnostic[];
}

/** A sentence, and where what it speaks of stands. */
export interface Note {
  readonly text: string;
  readonly place?: Place;
}

/** One setting with everything that was written for it. */
export interface Resolved {
  readonly name: SettingName;
  /** Its name without the prefix, with the entry in it: `timeout`, `match.canary`. */
  readonly key: string;
  /** What it is narrowed to: `port 8080`, `gateway public`, `route beta`, `subset canary`. */
  readonly scope?: string;
  /** The value that counts, as typed; nothing where none does. */
  readonly text?: string;
  /** Nearest first. */
  readonly sources: readonly Level[];
  /** The fields that it became. */
  readonly became: readonly Field[];
  /** Why it became no field. */
  readonly why?: string;
}

/** One place where a setting was written. */
export interface Level {
  /** `Service web`, `Namespace shop`, `spec.targets.cache`, `profile critical`, `spec.defaults`. */
  readonly level: string;
  /** The value as typed. */
  readonly text: string;
  readonly place: Place;
  readonly status: "counts" | "overridden" | "removes" | "excluded" | "same";
  /** What excludes it. */
  readonly by?: string;
}

/** A field of an object that was made or changed. */
export interface Field {
  readonly ref: ResourceRef;
  readonly path: readonly string[];
  /** The path as people read it: `spec.http[default].timeout`. */
  readonly shown: string;
  readonly value: unknown;
}

/** A field, and where it comes from. */
export interface SourcedField extends Field {
  /** In words: `timeout on Service web`, `port 80 (http) of Service web`. */
  readonly from: string;
  readonly place: Place;
  /** The setting that decided it, if one did. */
  readonly setting?: string;
}

export interface ExplainedObject {
  readonly ref: ResourceRef;
  /** Whether it was made, or is an object of the input that fields were written into. */
  readonly isMade: boolean;
  readonly fields: readonly SourcedField[];
}
