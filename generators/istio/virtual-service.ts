import type { Setting } from "../annotations/setting.ts";
import { rows } from "../annotations/table.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { asList, asMapping, defined, nameOf, type Mapping } from "../kube/object.ts";
import { fullHost, resolveHost } from "../kube/host.ts";
import { describePort, isHttp, type ServicePort } from "../kube/protocol.ts";
import { targetPort, type Target } from "../mesh/destinations.ts";
import type { Decided } from "../mesh/origin.ts";
import type { PlannedRule, RoutePlan, View } from "../mesh/plan.ts";
import type { RolloutRoutes } from "../mesh/rollouts.ts";
import { nameOfRule } from "../mesh/rule-names.ts";
import { isOwn, needsHttp, type MeshService } from "../mesh/service.ts";
import type { Generator, Made, MeshContext } from "../mesh/context.ts";
import { makeExportTo } from "./export-to.ts";
import { makeGatewayVirtualServices } from "./gateway-virtual-service.ts";
import { destinationOf, makeHttpRule } from "./http-rule.ts";
import { madeFor, makeMetadata } from "./metadata.ts";
import { applyPatch } from "./patch.ts";

/** Settings that say nothing by themselves: an object is made for none of them. */
const silent = new Set(["subset", "export-to", "retry-unsafe", "fault-match"]);

/**
 * One VirtualService for the mesh for each Service that a route setting reaches, and one more for each gateway that it
 * is bound to.
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/
 */
export const generateVirtualServices: Generator = (context) => {
  const made: Made[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const service of context.services) {
    const result = makeMeshVirtualService(service, context);
    diagnostics.push(...result.diagnostics);
    if (result.made) made.push(result.made);
  }
  if ([...context.plans.values()].every((plan) => plan.gateways.length === 0)) return { made, edits: [], diagnostics };
  const gateways = makeGatewayVirtualServices(context);
  return { made: [...made, ...gateways.made], edits: [], diagnostics: [...diagnostics, ...gateways.diagnostics] };
};

function makeMeshVirtualService(service: MeshService, context: MeshContext): { readonly made?: Made; readonly diagnostics: readonly Diagnostic[] } {
  const plan = context.plans.get(service)!;
  const view = plan.mesh;
  const unfit = checkFit(service);
  if (!saysSomething(service, plan) || service.shape === "external-name") return { diagnostics: unfit };
  const diagnostics: Diagnostic[] = [...unfit];
  const splitsTls = plan.targets !== undefined && service.ports.some(({ protocol }) => protocol === "tls");
  const hosts = listHosts(service, view, plan.host, context, splitsTls);
  if (splitsTls && service.namespace === "") diagnostics.push(diagnose("IZ327", plan.place!, { host: plan.host }, { subject: service.ref }));
  const written: WrittenRules = { http: [], tls: [], tcp: [], decided: [] };
  pushRaw(written, view, service);
  for (const port of service.ports) diagnostics.push(...writePort(written, service, plan, port, hosts));
  const patch = view.settings.get("virtual-service-patch");
  if (written.http.length + written.tls.length + written.tcp.length === 0 && !patch) return { diagnostics: [...diagnostics, ...checkHosts(service)] };
  const generated = defined({
    hosts, exportTo: makeExportTo(view.settings.valueOf("export-to"), service.namespace), ...writeRules({ ...written, http: nameRules(written.http, service.governed?.virtualService) }),
  });
  return {
    diagnostics,
    made: {
      beside: service.item, decided: [{ path: ["spec"], settings: view.settings }, ...written.decided], isOpen: isOpen(view),
      object: {
        apiVersion: "networking.istio.io/v1", kind: "VirtualService",
        metadata: makeMetadata(context, service.governed?.virtualService?.name ?? nameOfRule(context.config, "virtualService", service.name), service.namespace, madeFor(service), 1),
        spec: patch ? applyPatch(generated, patch.value) : generated,
      },
    },
  };
}

/** The rules of one VirtualService as they are written. */
export interface WrittenRules {
  readonly http: Mapping[];
  readonly tls: Mapping[];
  readonly tcp: Mapping[];
  readonly decided: Decided[];
}

