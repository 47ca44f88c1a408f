import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { describeObject, groupOf, identityOf, kindOf, nameOf, namespaceOf, type Item, type KubeObject } from "../../generators/kube/object.ts";
import { isServiceMesh } from "../../generators/mesh/config.ts";
import type { Made } from "../../generators/mesh/context.ts";
import type { PipelineResult } from "../../generators/pipeline.ts";
import type { FieldEdit } from "../edit.ts";
import type { Built } from "./build.ts";
import { findDelta, withFields, type Delta } from "./delta.ts";

/** What a plain build lacks against a rendered one. */
export interface Difference {
  readonly deltas: readonly Delta[];
  /** Objects that nothing in the build becomes. */
  readonly missing: readonly Made[];
}

/** Compares what a kustomization builds with what the pipeline makes of people's objects in it. */
export function compareBuild({ people, generated }: Built, result: PipelineResult): Difference {
  const edits = new Map<Item, FieldEdit[]>();
  for (const { item, path, value } of result.edits) edits.set(item, [...(edits.get(item) ?? []), { path, value }]);
  const deltas = people.flatMap(({ item, actual }): readonly Delta[] => {
    if (isServiceMesh(actual)) return [];
    if (result.removed.has(item)) return [{ object: actual }];
    const replaced = result.replaced.get(item);
    if (replaced) return findDelta(actual, replaced);
    const own = edits.get(item);
    return own || actual !== item.object ? findDelta(actual, withFields(item.object, own ?? []), item.object) : [];
  });
  const { pairs, left, missing } = pairUp(generated, result.added);
  return {
    deltas: [...deltas, ...pairs.flatMap(([from, to]) => findDelta(from, to)), ...left.map((object): Delta => ({ object }))],
    missing,
  };
}

interface Pairing {
  readonly pairs: readonly (readonly [KubeObject, KubeObject])[];
  readonly left: readonly KubeObject[];
  readonly missing: readonly Made[];
}

/**
 * Which generated object becomes which: what belongs to a Service is named after it and follows it; what belongs to
 * the mesh keeps its own name, so it is known by what it was called before kustomize moved it.
 */
function pairUp(generated: Built["generated"], wanted: readonly Made[]): Pairing {
  const now = new Map(generated.map((each) => [identityOf(each.object), each]));
  const before = new Map(generated.map((each) => [identityOf(each.seed.object), each]));
  const used = new Set<KubeObject>();
  const take = (found: Built["generated"][number] | undefined): KubeObject | undefined => {
    if (!found || used.has(found.object)) return undefined;
    used.add(found.object);
    return found.object;
  };
  const pairs: (readonly [KubeObject, KubeObject])[] = [];
  const missing: Made[] = [];
  for (const made of [...wanted.filter(({ beside }) => !beside), ...wanted.filter(({ beside }) => beside)]) {
    const identity = identityOf(made.object);
    const found = made.beside ? take(now.get(identity)) : take(before.get(identity)) ?? take(now.get(identity));
    if (found) pairs.push([found, made.object]);
    else missing.push(made);
  }
  for (const made of [...missing]) {
    const moved = take(generated.find(({ seed, object }) => !used.has(object) && kindOf(seed.object) === kindOf(made.object) && groupOf(seed.object) === groupOf(made.object)
      && [seed.object, object].some((each) => nameOf(each) === nameOf(made.object))));
    if (!moved) continue;
    missing.splice(missing.indexOf(made), 1);
    pairs.push([moved, made.object]);
  }
  return { pairs, left: generated.filter(({ object }) => !used.has(object)).map(({ object }) => object), missing };
}

/** Whether another object of a build has the kind and the name of this one, now or before kustomize renamed it. */
export function findNamesakes({ people, generated }: Built): (object: KubeObject) => boolean {
  const counts = new Map<string, number>();
  const keyOf = (object: KubeObject): string => `${groupOf(object)}/${kindOf(object)}/${nameOf(object)}`;
  for (const keys of [...people.map(({ actual }) => [keyOf(actual)]), ...generated.map(({ object, seed }) => [keyOf(object), keyOf(seed.object)])]) {
    for (const key of new Set(keys)) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return (object) => (counts.get(keyOf(object)) ?? 0) > 1;
}

/** Generated objects that a patch by name would hit beside the one that is meant: kustomize also knows their earlier names. */
export function findConfused(deltas: readonly Delta[], { generated }: Built, file: string): readonly Diagnostic[] {
  const byName = new Map<string, Built["generated"][number][]>();
  for (const each of generated) {
    for (const object of new Set([each.object, each.seed.object])) {
      const key = `${groupOf(object)}/${kindOf(object)}/${nameOf(object)}`;
      byName.set(key, [...(byName.get(key) ?? []), each]);
    }
  }
  return deltas.flatMap(({ object }) => {
    const namesakes = byName.get(`${groupOf(object)}/${kindOf(object)}/${nameOf(object)}`) ?? [];
    const inside = (other: KubeObject): boolean => (namespaceOf(other) || "default") === (namespaceOf(object) || "default");
    const others = new Set(namesakes.filter((each) => each.object !== object && (inside(each.object) || inside(each.seed.object))).map((each) => describeObject(each.object)));
    return others.size === 0 ? [] : [diagnose("IZ425", undefined, { target: describeObject(object), others: [...others], file }, { position: { file } })];
  });
}
