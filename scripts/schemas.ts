/**
 * Rewrites what istiomize knows of Istio's own objects from Istio's CRDs: `npm run schemas -- --from <file or directory>…`.
 *
 * Each file is the crd-all.gen.yaml of one Istio, named after it (crds/1.22.yaml … crds/1.31.yaml), from
 * https://github.com/istio/istio under manifests/charts/base/files/ (manifests/charts/base/crds/ before 1.24). The
 * newest gives the schemas, the others tell since when a field is there; the oldest and newest are kept for the tests.
 *
 * `npm run schemas -- --verdicts` asks the judge anew which objects of test/istio-objects.jsonl a cluster refuses.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { loadAll } from "js-yaml";
import { refreshVerdicts } from "./schemas/verdicts.ts";
import { convertCrds, findNewRules, markSince, shareSchemas, stripCrd, type Crd } from "./schemas/convert.ts";

const { values, positionals } = parseArgs({ options: { from: { type: "string", multiple: true }, verdicts: { type: "boolean" } }, allowPositionals: true });
if (values.verdicts) {
  const changed = refreshVerdicts();
  console.log(changed.length === 0 ? "every verdict stands" : `changed verdicts:\n  ${changed.join("\n  ")}`);
  process.exit(0);
}
const files = [...(values.from ?? []), ...positionals].flatMap((path) => (statSync(path).isDirectory() ? readdirSync(path).filter((name) => /\.ya?ml$/.test(name)).map((name) => join(path, name)) : [path]));
const releases = files.map((file) => ({ file, version: /^\d+\.\d+/.exec(basename(file))?.[0] ?? fail(`${file} is not named after an Istio, such as 1.31.yaml`) }))
  .sort((a, b) => a.version.localeCompare(b.version, "en", { numeric: true }))
  .map(({ file, version }) => ({ version, crds: (loadAll(readFileSync(file, "utf8")) as (Crd | null)[]).filter((crd): crd is Crd => crd !== null) }));
if (releases.length < 2) fail("name the CRDs of at least two releases: --from crds");

const newest = releases.at(-1)!;
const unknown = findNewRules(newest.crds);
if (unknown.length > 0) fail(`CEL rules that scripts/schemas/convert.ts does not know:\n  ${unknown.join("\n  ")}`);
const older = releases.slice(0, -1).map(({ version, crds }) => [version, convertCrds(crds)] as const);
const { kinds, definitions } = shareSchemas(markSince(convertCrds(newest.crds), older, newest.version));
const lines = (entries: object): string => Object.entries(entries).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`).join("");

write("generators/schemas/definitions.ts", [
  "// Written by `npm run schemas` from Istio's CRDs: not to be edited.",
  "import type { KindSchema, Schema } from \"./schema.ts\";", "",
  "/** The oldest and the newest Istio whose CRDs were read. */",
  `export const known = { oldest: ${JSON.stringify(releases[0]!.version)}, newest: ${JSON.stringify(newest.version)} } as const;`, "",
  "/** Istio's kinds, by group and kind. */",
  `export const kinds: { readonly [name: string]: KindSchema } = {\n${lines(kinds)}};`, "",
  "/** What several places share, by the name behind `#`. */",
  `export const definitions: { readonly [name: string]: Schema } = {\n${lines(definitions)}};`, "",
].join("\n"));
for (const { version, crds } of [releases[0]!, newest]) write(`test/istio-crds/${version}.json.gz`, gzipSync(JSON.stringify(crds.map(stripCrd)), { level: 9 }));

function write(file: string, content: string | Buffer): void {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
  console.log(`${file}: ${Buffer.byteLength(content)} bytes`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}
