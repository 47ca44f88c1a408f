import { randomBytes } from "node:crypto";
import { accessSync, chmodSync, closeSync, constants, existsSync, fchmodSync, fsyncSync, linkSync, lstatSync, mkdirSync, openSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { dropFile, isSystemError } from "../write/disk.ts";
import { isIstiomize } from "./executable.ts";

/** A file to be put somewhere: its bytes, or another name of a file that was put before it. */
export interface Placement {
  readonly path: string;
  readonly bytes: Buffer;
  readonly mode: number;
  /** The file that this one may be a second name of. */
  readonly sameAs?: string;
  /** Whether what is there already may be replaced. */
  readonly isOurs: (found: Buffer) => boolean;
}

/** An executable at a path. */
export function executableAt(path: string, bytes: Buffer, sameAs?: string): Placement {
  return { path, bytes, mode: 0o755, isOurs: isIstiomize, ...(sameAs !== undefined && { sameAs }) };
}

const commonjs = "{\"type\": \"commonjs\"}\n";

/** A file without extension is CommonJS only if the nearest package.json does not say otherwise. */
export function packageBeside(path: string): Placement {
  return { path: join(dirname(path), "package.json"), bytes: Buffer.from(commonjs), mode: 0o644, isOurs: (found) => found.toString("utf8").replace(/\s/g, "") === commonjs.replace(/\s/g, "") };
}

/** What stands in the way of a file; nothing where it can be put there. */
export function checkPlacement({ path, bytes, isOurs }: Placement): Diagnostic | undefined {
  const refuse = (found: "directory" | "foreign" | "dangling" | "special" | "package"): Diagnostic => diagnose("IZ450", undefined, { found }, { position: { file: path } });
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return checkDirectory(dirname(path));
    if (stats.isSymbolicLink() && !existsSync(path)) return refuse("dangling");
    const real = statSync(path);
    if (real.isDirectory()) return refuse("directory");
    if (!real.isFile()) return refuse("special");
    const found = readFileSync(path);
    if (found.equals(bytes)) return undefined;
    return isOurs(found) ? checkDirectory(dirname(path)) : refuse(basename(path) === "package.json" ? "package" : "foreign");
  } catch (error) {
    return refusePlace(error, path);
  }
}

/** A directory of the package type `module` above a bundle without extension, which Node.js would take for a module there. */
export function checkModuleScope(directory: string): Diagnostic | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const file = join(at, "package.json");
    if (existsSync(file)) return /"type"\s*:\s*"module"/.test(readFileSync(file, "utf8")) ? diagnose("IZ450", undefined, { found: "module", other: file }, { position: { file: directory } }) : undefined;
    if (dirname(at) === at) return undefined;
  }
}

/** Whether a file can be made in a directory, or in the deepest one above it that is there. */
function checkDirectory(directory: string): undefined {
  let at = directory;
  while (!lstatSync(at, { throwIfNoEntry: false }) && dirname(at) !== at) at = dirname(at);
  if (!statSync(at).isDirectory()) throw Object.assign(new Error(`${at} is no directory`), { code: "ENOTDIR", syscall: "mkdir" });
  accessSync(at, constants.W_OK | constants.X_OK);
  return undefined;
}

export function refusePlace(error: unknown, path: string): Diagnostic {
  if (!isSystemError(error)) throw error;
  return diagnose("IZ451", undefined, { code: error.code, message: error.message }, { position: { file: path } });
}

/** What became of a file. */
export type Placed = "installed" | "replaced" | "unchanged";

/** What `place` would do. */
export function foresee({ path, bytes }: Placement): Placed {
  return !existsSync(path) ? "installed" : readFileSync(path).equals(bytes) ? "unchanged" : "replaced";
}

/** Puts a file in its place, in one step: whoever starts it meanwhile gets the old one or the new one. */
export function place(placement: Placement): Placed {
  const { path, mode } = placement;
  const outcome = foresee(placement);
  if (outcome === "unchanged") {
    const real = realpathSync(path);
    if ((statSync(real).mode & 0o777) !== mode) chmodSync(real, mode);
    return outcome;
  }
  makeDirectory(dirname(path));
  const beside = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString("hex")}`);
  try {
    if (!link(placement, beside)) write(placement, beside);
    renameSync(beside, path);
  } finally {
    dropFile(beside);
  }
  return outcome;
}

/** Step by step: Node.js tries for ever where a directory such as /proc takes none. */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  makeDirectory(dirname(directory));
  mkdirSync(directory);
}

/** A second name, where both are on one file system that has such a thing. */
function link({ sameAs }: Placement, beside: string): boolean {
  if (sameAs === undefined) return false;
  try {
    linkSync(realpathSync(sameAs), beside);
    return true;
  } catch {
    return false;
  }
}

/** The mode is set afterwards: the one given at creation is cut by the umask. */
function write({ bytes, mode }: Placement, beside: string): void {
  const file = openSync(beside, "wx", mode);
  try {
    writeFileSync(file, bytes);
    fchmodSync(file, mode);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
