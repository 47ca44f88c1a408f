import { existsSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { asMapping, mappingAt, nameOf, namespaceOf, stringsAt, type KubeObject } from "../../generators/kube/object.ts";
import { isServiceMesh, meshApiVersion } from "../../generators/mesh/config.ts";
import { readChunk, readDocuments, type Chunk } from "../chunks.ts";
import type { FieldEdit } from "../edit.ts";
import { addField, editDocuments, editFields } from "../tree/documents.ts";
import { editLists } from "../tree/lists.ts";
import { addPatch, removeEntries } from "../tree/patch-entries.ts";
import { holdsMesh, runsMesh, texts, type Kustomization } from "../tree/tree.ts";
import type { FileChange } from "../write/change.ts";
import { writeYaml } from "../write-yaml.ts";
import { checkLayout, patchesOf } from "./check.ts";
import { isPlain } from "./layout.ts";
import { beginRevision, type Revision } from "./revision.ts";
import { shown, type SourceTree } from "./source.ts";
import { isGuard } from "./strip.ts";

const localConfig = "config.kubernetes.io/local-config";
const functionKey = "config.kubernetes.io/function";
const annotations = ["metadata", "annotations"];

/** What stands in the way of a migration: said with its file, and what to do by hand. */
class Refusal extends Error {
  readonly file: string;
  readonly help: string;
  constructor(file: string, message: string, help: string) {
    super(message);
    this.file = file;
    this.help = help;
  }
}

/**
 * Brings a tree of the transformer or the resource layout to the files layout: what a kustomization renders to stays
 * what it was. Only lines of kustomizations and of ServiceMeshes change; where it is not certain which, none do.
 */
export function planMigration(tree: SourceTree): { readonly changes: readonly FileChange[]; readonly diagnostics: readonly Diagnostic[] } {
  if (tree.nodes.size === 0 || checkLayout(tree).length === 0) return { changes: [], diagnostics: [] };
  const revision = beginRevision(tree);
  const inside = [...tree.nodes.values()].filter(({ directory }) => tree.isInside(directory));
  const steps: readonly (readonly [file: string, step: () => void])[] = [
    ...inside.filter(runsTransformer(tree)).map((node) => [node.file, () => migrateTransformer(tree, revision, node)] as const),
    ...[...tree.meshFiles].filter(tree.isInside).map((file) => [file, () => makeLocal(revision, file)] as const),
    ...inside.filter((node) => meshesOutside(tree, node).length > 0).map((node) => [node.file, () => makeLocalFromHere(tree, revision, node)] as const),
  ];
  const diagnostics = withoutRepeats(steps.flatMap(([file, step]) => refusalOf(file, step)));
  return diagnostics.length > 0 ? { changes: [], diagnostics } : { changes: revision.changes(), diagnostics };
}

function refusalOf(file: string, step: () => void): readonly Diagnostic[] {
  try {
    step();
    return [];
  } catch (error) {
    const refusal = error instanceof Refusal ? error : new Refusal(file, (error as Error).message, "write it in plain block style");
    return [diagnose("IZ426", undefined, { message: refusal.message, help: refusal.help }, { position: { file: shown(refusal.file) } })];
  }
}

/** What two kustomizations run into is said once. */
function withoutRepeats(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...new Map(diagnostics.map((diagnostic) => [`${diagnostic.position?.file}: ${diagnostic.read}`, diagnostic])).values()];
}

// ---- the transformer layout

function runsTransformer(tree: SourceTree): (node: Kustomization) => boolean {
  return (node) => runsMesh(node) || directoriesOf(node).some((directory) => runsInside(tree, directory));
}

function directoriesOf({ directory, content }: Kustomization): readonly string[] {
  return texts(content["transformers"]).filter((entry) => !entry.includes("\n")).map((entry) => resolve(directory, entry))
    .filter((path) => existsSync(path) && statSync(path).isDirectory());
}

function runsInside(tree: SourceTree, directory: string): boolean {
  return [...tree.closure(directory)].some((at) => tree.nodes.get(at)?.resources.some((file) => tree.meshFiles.has(file)));
}

function migrateTransformer(tree: SourceTree, revision: Revision, node: Kustomization): void {
  const file = findTransformer(tree, node);
  const below = [...tree.closure(node.directory)].flatMap((at) => tree.nodes.get(at)?.resources ?? []).filter((each) => tree.meshFiles.has(each))
    .flatMap((each) => readDocuments(tree.read(each)).filter(isServiceMesh));
  if (below.length > 1) throw new Refusal(node.file, `${below.length} ServiceMeshes under \`resources:\` here and in what it builds on, which ${shown(file)} adds to`, "say in one of them what the others say, or make a patch of each part by hand");
  checkOrder(tree, node, file);
  const text = convertTransformer(tree.read(file), below[0]);
  const entry = texts(node.content["transformers"]).find((each) => resolve(node.directory, each) === file)!;
  const guards = guardsOf(tree, node);
  const without = removeEntries(tree.read(node.file), "transformers", (each) => typeof each === "string" && (resolve(node.directory, each) === file || guards.includes(each)));
  for (const guard of guards) if (!guard.includes("\n")) revision.write(resolve(node.directory, guard), undefined);
  revision.write(file, text);
  if (text === undefined) revision.write(node.file, without);
  else revision.write(node.file, below.length === 1 ? addPatch(without, { path: entry }) : editLists(without, [{ field: "resources", remove: () => false, add: [entry] }]));
}

