/** What a bundle does without. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Plugin } from "esbuild";
import { root } from "../tools.ts";

/** Leaves source files out of a build, to see what it consists of without them. */
export function leaveOut(files: readonly string[]): Plugin {
  return {
    name: "leave-out",
    setup({ onResolve }) {
      onResolve({ filter: /\.ts$/ }, ({ path, resolveDir }) => (files.includes(resolve(resolveDir, path)) ? { path, external: true } : undefined));
    },
  };
}

/** js-yaml without the half that writes YAML: nobody here asks it to. Its ESM form is one piece, so the other one is taken. */
export const withoutDumper: Plugin = {
  name: "without-dumper",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^js-yaml$/ }, () => ({ path: join(root, "node_modules/js-yaml/index.js") }));
    onLoad({ filter: /[\\/]js-yaml[\\/]lib[\\/]dumper\.js$/ }, () => ({ contents: "" }));
  },
};

/** Tables with much that only people read; commands get them as they are. */
export const tablesForPeople: readonly string[] = ["generators/annotations/table.ts", "generators/mesh/definition.ts"].map((file) => join(root, file));

const string = '"(?:[^"\\\\\\n]|\\\\.)*"|`[^`\\n]*`';
/** What a row says to people, and a summary of a field that stands in a call. */
const textOfRow = new RegExp(`\\b(?:summary|example|refused|docs|since|istioDefault|risk): (?:${string}),?`, "g");
const summaryOfField = /(, )"[A-Z`](?:[^"\\\n]|\\.)*\."(?=[,)])/g;

/** Those tables without what no run of the function reads. */
export const withoutTexts: Plugin = {
  name: "without-texts",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/](?:annotations[\\/]table|mesh[\\/]definition)\.ts$/ }, ({ path }) =>
      ({ contents: readFileSync(path, "utf8").replace(textOfRow, "").replace(summaryOfField, '$1""'), loader: "ts" }));
  },
};

/** The rule book without the goldens that show a rule, which are not in the bundle either. */
export const withoutGoldens: Plugin = {
  name: "without-goldens",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]checks[\\/]rule-book\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(/^ {4}construction: \{.*\} \},$/gm, "  },").replace(/\bcodes: \{[^}]*\}/g, (codes) => codes.replace(/"[^"]*"/g, '""')), loader: "ts",
    }));
  },
};
