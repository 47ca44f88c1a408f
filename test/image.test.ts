import assert from "node:assert/strict";
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { build, copyExample, findKubectls, findKustomizes, install } from "./support/callers.ts";
import { root } from "./support/cases.ts";
import { makeImage, readDockerfile, readModes, restOf, stageOf, type Image } from "./support/image.ts";
import { noExecutable } from "./support/package.ts";
import { istiomize, run, temporary } from "./support/process.ts";
import { makeResourceList } from "./support/streams.ts";

const dockerfile = readDockerfile(readFileSync(join(root, "Dockerfile"), "utf8"));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };

/** As kustomize and kpt set it for a container. */
const containerVariables = { LOG_TO_STDERR: "true", STRUCTURED_RESULTS: "true" };

describe("the Dockerfile", () => {
  test("every base image has a digest that can be given", () => {
    for (const { base } of dockerfile.stages) {
      const [, image, digest] = /^\$\{(\w+)\}\$\{(\w+):\+@\$\{\2\}\}$/.exec(base) ?? [];
      assert.ok(image !== undefined && dockerfile.variables[image], base);
      assert.equal(dockerfile.variables[digest!], "", base);
    }
  });

  test("the image is the last stage, runs the executable alone, and as a user that is a number", () => {
    const final = dockerfile.stages.at(-1)!;
    assert.equal(final.name, "istiomize");
    assert.deepEqual(restOf(final, "ENTRYPOINT"), ['["/usr/local/bin/istiomize"]']);
    assert.deepEqual(restOf(final, "USER"), ["65532:65532"]);
    assert.deepEqual(restOf(final, "RUN"), [], "there is no shell in it");
    assert.match(restOf(final, "LABEL").join(" "), new RegExp(`image\\.version="${version.replaceAll(".", "\\.")}"`), "the label says the version of package.json");
  });

  test("the sidecar image holds the same executable, and the plugin that gitops/argocd configures", () => {
    const [ours, cmp] = [stageOf(dockerfile, "istiomize"), stageOf(dockerfile, "cmp")];
    for (const line of restOf(ours, "COPY")) assert.ok(restOf(cmp, "COPY").includes(line), line);
    assert.ok(restOf(cmp, "COPY").includes("--from=build --chmod=0644 /src/gitops/argocd/cmp/plugin.yaml /home/argocd/cmp-server/config/plugin.yaml"));
    assert.ok(lstatSync(join(root, "gitops/argocd/cmp/plugin.yaml")).isFile());
  });
});

