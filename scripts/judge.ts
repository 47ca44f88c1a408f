/**
 * `npm run judge`: shows every rendered overlay and every golden output to the judges, programs that share nothing
 * with ours. An error or warning fails, unless test/judge-exceptions.json says why it is right; an entry of that list
 * that nothing needs fails too. `npm run judge -- canary` takes only what has "canary" in its name.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exceptionsFile, findExceptions, readExceptions } from "./judge/exceptions.ts";
import type { Exception } from "./judge/exceptions.ts";
import { askApiServer, askIstioJudge, findJudges, printFinding } from "./judge/judges.ts";
import type { Judges } from "./judge/judges.ts";
import { buildFiles, readGoldens, renderOverlays } from "./judge/streams.ts";

const filters = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "istiomize-judge-"));
try {
  const judges = findJudges();
  if (judges) {
    await import("./build.ts");
    process.exitCode = await judge(judges);
  } else {
    console.log("there are no judges beside this repository (ISTIOMIZE_CONFORMANCE names their folder): nothing judged");
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
} finally {
  rmSync(folder, { recursive: true });
}

/** Judges everything, prints what stands against it, and gives the exit code. */
async function judge(judges: Judges): Promise<number> {
  const exceptions = readExceptions();
  const streams = [...renderOverlays(judges.kustomizes, folder), ...buildFiles(judges.kustomizes, folder), ...readGoldens(folder)]
    .filter(({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter)));
  const files = streams.filter(({ problem }) => problem === undefined).map(({ file }) => file);
  if (streams.length === 0) throw new Error("there is nothing to judge");

  const byIstio = askIstioJudge(judges, files, folder);
  const byServer = await askApiServer(judges, files, folder);
  const needed = new Set<Exception>();
  let failed = 0;
  for (const { name, file, problem } of streams) {
    const against = [...byIstio.get(file) ?? [], ...byServer.get(file) ?? []].filter((finding) => {
      const named = findExceptions(exceptions, name, finding);
      named.forEach((exception) => needed.add(exception));
      return named.length === 0;
    }).map(printFinding);
    if (problem !== undefined) against.push(problem);
    if (against.length === 0) continue;
    failed += 1;
    console.log(`${name}\n${against.map((line) => `  ${line}`).join("\n")}`);
  }

  // with a filter, what an entry is there for may not have been judged
  const idle = filters.length > 0 ? [] : exceptions.filter((exception) => !needed.has(exception));
  for (const exception of idle) console.log(`${exceptionsFile}\n  nothing needs ${JSON.stringify(exception)}: remove it`);
  console.log(`${streams.length - failed} passed, ${failed + idle.length} failed`);
  return failed + idle.length > 0 ? 1 : 0;
}
