import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { asList, mappingAt, nameOf, namespaceOf } from "../generators/kube/object.ts";
import { findOnPath } from "../scripts/tools.ts";
import { bundle, root } from "./support/cases.ts";
import { build, copyExample, filesIn, findHelm, findKubectls, findKustomizes, inForm, install, objectsOf, ofKind, readFiles, type Builder, type Form } from "./support/callers.ts";
import { istiomize, run, temporary, writeFiles, type Files, type Run } from "./support/process.ts";

/**
 * Every caller, with the real tools. `ISTIOMIZE_KUSTOMIZES` names standalone kustomizes, colon separated; without it
 * the one on PATH is used, and kubectl always, from the npm package or from PATH.
 */
const kustomizes = findKustomizes();
const kubectls = findKubectls();
const builders = [...kustomizes, ...kubectls];
const helm = findHelm();
const kpt = findOnPath("kpt");

const noKustomize = kustomizes.length === 0 && "kustomize is not on this machine";
const noBuilder = builders.length === 0 && "neither kustomize nor kubectl is on this machine";
const guardName = "istiomize-did-not-run--pass-enable-alpha-plugins-and-enable-exec";

function assertBuilt({ code, stdout, stderr }: Run): string {
  assert.equal(code, 0, stderr);
  return stdout;
}

function assertFailed({ code, stdout, stderr }: Run, message: RegExp): void {
  assert.notEqual(code, 0, "the build fails");
  assert.match(stderr, message);
  assert.equal(stdout, "");
}

/** The forms that a builder runs: kubectl has no --enable-exec. */
const formsOf = ({ isKubectl }: Builder): readonly Form[] => (isKubectl ? ["older", "container"] : ["exec", "older", "container"]);

/** What is not about istiomize on the stderr of a build. */
const said = ({ stderr }: Run): string => stderr.split("\n").filter((line) => !/deprecated/i.test(line)).join("\n").trim();

describe("the example tree", { skip: noBuilder }, () => {
  for (const overlay of ["staging", "production"]) {
    test(`${overlay}: every form gives the same bytes under every kustomize and kubectl, and so does render`, (t) => {
      const installed = install(t);
      const trees = { exec: copyExample(t, "exec"), older: copyExample(t, "older"), container: copyExample(t, "container") };
      const outputs = new Map<string, string>();
      for (const builder of builders) {
        for (const form of formsOf(builder)) {
          const built = build(builder, join(trees[form], "overlays", overlay), installed, form === "container" ? ["--enable-alpha-plugins"] : undefined);
          assert.equal(said(built), "", `${builder.name}, ${form}`);
          outputs.set(`${builder.name}, ${form}`, assertBuilt(built));
        }
        outputs.set(`render --with ${builder.name}`, assertBuilt(istiomize(["render", "--with", builder.path, join(root, "gitops/overlays", overlay)])));
      }
      const [[first, expected]] = [...outputs] as [[string, string]];
      assert.equal(ofKind(expected, "VirtualService").length, 6);
      assert.equal(ofKind(expected, "DestinationRule").length, 6);
      assert.equal(ofKind(expected, "ServiceMesh", "IstiomizeRan").length, 0);
      assert.equal(ofKind(expected, "PeerAuthentication").length, 1);
      for (const [caller, output] of outputs) assert.ok(output === expected, `${caller} differs from ${first}`);
      for (const call of installed.containerCalls()) assert.match(call, /run .*--network none .*--user nobody .*istiomize$/);
      assert.equal(installed.containerCalls().length, builders.length);
    });
  }

  test("preview: render with kustomize and with kubectl, and a pipe behind either, give the same bytes", (t) => {
    const installed = install(t);
    const directory = join(root, "gitops/overlays/preview");
    const outputs = builders.flatMap((builder) => [
      assertBuilt(istiomize(["render", "--with", builder.path, directory])),
      assertBuilt(istiomize([], { input: assertBuilt(build(builder, directory, installed, [])) })),
    ]);
    assert.deepEqual(outputs.map((output) => output === outputs[0]), outputs.map(() => true));
    const services = ofKind(outputs[0]!, "Service");
    assert.equal(services.length, 6);
    for (const kind of ["VirtualService", "DestinationRule"]) assert.deepEqual(ofKind(outputs[0]!, kind).map(nameOf).sort(), services.map(nameOf).sort());
    for (const object of ofKind(outputs[0]!, "VirtualService", "DestinationRule", "Service")) {
      assert.equal(namespaceOf(object), "kubestock-preview");
      assert.match(nameOf(object), /^preview-/);
    }
    assert.equal(mappingAt(ofKind(outputs[0]!, "Namespace")[0], "metadata", "labels")["istio-injection"], "enabled");
  });

  test("preview: what a plain build leaves for the API server to refuse is the ServiceMesh", (t) => {
    const installed = install(t);
    for (const builder of builders) {
      const output = assertBuilt(build(builder, join(root, "gitops/overlays/preview"), installed, []));
      assert.match(output, /^kind: ServiceMesh$/m, builder.name);
      assert.doesNotMatch(output, /^kind: VirtualService$/m);
    }
  });

  test("qa: the generated files in the repository are up to date, and a plain build of them gives what render gives", (t) => {
    const installed = install(t);
    const directory = join(root, "gitops/overlays/qa");
    const plain = builders.map((builder) => {
      const checked = istiomize(["generate", directory, "--check", "--with", builder.path]);
      assert.equal(checked.code, 0, checked.stderr);
      const verified = istiomize(["generate", directory, "--verify", "--with", builder.path]);
      assert.match(assertBuilt(verified), /^verified: .* \(32 objects\)/);
      return assertBuilt(build(builder, directory, installed, []));
    });
    assert.deepEqual(plain.map((output) => output === plain[0]), plain.map(() => true));
    assert.equal(ofKind(plain[0]!, "VirtualService").length, 6);
    assert.doesNotMatch(plain[0]!, /^kind: ServiceMesh$/m);
  });

  test("the second pass through a pipe changes nothing", (t) => {
    const installed = install(t);
    for (const overlay of ["staging", "production", "preview", "qa"]) {
      const once = assertBuilt(istiomize(["render", "--with", builders[0]!.path, join(root, "gitops/overlays", overlay)], { env: installed.env }));
      assert.ok(assertBuilt(istiomize([], { input: once })) === once, overlay);
    }
  });
});

