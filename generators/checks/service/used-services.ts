import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import type { KnownService } from "../../mesh/settings.ts";
import type { IstioWorld } from "../istio-object.ts";
import { isInjected } from "../pods.ts";
import { podsBehind } from "../destination-rule/policies.ts";
import { trafficMapOf } from "../virtual-service/traffic-map.ts";

/** One rule over the Services and pods that hand-written Istio objects are for; what annotations mesh is checked with them. */
export type ServiceCheck = (service: UsedService, world: IstioWorld) => readonly Diagnostic[];

export interface UsedService extends KnownService {
  /** Whether a hand-written VirtualService or DestinationRule names it. */
  readonly isNamed: boolean;
  /** Whether pods behind it have a sidecar. */
  readonly isInjected: boolean;
}

/** The Services of the input that no annotation meshes, with what hand-written objects and labels make of them. */
export function usedServices(world: IstioWorld): readonly UsedService[] {
  const named = new Set<KnownService>();
  const name = (host: string, namespace: string): void => {
    const service = world.serviceOf(host, namespace);
    if (service) named.add(service);
  };
  for (const { namespace, spec, isOurs } of world.ofKind("DestinationRule")) if (!isOurs && typeof spec["host"] === "string") name(spec["host"], namespace);
  for (const { object, hosts, rules } of trafficMapOf(world).all) {
    if (object.isOurs) continue;
    for (const { text } of hosts) name(text, object.namespace);
    for (const { destinations } of rules) for (const { host } of destinations) name(host, object.namespace);
  }
  const meshed = new Set([...world.context.services, ...world.context.leftOut].map(({ object }) => object));
  return world.context.known.filter(({ object }) => !meshed.has(object))
    .map((service) => ({ ...service, isNamed: named.has(service), isInjected: podsBehind(service, world).some((pods) => isInjected(pods, world.context)) }))
    .filter((service) => service.isNamed || service.isInjected);
}
