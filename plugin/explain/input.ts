import { isUtf8 } from "node:buffer";
import { realpathSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import { findObjects, type Topic } from "../../generators/explain.ts";
import { readTree, shown, type SourceTree } from "../generate/source.ts";
import { arrangeUnits, findYaml, readManifests } from "../written/manifests.ts";
import { findRoots } from "../written/builds.ts";
import { startProgress } from "../report/progress.ts";
import type { RunOptions } from "../run.ts";
import { readAll } from "../stdio.ts";
import { findTool, withTemporary } from "../tree/tool.ts";
import { findKustomization, kustomizationNames } from "../tree/tree.ts";
import { readStream, readUnit } from "./stream.ts";
import type { Refused, Source } from "./source.ts";
import { readBuild } from "./tree.ts";

export interface InputOptions {
  /** A kustomization, a tree, a file, a folder of manifests, or `-`. */
  readonly path: string;
  /** Which kustomization of a tree is meant. */
  readonly overlay?: string;
  readonly with?: string;
  readonly flags: readonly string[];
  readonly run: RunOptions;
  readonly topic: Topic;
}

/** What a path holds that can be explained; a sentence where it must be said which part of it is meant. */
export async function readSources(options: InputOptions): Promise<readonly Source[] | Refused | string> {
  const { path, topic, run } = options;
  if (path === "-") {
    const bytes = readAll(0);
    if (!isUtf8(bytes)) return { refused: [diagnose("IZ102", undefined, { message: "bytes that are not UTF-8", help: "save the file as UTF-8" }, { position: { file: "<stdin>" } })] };
    const text = bytes.toString("utf8");
    if (text.trim() === "") return { refused: [diagnose("IZ101", undefined, {})] };
    return single(await readStream(text, topic.kind, run));
  }
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return `${path}: nothing is there; name a kustomization, a file or folder of manifests, or \`-\` for standard input`;
  if (stats.isFile() && !kustomizationNames.includes(basename(path))) return readUnits([realpathSync(path)], options);
  const directory = realpathSync(stats.isFile() ? dirname(path) : path);
  const tree = readTree(directory);
  if (tree.nodes.size === 0) return readUnits(findYaml(directory, () => false).files, options);
  const root = chooseRoot(tree, directory, options.overlay);
  return "chosen" in root ? single(await build(tree, root.chosen, options)) : root.unclear;
}

function single(source: Source | Refused): readonly Source[] | Refused {
  return "refused" in source ? source : [source];
}

/** The kustomization that stands at the path, or the one that is named, or the only one that no other takes in. */
function chooseRoot(tree: SourceTree, directory: string, overlay: string | undefined): { readonly chosen: string } | { readonly unclear: string } {
  const roots = findRoots(tree);
  const names = [...roots.slice(0, 8).map(shown), ...(roots.length > 8 ? [`${roots.length - 8} more`] : [])];
  if (overlay !== undefined) {
    const all = [...tree.nodes.values()].filter(({ isComponent, directory: at }) => !isComponent && tree.isInside(at)).map((node) => node.directory);
    const fitting = [...roots, ...all].find((at) => at === overlay || shown(at) === overlay || at.endsWith(`/${overlay.replace(/^\.?\/|\/$/g, "")}`));
    const near = suggest(overlay, roots.map((root) => basename(root)));
    return fitting !== undefined ? { chosen: fitting } : { unclear: `${shown(directory)} holds no kustomization ${JSON.stringify(overlay)}; ${near ? `did you mean --overlay ${near}?` : `there are ${names.join(", ")}`}` };
  }
  if (findKustomization(directory) !== undefined) return { chosen: directory };
  if (roots.length === 1) return { chosen: roots[0]! };
  return { unclear: `${shown(directory)} holds ${roots.length} kustomizations that build on their own; name one: --overlay ${basename(roots[0] ?? directory)}, or the path of one (${names.join(", ")})` };
}

async function build(tree: SourceTree, root: string, options: InputOptions): Promise<Source | Refused> {
  const tool = findTool(options.with);
  if (!tool) return { refused: [diagnose("IZ401", undefined, options.with === undefined ? {} : { named: options.with })] };
  const progress = startProgress();
  progress.say(`building ${shown(root)}`);
  try {
    return await withTemporary((temporary) => readBuild(tree, root, { tool, flags: options.flags, run: options.run, temporary, topic: options.topic }));
  } finally {
    progress.end();
  }
}

/** Manifests: those that are applied together, as far as they hold what is asked for. */
async function readUnits(files: readonly string[], { run, topic, path }: InputOptions): Promise<readonly Source[] | Refused | string> {
  const { manifests, diagnostics } = await readManifests(files);
  const read = await Promise.all(arrangeUnits(manifests).map((unit) => readUnit(unit, run)));
  const sources = read.filter((each): each is Source => !("refused" in each));
  if (sources.length === 0) {
    const refused: readonly Diagnostic[] = [...diagnostics, ...read.flatMap((each) => ("refused" in each ? each.refused : []))];
    return refused.length > 0 ? { refused } : `${path}: no kustomization and no manifest in it or below`;
  }
  const holding = sources.filter((source) => findObjects(source.run, topic).length > 0);
  return holding.length > 0 ? holding : sources;
}
