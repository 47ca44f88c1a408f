import { asMapping, type KubeObject } from "../kube/object.ts";
import { isReadAsSomethingElse, type Finding } from "./finding.ts";

/**
 * Words without quotes that are a text to kustomize, and to kubectl and the API server, which read YAML 1.1, a boolean:
 * `version: on`. `isPlain` says whether the text at a path stands there without quotes, which whoever read the file knows.
 */
export function findTraps(object: KubeObject, isPlain: (path: readonly string[]) => boolean): readonly Finding[] {
  const found: Finding[] = [];
  const visit = (value: unknown, path: readonly string[]): void => {
    if (typeof value === "string") {
      if (!isReadAsSomethingElse(value) || !isPlain(path)) return;
      found.push({ kind: "type", path, found: `${value} without quotes, which kubectl reads as ${/^(y|yes|on|true)$/i.test(value) ? "true" : /^(n|no|off|false)$/i.test(value) ? "false" : "no text"}`, expects: "it in quotes", current: value, proposed: JSON.stringify(value), fix: { value: JSON.stringify(value) } });
    } else if (Array.isArray(value)) value.forEach((each, i) => visit(each, [...path, `[${i}]`]));
    else for (const [key, each] of Object.entries(asMapping(value) ?? {})) visit(each, [...path, key]);
  };
  visit(object, []);
  return found;
}
