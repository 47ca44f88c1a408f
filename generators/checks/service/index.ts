import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import type { IstioWorld } from "../istio-object.ts";
import { checkInjection } from "./injection.ts";
import { checkProtocols, checkProxyPorts, checkSharedPorts } from "./ports.ts";
import { checkShape } from "./shape.ts";
import { usedServices, type ServiceCheck } from "./used-services.ts";

/** The rules over one Service that hand-written objects or labels bring into the mesh. */
export const serviceChecks: readonly ServiceCheck[] = [checkProtocols, checkProxyPorts, checkSharedPorts, checkShape];

/** The rules over all pods of the input. */
export const podChecks: readonly ((world: IstioWorld) => readonly Diagnostic[])[] = [checkInjection];

/** What `lint` says of Services and pods that are in the mesh without an annotation of istiomize. */
export function reviewServices(world: IstioWorld): readonly Diagnostic[] {
  return [...usedServices(world).flatMap((service) => serviceChecks.flatMap((check) => check(service, world))), ...podChecks.flatMap((check) => check(world))];
}
