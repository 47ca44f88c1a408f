import type { Overrides } from "../generators/pipeline.ts";

/**
 * Whether Argo CD runs this: it sets the variable for kustomize and for plugins alike.
 * @see https://argo-cd.readthedocs.io/en/stable/user-guide/build-environment/
 */
export function isArgoCd(env: NodeJS.ProcessEnv = process.env): boolean {
  return Boolean(env["ARGOCD_APP_NAME"]);
}

/**
 * The parameters that the plugin announces, `strict` and `environment`, as Argo CD hands them to the sidecar; a text
 * says what is wrong with them. One that the Application does not set is not there.
 * @see https://argo-cd.readthedocs.io/en/stable/operator-manual/config-management-plugins/#using-environment-variables-in-your-plugin
 */
export function readParameters(env: NodeJS.ProcessEnv = process.env): Overrides | string {
  const { PARAM_STRICT: strict, PARAM_ENVIRONMENT: environment } = isArgoCd(env) ? env : {};
  if (strict && strict !== "true" && strict !== "false") return `the plugin parameter strict is "true" or "false", not ${JSON.stringify(strict)}; it stands in spec.source.plugin.parameters of the Application`;
  return { ...(strict && { strict: strict === "true" }), ...(environment && { environment }) };
}
