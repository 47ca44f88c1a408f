import { carrierOf, noSettings, ownsPods, readAnnotations, type ObjectSettings } from "../annotations/read.ts";
import { describeSetting, type Layer, type Setting } from "../annotations/setting.ts";
import { rows, scopes, toFieldName } from "../annotations/table.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { annotationPrefix, asMapping, equal, kindOf, mappingAt, namespaceOf, nameOf, refOf, type Item, type KubeObject } from "../kube/object.ts";
import { whyNotAccepted, type MeshConfig } from "./config.ts";
import { targetLayers, withTargets } from "./targets.ts";
import { findReferred, podMetadataPath } from "./workload.ts";

/** Every object's settings, read once, and the levels that they stand on. */
export interface Levels {
  readonly of: (object: KubeObject) => ObjectSettings;
  /** What the ServiceMesh says of a Namespace, then what the Namespace's annotations say; each below its profile. */
  readonly ofNamespace: (namespace: string) => readonly Layer[];
  /** The settings of the profiles that an object names; nothing where it names none. */
  readonly profilesOf: (layer: Layer) => readonly Layer[] | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

export function readLevels(sources: readonly Item[], config: MeshConfig): Levels {
  const diagnostics: Diagnostic[] = [];
  const byObject = new Map<KubeObject, ObjectSettings>();
  const namespaces = new Map<string, Layer[]>();
  for (const [namespace, layer] of config.namespaces) namespaces.set(namespace, [layer]);
  for (const { object } of sources) {
    diagnostics.push(...checkPodTemplate(object));
    if (!hasOurs(object)) continue;
    const read = readAnnotations(object, config, config.strictness === "warn");
    diagnostics.push(...read.diagnostics, ...checkAcknowledged(read.settings.own));
    byObject.set(object, read.settings);
    if (carrierOf(object) === "Namespace") namespaces.set(nameOf(object), [...(namespaces.get(nameOf(object)) ?? []), read.settings.own]);
  }
  const profiles = (layer: Layer): readonly Layer[] | undefined => profileLayers(layer, config);
  for (const { settings } of config.targets) diagnostics.push(...checkProfiles(settings.own, config), ...checkAcknowledged(settings.own));
  for (const layer of config.namespaces.values()) diagnostics.push(...checkProfiles(layer, config));
  diagnostics.push(...checkNamespaces(sources, config));
  for (const { own } of byObject.values()) {
    diagnostics.push(...checkProfiles(own, config), ...checkLocked([...(profiles(own) ?? []), own], config), ...checkPatches(own, config));
  }
  for (const settings of byObject.values()) for (const layer of layersOf(settings)) diagnostics.push(...checkLocked([layer], config), ...checkPatches(layer, config));
  // Targets stand below what an object says itself. Those of a Service stand below its workloads too, so `resolveSettings` adds them.
  for (const item of config.targets.length === 0 ? [] : sources) {
    const { object } = item;
    const carrier = carrierOf(object);
    if (carrier === "Namespace") namespaces.set(nameOf(object), [...(namespaces.get(nameOf(object)) ?? []), ...targetLayers({ item }, config)]);
    if (carrier === "Workload") byObject.set(object, withTargets(item, byObject.get(object) ?? noSettings, config));
  }
  // Annotations of a Rollout without pods of its own are for the pods of the workload that it refers to.
  for (const [rollout, { object }] of findReferred(sources)) {
    const [far, near] = [byObject.get(object) ?? noSettings, byObject.get(rollout)];
    if (near) byObject.set(object, { own: new Map([...far.own, ...near.own]), scopes: { ...far.scopes, port: mergeScopes(far.scopes.port, near.scopes.port) } });
  }
  return {
    of: (object) => byObject.get(object) ?? noSettings,
    ofNamespace: (namespace) => namespaces.get(namespace) ?? [],
    profilesOf: profiles,
    diagnostics,
  };
}

/** Everything behind a scope, of whatever kind. */
export function layersOf(settings: ObjectSettings): readonly Layer[] {
  return scopes.flatMap((scope) => [...settings.scopes[scope].values()]);
}

function mergeScopes(far: ReadonlyMap<string, Layer>, near: ReadonlyMap<string, Layer>): ReadonlyMap<string, Layer> {
  return new Map([...new Set([...far.keys(), ...near.keys()])].map((of) => [of, new Map([...(far.get(of) ?? []), ...(near.get(of) ?? [])])]));
}

/** Entries of `spec.namespaces` for a namespace that nothing is in: a misspelled name. */
function checkNamespaces(sources: readonly Item[], config: MeshConfig): readonly Diagnostic[] {
  if (config.namespaces.size === 0) return [];
  const present = new Set(sources.map(({ object }) => (carrierOf(object) === "Namespace" ? nameOf(object) : namespaceFor(object, config))));
  return [...config.namespaces.keys()].filter((name) => !present.has(name) && name !== config.rootNamespace)
    .map((name) => diagnose("IZ118", { ref: config.ref, path: ["spec", "namespaces", name] }, { name, suggestion: suggest(name, present) }));
}

function hasOurs(object: KubeObject): boolean {
  for (const key in mappingAt(object, "metadata", "annotations")) if (key.startsWith(annotationPrefix)) return true;
  return false;
}

function checkPodTemplate(object: KubeObject): readonly Diagnostic[] {
  if ((carrierOf(object) !== "Workload" && !ownsPods(object)) || kindOf(object) === "Pod") return [];
  const path = [...podMetadataPath(object), "annotations"];
  const keys = Object.keys(mappingAt(object, ...path)).filter((key) => key.startsWith(annotationPrefix));
  return keys.map((key) => diagnose("IZ211", { ref: refOf(object), path: [...path, key] }, {}));
}

function checkAcknowledged(layer: Layer): readonly Diagnostic[] {
  const accept = layer.get("accept");
  if (!accept || accept.removed) return [];
  return (accept.value as readonly string[]).flatMap((entry) => {
    const code = entry.split("=")[0]!;
    const expects = whyNotAccepted(code);
    return expects === undefined ? [] : [diagnose("IZ201", accept.source.place, { text: code, expects })];
  });
}

function profileLayers(layer: Layer, config: MeshConfig): readonly Layer[] | undefined {
  const profile = layer.get("profile");
  if (!profile) return undefined;
  if (profile.removed) return [];
  return (profile.value as readonly string[]).map((name) => {
    const settings = config.profiles.get(name) ?? new Map<string, Setting>();
    return new Map([...settings].map(([key, setting]) => [key, { ...setting, source: { ...setting.source, profile: name } }]));
  });
}

function checkProfiles(layer: Layer, config: MeshConfig): readonly Diagnostic[] {
  const profile = layer.get("profile");
  if (!profile || profile.removed) return [];
  const known = [...config.profiles.keys()].sort();
  return (profile.value as readonly string[]).filter((name) => !config.profiles.has(name))
    .map((name) => diagnose("IZ116", profile.source.place, { name, known, suggestion: suggest(name, known) }));
}

function checkLocked(layers: readonly Layer[], config: MeshConfig): readonly Diagnostic[] {
  return config.locked.flatMap((name) => layers.flatMap((layer) => {
    const setting = layer.get(name);
    const decided = config.defaults.get(name);
    if (!setting || (decided && !setting.removed && equal(decided.value, setting.value))) return [];
    const naming = setting.source.profile === undefined ? undefined : layers.at(-1)!.get("profile");
    return [diagnose("IZ207", (naming ?? setting).source.place, { text: describeSetting(setting), from: "spec.defaults", value: decided?.source.text ?? "no value" })];
  }));
}

/** The escape hatches may not write what is locked or limited. */
function checkPatches(layer: Layer, config: MeshConfig): readonly Diagnostic[] {
  if (config.locked.length + config.limits.size === 0) return [];
  const guarded = new Set([...config.locked, ...config.limits.keys()]);
  return (["virtual-service-patch", "routes", "destination-rule-patch"] as const).flatMap((name) => {
    const patch = layer.get(name);
    if (!patch || patch.removed) return [];
    const keys = keysWithin(patch.value);
    const kind = name === "destination-rule-patch" ? "DestinationRule" : "VirtualService";
    return [...guarded].filter((each) => rows[each].writes.startsWith(kind) && keys.has(rows[each].writes.split(".").at(-1)!)).map((each) =>
      (config.locked.includes(each)
        ? diagnose("IZ207", patch.source.place, { text: `${rows[each].writes.split(".").at(-1)} in ${name}`, from: "spec.locked", value: `no ${toFieldName(each)} in a patch` })
        : diagnose("IZ206", patch.source.place, { text: `${rows[each].writes.split(".").at(-1)} in ${name}`, limit: `istiomize.dev/${each}, which can be held to its limits`, from: `spec.limits.${toFieldName(each)}` })));
  });
}

function keysWithin(value: unknown): ReadonlySet<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((entry) => [...keysWithin(entry)]));
  const mapping = asMapping(value);
  return mapping ? new Set(Object.entries(mapping).flatMap(([key, entry]) => [key, ...keysWithin(entry)])) : new Set();
}

/** Whether a level holds anything that shapes traffic: what makes a Service meshed. */
export function shapesTraffic(layer: Layer): boolean {
  for (const { name } of layer.values()) {
    if (name === "profile" || rows[name].family === "VirtualService" || rows[name].family === "DestinationRule") return true;
  }
  return false;
}

/** Whether a namespace is one that istiomize keeps out of. */
export function isExcluded(namespace: string, config: MeshConfig): boolean {
  return namespace === config.rootNamespace || config.injection.exclude.includes(namespace);
}

export function namespaceFor(object: KubeObject, config: MeshConfig): string {
  return namespaceOf(object) || config.namespace;
}
