import { asText, groupOf, kindOf, mappingAt, nameOf, type Item, type KubeObject } from "../kube/object.ts";
import type { MeshConfig } from "./config.ts";
import { namespaceFor } from "./levels.ts";
import { findNamed } from "./lookup.ts";
import type { MeshService } from "./service.ts";
import type { Workload } from "./workload.ts";

/**
 * A Canary of Flagger. With Istio as its provider it makes a VirtualService and the Services and DestinationRules of its
 * three names; whatever its provider is, it runs the stable pods from a copy of the workload.
 * @see https://docs.flagger.app/tutorials/istio-progressive-delivery
 */
export interface FlaggerTarget {
  readonly item: Item;
  /** Whether it makes Istio objects; where it names no provider, Flagger's own default is taken to be Istio. */
  readonly isIstio: boolean;
  readonly namespace: string;
  /** The Service that callers use. */
  readonly apex: string;
  /** What Flagger copies and shifts traffic between; a Service has none. */
  readonly workload?: Workload;
}

/** The Canaries of the input, each with what it names. */
export function findFlaggerTargets(sources: readonly Item[], workloads: readonly Workload[], config: MeshConfig): readonly FlaggerTarget[] {
  return sources.filter(({ object }) => kindOf(object) === "Canary" && groupOf(object) === "flagger.app").map((item): FlaggerTarget => {
    const target = mappingAt(item.object, "spec", "targetRef");
    const namespace = namespaceFor(item.object, config);
    const alike = workloads.filter((each) => kindOf(each.item.object) === target["kind"] && (each.namespace || config.namespace) === namespace);
    const workload = findNamed(asText(target["name"]), alike, (each) => each.item);
    const name = workload?.name ?? asText(target["name"]) ?? "";
    return { item, isIstio: isIstio(item.object), namespace, apex: asText(mappingAt(item.object, "spec", "service")["name"]) ?? name, ...(workload && { workload }) };
  });
}

function isIstio(canary: KubeObject): boolean {
  return ["istio", undefined].includes(asText(mappingAt(canary, "spec")["provider"])?.toLowerCase());
}

/** The Canary by which Flagger makes the objects of a Service: one of its names, or one that copies the workload behind it. */
export function findCanary({ object, namespace, workloads }: MeshService, targets: readonly FlaggerTarget[]): FlaggerTarget | undefined {
  return targets.find((target) => target.namespace === namespace && isNamedBy(target, nameOf(object)))
    ?? targets.find(({ workload }) => workload !== undefined && workloads.some((each) => each.workload === workload));
}

/** Whether Flagger makes a Service of this name. */
export function isNamedBy({ apex }: FlaggerTarget, name: string): boolean {
  return [apex, `${apex}-primary`, `${apex}-canary`].includes(name);
}
