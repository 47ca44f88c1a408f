import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { loadAll, load, YAMLException } from "js-yaml";
import { countValues } from "../../generators/kube/count-values.ts";
import { asList, asMapping, asText, type KubeObject, type Mapping } from "../../generators/kube/object.ts";
import { usesAliases, withoutNames } from "../chunks.ts";

export const kustomizationNames = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/** One kustomization on disk and what it names, read as kustomize reads it. Paths are absolute. */
export interface Kustomization {
  readonly directory: string;
  readonly file: string;
  readonly text: string;
  readonly content: Mapping;
  /** What is wrong with the file itself, with the line from 1; kustomize would refuse it too. */
  readonly problem?: { readonly message: string; readonly line?: number };
  readonly isComponent: boolean;
  /** Local files under `resources`, and the patches, in the order in which they are written. */
  readonly resources: readonly string[];
  /** Local directories under `resources`, `bases` and `components`. */
  readonly bases: readonly string[];
  /** Entries that are URLs, and entries that name nothing on disk. */
  readonly remote: readonly string[];
  readonly missing: readonly string[];
  readonly patches: readonly string[];
  /** Local files under `transformers`. */
  readonly transformers: readonly string[];
}

export function findKustomization(directory: string): string | undefined {
  return kustomizationNames.map((name) => join(directory, name)).find((path) => existsSync(path) && !isDirectory(path));
}

/** The kustomization in a directory and all local ones below it, outermost first. Remote ones are left alone. */
export function walkKustomizations(directory: string): readonly Kustomization[] {
  const found = new Map<string, Kustomization>();
  const visit = (at: string): void => {
    const read = found.has(at) ? undefined : readKustomization(at);
    if (!read) return;
    found.set(at, read);
    const further = texts(read.content["transformers"]).map((entry) => resolve(at, entry)).filter((path) => existsSync(path) && isDirectory(path));
    for (const each of [...read.bases, ...further]) visit(each);
  };
  visit(resolve(directory));
  return [...found.values()];
}

/** The kustomization that stands in a directory, if one does. */
export function readKustomization(directory: string): Kustomization | undefined {
  const file = findKustomization(directory);
  return file === undefined ? undefined : parseKustomization(directory, file, readFileSync(file, "utf8"));
}

/** What stands at a path, if anything does. */
export type TypeOf = (path: string) => "file" | "directory" | undefined;

/** A kustomization from its text; `typeOf` looks at the disk unless its caller knows better. */
export function parseKustomization(directory: string, file: string, text: string, typeOf: TypeOf = lookAt): Kustomization {
  const { value, problem } = read(text);
  const content = asMapping(value) ?? {};
  const entries = ["resources", "bases", "components"].flatMap((field) => texts(content[field]));
  const sorted = entries.map((entry) => ({ entry, path: resolve(directory, entry) })).map((each) => ({ ...each, type: typeOf(each.path) }));
  const pathsOf = (type: "file" | "directory"): readonly string[] => sorted.filter((each) => each.type === type).map(({ path }) => path);
  const absent = sorted.filter(({ type }) => type === undefined).map(({ entry }) => entry);
  const patches = ["patches", "patchesStrategicMerge", "patchesJson6902"].flatMap((field) => asList(content[field]))
    .map((entry) => asText(entry) ?? asText(asMapping(entry)?.["path"]));
  const filesOf = (paths: readonly (string | undefined)[]): readonly string[] =>
    paths.flatMap((path) => (path !== undefined && !path.includes("\n") ? [resolve(directory, path)] : [])).filter((path) => typeOf(path) === "file");
  return {
    directory, file, text, content, ...(problem && { problem }), isComponent: content["kind"] === "Component",
    resources: pathsOf("file"), bases: pathsOf("directory"), remote: absent.filter(isRemote), missing: absent.filter((entry) => !isRemote(entry)),
    patches: patches.length === 0 ? [] : filesOf(patches), transformers: filesOf(texts(content["transformers"])),
  };
}

/** A URL or one of the short forms of a repository that kustomize clones. */
function isRemote(entry: string): boolean {
  return /:\/\/|^git@|^git::|^(github\.com|gitlab\.com|bitbucket\.org)[/:]|\?(ref|version|timeout|submodules)=|^[a-z0-9.-]+\.[a-z]{2,}[/:].+\/.+/.test(entry);
}

function read(text: string): { readonly value?: unknown; readonly problem?: Kustomization["problem"] } {
  try {
    const value = text.includes("\n---") ? loadAll(text)[0] : load(text); // kustomize reads the first document
    if (usesAliases(text) && countValues(value) > 1_000_000) return { problem: { message: "aliases that stand for more than a million values", line: 1 } };
    return value === undefined || value === null || asMapping(value) ? { value } : { problem: { message: "not a mapping", line: 1 } };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return { problem: { message: withoutNames(error.reason), ...(error.mark && { line: error.mark.line + 1 }) } };
  }
}

export function texts(value: unknown): readonly string[] {
  return asList(value).filter((entry) => typeof entry === "string");
}

export function lookAt(path: string): ReturnType<TypeOf> {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats === undefined ? undefined : stats.isDirectory() ? "directory" : "file";
  } catch {
    return undefined; // a path that the system cannot even look up, such as one that is too long
  }
}

function isDirectory(path: string): boolean {
  return statSync(path).isDirectory();
}

/** Whether a kustomization runs istiomize itself, as a transformer. */
export function runsMesh({ transformers, content }: Kustomization): boolean {
  return transformers.some((file) => holdsMesh(readFileSync(file, "utf8"))) || texts(content["transformers"]).some((entry) => entry.includes("\n") && holdsMesh(entry));
}

export function holdsMesh(text: string): boolean {
  return text.includes("istiomize.dev/") && /^[ \t]*["']?kind["']?:\s*["']?ServiceMesh\b|"kind"\s*:\s*"ServiceMesh"/m.test(text);
}

/** The objects of a YAML file, as far as it can be read. */
export function readObjects(file: string): readonly KubeObject[] {
  try {
    return loadAll(readFileSync(file, "utf8")).map(asMapping).filter((object) => object !== undefined);
  } catch {
    return [];
  }
}

/** The deepest directory that holds all of these. */
export function commonDirectory(paths: readonly string[]): string {
  return paths.reduce((common, path) => {
    let at = common;
    while (relative(at, path).startsWith("..")) at = dirname(at);
    return at;
  });
}

/** Whether a path is this directory or below it. */
export function isBelow(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way === "" || (way !== ".." && !way.startsWith("../") && !way.startsWith("..\\"));
}

/** The path with every symlink on the way followed; of a file that is not there yet, as far as it exists. */
export function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const parent = dirname(path);
  return parent === path ? path : join(realPath(parent), relative(parent, path));
}
