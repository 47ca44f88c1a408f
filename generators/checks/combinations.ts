import type { Layer, Setting, Settings } from "../annotations/setting.ts";
import type { SettingName } from "../annotations/table.ts";
import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import { isOwn, portSettings } from "../mesh/service.ts";
import type { Check } from "./check.ts";

const files: readonly SettingName[] = ["tls-client-certificate", "tls-private-key", "tls-ca-certificates"];
const tlsDetails: readonly SettingName[] = [...files, "tls-credential-name", "tls-subject-alt-names", "tls-sni", "tls-insecure-skip-verify"];

/** Settings that Istio refuses or ignores together, or alone. */
export const checkCombinations: Check = ({ context }) => context.services.flatMap((service) => {
  const hasMode = service.layers.some((layer) => layer.has("tls"));
  const narrower: readonly (readonly [Settings, Layer])[] = [
    ...service.ports.flatMap((port): (readonly [Settings, Layer])[] => (service.portLayers.has(port.number) ? [[portSettings(service, port), service.portLayers.get(port.number)!]] : [])),
    ...(service.subsets.length > 1 ? service.subsets.filter(({ layer }) => layer.size > 0).map(({ layer }) => [service.settings.with(layer), layer] as const) : []),
  ];
  const found = [
    ...checkTls(service.settings, (setting) => !hasMode || isOwn(setting)), ...checkNeeds(service.settings),
    ...narrower.flatMap(([settings, layer]) => [...checkTls(settings, (setting) => layer.get(setting.name) === setting), ...checkNeeds(settings)]),
  ];
  return distinct(found);
});

function distinct(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...new Map(diagnostics.map((diagnostic) => [`${diagnostic.code} ${diagnostic.place?.path.join(".")} ${diagnostic.read}`, diagnostic])).values()];
}

/** `isMeant`: whether a detail was written for this mode; one that a nearer `tls` switched off with the mode is left out. */
function checkTls(settings: Settings, isMeant: (setting: Setting) => boolean): readonly Diagnostic[] {
  const mode = settings.get("tls");
  const details = tlsDetails.flatMap((name) => settings.get(name) ?? []) as readonly Setting[];
  if (!mode || mode.value === "DISABLE") {
    return details.filter(isMeant).map((setting) => diagnose("IZ216", setting.source.place, { key: setting.name, needs: "tls: SIMPLE, MUTUAL or ISTIO_MUTUAL" }));
  }
  const found: Diagnostic[] = [];
  const credential = settings.get("tls-credential-name");
  const exclude = (one: Setting | undefined, others: readonly SettingName[], why: string): void => {
    for (const name of others) {
      const other = settings.get(name);
      if (one && other) found.push(diagnose("IZ217", one.source.place, { one: nameWithValue(one), other: nameWithValue(other), why }));
    }
  };
  exclude(credential, files, "certificates from a Secret or from files, not from both");
  const skips = settings.get("tls-insecure-skip-verify");
  if (skips?.value) exclude(skips, ["tls-ca-certificates", "tls-subject-alt-names"], "one of the two: no verification, or verification against these names and authorities");
  if (mode.value === "ISTIO_MUTUAL") exclude(mode, [...files, "tls-credential-name", "tls-insecure-skip-verify"], "ISTIO_MUTUAL alone: it uses the mesh's own certificates");
  if (mode.value === "MUTUAL" && !credential) {
    const missing = (["tls-client-certificate", "tls-private-key"] as const).filter((name) => !settings.has(name));
    if (missing.length > 0) found.push(diagnose("IZ216", mode.source.place, { key: "tls: MUTUAL", needs: `${missing.join(" and ")} (or tls-credential-name)` }));
  }
  return found;
}

function checkNeeds(settings: Settings): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  const local = settings.get("outlier-consecutive-local-failures");
  if (local && settings.valueOf("outlier-split-local-errors") !== true) {
    found.push(diagnose("IZ216", local.source.place, { key: "outlier-consecutive-local-failures", needs: 'outlier-split-local-errors: "true"' }));
  }
  const algorithm = settings.get("consistent-hash-algorithm");
  if (algorithm && isOwn(algorithm) && !settings.has("consistent-hash")) {
    found.push(diagnose("IZ216", algorithm.source.place, { key: "consistent-hash-algorithm", needs: "consistent-hash" }));
  }
  return found;
}

function nameWithValue(setting: Setting): string {
  return `${setting.name}: ${setting.source.text}`;
}
