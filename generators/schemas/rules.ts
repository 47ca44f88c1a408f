import type { Fix } from "../diagnostics/catalogue.ts";
import { asMapping, groupOf, kindOf, mappingAt, namespaceOf, type KubeObject, type Mapping } from "../kube/object.ts";
import { destinationRuleRules } from "./destination-rule-rules.ts";
import { entries, isSet, type Finding } from "./finding.ts";
import { envoyFilterRules, gatewayRules, peerAuthenticationRules, sidecarRules } from "./other-rules.ts";
import { virtualServiceRules } from "./virtual-service-rules.ts";

/** Something that istiod's webhook refuses in what stands at a rule's place. */
export interface Fault {
  /** The field below the place, where it is not the place itself. */
  readonly at?: readonly string[];
  readonly found: string;
  readonly expects: string;
  readonly help?: string;
  /** The webhook lets it through with a warning: it does nothing, or is an old form. */
  readonly isIgnored?: true;
  readonly fix?: Fix;
}

export interface RuleScope {
  readonly spec: Mapping;
  readonly namespace: string;
}

/** One rule of istiod's webhook, at each place of its path that is set. */
export interface Rule {
  /** `spec.http[].retries`; `{}` stands for the entries of a mapping. */
  readonly at: string;
  readonly find: (value: unknown, scope: RuleScope) => readonly Fault[];
}

/** Istio's own rules beyond its schemas, by kind. */
export const rulesByKind: { readonly [kind: string]: readonly Rule[] } = {
  VirtualService: virtualServiceRules, DestinationRule: destinationRuleRules, Gateway: gatewayRules, Sidecar: sidecarRules, PeerAuthentication: peerAuthenticationRules, EnvoyFilter: envoyFilterRules,
};

/** What istiod's webhook would refuse in an object that fits its schema. */
export function applyRules(object: KubeObject, namespace = namespaceOf(object)): readonly Finding[] {
  if (!groupOf(object).endsWith(".istio.io") || !Object.hasOwn(rulesByKind, kindOf(object))) return [];
  const scope: RuleScope = { spec: mappingAt(object, "spec"), namespace };
  const found: Finding[] = [];
  const path: string[] = [];
  const visit = (value: unknown, { rules, below }: Step): void => {
    for (const rule of rules) for (const fault of rule.find(value, scope)) found.push(describeFault(fault, path));
    for (const [step, next] of below) {
      for (const [key, each] of stepInto(value, step)) {
        if (!isSet(each)) continue;
        path.push(key);
        visit(each, next);
        path.pop();
      }
    }
  };
  visit({ spec: scope.spec }, stepsOf(kindOf(object)));
  return found;
}

function describeFault({ at = [], found, expects, help, isIgnored, fix }: Fault, path: readonly string[]): Finding {
  const change = fix?.value === undefined ? {} : { current: found, proposed: fix.value };
  return { kind: isIgnored ? "ignored" : "refused", path: [...path, ...at], found, expects, ...(help && { help }), ...change, ...(fix && { fix }) };
}

/** The rules of a kind in the shape of its objects, so that one walk meets them all. */
interface Step {
  readonly rules: Rule[];
  readonly below: Map<string, Step>;
}

const steps = new Map<string, Step>();

function stepsOf(kind: string): Step {
  const known = steps.get(kind);
  if (known) return known;
  const root: Step = { rules: [], below: new Map() };
  for (const rule of rulesByKind[kind]!) {
    let at = root;
    for (const step of rule.at.replaceAll("[]", ".[]").replaceAll("{}", ".{}").split(".")) {
      const next = at.below.get(step) ?? { rules: [], below: new Map() };
      at.below.set(step, next);
      at = next;
    }
    at.rules.push(rule);
  }
  steps.set(kind, root);
  return root;
}

function stepInto(value: unknown, step: string): readonly (readonly [key: string, value: unknown])[] {
  if (step === "[]") return entries(value);
  const mapping = asMapping(value);
  if (!mapping) return [];
  return step === "{}" ? Object.entries(mapping) : [[step, mapping[step]]];
}
