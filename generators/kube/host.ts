/** What a host name in an Istio object may be shortened against. */
export interface HostScope {
  readonly namespace: string;
  readonly clusterDomain: string;
}

/** `<service>.<namespace>.svc.<clusterDomain>`. */
export function fullHost(service: string, scope: HostScope): string {
  return `${service}.${scope.namespace}.svc.${scope.clusterDomain}`;
}

/**
 * A host as Istio resolves it: a name without dots belongs to the namespace of the rule that names it, any dot makes
 * it fully qualified (so `web.shop` is never the Service `web` in `shop`).
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#Destination
 */
export function resolveHost(host: string, scope: HostScope): string {
  return host.includes(".") || host.includes("*") || scope.namespace === "" ? host : fullHost(host, scope);
}

/** Whether every host that `inner` stands for is one of `outer`; either may start with `*`. */
export function coversHost(outer: string, inner: string): boolean {
  return outer.startsWith("*") ? inner.endsWith(outer.slice(1)) : outer === inner;
}

/** Whether two hosts have one in common; either may start with `*`. */
export function hostsMeet(a: string, b: string): boolean {
  return coversHost(a, b) || coversHost(b, a);
}
