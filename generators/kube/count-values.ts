/** How many values a document stands for once its aliases are written out; stops counting far above any real one. */
export function countValues(value: unknown, seen = new Map<object, number>()): number {
  if (typeof value !== "object" || value === null) return 1;
  const known = seen.get(value);
  if (known !== undefined) return known;
  let count = 1;
  // A document that holds itself stands for no end of values.
  seen.set(value, 1e12);
  for (const entry of Array.isArray(value) ? value : Object.values(value)) count = Math.min(count + countValues(entry, seen), 1e12);
  seen.set(value, count);
  return count;
}
