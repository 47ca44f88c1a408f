import { diagnose } from "../../diagnostics/diagnostic.ts";
import { mappingAt, nameOf } from "../../kube/object.ts";
import type { KnownService } from "../../mesh/settings.ts";
import type { IstioObject, IstioWorld, ObjectCheck } from "../istio-object.ts";
import { hostOf, isSteered, isSteeredService, podsBehind, subsetsIn } from "./policies.ts";
import { routesTo } from "./routes.ts";

/** A policy of a subset to which no route leads (rule S4). */
export const checkUnrouted: ObjectCheck = (object, world) => {
  if (object.isOurs || isSteered(object, world)) return [];
  const routed = new Set(routesTo(world.resolve(hostOf(object), object.namespace), world).map(({ subset }) => subset));
  return subsetsIn(object).filter(({ name, policy }) => Object.keys(policy).length > 0 && !routed.has(name))
    .map(({ name, path }) => diagnose("IZ360", object.placeOf(...path, "trafficPolicy"), { subset: name, isByHand: true }));
};

/** A split between Services whose selectors share pods (rule S6), written by hand. */
export const checkSharedPods: ObjectCheck = (object, world) => {
  if (object.isOurs || object.kind !== "VirtualService") return [];
  return splitsIn(object, world).flatMap(({ path, services }) => services.flatMap((service, i) => {
    const own = new Set(podsBehind(service, world));
    return services.flatMap((other, j) => {
      if (i === j || isSteeredService(service, world) || isSteeredService(other, world) || (j < i && podsBehind(other, world).length === own.size)) return [];
      const theirs = podsBehind(other, world);
      const shared = theirs.filter((pods) => own.has(pods)).map(({ name }) => name);
      return shared.length === 0 || theirs.length > own.size ? [] : [diagnose("IZ328", object.placeOf(...path), { service: nameOf(service.object), other: nameOf(other.object), workloads: shared })];
    });
  }));
};

function splitsIn(object: IstioObject, world: IstioWorld): readonly { readonly path: readonly string[]; readonly services: readonly KnownService[] }[] {
  return (["http", "tcp", "tls"] as const).flatMap((kind) => (Array.isArray(object.spec[kind]) ? (object.spec[kind] as unknown[]) : []).flatMap((rule, i) => {
    const routes = mappingAt({ rule }, "rule")["route"];
    if (!Array.isArray(routes) || routes.length < 2) return [];
    const services = routes.filter((route) => mappingAt(route)["weight"] !== 0 && mappingAt(route, "destination")["subset"] === undefined)
      .flatMap((route) => world.serviceOf(String(mappingAt(route, "destination")["host"] ?? ""), object.namespace) ?? []);
    return new Set(services).size < 2 ? [] : [{ path: ["spec", kind, `[${i}]`, "route"], services: [...new Set(services)] }];
  }));
}
