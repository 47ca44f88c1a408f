import { diagnose } from "../../diagnostics/diagnostic.ts";
import { asList, asMapping } from "../../kube/object.ts";
import { entriesOf, type ObjectCheck } from "../istio-object.ts";
import { actionOf } from "../policies-over.ts";

/** `/inventory/*` in a policy: what it leaves out is `/inventory` itself, which DENY then lets through. */
export const checkPathPatterns: ObjectCheck = (object) => {
  const action = actionOf(object);
  if (object.isOurs || !["ALLOW", "DENY"].includes(action)) return [];
  return entriesOf(object.spec["rules"]).flatMap(([rule, step]) => entriesOf(rule["to"]).flatMap(([entry, to]) => {
    const paths = asList(asMapping(entry["operation"])?.["paths"]);
    return paths.flatMap((path, i) => {
      if (typeof path !== "string" || !/^\/[^*{]*[^*{/]\/\*$/.test(path)) return [];
      const bare = path.slice(0, -2);
      if (paths.some((other) => other === bare || other === `${bare}*`)) return [];
      const place = object.placeOf("spec", "rules", step, "to", to, "operation", "paths", `[${i}]`);
      return [action === "ALLOW" ? diagnose("IZ398", place, { pattern: path, bare }) : diagnose("IZ395", place, {
        what: `DENY for ${JSON.stringify(path)}`, expected: `${JSON.stringify(bare)} beside it: the pattern asks for the slash, so ${bare} itself is let through`, help: `add ${JSON.stringify(bare)} to paths`,
      })];
    });
  }));
};
