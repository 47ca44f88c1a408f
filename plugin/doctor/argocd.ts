import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import { asList, asMapping, asText, kindOf, mappingAt, nameOf, stringsAt, type Mapping } from "../../generators/kube/object.ts";
import { describeManifest, findPath, type Manifest, type RepositoryPath } from "./manifests.ts";
import { modeNames } from "./modes.ts";

/** What builds a path in a cluster, for the report. */
export interface Deployed {
  readonly name: string;
  readonly path: string;
  readonly mode: string;
  /** Who builds it. */
  readonly builder: string;
  readonly isMeshed: boolean | undefined;
}

export interface Inspected {
  readonly deployed: readonly Deployed[];
  readonly diagnostics: readonly Diagnostic[];
}

interface Config {
  readonly settings: readonly { readonly manifest: Manifest; readonly data: { readonly [key: string]: string } }[];
  readonly plugins: readonly Manifest[];
}

/** Applications, plugins and settings of Argo CD, and whether they fit together. */
export function inspectArgoCd(root: string, manifests: readonly Manifest[]): Inspected {
  const config: Config = {
    settings: manifests.flatMap((manifest) => settingsOf(manifest.object).map((data) => ({ manifest, data }))),
    plugins: manifests.filter(({ object }) => kindOf(object) === "ConfigManagementPlugin"),
  };
  const applications = manifests.flatMap((manifest) => sourcesOf(manifest.object).map((source) => inspectSource(root, manifest, source, config)));
  return {
    deployed: applications.flatMap(({ deployed }) => deployed),
    diagnostics: [...config.settings.flatMap(({ manifest, data }) => checkSettings(manifest, data)), ...config.plugins.filter(runsIstiomize).flatMap(checkPlugin), ...applications.flatMap(({ diagnostics }) => diagnostics)],
  };
}

/** The entries of argocd-cm: the ConfigMap or a patch of it, or the values of the Helm chart. */
function settingsOf(object: Mapping): readonly { readonly [key: string]: string }[] {
  if (kindOf(object) === "ConfigMap") return nameOf(object) === "argocd-cm" ? [stringsAt(object, "data")] : [];
  return [stringsAt(object, "configs", "cm"), stringsAt(object, "argo-cd", "configs", "cm")].filter((data) => Object.keys(data).length > 0);
}

/** The sources of an Application, or of the template of an ApplicationSet. */
function sourcesOf(object: Mapping): readonly Mapping[] {
  if (!(asText(object["apiVersion"]) ?? "").startsWith("argoproj.io/")) return [];
  const spec = kindOf(object) === "Application" ? mappingAt(object, "spec") : kindOf(object) === "ApplicationSet" ? mappingAt(object, "spec", "template", "spec") : {};
  return [asMapping(spec["source"]), ...asList(spec["sources"]).map(asMapping)].filter((source) => source !== undefined);
}

function inspectSource(root: string, manifest: Manifest, source: Mapping, config: Config): Inspected {
  const written = asText(source["path"]);
  const found = written === undefined || written.includes("{{") ? undefined : findPath(root, written);
  const plugin = asMapping(source["plugin"]);
  const kustomize = asMapping(source["kustomize"]);
  const clash = plugin && kustomize ? [diagnose("IZ468", undefined, {}, manifest.at(/\bkustomize:/))] : [];
  if (!found || found.mode === "none") return { deployed: [], diagnostics: clash };
  const diagnostics = plugin ? checkNamed(manifest, plugin, found, config) : checkNative(manifest, kustomize, found, config);
  const version = asText(kustomize?.["version"]);
  const isKnown = plugin ? config.plugins.length > 0 : config.settings.length > 0 || found.mode === "files" || diagnostics.length > 0;
  const isMeshed = clash.length > 0 || diagnostics.length > 0 ? false : isKnown ? true : undefined;
  const builder = plugin ? `plugin ${asText(plugin["name"]) ?? ""}`.trimEnd() : version !== undefined ? `kustomize ${version}` : "kustomize";
  return { deployed: [{ name: describeManifest(manifest), path: found.path, mode: modeNames[found.mode], builder, isMeshed }], diagnostics: [...clash, ...diagnostics] };
}

/** A plugin that an Application names must be one that Argo CD has; nothing is said where none is in the tree. */
function checkNamed(manifest: Manifest, plugin: Mapping, { mode }: RepositoryPath, { plugins }: Config): readonly Diagnostic[] {
  if (plugins.length === 0 || mode === "files") return [];
  const name = asText(plugin["name"]) ?? "";
  const known = plugins.map(({ object }) => {
    const version = asText(mappingAt(object, "spec")["version"]);
    return version === undefined ? nameOf(object) : `${nameOf(object)}-${version}`;
  });
  if (known.includes(name) || (name === "" && plugins.some(({ object }) => asMapping(mappingAt(object, "spec")["discover"])))) return [];
  const suggestion = suggest(name, known) ?? known.find((each) => each.startsWith(`${name}-`) && name !== "");
  return [diagnose("IZ469", undefined, { what: "plugin", name, known, ...(suggestion !== undefined && { suggestion }) }, manifest.at(/\bplugin:/))];
}

