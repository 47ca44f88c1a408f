import type { Layer, Setting } from "../annotations/setting.ts";
import { describeSetting, layerSettings } from "../annotations/setting.ts";
import { diagnose, type Diagnostic, type Place } from "../diagnostics/diagnostic.ts";
import { compact, compareText, equal, nameOf, refOf, selects, stringsAt, type Item, type KubeObject } from "../kube/object.ts";
import { describePort } from "../kube/protocol.ts";
import { namespaceFor } from "../mesh/levels.ts";
import type { KnownService } from "../mesh/settings.ts";
import { containerPortsOf, type Workload } from "../mesh/workload.ts";
import { meshedNamespaces } from "../mesh/injection.ts";
import type { Generated, Generator, Made, MeshContext } from "../mesh/context.ts";
import type { Decided } from "../mesh/origin.ts";
import { makeMetadata } from "./metadata.ts";

/**
 * `spec.mtls` for the mesh or each namespace, the annotation `mtls` for a Namespace, and one object with a selector
 * for each Service or workload that says more.
 * @see https://istio.io/latest/docs/reference/config/security/peer_authentication/
 */
export const generatePeerAuthentications: Generator = (context) => {
  const wide = [...makeMeshWide(context), ...makeNamespaceWide(context)];
  const narrow = makeSelected(context);
  return { made: [...wide, ...narrow.made], edits: [], diagnostics: narrow.diagnostics };
};

/** One wave later than DestinationRules, so that callers speak mutual TLS before pods ask for it; pruned before them. */
function makeObject(context: MeshContext, name: string, namespace: string, source: string | undefined, spec: KubeObject, objects: readonly KubeObject[] = []): KubeObject {
  const metadata = makeMetadata(context, name, namespace, { ...(source !== undefined && { text: source }), objects }, 1);
  return { apiVersion: "security.istio.io/v1", kind: "PeerAuthentication", metadata, spec };
}

function makeMeshWide(context: MeshContext): readonly Made[] {
  const { mtls, rootNamespace } = context.config;
  return mtls?.scope === "mesh" ? [{ object: makeObject(context, "default", rootNamespace, undefined, { mtls: { mode: mtls.mode } }), from: fromMesh(context) }] : [];
}

function fromMesh({ config }: MeshContext): Place {
  return { ref: config.ref, path: ["spec", "mtls"] };
}

/** The mode of an object, or of one port of it, as the setting behind it. */
function decideMode(path: readonly string[], setting: Setting): Decided {
  return { path: ["spec", ...path], settings: layerSettings([new Map([["mtls", setting]])]) };
}

function makeNamespaceWide(context: MeshContext): readonly Made[] {
  const { config, levels } = context;
  const modes = new Map<string, { mode: string; source?: string; setting?: Setting }>();
  if (config.mtls?.scope === "namespace" && config.injection.mode !== "none") {
    // Objects without a namespace land in the same one, whichever that is; so does this.
    const unnamed = context.services.some(({ namespace, workloads }) => namespace === "" && workloads.length > 0) ? [""] : [];
    for (const namespace of [...unnamed, ...meshedNamespaces(context)]) modes.set(namespace, { mode: config.mtls.mode });
  }
  const named = new Set([...config.namespaces.keys(), ...context.namespaces.keys()]);
  for (const namespace of named) {
    const mtls = nearest(levels.ofNamespace(namespace).flatMap((layer) => [...(levels.profilesOf(layer) ?? []), layer]));
    if (mtls?.removed) modes.delete(namespace);
    else if (mtls) modes.set(namespace, { mode: mtls.value as string, source: `Namespace/${namespace}`, setting: mtls });
  }
  return [...modes].sort((a, b) => compareText(a[0], b[0]))
    .map(([namespace, { mode, source, setting }]) => ({
      object: makeObject(context, "default", namespace, source, { mtls: { mode } }), from: setting ? setting.source.place : fromMesh(context), ...(setting && { decided: [decideMode(["mtls"], setting)] }),
    }));
}

function nearest(layers: readonly Layer[]): Setting | undefined {
  return layers.map((layer) => layer.get("mtls")).findLast((setting) => setting !== undefined);
}

/** What one object says: the mode of the pods that its selector finds, and of their container ports. */
interface Modes {
  readonly item: Item;
  readonly name: string;
  readonly namespace: string;
  readonly selector: { readonly [key: string]: string };
  readonly source: string;
  /** The Services, or the workload without one, that it is made for. */
  readonly objects: readonly KubeObject[];
  readonly mode?: Setting;
  readonly ports: ReadonlyMap<number, Setting>;
}

