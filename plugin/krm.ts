import { setFlagsFromString } from "node:v8";
import { diagnose, arrangeDiagnostics, worstSeverity, type Diagnostic } from "../generators/diagnostics/diagnostic.ts";
import { asMapping, asText, mappingAt, type KubeObject } from "../generators/kube/object.ts";
import { guardMarker, runPipeline, type Overrides, type PipelineInput, type PipelineResult } from "../generators/pipeline.ts";
import { isEmpty, readInput, readsChecked, type Input, type Knowledge } from "./input.ts";
import { addFiles } from "./files.ts";
import { addPackagePaths } from "./package-paths.ts";
import { carryOutEdits } from "./edits.ts";
import { writeOutput } from "./output.ts";

export interface FunctionInput {
  readonly text: string;
  /** What messages call the input. */
  readonly name: string;
  /** The config file of the older plugin form. */
  readonly config?: string;
  readonly namespace?: string;
  readonly overrides?: Overrides;
  readonly knowledge?: Knowledge;
  /** Whether it is what a tree of the files layout builds. */
  readonly isFiles?: boolean;
  /** Whether what people wrote is checked like what is made. */
  readonly lint?: boolean;
}

export interface FunctionOutput {
  /** What goes to stdout; empty after an error, except for the ResourceList that carries `results`. */
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly exitCode: 0 | 1;
  /** How many objects a cluster would get. */
  readonly count: number;
  /** Where in the input an object stands, for positions. */
  readonly input?: Input;
  readonly usedNames: boolean;
}

/** An empty result is refused: Argo CD would take it for "delete everything". */
export function refuseEmpty(output: FunctionOutput): FunctionOutput {
  return output.count === 0 && (output.exitCode === 0 || isNothing(output)) ? failed([diagnose("IZ119", undefined, {})]) : output;
}

/** Nothing came in at all. */
export function isNothing({ diagnostics }: FunctionOutput): boolean {
  return diagnostics.some(({ code }) => code === "IZ101");
}

/**
 * The function: a YAML stream or a ResourceList in, the same with a mesh out. Every caller goes through here. After an
 * error nothing is generated: a stream gives no output at all, a ResourceList comes back as it was, with `results`.
 */
export async function runFunction({ text, name, config, namespace, overrides, knowledge, isFiles, lint }: FunctionInput): Promise<FunctionOutput> {
  // A short run ends before the optimizing compiler pays for itself: a tenth of the time at ten services, a fifth at 100.
  setFlagsFromString(text.length < 300_000 ? "--no-opt" : "--opt");
  const configInput = config === undefined ? undefined : await readInput(config, "function config", undefined, "all");
  const configured = configInput?.leaves[0]?.item.object ?? (config === undefined ? undefined : readBare(config));
  const input = await readInput(text, name, knowledge, lint ? readsChecked : undefined);
  if (!configured && !input.envelope && input.frame.chunks.every(isEmpty)) return failed([diagnose("IZ101", undefined, {})]);
  const broken = [...(configInput?.diagnostics ?? []), ...input.diagnostics];
  if (broken.length > 0) return failed(arrangeDiagnostics(broken));

  const functionConfig = configured ?? asMapping(input.envelope?.["functionConfig"]);
  const items = input.leaves.map(({ item }) => item);
  const caller = callerOf(input, config !== undefined);
  const problem = checkEnvelope(input, functionConfig);
  if (problem) return failed([problem]);
  const satisfies = /\brequires\b/.test(`${config ?? ""}\n${text}`) ? (await import("./version.ts")).satisfies : undefined;
  const result = runPipeline({
    items, caller, ...(satisfies && { satisfies }), version: ISTIOMIZE_VERSION,
    ...(functionConfig && { functionConfig }), ...(namespace !== undefined && { namespace }), ...(overrides && { overrides }), ...(isFiles && { isFiles }), ...(lint && { lint }),
  });
  const diagnostics = addFiles(result.diagnostics, input);
  const isFailed = worstSeverity(result.diagnostics) === "error";
  const made = result.added.filter(({ object }) => object !== guardMarker);
  const base = { diagnostics, input, usedNames: result.usedNames, count: items.length - result.removed.size + made.length };
  if (!isFailed) {
    const added = caller === "package" ? addPackagePaths(result, items) : result.added.map(({ object }) => object);
    return { ...base, text: writeOutput(input, result, added, diagnostics, await carryOutEdits(input, result)), exitCode: 0 };
  }
  return { ...base, text: input.envelope ? writeOutput(input, nothing, [], diagnostics, new Map()) : "", exitCode: 1 };
}

const nothing: PipelineResult = { removed: new Set(), replaced: new Map(), edits: [], added: [], diagnostics: [], usedNames: false };

function failed(diagnostics: readonly Diagnostic[]): FunctionOutput {
  return { text: "", diagnostics, exitCode: 1, count: 0, usedNames: false };
}

/** A function config of a kind that nothing else reads, so that its kind can be refused by name. */
function readBare(config: string): KubeObject {
  return { kind: /^kind:\s*(\S+)/m.exec(config)?.[1] ?? "", apiVersion: /^apiVersion:\s*(\S+)/m.exec(config)?.[1] ?? "" };
}

/** kpt sends files and writes the result back to them; kustomize gives every object an id of its own. */
function callerOf(input: Input, isPlugin: boolean): PipelineInput["caller"] {
  if (isPlugin) return "plugin";
  if (!input.envelope) return "stream";
  const has = (key: string): boolean => input.leaves.some(({ item }) => Object.hasOwn(mappingAt(item.object, "metadata", "annotations"), key));
  return has("internal.config.kubernetes.io/path") && !has("kustomize.config.k8s.io/id") ? "package" : "plugin";
}

function checkEnvelope(input: Input, functionConfig: KubeObject | undefined): Diagnostic | undefined {
  if (!input.envelope) return undefined;
  const apiVersion = asText(input.envelope["apiVersion"]) ?? "";
  if (!/^config\.kubernetes\.io\/v1(alpha1|beta1)?$/.test(apiVersion)) {
    return diagnose("IZ104", undefined, { found: `apiVersion ${apiVersion || "(none)"}`, expected: "config.kubernetes.io/v1" });
  }
  if (input.frame.chunks.length === 0 && !Object.hasOwn(input.envelope, "items")) {
    return diagnose("IZ104", undefined, { found: "a ResourceList without items", expected: "`items:`, if only an empty list" });
  }
  const given = input.envelope["functionConfig"];
  if (given !== undefined && given !== null && !functionConfig) {
    return diagnose("IZ104", undefined, { found: "a functionConfig that is not a mapping", expected: "one object, or none" });
  }
  return undefined;
}

