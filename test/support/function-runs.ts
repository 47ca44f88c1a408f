/** A ServiceMesh. */
export const mesh = "apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata: {name: shop}\nspec: {defaults: {timeout: 30s}}\n";
/** A Service with this timeout. */
export const service = (timeout: string): string => `apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\n  annotations: {istiomize.dev/timeout: ${timeout}}\nspec:\n  selector: {app: web}\n  ports: [{name: http, port: 80}]\n`;
const resourceList = (item: string): string => `apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- ${item.trimEnd().replaceAll("\n", "\n  ")}\nfunctionConfig:\n  ${mesh.trimEnd().replaceAll("\n", "\n  ")}\n`;

/** Inputs of the function, and how it ends. */
export const functionRuns: { readonly [name: string]: { readonly input: string; readonly code: number; readonly env?: { readonly [name: string]: string } } } = {
  "a ResourceList": { input: resourceList(service("15s")), code: 0 },
  "a stream": { input: service("15s"), code: 0 },
  "a stream in flow style": { input: JSON.stringify({ apiVersion: "v1", kind: "List", items: [{ apiVersion: "v1", kind: "Service", metadata: { name: "web", annotations: { "istiomize.dev/timeout": "15s" } }, spec: { ports: [{ port: 80 }] } }] }), code: 0 },
  "a ServiceMesh that requires a version": { input: `${service("15s")}---\n${mesh}  requires: ">=0.1.0"\n`.replace("spec: {defaults: {timeout: 30s}}\n", "spec:\n"), code: 0 },
  "errors in a ResourceList": { input: resourceList(service("15")), code: 1 },
  "errors in a stream": { input: service("15"), code: 1 },
  "a stream that is no YAML": { input: "a: [\n", code: 1 },
  "an empty stream": { input: "", code: 1 },
  "settings of an Argo CD": { input: service("15"), code: 1, env: { ARGOCD_APP_NAME: "shop", ARGOCD_APP_SOURCE_PATH: "overlays/staging" } },
  "more output for people who look for a fault": { input: service("15"), code: 1, env: { ISTIOMIZE_DEBUG: "1" } },
};
