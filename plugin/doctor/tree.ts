import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { readTree, shown, type SourceTree } from "../generate/source.ts";
import { isBelow, kustomizationNames, lookAt, walkKustomizations } from "../tree/tree.ts";
import { inspectArgoCd, type Deployed } from "./argocd.ts";
import { inspectFlux } from "./flux.ts";
import type { Machine } from "./machine.ts";
import { walkFiles, type Walked } from "./manifests.ts";
import { checkModes, findFaults, modeNames, modeOf, nameOfTarget, type TreeMode } from "./modes.ts";
import type { Mode, Probed } from "./probes.ts";
import { readable } from "./program.ts";
import { inOrder, readSetups } from "./setups.ts";
import type { FoundTool } from "./tools.ts";

/** A kustomization that is built by itself, and how it gets its mesh. */
export interface Target {
  readonly name: string;
  readonly file: string;
  readonly mode: TreeMode;
  /** Whether what it needs is here. */
  readonly isWorking: boolean;
  /** What lets its build fail, or be wrong, wherever it is built. */
  readonly faults: readonly Diagnostic[];
}

export interface InspectedTree {
  /** Whether all of it may be read. */
  readonly isWhole: boolean;
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
  const walked = lookAt(directory) === "directory" ? walkFiles(realpathSync(directory)) : { files: [], unread: [] };
  const tree = readable(() => readTree(directory)) ?? readWhatIsOpen(realpathSync(directory), walked);
  const taken = new Set([...tree.nodes.values()].flatMap(({ bases }) => bases));
  const roots = [...tree.nodes.values()].filter((node) => !node.isComponent && !taken.has(node.directory) && tree.isInside(node.directory));
  const targets = roots.map((node): Target => {
    const nodes = [...inOrder(node, tree.nodes)].reverse();
    const mode = modeOf(nodes);
    return { name: nameOfTarget(node.directory), file: shown(node.file), mode, isWorking: isWorking(mode, here), faults: findFaults(nodes) };
  }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const setups = readSetups(walked.files, tree.nodes, roots);
  const hasMesh = targets.some(({ mode }) => mode !== "none");
  const [argocd, flux] = [inspectArgoCd(tree.root, setups, hasMesh), inspectFlux(tree.root, setups)];
  const unread = tree.diagnostics.filter(({ code, severity }) => severity === "error" && !(code === "IZ408" && setups.manifests.length > 0));
  const closed = [...new Set([...walked.unread, ...setups.unread])].map(shown);
  return {
    targets, isWhole: closed.length === 0,
    deployed: [...argocd.deployed, ...flux.deployed],
    diagnostics: once([
      ...unread, ...checkUnread(closed), ...checkTargets(targets, here), ...targets.flatMap(({ faults }) => faults), ...checkModes(tree.nodes.values()),
      ...argocd.diagnostics, ...flux.diagnostics,
    ]),
  };
}

/** The kustomizations of a tree of which a part may not be read. */
function readWhatIsOpen(root: string, { files, unread }: Walked): Pick<SourceTree, "root" | "nodes" | "isInside" | "diagnostics"> {
  const found = files.filter((file) => kustomizationNames.includes(basename(file))).map((file) => ({ file, nodes: readable(() => walkKustomizations(dirname(file))) }));
  const closed = found.filter(({ nodes }) => !nodes).map(({ file }) => diagnose("IZ409", undefined, { message: "permission denied" }, { position: { file: shown(file) } }));
  return {
    root, nodes: new Map(found.flatMap(({ nodes }) => nodes ?? []).map((node) => [node.directory, node])), isInside: (path) => isBelow(path, root),
    diagnostics: unread.includes(root) ? [diagnose("IZ408", undefined, { path: shown(root), message: "no permission to read it" })] : closed,
  };
}

/** What may not be read may say otherwise than what is found elsewhere. */
function checkUnread([first, ...more]: readonly string[]): readonly Diagnostic[] {
  return first === undefined ? [] : [diagnose("IZ476", undefined, { more: more.length }, { position: { file: first } })];
}

/** A file that several kustomizations build on is spoken of once. */
function once(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...new Map(diagnostics.map((each) => [JSON.stringify(each), each])).values()];
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