/** Whether fields of Istio's own were written into a VirtualService, which nothing of ours has read. */
export function isOpen({ settings }: View): boolean {
  return (["virtual-service-patch", "routes", "tcp-routes", "tls-routes"] as const).some((name) => settings.has(name));
}

/** The lists of rules that hold any. */
export function writeRules({ http, tls, tcp }: { readonly http: readonly Mapping[]; readonly tls: readonly Mapping[]; readonly tcp: readonly Mapping[] }): Mapping {
  return { ...(http.length > 0 && { http }), ...(tls.length > 0 && { tls }), ...(tcp.length > 0 && { tcp }) };
}

/** Whether anything holds for callers in the mesh that a VirtualService says. */
function saysSomething(service: MeshService, plan: RoutePlan): boolean {
  if (plan.targets !== undefined || plan.mesh.rules.length > 1) return true;
  const isSaying = (setting: Setting): boolean => rows[setting.name].family === "VirtualService" && !silent.has(setting.name) && (!isReceiver(service) || isOwn(setting));
  for (const setting of plan.mesh.settings.all()) if (isSaying(setting)) return true;
  return [...service.portLayers.values()].some((layer) => [...layer.values()].some((setting) => !setting.removed && isSaying(setting)));
}

/** A Service that gets its share of what a Rollout splits: what it inherits for routes belongs to the split. */
function isReceiver({ governed }: MeshService): boolean {
  return governed !== undefined && governed.role !== "apex";
}

/** The rules of one port of the Service, for callers in the mesh. */
function writePort(written: WrittenRules, service: MeshService, plan: RoutePlan, port: ServicePort, hosts: readonly string[]): readonly Diagnostic[] {
  const { mesh: { rules } } = plan;
  const diagnostics: Diagnostic[] = [];
  const standard = rules.at(-1)!;
  if (isHttp(port)) {
    for (const rule of rules) {
      const several = service.ports.length > 1;
      const match = several ? withPort(matchOf(rule), port, service) : matchOf(rule);
      if (several && match!.length === 0) continue;
      const name = several ? `${rule.name}-${port.name || port.number}` : rule.name;
      pushRule(written, service, plan, rule, port, name, match, diagnostics);
    }
    if (port.protocol === "sniffed") diagnostics.push(diagnose("IZ336", { ref: service.ref, path: ["spec", "ports", `[${service.ports.indexOf(port)}]`] }, { port: describePort(port) }));
    // Bytes that turn out to be no HTTP on a port without a declared protocol follow the TCP rule.
    if (plan.targets && port.protocol === "sniffed") pushBytes(written, "tcp", standard, { match: [{ port: port.number }], route: makeRoute(service, plan, standard, port, []) });
  } else if (plan.targets && port.protocol === "tcp") pushBytes(written, "tcp", standard, { match: [{ port: port.number }], route: makeRoute(service, plan, standard, port, diagnostics) });
  else if (plan.targets && port.protocol === "tls") pushBytes(written, "tls", standard, { match: [{ port: port.number, sniHosts: hosts }], route: makeRoute(service, plan, standard, port, diagnostics) });
  else if (service.ports.some(isHttp) && port.protocol !== "udp") diagnostics.push(leftOut(service, port));
  return diagnostics;
}

/** One TCP or TLS rule, and the settings behind it. */
export function pushBytes(written: WrittenRules, kind: "tcp" | "tls", rule: PlannedRule, body: Mapping): void {
  written.decided.push({ path: ["spec", kind, `[${written[kind].length}]`], settings: rule.settle(), also: rule.setting ? [rule.setting] : [] });
  written[kind].push(body);
}

/** One HTTP rule, and the settings behind it. */
export function pushRule(written: WrittenRules, service: MeshService, plan: RoutePlan, rule: PlannedRule, port: ServicePort, name: string, match: readonly Mapping[] | undefined, diagnostics: Diagnostic[], path?: readonly Mapping[]): void {
  const settings = rule.settle(service.portLayers.get(port.number));
  const route = makeRoute(service, plan, rule, port, diagnostics);
  written.decided.push({ path: ["spec", "http", `[${written.http.length}]`], settings, also: [rule.setting, rule.matchSetting].filter((setting) => setting !== undefined) });
  written.http.push(makeHttpRule(rule, settings, { name, match, port, route, path }));
}