describe("the image", { skip: process.platform === "linux" ? noExecutable : "images are made for Linux" }, () => {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "istiomize-image-")));
  chmodSync(directory, 0o755);
  let image: Image;
  before(() => { image = makeImage(directory); });
  after(() => rmSync(directory, { recursive: true, force: true }));

  test("is a container function for any user, without a place to write, a network or a single variable of the machine", (t) => {
    t.diagnostic(`run ${image.how}`);
    const input = makeResourceList(5);
    const expected = istiomize([], { input });
    assert.equal(expected.code, 0, expected.stderr);
    for (const user of ["65534:65534", "65532:65532", "12345:0"]) {
      const { code, stdout, stderr } = image.run([], { user, input, env: containerVariables });
      assert.deepEqual([code, stderr], [0, expected.stderr], user);
      assert.ok(stdout === expected.stdout, `${user}: the same bytes as the bundle`);
    }
  });

  test("every file in it, and in the sidecar image, can be read by any user, whatever the umask of the checkout was", (t) => {
    if (image.how === "docker") return t.skip("the image is not laid out here; the users above have read what they run");
    const documents = ["LICENSE", "NODE-LICENSE", "THIRD-PARTY-LICENSES", "istiomize.cdx.json"].map((name) => [`/usr/share/doc/istiomize/${name}`, "644"] as const);
    const ours = { ...Object.fromEntries(documents), "/usr/local/bin/istiomize": "755" };
    assert.deepEqual(readModes(directory, "cmp"), { ...ours, "/home/argocd/cmp-server/config/plugin.yaml": "644" });
    const modes = readModes(directory, "image");
    for (const [file, mode] of Object.entries(ours)) assert.equal(modes[file], mode, file);
  });

  test("a value that is refused comes back as a result, with exit code 1", () => {
    const input = makeResourceList(1).replace(/(istiomize\.dev\/timeout: ).*/, '$1"15"');
    const refused = image.run([], { user: "65534:65534", input, env: containerVariables });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /IZ201/);
    assert.match(refused.stdout, /^results:$/m);
  });

  test("kustomize and kubectl that run it as their container build the same bytes as with the bundle", (t) => {
    if (image.how === "docker") return t.skip("kustomize would pull the image; docker run is tried above");
    const builders = [...findKustomizes(), ...findKubectls()];
    if (builders.length === 0) return t.skip("neither kustomize nor kubectl is on this machine");
    const installed = install(t);
    const calls = temporary(t);
    const trees = { container: join(copyExample(t, "container"), "overlays/staging"), older: join(copyExample(t, "older"), "overlays/staging") };
    for (const builder of builders) {
      const expected = build(builder, trees.older, installed, ["--enable-alpha-plugins"]);
      assert.equal(expected.code, 0, expected.stderr);
      // A docker that hands the ResourceList to the image, and records what it would be run with.
      writeFileSync(join(calls, "docker"), `#!/bin/sh\necho "$*" > '${join(calls, "call")}'\ncat > '${join(calls, "input.yaml")}'\nexec cat '${join(calls, "output.yaml")}'\n`);
      chmodSync(join(calls, "docker"), 0o755);
      writeFileSync(join(calls, "output.yaml"), "");
      const env = { ...installed.env, PATH: `${calls}:${process.env["PATH"]}` };
      run(builder.path, [builder.isKubectl ? "kustomize" : "build", "--enable-alpha-plugins", trees.container], { env });
      const meshed = image.run([], { user: "65534:65534", input: readFileSync(join(calls, "input.yaml"), "utf8"), env: containerVariables });
      assert.equal(meshed.code, 0, meshed.stderr);
      writeFileSync(join(calls, "output.yaml"), meshed.stdout);
      const built = run(builder.path, [builder.isKubectl ? "kustomize" : "build", "--enable-alpha-plugins", trees.container], { env });
      assert.equal(built.code, 0, built.stderr);
      assert.ok(built.stdout === expected.stdout, builder.name);
      assert.match(readFileSync(join(calls, "call"), "utf8"), /^run --rm .*--network none --user nobody .*istiomize\n$/);
    }
  });

  test("as an init container it fills the volume of the repo-server, and what it puts there runs", (t) => {
    const volume = join(temporary(t), "volume");
    mkdirSync(volume);
    chmodSync(volume, 0o777); // as kubelet makes an emptyDir
    const args = ["install", "--bin", "/opt/istiomize/bin", "--plugin-home", "/opt/istiomize/plugins"];
    const first = image.run(args, { user: "65532:65532", volume });
    assert.equal(first.code, 0, first.stderr);
    const again = image.run(args, { user: "65532:65532", volume });
    assert.equal(again.code, 0, `a restarted pod: ${again.stderr}`);
    for (const file of ["bin/istiomize", "plugins/istiomize.dev/v1alpha1/servicemesh/ServiceMesh"]) {
      assert.ok(lstatSync(join(volume, file)).isFile(), `${file} is no symbolic link into the image`);
      assert.equal(run(join(volume, file), ["--version"], { env: { PATH: "/nowhere" } }).stdout, `${version}\n`);
    }
  });

  test("writes nothing: where a volume is read-only too, it says so and what to do", (t) => {
    if (image.how === "in place") return t.skip("this user cannot make a read-only file system");
    const { code, stdout, stderr } = image.run(["install", "--bin", "/opt/istiomize/bin"], { user: "65532:65532" });
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /read-only|permission/);
  });
});
