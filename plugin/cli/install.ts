import { accessSync, constants, existsSync, readdirSync, realpathSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { arrangeDiagnostics, diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { planArgocd, recordedImage } from "../install/argocd.ts";
import { findExecutable, readExecutable, type Executable } from "../install/executable.ts";
import { checkModuleScope, checkPlacement, executableAt, foresee, packageBeside, place, refusePlace, type Placed, type Placement } from "../install/place.ts";
import { findPluginHome, placeInHome } from "../tree/plugin-home.ts";
import { writePlan } from "../report/plan.ts";
import { reportDiagnostics } from "../run.ts";
import { isDiagnostic, readImage } from "../scaffold/names.ts";
import { quoteWord } from "../scaffold/next.ts";
import { isColoured } from "../stdio.ts";
import { writeChanges } from "../write/transaction.ts";
import { exitCodeOf, print, readOptions, refuse } from "./cli.ts";

export const installOptions = {
  bin: { type: "string" }, "plugin-home": { type: "string" }, argocd: { type: "string" }, image: { type: "string" }, force: { type: "boolean" },
  "dry-run": { type: "boolean" }, help: { type: "boolean", short: "h" },
} as const;

/** `istiomize install`: puts this executable where kustomize finds it, and writes the tree for Argo CD. */
export async function install(args: readonly string[]): Promise<number> {
  const options = readOptions(args, installOptions);
  if (typeof options === "string") return refuse(options);
  if (options["help"]) return print(installHelp);
  const [extra] = options._ ?? [];
  if (extra !== undefined) return refuse(`install takes directories behind --bin, --plugin-home or --argocd; ${JSON.stringify(extra)} is behind none`);
  const { bin, "plugin-home": home, argocd, image } = options as { readonly [name: string]: string | undefined };
  for (const [name, value] of Object.entries({ bin, "plugin-home": home, argocd, image })) if (value === "") return refuse(`--${name} needs a value`);
  if (argocd === undefined && (image !== undefined || options["force"])) return refuse(`${image !== undefined ? "--image" : "--force"} goes with --argocd DIR: it is about the files that are written there`);
  if (argocd === undefined || bin !== undefined || home !== undefined) {
    const code = await installExecutable(bin, home, options["dry-run"] === true);
    if (code !== 0) return code;
  }
  return argocd === undefined ? 0 : installArgocd(argocd, image, options);
}

/** Everything is looked at before the first file is written. */
async function installExecutable(bin: string | undefined, namedHome: string | undefined, isDry: boolean): Promise<number> {
  const executable = await findExecutable();
  if (!executable) return report([diagnose("IZ454", undefined, { program: process.argv[1] ?? "" })], 2);
  const home = namedHome !== undefined ? resolve(namedHome) : bin === undefined ? findPluginHome()?.path : undefined;
  if (home === undefined && bin === undefined) return report([diagnose("IZ453", undefined, {})], 2);
  const bytes = readExecutable(executable);
  const placements = planPlacements(executable, bytes, bin === undefined ? undefined : resolve(bin), home);
  const scope = executable.isSelfContained || bin === undefined ? undefined : checkModuleScope(resolve(bin));
  const refused = [scope, ...placements.map(checkPlacement)].filter((each) => each !== undefined);
  if (refused.length > 0) return report(refused, 1);
  const lines: string[] = [];
  for (const placement of placements) {
    try {
      const outcome = isDry ? foresee(placement) : place(placement);
      if (placement.mode === 0o755) lines.push(`${writeOutcome(outcome, isDry)} ${placement.path} (${ISTIOMIZE_VERSION}${executable.isSelfContained ? "" : ", run by the `node` on PATH"})\n`);
    } catch (error) {
      return report([refusePlace(error, placement.path)], 1);
    }
  }
  const steps = nextSteps(bin === undefined ? undefined : resolve(bin), home);
  return print(`${lines.join("")}${steps.length > 0 ? `\nNext\n${steps.map((step) => `  ${step}\n`).join("")}` : ""}`);
}

function planPlacements({ isSelfContained }: Executable, bytes: Buffer, bin: string | undefined, home: string | undefined): readonly Placement[] {
  const program = bin === undefined ? undefined : join(bin, process.platform === "win32" && isSelfContained ? "istiomize.exe" : "istiomize");
  const plugin = home === undefined ? undefined : join(home, placeInHome);
  return [
    ...(program === undefined ? [] : [executableAt(program, bytes)]),
    ...(plugin === undefined ? [] : [...(isSelfContained ? [] : [packageBeside(plugin)]), executableAt(plugin, bytes, program)]),
  ];
}

function writeOutcome(outcome: Placed, isDry: boolean): string {
  return { installed: isDry ? "would install" : "installed", replaced: isDry ? "would replace" : "replaced", unchanged: "already there" }[outcome].padEnd(13);
}

/** What the shell of this person must know that it does not know yet, and how to see whether it works. */
function nextSteps(bin: string | undefined, home: string | undefined): readonly string[] {
  const path = (process.env["PATH"] ?? "").split(delimiter).filter((each) => each !== "").map((each) => resolve(each));
  return [
    ...(bin !== undefined && !path.includes(bin) ? [`export PATH=${quoteWord(bin)}${delimiter}"$PATH"`] : []),
    ...(home !== undefined && findPluginHome()?.path !== home ? [`export KUSTOMIZE_PLUGIN_HOME=${quoteWord(home)}`] : []),
    "istiomize doctor",
  ];
}

async function installArgocd(directory: string, image: string | undefined, options: { readonly [name: string]: unknown }): Promise<number> {
  const read = image === undefined ? undefined : readImage(image);
  if (isDiagnostic(read)) return report([read], 1);
  if (read && read.tag === undefined && read.digest === undefined) return refuse(`--image ${image} has no tag: ${image}:${ISTIOMIZE_VERSION} would be the image of this version`);
  const root = existsSync(directory) ? realpathSync(directory) : resolve(directory);
  const refused = existsSync(directory) ? checkTree(root) : undefined;
  if (refused) return report([refused], 1);
  const earlier = recordedImage(root);
  if (image === undefined && earlier !== undefined) return refuse(`${directory} was written with --image ${earlier}: name the image again, the one that holds ${ISTIOMIZE_VERSION}`);
  const { value: changes, diagnostics } = planArgocd({ directory: root, isForced: options["force"] === true, ...(image !== undefined && { image }) });
  if (diagnostics.length > 0) return report(diagnostics, 1);
  if (changes.length === 0) return print(`nothing to do: ${directory} holds the tree for Argo CD of ${ISTIOMIZE_VERSION}\n`);
  if (options["dry-run"] !== true) {
    const unwritten = await writeChanges(root, changes);
    if (unwritten.length > 0) return report(unwritten, exitCodeOf(unwritten));
  }
  return print(`${writePlan(changes, root, isColoured(process.stdout))}\nNext: ${join(directory, "README.md")} says which of the three ways to take, and how to switch it on\n`);
}

function checkTree(root: string): Diagnostic | undefined {
  try {
    readdirSync(root); // says ENOTDIR of a file, whatever its mode
    accessSync(root, constants.X_OK);
    return undefined;
  } catch (error) {
    return refusePlace(error, root);
  }
}

function report(diagnostics: readonly Diagnostic[], exitCode: number): number {
  reportDiagnostics(arrangeDiagnostics(diagnostics));
  return exitCode;
}

const installHelp = `istiomize install: put this executable where kustomize finds it, or write the tree that switches it on in Argo CD

Examples
  istiomize install
  istiomize install --bin ~/.local/bin
  istiomize install --argocd argocd/istiomize --image registry.example.com/istiomize:${ISTIOMIZE_VERSION}

Without options it goes into the plugin home that kustomize uses: $KUSTOMIZE_PLUGIN_HOME, $XDG_CONFIG_HOME/kustomize/plugin,
$HOME/.config/kustomize/plugin; the first that exists, else the first that is set. The plugin there is the older form of a
transformer, which kustomize and kubectl run with --enable-alpha-plugins.

Options
      --bin DIR           a copy called \`istiomize\` in DIR: a directory of your PATH, or a volume that an init container fills
      --plugin-home DIR   the plugin in DIR, as ${placeInHome}
      --argocd DIR        Argo CD's configuration as a Kustomize tree in DIR, with a README: plugin sidecar, older plugin, exec
      --image NAME:TAG    in that tree, the image that holds this executable (default: istiomize:${ISTIOMIZE_VERSION})
      --force             writes over files in that tree that people edited
      --dry-run           says what would be done, and does nothing

It writes these files and no others; whatever is no istiomize is left alone, and then nothing at all is written.
Exit codes: 0 done, 1 refused, 2 could not run.
`;
