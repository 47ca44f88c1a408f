import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { kindOf } from "../generators/kube/object.ts";
import { findOnPath } from "../scripts/tools.ts";
import { build, findKubectls, findKustomizes, install, objectsOf, readFiles } from "./support/callers.ts";
import { bundle, goldens, root } from "./support/cases.ts";
import { istiomize, run, temporary, type Run } from "./support/process.ts";

const folder = join(goldens, "scaffold");
const builders = [...findKustomizes(), ...findKubectls()];
/** In the files layout `generate` builds with what it finds on PATH. */
const [kubectl] = findKubectls();
const PATH = [...(kubectl ? [dirname(kubectl.path)] : []), process.env["PATH"] ?? ""].join(delimiter);

/** A copy of the trees that the goldens begin with. */
function copyTrees(t: TestContext): string {
  const directory = temporary(t);
  cpSync(join(folder, "trees"), directory, { recursive: true });
  return directory;
}

function scaffold(directory: string, command: string): Run {
  return istiomize(["scaffold", ...command.trim().split(/\s+/)], { cwd: directory, env: { PATH } });
}

/** What is said, as where there is a kustomize: elsewhere commands to type name kubectl. */
function withKustomize(text: string): string {
  return text.replaceAll("kubectl kustomize ", "kustomize build ");
}

/** Every directory below one, empty ones included. */
function directoriesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name)).sort();
}

/** Files that are new or different, with their text. */
function changedFiles(before: { readonly [path: string]: string }, after: { readonly [path: string]: string }): { readonly [path: string]: string } {
  assert.deepEqual(Object.keys(before).filter((path) => after[path] === undefined), [], "nothing is deleted");
  return Object.fromEntries(Object.entries(after).filter(([path, text]) => before[path] !== text));
}

describe("what is scaffolded", () => {
  const cases = readdirSync(folder).filter((name) => existsSync(join(folder, name, "scaffold.txt"))).sort();
  test("there are cases to run", () => assert.ok(cases.length > 10));
  for (const name of cases) {
    test(`is as expected: ${name}`, (t) => {
      const directory = copyTrees(t);
      const before = readFiles(directory);
      const { code, stdout, stderr } = scaffold(directory, readFileSync(join(folder, name, "scaffold.txt"), "utf8"));
      assert.deepEqual([code, stderr], [0, ""]);
      const made: { readonly [path: string]: string } = { ...changedFiles(before, readFiles(directory)), "stdout.txt": withKustomize(stdout) };
      // The schema is checked where it is made; here it would only be long.
      const found = Object.fromEntries(Object.entries(made).map(([path, text]) => [path, path.endsWith(".jsonschema") ? "…\n" : text]));
      const expected = join(folder, name, "expected");
      if (process.env["UPDATE_GOLDEN"]) {
        rmSync(expected, { recursive: true, force: true });
        for (const [path, text] of Object.entries(found)) {
          mkdirSync(dirname(join(expected, path)), { recursive: true });
          writeFileSync(join(expected, path), text);
        }
      }
      assert.deepEqual(found, readFiles(expected));
    });
  }
});

const first = "--image registry.example.com/web:1.0.0 --port 8080";

