import { isUtf8 } from "node:buffer";
import { readdirSync, readFileSync, type Dirent } from "node:fs";
import { dirname, join } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { identityOf, kindOf, nameOf, type Item } from "../../generators/kube/object.ts";
import { isOwned } from "../generate/ownership.ts";
import { shown } from "../generate/source.ts";
import { readInput, readsChecked, type Input } from "../input.ts";
import { kustomizationNames, lookAt } from "../tree/tree.ts";
import { isSystemError } from "../write/disk.ts";
import { findWritten, type SourceText, type Written } from "./written.ts";

/** A file of manifests that no kustomization takes in. */
export interface Manifest {
  readonly path: string;
  readonly source: SourceText;
  readonly input: Input;
  readonly written: readonly Written[];
}

/** A file that holds nothing to check, and why. */
export interface Skipped {
  readonly file: string;
  readonly why: string;
}

export interface Manifests {
  readonly manifests: readonly Manifest[];
  readonly skipped: readonly Skipped[];
  readonly diagnostics: readonly Diagnostic[];
}

const leftOut = new Set(["node_modules", "vendor"]);

/** The YAML and JSON files below a directory, without what other tools keep there and without the templates of charts. */
export function findYaml(directory: string, isTaken: (path: string) => boolean): { readonly files: readonly string[]; readonly skipped: readonly Skipped[] } {
  const files: string[] = [];
  const skipped: Skipped[] = [];
  const visit = (at: string): void => {
    const entries = list(at).sort((a, b) => (a.name < b.name ? -1 : 1));
    const isChart = entries.some(({ name }) => name === "Chart.yaml");
    for (const entry of entries) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) {
        if (entry.name.startsWith(".") || leftOut.has(entry.name)) continue;
        if (isChart && (entry.name === "templates" || entry.name === "charts" || entry.name === "crds")) skipped.push({ file: shown(path), why: "part of a Helm chart; pipe `helm template` into `istiomize lint -`" });
        else visit(path);
      } else if (/\.(ya?ml|json)$/.test(entry.name) && !kustomizationNames.includes(entry.name) && !isTaken(path) && (entry.isFile() || lookAt(path) === "file")) files.push(path);
    }
  };
  visit(directory);
  return { files, skipped };
}

function list(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (isSystemError(error)) return [];
    throw error;
  }
}

