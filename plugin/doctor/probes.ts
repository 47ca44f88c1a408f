import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ownCommand, type Executable } from "../install/executable.ts";
import { withTemporary } from "../tree/tool.ts";
import { probeFiles, type Files } from "./probe-files.ts";
import { findOnPath } from "../tree/on-path.ts";
import { inParallel, runProgram, typed, type Ended } from "./program.ts";
import type { FoundTool } from "./tools.ts";

/** A way in which istiomize is run. */
export type Mode = "exec" | "plugin" | "render" | "pipe" | "files" | "kpt" | "helm";

/** What became of the probe of one mode with one program. */
export interface Probed {
  readonly mode: Mode;
  /** The program that was asked to build. */
  readonly tool: string;
  /** As a person types it, with DIR in the place of the probe. */
  readonly command: string;
  /** `skipped`: it ended as if all were well, and without a mesh. */
  readonly state: "works" | "skipped" | "fails";
  /** Why it does not work, in a few words. */
  readonly why?: string;
}

interface Probe {
  readonly mode: Mode;
  readonly tool: string;
  readonly command: string;
  readonly run: (place: Place) => Promise<Omit<Probed, "mode" | "tool" | "command">>;
}

/** Where a probe stands, and the environment that it runs in: the user's own, but for what is written. */
interface Place {
  readonly make: (kind: keyof typeof probeFiles) => string;
  readonly env: NodeJS.ProcessEnv;
}

/** Builds the smallest tree of each kind with each program that is here. Nothing is left behind, and no file of the user is touched. */
export function probeModes(tools: readonly FoundTool[], executable: Executable | undefined): Promise<readonly Probed[]> {
  const probes = tools.flatMap((tool) => probesOf(tool, executable));
  return withTemporary(async (temporary) => {
    mkdirSync(join(temporary, "tmp"));
    const env = probeEnvironment(join(temporary, "tmp"));
    return inParallel(probes.map((probe, i) => ({ probe, i })), 4, async ({ probe: { mode, tool, command, run }, i }) => {
      const make = (kind: keyof typeof probeFiles): string => writeProbe(join(temporary, `${i}-${kind}`), probeFiles[kind]);
      return { mode, tool, command, ...await run({ make, env }) };
    });
  });
}

/** Whatever a program writes beside its output goes where it is removed; kustomize leaves files of failed plugins in TMPDIR. */
function probeEnvironment(temporary: string): NodeJS.ProcessEnv {
  const { ISTIOMIZE_REPORT: _, ISTIOMIZE_OPTIONS: __, KUSTOMIZE_PLUGIN_CONFIG_ROOT: ___, ARGOCD_APP_NAME: ____, ...env } = process.env;
  return { ...env, TMPDIR: temporary, HELM_CACHE_HOME: join(temporary, "helm"), NO_COLOR: "1" };
}

function writeProbe(directory: string, files: Files): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

function probesOf(tool: FoundTool, executable: Executable | undefined): readonly Probe[] {
  switch (tool.name) {
    case "kustomize": return [...builderProbes(tool, ["build"], ["--enable-alpha-plugins", "--enable-exec"]), ...renderProbes(tool, executable)];
    case "kubectl": return [...builderProbes(tool, ["kustomize"], undefined), ...renderProbes(tool, executable)];
    case "kpt": return kptProbes(tool);
    case "helm": return helmProbes(tool);
    default: return [];
  }
}

/** Forms of a transformer, and plain files. `both` are the flags that run an exec function; kubectl has none. */
function builderProbes({ path, name }: FoundTool, words: readonly string[], both: readonly string[] | undefined): readonly Probe[] {
  const build = (mode: Mode, flags: readonly string[], judge: (place: Place, run: (directory: string) => Promise<Ended>) => ReturnType<Probe["run"]>): Probe => ({
    mode, tool: name, command: typed(path, [...words, ...flags, "DIR"]),
    run: (place) => judge(place, (directory) => runProgram(path, [...words, ...flags, directory], { env: place.env })),
  });
  return [
    ...(both === undefined ? [] : [build("exec", both, async ({ make }, run) => judgeBuild(await run(make("exec"))))]),
    build("exec", ["--enable-alpha-plugins"], async ({ make }, run) => judgeSkipped(await run(make("unguarded")), await run(make("exec")), name)),
    build("plugin", ["--enable-alpha-plugins"], async ({ make }, run) => judgeBuild(await run(make("plugin")))),
    build("files", [], async ({ make }, run) => judgeBuild(await run(make("files")))),
  ];
}

function renderProbes({ path, name }: FoundTool, executable: Executable | undefined): readonly Probe[] {
  const words = name === "kubectl" ? ["kustomize"] : ["build"];
  const pipe: Probe = {
    mode: "pipe", tool: name, command: `${typed(path, [...words, "DIR"])} | istiomize`,
    run: async ({ make, env }) => {
      const built = await runProgram(path, [...words, make("resource")], { env });
      return built.code === 0 ? judgePipe(built.stdout, [], env) : judgeBuild(built);
    },
  };
  if (!executable) return [pipe];
  const [program, ...args] = ownCommand(executable);
  const render: Probe = {
    mode: "render", tool: name, command: `istiomize render${name === "kubectl" ? " --with kubectl" : ""} DIR`,
    run: async ({ make, env }) => judgeBuild(await runProgram(program, [...args, "render", "--with", path, make("resource")], { env })),
  };
  return [render, pipe];
}

