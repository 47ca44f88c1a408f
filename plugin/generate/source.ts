import { isUtf8 } from "node:buffer";
import { existsSync, readdirSync, readFileSync, realpathSync, statSync, type Dirent } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { generatedFrom } from "../../generators/kube/object.ts";
import { ownersOf } from "../../generators/mesh/sources.ts";
import { readDocuments } from "../chunks.ts";
import { removeMarked } from "../tree/marks.ts";
import { withoutCredentials } from "../tree/quoted.ts";
import { holdsMesh, isBelow, kustomizationNames, lookAt, parseKustomization, realPath, texts as textsOf, type Kustomization } from "../tree/tree.ts";
import { isOwned, mayBeOwned } from "./ownership.ts";

/** A tree on disk: its kustomizations, those outside that they build on, and what istiomize wrote into it before. */
export interface SourceTree {
  /** The directory that may be written to. */
  readonly root: string;
  /** Every kustomization in the tree and every local one that they name, by directory. */
  readonly nodes: ReadonlyMap<string, Kustomization>;
  /** The kustomizations that one of them takes in, itself included, by directory. */
  readonly closure: (directory: string) => ReadonlySet<string>;
  readonly isInside: (path: string) => boolean;
  /** The generated files on disk, with their text. */
  readonly owned: ReadonlyMap<string, string>;
  /** Whether an entry names a generated file, one that somebody deleted included. */
  readonly isOwnedEntry: (path: string) => boolean;
  /** A file as it is on disk, and as people wrote it: without the lines that istiomize added. */
  readonly read: (path: string) => string;
  readonly original: (path: string) => string;
  /** The resource files that hold a ServiceMesh. */
  readonly meshFiles: ReadonlySet<string>;
  readonly diagnostics: readonly Diagnostic[];
}

/** A path as a person in this directory would type it. */
export function shown(path: string): string {
  return relative(process.cwd(), path) || ".";
}

/** Reads all kustomizations of a tree, and what they name. What is wrong comes back as diagnostics. */
export function readTree(directory: string): SourceTree {
  const diagnostics: Diagnostic[] = [];
  const root = existsSync(directory) ? realpathSync(directory) : directory;
  const problem = checkRoot(directory, root);
  const found = problem ? { all: new Set<string>(), types: new Map<string, "file" | "directory">(), directories: new Map<string, readonly string[]>(), candidates: [] } : scan(root);
  const texts = new Map<string, string>();
  const broken = new Set<string>();
  const read = (path: string): string => {
    const known = texts.get(path);
    if (known !== undefined) return known;
    const text = readText(path, (diagnostic) => {
      if (!broken.has(path)) diagnostics.push(diagnostic);
      broken.add(path);
    });
    texts.set(path, text);
    return text;
  };
  // Directories that were found by walking are real ones; anything else may lead out through a symlink.
  const isInside = (path: string): boolean => found.all.has(path) || found.all.has(dirname(path)) || isBelow(realPath(path), root);
  const empty = { root, nodes: new Map(), closure: () => new Set<string>(), isInside, owned: new Map(), isOwnedEntry: () => false, read, original: read, meshFiles: new Set<string>() };
  if (problem) return { ...empty, diagnostics: [problem] };
  const nodes = new Map<string, Kustomization>();
  const visit = (at: string): void => {
    if (nodes.has(at)) return;
    const names = found.directories.get(at) ?? kustomizationNames.filter((name) => existsSync(join(at, name)));
    if (names.length === 0) return;
    const file = join(at, names[0]!);
    if (names.length > 1) diagnostics.push(diagnose("IZ404", undefined, { message: `${names.join(" and ")} in one directory`, help: "keep one of them" }, { position: { file: shown(file) } }));
    const parsed = parseKustomization(at, file, read(file), (path) => found.types.get(path) ?? lookAt(path));
    const node = { ...parsed, bases: parsed.bases.map((base) => (found.all.has(base) ? base : realpathSync(base))) };
    nodes.set(at, node);
    diagnostics.push(...checkKustomization(node));
    for (const base of node.bases) visit(base);
  };
  for (const at of found.directories.keys()) visit(at);
  if (nodes.size === 0) return { ...empty, diagnostics: [diagnose("IZ408", undefined, { path: shown(directory), message: "no kustomization in it or below" })] };
  diagnostics.push(...[...nodes.values()].flatMap((node) => node.bases.filter((base) => !nodes.has(base)).map((base) =>
    diagnose("IZ404", undefined, { message: `${relative(node.directory, base) || "."} is a directory without a kustomization`, help: "name its files, or add a kustomization.yaml there" }, { position: { file: shown(node.file) } }))));
  diagnostics.push(...findCycles(nodes));

  const listed = [...nodes.values()].flatMap((node) => [...node.resources, ...node.transformers, ...node.patches, ...configurationsOf(node)]).filter(mayBeOwned);
  const owned = new Map([...new Set([...found.candidates, ...listed])].flatMap((path): [string, string][] => {
    const text = read(path);
    return isOwned(text) || isGenerated(text) ? [[path, text]] : [];
  }));
  const taken = [...nodes.values()].flatMap(({ resources }) => resources).filter((file) => mayBeOwned(file) && !owned.has(file) && isInside(file) && claims(read(file)));
  diagnostics.push(...taken.map((file) => diagnose("IZ406", undefined, { file: shown(file) }, { position: { file: shown(file), line: 1 } })));
  const isOwnedEntry = (path: string): boolean => owned.has(path) || (mayBeOwned(path) && !existsSync(path));
  const original = (path: string): string => (read(path).includes("# istiomize") ? removeMarked(read(path)) : read(path));
  const files = [...nodes.values()].flatMap(({ resources }) => resources);
  const meshFiles = new Set(files.filter((file) => holdsMesh(read(file))));
  return { root, nodes, closure: closures(nodes), isInside, owned, isOwnedEntry, read, original, meshFiles, diagnostics };
}

