import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { isMap, isScalar, isSeq, parseDocument, type Scalar } from "yaml";
import type { Place } from "../../generators/diagnostics/diagnostic.ts";
import { asList, asMapping, asText, kindOf, nameOf, namespaceOf, type KubeObject, type Mapping, type ResourceRef } from "../../generators/kube/object.ts";
import { readChunk, splitStream, type Chunk } from "../chunks.ts";
import { isOwned } from "../generate/ownership.ts";
import { shown, type SourceTree } from "../generate/source.ts";
import { isSystemError } from "../write/disk.ts";
import type { Kustomization } from "../tree/tree.ts";
import { findSpan, type SourceText, type Span, type Written } from "./written.ts";

/** Where an object of a build came from: a file of the tree, or something that people cannot change there. */
export interface Origin {
  readonly path: string;
  readonly isRemote: boolean;
}

/** A patch of a kustomization, and what it is a patch of. */
interface Patch {
  readonly written: Written;
  readonly target: Mapping | undefined;
}

/** Finds where in the files of a tree something is written; each file is read once, however many builds it is part of. */
export class Places {
  readonly #tree: SourceTree;
  readonly #sources = new Map<string, SourceText>();
  readonly #documents = new Map<string, readonly Written[]>();
  readonly #patches = new Map<string, readonly Patch[]>();

  constructor(tree: SourceTree) {
    this.#tree = tree;
  }

  /**
   * Where a field of a build stands: in the outermost patch that writes it, else in the file of its object; `nodes` are
   * the kustomizations of the build, outermost first.
   */
  find(place: Place, nodes: readonly Kustomization[], origin: Origin | undefined): Span | undefined {
    for (const span of this.#findPatched(place, nodes)) return span;
    return this.#findOwn(place, nodes, origin);
  }

  /** Everywhere that a field of a build is written: in its patches, the one that counts first, and in the file of its object. */
  findAll(place: Place, nodes: readonly Kustomization[], origin: Origin | undefined): readonly Span[] {
    const patched = [...this.#findPatched(place, nodes)];
    const own = this.#findOwn(place, nodes, origin);
    return own && (own.isExact || patched.length === 0) ? [...patched, own] : patched;
  }

  *#findPatched({ ref, path }: Place, nodes: readonly Kustomization[]): Generator<Span> {
    for (const node of nodes) {
      for (const patch of this.#patchesOf(node).toReversed()) {
        const inner = meets(patch, ref) ? pathIn(patch.written.object, path) : undefined;
        if (inner) yield findSpan(patch.written, inner);
      }
    }
  }

  #findOwn({ ref, path }: Place, nodes: readonly Kustomization[], origin: Origin | undefined): Span | undefined {
    if (origin?.isRemote) return undefined;
    const near = origin && this.#nearest(this.#documentsOf(origin.path), ref);
    const found = near ?? this.#nearest([...new Set(nodes.flatMap(({ resources, transformers }) => [...transformers, ...resources]))].flatMap((file) => this.#documentsOf(file)), ref);
    return found && findSpan(found, path);
  }

  source(path: string): SourceText {
    const known = this.#sources.get(path);
    if (known) return known;
    const text = this.#read(path);
    const why = isOwned(text) ? "its file is generated" : this.#tree.isInside(path) ? undefined : `its file is outside of ${shown(this.#tree.root)}: name the directory that holds both`;
    const source: SourceText = { file: shown(path), text, ...(why === undefined ? { path } : { why }) };
    this.#sources.set(path, source);
    return source;
  }

  #read(path: string): string {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      if (isSystemError(error)) return "";
      throw error;
    }
  }

  #documentsOf(path: string): readonly Written[] {
    const known = this.#documents.get(path) ?? readPieces(this.source(path));
    this.#documents.set(path, known);
    return known;
  }

  #nearest(documents: readonly Written[], ref: ResourceRef): Written | undefined {
    const fitting = documents.filter(({ object }) => asMapping(object) && kindOf(object as KubeObject) === ref.kind && nameOf(object as KubeObject) !== "" && ref.name.includes(nameOf(object as KubeObject)));
    const rank = ({ object }: Written): number => {
      const namespace = namespaceOf(object as KubeObject);
      return (ref.name.length - nameOf(object as KubeObject).length) * 10 + (namespace === (ref.namespace ?? "") ? 0 : namespace === "" ? 1 : 2);
    };
    return fitting.length === 0 ? undefined : fitting.reduce((best, each) => (rank(each) < rank(best) ? each : best));
  }

  #patchesOf(node: Kustomization): readonly Patch[] {
    const known = this.#patches.get(node.directory) ?? this.#readPatches(node);
    this.#patches.set(node.directory, known);
    return known;
  }

  #readPatches(node: Kustomization): readonly Patch[] {
    return ["patches", "patchesStrategicMerge", "patchesJson6902"].flatMap((field) => asList(node.content[field]).flatMap((entry, i): readonly Patch[] => {
      const mapping = asMapping(entry);
      const inline = asText(mapping?.["patch"]) ?? (asText(entry)?.includes("\n") ? asText(entry) : undefined);
      const file = asText(mapping?.["path"]) ?? asText(entry);
      const written = inline !== undefined ? readInline(this.source(node.file), mapping ? [field, `[${i}]`, "patch"] : [field, `[${i}]`], inline)
        : file === undefined ? [] : this.#documentsOf(resolve(node.directory, file));
      const target = asMapping(mapping?.["target"]);
      return written.map((each) => ({ written: each, target }));
    }));
  }
}

