import { isUtf8 } from "node:buffer";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { diagnose, type Outcome } from "../../generators/diagnostics/diagnostic.ts";
import { asList, asMapping, asText, describeObject, kindOf, mappingAt, nameOf, selects, stringsAt, type KubeObject } from "../../generators/kube/object.ts";
import { isServiceMesh } from "../../generators/mesh/config.ts";
import { splitStream } from "../chunks.ts";
import { isOwned } from "../generate/ownership.ts";
import { isBelow, readKustomization, readObjects, runsMesh, texts, type Kustomization } from "../tree/tree.ts";

/** Where the ServiceMesh of a tree stands, which decides who runs istiomize. */
export type Layout = "transformer" | "resource" | "files" | "none";

/** An object, the file that it stands in and the kustomization that lists the file. */
export interface Found {
  readonly object: KubeObject;
  readonly file: string;
  readonly holder: Kustomization;
}

/** A Service of the tree, and where the next one of its kind would be written and registered. */
export interface ServiceHome extends Found {
  readonly name: string;
  /** The files that belong to this Service alone: its directory, or single files beside those of others. */
  readonly unit: string | undefined;
  /** The kustomization above that names `unit`, or lists the files; undefined where each overlay does. */
  readonly registrar: Kustomization | undefined;
  /** The directory in which units stand beside each other. */
  readonly folder: string;
}

/** What is known of a tree before anything is added to it. */
export interface Survey {
  readonly root: string;
  /** Every file of the tree, generated ones included; `read` gives the text of one, or nothing where it is no text. */
  readonly files: readonly string[];
  readonly read: (file: string) => string | undefined;
  readonly kustomizations: readonly Kustomization[];
  readonly objects: readonly Found[];
  /** The Services by name: the first one where several bases have one of it. */
  readonly services: readonly ServiceHome[];
  /** All of them, those of the same name included. */
  readonly homes: readonly ServiceHome[];
  readonly meshes: readonly KubeObject[];
  readonly layout: Layout;
}

/** Reads every kustomization below a directory and what it lists; reports what cannot be read. */
export function surveyTree(directory: string): Outcome<Survey | undefined> {
  const root = resolve(directory);
  const stats = statSync(root, { throwIfNoEntry: false });
  if (!stats?.isDirectory()) return { value: undefined, diagnostics: [diagnose("IZ408", undefined, { path: directory, message: stats ? "a file, not a directory" : "nothing is there" })] };
  const kustomizations = findDirectories(root).flatMap((each) => readKustomization(each) ?? []);
  if (kustomizations.length === 0) return { value: undefined, diagnostics: [diagnose("IZ408", undefined, { path: directory, message: "no kustomization in it or below" })] };
  const broken = kustomizations.flatMap(({ file, problem }) => (problem ? [diagnose("IZ404", undefined, { message: problem.message }, { position: positionOf(file, problem.line) })] : []));
  if (broken.length > 0) return { value: undefined, diagnostics: broken };
  const objects = kustomizations.flatMap((holder) => holder.resources.filter((file) => isBelow(file, root) && !isOwned(readFileSync(file, "utf8")))
    .flatMap((file) => readObjects(file).map((object): Found => ({ object, file, holder }))));
  const further = kustomizations.flatMap(({ patches, transformers }) => [...patches, ...transformers]).flatMap(readObjects);
  const meshes = [...objects.map(({ object }) => object), ...further].filter(isServiceMesh);
  const homes = findServices(root, kustomizations, objects);
  const services = homes.filter(({ name }, i) => homes.findIndex((other) => other.name === name) === i);
  return { value: { root, files: findDirectories(root).flatMap(findFiles), read: readText, kustomizations, objects, services, homes, meshes, layout: layoutOf(kustomizations, objects) }, diagnostics: [] };
}

/** A path as people read it in messages: from where they are. */
export function positionOf(file: string, line?: number): { readonly file: string; readonly line?: number } {
  return { file: relative(process.cwd(), file) || ".", ...(line !== undefined && { line }) };
}

