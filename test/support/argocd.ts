import { execFile } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";
import type { TestContext } from "node:test";
import { loadAll } from "js-yaml";
import { asList, asMapping, asText, kindOf, mappingAt, nameOf, stringsAt, type KubeObject, type Mapping } from "../../generators/kube/object.ts";
import { writeYaml } from "../../plugin/write-yaml.ts";
import { findOnPath } from "../../scripts/tools.ts";
import { findKustomizes, type Builder } from "./callers.ts";
import { bundle, root } from "./cases.ts";
import { run, temporary, writeFiles, type Files } from "./process.ts";

/** The three ways of gitops/argocd; each is a Component of that name. */
export const modes = ["cmp", "plugin", "exec"] as const;
export type Mode = (typeof modes)[number];

/** Argo CD's own code as a program; nothing where it is not on this machine. */
export function findJudge(): string | undefined {
  return findOnPath("argocd-judge");
}

/** Argo CD as the Components set it up, with what they mount laid out in a directory instead of a pod. */
export interface Installation {
  /** What is `/opt` in the pod: `istiomize/bin`, `istiomize/plugins`. */
  readonly opt: string;
  readonly configMap: string;
  /** plugin.yaml, where the plugin sidecar is switched on. */
  readonly plugin: string;
  /** Variables that the Components set, by container. */
  readonly environments: { readonly [container: string]: { readonly [name: string]: string } };
}

/** The objects of Argo CD's installation with the Components of some modes, built by a kustomize. */
export function buildInstallation(t: TestContext, kustomize: Builder, chosen: readonly string[], more: Mapping = {}): string {
  const directory = temporary(t);
  const from = (path: string): string => relative(directory, join(root, path));
  writeFiles(directory, {
    "kustomization.yaml": writeYaml({ namespace: "argocd", resources: [from("test/argocd/upstream")], components: chosen.map((each) => from(`gitops/argocd/${each}`)), ...more }),
  });
  const { code, stdout, stderr } = run(kustomize.path, [kustomize.isKubectl ? "kustomize" : "build", directory]);
  if (code !== 0) throw new Error(`${kustomize.name} build of ${chosen.join(", ")}: ${stderr}`);
  return stdout;
}

/** Argo CD with the Components of some modes, laid out. */
export function installArgocd(t: TestContext, kustomize: Builder, chosen: readonly Mode[]): Installation {
  return layOut(t, buildInstallation(t, kustomize, chosen));
}

/** Lays out what a built installation mounts, and fills the shared volume as its init container does, with its own arguments. */
export function layOut(t: TestContext, installation: string): Installation {
  const directory = temporary(t);
  const opt = join(directory, "opt");
  mkdirSync(opt);
  const here = (text: string): string => text.replaceAll("/opt/", `${opt}/`);
  const objects = loadAll(installation) as readonly KubeObject[];
  const configMaps = new Map(objects.filter((object) => kindOf(object) === "ConfigMap").map((object) => [nameOf(object), object]));
  const argocdCm = configMaps.get("argocd-cm")!;
  const pod = mappingAt(objects.find((object) => kindOf(object) === "Deployment"), "spec", "template", "spec");
  const [installer] = containersOf(pod, "initContainers").filter((container) => nameIn(container) === "istiomize-install");
  const installed = run(process.execPath, [bundle, ...asList(installer!["args"]).map((word) => here(asText(word)!))], { env: { PATH: "/nowhere" } });
  if (installed.code !== 0) throw new Error(installed.stderr);
  for (const container of containersOf(pod, "containers")) {
    for (const mount of asList(container["volumeMounts"]).map((each) => asMapping(each)!)) {
      const configMap = mappingAt(asList(pod["volumes"]).find((volume) => nameIn(asMapping(volume)!) === mount["name"]), "configMap");
      const source = configMaps.get(nameIn(configMap));
      if (!source) continue;
      for (const [file, text] of Object.entries(stringsAt(source, "data"))) {
        const path = join(directory, asText(mount["mountPath"])!, file);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, here(text));
        chmodSync(path, (configMap["defaultMode"] as number | undefined) ?? 0o644);
      }
    }
  }
  const configMap = join(directory, "argocd-cm.yaml");
  writeFileSync(configMap, here(writeYaml(argocdCm)));
  const environments = Object.fromEntries(containersOf(pod, "containers").map((container) => {
    const variables = asList(container["env"]).map((each) => asMapping(each)!).filter((each) => typeof each["value"] === "string");
    return [nameIn(container), Object.fromEntries(variables.map((each) => [nameIn(each), here(each["value"] as string)]))];
  }));
  return { opt, configMap, plugin: join(directory, "home/argocd/cmp-server/config/plugin.yaml"), environments };
}

