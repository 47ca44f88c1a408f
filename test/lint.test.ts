import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Ajv } from "ajv";
import { load, loadAll } from "js-yaml";
import { splitStream } from "../plugin/chunks.ts";
import { findInLines } from "../plugin/written/lines.ts";
import { findYaml } from "../plugin/written/manifests.ts";
import { findNode } from "../plugin/written/written.ts";
import { root } from "./support/cases.ts";
import { findKubectls, findKustomizes } from "./support/callers.ts";
import { istiomize, temporary, type Files, type RunOptions } from "./support/process.ts";

const [builder] = [...findKustomizes(), ...findKubectls()];
const noBuilder = builder === undefined && "neither kustomize nor kubectl is on this machine";

interface Finding {
  readonly code: string;
  readonly severity: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine?: number;
  readonly endColumn?: number;
  readonly field?: string;
  readonly currentValue?: unknown;
  readonly proposedValue?: string;
  readonly fix?: object;
  readonly builds: readonly string[];
}

/** The findings of a run, by `--format json`. */
function lint(args: readonly string[], options: RunOptions): readonly Finding[] {
  const { stdout, stderr } = istiomize(["lint", "--format", "json", ...args], options);
  assert.ok(stdout.startsWith("{"), stderr);
  return (JSON.parse(stdout) as { readonly findings: readonly Finding[] }).findings;
}

/** What a finding points at. */
function textAt(text: string, { line, column, endLine, endColumn }: Finding): string {
  const lines = text.split("\n").slice(line - 1, endLine ?? line);
  const last = lines.length - 1;
  lines[last] = lines[last]!.slice(0, (endColumn ?? Infinity) - 1);
  lines[0] = lines[0]!.slice(column - 1);
  return lines.join("\n");
}

/** The paths of all fields of a document that can be read. */
function pathsIn(text: string): readonly (readonly string[])[] {
  const walk = (value: unknown, path: readonly string[]): readonly (readonly string[])[] => [
    path, ...(typeof value === "object" && value !== null ? Object.entries(value).flatMap(([key, inner]) => walk(inner, [...path, Array.isArray(value) ? `[${key}]` : key])) : []),
  ];
  try {
    const value = load(text);
    return typeof value === "object" && value !== null && !/(^|\s)[&*]/.test(text) ? walk(value, []) : [];
  } catch {
    return [];
  }
}

