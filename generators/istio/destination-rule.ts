import { blockOf, policyFieldOf } from "../annotations/policy.ts";
import type { Setting, Settings } from "../annotations/setting.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { asMapping, compact, type KubeObject, type Mapping } from "../kube/object.ts";
import { describePort, isHttp, type ServicePort } from "../kube/protocol.ts";
import type { RoutePlan } from "../mesh/plan.ts";
import type { Decided } from "../mesh/origin.ts";
import { isAddressOnly } from "../mesh/governed.ts";
import { isOwn, needsHttp, type MeshService } from "../mesh/service.ts";
import { holdsPolicy, isPolicy, type Subset } from "../mesh/subsets.ts";
import type { Generator, MeshContext } from "../mesh/context.ts";
import { nameOfRule } from "../mesh/rule-names.ts";
import { makeExportTo } from "./export-to.ts";
import { madeFor, makeMetadata } from "./metadata.ts";
import { applyPatch } from "./patch.ts";
import { makeTrafficPolicy, type Fits } from "./traffic-policy.ts";

/**
 * One DestinationRule for each meshed Service that has a policy or whose routes name subsets.
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/
 */
export const generateDestinationRules: Generator = (context) => {
  const results = context.services.map((service) => makeDestinationRule(service, context));
  return {
    made: results.flatMap(({ diagnostics: _, object, ...rest }, i) => (object ? [{ ...rest, object, beside: context.services[i]!.item }] : [])),
    edits: [],
    diagnostics: results.flatMap(({ diagnostics }) => diagnostics),
  };
};

function makeDestinationRule(service: MeshService, context: MeshContext): { object?: KubeObject; decided?: readonly Decided[]; isOpen?: boolean; diagnostics: readonly Diagnostic[] } {
  if (service.shape === "external-name" || service.shape === "udp") return { diagnostics: [] };
  if (isAddressOnly(service.governed, service.object)) return { diagnostics: checkAddress(service) };
  const plan = context.plans.get(service)!;
  const diagnostics: Diagnostic[] = [...checkHeadless(service)];
  const trafficPolicy: Mapping = compact({
    ...makeTrafficPolicy(service.settings, fitsService(service)),
    portLevelSettings: nonEmpty(makePortLevels(service, undefined)),
  });
  const subsets = service.shape === "headless" ? [] : makeSubsets(service, plan, diagnostics);
  diagnostics.push(...checkEmptied(service), ...checkPorts(service));
  const patch = service.settings.valueOf("destination-rule-patch");
  if (Object.keys(trafficPolicy).length === 0 && subsets.length === 0 && !patch) return { diagnostics };
  const clients = service.settings.valueOf("client-selector");
  const generated: Mapping = compact({ host: plan.host, workloadSelector: clients && { matchLabels: clients }, exportTo: makeExportTo(service.settings.valueOf("export-to"), service.namespace), trafficPolicy, subsets: nonEmpty(subsets) });
  return {
    diagnostics,
    decided: decide(service),
    isOpen: patch !== undefined,
    object: {
      apiVersion: "networking.istio.io/v1", kind: "DestinationRule",
      metadata: makeMetadata(context, service.governed?.destinationRule ?? nameOfRule(context.config, "destinationRule", service.name), service.namespace, madeFor(service)),
      spec: patch ? applyPatch(generated, patch) : generated,
    },
  };
}

/** What Istio takes for a whole Service or subset only: an entry for a port replaces it with nothing. */
function checkPorts(service: MeshService): readonly Diagnostic[] {
  const ports = portsWithPolicy(service);
  if (ports.length === 0) return [];
  const whole = [service.settings, ...service.subsets.map(({ layer }) => service.settings.with(layer))]
    .flatMap((settings) => (["retry-budget", "proxy-protocol", "tunnel"] as const).flatMap((name) => settings.find(name) ?? []));
  return [...new Set(whole)].map((setting) => diagnose("IZ218", setting.source.place, {
    key: `${setting.source.place.path.at(-1)!} on port ${ports.map(describePort).join(", ")}`, why: "ports without a policy of their own: Istio takes an entry for a port instead of the whole policy, and knows this setting in none",
    help: "put what stands behind port. on the whole Service, or give that port a Service of its own",
  }, { subject: service.ref }));
}

