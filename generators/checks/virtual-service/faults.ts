import { diagnose } from "../../diagnostics/diagnostic.ts";
import { asMapping } from "../../kube/object.ts";
import type { RouteCheck } from "./routes.ts";

/** Faults that reach nobody: without a percentage Istio takes 0% (rule V9). */
export const checkFaultShares: RouteCheck = ({ object, rules }) => rules.flatMap((rule) => (["delay", "abort"] as const).flatMap((kind) => {
  const fault = asMapping(asMapping(rule.body["fault"])?.[kind]);
  if (!fault || fault["percent"] !== undefined) return [];
  const value = asMapping(fault["percentage"])?.["value"];
  return value === undefined ? [diagnose("IZ385", object.placeOf(...rule.path, "fault", kind), { kind }, object.subject && { subject: object.subject })] : [];
}));