function makeSelected(context: MeshContext): Generated {
  const diagnostics: Diagnostic[] = [];
  const served = new Set(context.known.flatMap(({ workloads }) => workloads.map(({ workload }) => workload)));
  const selected = [
    ...bySteering(context).flatMap((service) => readService(service, context, diagnostics)),
    ...context.workloads.filter((workload) => !served.has(workload)).flatMap((workload) => readWorkload(workload, undefined, context, diagnostics) ?? []),
  ];
  const made = mergeAlike(selected, diagnostics).flatMap((modes) => [modes, ...primaryOf(modes, context, diagnostics)]).map((modes): Made => ({
    beside: modes.item,
    decided: [...(modes.mode ? [decideMode(["mtls"], modes.mode)] : []), ...[...modes.ports].map(([port, setting]) => decideMode(["portLevelMtls", String(port)], setting))],
    object: makeObject(context, modes.name, modes.namespace, modes.source, compact({
      selector: { matchLabels: modes.selector },
      mtls: modes.mode && { mode: modes.mode.value },
      portLevelMtls: Object.fromEntries([...modes.ports].sort((a, b) => a[0] - b[0]).map(([port, { value }]) => [String(port), { mode: value }])),
    }), modes.objects),
  }));
  return { made, edits: [], diagnostics };
}

/**
 * The first of two Services with one selector names the object: those with a cluster IP before headless ones, that of
 * a Rollout's routes before its stable and canary ones, then by name.
 */
function bySteering({ known, governance }: MeshContext): readonly KnownService[] {
  const roles = ["apex", "stable", "canary"];
  const rank = ({ shape, object }: KnownService): number => (shape === "cluster" ? 0 : 10) + roles.indexOf(governance.governed.get(object)?.role ?? "apex");
  return [...known].sort((a, b) => rank(a) - rank(b) || compareText(nameOf(a.object), nameOf(b.object)));
}

/** All values for one selector make one object. */
function mergeAlike(selected: readonly Modes[], diagnostics: Diagnostic[]): readonly Modes[] {
  const bySelector = new Map<string, Modes>();
  for (const modes of selected) {
    const key = `${modes.namespace}\n${JSON.stringify(Object.entries(modes.selector).sort())}`;
    const other = bySelector.get(key);
    bySelector.set(key, other ? merge(other, modes, diagnostics) : modes);
  }
  return [...bySelector.values()];
}

function merge(one: Modes, other: Modes, diagnostics: Diagnostic[]): Modes {
  const ports = new Map(one.ports);
  for (const [port, setting] of other.ports) ports.set(port, agree(ports.get(port), setting, diagnostics));
  const mode = other.mode ? agree(one.mode, other.mode, diagnostics) : one.mode;
  return { ...one, ports, objects: [...new Set([...one.objects, ...other.objects])], ...(mode && { mode }) };
}

/** Flagger, by default, changes the first of these labels that a workload selects by. */
const flaggersLabels = ["app", "name", "app.kubernetes.io/name"];

/** Flagger runs the stable pods from a copy of the workload, whose label ends with `-primary`: the same for those. */
function primaryOf(modes: Modes, { flagger }: MeshContext, diagnostics: Diagnostic[]): readonly Modes[] {
  const target = flagger.find(({ workload }) => workload && selects(modes.selector, workload.podLabels) && (workload.namespace || modes.namespace) === modes.namespace);
  const label = flaggersLabels.find((key) => target?.workload?.selector[key] !== undefined);
  if (target?.workload && label === undefined) {
    diagnostics.push(diagnose("IZ349", { ref: refOf(target.workload.item.object), path: ["spec", "selector", "matchLabels"] }, { workload: target.workload.name, labels: Object.keys(target.workload.selector) }));
  }
  const value = label === undefined ? undefined : modes.selector[label];
  return value === undefined ? [] : [{ ...modes, name: `${modes.name}-primary`, selector: { ...modes.selector, [label!]: `${value}-primary` } }];
}

function agree(one: Setting | undefined, other: Setting, diagnostics: Diagnostic[]): Setting {
  if (one && !equal(one.value, other.value)) {
    diagnostics.push(diagnose("IZ353", other.source.place, { one: describeSetting(one), other: describeSetting(other) }));
  }
  return one ?? other;
}

/**
 * One object with the Service's selector where its workloads say nothing else; where one of several does, an object
 * for each workload instead, because Istio takes only the oldest of two whose selectors overlap.
 */
