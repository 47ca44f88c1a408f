import { countPods } from "./security.ts";
import type { Comparison, Section } from "./differences.ts";
import { count } from "./words.ts";

/** What became of an overlay; what it builds on both sides is compared where it is built on both. */
export type OverlayResult =
  | { readonly state: "compared" | "new" | "gone"; readonly comparison: Comparison }
  | { readonly state: "same" }
  | { readonly state: "failed"; readonly side: "now" | "then" };

/** A comparison of all overlays, as a report shows it. */
export interface Preview {
  /** The revision as it was written, and the commit that it is. */
  readonly revision: string;
  readonly commit: string;
  readonly overlays: ReadonlyMap<string, OverlayResult>;
  readonly sections: readonly Section[];
}

/** `3 objects change, 1 is new; 2 workloads (8 replicas) restart`, and how many risks are among it. */
export function summarize(result: OverlayResult): { readonly text: string; readonly risks: number } {
  if (result.state === "same") return { text: "nothing changes", risks: 0 };
  if (result.state === "failed") return { text: result.side === "now" ? "cannot be built" : "could not be built at that revision", risks: 0 };
  const { differences, restarted } = result.comparison;
  const of = (kind: "added" | "changed" | "removed"): number => differences.filter((each) => each.kind === kind).reduce((sum, { objects }) => sum + objects.length, 0);
  const [changed, added, removed] = [of("changed"), of("added"), of("removed")];
  const counts = [
    ...(changed > 0 ? [count(changed, "object changes", "objects change")] : []),
    ...(added > 0 ? [count(added, "object is new", "objects are new")] : []),
    ...(removed > 0 ? [count(removed, "object is gone", "objects are gone")] : []),
  ];
  const overlay = { new: "a new overlay: ", gone: "the overlay is gone: ", compared: "" }[result.state];
  const pods = restarted.length > 0 ? `; ${countPods(restarted)} ${restarted.length === 1 ? "restarts" : "restart"}` : "";
  const risks = differences.flatMap(({ effects }) => effects).filter(({ level }) => level === "risk").length;
  return { text: counts.length === 0 ? `${overlay}nothing ${overlay === "" ? "changes" : "of the mesh is in it"}` : overlay + counts.join(", ") + pods, risks };
}

export function isDifferent(result: OverlayResult): boolean {
  return "comparison" in result && result.comparison.differences.length > 0;
}
