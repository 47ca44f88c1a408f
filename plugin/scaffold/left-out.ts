import { resolve } from "node:path";
import { load } from "js-yaml";
import { asList, asMapping, asText, groupOf, kindOf, nameOf, namespaceOf, type KubeObject } from "../../generators/kube/object.ts";
import { isBelow, readObjects, type Kustomization } from "../tree/tree.ts";
import { filesOf, isUrl, readEntries, type Entry } from "./entries.ts";
import { renameWords, type Rename } from "./rename.ts";
import { namersOf, type Survey } from "./survey.ts";

/** What stands with a service and would keep its name in a copy of it, so that it would be there twice. */
export interface LeftOut {
  readonly leavesOutFile: (file: string) => boolean;
  readonly leavesOutDocument: (object: KubeObject, file: string) => boolean;
  /** Asked for entries of kustomizations that are copied, and for those that are to be repeated in others. */
  readonly leavesOutEntry: (entry: Pick<Entry, "field" | "value">, directory: string) => boolean;
  /** As people call them: `CronJob warm-cache`, `configMapGenerator scripts`. */
  readonly names: readonly string[];
  /** What copied objects name that the original has for itself: both use one then. */
  readonly shared: readonly Reference[];
}

/** An object as another one names it. */
export interface Reference {
  readonly kind: string;
  readonly name: string;
}

/** Where the copy is made, and of what. */
export interface CopiedPart {
  /** The directory that is copied as a whole; undefined where single files are. */
  readonly unit: string | undefined;
  readonly isCopied: (file: string) => boolean;
  /** Entries of other kustomizations that are to be repeated. */
  readonly repeated: readonly { readonly entry: Entry; readonly kustomization: Kustomization }[];
  /** Files that hold objects of others too, of which only its own documents are repeated. */
  readonly mixed: readonly string[];
  readonly rename: Rename;
}

/** What an entry of a list makes, by the field of its name. */
const makers: { readonly [field: string]: (entry: { readonly [key: string]: unknown }) => unknown } = {
  configMapGenerator: ({ name }) => name,
  secretGenerator: ({ name }) => name,
  vars: ({ name }) => name,
  helmCharts: ({ name, releaseName }) => releaseName ?? name,
  helmChartInflationGenerator: ({ chartName, releaseName }) => releaseName ?? chartName,
};

const kindsMade: { readonly [field: string]: string } = { configMapGenerator: "ConfigMap", secretGenerator: "Secret" };
const patchFields = ["patches", "patchesStrategicMerge", "patchesJson6902"];

/** Kinds that no namespace tells apart. */
const clusterKinds = /^(Cluster.+|Namespace|PersistentVolume|StorageClass|IngressClass|PriorityClass|RuntimeClass|CustomResourceDefinition|.*WebhookConfiguration|APIService)$/;

