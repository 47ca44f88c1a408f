import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { compareText, groupOf, kindOf, nameOf, namespaceOf, type KubeObject } from "../../generators/kube/object.ts";
import { asList, asMapping, asText } from "../../generators/kube/object.ts";
import { editLists, type ListEdit } from "../tree/lists.ts";
import { writeYaml } from "../write-yaml.ts";
import type { Kustomization } from "../tree/tree.ts";
import type { FileChange } from "../write/change.ts";
import { addPatch, removeEntries } from "../tree/patch-entries.ts";
import { writeRemoval, type PatchFile } from "./delta.ts";
import { mayBeOwned, nameReferences, referencesFile, writeHeader, type OriginOf } from "./ownership.ts";
import { shown, type SourceTree } from "./source.ts";

/** A generated object and the file that is to hold it. */
export interface Seed {
  readonly id: number;
  readonly file: string;
  readonly object: KubeObject;
  readonly origin: OriginOf;
  /** The kustomizations that are to list the file. */
  readonly listers: readonly string[];
}

/** A kustomization in which single lines cannot be changed for certain. */
export class Uneditable extends Error {
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic) {
    super(diagnostic.read);
    this.diagnostic = diagnostic;
  }
}

type Field = "resources" | "configurations" | "transformers" | "patches";
const fields: readonly Exclude<Field, "patches">[] = ["resources", "configurations", "transformers"];

/** The generated files that a tree should have, and the entries of its kustomizations that name them. */
export class Wanted {
  readonly #tree: SourceTree;
  readonly #seeds = new Map<string, Seed[]>();
  readonly #texts = new Map<string, string>();
  readonly #entries = new Map<string, Map<Field, Set<string>>>();
  readonly #patches = new Map<string, PatchFile>();
  readonly seeds: Seed[] = [];

  constructor(tree: SourceTree) {
    this.#tree = tree;
  }

  addSeed(seed: Omit<Seed, "id">): Seed {
    const added = { ...seed, id: this.seeds.length };
    this.seeds.push(added);
    const list = this.#seeds.get(seed.file);
    if (list) list.push(added);
    else this.#seeds.set(seed.file, [added]);
    for (const lister of seed.listers) this.#addEntry(lister, "resources", seed.file);
    return added;
  }

  addPatch(directory: string, patch: PatchFile): void {
    const { name } = patch;
    this.#patches.set(join(directory, name), patch);
    this.#texts.set(join(directory, name), patch.text);
    this.#addEntry(directory, "transformers", join(directory, name));
  }

  /** Takes an object out of what a kustomization builds on. */
  addRemoval(directory: string, object: KubeObject): void {
    const { name, text } = writeRemoval(object);
    this.#texts.set(join(directory, name), text);
    this.#addEntry(directory, "patches", join(directory, name));
  }

  addReferences(directory: string): void {
    this.#texts.set(join(directory, referencesFile), nameReferences);
    this.#addEntry(directory, "configurations", join(directory, referencesFile));
  }

  hasReferences(directory: string): boolean {
    return this.#texts.has(join(directory, referencesFile));
  }

