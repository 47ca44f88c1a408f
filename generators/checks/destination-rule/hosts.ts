import { diagnose } from "../../diagnostics/diagnostic.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import { asList, asText, compareText, describe, equal, mappingAt, nameOf } from "../../kube/object.ts";
import { namespaceFor } from "../../mesh/levels.ts";
import type { IstioObject, IstioWorld, ObjectCheck } from "../istio-object.ts";
import { absentService, isMissing } from "../virtual-service/host-names.ts";
import { trafficMapOf } from "../virtual-service/traffic-map.ts";
import { hostOf, isMadeByCanary, serviceOf, subsetsIn } from "./policies.ts";
import { routesTo } from "./routes.ts";

/** A rule for a host that nobody has (rules H1 and H2; IST0174). Only where the namespace of the host is in the input can that be said. */
export const checkHost: ObjectCheck = (object, world) => {
  const host = hostOf(object);
  if (object.isOurs || host === "" || host.includes("*") || serviceOf(object, world)) return [];
  const resolved = world.resolve(host, object.namespace);
  if (world.entryOf(resolved) || world.entryOf(host)) return [];
  const place = object.placeOf("spec", "host");
  const written = findHalfQualified(host, object, world);
  if (written) return [diagnose("IZ373", place, { host, meant: written, isDestination: false })];
  const parts = resolved.split(".");
  if (!world.isClusterHost(resolved) || parts.length !== 3 + world.config.clusterDomain.split(".").length) return [];
  const near = world.hosts().filter((each) => each.split(".")[1] === parts[1]);
  if (near.length === 0 || !isMissing(resolved, world) || isMadeByCanary(parts[0]!, parts[1]!, world)) return [];
  const name = suggest(parts[0]!, near.map((each) => each.split(".")[0]!));
  return [diagnose("IZ374", place, { host, isCluster: true, ...(name && { suggestion: host.includes(".") ? `${name}.${parts.slice(1).join(".")}` : name }) }, { absent: absentService(resolved) })];
};

/** `web.shop` or `web.shop.svc`, where there is such a Service; Istio adds nothing to a name with a dot. */
function findHalfQualified(host: string, { namespace }: IstioObject, world: IstioWorld): string | undefined {
  const [name, where, svc, ...rest] = host.split(".");
  if (where === undefined || rest.length > 0 || (svc !== undefined && svc !== "svc")) return undefined;
  const full = `${name}.${where}.svc.${world.config.clusterDomain}`;
  return world.serviceOf(full, namespace) ? full : undefined;
}

/** Services for which Istio makes no use of a rule at all (rules P5 and P6). */
export const checkKindOfService: ObjectCheck = (object, world) => {
  const service = serviceOf(object, world);
  if (object.isOurs || !service) return [];
  const place = object.placeOf("spec", "host");
  if (service.shape === "external-name") return [diagnose("IZ332", place, { target: `an alias of ${asText(mappingAt(service.object, "spec")["externalName"]) ?? "nothing"}`, isRule: true })];
  return service.shape === "udp" ? [diagnose("IZ339", place, { isRule: true })] : [];
};

/** Two rules for one host beside each other: subsets add up, but one traffic policy is dropped (rule H5). */
export const checkTwice: ObjectCheck = (object, world) => {
  if (object.spec["workloadSelector"] !== undefined || hostOf(object) === "") return [];
  const alike = world.rulesFor(hostOf(object), object.namespace).filter((each) => each.namespace === object.namespace
    && each.spec["workloadSelector"] === undefined && equal(exportedTo(each), exportedTo(object)));
  const other = alike.find((each) => compareText(each.ref.name, object.ref.name) < 0);
  if (!other) return [];
  const policy = mappingAt(object.spec, "trafficPolicy");
  const what = Object.keys(policy).length > 0 && Object.keys(mappingAt(other.spec, "trafficPolicy")).length > 0 && !equal(policy, other.spec["trafficPolicy"]) ? ["trafficPolicy"] : [];
  const theirs = new Map(subsetsIn(other).map((subset) => [subset.name, subset]));
  const differs = subsetsIn(object).filter(({ name, labels, policy: own }) => theirs.has(name) && !(equal(labels, theirs.get(name)!.labels) && equal(own, theirs.get(name)!.policy)));
  const found = [...what, ...differs.map(({ name }) => `subset ${name}`)];
  return found.length === 0 ? [] : [diagnose("IZ318", object.placeOf("spec", "host"), { one: describe(other.ref), other: describe(object.ref), host: hostOf(object), what: found })];
};

function exportedTo({ spec, namespace }: IstioObject): readonly unknown[] {
  const listed = asList(spec["exportTo"]).map((each) => (each === "." ? namespace : each));
  return listed.length === 0 ? ["*"] : [...listed].sort();
}

