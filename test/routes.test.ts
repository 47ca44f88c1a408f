import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { load } from "js-yaml";
import { findOnPath } from "../scripts/tools.ts";
import { findCases } from "./support/cases.ts";

/**
 * Where requests go: goldens with a `routes.yaml` say it, and Istio's own translation of what they give answers. Each
 * entry is a request and what is expected of its route; `none` is a request that nothing answers.
 */
interface Expectation {
  readonly request: {
    readonly host: string; readonly from?: string; readonly gateway?: string; readonly tls?: boolean; readonly port?: number;
    readonly method?: string; readonly path?: string; readonly headers?: { readonly [name: string]: string };
  };
  readonly expect: "none" | {
    /** Percent by subset; the empty one is the Service as a whole. */
    readonly destinations?: { readonly [subset: string]: number };
    readonly mirrors?: { readonly [subset: string]: number };
    readonly host?: string;
    readonly timeout?: string;
    readonly attempts?: number;
    /** What is injected: `none`, or a delay and a status. */
    readonly fault?: "none" | { readonly delay?: string; readonly abort?: number };
    /** The path that the Service gets. */
    readonly rewrite?: string;
  };
}

/** What istio-judge says of one request, as far as it is looked at. */
interface Answer {
  readonly error?: string;
  readonly destinations: readonly { readonly host: string; readonly subset?: string; readonly weight: number; readonly exists: boolean; readonly endpoints?: readonly string[] }[];
  readonly mirrors?: readonly { readonly subset?: string; readonly percent: number }[];
  readonly timeout?: string;
  readonly retries?: { readonly attempts: number };
  readonly fault?: { readonly delay?: { readonly fixedDelay: string }; readonly abort?: { readonly httpStatus: number } };
  readonly rewrite?: { readonly prefix?: string; readonly path?: string; readonly regex?: string; readonly substitution?: string };
}

const judge = findOnPath("istio-judge");

function ask({ host, from, gateway, tls, port, method, path, headers = {} }: Expectation["request"], file: string): Answer {
  const args = [
    "route", "--json", "--host", host, ...(from ? ["--from", from] : []), ...(gateway ? ["--gateway", gateway] : []), ...(tls ? ["--tls"] : []), ...(port ? ["--port", String(port)] : []),
    ...(method ? ["--method", method] : []), ...(path ? ["--path", path] : []), ...Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}=${value}`]), file,
  ];
  const run = spawnSync(judge!, args, { encoding: "utf8" });
  assert.ok(run.stdout.startsWith("{"), `${args.join(" ")}: ${run.stderr}`);
  return JSON.parse(run.stdout) as Answer;
}

/** The parts of an answer that an expectation speaks of. */
function describeAnswer(answer: Answer, { request, expect }: Expectation): Expectation["expect"] {
  if (answer.error !== undefined) return "none";
  if (expect === "none") return describeAnswer(answer, { request, expect: { destinations: {} } });
  const { destinations, mirrors, host, timeout, attempts, fault, rewrite } = expect;
  return {
    ...(destinations && { destinations: Object.fromEntries(answer.destinations.map(({ subset = "", weight }) => [subset, weight])) }),
    ...(mirrors && { mirrors: Object.fromEntries((answer.mirrors ?? []).map(({ subset = "", percent }) => [subset, percent])) }),
    ...(host !== undefined && { host: answer.destinations.map((each) => each.host).join() }),
    ...(timeout !== undefined && { timeout: answer.timeout ?? "none" }),
    ...(attempts !== undefined && { attempts: answer.retries?.attempts ?? 0 }),
    ...(fault !== undefined && { fault: answer.fault ? { ...(answer.fault.delay && { delay: answer.fault.delay.fixedDelay }), ...(answer.fault.abort && { abort: answer.fault.abort.httpStatus }) } : "none" as const }),
    ...(rewrite !== undefined && { rewrite: rewritten(request.path ?? "/", answer.rewrite) }),
  };
}

function rewritten(path: string, rewrite: Answer["rewrite"]): string {
  if (rewrite?.regex === undefined) return rewrite?.path ?? rewrite?.prefix ?? path;
  return path.replace(new RegExp(rewrite.regex), (_, ...groups: string[]) => rewrite.substitution!.replace(/\\(\d)/g, (__, group: string) => groups[Number(group) - 1] ?? ""));
}

describe("requests go where a golden says", { skip: !judge && "istio-judge is not on this machine" }, () => {
  const cases = findCases().filter(({ directory }) => existsSync(join(directory, "routes.yaml")));

  test("there are such goldens", () => assert.ok(cases.length >= 10, `${cases.length}`));

  for (const { name, directory } of cases) {
    test(name, () => {
      for (const expectation of load(readFileSync(join(directory, "routes.yaml"), "utf8")) as readonly Expectation[]) {
        const answer = ask(expectation.request, join(directory, "expected/output.yaml"));
        assert.deepEqual(describeAnswer(answer, expectation), expectation.expect, JSON.stringify(expectation.request));
        for (const { exists, endpoints = [], host, weight } of answer.destinations) assert.ok(weight === 0 || (exists && endpoints.length > 0), `${host} has nobody behind it: ${JSON.stringify(expectation.request)}`);
      }
    });
  }
});