/** The one file that runs istiomize here. */
function findTransformer(tree: SourceTree, node: Kustomization): string {
  const entries = texts(node.content["transformers"]);
  const byHand = "move it to `patches:`, or to `resources:` where no base holds a ServiceMesh";
  if (entries.some((entry) => entry.includes("\n") && holdsMesh(entry))) throw new Refusal(node.file, "a ServiceMesh written into `transformers:` itself", `put it into a file of its own, or ${byHand}`);
  const directory = directoriesOf(node).find((each) => runsInside(tree, each));
  if (directory !== undefined) throw new Refusal(node.file, `the directory ${relative(node.directory, directory)} under \`transformers:\`, with a ServiceMesh in it`, `name the file itself, or ${byHand}`);
  if (node.isComponent) throw new Refusal(node.file, "a component that runs istiomize", `${byHand} of the overlays that use it`);
  const files = node.transformers.filter((file) => holdsMesh(tree.read(file)));
  if (files.length > 1) throw new Refusal(node.file, `${files.length} ServiceMeshes under \`transformers:\` (${files.map(shown).join(", ")})`, "make one of them");
  const file = files[0]!;
  const uses = [...tree.nodes.values()].flatMap(({ transformers, resources, patches }) => [...transformers, ...resources, ...patches]).filter((each) => each === file);
  if (uses.length > 1) throw new Refusal(file, `a file that ${uses.length} kustomizations name`, "give each of them a file of its own");
  if (!tree.isInside(file)) throw new Refusal(node.file, `${shown(file)}, which is outside the tree`, "put it beside the kustomization");
  const documents = readDocuments(tree.read(file));
  if (documents.filter(isServiceMesh).length !== 1) throw new Refusal(file, `${documents.filter(isServiceMesh).length} ServiceMeshes in one file`, "leave one in it");
  if (documents.some((object) => !isServiceMesh(object) && !isGuard(object))) throw new Refusal(file, "other documents beside the ServiceMesh", "put them into a file of their own");
  return file;
}

/** What must not run between the ServiceMesh and the end of the build, or on what istiomize made. */
function checkOrder(tree: SourceTree, node: Kustomization, file: string): void {
  const entries = texts(node.content["transformers"]);
  const guards = guardsOf(tree, node);
  const after = entries.slice(entries.findIndex((each) => resolve(node.directory, each) === file) + 1).filter((entry) => !guards.includes(entry));
  if (after.length > 0) throw new Refusal(node.file, `${after[0]!.includes("\n") ? "a transformer" : after[0]} behind the ServiceMesh under \`transformers:\`, which changes what istiomize makes`, "put it before the ServiceMesh, or say as annotations what it changes");
  const later = ["patchesJson6902", "replacements"].find((field) => JSON.stringify(node.content[field] ?? "").includes("ServiceMesh"));
  if (later !== undefined) throw new Refusal(node.file, `\`${later}:\` that name the ServiceMesh`, "make them entries of `patches:`");
  const above = [...tree.nodes.values()].find(({ directory, bases }) => bases.includes(node.directory) && !passesOn(tree, directory));
  if (above) throw new Refusal(node.file, `istiomize runs here, and ${shown(above.file)} changes what it made`, `let it run in ${shown(above.file)} instead`);
}

/** Whether a kustomization gives what its one base gives, and nothing else does more to that further up. */
function passesOn(tree: SourceTree, directory: string): boolean {
  const node = tree.nodes.get(directory)!;
  return isPlain(node) && node.resources.length === 0 && node.bases.length === 1
    && [...tree.nodes.values()].filter(({ bases }) => bases.includes(directory)).every((above) => passesOn(tree, above.directory));
}

/** The entries of `transformers:` that hold the guard and nothing else: files, or text. */
function guardsOf(tree: SourceTree, { directory, content, transformers }: Kustomization): readonly string[] {
  return texts(content["transformers"]).filter((entry) => {
    const path = resolve(directory, entry);
    const objects = entry.includes("\n") ? readDocuments(entry) : transformers.includes(path) && tree.isInside(path) ? readDocuments(tree.read(path)) : [];
    return objects.length > 0 && objects.every(isGuard);
  });
}

