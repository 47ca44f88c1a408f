import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { asText, describeObject, kindOf, mappingAt, namespaceOf, selects, type KubeObject } from "../kube/object.ts";
import { portSettings, type MeshService } from "../mesh/service.ts";
import { containerPortsOf, type Workload } from "../mesh/workload.ts";
import type { Check } from "./check.ts";

/** TLS towards pods that would refuse it (rules M1 and M2). */
export const checkMtls: Check = ({ context, istio }) => {
  const policies = istio.filter((object) => kindOf(object) === "PeerAuthentication");
  const byNamespace = new Map<string, KubeObject[]>();
  for (const policy of policies) byNamespace.set(namespaceOf(policy), [...(byNamespace.get(namespaceOf(policy)) ?? []), policy]);
  const effective = (workload: Workload, namespace: string, port: number | string): Effective | undefined =>
    findEffective(workload, port, byNamespace.get(namespace) ?? [], byNamespace.get(context.config.rootNamespace) ?? []);
  return context.services.flatMap((service) => checkService(service, effective));
};

interface Effective {
  readonly mode: string;
  readonly policy: KubeObject;
}

type FindEffective = (workload: Workload, namespace: string, port: number | string) => Effective | undefined;

function checkService(service: MeshService, effective: FindEffective): readonly Diagnostic[] {
  const found = new Map<string, Diagnostic>();
  for (const port of service.ports) {
    const tls = portSettings(service, port).get("tls");
    if (!tls) continue;
    const modes = service.workloads.map(({ workload }) => effective(workload, service.namespace, port.targetPort)).filter((each) => each !== undefined);
    const contradicting = modes.find(({ mode }) => (tls.value === "ISTIO_MUTUAL" ? mode === "DISABLE" : mode === "STRICT"));
    if (contradicting) {
      found.set("IZ350", diagnose("IZ350", tls.source.place, { mode: contradicting.mode, policy: describeObject(contradicting.policy), tls: tls.value }, { subject: service.ref }));
    } else if (tls.value === "ISTIO_MUTUAL") {
      found.set("IZ351", diagnose("IZ351", tls.source.place, {}, { subject: service.ref }));
    }
  }
  return [...found.values()];
}

/** Port over workload over namespace over mesh; `UNSET` inherits. */
function findEffective(workload: Workload, port: number | string, own: readonly KubeObject[], root: readonly KubeObject[]): Effective | undefined {
  const selector = (policy: KubeObject): { readonly [key: string]: unknown } => mappingAt(policy, "spec", "selector", "matchLabels");
  const selected = own.filter((policy) => selects(selector(policy), workload.podLabels));
  const numbers = containerPortsOf(workload).filter((each) => each.name === port || each.number === port).map(({ number }) => String(number));
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
