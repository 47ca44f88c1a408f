import fc from "fast-check";
import { dump } from "js-yaml";
import type { KubeObject, Mapping } from "../../generators/kube/object.ts";
import type { Files } from "./process.ts";
import { duration, pods, policies, prefixed, routing, some, spec, type Settings } from "./trees.ts";

/**
 * Whole trees on disk, bases and overlays and components, as people keep them. Every patch finds its object and every
 * tree builds with plain kustomize, by construction: what a layer may refer to is kept in its `Scope`.
 */
export interface DiskTree {
  readonly files: Files;
  /** A change that a person makes to one annotation. */
  readonly edit: FileEdit;
}

/** Text of a file that becomes another one. */
export interface FileEdit {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/** How a file is written; what comes of it parses to the same. */
interface Spelling {
  readonly lineEnd: "\n" | "\r\n";
  readonly isEnded: boolean;
  readonly isCommented: boolean;
  /** Depth from which objects are written in flow style; -1 for never. */
  readonly flowLevel: number;
}

interface KustomizationSpelling extends Spelling {
  readonly fileName: string;
  readonly isTyped: boolean;
  readonly hasBases: boolean;
  readonly lists: "block" | "indented" | "flow" | "broken flow";
  readonly isQuoted: boolean;
}

const spelling: fc.Arbitrary<Spelling> = fc.record({
  lineEnd: fc.constantFrom("\n", "\n", "\n", "\n", "\r\n"), isEnded: fc.constantFrom(true, true, true, false), isCommented: fc.boolean(), flowLevel: fc.constantFrom(-1, -1, -1, -1, 1, 2),
});

const kustomizationSpelling: fc.Arbitrary<KustomizationSpelling> = fc.record({
  lineEnd: fc.constantFrom("\n", "\n", "\n", "\r\n"), isEnded: fc.constantFrom(true, true, false), isCommented: fc.boolean(), flowLevel: fc.constant(-1),
  fileName: fc.constantFrom("kustomization.yaml", "kustomization.yaml", "kustomization.yml", "Kustomization"),
  isTyped: fc.constantFrom(true, true, false), hasBases: fc.integer({ min: 0, max: 7 }).map((n) => n === 7), lists: fc.constantFrom("indented", "indented", "block", "flow", "broken flow"), isQuoted: fc.integer({ min: 0, max: 4 }).map((n) => n === 4),
});

/** A Service with its Deployments. */
interface ServicePlan {
  readonly place: "own folder" | "listed files" | "shared file" | "shared folder";
  readonly versions: 1 | 2;
  readonly namespace: string | undefined;
  readonly settings: Settings;
  readonly ofPods: Settings;
  readonly split: "none" | "weights" | "active";
  readonly labels: { readonly [key: string]: string };
  /** Carries an annotation of somebody else's, so that a JSON patch finds the mapping. */
  readonly isNoted: boolean;
  readonly hasSecondPort: boolean;
  readonly isHeadless: boolean;
  readonly file: Spelling;
}

const quiet = fc.constant<Settings>({});
const ownRouting = routing.filter((settings) => !Object.hasOwn(settings, "hosts")); // a host may be named by one Service only

const servicePlan: fc.Arbitrary<ServicePlan> = fc.record({
  place: fc.constantFrom("own folder", "own folder", "listed files", "shared file", "shared folder"),
  versions: fc.constantFrom(1, 1, 2),
  namespace: fc.constantFrom(undefined, undefined, "shop", "pay"),
  settings: fc.oneof(quiet, some(fc.oneof(ownRouting, policies), 3), fc.constantFrom<Settings>({ enabled: "true" }, { profile: "calm" }, { mtls: "STRICT" }, { mtls: "PERMISSIVE", timeout: "2s" })),
  ofPods: fc.oneof({ weight: 3, arbitrary: quiet }, { weight: 1, arbitrary: some(pods, 2) }),
  split: fc.constantFrom("none", "weights", "weights", "active"),
  labels: fc.constantFrom<{ [key: string]: string }>({}, { team: "one" }, { "app.kubernetes.io/part-of": "shop" }),
  isNoted: fc.boolean(), hasSecondPort: fc.constantFrom(false, false, true), isHeadless: fc.integer({ min: 0, max: 9 }).map((n) => n === 9),
  file: spelling,
});

/** A patch of a layer; `pick` chooses among the objects that it fits. */
interface PatchPlan {
  readonly form: (typeof patchForms)[number];
  readonly pick: number;
  readonly settings: Settings;
  readonly mesh: Mapping;
  readonly isInline: boolean;
  readonly file: Spelling;
}

const patchForms = ["annotate", "annotate", "annotate", "json", "json by label", "every Service", "remove", "weights", "delete", "pods", "mesh", "mesh", "mesh by json", "port"] as const;

const patchPlan: fc.Arbitrary<PatchPlan> = fc.record({
  form: fc.constantFrom(...patchForms), pick: fc.nat(50),
  settings: fc.oneof(fc.record({ timeout: duration }), fc.record({ "max-connections": fc.constantFrom("7", "70"), "connect-timeout": duration }), fc.record({ "outlier-consecutive-5xx": fc.constantFrom("3", "9") }), fc.record({ enabled: fc.constantFrom("true", "false") }), fc.record({ timeout: fc.constant("90s"), "retry-attempts": fc.constantFrom("0", "1") })),
  mesh: fc.constantFrom<Mapping>(
    { defaults: { timeout: "45s" } }, { defaults: { maxConnections: 12, connectTimeout: "3s" } }, { mtls: { mode: "PERMISSIVE" } }, { mtls: { mode: "STRICT", scope: "namespace" } }, { mtls: { mode: "STRICT", scope: "none" } },
    { injection: { revision: "canary" } }, { injection: { mode: "ambient" } }, { injection: { mode: "none" } }, { metadata: { labels: { stage: "overlay" } } }, { services: "all" }, { environment: "preview" }, { defaults: { proxyCpu: "200m", proxyMemory: "64Mi" } },
  ),
  isInline: fc.boolean(), file: spelling,
});

/** What a kustomization does to what it lists. */
interface LayerPlan {
  readonly kustomization: KustomizationSpelling;
  readonly namePrefix: string | undefined;
  readonly nameSuffix: string | undefined;
  readonly hasNamespace: boolean;
  readonly labels: "none" | "plain" | "templates" | "selectors" | "common";
  readonly hasCommonAnnotations: boolean;
  readonly patches: readonly PatchPlan[];
  readonly hasReplicas: boolean;
  readonly hasImages: boolean;
}

function layerPlan(maxPatches: number, likely: number): fc.Arbitrary<LayerPlan> {
  const sometimes = fc.integer({ min: 0, max: 99 }).map((n) => n >= 100 - likely);
  return fc.record({
    kustomization: kustomizationSpelling,
    namePrefix: sometimes.map((is) => (is ? "x-" : undefined)), nameSuffix: fc.tuple(sometimes, sometimes).map(([one, two]) => (one && two ? "-y" : undefined)),
    hasNamespace: sometimes, labels: fc.tuple(sometimes, fc.constantFrom("plain" as const, "templates" as const, "selectors" as const, "common" as const)).map(([is, kind]) => (is ? kind : "none")),
    hasCommonAnnotations: sometimes, patches: fc.array(patchPlan, { maxLength: maxPatches }), hasReplicas: sometimes, hasImages: sometimes,
  });
}

interface NamespacePlan {
  readonly settings: Settings;
  readonly labels: { readonly [key: string]: string };
  readonly file: Spelling;
}

const namespacePlan: fc.Arbitrary<NamespacePlan> = fc.record({
  settings: fc.oneof(quiet, fc.constantFrom<Settings>({ inject: "true" }, { revision: "stable" }, { mtls: "PERMISSIVE" }, { timeout: "7s" }, { "dataplane-mode": "ambient" })),
  labels: fc.constantFrom<{ [key: string]: string }>({}, { team: "one" }, { "istio-injection": "disabled" }),
  file: fc.tuple(spelling, fc.constantFrom(-1, -1, 0, 1)).map(([file, flowLevel]) => ({ ...file, flowLevel })),
});

interface OverlayPlan extends LayerPlan {
  /** Over an earlier overlay instead of the base, where there is one. */
  readonly isOverOverlay: boolean;
  readonly usesShared: boolean;
  readonly own: ServicePlan | undefined;
  readonly component: ComponentPlan | undefined;
  readonly ownNamespace: NamespacePlan | undefined;
}

interface ComponentPlan {
  readonly kustomization: KustomizationSpelling;
  readonly service: ServicePlan | undefined;
  readonly patches: readonly PatchPlan[];
}

const rarely = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

const componentPlan: fc.Arbitrary<ComponentPlan> = fc.record({ kustomization: kustomizationSpelling, service: rarely(servicePlan), patches: fc.array(patchPlan, { maxLength: 1 }) });

const overlayPlan: fc.Arbitrary<OverlayPlan> = fc.record({
  layer: layerPlan(3, 35), isOverOverlay: fc.constantFrom(false, false, true), usesShared: fc.boolean(), own: rarely(servicePlan), component: rarely(componentPlan), ownNamespace: rarely(namespacePlan),
}).map(({ layer, ...rest }) => ({ ...layer, ...rest }));

interface TreePlan {
  readonly base: LayerPlan;
  readonly services: readonly ServicePlan[];
  readonly namespaces: readonly NamespacePlan[];
  readonly namespacesPlace: "folder" | "files";
  readonly mesh: { readonly spec: Mapping; readonly place: "file" | "folder"; readonly file: Spelling } | undefined;
  /** A base inside the base, with the services from there on. */
  readonly inner: { readonly layer: LayerPlan; readonly services: readonly ServicePlan[] } | undefined;
  /** A second base beside it, which some overlays list too. */
  readonly second: { readonly layer: LayerPlan; readonly services: readonly ServicePlan[] } | undefined;
  readonly shared: ComponentPlan | undefined;
  readonly overlays: readonly OverlayPlan[];
}

/** `fqdn` is refused where a Service has no namespace; seldom enough that most trees are taken. */
const meshSpec: fc.Arbitrary<Mapping> = fc.tuple(spec, fc.integer({ min: 0, max: 9 })).map(([{ hosts: _, ...own }, n]) => (n === 9 ? { ...own, hosts: "fqdn" } : own));

const further = fc.record({ layer: layerPlan(1, 20), services: fc.array(servicePlan, { minLength: 1, maxLength: 2 }) });

const treePlan: fc.Arbitrary<TreePlan> = fc.record({
  base: layerPlan(1, 15), services: fc.array(servicePlan, { minLength: 1, maxLength: 4 }), namespaces: fc.array(namespacePlan, { maxLength: 2 }), namespacesPlace: fc.constantFrom("folder", "files"),
  mesh: fc.option(fc.record({ spec: meshSpec, place: fc.constantFrom("file" as const, "folder" as const), file: spelling.map((file) => ({ ...file, flowLevel: -1 })) }), { freq: 8, nil: undefined }),
  inner: rarely(further), second: rarely(further), shared: rarely(componentPlan), overlays: fc.array(overlayPlan, { minLength: 1, maxLength: 3 }),
});

/** A Service that a layer can refer to, by the name and namespace that it was written with. */
interface Known {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly isNoted: boolean;
  /** Keys of ours that stand on it. */
  readonly keys: readonly string[];
  readonly versions: readonly string[];
  readonly split: "none" | "weights" | "active";
}

/** What a layer holds below its own changes. */
interface Scope {
  readonly services: readonly Known[];
  /** Deployments, which stay when their Service is deleted. */
  readonly deployments: readonly { readonly name: string; readonly namespace: string | undefined; readonly image: string }[];
  readonly hasMesh: boolean;
  readonly namespaces: number;
}

const nothing: Scope = { services: [], deployments: [], hasMesh: false, namespaces: 0 };

function join(scopes: readonly Scope[]): Scope {
  return {
    services: scopes.flatMap(({ services }) => services), deployments: scopes.flatMap(({ deployments }) => deployments),
    hasMesh: scopes.some(({ hasMesh }) => hasMesh), namespaces: scopes.reduce((sum, { namespaces }) => sum + namespaces, 0),
  };
}

/** Entries of a kustomization: the files that stand below it (by their path from there), what to list, and what that holds. */
interface Part {
  readonly files: Files;
  readonly entries: readonly string[];
  readonly scope: Scope;
}

const baseNames = ["web", "api", "cart", "db-proxy"];
const innerNames = ["inventory", "mail"];
const secondNames = ["search", "a"];


interface Written {
  readonly files: Files;
  readonly scope: Scope;
}

/** A value that nothing else in the tree has. */
const marked = "20s";
const overlayNames = ["dev", "staging", "production"];

function writeTree(plan: TreePlan): DiskTree {
  const own = plan.mesh ? plan : withoutProfiles(plan);
  // The first Service of the base always has something to say, which the edit changes.
  const [first, ...others] = own.services;
  const services = writeServices([{ ...first!, settings: { ...first!.settings, timeout: marked } }, ...others], baseNames);
  const inner = own.inner && writeLayer("base/inner", own.inner.layer, [writeServices(own.inner.services, innerNames)]);
  const base = writeLayer("base", own.base, [...(own.mesh ? [writeMesh(own.mesh)] : []), writeNamespaces(own.namespaces, own.namespacesPlace), services, ...(inner ? [entryOf(inner, "inner")] : [])]);
  const second = own.second && writeLayer("second", own.second.layer, [writeServices(own.second.services, secondNames)]);
  const shared = own.shared && writeComponent("shared", own.shared, base.scope);
  const overlays: Written[] = [];
  const components: Written[] = [];
  for (const [i, overlay] of own.overlays.entries()) {
    const name = overlayNames[i]!;
    const below = overlay.isOverOverlay ? overlays.at(-1) : undefined;
    const parts = [
      ...(below ? [entryOf(below, `../${overlayNames[i - 1]!}`)] : [entryOf(base, "../../base"), ...(second ? [entryOf(second, "../../second")] : [])]),
      ...(overlay.own ? [writeServices([overlay.own], [`own-${name}`])] : []),
      ...(overlay.ownNamespace ? [writeNamespaces([overlay.ownNamespace], "files", `own-${name}`)] : []),
    ];
    const component = overlay.component && writeComponent(`of-${name}`, overlay.component, join(parts.map(({ scope }) => scope)));
    const ofShared = shared && overlay.usesShared && !below ? shared : undefined;
    components.push(...[component, ofShared].filter((each) => each !== undefined));
    overlays.push(writeLayer(`overlays/${name}`, overlay, parts, [...(ofShared ? [entryOf(ofShared, "../../components/shared")] : []), ...(component ? [entryOf(component, `../../components/of-${name}`)] : [])]));
  }
  const written = [base, ...(inner ? [inner] : []), ...(second ? [second] : []), ...components, ...overlays];
  const files: Files = Object.assign({ "README.md": "# A tree\n\nNothing here is a kustomization.\n" }, ...written.map((each) => each.files));
  return { files, edit: { path: Object.keys(files).find((path) => files[path]!.includes(marked))!, from: marked, to: "25s" } };
}

/** Without a ServiceMesh there is no profile to name. */
function withoutProfiles(plan: TreePlan): TreePlan {
  const without = (service: ServicePlan): ServicePlan => {
    const { profile: _, ...settings } = service.settings;
    return { ...service, settings };
  };
  const inPart = <T extends { readonly services: readonly ServicePlan[] }>(part: T | undefined): T | undefined => part && { ...part, services: part.services.map(without) };
  const inComponent = (component: ComponentPlan | undefined): ComponentPlan | undefined => component && { ...component, service: component.service && without(component.service) };
  return {
    ...plan, services: plan.services.map(without), inner: inPart(plan.inner), second: inPart(plan.second), shared: inComponent(plan.shared),
    overlays: plan.overlays.map((overlay) => ({ ...overlay, own: overlay.own && without(overlay.own), component: inComponent(overlay.component) })),
  };
}

/** A directory that another kustomization lists; it is written to the tree on its own. */
function entryOf({ scope }: Written, entry: string): Part {
  return { files: {}, entries: [entry], scope };
}

/** A kustomization with its changes, as far as they fit what it holds. */
function writeLayer(directory: string, plan: LayerPlan, parts: readonly Part[], components: readonly Part[] = []): Written {
  const held = join([...parts, ...components].map(({ scope }) => scope));
  const id = directory.replaceAll("/", "-");
  const { patches, files, scope } = writePatches(plan.patches, held);
  const pairs = { [`layer-${id}`]: "yes" };
  const content: Mapping = {
    // Every Namespace object gets the name that `namespace:` says: with two of them there would be one twice.
    ...(plan.hasNamespace && held.namespaces <= 1 && { namespace: `ns-${id}` }),
    ...(plan.namePrefix && { namePrefix: plan.namePrefix }), ...(plan.nameSuffix && { nameSuffix: plan.nameSuffix }),
    resources: parts.flatMap(({ entries }) => entries),
    ...(components.length > 0 && { components: components.flatMap(({ entries }) => entries) }),
    ...(plan.labels === "common" && { commonLabels: pairs }),
    ...(plan.labels !== "none" && plan.labels !== "common" && { labels: [{ pairs, ...(plan.labels === "templates" && { includeTemplates: true }), ...(plan.labels === "selectors" && { includeSelectors: true }) }] }),
    ...(plan.hasCommonAnnotations && { commonAnnotations: { "example.com/layer": id } }),
    ...(patches.length > 0 && { patches }),
    ...(plan.hasReplicas && scope.deployments.length > 0 && { replicas: scope.deployments.slice(0, 2).map(({ name }) => ({ name, count: 4 })) }),
    ...(plan.hasImages && scope.deployments.length > 0 && { images: scope.deployments.slice(0, 1).map(({ image }) => ({ name: image, newTag: "9.9" })) }),
  };
  const own = { ...Object.assign({}, ...parts.map((part) => part.files)) as Files, ...files, [plan.kustomization.fileName]: writeKustomization(content, plan.kustomization, "Kustomization") };
  return { files: below(directory, own), scope };
}

function writeComponent(name: string, plan: ComponentPlan, held: Scope): Written {
  const part = plan.service ? writeServices([plan.service], [`extra-${name}`]) : undefined;
  // Several overlays may use it, and what they find afterwards must still fit their own patches.
  const { patches, files } = writePatches(plan.patches.filter(({ form }) => form !== "delete" && form !== "remove"), held);
  const content: Mapping = { ...(part && { resources: part.entries }), ...(patches.length > 0 && { patches }), ...(!part && patches.length === 0 && { commonAnnotations: { "example.com/component": name } }) };
  const own = { ...part?.files, ...files, [plan.kustomization.fileName]: writeKustomization(content, { ...plan.kustomization, isTyped: true }, "Component") };
  return { files: below(`components/${name}`, own), scope: part?.scope ?? nothing };
}

function below(directory: string, files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [`${directory}/${path}`, text]));
}

