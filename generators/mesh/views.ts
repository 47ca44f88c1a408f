import { layerSettings, type Layer, type Settings } from "../annotations/setting.ts";
import { rows, type SettingName } from "../annotations/table.ts";
import type { MeshConfig } from "./config.ts";
import { gatewayDefaults, meshAlias } from "./gateways.ts";
import type { MeshService } from "./service.ts";

/**
 * The settings of a Service for callers in the mesh or through one gateway, and for one port of it. From the farthest:
 * `spec.defaults`, the gateway's defaults, all levels of the Service, what stands behind `port.`, what stands behind
 * `gateway.<alias>.`.
 */
export function viewSettings(service: MeshService, alias: string, config: MeshConfig, port?: Layer): Settings {
  const own = service.gatewayLayers.get(alias);
  const defaults = gatewayDefaults(alias, config);
  if (defaults.size === 0) return service.settings.with(...[port, own].filter((layer) => layer !== undefined));
  const [first, ...rest] = service.layers;
  return layerSettings([first!, defaults, ...rest, ...[port, own].filter((layer) => layer !== undefined)]);
}

/**
 * What holds in the mesh of a Service that is bound to a gateway: `match`, `rewrite`, `redirect` and `direct-response`
 * are the gateway's then, unless they stand behind `gateway.mesh.`.
 */
export function withoutEdge(settings: Settings, service: MeshService, isBound: boolean): Settings {
  const own = service.gatewayLayers.get(meshAlias);
  return settings.without((name) => rows[name].edge === "gateway" || (rows[name].edge === "bound" && isBound && !own?.has(name)));
}

/** Settings that count as one: a rule that sets one of a group takes none of the others from farther levels. */
const groups: readonly ((name: SettingName) => boolean)[] = [
  (name) => name.startsWith("retry-") && name !== "retry-budget" && name !== "retry-unsafe",
  (name) => name === "fault-delay" || name === "fault-abort",
  (name) => name === "rewrite" || name === "redirect" || name === "direct-response",
];

/**
 * The settings of one more rule: what holds for every rule, and its own on top. What answers in place of the Service
 * is for the default rule: with it a rule of its own would lead nowhere.
 */
export function ruleSettings(settings: Settings, own: Layer): Settings {
  const set = [...own.values()].map(({ name }) => name);
  const replaced = groups.filter((isIn) => set.some(isIn));
  return settings.without((name) => name === "redirect" || name === "direct-response" || replaced.some((isIn) => isIn(name))).with(own);
}
