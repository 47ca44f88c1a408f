import type { Setting } from "../annotations/setting.ts";
import type { SettingName } from "../annotations/table.ts";
import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import { asList, asMapping, asText, compareText, groupOf, kindOf, mappingAt, nameOf, namespaceOf, refOf, type KubeObject, type Mapping, type ResourceRef } from "../kube/object.ts";
import { fullHost, resolveHost } from "../kube/host.ts";
import type { MeshConfig } from "../mesh/config.ts";
import type { Made, MeshContext } from "../mesh/context.ts";
import { namespaceFor } from "../mesh/levels.ts";
import type { KnownService } from "../mesh/settings.ts";
import { originOf } from "../mesh/origin.ts";

/** An Istio object of the input or of ours, as the checks see it. */
export interface IstioObject {
  readonly object: KubeObject;
  readonly ref: ResourceRef;
  readonly kind: string;
  /** Its own, else the one that objects without a namespace get; empty where neither is known. */
  readonly namespace: string;
  readonly spec: Mapping;
  readonly isOurs: boolean;
  /** Holds fields of Istio's own that nothing has read yet: written by hand, or merged from a patch or `routes`. */
  readonly isOpen: boolean;
  /** Who it concerns beside the object at the place that a message names: its Service, where it is ours. */
  readonly subject?: ResourceRef | undefined;
  /** Where a person changes a field: the annotation that it comes from in an object of ours, else the field itself. */
  placeOf(...path: readonly string[]): Place;
  /** What a person calls a field: `retry-attempts` where an annotation writes it, `retries.attempts` by hand. */
  wordFor(...path: readonly string[]): string;
  /** The setting of this name that holds for the part of an object of ours which has this field; nothing in what people wrote. */
  settingOf(name: SettingName, ...path: readonly string[]): Setting | undefined;
}

/** Everything that a check of one object may look up. */
export class IstioWorld {
  readonly context: MeshContext;
  /** All Istio objects that will be in the cluster, ours and people's. */
  readonly objects: readonly IstioObject[];
  readonly #byKind = new Map<string, IstioObject[]>();
  #services: ReadonlyMap<string, KnownService> | undefined;
  #rulesByHost: ReadonlyMap<string, readonly IstioObject[]> | undefined;
  #entryByHost: ReadonlyMap<string, IstioObject> | undefined;
  #speaksGrpc: boolean | undefined;

  constructor(context: MeshContext, made: readonly Made[]) {
    this.context = context;
    this.objects = [
      ...context.kept.map(({ object }) => new KeptObject(object, context.config)),
      ...made.filter(({ object }) => groupOf(object).endsWith(".istio.io")).map((each) => new MadeObject(each, context.config)),
    ];
    for (const object of this.objects) push(this.#byKind, object.kind, object);
  }

  get config(): MeshConfig {
    return this.context.config;
  }

  ofKind(kind: string): readonly IstioObject[] {
    return this.#byKind.get(kind) ?? [];
  }

  /** A host as Istio reads it in a rule of this namespace. */
  resolve(host: string, namespace: string): string {
    return resolveHost(host, { namespace, clusterDomain: this.config.clusterDomain });
  }

  /** The Service of the input that a host means. */
  serviceOf(host: string, namespace: string): KnownService | undefined {
    return this.#servicesByHost.get(this.resolve(host, namespace));
  }

  /** The ServiceEntry of the input that has a host, by its name or by a wildcard. */
  entryOf(host: string): IstioObject | undefined {
    const entries = this.#entryByHost ??= indexEntries(this.ofKind("ServiceEntry"));
    const exact = entries.get(host);
    if (exact) return exact;
    for (let at = host.indexOf("."); at >= 0; at = host.indexOf(".", at + 1)) {
      const found = entries.get(`*${host.slice(at)}`);
      if (found) return found;
    }
    return undefined;
  }

  /** The DestinationRules for a host, wherever they stand. */
  rulesFor(host: string, namespace: string): readonly IstioObject[] {
    return (this.#rulesByHost ??= this.#indexRules()).get(this.resolve(host, namespace)) ?? [];
  }

  /** Whether a resolved host has the form of a Service of this cluster. */
  isClusterHost(host: string): boolean {
    return host.endsWith(`.svc.${this.config.clusterDomain}`);
  }

  /** Host names of the Services, for suggestions. */
  hosts(): readonly string[] {
    return [...this.#servicesByHost.keys()].sort(compareText);
  }

  /** Whether any Service of the input has a gRPC port. */
  get speaksGrpc(): boolean {
    return this.#speaksGrpc ??= this.context.known.some(({ ports }) => ports.some(({ protocol }) => protocol === "grpc"));
  }

  get #servicesByHost(): ReadonlyMap<string, KnownService> {
    return this.#services ??= new Map(this.context.known.map((service) => {
      const [name, namespace] = [nameOf(service.object), namespaceFor(service.object, this.config)];
      return [namespace === "" ? name : fullHost(name, { namespace, clusterDomain: this.config.clusterDomain }), service];
    }));
  }

  #indexRules(): ReadonlyMap<string, readonly IstioObject[]> {
    const rules = new Map<string, IstioObject[]>();
    for (const object of this.ofKind("DestinationRule")) push(rules, this.resolve(asText(object.spec["host"]) ?? "", object.namespace), object);
    return rules;
  }
}

