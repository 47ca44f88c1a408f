import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { mappingAt, nameOf } from "../../kube/object.ts";
import { isHttp } from "../../kube/protocol.ts";
import { namespaceFor } from "../../mesh/levels.ts";
import type { KnownService } from "../../mesh/settings.ts";
import { callersOf } from "../callers.ts";
import type { IstioObject, IstioWorld, ObjectCheck } from "../istio-object.ts";
import { whyNotInjected } from "../pods.ts";
import { countPods, isSteered, podsBehind, policiesOf, serviceOf, subjectOf, type Found, type Policy } from "./policies.ts";

/** Pools that are too small for the callers that the input names (rule S11). */
export const checkPoolSize: ObjectCheck = (object, world) => {
  const told = new Map<string, Diagnostic>();
  for (const policy of policiesOf(object, world)) {
    const block = policy.blocks.connectionPool;
    for (const diagnostic of block ? checkSize(object, block, policy, world) : []) told.set(diagnostic.place?.path.join(".") ?? "", diagnostic);
  }
  return [...told.values()];
};

/**
 * Each sidecar of the server takes the limits too, for all callers together: those that the input names must each get
 * one request through at the same time.
 */
function checkSize(object: IstioObject, block: Found, { subset, port }: Policy, world: IstioWorld): readonly Diagnostic[] {
  const service = serviceOf(object, world);
  const limit = port && isHttp(port) && !subset ? findLimit(object, block, port.protocol === "http" && !/http2|h2c/i.test(port.declaredBy)) : undefined;
  if (!service || service.shape !== "cluster" || !limit || isSteered(object, world) || !reachesServers(object, service, world)) return [];
  const servers = countPods(podsBehind(service, world));
  if (!servers) return [];
  const callers = callersOf(service, world).filter(({ requests }) => requests !== undefined);
  const needed = callers.reduce((sum, { requests }) => sum + requests!, 0);
  if (needed <= servers * limit.each) return [];
  return [diagnose("IZ369", object.placeOf(...block.path, ...limit.field), {
    limit: limit.words, most: servers * limit.each, servers, service: nameOf(service.object), needed, callers: callers.map(({ words }) => words),
  }, subjectOf(object))];
}

/** Sidecars of the server take the policy of the whole rule, where it stands beside the Service and no Sidecar object says otherwise. */
function reachesServers(object: IstioObject, service: KnownService, world: IstioWorld): boolean {
  return object.namespace === namespaceFor(service.object, world.config) && object.spec["workloadSelector"] === undefined
    && podsBehind(service, world).every((pods) => whyNotInjected(pods, world.context) === undefined)
    && !namespacesWithInbound(world).has(object.namespace);
}

const inbound = new WeakMap<IstioWorld, ReadonlySet<string>>();

/** Namespaces in which a Sidecar says what its pods take in. */
function namespacesWithInbound(world: IstioWorld): ReadonlySet<string> {
  const known = inbound.get(world);
  if (known) return known;
  const found = new Set(world.ofKind("Sidecar").filter(({ spec }) => spec["inboundConnectionPool"] !== undefined || spec["ingress"] !== undefined).map(({ namespace }) => namespace));
  inbound.set(world, found);
  return found;
}

/** The smallest of the limits on requests at one time. */
function findLimit(object: IstioObject, { value, path }: Found, isHttp1: boolean): { readonly each: number; readonly field: readonly string[]; readonly words: string } | undefined {
  const read = (...at: readonly [string, string]): number | undefined => {
    const number = mappingAt(value, at[0])[at[1]];
    return typeof number === "number" && number > 0 ? number : undefined;
  };
  const say = (each: number, ...at: readonly string[]): string => `${object.isOurs ? object.wordFor(...path, ...at) : at.at(-1)!} ${each}`;
  const requests = read("http", "http2MaxRequests");
  const connections = isHttp1 ? read("tcp", "maxConnections") : undefined;
  const pending = read("http", "http1MaxPendingRequests");
  const limits = [
    ...(requests === undefined ? [] : [{ each: requests, field: ["http", "http2MaxRequests"], words: say(requests, "http", "http2MaxRequests") }]),
    ...(connections === undefined || pending === undefined ? [] : [{
      each: connections + pending, field: ["tcp", "maxConnections"], words: `${say(connections, "tcp", "maxConnections")} and ${say(pending, "http", "http1MaxPendingRequests")}`,
    }]),
  ];
  return limits.sort((a, b) => a.each - b.each)[0];
}
