import { basename, dirname, join, relative, resolve } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import { asList, asMapping, asText, compareText, kindOf, mappingAt, namespaceOf, stringsAt, type KubeObject } from "../../generators/kube/object.ts";
import { isBelow, type Kustomization } from "../tree/tree.ts";
import type { FileChange } from "../write/change.ts";
import { beginDraft, type Draft } from "./draft.ts";
import { addPaths, readEntries, type Entry } from "./entries.ts";
import { copyService } from "./like-service.ts";
import { checkLabel, checkServiceName, type Image } from "./names.ts";
import { concerns, repeatEntries } from "./overlay-entries.ts";
import type { Rename } from "./rename.ts";
import { ownConventions, writeServiceFiles, type Annotation, type Conventions, type ServiceProtocol } from "./service-files.ts";
import { containersOf, describeTaken, findBases, findOverlays, findTaken, hasDefaults, inheritsTimeout, lineOf, namersOf, positionOf, profilesOf, workloadsOf, type ServiceHome, type Survey } from "./survey.ts";

/** What is asked for; what is not is read from the tree. */
export interface ServiceRequest {
  readonly name: string;
  readonly port?: number;
  readonly protocol?: ServiceProtocol;
  readonly image?: Image;
  readonly profiles: readonly string[];
  readonly like?: string;
  readonly isCanary: boolean;
  readonly namespace?: string;
  /** The directory of the kustomization that the service is registered in. */
  readonly base?: string;
}

/** What would be written, and what is worth saying about it; nothing is written where there are diagnostics. */
export interface Plan {
  readonly changes: readonly FileChange[];
  readonly diagnostics: readonly Diagnostic[];
  readonly notes: readonly string[];
}

/** The files of a new service, and the entries in every kustomization that speaks of each service. */
export function planService(survey: Survey, request: ServiceRequest): Plan {
  const wrong = checkRequest(survey, request);
  if (wrong.length > 0) return { changes: [], diagnostics: wrong, notes: [] };
  const draft = beginDraft(survey);
  const like = request.like === undefined ? undefined : survey.services.find(({ name }) => name === request.like)!;
  const notes = like
    ? copyService(draft, survey, { name: request.name, like, port: request.port, image: request.image, profiles: request.profiles, isCanary: request.isCanary, namespace: request.namespace })
    : writeNew(draft, survey, request);
  return draft.diagnostics.length > 0 ? { changes: [], diagnostics: draft.diagnostics, notes: [] } : { changes: draft.changes(), diagnostics: [], notes };
}

/** The options that only a person can answer: without a service to copy nothing says what runs, and on which port. */
export function missingAnswers({ port, image, like }: Pick<ServiceRequest, "port" | "image" | "like">): readonly ("port" | "image")[] {
  return like !== undefined ? [] : [...(image === undefined ? ["image" as const] : []), ...(port === undefined ? ["port" as const] : [])];
}

/** What stands against the name of a new service: Kubernetes refuses it, or something has it already. */
export function checkNewName(survey: Survey, name: string, isCanary: boolean): readonly Diagnostic[] {
  const refused = checkServiceName(name, isCanary);
  if (refused.length > 0) return refused;
  return [name, ...(isCanary ? [`${name}-canary`] : [])].flatMap((each) => {
    const found = findTaken(each, survey);
    return found ? [diagnose("IZ431", undefined, { name: each, by: describeTaken(found) }, { position: positionOf(found.file, lineOf(found, survey)) })] : [];
  });
}

function checkRequest(survey: Survey, { name, profiles, like, isCanary, namespace }: ServiceRequest): readonly Diagnostic[] {
  const profilesKnown = profilesOf(survey);
  const unknown = profiles.filter((each) => !profilesKnown.includes(each)).map((each) => diagnose("IZ116", undefined, { name: each, known: profilesKnown, suggestion: suggest(each, profilesKnown) }));
  const known = survey.services.map((each) => each.name).sort(compareText);
  const likes = like !== undefined && !known.includes(like) ? [diagnose("IZ435", undefined, { name: like, what: "service", known, suggestion: suggest(like, known) })] : [];
  return [...checkNewName(survey, name, isCanary), ...unknown, ...likes, ...(namespace === undefined ? [] : checkLabel(namespace, "namespace"))];
}

