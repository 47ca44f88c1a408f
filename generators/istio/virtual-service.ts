import type { Setting, Settings } from "../annotations/setting.ts";
import { rows, type SettingName } from "../annotations/table.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { compact, nameOf, type KubeObject, type Mapping } from "../kube/object.ts";
import { fullHost, resolveHost } from "../kube/host.ts";
import { describePort, isHttp, type ServicePort } from "../kube/protocol.ts";
import { targetPort, type RoutePlan } from "../mesh/destinations.ts";
import type { RolloutRoutes } from "../mesh/rollouts.ts";
import { isOwn, needsHttp, portSettings, type MeshService } from "../mesh/service.ts";
import type { Generator, MeshContext } from "../mesh/context.ts";
import { madeFor, makeMetadata } from "./metadata.ts";
import { applyPatch } from "./patch.ts";

/** Settings that give a mesh VirtualService something to say. */
const httpSettings: readonly SettingName[] = [
  "timeout", "retry-attempts", "retry-per-try-timeout", "retry-on", "retry-backoff", "retry-remote-localities", "retry-ignore-previous-hosts",
];
const saying: readonly SettingName[] = [...httpSettings, "weights", "active", "hosts", "virtual-service-patch"];

/**
 * One VirtualService for each meshed Service that a route setting reaches: a rule for each HTTP port, and for each TCP
 * and TLS port where the traffic is split.
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/
 */
export const generateVirtualServices: Generator = (context) => {
  const results = context.services.map((service) => makeVirtualService(service, context));
  return {
    made: results.flatMap(({ object }, i) => (object ? [{ object, beside: context.services[i]!.item }] : [])),
    edits: [],
    diagnostics: results.flatMap(({ diagnostics }) => diagnostics),
  };
};

function makeVirtualService(service: MeshService, context: MeshContext): { object?: KubeObject; diagnostics: readonly Diagnostic[] } {
  const plan = context.plans.get(service)!;
  const layers = [service.settings, ...service.ports.map((port) => portSettings(service, port))];
  const says = plan.targets !== undefined || saying.some((name) => layers.some((settings) => settings.has(name) && (!isReceiver(service) || isOwn(settings.get(name)!))));
  const unfit = checkFit(service);
  if (!says || service.shape === "external-name") return { diagnostics: unfit };
  const diagnostics: Diagnostic[] = [...unfit];
  const http: Mapping[] = [];
  const tls: Mapping[] = [];
  const tcp: Mapping[] = [];
  const splitsTls = plan.targets !== undefined && service.ports.some(({ protocol }) => protocol === "tls");
  const hosts = listHosts(service, plan.host, context, splitsTls);
  if (splitsTls && service.namespace === "") diagnostics.push(diagnose("IZ327", plan.place!, { host: plan.host }, { subject: service.ref }));
  for (const port of service.ports) {
    const route = makeRoute(service, plan, port, diagnostics);
    if (isHttp(port)) {
      const settings = portSettings(service, port);
      diagnostics.push(...checkPort(port, settings, service));
      http.push({
        name: service.ports.length > 1 ? `default-${port.name || port.number}` : "default",
        ...(service.ports.length > 1 && { match: [{ port: port.number }] }),
        timeout: settings.valueOf("timeout"), retries: makeRetries(settings), route,
      });
      // Bytes that turn out to be no HTTP on a port without a declared protocol follow the TCP rule.
      if (plan.targets && port.protocol === "sniffed") tcp.push({ match: [{ port: port.number }], route });
    } else if (plan.targets && port.protocol === "tcp") tcp.push({ match: [{ port: port.number }], route });
    else if (plan.targets && port.protocol === "tls") tls.push({ match: [{ port: port.number, sniHosts: hosts }], route });
    else if (service.ports.some(isHttp) && port.protocol !== "udp") diagnostics.push(leftOut(service, port));
  }
  const patch = service.settings.valueOf("virtual-service-patch");
  if (http.length + tls.length + tcp.length === 0 && !patch) return { diagnostics: [...diagnostics, ...checkHosts(service)] };
  const generated: Mapping = compact({
    hosts, exportTo: service.settings.valueOf("export-to"),
    ...(http.length > 0 && { http: nameRules(http, service.governed?.virtualService) }), ...(tls.length > 0 && { tls }), ...(tcp.length > 0 && { tcp }),
  });
  return {
    diagnostics,
    object: {
      apiVersion: "networking.istio.io/v1", kind: "VirtualService",
      metadata: makeMetadata(context, service.governed?.virtualService?.name ?? service.name, service.namespace, madeFor(service), 1),
      spec: patch ? applyPatch(generated, patch) : generated,
    },
  };
}

/** A Service that gets its share of what a Rollout splits: what it inherits for routes belongs to the split. */
function isReceiver({ governed }: MeshService): boolean {
  return governed !== undefined && governed.role !== "apex";
}

/**
 * The names by which a Rollout finds the rules. Without names it looks for one that has none as soon as it has added
 * rules of its own; one foreign name is that of the one rule which has not been named.
 */
function nameRules(http: readonly Mapping[], rollout: RolloutRoutes | undefined): readonly Mapping[] {
  if (!rollout) return http;
  if (rollout.routes.length === 0) return http.length === 1 ? [{ ...http[0], name: undefined }] : http;
  const names = http.map(({ name }) => name as string);
  const foreign = rollout.routes.filter((name) => !names.includes(name));
  const free = names.filter((name) => !rollout.routes.includes(name));
  return foreign.length === 1 && free.length === 1 ? http.map((rule) => (rule["name"] === free[0] ? { ...rule, name: foreign[0] } : rule)) : http;
}

