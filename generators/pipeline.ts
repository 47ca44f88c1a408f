import { finishDiagnostics } from "./accept.ts";
import { rows } from "./annotations/table.ts";
import { checks } from "./checks/index.ts";
import { arrangeDiagnostics, diagnose, type Diagnostic } from "./diagnostics/diagnostic.ts";
import { generators } from "./istio/index.ts";
import { resolveClashes } from "./istio/clashes.ts";
import type { Edit, Made, MeshContext } from "./mesh/context.ts";
import {
  asMapping, compareText, describeObject, equal, groupOf, identityOf, kindOf, mappingAt, nameOf, namespaceOf, refOf, stringsAt, type Item, type KubeObject, type Mapping,
} from "./kube/object.ts";
import { isServiceMesh, readMeshConfig, type MeshConfig } from "./mesh/config.ts";
import { isOwn, type MeshService } from "./mesh/service.ts";
import { planRoutes } from "./mesh/destinations.ts";
import { namespaceFor, readLevels } from "./mesh/levels.ts";
import { ServiceLookup } from "./mesh/lookup.ts";
import { isWanted } from "./mesh/injection.ts";
import { findCanary, findFlaggerTargets, isNamedBy, type FlaggerTarget } from "./mesh/flagger.ts";
import { findRollouts, governServices } from "./mesh/rollouts.ts";
import { checkUnserved, leftToFlagger, pairWorkloads, resolveSettings } from "./mesh/settings.ts";
import { findSources, ownersOf } from "./mesh/sources.ts";
import { findWorkloads } from "./mesh/workload.ts";
import { recordWarnings } from "./record.ts";

export interface PipelineInput {
  readonly functionConfig?: KubeObject;
  readonly items: readonly Item[];
  /** `package`: the result is written back to files (kpt), so nothing of the user's may be taken out. */
  readonly caller: "stream" | "plugin" | "package";
  /** Whether the version of istiomize is in this range, `undefined` for what is no range; the shell knows how to compare. */
  readonly satisfies?: (range: string) => boolean | undefined;
  readonly version?: string;
  /** Namespace of objects that carry none, over `spec.namespace`. */
  readonly namespace?: string;
  readonly overrides?: Overrides;
  /**
   * The files layout: every generated object is made anew, whichever ServiceMesh it names, because a prefix may have
   * renamed that since; and warnings are not recorded, because a base alone gives others than what is built on it.
   */
  readonly isFiles?: boolean;
}

/** What the command line, or a parameter of an Argo CD plugin, says over the ServiceMesh. */
export interface Overrides {
  readonly strict?: boolean;
  readonly environment?: string;
}

/** What is to be done to the input; the shell carries it out on the text. */
export interface PipelineResult {
  readonly removed: ReadonlySet<Item>;
  readonly replaced: ReadonlyMap<Item, KubeObject>;
  readonly edits: readonly Edit[];
  readonly added: readonly Made[];
  readonly diagnostics: readonly Diagnostic[];
  /** Names of other Services were looked up: earlier names, where they cost something, are worth having. */
  readonly usedNames: boolean;
}

/** The object that proves that the function ran; the guard beside the function config deletes it. */
export const guardMarker: KubeObject = {
  apiVersion: "istiomize.dev/v1alpha1", kind: "IstiomizeRan",
  metadata: { name: "istiomize-did-not-run--pass-enable-alpha-plugins-and-enable-exec" },
};

