import { writeFileSync, mkdirSync, realpathSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { kindOf, nameOf, namespaceOf, identityOf, type EarlierName, type KubeObject } from "../../generators/kube/object.ts";
import { readInput, type Knowledge } from "../input.ts";
import { originOf } from "../files.ts";
import { writeYaml } from "../write-yaml.ts";
import { startBuild, type Tool } from "./tool.ts";
import { readObjects } from "./tree.ts";

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
  const earlier = new Map<string, readonly EarlierName[]>();
  for (const { item } of (await readInput(build.stdout, "origins")).leaves) {
    const origin = originOf(item.object);
    if (origin !== undefined) earlier.set(identityOf(item.object), namesIn(resolve(over, origin), item.object));
  }
  return (object) => ({ earlier: earlier.get(identityOf(object)) ?? [] });
}

/** The name that the object has in its file: the longest one that its final name was made from. */
function namesIn(file: string, object: KubeObject): readonly EarlierName[] {
  const fitting = readObjects(file).filter((each) => kindOf(each) === kindOf(object) && nameOf(each) !== "" && nameOf(object).includes(nameOf(each)));
  const longest = Math.max(...fitting.map((each) => nameOf(each).length));
  return fitting.filter((each) => nameOf(each).length === longest).map((each) => ({ name: nameOf(each), namespace: namespaceOf(each) }));
}
