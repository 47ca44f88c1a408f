/** What a render made, in a few lines for the person who ran `npm start`; in colour unless `NO_COLOR` says otherwise. */
import { loadAll } from "js-yaml";

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels; readonly annotations?: Labels };
}
type Labels = Readonly<Record<string, string>>;

const paint = (code: number) => (text: string): string => process.env.NO_COLOR ? text : `\x1b[${code}m${text}\x1b[0m`;
const [bold, dim, green, cyan] = [paint(1), paint(2), paint(32), paint(36)];

const meshLabels = ["istio-injection", "istio.io/rev", "istio.io/dataplane-mode"];

/** Generated objects by namespace and kind, the Namespaces that belong to the mesh, and two things to try next. */
export function summarize(yaml: string, kustomization: string): string {
  const objects = loadAll(yaml).filter((document) => document != null) as Rendered[];
  const made = objects.filter(({ metadata }) => metadata.annotations?.["istiomize.dev/generated-from"]);
  const namespaces = [...new Set(made.map(({ metadata }) => metadata.namespace ?? "(none)"))].sort();
  const labelled = objects.filter(({ kind }) => kind === "Namespace").flatMap(({ metadata }) =>
    meshLabels.filter((key) => metadata.labels?.[key]).map((key) => `${metadata.name} ${dim(`${key}: ${metadata.labels?.[key]}`)}`));
  return [
    "",
    bold(`${kustomization}: ${made.length} of ${objects.length} objects made by istiomize`),
    ...namespaces.map((namespace) => `  ${green(namespace)}  ${countKinds(made.filter(({ metadata }) => (metadata.namespace ?? "(none)") === namespace))}`),
    ...labelled.map((line, index) => `  ${index === 0 ? "labelled" : "        "}  ${line}`),
    "",
    "Next:",
    `  ${cyan("npm start -- gitops/overlays/production")}   the same services, with a canary`,
    `  ${cyan("node plugin/istiomize.cjs render FOLDER")}   your own tree, with your own kustomize or kubectl`,
    "",
  ].join("\n");
}

/** For example `6 DestinationRules, 1 PeerAuthentication`. */
function countKinds(objects: readonly Rendered[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of objects) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].sort().map(([kind, count]) => `${count} ${count === 1 ? kind : plural(kind)}`).join(", ");
}

const plural = (kind: string): string => kind.endsWith("y") ? `${kind.slice(0, -1)}ies` : `${kind}s`;
