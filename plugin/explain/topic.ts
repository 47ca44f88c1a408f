import { isSettingName, familyOf, settingByField, settingNames, type SettingName } from "../../generators/annotations/table.ts";
import { suggestSetting } from "../../generators/annotations/read.ts";
import { catalogue, type Code } from "../../generators/diagnostics/catalogue.ts";
import { suggest } from "../../generators/diagnostics/suggest.ts";
import type { Topic } from "../../generators/explain.ts";
import { definition } from "../../generators/mesh/definition.ts";
import { findMeshField, type MeshField } from "./mesh-field.ts";
import { settingsOfField } from "./setting.ts";

/** What a word on the command line asks about. */
export type Asked =
  | { readonly object: Topic }
  | { readonly setting: SettingName; readonly written: string }
  | { readonly code: Code }
  | { readonly field: MeshField }
  /** Several settings that write one field of Istio. */
  | { readonly settings: readonly SettingName[]; readonly written: string }
  | { readonly unknown: string };

/** Kinds by the short names that kubectl has for them, too. */
const kinds: { readonly [kind: string]: readonly string[] } = {
  Service: ["svc", "services"], Deployment: ["deploy", "deployments"], StatefulSet: ["sts", "statefulsets"], DaemonSet: ["ds", "daemonsets"], Rollout: ["ro", "rollouts"],
  Namespace: ["ns", "namespaces"], VirtualService: ["vs", "virtualservices"], DestinationRule: ["dr", "destinationrules"], PeerAuthentication: ["pa", "peerauthentications"],
  Gateway: ["gw", "gateways"], ServiceEntry: ["se", "serviceentries"], AuthorizationPolicy: ["ap", "authorizationpolicies"], RequestAuthentication: ["ra", "requestauthentications"],
  Sidecar: ["sidecars"], EnvoyFilter: ["envoyfilters"], Telemetry: ["telemetries"], WorkloadEntry: ["we"], WorkloadGroup: ["wg"], Job: ["jobs"], CronJob: ["cj", "cronjobs"], Pod: ["po", "pods"],
  Canary: ["canaries"], HorizontalPodAutoscaler: ["hpa"],
};
export const kindNames = Object.keys(kinds);

/** Reads what somebody asks about: `Service/web`, `timeout`, `IZ310`, `spec.gateways.public.hosts`, `perTryTimeout`. */
export function readTopic(written: string): Asked {
  const object = readObject(written);
  if (object) return object;
  const code = written.toUpperCase();
  if (Object.hasOwn(catalogue, code)) return { code: code as Code };
  const setting = readSetting(written);
  if (setting) return { setting, written };
  // `spec.hosts` is a field of both; `VirtualService.spec.hosts` says which one is meant.
  const field = findMeshField(written);
  if (field && "path" in field && written.startsWith("spec")) return { field };
  const fields = settingsOfField(written);
  if (fields.length === 1) return { setting: fields[0]!, written };
  if (fields.length > 1) return { settings: fields, written };
  if (field && "path" in field) return { field };
  if (field) return { unknown: `${field.unknown}${field.suggestion === undefined ? "" : `; did you mean ${field.suggestion}?`}` };
  const bare = bareName(written);
  const near = suggestSetting(bare) ?? suggest(code, Object.keys(catalogue)) ?? suggest(bare, Object.keys(definition.fields).map((name) => `spec.${name}`));
  const kind = findKind(written) ?? findKind(suggest(written, kindNames) ?? "");
  return { unknown: `nothing is called ${JSON.stringify(written)}${near ? `; did you mean ${near}?` : kind ? `; an object is named as ${kind}/name` : ""}` };
}

function readObject(written: string): Asked | undefined {
  if (written.startsWith("istiomize.dev/")) return undefined;
  const [kind, ...rest] = written.split("/") as [string, ...string[]];
  if (rest.length === 0 || /^(spec|VirtualService|DestinationRule)[. ]/.test(kind)) return undefined;
  const found = findKind(kind);
  const near = suggest(kind, kindNames);
  if (!found && !/^[A-Z][A-Za-z]*$/.test(kind)) return { unknown: `${JSON.stringify(kind)} is no kind of object${near ? `; did you mean ${near}/${rest.join("/")}?` : ""}` };
  if (!found && near !== undefined) return { unknown: `${JSON.stringify(kind)} is no kind of object that istiomize knows; did you mean ${near}/${rest.join("/")}?` };
  const [first, second] = rest;
  if (rest.length > 2 || rest.some((part) => part === "")) return { unknown: `${JSON.stringify(written)} names no object; write ${found ?? kind}/name or ${found ?? kind}/namespace/name` };
  return { object: { kind: found ?? kind, name: second ?? first!, ...(second !== undefined && { namespace: first! }) } };
}

function findKind(written: string): string | undefined {
  const lower = written.toLowerCase();
  return kindNames.find((kind) => kind.toLowerCase() === lower || kinds[kind]!.includes(lower));
}

/** A name without what may stand before it: our prefix, a scope, the place in a ServiceMesh. */
function bareName(written: string): string {
  return written.replace(/^istiomize\.dev\//, "").replace(/^(port|subset|gateway|route)\.[^.]+\.(?=.)/, "")
    .replace(/^spec\.(defaults|profiles\.[^.]+|namespaces\.[^.]+|targets\.[^.]+\.set|gateways\.[^.]+\.defaults|limits)\.(?=.)/, "").replace(/^(port|subset|gateway|route)\.[^.]+\.(?=.)/, "");
}

function readSetting(written: string): SettingName | undefined {
  const bare = bareName(written);
  const isGateway = /(^|\/)gateway\.(?!mesh\.)[^.]+\./.test(written);
  const word = isGateway && (bare === "hosts" || bare === "port") ? `gateway-${bare}` : bare;
  if (isSettingName(word)) return word;
  const dot = word.indexOf(".");
  return (dot > 0 ? familyOf(word.slice(0, dot)) : undefined) ?? settingByField().get(word) ?? settingNames.find((name) => name === word.toLowerCase());
}
