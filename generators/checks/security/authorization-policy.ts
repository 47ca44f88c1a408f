import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import { asList, asMapping, asText, compareText, describe, describeObject, kindOf, nameOf, type Mapping } from "../../kube/object.ts";
import { describePort, isHttp } from "../../kube/protocol.ts";
import { namespaceFor } from "../../mesh/levels.ts";
import type { Workload } from "../../mesh/workload.ts";
import { accountIndex, accountsIn, serviceAccountOf } from "../callers.ts";
import { entriesOf, type IstioObject, type IstioWorld, type ObjectCheck } from "../istio-object.ts";
import { isGateway, podsOf, selectorOf, whyNotInjected } from "../pods.ts";
import { actionOf, isAttached, selecting, withoutSelector } from "../policies-over.ts";
import { routesTo } from "../destination-rule/routes.ts";
import { fullHost } from "../../kube/host.ts";
import { declaredPorts, servicesOver } from "../ports-of-pods.ts";
import { findServicePort } from "./service-ports.ts";

type Step = readonly string[];

function textsIn(entry: Mapping, key: string): readonly string[] {
  return asList(entry[key]).filter((each) => typeof each === "string");
}

/** A policy that its action leaves without meaning: DENY and CUSTOM need to say what (istiod refuses it). */
export const checkRules: ObjectCheck = (object) => {
  if (object.isOurs || asList(object.spec["rules"]).length > 0 || !["DENY", "CUSTOM"].includes(actionOf(object))) return [];
  const action = actionOf(object);
  return [diagnose("IZ394", object.placeOf("spec", "action"), {
    field: "action", found: `action: ${action} without rules`, expects: "rules that say what",
    ...(action === "DENY" && { help: "`rules: [{}]` denies everything, and so does action ALLOW without rules" }),
  })];
};

/** The attributes of a rule that only HTTP requests have. */
function httpFields(rule: Mapping): readonly (readonly [name: string, path: Step])[] {
  const found: [string, Step][] = [];
  const take = (entries: readonly (readonly [Mapping, string])[], list: string, inner: string, keys: readonly string[]): void => {
    for (const [entry, step] of entries) {
      const body = asMapping(entry[inner]) ?? {};
      for (const key of Object.keys(body)) if (keys.includes(key)) found.push([key, [list, step, inner, key]]);
    }
  };
  take(entriesOf(rule["to"]), "to", "operation", ["methods", "notMethods", "paths", "notPaths", "hosts", "notHosts"]);
  take(entriesOf(rule["from"]), "from", "source", ["requestPrincipals", "notRequestPrincipals"]);
  for (const [condition, step] of entriesOf(rule["when"])) {
    const key = asText(condition["key"]) ?? "";
    if (/^request\./.test(key)) found.push([key, ["when", step, "key"]]);
  }
  return found;
}

/** HTTP conditions for ports that carry none (rule M8): ALLOW never lets anything in there, DENY refuses everything. */
export const checkHttpFields: ObjectCheck = (object, world) => {
  const action = actionOf(object);
  const labels = selectorOf(object.object);
  if (object.isOurs || Object.keys(labels).length === 0 || !["ALLOW", "DENY"].includes(action)) return [];
  const pods = podsOf(world).find(object.namespace, labels);
  if (pods.some(isGateway)) return []; // a gateway ends TLS itself, and its Service does not say what it serves
  const ports = declaredPorts(pods, world).filter(({ declared }) => declared.protocol !== "udp");
  return entriesOf(object.spec["rules"]).flatMap(([rule, step]) => {
    const [first] = httpFields(rule);
    if (!first || ports.length === 0) return [];
    const named = entriesOf(rule["to"]).flatMap(([entry]) => textsIn(asMapping(entry["operation"]) ?? {}, "ports"));
    const meant = named.length === 0 ? ports : ports.filter(({ number }) => named.includes(String(number)));
    const opaque = meant.filter(({ declared }) => !isHttp(declared));
    const isAll = meant.length > 0 && opaque.length === meant.length;
    if (opaque.length === 0 || (!isAll && action === "ALLOW")) return [];
    const fields = [...new Set(httpFields(rule).map(([name]) => name))];
    return [diagnose("IZ397", object.placeOf("spec", "rules", step, ...first[1]), {
      fields, action, ports: [...new Set(opaque.map(({ number, declared }) => `${number} (${declared.protocol}, by ${declared.declaredBy})`))], isAll, number: opaque[0]!.number, of: describePort(opaque[0]!.declared),
    })];
  });
};

/** `ports` by the number of the Service, where the port of the pods is meant (rule P11). */
export const checkPorts: ObjectCheck = (object, world) => {
  if (object.isOurs || Object.keys(selectorOf(object.object)).length === 0) return [];
  return entriesOf(object.spec["rules"]).flatMap(([rule, step]) => entriesOf(rule["to"]).flatMap(([entry, to]) => ["ports", "notPorts"].flatMap((key) =>
    asList(asMapping(entry["operation"])?.[key]).flatMap((port, i) => (typeof port === "string" ? findServicePort(object, port, ["spec", "rules", step, "to", to, "operation", key, `[${i}]`], world) : [])))));
};

