import type { Layer, Setting, Settings } from "../annotations/setting.ts";
import { rows } from "../annotations/table.ts";
import { isHttp, type ServicePort } from "../kube/protocol.ts";
import type { Item, KubeObject, Mapping, ResourceRef } from "../kube/object.ts";
import type { Governed } from "./rollouts.ts";
import type { AnnotatedWorkload, Subset } from "./subsets.ts";

/** A Service that is in the mesh, with everything that its objects are made from. */
export interface MeshService {
  readonly item: Item;
  readonly object: KubeObject;
  readonly ref: ResourceRef;
  readonly name: string;
  /** Of the objects made for it: its own, else `spec.namespace`; empty where neither is known. */
  readonly namespace: string;
  readonly shape: ServiceShape;
  readonly ports: readonly ServicePort[];
  readonly selector: { readonly [key: string]: string };
  readonly workloads: readonly AnnotatedWorkload[];
  readonly subsets: readonly Subset[];
  /** What holds for the whole Service. */
  readonly settings: Settings;
  /** What stands on the Service itself. */
  readonly own: Layer;
  /** What stands behind `port.`, by port number. */
  readonly portLayers: ReadonlyMap<number, Layer>;
  /** What stands behind `gateway.`, by alias; `mesh` too. */
  readonly gatewayLayers: ReadonlyMap<string, Layer>;
  /** What stands behind `route.`, by the route's name. */
  readonly routeLayers: ReadonlyMap<string, Layer>;
  /** The levels behind `settings`, farthest first; the first is `spec.defaults`. */
  readonly layers: readonly Layer[];
  /** What an Argo Rollout makes of it, if one does. */
  readonly governed?: Governed;
}

/** What kind of Service it is, as far as routing cares. */
export type ServiceShape = "cluster" | "headless" | "external-name" | "selector-less" | "udp";

/** The settings of one port: the Service's, with what stands behind `port.` on top. */
export function portSettings(service: MeshService, port: ServicePort): Settings {
  const layer = service.portLayers.get(port.number);
  return layer ? service.settings.with(layer) : service.settings;
}

/** Whether a setting was written on the Service or one of its workloads, not handed down to it. */
export function isOwn(setting: Setting): boolean {
  const { place } = setting.source;
  return place.path[0] === "metadata" && place.ref.kind !== "Namespace";
}

export function httpPorts(service: MeshService): readonly ServicePort[] {
  return service.ports.filter(isHttp);
}

/** Whether Istio uses a setting on HTTP and gRPC ports only. */
export function needsHttp(setting: Setting): boolean {
  if (setting.name === "consistent-hash") return !(setting.value as Mapping)["useSourceIp"];
  return rows[setting.name].http === true && setting.name !== "retry-unsafe";
}
