import { describeSetting, type Layer, type Setting } from "../annotations/setting.ts";
import { rows, type SettingName } from "../annotations/table.ts";
import { toDnsLabel } from "../annotations/values.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { compareText, equal, refOf, selects, type ResourceRef } from "../kube/object.ts";
import type { Workload } from "./workload.ts";

/** A workload and the settings that stand on it. */
export interface AnnotatedWorkload {
  readonly workload: Workload;
  readonly own: Layer;
  /** Its own settings, with those of its profile below: what its subset gets. */
  readonly profiled: Layer;
}

/** One named part of a Service's pods. */
export interface Subset {
  readonly name: string;
  /** Pod labels that only these pods carry; `undefined` where there are none. */
  readonly labels?: { readonly [key: string]: string };
  readonly workloads: readonly Workload[];
  /** DestinationRule settings of its workloads. */
  readonly layer: Layer;
}

/** The name that a workload's subset has: the annotation `subset`, else its pod label `version`. */
function nameSubset({ workload, own }: AnnotatedWorkload): string | undefined {
  const named = own.get("subset");
  if (named && !named.removed) return named.value as string;
  const version = workload.podLabels["version"];
  return version === undefined ? undefined : toDnsLabel(version) || undefined;
}

/**
 * The subsets of a Service: those that `subset.<name>.labels` define, else one for each name among the workloads behind
 * it; in the order of the names, each with the settings of its workloads and, nearer, those behind `subset.<name>.`.
 */
export function findSubsets(workloads: readonly AnnotatedWorkload[], service: ResourceRef, scoped: ReadonlyMap<string, Layer>): { subsets: readonly Subset[]; diagnostics: readonly Diagnostic[] } {
  const isDefined = [...scoped.values()].some((layer) => isSet(layer.get("labels")));
  const { subsets, diagnostics } = isDefined ? defineSubsets(workloads, service, scoped) : nameSubsets(workloads, service);
  const known = subsets.map(({ name }) => name);
  const unknown = [...scoped].filter(([name]) => !known.includes(name)).flatMap(([name, layer]) => [...layer.values()].slice(0, 1).map(({ source }) =>
    diagnose("IZ221", source.place, { name, known, isDefined, suggestion: suggest(name, known) })));
  const own = (name: string): Layer => new Map([...(scoped.get(name) ?? [])].filter(([key]) => key !== "labels"));
  return { subsets: subsets.map((subset) => (scoped.has(subset.name) ? { ...subset, layer: flatten([subset.layer, own(subset.name)]) } : subset)), diagnostics: [...diagnostics, ...unknown] };
}

/** Layers as one, the nearer entry first; unlike settled settings it keeps `none`, which must still remove farther ones. */
export function flatten(layers: readonly Layer[]): Layer {
  return layers.length === 1 ? layers[0]! : new Map(layers.flatMap((layer) => [...layer]));
}

function isSet(setting: Setting | undefined): setting is Setting {
  return setting !== undefined && !setting.removed;
}

/** Exactly the subsets that have `subset.<name>.labels`; each must select pods. */
function defineSubsets(workloads: readonly AnnotatedWorkload[], service: ResourceRef, scoped: ReadonlyMap<string, Layer>): { subsets: readonly Subset[]; diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const defined = [...scoped].filter(([, layer]) => isSet(layer.get("labels")));
  const count = defined.length;
  const subsets = defined.sort(([a], [b]) => compareText(a, b)).map(([name, layer]): Subset => {
    const setting = layer.get("labels")!;
    const labels = setting.value as { readonly [key: string]: string };
    const members = workloads.filter(({ workload }) => selects(labels, workload.podLabels));
    if (members.length === 0 && workloads.length > 0) diagnostics.push(diagnose("IZ222", setting.source.place, { name, labels: writeLabels(labels), workloads: workloads.map(({ workload }) => `${workload.name} (${writeLabels(workload.podLabels)})`) }));
    const merged = count > 1 ? mergeWorkloads(members.map(({ workload, profiled }) => ({ workload, own: profiled })), isPolicy, service, `both are subset ${name}`) : undefined;
    diagnostics.push(...(merged?.diagnostics ?? []));
    return { name, labels, workloads: members.map(({ workload }) => workload), layer: merged?.layer ?? new Map() };
  });
  return { subsets, diagnostics };
}

