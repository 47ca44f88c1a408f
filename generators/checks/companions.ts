import type { Layer, Setting, Settings } from "../annotations/setting.ts";
import type { SettingName } from "../annotations/table.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import type { PlannedRule } from "../mesh/plan.ts";
import { isOwn, type MeshService } from "../mesh/service.ts";
import type { Check } from "./check.ts";

/** Settings of rules that say nothing alone. */
const needs: readonly { readonly of: (name: SettingName) => boolean; readonly one: readonly SettingName[]; readonly written: string }[] = [
  { of: (name) => name.startsWith("cors-") && name !== "cors-allow-origins", one: ["cors-allow-origins"], written: "cors-allow-origins" },
  { of: (name) => name === "fault-match", one: ["fault-delay", "fault-abort"], written: "fault-delay or fault-abort" },
  { of: (name) => name === "default-route", one: ["path", "match", "expose"], written: "path or match, beside which it adds a rule" },
];

/** Settings of rules without the one that they belong to, and a caller's selector on a rule that is exported. */
export const checkCompanions: Check = ({ context }) => context.services.flatMap((service) => {
  const plan = context.plans.get(service)!;
  // A rule beside a limited fault has none itself, so it is asked for what stands behind its own name alone.
  const settled = [plan.mesh, ...plan.gateways].flatMap(({ settings, rules }) => [settings, ...rules.filter(({ kind }) => kind === "route").map(({ settle }) => settle().without((name) => name === "fault-match"))]);
  // What a Service with a gateway says itself is an answer at the gateway, and a destination in the mesh.
  const answered = [
    ...[...service.routeLayers.values()].flatMap((layer) => checkAnswer(layer, ["to", "mirror", "fault-delay", "fault-abort"])),
    ...[...service.gatewayLayers.values(), ...(plan.gateways.length === 0 ? [service.own] : [])].flatMap((layer) => checkAnswer(layer, ["weights", "active", "mirror", "fault-match"])),
  ];
  return [...answered, ...distinct(settled.flatMap((settings) => checkNeeds(settings, service))), ...checkClients(service), ...distinct(checkClaims(service, plan.mesh.rules))];
});

/** A redirect or an answer of the proxy at one level with what is for requests that reach the Service. */
function checkAnswer(level: Layer, led: readonly SettingName[]): readonly Diagnostic[] {
  const answer = [level.get("redirect"), level.get("direct-response")].find((setting) => setting !== undefined && !setting.removed);
  if (!answer) return [];
  return [...level.values()].filter(({ name, removed }) => led.includes(name) && !removed).map((setting) => diagnose("IZ218", setting.source.place, {
    key: keyWithValue(setting), why: `requests that reach the Service: ${keyWithValue(answer)} answers them before`,
    help: "remove one of them, or put the answer behind istiomize.dev/route.<name>. with a match",
  }));
}

function keyWithValue({ source }: Setting): string {
  return `${source.place.path.at(-1)!.replace("istiomize.dev/", "")}: ${source.text}`;
}

function checkNeeds(settings: Settings, service: MeshService): readonly Diagnostic[] {
  const own = [...settings.all()].filter(isOwn);
  return needs.flatMap(({ of, one, written }) => own.filter(({ name }) => of(name) && !one.some((each) => settings.has(each)))
    .map((setting) => diagnose("IZ216", setting.source.place, { key: setting.name, needs: written }, { subject: service.ref })));
}

/** Claims of a token are read at gateways alone (rule G9). */
function checkClaims({ ref }: MeshService, rules: readonly PlannedRule[]): readonly Diagnostic[] {
  return rules.filter(({ match, matchSetting }) => matchSetting && match?.some(({ headers }) => Object.keys(headers ?? {}).some((name) => name.startsWith("@request.auth.")))).map(({ matchSetting }) => diagnose("IZ218", matchSetting!.source.place, {
    key: "a condition on @request.auth.claims", why: "a gateway: callers in the mesh are not routed by the claims of a token", help: "put it behind istiomize.dev/gateway.<alias>.",
  }, { subject: ref }));
}

/** A rule for some callers holds in its own namespace only, so it cannot be exported (rule H10). */
function checkClients({ settings, ref }: MeshService): readonly Diagnostic[] {
  const [clients, exported] = [settings.get("client-selector"), settings.get("export-to")];
  if (!clients || !exported || (exported.value.length === 1 && exported.value[0] === ".")) return [];
  return [diagnose("IZ217", clients.source.place, { one: nameWithValue(clients), other: nameWithValue(exported), why: "export-to: . with a client-selector: such a rule holds for callers of its own namespace only" }, { subject: ref })];
}

function nameWithValue(setting: Setting): string {
  return `${setting.name}: ${setting.source.text}`;
}

function distinct(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...new Map(diagnostics.map((diagnostic) => [`${diagnostic.code} ${diagnostic.place?.path.join(".")}`, diagnostic])).values()];
}
