/**
 * The function as a library, what `import { … } from "istiomize"` gives: no files, no processes, no standard streams.
 * The types are written out here, so that callers depend on these and on nothing behind them.
 */
import { checkSettings, itemsOf, readConfig, readObjects, unexpected, type Given } from "./library-input.ts";
import { satisfies } from "./version.ts";
import { locate } from "./locate.ts";
import { runFunction } from "./krm.ts";
import { writeText } from "./report/text.ts";
import { worstSeverity, type Diagnostic as CoreDiagnostic } from "../generators/diagnostics/diagnostic.ts";
import { asMapping, type Item } from "../generators/kube/object.ts";
import { runPipeline as runCore, type Overrides, type PipelineResult as Changes } from "../generators/pipeline.ts";

/** The version of this package. */
export const version: string = ISTIOMIZE_VERSION;

/** A Kubernetes object as plain values, such as a YAML or JSON parser gives it. */
export type KubeObject = { readonly [key: string]: unknown };

/** What the command line can say beside the input, for both functions. */
export interface Settings {
  /** Namespace of objects that carry none, over `spec.namespace` of the ServiceMesh; a DNS label. */
  readonly namespace?: string;
  /** Warnings are errors, as with `spec.strict`. */
  readonly strict?: boolean;
  /** The environment, over `spec.environment`. */
  readonly environment?: string;
}

export interface PipelineInput extends Settings {
  /**
   * Everything that a kustomization builds: Services, workloads, Namespaces, ServiceMeshes, and whatever else there is.
   * Parsed YAML, or objects of your own types and classes; each has an `apiVersion` and a `kind`, and holds what JSON can
   * hold. A `List` is as good as the objects in it.
   */
  readonly objects: readonly object[];
  /** A ServiceMesh that wins field by field over those among the objects, as the function config of kustomize does. */
  readonly functionConfig?: object;
}

export interface PipelineResult {
  /**
   * The objects with their mesh: those that came in, in their order, without the ServiceMeshes; then the new ones by
   * group, kind, namespace and name. What lies in a `List` stays in it. After an error they are the very objects that
   * came in.
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
 * not changed, and what stays as it is comes out as the same object; only where it holds `undefined`, dates or a `toJSON`
 * of its own is it a copy, as JSON would have it. Text that must keep its comments goes through `meshYaml`.
 *
 * What is wrong with the mesh is a diagnostic.
 * @throws TypeError where a setting is of another type, or an object is none: no `apiVersion` or `kind`, a `Map`, a
 *   `bigint`, a function, a ResourceList, something that holds itself. The message names the place and what it takes.
 */
export function runPipeline(input: PipelineInput): PipelineResult {
  if (!asMapping(input)) throw unexpected("runPipeline", "an object with `objects`", input);
  const { objects, functionConfig, namespace, strict, environment } = input;
  checkSettings({ namespace, strict, environment });
  const given = readObjects(objects);
  const items = itemsOf(given);
  const changes = runCore({
    items, caller: "stream", version, satisfies, overrides: overridesOf({ strict, environment }),
    ...(functionConfig !== undefined && { functionConfig: readConfig(functionConfig, "functionConfig") }), ...(namespace !== undefined && { namespace }),
  });
  const failed = worstSeverity(changes.diagnostics) === "error";
  return { objects: failed ? (objects as readonly KubeObject[]) : applyChanges(given, items, changes), diagnostics: changes.diagnostics, failed };
}

/**
 * The whole job on text: a stream of YAML documents (`kustomize build`, `helm template`) in, the same with its mesh out.
 * A ResourceList is answered with a ResourceList, which after an error comes back as it was, with `results`.
 * @throws TypeError (the promise is rejected) where `text` is no string, or an option is of another type.
 */
export async function meshYaml(text: string, options: MeshYamlOptions = {}): Promise<MeshedYaml> {
  if (typeof text !== "string") throw unexpected("text", "a string", text);
  if (!asMapping(options)) throw unexpected("options", "an object", options);
  checkSettings(options);
  const { name = "<input>", namespace, strict, environment } = options;
  const output = await runFunction({ text, name, overrides: overridesOf({ strict, environment }), ...(namespace !== undefined && { namespace }) });
  return { text: output.text, diagnostics: locate(output.diagnostics, output.input, name), failed: output.exitCode !== 0 };
}

/**
 * Diagnostics as the command line prints them; nothing where there are none.
 * @throws TypeError where they are no list.
 */
export function writeDiagnostics(diagnostics: readonly Diagnostic[], isColoured = false): string {
  if (!Array.isArray(diagnostics)) throw unexpected("diagnostics", "a list of diagnostics", diagnostics);
  return writeText(diagnostics as readonly CoreDiagnostic[], isColoured);
}

function overridesOf({ strict, environment }: Settings): Overrides {
  return { ...(strict !== undefined && { strict }), ...(environment !== undefined && { environment }) };
}

function applyChanges(given: readonly Given[], items: readonly Item[], { removed, replaced, edits, added }: Changes): readonly KubeObject[] {
  const current = new Map(items.filter((item) => !removed.has(item)).map((item) => [item, replaced.get(item) ?? item.object]));
  for (const { item, path, value } of edits) {
    const object = current.get(item);
    if (object) current.set(item, withField(object, path, value));
  }
  return [...currentOf(given, current), ...added.map(({ object }) => object)];
}

/** What has become of the objects; a list in which nothing changed is the same list. */
function currentOf(given: readonly Given[], current: ReadonlyMap<Item, KubeObject>): readonly KubeObject[] {
  return given.flatMap((each): readonly KubeObject[] => {
    if ("item" in each) return [current.get(each.item)].filter((object) => object !== undefined);
    const before = each.list["items"] as readonly unknown[];
    const items = currentOf(each.items, current);
    return [items.length === before.length && items.every((item, i) => item === before[i]) ? each.list : { ...each.list, items }];
  });
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
