import { diagnose } from "../../diagnostics/diagnostic.ts";
import { compareText } from "../../kube/object.ts";
import { describePort, isHttp } from "../../kube/protocol.ts";
import { readConditions, type Conditions } from "./coverage.ts";
import { isForMesh, type RouteCheck } from "./routes.ts";

/**
 * Requests in the mesh that no rule takes (rule V1): where one rule reaches a port, those that match none end in 404.
 * Ports and callers that no rule reaches keep their plain route.
 */
export const checkRest: RouteCheck = (routes, world) => {
  const { object } = routes;
  const http = routes.rules.filter(({ kind }) => kind === "http");
  if (!routes.isMesh || http.length === 0) return [];
  const matches = http.flatMap((rule) => rule.matches.filter((match) => isForMesh(match, routes)).map((match) => readConditions(match, routes)));
  const whole = matches.filter(takesEveryRequest);
  const services = routes.hosts.flatMap(({ text }) => world.serviceOf(text, object.namespace) ?? []);
  const ports = services.flatMap((service) => service.ports.filter(isHttp));
  const isLost = (port: number | undefined): boolean => matches.some((match) => isOn(match, port) && !whole.some((each) => isOn(each, port) && isForCallersOf(each, match)));
  const subject = object.subject && { subject: object.subject };
  if (services.length === 0) {
    return matches.length > 0 && matches.every(({ port }) => port === undefined) && isLost(undefined) ? [diagnose("IZ377", object.placeOf("spec", "http"), { ports: [] }, subject)] : [];
  }
  const lost = ports.filter(({ number }) => isLost(number));
  if (lost.length === 0) return [];
  const isEveryPort = lost.length === ports.length;
  return [diagnose("IZ377", object.placeOf("spec", "http"), { ports: isEveryPort ? [] : [...new Set(lost.map(describePort))].sort(compareText) }, subject)];
};

function isOn({ port }: Conditions, number: number | undefined): boolean {
  return port === undefined || port === number;
}

function isForCallersOf(whole: Conditions, match: Conditions): boolean {
  return Object.entries(whole.sourceLabels).every(([key, value]) => match.sourceLabels[key] === value) && (whole.sourceNamespace === "" || whole.sourceNamespace === match.sourceNamespace);
}

function takesEveryRequest({ fields, headers, without, query }: Conditions): boolean {
  const uri = fields.get("uri");
  const isEveryPath = fields.size === 0 || (fields.size === 1 && uri !== undefined && ((uri.kind === "prefix" && (uri.text === "/" || uri.text === "")) || (uri.kind === "regex" && uri.text === ".*")));
  return isEveryPath && headers.size + without.size + query.size === 0;
}