/** Native Kustomize: with the options for all, or with those of a wrapper that the Application names. */
function checkNative(manifest: Manifest, kustomize: Mapping | undefined, { path, mode }: RepositoryPath, { settings }: Config): readonly Diagnostic[] {
  const refuse = (config: string, fix: string): readonly Diagnostic[] => [diagnose("IZ466", undefined, { path, mode: modeNames[mode], config, fix }, manifest.at(/\bpath:/))];
  const sidecar = "`plugin: {name: istiomize}` in its source, with the sidecar that `istiomize install --argocd DIR` writes (cmp/)";
  if (mode === "resource") return refuse("native Kustomize, which leaves the ServiceMesh in and makes no mesh", `${sidecar}; or files: \`istiomize generate --migrate\``);
  if (mode === "container") return refuse("native Kustomize, and no container runtime in the repo-server", sidecar);
  if (mode === "files" || mode === "none" || settings.length === 0) return [];
  const version = asText(kustomize?.["version"]);
  if (version !== undefined) {
    const known = settings.flatMap(({ data }) => Object.keys(data)).flatMap((key) => /^kustomize\.(?:path|version)\.(.+)$/.exec(key)?.[1] ?? []);
    const suggestion = suggest(version, known);
    return known.includes(version) ? [] : [diagnose("IZ469", undefined, { what: "version", name: version, known, ...(suggestion !== undefined && { suggestion }) }, manifest.at(/\bversion:/))];
  }
  const options = [...new Set(settings.flatMap(({ data }) => data["kustomize.buildOptions"] ?? []))];
  const runsPlugins = options.some((line) => hasFlag(line, "--enable-alpha-plugins"));
  if (mode === "plugin" ? runsPlugins : options.some((line) => hasFlag(line, "--enable-alpha-plugins") && hasFlag(line, "--enable-exec"))) return [];
  const config = options.length === 0 ? "no kustomize.buildOptions in argocd-cm" : `kustomize.buildOptions: ${options.join(" or ")}`;
  return refuse(config, mode === "plugin"
    ? "`kustomize.buildOptions: --enable-alpha-plugins` in argocd-cm, and the plugin in the repo-server: `istiomize install --argocd DIR` writes both (plugin/)"
    : `\`kustomize: {version: istiomize}\` in its source, with the wrapper that \`istiomize install --argocd DIR\` writes (exec/)${runsPlugins ? "; or take config.kubernetes.io/function out of its ServiceMesh, whose older form these options run" : ""}`);
}

function hasFlag(options: string, flag: string): boolean {
  return options.split(/\s+/).some((word) => word === flag || word === `${flag}=true`);
}

function checkSettings(manifest: Manifest, data: { readonly [key: string]: string }): readonly Diagnostic[] {
  return Object.entries(data).flatMap(([key, value]): readonly Diagnostic[] => {
    const version = /^kustomize\.buildOptions\.(.+)$/.exec(key)?.[1];
    const at = manifest.at(new RegExp(key.replaceAll(".", "\\.")));
    if (version !== undefined) return [diagnose("IZ467", undefined, { key, value, version }, at)];
    return key === "kustomize.buildOptions" && /--enable-exec\b(?!=false)/.test(value) ? [diagnose("IZ470", undefined, { options: value }, at)] : [];
  });
}

function runsIstiomize({ object }: Manifest): boolean {
  return JSON.stringify(mappingAt(object, "spec")["generate"] ?? "").includes("istiomize") || nameOf(object).includes("istiomize");
}

/** @see https://argo-cd.readthedocs.io/en/stable/operator-manual/config-management-plugins/ */
const pluginKeys: { readonly [path: string]: readonly string[] } = {
  "": ["apiVersion", "kind", "metadata", "spec"],
  spec: ["version", "init", "generate", "discover", "parameters", "preserveFileMode", "provideGitCreds"],
  "spec.init": ["command", "args"],
  "spec.generate": ["command", "args"],
  "spec.discover": ["fileName", "find"],
  "spec.discover.find": ["glob", "command", "args"],
  "spec.parameters": ["static", "dynamic"],
};

function checkPlugin(manifest: Manifest): readonly Diagnostic[] {
  const { object } = manifest;
  const unknown = Object.entries(pluginKeys).flatMap(([path, known]) => Object.keys(mappingAt(object, ...path.split(".").filter(Boolean))).filter((key) => !known.includes(key)).map((key) => {
    const suggestion = suggest(key, known);
    return diagnose("IZ473", undefined, { key: path === "" ? key : `${path}.${key}`, ...(suggestion !== undefined && { suggestion }) }, manifest.at(new RegExp(`^\\s*${key}:`)));
  }));
  return [...unknown, ...checkDiscover(manifest), ...checkPipe(manifest)];
}

/** A pattern for the file that every kustomization has; one that looks for our API group is meant. */
function checkDiscover(manifest: Manifest): readonly Diagnostic[] {
  const discover = asMapping(mappingAt(manifest.object, "spec")["discover"]);
  const text = JSON.stringify(discover ?? {});
  if (!discover || !/kustomization/i.test(text) || /istiomize|ServiceMesh/.test(text)) return [];
  return [diagnose("IZ471", undefined, { discover: text.replaceAll("\"", "") }, manifest.at(/\bdiscover:/))];
}

function checkPipe(manifest: Manifest): readonly Diagnostic[] {
  const generate = mappingAt(manifest.object, "spec", "generate");
  const words = [...asList(generate["command"]), ...asList(generate["args"])].filter((word) => typeof word === "string");
  const isShell = words.some((word) => /(^|\/)(ba|da|k|z|a)?sh$/.test(word));
  const script = words.find((word) => /[^|]\|[^|]/.test(word));
  return isShell && script !== undefined && !script.includes("pipefail") ? [diagnose("IZ472", undefined, { command: script }, manifest.at(/\bgenerate:/))] : [];
}
