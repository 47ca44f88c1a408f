import { diagnose, type Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Finding } from "../schemas/finding.ts";
import { validator } from "../schemas/validator.ts";
import type { IstioObject, IstioWorld, ObjectCheck } from "./istio-object.ts";

/** What the API server and istiod refuse, drop or no longer use in an Istio object. */
export const checkSchema: ObjectCheck = (object, world) =>
  validator.validateIstio(object.object, { istioVersion: targetOf(world), namespace: object.namespace })
    .filter(({ kind, path }) => kind !== "newer" || !object.isOurs || hatch.test(object.placeOf(...path).path.at(-1) ?? ""))
    .map((finding) => describeFinding(finding, object, world));

/** Annotations that hold YAML of Istio's own; of any other one it was said already which Istio it needs. */
const hatch = /(routes|-patch)$/;

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
