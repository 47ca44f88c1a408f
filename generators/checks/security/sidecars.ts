import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import { asList, describe, nameOf } from "../../kube/object.ts";
import { fullHost } from "../../kube/host.ts";
import type { KnownService } from "../../mesh/settings.ts";
import { namespaceFor } from "../../mesh/levels.ts";
import { calledBy } from "../callers.ts";
import { entriesOf, type IstioObject, type ObjectCheck } from "../istio-object.ts";
import { podsOf } from "../pods.ts";
import { labelsOf, selecting } from "../policies-over.ts";
import { trafficMapOf } from "../virtual-service/traffic-map.ts";

interface EgressHost {
  readonly written: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: readonly string[];
}

function egressOf(object: IstioObject): readonly EgressHost[] {
  return entriesOf(object.spec["egress"]).flatMap(([entry, step]) => asList(entry["hosts"]).flatMap((host, i): EgressHost[] => {
    const slash = typeof host === "string" ? host.indexOf("/") : -1;
    if (typeof host !== "string" || slash < 0) return [];
    const namespace = host.slice(0, slash);
    return [{ written: host, namespace: namespace === "." ? object.namespace : namespace, name: host.slice(slash + 1), path: ["spec", "egress", step, "hosts", `[${i}]`] }];
  }));
}

/** Hosts of a Sidecar that nobody has; Istio completes no names there. Only where the namespace is in the input can that be said. */
export const checkEgress: ObjectCheck = (object, world) => egressOf(object).flatMap(({ written, namespace, name, path }) => {
  if (object.isOurs || name.includes("*") || namespace === "~" || world.serviceOf(name, "") || world.entryOf(name)) return [];
  const [first, second, ...rest] = name.split(".");
  if (rest.length > 0 && !world.isClusterHost(name)) return [];
  const near = world.hosts().filter((host) => host.split(".")[1] === (second ?? (namespace === "*" ? object.namespace : namespace)));
  if (near.length === 0) return [];
  const meant = suggest(first!, near.map((host) => host.split(".")[0]!));
  const host = near.find((each) => each.startsWith(`${meant}.`));
  return [diagnose("IZ374", object.placeOf(...path), { host: written, isCluster: true, ...(host && { suggestion: `${written.split("/")[0]}/${host}` }) })];
});

/** Rules of hosts that a Sidecar hides from callers who are known to call (rule H8). */
export const checkHidden: ObjectCheck = (object, world) => {
  const egress = egressOf(object);
  if (object.isOurs || egress.length === 0 || entriesOf(object.spec["egress"]).some(([entry]) => entry["port"] !== undefined)) return [];
  const labels = labelsOf(object);
  const isWide = Object.keys(labels).length === 0;
  const pods = podsOf(world).find(object.namespace, labels).filter((each) => !isWide || selecting("Sidecar", [each], world).length === 0);
  const called = new Map<KnownService, string[]>();
  for (const workload of pods) for (const service of calledBy(workload, world)) called.set(service, [...(called.get(service) ?? []), workload.name]);
  return [...called].flatMap(([service, callers]): readonly Diagnostic[] => {
    const namespace = namespaceFor(service.object, world.config);
    const host = fullHost(nameOf(service.object), { namespace, clusterDomain: world.config.clusterDomain });
    const rules = [...world.rulesFor(host, namespace), ...(trafficMapOf(world).inMesh.get(host) ?? []).map((routes) => routes.object)];
    if (rules.length === 0 || egress.some((each) => admits(each, host, namespace))) return [];
    return [diagnose("IZ218", object.placeOf("spec", "egress"), {
      key: `${rules.map(({ ref }) => describe(ref)).join(" and ")}, for ${callers.join(", ")}, who may call ${nameOf(service.object)}`,
      why: `${host} among the egress hosts: what they do not list has neither routes nor policies for these callers`,
      help: `add "${namespace === object.namespace ? "." : namespace}/${host}"`,
    })];
  });
};

function admits({ namespace, name }: EgressHost, host: string, of: string): boolean {
  return (namespace === "*" || namespace === of) && (name === "*" || name === host || (name.startsWith("*.") && host.endsWith(name.slice(1))));
}