/** The settings behind the rule, its ports and its subsets. */
function decide(service: MeshService): readonly Decided[] {
  const ports = (path: readonly string[], settings: Settings): readonly Decided[] => portsWithPolicy(service).map((port, i) =>
    ({ path: [...path, "trafficPolicy", "portLevelSettings", `[${i}]`], settings: settings.with(service.portLayers.get(port.number)!) }));
  const defined = service.subsets.filter(({ labels }) => labels);
  return [
    { path: ["spec"], settings: service.settings }, ...ports(["spec"], service.settings),
    ...defined.flatMap(({ layer }, i) => (layer.size === 0 ? [] : [
      { path: ["spec", "subsets", `[${i}]`], settings: service.settings.with(layer) }, ...ports(["spec", "subsets", `[${i}]`], service.settings.with(layer)),
    ])),
  ];
}

/** Ports that have a policy of their own. */
function portsWithPolicy(service: MeshService): readonly ServicePort[] {
  if (service.portLayers.size === 0) return [];
  return service.ports.filter(({ number }) => [...(service.portLayers.get(number)?.values() ?? [])].some(({ name }) => blockOf(name) !== undefined));
}

/** Subsets that rules in Istio's own fields name. */
function rawSubsets({ mesh, gateways }: RoutePlan): readonly string[] {
  return [mesh, ...gateways].flatMap(({ settings, raw, rules }) => [...rules.map(({ raw: fields }) => fields), ...[...raw.tcp, ...raw.tls].map(({ fields }) => fields), settings.valueOf("virtual-service-patch")])
    .flatMap(findSubsetNames);
}

function findSubsetNames(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(findSubsetNames);
  const mapping = asMapping(value);
  return mapping ? Object.entries(mapping).flatMap(([key, entry]) => (key === "subset" && typeof entry === "string" ? [entry] : findSubsetNames(entry))) : [];
}

/** Policies on a Service whose traffic a Rollout sends to two others, where they hold for nothing. */
function checkAddress(service: MeshService): readonly Diagnostic[] {
  const { stableService, canaryService } = service.governed!.rollout;
  return [...service.own.values(), ...[...service.portLayers.values()].flatMap((layer) => [...layer.values()])].filter(({ name, removed }) => isPolicy(name) && !removed).map((setting) => diagnose("IZ218", setting.source.place, {
    key: setting.source.place.path.at(-1)!, why: `a Service that traffic reaches: the Rollout sends what is for ${service.name} to ${stableService} and ${canaryService}`,
    help: "put it on the Rollout, from which both get it",
  }));
}

function nonEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}

/** For a headless Service the caller picks the pod: load balancing and outlier detection do not steer it. */
function fitsService(service: MeshService): Fits {
  const hasHttp = service.ports.some(isHttp);
  return (setting) => (hasHttp || !needsHttp(setting)) && !(service.shape === "headless" && isSteering(setting));
}

function isSteering({ name }: Setting): boolean {
  const block = blockOf(name);
  return block === "loadBalancer" || block === "outlierDetection";
}

function checkHeadless(service: MeshService): readonly Diagnostic[] {
  if (service.shape !== "headless") return [];
  const steering = [...service.settings.all()].filter(isSteering);
  const hash = service.settings.get("consistent-hash");
  const scoped = service.subsets.flatMap(({ layer }) => [...layer.values()].filter(({ source, removed }) => !removed && source.place.ref.kind === "Service").slice(0, 1));
  const refused = [
    ...(hash && isOwn(hash) ? [diagnose("IZ334", hash.source.place, { key: "consistent-hash" })] : []),
    ...scoped.map(({ source }) => diagnose("IZ334", source.place, { key: source.place.path.at(-1)! })),
  ];
  const left = steering.filter(({ name }) => name !== "consistent-hash" && name !== "consistent-hash-algorithm").map(({ name }) => name);
  return left.length === 0 ? refused : [...refused, diagnose("IZ333", { ref: service.ref, path: ["spec", "clusterIP"] }, { left })];
}

