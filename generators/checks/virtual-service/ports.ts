import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { describePort, isHttp, type ServicePort } from "../../kube/protocol.ts";
import type { KnownService } from "../../mesh/settings.ts";
import { gatewaysOf, isForMesh, isWrittenAsIstio, type Match, type RouteCheck, type Routes, type Rule, type RuleKind } from "./routes.ts";
import type { IstioWorld } from "../istio-object.ts";

/** Which ports a kind of rule is for: bytes of an undeclared port are tried as HTTP, then as TCP; TLS without a rule of its own is TCP. */
const fits: { readonly [K in RuleKind]: (port: ServicePort) => boolean } = {
  http: isHttp, tls: ({ protocol }) => protocol === "tls", tcp: ({ protocol }) => protocol === "tcp" || protocol === "tls" || protocol === "sniffed",
};
const words: { readonly [K in RuleKind]: string } = { http: "HTTP or gRPC", tls: "TLS", tcp: "TCP" };

/** Rules that no port of their hosts takes, and rules that take more ports than was meant (rules P2, P3, P10, P11). */
export const checkPorts: RouteCheck = (routes, world) => {
  const services = routes.isMesh ? routes.hosts.map(({ text }) => world.serviceOf(text, routes.object.namespace)) : [];
  const known = services.filter((service) => service !== undefined);
  const isAllKnown = known.length > 0 && known.length === services.length && known.every(({ shape, ports }) => shape !== "external-name" && ports.length > 0);
  return [
    ...(isAllKnown ? routes.rules.flatMap((rule) => checkRule(rule, routes, known)) : []),
    ...routes.rules.filter(({ kind }) => kind === "http").flatMap((rule) => checkDestinationPorts(rule, routes, known, world)),
  ];
};

function checkRule(rule: Rule, routes: Routes, services: readonly KnownService[]): readonly Diagnostic[] {
  const { object } = routes;
  if (!isWrittenAsIstio(object, ...rule.path)) return [];
  const subject = object.subject && { subject: object.subject };
  const ports = services.flatMap((service) => service.ports);
  const inMesh = rule.matches.filter((match) => gatewaysOf(match, routes).every((name) => name === "mesh"));
  if (inMesh.length === 0) return [];
  const wrong = inMesh.filter(({ body }) => typeof body["port"] === "number" && !ports.some(({ number }) => number === body["port"]));
  const unknown = wrong.map(({ body, path }) => diagnose("IZ209", object.placeOf(...path, "port"), { port: String(body["port"]), known: ports.map(describePort) }, subject));
  const left = inMesh.filter((match) => !wrong.includes(match));
  const isUsed = left.length === 0 || left.some(({ body }) => ports.some((port) => (body["port"] === undefined || body["port"] === port.number) && fits[rule.kind](port)));
  if (isUsed) return unknown;
  const described = ports.map((port) => `port ${describePort(port)}: ${port.protocol === "tls" ? "TLS" : port.protocol.toUpperCase()}, by ${port.declaredBy}`).join("; ");
  return [...unknown, diagnose("IZ214", object.placeOf(...rule.path), { needs: words[rule.kind], ports: described, rule: `${rule.label} under ${rule.kind}` }, subject)];
}

/** Several ports behind one host, and a rule that tells them neither apart nor where to go. */
function checkDestinationPorts(rule: Rule, routes: Routes, hosts: readonly KnownService[], world: IstioWorld): readonly Diagnostic[] {
  const { object } = routes;
  const subject = object.subject && { subject: object.subject };
  const whole = rule.matches.filter(({ body }) => body["port"] === undefined);
  const isInMesh = (matches: readonly Match[]): boolean => matches.some((match) => isForMesh(match, routes));
  return rule.destinations.filter(({ isMirror }) => !isMirror).flatMap(({ host, port, path }) => {
    const service = world.serviceOf(host, object.namespace);
    if (!service || service.shape === "external-name") return [];
    if (port !== undefined) {
      if (!isInMesh(whole)) return [];
      const dragged = hosts.map(({ ports }) => ports.filter(isHttp)).filter((ports) => ports.some(({ number }) => number === port)).flat();
      const others = dragged.filter(({ number }) => number !== port && !hasOwnRules(number, routes));
      return others.length > 0 ? [diagnose("IZ379", object.placeOf(...path, "port", "number"), { host, port, others: others.map(describePort), rule: rule.label }, subject)] : [];
    }
    if (service.ports.length < 2 || !isWrittenAsIstio(object, ...path)) return [];
    return [diagnose("IZ379", object.placeOf(...path), { host, others: service.ports.map(describePort), rule: rule.label, isAtGateway: routes.gateways.some((name) => name !== "mesh") }, subject)];
  });
}

/** Whether earlier rules take everything that comes to a port, so that the rules for all ports never see it. */
function hasOwnRules(number: number, routes: Routes): boolean {
  return routes.rules.some(({ kind, matches }) => kind === "http" && matches.some(({ body }) => body["port"] === number && Object.keys(body).every((key) => key === "port" || key === "name" || key === "gateways" || key === "statPrefix")));
}
