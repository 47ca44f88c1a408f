import type { ObjectCheck } from "../istio-object.ts";
import { checkChains } from "./chains.ts";
import { checkDelegates } from "./delegates.ts";
import { checkDestinations, checkWeights } from "./destinations.ts";
import { checkFaultShares } from "./faults.ts";
import { checkGatewayOverlaps } from "./gateway-overlaps.ts";
import { checkHosts } from "./hosts.ts";
import { checkMatchGateways } from "./match-gateways.ts";
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

/** What settings can do, too: rules that cover each other, retries, mirrors, and what others have for the same calls. */
const ofSettings: readonly RouteCheck[] = [checkNeverReached, checkRouteRetries, checkChains, checkMirrors, checkTexts, checkGatewayOverlaps, checkSplits, checkVisibility];

/** What settings cannot do: it takes Istio's own fields, by hand or merged into an object of ours. */
const ofFields: readonly RouteCheck[] = [checkHosts, checkDestinations, checkWeights, checkPorts, checkRest, checkPaths, checkFaultShares, checkDelegates, checkMatchGateways];

export const routeChecks: readonly RouteCheck[] = [...ofSettings, ...ofFields];

/** The rules of the book about VirtualServices, ours and people's. */
export const virtualServiceChecks: readonly ObjectCheck[] = [(object, world) => {
  if (object.kind !== "VirtualService") return [];
  const map = trafficMapOf(world);
  const routes = map.of(object);
  return (object.isOpen ? routeChecks : ofSettings).flatMap((check) => check(routes, world, map));
}];
