import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { loadAll } from "js-yaml";
import { findOnPath } from "../scripts/tools.ts";
import { build, copyExample, findKubectls, findKustomizes, install } from "./support/callers.ts";
import { findCases, root } from "./support/cases.ts";
import { functionRuns, service } from "./support/function-runs.ts";
import { importsBelow } from "./support/imports.ts";
import { copyRepository, noExecutable, npm } from "./support/package.ts";
import { istiomize, run, temporary, writeFiles, type Run } from "./support/process.ts";
import { bare, beyondNode, findStrace, nothing, trace, traceIdle } from "./support/strace.ts";
import { makeResourceList, makeStream } from "./support/streams.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "istiomize-package-")));
/** Two builds of one state: elsewhere, later, by somebody with other habits. */
const first = join(folder, "first");
const second = join(folder, "at/another/depth/second");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
const tarball = `istiomize-${version}.tgz`;
const executable = join(first, "dist/istiomize");

before(() => {
  copyRepository(first);
  cpSync(first, second, { recursive: true, verbatimSymlinks: true });
  for (const [directory, env] of [[first, {}], [second, { TZ: "Asia/Tokyo", LC_ALL: "C", HOME: folder }]] as const) {
    for (const script of ["build", ...(noExecutable ? [] : ["build:sea"])]) assertRan(npm(directory, ["run", script], { env }));
    assertRan(npm(directory, ["run", "pack"], { env }));
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

function assertRan({ code, stdout, stderr }: Run): string {
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

describe("a build", () => {
  for (const file of ["plugin/istiomize.cjs", "dist/library.cjs", "dist/library.d.cts", "dist/servicemesh.schema.json", "dist/annotations.schema.json", "dist/sbom.cdx.json", "dist/THIRD-PARTY-LICENSES", "dist/istiomize", "dist/istiomize.cdx.json", tarball]) {
    test(`gives the same bytes twice: ${file.replace(version, "<version>")}`, { skip: file.startsWith("dist/istiomize") && noExecutable }, () => {
      const [one, other] = [first, second].map((directory) => createHash("sha256").update(readFileSync(join(directory, file))).digest("hex"));
      assert.equal(one, other);
    });
  }

  test("names no path of the machine that it was made on", () => {
    for (const file of ["plugin/istiomize.cjs", "dist/library.cjs", "dist/library.d.cts", "dist/sbom.cdx.json", "dist/THIRD-PARTY-LICENSES", ...(noExecutable ? [] : ["dist/istiomize.cdx.json"])]) {
      assert.ok(!readFileSync(join(first, file), "utf8").includes(folder), file);
    }
  });
});

describe("what is bundled", () => {
  interface Sbom {
    readonly bomFormat: string;
    readonly serialNumber?: string;
    readonly metadata: { readonly timestamp?: string; readonly component: { readonly name: string; readonly version: string } };
    readonly components: readonly { readonly group?: string; readonly name: string; readonly version: string; readonly purl: string; readonly cpe?: string; readonly licenses: readonly { readonly license: { readonly id?: string } }[] }[];
    readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
  }
  const readSbom = (file = "sbom.cdx.json"): Sbom => JSON.parse(readFileSync(join(first, "dist", file), "utf8")) as Sbom;
  const names = ({ components }: Sbom): readonly string[] => components.map(({ group, name }) => (group === undefined ? name : `${group}/${name}`));

  test("stands in a CycloneDX SBOM without a time or a random number, with a licence for each package", () => {
    const sbom = readSbom();
    assert.deepEqual([sbom.bomFormat, sbom.serialNumber, sbom.metadata.timestamp], ["CycloneDX", undefined, undefined]);
    assert.deepEqual([sbom.metadata.component.name, sbom.metadata.component.version], ["istiomize", version]);
    for (const { name, purl, licenses } of sbom.components) {
      assert.match(purl, /^pkg:npm\//);
      assert.ok(licenses.every(({ license }) => ["MIT", "ISC", "BSD-3-Clause", "Apache-2.0"].includes(license.id ?? "")), `${name}: a licence that goes with Apache-2.0`);
    }
  });

  test("is every package that the sources import", () => {
    const listed = names(readSbom());
    const imported = [...new Set([...importsBelow("plugin"), ...importsBelow("generators")].filter(({ isLocal, to }) => !isLocal && !to.startsWith("node:")).map(({ to }) => to))];
    for (const name of imported) assert.ok(listed.includes(name), name);
  });

  test("stands with Node and all that is in it in the SBOM of the executable, by names that lists of vulnerabilities know", { skip: noExecutable }, () => {
    const [bundled, whole] = [readSbom(), readSbom("istiomize.cdx.json")];
    assert.deepEqual(whole.components.slice(0, bundled.components.length), bundled.components);
    const versions = Object.fromEntries(whole.components.map(({ name, version }) => [name, version]));
    const { node, v8, openssl, zlib, uv, ares } = process.versions;
    for (const [name, version] of Object.entries({ node, v8, openssl, zlib, libuv: uv, "c-ares": ares })) assert.equal(versions[name], version, name);
    assert.equal(whole.components.find(({ name }) => name === "node")!.cpe, `cpe:2.3:a:nodejs:node.js:${node}:*:*:*:*:*:*:*`);
    assert.equal(whole.components.find(({ name }) => name === "openssl")!.cpe, `cpe:2.3:a:openssl:openssl:${openssl}:*:*:*:*:*:*:*`);
    const refs = whole.dependencies.map(({ ref }) => ref);
    assert.equal(new Set(refs).size, refs.length);
    assert.ok(whole.dependencies.flatMap(({ dependsOn = [] }) => dependsOn).includes(`node@${node}`));
    assert.deepEqual([whole.serialNumber, whole.metadata.timestamp], [undefined, undefined]);
  });

  test("has its licence texts in one file", () => {
    const sbom = readSbom();
    const text = readFileSync(join(first, "dist/THIRD-PARTY-LICENSES"), "utf8");
    names(sbom).forEach((name, i) => assert.ok(text.includes(`\n${name} ${sbom.components[i]!.version} (`), name));
    assert.ok((text.match(/permission/gi) ?? []).length >= sbom.components.length);
  });
});

describe("the npm package", () => {
  let consumer: string;
  let installation: Run;
  before(() => {
    consumer = join(folder, "consumer");
    mkdirSync(consumer);
    writeFiles(consumer, { "package.json": '{"private": true}\n' });
    installation = npm(consumer, ["install", "--offline", "--no-audit", "--no-fund", join(first, tarball)]);
    assertRan(installation);
  });

  test("holds what users need, and nothing else", () => {
    const installed = join(consumer, "node_modules/istiomize");
    const files = readdirSync(installed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1)).sort();
    const guides = readdirSync(join(root, "gitops"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(root.length));
    assert.deepEqual(files, [
      "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md", "package.json", "plugin/istiomize.cjs",
      "dist/THIRD-PARTY-LICENSES", "dist/annotations.schema.json", "dist/library.cjs", "dist/library.d.cts", "dist/sbom.cdx.json", "dist/servicemesh.schema.json",
      "generators/annotations/README.md", "generators/annotations/annotations.jsonschema", "generators/checks/README.md", "generators/diagnostics/README.md", "generators/mesh/README.md", "generators/mesh/servicemesh.jsonschema", ...guides,
    ].sort());
    assert.deepEqual(readdirSync(join(consumer, "node_modules")).filter((name) => !name.startsWith(".")), ["istiomize"], "no dependencies");
  });

  test("installs without a word about scripts: there are none in it, and those of the checkout stay where they are", () => {
    assert.doesNotMatch(installation.stdout + installation.stderr, /script|prepare/);
    const packed = JSON.parse(readFileSync(join(consumer, "node_modules/istiomize/package.json"), "utf8")) as { readonly [key: string]: unknown };
    const { scripts, devDependencies, ...rest } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly [key: string]: unknown };
    assert.ok(scripts && devDependencies);
    assert.deepEqual(packed, rest);
    assert.equal(readFileSync(join(first, "package.json"), "utf8"), readFileSync(join(root, "package.json"), "utf8"));
  });

  test("is not packed before it is built", (t) => {
    const bare = temporary(t);
    for (const entry of ["package.json", "tsconfig.json", "scripts"]) cpSync(join(root, entry), join(bare, entry), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(bare, "node_modules"));
    const { code, stderr } = npm(bare, ["run", "pack"]);
    assert.notEqual(code, 0);
    assert.match(stderr, /dist\/library\.cjs.* are not there: npm run build/);
  });

  test("every relative link in its pages leads to something in it", () => {
    const installed = join(consumer, "node_modules/istiomize");
    const pages = readdirSync(installed, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".md"));
    const links = pages.flatMap((page) => [...readFileSync(join(installed, page), "utf8").matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g)].map(([, to]) => ({ page, to: to! })));
    assert.ok(links.filter(({ page }) => page === "README.md").length > 5);
    for (const { page, to } of links) assert.ok(existsSync(join(installed, dirname(page), to)), `${page}: ${to}`);
  });

  test("is started by npx, and meshes a stream", () => {
    assert.equal(assertRan(npm(consumer, ["exec", "--offline", "istiomize", "--", "--version"])), `${version}\n`);
    const meshed = run(join(consumer, "node_modules/.bin/istiomize"), [], { input: makeStream(3) });
    assert.equal(assertRan(meshed), istiomize([], { input: makeStream(3) }).stdout);
  });

  test("is a library by name for import and for require, beside its schemas and its package.json", () => {
    const show = "console.log(typeof meshYaml, typeof runPipeline, version, typeof writeDiagnostics, manifest.version, schema.properties.kind.const, annotations.definitions.timeout.type);";
    const esm = `import { meshYaml, runPipeline, version, writeDiagnostics } from "istiomize";
import manifest from "istiomize/package.json" with { type: "json" };
import schema from "istiomize/servicemesh.schema.json" with { type: "json" };
import annotations from "istiomize/annotations.schema.json" with { type: "json" };
${show}`;
    const cjs = `const { meshYaml, runPipeline, version, writeDiagnostics } = require("istiomize");
const [manifest, schema, annotations] = ["package", "servicemesh.schema", "annotations.schema"].map((name) => require("istiomize/" + name + ".json"));
${show}`;
    writeFiles(consumer, { "esm.mjs": esm, "cjs.cjs": cjs });
    for (const file of ["esm.mjs", "cjs.cjs"]) assert.equal(assertRan(run(process.execPath, [file], { cwd: consumer })), `function function ${version} function ${version} ServiceMesh string\n`);
    const installed = join(consumer, "node_modules/istiomize");
    for (const [built, committed] of [["servicemesh", "mesh/servicemesh"], ["annotations", "annotations/annotations"]] as const) {
      assert.equal(readFileSync(join(installed, `dist/${built}.schema.json`), "utf8"), readFileSync(join(installed, `generators/${committed}.jsonschema`), "utf8"));
    }
  });

  test("has types that a strict compiler takes, and holds callers to", () => {
    const good = `import { meshYaml, runPipeline, writeDiagnostics, type Diagnostic, type KubeObject } from "istiomize";
const objects: readonly KubeObject[] = [{ apiVersion: "v1", kind: "Service", metadata: { name: "web" } }];
interface Port { name?: string; port: number }
interface OwnService { apiVersion?: string; kind?: string; metadata?: { name?: string; creationTimestamp?: Date }; spec?: { ports?: Port[] } }
class Mesh { apiVersion = "istiomize.dev/v1alpha1"; kind = "ServiceMesh"; constructor(readonly metadata: { readonly name: string }) {} }
const own: OwnService = { apiVersion: "v1", kind: "Service", metadata: { name: "api" }, spec: { ports: [{ port: 80 }] } };
const result = runPipeline({ objects: [...objects, own], functionConfig: new Mesh({ name: "shop" }), namespace: "shop", strict: true });
const errors: readonly Diagnostic[] = result.diagnostics.filter(({ severity }) => severity === "error");
const names: readonly unknown[] = result.objects.map((object) => object["kind"]);
meshYaml("kind: Service", { name: "web.yaml" }).then(({ text, failed }) => { if (!failed) console.log(text.length, names, writeDiagnostics(errors)); });
`;
    const options = { strict: true, noEmit: true, target: "ES2022", lib: ["ES2022", "DOM"], types: [], exactOptionalPropertyTypes: true };
    for (const [module, moduleResolution] of [["NodeNext", "NodeNext"], ["ESNext", "Bundler"], ["CommonJS", "Bundler"]]) {
      writeFiles(consumer, { "good.ts": good, "bad.ts": good.replace('"shop"', "1"), "tsconfig.json": JSON.stringify({ compilerOptions: { ...options, module, moduleResolution }, files: ["good.ts"] }), "tsconfig.bad.json": JSON.stringify({ compilerOptions: { ...options, module, moduleResolution }, files: ["bad.ts"] }) });
      const tsc = (project: string): Run => run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--project", project], { cwd: consumer });
      assertRan(tsc("tsconfig.json"));
      assert.match(tsc("tsconfig.bad.json").stdout, /bad\.ts\(7,.*Type 'number' is not assignable to type 'string'/);
    }
  });
});

describe("the library", () => {
  interface Library {
    readonly runPipeline: (input: { readonly objects: readonly unknown[] }) => { readonly objects: readonly unknown[]; readonly diagnostics: readonly { readonly code: string }[]; readonly failed: boolean };
    readonly meshYaml: (text: string, options?: { readonly name?: string }) => Promise<{ readonly text: string; readonly diagnostics: readonly { readonly code: string }[]; readonly failed: boolean }>;
    readonly writeDiagnostics: (diagnostics: readonly unknown[]) => string;
  }
  const loadObjects = (text: string): readonly unknown[] => {
    try {
      return (loadAll(text) as unknown[]).filter((object) => object !== null && object !== undefined);
    } catch {
      return [];
    }
  };
  const load = (): Library => createRequire(import.meta.url)(join(first, "dist/library.cjs")) as Library;

  test("gives for objects what it gives for their text, in every golden case that is a stream", async () => {
    const { runPipeline, meshYaml } = load();
    let compared = 0;
    for (const { name, directory } of findCases()) {
      const file = join(directory, "input.yaml");
      if (!existsSync(file) || existsSync(join(directory, "mesh.yaml"))) continue;
      const text = readFileSync(file, "utf8");
      const meshed = await meshYaml(text);
      if (meshed.failed || /^kind: *["']?ResourceList\b|"kind": *"ResourceList"/m.test(text)) continue;
      const objects = loadObjects(text);
      // What passes through as text need not be YAML that others read, nor an object.
      if (objects.length === 0 || !objects.every((object) => (object as { readonly kind?: unknown }).kind !== undefined)) continue;
      const before = JSON.stringify(objects);
      const result = runPipeline({ objects });
      assert.equal(JSON.stringify(objects), before, `${name}: the input is not changed`);
      assert.deepEqual(result.diagnostics.map(({ code }) => code).sort(), meshed.diagnostics.map(({ code }) => code).sort(), name);
      assert.deepEqual(JSON.parse(JSON.stringify(result.objects)), JSON.parse(JSON.stringify(loadObjects(meshed.text))), name);
      compared += 1;
    }
    assert.ok(compared > 200, `${compared} cases`);
  });

  const web = { apiVersion: "v1", kind: "Service", metadata: { name: "web", annotations: { "istiomize.dev/timeout": "15s" } }, spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80 }] } };
  const made = (objects: readonly unknown[]): readonly string[] => load().runPipeline({ objects }).objects.map((object) => (object as { readonly kind: string }).kind);

  test("meshes what lies in a List, however deep, leaves the List around it, and takes ServiceMeshes out of it", () => {
    const list = { apiVersion: "v1", kind: "List", items: [web, { apiVersion: "v1", kind: "List", items: [{ ...web, metadata: { ...web.metadata, name: "api" } }] }] };
    assert.deepEqual(made([list]), ["List", "VirtualService", "VirtualService"]);
    assert.equal(load().runPipeline({ objects: [list] }).objects[0], list, "nothing in it changed");
    assert.deepEqual(made([{ apiVersion: "v1", kind: "ServiceList", items: [web] }]), ["ServiceList", "VirtualService"]);
    const mesh = { apiVersion: "istiomize.dev/v1alpha1", kind: "ServiceMesh", metadata: { name: "shop" }, spec: { injection: { mode: "sidecar" } } };
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } };
    const [changed] = load().runPipeline({ objects: [{ apiVersion: "v1", kind: "List", items: [mesh, namespace, { ...web, metadata: { ...web.metadata, namespace: "shop" } }] }] }).objects;
    assert.deepEqual((changed as { readonly items: readonly { readonly kind: string }[] }).items.map(({ kind }) => kind), ["Namespace", "Service"]);
  });

  test("takes objects of classes, with fields that are undefined and dates, as JSON has them", () => {
    class Service {
      apiVersion = "v1";
      kind = "Service";
      spec = web.spec;
      status = undefined;
      metadata = { ...web.metadata, creationTimestamp: new Date(0), annotations: { "istiomize.dev/retry-attempts": undefined, "istiomize.dev/timeout": "15s" } };
    }
    const { objects, failed } = load().runPipeline({ objects: [new Service()] });
    assert.equal(failed, false);
    assert.deepEqual(objects[0], { apiVersion: "v1", kind: "Service", spec: web.spec, metadata: { ...web.metadata, creationTimestamp: "1970-01-01T00:00:00.000Z" } });
    assert.deepEqual(objects.slice(1), load().runPipeline({ objects: [web] }).objects.slice(1));
  });

  const cyclic: { [key: string]: unknown } = { ...web };
  cyclic["status"] = { of: cyclic };
  const refused: readonly (readonly [input: unknown, message: RegExp])[] = [
    [undefined, /runPipeline: expected an object with `objects`, found undefined/],
    [{}, /objects: expected a list of Kubernetes objects, found undefined/],
    [{ objects: web }, /objects: expected a list of Kubernetes objects, found an object/],
    [{ objects: [web, undefined] }, /objects\[1\]: expected a Kubernetes object, found undefined/],
    [{ objects: [null] }, /objects\[0\]: expected a Kubernetes object, found null/],
    [{ objects: ["kind: Service"] }, /objects\[0\]: expected a Kubernetes object, found another text/],
    [{ objects: [new Map(Object.entries(web))] }, /objects\[0\]: expected a Kubernetes object, found a Map/],
    [{ objects: [{ ...web, metadata: new Map([["name", "web"]]) }] }, /objects\[0\]\.metadata: expected a value of JSON, found a Map/],
    [{ objects: [{ ...web, spec: { ports: [{ port: 80n }] } }] }, /objects\[0\]\.spec\.ports\[0\]\.port: expected a value of JSON, found a bigint/],
    [{ objects: [{ ...web, spec: { ports: [{ port: Number.NaN }] } }] }, /objects\[0\]\.spec\.ports\[0\]\.port: expected a value of JSON, found NaN/],
    [{ objects: [{ ...web, metadata: { name: "web", annotations: { "istiomize.dev/timeout": () => "15s" } } }] }, /objects\[0\]\.metadata\.annotations\["istiomize\.dev\/timeout"\]: expected a value of JSON, found a function/],
    [{ objects: [cyclic] }, /objects\[0\]\.status\.of: expected a value of JSON, found one that holds itself/],
    [{ objects: [{ metadata: web.metadata, spec: web.spec }] }, /objects\[0\]\.kind: expected text .*, found undefined/],
    [{ objects: [{ apiVersion: "v1", kind: "ServiceList", items: [{ metadata: web.metadata, spec: web.spec }] }] }, /objects\[0\]\.items\[0\]\.kind: expected text .*, found undefined/],
    [{ objects: [{ apiVersion: "v1", kind: "List", items: ["web"] }] }, /objects\[0\]\.items\[0\]: expected a Kubernetes object, found another text/],
    [{ objects: [{ apiVersion: "config.kubernetes.io/v1", kind: "ResourceList", items: [web] }] }, /objects\[0\]: expected a Kubernetes object, found a ResourceList: give its `items`/],
    [{ objects: [web], functionConfig: [] }, /functionConfig: expected a Kubernetes object, found a list/],
    [{ objects: [web], namespace: 5 }, /namespace: expected a name of lower-case letters, .*, found a number/],
    [{ objects: [web], namespace: "Bad NS" }, /namespace: expected a name of lower-case letters/],
    [{ objects: [web], strict: "yes" }, /strict: expected true or false, found another text/],
    [{ objects: [web], environment: 1 }, /environment: expected text, found a number/],
  ];
  for (const [input, message] of refused) {
    test(`refuses with a TypeError that says what it takes: ${message.source.replaceAll("\\", "")}`, () => {
      assert.throws(() => load().runPipeline(input as never), (error) => error instanceof TypeError && message.test(error.message));
    });
  }

  test("refuses bytes, and options that are none, by rejecting what meshYaml promises", async () => {
    const { meshYaml, writeDiagnostics } = load();
    await assert.rejects(meshYaml(Buffer.from("kind: Service") as never), { name: "TypeError", message: /text: expected a string, found a Buffer/ });
    await assert.rejects(meshYaml("kind: Service", "web.yaml" as never), { name: "TypeError", message: /options: expected an object, found another text/ });
    await assert.rejects(meshYaml("kind: Service", { namespace: "Bad NS" } as never), { name: "TypeError", message: /namespace: expected/ });
    assert.throws(() => writeDiagnostics(undefined as never), { name: "TypeError", message: /diagnostics: expected a list/ });
  });

  test("places what it says in the text, and gives nothing after an error", async () => {
    const { meshYaml, writeDiagnostics } = load();
    const refused = await meshYaml(makeStream(1).replace(/(istiomize\.dev\/timeout: ).*/, '$1"15"'), { name: "web.yaml" });
    assert.deepEqual([refused.failed, refused.text], [true, ""]);
    assert.match(writeDiagnostics(refused.diagnostics), /^web\.yaml:\d+:\d+ {2}error IZ201/);
  });

  test("leaves the V8 of its process, and its streams, files and programs alone", () => {
    const text = readFileSync(join(first, "dist/library.cjs"), "utf8");
    const modules = [...new Set([...text.matchAll(/require\("(node:)?([a-z_/]+)"\)/g)].map(([, , name]) => name))].sort();
    assert.deepEqual(modules.filter((name) => ["v8", "fs", "fs/promises", "child_process", "net", "http", "https"].includes(name!)), []);
  });
});