const service = (annotation: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n    istiomize.dev/${annotation}\nspec:\n  selector: {app: web}\n  ports: [{name: http, port: 80}]\n`;
const rules = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: web\nspec:\n  hosts:\n  - web\n  http:\n  - route:\n    - destination:\n        host: web\n        subset: v9\n";

/** A base, and two overlays that build on it. */
const overlays: Files = {
  "base/kustomization.yaml": "resources: [service.yaml, rules.yaml]\n",
  "base/service.yaml": service("timeout: 10s"),
  "base/rules.yaml": rules,
  "overlays/production/kustomization.yaml": "namespace: production\nresources: [../../base]\n",
  "overlays/staging/kustomization.yaml": "namespace: staging\nresources: [../../base]\n",
};

describe("where findings stand", () => {
  test("lines and columns of a stream lead to the value that was read, in every style of YAML", () => {
    const input = [
      service("timeout: \"15\""),
      `apiVersion: v1\nkind: List\nitems:\n- ${service("timeout: '16'").trim().replaceAll("\n", "\n  ").replace("name: web", "name: one")}\n`,
      `{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "two", "annotations": {"istiomize.dev/timeout": "17"}}, "spec": {"ports": [{"port": 80}]}}]}\n`,
      `apiVersion: v1\nkind: Service\nmetadata: {name: three, annotations: {istiomize.dev/timeout: "18"}}\nspec: {ports: [{port: 80}]}\n`,
    ].join("--- # next\n");
    const found = lint(["-", "--code", "IZ201"], { input });
    assert.deepEqual(found.map((each) => [each.file, textAt(input, each)]), [["<stdin>", '"15"'], ["<stdin>", "'16'"], ["<stdin>", '"17"'], ["<stdin>", '"18"']]);
  });

  test("so do those of a ResourceList, whether YAML or JSON", () => {
    const item = load(service("timeout: \"15\"")) as object;
    const yaml = `apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- ${service("timeout: \"15\"").trim().replaceAll("\n", "\n  ")}\n`;
    const json = `${JSON.stringify({ apiVersion: "config.kubernetes.io/v1", kind: "ResourceList", items: [item] }, null, 2)}\n`;
    for (const input of [yaml, json]) assert.deepEqual(lint(["-", "--code", "IZ201"], { input }).map((each) => textAt(input, each)), ['"15"']);
  });

  test("a byte order mark and carriage returns move nothing", () => {
    const input = `\ufeff${service("timeout: \"15\"").replaceAll("\n", "\r\n")}`;
    assert.deepEqual(lint(["-", "--code", "IZ201"], { input }).map((each) => [each.line, textAt(input, each)]), [[6, '"15"']]);
  });

  test("a document that cannot be read is a finding, and the others are checked", () => {
    const input = `apiVersion: v1\nkind: Service\nmetadata: {name: [\n---\n${service("timeout: \"15\"")}`;
    assert.deepEqual(lint(["-"], { input }).filter(({ severity }) => severity === "error").map(({ code }) => code), ["IZ102", "IZ201"]);
  });

  test("a field that a patch writes is found in that patch, in each of its forms", { skip: noBuilder }, (t) => {
    const patches: Files = {
      "inline.yaml": "resources: [../base]\npatches:\n- patch: |\n    apiVersion: v1\n    kind: Service\n    metadata:\n      name: web\n      annotations:\n        istiomize.dev/timeout: \"21\"\n",
      "file.yaml": "resources: [../base]\npatches:\n- path: patch.yaml\n",
      "operations.yaml": "resources: [../base]\npatches:\n- target: {kind: Service}\n  path: operations.yaml\n",
      "inline-operations.yaml": "resources: [../base]\npatches:\n- target: {kind: Service, name: we.}\n  patch: |-\n    - op: add\n      path: /metadata/annotations/istiomize.dev~1timeout\n      value: \"24\"\n",
      "list.yaml": "resources: [../base]\npatches:\n- path: rules.yaml\n",
    };
    const directory = temporary(t, {
      "base/kustomization.yaml": "resources: [service.yaml, rules.yaml]\n", "base/service.yaml": service("timeout: 10s"), "base/rules.yaml": rules.replace("subset: v9", "port: {number: 80}"),
      ...Object.fromEntries(Object.entries(patches).map(([name, text]) => [`${name.replace(".yaml", "")}/kustomization.yaml`, text])),
      "file/patch.yaml": service("timeout: \"22\"").replace(/spec:[^]*/, ""),
      "operations/operations.yaml": "# a comment\n- {op: replace, path: /metadata/annotations/istiomize.dev~1timeout, value: \"23\"}\n",
      "list/rules.yaml": `${rules.replace(/spec:[^]*/, "")}spec:\n  http:\n  - route:\n    - destination: {host: web, subset: v25}\n`,
    });
    const found = lint([".", "--code", "IZ201,IZ301"], { cwd: directory });
    assert.deepEqual(found.map((each) => [each.file, textAt(readFileSync(join(directory, each.file), "utf8"), each)]), [
      ["file/patch.yaml", '"22"'], ["inline-operations/kustomization.yaml", '"24"'], ["inline/kustomization.yaml", '"21"'], ["list/rules.yaml", "v25"], ["operations/operations.yaml", '"23"'],
    ]);
  });

  test("what several overlays share is said once, with their names", { skip: noBuilder }, (t) => {
    const found = lint([".", "--code", "IZ301"], { cwd: temporary(t, overlays) });
    assert.deepEqual(found.map(({ file, line, builds }) => ({ file, line, builds })), [{ file: "base/rules.yaml", line: 12, builds: ["overlays/production", "overlays/staging"] }]);
  });
});

describe("positions by lines", () => {
  test("are those that a parser gives, for every field of every document that they are found in", () => {
    const files = findYaml(join(root, "gitops"), () => false).files.concat(findYaml(join(root, "test/golden/input"), () => false).files, findYaml(join(root, "test/golden/lint-virtual-service"), () => false).files);
    const chunks = files.flatMap((file) => splitStream(readFileSync(file, "utf8").replace(/^\ufeff/, "")).chunks);
    let count = 0;
    for (const { text } of chunks) {
      for (const path of pathsIn(text)) {
        const found = findInLines(text, path, (from, to, rest) => {
          const inner = findNode(text.slice(from, to), rest);
          return inner.isExact ? { from: from + inner.from, to: from + inner.to } : undefined;
        });
        if (!found) continue;
        const parsed = findNode(text, path);
        assert.equal(parsed.isExact, true);
        // A parser counts comments behind a block to it.
        const end = text.slice(parsed.from, parsed.to).includes("#") ? found.to : parsed.to;
        assert.deepEqual([found.from, found.to], [parsed.from, end], `${path.join(" ")} of\n${text}`);
        count++;
      }
    }
    assert.ok(count > 1000, `${count} positions`);
  });
});

describe("what is looked at", () => {
  test("each kustomization that no other takes in is built once", { skip: noBuilder }, (t) => {
    const directory = temporary(t, overlays);
    const tools = temporary(t, { [builder!.isKubectl ? "kubectl" : "kustomize"]: `#!/bin/sh\necho "$@" >> "${directory}/builds.txt"\nexec "${builder!.path}" "$@"\n` });
    const program = join(tools, builder!.isKubectl ? "kubectl" : "kustomize");
    chmodSync(program, 0o755);
    lint(["."], { cwd: directory, env: { PATH: `${tools}:${process.env["PATH"] ?? ""}` } });
    assert.equal(readFileSync(join(directory, "builds.txt"), "utf8").trim().split("\n").length, 2);
  });

  test("in all three layouts a rule that somebody wrote by hand is found in its file", { skip: noBuilder }, (t) => {
    const mesh = (name: string, more = ""): string => `apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata:\n  name: ${name}${more}\n`;
    const layouts: { readonly [layout: string]: Files } = {
      resource: { "kustomization.yaml": "resources: [service.yaml, rules.yaml, mesh.yaml]\n", "mesh.yaml": mesh("default") },
      files: { "kustomization.yaml": "resources: [service.yaml, rules.yaml, mesh.yaml]\n", "mesh.yaml": mesh("default", "\n  annotations:\n    config.kubernetes.io/local-config: \"true\"") },
      transformer: { "kustomization.yaml": "resources: [service.yaml, rules.yaml]\ntransformers: [mesh.yaml]\n", "mesh.yaml": mesh("default", builder?.isKubectl ? "" : "\n  annotations:\n    config.kubernetes.io/function: |\n      exec: {path: istiomize}") },
    };
    for (const [layout, files] of Object.entries(layouts)) {
      const directory = temporary(t, { ...files, "service.yaml": service("timeout: 10s"), "rules.yaml": rules });
      assert.deepEqual(lint([".", "--code", "IZ301"], { cwd: directory }).map(({ file, line }) => `${file}:${line}`), ["rules.yaml:12"], layout);
    }
  });

  test("manifests that clash are variants of each other, and each is looked at among the rest", (t) => {
    const variant = (name: string, subset: string): Files => ({ [`${name}.yaml`]: rules.replace("v9", subset) });
    const files = {
      "service.yaml": service("x-note: none"), ...variant("one", "v1"), ...variant("two", "v2"), ...variant("three", "v3"),
      "subsets.yaml": "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: web}\nspec:\n  host: web\n  subsets: [{name: v1, labels: {version: v1}}, {name: v3, labels: {version: v3}}]\n",
    };
    const found = lint([".", "--code", "IZ301,IZ109,IZ302"], { cwd: temporary(t, files) });
    assert.deepEqual(found.map(({ code, file }) => `${code} ${file}`), ["IZ301 two.yaml"]);
  });

  test("directories that hold the same objects are environments: each stands by itself", (t) => {
    const files = { "one/service.yaml": service("x-note: none"), "one/rules.yaml": rules, "two/service.yaml": service("x-note: none"), "two/rules.yaml": rules.replace("subset: v9", "port: {number: 80}") };
    const found = lint([".", "--code", "IZ301,IZ109"], { cwd: temporary(t, files) });
    assert.deepEqual(found.map(({ code, file }) => `${code} ${file}`), ["IZ301 one/rules.yaml"]);
  });

  test("where neither kustomize nor kubectl is, the run says so", (t) => {
    const { code, stderr } = istiomize(["lint", "."], { cwd: temporary(t, overlays), env: { PATH: "" } });
    assert.equal(code, 2);
    assert.match(stderr, /IZ401/);
  });
});

