import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { asList, asMapping, mappingAt, nameOf } from "../../kube/object.ts";
import type { Workload } from "../../mesh/workload.ts";
import type { IstioObject, IstioWorld, ObjectCheck } from "../istio-object.ts";
import { countPods, hostOf, isSteered, isUniform, podsBehind, podsOfSubset, policiesOf, serviceOf, subjectOf, wholePolicy, type Found, type Policy } from "./policies.ts";
import { routesTo } from "./routes.ts";

/** Outlier detection that ejects nobody or everybody, or never counts what it says (rules S9 and S10). */
export const checkOutlierDetection: ObjectCheck = (object, world) => {
  const told = new Map<string, Diagnostic>();
  for (const policy of isUniform(object) && serviceOf(object, world)?.ports.some(({ protocol }) => protocol !== "udp") ? [wholePolicy(object)] : policiesOf(object, world)) {
    const block = policy.blocks.outlierDetection;
    if (!block) continue;
    for (const diagnostic of [...checkCounters(object, block), ...checkEjection(object, block, policy, world)]) {
      told.set(`${diagnostic.code} ${diagnostic.place?.path.join(".")} ${diagnostic.read}`, diagnostic);
    }
  }
  return [...told.values()];
};

function checkCounters(object: IstioObject, { value, path }: Found): readonly Diagnostic[] {
  const gateway = value["consecutiveGatewayErrors"];
  const all = value["consecutive5xxErrors"];
  if (typeof gateway !== "number" || gateway === 0 || all === 0 || gateway < (typeof all === "number" ? all : 5)) return [];
  const at = [...path, "consecutiveGatewayErrors"];
  const isKey = object.wordFor(...at) === "outlier-consecutive-gateway-errors";
  return [diagnose("IZ362", object.placeOf(...at), {
    gateway, all: typeof all === "number" ? String(all) : "5 (Istio's default)", words: isKey ? ["outlier-consecutive-gateway-errors", "outlier-consecutive-5xx"] : ["consecutiveGatewayErrors", "consecutive5xxErrors"],
  }, subjectOf(object))];
}

/** Endpoints are counted per cluster, which is per subset where routes name subsets. */
function checkEjection(object: IstioObject, { value, path }: Found, policy: Policy, world: IstioWorld): readonly Diagnostic[] {
  const service = serviceOf(object, world);
  if (!service || service.shape !== "cluster" || isSteered(object, world) || (value["consecutive5xxErrors"] === 0 && !value["consecutiveGatewayErrors"] && !value["consecutiveLocalOriginFailures"])) return [];
  const workloads = policy.subset ? podsOfSubset(service, policy.subset, world) : podsBehind(service, world);
  const pods = countPods(workloads);
  const written = value["maxEjectionPercent"];
  const percent = typeof written === "number" && written > 0 ? written : 10;
  const ejectsNobody = pods !== undefined && pods > 0 && Math.floor((pods * percent) / 100) < 1;
  if (workloads.length === 0 || (!ejectsNobody && percent !== 100) || !isCalled(object, policy, world)) return [];
  const of = policy.subset ? `subset ${policy.subset.name} of ${nameOf(service.object)}` : `Service ${nameOf(service.object)}`;
  const at = [...path, ...(percent === written ? ["maxEjectionPercent"] : object.isOurs ? Object.keys(value).slice(0, 1) : [])];
  const isKey = object.isOurs && object.wordFor(...at).startsWith("outlier-");
  const words = isKey ? `outlier-max-ejection-percent ${percent}%` : `maxEjectionPercent ${percent}`;
  if (ejectsNobody) {
    const needed = Math.ceil(100 / pods);
    return [diagnose("IZ361", object.placeOf(...at), { percent: percent === written ? words : "Istio's default of 10%", pods, of, needed, ...(isKey ? { scope: scopeOf(object.placeOf(...at).path.at(-1) ?? "") } : { field: `maxEjectionPercent: ${needed}` }) }, subjectOf(object))];
  }
  const place = object.placeOf(...at);
  // One default for many Services is 100% so that it works for each of them; only who says it of one pod is told.
  const isInherited = object.isOurs && (place.path[0] !== "metadata" || place.ref.kind === "Namespace");
  if (percent === 100 && !(pods === 1 && isInherited) && !(typeof value["minHealthPercent"] === "number" && value["minHealthPercent"] > 0)) {
    return [diagnose("IZ363", place, { words: [words, isKey ? "outlier-min-health-percent" : "minHealthPercent"], ...(pods === 1 && { only: of }) }, subjectOf(object))];
  }
  return [];
}

/** What stands before a setting in the key of its annotation, such as `port.http.`. */
function scopeOf(key: string): string {
  return /^istiomize\.dev\/(.+\.)outlier-/.exec(key)?.[1] ?? "";
}

/** Whether any call goes to the cluster that a policy is for. */
function isCalled(object: IstioObject, { subset }: Policy, world: IstioWorld): boolean {
  const routed = routesTo(world.resolve(hostOf(object), object.namespace), world).filter(({ isMirror, weight }) => !isMirror && weight !== 0);
  const isNamed = routed.some((route) => route.subset !== undefined);
  if (subset) return routed.some((route) => route.subset === subset.name);
  return !(isNamed && routed.every((route) => route.subset !== undefined));
}

/** Outlier detection switches locality failover on, so calls stay in the zone of the caller (rule S8); of use to know where pods are spread over zones. */
export const checkLocality: ObjectCheck = (object, world) => {
  const service = serviceOf(object, world);
  if (!service || service.shape !== "cluster" || mappingAt(service.object, "spec")["trafficDistribution"] !== undefined) return [];
  const spread = podsBehind(service, world).find(spreadsOverZones);
  const policy = spread && policiesOf(object, world).find(({ blocks }) => blocks.outlierDetection && asMapping(blocks.loadBalancer?.value["localityLbSetting"]) === undefined && blocks.loadBalancer?.value["consistentHash"] === undefined);
  if (!policy || !spread) return [];
  const { path, value } = policy.blocks.outlierDetection!;
  return [diagnose("IZ399", object.placeOf(...path, ...(object.isOurs ? Object.keys(value).slice(0, 1) : [])), { workload: spread.name, isKey: object.isOurs }, subjectOf(object))];
};

function spreadsOverZones({ podSpec }: Workload): boolean {
  if (podSpec["affinity"] === undefined && podSpec["topologySpreadConstraints"] === undefined) return false;
  const isZone = (key: unknown): boolean => key === "topology.kubernetes.io/zone" || key === "failure-domain.beta.kubernetes.io/zone";
  const antiAffinity = mappingAt(podSpec, "affinity", "podAntiAffinity");
  const terms = [
    ...asList(antiAffinity["requiredDuringSchedulingIgnoredDuringExecution"]),
    ...asList(antiAffinity["preferredDuringSchedulingIgnoredDuringExecution"]).map((entry) => asMapping(entry)?.["podAffinityTerm"]),
    ...asList(podSpec["topologySpreadConstraints"]),
  ];
  return terms.some((term) => isZone(asMapping(term)?.["topologyKey"]));
}