/** Where a new service goes: the directory that it gets, and the kustomization that lists it. */
interface Home {
  /** Undefined where every overlay lists each service: there is no base that holds them all. */
  readonly registrar: Kustomization | undefined;
  readonly folder: string;
  /** Whether services stand in directories of their own, with a kustomization or without, or as files beside each other. */
  readonly shape: "directory" | "plain-directory" | "files";
  readonly siblings: readonly ServiceHome[];
}

function writeNew(draft: Draft, survey: Survey, request: ServiceRequest): readonly string[] {
  const home = findHome(survey, request);
  if ("code" in home) {
    draft.report(home);
    return [];
  }
  const { name, port, image, profiles, isCanary } = request;
  const protocol = request.protocol ?? "http";
  const conventions = { ...readConventions(survey, home, name), ...(isCanary && { version: "stable" }), ...(request.namespace !== undefined && { namespace: request.namespace }) };
  const directory = home.shape === "files" ? home.folder : join(home.folder, name);
  if (home.shape !== "files" && survey.files.some((file) => isBelow(file, directory))) {
    draft.report(diagnose("IZ431", undefined, { name, by: "a directory" }, { position: positionOf(directory) }));
    return [];
  }
  const annotations = chooseAnnotations(survey, protocol, profiles, isCanary);
  const written = fileConventions(conventions, home, name);
  const { [conventions.kustomizationFile]: kustomization, ...files } = writeServiceFiles({ name, port: port!, protocol, image: image!.text, annotations, isCanary }, written);
  for (const [file, text] of Object.entries(files)) draft.create(join(directory, file), text);
  if (home.shape === "directory") draft.create(join(directory, conventions.kustomizationFile), kustomization!);
  const paths = home.shape === "directory" ? [directory] : Object.keys(files).map((file) => join(directory, file));
  if (home.registrar) draft.edit(home.registrar.file, addPaths(draft.read(home.registrar.file)!, "resources", paths.map((path) => relative(home.registrar!.directory, path).replaceAll("\\", "/"))));
  registerInOverlays(draft, survey, home, request);
  return protocol === "http" && !home.siblings.some((each) => healthPathOf(survey, each) !== undefined)
    ? [`probes ask for ${conventions.healthPath}: change them in ${relative(process.cwd(), join(directory, written.fileOf("deployment")))} if it answers elsewhere`]
    : protocol === "grpc" ? ["probes ask the standard gRPC health service (grpc.health.v1.Health) on its port"] : [];
}

/** Files beside those of others have the name in front. */
function fileConventions(conventions: Conventions, { shape }: Home, name: string): Conventions {
  if (shape !== "files") return conventions;
  return { ...conventions, fileOf: (kind) => (conventions.fileOf(kind).includes(name) ? conventions.fileOf(kind) : `${name}-${conventions.fileOf(kind)}`) };
}

