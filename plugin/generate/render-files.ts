import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { basename, resolve } from "node:path";
import { runFunction, type FunctionOutput } from "../krm.ts";
import type { RunOptions } from "../run.ts";
import { learnEarlierNames } from "../tree/origins.ts";
import { findKustomization, holdsMesh, texts, type Kustomization } from "../tree/tree.ts";
import { startBuild, type Build, type Tool } from "../tree/tool.ts";
import { readFileSync } from "node:fs";
import { isLocalMesh, patchesOf } from "./check.ts";
import { isOwned, mayBeOwned, referencesFile } from "./ownership.ts";
import { readTree, shown, type SourceTree } from "./source.ts";
import { Wanted } from "./wanted.ts";
import { makeWorkspace, type Workspace } from "./workspace.ts";

/** Whether kustomizations are in the files layout: generated files stand there, or a ServiceMesh that stays in them. */
export function isMaterialised(kustomizations: readonly Kustomization[]): boolean {
  const read = (file: string): string => readFileSync(file, "utf8");
  return kustomizations.some((node) => [...node.resources, ...node.transformers].some((file) => {
    const text = read(file);
    return (mayBeOwned(file) && isOwned(text)) || (holdsMesh(text) && isLocalMesh(text));
  }) || patchesOf(node, read).some(({ text }) => isLocalMesh(text)));
}

/** The build that a rendering starts from, or what kustomize says against it, with the paths of the tree. */
export type Rendering = { readonly output: FunctionOutput } | { readonly failed: Build };

/**
 * Renders a kustomization of the files layout: as people wrote it, without generated files and lines, and with its
 * ServiceMesh in the build. Files out of date change nothing about that.
 */
export async function renderFiles(tool: Tool, directory: string, flags: readonly string[], options: RunOptions, temporary: string): Promise<Rendering> {
  const tree = readTree(directory);
  const workspace = makeWorkspace(tree, temporary, originalTexts(tree));
  const wrapper = workspace.wrap(tree.root, { origins: false });
  const build = await startBuild(tool, wrapper, flags);
  if (build.code !== 0) return { failed: inTree(build, tool, workspace, wrapper, tree.root) };
  const run = { text: build.stdout, name: directory, isFiles: true, ...options };
  const output = await runFunction(run);
  if (!output.usedNames) return { output };
  return { output: await runFunction({ ...run, knowledge: await learnEarlierNames(tool, workspace.toCopy(tree.root), flags, temporary) }) };
}

/**
 * The files that are other than on disk where nothing of istiomize's is in them; nothing for a file that goes. Only the
 * name references stay, because the hosts in people's own rules follow them too.
 */
export function originalTexts(tree: SourceTree): ReadonlyMap<string, string | undefined> {
  const bare = new Wanted(tree);
  for (const { directory, content } of tree.nodes.values()) {
    if (texts(content["configurations"]).some((entry) => basename(entry) === referencesFile && tree.owned.has(resolve(directory, entry)))) bare.addReferences(directory);
  }
  const changed = new Map<string, string | undefined>([...tree.owned.keys()].filter((file) => basename(file) !== referencesFile).map((file) => [file, undefined]));
  for (const { directory, file, text, resources } of tree.nodes.values()) {
    const original = bare.kustomizationOf(directory);
    if (original !== text) changed.set(file, original);
    for (const resource of resources) if (!tree.owned.has(resource) && tree.original(resource) !== tree.read(resource)) changed.set(resource, tree.original(resource));
  }
  return changed;
}

/** A failed build with the paths of the tree instead of those of its copy. */
export function inTree(build: Build, tool: Tool, workspace: Pick<Workspace, "toCopy" | "common">, wrapper: string, target: string): Build {
  const command = `${tool.isKubectl ? "kubectl kustomize" : "kustomize build"} ${shown(target)}`;
  const nested = /(?:accumulat(?:ing|e) resources: )?accumulation err='accumulating resources from '[^']*': |accumulating resources from '[^']*': |'[^']*' must resolve to a file': |recursed accumulation of path '[^']*': /g;
  const stderr = build.stderr.replaceAll(workspace.toCopy(target), shown(resolve(target))).replace(new RegExp(`${escape(workspace.toCopy(workspace.common))}/?`, "g"), `${shown(workspace.common)}/`)
    .replaceAll(wrapper, shown(target)).replace(/: must build at directory: .*$/s, "").replace(nested, "");
  return { ...build, command, stderr };
}

/** A build that failed, as a diagnostic. */
export function describeBuild({ command, code, stderr }: Build, { file }: { readonly file: string }): Diagnostic {
  const message = stderr.trim().replace(/^error: /i, "") || `exit code ${code}`;
  const named = /path '([^']+)'/.exec(message)?.[1];
  return diagnose("IZ402", undefined, { command, message }, { position: { file: shown((named !== undefined && findKustomization(named)) || file) } });
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
