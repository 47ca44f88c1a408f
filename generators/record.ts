import type { Diagnostic } from "./diagnostics/diagnostic.ts";
import { annotationPrefix, compareText, describe, mappingAt, refOf, warningsKey, type KubeObject, type ResourceRef } from "./kube/object.ts";
import type { Made, MeshContext } from "./mesh/context.ts";

/** The most that one object carries: enough to read, and little beside the object itself. */
const mostCharacters = 1000;

/**
 * `spec.argocd.recordWarnings`: each object with the warnings about itself, its Service and that one's workloads, a
 * line each, for who sees the objects and not what istiomize says. What is about neither goes nowhere.
 */
export function recordWarnings(made: readonly Made[], diagnostics: readonly Diagnostic[], context: MeshContext): readonly Made[] {
  const byRef = new Map<string, Set<string>>();
  for (const diagnostic of diagnostics.filter(({ severity }) => severity === "warning")) {
    for (const ref of [...(diagnostic.place ? [diagnostic.place.ref] : []), ...diagnostic.subjects]) {
      const key = describe(ref);
      byRef.set(key, (byRef.get(key) ?? new Set()).add(writeLine(diagnostic)));
    }
  }
  if (byRef.size === 0) return made;
  return made.map((each) => {
    const lines = new Set(refsOf(each, context).flatMap((ref) => [...(byRef.get(describe(ref)) ?? [])]));
    return lines.size === 0 ? each : { ...each, object: annotate(each.object, shorten([...lines].sort(compareText))) };
  });
}

/** The object, the Service or workload that it stands beside, and the workloads behind that Service. */
function refsOf({ object, beside }: Made, { known }: MeshContext): readonly ResourceRef[] {
  const behind = known.find(({ item }) => item === beside)?.workloads ?? [];
  return [refOf(object), ...(beside ? [refOf(beside.object)] : []), ...behind.map(({ workload }) => refOf(workload.item.object))];
}

function writeLine({ code, title, place, read, help }: Diagnostic): string {
  const key = place?.path.find((step) => step.startsWith(annotationPrefix));
  const found = [...(key === undefined || read?.includes(key) ? [] : [key]), ...(read === undefined ? [] : [read])];
  return `${code} ${[title, ...found].join(": ")}${help === undefined ? "" : ` → ${help}`}`.replaceAll(/\s+/g, " ");
}

/** As many whole lines as fit, and how many are left; where not even the first one fits, its beginning. */
function shorten(lines: readonly string[]): string {
  const whole = lines.join("\n");
  if (whole.length <= mostCharacters) return whole;
  const write = (count: number): string => [...lines.slice(0, count), `and ${lines.length - count} more`].join("\n");
  const kept = lines.findLastIndex((_, i) => write(i + 1).length <= mostCharacters) + 1;
  return kept > 0 ? write(kept) : `${lines[0]!.slice(0, mostCharacters - 20)}…${lines.length > 1 ? `\nand ${lines.length - 1} more` : ""}`;
}

function annotate(object: KubeObject, warnings: string): KubeObject {
  const metadata = mappingAt(object, "metadata");
  return { ...object, metadata: { ...metadata, annotations: { ...mappingAt(metadata, "annotations"), [warningsKey]: warnings } } };
}
