import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { asMapping, mappingAt, type Mapping } from "../../kube/object.ts";
import type { ObjectCheck } from "../istio-object.ts";
import { isMade, isWrittenAsIstio, portBlocks, portsIn, subjectOf, subsetsIn, type Block } from "./policies.ts";

/**
 * Blocks of a subset or a port that leave out what the whole rule says: Istio replaces such a block and merges nothing
 * into it, and an entry for a port replaces all of them.
 */
export const checkReplacedBlocks: ObjectCheck = (object) => {
  if (isMade(object)) return [];
  const whole = mappingAt(object.spec, "trafficPolicy");
  const subsets = subsetsIn(object);
  const told: Diagnostic[] = [];
  const tell = (path: readonly string[], of: string, lost: readonly string[], replaces: "block" | "port"): void => {
    if (lost.length > 0 && isWrittenAsIstio(object, ...path)) told.push(diagnose("IZ368", object.placeOf(...path), { of, lost, replaces }, subjectOf(object)));
  };
  for (const { name, policy, path } of subsets) {
    for (const block of portBlocks) {
      const own = asMapping(policy[block]);
      if (own) tell([...path, "trafficPolicy", block], `subset ${name}`, findLost(block, mappingAt(whole, block), own), "block");
    }
  }
  for (const { policy, path, of, base } of [
    { policy: whole, path: ["spec", "trafficPolicy"], of: "", base: whole },
    ...subsets.map((subset) => ({ policy: subset.policy, path: [...subset.path, "trafficPolicy"], of: ` of subset ${subset.name}`, base: { ...whole, ...subset.policy } })),
  ]) {
    for (const [number, entry, step] of portsIn(policy)) {
      const lost = portBlocks.flatMap((block) => findLost(block, mappingAt(base, block), mappingAt(entry, block)));
      tell([...path, "portLevelSettings", step], `port ${number}${of}`, lost, "port");
    }
  }
  return told;
};

/** Fields of a block that are set above and not here; where the block says otherwise altogether, nothing is lost. */
function findLost(block: Block, above: Mapping, own: Mapping): readonly string[] {
  if (block === "tls") return above["mode"] === undefined || above["mode"] === "ISTIO_MUTUAL" || (own["mode"] !== undefined && own["mode"] !== above["mode"]) ? [] : missing(above, own, block);
  if (block === "outlierDetection" && own["consecutive5xxErrors"] === 0) return [];
  if (block !== "loadBalancer") return missing(above, own, block);
  const choices = ["simple", "consistentHash"];
  const chosen = choices.some((key) => own[key] !== undefined);
  return missing(Object.fromEntries(Object.entries(above).filter(([key]) => !(chosen && (choices.includes(key) || key.startsWith("warmup"))))), own, block);
}

function missing(above: Mapping, own: Mapping, at: string): readonly string[] {
  return Object.entries(above).flatMap(([key, value]) => {
    const inner = asMapping(value);
    const mine = own[key];
    if (inner && (mine === undefined || asMapping(mine))) return missing(inner, asMapping(mine) ?? {}, `${at}.${key}`);
    return mine === undefined ? [`${at}.${key}`] : [];
  });
}
