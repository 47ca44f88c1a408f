import deepmerge from "deepmerge";
import { asMapping, equal, type Mapping } from "../kube/object.ts";

const replaceLists = { arrayMerge: (_: unknown[], nearer: unknown[]) => nearer };

/** `nearer` over `farther`, field by field; lists are replaced, `null` stays so that the reader can remove a field. */
export function mergeMappings(farther: Mapping, nearer: Mapping): Mapping {
  return deepmerge(farther as object, nearer as object, replaceLists) as Mapping;
}

/** The paths at which two mappings hold different values. */
export function findConflicts(a: Mapping, b: Mapping, path: readonly string[] = []): readonly (readonly string[])[] {
  return Object.keys(a).flatMap((key) => {
    if (!Object.hasOwn(b, key)) return [];
    const [left, right] = [asMapping(a[key]), asMapping(b[key])];
    if (left && right) return findConflicts(left, right, [...path, key]);
    return equal(a[key], b[key]) ? [] : [[...path, key]];
  });
}

/** Whether a path of keys leads to a value. */
export function holdsPath(mapping: Mapping, path: readonly string[]): boolean {
  let found: unknown = mapping;
  for (const key of path) {
    const step = asMapping(found);
    if (!step || !Object.hasOwn(step, key)) return false;
    found = step[key];
  }
  return true;
}
