import { rows, settingNames, toFieldName } from "./annotations/table.ts";
import { catalogue, type Code } from "./diagnostics/catalogue.ts";
import { definition, type Shape } from "./mesh/definition.ts";
import { writeMeshSchema } from "./mesh/schema.ts";

/** The generated pages, by the file that they are committed as: the tables are the only source. */
export function writeReference(): { readonly [file: string]: string } {
  return {
    "generators/annotations/README.md": writeAnnotations(),
    "generators/mesh/README.md": writeMesh(),
    "generators/mesh/servicemesh.jsonschema": writeMeshSchema(),
    "generators/diagnostics/README.md": writeCodes(),
  };
}

const header = "<!-- Written by `npm run reference`; change the table it comes from instead. -->\n";
const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function writeAnnotations(): string {
  const entries = settingNames.map((name) => {
    const row = rows[name];
    const where = [row.on.join(", "), ...(row.port ? ["`port.<name or number>.` on a Service"] : [])].join("; ");
    return [
      `### \`istiomize.dev/${name}\``, "", row.summary, "",
      "| | |", "|---|---|",
      `| on | ${where} |`,
      `| value | ${cell(row.value.expects)} |`,
      `| example | \`${cell(row.example)}\` |`,
      `| refused | \`${cell(row.refused)}\` |`,
      `| writes | ${cell(row.writes)} |`,
      `| in the ServiceMesh | \`${toFieldName(name)}\` |`,
      ...(row.istio ? [`| since Istio | ${row.istio} |`] : []),
      `| Istio's page | <https://istio.io/latest/docs/${row.docs}> |`, "",
    ].join("\n");
  });
  const list = settingNames.map((name) => `| [\`${name}\`](#istiomizedev${name}) | ${rows[name].on.map((carrier) => carrier[0]).join(" ")} | \`${cell(rows[name].example)}\` | ${cell(rows[name].summary)} |`);
  return `${header}# Annotations\n\nEvery annotation starts with \`istiomize.dev/\`. On: S Service, W workload (Deployment, StatefulSet, DaemonSet, Rollout), N Namespace.\nValues are strings; \`none\` removes an inherited setting.\n\n| annotation | on | example | what |\n|---|---|---|---|\n${list.join("\n")}\n\n${entries.join("\n")}`;
}

function writeMesh(): string {
  const lines: string[] = [];
  const visit = (shape: Shape, path: string): void => {
    const kind = { value: "", object: "mapping", named: "mapping by name", strings: "mapping of texts", settings: "settings", limits: "`{setting: {min, max}}`" }[shape.kind];
    const type = shape.kind === "value" ? shape.value.expects : kind;
    const fallback = shape.kind === "value" && shape.default !== undefined ? `\`${JSON.stringify(shape.default)}\`` : "";
    lines.push(`| \`${path}\` | ${cell(type)} | ${fallback} | ${cell(shape.summary)} |`);
    if (shape.kind === "object") for (const [name, field] of Object.entries(shape.fields)) visit(field, `${path}.${name}`);
    if (shape.kind === "named") visit(shape.entry, `${path}.<name>`);
  };
  for (const [name, field] of Object.entries(definition.fields)) visit(field, `spec.${name}`);
  return `${header}# ServiceMesh\n\n\`apiVersion: istiomize.dev/v1alpha1\`, \`kind: ServiceMesh\`. Settings are annotations by their field names (\`retry-attempts\` is \`retryAttempts\`), typed: numbers, booleans and lists as YAML has them, durations with a unit, percents as \`50\` or \`50%\`. \`none\` or \`null\` removes an inherited field or entry.\n\nEditors with yaml-language-server check and complete it by [its JSON Schema](servicemesh.jsonschema): a first line \`# yaml-language-server: $schema=servicemesh.jsonschema\` names a copy beside it.\n\n| field | value | default | what |\n|---|---|---|---|\n${lines.join("\n")}\n`;
}

function writeCodes(): string {
  const entries = (Object.keys(catalogue) as Code[]).map((code) => `| ${code} | ${catalogue[code].severity} | ${cell(catalogue[code].title)} | ${cell(catalogue[code].why)} |`);
  return `${header}# Codes\n\n1xx input and ServiceMesh, 2xx annotations, 3xx checks, 4xx files and commands, 9xx our own bugs. \`istiomize explain IZ310\` prints one.\n\n| code | severity | title | why |\n|---|---|---|---|\n${entries.join("\n")}\n`;
}
