/** The inputs that are measured: N services, each a Deployment of about 1 kB and a Service, with a few annotations. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { dump, loadAll } from "js-yaml";

export interface BenchObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
}

const generatedFrom = "istiomize.dev/generated-from";

const mesh = `apiVersion: istiomize.dev/v1alpha1
kind: ServiceMesh
metadata:
  name: bench
spec:
  defaults:
    connectTimeout: 2s
`;

/** One namespace holds them all: the hardest case for whatever pairs Services with workloads. */
const namespace = (labels: string): string => `apiVersion: v1
kind: Namespace
metadata:
  name: shop
${labels}`;

const nameService = (index: number): string => `ms-${String(index).padStart(5, "0")}`;

/** Every service has its own timeout, so that no answer can be kept from the one before. */
const annotateService = (index: number): string => `  annotations:
    istiomize.dev/timeout: ${10 + (index % 20)}s
    istiomize.dev/retry-attempts: "2"
    istiomize.dev/retry-per-try-timeout: 3s
`;

/** Nothing here deserves a warning: what is measured is the usual run, not one that prints thousands of them. */
const deploymentAnnotations = `  annotations:
    istiomize.dev/outlier-consecutive-5xx: "5"
    istiomize.dev/outlier-interval: 10s
    istiomize.dev/outlier-max-ejection-percent: 50%
    istiomize.dev/max-connections: "100"
`;

