import { writeFileSync, mkdirSync, realpathSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { asText, kindOf, nameOf, namespaceOf, identityOf, type EarlierName, type KubeObject } from "../../generators/kube/object.ts";
import { readInput, type Knowledge } from "../input.ts";
import { originOf } from "../files.ts";
import { writeYaml } from "../write-yaml.ts";
import { startBuild, type Tool } from "./tool.ts";
import { readObjects, walkKustomizations, type Kustomization } from "./tree.ts";

/**
 * Earlier names of the objects of a build, from the files that kustomize says they came from: a second build through
 * a temporary kustomization that asks for origin annotations. The first build stays the one that is printed.
 */
export async function learnEarlierNames(tool: Tool, directory: string, flags: readonly string[], temporary: string): Promise<Knowledge> {
  const wrapper = realpathSync(temporary);
  const over = join(wrapper, "over");
  mkdirSync(over);
  writeFileSync(join(over, "kustomization.yaml"), writeYaml({ resources: [relative(over, realpathSync(directory))], buildMetadata: ["originAnnotations"] }));
  const build = await startBuild(tool, over, flags);
  if (build.code !== 0) return () => ({});
  const objects = (await readInput(build.stdout, "origins")).leaves.map(({ item }) => item.object);
  const earlier = readEarlierNames(objects, (origin) => resolve(over, origin), walkKustomizations(realpathSync(directory)));
  return (object) => ({ earlier: earlier(object) });
}

/** The namespaces that kustomizations on the way from a file to what is built put its objects into. */
function findNamespacesOn(nodes: readonly Kustomization[]): (file: string) => readonly string[] {
  const above = new Map<string, Kustomization[]>();
  for (const node of nodes) for (const below of [...node.resources, ...node.bases]) above.set(below, [...(above.get(below) ?? []), node]);
  return (file) => {
    const way = new Set<Kustomization>(above.get(file));
    for (const { directory, bases } of way) {
      for (const each of above.get(directory) ?? []) way.add(each);
      for (const each of nodes) if (each.isComponent && bases.includes(each.directory)) way.add(each); // it changes what includes it
    }
    return [...new Set([...way].flatMap(({ content }) => asText(content["namespace"]) ?? []))];
  };
}

/** Earlier names by object, from the origins that kustomize wrote down; `resolveOrigin` finds the file that one names. */
export function readEarlierNames(objects: readonly KubeObject[], resolveOrigin: (origin: string) => string, nodes: readonly Kustomization[]): (object: KubeObject) => readonly EarlierName[] {
  const namespacesOf = findNamespacesOn(nodes);
  const byFile = new Map<string, KubeObject[]>();
  for (const object of objects) {
    const origin = originOf(object);
    if (origin === undefined) continue;
    const key = `${kindOf(object)}\n${resolveOrigin(origin)}`;
    byFile.set(key, [...(byFile.get(key) ?? []), object]);
  }
  const earlier = new Map<string, readonly EarlierName[]>();
  for (const [key, same] of byFile) {
    const file = key.split("\n")[1]!;
    for (const [object, names] of matchNames(file, same)) {
      earlier.set(identityOf(object), names.flatMap((each) => [each, ...namespacesOf(file).map((namespace) => ({ name: each.name, namespace }))]));
    }
  }
  return (object) => earlier.get(identityOf(object)) ?? [];
}

/** The names that objects have in their file: with one prefix and suffix that explain them all, else the longest each. */
function matchNames(file: string, objects: readonly KubeObject[]): readonly (readonly [KubeObject, readonly EarlierName[]])[] {
  const written = readObjects(file).filter((each) => kindOf(each) === kindOf(objects[0]!) && nameOf(each) !== "");
  const names = new Set(written.map(nameOf));
  const inner = (object: KubeObject, [prefix, suffix]: readonly [string, string]): string | undefined => {
    const name = nameOf(object);
    const found = name.startsWith(prefix) && name.endsWith(suffix) ? name.slice(prefix.length, name.length - suffix.length) : "";
    return names.has(found) ? found : undefined;
  };
  const first = nameOf(objects[0]!);
  const affixes = [...names].filter((name) => first.includes(name)).map((name) => [first.slice(0, first.indexOf(name)), first.slice(first.indexOf(name) + name.length)] as const);
  const common = affixes.find((each) => new Set(objects.map((object) => inner(object, each)).filter((name) => name !== undefined)).size === objects.length);
  return objects.map((object) => {
    const longest = Math.max(0, ...[...names].filter((name) => nameOf(object).includes(name)).map((name) => name.length));
    const meant = written.filter((each) => (common ? nameOf(each) === inner(object, common) : nameOf(each).length === longest && nameOf(object).includes(nameOf(each))));
    return [object, meant.map((each) => ({ name: nameOf(each), namespace: namespaceOf(each) }))];
  });
}
