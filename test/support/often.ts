import type fc from "fast-check";

const factor = Number(process.env["ISTIOMIZE_RUNS"] ?? 1);
const { ISTIOMIZE_SEED: asked = "20261121", ISTIOMIZE_PATH: path } = process.env;
const seed = asked === "random" ? undefined : Number(asked);

/** How often, and on which trees, a property runs; `test/properties.test.ts` says how to choose others. */
export function often(runs: number): fc.Parameters<unknown> {
  return { numRuns: Math.ceil(runs * factor), includeErrorInReport: true, ...(seed !== undefined && { seed }), ...(path !== undefined && { path }) };
}
