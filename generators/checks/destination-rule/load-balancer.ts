import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { asMapping, type Mapping } from "../../kube/object.ts";
import { describePort, isHttp } from "../../kube/protocol.ts";
import type { IstioObject, IstioWorld, ObjectCheck } from "../istio-object.ts";
import { hostOf, isWrittenAsIstio, policiesOf, serviceOf, subjectOf, type Found, type Policy } from "./policies.ts";
import { routesTo } from "./routes.ts";

/** Load balancing that the ports or the rest of the rule do not let work (rules P3 and V10). */
export const checkLoadBalancer: ObjectCheck = (object, world) => {
  const told = new Map<string, Diagnostic>();
  const policies = policiesOf(object, world);
  for (const policy of policies) {
    const block = policy.blocks.loadBalancer;
    if (!block) continue;
    for (const diagnostic of [...checkHash(object, block, policy, policies, world), ...checkWarmup(object, block)]) {
      told.set(`${diagnostic.code} ${diagnostic.place?.path.join(".")} ${diagnostic.read}`, diagnostic);
    }
  }
  return [...told.values()];
};

function checkHash(object: IstioObject, { value, path }: Found, policy: Policy, policies: readonly Policy[], world: IstioWorld): readonly Diagnostic[] {
  const hash = asMapping(value["consistentHash"]);
  if (!hash || serviceOf(object, world)?.shape === "headless") return [];
  const field = [...path, "consistentHash"];
  const place = object.placeOf(...field);
  const ports = policies.filter(({ blocks }) => blocks.loadBalancer?.path.join() === path.join()).flatMap(({ port }) => port ?? []);
  if (hash["useSourceIp"] !== true && isWrittenAsIstio(object, ...field) && ports.length > 0 && !ports.some(isHttp)) {
    return [diagnose("IZ218", place, {
      key: `consistentHash by ${describeHash(hash)}`,
      why: `an HTTP or gRPC port: ${[...new Set(ports)].map((port) => `port ${describePort(port)} is ${port.protocol}, by ${port.declaredBy}`).join("; ")}`,
      help: "use useSourceIp: true, which works on TCP too, or declare the port as HTTP if it carries HTTP",
    })];
  }
  const by = [...(isSplit(object, policy, world) ? ["weights"] : []), ...(canEject(policy) ? ["outlier detection"] : [])];
  return by.map((each) => diagnose("IZ365", place, { by: each, field: object.wordFor(...field) }, subjectOf(object)));
}

function describeHash(hash: Mapping): string {
  return Object.keys(hash).find((key) => key.startsWith("http")) ?? "a part of the request";
}

/** Whether any route splits what this policy is for between several destinations of one rule. */
function isSplit(object: IstioObject, { subset }: Policy, world: IstioWorld): boolean {
  const routes = routesTo(world.resolve(hostOf(object), object.namespace), world);
  return routes.some((route) => !route.isMirror && (subset === undefined || route.subset === subset.name) && route.weight !== undefined && route.weight > 0 && route.weight < 100
    && routes.some((other) => other !== route && other.from === route.from && !other.isMirror && other.path.slice(0, 3).join() === route.path.slice(0, 3).join() && (other.weight ?? 0) > 0));
}

function canEject({ blocks }: Policy): boolean {
  const outlier = blocks.outlierDetection?.value;
  return outlier !== undefined && !(outlier["consecutive5xxErrors"] === 0 && !outlier["consecutiveGatewayErrors"] && !outlier["consecutiveLocalOriginFailures"]);
}

/** Warm-up slows down round robin and least request only. */
function checkWarmup(object: IstioObject, { value, path }: Found): readonly Diagnostic[] {
  const field = ["warmup", "warmupDurationSecs"].find((key) => value[key] !== undefined);
  const other = value["consistentHash"] !== undefined ? "consistentHash" : ["RANDOM", "PASSTHROUGH"].find((simple) => value["simple"] === simple);
  if (!field || !other || !isWrittenAsIstio(object, ...path, field)) return [];
  return [diagnose("IZ218", object.placeOf(...path, field), {
    key: `${field} with ${other}`, why: "ROUND_ROBIN or LEAST_REQUEST, the only two that send fewer requests to new pods", help: `remove ${field}, or change the load balancer`,
  })];
}
