import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { asList, asMapping, asText, describeObject, kindOf, mappingAt, nameOf, refOf, type KubeObject, type Mapping, type ResourceRef } from "../kube/object.ts";
import { namespaceFor } from "../mesh/levels.ts";
import { earlierNamesOf } from "../mesh/lookup.ts";
import { membersOf, type Rollout, type RolloutRoutes } from "../mesh/rollouts.ts";
import type { KnownService } from "../mesh/settings.ts";
import type { Check, CheckInput } from "./check.ts";

/**
 * What Argo Rollouts itself asks of the objects that a Rollout names, before it does anything: rules of these names,
 * with both destinations. Only for Rollouts whose pods are behind a meshed Service.
 */
export const reviewRollouts: Check = (input) => {
  const { context } = input;
  const meshed = new Set(context.services.map(({ object }) => object));
  return context.rollouts.filter((rollout) => !context.governance.refused.has(rollout)).flatMap((rollout) => {
    if (!rollout.workload) return [missingWorkload(rollout, input)];
    if (!membersOf(rollout, context.known).some(({ object }) => meshed.has(object))) return [];
    if (rollout.faults.length > 0) return rollout.faults.map((fault) => diagnose("IZ348", rollout.place, { rollout: rollout.name, ...fault }));
    const sides = checkSides(rollout, input);
    return sides.length > 0 ? sides : checkObjects(rollout, input);
  });
};

function checkObjects(rollout: Rollout, input: CheckInput): readonly Diagnostic[] {
  const { rule, namespace, virtualServices } = rollout;
  const found = virtualServices.map((routes) => ({ routes, object: find(input, "VirtualService", routes.name, routes.namespace) }));
  const absent = found.filter(({ object, routes }) => !object && routes.namespace === namespace).map(({ routes }) => missing(input, rollout, "VirtualService", routes.name));
  return [
    ...absent,
    ...found.flatMap(({ routes, object }) => (object ? checkRoutes(rollout, routes, object) : [])),
    ...checkLeftOut(rollout, input),
    // With a VirtualService that would be made comes the DestinationRule.
    ...(rule && absent.length === 0 ? checkRule(input, rollout, rule) : []),
    ...(rule && rule.more.length > 0 && findApexes(input, rollout).length > 0 ? [diagnose("IZ364", rollout.place, { rollout: rollout.name, more: rule.more }, ofWorkload(rollout))] : []),
  ];
}

/** Rules of ours with both destinations that the Rollout does not name: their weights stay at 100 and 0. */
function checkLeftOut(rollout: Rollout, input: CheckInput): readonly Diagnostic[] {
  const apexes = new Set(findApexes(input, rollout).map(({ object }) => object));
  return input.made.filter(({ object, beside }) => kindOf(object) === "VirtualService" && beside !== undefined && apexes.has(beside.object)).flatMap(({ object }) => {
    const name = nameOf(object);
    const named = rollout.virtualServices.find((each) => each.name === name);
    if (named && named.routes.length === 0) return [];
    const rules = asList(mappingAt(object, "spec")["http"]).flatMap((rule) => (asMapping(rule) ? [asMapping(rule)!] : []));
    const split = rules.filter((rule) => lacksOf(rollout, rule).length === 0).map((rule) => asText(rule["name"]) ?? "");
    const left = split.filter((rule) => !named?.routes.includes(rule));
    if (left.length === 0) return [];
    const routes = [...named?.routes ?? [], ...left].join(", ");
    return [{ ...unfit(rollout, object, `rule ${left.join(" and ")}, which the Rollout does not name`, "every rule with both destinations to be named: the others stay with the stable side",
      named ? `write \`routes: [${routes}]\` for ${name}` : `add {name: ${name}, routes: [${routes}]} to virtualServices of the Rollout`), severity: "warning" as const }];
  });
}

/** Whom it concerns beside the Rollout: the workload that holds its pods. */
function ofWorkload({ item, workload }: Rollout): { readonly subject?: ResourceRef } {
  return workload && workload !== item ? { subject: refOf(workload.object) } : {};
}

/** The Services that a Rollout's VirtualServices are made for, if they are in the mesh. */
function findApexes({ context }: CheckInput, rollout: Rollout): readonly KnownService[] {
  return context.known.filter(({ object }) => {
    const governed = context.governance.governed.get(object);
    return governed?.rollout === rollout && governed.role === "apex";
  });
}

