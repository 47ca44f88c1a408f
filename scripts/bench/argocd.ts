/** Argo CD's own repo-server and plugin server, as the judge runs them, in each way to render a mesh and without one. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { dump } from "js-yaml";
import { bundle, findOnPath, root } from "../tools.ts";
import type { BenchContext, Figure } from "./cases.ts";
import { argoRatio } from "./report.ts";
import { median, runCommand } from "./measure.ts";
import { makeStream, writeHandwrittenTree, writeMeshedTree } from "./trees.ts";

const [services, rounds] = [200, 5];

/** Seconds that the repo-server takes for one render, with the manifest cache out of the way. */
export function benchArgoCd({ folder, rounds: wanted = rounds }: BenchContext): Figure[] {
  const judge = findOnPath("argocd-judge");
  if (!judge) {
    console.error("argocd-judge is not on PATH: Argo CD is not measured");
    return [];
  }
  const repository = join(folder, "argocd");
  const home = join(repository, "plugins");
  const executable = join(home, "istiomize.dev/v1alpha1/servicemesh/ServiceMesh");
  const bin = join(folder, "argocd-bin");
  for (const target of [executable, join(bin, "istiomize")]) {
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(bundle, target);
    chmodSync(target, 0o755);
  }
  const generated = runCommand({ program: process.execPath, args: [bundle], input: makeStream(services) }, folder).stdout;
  writeHandwrittenTree(join(repository, "plain"), services, generated);
  for (const mode of ["cmp", "plugin", "exec"]) writeMeshedTree(join(repository, mode), services);
  addTransformer(join(repository, "plugin/overlay"), {});
  addTransformer(join(repository, "exec/overlay"), { "config.kubernetes.io/function": "exec: {path: istiomize}\n" });
  cpSync(join(root, "gitops/argocd/cmp/plugin.yaml"), join(repository, "plugin.yaml"));
  execFileSync("git", ["init", "-q", repository]);

  const ways = {
    plain: ["native"],
    plugin: ["native", "--build-options", "--enable-alpha-plugins", "--server-env", `KUSTOMIZE_PLUGIN_HOME=${home}`],
    exec: ["native", "--build-options", "--enable-alpha-plugins --enable-exec"],
    cmp: ["cmp", "--plugin-config", join(repository, "plugin.yaml")],
  };
  const seconds = Object.fromEntries(Object.entries(ways).map(([name, args]) => {
    const report = join(folder, "argocd-report.json");
    const run = spawnSync(judge, [...args, "--app-dir", join(repository, name, "overlay"), "--repeat", String(wanted + 1), "--report", report], {
      env: { ...process.env, PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter) }, encoding: "utf8", maxBuffer: Infinity,
    });
    if (run.status !== 0) throw new Error(`argocd-judge ${args.join(" ")} failed (${run.status ?? run.signal})\n${run.stderr}`);
    const { outcomes } = JSON.parse(readFileSync(report, "utf8")) as { outcomes: { seconds: number }[] };
    return [name, median(outcomes.slice(1).map((outcome) => outcome.seconds))];
  })) as Record<keyof typeof ways, number>;

  const against = (name: keyof typeof ways): Figure => ({ what: argoRatio, value: seconds[name] / seconds.plain, unit: "×" });
  return [
    { what: `Argo CD, ${services} services, kustomize, Istio files by hand`, value: seconds.plain, unit: "s" },
    { what: `Argo CD, ${services} services, plugin sidecar (\`istiomize render .\`)`, value: seconds.cmp, unit: "s" },
    against("cmp"),
    { what: `Argo CD, ${services} services, kustomize with the older exec plugin`, value: seconds.plugin, unit: "s" },
    against("plugin"),
    { what: `Argo CD, ${services} services, kustomize with the KRM function`, value: seconds.exec, unit: "s" },
    against("exec"),
  ];
}

/** Meshes an overlay with a function of its own; the ServiceMesh of the base gives the settings. */
function addTransformer(overlay: string, annotations: Readonly<Record<string, string>>): void {
  const file = join(overlay, "kustomization.yaml");
  writeFileSync(file, `${readFileSync(file, "utf8")}transformers: [function.yaml]\n`);
  writeFileSync(join(overlay, "function.yaml"), dump({ apiVersion: "istiomize.dev/v1alpha1", kind: "ServiceMesh", metadata: { name: "bench", annotations }, spec: {} }));
}
