import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { loadAll } from "js-yaml";
import { asList, asMapping, asText, kindOf, mappingAt, nameOf, type Mapping } from "../../generators/kube/object.ts";
import { recordFile } from "../install/argocd.ts";
import { shown } from "../generate/source.ts";
import { isBelow, kustomizationNames, lookAt, texts, type Kustomization } from "../tree/tree.ts";
import { findLine, mappings, readManifests, valuesIn, type Manifest } from "./manifests.ts";
import { readable } from "./program.ts";

/** Entries of argocd-cm, and where they stand; null takes one out. */
export interface Setting {
  readonly data: { readonly [key: string]: string | null };
  readonly at: Manifest["at"];
}

interface Patch {
  readonly at: Manifest["at"];
  /** Objects, or the list of a JSON patch. */
  readonly documents: readonly unknown[];
  readonly target?: Mapping;
}

/** What is known of one Argo CD: all that a kustomization takes in, or one file that no kustomization lists. */
export interface Setup {
  readonly settings: readonly Setting[];
  /** argocd-cm, as it comes out of them. */
  readonly data: { readonly [key: string]: string };
  readonly plugins: readonly Manifest[];
  /** Plugins that `istiomize install` wrote and that this one leaves off, by name: the component to be listed. */
  readonly off: ReadonlyMap<string, string>;
  readonly setsPluginHome: boolean;
  /** Why there may be more of it than was read. */
  readonly open?: string;
}

export interface Setups {
  readonly setups: readonly Setup[];
  /** The objects that are applied, each one once. */
  readonly manifests: readonly Manifest[];
  /** Whether a kustomization changes what such an object builds. */
  readonly isPatched: (manifest: Manifest) => boolean;
  readonly unread: readonly string[];
}

/**
 * What configures Argo CD and Flux: what a kustomization takes in that is built by itself, and files that none lists.
 * The rest is not in force: components that nobody takes, and examples beside what `istiomize install` wrote.
 */
export function readSetups(files: readonly string[], nodes: ReadonlyMap<string, Kustomization>, roots: readonly Kustomization[]): Setups {
  const unread: string[] = [];
  const known = new Map<string, readonly Manifest[]>();
  const read = (file: string): readonly Manifest[] => {
    if (!known.has(file)) {
      const manifests = readManifests(file);
      if (!manifests) unread.push(file);
      known.set(file, manifests ?? []);
    }
    return known.get(file)!;
  };
  const installed = files.filter((file) => file.endsWith(`/${recordFile}`)).map(dirname);
  const listed = new Set([...nodes.values()].flatMap((node) => [...node.patches, ...filesOf(node)]));
  const isName = (file: string): boolean => kustomizationNames.some((name) => file.endsWith(`/${name}`));
  const loose = files.filter((file) => !listed.has(file) && !isName(file) && !installed.some((directory) => isBelow(file, directory))).flatMap(read);
  const built = roots.map((root) => readBuilt(inOrder(root, nodes), installed, read));
  const patches = built.flatMap((each) => each.patches);
  return {
    setups: [...built.filter(({ isArgoCd }) => isArgoCd), ...readLoose(loose, installed.length > 0)],
    manifests: [...new Set([...built.flatMap(({ manifests }) => manifests), ...loose])],
    isPatched: ({ object }) => patches.some((patch) => concerns(patch, object) && /path|plugin|kustomize|repoURL|sourceRef|component|templatePatch/i.test(JSON.stringify(patch.documents))),
    unread,
  };
}

/** Every file that a kustomization names in whatever field, but for its patches. */
function filesOf(node: Kustomization): readonly string[] {
  const named = (value: unknown): readonly string[] => (typeof value === "string" ? [value] : typeof value === "object" && value !== null ? Object.values(value).flatMap(named) : []);
  const files = named(node.content).filter((text) => !text.includes("\n")).map((text) => resolve(node.directory, text.slice(text.indexOf("=") + 1)));
  return files.filter((file) => !node.patches.includes(file) && lookAt(file) === "file");
}

/** A kustomization and all that it takes in, which comes before what it adds itself. */
export function inOrder(root: Kustomization, nodes: ReadonlyMap<string, Kustomization>): readonly Kustomization[] {
  const found = new Set<Kustomization>();
  const visit = (node: Kustomization | undefined, above: readonly Kustomization[]): void => {
    if (!node || found.has(node) || above.includes(node)) return;
    for (const base of node.bases) visit(nodes.get(base), [...above, node]);
    found.add(node);
  };
  visit(root, []);
  return [...found];
}

