import { suggest } from "../../diagnostics/suggest.ts";
import type { Absent } from "../../diagnostics/diagnostic.ts";
import type { IstioWorld } from "../istio-object.ts";

/** `shop` of `web.shop.svc.cluster.local`; nothing for a host of another form. */
function namespaceIn(host: string): string {
  return host.split(".")[1] ?? "";
}

function nameIn(host: string): string {
  return host.split(".")[0]!;
}

const names = new WeakMap<IstioWorld, ReadonlyMap<string, readonly string[]>>();

/** Names of the Services of the input by namespace, read once for each world. */
function namesByNamespace(world: IstioWorld): ReadonlyMap<string, readonly string[]> {
  const known = names.get(world);
  if (known) return known;
  const found = new Map<string, string[]>();
  for (const host of world.hosts()) {
    const list = found.get(namespaceIn(host));
    if (list) list.push(nameIn(host));
    else found.set(namespaceIn(host), [nameIn(host)]);
  }
  names.set(world, found);
  return found;
}

/** Whether a resolved host that no Service of the input has can be said to be missing: others of its namespace are there. */
export function isMissing(resolved: string, world: IstioWorld): boolean {
  const [all, namespace] = [namesByNamespace(world), namespaceIn(resolved)];
  if (!(world.isClusterHost(resolved) || !resolved.includes(".")) || !all.has(namespace)) return false;
  return namespace === "" || !all.get("")?.includes(nameIn(resolved)); // one without a namespace may be applied there
}

/** The Service that a resolved host means. */
export function absentService(resolved: string): Absent {
  return { kind: "Service", namespace: namespaceIn(resolved), name: nameIn(resolved) };
}

/** Suggestions cost a look at every name: so many in one run get one. */
const mostSuggestions = 200;
const suggested = new WeakMap<IstioWorld, number>();

/** The nearest Service of the same namespace, as short as the host was written; else the one of that name elsewhere. */
export function suggestHost(host: string, resolved: string, world: IstioWorld): string | undefined {
  const count = suggested.get(world) ?? 0;
  if (count >= mostSuggestions) return undefined;
  suggested.set(world, count + 1);
  const all = namesByNamespace(world);
  const near = suggest(nameIn(resolved), all.get(namespaceIn(resolved)) ?? []);
  if (near) return host.includes(".") ? [near, ...resolved.split(".").slice(1)].join(".") : near;
  const elsewhere = [...all].filter(([, list]) => list.includes(nameIn(resolved))).map(([namespace]) => namespace);
  return elsewhere.length === 1 && elsewhere[0] !== "" ? `${nameIn(resolved)}.${elsewhere[0]}.svc.${world.config.clusterDomain}` : undefined;
}

/**
 * The full host that somebody meant who wrote `web.shop` or `web.shop.svc`: Istio completes names without a dot only.
 * Nothing where such a name may well be a host of its own.
 */
export function halfQualified(host: string, world: IstioWorld): string | undefined {
  if (world.isClusterHost(host) || host.includes("*") || world.entryOf(host)) return undefined;
  const [name, namespace, last, ...rest] = host.split(".");
  if (namespace === undefined || rest.length > 0 || (last !== undefined && last !== "svc")) return undefined;
  const full = `${name}.${namespace}.svc.${world.config.clusterDomain}`;
  return world.serviceOf(full, "") || (last === "svc" && namesByNamespace(world).has(namespace)) ? full : undefined;
}
