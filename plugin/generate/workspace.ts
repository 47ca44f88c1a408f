import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { asList, asMapping, asText } from "../../generators/kube/object.ts";
import { commonDirectory, isBelow, lookAt, texts, walkKustomizations, type Kustomization } from "../tree/tree.ts";
import { writeYaml } from "../write-yaml.ts";
import type { SourceTree } from "./source.ts";

/** A copy of a tree beside it, in which files can be other than on disk, for kustomize to build. */
export interface Workspace {
  /** The directory that was copied. */
  readonly common: string;
  /** Where a path of the tree stands in the copy, and the other way round. */
  readonly toCopy: (path: string) => string;
  readonly toTree: (path: string) => string;
  /** Gives a file another text, or takes it out. */
  readonly write: (path: string, text: string | undefined) => void;
  /** A kustomization over one of the tree that keeps its ServiceMesh in the result, and where wanted says where objects came from. */
  readonly wrap: (directory: string, options: { readonly origins: boolean }) => string;
}

const skipped = new Set([".git", "node_modules"]);

/**
 * Copies a tree, with what it builds on outside, except for files that are to differ. Unchanged files are hard links:
 * a copy of thousands of services takes a fraction of a second.
 */
export function makeWorkspace(tree: SourceTree, temporary: string, changed: ReadonlyMap<string, string | undefined>): Workspace {
  const named = [...tree.nodes.values()].flatMap(namedPaths);
  const configured = named.filter((path) => lookAt(path) === "directory").flatMap((path) => walkKustomizations(path).map(({ directory }) => realpathSync(directory)));
  const outside = [...new Set([...tree.nodes.keys(), ...configured])].filter((directory) => !isBelow(directory, tree.root));
  const roots = [tree.root, ...outside.filter((directory) => !outside.some((other) => other !== directory && isBelow(directory, other)))];
  const further = [...tree.nodes.values()].flatMap(({ resources, patches }) => [...resources, ...patches]).concat(named.filter((path) => lookAt(path) === "file")).filter((file) => !roots.some((root) => isBelow(file, root)));
  const common = commonDirectory([...roots, ...further.map(dirname)]);
  const base = join(realpathSync(temporary), "tree");
  const toCopy = (path: string): string => join(base, relative(common, path));
  const write = (path: string, text: string | undefined): void => {
    const copy = toCopy(path);
    rmSync(copy, { force: true }); // a link to the original must not be written through
    if (text === undefined) return;
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, text);
  };
  const copyOf = (path: string): string | undefined => (roots.some((root) => isBelow(path, root)) ? toCopy(path) : undefined);
  for (const root of roots) linkTree(root, toCopy(root), changed, copyOf);
  for (const file of further) {
    mkdirSync(dirname(toCopy(file)), { recursive: true });
    if (!changed.has(file)) linkFile(file, toCopy(file));
  }
  for (const [path, text] of changed) write(path, text);
  let wrappers = 0;
  return {
    common, toCopy, write,
    toTree: (path) => join(common, relative(base, path)),
    wrap: (directory, { origins }) => {
      const wrapper = join(realpathSync(temporary), `build-${wrappers++}`);
      mkdirSync(wrapper);
      writeFileSync(join(wrapper, "kustomization.yaml"), writeYaml({
        resources: [relative(wrapper, toCopy(directory))],
        ...(origins && { buildMetadata: ["originAnnotations"] }),
        patches: [{ target: { group: "istiomize.dev", kind: "ServiceMesh" }, patch: writeYaml({
          apiVersion: "istiomize.dev/v1alpha1", kind: "ServiceMesh", metadata: { name: "any", annotations: { "config.kubernetes.io/local-config": "false" } },
        }) }],
      }));
      return wrapper;
    },
  };
}

/** What a kustomization names beside resources and patches: files and directories of transformers, generators and so on. */
function namedPaths({ directory, content }: Kustomization): readonly string[] {
  const listed = ["transformers", "generators", "validators", "configurations", "crds"].flatMap((field) => texts(content[field])).filter((entry) => !entry.includes("\n"));
  const paths = [...asList(content["replacements"]), content["openapi"]].flatMap((entry) => asText(asMapping(entry)?.["path"]) ?? []);
  return [...listed, ...paths].map((entry) => resolve(directory, entry));
}

function linkTree(from: string, to: string, changed: ReadonlyMap<string, unknown>, copyOf: (path: string) => string | undefined): void {
  mkdirSync(to, { recursive: true });
  if (!existsSync(from)) return; // a tree that is about to be made
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (skipped.has(entry.name)) continue;
    const [path, copy] = [join(from, entry.name), join(to, entry.name)];
    const isDirectory = entry.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false })?.isDirectory() : entry.isDirectory();
    const target = isDirectory && entry.isSymbolicLink() ? copyOf(realpathSync(path)) : undefined;
    if (target !== undefined) symlinkSync(target, copy); // what it leads to may be other than on disk
    else if (isDirectory && !(entry.isSymbolicLink() && isBelow(from, realpathSync(path)))) linkTree(path, copy, changed, copyOf);
    else if (!isDirectory && !changed.has(path)) linkFile(path, copy);
  }
}

function linkFile(path: string, copy: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isFile()) return;
  try {
    linkSync(realpathSync(path), copy);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    copyFileSync(path, copy); // another file system, or one without links
  }
}
