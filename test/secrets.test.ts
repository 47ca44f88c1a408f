import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import fc from "fast-check";
import "./support/version.ts";
import { runFunction } from "../plugin/krm.ts";
import { locate } from "../plugin/locate.ts";
import { writeText } from "../plugin/report/text.ts";
import { findSecretLines } from "../plugin/report/secret-lines.ts";
import { withoutQuotes } from "../plugin/tree/quoted.ts";
import { findKubectls, findKustomizes } from "./support/callers.ts";
import { often } from "./support/often.ts";
import { toolPath } from "../scripts/tools.ts";
import { istiomize, run, temporary, type Files, type Run } from "./support/process.ts";

process.env["PATH"] = toolPath(); // the packaged kubectl, where there is neither kustomize nor kubectl

/** Values that stand nowhere else, as they are and as `data` has them. */
const values = ["Zq7xKv9wPj3mTn5b", "pG4hYc8sLd2rWf6k"] as const;
const encoded = values.map((value) => Buffer.from(value).toString("base64"));

/** Pieces of six characters: a part of a password is too much too. */
const pieces = [...new Set([...values, ...encoded].flatMap((value) => Array.from({ length: value.length - 5 }, (_, i) => value.slice(i, i + 6))))];

function showsNone(text: string, what: string): void {
  const [shown] = pieces.filter((piece) => text.includes(piece));
  assert.equal(shown, undefined, `${what} shows a piece of a value:\n${text}`);
}

const service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\n  annotations:\n    istiomize.dev/timeout: 15s\nspec:\n  selector: {app: web}\n  ports:\n  - {name: http, port: 80}\n";
const secret = (data = `data:\n  password: ${encoded[0]}\nstringData:\n  token: ${values[1]}\n`, annotations = ""): string =>
  `apiVersion: v1\nkind: Secret\nmetadata:\n  name: login\n  namespace: shop\n${annotations}type: Opaque\n${data}`;
const deployment = `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web, version: stable}}\n    spec:\n      containers:\n      - name: web\n        image: web:1\n        env:\n        - name: PASSWORD\n          value: ${values[0]}\n        - {name: TOKEN, value: "${values[1]}"}\n`;
const applied = `  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: |\n      {"apiVersion":"v1","kind":"Secret","stringData":{"token":"${values[1]}"}}\n`;
const stream = (...documents: readonly string[]): string => documents.join("---\n");
const list = (kind: string, ...documents: readonly string[]): string =>
  `apiVersion: ${kind === "List" ? "v1" : "config.kubernetes.io/v1"}\nkind: ${kind}\nitems:\n${documents.map((document) => `- ${document.trimEnd().replaceAll("\n", "\n  ")}\n`).join("")}`;
const json = (data: object): string => JSON.stringify({ apiVersion: "v1", kind: "List", items: [{ apiVersion: "v1", kind: "Secret", metadata: { name: "login" }, ...data }, { apiVersion: "v1", kind: "Service", metadata: { name: "web", annotations: { "istiomize.dev/timeout": "15" } }, spec: { ports: [{ port: 80 }] } }] }, undefined, 1);
const broken = service.replace("15s", "15");

/** Everything that a run says, by the name of where it says it: the objects themselves are no message. */
function saidBy(input: string | Buffer, t: TestContext): { readonly [where: string]: string } {
  const report = join(temporary(t), "report.json");
  const bytes = typeof input === "string" ? Buffer.from(input) : input;
  const once = (env: { readonly [name: string]: string }): { readonly stdout: string; readonly stderr: string } => run("sh", ["-c", 'base64 -d | "$0" "$@"', process.execPath, join(import.meta.dirname, "../plugin/istiomize.cjs")], { input: bytes.toString("base64"), env });
  const plain = once({ ISTIOMIZE_DEBUG: "1" });
  once({ ISTIOMIZE_DEBUG: "1", ISTIOMIZE_REPORT: report });
  return {
    stderr: plain.stderr, results: /^results:[^]*$/m.exec(plain.stdout)?.[0] ?? "",
    "the report": existsSync(report) ? readFileSync(report, "utf8") : "",
    "an Argo CD": once({ ISTIOMIZE_DEBUG: "1", ARGOCD_APP_NAME: "shop" }).stderr,
  };
}