  #addEntry(directory: string, field: Field, file: string): void {
    const own = this.#entries.get(directory) ?? new Map<Field, Set<string>>();
    this.#entries.set(directory, own.set(field, (own.get(field) ?? new Set()).add(relative(directory, file))));
  }

  /** The kustomizations that list generated files. */
  directories(): readonly string[] {
    return [...this.#entries.keys()];
  }

  files(): readonly string[] {
    return [...this.#seeds.keys(), ...this.#texts.keys()];
  }

  /** The text of a generated file; `mark` may add annotations that a build is to carry through. */
  textOf(file: string, mark: (seed: Seed) => KubeObject = ({ object }) => object): string | undefined {
    const seeds = this.#seeds.get(file);
    if (!seeds) return this.#texts.get(file);
    return writeHeader(seeds[0]!.origin) + [...seeds].sort(compareSeeds).map((seed) => writeYaml(mark(seed))).join("---\n");
  }

  patchIn(file: string): PatchFile | undefined {
    return this.#patches.get(file);
  }

  /** The objects that a generated file holds or patches. */
  objectsOf(file: string): readonly KubeObject[] {
    return this.#patches.get(file)?.deltas.map(({ object }) => object) ?? (this.#seeds.get(file) ?? []).map(({ object }) => object);
  }

  /** The text of a kustomization with the entries that it should have, of these files only; throws `Uneditable`. */
  kustomizationOf(directory: string, isChosen: (file: string) => boolean = () => true): string {
    const node = this.#tree.nodes.get(directory)!;
    try {
      return this.#edit(node, isChosen);
    } catch (error) {
      const entries = [...(this.#entries.get(directory)?.values() ?? [])].flatMap((set) => [...set]);
      throw new Uneditable(diagnose("IZ427", undefined, { message: (error as Error).message, entries }, { position: { file: shown(node.file) } }));
    }
  }

  #edit(node: Kustomization, isChosen: (file: string) => boolean): string {
    const edits = fields.flatMap((field) => this.#editOf(node, field, isChosen) ?? []);
    if (edits.length === 0 && !node.content["patches"] && !this.#entries.get(node.directory)?.has("patches")) return node.text;
    // What is to stand behind the others is taken out first: an entry that is there already would stay where it is.
    const freed = editLists(node.text, edits.filter(({ moves }) => moves.size > 0).map(({ field, moves }) => ({ field, remove: (entry) => moves.has(entry), add: [] })));
    return this.#withPatches(node, edits.length === 0 ? freed : editLists(freed, edits), isChosen);
  }

  /** Entries of `patches` are mappings; few trees need one. */
  #withPatches(node: Kustomization, text: string, isChosen: (file: string) => boolean): string {
    const { directory } = node;
    const wanted = [...(this.#entries.get(directory)?.get("patches") ?? [])].filter((entry) => isChosen(resolve(directory, entry))).sort(compareText);
    const pathOf = (entry: unknown): string => relative(directory, resolve(directory, asText(asMapping(entry)?.["path"]) ?? "."));
    const isStale = (entry: unknown): boolean => pathOf(entry) !== "" && isChosen(resolve(directory, pathOf(entry))) && this.#tree.isOwnedEntry(resolve(directory, pathOf(entry))) && !wanted.includes(pathOf(entry));
    const present = asList(node.content["patches"]);
    const freed = present.some(isStale) ? removeEntries(text, "patches", isStale) : text;
    return wanted.filter((path) => !present.some((entry) => pathOf(entry) === path)).reduce((edited, path) => addPatch(edited, { path }), freed);
  }

  /** What is to become of one list; nothing where it is as it should be. */
  #editOf(node: Kustomization, field: (typeof fields)[number], isChosen: (file: string) => boolean): (ListEdit & { readonly moves: ReadonlySet<string> }) | undefined {
    const { directory } = node;
    const wanted = new Set([...(this.#entries.get(directory)?.get(field) ?? [])].filter((entry) => isChosen(join(directory, entry))));
    const present = textsOf(node.content, field).map((entry) => ({ entry: entry.replace(/^\.\//, ""), path: mayBeOwned(entry) ? relative(directory, resolve(directory, entry)) : entry }));
    const isOurs = ({ entry, path }: { readonly entry: string; readonly path: string }): boolean => mayBeOwned(entry) && this.#tree.isOwnedEntry(join(directory, path));
    const isOwn = (each: { readonly entry: string; readonly path: string }): boolean => isChosen(join(directory, each.path)) && isOurs(each);
    const own = present.filter(isOwn);
    const add = field === "transformers" ? [...wanted] : [...wanted].sort(compareText);
    const stale = new Set(own.filter(({ path }) => !wanted.has(path)).map(({ entry }) => entry));
    // A transformer that somebody added behind ours would run after them: ours go last again, in their order.
    const last = present.findLastIndex((each) => !isOurs(each));
    const isInOrder = field !== "transformers" || (!present.slice(0, Math.max(last, 0)).some(isOwn) && own.filter(({ path }) => wanted.has(path)).every(({ path }, i) => path === add[i]));
    const missing = add.some((entry) => !present.some(({ path }) => path === entry));
    if (stale.size === 0 && isInOrder && !missing) return undefined;
    return { field, moves: new Set(isInOrder ? [] : own.map(({ entry }) => entry)), remove: (entry) => stale.has(entry.replace(/^\.\//, "")), add };
  }

  /** What is to change on disk: generated files, or the chosen ones of them, and the kustomizations that list them. */
  changes(isChosen: (file: string) => boolean = () => true): { readonly changes: readonly FileChange[]; readonly diagnostics: readonly Diagnostic[] } {
    const diagnostics: Diagnostic[] = [];
    const changes: FileChange[] = [];
    for (const file of new Set([...this.#tree.owned.keys(), ...this.files()])) {
      if (!this.#tree.isInside(file) || !isChosen(file)) continue;
      const before = this.#tree.owned.get(file);
      const after = withLineEnds(this.textOf(file), before);
      if (before === undefined && existsSync(file)) diagnostics.push(diagnose("IZ406", undefined, { file: shown(file) }, { position: { file: shown(file), line: 1 } }));
      else if (before !== after) changes.push({ path: file, before, after });
    }
    for (const node of this.#tree.nodes.values()) {
      if (!this.#tree.isInside(node.file)) continue;
      const { directory, text } = node;
      const paths = asList(node.content["patches"]).flatMap((entry) => asText(asMapping(entry)?.["path"]) ?? []);
      if (!this.#entries.has(directory) && ![...textsOf(node.content, ...fields), ...paths].some((entry) => this.#tree.isOwnedEntry(resolve(directory, entry)))) continue;
      try {
        const after = this.kustomizationOf(directory, isChosen);
        if (after !== text) changes.push({ path: node.file, before: text, after });
      } catch (error) {
        if (!(error instanceof Uneditable)) throw error;
        diagnostics.push(error.diagnostic);
      }
    }
    return { changes, diagnostics };
  }
}

/** A checkout may have changed the line ends of a generated file: that is no difference. */
function withLineEnds(text: string | undefined, like: string | undefined): string | undefined {
  return like?.includes("\r\n") ? text?.replaceAll("\n", "\r\n") : text;
}

function textsOf(content: { readonly [key: string]: unknown }, ...names: readonly string[]): readonly string[] {
  return names.flatMap((name) => asList(content[name]).filter((entry): entry is string => typeof entry === "string"));
}

function compareSeeds({ object: a }: Seed, { object: b }: Seed): number {
  return compareText(groupOf(a), groupOf(b)) || compareText(kindOf(a), kindOf(b)) || compareText(namespaceOf(a), namespaceOf(b)) || compareText(nameOf(a), nameOf(b));
}

/** The directory that a file stands in, which is where a new file beside it goes. */
export function beside(file: string, name: string): string {
  return join(dirname(file), name);
}
