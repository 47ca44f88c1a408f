import type { Code } from "../diagnostics/catalogue.ts";

/** A message as somebody read it. */
export interface Example {
  /** The golden that it comes from, below test/golden/. */
  readonly golden: string;
  readonly message: string;
}

/** A message of each code that a golden raises. */
export type Examples = { readonly [C in Code]?: Example };

/** The messages in the diagnostics of a golden, as a terminal shows them. */
export function splitMessages(diagnostics: string): readonly { readonly code: string; readonly message: string }[] {
  return diagnostics.split(/^(?=(?:\S.* {2})?(?:error|warning|info) IZ\d{3} {2})/m).flatMap((text) => {
    const [, code] = /^(?:\S.* {2})?(?:error|warning|info) (IZ\d{3}) {2}/.exec(text) ?? [];
    const [first, ...rest] = text.split("\n");
    const end = rest.findIndex((line) => !line.startsWith("  "));
    return code === undefined ? [] : [{ code, message: [first, ...(end < 0 ? rest : rest.slice(0, end))].join("\n").trim() }];
  });
}

/** A short message of each code that says what to do, from the golden that says least beside it. */
export function chooseExamples(goldens: readonly { readonly name: string; readonly diagnostics: string }[]): Examples {
  const found = goldens.flatMap(({ name, diagnostics }) => {
    const messages = splitMessages(diagnostics);
    return messages.map(({ code, message }) => ({ code, golden: name, message, rank: [messages.length, message.includes("\n  help ") ? 0 : 1, /^(checks|lint)/.test(name) ? 0 : 1, message.length] }));
  });
  const byCode = new Map<string, Example>();
  for (const { code, golden, message } of found.sort((a, b) => compareRanks(a.rank, b.rank))) if (!byCode.has(code)) byCode.set(code, { golden, message });
  return Object.fromEntries(byCode);
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  return a.map((each, i) => each - b[i]!).find((difference) => difference !== 0) ?? 0;
}