describe("a transformer below a prefix", { skip: noBuilder }, () => {
  test("is refused by render, which names the line; the shipped name references make it right", (t) => {
    const tree = copyExample(t, "exec");
    writeFiles(tree, { "overlays/eu/kustomization.yaml": "resources: [../staging]\nnamePrefix: eu-\n" });
    for (const builder of builders) {
      const { code, stdout, stderr } = istiomize(["render", "overlays/eu", "--with", builder.path], { cwd: tree });
      assert.deepEqual([code, stdout], [1, ""], builder.name);
      assert.match(stderr, /^overlays\/eu\/kustomization\.yaml:2 {2}error IZ441 .*\n {2}read {6}namePrefix: eu-, above the transformer in \.\.\/staging\n/);
    }
    cpSync(join(tree, "overlays/qa/istio-namereference.yaml"), join(tree, "overlays/eu/istio-namereference.yaml"));
    writeFiles(tree, { "overlays/eu/kustomization.yaml": "resources: [../staging]\nnamePrefix: eu-\nconfigurations: [istio-namereference.yaml]\n" });
    for (const builder of builders) {
      const rules = ofKind(assertBuilt(istiomize(["render", "overlays/eu", "--with", builder.path], { cwd: tree })), "VirtualService");
      assert.deepEqual(rules.map((rule) => mappingAt(rule, "spec")["hosts"]), rules.map((rule) => [nameOf(rule)]), builder.name);
      assert.match(nameOf(rules[0]!), /^eu-/);
    }
  });
});

describe("the guard", { skip: noBuilder }, () => {
  test("fails a build that skipped the function for want of --enable-exec, and names what is missing", { skip: noKustomize }, (t) => {
    const installed = install(t);
    for (const builder of kustomizes) {
      assertFailed(build(builder, join(root, "gitops/overlays/staging"), installed, ["--enable-alpha-plugins"]), new RegExp(guardName));
    }
  });

  test("fails under kubectl, which never runs a function of that form", { skip: kubectls.length === 0 && "kubectl is not on this machine" }, (t) => {
    const installed = install(t);
    for (const builder of kubectls) assertFailed(build(builder, join(root, "gitops/overlays/staging"), installed), new RegExp(guardName));
  });

  test("without --enable-alpha-plugins no form builds at all", (t) => {
    const installed = install(t);
    for (const form of ["exec", "older", "container"] as const) {
      const tree = copyExample(t, form);
      for (const builder of builders) assertFailed(build(builder, join(tree, "overlays/staging"), installed, []), /external plugins disabled/);
    }
  });

  test("fails where istiomize is not installed", (t) => {
    const { env, containerCalls } = install(t);
    const bare = { env: { ...env, PATH: "/nowhere", KUSTOMIZE_PLUGIN_HOME: temporary(t) }, containerCalls };
    for (const builder of builders) {
      for (const form of formsOf(builder)) {
        const { code, stdout } = build(builder, join(copyExample(t, form), "overlays/staging"), bare);
        assert.deepEqual([code !== 0, stdout], [true, ""], `${builder.name}, ${form}`);
      }
    }
  });

  test("its marker reaches neither render, nor a pipe, nor a package", (t) => {
    const files = shop();
    const directory = temporary(t, { ...files, "mesh.yaml": files["mesh.yaml"]!.replace("spec:", "spec:\n  guard: true") });
    const outputs = [assertBuilt(istiomize(["render", "--with", builders[0]!.path, directory])), assertBuilt(istiomize([], { input: Object.values(readFiles(directory)).join("---\n") }))];
    for (const output of outputs) assert.ok(!output.includes(guardName));
  });
});

