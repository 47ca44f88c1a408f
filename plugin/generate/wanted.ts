import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { compareText, groupOf, kindOf, nameOf, namespaceOf, type KubeObject } from "../../generators/kube/object.ts";
import { asList } from "../../generators/kube/object.ts";
import { editLists, type ListEdit } from "../tree/lists.ts";
import { writeYaml } from "../write-yaml.ts";
import type { FileChange } from "../write/change.ts";
import { nameReferences, referencesFile, writeHeader, type OriginOf } from "./ownership.ts";
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

type Field = "resources" | "configurations" | "transformers";
const fields: readonly Field[] = ["resources", "configurations", "transformers"];

/** The generated files that a tree should have, and the entries of its kustomizations that name them. */
export class Wanted {
  readonly #tree: SourceTree;
  readonly #seeds = new Map<string, Seed[]>();
  readonly #texts = new Map<string, string>();
  readonly #entries = new Map<string, Map<Field, Set<string>>>();
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

  addPatch(directory: string, name: string, text: string): void {
    this.#texts.set(join(directory, name), text);
    this.#addEntry(directory, "transformers", join(directory, name));
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

  /** The objects in a generated file, in the order in which they stand there. */
  seedsIn(file: string): readonly Seed[] {
    return [...(this.#seeds.get(file) ?? [])].sort(compareSeeds);
  }

  /** The text of a kustomization with the entries that it should have; throws where it cannot be edited. */
  kustomizationOf(directory: string): string {
    const node = this.#tree.nodes.get(directory)!;
    return editLists(node.text, fields.map((field) => this.#editOf(directory, field)).filter(({ add, remove }) => add.length > 0 || textsOf(node.content, "resources", "configurations", "transformers").some(remove)));
  }

  #editOf(directory: string, field: Field): ListEdit {
    const wanted = this.#entries.get(directory)?.get(field) ?? new Set<string>();
    const node = this.#tree.nodes.get(directory)!;
    const isOwn = (entry: string): boolean => wanted.has(relative(directory, resolve(directory, entry))) || this.#tree.owned.has(resolve(directory, entry));
    // A transformer that somebody added behind ours would run after them: ours go last again.
    const present = textsOf(node.content, field);
    const firstOwn = present.findIndex(isOwn);
    const isBehind = field === "transformers" && firstOwn >= 0 && present.slice(firstOwn).some((entry) => !isOwn(entry));
    const add = [...wanted].sort(compareText);
    return { field, remove: (entry) => isOwn(entry) && (isBehind || !wanted.has(relative(directory, resolve(directory, entry)))), add };
  }

  /** What is to change on disk: generated files, and the kustomizations that list them. */
  changes(): { readonly changes: readonly FileChange[]; readonly diagnostics: readonly Diagnostic[] } {
    const diagnostics: Diagnostic[] = [];
    const changes: FileChange[] = [];
    for (const file of new Set([...this.#tree.owned.keys(), ...this.files()])) {
      if (!this.#tree.isInside(file)) continue;
      const before = this.#tree.owned.get(file);
      const after = this.textOf(file);
      if (before === undefined && existsSync(file)) diagnostics.push(diagnose("IZ406", undefined, { file: shown(file) }, { position: { file: shown(file), line: 1 } }));
      else if (before !== after) changes.push({ path: file, before, after });
    }
    for (const node of this.#tree.nodes.values()) {
      if (!this.#tree.isInside(node.file)) continue;
      const { directory, text } = node;
      if (!this.#entries.has(directory) && !textsOf(node.content, ...fields).some((entry) => this.#tree.owned.has(resolve(directory, entry)))) continue;
      try {
        const after = this.kustomizationOf(directory);
        if (after !== text) changes.push({ path: node.file, before: text, after });
      } catch (error) {
        const entries = [...(this.#entries.get(directory)?.values() ?? [])].flatMap((set) => [...set]);
        diagnostics.push(diagnose("IZ427", undefined, { message: (error as Error).message, entries }, { position: { file: shown(node.file) } }));
      }
    }
    return { changes, diagnostics };
  }
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
