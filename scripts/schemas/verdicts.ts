import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readJudged, writeVerdicts } from "./istio-objects.ts";
import { askIstioJudge, findJudges } from "../judge/judges.ts";

/** What analyzers and routes say is no refusal: the object comes into the cluster. */
const laterFindings = /^(IST\d+|no-cluster|no-effect|half-qualified-host|no-crd)$/;

/** Asks the judge which objects of test/istio-objects.jsonl a cluster refuses; gives the names of those that changed. */
export function refreshVerdicts(): readonly string[] {
  const judges = findJudges();
  if (!judges) throw new Error("there is no judge beside this repository (ISTIOMIZE_CONFORMANCE names its folder)");
  const folder = mkdtempSync(join(tmpdir(), "istiomize-verdicts-"));
  try {
    const judged = readJudged();
    const files = judged.map(({ object }, i) => {
      const name = `${String(i).padStart(4, "0")}.json`;
      writeFileSync(join(folder, name), JSON.stringify(object));
      return name;
    });
    const said = askIstioJudge(judges, files, folder);
    const refused = files.map((name) => (said.get(name) ?? []).some(({ severity, code }) => severity === "error" && !laterFindings.test(code)));
    writeVerdicts(refused);
    return judged.filter((each, i) => each.refused !== refused[i]).map(({ name }) => name);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
