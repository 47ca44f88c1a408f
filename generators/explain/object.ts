import { carrierOf, ownsPods } from "../annotations/read.ts";
import { keyOf, type Layer, type Setting } from "../annotations/setting.ts";
import { rows, scopes, type SettingName } from "../annotations/table.ts";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { asList, compareText, describe, describeObject, equal, groupOf, identityOf, kindOf, mappingAt, nameOf, namespaceOf, refOf, stringsAt, type Item, type KubeObject } from "../kube/object.ts";
import { describePort, isHttp } from "../kube/protocol.ts";
import type { Made, MeshContext } from "../mesh/context.ts";
import { gatewayDefaults, meshAlias } from "../mesh/gateways.ts";
import { meshedNamespaces } from "../mesh/injection.ts";
import { namespaceFor } from "../mesh/levels.ts";
import { earlierNamesOf } from "../mesh/lookup.ts";
import { needsHttp, type MeshService } from "../mesh/service.ts";
import type { KnownService } from "../mesh/settings.ts";
import { ownersOf } from "../mesh/sources.ts";
import { isPolicy } from "../mesh/subsets.ts";
import { isAddressOnly } from "../mesh/governed.ts";
import { nameOfRule } from "../mesh/rule-names.ts";
import { fullHost, resolveHost } from "../kube/host.ts";
import { targetLayers, targetsOf } from "../mesh/targets.ts";
import { layersOfPods } from "../istio/pod-template.ts";
import type { Explanation, ExplainedObject, Field, Note, Resolved, SourcedField } from "./explanation.ts";
import { chainOf, levelOf } from "./levels.ts";
import { FieldSources, fieldAt, sourceKey, writesEdit, type Run } from "./sources.ts";

