import type { Executable } from "../install/executable.ts";
import { placeInHome } from "../tree/plugin-home.ts";
import { modeNames } from "./modes.ts";
import type { Probed } from "./probes.ts";
import { toolNames } from "./tools.ts";
import type { Here, InspectedTree } from "./tree.ts";

type Row = readonly string[];

/** Columns as wide as they must be; the last one is left as it is. */
function table(rows: readonly Row[]): string {
  const widths = rows.reduce<readonly number[]>((most, row) => row.map((cell, i) => Math.max(most[i] ?? 0, cell.length)), []);
  return rows.map((row) => `  ${row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join("  ").trimEnd()}\n`).join("");
}

/** What is on this machine. */
export function writeTools(here: Here, executable: Executable | undefined): string {
  const { tools, machine } = here;
  const [found, absent] = [tools, toolNames.filter((name) => !tools.some((tool) => tool.name === name))];
  const rows: readonly Row[] = [
    ...found.map(({ name, version, inside, path }): Row => [name, inside === undefined ? version : `${version} (kustomize ${inside})`, path]),
    ["istiomize", machine.onPath?.version ?? (machine.onPath ? "does not start" : "not on PATH"), machine.onPath?.path ?? ""],
    ["plugin", machine.plugin ? (machine.plugin.version ?? "does not start") : "none", writeHome(here)],
  ];
  const self = executable === undefined ? "from its sources" : executable.path;
  return `istiomize ${ISTIOMIZE_VERSION}, ${self}\n\nOn this machine\n${table(rows)}${absent.length > 0 ? `  not on PATH: ${absent.join(", ")}\n` : ""}`;
}

function writeHome({ machine: { home, plugin } }: Here): string {
  if (!home) return "kustomize knows no plugin home";
  if (plugin) return `${plugin.path} (from ${home.from})`;
  return `${home.path}/${placeInHome} is where kustomize looks (${home.from}${home.isThere ? "" : ", which is not there"})`;
}

/** What was tried, with the commands that were run, and what came of it. */
export function writeProbes(probed: readonly Probed[]): string {
  if (probed.length === 0) return "";
  const rows = probed.map(({ state, mode, command, why }): Row => [state, mode, why === undefined ? command : `${command}\n${" ".repeat(19)}${why}`]);
  return `\nTried with a Service and its ServiceMesh in a temporary DIR\n${table(rows)}`;
}

/** How each kustomization of a tree gets its mesh, and who builds it in a cluster. */
export function writeTree(directory: string, { targets, deployed }: InspectedTree): string {
  const meshed = targets.filter(({ mode }) => mode !== "none");
  const rest = targets.length - meshed.length;
  const rows = meshed.map(({ name, mode, isWorking, faults }): Row => [isWorking && faults.length === 0 ? "works" : "fails", name, modeNames[mode]]);
  const inCluster = deployed.map(({ verdict, name, path, mode, builder }): Row => [verdict.state, name, path, `${mode}, built by ${builder}${verdict.state === "unknown" ? `: ${verdict.why}` : ""}`]);
  return [
    `\nBuilt by themselves in ${directory}\n${table(rows)}${rest > 0 ? `  ${rest === 1 ? "1 has" : `${rest} have`} no ServiceMesh\n` : ""}${targets.length === 0 ? "  none\n" : ""}`,
    ...(inCluster.length > 0 ? [`\nBuilt in a cluster\n${table(inCluster)}`] : []),
  ].join("");
}

/** The sum of it, in one line. */
export function writeVerdict({ probed }: Here, tree: InspectedTree | undefined, errors: number): string {
  if (tree && errors > 0) return `${errors} ${errors === 1 ? "error" : "errors"}: what is said above stands between this tree and its mesh\n`;
  const unknown = tree?.deployed.filter(({ verdict }) => verdict.state === "unknown").length ?? 0;
  if (tree) return `what this tree needs works here${tree.isWhole ? "" : ", as far as it may be read"}${unknown > 0 ? `; whether ${unknown === 1 ? "1 build" : `${unknown} builds`} in a cluster will fit is not known` : ""}\n`;
  const modes = [...new Set(probed.map(({ mode }) => mode))];
  const works = modes.filter((mode) => probed.some((each) => each.mode === mode && each.state === "works"));
  const fails = modes.filter((mode) => !works.includes(mode));
  if (works.length === 0) return "nothing works here\n";
  return `${join(works)} ${works.length === 1 ? "works" : "work"} here${fails.length > 0 ? `, ${join(fails)} ${fails.length === 1 ? "does" : "do"} not` : ""}\n`;
}

function join(names: readonly string[]): string {
  return names.length <= 1 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