const mesh = 'apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata:\n  name: mesh\nspec:\n  istioVersion: "1.27"\n  mtls:\n    mode: STRICT\n    scope: namespace\n';
const function_ = '  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: istiomize}\n';
const guard = `---\napiVersion: builtin\nkind: PatchTransformer\nmetadata:\n  name: guard\npatch: |-\n  apiVersion: istiomize.dev/v1alpha1\n  kind: IstiomizeRan\n  metadata:\n    name: ${guardName}\n  $patch: delete\n`;
const asTransformer = mesh.replace("  name: mesh\n", `  name: mesh\n${function_}`).replace("spec:\n", "spec:\n  guard: true\n") + guard;

const deployment = (name: string, version: string, namespace = ""): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: ${name}-${version}\n${namespace && `  namespace: ${namespace}\n`}spec:\n  replicas: 2\n  selector:\n    matchLabels: {app: ${name}, version: ${version}}\n  template:\n    metadata:\n      labels: {app: ${name}, version: ${version}}\n    spec:\n      containers:\n      - name: app\n        image: ${name}:${version} # pinned\n        ports:\n        - containerPort: 8080\n`;
const service = (name: string, annotations: Files, namespace = ""): string =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\n${namespace && `  namespace: ${namespace}\n`}  annotations:\n${Object.entries(annotations).map(([key, value]) => `    istiomize.dev/${key}: "${value}"\n`).join("")}spec:\n  selector: {app: ${name}}\n  ports:\n  - name: http\n    port: 80\n    targetPort: 8080\n`;

/** A flat package: everything in one kustomization, namespaces written out, nothing that kustomize changes. */
function shop(): Files {
  return {
    "kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- mesh.yaml\n- namespace.yaml\n- web/service.yaml\n- web/deployments.yaml\n- cart/all.yaml\n",
    "mesh.yaml": `# One for all services.\n${mesh}`,
    "namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop # labelled by istiomize\n",
    "web/service.yaml": service("web", { weights: "v1=90,v2=10", timeout: "10s", "max-connections": "100" }, "shop"),
    "web/deployments.yaml": `${deployment("web", "v1", "shop")}---\n${deployment("web", "v2", "shop")}`,
    "cart/all.yaml": `${service("cart", { "load-balancer": "ROUND_ROBIN", timeout: "3s" }, "shop")}---\n${deployment("cart", "v1", "shop")}`,
  };
}

const made = ["DestinationRule shop/cart", "DestinationRule shop/web", "PeerAuthentication shop/default", "VirtualService shop/cart", "VirtualService shop/web"];

/** What a pipe makes of the files of a directory. */
function pipe(directory: string): Run {
  return istiomize([], { input: Object.values(readFiles(directory)).join("---\n") });
}

const kptfile = (pipeline = ""): string => `apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: shop # a package\n  annotations:\n    config.kubernetes.io/local-config: "true"\n${pipeline}`;

