import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { load, loadAll } from "js-yaml";
import { asList, asMapping, kindOf, mappingAt, nameOf, namespaceOf, stringsAt, type KubeObject, type Mapping } from "../generators/kube/object.ts";
import { writeYaml } from "../plugin/write-yaml.ts";
import { findOnPath } from "../scripts/tools.ts";
import { applicationOf, ask, buildInstallation, checkSync, containersOf, findJudge, installArgocd, layOut, makeRepository, modes, vary, type Installation, type Mode, type Question, type Variant, type Verdict } from "./support/argocd.ts";
import { findHelm, findKubectls, findKustomizes, objectsOf, ofKind } from "./support/callers.ts";
import { root } from "./support/cases.ts";
import { istiomize, run, temporary, writeFiles } from "./support/process.ts";

/**
 * gitops/argocd under Argo CD's own code. What is tested is what the Components build to: the plugin's configuration,
 * the wrapper, the settings and variables are taken from the built tree and laid out as a pod would have them.
 */
const kustomizes = findKustomizes();
const kustomize = kustomizes.at(-1);
const noKustomize = kustomizes.length === 0 && "kustomize is not on this machine";
const noJudge = noKustomize || (!findJudge() && "argocd-judge is not on this machine");

const tree = join(root, "gitops/argocd");
const read = (path: string): string => readFileSync(join(tree, path), "utf8");

