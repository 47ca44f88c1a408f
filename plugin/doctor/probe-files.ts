import { guardDocument } from "../tree/guard.ts";

/** Texts by path. */
export type Files = { readonly [path: string]: string };

const service = `apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: probe
  annotations:
    istiomize.dev/timeout: 5s
spec:
  selector: {app: web}
  ports: [{name: http, port: 80}]
`;

const kustomization = (entries: string): string => `apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n${entries}`;

const mesh = (annotations: string, spec: string): string => `apiVersion: istiomize.dev/v1alpha1
kind: ServiceMesh
metadata:
  name: probe
${annotations}spec: {${spec}}
`;

const exec = `  annotations:
    config.kubernetes.io/function: |
      exec: {path: istiomize}
`;
const local = `  annotations:
    config.kubernetes.io/local-config: "true"
`;

/** What `generate` writes beside the Service, as far as it matters here. */
const virtualService = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: web
  namespace: probe
spec:
  hosts: [web]
  http:
  - timeout: 5s
    route:
    - destination: {host: web}
`;

/** The smallest tree of each kind: a Service, and the ServiceMesh where that kind has it. */
export const probeFiles = {
  exec: { "kustomization.yaml": kustomization("resources: [service.yaml]\ntransformers: [mesh.yaml]\n"), "service.yaml": service, "mesh.yaml": mesh(exec, "guard: true") + guardDocument },
  unguarded: { "kustomization.yaml": kustomization("resources: [service.yaml]\ntransformers: [mesh.yaml]\n"), "service.yaml": service, "mesh.yaml": mesh(exec, "") },
  plugin: { "kustomization.yaml": kustomization("resources: [service.yaml]\ntransformers: [mesh.yaml]\n"), "service.yaml": service, "mesh.yaml": mesh("", "guard: true") + guardDocument },
  resource: { "kustomization.yaml": kustomization("resources: [service.yaml, mesh.yaml]\n"), "service.yaml": service, "mesh.yaml": mesh("", "") },
  files: { "kustomization.yaml": kustomization("resources: [service.yaml, mesh.yaml, istio-virtualservice.yaml]\n"), "service.yaml": service, "mesh.yaml": mesh(local, ""), "istio-virtualservice.yaml": virtualService },
  kpt: { Kptfile: `apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: probe\n${local}pipeline:\n  mutators:\n  - exec: istiomize\n`, "service.yaml": service, "mesh.yaml": mesh(local, "") },
  helm: { "Chart.yaml": "apiVersion: v2\nname: probe\nversion: 0.1.0\n", "templates/service.yaml": service.replace("  namespace: probe\n", "") },
} as const satisfies { readonly [kind: string]: Files };
