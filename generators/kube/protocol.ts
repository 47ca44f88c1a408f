import { asList, asMapping, asText, mappingAt, type KubeObject } from "./object.ts";

/** How Istio treats a Service port: which kind of route reaches it. */
export type Protocol = "http" | "grpc" | "tls" | "tcp" | "udp" | "sniffed";

export interface ServicePort {
  readonly number: number;
  readonly name: string;
  readonly protocol: Protocol;
  /** What declared the protocol, for messages: `appProtocol: http`, `name "http-web"`, or neither. */
  readonly declaredBy: string;
  readonly targetPort: number | string;
}

const byName: { readonly [name: string]: Protocol } = {
  http: "http", http2: "http", grpc: "grpc", "grpc-web": "grpc", https: "tls", tls: "tls", tcp: "tcp", mongo: "tcp",
  mysql: "tcp", redis: "tcp", udp: "udp", "kubernetes.io/h2c": "http", "kubernetes.io/ws": "http", "kubernetes.io/wss": "tls",
};

/** Server-first protocols that Istio never sniffs on their well-known ports. */
const neverSniffed = new Set([25, 53, 3306, 27017]);

/**
 * The ports of a Service with the protocol that Istio gives each: `UDP` first, then `appProtocol` alone where it is
 * set, else the port's name up to the first `-`; what neither tells is sniffed.
 * @see https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
 */
export function portsOf(service: KubeObject): readonly ServicePort[] {
  return asList(mappingAt(service, "spec")["ports"]).flatMap((entry) => {
    const port = asMapping(entry);
    const number = port?.["port"];
    if (!port || typeof number !== "number") return [];
    const name = asText(port["name"]) ?? "";
    const target = port["targetPort"];
    const targetPort = typeof target === "number" || typeof target === "string" ? target : number;
    return [{ number, name, targetPort, ...protocolOf(port, number, name) }];
  });
}

function protocolOf(port: { readonly [key: string]: unknown }, number: number, name: string): Pick<ServicePort, "protocol" | "declaredBy"> {
  if (port["protocol"] === "UDP") return { protocol: "udp", declaredBy: "protocol: UDP" };
  const appProtocol = asText(port["appProtocol"]);
  const [declared, declaredBy] = appProtocol !== undefined
    ? [byName[appProtocol.toLowerCase()], `appProtocol: ${appProtocol}`] as const
    : [nameProtocol(name), `name ${JSON.stringify(name)}`] as const;
  if (declared) return { protocol: declared, declaredBy };
  return { protocol: neverSniffed.has(number) ? "tcp" : "sniffed", declaredBy: `port ${number}` };
}

function nameProtocol(name: string): Protocol | undefined {
  const lower = name.toLowerCase();
  if (lower.startsWith("grpc-web")) return "grpc";
  const prefix = lower.split("-")[0]!;
  return Object.hasOwn(byName, prefix) && !prefix.includes("/") ? byName[prefix] : undefined;
}

/** Whether Istio may serve HTTP routes on this port (a sniffed port carries HTTP where the bytes look like it). */
export function isHttp(port: ServicePort): boolean {
  return port.protocol === "http" || port.protocol === "grpc" || port.protocol === "sniffed";
}

export function describePort(port: ServicePort): string {
  return port.name ? `${port.number} (${port.name})` : `${port.number}`;
}
