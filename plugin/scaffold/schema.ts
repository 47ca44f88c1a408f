import { writeMeshSchema } from "../../generators/mesh/schema.ts";

/** The name of the schema's file beside a ServiceMesh. It must not end in `.json`: kpt reads such files as objects, and refuses a package with one that is none. */
export const schemaFile = "servicemesh.jsonschema";

/** The first line of a scaffolded ServiceMesh: editors with yaml-language-server then check and complete it, offline too. */
export const schemaLine = `# yaml-language-server: $schema=${schemaFile}\n`;

/** The JSON Schema of the ServiceMesh that this version reads. */
export function readMeshSchema(): string {
  return writeMeshSchema();
}