function writeMesh({ spec: own, place, file }: NonNullable<TreePlan["mesh"]>): Part {
  const mesh: KubeObject = { apiVersion: "istiomize.dev/v1alpha1", kind: "ServiceMesh", metadata: { name: "mesh", annotations: localConfig }, spec: own };
  const files = { "istio/mesh.yaml": writeObjects([mesh], file), ...(place === "folder" && { "istio/kustomization.yaml": "resources:\n  - mesh.yaml\n" }) };
  return { files, entries: [place === "folder" ? "istio" : "istio/mesh.yaml"], scope: { ...nothing, hasMesh: true } };
}

/** In the files layout kustomize drops the ServiceMesh at the end of each build. */
const localConfig = { "config.kubernetes.io/local-config": "true" };

function writeNamespaces(plans: readonly NamespacePlan[], place: "folder" | "files", only?: string): Part {
  const names = only === undefined ? ["shop", "pay"] : [only];
  const files = Object.fromEntries(plans.map(({ settings, labels, file }, i) => [`namespaces/${names[i]!}.yaml`, writeObjects([{ apiVersion: "v1", kind: "Namespace", metadata: { name: names[i]!, ...labelled(labels), ...annotated(prefixed(settings)) } }], file)]));
  const scope = { ...nothing, namespaces: plans.length };
  if (plans.length === 0 || place === "files") return { files, entries: Object.keys(files), scope };
  return { files: { ...files, "namespaces/kustomization.yaml": `resources: [${names.slice(0, plans.length).map((name) => `${name}.yaml`).join(", ")}]\n` }, entries: ["namespaces"], scope };
}

