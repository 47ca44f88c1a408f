import { resolve } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { asList, asMapping, asText, describeObject, groupOf, identityOf, kindOf, nameOf, stringsAt, type KubeObject } from "../../generators/kube/object.ts";
import { isServiceMesh } from "../../generators/mesh/config.ts";
import { readDocuments } from "../chunks.ts";
import { runsMesh, type Kustomization } from "../tree/tree.ts";
import { findLayout } from "./layout.ts";
import type { Source } from "./objects.ts";
import { shown, type SourceTree } from "./source.ts";
import type { Seed } from "./wanted.ts";

/** Whether all ServiceMeshes of a tree are in the files layout; the first file of another one is named. */
export function checkLayout(tree: SourceTree): readonly Diagnostic[] {
  const running = [...tree.nodes.values()].find((node) => tree.isInside(node.directory) && runsMesh(node));
  if (running) return [diagnose("IZ421", undefined, { layout: "transformer", file: shown(running.file) }, { position: { file: shown(running.file), line: lineOf(running.text, /^transformers:/m) } })];
  for (const target of findLayout(tree).targets) {
    const nodes = [...tree.closure(target)].map((at) => tree.nodes.get(at)!);
    if (nodes.some((node) => patchesOf(node, tree.read).some(({ text }) => isLocalMesh(text)))) continue;
    const visible = nodes.flatMap(({ resources }) => resources).find((file) => tree.meshFiles.has(file) && holdsVisibleMesh(tree.read(file)));
    if (visible !== undefined) return [diagnose("IZ421", undefined, { layout: "resource", file: shown(visible) }, { position: { file: shown(visible), line: lineOf(tree.read(visible), /^[ \t-]*kind:\s*["']?ServiceMesh/m) } })];
  }
  return [];
}

/** Whether a ServiceMesh in a file, or in a list there, would be in what a plain build gives. */
function holdsVisibleMesh(text: string): boolean {
  const objects = readDocuments(text).flatMap((object) => (kindOf(object).endsWith("List") ? asList(object["items"]).map(asMapping).filter((item) => item !== undefined) : [object]));
  return objects.some((object) => isServiceMesh(object) && stringsAt(object, "metadata", "annotations")["config.kubernetes.io/local-config"] !== "true");
}

/** Whether a text, an object or a patch, makes a ServiceMesh local to the configuration. */
export function isLocalMesh(text: string): boolean {
  return text.includes("ServiceMesh") && /config\.kubernetes\.io(\/|~1)local-config["']?\s*(:|,\s*value:|\n\s*value:)\s*["']true["']/.test(text);
}

function lineOf(text: string, pattern: RegExp): number {
  return text.slice(0, pattern.exec(text)?.index ?? 0).split("\n").length;
}

/** The patches of a kustomization: file or inline, with the text. */
export function patchesOf(node: Kustomization, read: (path: string) => string = () => ""): readonly { readonly name: string; readonly file: string; readonly text: string; readonly target?: { readonly [key: string]: unknown } }[] {
  return ["patches", "patchesStrategicMerge", "patchesJson6902"].flatMap((field) => asList(node.content[field])).flatMap((entry) => {
    const mapping = asMapping(entry);
    const inline = asText(mapping?.["patch"]) ?? (asText(entry)?.includes("\n") ? asText(entry) : undefined);
    const path = inline === undefined ? asText(mapping?.["path"]) ?? asText(entry) : undefined;
    const target = asMapping(mapping?.["target"]);
    const file = path === undefined ? node.file : resolve(node.directory, path);
    const text = inline ?? (path !== undefined && node.patches.includes(file) ? read(file) : "");
    return [{ name: path ?? "an inline patch", file, text, ...(target && { target }) }];
  });
}

/** People's patches of objects that istiomize generates. */
export function checkPatches(tree: SourceTree, target: string, seeds: readonly Seed[]): readonly Diagnostic[] {
  const generated = new Set(seeds.map(({ object }) => `${kindOf(object)}/${nameOf(object)}`));
  return [...tree.closure(target)].flatMap((at) => {
    const node = tree.nodes.get(at);
    if (!node || Object.keys(node.content).every((field) => !field.startsWith("patches"))) return [];
    return patchesOf(node, tree.read).filter(({ file }) => !tree.owned.has(file)).flatMap(({ name, file, text, target: chosen }) => {
      const wide = chosen && isWide(chosen) ? seeds.find(({ object }) => meets(chosen, object)) : undefined;
      if (wide) return [diagnose("IZ429", undefined, { patch: name, object: describeObject(wide.object) }, { position: { file: shown(file), line: lineOf(tree.read(file), new RegExp(`kind:\\s*["']?${kindOf(wide.object)}`)) } })];
      const named = chosen ? [{ kind: chosen["kind"], metadata: { name: chosen["name"] } }] : readDocuments(text);
      const hit = named.find((object) => generated.has(`${kindOf(object)}/${nameOf(object)}`));
      if (!hit) return [];
      const annotation = `istiomize.dev/${kindOf(hit) === "DestinationRule" ? "destination-rule-patch" : "virtual-service-patch"}`;
      return [diagnose("IZ423", undefined, { patch: name, object: describeObject(hit), annotation }, { position: { file: shown(file), line: lineOf(tree.read(file), new RegExp(`kind:\\s*["']?${kindOf(hit)}`)) } })];
    });
  });
}

/** Whether the target of a patch is more than one object by name. */
function isWide({ name }: { readonly [key: string]: unknown }): boolean {
  return name === undefined || !/^[a-z0-9.-]+$/.test(String(name));
}

function meets({ group, kind, name, labelSelector, annotationSelector }: { readonly [key: string]: unknown }, object: KubeObject): boolean {
  const fits = (pattern: unknown, text: string): boolean => {
    try {
      return pattern === undefined || new RegExp(`^(?:${String(pattern)})$`).test(text);
    } catch {
      return false;
    }
  };
  return kind !== undefined && labelSelector === undefined && annotationSelector === undefined && fits(group, groupOf(object)) && fits(kind, kindOf(object)) && fits(name, nameOf(object));
}

/** Objects that a kustomization would hold twice: of one identity, and below the same names and namespaces. */
export function checkTwice(tree: SourceTree, target: string, sources: readonly Source[]): readonly Diagnostic[] {
  const ways = findWays(tree, target);
  const seen = new Map<string, Source>();
  return sources.flatMap((source) => {
    const { object } = source.item;
    if (nameOf(object) === "") return [];
    const identity = `${asText(object["apiVersion"])} ${identityOf(object)} ${ways.get(source.file) ?? ""}`;
    const other = seen.get(identity);
    seen.set(identity, source);
    if (!other) return [];
    return [diagnose("IZ422", undefined, { object: `${describeObject(object)} in ${shown(source.file)}`, other: shown(other.file) }, { position: { file: shown(source.file), line: source.chunk.line + 1 } })];
  });
}

/** By file, everything below a target that renames what is in it. */
function findWays(tree: SourceTree, target: string): ReadonlyMap<string, string> {
  const ways = new Map<string, string>();
  const visit = (at: string, way: string): void => {
    const node = tree.nodes.get(at);
    if (!node) return;
    const own = ["namespace", "namePrefix", "nameSuffix"].flatMap((field) => (node.content[field] === undefined ? [] : [`${field}=${String(node.content[field])}`])).join(" ");
    const here = at === target || own === "" ? way : `${way} ${own}`;
    for (const file of node.resources) ways.set(file, `${ways.get(file) ?? ""}${here}`);
    for (const base of node.bases) visit(base, here);
  };
  visit(target, "");
  return ways;
}
