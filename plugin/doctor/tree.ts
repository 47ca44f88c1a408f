import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { readTree, shown } from "../generate/source.ts";
import { lookAt } from "../tree/tree.ts";
import { inspectArgoCd, type Deployed } from "./argocd.ts";
import { inspectFlux } from "./flux.ts";
import type { Machine } from "./machine.ts";
import { readManifests } from "./manifests.ts";
import { checkModes, modeNames, modeOf, nameOfTarget, type TreeMode } from "./modes.ts";
import type { Mode, Probed } from "./probes.ts";
import type { FoundTool } from "./tools.ts";

/** A kustomization that is built by itself, and how it gets its mesh. */
export interface Target {
  readonly name: string;
  readonly file: string;
  readonly mode: TreeMode;
  readonly isWorking: boolean;
}

export interface InspectedTree {
  readonly targets: readonly Target[];
  readonly deployed: readonly Deployed[];
  readonly diagnostics: readonly Diagnostic[];
}

/** What this machine offers to a tree. */
export interface Here {
  readonly tools: readonly FoundTool[];
  readonly machine: Machine;
  readonly probed: readonly Probed[];
}

/** What a tree needs, whether it is here, and what in it works nowhere. Of what cannot be read the reasons come back. */
export function inspectTree(directory: string, here: Here): InspectedTree {
  const tree = readTree(directory);
  const manifests = lookAt(tree.root) === "directory" ? readManifests(tree.root) : [];
  const unread = tree.diagnostics.filter(({ code, severity }) => severity === "error" && !(code === "IZ408" && manifests.length > 0));
  const taken = new Set([...tree.nodes.values()].flatMap(({ bases }) => bases));
  const targets = [...tree.nodes.values()].filter((node) => !node.isComponent && !taken.has(node.directory) && tree.isInside(node.directory)).map((node): Target => {
    const mode = modeOf([...tree.closure(node.directory)].flatMap((at) => tree.nodes.get(at) ?? []));
    return { name: nameOfTarget(node.directory), file: shown(node.file), mode, isWorking: isWorking(mode, here) };
  }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const [argocd, flux] = [inspectArgoCd(tree.root, manifests), inspectFlux(tree.root, manifests)];
  return {
    targets,
    deployed: [...argocd.deployed, ...flux.deployed],
    diagnostics: [...unread, ...checkTargets(targets, here), ...checkModes(tree.nodes.values()), ...argocd.diagnostics, ...flux.diagnostics],
  };
}

/** The ways of running istiomize of which one must work. */
const neededFor: { readonly [M in TreeMode]: readonly Mode[] } = { exec: ["exec"], plugin: ["plugin"], container: [], resource: ["render", "pipe"], files: ["files"], none: [] };

function isWorking(mode: TreeMode, { probed, tools }: Here): boolean {
  if (mode === "none") return true;
  if (mode === "container") return tools.some(({ name }) => name === "docker");
  return probed.some((each) => each.state === "works" && neededFor[mode].includes(each.mode));
}

/** One error for all kustomizations that need what is not here. */
function checkTargets(targets: readonly Target[], here: Here): readonly Diagnostic[] {
  const modes = [...new Set(targets.filter((target) => !target.isWorking).map(({ mode }) => mode))];
  return modes.map((mode) => {
    const needing = targets.filter((target) => target.mode === mode);
    const [first] = needing;
    const names = needing.length > 3 ? `${needing.slice(0, 3).map(({ name }) => name).join(", ")} and ${needing.length - 3} more` : needing.map(({ name }) => name).join(", ");
    return diagnose("IZ461", undefined, { mode: `${names} (${modeNames[mode]})`, why: whyNot(mode, here), fix: fixOf(mode, first!.name, here) }, { position: { file: first!.file } });
  });
}

function has(name: FoundTool["name"], { tools }: Here): boolean {
  return tools.some((tool) => tool.name === name);
}

function whyNot(mode: TreeMode, here: Here): string {
  if (mode === "container") return "no docker on PATH";
  if (!has("kustomize", here) && (mode === "exec" || !has("kubectl", here))) return mode === "exec" && has("kubectl", here) ? "kubectl alone is here, which skips exec functions" : "neither kustomize nor kubectl is on PATH";
  return here.probed.find((each) => neededFor[mode].includes(each.mode) && each.state !== "works")?.why ?? "it was not tried";
}

/** The line to add; the program that builds comes first, because without it nothing else helps. */
function fixOf(mode: TreeMode, target: string, here: Here): string {
  if (mode === "container") return "install docker, or write exec: {path: istiomize} into config.kubernetes.io/function";
  const [kustomize, kubectl] = [has("kustomize", here), has("kubectl", here)];
  if (!kustomize && !kubectl) return "install kustomize or kubectl";
  if (mode === "plugin") return "`istiomize install` puts the plugin into its place";
  if (mode === "exec" && !kustomize) return `\`istiomize render ${target}\` builds it with kubectl; or install kustomize`;
  if (mode === "exec" && !here.machine.onPath) return `\`istiomize install --bin DIR\`, with a DIR that is on PATH; \`istiomize render ${target}\` works without`;
  return mode === "exec" ? `mend what is said of istiomize on PATH; \`istiomize render ${target}\` works without` : "see what the program says";
}
