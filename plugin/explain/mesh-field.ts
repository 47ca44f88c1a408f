import { definition, type Shape } from "../../generators/mesh/definition.ts";
import { typeOf } from "../../generators/reference/mesh-page.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import { exampleAt } from "../../generators/reference/mesh-example.ts";
import { paint, wrap, writeFacts, type Layout } from "./columns.ts";
import { listLines } from "./setting.ts";

/** A field of the ServiceMesh, found by its path. */
export interface MeshField {
  /** With `<name>` for names that people choose. */
  readonly path: readonly string[];
  readonly shape: Shape;
}

/** `spec.gateways.public.hosts`, with or without `spec`; what is wrong with it, where it starts as one and goes astray. */
export function findMeshField(written: string): MeshField | { readonly unknown: string; readonly suggestion?: string } | undefined {
  const steps = written.replace(/^ServiceMesh[. ]/, "").split(".").filter((step) => step !== "");
  const isFull = steps[0] === "spec";
  const below = isFull ? steps.slice(1) : steps;
  if (below.length === 0) return isFull ? { path: ["spec"], shape: definition } : undefined;
  if (!isFull && !Object.hasOwn(definition.fields, below[0]!)) return undefined;
  let [shape, path]: [Shape, readonly string[]] = [definition, ["spec"]];
  for (const step of below) {
    const fields: { readonly [name: string]: Shape } = shape.kind === "object" ? shape.fields : shape.kind === "either" ? shape.full.fields : {};
    const next: Shape | undefined = Object.hasOwn(fields, step) ? fields[step] : shape.kind === "named" ? shape.entry : undefined;
    if (!next) {
      const near = suggest(step, Object.keys(fields));
      return { unknown: `${path.join(".")} has no field ${JSON.stringify(step)}`, ...(near !== undefined && { suggestion: [...path, near].join(".") }) };
    }
    path = [...path, shape.kind === "named" ? "<name>" : step];
    shape = next;
  }
  return { path, shape };
}

/** One field of the ServiceMesh as `--format json` gives it. */
export function describeMeshField({ path, shape }: MeshField): object {
  return {
    path: path.join("."), type: typeOf(shape), summary: shape.summary, default: (shape.kind === "value" ? shape.default : undefined) ?? null, sinceIstio: (shape.kind === "value" ? shape.istio : undefined) ?? null,
    example: exampleAt(path.slice(1)) ?? null, fields: Object.keys(fieldsOf(shape)),
  };
}

export function writeMeshField({ path, shape }: MeshField, layout: Layout): string {
  const fields = Object.entries(fieldsOf(shape));
  const example = exampleAt(path.slice(1));
  const fallback = shape.kind === "value" ? shape.default : undefined;
  return `${[
    paint(path.join("."), "bold", layout), ...wrap(shape.summary, 0, layout), "",
    ...writeFacts([
      ["of", "the ServiceMesh"], ["value", typeOf(shape)], ["default", fallback === undefined ? undefined : JSON.stringify(fallback)],
      ["istio", shape.kind === "value" && shape.istio !== undefined ? `${shape.istio} or newer` : undefined],
      ["until then", shape.kind === "later" ? shape.instead : undefined],
      ["example", example === undefined || shape.kind === "object" || shape.kind === "named" ? undefined : `${path.at(-1)}: ${JSON.stringify(example)}`],
    ], layout),
    ...(fields.length > 0 ? ["", listLines(fields.map(([name, field]) => [`  ${name}`, field.summary] as const), layout).trimEnd()] : []),
  ].join("\n")}\n`;
}

function fieldsOf(shape: Shape): { readonly [name: string]: Shape } {
  switch (shape.kind) {
    case "object": return shape.fields;
    case "either": return shape.full.fields;
    case "named": return fieldsOf(shape.entry);
    default: return {};
  }
}
