import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { asText, describeObject } from "../../kube/object.ts";
import { describePort } from "../../kube/protocol.ts";
import { modeFor } from "../effective-mode.ts";
import type { IstioObject, IstioWorld, ObjectCheck } from "../istio-object.ts";
import { passesSidecar, whyNotInjected } from "../pods.ts";
import { hostOf, podsBehind, podsOfSubset, policiesOf, serviceOf, subjectOf, type Found, type Policy } from "./policies.ts";
import { routesTo } from "./routes.ts";

const own = new Set(["SIMPLE", "MUTUAL"]);

/** TLS towards pods that refuse it, or inside TLS (rules M1 and M2). */
export const checkTls: ObjectCheck = (object, world) => {
  const told = new Map<string, Diagnostic>();
  for (const policy of policiesOf(object, world)) {
    const block = policy.blocks.tls;
    const mode = asText(block?.value["mode"]);
    if (!block || mode === undefined) continue;
    const place = object.placeOf(...block.path, "mode");
    for (const diagnostic of [...checkServers(mode, place, policy, object, world), ...checkTwice(mode, place, policy, object, world), ...checkCredential(mode, object, block, world)]) {
      told.set(`${diagnostic.code} ${diagnostic.place?.path.join(".")}`, diagnostic);
    }
  }
  const found = [...told.values()];
  const contradicted = new Set(found.filter(({ code }) => code === "IZ350").map(({ place }) => place?.path.join(".")));
  return found.filter(({ code, place }) => code !== "IZ351" || !contradicted.has(place?.path.join(".")));
};

function checkServers(mode: string, place: Diagnostic["place"], { subset, port, blocks }: Policy, object: IstioObject, world: IstioWorld): readonly Diagnostic[] {
  const service = serviceOf(object, world);
  if (!service || !port || object.spec["workloadSelector"] !== undefined) return [];
  const pods = subset ? podsOfSubset(service, subset, world) : podsBehind(service, world);
  for (const workload of pods) {
    const why = object.isOurs ? undefined : whyNotInjected(workload, world.context); // of what annotations mesh, the checks of injection speak
    if (mode === "ISTIO_MUTUAL" && why !== undefined) return [diagnose("IZ350", place, { tls: mode, server: `pods without a sidecar (${describeObject(workload.item.object)}: ${why})` }, subjectOf(object))];
    if (why !== undefined || passesSidecar(workload, port.targetPort)) continue;
    const effective = modeFor(workload, port.targetPort, world);
    if (effective && (mode === "ISTIO_MUTUAL" ? effective.mode === "DISABLE" : effective.mode === "STRICT")) {
      return [diagnose("IZ350", place, { tls: mode, server: `pods with mTLS mode ${effective.mode} (${describeObject(effective.policy)})` }, subjectOf(object))];
    }
  }
  const isOwnName = ["sni", "subjectAltNames"].some((key) => blocks.tls?.value[key] !== undefined);
  return mode === "ISTIO_MUTUAL" && !isOwnName ? [diagnose("IZ351", place, {}, subjectOf(object))] : [];
}

/** TLS from the caller's proxy on a port whose application speaks TLS itself; plain requests may be routed there on purpose. */
function checkTwice(mode: string, place: Diagnostic["place"], { port, subset }: Policy, object: IstioObject, world: IstioWorld): readonly Diagnostic[] {
  if (!own.has(mode) || port?.protocol !== "tls") return [];
  const origin = routesTo(world.resolve(hostOf(object), object.namespace), world)
    .some((route) => route.kind === "http" && (route.port === undefined || route.port === port.number) && (subset === undefined || route.subset === subset.name));
  return origin ? [] : [diagnose("IZ218", place, {
    key: `tls: ${mode} on port ${describePort(port)}`, why: "a port on which the callers speak plain text: this one carries TLS already, and would get TLS inside TLS",
    help: `remove tls, or set it ${object.isOurs ? "behind port.<name>" : "in portLevelSettings"} of a plain-text port`,
  }, subjectOf(object))];
}

/** Secrets reach gateways, and the sidecars that a rule names; others have no way to read them. */
function checkCredential(mode: string, object: IstioObject, { value, path }: Found, world: IstioWorld): readonly Diagnostic[] {
  if (!own.has(mode) || value["credentialName"] === undefined || object.spec["workloadSelector"] !== undefined || isReachedByGateways(object, world)) return [];
  const field = [...path, "credentialName"];
  const isKey = object.wordFor(...field) === "tls-credential-name";
  return [diagnose("IZ218", object.placeOf(...field), {
    key: isKey ? "tls-credential-name" : `credentialName ${String(value["credentialName"])}`,
    why: `a gateway, or sidecars that ${isKey ? "client-selector" : "workloadSelector"} names: other sidecars do not read Secrets`,
    help: `name the callers in ${isKey ? "istiomize.dev/client-selector" : "workloadSelector"}, or use certificate files in their proxies`,
  }, subjectOf(object))];
}

function isReachedByGateways(object: IstioObject, world: IstioWorld): boolean {
  const routes = routesTo(world.resolve(hostOf(object), object.namespace), world);
  return routes.some(({ from }) => Array.isArray(from.spec["gateways"]) && (from.spec["gateways"] as unknown[]).some((gateway) => gateway !== "mesh"));
}
