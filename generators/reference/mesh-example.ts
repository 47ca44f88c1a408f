import { load } from "js-yaml";
import { asMapping, type Mapping } from "../kube/object.ts";

/** A ServiceMesh that says something in every field, and that the reader accepts. */
export const meshExample = `apiVersion: istiomize.dev/v1alpha1
kind: ServiceMesh
metadata:
  name: mesh
spec:
  istioVersion: "1.31"
  requires: ">=0.6"
  namespace: shop
  services: annotated
  hosts: fqdn
  clusterDomain: cluster.local
  trustDomain: prod.example.com
  rootNamespace: istio-system
  environment: staging
  allowFaults: [chaos-target]
  strict: true
  strictness: warn
  accept:
    IZ310: measured, the last try may be cut
  mode: validate
  guard: true
  injection:
    mode: sidecar
    revision: stable
    exclude: [kube-system, monitoring]
  namespaces:
    payments:
      inject: true
  targets:
    cache:
      kind: StatefulSet
      name: redis
      namespace: shop
      labels:
        app.kubernetes.io/part-of: shop
      set:
        maxConnections: 200
  defaults:
    timeout: 15s
    retryAttempts: 2
  profiles:
    critical:
      outlierConsecutive5xx: 3
  limits:
    timeout:
      max: 60s
  locked: [mtls]
  metadata:
    labels:
      app.kubernetes.io/managed-by: istiomize
    annotations:
      example.com/owner: platform
  names:
    destinationRule: "{service}-policy"
    virtualService: "{service}-routes"
    gatewayVirtualService: "{service}-{gateway}"
  gateways:
    external:
      name: external-gateway
      namespace: istio-system
      existing: false
      selector:
        istio: ingressgateway
      workload:
        namespace: istio-ingress
        serviceAccount: istio-ingressgateway
        service: istio-ingressgateway
      hosts: [shop.example.com]
      http:
        mode: redirect
        hosts: [shop.example.com]
      httpPort: 80
      httpsPort: 443
      tls:
        mode: MUTUAL
        credentialName: shop-tls
        caCertCredentialName: shop-clients
        subjectAltNames: [partner.example.com]
        verifyCertificateSpki: [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]
        minProtocolVersion: TLSV1_2
        maxProtocolVersion: TLSV1_3
        cipherSuites: [ECDHE-ECDSA-AES256-GCM-SHA384]
      servers:
        grpc:
          port: 9443
          protocol: HTTPS
          hosts: [grpc.example.com]
          bind: 10.0.0.10
          tls:
            mode: SIMPLE
            credentialName: grpc-tls
        plain:
          port: 8080
          protocol: HTTP
          hosts: [grpc.example.com]
          tls:
            httpsRedirect: true
      defaults:
        timeout: 30s
      virtualServices: host
      exportTo: [istio-system, shop]
    files:
      hosts: [files.example.com]
      http: none
      tls:
        mode: MUTUAL
        serverCertificate: /etc/certs/server.pem
        privateKey: /etc/certs/key.pem
        caCertificates: /etc/certs/ca.pem
        caCrl: /etc/certs/crl.pem
        verifyCertificateHash: [df3fc19b8dc2cd7b3b9a1c0e4d6f2a5b8c7d9e0f1a2b3c4d5e6f708192a3b4c5]
    keys:
      hosts: [keys.example.com]
      tls:
        mode: OPTIONAL_MUTUAL
        credentialNames: [keys-rsa, keys-ecdsa]
        insecureSkipVerify: true
    key-files:
      hosts: [key-files.example.com]
      tls:
        mode: SIMPLE
        tlsCertificates:
        - serverCertificate: /etc/certs/rsa.pem
          privateKey: /etc/certs/rsa-key.pem
        - serverCertificate: /etc/certs/ecdsa.pem
          privateKey: /etc/certs/ecdsa-key.pem
  argocd:
    syncWaves: true
    recordWarnings: true
  mtls:
    mode: STRICT
    scope: namespace
`;

const spec = asMapping(asMapping(load(meshExample))?.["spec"]) ?? {};

/** What the example says at a path of the spec; `<name>` in it is the first name that leads on. */
export function exampleAt(path: readonly string[]): unknown {
  // A gateway's own TLS and that of its further servers have the same fields.
  const [gateways, alias, second, ...rest] = path;
  const sibling = second === "servers" ? [gateways!, alias!, ...rest.slice(1)] : second === "tls" ? [gateways!, alias!, "servers", "<name>", "tls", ...rest] : path;
  return findAt(spec, path) ?? findAt(spec, sibling);
}

function findAt(value: unknown, path: readonly string[]): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  const mapping: Mapping = asMapping(value) ?? {};
  const names = first === "<name>" ? Object.keys(mapping) : [first];
  for (const name of names) {
    const found = Object.hasOwn(mapping, name) ? findAt(mapping[name], rest) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