describe("the self-contained executable", { skip: noExecutable }, () => {
  /** Installed by itself, and with nothing else of Node on the PATH. */
  function installed(t: TestContext): { readonly PATH: string; readonly KUSTOMIZE_PLUGIN_HOME: string } {
    const directory = temporary(t);
    assertRan(run(executable, ["install", "--bin", join(directory, "bin"), "--plugin-home", join(directory, "plugins")]));
    return { PATH: `${join(directory, "bin")}:/usr/bin:/bin`, KUSTOMIZE_PLUGIN_HOME: join(directory, "plugins") };
  }
  const builders = [...findKustomizes(), ...findKubectls()];

  test("meshes a ResourceList and a stream to the same bytes as the bundle, and fails as it does", () => {
    for (const input of [makeResourceList(10), makeStream(10), makeStream(400), "", "a: [", makeStream(1).replace(/(istiomize\.dev\/timeout: ).*/, '$1"15"')]) {
      assert.deepEqual(run(executable, [], { input }), istiomize([], { input }));
    }
  });

  test("builds the example to the same bytes as the bundle: exec, older plugin, and render, under every kustomize and kubectl", (t) => {
    if (builders.length === 0) return t.skip("neither kustomize nor kubectl is on this machine");
    const [bundled, alone] = [install(t), { ...install(t), env: installed(t) }];
    for (const overlay of ["staging", "production"]) {
      for (const builder of builders) {
        for (const form of builder.isKubectl ? (["older"] as const) : (["exec", "older"] as const)) {
          const tree = join(copyExample(t, form), "overlays", overlay);
          assert.ok(assertRan(build(builder, tree, alone)) === assertRan(build(builder, tree, bundled)), `${overlay}, ${builder.name}, ${form}`);
        }
        const render = ["render", "--with", builder.path, join(root, "gitops/overlays", overlay)];
        assert.ok(assertRan(run("istiomize", render, { env: alone.env })) === assertRan(istiomize(render)), `${overlay}, render --with ${builder.name}`);
      }
    }
  });

  test("is an exec function of kpt", (t) => {
    const kpt = findOnPath("kpt");
    if (!kpt) return t.skip("kpt is not on this machine");
    const trees = [install(t).env, installed(t)].map((env) => {
      const directory = temporary(t, { "Kptfile": "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: shop\n", "all.yaml": makeStream(3) });
      assertRan(run(kpt, ["fn", "eval", directory, "--exec", "istiomize"], { env: { ...env }, cwd: directory }));
      return Object.fromEntries(readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".yaml")).map((path) => [path, readFileSync(join(directory, path), "utf8")]));
    });
    assert.deepEqual(trees[0], trees[1]);
  });

  test("has every command: generate and explain answer as the bundle does", (t) => {
    assert.deepEqual(run(executable, ["explain", "timeout"]), istiomize(["explain", "timeout"]));
    assert.deepEqual(run(executable, ["generate", "--help"]), istiomize(["generate", "--help"]));
    if (builders.length === 0) return t.skip("neither kustomize nor kubectl is on this machine");
    const PATH = `${dirname(builders[0]!.path)}:${process.env["PATH"]}`;
    assertRan(run(executable, ["generate", join(root, "gitops/overlays/qa"), "--check", "--with", builders[0]!.path], { env: { PATH } }));
  });

  test("takes arguments of its own that node would take, and does not listen to what is meant for other programs on Node", () => {
    assert.match(run(executable, ["--inspect"]).stderr, /^istiomize: Unknown option '--inspect'/);
    const env = { NODE_OPTIONS: "--require /nowhere.js --no-such-option", NODE_EXTRA_CA_CERTS: "/nowhere.pem", OPENSSL_CONF: "/nowhere.cnf" };
    assert.deepEqual(run(executable, ["--version"], { env }), { code: 0, stdout: `${version}\n`, stderr: "" });
  });

  const strace = findStrace();
  describe("system calls", { skip: strace ? false : "strace is not on this machine, or may not trace" }, () => {
    for (const [name, { input, code, env }] of Object.entries(functionRuns)) {
      test(`given ${name} it opens nothing but itself`, (t) => {
        const traced = trace(strace!, executable, [], { input, env: { ...bare, ...env } });
        assert.equal(traced.run.code, code, traced.run.stderr);
        const { reads, ...found } = beyondNode(traced, traceIdle(strace!, t));
        assert.deepEqual({ ...found, reads: reads.filter((path) => path !== executable) }, nothing);
      });
    }

    test("variables by which Node and its libraries are told to write, read or load something do nothing", (t) => {
      const directory = temporary(t, { "openssl.cnf": "" });
      const names = ["NODE_OPTIONS", "NODE_EXTRA_CA_CERTS", "NODE_V8_COVERAGE", "NODE_REDIRECT_WARNINGS", "NODE_COMPILE_CACHE", "NODE_ICU_DATA", "NODE_PATH", "NODE_REPL_HISTORY", "NODE_REPL_EXTERNAL_MODULE",
        "ICU_TIMEZONE_FILES_DIR", "ICU_DATA", "OPENSSL_CONF", "OPENSSL_CONF_INCLUDE", "OPENSSL_MODULES", "OPENSSL_ENGINES", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "CTLOG_FILE", "RANDFILE", "QLOGDIR", "TZDIR"];
      const env = Object.fromEntries(names.map((name) => [name, name === "NODE_OPTIONS" ? `--trace-exit --report-on-fatalerror --cpu-prof --cpu-prof-dir=${directory}` : name === "OPENSSL_CONF" ? join(directory, "openssl.cnf") : join(directory, name)]));
      const traced = trace(strace!, executable, [], { input: service("15"), env: { ...bare, ...env } });
      assert.equal(traced.run.code, 1);
      const { reads, calls, ...found } = beyondNode(traced, traceIdle(strace!, t));
      // Node asks where it is, for the path of a report of coverage that it then does not write.
      assert.deepEqual({ ...found, calls: calls.filter((call) => call !== "getcwd"), reads: reads.filter((path) => path !== executable) }, nothing);
      assert.deepEqual(readdirSync(directory), ["openssl.cnf"]);
    });
  });

  test("is made of another node only where that is of the same version, and carries the licence of Node in any case", (t) => {
    const directory = temporary(t);
    const node = join(directory, "bin/node");
    mkdirSync(dirname(node));
    cpSync(realpathSync(process.execPath), node);
    const output = join(directory, "made/istiomize");
    const build = (): Run => npm(first, ["run", "build:sea", "--", "--node", node, "--output", output]);
    assertRan(build());
    assert.equal(readFileSync(join(directory, "made/NODE-LICENSE"), "utf8"), readFileSync(join(first, "dist/NODE-LICENSE"), "utf8"));
    assert.match(readFileSync(join(directory, "made/NODE-LICENSE"), "utf8"), /Permission is hereby granted/);
    assert.equal(readFileSync(join(directory, "made/istiomize.cdx.json"), "utf8"), readFileSync(join(first, "dist/istiomize.cdx.json"), "utf8"));
    const alone = run(node, ["--import", "tsx", "scripts/build-sea.ts", "--output", join(directory, "unlicensed/istiomize")], { cwd: first });
    assert.equal(alone.code, 1);
    assert.match(alone.stderr, /^no licence of Node lies beside /);
    assert.ok(!existsSync(join(directory, "unlicensed")));
    const program = readFileSync(node);
    program.write("node.js/v20.0.0\0", program.indexOf(`node.js/${process.version}\0`), "latin1");
    writeFileSync(node, program);
    const { code, stderr } = build();
    assert.notEqual(code, 0);
    assert.match(stderr, /is not Node v\d+\S*, which runs this: the two must be of one version/);
  });
});
