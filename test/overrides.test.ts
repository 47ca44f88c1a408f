import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { findKubectls, findKustomizes } from "./support/callers.ts";
import { istiomize, temporary, type Files } from "./support/process.ts";

/** What a command line, or a parameter of the Argo CD plugin, says over the ServiceMesh: strict and environment. */
const builders = [...findKustomizes(), ...findKubectls()];
const noBuilder = builders.length === 0 && "neither kustomize nor kubectl is on this machine";

const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: web}]}\n";
const service = (annotations: string): string => `apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\n  annotations: {${annotations}}\nspec:\n  selector: {app: web}\n  ports: [{name: http, port: 80}]\n`;
const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
const mesh = (metadata: string, spec: string): string => `apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata: {name: shop${metadata}}\nspec: {${spec}}\n`;
const exec = ', annotations: {config.kubernetes.io/function: "exec: {path: istiomize}"}';
const local = ', annotations: {config.kubernetes.io/local-config: "true"}';

/** The same tree in each layout. */
function layouts(annotations: string, spec = ""): { readonly [layout: string]: Files } {
  const all = [namespace, deployment, service(annotations)].join("---\n");
  return {
    transformer: { "kustomization.yaml": "resources: [all.yaml]\ntransformers: [mesh.yaml]\n", "mesh.yaml": mesh(exec, spec), "all.yaml": all },
    resource: { "kustomization.yaml": "resources: [all.yaml, mesh.yaml]\n", "mesh.yaml": mesh("", spec), "all.yaml": all },
    files: { "kustomization.yaml": "resources: [all.yaml, mesh.yaml]\n", "mesh.yaml": mesh(local, spec), "all.yaml": all },
  };
}

const warned = 'istiomize.dev/timeout: 1s, istiomize.dev/retry-per-try-timeout: 5s';
const faulty = 'istiomize.dev/timeout: 1s, istiomize.dev/virtual-service-patch: "{http: [{route: [{destination: {host: web, port: {number: 80}}}], fault: {abort: {httpStatus: 500, percentage: {value: 1}}}}]}"';
const argo = { ARGOCD_APP_NAME: "shop", ARGOCD_APP_SOURCE_PATH: "overlays/staging" };

/** A parameter as an Application gives it. */
interface Given {
  readonly name: string;
  readonly string?: string;
  readonly array?: readonly string[];
  readonly map?: { readonly [key: string]: string };
}

/** The environment in which Argo CD starts the plugin. */
const parameters = (...given: readonly Given[]): { readonly [name: string]: string } => ({ ...argo, ARGOCD_APP_PARAMETERS: JSON.stringify(given) });

function render(t: TestContext, files: Files, args: readonly string[], env: { readonly [name: string]: string } = {}): ReturnType<typeof istiomize> {
  return istiomize(["render", temporary(t, files), "--with", builders[0]!.path, ...args], { env });
}

describe("--strict and --environment", { skip: noBuilder }, () => {
  test("--strict makes an error of a warning, in every layout and in a pipe", (t) => {
    for (const [layout, files] of Object.entries(layouts(warned))) {
      assert.equal(render(t, files, []).code, 0, layout);
      const { code, stdout, stderr } = render(t, files, ["--strict"]);
      assert.deepEqual([code, stdout], [1, ""], layout);
      assert.match(stderr, /error IZ310 .*\(an error: strict\)/, layout);
    }
    const input = [namespace, deployment, service(warned)].join("---\n");
    assert.equal(istiomize([], { input }).code, 0);
    assert.equal(istiomize(["--strict"], { input }).code, 1);
  });

  test("--environment stands over spec.environment, in every layout and in a pipe", (t) => {
    for (const [layout, files] of Object.entries(layouts(faulty, "environment: staging"))) {
      assert.equal(render(t, files, []).code, 0, layout);
      assert.match(render(t, files, ["--environment", "production"]).stderr, /error IZ380/, layout);
    }
    for (const files of Object.values(layouts(faulty, "environment: production"))) assert.equal(render(t, files, ["--environment=staging"]).code, 0);
    const input = [namespace, deployment, service(faulty)].join("---\n");
    assert.match(istiomize(["--environment", "production"], { input }).stderr, /error IZ380/);
  });

  test("without a value, and parameters that are unknown or of another type, are refused", (t) => {
    const files = layouts(warned)["resource"]!;
    assert.deepEqual([render(t, files, ["--environment"]).code, render(t, files, ["--environment", ""]).code], [2, 2]);
    const refused: readonly (readonly [Given, RegExp])[] = [
      [{ name: "strict", string: "yes" }, /plugin parameter strict is "true" or "false", not "yes".*spec\.source\.plugin\.parameters/],
      [{ name: "strict", array: ["true"] }, /plugin parameter strict is a string, not an array: `- \{name: strict, string: "true"\}`/],
      [{ name: "environment", map: { a: "b" } }, /plugin parameter environment is a string, not a map/],
      [{ name: "strct", string: "true" }, /no parameter "strct"; it has strict and environment/],
    ];
    for (const [parameter, message] of refused) {
      const { code, stdout, stderr } = render(t, files, [], parameters(parameter));
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
    }
  });
});