describe("a flat package", () => {
  test("gives the same objects through render with each tool and through a pipe", { skip: noBuilder }, (t) => {
    const directory = temporary(t, shop());
    const piped = objectsOf(assertBuilt(pipe(directory)));
    assert.deepEqual(Object.keys(piped).filter((name) => /^(DestinationRule|VirtualService|PeerAuthentication) /.test(name)).sort(), made);
    for (const builder of builders) assert.deepEqual(objectsOf(assertBuilt(istiomize(["render", "--with", builder.path, directory]))), piped, builder.name);
  });

  for (const [how, pipeline, args] of [
    ["fn eval --exec", "", (directory: string) => ["fn", "eval", directory, "--exec", "istiomize"]],
    ["fn render --allow-exec", "pipeline:\n  mutators:\n  - exec: istiomize\n", (directory: string) => ["fn", "render", directory, "--allow-exec"]],
    ["fn render --allow-exec with a configPath", "pipeline:\n  mutators:\n  - exec: istiomize\n    configPath: mesh.yaml\n", (directory: string) => ["fn", "render", directory, "--allow-exec"]],
  ] as const) {
    test(`gives the same objects through kpt ${how}, in files beside their Services; once more changes nothing`, (t) => {
      if (!kpt) return t.skip("kpt is not on this machine");
      const { env } = install(t);
      const before: Files = { ...shop(), Kptfile: kptfile(pipeline) };
      const directory = temporary(t, before);
      const once = run(kpt, args(directory), { env, cwd: directory });
      assert.equal(once.code, 0, once.stderr);
      const files = readFiles(directory);
      const added = Object.keys(files).filter((file) => !Object.hasOwn(before, file));
      assert.deepEqual(added, ["cart/istio-destinationrule.yaml", "cart/istio-virtualservice.yaml", "istio-peerauthentication.yaml", "web/istio-destinationrule.yaml", "web/istio-virtualservice.yaml"]);
      for (const file of ["Kptfile", "mesh.yaml", "kustomization.yaml", "web/service.yaml", "web/deployments.yaml", "cart/all.yaml"]) assert.equal(files[file], before[file], file);
      const lines = files["namespace.yaml"]!.split("\n");
      assert.deepEqual(lines.filter((line) => !before["namespace.yaml"]!.split("\n").includes(line)), ["  labels:", "    istio-injection: enabled"]);
      assert.ok(lines.includes("  name: shop # labelled by istiomize"));
      assert.deepEqual(objectsOf(Object.values(files).join("---\n")), objectsOf(assertBuilt(pipe(temporary(t, shop())))));
      const twice = run(kpt, args(directory), { env, cwd: directory });
      assert.equal(twice.code, 0, twice.stderr);
      assert.deepEqual(readFiles(directory), files);
    });
  }

  test("keeps a generated file where a person moved it, under kpt", (t) => {
    if (!kpt) return t.skip("kpt is not on this machine");
    const { env } = install(t);
    const directory = temporary(t, { ...shop(), Kptfile: kptfile() });
    const evaluate = (): Run => run(kpt, ["fn", "eval", directory, "--exec", "istiomize"], { env, cwd: directory });
    assertBuilt(evaluate());
    const moved = readFiles(directory)["web/istio-virtualservice.yaml"]!;
    run("mv", [join(directory, "web/istio-virtualservice.yaml"), join(directory, "web/routes.yaml")]);
    const text = readFileSync(join(directory, "web/service.yaml"), "utf8");
    writeFileSync(join(directory, "web/service.yaml"), text.replace("10s", "20s"));
    assertBuilt(evaluate());
    assert.equal(existsSync(join(directory, "web/istio-virtualservice.yaml")), false);
    assert.equal(readFileSync(join(directory, "web/routes.yaml"), "utf8"), moved.replace("10s", "20s"));
  });

  test("removes what an annotation no longer asks for, under kpt", (t) => {
    if (!kpt) return t.skip("kpt is not on this machine");
    const { env } = install(t);
    const directory = temporary(t, { ...shop(), Kptfile: kptfile() });
    const evaluate = (): Run => run(kpt, ["fn", "eval", directory, "--exec", "istiomize"], { env, cwd: directory });
    assertBuilt(evaluate());
    writeFiles(directory, { "cart/all.yaml": shop()["cart/all.yaml"]!.replace('    istiomize.dev/load-balancer: "ROUND_ROBIN"\n', "") });
    assertBuilt(evaluate());
    assert.deepEqual(filesIn(directory).filter((file) => file.startsWith("cart/")), ["cart/all.yaml", "cart/istio-virtualservice.yaml"]);
  });

  test("is left as it was after an error, and kpt shows our message", (t) => {
    if (!kpt) return t.skip("kpt is not on this machine");
    const { env } = install(t);
    const before = { ...shop(), Kptfile: kptfile(), "web/service.yaml": service("web", { timeout: "15" }, "shop") };
    const directory = temporary(t, before);
    const { code, stdout, stderr } = run(kpt, ["fn", "eval", directory, "--exec", "istiomize"], { env, cwd: directory });
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /\[error\] v1\/Service\/shop\/web metadata\.annotations\.istiomize\.dev\/timeout: IZ201/);
    assert.match(stdout + stderr, /web\/service\.yaml/);
    assert.deepEqual(readFiles(directory), before);
  });
});

/** Overlays that change names: an inner one with a suffix, an outer one with a prefix and a namespace. */
function renamed(layout: "transformer" | "resource"): Files {
  return {
    "base/kustomization.yaml": `resources:\n- all.yaml\n${layout === "resource" ? "- mesh.yaml\n" : ""}namespace: base\n`,
    "base/mesh.yaml": mesh,
    "base/all.yaml": [
      service("web", { weights: "web=80,api=20", timeout: "5s" }), deployment("web", "v1"), service("api", { "max-connections": "10" }), deployment("api", "v1"),
      "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: base\n",
    ].join("---\n"),
    "inner/kustomization.yaml": "resources:\n- ../base\nnameSuffix: -s\n",
    "outer/kustomization.yaml": `resources:\n- ../inner\nnamespace: prod\nnamePrefix: p-\n${layout === "transformer" ? "transformers:\n- mesh.yaml\n" : ""}`,
    "outer/mesh.yaml": asTransformer,
  };
}

