import { parseArgs } from "node:util";
import type { Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import { writeAll } from "../stdio.ts";

/** What may stand behind a command or an option: one of some words, or a path. */
export type Values = readonly string[] | "directory" | "file";

/** What a command takes, for the completion of shells. */
export interface Syntax {
  readonly options: Options;
  /** Of options that take one of some words, or a path. */
  readonly values?: { readonly [option: string]: Values };
  readonly argument?: Values;
  /** Commands of a command; they come first. */
  readonly inner?: { readonly [name: string]: Syntax };
}

/** One command: a line of help, what runs it, and what it takes. */
interface Command {
  readonly usage: string;
  readonly summary: string;
  readonly run: (args: readonly string[]) => Promise<number> | number;
  readonly syntax: () => Promise<Syntax>;
}

export const commands: { readonly [name: string]: Command } = {
  render: {
    usage: "render <kustomization>", summary: "build with the real kustomize or kubectl, and mesh the result",
    run: async (args) => (await import("./render.ts")).render(args),
    syntax: async () => {
      const { diffFormats, renderOptions } = await import("./render.ts");
      return { options: renderOptions, values: { with: "file", format: diffFormats }, argument: "directory" };
    },
  },
  generate: {
    usage: "generate <tree>", summary: "write the Istio files beside each service, and keep them up to date",
    run: async (args) => (await import("./generate.ts")).generate(args),
    syntax: async () => ({ options: (await import("./generate.ts")).generateOptions, values: { with: "file" }, argument: "directory" }),
  },
  scaffold: {
    usage: "scaffold service|overlay|tree", summary: "a new service, environment or whole tree, in the shape of what is there",
    run: async (args) => (await import("./scaffold.ts")).scaffold(args),
    syntax: scaffoldSyntax,
  },
  lint: {
    usage: "lint <path...|->", summary: "every check, on Istio objects that people wrote too",
    run: async (args) => (await import("./lint.ts")).lint(args),
    syntax: async () => {
      const { formats, lintOptions, severities } = await import("./lint.ts");
      return { options: lintOptions, values: { format: formats, severity: severities, "fail-on": severities, baseline: "file", with: "file" }, argument: "file" };
    },
  },
  explain: {
    usage: "explain <Kind/name> [path|-] | <annotation or code>", summary: "why a field is what it is; what a setting or a code means",
    run: async (args) => (await import("./explain.ts")).explain(args),
    syntax: async () => {
      const { explainFormats, explainOptions, explainTopics } = await import("./explain.ts");
      return { options: explainOptions, values: { format: explainFormats, overlay: "directory", with: "file" }, argument: explainTopics() };
    },
  },
  doctor: {
    usage: "doctor [tree]", summary: "what works on this machine, what a tree needs of it, and the line to add",
    run: async (args) => (await import("./doctor.ts")).doctor(args),
    syntax: async () => ({ options: (await import("./doctor.ts")).doctorOptions, argument: "directory" }),
  },
  install: {
    usage: "install [--bin DIR] [--argocd DIR]", summary: "put this executable where kustomize finds it; write the tree for Argo CD",
    run: async (args) => (await import("./install.ts")).install(args),
    syntax: async () => ({ options: (await import("./install.ts")).installOptions, values: { bin: "directory", "plugin-home": "directory", argocd: "directory" } }),
  },
  completion: {
    usage: "completion bash|zsh|fish", summary: "a script that completes commands, options and names in a shell",
    run: async (args) => (await import("./completion.ts")).completion(args),
    syntax: async () => {
      const { completionOptions, shells } = await import("./completion.ts");
      return { options: completionOptions, argument: shells };
    },
  },
};

async function scaffoldSyntax(): Promise<Syntax> {
  const { layouts, protocols, scaffoldOptions: { service, overlay, tree } } = await import("./scaffold.ts");
  const values = { layout: layouts, protocol: protocols, base: "directory" } as const;
  const inner = { service: { options: service, values, argument: "directory" }, overlay: { options: overlay, argument: "directory" }, tree: { options: tree, values, argument: "directory" } } as const;
  return { options: { help: service.help }, inner };
}

export const functionOptions = { namespace: { type: "string", short: "n" }, strict: { type: "boolean" }, environment: { type: "string" }, help: { type: "boolean", short: "h" }, version: { type: "boolean", short: "v" } } as const;

/** Runs a command by name; without one, the function with its options. Gives the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name !== undefined && Object.hasOwn(commands, name)) return commands[name]!.run(rest);
  if (name === "help") return print(help());
  if (name !== undefined && !name.startsWith("-")) {
    const near = suggest(name, [...Object.keys(commands), "help"]);
    return refuse(`there is no command ${JSON.stringify(name)}${near ? `; did you mean \`istiomize ${near}\`?` : ""}\n\`istiomize --help\` prints them all`);
  }
  const options = readOptions(args, functionOptions);
  if (typeof options === "string") return refuse(options);
  const [extra] = options._ ?? [];
  if (extra !== undefined) return refuse(`${JSON.stringify(extra)} is no command and no option; \`istiomize render ${extra}\` builds a kustomization`);
  if (options["version"]) return print(`${ISTIOMIZE_VERSION}\n`);
  if (options["help"] || (process.stdin.isTTY && args.length === 0)) return print(help());
  const namespace = options["namespace"];
  if (typeof namespace === "string" && !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(namespace)) return refuse(`${JSON.stringify(namespace)} is no name of a namespace`);
  const overrides = { ...(options["strict"] === true && { strict: true }), ...(typeof options["environment"] === "string" && { environment: options["environment"] }) };
  const { runAsFunction } = await import("../run.ts");
  return runAsFunction({ overrides, ...(typeof namespace === "string" && { namespace }) });
}

export type Options = { readonly [name: string]: { readonly type: "string" | "boolean"; readonly short?: string } };

/** The options of a command line, or what is wrong with it. */
export function readOptions(args: readonly string[], options: Options): { readonly [name: string]: unknown; readonly _?: readonly string[] } | string {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: options as never, strict: true, allowPositionals: true });
    return { ...(values as object), _: positionals };
  } catch (error) {
    const flag = /'(-{1,2}[^' ]+)/.exec((error as Error).message)?.[1] ?? "";
    const near = suggest(flag, Object.keys(options).map((name) => `--${name}`));
    return `${(error as Error).message.split(".")[0]}${near ? `; did you mean ${near}?` : ""}`;
  }
}

