import { mappingAt } from "../../kube/object.ts";
import type { ObjectCheck } from "../istio-object.ts";
import { selectorOf } from "../pods.ts";
import { findServicePort } from "./service-ports.ts";

/** Modes for ports by the number that the Service has (rule P11). */
export const checkPortModes: ObjectCheck = (object, world) => {
  if (object.isOurs || Object.keys(selectorOf(object.object)).length === 0) return [];
  return Object.keys(mappingAt(object.spec, "portLevelMtls")).flatMap((port) => findServicePort(object, port, ["spec", "portLevelMtls", port], world));
};
