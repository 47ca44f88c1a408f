import { basename, join } from "node:path";
import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { guardDocument } from "../tree/guard.ts";
import { beginDraft } from "./draft.ts";
import { checkLabel, checkServiceName, type Image } from "./names.ts";
import { writeTag } from "./overlay-entries.ts";
import { patchSchemaLine, readMeshSchema, schemaFile, schemaLine } from "./schema.ts";
import type { Plan } from "./service.ts";
import { quoteWord } from "./next.ts";
import { ownConventions, writeKustomization, writeServiceFiles, type ServiceProtocol } from "./service-files.ts";

/** The layouts that a new tree can have. */
export type TreeLayout = "files" | "transformer";

export interface TreeRequest {
  /** The name of the ServiceMesh and, with the environment behind it, of the namespaces. */
  readonly name: string;
  readonly layout: TreeLayout;
  readonly service: { readonly name: string; readonly port: number; readonly protocol: ServiceProtocol; readonly image: Image };
  /** Where it goes, as people would type it. */
  readonly shown: string;
}

/** A whole tree: a base with its mesh and a first service, two environments, and a page that says what is where. */
export function planNewTree(root: string, present: readonly string[], request: TreeRequest): Plan {
  const { name, service } = request;
  const wrong: readonly Diagnostic[] = [...checkLabel(name, "mesh"), ...checkServiceName(service.name)];
  if (wrong.length > 0) return { changes: [], diagnostics: wrong, notes: [] };
  const draft = beginDraft({ files: present, read: () => undefined });
  for (const [file, text] of Object.entries({ ...baseFiles(request), ...overlayFiles(request, "staging"), ...overlayFiles(request, "production"), "README.md": writeReadme(request) })) {
    draft.create(join(root, file), text);
  }
  if (draft.diagnostics.length > 0) return { changes: [], diagnostics: [describePresent(draft.diagnostics, request)], notes: [] };
  const probed = join(request.shown, `base/services/${service.name}/deployment.yaml`);
  const notes = service.protocol === "http" ? [`probes of ${service.name} ask for ${ownConventions.healthPath}: change them in ${probed} if it answers elsewhere`] : [];
  return { changes: draft.changes(), diagnostics: [], notes };
}

/** All files that are in the way as one: where a kustomization is among them, there is a tree already. */
function describePresent(found: readonly Diagnostic[], { shown }: TreeRequest): Diagnostic {
  const position = found[0]!.position!;
  const isTree = found.some(({ position: at }) => basename(at!.file) === "kustomization.yaml");
  return diagnose("IZ438", undefined, { file: position.file, more: found.length - 1, ...(isTree && { tree: quoteWord(shown) }) }, { position });
}

type Texts = { readonly [path: string]: string };

function baseFiles(request: TreeRequest): Texts {
  const { name, service } = request;
  const files = writeServiceFiles({ ...service, image: service.image.text, isCanary: false, annotations: [{ name: "enabled", value: "true" }] }, { ...ownConventions, version: "stable" });
  return {
    "base/kustomization.yaml": writeKustomization({ namespace: name, resources: ["namespaces", "istio", `services/${service.name}`] }),
    "base/namespaces/kustomization.yaml": writeKustomization({ resources: ["namespace.yaml"] }),
    "base/namespaces/namespace.yaml": `apiVersion: v1\nkind: Namespace\nmetadata:\n  # Overlays rename it with \`namespace:\`.\n  name: ${name}\n`,
    "base/istio/kustomization.yaml": writeKustomization({ resources: ["mesh.yaml"] }),
    "base/istio/mesh.yaml": writeMesh(request),
    [`base/istio/${schemaFile}`]: readMeshSchema(),
    ...Object.fromEntries(Object.entries(files).map(([file, text]) => [`base/services/${service.name}/${file}`, text])),
  };
}

function writeMesh({ name, layout, service }: TreeRequest): string {
  const annotations = layout === "files" ? `  annotations:
    # For istiomize alone: kustomize leaves it out of what a cluster gets.
    config.kubernetes.io/local-config: "true"
` : "";
  const http = service.protocol === "tcp" ? "" : `    # (1 + 2) tries x 5s = 15s, so that the last try can finish within the timeout.
    timeout: 15s
    retryAttempts: 2
    # No try may take longer than 5s: it ends with 504 and is not sent again, because the service may have done it already.
    retryPerTryTimeout: 5s
    # No 5xx and no reset: they send again what a service may already have done.
    retryOn: connect-failure,refused-stream,unavailable,cancelled

`;
  const outliers = service.protocol === "tcp" ? "" : `    outlierConsecutive5xx: 5
    outlierInterval: 30s
    outlierBaseEjectionTime: 30s
    # Istio's own 10% of two replicas is less than one pod: nothing would ever be ejected.
    outlierMaxEjectionPercent: 50

`;
  return `${schemaLine}apiVersion: istiomize.dev/v1alpha1
kind: ServiceMesh
metadata:
  name: ${name}
${annotations}spec:
  # The oldest Istio that this must run on.
  istioVersion: "1.27"
  # Each namespace for itself, so that removing one environment takes nothing from the others.
  mtls:
    mode: STRICT
    scope: namespace
  # What all services share. An annotation on a Service or Deployment wins over the same setting here.
  defaults:
${http}${outliers}    connectTimeout: 5s
    maxConnections: 100
`;
}

