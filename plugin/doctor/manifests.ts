import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { asList, asMapping, asText, kindOf, mappingAt, nameOf, type Mapping } from "../../generators/kube/object.ts";
import { readChunk, splitStream } from "../chunks.ts";
import { shown } from "../generate/source.ts";
import { isBelow, walkKustomizations } from "../tree/tree.ts";
import { findFaults, modeOf, type TreeMode } from "./modes.ts";
import { readable } from "./program.ts";

/** An object of Argo CD or Flux in a tree, and where it stands. */
export interface Manifest {
  readonly file: string;
  readonly object: Mapping;
  /** Where the field at these keys stands in it, for a message. */
  readonly at: (...keys: readonly string[]) => { readonly position: { readonly file: string; readonly line?: number } };
}

const skipped = new Set(["node_modules", "vendor"]);
const hints = /argoproj\.io\/|argocd-cm\b|kustomize\.(buildOptions|path|version)|kustomize\.toolkit\.fluxcd\.io\/|source\.toolkit\.fluxcd\.io\/|KUSTOMIZE_PLUGIN_HOME|^\s*cmp:/m;

/** The files of a tree that may configure something, and what may not be read. */
export interface Walked {
  readonly files: readonly string[];
  readonly unread: readonly string[];
}

export function walkFiles(directory: string): Walked {
  const [files, unread]: [string[], string[]] = [[], []];
  const visit = (at: string): void => {
    const entries = readable(() => readdirSync(at, { withFileTypes: true }));
    if (!entries) unread.push(at);
    for (const entry of [...(entries ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(at, entry.name);
      if (entry.isDirectory() && !entry.name.startsWith(".") && !skipped.has(entry.name)) visit(path);
      if (entry.isFile() && /\.(ya?ml|json)$|^Kustomization$/.test(entry.name)) files.push(path);
    }
  };
  visit(directory);
  return { files, unread };
}

/** The objects of a file, if it is one that may configure Argo CD or Flux; nothing where it cannot be read. */
export function readManifests(file: string): readonly Manifest[] | undefined {
  return readable(() => {
    const text = statSync(file).size < 2 ** 20 ? readFileSync(file, "utf8") : "";
    return hints.test(text) ? readObjects(file, text) : [];
  });
}

function readObjects(file: string, text: string): readonly Manifest[] {
  return splitStream(text).chunks.flatMap((chunk): readonly Manifest[] => {
    const at = (...keys: readonly string[]): ReturnType<Manifest["at"]> => ({ position: { file: shown(file), line: chunk.line + findLine(chunk.text, keys) } });
    try {
      return flatten(asMapping(readChunk(chunk))).flatMap((object) => [{ file, object, at }, ...readInside({ file, object, at })]);
    } catch {
      return []; // a template of a chart, or a file that its own tool will complain about
    }
  });
}

function flatten(object: Mapping | undefined): readonly Mapping[] {
  if (!object) return [];
  return kindOf(object) === "List" ? mappings(asList(object["items"])) : [object];
}

export function mappings(values: readonly unknown[]): readonly Mapping[] {
  return values.map(asMapping).filter((value) => value !== undefined);
}

/** The line of the last key, from 1, each one looked for behind the one before; also as a literal or a path of a JSON patch. */
export function findLine(text: string, keys: readonly string[]): number {
  const lines = text.split("\n");
  return 1 + keys.reduce((from, key) => {
    const name = key.replace(/[^\w-]/g, "\\$&");
    const pattern = new RegExp(`(?:^|[\\s{,"'-])${name}["']?\\s*[:=]|/data/${name}["']?\\s*(?:$|[,}])`);
    const found = lines.findIndex((line, i) => i >= from && pattern.test(line));
    return found < 0 ? from : found;
  }, 0);
}

/** Plugins that stand in something else: as the value of a ConfigMap, or in the values of the Helm chart. */
function readInside({ file, object, at }: Manifest): readonly Manifest[] {
  if (kindOf(object) === "ConfigMap") {
    return Object.entries(asMapping(object["data"]) ?? {}).flatMap(([key, value]) =>
      (asText(value)?.includes("ConfigManagementPlugin") ? readObjects(file, value as string).map((inner) => ({ ...inner, at: (...keys: readonly string[]) => at("data", key, ...keys) })) : []));
  }
  return valuesIn(object).filter((values) => mappingAt(values, "configs", "cmp")["create"] === true).flatMap((values) => Object.entries(mappingAt(values, "configs", "cmp", "plugins")).map(([name, spec]): Manifest =>
    ({ file, object: { kind: "ConfigManagementPlugin", metadata: { name }, spec }, at: (_, ...keys) => at("configs", "cmp", "plugins", name, ...keys) })));
}

/** Values of the chart argo-cd: at the top of a file, or below the name that an umbrella chart gives it. */
export function valuesIn(object: Mapping): readonly Mapping[] {
  if ("kind" in object) return [];
  return [object, ...mappings(Object.values(object))].filter((values) => asMapping(values["configs"]));
}

/** A path in the repository, as Applications and Flux name it, and how what stands there gets its mesh. */
export interface RepositoryPath {
  readonly path: string;
  readonly mode: TreeMode;
  /** What lets each of its builds fail, or be wrong. */
  readonly faults: readonly Diagnostic[];
}

/** Resolves a path from the root of the repository, with further components from there; nothing where no kustomization stands there. */
export function findPath(root: string, path: string, components: readonly string[] = []): RepositoryPath | undefined {
  const repository = repositoryOf(root);
  const directory = resolve(repository, path.replace(/^\/+/, ""));
  const walk = (at: string): ReturnType<typeof walkKustomizations> => (isBelow(at, repository) && existsSync(at) ? walkKustomizations(at) : []);
  return readable(() => {
    const own = walk(directory);
    const tree = [...own, ...components.flatMap((component) => walk(resolve(directory, component)))];
    return own.length === 0 ? undefined : { path, mode: modeOf(tree), faults: findFaults(tree) };
  });
}

/** The root of the Git repository that a directory is in; the directory itself where it is in none. */
function repositoryOf(directory: string): string {
  for (let at = directory; ; at = dirname(at)) {
    if (existsSync(join(at, ".git"))) return at;
    if (dirname(at) === at) return directory;
  }
}

/** Whether a URL is known to be of another repository: this one has remotes, and it is none of them. */
export function isElsewhere(root: string, url: string | undefined): boolean {
  const remotes = url === undefined ? [] : remotesOf(repositoryOf(root)).map(plainUrl).filter((remote) => /^\w[\w.-]*\//.test(remote));
  return remotes.length > 0 && !remotes.includes(plainUrl(url!));
}

function remotesOf(repository: string): readonly string[] {
  const git = join(repository, ".git");
  const text = readable(() => readFileSync(join(git, "config"), "utf8")) ?? readable(() => {
    const directory = resolve(repository, readFileSync(git, "utf8").replace(/^gitdir:/, "").trim()); // a worktree, or a submodule
    return readFileSync([directory, resolve(directory, "../..")].map((at) => join(at, "config")).find((file) => existsSync(file)) ?? "", "utf8");
  });
  return [...(text ?? "").matchAll(/^\s*url\s*=\s*(.+?)\s*$/gm)].map(([, url]) => url!);
}

/** `git@host:a/b.git`, `ssh://git@host:22/a/b` and `https://host/a/b/` are the same repository. */
function plainUrl(url: string): string {
  return url.replace(/^[a-z+]+:\/\//i, "").replace(/^[^/@]*@/, "").replace(/^([^/:]+):\d+\//, "$1/").replace(/^([^/:]+):/, "$1/").replace(/\/+$/, "").replace(/\.git$/, "").toLowerCase();
}

/** `Application shop` */
export function describeManifest({ object }: Manifest): string {
  return `${kindOf(object)} ${nameOf(object)}`;
}