describe("values of Secrets in the stream", () => {
  const streams: { readonly [name: string]: { readonly input: string | Buffer; readonly says?: RegExp } } = {
    "beside objects that are in order": { input: stream(secret(), service) },
    "beside an error": { input: stream(secret(), broken), says: /IZ201/ },
    "last, beside an error": { input: stream(broken, secret()), says: /IZ201/ },
    "in a List": { input: list("List", secret(), broken), says: /IZ201/ },
    "in JSON": { input: json({ stringData: { token: values[1] } }), says: /IZ201/ },
    "in a ResourceList with results": { input: list("ResourceList", secret(), broken), says: /IZ201/ },
    "in what kubectl applied last": { input: stream(broken, secret("", applied)), says: /IZ201/ },
    "under annotations of ours": { input: stream(secret(undefined, `  annotations:\n    istiomize.dev/timeout: 15s\n    istiomize.dev/nonsense: "true"\n`), service), says: /IZ20[23]/ },
    "with an alias that nothing defines": { input: stream(service, secret(`stringData:\n  token: *${values[1]}\n`)), says: /IZ102[^]*unidentified alias/ },
    "with a tag that nothing defines": { input: stream(service, secret(`stringData:\n  token: !${values[1]}\n`)), says: /IZ102[^]*unknown tag/ },
    "with a tag that holds one": { input: stream(service, secret(`stringData:\n  token: !<${values[1]}> x\n`)), says: /IZ102/ },
    "with a tag of a shape": { input: stream(service, secret(`stringData:\n  token: !!${values[1]} x\n`)), says: /IZ102/ },
    "with a tag that does not fit": { input: stream(service, secret(`stringData:\n  token: !!int ${values[1]}\n`)), says: /IZ102/ },
    "with a handle that nothing declares": { input: stream(service, secret(`stringData:\n  token: !${values[1]}!x y\n`)), says: /IZ102/ },
    "with a key twice": { input: stream(service, secret(`stringData:\n  token: ${values[0]}\n  token: ${values[1]}\n`)), says: /IZ105[^]*read {6}token\b/ },
    "with a key twice in one line": { input: stream(service, secret(`stringData: {token: ${values[0]}, token: ${values[1]}}\n`)), says: /IZ105/ },
    "with a quoted key twice": { input: stream(service, secret(`stringData:\n  "a b": ${values[0]}\n  "a b": ${values[1]}\n`)), says: /IZ105/ },
    "with a value for a key, twice": { input: stream(service, secret(`stringData:\n  ? ${values[1]}\n  ? ${values[1]}\n`)), says: /IZ105/ },
    "with a tab": { input: stream(service, secret(`stringData:\n\ttoken: ${values[1]}\n`)), says: /IZ102/ },
    "with a colon too many": { input: stream(service, secret(`stringData:\n  token: a: ${values[1]}\n`)), says: /IZ102/ },
    "with a quote that never ends": { input: stream(service, secret(`stringData:\n  token: "${values[1]}\n`)), says: /IZ102/ },
    "with an escape that is none": { input: stream(service, secret(`stringData:\n  token: "\\${values[1]}"\n`)), says: /IZ102/ },
    "with a NUL byte": { input: stream(service, secret(`stringData:\n  token: ${values[0]}\0${values[1]}\n`)), says: /IZ102/ },
    "with bytes that are no UTF-8": { input: Buffer.concat([Buffer.from(stream(service, secret())), Buffer.from(`  x: ${values[0]}`), Buffer.from([0xff, 0xfe]), Buffer.from(values[1])]), says: /IZ102/ },
    "as a mapping where a text belongs": { input: stream(service, secret(`stringData: [${values[1]}]\ndata: ${values[0]}\n`)) },
    "of which only the end came": { input: `${values[0]}\n---\n${broken}`, says: /IZ103/ },
    "of which only a number came": { input: `- ${values[0]}\n- ${values[1]}\n---\n${broken}`, says: /IZ103/ },
    "cut off in a value": { input: stream(service, secret(`stringData:\n  token: {a: ${values[1]}`)), says: /IZ102/ },
    "whose kind comes last, cut off before it": { input: list("ResourceList", service) + `- apiVersion: v1\n  data:\n    a: [${values[0]}\n`, says: /IZ10/ },
    "twice": { input: stream(secret(), secret(), service) },
    "as a ServiceMesh": { input: stream(service, `apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata: {name: m}\nspec: {}\nstringData:\n  token: ${values[1]}\n`), says: /IZ110/ },
    "with anchors for too much": { input: stream(service, secret(`stringData:\n  a: &a [${values[0]}, ${values[1]}]\n${Array.from({ length: 9 }, (_, i) => `  ${"bcdefghij"[i]}: &${"bcdefghij"[i]} [${Array.from({ length: 9 }, () => `*${"abcdefghi"[i]}`).join(", ")}]\n`).join("")}`)), says: /IZ106/ },
  };
  for (const [name, { input, says }] of Object.entries(streams)) {
    test(`are in no message, ${name}`, (t) => {
      const said = saidBy(input, t);
      for (const [where, text] of Object.entries(said)) showsNone(text, where);
      if (says) assert.match(said["stderr"]!, says);
    });
  }

  test("are in no message about our own bugs", (t) => {
    const { code, stderr } = istiomize([], { input: stream(secret(), service), env: { ISTIOMIZE_DEBUG: "1", ISTIOMIZE_REPORT: join(temporary(t), "missing/report.json") } });
    assert.equal(code, 2);
    assert.match(stderr, /IZ901/);
    showsNone(stderr, "stderr");
  });

  test("nor are values of the environment of containers", (t) => {
    for (const text of [deployment, deployment.replace("value: Zq", "value: *Zq"), deployment.replace("          value", "\t  value"), deployment.replace("          value: ", "          name: "), `${deployment}        image: ${values[0]}\n`]) {
      for (const [where, said] of Object.entries(saidBy(stream(broken, text), t))) showsNone(said, where);
    }
  });

  test("and this test would see one", (t) => {
    const said = saidBy(broken.replace("15", values[0]), t);
    assert.throws(() => showsNone(said["stderr"]!, "stderr"), /shows a piece/);
    assert.throws(() => showsNone(said["the report"]!, "the report"), /shows a piece/);
    assert.throws(() => showsNone(saidBy(list("ResourceList", broken.replace("15", values[0])), t)["results"]!, "results"), /shows a piece/);
  });
});

