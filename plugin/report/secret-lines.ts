/** Keys under which values of Secrets stand: in Secrets themselves, in generators of kustomize, and in what kubectl notes of an object. */
const key = /^( *(?:- +)*)["']?(?:data|stringData|literals|kubectl\.kubernetes\.io\/last-applied-configuration)["']? *:[ \t]*(?:&\S+[ \t]*)?(.*?)\r?$/;
const inFlow = /[{,]\s*["']?(?:data|stringData|literals)["']?\s*:\s*[^\s]/;
const pointer = /^ *(?:- +)?["']?path["']? *: *["']?\/(?:data|stringData)\b/;
const value = /^ *(?:- +)?["']?value["']? *:/;

/**
 * The lines of a file, from 0, that may hold values of Secrets. By the look of lines: it works for a file that is no
 * YAML, and a line too many does no harm where it only decides what is shown around a change.
 */
export function findSecretLines(text: string): ReadonlySet<number> {
  const lines = text.split("\n");
  const found = new Set<number>();
  for (let i = 0; i < lines.length; i++) {
    const [, before, rest] = key.exec(lines[i]!) ?? [];
    if (before !== undefined && rest !== undefined) {
      const isBlock = rest === "" || /^([|>][-+0-9]*)?\s*(#.*)?$/.test(rest);
      if (!isBlock) found.add(i);
      for (let next = i + 1; next < lines.length && isInside(lines[next]!, before.length, rest === ""); next++) found.add(next);
    } else if (inFlow.test(lines[i]!)) found.add(i);
    else if (pointer.test(lines[i]!)) [i - 2, i - 1, i + 1, i + 2].filter((near) => value.test(lines[near] ?? "")).forEach((near) => found.add(near));
  }
  return found;
}

/** Whether a line belongs to the value of a key at this column; the items of a list may stand at that column too. */
function isInside(line: string, column: number, mayBeList: boolean): boolean {
  const indent = line.length - line.trimStart().length;
  return line.trim() === "" || indent > column || (mayBeList && indent === column && /^ *-( |$)/.test(line));
}