function assertRenamed(output: string): void {
  const [route] = ofKind(output, "VirtualService");
  assert.deepEqual([nameOf(route!), namespaceOf(route!)], ["p-web-s", "prod"]);
  const spec = mappingAt(route, "spec");
  assert.deepEqual(spec["hosts"], ["p-web-s"]);
  const routes = asList(mappingAt(asList(spec["http"])[0])["route"]).map((each) => [mappingAt(each, "destination")["host"], mappingAt(each)["weight"]]);
  assert.deepEqual(routes, [["p-web-s", 80], ["p-api-s", 20]]);
  const [policy] = ofKind(output, "DestinationRule");
  assert.deepEqual([nameOf(policy!), namespaceOf(policy!), mappingAt(policy, "spec")["host"]], ["p-api-s", "prod", "p-api-s"]);
  const [namespace] = ofKind(output, "Namespace");
  assert.deepEqual([nameOf(namespace!), mappingAt(namespace, "metadata", "labels")["istio-injection"]], ["prod", "enabled"]);
  assert.deepEqual(ofKind(output, "PeerAuthentication").map(namespaceOf), ["prod"]);
}

describe("overlays that change names and namespaces", { skip: noBuilder }, () => {
  test("keep hosts right, and names in annotations are those that people wrote, in every form", (t) => {
    const installed = install(t);
    for (const builder of builders) {
      for (const form of formsOf(builder)) {
        const directory = temporary(t, renamed("transformer"));
        inForm(directory, form);
        assertRenamed(assertBuilt(build(builder, join(directory, "outer"), installed)));
      }
    }
  });

  test("are seen through by render in both layouts, with each tool", (t) => {
    for (const layout of ["transformer", "resource"] as const) {
      const directory = temporary(t, renamed(layout));
      for (const builder of builders) {
        const { code, stdout, stderr } = istiomize(["render", "--with", builder.path, join(directory, "outer")]);
        assert.deepEqual([code, stderr], [0, ""], `${layout}, ${builder.name}`);
        assertRenamed(stdout);
        assert.doesNotMatch(stdout, /config\.kubernetes\.io\/|config\.k8s\.io\//, "origin annotations are taken off again");
      }
    }
  });

  test("keep origin annotations that the tree itself asks for", (t) => {
    const files = renamed("resource");
    const directory = temporary(t, { ...files, "outer/kustomization.yaml": `${files["outer/kustomization.yaml"]}buildMetadata: [originAnnotations]\n` });
    for (const builder of builders) {
      const output = assertBuilt(istiomize(["render", "--with", builder.path, join(directory, "outer")]));
      assert.match(output, /config\.kubernetes\.io\/origin/);
      assertRenamed(output);
    }
  });

  test("leave a bare pipe without the earlier names: an error that names the likely Service", (t) => {
    const installed = install(t);
    const directory = temporary(t, renamed("resource"));
    const input = assertBuilt(build(builders[0]!, join(directory, "outer"), installed, []));
    const { code, stdout, stderr } = istiomize([], { input });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /error IZ301/);
    assert.match(stderr, /read +"api"\n(?: .*\n)*? .*p-api-s/, "the likely one");
  });

  test("do not change a file of the tree, whatever render does", (t) => {
    for (const layout of ["transformer", "resource"] as const) {
      const directory = temporary(t, renamed(layout));
      const before = readFiles(directory);
      for (const builder of builders) istiomize(["render", "--with", builder.path, join(directory, "outer")]);
      assert.deepEqual(readFiles(directory), before);
    }
  });
});

