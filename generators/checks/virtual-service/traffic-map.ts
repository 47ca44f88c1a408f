import { compareText } from "../../kube/object.ts";
import type { IstioObject, IstioWorld } from "../istio-object.ts";
import { readRoutes, type Routes } from "./routes.ts";

/** All VirtualServices of the input, found by what they are for. */
export interface TrafficMap {
  readonly all: readonly Routes[];
  /** Those with rules for the mesh, by resolved host, in the order of the input. */
  readonly inMesh: ReadonlyMap<string, readonly Routes[]>;
  /** By resolved host of a destination that is no mirror. */
  readonly byDestination: ReadonlyMap<string, readonly Routes[]>;
  /** By `namespace/name`. */
  readonly byName: ReadonlyMap<string, Routes>;
  /** By gateway (`namespace/name`) and host, those that are bound there. */
  readonly atGateway: ReadonlyMap<string, readonly Routes[]>;
  readonly of: (object: IstioObject) => Routes;
}

const maps = new WeakMap<IstioWorld, TrafficMap>();

/** Read once for each world. */
export function trafficMapOf(world: IstioWorld): TrafficMap {
  const known = maps.get(world);
  if (known) return known;
  const all = world.ofKind("VirtualService").map(readRoutes);
  const inMesh = new Map<string, Routes[]>();
  const byDestination = new Map<string, Routes[]>();
  const atGateway = new Map<string, Routes[]>();
  for (const routes of all) {
    const { namespace } = routes.object;
    const hosts = new Set(routes.hosts.map(({ text }) => world.resolve(text, namespace)));
    if (routes.isMesh) for (const host of hosts) push(inMesh, host, routes);
    for (const gateway of routes.gateways) if (gateway !== "mesh") for (const { text } of routes.hosts) push(atGateway, `${fullGateway(gateway, namespace)} ${text}`, routes);
    const targets = new Set(routes.rules.flatMap(({ destinations }) => destinations.filter(({ isMirror }) => !isMirror).map(({ host }) => world.resolve(host, namespace))));
    for (const host of targets) push(byDestination, host, routes);
  }
  const byObject = new Map(all.map((routes) => [routes.object, routes]));
  const map: TrafficMap = {
    all, inMesh, byDestination, atGateway,
    byName: new Map(all.map((routes) => [`${routes.object.namespace}/${routes.object.ref.name}`, routes])),
    of: (object) => byObject.get(object) ?? readRoutes(object),
  };
  maps.set(world, map);
  return map;
}

/** `namespace/name` of a gateway that a VirtualService of this namespace names. */
export function fullGateway(gateway: string, namespace: string): string {
  return gateway.includes("/") ? gateway : `${namespace}/${gateway}`;
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** Where an object can be seen: `*`, or the namespaces; `.` is its own. */
export function exportedTo({ spec, namespace }: IstioObject): ReadonlySet<string> {
  const listed = Array.isArray(spec["exportTo"]) ? spec["exportTo"].filter((each) => typeof each === "string") : [];
  return new Set(listed.length === 0 ? ["*"] : listed.map((each) => (each === "." ? namespace : each)).filter((each) => each !== "~").sort(compareText));
}

/** Whether some namespace sees both. */
export function areSeenTogether(one: IstioObject, other: IstioObject): boolean {
  const [left, right] = [exportedTo(one), exportedTo(other)];
  if (left.size === 0 || right.size === 0) return false;
  return left.has("*") || right.has("*") || [...left].some((namespace) => right.has(namespace));
}
