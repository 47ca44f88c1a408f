import type { Type } from "js-yaml";

declare module "js-yaml" {
  /** The single types that schemas are made of; exported since 4.1, not yet in @types/js-yaml. */
  export const types: { readonly merge: Type; readonly binary: Type; readonly omap: Type; readonly pairs: Type; readonly set: Type };
}
