import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, isAbsolute, relative, resolve } from "node:path";
import { load } from "js-yaml";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { asMapping, asText, kindOf, mappingAt, stringsAt, type Mapping } from "../../generators/kube/object.ts";
import { readDocuments } from "../chunks.ts";
import { isMaterialised } from "../generate/render-files.ts";
import { shown } from "../generate/source.ts";
import { findRenaming } from "../tree/above.ts";
import { holdsMesh, lookAt, readKustomization, texts, type Kustomization } from "../tree/tree.ts";
import { firstLine } from "./machine.ts";
import { findOnPath, isExecutable } from "../tree/on-path.ts";
import { readable } from "./program.ts";

/** How a kustomization gets its mesh: a form of the transformer, or a layout without one. */
export type TreeMode = "exec" | "plugin" | "container" | "resource" | "files" | "none";

export const modeNames: { readonly [M in TreeMode]: string } = {
  exec: "transformer, exec function", plugin: "transformer, older plugin", container: "transformer, container function",
  resource: "ServiceMesh as a resource", files: "files that generate wrote", none: "no ServiceMesh",
};

/** A ServiceMesh under `transformers:`, and the kustomization that lists it. */
interface Transformer {
  readonly node: Kustomization;
  /** The file that holds it; the kustomization itself where it is written inside. */
  readonly file: string;
  readonly text: string;
}

/** The mode of what is built from a kustomization, from all that it takes in. */
export function modeOf(tree: readonly Kustomization[]): TreeMode {
  const forms = tree.flatMap(findTransformers).map(formOf);
  const form = (["exec", "container", "plugin"] as const).find((each) => forms.includes(each));
  if (form) return form;
  if (readable(() => isMaterialised(tree))) return "files";
  return tree.some(({ resources }) => resources.some((file) => holdsMesh(textOf(file)))) ? "resource" : "none";
}

/** The transformers of one kustomization that are istiomize. */
function findTransformers(node: Kustomization): readonly Transformer[] {
  return listTransformers(node).filter(({ text }) => holdsMesh(text));
}

/** All transformers of one kustomization: in files, in directories of files, and written inside. */
function listTransformers(node: Kustomization): readonly Transformer[] {
  const inside = texts(node.content["transformers"]).filter((entry) => entry.includes("\n")).map((text) => ({ node, file: node.file, text }));
  const files = [...node.transformers, ...directoriesOf(node).flatMap(({ resources }) => resources)];
  return [...inside, ...files.map((file) => ({ node, file, text: textOf(file) }))];
}

function directoriesOf(node: Kustomization): readonly Kustomization[] {
  const directories = texts(node.content["transformers"]).filter((entry) => !entry.includes("\n")).map((entry) => resolve(node.directory, entry)).filter((path) => lookAt(path) === "directory");
  return directories.flatMap((directory) => readKustomization(directory) ?? []);
}

/** A file that cannot be read is reported by whoever reads the tree. */
function textOf(file: string): string {
  return readable(() => readFileSync(file, "utf8")) ?? "";
}

/** The annotation that says what is run. */
function functionOf(text: string): Mapping | undefined {
  const annotations = stringsAt(readDocuments(text).find((object) => kindOf(object) === "ServiceMesh"), "metadata", "annotations");
  const written = annotations["config.kubernetes.io/function"] ?? annotations["config.k8s.io/function"];
  if (written === undefined) return undefined;
  try {
    return asMapping(load(written));
  } catch {
    return {};
  }
}

function formOf({ text }: Transformer): "exec" | "plugin" | "container" {
  const written = functionOf(text);
  return written === undefined ? "plugin" : "container" in written ? "container" : "exec";
}

/** What is wrong with the kustomizations of a tree, whatever is installed where they are built. */
export function checkModes(nodes: Iterable<Kustomization>): readonly Diagnostic[] {
  return [...nodes].flatMap((node) => [...findTransformers(node).flatMap((each) => [...checkGuard(each), ...checkFunction(each)]), ...checkSchema(node)]);
}

/** Only an exec function is ever skipped without a word. */
function checkGuard(transformer: Transformer): readonly Diagnostic[] {
  const { hasField, hasDocument } = guardIn(transformer.text);
  return hasField || hasDocument || formOf(transformer) !== "exec" ? [] : [diagnose("IZ462", undefined, {}, placeOf(transformer, kindLine))];
}

