import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { compareText, describe, describeObject } from "../../kube/object.ts";
import type { IstioObject, IstioWorld } from "../istio-object.ts";
import { absentService, halfQualified, isMissing, suggestHost } from "./host-names.ts";
import { isForMesh, isWrittenAsIstio, type Host, type RouteCheck, type Routes, type RuleKind } from "./routes.ts";
import { exportedTo, type TrafficMap } from "./traffic-map.ts";

/** Hosts that no caller uses, or that another VirtualService has (rules H1, H3, H7, H9, V11). */
export const checkHosts: RouteCheck = (routes, world, map) => routes.hosts.filter(({ path }) => isWrittenAsIstio(routes.object, ...path))
  .flatMap((host) => (routes.isMesh ? [...checkHost(host, routes, world), ...checkShared(host, routes, world, map)] : checkGatewayOnly(host, routes, world, map)));

function checkHost({ text, path }: Host, routes: Routes, world: IstioWorld): readonly Diagnostic[] {
  const { object } = routes;
  const place = object.placeOf(...path);
  const subject = object.subject && { subject: object.subject };
  if (text.includes("*")) return checkWildcard(text, routes, world, path);
  if (world.serviceOf(text, object.namespace) || world.entryOf(text)) return [];
  const meant = halfQualified(text, world);
  // A TLS rule lists every form of a name, because it is matched with what callers send, letter by letter.
  if (meant && routes.hosts.some((other) => world.resolve(other.text, object.namespace) === meant)) return [];
  if (meant) return [diagnose("IZ373", place, { host: text, meant, isDestination: false }, subject)];
  const resolved = world.resolve(text, object.namespace);
  const isCluster = world.isClusterHost(resolved) || !resolved.includes(".");
  // Where its own rules send requests there, that is said of them.
  if (isCluster && routes.rules.some(({ destinations }) => destinations.some((to) => world.resolve(to.host, object.namespace) === resolved))) return [];
  if (isCluster ? !isMissing(resolved, world) : routes.gateways.length > 1 || resolved.endsWith(".svc.cluster.local")) return [];
  return [diagnose("IZ374", place, { host: text, isCluster, suggestion: isCluster ? suggestHost(text, resolved, world) : undefined }, { ...subject, ...(isCluster && { absent: absentService(resolved) }) })];
}

/** A wildcard takes the calls to every Service below it that has no VirtualService of its own. */
function checkWildcard(text: string, routes: Routes, world: IstioWorld, path: readonly string[]): readonly Diagnostic[] {
  const { object } = routes;
  const taken = world.hosts().filter((host) => text === "*" || host.endsWith(text.slice(1)));
  if (taken.length === 0) return [];
  return [diagnose("IZ382", object.placeOf(...path), { host: text, taken }, object.subject && { subject: object.subject })];
}

/** Another VirtualService with rules of the same kind for the same calls; said at the later of the two. */
function checkShared({ text, path }: Host, routes: Routes, world: IstioWorld, map: TrafficMap): readonly Diagnostic[] {
  const { object } = routes;
  const host = world.resolve(text, object.namespace);
  const sharing = map.inMesh.get(host) ?? [];
  if (sharing.length < 2 || object.isOurs) return [];
  const before = sharing.slice(0, sharing.indexOf(routes)).find((other) => other !== routes && !other.object.isOurs && isRival(other, routes));
  return before ? [diagnose("IZ326", object.placeOf(...path), { host, one: describeObject(before.object.object), other: describeObject(object.object), isByHand: true })] : [];
}

/** Private rules win over those for some namespaces, and these over public ones: rivals are of one class. */
function isRival(one: Routes, other: Routes): boolean {
  if (describe(one.object.ref) === describe(other.object.ref) || reachOf(one.object) !== reachOf(other.object)) return false; // the same one, given twice
  const [left, right] = [exportedTo(one.object), exportedTo(other.object)];
  if (![...left].some((namespace) => right.has(namespace))) return false;
  return (["http", "tls", "tcp"] as const).some((kind) => {
    const [ports, others] = [portsOf(one, kind), portsOf(other, kind)];
    return ports !== "none" && others !== "none" && (ports === "every" || others === "every" || [...ports].some((port) => others.has(port)));
  });
}

function reachOf(object: IstioObject): "public" | "private" | "named" {
  const seen = exportedTo(object);
  return seen.has("*") ? "public" : seen.size === 1 && seen.has(object.namespace) ? "private" : "named";
}

/** The ports that rules of a kind are limited to. */
function portsOf(routes: Routes, kind: RuleKind): "none" | "every" | ReadonlySet<unknown> {
  const matches = routes.rules.filter((rule) => rule.kind === kind).flatMap((rule) => rule.matches).filter((match) => isForMesh(match, routes));
  if (matches.length === 0) return "none";
  return matches.some(({ body }) => body["port"] === undefined) ? "every" : new Set(matches.map(({ body }) => body["port"]));
}

/** Rules for a Service of the mesh that only a gateway applies, while nothing holds for the mesh itself. */
function checkGatewayOnly({ text, path }: Host, routes: Routes, world: IstioWorld, map: TrafficMap): readonly Diagnostic[] {
  const { object } = routes;
  if (routes.isDelegate || text.includes("*") || !world.serviceOf(text, object.namespace) || map.inMesh.has(world.resolve(text, object.namespace))) return [];
  return [diagnose("IZ387", object.placeOf(...path), { host: text, gateways: [...routes.gateways].sort(compareText) }, object.subject && { subject: object.subject })];
}
