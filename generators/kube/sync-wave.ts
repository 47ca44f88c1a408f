/** The annotation by which Argo CD orders a sync. */
export const syncWave = "argocd.argoproj.io/sync-wave";

/** A wave as Argo CD reads it; what is no whole number it takes for 0. */
export function readWave(text: string | undefined): number | undefined {
  return text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}