/** The part of the guide below a heading, up to the next one. */
function sectionOf(heading: string): string {
  return read("README.md").split(`\n${heading}`)[1]!.split(/\n##+ /)[0]!;
}

/** The YAML of a part of the guide, block by block, without the indentation of the list that a block stands in. */
function snippetsOf(heading: string): readonly string[] {
  return [...sectionOf(heading).matchAll(/^( *)```yaml\n([^]*?)^\1```$/gm)].map(([, indent, text]) => text!.replaceAll(new RegExp(`^${indent}`, "gm"), ""));
}

const combinations: readonly (readonly Mode[])[] = [["cmp"], ["plugin"], ["exec"], ["cmp", "plugin"], ["cmp", "exec"], ["plugin", "exec"], ["cmp", "plugin", "exec"]];

function podOf(installation: string): Mapping {
  return mappingAt((loadAll(installation) as readonly KubeObject[]).find((object) => kindOf(object) === "Deployment"), "spec", "template", "spec");
}

function settingsOf(installation: string): { readonly [key: string]: string } {
  return stringsAt((loadAll(installation) as readonly KubeObject[]).find((object) => nameOf(object) === "argocd-cm"), "data");
}

const byName = (a: Mapping, b: Mapping): number => (String(a["name"]) < String(b["name"]) ? -1 : 1);

/** A volume without the ConfigMap that it shows, which the chart calls otherwise. */
function withoutSource({ configMap, ...volume }: Mapping): Mapping {
  return configMap === undefined ? volume : { ...volume, configMap: mappingAt(configMap)["defaultMode"] ?? "default" };
}

describe("the Components for Argo CD", { skip: noKustomize }, () => {
  test("build to the same under every kustomize and kubectl, alone and together, beside the health checks", (t) => {
    for (const chosen of combinations) {
      const outputs = [...kustomizes, ...findKubectls()].map((each) => buildInstallation(t, each, [...chosen, "health"]));
      assert.deepEqual(outputs.map((output) => output === outputs[0]), outputs.map(() => true), chosen.join(", "));
    }
  });

  test("name no container twice, mount only volumes that are there, and leave what Argo CD has as it is", (t) => {
    const plain = podOf(buildInstallation(t, kustomize!, []));
    for (const chosen of combinations) {
      const pod = podOf(buildInstallation(t, kustomize!, chosen));
      const containers = [...containersOf(pod, "initContainers"), ...containersOf(pod, "containers")];
      const names = containers.map((container) => container["name"]);
      assert.deepEqual([...new Set(names)], names, chosen.join(", "));
      const volumes = asList(pod["volumes"]).map((volume) => asMapping(volume)!["name"]);
      assert.deepEqual([...new Set(volumes)], volumes, chosen.join(", "));
      for (const container of containers) for (const mount of asList(container["volumeMounts"])) assert.ok(volumes.includes(asMapping(mount)!["name"]), JSON.stringify(mount));
      assert.equal(containersOf(pod, "containers")[0]!["name"], "argocd-repo-server", "patches of other people count from it");
      for (const { name, image, args } of containersOf(plain, "containers")) assert.ok(containers.some((each) => each["name"] === name && each["image"] === image && JSON.stringify(each["args"]) === JSON.stringify(args)));
      if (chosen.length === 1 && chosen[0] === "cmp") assert.deepEqual(containersOf(pod, "containers")[0], containersOf(plain, "containers")[0], "the sidecar changes nothing of the repo-server itself");
    }
  });

  test("run without root, without a file system to write to, and with a volume that only the init container writes", (t) => {
    const pod = podOf(buildInstallation(t, kustomize!, modes));
    const ours = [...containersOf(pod, "initContainers"), ...containersOf(pod, "containers")].filter(({ name }) => String(name).startsWith("istiomize"));
    assert.deepEqual(ours.map(({ name }) => name), ["istiomize-install", "istiomize"]);
    for (const { securityContext } of ours) {
      const { runAsNonRoot, readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities } = asMapping(securityContext)!;
      assert.deepEqual([runAsNonRoot, readOnlyRootFilesystem, allowPrivilegeEscalation, capabilities], [true, true, false, { drop: ["ALL"] }]);
    }
    for (const container of containersOf(pod, "containers")) {
      for (const mount of asList(container["volumeMounts"]).map((each) => asMapping(each)!)) if (mount["name"] === "istiomize") assert.equal(mount["readOnly"], true);
    }
  });

  for (const [what, drop, said] of [
    ["the container, as over the rendered Helm chart", ["- name: argocd-repo-server\n", "- name: repo-server\n"], /fieldPath `spec\.template\.spec\.containers\.\[name=argocd-repo-server\]\.image` is missing/],
    ["the Deployment", ["  name: argocd-repo-server\nspec:", "  name: other\nspec:"], /nothing selected by Deployment\..*argocd-repo-server/],
    ["argocd-cm", ["  name: argocd-cm\n", "  name: other\n"], /nothing selected by ConfigMap\..*argocd-cm/],
  ] as const) {
    test(`do not build without ${what}`, (t) => {
      const upstream = ["argocd-repo-server.yaml", "argocd-cm.yaml"].map((file) => readFileSync(join(root, "test/argocd/upstream", file), "utf8"));
      const changed = upstream.map((text) => text.replace(drop[0], drop[1]));
      assert.notDeepEqual(changed, upstream);
      for (const component of what === "argocd-cm" ? ["plugin", "exec", "health"] : modes) {
        const directory = temporary(t, { "upstream.yaml": changed.join("---\n") });
        writeFiles(directory, { "kustomization.yaml": writeYaml({ resources: ["upstream.yaml"], components: [relative(directory, join(tree, component))] }) });
        for (const each of kustomizes) {
          const { code, stdout, stderr } = run(each.path, ["build", directory]);
          assert.deepEqual([code, stdout], [1, ""], `${component}, ${each.name}`);
          assert.match(stderr, said);
        }
      }
    });
  }

  test("are what a real API server takes, in a namespace that is watched by Pod Security at its strictest", (t) => {
    const server = findOnPath("api-server");
    if (!server) return t.skip("api-server is not on this machine");
    const namespace = writeYaml({ apiVersion: "v1", kind: "Namespace", metadata: { name: "argocd", labels: { "pod-security.kubernetes.io/warn": "restricted" } } });
    const { code, stdout, stderr } = run(server, ["check", "--strict", "-"], { input: `${namespace}---\n${buildInstallation(t, kustomize!, [...modes, "health"])}` });
    assert.deepEqual([code, stdout], [0, ""], stderr);
  });

  test("give the sidecar the image of the repo-server, whichever that is, and take istiomize from where `images` says", (t) => {
    const images = [{ name: "istiomize", newName: "registry.example.com/istiomize" }, { name: "quay.io/argoproj/argocd", newTag: "v9.9.9" }];
    const pod = podOf(buildInstallation(t, kustomize!, ["cmp"], { images }));
    assert.deepEqual(containersOf(pod, "containers").map(({ image }) => image), ["quay.io/argoproj/argocd:v9.9.9", "quay.io/argoproj/argocd:v9.9.9"]);
    const { image } = containersOf(pod, "initContainers").find(({ name }) => name === "istiomize-install")!;
    assert.match(String(image), /^registry\.example\.com\/istiomize:\d+\.\d+\.\d+$/);
  });

  test("install the version that this is", { skip: !/^0\.[5-9]/.test(ISTIOMIZE_VERSION) && "the version is not raised yet" }, () => {
    assert.match(read("executable/repo-server.yaml"), new RegExp(`image: istiomize:${ISTIOMIZE_VERSION.replaceAll(".", "\\.")}\n`));
  });

  test("configure a plugin that must be named, runs no shell, and announces its two parameters", () => {
    const plugin = load(read("cmp/plugin.yaml")) as KubeObject;
    const { version, discover, generate, init, parameters } = mappingAt(plugin, "spec");
    assert.deepEqual([nameOf(plugin), version, discover, init, generate], ["istiomize", undefined, undefined, undefined, { command: ["istiomize", "render", "."] }]);
    assert.deepEqual(asList(asMapping(parameters)!["static"]).map((each) => asMapping(each)!["name"]), ["strict", "environment"]);
  });

  test("put the health check into argocd-cm as it stands in its file, and only there", (t) => {
    const built = buildInstallation(t, kustomize!, ["health"]);
    const checks = Object.entries(settingsOf(built)).filter(([key]) => key.startsWith("resource.customizations.health."));
    assert.ok(checks.some(([key]) => key.endsWith("networking.istio.io_VirtualService")));
    for (const [key, script] of checks) assert.equal(script, read("health/istio.lua"), key);
    assert.equal(ofKind(built, "ConfigMap").length, 1);
  });

  for (const mode of modes) {
    test(`${mode}: the values for the Helm chart say what the Component says`, (t) => {
      const values = load(read(`helm/${mode}.yaml`)) as KubeObject;
      const repoServer = mappingAt(values, "repoServer");
      const built = buildInstallation(t, kustomize!, [mode]).replace(/istiomize-(cmp|kustomize)-[a-z0-9]{10}$/gm, "istiomize-$1");
      const [plain, pod] = [podOf(buildInstallation(t, kustomize!, [])), podOf(built)];
      const added = (list: "containers" | "initContainers" | "volumes"): readonly Mapping[] =>
        asList(pod[list]).map((each) => asMapping(each)!).filter(({ name }) => !asList(plain[list]).some((each) => asMapping(each)!["name"] === name)).sort(byName);
      const given = (key: string): readonly Mapping[] => asList(repoServer[key]).map((each) => asMapping(each)!).sort(byName);
      const withoutImage = ({ image: _, ...container }: Mapping): Mapping => container;
      assert.deepEqual(given("initContainers"), added("initContainers"));
      assert.deepEqual(given("extraContainers").map(withoutImage), added("containers").map(withoutImage));
      assert.deepEqual(given("volumes").map(withoutSource), added("volumes").map(withoutSource));
      const [before, after] = [plain, pod].map((each) => containersOf(each, "containers").find(({ name }) => name === "argocd-repo-server")!);
      const isNew = (key: string) => (each: unknown): boolean => !asList(before![key]).some((other) => JSON.stringify(other) === JSON.stringify(each));
      for (const key of ["env", "volumeMounts"]) assert.deepEqual(given(key), asList(after![key]).filter(isNew(key)).map((each) => asMapping(each)!).sort(byName), key);
      const settings = Object.entries(settingsOf(built)).filter(([key]) => key.startsWith("kustomize."));
      assert.deepEqual(mappingAt(values, "configs", "cm"), Object.fromEntries(settings));
      const [script] = asList(values["extraObjects"]).map((object) => stringsAt(object, "data")["kustomize"]);
      assert.equal(script, mode === "exec" ? read("exec/kustomize") : undefined);
      const plugin = mappingAt(values, "configs", "cmp", "plugins", "istiomize");
      assert.deepEqual(plugin, mode === "cmp" ? mappingAt(load(read("cmp/plugin.yaml")), "spec") : {});
    });
  }

  test("come with an Application for each mode, and the differences to ignore where others move weights", () => {
    for (const mode of modes) assert.equal(kindOf(load(applicationOf(mode)) as KubeObject), "Application");
    const wanted = load(read("ignore-differences.yaml")) as KubeObject;
    const { ignoreDifferences, syncPolicy } = mappingAt(load(read("applications/with-rollouts.yaml")), "spec");
    assert.deepEqual(ignoreDifferences, wanted["ignoreDifferences"]);
    assert.deepEqual(mappingAt(syncPolicy)["syncOptions"], mappingAt(wanted, "syncPolicy")["syncOptions"]);
  });
});

const stagingOf = (mode: Mode): string => `test/argocd/staging/${mode}`;

/** The objects of a render, without what Argo CD writes on each of them to find it again. */
function objectsIn(manifests: string): { readonly [name: string]: KubeObject } {
  const objects = loadAll(manifests).map((object) => asMapping(object)).filter((object) => object !== undefined);
  return objectsOf(objects.map((object) => {
    const { annotations, ...metadata } = mappingAt(object, "metadata");
    const { "argocd.argoproj.io/tracking-id": _, ...kept } = mappingAt(annotations);
    return JSON.stringify({ ...object, metadata: { ...metadata, ...(Object.keys(kept).length > 0 && { annotations: kept }) } });
  }).join("\n---\n"));
}

/** What `istiomize render` gives, which everything here is held against. */
function rendered(directory: string): { readonly [name: string]: KubeObject } {
  const { code, stdout, stderr } = istiomize(["render", "--with", kustomize!.path, directory]);
  assert.equal(code, 0, stderr);
  return objectsOf(stdout);
}

function assertRendered(verdict: Verdict): void {
  assert.deepEqual([verdict.code, ...verdict.outcomes.flatMap(({ error }) => error ?? [])], [0], verdict.said);
}

/** Nothing in the home, the temporary folder or the checkout, which all renders of a revision share. */
function assertTidy({ writtenToHome, leftInTemporary, edits }: Verdict): void {
  assert.deepEqual([writtenToHome ?? [], leftInTemporary ?? [], edits ?? ""], [[], [], ""]);
}

describe("Argo CD renders the staging overlay", { skip: noJudge, concurrency: 2 }, () => {
  for (const mode of modes) {
    test(`${mode}: to the objects of istiomize render, twenty at once, and leaves nothing behind`, async (t) => {
      const verdict = await ask(t, installArgocd(t, kustomize!, [mode]), { mode, repository: makeRepository(t), folders: [stagingOf(mode)], options: ["--concurrency", "20"] });
      assertRendered(verdict);
      assert.equal(verdict.outcomes.length, 20);
      assertTidy(verdict);
      const objects = objectsIn(verdict.manifests);
      assert.deepEqual(objects, rendered(join(root, "gitops/overlays/staging")));
      assert.equal(ofKind(verdict.manifests, "VirtualService").length, 6);
      const { code, said } = await checkSync(t, verdict.manifests);
      assert.equal(code, 0, said);
    });

    test(`${mode}: to the same with every other mode installed beside it`, async (t) => {
      const verdict = await ask(t, installArgocd(t, kustomize!, modes), { mode, repository: makeRepository(t), folders: [stagingOf(mode)] });
      assertRendered(verdict);
      assert.deepEqual(objectsIn(verdict.manifests), rendered(join(root, "gitops/overlays/staging")));
    });

    for (const each of kustomizes.slice(0, -1)) {
      test(`${mode}: to the same where Argo CD's image holds ${each.name}`, async (t) => {
        const verdict = await ask(t, installArgocd(t, kustomize!, [mode]), { mode, repository: makeRepository(t), folders: [stagingOf(mode)], kustomize: each });
        assertRendered(verdict);
        assert.deepEqual(objectsIn(verdict.manifests), rendered(join(root, "gitops/overlays/staging")));
      });
    }
  }

  test("cmp: to the same from a tree that names istiomize under transformers, in either form", async (t) => {
    const installation = installArgocd(t, kustomize!, ["cmp"]);
    for (const form of ["plugin", "exec"] as const) {
      const verdict = await ask(t, installation, { mode: "cmp", repository: makeRepository(t), folders: [stagingOf(form)] });
      assertRendered(verdict);
      assert.deepEqual(objectsIn(verdict.manifests), rendered(join(root, "gitops/overlays/staging")), form);
    }
  });
});

/**
 * Argo CD as a person has it who follows the guide to the letter: its command, and its kustomization with one mode and
 * what is written below it. Argo CD's own manifests are those of the test. Every kustomize must build it, to the same.
 */
function followGuide(t: TestContext, mode: Mode, more = ""): string {
  const directory = temporary(t);
  const { code, stderr } = istiomize(/^`istiomize (install --argocd .+?)`/m.exec(read("README.md"))![1]!.split(" "), { cwd: directory });
  assert.equal(code, 0, stderr);
  const [kustomization] = snippetsOf("### 2. ");
  writeFiles(directory, { "kustomization.yaml": `${kustomization!.replace(/https:\S+/, relative(directory, join(root, "test/argocd/upstream"))).replace("istiomize/cmp ", `istiomize/${mode} `)}${more}` });
  const builds = [...kustomizes, ...findKubectls()].map(({ path, isKubectl }) => run(path, [isKubectl ? "kustomize" : "build", directory]));
  for (const build of builds) assert.deepEqual([build.code, build.stdout], [0, builds[0]!.stdout], build.stderr);
  return builds[0]!.stdout;
}

describe("the guide", { skip: noKustomize }, () => {
  test("is followed to what the Components give", (t) => {
    for (const mode of modes) assert.equal(followGuide(t, mode), buildInstallation(t, kustomize!, [mode, "health"], { images: [{ name: "istiomize", newName: "registry.example.com/istiomize" }] }));
  });

  test("has no YAML but that which the tests below take from it", () => {
    const tried = ["### 2. ", "### 3. ", "## Namespaces\n", "## Traps\n"].flatMap(snippetsOf);
    assert.equal(tried.length, 13);
    assert.equal([...read("README.md").matchAll(/```yaml\n/g)].length, tried.length);
  });

  test("names containers, files and anchors that are there", (t) => {
    const text = read("README.md");
    const names = [...containersOf(podOf(followGuide(t, "cmp")), "containers"), ...containersOf(podOf(followGuide(t, "cmp")), "initContainers")].map(({ name }) => name);
    const inCommands = [...text.matchAll(/kubectl -n argocd (?:exec|logs) deployment\/argocd-repo-server -c ([\w-]+)/g)].map(([, name]) => name);
    assert.ok(inCommands.length >= 5);
    assert.deepEqual(inCommands.filter((name) => !names.includes(name)), []);
    const files = [...text.matchAll(/(?<![\w./:-])istiomize\/([a-z][\w./-]*)|\]\(([\w./-]+)\)/g)].map(([, installed, linked]) => (installed ?? linked)!).filter((path) => path !== "bin/istiomize");
    assert.deepEqual(files.filter((path) => !existsSync(join(tree, path))), []);
    const anchors = [...text.matchAll(/^##+ (.*)$/gm)].map(([, title]) => title!.toLowerCase().replaceAll(/[^\w -]/g, "").replaceAll(" ", "-"));
    assert.deepEqual([...text.matchAll(/\]\(#(.*?)\)/g)].map(([, anchor]) => anchor!).filter((anchor) => !anchors.includes(anchor)), []);
  });
});

describe("the snippets of the guide", { skip: noJudge, concurrency: 2 }, () => {
  const [cmpTree, cmpMesh, cmpApplication, pluginTree, pluginMesh, execMesh, execApplication] = snippetsOf("### 3. ");
  const snippets = {
    cmp: { kustomization: cmpTree!, mesh: cmpMesh!, application: cmpApplication },
    plugin: { kustomization: pluginTree!, mesh: pluginMesh!, application: undefined },
    exec: { kustomization: pluginTree!, mesh: pluginMesh!.replace("metadata:\n  name: shop\n", () => execMesh!), application: execApplication },
  };

  for (const mode of modes) {
    test(`${mode}: give the mesh over the example's base, and nothing that another Application may own too`, async (t) => {
      const { kustomization, mesh, application } = snippets[mode];
      const folder = "gitops/overlays/guide";
      const repository = makeRepository(t, { [`${folder}/kustomization.yaml`]: kustomization, [`${folder}/mesh.yaml`]: mesh });
      const source = mappingAt(load(application ?? ""), "spec", "source");
      const verdict = await ask(t, layOut(t, followGuide(t, mode)), { mode, repository, folders: [folder], application: applicationWith(mode, (given) => ({ repoURL: given["repoURL"], targetRevision: "main", path: "", ...source })) });
      assertRendered(verdict);
      assert.equal(ofKind(verdict.manifests, "VirtualService").length, 6);
      assert.equal(ofKind(verdict.manifests, "ServiceMesh").length, 0);
      const wide = ofKind(verdict.manifests, "PeerAuthentication").filter((object) => nameOf(object) === "default");
      assert.deepEqual(wide.map(namespaceOf), ofKind(verdict.manifests, "Namespace").map(nameOf));
    });
  }

  const [buildOptions, sidecar, home] = snippetsOf("## Traps\n");

  test("plugin: keep the build options that were there before", async (t) => {
    const built = followGuide(t, "plugin", buildOptions);
    assert.equal(settingsOf(built)["kustomize.buildOptions"], "--enable-helm --enable-alpha-plugins");
    assertRendered(await ask(t, layOut(t, built), { mode: "plugin", repository: makeRepository(t), folders: [stagingOf("plugin")] }));
  });

  test("cmp: give the sidecar options of kustomize, and it reads its parameters as before", async (t) => {
    const installation = layOut(t, followGuide(t, "cmp", sidecar));
    const { path, files } = vary("cmp", "strict", warned);
    const repository = makeRepository(t, files);
    const verdict = await ask(t, installation, { mode: "cmp", repository, folders: [stagingOf("cmp")] });
    assertRendered(verdict);
    assert.deepEqual(objectsIn(verdict.manifests), rendered(join(root, "gitops/overlays/staging")));
    assertRefused(await ask(t, installation, { mode: "cmp", repository, folders: [path], options: ["--param", "strict=true"] }), /IZ310/);
  });

  test("cmp: render a tree with a Helm chart, which the plugin as it comes refuses", async (t) => {
    const helm = findHelm();
    if (!helm) return t.skip("helm is not on this machine");
    const repository = makeRepository(t, {
      "chart/kustomization.yaml": "resources: [mesh.yaml]\nhelmCharts: [{name: shop, releaseName: shop, namespace: shop}]\n", "chart/mesh.yaml": cmpMesh!,
      "chart/charts/shop/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n", "chart/charts/shop/values.yaml": "{}\n", "chart/charts/shop/templates/shop.yaml": shop("shop"),
    });
    const about = async (more?: string): Promise<Verdict> => ask(t, layOut(t, followGuide(t, "cmp", more)), { mode: "cmp", repository, folders: ["chart"], programs: [dirname(helm)] });
    assertRefused(await about(), /IZ402 {2}kustomize could not build[^]*must specify --enable-helm/);
    const verdict = await about(sidecar);
    assertRendered(verdict);
    assert.deepEqual(ofKind(verdict.manifests, "VirtualService").map(nameOf), ["shop"]);
  });

  test("plugin: fill a plugin home that was there before", async (t) => {
    const own = [
      "patches:", "  - target: {kind: Deployment, name: argocd-repo-server}", "    patch: |-", "      apiVersion: apps/v1", "      kind: Deployment", "      metadata: {name: argocd-repo-server}", "      spec:", "        template:", "          spec:",
      "            volumes: [{name: plugin-home, emptyDir: {}}]", "            containers:", "              - name: argocd-repo-server", "                env: [{name: KUSTOMIZE_PLUGIN_HOME, value: /opt/plugins}]", "                volumeMounts: [{name: plugin-home, mountPath: /opt/plugins}]", "",
    ].join("\n");
    const about = async (more: string): Promise<Verdict> => ask(t, layOut(t, followGuide(t, "plugin", more)), { mode: "plugin", repository: makeRepository(t), folders: [stagingOf("plugin")] });
    assertRefused(await about(own), /unable to find plugin root/);
    const more = `${own}${home!.replace("patches:\n", "")}`;
    assertRendered(await about(more));
    const pod = podOf(followGuide(t, "plugin", more));
    assert.equal(containersOf(pod, "containers").length, 1);
    for (const list of ["containers", "initContainers"] as const) for (const each of containersOf(pod, list).slice(0, list === "containers" ? 1 : 2)) assert.ok(each["image"], JSON.stringify(each));
  });

  test("cmp: say of a namespace that Argo CD makes that it is labelled, and strict finds nothing", async (t) => {
    const [application, mesh] = snippetsOf("## Namespaces\n").map((text) => load(text) as KubeObject);
    const written = load(cmpMesh!) as KubeObject;
    const meshes = { bare: written, told: { ...written, spec: { ...mappingAt(written, "spec"), ...mappingAt(mesh, "spec") } } };
    const given = load(applicationOf("cmp")) as KubeObject;
    const repository = makeRepository(t, Object.fromEntries(Object.entries(meshes).flatMap(([name, object]) =>
      Object.entries({ "kustomization.yaml": "resources: [shop.yaml, mesh.yaml]\n", "shop.yaml": shop("web"), "mesh.yaml": writeYaml(object) }).map(([file, text]) => [`${name}/${file}`, text]))));
    const about = async (folder: string): Promise<Verdict> => ask(t, installArgocd(t, kustomize!, ["cmp"]), {
      mode: "cmp", repository, folders: [folder], options: ["--param", "strict=true"], application: writeYaml({ ...given, spec: { ...mappingAt(given, "spec"), ...mappingAt(application, "spec") } }),
    });
    assertRefused(await about("bare"), /IZ340 {2}Namespace is not in the input/);
    const verdict = await about("told");
    assertRendered(verdict);
    assert.deepEqual(ofKind(verdict.manifests, "PeerAuthentication").map(namespaceOf), ["shop"]);
  });
});

/** A Service that is meshed, and its Deployment, without a namespace. */
function shop(name: string): string {
  return [
    { apiVersion: "v1", kind: "Service", metadata: { name, annotations: { "istiomize.dev/timeout": "15s" } }, spec: { selector: { app: name }, ports: [{ name: "http", port: 80 }] } },
    { apiVersion: "apps/v1", kind: "Deployment", metadata: { name }, spec: { selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name, image: `${name}:1`, ports: [{ containerPort: 80 }] }] } } } },
  ].map((object) => writeYaml(object)).join("---\n");
}

