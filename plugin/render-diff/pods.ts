import { equal, kindOf, mappingAt, nameOf, stringsAt, type KubeObject } from "../../generators/kube/object.ts";
import { injectionLabels } from "../../generators/mesh/injection.ts";
import { podMetadataPath, type Workload } from "../../generators/mesh/workload.ts";
import { hasSidecar, namespaceInjection, type World } from "./objects.ts";
import { code, codes, type Effect } from "./words.ts";

type Worlds = { readonly before: World; readonly after: World };

/** What other labels or annotations of its pods do to a workload. */
export function describePods(before: KubeObject, after: KubeObject, worlds: Worlds): readonly Effect[] {
  const [was, is] = [worlds.before.findWorkload(before), worlds.after.findWorkload(after)];
  return [...describeRestart(after), ...(was && is ? describeSidecar(was, is, worlds) : [])];
}

function describeRestart(object: KubeObject): readonly Effect[] {
  const kind = kindOf(object);
  if (kind === "CronJob") return [{ level: "note", text: "it holds from its next run on" }];
  if (kind === "Job" || kind === "Pod") return [{ level: "risk", text: `a cluster refuses this change of a ${kind} that is there: delete it first` }];
  if (kind === "StatefulSet" && mappingAt(object, "spec", "updateStrategy")["type"] === "OnDelete") return [{ level: "note", text: "its pods change when somebody deletes them: updateStrategy is OnDelete" }];
  return [{ level: "change", text: `its pods restart${kind === "DaemonSet" ? ", on every node" : ""}` }];
}

function describeSidecar(was: Workload, is: Workload, { before, after }: Worlds): readonly Effect[] {
  const [had, has] = [hasSidecar(was, before), hasSidecar(is, after)];
  if (had === has || ownLabels(was) === ownLabels(is)) return [];
  if (has === "yes") return [{ level: "change", text: "its pods get a sidecar" }];
  return has === "no" ? [{ level: "risk", text: "its pods lose their sidecar: no mTLS, no routes and no policies of theirs, and pods whose mTLS is strict refuse them" }] : [];
}

/** What a workload itself says of injection; what its namespace says is said there. */
function ownLabels({ podLabels }: Workload): string {
  return `${podLabels["sidecar.istio.io/inject"] ?? ""} ${podLabels["istio.io/rev"] ?? ""}`;
}

/** Whether an object owns pods whose labels and annotations are other ones. */
export function changesPods({ before, after }: { readonly before?: KubeObject; readonly after?: KubeObject }): boolean {
  return before !== undefined && after !== undefined && !["Namespace", "Service"].includes(kindOf(after)) && !equal(mappingAt(before, ...podMetadataPath(before)), mappingAt(after, ...podMetadataPath(after)));
}

/** What other injection labels of a Namespace do; they act when a pod starts. */
export function describeNamespace(before: KubeObject | undefined, after: KubeObject | undefined, worlds: Worlds): readonly Effect[] {
  const name = nameOf((after ?? before)!);
  const labels = [before, after].map((object) => injectionLabels.map((key) => stringsAt(object, "metadata", "labels")[key]));
  if (!after || equal(labels[0], labels[1])) return [];
  const inside = worlds.after.workloads.filter(({ namespace }) => namespace === name);
  const changes = inside.map((workload) => ({ workload, had: sidecarBefore(workload, worlds.before), has: hasSidecar(workload, worlds.after) }));
  const pods = (list: typeof changes): string => `pods of ${codes(list.map(({ workload }) => workload.name))}`;
  const [get, lose] = [changes.filter(({ had, has }) => had !== "yes" && has === "yes"), changes.filter(({ had, has }) => had === "yes" && has === "no")];
  const stay = changes.filter(({ had, has }) => had === "yes" && has === "yes");
  const [revision, old] = [labels[1]![1], labels[0]![1]];
  const [mode, oldMode] = [labels[1]![2], labels[0]![2]];
  const isInjecting = namespaceInjection(after) === "on";
  return [
    ...(get.length > 0 && before ? [{ level: "change", text: `${pods(get)} get a sidecar when they restart, not before` } as const] : []),
    ...(get.length > 0 && !before ? [{ level: "note", text: `${pods(get)} start with a sidecar` } as const] : []),
    ...(lose.length > 0 ? [{ level: "risk", text: `${pods(lose)} lose their sidecar when they restart: no mTLS, no routes and no policies of theirs, and pods whose mTLS is strict refuse them` } as const] : []),
    ...(stay.length > 0 && revision !== old ? [{ level: "change", text: `${pods(stay)} get their sidecar from ${revision === undefined ? "the default revision" : `revision ${code(revision)}`} when they restart (before: ${old === undefined ? "the default revision" : code(old)})` } as const] : []),
    ...(mode !== oldMode ? [{ level: "change", text: `pods of the namespace are ${mode === "ambient" ? "taken into ambient mode at once, without a restart" : `no longer in mode ${code(oldMode ?? "sidecar")}`}` } as const] : []),
    ...(inside.length === 0 && mode === oldMode && before ? [{ level: "note", text: isInjecting ? "pods that start here from now on get a sidecar" : "pods that start here from now on get no sidecar" } as const] : []),
  ];
}

/** As the workload would have been before, were it there. */
function sidecarBefore(workload: Workload, world: World): "yes" | "no" | "unknown" {
  const earlier = world.findWorkload(workload.item.object);
  return earlier ? hasSidecar(earlier, world) : "unknown";
}
