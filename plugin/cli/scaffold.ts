import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import { writePlan } from "../report/plan.ts";
import { reportDiagnostics } from "../run.ts";
import { askChoice, askText, canAsk, Cancelled } from "../scaffold/ask.ts";
import { findGenerated, isRefused, planGenerated } from "../scaffold/generate.ts";
import { checkLabel, checkServiceName, isDiagnostic, readImage, readPort, type Image } from "../scaffold/names.ts";
import { planNewTree, type TreeLayout } from "../scaffold/new-tree.ts";
import { buildCommand, quoteWord } from "../scaffold/next.ts";
import { checkOverlayName, defaultLike, modelDirectory, needsNamespace, overlayDirectory, overlayNames, planOverlay, type OverlayRequest } from "../scaffold/overlay.ts";
import type { ServiceProtocol } from "../scaffold/service-files.ts";
import { checkNewName, planService, type Plan, type ServiceRequest } from "../scaffold/service.ts";
import { findOverlays, surveyTree, type Layout, type Survey } from "../scaffold/survey.ts";
import { isColoured } from "../stdio.ts";
import { isBelow, runsMesh } from "../tree/tree.ts";
import { findInterrupted, recoverInterrupted, writeChanges } from "../write/transaction.ts";
import { exitCodeOf, print, readOptions, refuse } from "./cli.ts";

export const protocols: readonly ServiceProtocol[] = ["http", "grpc", "tcp"];
export const layouts: readonly TreeLayout[] = ["files", "transformer"];

export const scaffoldOptions = {
  service: {
    port: { type: "string" }, protocol: { type: "string" }, image: { type: "string" }, profile: { type: "string" }, like: { type: "string" }, canary: { type: "boolean" },
    namespace: { type: "string", short: "n" }, base: { type: "string" }, "dry-run": { type: "boolean" }, help: { type: "boolean", short: "h" },
  },
  overlay: { like: { type: "string" }, namespace: { type: "string", short: "n" }, prefix: { type: "string" }, "dry-run": { type: "boolean" }, help: { type: "boolean", short: "h" } },
  tree: {
    name: { type: "string" }, layout: { type: "string" }, service: { type: "string" }, port: { type: "string" }, protocol: { type: "string" }, image: { type: "string" },
    "dry-run": { type: "boolean" }, help: { type: "boolean", short: "h" },
  },
} as const;
type What = keyof typeof scaffoldOptions;

/** The options of one command line, as they were typed. */
interface Typed {
  readonly flags: { readonly [name: string]: string | undefined };
  readonly has: (name: string) => boolean;
  readonly words: readonly string[];
}

/** An answer that is missing where nobody can be asked, or one that cannot be: the command line is at fault. */
class Refused extends Error {}

