import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { nameOf } from "../../kube/object.ts";
import { containerPortsOf } from "../../mesh/workload.ts";
import type { IstioObject, IstioWorld } from "../istio-object.ts";
import { podsOf, selectorOf } from "../pods.ts";
import { servicesOver } from "../ports-of-pods.ts";

/** A port of a Service where the port of its pods is meant. */
export function findServicePort(object: IstioObject, port: string, path: readonly string[], world: IstioWorld): readonly Diagnostic[] {
  const pods = podsOf(world).find(object.namespace, selectorOf(object.object));
  const services = servicesOver(pods, world);
  const targets = services.flatMap(({ ports }) => ports.map(({ targetPort }) => targetPort));
  const declared = pods.flatMap(containerPortsOf);
  if (declared.some(({ number }) => String(number) === port) || targets.some((target) => String(target) === port)) return [];
  const meant = services.flatMap((service) => service.ports.filter(({ number }) => String(number) === port).map((each) => ({ service, target: each.targetPort })))[0];
  if (!meant) return [];
  const numbers = typeof meant.target === "number" ? [String(meant.target)] : declared.filter(({ name }) => name === meant.target).map(({ number }) => String(number));
  return [diagnose("IZ352", object.placeOf(...path), {
    port, known: [...new Set(declared.length > 0 ? declared.map(({ name, number }) => (name ? `${number} (${name})` : String(number))) : numbers)],
    service: nameOf(meant.service.object), ...(numbers[0] && { target: numbers[0] }),
  })];
}
