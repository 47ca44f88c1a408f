import { availableParallelism } from "node:os";
import { join } from "node:path";
import { diagnose, worstSeverity, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { asText, groupOf, identityOf, kindOf, nameOf, namespaceOf, type Item, type KubeObject } from "../../generators/kube/object.ts";
import { isServiceMesh } from "../../generators/mesh/config.ts";
import type { PipelineResult } from "../../generators/pipeline.ts";
import { splitStream } from "../chunks.ts";
import { editText, type FieldEdit } from "../edit.ts";
import { locateInTree } from "../tree/positions.ts";
import { holdsMesh } from "../tree/tree.ts";
import { findTool, startBuild, withTemporary, type Build, type Tool } from "../tree/tool.ts";
import { markChange, markSeed, readBuild, readNames, readPlain, type Built, type Change } from "./build.ts";
import { checkPatches, checkTwice, isLocalMesh, patchesOf } from "./check.ts";
import { compareBuild, findConfused, findNamesakes } from "./compare.ts";
import { findDelta, writeMark, writePatches } from "./delta.ts";
import { Insertions } from "./insertions.ts";
import { changesOf, isPlain, isPredictable, type Layout } from "./layout.ts";
import { runOn, Sources, type Source } from "./objects.ts";
import { fileNameOf, referencesFile, type OriginOf } from "./ownership.ts";
import { findNamespaces, moveItem, placeObject, readRenaming, serviceNames, withNamespaceOf } from "./place.ts";
import { Queue } from "./queue.ts";
import { readReferences, restoreReferences } from "./references.ts";
import { describeBuild, inTree, originalTexts } from "./render-files.ts";
import { shown, type SourceTree } from "./source.ts";
import { beside, type Seed, type Wanted } from "./wanted.ts";
import { makeWorkspace, type Workspace } from "./workspace.ts";

export interface PlanOptions {
  /** The kustomize or kubectl to build with, and what goes to it. */
  readonly with?: string;
  readonly flags?: readonly string[];
  readonly say?: (text: string) => void;
  /** The name of a Service, as in its file: only what is its own changes. */
  readonly only?: string;
}

type Rebuild = (target: string) => Promise<Built | readonly Diagnostic[]>;

/** One run of planning: what was read and made so far. */
export class Planner {
  readonly #tree: SourceTree;
  readonly #layout: Layout;
  readonly #wanted: Wanted;
  readonly #options: PlanOptions;
  readonly sources: Sources;
  readonly insertions: Insertions;
  /** What istiomize does to objects of people's, by the number that marks them in the copy. */
  readonly #changes: Change[] = [];
  readonly #runs = new Map<string, { readonly sources: readonly Source[]; readonly result: PipelineResult }>();
  /** Kustomizations that end with patches or objects of their own: what is built on them is not plain. */
  readonly #changed = new Set<string>();
  /** The generated objects that a target ends with. */
  readonly #outputs = new Map<string, readonly KubeObject[]>();

  constructor(tree: SourceTree, layout: Layout, wanted: Wanted, options: PlanOptions) {
    this.#tree = tree;
    this.#layout = layout;
    this.#wanted = wanted;
    this.#options = options;
    this.sources = new Sources(tree);
    this.insertions = new Insertions(tree);
  }

  async run(): Promise<readonly Diagnostic[]> {
    const homes = new Set([...new Set(this.#layout.targets.flatMap((target) => this.#filesIn(target)))].flatMap((file) => this.#layout.homeOf(file) ?? []));
    for (const home of [...homes].sort((a, b) => this.#tree.closure(a).size - this.#tree.closure(b).size)) await this.#seedFrom(home);
    const broken = [...this.sources.diagnostics, ...(await this.#checkTwice())];
    if (broken.length > 0) return broken;
    this.#wireReferences();
    const built = this.#layout.targets.filter((target) => !this.#isPlain(target));
    if (built.length === 0) return this.#settle(async (target) => this.#readPlain(target));
    const tool = findTool(this.#options.with);
    if (!tool) return [diagnose("IZ401", undefined, this.#options.with === undefined ? {} : { named: this.#options.with })];
    return withTemporary((temporary) => this.#settleWith(tool, temporary));
  }

  #filesIn(target: string): readonly string[] {
    return [...this.#tree.closure(target)].flatMap((at) => this.#tree.nodes.get(at)?.resources ?? []).filter((file) => !this.#tree.owned.has(file));
  }

  /** Makes the objects of a home from its files, as if kustomize changed nothing, and puts them beside their Services. */
  async #seedFrom(home: string): Promise<void> {
    const sources = await this.sources.all(this.#layout.filesOf(home).filter((file) => !this.#tree.owned.has(file)));
    const namespaces = findNamespaces(this.#tree, home);
    const movedTo = ({ file }: Source): string | undefined => namespaces.get(this.#layout.listers.get(file)?.[0] ?? home);
    const moved = new Map(sources.map((source) => [moveItem(source.item, movedTo(source)), source]));
    const result = await runOn([...moved.keys()]);
    this.#runs.set(home, { sources, result });
    const mesh = sources.find(({ item }) => isServiceMesh(item.object))?.file;
    for (const { object, beside: owner } of result.added) {
      const source = owner && moved.get(owner);
      this.#seed(source ? withNamespaceOf(object, source.item.object, movedTo(source)) : object, source?.file ?? mesh, source ? "services" : "mesh", home);
    }
    const edits = new Map<Item, FieldEdit[]>();
    for (const { item, path, value } of result.edits) edits.set(item, [...(edits.get(item) ?? []), { path, value }]);
    for (const [item, own] of edits) {
      const source = moved.get(item)!;
      if (this.#layout.homeOf(source.file) === home) this.insertions.add(source, own);
    }
  }

  #seed(object: KubeObject, file: string | undefined, origin: OriginOf, home: string): void {
    if (file === undefined) {
      // Without a ServiceMesh what belongs to a namespace stands in the smallest kustomization that holds it.
      const isBelow = this.#seedsIn(home).some((seed) => identityOf(seed.object) === identityOf(object));
      if (!isBelow && this.#tree.isInside(home)) this.#wanted.addSeed({ file: join(home, fileNameOf(kindOf(object))), object, origin: "services", listers: [home] });
      return;
    }
    const listers = this.#layout.listers.get(file) ?? [];
    if (this.#layout.homeOf(file) !== home || !this.#tree.isInside(file) || !listers.every((lister) => this.#tree.isInside(lister))) return;
    this.#wanted.addSeed({ file: beside(file, fileNameOf(kindOf(object))), object, origin, listers });
  }

  async #checkTwice(): Promise<readonly Diagnostic[]> {
    const found: Diagnostic[] = [];
    for (const target of this.#layout.targets) found.push(...checkTwice(this.#tree, target, await this.sources.all(this.#filesIn(target))));
    return found;
  }

  /** Every build that holds generated objects needs the name references once; they travel up from a base. */
  #wireReferences(): void {
    const wired = new Set<string>();
    const holders = new Set(this.#wanted.seeds.flatMap(({ listers }) => listers));
    for (const [file, listers] of this.#layout.listers) {
      if (this.#tree.meshFiles.has(file)) for (const lister of listers) if (this.#tree.isInside(lister)) wired.add(lister);
    }
    const needed = this.#layout.targets.filter((target) => [...this.#tree.closure(target)].some((at) => holders.has(at)));
    const used = new Set<string>();
    for (const target of needed) {
      if (this.#isWired(target)) continue;
      const near = [...wired].filter((at) => this.#tree.closure(target).has(at));
      for (const at of near.length > 0 ? near : [target]) used.add(at);
      wired.add(near[0] ?? target);
    }
    for (const at of used) this.#wanted.addReferences(at);
  }

  /** Whether name references come with a target already, from a base outside the tree too. */
  #isWired(target: string): boolean {
    return [...this.#tree.closure(target)].some((at) => this.#wanted.hasReferences(at) || (!this.#tree.isInside(at) && this.#tree.owned.has(join(at, referencesFile))));
  }

  #isPlain(target: string): boolean {
    return [...this.#tree.closure(target)].every((at) => isPlain(this.#withoutOwned(at)) && (at === target || !this.#changed.has(at)));
  }

  /** A kustomization as it would be without the transformers that are ours. */
  #withoutOwned(at: string): Parameters<typeof isPlain>[0] {
    const node = this.#tree.nodes.get(at)!;
    const { transformers } = node.content;
    if (!Array.isArray(transformers) || !transformers.every((entry) => this.#tree.isOwnedEntry(join(at, asText(entry) ?? "")))) return node;
    const { transformers: _, ...content } = node.content;
    return { ...node, content };
  }

  async #readPlain(target: string): Promise<Built> {
    const sources = await this.sources.all(this.#filesIn(target));
    return readPlain(sources, this.insertions.byItem, this.#seedsIn(target));
  }

  #seedsIn(target: string): readonly Seed[] {
    const closure = this.#tree.closure(target);
    return this.#wanted.seeds.filter(({ listers }) => listers.some((lister) => closure.has(lister)));
  }

  /** Builds all that must be built at once, in a copy of the tree, and again what stands on a base that turned out different. */
  async #settleWith(tool: Tool, temporary: string): Promise<readonly Diagnostic[]> {
    const workspace = makeWorkspace(this.#tree, temporary, this.#copyTexts());
    const queue = new Queue(availableParallelism());
    const builds = new Map<string, { readonly wrapper: string; readonly build: Promise<Build> }>();
    const run = (target: string, origins: boolean): { readonly wrapper: string; readonly build: Promise<Build> } => {
      // A kustomization above costs kustomize as much again as the target: only a patch that hides the ServiceMesh needs one.
      const wrapper = origins || this.#isHiddenByPatch(target) ? workspace.wrap(target, { origins }) : workspace.toCopy(target);
      return { wrapper, build: queue.add(() => {
        this.#options.say?.(`${tool.isKubectl ? "kubectl kustomize" : "kustomize build"} ${shown(target)}`);
        return startBuild(tool, wrapper, this.#options.flags ?? []);
      }) };
    };
    const start = (target: string): void => void builds.set(target, run(target, false));
    // Where objects came from costs kustomize time, and few trees name a Service by the name that it had before.
    const learnNames = async (target: string): ReturnType<typeof readNames> => {
      const { wrapper, build } = run(target, true);
      return readNames((await build).stdout, wrapper, workspace.toTree, [...this.#tree.closure(target)].flatMap((at) => this.#tree.nodes.get(at) ?? []));
    };
    for (const target of this.#layout.targets) if (!this.#isPlain(target)) start(target);
    const build: Rebuild = async (target) => {
      if (!builds.has(target) && this.#isPlain(target)) return this.#readPlain(target);
      if (!builds.has(target)) start(target);
      const { wrapper, build } = builds.get(target)!;
      const done = await build;
      if (done.code !== 0) return [describeBuild(inTree(done, tool, workspace, wrapper, target), this.#tree.nodes.get(target)!)];
      const built = await readBuild(done.stdout, wrapper, this.#changes, this.#wanted.seeds, () => learnNames(target));
      return restoreReferences(built, readReferences(this.#tree, target));
    };
    const changed = (target: string): void => {
      this.#copyDirectory(workspace, target);
      for (const other of this.#layout.targets) if (other !== target && this.#tree.closure(other).has(target)) start(other);
    };
    const rebuild: Rebuild = (target) => {
      this.#copyDirectory(workspace, target);
      start(target);
      return build(target);
    };
    return this.#settle(build, changed, rebuild);
  }

  /** Whether a ServiceMesh is hidden by more than an annotation in a document of its own: by a patch, or within a list. */
  #isHiddenByPatch(target: string): boolean {
    return [...this.#tree.closure(target)].some((at) => {
      const node = this.#tree.nodes.get(at)!;
      return patchesOf(node, this.#tree.read).some(({ text }) => isLocalMesh(text))
        || node.resources.some((file) => this.#tree.meshFiles.has(file) && /^[ \t]*["']?kind["']?:\s*["']?\w*List\b/m.test(this.#tree.read(file)));
    });
  }

  /** The files of the copy that are other than on disk. */
  #copyTexts(): ReadonlyMap<string, string | undefined> {
    const texts = new Map([...originalTexts(this.#tree)].filter(([file]) => this.#tree.isInside(file)));
    for (const file of this.#wanted.files()) texts.set(file, this.#copyText(file));
    for (const directory of this.#wanted.directories()) texts.set(this.#tree.nodes.get(directory)!.file, this.#wanted.kustomizationOf(directory));
    for (const file of this.insertions.files()) texts.set(file, this.insertions.textOf(file, this.#changes));
    for (const file of this.#tree.meshFiles) texts.set(file, showMesh(texts.get(file) ?? this.#tree.read(file)));
    return texts;
  }

  /** A generated file with marks that lead back from what is built to what stands in it. */
  #copyText(file: string): string | undefined {
    const marks = (this.#wanted.patchIn(file)?.deltas ?? []).flatMap(({ object, change }) => {
      if (!change) return [];
      const { path, value } = markChange(this.#changes.push(change) - 1);
      return [writeMark(object, path.at(-1)!, value)];
    });
    return marks.length === 0 ? this.#wanted.textOf(file, markSeed) : [this.#wanted.textOf(file), ...marks].join("---\n");
  }

  #copyDirectory(workspace: Workspace, at: string): void {
    for (const file of this.#wanted.files()) if (file.startsWith(join(at, "/"))) workspace.write(file, this.#copyText(file));
    workspace.write(this.#tree.nodes.get(at)!.file, this.#wanted.kustomizationOf(at));
  }

  /** Brings every target to what the pipeline makes of it, bases first. */
  async #settle(build: Rebuild, changed: (target: string) => void = () => {}, rebuild?: Rebuild): Promise<readonly Diagnostic[]> {
    const diagnostics: Diagnostic[] = [];
    const nodes = [...this.#tree.nodes.values()];
    for (const target of this.#layout.targets) {
      diagnostics.push(...checkPatches(this.#tree, target, this.#seedsIn(target)));
      if (worstSeverity(diagnostics) === "error") continue;
      const doomed = rebuild ? this.#findDoomed(target) : [];
      for (const object of doomed) this.#wanted.addRemoval(target, object);
      const built = await (doomed.length > 0 ? rebuild! : build)(target);
      if (isRefused(built)) {
        diagnostics.push(...built);
        continue;
      }
      const { built: known, result } = await this.#meshed(target, built);
      const located = locateInTree(result.diagnostics, nodes.filter(({ directory }) => this.#tree.closure(target).has(directory)).sort((a, b) => this.#tree.closure(b.directory).size - this.#tree.closure(a.directory).size));
      diagnostics.push(...located.filter((each) => !diagnostics.some((other) => isSame(each, other))));
      if (worstSeverity(result.diagnostics) === "error") continue;
      const outcome = await this.#finish(target, known, result, this.#isPlain(target) ? undefined : rebuild);
      this.#outputs.set(target, [...result.added.map(({ object }) => object), ...result.replaced.values()]);
      if (typeof outcome !== "string") diagnostics.push(...outcome);
      else if (outcome === "changed" || doomed.length > 0) {
        this.#changed.add(target);
        changed(target);
      }
    }
    return diagnostics;
  }

  async #meshed(target: string, built: Built): Promise<{ readonly built: Built; readonly result: PipelineResult }> {
    const run = this.#runs.get(target);
    const items = built.people.map(({ item }) => item);
    if (run && this.#isPlain(target) && run.sources.length === items.length) return { built, result: run.result };
    const result = await runOn(items);
    if (!result.usedNames) return { built, result };
    const named = await built.withEarlierNames();
    return named === built ? { built, result } : { built: named, result: await runOn(named.people.map(({ item }) => item)) };
  }

  /** Whether anything here is meshed, wherever its files stand. */
  isMeshed(): boolean {
    return [...this.#outputs.values()].some((objects) => objects.length > 0);
  }

  /** The generated objects of what a target takes in, as they are there. */
  #below(target: string): readonly KubeObject[] {
    const { bases } = this.#tree.nodes.get(target)!;
    const others = new Set(bases.filter((base) => !this.#outputs.has(base)).flatMap((base) => [...this.#tree.closure(base)]));
    return [...bases.flatMap((base) => this.#outputs.get(base) ?? []), ...this.#wanted.seeds.filter(({ listers }) => listers.some((lister) => others.has(lister))).map(({ object }) => object)];
  }

  /** Generated objects that `namespace:` of a target would give the name of another one: all but the first of a name. */
  #findDoomed(target: string): readonly KubeObject[] {
    if (readRenaming(this.#tree, target).namespace === undefined) return [];
    const taken = new Map<string, string>();
    return [...new Map(this.#below(target).map((object) => [identityOf(object), object])).values()].filter((object) => {
      const key = `${groupOf(object)}/${kindOf(object)}/${nameOf(object)}`;
      const first = taken.get(key);
      if (first === undefined) taken.set(key, namespaceOf(object));
      return first !== undefined && first !== namespaceOf(object);
    });
  }

  /** Writes what a target lacks into its directory: objects that only it has, and patches at its end. */
  async #finish(target: string, built: Built, result: PipelineResult, rebuild: Rebuild | undefined): Promise<readonly Diagnostic[] | "as it was" | "changed"> {
    const { deltas, missing } = compareBuild(built, result);
    const placed = this.#place(target, built, missing.map(({ object }) => object));
    if (placed.length > 0 && rebuild && !changesOf(this.#tree, target).every(isPredictable)) {
      const again = await rebuild(target);
      if (isRefused(again)) return again;
      for (const each of placed) each.object = again.generated.find(({ seed }) => seed === each.seed)?.object ?? each.object;
    }
    const all = [...deltas, ...placed.flatMap(({ object, wanted }) => findDelta(object, wanted))];
    if (all.length === 0) return placed.length > 0 ? "changed" : "as it was";
    const whole = { ...built, generated: [...built.generated, ...placed] };
    for (const patch of writePatches(all, findNamesakes(whole))) this.#wanted.addPatch(target, patch);
    const confused = findConfused(all, whole, shown(this.#tree.nodes.get(target)!.file));
    return confused.length > 0 ? confused : "changed";
  }

  /** Puts objects that a build lacks into files of the target; gives them as kustomize will have them by then. */
  #place(target: string, built: Built, missing: readonly KubeObject[]): { readonly seed: Seed; object: KubeObject; readonly wanted: KubeObject }[] {
    if (missing.length === 0) return [];
    const renaming = readRenaming(this.#tree, target);
    const services = serviceNames(built.people.map(({ item }) => item.object));
    const before = new Set([...this.#below(target), ...this.#seedsIn(target).filter(({ listers }) => listers.includes(target)).map((seed) => seed.object)].map(identityOf));
    const after = new Set([...built.generated.map(({ object }) => object), ...built.people.map(({ actual }) => actual)].map(identityOf));
    const placed = missing.map((wanted) => {
      const { written, built: object } = placeObject(wanted, renaming, services, { before, after });
      before.add(identityOf(written));
      after.add(identityOf(object));
      return { seed: this.#wanted.addSeed({ file: join(target, fileNameOf(kindOf(wanted))), object: written, origin: "overlay", listers: [target] }), object, wanted };
    });
    if (placed.length > 0 && !this.#isWired(target)) this.#wanted.addReferences(target);
    return placed;
  }
}

/** A file in which kustomize leaves no ServiceMesh out of what it builds. */
function showMesh(text: string): string {
  const hidden = { path: ["metadata", "annotations", "config.kubernetes.io/local-config"], value: "false" };
  return splitStream(text).chunks.map((chunk) => chunk.before + (holdsMesh(chunk.text) && isLocalMesh(chunk.text) ? editText(chunk.text, [hidden]) : chunk.text)).join("");
}

function isRefused(built: Built | readonly Diagnostic[]): built is readonly Diagnostic[] {
  return Array.isArray(built);
}

/** One thing seen through two overlays is said once. */
function isSame(a: Diagnostic, b: Diagnostic): boolean {
  return a.code === b.code && a.read === b.read && a.position !== undefined && b.position !== undefined
    && a.position.file === b.position.file && a.position.line === b.position.line && a.position.column === b.position.column;
}
