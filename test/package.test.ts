import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { loadAll } from "js-yaml";
import { findOnPath } from "../scripts/tools.ts";
import { build, copyExample, findKubectls, findKustomizes, install } from "./support/callers.ts";
import { findCases, root } from "./support/cases.ts";
import { importsBelow } from "./support/imports.ts";
import { copyRepository, noExecutable, npm } from "./support/package.ts";
import { istiomize, run, temporary, writeFiles, type Run } from "./support/process.ts";
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
    assertRan(npm(directory, ["pack", "--ignore-scripts"], { env }));
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

function assertRan({ code, stdout, stderr }: Run): string {
  assert.equal(code, 0, stdout + stderr);
  return stdout;
}

describe("a build", () => {
  for (const file of ["plugin/istiomize.cjs", "dist/library.cjs", "dist/library.d.cts", "dist/sbom.cdx.json", "dist/THIRD-PARTY-LICENSES", "dist/istiomize", tarball]) {
    test(`gives the same bytes twice: ${file.replace(version, "<version>")}`, { skip: file === "dist/istiomize" && noExecutable }, () => {
      const [one, other] = [first, second].map((directory) => createHash("sha256").update(readFileSync(join(directory, file))).digest("hex"));
      assert.equal(one, other);
    });
  }

  test("names no path of the machine that it was made on", () => {
    for (const file of ["plugin/istiomize.cjs", "dist/library.cjs", "dist/library.d.cts", "dist/sbom.cdx.json", "dist/THIRD-PARTY-LICENSES"]) {
      assert.ok(!readFileSync(join(first, file), "utf8").includes(folder), file);
    }
  });
});

describe("what is bundled", () => {
  interface Sbom {
    readonly bomFormat: string;
    readonly serialNumber?: string;
    readonly metadata: { readonly timestamp?: string; readonly component: { readonly name: string; readonly version: string } };
    readonly components: readonly { readonly group?: string; readonly name: string; readonly version: string; readonly purl: string; readonly licenses: readonly { readonly license: { readonly id?: string } }[] }[];
  }
  const readSbom = (): Sbom => JSON.parse(readFileSync(join(first, "dist/sbom.cdx.json"), "utf8")) as Sbom;
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

  test("has its licence texts in one file", () => {
    const sbom = readSbom();
    const text = readFileSync(join(first, "dist/THIRD-PARTY-LICENSES"), "utf8");
    names(sbom).forEach((name, i) => assert.ok(text.includes(`\n${name} ${sbom.components[i]!.version} (`), name));
    assert.ok((text.match(/permission/gi) ?? []).length >= sbom.components.length);
  });
});