/** What happens to a document on its way: a character lost, added or replaced, a line twice, an end cut off. */
type Damage = { readonly at: number } & ({ readonly how: "drop"; readonly count: number } | { readonly how: "insert"; readonly text: string } | { readonly how: "repeat" | "cut" | "behead" | "indent" | "dedent" });

const at = fc.integer({ min: 0, max: 9999 }).map((n) => n / 10000);
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ at, how: fc.constant("drop" as const), count: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ at, how: fc.constant("insert" as const), text: fc.constantFrom("*", "&", "!", "!!", "!<", "%", "@", "`", "'", '"', "{", "}", "[", "]", ",", ": ", ":", "- ", "? ", "| ", ">", "#", " #", "\t", "\n", "\n\n", "\0", "\r", "\u0085", "\u2028", "\ufeff", "---\n", "\n---\n", "\n...\n", "<<: *a\n", "\\", "\u0007", "items:\n") }),
  fc.record({ at, how: fc.constantFrom("repeat" as const, "cut" as const, "behead" as const, "indent" as const, "dedent" as const) }),
);

function harm(text: string, change: Damage): string {
  const place = Math.floor(change.at * text.length);
  const start = text.lastIndexOf("\n", place - 1) + 1;
  const end = text.indexOf("\n", place) + 1 || text.length;
  const line = text.slice(start, end);
  switch (change.how) {
    case "drop": return text.slice(0, place) + text.slice(place + change.count);
    case "insert": return text.slice(0, place) + change.text + text.slice(place);
    case "repeat": return text.slice(0, end) + line + text.slice(end);
    case "cut": return text.slice(0, place);
    case "behead": return text.slice(place);
    case "indent": return `${text.slice(0, start)}  ${line}${text.slice(end)}`;
    case "dedent": return text.slice(0, start) + line.replace(/^ {1,2}/, "") + text.slice(end);
  }
}