/** Whether a rule reaches the callers of a namespace. */
function isVisible(object: IstioObject, namespace: string): boolean {
  return exportedTo(object).some((each) => each === "*" || each === namespace);
}

/** A rule in a caller's namespace replaces the one beside the Service as a whole, subsets included (rule H4). */
export const checkOwner: ObjectCheck = (object, world) => {
  const service = serviceOf(object, world);
  if (object.isOurs || !service || object.spec["workloadSelector"] !== undefined) return [];
  const home = namespaceFor(service.object, world.config);
  if (object.namespace === home || object.namespace === world.config.rootNamespace || !isVisible(object, object.namespace)) return [];
  const owners = world.rulesFor(hostOf(object), object.namespace).find((each) => each.namespace === home && isVisible(each, object.namespace) && each.spec["workloadSelector"] === undefined);
  if (!owners) return [];
  const host = world.resolve(hostOf(object), object.namespace);
  const defined = new Set(subsetsIn(object).map(({ name }) => name));
  const hasOwn = trafficMapOf(world).inMesh.get(host)?.some((routes) => routes.object.namespace === object.namespace) === true;
  const routed = routesTo(host, world).filter(({ from, subset }) => subset !== undefined && !from.isOurs && isVisible(from, object.namespace) && (!hasOwn || from.namespace === object.namespace)).map(({ subset }) => subset!);
  const missing = [...new Set(routed)].filter((name) => !defined.has(name) && subsetsIn(owners).some((subset) => subset.name === name)).sort();
  if (missing.length > 0) return [diagnose("IZ324", object.placeOf("spec", "subsets"), { other: describe(object.ref), missing, owner: describe(owners.ref) })];
  const lost = Object.keys(mappingAt(owners.spec, "trafficPolicy")).filter((block) => mappingAt(object.spec, "trafficPolicy")[block] === undefined);
  return lost.length === 0 ? [] : [diagnose("IZ218", owners.placeOf("spec", "trafficPolicy"), {
    key: `${lost.join(", ")} of ${describe(owners.ref)}, for callers in ${object.namespace}`,
    why: `one rule for each caller: for those in ${object.namespace} ${describe(object.ref)} takes its place as a whole`,
    help: `repeat the missing blocks in ${describe(object.ref)}, or remove that one`,
  })];
};

/** A wildcard rule holds only for hosts without a rule of their own (rule H9). */
export const checkWildcard: ObjectCheck = (object, world) => {
  const host = hostOf(object);
  if (object.isOurs || !host.startsWith("*.")) return [];
  const policy = mappingAt(object.spec, "trafficPolicy");
  const blocks = Object.keys(policy).filter((block) => block !== "tls" || mappingAt(policy, "tls")["mode"] !== "ISTIO_MUTUAL");
  const nearer = world.ofKind("DestinationRule").filter((each) => each !== object && each.namespace === object.namespace && each.spec["workloadSelector"] === undefined
    && world.resolve(hostOf(each), each.namespace).endsWith(host.slice(1)) && hostOf(each) !== host && blocks.some((block) => mappingAt(each.spec, "trafficPolicy")[block] === undefined));
  if (nearer.length === 0) return [];
  const names = nearer.map(({ ref }) => ref.name).sort(compareText);
  return [diagnose("IZ218", object.placeOf("spec", "trafficPolicy"), {
    key: `${blocks.join(", ")} for ${host}, which also covers the ${names.length === 1 ? "host" : "hosts"} of ${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${names.length - 5} more` : ""}`,
    why: "each rule to say all that its host needs: Istio takes the nearest one and adds nothing from a wildcard",
    help: "repeat in those rules what they need of it",
  })];
};

/** A rule for certain callers only is for those of its own namespace, and for no subset of the Service (rule H10). */
export const checkClientSelector: ObjectCheck = (object, world) => {
  if (object.isOurs || object.spec["workloadSelector"] === undefined) return [];
  const service = serviceOf(object, world);
  const labels = mappingAt(object.spec, "workloadSelector", "matchLabels");
  const selector = service ? mappingAt(service.object, "spec", "selector") : {};
  const isOwnPods = Object.keys(selector).length > 0 && Object.entries(selector).every(([key, value]) => labels[key] === value);
  return isOwnPods && service ? [diagnose("IZ218", object.placeOf("spec", "workloadSelector"), {
    key: `workloadSelector ${Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`).join(",")}, the pods of ${nameOf(service.object)} itself`,
    why: "the labels of the callers: the rule then holds for calls that these pods make, not for those that they receive",
    help: "remove workloadSelector, or name the callers",
  })] : [];
};
