import type { Setting, Settings } from "../annotations/setting.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { readDuration, writeDuration } from "../kube/duration.ts";
import { isHttp } from "../kube/protocol.ts";
import { isOwn, portSettings, type MeshService } from "../mesh/service.ts";
import type { Check } from "./check.ts";

/** Conditions under which the server may have carried the call out. */
const unsafe = new Set(["5xx", "gateway-error", "reset", "retriable-4xx", "retriable-status-codes", "internal", "deadline-exceeded"]);

/** Retries that can never finish, that re-run calls, or that have no effect (rules T1 to T4). */
export const checkRetries: Check = ({ context }) => context.services.flatMap((service) => {
  const ports = service.ports.filter(isHttp);
  const distinct = new Map(ports.map((port) => [service.portLayers.get(port.number), portSettings(service, port)]));
  const off = [...distinct.values()].every((settings) => settings.valueOf("retry-attempts") === 0);
  return [...distinct.values()].flatMap((settings) => [
    ...checkBudget(service, settings), ...checkConditions(service, settings), ...(off ? checkSwitchedOff(service, settings) : []),
  ]);
});

function checkBudget(service: MeshService, settings: Settings): readonly Diagnostic[] {
  const timeout = settings.get("timeout");
  const perTry = settings.get("retry-per-try-timeout");
  const attemptsSetting = settings.get("retry-attempts");
  const attempts = attemptsSetting?.value ?? 2;
  if (!timeout || !perTry || attempts === 0) return [];
  const tries = attempts + 1;
  const needed = tries * readDuration(perTry.value)!;
  if (needed <= readDuration(timeout.value)!) return [];
  const involved: readonly Setting[] = [...(attemptsSetting ? [attemptsSetting] : []), perTry, timeout];
  const place = (involved.find(isOwn) ?? involved[0]!).source.place;
  return [diagnose("IZ310", place, { tries, attempts, perTry: perTry.value, timeout: timeout.value, needed: writeDuration(needed) }, { subject: service.ref })];
}

function checkConditions(service: MeshService, settings: Settings): readonly Diagnostic[] {
  const retryOn = settings.get("retry-on");
  if (!retryOn || settings.valueOf("retry-attempts") === 0) return [];
  const options = { subject: service.ref };
  const repeating = retryOn.value.filter((condition) => unsafe.has(condition) || /^\d/.test(condition));
  const found: Diagnostic[] = [];
  if (repeating.length > 0 && settings.valueOf("retry-unsafe") !== true) found.push(diagnose("IZ311", retryOn.source.place, { conditions: repeating }, options));
  const status = retryOn.value.find((condition) => condition === "503");
  if (status !== undefined && !retryOn.value.some((condition) => condition === "reset" || condition === "connect-failure" || condition === "5xx" || condition === "gateway-error")) {
    found.push(diagnose("IZ312", retryOn.source.place, { code: status }, options));
  }
  return found;
}

function checkSwitchedOff(service: MeshService, settings: Settings): readonly Diagnostic[] {
  if (settings.valueOf("retry-attempts") !== 0) return [];
  return [...settings.all()]
    .filter((setting) => setting.name.startsWith("retry-") && setting.name !== "retry-attempts" && isOwn(setting))
    .map((setting) => diagnose("IZ218", setting.source.place, {
      key: `istiomize.dev/${setting.name}`, why: "retries, which retry-attempts 0 turns off", help: "remove it, or raise retry-attempts",
    }, { subject: service.ref }));
}
