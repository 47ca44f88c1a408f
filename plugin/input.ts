import { diagnose, type Diagnostic, type Position } from "../generators/diagnostics/diagnostic.ts";
import { countValues } from "../generators/kube/count-values.ts";
import { asMapping, stringsAt, type EarlierName, type Item, type KubeObject } from "../generators/kube/object.ts";
import { mayUseFlow, readChunk, splitBlock, splitStream, usesAliases, YamlError, type Chunk, type Frame } from "./chunks.ts";

/** One object of the input, with the text it was read from. */
export interface Leaf {
  readonly chunk: Chunk;
  readonly item: Item;
}

/** The input, cut into objects; only those that can matter were read. */
export interface Input {
  readonly frame: Frame;
  readonly leaves: readonly Leaf[];
  /** What stands around the items of a ResourceList: its function config, and whether it is one. */
  readonly envelope?: KubeObject;
  readonly diagnostics: readonly Diagnostic[];
}

/** Kinds that a setting, a check or a destination can need; anything else passes as text. */
const wanted = new Set([
  "Service", "Namespace", "Deployment", "StatefulSet", "DaemonSet", "Rollout", "Job", "CronJob", "Pod", "HorizontalPodAutoscaler",
  "Canary", "VirtualService", "DestinationRule", "PeerAuthentication", "Gateway", "ServiceMesh", "Kustomization",
]);

/** Which kinds of objects are read; anything else passes as text. */
export type Reads = (kind: string) => boolean;

export const readsNeeded: Reads = (kind) => wanted.has(kind);

/** Kinds that hold neither pods nor anything of Istio's, and may hold secrets or be large. */
const unrelated = new Set([
  "ConfigMap", "Secret", "CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "PersistentVolume", "PersistentVolumeClaim", "StorageClass",
  "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "APIService", "PriorityClass", "PodDisruptionBudget", "LimitRange", "ResourceQuota", "NetworkPolicy", "Lease",
]);

/** What the checks of `lint` look at: any kind may bring pods. */
export const readsChecked: Reads = (kind) => !unrelated.has(kind);

const maximumValues = 1_000_000;

/** What callers know of an object beside its text. */
export type Knowledge = (object: KubeObject) => { readonly earlier?: readonly EarlierName[] };

/**
 * Reads a YAML stream or a ResourceList. `name` is what messages call the file; `reads` says which
 * kinds of objects are read.
 */
export async function readInput(text: string, name: string, knowledge: Knowledge = () => ({}), reads: Reads | "all" = readsNeeded): Promise<Input> {
  const flow = mayUseFlow(text) ? await import("./flow.ts") : undefined;
  const splitItems = (chunk: Chunk): Frame | undefined => splitBlock(chunk) ?? flow?.splitFlow(chunk);
  const diagnostics: Diagnostic[] = [];
  const leaves: Leaf[] = [];
  const at = (line: number, column = 0): Position => ({ file: name, line: line + 1, column: column + 1 });

  const read = (chunk: Chunk): unknown => {
    try {
      const value = readChunk(chunk);
      if (usesAliases(chunk.text)) {
        const count = countValues(value);
        if (count > maximumValues) {
          diagnostics.push(diagnose("IZ106", undefined, { count: count >= 1e12 ? "more than 10^12" : String(count) }, { position: at(chunk.line + leadingLines(chunk.text)) }));
          return undefined;
        }
      }
      return value;
    } catch (error) {
      if (!(error instanceof YamlError)) throw error;
      const position = at(error.line, error.column);
      diagnostics.push(error.isDuplicateKey
        ? diagnose("IZ105", undefined, { message: keyAt(text, error) }, { position })
        : diagnose("IZ102", undefined, { message: error.message, help: helpFor(text, error) }, { position }));
      return undefined;
    }
  };

  const keep = (chunk: Chunk, object: KubeObject): Chunk => {
    const path = pathOf(object);
    leaves.push({ chunk, item: { object, ...(path !== undefined && { path }), ...knowledge(object) } });
    return chunk;
  };

  // The last object is always read: it is the one that is broken where the input was cut off.
  const visit = (chunk: Chunk, index = 0, all: readonly Chunk[] = [chunk]): Chunk => {
    if (isEmpty(chunk)) return chunk;
    const passes = reads !== "all" && isIrrelevant(chunk, reads);
    if (passes && index < all.length - 1) return chunk;
    const value = read(chunk);
    if (value === undefined || value === null || passes) return chunk;
    const object = asMapping(value);
    if (!object) {
      diagnostics.push(diagnose("IZ103", undefined, { found: describeValue(value) }, { position: at(chunk.line + leadingLines(chunk.text)) }));
      return chunk;
    }
    if (isList(object)) {
      const inner = splitItems(chunk);
      // The items were read with the list: an anchor in one of them may be named in another.
      const items = object["items"] as readonly KubeObject[];
      if (inner?.chunks.length === items.length) {
        return { ...chunk, frame: { ...inner, chunks: inner.chunks.map((each, i) => (isList(items[i]!) ? visit(each) : keep(each, items[i]!))) } };
      }
    }
    return keep(chunk, object);
  };

  const stream = splitStream(text);
  const list = findResourceList(stream);
  if (!list) return { frame: { ...stream, chunks: stream.chunks.map((each, i, every) => visit(each, i, every)) }, leaves, diagnostics };
  const frame = splitItems(list);
  if (frame) {
    const envelope = asMapping(read({ ...list, text: frame.style === "flow" ? `${frame.head}${frame.tail}` : frame.head.replace(/items:[^\n]*\n$/, "items: []\n") + frame.tail })) ?? {};
    return { frame: { ...frame, chunks: frame.chunks.map((each, i, every) => visit(each, i, every)) }, leaves, envelope, diagnostics };
  }
  const whole = read(list);
  const empty = asMapping(whole);
  if (empty && (empty["items"] === undefined || empty["items"] === null || (Array.isArray(empty["items"]) && empty["items"].length === 0))) {
    return { frame: { style: "stream", head: list.text, chunks: [], tail: "", indent: 0 }, leaves, envelope: empty, diagnostics };
  }
  if (diagnostics.length === 0) diagnostics.push(diagnose("IZ104", undefined, { found: "items that are not a list of objects", expected: "`items:` with one object each, as kustomize and kpt write them" }, { position: at(list.line) }));
  return { frame: stream, leaves, envelope: empty ?? {}, diagnostics };
}

