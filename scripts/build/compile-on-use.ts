/**
 * All code goes into the bundle as packed text, which node reads past, and is unpacked and compiled part by part on
 * first use: what a run never touches costs it nothing but the reading, and the whole is a third of its size. Compiling
 * is what takes time (4 ms for 100 kB, unpacking 1.5), so that what most runs do without stands in a part of its own.
 */
import { resolve } from "node:path";
import { brotliCompressSync } from "node:zlib";
import { build, type BuildOptions, type Plugin } from "esbuild";
import { marks } from "../../plugin/install/executable.ts";

/** What is taken from each package that is a part of its own: a module that exports that. */
const usedOf: { readonly [name: string]: string } = {
  yaml: `module.exports = require("yaml")`,
  semver: `module.exports = { satisfies: require("semver/functions/satisfies"), validRange: require("semver/ranges/valid") }`,
  diff: `export { formatPatch, structuredPatch } from "diff"`,
  "@clack/prompts": `export { isCancel, select, text } from "@clack/prompts"`,
};

/** The packages that are compiled on use. */
export const packages = Object.keys(usedOf);

/** Packages of the main part that others use too. */
const packagesOfMain = ["js-yaml", "deepmerge"];

interface Parts {
  readonly root: string;
  readonly options: BuildOptions;
  /** Source files that are loaded by `await import`, in one part with everything that only they import; full paths, like the next two. */
  readonly commands: readonly string[];
  /** Source files that are imported as any other and seldom used, by part; with them goes what only they import. */
  readonly seldom: { readonly [part: string]: readonly string[] };
  /** Source files of the main part. */
  readonly shared: readonly string[];
  /** Those of them that commands do not share: they need what the main part leaves out. */
  readonly whole: readonly string[];
  /** And those that they share and complete: by file, what is done to `held`, its exports. */
  readonly completed: { readonly [file: string]: string };
  /** What is done to the files of the main part alone. */
  readonly ofMain: readonly Plugin[];
  /** What a source file is called across the border between two parts. */
  readonly nameOf: (file: string) => string;
}

/** The text of the bundle: `entry` is its main part, and unpacks the others when it comes to them. */
export async function bundleParts(entry: string, parts: Parts): Promise<string> {
  const bytes = new Map<string, Buffer>();
  const main = await pack({ ...parts.options, entryPoints: [entry], plugins: [compileOnUse(parts, bytes), ...(parts.options.plugins ?? []), ...parts.ofMain] });
  const packed = [...bytes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, part]) => `${JSON.stringify(name)}:"${write85(part)}"`);
  return `#!/usr/bin/env node
// ${marks.join(" ")}
"use strict";const read85=${read85},unpack=(text)=>require("node:zlib").brotliDecompressSync(read85(text)).latin1Slice();
new Function("unpack","packed","require","module","exports","__filename","__dirname",unpack("${write85(main)}"))(unpack,{${packed.join(",")}},require,module,exports,__filename,__dirname);
`;
}

/**
 * Bytes as text, five characters for four bytes: the ASCII characters from # on, with ~ for the backslash. Shorter than
 * base64 by a sixteenth; reading 40 kB of it takes about a millisecond.
 */
function write85(bytes: Buffer): string {
  const padded = Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  let text = "";
  for (let at = 0; at < padded.length; at += 4) {
    for (let value = padded.readUInt32BE(at), power = 85 ** 4; power >= 1; power /= 85) text += String.fromCharCode(35 + (Math.floor(value / power) % 85));
  }
  return text.replaceAll("\\", "~") + (bytes.length % 4);
}

/** The function of the bundle that gives the bytes of such a text. */
const read85 = `(text) => {
  const digits = Buffer.from(text.replaceAll("~", "\\\\"), "latin1"), words = new Uint32Array((text.length - 1) / 5);
  for (let i = 0, at = 0; i < words.length; i++, at += 5) words[i] = (((digits[at] * 85 + digits[at + 1]) * 85 + digits[at + 2]) * 85 + digits[at + 3]) * 85 + digits[at + 4] - 1848772135;
  return Buffer.from(words.buffer).swap32().subarray(0, words.length * 4 - (4 - text.at(-1)) % 4);
}`;

