import type { Diagnostic, Place } from "../diagnostics/diagnostic.ts";
import type { Decided } from "./origin.ts";
import type { Item, KubeObject } from "../kube/object.ts";
import type { MeshConfig } from "./config.ts";
import type { RoutePlan } from "./plan.ts";
import type { Levels } from "./levels.ts";
import type { FlaggerTarget } from "./flagger.ts";
import type { ServiceLookup } from "./lookup.ts";
import type { Governance, Rollout } from "./rollouts.ts";
import type { MeshService } from "./service.ts";
import type { KnownService } from "./settings.ts";
import type { Workload } from "./workload.ts";

/** Everything that a generator may look at. */
export interface MeshContext {
  readonly config: MeshConfig;
  readonly services: readonly MeshService[];
  /** Meshed Services whose objects something else writes (Flagger). */
  readonly leftOut: readonly MeshService[];
  /** What Flagger runs a copy of, and writes routes for. */
  readonly flagger: readonly FlaggerTarget[];
  readonly rollouts: readonly Rollout[];
  readonly governance: Governance;
  readonly lookup: ServiceLookup<KnownService>;
  readonly plans: ReadonlyMap<MeshService, RoutePlan>;
  readonly known: readonly KnownService[];
  readonly workloads: readonly Workload[];
  readonly levels: Levels;
  readonly sources: readonly Item[];
  /** The Namespace objects of the input, by name. */
  readonly namespaces: ReadonlyMap<string, Item>;
  /** Objects in the input that stay: people's own, and generated ones whose ServiceMesh is not here. */
  readonly kept: readonly Item[];
}

/** An object that was made, and the input object that it stands beside. */
export interface Made {
  readonly object: KubeObject;
  readonly beside?: Item;
  /** The settings behind its fields. */
  readonly decided?: readonly Decided[];
  /** Where the ServiceMesh asks for it, where it stands beside no object. */
  readonly from?: Place;
  /** Holds fields of Istio's own that nothing of ours has read. */
  readonly isOpen?: boolean;
}

/** A change to one field of an input object; `undefined` removes it. */
export interface Edit {
  readonly item: Item;
  readonly path: readonly string[];
  readonly value: string | undefined;
}

/** What a generator gives. */
export interface Generated {
  readonly made: readonly Made[];
  readonly edits: readonly Edit[];
  readonly diagnostics: readonly Diagnostic[];
}

export type Generator = (context: MeshContext) => Generated;