describe("what istiomize says", { skip: noBuilder }, () => {
  const broken: Files = { ...renamed("transformer"), "outer/kustomization.yaml": `${renamed("transformer")["outer/kustomization.yaml"]}patches:\n- path: patch.yaml\n`, "outer/patch.yaml": service("web", { timeout: "15" }) };

  test("of an error fails the build and is on its stderr, in every form", (t) => {
    const installed = install(t);
    for (const builder of builders) {
      for (const form of formsOf(builder)) {
        const directory = temporary(t, broken);
        inForm(directory, form);
        assertFailed(build(builder, join(directory, "outer"), installed), /IZ201[\s\S]*Service prod\/p-web-s[\s\S]*did you mean "15s"\?/);
      }
    }
  });

  test("of an error has the file and line of the patch under render, in both layouts", (t) => {
    for (const layout of ["transformer", "resource"] as const) {
      const files = renamed(layout);
      const directory = temporary(t, { ...files, "outer/kustomization.yaml": `${files["outer/kustomization.yaml"]}patches:\n- path: patch.yaml\n`, "outer/patch.yaml": service("web", { timeout: "15" }) });
      for (const builder of builders) {
        const failed = istiomize(["render", "--with", builder.path, "outer"], { cwd: directory });
        assertFailed(failed, /^outer\/patch\.yaml:6:28 {2}error IZ201/m);
        assert.equal(failed.code, 1);
        assert.equal(failed.stderr.match(/IZ201/g)?.length, 1, "said once");
      }
    }
  });

  test("as a warning does not fail the build, unless spec.strict makes it an error", { skip: noKustomize }, (t) => {
    const installed = install(t);
    const files = { ...renamed("transformer"), "outer/patch.yaml": service("web", { timeout: "5s", "retry-attempts": "3", "retry-per-try-timeout": "3s" }), "outer/kustomization.yaml": broken["outer/kustomization.yaml"]! };
    const lenient = temporary(t, files);
    const strict = temporary(t, { ...files, "outer/mesh.yaml": asTransformer.replace("spec:\n", "spec:\n  strict: true\n") });
    for (const builder of kustomizes) {
      const warned = build(builder, join(lenient, "outer"), installed);
      assert.match(warned.stderr, /warning IZ310/);
      assert.equal(ofKind(assertBuilt(warned), "VirtualService").length, 1);
      assertFailed(build(builder, join(strict, "outer"), installed), /error IZ310/);
    }
  });

  test("in validate mode changes nothing, and still answers the guard", (t) => {
    const installed = install(t);
    for (const builder of builders) {
      for (const form of formsOf(builder)) {
        const directory = temporary(t, { ...renamed("transformer"), "outer/mesh.yaml": asTransformer.replace("spec:\n", "spec:\n  mode: validate\n") });
        inForm(directory, form);
        const plain = temporary(t, { ...renamed("transformer"), "outer/kustomization.yaml": renamed("resource")["outer/kustomization.yaml"]! });
        assert.equal(assertBuilt(build(builder, join(directory, "outer"), installed)), assertBuilt(build(builder, join(plain, "outer"), installed, [])));
      }
    }
  });

  test("about a function under generators is what to do instead", { skip: noKustomize }, (t) => {
    const installed = install(t);
    const files = renamed("transformer");
    const directory = temporary(t, { ...files, "outer/mesh.yaml": asTransformer.split("---\n")[0]!, "outer/kustomization.yaml": files["outer/kustomization.yaml"]!.replace("transformers:", "generators:") });
    for (const builder of kustomizes) assertFailed(build(builder, join(directory, "outer"), installed), /IZ115[\s\S]*transformers:/);
  });
});

describe("what else a build does", { skip: noBuilder }, () => {
  test("still works around the function: hashed names and their references, name references to Services, another overlay on top", (t) => {
    const installed = install(t);
    const files: Files = {
      ...renamed("transformer"),
      "outer/kustomization.yaml": `${renamed("transformer")["outer/kustomization.yaml"]}configMapGenerator:\n- name: settings\n  literals: [a=b]\npatches:\n- path: env.yaml\n`,
      "outer/env.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web-v1\nspec:\n  template:\n    spec:\n      containers:\n      - name: app\n        envFrom:\n        - configMapRef: {name: settings}\n",
      "plain/kustomization.yaml": "resources: [../outer]\n",
    };
    for (const builder of builders) {
      for (const form of formsOf(builder)) {
        const directory = temporary(t, files);
        inForm(directory, form);
        for (const overlay of ["outer", "plain"]) {
          const output = assertBuilt(build(builder, join(directory, overlay), installed));
          assertRenamed(output);
          const [settings] = ofKind(output, "ConfigMap");
          assert.match(nameOf(settings!), /^p-settings-[a-z0-9]{10}$/);
          assert.ok(output.includes(`name: ${nameOf(settings!)}`) && output.match(new RegExp(nameOf(settings!), "g"))!.length === 2, "the Deployment names it by its final name");
          assert.doesNotMatch(output, /internal\.config|config\.k8s\.io/);
        }
      }
    }
  });

  test("loses nothing of a large build", { skip: noKustomize }, (t) => {
    const installed = install(t);
    const count = 300;
    const all = Array.from({ length: count }, (_, i) => service(`web-${i}`, { timeout: "5s" }, "shop")).join("---\n");
    const directory = temporary(t, { "kustomization.yaml": "resources: [all.yaml]\ntransformers: [mesh.yaml]\n", "all.yaml": all, "mesh.yaml": asTransformer });
    const output = assertBuilt(build(kustomizes.at(-1)!, directory, installed));
    assert.deepEqual([ofKind(output, "Service").length, ofKind(output, "VirtualService").length], [count, count]);
  });

  test("loses nothing of a large build in the older form", { skip: kubectls.length === 0 && "kubectl is not on this machine" }, (t) => {
    const installed = install(t);
    const count = 300;
    const all = Array.from({ length: count }, (_, i) => service(`web-${i}`, { timeout: "5s" }, "shop")).join("---\n");
    const directory = temporary(t, { "kustomization.yaml": "resources: [all.yaml]\ntransformers: [mesh.yaml]\n", "all.yaml": all, "mesh.yaml": asTransformer });
    inForm(directory, "older");
    const output = assertBuilt(build(kubectls[0]!, directory, installed));
    assert.deepEqual([ofKind(output, "Service").length, ofKind(output, "VirtualService").length], [count, count]);
  });
});