const looksLikeManifest = /^[ \t]*["']?apiVersion["']?[ \t]*:/m;
const hasKind = /^[ \t]*(?:- +)?["']?kind["']?[ \t]*:/m;

/** Reads files as manifests. What is no manifest is skipped; one that is broken is a diagnostic. */
export async function readManifests(files: readonly string[]): Promise<Manifests> {
  const manifests: Manifest[] = [];
  const skipped: Skipped[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const path of files) {
    const file = shown(path);
    const bytes = readBytes(path);
    if (typeof bytes === "string") {
      diagnostics.push(diagnose("IZ409", undefined, { message: bytes }, { position: { file } }));
      continue;
    }
    const isText = isUtf8(bytes);
    const text = bytes.toString(isText ? "utf8" : "latin1");
    if (!looksLikeManifest.test(text) && !/"apiVersion"\s*:/.test(text)) skipped.push({ file, why: "no apiVersion" });
    else if (!hasKind.test(text) && !/"kind"\s*:/.test(text)) skipped.push({ file, why: "no kind" });
    else if (!isText) diagnostics.push(diagnose("IZ409", undefined, { message: "bytes that are not UTF-8" }, { position: { file } }));
    else if (/^kind:\s*(Kustomization|Component)\s*$/m.test(text) && /^apiVersion:\s*kustomize\.config\.k8s\.io\//m.test(text)) skipped.push({ file, why: "a kustomization under another name" });
    else {
      const input = await readInput(text, file, undefined, readsChecked);
      if (input.diagnostics.length > 0 && /\{\{/.test(text)) skipped.push({ file, why: "a template that is no YAML" });
      else {
        const source: SourceText = { file, text, ...(isOwned(text) ? { why: "its file is generated" } : { path }) };
        diagnostics.push(...input.diagnostics.filter(({ code }) => code !== "IZ103"));
        manifests.push({ path, source, input, written: findWritten(input, source) });
      }
    }
  }
  return { manifests, skipped, diagnostics };
}

function readBytes(path: string): Buffer | string {
  try {
    return readFileSync(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return error.code === "EACCES" ? "permission denied" : error.code === "ENOENT" ? "a symbolic link that leads nowhere" : error.message;
  }
}

/** An object of a manifest, at its place. */
interface Piece {
  readonly item: Item;
  readonly written: Written;
  readonly manifest: Manifest;
  /** What makes it the same object as another one; nothing where it has no name. */
  readonly identity: string | undefined;
}

/** Objects that are applied together, and the manifests that findings are wanted for. */
export interface Unit {
  readonly pieces: readonly Piece[];
  readonly wanted: ReadonlySet<Manifest>;
  /** All manifests of the directory, where some of them are variants of each other. */
  readonly variants: readonly Manifest[];
}

/**
 * Which manifests are applied together: a directory with all below it, unless two of them hold the same object. Then
 * they are environments or variants of each other: directories stand by themselves, and of files in one directory each
 * variant is looked at among the others, in place of what it is a variant of.
 */
export function arrangeUnits(manifests: readonly Manifest[]): readonly Unit[] {
  const byDirectory = new Map<string, Manifest[]>();
  for (const manifest of manifests) {
    const at = dirname(manifest.path);
    byDirectory.set(at, [...(byDirectory.get(at) ?? []), manifest]);
  }
  const children = new Map<string, string[]>();
  const known = new Set<string>();
  const tops = new Set<string>();
  const enter = (directory: string): void => {
    if (known.has(directory)) return;
    known.add(directory);
    const parent = dirname(directory);
    if (parent === directory) tops.add(directory);
    else {
      children.set(parent, [...(children.get(parent) ?? []), directory]);
      enter(parent);
    }
  };
  for (const directory of byDirectory.keys()) enter(directory);
  const groupsOf = (directory: string): readonly (readonly Manifest[])[] => {
    const own = byDirectory.get(directory) ?? [];
    const groups = [...(own.length > 0 ? [own] : []), ...(children.get(directory) ?? []).sort().flatMap(groupsOf)];
    return groups.length > 1 && !clashes(groups) ? [groups.flat()] : groups;
  };
  return [...tops].flatMap(groupsOf).flatMap(splitVariants);
}

function piecesOf(manifest: Manifest): readonly Piece[] {
  return manifest.input.leaves.map(({ item }, i) => ({ item, manifest, written: manifest.written[i]!, identity: nameOf(item.object) === "" || kindOf(item.object) === "" ? undefined : identityOf(item.object) }));
}

function identitiesOf(manifest: Manifest): readonly string[] {
  return piecesOf(manifest).flatMap(({ identity }) => identity ?? []);
}

/** Whether an object stands in two groups. */
function clashes(groups: readonly (readonly Manifest[])[]): boolean {
  const seen = new Map<string, number>();
  return groups.some((group, i) => group.some((manifest) => identitiesOf(manifest).some((identity) => {
    const before = seen.get(identity);
    seen.set(identity, i);
    return before !== undefined && before !== i;
  })));
}

/**
 * One unit in which the first of each object counts; and one for each further variant, or for several that have nothing
 * in common.
 */
function splitVariants(group: readonly Manifest[]): readonly Unit[] {
  const owners = new Map<string, Manifest>();
  const variants = new Set<Manifest>();
  const main = group.flatMap(piecesOf).filter(({ identity, manifest }) => {
    if (identity === undefined) return true;
    const owner = owners.get(identity) ?? manifest;
    owners.set(identity, owner);
    if (owner !== manifest) variants.add(manifest);
    return owner === manifest;
  });
  // A variant is judged where all of it is there: without the object that another one has, the rest may miss it.
  const all = variants.size > 0 ? group : [];
  const units: Unit[] = [{ pieces: main, wanted: new Set(group.filter((manifest) => !variants.has(manifest))), variants: all }];
  for (let waiting = [...variants]; waiting.length > 0;) {
    const taken = new Set<string>();
    const picked = waiting.filter((manifest) => {
      const own = identitiesOf(manifest);
      if (own.some((identity) => taken.has(identity))) return false;
      for (const identity of own) taken.add(identity);
      return true;
    });
    units.push({ pieces: [...main.filter(({ identity }) => identity === undefined || !taken.has(identity)), ...picked.flatMap(piecesOf)], wanted: new Set(picked), variants: all });
    waiting = waiting.filter((manifest) => !picked.includes(manifest));
  }
  return units;
}