describe("formats", () => {
  const input = `${service("timeout: \"15\"")}---\n${rules}`;

  test("sarif validates against the published schema, with and without findings", (t) => {
    const schemaFile = createRequire(import.meta.url).resolve("@microsoft/jest-sarif").replace(/lib\/.*$/, "lib/schemas/sarif-2.1.0-rtm.5.json");
    const { $schema: _draft, id: _id, ...schema } = JSON.parse(readFileSync(schemaFile, "utf8")) as { readonly [key: string]: unknown };
    const validate = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false }).compile(schema);
    const directory = temporary(t, { "a b/web.yaml": input });
    for (const [args, options] of [[["-"], { input }], [["-"], { input: service("x-note: none") }], [["."], { cwd: directory }]] as const) {
      const log = JSON.parse(istiomize(["lint", "--format", "sarif", ...args], options).stdout) as { readonly runs: readonly { readonly results: readonly { readonly ruleIndex: number; readonly ruleId: string }[]; readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } } }[] };
      assert.ok(validate(log), JSON.stringify(validate.errors?.slice(0, 3)));
      const [first] = log.runs;
      for (const { ruleIndex, ruleId } of first!.results) assert.equal(first!.tool.driver.rules[ruleIndex]!.id, ruleId);
      assert.doesNotMatch(JSON.stringify(log), new RegExp(directory));
    }
    assert.match(istiomize(["lint", ".", "--format", "sarif"], { cwd: directory }).stdout, /"uri": "a%20b\/web\.yaml"/);
  });

  test("junit is well-formed, whatever stands in the input", (t) => {
    const odd = "]]> & \"'\u0007 \u{1f600}";
    const directory = temporary(t, { "web.yaml": service(`timeout: ${JSON.stringify(odd)}`) });
    const { stdout } = istiomize(["lint", ".", "--format", "junit"], { cwd: directory });
    const open: string[] = [];
    for (const [, end, name, closed] of stdout.matchAll(/<(\/?)([a-z-]+)(?:\s+[a-z]+="[^"<]*")*\s*(\/?)>/g)) {
      if (end) assert.equal(open.pop(), name);
      else if (!closed) open.push(name!);
    }
    assert.deepEqual(open, []);
    assert.doesNotMatch(stdout.replace(/<[^>]*>/g, "").replace(/&(?:amp|lt|gt|quot);/g, ""), /[&<>\u0007]/);
  });

  test("github names files from the root of the checkout, and escapes what its commands are made of", (t) => {
    const directory = temporary(t, { "gitops/web.yaml": service("timeout: \"15%\"") });
    const { stdout } = istiomize(["lint", ".", "--format", "github", "--code", "IZ201"], { cwd: join(directory, "gitops"), env: { GITHUB_WORKSPACE: directory } });
    assert.match(stdout, /^::error file=gitops\/web\.yaml,line=6,col=28,endLine=6,endColumn=33,title=IZ201 annotation value not understood::Service web, [^\n]*%0Aread: "15%25"[^\n]*\n$/);
  });

  test("json says what stands there and what to write instead, and what --fix would do", () => {
    const [found] = lint(["-", "--code", "IZ201"], { input });
    assert.deepEqual([found?.currentValue, found?.proposedValue, found?.fix], ["15", "15s", { value: "15s" }]);
  });
});

