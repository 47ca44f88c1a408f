import { diagnose } from "../../generators/diagnostics/diagnostic.ts";
import { asText, kindOf, mappingAt } from "../../generators/kube/object.ts";
import { shown } from "../generate/source.ts";
import { quoteWord } from "../scaffold/next.ts";
import type { Deployed, Inspected } from "./argocd.ts";
import { describeManifest, findPath, type Manifest } from "./manifests.ts";
import { modeNames } from "./modes.ts";

/** Flux Kustomizations whose path is a tree of this repository. Flux builds with plugins disabled, so only files get there with a mesh. */
export function inspectFlux(root: string, manifests: readonly Manifest[]): Inspected {
  const inspected = manifests.filter(isOurs).flatMap((manifest): readonly Inspected[] => {
    const found = findPath(root, asText(mappingAt(manifest.object, "spec")["path"]) ?? "./");
    if (!found || found.mode === "none") return [];
    const isMeshed = found.mode === "files";
    const deployed: Deployed = { name: `Flux ${describeManifest(manifest)}`, path: found.path, mode: modeNames[found.mode], builder: "kustomize-controller", isMeshed };
    const args = { path: found.path, mode: modeNames[found.mode], directory: quoteWord(shown(root)) };
    return [{ deployed: [deployed], diagnostics: isMeshed ? [] : [diagnose("IZ474", undefined, args, manifest.at(/^\s*path:/))] }];
  });
  return { deployed: inspected.flatMap(({ deployed }) => deployed), diagnostics: inspected.flatMap(({ diagnostics }) => diagnostics) };
}

/** What comes as an artifact was rendered before; its path is not one of this repository. */
function isOurs({ object }: Manifest): boolean {
  return kindOf(object) === "Kustomization" && (asText(object["apiVersion"]) ?? "").startsWith("kustomize.toolkit.fluxcd.io/")
    && !["OCIRepository", "Bucket", "ExternalArtifact"].includes(asText(mappingAt(object, "spec", "sourceRef")["kind"]) ?? "");
}