/** Istio replaces everything for a port that has settings of its own, so each entry is written complete. */
function makePortLevels(service: MeshService, subset: Subset | undefined): readonly Mapping[] {
  return portsWithPolicy(service).flatMap((port) => {
    const layer = service.portLayers.get(port.number)!;
    const settings = subset ? service.settings.with(subset.layer, layer) : service.settings.with(layer);
    const policy = makeTrafficPolicy(settings, fitsPort(service, port));
    return Object.keys(policy).length === 0 ? [] : [{ port: { number: port.number }, ...policy }];
  });
}

function fitsPort(service: MeshService, port: ServicePort): Fits {
  const fits = fitsService(service);
  return (setting) => blockOf(setting.name) !== undefined && fits(setting) && (isHttp(port) || !needsHttp(setting));
}

/** All subsets as soon as one is needed: by a route, or because a workload has a policy of its own. */
function makeSubsets(service: MeshService, plan: RoutePlan, diagnostics: Diagnostic[]): readonly Mapping[] {
  const routed = new Set([...plan.named.flatMap(({ subset, service: target }) => (subset && target.object === service.object ? [subset.name] : [])), ...rawSubsets(plan)]);
  const withPolicy = service.subsets.filter(({ layer }) => layer.size > 0);
  if (routed.size === 0 && withPolicy.length === 0) return [];
  for (const { name, layer } of withPolicy) {
    const first = [...layer.values()][0]!;
    if (!routed.has(name) && plan.setting?.name !== "active") diagnostics.push(diagnose("IZ360", first.source.place, { subset: name }, { subject: service.ref }));
  }
  return service.subsets.filter(({ labels }) => labels).map((subset) => compact({
    name: subset.name, labels: subset.labels, trafficPolicy: makeSubsetPolicy(service, subset),
  }));
}

/** A block that the subset touches replaces the Service's, so it is written with what it inherits. */
function makeSubsetPolicy(service: MeshService, subset: Subset): Mapping | undefined {
  if (!holdsPolicy(subset.layer)) return undefined;
  const whole = makeTrafficPolicy(service.settings.with(subset.layer), fitsService(service));
  const touched = new Set([...subset.layer.values()].map(({ name }) => policyFieldOf(name)));
  return compact({
    ...Object.fromEntries(Object.entries(whole).filter(([field]) => touched.has(field))),
    portLevelSettings: nonEmpty(makePortLevels(service, subset)),
  });
}

/** `none` for all that a block holds cannot be said for one port or subset: Istio then takes the Service's block. */
function checkEmptied(service: MeshService): readonly Diagnostic[] {
  const narrower = [...service.portLayers.values(), ...service.subsets.map(({ layer }) => layer)].filter((layer) => [...layer.values()].some(({ removed }) => removed));
  if (narrower.length === 0) return [];
  const whole = makeTrafficPolicy(service.settings, fitsService(service));
  return narrower.flatMap((layer) => {
    const own = makeTrafficPolicy(service.settings.with(layer), fitsService(service));
    return [...layer.values()].filter((setting) => {
      const block = setting.removed ? policyFieldOf(setting.name) : undefined;
      return block !== undefined && whole[block] !== undefined && own[block] === undefined;
    }).map((setting) => diagnose("IZ218", setting.source.place, {
      key: `${setting.source.place.path.at(-1)}: none`, why: "a value: Istio takes the Service's settings where nothing is left for this port or subset",
      help: "write Istio's default as the value, or remove the setting from the Service",
    }, { subject: service.ref }));
  });
}