/** The function config as a patch of the ServiceMesh below, or else as a resource of its own; nothing where it says nothing. */
function convertTransformer(text: string, below: KubeObject | undefined): string | undefined {
  return editDocuments(text, (value, chunk) => {
    if (isGuard(value)) return undefined;
    const bare = withoutFunction(value as KubeObject, chunk);
    const object = asMapping(readChunk(bare))!;
    if (!below) return withLocalConfig(object, bare);
    const { metadata } = object;
    if (Object.keys(mappingAt(object, "spec")).length === 0 && Object.keys(asMapping(metadata) ?? {}).every((key) => key === "name" || key === "namespace") && !/^\s*#/m.test(bare.text)) return undefined;
    const edits: FieldEdit[] = [{ path: ["metadata", "name"], value: nameOf(below) }];
    if (namespaceOf(below) !== namespaceOf(object)) edits.push({ path: ["metadata", "namespace"], value: namespaceOf(below) || undefined });
    const changed = edits.filter(({ path, value: wanted }) => (mappingAt(object, "metadata")[path[1]!] ?? undefined) !== wanted);
    return changed.length === 0 ? bare.text : editFields(bare, changed);
  });
}

/** Without the annotation that makes kustomize run it, and without the guard that only a run can satisfy. */
function withoutFunction(object: KubeObject, chunk: Chunk): Chunk {
  const others = Object.keys(mappingAt(object, ...annotations)).filter((key) => key !== functionKey);
  const hasFunction = Object.hasOwn(mappingAt(object, ...annotations), functionKey);
  const spec = Object.keys(mappingAt(object, "spec"));
  const edits: readonly FieldEdit[] = [
    ...(hasFunction ? [{ path: others.length > 0 ? [...annotations, functionKey] : annotations, value: undefined }] : []),
    ...(spec.includes("guard") ? [{ path: spec.length > 1 ? ["spec", "guard"] : ["spec"], value: undefined }] : []),
  ];
  return edits.length === 0 ? chunk : { ...chunk, text: editFields(chunk, edits) };
}

// ---- local to the configuration

function isLocal(object: KubeObject): boolean {
  return stringsAt(object, ...annotations)[localConfig] === "true";
}

function withLocalConfig(object: KubeObject, chunk: Chunk): string {
  return isLocal(object) ? chunk.text : addField(chunk, [...annotations, localConfig], "true");
}

/** The ServiceMeshes of a file become local, each in its own document. */
function makeLocal(revision: Revision, file: string): void {
  const text = revision.read(file);
  if (text === undefined) return;
  const edited = editDocuments(text, (value, chunk) => (asMapping(value) && isServiceMesh(value as KubeObject) ? withLocalConfig(value as KubeObject, chunk) : chunk.text));
  if (!readDocuments(edited!).some(isServiceMesh)) throw new Refusal(file, "a ServiceMesh inside a List", "put it into a document of its own");
  revision.write(file, edited);
}

/** The ServiceMeshes outside the tree that a kustomization at its edge takes in. */
function meshesOutside(tree: SourceTree, node: Kustomization): readonly KubeObject[] {
  const outside = new Set(node.bases.filter((base) => !tree.isInside(base)).flatMap((base) => [...tree.closure(base)]));
  return [...outside].flatMap((at) => tree.nodes.get(at)?.resources ?? []).filter((file) => tree.meshFiles.has(file) && !tree.isInside(file))
    .flatMap((file) => readDocuments(tree.read(file))).filter((object) => isServiceMesh(object) && !isLocal(object));
}

/** What is outside stays as it is: a patch makes its ServiceMesh local, in a file that patches it already or in the kustomization. */
function makeLocalFromHere(tree: SourceTree, revision: Revision, node: Kustomization): void {
  const known = patchesOf(node, tree.read);
  for (const mesh of meshesOutside(tree, node)) {
    const patchesMesh = (text: string): boolean => readDocuments(text).some((object) => isServiceMesh(object) && nameOf(object) === nameOf(mesh));
    if (known.some(({ text }) => readDocuments(text).some((object) => isServiceMesh(object) && isLocal(object)))) continue;
    // A transformer that has just become a patch is one too.
    const own = [...new Set([...known.map(({ file }) => file), ...node.transformers])].find((file) => {
      const text = file === node.file ? undefined : revision.read(file);
      const users = [...tree.nodes.values()].filter(({ patches, transformers }) => patches.includes(file) || transformers.includes(file));
      return text !== undefined && users.length === 1 && tree.isInside(file) && patchesMesh(text);
    });
    if (own !== undefined) makeLocal(revision, own);
    else {
      const namespace = namespaceOf(mesh);
      const patch = { apiVersion: meshApiVersion, kind: "ServiceMesh", metadata: { name: nameOf(mesh), ...(namespace && { namespace }), annotations: { [localConfig]: "true" } } };
      revision.write(node.file, addPatch(revision.read(node.file)!, { patch: writeYaml(patch).trimEnd() }));
    }
  }
}
