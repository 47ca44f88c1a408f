import { kindOf, mappingAt, type Item, type KubeObject } from "../../generators/kube/object.ts";
import { runPipeline, type PipelineResult } from "../../generators/pipeline.ts";
import type { RunOptions } from "../run.ts";

interface CheckInput extends RunOptions {
  readonly items: readonly Item[];
  readonly functionConfig?: KubeObject;
  /** Whether it is what a tree of the files layout builds. */
  readonly isFiles?: boolean;
}

/** Every check over what one cluster would get; nothing is written. */
export async function checkItems({ items, functionConfig, namespace, overrides, isFiles }: CheckInput): Promise<PipelineResult> {
  const asks = [functionConfig, ...items.map(({ object }) => object)].some((object) => object && kindOf(object) === "ServiceMesh" && mappingAt(object, "spec")["requires"] !== undefined);
  const satisfies = asks ? (await import("../version.ts")).satisfies : undefined;
  return runPipeline({
    items, caller: "stream", lint: true, version: ISTIOMIZE_VERSION, ...(satisfies && { satisfies }), ...(functionConfig && { functionConfig }),
    ...(namespace !== undefined && { namespace }), ...(overrides && { overrides }), ...(isFiles && { isFiles }),
  });
}