/** `istiomize scaffold service|overlay|tree`: new files in the shape of those that are there. */
export async function scaffold(args: readonly string[]): Promise<number> {
  const [what, ...rest] = args;
  if (what === undefined || what === "--help" || what === "-h") return what === undefined && !canAsk() ? refuse("say what: `istiomize scaffold service`, `overlay` or `tree`") : print(help);
  if (!Object.hasOwn(scaffoldOptions, what)) {
    const near = suggest(what, Object.keys(scaffoldOptions));
    return refuse(`scaffold makes a service, an overlay or a tree, not ${JSON.stringify(what)}${near ? `; did you mean \`istiomize scaffold ${near}\`?` : ""}`);
  }
  const options = readOptions(joinNumbers(rest), scaffoldOptions[what as What]);
  if (typeof options === "string") return refuse(options);
  if (options["help"]) return print(help);
  const typed: Typed = { flags: options as Typed["flags"], has: (name) => options[name] === true, words: options._ ?? [] };
  try {
    return await commands[what as What](typed);
  } catch (error) {
    if (error instanceof Refused) return refuse(error.message);
    if (error instanceof Cancelled) return refuse("cancelled; nothing was written");
    throw error;
  }
}

/** `--port -1` is a port that is wrong, and no option of its own. */
function joinNumbers(args: readonly string[]): readonly string[] {
  const isNumberOf = (i: number): boolean => args[i - 1] === "--port" && /^-\d/.test(args[i] ?? "");
  return args.flatMap((arg, i) => (isNumberOf(i) ? [] : [isNumberOf(i + 1) ? `${arg}=${args[i + 1]}` : arg]));
}

const commands: { readonly [W in What]: (typed: Typed) => Promise<number> } = { service: scaffoldService, overlay: scaffoldOverlay, tree: scaffoldTree };

async function scaffoldService(typed: Typed): Promise<number> {
  const [name, directory = ".", extra] = typed.words;
  refuseExtra(extra);
  const protocol = readWord(typed, "protocol", protocols);
  const survey = readSurvey(directory);
  if (!survey) return 1;
  const like = typed.flags["like"];
  const isLike = like !== undefined;
  const wanted = name ?? (await ask("the name of the service", "istiomize scaffold service NAME", { message: "What is the service called?", check: (answer) => messageOf(checkNewName(survey, answer, typed.has("canary"))) }));
  if (isLike && protocol !== undefined) throw new Refused("--protocol goes without --like: the copy speaks what the service that it is like does");
  if (isLike && typed.flags["base"] !== undefined) throw new Refused("--base goes without --like: the copy stands where the service that it is like does");
  const misnamed = checkNewName(survey, wanted, typed.has("canary"));
  if (misnamed.length > 0) return reportErrors(misnamed);
  const spoken = isLike ? undefined : protocol ?? (canAsk() && name === undefined ? ((await askChoice("What does it speak?", protocols)) as ServiceProtocol) : "http");
  const answers = await readRun(typed, isLike, spoken);
  if (Array.isArray(answers)) return reportErrors(answers);
  const { port, image } = answers as RunAnswers;
  const request: ServiceRequest = {
    name: wanted, profiles: (typed.flags["profile"] ?? "").split(",").map((each) => each.trim()).filter(Boolean), isCanary: typed.has("canary"),
    ...(port !== undefined && { port }), ...(image && { image }), ...(isLike ? { like } : { protocol: spoken! }),
    ...(typed.flags["namespace"] !== undefined && { namespace: typed.flags["namespace"] }), ...(typed.flags["base"] !== undefined && { base: typed.flags["base"] }),
  };
  const plan = planService(survey, request);
  return carryOut(survey.root, plan, { typed, layout: survey.layout, next: nextCommands(survey.layout, directory, firstOverlay(survey, plan)) });
}

/** What runs and where it listens. */
interface RunAnswers {
  readonly port?: number;
  readonly image?: Image;
}

/** Asks for what was not typed, unless a service to copy answers it. */
async function readRun(typed: Typed, isOptional: boolean, protocol: ServiceProtocol | undefined): Promise<RunAnswers | readonly Diagnostic[]> {
  const typedImage = typed.flags["image"] ?? (isOptional ? undefined : await ask("--image", "--image registry.example.com/web:1.0.0", { message: "Which image does it run?", placeholder: "registry.example.com/team/web:1.0.0", check: (answer) => messageOf(readImage(answer)) }));
  const typedPort = typed.flags["port"] ?? (isOptional ? undefined : await ask("--port", "--port 8080", { message: "Which port does it listen on?", fallback: protocol === "grpc" ? "9090" : "8080", check: (answer) => messageOf(readPort(answer)) }));
  const image = typedImage === undefined ? undefined : readImage(typedImage);
  const port = typedPort === undefined ? undefined : readPort(typedPort);
  const wrong = [image, port].filter(isDiagnostic);
  return wrong.length > 0 ? wrong : { ...(image !== undefined && { image: image as Image }), ...(port !== undefined && { port: port as number }) };
}

async function scaffoldOverlay(typed: Typed): Promise<number> {
  const [name, directory = ".", extra] = typed.words;
  refuseExtra(extra);
  const survey = readSurvey(directory);
  if (!survey) return 1;
  const known = overlayNames(survey);
  const likes = typed.flags["like"] === undefined ? known : [typed.flags["like"]];
  const wanted = name ?? (await ask("the name of the overlay", "istiomize scaffold overlay NAME", { message: "What is the environment called?", check: (answer) => messageOf(checkOverlayName(survey, answer, likes)) }));
  const misnamed = checkOverlayName(survey, wanted, likes);
  if (misnamed.length > 0) return reportErrors(misnamed);
  const like = typed.flags["like"] ?? defaultLike(survey) ?? (known.length === 0 ? undefined : canAsk() ? await askChoice("Which one is it like?", known) : refuseMissing("--like", `--like ${known[0]}`, ` (${known.slice(0, -1).join(", ")} or ${known.at(-1)})`));
  const request: OverlayRequest = {
    name: wanted, ...(like !== undefined && { like }),
    ...(typed.flags["namespace"] !== undefined && { namespace: typed.flags["namespace"] }), ...(typed.flags["prefix"] !== undefined && { prefix: typed.flags["prefix"] }),
  };
  const namespace = needsNamespace(survey, request)
    ? await ask("--namespace", `--namespace shop-${wanted}`, { message: "Which namespace does it get?", check: (answer) => messageOf(checkLabel(answer, "namespace")) }) : undefined;
  const plan = planOverlay(survey, { ...request, ...(namespace !== undefined && { namespace }) });
  const at = relative(process.cwd(), overlayDirectory(survey, request));
  const model = modelDirectory(survey, request);
  // The copy of an overlay that stands as generated files in a tree of another layout gets files of its own.
  const isWritten = survey.layout !== "files" && model !== undefined && findGenerated(survey.root).some((each) => isBelow(resolve(each), model));
  return carryOut(survey.root, plan, { typed, layout: survey.layout, next: isWritten ? [`istiomize generate ${quoteWord(at)}`, `${buildCommand()} ${quoteWord(at)}`] : nextCommands(survey.layout, directory, at) });
}

async function scaffoldTree(typed: Typed): Promise<number> {
  const [directory = "gitops", extra] = typed.words;
  refuseExtra(extra);
  const layout = readWord(typed, "layout", layouts) ?? "files";
  const protocol = readWord(typed, "protocol", protocols) ?? "http";
  const root = resolve(directory);
  if (statSync(root, { throwIfNoEntry: false })?.isDirectory() === false) return reportErrors([diagnose("IZ408", undefined, { path: directory, message: "a file, not a directory" })]);
  const name = typed.flags["name"] ?? (await ask("--name", "--name shop", { message: "What is it called? Its namespaces are named after it.", placeholder: basename(root), check: (answer) => messageOf(checkLabel(answer, "mesh")) }));
  const service = typed.flags["service"] ?? (await ask("--service", "--service web", { message: "What is the first service called?", check: (answer) => messageOf(checkServiceName(answer)) }));
  const answers = await readRun(typed, false, protocol);
  if (Array.isArray(answers)) return reportErrors(answers);
  const { port, image } = answers as Required<RunAnswers>;
  const present = existsSync(root) ? readdirSync(root, { recursive: true, encoding: "utf8" }).map((path) => join(root, path)) : [];
  const shown = relative(process.cwd(), root) || ".";
  const plan = planNewTree(root, present, { name, layout, shown, service: { name: service, port, protocol, image } });
  return carryOut(root, plan, { typed, layout, isNew: true, next: nextCommands(layout, shown, join(shown, "overlays/staging")) });
}

// ---- answers

function readSurvey(directory: string): Survey | undefined {
  const { value, diagnostics } = surveyTree(directory);
  reportDiagnostics(diagnostics);
  return value;
}

function readWord<T extends string>({ flags }: Typed, name: string, known: readonly T[]): T | undefined {
  const word = flags[name];
  if (word === undefined || known.includes(word as T)) return word as T | undefined;
  const near = suggest(word, known);
  throw new Refused(`--${name} ${JSON.stringify(word)} is none of ${known.join(", ")}${near ? `; did you mean ${near}?` : ""}`);
}

/** Asks at a terminal; elsewhere the flag is missing. */
async function ask(what: string, example: string, question: Parameters<typeof askText>[0]): Promise<string> {
  return canAsk() ? askText(question) : refuseMissing(what, example);
}

function refuseMissing(what: string, example: string, choice = ""): never {
  throw new Refused(`${what} is missing${choice}, and there is no terminal to ask at; give it, as in \`${example}\``);
}

