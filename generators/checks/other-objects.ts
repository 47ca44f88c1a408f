import { destinationRuleChecks } from "./destination-rule/index.ts";
import type { ObjectCheck } from "./istio-object.ts";
import { checkOverlaps } from "./security/peer-authentication.ts";

/** The rules over objects of one kind, ours or hand-written. */
export const checksByKind: { readonly [kind: string]: readonly ObjectCheck[] } = { DestinationRule: destinationRuleChecks, PeerAuthentication: [checkOverlaps] };

/** All of them as one. */
export const reviewByKind: ObjectCheck = (object, world) => (Object.hasOwn(checksByKind, object.kind) ? checksByKind[object.kind]!.flatMap((check) => check(object, world)) : []);
