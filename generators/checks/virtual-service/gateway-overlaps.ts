import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { describeObject, equal } from "../../kube/object.ts";
import { hostReached, type GatewayServer } from "../../mesh/gateways.ts";
import { gatewayOf } from "../gateways.ts";
import type { IstioWorld } from "../istio-object.ts";
import { covers, describeConditions, meets, readConditions, type Conditions } from "./coverage.ts";
import type { Match, RouteCheck, Routes, Rule } from "./routes.ts";
import { fullGateway, type TrafficMap } from "./traffic-map.ts";

interface Alternative {
  readonly routes: Routes;
  readonly rule: Rule;
  readonly match: Match;
  readonly conditions: Conditions;
}

/** Two alternatives that some request fits, at one gateway and host. */
interface Overlap {
  readonly at: string;
  readonly mine: Alternative;
  readonly other: Alternative;
}

const found = new WeakMap<IstioWorld, ReadonlyMap<Routes, readonly Overlap[]>>();

/** How many alternatives with one path, and how many pairs with a pattern, are compared for one host; a tree that has more is told of the first. */
const most = { perPath: 40, pairs: 1500 };

/**
 * Rules of two VirtualServices for the same requests at one gateway and host (rule G3): Istio joins them in the order in
 * which the objects came into the cluster, rules for every request last. Said once, at the one with the longer path.
 */
export const checkGatewayOverlaps: RouteCheck = (routes, world, map) => {
  if (routes.gateways.every((name) => name === "mesh")) return [];
  const overlaps = found.get(world) ?? findByteOverlaps(findOverlaps(map), map, world);
  found.set(world, overlaps);
  const { object } = routes;
  const told = new Set<string>();
  return (overlaps.get(routes) ?? []).flatMap(({ at, mine, other }): readonly Diagnostic[] => {
    const [gateway, host] = at.split(" ") as [string, string];
    const key = `${mine.rule.path.join(".")} ${isCatchAll(mine)} ${other.routes.object.ref.namespace}/${other.routes.object.ref.name}`;
    if (told.has(key)) return [];
    told.add(key);
    const place = object.placeOf(...(!object.isOurs ? mine.match.path : isCatchAll(mine) || mine.rule.kind !== "http" ? ["spec", "gateways"] : [...mine.match.path, ...Object.keys(mine.match.body).slice(0, 1)]));
    const subject = object.subject && { subject: object.subject };
    const isBytes = mine.rule.kind !== "http";
    if (isBytes || !isCatchAll(mine)) return [diagnose("IZ309", place, { host, gateway, isBytes, one: describeObject(other.routes.object.object), mine: describeConditions(mine.conditions), theirs: describeConditions(other.conditions) }, subject)];
    const alias = [...world.config.gateways.values()].find((each) => `${each.namespace}/${each.name}` === gateway)?.alias;
    const services = [other.routes.object.subject?.name, object.subject?.name];
    return [alias !== undefined && services[0] !== undefined && services[1] !== undefined ? diagnose("IZ308", place, { host, gateway: alias, one: services[0], other: services[1] }, subject)
      : diagnose("IZ308", place, { host, gateway, one: describeObject(other.routes.object.object), other: describeObject(object.object), isByHand: true }, subject)];
  });
};

function findOverlaps(map: TrafficMap): Map<Routes, readonly Overlap[]> {
  const overlaps = new Map<Routes, readonly Overlap[]>();
  for (const [at, sharing] of map.atGateway) {
    if (sharing.length < 2) continue;
    const gateway = at.split(" ")[0]!;
    const byPath = new Map<string, Alternative[]>();
    let left = most.pairs;
    for (const mine of [...new Set(sharing)].flatMap((routes) => alternativesAt(gateway, routes)).sort((a, b) => keyOf(a).length - keyOf(b).length)) {
      const key = keyOf(mine);
      for (const other of candidates(key, byPath)) {
        if (other.routes === mine.routes || ((key === "" || keyOf(other) === "") && left-- < 0) || !collide(mine, other)) continue;
        const list = overlaps.get(mine.routes) ?? [];
        overlaps.set(mine.routes, [...list, { at, mine, other }]);
        break;
      }
      const bucket = byPath.get(key);
      if (!bucket) byPath.set(key, [mine]);
      else if (bucket.length < most.perPath) bucket.push(mine);
    }
  }
  return overlaps;
}