/** The directory and all below it, in order of name; those of tools and packages are left out. */
export function findDirectories(root: string): readonly string[] {
  const below = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules");
  return [root, ...below.map(({ name }) => name).sort().flatMap((name) => findDirectories(join(root, name)))];
}

/** The files of a directory itself. */
function findFiles(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => join(directory, name)).sort();
}

function readText(file: string): string | undefined {
  const bytes = readFileSync(file);
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}

function layoutOf(kustomizations: readonly Kustomization[], objects: readonly Found[]): Layout {
  const meshes = objects.filter(({ object }) => isServiceMesh(object));
  if (kustomizations.some(runsMesh)) return "transformer";
  if (meshes.some(({ object }) => stringsAt(object, "metadata", "annotations")["config.kubernetes.io/local-config"] === "true")) return "files";
  return meshes.length > 0 ? "resource" : "none";
}

export function isService({ object }: Found): boolean {
  return kindOf(object) === "Service" && object["apiVersion"] === "v1" && nameOf(object) !== "";
}

/** The kustomizations that name a directory under `resources`, `bases` or `components`. */
export function namersOf(directory: string, kustomizations: readonly Kustomization[]): readonly Kustomization[] {
  return kustomizations.filter(({ bases }) => bases.includes(directory));
}

function findServices(root: string, kustomizations: readonly Kustomization[], objects: readonly Found[]): readonly ServiceHome[] {
  const services = objects.filter(isService);
  return services.map((found): ServiceHome => {
    const name = nameOf(found.object);
    const { directory } = found.holder;
    const isAlone = services.every((other) => other === found || other.holder.directory !== directory || isPartOf(other.object, found.object));
    const above = namersOf(directory, kustomizations).find((each) => each.directory !== directory && isBelow(directory, each.directory));
    if (isAlone && above) return { ...found, name, unit: directory, registrar: above, folder: dirname(directory) };
    const whole = isAlone && !above && namersOf(directory, kustomizations).length > 0 ? findWhole(root, directory, name, kustomizations, services) : undefined;
    if (whole) return { ...found, name, unit: whole, registrar: undefined, folder: dirname(whole) };
    const isOneOfSeveral = isAlone && services.some((other) => other.holder.directory !== directory && namersOf(other.holder.directory, kustomizations).some(({ bases }) => bases.includes(directory)));
    if (isOneOfSeveral) return { ...found, name, unit: directory, registrar: undefined, folder: dirname(directory) };
    const own = dirname(found.file);
    const sharesFolder = services.some((other) => other !== found && dirname(other.file) === own);
    if (own !== directory && !sharesFolder) return { ...found, name, unit: own, registrar: found.holder, folder: dirname(own) };
    return { ...found, name, unit: undefined, registrar: found.holder, folder: own };
  });
}

/** A second Service for the same pods (`web-headless`, `web-canary`) is no service of its own. */
function isPartOf(service: KubeObject, main: KubeObject): boolean {
  return nameOf(service).startsWith(`${nameOf(main)}-`) || JSON.stringify(mappingAt(service, "spec", "selector")) === JSON.stringify(mappingAt(main, "spec", "selector"));
}

/**
 * The directory of a service that has a base and overlays of its own (`apps/web/{base,overlays}`): the highest one
 * that no other service shares.
 */
function findWhole(root: string, directory: string, name: string, kustomizations: readonly Kustomization[], services: readonly Found[]): string | undefined {
  for (let at = directory; at !== root && isBelow(at, root); at = dirname(at)) {
    if (services.some((other) => nameOf(other.object) !== name && isBelow(other.file, at))) return undefined;
    if (namersOf(directory, kustomizations).every((each) => isBelow(each.directory, at))) return at;
  }
  return undefined;
}

/** A kustomization that builds others for one environment: nothing in the tree builds it, and it reaches out of its own directory. */
export function findOverlays({ kustomizations }: Pick<Survey, "kustomizations">): readonly Kustomization[] {
  return kustomizations.filter((each) => !each.isComponent && isOutermost(each, kustomizations)
    && texts(each.content["resources"]).concat(texts(each.content["bases"])).some((entry) => entry.startsWith("../") || /:\/\/|^github\.com/.test(entry)));
}

