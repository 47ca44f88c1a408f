import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import { asList, asText, compareText, describeObject, mappingAt, nameOf, selects } from "../../kube/object.ts";
import { describePort } from "../../kube/protocol.ts";
import type { KnownService } from "../../mesh/settings.ts";
import { entriesOf, type IstioObject, type IstioWorld } from "../istio-object.ts";
import { absentService, halfQualified, isMissing, suggestHost } from "./host-names.ts";
import { rulesOf, subsetsOf } from "./defined-subsets.ts";
import { isForMesh, isWrittenAsIstio, type Destination, type RouteCheck, type Routes, type Rule } from "./routes.ts";

/** Whether every destination and mirror is there: host, port, subset, and pods behind them (rules P6, P7, H1, S3, S7, V8). */
export const checkDestinations: RouteCheck = (routes, world) => routes.rules.flatMap((rule) =>
  rule.destinations.filter(({ path }) => isWrittenAsIstio(routes.object, ...path)).flatMap((destination) => checkDestination(destination, rule, routes, world)));

function checkDestination(destination: Destination, rule: Rule, routes: Routes, world: IstioWorld): readonly Diagnostic[] {
  const { object } = routes;
  const { host } = destination;
  const service = world.serviceOf(host, object.namespace);
  if (service?.shape === "external-name") return checkAlias(service, destination, routes, world);
  const entry = service ? undefined : world.entryOf(host);
  if (service) return [...checkPort(destination, service, routes, world), ...checkSubset(destination, routes, world), ...checkPods(destination, rule, service, routes, world), ...checkHeadless(destination, rule, service, routes)];
  if (entry) return [...checkEntryPort(destination, entry, routes), ...checkSubset(destination, routes, world)];
  const place = object.placeOf(...destination.path, "host");
  const subject = object.subject && { subject: object.subject };
  const meant = halfQualified(host, world);
  if (meant) return [diagnose("IZ373", place, { host, meant, isDestination: true }, subject)];
  const resolved = world.resolve(host, object.namespace);
  if (!isMissing(resolved, world)) return [];
  const missing = diagnose("IZ301", place, {
    name: host, subsets: [], isElsewhere: false, expected: `a Service or ServiceEntry of the input; ${resolved} is neither`, suggestion: suggestHost(host, resolved, world),
    help: "correct the host, or add the Service",
  }, { ...subject, absent: absentService(resolved) });
  return [host.includes(".") && resolved !== world.resolve(resolved.split(".")[0]!, object.namespace) ? { ...missing, severity: "warning" } : missing]; // another tree may bring what is in another namespace
}

function checkAlias(service: KnownService, destination: Destination, { object }: Routes, world: IstioWorld): readonly Diagnostic[] {
  const target = asText(mappingAt(service.object, "spec")["externalName"]) ?? "";
  const isKnown = world.serviceOf(target, "") !== undefined || world.entryOf(target) !== undefined || (world.isClusterHost(target) && !isMissing(target, world));
  return isKnown ? [] : [diagnose("IZ332", object.placeOf(...destination.path, "host"), { target: `${destination.host}, an alias of ${target || "nothing"}`, isDestination: true }, object.subject && { subject: object.subject })];
}

function checkPort({ port, path }: Destination, service: KnownService, { object }: Routes, _world: IstioWorld): readonly Diagnostic[] {
  if (port === undefined || service.ports.length === 0 || service.ports.some(({ number }) => number === port)) return [];
  return [diagnose("IZ304", object.placeOf(...path, "port", "number"), { service: nameOf(service.object), port: String(port), known: service.ports.map(describePort), isByHand: true }, object.subject && { subject: object.subject })];
}

function checkEntryPort({ port, path }: Destination, entry: IstioObject, { object }: Routes): readonly Diagnostic[] {
  const ports = entriesOf(entry.spec["ports"]).flatMap(([{ number, name }]) => (typeof number === "number" ? [{ number, name: asText(name) }] : []));
  if (port === undefined || ports.length === 0 || ports.some(({ number }) => number === port)) return [];
  const known = ports.map(({ number, name }) => (name ? `${number} (${name})` : String(number)));
  return [diagnose("IZ304", object.placeOf(...path, "port", "number"), { service: entry.ref.name, kind: "ServiceEntry", port: String(port), known, isByHand: true }, object.subject && { subject: object.subject })];
}