/** The containers of one list of a pod. */
export function containersOf(pod: Mapping, list: "containers" | "initContainers"): readonly Mapping[] {
  return asList(pod[list]).map((each) => asMapping(each)!);
}

function nameIn(mapping: Mapping): string {
  return asText(mapping["name"]) ?? "";
}

/** A repository with the example tree, the three kustomizations over its staging overlay, and further files. */
export function makeRepository(t: TestContext, files: Files = {}): string {
  const directory = temporary(t);
  cpSync(join(root, "gitops"), join(directory, "gitops"), { recursive: true });
  cpSync(join(root, "test/argocd/staging"), join(directory, staging), { recursive: true });
  writeFiles(directory, files);
  const { code, stderr } = run("git", ["init", "--quiet", directory]);
  if (code !== 0) throw new Error(stderr);
  return directory;
}

const staging = "test/argocd/staging";

/** What is changed in the kustomization of a mode. */
export interface Variant {
  /** Written at the end of its kustomization.yaml. */
  readonly kustomization?: string;
  /** Entries of its `resources` beside those it has; or instead of them. */
  readonly resources?: readonly string[];
  /** Whether the services of staging are in it. */
  readonly isEmpty?: boolean;
  readonly mesh?: (text: string) => string;
  readonly files?: Files;
}

/** The files of a kustomization like that of a mode, in a directory of its own; gives its path in the repository too. */
export function vary(mode: Mode, name: string, { kustomization = "", resources = [], isEmpty = false, mesh = (text) => text, files = {} }: Variant): { readonly path: string; readonly files: Files } {
  const path = `test/argocd/${name}/${mode}`;
  const read = (file: string): string => readFileSync(join(root, staging, mode, file), "utf8");
  const listed = read("kustomization.yaml").replace("resources:\n", (line) => `${line}${resources.map((each) => `  - ${each}\n`).join("")}`);
  const text = isEmpty ? listed.replace(/ {2}- .*gitops\/.*\n/g, "").replace(/^(resources|components):\n(?! )/gm, "") : listed;
  const all: Files = { "kustomization.yaml": `${text}${kustomization}`, "mesh.yaml": mesh(read("mesh.yaml")), ...files };
  return { path, files: Object.fromEntries(Object.entries(all).map(([file, content]) => [`${path}/${file}`, content])) };
}

/** What came of one render: its objects, or the text that reaches the Application. */
export interface Outcome {
  readonly appDir: string;
  readonly objects: number;
  readonly error?: string;
  readonly condition?: string;
  readonly commands?: readonly string[];
}

export interface Verdict {
  readonly code: number;
  /** The manifests of every folder that was rendered, as YAML. */
  readonly manifests: string;
  /** What the judge said besides. */
  readonly said: string;
  readonly outcomes: readonly Outcome[];
  readonly writtenToHome?: readonly string[];
  readonly leftInTemporary?: readonly string[];
  /** What was changed in the checkout. */
  readonly edits?: string;
  readonly plugins?: readonly { readonly stderr?: string }[];
}

export interface Question {
  /** A plugin sidecar renders, or Argo CD itself. */
  readonly mode: Mode;
  readonly repository: string;
  /** Folders of the repository; each is an Application. */
  readonly folders: readonly string[];
  /** Further options of the judge. */
  readonly options?: readonly string[];
  /** The Application; that of the mode in gitops/argocd/applications unless another one is named. */
  readonly application?: string;
  readonly kustomize?: Builder;
  /** Directories with further programs of the sidecar's image. */
  readonly programs?: readonly string[];
}

