import { isUtf8 } from "node:buffer";
import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { setFlagsFromString } from "node:v8";
import { diagnose, worstSeverity, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import type { Severity } from "../../generators/diagnostics/catalogue.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import { asList, asMapping } from "../../generators/kube/object.ts";
import { readTree, shown, type SourceTree } from "../generate/source.ts";
import { leaveOutHeld, type Held } from "../lint/elsewhere.ts";
import { findGone, isKnown, readBaseline, writeBaseline, type Baseline } from "../lint/baseline.ts";
import { isAtLeast, isWanted, readCodes, severities, type Wanted } from "../lint/filter.ts";
import { bareFinding, isFailure, mergeFindings, type Finding, type LintReport } from "../lint/finding.ts";
import { planFixes, type Fixes } from "../lint/fix.ts";
import { arrangeUnits, findYaml, readManifests, type Skipped } from "../written/manifests.ts";
import { lintStream, lintUnit } from "../lint/stream.ts";
import { lintBuilds } from "../lint/tree.ts";
import { startProgress } from "../report/progress.ts";
import { writeSummary, writeText } from "../report/text.ts";
import { reportDiagnostics, type RunOptions } from "../run.ts";
import { isColoured, readAll, writeAll } from "../stdio.ts";
import { findTool, withTemporary } from "../tree/tool.ts";
import { commonDirectory, isBelow, kustomizationNames } from "../tree/tree.ts";
import { writeChanges } from "../write/transaction.ts";
import { print, readOptions, refuse } from "./cli.ts";

export const lintOptions = {
  format: { type: "string", short: "f" }, severity: { type: "string" }, "fail-on": { type: "string" }, code: { type: "string" }, ignore: { type: "string" },
  baseline: { type: "string" }, "update-baseline": { type: "boolean" }, fix: { type: "boolean" }, "dry-run": { type: "boolean" },
  namespace: { type: "string", short: "n" }, strict: { type: "boolean" }, environment: { type: "string" }, with: { type: "string" },
  verbose: { type: "boolean" }, help: { type: "boolean", short: "h" },
} as const;

export const formats = ["text", "json", "sarif", "github", "junit"] as const;
type Format = (typeof formats)[number];
export { severities };

/** The command line, read and checked. */
interface Request {
  readonly paths: readonly string[];
  readonly flags: readonly string[];
  readonly run: RunOptions;
  readonly format: Format;
  readonly severity: Severity;
  readonly failOn: Severity;
  readonly wanted: Wanted;
  readonly with?: string;
  readonly baseline?: string;
  readonly updatesBaseline: boolean;
  readonly fixes: boolean;
  readonly isDry: boolean;
  readonly isVerbose: boolean;
}

/** What the paths hold. */
interface Looked {
  readonly findings: readonly Finding[];
  readonly files: readonly string[];
  readonly objects: number;
  readonly skipped: readonly Skipped[];
  /** What each of the things that are applied as a whole holds. */
  readonly held: readonly Held[];
  /** Why a path could not be looked at at all. */
  readonly refused: readonly Diagnostic[];
}

/** `istiomize lint <path…|->`: every check on trees, manifests and streams, hand-written Istio objects included. */
export async function lint(args: readonly string[]): Promise<number> {
  // Thousands of objects are read and dropped again: with room for them the collector runs a tenth as often.
  for (const flag of ["--max-semi-space-size=64", "--min-semi-space-size=32"]) setFlagsFromString(flag);
  const end = args.indexOf("--");
  const options = readOptions(end < 0 ? args : args.slice(0, end), lintOptions);
  if (typeof options === "string") return refuse(options);
  if (options["help"]) return print(lintHelp);
  const request = readRequest(options, end < 0 ? [] : args.slice(end + 1));
  if (typeof request === "string") return refuse(request);
  const baseline = request.baseline === undefined || (request.updatesBaseline && !existsSync(request.baseline)) ? undefined : readBaseline(request.baseline);
  if (baseline && "code" in baseline) return stop([baseline]);

  const stdin = request.paths.includes("-") ? readStdin() : "";
  if (typeof stdin !== "string") return stop([stdin]);
  let looked = await look(request, stdin);
  if (request.updatesBaseline) return looked.refused.length > 0 ? stop(looked.refused) : update(request, looked, baseline);
  let report = toReport(request, looked, baseline);
  if (request.fixes) {
    const fixes = planFixes(report.findings);
    const refused = await carryOut(fixes, request);
    if (refused.length > 0) return stop(refused);
    if (fixes.changes.length > 0 && !request.isDry) {
      looked = await look(request, stdin);
      report = toReport(request, looked, baseline);
    }
  }
  if (request.isVerbose) for (const { file, why } of looked.skipped) writeAll(2, `skipped ${file}: ${why}\n`);
  const isEmpty = looked.refused.length > 0 && report.findings.length === 0 && request.format === "text";
  if (!isEmpty) writeAll(1, await writeReport(report, request.format));
  if (looked.refused.length > 0) return stop(looked.refused);
  return report.findings.some((finding) => isFailure(finding, report)) ? 1 : 0;
}

function stop(diagnostics: readonly Diagnostic[]): number {
  reportDiagnostics(diagnostics);
  return 2;
}

function readRequest(options: { readonly [name: string]: unknown; readonly _?: readonly string[] }, flags: readonly string[]): Request | string {
  const paths = options._ ?? [];
  if (paths.length === 0) return "name what to check, for example `istiomize lint gitops`, or `-` for standard input";
  const format = readWord(options, "format", formats, "text");
  const severity = readWord(options, "severity", severities, "info");
  const failOn = readWord(options, "fail-on", severities, "error");
  for (const word of [format, severity, failOn]) if (typeof word !== "string") return word.refused;
  if (!isAtLeast(failOn as Severity, severity as Severity)) return `--fail-on ${failOn as string} would fail for findings that --severity ${severity as string} hides`;
  const [only, ignored] = [options["code"], options["ignore"]].map((list) => (typeof list === "string" ? readCodes(list) : undefined));
  if (typeof only === "string") return only;
  if (typeof ignored === "string") return ignored;
  const namespace = options["namespace"];
  if (typeof namespace === "string" && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) return `${JSON.stringify(namespace)} is no name of a namespace`;
  const wrong = checkOptions(options, paths);
  if (wrong !== undefined) return wrong;
  const overrides = { ...(options["strict"] === true && { strict: true }), ...(typeof options["environment"] === "string" && { environment: options["environment"] }) };
  return {
    paths, flags, format: format as Format, severity: severity as Severity, failOn: failOn as Severity, wanted: { ...(only && { only }), ...(ignored && { ignored }) },
    run: { ...(typeof namespace === "string" && { namespace }), ...(Object.keys(overrides).length > 0 && { overrides }) },
    ...(typeof options["with"] === "string" && { with: options["with"] }), ...(typeof options["baseline"] === "string" && { baseline: options["baseline"] }),
    updatesBaseline: options["update-baseline"] === true, fixes: options["fix"] === true, isDry: options["dry-run"] === true, isVerbose: options["verbose"] === true,
  };
}

function readWord<W extends string>(options: { readonly [name: string]: unknown }, name: string, words: readonly W[], otherwise: W): W | { readonly refused: string } {
  const written = options[name];
  if (written === undefined) return otherwise;
  const word = words.find((each) => each === written);
  if (word !== undefined) return word;
  const near = words.find((each) => written !== "" && each.startsWith(String(written))) ?? suggest(String(written), words);
  return { refused: `--${name} takes ${words.slice(0, -1).join(", ")} or ${words.at(-1)}, not ${JSON.stringify(written)}${near ? `; did you mean ${near}?` : ""}` };
}

/** What may not stand together. */
function checkOptions(options: { readonly [name: string]: unknown }, paths: readonly string[]): string | undefined {
  if (options["update-baseline"] && options["baseline"] === undefined) return "--update-baseline goes with --baseline FILE, the file that it writes";
  if (options["update-baseline"] && (options["code"] !== undefined || options["ignore"] !== undefined)) return "--update-baseline writes down every finding: leave out --code and --ignore";
  if (options["update-baseline"] && options["fix"]) return "--fix and --update-baseline do not go together: fix first, then write down what is left";
  if (options["dry-run"] && !options["fix"]) return "--dry-run goes with --fix: without it nothing is written anyway";
  if (options["fix"] && paths.includes("-")) return "--fix changes files, and `-` is a pipe: name the files or their directory";
  return paths.filter((path) => path === "-").length > 1 ? "`-` can be read once" : undefined;
}

function readStdin(): string | Diagnostic {
  const bytes = readAll(0);
  if (isUtf8(bytes)) return bytes.toString("utf8");
  return diagnose("IZ102", undefined, { message: "bytes that are not UTF-8", help: "save the file as UTF-8" }, { position: { file: "<stdin>" } });
}

// ---- looking

async function look(request: Request, stdin: string): Promise<Looked> {
  const parts: Looked[] = [];
  const files = request.paths.filter((path) => path !== "-" && statSync(path, { throwIfNoEntry: false })?.isFile() && !kustomizationNames.includes(basename(path)));
  if (request.paths.includes("-")) {
    const { held, ...checked } = await lintStream(stdin, "<stdin>", request.run);
    parts.push({ ...nothing, ...checked, held: [held], files: ["<stdin>"] });
  }
  if (files.length > 0) parts.push(await lookAtManifests(files.map((file) => realpathSync(file)), request));
  for (const path of request.paths) if (path !== "-" && !files.includes(path)) parts.push(await lookAtTree(path, request));
  const held = parts.flatMap((part) => part.held);
  return {
    held, findings: mergeFindings(leaveOutHeld(parts.flatMap(({ findings }) => findings), held)), files: [...new Set(parts.flatMap((part) => part.files))],
    objects: parts.reduce((sum, { objects }) => sum + objects, 0), skipped: parts.flatMap(({ skipped }) => skipped), refused: parts.flatMap(({ refused }) => refused),
  };
}

const nothing: Looked = { findings: [], files: [], objects: 0, skipped: [], held: [], refused: [] };

async function lookAtManifests(files: readonly string[], { run }: Request): Promise<Looked> {
  const { manifests, skipped, diagnostics } = await readManifests(files);
  const checked = await Promise.all(arrangeUnits(manifests).map((unit) => lintUnit(unit, run)));
  return {
    ...nothing, skipped, files: manifests.map(({ source }) => source.file), objects: manifests.reduce((sum, { input }) => sum + input.leaves.length, 0),
    findings: [...diagnostics.map(bareFinding), ...checked.flatMap(({ findings }) => findings)], held: checked.map(({ held }) => held),
  };
}

/** A directory: what its kustomizations build, each as a whole, and the manifests that none of them takes in. */
async function lookAtTree(path: string, request: Request): Promise<Looked> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return { ...nothing, refused: [diagnose("IZ480", undefined, { path, message: "nothing is there" })] };
  const directory = stats.isFile() ? dirname(path) : path;
  const tree = readTree(directory);
  const taken = namedFiles(tree);
  const { files, skipped } = stats.isFile() ? { files: [], skipped: [] } : findYaml(realpathSync(directory), (file) => taken.has(file) || tree.owned.has(file));
  const rest = await lookAtManifests(files, request);
  const built = tree.nodes.size > 0 ? await lookAtBuilds(tree, request) : nothing;
  const isNothing = tree.nodes.size === 0 && rest.files.length === 0;
  return {
    findings: [...built.findings, ...rest.findings], files: [...built.files, ...rest.files], objects: built.objects + rest.objects,
    skipped: [...skipped, ...rest.skipped], held: [...built.held, ...rest.held], refused: [...built.refused, ...(isNothing && rest.findings.length === 0 ? [diagnose("IZ480", undefined, { path: shown(directory), message: "no kustomization and no manifest in it or below" })] : [])],
  };
}

