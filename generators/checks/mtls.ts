import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Settings } from "../annotations/setting.ts";
import { asText, describeObject, equal, kindOf, mappingAt, namespaceOf, refOf, selects, type Item, type KubeObject } from "../kube/object.ts";
import type { MeshContext } from "../mesh/context.ts";
import { portSettings, type MeshService } from "../mesh/service.ts";
import { containerPortsOf, type Workload } from "../mesh/workload.ts";
import type { Check } from "./check.ts";

/** TLS towards pods that would refuse it (rules M1 and M2). */
export const checkMtls: Check = ({ context, istio, made }) => {
  const policies = istio.filter((object) => kindOf(object) === "PeerAuthentication");
  const byNamespace = new Map<string, KubeObject[]>();
  for (const policy of policies) byNamespace.set(namespaceOf(policy), [...(byNamespace.get(namespaceOf(policy)) ?? []), policy]);
  const effective = (workload: Workload, namespace: string, port: number | string): Effective | undefined =>
    findEffective(workload, port, byNamespace.get(namespace) ?? [], byNamespace.get(context.config.rootNamespace) ?? []);
  const sources = new Map(made.map(({ object, beside }) => [object, beside]));
  return [...context.services.flatMap((service) => checkService(service, effective)), ...checkOverlaps(context, byNamespace, sources)];
};

/** Two PeerAuthentications that select the same pods and say different things: Istio takes the older one. */
function checkOverlaps({ workloads, config }: MeshContext, byNamespace: ReadonlyMap<string, readonly KubeObject[]>, made: ReadonlyMap<KubeObject, Item | undefined>): readonly Diagnostic[] {
  const found = new Map<string, Diagnostic>();
  for (const workload of workloads) {
    const selected = (byNamespace.get(workload.namespace || config.namespace) ?? []).filter((policy) => selects(mappingAt(policy, "spec", "selector", "matchLabels"), workload.podLabels));
    const [first, ...others] = selected;
    const ours = selected.find((policy) => made.has(policy));
    for (const other of others) {
      const says = ({ spec }: KubeObject): unknown => ({ ...(spec as object), selector: undefined });
      if (!ours || !first || equal(says(first), says(other))) continue;
      const place = { ref: refOf(made.get(ours)?.object ?? ours), path: ["metadata", "annotations", "istiomize.dev/mtls"] };
      found.set(`${describeObject(first)} ${describeObject(other)}`, diagnose("IZ353", place, { one: describePolicy(first, made), other: describePolicy(other, made) }));
    }
  }
  return [...found.values()];
}

function describePolicy(policy: KubeObject, made: ReadonlyMap<KubeObject, Item | undefined>): string {
  const beside = made.get(policy);
  const mode = asText(mappingAt(policy, "spec", "mtls")["mode"]) ?? "modes of ports";
  return beside ? `mtls of ${describeObject(beside.object)} (${mode})` : `${describeObject(policy)} (${mode}), written by hand`;
}

interface Effective {
  readonly mode: string;
  readonly policy: KubeObject;
}

type FindEffective = (workload: Workload, namespace: string, port: number | string) => Effective | undefined;

function checkService(service: MeshService, effective: FindEffective): readonly Diagnostic[] {
  const found = new Map<string, Diagnostic>();
  for (const port of service.ports) {
    for (const { settings, workloads } of splitBySubset(service, portSettings(service, port))) {
    const tls = settings.get("tls");
    if (!tls) continue;
    const modes = workloads.map((workload) => effective(workload, service.namespace, port.targetPort)).filter((each) => each !== undefined);
    const contradicting = modes.find(({ mode }) => (tls.value === "ISTIO_MUTUAL" ? mode === "DISABLE" : mode === "STRICT"));
    if (contradicting) {
      found.set("IZ350", diagnose("IZ350", tls.source.place, { mode: contradicting.mode, policy: describeObject(contradicting.policy), tls: tls.value }, { subject: service.ref }));
    } else if (tls.value === "ISTIO_MUTUAL") {
      found.set("IZ351", diagnose("IZ351", tls.source.place, {}, { subject: service.ref }));
    }
    }
  }
  return [...found.values()];
}

/** The settings towards each part of the pods: a subset's own, where workloads have some. */
function splitBySubset(service: MeshService, settings: Settings): readonly { readonly settings: Settings; readonly workloads: readonly Workload[] }[] {
  const narrow = service.subsets.length > 1 ? service.subsets.filter(({ layer }) => layer.size > 0) : [];
  return [
    { settings, workloads: service.workloads.map(({ workload }) => workload) },
    ...narrow.map((subset) => ({ settings: settings.with(subset.layer), workloads: subset.workloads })),
  ];
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
