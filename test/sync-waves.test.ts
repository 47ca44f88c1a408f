import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describe, test } from "node:test";
import { dump, loadAll } from "js-yaml";
import { mappingAt, type KubeObject } from "../generators/kube/object.ts";
import { goldens } from "./support/cases.ts";

interface Step {
  readonly wave: number;
  readonly object: string;
}
interface Report {
  readonly steps: readonly Step[];
  readonly findings?: readonly { readonly level: string; readonly code?: string; readonly message: string }[];
}

const judge = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "argocd-judge")).find(existsSync);
const skip = judge ? false : "argocd-judge is not on the PATH";

/** The order in which Argo CD's own sync engine applies a golden's output to a cluster that knows these kinds. */
function sync(golden: string): Report {
  const stream = readFileSync(join(goldens, golden, "expected/output.yaml"), "utf8");
  const kinds = [["networking.istio.io", "DestinationRule", "destinationrules", "v1"], ["networking.istio.io", "VirtualService", "virtualservices", "v1"], ["security.istio.io", "PeerAuthentication", "peerauthentications", "v1"], ["argoproj.io", "Rollout", "rollouts", "v1alpha1"]] as const;
  const definitions = kinds.map(([group, kind, plural, version]) => ({
    apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: { name: `${plural}.${group}` },
    spec: {
      group, scope: "Namespaced", names: { kind, plural, singular: kind.toLowerCase() },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } } }],
    },
  }));
  const folder = mkdtempSync(join(tmpdir(), "istiomize-waves-"));
  const crds = join(folder, "crds.yaml");
  writeFileSync(crds, definitions.map((definition) => dump(definition)).join("---\n"));
  try {
    const run = spawnSync(judge!, ["sync-check", "--json", "--crd", crds, "--dest-namespace", "shop", "-"], { input: stream, encoding: "utf8" });
    assert.equal(run.status, 0, run.stderr + run.stdout);
    return JSON.parse(run.stdout) as Report;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function objectsOf(golden: string): readonly KubeObject[] {
  return loadAll(readFileSync(join(goldens, golden, "expected/output.yaml"), "utf8")) as KubeObject[];
}

describe("sync waves in Argo CD's own sync engine", { skip }, () => {
  test("a DestinationRule is applied before the VirtualService and the PeerAuthentication of its Service", () => {
    const { steps } = sync("argocd/sync-waves");
    const at = (kind: string, name: string): number => steps.findIndex(({ object }) => object.includes(kind) && object.endsWith(`/${name}`));
    for (const [first, second, name] of [["DestinationRule", "VirtualService", "web"], ["DestinationRule", "PeerAuthentication", "web"], ["Service ", "DestinationRule", "web"], ["DestinationRule", "VirtualService", "api"]] as const) {
      assert.ok(at(first, name) >= 0 && at(second, name) >= 0, JSON.stringify(steps));
      assert.ok(at(first, name) < at(second, name), `${first} before ${second} of ${name}: ${JSON.stringify(steps)}`);
    }
  });

  test("what a Rollout names is applied before the Rollout, which is not healthy without it", () => {
    const { steps } = sync("argocd/rollouts-with-sync-waves");
    const at = (kind: string): number => steps.findIndex(({ object }) => object.includes(kind));
    const order = ["DestinationRule", "VirtualService", "Rollout"].map(at);
    assert.ok(order.every((step, i) => step > (order[i - 1] ?? -1)), JSON.stringify(steps));
    assert.ok(steps[order[1]!]!.wave < steps[order[2]!]!.wave, JSON.stringify(steps));
  });

  test("every object is applied, in the wave that it carries", () => {
    const { steps } = sync("argocd/sync-waves");
    for (const object of objectsOf("argocd/sync-waves")) {
      const wave = Number(mappingAt(object, "metadata", "annotations")["argocd.argoproj.io/sync-wave"] ?? 0);
      const name = String(mappingAt(object, "metadata")["name"]);
      assert.ok(steps.some((step) => step.object.includes(String(object["kind"])) && step.object.endsWith(name) && step.wave === wave), `${String(object["kind"])} ${name} in wave ${wave}: ${JSON.stringify(steps)}`);
    }
  });
});
