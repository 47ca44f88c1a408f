import { describeSetting, keyOf, layerSettings, type Layer, type Setting } from "../annotations/setting.ts";
import { rows, type SettingName } from "../annotations/table.ts";
import { diagnose, type Diagnostic, type Outcome } from "../diagnostics/diagnostic.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { carrierOf } from "../annotations/read.ts";
import { asText, mappingAt, nameOf, namespaceOf, refOf, stringsAt, type Item, type KubeObject, type ResourceRef } from "../kube/object.ts";
import { describePort, portsOf, type ServicePort } from "../kube/protocol.ts";
import type { MeshConfig } from "./config.ts";
import { isExcluded, layersOf, namespaceFor, shapesTraffic, type Levels } from "./levels.ts";
import { isBeforeGateway } from "./gateways.ts";
import { targetLayers, withTargets } from "./targets.ts";
import type { FlaggerTarget } from "./flagger.ts";
import { isAddressOnly } from "./governed.ts";
import type { Governed } from "./rollouts.ts";
import type { MeshService, ServiceShape } from "./service.ts";
import { checkSubsets, findSubsets, flatten, holdsPolicy, isPolicy, mergeWorkloads, type AnnotatedWorkload, type Subset } from "./subsets.ts";
import { WorkloadIndex, type Workload } from "./workload.ts";

/** A Service of the input, meshed or not: what a destination may name. */
export interface KnownService {
  readonly item: Item;
  readonly object: KubeObject;
  readonly ports: readonly ServicePort[];
  readonly shape: ServiceShape;
  readonly workloads: readonly AnnotatedWorkload[];
}

/** The Services of the input with the workloads behind each. */
export function pairWorkloads(sources: readonly Item[], workloads: readonly Workload[], levels: Levels): readonly KnownService[] {
  const index = new WorkloadIndex(workloads);
  return sources.filter(({ object }) => carrierOf(object) === "Service").map((item): KnownService => {
    const { object } = item;
    const ports = portsOf(object);
    const selector = mappingAt(object, "spec", "selector");
    const found = index.find(namespaceOf(object), selector).map((workload): AnnotatedWorkload => {
      const { own } = levels.of(workload.item.object);
      return { workload, own, profiled: flatten([...(levels.profilesOf(own) ?? []), own]) };
    });
    return { item, object, ports, shape: shapeOf(object, ports, selector), workloads: found };
  });
}

function shapeOf(object: KubeObject, ports: readonly ServicePort[], selector: { readonly [key: string]: unknown }): ServiceShape {
  const spec = mappingAt(object, "spec");
  if (spec["type"] === "ExternalName") return "external-name";
  if (spec["clusterIP"] === "None") return "headless";
  if (Object.keys(selector).length === 0) return "selector-less";
  return ports.length > 0 && ports.every(({ protocol }) => protocol === "udp") ? "udp" : "cluster";
}

/** Every meshed Service with its settings, layer by layer, each remembering where it came from. */
export function resolveSettings(known: readonly KnownService[], levels: Levels, config: MeshConfig, governed: ReadonlyMap<KubeObject, Governed>): Outcome<readonly MeshService[]> {
  const diagnostics: Diagnostic[] = [...checkPlacement(known, governed)];
  const services = known.flatMap((service) => {
    const resolved = resolveService(service, levels, config, governed.get(service.object));
    if (!resolved.isMeshed) {
      diagnostics.push(...checkDead(service, levels));
      return [];
    }
    diagnostics.push(...resolved.diagnostics);
    return [resolved.service];
  });
  return { value: services, diagnostics };
}

