import type { Setting } from "../annotations/setting.ts";
import type { SettingName } from "../annotations/table.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { compareText, nameOf, refOf, stringsAt, type Item, type KubeObject } from "../kube/object.ts";
import { isExcluded, namespaceFor } from "../mesh/levels.ts";
import type { Edit, Generator, MeshContext } from "../mesh/context.ts";
import { askedLabel, defaultLabel, injectionLabels, meshedNamespaces } from "../mesh/injection.ts";

/**
 * Labels the Namespaces that hold meshed workloads, unless they say otherwise.
 * @see https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
 */
export const generateNamespaceLabels: Generator = (context) => {
  const meshed = new Set(meshedNamespaces(context));
  const namespaces = [...context.namespaces.values()];
  const edits: Edit[] = [];
  const diagnostics: Diagnostic[] = [...checkAbsent(context, meshed)];
  for (const item of namespaces) {
    const { object } = item;
    const labels = stringsAt(object, "metadata", "labels");
    const present = injectionLabels.filter((key) => Object.hasOwn(labels, key));
    const asked = askedLabel(context, nameOf(object));
    const wanted = asked ?? (present.length === 0 && meshed.has(nameOf(object)) && !isExcluded(nameOf(object), context.config) ? defaultLabel(context) : undefined);
    if (wanted) {
      if (labels[wanted.key] !== wanted.value) edits.push({ item, path: ["metadata", "labels", wanted.key], value: wanted.value });
      edits.push(...present.filter((key) => key !== wanted.key).map((key): Edit => ({ item, path: ["metadata", "labels", key], value: undefined })));
    } else if (present.length > 1 && labels["istio-injection"] !== "disabled") {
      diagnostics.push(diagnose("IZ341", { ref: refOf(object), path: ["metadata", "labels"] }, { labels: present.map((key) => `${key}: ${labels[key]}`) }));
    }
    edits.push(...waypointEdit(item, settle(context, object, "waypoint")));
  }
  for (const { item, object } of context.known) edits.push(...waypointEdit(item, settle(context, object, "waypoint")));
  return { made: [], edits, diagnostics };
};

function settle(context: MeshContext, object: KubeObject, name: SettingName): Setting | undefined {
  const setting = context.levels.of(object).own.get(name);
  if (setting) return setting;
  return object["kind"] === "Namespace" ? context.config.namespaces.get(nameOf(object))?.get(name) : undefined;
}

function waypointEdit(item: Item, setting: Setting | undefined): readonly Edit[] {
  if (!setting || setting.removed) return [];
  return [{ item, path: ["metadata", "labels", "istio.io/use-waypoint"], value: setting.value as string }];
}

function checkAbsent(context: MeshContext, meshed: ReadonlySet<string>): readonly Diagnostic[] {
  const label = defaultLabel(context);
  if (!label) return [];
  const unnamed = context.services.some(({ namespace, workloads }) => namespace === "" && workloads.length > 0) ? [""] : [];
  return [...unnamed, ...[...meshed].sort(compareText)]
    .filter((namespace) => !context.namespaces.has(namespace) && !isExcluded(namespace, context.config) && !askedLabel(context, namespace))
    .map((namespace) => {
      const first = [...context.services, ...context.leftOut].find((service) => service.namespace === namespace)?.object
        ?? [...context.known, ...context.workloads].map(({ item }) => item.object).find((object) => namespaceFor(object, context.config) === namespace);
      return diagnose("IZ340", { ref: first ? refOf(first) : context.config.ref, path: ["metadata", "namespace"] }, { namespace, label: `${label.key}: ${label.value}` });
    });
}