describe("a user's own plugins", { skip: noBuilder }, () => {
  test("still run beside ours under render", (t) => {
    const { env } = install(t);
    const files = renamed("transformer");
    const directory = temporary(t, {
      ...files,
      "outer/kustomization.yaml": files["outer/kustomization.yaml"]!.replace("transformers:\n", "transformers:\n- stamp.yaml\n"),
      "outer/stamp.yaml": "apiVersion: example.com/v1\nkind: Stamp\nmetadata:\n  name: stamp\n",
      "plugins/example.com/v1/stamp/Stamp": "#!/bin/sh\nsed 's/image: web:v1/image: web:stamped/'\n",
    });
    chmodSync(join(directory, "plugins/example.com/v1/stamp/Stamp"), 0o755);
    for (const builder of builders) {
      const output = assertBuilt(istiomize(["render", "--with", builder.path, join(directory, "outer")], { env: { ...env, KUSTOMIZE_PLUGIN_HOME: join(directory, "plugins") } }));
      assertRenamed(output);
      assert.match(output, /image: web:stamped/);
    }
  });
});

describe("render", { skip: noBuilder }, () => {
  test("passes flags behind -- on, and finds the overlay from any directory", (t) => {
    const files = renamed("resource");
    const directory = temporary(t, {
      "tree/inner/kustomization.yaml": "resources: [../shared/all.yaml]\n", "tree/shared/all.yaml": `${files["base/all.yaml"]!.replace("web=80,api=20", "web=100")}---\n${mesh}`,
    });
    for (const builder of builders) {
      const refused = istiomize(["render", "--with", builder.path, "tree/inner"], { cwd: directory });
      assertFailed(refused, /IZ402[\s\S]*security/);
      for (const [cwd, target] of [[directory, "tree/inner"], [join(directory, "tree/inner"), "."], [dirname(directory), join(directory, "tree/inner")]] as const) {
        const output = assertBuilt(istiomize(["render", "--with", builder.path, target, "--", "--load-restrictor", "LoadRestrictionsNone"], { cwd }));
        assert.equal(ofKind(output, "VirtualService").length, 1);
      }
    }
  });

  test("leaves no temporary directory behind, after an error either", (t) => {
    const directory = temporary(t, { ...renamed("transformer"), "tmp/.keep": "" });
    const broken = temporary(t, { ...renamed("transformer"), "base/all.yaml": "{" });
    for (const builder of builders) {
      for (const tree of [directory, broken]) istiomize(["render", "--with", builder.path, join(tree, "outer")], { env: { TMPDIR: join(directory, "tmp") } });
      assert.deepEqual(filesIn(join(directory, "tmp")), [".keep"]);
    }
  });

  /** A function in the base, another one in the overlay. */
  function nested(inner: string, outer: Files): Files {
    const files = renamed("transformer");
    return {
      ...files,
      "base/kustomization.yaml": `${files["base/kustomization.yaml"]}transformers:\n- mesh.yaml\n`,
      "base/mesh.yaml": asTransformer.replace("name: mesh\n", `name: ${inner}\n`).replace("name: guard", "name: inner-guard"),
      "base/all.yaml": files["base/all.yaml"]!.replace("web=80,api=20", "web=100"),
      ...outer,
    };
  }

  test("makes the objects of an inner function anew where the outer one has the same ServiceMesh, else leaves them", (t) => {
    const outer = { "outer/kustomization.yaml": "resources: [../base]\ntransformers: [mesh.yaml]\n", "outer/mesh.yaml": asTransformer.replace("spec:\n", "spec:\n  defaults: {maxPendingRequests: 7}\n") };
    for (const builder of builders) {
      for (const [inner, pending] of [["mesh", 7], ["inner-mesh", undefined]] as const) {
        const { code, stdout, stderr } = istiomize(["render", "--with", builder.path, join(temporary(t, nested(inner, outer)), "outer")]);
        assert.equal(code, 0, stderr);
        assert.equal(ofKind(stdout, "VirtualService").length, 1);
        const api = ofKind(stdout, "DestinationRule").find((object) => nameOf(object) === "api");
        assert.equal(mappingAt(api, "spec", "trafficPolicy", "connectionPool", "http")["http1MaxPendingRequests"], pending, inner);
        assert.equal(stderr.includes("IZ117"), inner !== "mesh");
      }
    }
  });

  test("refuses the objects of an inner function whose Services were renamed since, and blames no person for them", (t) => {
    const directory = temporary(t, nested("inner-mesh", {}));
    for (const builder of builders) {
      const failed = istiomize(["render", "--with", builder.path, "outer"], { cwd: directory });
      assertFailed(failed, /error IZ372 [\s\S]*move it to the outermost/);
      assert.doesNotMatch(failed.stderr, /written by hand/);
      const files = [...failed.stderr.matchAll(/^([^\s:]+)(?::\d+)* {2}(?:error|warning|info) /gm)].map(([, file]) => file!);
      assert.deepEqual(files.filter((file) => !existsSync(join(directory, file))), [], "files that are there");
    }
  });
});

