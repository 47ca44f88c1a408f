import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { asList, asMapping, asText, describeObject, mappingAt, refOf } from "../../kube/object.ts";
import { describePort, portsOf, type ServicePort } from "../../kube/protocol.ts";
import { containerPortsOf } from "../../mesh/workload.ts";
import { podsBehind } from "../destination-rule/policies.ts";
import { servicesOver } from "../ports-of-pods.ts";
import { proxyPorts } from "../proxy-ports.ts";
import type { ServiceCheck } from "./used-services.ts";

/** Servers of these protocols speak first, which neither HTTP nor sniffing waits for. */
const speakFirst: ReadonlyMap<number, string> = new Map([[21, "FTP"], [25, "SMTP"], [110, "POP3"], [143, "IMAP"], [587, "SMTP"], [3306, "MySQL"], [5900, "VNC"]]);

/** A port whose name says one protocol and whose appProtocol says another (rule P1), or that is declared HTTP where servers speak first (P4). */
export const checkProtocols: ServiceCheck = (service) => {
  const entries = asList(mappingAt(service.object, "spec")["ports"]);
  return service.ports.flatMap((port) => {
    const i = entries.findIndex((entry) => asMapping(entry)?.["port"] === port.number && (asText(asMapping(entry)?.["name"]) ?? "") === port.name);
    return [...checkBoth(asMapping(entries[i]) ?? {}, port, service, i), ...checkFirst(port, service, i)];
  });
};

type Service = Parameters<ServiceCheck>[0];

/** By itself each of the two names a protocol; together `appProtocol` counts alone. */
function checkBoth(entry: { readonly [key: string]: unknown }, port: ServicePort, { object }: Service, i: number): readonly Diagnostic[] {
  const appProtocol = asText(entry["appProtocol"]);
  if (appProtocol === undefined || port.name === "" || port.protocol === "udp") return [];
  const byName = portsOf({ spec: { ports: [{ ...entry, port: 65535, appProtocol: undefined }] } })[0];
  if (!byName || byName.protocol === "sniffed" || isAlike(byName, port)) return [];
  return [diagnose("IZ319", { ref: refOf(object), path: ["spec", "ports", `[${i}]`, "appProtocol"] }, {
    port: describePort(port), read: `appProtocol: ${appProtocol}, and the name ${JSON.stringify(port.name)}`,
    counts: port.protocol === "sniffed" ? "appProtocol, which Istio does not know, so that it guesses from the first bytes" : `appProtocol: Istio treats the port as ${port.protocol === "tls" ? "TLS" : port.protocol.toUpperCase()} and does not look at the name`,
  })];
}

/** gRPC is HTTP/2, and where it comes to TLS or TCP no HTTP is looked for either way. */
function isAlike(one: ServicePort, other: ServicePort): boolean {
  const family = ({ protocol }: ServicePort): string => (protocol === "grpc" ? "http" : protocol);
  return family(one) === family(other);
}

function checkFirst(port: ServicePort, { object }: Service, i: number): readonly Diagnostic[] {
  const number = typeof port.targetPort === "number" ? port.targetPort : port.number;
  const speaks = speakFirst.get(number);
  if (speaks === undefined || (port.protocol !== "http" && port.protocol !== "grpc")) return [];
  return [diagnose("IZ319", { ref: refOf(object), path: ["spec", "ports", `[${i}]`] }, {
    port: describePort(port), read: `${port.declaredBy}, and port ${number}, which is ${speaks}'s`,
    counts: `${port.declaredBy}: the sidecar waits for a request, while clients of ${speaks} wait for the server to speak first, and the call hangs`,
    help: "declare it as TCP (appProtocol: tcp), or accept this if it is HTTP after all",
  })];
}

/** Container ports that the sidecar takes itself (rule P13). */
export const checkProxyPorts: ServiceCheck = (service, world) => {
  if (!service.isInjected) return [];
  const declared = podsBehind(service, world).flatMap(containerPortsOf);
  return service.ports.flatMap((port, i) => {
    const numbers = typeof port.targetPort === "number" ? [port.targetPort] : declared.filter(({ name }) => name === port.targetPort).map(({ number }) => number);
    return [...new Set(numbers)].filter((number) => proxyPorts.has(number)).map((number) => diagnose("IZ337", { ref: refOf(service.object), path: ["spec", "ports", `[${i}]`, "targetPort"] }, { port: number }));
  });
};

/** One container port behind two Services by different ports (rule P12). */
export const checkSharedPorts: ServiceCheck = (service, world) => {
  if (!service.isInjected) return [];
  const others = servicesOver(podsBehind(service, world), world).filter(({ object }) => object !== service.object && describeObject(object) < describeObject(service.object));
  return service.ports.flatMap((port, i) => {
    const other = port.protocol === "udp" ? undefined : others.find(({ ports }) => ports.some((each) => each.protocol !== "udp" && each.targetPort === port.targetPort && each.number !== port.number));
    return other ? [diagnose("IZ338", { ref: refOf(service.object), path: ["spec", "ports", `[${i}]`] }, { other: describeObject(other.object), port: String(port.targetPort) })] : [];
  });
};