function refuseExtra(word: string | undefined): void {
  if (word !== undefined) throw new Refused(`${JSON.stringify(word)} is a word too many`);
}

function messageOf(found: unknown): string | undefined {
  const diagnostic = Array.isArray(found) ? (found as readonly Diagnostic[])[0] : isDiagnostic(found) ? found : undefined;
  return diagnostic && `${diagnostic.title}: ${diagnostic.expected}`;
}

function reportErrors(diagnostics: readonly Diagnostic[]): number {
  reportDiagnostics(diagnostics);
  return 1;
}

// ---- carrying out

interface Outcome {
  readonly typed: Typed;
  readonly layout: Layout;
  readonly isNew?: boolean;
  readonly next: readonly string[];
}

/** Writes what is planned, with the Istio files where the tree has them, and says what was done and what comes next. */
async function carryOut(root: string, plan: Plan, { typed, layout, isNew, next }: Outcome): Promise<number> {
  if (plan.diagnostics.length > 0) return reportErrors(plan.diagnostics);
  const isTrial = typed.has("dry-run");
  const interrupted = !existsSync(root) ? [] : isTrial ? [findInterrupted(root)].filter((each) => each !== undefined) : await recoverInterrupted(root);
  reportDiagnostics(interrupted);
  if (isRefused(interrupted)) return exitCodeOf(interrupted);
  const { changes, diagnostics } = layout === "files" ? await planGenerated(root, plan.changes) : { changes: plan.changes, diagnostics: [] };
  const refused = isTrial || isRefused(diagnostics) ? [] : await writeChanges(root, changes);
  // What is only worth knowing, and mostly about services that were there before, `generate` says.
  reportDiagnostics([...diagnostics.filter(({ severity }) => severity !== "info"), ...refused]);
  if (isRefused([...diagnostics, ...refused])) return [...diagnostics, ...refused].some(({ code }) => code === "IZ401") ? 2 : exitCodeOf(refused);
  const isAside = layout !== "files" && !isNew && changes.some(({ before }) => before !== undefined); // new files alone change no build that was there
  const aside = (isAside ? findGenerated(root) : []).map((each) => `istiomize generate ${quoteWord(each)}`);
  const [generate, others] = [true, false].map((isGenerate) => next.filter((command) => command.startsWith("istiomize generate ") === isGenerate)) as [string[], string[]];
  const notes = plan.notes.map((note) => `note: ${note}\n`).join("");
  const list = writePlan(changes, root, isColoured(process.stdout), isNew);
  return print(`${list}${notes && `\n${notes}`}${isTrial ? "\nNothing was written.\n" : `\nNext\n${[...generate, ...aside, ...others].map((command) => `  ${command}\n`).join("")}`}`);
}

