import { basename, dirname, join, relative } from "node:path";
import { load } from "js-yaml";
import { diagnose } from "../../generators/diagnostics/diagnostic.ts";
import { asText, nameOf, stringsAt, type KubeObject } from "../../generators/kube/object.ts";
import { portsOf } from "../../generators/kube/protocol.ts";
import { splitStream, type Chunk } from "../chunks.ts";
import { editText, type FieldEdit } from "../edit.ts";
import { isBelow, kustomizationNames, readObjects, type Kustomization } from "../tree/tree.ts";
import { copyDirectory, copyFile, type Copy } from "./copy.ts";
import type { Draft } from "./draft.ts";
import { addPaths, eolOf, filesOf, readEntries, type Entry } from "./entries.ts";
import { findLeftOut, type CopiedPart, type LeftOut, type Reference } from "./left-out.ts";
import { describeSelector, findMain, renameLike, type NamedLike } from "./like-names.ts";
import type { Image } from "./names.ts";
import { concerns, repeatDocuments, repeatEntries, sharedFiles } from "./overlay-entries.ts";
import { namesIt, renameWords, renameYaml, replaceImage, replacePort, type Rename } from "./rename.ts";
import { containersOf, imageOf, positionOf, workloadsOf, type Found, type ServiceHome, type Survey } from "./survey.ts";

/** A service to be made in the image of another one. */
export interface LikeRequest extends NamedLike {
  readonly port: number | undefined;
  readonly image: Image | undefined;
  readonly profiles: readonly string[];
  readonly isCanary: boolean;
}

/** Copies a service, and does for it in every other kustomization what is done for the one that it is like. */
export function copyService(draft: Draft, survey: Survey, request: LikeRequest): readonly string[] {
  const { name, like, image } = request;
  const rename = renameLike(survey, request);
  const isOwn = (file: string): boolean => like.unit !== undefined && isBelow(file, like.unit);
  // What stands with another service is about that one, though it may be called `warm-cache`.
  const strange = new Set(survey.services.flatMap(({ unit }) => (unit === undefined || isBelow(like.file, unit) ? [] : [unit])));
  const isApart = (file: string): boolean => isOwn(file) || isBelowAny(file, strange);
  const versions = otherVersions(survey, like, isOwn, request.isCanary);
  const outside = survey.kustomizations.filter(({ directory }) => !isApart(directory)).map((kustomization) => ({ kustomization, entries: readEntries(kustomization.text).filter((entry) => concerns(entry, rename)) }));
  const unnamed = findUnnamed(survey, like, rename);
  const mixed = sharedFiles(survey, rename, isApart);
  const left = findLeftOut(survey, partOf({ like, rename, outside, unnamed, mixed, isOwn }));
  const leavesOutFile = (file: string): boolean => {
    const names = readObjects(file).map(nameOf);
    return names.length > 0 && names.every((each) => versions.includes(each));
  };
  const copy: Copy = { rename, leavesOut: (file) => left.leavesOutFile(file) || (!isOwn(file) && leavesOutFile(file)), leavesOutDocument: left.leavesOutDocument, leavesOutEntry: left.leavesOutEntry };

  if (like.unit !== undefined) {
    const to = join(dirname(like.unit), renameDirectory(like, name, rename));
    if (survey.files.some((file) => isBelow(file, to))) {
      draft.report(diagnose("IZ431", undefined, { name, by: "a directory" }, { position: positionOf(to) }));
      return [];
    }
    copyDirectory(draft, survey, like.unit, to, copy);
  }
  for (const { kustomization, entries } of outside) {
    const isOfVersion = (entry: Entry): boolean => versions.some((version) => [entry.value, ...Object.values(typeof entry.value === "object" && entry.value !== null ? entry.value : {})].some((value) => typeof value === "string" && basename(value).replace(/\.ya?ml$/, "") === version))
      || filesNamed(entry, kustomization.directory).some(leavesOutFile) || (versions.length > 0 && filesNamed(entry, kustomization.directory).some((file) => saysOnlyWeights(file)));
    repeatEntries(draft, survey, kustomization, entries, { copy, image, leavesOut: isOfVersion });
  }
  if (like.unit !== undefined && like.registrar) registerUnit(draft, like, name, rename);
  copyUnnamed(draft, survey, like, name, unnamed.filter((file) => !left.leavesOutFile(file)), copy);
  repeatDocuments(draft, mixed, rename);
  return [...finish(draft, survey, request, versions.length > 0, rename), ...describeLeft(left, request), ...describeSelector(request, rename)];
}

