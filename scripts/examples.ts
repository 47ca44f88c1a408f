import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { chooseExamples, type Examples } from "../generators/reference/examples.ts";
import { root } from "./tools.ts";

const goldens = join(root, "test/golden");

/** The messages that the generated pages show: those that the goldens raise. */
export function readExamples(): Examples {
  return chooseExamples(findDiagnostics(goldens).map((file) => ({ name: relative(goldens, join(file, "../..")), diagnostics: readFileSync(file, "utf8") })));
}

function findDiagnostics(directory: string): readonly string[] {
  const own = join(directory, "expected/diagnostics.txt");
  if (existsSync(own)) return [own];
  if (existsSync(join(directory, "input.yaml")) || existsSync(join(directory, "command.txt"))) return [];
  return readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    .sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((entry) => findDiagnostics(join(directory, entry.name)));
}
