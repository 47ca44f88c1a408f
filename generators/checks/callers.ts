import { asMapping, asText, describeObject, mappingAt, stringsAt, type KubeObject } from "../kube/object.ts";
import type { KnownService } from "../mesh/settings.ts";
import { namespaceFor } from "../mesh/levels.ts";
import type { Workload } from "../mesh/workload.ts";
import { entriesOf, type IstioObject, type IstioWorld } from "./istio-object.ts";
import { podAnnotationsOf, podsOf, selectorOf } from "./pods.ts";
import { selecting } from "./policies-over.ts";

/** Pods that the input says call a Service. */
export interface Caller {
  readonly workload: Workload;
  /** Requests that all of them can have under way with one for each worker of each proxy; nothing where the count of pods is left open. */
  readonly requests?: number;
  readonly words: string;
}

/** The service account that pods run as. */
export function serviceAccountOf({ podSpec }: Workload): string {
  return asText(podSpec["serviceAccountName"]) ?? asText(podSpec["serviceAccount"]) ?? "default";
}

/** A peer that a policy names: `<trust domain>/ns/<namespace>/sa/<account>`, `<namespace>/<account>` or the namespace alone. */
export interface Peer {
  readonly namespace: string;
  readonly account?: string;
}

/** The service accounts that a source of an AuthorizationPolicy names one by one. */
export function accountsIn(source: unknown, { namespace }: IstioObject): readonly Required<Peer>[] {
  const texts = (key: string): readonly string[] => { const list = asMapping(source)?.[key]; return Array.isArray(list) ? list.filter((entry) => typeof entry === "string") : []; };
  return [
    ...texts("principals").flatMap((principal) => {
      const found = /^[^/*]+\/ns\/([^/*]+)\/sa\/([^/*]+)$/.exec(principal);
      return found ? [{ namespace: found[1]!, account: found[2]! }] : [];
    }),
    ...texts("serviceAccounts").map((entry) => {
      const [first, second] = entry.split("/");
      return second === undefined ? { namespace, account: first! } : { namespace: first!, account: second };
    }),
  ];
}

/** The callers of a Service that policies of its pods let in by name: whoever is allowed by name is expected to call. */
export function callersOf(service: KnownService, world: IstioWorld): readonly Caller[] {
  const known = callers.get(service);
  if (known) return known;
  const found = findCallers(service, world);
  callers.set(service, found);
  return found;
}

const callers = new WeakMap<KnownService, readonly Caller[]>();

function findCallers(service: KnownService, world: IstioWorld): readonly Caller[] {
  const selector = stringsAt(service.object, "spec", "selector");
  const namespace = namespaceFor(service.object, world.config);
  if (Object.keys(selector).length === 0) return [];
  const policies = selecting("AuthorizationPolicy", podsOf(world).find(namespace, selector), world)
    .filter((policy) => (policy.spec["action"] ?? "ALLOW") === "ALLOW" && selectsService(policy.object, selector));
  const found = new Map<Workload, Caller>();
  for (const policy of policies) {
    for (const [rule] of entriesOf(policy.spec["rules"])) {
      for (const [from] of entriesOf(rule["from"])) {
        for (const { namespace: where, account } of accountsIn(from["source"], policy)) {
          for (const workload of accountIndex(world).get(`${where}/${account}`) ?? []) found.set(workload, describeCaller(workload));
        }
      }
    }
  }
  return [...found.values()];
}

const calls = new WeakMap<IstioWorld, ReadonlyMap<Workload, readonly KnownService[]>>();

/** The Services that pods are let in to by name. */
export function calledBy(workload: Workload, world: IstioWorld): readonly KnownService[] {
  let known = calls.get(world);
  if (!known) {
    const gathered = new Map<Workload, KnownService[]>();
    for (const service of world.context.known) for (const caller of callersOf(service, world)) gathered.set(caller.workload, [...(gathered.get(caller.workload) ?? []), service]);
    calls.set(world, gathered);
    known = gathered;
  }
  return known.get(workload) ?? [];
}

/** Whether a policy names the pods of a Service, and no others that are not told apart. */
function selectsService(policy: KubeObject, selector: { readonly [key: string]: string }): boolean {
  const labels = Object.entries(selectorOf(policy));
  return labels.length > 0 && labels.every(([key, value]) => selector[key] === value);
}

const accounts = new WeakMap<IstioWorld, ReadonlyMap<string, readonly Workload[]>>();

/** Pods by `namespace/service account`. */
export function accountIndex(world: IstioWorld): ReadonlyMap<string, readonly Workload[]> {
  const known = accounts.get(world);
  if (known) return known;
  const index = new Map<string, Workload[]>();
  for (const workload of podsOf(world).all) {
    const key = `${workload.namespace}/${serviceAccountOf(workload)}`;
    const bucket = index.get(key);
    if (bucket) bucket.push(workload);
    else index.set(key, [workload]);
  }
  accounts.set(world, index);
  return index;
}

function describeCaller(workload: Workload): Caller {
  const { replicas, item } = workload;
  const workers = concurrencyOf(workload);
  const name = describeObject(item.object);
  if (replicas === undefined) return { workload, words: name };
  return { workload, requests: replicas * workers, words: `${name} with ${replicas} ${replicas === 1 ? "pod" : "pods"}${workers > 1 ? ` of concurrency ${workers}` : ""}` };
}

/** Worker threads of the proxy, where `proxy.istio.io/config` or the annotation says so; each can have a request of its own under way. */
function concurrencyOf(workload: Workload): number {
  const config = podAnnotationsOf(workload)["proxy.istio.io/config"] ?? "";
  const written = /^\s*concurrency:\s*(\d+)\s*$/m.exec(config)?.[1] ?? asText(mappingAt(workload.item.object, "metadata", "annotations")["istiomize.dev/concurrency"]);
  const count = Number(written ?? 1);
  return Number.isInteger(count) && count > 0 ? count : 1;
}
