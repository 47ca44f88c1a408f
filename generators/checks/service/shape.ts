import { diagnose } from "../../diagnostics/diagnostic.ts";
import { mappingAt, refOf, stringsAt } from "../../kube/object.ts";
import { fullHost } from "../../kube/host.ts";
import { nameOf } from "../../kube/object.ts";
import { namespaceFor } from "../../mesh/levels.ts";
import { podsBehind } from "../destination-rule/policies.ts";
import { podsOf } from "../pods.ts";
import type { ServiceCheck } from "./used-services.ts";

/** Services without pods, as far as that can be told (rule P9). */
export const checkShape: ServiceCheck = (service, world) => {
  if (!service.isNamed || service.shape === "external-name" || service.shape === "udp") return [];
  const { object } = service;
  const place = { ref: refOf(object), path: ["spec", "selector"] };
  const namespace = namespaceFor(object, world.config);
  const selector = stringsAt(object, "spec", "selector");
  if (Object.keys(selector).length === 0) {
    const isBacked = world.entryOf(fullHost(nameOf(object), { namespace, clusterDomain: world.config.clusterDomain })) !== undefined;
    return isBacked || mappingAt(object, "spec")["type"] === "ExternalName" ? [] : [diagnose("IZ330", place, {})];
  }
  if (!podsOf(world).isKnown(namespace) || podsBehind(service, world).length > 0) return [];
  return [diagnose("IZ331", place, { selector: Object.entries(selector).map(([key, value]) => `${key}=${value}`).join(",") })];
};