/** Finds what of a service cannot be copied, because its name does not say whose it is. */
export function findLeftOut(survey: Survey, part: CopiedPart): LeftOut {
  const { unit, isCopied, repeated, mixed, rename } = part;
  const stays = (text: string): boolean => renameWords(text, rename) === text;
  const isTold = makeTold(survey, part);
  const staysItself = (object: KubeObject): boolean => nameOf(object) !== "" && stays(nameOf(object)) && stays(namespaceOf(object));
  const objects = survey.objects.filter(({ object, file, holder }) => isCopied(file) && staysItself(object) && !isTold(holder.directory, kindOf(object)));
  const isLeft = (ref: { readonly kind?: unknown; readonly name?: unknown }): boolean => objects.some(({ object }) => nameOf(object) === ref.name && (ref.kind === undefined || kindOf(object) === ref.kind));
  // A patch that a `target` leads to its objects may have any name.
  const patches = new Set(survey.kustomizations.flatMap(({ directory, content }) => ["patches", "patchesStrategicMerge"].flatMap((field) => asList(content[field]))
    .filter((entry) => asMapping(entry)?.["target"] === undefined).flatMap((entry) => filesOf({ value: entry }, directory))));
  const isLeftPatch = (object: KubeObject, isInUnit: boolean): boolean => (isInUnit ? isLeft({ kind: kindOf(object), name: nameOf(object) }) : staysItself(object));
  const isInUnit = (file: string): boolean => unit !== undefined && isBelow(file, unit);

  const leavesOutDocument = (object: KubeObject, file: string): boolean =>
    objects.some((each) => each.file === file && isSame(each.object, object)) || (patches.has(file) && isLeftPatch(object, isInUnit(file)));
  const holdsOnlyLeft = (file: string): boolean => {
    if (!survey.files.includes(file) || (!patches.has(file) && !objects.some((each) => each.file === file))) return false;
    const found = readObjects(file);
    return found.length > 0 && found.every((object) => leavesOutDocument(object, file));
  };

  const leavesOutPatch = (value: unknown, directory: string): boolean => {
    const target = asMapping(asMapping(value)?.["target"]);
    const name = asText(target?.["name"]);
    if (name !== undefined) return stays(name) && (isInUnit(directory) ? isLeft({ kind: target?.["kind"], name }) : !/[|*.+()[\]^$]/.test(name));
    if (target) return false;
    const inline = asText(asMapping(value)?.["patch"]) ?? asText(value);
    if (inline?.includes("\n")) {
      const patch = readInline(inline);
      return patch !== undefined && isLeftPatch(patch, isInUnit(directory));
    }
    return filesOf({ value }, directory).some(holdsOnlyLeft);
  };
  /** What stands elsewhere and is built with the original only, where the copy is built beside it. */
  const isElsewhere = (field: string, path: string, value: string, directory: string): boolean =>
    ["resources", "bases"].includes(field) && isInUnit(directory) && leadsOut(survey, part, value, path) && !isTold(directory, "");
  /** Whether a kustomization would make nothing: kustomize refuses that. */
  const isEmptied = (directory: string, above: readonly string[]): boolean => {
    const kustomization = survey.kustomizations.find((each) => each.directory === directory);
    if (!kustomization || above.includes(directory)) return false;
    const members = readEntries(kustomization.text).filter(({ field }) => ["resources", "bases", "components", "generators"].includes(field) || (Object.hasOwn(makers, field) && field !== "vars"));
    return members.length > 0 && members.every((entry) => leaves(entry, directory, [...above, directory]));
  };
  const leaves = ({ field, value }: Pick<Entry, "field" | "value">, directory: string, above: readonly string[]): boolean => {
    const mapping = asMapping(value);
    if (Object.hasOwn(makers, field) && mapping) {
      const name = asText(makers[field]!(mapping)) ?? "";
      return name !== "" && stays(name) && stays(asText(mapping["namespace"]) ?? "") && !isTold(directory, kindsMade[field] ?? "");
    }
    if (patchFields.includes(field)) return leavesOutPatch(value, directory);
    if (field === "replicas") return isLeft({ name: mapping?.["name"] });
    if (field === "replacements") return isLeft({ name: asMapping(mapping?.["source"])?.["name"], kind: asMapping(mapping?.["source"])?.["kind"] });
    const path = typeof value === "string" && !value.includes("\n") ? resolve(directory, value) : undefined;
    if (path === undefined) return false;
    if (isElsewhere(field, path, String(value), directory)) return true;
    return holdsOnlyLeft(path) || (isCopied(path) && isEmptied(path, above));
  };
  const leavesOutEntry: LeftOut["leavesOutEntry"] = (entry, directory) => leaves(entry, directory, []);

  const copied = survey.kustomizations.filter(({ file }) => isCopied(file)).flatMap((kustomization) => readEntries(kustomization.text).map((entry) => ({ entry, kustomization })));
  const judged = [...copied, ...repeated].map((each) => ({ ...each, isGone: leavesOutEntry(each.entry, each.kustomization.directory) }));
  const pathsOf = (isGone: boolean): readonly string[] => judged.filter((each) => each.isGone === isGone).flatMap(({ entry, kustomization }) => filesOf(entry, kustomization.directory));
  const kept = pathsOf(false);
  const unnamed = pathsOf(true).filter((path) => !kept.some((each) => isBelow(each, path)));
  const made = judged.filter(({ entry, isGone }) => isGone && Object.hasOwn(makers, entry.field)).map(({ entry }) => ({ field: entry.field, name: String(makers[entry.field]!(asMapping(entry.value)!)) }));
  const elsewhere = judged.filter(({ entry: { field, value }, isGone, kustomization: { directory } }) => isGone && isElsewhere(field, resolve(directory, String(value)), String(value), directory))
    .map(({ entry }) => `${entry.field} ${String(entry.value)}`);
  const theirs: readonly Reference[] = [...objects.map(({ object }) => ({ kind: kindOf(object), name: nameOf(object) })), ...made.flatMap(({ field, name }) => (kindsMade[field] === undefined ? [] : [{ kind: kindsMade[field], name }]))];
  const used = survey.objects.filter((each) => (isCopied(each.file) ? !objects.includes(each) : mixed.includes(each.file) && !stays(nameOf(each.object)))).flatMap(({ object, holder }) => referencesOf(object).map((reference) => ({ reference, holder })));
  const isShared = ({ kind, name }: Reference, directory: string): boolean =>
    theirs.some((each) => each.kind === kind && each.name === name) || (kind === "PersistentVolumeClaim" && stays(name) && !isTold(directory, kind));
  return {
    leavesOutDocument, leavesOutEntry,
    leavesOutFile: (file) => holdsOnlyLeft(file) || unnamed.some((path) => isBelow(file, path)),
    names: [...new Set([...objects.map(({ object }) => `${kindOf(object)} ${nameOf(object)}`), ...made.map(({ field, name }) => `${field} ${name}`), ...elsewhere])],
    shared: unique(used.filter(({ reference, holder }) => isShared(reference, holder.directory)).map(({ reference }) => reference)),
  };
}

