import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { load } from "js-yaml";
import { readSetting, type Guardrails } from "../generators/annotations/setting.ts";
import { rows, settingNames, toFieldName, type Row, type SettingName } from "../generators/annotations/table.ts";
import { destinationRuleChecks } from "../generators/checks/destination-rule/index.ts";
import { gatewayChecks } from "../generators/checks/gateways.ts";
import { handWrittenChecks } from "../generators/checks/hand-written.ts";
import { checks } from "../generators/checks/index.ts";
import { checkSchema } from "../generators/checks/istio-schema.ts";
import { checksByKind } from "../generators/checks/other-objects.ts";
import { podChecks, serviceChecks } from "../generators/checks/service/index.ts";
import { routeChecks } from "../generators/checks/virtual-service/index.ts";
import { catalogue, type Code } from "../generators/diagnostics/catalogue.ts";
import { generators } from "../generators/istio/index.ts";
import type { KubeObject } from "../generators/kube/object.ts";
import { readMeshConfig } from "../generators/mesh/config.ts";
import { canBeDefault, canBeInProfile, canStandOnNamespace } from "../generators/mesh/definition.ts";
import { writeReference } from "../generators/reference.ts";
import { readExamples } from "../scripts/examples.ts";
import { findCases, goldens, root } from "./support/cases.ts";
import { filesBelow, importsBelow, type Import } from "./support/imports.ts";

const codes = Object.keys(catalogue) as readonly Code[];

describe("the catalogue of diagnostics", () => {
  const written = [...readFileSync(join(root, "generators/diagnostics/catalogue.ts"), "utf8").matchAll(/^ {2}(IZ\d+):/gm)].map(([, code]) => code!);

  test("names every code once, in order", () => {
    assert.deepEqual(written, [...new Set(written)].sort());
    assert.deepEqual(codes, written);
  });

  test("numbers codes by floor, with three digits", () => {
    assert.deepEqual(codes.filter((code) => !/^IZ[12349]\d\d$/.test(code)), []);
  });

  test("gives every code a severity, a title and a reason", () => {
    for (const code of codes) {
      const { severity, title, why } = catalogue[code];
      assert.ok(["error", "warning", "info"].includes(severity), `${code} is ${severity}`);
      assert.match(title, /^\S.*[^.]$/, `title of ${code}: a phrase without a full stop`);
      assert.match(why, /^\S.*\.$/s, `reason of ${code}: a sentence`);
    }
  });

  /** Codes that no input raises, each with the reason. */
  const unraised: { readonly [C in Code]?: string } = {
    IZ119: "an empty render under Argo CD: done for real in overrides.test.ts and argocd.test.ts",
    IZ410: "a full disk, a directory without permission: done for real in write.test.ts",
    IZ411: "a file that changes while istiomize is at work: done for real in write.test.ts",
    IZ412: "two runs at once: done for real in write.test.ts",
    IZ413: "what a killed run left: done for real in write.test.ts",
    IZ414: "what a killed run left: done for real in write.test.ts",
    IZ415: "a symlink out of the tree: done for real in write.test.ts",
    IZ416: "an edit after a run was killed: done for real in write.test.ts",
    IZ417: "a disk that fails twice, while a run is undone: nothing that a test can bring about",
    IZ418: "a journal that is no journal: done for real in write.test.ts",
    IZ419: "two names of one file: done for real in write.test.ts",
    ...Object.fromEntries(["IZ490", "IZ491", "IZ492", "IZ493", "IZ494"].map((code) => [code, "a git repository, which a golden cannot hold: done for real in render-diff.test.ts"])),
    IZ441: "a prefix above a transformer, which only the real kustomize builds: callers.test.ts",
    IZ450: "a directory or somebody else's file in the way: done for real in install.test.ts",
    IZ451: "a directory that cannot be written to: done for real in install.test.ts",
    IZ452: "a file of the tree for Argo CD that people edited: done for real in install.test.ts",
    IZ453: "an environment without HOME: done for real in install.test.ts",
    IZ454: "istiomize run from its sources, which only its own people do",
    IZ455: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ456: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ457: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ458: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ459: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ460: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ461: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ462: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ463: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ464: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ465: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ466: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ467: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ468: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ469: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ470: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ471: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ472: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ473: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ474: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ475: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ476: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ477: "what doctor finds depends on the machine: raised word for word in doctor.test.ts",
    IZ901: "a bug of ours: an input that raised it would be mended, not kept",
  };

  test("has a golden that raises every code", () => {
    const raised = new Set(findCases().flatMap(({ directory }) => {
      const files = ["diagnostics.txt", "output.txt"].map((name) => join(directory, "expected", name)).filter((file) => existsSync(file));
      return files.flatMap((file) => [...readFileSync(file, "utf8").matchAll(/\b(?:error|warning|info) (IZ\d{3}) {2}/g)].map(([, code]) => code!));
    }));
    assert.deepEqual(codes.filter((code) => !raised.has(code) && !Object.hasOwn(unraised, code)), []);
    assert.deepEqual(Object.keys(unraised).filter((code) => raised.has(code)), [], "excused, yet raised");
  });
});

