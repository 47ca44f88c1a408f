import { resolve } from "node:path";
import { asMapping, equal, mappingAt, stringsAt, type EarlierName, type Item, type KubeObject, type Mapping } from "../../generators/kube/object.ts";
import { readInput } from "../input.ts";
import { readEarlierNames } from "../tree/origins.ts";
import type { Kustomization } from "../tree/tree.ts";
import type { FieldEdit } from "../edit.ts";
import { withFields } from "./delta.ts";
import type { Source } from "./objects.ts";
import type { Seed } from "./wanted.ts";

/** An object as people wrote it, and as it is with what istiomize puts into it. */
export interface Change {
  readonly before: KubeObject;
  readonly after: KubeObject;
}

/** Fields that istiomize adds to an object in the file that people wrote. */
export interface Insertion extends Change {
  readonly source: Source;
  readonly edits: readonly FieldEdit[];
}

/** What a kustomization builds, with generated objects and inserted fields told apart from what people wrote. */
export interface Built {
  /** Each object as people mean it, and as a plain build gives it. */
  readonly people: readonly { readonly item: Item; readonly actual: KubeObject }[];
  readonly generated: readonly { readonly seed: Seed; readonly object: KubeObject }[];
  /** Fills in the names that the objects had in their files. */
  readonly withEarlierNames: () => Promise<Built>;
}

/** Annotations that lead from an object of a build back to the seed that it came from, or to the last change of ours. */
const seedMark = "istiomize.dev/x-istiomize-seed";
const changeMark = "istiomize.dev/x-istiomize-change";

export function markSeed({ object, id }: Seed): KubeObject {
  const metadata = mappingAt(object, "metadata");
  return { ...object, metadata: { ...metadata, annotations: { ...mappingAt(metadata, "annotations"), [seedMark]: String(id) } } };
}

/** The field that marks an object as changed. */
export function markChange(id: number): FieldEdit & { readonly value: string } {
  return { path: ["metadata", "annotations", changeMark], value: String(id) };
}

/** What a kustomization builds that does nothing but list files: those files. */
export function readPlain(sources: readonly Source[], insertions: ReadonlyMap<Item, Insertion>, seeds: readonly Seed[]): Built {
  const built: Built = {
    people: sources.map(({ item }) => ({ item, actual: withFields(item.object, insertions.get(item)?.edits ?? []) })),
    generated: seeds.map((seed) => ({ seed, object: seed.object })),
    withEarlierNames: async () => built,
  };
  return built;
}

/** What kustomize built; `learnNames` gives the names that its objects had in their files, which takes another build. */
export async function readBuild(output: string, name: string, changes: readonly Change[], seeds: readonly Seed[], learnNames: () => Promise<(object: KubeObject) => readonly EarlierName[]>): Promise<Built> {
  const { leaves } = await readInput(output, name);
  const people: Built["people"][number][] = [];
  const generated: Built["generated"][number][] = [];
  for (const { item } of leaves) {
    const marks = stringsAt(item.object, "metadata", "annotations");
    const seed = marks[seedMark] === undefined ? undefined : seeds[Number(marks[seedMark])];
    const change = marks[changeMark] === undefined ? undefined : changes[Number(marks[changeMark])];
    if (seed) generated.push({ seed, object: item.object });
    else people.push(change ? { item: { ...item, object: undo(item.object, change) }, actual: item.object } : { item, actual: item.object });
  }
  const built: Built = {
    people, generated,
    withEarlierNames: async () => {
      const earlier = await learnNames();
      return { ...built, people: people.map((each) => ({ ...each, item: { ...each.item, earlier: earlier(each.item.object) } })) };
    },
  };
  return built;
}

/** The names that the objects of a build had in their files, from a build that says where they came from. */
export async function readNames(output: string, name: string, toTree: (origin: string) => string, nodes: readonly Kustomization[]): Promise<(object: KubeObject) => readonly EarlierName[]> {
  const { leaves } = await readInput(output, name);
  return readEarlierNames(leaves.map(({ item }) => item.object), (origin) => toTree(resolve(name, origin)), nodes);
}

/** An object of a build without what istiomize changed in it, as far as nothing in the build replaced that. */
function undo(object: KubeObject, { before, after }: Change): KubeObject {
  return withFields(restore(object, after, before), [{ path: ["metadata", "annotations", changeMark], value: undefined }]);
}

function restore(now: Mapping, after: Mapping, before: Mapping): Mapping {
  const restored: { [key: string]: unknown } = { ...now };
  for (const key of Object.keys({ ...after, ...before })) {
    if (equal(after[key], before[key])) continue;
    const [inner, set] = [asMapping(now[key]), asMapping(after[key])];
    if (inner && set) {
      const rest = restore(inner, set, asMapping(before[key]) ?? {});
      if (Object.keys(rest).length > 0 || before[key] !== undefined) restored[key] = rest;
      else delete restored[key];
    } else if (equal(now[key], after[key])) {
      if (before[key] === undefined) delete restored[key];
      else restored[key] = before[key];
    }
  }
  return restored;
}
