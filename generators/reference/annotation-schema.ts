import { rows, scopes, settingNames, standsBehind, type Carrier, type Scope, type SettingName } from "../annotations/table.ts";
import type { Mapping } from "../kube/object.ts";
import { describeText, printSchema } from "../mesh/schema.ts";
import { istioPage } from "./markdown.ts";

const kinds: { readonly [C in Carrier]: readonly string[] } = { Service: ["Service"], Workload: ["Deployment", "StatefulSet", "DaemonSet", "Rollout"], Namespace: ["Namespace"] };
/** Kinds that carry two annotations, and pods nobody routes to. */
const podOwners = ["Job", "CronJob", "Pod"];

/** What stands for a name of the user's own inside a key. */
const plainName = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const scopeNames: { readonly [S in Scope]: string } = { port: ".+", subset: plainName, gateway: plainName, route: plainName };

/**
 * The JSON Schema (draft-07) of the annotations on Kubernetes objects, as text: what editors check and complete under
 * `metadata.annotations`, beside the schema of the object itself. Other annotations are none of its business.
 */
export function writeAnnotationSchema(): string {
  return printSchema({
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Kubernetes objects with annotations of istiomize",
    description: "Annotations under istiomize.dev/ on Services, workloads and Namespaces.",
    type: "object",
    allOf: [
      ...(["Service", "Workload", "Namespace"] as const).map((carrier) => describeKinds(kinds[carrier], carrier)),
      describeKinds(podOwners, "Pod"),
    ],
    definitions: {
      ...Object.fromEntries((["Service", "Workload", "Namespace"] as const).map((carrier) => [carrier, describeCarrier(carrier)])),
      Pod: describeAnnotations({ properties: asProperties(["inject", "accept"]), patterns: {}, known: ["inject", "accept"] }),
      ...Object.fromEntries(settingNames.map((name) => [name.replace(/[<>]/g, ""), describeSetting(name)])),
    },
  });
}

function describeKinds(of: readonly string[], definition: string): Mapping {
  return { if: { properties: { kind: { enum: of } }, required: ["kind"] }, then: { $ref: `#/definitions/${definition}` } };
}

function describeCarrier(carrier: Carrier): Mapping {
  const own = settingNames.filter((name) => rows[name].on.includes(carrier));
  const properties = asProperties(own.filter((name) => !name.includes("<")));
  const scoped = scopes.map((scope) => ({ scope, keys: carrier === "Service" ? settingNames.filter((name) => standsBehind(name, scope)) : carrier === "Workload" && scope === "port" ? (["mtls"] as const) : [] }));
  const patterns = new Map<SettingName, readonly string[]>(own.filter((name) => name.includes("<")).map((name) => [name, [patternOf(name)]]));
  for (const { scope, keys } of scoped) for (const name of keys) patterns.set(name, [...(patterns.get(name) ?? []), writeKey(scope, name)]);
  return describeAnnotations({
    properties,
    patterns: Object.fromEntries([...patterns].map(([name, each]) => [`^istiomize\\.dev/(${each.join("|")})$`, refer(name)])),
    known: [
      ...own.map(patternOf),
      ...scoped.flatMap(({ scope, keys }) => (keys.length > 0 ? [`${scope}\\.${scopeNames[scope]}\\.(${keys.map((name) => keyBehind(scope, name)).join("|")})`] : [])),
    ],
  });
}

function writeKey(scope: Scope, name: SettingName): string {
  // Behind the alias of a gateway, and `mesh` is none, `hosts` is short for `gateway-hosts`.
  const ofGateway = scope === "gateway" && (name === "hosts" || name.startsWith("gateway-"));
  const of = !ofGateway ? scopeNames[scope] : name === "hosts" ? "mesh" : `(?!mesh\\.)${scopeNames.gateway}`;
  return `${scope}\\.${of}\\.${keyBehind(scope, name)}`;
}

function keyBehind(scope: Scope, name: SettingName): string {
  return scope === "gateway" ? patternOf(name).replace(/^gateway-/, "(gateway-)?") : patternOf(name);
}

/** A key as a pattern: a name of the user's own where the table has `<dest>`. */
function patternOf(name: SettingName): string {
  return name.replaceAll(".", "\\.").replace(/<[^>]*>/g, plainName);
}

function asProperties(names: readonly SettingName[]): Mapping {
  return Object.fromEntries(names.map((name) => [`istiomize.dev/${name}`, refer(name)]));
}

function refer(name: SettingName): Mapping {
  return { $ref: `#/definitions/${name.replace(/[<>]/g, "")}` };
}

interface Keys {
  readonly properties: Mapping;
  readonly patterns: Mapping;
  /** Patterns of every key that may stand there. */
  readonly known: readonly string[];
}

function describeAnnotations({ properties, patterns, known }: Keys): Mapping {
  // What is ours and stands in no line above is refused; what istiomize writes itself and what begins with x- is left alone.
  const unknown = `^istiomize\\.dev/(?!(${[...known, "generated-from", "warnings"].join("|")})$|x-)`;
  return {
    properties: {
      metadata: {
        type: "object",
        properties: { annotations: { type: ["object", "null"], properties, patternProperties: { ...patterns, [unknown]: false } } },
      },
    },
  };
}

function describeSetting(name: SettingName): Mapping {
  const { summary, value, example, istio, docs, risk } = rows[name];
  const lines = [summary, `Expected: ${value.expects}.`, ...(istio === undefined ? [] : [`From Istio ${istio} on.`]), ...(risk === undefined ? [] : [risk]), istioPage(docs)];
  return { description: lines.join("\n\n"), ...describeText(value), examples: [example] };
}
