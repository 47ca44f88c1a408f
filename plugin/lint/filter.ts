import { catalogue, type Severity } from "../../generators/diagnostics/catalogue.ts";
import type { Finding } from "./finding.ts";

export const severities = ["error", "warning", "info"] as const satisfies readonly Severity[];

/** Whether a severity is as bad as another one, or worse. */
export function isAtLeast(severity: Severity, least: Severity): boolean {
  return severities.indexOf(severity) <= severities.indexOf(least);
}

/** Codes as people list them, `IZ310,IZ37*`, as a test; a text says what is wrong with the list. */
export function readCodes(list: string): ((code: string) => boolean) | string {
  const codes = Object.keys(catalogue);
  const tests: RegExp[] = [];
  for (const entry of list.split(",").map((each) => each.trim().toUpperCase())) {
    if (!/^IZ[0-9]{0,3}\*?$/.test(entry)) return `${JSON.stringify(entry)} is no code; write codes such as IZ310, with a \`*\` for what may follow (IZ3*), and commas between them`;
    const test = new RegExp(`^${entry.replace("*", ".*")}$`);
    if (!codes.some((code) => test.test(code))) return `no code is called ${entry}; \`istiomize explain IZ310\` says what one means`;
    tests.push(test);
  }
  return (code) => tests.some((test) => test.test(code));
}

export interface Wanted {
  readonly only?: (code: string) => boolean;
  readonly ignored?: (code: string) => boolean;
}

export function isWanted({ code }: Finding, { only, ignored }: Wanted): boolean {
  return (only === undefined || only(code)) && !(ignored !== undefined && ignored(code));
}
