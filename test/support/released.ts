import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { dump, load } from "js-yaml";
import { extract } from "tar";
import { findCases, goldens, readExpected, root, runCase, type Case, type Result } from "./cases.ts";

/** What a release gave, unpacked: cases in the form of goldens, below a directory. */
export interface Released {
  readonly version: string;
  readonly cases: readonly Case[];
}

/** Unpacks the release that is kept in test/released. */
export async function unpackReleased(directory: string): Promise<Released> {
  const folder = join(root, "test/released");
  const files = readdirSync(folder).filter((file) => file.endsWith(".tar.gz"));
  if (files.length !== 1) throw new Error(`test/released holds ${files.length} releases, not one`);
  mkdirSync(directory, { recursive: true });
  await extract({ file: join(folder, files[0]!), cwd: directory });
  return { version: basename(files[0]!, ".tar.gz"), cases: findCases(directory).map((each) => ({ ...each, name: each.directory.slice(directory.length + 1) })) };
}

/**
 * Whether today's code gives other YAML for the input of a case. Trees take a second each, so one that stands among
 * today's goldens as it was is not run again: golden.test.ts holds the code to what is expected there.
 */
export async function differs(released: Case): Promise<boolean> {
  const golden = { name: released.name, directory: join(goldens, released.name) };
  const isTree = existsSync(join(released.directory, "input"));
  const now = isTree && hasSameInput(released, golden) ? readExpected(golden) : await runCase(released);
  return written(now, isTree) !== written(readExpected(released), isTree);
}

function hasSameInput(released: Case, golden: Case): boolean {
  const read = ({ directory }: Case): string => (existsSync(directory) ? JSON.stringify(readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).filter((file) => !file.startsWith(join(directory, "expected"))).sort()
    .map((file) => [file.slice(directory.length), readFileSync(file, "latin1")])) : "");
  return read(released) === read(golden);
}

/** What reaches a cluster or a repository, as one text. What a ResourceList says beside its items does neither, nor what `generate` prints. */
function written({ output, tree, removed }: Result, isTree: boolean): string {
  const isText = isTree && !/^kind:/m.test(output);
  return JSON.stringify({ output: isText ? "" : withoutResults(output), tree: Object.entries(tree).sort(), removed });
}

function withoutResults(output: string): string {
  if (!/^(kind:[ \t]*["']?ResourceList\b|\s*\{)/m.test(output) || !/"?results"?:/.test(output)) return output;
  const { results: _, ...list } = load(output) as { readonly results?: unknown };
  return dump(list);
}

/** The newest release of the changelog, and the cases that its entries marked **output changes** name. */
export interface Announced {
  readonly version: string;
  readonly names: readonly string[];
}

/**
 * An entry names the cases whose output it changes in backticks, `*` for any ending: `generation/rollout`, `gitops/*`.
 * Annotations hold a slash too, so only what begins with the name of an area of cases is one.
 */
export function readAnnounced(changelog: string, areas: readonly string[]): Announced {
  const [, version = "", section = ""] = /^## (\S+).*\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(changelog) ?? [];
  const entries = section.split(/^- /m).slice(1).filter((entry) => entry.includes("**output changes**"));
  const names = entries.flatMap((entry) => [...entry.matchAll(/`([^`\s]+\/[^`\s]+)`/g)].map(([, name]) => name!)).filter((name) => areas.includes(name.split("/")[0]!));
  return { version, names };
}

/** What is wrong with what is announced, one line each: nothing where it is exactly what differs. */
export function compareAnnounced({ names }: Announced, differing: readonly string[]): readonly string[] {
  const isMeant = (pattern: string, name: string): boolean => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern);
  return [
    ...differing.filter((name) => !names.some((pattern) => isMeant(pattern, name))).map((name) => `${name}: gives other YAML, which no entry marked **output changes** names`),
    ...names.filter((pattern) => !differing.some((name) => isMeant(pattern, name))).map((pattern) => `${pattern}: named by an entry marked **output changes**, and gives what it gave`),
  ];
}
