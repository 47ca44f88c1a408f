import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { asList, asMapping, asText, describeObject, mappingAt, refOf } from "../../kube/object.ts";
import { namespaceFor } from "../../mesh/levels.ts";
import type { Workload } from "../../mesh/workload.ts";
import { modeFor } from "../effective-mode.ts";
import type { IstioObject, IstioWorld, ObjectCheck } from "../istio-object.ts";
import { mayHaveSidecar, passesSidecar, podAnnotationsOf, podsOf, selectorOf } from "../pods.ts";
import { servicesOver } from "../ports-of-pods.ts";

/** Callers outside the mesh, which STRICT keeps out: through a load balancer, or the kubelet where its probes are not rewritten (rules M3 and M5). */
export const checkStrict: ObjectCheck = (object, world) => {
  if (object.isOurs) return [];
  const { namespace } = object;
  const pods = namespace === world.config.rootNamespace && Object.keys(selectorOf(object.object)).length === 0 ? podsOf(world).all : podsOf(world).find(namespace, selectorOf(object.object));
  const covered = pods.filter((each) => mayHaveSidecar(each, world.context));
  return [...covered.flatMap((each) => checkProbes(object, each, world)), ...checkExposed(object, covered, world)];
};

function isStrictBy(object: IstioObject, workload: Workload, port: number | string, world: IstioWorld): boolean {
  const effective = modeFor(workload, port, world);
  return effective?.mode === "STRICT" && effective.policy === object.object && !passesSidecar(workload, port);
}

function checkProbes(object: IstioObject, workload: Workload, world: IstioWorld): readonly Diagnostic[] {
  if (podAnnotationsOf(workload)["sidecar.istio.io/rewriteAppHTTPProbers"] !== "false") return [];
  const probed = asList(workload.podSpec["containers"]).flatMap((container) => ["livenessProbe", "readinessProbe", "startupProbe"].flatMap((probe) => {
    const found = asMapping(mappingAt(container, probe)["httpGet"]) ?? asMapping(mappingAt(container, probe)["grpc"]);
    const port = found?.["port"];
    return typeof port === "number" || typeof port === "string" ? [{ probe, port }] : [];
  })).filter(({ port }) => isStrictBy(object, workload, port, world));
  return probed.length === 0 ? [] : [diagnose("IZ396", object.placeOf("spec", "mtls"), {
    who: `the kubelet, which probes ${describeObject(workload.item.object)} in plain text (${probed.map(({ probe, port }) => `${probe} on ${port}`).join(", ")})`,
    by: `mTLS STRICT with sidecar.istio.io/rewriteAppHTTPProbers: "false"`, help: "remove that annotation: probes then go through the sidecar's own port",
  }, { subject: refOf(workload.item.object) })];
}

function checkExposed(object: IstioObject, covered: readonly Workload[], world: IstioWorld): readonly Diagnostic[] {
  const strict = new Set(covered);
  return servicesOver(covered, world).filter(({ object: service }) => ["LoadBalancer", "NodePort"].includes(asText(mappingAt(service, "spec")["type"]) ?? "")).flatMap((service) => {
    const behind = podsOf(world).find(namespaceFor(service.object, world.config), mappingAt(service.object, "spec", "selector")).filter((each) => strict.has(each));
    const ports = service.ports.filter(({ targetPort, protocol }) => protocol !== "udp" && behind.length > 0 && behind.every((each) => isStrictBy(object, each, targetPort, world)));
    return ports.length === 0 ? [] : [diagnose("IZ396", object.placeOf("spec", "mtls"), {
      who: `whoever calls ${describeObject(service.object)} (type: ${String(mappingAt(service.object, "spec")["type"])}) from outside the mesh, on ${ports.map(({ number }) => `port ${number}`).join(", ")}`,
      by: "mTLS STRICT", help: "let them come through a gateway, or give that port of the pods another mode with portLevelMtls",
    }, { subject: refOf(service.object) })];
  });
}
