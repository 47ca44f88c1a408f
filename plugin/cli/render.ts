import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import type { FunctionOutput } from "../krm.ts";
import type { RunOptions } from "../run.ts";
import type { DiffRequest } from "../render-diff/render-diff.ts";
import { isArgoCd, readParameters } from "../argocd.ts";
import { findTool, pluginEnvironment, startBuild, withTemporary, type Build, type Tool } from "../tree/tool.ts";

/**
 * `istiomize render <kustomization>`: builds with the real kustomize or kubectl and prints the meshed result. Where the
 * tree runs istiomize itself, as a transformer, kustomize does all of it; else the build is meshed here.
 */
export async function render(args: readonly string[]): Promise<number> {
  const options = readRenderOptions(args);
  if (typeof options === "string") return (await import("./cli.ts")).refuseOption(options, Object.keys(renderOptions).map((name) => `--${name}`));
  if (options.help) return (await import("./cli.ts")).print(renderHelp);
  if (options.diff) return (await import("../render-diff/render-diff.ts")).renderDiff(options.diff);
  const { directory } = options;
  const file = ["kustomization.yaml", "kustomization.yml", "Kustomization"].map((name) => join(directory, name)).find((path) => existsSync(path) && statSync(path).isFile());
  if (!file) return report(await diagnosed("IZ403", { directory }));
  const tool = findTool(options.with);
  if (!tool) return report(await diagnosed("IZ401", options.with === undefined ? {} : { named: options.with }));
  // kustomize starts before anything else is loaded: its time is most of the time.
  const early = /^transformers:/m.test(readFileSync(file, "utf8")) ? undefined : startBuild(tool, directory, options.flags);
  const { walkKustomizations, runsMesh } = await import("../tree/tree.ts");
  const tree = walkKustomizations(directory);
  if (tree.some(runsMesh)) {
    await early;
    return withTemporary((temporary) => renderTransformers(tool, options, tree, temporary));
  }
  const { isMaterialised } = await import("../generate/render-files.ts");
  if (isMaterialised(tree)) {
    await early;
    return withTemporary((temporary) => renderMaterialised(tool, options, tree, temporary));
  }
  return renderResources(tool, early ?? startBuild(tool, directory, options.flags), options, tree);
}

type Tree = ReturnType<(typeof import("../tree/tree.ts"))["walkKustomizations"]>;

interface RenderOptions {
  readonly directory: string;
  readonly flags: readonly string[];
  /** What the function is told beside the input. */
  readonly run: RunOptions;
  readonly with?: string;
  readonly help?: boolean;
  /** What is to be compared instead of printed. */
  readonly diff?: DiffRequest;
}

/** As `util.parseArgs` takes them. */
export const renderOptions = {
  namespace: { type: "string", short: "n" }, strict: { type: "boolean" }, environment: { type: "string" }, with: { type: "string" },
  diff: { type: "string" }, format: { type: "string" }, "exit-code": { type: "boolean" }, help: { type: "boolean", short: "h" },
} as const;
export const diffFormats = ["text", "markdown"] as const;
type Option = keyof typeof renderOptions;

/** Read by hand because nothing may be loaded before kustomize runs: a few options and what follows `--`. */
function readRenderOptions(args: readonly string[]): RenderOptions | string {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  const read: { -readonly [O in Option]?: (typeof renderOptions)[O]["type"] extends "string" ? string : boolean } = {};
  const directories: string[] = [];
  for (let i = 0; i < own.length; i++) {
    const [name, inline] = splitOption(own[i]!);
    const option = findOption(name);
    if (option === "help" || option === "strict" || option === "exit-code") read[option] = true;
    else if (option !== undefined) {
      const value = inline ?? own[++i];
      if (!value) return `${name} needs a value`;
      read[option] = value;
    } else if (name.startsWith("-")) return `unknown option ${name}; options of kustomize stand behind \`--\`, as in \`istiomize render . -- --enable-helm\``;
    else directories.push(own[i]!);
  }
  if (directories.length !== 1 && !read.help && !(read.diff !== undefined && directories.length > 0)) return directories.length === 0 ? "name the directory of a kustomization, for example `istiomize render overlays/staging`" : "render takes one directory; with --diff it takes several";
  if (read.namespace !== undefined && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(read.namespace)) return `${JSON.stringify(read.namespace)} is no name of a namespace`;
  const parameters = readParameters();
  if (typeof parameters === "string") return parameters;
  const overrides = { ...parameters, ...(read.strict && { strict: true }), ...(read.environment !== undefined && { environment: read.environment }) };
  const run = { ...(read.namespace !== undefined && { namespace: read.namespace }), ...(Object.keys(overrides).length > 0 && { overrides }) };
  const diff = readDiff(read, directories, end < 0 ? [] : args.slice(end + 1));
  if (typeof diff === "string") return diff;
  return { run, ...(diff && { diff }), ...(read.help && { help: true }), ...(read.with !== undefined && { with: read.with }), directory: directories[0] ?? ".", flags: end < 0 ? [] : args.slice(end + 1) };
}