async function judgePipe(input: string, args: readonly string[], env: NodeJS.ProcessEnv): ReturnType<Probe["run"]> {
  const program = findOnPath("istiomize");
  return program === undefined ? { state: "fails", why: notOnPath } : judgeBuild(await runProgram(program, args, { env, input }));
}

function kptProbes({ path, name }: FoundTool): readonly Probe[] {
  const probe = (args: readonly string[]): Probe => ({
    mode: "kpt", tool: name, command: typed(path, args),
    run: async ({ make, env }) => {
      const directory = make("kpt");
      const ended = await runProgram(path, args.map((arg) => (arg === "DIR" ? directory : arg)), { env, cwd: directory });
      if (ended.code !== 0) return judgeBuild({ ...ended, stderr: `${ended.stdout}\n${ended.stderr}` });
      return existsSync(join(directory, "istio-virtualservice.yaml")) ? { state: "works" } : { state: "skipped", why: "it says that all is well, and wrote no VirtualService" };
    },
  });
  return [probe(["fn", "eval", "DIR", "--exec", "istiomize"]), probe(["fn", "render", "DIR", "--allow-exec"])];
}

function helmProbes({ path, name, version }: FoundTool): readonly Probe[] {
  const template = ["template", "probe", "DIR", "-n", "probe"];
  const at = (args: readonly string[], directory: string): readonly string[] => args.map((arg) => (arg === "DIR" ? directory : arg));
  const renderer = ["--post-renderer", "istiomize"];
  return [
    {
      mode: "helm", tool: name, command: typed(path, ["template", "NAME", "DIR", ...renderer]),
      run: async ({ make, env }) => {
        const result = judgeBuild(await runProgram(path, at([...template, ...renderer], make("helm")), { env }));
        return result.state === "fails" && Number.parseInt(version, 10) >= 4 ? { state: "fails", why: `Helm ${Number.parseInt(version, 10)} takes the name of a plugin there, and none is called istiomize; a pipe needs none` } : result;
      },
    },
    {
      mode: "helm", tool: name, command: `${typed(path, ["template", "NAME", "DIR", "-n", "NAMESPACE"])} | istiomize -n NAMESPACE`,
      run: async ({ make, env }) => {
        const rendered = await runProgram(path, at(template, make("helm")), { env });
        return rendered.code === 0 ? judgePipe(rendered.stdout, ["-n", "probe"], env) : judgeBuild(rendered);
      },
    },
  ];
}

const isMeshed = ({ stdout }: Ended): boolean => /^kind: VirtualService$/m.test(stdout);

function judgeBuild(ended: Ended): Pick<Probed, "state" | "why"> {
  if (ended.code !== 0) return { state: "fails", why: explain(ended) };
  return isMeshed(ended) ? { state: "works" } : { state: "skipped", why: "exit code 0, and no VirtualService" };
}

/** A build without the flag, or with a program that has none: what happens without the guard, and that the guard stops it. */
function judgeSkipped(bare: Ended, guarded: Ended, tool: string): Pick<Probed, "state" | "why"> {
  if (bare.code !== 0) return { state: "fails", why: explain(bare) };
  if (isMeshed(bare)) return { state: "works" };
  const cause = tool === "kubectl" ? "kubectl has no --enable-exec" : "--enable-exec is missing";
  return { state: "skipped", why: `${cause}: exit code 0 and no mesh; ${guarded.code !== 0 ? "the guard makes it an error" : "even the guard let it pass"}` };
}

const notOnPath = "istiomize is not on PATH";

/** What kustomize and the others say, in words that name the cause. */
function explain({ stderr, code }: Ended): string {
  const known: readonly (readonly [RegExp, (found: RegExpExecArray) => string])[] = [
    [/"istiomize": executable file not found|istiomize.*no such file or directory/i, () => notOnPath],
    [/unable to find plugin root/, () => "no plugin home is there"],
    [/Go object code at: (.*)\.so/, ([, file]) => `nothing at ${file}`],
    [/unexecutable plugin at: (.*)/, ([, file]) => `${file} has no run bit`],
    [/permission denied/, () => "istiomize has no run bit"],
    [/node\\r|node\r/, () => "the first line of istiomize ends in CR LF"],
    [/env: .?node.?: No such file|exec: "?node"?: (executable file )?not found|\/usr\/bin\/env: .*node/, () => "there is no node on PATH"],
    [/IstiomizeRan/, () => "kustomize skipped the function, and the guard stopped the build"],
  ];
  for (const [pattern, write] of known) {
    const found = pattern.exec(stderr);
    if (found) return write(found);
  }
  const line = stderr.split("\n").map((each) => each.trim().replace(/^error:\s*/i, "")).find((each) => each !== "") ?? `exit code ${code}`;
  return line.length > 200 ? `${line.slice(0, 197)}...` : line;
}