describe("results of the function", () => {
  test("carry the field with its value, the value to write, the file, and the code in tags", () => {
    const item = service("timeout: \"15\"").trim().replaceAll("\n", "\n  ").replace("  annotations:", "  annotations:\n      internal.config.kubernetes.io/path: base/web.yaml");
    const input = `apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- ${item}\n`;
    const { results } = loadAll(istiomize([], { input }).stdout)[0] as { readonly results: readonly { readonly tags: { readonly code: string } }[] };
    assert.deepEqual(results.find(({ tags }) => tags.code === "IZ201"), {
      message: (results[0] as unknown as { readonly message: string }).message, severity: "error",
      resourceRef: { apiVersion: "v1", kind: "Service", name: "web" }, file: { path: "base/web.yaml" }, tags: { code: "IZ201" },
      field: { path: "metadata.annotations.istiomize.dev/timeout", currentValue: "15", proposedValue: "15s" },
    });
  });

  test("give the value of a field that a check speaks of", () => {
    const item = service("timeout: 1s").replace("    istiomize", "    istiomize.dev/retry-per-try-timeout: 10s\n    istiomize").trim().replaceAll("\n", "\n  ");
    const { stdout } = istiomize([], { input: `apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- ${item}\n` });
    const { results } = loadAll(stdout)[0] as { readonly results: readonly { readonly field?: { readonly path: string; readonly currentValue?: string } }[] };
    for (const { field } of results) if (field?.path.startsWith("metadata.annotations.istiomize.dev/")) assert.match(field.currentValue ?? "", /^(1s|10s)$/);
    assert.ok(results.some(({ field }) => field?.currentValue !== undefined));
  });
});