describe("argocd.argoproj.io/manifest-generate-paths", { skip: noJudge }, () => {
  test("must name the base as well, where the repo-server sends the sidecar no more than these paths", async (t) => {
    const about = async (paths: string): Promise<Verdict> =>
      ask(t, installArgocd(t, kustomize!, ["cmp"]), { mode: "cmp", repository: makeRepository(t), folders: [stagingOf("cmp")], options: ["--use-manifest-generate-paths", "--manifest-generate-paths", paths] });
    assertRendered(await about(".;/gitops/base;/gitops/overlays/staging"));
    assertRefused(await about("."), /IZ402 {2}kustomize could not build/);
  });
});

/** An Application of a mode that says more, or something else, about its source. */
function applicationWith(mode: Mode, change: (source: Mapping) => Mapping): string {
  const application = load(applicationOf(mode)) as KubeObject;
  const spec = mappingAt(application, "spec");
  return JSON.stringify({ ...application, spec: { ...spec, source: change(mappingAt(spec, "source")) } });
}

const overrides = {
  namePrefix: "blue-",
  namespace: "kubestock-blue",
  images: ["ghcr.io/kubestock/ms-product:9.9.9"],
  patches: [{ target: { kind: "Service", name: "ms-product" }, patch: "- {op: add, path: /metadata/annotations/istiomize.dev~1timeout, value: 20s}\n- {op: add, path: /metadata/annotations/istiomize.dev~1retry-per-try-timeout, value: 5s}\n" }],
};
/** A kustomization that says the same. */
const asKustomization = writeYaml({ ...overrides, images: [{ name: "ghcr.io/kubestock/ms-product", newTag: "9.9.9" }] });

