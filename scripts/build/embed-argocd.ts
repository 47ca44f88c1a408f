import type { Plugin } from "esbuild";
import { readArgocdTree } from "../../plugin/install/argocd-tree.ts";

/** Puts the texts of gitops/argocd into the place of the function that reads them from the repository. */
export const embedArgocd: Plugin = {
  name: "embed-argocd",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]plugin[\\/]install[\\/]argocd-tree\.ts$/ }, () => ({ contents: `const files = ${JSON.stringify(readArgocdTree())}; export const readArgocdTree = () => files;`, loader: "js" }));
  },
};
