import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { covers, describeConditions, readConditions, type Conditions } from "./coverage.ts";
import type { Match, RouteCheck, Rule, Routes, RuleKind } from "./routes.ts";

/** One VirtualService with more alternatives than this is compared with the first ones only. */
const most = 400;

interface Alternative {
  readonly rule: Rule;
  readonly match: Match;
  readonly conditions: Conditions;
}

/** Rules, and alternatives of rules, whose requests an earlier one has taken (rules V1 and V2). */
export const checkNeverReached: RouteCheck = (routes) => (["http", "tls", "tcp"] as const).flatMap((kind) => checkKind(routes, kind));

function checkKind(routes: Routes, kind: RuleKind): readonly Diagnostic[] {
  const rules = routes.rules.filter((rule) => rule.kind === kind);
  if (rules.length === 0 || (rules.length === 1 && rules[0]!.matches.length === 1)) return [];
  const alternatives = rules.flatMap((rule) => rule.matches.map((match): Alternative => ({ rule, match, conditions: readConditions(match, routes) })));
  const taken = new Map<Alternative, Alternative>();
  const takers: Alternative[] = [];
  for (const each of alternatives) {
    const by = takers.find((earlier) => covers(earlier.conditions, each.conditions, kind));
    if (by) taken.set(each, by);
    // What a delegate does not take goes on to the next rule, and what is never reached takes nothing.
    else if (takers.length < most && each.rule.body["delegate"] === undefined) takers.push(each);
  }
  if (taken.size === 0) return [];
  return [...new Set([...taken.keys()].map(({ rule }) => rule))].flatMap((rule) => {
    const own = alternatives.filter((each) => each.rule === rule);
    const dead = own.filter((each) => taken.has(each));
    const isWhole = dead.length === own.length && own.every((each) => taken.get(each)!.rule !== rule);
    return isWhole ? [describe(routes, dead[0]!, taken.get(dead[0]!)!, true)] : dead.map((each) => describe(routes, each, taken.get(each)!, false));
  });
}

function describe(routes: Routes, dead: Alternative, by: Alternative, isWhole: boolean): Diagnostic {
  const { object } = routes;
  const path = !isWhole ? dead.match.path : object.isOurs && !dead.rule.isMatchless ? [...dead.rule.path, "match"] : dead.rule.path;
  return diagnose("IZ375", object.placeOf(...path), {
    rule: isWhole ? dead.rule.label : `an alternative of ${dead.rule.label}`, what: describeConditions(dead.conditions),
    by: by.rule === dead.rule ? "an earlier alternative of the same rule" : by.rule.label, taken: describeConditions(by.conditions),
  }, object.subject && { subject: object.subject });
}
