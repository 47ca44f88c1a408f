import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { checkHeadless } from "./destination-rule/headless.ts";
import { checkClientSelector, checkHost, checkKindOfService, checkOwner, checkTwice, checkWildcard } from "./destination-rule/hosts.ts";
import { checkPoolSize } from "./destination-rule/pool-size.ts";
import { checkSharedPods, checkUnrouted } from "./destination-rule/splits.ts";
import type { IstioWorld, ObjectCheck } from "./istio-object.ts";
import { securityChecks } from "./security/index.ts";
import { reviewServices } from "./service/index.ts";

/** The rules over objects that people wrote, by kind. */
export const handWrittenChecks: { readonly [kind: string]: readonly ObjectCheck[] } = {
  ...securityChecks,
  DestinationRule: [checkHost, checkKindOfService, checkTwice, checkOwner, checkWildcard, checkClientSelector, checkUnrouted, checkHeadless, checkPoolSize],
  VirtualService: [checkSharedPods],
};

/** What `lint` alone looks at: mistakes that only people can make, and what depends on kinds that nothing else reads. */
export function reviewHandWritten(world: IstioWorld): readonly Diagnostic[] {
  const found = world.objects.flatMap((object) => (Object.hasOwn(handWrittenChecks, object.kind) ? handWrittenChecks[object.kind]!.flatMap((check) => check(object, world)) : []));
  return [...found, ...reviewServices(world)];
}
