import { basename, dirname, join, relative } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import { asText, compareText, kindOf, nameOf } from "../../generators/kube/object.ts";
import { editText, type FieldEdit } from "../edit.ts";
import { isBelow, readObjects, type Kustomization } from "../tree/tree.ts";
import { copyDirectory } from "./copy.ts";
import { beginDraft, type Draft } from "./draft.ts";
import { addPaths, readEntries } from "./entries.ts";
import { checkLabel, checkPrefix } from "./names.ts";
import { repeatEntries } from "./overlay-entries.ts";
import { renameWords, type Rename } from "./rename.ts";
import type { Plan } from "./service.ts";
import { writeKustomization } from "./service-files.ts";
import { findBases, findOverlays, positionOf, type Survey } from "./survey.ts";

/** What is asked for; what is not follows from the overlay that it is like. */
export interface OverlayRequest {
  readonly name: string;
  readonly like?: string;
  readonly namespace?: string;
  readonly prefix?: string;
}

/** Overlays by what people call them: the name of the directory, where no other has it. */
export function overlayNames(survey: Survey): readonly string[] {
  return findOverlays(survey).map((each) => overlayName(each, survey)).sort(compareText);
}

function overlayName({ directory }: Kustomization, survey: Survey): string {
  const isUnique = findOverlays(survey).filter((each) => basename(each.directory) === basename(directory)).length === 1;
  return isUnique ? basename(directory) : relative(survey.root, directory).replaceAll("\\", "/");
}

function findOverlay(survey: Survey, name: string): Kustomization | undefined {
  return findOverlays(survey).find((each) => [overlayName(each, survey), relative(survey.root, each.directory), positionOf(each.directory).file].includes(name.replace(/\/$/, "")));
}

/** The overlay to copy where none is named: the only one there is. */
export function defaultLike(survey: Survey): string | undefined {
  const names = overlayNames(survey);
  return names.length === 1 ? names[0] : undefined;
}

/** Whether the namespace has to be asked for: the one of the overlay that is copied does not follow its name. */
export function needsNamespace(survey: Survey, { name, like, namespace, prefix }: OverlayRequest): boolean {
  const model = like === undefined ? undefined : findOverlay(survey, like);
  if (namespace !== undefined || prefix !== undefined) return false;
  if (!model) return false;
  const written = asText(model.content["namespace"]);
  return written !== undefined && renameWords(written, { pairs: [[basename(model.directory), name]], others: [] }) === written && asText(model.content["namePrefix"]) === undefined;
}

/** The files of a new environment: a copy of another one under new names, or a minimal one over the base. */
export function planOverlay(survey: Survey, request: OverlayRequest): Plan {
  const model = request.like === undefined ? undefined : findOverlay(survey, request.like);
  const wrong = checkRequest(survey, request, model);
  if (wrong.length > 0) return { changes: [], diagnostics: wrong, notes: [] };
  const draft = beginDraft(survey);
  if (model) copyOverlay(draft, survey, model, request);
  else writeMinimal(draft, survey, request);
  return draft.diagnostics.length > 0 ? { changes: [], diagnostics: draft.diagnostics, notes: [] } : { changes: draft.changes(), diagnostics: [], notes: [] };
}

/** The directory of the overlay that is copied. */
export function modelDirectory(survey: Survey, { like }: Pick<OverlayRequest, "like">): string | undefined {
  return like === undefined ? undefined : findOverlay(survey, like)?.directory;
}

/** What stands against the name of a new overlay, whichever of these it is to be like. */
export function checkOverlayName(survey: Survey, name: string, likes: readonly (string | undefined)[]): readonly Diagnostic[] {
  const refused = checkLabel(name, "overlay");
  if (refused.length > 0) return refused;
  const directories = (likes.length > 0 ? likes : [undefined]).map((like) => overlayDirectory(survey, { name, ...(like !== undefined && { like }) }));
  const isTaken = directories.every((directory) => survey.files.some((file) => isBelow(file, directory)));
  return isTaken ? [diagnose("IZ431", undefined, { name, by: "an environment that is there" }, { position: positionOf(directories[0]!) })] : [];
}

/** The directory of the new overlay. */
export function overlayDirectory(survey: Survey, { name, like }: OverlayRequest): string {
  const model = like === undefined ? undefined : findOverlay(survey, like);
  if (model) return join(dirname(model.directory), name);
  const [base] = findBases(survey);
  return join(base && base.directory !== survey.root ? dirname(base.directory) : survey.root, "overlays", name);
}

function checkRequest(survey: Survey, request: OverlayRequest, model: Kustomization | undefined): readonly Diagnostic[] {
  const { name, like, namespace, prefix } = request;
  const known = overlayNames(survey);
  const refused = [...(namespace === undefined ? [] : checkLabel(namespace, "namespace")), ...(prefix === undefined ? [] : checkPrefix(prefix))];
  const unknown = like !== undefined && !model ? [diagnose("IZ435", undefined, { name: like, what: "overlay", known, suggestion: suggest(like, known) })] : [];
  const misnamed = checkOverlayName(survey, name, [like]);
  if (misnamed.length + refused.length + unknown.length > 0) return [...misnamed, ...refused, ...unknown];
  const bases = findBases(survey);
  if (!model && bases.length === 0) return [diagnose("IZ433", undefined, { found: known })];
  if (!model && bases.length > 1) return [diagnose("IZ434", undefined, { bases: bases.map((each) => positionOf(each.directory).file), like: undefined })];
  const shared = model ? findShared(survey, model, request) : undefined;
  return shared ? [shared] : [];
}

