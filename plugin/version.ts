import semver from "semver";

declare global {
  /** Written into the bundle by scripts/build.ts. */
  const ISTIOMIZE_VERSION: string;
}

/** Whether this version is in a range such as `>=0.3`; `undefined` for a text that is no range. */
export function satisfies(range: string): boolean | undefined {
  if (semver.validRange(range) === null) return undefined;
  return semver.satisfies(ISTIOMIZE_VERSION, range, { includePrerelease: true });
}
