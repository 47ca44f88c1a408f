import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, symlinkSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { findOnPath } from "../../scripts/tools.ts";
import { root } from "./cases.ts";
import { run, type Run, type RunOptions } from "./process.ts";

/** One line of a Dockerfile, those that it goes on to included. */
export interface Instruction {
  readonly word: string;
  readonly rest: string;
}

/** What stands between two FROM lines. */
export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  /** The variables before the first stage, with their defaults. */
  readonly variables: { readonly [name: string]: string };
  readonly stages: readonly Stage[];
}

export function readDockerfile(text: string): Dockerfile {
  const lines = text.replace(/^[ \t]*#.*\n/gm, "").replace(/\\\n/g, " ").split("\n").map((line) => line.trim()).filter(Boolean);
  const variables: { [name: string]: string } = {};
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, word = "", rest = ""] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    const from = /^(\S+) AS (\S+)$/.exec(rest);
    if (word === "FROM" && from) stages.push({ base: from[1]!, name: from[2]!, instructions: [] });
    else if (word === "ARG" && stages.length === 0) variables[rest.split("=")[0]!] = rest.slice(rest.indexOf("=") + 1);
    else if (stages.length > 0 && word !== "" && word !== "FROM") stages.at(-1)!.instructions.push({ word, rest });
    else throw new Error(`Dockerfile: ${line}`);
  }
  return { variables, stages };
}

/** The stage of this name. */
export function stageOf({ stages }: Dockerfile, name: string): Stage {
  const stage = stages.find((each) => each.name === name);
  if (!stage) throw new Error(`Dockerfile: no stage ${name}`);
  return stage;
}

/** What the instructions of this word say. */
export function restOf({ instructions }: Stage, word: string): readonly string[] {
  return instructions.filter((each) => each.word === word).map(({ rest }) => rest);
}

/** Something that runs like a container of the image: read-only, without a network, as any user. */
export interface Image {
  readonly how: string;
  run(args: readonly string[], options: RunOptions & { readonly user: string; readonly volume?: string }): Run;
}

/** Where a volume is mounted, as in the init container of gitops/argocd. */
const mountPoint = "/opt/istiomize";

/** The image itself where a Docker daemon answers; else the same files in a directory that is the root of a process. */
export function makeImage(directory: string): Image {
  return spawnSync("docker", ["info"], { timeout: 20_000, stdio: "ignore" }).status === 0 ? buildImage() : layOut(directory);
}

function buildImage(): Image {
  const tag = "istiomize-test";
  const built = run("docker", ["build", "--tag", tag, root]);
  if (built.code !== 0) throw new Error(`docker build: ${built.stderr}`);
  return {
    how: "docker",
    run: (args, { user, volume, env, ...options }) => run("docker", [
      "run", "--rm", "-i", "--network", "none", "--read-only", "--security-opt=no-new-privileges", "--cap-drop=ALL", "--user", user,
      ...Object.entries(env ?? {}).map(([name, value]) => `--env=${name}=${value}`), ...(volume === undefined ? [] : [`--volume=${volume}:${mountPoint}`]), tag, ...args,
    ], options),
  };
}

/** Carries the Dockerfile out by hand: each stage a directory, each instruction as docker would; one that is not known here is an error. */
function layOut(directory: string): Image {
  const dockerfile = readDockerfile(readFileSync(join(root, "Dockerfile"), "utf8"));
  const source = join(directory, "build");
  build(stageOf(dockerfile, "build"), source);
  const image = join(directory, "image");
  layBase(dockerfile.variables["BASE_IMAGE"] ?? "", image, join(source, "src/dist/istiomize"));
  const entrypoint = layStage(dockerfile.stages.at(-1)!, source, image);
  layStage(stageOf(dockerfile, "cmp"), source, join(directory, "cmp"));
  return inNamespaces(image, entrypoint) ?? inPlace(image, entrypoint);
}

/** Carries out the instructions of a stage that is copied together, and gives its entry point. */
function layStage({ instructions }: Stage, source: string, image: string): readonly string[] {
  let entrypoint: readonly string[] = [];
  for (const { word, rest } of instructions) {
    if (word === "COPY") copy(rest, { build: source }, image);
    else if (word === "ENTRYPOINT") entrypoint = JSON.parse(rest) as string[];
    else if (word !== "LABEL" && word !== "USER") throw new Error(`Dockerfile: nothing here knows how to carry out ${word} ${rest}`);
  }
  return entrypoint;
}