describe("the npm package", () => {
  let consumer: string;
  before(() => {
    consumer = join(folder, "consumer");
    mkdirSync(consumer);
    writeFiles(consumer, { "package.json": '{"private": true}\n' });
    assertRan(npm(consumer, ["install", "--offline", "--no-audit", "--no-fund", join(first, tarball)]));
  });

  test("holds what users need, and nothing else", () => {
    const installed = join(consumer, "node_modules/istiomize");
    const files = readdirSync(installed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1)).sort();
    assert.deepEqual(files, [
      "CHANGELOG.md", "LICENSE", "README.md", "dist/THIRD-PARTY-LICENSES", "dist/library.cjs", "dist/library.d.cts", "dist/sbom.cdx.json",
      "generators/mesh/README.md", "generators/mesh/servicemesh.jsonschema", "package.json", "plugin/istiomize.cjs",
    ]);
    assert.deepEqual(readdirSync(join(consumer, "node_modules")).filter((name) => !name.startsWith(".")), ["istiomize"], "no dependencies");
  });

  test("is started by npx, and meshes a stream", () => {
    assert.equal(assertRan(npm(consumer, ["exec", "--offline", "istiomize", "--", "--version"])), `${version}\n`);
    const meshed = run(join(consumer, "node_modules/.bin/istiomize"), [], { input: makeStream(3) });
    assert.equal(assertRan(meshed), istiomize([], { input: makeStream(3) }).stdout);
  });

  test("is a library by name for import and for require, beside its schema and its package.json", () => {
    const esm = 'import { meshYaml, runPipeline, version, writeDiagnostics } from "istiomize"; console.log(typeof meshYaml, typeof runPipeline, version, typeof writeDiagnostics);';
    const cjs = 'const { meshYaml, runPipeline, version, writeDiagnostics } = require("istiomize"); console.log(typeof meshYaml, typeof runPipeline, version, typeof writeDiagnostics, require("istiomize/package.json").version, require.resolve("istiomize/servicemesh.jsonschema").length > 0);';
    writeFiles(consumer, { "esm.mjs": esm, "cjs.cjs": cjs });
    assert.equal(assertRan(run(process.execPath, ["esm.mjs"], { cwd: consumer })), `function function ${version} function\n`);
    assert.equal(assertRan(run(process.execPath, ["cjs.cjs"], { cwd: consumer })), `function function ${version} function ${version} true\n`);
  });

  test("has types that a strict compiler takes, and holds callers to", () => {
    const good = `import { meshYaml, runPipeline, writeDiagnostics, type Diagnostic, type KubeObject } from "istiomize";
const objects: readonly KubeObject[] = [{ apiVersion: "v1", kind: "Service", metadata: { name: "web" } }];
const result = runPipeline({ objects, namespace: "shop", strict: true });
const errors: readonly Diagnostic[] = result.diagnostics.filter(({ severity }) => severity === "error");
const names: readonly unknown[] = result.objects.map((object) => object["kind"]);
meshYaml("kind: Service", { name: "web.yaml" }).then(({ text, failed }) => { if (!failed) console.log(text.length, names, writeDiagnostics(errors)); });
`;
    const options = { strict: true, noEmit: true, target: "ES2022", lib: ["ES2022", "DOM"], types: [], exactOptionalPropertyTypes: true };
    for (const [module, moduleResolution] of [["NodeNext", "NodeNext"], ["ESNext", "Bundler"], ["CommonJS", "Bundler"]]) {
      writeFiles(consumer, { "good.ts": good, "bad.ts": good.replace('"shop"', "1"), "tsconfig.json": JSON.stringify({ compilerOptions: { ...options, module, moduleResolution }, files: ["good.ts"] }), "tsconfig.bad.json": JSON.stringify({ compilerOptions: { ...options, module, moduleResolution }, files: ["bad.ts"] }) });
      const tsc = (project: string): Run => run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--project", project], { cwd: consumer });
      assertRan(tsc("tsconfig.json"));
      assert.match(tsc("tsconfig.bad.json").stdout, /bad\.ts\(3,.*Type 'number' is not assignable to type 'string'/);
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
      if (meshed.failed || /^kind: *["']?(ResourceList|List)\b|^kind: \w+List$|<<:|^\s*\{|[&*]\w/m.test(text)) continue;
      const objects = loadObjects(text);
      if (objects.length === 0) continue; // what passes through as text need not be YAML that others read
      const before = JSON.stringify(objects);
      const result = runPipeline({ objects });
      assert.equal(JSON.stringify(objects), before, `${name}: the input is not changed`);
      assert.deepEqual(result.diagnostics.map(({ code }) => code).sort(), meshed.diagnostics.map(({ code }) => code).sort(), name);
      assert.deepEqual(JSON.parse(JSON.stringify(result.objects)), JSON.parse(JSON.stringify(loadObjects(meshed.text))), name);
      compared += 1;
    }
    assert.ok(compared > 200, `${compared} cases`);
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
    const env = { NODE_OPTIONS: "--require /nowhere.js --no-such-option", NODE_EXTRA_CA_CERTS: "/nowhere.pem" };
    assert.deepEqual(run(executable, ["--version"], { env }), { code: 0, stdout: `${version}\n`, stderr: "" });
  });
});
