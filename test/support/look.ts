import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Everything below a directory as it is: directories, the bytes and permissions of files, where links lead. */
export function lookAt(root: string): { readonly [path: string]: string } {
  return Object.fromEntries(readdirSync(root, { recursive: true, encoding: "utf8" }).sort().map((path) => {
    const at = join(root, path);
    const stat = lstatSync(at);
    if (stat.isSymbolicLink()) return [path, `to ${readlinkSync(at)}`];
    const rights = (stat.mode & 0o7777).toString(8);
    return [path, stat.isDirectory() ? `directory ${rights}` : `${rights} ${readFileSync(at, "latin1")}`];
  }));
}