interface Read {
  readonly diff?: string;
  readonly format?: string;
  readonly "exit-code"?: boolean;
  readonly strict?: boolean;
  readonly namespace?: string;
  readonly environment?: string;
  readonly with?: string;
}

/** What `--diff` is to compare, or what is wrong with how that was asked for; nothing where it was not. */
function readDiff(read: Read, directories: readonly string[], flags: readonly string[]): DiffRequest | string | undefined {
  const { diff: revision, format = "text", "exit-code": hasExitCode = false } = read;
  if (revision === undefined) return read.format !== undefined || hasExitCode ? `${read.format === undefined ? "--exit-code" : "--format"} goes with --diff` : undefined;
  if (revision.startsWith("-")) return `${JSON.stringify(revision)} is no git revision; --diff needs one, such as main, HEAD or main...`;
  if (format !== "text" && format !== "markdown") return `--format is text or markdown, not ${JSON.stringify(format)}`;
  const options = [
    ...(read.strict ? ["--strict"] : []), ...(["namespace", "environment"] as const).flatMap((name) => (read[name] === undefined ? [] : [`--${name}`, read[name]])),
  ];
  return { directories, revision, format, hasExitCode, ...(read.with !== undefined && { with: read.with }), options, flags };
}

function findOption(written: string): Option | undefined {
  return (Object.keys(renderOptions) as Option[]).find((name) => {
    const row: { readonly type: string; readonly short?: string } = renderOptions[name];
    return written === `--${name}` || (row.short !== undefined && written === `-${row.short}`);
  });
}

