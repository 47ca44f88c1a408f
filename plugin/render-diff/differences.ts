import { compareText, groupOf, kindOf, nameOf, namespaceOf, type KubeObject } from "../../generators/kube/object.ts";
import { describePolicies } from "./policies.ts";
import { describeRoutes, workOf } from "./routes.ts";
import { describeAccess, describeGateway, describePeers, describeTokens } from "./security.ts";
import { changesPods, describeNamespace, describePods } from "./pods.ts";
import { compareFields, type FieldChange } from "./fields.ts";
import { findChanged, type Pair, type World } from "./objects.ts";
import type { Workload } from "../../generators/mesh/workload.ts";
import { code, type Effect } from "./words.ts";

export type Kind = "added" | "changed" | "removed";

/** What a change does to an object, or to several of one kind that it does the same to. */
export interface Difference {
  readonly kind: Kind;
  /** `VirtualService`, of all of the names. */
  readonly of: string;
  readonly objects: readonly { readonly name: string; readonly namespace: string; readonly replicas?: number }[];
  /** In the words the one object, or `each`, stands for its name. */
  readonly effects: readonly Effect[];
  readonly fields: readonly FieldChange[];
}

/** What a change does to what an overlay builds. */
export interface Comparison {
  readonly differences: readonly Difference[];
  /** The workloads whose pods restart for it. */
  readonly restarted: readonly Workload[];
}

/** The objects of an overlay that is new, or gone: no request takes another way than it did, for there was none. */
export function compareWithNothing(comparison: Comparison): Comparison {
  return { differences: comparison.differences.map((difference) => ({ ...difference, effects: [] })), restarted: [] };
}

export function compareWorlds(before: World, after: World): Comparison {
  const pairs = findChanged(before, after);
  const { forerunners, successors } = findReplaced(pairs);
  const found = pairs.map((pair): Difference => {
    const object = (pair.after ?? pair.before)!;
    const forerunner = forerunners.get(pair);
    const successor = pair.before && successors.get(pair.before);
    const effects = successor ? [{ level: "note", text: `${kindOf(successor)} ${code(nameOf(successor))} takes its place` } as const] : describe({ ...pair, ...(forerunner && { before: forerunner }) }, { before, after });
    const workload = changesPods(pair) ? after.findWorkload(pair.after!) : undefined;
    return {
      kind: pair.before && pair.after ? "changed" : pair.after ? "added" : "removed", of: kindOf(object),
      objects: [{ name: nameOf(object), namespace: namespaceOf(object), ...(workload?.replicas !== undefined && { replicas: workload.replicas }) }],
      effects, fields: fieldsOf(pair),
    };
  });
  return {
    differences: mergeAlike(found),
    restarted: pairs.filter(changesPods).flatMap((pair) => after.findWorkload(pair.after!) ?? []),
  };
}

/** VirtualServices and DestinationRules that are new under another name, with those whose work they do. */
function findReplaced(pairs: readonly Pair[]): { readonly forerunners: ReadonlyMap<Pair, KubeObject>; readonly successors: ReadonlyMap<KubeObject, KubeObject> } {
  const gone = new Map(pairs.flatMap(({ before, after }) => (before && !after ? workOf(before).map((work) => [work, before] as const) : [])));
  const [forerunners, successors] = [new Map<Pair, KubeObject>(), new Map<KubeObject, KubeObject>()];
  for (const pair of pairs) {
    if (pair.before || !pair.after) continue;
    const forerunner = workOf(pair.after).map((work) => gone.get(work)).find((object) => object !== undefined && !successors.has(object));
    if (!forerunner) continue;
    forerunners.set(pair, forerunner);
    successors.set(forerunner, pair.after);
  }
  return { forerunners, successors };
}

/** Of an object that comes or goes, what it says; who made it and where it stands is said elsewhere. */
function fieldsOf({ seen }: Pair): readonly FieldChange[] {
  const fields = compareFields(seen.before, seen.after);
  return seen.before && seen.after ? fields : fields.filter(({ path }) => !/^(apiVersion|kind|metadata\.(name|namespace|annotations|labels)\b.*)$/.test(path) || groupOf((seen.after ?? seen.before)!) === "");
}

function describe({ before, after }: Omit<Pair, "identity" | "seen">, worlds: { readonly before: World; readonly after: World }): readonly Effect[] {
  const object = (after ?? before)!;
  const change = { ...(before && { before }), ...(after && { after }) };
  switch (`${groupOf(object)}/${kindOf(object)}`) {
    case "networking.istio.io/VirtualService": return describeRoutes({ ...change, worlds });
    case "networking.istio.io/DestinationRule": return describePolicies(before, after, worlds);
    case "networking.istio.io/Gateway": return describeGateway(before, after);
    case "security.istio.io/PeerAuthentication": return describePeers(before, after, worlds);
    case "security.istio.io/AuthorizationPolicy": return describeAccess(before, after);
    case "security.istio.io/RequestAuthentication": return describeTokens(before, after);
    case "/Namespace": return describeNamespace(before, after, worlds);
    default: return changesPods(change) ? describePods(before!, after!, worlds) : [];
  }
}

/** What stands in words for the name of each of several objects. */
const each = "each of them";

/** Objects of one kind to which the same happens, each under its own name, are told once. */
function mergeAlike(found: readonly Difference[]): readonly Difference[] {
  const groups = new Map<string, Difference[]>();
  for (const difference of found) {
    const key = JSON.stringify([difference.kind, difference.of, withoutName(difference), difference.fields]);
    groups.set(key, [...(groups.get(key) ?? []), difference]);
  }
  return [...groups.values()].map((group) => {
    const first = group[0]!;
    return group.length === 1 ? first : { ...first, objects: group.flatMap(({ objects }) => objects), effects: withoutName(first) };
  });
}

function withoutName({ objects, effects }: Difference): readonly Effect[] {
  const { name } = objects[0]!;
  return effects.map(({ level, text }) => ({ level, text: text.replaceAll(code(name), each) }));
}

/** The differences of all overlays, each once, with the overlays that it is of; those of most overlays come first. */
export interface Section {
  readonly overlays: readonly string[];
  readonly differences: readonly Difference[];
}

export function gatherSections(comparisons: ReadonlyMap<string, Comparison>): readonly Section[] {
  const shared = new Map<string, { readonly difference: Difference; readonly overlays: string[] }>();
  for (const [overlay, { differences }] of comparisons) {
    for (const difference of differences) {
      const { objects, ...rest } = difference;
      const key = JSON.stringify([objects.map(({ name }) => name), rest]);
      const known = shared.get(key);
      if (known) known.overlays.push(overlay);
      else shared.set(key, { difference, overlays: [overlay] });
    }
  }
  const sections = new Map<string, { readonly overlays: readonly string[]; readonly differences: Difference[] }>();
  for (const { difference, overlays } of shared.values()) {
    const key = overlays.join("\n");
    const common = overlays.length > 1 ? { ...difference, objects: difference.objects.map(({ name }) => ({ name, namespace: "" })) } : difference;
    const section = sections.get(key);
    if (section) section.differences.push(common);
    else sections.set(key, { overlays, differences: [common] });
  }
  return [...sections.values()].sort((a, b) => b.overlays.length - a.overlays.length || compareText(a.overlays.join(), b.overlays.join()));
}
