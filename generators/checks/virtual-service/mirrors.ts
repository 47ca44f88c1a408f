import { diagnose } from "../../diagnostics/diagnostic.ts";
import { asMapping } from "../../kube/object.ts";
import { entriesOf } from "../istio-object.ts";
import { takesReadsOnly, type RouteCheck, type Rule } from "./routes.ts";

/** Copies of calls that write, which the mirror carries out as well (rule V8). */
export const checkMirrors: RouteCheck = ({ object, rules }) => rules.filter((rule) => rule.kind === "http" && !takesReadsOnly(rule)).flatMap((rule) => {
  const mirror = rule.destinations.find(({ isMirror }) => isMirror);
  if (!mirror) return [];
  const share = shareOf(rule);
  if (share === 0) return [];
  return [diagnose("IZ384", object.placeOf(...mirror.path), {
    mirror: mirror.subset === undefined ? mirror.host : `subset ${mirror.subset} of ${mirror.host}`, share: share === undefined ? "every request (no percentage is 100%)" : `${share}% of the requests`,
  }, object.subject && { subject: object.subject })];
});

/** The percentage that is mirrored; nothing where none is said, which is all of it. */
function shareOf({ body }: Rule): number | undefined {
  const first = entriesOf(body["mirrors"])[0]?.[0];
  const value = asMapping(first ? first["percentage"] : body["mirrorPercentage"])?.["value"] ?? (first ? undefined : body["mirrorPercent"]);
  return typeof value === "number" ? value : undefined;
}
