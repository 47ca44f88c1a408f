import type { Diagnostic, Place, Position } from "../../generators/diagnostics/diagnostic.ts";
import { kindOf, mappingAt, type Item, type KubeObject } from "../../generators/kube/object.ts";
import type { Run } from "../../generators/explain.ts";
import { runPipeline } from "../../generators/pipeline.ts";
import { readsNeeded, type Reads } from "../input.ts";
import type { RunOptions } from "../run.ts";

/** What one cluster would get, and how its mesh came about. */
export interface Source {
  /** What people call it: a kustomization, a file, standard input. */
  readonly name: string;
  readonly run: Run;
  readonly diagnostics: readonly Diagnostic[];
  /** Where something is written: the place that counts first, then those that it was written over. */
  readonly placesOf: (place: Place) => readonly Written[];
}

/** A place in a file, and what stands there. */
export interface Written {
  readonly position: Position;
  /** As text, where it is one word or number. */
  readonly value?: string;
  /** Whether the object itself stands elsewhere, and this changes it. */
  readonly isPatch?: true;
}

/** Why there is nothing to explain. */
export interface Refused {
  readonly refused: readonly Diagnostic[];
}

/** What is read of an input: what the function reads, and objects of the kind that was asked for. */
export function readsFor(kind: string): Reads {
  return (each) => readsNeeded(each) || each === kind;
}

interface Input extends Pick<RunOptions, "namespace" | "overrides"> {
  readonly items: readonly Item[];
  readonly functionConfig?: KubeObject;
  readonly isFiles?: boolean;
  readonly isPlugin?: boolean;
}

/** Runs the function without writing anything, and keeps how the result came about. */
export async function traceRun({ items, functionConfig, namespace, overrides, isFiles, isPlugin }: Input): Promise<{ readonly run?: Run; readonly diagnostics: readonly Diagnostic[]; readonly usedNames: boolean }> {
  const objects = [...items.map(({ object }) => object), ...(functionConfig ? [functionConfig] : [])];
  const asks = objects.some((object) => kindOf(object) === "ServiceMesh" && mappingAt(object, "spec")["requires"] !== undefined);
  const satisfies = asks ? (await import("../version.ts")).satisfies : undefined;
  const { explained, diagnostics, usedNames } = runPipeline({
    items, caller: isPlugin ? "plugin" : "stream", version: ISTIOMIZE_VERSION, ...(satisfies && { satisfies }), ...(functionConfig && { functionConfig }),
    ...(namespace !== undefined && { namespace }), ...(overrides && { overrides }), ...(isFiles && { isFiles }),
  });
  return { diagnostics, usedNames, ...(explained && { run: { ...explained, objects } }) };
}
