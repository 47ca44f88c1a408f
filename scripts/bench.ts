/**
 * `npm run bench`: speed, memory and size, on trees of its own making, everything side by side in one go. It measures
 * and asserts nothing: a missed target is a word in the table, and the exit code is 0 unless something could not run.
 *
 *   npm run bench -- --only pipe --runs 9     one case; this many rounds
 *   npm run bench -- --json figures.json      as JSON too
 *   npm run bench -- --readme                 rewrites the table in README.md
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { benchCases } from "./bench/cases.ts";
import { describeMachine, replaceRow, replaceTable, writeTable } from "./bench/report.ts";
import { root } from "./tools.ts";

const folder = mkdtempSync(join(tmpdir(), "istiomize-bench-"));
try {
  const { values } = parseArgs({ options: {
    json: { type: "string" },
    only: { type: "string", multiple: true, default: Object.keys(benchCases) },
    readme: { type: "boolean", default: false },
    runs: { type: "string" },
  } });
  const unknown = values.only.find((name) => !benchCases[name]);
  if (unknown !== undefined) throw new Error(`--only takes ${Object.keys(benchCases).join(", ")}, not ${unknown}`);
  const rounds = values.runs === undefined ? undefined : Number(values.runs);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) throw new Error(`--runs takes a number of rounds, not ${values.runs}`);
  if (values.readme && values.only.length < Object.keys(benchCases).length) throw new Error("--readme takes the whole table: leave --only out");

  await import("./build.ts");
  const machine = describeMachine();
  const figures = values.only.flatMap((name) => {
    console.error(`measuring: ${name}`);
    return benchCases[name]?.({ folder, ...(rounds && { rounds }) }) ?? [];
  });

  const table = writeTable(figures, machine);
  console.log(table);
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ machine, figures }, null, 2)}\n`);
  if (values.readme) {
    replaceTable(join(root, "README.md"), table);
    replaceRow(join(root, "gitops/argocd/README.md"), figures);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
} finally {
  rmSync(folder, { recursive: true });
}
