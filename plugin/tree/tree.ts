import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { loadAll, load } from "js-yaml";
import { asList, asMapping, asText, type KubeObject, type Mapping } from "../../generators/kube/object.ts";

const fileNames = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/** One kustomization on disk and what it names, read as kustomize reads it. */
export interface Kustomization {
  readonly directory: string;
  readonly file: string;
  readonly content: Mapping;
  /** Local files under `resources`, and the patches, in the order in which they are written. */
  readonly resources: readonly string[];
  readonly patches: readonly string[];
  readonly transformers: readonly string[];
}

export function findKustomization(directory: string): string | undefined {
  return fileNames.map((name) => join(directory, name)).find((path) => existsSync(path));
}

/** The kustomization in a directory and all local ones below it, outermost first. Remote ones are left alone. */
export function walkKustomizations(directory: string): readonly Kustomization[] {
  const found = new Map<string, Kustomization>();
  const visit = (at: string): void => {
    const file = findKustomization(at);
    if (found.has(at) || !file) return;
    const content = asMapping(read(file)) ?? {};
    const entries = ["resources", "bases", "components"].flatMap((field) => texts(content[field]));
    const local = entries.map((entry) => resolve(at, entry)).filter((path) => existsSync(path));
    const [directories, files] = [local.filter(isDirectory), local.filter((path) => !isDirectory(path))];
    const patches = ["patches", "patchesStrategicMerge", "patchesJson6902"].flatMap((field) => asList(content[field]))
      .map((entry) => asText(entry) ?? asText(asMapping(entry)?.["path"]));
    const onDisk = (paths: readonly (string | undefined)[]): readonly string[] =>
      paths.flatMap((path) => (path !== undefined && !path.includes("\n") ? [resolve(at, path)] : [])).filter((path) => existsSync(path));
    const transformers = onDisk(texts(content["transformers"]));
    found.set(at, { directory: at, file, content, resources: files, patches: onDisk(patches), transformers: transformers.filter((path) => !isDirectory(path)) });
    for (const each of [...directories, ...transformers.filter(isDirectory)]) visit(each);
  };
  visit(resolve(directory));
  return [...found.values()];
}

function read(file: string): unknown {
  try {
    return load(readFileSync(file, "utf8"));
  } catch {
    return undefined; // kustomize says what is wrong with it
  }
}

function texts(value: unknown): readonly string[] {
  return asList(value).filter((entry) => typeof entry === "string");
}

function isDirectory(path: string): boolean {
  return statSync(path).isDirectory();
}

/** Whether a kustomization runs istiomize itself, as a transformer. */
export function runsMesh({ transformers, content }: Kustomization): boolean {
  return transformers.some((file) => holdsMesh(readFileSync(file, "utf8"))) || texts(content["transformers"]).some((entry) => entry.includes("\n") && holdsMesh(entry));
}

export function holdsMesh(text: string): boolean {
  return /^kind:\s*["']?ServiceMesh\b/m.test(text) && text.includes("istiomize.dev/");
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

