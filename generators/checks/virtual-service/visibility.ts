import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { compareText, describeObject } from "../../kube/object.ts";
import { namespaceFor } from "../../mesh/levels.ts";
import { entriesOf, type IstioObject } from "../istio-object.ts";
import type { RouteCheck } from "./routes.ts";
import { exportedTo, fullGateway } from "./traffic-map.ts";

/** Routes to subsets that some of their callers do not see (rule H6): for those they end in 503. */
export const checkVisibility: RouteCheck = (routes, world) => {
  const { object } = routes;
  const told = new Set<string>();
  const seen = exportedTo(object);
  const gateways = routes.gateways.filter((name) => name !== "mesh").map((name) => fullGateway(name, object.namespace).split("/")[0]!);
  return routes.rules.flatMap((rule) => rule.destinations).flatMap(({ host, subset, path }): readonly Diagnostic[] => {
    if (subset === undefined || told.has(host)) return [];
    const defining = world.rulesFor(host, object.namespace).filter((rule) => entriesOf(rule.spec["subsets"]).some(([each]) => each["name"] === subset));
    if (defining.length !== 1) return [];
    const [rule] = defining;
    const visible = exportedTo(rule!);
    const callers = routes.isMesh ? [...seen] : gateways.filter((namespace) => seen.has("*") || seen.has(namespace));
    const blind = callers.filter((namespace) => !visible.has("*") && !visible.has(namespace) && namespace !== "");
    if (blind.length === 0) return [];
    told.add(host);
    const found = diagnose("IZ381", object.placeOf(...path, "subset"), {
      subset, rule: describeObject(rule!.object), seen: describeReach(rule!), blind: blind.map((namespace) => (namespace === "*" ? "every other namespace" : namespace)).sort(compareText),
    }, object.subject && { subject: object.subject });
    const isHarmed = !blind.includes("*") || world.context.workloads.some((workload) => !visible.has(namespaceFor(workload.item.object, world.config)));
    return [isHarmed ? found : { ...found, severity: "warning" }]; // nobody in the input calls from elsewhere
  });
};

function describeReach(rule: IstioObject): string {
  return [...exportedTo(rule)].sort(compareText).join(", ") || "nobody";
}
