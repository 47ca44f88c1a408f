import type { IstioObject, IstioWorld } from "../istio-object.ts";
import type { Destination, RuleKind } from "../virtual-service/routes.ts";
import { trafficMapOf } from "../virtual-service/traffic-map.ts";

/** A place in a VirtualService that sends requests to a host. */
export interface Route extends Destination {
  readonly from: IstioObject;
  readonly kind: RuleKind;
}

const byWorld = new WeakMap<IstioWorld, ReadonlyMap<string, readonly Route[]>>();

/** Where the VirtualServices of the input send requests for a host (as Istio resolves it). */
export function routesTo(host: string, world: IstioWorld): readonly Route[] {
  let found = byWorld.get(world);
  if (!found) {
    found = gatherRoutes(world);
    byWorld.set(world, found);
  }
  return found.get(host) ?? [];
}

function gatherRoutes(world: IstioWorld): ReadonlyMap<string, readonly Route[]> {
  const found = new Map<string, Route[]>();
  for (const { object: from, rules } of trafficMapOf(world).all) {
    for (const { kind, destinations } of rules) {
      for (const destination of destinations) {
        const host = world.resolve(destination.host, from.namespace);
        const bucket = found.get(host);
        const route = { ...destination, from, kind };
        if (bucket) bucket.push(route);
        else found.set(host, [route]);
      }
    }
  }
  return found;
}
