import { diagnose } from "../../diagnostics/diagnostic.ts";
import { asList } from "../../kube/object.ts";
import { splitReference } from "../../mesh/gateways.ts";
import type { RouteCheck } from "./routes.ts";

/** Matches for a gateway that the VirtualService itself is not bound to: it never comes there (rule V11). */
export const checkMatchGateways: RouteCheck = ({ object, rules, gateways, isDelegate }) => {
  if (isDelegate) return [];
  const nameOf = (written: string): string => (written === "mesh" ? written : splitReference(written, object.namespace).join("/"));
  const bound = new Set(gateways.map(nameOf));
  return rules.flatMap(({ matches }) => matches.flatMap(({ body, path }) => asList(body["gateways"]).flatMap((written, i) => {
    if (typeof written !== "string" || bound.has(nameOf(written))) return [];
    return [diagnose("IZ218", object.placeOf(...path, "gateways", `[${i}]`), {
      key: `a match for gateway ${written}`, why: `a gateway that spec.gateways of this VirtualService lists (${gateways.join(", ")}): it is applied at no other one`,
      help: `add ${written} to spec.gateways, or match one of those`,
    }, object.subject && { subject: object.subject })];
  })));
};
