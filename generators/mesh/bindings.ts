import type { Conjunction } from "../annotations/conditions.ts";
import { toUriMatches, type Exposure, type PathPattern } from "../annotations/route-values.ts";
import type { Setting, Settings } from "../annotations/setting.ts";
import { rows } from "../annotations/table.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { coversHost } from "../kube/host.ts";
import { describePort, isHttp, type ServicePort } from "../kube/protocol.ts";
import type { Item } from "../kube/object.ts";
import type { MeshConfig } from "./config.ts";
import { findGateway, hostsFor, hostWithin, meshAlias, serversFor, type GatewayServer, type MeshGateway, type RouteKind } from "./gateways.ts";
import { isOwn, needsHttp, type MeshService } from "./service.ts";
import { viewSettings } from "./views.ts";

/** A Service behind a gateway. */
export interface Binding {
  /** The alias, or the Gateway's name: what the VirtualService is called after. */
  readonly alias: string;
  /** What its settings stand behind. */
  readonly scope: string;
  /** `namespace/name` of the Gateway, or its name where no namespace is known. */
  readonly gateway: string;
  readonly described?: MeshGateway;
  readonly hosts: readonly string[];
  readonly path?: readonly Conjunction[];
  readonly pathSetting?: Setting;
  readonly port: ServicePort;
  readonly kind: RouteKind;
  /** The servers that the rules are for, where their ports matter. */
  readonly servers: readonly GatewayServer[];
  readonly setting: Setting;
}

/** The gateways that a Service names, by `gateways`, by `expose` and by what stands behind `gateway.<alias>.`. */
export function bindGateways(service: MeshService, config: MeshConfig, kept: readonly Item[], lookup: { used: boolean }): { readonly bindings: readonly Binding[]; readonly diagnostics: readonly Diagnostic[] } {
  const named = service.settings.get("gateways");
  const expose = service.settings.get("expose");
  const scoped = [...service.gatewayLayers].filter(([alias]) => alias !== meshAlias);
  if (!named && !expose && scoped.length === 0) return { bindings: [], diagnostics: checkUnbound(service) };
  const bound = new Map((named?.value ?? []).map((name) => [aliasFor(name, config), named!]));
  const exposed: readonly Exposure[] = (expose?.value ?? []).map((each) => ({ ...each, gateway: aliasFor(each.gateway, config) }));
  const isBound = (alias: string): boolean => !config.gateways.has(alias) && [...bound.keys(), ...exposed.map(({ gateway }) => gateway)].some((name) => scopeOf(name, config) === alias);
  const wanted = new Map<string, Setting>([
    ...bound,
    ...exposed.map(({ gateway }): [string, Setting] => [gateway, expose!]),
    ...scoped.filter(([alias]) => !isBound(alias)).flatMap(([alias, layer]): [string, Setting][] => [...layer.values()].slice(0, 1).map((setting) => [alias, setting])),
  ]);
  if ([...wanted.keys()].some((name) => !config.gateways.has(name))) lookup.used = true; // those of the input, which may have had other names
  const diagnostics: Diagnostic[] = [];
  const bindings = [...wanted].flatMap(([name, setting]) => {
    const found = bind(service, name, setting, exposed.filter(({ gateway }) => gateway === name), config, kept);
    diagnostics.push(...found.diagnostics);
    return found.binding ? [found.binding] : [];
  });
  return { bindings: bindings.filter((binding, i) => {
    const other = bindings.slice(0, i).find(({ alias }) => alias === binding.alias);
    // Two names of one gateway are one binding; two gateways of one name would be one VirtualService.
    if (other && other.gateway !== binding.gateway) diagnostics.push(diagnose("IZ217", binding.setting.source.place, {
      one: `gateway ${other.gateway}`, other: `gateway ${binding.gateway}`, why: `two names: the VirtualService of each would be ${service.name}-${binding.alias}`,
      help: "describe one of them in spec.gateways of the ServiceMesh under another alias, with existing: true and its name",
    }, { subject: service.ref }));
    return other === undefined;
  }), diagnostics };
}

