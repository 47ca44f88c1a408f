import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { load, loadAll } from "js-yaml";
import { bundle, root } from "./support/cases.ts";
import { filesIn, findKubectls, findKustomizes, inForm, objectsOf, type Builder, type Form } from "./support/callers.ts";
import { istiomize, run, temporary, writeFiles, type Run } from "./support/process.ts";

const builders = [...findKustomizes(), ...findKubectls()];
const skip = builders.length === 0 ? "neither kustomize nor kubectl is on this machine" : false;

/** As kustomize-controller builds: no plugins of any kind, and files from anywhere in the repository. */
function buildAsFlux({ path, isKubectl }: Builder, directory: string): Run {
  return run(path, [isKubectl ? "kustomize" : "build", "--load-restrictor", "LoadRestrictionsNone", directory]);
}

/** The example tree without what belongs to other ways of using it. */
function copyTree(t: TestContext): string {
  const directory = temporary(t);
  for (const part of ["base", "overlays"]) cpSync(join(root, "gitops", part), join(directory, "gitops", part), { recursive: true });
  return directory;
}

describe("Flux", { skip }, () => {
  for (const builder of builders) {
    test(`builds generated files to what \`render\` gives (${builder.name})`, (t) => {
      const directory = copyTree(t);
      const overlay = join(directory, "gitops/overlays/qa");
      const built = buildAsFlux(builder, overlay);
      assert.equal(built.code, 0, built.stderr);
      const rendered = istiomize(["render", "--with", builder.path, overlay]);
      assert.equal(rendered.code, 0, rendered.stderr);
      assert.deepEqual(objectsOf(built.stdout), objectsOf(rendered.stdout));
      assert.match(built.stdout, /kind: VirtualService/);
      assert.doesNotMatch(built.stdout, /kind: ServiceMesh/);
    });

    test(`builds a tree that scaffold and generate made (${builder.name})`, (t) => {
      const directory = temporary(t);
      const does = (...args: readonly string[]): void => {
        const { code, stderr } = istiomize(args, { cwd: directory, env: { PATH: [dirname(builder.path), process.env["PATH"] ?? ""].join(delimiter) } });
        assert.equal(code, 0, stderr);
      };
      does("scaffold", "tree", "gitops", "--name", "shop", "--service", "web", "--port", "8080", "--image", "registry.example.com/web:1.0.0");
      does("generate", "gitops", "--with", builder.path);
      for (const overlay of readdirSync(join(directory, "gitops/overlays"))) {
        const path = join(directory, "gitops/overlays", overlay);
        const built = buildAsFlux(builder, path);
        assert.equal(built.code, 0, built.stderr);
        assert.deepEqual(objectsOf(built.stdout), objectsOf(istiomize(["render", "--with", builder.path, path]).stdout));
      }
    });

    for (const form of ["exec", "older", "container"] as const satisfies readonly Form[]) {
      test(`refuses a tree with the function inside, as ${form} (${builder.name})`, (t) => {
        const directory = copyTree(t);
        inForm(directory, form);
        const built = buildAsFlux(builder, join(directory, "gitops/overlays/staging"));
        assert.notEqual(built.code, 0);
        assert.equal(built.stdout, "");
        assert.match(built.stderr, /external plugins disabled; unable to load external plugin 'ServiceMesh'/);
      });
    }

    test(`builds what CI rendered, under a kustomization that lists it (${builder.name})`, (t) => {
      const directory = copyTree(t);
      const rendered = istiomize(["render", "--with", builder.path, join(directory, "gitops/overlays/staging")]);
      assert.equal(rendered.code, 0, rendered.stderr);
      // Flux writes this kustomization where a directory has none.
      writeFiles(directory, { "out/staging/objects.yaml": rendered.stdout, "out/staging/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [objects.yaml]\n" });
      const built = buildAsFlux(builder, join(directory, "out/staging"));
      assert.equal(built.code, 0, built.stderr);
      assert.deepEqual(objectsOf(built.stdout), objectsOf(rendered.stdout));
    });
  }

  test("finds no image in generated files, so that image automation leaves them up to date", (t) => {
    const overlay = join(copyTree(t), "gitops/overlays/qa");
    for (const file of filesIn(overlay).filter((path) => path.startsWith("istio-"))) assert.doesNotMatch(readFileSync(join(overlay, file), "utf8"), /\bimages?:|newTag|ghcr\.io/, file);
    const kustomization = join(overlay, "kustomization.yaml");
    const text = readFileSync(kustomization, "utf8");
    writeFileSync(kustomization, text.replace(/newTag: (\S+)/, 'newTag: 9.9.9 # {"$imagepolicy": "flux-system:frontend:tag"}'));
    const checked = istiomize(["generate", overlay, "--check", "--with", builders[0]!.path]);
    assert.equal(checked.code, 0, checked.stderr);
  });
});

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: { readonly path?: string; readonly sourceRef?: { readonly kind: string; readonly name: string } };
}

