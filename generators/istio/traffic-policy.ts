import type { Setting, Settings } from "../annotations/setting.ts";
import { policyPath } from "../annotations/policy.ts";
import { rows, type SettingName } from "../annotations/table.ts";
import { asMapping } from "../kube/object.ts";

/** Which settings to leave out: those that this Service or port cannot use. */
export type Fits = (setting: Setting) => boolean;

/**
 * A complete `trafficPolicy` of the settings that fit; an empty mapping where none does.
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy
 */
export function makeTrafficPolicy(settings: Settings, fits: Fits): { readonly [field: string]: unknown } {
  const policy: { [key: string]: unknown } = {};
  for (const setting of inOrder(settings)) {
    const { name } = setting;
    if (!fits(setting)) continue;
    const hash = name === "consistent-hash-algorithm" ? settings.get("consistent-hash") : undefined;
    if (name === "consistent-hash-algorithm" && !(hash && fits(hash))) continue;
    const { field } = rows[name];
    write(policy, policyRows.get(name)!.path, 0, field ? field(setting.value) : setting.value);
  }
  const { tls } = policy as { tls?: { [key: string]: unknown } };
  // What a nearer level switched off takes the details with it that were meant for the other mode.
  if (tls?.["mode"] === undefined) delete policy["tls"];
  else if (tls["mode"] === "DISABLE") policy["tls"] = { mode: "DISABLE" };
  if (tls && needsCertificates(tls)) tls["caCertificates"] = "system";
  return policy;
}

/** The settings of a traffic policy, with the steps of the field that each writes, in the order of the table. */
const policyRows = new Map((Object.keys(rows) as SettingName[]).filter((name) => rows[name].writes.startsWith(policyPath))
  .map((name, at) => [name, { at, path: rows[name].writes.slice(policyPath.length).split(".") }]));

function inOrder(settings: Settings): readonly Setting[] {
  const found: Setting[] = [];
  for (const setting of settings.all()) if (policyRows.has(setting.name)) found.push(setting);
  return found.sort((a, b) => policyRows.get(a.name)!.at - policyRows.get(b.name)!.at);
}

/** Istio uses the bundle of the operating system by default; written out it also tells istioctl that this is meant. */
function needsCertificates(tls: { readonly [key: string]: unknown }): boolean {
  const verifies = tls["mode"] === "SIMPLE" || tls["mode"] === "MUTUAL";
  return verifies && tls["caCertificates"] === undefined && tls["credentialName"] === undefined && tls["insecureSkipVerify"] !== true;
}

function write(target: { [key: string]: unknown }, path: readonly string[], from: number, value: unknown): void {
  const key = path[from]!;
  if (from < path.length - 1) {
    const inner = (target[key] ??= {}) as { [key: string]: unknown };
    write(inner, path, from + 1, value);
  } else {
    const [present, added] = [asMapping(target[key]), asMapping(value)];
    target[key] = present && added ? { ...present, ...added } : value;
  }
}