/** Services and their Deployments, each where its plan puts it. */
function writeServices(plans: readonly ServicePlan[], names: readonly string[]): Part {
  const written = plans.map((plan, i) => ({ plan, name: names[i]!, objects: objectsOf(names[i]!, plan) }));
  const at = (place: ServicePlan["place"]): typeof written => written.filter(({ plan }) => plan.place === place);
  const files: { [path: string]: string } = {};
  const entries: string[] = [];
  for (const { name, plan, objects } of at("own folder")) {
    files[`services/${name}/service.yaml`] = writeObjects(objects.slice(0, 1), plan.file);
    files[`services/${name}/deployment.yaml`] = writeObjects(objects.slice(1), plan.file);
    files[`services/${name}/kustomization.yaml`] = plan.file.isCommented ? "# of one service\nresources: [deployment.yaml, service.yaml]\n" : "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- service.yaml\n- deployment.yaml\n";
    entries.push(`services/${name}`);
  }
  for (const { name, plan, objects } of at("listed files")) {
    files[`services/${name}/service.yaml`] = writeObjects(objects.slice(0, 1), plan.file);
    files[`services/${name}/deployment.yaml`] = writeObjects(objects.slice(1), plan.file);
    entries.push(`services/${name}/service.yaml`, `services/${name}/deployment.yaml`);
  }
  const together = at("shared file");
  if (together.length > 0) {
    files["apps.yaml"] = writeObjects(together.flatMap(({ objects }) => objects), together[0]!.plan.file);
    entries.push("apps.yaml");
  }
  const flat = at("shared folder");
  for (const { name, plan, objects } of flat) {
    files[`flat/${name}-service.yaml`] = writeObjects(objects.slice(0, 1), plan.file);
    files[`flat/${name}.yaml`] = writeObjects(objects.slice(1), plan.file);
  }
  if (flat.length > 0) {
    files["flat/kustomization.yaml"] = writeKustomization({ resources: flat.flatMap(({ name }) => [`${name}-service.yaml`, `${name}.yaml`]) }, { ...flat[0]!.plan.file, fileName: "", isTyped: false, hasBases: false, lists: "block", isQuoted: false }, "Kustomization");
    entries.push("flat");
  }
  return {
    files, entries,
    scope: {
      ...nothing,
      services: written.map(({ name, plan, objects }): Known => ({
        name, namespace: plan.namespace, isNoted: plan.isNoted, keys: Object.keys(annotationsOf(objects[0]!)).filter((key) => key.startsWith("istiomize.dev/")), versions: versionsOf(plan), split: splitOf(plan),
      })),
      deployments: written.flatMap(({ name, plan }) => versionsOf(plan).map((version) => ({ name: `${name}-${version}`, namespace: plan.namespace, image: name }))),
    },
  };
}

