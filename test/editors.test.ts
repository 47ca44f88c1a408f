import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import "./support/version.ts";
import { settingNames } from "../generators/annotations/table.ts";
import { writeMeshSchema } from "../generators/mesh/schema.ts";
import { writeAnnotationSchema } from "../generators/reference/annotation-schema.ts";
import { meshExample } from "../generators/reference/mesh-example.ts";
import { readMeshSchema, schemaFile, schemaLine } from "../plugin/scaffold/schema.ts";
import { Editor } from "./support/editor.ts";
import { temporary } from "./support/process.ts";

const checking = { validate: true, hover: true, completion: true, schemaStore: { enable: false } };

/** An editor that is told by file names which schema holds. */
async function openEditor(t: TestContext, schema: string): Promise<Editor> {
  const folder = temporary(t, { "schema.json": schema });
  return Editor.start(t, { yaml: { ...checking, schemas: { [pathToFileURL(join(folder, "schema.json")).href]: "*.yaml" } } }, folder);
}

const mesh = (spec: string): string => `apiVersion: istiomize.dev/v1alpha1\nkind: ServiceMesh\nmetadata:\n  name: mesh\nspec:\n${spec}`;
const service = (annotations: string): string => `apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  annotations:\n${annotations}spec:\n  ports:\n  - port: 80\n`;

describe("a ServiceMesh in an editor with the YAML language server", () => {
  test("shows nothing to mend where every field is as it should be", async (t) => {
    const editor = await openEditor(t, writeMeshSchema());
    assert.deepEqual(await editor.underlined(meshExample), []);
  });

  test("is checked by the schema that its first line names, as scaffold writes both", async (t) => {
    const editor = await Editor.start(t, { yaml: checking }, temporary(t, { [schemaFile]: readMeshSchema() }));
    assert.deepEqual(await editor.underlined(schemaLine + meshExample), []);
    assert.deepEqual((await editor.underlined(schemaLine + mesh("  services: some\n"))).map(({ line, text }) => [line, text]), [[7, "some"]]);
  });

  test("has a misspelled field and a wrong value underlined, with words that say what is expected", async (t) => {
    const editor = await openEditor(t, writeMeshSchema());
    const found = await editor.underlined(mesh('  istioVersoin: "1.27"\n  services: some\n  defaults:\n    timeout: 15\n    outlierMaxEjectionPercent: 130%\n'));
    assert.deepEqual(found.map(({ line, text }) => [line, text.trim()]).sort(), [[6, "istioVersoin"], [7, "some"], [9, "15"], [10, "130%"]].sort());
    assert.match(found.find(({ text }) => text === "15")!.message, /Expected a duration with a unit/);
  });

  test("has fields, settings and words proposed", async (t) => {
    const editor = await openEditor(t, writeMeshSchema());
    const fields = await editor.proposed(mesh("  ^\n"));
    for (const field of ["istioVersion", "defaults", "gateways", "mtls"]) assert.ok(fields.includes(field), `${field} among ${fields.join(", ")}`);
    assert.ok((await editor.proposed(mesh("  defaults:\n    ret^\n"))).includes("retryAttempts"));
    const words = await editor.proposed(mesh("  mtls:\n    mode: ^\n"));
    for (const word of ["STRICT", "PERMISSIVE", "DISABLE"]) assert.ok(words.includes(word), `${word} among ${words.join(", ")}`);
  });

  test("has a field explained under the cursor, with the page of Istio", async (t) => {
    const editor = await openEditor(t, writeMeshSchema());
    assert.match(await editor.shown(mesh("  defaults:\n    time^out: 15s\n")), /How long a request may take[\s\S]*virtual-service\/\\?#HTTPRoute/);
    assert.match(await editor.shown(mesh("  ser^vices: all\n")), /Which Services are meshed/);
  });
});

describe("annotations in an editor with the YAML language server", () => {
  test("shows nothing to mend in an object that is right, whatever else it carries", async (t) => {
    const editor = await openEditor(t, writeAnnotationSchema());
    assert.deepEqual(await editor.underlined(service('    istiomize.dev/timeout: 15s\n    istiomize.dev/retry-attempts: "3"\n    istiomize.dev/port.http.timeout: 3s\n    istiomize.dev/generated-from: Service/web\n    istiomize.dev/x-mine: anything\n    example.com/owner: team\n')), []);
  });

  test("has a misspelled key, a wrong value and a value without quotes underlined", async (t) => {
    const editor = await openEditor(t, writeAnnotationSchema());
    const found = await editor.underlined(service('    istiomize.dev/timeuot: 15s\n    istiomize.dev/timeout: "15"\n    istiomize.dev/retry-attempts: 3\n    istiomize.dev/port.http.weights: a=50,b=50\n'));
    assert.deepEqual(found.map(({ line }) => line).sort(), [6, 7, 8, 9]);
    assert.match(found.find(({ line }) => line === 7)!.message, /Expected a duration with a unit.*in quotes/);
    assert.match(found.find(({ line }) => line === 8)!.message, /in quotes/);
  });

  test("has the keys of the kind proposed, and no others", async (t) => {
    const editor = await openEditor(t, writeAnnotationSchema());
    const ofService = await editor.proposed(service("    ^\n"));
    assert.ok(ofService.includes("istiomize.dev/timeout") && !ofService.includes("istiomize.dev/proxy-cpu"), ofService.join(", "));
    const ofNamespace = await editor.proposed("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  annotations:\n    ^\n");
    assert.ok(ofNamespace.includes("istiomize.dev/inject") && !ofNamespace.includes("istiomize.dev/weights"), ofNamespace.join(", "));
  });

  test("has a key explained under the cursor", async (t) => {
    const editor = await openEditor(t, writeAnnotationSchema());
    assert.ok(settingNames.includes("timeout"));
    assert.match(await editor.shown(service("    istiomize.dev/time^out: 15s\n")), /How long a request may take/);
    assert.match(await editor.shown(service("    istiomize.dev/route.beta.time^out: 15s\n")), /How long a request may take/);
  });
});
