import { asText, groupOf, kindOf, mappingAt, nameOf, namespaceOf, type Item, type KubeObject } from "../kube/object.ts";
import type { KnownService } from "./settings.ts";
import type { Workload } from "./workload.ts";

/**
 * A Canary of Flagger that makes Istio objects: a VirtualService and the Services and DestinationRules of its three
 * names.
 * @see https://docs.flagger.app/tutorials/istio-progressive-delivery
 */
export interface FlaggerTarget {
  readonly item: Item;
  readonly namespace: string;
  /** The Service that callers use. */
  readonly apex: string;
  /** What Flagger copies and shifts traffic between; a Service has none. */
  readonly workload?: Workload;
}

/** The Canaries that make Istio objects; where none names its provider, Flagger's own default is taken to be Istio. */
export function findFlaggerTargets(sources: readonly Item[], workloads: readonly Workload[]): readonly FlaggerTarget[] {
  return sources.filter(({ object }) => kindOf(object) === "Canary" && groupOf(object) === "flagger.app" && isIstio(object)).map((item): FlaggerTarget => {
    const target = mappingAt(item.object, "spec", "targetRef");
    const [kind, name, namespace] = [asText(target["kind"]) ?? "", asText(target["name"]) ?? "", namespaceOf(item.object)];
    const workload = workloads.find((each) => kindOf(each.item.object) === kind && each.name === name && each.namespace === namespace);
    return { item, namespace, apex: asText(mappingAt(item.object, "spec", "service")["name"]) ?? name, ...(workload && { workload }) };
  });
}

function isIstio(canary: KubeObject): boolean {
  return ["istio", undefined].includes(asText(mappingAt(canary, "spec")["provider"])?.toLowerCase());
}

/** Whether Flagger writes the objects of this Service: by its name, or because it copies the workload behind it. */
export function isFlaggers({ object, workloads }: Pick<KnownService, "object" | "workloads">, targets: readonly FlaggerTarget[]): boolean {
  return targets.some(({ apex, namespace, workload }) =>
    (namespace === namespaceOf(object) && [apex, `${apex}-primary`, `${apex}-canary`].includes(nameOf(object)))
    || (workload !== undefined && workloads.some((each) => each.workload === workload)));
}
