import { layerSettings, type Layer, type Settings } from "../annotations/setting.ts";
import type { SettingName } from "../annotations/table.ts";
import { ownsPods } from "../annotations/read.ts";
import { readYaml } from "../annotations/values.ts";
import { asMapping, mappingAt, stringsAt, type Item, type Mapping } from "../kube/object.ts";
import { podMetadataPath } from "../mesh/workload.ts";
import { isExcluded, namespaceFor } from "../mesh/levels.ts";
import type { Edit, Generator, MeshContext } from "../mesh/context.ts";
import { askedLabel, defaultLabel, meshedNamespaces } from "../mesh/injection.ts";

/** Istio's own defaults: naming any one of the four discards the rest, so all four are always written. */
const resources = [
  ["proxy-cpu", "sidecar.istio.io/proxyCPU", "100m"],
  ["proxy-memory", "sidecar.istio.io/proxyMemory", "128Mi"],
  ["proxy-cpu-limit", "sidecar.istio.io/proxyCPULimit", "2000m"],
  ["proxy-memory-limit", "sidecar.istio.io/proxyMemoryLimit", "1024Mi"],
] as const satisfies readonly (readonly [SettingName, string, string])[];

const proxyConfig = [
  ["hold-application-until-proxy-starts", "holdApplicationUntilProxyStarts"],
  ["drain-duration", "terminationDrainDuration"],
  ["concurrency", "concurrency"],
] as const satisfies readonly (readonly [SettingName, string])[];

const traffic = [
  ["include-outbound-ip-ranges", "traffic.sidecar.istio.io/includeOutboundIPRanges"],
  ["exclude-outbound-ip-ranges", "traffic.sidecar.istio.io/excludeOutboundIPRanges"],
  ["exclude-inbound-ports", "traffic.sidecar.istio.io/excludeInboundPorts"],
  ["exclude-outbound-ports", "traffic.sidecar.istio.io/excludeOutboundPorts"],
] as const satisfies readonly (readonly [SettingName, string])[];

/**
 * Labels and annotations of pod templates: injection of one workload, and the resources and options of its sidecar.
 * @see https://istio.io/latest/docs/reference/config/annotations/
 */
export const generatePodTemplates: Generator = (context) => {
  const meshed = new Set(meshedNamespaces(context));
  const workloads = context.workloads.flatMap(({ item }) => editWorkload(item, meshed, context));
  const others = context.sources.filter(({ object }) => ownsPods(object)).flatMap((item) => editLabels(item, context.levels.of(item.object).own));
  return { made: [], edits: [...workloads, ...others], diagnostics: [] };
};

function editWorkload(item: Item, meshed: ReadonlySet<string>, context: MeshContext): readonly Edit[] {
  if (!mayHold(item, context)) return [];
  const { nearest, all } = layersOfPods(item, meshed, context);
  return [...editLabels(item, context.levels.of(item.object).own, layerSettings(nearest)), ...editAnnotations(item, layerSettings(all))];
}

/** Settings that stand on pod templates; `profile` brings others in. */
const ofPods = new Set<SettingName>([
  "inject", "revision", "dataplane-mode", "profile", ...resources.map(([name]) => name), ...proxyConfig.map(([name]) => name), ...traffic.map(([name]) => name),
]);

/** Whether any level of a workload says something of its pods; most say nothing. */
function mayHold({ object }: Item, { config, levels }: MeshContext): boolean {
  return [levels.of(object).own, ...levels.ofNamespace(namespaceFor(object, config)), config.defaults].some((layer) => {
    for (const { name } of layer.values()) if (ofPods.has(name)) return true;
    return false;
  });
}

/** The levels behind a workload's pods, farthest first: those that hold for its labels, and those for its sidecar. */
export function layersOfPods(item: Item, meshed: ReadonlySet<string>, context: MeshContext): { readonly nearest: readonly Layer[]; readonly all: readonly Layer[] } {
  const { config, levels } = context;
  const namespace = namespaceFor(item.object, config);
  const { own } = levels.of(item.object);
  const profiles = levels.profilesOf(own) ?? [];
  const nearest = [...profiles, own];
  const above = levels.ofNamespace(namespace).flatMap((layer) => [...(profiles.length > 0 ? [] : levels.profilesOf(layer) ?? []), layer]);
  const inMesh = (meshed.has(namespace) || (namespace === "" && context.services.length > 0)) && !isExcluded(namespace, config) && defaultLabel(context) !== undefined;
  const isInjected = layerSettings(nearest).valueOf("inject") ?? (askedLabel(context, namespace)?.value !== "disabled");
  return { nearest, all: isInjected ? [...(inMesh ? [config.defaults] : []), ...above, ...nearest] : nearest };
}

function editLabels(item: Item, own: Layer, settings: Settings = layerSettings([own])): readonly Edit[] {
  const inject = settings.valueOf("inject");
  const wanted: readonly (readonly [string, string | undefined])[] = [
    ["sidecar.istio.io/inject", inject === undefined ? undefined : String(inject)],
    ["istio.io/rev", settings.valueOf("revision")],
    ["istio.io/dataplane-mode", settings.valueOf("dataplane-mode")],
  ];
  return writeEntries(item, "labels", wanted);
}

function editAnnotations(item: Item, settings: Settings): readonly Edit[] {
  const setsResources = resources.some(([name]) => settings.has(name));
  const wanted: readonly (readonly [string, string | undefined])[] = [
    ...resources.map(([name, key, fallback]) => [key, setsResources ? settings.valueOf(name) ?? fallback : undefined] as const),
    ["proxy.istio.io/config", mergeProxyConfig(item, settings)],
    ...traffic.map(([name, key]) => [key, settings.valueOf(name)?.join(",")] as const),
  ];
  return writeEntries(item, "annotations", wanted);
}

function mergeProxyConfig(item: Item, settings: Settings): string | undefined {
  const added = Object.fromEntries(proxyConfig.filter(([name]) => settings.has(name)).map(([name, field]) => [field, settings.valueOf(name)]));
  if (Object.keys(added).length === 0) return undefined;
  const present: Mapping = asMapping(readYaml(stringsAt(item.object, ...podMetadataPath(item.object), "annotations")["proxy.istio.io/config"] ?? "")) ?? {};
  return JSON.stringify({ ...present, ...added });
}

function writeEntries(item: Item, section: "labels" | "annotations", wanted: readonly (readonly [string, string | undefined])[]): readonly Edit[] {
  const path = [...podMetadataPath(item.object), section];
  const present = mappingAt(item.object, ...path);
  return wanted.flatMap(([key, value]) => (value === undefined || present[key] === value ? [] : [{ item, path: [...path, key], value }]));
}