async function saysNothingOf(text: string): Promise<void> {
  const output = await runFunction({ text, name: "<stdin>" });
  showsNone(writeText(locate(output.diagnostics, output.input, "<stdin>")), "stderr");
  showsNone(JSON.stringify(output.diagnostics), "the report");
  showsNone(/^results:[^]*$/m.exec(output.text)?.[0] ?? "", "results");
}

describe("values of Secrets in a stream that was damaged", () => {
  const holders = { Secret: secret(undefined, applied), "Secret in JSON": `${json({ stringData: { token: values[1] }, data: { password: encoded[0] } })}\n`, "Deployment's environment": deployment };
  for (const [name, holder] of Object.entries(holders)) {
    test(`are in no message, wherever the ${name} was harmed`, async () => {
      await fc.assert(fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), fc.constantFrom("first", "last", "List", "ResourceList"), async (changes, where) => {
        const harmed = changes.reduce(harm, holder);
        await saysNothingOf(where === "first" ? stream(`${harmed}\n`, broken) : where === "last" ? stream(broken, harmed) : list(where, broken, harmed));
      }), often(1000));
    });
  }
});

/** Kustomizations that cannot be built, in each of which kustomize quotes what stands in a file. */
const failing: { readonly [name: string]: Files } = {
  "a patch that is no YAML": { "kustomization.yaml": `resources: [secret.yaml]\npatches:\n- patch: |\n    apiVersion: v1\n    kind: Secret\n    metadata: {name: login\n    stringData: {token: ${values[1]}}\n`, "secret.yaml": secret() },
  "a JSON patch that is no JSON": { "kustomization.yaml": `resources: [secret.yaml]\npatches:\n- patch: '[{"op": "replace", "path": "/stringData/token", "value": "${values[1]}" ]'\n  target: {kind: Secret}\n`, "secret.yaml": secret() },
  "a patch that is two": { "kustomization.yaml": `resources: [secret.yaml]\npatches:\n- path: patch.yaml\n  patch: "${values[1]}"\n`, "patch.yaml": `stringData: {token: ${values[1]}}\n`, "secret.yaml": secret() },
  "a patch of another shape": { "kustomization.yaml": "resources: [secret.yaml]\npatches:\n- path: patch.yaml\n", "patch.yaml": `apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: shop}\nstringData:\n  token: [${values[1]}]\n`, "secret.yaml": secret() },
  "an alias that nothing defines": { "kustomization.yaml": "resources: [secret.yaml]\n", "secret.yaml": secret(`stringData:\n  token: *${values[1]}\n`) },
  "a tag that does not fit": { "kustomization.yaml": "resources: [secret.yaml]\n", "secret.yaml": secret(`stringData:\n  token: !!int ${values[1]}\n`) },
  "an object without a name": { "kustomization.yaml": "resources: [secret.yaml]\n", "secret.yaml": secret("", applied).replace("  name: login\n", "") },
  "a literal without a key": { "kustomization.yaml": `secretGenerator:\n- name: login\n  literals: [${values[0]}, a=${values[1]}]\n` },
  "a line of an env file that is no UTF-8": { "kustomization.yaml": "secretGenerator:\n- name: login\n  envs: [login.env]\n", "login.env": `a=${values[0]}\n` },
  "a patch file that is named by its text": { "kustomization.yaml": `resources: [secret.yaml]\ntransformers:\n- |-\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: x}\n  patch: "{stringData: {token: ${values[1]}}"\n`, "secret.yaml": secret() },
};