/** Every overlay of a tree, built; the text of each by its name. */
function buildOverlays(builder: (typeof builders)[number], directory: string, flags: readonly string[], installed: ReturnType<typeof install>): readonly string[] {
  return readdirSync(join(directory, "overlays")).map((overlay) => {
    const { code, stdout, stderr } = build(builder, join(directory, "overlays", overlay), installed, flags);
    assert.deepEqual([code, stderr.replace(/^# Warning.*\n/gm, "")], [0, ""], `${builder.name} ${overlay}`);
    return stdout;
  });
}

describe("a tree from nothing", () => {
  test("in the files layout is built by every plain kustomize at once, mesh and all, and generate has nothing to add", (t) => {
    if (!kubectl) return t.skip("no kubectl is on this machine");
    const [directory, installed] = [temporary(t), install(t)];
    const { code, stderr } = scaffold(directory, `tree gitops --name shop --service web ${first}`);
    assert.deepEqual([code, stderr], [0, ""]);
    const grown = ["service api gitops --like web", "service pay gitops --image registry.example.com/pay:2 --port 9000 --protocol grpc --canary", "overlay preview gitops --like staging", "service db gitops --image registry.example.com/db:1 --port 5432 --protocol tcp"];
    for (const command of grown) {
      const step = scaffold(directory, command);
      assert.equal(step.code, 0, command);
      assert.doesNotMatch(step.stderr, /(error|warning) IZ/, command);
    }
    assert.deepEqual(istiomize(["generate", "--check", "gitops"], { cwd: directory, env: { PATH } }).code, 0);
    for (const builder of builders) {
      for (const text of buildOverlays(builder, join(directory, "gitops"), [], installed)) {
        const names = Object.keys(objectsOf(text)).map((name) => name.replace(/shop-\w+\//, ""));
        for (const made of ["VirtualService web", "DestinationRule web", "VirtualService api", "VirtualService pay", "DestinationRule pay", "Deployment pay-canary", "DestinationRule db"]) assert.ok(names.includes(made), `${builder.name}: ${made}`);
        assert.ok(!/kind: ServiceMesh/.test(text));
      }
    }
  });

  test("in the transformer layout is built by kustomize with the function, and fails where that was not run", (t) => {
    const kustomizes = findKustomizes();
    if (kustomizes.length === 0) return t.skip("no kustomize is on this machine");
    const [directory, installed] = [temporary(t), install(t)];
    assert.equal(scaffold(directory, `tree . --layout transformer --name shop --service web ${first}`).code, 0);
    assert.equal(scaffold(directory, "service api --like web").code, 0);
    assert.equal(scaffold(directory, "overlay preview --like staging").code, 0);
    for (const builder of kustomizes) {
      const texts = buildOverlays(builder, directory, ["--enable-alpha-plugins", "--enable-exec"], installed);
      for (const text of texts) assert.equal(Object.values(objectsOf(text)).filter((object) => kindOf(object) === "VirtualService").length, 2, builder.name);
      const skipped = build(builder, join(directory, "overlays/preview"), installed, ["--enable-alpha-plugins"]);
      assert.notEqual(skipped.code, 0);
      assert.match(skipped.stderr, /istiomize-did-not-run/);
    }
  });

  test("names the schema beside its ServiceMesh", (t) => {
    const directory = temporary(t);
    scaffold(directory, `tree --name shop --service web ${first} --layout transformer`);
    const mesh = readFileSync(join(directory, "gitops/base/istio/mesh.yaml"), "utf8");
    const schema = /^# yaml-language-server: \$schema=(.+)\n/.exec(mesh)?.[1];
    assert.ok(schema !== undefined && existsSync(join(directory, "gitops/base/istio", schema)));
  });
});

describe("a copy of a service", () => {
  test("of the example tree is the service itself but for its names, whichever it is", (t) => {
    for (const like of readdirSync(join(root, "gitops/base/services"))) {
      const directory = temporary(t);
      cpSync(join(root, "gitops"), join(directory, "gitops"), { recursive: true });
      const { code, stderr } = scaffold(directory, `service zz-copy gitops --like ${like}`);
      assert.deepEqual([code, stderr.replace(/.*\binfo IZ[\s\S]*/, "")], [0, ""], like);
      const services = join(directory, "gitops/base/services");
      const [original, copy] = [like, "zz-copy"].map((name) => readFiles(join(services, name)));
      const written = Object.entries(original!).filter(([, text]) => !text.startsWith("# Generated by istiomize"));
      for (const [path, text] of written) assert.equal(copy![path]!.replaceAll("zz-copy", like), text, `${like}: ${path}`);
    }
  });

  test("takes no canary along that an overlay has for a while, unless it is asked for", (t) => {
    const directory = copyTrees(t);
    scaffold(directory, "service cart shop --like web");
    const production = readFiles(join(directory, "shop/overlays/production"));
    assert.deepEqual(Object.keys(production), ["kustomization.yaml", "weights.yaml", "web-canary.yaml"].sort());
    assert.ok(!/cart-canary/.test(production["kustomization.yaml"]!));
  });
});

describe("a build of what was scaffolded", () => {
  const trees = ["shop", "apps", "crlf-flat", "listed"];
  for (const tree of trees) {
    test(`holds the new service wherever the one was that it is like: ${tree}`, (t) => {
      if (builders.length === 0) return t.skip("neither kustomize nor kubectl is on this machine");
      const [directory, installed] = [copyTrees(t), install(t)];
      assert.equal(scaffold(directory, `service zz-copy ${tree} --like web`).code, 0);
      const overlays = tree === "apps" ? ["apps/clusters/dev", "apps/clusters/prod"] : readdirSync(join(directory, tree, "overlays")).map((each) => join(tree, "overlays", each));
      for (const builder of builders) {
        for (const overlay of overlays) {
          const { code, stdout, stderr } = build(builder, join(directory, overlay), installed, []);
          assert.equal(code, 0, `${builder.name} ${overlay}: ${stderr}`);
          const namesWith = (name: string): string[] => Object.keys(objectsOf(stdout)).filter((each) => new RegExp(`(?<![a-z]-|[a-z])${name}(?!-(api|canary))`).test(each.split("/")[1]!.replace(/^dev-/, "")));
          assert.deepEqual(namesWith("zz-copy").map((each) => each.replaceAll("zz-copy", "web")).sort(), namesWith("web").sort(), `${builder.name} ${basename(overlay)}`);
        }
      }
    });
  }
});

/** Writes the files of a small tree. */
function writeTree(directory: string, files: { readonly [path: string]: string }): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}

/** A Service and its Deployment, by the labels that its selector asks for, and what its pods mount. */
function writeService(name: string, labels: string, volumes = "[]"): string {
  return `apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  selector: {${labels}}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {${labels}}}
  template:
    metadata: {labels: {${labels}}}
    spec:
      containers: [{name: ${name}, image: "registry.example.com/${name}:1.0.0", ports: [{containerPort: 8080}]}]
      volumes: ${volumes}
`;
}

const settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n";
const onSettings = "[{name: settings, configMap: {name: settings}}]";

describe("what stands with a service but is not named after it", () => {
  /** Scaffolds cart like web in a tree of these files and builds it with everything there is; what the last one built, and what was said. */
  function copyWeb(t: TestContext, files: { readonly [path: string]: string }): { readonly directory: string; readonly names: readonly string[]; readonly notes: string; readonly built: string } {
    const [directory, installed] = [temporary(t), install(t)];
    writeTree(directory, files);
    const { code, stdout, stderr } = scaffold(directory, "service cart . --like web");
    assert.deepEqual([code, stderr], [0, ""]);
    const texts = builders.map((builder) => {
      const made = build(builder, directory, installed, []);
      assert.equal(made.code, 0, `${builder.name}: ${made.stderr}`);
      return made.stdout;
    });
    const built = texts.at(-1) ?? "";
    const notes = [...stdout.matchAll(/^note: (?!image )(.*)$/gm)].map(([, note]) => note).join("\n");
    return { directory, names: Object.keys(objectsOf(built)).map((name) => name.replace(/-[a-z0-9]{10}$/, "")).sort(), notes, built };
  }
  const top = "resources: [web, api]\n";
  const api = { "api/kustomization.yaml": "resources: [api.yaml]\n", "api/api.yaml": writeService("api", "app: api") };

  test("is built once, by every kustomize, wherever the service is built", (t) => {
    if (builders.length === 0) return t.skip("neither kustomize nor kubectl is on this machine");
    const [directory, installed] = [copyTrees(t), install(t)];
    assert.equal(scaffold(directory, "service cart generic --like web-svc").code, 0);
    for (const builder of builders) {
      for (const text of buildOverlays(builder, join(directory, "generic"), [], installed)) {
        const named = Object.values(objectsOf(text)).map((object) => `${kindOf(object)} ${(object["metadata"] as { readonly name: string }).name.replace(/-[a-z0-9]{10}$/, "")}`);
        assert.deepEqual(named.filter((each) => /cart/.test(each)).sort(), ["ConfigMap cart-settings", "Deployment cart", "Service cart"], builder.name);
        const [config] = /nginx-config-[a-z0-9]{10}/.exec(text)!;
        assert.equal(text.split(`name: ${config}\n`).length, 4, "the ConfigMap itself, and both Deployments by its name with the hash");
      }
    }
  });

  test("is copied where a prefix or a namespace of its own tells it apart", (t) => {
    if (builders.length === 0) return t.skip("neither kustomize nor kubectl is on this machine");
    for (const field of ["namePrefix: web-", "nameSuffix: -web", "namespace: web"]) {
      const found = copyWeb(t, { "kustomization.yaml": top, ...api, "web/kustomization.yaml": `${field}\nresources: [web.yaml, settings.yaml]\nconfigMapGenerator: [{name: scripts, literals: [a=b]}]\n`, "web/web.yaml": writeService("web", "app: web", onSettings), "web/settings.yaml": settings });
      assert.equal(found.names.filter((name) => /^ConfigMap .*(settings|scripts)/.test(name)).length, 4, field);
      assert.equal(found.notes, "", field);
    }
  });

  test("is left out after all where an overlay puts everything into one namespace", (t) => {
    if (builders.length === 0) return t.skip("neither kustomize nor kubectl is on this machine");
    const found = copyWeb(t, { "kustomization.yaml": `namespace: shop\n${top}`, ...api, "web/kustomization.yaml": "namespace: web\nresources: [web.yaml, settings.yaml]\n", "web/web.yaml": writeService("web", "app: web", onSettings), "web/settings.yaml": settings });
    assert.equal(found.names.filter((name) => name.startsWith("ConfigMap")).length, 1);
    assert.equal(found.notes, "not copied, because its name is not that of web: ConfigMap settings; add what cart needs of its own\ncart and web share ConfigMap settings; a change of it reaches both");
  });

  test("goes with what counts on it: numbers of replicas, replacements, patches that are written in place, a directory that would hold nothing", (t) => {
    if (builders.length === 0) return t.skip("neither kustomize nor kubectl is on this machine");
    const worker = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: worker}\nspec:\n  selector: {matchLabels: {app: worker}}\n  template:\n    metadata: {labels: {app: worker}}\n    spec: {containers: [{name: worker, image: registry.example.com/worker}]}\n";
    const found = copyWeb(t, {
      "kustomization.yaml": top, ...api, "web/web.yaml": writeService("web", "app: web"), "web/more/kustomization.yaml": "resources: [settings.yaml]\n", "web/more/settings.yaml": settings, "web/worker.yaml": worker, "common/kustomization.yaml": "resources: [settings.yaml]\n",
      "common/settings.yaml": settings.replace("settings", "common"),
      "web/kustomization.yaml": `resources:
  - web.yaml
  - worker.yaml
  - more
  - ../common
replicas:
  - name: worker
    count: 2
  - name: web
    count: 3
patches:
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata:
        name: worker
        labels: {of: web}
replacements:
  - source: {kind: Deployment, name: worker, fieldPath: metadata.name}
    targets:
      - select: {kind: Deployment, name: web}
        fieldPaths: [metadata.labels.worker]
        options: {create: true}
`,
    });
    assert.equal(readFileSync(join(found.directory, "cart/kustomization.yaml"), "utf8"), "resources:\n  - cart.yaml\nreplicas:\n  - name: cart\n    count: 3\n");
    assert.deepEqual(Object.keys(readFiles(join(found.directory, "cart"))), ["cart.yaml", "kustomization.yaml"]);
    assert.equal(found.notes, "not copied, because their names are not that of web: Deployment worker, ConfigMap settings, resources ../common; add what cart needs of its own");
  });

  test("is named where the copy uses it, a volume that both would write to above all", (t) => {
    if (builders.length === 0) return t.skip("neither kustomize nor kubectl is on this machine");
    const claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}\n";
    const found = copyWeb(t, { "kustomization.yaml": "resources: [web.yaml, data.yaml, api.yaml]\n", "api.yaml": api["api/api.yaml"], "web.yaml": writeService("web", "app: web", "[{name: data, persistentVolumeClaim: {claimName: data}}]"), "data.yaml": claim });
    assert.equal(found.notes, "cart and web mount the same volume: PersistentVolumeClaim data; give cart a claim of its own unless both may write there");
  });

  test("does not stay in the selector of the copy, unless every service has it", (t) => {
    if (builders.length === 0) return t.skip("neither kustomize nor kubectl is on this machine");
    for (const [labels, selector] of [["app: shop, component: web", "app: shop, component: cart"], ["app.kubernetes.io/name: website", "app.kubernetes.io/name: cart"]]) {
      const found = copyWeb(t, { "kustomization.yaml": top, ...api, "web/kustomization.yaml": "resources: [web.yaml]\n", "web/web.yaml": writeService("web", labels!) });
      assert.match(readFileSync(join(found.directory, "cart/cart.yaml"), "utf8"), new RegExp(`selector: \\{${selector}\\}[\\s\\S]*selector: \\{matchLabels: \\{${selector}\\}\\}[\\s\\S]*labels: \\{${selector}\\}`));
      assert.equal(found.notes, "");
    }
    const same = copyWeb(t, { "kustomization.yaml": top, ...api, "api/api.yaml": writeService("api", "tier: back, app: shop"), "web/kustomization.yaml": "resources: [web.yaml]\n", "web/web.yaml": writeService("web", "app: shop") });
    assert.equal(same.notes, "Service cart selects the same pods as web (app: shop); give its pods and its selector a label of their own");
  });

  test("of another service is that one's, whatever its name", (t) => {
    if (builders.length === 0) return t.skip("neither kustomize nor kubectl is on this machine");
    const found = copyWeb(t, { "kustomization.yaml": top, "api/kustomization.yaml": "resources: [api.yaml, warm-web.yaml]\n", "api/api.yaml": writeService("api", "app: api"), "api/warm-web.yaml": settings.replace("settings", "warm-web"), "web/kustomization.yaml": "resources: [web.yaml]\n", "web/web.yaml": writeService("web", "app: web") });
    assert.ok(!found.names.some((name) => /warm-cart/.test(name)));
  });
});

describe("a tree with two bases that have services of the same names", () => {
  const base = { "kustomization.yaml": "resources:\n  - db\n  - web\n", "db/kustomization.yaml": "resources:\n  - db.yaml\n", "db/db.yaml": writeService("db", "app: db"), "web/kustomization.yaml": "resources:\n  - web.yaml\n", "web/web.yaml": writeService("web", "app: web") };
  const below = (directory: string, files: { readonly [path: string]: string }): { readonly [path: string]: string } => Object.fromEntries(Object.entries(files).map(([path, text]) => [`${directory}/${path}`, text]));
  const overlayOf = (name: string): string => `namespace: ${name}\nresources:\n  - ../../base-${name}\nreplicas:\n  - name: db\n    count: 1\n  - name: web\n    count: 2\ncomponents:\n  - ../../sizes-${name}\n`;
  const component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nimages:\n  - name: registry.example.com/db\n    newTag: 1.0.0\n  - name: registry.example.com/web\n    newTag: 1.0.0\n";
  const files = ["a", "b"].reduce((made, name) => ({
    ...made, ...below(`two/base-${name}`, base), [`two/overlays/${name}/kustomization.yaml`]: overlayOf(name), [`two/sizes-${name}/kustomization.yaml`]: component,
  }), {});

  test("is not guessed at: the base has to be named", (t) => {
    const directory = temporary(t);
    writeTree(directory, files);
    assertRefused(directory, "service cart two --image registry.example.com/cart:1.0.0 --port 80", /error IZ434 .*\n {2}read {6}two\/base-a, two\/base-b\n.*\n {2}help {6}choose one, such as `--base two\/base-a`; nothing/, 1);
    assertRefused(directory, "service cart two --image registry.example.com/cart:1.0.0 --port 80 --base base-c", /error IZ433 .*\n.*--base base-c: no kustomization there\n.*two\/base-a, two\/base-b\n/, 1);
  });

  test("gets a new service in the one that is named, from here or from the tree, and in what builds that one", (t) => {
    for (const [name, named] of [["a", "base-a"], ["b", "two/base-b"]]) {
      const directory = temporary(t);
      writeTree(directory, files);
      const before = readFiles(directory);
      const { code, stdout, stderr } = scaffold(directory, `service cart two --image registry.example.com/cart:1.0.0 --port 8443 --base ${named}`);
      assert.deepEqual([code, stderr], [0, ""]);
      assert.match(stdout, new RegExp(`^ {2}istiomize render two/overlays/${name}$`, "m"));
      const changed = changedFiles(before, readFiles(directory));
      assert.deepEqual(Object.keys(changed).filter((path) => !path.startsWith(`two/base-${name}/`)).sort(), [`two/overlays/${name}/kustomization.yaml`, `two/sizes-${name}/kustomization.yaml`]);
      assert.match(Object.entries(changed).find(([path]) => /cart\/.*service\.yaml|cart\/cart\.yaml/.test(path))![1], /8443/);
    }
  });
});

describe("a tree that mixes layouts", () => {
  /** The overlays of the example tree are run by the function, by `render` and, one of them, built from generated files. */
  function copyExample(t: TestContext): string {
    const directory = temporary(t);
    cpSync(join(root, "gitops"), join(directory, "gitops"), { recursive: true });
    return directory;
  }
  const nextOf = (stdout: string): readonly string[] => (/^Next\n((?: {2}.*\n)+)$/m.exec(withKustomize(stdout))?.[1] ?? "").trimEnd().split("\n").map((line) => line.trim());
  const generate = (directory: string, ...args: readonly string[]): Run => istiomize(["generate", ...args], { cwd: directory, env: { PATH } });

  test("gets a new service, and says first which overlay is to be generated again", (t) => {
    if (!kubectl) return t.skip("no kubectl is on this machine");
    const directory = copyExample(t);
    const { code, stdout, stderr } = scaffold(directory, "service cart gitops --like ms-product");
    assert.deepEqual([code, stderr, nextOf(stdout)[0]], [0, "", "istiomize generate gitops/overlays/qa"]);
    assert.equal(generate(directory, "--check", "gitops/overlays/qa").code, 1);
    assert.equal(generate(directory, "gitops/overlays/qa").code, 0);
    assert.equal(generate(directory, "--check", "gitops/overlays/qa").code, 0);
    assert.match(readFileSync(join(directory, "gitops/overlays/qa/istio-virtualservice.yaml"), "utf8"), /^ {2}name: cart$/m);
  });

  test("gets an overlay like the generated one, without its generated files, and builds after the commands that are named", (t) => {
    if (!kubectl) return t.skip("no kubectl is on this machine");
    const [directory, installed] = [copyExample(t), install(t)];
    const { code, stdout, stderr } = scaffold(directory, "overlay qa2 gitops --like qa");
    assert.deepEqual([code, stderr, nextOf(stdout)], [0, "", ["istiomize generate gitops/overlays/qa2", "kustomize build gitops/overlays/qa2"]]);
    const overlay = join(directory, "gitops/overlays/qa2");
    assert.deepEqual([...Object.keys(readFiles(overlay))].sort(), ["kustomization.yaml", "patches/mesh.yaml"]);
    assert.doesNotMatch(readFileSync(join(overlay, "kustomization.yaml"), "utf8"), /istio-|transformers|configurations/);
    assert.equal(generate(directory, "gitops/overlays/qa2").code, 0);
    assert.equal(generate(directory, "--check", "gitops/overlays/qa2").code, 0);
    for (const builder of builders) {
      const kindsIn = (name: string): readonly string[] => {
        const made = build(builder, join(directory, "gitops/overlays", name), installed, []);
        assert.equal(made.code, 0, `${builder.name}: ${made.stderr}`);
        return Object.keys(objectsOf(made.stdout)).map((each) => each.replace(/kubestock-qa2?/, "")).sort();
      };
      assert.deepEqual(kindsIn("qa2"), kindsIn("qa"), builder.name);
    }
  });

  test("gets an overlay like the one that runs the function, and leaves the generated one alone", (t) => {
    const kustomizes = findKustomizes();
    const [directory, installed] = [copyExample(t), install(t)];
    const { code, stdout, stderr } = scaffold(directory, "overlay staging2 gitops --like staging");
    assert.deepEqual([code, stderr, nextOf(stdout)], [0, "", ["istiomize render gitops/overlays/staging2", "kustomize build --enable-alpha-plugins --enable-exec gitops/overlays/staging2"]]);
    for (const builder of kustomizes) {
      const made = build(builder, join(directory, "gitops/overlays/staging2"), installed, ["--enable-alpha-plugins", "--enable-exec"]);
      assert.equal(made.code, 0, `${builder.name}: ${made.stderr}`);
      assert.match(made.stdout, /kind: VirtualService/);
    }
  });
});

/** A command that is refused, with nothing on stdout and nothing written. */
function assertRefused(directory: string, command: string, message: RegExp, exitCode: number): void {
  const [before, directories] = [readFiles(directory), directoriesIn(directory)];
  const { code, stdout, stderr } = scaffold(directory, command);
  assert.match(stderr, message, command);
  assert.doesNotMatch(stderr, /^\s+at /m, "no stack trace");
  assert.deepEqual([code, stdout], [exitCode, ""], command);
  assert.deepEqual([readFiles(directory), directoriesIn(directory)], [before, directories], "nothing was written");
}

describe("a command line", () => {
  test("in a pipe names the flag or word that is missing", (t) => {
    const directory = copyTrees(t);
    rmSync(join(directory, "broken"), { recursive: true });
    const missing: readonly (readonly [string, RegExp])[] = [
      ["service", /the name of the service is missing.*`istiomize scaffold service NAME`/], ["service cart shop", /--image is missing.*`--image registry/], ["service cart shop --image a:1", /--port is missing.*`--port 8080`/],
      ["overlay", /the name of the overlay is missing/], ["overlay qa shop", /--like is missing \(production or staging\).*`--like production`/], ["overlay qa shop --like production", /--namespace is missing.*`--namespace shop-qa`/],
      ["tree new", /--name is missing/], ["tree new --name shop", /--service is missing/], ["tree new --name shop --service web", /--image is missing/],
    ];
    for (const [command, message] of missing) assertRefused(directory, command, message, 2);
  });

  test("with a mistake says what was meant", (t) => {
    const directory = copyTrees(t);
    const mistakes: readonly (readonly [string, RegExp])[] = [
      ["servce cart", /not "servce"; did you mean `istiomize scaffold service`\?/], ["service cart shop --lke web", /--lke.*did you mean --like\?/], ["service cart shop --protocol htp", /--protocol "htp" is none of http, grpc, tcp; did you mean http\?/],
      ["tree x --layout file", /--layout "file".*did you mean files\?/], ["service cart shop extra", /"extra" is a word too many/], ["service cart shop --like web --protocol grpc", /--protocol goes without --like/],
      ["service cart shop --like web --base shop/base", /--base goes without --like/],
    ];
    for (const [command, message] of mistakes) assertRefused(directory, command, message, 2);
  });

  test("that cannot be carried out writes nothing", (t) => {
    const directory = copyTrees(t);
    for (const name of readdirSync(folder).filter((each) => each.startsWith("refused-"))) {
      const command = readFileSync(join(folder, name, "command.txt"), "utf8").replace(/^scaffold /, "").replaceAll("../trees/", "");
      assertRefused(directory, command, /error IZ\d+/, 1);
    }
  });

  test("with a name that cannot be is told so before anything else is missing", (t) => {
    const directory = copyTrees(t);
    const names: readonly (readonly [string, RegExp])[] = [
      ["service web shop", /^shop\/base\/services\/web\/web-service\.yaml:\d+ {2}error IZ431 .*\n {2}read {6}"web", the name of Service web\n/], ["service Web shop", /IZ430[\s\S]*take web;/],
      ["overlay staging shop", /^shop\/overlays\/staging {2}error IZ431/], ["overlay Staging shop", /IZ430[\s\S]*take staging;/],
    ];
    for (const [command, message] of names) assertRefused(directory, command, message, 1);
  });

  test("with a port below zero is told what a port is", (t) => {
    assertRefused(copyTrees(t), "service cart shop --image a:1 --port -1", /error IZ432 .*\n {2}read {6}"-1"\n/, 1);
  });

  test("that makes a tree refuses a file, and names all that is in the way at once", (t) => {
    const directory = temporary(t);
    writeFileSync(join(directory, "f.txt"), "");
    assertRefused(directory, `tree f.txt --name shop --service web ${first}`, /error IZ408 .*\n {2}read {6}f\.txt: a file, not a directory\n/, 1);
    scaffold(directory, `tree --layout transformer --name shop --service web ${first}`);
    assertRefused(directory, `tree --layout transformer --name shop --service web ${first}`, /^gitops\/base\/kustomization\.yaml {2}error IZ438 .*\n.* and 14 more\n.*\n.*`istiomize scaffold service NAME gitops`[^\n]*\n$/, 1);
  });

  test("is followed by commands that can be typed, with kubectl where there is no kustomize", (t) => {
    const directory = temporary(t);
    cpSync(join(folder, "trees/shop"), join(directory, "my shop"), { recursive: true });
    const programs = temporary(t);
    for (const [tool, command] of [["kubectl", "kubectl kustomize"], ["kustomize", "kustomize build"]]) {
      writeFileSync(join(programs, tool!), "#!/bin/sh\n", { mode: 0o755 });
      const { stdout } = istiomize(["scaffold", "service", `cart-${tool}`, "my shop", "--like", "web"], { cwd: directory, env: { PATH: programs } });
      assert.match(stdout, new RegExp(`^ {2}${command} 'my shop/overlays/production'`, "m"));
    }
  });

  test("--help shows three examples before the flags", () => {
    for (const args of [["--help"], ["service", "--help"], ["overlay", "-h"], ["tree", "--help"]]) {
      const { code, stdout, stderr } = istiomize(["scaffold", ...args]);
      assert.deepEqual([code, stderr], [0, ""]);
      const [, examples] = /^Examples\n((?: {2}.*\n)+)/m.exec(stdout) ?? [];
      assert.equal(examples?.trimEnd().split("\n").length, 3);
      for (const flag of ["--like", "--image", "--port", "--protocol", "--profile", "--canary", "--base", "--namespace", "--prefix", "--name", "--layout", "--service", "--dry-run"]) assert.ok(stdout.indexOf(flag, stdout.indexOf("<name> [tree]    ")) > 0, flag);
    }
  });

  test("--dry-run prints the plan of a real run and writes nothing", (t) => {
    if (!kubectl) return t.skip("no kubectl is on this machine");
    const directory = temporary(t);
    scaffold(directory, `tree gitops --name shop --service web ${first}`);
    const before = readFiles(directory);
    const tried = scaffold(directory, "service api gitops --like web --dry-run");
    assert.deepEqual([tried.code, tried.stderr], [0, ""]);
    assert.deepEqual(readFiles(directory), before);
    const made = scaffold(directory, "service api gitops --like web");
    const planOf = (text: string): readonly string[] => text.split("\n").filter((line) => /^[+~-] /.test(line));
    assert.deepEqual(planOf(tried.stdout), planOf(made.stdout));
    assert.match(tried.stdout, /^Nothing was written\.$/m);
    assert.deepEqual(/^Next\n((?: {2}.*\n)+)$/m.exec(made.stdout)?.[1]?.trimEnd().split("\n").length, 2, "ends with two commands");
  });

  test("takes everything back where the Istio files cannot be made", (t) => {
    if (!kubectl) return t.skip("no kubectl is on this machine");
    const directory = temporary(t);
    scaffold(directory, `tree gitops --name shop --service web ${first}`);
    const service = join(directory, "gitops/base/services/web/service.yaml");
    writeFileSync(service, readFileSync(service, "utf8").replace("istiomize.dev/enabled", "istiomize.dev/enabeld"));
    assertRefused(directory, "service api gitops --like web", /error IZ202/, 1);
  });

  test("leaves a tree alone that it may not write to", (t) => {
    if (process.getuid?.() === 0) return t.skip("root may write everywhere");
    const directory = copyTrees(t);
    chmodSync(join(directory, "shop/base/services"), 0o555);
    assertRefused(directory, "service cart shop --like web", /error IZ4\d\d/, 1);
    chmodSync(join(directory, "shop/base/services"), 0o755);
  });
});

/** Types answers at a terminal, each once its question is there. */
function typeAt(t: TestContext, directory: string, command: string, answers: readonly string[]): Run | undefined {
  if (!findOnPath("script")) {
    t.skip("script (util-linux) is not on this machine");
    return undefined;
  }
  const typed = answers.map((answer) => `sleep 1.5; printf '${answer}'`).join("; ");
  return run("sh", ["-c", `(${typed}; sleep 1) | script -qec "'${process.execPath}' '${bundle}' scaffold ${command}" /dev/null`], { cwd: directory, env: { TERM: "xterm" } });
}

/** What a terminal shows, without its colours and movements. */
function plain(text: string): string {
  return text.replace(/\u001b\[[?\d;]*[A-Za-z]/g, "");
}

describe("a terminal", () => {
  test("is asked for what is missing", (t) => {
    const directory = copyTrees(t);
    const asked = typeAt(t, directory, "service cart shop", ["registry.example.com/cart:1.0\\r", "\\r"]);
    if (!asked) return;
    assert.equal(asked.code, 0, asked.stdout);
    for (const question of [/Which image does it run\?/, /Which port does it listen on\?/]) assert.match(asked.stdout, question);
    assert.match(readFileSync(join(directory, "shop/base/services/cart/cart-deployment.yaml"), "utf8"), /image: registry\.example\.com\/cart:1\.0\n[\s\S]*containerPort: 8080/);
  });

  test("shows a port that the first digit replaces", (t) => {
    const directory = copyTrees(t);
    const asked = typeAt(t, directory, "service cart shop --image registry.example.com/cart:1.0", ["9000\\r"]);
    if (!asked) return;
    assert.equal(asked.code, 0, asked.stdout);
    assert.match(plain(asked.stdout), /8080/);
    assert.match(readFileSync(join(directory, "shop/base/services/cart/cart-deployment.yaml"), "utf8"), /containerPort: 9000\n/);
  });

  test("is asked nothing about a name that cannot be", (t) => {
    const directory = copyTrees(t);
    for (const [command, code] of [["service web shop", "IZ431"], ["overlay Staging shop", "IZ430"]]) {
      const asked = typeAt(t, directory, command!, ["\\r"]);
      if (!asked) return;
      assert.equal(asked.code, 1, asked.stdout);
      assert.match(plain(asked.stdout), new RegExp(`error ${code}`));
      assert.doesNotMatch(plain(asked.stdout), /\?/);
    }
  });

  test("whose user goes away finds everything as it was", (t) => {
    const directory = copyTrees(t);
    const before = readFiles(directory);
    const asked = typeAt(t, directory, "overlay qa shop", ["\\003"]);
    if (!asked) return;
    assert.equal(asked.code, 2, asked.stdout);
    assert.match(asked.stdout, /cancelled; nothing was written/);
    assert.deepEqual(readFiles(directory), before);
  });
});
