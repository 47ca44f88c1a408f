import { diagnose, type Diagnostic, type Outcome } from "../diagnostics/diagnostic.ts";
import { asList, asMapping, asText, describeObject, equal, groupOf, identityOf, kindOf, mappingAt, namespaceOf, refOf, type KubeObject } from "../kube/object.ts";
import { resolveHost } from "../kube/host.ts";
import { ownersOf } from "../mesh/sources.ts";
import type { MeshConfig } from "../mesh/config.ts";
import type { Made, MeshContext } from "../mesh/context.ts";

/**
 * Leaves out what people already wrote: an object for the same host (or the same pods) is never overwritten, and one
 * of the same name for something else is an error.
 */
export function resolveClashes(made: readonly Made[], context: MeshContext): Outcome<readonly Made[]> {
  const diagnostics: Diagnostic[] = [];
  const kept = context.kept.map(({ object }) => object);
  const byKey = new Map<string, KubeObject>();
  for (const object of kept) for (const key of keysOf(object, context.config)) if (!byKey.has(key)) byKey.set(key, object);
  const byIdentity = new Map(kept.map((object) => [identityOf(object), object]));
  const theirRules = rulesByHost(kept, context.config);
  const replaced = new Map<string, KubeObject>();
  const claims = new Map<KubeObject, readonly string[]>();
  const value = made.flatMap((each): readonly Made[] => {
    const { object } = each;
    const keys = keysOf(object, context.config);
    const clash = keys.find((key) => byKey.has(key));
    const other = clash === undefined ? undefined : byKey.get(clash);
    if (!other) claims.set(object, keys);
    if (other) {
      const host = hostOfKey(clash!);
      if (!ownersOf(other)) diagnostics.push(describeClash(object, other, host));
      const rest = kindOf(object) === "VirtualService" && host !== hostOfKey(keys[0]!) ? withoutHost(object, host, context.config) : undefined;
      if (!rest) replaced.set(identityOf(object), other);
      return rest ? [{ ...each, object: rest }] : [];
    }
    const namesake = byIdentity.get(identityOf(object));
    if (namesake && !ownersOf(namesake)) diagnostics.push(diagnose("IZ322", { ref: refOf(namesake), path: ["metadata", "name"] }, {
      made: describeObject(object), other: describeObject(namesake),
      ...(kindOf(object) === "Gateway" && { help: "write existing: true in spec.gateways, where that Gateway is the one that is meant, or give one of the two another name" }),
    }));
    return namesake ? [] : [each];
  });
  diagnostics.push(...value.flatMap(({ object }) => checkSubsetsOf(object, replaced, theirRules, context.config)), ...checkAmongOurs(value, claims, context.config), ...checkNames(value));
  return { value, diagnostics };
}

function hostOfKey(key: string): string {
  return key.split(" ").at(-1)!;
}

/** A VirtualService whose own host is free keeps it where only a further host belongs to somebody else. */
function withoutHost(object: KubeObject, host: string, config: MeshConfig): KubeObject {
  const scope = { namespace: namespaceOf(object) || config.namespace, clusterDomain: config.clusterDomain };
  const spec = mappingAt(object, "spec");
  return { ...object, spec: { ...spec, hosts: asList(spec["hosts"]).filter((each) => typeof each !== "string" || resolveHost(each, scope) !== host) } };
}

/** Two of ours that claim one host: a host in `hosts` that is another Service, or that two Services name. */
function checkAmongOurs(made: readonly Made[], claims: ReadonlyMap<KubeObject, readonly string[]>, config: MeshConfig): readonly Diagnostic[] {
  const seen = new Map<string, KubeObject>();
  return made.flatMap(({ object, beside }) => {
    const keys = claims.get(object) ?? keysOf(object, config);
    const other = keys.map((key) => seen.get(key)).find((each) => each !== undefined);
    for (const key of keys) if (!seen.has(key)) seen.set(key, object);
    if (!other || kindOf(object) !== "VirtualService" || identityOf(other) === identityOf(object)) return [];
    const host = hostOfKey(keys.find((key) => seen.get(key) === other)!);
    return [diagnose("IZ326", { ref: refOf(beside?.object ?? object), path: ["metadata", "annotations", "istiomize.dev/hosts"] }, { host, one: describeObject(other), other: describeObject(object) })];
  });
}

/** Two of ours of one kind, namespace and name, as templates in `spec.names` can give them. */
function checkNames(made: readonly Made[]): readonly Diagnostic[] {
  const seen = new Map<string, Made>();
  return made.flatMap((each) => {
    const identity = identityOf(each.object);
    const other = seen.get(identity);
    seen.set(identity, each);
    // One Service that is there twice is told so by itself.
    if (!other || (other.beside && each.beside && other.beside !== each.beside && identityOf(other.beside.object) === identityOf(each.beside.object))) return [];
    const forWhom = ({ object, beside }: Made): string => describeObject(beside?.object ?? object);
    const ref = refOf(each.beside?.object ?? each.object);
    return [diagnose("IZ126", { ref, path: ["metadata", "name"] }, { object: describeObject(each.object), one: forWhom(other), other: forWhom(each) })];
  });
}