function indexEntries(entries: readonly IstioObject[]): ReadonlyMap<string, IstioObject> {
  return new Map(entries.flatMap((object) => asList(object.spec["hosts"]).flatMap((host): [string, IstioObject][] => (typeof host === "string" ? [[host, object]] : []))));
}

function push<T>(lists: Map<string, T[]>, key: string, entry: T): void {
  const list = lists.get(key);
  if (list) list.push(entry);
  else lists.set(key, [entry]);
}

/** One rule over one object that will be in the cluster. */
export type ObjectCheck = (object: IstioObject, world: IstioWorld) => readonly Diagnostic[];

/** An object that people wrote, or that another run made. */
class KeptObject implements IstioObject {
  readonly object: KubeObject;
  readonly ref: ResourceRef;
  readonly kind: string;
  readonly namespace: string;
  readonly spec: Mapping;
  readonly isOurs = false;
  readonly isOpen = true;

  constructor(object: KubeObject, config: MeshConfig) {
    this.object = object;
    this.ref = refOf(object);
    this.kind = this.ref.kind;
    this.namespace = this.ref.namespace ?? config.namespace;
    this.spec = mappingAt(object, "spec");
  }

  placeOf(...path: readonly string[]): Place {
    return { ref: this.ref, path };
  }

  wordFor(...path: readonly string[]): string {
    return path.filter((key) => !/^\[\d+\]$|^(spec|http|trafficPolicy|tcp|tls|connectionPool|outlierDetection)$/.test(key)).join(".");
  }

  settingOf(): undefined {
    return undefined;
  }
}

/** An object of this run. Most of them nobody has anything to say about, so that all else is found when somebody asks. */
class MadeObject implements IstioObject {
  readonly object: KubeObject;
  readonly kind: string;
  readonly namespace: string;
  readonly spec: Mapping;
  readonly isOurs = true;
  readonly isOpen: boolean;
  readonly #made: Made;

  constructor(made: Made, config: MeshConfig) {
    this.#made = made;
    this.object = made.object;
    this.kind = kindOf(made.object);
    this.namespace = namespaceOf(made.object) || config.namespace;
    this.spec = mappingAt(made.object, "spec");
    this.isOpen = made.isOpen ?? false;
  }

  get ref(): ResourceRef {
    return refOf(this.object);
  }

  get subject(): ResourceRef | undefined {
    return this.#made.beside && refOf(this.#made.beside.object);
  }

  placeOf(...path: readonly string[]): Place {
    return this.#originOf(path).place;
  }

  wordFor(...path: readonly string[]): string {
    return this.#originOf(path).setting?.name ?? path.at(-1)!;
  }

  settingOf(name: SettingName, ...path: readonly string[]): Setting | undefined {
    const { decided = [] } = this.#made;
    return decided.filter((each) => each.path.every((key, i) => path[i] === key)).sort((a, b) => b.path.length - a.path.length)
      .map(({ settings, also = [] }) => also.find((each) => each.name === name) ?? settings.find(name)).find((setting) => setting !== undefined);
  }

  #originOf(path: readonly string[]): ReturnType<typeof originOf> {
    const { object, decided = [], from } = this.#made;
    return originOf({ object, decided, source: this.subject ?? this.ref, ...(from && { from }) }, path);
  }
}

/** The mappings of a list, with their steps in a path. */
export function entriesOf(value: unknown): readonly (readonly [entry: Mapping, step: string])[] {
  return asList(value).flatMap((entry, i): [Mapping, string][] => {
    const mapping = asMapping(entry);
    return mapping ? [[mapping, `[${i}]`]] : [];
  });
}
