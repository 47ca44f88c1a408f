import { checkArgoCd } from "./argocd.ts";
import type { Check } from "./check.ts";
import { checkCombinations } from "./combinations.ts";
import { checkSharedPods, checkWaypoints } from "./destinations.ts";
import { checkFaults, checkOwnedHosts } from "./generated.ts";
import { checkMtls } from "./mtls.ts";
import { checkOutliers } from "./outliers.ts";
import { checkRetries } from "./retries.ts";
import { checkRollouts } from "./rollouts.ts";
import { checkServiceShape } from "./service-shape.ts";

/** Every check; the order does not matter, diagnostics are sorted. */
export const checks: readonly Check[] = [
  checkRetries, checkOutliers, checkCombinations, checkServiceShape, checkMtls, checkFaults, checkOwnedHosts, checkSharedPods, checkWaypoints, checkArgoCd, checkRollouts,
];
