import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { askedLabel, injectionLabels } from "../mesh/injection.ts";
import { asText, describeObject, mappingAt, nameOf, namespaceOf, refOf, stringsAt } from "../kube/object.ts";
import type { MeshService } from "../mesh/service.ts";
import type { KnownService } from "../mesh/settings.ts";
import { containerPortsOf } from "../mesh/workload.ts";
import type { Check, CheckInput } from "./check.ts";
import { proxyPorts } from "./proxy-ports.ts";

/** Services that Istio cannot serve as their settings expect (rules P and I). */
export const checkServiceShape: Check = (input) => {
  const disabled = findDisabledNamespaces(input);
  const byLabel = findLabelled(input);
  return [
    ...input.context.services.flatMap((service) => [...checkShape(service), ...checkPorts(service), ...checkPods(service, disabled, byLabel)]),
    ...checkSharedPorts(input),
  ];
};

/** Namespaces that will carry `istio-injection`, beside which no pod's revision counts. */
function findLabelled({ context, edits }: CheckInput): ReadonlySet<string> {
  const added = edits.filter(({ path, value }) => path[2] === "istio-injection" && value !== undefined).map(({ item }) => nameOf(item.object));
  const present = [...context.namespaces].filter(([, item]) => stringsAt(item.object, "metadata", "labels")["istio-injection"] !== undefined
    && !edits.some((edit) => edit.item === item && edit.path[2] === "istio-injection" && edit.value === undefined)).map(([name]) => name);
  return new Set([...added, ...present]);
}

/** Namespaces whose label keeps sidecars away, with the label's value. */
function findDisabledNamespaces({ context, edits }: CheckInput): ReadonlyMap<string, string> {
  const edited = new Set(edits.filter(({ path }) => path[1] === "labels" && (injectionLabels as readonly string[]).includes(path[2]!)).map(({ item }) => item));
  return new Map([...context.namespaces].flatMap(([name, item]): [string, string][] => {
    const asked = askedLabel(context, name)?.value;
    const label = edited.has(item) ? undefined : stringsAt(item.object, "metadata", "labels")["istio-injection"];
    const value = asked === "disabled" ? asked : label;
    return value !== undefined && value !== "enabled" ? [[name, value]] : [];
  }));
}

function checkShape(service: MeshService): readonly Diagnostic[] {
  const { object, ref, shape } = service;
  const spec = mappingAt(object, "spec");
  if (shape === "external-name") return [diagnose("IZ332", { ref, path: ["spec", "type"] }, { target: `an alias of ${asText(spec["externalName"]) ?? "nothing"}` })];
  if (shape === "udp") return [diagnose("IZ339", { ref, path: ["spec", "ports"] }, {})];
  if (Object.keys(service.selector).length === 0) return [diagnose("IZ330", { ref, path: ["spec", "selector"] }, {})];
  if (service.workloads.length > 0) return [];
  return [diagnose("IZ331", { ref, path: ["spec", "selector"] }, { selector: Object.entries(service.selector).map(([key, value]) => `${key}=${value}`).join(",") })];
}

function checkPorts(service: MeshService): readonly Diagnostic[] {
  return service.ports.flatMap((port, i) => {
    const path = ["spec", "ports", `[${i}]`, "targetPort"];
    const numbers = typeof port.targetPort === "number" ? [port.targetPort]
      : service.workloads.flatMap(({ workload }) => containerPortsOf(workload)).filter(({ name }) => name === port.targetPort).map(({ number }) => number);
    return [...new Set(numbers)].filter((number) => proxyPorts.has(number)).map((number) => diagnose("IZ337", { ref: service.ref, path }, { port: number }));
  });
}

function checkPods(service: MeshService, disabled: ReadonlyMap<string, string>, byLabel: ReadonlySet<string>): readonly Diagnostic[] {
  return service.workloads.flatMap(({ workload, own }) => {
    const place = { ref: refOf(workload.item.object), path: ["spec", "template"] };
    if (workload.podSpec["hostNetwork"] === true) return [diagnose("IZ343", place, {}, { subject: service.ref })];
    const inject = own.get("inject");
    const label = workload.podLabels["sidecar.istio.io/inject"] ?? stringsAt(workload.item.object, "spec", "template", "metadata", "annotations")["sidecar.istio.io/inject"];
    if (disabled.has(service.namespace)) return [diagnose("IZ342", place, { why: `namespace ${service.namespace} carries istio-injection: ${disabled.get(service.namespace)}, which no pod label overrides` }, { subject: service.ref })];
    const revision = own.get("revision");
    if (revision && !revision.removed && byLabel.has(service.namespace)) {
      return [diagnose("IZ218", revision.source.place, {
        key: "istiomize.dev/revision", why: `a Namespace that carries istio.io/rev or no label: istio-injection on ${service.namespace} decides`,
        help: "set istiomize.dev/revision on the Namespace, or spec.injection.revision",
      }, { subject: service.ref })];
    }
    if (inject?.value === false) return [diagnose("IZ342", inject.source.place, { why: `istiomize.dev/inject: "false" on ${describeObject(workload.item.object)}` }, { subject: service.ref })];
    if (label === "false" && inject === undefined) return [diagnose("IZ342", place, { why: `sidecar.istio.io/inject: "false" on the pods of ${describeObject(workload.item.object)}` }, { subject: service.ref })];
    return [];
  });
}

/** One container port behind two Services by different ports: the server's sidecar takes the settings of either. */
function checkSharedPorts({ context }: CheckInput): readonly Diagnostic[] {
  const meshed = new Set(context.services.map(({ object }) => object));
  const seen = new Map<string, { service: KnownService; port: number }>();
  const found: Diagnostic[] = [];
  for (const service of context.known) {
    for (const port of service.ports) {
      if (port.protocol === "udp") continue;
      for (const { workload } of service.workloads) {
        const key = `${namespaceOf(workload.item.object)}/${describeObject(workload.item.object)}:${port.targetPort}`;
        const other = seen.get(key);
        if (!other) seen.set(key, { service, port: port.number });
        else if (other.service !== service && other.port !== port.number && (meshed.has(service.object) || meshed.has(other.service.object))) {
          found.push(diagnose("IZ338", { ref: refOf(service.object), path: ["spec", "ports", `[${service.ports.indexOf(port)}]`] }, { other: describeObject(other.service.object), port: String(port.targetPort) }));
        }
      }
    }
  }
  return found;
}
