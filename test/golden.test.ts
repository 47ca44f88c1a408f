import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, test } from "node:test";
import { findCases, readExpected, runCase, writeExpected } from "./support/cases.ts";

describe("golden", { concurrency: availableParallelism() }, () => {
  const cases = findCases();
  test("there are cases to run", () => assert.ok(cases.length > 0));
  for (const each of cases) {
    test(each.name, async () => {
      const result = await runCase(each);
      if (process.env["UPDATE_GOLDEN"]) writeExpected(each, result);
      assert.deepEqual(result, readExpected(each));
    });
  }
});
