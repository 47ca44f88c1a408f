import { checkArgoCd } from "./argocd.ts";
import type { Check } from "./check.ts";
import { checkCompanions } from "./companions.ts";
import { checkCombinations } from "./combinations.ts";
import { checkSharedPods, checkWaypoints } from "./destinations.ts";
import { checkDescribedGateways } from "./described-gateways.ts";
import { checkFaults, checkOwnedHosts } from "./generated.ts";
import { checkRollouts } from "./governed.ts";
import { checkObjects } from "./objects.ts";
import { checkRetries } from "./retries.ts";
import { checkServiceShape } from "./service-shape.ts";
import { checkTargets } from "./targets.ts";

/** Every check; the order does not matter, diagnostics are sorted. */
export const checks: readonly Check[] = [
  checkRetries, checkCombinations, checkServiceShape, checkFaults, checkOwnedHosts, checkSharedPods, checkWaypoints, checkArgoCd, checkRollouts, checkTargets, checkDescribedGateways, checkCompanions, checkObjects,
];
