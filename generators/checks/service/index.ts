import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import type { IstioWorld } from "../istio-object.ts";
import { checkInjection } from "./injection.ts";
import { checkProtocols, checkProxyPorts, checkSharedPorts } from "./ports.ts";
import { checkShape } from "./shape.ts";
import { usedServices, type ServiceCheck } from "./used-services.ts";

const serviceChecks: readonly ServiceCheck[] = [checkProtocols, checkProxyPorts, checkSharedPorts, checkShape];

/** What `lint` says of Services and pods that are in the mesh without an annotation of istiomize. */
export function checkServices(world: IstioWorld): readonly Diagnostic[] {
  return [...usedServices(world).flatMap((service) => serviceChecks.flatMap((check) => check(service, world))), ...checkInjection(world)];
}
