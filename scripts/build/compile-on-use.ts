/**
 * Code that most runs never touch goes into the bundle as packed text, which node reads past, and is unpacked (in a
 * millisecond) and compiled on first use: more than half of the bundle, and a tenth of the start time of a small run.
 */
import { join } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { build, type BuildOptions, type Plugin } from "esbuild";

/** What is taken from each package that is packed; `undefined` takes all of it. */
const usedOf: { readonly [name: string]: readonly string[] | undefined } = {
  yaml: undefined,
  semver: undefined,
  diff: ["formatPatch", "structuredPatch"],
  "@clack/prompts": ["isCancel", "select", "text"],
};

/** The packages that are compiled on use. */
export const packages = Object.keys(usedOf);

interface Parts {
  readonly root: string;
  readonly options: BuildOptions;
  /** Source files that are packed, with everything that only they import; full paths, like the next. */
  readonly commands: readonly string[];
  /** Source files that stand in the open part of the bundle. */
  readonly shared: readonly string[];
  /** What a source file is called across the border between the two. */
  readonly nameOf: (file: string) => string;
}

/** Packs packages and commands; whoever imports one of them gets it through `unpack`. */
export function compileOnUse({ root, options, commands, shared, nameOf }: Parts): Plugin {
  const isPackage = (path: string): boolean => packages.includes(path);

  /** In the packed commands: what the open part holds is asked for by name. */
  const fromOpenPart: Plugin = {
    name: "from-open-part",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ path, resolveDir }) => {
        const file = join(resolveDir, path);
        const name = isPackage(path) ? path : shared.includes(file) ? nameOf(file) : undefined;
        return name === undefined ? undefined : { path: name, namespace: "open-part" };
      });
      onLoad({ filter: /.*/, namespace: "open-part" }, ({ path }) => ({ contents: `module.exports = require(${JSON.stringify(`open:${path}`)})` }));
      onResolve({ filter: /^open:/ }, ({ path }) => ({ path, external: true }));
    },
  };

  return {
    name: "compile-on-use",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ path, resolveDir }) => {
        if (isPackage(path)) return { path, namespace: "package" };
        const file = join(resolveDir, path);
        return commands.includes(file) ? { path: nameOf(file), namespace: "command" } : undefined;
      });
      onResolve({ filter: /^istiomize:/ }, ({ path }) => ({ path, namespace: "packed" }));
      onLoad({ filter: /.*/, namespace: "package" }, async ({ path }) => {
        const used = usedOf[path];
        const contents = used ? `export { ${used.join(", ")} } from ${JSON.stringify(path)};` : `module.exports = require(${JSON.stringify(path)})`;
        const text = await pack({ ...options, stdin: { contents, resolveDir: root } });
        return { contents: `module.exports = require("istiomize:unpack")("${text}", require)`, resolveDir: root };
      });
      onLoad({ filter: /.*/, namespace: "command" }, ({ path }) => ({ contents: `module.exports = require("istiomize:commands")[${JSON.stringify(path)}]()`, resolveDir: root }));
      onLoad({ filter: /^istiomize:commands$/, namespace: "packed" }, async () => {
        const entries = commands.map((file) => `${JSON.stringify(nameOf(file))}: () => require(${JSON.stringify(file)})`);
        const text = await pack({ ...options, stdin: { contents: `module.exports = { ${entries.join(", ")} }`, resolveDir: root }, plugins: [...(options.plugins ?? []), fromOpenPart] });
        const open = [...shared.map((file) => [nameOf(file), file]), ...packages.map((name) => [name, name])]
          .map(([name, path]) => `${JSON.stringify(`open:${name}`)}: () => require(${JSON.stringify(path)})`);
        return { contents: `const open = { ${open.join(", ")} }; module.exports = require("istiomize:unpack")("${text}", (name) => open[name] ? open[name]() : require(name))`, resolveDir: root };
      });
      onLoad({ filter: /^istiomize:unpack$/, namespace: "packed" }, () => ({
        contents: `module.exports = (text, provide) => {
          const own = { exports: {} };
          new Function("module", "exports", "require", require("node:zlib").brotliDecompressSync(Buffer.from(text, "base64")).toString())(own, own.exports, provide);
          return own.exports;
        };`,
        resolveDir: root,
      }));
    },
  };
}

/** Leaves source files out of a build, to see what it consists of without them. */
export function leaveOut(files: readonly string[]): Plugin {
  return {
    name: "leave-out",
    setup({ onResolve }) {
      onResolve({ filter: /\.ts$/ }, ({ path, resolveDir }) => (files.includes(join(resolveDir, path)) ? { path, external: true } : undefined));
    },
  };
}

async function pack(options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({ ...options, write: false });
  return brotliCompressSync(outputFiles![0]!.text).toString("base64");
}
