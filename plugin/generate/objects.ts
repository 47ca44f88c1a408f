import type { Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { mappingAt, type Item } from "../../generators/kube/object.ts";
import { isServiceMesh } from "../../generators/mesh/config.ts";
import { runPipeline, type PipelineResult } from "../../generators/pipeline.ts";
import type { Chunk } from "../chunks.ts";
import { readInput } from "../input.ts";
import { shown, type SourceTree } from "./source.ts";

/** An object as it stands in a file that people wrote. */
export interface Source {
  readonly item: Item;
  readonly file: string;
  readonly chunk: Chunk;
}

/** The objects of resource files, each file read once; what cannot be read is reported once. */
export class Sources {
  readonly #tree: SourceTree;
  readonly #byFile = new Map<string, readonly Source[]>();
  readonly #byItem = new Map<Item, Source>();
  readonly diagnostics: Diagnostic[] = [];

  constructor(tree: SourceTree) {
    this.#tree = tree;
  }

  async of(file: string): Promise<readonly Source[]> {
    const known = this.#byFile.get(file);
    if (known) return known;
    const { leaves, diagnostics } = await readInput(this.#tree.original(file), shown(file));
    this.diagnostics.push(...diagnostics);
    const sources = leaves.map(({ item, chunk }): Source => ({ item, file, chunk }));
    for (const source of sources) this.#byItem.set(source.item, source);
    this.#byFile.set(file, sources);
    return sources;
  }

  find(item: Item | undefined): Source | undefined {
    return item && this.#byItem.get(item);
  }

  /** All objects that were read so far. */
  everything(): readonly Source[] {
    return [...this.#byFile.values()].flat();
  }

  async all(files: readonly string[]): Promise<readonly Source[]> {
    const lists: (readonly Source[])[] = [];
    for (const file of files) lists.push(await this.of(file));
    return lists.flat();
  }
}

/** The pipeline over objects of a tree. */
export async function runOn(items: readonly Item[]): Promise<PipelineResult> {
  const asks = items.some(({ object }) => isServiceMesh(object) && mappingAt(object, "spec")["requires"] !== undefined);
  const satisfies = asks ? (await import("../version.ts")).satisfies : undefined;
  return runPipeline({ items, caller: "stream", isFiles: true, version: ISTIOMIZE_VERSION, ...(satisfies && { satisfies }) });
}
