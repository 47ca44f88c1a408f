import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { asMapping, asText } from "../../generators/kube/object.ts";
import { findAllOnPath } from "../tree/on-path.ts";
import { inParallel, runProgram, type Ended } from "./program.ts";

/** A program that is on PATH. */
export interface FoundTool {
  readonly name: ToolName;
  readonly path: string;
  /** As it says itself, without a leading `v`; `?` where it says nothing that can be read. */
  readonly version: string;
  /** Of kubectl: the kustomize inside. */
  readonly inside?: string;
  /** Others of that name behind it on PATH. */
  readonly others: readonly { readonly path: string; readonly version: string }[];
}

const asks = {
  kustomize: ["version"],
  kubectl: ["version", "--client", "-o", "json"],
  helm: ["version", "--short"],
  kpt: ["version"],
  docker: ["--version"],
  node: ["--version"],
} as const;
export type ToolName = keyof typeof asks;
export const toolNames = Object.keys(asks) as readonly ToolName[];

/** The tools that istiomize works with, as far as they are here. */
export async function findTools(): Promise<readonly FoundTool[]> {
  const found = toolNames.map((name) => ({ name, files: findAllOnPath(name).filter(({ isExecutable }) => isExecutable) })).filter(({ files }) => files.length > 0);
  const asked = await inParallel(found.flatMap(({ name, files }) => files.map(({ path }) => ({ name, path }))), 4, async ({ name, path }) => ({ name, path, ...readVersion(name, await runProgram(path, asks[name])) }));
  return found.map(({ name }): FoundTool => {
    const [first, ...others] = asked.filter((each) => each.name === name);
    return { ...first!, others: others.map(({ path, version }) => ({ path, version })) };
  });
}

/** kustomize says `v5.8.1` or `{kustomize/v5.0.3 2023-…}`; helm `v3.15.2+g1a500d5`; kubectl gives JSON. */
function readVersion(name: ToolName, { stdout }: Ended): { readonly version: string; readonly inside?: string } {
  const plain = (text: string | undefined): string => /\d+\.\d+(?:\.\d+)?[\w.-]*/.exec(text ?? "")?.[0] ?? "?";
  if (name !== "kubectl") return { version: stdout.trim() === "(devel)" ? "(devel)" : plain(stdout) };
  try {
    const answer = asMapping(JSON.parse(stdout));
    const inside = asText(answer?.["kustomizeVersion"]);
    return { version: plain(asText(asMapping(answer?.["clientVersion"])?.["gitVersion"])), ...(inside !== undefined && { inside: plain(inside) }) };
  } catch {
    return { version: "?" };
  }
}

/** Which kustomize runs, where several are on PATH and differ. */
export function checkTools(tools: readonly FoundTool[]): readonly Diagnostic[] {
  const kustomize = tools.find(({ name }) => name === "kustomize");
  const others = kustomize?.others.filter(({ version }) => version !== kustomize.version) ?? [];
  const show = ({ path, version }: { readonly path: string; readonly version: string }): string => `${path} (${version})`;
  return kustomize && others.length > 0 ? [diagnose("IZ460", undefined, { used: show(kustomize), others: others.map(show) })] : [];
}

/** Whether one version is older than another, number by number. */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split(".").map((part) => Number.parseInt(part, 10) || 0));
  const at = b!.findIndex((part, i) => part !== (a![i] ?? 0));
  return at >= 0 && (a![at] ?? 0) < b![at]!;
}
