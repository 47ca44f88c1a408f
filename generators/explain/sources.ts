import { keyOf, type Setting } from "../annotations/setting.ts";
import { rows } from "../annotations/table.ts";
import { writePath, type Place } from "../diagnostics/diagnostic.ts";
import { asList, asMapping, describe, equal, kindOf, mappingAt, nameOf, namespaceOf, refOf, stringsAt, type Item, type KubeObject } from "../kube/object.ts";
import { describePort } from "../kube/protocol.ts";
import { syncWave } from "../kube/sync-wave.ts";
import type { Edit, Made, MeshContext } from "../mesh/context.ts";
import { askedLabel, injectionLabels } from "../mesh/injection.ts";
import { isServiceMesh } from "../mesh/config.ts";
import { leavesOf, originOf, valueAt } from "../mesh/origin.ts";
import type { View } from "../mesh/plan.ts";
import { withTargets } from "../mesh/targets.ts";
import type { MeshGateway } from "../mesh/gateways.ts";
import type { MeshService } from "../mesh/service.ts";
import { levelOf } from "./levels.ts";
import type { Field, SourcedField } from "./explanation.ts";

/** What a run made, and everything that it was made from. */
export interface Run {
  readonly context: MeshContext;
  readonly made: readonly Made[];
  readonly edits: readonly Edit[];
  /** Every object of the input, and the function config. */
  readonly objects: readonly KubeObject[];
}

/** Where one field comes from, before it is put into words for a person. */
interface Source {
  readonly from: string;
  readonly place: Place;
  readonly setting?: Setting;
  readonly field?: readonly string[];
}

/** Finds, for each field of what was made, the setting or the object that it comes from. */
export class FieldSources {
  readonly #run: Run;
  readonly #services: ReadonlyMap<KubeObject, MeshService>;
  readonly #byIdentity: ReadonlyMap<string, KubeObject>;
  readonly #meshes: readonly KubeObject[];

  constructor(run: Run) {
    this.#run = run;
    this.#services = new Map([...run.context.services, ...run.context.leftOut].map((service) => [service.object, service]));
    this.#byIdentity = new Map(run.objects.map((object) => [describe(refOf(object)), object]));
    this.#meshes = run.objects.filter(isServiceMesh).toReversed();
  }

  /** Every field of an object that was made, with its source. */
  fieldsOf(made: Made): readonly SourcedField[] {
    return leavesOf(made.object).map((path) => this.#describe(made.object, path, this.#sourceOf(made, path)));
  }

  /** The parts of an object that settings wrote, each as a whole, by the place of the setting. */
  writtenBySettings(made: Made): readonly (readonly [setting: Setting, field: Field])[] {
    const seen = new Set<string>();
    return leavesOf(made.object).flatMap((path): readonly (readonly [Setting, Field])[] => {
      const { setting, field = path } = this.#sourceOf(made, path);
      const key = setting && `${sourceKey(setting)}\n${field.join("\n")}`;
      if (!setting || seen.has(key!)) return [];
      seen.add(key!);
      return [[setting, fieldAt(made.object, field)]];
    });
  }

  /** A label or annotation that was written into an object of the input; `settings` are those that may have done it. */
  describeEdit({ item, path, value }: Edit, settings: readonly Setting[]): SourcedField {
    const { ref, shown } = { ref: refOf(item.object), shown: writePath(path) };
    const setting = settings.find((each) => writesEdit(each, path.at(-1)!));
    const base = { ref, path, shown, value: value ?? "(removed)" };
    if (setting) return { ...base, ...inWords(setting), setting: keyOf(setting) };
    const own = kindOf(item.object) === "Namespace" && (injectionLabels as readonly string[]).includes(path.at(-1)!) ? this.#injected(item) : undefined;
    return { ...base, ...(own ?? { from: settings.length > 0 ? "Istio's default, because the four resources of the sidecar go together" : "istiomize", place: settings[0]?.source.place ?? { ref, path: ["metadata", "name"] } }) };
  }

  #injected({ object }: Item): Pick<SourcedField, "from" | "place"> {
    const { context } = this.#run;
    const service = context.services.find(({ namespace, workloads }) => namespace === nameOf(object) && workloads.length > 0);
    const why = askedLabel(context, nameOf(object)) ? "its settings for injection" : `${service ? `Service ${service.name} of this Namespace is in the mesh` : "it holds workloads of the mesh"}; how it is labelled is spec.injection`;
    return { from: why, place: this.#held(["spec", "injection"]) ? this.#meshPlace(["spec", "injection"]) : { ref: service?.ref ?? refOf(object), path: ["metadata", "name"] } };
  }

  #describe(object: KubeObject, path: readonly string[], source: Source): SourcedField {
    return { ...fieldAt(object, path), from: source.from, place: this.#existing(source.place), ...(source.setting && { setting: keyOf(source.setting) }) };
  }

  // ---- places

  /** A place that is there: the nearest thing above it, where the field itself is not written. */
  #existing({ ref, path }: Place): Place {
    const object = this.#byIdentity.get(describe(ref));
    if (!object) return path[0] === "spec" && ref.kind === "ServiceMesh" ? this.#meshPlace(path) : { ref, path };
    for (let depth = path.length; depth > 0; depth--) if (valueAt(object, path.slice(0, depth)) !== undefined) return { ref, path: path.slice(0, depth) };
    return { ref, path: [] };
  }

