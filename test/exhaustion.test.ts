import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { bundle, root } from "./support/cases.ts";

interface Ended {
  readonly code: number | undefined;
  readonly stderr: string;
}

/**
 * Runs the function with a small heap, in which anything that grows out of proportion dies, and with time that only a
 * hang uses up: this measures nothing.
 */
function runSmall(input: string): Ended {
  const { status, signal, stderr } = spawnSync(process.execPath, ["--max-old-space-size=256", bundle], { input, encoding: "utf8", maxBuffer: 2 ** 30, timeout: 120_000 });
  return { code: status ?? undefined, stderr: signal ? `${stderr}\nended by ${signal}` : stderr };
}

const service = (annotations: string, rest = ""): string => `apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\n  annotations:\n${annotations}spec:\n  selector: {app: web}\n${rest}  ports: [{name: http, port: 80}]\n`;
const meshed = service("    istiomize.dev/timeout: 15s\n");
const indent = (text: string, by: string): string => text.replaceAll("\n", `\n${by}`);

/** Twelve lists of nine aliases each: 9^11 values. */
const laughs = (sigil = ""): string => Array.from({ length: 12 }, (_, i) => `${"abcdefghijkl"[i]}: &${sigil}${i} [${Array.from({ length: 9 }, () => (i === 0 ? "x" : `*${sigil}${i - 1}`)).join(", ")}]`).join("\n");
const mesh = (spec: string): string => `apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata: {name: shop}\nspec:\n  ${indent(spec, "  ")}\n`;
const deployment = (config: string): string => `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop, annotations: {istiomize.dev/concurrency: "2"}}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata:\n      labels: {app: web}\n      annotations:\n        proxy.istio.io/config: |\n          ${indent(config, "          ")}\n`;