/** The example Application of a mode. */
export function applicationOf(mode: Mode): string {
  return readFileSync(join(root, "gitops/argocd/applications", `${mode}.yaml`), "utf8");
}

/** The PATH of Argo CD's image; node is beside it because the executable of the tests is not the self-contained one. */
const imagePath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", dirname(process.execPath)].join(delimiter);

/** Has Argo CD render folders of a repository, set up as the installation says. */
export async function ask(t: TestContext, installation: Installation, { mode, repository, folders, options = [], application = applicationOf(mode), kustomize = findKustomizes().at(-1), programs = [] }: Question): Promise<Verdict> {
  const report = join(temporary(t), "report.json");
  const file = join(temporary(t, { "application.yaml": application }), "application.yaml");
  const { PATH: sidecarPath, HOME: _, ...sidecar } = installation.environments["istiomize"] ?? {}; // the judge has a home of its own, and watches it
  const environment = (flag: string, values: { readonly [name: string]: string }): readonly string[] => Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);
  const native = ["--argocd-cm", installation.configMap, ...environment("--server-env", { PATH: imagePath, ...ownVariables(installation) })];
  const plugin = ["--plugin-config", installation.plugin, ...environment("--sidecar-env", { ...sidecar, PATH: [sidecarPath, ...programs, dirname(process.execPath)].join(delimiter) })];
  const args = [
    mode === "cmp" ? "cmp" : "native", "--repo-root", repository, "--report", report, "--application", file, ...folders.flatMap((folder) => ["--app-dir", join(repository, folder)]),
    ...(mode === "cmp" ? plugin : native), ...(kustomize ? ["--kustomize-binary", kustomize.path] : []), ...options,
  ];
  const { code, stdout, stderr } = await start(findJudge()!, args);
  if (code === 2) throw new Error(`argocd-judge ${args.join(" ")}: ${stderr}`);
  return { ...(JSON.parse(readFileSync(report, "utf8")) as Omit<Verdict, "code" | "manifests" | "said">), code, manifests: stdout, said: stderr };
}

/** The variables of the repo-server that the Components set, without those of Argo CD itself. */
function ownVariables({ environments }: Installation): { readonly [name: string]: string } {
  const { HELM_CACHE_HOME: _, ...own } = environments["argocd-repo-server"] ?? {};
  return own;
}

/** What a sync of these manifests does in a cluster that knows the kinds of Istio: exit code 1 where it is refused. */
export async function checkSync(t: TestContext, manifests: string): Promise<{ readonly code: number; readonly said: string }> {
  const directory = temporary(t, { "manifests.yaml": manifests, "crds.yaml": istioKinds });
  const { code, stdout, stderr } = await start(findJudge()!, ["sync-check", "--crd", join(directory, "crds.yaml"), join(directory, "manifests.yaml")]);
  return { code, said: stdout + stderr };
}

/** The kinds that istiomize writes, as CustomResourceDefinitions: a name and a version is all that is asked of them. */
const istioKinds = [
  ["networking.istio.io", "VirtualService", "virtualservices"], ["networking.istio.io", "DestinationRule", "destinationrules"], ["security.istio.io", "PeerAuthentication", "peerauthentications"],
].map(([group, kind, plural]) => writeYaml({
  apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: { name: `${plural}.${group}` },
  spec: { group, scope: "Namespaced", names: { kind, plural }, versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } } }] },
})).join("---\n");

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end without blocking, so that two judges run side by side. */
function start(program: string, args: readonly string[]): Promise<Ended> {
  return new Promise((done, fail) => {
    const child = execFile(program, [...args], { encoding: "utf8", maxBuffer: 2 ** 30 }, (error, stdout, stderr) => {
      if (error && typeof error.code !== "number") return fail(error);
      done({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}