async function lookAtBuilds(tree: SourceTree, request: Request): Promise<Looked> {
  const tool = findTool(request.with);
  if (!tool) return { ...nothing, refused: [diagnose("IZ401", undefined, request.with === undefined ? {} : { named: request.with })] };
  const progress = startProgress();
  const linted = await withTemporary((temporary) => lintBuilds(tree, { tool, flags: request.flags, run: request.run, temporary, say: (step) => progress.say(step) }));
  progress.end();
  return { ...nothing, ...linted };
}

/** Every file that a kustomization names in any way: as a resource, a patch, values of a chart, a part of a ConfigMap. */
function namedFiles(tree: SourceTree): ReadonlySet<string> {
  const named = new Set<string>();
  const visit = (value: unknown, directory: string): void => {
    if (typeof value === "string") {
      if (value.length < 1024 && !value.includes("\n")) for (const path of [value, value.slice(value.indexOf("=") + 1)]) named.add(resolve(directory, path));
    } else if (Array.isArray(value)) for (const entry of asList(value)) visit(entry, directory);
    else for (const entry of Object.values(asMapping(value) ?? {})) visit(entry, directory);
  };
  for (const { content, directory } of tree.nodes.values()) visit(content, directory);
  return named;
}

// ---- what is said

function toReport({ wanted, severity, failOn, paths }: Request, { findings, files, objects }: Looked, baseline: Baseline | undefined): LintReport {
  const known = new Set(baseline?.entries.map(({ fingerprint }) => fingerprint));
  const meant = findings.filter((finding) => isWanted(finding, wanted));
  const fresh = meant.filter((finding) => !isKnown(finding, known));
  const looked = new Set(files.map((file) => resolve(file)));
  const wasLookedAt = (code: string, file: string): boolean => isWanted({ code } as Finding, wanted)
    && (basename(file) === "<stdin>" ? paths.includes("-") : looked.has(file) || paths.some((path) => path !== "-" && isBelow(file, resolve(path))));
  const gone = baseline ? findGone(baseline, findings, wasLookedAt).filter((finding) => isWanted(finding, wanted)) : [];
  const shownFindings = [...fresh, ...gone].filter((finding) => isAtLeast(finding.severity, severity));
  return { findings: shownFindings, files, objects, known: meant.length - fresh.length, failOn };
}

