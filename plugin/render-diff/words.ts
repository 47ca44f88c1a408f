/**
 * Words about a change. Names and values stand between marks, so that each report can show them in its own way; what
 * people wrote cannot end a mark, begin markup or move the cursor of a terminal.
 */
export interface Effect {
  /** `risk`: requests may fail or be refused that did not; `change`: they behave otherwise; `note`: good to know. */
  readonly level: "risk" | "change" | "note";
  readonly text: string;
}

const [open, close] = ["\ue000", "\ue001"];

/** A name or a value within words. */
export function code(value: unknown): string {
  return `${open}${writeValue(value)}${close}`;
}

export function codes(values: readonly unknown[], most = 5): string {
  const shown = values.slice(0, most).map(code);
  return values.length > most ? `${shown.join(", ")} and ${values.length - most} more` : listOf(shown);
}

/** `a, b and c` */
export function listOf(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** Words with what stands between marks written by `write`, and the rest by `plain`. */
export function renderWords(text: string, write: (value: string) => string, plain: (text: string) => string = (each) => each): string {
  return text.split(open).map((part, i) => {
    const end = part.indexOf(close);
    return i === 0 || end < 0 ? plain(part) : write(part.slice(0, end)) + plain(part.slice(end + 1));
  }).join("");
}

const longest = 160;

/** A value on one line, as YAML in flow style would have it where it is short and simple. */
export function writeValue(value: unknown): string {
  // Of a long text as much as is shown, and a little: the replacement below is for what is shown alone.
  const text = typeof value === "string" ? value.slice(0, 4 * longest) : writeFlow(value);
  const line = text.replace(/\r?\n/g, "⏎").replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ue000\ue001]/g, "�");
  return line === "" ? '""' : line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}

function writeFlow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeFlow).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  return `{${Object.entries(value).map(([key, entry]) => `${key}: ${writeFlow(entry)}`).join(", ")}}`;
}

export function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount} ${amount === 1 ? one : many}`;
}
