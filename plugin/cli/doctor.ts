import { arrangeDiagnostics, diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { inspectMachine } from "../doctor/machine.ts";
import { probeModes } from "../doctor/probes.ts";
import { writeProbes, writeTools, writeTree, writeVerdict } from "../doctor/report.ts";
import { checkTools, findTools } from "../doctor/tools.ts";
import { inspectTree, type Here } from "../doctor/tree.ts";
import { findExecutable } from "../install/executable.ts";
import { reportDiagnostics } from "../run.ts";
import { writeAll } from "../stdio.ts";
import { isSystemError } from "../write/disk.ts";
import { print, readOptions, refuse } from "./cli.ts";

export const doctorOptions = { help: { type: "boolean", short: "h" } } as const;

/** `istiomize doctor [tree]`: what works on this machine, and whether a tree gets what it needs, here and in a cluster. */
export async function doctor(args: readonly string[]): Promise<number> {
  const options = readOptions(args, doctorOptions);
  if (typeof options === "string") return refuse(options);
  if (options["help"]) return print(doctorHelp);
  const [directory, extra] = options._ ?? [];
  if (extra !== undefined) return refuse(`doctor takes one directory; ${JSON.stringify(extra)} is a second one`);
  const executable = await findExecutable();
  const [tools, machine] = await Promise.all([findTools(), inspectMachine()]);
  const probed = await probe(tools, executable);
  if (typeof probed === "string") return refuse(probed);
  const here: Here = { tools, machine, probed };
  print(writeTools(here, executable) + writeProbes(here.probed));
  const tree = directory === undefined ? undefined : inspectTree(directory, here);
  const unread = tree?.diagnostics.filter(({ code }) => code === "IZ408") ?? [];
  if (unread.length > 0) return report(unread, 2);
  if (tree) print(writeTree(directory!, tree));
  const found = [...checkBuilders(here), ...checkTools(tools), ...machine.diagnostics, ...(tree?.diagnostics ?? [])];
  const errors = found.filter(({ severity }) => severity === "error").length;
  if (found.length > 0 && process.stderr.isTTY) writeAll(2, "\n");
  report(found, 0);
  print(`\n${writeVerdict(here, tree, errors)}`);
  return tree ? Math.min(errors, 1) : here.probed.some(({ state }) => state === "works") ? 0 : 1;
}

/** What was tried; a text says why nothing could be. */
async function probe(...args: Parameters<typeof probeModes>): Promise<Here["probed"] | string> {
  try {
    return await probeModes(...args);
  } catch (error) {
    if (isSystemError(error)) return `no temporary directory can be made (${error.message}); TMPDIR names another place`;
    throw error;
  }
}

/** Without a program that builds there is nothing to try. */
function checkBuilders({ tools }: Here): readonly Diagnostic[] {
  return tools.some(({ name }) => name === "kustomize" || name === "kubectl") ? [] : [diagnose("IZ401", undefined, {})];
}

function report(diagnostics: readonly Diagnostic[], exitCode: number): number {
  reportDiagnostics(arrangeDiagnostics(diagnostics));
  return exitCode;
}

const doctorHelp = `istiomize doctor [tree]: what works on this machine, what a tree needs of it, and the line to add

Examples
  istiomize doctor
  istiomize doctor gitops
  PATH=/opt/istiomize/bin:$PATH istiomize doctor gitops/overlays/staging

It looks for kustomize, kubectl, helm, kpt, docker, node and istiomize on PATH, asks each for its version, and builds a Service
and its ServiceMesh with each in every way that it knows, in a temporary directory. The table shows the commands that it ran:
  works     with a mesh
  skipped   without one, and with exit code 0: what the guard is for
  fails     with the reason

Modes
  exec      a transformer with config.kubernetes.io/function: exec, which kustomize runs from PATH
  plugin    a transformer without that annotation, which kustomize and kubectl run from the plugin home
  render    istiomize runs kustomize or kubectl
  pipe      one of them writes into istiomize
  files     plain builds of what \`istiomize generate\` wrote
  kpt, helm functions of kpt, and what Helm renders

With a tree it says how each kustomization there gets its mesh and whether that works here, and reads what it finds of Argo CD
(argocd-cm, Applications, plugins) and Flux (Kustomizations): whether they would build these kustomizations with their mesh.
What a kustomization there takes in counts, and files that none lists; where the tree does not tell, it says \`unknown\` and why.

Exit codes: 0 fine, 1 a mode that the tree uses does not work (without a tree: none works), 2 could not run.
`;