function resolveService(known: KnownService, levels: Levels, config: MeshConfig, governed: Governed | undefined): { isMeshed: boolean; service: MeshService; diagnostics: readonly Diagnostic[] } {
  const { item, object, ports, shape } = known;
  const ref = refOf(object);
  const namespace = namespaceFor(object, config);
  const { own } = levels.of(object);
  const { scopes } = withTargets(item, levels.of(object), config);
  const targets = targetLayers(known, config);
  const above = [...levels.ofNamespace(namespace), ...targets];
  const reached = known.workloads.filter(({ own: layer }) => layer.size > 0);
  const rule = governed?.role === "apex" ? governed.rollout.rule : undefined;
  const { subsets, diagnostics: ofSubsets } = rule ? governSubsets(known, rule, scopes.subset) : findSubsets(known.workloads, ref, scopes.subset);
  const split = subsets.length > 1 && !rule;
  const shared = mergeWorkloads(reached, (name) => isShared(name, split) && fitsRole(name, governed, object), ref, split
    ? "only DestinationRule settings can differ between subsets"
    : "without two subsets (pod label `version`) no setting can differ");
  const isMeshed = decide(known, own, flatten([...targets, ...layersOf({ own, scopes }), own]), shared.layer, above, namespace, config);
  const unsplit = split ? [] : checkUnsplit(known, ref);
  const profiles = nearestProfiles([own, shared.layer, ...above.toReversed()], levels);
  const layers = [
    config.defaults, ...profiles.below(2, above), ...profiles.at(1).map((layer) => onlyShared(layer, split)), shared.layer, ...profiles.at(0), own,
  ];
  const portLayers = new Map<number, Layer>();
  const diagnostics: Diagnostic[] = [...ofSubsets, ...shared.diagnostics, ...unsplit];
  if (split && reached.some(({ profiled }) => holdsPolicy(profiled))) diagnostics.push(...checkSubsets(subsets, known.workloads, ref));
  for (const [written, layer] of scopes.port) {
    const port = ports.find(({ name, number }) => name === written || String(number) === written);
    if (port) {
      const other: Layer = portLayers.get(port.number) ?? new Map();
      diagnostics.push(...checkSpellings(other, layer));
      portLayers.set(port.number, flatten([other, layer]));
    }
    else diagnostics.push(...[...layer.values()].slice(0, 1).map(({ source }) => diagnose("IZ209", source.place, { port: written, known: ports.map(describePort) })));
  }
  return {
    isMeshed, diagnostics,
    service: {
      item, object, ref, name: nameOf(object), namespace, shape, ports, subsets, own, portLayers, gatewayLayers: scopes.gateway, routeLayers: scopes.route,
      ...(governed && { governed }), selector: stringsAt(object, "spec", "selector"), workloads: known.workloads, layers, settings: layerSettings(layers),
    },
  };
}

/** The two subsets that a Rollout names: it tells their pods apart itself, by a label that it adds to both. */
function governSubsets({ object, workloads }: KnownService, rule: { readonly stable: string; readonly canary: string }, scoped: ReadonlyMap<string, Layer>): { readonly subsets: readonly Subset[]; readonly diagnostics: readonly Diagnostic[] } {
  const labels = stringsAt(object, "spec", "selector");
  const known = [rule.stable, rule.canary];
  const subsets = known.map((name): Subset => ({ name, labels, workloads: workloads.map(({ workload }) => workload), layer: new Map([...(scoped.get(name) ?? [])].filter(([key]) => key !== "labels")) }));
  const diagnostics = [...scoped].flatMap(([name, layer]) => {
    const first = [...layer.values()][0];
    const written = layer.get("labels");
    if (first && !known.includes(name)) return [diagnose("IZ221", first.source.place, { name, known, isDefined: false, suggestion: suggest(name, known) })];
    return written && !written.removed ? [diagnose("IZ218", written.source.place, {
      key: written.source.place.path.at(-1)!, why: "a subset that no Rollout splits: Argo Rollouts tells the pods of this one apart by a label of its own", help: "remove it",
    })] : [];
  });
  return { subsets, diagnostics };
}

/** A Rollout's route settings are for the Service whose routes it splits, its policies for those that traffic reaches. */
function fitsRole(name: SettingName, governed: Governed | undefined, object: KubeObject): boolean {
  if (governed && governed.role !== "apex") return rows[name].family !== "VirtualService";
  return !(isAddressOnly(governed, object) && isPolicy(name));
}

/** Traffic settings on a Service that another object takes out of the mesh. */
function checkDead({ object }: KnownService, levels: Levels): readonly Diagnostic[] {
  const { own } = levels.of(object);
  const first = [...own.values()].find(({ name }) => rows[name].family === "VirtualService" || isPolicy(name));
  if (!first || own.has("enabled")) return [];
  return [diagnose("IZ218", first.source.place, {
    key: first.source.place.path.at(-1)!, why: 'a Service in the mesh; enabled: "false" on its Namespace or workload takes it out',
    help: 'set istiomize.dev/enabled: "true" on the Service, or remove its settings',
  })];
}

/** A DestinationRule setting of one workload among several that are no subsets: it would hold for the others too. */
function checkUnsplit(known: KnownService, service: ResourceRef): readonly Diagnostic[] {
  if (known.workloads.length < 2) return [];
  return known.workloads.flatMap(({ workload, own }) => [...own.values()].filter(({ name }) => isPolicy(name)).flatMap((setting) => {
    const other = known.workloads.find((each) => each.workload !== workload && !each.own.has(setting.name));
    return other ? [diagnose("IZ213", setting.source.place, {
      one: describeSetting(setting), other: `nothing on ${other.workload.name}`, service: service.name,
      why: "without a pod label `version` on each, the workloads are one set, and it would hold for all of them",
    })] : [];
  }));
}

function onlyShared(layer: Layer, split: boolean): Layer {
  return new Map([...layer].filter(([, { name }]) => isShared(name, split)));
}

/** One port written by its name and by its number, with the same setting or two that exclude each other. */
function checkSpellings(one: Layer, other: Layer): readonly Diagnostic[] {
  return [...other.values()].flatMap((setting) => {
    const clash = [keyOf(setting), ...(rows[setting.name].excludes ?? [])].map((key) => one.get(key)).find((each) => each !== undefined);
    const key = setting.source.place.path.at(-1)!;
    return clash ? [diagnose("IZ205", setting.source.place, { one: clash.source.place.path.at(-1)!, other: key, remove: key })] : [];
  });
}