/** What an object is asked for by: `Service/web`, `Service/shop/web`. */
export interface Topic {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** Objects of a run that a topic may mean: those of the input, and those that were made. By final name, else by an earlier one. */
export function findObjects(run: Run, { kind, name, namespace }: Topic): readonly KubeObject[] {
  const made = run.made.map(({ object }) => object);
  const identities = new Set(made.map(identityOf));
  const items = new Map([...run.context.sources, ...run.context.kept].map((item) => [item.object, item]));
  const input = run.objects.filter((object) => kindOf(object) === kind && !identities.has(identityOf(object)));
  const all = [...new Set([...input, ...made.filter((object) => kindOf(object) === kind)])];
  const isIn = (object: KubeObject): boolean => namespace === undefined || namespaceFor(object, run.context.config) === namespace || kind === "Namespace";
  const byName = all.filter((object) => nameOf(object) === name && isIn(object));
  if (byName.length > 0) return byName;
  return all.filter((object) => {
    const item = items.get(object);
    return item !== undefined && earlierNamesOf(item).some((earlier) => earlier.name === name && (namespace === undefined || isIn(object) || earlier.namespace === namespace));
  });
}

/** Explains one object of a run. */
export function explainObject(run: Run, object: KubeObject, diagnostics: readonly Diagnostic[]): Explanation {
  const sources = new FieldSources(run);
  const made = run.made.find((each) => each.object === object);
  const item = [...run.context.sources, ...run.context.kept].find((each) => each.object === object);
  const view: Looking = { run, sources, object, ...(item && { item }) };
  const told = made ? explainMade(view, made) : explainInput(view);
  const about = new Set([describeObject(object), ...told.objects.filter(({ isMade }) => isMade).map(({ ref }) => describe(ref))]);
  const settings = told.settings.map((resolved) => ({ ...resolved, ...whyRefused(resolved, diagnostics) }));
  return {
    ref: refOf(object), earlier: item ? earlierNamesOf(item).filter(({ name, namespace }) => name !== nameOf(object) || (namespace !== "" && namespace !== namespaceOf(object))) : [], ...told, settings,
    diagnostics: diagnostics.filter(({ place, subjects }) => [...(place ? [place.ref] : []), ...subjects].some((ref) => about.has(describe(ref)))),
  };
}

/** A setting that the checks refuse became nothing for that reason. */
function whyRefused({ why, became, sources }: Resolved, diagnostics: readonly Diagnostic[]): Pick<Resolved, "why"> {
  const winner = sources.find(({ status }) => status === "counts");
  if (became.length > 0 || !winner || !why?.endsWith(unheld)) return {};
  const refused = diagnostics.find(({ severity, place }) => severity === "error" && place && describe(place.ref) === describe(winner.place.ref) && equal(place.path, winner.place.path));
  return refused ? { why: `${refused.code} ${refused.title}: ${refused.read ?? ""}` } : {};
}

/** An object that is looked at, and what its fields can be traced with. */
interface Looking {
  readonly run: Run;
  readonly sources: FieldSources;
  readonly object: KubeObject;
  readonly item?: Item;
}

type Told = Pick<Explanation, "role" | "notes" | "settings" | "objects">;

function explainInput(view: Looking): Told {
  switch (carrierOf(view.object)) {
    case "Service": return explainService(view);
    case "Workload": return explainWorkload(view);
    case "Namespace": return explainNamespace(view);
    default: return ownsPods(view.object) ? explainPods(view) : explainOther(view);
  }
}

// ---- what was made, and what people wrote

function explainMade({ run, sources, object }: Looking, made: Made): Told {
  const owner = made.beside ? describeObject(made.beside.object) : "the ServiceMesh";
  const asked = made.from && !made.beside ? made.from : undefined;
  return {
    role: "generated", settings: [], objects: [{ ref: refOf(object), isMade: true, fields: sources.fieldsOf(made) }],
    notes: [{ text: `generated for ${owner}${made.beside ? `: \`istiomize explain ${topicOf(made.beside.object)}\` shows its settings` : ""}`, place: asked ?? (made.beside ? { ref: refOf(made.beside.object), path: ["metadata", "name"] } : { ref: run.context.config.ref, path: [] }) }],
  };
}

/** How to ask for an object. */
export function topicOf(object: KubeObject): string {
  return `${kindOf(object)}/${nameOf(object)}`;
}

function explainOther({ object, item }: Looking): Told {
  const place = { ref: refOf(object), path: ["metadata", "name"] };
  const owners = ownersOf(object);
  const text = owners ? `made by an earlier run with ${owners.meshes.map((mesh) => mesh.replace("/", " ")).join(" and ")}, which is not here: left as it is`
    : groupOf(object).endsWith(".istio.io") ? "written by hand: istiomize did not make it, leaves it as it is, and makes nothing that would get in its way"
      : item ? "istiomize makes nothing of it" : "istiomize passes it on as it is";
  return { role: groupOf(object).endsWith(".istio.io") ? "hand-written" : "other", settings: [], objects: [], notes: [{ text, place }] };
}

/** Job, CronJob and Pod: nobody routes to them, and they carry two annotations. */
function explainPods(view: Looking): Told {
  const { own } = view.run.context.levels.of(view.object);
  const became: Became = new Map();
  const objects = editsOf(view, became, [...own.values()]);
  return { role: "workload", objects, settings: keysOf([own]).map((key) => withWhy(resolve(key, [own], became), "its pods have it already")), notes: [{ text: "no Service leads to its pods: only istiomize.dev/inject says something here" }] };
}

// ---- a Service

function explainService(view: Looking): Told {
  const { run: { context } } = view;
  const known = context.known.find(({ object }) => object === view.object);
  const service = [...context.services, ...context.leftOut].find(({ object }) => object === view.object);
  if (!known) return { role: "service", settings: [], objects: [], notes: [{ text: "it is local to its package (config.kubernetes.io/local-config), so nothing is made of it" }] };
  const made = madeBeside(view);
  const objects = made.map((each): ExplainedObject => ({ ref: refOf(each.object), isMade: true, fields: view.sources.fieldsOf(each) }));
  const became = indexFields(view, madeWith(view, made));
  const edits = editsOf(view, became, unmeshedLayers(known, context).flatMap((layer) => [...layer.values()]));
  const settings = [...(service ? [...resolveService(view, service, became), ...resolveSubsetNames(service, became)] : resolveUnmeshed(view, known, became)), ...resolveMtls(view, known, became)];
  return { role: "service", settings, objects: [...objects, ...edits], notes: service ? describeService(service, context, made) : [describeUnmeshed(known, context)] };
}

function madeBeside({ run, object }: Looking): readonly Made[] {
  return run.made.filter(({ beside }) => beside?.object === object);
}

/** Its own objects, and those of its gateways that it shares with other Services. */
function madeWith({ run, object }: Looking, own: readonly Made[]): readonly Made[] {
  const name = `Service/${nameOf(object)}`;
  const shared = run.made.filter((each) => !own.includes(each) && kindOf(each.object) === "VirtualService"
    && (stringsAt(each.object, "metadata", "annotations")["istiomize.dev/generated-from"] ?? "").split(", ").includes(name));
  return [...own, ...shared];
}

function describeService(service: MeshService, context: MeshContext, made: readonly Made[]): readonly Note[] {
  const workloads = service.workloads.map(({ workload }) => describe({ ...refOf(workload.item.object), namespace: "" }));
  const subsets = service.subsets.map(({ name }) => name);
  const notes: Note[] = [
    { text: `in the mesh; ${service.ports.length === 0 ? "no ports" : `ports ${service.ports.map((port) => `${describePort(port)} ${port.protocol === "sniffed" ? "of a protocol that Istio finds out" : port.protocol.toUpperCase()}`).join(", ")}`}` },
    { text: workloads.length === 0 ? "no workload of the input is behind it" : `behind it: ${workloads.join(", ")}${subsets.length > 1 ? `; subsets ${subsets.join(", ")}` : ""}` },
  ];
  if (context.leftOut.includes(service)) notes.push({ text: "Flagger writes its routes and policies, so nothing of the kind is made here" });
  else if (made.length === 0) notes.push({ text: "nothing is made for it: no setting says anything for a DestinationRule or a VirtualService" });
  return notes;
}

function describeUnmeshed(known: KnownService, context: MeshContext): Note {
  const layers = unmeshedLayers(known, context).toReversed();
  const enabled = layers.map((layer) => layer.get("enabled")).find((setting) => setting !== undefined && !setting.removed);
  if (enabled?.value === false) return { text: `not in the mesh: ${keyOf(enabled)}: ${enabled.source.text} on ${levelOf(enabled)}`, place: enabled.source.place };
  const shapes: { readonly [shape: string]: string } = { headless: "a headless Service", "external-name": "an ExternalName Service", "selector-less": "a Service without a selector", udp: "a Service with UDP ports only" };
  const shape = shapes[known.shape];
  return { text: shape ? `not in the mesh: ${shape} is meshed by an annotation of its own only, such as istiomize.dev/enabled: "true"`
    : "not in the mesh: no annotation that shapes traffic stands on it, its workloads or its Namespace; istiomize.dev/enabled: \"true\" takes it in" };
}

/** The levels of a Service that nothing is made of, farthest first. */
function unmeshedLayers(known: KnownService, context: MeshContext): readonly Layer[] {
  const { config, levels } = context;
  return [config.defaults, ...levels.ofNamespace(namespaceFor(known.object, config)), ...targetLayers(known, config), ...known.workloads.map(({ own }) => own), levels.of(known.object).own];
}

function resolveUnmeshed(view: Looking, known: KnownService, became: Became): readonly Resolved[] {
  const { context } = view.run;
  const { own: nearest } = context.levels.of(known.object);
  const profiles = context.levels.profilesOf(nearest) ?? [];
  const own = [...targetLayers(known, context.config), ...profiles, nearest];
  const layers = [...unmeshedLayers(known, context).slice(0, -1), ...profiles, nearest];
  return [...keysOf(own)].map((key) => {
    const resolved = resolve(key, layers, became);
    return resolved.became.length > 0 ? resolved : { ...resolved, why: whyNothing(resolved, "the Service is not in the mesh") };
  });
}

/** Every setting of a Service: what holds for all of it, then what stands behind each scope. */
function resolveService(view: Looking, service: MeshService, became: Became): readonly Resolved[] {
  const { context } = view.run;
  const { config } = context;
  const hidden = hiddenBelow(service, context);
  const shown = (layers: readonly Layer[], keys: Iterable<string>, scope?: string): readonly Resolved[] => [...keys].map((key) => {
    const resolved = { ...resolve(key, layers, became, hidden(scope)), ...(scope !== undefined && { scope }) };
    return resolved.became.length > 0 ? resolved : { ...resolved, why: explainNothing(resolved, service, context, scope) };
  });
  const [first, ...rest] = service.layers;
  const plan = context.plans.get(service);
  const aliases = new Set([meshAlias, ...(plan?.gateways ?? []).map(({ binding }) => binding!.scope), ...service.gatewayLayers.keys()]);
  const whole = shown(service.layers, keysOf(service.layers));
  const gateways = [...aliases].flatMap((alias) => {
    const [far, near] = [gatewayDefaults(alias, config), service.gatewayLayers.get(alias) ?? new Map<string, Setting>()];
    const gateway = plan?.gateways.find(({ binding }) => binding!.alias === alias)?.binding?.gateway;
    const behind = new Set(view.run.made.filter(({ object }) => kindOf(object) === "VirtualService" && (gateway === undefined ? isForMesh(object) : gatewaysOf(object).includes(gateway))).map(({ object }) => describeObject(object)));
    return shown([first!, far, ...rest, near], keysOf([far, near]), `gateway ${alias}`).map((resolved) => ({ ...resolved, became: resolved.became.filter(({ ref }) => ref.kind !== "VirtualService" || behind.has(describe(ref))) }));
  });
  const ports = [...service.portLayers].flatMap(([number, layer]) => shown([...service.layers, layer], keysOf([layer]).filter((key) => key !== "mtls"), `port ${number}`));
  const subsets = service.subsets.flatMap(({ name, layer }) => shown([...service.layers, layer], keysOf([layer]), `subset ${name}`));
  const labels = [...context.levels.of(service.object).scopes.subset].flatMap(([name, layer]) => shown([new Map([...layer].filter(([key]) => key === "labels"))], layer.has("labels") ? ["labels"] : [], `subset ${name}`));
  const inherited = (key: string): boolean => !["match", "mirror", "to", "order"].includes(key);
  const routes = [...service.routeLayers].flatMap(([name, layer]) => keysOf([layer]).flatMap((key) => shown(inherited(key) ? [...service.layers, layer] : [layer], [key], `route ${name}`)));
  return [...whole, ...ports, ...labels, ...subsets, ...gateways, ...routes];
}

function gatewaysOf(object: KubeObject): readonly unknown[] {
  return asList(mappingAt(object, "spec")["gateways"]);
}

function isForMesh(object: KubeObject): boolean {
  return gatewaysOf(object).length === 0 || gatewaysOf(object).includes(meshAlias);
}

/** The keys of some levels, in the order of the table. */
function keysOf(layers: readonly Layer[]): readonly string[] {
  const names = Object.keys(rows);
  const found = new Map(layers.flatMap((layer) => [...layer].map(([key, { name }]): [string, SettingName] => [key, name])));
  return [...found].sort(([a, one], [b, other]) => names.indexOf(one) - names.indexOf(other) || compareText(a, b)).map(([key]) => key);
}

/** Settings that the levels of a Service leave out: those of further workloads, and of targets below an annotation. */
function hiddenBelow(service: MeshService, context: MeshContext): (scope: string | undefined) => readonly Setting[] {
  const { config, levels } = context;
  const whole = service.workloads.flatMap(({ workload, profiled }) => [...targetLayers(workload, config), profiled, levels.of(workload.item.object).own]).flatMap((layer) => [...layer.values()]);
  return (scope) => {
    if (scope === undefined) return whole.filter(({ name }) => service.subsets.length < 2 || !isPolicy(name));
    const [kind, of] = scope.split(" ") as [(typeof scopes)[number], string];
    const targets = targetsOf(service.item, config).flatMap(({ settings }) => {
      const layer = kind === "port" ? [...settings.scopes.port].filter(([written]) => service.ports.some(({ number, name }) => String(number) === of && (written === of || written === name))).map(([, each]) => each) : [settings.scopes[kind].get(of) ?? new Map<string, Setting>()];
      return layer.flatMap((each) => [...each.values()]);
    });
    if (kind !== "subset") return targets;
    const members = service.subsets.find(({ name }) => name === of)?.workloads ?? [];
    return [...targets, ...members.flatMap((workload) => [...targetLayers(workload, config), levels.of(workload.item.object).own]).flatMap((layer) => [...layer.values()])];
  };
}

/** `mtls` of single ports, and what the workloads behind a Service say: all of it is for the pods that its selector finds. */
function resolveMtls(view: Looking, known: KnownService, became: Became): readonly Resolved[] {
  const { levels } = view.run.context;
  const ports = (object: KubeObject, whose: string): readonly Resolved[] => [...levels.of(object).scopes.port].filter(([, layer]) => layer.has("mtls"))
    .map(([written, layer]) => ({ ...withWhy(resolve("mtls", [layer], became), "no container declares that port"), scope: `${whose}port ${written}` }));
  const below = known.workloads.flatMap(({ workload, own }): readonly Resolved[] => {
    const { object } = workload.item;
    const scope = describe({ ...refOf(object), namespace: "" });
    const layers = [...(levels.profilesOf(own) ?? []), own];
    const whole = layers.some((layer) => layer.has("mtls")) ? [{ ...withWhy(resolve("mtls", layers, became), otherMode), scope }] : [];
    return [...whole, ...ports(object, `${scope}, `)];
  });
  return [...ports(known.object, ""), ...below];
}

/** `subset` on the workloads of a Service. */
function resolveSubsetNames({ subsets, workloads }: MeshService, became: Became): readonly Resolved[] {
  return workloads.filter(({ own }) => own.has("subset")).map(({ workload, own }) => {
    const name = subsets.find((subset) => subset.workloads.includes(workload))?.name;
    return { ...withWhy(resolve("subset", [own], became), "no setting needs the subsets of this Service"), ...(name !== undefined && { scope: `subset ${name}` }) };
  });
}

// ---- a workload

function explainWorkload(view: Looking): Told {
  const { run: { context }, item } = view;
  const workload = context.workloads.find((each) => each.item.object === view.object);
  const services = context.known.filter(({ workloads }) => workloads.some((each) => each.workload === workload));
  const made = madeBeside(view);
  const behind = context.services.filter((service) => services.some(({ object }) => object === service.object));
  const became = indexFields(view, [...made, ...view.run.made.filter(({ beside }) => services.some(({ object }) => object === beside?.object))]);
  if (!item || !workload) return { role: "workload", settings: [], objects: [], notes: [{ text: "its pods are those of the workload that it refers to, which carries what holds for them" }] };
  const pods = layersOfPods(item, new Set(meshedNamespaces(context)), context);
  const { own } = context.levels.of(view.object);
  const hidden = [...targetLayers({ item }, context.config), ...(context.levels.profilesOf(own) ?? []), own].flatMap((layer) => [...layer.values()]);
  const edits = editsOf(view, became, pods.all.flatMap((layer) => [...layer.values()]));
  const isPod = (name: SettingName): boolean => ["pod", "injection", "PeerAuthentication"].includes(rows[name].family);
  const forPods = keysOf(pods.all).filter((key) => isPod(key as SettingName)).flatMap((key): readonly Resolved[] => {
    const layers = ["inject", "revision", "dataplane-mode", "mtls"].includes(key) ? pods.nearest : pods.all;
    if (!layers.some((layer) => layer.has(key)) && rows[key as SettingName].family !== "pod") return [];
    const resolved = resolve(key, layers, became, hidden);
    return [resolved.became.length > 0 ? resolved : { ...resolved, why: whyNothing(resolved, key === "mtls" ? otherMode : "the pods have it already, or are not in the mesh") }];
  });
  const traffic = keysOf(pods.nearest).filter((key) => !isPod(rowOf(key)));
  const forServices = behind.length === 0
    ? traffic.map((key) => withWhy(resolve(key, pods.nearest, became, hidden), services.length === 0 ? "no Service of the input is in front of it" : "its Service is not in the mesh"))
    : behind.flatMap((service) => traffic.map((key): Resolved => {
      const subset = service.subsets.length > 1 && isPolicy(rowOf(key)) ? service.subsets.find(({ workloads }) => workloads.includes(workload)) : undefined;
      const layers = subset ? [...service.layers, subset.layer] : rows[rowOf(key)].ownLevel ? pods.nearest : service.layers;
      const resolved = resolve(key, layers, became, hidden);
      const scope = [...(behind.length > 1 ? [`Service ${service.name}`] : []), ...(subset ? [`subset ${subset.name}`] : [])].join(", ");
      return { ...withWhy(resolved, explainNothing(resolved, service, context)), ...(scope !== "" && { scope }) };
    }));
  return {
    role: "workload", settings: [...forPods, ...forServices],
    objects: [...edits, ...made.map((each) => ({ ref: refOf(each.object), isMade: true, fields: view.sources.fieldsOf(each) }))],
    notes: [{ text: services.length === 0 ? "no Service of the input is in front of it" : `in front of it: ${services.map(({ object }) => `Service ${nameOf(object)}${behind.some((each) => each.object === object) ? "" : " (not in the mesh)"}`).join(", ")}` }],
  };
}

/** The row of a key, `match.<dest>` of `match.canary`. */
function rowOf(key: string): SettingName {
  return (Object.hasOwn(rows, key) ? key : Object.keys(rows).find((name) => name.startsWith(`${key.split(".")[0]}.<`)) ?? key) as SettingName;
}

function withWhy(resolved: Resolved, why: string): Resolved {
  return resolved.became.length > 0 ? resolved : { ...resolved, why: whyNothing(resolved, why) };
}

// ---- a Namespace

function explainNamespace(view: Looking): Told {
  const { run: { context }, object } = view;
  const name = nameOf(object);
  const services = context.services.filter(({ namespace }) => namespace === name);
  const inside = new Set(services.map((service) => service.object));
  const workloads = new Set(context.workloads.filter(({ item }) => namespaceFor(item.object, context.config) === name).map(({ item }) => item.object));
  const wide = view.run.made.filter((each) => kindOf(each.object) === "PeerAuthentication" && !each.beside && namespaceOf(each.object) === name);
  const layers = [context.config.defaults, ...context.levels.ofNamespace(name).flatMap((layer) => [...(context.levels.profilesOf(layer) ?? []), layer])];
  const became = indexFields(view, [...wide, ...view.run.made.filter(({ beside }) => beside && inside.has(beside.object))]);
  for (const edit of view.run.edits.filter(({ item }) => workloads.has(item.object))) {
    const setting = layers.slice(1).flatMap((layer) => [...layer.values()]).find((each) => writesEdit(each, edit.path.at(-1)!) && String(each.value) === edit.value);
    if (setting) add(became, setting, { ref: refOf(edit.item.object), path: edit.path, shown: edit.path.join("."), value: edit.value });
  }
  const edits = editsOf(view, became, layers.flatMap((layer) => [...layer.values()]));
  const handed = services.length === 0 ? "nothing in this Namespace is in the mesh" : "what it is handed to says something nearer, or has no use for it";
  const settings = keysOf(layers.slice(1)).map((key): Resolved => withWhy(resolve(key, rows[rowOf(key)].ownLevel ? layers.slice(1) : layers, became), handed));
  return {
    role: "namespace", settings,
    objects: [...edits, ...wide.map((each) => ({ ref: refOf(each.object), isMade: true, fields: view.sources.fieldsOf(each) }))],
    notes: [{ text: `${services.length === 1 ? "1 Service" : `${services.length} Services`} of it in the mesh${services.length > 0 && services.length <= 8 ? `: ${services.map((service) => service.name).join(", ")}` : ""}` }],
  };
}

// ---- fields

/** The fields that settings became, by where a setting was written. */
type Became = Map<string, Field[]>;

function indexFields({ sources }: Looking, made: readonly Made[]): Became {
  const became: Became = new Map();
  for (const each of made) for (const [setting, field] of sources.writtenBySettings(each)) add(became, setting, field);
  return became;
}

function add(became: Became, setting: Setting, field: Field): void {
  const key = sourceKey(setting);
  const list = became.get(key);
  if (list) list.push(field);
  else became.set(key, [field]);
}

/** Labels and annotations that the run wrote into the object itself. */
function editsOf({ run, sources, object }: Looking, became: Became, settings: readonly Setting[]): readonly ExplainedObject[] {
  const own = run.edits.filter(({ item }) => item.object === object);
  const nearest = settings.toReversed();
  const fields = own.map((edit): SourcedField => {
    const key = edit.path.at(-1)!;
    const candidates = nearest.filter((setting) => !setting.removed && (writesEdit(setting, key) || (key.startsWith("sidecar.istio.io/proxy") && rows[setting.name].writes.includes("sidecar.istio.io/proxy"))));
    return sources.describeEdit(edit, candidates);
  });
  own.forEach((edit, i) => {
    const key = edit.path.at(-1)!;
    for (const setting of nearest.filter((each) => writesEdit(each, key) && !each.removed)) {
      const isLater = nearest.find((each) => each.name === setting.name) !== setting;
      if (!isLater) add(became, setting, { ref: refOf(object), path: edit.path, shown: fields[i]!.shown, value: edit.value });
    }
  });
  // A label or annotation that stands there already is what the setting became, too.
  for (const setting of new Map(settings.map((each) => [each.name, each])).values()) {
    if (setting.removed || became.has(sourceKey(setting))) continue;
    const path = standing(object, setting);
    if (path) add(became, setting, fieldAt(object, path));
  }
  return fields.length === 0 ? [] : [{ ref: refOf(object), isMade: false, fields }];
}

/** The label or annotation of an object that says already what a setting would write. */
function standing(object: KubeObject, setting: Setting): readonly string[] | undefined {
  if (!["pod", "injection"].includes(rows[setting.name].family)) return undefined;
  const places = [["metadata", "labels"], ["spec", "template", "metadata", "labels"], ["spec", "template", "metadata", "annotations"]];
  for (const path of places) for (const [key, value] of Object.entries(stringsAt(object, ...path))) {
    if (writesEdit(setting, key) && (equal(value, String(setting.value)) || (key === "istio-injection" && (value === "enabled") === setting.value))) return [...path, key];
  }
  return undefined;
}

function resolve(key: string, layers: readonly Layer[], became: Became, hidden: readonly Setting[] = []): Resolved {
  const { winner, levels } = chainOf(key, layers, hidden);
  return {
    key, name: rowOf(key), sources: levels, became: winner ? became.get(sourceKey(winner)) ?? [] : [],
    ...(winner && { text: winner.source.text }),
  };
}

// ---- why a setting became no field

const otherMode = "a PeerAuthentication that these pods have says it already, or something else";

/** What is left to say where nothing says why. */
const unheld = "nothing is made that could hold it";

function whyNothing({ text, sources, name }: Pick<Resolved, "text" | "sources" | "name">, otherwise: string): string {
  const [nearest] = sources;
  if (text === undefined && nearest?.status === "removes") return "`none` takes it away: Istio does what it does by itself";
  if (text === undefined && nearest?.status === "excluded") return `${nearest.by} takes its place: the two exclude each other`;
  if (text === undefined && nearest?.status === "overridden") return nearest.level.startsWith("profile ") ? "another profile is nearer, and only the nearest one counts" : "this Service does not take it from its workload";
  const said = /^nothing: (.*)$/.exec(rows[name].writes)?.[1];
  return said ?? otherwise;
}

/** Why a setting that holds for a meshed Service is no field of any of its objects. */
function explainNothing(resolved: Resolved, service: MeshService, context: MeshContext, scope?: string): string {
  const { name, sources, key } = resolved;
  const { family, edge } = rows[name];
  const winner = sources.find(({ status }) => status === "counts");
  const plain = (why: string): string => whyNothing(resolved, why);
  if (!winner || rows[name].writes.startsWith("nothing: ")) return plain("another setting is nearer");
  if (family === "injection" || family === "pod") return plain(`it is for pods: ${service.workloads.length === 0 ? "no workload is behind this Service" : `\`istiomize explain ${topicOf(service.workloads[0]!.workload.item.object)}\` shows what it became`}`);
  if (context.leftOut.includes(service)) return "Flagger writes the routes and policies of this Service";
  const { rollout, role } = service.governed ?? {};
  if (role === "apex" && (name === "weights" || name === "active")) return `Rollout ${rollout!.name} says where the traffic goes`;
  if (isAddressOnly(service.governed, service.object) && isPolicy(name)) return `Rollout ${rollout!.name} sends the traffic to ${rollout!.stableService} and ${rollout!.canaryService}, whose policies hold`;
  const clash = clashOf(service, context, family, key);
  if (clash) return `${clash}, and what people wrote is left alone`;
  if (family === "PeerAuthentication") return `it is for a whole Namespace: \`istiomize explain Namespace/${service.namespace}\` shows what it became`;
  if (service.shape === "external-name" || service.shape === "udp") return service.shape === "udp" ? "UDP bypasses the proxy: nothing is made for it" : "an ExternalName Service is another name of a host: nothing is made for it";
  const setting = settingOf(service, key, scope);
  const ports = scope?.startsWith("port ") ? service.ports.filter(({ number }) => `port ${number}` === scope) : service.ports;
  if (setting && needsHttp(setting) && !ports.some(isHttp)) return `it is for HTTP and gRPC, and ${ports.length === 0 ? "the Service has no port" : `${ports.length === 1 ? "the port is" : "the ports are"} none: ${ports.map((port) => `${describePort(port)} ${port.protocol.toUpperCase()} by ${port.declaredBy}`).join(", ")}`}`;
  if (service.shape === "headless" && family === "DestinationRule") return "callers of a headless Service pick the pod themselves";
  const plan = context.plans.get(service);
  if (edge === "gateway" && (plan?.gateways.length ?? 0) === 0) return "it is for callers behind a gateway, and none is bound";
  if (edge === "bound" && scope === undefined && (plan?.gateways.length ?? 0) > 0) return "once a gateway is bound it is for that one, and something nearer holds there";
  if (name === "fault-match") return "it narrows a fault, and there is none";
  if (name.startsWith("retry-") && service.settings.valueOf("retry-attempts") === 0) return "retry-attempts: 0 turns retries off";
  if (name === "consistent-hash-algorithm") return "it is the hash of consistent-hash, which is not set";
  if (name === "client-selector") return "it narrows a DestinationRule, and no other setting makes one";
  if (name === "subset") return "no setting needs the subsets of this Service";
  if (plan?.gateways.some(({ binding }) => binding?.described?.virtualServices === "host") && edge === "gateway") return "the VirtualService of the host is shared, and another Service of it says the same";
  if (name === "export-to") return "nothing was made that could be exported";
  if (scope === `gateway ${meshAlias}` || scope === undefined) {
    if ([...service.portLayers.values()].some((layer) => layer.has(key)) || [...service.gatewayLayers.values()].some((layer) => layer.has(key)) || service.subsets.some(({ layer }) => layer.has(key))) return "something nearer holds wherever it could be written: see below";
  }
  if (service.governed && service.governed.role !== "apex" && family === "VirtualService") return `Rollout ${service.governed.rollout.name} sends this Service its share: routes are those of the Service that it splits`;
  const patch = service.settings.get(family === "DestinationRule" ? "destination-rule-patch" : "virtual-service-patch");
  if (patch && patch.name !== name) return `${patch.name}, which is merged last, says otherwise`;
  if (family === "VirtualService" && !ports.some(isHttp)) return "no rule is made: on TCP and TLS ports only what moves traffic makes one";
  return unheld;
}

function settingOf(service: MeshService, key: string, scope: string | undefined): Setting | undefined {
  const [kind, of] = scope?.split(" ") ?? [];
  const layer = kind === "port" ? service.portLayers.get(Number(of)) : kind === "gateway" ? service.gatewayLayers.get(of!) : kind === "route" ? service.routeLayers.get(of!) : undefined;
  return layer?.get(key) ?? service.settings.find(key as SettingName);
}

/** An object of somebody's that stands in the way of one of ours: for the same host, or of the same name. */
function clashOf(service: MeshService, { kept, config }: MeshContext, family: string, key: string): string | undefined {
  const hosts = (object: KubeObject): readonly unknown[] => {
    const spec = mappingAt(object, "spec");
    return kindOf(object) === "DestinationRule" ? [spec["host"]] : isForMesh(object) ? asList(spec["hosts"]) : [];
  };
  const full = fullHost(service.name, { namespace: service.namespace, clusterDomain: config.clusterDomain });
  const asked = key === "hosts" ? service.settings.valueOf("hosts") ?? [] : [];
  const theirs = kept.filter(({ object }) => kindOf(object) === family && !ownersOf(object));
  const rival = theirs.find(({ object }) => hosts(object).some((host) => typeof host === "string"
    && (asked.includes(host) || resolveHost(host, { namespace: namespaceFor(object, config), clusterDomain: config.clusterDomain }) === full)));
  if (rival) return `${describeObject(rival.object)} is for the same host`;
  const name = nameOfRule(config, family === "DestinationRule" ? "destinationRule" : "virtualService", service.name);
  const namesake = theirs.find(({ object }) => nameOf(object) === name && namespaceFor(object, config) === service.namespace);
  return namesake && `${describeObject(namesake.object)} has the name that ours would have`;
}
