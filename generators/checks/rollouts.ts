import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { asList, asMapping, asText, describeObject, kindOf, mappingAt, nameOf, refOf, type KubeObject, type Mapping } from "../kube/object.ts";
import { namespaceFor } from "../mesh/levels.ts";
import { membersOf, type Rollout, type RolloutRoutes } from "../mesh/rollouts.ts";
import type { Check, CheckInput } from "./check.ts";

/**
 * What Argo Rollouts itself asks of the objects that a Rollout names, before it does anything: rules of these names,
 * with both destinations. Only for Rollouts whose pods are behind a meshed Service.
 */
export const checkRollouts: Check = (input) => {
  const { context } = input;
  const meshed = new Set(context.services.map(({ object }) => object));
  const broken = new Set(context.services.filter((service) => service.governed?.role === "apex" && !context.plans.get(service)!.targets).map(({ governed }) => governed!.rollout));
  return context.rollouts.filter((rollout) => !broken.has(rollout) && membersOf(rollout, context.known).some(({ object }) => meshed.has(object))).flatMap((rollout) => [
    ...rollout.virtualServices.flatMap((routes) => {
      const object = find(input, "VirtualService", routes.name, routes.namespace);
      if (!object && routes.namespace !== rollout.namespace) return [];
      return object ? checkRoutes(rollout, routes, object) : [missing(input, rollout, "VirtualService", routes.name)];
    }),
    ...(rollout.rule ? checkRule(input, rollout, rollout.rule) : []),
  ]);
};

function find({ istio, context }: CheckInput, kind: string, name: string, namespace: string): KubeObject | undefined {
  return istio.find((object) => kindOf(object) === kind && nameOf(object) === name && namespaceFor(object, context.config) === namespace);
}

function missing({ made, context }: CheckInput, rollout: Rollout, kind: string, name: string): Diagnostic {
  const services = new Set(membersOf(rollout, context.known).map(({ object }) => object));
  const here = made.filter(({ object, beside }) => kindOf(object) === kind && beside && services.has(beside.object)).map(({ object }) => nameOf(object));
  return diagnose("IZ358", rollout.place, { rollout: rollout.name, kind, name, here });
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
function lacksOf({ rule, stableService, canaryService }: Rollout, route: Mapping): readonly string[] {
  const destinations = asList(route["route"]).map((each) => mappingAt(each, "destination"));
  if (rule) return [rule.stable, rule.canary].filter((subset) => !destinations.some((each) => each["subset"] === subset)).map((subset) => `subset ${subset}`);
  return [stableService ?? "", canaryService ?? ""].filter((name) => !destinations.some(({ host }) => asText(host)?.split(".")[0] === name)).map((name) => `host ${name}`);
}
