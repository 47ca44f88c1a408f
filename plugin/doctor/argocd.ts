import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import { asList, asMapping, asText, kindOf, mappingAt, nameOf, type Mapping } from "../../generators/kube/object.ts";
import { readParameters } from "../argocd.ts";
import { texts } from "../tree/tree.ts";
import { describeManifest, findPath, isElsewhere, mappings, type Manifest, type RepositoryPath } from "./manifests.ts";
import { modeNames, type TreeMode } from "./modes.ts";
import type { Setting, Setup, Setups } from "./setups.ts";

/** Whether what is built in a cluster gets its mesh there. */
export type Verdict = { readonly state: "fits" } | { readonly state: "unknown"; readonly why: string } | { readonly state: "fails"; readonly diagnostics: readonly Diagnostic[] };

/** What builds a path in a cluster, for the report. */
export interface Deployed {
  readonly name: string;
  readonly path: string;
  readonly mode: string;
  /** Who builds it. */
  readonly builder: string;
  readonly verdict: Verdict;
}

export interface Inspected {
  readonly deployed: readonly Deployed[];
  readonly diagnostics: readonly Diagnostic[];
}

const fits: Verdict = { state: "fits" };
const unknown = (why: string): Verdict => ({ state: "unknown", why });
const fails = (...diagnostics: readonly Diagnostic[]): Verdict => ({ state: "fails", diagnostics });

/** Applications, plugins and settings of Argo CD, and whether they fit together. */
export function inspectArgoCd(root: string, all: Setups, hasMesh: boolean): Inspected {
  const { manifests, setups } = all;
  const sources = manifests.flatMap((manifest) => sourcesOf(manifest).map((source) => ({ ...source, ...(all.isPatched(manifest) && { doubt: "a kustomization patches it" }) })));
  const clashes = sources.filter(({ source }) => asMapping(source["plugin"]) && asMapping(source["kustomize"])).map(({ at }) => diagnose("IZ468", undefined, {}, at("kustomize")));
  const deployed = sources.flatMap((source) => inspectSource(root, source, setups, hasMesh));
  const plugins = new Set([...setups.flatMap((setup) => setup.plugins)].filter(runsIstiomize));
  return {
    deployed,
    diagnostics: [
      ...setups.flatMap(({ settings, data }) => settings.flatMap((setting) => checkSettings(setting, data))), ...[...plugins].flatMap(checkPlugin), ...clashes,
      ...deployed.flatMap(({ verdict }) => (verdict.state === "fails" ? verdict.diagnostics : [])), ...sources.flatMap((source) => checkParameters(source, setups)),
    ],
  };
}

interface Source {
  readonly manifest: Manifest;
  readonly source: Mapping;
  readonly at: Manifest["at"];
  /** Why it may be another one in the cluster. */
  readonly doubt?: string;
}

/** The sources of an Application, or of the template of an ApplicationSet. */
function sourcesOf(manifest: Manifest): readonly Source[] {
  const { object } = manifest;
  if (!(asText(object["apiVersion"]) ?? "").startsWith("argoproj.io/")) return [];
  const path = { Application: ["spec"], ApplicationSet: ["spec", "template", "spec"] }[kindOf(object)];
  if (!path) return [];
  const spec = mappingAt(object, ...path);
  const make = (value: unknown, keys: readonly string[], doubt?: string): readonly Source[] =>
    (asMapping(value) ? [{ manifest, source: asMapping(value)!, at: (...more) => manifest.at(...path, ...keys, ...more), ...(doubt !== undefined && { doubt }) }] : []);
  const patched = "templatePatch" in mappingAt(object, "spec") ? "its templatePatch was not read" : undefined;
  return [
    ...make(spec["source"], ["source"], patched), ...asList(spec["sources"]).flatMap((source) => make(source, ["sources"], patched)),
    ...make(mappingAt(spec, "sourceHydrator")["drySource"], ["sourceHydrator", "drySource"], "the source hydrator builds it"),
  ];
}

function inspectSource(root: string, written: Source, setups: readonly Setup[], hasMesh: boolean): readonly Deployed[] {
  const { manifest, source, at, doubt } = written;
  const [path, url, version] = [asText(source["path"]), asText(source["repoURL"]), asText(mappingAt(source, "kustomize")["version"])];
  if (path === undefined || "chart" in source || url?.startsWith("oci://")) return [];
  const [plugin, kustomize] = [asMapping(source["plugin"]), asMapping(source["kustomize"])];
  const builder = plugin ? `plugin ${asText(plugin["name"]) ?? ""}`.trimEnd() : version !== undefined ? `kustomize ${version}` : "kustomize";
  const isTemplate = [path, url, version, plugin?.["name"]].some((text) => asText(text)?.includes("{{"));
  const isOther = !url?.includes("{{") && isElsewhere(root, url);
  const make = (mode: string, verdict: Verdict): readonly Deployed[] => [{ name: describeManifest(manifest), path, mode, builder, verdict }];
  if (path.includes("{{")) return hasMesh && !isOther ? make("?", unknown("its path is a template")) : [];
  const found = findPath(root, path, texts(kustomize?.["components"]));
  if (!found || found.mode === "none") return [];
  const why = isOther ? `${url} is no remote of this repository` : doubt ?? (isTemplate ? "its source is a template" : undefined);
  if (why !== undefined) return make(modeNames[found.mode], unknown(why));
  if (found.faults.length > 0) return make(modeNames[found.mode], fails(...found.faults));
  if (plugin && kustomize) return make(modeNames[found.mode], fails());
  if (checkParameters(written, setups).length > 0) return make(modeNames[found.mode], fails());
  return make(modeNames[found.mode], plugin ? judgeNamed(at, plugin, found, setups) : judgeNative(at, kustomize, found, setups));
}