/** Connections that no host tells apart: those of one port, and by server name where a rule asks for it. The first rule takes them all. */
function findByteOverlaps(overlaps: Map<Routes, readonly Overlap[]>, map: TrafficMap, world: IstioWorld): ReadonlyMap<Routes, readonly Overlap[]> {
  const byName = new Map<string, Alternative[]>();
  for (const routes of map.all) {
    for (const gateway of routes.gateways.filter((name) => name !== "mesh").map((name) => fullGateway(name, routes.object.namespace))) {
      const servers = gatewayOf(gateway, "", world)?.servers ?? [];
      for (const mine of alternativesAt(gateway, routes, false)) {
        for (const name of mine.rule.kind === "tls" ? mine.conditions.sniHosts : [""]) {
          const key = `${gateway} ${mine.rule.kind} ${name}`;
          const before = byName.get(key) ?? [];
          const other = before.find((each) => each.routes !== routes && meets(each.conditions, mine.conditions) && isOneServer(each, mine, servers) && !leadsAlike(each.rule, mine.rule));
          if (other) overlaps.set(routes, [...(overlaps.get(routes) ?? []), { at: `${gateway} ${name || routes.hosts[0]!.text}`, mine, other }]);
          if (before.length < most.perPath) byName.set(key, [...before, mine]);
        }
      }
    }
  }
  return overlaps;
}

/** Whether one server takes what both rules are for, as far as it is known which servers there are. */
function isOneServer(one: Alternative, other: Alternative, servers: readonly GatewayServer[]): boolean {
  const reaches = ({ routes, conditions }: Alternative, { port, hosts }: GatewayServer): boolean =>
    (conditions.port === undefined || conditions.port === port) && routes.hosts.some(({ text }) => hostReached(text, hosts, routes.object.namespace));
  return servers.some((server) => reaches(one, server) && reaches(other, server));
}

function alternativesAt(gateway: string, routes: Routes, isHttp = true): readonly Alternative[] {
  return routes.rules.filter(({ kind, body }) => (kind === "http") === isHttp && body["delegate"] === undefined).flatMap((rule) => rule.matches
    .map((match): Alternative => ({ routes, rule, match, conditions: readConditions(match, routes) }))
    .filter(({ conditions }) => [...conditions.gateways].some((name) => name === gateway || `${routes.object.namespace}/${name}` === gateway)));
}

/** By the path that it begins with; those without a plain path are compared with all. */
function keyOf({ conditions }: Alternative): string {
  const uri = conditions.fields.get("uri");
  return uri && uri.kind !== "regex" ? `${uri.kind} ${uri.text}` : "";
}

/** Those that were seen before and may be about the same paths: equal ones, and prefixes of this path. */
function candidates(key: string, byPath: ReadonlyMap<string, readonly Alternative[]>): readonly Alternative[] {
  if (key === "") return byPath.get("") ?? [];
  const text = key.slice(key.indexOf(" ") + 1);
  const prefixes = Array.from({ length: text.length }, (_, i) => byPath.get(`prefix ${text.slice(0, i + 1)}`) ?? []).flat();
  return [...(byPath.get(key) ?? []), ...(key.startsWith("exact") ? [] : byPath.get(`exact ${text}`) ?? []), ...prefixes, ...(byPath.get("") ?? [])];
}

/** What people wrote is told of where one takes all that the other is for; Services of ours may not meet at all. */
function collide(mine: Alternative, other: Alternative): boolean {
  if (isCatchAll(mine) !== isCatchAll(other)) return false;
  const [a, b] = [{ ...mine.conditions, gateways: new Set<string>() }, { ...other.conditions, gateways: new Set<string>() }];
  const isTold = covers(a, b, "http") || covers(b, a, "http") || (mine.routes.object.isOurs && other.routes.object.isOurs && meets(a, b));
  return isTold && !leadsAlike(mine.rule, other.rule);
}

/** Rules that do the same with a request: whichever comes first makes no difference. */
function leadsAlike(one: Rule, other: Rule): boolean {
  return equal({ ...one.body, name: 0, match: 0 }, { ...other.body, name: 0, match: 0 });
}

/** A rule for every request, which a gateway sorts last. */
function isCatchAll({ rule, conditions: { fields, headers, without, query } }: Alternative): boolean {
  if (rule.kind !== "http") return false;
  const uri = fields.get("uri");
  const isEveryPath = fields.size === 0 || (fields.size === 1 && uri !== undefined && ((uri.kind === "prefix" && uri.text === "/") || (uri.kind === "regex" && uri.text === ".*")));
  return rule.isMatchless || (isEveryPath && headers.size + without.size + query.size === 0);
}