function findHome(survey: Survey, request: ServiceRequest): Home | Diagnostic {
  const bases = findBases(survey);
  const base = request.base === undefined ? undefined : findNamed(request.base, survey);
  if (request.base !== undefined && !base) return diagnose("IZ433", undefined, { named: request.base, found: bases.map(({ directory }) => positionOf(directory).file) });
  const isIn = (service: ServiceHome, at: Kustomization): boolean => service.registrar !== undefined && isBuiltBy(service.registrar.directory, at, survey);
  const registered = survey.homes.filter(({ registrar }) => registrar !== undefined && !findOverlays(survey).includes(registrar));
  const apart = survey.homes.filter(({ registrar, unit }) => registrar === undefined && unit !== undefined);
  const beside = apart.length > 0 && !base ? homeBeside(apart, survey) : undefined;
  const holding = (base ? [base] : bases).filter((each) => base !== undefined || (registered.some((service) => isIn(service, each)) && dirname(each.directory) !== beside?.folder));
  if (holding.length === 0 && beside) return beside;
  if (!base && holding.length === 0 && apart.length > 0) return diagnose("IZ440", undefined, { services: [...new Set(apart.map(({ name }) => name))].sort(compareText) });
  const candidates = holding.length > 0 ? holding : bases;
  if (candidates.length === 0) return diagnose("IZ433", undefined, { found: findOverlays(survey).map(({ directory }) => positionOf(directory).file) });
  if (candidates.length > 1) return diagnose("IZ434", undefined, { bases: candidates.map(({ directory }) => positionOf(directory).file), like: survey.services.find(({ name }) => registered.filter((each) => each.name === name).length === 1)?.name });
  return homeIn(candidates[0]!, registered.filter((service) => isIn(service, candidates[0]!)), survey);
}

/** The kustomization of a directory that was typed from where people stand, or from the tree. */
function findNamed(directory: string, { root, kustomizations }: Survey): Kustomization | undefined {
  return [resolve(directory), resolve(root, directory)].flatMap((path) => kustomizations.find((each) => each.directory === path) ?? [])[0];
}

/** Beside services that have no base in common but stand in one folder, and that some overlay lists one by one. */
function homeBeside(services: readonly ServiceHome[], { kustomizations }: Survey): Home | undefined {
  const isOneFolder = services.every(({ unit, holder, folder }) => unit === holder.directory && folder === services[0]!.folder);
  const isListed = kustomizations.some(({ bases }) => services.every(({ unit }) => bases.includes(unit!)));
  return isOneFolder && isListed ? { registrar: undefined, folder: services[0]!.folder, shape: "directory", siblings: services } : undefined;
}

/** Whether a kustomization is another one or what that builds, bases of bases included; `above` are those that led here, which may be in a circle. */
function isBuiltBy(directory: string, by: Kustomization, survey: Survey, above: readonly Kustomization[] = []): boolean {
  if (by.directory === directory) return true;
  if (above.includes(by)) return false;
  return by.bases.some((base) => {
    const inner = survey.kustomizations.find((each) => each.directory === base);
    return inner !== undefined && isBuiltBy(directory, inner, survey, [...above, by]);
  });
}

/** Beside most of the services of a base; in one without any, below `services/`. */
function homeIn(base: Kustomization, services: readonly ServiceHome[], survey: Survey): Home {
  const folders = [...new Set(services.map(({ folder }) => folder))].map((folder) => services.filter((each) => each.folder === folder));
  const siblings = folders.sort((a, b) => b.length - a.length || compareText(a[0]!.folder, b[0]!.folder))[0];
  if (!siblings) {
    const below = survey.kustomizations.find(({ directory }) => directory === join(base.directory, "services"));
    return { registrar: below ?? base, folder: join(base.directory, "services"), shape: "directory", siblings: [] };
  }
  const first = siblings[0]!;
  const registrar = first.registrar!;
  if (first.unit !== undefined) return { registrar, folder: first.folder, siblings, shape: first.unit === first.holder.directory ? "directory" : "plain-directory" };
  const isNamed = basename(first.file).includes(first.name) || siblings.length > 1;
  return isNamed ? { registrar, folder: first.folder, siblings, shape: "files" } : { registrar, folder: first.folder, siblings, shape: "directory" };
}

// ---- what the others do

