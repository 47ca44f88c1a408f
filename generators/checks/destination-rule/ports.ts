import { diagnose } from "../../diagnostics/diagnostic.ts";
import { mappingAt } from "../../kube/object.ts";
import { describePort } from "../../kube/protocol.ts";
import type { ObjectCheck } from "../istio-object.ts";
import { isMade, isWrittenAsIstio, portsIn, serviceOf, subsetsIn } from "./policies.ts";

/** Entries for ports that the Service does not have (rule P11). */
export const checkPorts: ObjectCheck = (object, world) => {
  const service = isMade(object) ? undefined : serviceOf(object, world);
  if (!service || service.ports.length === 0) return [];
  const policies = [{ policy: mappingAt(object.spec, "trafficPolicy"), path: ["spec", "trafficPolicy"] }, ...subsetsIn(object).map(({ policy, path }) => ({ policy, path: [...path, "trafficPolicy"] }))];
  return policies.flatMap(({ policy, path }) => portsIn(policy).flatMap(([number, , step]) => {
    const field = [...path, "portLevelSettings", step, "port", "number"];
    if (!isWrittenAsIstio(object, ...field) || service.ports.some((port) => port.number === number)) return [];
    return [diagnose("IZ209", object.placeOf(...field), { port: String(number), known: service.ports.map(describePort) })];
  }));
};
