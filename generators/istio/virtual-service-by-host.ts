import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { asList, asMapping, asText, compareText, defined, type Mapping } from "../kube/object.ts";
import { fullHost } from "../kube/host.ts";
import type { Made, MeshContext } from "../mesh/context.ts";
import { shortenName } from "../mesh/rule-names.ts";
import { makeExportTo } from "./export-to.ts";
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
  for (const { service, view } of drafts) {
    const patch = view.settings.get("virtual-service-patch");
    if (patch && service.gatewayLayers.get(binding.alias)?.has("virtual-service-patch")) diagnostics.push(diagnose("IZ218", patch.source.place, {
      key: patch.source.place.path.at(-1)!, why: `a VirtualService of its own behind ${binding.alias}: those of Services behind it are one for each host`,
      help: "write the rule with routes, or leave virtualServices: host out of the gateway",
    }, { subject: service.ref }));
  }
  const sorted = sortEntries(entries);
  const bytes = (kind: "tcp" | "tls"): readonly Mapping[] => drafts.flatMap(({ written }) => written[kind]);
  // A Service that says nothing is for everybody, so that what others say holds for none of the object.
  const wanted = drafts.map(({ view }) => view.settings.valueOf("export-to") ?? view.binding.described?.exportTo);
  const exported = wanted.every((each) => each !== undefined && !each.includes("*")) ? makeExportTo([...new Set(wanted.flatMap((each) => each ?? []))], namespace) : wanted.find((each) => each?.includes("*"));
  return {
    beside: first.service.item,
    decided: [
      { path: ["spec"], settings: first.view.settings, also: [binding.setting] },
      ...sorted.map(({ draft, index }, i) => ({ ...draft.written.decided[index]!, path: ["spec", "http", `[${i}]`] })),
    ],
    isOpen: drafts.some(({ view }) => view.settings.has("routes") || view.settings.has("tcp-routes") || view.settings.has("tls-routes")),
    object: {
      apiVersion: "networking.istio.io/v1", kind: "VirtualService",
      metadata: makeMetadata(context, shortenName(`${binding.alias}-${host.replace("*", "any").replace(/[^a-z0-9]+/g, "-")}`), namespace, {
        text: drafts.map(({ service }) => `Service/${service.name}`).join(", "), objects: drafts.map(({ service }) => service.object),
      }, 1),
      spec: defined({
        hosts: [host], gateways: [binding.gateway], exportTo: exported,
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

/** What a Service takes by one of its paths, and how exact that is. */
interface Share {
  readonly draft: GatewayDraft;
  readonly kind: number;
  readonly length: number;
  readonly takes: (uri: Mapping) => boolean;
}

/** The alternatives of a rule that belong to one share. */
interface Part extends Entry {
  readonly share: Share;
}

const kinds = { exact: 0, prefix: 1, regex: 2, none: 3, open: 4 } as const;

/**
 * The rules in the order of the object: those of one Service keep theirs for each of its paths, and between Services
 * the more exact path comes first. A rule for several paths is written in parts where another Service comes between.
 */
function sortEntries(entries: readonly Entry[]): readonly Entry[] {
  const shares = new Map(entries.map(({ draft }) => [draft, sharesOf(draft)]));
  const parts = entries.flatMap((entry) => partsOf(entry, shares.get(entry.draft)!)).sort(compareParts);
  const runs: Part[][] = [];
  for (const part of parts) {
    const run = runs.at(-1);
    if (run && run[0]!.draft === part.draft && run[0]!.share.kind !== kinds.open && part.share.kind !== kinds.open) run.push(part);
    else runs.push([part]);
  }
  return runs.flatMap(joinParts);
}

/** One share for each path that the gateway takes for a Service, `/api` and `/api/…` together; one for all where it takes every path. */
function sharesOf(draft: GatewayDraft): readonly Share[] {
  const uris = (draft.view.binding.path ?? []).map(({ uri }) => uri ?? {});
  if (uris.length === 0) return [{ draft, ...rankOf(draft), takes: () => true }];
  const prefixes = uris.flatMap(({ prefix }) => prefix ?? []);
  return uris.flatMap(({ exact, prefix, regex }): readonly Share[] => {
    if (prefix !== undefined) return [{ draft, kind: kinds.prefix, length: prefix.length, takes: (uri) => [`${asText(uri["exact"])}/`, asText(uri["exact"]), asText(uri["prefix"])].some((text) => text?.startsWith(prefix)) }];
    if (exact !== undefined) return prefixes.includes(`${exact}/`) ? [] : [{ draft, kind: kinds.exact, length: exact.length, takes: (uri) => uri["exact"] === exact }];
    return [{ draft, kind: kinds.regex, length: regex?.length ?? 0, takes: (uri) => uri["regex"] === regex }];
  });
}

function partsOf(entry: Entry, shares: readonly Share[]): readonly Part[] {
  const { draft, rule } = entry;
  const match = rule["match"];
  if (!Array.isArray(match)) return [{ ...entry, share: { draft, kind: kinds.open, length: 0, takes: () => true } }];
  const belongs = (each: unknown): Share => shares.find(({ takes }) => takes(asMapping(asMapping(each)?.["uri"]) ?? {})) ?? shares[0]!;
  const byShare = new Map<Share, unknown[]>();
  for (const each of match as readonly unknown[]) byShare.set(belongs(each), [...(byShare.get(belongs(each)) ?? []), each]);
  return [...byShare].map(([share, matches]) => ({ ...entry, share, rule: { ...rule, match: matches } }));
}

function compareParts(a: Part, b: Part): number {
  return a.share.kind - b.share.kind || b.share.length - a.share.length || compareText(a.draft.service.name, b.draft.service.name)
    || compareText(a.draft.service.namespace, b.draft.service.namespace) || a.index - b.index;
}

/** Neighbours of one Service as the rules that they are parts of. */
function joinParts(run: readonly Part[]): readonly Entry[] {
  const byIndex = new Map<number, Part[]>();
  for (const part of [...run].sort((a, b) => a.index - b.index)) byIndex.set(part.index, [...(byIndex.get(part.index) ?? []), part]);
  return [...byIndex.values()].map(([first, ...more]) => {
    const match = [first!, ...more].flatMap(({ rule }) => asList(rule["match"]));
    return { draft: first!.draft, index: first!.index, rule: first!.rule["match"] === undefined ? first!.rule : { ...first!.rule, match } };
  });
}

/** How exact the rules of a Service are that takes every path: its longest path counts. */
function rankOf({ written }: GatewayDraft): { readonly kind: number; readonly length: number } {
  const uris = written.http.flatMap((rule) => asList(rule["match"]).map((match) => asMapping(asMapping(match)?.["uri"]) ?? {}));
  const longest = (kind: string): number => Math.max(0, ...uris.map((uri) => asText(uri[kind])?.length ?? 0));
  if (longest("prefix") > 0) return { kind: kinds.prefix, length: longest("prefix") };
  if (longest("exact") > 0) return { kind: kinds.exact, length: longest("exact") };
  return { kind: longest("regex") > 0 ? kinds.regex : kinds.none, length: longest("regex") };
}

/** Names of rules are those of the Services before them, each there once. */
function nameApart(entries: readonly Entry[]): readonly Mapping[] {
  const seen = new Map<string, number>();
  return entries.map(({ draft, rule }) => {
    const name = `${draft.service.name}-${String(rule["name"])}`;
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return { ...rule, name: count === 1 ? name : `${name}-${count}` };
  });
}