describe("spec.source.kustomize", { skip: noJudge, concurrency: 2 }, () => {
  for (const mode of ["plugin", "exec"] as const) {
    test(`${mode}: a prefix, a namespace, images and patches work as in the kustomization, and hosts follow the prefix`, async (t) => {
      const said = vary(mode, "said", { kustomization: asKustomization });
      const repository = makeRepository(t, said.files);
      const application = applicationWith(mode, (source) => ({ ...source, kustomize: { ...mappingAt(source, "kustomize"), ...overrides } }));
      const verdict = await ask(t, installArgocd(t, kustomize!, [mode]), { mode, repository, folders: [stagingOf(mode)], application, options: ["--concurrency", "4"] });
      assertRendered(verdict);
      assert.deepEqual(objectsIn(verdict.manifests), rendered(join(repository, said.path)));
      const route = ofKind(verdict.manifests, "VirtualService").find((object) => nameOf(object) === "blue-ms-product");
      assert.deepEqual([mappingAt(route, "spec")["hosts"], namespaceOf(route!)], [["blue-ms-product"], "kubestock-blue"]);
      assert.match(JSON.stringify(route), /"timeout":"20s"/);
      assert.match(verdict.manifests, /image: ghcr\.io\/kubestock\/ms-product:9\.9\.9/);
    });
  }

  test("plugin: patches of what istiomize makes find nothing, as the guide says", async (t) => {
    const about = async (patch: Mapping): Promise<Verdict> => {
      const application = applicationWith("plugin", (source) => ({ ...source, kustomize: { patches: [patch] } }));
      return ask(t, installArgocd(t, kustomize!, ["plugin"]), { mode: "plugin", repository: makeRepository(t), folders: [stagingOf("plugin")], application });
    };
    const targeted = await about({ target: { kind: "VirtualService" }, patch: "- {op: add, path: /spec/http/0/timeout, value: 1s}\n" });
    assertRendered(targeted);
    assert.deepEqual(objectsIn(targeted.manifests), rendered(join(root, "gitops/overlays/staging")));
    assertRefused(await about({ patch: writeYaml({ apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata: { name: "ms-product" }, spec: {} }) }), /no (matches for Id|resource matches).*VirtualService/);
  });

  test("cmp: is refused beside a plugin", async (t) => {
    const application = applicationWith("cmp", (source) => ({ ...source, kustomize: { namePrefix: "blue-" } }));
    const verdict = await ask(t, installArgocd(t, kustomize!, ["cmp"]), { mode: "cmp", repository: makeRepository(t), folders: [stagingOf("cmp")], application });
    assertRefused(verdict, /multiple application sources defined: Kustomize,Plugin/);
  });
});

