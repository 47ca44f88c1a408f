import { diagnose } from "../../diagnostics/diagnostic.ts";
import type { ObjectCheck } from "../istio-object.ts";
import { policiesOf, serviceOf } from "./policies.ts";

/** For a headless Service the caller picks the pod, so nothing of this steers (rule P7). */
export const checkHeadless: ObjectCheck = (object, world) => {
  const service = serviceOf(object, world);
  if (object.isOurs || service?.shape !== "headless") return [];
  const policies = policiesOf(object, world);
  const hash = policies.find(({ blocks }) => blocks.loadBalancer?.value["consistentHash"] !== undefined)?.blocks.loadBalancer;
  const left = [
    ...(policies.some(({ blocks }) => blocks.loadBalancer && !blocks.loadBalancer.value["consistentHash"] && blocks.loadBalancer.value["simple"] !== "PASSTHROUGH") ? ["loadBalancer"] : []),
    ...(policies.some(({ blocks }) => blocks.outlierDetection) ? ["outlierDetection"] : []),
    ...(entriesExist(object.spec["subsets"]) ? ["subsets"] : []),
  ];
  return [
    ...(hash ? [diagnose("IZ334", object.placeOf(...hash.path, "consistentHash"), { key: "consistentHash" })] : []),
    ...(left.length > 0 ? [diagnose("IZ333", object.placeOf("spec"), { left, isByHand: true })] : []),
  ];
};

function entriesExist(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}
