import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { describeObject, equal } from "../../kube/object.ts";
import type { IstioWorld } from "../istio-object.ts";
import { covers, describeConditions, meets, readConditions, type Conditions } from "./coverage.ts";
import type { Match, RouteCheck, Routes, Rule } from "./routes.ts";
import type { TrafficMap } from "./traffic-map.ts";

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
  const overlaps = found.get(world) ?? findOverlaps(map);
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
    if (!isCatchAll(mine)) return [diagnose("IZ309", place, { host, gateway, one: describeObject(other.routes.object.object), mine: describeConditions(mine.conditions), theirs: describeConditions(other.conditions) }, subject)];
    const alias = [...world.config.gateways.values()].find((each) => `${each.namespace}/${each.name}` === gateway)?.alias;
    const services = [other.routes.object.subject?.name, object.subject?.name];
    return [alias !== undefined && services[0] !== undefined && services[1] !== undefined ? diagnose("IZ308", place, { host, gateway: alias, one: services[0], other: services[1] }, subject)
      : diagnose("IZ308", place, { host, gateway, one: describeObject(other.routes.object.object), other: describeObject(object.object), isByHand: true }, subject)];
  });
};

function findOverlaps(map: TrafficMap): ReadonlyMap<Routes, readonly Overlap[]> {
  const overlaps = new Map<Routes, Overlap[]>();
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

function alternativesAt(gateway: string, routes: Routes): readonly Alternative[] {
  return routes.rules.filter(({ body }) => body["delegate"] === undefined).flatMap((rule) => rule.matches
    .map((match): Alternative => ({ routes, rule, match, conditions: readConditions(match, routes) }))
    .filter(({ conditions }) => [...conditions.gateways].some((name) => name === gateway || `${routes.object.namespace}/${name}` === gateway)));
}

/** By the path that it begins with, or the port whose bytes it takes; those without a plain path are compared with all. */
function keyOf({ rule, conditions }: Alternative): string {
  if (rule.kind !== "http") return `${rule.kind} ${String(conditions.port)}`;
  const uri = conditions.fields.get("uri");
  return uri && uri.kind !== "regex" ? `${uri.kind} ${uri.text}` : "";
}

/** Those that were seen before and may be about the same paths: equal ones, and prefixes of this path. */
function candidates(key: string, byPath: ReadonlyMap<string, readonly Alternative[]>): readonly Alternative[] {
  if (key === "") return byPath.get("") ?? [];
  if (/^t(cp|ls) /.test(key)) return byPath.get(key) ?? [];
  const text = key.slice(key.indexOf(" ") + 1);
  const prefixes = Array.from({ length: text.length }, (_, i) => byPath.get(`prefix ${text.slice(0, i + 1)}`) ?? []).flat();
  return [...(byPath.get(key) ?? []), ...(key.startsWith("exact") ? [] : byPath.get(`exact ${text}`) ?? []), ...prefixes, ...(byPath.get("") ?? [])];
}

/** What people wrote is told of where one takes all that the other is for; Services of ours may not meet at all. */
function collide(mine: Alternative, other: Alternative): boolean {
  if (mine.rule.kind !== other.rule.kind) return false;
  if (mine.rule.kind !== "http") return sharesConnections(mine, other) && !leadsAlike(mine.rule, other.rule);
  if (isCatchAll(mine) !== isCatchAll(other)) return false;
  const [a, b] = [{ ...mine.conditions, gateways: new Set<string>() }, { ...other.conditions, gateways: new Set<string>() }];
  const isTold = covers(a, b, "http") || covers(b, a, "http") || (mine.routes.object.isOurs && other.routes.object.isOurs && meets(a, b));
  return isTold && !leadsAlike(mine.rule, other.rule);
}

/** Bytes of one port and, where TLS is passed through, of one server name. */
function sharesConnections({ rule, conditions: a }: Alternative, { conditions: b }: Alternative): boolean {
  return a.port === b.port && a.subnets.size + b.subnets.size === 0 && (rule.kind === "tcp" || [...a.sniHosts].some((name) => b.sniHosts.has(name)));
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
