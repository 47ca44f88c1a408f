import { dirname, join, relative } from "node:path";
import { asList, asMapping, asText, nameOf } from "../../generators/kube/object.ts";
import { isOwned } from "../generate/ownership.ts";
import { splitStream } from "../chunks.ts";
import { isBelow, readObjects, type Kustomization } from "../tree/tree.ts";
import { copyDirectory, copyFile, type Copy } from "./copy.ts";
import type { Draft } from "./draft.ts";
import { eolOf, filesOf, insertEntry, nameOfEntry, type Entry } from "./entries.ts";
import type { Image } from "./names.ts";
import { namesIt, renameWords, renameYaml, type Rename } from "./rename.ts";
import type { Survey } from "./survey.ts";

/** What of a kustomization is repeated for a new service, and in which words. */
export interface Repeat {
  readonly copy: Copy;
  readonly image: Image | undefined;
  /** Entries for which nothing is done: of versions that the new service does not have. */
  readonly leavesOut?: (entry: Entry, kustomization: Kustomization) => boolean;
}

/** Whether an entry is about a service: its path, its name or its target says so. */
export function concerns(entry: Entry, rename: Pick<Rename, "pairs" | "others">): boolean {
  const mapping = asMapping(entry.value);
  const target = asText(asMapping(mapping?.["target"])?.["name"]);
  if (target !== undefined && /[|*.+()[\]^$]/.test(target)) return false; // for several services, the new one among them or not
  return namesIt(nameOfEntry(entry.value), rename) || (target !== undefined && namesIt(target, rename)) || (mapping !== undefined && namesIt(entry.text, rename));
}

/** Does for a new service what a kustomization does for another one, entry by entry, with the files that they name. */
export function repeatEntries(draft: Draft, survey: Survey, kustomization: Kustomization, entries: readonly Entry[], { copy, image, leavesOut }: Repeat): void {
  const { directory, file } = kustomization;
  for (const entry of entries) {
    if (leavesOut?.(entry, kustomization) || copy.leavesOutEntry?.(entry, directory) || filesOf(entry, directory).some((path) => isGenerated(path, survey))) continue;
    for (const path of filesOf(entry, directory)) {
      const to = join(directory, renameWords(relative(directory, path), copy.rename));
      if (to === path || draft.makes(to)) continue;
      if (survey.files.includes(path)) copyFile(draft, survey, path, to, copy);
      else copyDirectory(draft, survey, path, to, copy);
    }
    const renamed = renameYaml(entry.text, copy.rename);
    const text = entry.field === "images" && image ? writeImage(entry, renamed, kustomization, image) : renamed;
    if (text === undefined || text === entry.text) continue;
    draft.edit(file, insertEntry(draft.read(file)!, { field: entry.field, name: entry.field === "images" && image ? image.repository : renameWords(nameOfEntry(entry.value), copy.rename), text }));
  }
}

function isGenerated(path: string, survey: Survey): boolean {
  return survey.files.includes(path) && isOwned(survey.read(path) ?? "");
}

/**
 * The entry of `images` for another image: the tag or digest of that one, unless the list gives one tag to all; what
 * else the entry does with its image stays. Nothing where there is no tag to write.
 */
function writeImage(entry: Entry, renamed: string, { content }: Kustomization, { repository, tag, digest }: Image): string | undefined {
  const { name, newTag, ...rest } = asMapping(entry.value) ?? {};
  const tags = asList(content["images"]).map((each) => asMapping(each)?.["newTag"]);
  const isOneForAll = newTag !== undefined && tags.length > 2 && new Set(tags).size === 1;
  const isFurther = Object.keys(rest).some((key) => key !== "digest");
  if (isOneForAll || isFurther) {
    const named = replaceValue(renamed, "name", repository);
    return isOneForAll || newTag === undefined || tag === undefined ? named : replaceValue(named, "newTag", writeTag(tag));
  }
  const version = digest !== undefined ? `digest: ${digest}` : tag !== undefined ? `newTag: ${writeTag(tag)}` : undefined;
  if (version === undefined || name === undefined) return undefined;
  const indent = /^(\s*-\s+)/.exec(entry.text)?.[1]?.replace(/^\s*\n/, "");
  if (indent === undefined || entry.text.trimStart().startsWith("{")) return `{name: ${repository}, ${version}}`;
  const eol = eolOf(entry.text);
  return `${indent}name: ${repository}${eol}${" ".repeat(indent.length)}${version}${eol}`;
}

/** In quotes where YAML would read a number. */
export function writeTag(tag: string): string {
  return /^[\d_]*\.?[\d_]*(e\d+)?$/i.test(tag) ? JSON.stringify(tag) : tag;
}

function replaceValue(text: string, key: string, value: string): string {
  return text.replace(new RegExp(`((?:^|[\\s{,-])${key}:[ \\t]+)("[^"]*"|'[^']*'|[^\\s,}]+)`), (_, before: string) => before + value);
}

/**
 * Repeats the documents about a service in files that hold others too: one patch file for all services, one file of
 * resources for the whole base.
 */
export function repeatDocuments(draft: Draft, files: readonly string[], rename: Rename): void {
  for (const file of files) {
    const text = draft.read(file);
    if (text === undefined || isOwned(text)) continue;
    const { chunks } = splitStream(text);
    if (chunks.length < 2) continue;
    const eol = eolOf(text);
    const written = chunks.map((chunk, i) => {
      const own = `${chunk.before}${chunk.text}`;
      const name = nameOfText(chunk.text);
      if (name === undefined || !namesIt(name, rename)) return own;
      // What stands above the first document speaks of the whole file.
      const source = i === 0 ? chunk.text.replace(/^(?:[ \t]*(?:#[^\n]*)?\r?\n)+/, "") : chunk.text.replace(/^[^\S\n]*\r?\n/, "");
      const body = renameYaml(source, rename);
      return `${own}${own.endsWith("\n") ? "" : eol}---${eol}${body}`;
    });
    const edited = written.join("");
    if (edited !== text) draft.edit(file, edited);
  }
}

function nameOfText(text: string): string | undefined {
  const name = /^metadata:(?:[ \t]*#[^\n]*)?\r?\n(?:[ \t]+[^\n]*\n|[ \t]*#[^\n]*\n|\r?\n)*?[ \t]+name:[ \t]*["']?([^\s"']+)/m.exec(text)?.[1];
  return name === "" ? undefined : name;
}

/** Files that kustomizations list and that hold objects of several names, one of them to be repeated. */
export function sharedFiles({ kustomizations, root }: Survey, rename: Rename, isApart: (file: string) => boolean): readonly string[] {
  const listed = [...new Set(kustomizations.flatMap(({ resources, patches }) => [...resources, ...patches]))];
  return listed.filter((file) => {
    if (!isBelow(file, root) || isApart(file) || namesIt(relative(root, dirname(file)), rename) || namesIt(file.slice(dirname(file).length), rename)) return false;
    const names = readObjects(file).map(nameOf);
    return names.some((name) => namesIt(name, rename)) && names.some((name) => !namesIt(name, rename));
  });
}