interface Built extends Setup {
  readonly manifests: readonly Manifest[];
  readonly patches: readonly Patch[];
  readonly isArgoCd: boolean;
}

function readBuilt(order: readonly Kustomization[], installed: readonly string[], read: (file: string) => readonly Manifest[]): Built {
  const parts = order.map((node) => ({ node, manifests: filesOf(node).flatMap(read), patches: patchesOf(node) }));
  const [manifests, patches] = [parts.flatMap((part) => part.manifests), parts.flatMap((part) => part.patches)];
  const settings = parts.flatMap(({ node, ...part }) => [...part.manifests.flatMap(settingsOf), ...generatedBy(node), ...part.patches.flatMap(changedBy)]);
  const plugins = manifests.filter(isPlugin);
  const own = installed.filter((directory) => order.some((node) => isBelow(node.directory, directory)));
  const off = new Map(own.flatMap((directory) => read(resolve(directory, "cmp/plugin.yaml")).filter((manifest) => isPlugin(manifest) && !plugins.includes(manifest)).map(({ object }) => [nameOf(object), shown(resolve(directory, "cmp"))] as const)));
  const remote = order.flatMap((node) => node.remote);
  const foreign = remote.find((url) => !isUpstream(url));
  return {
    manifests, patches, settings, plugins, off, data: merge(settings),
    setsPluginHome: [...manifests.filter(startsServer).map(({ object }) => object), ...patches.map(({ documents }) => documents)].some((each) => JSON.stringify(each).includes("KUSTOMIZE_PLUGIN_HOME")),
    isArgoCd: settings.length > 0 || plugins.length > 0 || own.length > 0 || remote.some(isUpstream),
    ...(foreign !== undefined && { open: `${foreign} was not read` }),
  };
}

/** Values may be completed by further files, as those that `istiomize install` wrote; a ConfigMap is the whole of it. */
function readLoose(manifests: readonly Manifest[], hasInstalled: boolean): readonly Setup[] {
  const plugins = manifests.filter(isPlugin);
  const setsPluginHome = manifests.some((each) => startsServer(each) && JSON.stringify(each.object).includes("KUSTOMIZE_PLUGIN_HOME"));
  const make = (settings: readonly Setting[], isOpen = false): Setup =>
    ({ settings, data: merge(settings), plugins, off: new Map(), setsPluginHome, ...(isOpen && { open: "further Helm values may be given" }) });
  const setups = manifests.map((manifest) => ({ manifest, settings: settingsOf(manifest) })).filter(({ settings }) => settings.length > 0);
  if (setups.length === 0) return plugins.length > 0 ? [{ ...make([]), open: "no argocd-cm is here" }] : [];
  return setups.map(({ manifest, settings }) => make(settings, hasInstalled && !("kind" in manifest.object)));
}

function isUpstream(url: string): boolean {
  return url.includes("argoproj/argo-cd");
}

function isPlugin({ object }: Manifest): boolean {
  return kindOf(object) === "ConfigManagementPlugin";
}

function startsServer({ object }: Manifest): boolean {
  return !["ConfigManagementPlugin", "ConfigMap", "Application", "ApplicationSet"].includes(kindOf(object));
}

function merge(settings: readonly Setting[]): { readonly [key: string]: string } {
  const data = Object.assign({}, ...settings.map((each) => each.data)) as Setting["data"];
  return Object.fromEntries(Object.entries(data).filter((entry): entry is [string, string] => entry[1] !== null));
}

function entriesOf(value: unknown): Setting["data"] {
  return Object.fromEntries(Object.entries(asMapping(value) ?? {}).filter((entry): entry is [string, string | null] => entry[1] === null || typeof entry[1] === "string"));
}

/** argocd-cm itself, the values of a chart, or the object of Argo CD's operator. */
function settingsOf({ object, at }: Manifest): readonly Setting[] {
  if (kindOf(object) === "ConfigMap") return nameOf(object) === "argocd-cm" ? [{ data: entriesOf(object["data"]), at }] : [];
  if (kindOf(object) === "ArgoCD") {
    const { kustomizeBuildOptions: options, extraConfig } = mappingAt(object, "spec");
    return [{ data: { ...entriesOf(extraConfig), ...(asText(options) !== undefined && { "kustomize.buildOptions": asText(options)! }) }, at: (...keys) => at(...keys, "kustomizeBuildOptions") }];
  }
  return valuesIn(object).map((values) => ({ data: entriesOf(mappingAt(values, "configs")["cm"]), at })).filter(({ data }) => Object.keys(data).length > 0);
}