describe("helm", () => {
  const chart: Files = {
    "chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    "chart/templates/service.yaml": service("web", { weights: "v1=90,v2=10", timeout: "{{ .Values.timeout }}" }),
    "chart/templates/deployments.yaml": `${deployment("web", "v1")}---\n${deployment("web", "v2")}`,
    "chart/values.yaml": "timeout: 10s\n",
    // Helm 4 runs post-renderers as plugins only.
    "plugins/istiomize/plugin.yaml": "apiVersion: v1\ntype: postrenderer/v1\nname: istiomize\nversion: 0.1.0\nruntime: subprocess\nruntimeConfig:\n  platformCommand:\n  - command: istiomize\n",
  };

  test("meshes a chart as its post-renderer, and behind a pipe, with the same objects", (t) => {
    if (!helm) return t.skip("helm is not on this machine");
    const { env } = install(t);
    const directory = temporary(t, chart);
    const template = (...args: readonly string[]): Run => run(helm, ["template", "shop", "chart", "-n", "prod", ...args], { cwd: directory, env: { ...env, HELM_PLUGINS: join(directory, "plugins") } });
    const rendered = assertBuilt(template("--post-renderer", "istiomize", "--post-renderer-args", "-n", "--post-renderer-args", "prod"));
    const [route] = ofKind(rendered, "VirtualService");
    assert.deepEqual([nameOf(route!), namespaceOf(route!)], ["web", "prod"]);
    assert.equal(asList(mappingAt(ofKind(rendered, "DestinationRule")[0], "spec")["subsets"]).length, 2);
    assert.deepEqual(objectsOf(assertBuilt(istiomize(["-n", "prod"], { input: assertBuilt(template()) }))), objectsOf(rendered));
  });

  test("fails where the chart holds a mistake; Helm 4 shows nothing of what a post-renderer says", (t) => {
    if (!helm) return t.skip("helm is not on this machine");
    const { env } = install(t);
    const directory = temporary(t, chart);
    const failed = run(helm, ["template", "shop", "chart", "--set", "timeout=10", "--post-renderer", "istiomize"], { cwd: directory, env: { ...env, HELM_PLUGINS: join(directory, "plugins") } });
    assertFailed(failed, /post-renderer.*"istiomize"/);
  });
});

describe("the container convention", () => {
  test("runs as nobody, from a directory it cannot write to, and without a home", (t) => {
    const { env } = install(t);
    if (process.getuid?.() !== 0 || !findOnPath("setpriv")) return t.skip("only root with setpriv can become nobody");
    const directory = temporary(t);
    const program = join(temporary(t), "istiomize");
    cpSync(bundle, program);
    for (const path of [directory, dirname(program), program]) chmodSync(path, 0o755);
    const input = `apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n${[service("web", { timeout: "5s" }, "shop"), deployment("web", "v1", "shop")].map((text) => `- ${text.replace(/^(?=.)/gm, "  ").slice(2)}`).join("")}`;
    const { code, stdout } = run("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, program], { cwd: directory, input, env: { ...env, HOME: "/nowhere", TMPDIR: "/nowhere", LOG_TO_STDERR: "true", STRUCTURED_RESULTS: "true" } });
    assert.equal(code, 0);
    assert.match(stdout, /kind: VirtualService/);
  });
});
