import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Edit, Made, MeshContext } from "../mesh/context.ts";
import type { KubeObject } from "../kube/object.ts";

/** What a check looks at: the settings, what was made of them, and everything that will be in the cluster. */
export interface CheckInput {
  readonly context: MeshContext;
  readonly made: readonly Made[];
  readonly edits: readonly Edit[];
  /** Istio objects that will be there: those that people wrote, and those that were made. */
  readonly istio: readonly KubeObject[];
  /** Whether what people wrote is checked like what was made. */
  readonly lint: boolean;
}

/** One rule over several resources or settings. */
export type Check = (input: CheckInput) => readonly Diagnostic[];
