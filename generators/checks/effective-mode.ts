import { asText, mappingAt, selects, type KubeObject } from "../kube/object.ts";
import { containerPortsOf, type Workload } from "../mesh/workload.ts";
import type { IstioWorld } from "./istio-object.ts";
import { selecting, withoutSelector } from "./policies-over.ts";

/** The mTLS mode that a port of pods has by the PeerAuthentications of the input. */
export function modeFor(workload: Workload, port: number | string, world: IstioWorld): Effective | undefined {
  const kind = "PeerAuthentication";
  const own = [...selecting(kind, [workload], world), ...withoutSelector(kind, workload.namespace, world)];
  return findEffective(workload, port, own.map(({ object }) => object), withoutSelector(kind, world.config.rootNamespace, world).map(({ object }) => object));
}

/** The mode that holds for a port of pods, and the policy that says it. */
export interface Effective {
  readonly mode: string;
  readonly policy: KubeObject;
}

/** Port over workload over namespace over mesh; `UNSET` inherits. */
function findEffective(workload: Workload, port: number | string, own: readonly KubeObject[], root: readonly KubeObject[]): Effective | undefined {
  const selector = (policy: KubeObject): { readonly [key: string]: unknown } => mappingAt(policy, "spec", "selector", "matchLabels");
  const selected = own.filter((policy) => selects(selector(policy), workload.podLabels));
  const numbers = containerPortsOf(workload).filter((each) => each.name === port).map(({ number }) => String(number)).concat(typeof port === "number" ? [String(port)] : []);
  for (const policy of selected) {
    for (const number of numbers) {
      const mode = modeOf(mappingAt(policy, "spec", "portLevelMtls", number)["mode"]);
      if (mode !== undefined) return { mode, policy };
    }
  }
  const wide = (policy: KubeObject): boolean => Object.keys(selector(policy)).length === 0;
  for (const policy of [...selected, ...own.filter(wide), ...root.filter(wide)]) {
    const mode = modeOf(mappingAt(policy, "spec", "mtls")["mode"]);
    if (mode !== undefined) return { mode, policy };
  }
  return undefined;
}

function modeOf(value: unknown): string | undefined {
  const mode = asText(value);
  return mode === "UNSET" ? undefined : mode;
}
