import { writeMeshSchema } from "./mesh/schema.ts";
import { writeAnnotationSchema } from "./reference/annotation-schema.ts";
import { writeAnnotationsPage } from "./reference/annotations-page.ts";
import { writeCodesPage } from "./reference/codes-page.ts";
import type { Examples } from "./reference/examples.ts";
import { writeMeshPage } from "./reference/mesh-page.ts";
import { writeRulesPage } from "./reference/rules-page.ts";

/** The generated pages and schemas, by the file that they are committed as: the tables and the goldens' messages are the only source. */
export function writeReference(examples: Examples): { readonly [file: string]: string } {
  return {
    "generators/annotations/README.md": writeAnnotationsPage(),
    "generators/annotations/annotations.jsonschema": writeAnnotationSchema(),
    "generators/mesh/README.md": writeMeshPage(),
    "generators/mesh/servicemesh.jsonschema": writeMeshSchema(),
    "generators/diagnostics/README.md": writeCodesPage(examples),
    "generators/checks/README.md": writeRulesPage(),
  };
}
