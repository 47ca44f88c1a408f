import type { ObjectCheck } from "../istio-object.ts";
import { checkChains } from "./chains.ts";
import { checkDelegates } from "./delegates.ts";
import { checkDestinations, checkWeights } from "./destinations.ts";
import { checkFaultShares } from "./faults.ts";
import { checkGatewayOverlaps } from "./gateway-overlaps.ts";
import { checkHosts } from "./hosts.ts";
import { checkMirrors } from "./mirrors.ts";
import { checkNeverReached } from "./never-reached.ts";
import { checkPaths } from "./paths.ts";
import { checkPorts } from "./ports.ts";
import { checkRest } from "./rest.ts";
import { checkRouteRetries } from "./retries.ts";
import type { RouteCheck } from "./routes.ts";
import { checkSplits } from "./splits.ts";
import { checkTexts } from "./texts.ts";
import { trafficMapOf } from "./traffic-map.ts";
import { checkVisibility } from "./visibility.ts";

const routeChecks: readonly RouteCheck[] = [
  checkHosts, checkDestinations, checkWeights, checkPorts, checkNeverReached, checkRest, checkTexts, checkPaths, checkRouteRetries, checkChains,
  checkMirrors, checkFaultShares, checkVisibility, checkSplits, checkDelegates, checkGatewayOverlaps,
];

/** The rules of the book about VirtualServices, ours and people's. */
export const virtualServiceChecks: readonly ObjectCheck[] = [(object, world) => {
  if (object.kind !== "VirtualService") return [];
  const map = trafficMapOf(world);
  const routes = map.of(object);
  return routeChecks.flatMap((check) => check(routes, world, map));
}];
