import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { root } from "./cases.ts";

/** One import line: the file that holds it, and what it names (a path below the repository, or a module's name). */
export interface Import {
  readonly from: string;
  readonly to: string;
  readonly isLocal: boolean;
}

const statement = /^(?:import|export)\s(?:[^"';]*?\sfrom\s)?"([^"]+)";/gm;
const inline = /\bimport\("([^"]+)"\)/g;

/** Every TypeScript file below a folder of the repository, by its path from there. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts")).map((file) => join(folder, file)).sort();
}

/** The imports of the files below a folder, types and those that load on use included. */
export function importsBelow(folder: string): readonly Import[] {
  return filesBelow(folder).flatMap((from) => {
    const text = readFileSync(join(root, from), "utf8");
    return [...text.matchAll(statement), ...text.matchAll(inline)].map(([, named]): Import => {
      const isLocal = named!.startsWith(".");
      return { from, to: isLocal ? normalize(join(dirname(from), named!)) : named!, isLocal };
    });
  });
}