function checkSubset({ host, subset, path }: Destination, { object }: Routes, world: IstioWorld): readonly Diagnostic[] {
  if (subset === undefined) return [];
  const defined = subsetsOf(host, object.namespace, world);
  if (defined.has(subset)) return [];
  const rules = rulesOf(host, object.namespace, world);
  const names = [...defined.keys()].sort(compareText);
  return [diagnose("IZ301", object.placeOf(...path, "subset"), {
    name: subset, subsets: names, isElsewhere: false, suggestion: suggest(subset, names),
    expected: rules.length > 0 ? `a subset that ${rules.map(({ object: rule }) => describeObject(rule)).join(" or ")} defines: ${names.join(", ") || "it defines none"}` : `a DestinationRule for ${host} that defines it; the input has none`,
    help: "add the subset under spec.subsets of the DestinationRule, or correct the name",
  }, object.subject && { subject: object.subject })];
}

/** A share of the traffic for workloads that are scaled to nothing. */
function checkPods({ host, subset, weight, path, isMirror }: Destination, rule: Rule, service: KnownService, { object }: Routes, world: IstioWorld): readonly Diagnostic[] {
  const shares = rule.destinations.filter((each) => !each.isMirror);
  const share = shares.length > 1 ? weight ?? 0 : 100;
  if (isMirror || share === 0) return [];
  const labels = subset === undefined ? undefined : subsetsOf(host, object.namespace, world).get(subset);
  if (subset !== undefined && (!labels || Object.keys(labels).length === 0)) return [];
  const behind = service.workloads.map(({ workload }) => workload).filter(({ podLabels }) => !labels || selects(labels, podLabels));
  if (behind.length === 0 || behind.some(({ replicas }) => replicas !== 0)) return [];
  const total = shares.reduce((sum, each) => sum + (each.weight ?? 0), 0);
  return [diagnose("IZ307", object.placeOf(...path), {
    name: subset ?? nameOf(service.object), weight: shares.length > 1 && total === 100 ? `${share}%` : shares.length > 1 ? `weight ${share}` : "all requests of the rule", isActive: false, workload: describeObject(behind[0]!.item.object),
  }, object.subject && { subject: object.subject })];
}

/** The pod that the caller picked is called, whatever the weights and subsets say; gateways do balance. */
function checkHeadless({ host, subset, path, isMirror }: Destination, rule: Rule, service: KnownService, routes: Routes): readonly Diagnostic[] {
  if (service.shape !== "headless" || isMirror || !rule.matches.some((match) => isForMesh(match, routes))) return [];
  const isSplit = rule.destinations.filter((each) => !each.isMirror).length > 1;
  const isFirst = rule.destinations.find((each) => each.host === host)?.path === path;
  if ((subset === undefined && !isSplit) || !isFirst) return [];
  const { object } = routes;
  return [diagnose("IZ334", object.placeOf(...path), { key: subset === undefined ? `a share of the traffic to ${host}` : `subset ${subset} of ${host}` }, object.subject && { subject: object.subject })];
}

/** Shares that are no percentages, or are shared with nobody (rules V3 and V4). */
export const checkWeights: RouteCheck = (routes) => routes.rules.flatMap((rule) => {
  const { object } = routes;
  const shares = rule.destinations.filter(({ isMirror }) => !isMirror);
  const place = (...path: readonly string[]): ReturnType<typeof object.placeOf> => object.placeOf(...rule.path, "route", ...path);
  const subject = object.subject && { subject: object.subject };
  const written = asList(rule.body["route"]);
  if (shares.length !== written.length || !isWrittenAsIstio(object, ...rule.path, "route")) return [];
  if (shares.length === 1) {
    const { weight } = shares[0]!;
    return weight === undefined || weight === 100 ? [] : [diagnose("IZ218", place("[0]", "weight"), {
      key: `weight: ${weight} of the only destination`, why: "two destinations or more: one alone gets every request", help: "add the other destination, or remove the weight",
    }, subject)];
  }
  if (shares.length === 0) return [];
  const sum = shares.reduce((total, { weight }) => total + (weight ?? 0), 0);
  const key = ({ host, subset, port }: Destination): string => `${host} ${subset} ${port}`;
  const twice = shares.findIndex((each, i) => shares.findIndex((other) => key(other) === key(each)) !== i);
  return [
    ...(sum === 100 ? [] : [diagnose("IZ302", place(), { sum }, subject)]),
    ...(twice < 0 ? [] : [diagnose("IZ303", place(`[${twice}]`, "destination"), { name: shares[twice]!.subset ?? shares[twice]!.host }, subject)]),
  ];
});
