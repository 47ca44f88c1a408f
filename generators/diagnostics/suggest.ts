/**
 * The candidate nearest to what was written, by edit distance; nothing where none is close enough to be meant
 * (a third of the letters, at most three).
 */
export function suggest(written: string, candidates: Iterable<string>): string | undefined {
  const limit = Math.min(3, Math.max(1, Math.floor(written.length / 3)));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - written.length) >= bestDistance) continue;
    const distance = editDistance(written.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** A misspelling, or the final name that a prefix or suffix made of it. */
export function suggestFinal(written: string, candidates: readonly string[]): string | undefined {
  return suggest(written, candidates) ?? candidates.filter((each) => each.includes(written)).sort((a, b) => a.length - b.length)[0];
}

/** Damerau-Levenshtein distance (insert, delete, replace, swap neighbours). */
export function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) value = Math.min(value, before[j - 2]! + 1);
      next.push(value);
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}