/** What workloads hand to their Service: all but DestinationRule settings, which go into subsets where there are some. */
function isShared(name: SettingName, split: boolean): boolean {
  const { family } = rows[name];
  if (name === "subset" || name === "accept") return false;
  return family === "VirtualService" || family === "selection" || (family === "DestinationRule" && !split);
}

/** The nearest `profile` counts; its settings stand just below the level that names it. Levels count from the nearest. */
function nearestProfiles(nearestFirst: readonly Layer[], levels: Levels): { at: (level: number) => readonly Layer[]; below: (from: number, above: readonly Layer[]) => readonly Layer[] } {
  const nearest = nearestFirst.findIndex((layer) => layer.has("profile"));
  const at = (level: number): readonly Layer[] => (level === nearest ? levels.profilesOf(nearestFirst[level]!) ?? [] : []);
  return { at, below: (from, above) => above.flatMap((layer, i) => [...at(from + above.length - 1 - i), layer]) };
}

function decide(known: KnownService, own: Layer, ownWithPorts: Layer, workloads: Layer, above: readonly Layer[], namespace: string, config: MeshConfig): boolean {
  const enabled = [own, workloads, ...above.toReversed(), config.defaults].map((layer) => layer.get("enabled")).find((setting): setting is Setting => setting !== undefined && !setting.removed);
  if (enabled?.value === false) return false;
  const bySelf = shapesTraffic(ownWithPorts) || own.get("enabled")?.value === true;
  if (known.shape !== "cluster") return bySelf;
  if (bySelf || shapesTraffic(workloads) || known.workloads.some(({ own: layer }) => shapesTraffic(layer)) || (enabled !== undefined && enabled.source.place.path[1] !== "defaults")) return true;
  if (above.some(shapesTraffic)) return true;
  return (config.services === "all" || enabled?.value === true) && !isExcluded(namespace, config) && !isGateway(known, namespace, config);
}

/** The Service in front of an Istio gateway: its proxies route, they are not routed to. */
function isGateway(known: KnownService, namespace: string, config: MeshConfig): boolean {
  const podLabels = known.workloads.map(({ workload }) => workload.podLabels);
  return isBeforeGateway({ name: nameOf(known.object), namespace, podLabels }, config) || known.workloads.some(({ workload }) =>
    stringsAt(workload.item.object, "spec", "template", "metadata", "annotations")["inject.istio.io/templates"]?.includes("gateway")
    || /gateway$/.test(asText(workload.podLabels["istio"]) ?? ""));
}

/** Workloads whose traffic settings have no Service, or more than one that they could be meant for. */
function checkPlacement(known: readonly KnownService[], governed: ReadonlyMap<KubeObject, Governed>): readonly Diagnostic[] {
  const behind = new Map<AnnotatedWorkload["workload"], { own: Layer; services: KnownService[] }>();
  for (const service of known) {
    for (const { workload, own } of service.workloads) {
      const found = behind.get(workload) ?? { own, services: [] };
      found.services.push(service);
      behind.set(workload, found);
    }
  }
  return [...behind.values()].flatMap(({ own, services }) => {
    const candidates = services.filter(({ shape, object }) => shape === "cluster" && (governed.get(object)?.role ?? "apex") === "apex");
    return candidates.length > 1 ? trafficKeys(own).map((setting) => misplaced(setting, candidates)) : [];
  });
}

/** Workloads without any Service whose annotations nobody can use. */
export function checkUnserved(workloads: readonly Workload[], known: readonly KnownService[], levels: Levels, flagger: readonly FlaggerTarget[]): readonly Diagnostic[] {
  const served = new Set(known.flatMap(({ workloads: found }) => found.map(({ workload }) => workload)));
  return workloads.filter((workload) => !served.has(workload))
    .flatMap((workload) => trafficKeys(levels.of(workload.item.object).own).map((setting) => (flagger.some((target) => target.workload === workload) ? leftToFlagger(setting) : misplaced(setting, []))));
}

/** A route setting or policy that somebody wrote in vain. */
export function leftToFlagger(setting: Setting, subject?: ResourceRef): Diagnostic {
  return diagnose("IZ218", setting.source.place, {
    key: `istiomize.dev/${setting.name}`, why: "a Service whose routes istiomize makes; here Flagger does", help: "set it in the Canary of Flagger",
  }, subject && { subject });
}

function trafficKeys(own: Layer): readonly Setting[] {
  return [...own.values()].filter(({ name, source }) => name !== "subset" && source.profile === undefined && (rows[name].family === "VirtualService" || isPolicy(name)));
}

function misplaced(setting: Setting, services: readonly KnownService[]): Diagnostic {
  return diagnose("IZ212", setting.source.place, { key: setting.source.place.path.at(-1)!, found: services.map(({ object }) => nameOf(object)) });
}