describe("values of Secrets in trees", () => {
  const builders = [...findKustomizes(), ...findKubectls()];
  const skip = builders.length === 0 ? "neither kustomize nor kubectl is on this machine" : false;
  for (const [name, files] of Object.entries(failing)) {
    test(`are not in what \`render\` passes on from kustomize about ${name}`, { skip }, (t) => {
      const directory = temporary(t, files);
      if (files["login.env"]) writeFileSync(join(directory, "login.env"), Buffer.concat([Buffer.from(files["login.env"]), Buffer.from([0xff, 0xfe]), Buffer.from(values[1])]));
      for (const { path, name: builder } of builders) {
        const { code, stdout, stderr } = istiomize(["render", "--with", path, directory], { env: { ISTIOMIZE_DEBUG: "1" } });
        if (code === 0) continue; // some versions build some of these
        assert.match(stderr, /IZ402/, builder);
        showsNone(stdout + stderr, builder);
      }
      showsNone(istiomize(["generate", directory, "--check"], { env: { ISTIOMIZE_DEBUG: "1" } }).stderr, "generate");
    });
  }

  test("what else kustomize says about a failed build is passed on", () => {
    for (const message of [
      "Error: accumulating resources: accumulation err='accumulating resources from 's.yaml': may not add resource with an already registered id: Secret.v1.[noGrp]/s.[noNs]': must build at directory: '/tmp/s.yaml': file is not directory",
      'no resource matches strategic merge patch "Secret.v1.[noGrp]/nope.[noNs]": no matches for Id Secret.v1.[noGrp]/nope.[noNs]; failed to find unique target for patch Secret.v1.[noGrp]/nope.[noNs]',
      'plugin PatchTransformer.builtin.[noGrp]/x.[noNs] fails configuration: unable to parse SM or JSON patch from [path: "p.yaml"]', 'invalid Kustomization: json: unknown field "literal"',
      "testing value /stringData/password failed: test failed",
    ]) assert.equal(withoutQuotes(message), message);
    assert.equal(withoutQuotes('trouble configuring builtin PatchTransformer with config: `\npath: p.yaml\ntarget:\n  kind: Secret\n`: unable to parse SM or JSON patch from [path: "p.yaml"]'), 'trouble configuring builtin PatchTransformer with config: `path: p.yaml`: unable to parse SM or JSON patch from [path: "p.yaml"]');
  });

  const tree: Files = {
    "base/kustomization.yaml": `resources:\n- mesh.yaml\n- all.yaml\nsecretGenerator:\n- literals:\n  - a=${values[0]}\n  name: gen\npatches:\n- patch: |-\n    - op: replace\n      path: /data/password\n      value: ${encoded[0]}\n  target: {kind: Secret, name: login}\n`,
    "base/mesh.yaml": 'apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata:\n  name: shop\n  annotations:\n    config.kubernetes.io/local-config: "true"\nspec: {mtls: {mode: STRICT}}\n',
    "base/all.yaml": stream(secret(undefined, applied), "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n", secret().replace("login", "other"), service, deployment.replace("spec:\n", "spec:\n  replicas: 1\n").replace("  name: web\n  namespace", "  annotations: {istiomize.dev/hold-application-until-proxy-starts: \"true\"}\n  name: web\n  namespace")),
    "overlay/kustomization.yaml": `resources:\n- ../base\nnamePrefix: qa-\nsecretGenerator:\n- literals: [a=${values[1]}]\n  name: more\n`,
  };

  test("are in no diff, drift, plan or verification of `generate`, and the diff still applies", { skip }, (t) => {
    const directory = temporary(t, tree);
    const generate = (...options: readonly string[]): Run => {
      const all = istiomize(["generate", ".", ...options], { cwd: directory, env: { ISTIOMIZE_DEBUG: "1" } });
      showsNone(all.stdout + all.stderr, `generate ${options.join(" ")}`);
      return all;
    };
    for (const options of [["--check"], ["--check", "--diff"], ["--dry-run"], ["--verify"]]) assert.equal(generate(...options).code, 1 - Number(options[0] === "--dry-run"), options.join(" "));
    const diff = generate("--diff");
    assert.match(diff.stdout, /^\+.*istio-virtualservice\.yaml/m);
    assert.match(diff.stdout, /^\+.*istio-injection: enabled/m);
    const applied = run("git", ["apply", "--directory", "copy", "-"], { cwd: temporary(t, Object.fromEntries(Object.entries(tree).map(([path, text]) => [`copy/${path}`, text]))), input: diff.stdout });
    assert.equal(applied.code, 0, applied.stderr);
    assert.equal(generate().code, 0);
    for (const options of [["--check"], ["--verify"], ["--remove", "--diff"], ["--remove", "--dry-run"], ["--remove", "--annotations", "--diff"]]) assert.equal(generate(...options).code, 0, options.join(" "));
    const changed = (path: string, from: string, to: string): void => writeFileSync(join(directory, path), readFileSync(join(directory, path), "utf8").replaceAll(from, to));
    changed("base/all.yaml", "timeout: 15s", "timeout: 20s");
    changed("overlay/kustomization.yaml", values[1], values[0]);
    for (const options of [["--check"], ["--check", "--diff"], ["--verify"]]) assert.equal(generate(...options).code, 1, options.join(" "));
  });

  test("are in no drift of a kustomization on one line", { skip }, (t) => {
    const directory = temporary(t, { ...tree, "base/kustomization.yaml": `{resources: [mesh.yaml, all.yaml], secretGenerator: [{name: gen, literals: [a=${values[0]}]}]}\n` });
    for (const options of [["--check"], ["--diff"], ["--verify"]]) {
      const { stdout, stderr } = istiomize(["generate", ".", ...options], { cwd: directory });
      showsNone(stdout + stderr, options.join(" "));
    }
  });

  test("are in no message of `render` about a tree that can be built", { skip }, (t) => {
    const directory = temporary(t, { ...tree, "base/all.yaml": tree["base/all.yaml"]!.replace("15s", "15") });
    for (const options of [["render", "base"], ["render", "overlay"], ["generate", "."]]) {
      const { code, stdout, stderr } = istiomize(options, { cwd: directory, env: { ISTIOMIZE_DEBUG: "1" } });
      assert.equal(code, 1, stderr);
      showsNone(stdout + stderr, options.join(" "));
    }
  });
});

describe("lines that may hold values of Secrets", () => {
  test("are found by their look", () => {
    const text = ["kind: Secret", "data:", "  a: x", "", "  b: |", "   y", "stringData: {a: x}", "metadata:", "  annotations:", "    kubectl.kubernetes.io/last-applied-configuration: |", "      {}", "    other: z",
      "secretGenerator:", "- name: a", "  literals:", "  - a=x", "- literals: [a=x]", "patches: [{patch: '{data: {a: x}}'}]", "- op: add", "  path: /data/a", "  value: x", "- op: add", "  path: /metadata/a", "  value: z"];
    assert.deepEqual([...findSecretLines(text.join("\n"))].sort((a, b) => a - b), [2, 3, 4, 5, 6, 10, 15, 16, 17, 20]);
  });
});
