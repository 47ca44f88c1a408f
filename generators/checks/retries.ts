import type { Settings } from "../annotations/setting.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { isHttp } from "../kube/protocol.ts";
import { isOwn, portSettings, type MeshService } from "../mesh/service.ts";
import type { Check } from "./check.ts";

/** Retry settings beside `retry-attempts: 0`, which leave no trace in the object that is made (rule T2). */
export const checkRetries: Check = ({ context }) => context.services.flatMap((service) => {
  const ports = service.ports.filter(isHttp);
  const distinct = new Map(ports.map((port) => [service.portLayers.get(port.number), portSettings(service, port)]));
  const off = [...distinct.values()].every((settings) => settings.valueOf("retry-attempts") === 0);
  return off ? [...distinct.values()].flatMap((settings) => checkSwitchedOff(service, settings)) : [];
});

function checkSwitchedOff(service: MeshService, settings: Settings): readonly Diagnostic[] {
  if (settings.valueOf("retry-attempts") !== 0) return [];
  return [...settings.all()]
    .filter((setting) => setting.name.startsWith("retry-") && setting.name !== "retry-attempts" && isOwn(setting))
    .map((setting) => diagnose("IZ218", setting.source.place, {
      key: `istiomize.dev/${setting.name}`, why: "retries, which retry-attempts 0 turns off", help: "remove it, or raise retry-attempts",
    }, { subject: service.ref }));
}
