/** What a bundle does without. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Plugin } from "esbuild";
import { rows } from "../../generators/annotations/table.ts";
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

const tableOfRows = join(root, "generators/annotations/table.ts");

/** A table with much that only people read, in calls; commands get it as it is. */
export const tablesForPeople: readonly string[] = [join(root, "generators/mesh/definition.ts")];

const string = '"(?:[^"\\\\\\n]|\\\\.)*"|`[^`\\n]*`';
/** What a row says to people, and a summary of a field that stands in a call. */
const fieldsForPeople = ["summary", "example", "refused", "docs", "since", "istioDefault", "risk"] as const;
const textOfRow = new RegExp(`\\b(?:${fieldsForPeople.join("|")}): (?:${string}),?`, "g");
const summaryOfField = /(, )"[A-Z`](?:[^"\\\n]|\\.)*\."(?=[,)])/g;

/** What commands add to the table of annotations to have it whole: code over `held`, its exports. */
export const completedTables: { readonly [file: string]: string } = {
  [tableOfRows]: `for (const [name, texts] of Object.entries(${JSON.stringify(Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, pick(row, fieldsForPeople)])))})) Object.assign(held.rows[name], texts);`,
};

function pick(row: object, fields: readonly string[]): object {
  return Object.fromEntries(Object.entries(row).filter(([field]) => fields.includes(field)));
}

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