const versionsOf = ({ versions }: ServicePlan): readonly string[] => ["v1", "v2"].slice(0, versions);
const splitOf = ({ versions, split, settings, isHeadless }: ServicePlan): ServicePlan["split"] => (versions === 2 && settings["enabled"] !== "false" && !isHeadless ? split : "none");

function annotationsOf(object: KubeObject): { readonly [key: string]: string } {
  return (object["metadata"] as { readonly annotations?: { readonly [key: string]: string } }).annotations ?? {};
}

function objectsOf(name: string, plan: ServicePlan): readonly KubeObject[] {
  const split = splitOf(plan);
  const settings = { ...plan.settings, ...(split === "weights" && { weights: "v1=75,v2=25" }), ...(split === "active" && { active: "v1" }) };
  const inside = plan.namespace === undefined ? {} : { namespace: plan.namespace };
  const service: KubeObject = {
    apiVersion: "v1", kind: "Service",
    metadata: { name, ...inside, ...labelled({ app: name, ...plan.labels }), ...annotated({ ...(plan.isNoted && { "example.com/owner": "team-a" }), ...prefixed(settings) }) },
    spec: { ...(plan.isHeadless && { clusterIP: "None" }), selector: { app: name }, ports: [{ name: "http", port: 80, targetPort: 8080 }, ...(plan.hasSecondPort ? [{ name: "grpc", port: 9090, targetPort: 9090 }] : [])] },
  };
  return [service, ...versionsOf(plan).map((version): KubeObject => ({
    apiVersion: "apps/v1", kind: "Deployment", metadata: { name: `${name}-${version}`, ...inside, ...annotated(prefixed(plan.ofPods)) },
    spec: {
      replicas: 5, selector: { matchLabels: { app: name, version } },
      template: { metadata: { labels: { app: name, version } }, spec: { containers: [{ name: "app", image: `${name}:1.0`, ports: [{ containerPort: 8080 }] }] } },
    },
  }))];
}

