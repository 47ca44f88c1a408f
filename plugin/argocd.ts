import type { Overrides } from "../generators/pipeline.ts";

/**
 * Whether Argo CD runs this: it sets the variable for kustomize and for plugins alike.
 * @see https://argo-cd.readthedocs.io/en/stable/user-guide/build-environment/
 */
export function isArgoCd(env: NodeJS.ProcessEnv = process.env): boolean {
  return Boolean(env["ARGOCD_APP_NAME"]);
}

/** What the plugin announces in gitops/argocd/cmp/plugin.yaml. */
const known = ["strict", "environment"];

/**
 * The parameters that an Application gives to the plugin; a text says what is wrong with them. One that is not given,
 * or is empty, is not there.
 * @see https://argo-cd.readthedocs.io/en/stable/operator-manual/config-management-plugins/#using-environment-variables-in-your-plugin
 */
export function readParameters(env: NodeJS.ProcessEnv = process.env): Overrides | string {
  const text = isArgoCd(env) ? env["ARGOCD_APP_PARAMETERS"] : undefined;
  const given = text ? (JSON.parse(text) as readonly { readonly name: string; readonly string?: unknown; readonly array?: unknown; readonly map?: unknown }[] | null) ?? [] : [];
  const where = "; parameters stand in spec.source.plugin.parameters of the Application";
  for (const { name, array, map } of given) {
    if (!known.includes(name)) return `the plugin has no parameter ${JSON.stringify(name)}; it has ${known.join(" and ")}${where}`;
    if (array || map) return `the plugin parameter ${name} is a string, not ${!array ? "a map" : "an array"}: \`- {name: ${name}, string: "${name === "strict" ? "true" : "staging"}"}\`${where}`;
  }
  const valueOf = (name: string): string => String(given.find((each) => each.name === name)?.string ?? "");
  const [strict, environment] = [valueOf("strict"), valueOf("environment")];
  if (!["", "true", "false"].includes(strict)) return `the plugin parameter strict is "true" or "false", not ${JSON.stringify(strict)}${where}`;
  return { ...(strict !== "" && { strict: strict === "true" }), ...(environment !== "" && { environment }) };
}
