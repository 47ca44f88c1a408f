import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { asMapping, describe, describeObject, type KubeObject, type ResourceRef } from "../../generators/kube/object.ts";
import { isEmpty, readInput, readsChecked } from "../input.ts";
import type { RunOptions } from "../run.ts";
import { checkItems } from "./check.ts";
import { holdingOf, type Held } from "./elsewhere.ts";
import { byObject, fingerprintOf, spanned, type Finding } from "./finding.ts";
import type { Unit } from "../written/manifests.ts";
import { leaveOutGuesses } from "./variants.ts";
import { findSpan, findWritten, type SourceText, type Written } from "../written/written.ts";

/** What was found, and in how many objects. */
interface Checked {
  readonly findings: readonly Finding[];
  readonly objects: number;
  readonly held: Held;
}

/** Checks a YAML stream or a ResourceList. What cannot be read is a finding, and the rest is checked all the same. */
export async function lintStream(text: string, file: string, run: RunOptions): Promise<Checked> {
  const source: SourceText = { file, text };
  const input = await readInput(text, file, undefined, readsChecked);
  const start = { file, line: 1, column: 1 };
  if (!input.envelope && input.frame.chunks.every(isEmpty)) return { findings: [toFinding(diagnose("IZ101", undefined, {}), new Map(), start)], objects: 0, held: new Set() };
  const functionConfig = asMapping(input.envelope?.["functionConfig"]);
  const items = input.leaves.map(({ item }) => item);
  const { diagnostics } = await checkItems({ items, ...(functionConfig && { functionConfig }), ...run });
  const written = indexWritten(findWritten(input, source));
  const held = holdingOf(items, run.namespace);
  return { findings: byObject([...input.diagnostics, ...diagnostics]).map((diagnostic) => ({ ...toFinding(diagnostic, written, start), among: held })), objects: items.length, held };
}

/** Checks manifests that are applied together; findings in those that are only around them are left out. */
export async function lintUnit(unit: Unit, run: RunOptions): Promise<Checked> {
  const { pieces, wanted } = unit;
  const items = pieces.map(({ item }) => item);
  const diagnostics = await leaveOutGuesses((await checkItems({ items, ...run })).diagnostics, unit, run);
  const held = holdingOf(items, run.namespace);
  const written = indexWritten(pieces.map((piece) => piece.written));
  const files = new Set([...wanted].map(({ source }) => source.file));
  const start = { file: [...files][0]!, line: 1, column: 1 };
  const findings = byObject(diagnostics).map((diagnostic) => ({ ...toFinding(soften(diagnostic), written, start), among: held }));
  return { findings: findings.filter(({ position }) => files.has(position?.file ?? "")), objects: items.length, held };
}

/** Loose files without a namespace may be a part of what stands there. */
function soften(diagnostic: Diagnostic): Diagnostic {
  return diagnostic.severity === "error" && diagnostic.absent?.namespace === "" ? { ...diagnostic, severity: "warning" } : diagnostic;
}

function indexWritten(written: readonly Written[]): ReadonlyMap<string, Written> {
  return new Map(written.map((each) => [describeObject(each.object as KubeObject), each]));
}

function toFinding(diagnostic: Diagnostic, written: ReadonlyMap<string, Written>, start: NonNullable<Finding["position"]>): Finding {
  const { place, position, subjects } = diagnostic;
  const base = { ...diagnostic, builds: [], fingerprints: [fingerprintOf(diagnostic)] };
  if (position?.line !== undefined) return { ...base, position };
  const at = place && ([place.ref, ...subjects].map((ref: ResourceRef) => written.get(describe(ref))).find((each) => each !== undefined));
  return at ? { ...base, ...spanned(findSpan(at, place!.path)) } : { ...base, position: start };
}