describe("under Argo CD", { skip: noBuilder }, () => {
  test("the parameters of the plugin are read, and win over the ServiceMesh", (t) => {
    for (const [layout, files] of Object.entries(layouts(warned))) {
      assert.match(render(t, files, [], parameters({ name: "strict", string: "true" })).stderr, /error IZ310/, layout);
      assert.equal(render(t, files, [], { ARGOCD_APP_PARAMETERS: '[{"name":"strict","string":"true"}]' }).code, 0, "elsewhere the variable is somebody else's");
    }
    for (const [layout, files] of Object.entries(layouts(warned, "strict: true"))) {
      assert.equal(render(t, files, [], argo).code, 1, layout);
      assert.equal(render(t, files, [], parameters({ name: "strict", string: "false" })).code, 0, layout);
    }
    for (const files of Object.values(layouts(faulty))) assert.match(render(t, files, [], parameters({ name: "environment", string: "production" })).stderr, /error IZ380/);
  });

  test("what is said fits into its error: errors first, each cut, less than 4 kB, with a count and where to see the rest", () => {
    const many = Array.from({ length: 300 }, (_, i) => service(`istiomize.dev/timeout: ${i === 150 ? `"${"9".repeat(9000)}"` : "15"}`).replace("name: web", `name: web-${i}`));
    const input = [namespace, deployment, service(warned).replace("name: web", "name: a-warning"), ...many].join("---\n");
    const { code, stdout, stderr } = istiomize([], { input, env: argo });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.ok(Buffer.byteLength(stderr) < 4000, String(Buffer.byteLength(stderr)));
    assert.match(stderr, /^<stdin>:\d+:\d+ {2}error IZ201 .*\n {2}resource {2}Service shop\/web-0, annotation istiomize\.dev\/timeout\n {2}read .*\n {2}expected .*\n {2}help /);
    assert.match(stderr, /\n\nistiomize: 300 errors, 1 warning.*; the last 29\d are not shown; `istiomize render overlays\/staging` in the repository shows them\n$/);
  });

  test("so does what kustomize said, however long it is", (t) => {
    const { code, stderr } = render(t, { "kustomization.yaml": `resources: [${"long-".repeat(3000)}.yaml]\n` }, [], argo);
    assert.equal(code, 1);
    assert.ok(Buffer.byteLength(stderr) < 4000, String(Buffer.byteLength(stderr)));
    assert.match(stderr, /error IZ402 .*\n[\s\S]*…\n/);
  });

  test("a render without objects is refused, for it would delete everything; elsewhere it is not", (t) => {
    for (const [layout, files] of Object.entries(layouts(warned))) {
      const empty = { ...files, "all.yaml": "# nothing\n" };
      const { code, stdout, stderr } = render(t, empty, [], argo);
      assert.deepEqual([code, stdout], [1, ""], layout);
      assert.match(stderr, layout === "transformer" ? /error IZ1(15|19)/ : /error IZ119 .*[\s\S]*an empty render makes Argo CD delete everything/, layout);
    }
    assert.equal(istiomize([], { input: mesh("", "") }).code, 0);
    assert.match(istiomize([], { input: mesh("", ""), env: argo }).stderr, /error IZ119/);
  });
});
