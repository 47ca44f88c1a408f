import { compareText } from "../../kube/object.ts";
import type { IstioObject, IstioWorld } from "../istio-object.ts";
import { ReadRoutes, type Routes } from "./routes.ts";

/** All VirtualServices of the input, found by what they are for; each index is made when somebody asks for it. */
export class TrafficMap {
  readonly #world: IstioWorld;
  readonly #read = new Map<IstioObject, Routes>();
  #inMesh: ReadonlyMap<string, readonly Routes[]> | undefined;
  #byDestination: ReadonlyMap<string, readonly Routes[]> | undefined;
  #byName: ReadonlyMap<string, Routes> | undefined;
  #atGateway: ReadonlyMap<string, readonly Routes[]> | undefined;

  constructor(world: IstioWorld) {
    this.#world = world;
  }

  of(object: IstioObject): Routes {
    const known = this.#read.get(object);
    if (known) return known;
    const found = new ReadRoutes(object);
    this.#read.set(object, found);
    return found;
  }

  get all(): readonly Routes[] {
    return this.#world.ofKind("VirtualService").map((object) => this.of(object));
  }

  /** Those with rules for the mesh, by resolved host, in the order of the input. */
  get inMesh(): ReadonlyMap<string, readonly Routes[]> {
    return this.#inMesh ??= this.#index((routes) => (routes.isMesh ? this.#resolved(routes, routes.hosts.map(({ text }) => text)) : []));
  }

  /** By resolved host of a destination that is no mirror. */
  get byDestination(): ReadonlyMap<string, readonly Routes[]> {
    return this.#byDestination ??= this.#index((routes) => this.#resolved(routes, routes.rules.flatMap(({ destinations }) => destinations.flatMap(({ host, isMirror }) => (isMirror ? [] : host)))));
  }

  /** By `namespace/name`. */
  get byName(): ReadonlyMap<string, Routes> {
    return this.#byName ??= new Map(this.all.map((routes) => [`${routes.object.namespace}/${routes.object.ref.name}`, routes]));
  }

  /** By gateway (`namespace/name`) and host, those that are bound there. */
  get atGateway(): ReadonlyMap<string, readonly Routes[]> {
    return this.#atGateway ??= this.#index((routes) => routes.gateways.filter((name) => name !== "mesh")
      .flatMap((name) => routes.hosts.map(({ text }) => `${fullGateway(name, routes.object.namespace)} ${text}`)));
  }

  #resolved({ object }: Routes, hosts: readonly string[]): readonly string[] {
    return hosts.map((host) => this.#world.resolve(host, object.namespace));
  }

  #index(keysOf: (routes: Routes) => readonly string[]): ReadonlyMap<string, readonly Routes[]> {
    const index = new Map<string, Routes[]>();
    for (const routes of this.all) {
      for (const key of new Set(keysOf(routes))) {
        const list = index.get(key);
        if (list) list.push(routes);
        else index.set(key, [routes]);
      }
    }
    return index;
  }
}

const maps = new WeakMap<IstioWorld, TrafficMap>();

/** One for each world. */
export function trafficMapOf(world: IstioWorld): TrafficMap {
  const map = maps.get(world) ?? new TrafficMap(world);
  maps.set(world, map);
  return map;
}

/** `namespace/name` of a gateway that a VirtualService of this namespace names. */
export function fullGateway(gateway: string, namespace: string): string {
  return gateway.includes("/") ? gateway : `${namespace}/${gateway}`;
}

/** Where an object can be seen: `*`, or the namespaces; `.` is its own. */
export function exportedTo({ spec, namespace }: IstioObject): ReadonlySet<string> {
  const listed = Array.isArray(spec["exportTo"]) ? spec["exportTo"].filter((each) => typeof each === "string") : [];
  return new Set(listed.length === 0 ? ["*"] : listed.map((each) => (each === "." ? namespace : each)).filter((each) => each !== "~").sort(compareText));
}