function isBelowAny(path: string, directories: ReadonlySet<string>): boolean {
  return directories.has(path) || (dirname(path) !== path && isBelowAny(dirname(path), directories));
}

interface Sources {
  readonly like: ServiceHome;
  readonly rename: Rename;
  readonly outside: readonly { readonly kustomization: Kustomization; readonly entries: readonly Entry[] }[];
  readonly unnamed: readonly string[];
  readonly mixed: readonly string[];
  readonly isOwn: (file: string) => boolean;
}

function partOf({ like, rename, outside, unnamed, mixed, isOwn }: Sources): CopiedPart {
  const repeated = outside.flatMap(({ kustomization, entries }) => entries.map((entry) => ({ entry, kustomization })));
  const paths = repeated.flatMap(({ entry, kustomization }) => filesOf(entry, kustomization.directory).filter((path) => namesIt(relative(kustomization.directory, path), rename)));
  return { unit: like.unit, rename, repeated, mixed, isCopied: (file) => isOwn(file) || unnamed.includes(file) || paths.some((path) => isBelow(file, path)) };
}

/** What the copy lacks, and what it has together with the original. */
function describeLeft({ names, shared }: LeftOut, { name, like }: LikeRequest): readonly string[] {
  const claims = shared.filter(({ kind }) => kind === "PersistentVolumeClaim");
  const others = shared.filter(({ kind }) => kind !== "PersistentVolumeClaim");
  const listOf = (found: readonly Reference[]): string => found.map((each) => `${each.kind} ${each.name}`).join(", ");
  return [
    ...(names.length === 0 ? [] : [`not copied, because ${names.length === 1 ? "its name is" : "their names are"} not that of ${like.name}: ${names.join(", ")}; add what ${name} needs of its own`]),
    ...(others.length === 0 ? [] : [`${name} and ${like.name} share ${listOf(others)}; a change of ${others.length === 1 ? "it" : "them"} reaches both`]),
    ...(claims.length === 0 ? [] : [`${name} and ${like.name} mount the same volume: ${listOf(claims)}; give ${name} a claim of its own unless both may write there`]),
  ];
}

/** The directory of the copy: renamed where the name stands in it, else called as the new service. */
function renameDirectory({ unit }: ServiceHome, name: string, rename: Rename): string {
  const renamed = renameWords(basename(unit!), rename);
  return renamed === basename(unit!) ? name : renamed;
}

