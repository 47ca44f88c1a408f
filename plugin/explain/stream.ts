import type { Place } from "../../generators/diagnostics/diagnostic.ts";
import { asMapping, describe, describeObject, type KubeObject } from "../../generators/kube/object.ts";
import { readInput, type Input } from "../input.ts";
import type { Unit } from "../written/manifests.ts";
import { findSpan, findWritten, positionOf, type Written as WrittenObject } from "../written/written.ts";
import type { RunOptions } from "../run.ts";
import { readsFor, traceRun, type Refused, type Source, type Written } from "./source.ts";

/** What comes on standard input: a YAML stream or a ResourceList. */
export async function readStream(text: string, kind: string, run: RunOptions): Promise<Source | Refused> {
  const name = "<stdin>";
  const input = await readInput(text, name, undefined, readsFor(kind));
  if (input.diagnostics.length > 0) return { refused: input.diagnostics };
  const functionConfig = asMapping(input.envelope?.["functionConfig"]);
  const traced = await traceRun({ items: input.leaves.map(({ item }) => item), ...(functionConfig && { functionConfig }), ...run });
  if (!traced.run) return { refused: traced.diagnostics };
  return { name, run: traced.run, diagnostics: traced.diagnostics, placesOf: (place) => indexOf(input, text, name)(place) };
}

let indexed: { readonly input: Input; readonly find: Source["placesOf"] } | undefined;

/** The places of an input, looked up when the first one is asked for. */
function indexOf(input: Input, text: string, file: string): Source["placesOf"] {
  if (indexed?.input !== input) indexed = { input, find: findIn(findWritten(input, { file, text })) };
  return indexed.find;
}

/** Manifests that are applied together. */
export async function readUnit({ pieces, wanted }: Unit, run: RunOptions): Promise<Source | Refused> {
  const traced = await traceRun({ items: pieces.map(({ item }) => item), ...run });
  if (!traced.run) return { refused: traced.diagnostics };
  const files = [...wanted].map(({ source }) => source.file);
  return { name: files.length === 1 ? files[0]! : `${files.length} files`, run: traced.run, diagnostics: traced.diagnostics, placesOf: findIn(pieces.map((piece) => piece.written)) };
}

function findIn(written: readonly WrittenObject[]): Source["placesOf"] {
  const byObject = new Map(written.map((each) => [describeObject(each.object as KubeObject), each]));
  return ({ ref, path }: Place): readonly Written[] => {
    const found = byObject.get(describe(ref));
    if (!found) return [];
    const span = findSpan(found, path);
    return [{ position: { file: span.source.file, ...positionOf(span.source, span.from) } }];
  };
}
