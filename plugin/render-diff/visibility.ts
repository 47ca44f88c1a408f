import { asList, equal, mappingAt, type KubeObject } from "../../generators/kube/object.ts";
import { code, listOf, type Effect } from "./words.ts";

/** Which namespaces see an object: it says nothing, or `*`, where all do. */
function exportOf(object: KubeObject): readonly string[] {
  const list = asList(mappingAt(object, "spec")["exportTo"]).filter((entry) => typeof entry === "string");
  return list.length === 0 || list.includes("*") ? ["*"] : list.toSorted();
}

/** `exportTo` narrowed or widened: what becomes of callers in the namespaces that no longer see it. */
export function describeExport(before: KubeObject | undefined, after: KubeObject | undefined, what: string, otherwise: string): readonly Effect[] {
  if (!before || !after) return [];
  const [was, is] = [exportOf(before), exportOf(after)];
  if (equal(was, is)) return [];
  const isNarrower = !is.includes("*") && (was.includes("*") || was.some((each) => !is.includes(each)));
  return [{ level: isNarrower ? "risk" : "change", text: `${what} hold for callers in ${name(is)}${is.includes("*") ? "" : " alone"} (before: ${name(was)})${isNarrower ? `; calls from elsewhere ${otherwise}` : ""}` }];
}

const words: { readonly [entry: string]: string } = { "*": "every namespace", ".": "its own namespace", "~": "no namespace" };

function name(entries: readonly string[]): string {
  return listOf(entries.map((entry) => words[entry] ?? `namespace ${code(entry)}`));
}
