import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { compareText, describeObject, selects } from "../../kube/object.ts";
import type { IstioWorld } from "../istio-object.ts";
import { subsetsOf } from "./defined-subsets.ts";
import { isWrittenAsIstio, type RouteCheck, type Routes, type Rule } from "./routes.ts";

/** What no condition narrows: a split of some requests alone is no split of the Service's traffic. */
function takesTheRest({ matches }: Rule): boolean {
  return matches.some(({ body }) => Object.keys(body).every((key) => ["port", "gateways", "name"].includes(key)));
}

/** Whether one subset has all pods of its Service, as far as the input tells: where it has, nothing is passed by. */
function isEveryPod(host: string, subset: string, { object }: Routes, world: IstioWorld): boolean {
  const labels = subsetsOf(host, object.namespace, world).get(subset) ?? {};
  const workloads = world.serviceOf(host, object.namespace)?.workloads ?? [];
  return Object.keys(labels).length > 0 && workloads.every(({ workload }) => selects(labels, workload.podLabels));
}

/** Routes to a whole Service whose traffic another VirtualService splits by subset: they pass by the split (rule V12). */
export const checkSplits: RouteCheck = (routes, world, map) => {
  const { object } = routes;
  if (routes.isMesh) return [];
  const told = new Set<string>();
  return routes.rules.filter(({ kind }) => kind === "http").flatMap((rule) => rule.destinations).flatMap(({ host, subset, path, isMirror }): readonly Diagnostic[] => {
    const resolved = world.resolve(host, object.namespace);
    if (isMirror || subset !== undefined || told.has(resolved) || !isWrittenAsIstio(object, ...path)) return [];
    const splitting = (map.inMesh.get(resolved) ?? []).find((other) => other !== routes && other.rules.some((split) =>
      split.kind === "http" && takesTheRest(split) && split.destinations.some((each) => !each.isMirror && each.subset !== undefined && world.resolve(each.host, other.object.namespace) === resolved)));
    if (!splitting) return [];
    told.add(resolved);
    const isWholeToo = splitting.rules.some(({ kind, destinations }) => kind === "http" && destinations.some((each) => !each.isMirror && each.subset === undefined && world.resolve(each.host, splitting.object.namespace) === resolved));
    const subsets = new Set(splitting.rules.flatMap(({ destinations }) => destinations.flatMap((each) => (!each.isMirror && world.resolve(each.host, splitting.object.namespace) === resolved ? each.subset ?? [] : []))));
    if (subsets.size === 1 && isEveryPod(resolved, [...subsets][0]!, splitting, world)) return [];
    const found = diagnose("IZ386", object.placeOf(...path), { host, by: describeObject(splitting.object.object), subsets: [...subsets].sort(compareText) }, object.subject && { subject: object.subject });
    return [isWholeToo ? { ...found, severity: "warning" } : found]; // the mesh sends most of it to all pods alike too
  });
};
