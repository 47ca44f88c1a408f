import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { asMapping, mappingAt } from "../../kube/object.ts";
import { describePort, isHttp } from "../../kube/protocol.ts";
import type { IstioObject, ObjectCheck } from "../istio-object.ts";
import { isMade, isWrittenAsIstio, policiesOf, subjectOf, type Found, type Policy } from "./policies.ts";

/** Fields of a connection pool that a port does not take (rules P3 and P8). */
export const checkConnectionPool: ObjectCheck = (object, world) => {
  const told = new Map<string, Diagnostic>();
  const policies = policiesOf(object, world);
  for (const policy of policies) {
    const block = policy.blocks.connectionPool;
    if (!block) continue;
    for (const diagnostic of [...checkHttp(object, block, policy, policies), ...checkUpgrade(object, block, policy)]) {
      told.set(`${diagnostic.code} ${diagnostic.place?.path.join(".")}`, diagnostic);
    }
  }
  return [...told.values()];
};

/** HTTP settings where none of the ports that they hold for takes HTTP. */
function checkHttp(object: IstioObject, { value, path }: Found, { port }: Policy, policies: readonly Policy[]): readonly Diagnostic[] {
  const http = asMapping(value["http"]);
  const field = [...path, "http"];
  if (!http || Object.keys(http).length === 0 || !port || !isWrittenAsIstio(object, ...field, Object.keys(http)[0]!)) return [];
  const ports = policies.filter(({ blocks }) => blocks.connectionPool?.path.join() === path.join()).flatMap((each) => each.port ?? []);
  if (ports.some(isHttp)) return [];
  return [diagnose("IZ218", object.placeOf(...field), {
    key: `connectionPool.http (${Object.keys(http).join(", ")})`,
    why: `an HTTP or gRPC port: ${[...new Set(ports)].map((each) => `port ${describePort(each)} is ${each.protocol}, by ${each.declaredBy}`).join("; ")}`,
    help: "use connectionPool.tcp, or declare the port as HTTP if it carries HTTP (appProtocol: http)",
  })];
}

function checkUpgrade(object: IstioObject, { value, path }: Found, { port }: Policy): readonly Diagnostic[] {
  if (!port || mappingAt(value, "http")["h2UpgradePolicy"] !== "UPGRADE") return [];
  const speaksHttp2 = port.protocol === "grpc" || /http2|h2c/i.test(port.declaredBy);
  const field = [...path, "http", "h2UpgradePolicy"];
  return speaksHttp2 ? [diagnose("IZ366", object.placeOf(...field), {
    port: describePort(port), why: `${port.declaredBy} speaks HTTP/2 already`, field: object.wordFor(...field) === "h2-upgrade" ? "h2-upgrade" : "h2UpgradePolicy",
  }, subjectOf(object))] : [];
}

/** `maxRetries` beside a retry budget, which Envoy takes instead (rule T8). */
export const checkRetryBudget: ObjectCheck = (object, world) => {
  if (isMade(object)) return [];
  const told = new Map<string, Diagnostic>();
  const whole = mappingAt(object.spec, "trafficPolicy");
  for (const { subset, blocks } of policiesOf(object, world)) {
    const pool = blocks.connectionPool;
    const budget = subset?.policy["retryBudget"] ?? whole["retryBudget"];
    if (!pool || budget === undefined || mappingAt(pool.value, "http")["maxRetries"] === undefined) continue;
    const path = [...pool.path, "http", "maxRetries"];
    if (!isWrittenAsIstio(object, ...path)) continue;
    told.set(path.join("."), diagnose("IZ218", object.placeOf(...path), {
      key: `maxRetries ${String(mappingAt(pool.value, "http")["maxRetries"])} beside retryBudget`, why: "one limit on retries: with a budget Envoy does not look at maxRetries", help: "remove one of the two",
    }));
  }
  return [...told.values()];
};