describe("the manifests for Flux", () => {
  const read = (file: string): readonly Manifest[] => loadAll(readFileSync(join(root, "gitops/flux", file), "utf8")) as readonly Manifest[];
  test("are a source and a Kustomization that names it and a path that is there", () => {
    for (const [file, source, within] of [["git.yaml", "GitRepository", root], ["oci.yaml", "OCIRepository", join(root, "gitops/overlays")]] as const) {
      const [first, second, ...more] = read(file);
      assert.deepEqual([first!.apiVersion, first!.kind, second!.apiVersion, second!.kind, more.length], ["source.toolkit.fluxcd.io/v1", source, "kustomize.toolkit.fluxcd.io/v1", "Kustomization", 0]);
      assert.deepEqual(second!.spec.sourceRef, { kind: first!.kind, name: first!.metadata.name });
      assert.ok(existsSync(join(within, second!.spec.path!, "kustomization.yaml")), second!.spec.path);
    }
  });
});

interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly if?: string;
  readonly with?: { readonly [name: string]: unknown };
}
interface Workflow {
  readonly on: object;
  readonly permissions: object;
  readonly env: { readonly [name: string]: string };
  readonly jobs: { readonly [name: string]: { readonly needs?: string; readonly if?: string; readonly permissions?: object; readonly "runs-on": string; readonly steps: readonly Step[] } };
}

const workflow = load(readFileSync(join(root, "gitops/ci/github-workflow.yaml"), "utf8")) as Workflow;

/** The steps of a job that run a script, without those that need the network: installing, and pushing an artifact. */
function scriptsOf(job: string): readonly Step[] {
  return workflow.jobs[job]!.steps.filter((step) => step.run !== undefined && !/npm install|flux push/.test(step.run));
}