/** An overlay to look at: one that builds what was changed, where any names its base. */
function firstOverlay(survey: Survey, { changes }: Plan): string {
  const all = findOverlays(survey);
  const building = all.filter(({ bases }) => bases.some((base) => changes.some(({ path }) => isBelow(path, base))));
  const overlays = building.length > 0 ? building : all;
  const overlay = overlays.find((each) => survey.layout === "transformer" && runsMesh(each)) ?? overlays[0] ?? survey.kustomizations[0]!;
  return relative(process.cwd(), overlay.directory) || ".";
}

/** The two commands that people type next, in the layout of the tree. */
function nextCommands(layout: Layout, tree: string, overlay: string): readonly string[] {
  const at = quoteWord(overlay);
  switch (layout) {
    case "files": return [`istiomize generate --check ${quoteWord(tree)}`, `${buildCommand()} ${at}`];
    case "transformer": return [`istiomize render ${at}`, `kustomize build --enable-alpha-plugins --enable-exec ${at}`]; // kubectl runs no exec function
    default: return [`istiomize render ${at}`, `${buildCommand()} ${at} | istiomize`];
  }
}

const help = `istiomize scaffold service|overlay|tree: new files in the shape of those that are there

Examples
  istiomize scaffold tree gitops --name shop --service web --port 8080 --image ghcr.io/example/web:1.0.0
  istiomize scaffold service cart gitops --like web
  istiomize scaffold overlay preview gitops --like staging --namespace shop-preview

istiomize scaffold service <name> [tree]    a Deployment, Service and ServiceAccount in the base, and their entries in overlays
      --like SERVICE          copies the shape and conventions of that service: files, labels, probes, entries in overlays
      --image IMAGE           what it runs
      --port PORT             the port that its container listens on
      --protocol PROTOCOL     http (the default), grpc or tcp
      --profile NAMES         profiles of the ServiceMesh
      --canary                a second Deployment, version canary, that gets no requests yet
      --base DIRECTORY        the base that it goes into, where a tree has several; from here or from the tree
  -n, --namespace NAMESPACE   of its objects, where files say it

istiomize scaffold overlay <name> [tree]    an environment like another one, or a minimal one where there is none
      --like OVERLAY          the one to copy
  -n, --namespace NAMESPACE   its namespace (default: that of the other one, by the new name)
      --prefix PREFIX         its namePrefix

istiomize scaffold tree [directory]         the whole layout from nothing, in gitops unless said otherwise
      --name NAME             of the ServiceMesh and its namespaces
      --layout LAYOUT         files (the default: plain kustomize builds it) or transformer (kustomize runs istiomize)
      --service NAME          the first service; with --image, --port and --protocol

      --dry-run               shows what would be written, and writes nothing

At a terminal, what is missing is asked for; elsewhere it is an error that names the flag.
Exit codes: 0 written, 1 errors (nothing was written), 2 could not run.
`;