describe("--fix", () => {
  test("keeps comments, quotes, order and line ends, and finds nothing left to do the second time", (t) => {
    const text = `# above\n${service("timeout: '15' # why")}`.replaceAll("\n", "\r\n");
    const directory = temporary(t, { "web.yaml": text });
    istiomize(["lint", ".", "--fix"], { cwd: directory });
    assert.equal(readFileSync(join(directory, "web.yaml"), "utf8"), text.replace("'15'", "'15s'"));
    assert.match(istiomize(["lint", ".", "--fix"], { cwd: directory }).stderr, /nothing to fix/);
  });

  test("shows the diff before the findings, on stderr where a program reads stdout, and writes nothing in a dry run", (t) => {
    const text = service("timeout: \"15\"");
    const directory = temporary(t, { "web.yaml": text });
    const { stdout, stderr } = istiomize(["lint", ".", "--fix", "--dry-run", "--format", "json"], { cwd: directory });
    assert.match(stderr, /^diff --git a\/web\.yaml b\/web\.yaml\n[^]*\+ {4}istiomize\.dev\/timeout: "15s"\n/);
    JSON.parse(stdout);
    assert.match(istiomize(["lint", ".", "--fix", "--dry-run"], { cwd: directory }).stdout, /^diff --git [^]*\n\nweb\.yaml:6:28/);
    assert.equal(readFileSync(join(directory, "web.yaml"), "utf8"), text);
  });

  test("renames a key that can only mean one other, and no key that may mean several", (t) => {
    const directory = temporary(t, { "web.yaml": service("perTryTimeout: 5s\n    istiomize.dev/retry_attempts: \"2\"\n    istiomize.dev/max-retrying: \"3\"") });
    istiomize(["lint", ".", "--fix"], { cwd: directory });
    assert.match(readFileSync(join(directory, "web.yaml"), "utf8"), /retry-per-try-timeout: 5s\n {4}istiomize\.dev\/retry-attempts: "2"\n {4}istiomize\.dev\/max-retrying: "3"/);
  });

  test("leaves a file outside of the tree alone, and a key beside one of its new name", { skip: noBuilder }, (t) => {
    const directory = temporary(t, { ...overlays, "base/service.yaml": service("timeout: \"15\""), "more/web.yaml": service("timeout: 5s\n    istiomize.dev/timeuot: 6s") });
    const { stderr } = istiomize(["lint", "overlays", "more", "--fix"], { cwd: directory });
    assert.match(stderr, /IZ201 base\/service\.yaml:6 is left to you: its file is outside of overlays/);
    assert.match(stderr, /IZ202 more\/web\.yaml:7 is left to you/);
    assert.equal(readFileSync(join(directory, "base/service.yaml"), "utf8"), service("timeout: \"15\""));
  });
});

describe("a baseline", () => {
  test("holds back what it lists when lines move, and nothing new", (t) => {
    const directory = temporary(t, { "web.yaml": service("timeout: \"15\"") });
    assert.equal(istiomize(["lint", ".", "--baseline", "base.json", "--update-baseline"], { cwd: directory }).code, 0);
    assert.equal(istiomize(["lint", ".", "--baseline", "base.json"], { cwd: directory }).code, 0);
    writeFileSync(join(directory, "web.yaml"), `# one more line\n${service("timeout: \"15\"\n    istiomize.dev/retry-atempts: \"3\"")}`);
    const found = lint([".", "--baseline", "base.json"], { cwd: directory });
    assert.deepEqual(found.filter(({ severity }) => severity === "error").map(({ code }) => code), ["IZ202"]);
    assert.equal(istiomize(["lint", ".", "--baseline", "base.json"], { cwd: directory }).code, 1);
  });

  test("is the same text whatever the order in which it is found, and written anew only where it changed", (t) => {
    const directory = temporary(t, { "b.yaml": service("timeout: \"15\""), "a.yaml": service("timeout: \"16\"").replace("name: web", "name: other") });
    for (let i = 0; i < 2; i++) istiomize(["lint", ".", "--baseline", "base.json", "--update-baseline"], { cwd: directory });
    const one = readFileSync(join(directory, "base.json"), "utf8");
    istiomize(["lint", "b.yaml", "a.yaml", "--baseline", "base.json", "--update-baseline"], { cwd: directory });
    assert.equal(readFileSync(join(directory, "base.json"), "utf8"), one);
  });
});
