import { catalogue, type Code } from "../../generators/diagnostics/catalogue.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import { isSettingName, rows, scopeNames, settingByField, settingNames, toFieldName } from "../../generators/annotations/table.ts";
import { suggestSetting } from "../../generators/annotations/read.ts";
import { print, readOptions, refuse } from "./cli.ts";

export const explainOptions = { list: { type: "boolean" }, help: { type: "boolean", short: "h" } } as const;

/** `istiomize explain timeout`, `explain IZ310`, `explain --list`. */
export function explain(args: readonly string[]): number {
  const options = readOptions(args, explainOptions);
  if (typeof options === "string") return refuse(options);
  if (options["help"]) return print(explainHelp);
  if (options["list"]) return print(listSettings());
  const [topic, extra] = options._ ?? [];
  if (extra !== undefined) return refuse(`explain takes one name; ${JSON.stringify(extra)} is a second one`);
  if (topic === undefined) return refuse("name an annotation or a code, such as `istiomize explain timeout`, or use --list");
  const written = topic.replace(/^istiomize\.dev\//, "").replace(/^port\.[^.]+\./, "").replace(/^spec\.(defaults|profiles\.[^.]+|namespaces\.[^.]+|limits)\./, "");
  const name = settingByField().get(written) ?? written;
  if (isSettingName(name)) return print(explainSetting(name));
  const code = topic.toUpperCase();
  if (Object.hasOwn(catalogue, code)) return print(explainCode(code as Code));
  const near = suggestSetting(name) ?? suggest(code, Object.keys(catalogue));
  return refuse(`nothing is called ${JSON.stringify(topic)}${near ? `; did you mean ${near}?` : ""}`);
}

function listSettings(): string {
  const width = Math.max(...settingNames.map((name) => name.length));
  return settingNames.map((name) => `${name.padEnd(width)}  ${rows[name].summary}\n`).join("");
}

function explainSetting(name: keyof typeof rows): string {
  const row = rows[name];
  return `istiomize.dev/${name}
${row.summary}

on        ${row.on.join(", ")}${(row.behind ?? []).map((scope) => `; istiomize.dev/${scope}.${scopeNames[scope]}.${name}`).join("")}
value     ${row.value.expects}
example   istiomize.dev/${name}: ${JSON.stringify(row.example)}
writes    ${row.writes}
in spec   ${toFieldName(name)} (defaults, profiles, namespaces of the ServiceMesh)
${row.istio ? `istio     ${row.istio} or newer\n` : ""}see       https://istio.io/latest/docs/${row.docs}
`;
}

function explainCode(code: Code): string {
  const { severity, title, why } = catalogue[code];
  return `${code}  ${severity}: ${title}\n${why}\n`;
}

const explainHelp = `istiomize explain <annotation or code>: what a setting or a code means

Examples
  istiomize explain timeout
  istiomize explain IZ310
  istiomize explain --list

Options
      --list   every annotation, with a line on each
`;