/** argocd-cm as a generator of a kustomization makes or completes it, and the values of a chart that it inflates. */
function generatedBy(node: Kustomization): readonly Setting[] {
  const at = placeIn(node.file, node.text);
  const split = (line: string): readonly [string, string][] => (/^[^#=]+=/.test(line) ? [[line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1).replace(/^(["'])(.*)\1$/, "$2")]] : []);
  const lines = (file: string): readonly string[] => (readable(() => readFileSync(resolve(node.directory, file), "utf8")) ?? "").split("\n");
  const generators = mappings(asList(node.content["configMapGenerator"])).filter((each) => each["name"] === "argocd-cm");
  return [
    ...generators.map((each): Setting => ({
      at, data: Object.fromEntries([
        ...[...texts(each["envs"]), ...texts([each["env"]])].flatMap(lines).flatMap(split),
        ...texts(each["files"]).map((entry) => [entry.includes("=") ? entry.slice(0, entry.indexOf("=")) : entry.split("/").at(-1)!, lines(entry.slice(entry.indexOf("=") + 1)).join("\n").trim()] as const),
        ...texts(each["literals"]).flatMap(split),
      ]),
    })),
    ...asList(node.content["helmCharts"]).flatMap((chart) => settingsOf({ file: node.file, object: mappingAt(chart, "valuesInline"), at })),
  ];
}

function placeIn(file: string, text: string): Manifest["at"] {
  return (...keys) => ({ position: { file: shown(file), line: findLine(text, keys) } });
}

function patchesOf(node: Kustomization): readonly Patch[] {
  const entries = ["patches", "patchesStrategicMerge", "patchesJson6902"].flatMap((field) => asList(node.content[field]));
  return entries.flatMap((entry): readonly Patch[] => {
    const { patch, path, target } = asMapping(entry) ?? {};
    const named = asText(entry) ?? asText(path);
    const file = named === undefined || named.includes("\n") ? undefined : resolve(node.directory, named);
    const text = asText(patch) ?? (file === undefined ? named : readable(() => readFileSync(file, "utf8"))) ?? "";
    try {
      return [{ documents: loadAll(text), at: file === undefined ? placeIn(node.file, node.text) : placeIn(file, text), ...(asMapping(target) && { target: asMapping(target)! }) }];
    } catch {
      return []; // kustomize refuses it
    }
  });
}

/** Whether a patch is one of an object of this kind and name. */
function concerns({ documents, target }: Patch, object: Mapping): boolean {
  if (!target) return documents.some((document) => isSame(document, object));
  const fits = (pattern: unknown, text: string): boolean => asText(pattern) === undefined || patternOf(asText(pattern)!).test(text);
  return fits(target["kind"], kindOf(object)) && fits(target["name"], nameOf(object));
}

function isSame(document: unknown, object: Mapping): boolean {
  return kindOf(asMapping(document) ?? {}) === kindOf(object) && nameOf(asMapping(document) ?? {}) === nameOf(object);
}

function patternOf(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`);
  } catch {
    return /^/; // a pattern of Go alone: it may be meant
  }
}

const argocdCm = { kind: "ConfigMap", metadata: { name: "argocd-cm" } };

/** What a patch changes in argocd-cm. */
function changedBy(patch: Patch): readonly Setting[] {
  if (!concerns(patch, argocdCm)) return [];
  const changes = patch.documents.filter((document) => patch.target || isSame(document, argocdCm)).flatMap((document) => (Array.isArray(document) ? document.map(operationOf) : [entriesOf(asMapping(document)?.["data"])]));
  return changes.filter((data) => Object.keys(data).length > 0).map((data) => ({ data, at: patch.at }));
}

/** @see https://datatracker.ietf.org/doc/html/rfc6902 */
function operationOf(operation: unknown): Setting["data"] {
  const { op, path, value } = asMapping(operation) ?? {};
  if (path === "/data") return entriesOf(value);
  const key = /^\/data\/(.+)$/.exec(asText(path) ?? "")?.[1]?.replaceAll("~1", "/").replaceAll("~0", "~");
  return key === undefined ? {} : op === "remove" ? { [key]: null } : asText(value) !== undefined ? { [key]: asText(value)! } : {};
}
