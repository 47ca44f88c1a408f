import { blockOf } from "../annotations/policy.ts";
import type { Settings } from "../annotations/setting.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import type { ResourceRef } from "../kube/object.ts";
import type { MeshService } from "../mesh/service.ts";
import type { Workload } from "../mesh/workload.ts";
import type { Check } from "./check.ts";

/** Outlier detection that ejects nobody or everybody (rules S9 and S10). */
export const checkOutliers: Check = ({ context }) => context.services.filter(({ shape }) => shape === "cluster").flatMap((service) => {
  const plan = context.plans.get(service)!;
  const routed = plan.targets?.flatMap(({ subset, weight }) => (subset && weight !== 0 ? [subset] : [])) ?? [];
  const layers = [...service.portLayers.values()].filter((layer) => [...layer.keys()].some((name) => blockOf(name) === "outlierDetection"));
  const variants = (settings: Settings): readonly Settings[] => [settings, ...layers.map((layer) => settings.with(layer))];
  if (routed.length === 0) {
    return variants(service.settings).flatMap((settings) => checkPods(settings, service.workloads.map(({ workload }) => workload), `Service ${service.name}`, service.ref));
  }
  return routed.flatMap((subset) => variants(service.settings.with(subset.layer)).flatMap((settings) => checkPods(settings, subset.workloads, `subset ${subset.name} of ${service.name}`, service.ref)));
});

/** Endpoints are counted per cluster, which is per subset where routes name subsets. */
function checkPods(settings: Settings, workloads: readonly Workload[], of: string, subject: MeshService["ref"]): readonly Diagnostic[] {
  const outlier = [...settings.all()].filter(({ name }) => blockOf(name) === "outlierDetection");
  const first = outlier[0];
  if (!first) return [];
  const found: Diagnostic[] = [...checkCounters(settings, subject)];
  const pods = workloads.every(({ replicas }) => replicas !== undefined) ? workloads.reduce((sum, { replicas }) => sum + replicas!, 0) : 0;
  const maximum = settings.get("outlier-max-ejection-percent");
  const percent = maximum?.value || 10;
  const place = (maximum ?? first).source.place;
  if (pods > 0 && Math.floor((pods * percent) / 100) < 1) {
    const text = maximum?.value ? `outlier-max-ejection-percent ${percent}%` : "Istio's default of 10%";
    found.push(diagnose("IZ361", place, { percent: text, pods, of, needed: Math.ceil(100 / pods) }, { subject }));
  }
  if (percent === 100 && pods !== 1 && !settings.valueOf("outlier-min-health-percent")) {
    found.push(diagnose("IZ363", place, {}, { subject }));
  }
  return found;
}

function checkCounters(settings: Settings, subject: ResourceRef): readonly Diagnostic[] {
  const gateway = settings.get("outlier-consecutive-gateway-errors");
  const all = settings.valueOf("outlier-consecutive-5xx");
  if (!gateway?.value || all === 0 || gateway.value < (all ?? 5)) return [];
  return [diagnose("IZ362", gateway.source.place, { gateway: gateway.value, all: all === undefined ? "5 (Istio's default)" : String(all) }, { subject })];
}
