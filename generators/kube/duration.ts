const units: { readonly [unit: string]: number } = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const whole = /^(\d+(\.\d+)?(h|ms|m|s))+$/;
/** Go counts nanoseconds in 64 bits: 2562047h and a little more. */
const longest = 9_223_372_036_854;
const parts = /(\d+(?:\.\d+)?)(h|ms|m|s)/g;

/**
 * Milliseconds of a duration as Go writes it (`250ms`, `15s`, `1m30s`); `undefined` for anything else,
 * a bare number included. Istio takes whole milliseconds only, so a fraction of one is refused too.
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute
 */
export function readDuration(text: string): number | undefined {
  if (!whole.test(text)) return undefined;
  let sum = 0;
  for (const [, amount, unit] of text.matchAll(parts)) sum += Number(amount) * units[unit!]!;
  const rounded = Math.round(sum);
  return rounded <= longest && Math.abs(sum - rounded) < 5e-7 ? rounded : undefined;
}

/** A duration as people write it: the largest units that leave no fraction (`90000` → `1m30s`). */
export function writeDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  let rest = milliseconds;
  let text = "";
  for (const [unit, size] of Object.entries(units)) {
    const amount = Math.floor(rest / size);
    if (amount > 0) text += `${amount}${unit}`;
    rest -= amount * size;
  }
  return text;
}
