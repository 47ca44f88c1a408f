import { destinationRuleChecks } from "./destination-rule/index.ts";
import type { ObjectCheck } from "./istio-object.ts";
import { checkOverlaps } from "./security/peer-authentication.ts";

const byKind: { readonly [kind: string]: readonly ObjectCheck[] } = { DestinationRule: destinationRuleChecks, PeerAuthentication: [checkOverlaps] };

/** The rules over DestinationRules and PeerAuthentications, ours or hand-written. */
export const checkOther: ObjectCheck = (object, world) => (Object.hasOwn(byKind, object.kind) ? byKind[object.kind]!.flatMap((check) => check(object, world)) : []);
