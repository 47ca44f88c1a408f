import type { ObjectCheck } from "../istio-object.ts";
import { checkHttpFields, checkPorts, checkPrincipals, checkRules, checkShutOut } from "./authorization-policy.ts";
import { checkPathPatterns } from "./path-patterns.ts";
import { checkDuplicates } from "./duplicates.ts";
import { checkPortModes } from "./port-modes.ts";
import { checkRequired } from "./request-authentication.ts";
import { checkAmbient, checkSelector } from "./selectors.ts";
import { checkEgress, checkHidden } from "./sidecars.ts";
import { checkStrict } from "./strict.ts";

/** The rules over one hand-written object of security.istio.io, and over what else selects pods, by kind. */
export const securityChecks: { readonly [kind: string]: readonly ObjectCheck[] } = {
  PeerAuthentication: [checkSelector, checkPortModes, checkStrict],
  AuthorizationPolicy: [checkSelector, checkRules, checkHttpFields, checkPorts, checkPrincipals, checkShutOut, checkPathPatterns],
  RequestAuthentication: [checkSelector, checkRequired],
  Sidecar: [checkSelector, checkAmbient, checkDuplicates, checkEgress, checkHidden], Telemetry: [checkSelector, checkDuplicates], EnvoyFilter: [checkSelector], WasmPlugin: [checkSelector],
};