async function writeReport(report: LintReport, format: Format): Promise<string> {
  if (format === "json") return (await import("../lint/json.ts")).writeJson(report);
  if (format === "sarif") return (await import("../lint/sarif.ts")).writeSarif(report);
  if (format === "github") return (await import("../lint/github.ts")).writeGithub(report);
  if (format === "junit") return (await import("../lint/junit.ts")).writeJunit(report);
  const { findings, files, objects, known } = report;
  const text = findings.length === 0 ? "" : `${writeText(findings, isColoured(process.stdout))}\n\n`;
  const counts = findings.length === 0 ? "nothing found" : writeSummary(findings);
  return `${text}istiomize: ${counts} in ${count(objects, "object")} of ${count(files.length, "file")}${known > 0 ? `; ${known} more in the baseline` : ""}\n`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

async function update({ baseline: file }: Request, { findings }: Looked, baseline: Baseline | undefined): Promise<number> {
  const kept = findings.filter(({ code }) => code !== "IZ479");
  const refused = await writeBaseline(file!, kept, baseline);
  return refused.length > 0 ? stop(refused) : print(`${shown(resolve(file!))}: ${count(kept.length, "finding")} written down; \`--baseline ${shown(resolve(file!))}\` leaves them out\n`);
}

// ---- fixing

/** Shows what the fixes change, and writes it unless that is all that was asked for. */
async function carryOut({ changes, fixed, left }: Fixes, { isDry, format }: Request): Promise<readonly Diagnostic[]> {
  for (const { finding, why } of left) writeAll(2, `istiomize: ${finding.code} ${[finding.position?.file, finding.position?.line].filter(Boolean).join(":")} is left to you: ${why}\n`);
  if (changes.length === 0) {
    writeAll(2, "istiomize: nothing to fix by itself\n");
    return [];
  }
  const root = commonDirectory(changes.map(({ path }) => dirname(path)));
  // What programs read is alone on standard output.
  const stream = format === "text" ? process.stdout : process.stderr;
  const { writeDiff } = await import("../report/diff.ts");
  writeAll(format === "text" ? 1 : 2, `${writeDiff(changes, isBelow(root, process.cwd()) ? process.cwd() : root, isColoured(stream))}\n`);
  const refused = isDry ? [] : await writeChanges(root, changes);
  if (worstSeverity(refused) === undefined) writeAll(2, `istiomize: ${count(fixed.length, "finding")} ${isDry ? "would be fixed" : "fixed"} in ${count(changes.length, "file")}\n`);
  return refused;
}

const lintHelp = `istiomize lint <path...|->: every check, on annotations and on Istio objects that people wrote

Examples
  istiomize lint gitops
  kustomize build overlays/staging | istiomize lint -
  istiomize lint gitops --format sarif > istiomize.sarif

A directory: each kustomization there that no other one takes in is built with the real kustomize or kubectl and checked
as a whole, and so are the manifests that none of them names. Findings stand where the field is written, patches included.

Options
  -f, --format FORMAT         text, json, sarif, github or junit (default: text)
      --severity LEAST        leave out what is less: error, warning or info (default: info)
      --fail-on LEAST         exit with 1 for findings that are at least this (default: error)
      --code CODES            only these, such as IZ310,IZ37*
      --ignore CODES          all but these
      --baseline FILE         leave out the findings that this file lists
      --update-baseline       write the findings of now into that file
      --fix                   mend what can be mended without a thought, and show what that changes first
      --dry-run               with --fix: only show it
  -n, --namespace NAMESPACE   namespace of objects that carry none
      --strict                warnings are errors, as with spec.strict
      --environment NAME      the environment, over spec.environment
      --with PROGRAM          the kustomize or kubectl to build with (default: the first of the two on PATH)
      --verbose               name the files that hold nothing to check
  --                          what follows goes to kustomize

Exit codes: 0 fine, 1 errors (or what --fail-on says), 2 could not run.
`;