/** What kpt wrote with the function has no header, and no comment of anybody's, but says of every object where it came from. */
function isGenerated(text: string): boolean {
  return !/^\s*#/m.test(text) && claims(text);
}

function claims(text: string): boolean {
  const objects = text.includes(generatedFrom) ? readDocuments(text) : [];
  return objects.length > 0 && objects.every((object) => ownersOf(object) !== undefined);
}

function configurationsOf({ directory, content }: Kustomization): readonly string[] {
  return textsOf(content["configurations"]).map((entry) => resolve(directory, entry)).filter((path) => existsSync(path));
}

function checkRoot(directory: string, root: string): Diagnostic | undefined {
  const refused = (message: string): Diagnostic => diagnose("IZ408", undefined, { path: shown(directory), message });
  if (!existsSync(directory)) return refused("nothing is there");
  return statSync(root).isDirectory() ? undefined : refused("a file, not a directory");
}

function readText(path: string, report: (diagnostic: Diagnostic) => void): string {
  const position = { file: shown(path) };
  try {
    const bytes = readFileSync(path);
    if (isUtf8(bytes)) return bytes.toString("utf8");
    report(diagnose("IZ409", undefined, { message: "bytes that are not UTF-8" }, { position }));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    report(diagnose("IZ409", undefined, { message: code === "EACCES" ? "permission denied" : message }, { position }));
  }
  return "";
}

const skipped = new Set(["node_modules", "vendor"]);

/** What stands in a directory; nothing in one that is closed to us, such as the volume of a database in a checkout. */
function list(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    return [];
  }
}

/** The directories below that hold a kustomization, and the files that may be generated ones. */
function scan(root: string): { readonly all: ReadonlySet<string>; readonly types: ReadonlyMap<string, "file" | "directory">; readonly directories: ReadonlyMap<string, readonly string[]>; readonly candidates: readonly string[] } {
  const directories = new Map<string, readonly string[]>();
  const candidates: string[] = [];
  const all = new Set<string>();
  const types = new Map<string, "file" | "directory">();
  const visit = (at: string): void => {
    all.add(at);
    const entries = list(at).sort((a, b) => (a.name < b.name ? -1 : 1));
    const names = kustomizationNames.filter((name) => entries.some((entry) => entry.name === name && !entry.isDirectory()));
    if (names.length > 0) directories.set(at, names);
    for (const entry of entries) {
      if (entry.isDirectory() || entry.isFile()) types.set(join(at, entry.name), entry.isDirectory() ? "directory" : "file");
      if (entry.isDirectory()) {
        if (!entry.name.startsWith(".") && !skipped.has(entry.name)) visit(join(at, entry.name));
      } else if (mayBeOwned(entry.name) && entry.isFile()) candidates.push(join(at, entry.name));
    }
  };
  visit(root);
  return { all, types, directories, candidates };
}

function checkKustomization(node: Kustomization): readonly Diagnostic[] {
  const { problem, missing, remote, file } = node;
  const at = (entry: string): { readonly file: string; readonly line?: number } => {
    const line = node.text.split("\n").findIndex((text) => text.includes(entry)) + 1;
    return { file: shown(file), ...(line > 0 && { line }) };
  };
  return [
    ...(!problem && Object.keys(node.content).length === 0 ? [diagnose("IZ404", undefined, { message: "an empty file, which kustomize refuses", help: "list resources in it, or delete it" }, { position: { file: shown(file) } })] : []),
    ...(problem ? [diagnose("IZ404", undefined, { message: problem.message }, { position: { file: shown(file), ...(problem.line !== undefined && { line: problem.line }) } })] : []),
    ...missing.filter((entry) => !mayBeOwned(entry)).map((entry) => diagnose("IZ404", undefined, { message: `an entry ${JSON.stringify(entry)}, and nothing is there`, help: "create the file, or take the entry out" }, { position: at(entry) })),
    ...remote.map((url) => diagnose("IZ407", undefined, { url: withoutCredentials(url) }, { position: at(url) })),
  ];
}

function findCycles(nodes: ReadonlyMap<string, Kustomization>): readonly Diagnostic[] {
  const done = new Set<string>();
  const found: Diagnostic[] = [];
  const visit = (at: string, way: readonly string[]): void => {
    const start = way.indexOf(at);
    if (start >= 0) {
      const cycle = [...way.slice(start), at];
      found.push(diagnose("IZ405", undefined, { cycle: cycle.map(shown) }, { position: { file: shown(nodes.get(way.at(-1)!)!.file) } }));
      return;
    }
    if (done.has(at)) return;
    for (const base of nodes.get(at)?.bases ?? []) visit(base, [...way, at]);
    done.add(at);
  };
  for (const at of nodes.keys()) visit(at, []);
  return found;
}

function closures(nodes: ReadonlyMap<string, Kustomization>): SourceTree["closure"] {
  const known = new Map<string, ReadonlySet<string>>();
  const close = (at: string): ReadonlySet<string> => {
    const before = known.get(at);
    if (before) return before;
    const all = new Set([at]);
    known.set(at, all); // ends the recursion in a cycle, which was reported
    for (const base of nodes.get(at)?.bases ?? []) for (const each of close(base)) all.add(each);
    return all;
  };
  return close;
}
