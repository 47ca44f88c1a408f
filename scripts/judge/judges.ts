/** The judges: programs built from Istio's and Kubernetes' own code, each asked what it finds in a stream. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { root } from "../tools.ts";

export type JudgeName = "istio-judge" | "api-server";

/** An error or a warning; what a judge says for information only is left out. */
export interface Finding {
  readonly judge: JudgeName;
  readonly severity: "error" | "warning";
  /** Istio's or Kubernetes' own word for it. */
  readonly code: string;
  readonly subject: string;
  readonly message: string;
}

export interface Judges {
  readonly istioJudge: string;
  readonly apiServer: string;
  readonly kustomizes: readonly string[];
}

/** What both print about one object, as far as they agree. */
interface Said {
  readonly severity: "error" | "warning" | "info";
  readonly code?: string;
  readonly reason?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly message: string;
}

/** The judges' folder: `ISTIOMIZE_CONFORMANCE`, or beside the repository. Nothing where there is none. */
export function findJudges(): Judges | undefined {
  const folder = resolve(root, process.env.ISTIOMIZE_CONFORMANCE ?? join("..", "shared", "conformance"));
  if (!existsSync(join(folder, "setup"))) return undefined;
  const bin = execFileSync(join(folder, "setup"), ["--path"], { encoding: "utf8" }).trim();
  const [istioJudge, apiServer] = [join(bin, "istio-judge"), join(bin, "api-server")];
  const missing = [istioJudge, apiServer].filter((program) => !existsSync(program));
  if (missing.length > 0) throw new Error(`${missing.join(" and ")} not built yet: run ${join(folder, "setup")}`);
  const kustomizes = readdirSync(bin).filter((name) => /^kustomize-\d/.test(name)).sort().map((name) => join(bin, name));
  return { istioJudge, apiServer, kustomizes };
}

/** Judges many streams of a folder in one process; findings come back by file. */
export function askIstioJudge({ istioJudge }: Judges, files: readonly string[], folder: string): Map<string, Finding[]> {
  if (files.length === 0) return new Map();
  const run = spawnSync(istioJudge, ["check", "--each", "--json", ...files], { cwd: folder, encoding: "utf8", maxBuffer: Infinity });
  if (run.status !== 0 && run.status !== 1) throw new Error(`istio-judge could not judge: ${run.error?.message ?? run.stderr}`);
  const answers = run.stdout.trim().split("\n").map((line) => JSON.parse(line) as { input: string; findings: Said[] });
  return new Map(answers.map(({ input, findings }) => [input, readFindings("istio-judge", findings)]));
}

/** Starts one API server for all files, and asks it about one file after the other: labels of namespaces stay behind. */
export async function askApiServer({ apiServer }: Judges, files: readonly string[], folder: string): Promise<Map<string, Finding[]>> {
  const server = spawn(apiServer, ["serve", "--kubeconfig", "kubeconfig"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(server, "exit");
  try {
    await Promise.race([once(server.stdout, "data"), ended]); // it prints one line when it is ready
    if (server.exitCode !== null) throw new Error("api-server did not start");
    return new Map(files.map((file) => [file, checkFile(apiServer, file, folder)]));
  } finally {
    server.kill();
    await ended;
  }
}

function checkFile(apiServer: string, file: string, folder: string): Finding[] {
  const options = ["--strict", "--format", "json", "--kubeconfig", "kubeconfig", ...foreignGroups.flatMap((group) => ["--allow-unknown", group])];
  const run = spawnSync(apiServer, ["check", ...options, file], { cwd: folder, encoding: "utf8", maxBuffer: Infinity });
  if (run.status !== 0 && run.status !== 1) throw new Error(`api-server could not judge ${file}: ${run.error?.message ?? run.stderr}`);
  return readFindings("api-server", JSON.parse(run.stdout) as Said[]);
}

/** Kinds of others that the goldens hold and this server does not know. Our own group is not here: it must be refused. */
const foreignGroups = ["argoproj.io", "flagger.app"];

function readFindings(judge: JudgeName, said: readonly Said[]): Finding[] {
  return said.flatMap(({ severity, code, reason, kind, namespace, name, message }) => severity === "info" ? [] : [{
    judge,
    severity,
    code: code ?? reason ?? "",
    subject: `${kind || "Document"} ${[namespace, name].filter(Boolean).join("/")}`.trim(),
    message: message.replace(/\s+/g, " "),
  }]);
}

export const printFinding = ({ judge, severity, code, subject, message }: Finding): string =>
  `${severity} ${[judge, code].filter(Boolean).join(" ")} ${subject}: ${message}`;
