import type { Generator } from "../mesh/context.ts";
import { generateDestinationRules } from "./destination-rule.ts";
import { generateGateways } from "./gateway.ts";
import { generateNamespaceLabels } from "./namespace-labels.ts";
import { generatePeerAuthentications } from "./peer-authentication.ts";
import { generatePodTemplates } from "./pod-template.ts";
import { generateVirtualServices } from "./virtual-service.ts";

/** One generator for each kind, in the order they run. */
export const generators: readonly Generator[] = [
  generatePeerAuthentications, generateGateways, generateDestinationRules, generateVirtualServices, generateNamespaceLabels, generatePodTemplates,
];