/** Guardrails that leave every value alone: the newest Istio, no limits. */
const open: Guardrails = { istioVersion: "9.99", limits: new Map() };

function read(name: SettingName, written: unknown, guardrails = open): ReturnType<typeof readSetting> {
  const place = { ref: { apiVersion: "v1", kind: "Service", name: "web" }, path: ["metadata", "annotations", `istiomize.dev/${name}`] };
  return readSetting(name, written, place, guardrails, false);
}

/** `match.<dest>` → `match.dest`: where the goldens of a row stand. */
function goldensOf(name: SettingName): string {
  return name.replace(/[<>]/g, "");
}

/** The ways of writing a row's example in a ServiceMesh: the annotation's text, and the YAML type that the field has. */
function typedForms({ example, value }: Row): readonly unknown[] {
  const types = [value.schema["type"]].flat();
  return [
    example,
    ...(types.includes("boolean") ? [example === "true"] : []),
    ...(types.includes("integer") && /^\d+%?$/.test(example) ? [Number.parseInt(example, 10)] : []),
    ...(types.includes("array") && !/^[[{]/.test(example) ? [example.split(",")] : []),
    ...(types.includes("object") ? [load(example)] : []),
  ];
}

/** Whether a value is one that its own JSON Schema allows, as far as the rows use JSON Schema. */
function fits(schema: { readonly [key: string]: unknown }, value: unknown): boolean {
  const { enum: words, pattern, minimum, maximum, items } = schema as { enum?: unknown[]; pattern?: string; minimum?: number; maximum?: number; items?: { [key: string]: unknown } };
  const types = [schema["type"]].flat();
  const type = Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
  if (words) return words.includes(value);
  if (!types.includes(type) && !(type === "integer" && types.includes("number"))) return false;
  if (Array.isArray(value)) return value.every((entry) => fits(items ?? {}, entry));
  if (typeof value === "number") return value >= (minimum ?? value) && value <= (maximum ?? value);
  return typeof value !== "string" || pattern === undefined || new RegExp(pattern, "s").test(value);
}

/** The fields of a ServiceMesh that are refused. */
function refusedFields(spec: KubeObject): readonly (string | undefined)[] {
  const mesh = { apiVersion: "istiomize.dev/v1alpha1", kind: "ServiceMesh", metadata: { name: "m" }, spec: { istioVersion: "1.99", ...spec } };
  return readMeshConfig(mesh, []).diagnostics.map(({ place }) => place?.path.join("."));
}

describe("the table of annotations", () => {
  for (const name of settingNames) {
    const row = rows[name];

    test(`${name}: the example is accepted`, () => {
      const { setting, diagnostics } = read(name, row.example);
      assert.deepEqual(diagnostics, []);
      assert.notEqual(setting, undefined);
      assert.equal(setting!.removed, undefined);
    });

    test(`${name}: the value to refuse is refused`, () => {
      const { setting, diagnostics } = read(name, row.refused);
      assert.equal(setting, undefined);
      assert.deepEqual(diagnostics.map(({ code }) => code), ["IZ201"]);
    });

    test(`${name}: the ServiceMesh takes it typed, wherever it may stand there`, () => {
      if (name.includes("<")) return; // names something of one Service, and so has no field there
      const field = toFieldName(name);
      const homes: readonly (readonly [boolean, string, (value: unknown) => KubeObject])[] = [
        [canBeDefault(name), `spec.defaults.${field}`, (value) => ({ defaults: { [field]: value } })],
        [canBeInProfile(name), `spec.profiles.p.${field}`, (value) => ({ profiles: { p: { [field]: value } } })],
        [canStandOnNamespace(name), `spec.namespaces.n.${field}`, (value) => ({ namespaces: { n: { [field]: value } } })],
      ];
      const forms = typedForms(row);
      assert.ok(forms.some((form) => fits(row.value.schema, form)), `the schema ${JSON.stringify(row.value.schema)} allows none of ${JSON.stringify(forms)}`);
      for (const form of forms) {
        for (const [allowed, path, spec] of homes) {
          assert.deepEqual(refusedFields(spec(form)), allowed ? [] : [path], JSON.stringify(form));
        }
      }
    });

    test(`${name}: goldens show one value accepted and one refused`, () => {
      for (const each of ["accepted", "refused"]) {
        const directory = join(goldens, "annotations", goldensOf(name), each);
        const input = readdirSync(directory).filter((file) => file.endsWith(".yaml")).map((file) => readFileSync(join(directory, file), "utf8")).join("\n");
        assert.match(input, new RegExp(`istiomize\\.dev/((port|subset|gateway|route)\\.[^:]+\\.)?${name.replace(/\.<.*>/, "\\.[^:]+")}:`), `${each}/ shows istiomize.dev/${name}`);
        const exitCode = join(directory, "expected/exit-code.txt");
        assert.equal(existsSync(exitCode) ? readFileSync(exitCode, "utf8").trim() : "0", each === "accepted" ? "0" : "1", `exit code of ${each}/`);
      }
    });

    if (row.istio !== undefined) {
      test(`${name}: refused for an Istio older than ${row.istio}`, () => {
        const [major, minor] = row.istio!.split(".").map(Number) as [number, number];
        const under = (istioVersion: string): readonly string[] => read(name, row.example, { ...open, istioVersion }).diagnostics.map(({ code }) => code);
        assert.deepEqual(under(`${major}.${minor - 1}`), ["IZ208"]);
        assert.deepEqual(under(row.istio!), []);
      });
    }
  }

  /** Values to refuse whose suggestion would be refused in its turn. */
  function misled(writings: (row: Row) => readonly unknown[]): readonly string[] {
    return settingNames.flatMap((name) => writings(rows[name]).flatMap((written) => {
      const { proposed } = read(name, written).diagnostics[0] ?? {};
      const isAccepted = proposed === undefined || read(name, proposed.replace(/^"(.*)"$/, "$1")).setting !== undefined;
      return isAccepted ? [] : [`${name}: ${JSON.stringify(written)} is answered with ${proposed}`];
    }));
  }

  test("suggests only what is accepted, to whoever misspelled a value", () => {
    assert.deepEqual(misled(({ refused, example }) => [refused, refused.toUpperCase(), ` ${example}`, `${example}s`, `${example}%`, example.replace(/\D+$/, ""), example.replaceAll(",", ", ,")]), []);
  });

  test("suggests only what is accepted, to whoever left the quotes out", () => {
    assert.deepEqual(misled(({ refused, example }) => [Number(refused), Number.parseFloat(example)].filter(Number.isFinite)), []);
    assert.deepEqual(misled(() => [true, false]), []);
  });

  test("has no golden for an annotation that is gone", () => {
    const shown = readdirSync(join(goldens, "annotations")).filter((name) => existsSync(join(goldens, "annotations", name, "accepted")));
    const folders = settingNames.map(goldensOf);
    assert.deepEqual(shown.filter((name) => !folders.includes(name)), []);
  });

  test("gives every setting a field name of its own", () => {
    const fields = settingNames.map(toFieldName);
    assert.deepEqual(fields.filter((field, i) => fields.indexOf(field) !== i), []);
  });

  test("names both of two settings that exclude each other", () => {
    const pairs = settingNames.flatMap((name) => (rows[name].excludes ?? []).map((other) => [name, other as SettingName] as const));
    assert.deepEqual(pairs.filter(([name, other]) => !rows[other]?.excludes?.includes(name)), []);
  });

  test("says what Istio does without it, wherever it writes a field, and its risks in sentences", () => {
    assert.deepEqual(settingNames.filter((name) => rows[name].istioDefault === undefined && !rows[name].writes.startsWith("nothing")), []);
    for (const name of settingNames) {
      assert.doesNotMatch(rows[name].istioDefault ?? "", /\.$/, name);
      assert.match(rows[name].risk ?? "None.", /^[A-Z`(\d].*\.$/s, name);
    }
  });

  test("says where each may stand, what it writes and where Istio explains it", () => {
    for (const name of settingNames) {
      const { on, behind, writes, summary, docs, since } = rows[name];
      assert.ok(on.length + (behind?.length ?? 0) > 0, name);
      assert.match(writes, /^(nothing: .+|(Namespace )?label .+|(Namespace label|pod annotation) .+|(VirtualService|DestinationRule|PeerAuthentication)( and DestinationRule)? spec.*)$/, name);
      assert.match(summary, /^[A-Z`\d].*\.$/s, name);
      assert.match(docs, /^[a-z0-9/_-]+\/(#[A-Za-z0-9-]+)?$/, name);
      assert.match(since, /^\d+\.\d+\.\d+$/, name);
    }
  });
});

/** The exported functions of a folder whose names start with a verb. */
async function exportedFrom(folder: string, verb: string): Promise<readonly (readonly [string, unknown])[]> {
  const loaded = await Promise.all(filesBelow(folder).map((file) => import(join(root, file)) as Promise<{ readonly [name: string]: unknown }>));
  return loaded.flatMap((module) => Object.entries(module)).filter(([name, value]) => typeof value === "function" && new RegExp(`^${verb}[A-Z]`).test(name));
}

function missingFrom(list: readonly unknown[], exported: readonly (readonly [string, unknown])[]): readonly string[] {
  return exported.filter(([, value]) => !list.includes(value)).map(([name]) => name);
}

describe("registration", () => {
  test("every generator of a kind is in the list that runs", async () => {
    const exported = await exportedFrom("generators/istio", "generate");
    assert.ok(exported.length > 0);
    assert.deepEqual(missingFrom(generators, exported), []);
    assert.equal(generators.length, new Set(generators).size);
  });

  test("every check is in the list that runs", async () => {
    const exported = await exportedFrom("generators/checks", "check");
    assert.ok(exported.length > 0);
    const lists = [checks, routeChecks, gatewayChecks, destinationRuleChecks, ...Object.values(checksByKind), ...Object.values(handWrittenChecks), serviceChecks, podChecks, [checkSchema]];
    assert.deepEqual(missingFrom(lists.flat(), exported), []);
    for (const list of lists) assert.equal(list.length, new Set<unknown>(list).size);
  });
});

/** The floors of the core, the lowest first; two names on one floor do not import each other. */
const floors: readonly (readonly string[])[] = [["kube"], ["diagnostics"], ["annotations", "schemas"], ["mesh"], ["istio", "checks"], ["explain", "reference"], [""]];

/** The folder below generators/ that a core file stands in; empty for those that stand in generators/ itself. */
function folderOf(file: string): string {
  return file.split("/").slice(1, -1)[0] ?? "";
}

function floorOf(file: string): number {
  return floors.findIndex((folders) => folders.includes(folderOf(file)));
}

function describeImport({ from, to }: Import): string {
  return `${from} imports ${to}`;
}

describe("the house", () => {
  const core = importsBelow("generators");
  const shell = importsBelow("plugin");

  test("import lines are found at all", () => {
    assert.ok(core.length > 50 && shell.length > 30, `${core.length} in generators/, ${shell.length} in plugin/`);
  });

  test("every folder of the core has a floor", () => {
    assert.deepEqual(filesBelow("generators").filter((file) => floorOf(file) < 0), []);
  });

  test("the core imports nothing but itself and packages that touch no file, process or clock", () => {
    const packages = new Set(["js-yaml", "deepmerge"]);
    const outside = core.filter(({ to, isLocal }) => (isLocal ? !to.startsWith("generators/") : !packages.has(to)));
    assert.deepEqual(outside.map(describeImport), []);
  });

  test("inside the core, imports go to the same folder or to a lower floor", () => {
    const wrong = core.filter(({ to, isLocal }) => isLocal && to.startsWith("generators/"))
      .filter(({ from, to }) => folderOf(from) !== folderOf(to) && floorOf(to) >= floorOf(from));
    assert.deepEqual(wrong.map(describeImport), []);
  });

  test("no generator imports another, and no check another", async () => {
    const registered = (folder: string, verb: string): readonly string[] => filesBelow(folder).filter((file) =>
      new RegExp(`^export (const|function) ${verb}[A-Z]`, "m").test(readFileSync(join(root, file), "utf8")));
    const isList = (file: string): boolean => /\/(index|objects)\.ts$/.test(file); // the lists that run them
    for (const files of [registered("generators/istio", "generate"), registered("generators/checks", "check")]) {
      assert.ok(files.length > 1);
      assert.deepEqual(core.filter(({ from, to }) => files.includes(from) && files.includes(to) && !isList(from)).map(describeImport), []);
    }
  });

  test("the shell imports itself, the core, packages and node", () => {
    const outside = shell.filter(({ to, isLocal }) => isLocal && !/^(plugin|generators)\//.test(to));
    assert.deepEqual(outside.map(describeImport), []);
  });

  test("no command imports another; what they share of the command line is in cli.ts", () => {
    const isCommand = (file: string): boolean => file.startsWith("plugin/cli/") && file !== "plugin/cli/cli.ts";
    assert.deepEqual(shell.filter(({ from, to }) => isCommand(from) && isCommand(to)).map(describeImport), []);
  });

  test("nothing below the commands imports a command, and nothing imports main.ts", () => {
    const upward = shell.filter(({ from, to }) => (to.startsWith("plugin/cli/") && !/^plugin\/(cli\/|main\.ts$)/.test(from)) || to === "plugin/main.ts");
    assert.deepEqual(upward.map(describeImport), []);
  });

  test("reports and trees stand beside each other and below the function; a report may know what a change of a file is", () => {
    const sideways = shell.filter(({ from, to }) => (from.startsWith("plugin/report/") && /^plugin\/(?!report\/|write\/change\.ts$)/.test(to))
      || (from.startsWith("plugin/tree/") && /^plugin\/(report\/|krm\.ts$|run\.ts$)/.test(to)));
    assert.deepEqual(sideways.map(describeImport), []);
  });

  test("no run of the function reads what only people read in a table: its bundle leaves that out", () => {
    const texts = "(summary|example|refused|docs|since|istioDefault|risk)\\b";
    const reading = new RegExp(`\\brows?(\\[[^\\]]*\\])?\\.${texts}|\\{[^}]*\\b${texts}[^}]*\\} = rows\\[`);
    const readers = filesBelow("generators").filter((file) => reading.test(readFileSync(join(root, file), "utf8")));
    assert.deepEqual(readers.filter((file) => !file.startsWith("generators/reference/")), ["generators/mesh/schema.ts"]);
  });

  test("nothing imports scripts/ or test/ but they themselves; tests take the tools from scripts/, and what they test", () => {
    const imports = [...core, ...shell, ...importsBelow("scripts"), ...importsBelow("test")].filter(({ isLocal }) => isLocal);
    const wrong = imports.filter(({ from, to }) =>
      (to.startsWith("test/") && !from.startsWith("test/"))
      || (to.startsWith("scripts/") && !from.startsWith("scripts/") && !(from.startsWith("test/") && /^scripts\/(tools|examples|judge\/judges|schemas\/.*)\.ts$/.test(to))));
    assert.deepEqual(wrong.map(describeImport), []);
  });
});

describe("the generated pages", () => {
  for (const [file, text] of Object.entries(writeReference(readExamples()))) {
    test(`${file} is what the tables give (npm run reference)`, () => assert.equal(readFileSync(join(root, file), "utf8"), text));
  }
});
