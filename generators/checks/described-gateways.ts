import { diagnose } from "../diagnostics/diagnostic.ts";
import { coversHost } from "../kube/host.ts";
import { describeObject, groupOf, kindOf, nameOf, namespaceOf } from "../kube/object.ts";
import { describeGateway, hostsFor } from "../mesh/gateways.ts";
import type { Check } from "./check.ts";

/** Gateways that the ServiceMesh says are made elsewhere, and that are here with other hosts. */
export const checkDescribedGateways: Check = ({ context }) => {
  const { config, kept } = context;
  return [...config.gateways.values()].filter(({ existing }) => existing).flatMap((gateway) => {
    const item = kept.find(({ object }) => kindOf(object) === "Gateway" && groupOf(object) === "networking.istio.io" && nameOf(object) === gateway.name && (namespaceOf(object) || config.namespace) === gateway.namespace);
    const actual = item && describeGateway(item, config).hosts;
    const missing = actual ? gateway.hosts.filter((host) => !actual.some((outer) => outer === host || (!host.includes("/") && hostsFor([outer], "").some((each) => coversHost(each, host))))) : [];
    return missing.length === 0 ? [] : [diagnose("IZ129", { ref: config.ref, path: ["spec", "gateways", gateway.alias, "hosts"] }, { gateway: gateway.alias, missing, object: describeObject(item!.object), actual: actual! })];
  });
};
