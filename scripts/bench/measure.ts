/** Runs programs side by side and counts: medians, and ratios that a busy machine bends as little as possible. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One program to time. `measurePeak` is for node programs only. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: string;
  readonly path?: string;
  readonly measurePeak?: boolean;
}

export interface Run {
  readonly seconds: number;
  readonly peakBytes: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the commands in turn (A B A B …) after one round of warming up, so that whatever else the machine does
 * meets all of them alike. What a program says on stderr is shown once: it may not be the run that was meant.
 */
export function interleave<K extends string>(commands: Readonly<Record<K, Command>>, rounds: number, folder: string): Record<K, Run[]> {
  const names = Object.keys(commands) as K[];
  const runs = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<K, Run[]>;
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of names) {
      const run = runCommand(commands[name], folder);
      if (round > 0) runs[name].push({ ...run, stdout: "" });
      else if (run.stderr !== "") console.error(`${name} says:\n${run.stderr.slice(0, 500)}`);
    }
  }
  return runs;
}

/** Runs one command to its end. @throws with its stderr when it fails */
export function runCommand(command: Command, folder: string): Run {
  const peak = join(folder, "peak");
  const args = command.measurePeak ? ["--require", writePeakRecorder(folder, peak), ...command.args] : [...command.args];
  const started = process.hrtime.bigint();
  const child = spawnSync(command.program, args, {
    input: command.input ?? "",
    // Both make every start of node slower (certificates are read at once), and would flatter the ratio to a bare one.
    env: { ...process.env, NODE_EXTRA_CA_CERTS: undefined, NODE_OPTIONS: undefined, PATH: command.path ?? process.env.PATH },
    maxBuffer: Infinity,
  });
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  if (child.error) throw child.error;
  if (child.status !== 0) throw new Error(`${command.program} ${command.args.join(" ")} failed (${child.status ?? child.signal})\n${child.stderr}`);
  const peakBytes = command.measurePeak ? Number(readFileSync(peak, "utf8")) : 0;
  return { seconds, peakBytes, stdout: child.stdout.toString(), stderr: child.stderr.toString() };
}

/**
 * A file that node loads first and that records the peak of resident memory at the end. Linux's own figure goes
 * before `maxRSS`, which counts what the process was before it became this program.
 */
function writePeakRecorder(folder: string, target: string): string {
  const recorder = join(folder, "record-peak.cjs");
  if (!existsSync(recorder)) {
    writeFileSync(recorder, `const { readFileSync, writeFileSync } = require("node:fs");
process.on("exit", () => {
  let kibibytes = process.resourceUsage().maxRSS;
  try { kibibytes = Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]); } catch {}
  writeFileSync(${JSON.stringify(target)}, String(kibibytes * 1024));
});
`);
  }
  rmSync(target, { force: true });
  return recorder;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

export const medianSeconds = (runs: readonly Run[]): number => median(runs.map(({ seconds }) => seconds));

/** How many times as long `runs` took as `base`: the median over pairs that ran right after each other. */
export const medianRatio = (runs: readonly Run[], base: readonly Run[]): number =>
  median(runs.map(({ seconds }, index) => seconds / (base[index]?.seconds ?? NaN)));
