import { keyOf, type Layer, type Setting, type Settings } from "../annotations/setting.ts";
import type { Destination, WeightedDestination } from "../annotations/traffic-values.ts";
import type { RouteEntry } from "../annotations/route-values.ts";
import { andMatches, type Conjunction } from "../annotations/conditions.ts";
import { diagnose, type Diagnostic, type Place } from "../diagnostics/diagnostic.ts";
import { compareText, nameOf, type Item, type Mapping } from "../kube/object.ts";
import { bindGateways, type Binding } from "./bindings.ts";
import type { MeshConfig } from "./config.ts";
import { checkPods, checkRename, checkWeights, findTarget, hostOf, type Target } from "./destinations.ts";
import { meshAlias } from "./gateways.ts";
import type { ServiceLookup } from "./lookup.ts";
import type { Governed } from "./rollouts.ts";
import type { MeshService } from "./service.ts";
import type { KnownService } from "./settings.ts";
import { ruleSettings, viewSettings, withoutEdge } from "./views.ts";

/** A copy of requests that goes to a further destination. */
export interface Mirror {
  readonly target: Target;
  /** Percent of the requests; all of them where it says nothing. */
  readonly percent?: number;
}

/** One rule of a VirtualService before it is written for a port. */
export interface PlannedRule {
  readonly kind: "fault" | "route" | "raw" | "pin" | "default";
  /** Its name, and where it is written. */
  readonly name: string;
  /** Alternatives, each a match of Istio; nothing where every request fits. */
  readonly match?: readonly Conjunction[];
  readonly matchSetting?: Setting;
  /** Where its traffic goes; nothing where that is the Service as a whole. */
  readonly targets?: readonly Target[];
  readonly setting?: Setting;
  readonly mirrors: readonly Mirror[];
  /** A rule in Istio's own fields. */
  readonly raw?: Mapping;
  /** Whether its `rewrite` is its own: then it replaces what this rule matches, else what the gateway takes. */
  readonly rewritesMatch?: true;
  /** The settings that hold for it, with those of a port. */
  readonly settle: (port?: Layer) => Settings;
}

/** The rules for callers in the mesh, or for what comes through one gateway. */
export interface View {
  readonly binding?: Binding;
  readonly settings: Settings;
  readonly rules: readonly PlannedRule[];
  /** `tcp-routes` and `tls-routes`. */
  readonly raw: { readonly [K in "tcp" | "tls"]: readonly { readonly fields: Mapping; readonly targets?: readonly Target[] }[] };
}

/** Where the traffic of a Service goes, for everybody who calls it. */
export interface RoutePlan {
  readonly host: string;
  readonly mesh: View;
  readonly gateways: readonly View[];
  /** What `weights`, `active` or a Rollout make of the default rule in the mesh; nothing where it leads to the Service as a whole. */
  readonly targets?: readonly Target[];
  /** The setting that decided it. */
  readonly setting?: Setting;
  /** Where that stands: the setting, or the Rollout. */
  readonly place?: Place;
  /** Every destination that a rule names, with its weight. */
  readonly named: readonly Target[];
  readonly diagnostics: readonly Diagnostic[];
}

/** What planning one Service looks up, and where it says what it found. */
interface Planning {
  readonly service: MeshService;
  readonly lookup: ServiceLookup<KnownService>;
  readonly config: MeshConfig;
  readonly host: string;
  readonly report: (diagnostics: readonly Diagnostic[]) => void;
}

/** The rules of every VirtualService of a Service. */
export function planRoutes(service: MeshService, lookup: ServiceLookup<KnownService>, config: MeshConfig, kept: readonly Item[]): RoutePlan {
  const host = hostOf(service, service.namespace, config);
  const diagnostics: Diagnostic[] = [];
  if (config.hosts === "fqdn" && service.namespace === "") {
    diagnostics.push(diagnose("IZ371", { ref: service.ref, path: ["metadata", "namespace"] }, { service: service.name }));
  }
  diagnostics.push(...checkRename(service, host, lookup));
  const planning: Planning = { service, lookup, config, host, report: (found) => diagnostics.push(...found) };
  const { bindings, diagnostics: ofBindings } = bindGateways(service, config, kept, lookup);
  diagnostics.push(...ofBindings);
  const governed = service.governed?.role === "apex" ? governTargets(planning, service.governed) : undefined;
  const mesh = planMesh(planning, bindings.length > 0, governed?.targets);
  const gateways = bindings.map((binding) => planGateway(planning, binding, governed?.targets));
  const rule = mesh.rules.find(({ kind }) => kind === "default")!;
  diagnostics.push(...gateways.flatMap((view) => checkPassing(service, host, rule, view)));
  const views = [mesh, ...gateways];
  const named = views.flatMap(({ rules, raw }) => [
    ...rules.flatMap(({ targets = [], mirrors }) => [...targets, ...mirrors.map(({ target }) => target)]), ...[...raw.tcp, ...raw.tls].flatMap(({ targets = [] }) => targets),
  ]);
  return {
    host, mesh, gateways, named, diagnostics,
    ...(rule.targets && { targets: rule.targets }), ...(rule.setting && { setting: rule.setting }),
    ...((governed ?? rule.setting) && { place: governed?.place ?? rule.setting!.source.place }),
  };
}