/** What an object claims: a host in the mesh, the policy of a host, the mTLS mode of pods. */
function keysOf(object: KubeObject, config: MeshConfig): readonly string[] {
  const kind = `${groupOf(object)}/${kindOf(object)}`;
  const namespace = namespaceOf(object) || config.namespace;
  const scope = { namespace, clusterDomain: config.clusterDomain };
  const spec = mappingAt(object, "spec");
  switch (kind) {
    case "networking.istio.io/DestinationRule":
      return spec["workloadSelector"] === undefined ? [`${kind} ${namespace} ${resolveHost(asText(spec["host"]) ?? "", scope)}`] : [];
    case "networking.istio.io/VirtualService": {
      const gateways = asList(spec["gateways"]);
      if (gateways.length > 0 && !gateways.includes("mesh")) return [];
      const isPrivate = equal(spec["exportTo"], ["."]);
      return asList(spec["hosts"]).flatMap((host) => (typeof host === "string" ? [`${kind} ${isPrivate ? namespace : "*"} ${resolveHost(host, scope)}`] : []))
        .flatMap((key) => (isPrivate || namespace === "" ? [key] : [key, key.replace(" * ", ` ${namespace} `)]));
    }
    case "security.istio.io/PeerAuthentication":
      return [`${kind} ${namespace} ${JSON.stringify(Object.entries(mappingAt(spec, "selector", "matchLabels")).sort())}`];
    default:
      return [];
  }
}

function describeClash(object: KubeObject, other: KubeObject, host: string): Diagnostic {
  const place = { ref: refOf(other), path: ["spec"] };
  switch (kindOf(object)) {
    case "DestinationRule": return diagnose("IZ321", { ...place, path: ["spec", "host"] }, { other: describeObject(other), host });
    case "VirtualService": return diagnose("IZ320", { ...place, path: ["spec", "hosts"] }, { other: describeObject(other), host });
    default: return diagnose("IZ323", place, { other: describeObject(other) });
  }
}

/**
 * A VirtualService of ours and DestinationRules of theirs for its host, beside the Service or in a caller's namespace,
 * where they replace ours: the subsets must exist there.
 */
function checkSubsetsOf(object: KubeObject, replaced: ReadonlyMap<string, KubeObject>, theirRules: ReadonlyMap<string, readonly KubeObject[]>, config: MeshConfig): readonly Diagnostic[] {
  if (kindOf(object) !== "VirtualService") return [];
  const beside = replaced.get(identityOf(object).replace("/VirtualService/", "/DestinationRule/"));
  const elsewhere = (theirRules.get(hostIn(object, asList(mappingAt(object, "spec")["hosts"])[0], config)) ?? []).filter((each) => each !== beside);
  return [...(beside ? [beside] : []), ...elsewhere].flatMap((theirs) => findMissing(object, theirs));
}

/** The DestinationRules that people wrote, by the host that they are for. */
function rulesByHost(kept: readonly KubeObject[], config: MeshConfig): ReadonlyMap<string, readonly KubeObject[]> {
  const byHost = new Map<string, KubeObject[]>();
  for (const object of kept) {
    const spec = mappingAt(object, "spec");
    if (kindOf(object) !== "DestinationRule" || spec["workloadSelector"] !== undefined || ownersOf(object)) continue;
    const host = hostIn(object, spec["host"], config);
    const same = byHost.get(host);
    if (same) same.push(object);
    else byHost.set(host, [object]);
  }
  return byHost;
}

/** A host as an object of its namespace means it. */
function hostIn(object: KubeObject, host: unknown, config: MeshConfig): string {
  return resolveHost(asText(host) ?? "", { namespace: namespaceOf(object) || config.namespace, clusterDomain: config.clusterDomain });
}

function findMissing(object: KubeObject, theirs: KubeObject): readonly Diagnostic[] {
  const defined = new Set(asList(mappingAt(theirs, "spec")["subsets"]).map((subset) => asMapping(subset)?.["name"]));
  const spec = mappingAt(object, "spec");
  const named = ["http", "tls", "tcp"].flatMap((kind) => asList(spec[kind])).flatMap((rule) => asList(asMapping(rule)?.["route"]))
    .map((route) => asText(mappingAt(route, "destination")["subset"]));
  const missing = [...new Set(named)].filter((subset): subset is string => subset !== undefined && !defined.has(subset));
  return missing.length === 0 ? [] : [diagnose("IZ324", { ref: refOf(theirs), path: ["spec", "subsets"] }, { other: describeObject(theirs), missing })];
}