/** The match of a rule, that of a rule in Istio's own fields included. */
export function matchOf(rule: PlannedRule): readonly Mapping[] | undefined {
  if (rule.kind !== "raw") return rule.match as readonly Mapping[] | undefined;
  const match = rule.raw!["match"];
  return Array.isArray(match) && match.length > 0 ? match as readonly Mapping[] : undefined;
}

/**
 * A match for one port. What names a port itself is for that one alone; a port that the Service does not have stays
 * with its first HTTP port, where the checks of objects find it.
 */
function withPort(match: readonly Mapping[] | undefined, port: ServicePort, { ports }: MeshService): readonly Mapping[] {
  const numbers = ports.filter(isHttp).map(({ number }) => number);
  return (match ?? [{}]).filter((each) => each["port"] === undefined || each["port"] === port.number || (port.number === numbers[0] && !(numbers as readonly unknown[]).includes(each["port"])))
    .map((each) => ({ ...each, port: each["port"] ?? port.number }));
}

/** `tcp-routes` and `tls-routes`: rules in Istio's own fields, before the generated ones. */
export function pushRaw(written: WrittenRules, { raw, settings, binding }: View, service: MeshService): void {
  for (const kind of ["tcp", "tls"] as const) {
    for (const { fields, targets } of raw[kind]) {
      for (const rule of targets ? writeRaw(fields, targets, kind, service, binding?.port) : [fields]) {
        written.decided.push({ path: ["spec", kind, `[${written[kind].length}]`], settings, also: [settings.find(`${kind}-routes`)!] });
        written[kind].push(rule);
      }
    }
  }
}

function writeTargets(targets: readonly Target[], port: ServicePort): readonly Mapping[] {
  return targets.map((target) => defined({ ...destinationOf(target, port), weight: targets.length > 1 ? target.weight : undefined }));
}

/**
 * A rule in Istio's own fields with its destinations: for the port behind the gateway, for the one in its match, or for
 * each port of its kind.
 */
function writeRaw(fields: Mapping, targets: readonly Target[], kind: "tcp" | "tls", service: MeshService, behind: ServicePort | undefined): readonly Mapping[] {
  const matches = asList(fields["match"]).map((each) => asMapping(each) ?? {});
  const named = service.ports.find(({ number }) => matches.some(({ port }) => port === number));
  const alike = service.ports.filter(({ protocol }) => protocol === kind);
  const only = behind ?? named ?? (alike.length > 1 ? undefined : alike[0] ?? service.ports[0]!);
  if (only) return [{ ...fields, route: writeTargets(targets, only) }];
  return alike.map((port) => ({ ...fields, match: (matches.length > 0 ? matches : [{}]).map((each) => ({ ...each, port: port.number })), route: writeTargets(targets, port) }));
}

/**
 * The names by which a Rollout finds the rules. Without names it looks for one that has none as soon as it has added
 * rules of its own; one foreign name is that of the one rule which has not been named.
 */
function nameRules(http: readonly Mapping[], rollout: RolloutRoutes | undefined): readonly Mapping[] {
  if (!rollout) return http;
  if (rollout.routes.length === 0) return http.length === 1 ? [defined({ ...http[0], name: undefined })] : http;
  const names = http.map(({ name }) => name as string);
  const foreign = rollout.routes.filter((name) => !names.includes(name));
  const free = names.filter((name) => !rollout.routes.includes(name));
  return foreign.length === 1 && free.length === 1 ? http.map((rule) => (rule["name"] === free[0] ? { ...rule, name: foreign[0] } : rule)) : http;
}

/**
 * The Service's host and the further ones. A TLS rule matches the server name that the caller sends, letter by letter,
 * and the rule's names must stand in `hosts`: every form of the Service's name is listed where one splits traffic.
 */