/** The Application gets no manifests at all, and a person reads why; what they read is not too long to be shown. */
function assertRefused({ code, manifests, outcomes }: Verdict, message: RegExp): string {
  assert.deepEqual([code, manifests], [1, ""]);
  for (const { objects, condition = "" } of outcomes) {
    assert.equal(objects, 0);
    assert.match(condition, message);
    assert.ok(Buffer.byteLength(condition) < 4096, `${Buffer.byteLength(condition)} bytes`);
  }
  return outcomes[0]!.condition!;
}

/** A patch of one Service of staging. */
const patchService = (annotations: { readonly [name: string]: string }): string =>
  `patches:\n  - target: {kind: Service, name: ms-product}\n    patch: |-\n${Object.entries(annotations).map(([name, value]) => `      - ${JSON.stringify({ op: "add", path: `/metadata/annotations/istiomize.dev~1${name}`, value })}\n`).join("")}`;

/** A warning: three retries of 20s do not fit into 30s. */
const warned: Variant = { kustomization: patchService({ "retry-per-try-timeout": "20s" }) };
const faulty: Variant = { kustomization: patchService({ "fault-abort": "503@1%" }) };

/** One variant of staging, rendered in one mode. */
async function askAbout(t: TestContext, mode: Mode, variant: Variant, more: Partial<Question> = {}): Promise<Verdict> {
  const { path, files } = vary(mode, "variant", variant);
  return ask(t, installArgocd(t, kustomize!, [mode]), { mode, repository: makeRepository(t, files), folders: [path], ...more });
}

