import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { defined, type Mapping } from "../kube/object.ts";
import type { Generated, Made, MeshContext } from "../mesh/context.ts";
import type { PlannedRule, RoutePlan, View } from "../mesh/plan.ts";
import { nameOfRule } from "../mesh/rule-names.ts";
import type { MeshService } from "../mesh/service.ts";
import { makeExportTo } from "./export-to.ts";
import { madeFor, makeMetadata } from "./metadata.ts";
import { applyPatch } from "./patch.ts";
import { joinByHost } from "./virtual-service-by-host.ts";
import { isOpen, makeRoute, matchOf, pushBytes, pushRaw, pushRule, writeRules, type WrittenRules } from "./virtual-service.ts";

/** A VirtualService for what comes through one gateway to one Service. */
export interface GatewayDraft {
  readonly service: MeshService;
  readonly view: View & { readonly binding: NonNullable<View["binding"]> };
  readonly written: WrittenRules;
}

/**
 * One VirtualService for each Service and gateway that it is bound to; where `spec.gateways.<alias>.virtualServices`
 * is `host`, one for each host of the gateway.
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#VirtualService
 */
export function makeGatewayVirtualServices(context: MeshContext): Omit<Generated, "edits"> {
  const diagnostics: Diagnostic[] = [];
  const drafts = context.services.filter(({ shape }) => shape !== "external-name" && shape !== "udp").flatMap((service) => {
    const plan = context.plans.get(service)!;
    return plan.gateways.map((view) => draft(service, plan, view as GatewayDraft["view"], diagnostics));
  }).filter(({ written: { http, tls, tcp }, view }) => http.length + tls.length + tcp.length > 0 || view.settings.has("virtual-service-patch"));
  const isByHost = ({ view }: GatewayDraft): boolean => view.binding.described?.virtualServices === "host";
  const made = drafts.filter((each) => !isByHost(each)).map((each) => write(each, context));
  const joined = joinByHost(drafts.filter(isByHost), context);
  return { made: [...made, ...joined.made], diagnostics: [...diagnostics, ...joined.diagnostics] };
}

/** The rules of a Service behind a gateway. */
function draft(service: MeshService, plan: RoutePlan, view: GatewayDraft["view"], diagnostics: Diagnostic[]): GatewayDraft {
  const { binding, rules } = view;
  const { port, kind, servers, hosts } = binding;
  const written: WrittenRules = { http: [], tls: [], tcp: [], decided: [] };
  diagnostics.push(...checkSeen(service, view));
  pushRaw(written, view, service);
  const standard = rules.find((rule) => rule.kind === "default");
  if (kind === "http") {
    const names = new Set<string>();
    for (const rule of rules) pushRule(written, service, plan, rule, port, nameOnce(rule, names), matchOf(rule), diagnostics, binding.path as readonly Mapping[] | undefined);
  } else if (standard) {
    const route = makeRoute(service, plan, standard, port, diagnostics);
    const ports = servers.length > 0 ? [...new Set(servers.map((server) => server.port))] : [port.number];
    for (const number of ports) pushBytes(written, kind, standard, { match: [{ port: number, ...(kind === "tls" && { sniHosts: hosts }) }], route });
  }
  return { service, view, written };
}

/** Routes that are exported past the gateway that they are for (rule H6). */
function checkSeen(service: MeshService, { binding, settings }: GatewayDraft["view"]): readonly Diagnostic[] {
  const written = settings.get("export-to");
  const exportTo = written?.value ?? binding.described?.exportTo;
  const namespace = binding.described?.workload.namespace ?? binding.gateway.split("/")[0]!;
  if (!exportTo || namespace === "" || service.namespace === "" || exportTo.some((each) => each === "*" || each === namespace || (each === "." && service.namespace === namespace))) return [];
  return [diagnose("IZ230", (written ?? binding.setting).source.place, { exportTo, gateway: binding.alias, namespace }, { subject: service.ref })];
}

function nameOnce({ name }: PlannedRule, names: Set<string>): string {
  const free = names.has(name) ? `${name}-${names.size}` : name;
  names.add(free);
  return free;
}

function write({ service, view, written }: GatewayDraft, context: MeshContext): Made {
  const { binding, settings } = view;
  const patch = settings.get("virtual-service-patch");
  const generated = defined({ hosts: binding.hosts, gateways: [binding.gateway], exportTo: makeExportTo(settings.valueOf("export-to") ?? binding.described?.exportTo, service.namespace), ...writeRules(written) });
  return {
    beside: service.item, decided: [{ path: ["spec"], settings, also: [binding.setting] }, ...written.decided], isOpen: isOpen(view),
    object: {
      apiVersion: "networking.istio.io/v1", kind: "VirtualService",
      metadata: makeMetadata(context, nameOfRule(context.config, "gatewayVirtualService", service.name, binding.alias), service.namespace, madeFor(service), 1),
      spec: patch ? applyPatch(generated, patch.value) : generated,
    },
  };
}