/** The file that kpt writes an object back to. kustomize makes a path up after an earlier function: no such file is there. */
function pathOf(object: KubeObject): string | undefined {
  const annotations = stringsAt(object, "metadata", "annotations");
  if (annotations["kustomize.config.k8s.io/id"] !== undefined) return undefined;
  return annotations["internal.config.kubernetes.io/path"] ?? annotations["config.kubernetes.io/path"];
}

/** A `List`, or a list of one kind: all that it holds are objects. */
function isList(object: KubeObject): boolean {
  const { kind, items } = object as { kind?: unknown; items?: unknown };
  return typeof kind === "string" && kind.endsWith("List") && Array.isArray(items) && items.every((item) => typeof asMapping(item)?.["kind"] === "string");
}

const listKind = /^(?:kind:[ \t]*["']?ResourceList\b|[ \t]*\{(?:.|\n)*?"kind"\s*:\s*"ResourceList")/m;

/** The ResourceList that a KRM caller sends: one document, with nothing of weight beside it. */
function findResourceList(stream: Frame): Chunk | undefined {
  const chunk = stream.chunks.find(({ text }) => text.trim() !== "");
  if (!chunk) return undefined;
  const start = chunk.text.slice(0, 4096);
  const end = chunk.text.slice(-4096);
  return listKind.test(start) || /^kind:[ \t]*["']?ResourceList\b/m.test(end) ? chunk : undefined;
}

/** The first line that is neither blank nor a comment. */
const firstContent = /^[ \t]*[^\s#]/m;

/** No text but comments. */
export function isEmpty({ text }: Chunk): boolean {
  return !firstContent.test(text);
}

/** An object of a kind that nothing here looks at. */
function isIrrelevant(chunk: Chunk, reads: Reads): boolean {
  const { text } = chunk;
  const keys = kindPattern(chunk.indent ?? 0);
  keys.lastIndex = 0;
  const first = keys.exec(text);
  if (!first) return false;
  if (keys.exec(text)) return false;
  return !reads(first[1]!) && !first[1]!.endsWith("List") && !text.includes("istiomize.dev/") && !usesAliases(text);
}

const patterns = new Map<number, RegExp>();

function kindPattern(indent: number): RegExp {
  const known = patterns.get(indent) ?? new RegExp(`^(?:${" ".repeat(indent)}|[ ]{0,${Math.max(indent - 2, 0)}}-[ ]+)kind:[ \\t]*["']?([A-Za-z0-9]+)["']?[ \\t]*(?:#[^\\n]*)?\\r?$`, "gm");
  patterns.set(indent, known);
  return known;
}

function leadingLines(text: string): number {
  return text.slice(0, Math.max(0, text.search(firstContent))).split("\n").length - 1;
}

/** What a document is that is no object. Never what it says: it may be a piece of a Secret. */
function describeValue(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === "string" ? `text of ${value.length} characters` : `a ${typeof value}`;
}

/** The key at a place, without its value. */
function keyAt(text: string, { line, column }: YamlError): string {
  const rest = (text.split("\n")[line] ?? "").slice(column);
  return /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s"'{}[\],&*!|>%@`#:][^\s{}[\],:]*)\s*:(?:\s|$)/.exec(rest)?.[1]?.slice(0, 100) ?? "a key that stands here a second time";
}

function helpFor(text: string, error: YamlError): string | undefined {
  return /^\s*\t/.test(text.split("\n")[error.line] ?? "") ? "YAML is indented with spaces; replace the tab" : undefined;
}
