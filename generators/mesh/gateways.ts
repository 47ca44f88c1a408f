import type { Layer } from "../annotations/setting.ts";
import { coversHost, hostsMeet } from "../kube/host.ts";
import { asList, asMapping, asText, groupOf, kindOf, mappingAt, nameOf, namespaceOf, selects, stringsAt, type Item, type Mapping } from "../kube/object.ts";
import type { MeshConfig } from "./config.ts";
import { earlierNamesOf } from "./lookup.ts";

/** A gateway that Services may be reached through: made here, or described because it is made elsewhere. */
export interface MeshGateway {
  /** The name that annotations use. */
  readonly alias: string;
  readonly name: string;
  readonly namespace: string;
  /** Made elsewhere: nothing is made for it. */
  readonly existing: boolean;
  readonly selector: { readonly [key: string]: string };
  readonly workload: { readonly namespace: string; readonly serviceAccount?: string; readonly service?: string };
  /** The hosts of all its servers, in order, each once. */
  readonly hosts: readonly string[];
  readonly servers: readonly GatewayServer[];
  /** Settings of every VirtualService behind it. */
  readonly defaults: Layer;
  readonly virtualServices: "service" | "host";
  readonly exportTo?: readonly string[];
}

export interface GatewayServer {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  /** As Istio matches them: `./host` with the Gateway's namespace in place of the dot. */
  readonly hosts: readonly string[];
  readonly bind?: string;
  /** Istio's own fields; nothing on a server without TLS. */
  readonly tls?: Mapping;
  /** An HTTP server that sends every request to https. */
  readonly httpsRedirect?: true;
}

/** Callers inside the mesh, where settings are given by gateway. */
export const meshAlias = "mesh";

/** What kind of rule a server's requests reach: `tls` where it passes them on by their server name alone. */
export type RouteKind = "http" | "tcp" | "tls";

/** The servers of a gateway whose requests a kind of rule takes. */
export function serversFor(gateway: MeshGateway, kind: RouteKind): readonly GatewayServer[] {
  return gateway.servers.filter((server) => routeKindOf(server) === kind);
}

/** Nothing for a server whose requests no rule takes (AUTO_PASSTHROUGH). */
export function routeKindOf({ protocol, tls }: Pick<GatewayServer, "protocol" | "tls">): RouteKind | undefined {
  const mode = tls?.["mode"];
  if (isPlainHttp(protocol)) return "http";
  if (protocol !== "HTTPS" && protocol !== "TLS") return "tcp";
  if (mode === "AUTO_PASSTHROUGH") return undefined;
  // Without a mode Istio reads PASSTHROUGH.
  if (mode === "PASSTHROUGH" || mode === undefined) return "tls";
  return protocol === "HTTPS" ? "http" : "tcp";
}

/** HTTP in the clear. */
export function isPlainHttp(protocol: string): boolean {
  return ["HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY"].includes(protocol.toUpperCase());
}

/**
 * The gateway that a binding names: an alias, or `ns/name` of one in the ServiceMesh or among the objects of the input.
 * `namespace` is that of the VirtualService, which a plain name and `./name` in a hand-written one are read in.
 */
export function findGateway(written: string, config: MeshConfig, kept: readonly Item[] = [], namespace = ""): MeshGateway | undefined {
  const byAlias = written.includes("/") ? undefined : config.gateways.get(written);
  if (byAlias) return byAlias;
  const [where, name] = splitReference(written, namespace);
  const described = [...config.gateways.values()].find((gateway) => gateway.namespace === where && gateway.name === name);
  if (described) return described;
  const alike = kept.filter((item) => isGateway(item) && inNamespace(item, where, config));
  const item = alike.find(({ object }) => nameOf(object) === name) ?? alike.find((each) => earlierNamesOf(each).some((earlier) => earlier.name === name))
    ?? kept.filter(isGateway).find((each) => earlierNamesOf(each).some((earlier) => earlier.name === name && earlier.namespace === where));
  return item && describeGateway(item, config);
}

