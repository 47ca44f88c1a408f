/** What the self-contained executable holds beside the bundle: Node, and the libraries that are compiled into it. */
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";

interface Component {
  readonly type: "platform" | "library";
  readonly name: string;
  readonly version: string;
  readonly "bom-ref": string;
  readonly scope: "required";
  readonly licenses?: readonly { readonly license: { readonly id: string } }[];
  readonly cpe?: string;
  readonly purl: string;
}

/** The parts of an SBOM that change. */
interface Sbom {
  readonly metadata: { readonly component: { readonly "bom-ref": string } };
  readonly components: readonly object[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

/** In `process.versions`, but numbers of interfaces and of data. */
const noSoftware = ["node", "modules", "napi", "unicode", "cldr", "tz"];

/** Where a library has another name than in `process.versions`, is one of npm, or is found under a vendor in lists of vulnerabilities. */
const known: { readonly [name: string]: { readonly name?: string; readonly vendor?: string; readonly isOfNpm?: true } } = {
  acorn: { isOfNpm: true }, amaro: { isOfNpm: true }, ares: { name: "c-ares" }, brotli: { vendor: "google" }, cjs_module_lexer: { name: "cjs-module-lexer", isOfNpm: true },
  llhttp: { vendor: "llhttp" }, nghttp2: { vendor: "nghttp2" }, openssl: { vendor: "openssl" }, sqlite: { vendor: "sqlite" }, undici: { vendor: "nodejs", isOfNpm: true },
  uv: { name: "libuv", vendor: "libuv" }, v8: { vendor: "google" }, zlib: { vendor: "zlib" },
};

/**
 * The SBOM of the bundle with the Node that runs this and what is in it. The licences of all that stand in the text that
 * Node carries along.
 * @throws where the result does not fit the schema of CycloneDX.
 */
export async function describeNode(sbom: string, versions: NodeJS.ProcessVersions = process.versions): Promise<string> {
  const before = JSON.parse(sbom) as Sbom;
  const node: Component = {
    type: "platform", name: "node", version: versions.node, "bom-ref": `node@${versions.node}`, scope: "required", licenses: [{ license: { id: "MIT" } }],
    cpe: cpeOf("nodejs", "node.js", versions.node), purl: `pkg:generic/node@${versions.node}`,
  };
  const parts = Object.entries(versions).filter((entry): entry is [string, string] => !noSoftware.includes(entry[0]) && Boolean(entry[1])).map(([key, version]) => describePart(key, version));
  const { "bom-ref": root } = before.metadata.component;
  const after = {
    ...before,
    components: [...before.components, node, ...parts],
    dependencies: [
      ...before.dependencies.filter(({ ref }) => ref !== root),
      { ref: root, dependsOn: [...(before.dependencies.find(({ ref }) => ref === root)?.dependsOn ?? []), node["bom-ref"]] },
      { ref: node["bom-ref"], dependsOn: parts.map((part) => part["bom-ref"]) }, ...parts.map((part) => ({ ref: part["bom-ref"] })),
    ],
  };
  const text = `${JSON.stringify(after, undefined, 2)}\n`;
  const fault = await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(text);
  if (fault) throw new Error(`the SBOM of the executable does not fit CycloneDX's schema: ${JSON.stringify(fault)}`);
  return text;
}

/** Forks say what they changed behind a hyphen: lists of vulnerabilities have the version before it. */
function describePart(key: string, version: string): Component {
  const { name = key, vendor, isOfNpm } = known[key] ?? {};
  return {
    type: "library", name, version, "bom-ref": `node/${name}@${version}`, scope: "required",
    ...(vendor && { cpe: cpeOf(vendor, name, version.replace(/-.*/, "")) }), purl: `pkg:${isOfNpm ? "npm" : "generic"}/${name}@${encodeURIComponent(version)}`,
  };
}

function cpeOf(vendor: string, product: string, version: string): string {
  return `cpe:2.3:a:${vendor}:${product}:${version}:*:*:*:*:*:*:*`;
}
