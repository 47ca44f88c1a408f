import { ownersOf } from "../../generators/mesh/sources.ts";
import { asMapping, describe, type KubeObject } from "../../generators/kube/object.ts";
import type { FileChange } from "../write/change.ts";
import { writeScalar } from "../write-yaml.ts";
import type { Finding } from "./finding.ts";
import { applyEdits, mend, type Edit, type Mechanical } from "./mend.ts";
import type { Span } from "../written/written.ts";

/** What `--fix` would write, and which findings that mends. */
export interface Fixes {
  readonly changes: readonly FileChange[];
  readonly fixed: readonly Finding[];
  /** Findings with a mechanical fix in a place that is not changed from here, and why. */
  readonly left: readonly { readonly finding: Finding; readonly why: string }[];
}

/**
 * The mechanical change of a finding: the one that it names, or for a value that nothing reads as it is the value that
 * it proposes. What would change a mesh that works is left to people.
 */
export function fixOf({ fix, code, severity, proposed, place }: Finding): Mechanical | undefined {
  if (fix) return code !== "IZ202" || isCertain(place?.path.at(-1) ?? "", fix.rename ?? "") ? fix : undefined;
  return proposed !== undefined && severity === "error" ? { value: writeScalar(proposed), isText: true } : undefined;
}

/** Whether a name can only mean this other one: written differently, in Istio's spelling, or one letter off. */
function isCertain(written: string, meant: string): boolean {
  const [plain, wanted] = [written, meant].map((name) => name.replace(/^istiomize\.dev\//, "").toLowerCase().replaceAll(/[^a-z0-9]/g, ""));
  if (plain === wanted || /[A-Z]/.test(written)) return true;
  const [long, short] = plain!.length >= wanted!.length ? [plain!, wanted!] : [wanted!, plain!];
  let start = 0;
  while (start < short.length && long[start] === short[start]) start++;
  const rest = long.length === short.length ? short.slice(start + 1) : short.slice(start);
  return long.length - short.length <= 1 && (long.slice(start + 1) === rest || (long[start] === short[start + 1] && long[start + 1] === short[start] && long.slice(start + 2) === short.slice(start + 2)));
}

/** Plans all mechanical fixes that do not touch each other; what they leave over is mended by another run. */
export function planFixes(findings: readonly Finding[]): Fixes {
  const byFile = new Map<string, { readonly finding: Finding; readonly fix: Mechanical; readonly span: Span }[]>();
  const left: { finding: Finding; why: string }[] = [];
  for (const finding of findings) {
    const fix = fixOf(finding);
    if (!fix) continue;
    const why = whyLeft(finding);
    if (why !== undefined) {
      left.push({ finding, why });
      continue;
    }
    const span = finding.span!;
    const list = byFile.get(span.source.path!);
    if (list) list.push({ finding, fix, span });
    else byFile.set(span.source.path!, [{ finding, fix, span }]);
  }
  const changes: FileChange[] = [];
  const fixed: Finding[] = [];
  for (const [path, wanted] of byFile) {
    const { text: before } = wanted[0]!.span.source;
    const edits: Edit[] = [];
    for (const { finding, fix, span } of wanted) {
      const planned = mend(span.written.yaml, span.path, fix)?.map(({ from, to, text }): Edit => ({ from: span.written.toOffset(from), to: span.written.toOffset(to), text }));
      const isFree = planned?.every((edit) => edits.every((other) => edit.to < other.from || edit.from > other.to));
      if (planned && isFree) {
        edits.push(...planned);
        fixed.push(finding);
      } else left.push({ finding, why: "it is written in a way that cannot be changed in place" });
    }
    if (edits.length > 0) changes.push({ path, before, after: applyEdits(before, edits) });
  }
  return { changes, fixed, left };
}

function whyLeft({ span, place }: Finding): string | undefined {
  if (!span) return "it does not stand in a file of this tree";
  if (span.source.path === undefined) return span.source.why ?? "it does not stand in a file";
  const object = asMapping(span.written.object);
  if (object && ownersOf(object as KubeObject)) return `${place ? describe(place.ref) : "its object"} is generated`;
  return span.isExact ? undefined : "it is written in a way that cannot be changed in place";
}