/** `name`, `./name`, `ns/name` and the old `name.ns.svc.cluster.local`, as Istio reads them in a VirtualService of this namespace. */
export function splitReference(written: string, namespace: string): readonly [namespace: string, name: string] {
  const slash = written.indexOf("/");
  if (slash >= 0) return [written.slice(0, slash) === "." ? namespace : written.slice(0, slash), written.slice(slash + 1)];
  const [name, where] = written.split(".");
  return [where ?? namespace, name!];
}

function isGateway({ object }: Item): boolean {
  return kindOf(object) === "Gateway" && groupOf(object) === "networking.istio.io";
}

function inNamespace({ object }: Item, namespace: string, config: MeshConfig): boolean {
  return (namespaceOf(object) || config.namespace) === namespace;
}

/** A Gateway that somebody wrote by hand, as if the ServiceMesh described it. */
export function describeGateway({ object }: Item, config: MeshConfig): MeshGateway {
  const namespace = namespaceOf(object) || config.namespace;
  const spec = mappingAt(object, "spec");
  const servers = asList(spec["servers"]).flatMap((entry): GatewayServer[] => {
    const port = mappingAt(entry, "port");
    const tls = asMapping(asMapping(entry)?.["tls"]);
    const bind = asText(asMapping(entry)?.["bind"]);
    const number = Number(port["number"]);
    return Number.isInteger(number) ? [{
      name: asText(port["name"]) ?? "", port: number, protocol: (asText(port["protocol"]) ?? "").toUpperCase(),
      hosts: settleHosts(asList(asMapping(entry)?.["hosts"]).filter((host): host is string => typeof host === "string"), namespace),
      ...(bind !== undefined && { bind }), ...(tls && { tls }), ...(tls?.["httpsRedirect"] === true && { httpsRedirect: true as const }),
    }] : [];
  });
  return {
    alias: nameOf(object), name: nameOf(object), namespace, existing: true, selector: stringsAt(spec, "selector"), workload: { namespace },
    hosts: allHosts(servers), servers, defaults: new Map(), virtualServices: "service",
  };
}

/** The settings that hold behind a gateway, or for callers in the mesh (`mesh`). */
export function gatewayDefaults(alias: string, config: MeshConfig): Layer {
  return (alias === meshAlias ? config.meshDefaults : config.gateways.get(alias)?.defaults) ?? new Map();
}

/** Whether a Service stands in front of the pods of a gateway that the ServiceMesh describes. */
export function isBeforeGateway(service: { readonly name: string; readonly namespace: string; readonly podLabels: readonly Mapping[] }, config: Pick<MeshConfig, "gateways">): boolean {
  return [...config.gateways.values()].some(({ workload, selector }) => (workload.service === service.name && workload.namespace === service.namespace)
    || service.podLabels.some((labels) => selects(selector, labels)));
}

/** The hosts of a gateway that VirtualServices of a namespace may have, without the namespaces before them. */
export function hostsFor(gatewayHosts: readonly string[], namespace: string): readonly string[] {
  return [...new Set(gatewayHosts.flatMap((written) => {
    const slash = written.indexOf("/");
    if (slash < 0) return [written];
    const where = written.slice(0, slash);
    return where === "*" || where === namespace ? [written.slice(slash + 1)] : [];
  }))];
}

/** Whether a host of a VirtualService of this namespace lies wholly within a gateway's (rule G2). */
export function hostWithin(host: string, gatewayHosts: readonly string[], namespace: string): boolean {
  return hostsFor(gatewayHosts, namespace).some((outer) => coversHost(outer, host));
}

/** Whether requests through a gateway can have a host of a VirtualService: Istio takes what both have in common. */
export function hostReached(host: string, gatewayHosts: readonly string[], namespace: string): boolean {
  return hostsFor(gatewayHosts, namespace).some((other) => hostsMeet(other, host));
}

/** Hosts as Istio matches them: the dot in `./host` is the Gateway's own namespace. */
export function settleHosts(hosts: readonly string[], namespace: string): readonly string[] {
  return hosts.map((host) => (host.startsWith("./") && namespace !== "" ? `${namespace}/${host.slice(2)}` : host));
}

/** The hosts of some servers, in order, each once. */
export function allHosts(servers: readonly GatewayServer[]): readonly string[] {
  return [...new Set(servers.flatMap(({ hosts }) => hosts))];
}