/** The entry of a directory that is not called as its service, which no word in it gives away. */
function registerUnit(draft: Draft, like: ServiceHome, name: string, rename: Rename): void {
  const registrar = like.registrar!;
  const to = join(dirname(like.unit!), renameDirectory(like, name, rename));
  const entries = readEntries(draft.read(registrar.file)!).map(({ value }) => value);
  const written = readEntries(registrar.text).map(({ value }) => value).filter((value): value is string => typeof value === "string" && isBelow(join(registrar.directory, value), like.unit!));
  const paths = written.map((value) => relative(registrar.directory, join(to, renameWords(relative(like.unit!, join(registrar.directory, value)), rename))).replaceAll("\\", "/"));
  const missing = paths.filter((path) => !entries.some((entry) => typeof entry === "string" && entry.replace(/^\.\//, "").replace(/\/$/, "") === path));
  if (missing.length > 0) draft.edit(registrar.file, addPaths(draft.read(registrar.file)!, "resources", missing));
}

/** Files of a service whose names do not say whose they are: `deployment.yaml` in the base itself. */
function findUnnamed(survey: Survey, like: ServiceHome, rename: Rename): readonly string[] {
  if (like.unit !== undefined || !like.registrar) return [];
  return like.registrar.resources.filter((file) => dirname(file) === like.folder && !namesIt(basename(file), rename) && isAbout(file, survey, like, rename));
}

/** Each of them gets the name in front. */
function copyUnnamed(draft: Draft, survey: Survey, like: ServiceHome, name: string, own: readonly string[], copy: Copy): void {
  const names = own.map((file) => `${name}-${basename(file)}`);
  own.forEach((file, i) => copyFile(draft, survey, file, join(dirname(file), names[i]!), copy));
  if (own.length > 0) draft.edit(like.registrar!.file, addPaths(draft.read(like.registrar!.file)!, "resources", names.map((each) => relative(like.registrar!.directory, join(like.folder, each)).replaceAll("\\", "/"))));
}

/** Whether a file holds nothing but objects of one service. */
function isAbout(file: string, survey: Survey, like: ServiceHome, rename: Rename): boolean {
  const objects = readObjects(file);
  const workloads = workloadsOf(like.object, survey.objects).map(({ object }) => object);
  const isOwn = (object: KubeObject): boolean => renameWords(nameOf(object), rename) !== nameOf(object) || workloads.some((each) => JSON.stringify(each) === JSON.stringify(object));
  return objects.length > 0 && objects.every(isOwn);
}

/** Versions of a service that an overlay adds for a while, such as a canary: a new service has none of them. */
function otherVersions(survey: Survey, like: ServiceHome, isOwn: (file: string) => boolean, wantsCanary: boolean): readonly string[] {
  if (wantsCanary) return [];
  const workloads = workloadsOf(like.object, survey.objects);
  const main = findMain(survey, like);
  return workloads.filter((each) => each !== main && nameOf(each.object) !== (main && nameOf(main.object)) && !isOwn(each.file) && each.holder.directory !== like.holder.directory).map(({ object }) => nameOf(object));
}

function filesNamed({ value }: Entry, directory: string): readonly string[] {
  const path = typeof value === "string" ? value : (value as { readonly path?: unknown } | null)?.path;
  return typeof path === "string" && !path.includes("\n") ? [join(directory, path)].filter((file) => /\.ya?ml$/.test(file)) : [];
}

const ofVersions = /^istiomize\.dev\/(weights|active|mirror|match\..+|subset\..+)$/;

/** Whether a patch does nothing but share requests out between versions. */
function saysOnlyWeights(file: string): boolean {
  const objects = readObjects(file);
  return objects.length > 0 && objects.every((object) => {
    const annotations = Object.keys(stringsAt(object, "metadata", "annotations"));
    return annotations.length > 0 && annotations.every((key) => ofVersions.test(key)) && Object.keys(object).every((key) => ["apiVersion", "kind", "metadata"].includes(key))
      && Object.keys(object["metadata"] as object).every((key) => ["name", "namespace", "annotations"].includes(key));
  });
}

/** Puts in what the command line says: image, port, profile, canary; and takes out the routing between versions that were not copied. */
function finish(draft: Draft, survey: Survey, request: LikeRequest, isWithoutVersions: boolean, rename: Rename): readonly string[] {
  const { like, image, port, profiles, isCanary, name } = request;
  const made = (): readonly string[] => draft.changes().filter(({ before, path }) => before === undefined && /\.ya?ml$/.test(path)).map(({ path }) => path);
  const workloads = workloadsOf(like.object, survey.objects);
  const main = findMain(survey, like);
  const oldImage = main && imageOf(containersOf(main.object)[0]);
  const renamedImage = oldImage === undefined ? undefined : renameImage(oldImage, rename);
  const [oldPort] = portsOf(like.object);
  const containerPort = main && oldPort ? numberOfPort(main, oldPort.targetPort) : undefined;
  for (const file of made()) {
    const text = draft.read(file)!;
    const withImage = image && renamedImage !== undefined ? replaceImage(text, renamedImage, image.text) : text;
    const withPort = port !== undefined && containerPort !== undefined ? replacePort(withImage, name, containerPort, port) : withImage;
    const annotated = editDocuments(withPort, (object) => annotationEdits(object, name, profiles, isWithoutVersions));
    if (annotated !== text) draft.edit(file, annotated);
  }
  if (isCanary && main && workloads.length === 1) addCanary(draft, made(), renameWords(nameOf(main.object), rename), name);
  return image === undefined && renamedImage !== undefined ? [`image ${renamedImage} follows from that of ${like.name}; --image sets another one`] : [];
}

function renameImage(image: string, rename: Rename): string {
  return asText((load(renameYaml(JSON.stringify({ image }), rename)) as { readonly [key: string]: unknown })["image"]) ?? image;
}

function numberOfPort({ object }: Found, target: number | string): number | undefined {
  const ports = containersOf(object).flatMap((container) => (Array.isArray(container["ports"]) ? (container["ports"] as { readonly name?: string; readonly containerPort?: number }[]) : []));
  return typeof target === "number" ? target : ports.find((each) => each.name === target)?.containerPort;
}

function annotationEdits(object: KubeObject, name: string, profiles: readonly string[], isWithoutVersions: boolean): readonly FieldEdit[] {
  if (object["kind"] !== "Service" || nameOf(object) !== name) return [];
  const stale = isWithoutVersions ? Object.keys(stringsAt(object, "metadata", "annotations")).filter((key) => ofVersions.test(key)) : [];
  return [
    ...stale.map((key): FieldEdit => ({ path: ["metadata", "annotations", key], value: undefined })),
    ...(profiles.length > 0 && object["spec"] !== undefined ? [{ path: ["metadata", "annotations", "istiomize.dev/profile"], value: profiles.join(",") }] : []),
  ];
}

/** A second Deployment beside the first, which gets nothing yet. */
function addCanary(draft: Draft, made: readonly string[], workload: string, service: string): void {
  const file = made.find((each) => documentsOf(draft.read(each)!).some(({ object }) => nameOf(object) === workload && object["spec"] !== undefined && object["kind"] !== "Service" && "template" in (object["spec"] as object)));
  if (file === undefined) return;
  const version = ensureVersion(draft, file, workload);
  const text = draft.read(file)!;
  const document = documentsOf(text).find(({ object }) => nameOf(object) === workload && object["kind"] !== "Service" && object["kind"] !== "ServiceAccount")!;
  const canary = editText(document.text, [
    { path: ["metadata", "name"], value: `${workload}-canary` },
    ...["selector.matchLabels", "template.metadata.labels"].map((path): FieldEdit => ({ path: ["spec", ...path.split("."), "version"], value: "canary" })),
  ]).replace(/^[^\S\n]*\r?\n/, "");
  const target = join(dirname(file), canaryFile(basename(file)));
  draft.create(target, canary.endsWith("\n") ? canary : canary + eolOf(text));
  listBeside(draft, file, target);
  for (const each of made) {
    const edited = editDocuments(draft.read(each)!, (object) => (object["kind"] === "Service" && nameOf(object) === service && object["spec"] !== undefined
      ? [{ path: ["metadata", "annotations", "istiomize.dev/weights"], value: `${version}=100,canary=0` }] : []));
    draft.edit(each, edited);
  }
}

function canaryFile(file: string): string {
  return kustomizationNames.includes(file) ? "deployment-canary.yaml" : file.replace(/(\.ya?ml)$/, "-canary$1");
}

/** Lists a new file where the file beside it is listed. */
function listBeside(draft: Draft, file: string, target: string): void {
  for (const { path } of draft.changes().filter((change) => kustomizationNames.includes(basename(change.path)))) {
    const text = draft.read(path)!;
    const entry = readEntries(text).find(({ field, value }) => field === "resources" && typeof value === "string" && join(dirname(path), value) === file);
    if (entry) draft.edit(path, addPaths(text, "resources", [relative(dirname(path), target).replaceAll("\\", "/")]));
  }
}

/** The version that the first Deployment has in its labels; `stable`, written there, where it has none. */
function ensureVersion(draft: Draft, file: string, workload: string): string {
  const { object } = documentsOf(draft.read(file)!).find((each) => nameOf(each.object) === workload && each.object["kind"] !== "Service")!;
  const labels = stringsAt(object, "spec", "template", "metadata", "labels");
  const selector = stringsAt(object, "spec", "selector", "matchLabels");
  const version = labels["version"] ?? "stable";
  if (selector["version"] !== undefined && labels["version"] !== undefined) return version;
  draft.edit(file, editDocuments(draft.read(file)!, (each) => (nameOf(each) === workload && each["kind"] === object["kind"]
    ? ["selector.matchLabels", "template.metadata.labels"].map((path): FieldEdit => ({ path: ["spec", ...path.split("."), "version"], value: version })) : [])));
  return version;
}

interface Document {
  readonly text: string;
  readonly object: KubeObject;
}

function documentsOf(text: string): readonly Document[] {
  return splitStream(text).chunks.flatMap((chunk) => {
    const object = readDocument(chunk);
    return object ? [{ text: chunk.text, object }] : [];
  });
}

function readDocument(chunk: Chunk): KubeObject | undefined {
  try {
    const object: unknown = load(chunk.text);
    return typeof object === "object" && object !== null && !Array.isArray(object) ? (object as KubeObject) : undefined;
  } catch {
    return undefined;
  }
}

/** A stream with single fields of its objects edited. */
function editDocuments(text: string, editsOf: (object: KubeObject) => readonly FieldEdit[]): string {
  return splitStream(text).chunks.map((chunk) => {
    const object = readDocument(chunk);
    const edits = object ? editsOf(object) : [];
    return chunk.before + (edits.length === 0 ? chunk.text : editText(chunk.text, edits));
  }).join("");
}
