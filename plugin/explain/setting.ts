import { isWord } from "../../generators/annotations/setting.ts";
import { rows, scopeNames, settingNames, toFieldName, type Carrier, type SettingName } from "../../generators/annotations/table.ts";
import { definition } from "../../generators/mesh/definition.ts";
import { findHomes, showKey } from "../../generators/reference/annotations-page.ts";
import { istioPage } from "../../generators/reference/markdown.ts";
import { paint, wrap, writeColumns, writeFacts, type Layout } from "./columns.ts";

const carriers: { readonly [C in Carrier]: string } = { Service: "Service", Workload: "workload (Deployment, StatefulSet, DaemonSet, Rollout)", Namespace: "Namespace" };

/** One annotation as `--format json` gives it; fields are added in later versions, never taken away. */
export function describeSetting(name: SettingName): object {
  const { on, behind = [], value, writes, istioDefault, risk, example, refused, istio, docs, since, summary, excludes, http, edge } = rows[name];
  return {
    name, annotation: `istiomize.dev/${name}`, summary, on, scopes: behind.map((scope) => `istiomize.dev/${scope}.${scopeNames[scope]}.${name}`),
    value: { expects: value.expects, schema: value.schema, canBeRemoved: canBeRemoved(name) }, example: { key: `istiomize.dev/${showKey(name)}`, value: example }, refused,
    fields: fieldsOf(name), writes, istioDefault: istioDefault ?? null, risk: risk ?? null, excludes: excludes ?? [], httpOnly: http === true, gatewayOnly: edge ?? null,
    serviceMesh: { name: toFieldName(name), in: homesOf(name) }, sinceIstio: istio ?? null, since, page: istioPage(docs),
  };
}

/** One annotation for people: where it may stand, how it is written, what it becomes and what it may do. */
export function writeSetting(name: SettingName, layout: Layout): string {
  const row = rows[name];
  const { on, behind = [], http, edge, excludes } = row;
  const homes = homesOf(name);
  return `${[
    paint(`istiomize.dev/${name}`, "bold", layout), ...wrap(row.summary, 0, layout), "",
    ...writeFacts([
      ["on", on.length > 0 ? on.map((carrier) => carriers[carrier]).join(", ") : "a Service, behind a scope only"],
      ["scopes", behind.map((scope) => `istiomize.dev/${scope}.${scopeNames[scope]}.${name}`).join("\n")],
      ["value", `${row.value.expects}${canBeRemoved(name) ? "; `none` removes what is inherited" : ""}`],
      ["in Istio", row.istioDefault && `${row.istioDefault}, where nothing is set`],
      ["becomes", row.writes],
      ["holds for", [...(http ? ["HTTP and gRPC ports"] : []), ...(edge === "gateway" ? ["callers behind a gateway"] : edge === "bound" ? ["callers behind the gateways of the Service, where it has any"] : [])].join("; ")],
      ["excludes", excludes?.join(", ")],
      ["in spec", homes.length > 0 ? `${toFieldName(name)} in ${homes.join(", ")} of the ServiceMesh` : "nowhere in the ServiceMesh: it is for one object"],
      ["istio", row.istio && `${row.istio} or newer`],
      ["since", `istiomize ${row.since}`],
      ["risk", row.risk],
      ["see", istioPage(row.docs)],
    ], layout), "",
    paint("example", "faint", layout), "  metadata:", "    annotations:", `      istiomize.dev/${showKey(name)}: ${JSON.stringify(row.example)}`,
    ...wrap(`refused: ${JSON.stringify(row.refused)}`, 2, layout),
  ].join("\n")}\n`;
}

function canBeRemoved(name: SettingName): boolean {
  return !isWord(rows[name].value.schema, "none");
}

function homesOf(name: SettingName): readonly string[] {
  return name.includes("<") ? [] : findHomes(definition, "spec").filter(({ allows }) => allows(name)).map(({ path }) => path);
}

/** The fields of Istio that a setting writes: `VirtualService spec.http[].timeout`. */
export function fieldsOf(name: SettingName): readonly string[] {
  return rows[name].writes.split(", ").flatMap((each) => {
    const [, kinds, path] = /^(\w+(?: and \w+)*) (spec\S*)$/.exec(each) ?? [];
    return kinds === undefined ? [] : kinds.split(" and ").map((kind) => `${kind} ${path}`);
  });
}

/** The settings that write a field of Istio, by any part of its path: `perTryTimeout`, `VirtualService.spec.http.timeout`. */
export function settingsOfField(written: string): readonly SettingName[] {
  const plain = (text: string): string => text.replace(/\[[^\]]*\]/g, "").replace(/[ /]+/g, ".").toLowerCase();
  const wanted = plain(written);
  if (!/^[a-z]/.test(wanted)) return [];
  const fits = (test: (field: string) => boolean): readonly SettingName[] => settingNames.filter((name) => fieldsOf(name).map(plain).some(test));
  const exact = fits((field) => field === wanted || field.endsWith(`.${wanted}`));
  return exact.length > 0 || !wanted.includes(".") ? exact : fits((field) => wanted.startsWith(`${field}.`) || wanted.startsWith(`${field.slice(field.indexOf(".") + 1)}.`)).filter((name) => !name.endsWith("-patch") && fieldsOf(name).some((field) => field.split(".").length > 2));
}

/** A line for each setting. */
export function listSettings(names: readonly SettingName[], layout: Layout): string {
  return listLines(names.map((name) => [name, rows[name].summary] as const), layout);
}

/** Names with a text beside each, which goes on below itself where the line ends. */
export function listLines(lines: readonly (readonly [name: string, text: string])[], layout: Layout): string {
  const column = Math.max(0, ...lines.map(([name]) => name.length)) + 2;
  if (layout.width === undefined) return writeColumns(lines.map(([name, text]) => [{ text: name }, { text }]), 0, layout).map((line) => `${line}\n`).join("");
  return lines.flatMap(([name, text]) => wrap(text, column, layout).map((line, i) => (i === 0 ? `${paint(name, "bold", layout)}${line.slice(name.length)}\n` : `${line}\n`))).join("");
}
