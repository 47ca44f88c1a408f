import { resolve } from "node:path";
import { asMapping, mappingAt, stringsAt, type Item, type KubeObject, type Mapping } from "../../generators/kube/object.ts";
import { readInput } from "../input.ts";
import { readEarlierNames } from "../tree/origins.ts";
import type { FieldEdit } from "../edit.ts";
import { valueAt, withFields } from "./delta.ts";
import type { Source } from "./objects.ts";
import type { Seed } from "./wanted.ts";

/** Fields that istiomize adds to an object in the file that people wrote. */
export interface Insertion {
  readonly source: Source;
  readonly edits: readonly FieldEdit[];
}

/** What a kustomization builds, with generated objects and inserted fields told apart from what people wrote. */
export interface Built {
  /** Each object as people mean it, and as a plain build gives it. */
  readonly people: readonly { readonly item: Item; readonly actual: KubeObject }[];
  readonly generated: readonly { readonly seed: Seed; readonly object: KubeObject }[];
  /** Fills in the names that the objects had in their files. */
  readonly withEarlierNames: () => Built;
}

/** Annotations that lead from an object of a build back to the seed or the insertion that it came from. */
const seedMark = "istiomize.dev/x-istiomize-seed";
const insertionMark = "istiomize.dev/x-istiomize-insertion";

export function markSeed({ object, id }: Seed): KubeObject {
  const metadata = mappingAt(object, "metadata");
  return { ...object, metadata: { ...metadata, annotations: { ...mappingAt(metadata, "annotations"), [seedMark]: String(id) } } };
}

export function markInsertion(id: number): FieldEdit {
  return { path: ["metadata", "annotations", insertionMark], value: String(id) };
}

/** What a kustomization builds that does nothing but list files: those files. */
export function readPlain(sources: readonly Source[], insertions: ReadonlyMap<Item, Insertion>, seeds: readonly Seed[]): Built {
  const built: Built = {
    people: sources.map(({ item }) => ({ item, actual: withFields(item.object, insertions.get(item)?.edits ?? []) })),
    generated: seeds.map((seed) => ({ seed, object: seed.object })),
    withEarlierNames: () => built,
  };
  return built;
}

/** What kustomize built; `toTree` finds the file of the tree that an origin names. */
export async function readBuild(output: string, name: string, insertions: readonly Insertion[], seeds: readonly Seed[], toTree: (origin: string) => string): Promise<Built> {
  const { leaves } = await readInput(output, name);
  const people: Built["people"][number][] = [];
  const generated: Built["generated"][number][] = [];
  for (const { item } of leaves) {
    const marks = stringsAt(item.object, "metadata", "annotations");
    const seed = marks[seedMark] === undefined ? undefined : seeds[Number(marks[seedMark])];
    const insertion = marks[insertionMark] === undefined ? undefined : insertions[Number(marks[insertionMark])];
    if (seed) generated.push({ seed, object: item.object });
    else people.push(insertion ? { item: { ...item, object: withoutInsertion(item.object, insertion) }, actual: item.object } : { item, actual: item.object });
  }
  return {
    people, generated,
    withEarlierNames: () => {
      const earlier = readEarlierNames(people.map(({ item }) => item.object), (origin) => toTree(resolve(name, origin)));
      const named = people.map((each) => ({ ...each, item: { ...each.item, earlier: earlier(each.item.object) } }));
      return { people: named, generated, withEarlierNames: () => ({ people: named, generated, withEarlierNames: () => { throw new Error("earlier names are known already"); } }) };
    },
  };
}

/** The object as people wrote it, as far as nothing in the build replaced what was inserted. */
function withoutInsertion(object: KubeObject, { source, edits }: Insertion): KubeObject {
  const mine = edits.filter(({ path, value }) => valueAt(object, path) === value);
  const marked: FieldEdit = { path: ["metadata", "annotations", insertionMark], value: undefined };
  const bare = withFields(object, [...mine.map(({ path }) => ({ path, value: undefined })), marked]);
  return [...mine, marked].reduce<KubeObject>((pruned, { path }) => prune(pruned, path, source.item.object), bare);
}

/** Takes out mappings that were made for an inserted field and are empty now. */
function prune(object: KubeObject, path: readonly string[], before: unknown): KubeObject {
  const [key, ...rest] = path;
  const inner = asMapping(object[key!]);
  if (rest.length === 0 || !inner) return object;
  const pruned = prune(inner, rest, asMapping(before)?.[key!]);
  if (Object.keys(pruned).length > 0 || asMapping(asMapping(before)?.[key!])) return { ...object, [key!]: pruned };
  const { [key!]: _, ...others } = object as Mapping;
  return others;
}
