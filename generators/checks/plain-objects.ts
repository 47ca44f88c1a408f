import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { asList, mappingAt } from "../kube/object.ts";
import { checkLocality, checkOutlierDetection } from "./destination-rule/outlier-detection.ts";
import { isUniform } from "./destination-rule/policies.ts";
import type { IstioObject, IstioWorld } from "./istio-object.ts";
import { checkRouteRetries } from "./virtual-service/retries.ts";
import { ReadRoutes } from "./virtual-service/routes.ts";
import { trafficMapOf } from "./virtual-service/traffic-map.ts";

/**
 * What there is to say of an object of ours that holds no more than most do; nothing where it holds more, which takes
 * every rule. Most runs meet no other object, and are spared the reading of all those rules.
 */
export function reviewPlain(object: IstioObject, world: IstioWorld): readonly Diagnostic[] | undefined {
  if (!object.isOurs || object.isOpen) return undefined;
  switch (object.kind) {
    case "VirtualService": return isOneRule(object) && world.ofKind("AuthorizationPolicy").length === 0 ? checkRouteRetries(new ReadRoutes(object), world, trafficMapOf(world)) : undefined;
    case "DestinationRule": return isSimple(object) ? reviewPolicy(object, world) : undefined;
    case "PeerAuthentication": return object.spec["selector"] === undefined ? [] : undefined; // one for a namespace is ours alone
    default: return undefined;
  }
}

const plainFields = new Set(["name", "timeout", "retries", "route"]);

/** One rule without conditions that leads to one Service: it can be wrong in its retries and, where policies name callers, in a chain of calls. */
function isOneRule({ spec }: IstioObject): boolean {
  const rules = asList(spec["http"]);
  if (rules.length !== 1 || spec["gateways"] !== undefined || spec["tls"] !== undefined || spec["tcp"] !== undefined) return false;
  const rule = mappingAt(rules[0]);
  const routes = asList(rule["route"]);
  return routes.length === 1 && mappingAt(routes[0], "destination")["subset"] === undefined && Object.keys(rule).every((field) => plainFields.has(field));
}

/** One policy for all calls, of limits and outlier detection. */
function isSimple(object: IstioObject): boolean {
  const { loadBalancer, tls, connectionPool } = mappingAt(object.spec, "trafficPolicy");
  return isUniform(object) && loadBalancer === undefined && tls === undefined && mappingAt(connectionPool, "http")["h2UpgradePolicy"] === undefined;
}

function reviewPolicy(object: IstioObject, world: IstioWorld): readonly Diagnostic[] {
  return mappingAt(object.spec, "trafficPolicy")["outlierDetection"] === undefined ? [] : [...checkOutlierDetection(object, world), ...checkLocality(object, world)];
}
