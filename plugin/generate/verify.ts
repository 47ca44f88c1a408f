import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { compareText, describeObject, identityOf, kindOf, refOf, type KubeObject } from "../../generators/kube/object.ts";
import { startBuild, withTemporary, type Tool } from "../tree/tool.ts";
import { readDocuments } from "../chunks.ts";
import { readPointer, valueAt, writeValue } from "./drift.ts";
import { diffObjects } from "./json-patch.ts";
import { describeBuild, renderFiles } from "./render-files.ts";
import { shown, type SourceTree } from "./source.ts";

/** How a plain build of the files on disk compares with rendering. */
export interface Verification {
  /** How many objects were compared. */
  readonly objects: number;
  readonly diagnostics: readonly Diagnostic[];
}

/** Builds a kustomization as plain kustomize does and as `render` does; the first difference of each object is reported. */
export async function verifyTarget(tool: Tool, tree: SourceTree, target: string, flags: readonly string[]): Promise<Verification> {
  const node = tree.nodes.get(target)!;
  const [plain, rendering] = await Promise.all([startBuild(tool, shown(target), flags), withTemporary((temporary) => renderFiles(tool, target, flags, {}, temporary))]);
  if (plain.code !== 0) return { objects: 0, diagnostics: [describeBuild(plain, node)] };
  if ("failed" in rendering) return { objects: 0, diagnostics: [describeBuild(rendering.failed, node)] };
  if (rendering.output.exitCode !== 0) return { objects: 0, diagnostics: rendering.output.diagnostics };
  const found = readDocuments(plain.stdout);
  const wanted = readDocuments(rendering.output.text);
  return { objects: wanted.length, diagnostics: compareObjects(found, wanted, shown(node.file)) };
}

function compareObjects(found: readonly KubeObject[], wanted: readonly KubeObject[], file: string): readonly Diagnostic[] {
  const byIdentity = (objects: readonly KubeObject[]): ReadonlyMap<string, KubeObject> => new Map(objects.map((object) => [identityOf(object), object]));
  const [before, after] = [byIdentity(found), byIdentity(wanted)];
  const identities = [...new Set([...before.keys(), ...after.keys()])].sort(compareText);
  return identities.flatMap((identity) => {
    const [one, other] = [before.get(identity), after.get(identity)];
    const at = { position: { file } };
    if (!one) return [diagnose("IZ424", { ref: refOf(other!), path: [] }, { found: "not in the build", wanted: describeObject(other!), more: 0 }, at)];
    if (!other) return [diagnose("IZ424", { ref: refOf(one), path: [] }, { found: describeObject(one), wanted: "no such object", more: 0 }, at)];
    const [first, ...more] = diffObjects(one, other);
    if (!first) return [];
    const keys = readPointer(first.path);
    const write = (value: unknown): string => (kindOf(one) === "Secret" ? "a value of a Secret, not shown" : writeValue(value));
    return [diagnose("IZ424", { ref: refOf(one), path: keys }, {
      found: first.op === "add" ? "nothing" : write(valueAt(one, keys)), wanted: first.op === "remove" ? "no such field" : write(first.value), more: more.length,
    }, at)];
  });
}
