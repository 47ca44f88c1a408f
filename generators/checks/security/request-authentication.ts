import { diagnose } from "../../diagnostics/diagnostic.ts";
import { asList, asMapping, asText, describe, type Mapping } from "../../kube/object.ts";
import { entriesOf, type IstioObject, type IstioWorld, type ObjectCheck } from "../istio-object.ts";
import { podsOf, selectorOf } from "../pods.ts";
import { actionOf, isAttached, selecting, withoutSelector } from "../policies-over.ts";

/** Tokens are looked at and not asked for: without a policy, a request without one passes (rule M10). */
export const checkRequired: ObjectCheck = (object, world) => {
  if (object.isOurs || asList(object.spec["jwtRules"]).length === 0 || isAttached(object)) return [];
  const labels = selectorOf(object.object);
  const pods = podsOf(world).find(object.namespace, labels);
  const candidates = object.namespace === world.config.rootNamespace ? world.ofKind("AuthorizationPolicy") : [
    ...selecting("AuthorizationPolicy", pods, world), ...(pods.length === 0 ? alike(labels, object.namespace, world) : []),
    ...[object.namespace, world.config.rootNamespace].flatMap((namespace) => withoutSelector("AuthorizationPolicy", namespace, world)),
  ];
  const isRequired = candidates.some((policy) => !isAttached(policy) && entriesOf(policy.spec["rules"]).some(([rule]) => asksForToken(rule, policy)));
  return isRequired ? [] : [diagnose("IZ395", object.placeOf("spec", "jwtRules"), {
    what: `${describe(object.ref)}, and no AuthorizationPolicy in the input that asks for a token at the same pods`,
    expected: "one: a RequestAuthentication refuses bad tokens, and lets requests without a token through",
    help: "add an AuthorizationPolicy with action DENY and notRequestPrincipals: [\"*\"], or ALLOW with requestPrincipals",
  })];
};

/** Policies for pods that are not in the input: those that no label keeps apart. */
function alike(labels: Mapping, namespace: string, world: IstioWorld): readonly IstioObject[] {
  return world.ofKind("AuthorizationPolicy").filter((policy) => policy.namespace === namespace && Object.entries(selectorOf(policy.object)).every(([key, value]) => labels[key] === undefined || labels[key] === value));
}

function asksForToken(rule: Mapping, policy: IstioObject): boolean {
  if (actionOf(policy) === "CUSTOM") return true;
  const sources = entriesOf(rule["from"]).map(([from]) => asMapping(from["source"]) ?? {});
  return sources.some((source) => source["requestPrincipals"] !== undefined || source["notRequestPrincipals"] !== undefined)
    || entriesOf(rule["when"]).some(([condition]) => /^request\.auth\./.test(asText(condition["key"]) ?? ""));
}