function listHosts(service: MeshService, view: View, host: string, { config }: MeshContext, splitsTls: boolean): readonly string[] {
  const scope = { namespace: service.namespace, clusterDomain: config.clusterDomain };
  const further = view.settings.valueOf("hosts") ?? [];
  if (splitsTls && service.namespace !== "") {
    const dotted = `${service.name}.${service.namespace}`;
    return [...new Set([service.name, dotted, `${dotted}.svc`, fullHost(service.name, scope), ...further])];
  }
  const hosts = new Map([host, ...further].map((each) => [resolveHost(each, scope), each]));
  hosts.set(resolveHost(host, scope), host);
  // A TLS rule in Istio's own fields: its server names must stand in `hosts` as they are written there.
  for (const { fields } of view.raw.tls) for (const name of asList(fields["match"]).flatMap((match) => asList(asMapping(match)?.["sniHosts"]))) if (typeof name === "string") hosts.set(resolveHost(name, scope), name);
  return [...hosts.values()];
}

/** Further hosts of a Service for which no rule is made: TCP is routed by address, not by name. */
function checkHosts(service: MeshService): readonly Diagnostic[] {
  const hosts = service.settings.get("hosts");
  return hosts ? [diagnose("IZ218", hosts.source.place, {
    key: "istiomize.dev/hosts", why: "an HTTP port: TCP traffic is routed by address, not by host name", help: "remove it, or declare the port with `appProtocol: http`",
  })] : [];
}

/** The destinations of a rule for one port. */
export function makeRoute(service: MeshService, plan: RoutePlan, rule: PlannedRule, port: ServicePort, diagnostics: Diagnostic[]): readonly Mapping[] {
  const { targets } = rule;
  if (!targets) return [{ destination: { host: plan.host, port: { number: port.number } } }];
  for (const target of targets) {
    if (targetPort(target, port) === undefined && port.protocol !== "udp") {
      diagnostics.push(diagnose("IZ304", rule.setting?.source.place ?? plan.place!, { service: nameOf(target.service.object), port: String(port.number), known: target.service.ports.map(describePort) }, { subject: service.ref }));
    }
  }
  return writeTargets(targets, port);
}

function leftOut(service: MeshService, port: ServicePort): Diagnostic {
  const protocol = { tcp: "TCP", tls: "TLS", udp: "UDP" }[port.protocol as string] ?? port.protocol;
  return diagnose("IZ335", { ref: service.ref, path: ["spec", "ports", `[${service.ports.indexOf(port)}]`] }, { port: describePort(port), declaredBy: port.declaredBy, protocol });
}

/** HTTP settings on a Service without an HTTP port, and port settings on a port that is none. */
function checkFit(service: MeshService): readonly Diagnostic[] {
  if (service.shape === "external-name" || service.shape === "udp") return [];
  const ports = describePorts(service.ports);
  const misfit = (setting: Setting, code: "IZ214" | "IZ215", which: string): Diagnostic => (code === "IZ214"
    ? diagnose(code, setting.source.place, { needs: "HTTP or gRPC", ports: which }, { subject: service.ref })
    : diagnose(code, setting.source.place, { needs: "HTTP or gRPC" }, { subject: service.ref }));
  const further = [...service.routeLayers.values()].flatMap((layer) => [...layer.values()].slice(0, 1));
  const whole = service.ports.some(isHttp) ? [] : [...[...service.settings.all()].filter(needsHttp), ...further].map((setting) => misfit(setting, isOwn(setting) ? "IZ214" : "IZ215", ports));
  const behindPorts = service.ports.filter((port) => !isHttp(port)).flatMap((port) =>
    [...(service.portLayers.get(port.number)?.values() ?? [])].filter((setting) => !setting.removed && needsHttp(setting)).map((setting) => misfit(setting, "IZ214", describePorts([port]))));
  return [...whole, ...behindPorts];
}

function describePorts(ports: readonly ServicePort[]): string {
  if (ports.length === 0) return "no ports";
  return ports.map((port) => `port ${describePort(port)}: ${port.protocol === "tls" ? "TLS" : port.protocol.toUpperCase()}, by ${port.declaredBy}`).join("; ");
}