type Environment = "staging" | "production";

function overlayFiles({ name, layout, service }: TreeRequest, environment: Environment): Texts {
  const at = `overlays/${environment}`;
  const { repository, tag, digest } = service.image;
  const replicas = environment === "production" ? `replicas:\n  - name: ${service.name}\n    count: 3\n` : "";
  const version = digest !== undefined ? `digest: ${digest}` : tag !== undefined ? `newTag: ${writeTag(tag)}` : undefined;
  const images = version === undefined ? "" : `images:\n  - name: ${repository}\n    ${version}\n`;
  const head = writeKustomization({ namespace: `${name}-${environment}`, resources: ["../../base"] });
  if (layout === "transformer") {
    return { [`${at}/kustomization.yaml`]: `${head}${replicas}${images}transformers:\n  - mesh.yaml\n`, [`${at}/mesh.yaml`]: writeTransformer(name, environment) };
  }
  return {
    [`${at}/kustomization.yaml`]: `${head}patches:\n  - path: patches/mesh.yaml\n${replicas}${images}`,
    [`${at}/patches/mesh.yaml`]: `${patchSchemaLine}# What is different here from base/istio/mesh.yaml.\napiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata:\n  name: ${name}\nspec:\n  environment: ${environment}\n`,
  };
}

function writeTransformer(name: string, environment: Environment): string {
  return `apiVersion: istiomize.dev/v1alpha1
kind: ServiceMesh
metadata:
  name: ${name}-${environment}
  annotations:
    config.kubernetes.io/function: |
      exec: {path: istiomize}
spec:
  # Everything else comes from base/istio/mesh.yaml; what stands here wins over it.
  guard: true
  environment: ${environment}
${guardDocument}`;
}

function writeReadme({ name, layout, service, shown }: TreeRequest): string {
  const tree = shown === "." ? "" : ` ${quoteWord(shown)}`;
  const below = (path: string): string => (shown === "." ? path : quoteWord(`${shown}/${path}`));
  const build = layout === "files" ? `\`\`\`sh
kustomize build ${below("overlays/staging")}
istiomize generate${tree || " ."}           # after every change of an annotation or of the ServiceMesh
istiomize generate --check${tree || " ."}   # in CI: fails where somebody forgot that
\`\`\`

The files that begin with \`# Generated by istiomize\` are written by \`istiomize generate\`: change what they are made
from, and run it again.` : `\`\`\`sh
istiomize render ${below("overlays/staging")}
kustomize build --enable-alpha-plugins --enable-exec ${below("overlays/staging")}
\`\`\`

kustomize runs istiomize itself, so it must be on the \`PATH\`. A build that skipped it fails: the second document of
\`mesh.yaml\` sees to that.`;
  return `# ${name}

Services behind Istio. DestinationRules, VirtualServices, mTLS and injection labels are made by istiomize from
annotations and one ServiceMesh.

\`\`\`
base/
  namespaces/            the Namespace
  istio/mesh.yaml        the ServiceMesh: Istio version, mTLS, and the defaults that all services share
  services/<name>/       Deployment, Service and ServiceAccount; their own settings are annotations
overlays/
  staging/, production/  one namespace each: image tags, replicas, and what is different there
\`\`\`

## Build it

${build}

## Where to change what

| to change | edit |
| --- | --- |
| all services, everywhere | \`defaults\` in \`base/istio/mesh.yaml\` |
| all services, one environment | ${layout === "files" ? "`overlays/<environment>/patches/mesh.yaml`" : "`overlays/<environment>/mesh.yaml`"} |
| one service, everywhere | an annotation in \`base/services/<name>/service.yaml\` |
| one service, one environment | a patch of that annotation in the overlay |

\`\`\`sh
istiomize scaffold service cart${tree} --like ${service.name}
istiomize scaffold overlay preview${tree} --like staging
istiomize explain timeout       # what an annotation means
\`\`\`
`;
}
