import { diagnose, type Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { asText, kindOf, mappingAt, nameOf, type Mapping } from "../../generators/kube/object.ts";
import { shown } from "../generate/source.ts";
import { quoteWord } from "../scaffold/next.ts";
import { texts } from "../tree/tree.ts";
import type { Deployed, Inspected, Verdict } from "./argocd.ts";
import { describeManifest, findPath, isElsewhere, type Manifest } from "./manifests.ts";
import { modeNames } from "./modes.ts";
import type { Setups } from "./setups.ts";

/** Flux Kustomizations whose path is a tree of this repository. Flux builds with plugins disabled, so only files get there with a mesh. */
export function inspectFlux(root: string, { manifests, isPatched }: Setups): Inspected {
  const inspected = manifests.filter(isOurs).flatMap((manifest): readonly { readonly deployed: Deployed; readonly diagnostics: readonly Diagnostic[] }[] => {
    const spec = mappingAt(manifest.object, "spec");
    const found = findPath(root, asText(spec["path"]) ?? "./", texts(spec["components"]));
    if (!found || found.mode === "none") return [];
    const url = urlOf(manifest.object, manifests);
    const doubt = isElsewhere(root, url) ? `${url} is no remote of this repository` : isPatched(manifest) ? "a kustomization patches it" : undefined;
    const args = { path: found.path, mode: modeNames[found.mode], directory: quoteWord(shown(root)) };
    const diagnostics = doubt !== undefined || found.mode === "files" ? [] : [diagnose("IZ474", undefined, args, manifest.at("spec", "path"))];
    const verdict: Verdict = doubt !== undefined ? { state: "unknown", why: doubt } : found.mode === "files" ? { state: "fits" } : { state: "fails", diagnostics };
    return [{ deployed: { name: `Flux ${describeManifest(manifest)}`, path: found.path, mode: modeNames[found.mode], builder: "kustomize-controller", verdict }, diagnostics }];
  });
  return { deployed: inspected.map(({ deployed }) => deployed), diagnostics: inspected.flatMap(({ diagnostics }) => diagnostics) };
}

/** What comes as an artifact was rendered before; its path is not one of this repository. */
function isOurs({ object }: Manifest): boolean {
  return kindOf(object) === "Kustomization" && (asText(object["apiVersion"]) ?? "").startsWith("kustomize.toolkit.fluxcd.io/")
    && !["OCIRepository", "Bucket", "ExternalArtifact"].includes(asText(mappingAt(object, "spec", "sourceRef")["kind"]) ?? "");
}

/** The URL of the GitRepository that it names, where that stands in this tree. */
function urlOf(object: Mapping, manifests: readonly Manifest[]): string | undefined {
  const reference = mappingAt(object, "spec", "sourceRef");
  const namespace = (each: unknown, otherwise?: unknown): unknown => mappingAt(each, "metadata")["namespace"] ?? otherwise;
  const wanted = reference["namespace"] ?? namespace(object);
  const source = manifests.find((each) => kindOf(each.object) === "GitRepository" && nameOf(each.object) === reference["name"] && namespace(each.object, wanted) === (wanted ?? namespace(each.object)));
  return source && asText(mappingAt(source.object, "spec")["url"]);
}
