import { relative } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { asList, asText } from "../../generators/kube/object.ts";
import { runsMesh, type Kustomization } from "./tree.ts";

/**
 * Kustomizations that rename what one below them has already meshed: kustomize changes the names of the Services and
 * leaves the hosts of rules as they are, unless `configurations` name them. Outermost first, as `walkKustomizations` gives them.
 */
export function findRenaming(tree: readonly Kustomization[]): readonly Diagnostic[] {
  if (tree[0] && runsMesh(tree[0])) return []; // it makes the objects anew, from the final names
  const at = new Map(tree.map((node) => [node.directory, node]));
  const findMeshed = (node: Kustomization): Kustomization | undefined =>
    node.bases.map((base) => at.get(base)).filter((base) => base !== undefined).map((base) => (runsMesh(base) ? base : findMeshed(base))).find((found) => found !== undefined);
  return tree.flatMap((node) => {
    const renames = (["namePrefix", "nameSuffix"] as const).flatMap((field) => (asText(node.content[field]) ? [`${field}: ${asText(node.content[field])}`] : []));
    const meshed = renames.length === 0 || asList(node.content["configurations"]).length > 0 || runsMesh(node) ? undefined : findMeshed(node);
    if (!meshed) return [];
    const line = node.text.split("\n").findIndex((text) => /^name(Prefix|Suffix):/.test(text)) + 1;
    return [diagnose("IZ441", undefined, { renames, meshed: relative(node.directory, meshed.directory) }, { position: { file: relative(process.cwd(), node.file), ...(line > 0 && { line }) } })];
  });
}
