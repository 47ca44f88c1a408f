import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The tree for Argo CD as it stands in the repository, texts by path. The examples stay out: they build overlays of
 * the repository. In the bundle scripts/build/embed-argocd.ts puts the texts in the place of this function.
 */
export function readArgocdTree(): { readonly [path: string]: string } {
  const root = fileURLToPath(new URL("../../gitops/argocd/", import.meta.url));
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map(({ parentPath, name }) => relative(root, join(parentPath, name)).split(sep).join("/"));
  return Object.fromEntries(files.filter((file) => !/^examples\/|(^|\/)\./.test(file)).sort().map((file) => [file, readFileSync(join(root, file), "utf8")]));
}
