import { rows, settingNames } from "../../generators/annotations/table.ts";
import { catalogue, type Code } from "../../generators/diagnostics/catalogue.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import { explainObject, findObjects, type Topic } from "../../generators/explain.ts";
import { describeObject, kindOf, nameOf, namespaceOf, type KubeObject } from "../../generators/kube/object.ts";
import { cell, code as codeCell } from "../../generators/reference/markdown.ts";
import type { Layout } from "../explain/columns.ts";
import { describeCode, writeCode } from "../explain/code.ts";
import { readSources } from "../explain/input.ts";
import { describeMeshField, writeMeshField } from "../explain/mesh-field.ts";
import { toJson } from "../explain/object-json.ts";
import { writeExplanation } from "../explain/object-text.ts";
import { describeSetting, listLines, listSettings, writeSetting } from "../explain/setting.ts";
import type { Source } from "../explain/source.ts";
import { kindNames, readTopic, type Asked } from "../explain/topic.ts";
import { reportDiagnostics, type RunOptions } from "../run.ts";
import { isColoured } from "../stdio.ts";
import { print, readOptions, refuse } from "./cli.ts";

export const explainOptions = {
  list: { type: "boolean" }, format: { type: "string", short: "f" }, overlay: { type: "string" }, namespace: { type: "string", short: "n" }, environment: { type: "string" },
  with: { type: "string" }, help: { type: "boolean", short: "h" },
} as const;

export const explainFormats = ["text", "json", "markdown"] as const;
type Format = (typeof explainFormats)[number];

/** What `--list` lists. */
export const lists = ["annotations", "codes"] as const;

/** What `explain` completes to: objects of a kind are named by whoever types them. */
export function explainTopics(): readonly string[] {
  return [...settingNames, ...Object.keys(catalogue)];
}

/** `istiomize explain Service/web overlays/staging`, `explain timeout`, `explain IZ310`, `explain --list`. */
export async function explain(args: readonly string[]): Promise<number> {
  const end = args.indexOf("--");
  const options = readOptions(end < 0 ? args : args.slice(0, end), explainOptions);
  if (typeof options === "string") return refuse(options);
  if (options["help"]) return print(explainHelp);
  const format = readFormat(options["format"], options["list"] === true);
  if (typeof format !== "string") return refuse(format.refused);
  const [topic, path, extra] = options._ ?? [];
  if (options["list"]) return path === undefined ? list(topic ?? "annotations", format) : refuse(`--list takes one word, annotations or codes; ${JSON.stringify(path)} is a second one`);
  if (topic === undefined) return refuse("name an object, an annotation or a code, such as `istiomize explain Service/web`, `istiomize explain timeout` or `istiomize explain IZ310`, or use --list");
  const asked = readTopic(topic);
  if ("unknown" in asked) return refuse(asked.unknown);
  if (!("object" in asked) && path !== undefined) return refuse(`explain takes one name; ${JSON.stringify(path)} is a second one`);
  if (extra !== undefined) return refuse(`explain takes one name and one path; ${JSON.stringify(extra)} is one more`);
  if (!("object" in asked)) return print(format === "json" ? writeJson(describeTopic(asked)) : writeTopic(asked, layoutOf()));
  const namespace = options["namespace"];
  if (typeof namespace === "string" && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) return refuse(`${JSON.stringify(namespace)} is no name of a namespace`);
  const run: RunOptions = { ...(typeof namespace === "string" && { namespace }), ...(typeof options["environment"] === "string" && { overrides: { environment: options["environment"] } }) };
  return explainIn(asked.object, {
    path: path ?? ".", topic: asked.object, run, flags: end < 0 ? [] : args.slice(end + 1), format,
    ...(typeof options["overlay"] === "string" && { overlay: options["overlay"] }), ...(typeof options["with"] === "string" && { with: options["with"] }),
  });
}

function readFormat(written: unknown, isList: boolean): Format | { readonly refused: string } {
  const allowed: readonly Format[] = isList ? explainFormats : ["text", "json"];
  if (written === undefined) return "text";
  const format = allowed.find((each) => each === written);
  if (format !== undefined) return format;
  if (written === "markdown") return { refused: "--format markdown goes with --list" };
  const near = suggest(String(written), allowed);
  return { refused: `--format takes ${allowed.slice(0, -1).join(", ")} or ${allowed.at(-1)}, not ${JSON.stringify(written)}${near ? `; did you mean ${near}?` : ""}` };
}

/** A terminal has a width and mostly colours; a pipe has neither. */
function layoutOf(): Layout {
  const isTerminal = process.stdout.isTTY === true;
  return { isColoured: isColoured(process.stdout) && process.env["TERM"] !== "dumb", ...(isTerminal && { width: Math.max(process.stdout.columns || 80, 40) }) };
}

function writeJson(value: object): string {
  return `${JSON.stringify({ version: 1, ...value }, null, 2)}\n`;
}

// ---- objects

