/** Texts that no YAML reader, 1.1 or 1.2, takes for anything but a text. */
const plain = /^(?:[A-Za-z/](?:[A-Za-z0-9_./,= -]*[A-Za-z0-9_/])?|(?:\d+(?:\.\d+)?(?:ms|[hms]|[KMGT]i))+)$/;
const retyped = /^(?:y|n|yes|no|on|off|true|false|null|nan|inf)$/i;

/** A text on one line: as it is where nothing can misread it, else in double quotes, where YAML reads JSON's escapes. */
export function writeScalar(text: string): string {
  return plain.test(text) && !retyped.test(text) ? text : JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, escape);
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * A plain value as a YAML document in block style: one line for each text however long, no aliases, lists at the
 * column of their key as kustomize writes them. js-yaml writes the same and took a third of the time of a large run.
 */
export function writeYaml(value: unknown): string {
  return writeBlock(value, "").replace(/^\n/, "").trimStart();
}

function writeBlock(value: unknown, indent: string): string {
  if (typeof value === "string") return ` ${writeScalar(value)}\n`;
  if (Array.isArray(value)) return value.length === 0 ? " []\n" : `\n${value.map((entry) => writeItem(entry, indent)).join("")}`;
  if (typeof value !== "object" || value === null) return ` ${value === undefined ? "null" : String(value)}\n`;
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return entries.length === 0 ? " {}\n" : `\n${writeEntries(entries, indent)}`;
}

function writeEntries(entries: readonly (readonly [string, unknown])[], indent: string): string {
  let text = "";
  for (const [key, entry] of entries) {
    text += `${indent}${writeScalar(key)}:${writeBlock(entry, Array.isArray(entry) ? indent : `${indent}  `)}`;
  }
  return text;
}

function writeItem(value: unknown, indent: string): string {
  const block = writeBlock(value, `${indent}  `);
  return block.startsWith("\n") ? `${indent}-${block.slice(indent.length + 2)}` : `${indent}-${block}`;
}