  /** Where the ServiceMesh says something, in whichever of several it stands. */
  #meshPlace(path: readonly string[]): Place {
    for (let depth = path.length; depth > 0; depth--) {
      const holder = this.#meshes.find((mesh) => valueAt(mesh, path.slice(0, depth)) !== undefined);
      if (holder) return { ref: refOf(holder), path: path.slice(0, depth) };
    }
    return { ref: this.#run.context.config.ref, path: [] };
  }

  #held(path: readonly string[]): boolean {
    return this.#meshes.some((mesh) => valueAt(mesh, path) !== undefined);
  }

  #mesh(path: readonly string[], more = ""): Source {
    return { from: `${writePath(path)} of the ServiceMesh${more}`, place: this.#meshPlace(path) };
  }

  // ---- sources

  #sourceOf(made: Made, path: readonly string[]): Source {
    const { object, beside, decided = [], from } = made;
    const owner = beside?.object ?? object;
    const service = this.#services.get(owner);
    if (path.length === 1) return { from: "Istio's API: the kind of object that says this", place: from ?? at(owner, "metadata", "name") };
    if (path[0] === "metadata") return this.#metadataOf(made, path.slice(1));
    if (kindOf(object) === "Gateway") return this.#gatewayField(object, path);
    const special = service && kindOf(object) === "VirtualService" ? this.#portOrHost(object, service, path) : undefined;
    if (special) return special;
    const origin = originOf({ object, decided, source: refOf(owner), ...(from && { from }) }, path);
    if (origin.setting && service && isOwnHost(origin.setting, path) && valueAt(object, path) === this.#run.context.plans.get(service)?.host) return { from: `the name of Service ${service.name}`, place: at(service.object, "metadata", "name") };
    if (origin.setting) return { ...inWords(origin.setting), setting: origin.setting, ...(origin.field && { field: origin.field }) };
    if (kindOf(object) === "VirtualService") return service ? this.#virtualServiceField(made, service, path) : { from: describe(refOf(owner)), place: origin.place };
    if (kindOf(object) === "DestinationRule") return service ? this.#destinationRuleField(made, service, path) : { from: describe(refOf(owner)), place: origin.place };
    return this.#peerAuthenticationField(made, path);
  }

  #metadataOf({ object, beside, from }: Made, [field, key]: readonly string[]): Source {
    const { config } = this.#run.context;
    const owner = beside?.object ?? object;
    const service = this.#services.get(owner);
    const name = describe({ ...refOf(owner), namespace: "" });
    if (field === "name") return this.#nameOf({ object, ...(beside && { beside }), ...(from && { from }) }, service);
    if (field === "namespace") {
      const gateway = this.#gatewayOf(object);
      if (gateway) return this.#held(["spec", "gateways", gateway.alias, "namespace"]) ? this.#mesh(["spec", "gateways", gateway.alias, "namespace"]) : this.#mesh(["spec", "rootNamespace"], ", where gateways stand unless they say otherwise");
      if (beside && namespaceOf(owner) !== "" && namespaceOf(owner) === namespaceOf(object)) return { from: `the namespace of ${name}`, place: at(owner, "metadata", "namespace") };
      const namespace = this.#byIdentity.get(`Namespace ${namespaceOf(object)}`);
      if (kindOf(object) === "PeerAuthentication" && !beside) return namespaceOf(object) === config.rootNamespace ? this.#mesh(["spec", "rootNamespace"], ", where what holds for the mesh stands") : { from: `Namespace ${namespaceOf(object)}`, place: namespace ? at(namespace, "metadata", "name") : from ?? this.#meshPlace(["spec", "namespaces", namespaceOf(object)]) };
      return this.#held(["spec", "namespace"]) ? this.#mesh(["spec", "namespace"]) : { from: "the namespace that was given with -n", place: at(owner, "metadata", "name") };
    }
    if (field === "labels") return Object.hasOwn(config.metadata.labels, key!) ? this.#mesh(["spec", "metadata", "labels", key!]) : { from: `label ${key} of ${name}`, place: at(owner, "metadata", "labels", key!) };
    if (key === syncWave) return !beside || stringsAt(owner, "metadata", "annotations")[syncWave] === undefined ? this.#mesh(["spec", "argocd", "syncWaves"]) : { from: `the sync wave of ${name}`, place: at(owner, "metadata", "annotations", syncWave) };
    if (key !== undefined && Object.hasOwn(config.metadata.annotations, key)) return this.#mesh(["spec", "metadata", "annotations", key]);
    return { from: "istiomize: what it was made from", place: from ?? at(owner, "metadata", "name") };
  }

  #nameOf({ object, beside, from }: Made, service: MeshService | undefined): Source {
    const gateway = this.#gatewayOf(object);
    if (gateway) return this.#held(["spec", "gateways", gateway.alias, "name"]) ? this.#mesh(["spec", "gateways", gateway.alias, "name"]) : { from: `the alias ${gateway.alias} in spec.gateways`, place: this.#meshPlace(["spec", "gateways", gateway.alias]) };
    if (!beside) return { from: "Istio's name for what holds for a whole mesh or namespace", place: from ?? at(object, "metadata", "name") };
    const kind = kindOf(object);
    const { governed } = service ?? {};
    if (governed && nameOf(object) === (kind === "DestinationRule" ? governed.destinationRule : governed.virtualService?.name)) return { from: `the name that Rollout ${governed.rollout.name} has for it`, place: governed.rollout.place };
    const view = service && this.#viewOf(object, service);
    const template = kind === "DestinationRule" ? "destinationRule" : view?.binding ? "gatewayVirtualService" : "virtualService";
    const whose = `the name of ${describe({ ...refOf(beside.object), namespace: "" })}`;
    if (kind !== "PeerAuthentication" && this.#held(["spec", "names", template])) return this.#mesh(["spec", "names", template], `, with ${whose}`);
    if (view?.binding) return view.binding.described?.virtualServices === "host" ? this.#mesh(["spec", "gateways", view.binding.alias, "virtualServices"], ", with the alias and the host") : { from: `${whose}, and the gateway ${view.binding.alias}`, place: this.#existing(at(beside.object, "metadata", "name")) };
    return { from: whose, place: at(beside.object, "metadata", "name") };
  }

  /** The rules for callers in the mesh, or for those behind the gateway of a VirtualService. */
  #viewOf(object: KubeObject, service: MeshService): View | undefined {
    const plan = this.#run.context.plans.get(service);
    const gateway = asList(mappingAt(object, "spec")["gateways"])[0];
    return gateway === undefined ? plan?.mesh : plan?.gateways.find(({ binding }) => binding?.gateway === gateway) ?? plan?.mesh;
  }

  // ---- VirtualService

  /** What follows from the Service or the gateway although a setting decided what it stands beside. */
  #portOrHost(object: KubeObject, service: MeshService, path: readonly string[]): Source | undefined {
    const text = writePath(path).replace(/\[\d+\]/g, "[]");
    const view = this.#viewOf(object, service);
    if (text === "spec.gateways[]" && view?.binding) {
      const { alias, gateway, setting } = view.binding;
      const named = [view.settings.get("gateways")].find((each) => each && (each.value.includes(alias) || each.value.includes(gateway))) ?? setting;
      return { ...inWords(named), setting: named, field: ["spec", "gateways"] };
    }
    const value = valueAt(object, path);
    if (/^spec\.(http|tcp|tls)\[\]\.match\[\]\.port$/.test(text)) return view?.binding && !text.startsWith("spec.http") ? this.#serverPort(view, value) : this.#portOf(service, value);
    if (/\.destination\.port\.number$/.test(text)) {
      const host = valueAt(object, [...path.slice(0, -2), "host"]);
      const hasOwn = this.#run.context.plans.get(service)?.named.some((target) => target.host === host && target.port !== undefined);
      const chosen = view?.binding ? view.settings.get("gateway-port") : undefined;
      if (chosen) return { ...inWords(chosen), setting: chosen, field: path.slice(0, -1) };
      return host === this.#run.context.plans.get(service)?.host && !hasOwn ? this.#portOf(service, value, view?.binding ? ", the one behind the gateway" : "") : undefined;
    }
    return undefined;
  }

  #portOf(service: MeshService, value: unknown, more = ""): Source | undefined {
    const port = service.ports.find(({ number }) => number === value);
    return port && { from: `port ${describePort(port)} of Service ${service.name}${more}`, place: at(service.object, "spec", "ports", `[${service.ports.indexOf(port)}]`, "port") };
  }

  #serverPort({ binding }: View, value: unknown): Source | undefined {
    const server = binding?.described?.servers.find(({ port }) => port === value);
    return server && { from: `port ${server.port} of gateway ${binding!.alias}`, place: this.#gatewayPlace(binding!.described!, ["servers", server.name, "port"]) };
  }

  /** Where a gateway is described: in the ServiceMesh, or as an object of the input. */
  #gatewayPlace(gateway: MeshGateway, below: readonly string[]): Place {
    if (this.#run.context.config.gateways.get(gateway.alias) === gateway) return this.#meshPlace(["spec", "gateways", gateway.alias, ...below]);
    const object = this.#run.objects.find((each) => kindOf(each) === "Gateway" && nameOf(each) === gateway.name);
    return object ? at(object, "spec", "servers") : this.#meshPlace(["spec", "gateways"]);
  }

  #virtualServiceField({ object, decided = [] }: Made, service: MeshService, path: readonly string[]): Source {
    const [, field, step] = path;
    const view = this.#viewOf(object, service);
    const plan = this.#run.context.plans.get(service)!;
    const own: Source = { from: `the name of Service ${service.name}`, place: at(service.object, "metadata", "name") };
    const hostsOfGateway = (): Source => (view?.binding?.described ? { from: `the hosts of gateway ${view.binding.alias}`, place: this.#gatewayPlace(view.binding.described, ["hosts"]) } : own);
    if (field === "hosts" || path.at(-2) === "sniHosts") return view?.binding ? hostsOfGateway() : own;
    if (field === "exportTo" && view?.binding) return this.#mesh(["spec", "gateways", view.binding.alias, "exportTo"]);
    const also = decided.find((each) => each.path.length === 3 && each.path[1] === field && each.path[2] === step)?.also ?? [];
    const [first] = also;
    const rollout = service.governed?.virtualService;
    if (path.at(-1) === "name" && path.length === 4) {
      if (rollout?.routes.includes(String(valueAt(object, path)))) return { from: `the name that Rollout ${service.governed!.rollout.name} has for it`, place: service.governed!.rollout.place };
      const name = String(valueAt(object, path));
      if (/^default/.test(name) || !first) return { from: "istiomize: the rule for everything that no other rule takes", place: own.place };
      const [, routed] = [...service.routeLayers].find(([route]) => name === route || name.startsWith(`${route}-`)) ?? [];
      const named = name.startsWith("fault-match") ? also.find((each) => each.name === "fault-match") : /^pin-/.test(name) ? also.find((each) => each.name === "match.<dest>") : routed && also.find((each) => [...routed.values()].includes(each));
      return { ...inWords(named ?? first), setting: named ?? first };
    }
    if (path.at(-1) === "attempts") {
      const cause = this.#settingsAt(decided, path).find(({ name }) => name.startsWith("retry-") && rows[name].writes.includes(".retries."));
      if (cause) return { from: `Istio's own default, written because of ${keyOf(cause)}`, place: cause.source.place, setting: cause, field: path };
    }
    if (path[3] === "match" && first) return { ...inWords(first), setting: first, field: path.slice(0, 4) };
    if (path[3] === "route" || field === "tcp" || field === "tls") {
      const port = path.at(-1) === "number" ? this.#portOf(service, valueAt(object, path)) : undefined;
      if (port) return port;
      if (plan.targets && plan.place && plan.setting === undefined) return { from: `Rollout ${service.governed?.rollout.name ?? ""}, which splits the traffic`, place: plan.place };
    }
    return own;
  }

  #settingsAt(decided: NonNullable<Made["decided"]>, path: readonly string[]): readonly Setting[] {
    return decided.filter((each) => each.path.every((key, i) => path[i] === key)).sort((a, b) => b.path.length - a.path.length).flatMap(({ settings }) => [...settings.all()]);
  }

  // ---- DestinationRule

  #destinationRuleField({ object, decided = [] }: Made, service: MeshService, path: readonly string[]): Source {
    const own: Source = { from: `the name of Service ${service.name}`, place: at(service.object, "metadata", "name") };
    if (path.at(-2) === "port" && path.at(-1) === "number") return this.#portOf(service, valueAt(object, path)) ?? own;
    if (path.at(-1) === "caCertificates") {
      const tls = this.#settingsAt(decided, path).find(({ name }) => name === "tls");
      if (tls) return { from: "Istio's own default, written because of tls", place: tls.source.place, setting: tls, field: path };
    }
    return path[1] === "subsets" && path.length > 3 ? this.#subsetField(object, service, path) ?? own : own;
  }

  #subsetField(object: KubeObject, service: MeshService, path: readonly string[]): Source | undefined {
    const { config, levels } = this.#run.context;
    const name = String(valueAt(object, [...path.slice(0, 3), "name"]));
    const defined = withTargets(service.item, levels.of(service.object), config).scopes.subset.get(name)?.get("labels");
    if (defined && !defined.removed) return { ...inWords(defined), setting: defined, field: path.slice(0, 4) };
    const { rule } = service.governed?.rollout ?? {};
    if (rule && [rule.stable, rule.canary].includes(name)) return path[3] === "labels" ? { from: `the selector of Service ${service.name}`, place: at(service.object, "spec", "selector", path[4]!) } : { from: `the subset that Rollout ${service.governed!.rollout.name} names`, place: service.governed!.rollout.place };
    const workload = service.subsets.find((each) => each.name === name)?.workloads[0];
    if (!workload) return undefined;
    const whose = describe({ ...refOf(workload.item.object), namespace: "" });
    const named = service.workloads.find((each) => each.workload === workload)?.own.get("subset");
    if (path[3] === "name" && named && !named.removed) return { ...inWords(named), setting: named };
    const label = path[3] === "labels" ? path[4]! : "version";
    return { from: `pod label ${label} of ${whose}`, place: at(workload.item.object, "spec", "template", "metadata", "labels", label) };
  }

  // ---- PeerAuthentication, Gateway

  #peerAuthenticationField({ object, beside, from }: Made, path: readonly string[]): Source {
    const { config } = this.#run.context;
    if (path[1] === "selector" && beside) {
      const key = path.at(-1)!;
      const isService = kindOf(beside.object) === "Service";
      const value = valueAt(object, path);
      const below = isService ? ["spec", "selector", key] : ["spec", "selector", "matchLabels", key];
      const flagger = equal(valueAt(beside.object, below), value) ? "" : ", as Flagger's copy of the pods has it";
      return { from: `the selector of ${describe({ ...refOf(beside.object), namespace: "" })}${flagger}`, place: at(beside.object, ...below) };
    }
    if (path[1] === "mtls" && !beside && config.mtls) return this.#mesh(["spec", "mtls", "mode"]);
    return { from: describe(refOf(beside?.object ?? object)), place: from ?? at(beside?.object ?? object, "metadata", "name") };
  }

  #gatewayOf(object: KubeObject): MeshGateway | undefined {
    return kindOf(object) === "Gateway" ? [...this.#run.context.config.gateways.values()].find(({ name, namespace, existing }) => !existing && name === nameOf(object) && namespace === namespaceOf(object)) : undefined;
  }

  #gatewayField(object: KubeObject, path: readonly string[]): Source {
    const gateway = this.#gatewayOf(object);
    if (!gateway) return { from: "spec.gateways of the ServiceMesh", place: this.#meshPlace(["spec", "gateways"]) };
    const below = (...steps: readonly string[]): Source => {
      const full = ["spec", "gateways", gateway.alias, ...steps];
      const found = this.#meshPlace(full);
      const isDefault = found.path.length < full.length;
      return { from: `${writePath(full)} of the ServiceMesh${isDefault ? ", its default" : ""}`, place: found };
    };
    if (path[1] === "selector") return below("selector", path[2] ?? "");
    const server = gateway.servers[Number(path[2]?.slice(1, -1))];
    if (!server) return below();
    const [field, inner, ...deeper] = path.slice(3) as [string, ...string[]];
    const own = server.name === "http" || server.name === "https";
    const isOwn = own && !this.#held(["spec", "gateways", gateway.alias, "servers", server.name]);
    if (!isOwn) {
      const written = field === "port" ? (inner === "number" ? ["port"] : inner === "name" ? [] : ["protocol"]) : [field, ...(inner === undefined || field === "hosts" ? [] : [inner, ...deeper])];
      const full = ["servers", server.name, ...written];
      return field === "hosts" && !this.#held(["spec", "gateways", gateway.alias, ...full]) ? below("hosts") : below(...full);
    }
    const [port, protocol] = server.name === "http" ? ["httpPort", "http"] : ["httpsPort", "tls"];
    if (field === "port") return inner === "number" ? below(port!) : below(...(this.#held(["spec", "gateways", gateway.alias, protocol!]) ? [protocol!] : ["hosts"]));
    if (field === "hosts") return server.name === "http" && this.#held(["spec", "gateways", gateway.alias, "http", "hosts"]) ? below("http", "hosts") : below("hosts");
    if (inner === "httpsRedirect") return this.#held(["spec", "gateways", gateway.alias, "http"]) ? below("http") : { ...below("tls"), from: `spec.gateways.${gateway.alias}.tls of the ServiceMesh: with it, HTTP is redirected` };
    return below("tls", ...(inner === undefined ? [] : [inner]));
  }
}

/** Whether a host stands beside a subset or port that a setting chose: the host itself may be that of the Service. */
function isOwnHost({ name }: Setting, path: readonly string[]): boolean {
  return path.at(-1) === "host" && path.at(-2) === "destination" && !/routes$|-patch$/.test(name);
}

function at(object: KubeObject, ...path: readonly string[]): Place {
  return { ref: refOf(object), path };
}

/** What names the place where a setting was written. */
export function sourceKey({ source: { place, profile } }: Setting): string {
  return `${describe(place.ref)}\n${place.path.join("\n")}\n${profile ?? ""}`;
}

function inWords(setting: Setting): Pick<Source, "from" | "place"> {
  return { from: `${keyOf(setting)} on ${levelOf(setting)}`, place: setting.source.place };
}

/** Whether the row of a setting writes this label or annotation. */
export function writesEdit({ name }: Setting, key: string): boolean {
  return rows[name].writes.split(/[ ,]+/).includes(key);
}

/** A field of an object, with its path as people read it: entries of lists by their names. */
export function fieldAt(object: KubeObject, path: readonly string[]): Field {
  return { ref: refOf(object), path, shown: showPath(object, path), value: valueAt(object, path) };
}

export function showPath(object: KubeObject, path: readonly string[]): string {
  return path.reduce((text, key, i) => {
    if (!/^\[\d+\]$/.test(key)) return text === "" ? key : `${text}.${key}`;
    const entry = asMapping(valueAt(object, path.slice(0, i + 1)));
    const port = asMapping(entry?.["port"])?.["number"];
    const name = typeof entry?.["name"] === "string" ? entry["name"] : path[i - 1] === "portLevelSettings" && port !== undefined ? `port ${String(port)}` : undefined;
    return name === undefined ? text + key : `${text}[${name}]`;
  }, "");
}
