import { diagnose } from "../diagnostics/diagnostic.ts";
import { mappingAt, nameOf, stringsAt } from "../kube/object.ts";
import type { Check } from "./check.ts";

/** A split between Services whose selectors share pods (rule S6). */
export const checkSharedPods: Check = ({ context }) => context.services.flatMap((service) => {
  const plan = context.plans.get(service)!;
  const isSplit = plan.targets?.some(({ service: target, subset }) => target.object === service.object && !subset);
  if (!plan.targets || !isSplit || service.governed) return []; // a Rollout tells the pods apart by a label that it adds to the selectors
  return plan.targets.filter(({ service: target }) => target.object !== service.object).flatMap(({ service: target }) => {
    const own = new Set(service.workloads.map(({ workload }) => workload));
    const shared = target.workloads.filter(({ workload }) => own.has(workload)).map(({ workload }) => workload.name);
    return shared.length === 0 ? [] : [diagnose("IZ328", plan.setting!.source.place, { service: service.name, other: nameOf(target.object), workloads: shared })];
  });
});

/** VirtualServices and DestinationRules in ambient mode, where only a waypoint applies them (rule X1). */
export const checkWaypoints: Check = ({ context, made, edits }) => {
  if (context.config.injection.mode !== "ambient") return [];
  const label = "istio.io/use-waypoint";
  const edited = new Set(edits.filter(({ path }) => path.at(-1) === label).map(({ item }) => item));
  return context.services.filter((service) => {
    const namespace = context.namespaces.get(service.namespace);
    const has = [service.item, ...(namespace ? [namespace] : [])].some((item) => edited.has(item) || stringsAt(item.object, "metadata", "labels")[label] !== undefined);
    return !has && made.some(({ beside, object }) => beside === service.item && mappingAt(object, "spec")["host" in mappingAt(object, "spec") ? "host" : "hosts"] !== undefined);
  }).map((service) => diagnose("IZ329", { ref: service.ref, path: ["metadata", "labels"] }, {}));
};