/** The same in every Argo CD that is known here, or it depends on which one it is. */
function judgeAll(setups: readonly Setup[], judge: (setup: Setup) => Verdict): Verdict {
  const verdicts = setups.map((setup): Verdict => {
    const verdict = judge(setup);
    return verdict.state === "fails" && setup.open !== undefined ? unknown(setup.open) : verdict;
  });
  const [first] = verdicts;
  if (!first) return unknown("no configuration of Argo CD is here");
  return verdicts.every(({ state }) => state === first.state) ? first : verdicts.find(({ state }) => state === "unknown") ?? unknown("it fits one configuration of Argo CD here and not the other");
}

/** A plugin that an Application names must be one that Argo CD has, and must run istiomize; others may come with the image of a sidecar. */
function judgeNamed(at: Manifest["at"], plugin: Mapping, { mode }: RepositoryPath, setups: readonly Setup[]): Verdict {
  const name = asText(plugin["name"]) ?? "";
  return judgeAll(setups, ({ plugins, off }) => {
    const found = plugins.find((each) => (name === "" ? discovers(each) : nameInSource(each) === name));
    if (found && !runsIstiomize(found)) return unknown("its command does not show istiomize");
    if (found) return mode === "container" ? unknown("a container function needs docker in the sidecar") : fits;
    const known = plugins.map(nameInSource);
    const suggestion = suggest(name, known) ?? known.find((each) => each.startsWith(`${name}-`) && name !== "");
    const component = off.get(name);
    if (suggestion === undefined && component === undefined && (name !== "" || known.length === 0)) return unknown(`no plugin ${name} is here`.replace("  ", " "));
    return fails(diagnose("IZ469", undefined, { what: "plugin", name, known, ...(suggestion !== undefined && { suggestion }), ...(component !== undefined && { component }) }, at("plugin")));
  });
}

function nameInSource({ object }: Manifest): string {
  const version = asText(mappingAt(object, "spec")["version"]);
  return version === undefined ? nameOf(object) : `${nameOf(object)}-${version}`;
}

function discovers({ object }: Manifest): boolean {
  return asMapping(mappingAt(object, "spec")["discover"]) !== undefined;
}

const sidecar = "`plugin: {name: istiomize}` in its source, with the sidecar that `istiomize install --argocd DIR` writes (cmp/)";

/** Modes that native Kustomize builds without a mesh, whatever its options. */
const neverNative: { readonly [M in TreeMode]?: { readonly config: string; readonly fix: string } } = {
  resource: { config: "native Kustomize, which leaves the ServiceMesh in and makes no mesh", fix: `${sidecar}; or files: \`istiomize generate --migrate\`` },
  container: { config: "native Kustomize, and no container runtime in the repo-server", fix: `the ServiceMesh under \`resources:\`, and ${sidecar}` },
};

/** Where the component exec puts the one wrapper of which it is known what it adds. */
const wrapper = "/opt/istiomize-kustomize/kustomize";

