import { mappingAt } from "../../kube/object.ts";
import { entriesOf, type IstioObject, type ObjectCheck } from "../istio-object.ts";
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

/** What settings can do, too: rules that cover each other, retries, mirrors, and what others have for the same calls. */
const ofSettings: readonly RouteCheck[] = [checkNeverReached, checkRouteRetries, checkChains, checkMirrors, checkTexts, checkGatewayOverlaps, checkSplits, checkVisibility];

/** What settings cannot do: it takes Istio's own fields, by hand or merged into an object of ours. */
const ofFields: readonly RouteCheck[] = [checkHosts, checkDestinations, checkWeights, checkPorts, checkRest, checkPaths, checkFaultShares, checkDelegates];

/** The rules for one rule without conditions that leads to one Service, which is what most Services of ours have. */
const ofPlain: readonly RouteCheck[] = [checkRouteRetries, checkChains];

export const routeChecks: readonly RouteCheck[] = [...ofSettings, ...ofFields];

/** The rules of the book about VirtualServices, ours and people's. */
export const virtualServiceChecks: readonly ObjectCheck[] = [(object, world) => {
  if (object.kind !== "VirtualService") return [];
  const map = trafficMapOf(world);
  const routes = map.of(object);
  return (object.isOpen ? routeChecks : isPlain(object) ? ofPlain : ofSettings).flatMap((check) => check(routes, world, map));
}];

const plainFields = new Set(["name", "timeout", "retries", "route"]);

/** Whether an object says nothing that rules other than those for one plain rule are about. */
function isPlain({ spec }: IstioObject): boolean {
  const [rule, ...further] = entriesOf(spec["http"]);
  if (!rule || further.length > 0 || spec["gateways"] !== undefined || spec["tls"] !== undefined || spec["tcp"] !== undefined) return false;
  const routes = entriesOf(rule[0]["route"]);
  return routes.length === 1 && mappingAt(routes[0]![0], "destination")["subset"] === undefined && Object.keys(rule[0]).every((field) => plainFields.has(field));
}
