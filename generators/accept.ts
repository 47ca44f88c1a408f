import { arrangeDiagnostics, type Diagnostic } from "./diagnostics/diagnostic.ts";
import type { ResourceRef } from "./kube/object.ts";
import type { MeshContext } from "./mesh/context.ts";

/** Leaves out what was acknowledged, sorts and merges the rest, and applies `strict`. */
export function finishDiagnostics(diagnostics: readonly Diagnostic[], context: MeshContext): readonly Diagnostic[] {
  const { config } = context;
  const accepted = readAccepted(context);
  const isAccepted = ({ code, severity, place, subjects }: Diagnostic): boolean => {
    if (severity === "error") return false;
    const refs = [...(place ? [place.ref] : []), ...subjects];
    return Object.hasOwn(config.accept, code) || refs.some((ref) => accepted.has(`${code} ${keyOf(ref)}`) || accepted.has(`${code} Namespace//${ref.namespace ?? config.namespace}`));
  };
  const left = arrangeDiagnostics(diagnostics.filter((diagnostic) => !isAccepted(diagnostic)));
  return config.strict ? left.map((diagnostic) => (diagnostic.severity === "warning" ? { ...diagnostic, severity: "error" as const, title: `${diagnostic.title} (an error: strict)` } : diagnostic)) : left;
}

function keyOf(ref: ResourceRef): string {
  return `${ref.kind}/${ref.namespace ?? ""}/${ref.name}`;
}

function readAccepted({ sources, levels, config }: MeshContext): ReadonlySet<string> {
  const accepted = new Set<string>();
  const add = (value: unknown, key: string): void => {
    for (const entry of (value ?? []) as readonly string[]) accepted.add(`${entry.split("=")[0]} ${key}`);
  };
  for (const { object } of sources) {
    const accept = levels.of(object).own.get("accept");
    if (!accept || accept.removed) continue;
    const metadata = object["metadata"] as { name?: string; namespace?: string };
    add(accept.value, `${String(object["kind"])}/${metadata.namespace ?? ""}/${metadata.name ?? ""}`);
  }
  for (const [namespace, layer] of config.namespaces) add(layer.get("accept")?.value, `Namespace//${namespace}`);
  return accepted;
}
