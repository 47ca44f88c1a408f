import type { Guardrails, Layer, Limit } from "../annotations/setting.ts";
import type { SettingName } from "../annotations/table.ts";
import { catalogue, type Code } from "../diagnostics/catalogue.ts";
import { diagnose, type Diagnostic, type Outcome } from "../diagnostics/diagnostic.ts";
import { suggest } from "../diagnostics/suggest.ts";
import { labelKey, labelValue } from "../kube/label.ts";
import { asMapping, asText, compareText, describeObject, kindOf, mappingAt, nameOf, namespaceOf, refOf, stringsAt, type Item, type KubeObject, type Mapping, type ResourceRef } from "../kube/object.ts";
import { definition } from "./definition.ts";
import { meshAlias, type MeshGateway } from "./gateways.ts";
import { findConflicts, holdsPath, mergeMappings } from "./merge.ts";
import { readShape, type ReadContext } from "./read-spec.ts";
import type { RuleNames } from "./rule-names.ts";
import { settleGateways, type WrittenGateways } from "./settle-gateways.ts";
import { settleTargets, type Target, type WrittenTargets } from "./targets.ts";

export const meshApiVersion = "istiomize.dev/v1alpha1";

/** `ServiceMesh.spec` after reading: every field there, defaults filled in. */
export interface MeshConfig extends Guardrails {
  /** The ServiceMeshes that it was read from, nearest last; what `generated-from` names. */
  readonly meshes: readonly string[];
  readonly ref: ResourceRef;
  readonly requires?: string;
  readonly namespace: string;
  readonly services: "annotated" | "all";
  readonly hosts: "short" | "fqdn";
  readonly clusterDomain: string;
  readonly trustDomain: string;
  readonly rootNamespace: string;
  readonly environment: string;
  readonly allowFaults: readonly string[];
  readonly strict: boolean;
  readonly strictness: "error" | "warn";
  readonly accept: { readonly [code: string]: string };
  readonly mode: "generate" | "validate";
  readonly guard: boolean;
  readonly injection: { readonly mode: "sidecar" | "ambient" | "none"; readonly revision?: string; readonly exclude: readonly string[] };
  readonly namespaces: ReadonlyMap<string, Layer>;
  /** Settings of objects that cannot be annotated, in the order of the targets' names. */
  readonly targets: readonly Target[];
  readonly defaults: Layer;
  readonly profiles: ReadonlyMap<string, Layer>;
  readonly limits: ReadonlyMap<SettingName, Limit>;
  readonly locked: readonly SettingName[];
  readonly metadata: { readonly labels: { readonly [key: string]: string }; readonly annotations: { readonly [key: string]: string } };
  readonly argocd: { readonly syncWaves: boolean; readonly recordWarnings: boolean };
  readonly names: RuleNames;
  /** The gateways by alias; `mesh` is none of them. */
  readonly gateways: ReadonlyMap<string, MeshGateway>;
  /** What `spec.gateways.mesh` says: settings for callers inside the mesh. */
  readonly meshDefaults: Layer;
  readonly mtls?: { readonly mode: "STRICT" | "PERMISSIVE" | "DISABLE"; readonly scope: "mesh" | "namespace" | "none" };
}

/** An object of our group that nothing reads: a misspelled ServiceMesh. */
function isUnknownKind(object: KubeObject): boolean {
  return (asText(object["apiVersion"]) ?? "").startsWith("istiomize.dev/") && !["ServiceMesh", "IstiomizeRan"].includes(kindOf(object));
}

export function isServiceMesh(object: KubeObject): boolean {
  return kindOf(object) === "ServiceMesh" && (asText(object["apiVersion"]) ?? "").startsWith("istiomize.dev/");
}

/**
 * Reads the ServiceMesh as function config and as resources. The function config wins field by field; two resources
 * merge in the order of their names, and a field that both set differently is reported.
 */
