import type { Setting } from "../annotations/setting.ts";
import type { SettingName } from "../annotations/table.ts";
import { compareText } from "../kube/object.ts";
import { isExcluded, namespaceFor, shapesTraffic } from "./levels.ts";
import type { MeshContext } from "./context.ts";
import type { Workload } from "./workload.ts";

/** The three label families that decide on injection; exactly one of them ever stands on a Namespace. */
export const injectionLabels = ["istio-injection", "istio.io/rev", "istio.io/dataplane-mode"] as const;
export type Label = { readonly key: (typeof injectionLabels)[number]; readonly value: string };

/** Namespaces with a meshed workload; one with a security annotation counts as meshed. */
export function meshedNamespaces(context: MeshContext): readonly string[] {
  const { config, levels } = context;
  const meshed = [...context.services, ...context.leftOut].filter(({ workloads, shape }) => workloads.length > 0 && shape !== "external-name").map(({ namespace }) => namespace);
  const secured = [...context.known, ...context.workloads].filter((each) => {
    const { own, scopes } = levels.of("object" in each ? each.object : each.item.object);
    return own.has("mtls") || [...scopes.port.values()].some((layer) => layer.has("mtls"));
  }).map((each) => namespaceFor(each.item.object, config));
  const copied = context.flagger.filter(({ isIstio, workload }) => isIstio && workload && isWanted(workload, context)).map(({ namespace }) => namespace || config.namespace);
  return [...new Set([...meshed, ...secured, ...copied])].filter((namespace) => namespace !== "").sort(compareText);
}

/** Whether a workload that Flagger makes the Services of would be meshed if its Service were here. */
export function isWanted({ item }: Workload, { config, levels }: MeshContext): boolean {
  const namespace = namespaceFor(item.object, config);
  const layers = [...levels.ofNamespace(namespace), levels.of(item.object).own];
  const enabled = [config.defaults, ...layers].map((layer) => layer.get("enabled")).findLast((setting) => setting !== undefined && !setting.removed);
  if (enabled) return enabled.value === true;
  return layers.some(shapesTraffic) || (config.services === "all" && !isExcluded(namespace, config));
}

/** The label that `spec.injection` asks for; none in mode `none`. */
export function defaultLabel({ config }: MeshContext): Label | undefined {
  if (config.injection.mode === "none") return undefined;
  if (config.injection.mode === "ambient") return { key: "istio.io/dataplane-mode", value: "ambient" };
  return config.injection.revision === undefined
    ? { key: "istio-injection", value: "enabled" }
    : { key: "istio.io/rev", value: config.injection.revision };
}

/** What the Namespace's own annotations, or `spec.namespaces`, ask for. */
export function askedLabel(context: MeshContext, namespace: string): Label | undefined {
  const layers = context.levels.ofNamespace(namespace).flatMap((layer) => [...(context.levels.profilesOf(layer) ?? []), layer]);
  const get = (name: SettingName): Setting | undefined => {
    const found = layers.map((layer) => layer.get(name)).findLast((setting) => setting !== undefined);
    return found?.removed ? undefined : found;
  };
  const inject = get("inject");
  if (inject?.value === false) return { key: "istio-injection", value: "disabled" };
  const revision = get("revision");
  if (revision) return { key: "istio.io/rev", value: revision.value as string };
  const mode = get("dataplane-mode");
  if (mode && mode.value !== "sidecar") return { key: "istio.io/dataplane-mode", value: mode.value as string };
  if (!inject && !mode) return undefined;
  const { revision: byDefault } = context.config.injection;
  return byDefault === undefined ? { key: "istio-injection", value: "enabled" } : { key: "istio.io/rev", value: byDefault };
}