async function explainIn(topic: Topic, { format, ...options }: Parameters<typeof readSources>[0] & { readonly format: Format }): Promise<number> {
  const sources = await readSources(options);
  if (typeof sources === "string") return refuse(sources);
  if ("refused" in sources) {
    reportDiagnostics(sources.refused);
    if (sources.refused.every(({ severity }) => severity !== "error")) return refuse("what is made is in the input already, and what it was made from is not: explain the input from before");
    return 2;
  }
  const found = sources.flatMap((source) => findObjects(source.run, topic).map((object) => ({ source, object })));
  if (found.length === 0) return refuse(describeMissing(topic, sources));
  const names = [...new Set(found.map(({ object }) => describeObject(object)))];
  if (names.length > 1) return refuse(`${topic.kind} ${topic.name} is the name of ${names.length}: ${found.map(({ object }) => asTopic(object)).join(", ")}; name one of them`);
  const explained = found.map(({ source, object }) => ({ source, explanation: explainObject(source.run, object, source.diagnostics) }));
  if (format === "json") return print(writeJson({ objects: explained.map(({ source, explanation }) => toJson(explanation, source)) }));
  return print(explained.map(({ source, explanation }) => writeExplanation(explanation, source, layoutOf())).join("\n"));
}

/** How an object is asked for, with its namespace. */
function asTopic(object: KubeObject): string {
  return [kindOf(object), ...(namespaceOf(object) ? [namespaceOf(object)] : []), nameOf(object)].join("/");
}

function describeMissing({ kind, name, namespace }: Topic, sources: readonly Source[]): string {
  const where = [...new Set(sources.map((source) => source.name))].slice(0, 3).join(", ");
  const objects = sources.flatMap(({ run }) => [...run.objects, ...run.made.map(({ object }) => object)]);
  const alike = objects.filter((object) => kindOf(object) === kind);
  const elsewhere = alike.filter((object) => nameOf(object) === name);
  const meant = elsewhere.length > 0 ? [...new Set(elsewhere.map(asTopic))].join(" or ") : suggest(name, [...new Set(alike.map(nameOf))]);
  const other = objects.find((object) => nameOf(object) === name && kindNames.includes(kindOf(object)) && (namespace === undefined || namespaceOf(object) === namespace));
  const help = meant !== undefined ? `; did you mean ${meant.includes("/") ? meant : `${kind}/${meant}`}?` : other ? `; there is ${asTopic(other)}` : alike.length === 0 ? `; there is no ${kind} at all` : "";
  const made = ["VirtualService", "DestinationRule"].includes(kind) && meant === undefined ? ` (\`istiomize explain Service/${name}\` says why none is made)` : "";
  return `no ${kind} is called ${namespace === undefined ? "" : `${namespace}/`}${name} in ${where}${help}${made}`;
}

// ---- what the tables say

type Told = Exclude<Asked, { readonly object: Topic } | { readonly unknown: string }>;

function describeTopic(asked: Told): object {
  if ("code" in asked) return describeCode(asked.code);
  if ("field" in asked) return describeMeshField(asked.field);
  return "setting" in asked ? describeSetting(asked.setting) : { field: asked.written, annotations: asked.settings.map(describeSetting) };
}

function writeTopic(asked: Told, layout: Layout): string {
  if ("code" in asked) return writeCode(asked.code, layout);
  if ("field" in asked) return writeMeshField(asked.field, layout);
  if ("setting" in asked) return writeSetting(asked.setting, layout);
  return `${asked.written} is what ${asked.settings.length} annotations write:\n${listSettings(asked.settings, layout)}`;
}

function list(what: string, format: Format): number {
  const near = suggest(what, lists);
  if (what !== "annotations" && what !== "codes") return refuse(`--list lists annotations or codes, not ${JSON.stringify(what)}${near ? `; did you mean ${near}?` : ""}`);
  const codes = Object.keys(catalogue) as readonly Code[];
  if (what === "codes") {
    if (format === "json") return print(writeJson({ codes: codes.map(describeCode) }));
    const lines = codes.map((code) => [code, `${catalogue[code].severity}: ${catalogue[code].title}`] as const);
    return print(format === "text" ? listLines(lines, layoutOf()) : writeTable(["code", "severity", "title"], codes.map((code) => [code, catalogue[code].severity, cell(catalogue[code].title)])));
  }
  if (format === "json") return print(writeJson({ annotations: settingNames.map(describeSetting) }));
  return print(format === "text" ? listSettings(settingNames, layoutOf()) : writeTable(["annotation", "on", "example", "what"],
    settingNames.map((name) => [codeCell(`istiomize.dev/${name}`), rows[name].on.join(", ") || "behind a scope", codeCell(rows[name].example), cell(rows[name].summary)])));
}

function writeTable(titles: readonly string[], lines: readonly (readonly string[])[]): string {
  return [titles, titles.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |\n`).join("");
}

const explainHelp = `istiomize explain <Kind/name> [path or -]: why each setting and each field of an object is what it is
istiomize explain <annotation, field or code>: what it means

Examples
  istiomize explain Service/web overlays/staging
  kustomize build overlays/staging | istiomize explain DestinationRule/web -
  istiomize explain timeout
  istiomize explain perTryTimeout
  istiomize explain IZ310
  istiomize explain --list codes --format json

An object: a Service, a workload, a Namespace, or an Istio object, generated or not, as Kind/name or Kind/namespace/name.
Every setting is shown with each place that sets it, nearest first, and the fields that it became; then every field of
what was made, with where it comes from. The path is a kustomization, a tree, a file or folder of manifests (default: .).

Options
      --list                  every annotation, with a line on each; \`--list codes\`: every code
  -f, --format FORMAT         text or json; for --list markdown too (default: text)
      --overlay NAME          which kustomization of a tree is meant
  -n, --namespace NAMESPACE   namespace of objects that carry none
      --environment NAME      the environment, over spec.environment
      --with PROGRAM          the kustomize or kubectl to build with (default: the first of the two on PATH)
  --                          what follows goes to kustomize

Exit codes: 0 explained, 2 could not.
`;