describe("the workflow that users copy", () => {
  test("gives a pull request no more than it needs", () => {
    assert.deepEqual(Object.keys(workflow.on), ["pull_request", "push"]);
    assert.deepEqual(workflow.permissions, { contents: "read" });
    assert.deepEqual(Object.keys(workflow.jobs), ["check", "publish"]);
    assert.equal(workflow.jobs["check"]!.permissions, undefined);
    const { needs, if: condition, permissions, steps } = workflow.jobs["publish"]!;
    assert.deepEqual({ needs, condition, permissions }, { needs: "check", condition: "github.event_name == 'push'", permissions: { contents: "read", packages: "write" } });
    assert.ok(steps.every((step) => !/istiomize|kustomize/.test(step.run ?? "")), "the job that may write builds nothing");
    for (const { steps: all } of Object.values(workflow.jobs)) {
      for (const step of all) {
        assert.notEqual(step.run === undefined, step.uses === undefined, step.name);
        if (step.uses) assert.match(step.uses, /^[\w./-]+@v\d/);
        if (step.run) assert.doesNotMatch(step.run, /\$\{\{/, "what an expression gives never becomes part of a script");
      }
    }
  });

  test("runs as it is written, and stops where somebody forgot to generate", { skip }, (t) => {
    const directory = copyTree(t);
    writeFiles(directory, { "bin/.keep": "" });
    const bin = join(directory, "bin");
    cpSync(bundle, join(bin, "istiomize"));
    chmodSync(join(bin, "istiomize"), 0o755);
    const builder = builders.at(-1)!;
    writeFileSync(join(bin, builder.isKubectl ? "kubectl" : "kustomize"), `#!/bin/sh\nexec '${builder.path}' "$@"\n`, { mode: 0o755 });
    const env = { ...workflow.env, PATH: [bin, dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter) };
    // The shell that GitHub runs a script with.
    const play = (): readonly (readonly [name: string, run: Run])[] => scriptsOf("check").map((step) => [step.name!, run("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", step.run!], { cwd: directory, env })]);
    assert.deepEqual(scriptsOf("check").map(({ name }) => name), ["Generated files are up to date", "Plain builds give what render gives", "Every overlay renders"]);
    for (const [name, { code, stdout, stderr }] of play()) assert.equal(code, 0, `${name}\n${stdout}${stderr}`);
    assert.deepEqual(readdirSync(join(directory, "out")).sort(), readdirSync(join(directory, "gitops/overlays")).sort());
    for (const overlay of readdirSync(join(directory, "out"))) assert.match(readFileSync(join(directory, "out", overlay, "objects.yaml"), "utf8"), /kind: VirtualService/, overlay);

    const service = join(directory, "gitops/base/services/ms-identity/service.yaml");
    writeFileSync(service, readFileSync(service, "utf8").replace(/istiomize\.dev\/timeout: .*/, "istiomize.dev/timeout: 11s"));
    const drifted = play();
    assert.deepEqual(drifted.map(([, { code }]) => code), [1, 1, 0]);
    assert.match(drifted[0]![1].stderr, /IZ420/);
    assert.match(drifted[0]![1].stdout, /^\+ +timeout: 11s/m);

    writeFileSync(service, readFileSync(service, "utf8").replace("timeout: 11s", "timeout: 11"));
    const [, , rendered] = play();
    assert.notEqual(rendered![1].code, 0, "a pipe or a loop may not swallow the error of one overlay");
    assert.match(rendered![1].stderr, /IZ201/);
  });

  test("pushes the artifact under a name in lower case, which is all that a registry takes", (t) => {
    const directory = temporary(t, { "bin/flux": '#!/bin/sh\necho "$3"\n' });
    chmodSync(join(directory, "bin/flux"), 0o755);
    const push = workflow.jobs["publish"]!.steps.find((step) => step.run?.includes("flux push"))!;
    const env = { PATH: [join(directory, "bin"), "/usr/bin", "/bin"].join(delimiter), GITHUB_REPOSITORY: "Example/Shop", GITHUB_REF_NAME: "main", GITHUB_SERVER_URL: "https://git.example.com", GITHUB_SHA: "0a1b", GITHUB_ACTOR: "somebody", TOKEN: "none" };
    assert.deepEqual(run("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", push.run!], { cwd: directory, env }), { code: 0, stdout: "oci://ghcr.io/example/shop/manifests:main\n", stderr: "" });
  });
});

describe("the pre-commit configuration that users copy", () => {
  test("names hooks that this repository has, and an overlay that is there", () => {
    const hooks = load(readFileSync(join(root, ".pre-commit-hooks.yaml"), "utf8")) as readonly { readonly id: string }[];
    const { repos } = load(readFileSync(join(root, "gitops/ci/pre-commit-config.yaml"), "utf8")) as { readonly repos: readonly { readonly repo: string; readonly rev: string; readonly hooks: readonly { readonly id: string; readonly args: readonly string[] }[] }[] };
    assert.equal(repos.length, 1);
    assert.match(repos[0]!.rev, /^v\d+\.\d+\.\d+$/);
    assert.deepEqual(repos[0]!.hooks.map(({ id }) => id).sort(), hooks.map(({ id }) => id).sort());
    for (const { args } of repos[0]!.hooks) for (const path of args) assert.ok(existsSync(join(root, path, "kustomization.yaml")), path);
  });
});
