/** Says what long work is doing, on stderr; short work is silent. */
export interface Progress {
  /** What is being done now; with a total, one more of it is begun. */
  say(step: string): void;
  /** Takes the line off the terminal; called before anything else is printed. */
  end(): void;
}

interface ProgressOptions {
  /** How many steps there will be. */
  readonly total?: number;
  readonly stream?: NodeJS.WriteStream;
}

/** How long work may take without a word, and how often it says more, in milliseconds. */
const terminal = { silence: 300, interval: 80 } as const;
const log = { silence: 1000, interval: 2000 } as const;

/**
 * On a terminal one line that is rewritten and at last cleared; elsewhere a plain line now and then, never a carriage
 * return. A line of a log may be the last one that CI shows of work that hangs, so it names what has begun.
 */
export function startProgress({ total, stream = process.stderr }: ProgressOptions = {}): Progress {
  const isTerminal = stream.isTTY === true && process.env["TERM"] !== "dumb";
  const { silence, interval } = isTerminal ? terminal : log;
  let [count, step, shown, next, hasEnded] = [0, "", "", Date.now() + silence, false];

  const show = (): void => {
    const text = total === undefined ? step : `[${Math.min(count, total)}/${total}] ${step}`;
    if (hasEnded || step === "" || text === shown || Date.now() < next) return;
    next = Date.now() + interval;
    stream.write(isTerminal ? `\r\u001b[K${paint(cut(text, stream.columns))}` : `istiomize: ${text}\n`);
    shown = text;
  };
  // Work that waits for another process says nothing by itself; a timer must not keep this one alive.
  const timer = setInterval(show, isTerminal ? interval : silence / 4);
  timer.unref();

  return {
    say: (text) => {
      count++;
      step = text;
      show();
    },
    end: () => {
      clearInterval(timer);
      if (isTerminal && shown !== "" && !hasEnded) stream.write("\r\u001b[K");
      hasEnded = true;
    },
  };
}

/** One line of a terminal, which may not know its width: a longer one would wrap, and what wraps cannot be taken back. */
function cut(text: string, width: number | undefined): string {
  const columns = width || 80;
  return text.length < columns ? text : `${text.slice(0, Math.max(columns - 2, 0))}…`;
}

/** Grey, for it is about to go; plain where https://no-color.org asks for it. */
function paint(text: string): string {
  return process.env["NO_COLOR"] ? text : `\u001b[2m${text}\u001b[0m`;
}
