import { asMapping, type Mapping } from "../kube/object.ts";

/**
 * The escape hatch: `patch` over what was generated. Mappings merge, `null` removes a field, lists whose entries have
 * a `name` (http rules, subsets) merge by it, and any other value replaces.
 */
export function applyPatch(target: Mapping, patch: Mapping): Mapping {
  const merged: { [key: string]: unknown } = { ...target };
  for (const [key, value] of Object.entries(patch)) {
    if (key === "__proto__") continue;
    if (value === null) delete merged[key];
    else merged[key] = mergeValue(merged[key], value);
  }
  return merged;
}

function mergeValue(target: unknown, patch: unknown): unknown {
  const [left, right] = [asMapping(target), asMapping(patch)];
  if (right) return left ? applyPatch(left, right) : patch;
  if (Array.isArray(target) && Array.isArray(patch) && patch.length > 0 && patch.every(isNamed)) return mergeNamed(target, patch);
  return patch;
}

function isNamed(entry: unknown): boolean {
  return typeof asMapping(entry)?.["name"] === "string";
}

function mergeNamed(target: readonly unknown[], patch: readonly unknown[]): readonly unknown[] {
  const nameOf = (entry: unknown): unknown => asMapping(entry)?.["name"];
  const kept = target.map((entry) => {
    const change = patch.find((each) => nameOf(each) === nameOf(entry));
    return change === undefined ? entry : mergeValue(entry, change);
  });
  return [...kept, ...patch.filter((each) => !target.some((entry) => nameOf(entry) === nameOf(each)))];
}
