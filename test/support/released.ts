import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { dump, load } from "js-yaml";
import semver from "semver";
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

/** What an entry says that changes the output of no case, because the last release could not do the like. */
const noCase = "(no case of the last release)";

/** The newest release of the changelog, and the cases that its entries marked **output changes** name. */
export interface Announced {
  readonly version: string;
  readonly names: readonly string[];
  /** How the entries begin that name no case, and do not say that there is none. */
  readonly nameless: readonly string[];
}

/**
 * An entry names the cases whose output it changes in backticks, `*` for any ending: `generation/rollout`, `gitops/*`.
 * Annotations hold a slash too, so only what begins with the name of an area of cases is one.
 */
export function readAnnounced(changelog: string, areas: readonly string[]): Announced {
  const [, version = "", section = ""] = /^## (\S+).*\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(changelog) ?? [];
  const entries = section.split(/^- /m).slice(1).filter((entry) => entry.includes("**output changes**"));
  const namesIn = (entry: string): readonly string[] => [...entry.matchAll(/`([^`\s]+\/[^`\s]+)`/g)].map(([, name]) => name!).filter((name) => areas.includes(name.split("/")[0]!));
  return { version, names: entries.flatMap(namesIn), nameless: entries.filter((entry) => namesIn(entry).length === 0 && !entry.includes(noCase)).map((entry) => entry.split("\n")[0]!) };
}

/**
 * What is wrong with what is announced, one line each: nothing where it is exactly what differs. A name with `*` stands
 * for cases that all differ, so that it excuses none that nobody thought of.
 */
export function compareAnnounced({ names, nameless }: Announced, cases: readonly string[], differing: readonly string[]): readonly string[] {
  const isMeant = (pattern: string, name: string): boolean => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern);
  return [
    ...nameless.map((entry) => `- ${entry}: names neither a case nor says ${noCase}`),
    ...differing.filter((name) => !names.some((pattern) => isMeant(pattern, name))).map((name) => `${name}: gives other YAML, which no entry marked **output changes** names`),
    ...names.filter((pattern) => !cases.some((name) => isMeant(pattern, name))).map((pattern) => `${pattern}: named by an entry marked **output changes**, and is no case of the last release`),
    ...names.flatMap((pattern) => cases.filter((name) => isMeant(pattern, name) && !differing.includes(name)).map((name) => {
      return `${pattern === name ? name : `${name} (${pattern})`}: named by an entry marked **output changes**, and gives what it gave`;
    })),
  ];
}

/** Why the release that is kept is not the one to compare with; nothing where it is an earlier one. */
export function checkRelease(kept: string, current: string, newest: string): readonly string[] {
  return [
    ...(semver.lt(kept, current) ? [] : [`test/released holds ${kept}, and this is ${current}: what is compared must be a release before it. Keep the last one again (git checkout), or raise the version for the next`]),
    ...(newest === current ? [] : [`CHANGELOG.md begins with ${newest}, and package.json says ${current}`]),
  ];
}