function writeService(index: number, annotated: boolean): string {
  const name = nameService(index);
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  namespace: shop
  labels:
    app: ${name}
${annotated ? deploymentAnnotations : ""}spec:
  replicas: 2
  selector:
    matchLabels:
      app: ${name}
  template:
    metadata:
      labels:
        app: ${name}
        version: v1
    spec:
      serviceAccountName: ${name}
      securityContext:
        runAsNonRoot: true
      containers:
        - name: app
          image: example.com/shop/${name}:1.4.${index}
          ports:
            - name: http
              containerPort: 8080
          env:
            - name: DATABASE_HOST
              value: postgres.data.svc.cluster.local
            - name: LOG_LEVEL
              value: info
          readinessProbe:
            httpGet:
              path: /ready
              port: http
            periodSeconds: 5
          livenessProbe:
            httpGet:
              path: /live
              port: http
            initialDelaySeconds: 10
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              memory: 256Mi
---
apiVersion: v1
kind: Service
metadata:
  name: ${name}
  namespace: shop
  labels:
    app: ${name}
${annotated ? annotateService(index) : ""}spec:
  selector:
    app: ${name}
  ports:
    - name: http
      port: 80
      targetPort: http
`;
}

/** What `kustomize build` prints for the meshed tree, more or less: one YAML stream with the ServiceMesh in it. */
export function makeStream(services: number): string {
  return [namespace(""), mesh, ...Array.from({ length: services }, (_, index) => writeService(index, true))].join("---\n");
}

/** The same objects as kustomize hands them to an exec function. */
export function makeResourceList(services: number): string {
  const [functionConfig, items] = [loadAll(mesh)[0], loadAll(makeStream(services)) as BenchObject[]];
  return dump({
    apiVersion: "config.kubernetes.io/v1",
    kind: "ResourceList",
    items: items.filter(({ kind }) => kind !== "ServiceMesh").map((item, index) => annotate(item, {
      "config.kubernetes.io/index": String(index),
      "internal.config.kubernetes.io/index": String(index),
    })),
    functionConfig,
  });
}

/** The same services without annotations, and the Istio objects beside them as if people had written those. */
export function makeHandwrittenStream(services: number, meshed: string): string {
  const byHand = meshed.split("---\n").filter((document) => document.includes(generatedFrom)).map((document) => document.replace(/ {2}annotations:\n {4}istiomize\.dev\/generated-from: .*\n/, ""));
  return [namespace("  labels:\n    istio-injection: enabled\n"), ...Array.from({ length: services }, (_, index) => writeService(index, false)), ...byHand].join("---\n");
}

/** The resource layout: a base with one file per service and the ServiceMesh, and an overlay. Gives the overlay. */
export function writeMeshedTree(folder: string, services: number): string {
  return writeTree(folder, {
    "namespace.yaml": namespace(""),
    "mesh.yaml": mesh,
    ...Object.fromEntries(serviceFiles(services, true)),
  });
}

/** The tree that people would have written instead: no annotations, and the same Istio objects in files of their own. */
export function writeHandwrittenTree(folder: string, services: number, meshed: string): string {
  const istio = new Map<string, string[]>();
  for (const object of loadAll(meshed) as BenchObject[]) {
    const { [generatedFrom]: origin, ...annotations } = object.metadata.annotations ?? {};
    if (origin === undefined) continue;
    const file = `${object.metadata.name}-istio.yaml`;
    const { annotations: _, ...metadata } = object.metadata;
    const written = { ...object, metadata: Object.keys(annotations).length > 0 ? { ...metadata, annotations } : metadata };
    istio.set(file, [...(istio.get(file) ?? []), dump(written)]);
  }
  return writeTree(folder, {
    "namespace.yaml": namespace("  labels:\n    istio-injection: enabled\n"),
    ...Object.fromEntries(serviceFiles(services, false)),
    ...Object.fromEntries([...istio].map(([file, objects]) => [file, objects.join("---\n")])),
  });
}

/**
 * The files layout as a team has it before the first `generate`: a folder with a kustomization for each service, a
 * ServiceMesh that stays in the tree, and overlays that set the namespace. Gives the tree.
 */
export function writeFilesTree(folder: string, services: number, overlays: readonly string[]): string {
  const local = mesh.replace("  name: bench\n", '  name: bench\n  annotations:\n    config.kubernetes.io/local-config: "true"\n');
  const names = Array.from({ length: services }, (_, index) => nameService(index));
  const files: Record<string, string> = {
    "base/kustomization.yaml": writeKustomization({ resources: ["namespace.yaml", "istio", ...names.map((name) => `services/${name}`)] }),
    "base/namespace.yaml": namespace(""),
    "base/istio/kustomization.yaml": writeKustomization({ resources: ["mesh.yaml"] }),
    "base/istio/mesh.yaml": local,
    ...Object.fromEntries(overlays.map((overlay) => [`overlays/${overlay}/kustomization.yaml`, writeKustomization({ namespace: `shop-${overlay}`, resources: ["../../base"] })])),
  };
  names.forEach((name, index) => {
    const [deployment, service] = writeService(index, true).split("---\n");
    files[`base/services/${name}/deployment.yaml`] = deployment!;
    files[`base/services/${name}/service.yaml`] = service!;
    files[`base/services/${name}/kustomization.yaml`] = writeKustomization({ resources: ["deployment.yaml", "service.yaml"] });
  });
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return folder;
}

const serviceFiles = (services: number, annotated: boolean): [string, string][] =>
  Array.from({ length: services }, (_, index) => [`${nameService(index)}.yaml`, writeService(index, annotated)]);

function writeTree(folder: string, files: Readonly<Record<string, string>>): string {
  const [base, overlay] = [join(folder, "base"), join(folder, "overlay")];
  [base, overlay].forEach((directory) => mkdirSync(directory, { recursive: true }));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(base, file), text);
  writeFileSync(join(base, "kustomization.yaml"), writeKustomization({ resources: Object.keys(files) }));
  writeFileSync(join(overlay, "kustomization.yaml"), writeKustomization({ namespace: "shop", resources: ["../base"] }));
  return overlay;
}

const writeKustomization = (fields: Readonly<Record<string, unknown>>): string =>
  dump({ apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", ...fields });

function annotate(object: BenchObject, annotations: Readonly<Record<string, string>>): BenchObject {
  return { ...object, metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...annotations } } };
}