function missingWorkload({ item, name, namespace }: Rollout, { context }: CheckInput): Diagnostic {
  const reference = mappingAt(item.object, "spec", "workloadRef");
  const [kind, target] = [asText(reference["kind"]) ?? "", asText(reference["name"]) ?? ""];
  context.lookup.used = true;
  const now = context.workloads.find((each) => kindOf(each.item.object) === kind && (each.namespace || namespace) === namespace && earlierNamesOf(each.item).some((earlier) => earlier.name === target))?.name;
  return diagnose("IZ347", { ref: refOf(item.object), path: ["spec", "workloadRef"] }, { rollout: name, kind, target, ...(now !== undefined && { now }) });
}

/** The two Services of a split between Services; one that a prefix renamed without the Rollout is named. */
function checkSides(rollout: Rollout, input: CheckInput): readonly Diagnostic[] {
  if (rollout.rule || rollout.virtualServices.length === 0) return [];
  const { context } = input;
  return (["stableService", "canaryService"] as const).flatMap((field) => {
    const service = rollout[field] ?? "";
    const same = context.lookup.find(service, rollout.namespace);
    if (service !== "" && same.some(({ object }) => nameOf(object) === service)) return [];
    const suggestion = service !== "" && same[0] ? nameOf(same[0].object) : undefined;
    return [diagnose("IZ357", rollout.place, { rollout: rollout.name, field, service, ...(suggestion !== undefined && { suggestion }) })];
  });
}

function find({ istio, context }: CheckInput, kind: string, name: string, namespace: string): KubeObject | undefined {
  return istio.find((object) => kindOf(object) === kind && nameOf(object) === name && namespaceFor(object, context.config) === namespace);
}

/** An object that nobody brings, with what has to be done for it to be made. */
function missing(input: CheckInput, rollout: Rollout, kind: string, name: string): Diagnostic {
  const { context } = input;
  const say = (expected: string, help: string): Diagnostic => diagnose("IZ358", rollout.place, { rollout: rollout.name, kind, name, expected, help }, ofWorkload(rollout));
  const meshed = new Set(context.services.map(({ object }) => object));
  const apexes = findApexes(input, rollout);
  const asleep = apexes.find(({ object }) => !meshed.has(object));
  if (asleep) return say(`a ${kind}, which istiomize generates for Services in the mesh only: ${nameOf(asleep.object)} is not`, `set istiomize.dev/enabled: "true" on Service ${nameOf(asleep.object)}, or add the ${kind} by hand`);
  const candidates = (context.governance.candidates.get(rollout) ?? []).map(({ object }) => nameOf(object));
  if (apexes.length === 0 && kind === "VirtualService" && candidates.length > 0) {
    return say(`the name of a Service in front of its pods: ${candidates.join(", ")}`, `let the Rollout name ${candidates.find((each) => [...meshed].some((object) => nameOf(object) === each)) ?? candidates[0]}, or add the other one by hand`);
  }
  if (apexes.length === 0 && rollout.rule && candidates.length === 0) {
    return say("a Service for both subsets: the stable and the canary Service each select their own pods only", "add a Service with the same selector that the Rollout does not name, with istiomize.dev/enabled: \"true\"");
  }
  return say(`a ${kind} of this name`, "add it by hand, or correct the name; if another Application brings it, accept it (`istiomize explain IZ358` shows how)");
}

function checkRule(input: CheckInput, rollout: Rollout, rule: NonNullable<Rollout["rule"]>): readonly Diagnostic[] {
  const object = find(input, "DestinationRule", rule.name, rollout.namespace);
  if (!object) return [missing(input, rollout, "DestinationRule", rule.name)];
  const subsets = asList(mappingAt(object, "spec")["subsets"]).flatMap((subset) => asText(asMapping(subset)?.["name"]) ?? []);
  return [rule.stable, rule.canary].filter((name) => !subsets.includes(name)).map((name) => unfit(rollout, object, `no subset ${name || "(none named)"}`, `both subsets: it has ${subsets.join(", ") || "none"}`, "let the Rollout name subsets that are there, or add them"));
}

function unfit(rollout: Rollout, object: KubeObject, found: string, expected: string, help: string): Diagnostic {
  return diagnose("IZ359", rollout.place, { rollout: rollout.name, object: describeObject(object), found, expected, help }, { subject: refOf(object) });
}

