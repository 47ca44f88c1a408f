import { diagnose, type Diagnostic, type Place } from "../../diagnostics/diagnostic.ts";
import { asMapping, asText, type Mapping } from "../../kube/object.ts";
import { readDuration, writeDuration } from "../../kube/duration.ts";
import { describePort } from "../../kube/protocol.ts";
import { isOwn } from "../../mesh/service.ts";
import type { IstioObject, IstioWorld } from "../istio-object.ts";
import { attemptsOf, conditionsOf, isWrittenAsIstio, takesReadsOnly, type RouteCheck, type Routes, type Rule } from "./routes.ts";

/** Conditions under which the server may have carried the call out. */
const unsafe = new Set(["5xx", "gateway-error", "reset", "retriable-4xx", "retriable-status-codes", "internal", "deadline-exceeded"]);

/** Retries that can never finish, that re-run calls, or that have no effect, and timeouts that cut streams (rules T1 to T4, T6). */
export const checkRouteRetries: RouteCheck = (routes, world) => routes.rules.filter(({ kind }) => kind === "http").flatMap((rule) => {
  const retries = asMapping(rule.body["retries"]);
  return [...(retries ? [...checkBudget(rule, retries, routes), ...checkConditions(rule, retries, routes)] : []), ...checkStreams(rule, routes, world)];
});

function checkBudget(rule: Rule, retries: Mapping, { object }: Routes): readonly Diagnostic[] {
  const [timeout, perTry] = [asText(rule.body["timeout"]), asText(retries["perTryTimeout"])];
  if (!timeout || !perTry) return [];
  const [limit, each] = [readDuration(timeout), readDuration(perTry)];
  const attempts = attemptsOf(rule);
  if (limit === undefined || each === undefined || attempts === 0 || limit === 0 || (attempts + 1) * each <= limit) return [];
  return [diagnose("IZ310", budgetPlace(rule, object), {
    tries: attempts + 1, attempts, perTry, timeout, needed: writeDuration((attempts + 1) * each), isByHand: isWrittenAsIstio(object, ...rule.path, "retries", "perTryTimeout"),
  }, object.subject && { subject: object.subject })];
}

/** Of the settings that do not fit together the first one on the Service itself, else the first; by hand the time for a try. */
function budgetPlace(rule: Rule, object: IstioObject): Place {
  const field = [...rule.path, "retries", "perTryTimeout"];
  if (isWrittenAsIstio(object, ...field)) return object.placeOf(...field);
  const involved = (["retry-attempts", "retry-per-try-timeout", "timeout"] as const).flatMap((name) => object.settingOf(name, ...rule.path) ?? []);
  return (involved.find(isOwn) ?? involved[0])?.source.place ?? object.placeOf(...field);
}

function checkConditions(rule: Rule, retries: Mapping, { object }: Routes): readonly Diagnostic[] {
  const conditions = conditionsOf(rule);
  if (!conditions || retries["attempts"] === 0) return [];
  const field = [...rule.path, "retries", "retryOn"];
  const place = object.placeOf(...field);
  const subject = object.subject && { subject: object.subject };
  const repeating = conditions.filter((condition) => unsafe.has(condition) || /^\d/.test(condition));
  const status = conditions.find((condition) => condition === "503");
  const isMeant = takesReadsOnly(rule) || object.settingOf("retry-unsafe", ...rule.path)?.value === true;
  return [
    ...(repeating.length > 0 && !isMeant ? [diagnose("IZ311", place, { conditions: repeating, isByHand: isWrittenAsIstio(object, ...field) }, subject)] : []),
    ...(status !== undefined && !conditions.some((condition) => ["reset", "connect-failure", "5xx", "gateway-error"].includes(condition)) ? [diagnose("IZ312", place, { code: status, isByHand: isWrittenAsIstio(object, ...field) }, subject)] : []),
  ];
}

function checkStreams(rule: Rule, { object }: Routes, world: IstioWorld): readonly Diagnostic[] {
  const timeout = asText(rule.body["timeout"]);
  if (!timeout || timeout === "0s" || !world.speaksGrpc) return [];
  const streaming = rule.destinations.filter(({ isMirror }) => !isMirror).flatMap(({ host, port }) => {
    const ports = world.serviceOf(host, object.namespace)?.ports ?? [];
    return ports.filter((each) => each.protocol === "grpc" && (port === undefined ? ports.length === 1 : each.number === port));
  })[0];
  return streaming ? [diagnose("IZ313", object.placeOf(...rule.path, "timeout"), { timeout, port: describePort(streaming), isByHand: isWrittenAsIstio(object, ...rule.path, "timeout") }, object.subject && { subject: object.subject })] : [];
}