/** Another overlay with the same namespace and prefix would be overwritten by the new one. */
function findShared(survey: Survey, model: Kustomization, request: OverlayRequest): Diagnostic | undefined {
  const rename = renameOf(survey, model, request);
  const named = (field: string, given: string | undefined): string => given ?? renameWords(asText(model.content[field]) ?? "", rename);
  const [namespace, prefix] = [named("namespace", request.namespace), named("namePrefix", request.prefix)];
  const other = findOverlays(survey).find(({ content, directory }) => namespace !== "" && asText(content["namespace"]) === namespace && (asText(content["namePrefix"]) ?? "") === prefix && dirname(directory) === dirname(model.directory));
  return other && diagnose("IZ437", undefined, { namespace, other: positionOf(other.directory).file }, { position: positionOf(other.file) });
}

/** The environment's name, its namespace and its prefix by those of the new one. */
function renameOf(survey: Survey, model: Kustomization, { name, namespace }: OverlayRequest): Rename {
  const old = asText(model.content["namespace"]);
  return {
    pairs: [...(namespace !== undefined && old !== undefined && old !== "" ? [[old, namespace] as const] : []), [basename(model.directory), name]],
    // Services and other environments may be called after one another: `staging` beside `pre-staging`.
    others: [...survey.services.map((each) => each.name), ...findOverlays(survey).map(({ directory }) => basename(directory))].filter((each) => each !== basename(model.directory)),
  };
}

function copyOverlay(draft: Draft, survey: Survey, model: Kustomization, request: OverlayRequest): void {
  const rename = renameOf(survey, model, request);
  const to = overlayDirectory(survey, request);
  const together = findTogether(survey, model);
  copyDirectory(draft, survey, model.directory, to, { rename, together });
  for (const each of together) {
    const copy = join(dirname(each), request.name);
    if (survey.files.some((file) => isBelow(file, copy))) draft.report(diagnose("IZ431", undefined, { name: request.name, by: "a directory" }, { position: positionOf(copy) }));
    else copyDirectory(draft, survey, each, copy, { rename, together });
  }
  const file = join(to, basename(model.file));
  const edits: readonly FieldEdit[] = [
    ...(request.namespace !== undefined && asText(model.content["namespace"]) !== request.namespace ? [{ path: ["namespace"], value: request.namespace }] : []),
    ...(request.prefix === undefined ? [] : [{ path: ["namePrefix"], value: request.prefix }]),
  ];
  if (edits.length > 0) draft.edit(file, setFields(draft.read(file)!, edits));
  repeatOutside(draft, survey, model, rename);
}

/** What an environment builds that has its own version for each: `components/staging`, `apps/web/overlays/staging`. */
function findTogether(survey: Survey, model: Kustomization): readonly string[] {
  return model.bases.filter((each) => basename(each) === basename(model.directory) && isBelow(each, survey.root) && !isBelow(each, model.directory));
}

/** A field that is there gets another value, a new one goes where people look for it: behind `kind`. The values are names, which need no quotes. */
function setFields(text: string, edits: readonly FieldEdit[]): string {
  return edits.reduce((edited, edit) => {
    const [field] = edit.path;
    const written = new RegExp(`^(${field}:[ \\t]+)[a-z0-9-]+(?=[ \\t]*(?:#.*)?\\r?$)`, "m");
    if (written.test(edited)) return edited.replace(written, `$1${edit.value}`);
    if (new RegExp(`^["']?${field}["']?[ \\t]*:`, "m").test(edited)) return editText(edited, [edit]);
    const kind = /^(?:kind|apiVersion):[^\n]*\n(?!(?:kind|apiVersion):)/m.exec(edited);
    const at = kind ? kind.index + kind[0].length : 0;
    const eol = edited.includes("\r\n") ? "\r\n" : "\n";
    return `${edited.slice(0, at)}${field}: ${edit.value}${eol}${edited.slice(at)}`;
  }, text);
}

/** What else of the tree is there once for each environment: an entry that builds it, a Namespace in the base. */
function repeatOutside(draft: Draft, survey: Survey, model: Kustomization, rename: Rename): void {
  const outside = survey.kustomizations.filter(({ directory }) => !isBelow(directory, model.directory));
  for (const kustomization of outside) {
    const entries = readEntries(kustomization.text).filter(({ value }) => typeof value === "string" && join(kustomization.directory, value) === model.directory);
    const paths = entries.map(({ value }) => renameWords(String(value), rename));
    if (paths.length > 0) draft.edit(kustomization.file, addPaths(draft.read(kustomization.file)!, entries[0]!.field, paths));
    const namespaces = kustomization.resources.filter((file) => isNamespaceOf(file, model, rename));
    for (const entry of readEntries(kustomization.text).filter(({ value }) => typeof value === "string" && namespaces.includes(join(kustomization.directory, value)))) {
      repeatEntries(draft, survey, kustomization, [entry], { copy: { rename }, image: undefined });
    }
  }
}

/** A file that holds the Namespace of an environment and nothing else, under a name that says so. */
function isNamespaceOf(file: string, model: Kustomization, rename: Rename): boolean {
  const objects = readObjects(file);
  return objects.length === 1 && kindOf(objects[0]!) === "Namespace" && nameOf(objects[0]!) === asText(model.content["namespace"]) && renameWords(basename(file), rename) !== basename(file);
}

function writeMinimal(draft: Draft, survey: Survey, request: OverlayRequest): void {
  const directory = overlayDirectory(survey, request);
  const [base] = findBases(survey);
  const written = asText(base!.content["namespace"]);
  const namespace = request.namespace ?? (written !== undefined && request.prefix === undefined ? `${written}-${request.name}` : undefined);
  draft.create(join(directory, basename(base!.file)), writeKustomization({
    ...(namespace !== undefined && { namespace }), ...(request.prefix !== undefined && { prefix: request.prefix }),
    resources: [relative(directory, base!.directory).replaceAll("\\", "/")],
  }));
}