/** Puts the other parts aside; whoever imports a file or package of theirs gets it through `unpack`. */
function compileOnUse({ root, options, commands, seldom, shared, whole, completed, nameOf }: Parts, bytes: Map<string, Buffer>): Plugin {
  const isPackage = (path: string): boolean => packages.includes(path);
  const apart = Object.values(seldom).flat();

  /** In the other parts: what the main one holds, or holds a stand-in for, is asked for by name. */
  const fromMain = (isOfCommands: boolean): Plugin => ({
    name: "from-main",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ path, resolveDir, kind }) => {
        if (kind === "entry-point") return undefined;
        const file = resolve(resolveDir, path);
        const name = isPackage(path) || packagesOfMain.includes(path) ? path : [...shared, ...apart].includes(file) && !(isOfCommands && whole.includes(file)) ? nameOf(file) : undefined;
        return name === undefined ? undefined : { path: name, namespace: "main" };
      });
      onLoad({ filter: /.*/, namespace: "main" }, ({ path }) =>
        ({ contents: `const held = require(${JSON.stringify(`main:${path}`)}); ${isOfCommands ? completed[resolve(root, path)] ?? "" : ""} module.exports = held` }));
      onResolve({ filter: /^main:/ }, ({ path }) => ({ path, external: true }));
    },
  });

  /** Packs what `files` export, by name, and gives the expression that unpacks it. */
  async function packFiles(part: string, files: readonly string[]): Promise<string> {
    const own: Plugin = {
      name: "own-files",
      setup({ onResolve }) {
        // Within a part its files are themselves.
        onResolve({ filter: /\.ts$/ }, ({ path, resolveDir }) => (files.includes(resolve(resolveDir, path)) ? { path: resolve(resolveDir, path) } : undefined));
      },
    };
    const entries = files.map((file) => `${JSON.stringify(nameOf(file))}: () => require(${JSON.stringify(file)})`);
    bytes.set(part, await pack({ ...options, stdin: { contents: `module.exports = { ${entries.join(", ")} }`, resolveDir: root }, plugins: [own, fromMain(files === commands), ...(options.plugins ?? [])] }));
    return `require("istiomize:part")(${JSON.stringify(part)}, require("istiomize:main"))`;
  }

  return {
    name: "compile-on-use",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /.*/ }, ({ path, resolveDir }) => {
        if (isPackage(path)) return { path, namespace: "package" };
        const file = resolve(resolveDir, path);
        if (apart.includes(file)) return { path: file, namespace: "seldom" };
        return commands.includes(file) ? { path: nameOf(file), namespace: "command" } : undefined;
      });
      onResolve({ filter: /^istiomize:/ }, ({ path }) => ({ path, namespace: "istiomize" }));
      onLoad({ filter: /.*/, namespace: "package" }, async ({ path }) => {
        bytes.set(path, await pack({ ...options, stdin: { contents: usedOf[path]!, resolveDir: root } }));
        return { contents: `module.exports = require("istiomize:part")(${JSON.stringify(path)}, require)`, resolveDir: root };
      });
      onLoad({ filter: /.*/, namespace: "seldom" }, async ({ path }) => {
        const part = Object.keys(seldom).find((name) => seldom[name]!.includes(path))!;
        return { contents: await standIn(path, `require("istiomize:${part}")[${JSON.stringify(nameOf(path))}]()`), resolveDir: root };
      });
      for (const [part, files] of Object.entries(seldom)) {
        onLoad({ filter: new RegExp(`^istiomize:${part}$`), namespace: "istiomize" }, async () => ({ contents: `module.exports = ${await packFiles(part, files)}`, resolveDir: root }));
      }
      onLoad({ filter: /.*/, namespace: "command" }, ({ path }) => ({ contents: `module.exports = require("istiomize:commands")[${JSON.stringify(path)}]()`, resolveDir: root }));
      onLoad({ filter: /^istiomize:commands$/, namespace: "istiomize" }, async () => ({ contents: `module.exports = ${await packFiles("commands", commands)}`, resolveDir: root }));
      onLoad({ filter: /^istiomize:main$/, namespace: "istiomize" }, () => {
        const held = [...[...shared, ...apart].map((file) => [nameOf(file), file]), ...[...packages, ...packagesOfMain].map((name) => [name, name])]
          .map(([name, path]) => `${JSON.stringify(`main:${name}`)}: () => require(${JSON.stringify(path)})`);
        return { contents: `const held = { ${held.join(", ")} }; module.exports = (name) => held[name] ? held[name]() : require(name)`, resolveDir: root };
      });
      onLoad({ filter: /^istiomize:part$/, namespace: "istiomize" }, () => ({
        contents: `module.exports = (part, provide) => {
          const own = { exports: {} };
          new Function("module", "exports", "require", unpack(packed[part]))(own, own.exports, provide);
          return own.exports;
        };`,
        resolveDir: root,
      }));
    },
  };
}

/**
 * What exports as a file does, and loads it when one of its functions is called or an entry of one of its tables is read;
 * the names of the entries count as reading.
 */
async function standIn(file: string, load: string): Promise<string> {
  const exported = (await import(file)) as { readonly [name: string]: unknown };
  const stands = Object.entries(exported).map(([name, value]) => {
    if (typeof value === "function") return `exports.${name} = (...args) => load().${name}(...args);`;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return `exports.${name} = standFor(() => load().${name});`;
    throw new Error(`${file} exports ${name}, for which nothing can stand: functions and tables only`);
  });
  return `let loaded; const load = () => loaded ??= ${load};
const standFor = (table) => new Proxy({}, Object.fromEntries(["get", "has", "ownKeys", "getOwnPropertyDescriptor"].map((trap) => [trap, (_, name) => Reflect[trap](table(), name)])));
${stands.join("\n")}`;
}

async function pack(options: BuildOptions): Promise<Buffer> {
  const { outputFiles } = await build({ ...options, write: false });
  return brotliCompressSync(outputFiles![0]!.text);
}
