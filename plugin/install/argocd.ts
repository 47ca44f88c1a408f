import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { diagnose, type Diagnostic, type Outcome } from "../../generators/diagnostics/diagnostic.ts";
import { asMapping, asText, type Mapping } from "../../generators/kube/object.ts";
import type { FileChange } from "../write/change.ts";
import { hashOf, showFile } from "../write/disk.ts";
import { readArgocdTree } from "./argocd-tree.ts";

/** Says which files are istiomize's, and how it wrote them: what differs from that was edited by people. */
export const recordFile = ".istiomize.json";

export interface ArgocdRequest {
  /** Where the tree goes; an absolute path. */
  readonly directory: string;
  /** The image that the init container takes, instead of `istiomize:<version>`. */
  readonly image?: string;
  /** Overwrites what people edited. */
  readonly isForced: boolean;
}

/** The changes that bring a directory to the tree of this version; refused are files that people wrote. */
export function planArgocd({ directory, image, isForced }: ArgocdRequest): Outcome<readonly FileChange[]> {
  const files = withImage(readArgocdTree(), image);
  const written = readRecord(directory);
  const paths = [...new Set([...Object.keys(files), ...written.keys()])].sort();
  const occupied = paths.map((path) => join(directory, path)).filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
  if (occupied.length > 0) return { value: [], diagnostics: occupied.map((path) => diagnose("IZ450", undefined, { found: "directory" }, { position: { file: showFile(path) } })) };
  const changes = paths.map((path): FileChange => ({ path: join(directory, path), before: readText(join(directory, path)), after: files[path] }));
  const foreign = isForced ? [] : changes.filter(({ before, after }, i) => before !== undefined && before !== after && hash(before) !== written.get(paths[i]!));
  if (foreign.length > 0) {
    const isKnown = (path: string): boolean => [...written.keys()].some((each) => join(directory, each) === path);
    return { value: [], diagnostics: foreign.slice(0, mostNamed).map(({ path }, i): Diagnostic =>
      diagnose("IZ452", undefined, { now: isKnown(path) ? "changed" : "foreign", more: i === mostNamed - 1 ? foreign.length - mostNamed : 0 }, { position: { file: showFile(path) } })) };
  }
  const record = { path: join(directory, recordFile), before: readText(join(directory, recordFile)), after: writeRecord(files, image) };
  return { value: [...changes, record].filter(({ before, after }) => before !== after), diagnostics: [] };
}

const mostNamed = 5;

/** The same files with another image in the place of the one of this version. */
function withImage(files: { readonly [path: string]: string }, image: string | undefined): { readonly [path: string]: string } {
  if (image === undefined) return files;
  const own = new RegExp(`(?<![\\w./-])(?:registry\\.example\\.com/)?istiomize:${ISTIOMIZE_VERSION.replaceAll(".", "\\.")}(?![\\w.-])`, "g");
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [path, text.replace(own, () => image)]));
}

/** The image that a tree was written with, where one was named. */
export function recordedImage(directory: string): string | undefined {
  return asText(parseRecord(directory)["image"]);
}

function writeRecord(files: { readonly [path: string]: string }, image: string | undefined): string {
  return `${JSON.stringify({ istiomize: ISTIOMIZE_VERSION, ...(image !== undefined && { image }), sha256: Object.fromEntries(Object.entries(files).map(([path, text]) => [path, hash(text)])) }, undefined, 2)}\n`;
}

/** What an earlier run wrote, as hashes by path. */
function readRecord(directory: string): ReadonlyMap<string, string> {
  const isBelow = (path: string): boolean => !path.split("/").includes("..") && !path.startsWith("/");
  return new Map(Object.entries(asMapping(parseRecord(directory)["sha256"]) ?? {}).flatMap(([path, value]) => (isBelow(path) && asText(value) !== undefined ? [[path, value as string]] : [])));
}

/** The record; an empty one where there is none, or none that can be read. */
function parseRecord(directory: string): Mapping {
  try {
    return asMapping(JSON.parse(readText(join(directory, recordFile)) ?? "{}")) ?? {};
  } catch {
    return {};
  }
}

function readText(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function hash(text: string): string {
  return hashOf(Buffer.from(text, "utf8"));
}
