import semver from "semver";

declare global {
  /** Written into the bundle by scripts/build.ts. */
  const ISTIOMIZE_VERSION: string;
}

/** Whether this version is in a range such as `>=0.3`; a text that is no range is none that it is in. */
export function satisfies(range: string): boolean {
  return semver.satisfies(ISTIOMIZE_VERSION, range, { includePrerelease: true });
}