describe("parameters of the plugin", { skip: noJudge, concurrency: 2 }, () => {
  test("strict makes a warning an error that the Application shows; without it only the sidecar's log has it", async (t) => {
    const lax = await askAbout(t, "cmp", warned);
    assertRendered(lax);
    assert.match(lax.plugins?.[0]?.stderr ?? "", /warning IZ310/);
    assertRefused(await askAbout(t, "cmp", warned, { options: ["--param", "strict=true"] }), /IZ310 {2}retries cannot all run.*\n {2}resource {2}Service kubestock-staging\/ms-product.*\n(?: .*\n)+ {2}help {6}raise timeout/);
    assertRendered(await askAbout(t, "cmp", warned, { options: ["--param", "strict=false"] }));
  });

  test("environment wins over the one in the repository", async (t) => {
    assertRendered(await askAbout(t, "cmp", faulty));
    assertRefused(await askAbout(t, "cmp", faulty, { options: ["--param", "environment=production"] }), /IZ380 {2}fault injection in production/);
  });

  test("with a value or a name that is none are refused", async (t) => {
    for (const [parameter, message] of [
      ["strict=yes", /the plugin parameter strict is "true" or "false", not "yes"/],
      ['strict=["true"]', /the plugin parameter strict is a string, not an array/],
      ["strct=true", /the plugin has no parameter "strct"/],
    ] as const) {
      const said = assertRefused(await askAbout(t, "cmp", {}, { options: ["--param", parameter] }), message);
      assert.ok(isInGuide("cmp", said), said);
    }
  });
});

describe("warnings", { skip: noJudge, concurrency: 2 }, () => {
  for (const mode of modes) {
    test(`${mode}: are on the objects that they are about with spec.argocd.recordWarnings`, async (t) => {
      const verdict = await askAbout(t, mode, { ...warned, mesh: (text) => text.replace("spec:\n", "spec:\n  argocd: {recordWarnings: true}\n") });
      assertRendered(verdict);
      const noted = ofKind(verdict.manifests, "VirtualService").map((object) => [nameOf(object), stringsAt(object, "metadata", "annotations")["istiomize.dev/warnings"]]).filter(([, text]) => text !== undefined);
      assert.deepEqual(noted.map(([name]) => name), ["ms-product"]);
      assert.match(noted[0]![1]!, /^IZ310 retries cannot all run: .* → raise timeout/);
    });
  }

  for (const mode of ["plugin", "exec"] as const) {
    test(`${mode}: are seen by nobody without spec.strict, and on the Application with it`, async (t) => {
      const lax = await askAbout(t, mode, warned);
      assertRendered(lax);
      assert.doesNotMatch(lax.said, /IZ310/);
      assertRefused(await askAbout(t, mode, { ...warned, mesh: (text) => text.replace("spec:\n", "spec:\n  strict: true\n") }), /IZ310 {2}retries cannot all run/);
    });
  }
});

describe("a program that a repository brings along as a function", { skip: noJudge, concurrency: 2 }, () => {
  /** Writes a file beside the repository when it runs, and passes on what it was given. */
  const own = (proof: string): Variant => ({
    mesh: (text) => `${text}---\n${writeYaml({ apiVersion: "example.com/v1", kind: "Own", metadata: { name: "own", annotations: { "config.kubernetes.io/function": "exec: {path: sh, args: [own.sh]}" } } })}`,
    files: { "own.sh": `echo ran >> ${proof}\nexec cat\n` },
  });

  for (const [mode, tree, runs] of [["plugin", "plugin", false], ["exec", "exec", true], ["cmp", "exec", true]] as const) {
    test(`${mode}: ${runs ? "runs: who may push there may run programs" : "does not run"}`, async (t) => {
      const proof = join(temporary(t), "proof");
      const { path, files } = vary(tree, "own", own(proof));
      const verdict = await ask(t, installArgocd(t, kustomize!, [mode]), { mode, repository: makeRepository(t, files), folders: [path] });
      assertRendered(verdict);
      assert.equal(existsSync(proof), runs);
    });
  }
});

