import { groupOf, kindOf, mappingAt, nameOf, namespaceOf, type KubeObject } from "../../generators/kube/object.ts";
import { writeYaml } from "../write-yaml.ts";
import { diffObjects, type Operation } from "./json-patch.ts";
import { writeHeader } from "./ownership.ts";

/** What must happen to one object at the end of a kustomization, so that it is what `render` gives. */
export interface Delta {
  /** The object as kustomize has it by then. */
  readonly object: KubeObject;
  /** Nothing: it is deleted. */
  readonly operations?: readonly Operation[];
  /** For an object that people wrote: what it is to them, and what it becomes. */
  readonly change?: { readonly before: KubeObject; readonly after: KubeObject };
}

export function findDelta(from: KubeObject, to: KubeObject, before?: KubeObject): readonly Delta[] {
  const operations = diffObjects(from, to);
  return operations.length === 0 ? [] : [{ object: from, operations, ...(before && { change: { before, after: to } }) }];
}

export interface PatchFile {
  readonly name: string;
  readonly text: string;
  readonly deltas: readonly Delta[];
}

/**
 * Deltas as files, each one built-in PatchTransformer: what is the same for several objects of a kind stands once.
 * @see https://kubectl.docs.kubernetes.io/references/kustomize/builtins/#_patchtransformer_
 */
export function writePatches(deltas: readonly Delta[], hasNamesake: (object: KubeObject) => boolean = () => false): readonly PatchFile[] {
  const groups = new Map<string, Delta[]>();
  for (const delta of deltas) {
    const { object, operations } = delta;
    const key = JSON.stringify([groupOf(object), kindOf(object), namespaceOf(object), operations ?? object["apiVersion"], delta.change !== undefined]);
    groups.set(key, [...(groups.get(key) ?? []), delta]);
  }
  const taken = new Map<string, number>();
  return [...groups.values()].map((group) => {
    const base = nameFor(group);
    const count = (taken.get(base) ?? 0) + 1;
    taken.set(base, count);
    const name = count === 1 ? base : `${base}-${count}`;
    return { name: `${name}.yaml`, text: writePatch(name, group, group.some(({ object }) => hasNamesake(object))), deltas: group };
  }).sort((a, b) => (a.name < b.name ? -1 : 1)).reduce<readonly PatchFile[]>(insertInOrder, []);
}

/** They run one after the other: what gives an object a name comes after what is meant for the one that has it. */
function insertInOrder(files: readonly PatchFile[], file: PatchFile): readonly PatchFile[] {
  const at = files.findIndex((other) => givesNameOf(other, file));
  return at < 0 || files.some((other) => givesNameOf(file, other)) ? [...files, file] : [...files.slice(0, at), file, ...files.slice(at)];
}

/** Whether a patch gives an object the name that another one looks for. */
function givesNameOf({ deltas }: PatchFile, other: PatchFile): boolean {
  const sought = new Set(other.deltas.map(({ object }) => `${groupOf(object)}/${kindOf(object)}/${nameOf(object)}`));
  return deltas.some(({ object, operations }) => {
    const name = operations?.find(({ path }) => path === "/metadata/name")?.value;
    return typeof name === "string" && sought.has(`${groupOf(object)}/${kindOf(object)}/${name}`);
  });
}

function nameFor(group: readonly Delta[]): string {
  const [first] = group;
  const kind = kindOf(first!.object).toLowerCase();
  const verb = first!.operations ? "patch" : "without";
  return group.length === 1 ? `istio-${verb}-${kind}-${nameOf(first!.object)}` : `istio-${verb}-${kind.endsWith("y") ? `${kind.slice(0, -1)}ies` : `${kind}s`}`;
}

