import { chmodSync, cpSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { loadAll } from "js-yaml";
import { kindOf, stringsAt, type KubeObject, type Mapping } from "../../generators/kube/object.ts";
import { findOnPath, unpackTools } from "../../scripts/tools.ts";
import { bundle, root } from "./cases.ts";
import { run, temporary, writeFiles, type Run } from "./process.ts";

/** A program that builds kustomizations. */
export interface Builder {
  readonly name: string;
  readonly path: string;
  readonly isKubectl: boolean;
}

/** Every standalone kustomize that there is: those of `ISTIOMIZE_KUSTOMIZES`, else the one on PATH. */
export function findKustomizes(): readonly Builder[] {
  const named = process.env["ISTIOMIZE_KUSTOMIZES"]?.split(delimiter).filter(Boolean) ?? [findOnPath("kustomize") ?? ""].filter(Boolean);
  return named.map((path) => ({ name: basename(path), path, isKubectl: false }));
}

/** The kubectl of the npm package, else the one on PATH. */
export function findKubectls(): readonly Builder[] {
  try {
    return [{ name: "the packaged kubectl", path: unpackTools().kubectl, isKubectl: true }];
  } catch {
    const path = findOnPath("kubectl");
    return path ? [{ name: "kubectl", path, isKubectl: true }] : [];
  }
}

/** The packaged helm, else the one on PATH. */
export function findHelm(): string | undefined {
  try {
    return unpackTools().helm;
  } catch {
    return findOnPath("helm");
  }
}

/** How the ServiceMesh of a tree asks to be run: as an executable, as the older kind of plugin, as a container. */
export const forms = {
  exec: "exec: {path: istiomize}",
  older: undefined,
  container: "container: {image: istiomize}",
} as const;
export type Form = keyof typeof forms;

const annotation = /^( +)annotations:\n +config\.kubernetes\.io\/function: \|\n +exec: \{path: istiomize\}\n/m;

/** The same files with every ServiceMesh transformer in another form. */
export function inForm(directory: string, form: Form): void {
  for (const file of filesIn(directory)) {
    const text = readFileSync(join(directory, file), "utf8");
    const written = forms[form];
    const changed = text.replace(annotation, (_, indent: string) => (written === undefined ? "" : `${indent}annotations:\n${indent}  config.kubernetes.io/function: |\n${indent}    ${written}\n`));
    if (changed !== text) writeFileSync(join(directory, file), changed);
  }
}

/** A copy of the example tree in one form. */
export function copyExample(t: TestContext, form: Form): string {
  const directory = temporary(t);
  cpSync(join(root, "gitops"), directory, { recursive: true });
  inForm(directory, form);
  return directory;
}

/** Everything that a caller finds istiomize by: a PATH, a plugin home, and a container runtime that runs it as nobody. */
export interface Installed {
  readonly env: { readonly [name: string]: string };
  /** How the container runtime was called, one line for each time. */
  readonly containerCalls: () => readonly string[];
}

export function install(t: TestContext): Installed {
  const directory = temporary(t, { "bin/docker": fakeDocker(), "calls.txt": "", "home/.keep": "" });
  // nobody may enter neither the temporary directory of another user nor the repository.
  for (const path of [directory, join(directory, "bin")]) chmodSync(path, 0o755);
  cpSync(bundle, join(directory, "bin/istiomize"));
  for (const program of ["bin/docker", "bin/istiomize"]) chmodSync(join(directory, program), 0o755);
  chmodSync(join(directory, "calls.txt"), 0o666);
  writeFiles(directory, { "plugins/istiomize.dev/v1alpha1/servicemesh/.keep": "" });
  symlinkSync(bundle, join(directory, "plugins/istiomize.dev/v1alpha1/servicemesh/ServiceMesh"));
  return {
    env: {
      PATH: [join(directory, "bin"), dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter),
      KUSTOMIZE_PLUGIN_HOME: join(directory, "plugins"), HOME: join(directory, "home"), ISTIOMIZE_TEST_CALLS: join(directory, "calls.txt"),
    },
    containerCalls: () => readFileSync(join(directory, "calls.txt"), "utf8").split("\n").filter(Boolean),
  };
}

/** Runs the program that the image is named after, the last argument, as nobody where this user may do that. */
function fakeDocker(): string {
  return `#!/bin/sh
for image; do :; done
as=
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null && setpriv --reuid=65534 --regid=65534 --clear-groups "$(command -v "$image")" --version > /dev/null 2>&1
then as="setpriv --reuid=65534 --regid=65534 --clear-groups"; fi
echo "\${as:+nobody }$*" >> "$ISTIOMIZE_TEST_CALLS"
exec $as "$(command -v "$image")"
`;
}

/** Builds a directory as a person would, with the flags that the form needs or those given. */
export function build({ path, isKubectl }: Builder, directory: string, { env }: Installed, flags: readonly string[] = isKubectl ? ["--enable-alpha-plugins"] : ["--enable-alpha-plugins", "--enable-exec"]): Run {
  return run(path, [isKubectl ? "kustomize" : "build", ...flags, directory], { env });
}

/** Files below a directory, by their path from there, sorted. */
export function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((path) => statSync(join(directory, path)).isFile()).sort();
}

/** Files of a directory with what is in them. */
export function readFiles(directory: string): { readonly [path: string]: string } {
  return Object.fromEntries(filesIn(directory).map((path) => [path, readFileSync(join(directory, path), "utf8")]));
}

const ours = /^(config\.kubernetes\.io|internal\.config\.kubernetes\.io|kustomize\.config\.k8s\.io)\//;

/** The objects that a cluster would get, by name; what only kustomize, kpt and istiomize read is left out. */
export function objectsOf(text: string): { readonly [name: string]: KubeObject } {
  const objects = loadAll(text).filter((object): object is KubeObject => typeof object === "object" && object !== null);
  return Object.fromEntries(objects.filter((object) => !["ServiceMesh", "Kptfile", "Kustomization"].includes(kindOf(object))).map((object) => {
    const metadata = object["metadata"] as Mapping & { readonly name: string; readonly namespace?: string };
    const { annotations: _, ...rest } = metadata;
    const annotations = Object.entries(stringsAt(metadata, "annotations")).filter(([key]) => !ours.test(key));
    return [`${kindOf(object)} ${metadata.namespace ?? ""}/${metadata.name}`, { ...object, metadata: { ...rest, ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }) } }];
  }));
}

/** The objects of some kinds, for tests that look at what was made. */
export function ofKind(text: string, ...kinds: readonly string[]): readonly KubeObject[] {
  return Object.values(objectsOf(text)).filter((object) => kinds.includes(kindOf(object)));
}