/** A gateway that leads to all pods because what splits the traffic was said for callers in the mesh alone. */
function checkPassing(service: MeshService, host: string, { targets = [], setting }: PlannedRule, { binding, settings, rules }: View): readonly Diagnostic[] {
  const subsets = targets.flatMap(({ subset }) => subset?.name ?? []);
  const layer = service.gatewayLayers.get(binding!.alias);
  const isMeant = layer?.has("weights") || layer?.has("active") || settings.has("redirect") || settings.has("direct-response");
  if (!setting || subsets.length === 0 || isMeant || rules.find(({ kind }) => kind === "default")?.targets) return [];
  return [diagnose("IZ386", binding!.setting.source.place, {
    host, by: setting.source.place.path.at(-1)!, subsets,
    help: `write it as istiomize.dev/${setting.name}, for both, or say what holds here with istiomize.dev/gateway.${binding!.alias}.${setting.name} (\`none\`: all pods alike)`,
  }, { subject: service.ref })];
}

function planMesh(planning: Planning, isBound: boolean, governed: readonly Target[] | undefined): View {
  const { service, config } = planning;
  const settle = (port?: Layer): Settings => withoutEdge(viewSettings(service, meshAlias, config, port), service, isBound);
  const settings = settle();
  const rules = planRules(planning, settings, settle, governed);
  const match = settings.get("match");
  return { settings, rules: match ? rules.map((rule) => narrow(rule, match.value, match, planning)).filter(canMatch) : rules, raw: planBytes(planning, settings) };
}

function planGateway(planning: Planning, binding: Binding, governed: readonly Target[] | undefined): View {
  const settle = (port?: Layer): Settings => viewSettings(planning.service, binding.scope, planning.config, port);
  const settings = settle();
  const edges = [{ match: binding.path, setting: binding.pathSetting }, { match: settings.valueOf("match"), setting: settings.get("match") }].filter(({ match }) => match !== undefined);
  for (const { match, setting } of edges) if (setting && withoutCallers(match!).length === 0) planning.report([describeCallers(setting, planning.service)]);
  const rules = planRules(planning, settings, settle, governed).map((rule) => withoutSources(rule, planning, binding)).filter(canMatch);
  const raw = planBytes(planning, settings);
  if (edges.length === 0) return { binding, settings, rules, raw };
  const narrowed = rules.map((rule) => edges.reduce((narrower, { match, setting }) => narrow(narrower, withoutCallers(match!), setting, planning), rule)).filter(canMatch);
  const kept = new Set(narrowed.map(({ name }) => name));
  for (const { name, matchSetting } of rules.filter((rule) => !kept.has(rule.name))) {
    const key = matchSetting?.source.place.path.at(-1) ?? "";
    if (matchSetting && key.startsWith("istiomize.dev/gateway.")) planning.report([diagnose("IZ218", matchSetting.source.place, {
      key, why: `requests that gateway ${binding.alias} takes for the Service: rule ${name} asks for others than its path and match`, help: "add the path to those of the gateway, or change the condition",
    }, { subject: planning.service.ref })]);
  }
  const rest = settings.valueOf("default-route") === true ? rules.filter(({ kind }) => kind === "default").map((rule) => ({ ...rule, name: "default-route" })) : [];
  return { binding, settings, rules: [...narrowed, ...rest], raw };
}

/** A rule that also asks for what the gateway's path or match asks for. */
function narrow(rule: PlannedRule, match: readonly Conjunction[], setting: Setting | undefined, { report, service }: Planning): PlannedRule {
  if (rule.kind === "raw") return { ...rule, raw: narrowRaw(rule, match, setting, report, service) };
  if (rule.match === undefined) return { ...rule, match, ...(setting && { matchSetting: setting }) };
  const joined = andMatches(rule.match, match);
  if ("conflict" in joined) {
    report([diagnose("IZ228", (rule.matchSetting ?? setting)!.source.place, { one: quoteSetting(rule.matchSetting), other: quoteSetting(setting), field: joined.conflict }, { subject: service.ref })]);
    return rule;
  }
  return { ...rule, match: joined.value };
}

