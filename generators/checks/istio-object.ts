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
  readonly subject?: ResourceRef;
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
  readonly #services = new Map<string, KnownService>();
  readonly #byKind = new Map<string, IstioObject[]>();
  readonly #rulesByHost = new Map<string, IstioObject[]>();
  readonly #entryByHost = new Map<string, IstioObject>();

  constructor(context: MeshContext, made: readonly Made[]) {
    this.context = context;
    this.objects = [...context.kept.map(({ object }) => describeKept(object, context.config)), ...made.filter(({ object }) => groupOf(object).endsWith(".istio.io")).map((each) => describeMade(each, context.config))];
    for (const service of context.known) {
      const namespace = namespaceFor(service.object, context.config);
      this.#services.set(namespace === "" ? nameOf(service.object) : fullHost(nameOf(service.object), { namespace, clusterDomain: context.config.clusterDomain }), service);
    }
    for (const object of this.objects) {
      push(this.#byKind, object.kind, object);
      if (object.kind === "DestinationRule") {
        const host = this.resolve(asText(object.spec["host"]) ?? "", object.namespace);
        push(this.#rulesByHost, host, object);
      }
      if (object.kind === "ServiceEntry") for (const host of asList(object.spec["hosts"])) if (typeof host === "string") this.#entryByHost.set(host, object);
    }
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
    return this.#services.get(this.resolve(host, namespace));
  }

  /** The ServiceEntry of the input that has a host, by its name or by a wildcard. */
  entryOf(host: string): IstioObject | undefined {
    const exact = this.#entryByHost.get(host);
    if (exact) return exact;
    for (let at = host.indexOf("."); at >= 0; at = host.indexOf(".", at + 1)) {
      const found = this.#entryByHost.get(`*${host.slice(at)}`);
      if (found) return found;
    }
    return undefined;
  }

  /** The DestinationRules for a host, wherever they stand. */
  rulesFor(host: string, namespace: string): readonly IstioObject[] {
    return this.#rulesByHost.get(this.resolve(host, namespace)) ?? [];
  }

  /** Whether a resolved host has the form of a Service of this cluster. */
  isClusterHost(host: string): boolean {
    return host.endsWith(`.svc.${this.config.clusterDomain}`);
  }

  /** Host names of the Services, for suggestions. */
  hosts(): readonly string[] {
    return [...this.#services.keys()].sort(compareText);
  }
}

function push<T>(lists: Map<string, T[]>, key: string, entry: T): void {
  const list = lists.get(key);
  if (list) list.push(entry);
  else lists.set(key, [entry]);
}

/** One rule over one object that will be in the cluster. */
export type ObjectCheck = (object: IstioObject, world: IstioWorld) => readonly Diagnostic[];

function describeKept(object: KubeObject, config: MeshConfig): IstioObject {
  const ref = refOf(object);
  return {
    object, ref, kind: kindOf(object), namespace: namespaceOf(object) || config.namespace, spec: mappingAt(object, "spec"), isOurs: false, isOpen: true,
    placeOf: (...path) => ({ ref, path }),
    wordFor: (...path) => path.filter((key) => !/^\[\d+\]$|^(spec|http|trafficPolicy|tcp|tls|connectionPool|outlierDetection)$/.test(key)).join("."),
    settingOf: () => undefined,
  };
}

function describeMade({ object, beside, decided = [], from, isOpen = false }: Made, config: MeshConfig): IstioObject {
  const source = refOf(beside?.object ?? object);
  const origin = (path: readonly string[]): ReturnType<typeof originOf> => originOf({ object, decided, source, ...(from && { from }) }, path);
  return {
    object, ref: refOf(object), kind: kindOf(object), namespace: namespaceOf(object) || config.namespace, spec: mappingAt(object, "spec"), isOurs: true, isOpen,
    ...(beside && { subject: source }),
    placeOf: (...path) => origin(path).place,
    wordFor: (...path) => origin(path).setting?.name ?? path.at(-1)!,
    settingOf: (name, ...path) => decided.filter((each) => each.path.every((key, i) => path[i] === key)).sort((a, b) => b.path.length - a.path.length)
      .map(({ settings, also = [] }) => also.find((each) => each.name === name) ?? settings.find(name)).find((setting) => setting !== undefined),
  };
}

/** The mappings of a list, with their steps in a path. */
export function entriesOf(value: unknown): readonly (readonly [entry: Mapping, step: string])[] {
  return asList(value).flatMap((entry, i): [Mapping, string][] => {
    const mapping = asMapping(entry);
    return mapping ? [[mapping, `[${i}]`]] : [];
  });
}