/** The documents of a text, each at its place; what cannot be read is left out. */
function readPieces(source: SourceText, text = source.text, toOffset = (at: number): number => at): readonly Written[] {
  let start = 0;
  return splitStream(text).chunks.flatMap((chunk): readonly Written[] => {
    start += chunk.before.length;
    const from = start;
    start += chunk.text.length;
    const object = readLeniently(chunk);
    return object === null || object === undefined ? [] : [{ source, object, yaml: chunk.text, toOffset: (at) => toOffset(from + at) }];
  });
}

/** What kustomize made of a document, keys that are given twice included; nothing where nobody can read it. */
function readLeniently(chunk: Chunk): unknown {
  try {
    return readChunk(chunk);
  } catch {
    const document = parseDocument(chunk.text, { logLevel: "silent", uniqueKeys: false });
    return document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 });
  }
}

/** The documents of a patch inside a kustomization: every line of a block stands further right by the same columns. */
function readInline(source: SourceText, path: readonly string[], inline: string): readonly Written[] {
  const found = findScalar(source.text, path);
  if (!found) return [];
  const [from, to] = found.range;
  if (found.type !== "BLOCK_LITERAL") return readPieces({ file: source.file, text: source.text, why: "it stands in a patch that is written on one line" }, inline, () => from);
  const head = source.text.indexOf("\n", from) + 1;
  const lines = source.text.slice(head, to).split("\n");
  const first = lines.find((line) => line.trim() !== "") ?? "";
  const [outer] = [first.length - first.trimStart().length];
  const inner = inline.split("\n").find((line) => line.trim() !== "") ?? "";
  const indent = outer - (inner.length - inner.trimStart().length);
  const text = lines.map((line) => line.slice(indent)).join("\n");
  return readPieces(source, text, (at) => {
    const before = text.slice(0, at).split("\n");
    const start = lines.slice(0, before.length - 1).reduce((sum, line) => sum + line.length + 1, head);
    return start + indent + before.at(-1)!.length;
  });
}

function findScalar(text: string, path: readonly string[]): Scalar.Parsed | undefined {
  let node: unknown = parseDocument(text, { logLevel: "silent", uniqueKeys: false }).contents;
  for (const step of path) {
    const index = /^\[(\d+)\]$/.exec(step)?.[1];
    node = index !== undefined ? (isSeq(node) ? node.items[Number(index)] : undefined) : isMap(node) ? node.get(step, true) : undefined;
  }
  return isScalar(node) && node.range ? (node as Scalar.Parsed) : undefined;
}

/** Whether a patch is one of this object: by its target, else by the kind and name that it carries itself. */
function meets({ written, target }: Patch, ref: ResourceRef): boolean {
  const object = asMapping(written.object);
  if (object && typeof object["$patch"] === "string") return false;
  if (target) return fits(target["kind"], ref.kind) && (fits(target["name"], ref.name) || ref.name.includes(String(target["name"])));
  return object !== undefined && kindOf(object) === ref.kind && nameOf(object) !== "" && ref.name.includes(nameOf(object));
}

/** What kustomize does with the fields of a target: expressions that must match as a whole. */
function fits(pattern: unknown, text: string): boolean {
  if (typeof pattern !== "string" || pattern === "") return true;
  try {
    return new RegExp(`^(?:${pattern})$`).test(text);
  } catch {
    return pattern === text;
  }
}

/** Where in a patch a field is written; nothing where the patch does not write it. */
function pathIn(patch: unknown, path: readonly string[]): readonly string[] | undefined {
  if (!Array.isArray(patch)) return writes(patch, path) ? path : undefined;
  for (let i = patch.length - 1; i >= 0; i--) {
    const operation = asMapping(patch[i]);
    const pointer = asText(operation?.["path"])?.split("/").slice(1).map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
    if (!pointer || (operation!["op"] !== "add" && operation!["op"] !== "replace") || pointer.length > path.length || pointer.length === 0) continue;
    if (pointer.every((step, at) => path[at] === step || path[at] === `[${step}]`)) return [`[${i}]`, "value", ...path.slice(pointer.length)];
  }
  return undefined;
}

/** Whether a partial object says what stands at a path. A list it replaces as a whole, as kustomize does in Istio's kinds. */
function writes(object: unknown, path: readonly string[]): boolean {
  let at: unknown = object;
  let isInList = false;
  for (const step of path) {
    const index = /^\[(\d+)\]$/.exec(step)?.[1];
    const next: unknown = index === undefined ? asMapping(at)?.[step] : Array.isArray(at) ? at[Number(index)] : undefined;
    if (next === undefined) return isInList;
    isInList ||= index !== undefined;
    at = next;
  }
  return path.length > 0;
}