/** The files that a stage adds to its base, by path, with their modes; where a stage of this name was laid out. */
export function readModes(directory: string, stage: "image" | "cmp"): { readonly [path: string]: string } {
  const at = join(directory, stage);
  const files = readdirSync(at, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(files.sort().map((file) => [file.slice(at.length), (statSync(file).mode & 0o777).toString(8)]));
}

/** Runs the lines of the build stage on what .dockerignore lets through; `npm ci` gives the packages that are here. */
function build({ instructions }: Stage, directory: string): void {
  const workdir = join(directory, restOfFirst(instructions, "WORKDIR"));
  mkdirSync(workdir, { recursive: true });
  for (const { word, rest } of instructions) {
    if (word === "COPY") copyContext(rest, workdir);
    else if (word === "RUN" && rest.startsWith("npm ci ")) symlinkSync(realpathSync(join(root, "node_modules")), join(workdir, "node_modules"));
    else if (word === "RUN") {
      const { code, stdout, stderr } = run("/bin/sh", ["-c", rest], { cwd: workdir });
      if (code !== 0) throw new Error(`${rest}: ${stdout}${stderr}`);
    } else if (word !== "WORKDIR") throw new Error(`Dockerfile: nothing here knows how to carry out ${word} ${rest}`);
  }
}

function restOfFirst(instructions: readonly Instruction[], word: string): string {
  return instructions.find((each) => each.word === word)?.rest ?? "/";
}

/** COPY from the repository; `.` is all of what .dockerignore names. Only its owner can read the files, as under umask 077. */
function copyContext(rest: string, workdir: string): void {
  const names = rest.split(/\s+/).slice(0, -1);
  const { allowed, refused } = readIgnore(readFileSync(join(root, ".dockerignore"), "utf8"));
  for (const name of names.includes(".") ? allowed : names) {
    if (!allowed.includes(name)) throw new Error(`.dockerignore keeps ${name} out of what is built from`);
    cpSync(join(root, name), join(workdir, name), { recursive: true, filter: (path) => !refused.includes(relative(root, path)) });
    takeFromOthers(join(workdir, name));
  }
}

function takeFromOthers(path: string): void {
  const { mode } = statSync(path);
  chmodSync(path, mode & 0o700);
  if (statSync(path).isDirectory()) for (const entry of readdirSync(path)) takeFromOthers(join(path, entry));
}

/** A list that begins with `*` and names what is let through, and what of that is not. */
function readIgnore(text: string): { readonly allowed: readonly string[]; readonly refused: readonly string[] } {
  const [all, ...lines] = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  if (all !== "*") throw new Error(".dockerignore does not begin by keeping everything out");
  const [allowed, refused] = [lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1)), lines.filter((line) => !line.startsWith("!"))];
  return { allowed, refused };
}

/** COPY from another stage. */
function copy(rest: string, stages: { readonly [name: string]: string }, image: string): void {
  const words = rest.split(/\s+/);
  const options = Object.fromEntries(words.filter((word) => word.startsWith("--")).map((word) => word.slice(2).split("=") as [string, string]));
  const paths = words.filter((word) => !word.startsWith("--"));
  const stage = stages[options["from"] ?? ""];
  const target = paths.pop();
  const unknown = Object.keys(options).find((name) => name !== "from" && name !== "chmod");
  if (unknown !== undefined) throw new Error(`Dockerfile: nothing here knows how to carry out COPY --${unknown}`);
  if (stage === undefined || target === undefined) throw new Error(`Dockerfile: COPY ${rest}`);
  for (const path of paths) {
    const to = join(image, target.endsWith("/") ? join(target, basename(path)) : target);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(stage, path), to);
    chmodSync(to, options["chmod"] === undefined ? statSync(join(stage, path)).mode & 0o777 : parseInt(options["chmod"], 8));
  }
}

/** What of the base image an executable can need: the libraries of its `cc` family, and nothing else that runs. */
const libraries = /^(ld-linux[-\w]*|libc|libdl|libm|libpthread|librt|libgcc_s|libstdc\+\+)\.so\.\d+$/;

/** The base image as far as it matters: those of its libraries that the executable asks for, and the folders that a runtime mounts on. */
function layBase(base: string, image: string, executable: string): void {
  if (!/\/distroless\/cc-/.test(base)) throw new Error(`Dockerfile: nothing here knows what is in ${base}`);
  const { stdout } = run("ldd", [executable]);
  for (const [path] of stdout.matchAll(/\/\S+(?= \(0x)/g)) {
    if (!libraries.test(basename(path))) throw new Error(`the executable needs ${path}, which is not in ${base}`);
    mkdirSync(join(image, dirname(path)), { recursive: true });
    cpSync(realpathSync(path), join(image, path));
  }
  for (const folder of ["proc", "dev", "tmp", mountPoint]) mkdirSync(join(image, folder), { recursive: true });
  chmodSync(image, 0o755);
}

/** The image as the root of a process with mounts and a network of its own, as root can make one. */
function inNamespaces(image: string, entrypoint: readonly string[]): Image | undefined {
  // A PATH without the administrator's programs is a usual one.
  const chroot = findOnPath("chroot", `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`);
  const isPossible = chroot !== undefined && findOnPath("unshare") !== undefined && spawnSync("unshare", ["--mount", "--net", "true"]).status === 0 && process.getuid?.() === 0;
  if (!isPossible) return undefined;
  const script = `set -e
image=$1 user=$2 volume=$3; shift 3
mount --bind "$image" "$image"
mount -t proc proc "$image/proc"
mount --rbind /dev "$image/dev"
[ -z "$volume" ] || mount --bind "$volume" "$image${mountPoint}"
mount -o remount,ro,bind "$image"
exec ${chroot} --userspec="$user" --groups= "$image" "$@"`;
  return {
    how: "in namespaces",
    run: (args, { user, volume = "", env = {}, ...options }) => run("env", [
      "-i", `PATH=${process.env["PATH"] ?? ""}`, ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
      "unshare", "--mount", "--net", "/bin/sh", "-c", script, "sh", image, user, volume, ...entrypoint, ...args,
    ], options),
  };
}

/** The entry point as this user, where there are no namespaces; paths in the image become those of the directory. */
function inPlace(image: string, [program = "", ...first]: readonly string[]): Image {
  return {
    how: "in place",
    run: (args, { user: _, volume, ...options }) => run(join(image, program), [...first, ...args].map((arg) => (volume === undefined ? arg : arg.replace(mountPoint, volume))), options),
  };
}
