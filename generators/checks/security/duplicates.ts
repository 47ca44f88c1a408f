import { diagnose } from "../../diagnostics/diagnostic.ts";
import { compareText, describe } from "../../kube/object.ts";
import type { ObjectCheck } from "../istio-object.ts";
import { podsOf } from "../pods.ts";
import { isAttached, labelsOf, selecting, withoutSelector } from "../policies-over.ts";

/** Two Sidecars or two Telemetries for the same pods, or without a selector in one namespace (IST0110, IST0111, IST0159, IST0160). */
export const checkDuplicates: ObjectCheck = (object, world) => {
  if (object.isOurs || isAttached(object)) return [];
  const labels = labelsOf(object);
  const isWide = Object.keys(labels).length === 0;
  const pods = isWide ? [] : podsOf(world).find(object.namespace, labels);
  const alike = isWide ? withoutSelector(object.kind, object.namespace, world) : selecting(object.kind, pods, world);
  const other = alike.find((each) => compareText(each.ref.name, object.ref.name) < 0 && !isAttached(each));
  if (!other) return [];
  const shared = isWide ? `all pods of namespace ${object.namespace || "(none)"}` : `the pods of ${pods.find((each) => selecting(object.kind, [each], world).includes(other))!.name}`;
  const path = isWide ? ["metadata", "name"] : object.kind === "Sidecar" ? ["spec", "workloadSelector"] : ["spec", "selector"];
  return [diagnose("IZ317", object.placeOf(...path), { one: describe(other.ref), other: describe(object.ref), pods: shared })];
};
