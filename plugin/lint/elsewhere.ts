import { groupOf, kindOf, nameOf, namespaceOf, type Item } from "../../generators/kube/object.ts";
import type { Absent } from "../../generators/diagnostics/diagnostic.ts";
import type { Finding } from "./finding.ts";

/** The Services and Gateways of objects that are applied together: `Service web shop`, without a namespace where that is not known. */
export type Held = ReadonlySet<string>;

/** What others may name of these objects. */
export function holdingOf(items: readonly Item[], namespace = ""): Held {
  const named = items.filter(({ object }) => (kindOf(object) === "Service" && groupOf(object) === "") || (kindOf(object) === "Gateway" && groupOf(object) === "networking.istio.io"));
  return new Set(named.map(({ object }) => keyOf(kindOf(object), nameOf(object), namespaceOf(object) || namespace)));
}

/**
 * Without what misses an object that another part of the same tree holds: the parts of one cluster are often built by
 * several kustomizations. Environments are told apart by the Services that they share; what one of them lacks, another
 * one cannot give. A Gateway stands in for all of them: it is often in one place, for every variant of the rest.
 */
export function leaveOutHeld(findings: readonly Finding[], held: readonly Held[]): readonly Finding[] {
  if (held.length < 2 || !findings.some(({ absent }) => absent)) return findings;
  const holders = new Map<string, Held[]>();
  for (const each of held) {
    for (const key of each) {
      for (const name of new Set([key, key.slice(0, key.lastIndexOf(" "))])) {
        const list = holders.get(name);
        if (list) list.push(each);
        else holders.set(name, [each]);
      }
    }
  }
  const isHeld = ({ kind, namespace, name }: Absent, among: Held): boolean => {
    const keys = namespace === "" ? [`${kind} ${name}`] : [keyOf(kind, name, namespace), keyOf(kind, name, "")];
    return keys.flatMap((key) => holders.get(key) ?? []).some((other) => other !== among && (kind === "Gateway" || !shareServices(among, other)));
  };
  return findings.filter(({ absent, among }) => !absent || !among || !isHeld(absent, among));
}

function keyOf(kind: string, name: string, namespace: string): string {
  return `${kind} ${name} ${namespace}`;
}

function shareServices(one: Held, other: Held): boolean {
  const [few, many] = one.size < other.size ? [one, other] : [other, one];
  return [...few].some((key) => key.startsWith("Service ") && many.has(key));
}
