/** What a service speaks on its port. */
export type ServiceProtocol = "http" | "grpc" | "tcp";

/** How the Services of a tree write what the new one writes too. */
export interface Conventions {
  /** The label that tells services apart: `app`, or `app.kubernetes.io/name`. */
  readonly nameLabel: string;
  /** The value of the label `version` on the pods. */
  readonly version: string;
  readonly hasAppProtocol: boolean;
  /** `metadata.namespace` of every object; undefined where kustomizations set it. */
  readonly namespace: string | undefined;
  /** The path that HTTP probes ask for. */
  readonly healthPath: string;
  /** The file of an object by its kind, in lower case. */
  readonly fileOf: (kind: "deployment" | "service" | "serviceaccount" | "canary") => string;
  readonly kustomizationFile: string;
}

export interface NewService {
  readonly name: string;
  readonly port: number;
  readonly protocol: ServiceProtocol;
  readonly image: string;
  /** Annotations of the Service, without the prefix, each with the comment that stands above it. */
  readonly annotations: readonly Annotation[];
  readonly isCanary: boolean;
  readonly replicas?: number;
}

export interface Annotation {
  readonly name: string;
  readonly value: string;
  readonly comment?: string;
}

export const ownConventions: Conventions = {
  nameLabel: "app", version: "v1", hasAppProtocol: true, namespace: undefined, healthPath: "/health",
  fileOf: (kind) => (kind === "canary" ? "deployment-canary.yaml" : `${kind}.yaml`), kustomizationFile: "kustomization.yaml",
};

/** The files of a service in a directory of its own, by name. */
export function writeServiceFiles(service: NewService, conventions: Conventions): { readonly [file: string]: string } {
  const { fileOf, kustomizationFile } = conventions;
  const main = { ...service, workload: service.name, version: conventions.version };
  const canary = { ...service, workload: `${service.name}-canary`, version: "canary" };
  const files = {
    [fileOf("serviceaccount")]: writeServiceAccount(service, conventions),
    [fileOf("deployment")]: writeDeployment(main, conventions),
    ...(service.isCanary && { [fileOf("canary")]: writeDeployment(canary, conventions) }),
    [fileOf("service")]: writeService(service, conventions),
  };
  return { [kustomizationFile]: writeKustomization({ resources: Object.keys(files) }), ...files };
}

/** A kustomization that lists resources, with a namespace where one is given. */
export function writeKustomization({ namespace, prefix, resources }: { readonly namespace?: string; readonly prefix?: string; readonly resources: readonly string[] }): string {
  return `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
${namespace === undefined ? "" : `namespace: ${namespace}\n`}${prefix === undefined ? "" : `namePrefix: ${prefix}\n`}resources:
${resources.map((each) => `  - ${each}\n`).join("")}`;
}

function writeMetadata(name: string, service: string, { nameLabel, namespace }: Conventions): string {
  return `metadata:
  name: ${name}
${namespace === undefined ? "" : `  namespace: ${namespace}\n`}  labels:
    ${nameLabel}: ${service}
`;
}

function writeServiceAccount({ name }: NewService, conventions: Conventions): string {
  return `apiVersion: v1
kind: ServiceAccount
${writeMetadata(name, name, conventions)}automountServiceAccountToken: false
`;
}

function writeService({ name, port, protocol, annotations }: NewService, conventions: Conventions): string {
  const lines = annotations.map((each) => `${each.comment ? `    # ${each.comment}\n` : ""}    istiomize.dev/${each.name}: ${writeText(each.value)}\n`).join("");
  return `apiVersion: v1
kind: Service
${writeMetadata(name, name, conventions)}  annotations:
${lines}spec:
  selector:
    ${conventions.nameLabel}: ${name}
  ports:
    - name: ${protocol}
${conventions.hasAppProtocol ? `      appProtocol: ${protocol}\n` : ""}      port: ${port}
      targetPort: ${protocol}
`;
}

/** Quoted where YAML would take it for something else than a text. */
function writeText(value: string): string {
  return /^(true|false|null|\d+(\.\d+)?)$/.test(value) || /[:#{}[\]"'%]/.test(value) ? JSON.stringify(value) : value;
}

interface Workload extends NewService {
  readonly workload: string;
  readonly version: string;
}

function writeDeployment({ name, workload, version, port, protocol, image, replicas = 2 }: Workload, conventions: Conventions): string {
  const labels = (indent: string): string => `${indent}${conventions.nameLabel}: ${name}\n${indent}version: ${version}\n`;
  const probe = writeProbe(protocol, port, conventions.healthPath);
  return `apiVersion: apps/v1
kind: Deployment
${writeMetadata(workload, name, conventions)}spec:
  replicas: ${replicas}
  selector:
    matchLabels:
${labels("      ")}  template:
    metadata:
      labels:
${labels("        ")}    spec:
      serviceAccountName: ${name}
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        runAsGroup: 1000
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: ${name}
          image: ${image}
          ports:
            - name: ${protocol}
              containerPort: ${port}
          startupProbe:
${probe}            periodSeconds: 2
            failureThreshold: 30
          readinessProbe:
${probe}            periodSeconds: 5
            timeoutSeconds: 2
          livenessProbe:
${probe}            periodSeconds: 10
            timeoutSeconds: 2
            failureThreshold: 6
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              cpu: 500m
              memory: 256Mi
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop:
                - ALL
          volumeMounts:
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: tmp
          emptyDir:
            sizeLimit: 64Mi
`;
}

function writeProbe(protocol: ServiceProtocol, port: number, path: string): string {
  if (protocol === "http") return `            httpGet:\n              path: ${path}\n              port: http\n`;
  // A gRPC probe takes no name of a port, and asks the standard health service (grpc.health.v1.Health).
  return protocol === "grpc" ? `            grpc:\n              port: ${port}\n` : "            tcpSocket:\n              port: tcp\n";
}
