/**
 * What a value in an Istio object may be, as Istio's CRDs say it. A string is a plain type (`string`, `boolean`,
 * `integer`, `number`, `duration`, `any`) or, behind `#`, the name of a definition that several places share.
 */
export type Schema = string | ObjectSchema | ListSchema | MapSchema | LeafSchema;

/** A mapping whose keys Istio knows. */
export interface ObjectSchema {
  readonly fields: { readonly [name: string]: Schema };
  readonly required?: readonly string[];
  /** Of each group at most one field may be set. */
  readonly groups?: readonly (readonly string[])[];
  /** First Istio that knows a field, where that is newer than the oldest one we know. */
  readonly since?: { readonly [field: string]: string };
}

export interface ListSchema {
  readonly items: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  /** Fields by whose values an entry is told from the others. */
  readonly keys?: readonly string[];
}

/** A mapping with keys of the user's own. */
export interface MapSchema {
  readonly values: Schema;
  readonly minProperties?: number;
  readonly maxProperties?: number;
}

export interface LeafSchema {
  readonly type: "string" | "integer" | "number";
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: "byte";
  /** First Istio that knows a word of `enum`. */
  readonly since?: { readonly [word: string]: string };
}

/** One kind of object, named by group and kind. */
export interface KindSchema {
  /** Served versions, the one to write first. */
  readonly versions: readonly string[];
  /** First Istio that has the kind (under an empty name) or one of its versions. */
  readonly since?: { readonly [version: string]: string };
  /** An object without a `spec` is refused. */
  readonly needsSpec?: true;
  readonly spec: Schema;
}