/** As `refuse`, with the option that an unknown one probably means. */
export function refuseOption(message: string, known: readonly string[]): number {
  const written = /^unknown option (--\S+);/.exec(message)?.[1];
  const near = written === undefined ? undefined : suggest(written, known);
  return refuse(near ? `${message}; did you mean ${near}?` : message);
}

/** Says what is wrong with the command line; gives the exit code for "could not run". */
export function refuse(message: string): number {
  writeAll(2, `istiomize: ${message}\n`);
  return 2;
}

/** Another run at work, or no kustomize, is no fault of the tree: this one could not run. */
export function exitCodeOf(diagnostics: readonly Diagnostic[]): 1 | 2 {
  return diagnostics.some(({ code }) => code === "IZ412" || code === "IZ401") ? 2 : 1;
}

export function print(text: string): number {
  writeAll(1, text);
  return 0;
}

function help(): string {
  const list = Object.values(commands).map(({ usage, summary }) => `  istiomize ${usage.padEnd(38)} ${summary}`).join("\n");
  return `istiomize ${ISTIOMIZE_VERSION}: short annotations on Deployments and Services in, a correct Istio mesh out

Examples
  istiomize render gitops/overlays/staging
  kustomize build overlays/staging | istiomize > staging.yaml
  kustomize build --enable-alpha-plugins --enable-exec overlays/staging

Commands
${list}
  istiomize [-n NAMESPACE]                         mesh a YAML stream or ResourceList from standard input

Options
  -n, --namespace NAMESPACE   namespace of objects that carry none (helm template)
      --strict                warnings are errors, as with spec.strict
      --environment NAME      the environment, over spec.environment
  -h, --help                  this page
  -v, --version               the version

Exit codes: 0 fine, 1 errors, 2 could not run.
`;
}
