import { diagnose } from "../../diagnostics/diagnostic.ts";
import { asMapping } from "../../kube/object.ts";
import { entriesOf } from "../istio-object.ts";
import { takesReadsOnly, type RouteCheck, type Rule } from "./routes.ts";

/** Copies of calls that write, which the mirror carries out as well, and of reads where nobody said how many (rule V8). */
export const checkMirrors: RouteCheck = ({ object, rules }) => rules.filter(({ kind }) => kind === "http").flatMap((rule) => {
  const mirror = hasMirror(rule) ? rule.destinations.find(({ isMirror }) => isMirror) : undefined;
  const share = shareOf(rule);
  const isReadOnly = takesReadsOnly(rule);
  if (!mirror || share === 0 || (isReadOnly && share !== undefined)) return [];
  const found = diagnose("IZ384", object.placeOf(...mirror.path), {
    mirror: mirror.subset === undefined ? mirror.host : `subset ${mirror.subset} of ${mirror.host}`, isReadOnly,
    share: share === undefined ? "every request (no percentage means 100%)" : `${share}% of the requests`,
  }, object.subject && { subject: object.subject });
  return [isReadOnly ? { ...found, severity: "info" } : found];
});

function hasMirror({ body }: Rule): boolean {
  return body["mirror"] !== undefined || body["mirrors"] !== undefined;
}

/** The percentage that is mirrored; nothing where none is said, which is all of it. */
function shareOf({ body }: Rule): number | undefined {
  const first = entriesOf(body["mirrors"])[0]?.[0];
  const value = asMapping(first ? first["percentage"] : body["mirrorPercentage"])?.["value"] ?? (first ? undefined : body["mirrorPercent"]);
  return typeof value === "number" ? value : undefined;
}
