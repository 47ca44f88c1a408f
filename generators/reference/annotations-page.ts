import { rows, scopeNames, settingNames, toFieldName, type Carrier, type SettingName } from "../annotations/table.ts";
import { definition, type Shape } from "../mesh/definition.ts";
import { anchorOf, cell, code, facts, header, istioPage } from "./markdown.ts";

const carriers: { readonly [C in Carrier]: string } = { Service: "Service", Workload: "workload (Deployment, StatefulSet, DaemonSet, Rollout)", Namespace: "Namespace" };

/** Every annotation on one page: where it may stand, how it is written, what it becomes and what it may do. */
export function writeAnnotationsPage(): string {
  return `${header}# Annotations

Every annotation starts with \`istiomize.dev/\`. On: S Service, W workload (Deployment, StatefulSet, DaemonSet, Rollout), N Namespace; p s g r: behind \`port.\`, \`subset.\`, \`gateway.\` or \`route.\` on a Service.
Values are strings; \`none\` removes an inherited setting. Editors check them by [the JSON Schema of annotations](annotations.jsonschema).

| annotation | on | example | what |
|---|---|---|---|
${settingNames.map(writeLine).join("\n")}

${settingNames.map(writeEntry).join("\n")}`;
}

function writeLine(name: SettingName): string {
  const { on, behind = [], example, summary } = rows[name];
  const where = [...on.map((carrier) => carrier[0]!), ...behind.map((scope) => scope[0]!)].join(" ");
  return `| [\`${name}\`](${anchorOf(`istiomize.dev/${name}`)}) | ${where} | ${code(example)} | ${cell(summary)} |`;
}

function writeEntry(name: SettingName): string {
  const row = rows[name];
  const { on, behind = [], edge, http, value } = row;
  const scopes = behind.map((scope) => `\`${scope}.${scopeNames[scope]}.${name}\``);
  return `### \`istiomize.dev/${name}\`

${row.summary}

${facts([
    ["on", on.length > 0 ? on.map((carrier) => carriers[carrier]).join(", ") : "only behind a scope, on a Service"],
    ["behind a scope", scopes.join(", ")],
    ["value", cell(value.expects)],
    ["default in Istio", row.istioDefault && cell(row.istioDefault)],
    ["example", code(`istiomize.dev/${showKey(name)}: ${quote(row.example)}`)],
    ["refused", code(`istiomize.dev/${showKey(name)}: ${quote(row.refused)}`)],
    ["writes", cell(row.writes)],
    ["holds for", [...(http ? ["HTTP and gRPC ports"] : []), ...(edge === "gateway" ? ["callers behind a gateway"] : edge === "bound" ? ["callers behind its gateways, where it has any"] : [])].join("; ")],
    ["excludes", row.excludes?.map((other) => `\`${other}\``).join(", ")],
    ["limits", value.measure && "`spec.limits` can bound it"],
    ["in the ServiceMesh", writeHomes(name)],
    ["since Istio", row.istio ?? "every version that istiomize writes for"],
    ["since istiomize", row.since],
    ["risk", row.risk && cell(row.risk)],
    ["Istio's page", `<${istioPage(row.docs)}>`],
  ])}
`;
}

/** The key as somebody might write it: `match.canary`, and `route.beta.to` where it stands behind a scope only. */
export function showKey(name: SettingName): string {
  const key = name.replace(/<.*>/, "canary");
  const { on, behind = [] } = rows[name];
  if (on.length > 0) return key;
  return `${behind[0]}.${{ port: "http", subset: "canary", gateway: "public", route: "beta" }[behind[0]!]}.${key}`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}

/** Where the ServiceMesh takes it, by which name. */
function writeHomes(name: SettingName): string {
  if (name.includes("<")) return "";
  const homes = findHomes(definition, "spec").filter(({ allows }) => allows(name)).map(({ path }) => `\`${path}\``);
  return homes.length > 0 ? `\`${toFieldName(name)}\` in ${homes.join(", ")}` : "nowhere";
}

interface Home {
  readonly path: string;
  readonly allows: (name: SettingName) => boolean;
}

/** Where a ServiceMesh takes settings, and which. */
export function findHomes(shape: Shape, path: string): readonly Home[] {
  switch (shape.kind) {
    case "settings": return [{ path, allows: shape.allows }];
    case "named": return findHomes(shape.entry, `${path}.<name>`);
    case "either": return findHomes(shape.full, path);
    case "object": return Object.entries(shape.fields).flatMap(([name, field]) => findHomes(field, `${path}.${name}`));
    default: return [];
  }
}
