import { schemaFile } from "../generate/ownership.ts";
import { writeMeshSchema } from "../../generators/mesh/schema.ts";

export { schemaFile };

/** The first line of a scaffolded ServiceMesh: editors with yaml-language-server then check and complete it, offline too. */
export const schemaLine = `# yaml-language-server: $schema=${schemaFile}\n`;

/** The same for a patch of it in an overlay. */
export const patchSchemaLine = `# yaml-language-server: $schema=../../../base/istio/${schemaFile}\n`;

/** The JSON Schema of the ServiceMesh that this version reads. */
export function readMeshSchema(): string {
  return writeMeshSchema();
}