describe("input that is made to use up time or memory", () => {
  const refused: { readonly [name: string]: { readonly input: string; readonly code: RegExp } } = {
    "aliases that stand for billions of values, in a Service": { input: service("    istiomize.dev/timeout: 15s\n", `  more:\n    ${indent(laughs(), "    ")}\n`), code: /IZ106/ },
    "the same in a kind that nothing reads": { input: `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n${laughs()}\n---\n${meshed}`, code: /IZ106/ },
    "the same in the ServiceMesh": { input: `${mesh(laughs())}---\n${meshed}`, code: /IZ106/ },
    "the same with unusual names": { input: `${mesh(laughs("."))}---\n${meshed}`, code: /IZ106/ },
    "the same in a ResourceList": { input: `apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- ${indent(meshed.trimEnd(), "  ")}\n  more:\n    ${indent(laughs(), "    ")}\n`, code: /IZ106/ },
    "the same in a functionConfig": { input: `apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- ${indent(meshed.trimEnd(), "  ")}\nfunctionConfig:\n  ${indent(mesh(laughs()).trimEnd(), "  ")}\n`, code: /IZ106/ },
    "the same in an annotation that holds YAML": { input: service(`    istiomize.dev/virtual-service-patch: |\n      ${indent(laughs(), "      ")}\n`), code: /IZ201/ },
    "the same in an annotation that is a list": { input: service(`    istiomize.dev/hosts: |\n      - &a [${"x, ".repeat(9)}]\n      - [${"*a, ".repeat(9)}]\n`), code: /IZ201/ },
    "lists within lists": { input: service("", `  more: ${"[".repeat(100_000)}${"]".repeat(100_000)}\n`), code: /IZ102/ },
    "lists within lists in JSON": { input: `{"apiVersion":"v1","kind":"List","items":[${"[".repeat(50_000)}${"]".repeat(50_000)}]}`, code: /IZ10/ },
    "mappings within mappings, by indentation": { input: `${meshed}  more:\n${Array.from({ length: 3000 }, (_, i) => `${" ".repeat(i + 3)}a:\n`).join("")}`, code: /IZ102/ },
    "mappings within mappings in an annotation": { input: service(`    istiomize.dev/virtual-service-patch: '${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}'\n`), code: /IZ201/ },
    "an annotation of five megabytes": { input: service(`    istiomize.dev/timeout: "${"1".repeat(5_000_000)}s"\n`), code: /IZ107/ },
    "20,000 annotations": { input: service(Array.from({ length: 20_000 }, (_, i) => `    istiomize.dev/x-${i}: "1"\n`).join("")), code: /IZ107/ },
    "a thousand annotations that nobody knows": { input: service(Array.from({ length: 1000 }, (_, i) => `    istiomize.dev/timeuot${i}: "1"\n`).join("")), code: /IZ202[^]*the last 800 are not shown/ },
  };
  for (const [name, { input, code }] of Object.entries(refused)) {
    test(`is refused: ${name}`, () => {
      const ended = runSmall(input);
      assert.match(ended.stderr, code);
      assert.equal(ended.code, 1, ended.stderr.slice(0, 2000));
    });
  }

  test("is passed by where it stands in what Istio's own annotation holds", () => {
    const { code, stderr } = runSmall(`${deployment(laughs())}---\n${meshed}`);
    assert.equal(code, 0, stderr.slice(0, 2000));
  });

  const long: { readonly [name: string]: string } = {
    hashes: "#".repeat(1_000_000), blanks: " \t".repeat(500_000), "blank lines": `${" ".repeat(1000)}\n`.repeat(1000), "empty lines": "\n".repeat(1_000_000), "lists of items": "items:\n".repeat(100_000),
    comments: "   # x\n".repeat(200_000), dashes: "- ".repeat(300_000), braces: "{".repeat(500_000), "empty items": `kind: List\nitems:\n${"- \n".repeat(200_000)}`, stars: `a: &a\n${"*".repeat(500_000)}`, returns: "\r".repeat(500_000),
    "ends of documents": "\n...".repeat(200_000), directives: "%a\n".repeat(200_000), quotes: '"'.repeat(500_000), "half a JSON": `${" {".repeat(300_000)}"kind"`, "a kind far away": `kind:${" ".repeat(500_000)}x`, "a kind that does not end": `kind: "${"A".repeat(500_000)}`,
    "an open brace": `{${" \n".repeat(500_000)}`, documents: "a: 1\n---\n".repeat(50_000), markers: "---\n".repeat(300_000),
  };
  for (const [name, text] of Object.entries(long)) {
    test(`comes to an end: ${name}`, () => {
      for (const input of [text, `${text}\n---\n${meshed}`, `${meshed}---\n${text}`]) {
        const { code, stderr } = runSmall(input);
        assert.ok(code === 0 || code === 1, stderr.slice(0, 2000));
        assert.doesNotMatch(stderr, /IZ9/);
      }
    });
  }

  test("comes to an end in the reader of every annotation", () => {
    // Each reader says its name before it begins: where the time is up, the last name is the culprit's.
    const script = `
      import { readAnnotations } from "./generators/annotations/read.ts";
      import { rows } from "./generators/annotations/table.ts";
      const length = 200_000;
      const hostile = [..."1 ,=.-;:a/*\\"'[{(|&~^$"].map((sign) => sign.repeat(length)).concat([..."1am,=.; "].flatMap((sign) => [sign.repeat(length) + "!", "a" + sign.repeat(length) + "b", "1" + sign.repeat(length) + "s"]),
        ["a=1,", "a.", "1m", "a;", "a-", "1.", "10.0.0.0/8,", "a=1;", "header:", "cookie:a;", "- a\\n", "[a],", "a b", "1h1m"].flatMap((piece) => [piece.repeat(length / piece.length), piece.repeat(length / piece.length) + "!"]));
      for (const [name, row] of Object.entries(rows)) for (const value of hostile) {
        process.stdout.write(name + " " + value.slice(0, 12) + "\\n");
        const kind = { Service: ["v1", "Service"], Workload: ["apps/v1", "Deployment"], Namespace: ["v1", "Namespace"] }[row.on[0] ?? "Service"];
        const key = (row.on.length === 0 ? row.behind[0] + ".x." : "") + name.replace(/<.*>/, "x");
        readAnnotations({ apiVersion: kind[0], kind: kind[1], metadata: { name: "web", annotations: { ["istiomize.dev/" + key]: value } } }, { istioVersion: "1.99", limits: new Map() }, false);
      }
      process.stdout.write("done\\n");`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--max-old-space-size=512", "--import", "tsx", "--input-type=module", "-e", script], { cwd: root, encoding: "utf8", maxBuffer: 2 ** 28, timeout: 300_000 });
    assert.match(stdout.slice(-200), /done\n$/, `${stdout.slice(-200)}\n${stderr.slice(0, 2000)}`);
  });
});

describe("messages about input that is made to be long", () => {
  test("stay short under Argo CD, which loses an error that is too long", () => {
    const name = `istiomize.dev/${"a".repeat(100_000)}`;
    const inputs = [service(`    ${name}: "1"\n`), service(Array.from({ length: 500 }, (_, i) => `    istiomize.dev/timeuot${i}: "1"\n`).join("")), `${mesh(`"${"t".repeat(100_000)}": 1`)}---\n${meshed}`, service(`    istiomize.dev/timeout: "${"1".repeat(100_000)}"\n`)];
    for (const input of inputs) {
      const { status, stderr } = spawnSync(process.execPath, [bundle], { input, encoding: "utf8", env: { ...process.env, ARGOCD_APP_NAME: "shop" } });
      assert.equal(status, 1);
      assert.ok(Buffer.byteLength(stderr) < 4096, `${Buffer.byteLength(stderr)} bytes: ${stderr.slice(0, 300)}`);
    }
  });
});
