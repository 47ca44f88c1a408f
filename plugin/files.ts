import type { Diagnostic } from "../generators/diagnostics/diagnostic.ts";
import { sortDiagnostics } from "../generators/diagnostics/diagnostic.ts";
import { describe, describeObject, stringsAt, type KubeObject } from "../generators/kube/object.ts";
import type { Input } from "./input.ts";

/** Adds the file of what a diagnostic speaks of: the path that kpt names, or the origin that kustomize wrote down. */
export function addFiles(diagnostics: readonly Diagnostic[], input: Input): readonly Diagnostic[] {
  if (diagnostics.every(({ position, place }) => position || !place)) return diagnostics;
  const files = new Map(input.leaves.flatMap(({ item }): [string, string][] => {
    const file = originOf(item.object) ?? item.path;
    return file === undefined ? [] : [[describeObject(item.object), file]];
  }));
  return files.size === 0 ? diagnostics : sortDiagnostics(diagnostics.map((diagnostic) => {
    const file = diagnostic.place && !diagnostic.position ? files.get(describe(diagnostic.place.ref)) : undefined;
    return file === undefined ? diagnostic : { ...diagnostic, position: { file } };
  }));
}

/** The file that kustomize read an object from, with `buildMetadata: [originAnnotations]`. */
export function originOf(object: KubeObject): string | undefined {
  const text = stringsAt(object, "metadata", "annotations")["config.kubernetes.io/origin"];
  return text === undefined ? undefined : /^(?:path|configuredIn): (.+)$/m.exec(text)?.[1];
}
