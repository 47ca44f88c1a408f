import { asText, equal, nameOf, selects, stringsAt } from "../../generators/kube/object.ts";
import { namesIt, renameYaml, type Rename } from "./rename.ts";
import { findTaken, workloadsOf, type Found, type ServiceHome, type Survey } from "./survey.ts";

/** A new service, and the one that it is like. */
export interface NamedLike {
  readonly name: string;
  readonly like: ServiceHome;
  readonly namespace: string | undefined;
}

/** The names of a service by those of the new one: its own, its namespace, and that of its workload where it has another. */
export function renameLike(survey: Survey, { name, like, namespace }: NamedLike): Rename {
  // A second Service for the same pods (`web-headless`) goes with the first; one that is only called alike does not.
  const selector = stringsAt(like.object, "spec", "selector");
  const strangers = survey.services.filter((each) => !equal(stringsAt(each.object, "spec", "selector"), selector));
  const oldNamespace = asText(stringsAt(like.object, "metadata")["namespace"]);
  const pairs = [...(namespace !== undefined && oldNamespace !== undefined ? [[oldNamespace, namespace] as const] : []), [like.name, name] as const];
  const rename: Rename = { pairs, others: strangers.map((each) => each.name) };
  const workload = findMain(survey, like);
  const isStrange = workload !== undefined && strangers.some(({ object, name: other }) => other === nameOf(workload.object) || selects(stringsAt(object, "spec", "selector"), stringsAt(workload.object, "spec", "template", "metadata", "labels")));
  const named = workload && !isStrange && !namesIt(nameOf(workload.object), rename) ? { ...rename, pairs: [...pairs, [nameOf(workload.object), nameWorkload(survey, like.name, nameOf(workload.object), name)] as const] } : rename;
  return tellApart(survey, selector, named, name);
}

/** The workload behind `frontend-svc` is `frontend`: that behind `cart-svc` is `cart`, and that behind `cart` too. */
function nameWorkload(survey: Survey, service: string, workload: string, name: string): string {
  const ending = service.startsWith(workload) ? service.slice(workload.length) : "";
  const short = ending !== "" && name.endsWith(ending) ? name.slice(0, -ending.length) : name;
  return short === "" || findTaken(short, survey) ? name : short;
}

/** With a selector that is another one in the copy, so that neither Service gets the pods of the other. */
function tellApart(survey: Survey, selector: { readonly [key: string]: string }, rename: Rename, name: string): Rename {
  if (isRenamed(selector, rename)) return rename;
  const labels = Object.keys(selector).filter((key) => namesIt(selector[key]!, rename));
  if (labels.length > 0) return { ...rename, labels };
  const isAlone = (key: string): boolean => survey.services.every(({ object }) => equal(stringsAt(object, "spec", "selector"), selector) || stringsAt(object, "spec", "selector")[key] !== selector[key]);
  const key = ["app", "app.kubernetes.io/name", "k8s-app", "name", "app.kubernetes.io/instance"].find((each) => selector[each] !== undefined && isAlone(each));
  return key === undefined ? rename : { ...rename, pairs: [...rename.pairs, [selector[key]!, name]] };
}

function isRenamed(selector: { readonly [key: string]: string }, rename: Rename): boolean {
  return renameYaml(JSON.stringify(selector), rename) !== JSON.stringify(selector);
}

/** What is to be said where no label tells the pods of the copy apart. */
export function describeSelector({ name, like }: NamedLike, rename: Rename): readonly string[] {
  const selector = stringsAt(like.object, "spec", "selector");
  if (Object.keys(selector).length === 0 || isRenamed(selector, rename)) return [];
  const labels = Object.entries(selector).map(([key, value]) => `${key}: ${value}`).join(", ");
  return [`Service ${name} selects the same pods as ${like.name} (${labels}); give its pods and its selector a label of their own`];
}

/** The workload behind a service: the one of its name, else the first. */
export function findMain({ objects }: Survey, like: ServiceHome): Found | undefined {
  const workloads = workloadsOf(like.object, objects);
  return workloads.find(({ object }) => nameOf(object) === like.name) ?? workloads[0];
}
