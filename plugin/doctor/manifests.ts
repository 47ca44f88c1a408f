import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { asMapping, asText, kindOf, nameOf, type Mapping } from "../../generators/kube/object.ts";
import { readChunk, splitStream } from "../chunks.ts";
import { shown } from "../generate/source.ts";
import { isBelow, walkKustomizations } from "../tree/tree.ts";
import { lineOf, modeOf, type TreeMode } from "./modes.ts";

/** An object of Argo CD or Flux in a tree, and where it stands. */
export interface Manifest {
  readonly file: string;
  readonly object: Mapping;
  /** Where a pattern is found in it, for a message. */
  readonly at: (pattern: RegExp) => { readonly position: { readonly file: string; readonly line?: number } };
}

const skipped = new Set(["node_modules", "vendor"]);
const hints = /argoproj\.io\/|argocd-cm\b|kustomize\.buildOptions|kustomize\.toolkit\.fluxcd\.io\//;

/** Everything below a directory that configures Argo CD or Flux. */
export function readManifests(root: string): readonly Manifest[] {
  return filesBelow(root).flatMap((file) => {
    const text = readFileSync(file, "utf8");
    return hints.test(text) ? readFile(file, text) : [];
  });
}

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return entry.name.startsWith(".") || skipped.has(entry.name) ? [] : filesBelow(path);
    return entry.isFile() && /\.(ya?ml|json)$/.test(entry.name) && statSync(path).size < 2 ** 20 ? [path] : [];
  });
}

function readFile(file: string, text: string): readonly Manifest[] {
  return splitStream(text).chunks.flatMap((chunk): readonly Manifest[] => {
    const at = (pattern: RegExp): ReturnType<Manifest["at"]> => {
      const { line = 1 } = lineOf(chunk.text, pattern);
      return { position: { file: shown(file), line: chunk.line + line } };
    };
    try {
      const object = asMapping(readChunk(chunk));
      return object ? [{ file, object, at }, ...readInside({ file, object, at })] : [];
    } catch {
      return []; // a template of a chart, or a file that its own tool will complain about
    }
  });
}

/** The file of a plugin is often the value of a ConfigMap. */
function readInside({ file, object, at }: Manifest): readonly Manifest[] {
  if (kindOf(object) !== "ConfigMap") return [];
  return Object.values(asMapping(object["data"]) ?? {}).flatMap((value) =>
    (asText(value)?.includes("ConfigManagementPlugin") ? readFile(file, value as string).map((inner) => ({ ...inner, at: (pattern: RegExp) => at(pattern) })) : []));
}

/** A path in the repository, as Applications and Flux name it, and how what stands there gets its mesh. */
export interface RepositoryPath {
  readonly path: string;
  readonly directory: string;
  readonly mode: TreeMode;
}

/** Resolves a path from the root of the repository; nothing where no kustomization stands there, as with one of another repository. */
export function findPath(root: string, path: string): RepositoryPath | undefined {
  const repository = repositoryOf(root);
  const directory = resolve(repository, path.replace(/^\/+/, ""));
  const tree = isBelow(directory, repository) && existsSync(directory) ? walkKustomizations(directory) : [];
  return tree.length === 0 ? undefined : { path, directory, mode: modeOf(tree) };
}

/** The root of the Git repository that a directory is in; the directory itself where it is in none. */
function repositoryOf(directory: string): string {
  for (let at = directory; ; at = dirname(at)) {
    if (existsSync(join(at, ".git"))) return at;
    if (dirname(at) === at) return directory;
  }
}

/** `Application shop` */
export function describeManifest({ object }: Manifest): string {
  return `${kindOf(object)} ${nameOf(object)}`;
}
