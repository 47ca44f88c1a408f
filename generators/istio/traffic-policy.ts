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
  for (const name of policyNames) {
    const setting = settings.get(name);
    if (!setting || !fits(setting)) continue;
    const hash = name === "consistent-hash-algorithm" ? settings.get("consistent-hash") : undefined;
    if (name === "consistent-hash-algorithm" && !(hash && fits(hash))) continue;
    const row = rows[name];
    write(policy, row.writes.slice(policyPath.length).split("."), row.field ? row.field(setting.value) : setting.value);
  }
  const { tls } = policy as { tls?: { [key: string]: unknown } };
  if (tls && needsCertificates(tls)) tls["caCertificates"] = "system";
  return policy;
}

const policyNames = (Object.keys(rows) as SettingName[]).filter((name) => rows[name].writes.startsWith(policyPath));

/** Istio uses the bundle of the operating system by default; written out it also tells istioctl that this is meant. */
function needsCertificates(tls: { readonly [key: string]: unknown }): boolean {
  const verifies = tls["mode"] === "SIMPLE" || tls["mode"] === "MUTUAL";
  return verifies && tls["caCertificates"] === undefined && tls["credentialName"] === undefined && tls["insecureSkipVerify"] !== true;
}

function write(target: { [key: string]: unknown }, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path as [string, ...string[]];
  if (rest.length > 0) {
    const inner = (target[key] ??= {}) as { [key: string]: unknown };
    write(inner, rest, value);
  } else {
    const [present, added] = [asMapping(target[key]), asMapping(value)];
    target[key] = present && added ? { ...present, ...added } : value;
  }
}