function writeLabels(labels: { readonly [key: string]: unknown }): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`).join(",");
}

function nameSubsets(workloads: readonly AnnotatedWorkload[], service: ResourceRef): { subsets: readonly Subset[]; diagnostics: readonly Diagnostic[] } {
  const byName = new Map<string, AnnotatedWorkload[]>();
  for (const each of workloads) {
    const name = nameSubset(each);
    if (name !== undefined) byName.set(name, [...(byName.get(name) ?? []), each]);
  }
  const diagnostics: Diagnostic[] = [];
  const subsets = [...byName.keys()].sort().map((name): Subset => {
    const members = byName.get(name)!;
    const others = workloads.filter((each) => !members.includes(each)).map(({ workload }) => workload);
    const inside = members.map(({ workload }) => workload);
    const labels = sharesVersion(members) ? distinguish(inside, others) : undefined;
    const merged = byName.size > 1 ? mergeWorkloads(members.map(({ workload, profiled }) => ({ workload, own: profiled })), isPolicy, service, `both are subset ${name}`) : undefined;
    diagnostics.push(...(merged?.diagnostics ?? []));
    return { name, workloads: inside, layer: merged?.layer ?? new Map(), ...(labels && { labels }) };
  });
  return { subsets, diagnostics };
}

/** Versions such as `1.2.3` and `v1-2-3` become one name without being one subset; an annotation may mean it. */
function sharesVersion(members: readonly AnnotatedWorkload[]): boolean {
  const byLabel = members.filter(({ own }) => !own.get("subset") || own.get("subset")!.removed);
  return new Set(byLabel.map(({ workload }) => workload.podLabels["version"])).size <= 1;
}

/** The label that all of `inside` share and none of `outside` has with that value; `version` first, then by name. */
function distinguish(inside: readonly Workload[], outside: readonly Workload[]): { readonly [key: string]: string } | undefined {
  const first = inside[0]!.podLabels;
  const keys = Object.keys(first).sort((a, b) => Number(b === "version") - Number(a === "version") || (a < b ? -1 : 1));
  const key = keys.find((each) =>
    inside.every(({ podLabels }) => podLabels[each] === first[each]) && outside.every(({ podLabels }) => podLabels[each] !== first[each]));
  return key === undefined ? undefined : { [key]: first[key]! };
}

export function isPolicy(name: SettingName): boolean {
  return rows[name].family === "DestinationRule";
}

/** Whether a level holds a DestinationRule setting. */
export function holdsPolicy(layer: Layer): boolean {
  for (const { name } of layer.values()) if (isPolicy(name)) return true;
  return false;
}

/** One level out of several workloads; a setting that two of them set differently is reported with both. */
export function mergeWorkloads(workloads: readonly Pick<AnnotatedWorkload, "workload" | "own">[], wanted: (name: SettingName) => boolean, service: ResourceRef, why: string): { layer: Layer; diagnostics: readonly Diagnostic[] } {
  const merged = new Map<string, Setting>();
  const diagnostics: Diagnostic[] = [];
  for (const { own } of workloads) {
    for (const [key, setting] of own) {
      if (!wanted(setting.name)) continue;
      const other = merged.get(key);
      if (other && !(equal(other.value, setting.value) && other.removed === setting.removed)) {
        diagnostics.push(diagnose("IZ213", setting.source.place, { one: describeSetting(other), other: describeSetting(setting), service: service.name, why }));
      } else if (!other) merged.set(key, setting);
    }
  }
  return { layer: merged, diagnostics };
}

/** Workloads whose settings would have to go into a subset that does not exist, or into two that cannot be told apart. */
export function checkSubsets(subsets: readonly Subset[], workloads: readonly AnnotatedWorkload[], service: ResourceRef): readonly Diagnostic[] {
  const unnamed = workloads.filter((each) => nameSubset(each) === undefined);
  const place = { ref: service, path: ["spec", "selector"] };
  const alike = subsets.filter(({ labels }) => !labels).map((subset) => diagnose("IZ306", place, {
    one: `subset ${subset.name} (${subset.workloads.map(({ name }) => name).join(", ")})`,
    other: "the other workloads behind this Service", what: "no pod label is theirs alone",
  }));
  return [...alike, ...unnamed.filter(({ profiled }) => holdsPolicy(profiled)).map(({ workload }) => diagnose("IZ306", { ref: refOf(workload.item.object), path: ["spec", "template", "metadata", "labels"] }, {
    one: `workload ${workload.name}`, other: `the subsets ${subsets.map(({ name }) => name).join(", ")}`, what: "it has no `version` label, so its settings belong to no subset",
  }))];
}

