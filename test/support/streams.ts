import { dump, loadAll } from "js-yaml";

/** A stream of this many services with a timeout, retries and two versions each, in the namespace shop. */
export function makeStream(services: number): string {
  return Array.from({ length: services }, (_, i) => writeService(`web-${i}`)).join("");
}

/** The same as kustomize sends it to a function, with a ServiceMesh as its function config. */
export function makeResourceList(services: number): string {
  const functionConfig = { apiVersion: "istiomize.dev/v1alpha1", kind: "ServiceMesh", metadata: { name: "shop" }, spec: { mtls: { mode: "STRICT" } } };
  return dump({ apiVersion: "config.kubernetes.io/v1", kind: "ResourceList", functionConfig, items: loadAll(makeStream(services)) });
}

function writeService(name: string): string {
  const deployment = (version: string): string => `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}-${version}, namespace: shop}
spec:
  selector:
    matchLabels: {app: ${name}, version: ${version}}
  template:
    metadata:
      labels: {app: ${name}, version: ${version}}
    spec:
      containers:
      - name: app
        image: ${name}:${version} # pinned
`;
  return `---
apiVersion: v1
kind: Service
metadata:
  name: ${name}
  namespace: shop
  annotations:
    istiomize.dev/timeout: 15s
    istiomize.dev/retry-attempts: "2"
    istiomize.dev/weights: v1=90,v2=10
spec:
  selector: {app: ${name}}
  ports: [{name: http, port: 80}]
${deployment("v1")}${deployment("v2")}`;
}