function splitOption(text: string): readonly [string, string | undefined] {
  const at = text.startsWith("--") ? text.indexOf("=") : -1;
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** The resource layout: kustomize never sees the generated objects, which is what makes this fast. */
async function renderResources(tool: Tool, started: Promise<Build>, options: RenderOptions, tree: Tree): Promise<number> {
  const { runFunction } = await import("../krm.ts");
  const build = await started;
  if (build.code !== 0) return reportBuild(build);
  const run = { text: build.stdout, name: options.directory, ...options.run };
  let output = await runFunction(run);
  if (output.usedNames) {
    const { learnEarlierNames } = await import("../tree/origins.ts");
    const knowledge = await withTemporary((temporary) => learnEarlierNames(tool, options.directory, options.flags, temporary));
    output = await runFunction({ ...run, knowledge });
  }
  return finish(output, tree);
}

/** The files layout: generated files take no part, whether they are up to date or not. */
async function renderMaterialised(tool: Tool, { directory, flags, run }: RenderOptions, tree: Tree, temporary: string): Promise<number> {
  const { renderFiles } = await import("../generate/render-files.ts");
  const { Uneditable } = await import("../generate/wanted.ts");
  const rendering = await renderFiles(tool, directory, flags, run, temporary).catch((error: unknown) => {
    if (error instanceof Uneditable) return { refused: error.diagnostic };
    throw error;
  });
  if ("refused" in rendering) return report(rendering.refused);
  if ("failed" in rendering) return reportBuild(rendering.failed);
  return finish(rendering.output, tree);
}

/** The transformer layout: kustomize runs this executable, which leaves its diagnostics in a file for us to place. */
async function renderTransformers(tool: Tool, { directory, flags, run }: RenderOptions, tree: Tree, temporary: string): Promise<number> {
  const [{ writeAll }, { findRenaming }] = [await import("../stdio.ts"), await import("../tree/above.ts")];
  const renaming = findRenaming(tree);
  if (renaming.length > 0) {
    (await import("../run.ts")).reportDiagnostics(renaming);
    return 1;
  }
  const reportFile = join(temporary, "report.json");
  const env = pluginEnvironment(temporary, process.env["ISTIOMIZE_EXECUTABLE"] ?? resolve(process.argv[1]!), { ISTIOMIZE_REPORT: reportFile, ISTIOMIZE_OPTIONS: JSON.stringify(run) });
  const build = tool.isKubectl
    ? await startBuild(tool, (await import("../tree/copy.ts")).copyForKubectl(tree, temporary), ["--enable-alpha-plugins", ...flags], env)
    : await startBuild(tool, directory, ["--enable-alpha-plugins", "--enable-exec", ...flags], env);
  const diagnostics = existsSync(reportFile) ? readFileSync(reportFile, "utf8").trim().split("\n").flatMap((line) => JSON.parse(line) as readonly Diagnostic[]) : [];
  await reportLocated(diagnostics, tree);
  if (build.code !== 0) return diagnostics.some(({ severity }) => severity === "error") ? 1 : reportBuild(build);
  if (build.stderr !== "") writeAll(2, build.stderr);
  writeAll(1, build.stdout);
  return 0;
}

/** Says what there is to say, and prints what there is to print. */
async function finish(result: FunctionOutput, tree: Tree): Promise<number> {
  const { isNothing, refuseEmpty } = await import("../krm.ts");
  const output = isArgoCd() || isNothing(result) ? refuseEmpty(result) : result; // there is no pipe here that could be empty
  await reportLocated(output.diagnostics, tree);
  (await import("../stdio.ts")).writeAll(1, output.text);
  return output.exitCode;
}

async function reportLocated(diagnostics: readonly Diagnostic[], tree: Tree): Promise<void> {
  if (diagnostics.length === 0) return;
  const { locateInTree } = await import("../tree/positions.ts");
  (await import("../run.ts")).reportDiagnostics(locateInTree(diagnostics, tree));
}

async function diagnosed(...[code, args]: ["IZ401", { readonly named?: string }] | ["IZ403", { directory: string }]): Promise<Diagnostic> {
  const { diagnose } = await import("../../generators/diagnostics/diagnostic.ts");
  return code === "IZ401" ? diagnose(code, undefined, args) : diagnose(code, undefined, args);
}

async function report(diagnostic: Diagnostic): Promise<number> {
  (await import("../run.ts")).reportDiagnostics([diagnostic]);
  return diagnostic.code === "IZ401" ? 2 : 1;
}

async function reportBuild(build: Build): Promise<number> {
  const { diagnose } = await import("../../generators/diagnostics/diagnostic.ts");
  const message = build.stderr.trim().replace(/^error: |^Error: /i, "") || `exit code ${build.code}`;
  return report(diagnose("IZ402", undefined, { command: build.command, message }));
}

const renderHelp = `istiomize render <kustomization>: build with the real kustomize or kubectl, and mesh the result

Examples
  istiomize render gitops/overlays/staging > staging.yaml
  istiomize render overlays/production -- --enable-helm --load-restrictor LoadRestrictionsNone
  istiomize render gitops --diff main

Options
  -n, --namespace NAMESPACE   namespace of objects that carry none
      --strict                warnings are errors, as with spec.strict
      --environment NAME      the environment, over spec.environment
      --with PROGRAM          the kustomize or kubectl to build with (default: the first of the two on PATH)
      --diff REVISION         show what changed in the mesh since a git revision, instead of the objects: for each
                              overlay named, or below a directory named; main... is where this branch left main
      --format FORMAT         with --diff: text, or markdown for a comment on a pull request
      --exit-code             with --diff: exit with 1 where something changed
  --                          what follows goes to kustomize
`;
