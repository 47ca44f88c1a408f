import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Diagnostic, Place } from "../../generators/diagnostics/diagnostic.ts";
import { findObjects, type Topic } from "../../generators/explain.ts";
import { asMapping, describe, type Item } from "../../generators/kube/object.ts";
import { valueAt } from "../../generators/mesh/origin.ts";
import { describeBuild, inTree, originalTexts } from "../generate/render-files.ts";
import { shown, type SourceTree } from "../generate/source.ts";
import { makeWorkspace } from "../generate/workspace.ts";
import { readInput } from "../input.ts";
import { Places, type Origin } from "../written/place.ts";
import { layoutOf, readOrigins, subdirectory, wrap } from "../written/builds.ts";
import { positionOf, type Span } from "../written/written.ts";
import type { Captured, RunOptions } from "../run.ts";
import { copyForKubectl } from "../tree/copy.ts";
import { readEarlierNames } from "../tree/origins.ts";
import { pluginEnvironment, startBuild, type Tool } from "../tree/tool.ts";
import { walkKustomizations, type Kustomization } from "../tree/tree.ts";
import { readsFor, traceRun, type Refused, type Source, type Written } from "./source.ts";

export interface BuildOptions {
  readonly tool: Tool;
  readonly flags: readonly string[];
  readonly run: RunOptions;
  readonly temporary: string;
  readonly topic: Topic;
}

/** What one kustomization builds, with every place in the files of its tree. */
export async function readBuild(tree: SourceTree, root: string, options: BuildOptions): Promise<Source | Refused> {
  const nodes = [...tree.closure(root)].flatMap((at) => tree.nodes.get(at) ?? []);
  const broken = tree.diagnostics.filter(({ severity, position }) => severity === "error" && nodes.some(({ file }) => shown(file) === position?.file));
  if (broken.length > 0) return { refused: broken };
  const layout = layoutOf(nodes);
  return layout === "transformer" ? readTransformers(tree, root, options) : readPlain(tree, root, nodes, layout === "files", options);
}

/** The resource and files layouts: one build, which says of every object where it came from. */
async function readPlain(tree: SourceTree, root: string, nodes: readonly Kustomization[], isFiles: boolean, { tool, flags, run, temporary, topic }: BuildOptions): Promise<Source | Refused> {
  const workspace = isFiles ? makeWorkspace(tree, subdirectory(temporary, "files"), originalTexts(tree)) : undefined;
  const wrapper = workspace ? workspace.wrap(root, { origins: true }) : wrap(root, temporary);
  const build = await startBuild(tool, wrapper, flags);
  if (build.code !== 0) {
    const { stderr, ...rest } = inTree(build, tool, workspace ?? { common: root, toCopy: (path) => path }, wrapper, root);
    return { refused: [describeBuild({ ...rest, stderr: stderr.replace(/^# Warning: .*\n/gm, "") }, { file: nodes[0]!.file })] };
  }
  const input = await readInput(build.stdout, shown(root), undefined, readsFor(topic.kind));
  if (input.diagnostics.length > 0) return { refused: input.diagnostics };
  const resolveOrigin = (origin: string): string => (workspace ? workspace.toTree(resolve(wrapper, origin)) : resolve(wrapper, origin));
  const items = input.leaves.map(({ item }) => item);
  const trace = (named: readonly Item[]): ReturnType<typeof traceRun> => traceRun({ items: named, isFiles, ...run });
  const isRenamed = nodes.some(({ content }) => ["namePrefix", "nameSuffix", "namespace"].some((field) => content[field] !== undefined));
  let traced = isRenamed ? undefined : await trace(items);
  if (!traced || traced.usedNames) {
    const earlier = readEarlierNames(items.map(({ object }) => object), resolveOrigin, nodes);
    traced = await trace(items.map((item) => ({ ...item, earlier: earlier(item.object) })));
  }
  if (!traced.run) return { refused: traced.diagnostics };
  const origins = readOrigins(input, resolveOrigin);
  return { name: shown(root), run: traced.run, diagnostics: traced.diagnostics, placesOf: findIn(new Places(tree), nodes, origins) };
}

/** The transformer layout: kustomize runs this executable, which keeps what it was given, so that it can be looked at here. */
async function readTransformers(tree: SourceTree, root: string, { tool, flags, run, temporary, topic }: BuildOptions): Promise<Source | Refused> {
  const nodes = walkKustomizations(root);
  const [report, capture] = [join(temporary, "report.json"), join(temporary, "capture.json")];
  const env = pluginEnvironment(temporary, process.env["ISTIOMIZE_EXECUTABLE"] ?? resolve(process.argv[1]!), { ISTIOMIZE_REPORT: report, ISTIOMIZE_OPTIONS: JSON.stringify({ ...run, capture } satisfies RunOptions) });
  const build = tool.isKubectl
    ? await startBuild(tool, copyForKubectl(nodes, temporary), ["--enable-alpha-plugins", ...flags], env)
    : await startBuild(tool, root, ["--enable-alpha-plugins", "--enable-exec", ...flags], env);
  const runs = existsSync(capture) ? readFileSync(capture, "utf8").trim().split("\n").map((line) => JSON.parse(line) as Captured) : [];
  if (runs.length === 0) return { refused: [describeBuild(build, { file: nodes[0]!.file })] };
  const sources: Source[] = [];
  const refused: Diagnostic[] = [];
  for (const each of runs) {
    const input = await readInput(each.text, shown(root), undefined, readsFor(topic.kind));
    const configured = each.config === undefined ? undefined : (await readInput(each.config, "function config", undefined, "all")).leaves[0]?.item.object;
    const functionConfig = configured ?? asMapping(input.envelope?.["functionConfig"]);
    const traced = await traceRun({ items: input.leaves.map(({ item }) => item), ...(functionConfig && { functionConfig }), isPlugin: true, ...run });
    if (traced.run) sources.push({ name: shown(root), run: traced.run, diagnostics: traced.diagnostics, placesOf: findIn(new Places(tree), nodes, new Map()) });
    else refused.push(...traced.diagnostics);
  }
  // A tree may run it more than once: the last run that knows the object is the one that made what is built.
  return sources.findLast((source) => findObjects(source.run, topic).length > 0) ?? sources.at(-1) ?? { refused };
}

function findIn(places: Places, nodes: readonly Kustomization[], origins: ReadonlyMap<string, Origin>): Source["placesOf"] {
  const whole = new Set(nodes.flatMap(({ resources, transformers }) => [...resources, ...transformers]));
  return (place: Place): readonly Written[] => {
    const origin = origins.get(describe(place.ref));
    const isPatch = ({ source }: Span): boolean => (origin ? resolve(source.file) !== origin.path : !whole.has(resolve(source.file)));
    const spans = places.findAll(place, nodes, origin);
    // A patch repeats the name of what it changes.
    const meant = place.path.join(".") === "metadata.name" ? spans.slice(-1) : spans;
    return meant.map((span) => ({ position: toPosition(span), ...valueOf(span), ...(isPatch(span) && { isPatch: true as const }) }));
  };
}

function toPosition(span: Span): Written["position"] {
  return { file: span.source.file, ...positionOf(span.source, span.from) };
}

/** What stands at a span, where it is one word or number. */
function valueOf({ written, path, isExact }: Span): Pick<Written, "value"> {
  const value = isExact ? valueAt(written.object, path) : undefined;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? { value: String(value) } : {};
}