export function readMeshConfig(functionConfig: KubeObject | undefined, items: readonly Item[]): Outcome<MeshConfig> {
  const diagnostics: Diagnostic[] = [];
  for (const { object } of items.filter((item) => isUnknownKind(item.object))) readSpec(object, false, diagnostics);
  const resources = items.map((item) => item.object).filter(isServiceMesh)
    .sort((a, b) => compareText(nameOf(a), nameOf(b)) || compareText(namespaceOf(a), namespaceOf(b)));
  const holders = [...resources, ...(functionConfig ? [functionConfig] : [])];
  const specs = holders.map((object) => readSpec(object, object === functionConfig, diagnostics));
  let spec: Mapping = {};
  const decided = functionConfig ? specs.at(-1)! : {};
  specs.forEach((own, i) => {
    if (holders[i] !== functionConfig) diagnostics.push(...specs.slice(0, i).flatMap((earlier, j) => disagree(holders[j]!, earlier, holders[i]!, own, decided)));
    spec = mergeMappings(spec, own);
  });

  const lead = holders.at(-1) ?? { apiVersion: meshApiVersion, kind: "ServiceMesh", metadata: { name: "defaults" } };
  const holderOf = (path: readonly string[]): ResourceRef => refOf(holders.findLast((_, i) => holdsPath(specs[i]!, path.slice(1))) ?? lead);
  const context = (guardrails: Guardrails, report: ReadContext["report"]): ReadContext => ({ refOf: holderOf, guardrails, report });
  const read = readGuarded(spec, context, diagnostics);
  const { locked, gateways: writtenGateways, targets: writtenTargets, ...config } = read;
  const say = (diagnostic: Diagnostic): void => void diagnostics.push(diagnostic);
  const gateways = writtenGateways.size === 0 ? new Map<string, MeshGateway>() : settleGateways(writtenGateways, { rootNamespace: config.rootNamespace, written: mappingAt(spec, "gateways"), refOf: holderOf, report: say });
  const targets = settleTargets(writtenTargets, { written: mappingAt(spec, "targets"), guardrails: config, isLenient: config.strictness === "warn", refOf: holderOf, report: say });
  diagnostics.push(...checkAccept(config.accept, holderOf), ...checkMetadata(config.metadata, holderOf));
  return {
    value: { ...config, locked, gateways, targets, meshDefaults: writtenGateways.get(meshAlias)?.defaults ?? new Map(), mtls: asMapping(spec["mtls"]) ? config.mtls : undefined, ref: refOf(lead), meshes: [...new Set(holders.filter((object, i) => isServiceMesh(object) || Object.keys(specs[i]!).length > 0).map((object) => `${kindOf(object)}/${nameOf(object)}`))] },
    diagnostics,
  };
}

type Read = Omit<MeshConfig, "meshes" | "ref" | "gateways" | "meshDefaults" | "targets"> & { readonly gateways: WrittenGateways; readonly targets: WrittenTargets };

/** The guardrails are part of the spec that they guard, so they are read first. */
function readGuarded(spec: Mapping, context: (guardrails: Guardrails, report: ReadContext["report"]) => ReadContext, diagnostics: Diagnostic[]): Read {
  const open = context({ istioVersion: "9.99", limits: new Map() }, () => {});
  const read = (field: "istioVersion" | "limits"): unknown => readShape(definition.fields[field]!, spec[field], ["spec", field], open);
  const guardrails: Guardrails = { istioVersion: read("istioVersion") as string, limits: read("limits") as Guardrails["limits"] };
  return readShape(definition, spec, ["spec"], context(guardrails, (diagnostic) => diagnostics.push(diagnostic))) as Read;
}

function readSpec(object: KubeObject, isFunctionConfig: boolean, diagnostics: Diagnostic[]): Mapping {
  const apiVersion = asText(object["apiVersion"]) ?? "";
  const kind = kindOf(object);
  if (isFunctionConfig && kind === "ConfigMap" && apiVersion === "v1") return readConfigMap(object, diagnostics);
  if (kind !== "ServiceMesh" || apiVersion !== meshApiVersion) {
    const suggestion = kind === "ServiceMesh" ? `apiVersion: ${meshApiVersion}` : suggest(kind, ["ServiceMesh"]);
    diagnostics.push(diagnose("IZ108", { ref: refOf(object), path: [] }, { found: `apiVersion ${apiVersion || "(none)"}, kind ${kind || "(none)"}`, ...(suggestion && { suggestion }) }));
    return {};
  }
  for (const key of Object.keys(object)) {
    if (["apiVersion", "kind", "metadata", "spec", "status"].includes(key)) continue;
    const inSpec = Object.hasOwn(definition.fields, key);
    diagnostics.push(diagnose("IZ110", { ref: refOf(object), path: [key] }, { field: key, known: ["apiVersion", "kind", "metadata", "spec"], suggestion: inSpec ? `spec.${key}` : suggest(key, ["metadata", "spec"]) }));
  }
  const spec = object["spec"];
  if (spec !== undefined && spec !== null && !asMapping(spec)) {
    diagnostics.push(diagnose("IZ111", { ref: refOf(object), path: ["spec"] }, { found: Array.isArray(spec) ? "a list" : `a ${typeof spec}`, expects: "a mapping" }));
  }
  return dropUnsafe(mappingAt(object, "spec"), ["spec"], refOf(object), diagnostics);
}

