import { diagnose } from "../../diagnostics/diagnostic.ts";
import { asText, compareText, describe, equal, mappingAt, type Mapping } from "../../kube/object.ts";
import type { IstioObject, ObjectCheck } from "../istio-object.ts";
import { podsOf, selectorOf } from "../pods.ts";
import { selecting, withoutSelector } from "../policies-over.ts";

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
