import type { KnownService } from "../mesh/settings.ts";
import type { ServicePort } from "../kube/protocol.ts";
import { mappingAt } from "../kube/object.ts";
import { namespaceFor } from "../mesh/levels.ts";
import { containerPortsOf, type Workload } from "../mesh/workload.ts";
import type { IstioWorld } from "./istio-object.ts";
import { podsOf } from "./pods.ts";

const indexes = new WeakMap<IstioWorld, ReadonlyMap<Workload, readonly KnownService[]>>();

/** The Services of the input behind which any of these pods stand. */
export function servicesOver(pods: readonly Workload[], world: IstioWorld): readonly KnownService[] {
  let index = indexes.get(world);
  if (!index) {
    const gathered = new Map<Workload, KnownService[]>();
    for (const service of world.context.known) {
      const selector = mappingAt(service.object, "spec", "selector");
      if (Object.keys(selector).length === 0) continue;
      for (const workload of podsOf(world).find(namespaceFor(service.object, world.config), selector)) {
        const bucket = gathered.get(workload);
        if (bucket) bucket.push(service);
        else gathered.set(workload, [service]);
      }
    }
    indexes.set(world, gathered);
    index = gathered;
  }
  return [...new Set(pods.flatMap((workload) => index.get(workload) ?? []))];
}

/** A port of pods as the Services over them declare it. */
export interface DeclaredPort {
  readonly number: number;
  readonly declared: ServicePort;
}

/** The ports of pods that Services lead to, by the number that the container has. */
export function declaredPorts(pods: readonly Workload[], world: IstioWorld): readonly DeclaredPort[] {
  return servicesOver(pods, world).flatMap(({ ports }) => ports.flatMap((declared) => {
    const { targetPort } = declared;
    const numbers = typeof targetPort === "number" ? [targetPort] : pods.flatMap(containerPortsOf).filter(({ name }) => name === targetPort).map(({ number }) => number);
    return [...new Set(numbers)].map((number) => ({ number, declared }));
  }));
}