/** `__proto__`, `constructor` and their like are names that JavaScript objects cannot hold safely. */
function dropUnsafe(mapping: Mapping, path: readonly string[], ref: ResourceRef, diagnostics: Diagnostic[]): Mapping {
  return Object.fromEntries(Object.entries(mapping).flatMap(([key, entry]): [string, unknown][] => {
    if (key in Object.prototype) {
      diagnostics.push(diagnose("IZ111", { ref, path: [...path, key] }, { found: key, expects: "another name: this one is built into every JavaScript object" }));
      return [];
    }
    const inner = asMapping(entry);
    return [[key, inner ? dropUnsafe(inner, [...path, key], ref, diagnostics) : entry]];
  }));
}

function readConfigMap(object: KubeObject, diagnostics: Diagnostic[]): Mapping {
  for (const [key, value] of Object.entries(mappingAt(object, "data"))) {
    if (typeof value !== "string") diagnostics.push(diagnose("IZ111", { ref: refOf(object), path: ["data", key] }, { found: JSON.stringify(value), expects: "a string, as every value of a ConfigMap: put it in quotes" }));
  }
  return dropUnsafe(unfold(stringsAt(object, "data")), ["data"], refOf(object), diagnostics);
}

/** `kpt fn eval -- strict=true mtls.mode=STRICT` arrives as a ConfigMap with dotted keys. */
function unfold(data: { readonly [key: string]: string }): Mapping {
  return Object.entries(data).filter(([key]) => !key.split(".").includes("__proto__")).reduce<Mapping>((spec, [key, text]) =>
    mergeMappings(spec, key.split(".").reduceRight<unknown>((inner, step) => ({ [step]: inner }), text) as Mapping), {});
}

/** Fields that two resources set differently, unless the function config decides them. */
function disagree(first: KubeObject, a: Mapping, second: KubeObject, b: Mapping, decided: Mapping): readonly Diagnostic[] {
  if (describeObject(first) === describeObject(second)) return [diagnose("IZ109", { ref: refOf(second), path: ["metadata", "name"] }, { other: describeObject(second) })];
  return findConflicts(a, b).filter((path) => !holdsPath(decided, path)).map((path) => diagnose("IZ112", { ref: refOf(second), path: ["spec", ...path] }, {
    first: describeObject(first), second: describeObject(second), one: valueAt(a, path), two: valueAt(b, path),
  }));
}

function valueAt(mapping: Mapping, path: readonly string[]): string {
  return JSON.stringify(path.reduce<unknown>((found, key) => asMapping(found)?.[key], mapping)) ?? "nothing";
}

/** Labels and annotations for generated objects that the API server would refuse, or that would be read as settings. */
function checkMetadata({ labels, annotations }: MeshConfig["metadata"], holderOf: (path: readonly string[]) => ResourceRef): readonly Diagnostic[] {
  const refuse = (section: string, key: string, found: string, expects: string): Diagnostic =>
    diagnose("IZ111", { ref: holderOf(["spec", "metadata", section, key]), path: ["spec", "metadata", section, key] }, { found, expects });
  return [
    ...Object.entries(labels).flatMap(([key, value]) => (labelKey.test(key) && labelValue.test(value) ? [] : [refuse("labels", key, `${key}: ${value}`, "a label that Kubernetes takes: letters, digits, `-`, `_` and `.`, at most 63")])),
    ...Object.keys(annotations).flatMap((key) => (labelKey.test(key) && !key.startsWith("istiomize.dev/") ? [] : [refuse("annotations", key, key, "the key of an annotation, and none of ours")])),
  ];
}

function checkAccept(accept: MeshConfig["accept"], holderOf: (path: readonly string[]) => ResourceRef): readonly Diagnostic[] {
  return Object.keys(accept).flatMap((code) => {
    const path = ["spec", "accept", code];
    const expects = whyNotAccepted(code) ?? (accept[code]!.trim() === "" ? "a reason, such as \"measured, see runbook\"" : undefined);
    return expects === undefined ? [] : [diagnose("IZ111", { ref: holderOf(path), path }, { found: accept[code]!.trim() === "" ? `${code}: ""` : code, expects })];
  });
}

/** Why a code cannot be accepted; nothing where it can. */
export function whyNotAccepted(code: string): string | undefined {
  if (!Object.hasOwn(catalogue, code)) return "the code of a warning, such as IZ310";
  const { severity, mild } = catalogue[code as Code];
  return severity === "error" && mild === undefined ? "a warning: errors cannot be accepted" : undefined;
}
