import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KubeObject } from "../../generators/kube/object.ts";
import { root } from "../tools.ts";

/** An Istio object with one thing to say about it, and whether a cluster with the newest Istio refuses it. */
export interface Judged {
  readonly name: string;
  readonly refused: boolean;
  readonly object: KubeObject;
}

const file = join(root, "test/istio-objects.jsonl");

/** Objects and verdicts of test/istio-objects.jsonl; `npm run schemas -- --verdicts` asks the judge anew. */
export function readJudged(): readonly Judged[] {
  return readFileSync(file, "utf8").trimEnd().split("\n").map((line) => {
    const { name, refused, apiVersion = "networking.istio.io/v1", kind, ...rest } = JSON.parse(line) as { name: string; refused: boolean; apiVersion?: string; kind: string };
    return { name: `${kind} ${name}`, refused, object: { apiVersion, kind, metadata: { name: "x", namespace: "shop" }, ...rest } };
  });
}

export function writeVerdicts(refused: readonly boolean[]): void {
  const lines = readFileSync(file, "utf8").trimEnd().split("\n").map((line, i) => JSON.stringify({ ...(JSON.parse(line) as object), refused: refused[i] }));
  writeFileSync(file, `${lines.join("\n")}\n`);
}
