/**
 * The function as a library, what `import { … } from "istiomize"` gives: no files, no processes, no standard streams.
 * The types are written out here, so that callers depend on these and on nothing behind them.
 */
import { satisfies } from "./version.ts";
import { locate } from "./locate.ts";
import { runFunction } from "./krm.ts";
import { writeText } from "./report/text.ts";
import { worstSeverity, type Diagnostic as CoreDiagnostic } from "../generators/diagnostics/diagnostic.ts";
import { asMapping, type Item } from "../generators/kube/object.ts";
import { runPipeline as runCore, type Overrides, type PipelineResult as Changes } from "../generators/pipeline.ts";

/** The version of this package. */
export const version: string = ISTIOMIZE_VERSION;

/** A Kubernetes object as a YAML or JSON parser gives it. */
export type KubeObject = { readonly [key: string]: unknown };

/** What the command line can say beside the input, for both functions. */
export interface Settings {
  /** Namespace of objects that carry none, over `spec.namespace` of the ServiceMesh. */
  readonly namespace?: string;
  /** Warnings are errors, as with `spec.strict`. */
  readonly strict?: boolean;
  /** The environment, over `spec.environment`. */
  readonly environment?: string;
}

export interface PipelineInput extends Settings {
  /** Everything that a kustomization builds: Services, workloads, Namespaces, ServiceMeshes, and whatever else there is. */
  readonly objects: readonly KubeObject[];
  /** A ServiceMesh that wins field by field over those among the objects, as the function config of kustomize does. */
  readonly functionConfig?: KubeObject;
}

export interface PipelineResult {
  /**
   * The objects with their mesh: those that came in, in their order, without the ServiceMeshes; then the new ones by
   * group, kind, namespace and name. After an error they are the very objects that came in.
   */
  readonly objects: readonly KubeObject[];
  readonly diagnostics: readonly Diagnostic[];
  /** Whether one of the diagnostics is an error. */
  readonly failed: boolean;
}

export interface MeshYamlOptions extends Settings {
  /** What messages call the input; `<input>` unless it is given. */
  readonly name?: string;
}

export interface MeshedYaml {
  /** The stream with its mesh, all else in it byte by byte as it was; empty after an error. */
  readonly text: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly failed: boolean;
}

/** Names one object. */
export interface ResourceRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** Something said about the input. */
export interface Diagnostic {
  /** Such as `IZ201`; what it means stands in `generators/diagnostics/README.md` of the repository. */
  readonly code: string;
  readonly severity: "error" | "warning" | "info";
  readonly title: string;
  /** The object that it is about, and the keys that lead to the field. */
  readonly place?: { readonly ref: ResourceRef; readonly path: readonly string[] };
  /** Who it concerns, where that is another object than the one at `place`. */
  readonly subjects: readonly ResourceRef[];
  readonly read?: string;
  readonly expected?: string;
  readonly help?: string;
  /** The value as it stands there, and the one to write instead, where they are certain. */
  readonly current?: string;
  readonly proposed?: string;
  /** Lines and columns count from 1; `meshYaml` fills them in. */
  readonly position?: { readonly file: string; readonly line?: number; readonly column?: number };
}

/**
 * The whole job on plain objects: settings are read, Istio objects made from them, everything checked. What comes in is
 * not changed, and what stays as it is comes out as the same object. Text that must keep its comments goes through `meshYaml`.
 */
export function runPipeline({ objects, functionConfig, namespace, strict, environment }: PipelineInput): PipelineResult {
  const items = objects.map((object): Item => ({ object }));
  const changes = runCore({
    items, caller: "stream", version, satisfies, overrides: overridesOf({ strict, environment }),
    ...(functionConfig && { functionConfig }), ...(namespace !== undefined && { namespace }),
  });
  const failed = worstSeverity(changes.diagnostics) === "error";
  return { objects: failed ? objects : applyChanges(items, changes), diagnostics: changes.diagnostics, failed };
}

/**
 * The whole job on text: a stream of YAML documents (`kustomize build`, `helm template`) in, the same with its mesh out.
 * A ResourceList is answered with a ResourceList, which after an error comes back as it was, with `results`.
 */
export async function meshYaml(text: string, { name = "<input>", namespace, strict, environment }: MeshYamlOptions = {}): Promise<MeshedYaml> {
  const output = await runFunction({ text, name, overrides: overridesOf({ strict, environment }), ...(namespace !== undefined && { namespace }) });
  return { text: output.text, diagnostics: locate(output.diagnostics, output.input, name), failed: output.exitCode !== 0 };
}

/** Diagnostics as the command line prints them; nothing where there are none. */
export function writeDiagnostics(diagnostics: readonly Diagnostic[], isColoured = false): string {
  return writeText(diagnostics as readonly CoreDiagnostic[], isColoured);
}

function overridesOf({ strict, environment }: Settings): Overrides {
  return { ...(strict !== undefined && { strict }), ...(environment !== undefined && { environment }) };
}

function applyChanges(items: readonly Item[], { removed, replaced, edits, added }: Changes): readonly KubeObject[] {
  const current = new Map(items.filter((item) => !removed.has(item)).map((item) => [item, replaced.get(item) ?? item.object]));
  for (const { item, path, value } of edits) {
    const object = current.get(item);
    if (object) current.set(item, withField(object, path, value));
  }
  return [...current.values(), ...added.map(({ object }) => object)];
}

/** A copy with one field set, or taken out where there is no value. */
function withField(object: KubeObject, [key, ...rest]: readonly string[], value: string | undefined): KubeObject {
  if (key === undefined) return object;
  if (rest.length > 0) {
    const inner = asMapping(object[key]);
    return inner || value !== undefined ? { ...object, [key]: withField(inner ?? {}, rest, value) } : object;
  }
  if (value !== undefined) return { ...object, [key]: value };
  const { [key]: _, ...others } = object;
  return others;
}
