import { findTool } from "../tree/tool.ts";

/** A word of a command line, in quotes where a shell would take it apart. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** How people build with what is on their machine; kustomize where there is nothing, for then they have to install something anyway. */
export function buildCommand(): "kustomize build" | "kubectl kustomize" {
  return findTool()?.isKubectl ? "kubectl kustomize" : "kustomize build";
}
