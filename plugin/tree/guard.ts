import { nameOf } from "../../generators/kube/object.ts";
import { guardMarker } from "../../generators/pipeline.ts";

/** What stands behind a function config with `spec.guard: true`: it fails a build in which the function did not run. */
export const guardDocument = `---
# Without --enable-exec kustomize skips the function and says nothing. Only the function makes the object
# that is deleted here, so a build that skipped it fails instead of losing the mesh.
apiVersion: builtin
kind: PatchTransformer
metadata:
  name: istiomize-guard
patch: |-
  apiVersion: istiomize.dev/v1alpha1
  kind: IstiomizeRan
  metadata:
    name: ${nameOf(guardMarker)}
  $patch: delete
`;