/** The whole job: settings are read, objects made from them, and everything checked. Read this first. */
export function runPipeline(input: PipelineInput): PipelineResult {
  const mesh = readMeshConfig(input.functionConfig, input.items);
  const config: MeshConfig = { ...mesh.value, ...(input.namespace && { namespace: input.namespace }), ...input.overrides };
  const early = [...mesh.diagnostics, ...checkRole(input), ...checkRequires(input, config)];

  const { rebuilt, left } = findOwned(input, config);
  if (left.length > 0 && config.meshes.length === 0) return untouched(arrangeDiagnostics([...early, ...left.map(describeLeft)]));

  const sources = findSources(input.items.filter((item) => !rebuilt.has(item)));
  const levels = readLevels(sources, config);
  const workloads = findWorkloads(sources);
  const known = pairWorkloads(sources, workloads, levels);
  const rollouts = findRollouts(sources, known, config);
  const governance = governServices(rollouts, known, sources, config);
  const settings = resolveSettings(known, levels, config, governance.governed);
  const lookup = new ServiceLookup(known, ({ object }) => namespaceFor(object, config));
  const flagger = findFlaggerTargets(sources, workloads, config);
  const routed = flagger.filter(({ isIstio }) => isIstio);
  const [owned, services] = partition(settings.value, (service) => findCanary(service, routed) !== undefined);
  const plans = new Map(services.map((service) => [service, planRoutes(service, lookup, config)]));
  const namespaces = new Map(sources.filter(({ object }) => kindOf(object) === "Namespace" && groupOf(object) === "").map((item) => [nameOf(item.object), item]));
  const kept = sources.filter(({ object }) => groupOf(object).endsWith(".istio.io"));
  const context: MeshContext = { config, services, leftOut: owned, flagger, rollouts, governance, lookup, plans, known, workloads, levels, sources, namespaces, kept };

  const generated = generators.map((generate) => generate(context));
  const clashes = resolveClashes(generated.flatMap(({ made }) => made), context);
  const made = [...clashes.value].sort(compareMade);
  const edits = generated.flatMap((each) => each.edits);
  const istio = [...kept.map(({ object }) => object), ...made.map(({ object }) => object)];
  const found = checks.flatMap((check) => check({ context, made, edits, istio }));

  const diagnostics = finishDiagnostics([
    ...early, ...left.map(describeLeft), ...checkTwice(sources), ...levels.diagnostics, ...governance.diagnostics, ...settings.diagnostics,
    ...checkUnserved(workloads, known, levels, routed), ...[...plans.values()].flatMap((plan) => plan.diagnostics),
    ...owned.flatMap((service) => describeFlagger(service, findCanary(service, routed)!)), ...routed.flatMap((target) => describeAlone(target, context)),
    ...generated.flatMap((each) => each.diagnostics), ...clashes.diagnostics, ...found,
  ], context);
  const guard = input.caller === "plugin" && String(mappingAt(input.functionConfig, "spec")["guard"]) === "true" ? [{ object: guardMarker }] : [];
  if (config.mode === "validate") return { ...untouched([]), added: guard, diagnostics, usedNames: lookup.used };
  const { replaced, removed, added } = place(config.argocd.recordWarnings && !input.isFiles ? recordWarnings(made, diagnostics, context) : made, rebuilt);
  if (input.caller !== "package") for (const item of input.items) if (isServiceMesh(item.object)) removed.add(item);
  return { removed, replaced, edits, added: [...added, ...guard], diagnostics, usedNames: lookup.used };
}

/** Flagger's own routes: an info, and a warning for each setting that somebody wrote in vain. */
function describeFlagger(service: MeshService, canary: FlaggerTarget): readonly Diagnostic[] {
  const inVain = [...service.settings.all()].filter((setting) => isOwn(setting) && ["VirtualService", "DestinationRule"].includes(rows[setting.name].family));
  return [
    diagnose("IZ325", { ref: service.ref, path: ["metadata"] }, { service: service.name, ...(!isNamedBy(canary, service.name) && { apex: canary.apex }) }),
    ...inVain.map((setting) => leftToFlagger(setting, service.ref)),
  ];
}

/** A workload without a Service in the input: Flagger makes the Services too. */
function describeAlone({ item, apex, workload }: FlaggerTarget, context: MeshContext): readonly Diagnostic[] {
  if (!workload || !isWanted(workload, context) || context.known.some(({ workloads }) => workloads.some((each) => each.workload === workload))) return [];
  return [diagnose("IZ325", { ref: refOf(item.object), path: ["spec", "targetRef"] }, { service: apex })];
}

function untouched(diagnostics: readonly Diagnostic[]): PipelineResult {
  return { removed: new Set(), replaced: new Map(), edits: [], added: [], diagnostics, usedNames: false };
}

function partition<T>(list: readonly T[], test: (entry: T) => boolean): [T[], T[]] {
  return [list.filter(test), list.filter((entry) => !test(entry))];
}