/** What is laid out for one bad situation, to be broken. */
interface Scene {
  readonly installation: Installation;
  readonly repository: string;
  /** The folder that is rendered, in the repository. */
  readonly path: string;
}

/** One row of the table: how it is made, and what a person then reads. */
interface Situation {
  readonly name: string;
  readonly read: { readonly [mode in Mode]?: RegExp };
  /** What is installed beside the mode itself. */
  readonly beside?: readonly Mode[];
  readonly variant?: Variant;
  readonly spoil?: (scene: Scene) => void;
  readonly question?: (mode: Mode, scene: Scene) => Partial<Question>;
  /** Where Argo CD takes what comes out, and refuses to sync it. */
  readonly refusedAtSync?: readonly Mode[];
  readonly after?: (mode: Mode, scene: Scene) => Promise<void>;
}

const programsOf = ({ installation: { opt } }: Scene): readonly string[] => [join(opt, "istiomize/bin/istiomize"), join(opt, "istiomize/plugins/istiomize.dev/v1alpha1/servicemesh/ServiceMesh")];
const replaceProgram = (text: string) => (scene: Scene): void => {
  for (const program of programsOf(scene)) {
    rmSync(program);
    writeFileSync(program, text.replaceAll("OPT", scene.installation.opt), { mode: 0o755 });
  }
};
const dropSetting = (key: string) => ({ installation: { configMap } }: Scene): void => {
  const object = load(readFileSync(configMap, "utf8")) as KubeObject;
  const { [key]: dropped, ...data } = mappingAt(object, "data");
  assert.ok(dropped !== undefined);
  writeFileSync(configMap, JSON.stringify({ ...object, data }));
};
const everyMode = (message: RegExp): { readonly [mode in Mode]: RegExp } => ({ cmp: message, plugin: message, exec: message });

const manyFaults = Array.from({ length: 300 }, (_, i) => `apiVersion: v1\nkind: Service\nmetadata:\n  name: service-${i}\n  annotations:\n    istiomize.dev/timeout: "15"\nspec:\n  selector: {app: service-${i}}\n  ports: [{name: http, port: 80}]\n`).join("---\n");
/** What, where and how to mend it, in the first lines behind Argo CD's own words. */
const readableError = /exit status 1: .*error IZ201 {2}annotation value not understood\n {2}resource {2}Service kubestock-staging\/[a-z0-9-]+, annotation istiomize\.dev\/timeout\n {2}read {6}"15"\n {2}expected {2}a duration with a unit.*\n {2}help {6}did you mean "15s"\?/;

