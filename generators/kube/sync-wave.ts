/** The annotation by which Argo CD orders a sync. */
export const syncWave = "argocd.argoproj.io/sync-wave";

/** A wave as Argo CD reads it; what is no whole number, or more than one can count to, it takes for 0. */
export function readWave(text: string | undefined): number | undefined {
  const wave = text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
  return Math.abs(wave) < 2 ** 31 ? wave : undefined;
}
