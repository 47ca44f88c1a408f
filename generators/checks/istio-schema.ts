import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Made } from "../mesh/context.ts";
import type { Finding } from "../schemas/finding.ts";
import { validator } from "../schemas/validator.ts";
import type { IstioObject, IstioWorld, ObjectCheck } from "./istio-object.ts";

/** What the API server and istiod refuse, drop or no longer use in an Istio object. */
export const checkSchema: ObjectCheck = (object, world) =>
  validator.validateIstio(object.object, { istioVersion: targetOf(world), namespace: object.namespace }).map((finding) => describeFinding(finding, object, world));

/** The settings whose value is YAML of Istio's own, of which nobody has looked at every field. */
const hatches = ["routes", "tcp-routes", "tls-routes", "virtual-service-patch", "destination-rule-patch"] as const;

/** Whether an object of ours holds YAML that people wrote; all else in it fits Istio's schema because of how it was made. */
export function needsSchema({ decided = [] }: Made): boolean {
  return decided.some(({ settings }) => hatches.some((name) => settings.find(name)));
}

/** The oldest Istio that a ServiceMesh names; without one the newest counts. */
function targetOf({ config }: IstioWorld): string | undefined {
  return config.meshes.length === 0 ? undefined : config.istioVersion;
}

function describeFinding({ kind, path, found, expects, help, since, current, proposed, fix }: Finding, object: IstioObject, world: IstioWorld): Diagnostic {
  const place = object.placeOf(...path);
  const options = object.subject ? { subject: object.subject } : {};
  // What an annotation says is mended by a person: the field is a part of its value at most.
  const change = object.isOurs ? {} : { ...(current !== undefined && { current }), ...(proposed !== undefined && { proposed }), ...(fix && { fix }) };
  const field = path.at(-1)!;
  if (kind === "unknown") return diagnose("IZ390", place, { field, known: expects, help, ...change }, options);
  if (kind === "newer") return diagnose("IZ390", place, { field: found, since: since!, target: targetOf(world) ?? "", ...change }, options);
  if (kind === "deprecated" || kind === "ignored") return diagnose("IZ392", place, { field, found, state: kind, instead: proposed === undefined ? expects : `\`${proposed}\``, ...change }, options);
  if (kind === "old-version") return diagnose("IZ393", place, { found, wanted: expects, ...change }, options);
  return diagnose(kind === "refused" ? "IZ394" : "IZ391", place, { field: field.startsWith("[") || kind === "version" ? "" : field, found, expects, help, ...change }, options);
}
