/** Figures as a table, for the terminal and the README alike, and the machine that they hold for. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { findTools } from "../tools.ts";
import type { Figure } from "./cases.ts";

/** What the figures are called that stand in the guide for Argo CD, one for each of its ways. */
export const argoRatio = "… against the files by hand";

export interface Machine {
  readonly date: string;
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly node: string;
  readonly kustomize: string;
}

export function describeMachine(): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    node: process.version,
    kustomize: readKustomizeVersion(),
  };
}

/** kubectl names the kustomize inside it. */
function readKustomizeVersion(): string {
  const { kustomize, kubectl = "kubectl" } = findTools();
  if (kustomize) return execFileSync(kustomize, ["version"], { encoding: "utf8" }).trim();
  const versions = execFileSync(kubectl, ["version", "--client"], { encoding: "utf8" });
  return `${/Kustomize Version: (\S+)/.exec(versions)?.[1] ?? "unknown"} in kubectl`;
}

/** A Markdown table under one line about the machine. */
export function writeTable(figures: readonly Figure[], machine: Machine): string {
  const rows = [
    ["measured", "median", "target", ""],
    ...figures.map((figure) => [
      figure.what,
      formatValue(figure.value, figure.unit),
      figure.atMost === undefined ? "" : `≤ ${formatValue(figure.atMost, figure.unit)}`,
      figure.atMost === undefined ? "" : figure.value <= figure.atMost ? "met" : "missed",
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(3, ...rows.map((row) => row[column]?.length ?? 0)));
  const [head = "", ...body] = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`);
  const { date, cores, processor, memoryGiB, node, kustomize } = machine;
  return [
    `${date}: ${cores} cores (${processor}), ${memoryGiB} GiB, node ${node}, kustomize ${kustomize}.`,
    "",
    head,
    `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`,
    ...body,
    "",
  ].join("\n");
}

const formatValue = (value: number, unit: Figure["unit"]): string => {
  const digits = unit === "×" || unit === "s" ? 2 : 0;
  return `${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false })} ${unit}`;
};

const [begin, end] = ["<!-- bench:begin -->", "<!-- bench:end -->"];

/** Puts the table between the two markers of a Markdown file. @throws when it has no such place */
export function replaceTable(file: string, table: string): void {
  const text = readFileSync(file, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} has no ${begin} … ${end}`);
  writeFileSync(file, `${text.slice(0, from + begin.length)}\n${table}${text.slice(to)}`);
}

/** Puts what Argo CD takes in each mode into the table of its guide. @throws where there is no such row */
export function replaceRow(file: string, figures: readonly Figure[]): void {
  const ratios = figures.filter(({ what }) => what === argoRatio).map(({ value }) => `${value.toFixed(1)} × |`);
  if (ratios.length === 0) return;
  const text = readFileSync(file, "utf8");
  const row = /^(\| time of a render, [^|]*\|).*$/m;
  if (!row.test(text)) throw new Error(`${file} has no row for the time of a render`);
  writeFileSync(file, text.replace(row, (_, head: string) => `${head} ${ratios.join(" ")}`));
}
