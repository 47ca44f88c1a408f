import { keyOf, layerSettings, type Layer, type Setting } from "../annotations/setting.ts";
import { rows } from "../annotations/table.ts";
import { writePath } from "../diagnostics/diagnostic.ts";
import { describe } from "../kube/object.ts";
import type { Level } from "./explanation.ts";

/** Where a setting was written, as people call the level: `Service web`, `Service web port.8080`, `profile critical`, `spec.targets.cache`. */
export function levelOf({ source: { place, profile } }: Setting): string {
  if (profile !== undefined) return `profile ${profile}`;
  const { ref, path } = place;
  if (path[0] !== "metadata") {
    const scope = path[1] === "targets" ? /^((?:port|subset|gateway|route)\.[^.]+)\./.exec(path.at(-1)!)?.[1] : undefined;
    return `${writePath(path[1] === "targets" ? path.slice(0, 3) : path.slice(0, -1))}${scope === undefined ? "" : ` ${scope}`}`;
  }
  const scope = /^istiomize\.dev\/((?:port|subset|gateway|route)\.[^.]+)\./.exec(path[2] ?? "")?.[1];
  return `${describe({ ...ref, namespace: "" })}${scope === undefined ? "" : ` ${scope}`}`;
}

/**
 * Everything that was written for one setting, nearest first, and which of it counts. `layers` are the levels, farthest
 * first; `hidden` are settings that were left out of them because something nearer of the same level is there.
 */
export function chainOf(key: string, layers: readonly Layer[], hidden: readonly Setting[] = []): { readonly winner?: Setting; readonly levels: readonly Level[]; readonly written: readonly Setting[] } {
  const winner = layerSettings(layers).find(key as Setting["name"]);
  const found = layers.flatMap((layer, depth) => {
    const setting = layer.get(key);
    return setting ? [{ setting, depth }] : [];
  }).toReversed();
  const seen = new Set(found.map(({ setting }) => placeKey(setting)));
  const rest = hidden.filter((setting) => keyOf(setting) === key && !seen.has(placeKey(setting)) && seen.add(placeKey(setting)));
  const merged = [...found];
  for (const setting of rest) {
    const nearer = merged.findLastIndex((each) => each.setting.source.profile === undefined && rankOf(each.setting) <= rankOf(setting));
    const farther = merged.findIndex((each) => rankOf(each.setting) > rankOf(setting));
    merged.splice(nearer >= 0 ? nearer + 1 : farther < 0 ? merged.length : farther, 0, { setting, depth: -1 });
  }
  const levels = merged.map(({ setting, depth }, i): Level => {
    const base = { level: levelOf(setting), text: setting.source.text, place: setting.source.place };
    if (winner && setting.source === winner.source) return { ...base, status: "counts" };
    if (i > 0 && winner && depth < 0 && winner.source.text === setting.source.text && rankOf(winner) === rankOf(setting)) return { ...base, status: "same" };
    if (i === 0 && setting.removed) return { ...base, status: "removes" };
    const other = i === 0 ? excluding(setting, layers.slice(depth)) : undefined;
    return other ? { ...base, status: "excluded", by: `${keyOf(other)} on ${levelOf(other)}` } : { ...base, status: "overridden" };
  });
  return { ...(winner && { winner }), levels, written: merged.map(({ setting }) => setting) };
}

/** A nearer setting that takes this one away because the two exclude each other. */
function excluding({ name }: Setting, nearer: readonly Layer[]): Setting | undefined {
  return nearer.flatMap((layer) => [...layer.values()]).find((other) => !other.removed && (rows[other.name].excludes ?? []).includes(name));
}

function placeKey({ source: { place, profile } }: Setting): string {
  return `${describe(place.ref)}\n${place.path.join("\n")}\n${profile ?? ""}`;
}

/** How far away a level is, for those that are put back between the others. */
function rankOf({ source: { place, profile } }: Setting): number {
  const [first, second] = place.path;
  if (profile !== undefined) return 5;
  if (first === "metadata") return place.ref.kind === "Service" ? 1 : place.ref.kind === "Namespace" ? 6 : 3;
  return { targets: 4, namespaces: 7, gateways: 8, defaults: 9 }[second ?? ""] ?? 9;
}
