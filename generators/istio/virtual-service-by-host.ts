import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { asList, asMapping, asText, compareText, defined, type Mapping } from "../kube/object.ts";
import { fullHost } from "../kube/host.ts";
import type { Made, MeshContext } from "../mesh/context.ts";
import { shortenName } from "../mesh/rule-names.ts";
import { makeMetadata } from "./metadata.ts";
import type { GatewayDraft } from "./gateway-virtual-service.ts";

/** One rule of a shared VirtualService, and whose it is. */
interface Entry {
  readonly draft: GatewayDraft;
  readonly rule: Mapping;
  readonly index: number;
}

/**
 * One VirtualService for each host of a gateway, with the rules of every Service behind it: exact paths before longer
 * prefixes before shorter ones, rules without a path after those, the one without a match last.
 */
export function joinByHost(drafts: readonly GatewayDraft[], context: MeshContext): { readonly made: readonly Made[]; readonly diagnostics: readonly Diagnostic[] } {
  const byHost = new Map<string, GatewayDraft[]>();
  for (const draft of drafts) {
    for (const host of draft.view.binding.hosts) {
      const key = `${draft.view.binding.gateway} ${host}`;
      byHost.set(key, [...(byHost.get(key) ?? []), draft]);
    }
  }
  const diagnostics: Diagnostic[] = [];
  const made = [...byHost].map(([key, sharing]) => writeHost(key.split(" ")[1]!, sharing, context, diagnostics));
  return { made, diagnostics };
}

function writeHost(host: string, drafts: readonly GatewayDraft[], context: MeshContext, diagnostics: Diagnostic[]): Made {
  const [first] = drafts as [GatewayDraft];
  const { binding } = first.view;
  const namespaces = new Set(drafts.map(({ service }) => service.namespace));
  const namespace = namespaces.size === 1 ? first.service.namespace : binding.described!.namespace;
  const entries = drafts.flatMap((draft) => draft.written.http.map((rule, index): Entry => ({ draft, rule: namespaces.size === 1 ? rule : qualify(rule, draft, context), index })));
  const open = entries.filter(({ rule }) => rule["match"] === undefined);
  for (const { draft } of open.slice(1)) {
    diagnostics.push(diagnose("IZ308", draft.view.binding.setting.source.place, { host, gateway: binding.alias, one: open[0]!.draft.service.name, other: draft.service.name }, { subject: draft.service.ref }));
  }
  const sorted = [...entries].sort(compareEntries);
  const bytes = (kind: "tcp" | "tls"): readonly Mapping[] => drafts.flatMap(({ written }) => written[kind]);
  const exported = [...new Set(drafts.flatMap(({ view }) => view.settings.valueOf("export-to") ?? view.binding.described?.exportTo ?? []))];
  return {
    beside: first.service.item,
    decided: [
      { path: ["spec"], settings: first.view.settings, also: [binding.setting] },
      ...sorted.map(({ draft, index }, i) => ({ ...draft.written.decided[index]!, path: ["spec", "http", `[${i}]`] })),
    ],
    isOpen: false,
    object: {
      apiVersion: "networking.istio.io/v1", kind: "VirtualService",
      metadata: makeMetadata(context, shortenName(`${binding.alias}-${host.replace("*", "any").replace(/[^a-z0-9]+/g, "-")}`), namespace, {
        text: drafts.map(({ service }) => `Service/${service.name}`).join(", "), objects: drafts.map(({ service }) => service.object),
      }, 1),
      spec: defined({
        hosts: [host], gateways: [binding.gateway], exportTo: exported.length > 0 ? exported : undefined,
        ...(sorted.length > 0 && { http: nameApart(sorted) }), ...(bytes("tls").length > 0 && { tls: bytes("tls") }), ...(bytes("tcp").length > 0 && { tcp: bytes("tcp") }),
      }),
    },
  };
}

/** Destinations of several namespaces in one object: by their full names. */
function qualify(rule: Mapping, { service }: GatewayDraft, { config }: MeshContext): Mapping {
  const full = (entry: unknown): unknown => {
    const destination = asMapping(asMapping(entry)?.["destination"]);
    const host = asText(destination?.["host"]);
    return host === undefined || host.includes(".") || service.namespace === "" ? entry
      : { ...asMapping(entry), destination: { ...destination, host: fullHost(host, { namespace: service.namespace, clusterDomain: config.clusterDomain }) } };
  };
  return { ...rule, ...(rule["route"] !== undefined && { route: asList(rule["route"]).map(full) }), ...(rule["mirrors"] !== undefined && { mirrors: asList(rule["mirrors"]).map(full) }) };
}

/** Rules of one Service keep their order; between Services the more exact one comes first. */
function compareEntries(a: Entry, b: Entry): number {
  if (a.draft === b.draft) return a.index - b.index;
  const [one, other] = [rankOf(a.draft), rankOf(b.draft)];
  const last = Number(a.rule["match"] === undefined) - Number(b.rule["match"] === undefined);
  return last || one.kind - other.kind || other.length - one.length || compareText(a.draft.service.name, b.draft.service.name);
}

/** How exact the paths of a Service are: its longest one counts. */
function rankOf({ written }: GatewayDraft): { readonly kind: number; readonly length: number } {
  const uris = written.http.flatMap((rule) => asList(rule["match"]).map((match) => asMapping(asMapping(match)?.["uri"]) ?? {}));
  const longest = (kind: string): number => Math.max(0, ...uris.map((uri) => asText(uri[kind])?.length ?? 0));
  if (longest("prefix") > 0) return { kind: 1, length: longest("prefix") };
  if (longest("exact") > 0) return { kind: 0, length: longest("exact") };
  return { kind: longest("regex") > 0 ? 2 : 3, length: longest("regex") };
}

/** Names of rules are those of the Services before them, so that each is there once. */
function nameApart(entries: readonly Entry[]): readonly Mapping[] {
  return entries.map(({ draft, rule }) => ({ ...rule, name: `${draft.service.name}-${String(rule["name"])}` }));
}
