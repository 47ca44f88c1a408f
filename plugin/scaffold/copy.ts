import { basename, dirname, join, relative, resolve } from "node:path";
import { diagnose } from "../../generators/diagnostics/diagnostic.ts";
import { asMapping, asText, type KubeObject } from "../../generators/kube/object.ts";
import { YamlError } from "../chunks.ts";
import { isOwned } from "../generate/ownership.ts";
import { editDocuments } from "../tree/documents.ts";
import { editLists } from "../tree/lists.ts";
import { removeMarked } from "../tree/marks.ts";
import { removeEntries } from "../tree/patch-entries.ts";
import { isBelow, kustomizationNames } from "../tree/tree.ts";
import type { Draft } from "./draft.ts";
import { isUrl, readEntries, removeCommentsAbove, type Entry } from "./entries.ts";
import { renameWords, renameYaml, type Rename } from "./rename.ts";
import { positionOf, type Survey } from "./survey.ts";

/** What of a directory is copied, and as what. */
export interface Copy {
  readonly rename: Rename;
  /** Files that are left out, with their entries in kustomizations; generated ones always are. */
  readonly leavesOut?: (file: string) => boolean;
  /** Documents of files that hold others too. */
  readonly leavesOutDocument?: (object: KubeObject, file: string) => boolean;
  /** Entries of kustomizations, whatever files they name. */
  readonly leavesOutEntry?: (entry: Pick<Entry, "field" | "value">, directory: string) => boolean;
  /** Directories elsewhere that are copied too, so that paths to them lead to their copies. */
  readonly together?: readonly string[];
}

/** Copies one file under its new name; nothing where it is generated, or left out. */
export function copyFile(draft: Draft, survey: Survey, from: string, to: string, copy: Copy): void {
  const { rename, leavesOut } = copy;
  const text = survey.read(from);
  if (text === undefined) {
    draft.report(diagnose("IZ439", undefined, { what: positionOf(from).file, why: "its bytes are not UTF-8", help: "copy this directory by hand" }, { position: positionOf(from) }));
  } else if (!isOwned(text) && !leavesOut?.(from)) {
    const written = removeMarked(text); // istiomize adds its own lines to the copy where they belong
    draft.create(to, kustomizationNames.includes(basename(from)) ? renameKustomization(draft, written, survey, from, copy) : renameText(withoutDocuments(written, from, copy), from, rename));
  }
}

/** A text without the documents that are not copied; one that is no YAML, or that cannot be read, as it is. */
function withoutDocuments(text: string, file: string, { leavesOutDocument }: Copy): string {
  if (!leavesOutDocument || !/\.(ya?ml|json)$/.test(file)) return text;
  try {
    return editDocuments(text, (value, chunk) => (asMapping(value) && leavesOutDocument(asMapping(value)!, file) ? undefined : chunk.text)) ?? text;
  } catch (error) {
    if (error instanceof YamlError) return text;
    throw error;
  }
}

/** Copies a directory and all below it; names of files and directories are renamed as what is in them. */
export function copyDirectory(draft: Draft, survey: Survey, from: string, to: string, copy: Copy): void {
  for (const file of survey.files.filter((each) => isBelow(each, from))) {
    copyFile(draft, survey, file, join(to, renameWords(relative(from, file), copy.rename)), copy);
  }
}

/** YAML by its values and comments; other texts, such as the .env file of a generator, by their words. */
export function renameText(text: string, file: string, rename: Rename): string {
  return /\.(ya?ml|json)$/.test(file) ? renameYaml(text, rename) : renameWords(text, rename);
}

/** A kustomization of a copy: without the entries of what is not copied, and with the paths that lead out of it as they were. */
function renameKustomization(draft: Draft, text: string, survey: Survey, file: string, { rename, leavesOut, leavesOutEntry, together = [] }: Copy): string {
  const at = dirname(file);
  const isLeftOut = (entry: string): boolean => {
    const path = resolve(at, entry);
    const there = survey.files.includes(path) ? survey.read(path) : undefined;
    return there !== undefined && (isOwned(there) || leavesOut?.(path) === true);
  };
  const entries = readEntries(text);
  const fields = [...new Set(entries.filter(({ value }) => typeof value === "string").map(({ field }) => field))];
  const plain = editLists(text, fields.map((field) => ({ field, remove: isLeftOut, add: [] })));
  const left = removeLeftOut(draft, plain, file, (entry) => leavesOutEntry?.(entry, at) === true || isLeftOut(asText(asMapping(entry.value)?.["path"]) ?? "."));
  const keeps = (value: string): boolean => rename.keeps?.(value) === true || (isOutside(value, at, survey) && !together.includes(resolve(at, value)));
  return renameYaml(left, { ...rename, keeps });
}

/** A kustomization without some of its entries; one that cannot be edited is reported. */
function removeLeftOut(draft: Draft, text: string, file: string, isGone: (entry: Pick<Entry, "field" | "value">) => boolean): string {
  const fields = new Set(readEntries(text).filter(isGone).map(({ field }) => field));
  try {
    return [...fields].reduce((edited, field) => removeEntries(edited, field, (value) => isGone({ field, value })), removeCommentsAbove(text, isGone));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    draft.report(diagnose("IZ439", undefined, { what: positionOf(file).file, why: error.message, help: "copy this directory by hand" }, { position: positionOf(file) }));
    return text;
  }
}

/** Whether a value names something that is not copied: a remote base, or a path out of the directory that is there. */
function isOutside(value: string, at: string, { files }: Survey): boolean {
  if (isUrl(value)) return true;
  if (!value.startsWith("../")) return false;
  const path = resolve(at, value);
  return files.some((file) => isBelow(file, path));
}