/** Under `generators:` kustomize sends one item, a copy of the function config. */
function checkRole({ functionConfig, items, caller }: PipelineInput): readonly Diagnostic[] {
  const only = items.length === 1 && items[0]!.path === undefined ? items[0]!.object : undefined;
  const isCopy = caller === "plugin" && functionConfig && only && identityOf(only) === identityOf(functionConfig)
    && stringsAt(only, "metadata", "annotations")["config.kubernetes.io/local-config"] === "true";
  return isCopy ? [diagnose("IZ115", { ref: refOf(only), path: [] }, {})] : [];
}

function checkRequires({ satisfies, version }: PipelineInput, config: MeshConfig): readonly Diagnostic[] {
  const { requires } = config;
  const place = { ref: config.ref, path: ["spec", "requires"] };
  const isIn = requires === undefined || !satisfies ? true : satisfies(requires);
  if (requires === undefined || isIn) return [];
  if (isIn === undefined) return [diagnose("IZ111", place, { found: requires, expects: "a range of versions, such as >=0.3 or 0.3.x" })];
  return [diagnose("IZ113", place, { requires, version: version ?? "" })];
}

/** Generated objects are made anew where their ServiceMesh is here, and left as they are where it is not. */
function findOwned({ items, isFiles }: PipelineInput, config: MeshConfig): { rebuilt: ReadonlySet<Item>; left: readonly Item[] } {
  const rebuilt = new Set<Item>();
  const left: Item[] = [];
  for (const item of items) {
    const owners = ownersOf(item.object);
    if (!owners) continue;
    if (isFiles || owners.meshes.every((mesh) => config.meshes.includes(mesh))) rebuilt.add(item);
    else left.push(item);
  }
  return { rebuilt, left };
}

function describeLeft({ object }: Item): Diagnostic {
  return diagnose("IZ117", undefined, { mesh: ownersOf(object)!.meshes.map((mesh) => mesh.replace("/", " ")).join(" and ") });
}

function checkTwice(sources: readonly Item[]): readonly Diagnostic[] {
  const seen = new Set<string>();
  return sources.flatMap(({ object }) => {
    if (nameOf(object) === "" || !["", "apps"].includes(groupOf(object))) return [];
    const identity = identityOf(object);
    if (seen.has(identity)) return [diagnose("IZ109", { ref: refOf(object), path: ["metadata", "name"] }, { other: describeObject(object) })];
    seen.add(identity);
    return [];
  });
}

function compareMade(a: Made, b: Made): number {
  return compareText(groupOf(a.object), groupOf(b.object)) || compareText(kindOf(a.object), kindOf(b.object))
    || compareText(namespaceOf(a.object), namespaceOf(b.object)) || compareText(nameOf(a.object), nameOf(b.object));
}

/** What was made before keeps its place; what is no longer made is taken out. */
function place(made: readonly Made[], rebuilt: ReadonlySet<Item>): { replaced: Map<Item, KubeObject>; removed: Set<Item>; added: readonly Made[] } {
  const before = new Map([...rebuilt].map((item) => [identityOf(item.object), item]));
  const replaced = new Map<Item, KubeObject>();
  const added: Made[] = [];
  for (const each of made) {
    const item = before.get(identityOf(each.object));
    if (!item) added.push(each);
    else {
      before.delete(identityOf(each.object));
      const object = withCallersAnnotations(each.object, item.object);
      if (!equal(object, item.object)) replaced.set(item, object);
    }
  }
  return { replaced, removed: new Set(before.values()), added };
}

const callersAnnotation = /^(internal\.config\.kubernetes\.io|config\.kubernetes\.io|kustomize\.config\.k8s\.io|config\.k8s\.io)\//;

/** The annotations by which kustomize and kpt recognise an object again. */
function withCallersAnnotations(object: KubeObject, before: KubeObject): KubeObject {
  const theirs = Object.entries(mappingAt(before, "metadata", "annotations")).filter(([key]) => callersAnnotation.test(key));
  if (theirs.length === 0) return object;
  const metadata = asMapping(object["metadata"]) as Mapping;
  return { ...object, metadata: { ...metadata, annotations: { ...mappingAt(metadata, "annotations"), ...Object.fromEntries(theirs) } } };
}