/** At a gateway nobody is a caller with labels: Istio takes `source:` for callers in the mesh alone. */
function withoutSources(rule: PlannedRule, { service, report }: Planning, binding: Binding): PlannedRule {
  const match = rule.match && withoutCallers(rule.match);
  if (match?.length === 0 && rule.matchSetting && service.gatewayLayers.get(binding.scope)?.has(keyOf(rule.matchSetting))) report([describeCallers(rule.matchSetting, service)]);
  return match ? { ...rule, match } : rule;
}

function withoutCallers(match: readonly Conjunction[]): readonly Conjunction[] {
  return match.filter(({ sourceLabels }) => sourceLabels === undefined);
}

function describeCallers(setting: Setting, service: MeshService): Diagnostic {
  return diagnose("IZ218", setting.source.place, {
    key: quoteSetting(setting), why: "callers in the mesh: at a gateway nobody has labels", help: `write another condition, or istiomize.dev/${keyOf(setting)} for the mesh`,
  }, { subject: service.ref });
}

/** Whether any request can meet all that a rule asks for. */
function canMatch({ match, raw }: PlannedRule): boolean {
  return match?.length !== 0 && !(Array.isArray(raw?.["match"]) && raw["match"].length === 0);
}

function narrowRaw(rule: PlannedRule, match: readonly Conjunction[], setting: Setting | undefined, report: Planning["report"], service: MeshService): Mapping {
  const own = rule.raw!["match"];
  if (!Array.isArray(own) || own.length === 0) return { ...rule.raw, match };
  const joined = andMatches(own as readonly Conjunction[], match);
  if ("conflict" in joined) {
    report([diagnose("IZ228", rule.setting!.source.place, { one: `the match of ${rule.name}`, other: quoteSetting(setting), field: joined.conflict }, { subject: service.ref })]);
    return rule.raw!;
  }
  return { ...rule.raw, match: joined.value };
}

function quoteSetting(setting: Setting | undefined): string {
  return setting ? `${setting.source.place.path.at(-1)!.replace("istiomize.dev/", "")}: ${setting.source.text}` : "the rule";
}

/** The rules in their order: for faults, further routes, routes as written, pins, the default one. */
function planRules(planning: Planning, settings: Settings, settle: (port?: Layer) => Settings, governed: readonly Target[] | undefined): readonly PlannedRule[] {
  const { service, report } = planning;
  const faultMatch = settings.get("fault-match");
  const withoutFault = faultMatch ? (port?: Layer) => settle(port).without((name) => name === "fault-delay" || name === "fault-abort") : settle;
  const decided = governed ? { targets: governed } : decideTargets(planning, settings);
  const standard: PlannedRule = { kind: "default", name: "default", mirrors: findMirrors(planning, settings), settle: withoutFault, ...decided };
  const rules: PlannedRule[] = [];
  const isAnswered = settings.has("redirect") || settings.has("direct-response");
  if (faultMatch && !isAnswered && (settings.has("fault-delay") || settings.has("fault-abort"))) {
    rules.push({ ...standard, kind: "fault", name: "fault-match", match: faultMatch.value, matchSetting: faultMatch, mirrors: [], settle });
  }
  rules.push(...planFurther(planning, withoutFault));
  const raw = settings.get("routes");
  if (raw) rules.push(...raw.value.map((entry, i) => planRaw(planning, raw, entry, i, withoutFault)));
  for (const pin of settings.entriesOf("match.<dest>")) {
    const found = findTarget({ name: pin.entry! }, service, pin, planning.lookup, planning.config);
    report([...found.diagnostics, ...(found.target ? checkPods(found.target, pin, "what matches") : [])]);
    if (found.target) rules.push({ ...standard, kind: "pin", name: `pin-${pin.entry}`, match: pin.value as readonly Conjunction[], matchSetting: pin, targets: [found.target], setting: pin, mirrors: [] });
  }
  if (service.shape === "headless" && !governed) {
    for (const { setting } of [...rules, standard]) if (setting) report([diagnose("IZ334", setting.source.place, { key: `${setting.name} on ${service.name}` })]);
    for (const { mirrors, settle } of [...rules, standard]) {
      const mirrored = mirrors.find(({ target }) => target.subset);
      if (mirrored) report([diagnose("IZ334", settle().find("mirror")!.source.place, { key: `a mirror to subset ${mirrored.target.subset!.name} of ${service.name}` })]);
    }
  }
  return [...rules, standard];
}

