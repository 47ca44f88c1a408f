import type { ObjectCheck } from "../istio-object.ts";
import { checkConnectionPool, checkRetryBudget } from "./connection-pool.ts";
import { checkLoadBalancer } from "./load-balancer.ts";
import { checkLocality, checkOutlierDetection } from "./outlier-detection.ts";
import { checkPorts } from "./ports.ts";
import { checkReplacedBlocks } from "./replaced-blocks.ts";
import { checkOverlaps, checkPassthrough, checkSubsetPods } from "./subsets.ts";
import { checkTls } from "./tls.ts";

/** The rules over one DestinationRule, ours or hand-written. */
export const destinationRuleChecks: readonly ObjectCheck[] = [
  checkPorts, checkSubsetPods, checkOverlaps, checkPassthrough, checkReplacedBlocks, checkOutlierDetection, checkLocality, checkConnectionPool, checkRetryBudget, checkLoadBalancer, checkTls,
];