function readConventions(survey: Survey, { siblings, registrar }: Home, name: string): Conventions {
  const selectors = siblings.map(({ object }) => stringsAt(object, "spec", "selector"));
  const templates = siblings.flatMap(({ object }) => workloadsOf(object, survey.objects)).map(({ object }) => stringsAt(object, "spec", "template", "metadata", "labels"));
  const isEverywhere = (key: string): boolean => selectors.length > 0 && selectors.every((selector) => selector[key] !== undefined);
  const nameLabel = ["app", "app.kubernetes.io/name", "k8s-app", "name"].find(isEverywhere) ?? ownConventions.nameLabel;
  const namespaces = new Set(siblings.map(({ object }) => namespaceOf(object)));
  const namespace = namespaces.size === 1 ? [...namespaces][0]! : "";
  return {
    nameLabel,
    version: mostCommon(templates.flatMap((labels) => labels["version"] ?? [])) ?? ownConventions.version,
    hasAppProtocol: siblings.length === 0 ? ownConventions.hasAppProtocol : siblings.some(({ object }) => asList(mappingAt(object, "spec")["ports"]).some((port) => asMapping(port)?.["appProtocol"] !== undefined)),
    namespace: namespace === "" ? undefined : namespace,
    healthPath: mostCommon(siblings.flatMap((each) => healthPathOf(survey, each) ?? [])) ?? ownConventions.healthPath,
    fileOf: readFileNames(survey, siblings, name),
    kustomizationFile: basename(siblings.find(({ unit, holder }) => unit === holder.directory)?.holder.file ?? registrar?.file ?? ownConventions.kustomizationFile),
  };
}

function mostCommon(values: readonly string[]): string | undefined {
  const counts = [...new Set(values)].map((value) => ({ value, count: values.filter((each) => each === value).length }));
  return counts.sort((a, b) => b.count - a.count || compareText(a.value, b.value))[0]?.value;
}

function healthPathOf(survey: Survey, { object }: ServiceHome): string | undefined {
  const containers = workloadsOf(object, survey.objects).flatMap((each) => containersOf(each.object));
  return containers.map((container) => asText(mappingAt(container, "readinessProbe", "httpGet")["path"])).find((path) => path !== undefined);
}

/** File names as most of the others have them, the service's own name in its place: `deployment.yaml`, `web-deployment.yaml`. */
function readFileNames(survey: Survey, siblings: readonly ServiceHome[], newName: string): Conventions["fileOf"] {
  const namesOf = (isKind: (object: KubeObject) => boolean): string | undefined => mostCommon(siblings.flatMap(({ name, unit }) => {
    const files = survey.objects.filter(({ file, object }) => unit !== undefined && isBelow(file, unit) && isKind(object)).map(({ file }) => basename(file));
    return files.slice(0, 1).map((file) => (file.includes(name) ? file.replace(name, "{name}") : file));
  }));
  const inTree = {
    deployment: namesOf((object) => kindOf(object) === "Deployment"),
    service: namesOf((object) => kindOf(object) === "Service"),
    serviceaccount: namesOf((object) => kindOf(object) === "ServiceAccount"),
  };
  const written = Object.values(inTree).filter((file) => file !== undefined);
  const isOnePerKind = new Set(written).size === written.length;
  const fileOf = (kind: keyof typeof inTree): string => ((isOnePerKind ? inTree[kind] : undefined) ?? ownConventions.fileOf(kind)).replace("{name}", newName);
  return (kind) => (kind === "canary" ? fileOf("deployment").replace(/(\.ya?ml)$/, "-canary$1") : fileOf(kind));
}

function chooseAnnotations(survey: Survey, protocol: ServiceProtocol, profiles: readonly string[], isCanary: boolean): readonly Annotation[] {
  const own: readonly Annotation[] = profiles.length > 0 ? [{ name: "profile", value: profiles.join(",") }]
    : hasDefaults(survey) ? [{ name: "enabled", value: "true" }] : settingsOf[protocol];
  const streams: readonly Annotation[] = protocol === "grpc" && profiles.length === 0 && inheritsTimeout(survey)
    ? [{ name: "timeout", value: "none", comment: "Calls may stream, and timeouts cover the whole of one. Remove both where every call is unary." }, { name: "retry-per-try-timeout", value: "none" }] : [];
  const canary: readonly Annotation[] = isCanary ? [{ name: "weights", value: "stable=100,canary=0", comment: "The `version` labels of the two Deployments behind this Service." }] : [];
  return [...own, ...streams, ...canary];
}

