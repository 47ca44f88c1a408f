import { readFileSync, realpathSync } from "node:fs";
import { resolve } from "node:path";

/** The file that runs now, of which copies are installed. */
export interface Executable {
  readonly path: string;
  /** Node.js and the bundle in one file; else it is the bundle, which needs `node` on PATH. */
  readonly isSelfContained: boolean;
}

/** This executable, symbolic links followed; nothing where istiomize runs from its sources. */
export async function findExecutable(): Promise<Executable | undefined> {
  if (await isSelfContained()) return { path: realpathSync(process.execPath), isSelfContained: true };
  const path = realpathSync(resolve(process.argv[1] ?? "."));
  return path.endsWith(".ts") ? undefined : { path, isSelfContained: false };
}

/** The command that starts this executable again. */
export function ownCommand({ path, isSelfContained: alone }: Executable): readonly [program: string, ...args: string[]] {
  return alone ? [path] : [process.execPath, path];
}

async function isSelfContained(): Promise<boolean> {
  try {
    return (await import("node:sea")).isSea();
  } catch {
    return false; // node:sea is there since Node.js 20.12
  }
}

/** What every version of the executable holds in plain text and no other program does; the build writes it where the rest is packed. */
export const marks = ["istiomize.dev/generated-from", "istiomize-did-not-run", "ISTIOMIZE_REPORT"];

/** Whether these are the bytes of an istiomize, of whatever version; nothing is run to find out. */
export function isIstiomize(bytes: Buffer): boolean {
  return marks.every((mark) => bytes.includes(mark));
}

export function readExecutable({ path }: Executable): Buffer {
  return readFileSync(path);
}