/** Native Kustomize: with the options for all, and those of a wrapper that the Application names. */
function judgeNative(at: Manifest["at"], kustomize: Mapping | undefined, { path, mode }: RepositoryPath, setups: readonly Setup[]): Verdict {
  const version = asText(kustomize?.["version"]);
  const discovering = kustomize ? undefined : setups.flatMap(({ plugins }) => plugins).find(discovers);
  if (discovering) return unknown(`the plugin ${nameOf(discovering.object)} may discover it`);
  const refuse = (config: string, fix: string): Verdict => fails(diagnose("IZ466", undefined, { path, mode: modeNames[mode], config, fix }, at("path")));
  const never = neverNative[mode];
  if (never) return refuse(never.config, never.fix);
  if (mode === "files" && version === undefined) return fits;
  return judgeAll(setups, ({ data, setsPluginHome }) => {
    const known = Object.keys(data).flatMap((key) => /^kustomize\.(?:path|version)\.(.+)$/.exec(key)?.[1] ?? []);
    const program = version === undefined ? undefined : data[`kustomize.path.${version}`] ?? data[`kustomize.version.${version}`];
    if (version !== undefined && program === undefined) {
      const suggestion = suggest(version, known);
      return fails(diagnose("IZ469", undefined, { what: "version", name: version, known, ...(suggestion !== undefined && { suggestion }) }, at("kustomize", "version")));
    }
    if (mode === "files") return fits;
    const options = `${data["kustomize.buildOptions"] ?? ""} ${program === wrapper ? "--enable-alpha-plugins --enable-exec" : ""}`;
    const runsPlugins = hasFlag(options, "--enable-alpha-plugins");
    if (runsPlugins && (mode === "plugin" || hasFlag(options, "--enable-exec"))) {
      if (mode === "plugin") return setsPluginHome ? fits : unknown("nothing here sets KUSTOMIZE_PLUGIN_HOME");
      return program === wrapper ? fits : unknown("istiomize must be on PATH there");
    }
    if (program !== undefined) return unknown(`which options ${program} adds is not known`);
    const written = data["kustomize.buildOptions"];
    return refuse(written === undefined ? "no kustomize.buildOptions in argocd-cm" : `kustomize.buildOptions: ${written}`, mode === "plugin"
      ? "`kustomize.buildOptions: --enable-alpha-plugins` in argocd-cm, and the plugin in the repo-server: `istiomize install --argocd DIR` writes both (plugin/)"
      : `\`kustomize: {version: istiomize}\` in its source, with the wrapper that \`istiomize install --argocd DIR\` writes (exec/)${runsPlugins ? "; or take config.kubernetes.io/function out of its ServiceMesh, whose older form these options run" : ""}`);
  });
}

/** What `istiomize render` would say of the parameters, if the plugin is one that runs it. */
function checkParameters({ source, at }: Source, setups: readonly Setup[]): readonly Diagnostic[] {
  const { name, parameters } = mappingAt(source, "plugin");
  const rendering = setups.flatMap(({ plugins }) => plugins).some((each) => nameInSource(each) === name && /istiomize\W+render/.test(commandOf(each)));
  const given = mappings(asList(parameters)).filter((each) => !JSON.stringify(each).includes("{{"));
  const refused = rendering ? readParameters({ ARGOCD_APP_NAME: "doctor", ARGOCD_APP_PARAMETERS: JSON.stringify(given) }) : "";
  return typeof refused === "string" && refused !== "" ? [diagnose("IZ477", undefined, { message: refused.split("; parameters stand")[0]! }, at("plugin", "parameters"))] : [];
}

function hasFlag(options: string, flag: string): boolean {
  return options.split(/\s+/).some((word) => word === flag || word === `${flag}=true`);
}

/** A line that a later one replaces is not in force. */
function checkSettings({ data, at: placeOf }: Setting, merged: Setup["data"]): readonly Diagnostic[] {
  return Object.entries(data).flatMap(([key, value]): readonly Diagnostic[] => {
    if (value === null || merged[key] !== value) return [];
    const version = /^kustomize\.buildOptions\.(.+)$/.exec(key)?.[1];
    const at = placeOf(key);
    if (version !== undefined) return [diagnose("IZ467", undefined, { key, value, version }, at)];
    return key === "kustomize.buildOptions" && /--enable-exec\b(?!=false)/.test(value) ? [diagnose("IZ470", undefined, { options: value }, at)] : [];
  });
}

function commandOf({ object }: Manifest): string {
  return JSON.stringify(mappingAt(object, "spec")["generate"] ?? "");
}

function runsIstiomize(manifest: Manifest): boolean {
  return commandOf(manifest).includes("istiomize");
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
    return diagnose("IZ473", undefined, { key: path === "" ? key : `${path}.${key}`, known, ...(suggestion !== undefined && { suggestion }) }, manifest.at(...path.split(".").filter(Boolean), key));
  }));
  return [...unknown, ...checkDiscover(manifest), ...checkPipe(manifest)];
}

/** A pattern for the file that every kustomization has; one that looks for our API group is meant. */
function checkDiscover(manifest: Manifest): readonly Diagnostic[] {
  const discover = asMapping(mappingAt(manifest.object, "spec")["discover"]);
  const text = JSON.stringify(discover ?? {});
  if (!discover || !/kustomization/i.test(text) || /istiomize|ServiceMesh/.test(text)) return [];
  return [diagnose("IZ471", undefined, { discover: text.replaceAll("\"", "") }, manifest.at("spec", "discover"))];
}

function checkPipe(manifest: Manifest): readonly Diagnostic[] {
  const generate = mappingAt(manifest.object, "spec", "generate");
  const words = [...asList(generate["command"]), ...asList(generate["args"])].filter((word) => typeof word === "string");
  const isShell = words.some((word) => /(^|\/)(ba|da|k|z|a)?sh$/.test(word));
  const script = words.find((word) => /[^|]\|[^|]/.test(word));
  return isShell && script !== undefined && !words.some((word) => word.includes("pipefail")) ? [diagnose("IZ472", undefined, { command: script }, manifest.at("spec", "generate"))] : [];
}
