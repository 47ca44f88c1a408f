/** Ports on which the sidecar itself listens. */
export const proxyPorts = new Set([15000, 15001, 15004, 15006, 15008, 15020, 15021, 15053, 15090]);
