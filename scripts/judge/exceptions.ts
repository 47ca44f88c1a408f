/** Findings that are right, and expected: the committed list of them, each with its reason. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tools.ts";
import { printFinding } from "./judges.ts";
import type { Finding, JudgeName } from "./judges.ts";

export const exceptionsFile = join("test", "judge-exceptions.json");

export interface Exception {
  /** The golden case, below test/golden: a beginning of its path, in which `*` stands for anything. */
  readonly golden: string;
  readonly judge: JudgeName;
  /** A code, or words of the finding as it is printed. */
  readonly finding: string;
  /** Why it is right about this golden and no fault of ours. */
  readonly reason: string;
}

/** The list in test/judge-exceptions.json. @throws at an entry that says less or more than its four fields */
export function readExceptions(): Exception[] {
  const path = join(root, exceptionsFile);
  const entries = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) as Exception[] : [];
  for (const entry of entries) {
    const fields = Object.entries(entry).filter(([, value]) => typeof value === "string" && value !== "").map(([key]) => key);
    if (fields.sort().join() !== "finding,golden,judge,reason") {
      throw new Error(`${exceptionsFile}: an entry has the fields golden, judge, finding and reason, not ${JSON.stringify(entry)}`);
    }
  }
  return entries;
}

/** The entries that name this finding of this stream. */
export function findExceptions(exceptions: readonly Exception[], stream: string, finding: Finding): Exception[] {
  return exceptions.filter((exception) => exception.judge === finding.judge
    && toPattern(exception.golden).test(stream)
    && printFinding(finding).includes(exception.finding));
}

const toPattern = (golden: string): RegExp =>
  new RegExp(`^test/golden/${golden.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}(/|$)`);
