import { rows, type SettingName } from "./table.ts";

/** Where `writes` of a DestinationRule setting starts. */
export const policyPath = "DestinationRule spec.trafficPolicy.";

/** The four blocks that Istio takes per port and per subset; each replaces the farther one whole. */
export const blocks = ["loadBalancer", "connectionPool", "outlierDetection", "tls"] as const;
export type Block = (typeof blocks)[number];

/** The field of `trafficPolicy` that a setting writes into: one of the blocks, or one that Istio takes per subset only. */
export function policyFieldOf(name: SettingName): string | undefined {
  if (!fields.has(name)) {
    const { writes } = rows[name];
    fields.set(name, writes.startsWith(policyPath) ? writes.slice(policyPath.length).split(".")[0] : undefined);
  }
  return fields.get(name);
}

/** What was looked up before: it is asked for with every setting of every Service. */
const fields = new Map<SettingName, string | undefined>();

/** The block that a setting writes into; nothing for settings outside `trafficPolicy`. */
export function blockOf(name: SettingName): Block | undefined {
  const field = policyFieldOf(name);
  return blocks.find((block) => block === field);
}
