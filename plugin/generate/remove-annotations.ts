import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { annotationPrefix, asList, asMapping, asText } from "../../generators/kube/object.ts";
import { editText } from "../edit.ts";
import { editInline, removeEntries } from "../tree/patch-entries.ts";
import { parseKustomization, realPath, type Kustomization } from "../tree/tree.ts";
import type { FileChange } from "../write/change.ts";
import { schemaFile } from "./ownership.ts";
import { beginRevision, type Revision } from "./revision.ts";
import { shown, type SourceTree } from "./source.ts";
import { stripPatches, stripResources, stripTransformers } from "./strip.ts";
import { Wanted } from "./wanted.ts";

export interface Removal {
  readonly changes: readonly FileChange[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Takes istiomize out of a tree: the generated files, their entries and the marked lines; with `annotations` also what
 * people wrote for it. What is left builds, and gives what it gave without istiomize.
 */
export function planRemoval(tree: SourceTree, { annotations }: { readonly annotations: boolean }): Removal {
  const { changes, diagnostics } = new Wanted(tree).changes();
  const owned = new Set(tree.owned.keys());
  const sources = filesInside(tree, ({ resources }) => resources).filter((path) => !owned.has(path))
    .map((path) => ({ path, before: tree.read(path), after: tree.original(path) })).filter(({ before, after }) => before !== after);
  const plain = [...changes, ...sources].sort((a, b) => (a.path < b.path ? -1 : 1));
  if (diagnostics.length > 0) return { changes: [], diagnostics };
  if (!annotations) return { changes: plain, diagnostics };
  const revision = beginRevision(tree, plain);
  const refused = [...checkOutside(tree), ...takeOut(tree, revision)];
  return refused.length > 0 ? { changes: [], diagnostics: refused } : { changes: [...revision.changes(), ...removeSchemas(tree)], diagnostics: [] };
}

/** The schema that `scaffold` wrote beside a ServiceMesh, for editors. */
function removeSchemas(tree: SourceTree): readonly FileChange[] {
  const paths = new Set([...tree.meshFiles].map((file) => join(dirname(file), schemaFile)).filter((path) => existsSync(path) && tree.isInside(path)));
  return [...paths].map((path) => ({ path, before: readFileSync(path, "utf8"), after: undefined })).filter(({ before }) => /ritten by istiomize/.test(before));
}

function filesInside(tree: SourceTree, filesOf: (node: Kustomization) => readonly string[]): readonly string[] {
  return [...new Set(insideOf(tree).flatMap(filesOf))].filter(tree.isInside);
}

function insideOf(tree: SourceTree): readonly Kustomization[] {
  return [...tree.nodes.values()].filter(({ directory }) => tree.isInside(directory));
}

/** A ServiceMesh that stays needs its patches: without them it would be in what a cluster gets. */
function checkOutside(tree: SourceTree): readonly Diagnostic[] {
  const file = [...tree.meshFiles].find((each) => !tree.isInside(each));
  return file === undefined ? [] : [refuse(file, "a ServiceMesh outside the tree, which this tree builds on", "name the directory that holds both")];
}

function refuse(file: string, message: string, help: string): Diagnostic {
  return diagnose("IZ428", undefined, { message, help }, { position: { file: shown(file) } });
}

/** Takes ours out of the files first, then out of the kustomizations, and what is empty then. */
function takeOut(tree: SourceTree, revision: Revision): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  const attempt = (file: string, step: () => void): void => {
    try {
      step();
    } catch (error) {
      diagnostics.push(refuse(file, (error as Error).message, "remove it by hand"));
    }
  };
  const strip = (files: readonly string[], edit: (text: string) => string | undefined): void => {
    for (const file of files) attempt(file, () => {
      const text = revision.read(file);
      if (text !== undefined) revision.write(file, edit(text));
    });
  };
  strip(filesInside(tree, ({ resources }) => resources), stripResources);
  const hasOthers = mayHoldAnnotations(tree, revision);
  strip(filesInside(tree, ({ patches }) => patches), (text) => stripPatches(text, hasOthers));
  strip(filesInside(tree, ({ transformers }) => transformers), stripTransformers);
  const nodes = insideOf(tree);
  for (const file of patchesOfMesh(nodes)) revision.write(file, undefined);
  for (const node of nodes) attempt(node.file, () => revision.write(node.file, stripKustomization(revision, node, hasOthers)));
  for (const node of nodes) diagnostics.push(...checkRest(revision, node));
  if (diagnostics.length === 0) dropEmpty(tree, nodes, revision, attempt);
  return diagnostics;
}

/** Whether annotations of others may be among what patches are for; rather once too often. */
function mayHoldAnnotations(tree: SourceTree, revision: Revision): boolean {
  return [...tree.nodes.values()].some(({ file, resources, patches }) => [file, ...resources, ...patches].some((each) => /annotations["']?[ \t]*:/i.test(revision.read(each) ?? "")));
}

const patchFields = ["patches", "patchesStrategicMerge", "patchesJson6902"];

function targetsMesh(entry: unknown): boolean {
  const target = asMapping(asMapping(entry)?.["target"]);
  return target?.["kind"] === "ServiceMesh" || target?.["group"] === "istiomize.dev";
}

/** The patch files that are for ServiceMeshes wherever they are named. */
function patchesOfMesh(nodes: readonly Kustomization[]): readonly string[] {
  const uses = nodes.flatMap((node) => patchFields.flatMap((field) => asList(node.content[field])).flatMap((entry) => {
    const file = fileOf(node, entry);
    return file === undefined ? [] : [{ file, isMesh: targetsMesh(entry) }];
  }));
  const others = new Set(uses.filter(({ isMesh }) => !isMesh).map(({ file }) => file));
  return uses.filter(({ file, isMesh }) => isMesh && !others.has(file)).map(({ file }) => file);
}

/** The file that an entry names, as a text or as its `path`. */
function fileOf({ directory, resources, patches, transformers }: Kustomization, entry: unknown): string | undefined {
  const path = asText(entry) ?? asText(asMapping(entry)?.["path"]);
  if (path === undefined || path.includes("\n")) return undefined;
  const file = resolve(directory, path);
  return [resources, patches, transformers].some((files) => files.includes(file)) ? file : undefined;
}

/** A kustomization without entries of files that went, and without what is ours in the texts that it holds itself. */
function stripKustomization(revision: Revision, node: Kustomization, hasOthers: boolean): string {
  const text = revision.read(node.file)!;
  const isGone = (entry: unknown): boolean => {
    const file = fileOf(node, entry);
    return file !== undefined && revision.read(file) === undefined;
  };
  const listed = ["resources", "transformers", ...patchFields].reduce((edited, field) =>
    hasList(node, field) ? removeEntries(edited, field, (entry) => isGone(entry) || (patchFields.includes(field) && targetsMesh(entry))) : edited, text);
  const patched = patchFields.reduce((edited, field) => (hasList(node, field) ? editInline(edited, field, (inline) => stripPatches(inline, hasOthers)) : edited), listed);
  const transformed = hasList(node, "transformers") ? editInline(patched, "transformers", stripTransformers) : patched;
  return stripCommon(transformed, node);
}

function hasList({ content }: Kustomization, field: string): boolean {
  return asList(content[field]).length > 0;
}

function stripCommon(text: string, { content }: Kustomization): string {
  const keys = Object.keys(asMapping(content["commonAnnotations"]) ?? {});
  const own = keys.filter((key) => key.startsWith(annotationPrefix));
  if (own.length === 0) return text;
  return editText(text, own.length === keys.length ? [{ path: ["commonAnnotations"], value: undefined }] : own.map((key) => ({ path: ["commonAnnotations", key], value: undefined })));
}

/** What else may name annotations of ours or a ServiceMesh, and would no longer find them. */
function checkRest(revision: Revision, { directory, file, transformers }: Kustomization): readonly Diagnostic[] {
  const text = revision.read(file) ?? "";
  const { content } = parseKustomization(directory, file, text);
  const field = ["replacements", "vars", "transformers", "generators", "commonAnnotations"].find((each) => isNamedIn(JSON.stringify(content[each] ?? "")));
  const holder = transformers.find((each) => isNamedIn(revision.read(each) ?? ""));
  return [
    ...(field === undefined ? [] : [refuse(file, `\`${field}:\` that names an annotation of istiomize or a ServiceMesh`, "remove it by hand")]),
    ...(holder === undefined ? [] : [refuse(holder, "a transformer that names an annotation of istiomize or a ServiceMesh", "remove it by hand")]),
  ];
}

function isNamedIn(text: string): boolean {
  return /istiomize\.dev|\bServiceMesh\b/.test(text);
}

// ---- what is empty

const lists = ["resources", "bases", "components", "generators", "configMapGenerator", "secretGenerator", "helmCharts", "helmChartInflationGenerator", "configurations", "crds", "openapi"];
const bare = new Set(["apiVersion", "kind", "metadata"]);

/** Directories whose kustomization gives nothing any more go with their entries, and those that listed nothing else. */
function dropEmpty(tree: SourceTree, nodes: readonly Kustomization[], revision: Revision, attempt: (file: string, step: () => void) => void): void {
  const gone = new Set<string>();
  for (let count = -1; count !== gone.size;) {
    count = gone.size;
    for (const node of nodes) attempt(node.file, () => {
      const text = revision.read(node.file);
      if (text === undefined) return;
      const isGone = (entry: unknown): boolean => typeof entry === "string" && gone.has(directoryOf(tree, resolve(node.directory, entry)));
      const kept = ["resources", "bases", "components", "transformers"].reduce((edited, field) => (hasList(node, field) ? removeEntries(edited, field, isGone) : edited), text);
      const isEmptied = kept !== node.text && givesNothing(parseKustomization(node.directory, node.file, kept));
      revision.write(node.file, isEmptied ? undefined : kept);
      if (isEmptied) gone.add(node.directory);
    });
  }
}

/** The directory of the tree that a path leads to, links followed. */
function directoryOf(tree: SourceTree, path: string): string {
  return tree.nodes.has(path) ? path : realPath(path);
}

/** A component with other fields still changes what it is used with. */
function givesNothing({ content, isComponent }: Kustomization): boolean {
  return isComponent ? Object.entries(content).every(([field, value]) => bare.has(field) || isEmpty(value)) : lists.every((field) => isEmpty(content[field]));
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0) || (asMapping(value) !== undefined && Object.keys(value).length === 0);
}