/**
 * The Service's host and the further ones. A TLS rule matches the server name that the caller sends, letter by letter,
 * and the rule's names must stand in `hosts`: every form of the Service's name is listed where one splits traffic.
 */
function listHosts(service: MeshService, host: string, { config }: MeshContext, splitsTls: boolean): readonly string[] {
  const scope = { namespace: service.namespace, clusterDomain: config.clusterDomain };
  const further = service.settings.valueOf("hosts") ?? [];
  if (splitsTls && service.namespace !== "") {
    const dotted = `${service.name}.${service.namespace}`;
    return [...new Set([service.name, dotted, `${dotted}.svc`, fullHost(service.name, scope), ...further])];
  }
  const hosts = new Map([host, ...further].map((each) => [resolveHost(each, scope), each]));
  hosts.set(resolveHost(host, scope), host);
  return [...hosts.values()];
}

/** Further hosts of a Service for which no rule is made: TCP is routed by address, not by name. */
function checkHosts(service: MeshService): readonly Diagnostic[] {
  const hosts = service.settings.get("hosts");
  return hosts ? [diagnose("IZ218", hosts.source.place, {
    key: "istiomize.dev/hosts", why: "an HTTP port: TCP traffic is routed by address, not by host name", help: "remove it, or declare the port with `appProtocol: http`",
  })] : [];
}

function makeRoute(service: MeshService, plan: RoutePlan, port: ServicePort, diagnostics: Diagnostic[]): readonly Mapping[] {
  if (!plan.targets) return [{ destination: { host: plan.host, port: { number: port.number } } }];
  return plan.targets.map((target) => {
    const number = targetPort(target, port);
    if (number === undefined && port.protocol !== "udp") {
      diagnostics.push(diagnose("IZ304", plan.place!, { service: nameOf(target.service.object), port: String(port.number), known: target.service.ports.map(describePort) }, { subject: service.ref }));
    }
    return compact({
      destination: { host: target.host, subset: target.subset?.name, port: { number: number ?? port.number } },
      weight: plan.targets!.length > 1 ? target.weight : undefined,
    });
  });
}

/** `attempts: 0` stands alone: Istio refuses any other retry field beside it. */
function makeRetries(settings: Settings): Mapping | undefined {
  const attempts = settings.valueOf("retry-attempts");
  if (attempts === 0) return { attempts: 0 };
  const fields = httpSettings.filter((name) => name !== "timeout" && settings.has(name));
  if (fields.length === 0) return undefined;
  const written = fields.map((name) => {
    const row = rows[name];
    const { value } = settings.get(name)!;
    return [row.writes.split(".").at(-1)!, row.field ? row.field(value) : value] as const;
  });
  return { attempts: attempts ?? 2, ...Object.fromEntries(written) };
}

function leftOut(service: MeshService, port: ServicePort): Diagnostic {
  const protocol = { tcp: "TCP", tls: "TLS", udp: "UDP" }[port.protocol as string] ?? port.protocol;
  return diagnose("IZ335", { ref: service.ref, path: ["spec", "ports", `[${service.ports.indexOf(port)}]`] }, { port: describePort(port), declaredBy: port.declaredBy, protocol });
}

function checkPort(port: ServicePort, settings: Settings, service: MeshService): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  if (port.protocol === "sniffed") {
    found.push(diagnose("IZ336", { ref: service.ref, path: ["spec", "ports", `[${service.ports.indexOf(port)}]`] }, { port: describePort(port) }));
  }
  const timeout = settings.get("timeout");
  if (timeout && port.protocol === "grpc") {
    found.push(diagnose("IZ313", timeout.source.place, { timeout: timeout.value, port: describePort(port) }, { subject: service.ref }));
  }
  return found;
}

/** HTTP settings on a Service without an HTTP port, and port settings on a port that is none. */
function checkFit(service: MeshService): readonly Diagnostic[] {
  if (service.shape === "external-name" || service.shape === "udp") return [];
  const ports = describePorts(service.ports);
  const misfit = (setting: Setting, code: "IZ214" | "IZ215", which: string): Diagnostic => (code === "IZ214"
    ? diagnose(code, setting.source.place, { needs: "HTTP or gRPC", ports: which }, { subject: service.ref })
    : diagnose(code, setting.source.place, { needs: "HTTP or gRPC" }, { subject: service.ref }));
  const whole = service.ports.some(isHttp) ? [] : [...service.settings.all()].filter(needsHttp).map((setting) => misfit(setting, isOwn(setting) ? "IZ214" : "IZ215", ports));
  const behindPorts = service.ports.filter((port) => !isHttp(port)).flatMap((port) =>
    [...(service.portLayers.get(port.number)?.values() ?? [])].filter((setting) => !setting.removed && needsHttp(setting)).map((setting) => misfit(setting, "IZ214", describePorts([port]))));
  return [...whole, ...behindPorts];
}

function describePorts(ports: readonly ServicePort[]): string {
  if (ports.length === 0) return "no ports";
  return ports.map((port) => `port ${describePort(port)}: ${port.protocol === "tls" ? "TLS" : port.protocol.toUpperCase()}, by ${port.declaredBy}`).join("; ");
}
