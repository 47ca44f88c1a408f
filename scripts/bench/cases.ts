/** What is measured, and the figure that each is held to. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { bundle, findTools, root, toolPath } from "../tools.ts";
import { benchArgoCd } from "./argocd.ts";
import { interleave, median, medianRatio, medianSeconds, runCommand } from "./measure.ts";
import type { Command } from "./measure.ts";
import { makeHandwrittenStream, makeResourceList, makeStream, writeFilesTree, writeHandwrittenTree, writeMeshedTree } from "./trees.ts";

export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: "ms" | "s" | "MiB" | "kB" | "×";
  /** The target, in the same unit. */
  readonly atMost?: number;
}

/** A temporary folder of the bench's own, and the rounds that a case runs unless it is told otherwise. */
export interface BenchContext {
  readonly folder: string;
  readonly rounds?: number;
}

export type BenchCase = (context: BenchContext) => Figure[];

const node = process.execPath;
const pipe = (input: string): Command => ({ program: node, args: [bundle], input });

/** What a caller waits for at least: the process at 10 services, against node doing nothing. */
function benchFunction({ folder, rounds = 21 }: BenchContext): Figure[] {
  const { bare, list, stream } = interleave({
    bare: { program: node, args: ["-e", "0"] },
    list: pipe(makeResourceList(10)),
    stream: pipe(makeStream(10)),
  }, rounds, folder);
  return [
    { what: "`node -e 0`", value: medianSeconds(bare) * 1000, unit: "ms" },
    { what: "function, 10 services in a ResourceList", value: medianSeconds(list) * 1000, unit: "ms" },
    { what: "… against `node -e 0`", value: medianRatio(list, bare), unit: "×", atMost: 1.5 },
    { what: "function, 10 services on a pipe", value: medianSeconds(stream) * 1000, unit: "ms" },
    { what: "… against `node -e 0`", value: medianRatio(stream, bare), unit: "×", atMost: 1.5 },
  ];
}

/** Large streams: time, memory, and whether both grow with the input and no faster. */
function benchPipe({ folder, rounds = 5 }: BenchContext): Figure[] {
  const { small, large } = interleave({
    small: { ...pipe(makeStream(1_000)), measurePeak: true },
    large: { ...pipe(makeStream(10_000)), measurePeak: true },
  }, rounds, folder);
  const peak = (runs: typeof large): number => median(runs.map(({ peakBytes }) => peakBytes)) / 1024 ** 2;
  return [
    { what: "pipe, 1,000 services", value: medianSeconds(small), unit: "s" },
    { what: "… peak memory", value: peak(small), unit: "MiB" },
    { what: "pipe, 10,000 services", value: medianSeconds(large), unit: "s", atMost: 3 },
    { what: "… peak memory", value: peak(large), unit: "MiB", atMost: 1024 },
    { what: "… against 1,000 services", value: medianRatio(large, small), unit: "×", atMost: 12 },
  ];
}

/** Why one Service of many is what it is: the function runs once more, and nothing else takes long. */
function benchExplain({ folder, rounds = 7 }: BenchContext): Figure[] {
  const input = makeStream(1_000);
  const { run, explain } = interleave({ run: pipe(input), explain: { program: node, args: [bundle, "explain", "Service/ms-00500", "-"], input } }, rounds, folder);
  return [
    { what: "explain one of 1,000 services on a pipe", value: medianSeconds(explain), unit: "s" },
    { what: "… against the function", value: medianRatio(explain, run), unit: "×", atMost: 1.2 },
  ];
}

/** Every check on Istio objects that people wrote. */
function benchLint({ folder, rounds = 5 }: BenchContext): Figure[] {
  const lint = (services: number): Command => ({ program: node, args: [bundle, "lint", "-"], input: makeHandwrittenStream(services, runCommand(pipe(makeStream(services)), folder).stdout) });
  const { small, large } = interleave({ small: lint(1_000), large: lint(10_000) }, rounds, folder);
  return [
    { what: "lint, 1,000 services with Istio objects by hand on a pipe", value: medianSeconds(small), unit: "s", atMost: 2 },
    { what: "lint, 10,000 services", value: medianSeconds(large), unit: "s" },
    { what: "… against 1,000 services", value: medianRatio(large, small), unit: "×", atMost: 12 },
  ];
}

