/** What is judged: every example overlay as it renders, and what every golden case says comes out. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { dump, load, loadAll } from "js-yaml";
import { bundle, makeBundleFolder, root, toolPath } from "../tools.ts";

/** YAML in a file, by a name that tells people where it came from; `problem` where there is none to judge. */
export interface Stream {
  readonly name: string;
  /** Relative to the folder it was written to, so that what the judges say is the same on every machine. */
  readonly file: string;
  readonly problem?: string;
}

const overlays = join("gitops", "overlays");
const goldens = join("test", "golden");

/** Renders each overlay through `istiomize render`, and those that name the function in each of these kustomizes too. */
export function renderOverlays(kustomizes: readonly string[], folder: string): Stream[] {
  const bundleFolder = makeBundleFolder();
  const path = [bundleFolder, toolPath()].join(delimiter);
  try {
    return readdirSync(join(root, overlays)).sort().map((name) => join(overlays, name)).flatMap((overlay) => [
      render(`${overlay} (render)`, process.execPath, [bundle, "render", overlay], path, folder),
      ...(hasTransformer(overlay) ? kustomizes : []).map((kustomize) =>
        render(`${overlay} (${kustomize.slice(dirname(kustomize).length + 1)})`, kustomize,
          ["build", "--enable-alpha-plugins", "--enable-exec", overlay], path, folder)),
    ]);
  } finally {
    rmSync(bundleFolder, { recursive: true });
  }
}

/** What `scaffold` makes and `generate` writes, built plainly by each of these kustomizes. */
export function buildFiles(kustomizes: readonly string[], folder: string): Stream[] {
  const tree = join(folder, "scaffolded");
  const path = toolPath();
  const commands = [
    ["tree", tree, "--name", "shop", "--service", "web", "--image", "registry.example.com/web:1.0.0", "--port", "8080"],
    ["service", "orders", tree, "--image", "registry.example.com/orders:1.0.0", "--port", "9090", "--protocol", "grpc", "--canary"],
    ["service", "queue", tree, "--image", "registry.example.com/queue:1.0.0", "--port", "5672", "--protocol", "tcp"],
    ["service", "cart", tree, "--like", "web"],
    ["overlay", "preview", tree, "--like", "staging", "--prefix", "p-"],
  ];
  for (const args of commands) {
    const run = spawnSync(process.execPath, [bundle, "scaffold", ...args], { env: { ...process.env, PATH: path }, encoding: "utf8" });
    if (run.status !== 0) return [{ name: `scaffold ${args.join(" ")}`, file: "scaffolded", problem: `exit code ${run.status}: ${run.stderr.trim()}` }];
  }
  const scaffolded = readdirSync(join(tree, "overlays")).sort().map((name) => ({ name: `scaffolded/overlays/${name}`, directory: join(tree, "overlays", name) }));
  return [...scaffolded, { name: join(overlays, "qa"), directory: join(overlays, "qa") }].flatMap(({ name, directory }) =>
    kustomizes.map((kustomize) => render(`${name} (plain ${kustomize.slice(dirname(kustomize).length + 1)})`, kustomize, ["build", directory], path, folder)));
}

function render(name: string, program: string, args: readonly string[], path: string, folder: string): Stream {
  const run = spawnSync(program, args, { cwd: root, env: { ...process.env, PATH: path }, encoding: "utf8", maxBuffer: Infinity });
  const file = writeStream(folder, name, run.stdout ?? "");
  if (run.status !== 0) return { name, file, problem: `could not be rendered (exit code ${run.status}): ${run.error?.message ?? run.stderr.trim()}` };
  return hasContent(run.stdout) ? { name, file } : { name, file, problem: "rendered to nothing" };
}

/** Whether a kustomization runs istiomize itself, from a file of its `transformers:`. */
function hasTransformer(overlay: string): boolean {
  const kustomization = load(readFileSync(join(root, overlay, "kustomization.yaml"), "utf8")) as { transformers?: string[] };
  return (kustomization.transformers ?? []).some((entry) => {
    const file = join(root, overlay, entry);
    return existsSync(file) && readFileSync(file, "utf8").includes("kind: ServiceMesh");
  });
}

/** A case whose output is no work of ours: a file with faults that `lint` looks at, or what a command says about one. */
function isAbout(directory: string): boolean {
  const command = join(directory, "command.txt");
  return existsSync(join(directory, "lint")) || (existsSync(command) && /^(explain|lint)\b/.test(readFileSync(command, "utf8")));
}

/** The `expected/output.yaml` of each golden case that has something in it. */
export function readGoldens(folder: string): Stream[] {
  const ending = join("expected", "output.yaml");
  const files = existsSync(join(root, goldens)) ? readdirSync(join(root, goldens), { recursive: true, encoding: "utf8" }) : [];
  return files.filter((file) => file.endsWith(ending)).sort().flatMap((file) => {
    const name = join(goldens, dirname(dirname(file)));
    if (isAbout(join(root, name))) return [];
    const text = unwrapList(readFileSync(join(root, goldens, file), "utf8"));
    return hasContent(text) ? [{ name, file: writeStream(folder, name, text) }] : [];
  });
}

interface Item {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

/** The objects of a ResourceList as a stream, without those that its caller would never apply; other YAML as it is. */
function unwrapList(text: string): string {
  if (!/^kind: ["']?ResourceList/m.test(text)) return text;
  let lists: { items?: Item[] }[];
  try {
    lists = loadAll(text) as typeof lists;
  } catch {
    return text; // the judges have something to say about that, too
  }
  return lists.flatMap(({ items }) => items ?? [])
    .filter(({ metadata }) => metadata?.annotations?.["config.kubernetes.io/local-config"] !== "true")
    .map((item) => dump(item)).join("---\n");
}

/** Whether there is more than comments and separators: a judge refuses to judge nothing. */
const hasContent = (yaml: string): boolean => /^(?!\s*(#|---|$))/m.test(yaml);

/** Gives the file's path in the folder. */
function writeStream(folder: string, name: string, text: string): string {
  const file = `${name}.yaml`;
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
  return file;
}
