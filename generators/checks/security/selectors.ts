import { suggest } from "../../diagnostics/suggest.ts";
import { diagnose } from "../../diagnostics/diagnostic.ts";
import { stringsAt } from "../../kube/object.ts";
import type { ObjectCheck } from "../istio-object.ts";
import { podsOf } from "../pods.ts";
import { isAttached } from "../policies-over.ts";

const gatewayLabels = ["gateway.networking.k8s.io/gateway-name", "istio.io/gateway-name"];

/** A Sidecar in a namespace of ambient mode, where no sidecar reads it (rule X5; IST0167). */
export const checkAmbient: ObjectCheck = (object, { context }) => {
  const namespace = context.namespaces.get(object.namespace);
  const labels = namespace ? stringsAt(namespace.object, "metadata", "labels") : {};
  if (object.isOurs || labels["istio.io/dataplane-mode"] !== "ambient" || labels["istio-injection"] === "enabled" || labels["istio.io/rev"] !== undefined) return [];
  return [diagnose("IZ218", object.placeOf("metadata", "name"), {
    key: `Sidecar ${object.ref.name} in namespace ${object.namespace}`, why: "pods with a sidecar: the namespace is in ambient mode (IST0167)", help: "remove it, or use sidecars there",
  })];
};

/** Selectors that find no pods, where the input holds pods of the namespace (IST0127), or those of a gateway that takes no selectors (rule M11). */
export const checkSelector: ObjectCheck = (object, world) => {
  if (object.isOurs) return [];
  const path = object.kind === "Sidecar" || object.kind === "EnvoyFilter" ? ["spec", "workloadSelector", "labels"] : ["spec", "selector", "matchLabels"];
  const labels = stringsAt(object.object, ...path);
  const keys = Object.keys(labels);
  if (keys.length === 0) return [];
  const gateway = keys.find((key) => gatewayLabels.includes(key));
  if (gateway && object.kind !== "Sidecar" && object.kind !== "EnvoyFilter" && !isAttached(object)) {
    return [diagnose("IZ218", object.placeOf(...path, gateway), {
      key: `selector ${gateway}: ${labels[gateway]}`, why: "targetRefs: Istio does not apply selectors to gateways of the Gateway API (IST0166)",
      help: `write targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: ${labels[gateway]}}] in its place`,
    })];
  }
  const pods = podsOf(world);
  const isEverywhere = object.namespace === world.config.rootNamespace;
  if (isEverywhere || !pods.isKnown(object.namespace) || pods.find(object.namespace, labels).length > 0) return [];
  const values = [...new Set(pods.find(object.namespace, {}).flatMap(({ podLabels }) => keys.flatMap((key) => podLabels[key] ?? [])))];
  const near = keys.length === 1 ? suggest(labels[keys[0]!]!, values) : undefined;
  return [diagnose("IZ395", object.placeOf(...path), {
    what: `${object.kind} for pods with ${keys.map((key) => `${key}=${labels[key]}`).join(",")}`,
    expected: `labels that a pod template of namespace ${object.namespace} carries`,
    ...(near && { suggestion: near }),
  })];
};