function labelled(labels: { readonly [key: string]: string }): Mapping {
  return Object.keys(labels).length > 0 ? { labels } : {};
}

function annotated(annotations: { readonly [key: string]: string }): Mapping {
  return Object.keys(annotations).length > 0 ? { annotations } : {};
}

interface Patches {
  readonly patches: readonly Mapping[];
  readonly files: Files;
  readonly scope: Scope;
}

/** The patches that fit, in order; each sees what the ones before it left. */
function writePatches(plans: readonly PatchPlan[], held: Scope): Patches {
  let scope = held;
  const patches: Mapping[] = [];
  const files: { [path: string]: string } = {};
  for (const [i, plan] of plans.entries()) {
    const made = makePatch(plan, scope);
    if (!made) continue;
    scope = made.scope;
    const path = `patches/${i}-${plan.form.replaceAll(" ", "-")}.yaml`;
    if (!plan.isInline) files[path] = spell(writeText(made.patch), plan.file);
    patches.push({ ...(plan.isInline ? { patch: writeText(made.patch) } : { path }), ...(made.target && { target: made.target }) });
  }
  return { patches, files, scope };
}

interface Patch {
  readonly patch: unknown;
  readonly target?: Mapping;
  readonly scope: Scope;
}

/** What a patch says, or nothing where no object fits it. */
function makePatch({ form, pick, settings, mesh }: PatchPlan, scope: Scope): Patch | undefined {
  const choose = <T>(from: readonly T[]): T | undefined => from[pick % Math.max(from.length, 1)];
  const changed = (known: Known, change: Partial<Known>): Scope => ({ ...scope, services: scope.services.map((each) => (each === known ? { ...each, ...change } : each)) });
  const withKeys = (known: Known, more: Settings): Scope => changed(known, { keys: [...new Set([...known.keys, ...Object.keys(prefixed(more))])] });
  switch (form) {
    case "annotate": {
      const known = choose(scope.services);
      return known && { patch: ofService(known, { metadata: { annotations: prefixed(settings) } }), scope: withKeys(known, settings) };
    }
    case "json": {
      const known = choose(scope.services.filter(({ isNoted }) => isNoted));
      return known && { patch: addAnnotations(settings), target: { kind: "Service", name: known.name }, scope: withKeys(known, settings) };
    }
    case "json by label": {
      const known = choose(scope.services.filter(({ isNoted }) => isNoted));
      return known && { patch: addAnnotations(settings), target: { kind: "Service", labelSelector: `app=${known.name}` }, scope: withKeys(known, settings) };
    }
    case "every Service":
      if (scope.services.length === 0) return undefined;
      return {
        patch: { apiVersion: "v1", kind: "Service", metadata: { name: "every", annotations: prefixed(settings) } }, target: { kind: "Service" },
        scope: { ...scope, services: scope.services.map((each) => ({ ...each, keys: [...new Set([...each.keys, ...Object.keys(prefixed(settings))])] })) },
      };
    case "remove": {
      const known = choose(scope.services.filter(({ keys }) => keys.some((key) => removable.has(key))));
      const key = known?.keys.find((each) => removable.has(each));
      return known && { patch: ofService(known, { metadata: { annotations: { [key!]: null } } }), scope: changed(known, { keys: known.keys.filter((each) => each !== key) }) };
    }
    case "weights": {
      const known = choose(scope.services.filter(({ split }) => split !== "none"));
      return known && { patch: ofService(known, { metadata: { annotations: prefixed(known.split === "active" ? { active: "v2" } : { weights: "v1=40,v2=60" }) } }), scope };
    }
    case "delete": {
      const known = scope.services.length > 1 ? choose(scope.services) : undefined;
      return known && { patch: { $patch: "delete", ...ofService(known, {}) }, scope: { ...scope, services: scope.services.filter((each) => each !== known) } };
    }
    case "pods": {
      const known = choose(scope.deployments);
      return known && { patch: { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: known.name, ...(known.namespace !== undefined && { namespace: known.namespace }), annotations: prefixed({ "proxy-cpu": "333m" }) } }, scope };
    }
    case "port": {
      const known = choose(scope.services);
      return known && { patch: [{ op: "replace", path: "/spec/ports/0/port", value: 8081 }], target: { version: "v1", kind: "Service", name: known.name }, scope };
    }
    case "mesh":
      return scope.hasMesh ? { patch: { apiVersion: "istiomize.dev/v1alpha1", kind: "ServiceMesh", metadata: { name: "mesh" }, spec: mesh }, scope } : undefined;
    case "mesh by json":
      return scope.hasMesh ? { patch: Object.entries(mesh).map(([key, value]) => ({ op: "add", path: `/spec/${key}`, value })), target: { group: "istiomize.dev", kind: "ServiceMesh" }, scope } : undefined;
  }
}

