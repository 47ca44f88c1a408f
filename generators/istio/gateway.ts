import { compact, type KubeObject, type Mapping } from "../kube/object.ts";
import type { Generator, MeshContext } from "../mesh/context.ts";
import type { GatewayServer, MeshGateway } from "../mesh/gateways.ts";
import { makeMetadata } from "./metadata.ts";

/**
 * A Gateway for each entry of `spec.gateways` that is not made elsewhere.
 * @see https://istio.io/latest/docs/reference/config/networking/gateway/
 */
export const generateGateways: Generator = (context) => {
  const made = [...context.config.gateways.values()].filter(({ existing }) => !existing).map((gateway) => ({
    object: makeGateway(context, gateway), from: { ref: context.config.ref, path: ["spec", "gateways", gateway.alias] },
  }));
  return { made, edits: [], diagnostics: [] };
};

function makeGateway(context: MeshContext, { name, namespace, selector, servers }: MeshGateway): KubeObject {
  return {
    apiVersion: "networking.istio.io/v1", kind: "Gateway",
    metadata: makeMetadata(context, name, namespace, {}),
    spec: { selector, servers: servers.map(makeServer) },
  };
}

function makeServer({ name, port, protocol, hosts, bind, tls, httpsRedirect }: GatewayServer): Mapping {
  return compact({ port: { number: port, name, protocol }, bind, hosts, tls: httpsRedirect ? { httpsRedirect } : tls });
}
