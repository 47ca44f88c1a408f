import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { asList, asMapping, asText, groupOf, kindOf, mappingAt, nameOf, namespaceOf, type KubeObject } from "../../generators/kube/object.ts";
import { readDocuments } from "../chunks.ts";
import { texts } from "../tree/tree.ts";
import type { Built } from "./build.ts";
import { withFields } from "./delta.ts";
import type { SourceTree } from "./source.ts";

/** A field in which objects of a kind name an Istio object, and which kustomize therefore mends. */
interface Reference {
  readonly to: string;
  readonly from: string;
  readonly path: readonly string[];
}

/** The name references to VirtualServices and DestinationRules that people list, such as those of Argo Rollouts. */
export function readReferences(tree: SourceTree, target: string): readonly Reference[] {
  const nodes = [...tree.closure(target)].flatMap((at) => tree.nodes.get(at) ?? []);
  const files = new Set(nodes.flatMap(({ directory, content }) => texts(content["configurations"]).map((entry) => resolve(directory, entry))).filter((file) => !tree.owned.has(file) && existsSync(file)));
  return [...files].flatMap((file) => readDocuments(tree.read(file))).flatMap(({ nameReference }) => asList(nameReference)).flatMap((entry) => {
    const { kind, fieldSpecs } = asMapping(entry) ?? {};
    if (kind !== "VirtualService" && kind !== "DestinationRule") return [];
    return asList(fieldSpecs).map((spec): Reference => ({ to: kind, from: asText(asMapping(spec)?.["kind"]) ?? "", path: (asText(asMapping(spec)?.["path"]) ?? "").split("/") }));
  });
}

/**
 * A build with the references of people's objects as they are where nothing is generated: there they keep the name that
 * people wrote, and the object is made under that one.
 */
export function restoreReferences(built: Built, references: readonly Reference[]): Built {
  const renamed = built.generated.filter(({ seed, object }) => nameOf(seed.object) !== nameOf(object));
  if (references.length === 0 || renamed.length === 0) return built;
  const restore = (object: KubeObject): KubeObject => withFields(object, references.filter(({ from }) => from === kindOf(object)).flatMap(({ to, path }) => {
    const said = mappingAt(object, ...path.slice(0, -1))[path.at(-1)!];
    const found = renamed.find((each) => groupOf(each.object) === "networking.istio.io" && kindOf(each.object) === to && nameOf(each.object) === said && namespaceOf(each.object) === namespaceOf(object));
    return found ? [{ path, value: nameOf(found.seed.object) }] : [];
  }));
  return {
    ...built,
    people: built.people.map(({ item, actual }) => {
      const object = restore(item.object);
      return object === item.object ? { item, actual } : { item: { ...item, object }, actual: actual === item.object ? object : restore(actual) };
    }),
    withEarlierNames: async () => restoreReferences(await built.withEarlierNames(), references),
  };
}
