import { isatty } from "node:tty";

/** Somebody pressed Ctrl-C or Escape: nothing is written. */
export class Cancelled extends Error {}

/** Whether there is somebody to ask: both where answers are typed and where questions are shown. */
export function canAsk(): boolean {
  return isatty(0) && isatty(2);
}

export interface TextQuestion {
  readonly message: string;
  /** The answer of whoever types none; it is shown, and goes with the first letter. */
  readonly fallback?: string;
  /** An example of an answer. */
  readonly placeholder?: string;
  /** What is wrong with an answer; nothing where it is fine. */
  readonly check?: (answer: string) => string | undefined;
}

/** A terminal that does not know its width (one that a program made) says 0, and every letter would get a line. */
function output(): NodeJS.WriteStream {
  if (process.stderr.columns === 0) process.stderr.columns = 80;
  return process.stderr;
}

/** Asks for a text until it is one that can be used. */
export async function askText({ message, fallback, placeholder, check }: TextQuestion): Promise<string> {
  const { text, isCancel } = await import("@clack/prompts");
  const answer = await text({
    message, output: output(), ...(fallback !== undefined && { defaultValue: fallback, placeholder: fallback }), ...(placeholder !== undefined && { placeholder }),
    validate: (value) => ((value ?? "") !== "" ? check?.(value!) : fallback === undefined ? "An answer is needed." : undefined),
  });
  if (isCancel(answer)) throw new Cancelled();
  return answer;
}

/** Asks for one of several words. */
export async function askChoice(message: string, choices: readonly string[]): Promise<string> {
  const { select, isCancel } = await import("@clack/prompts");
  const answer = await select({ message, output: output(), options: choices.map((value) => ({ value, label: value })) });
  if (isCancel(answer)) throw new Cancelled();
  return answer;
}
