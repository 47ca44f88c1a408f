import { groupOf, kindOf, type Item, type KubeObject } from "../kube/object.ts";
import type { MeshConfig } from "./config.ts";
import { findRollouts, governServices, type Governance, type Governed, type Rollout } from "./rollouts.ts";
import type { KnownService } from "./settings.ts";

/** The Rollouts of the input and what they make of the Services; most inputs have none. */
export function readRollouts(sources: readonly Item[], known: readonly KnownService[], config: MeshConfig): { readonly rollouts: readonly Rollout[]; readonly governance: Governance } {
  const isThere = sources.some(({ object }) => kindOf(object) === "Rollout" && groupOf(object) === "argoproj.io");
  const rollouts = isThere ? findRollouts(sources, known, config) : [];
  return { rollouts, governance: rollouts.length > 0 ? governServices(rollouts, known, sources, config) : { governed: new Map(), candidates: new Map(), refused: new Set(), diagnostics: [] } };
}

/** Whether traffic for this Service goes to two others: it is an address and nothing more. */
export function isAddressOnly(governed: Governed | undefined, object: KubeObject): boolean {
  return governed?.role === "apex" && governed.rollout.rule === undefined && governed.stable?.object !== object;
}
