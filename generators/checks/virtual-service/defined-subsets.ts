import { asMapping, asText } from "../../kube/object.ts";
import { entriesOf, type IstioObject, type IstioWorld } from "../istio-object.ts";

/** Names of the subsets that DestinationRules of the input define for a host, wherever those stand. */
export function subsetsOf(host: string, namespace: string, world: IstioWorld): ReadonlyMap<string, { readonly [label: string]: unknown }> {
  return new Map(rulesOf(host, namespace, world).flatMap((rule) => entriesOf(rule.spec["subsets"]).map(([subset]) => [asText(subset["name"]) ?? "", asMapping(subset["labels"]) ?? {}] as const)));
}

/** The DestinationRules for a host, those with a wildcard that fits it too. */
export function rulesOf(host: string, namespace: string, world: IstioWorld): readonly IstioObject[] {
  const resolved = world.resolve(host, namespace);
  const wild = [...resolved.matchAll(/\./g)].flatMap(({ index }) => world.rulesFor(`*${resolved.slice(index)}`, namespace));
  return [...world.rulesFor(host, namespace), ...wild, ...world.rulesFor("*", namespace)];
}
