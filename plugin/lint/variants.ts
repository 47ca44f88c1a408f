import type { Diagnostic } from "../../generators/diagnostics/diagnostic.ts";
import { asList, asMapping, describe, describeObject, kindOf, mappingAt, type KubeObject } from "../../generators/kube/object.ts";
import type { RunOptions } from "../run.ts";
import { checkItems } from "./check.ts";
import { fingerprintOf } from "./finding.ts";
import type { Manifest, Unit } from "../written/manifests.ts";

/** What takes two objects: of files that are variants of each other nobody knows which are applied together. */
const takesTwo: ReadonlySet<string> = new Set(["IZ308", "IZ309", "IZ316", "IZ317", "IZ318", "IZ326"]);

/** Without what is so only if certain variants in a directory are applied together, or without certain others. */
export async function leaveOutGuesses(diagnostics: readonly Diagnostic[], { pieces, variants }: Unit, run: RunOptions): Promise<readonly Diagnostic[]> {
  if (variants.length === 0) return diagnostics;
  const homes = new Map(pieces.map(({ item, manifest }) => [describeObject(item.object), { manifest, object: item.object }]));
  const alone = new Map<Manifest, Promise<ReadonlySet<string>>>();
  const foundAlone = (manifest: Manifest): Promise<ReadonlySet<string>> => {
    const found = alone.get(manifest) ?? checkItems({ items: manifest.input.leaves.map(({ item }) => item), ...run }).then((result) => new Set(result.diagnostics.map(fingerprintOf)));
    alone.set(manifest, found);
    return found;
  };
  const kept = await Promise.all(diagnostics.map(async (diagnostic) => {
    const home = diagnostic.place && homes.get(describe(diagnostic.place.ref));
    if (!home) return true;
    if (takesTwo.has(diagnostic.code)) return (await foundAlone(home.manifest)).has(fingerprintOf(diagnostic));
    return !isInAnother(diagnostic, home.object, variants);
  }));
  return diagnostics.filter((_, i) => kept[i]);
}

/** A subset that another variant defines, or leads to. */
function isInAnother({ code, place }: Diagnostic, object: KubeObject, variants: readonly Manifest[]): boolean {
  const path = place!.path;
  const objects = (kind: string): readonly KubeObject[] => variants.flatMap(({ input }) => input.leaves.map(({ item }) => item.object)).filter((each) => kindOf(each) === kind);
  if (code === "IZ301" && path.at(-1) === "subset") {
    const subset = valueAt(object, path);
    return objects("DestinationRule").some((rule) => asList(mappingAt(rule, "spec")["subsets"]).some((each) => asMapping(each)?.["name"] === subset));
  }
  if (code !== "IZ360") return false;
  const name = valueAt(object, [...path.slice(0, -1), "name"]);
  return objects("VirtualService").some((routes) => JSON.stringify(routes).includes(`"subset":${JSON.stringify(name)}`));
}

function valueAt(object: KubeObject, path: readonly string[]): unknown {
  return path.reduce<unknown>((at, step) => (at as { readonly [key: string]: unknown } | undefined)?.[/^\[(\d+)\]$/.exec(step)?.[1] ?? step], object);
}
