import { diagnose, type Diagnostic, type Place } from "../diagnostics/diagnostic.ts";
import { refOf, stringsAt, type KubeObject } from "../kube/object.ts";
import { readWave, syncWave } from "../kube/sync-wave.ts";
import type { Check } from "./check.ts";

const hook = "argocd.argoproj.io/hook";

/** What Argo CD reads on the objects that others are made for: a wave that is none, and hooks, which have no part in a sync. */
export const checkArgoCd: Check = ({ made }) => [...new Set(made.flatMap(({ beside }) => (beside ? [beside.object] : [])))].flatMap(checkObject);

function checkObject(object: KubeObject): readonly Diagnostic[] {
  const annotations = stringsAt(object, "metadata", "annotations");
  const place = (key: string): Place => ({ ref: refOf(object), path: ["metadata", "annotations", key] });
  const wave = annotations[syncWave];
  return [
    ...(wave !== undefined && readWave(wave) === undefined ? [diagnose("IZ344", place(syncWave), { text: wave })] : []),
    ...(annotations[hook] === undefined ? [] : [diagnose("IZ345", place(hook), { text: annotations[hook] })]),
  ];
}