const kindLine = /kind:\s*["']?ServiceMesh/;

function guardIn(text: string): { readonly hasField: boolean; readonly hasDocument: boolean } {
  const documents = readDocuments(text);
  return {
    hasField: documents.some((object) => kindOf(object) === "ServiceMesh" && mappingAt(object, "spec")["guard"] === true),
    hasDocument: documents.some((object) => kindOf(object) === "PatchTransformer" && /IstiomizeRan.*\$patch|\$patch.*IstiomizeRan/.test(JSON.stringify(object))),
  };
}

/** What stands in a tree that lets each build of it fail, or be wrong, wherever it is built. */
export function findFaults(tree: readonly Kustomization[]): readonly Diagnostic[] {
  return [...findHalfGuards(tree), ...findRenaming(tree)];
}

/** Half a guard lets each build fail, in every form; its two halves may stand in two files, and in two kustomizations of what is built. */
function findHalfGuards(tree: readonly Kustomization[]): readonly Diagnostic[] {
  const all = tree.flatMap(listTransformers).map((transformer) => ({ transformer, ...guardIn(transformer.text) }));
  const [hasField, hasDocument] = [all.some((each) => each.hasField), all.some((each) => each.hasDocument)];
  if (hasField === hasDocument || tree.some(changesTransformers)) return [];
  return all.filter((each) => (hasField ? each.hasField : each.hasDocument)).map(({ transformer }) =>
    diagnose("IZ475", undefined, { missing: hasField ? "document" : "field" }, placeOf(transformer, hasField ? kindLine : /IstiomizeRan/)));
}

/** What stands in a directory under `transformers:` may be patched there, or come from further away. */
function changesTransformers(node: Kustomization): boolean {
  const plain = ["apiVersion", "kind", "metadata", "resources"];
  return directoriesOf(node).some(({ content, bases, remote }) => bases.length + remote.length > 0 || Object.keys(content).some((key) => !plain.includes(key)));
}

function checkFunction(transformer: Transformer): readonly Diagnostic[] {
  const exec = asMapping(functionOf(transformer.text)?.["exec"]);
  if (!exec) return [];
  const fields = (["args", "envs"] as const).filter((field) => field in exec).map((field) => diagnose("IZ463", undefined, { field }, placeOf(transformer, new RegExp(`\\b${field}:`))));
  return [...fields, ...checkPath(transformer, asText(exec["path"]) ?? "")];
}

/** A path with a slash begins at the kustomization that lists the transformer; a bare name is looked up on PATH. */
function checkPath(transformer: Transformer, path: string): readonly Diagnostic[] {
  const { node, file } = transformer;
  const refuse = (fault: "missing" | "run bit" | "line ends" | "PATH", nearby?: string): readonly Diagnostic[] =>
    [diagnose("IZ464", undefined, { path, from: shown(node.directory), fault, ...(nearby !== undefined && { nearby }) }, placeOf(transformer, /\bpath:/))];
  if (!path.includes("/")) return path === "istiomize" || findOnPath(path) !== undefined ? [] : refuse("PATH");
  const target = isAbsolute(path) ? path : resolve(node.directory, path);
  if (!existsSync(target)) {
    const nearby = resolve(dirname(file), path);
    return refuse("missing", !isAbsolute(path) && nearby !== target && existsSync(nearby) ? shown(nearby) : undefined);
  }
  if (!isExecutable(target)) return refuse("run bit");
  const first = firstLine(target);
  return first.startsWith("#!") && first.endsWith("\r") ? refuse("line ends") : [];
}

function checkSchema(node: Kustomization): readonly Diagnostic[] {
  const path = asText(asMapping(node.content["openapi"])?.["path"]);
  if (path === undefined || !existsSync(resolve(node.directory, path))) return [];
  const text = readFileSync(resolve(node.directory, path), "utf8");
  const isIstioAlone = text.includes("istio.io") && !/io\.k8s\.api\.|"?kind"?:\s*"?Deployment\b/.test(text);
  return isIstioAlone ? [diagnose("IZ465", undefined, { path }, { position: { file: shown(node.file), ...lineOf(node.text, /^openapi:/) } })] : [];
}

function placeOf({ node, file, text }: Transformer, pattern: RegExp): { readonly position: { readonly file: string; readonly line?: number } } {
  const whole = file === node.file ? node.text : text;
  return { position: { file: shown(file), ...lineOf(whole, pattern) } };
}

/** The first line that a pattern is found in. */
export function lineOf(text: string, pattern: RegExp): { readonly line?: number } {
  const line = text.split("\n").findIndex((each) => pattern.test(each)) + 1;
  return line > 0 ? { line } : {};
}

/** What people call a kustomization: the path of its directory from here. */
export function nameOfTarget(directory: string): string {
  return relative(process.cwd(), directory) || basename(directory);
}