const situations: readonly Situation[] = [
  {
    name: "the function is missing from the image",
    spoil: (scene) => programsOf(scene).forEach((program) => rmSync(program)),
    read: { cmp: /exec: "istiomize": executable file not found in \$PATH$/, plugin: /expected file with Go object code at: .*\/istiomize\.dev\/v1alpha1\/servicemesh\/ServiceMesh\.so/, exec: /couldn't execute function: exec: "istiomize": executable file not found in \$PATH/ },
  },
  {
    name: "the function has no run bit",
    spoil: (scene) => programsOf(scene).forEach((program) => chmodSync(program, 0o644)),
    read: { cmp: /exec: "istiomize": executable file not found in \$PATH$/, plugin: /unexecutable plugin at: .*\/servicemesh\/ServiceMesh/, exec: /couldn't execute function: exec: "istiomize": executable file not found in \$PATH/ },
  },
  {
    name: "the function is built for another machine",
    spoil: replaceProgram("\u007fELF\u0002 of another machine"),
    read: { cmp: /exec format error/, plugin: /exec format error/, exec: /exec format error/ },
  },
  {
    name: "the options are missing: neither of them",
    spoil: (scene) => existsSync(join(scene.installation.opt, "istiomize-kustomize")) || dropSetting("kustomize.buildOptions")(scene),
    question: (mode) => (mode === "exec" ? { application: applicationOf("plugin") } : {}),
    read: { plugin: /external plugins disabled; unable to load external plugin 'ServiceMesh'/, exec: /external plugins disabled; unable to load external plugin 'ServiceMesh'/ },
  },
  {
    name: "the options are missing: alpha plugins without exec, which skips the function",
    beside: ["plugin"],
    question: () => ({ application: applicationOf("plugin") }),
    read: { exec: /istiomize-did-not-run--pass-enable-alpha-plugins-and-enable-exec/ },
  },
  {
    name: "the plugin home is not set",
    question: (_, { installation }) => ({ options: ["--server-env", `KUSTOMIZE_PLUGIN_HOME=${installation.opt}/nowhere`] }),
    read: { plugin: /unable to find plugin root - tried:/ },
  },
  {
    name: "the Application does not name the plugin",
    question: () => ({ mode: "plugin", application: applicationOf("plugin") }),
    refusedAtSync: ["cmp"],
    read: { cmp: /istiomize\.dev\/v1alpha1.*ServiceMesh|ServiceMesh.*istiomize\.dev/ },
  },
  {
    name: "the sidecar is not there",
    question: () => ({ mode: "plugin", application: applicationOf("cmp") }),
    read: { cmp: /plugin/ },
  },
  {
    name: "the kustomize version is not registered",
    spoil: (scene) => existsSync(join(scene.installation.opt, "istiomize-kustomize")) && dropSetting("kustomize.path.istiomize")(scene),
    question: (mode) => (mode === "plugin" ? { application: applicationOf("exec") } : {}),
    read: { plugin: /kustomize version istiomize is not registered/, exec: /kustomize version istiomize is not registered/ },
  },
  {
    name: "the kustomize version is registered, and its file is not there",
    spoil: ({ installation: { opt } }) => rmSync(join(opt, "istiomize-kustomize"), { recursive: true }),
    read: { exec: /istiomize-kustomize\/kustomize: no such file or directory/ },
  },
  {
    name: "the tree asks for another version of istiomize",
    variant: { mesh: (text) => text.replace("spec:\n", 'spec:\n  requires: ">=99"\n') },
    read: everyMode(/error IZ113 .*\n(?:.*\n)*? {2}read {6}.*\n(?:.*\n)*? {2}help {6}/),
  },
  {
    name: "an annotation is wrong",
    variant: { kustomization: patchService({ timeout: "15" }) },
    read: everyMode(readableError),
  },
  {
    name: "300 annotations are wrong",
    variant: { resources: ["many.yaml"], files: { "many.yaml": manyFaults } },
    read: everyMode(new RegExp(`${readableError.source}[^]*istiomize: 300 errors; the last \\d+ are not shown`)),
  },
  {
    name: "the function crashes half-way",
    spoil: replaceProgram("#!/bin/sh\necho 'apiVersion: v1'\nkill -KILL $$\n"),
    read: { cmp: /signal: killed/, plugin: /signal: killed/, exec: /signal: killed|exit status/ },
  },
  {
    name: "the function gives nothing, and says that all is well",
    spoil: replaceProgram("#!/bin/sh\ncat > /dev/null\n"),
    refusedAtSync: ["cmp"],
    read: { cmp: /no objects: a sync that prunes deletes everything/, plugin: /istiomize-did-not-run/, exec: /istiomize-did-not-run/ },
  },
  {
    name: "nothing is left of the tree",
    variant: { isEmpty: true },
    read: { cmp: /error IZ119/, plugin: /error IZ119/, exec: /error IZ115/ },
  },
  {
    name: "nothing is left of the tree, not even the ServiceMesh",
    variant: { files: { "kustomization.yaml": "resources: []\n" } },
    read: { cmp: /error IZ119/ },
  },
  {
    name: "the resources of the tree are an empty list",
    variant: { isEmpty: true, kustomization: "resources: []\n" },
    read: { plugin: /error IZ119/, exec: /error IZ115/ },
  },
  {
    name: "the guard is in the tree, and the ServiceMesh does not know of it",
    variant: { mesh: (text) => text.replace("  guard: true\n", "") },
    read: { plugin: /istiomize-did-not-run/, exec: /istiomize-did-not-run/ },
  },
  {
    name: "the ServiceMesh makes the object of a guard that is not in the tree",
    variant: { mesh: (text) => text.split("---\n")[0]! },
    refusedAtSync: ["plugin", "exec"],
    read: { plugin: /istiomize\.dev\/v1alpha1.*IstiomizeRan|IstiomizeRan.*istiomize\.dev/, exec: /istiomize\.dev\/v1alpha1.*IstiomizeRan|IstiomizeRan.*istiomize\.dev/ },
  },
  {
    name: "the function hangs",
    spoil: replaceProgram("#!/bin/sh\necho $$ >> OPT/pids\nexec sleep 120\n"),
    question: (mode) => ({ options: mode === "cmp" ? ["--controller-timeout", "6"] : ["--exec-timeout", "2s"] }), // the sidecar knows no timeout but the controller's
    read: { cmp: /DeadlineExceeded|signal: (terminated|killed)/, plugin: /timeout after 2s/, exec: /timeout after 2s/ },
    after: endHanging,
  },
  {
    name: "the executable is a symbolic link out of the repository",
    variant: { mesh: (text) => text.replace("exec: {path: istiomize}", "exec: {path: ./istiomize}") },
    spoil: ({ installation: { opt }, repository, path }) => symlinkSync(join(opt, "istiomize/bin/istiomize"), join(repository, path, "istiomize")),
    read: everyMode(/repository contains out-of-bounds symlinks\. file: test\/argocd\/situation\/[a-z]+\/istiomize/),
  },
];

interface GuideRow {
  readonly modes: string;
  /** Texts that a person may see, each as pieces with something in between that differs. */
  readonly texts: readonly (readonly string[])[];
}

/** The table of errors in the guide; a row says `the same` for the text of the one above it. */
const guide = sectionOf("## Errors\n").split("\n").filter((line) => /^\| (`|the same)/.test(line)).reduce<readonly GuideRow[]>((rows, line) => {
  const [said = "", inModes = ""] = line.slice("| ".length).split(" | ");
  const texts = [...said.matchAll(/``? ?(.+?) ?``?(?:,|$)/g)].map(([, text]) => text!.split("…").map((piece) => piece.trim()));
  return [...rows, { modes: inModes, texts: said === "the same" ? rows.at(-1)!.texts : texts }];
}, []);

/** Whether the guide has a row with what a person reads in this mode. */
function isInGuide(mode: Mode, said: string): boolean {
  const holds = (pieces: readonly string[]): boolean => pieces.reduce((from, piece) => (from < 0 ? from : said.indexOf(piece, from)), 0) >= 0;
  return guide.some((row) => (row.modes === "all" || row.modes.includes(mode)) && row.texts.some(holds));
}

/** The sidecar ends the process group; the repo-server leaves what kustomize started behind, which is Argo CD's own fault. */
async function endHanging(mode: Mode, { installation: { opt } }: Scene): Promise<void> {
  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  const pids = readFileSync(join(opt, "pids"), "utf8").trim().split("\n").map(Number);
  for (let waited = 0; mode === "cmp" && waited < 3000 && pids.some(isAlive); waited += 100) await setTimeout(100);
  const alive = pids.filter(isAlive);
  for (const pid of alive) process.kill(pid);
  if (mode === "cmp") assert.deepEqual(alive, []);
}

describe("in a bad situation nothing is rendered without its mesh, and a person reads why", { skip: noJudge, concurrency: 2 }, () => {
  for (const { name, read: messages, beside = [], variant = {}, spoil, question, refusedAtSync = [], after } of situations) {
    for (const mode of modes.filter((each) => messages[each])) {
      test(`${mode}: ${name}`, async (t) => {
        const { path, files } = vary(mode, "situation", variant);
        const scene = { installation: installArgocd(t, kustomize!, [mode, ...beside]), repository: makeRepository(t, files), path };
        spoil?.(scene);
        const verdict = await ask(t, scene.installation, { mode, repository: scene.repository, folders: [path], ...question?.(mode, scene) });
        await after?.(mode, scene);
        if (!refusedAtSync.includes(mode)) {
          const said = assertRefused(verdict, messages[mode]!).replaceAll(scene.installation.opt, "/opt");
          return assert.ok(isInGuide(mode, said), `gitops/argocd/README.md has no row for ${said}`);
        }
        assertRendered(verdict);
        const { code, said } = await checkSync(t, verdict.manifests);
        assert.equal(code, 1);
        assert.match(said, messages[mode]!);
      });
    }
  }
});