/** A patch that takes out an object before kustomize puts others into its namespace, as kustomize reads it under `patches`. */
export function writeRemoval(object: KubeObject): { readonly name: string; readonly text: string } {
  const namespace = namespaceOf(object);
  return {
    name: `istio-before-${kindOf(object).toLowerCase()}-${nameOf(object)}${namespace && `-${namespace}`}.yaml`,
    text: writeHeader("doomed") + writeYaml({ apiVersion: object["apiVersion"], kind: kindOf(object), metadata: { name: nameOf(object), ...(namespace && { namespace }) }, $patch: "delete" }),
  };
}

/** A patch of one object that sets an annotation, which a build is to carry through. */
export function writeMark(object: KubeObject, key: string, value: string): string {
  const name = `mark-${value}`;
  const hasOwn = Object.keys(mappingAt(object, "metadata", "annotations")).some((each) => each !== "config.kubernetes.io/origin");
  const operation: Operation = hasOwn ? { op: "add", path: `/metadata/annotations/${key.replaceAll("/", "~1")}`, value } : { op: "add", path: "/metadata/annotations", value: { [key]: value } };
  return writePatch(name, [{ object, operations: [operation] }], true);
}

function writePatch(name: string, group: readonly Delta[], hasNamesake: boolean): string {
  const { object, operations } = group[0]!;
  const names = group.map((each) => nameOf(each.object)).sort();
  const renames = operations?.some(({ path }) => path === "/metadata/name" || path === "/metadata/namespace");
  const patch = writePatchText(group[0]!, names[0]!);
  const head = writeYaml({
    apiVersion: "builtin", kind: "PatchTransformer", metadata: { name },
    target: {
      ...(groupOf(object) && { group: groupOf(object) }), kind: kindOf(object),
      name: names.length === 1 ? escape(names[0]!) : `(${names.map(escape).join("|")})`,
      // kustomize takes an object without a namespace for one in `default`; a target without one matches all.
      ...(namespaceOf(object) !== "" ? { namespace: namespaceOf(object) } : hasNamesake && kindOf(object) !== "Namespace" ? { namespace: "default" } : {}),
    },
    ...(renames && { options: { allowNameChange: true } }),
  });
  return `${writeHeader("patch")}${head}patch: |-\n${patch.trimEnd().split("\n").map((line) => `  ${line}`).join("\n")}\n`;
}

/**
 * The patch itself. What is put into an object of people's is merged, so that a map that they fill later is not
 * replaced; a generated object has lists, which only a JSON patch changes in place.
 */
function writePatchText({ object, operations, change }: Delta, name: string): string {
  const identity = { apiVersion: object["apiVersion"], kind: kindOf(object) };
  if (!operations) return writeYaml({ ...identity, metadata: { name }, $patch: "delete" });
  if (!change || operations.some(({ op }) => op === "remove")) return writeYaml(operations.map(({ op, path, value }) => ({ op, path, ...(op !== "remove" && { value }) })));
  const fields = operations.reduce<KubeObject>((all, { path, value }) => setField(all, path.split("/").slice(1).map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~")), value), {});
  return writeYaml({ ...identity, metadata: { name, ...mappingAt(fields, "metadata") }, ...Object.fromEntries(Object.entries(fields).filter(([field]) => field !== "metadata")) });
}

/** kustomize reads the name of a target as a regular expression. */
function escape(name: string): string {
  return name.replaceAll(".", "\\.");
}

/** An object with single fields set, or taken out; what is emptied by that and was not there before goes too. */
export function withFields(object: KubeObject, edits: readonly { readonly path: readonly string[]; readonly value: string | undefined }[]): KubeObject {
  return edits.reduce<KubeObject>((edited, { path, value }) => setField(edited, path, value), object);
}

function setField(object: KubeObject, path: readonly string[], value: unknown): KubeObject {
  const [key, ...rest] = path;
  if (rest.length > 0) return { ...object, [key!]: setField(mappingAt(object, key!), rest, value) };
  const { [key!]: _, ...others } = object;
  return value === undefined ? others : { ...object, [key!]: value };
}