/** Whether nothing builds it but a kustomization that only collects environments. */
function isOutermost({ directory }: Kustomization, kustomizations: readonly Kustomization[]): boolean {
  return namersOf(directory, kustomizations).every(({ resources, bases, patches }) => resources.length === 0 && patches.length === 0 && bases.every((each) => dirname(each) === dirname(directory)));
}

/** The kustomizations that overlays build, and those that nothing builds but that reach nowhere: where services belong. */
export function findBases(survey: Pick<Survey, "kustomizations">): readonly Kustomization[] {
  const overlays = findOverlays(survey);
  const built = survey.kustomizations.filter((each) => !each.isComponent && overlays.some(({ bases }) => bases.includes(each.directory)));
  if (built.length > 0) return built.filter(({ directory }) => !overlays.some((each) => each.directory === directory));
  return survey.kustomizations.filter((each) => !each.isComponent && !overlays.includes(each) && namersOf(each.directory, survey.kustomizations).length === 0);
}

/** The workloads behind a Service of the tree, by its selector. */
export function workloadsOf(service: KubeObject, objects: readonly Found[]): readonly Found[] {
  const selector = mappingAt(service, "spec", "selector");
  return objects.filter(({ object }) => selects(selector, mappingAt(object, "spec", "template", "metadata", "labels")));
}

/** What a name that is to be given to new objects is already the name of: the Service, where it is that of one. */
export function findTaken(name: string, { objects }: Survey): Found | undefined {
  const found = objects.filter(({ object }) => nameOf(object) === name && kindOf(object) !== "Namespace" && !isServiceMesh(object));
  return found.find(isService) ?? found[0];
}

/** The line on which an object says its name; none where it stands in a list, or in JSON. */
export function lineOf({ object, file }: Found, { read }: Pick<Survey, "read">): number | undefined {
  const name = nameOf(object);
  for (const { text, line } of splitStream(read(file) ?? "").chunks) {
    const lines = text.split("\n");
    const isKind = lines.some((each) => /^kind:\s*["']?([A-Za-z]+)/.exec(each)?.[1] === kindOf(object));
    const isInMetadata = (i: number): boolean => lines.slice(0, i + 1).findLast((each) => /^\w/.test(each))?.startsWith("metadata:") === true;
    const at = lines.findIndex((each, i) => /^(?:\s+|metadata:\s*\{.*?)name:\s*["']?([^\s"',}]+)/.exec(each)?.[1] === name && isInMetadata(i));
    if (isKind && at >= 0) return line + at + 1;
  }
  return undefined;
}

export function describeTaken({ object }: Found): string {
  return describeObject(object);
}

/** The names of profiles in every ServiceMesh of the tree, patches included. */
export function profilesOf({ meshes }: Survey): readonly string[] {
  return [...new Set(meshes.flatMap((mesh) => Object.keys(mappingAt(mesh, "spec", "profiles"))))].sort();
}

/** Whether a ServiceMesh hands down settings, so that a Service needs no more than to be taken in. */
export function hasDefaults({ meshes }: Survey): boolean {
  return meshes.some((mesh) => Object.keys(mappingAt(mesh, "spec", "defaults")).length > 0);
}

/** Whether every Service gets a request timeout from the ServiceMesh. */
export function inheritsTimeout({ meshes }: Survey): boolean {
  return meshes.some((mesh) => mappingAt(mesh, "spec", "defaults")["timeout"] !== undefined);
}

/** The containers of a workload's pods. */
export function containersOf(workload: KubeObject): readonly { readonly [key: string]: unknown }[] {
  return asList(mappingAt(workload, "spec", "template", "spec")["containers"]).map(asMapping).filter((container) => container !== undefined);
}

export function imageOf(container: { readonly [key: string]: unknown } | undefined): string | undefined {
  return asText(container?.["image"]);
}