/** Whether something in the copied part gives all that a kustomization builds another name, or another namespace, than in the original. */
function makeTold({ kustomizations }: Survey, { isCopied, rename }: CopiedPart): (directory: string, kind: string) => boolean {
  return (directory, kind) => {
    const builders = buildersOf(directory, kustomizations, []);
    const inside = builders.filter(({ file }) => isCopied(file));
    const changes = (field: string): boolean => inside.some(({ content }) => renameWords(asText(content[field]) ?? "", rename) !== (asText(content[field]) ?? ""));
    const isMoved = builders.some(({ file, content }) => !isCopied(file) && content["namespace"] !== undefined); // into one namespace after all
    return changes("namePrefix") || changes("nameSuffix") || (changes("namespace") && !isMoved && !clusterKinds.test(kind));
  };
}

/** A kustomization and all that build it. */
function buildersOf(directory: string, kustomizations: readonly Kustomization[], seen: readonly string[]): readonly Kustomization[] {
  if (seen.includes(directory)) return [];
  return [...kustomizations.filter((each) => each.directory === directory), ...namersOf(directory, kustomizations).flatMap((each) => buildersOf(each.directory, kustomizations, [...seen, directory]))];
}

/** Whether an entry leads out of the unit, to what no other service builds, where original and copy are built together. */
function leadsOut({ kustomizations }: Survey, { unit, isCopied }: CopiedPart, value: string, path: string): boolean {
  if (unit === undefined || isBelow(unit, path) || (isBelow(path, unit) && !isUrl(value))) return false;
  const others = kustomizations.filter(({ file }) => !isCopied(file));
  const isJoint = others.some(({ bases }) => bases.some((base) => isBelow(base, unit)));
  return isJoint && !others.some(({ bases, resources, remote }) => bases.includes(path) || resources.includes(path) || remote.includes(value));
}

function isSame(a: KubeObject, b: KubeObject): boolean {
  return groupOf(a) === groupOf(b) && kindOf(a) === kindOf(b) && nameOf(a) === nameOf(b) && namespaceOf(a) === namespaceOf(b);
}

function readInline(text: string): KubeObject | undefined {
  try {
    return asMapping(load(text));
  } catch {
    return undefined;
  }
}

/** Keys under which objects name others, with the key of the name. */
const references: { readonly [key: string]: readonly [kind: string, key: string] } = {
  configMap: ["ConfigMap", "name"], configMapRef: ["ConfigMap", "name"], configMapKeyRef: ["ConfigMap", "name"],
  secret: ["Secret", "secretName"], secretRef: ["Secret", "name"], secretKeyRef: ["Secret", "name"],
  persistentVolumeClaim: ["PersistentVolumeClaim", "claimName"],
};

/** What an object names of others: configuration, volumes, the account that it runs as, what it scales. */
function referencesOf(value: unknown): readonly Reference[] {
  if (Array.isArray(value)) return value.flatMap(referencesOf);
  const mapping = asMapping(value);
  if (!mapping) return [];
  return Object.entries(mapping).flatMap(([key, below]): readonly Reference[] => {
    const [kind, field] = references[key] ?? [];
    const inner = asMapping(below);
    const name = key === "serviceAccountName" ? asText(below) : asText(inner?.[field ?? "name"]) ?? (key === "secret" ? asText(inner?.["name"]) : undefined);
    const named = key === "serviceAccountName" ? "ServiceAccount" : kind ?? (/Ref$/.test(key) ? asText(inner?.["kind"]) : undefined);
    return [...(named !== undefined && name !== undefined ? [{ kind: named, name }] : []), ...referencesOf(below)];
  });
}

function unique(found: readonly Reference[]): readonly Reference[] {
  return found.filter(({ kind, name }, i) => found.findIndex((each) => each.kind === kind && each.name === name) === i);
}