/** What stands behind `route.`, by order and then by name. */
function planFurther(planning: Planning, settle: (port?: Layer) => Settings): readonly PlannedRule[] {
  const orderOf = (layer: Layer): number => (layer.get("order")?.value as number | undefined) ?? 0;
  return [...planning.service.routeLayers].filter(([, layer]) => [...layer.values()].some(({ removed }) => !removed))
    .sort(([a, one], [b, other]) => orderOf(one) - orderOf(other) || compareText(a, b))
    .map(([name, layer]) => {
      const settings = (port?: Layer): Settings => ruleSettings(settle(port).without((each) => each === "mirror" || each === "match"), layer);
      const own = settings();
      const match = own.get("match");
      const to = own.get("to");
      return {
        kind: "route", name, settle: settings, mirrors: findMirrors(planning, own), ...(layer.has("rewrite") && { rewritesMatch: true as const }),
        ...(match && { match: match.value, matchSetting: match }), ...(to && { targets: findTargets(planning, to.value, to), setting: to }),
      };
    });
}

function planRaw(planning: Planning, setting: Setting, entry: RouteEntry, index: number, settle: (port?: Layer) => Settings): PlannedRule {
  const name = typeof entry.fields["name"] === "string" ? entry.fields["name"] : `routes-${index + 1}`;
  return { kind: "raw", name, raw: entry.fields, setting, mirrors: [], settle, ...(entry.to && { targets: findTargets(planning, entry.to, setting) }) };
}

/** `tcp-routes` and `tls-routes` with the destinations that they name. */
function planBytes(planning: Planning, settings: Settings): View["raw"] {
  const read = (name: "tcp-routes" | "tls-routes"): View["raw"]["tcp"] => {
    const setting = settings.get(name);
    return (setting?.value ?? []).map(({ fields, to }) => ({ fields, ...(to && { targets: findTargets(planning, to, setting!) }) }));
  };
  return { tcp: read("tcp-routes"), tls: read("tls-routes") };
}

/** What `weights` or `active` says. */
function decideTargets(planning: Planning, settings: Settings): Pick<PlannedRule, "targets" | "setting"> {
  const weights = settings.get("weights");
  const setting = weights ?? settings.get("active");
  if (!setting) return {};
  return { setting, targets: findTargets(planning, weights ? weights.value : [setting.value as Destination], setting) };
}

/** Destinations with their shares; a single one takes everything. */
export function findTargets({ service, lookup, config, report }: Planning, written: readonly (Destination & { readonly weight?: number })[], setting: Setting): readonly Target[] {
  const targets = written.flatMap((destination) => {
    const found = findTarget(destination, service, setting, lookup, config);
    report(found.diagnostics);
    return found.target ? [found.target] : [];
  });
  report(written.some(({ weight }) => weight !== undefined)
    ? checkWeights(written as readonly WeightedDestination[], setting, targets)
    : targets.flatMap((target) => checkPods(target, setting, "all traffic")));
  return targets;
}

function findMirrors({ service, lookup, config, report }: Planning, settings: Settings): readonly Mirror[] {
  const setting = settings.get("mirror");
  if (!setting) return [];
  return setting.value.flatMap(({ percent, ...destination }) => {
    const found = findTarget(destination, service, setting, lookup, config);
    report(found.diagnostics);
    return found.target ? [{ target: found.target, ...(percent !== undefined && { percent }) }] : [];
  });
}

/** All traffic to the stable side, and the canary beside it: Argo Rollouts moves the weights from there. */
function governTargets({ service, host, config, report }: Planning, { rollout, virtualService, stable, canary }: Governed): { readonly targets: readonly Target[]; readonly place: Place } {
  const { rule, place, pending } = rollout;
  const subset = (name: string): Target => ({ host, service, subset: service.subsets.find((each) => each.name === name)! });
  const whole = (other: KnownService): Target => ({ host: hostOf(other, service.namespace, config), service: other });
  const [one, other] = rule ? [subset(rule.stable), subset(rule.canary)] : [whole(stable!), whole(canary!)];
  const [first, second] = rule ? [rule.stable, rule.canary] : [nameOf(stable!.object), nameOf(canary!.object)];
  const subject = { subject: service.ref };
  const setting = service.settings.get("weights") ?? service.settings.get("active");
  report([
    ...(setting && !saysTheSame(setting, [first, second]) ? [diagnose("IZ356", setting.source.place, { key: setting.name, rollout: rollout.name, stable: first, canary: second }, subject)] : []),
    diagnose("IZ355", place, { rollout: rollout.name, virtualService: virtualService!.name, between: `${rule ? "subsets" : "Services"} ${first} and ${second}`, pending: pending.map(({ was }) => was) }, subject),
  ]);
  return { place, targets: [{ ...one, weight: 100 }, { ...other, weight: 0 }] };
}

function saysTheSame({ name, value }: Setting, [stable, canary]: readonly string[]): boolean {
  if (name === "active") return (value as Destination).name === stable;
  const weights = new Map((value as readonly WeightedDestination[]).map((each) => [each.name, each.weight]));
  return weights.size === 2 && weights.get(stable!) === 100 && weights.get(canary!) === 0;
}
