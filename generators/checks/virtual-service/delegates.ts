import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { suggest } from "../../diagnostics/suggest.ts";
import { asMapping, asText } from "../../kube/object.ts";
import type { RouteCheck } from "./routes.ts";

/** Rules that hand over to another VirtualService: it is there, has no hosts, and hands nothing on. */
export const checkDelegates: RouteCheck = (routes, _world, map) => routes.rules.flatMap((rule): readonly Diagnostic[] => {
  const { object } = routes;
  const delegate = asMapping(rule.body["delegate"]);
  const name = asText(delegate?.["name"]);
  if (!delegate || !name) return [];
  const namespace = asText(delegate["namespace"]) || object.namespace;
  const place = object.placeOf(...rule.path, "delegate");
  if (routes.isDelegate) return [diagnose("IZ217", place, { one: "no hosts (a VirtualService that others delegate to)", other: "a delegate", why: "delegation in one step only: Istio ignores a delegate of a delegate", help: "let the root VirtualService name that one" })];
  const found = map.byName.get(`${namespace}/${name}`);
  if (found) return found.isDelegate ? [] : [diagnose("IZ217", place, { one: `delegate ${name}`, other: `hosts in ${name}`, why: "a delegate without hosts and gateways: it takes those of the root", help: `remove hosts and gateways from ${name}, or route to its destinations here` })];
  const near = map.all.filter((other) => other.object.namespace === namespace && other.isDelegate).map((other) => other.object.ref.name);
  return near.length === 0 ? [] : [diagnose("IZ301", place, {
    name, subsets: [], isElsewhere: false, expected: `a VirtualService without hosts in ${namespace || "the same namespace"}: ${near.join(", ")}`, help: "correct the name, or add it", suggestion: suggest(name, near),
  })];
});
