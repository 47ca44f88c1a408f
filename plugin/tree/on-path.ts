import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A file on PATH by the name of a program. */
export interface OnPath {
  readonly path: string;
  readonly isExecutable: boolean;
}

/** Every file of this name on PATH, the one that is run first; those without run bit too, which a shell passes over. */
export function findAllOnPath(name: string, path: string = process.env["PATH"] ?? ""): readonly OnPath[] {
  const extensions = process.platform === "win32" ? [".exe", ".cmd", ""] : [""];
  const found = path.split(delimiter).filter(Boolean).flatMap((directory) => extensions.map((extension) => join(directory, name + extension))).filter(isFile);
  const seen = new Set<string>();
  return found.filter((file) => !seen.has(realpathSync(file)) && seen.add(realpathSync(file))).map((file) => ({ path: file, isExecutable: isExecutable(file) }));
}

/** The one that a shell runs. */
export function findOnPath(name: string): string | undefined {
  return findAllOnPath(name).find(({ isExecutable: is }) => is)?.path;
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
