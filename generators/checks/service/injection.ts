import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { describeObject, refOf, stringsAt } from "../../kube/object.ts";
import { podMetadataPath, type Workload } from "../../mesh/workload.ts";
import type { IstioWorld } from "../istio-object.ts";
import { isGateway, podAnnotationsOf, podsOf } from "../pods.ts";

const key = "sidecar.istio.io/inject";
const enforce = "pod-security.kubernetes.io/enforce";

/** Injection asked for where Istio does not look: as an annotation (IST0135), or on the workload instead of its pods. */
export function checkInjection(world: IstioWorld): readonly Diagnostic[] {
  const meshed = new Set(world.context.services.flatMap(({ workloads }) => workloads.map(({ workload }) => workload.item)));
  const hasCni = podsOf(world).all.some(({ name }) => name.startsWith("istio-cni"));
  return [...podsOf(world).all.filter(({ item }) => !meshed.has(item)).flatMap((pods) => checkPods(pods, world)), ...(hasCni ? [] : checkPodSecurity(world))];
}

/** Namespaces whose pod security standard refuses what the init container of a sidecar needs (rule M12). */
function checkPodSecurity({ context }: IstioWorld): readonly Diagnostic[] {
  return [...context.namespaces.values()].flatMap(({ object }) => {
    const labels = stringsAt(object, "metadata", "labels");
    const level = labels[enforce];
    const isInjected = labels["istio-injection"] === "enabled" || (labels["istio.io/rev"] !== undefined && labels["istio-injection"] === undefined);
    return isInjected && (level === "restricted" || level === "baseline") ? [diagnose("IZ342", { ref: refOf(object), path: ["metadata", "labels", enforce] }, {
      why: `${enforce}: ${level} on a namespace with sidecars: their init container asks for NET_ADMIN, and such pods are refused`,
      help: "remove the label, or install the Istio CNI node agent (sidecars then need no such container) and accept this",
    })] : [];
  });
}

function checkPods(pods: Workload, { context }: IstioWorld): readonly Diagnostic[] {
  const { object } = pods.item;
  if (isGateway(pods)) return [];
  const path = podMetadataPath(object);
  const namespace = context.namespaces.get(pods.namespace);
  const labels = namespace ? stringsAt(namespace.object, "metadata", "labels") : {};
  if (namespace === undefined || labels["istio-injection"] !== undefined || labels["istio.io/rev"] !== undefined || labels["istio.io/dataplane-mode"] !== undefined) return [];
  if (pods.podLabels[key] !== undefined || pods.podLabels["istio.io/rev"] !== undefined) return [];
  const tell = (at: readonly string[], where: string): readonly Diagnostic[] => [diagnose("IZ342", { ref: refOf(object), path: [...at, key] }, {
    why: `${key}: "true" ${where} ${describeObject(object)}, in a namespace without an injection label: Istio looks for a label of the pods${path.length > 1 ? ` (${path.join(".")}.labels)` : ""}`,
    help: `put ${key}: "true" into ${[...path, "labels"].join(".")}`,
  })];
  if (podAnnotationsOf(pods)[key] === "true") return tell([...path, "annotations"], path.length > 1 ? "as an annotation of the pods of" : "as an annotation of");
  if (path.length === 1) return [];
  if (stringsAt(object, "metadata", "labels")[key] === "true") return tell(["metadata", "labels"], "as a label of the object");
  return stringsAt(object, "metadata", "annotations")[key] === "true" ? tell(["metadata", "annotations"], "as an annotation of the object") : [];
}