function readService(service: KnownService, context: MeshContext, diagnostics: Diagnostic[]): readonly Modes[] {
  const { object, item } = service;
  const settings = context.levels.of(object);
  const mode = settled([...(context.levels.profilesOf(settings.own) ?? []), settings.own]);
  const portSettings = [...settings.scopes.port].flatMap(([written, layer]): [string, Setting][] => (layer.get("mtls") ? [[written, layer.get("mtls")!]] : []));
  const workloads = service.workloads.map(({ workload }) => workload);
  const below = workloads.map((workload) => readWorkload(workload, service, context, diagnostics));
  if (!mode && portSettings.length === 0 && below.every((each) => !each)) return [];
  const selector = stringsAt(object, "spec", "selector");
  if (Object.keys(selector).length === 0) {
    const first = mode ?? portSettings[0]?.[1];
    if (first) diagnostics.push(diagnose("IZ354", first.source.place, { key: first.source.place.path.at(-1)!.replace("istiomize.dev/", "") }));
    return [];
  }
  const ports = new Map<number, Setting>();
  for (const [written, setting] of portSettings) {
    if (setting.removed) continue;
    const port = service.ports.find(({ name, number }) => name === written || String(number) === written);
    if (!port) diagnostics.push(diagnose("IZ209", setting.source.place, { port: written, known: service.ports.map(describePort) }));
    else {
      for (const number of containerPorts(port.targetPort, workloads, setting, diagnostics)) {
        const other = ports.get(number);
        if (other && !equal(other.value, setting.value)) diagnostics.push(diagnose("IZ205", setting.source.place, { one: other.source.place.path.at(-1)!, other: setting.source.place.path.at(-1)!, remove: setting.source.place.path.at(-1)! }));
        ports.set(number, setting);
      }
    }
  }
  const namespace = namespaceFor(object, context.config);
  const own: Modes = { item, objects: [object], name: nameOf(object), namespace, selector, source: `Service/${nameOf(object)}`, ports, ...(mode && { mode }) };
  const alike = below.every((each) => equal(each?.mode?.value, below[0]?.mode?.value) && equal([...(each?.ports.keys() ?? [])], [...(below[0]?.ports.keys() ?? [])]));
  if (alike) return [{ ...below.reduce<Modes>((all, each) => (each ? merge(all, each, diagnostics) : all), own), objects: [object] }];
  return workloads.map((workload, i) => {
    const narrow: Modes = { ...own, item: workload.item, name: workload.name, selector: workload.selector, source: `${refOf(workload.item.object).kind}/${workload.name}` };
    return below[i] ? { ...merge(narrow, below[i], diagnostics), objects: [object] } : narrow;
  }).filter((each) => each.mode || each.ports.size > 0);
}

function settled(layers: readonly Layer[]): Setting | undefined {
  const setting = nearest(layers);
  return setting?.removed ? undefined : setting;
}

function readWorkload(workload: Workload, service: KnownService | undefined, context: MeshContext, diagnostics: Diagnostic[]): Modes | undefined {
  const { object } = workload.item;
  const settings = context.levels.of(object);
  const mode = settled([...(context.levels.profilesOf(settings.own) ?? []), settings.own]);
  const ports = new Map<number, Setting>();
  for (const [written, layer] of settings.scopes.port) {
    const setting = layer.get("mtls");
    if (!setting || setting.removed) continue;
    const port = service?.ports.find(({ name, number }) => name === written || String(number) === written);
    const target = port?.targetPort ?? (/^\d+$/.test(written) ? Number(written) : written);
    for (const number of containerPorts(target, [workload], setting, diagnostics)) ports.set(number, setting);
  }
  if (!mode && ports.size === 0) return undefined;
  return { item: workload.item, objects: [object], name: workload.name, namespace: namespaceFor(object, context.config), selector: workload.selector, source: `${refOf(object).kind}/${workload.name}`, ports, ...(mode && { mode }) };
}

/** The container ports behind a target port, as the pods declare them. */
function containerPorts(target: number | string, workloads: readonly Workload[], setting: Setting, diagnostics: Diagnostic[]): readonly number[] {
  const declared = workloads.flatMap(containerPortsOf);
  const found = new Set(declared.filter(({ name, number }) => name === target || number === target).map(({ number }) => number));
  if (found.size === 0) {
    diagnostics.push(diagnose("IZ352", setting.source.place, { port: String(target), known: [...new Set(declared.map(({ name, number }) => (name ? `${number} (${name})` : String(number))))] }));
  }
  return [...found];
}