/** `render` of the resource layout, against the same kustomize building the same tree with the Istio files written out. */
function benchRender({ folder, rounds }: BenchContext): Figure[] {
  const path = toolPath();
  const { kustomize, kubectl } = findTools();
  const build = kustomize ? { program: kustomize, args: ["build"] } : { program: kubectl ?? "kubectl", args: ["kustomize"] };
  const sizes = [
    { services: 100, usual: 9, atMost: 1.0 },
    { services: 200, usual: 7, atMost: 0.7 },
    { services: 1_000, usual: 3, atMost: 0.35 },
  ];
  return sizes.flatMap(({ services, usual, atMost }) => {
    const generated = runCommand(pipe(makeStream(services)), folder).stdout;
    const meshed = writeMeshedTree(join(folder, `meshed-${services}`), services);
    const handwritten = writeHandwrittenTree(join(folder, `handwritten-${services}`), services, generated);
    const runs = interleave({
      build: { ...build, args: [...build.args, handwritten] },
      render: { program: node, args: [bundle, "render", meshed], path },
    }, rounds ?? usual, folder);
    const count = services.toLocaleString("en");
    return [
      { what: `kustomize build, ${count} services, Istio files by hand`, value: medianSeconds(runs.build), unit: "s" },
      { what: `istiomize render, ${count} services`, value: medianSeconds(runs.render), unit: "s" },
      { what: "… against kustomize build", value: medianRatio(runs.render, runs.build), unit: "×", atMost },
    ] satisfies Figure[];
  });
}

/** `generate` on a base, from nothing and with nothing to do; and below overlays, against plain builds of what it wrote. */
function benchGenerate({ folder, rounds }: BenchContext): Figure[] {
  const sizes = [
    { services: 1_000, usual: 5, first: 3, again: 1 },
    { services: 10_000, usual: 1, first: 30 },
  ];
  const generate = (tree: string, ...more: readonly string[]): Command => ({ program: node, args: [bundle, "generate", tree, ...more], path: toolPath(), measurePeak: true });
  const figures = sizes.flatMap(({ services, usual, first, again }) => {
    const tree = writeFilesTree(join(folder, `files-${services}`), services, []);
    const runs = interleave({ clear: generate(tree, "--remove"), first: generate(tree), again: generate(tree) }, rounds ?? usual, folder);
    const count = services.toLocaleString("en");
    return [
      { what: `generate, ${count} services in a base, from nothing`, value: medianSeconds(runs.first), unit: "s", atMost: first },
      { what: "… peak memory", value: median(runs.first.map(({ peakBytes }) => peakBytes)) / 1024 ** 2, unit: "MiB", atMost: 1536 },
      { what: "… again, with nothing to do", value: medianSeconds(runs.again), unit: "s", ...(again !== undefined && { atMost: again }) },
    ] satisfies Figure[];
  });
  return [...figures, ...benchOverlays(folder, generate)];
}

/** Two overlays over 1,000 services; kustomize takes so long for them that one round must do. */
function benchOverlays(folder: string, generate: (tree: string) => Command): Figure[] {
  const { kustomize, kubectl } = findTools();
  const build = kustomize ? `${kustomize} build` : `${kubectl ?? "kubectl"} kustomize`;
  const tree = writeFilesTree(join(folder, "files-overlays"), 1_000, ["staging", "production"]);
  const first = runCommand(generate(tree), folder);
  const plain = runCommand({ program: "/bin/sh", args: ["-c", `${build} ${tree}/overlays/staging >/dev/null & ${build} ${tree}/overlays/production >/dev/null; wait`] }, folder);
  return [
    { what: "kustomize build, 1,000 services with the generated files, two overlays at once", value: plain.seconds, unit: "s" },
    { what: "generate, 1,000 services and two overlays, from nothing", value: first.seconds, unit: "s" },
    { what: "… beyond those builds", value: first.seconds - plain.seconds, unit: "s", atMost: 3 },
  ];
}

/** The self-contained executable against the bundle under node: the start, and what has to be carried along. */
function benchExecutable({ folder, rounds = 21 }: BenchContext): Figure[] {
  const executable = join(folder, "istiomize");
  runCommand({ program: node, args: ["--import", "tsx", join(root, "scripts/build-sea.ts"), "--output", executable] }, folder);
  const input = makeResourceList(10);
  const runs = interleave({ bundle: pipe(input), executable: { program: executable, args: [], input } }, rounds, folder);
  return [
    { what: "self-contained executable, 10 services in a ResourceList", value: medianSeconds(runs.executable) * 1000, unit: "ms" },
    { what: "… against the bundle under node", value: medianRatio(runs.executable, runs.bundle), unit: "×" },
    { what: "the executable, `dist/istiomize`", value: statSync(executable).size / 1024 ** 2, unit: "MiB" },
  ];
}

function benchSize(): Figure[] {
  return [{ what: "the bundle, `plugin/istiomize.cjs`", value: statSync(bundle).size / 1000, unit: "kB", atMost: 500 }];
}

/** By the name that `--only` takes. */
export const benchCases: Readonly<Record<string, BenchCase>> = {
  function: benchFunction,
  pipe: benchPipe,
  lint: benchLint,
  explain: benchExplain,
  render: benchRender,
  generate: benchGenerate,
  argocd: benchArgoCd,
  executable: benchExecutable,
  size: benchSize,
};
