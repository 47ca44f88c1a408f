/**
 * Says what the bundles are made of: an SBOM in CycloneDX (dist/sbom.cdx.json), and the licences of those packages with
 * their texts (dist/THIRD-PARTY-LICENSES). Both follow from what esbuild puts into the executable and the library, and
 * are the same bytes wherever and whenever they are made.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cyclonedxEsbuildPlugin } from "@cyclonedx/cyclonedx-esbuild";
import { build } from "esbuild";
import { embedArgocd } from "./build/embed-argocd.ts";
import { embedMessages } from "./build/embed-messages.ts";
import { root } from "./tools.ts";

interface Component {
  readonly group?: string;
  readonly name: string;
  readonly version: string;
}

const dist = join(root, "dist");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

const components = await writeSbom(join(dist, "sbom.cdx.json"));
writeFileSync(join(dist, "THIRD-PARTY-LICENSES"), writeLicences(components));

/** The packages found, in the order of the SBOM: by name. */
async function writeSbom(file: string): Promise<readonly Component[]> {
  const folder = mkdtempSync(join(tmpdir(), "istiomize-sbom-"));
  try {
    // The bundles pack some of their packages as text, where nobody sees them: here the same entries are bundled plainly.
    await build({
      bundle: true, platform: "node", target: "node20", format: "cjs", absWorkingDir: root, logLevel: "warning", metafile: true, outdir: folder,
      entryPoints: ["plugin/main.ts", "plugin/library.ts"].map((entry) => join(root, entry)),
      define: { ISTIOMIZE_VERSION: JSON.stringify(version) },
      plugins: [embedArgocd, embedMessages, cyclonedxEsbuildPlugin({ outputFile: "sbom.json", outputReproducible: true, validate: true, mcType: "application", logLevel: "silent" })],
    });
    const text = readFileSync(join(folder, "sbom.json"), "utf8");
    mkdirSync(dist, { recursive: true });
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
    return (JSON.parse(text) as { readonly components: readonly Component[] }).components;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Every licence text by the packages that carry it; a package without one stops the build. */
function writeLicences(components: readonly Component[]): string {
  const parts = components.map(({ group, name, version }) => {
    const full = group === undefined ? name : `${group}/${name}`;
    const folder = join(root, "node_modules", full);
    const found = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { readonly version: string; readonly license?: string };
    if (found.version !== version) throw new Error(`${full} ${version} is bundled, and node_modules/${full} is ${found.version}: its licence is not the one to print`);
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
    if (files.length === 0 || found.license === undefined) throw new Error(`${full} ${version} names no licence, or has no text of it`);
    return `${full} ${version} (${found.license})\n\n${files.map((file) => readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n").trim()).join("\n\n")}\n`;
  });
  const list = components.map(({ group, name, version }) => `  ${group === undefined ? name : `${group}/${name}`} ${version}`).join("\n");
  return [`istiomize (Apache-2.0, see LICENSE) holds code of these packages:\n\n${list}\n`, ...parts].join(`\n${"-".repeat(80)}\n\n`);
}
