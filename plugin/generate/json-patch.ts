import { asMapping, equal, type KubeObject, type Mapping } from "../../generators/kube/object.ts";

/** One step of a JSON patch (RFC 6902). */
export interface Operation {
  readonly op: "add" | "replace" | "remove";
  readonly path: string;
  readonly value?: unknown;
}

/**
 * What turns one object into another, annotations aside: kinds, names, namespaces, labels and everything outside the
 * metadata, which is what a plain build must have in common with a rendered one.
 */
export function diffObjects(from: KubeObject, to: KubeObject): readonly Operation[] {
  return diffMappings(comparable(from), comparable(to), "");
}

/** Whether two builds mean the same by these objects. */
function comparable(object: KubeObject): Mapping {
  const { name, namespace, labels } = (asMapping(object["metadata"]) ?? {}) as { name?: unknown; namespace?: unknown; labels?: unknown };
  const hasLabels = asMapping(labels) && Object.keys(labels as object).length > 0;
  return { ...object, metadata: { ...(name !== undefined && { name }), ...(namespace !== undefined && { namespace }), ...(hasLabels && { labels }) } };
}

function diff(from: unknown, to: unknown, path: string): readonly Operation[] {
  if (equal(from, to)) return [];
  const [a, b] = [asMapping(from), asMapping(to)];
  if (a && b) return diffMappings(a, b, path);
  if (Array.isArray(from) && Array.isArray(to) && from.length === to.length && to.every((entry) => asMapping(entry))) {
    return to.flatMap((entry, i) => diff(from[i], entry, `${path}/${i}`));
  }
  return [{ op: "replace", path, value: to }];
}

function diffMappings(from: Mapping, to: Mapping, path: string): readonly Operation[] {
  const removed = Object.keys(from).filter((key) => to[key] === undefined).map((key): Operation => ({ op: "remove", path: `${path}/${escape(key)}` }));
  return [...removed, ...Object.entries(to).flatMap(([key, value]): readonly Operation[] => {
    const at = `${path}/${escape(key)}`;
    return from[key] === undefined ? (value === undefined ? [] : [{ op: "add", path: at, value }]) : diff(from[key], value, at);
  })];
}

function escape(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