/** What `spec.gateways` calls a gateway that is named as `namespace/name`; else the name as it was written. */
function aliasFor(name: string, config: MeshConfig): string {
  return name.includes("/") ? findGateway(name, config)?.alias ?? name : name;
}

/** The scope that a gateway's settings stand behind: an alias, or the name without the namespace where no alias is called so. */
function scopeOf(name: string, config: MeshConfig): string {
  const short = name.slice(name.indexOf("/") + 1);
  return config.gateways.has(short) ? name : short;
}

/** Hosts without those that a wildcard among them holds already: Istio refuses both in one object. */
function withoutCovered(hosts: readonly string[]): readonly string[] {
  return hosts.filter((host) => !hosts.some((other) => other !== host && coversHost(other, host)));
}

/** Keys of a gateway on a Service that none is bound to. */
function checkUnbound(service: MeshService): readonly Diagnostic[] {
  return [...service.settings.all()].filter((setting) => rows[setting.name].edge === "gateway" && setting.name !== "gateways" && isOwn(setting))
    .map((setting) => diagnose("IZ216", setting.source.place, { key: setting.name, needs: "istiomize.dev/gateways: <alias>" }));
}

function bind(service: MeshService, name: string, setting: Setting, exposed: readonly Exposure[], config: MeshConfig, kept: readonly Item[]): { readonly binding?: Binding; readonly diagnostics: readonly Diagnostic[] } {
  const described = findGateway(name, config, kept, service.namespace);
  const { place } = setting.source;
  const subject = { subject: service.ref };
  if (!described && !name.includes("/")) {
    const known = [...config.gateways.keys()];
    return { diagnostics: [diagnose("IZ223", place, { name, known, suggestion: suggest(name, known) }, subject)] };
  }
  const alias = name.slice(name.indexOf("/") + 1);
  const scope = scopeOf(name, config);
  const settings = viewSettings(service, scope, config);
  const diagnostics: Diagnostic[] = [...checkExposed(settings, exposed, setting)];
  const chosen = choosePort(service, settings, name, setting);
  if ("diagnostic" in chosen) return { diagnostics: [...diagnostics, chosen.diagnostic] };
  const { port } = chosen;
  const served = serve(port, described);
  if (!served) {
    const servers = (described?.servers ?? []).map((server) => `${server.port} ${server.protocol}${server.tls?.["mode"] === "PASSTHROUGH" ? " PASSTHROUGH" : ""}`);
    return { diagnostics: [...diagnostics, diagnose("IZ226", (settings.get("gateway-port") ?? setting).source.place, { port: describePort(port), protocol: port.protocol === "tls" ? "TLS" : port.protocol.toUpperCase(), gateway: name, servers }, subject)] };
  }
  const written = settings.get("gateway-hosts");
  const hosts = exposed.length > 0 ? [...new Set(exposed.map(({ host }) => host))] : written?.value ?? withoutCovered(hostsFor(served.servers.flatMap((server) => server.hosts), service.namespace));
  if (hosts.length === 0) diagnostics.push(diagnose("IZ216", place, { key: `gateway ${name}`, needs: `${name.includes("/") ? "gateway-hosts" : `gateway.${alias}.hosts`}: <the hosts it has>` }, subject));
  if (described) {
    for (const host of hosts.filter((each) => !hostWithin(each, described.hosts, service.namespace))) {
      diagnostics.push(diagnose("IZ224", (exposed.length > 0 ? setting : written ?? setting).source.place, { host, gateway: name, hosts: described.hosts }, subject));
    }
  }
  if (new Set(exposed.map(({ host }) => pathsOfHost(exposed, host))).size > 1) diagnostics.push(diagnose("IZ217", setting.source.place, {
    one: `paths of host ${exposed[0]!.host}`, other: `other paths of host ${exposed.find(({ host }) => pathsOfHost(exposed, host) !== pathsOfHost(exposed, exposed[0]!.host))!.host}`,
    why: `the same paths for every host of gateway ${name}: each host of a VirtualService gets all of them`, help: "expose one of the hosts, and the other one on a Service of its own over the same pods",
  }, subject));
  const paths = settings.get("path");
  const isShort = exposed.some((each) => each.path !== undefined);
  const patterns: readonly PathPattern[] | undefined = isShort ? exposed.map((each) => each.path ?? { kind: "prefix", text: "/" }) : paths?.value;
  const path = patterns && toUriMatches(patterns).map((uri): Conjunction => ({ uri }));
  const pathSetting = isShort ? setting : paths;
  diagnostics.push(...checkPassing(settings, service, name, served.kind, config));
  return {
    diagnostics,
    binding: hosts.length === 0 ? undefined : {
      alias, scope, gateway: described ? referTo(described) : name, ...(described && { described }), hosts, port, setting, ...served,
      ...(path && path.length > 0 && served.kind === "http" && { path, ...(pathSetting && { pathSetting }) }),
    },
  };
}