const retries: readonly Annotation[] = [
  { name: "retry-attempts", value: "2" },
  { name: "retry-on", value: "connect-failure,refused-stream,unavailable,cancelled", comment: "No 5xx and no reset: they send again what a service may already have done." },
];

/** What a Service says for itself in a tree whose ServiceMesh hands nothing down. */
const settingsOf: { readonly [P in ServiceProtocol]: readonly Annotation[] } = {
  http: [{ name: "timeout", value: "15s", comment: "(1 + 2) tries x 5s fit in 15s." }, { name: "retry-per-try-timeout", value: "5s" }, ...retries],
  grpc: retries,
  tcp: [{ name: "connect-timeout", value: "5s" }, { name: "max-connections", value: "100" }],
};

// ---- overlays

/** Where every other service has an entry of its own in a list of a kustomization, the new one gets one too. */
function registerInOverlays(draft: Draft, survey: Survey, { siblings, registrar }: Home, { name, image }: ServiceRequest): void {
  if (siblings.length === 0) return;
  const others = survey.services.map((each) => each.name);
  for (const kustomization of survey.kustomizations) {
    if (siblings.some(({ unit }) => unit !== undefined && isBelow(kustomization.directory, unit)) || !isAbout(kustomization, siblings, survey)) continue;
    const entries = readEntries(kustomization.text).filter(({ field }) => !(kustomization.directory === registrar?.directory && field === "resources"));
    for (const field of new Set(entries.map((entry) => entry.field))) {
      const bySibling = siblings.map((sibling) => ({ sibling, entries: entries.filter((entry) => entry.field === field && isFor(entry, sibling, siblings, others)) }));
      if (bySibling.some((each) => each.entries.length === 0)) continue;
      const [model] = [...bySibling].sort((a, b) => sizeOf(a.entries) - sizeOf(b.entries) || compareText(a.sibling.name, b.sibling.name));
      const rename: Rename = { pairs: [[model!.sibling.name, name]], others: others.filter((each) => each !== model!.sibling.name) };
      if (field === "images" && (!image || (image.tag === undefined && image.digest === undefined))) continue;
      repeatEntries(draft, survey, kustomization, model!.entries.slice(0, 1), { copy: { rename }, image });
    }
  }
}

/** Whether a kustomization builds these services; one that builds none, such as a component, is about those of what names it. */
function isAbout(kustomization: Kustomization, siblings: readonly ServiceHome[], survey: Survey, below: readonly Kustomization[] = []): boolean {
  const isBuilt = ({ holder }: ServiceHome): boolean => isBuiltBy(holder.directory, kustomization, survey);
  if (survey.homes.some(isBuilt)) return siblings.some(isBuilt);
  const namers = namersOf(kustomization.directory, survey.kustomizations);
  return namers.length === 0 || namers.some((each) => !below.includes(each) && isAbout(each, siblings, survey, [...below, kustomization]));
}

/** Whether an entry is about one service and no other. */
function isFor(entry: Entry, { name }: ServiceHome, siblings: readonly ServiceHome[], others: readonly string[]): boolean {
  const names = (each: string): boolean => concerns(entry, { pairs: [[each, "\u0000"]], others: others.filter((other) => other !== each) });
  return names(name) && !siblings.some((other) => other.name !== name && names(other.name));
}

/** The model is what says least of its own: the lowest number of replicas, the shortest entry. */
function sizeOf(entries: readonly Entry[]): number {
  const count = asMapping(entries[0]?.value)?.["count"];
  return typeof count === "number" ? count : (entries[0]?.text.length ?? 0);
}