/** Principals and service accounts that nobody has (rule M7). */
export const checkPrincipals: ObjectCheck = (object, world) => {
  if (object.isOurs) return [];
  return entriesOf(object.spec["rules"]).flatMap(([rule, step]) => entriesOf(rule["from"]).flatMap(([from, at]) => {
    const source = asMapping(from["source"]) ?? {};
    const path = ["spec", "rules", step, "from", at, "source"];
    return [
      ...["principals", "notPrincipals"].flatMap((key) => asList(source[key]).flatMap((principal, i) => (typeof principal === "string" ? checkForm(object, principal, [...path, key, `[${i}]`], world) : []))),
      ...["principals", "serviceAccounts"].flatMap((key) => asList(source[key]).flatMap((entry, i) => checkAccount(object, { [key]: [entry] }, [...path, key, `[${i}]`], world))),
    ];
  }));
};

function checkForm(object: IstioObject, principal: string, path: Step, world: IstioWorld): readonly Diagnostic[] {
  if (principal.includes("*") || principal === "") return [];
  const tell = (suggestion?: string): readonly Diagnostic[] => [diagnose("IZ395", object.placeOf(...path), {
    what: `${describe(object.ref)} for principal ${JSON.stringify(principal)}`, expected: "<trust domain>/ns/<namespace>/sa/<service account>, the form in which a certificate names its owner", ...(suggestion && { suggestion }),
  })];
  if (principal.startsWith("spiffe://")) return tell(principal.slice("spiffe://".length));
  const parts = /^([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(principal);
  if (!parts) return /^([^/]+)$/.test(principal) && object.namespace !== "" ? tell(`${world.config.trustDomain}/ns/${object.namespace}/sa/${principal}`) : tell();
  const [, domain, namespace, account] = parts;
  const isSaid = world.config.meshes.length > 0 && world.config.trustDomain !== "cluster.local";
  return isSaid && domain !== world.config.trustDomain && domain !== "cluster.local" ? tell(`${world.config.trustDomain}/ns/${namespace}/sa/${account}`) : [];
}

/** Only where pods of that namespace are in the input can it be said that none runs as an account. */
function checkAccount(object: IstioObject, source: Mapping, path: Step, world: IstioWorld): readonly Diagnostic[] {
  return accountsIn(source, object).flatMap(({ namespace, account }) => {
    const pods = podsOf(world).find(namespace, {});
    const holders = accountIndex(world).get(`${namespace}/${account}`);
    if (holders) return checkHolders(object, holders, namespace, account, path, world);
    if (!podsOf(world).isKnown(namespace)) return [];
    const used = [...new Set(pods.map(serviceAccountOf))].sort();
    const namesake = pods.find(({ name }) => name === account);
    const near = namesake ? serviceAccountOf(namesake) : suggest(account, used);
    return [diagnose("IZ395", object.placeOf(...path), {
      what: `${describe(object.ref)} for service account ${account} of namespace ${namespace}`,
      expected: `a service account that pods there run as: ${used.join(", ")}`,
      ...(namesake ? { help: `set serviceAccountName: ${account} in the pod template of ${describeObject(namesake.item.object)}, which runs as ${near}` } : near ? { suggestion: near } : {}),
    })];
  });
}

/** Accounts that cannot say what a policy takes from them: pods without a sidecar have no certificate, and the default account is everybody's. */
function checkHolders(object: IstioObject, holders: readonly Workload[], namespace: string, account: string, path: Step, world: IstioWorld): readonly Diagnostic[] {
  const tell = (what: string, expected: string, help: string): readonly Diagnostic[] => [diagnose("IZ395", object.placeOf(...path), { what: `${describe(object.ref)} for service account ${account} of namespace ${namespace}, ${what}`, expected, help })];
  const names = holders.map(({ item }) => describeObject(item.object));
  const why = holders.map((workload) => whyNotInjected(workload, world.context));
  if (why.every((each) => each !== undefined)) return tell(`as which ${names.join(", ")} ${names.length === 1 ? "runs" : "run"}, without a sidecar (${why[0]})`, "pods with a sidecar: a caller without one has no certificate, and so no name", "give them a sidecar, or let them in by another condition");
  if (account !== "default" || holders.length < 2 || actionOf(object) !== "ALLOW") return [];
  return tell(`as which ${names.slice(0, 4).join(", ")}${names.length > 4 ? ` and ${names.length - 4} more` : ""} all run`, "an account of its own for each caller: those who share one cannot be told apart", "set serviceAccountName in the pod templates of those that are to call, and name that");
}

/** A gateway that sends requests to pods whose ALLOW policies name only others (rule M6). */
export const checkShutOut: ObjectCheck = (object, world) => {
  const labels = selectorOf(object.object);
  if (object.isOurs || actionOf(object) !== "ALLOW" || isAttached(object)) return [];
  if (Object.keys(labels).length === 0 && asList(object.spec["rules"]).length === 0) return checkDenyAll(object, world);
  if (Object.keys(labels).length === 0) return [];
  const pods = podsOf(world).find(object.namespace, labels);
  return servicesOver(pods, world).flatMap((service) => {
    const host = fullHost(nameOf(service.object), { namespace: namespaceFor(service.object, world.config), clusterDomain: world.config.clusterDomain });
    const gateways = routesTo(host, world).filter(({ isMirror, weight }) => !isMirror && weight !== 0).flatMap(({ from }) => gatewaysOf(from));
    const gateway = [...new Set(gateways)][0];
    if (gateway === undefined) return [];
    const others = policiesFor(object, world);
    if (others[0] !== object || others.some((policy) => letsIn(policy, gateway, world))) return [];
    return [diagnose("IZ396", object.placeOf("spec", "rules"), {
      who: `gateway ${gateway}, which routes to ${describeObject(service.object)}`, by: `ALLOW of ${others.map(({ ref }) => ref.name).join(" and ")}, which ${others.length === 1 ? "names" : "name"} only others`,
      help: `add a source for the gateway, such as namespaces: [${namespacesOf(gateway, world)[0]}]`,
    })];
  });
};

/** The gateways that a VirtualService is bound to, as `namespace/name`. */
function gatewaysOf({ spec, namespace }: IstioObject): readonly string[] {
  return textsIn(spec, "gateways").filter((gateway) => gateway !== "mesh").map((gateway) => (gateway.includes("/") ? gateway : `${namespace}/${gateway}`));
}

/** The ALLOW policies with rules for the same pods, by name. */
function policiesFor(object: IstioObject, world: IstioWorld): readonly IstioObject[] {
  const pods = podsOf(world).find(object.namespace, selectorOf(object.object));
  const namespaces = [...new Set([object.namespace, world.config.rootNamespace])];
  return [...selecting(object.kind, pods, world), ...namespaces.flatMap((namespace) => withoutSelector(object.kind, namespace, world))]
    .filter((policy) => actionOf(policy) === "ALLOW" && (policy === object || asList(policy.spec["rules"]).length > 0)).sort((a, b) => compareText(a.ref.name, b.ref.name));
}

/** Namespaces in which the pods of a gateway may run. */
function namespacesOf(gateway: string, world: IstioWorld): readonly string[] {
  const found = world.ofKind("Gateway").find((each) => `${each.namespace}/${each.ref.name}` === gateway);
  const selector = Object.entries(asMapping(found?.spec["selector"]) ?? {});
  const pods = selector.length === 0 ? [] : podsOf(world).all.filter(({ podLabels }) => selector.every(([key, value]) => podLabels[key] === value)).map(({ namespace }) => namespace);
  return [...new Set([...pods, world.config.rootNamespace, gateway.split("/")[0]!])];
}

/** Whether any rule may hold for a gateway: one without a source, or a source that its namespace or name is in. */
function letsIn({ spec, namespace }: IstioObject, gateway: string, world: IstioWorld): boolean {
  const homes = namespacesOf(gateway, world);
  return entriesOf(spec["rules"]).some(([rule]) => {
    const sources = entriesOf(rule["from"]).map(([from]) => asMapping(from["source"]) ?? {});
    return sources.length === 0 || sources.some((source) => {
      const principals = textsIn(source, "principals");
      const accounts = textsIn(source, "serviceAccounts");
      const namespaces = textsIn(source, "namespaces");
      if (principals.length + accounts.length + namespaces.length === 0) return true;
      return principals.some((each) => each.includes("*") || homes.some((home) => each.includes(`/ns/${home}/`)) || /gateway|ingress/.test(each))
        || accounts.some((each) => homes.some((home) => each.startsWith(`${home}/`)) || /gateway|ingress/.test(each) || (!each.includes("/") && homes.includes(namespace)))
        || namespaces.some((each) => each.includes("*") || homes.includes(each));
    });
  });
}

/** A policy without rules in the root namespace is for gateways too. */
function checkDenyAll(object: IstioObject, world: IstioWorld): readonly Diagnostic[] {
  if (object.namespace !== world.config.rootNamespace) return [];
  const gateways = world.ofKind("Gateway").filter((gateway) => kindOf(gateway.object) === "Gateway" && asMapping(gateway.spec["selector"]));
  const open = world.ofKind("AuthorizationPolicy").some((policy) => policy !== object && actionOf(policy) === "ALLOW" && asList(policy.spec["rules"]).length > 0
    && (Object.keys(selectorOf(policy.object)).length === 0 || gateways.some(({ spec }) => {
      const labels = Object.entries(selectorOf(policy.object));
      return labels.every(([key, value]) => (asMapping(spec["selector"]) ?? {})[key] === value);
    })));
  return gateways.length === 0 || open ? [] : [diagnose("IZ396", object.placeOf("spec"), {
    who: `whoever calls a gateway (${gateways.map(({ ref }) => describe(ref)).slice(0, 3).join(", ")})`, by: `ALLOW without rules in ${object.namespace}, which holds for the whole mesh, gateways included`,
    help: "put it into the namespaces of the applications, or add an ALLOW policy for the gateways",
  })];
}
