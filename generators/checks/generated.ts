import { diagnose } from "../diagnostics/diagnostic.ts";
import { asList, asMapping, asText, groupOf, kindOf, mappingAt, nameOf, namespaceOf, refOf, type KubeObject } from "../kube/object.ts";
import { fullHost, resolveHost } from "../kube/host.ts";
import { namespaceFor } from "../mesh/levels.ts";
import { originOf } from "../mesh/origin.ts";
import { ownersOf } from "../mesh/sources.ts";
import type { Check } from "./check.ts";

/** Faults in production, whether by a setting, by a patch or by hand (rule V9). */
export const checkFaults: Check = ({ context, made, istio }) => {
  const { environment, allowFaults } = context.config;
  if (environment !== "production") return [];
  const ours = new Map(made.map((each) => [each.object, each]));
  return istio.filter((object) => kindOf(object) === "VirtualService").flatMap((object) => {
    const own = ours.get(object);
    const name = nameOf(own?.beside?.object ?? object);
    if (allowFaults.includes(name)) return [];
    return asList(mappingAt(object, "spec")["http"]).flatMap((rule, i) => {
      const fault = asMapping(asMapping(rule)?.["fault"]);
      if (!fault) return [];
      const path = ["spec", "http", `[${i}]`, "fault"];
      const field = [...path, ...Object.keys(fault).slice(0, 1)];
      const place = own ? originOf({ object, decided: own.decided ?? [], source: refOf(own.beside?.object ?? object) }, field).place : { ref: refOf(object), path };
      return [diagnose("IZ380", place, { service: name })];
    });
  });
};

/** Generated objects that were kept although their Service is gone or renamed (rules H1, H2, K1). */
export const checkOwnedHosts: Check = ({ context }) => {
  const { clusterDomain } = context.config;
  const services = new Set(context.known.map(({ object }) => fullHost(nameOf(object), { namespace: namespaceFor(object, context.config), clusterDomain })));
  return context.kept.map(({ object }) => object).filter(ownersOf).flatMap((object) =>
    hostsOf(object).filter((host) => {
      const resolved = resolveHost(host, { namespace: namespaceOf(object) || context.config.namespace, clusterDomain });
      const isService = !resolved.includes(".") || resolved.endsWith(`.svc.${clusterDomain}`);
      return isService && resolved.includes(".") && !services.has(resolved);
    }).map((host) => diagnose("IZ372", { ref: refOf(object), path: ["spec", kindOf(object) === "DestinationRule" ? "host" : "hosts"] }, { host })));
};

function hostsOf(object: KubeObject): readonly string[] {
  if (groupOf(object) !== "networking.istio.io") return [];
  const spec = mappingAt(object, "spec");
  if (kindOf(object) === "DestinationRule") return [asText(spec["host"]) ?? ""].filter((host) => host !== "");
  return kindOf(object) === "VirtualService" ? asList(spec["hosts"]).filter((host) => typeof host === "string") : [];
}
