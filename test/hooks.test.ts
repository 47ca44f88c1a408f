import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { load } from "js-yaml";
import { findOnPath } from "../scripts/tools.ts";
import { root } from "./support/cases.ts";
import { run, temporary, writeFiles } from "./support/process.ts";

interface Hook {
  readonly id: string;
  readonly entry: string;
  readonly language: string;
  readonly files: string;
  readonly pass_filenames: boolean;
  readonly require_serial: boolean;
}

const hooks = load(readFileSync(join(root, ".pre-commit-hooks.yaml"), "utf8")) as readonly Hook[];
const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { bin: object };

describe("the pre-commit hooks", () => {
  test("run the executable of the package, once, on a tree that is named", () => {
    assert.deepEqual(hooks.map(({ id }) => id), ["istiomize-check", "istiomize-generate"]);
    for (const { id, entry, language, pass_filenames, require_serial } of hooks) {
      assert.deepEqual({ program: entry.split(" ")[0], language, pass_filenames, require_serial }, { program: Object.keys(bin)[0], language: "node", pass_filenames: false, require_serial: true }, id);
    }
  });

  test("run where a file changed that kustomize reads, and only there", () => {
    for (const { files } of hooks) {
      const matches = (path: string): boolean => new RegExp(files).test(path);
      for (const path of ["gitops/base/services/web/service.yaml", "mesh.yml", "base/Kustomization", "Kustomization"]) assert.ok(matches(path), path);
      for (const path of ["README.md", "yaml", "gitops/yaml.md", "MyKustomization", "servicemesh.jsonschema"]) assert.ok(!matches(path), path);
    }
  });

  test("are installed and run by pre-commit itself", (t) => {
    const preCommit = findOnPath("pre-commit");
    if (!preCommit) return t.skip("pre-commit is not on this machine");
    const directory = temporary(t);
    const env = { PRE_COMMIT_HOME: join(directory, "home"), PRE_COMMIT_COLOR: "never" };
    const git = (cwd: string, ...args: readonly string[]): string => run("git", ["-c", "user.name=test", "-c", "user.email=test@localhost", ...args], { cwd }).stdout.trim();
    const commit = (cwd: string): string => {
      git(cwd, "init", "--quiet");
      git(cwd, "add", "--all");
      git(cwd, "commit", "--quiet", "--message", "all");
      return git(cwd, "rev-parse", "HEAD");
    };

    const hookRepository = join(directory, "istiomize");
    for (const file of run("git", ["ls-files", "--cached", "--others", "--exclude-standard", "--", ".", ":!test"], { cwd: root }).stdout.trim().split("\n")) {
      mkdirSync(dirname(join(hookRepository, file)), { recursive: true });
      cpSync(join(root, file), join(hookRepository, file), { recursive: true });
    }
    const rev = commit(hookRepository);

    const user = join(directory, "user");
    const mesh = 'apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata:\n  name: mesh\n  annotations:\n    config.kubernetes.io/local-config: "true"\nspec: {}\n';
    const service = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\n  annotations:\n    istiomize.dev/timeout: 15s\nspec:\n  selector:\n    app: web\n  ports:\n    - name: http\n      port: 80\n';
    writeFiles(user, {
      ".pre-commit-config.yaml": JSON.stringify({ repos: [{ repo: hookRepository, rev, hooks: hooks.map(({ id }) => ({ id, args: ["gitops"] })) }] }),
      "gitops/kustomization.yaml": "resources:\n  - mesh.yaml\n  - service.yaml\n", "gitops/mesh.yaml": mesh, "gitops/service.yaml": service,
    });
    commit(user);
    const hook = (id: string): { readonly code: number; readonly text: string } => {
      const { code, stdout, stderr } = run(preCommit, ["run", id, "--all-files"], { cwd: user, env });
      return { code, text: stdout + stderr };
    };
    const drifted = hook("istiomize-check");
    assert.equal(drifted.code, 1, drifted.text);
    assert.match(drifted.text, /IZ420/);
    assert.equal(git(user, "status", "--porcelain"), "", "the check changes nothing");
    assert.match(hook("istiomize-generate").text, /files were modified by this hook/);
    git(user, "add", "--all");
    for (const id of ["istiomize-generate", "istiomize-check"]) {
      const { code, text } = hook(id);
      assert.equal(code, 0, text);
    }
  });
});
