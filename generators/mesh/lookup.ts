import { nameOf, stringsAt, type EarlierName, type Item } from "../kube/object.ts";

/** Earlier names as kustomize hands them to a transformer. */
export function earlierNamesOf(item: Item): readonly EarlierName[] {
  if (item.earlier) return item.earlier;
  const annotations = stringsAt(item.object, "metadata", "annotations");
  const names = annotations["internal.config.kubernetes.io/previousNames"]?.split(",") ?? [];
  const namespaces = annotations["internal.config.kubernetes.io/previousNamespaces"]?.split(",") ?? [];
  return names.map((name, i) => ({ name, namespace: namespaces[i] ?? "" }));
}

/**
 * Names that references to an object may still say: kustomize mends references after its transformers, at the end of a
 * build. In what a build gave they are mended, or never will be.
 */
export function pendingNamesOf(item: Item): readonly string[] {
  return item.earlier ? [] : earlierNamesOf(item).map(({ name }) => name);
}

/** What a reference by name means: the one of that name, else the one that kustomize will mend the reference for. */
export function findNamed<T>(name: string | undefined, among: readonly T[], itemOf: (entry: T) => Item): T | undefined {
  return among.find((entry) => nameOf(itemOf(entry).object) === name) ?? among.find((entry) => pendingNamesOf(itemOf(entry)).some((each) => each === name));
}

/**
 * Finds Services by the names that people wrote: by final name, and by the names from before an overlay's prefix,
 * suffix or namespace. More than one result means that the name is ambiguous.
 */
export class ServiceLookup<S extends { readonly item: Item }> {
  readonly #byName = new Map<string, Set<S>>();
  /** By the namespaces that they are in now. */
  readonly #near = new Map<string, Set<S>>();
  /** Whether a name was looked up: callers that know earlier names only at a cost ask for them then. */
  used = false;

  readonly services: readonly S[];

  /** `namespaceFor`: the namespace that a Service is in, where it carries none itself. */
  constructor(services: readonly S[], namespaceFor: (service: S) => string) {
    this.services = services;
    for (const service of services) {
      const namespace = namespaceFor(service);
      add(this.#near, namespace, nameOf(service.item.object), service);
      for (const earlier of earlierNamesOf(service.item)) {
        add(this.#near, namespace, earlier.name, service);
        add(this.#byName, earlier.namespace || namespace, earlier.name, service);
      }
    }
  }

  /** `name` in `namespace`, or `name.namespace`. */
  find(name: string, namespace: string): readonly S[] {
    this.used = true;
    const [first, second, ...rest] = name.split(".");
    if (second === undefined) {
      const near = this.#near.get(`${namespace}/${name}`);
      return near ? [...near] : this.#get(namespace, name);
    }
    return rest.length === 0 ? this.#get(second, first!) : [];
  }

  /** Every name that would be found in a namespace, for suggestions. */
  names(namespace: string): readonly string[] {
    const start = `${namespace}/`;
    return [...new Set([...this.#near.keys(), ...this.#byName.keys()])].filter((key) => key.startsWith(start)).map((key) => key.slice(start.length));
  }

  #get(namespace: string, name: string): readonly S[] {
    const key = `${namespace}/${name}`;
    return [...new Set([...(this.#near.get(key) ?? []), ...(this.#byName.get(key) ?? [])])];
  }
}

function add<S>(to: Map<string, Set<S>>, namespace: string, name: string, service: S): void {
  const key = `${namespace}/${name}`;
  const found = to.get(key);
  if (found) found.add(service);
  else to.set(key, new Set([service]));
}