/** Keys that can go without another one losing what it needs. */
const removable = new Set(Object.keys(prefixed({ timeout: "", "max-connections": "", "load-balancer": "", enabled: "", "export-to": "", mtls: "" })));

function ofService({ name, namespace }: Known, { metadata, ...rest }: { readonly metadata?: Mapping }): Mapping {
  return { apiVersion: "v1", kind: "Service", metadata: { name, ...(namespace !== undefined && { namespace }), ...metadata }, ...rest };
}

function addAnnotations(settings: Settings): readonly Mapping[] {
  return Object.entries(prefixed(settings)).map(([key, value]) => ({ op: "add", path: `/metadata/annotations/${key.replaceAll("/", "~1")}`, value }));
}

function writeText(value: unknown, flowLevel = -1): string {
  return dump(value, { lineWidth: -1, noRefs: true, flowLevel });
}

/** Objects as one file. */
function writeObjects(objects: readonly KubeObject[], file: Spelling): string {
  const text = objects.map((object) => writeText(object, file.flowLevel)).join("---\n");
  return spell(file.isCommented ? `# Written by hand.\n${text.replace(/^(kind: \w+)$/m, "$1  # as people write it")}\n# The end.\n` : text, file);
}

function spell(text: string, { lineEnd, isEnded }: Spelling): string {
  return (isEnded ? text : text.replace(/\n+$/, "")).replaceAll("\n", lineEnd);
}

