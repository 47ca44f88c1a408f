import { asMapping, asText, groupOf, identityOf, kindOf, mappingAt, nameOf, namespaceOf, type Item, type KubeObject } from "../../generators/kube/object.ts";
import { changesOf, labelsOf } from "./layout.ts";
import type { SourceTree } from "./source.ts";

/** How a kustomization changes names and namespaces, its components included. */
export interface Renaming {
  readonly prefix: string;
  readonly suffix: string;
  readonly namespace?: string;
  readonly labels: { readonly [key: string]: string };
}

export function readRenaming(tree: SourceTree, directory: string): Renaming {
  return changesOf(tree, directory).reduce<Renaming>((all, content) => ({
    prefix: (asText(content["namePrefix"]) ?? "") + all.prefix,
    suffix: all.suffix + (asText(content["nameSuffix"]) ?? ""),
    ...(asText(content["namespace"]) ?? all.namespace ? { namespace: asText(content["namespace"]) ?? all.namespace! } : {}),
    labels: { ...all.labels, ...labelsOf(content) },
  }), { prefix: "", suffix: "", labels: {} });
}

/**
 * An object that only this kustomization has, as it must stand in a file there, and what kustomize makes of that:
 * its prefix, suffix, namespace and labels are put on what the file says. Where another object has that identity,
 * before this kustomization changes anything or after it, the object gets a name of its own in the file.
 */
export function placeObject(object: KubeObject, renaming: Renaming, services: ReadonlySet<string>, taken: { readonly before: ReadonlySet<string>; readonly after: ReadonlySet<string> }): { readonly written: KubeObject; readonly built: KubeObject } {
  const { prefix, suffix, namespace, labels } = renaming;
  const bare = (name: string): string => (name.length > prefix.length + suffix.length && name.startsWith(prefix) && name.endsWith(suffix) ? name.slice(prefix.length, name.length - suffix.length) : name);
  const metadata = mappingAt(object, "metadata");
  const own = Object.entries(mappingAt(metadata, "labels")).filter(([key, value]) => labels[key] !== value);
  const { name: _, namespace: __, labels: ___, ...rest } = metadata;
  const written: KubeObject = {
    ...object,
    metadata: {
      name: bare(nameOf(object)),
      ...(namespaceOf(object) !== "" && namespaceOf(object) !== namespace && { namespace: namespaceOf(object) }),
      ...(own.length > 0 && { labels: Object.fromEntries(own) }),
      ...rest,
    },
    ...(asMapping(object["spec"]) && { spec: prefix + suffix === "" ? object["spec"] : renameHosts(object["spec"], (host) => (services.has(host) ? bare(host) : host)) }),
  };
  for (let count = 1; ; count++) {
    const name = count === 1 ? nameOf(written) : `${nameOf(written)}-${count}`;
    const built: KubeObject = {
      ...object,
      metadata: {
        ...metadata, name: `${prefix}${name}${suffix}`,
        ...(namespace !== undefined && { namespace }),
        labels: { ...mappingAt(metadata, "labels"), ...labels },
      },
    };
    const renamed = count === 1 ? written : { ...written, metadata: { ...mappingAt(written, "metadata"), name } };
    if (!taken.before.has(identityOf(renamed)) && !taken.after.has(identityOf(built))) return { written: renamed, built };
  }
}

/** The short hosts of a generated object, which the name references carry through the prefix again. */
function renameHosts(value: unknown, rename: (host: string) => string, key = ""): unknown {
  if (typeof value === "string") return key === "host" || key === "hosts" || key === "sniHosts" ? rename(value) : value;
  if (Array.isArray(value)) return value.map((entry) => renameHosts(entry, rename, key));
  const mapping = asMapping(value);
  return mapping ? Object.fromEntries(Object.entries(mapping).map(([field, entry]) => [field, renameHosts(entry, rename, field)])) : value;
}

/** The final names of the Services of a build. */
export function serviceNames(objects: readonly KubeObject[]): ReadonlySet<string> {
  return new Set(objects.filter((object) => kindOf(object) === "Service").map(nameOf));
}

/** The `namespace:` that the kustomizations from a home down to each of its bases set, the outermost first to count. */
export function findNamespaces(tree: SourceTree, home: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const visit = (at: string, above: string | undefined): void => {
    const node = tree.nodes.get(at);
    const namespace = above ?? asText(node?.content["namespace"]);
    if (namespace !== undefined) found.set(at, namespace);
    for (const base of node?.bases ?? []) visit(base, namespace);
  };
  visit(home, undefined);
  return found;
}

/** An object in the namespace that kustomize will put it in; a Namespace gets that name. */
export function moveItem(item: Item, namespace: string | undefined): Item {
  const { object } = item;
  if (namespace === undefined || groupOf(object) === "istiomize.dev") return item;
  const field = kindOf(object) === "Namespace" ? "name" : "namespace";
  return mappingAt(object, "metadata")[field] === namespace ? item : { ...item, object: { ...object, metadata: { ...mappingAt(object, "metadata"), [field]: namespace } } };
}

/** A generated object without the namespace that kustomize will put its Service in: the file says what the Service's says. */
export function withNamespaceOf(object: KubeObject, owner: KubeObject, moved: string | undefined): KubeObject {
  if (moved === undefined || namespaceOf(object) !== moved) return object;
  const { name, namespace: _, ...rest } = mappingAt(object, "metadata");
  return { ...object, metadata: { name, ...(namespaceOf(owner) !== "" && { namespace: namespaceOf(owner) }), ...rest } };
}