/** What is exposed on one host, to be compared. */
function pathsOfHost(exposed: readonly Exposure[], host: string): string {
  return JSON.stringify(exposed.filter((each) => each.host === host).map(({ path }) => `${path?.kind} ${path?.text}`).sort());
}

/** `namespace/name`; a Gateway whose namespace nobody says is in that of the Service, where its name is enough. */
function referTo({ namespace, name }: MeshGateway): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}

function checkExposed(settings: Settings, exposed: readonly Exposure[], setting: Setting): readonly Diagnostic[] {
  if (exposed.length === 0) return [];
  const twice = [settings.get("gateway-hosts"), exposed.some(({ path }) => path !== undefined) ? settings.get("path") : undefined].filter((each) => each !== undefined);
  return twice.map((other) => diagnose("IZ227", other.source.place, { one: `expose: ${setting.source.text}`, other: `${other.name}: ${other.source.text}` }));
}

/** The one that is named, the only one, the only one declared HTTP or gRPC, the one of the name `http`. */
function choosePort(service: MeshService, settings: Settings, gateway: string, setting: Setting): { readonly port: ServicePort } | { readonly diagnostic: Diagnostic } {
  const ports = service.ports.filter(({ protocol }) => protocol !== "udp");
  const written = settings.get("gateway-port");
  if (written) {
    const text = String(written.value);
    const port = ports.find(({ name, number }) => name === text || String(number) === text);
    return port ? { port } : { diagnostic: diagnose("IZ209", written.source.place, { port: text, known: service.ports.map(describePort) }, { subject: service.ref }) };
  }
  const declared = ports.filter(({ protocol }) => protocol === "http" || protocol === "grpc");
  const port = ports.length === 1 ? ports[0] : declared.length === 1 ? declared[0] : ports.find(({ name }) => name === "http");
  return port ? { port } : { diagnostic: diagnose("IZ225", setting.source.place, { service: service.name, gateway, ports: ports.map(describePort) }, { subject: service.ref }) };
}

/** How a gateway serves a port: HTTP rules where it can, else as bytes. A Gateway that is not described is taken to fit. */
function serve(port: ServicePort, gateway: MeshGateway | undefined): { readonly kind: RouteKind; readonly servers: readonly GatewayServer[] } | undefined {
  const wanted: readonly RouteKind[] = isHttp(port) ? ["http", "tcp"] : port.protocol === "tls" ? ["tls", "http", "tcp"] : ["tcp"];
  if (!gateway) return { kind: wanted[0]!, servers: [] };
  for (const kind of wanted) {
    const servers = serversFor(gateway, kind);
    if (servers.length > 0) return { kind, servers };
  }
  return undefined;
}

/** HTTP keys of a gateway that hands bytes on. */
function checkPassing(settings: Settings, service: MeshService, name: string, kind: RouteKind, config: MeshConfig): readonly Diagnostic[] {
  if (kind === "http") return [];
  const scoped = service.gatewayLayers.get(scopeOf(name, config));
  const found = [...settings.all()].filter((setting) => (needsHttp(setting) || ["path", "default-route"].includes(setting.name))
    && (scoped?.has(setting.name) || (rows[setting.name].edge !== undefined && isOwn(setting))));
  return found.length === 0 ? [] : [diagnose("IZ229", found[0]!.source.place, { keys: found.map(({ source }) => source.place.path.at(-1)!.replace("istiomize.dev/", "")), gateway: name, kind: kind === "tls" ? "TLS" : "TCP" }, { subject: service.ref })];
}
