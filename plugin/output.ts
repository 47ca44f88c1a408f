import { writePath, type Diagnostic } from "../generators/diagnostics/diagnostic.ts";
import { compact, describe, describeObject, type KubeObject, type Mapping } from "../generators/kube/object.ts";
import type { PipelineResult } from "../generators/pipeline.ts";
import type { Chunk, Frame } from "./chunks.ts";
import type { Input } from "./input.ts";
import { writeYaml } from "./write-yaml.ts";

/** The input with the changes of the pipeline carried out on its text; the rest is as it was, byte by byte. */
export function writeOutput(input: Input, result: PipelineResult, added: readonly KubeObject[], results: readonly Diagnostic[], edited: ReadonlyMap<Chunk, string>): string {
  const changes = planChanges(input, result, edited);
  if (input.envelope) return writeList(input, changes, added, results);
  const body = input.frame.chunks.map((chunk) => writeChunk(chunk, changes, input.frame)).join("");
  const start = body === "" || body.endsWith("\n") ? body : body + withEol("\n", body);
  const documents = added.map((object, i) => (start === "" && i === 0 ? "" : "---\n") + writeYaml(object)).join("");
  return added.length === 0 ? body : start + withEol(documents, body);
}

/** New text by chunk; `undefined` where the object goes. */
type Changes = ReadonlyMap<Chunk, string | undefined>;

function planChanges({ leaves }: Input, result: PipelineResult, edited: ReadonlyMap<Chunk, string>): Changes {
  const changes = new Map<Chunk, string | undefined>(edited);
  for (const { chunk, item } of leaves) {
    const object = result.replaced.get(item);
    if (result.removed.has(item)) changes.set(chunk, undefined);
    else if (object) changes.set(chunk, writeObject(chunk, object));
  }
  return changes;
}

/** An object in the place of another: same style, same column. */
function writeObject(chunk: Chunk, object: KubeObject): string {
  if (chunk.style === "flow") return JSON.stringify(object);
  const text = chunk.style === "block" ? writeItem(object, chunk.indent! - 2) : (chunk.before === "" ? "" : "\n") + writeYaml(object);
  return withEol(text, chunk.text);
}

/** The line ends of the text that this stands in. */
function withEol(text: string, within: string): string {
  return /\r\n/.test(within.slice(0, 4096)) ? text.replaceAll("\n", "\r\n") : text;
}

function writeItem(object: KubeObject, indent: number): string {
  const pad = " ".repeat(Math.max(indent, 0));
  return `${pad}- ${writeYaml(object).trimEnd().replaceAll(/\n(?=.)/g, `\n${pad}  `)}\n`;
}

function writeChunk(chunk: Chunk, changes: Changes, within: Frame, original = chunk): string {
  if (chunk.frame) return chunk.before + writeFrame(chunk.frame, changes);
  if (!changes.has(original)) return chunk.before + chunk.text;
  const text = changes.get(original);
  if (text !== undefined) return chunk.before + text;
  return within.style === "stream" ? keepComments(chunk) : "";
}

/** What stands above the first document of a stream (a licence, a note) is not part of the object that goes. */
function keepComments(chunk: Chunk): string {
  return chunk.before === "" ? /^(?:[ \t]*#[^\n]*\n)+(?=[ \t]*\n)/.exec(chunk.text)?.[0] ?? "" : "";
}

function writeFrame(frame: Frame, changes: Changes, added = ""): string {
  const kept = frame.chunks.filter((chunk) => !(changes.has(chunk) && changes.get(chunk) === undefined));
  if (frame.style !== "flow") {
    const items = kept.map((chunk) => writeChunk(chunk, changes, frame)).join("") + added;
    return items === "" ? frame.head.replace(/:[^\n:]*\n$/, ": []\n") + frame.tail : endLine(frame.head, items !== "") + items + frame.tail;
  }
  const items = kept.map((chunk, i) => writeChunk(i === 0 ? { ...chunk, before: chunk.before.replace(/^\s*,/, "") } : chunk, changes, frame, chunk)).join("");
  return frame.head + items + (added && `${items === "" ? "" : ", "}${added}`) + frame.tail;
}

function endLine(text: string, needed: boolean): string {
  return needed && text !== "" && !text.endsWith("\n") ? `${text}\n` : text;
}

function writeList(input: Input, changes: Changes, added: readonly KubeObject[], results: readonly Diagnostic[]): string {
  const { frame, envelope } = input;
  const said = results.length === 0 ? [] : writeResults(results, input);
  if (frame.style === "flow") {
    const text = writeFrame(frame, changes, added.map((object) => JSON.stringify(object)).join(", "));
    return said.length === 0 ? text : text.replace(/\}(\s*)$/, (_, end: string) => `, "results": ${JSON.stringify(said)}}${end}`);
  }
  const around = frame.head + (frame.chunks[0]?.text ?? "");
  const items = withEol(added.map((object) => writeItem(object, frame.indent)).join(""), around);
  if (frame.style === "stream") {
    const rest = { ...envelope, ...(added.length > 0 && { items: added }), ...(said.length > 0 && { results: said }) };
    return added.length === 0 && said.length === 0 ? frame.head : writeYaml(rest);
  }
  const last = frame.chunks.at(-1);
  const closed = last && !last.text.endsWith("\n") && !changes.has(last) ? { ...frame, chunks: [...frame.chunks.slice(0, -1), { ...last, text: `${last.text}\n` }] } : frame;
  const text = writeFrame(closed, changes, items);
  return said.length === 0 ? (items === "" && closed !== frame ? text.replace(/\n$/, "") : text) : `${text.replace(/\r?\n?$/, withEol("\n", around))}${withEol(writeYaml({ results: said }), around)}`;
}

function writeResults(results: readonly Diagnostic[], { leaves }: Input): readonly KubeObject[] {
  const objects = new Map(leaves.map(({ item }) => [describeObject(item.object), item.object]));
  return results.map((diagnostic) => toResult(diagnostic, diagnostic.place && objects.get(describe(diagnostic.place.ref))));
}

/** The text, number or truth value at a path of an object; nothing where there is none, or a whole block. */
function valueAt(object: KubeObject | undefined, path: readonly string[]): unknown {
  const value = path.reduce<unknown>((at, step) => (at as Mapping | undefined | null)?.[/^\[(\d+)\]$/.exec(step)?.[1] ?? step], object);
  return ["string", "number", "boolean"].includes(typeof value) ? value : undefined;
}

/**
 * A diagnostic as `ResourceList.results` has it, with what stands in the object that it speaks of.
 * @see https://github.com/kubernetes-sigs/kustomize/blob/master/cmd/config/docs/api-conventions/functions-spec.md
 */
function toResult(diagnostic: Diagnostic, object: KubeObject | undefined): KubeObject {
  const { code, severity, title, place, read, expected, help, current, proposed, fix, position } = diagnostic;
  const details = [read && `read ${read}`, expected && `expected ${expected}`, help].filter(Boolean).join("; ");
  const named = place && place.ref.name !== "" && place.ref.apiVersion !== "";
  return compact({
    message: `${code} ${title}${details && `: ${details}`}`,
    severity,
    resourceRef: named ? { ...place.ref } : undefined,
    field: named && place.path.length > 0 ? { path: writePath(place.path), currentValue: current ?? valueAt(object, place.path), proposedValue: proposed ?? fix?.value } : undefined,
    file: position ? { path: position.file } : undefined,
    tags: { code },
  });
}
