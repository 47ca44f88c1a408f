import type { ObjectSettings } from "../annotations/read.ts";
import { keyOf, type Layer } from "../annotations/setting.ts";
import { scopes } from "../annotations/table.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { suggestFinal } from "../diagnostics/suggest.ts";
import { describeObject, equal, kindOf, nameOf, type Item } from "../kube/object.ts";
import type { MeshContext } from "../mesh/context.ts";
import { namespaceFor } from "../mesh/levels.ts";
import { targetsOf, type Target } from "../mesh/targets.ts";
import type { Check } from "./check.ts";

/** Targets of the ServiceMesh that fit no object, and two that say different things of one. */
export const checkTargets: Check = ({ context }) => {
  const { config, sources } = context;
  if (config.targets.length === 0) return [];
  const matched = new Set<Target>();
  const disagreements = sources.flatMap((item) => {
    const targets = targetsOf(item, config);
    for (const target of targets) matched.add(target);
    return targets.flatMap((target, i) => disagree(item, target, targets.slice(0, i)));
  });
  const unmatched = config.targets.filter((target) => !matched.has(target)).map((target) => describeUnmatched(target, context));
  return [...disagreements, ...unmatched];
};

function describeUnmatched(target: Target, { config, sources }: MeshContext): Diagnostic {
  const alike = sources.map(({ object }) => object).filter((object) => kindOf(object) === target.kind);
  const namesakes = target.namespace === undefined ? [] : alike.filter((object) => nameOf(object) === target.name).map((object) => namespaceFor(object, config));
  const near = target.name === undefined || alike.some((object) => nameOf(object) === target.name) ? undefined : suggestFinal(target.name, alike.map(nameOf));
  const [field, suggestion] = namesakes.length === 1 && namesakes[0] !== "" ? ["namespace", namesakes[0]] as const : ["name", near] as const;
  const path = ["spec", "targets", target.key, ...(suggestion === undefined ? [] : [field])];
  return diagnose("IZ124", { ref: config.ref, path }, { what: describeTarget(target), ...(suggestion !== undefined && { suggestion: `${field}: ${suggestion}` }) });
}

function disagree({ object }: Item, target: Target, earlier: readonly Target[]): readonly Diagnostic[] {
  return layersOf(target.settings).flatMap(([at, layer]) => [...layer.values()].map((setting) => ({ at, setting }))).flatMap(({ at, setting }) => {
    const other = earlier.find(({ settings }) => {
      const found = layersOf(settings).find(([where]) => where === at)?.[1].get(keyOf(setting));
      return found !== undefined && !(equal(found.value, setting.value) && found.removed === setting.removed);
    });
    return other ? [diagnose("IZ125", setting.source.place, { one: other.key, other: target.key, object: describeObject(object), setting: setting.source.place.path.at(-1)! })] : [];
  });
}

/** The settings of a target by where they hold: for the whole object, or behind a scope. */
function layersOf({ own, scopes: behind }: ObjectSettings): readonly (readonly [at: string, layer: Layer])[] {
  return [["", own], ...scopes.flatMap((scope) => [...behind[scope]].map(([of, layer]) => [`${scope}.${of}`, layer] as const))];
}

function describeTarget({ kind, name, namespace, labels }: Target): string {
  const having = Object.entries(labels).map(([key, value]) => `${key}: ${value}`);
  return [kind, name === undefined ? "of any name" : name, ...(namespace === undefined ? [] : [`in namespace ${namespace}`]), ...(having.length > 0 ? [`with the labels ${having.join(", ")}`] : [])].join(" ");
}
