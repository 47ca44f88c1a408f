import { diagnose } from "../../diagnostics/diagnostic.ts";
import { asText, compareText, describe, equal, mappingAt, selects, type KubeObject, type Mapping } from "../../kube/object.ts";
import { containerPortsOf, type Workload } from "../../mesh/workload.ts";
import type { IstioObject, IstioWorld, ObjectCheck } from "../istio-object.ts";
import { podsOf, selectorOf } from "../pods.ts";
import { selecting, withoutSelector } from "../policies-over.ts";

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

/** Two policies for the same pods that say different things: Istio takes the oldest, which Git does not tell (rule M4). */
export const checkOverlaps: ObjectCheck = (object, world) => {
  const labels = selectorOf(object.object);
  const isWide = Object.keys(labels).length === 0;
  const alike = isWide ? withoutSelector(object.kind, object.namespace, world) : selecting(object.kind, podsOf(world).find(object.namespace, labels), world);
  const differing = alike.filter((each) => each !== object && !equal(says(each), says(object)));
  if (!object.isOurs) {
    const other = differing.find((each) => !each.isOurs && compareText(each.ref.name, object.ref.name) < 0);
    return other ? [diagnose("IZ353", object.placeOf("spec"), { one: `${describe(other.ref)} (${modeIn(other)})`, other: `${describe(object.ref)} (${modeIn(object)})` })] : [];
  }
  const place = { ref: object.subject ?? object.ref, path: ["metadata", "annotations", "istiomize.dev/mtls"] };
  return isWide ? [] : differing.flatMap((other) => {
    if (!other.isOurs) return [diagnose("IZ353", place, { one: describePolicy(other), other: describePolicy(object) })];
    return compareText(object.ref.name, other.ref.name) < 0 ? [diagnose("IZ353", place, { one: describePolicy(object), other: describePolicy(other) })] : [];
  });
};

function says({ spec }: IstioObject): Mapping {
  return { ...spec, selector: undefined };
}

function modeIn({ spec }: IstioObject): string {
  return asText(mappingAt(spec, "mtls")["mode"]) ?? "modes of ports";
}

function describePolicy(policy: IstioObject): string {
  const { ref, isOurs, subject } = policy;
  return isOurs ? `mtls of ${describe(subject ?? ref)} (${modeIn(policy)})` : `${describe(ref)} (${modeIn(policy)}), written by hand`;
}
