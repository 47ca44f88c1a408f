import { carrierOf, noSettings, readAnnotations, type ObjectSettings } from "../annotations/read.ts";
import type { Guardrails, Layer, Setting } from "../annotations/setting.ts";
import { rows, settingByField, type Carrier, type Scope } from "../annotations/table.ts";
import { diagnose, type Diagnostic, type Place } from "../diagnostics/diagnostic.ts";
import { annotationPrefix, compareText, kindOf, mappingAt, nameOf, namespaceOf, selects, stringsAt, type Item, type KubeObject, type Mapping, type ResourceRef } from "../kube/object.ts";
import type { MeshConfig } from "./config.ts";
import { earlierNamesOf } from "./lookup.ts";

/** Settings of `spec.targets`, and which objects they are for. */
export interface Target {
  /** Its key in `spec.targets`. */
  readonly key: string;
  readonly kind: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly labels: { readonly [key: string]: string };
  readonly settings: ObjectSettings;
}

/** An entry of `spec.targets` as its shape gives it. */
interface WrittenTarget {
  readonly kind?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly labels: { readonly [key: string]: string };
  readonly set: Layer;
}

export type WrittenTargets = ReadonlyMap<string, WrittenTarget>;

/** What settling needs beside the entries: the spec as written, and whose field is whose. */
interface SettleContext {
  readonly written: Mapping;
  readonly guardrails: Guardrails;
  readonly isLenient: boolean;
  readonly refOf: (path: readonly string[]) => ResourceRef;
  readonly report: (diagnostic: Diagnostic) => void;
}

/** The targets in the order of their names, each with the settings that its kind of object may carry. */
export function settleTargets(targets: WrittenTargets, context: SettleContext): readonly Target[] {
  return [...targets].sort(([a], [b]) => compareText(a, b)).flatMap(([key, { kind, name, namespace, labels, set }]): Target[] => {
    const path = ["spec", "targets", key];
    if (kind === undefined) {
      if ((context.written[key] as Mapping)["kind"] === undefined) {
        context.report(diagnose("IZ111", { ref: context.refOf(path), path }, { found: "a target without kind", expects: "kind: Service, Deployment, StatefulSet, DaemonSet, Rollout or Namespace" }));
      }
      return [];
    }
    const carrier = carrierOfKind(kind);
    const own = new Map([...set].filter(([, setting]) => {
      const { on } = rows[setting.name];
      if (on.includes(carrier)) return true;
      context.report(diagnose("IZ111", setting.source.place, { found: `${setting.source.place.path.at(-1)} for a ${kind}`, expects: `a setting that a ${kind} may carry as an annotation; this one stands on a ${on.join(" or a ")}` }));
      return false;
    }));
    const settings = mergeSettings([{ ...noSettings, own }, ...readScoped(kind, key, context)]);
    return [{ key, kind, labels, settings, ...(name !== undefined && { name }), ...(namespace !== undefined && { namespace }) }];
  });
}

const objectsOfKind: { readonly [kind: string]: string } = { Service: "v1", Namespace: "v1", Rollout: "argoproj.io/v1alpha1" };

/** Keys with a scope in front are read as the annotations that they are. */
function readScoped(kind: string, key: string, { written, guardrails, isLenient, refOf, report }: SettleContext): readonly ObjectSettings[] {
  return Object.entries(mappingAt(written, key, "set")).filter(([field, value]) => field.includes(".") && value !== null).map(([field, value]) => {
    const path = ["spec", "targets", key, "set", field];
    const place: Place = { ref: refOf(path), path };
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    const object: KubeObject = { apiVersion: objectsOfKind[kind] ?? "apps/v1", kind, metadata: { name: key, annotations: { [annotationPrefix + toKey(field)]: text } } };
    const { settings, diagnostics } = readAnnotations(object, guardrails, isLenient);
    for (const diagnostic of diagnostics) report({ ...diagnostic, place });
    const moved = (layer: Layer): Layer => new Map([...layer].map(([name, setting]): [string, Setting] => [name, { ...setting, source: { ...setting.source, place } }]));
    return { own: moved(settings.own), scopes: mapScopes((scope) => new Map([...settings.scopes[scope]].map(([of, layer]) => [of, moved(layer)]))) };
  });
}

/** `port.8080.retryAttempts` → `port.8080.retry-attempts`. */
function toKey(field: string): string {
  const last = field.lastIndexOf(".") + 1;
  const word = field.slice(last);
  return field.slice(0, last) + (settingByField().get(word) ?? word.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
}

function mapScopes(make: (scope: Scope) => ReadonlyMap<string, Layer>): ObjectSettings["scopes"] {
  return { port: make("port"), subset: make("subset"), gateway: make("gateway"), route: make("route") };
}

/** Settings of one object from several places, the nearest last. */
function mergeSettings(all: readonly ObjectSettings[]): ObjectSettings {
  const merge = (layers: readonly Layer[]): Layer => new Map(layers.flatMap((layer) => [...layer]));
  return {
    own: merge(all.map(({ own }) => own)),
    scopes: mapScopes((scope) => {
      const names = new Set(all.flatMap((each) => [...each.scopes[scope].keys()]));
      return new Map([...names].map((of) => [of, merge(all.flatMap((each) => each.scopes[scope].get(of) ?? []))]));
    }),
  };
}

/** An object's settings with those of the targets that it fits below its own. */
export function withTargets(item: Item, settings: ObjectSettings, config: Pick<MeshConfig, "targets" | "namespace">): ObjectSettings {
  const targets = config.targets.length === 0 ? [] : targetsOf(item, config);
  return targets.length === 0 ? settings : mergeSettings([...targets.map((target) => target.settings), settings]);
}

function carrierOfKind(kind: string): Carrier {
  return kind === "Service" || kind === "Namespace" ? kind : "Workload";
}

/** The settings of `spec.targets` for a Service, workload or Namespace: a level between those of the Namespace and of the workload. */
export function targetLayers({ item }: { readonly item: Item }, config: Pick<MeshConfig, "targets" | "namespace">): readonly Layer[] {
  return targetsOf(item, config).map(({ settings }) => settings.own);
}

/** The targets that an object fits. */
export function targetsOf(item: Item, config: Pick<MeshConfig, "targets" | "namespace">): readonly Target[] {
  return config.targets.filter((target) => isTarget(item, target, config.namespace));
}

/** By its name and namespace now, or by those from before an overlay's prefix, suffix or namespace. */
function isTarget(item: Item, { kind, name, namespace, labels }: Target, ownNamespace: string): boolean {
  const { object } = item;
  if (kindOf(object) !== kind || carrierOf(object) !== carrierOfKind(kind)) return false;
  const where = kind === "Namespace" ? undefined : namespace;
  const now = { name: nameOf(object), namespace: namespaceOf(object) || ownNamespace };
  const names = [now, ...earlierNamesOf(item).flatMap((earlier) => [{ ...now, name: earlier.name }, { name: earlier.name, namespace: earlier.namespace || now.namespace }])];
  const isNamed = names.some((each) => (name === undefined || each.name === name) && (where === undefined || each.namespace === where));
  return isNamed && (Object.keys(labels).length === 0 || selects(labels, stringsAt(object, "metadata", "labels")));
}
