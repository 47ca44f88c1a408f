import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { worstSeverity, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { describe } from "../../generators/kube/object.ts";
import { Queue } from "../generate/queue.ts";
import { describeBuild, inTree, originalTexts } from "../generate/render-files.ts";
import { shown, type SourceTree } from "../generate/source.ts";
import { makeWorkspace, type Workspace } from "../generate/workspace.ts";
import { readInput, readsChecked } from "../input.ts";
import type { RunOptions } from "../run.ts";
import { copyForKubectl } from "../tree/copy.ts";
import { readEarlierNames } from "../tree/origins.ts";
import { pluginEnvironment, startBuild, type Build, type Tool } from "../tree/tool.ts";
import { walkKustomizations, type Kustomization } from "../tree/tree.ts";
import { findRenaming } from "../tree/above.ts";
import { checkItems } from "./check.ts";
import { holdingOf, type Held } from "./elsewhere.ts";
import { bareFinding, byObject, fingerprintOf, spanned, type Finding } from "./finding.ts";
import { findRoots, layoutOf, readOrigins, subdirectory, wrap } from "../written/builds.ts";
import { Places, type Origin } from "../written/place.ts";
import type { Span } from "../written/written.ts";

export interface TreeOptions {
  readonly tool: Tool;
  readonly flags: readonly string[];
  readonly run: RunOptions;
  readonly temporary: string;
  readonly say: (step: string) => void;
}

/** What was found in the kustomizations of a tree, and in how many objects. */
export interface Linted {
  readonly findings: readonly Finding[];
  readonly files: readonly string[];
  readonly objects: number;
  readonly held: readonly Held[];
}

/** Builds every kustomization that no other one takes in, each once, and checks what it gives. */
export async function lintBuilds(tree: SourceTree, options: TreeOptions): Promise<Linted> {
  const roots = findRoots(tree);
  const places = new Places(tree);
  const broken = new Set(tree.diagnostics.filter(({ severity }) => severity === "error").map(({ position }) => position?.file));
  const nodesOf = (root: string): readonly Kustomization[] => [...tree.closure(root)].flatMap((at) => tree.nodes.get(at) ?? []);
  const ready = roots.filter((root) => !nodesOf(root).some(({ file }) => broken.has(shown(file))));
  const layouts = new Map(ready.map((root) => [root, layoutOf(nodesOf(root))]));
  const workspace = [...layouts.values()].includes("files") ? makeWorkspace(tree, subdirectory(options.temporary, "files"), originalTexts(tree)) : undefined;
  const queue = new Queue(Math.min(4, Math.max(2, availableParallelism())));
  let turn = 0;
  const built = await Promise.all(ready.map((root) => queue.add(async () => {
    options.say(`building ${shown(root)}`);
    const target: Target = { root, nodes: nodesOf(root), temporary: subdirectory(options.temporary, `target-${turn++}`), isSeveral: roots.length > 1 };
    return layouts.get(root) === "transformer" ? lintTransformers(target, options, places) : lintPlain(target, options, places, layouts.get(root) === "files" ? workspace : undefined);
  })));
  return {
    // A base of another repository is nothing wrong here: kustomize builds it.
    findings: [...tree.diagnostics.filter(({ code }) => code !== "IZ407").map(bareFinding), ...built.flatMap(({ findings }) => findings)],
    files: [...new Set(roots.flatMap((root) => nodesOf(root).flatMap(({ file, resources, patches, transformers }) => [file, ...resources, ...patches, ...transformers])))].map(shown),
    objects: built.reduce((sum, { objects }) => sum + objects, 0),
    held: built.flatMap(({ held }) => held ?? []),
  };
}

interface Target {
  readonly root: string;
  readonly nodes: readonly Kustomization[];
  readonly temporary: string;
  /** Whether more than one kustomization is built, so that it must be said which one is meant. */
  readonly isSeveral: boolean;
}

interface LintedTarget {
  readonly findings: readonly Finding[];
  readonly objects: number;
  readonly held?: Held;
}

/** The resource and files layouts: one build, which says of every object where it came from. */
async function lintPlain(target: Target, { tool, flags, run }: TreeOptions, places: Places, workspace: Workspace | undefined): Promise<LintedTarget> {
  const { root } = target;
  const wrapper = workspace ? workspace.wrap(root, { origins: true }) : wrap(root, target.temporary);
  const build = await startBuild(tool, wrapper, flags);
  if (build.code !== 0) return failed(target, inTree(build, tool, workspace ?? { common: root, toCopy: (path) => path }, wrapper, root));
  const input = await readInput(build.stdout, shown(root), undefined, readsChecked);
  if (input.diagnostics.length > 0) return { findings: input.diagnostics.map((diagnostic) => toFinding(diagnostic, undefined, target)), objects: 0 };
  const resolveOrigin = (origin: string): string => (workspace ? workspace.toTree(resolve(wrapper, origin)) : resolve(wrapper, origin));
  const items = input.leaves.map(({ item }) => item);
  const isFiles = workspace !== undefined;
  let result = await checkItems({ items, isFiles, ...run });
  if (result.usedNames) {
    const earlier = readEarlierNames(items.map(({ object }) => object), resolveOrigin, target.nodes);
    result = await checkItems({ items: items.map((item) => ({ ...item, earlier: earlier(item.object) })), isFiles, ...run });
  }
  const origins = readOrigins(input, resolveOrigin);
  const held = holdingOf(items, run.namespace);
  return { findings: byObject(result.diagnostics).map((diagnostic) => ({ ...placeFinding(diagnostic, target, places, origins), among: held })), objects: items.length, held };
}

/** The transformer layout: kustomize runs this executable, which leaves its diagnostics in a file for us to place. */
async function lintTransformers(target: Target, { tool, flags, run }: TreeOptions, places: Places): Promise<LintedTarget> {
  const { root, temporary } = target;
  const nodes = walkKustomizations(root);
  const renaming = findRenaming(nodes);
  if (renaming.length > 0) return { findings: renaming.map((diagnostic) => toFinding(diagnostic, undefined, target)), objects: 0 };
  const reportFile = join(temporary, "report.json");
  const variables = { ISTIOMIZE_REPORT: reportFile, ISTIOMIZE_OPTIONS: JSON.stringify({ ...run, lint: true }) };
  const env = pluginEnvironment(temporary, process.env["ISTIOMIZE_EXECUTABLE"] ?? resolve(process.argv[1]!), variables);
  const build = tool.isKubectl
    ? await startBuild(tool, copyForKubectl(nodes, temporary), ["--enable-alpha-plugins", ...flags], env)
    : await startBuild(tool, root, ["--enable-alpha-plugins", "--enable-exec", ...flags], env);
  const diagnostics = existsSync(reportFile) ? readFileSync(reportFile, "utf8").trim().split("\n").flatMap((line) => JSON.parse(line) as readonly Diagnostic[]) : [];
  const findings = byObject(diagnostics).map((diagnostic) => placeFinding(diagnostic, { ...target, nodes }, places, new Map()));
  if (build.code !== 0 && worstSeverity(diagnostics) !== "error") return failed(target, build);
  if (build.code !== 0) return { findings, objects: 0 };
  const items = (await readInput(build.stdout, shown(root), undefined, readsChecked)).leaves.map(({ item }) => item);
  const held = holdingOf(items, run.namespace);
  return { findings: findings.map((finding) => ({ ...finding, among: held })), objects: items.length, held };
}

function failed(target: Target, build: Build): LintedTarget {
  const node = target.nodes[0]!;
  const stderr = build.stderr.replace(/^# Warning: .*\n/gm, ""); // about its own fields: not why it failed
  return { findings: [toFinding(describeBuild({ ...build, stderr }, { file: node.file }), undefined, target)], objects: 0 };
}

function placeFinding(diagnostic: Diagnostic, target: Target, places: Places, origins: ReadonlyMap<string, Origin>): Finding {
  const { place } = diagnostic;
  if (!place) return toFinding(diagnostic, undefined, target);
  const ref = origins.size === 0 || origins.has(describe(place.ref)) ? place.ref : (diagnostic.subjects.find((subject) => origins.has(describe(subject))) ?? place.ref);
  const span = places.find({ ...place, ref }, target.nodes, origins.get(describe(ref)));
  return toFinding(diagnostic, span, target, origins.get(describe(ref)));
}

function toFinding(diagnostic: Diagnostic, span: Span | undefined, { root, nodes, isSeveral }: Target, origin?: Origin): Finding {
  const file = origin && !origin.isRemote && existsSync(origin.path) ? origin.path : nodes[0]!.file;
  const known = span ? undefined : diagnostic.position?.line === undefined ? { file: diagnostic.position?.file ?? shown(file), line: 1, column: 1 } : diagnostic.position;
  return { ...diagnostic, ...(span ? spanned(span) : { position: known! }), builds: isSeveral ? [shown(root)] : [], fingerprints: [fingerprintOf(diagnostic)] };
}