function checkRoutes(rollout: Rollout, routes: RolloutRoutes, object: KubeObject): readonly Diagnostic[] {
  const say = (found: string, expected: string, help: string): Diagnostic => unfit(rollout, object, found, expected, help);
  const rules = (kind: "http" | "tls" | "tcp"): readonly Mapping[] => asList(mappingAt(object, "spec")[kind]).flatMap((rule) => (asMapping(rule) ? [asMapping(rule)!] : []));
  const http = rules("http");
  const names = http.map(({ name }) => asText(name) ?? "");
  const here = names.map((name) => name || "one without a name").join(", ");
  const managed = names.filter((name) => rollout.managedRoutes.includes(name));
  const found: Diagnostic[] = managed.map((name) => say(`rule ${name}, a name that the Rollout has in managedRoutes`, "another name: Argo Rollouts takes out every rule of managedRoutes at the end", "rename it in managedRoutes and in the steps"));
  const governed = routes.routes.length === 0 ? http : http.filter((_, i) => routes.routes.includes(names[i]!));
  found.push(...routes.routes.filter((name) => !names.includes(name)).map((name) => say(`no http rule ${name}`, `one of its rules: ${here || "it has none for HTTP"}`, `let \`routes\` of the Rollout name ${names.some(Boolean) ? names.filter(Boolean).join(", ") : "nothing"}`)));
  if (routes.routes.length === 0 && http.length > 1) found.push(say(`${http.length} http rules, and no \`routes\``, "the rules by name, where there are several", `add \`routes: [${names.filter(Boolean).join(", ")}]\` to the Rollout`));
  const [tcp, tls] = [rules("tcp"), rules("tls")];
  const ports = (rule: Mapping): readonly unknown[] => [...new Set(asList(rule["match"]).map((match) => asMapping(match)?.["port"] ?? 0))];
  const hosts = (rule: Mapping): readonly unknown[] => [...new Set(asList(rule["match"]).flatMap((match) => asList(asMapping(match)?.["sniHosts"])))];
  const byPort = tcp.filter((rule) => routes.tcpPorts.includes(Number(ports(rule)[0] ?? 0)));
  const bySni = tls.filter((rule) => routes.tlsRoutes.some((each) => each.port === Number(ports(rule)[0] ?? 0) && sameSet(each.sniHosts, hosts(rule))));
  if (routes.tcpPorts.length === 0 ? tcp.length > 1 : tcp.length > 0 && byPort.length < routes.tcpPorts.length) {
    found.push(say(routes.tcpPorts.length === 0 ? `${tcp.length} tcp rules, and no \`tcpRoutes\`` : `no tcp rule for port ${routes.tcpPorts.join(", ")}`, "each port of its tcp rules", `write \`tcpRoutes: [${tcp.map((rule) => `{port: ${String(ports(rule)[0])}}`).join(", ")}]\``));
  }
  if (routes.tlsRoutes.length === 0 ? tls.length > 1 : tls.length > 0 && bySni.length < routes.tlsRoutes.length) {
    found.push(say(routes.tlsRoutes.length === 0 ? `${tls.length} tls rules, and no \`tlsRoutes\`` : "no tls rule of this port and these server names", "port and every server name, as in its tls rules", `write \`tlsRoutes: [${tls.map((rule) => `{port: ${String(ports(rule)[0])}, sniHosts: [${hosts(rule).join(", ")}]}`).join(", ")}]\``));
  }
  if (http.length + tcp.length + tls.length === 0) found.push(say("no rule at all", "a rule with both destinations", "see why none was made: a port that is neither HTTP, TLS nor TCP, or a patch"));
  const split = [...governed, ...(routes.tcpPorts.length === 0 ? tcp : byPort), ...(routes.tlsRoutes.length === 0 ? tls : bySni)];
  const lacking = [...new Set(split.flatMap((rule) => lacksOf(rollout, rule)))];
  if (lacking.length > 0) found.push(say(`a rule without ${lacking.join(" and ")}`, "both destinations in each rule that the Rollout names", "remove what changes the route (virtual-service-patch, a VirtualService written by hand), or write both there"));
  return found;
}

function sameSet(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((each) => b.includes(each));
}

/** What Argo Rollouts looks for in a rule: the first label of the host, or the subset. */
function lacksOf({ rule, stableService, canaryService, pending }: Rollout, route: Mapping): readonly string[] {
  const destinations = asList(route["route"]).map((each) => mappingAt(each, "destination"));
  if (rule) return [rule.stable, rule.canary].filter((subset) => !destinations.some((each) => each["subset"] === subset)).map((subset) => `subset ${subset}`);
  const hosts = destinations.map(({ host }) => asText(host)?.split(".")[0]).map((host) => pending.find(({ was }) => was === host)?.is ?? host);
  return [stableService ?? "", canaryService ?? ""].filter((name) => !hosts.includes(name)).map((name) => `host ${name}`);
}