/** A kustomization in the order of its fields, with lists, quotes and comments as its spelling says. */
function writeKustomization(content: Mapping, style: KustomizationSpelling, kind: "Kustomization" | "Component"): string {
  const split = style.hasBases && kind === "Kustomization" ? withBases(content) : content;
  const typed = style.isTyped ? `apiVersion: kustomize.config.k8s.io/${kind === "Component" ? "v1alpha1" : "v1beta1"}\nkind: ${kind}\n` : "";
  const fields = Object.entries(split).filter(([, value]) => !Array.isArray(value) || value.length > 0);
  const written = fields.map(([field, value], i) => `${style.isCommented && i > 0 ? `\n# ${field} of this layer\n` : ""}${isTextList(value) ? writeList(field, value, style) : writeText({ [field]: value })}`).join("");
  return spell(`${style.isCommented ? "# Read this first.\n" : ""}${typed}${written}${style.isCommented ? "# Nothing below.\n" : ""}`, style);
}

/** Directories under the older name of the field, as far as it has any. */
function withBases(content: Mapping): Mapping {
  const listed = content["resources"];
  if (!isTextList(listed)) return content;
  const isDirectory = (entry: string): boolean => !entry.endsWith(".yaml");
  return { ...content, bases: listed.filter(isDirectory), resources: listed.filter((entry) => !isDirectory(entry)) };
}

function isTextList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

function writeList(field: string, entries: readonly string[], { lists, isQuoted, isCommented }: KustomizationSpelling): string {
  const texts = entries.map((entry, i) => (isQuoted && i % 2 === 0 ? JSON.stringify(entry) : entry));
  if (lists === "flow") return `${field}: [${texts.join(", ")}]\n`;
  if (lists === "broken flow") return `${field}: [\n${texts.map((text) => `  ${text},\n`).join("")}]\n`;
  return `${field}:\n${texts.map((text, i) => `${lists === "indented" ? "  " : ""}- ${text}${isCommented && i === 0 ? " # the first" : ""}\n`).join("")}`;
}

/** Trees that plain kustomize builds; istiomize takes most of them, and refuses some as a whole. */
export const diskTree: fc.Arbitrary<DiskTree> = treePlan.map((plan) => withPrintedFiles(writeTree(plan)));

/** A counterexample is read as files, not as one long line. */
function withPrintedFiles(tree: DiskTree): DiskTree {
  return Object.defineProperty(tree, fc.toStringMethod, { value: () => printFiles(tree.files) });
}

export function printFiles(files: Files): string {
  return Object.entries(files).map(([path, text]) => `\n──── ${path}${text.includes("\r") ? " (CRLF)" : ""}${text.endsWith("\n") ? "" : " (no final newline)"}\n${text.replaceAll("\r", "")}`).join("");
}
