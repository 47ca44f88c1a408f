import { definition, type Shape } from "../mesh/definition.ts";
import { cell, code, header } from "./markdown.ts";
import { exampleAt, meshExample } from "./mesh-example.ts";

/** The ServiceMesh on one page: every field with its type, its default, what it means and an example. */
export function writeMeshPage(): string {
  const lines: string[] = [];
  const visit = (shape: Shape, path: readonly string[]): void => {
    lines.push(`| ${[code(["spec", ...path].join(".")), cell(typeOf(shape)), defaultOf(shape), exampleOf(shape, path), cell(meaningOf(shape))].join(" | ")} |`);
    const fields = shape.kind === "object" ? shape.fields : shape.kind === "either" ? shape.full.fields : {};
    for (const [name, field] of Object.entries(fields)) visit(field, [...path, name]);
    if (shape.kind === "named") visit(shape.entry, [...path, "<name>"]);
  };
  for (const [name, field] of Object.entries(definition.fields)) visit(field, [name]);
  return `${header}# ServiceMesh

\`apiVersion: istiomize.dev/v1alpha1\`, \`kind: ServiceMesh\`. Settings are annotations by their field names (\`retry-attempts\` is \`retryAttempts\`), typed: numbers, booleans and lists as YAML has them, durations with a unit, percents as \`50\` or \`50%\`. \`none\` or \`null\` removes an inherited field or entry.

Editors with yaml-language-server check and complete it by [its JSON Schema](servicemesh.jsonschema): a first line \`# yaml-language-server: $schema=servicemesh.jsonschema\` names a copy beside it.

| field | value | default | example | what |
|---|---|---|---|---|
${lines.join("\n")}

## Every field in one ServiceMesh

An example of each field, not one to start from: \`istiomize scaffold\` writes that.

\`\`\`yaml
${meshExample}\`\`\`
`;
}

/** What is written as a field, in words. */
export function typeOf(shape: Shape): string {
  switch (shape.kind) {
    case "value": return shape.value.expects;
    case "object": return "mapping";
    case "named": return "mapping by name";
    case "strings": return "mapping of texts";
    case "settings": return "settings";
    case "limits": return "`{setting: {min, max}}`";
    case "either": return `${shape.short.value.expects}, or a mapping`;
    case "later": return "nothing is made of it yet";
  }
}

function defaultOf(shape: Shape): string {
  return shape.kind === "value" && shape.default !== undefined ? code(JSON.stringify(shape.default)) : "";
}

/** The example of a field that is no mapping of fields of its own. */
function exampleOf(shape: Shape, path: readonly string[]): string {
  if (shape.kind === "object" || shape.kind === "named" || shape.kind === "later") return "";
  const found = exampleAt(path);
  return found === undefined ? "" : code(JSON.stringify(found));
}

function meaningOf(shape: Shape): string {
  return `${shape.summary}${shape.kind === "value" && shape.istio !== undefined ? ` From Istio ${shape.istio} on.` : ""}${shape.kind === "later" ? ` Until then: ${shape.instead}.` : ""}`;
}
