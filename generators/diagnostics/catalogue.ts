/**
 * Every code, its severity and its words; no message text lives elsewhere. Ordered by code, a code is never reused:
 * 1xx input and ServiceMesh, 2xx annotations, 3xx checks, 4xx files and commands, 9xx our own bugs.
 */
export type Severity = "error" | "warning" | "info";

export interface Text {
  readonly read?: string;
  readonly expected?: string;
  readonly help?: string;
  /** The value as it stands in the field, and the one to write instead, where they are certain. */
  readonly current?: string;
  readonly proposed?: string;
  /** What to change at the place so that it is mended without anybody having to think; `lint --fix` does it. */
  readonly fix?: Fix;
}

/** A mechanical change of the field at a diagnostic's place. */
export interface Fix {
  /** The key it is to have in the same mapping; with `value` it gets that too. */
  readonly rename?: string;
  /** Its new value, as YAML of one line. */
  readonly value?: string;
  /** Takes the key, or the entry of the list, out. */
  readonly remove?: true;
}

interface Rule<A> {
  readonly severity: Severity;
  readonly title: string;
  readonly text: (args: A) => Text;
  /** Why it matters, for `istiomize explain CODE`. */
  readonly why: string;
  /** The severity that it has where somebody may mean it, or where the input cannot tell; that one can be accepted. */
  readonly mild?: Severity;
}

/** A field as it stands, as it is meant, and how it is mended. */
interface Change {
  readonly current?: string;
  readonly proposed?: string;
  readonly fix?: Fix;
}

const changeOf = ({ current, proposed, fix }: Change): Change => ({ ...(current !== undefined && { current }), ...(proposed !== undefined && { proposed }), ...(fix && { fix }) });

const rule = <A>(severity: Severity, title: string, text: (args: A) => Text, why: string, mild?: Severity): Rule<A> => ({ severity, title, text, why, ...(mild && { mild }) });

const quote = (text: string): string => JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}...` : text);
/** Names as they are read in one go: of more than a dozen the first ones, and how many there are. */
const list = (names: readonly string[], none = "none"): string => (names.length > 12 ? `${names.slice(0, 11).join(", ")} and ${names.length - 11} more` : names.join(", ") || none);
/** What to do where a warning is about something that is meant. */
const acceptIf = (code: string, when: string): string => `if ${when}, accept it (\`istiomize explain ${code}\` shows how)`;
/** What to do about a name in a Rollout that a prefix or suffix has changed elsewhere. */
const renamedHelp = (now: string): string => `its name is now ${now}: list rollout-transform.yaml of Argo Rollouts under \`configurations:\`, so that kustomize changes the name in the Rollout too`;
const maybe = (suggestion: string | undefined): string | undefined => suggestion && `did you mean ${quote(suggestion)}?`;

/** What the system says when a file cannot be written, in words, and what to do about it. */
const systemErrors: { readonly [code: string]: readonly [reason: string, help: string] } = {
  EACCES: ["no permission to write here", "allow it (chmod, chown), or run as the owner"],
  EBUSY: ["the file is in use, or mounted by itself", "mount or free the directory instead"],
  EDQUOT: ["the quota is used up", "free some space and run again"],
  EEXIST: ["something else stands where a directory or file is needed", "move it away and run again"],
  EFBIG: ["the file would be too large", "see the limits of the file system"],
  EILSEQ: ["bytes that are not UTF-8, which would be lost", "save the file as UTF-8 and run again"],
  EIO: ["the disk reports an error", "see whether it is sound"],
  EISDIR: ["a directory where a file is needed", "move it away and run again"],
  ELOOP: ["symbolic links that lead in a circle", "correct the link and run again"],
  EMFILE: ["too many open files", "raise the limit (ulimit -n) and run again"],
  ENAMETOOLONG: ["a name that is too long for the file system", "use a shorter one"],
  ENOENT: ["a directory or symbolic link on the way leads nowhere", "correct the path and run again"],
  ENOSPC: ["the disk is full", "free some space and run again"],
  ENOTDIR: ["a file where a directory is needed", "move it away and run again"],
  EPERM: ["the system forbids it", "see whether the file is marked immutable or belongs to somebody else"],
  EROFS: ["the file system is read-only", "mount it writable and run again"],
};

export const catalogue = {
  // ---- 1xx: the input and the ServiceMesh
  IZ101: rule("error", "nothing on standard input", () => ({
    read: "nothing: the stream is empty",
    expected: "a YAML stream (`kustomize build . | istiomize`) or a ResourceList from kustomize or kpt",
    help: "check the command in front of the pipe; an empty result would delete every object that it replaces",
  }), "An empty result is taken by kustomize, kpt and Argo CD for \"delete everything\", so an empty input is refused."),
  IZ102: rule("error", "not YAML", (a: { message: string; help?: string }) => ({
    read: a.message,
    help: a.help ?? "correct the document and run again; nothing was written",
  }), "A document that cannot be read might be the one that carries a setting, so nothing is written at all."),
  IZ103: rule("error", "document is not a Kubernetes object", (a: { found: string }) => ({
    read: a.found,
    expected: "a mapping with apiVersion, kind and metadata",
    help: "remove it; if another program prints into the stream (a warning, a log line), send that to stderr",
  }), "A scalar or list between objects usually is the output of another program that reached the pipe."),
  IZ104: rule("error", "ResourceList cannot be read", (a: { found: string; expected: string }) => ({
    read: a.found,
    expected: a.expected,
    help: "correct the program that sends it; nothing was written",
  }), "kustomize and kpt replace their objects by what the function returns: half a list would delete the other half."),
  IZ105: rule("error", "key given twice", (a: { message: string }) => ({
    read: `${a.message}, a second time`,
    expected: "each key once in a mapping",
    help: "remove one of the two lines: YAML readers disagree about which one counts",
  }), "Two values for one key are read differently by different tools."),
  IZ106: rule("error", "YAML aliases expand to too many values", (a: { count: string }) => ({
    read: `aliases that stand for ${a.count} values`,
    expected: "at most 1,000,000 values in one document",
    help: "write the values out, or use fewer nested aliases",
  }), "A few nested YAML aliases can stand for billions of values (a \"billion laughs\" document)."),
  IZ107: rule("error", "annotations too large", (a: { size: number }) => ({
    read: `${a.size} bytes of annotations`,
    expected: "at most 262144 bytes on one object, the limit of Kubernetes",
    help: "move the largest values into a ConfigMap; the API server would refuse this object",
  }), "The API server refuses an object whose annotations are larger than 256 KiB in all."),
  IZ108: rule("error", "not a ServiceMesh that this version reads", (a: { found: string; suggestion?: string }) => ({
    read: a.found,
    expected: "apiVersion istiomize.dev/v1alpha1, kind ServiceMesh (or a ConfigMap whose data holds its fields)",
    help: maybe(a.suggestion) ?? "correct apiVersion and kind; the README shows a ServiceMesh to start from",
  }), "The function config decides what is generated; one that is not understood is never ignored."),
  IZ109: rule("error", "object given twice", (a: { other: string }) => ({
    read: `a second ${a.other}`,
    expected: "one object for each group, kind, namespace and name",
    help: "remove one of the two documents, or rename one",
  }), "Which of the two a cluster ends up with depends on the order in which they are applied."),
  IZ110: rule("error", "unknown field", (a: { field: string; known: readonly string[]; suggestion?: string }) => ({
    read: a.field,
    expected: a.known.length > 40 ? `one of the ${a.known.length} settings that \`istiomize explain --list\` prints, in camelCase` : `one of ${list(a.known)}${a.known.includes("istioVersion") ? "; \`istiomize explain spec\` prints them all" : ""}`,
    help: maybe(a.suggestion) ?? "correct its name, or remove it",
  }), "A field that nothing reads has no effect, though it looks as if it had one."),
  IZ111: rule("error", "ServiceMesh value not understood", (a: { found: string; expects: string; suggestion?: string }) => ({
    read: a.found,
    expected: a.expects,
    help: maybe(a.suggestion),
    ...(a.suggestion && { proposed: a.suggestion }),
  }), "Values are never guessed: a duration needs its unit, an enumeration its exact word."),
  IZ112: rule("error", "two ServiceMeshes disagree", (a: { first: string; second: string; one: string; two: string }) => ({
    read: `${a.one} in ${a.first}, ${a.two} in ${a.second}`,
    expected: "one value: two ServiceMeshes in one stream may set different fields, or the same value",
    help: "remove the field from one of them, or set it in the function config, which wins over both",
  }), "Two resources have no order that people can see, so neither is allowed to win silently."),
  IZ113: rule("error", "another version of istiomize is required", (a: { requires: string; version: string }) => ({
    read: `requires: ${quote(a.requires)}`,
    expected: `a range that includes the version that runs, ${a.version}`,
    help: "install a version in that range, or change spec.requires",
  }), "`spec.requires` keeps a repository from being rendered by an istiomize it was not written for."),
  IZ115: rule("error", "istiomize is listed under generators", () => ({
    read: "an input that holds the function config and nothing else, as kustomize gives it to generators",
    expected: "the function under `transformers:`, where it sees the objects",
    help: "move the entry from `generators:` to `transformers:` of the outermost kustomization; if it is there already, `resources:` gives no object",
  }), "A kustomize generator sees no resources, so there is nothing that it could mesh."),
  IZ116: rule("error", "unknown profile", (a: { name: string; known: readonly string[]; suggestion?: string }) => ({
    read: quote(a.name),
    expected: `one of the profiles in spec.profiles: ${list(a.known)}`,
    help: maybe(a.suggestion) ?? "add it to spec.profiles of the ServiceMesh",
  }), "A profile is a named set of settings in the ServiceMesh."),
  IZ117: rule("info", "generated from a ServiceMesh that is not here", (a: { mesh: string }) => ({
    read: `objects generated from ${a.mesh}, which is not in this input`,
    expected: "that ServiceMesh, to generate them again",
    help: "they are kept as they are (and without any ServiceMesh, so is everything else); run istiomize once in a build, with that ServiceMesh",
  }), "Without its ServiceMesh a generated object cannot be made again with the same settings, so it is kept."),

  IZ118: rule("warning", "settings for a namespace without objects", (a: { name: string; suggestion?: string }) => ({
    read: quote(a.name),
    expected: "the namespace of an object in the input",
    help: maybe(a.suggestion) ?? "correct the name, or remove the entry",
  }), "Settings for a namespace that does not exist do nothing."),
  IZ119: rule("error", "no object to apply", () => ({
    read: "a kustomization that gives no object",
    expected: "at least one object: with pruning, an empty render makes Argo CD delete everything",
    help: "check `resources:`; to remove all objects, delete the Application",
  }), "Under Argo CD an empty result, with pruning, deletes what was there; so it is refused."),

  IZ120: rule("warning", "field without an effect in this version", (a: { field: string; instead: string }) => ({
    read: `${a.field}, which this version of istiomize ignores`,
    expected: "a field that this version generates objects from",
    help: `${a.instead}; then remove ${a.field} here`,
  }), "The field belongs to the ServiceMesh, but nothing is generated from it yet."),
  IZ121: rule("error", "gateway without a server", (a: { alias: string; read: string; help: string }) => ({
    read: a.read,
    expected: `hosts for gateway ${a.alias}, from which its servers are generated, or servers`,
    help: a.help,
  }), "A Gateway without a server takes no request, and Istio refuses it."),
  IZ122: rule("error", "gateway server that cannot work", (a: { read: string; expects: string; help: string }) => ({
    read: a.read,
    expected: a.expects,
    help: a.help,
  }), "Istio refuses the Gateway, or leaves the server out, without a word to whoever sends requests."),
  IZ123: rule("error", "two gateways with one name", (a: { one: string; other: string; object: string }) => ({
    read: `${a.object}, for both gateway ${a.one} and gateway ${a.other}`,
    expected: "a different name or namespace for each gateway in spec.gateways",
    help: `set another \`name\` for gateway ${a.other}, or use one alias for both`,
  }), "Two objects of one kind, namespace and name cannot both be in a cluster."),
  IZ124: rule("error", "target matches nothing", (a: { what: string; suggestion?: string }) => ({
    read: a.what,
    expected: "at least one matching object in the input",
    help: maybe(a.suggestion) ?? "correct kind, name, namespace or labels, or remove the target",
  }), "Settings for an object that is not there do nothing; its name may have changed in the chart."),
  IZ125: rule("error", "two targets disagree", (a: { one: string; other: string; object: string; setting: string }) => ({
    read: `${a.setting} for ${a.object}, with different values in the targets ${a.one} and ${a.other}`,
    expected: "one value",
    help: `remove ${a.setting} from one of the two targets, or narrow one by name or labels`,
  }), "Targets have no order that people can see, so neither is allowed to win silently."),
  IZ126: rule("error", "two generated objects with one name", (a: { object: string; one: string; other: string }) => ({
    read: `${a.object}, for ${a.one} and for ${a.other}`,
    expected: "a different name for each object of one kind and namespace",
    help: "rename one of the two, or change spec.names so that they give different names; of two Gateways with one name, give each an alias in spec.gateways",
  }), "Two objects of one kind, namespace and name cannot both be in a cluster."),
  IZ127: rule("info", "gateway host without a route", (a: { gateway: string; hosts: readonly string[] }) => ({
    read: `${list(a.hosts)} of gateway ${a.gateway}, which no VirtualService in the input routes`,
    expected: "a Service behind each host",
    help: `put istiomize.dev/gateways: ${a.gateway} on a Service; if the host is routed elsewhere, nothing is wrong`,
  }), "A request for a host that no route takes is answered with 404 by the gateway."),
  IZ128: rule("warning", "two gateway ports lead to one port of the pods", (a: { one: string; other: string; service: string; port: string }) => ({
    read: `servers ${a.one} and ${a.other}; Service ${a.service} sends port ${a.port} to the port of the other one`,
    expected: "servers that the pods receive on different ports",
    help: "give both servers the same port, or change the targetPort in the Service",
  }), "Istio opens the targetPort of the gateway's Service, so the two servers share one listener and their hosts clash."),
  IZ129: rule("warning", "hosts that the Gateway does not have", (a: { gateway: string; missing: readonly string[]; object: string; actual: readonly string[] }) => ({
    read: `${list(a.missing)} in spec.gateways.${a.gateway}; ${a.object} has ${list(a.actual)}`,
    expected: "hosts that the Gateway itself has",
    help: "correct hosts (or servers) in spec.gateways, or add the host to the Gateway",
  }), "Services are checked against what spec.gateways says of a gateway that is made elsewhere; requests meet the Gateway itself."),

  // ---- 2xx: annotations and settings
  IZ201: rule("error", "annotation value not understood", (a: { text: string; expects: string; suggestion?: string }) => ({
    read: quote(a.text),
    expected: a.expects,
    help: maybe(a.suggestion),
    current: a.text,
    ...(a.suggestion && { proposed: a.suggestion }),
  }), "Values are never guessed: a duration needs its unit, a list its commas, an enumeration its exact word."),
  IZ202: rule("error", "unknown annotation", (a: { suggestion?: string }) => ({
    read: "a name that this version does not know",
    help: a.suggestion
      ? `did you mean ${a.suggestion}? \`istiomize explain --list\` prints them all`
      : "`istiomize explain --list` prints them all; names that start with istiomize.dev/x- are yours to use",
    ...(a.suggestion && { fix: { rename: a.suggestion } }),
  }), "A misspelled annotation would silently do nothing. `spec.strictness: warn` turns this into a warning while migrating."),
  IZ203: rule("error", "annotation on the wrong kind of object", (a: { kind: string; allowed: readonly string[] }) => ({
    read: `an annotation on a ${a.kind}`,
    expected: `a ${a.allowed.join(" or a ")}`,
    help: `move it to the ${a.allowed[0]}`,
  }), "On another object it has no effect."),
  IZ204: rule("error", "empty annotation", (a: { expects: string }) => ({
    read: '""',
    expected: a.expects,
    help: "write `none` to remove an inherited setting, or remove the annotation",
  }), "An empty value says neither \"set\" nor \"remove\"."),
  IZ205: rule("error", "settings exclude each other", (a: { one: string; other: string; remove: string }) => ({
    read: `${a.one} and ${a.other} on one object`,
    expected: "one of the two",
    help: `remove one of them; in an overlay, \`${a.remove}: null\` in the patch removes this one`,
  }), "Istio takes only one of them. Set at different levels the nearer one wins; at one level nobody can tell."),
  IZ206: rule("error", "outside the limits", (a: { text: string; limit: string; from: string }) => ({
    read: quote(a.text),
    current: a.text,
    expected: `${a.limit}, from ${a.from}`,
    help: "stay within the limit, or ask whoever owns the ServiceMesh to change it",
  }), "`spec.limits` are guardrails: breaking one is an error, never a silent clamp."),
  IZ207: rule("error", "setting is locked", (a: { text: string; from: string; value: string }) => ({
    read: a.text,
    expected: `${a.value}, as ${a.from} says`,
    help: "remove it here: spec.locked lets only the ServiceMesh set it",
  }), "`spec.locked` names settings that only the ServiceMesh decides."),
  IZ208: rule("error", "needs a newer Istio", (a: { field: string; since: string; target: string }) => ({
    read: `a setting that writes ${a.field}, new in Istio ${a.since}`,
    expected: `only fields that Istio ${a.target} has (spec.istioVersion)`,
    help: `raise spec.istioVersion to "${a.since}" once every cluster runs it, or remove the setting`,
  }), "An older API server drops a field that it does not know, without a word."),
  IZ209: rule("error", "no such port", (a: { port: string; known: readonly string[] }) => ({
    read: quote(a.port),
    expected: `a port of the Service: ${list(a.known)}`,
    help: "use a number or name from spec.ports of the Service",
  }), "A setting for a port that does not exist would do nothing."),
  IZ210: rule("error", "setting is not possible behind this prefix", (a: { key: string; scope: "port" | "subset" | "gateway" | "route"; isMesh?: boolean }) => ({
    read: `${a.key} behind the prefix ${a.scope}.${a.isMesh ? "mesh." : ""}`,
    expected: a.isMesh ? "a setting for callers in the mesh; gateway-hosts, gateway-port, path and default-route are for what comes through a gateway" : {
      port: "a setting that Istio has per port: load balancer, connection pool, outlier detection and TLS settings, timeout, retry-* and mtls",
      subset: "a setting that a DestinationRule has per subset: labels, load balancer, connection pool, outlier detection and TLS settings, retry-budget",
      gateway: "a setting of a VirtualService: timeout, retry-*, cors-*, headers, fault-*, weights, match.<dest>, path, hosts, port and the like",
      route: "a setting of one rule: match, to, order, timeout, retry-*, cors-*, headers, fault-*, mirror, rewrite, redirect, direct-response",
    }[a.scope],
    help: a.isMesh ? "write it behind istiomize.dev/gateway.<alias>., or a condition as istiomize.dev/gateway.mesh.match" : `write istiomize.dev/${a.key}, which holds for the whole Service; \`istiomize explain ${a.key}\` shows where it is allowed`,
  }), "A scope narrows a setting to one port, subset, gateway or rule, and takes only what Istio has there."),
  IZ211: rule("warning", "annotation on the pod template does nothing", () => ({
    read: "an istiomize annotation of the pod template",
    expected: "metadata.annotations of the workload itself",
    help: "move it there, where a change does not restart the pods",
  }), "Only `metadata.annotations` are read, so that a traffic setting never restarts a pod."),
  IZ212: rule("error", "not clear which Service of the workload is meant", (a: { found: readonly string[]; key: string }) => ({
    read: a.found.length === 0 ? "no Service whose selector matches its pods" : `several Services select its pods: ${list(a.found)}`,
    expected: "exactly one Service whose selector matches the pods",
    help: a.found.length === 0
      ? "add the Service, or correct its selector: DestinationRules and VirtualServices are generated for Services"
      : `put the annotation on one of these Services`,
  }), "DestinationRules and VirtualServices belong to a Service. A workload's annotations need exactly one."),
  IZ213: rule("error", "workloads disagree", (a: { one: string; other: string; service: string; why: string }) => ({
    read: `${a.one}, and ${a.other}`,
    expected: `one value for Service ${a.service}: ${a.why}`,
    help: "set the same value on both, or put the annotation on the Service",
  }), "Workloads behind one Service share its VirtualService; only DestinationRule settings can differ, per subset."),
  IZ214: rule("error", "setting fits no port", (a: { needs: string; ports: string; rule?: string }) => ({
    read: `${a.rule === undefined ? "a setting" : `${a.rule}, which is`} for ${a.needs}, on a Service with ${a.ports}`,
    expected: `a port that Istio treats as ${a.needs}`,
    help: a.rule === undefined ? "declare it with `appProtocol: http` (or grpc) or a port name such as http-web, or remove the setting" : "set the port's protocol with `appProtocol` or its name (http-web, grpc, tcp-db, tls), or move the rule to http, tcp or tls as the port needs",
  }), "Istio ignores HTTP settings on TCP and TLS ports, without a word."),
  IZ215: rule("info", "inherited setting fits no port", (a: { needs: string }) => ({
    read: `a setting for ${a.needs} ports`,
    help: "nothing to do: it is left out for this Service; if its port does carry HTTP, set `appProtocol: http`",
  }), "Inherited HTTP settings are left out for Services that have TCP ports only."),
  IZ216: rule("error", "setting needs another one", (a: { key: string; needs: string }) => ({
    read: a.key,
    expected: `${a.needs} with it, set here or inherited`,
    help: `add ${a.needs}, or remove ${a.key}`,
  }), "Istio refuses or ignores this field alone."),
  IZ217: rule("error", "settings do not go together", (a: { one: string; other: string; why: string; help?: string }) => ({
    read: `${a.one} and ${a.other}`,
    expected: a.why,
    help: a.help ?? "remove one of them (`none` as its value removes an inherited one)",
  }), "Istio refuses an object that holds both."),
  IZ218: rule("warning", "setting has no effect", (a: { key: string; why: string; help: string }) => ({
    read: a.key,
    expected: a.why,
    help: a.help,
  }), "It is left out, or Istio ignores it."),

  IZ219: rule("error", "not a plain name inside a key", (a: { key: string; entry: string }) => ({
    read: `${quote(a.entry)} in ${a.key}`,
    expected: "a name of lower-case letters, digits and hyphens: a subset or Service of this namespace, a gateway's alias, or a name of your own for a rule",
    help: "a port or a namespace cannot stand inside a key; name them in a value, such as `route.<name>.to: web.shop:8080`",
  }), "What stands between the dots of a key is a name, so that keys can be taken apart in one way only."),
  IZ220: rule("error", "setting needs the name of a rule or subset", (a: { key: string; scopes: readonly string[] }) => ({
    read: `istiomize.dev/${a.key}`,
    expected: `${a.scopes.map((each) => `istiomize.dev/${each}`).join(" or ")}`,
    help: `write the name in the key, such as istiomize.dev/${(a.scopes[0] ?? "").replace("<name>", "canary")}`,
  }), "`to`, `order` and `labels` say something of one rule or one subset, so they need its name in front."),
  IZ221: rule("error", "no such subset", (a: { name: string; known: readonly string[]; isDefined: boolean; suggestion?: string }) => ({
    read: `subset.${a.name}.`,
    expected: `a subset of this Service: ${list(a.known)}${a.isDefined ? " (those with subset.<name>.labels)" : " (by the `version` label or the `subset` annotation of its workloads)"}`,
    help: `${a.suggestion ? `did you mean ${quote(a.suggestion)}? To add ${a.name}: ` : "add it: "}${a.isDefined ? "" : `the pod label version: ${a.name}, or `}istiomize.dev/subset.${a.name}.labels`,
  }), "Settings of a subset that nobody defines would hold for nothing."),
  IZ222: rule("error", "subset selects no pods", (a: { name: string; labels: string; workloads: readonly string[] }) => ({
    read: `labels ${a.labels} of subset ${a.name}`,
    expected: `labels that a pod template behind this Service carries: ${list(a.workloads)}`,
    help: "correct the labels, or add the workload to the input",
  }), "Requests that are routed to an empty subset fail with 503."),
  IZ223: rule("error", "no gateway of this name", (a: { name: string; known: readonly string[]; suggestion?: string }) => ({
    read: quote(a.name),
    expected: `an alias of spec.gateways in the ServiceMesh (${list(a.known)}), or the namespace/name of a Gateway`,
    help: maybe(a.suggestion) ?? "add it to spec.gateways (with `existing: true` if the Gateway is created elsewhere)",
  }), "A VirtualService that names a gateway which is not there takes no traffic at all."),
  IZ224: rule("error", "host is outside the gateway", (a: { host: string; gateway: string; hosts: readonly string[] }) => ({
    read: quote(a.host),
    expected: `a host within those of gateway ${a.gateway}: ${list(a.hosts)}`,
    help: `correct gateway-hosts, or add the host to spec.gateways.${a.gateway}`,
  }), "A gateway refuses hosts that none of its servers names, so these rules would never be used."),
  IZ225: rule("error", "port behind the gateway is not clear", (a: { service: string; gateway: string; ports: readonly string[] }) => ({
    read: `${a.service} with the ports ${list(a.ports)}, behind gateway ${a.gateway}`,
    expected: "one port, one HTTP, HTTP/2 or gRPC port, or a port named http",
    help: `choose one, such as istiomize.dev/gateway-port: "${a.ports[0]?.split(" ")[0] ?? "80"}"`,
  }), "A gateway sends everything to one port of the Service."),
  IZ226: rule("error", "gateway does not take this traffic", (a: { port: string; protocol: string; gateway: string; servers: readonly string[] }) => ({
    read: `port ${a.port}, which carries ${a.protocol}`,
    expected: `a server of gateway ${a.gateway} that takes it; it has ${list(a.servers, "no servers")}`,
    help: "add a server of that protocol to the gateway, or choose another port with istiomize.dev/gateway-port",
  }), "HTTP rules need an HTTP server or HTTPS ended at the gateway, TCP a TCP server, and TLS that passes through a server with mode PASSTHROUGH."),
  IZ227: rule("error", "expose beside the settings that it stands for", (a: { one: string; other: string }) => ({
    read: `${a.one} and ${a.other}`,
    expected: "one of them",
    help: `remove ${a.other}; expose gives the gateway, the host and the path`,
  }), "`expose: alias=host/path` is short for gateways, gateway-hosts and path; beside one of them it is not clear which one counts."),
  IZ228: rule("error", "conditions that exclude each other", (a: { one: string; other: string; field: string }) => ({
    read: `${a.one}, and ${a.other}`,
    expected: `one condition on ${a.field}: Istio has only one for each field of a match`,
    help: "change or remove one of them, or write the rules in istiomize.dev/routes",
  }), "Conditions of a rule are joined with the path and the match of its gateway; Istio has one value for each field of a match."),
  IZ229: rule("error", "HTTP settings on a TCP or PASSTHROUGH gateway", (a: { keys: readonly string[]; gateway: string; kind: string }) => ({
    read: list(a.keys),
    expected: `no HTTP settings: gateway ${a.gateway} passes ${a.kind} on without reading it`,
    help: `remove them (for this gateway alone: istiomize.dev/gateway.${a.gateway}.<setting>: none), or use an HTTP or HTTPS server`,
  }), "On a TCP or PASSTHROUGH server Istio sees bytes, not requests."),

  IZ230: rule("warning", "gateway does not see these routes", (a: { exportTo: readonly string[]; gateway: string; namespace: string }) => ({
    read: `exportTo ${a.exportTo.join(", ")}, and gateway ${a.gateway} with its pods in namespace ${a.namespace}`,
    expected: `${a.namespace} or * in it`,
    help: `write istiomize.dev/gateway.${a.gateway}.export-to: ${[...a.exportTo, a.namespace].join(",")}, or correct exportTo of the gateway in the ServiceMesh`,
  }), "A gateway reads the VirtualServices that are exported to the namespace of its pods. All requests for these hosts get 404."),

  // ---- 3xx: checks over several settings and objects
  IZ301: rule("error", "unknown destination", (a: { name: string; subsets: readonly string[]; isElsewhere: boolean; suggestion?: string; expected?: string; help?: string }) => ({
    read: quote(a.name),
    expected: a.expected ?? (a.isElsewhere ? "a Service in the input, as name.namespace" : `a subset of this Service (${list(a.subsets, "it has none")}) or a Service of its namespace`),
    help: maybe(a.suggestion)
      ?? a.help ?? (a.isElsewhere ? "correct the name, or add the Service; names from before a prefix are known to `istiomize render`, not in a pipe" : "label the pods with `version` for a subset; write a Service of another namespace as name.namespace; names from before a prefix need `istiomize render`"),
  }), "Traffic sent to a subset that no pod carries, or a host that no Service has, ends in 503."),
  IZ302: rule("error", "weights do not sum to 100", (a: { sum: number }) => ({
    read: `weights that add up to ${a.sum}`,
    expected: "100, so that each weight is a percentage",
    help: `${a.sum < 100 ? "raise" : "lower"} them by ${Math.abs(100 - a.sum)} in all; a destination without traffic has weight 0`,
  }), "Istio takes any positive sum, but then a 10 is not ten percent."),
  IZ303: rule("error", "destination named twice", (a: { name: string }) => ({
    read: quote(a.name),
    expected: "each destination once",
    help: "keep one entry, with the sum of both weights",
  }), "The same destination twice in one route misleads whoever reads it."),
  IZ304: rule("error", "destination has no such port", (a: { service: string; port: string; known: readonly string[]; kind?: "ServiceEntry"; isByHand?: boolean }) => ({
    read: `port ${a.port} on ${a.kind ?? "Service"} ${a.service}`,
    expected: `one of its ports: ${list(a.known)}`,
    help: a.isByHand ? `write the number of one of these${a.kind ? "" : ", not the port of the container"}` : `write the port after the name, such as ${a.service}:${a.known[0]?.split(" ")[0] ?? "8080"}`,
    ...(a.isByHand && { current: a.port, ...(a.known.length === 1 && { fix: { value: a.known[0]!.split(" ")[0]! } }) }),
  }), "A route to a port that no Service has ends in 503."),
  IZ305: rule("error", "name means two Services", (a: { name: string; candidates: readonly string[] }) => ({
    read: quote(a.name),
    expected: `a name that means one Service; this one means ${list(a.candidates)}, by the name now or before a prefix or namespace was set`,
    help: "write a name that only one of them has, or name.namespace; if there is none, rename one",
  }), "Names in annotations are those that people wrote, before an overlay's prefix; two candidates are never guessed."),
  IZ306: rule("error", "subsets cannot be told apart", (a: { one: string; other: string; what: string }) => ({
    read: `${a.one} and ${a.other}: ${a.what}`,
    expected: "a pod label (usually `version`) whose value differs for each subset",
    help: "set a different `version` in spec.template.metadata.labels of each workload",
  }), "A subset selects pods by labels; two with equal labels are one."),
  IZ307: rule("error", "traffic to a workload without pods", (a: { name: string; weight: string; workload: string; isActive: boolean }) => ({
    read: `${a.weight} to ${a.name}; ${a.workload} has replicas: 0`,
    expected: "replicas behind every destination that gets traffic",
    help: `raise replicas of ${a.workload}, or ${a.isActive ? "name another subset in istiomize.dev/active" : `give ${a.name} weight 0`}`,
  }), "Requests that go to a subset without pods end in 503."),
  IZ308: rule("error", "two routes take every request", (a: { host: string; gateway: string; one: string; other: string; isByHand?: boolean }) => ({
    read: `${a.one} and ${a.other}, each without a path or match, on host ${a.host} of gateway ${a.gateway}`,
    expected: "at most one route without a path or match for each host",
    help: a.isByHand ? "add a match to one of them, or use another host" : `give one of them a path, such as istiomize.dev/gateway.${a.gateway}.path: /${a.other}`,
  }), "A rule without a match takes every request; a second one behind it gets none."),
  IZ309: rule("error", "two VirtualServices for the same requests", (a: { host: string; gateway: string; one: string; mine: string; theirs: string; isBytes?: boolean }) => ({
    read: `${a.mine}; ${a.one} has ${a.theirs}, both on host ${a.host} of gateway ${a.gateway}`,
    expected: "different requests for each VirtualService: those that both match go to the one that was created first",
    help: a.isBytes ? "give one of them another port of the gateway (servers), or another server name" : "put both rules into one VirtualService, in order, or narrow one; with annotations, set spec.gateways.<alias>.virtualServices: host",
  }), "A gateway joins the rules of all VirtualServices for a host, oldest object first: the order is in no file."),
  IZ310: rule("warning", "retries cannot all run", (a: { tries: number; attempts: number; perTry: string; timeout: string; needed: string; isByHand?: boolean }) => ({
    read: `${a.tries} tries (the first + ${a.attempts} retries) of ${a.perTry} each, in a request timeout of ${a.timeout}`,
    expected: "tries × per-try timeout to fit in the timeout: the last try can never finish",
    help: `raise timeout to ${a.needed}, or lower ${a.isByHand ? "attempts or perTryTimeout" : "retry-attempts or retry-per-try-timeout"}`,
  }), "`attempts` counts retries, not tries: 3 retries of 10s are 40 seconds. What does not fit in the timeout never runs."),
  IZ311: rule("warning", "retries may repeat calls that were carried out", (a: { conditions: readonly string[]; isByHand?: boolean }) => ({
    read: `${a.isByHand ? "retryOn" : "retry-on"} ${list(a.conditions)}`,
    expected: "connect-failure, refused-stream, unavailable, cancelled alone: conditions under which the server did not handle the request",
    help: a.isByHand ? `keep it in a rule that matches GET and HEAD, and use those conditions for the rest; ${acceptIf("IZ311", "every call may run twice")}` : 'use those; if every call may run twice (all are idempotent), set istiomize.dev/retry-unsafe: "true"',
  }), "With 5xx, reset, gateway-error or a status code a POST that the server carried out can run again."),
  IZ312: rule("info", "status code does not match a broken connection", (a: { code: string; isByHand?: boolean }) => ({
    read: `${a.isByHand ? "retryOn" : "retry-on"} ${a.code}`,
    help: "when a connection breaks, the sidecar answers 503 itself and does not retry it; add connect-failure (and reset, if a call may run twice)",
  }), "A status code in retry-on matches answers of the server only."),
  IZ313: rule("warning", "timeout cuts streams", (a: { timeout: string; port: string; isByHand?: boolean }) => ({
    read: `timeout ${a.timeout} on gRPC port ${a.port}`,
    expected: "no timeout for calls that stream: it covers the whole response",
    help: `if calls stream, ${a.isByHand ? "remove timeout" : `set istiomize.dev/port.${a.port.split(" ")[0]!}.timeout: none`}; ${acceptIf("IZ313", "none does")}`,
  }), "An Istio timeout ends server-streaming gRPC calls, however lively they are."),
  IZ314: rule("error", "no such gateway", (a: { name: string; namespace: string; suggestion?: string }) => ({
    read: `${quote(a.name)}: no Gateway ${a.name.includes("/") ? a.name : `${a.name} in namespace ${a.namespace || "(none)"}`} is in the input or in spec.gateways`,
    expected: "a Gateway of the input, as namespace/name, or one that spec.gateways describes",
    help: maybe(a.suggestion) ?? "correct the name; if it is created elsewhere, describe it in spec.gateways of the ServiceMesh, with existing: true and its hosts",
    ...(a.suggestion && { current: a.name, proposed: a.suggestion }),
  }), "Istio ignores a VirtualService for a gateway that does not exist: every request there ends in 404.", "warning"),
  IZ315: rule("error", "host that the gateway does not have", (a: { hosts: readonly string[]; gateway: string; known: readonly string[]; all: boolean }) => ({
    read: `${list(a.hosts)}; gateway ${a.gateway} has ${list(a.known, "no host for this namespace")}`,
    expected: a.all ? "at least one host that a server of the gateway has" : "a host that a server of the gateway has",
    help: "use one of those, or add the host to a server of the gateway",
  }), "A gateway answers requests for a host that none of its servers has with 404, whatever routes there are for it.", "warning"),
  IZ316: rule("error", "two servers of gateways clash", (a: { one: string; other: string; port: number; what: string; help: string }) => ({
    read: `${a.one} and ${a.other} on port ${a.port} of the same pods: ${a.what}`,
    expected: "one server for each port and host",
    help: a.help,
  }), "Istio merges the Gateways of one set of pods; of two servers that cannot be merged it drops one, without a word.", "warning"),
  IZ317: rule("error", "two objects for the same pods", (a: { one: string; other: string; pods: string }) => ({
    read: `${a.one} and ${a.other}, both for ${a.pods}`,
    expected: `one ${a.one.split(" ")[0]!} for the same pods`,
    help: "merge them into one object, or change the selector of one",
  }), "Istio takes one of them and does not say which; what the other one asks for is lost."),
  IZ318: rule("error", "two DestinationRules for one host", (a: { one: string; other: string; host: string; what: readonly string[] }) => ({
    read: `${list(a.what)} of ${a.host} in both ${a.one} and ${a.other}`,
    expected: "one DestinationRule for each host, namespace and exportTo",
    help: "merge them into one object",
  }), "Istio adds up the subsets of both, but takes the traffic policy, and each subset, from the older one; which one that is cannot be seen in Git."),
  IZ319: rule("warning", "port with two protocols", (a: { port: string; read: string; counts: string; help?: string }) => ({
    read: `port ${a.port}: ${a.read}`,
    expected: `one protocol; what counts is ${a.counts}`,
    help: a.help ?? "make them agree, or remove the wrong one",
  }), "A port that changes its protocol changes which rules hold for it: HTTP rules do nothing on a TCP port, and servers that speak first hang behind HTTP."),
  IZ320: rule("warning", "VirtualService written by hand", (a: { other: string; host: string }) => ({
    read: `${a.other} already routes ${a.host} in the mesh`,
    expected: "one VirtualService for each host in the mesh",
    help: "remove it to use the annotations, or keep it and set istiomize.dev/enabled: \"false\" on the Service; no second one is generated",
  }), "Sidecars take only one VirtualService for a host; a second one is ignored."),
  IZ321: rule("warning", "DestinationRule written by hand", (a: { other: string; host: string }) => ({
    read: `${a.other} already has the policy of ${a.host}`,
    expected: "one DestinationRule for each host and namespace",
    help: "remove it to use the annotations; as long as it is there, none is generated",
  }), "Of two DestinationRules for one host the older one's policy wins and the other's is dropped."),
  IZ322: rule("error", "name of a generated object is taken", (a: { made: string; other: string; help?: string }) => ({
    read: `${a.other}, written by hand for something else`,
    expected: `no other object with the name of ${a.made}, which istiomize generates`,
    help: a.help ?? "rename the one written by hand",
  }), "Two objects of one kind, namespace and name cannot both be in a cluster."),
  IZ323: rule("warning", "PeerAuthentication written by hand", (a: { other: string }) => ({
    read: `${a.other} already sets mTLS for the same pods`,
    expected: "one PeerAuthentication for each selector and namespace",
    help: "remove it, or the mtls setting; as long as it is there, none is generated",
  }), "Of two PeerAuthentications for the same pods the older one wins."),
  IZ324: rule("error", "hand-written DestinationRule lacks a subset", (a: { other: string; missing: readonly string[]; owner?: string }) => ({
    read: `${a.other} without ${list(a.missing)}`,
    expected: "every subset that a route names",
    help: a.owner === undefined ? "add the subsets there, or remove that DestinationRule so that istiomize generates it" : `add the subsets there, or remove it: for callers of its namespace it takes the place of ${a.owner} as a whole`,
  }), "A route to a subset that no DestinationRule defines ends in 503."),
  IZ325: rule("info", "Flagger writes these routes", (a: { service: string; apex?: string }) => ({
    read: a.apex === undefined ? `a Canary of Flagger for ${a.service}` : `a Canary of Flagger for the workload behind ${a.service}, with routes for ${a.apex}`,
    help: a.apex === undefined ? "nothing to do: Flagger creates its VirtualService and DestinationRules, so none are generated" : `let callers use ${a.apex}, which Flagger creates: outside of a rollout no pods run behind this one, so nothing is generated for it`,
  }), "Flagger creates and overwrites the VirtualService of the workload that a Canary names."),
  IZ326: rule("error", "two VirtualServices for one host", (a: { host: string; one: string; other: string; isByHand?: boolean }) => ({
    read: `${a.host} in ${a.one} and in ${a.other}`,
    expected: "one VirtualService for each host in the mesh",
    help: a.isByHand ? "merge them into one, or limit each to other namespaces with exportTo" : "remove the host from istiomize.dev/hosts of one of the two Services",
  }), "Sidecars take only one VirtualService for a host; the other one would be ignored."),
  IZ327: rule("warning", "TLS split covers one server name only", (a: { host: string }) => ({
    read: `a TLS rule for the server name ${a.host} only, because the namespace is not known`,
    expected: "a namespace, so that the rule can list every form of the Service's name",
    help: "set `namespace:` in the kustomization, or spec.namespace of the ServiceMesh",
  }), "TLS traffic is matched by the server name that the caller sends; any other form of the name passes by the split."),
  IZ328: rule("warning", "destination gets more than its weight", (a: { service: string; other: string; workloads: readonly string[] }) => ({
    read: `${list(a.workloads)}, selected by both Service ${a.other} and Service ${a.service}`,
    expected: `pods that only one of the two selects`,
    help: `narrow the selector of ${a.service} (a label such as track: stable), or split by subsets of one Service`,
  }), "Pods that both Services select get their own share and a part of the other one's."),
  IZ329: rule("warning", "ambient without a waypoint", () => ({
    read: "routes or policies in a namespace in ambient mode, without a waypoint",
    expected: "a waypoint: in ambient mode nothing else applies VirtualServices and DestinationRules",
    help: "set istiomize.dev/waypoint on the Namespace or the Service, or label them istio.io/use-waypoint",
  }), "Without a waypoint ambient mode knows no HTTP: the objects are made and do nothing."),
  IZ330: rule("warning", "Service without a selector", () => ({
    read: "no spec.selector",
    expected: "a selector: endpoints written by hand have no labels, so subsets and mTLS do not work for them",
    help: "add spec.selector, or set only connection settings and routes to the whole Service",
  }), "Endpoints without pod labels are reached in plain text, and every subset of them is empty."),
  IZ331: rule("warning", "no workload behind the Service", (a: { selector: string }) => ({
    read: `no pod template in the input matches ${a.selector}`,
    expected: "a Deployment, StatefulSet, DaemonSet or Rollout whose pod labels match the selector",
    help: `correct the selector or the labels; ${acceptIf("IZ331", "the workload is deployed from elsewhere")}`,
  }), "A selector that matches nothing leaves the Service without endpoints: every call ends in 503."),
  IZ332: rule("error", "ExternalName Service cannot have Istio rules", (a: { target: string; isDestination?: boolean; isRule?: boolean }) => ({
    read: `${a.target} (type: ExternalName)`,
    expected: `the Service${a.isDestination ? " or ServiceEntry" : ""} that the alias stands for${a.isDestination ? ", in the input" : ""}`,
    help: a.isDestination ? "route to that one; for a host outside the cluster add a ServiceEntry and use its host" : a.isRule ? "write the rule for that one; for a host outside the cluster add a ServiceEntry and use its host" : "use that one, in annotations and in weights: Istio applies no DestinationRule or VirtualService to an alias",
  }), "Since Istio 1.21 an ExternalName Service is a pure alias: no cluster is made for it."),
  IZ333: rule("warning", "settings that a headless Service cannot use", (a: { left: readonly string[]; isByHand?: boolean }) => ({
    read: `clusterIP: None, with ${list(a.left)}`,
    expected: "connection settings only: sidecars call the pod address that DNS gave",
    help: `${a.isByHand ? "they hold for calls from a gateway only" : "they are left out"}; for Istio to balance, add a second Service without \`clusterIP: None\` for the same pods`,
  }), "For a headless Service the caller picks the pod, so load balancing, outlier detection and subsets do not steer."),
  IZ334: rule("error", "headless Service cannot be steered", (a: { key: string }) => ({
    read: `${a.key}, with clusterIP: None`,
    expected: "a Service with a cluster IP",
    help: "add a second Service without `clusterIP: None` for the same pods, and use that one",
  }), "For a headless Service the caller picks the pod, so weights have no effect in the mesh."),
  IZ335: rule("info", "port without HTTP routes", (a: { port: string; declaredBy: string; protocol: string }) => ({
    read: `port ${a.port}: ${a.protocol}, by ${a.declaredBy}`,
    help: "Istio serves HTTP routes on HTTP and gRPC ports only; declare `appProtocol: http` if it carries HTTP",
  }), "HTTP rules on a TCP, TLS or UDP port do nothing in Istio."),
  IZ336: rule("info", "port without a protocol", (a: { port: string }) => ({
    read: `port ${a.port}: neither appProtocol nor a name that tells its protocol`,
    expected: "`appProtocol: http` (or grpc, tcp), or a port name such as http-web",
    help: "add `appProtocol`: otherwise Istio guesses from the first bytes, and calls to a server that speaks first (MySQL, SMTP) hang",
  }), "Istio sniffs undeclared ports: HTTP rules apply only where the bytes look like HTTP."),
  IZ337: rule("error", "port is reserved for the sidecar", (a: { port: number }) => ({
    read: `targetPort ${a.port}`,
    expected: "a port that the sidecar does not use (15000, 15001, 15004, 15006, 15008, 15020, 15021, 15053, 15090 are its own)",
    help: "let the container listen on another port",
  }), "The sidecar already listens there."),
  IZ338: rule("warning", "two Services for one container port", (a: { other: string; port: string }) => ({
    read: `${a.other} leads to the same container port ${a.port} from another port number`,
    expected: "one Service port for each container port",
    help: "use the same port number in both Services",
  }), "The sidecar of the server takes the settings of an arbitrary one of the two."),
  IZ339: rule("warning", "Service with UDP ports only", (a: { isRule?: boolean }) => ({
    read: "only UDP ports",
    expected: "a TCP port; Istio does not proxy UDP",
    help: a.isRule ? "remove the rule" : "remove the annotations from this Service",
  }), "UDP traffic bypasses the sidecar."),
  IZ340: rule("warning", "Namespace is not in the input", (a: { namespace: string; label: string }) => ({
    read: `workloads in ${a.namespace || "a namespace that the input does not name"}, and no Namespace object to label`,
    expected: `the label ${a.label} on it: without it no sidecar is injected and nothing here takes effect`,
    help: a.namespace
      ? `add the Namespace to the kustomization; or label it where it is created (Argo CD: managedNamespaceMetadata) and set spec.namespaces.${a.namespace}.inject: true`
      : "set `namespace:` in the kustomization (or spec.namespace of the ServiceMesh) and add the Namespace",
  }), "istiomize labels Namespace objects in the input. It never creates one: pruning it would delete what is inside."),
  IZ341: rule("warning", "several injection labels", (a: { labels: readonly string[] }) => ({
    read: list(a.labels),
    expected: "one of istio-injection, istio.io/rev and istio.io/dataplane-mode",
    help: "keep one; Istio uses istio-injection first and ignores the others",
  }), "Istio reads only one of the three."),
  IZ342: rule("warning", "pods are not injected", (a: { why: string; help?: string }) => ({
    read: a.why,
    expected: "pods with a sidecar",
    help: a.help ?? "remove it, or leave the Service out of the mesh with istiomize.dev/enabled: \"false\"",
  }), "Without a sidecar a pod neither presents a certificate nor follows routes."),
  IZ343: rule("warning", "pods on the host network", () => ({
    read: "hostNetwork: true",
    expected: "pods with their own network, where a sidecar can run",
    help: "remove hostNetwork, or leave the Service out of the mesh with istiomize.dev/enabled: \"false\"",
  }), "Istio never injects pods on the host network."),
  IZ344: rule("warning", "sync wave is not a whole number", (a: { text: string }) => ({
    read: quote(a.text),
    expected: "a whole number, such as \"-1\" or \"5\", of at most nine digits",
    help: "correct or remove it; Argo CD takes it for 0",
  }), "Argo CD orders a sync by this number, and what is made for the object goes with it."),
  IZ345: rule("warning", "Argo CD hook in the mesh", (a: { text: string }) => ({
    read: `argocd.argoproj.io/hook: ${a.text}`,
    expected: "an object of the sync itself: what is generated for it is not a hook, and is applied in the sync",
    help: `leave it out of the mesh with istiomize.dev/enabled: "false"; ${acceptIf("IZ345", "the order does not matter")}`,
  }), "A hook comes and goes around a sync; a VirtualService or DestinationRule stays."),
  IZ346: rule("error", "two Rollouts for one object", (a: { one: string; other: string; what: readonly string[] }) => ({
    read: `${list(a.what)} in both Rollout ${a.one} and Rollout ${a.other}`,
    expected: "different Services, VirtualServices and DestinationRules for each Rollout",
    help: "use other names in one of the two, with a Service that selects only its pods",
  }), "Two Rollouts that set the weights of one route undo each other's steps."),
  IZ347: rule("warning", "workload of a Rollout is not in the input", (a: { rollout: string; kind: string; target: string; now?: string }) => ({
    read: `workloadRef ${a.kind} ${a.target} in Rollout ${a.rollout}`,
    expected: "a workload of this kind and name in the Rollout's namespace",
    help: a.now ? renamedHelp(a.now) : `add it, or correct the name; ${acceptIf("IZ347", "another Application brings it")}`,
  }), "Without the pods nobody knows which Services a Rollout is for, so its routes are not made."),
  IZ348: rule("error", "Rollout cannot work", (a: { rollout: string; found: string; expected: string; help: string }) => ({
    read: `Rollout ${a.rollout}: ${a.found}`,
    expected: a.expected,
    help: a.help,
  }), "The API server or Argo Rollouts refuses the Rollout, or Istio refuses what would be generated for it."),
  IZ349: rule("warning", "pod label that Flagger does not change", (a: { workload: string; labels: readonly string[] }) => ({
    read: `${a.workload} selects its pods by ${list(a.labels)}`,
    expected: "the label app, name or app.kubernetes.io/name, which Flagger changes for its copy, the primary",
    help: "use one of these; if Flagger runs with other -selector-labels, write the PeerAuthentication of the primary by hand",
  }), "The mode set here holds for the pods of the canary alone; those that serve have other labels."),
  IZ350: rule("error", "mTLS and TLS settings contradict", (a: { tls: string; server: string }) => ({
    read: `tls ${a.tls} towards ${a.server}`,
    expected: "no tls setting: Istio then uses what the server accepts",
    help: "remove tls, or change mtls",
  }), "STRICT servers refuse plain text and foreign TLS; servers with mTLS disabled refuse ISTIO_MUTUAL."),
  IZ351: rule("info", "ISTIO_MUTUAL is what Istio does anyway", () => ({
    read: "tls: ISTIO_MUTUAL",
    help: "remove it: automatic mTLS does the same, and also reaches pods without a sidecar, where this gives 503",
  }), "Automatic mTLS picks mutual TLS for every pod that has a sidecar."),
  IZ352: rule("error", "no container declares this port", (a: { port: string; known: readonly string[]; service?: string; target?: string }) => ({
    read: a.service === undefined ? `port ${a.port}` : `${a.port}, the port of Service ${a.service}`,
    expected: `a container port of the pods: ${list(a.known)}`,
    help: a.service === undefined ? "declare it under `ports` of the container, or correct targetPort of the Service" : `write the port of the pods${a.target === undefined ? "" : `: ${a.target}`}`,
    ...(a.service !== undefined && a.target !== undefined && { current: a.port, proposed: a.target }),
  }), "Port-level mTLS and the ports of an AuthorizationPolicy are container ports; one that does not exist protects nothing."),
  IZ353: rule("error", "two mTLS modes for the same pods", (a: { one: string; other: string }) => ({
    read: `${a.one}, and ${a.other}`,
    expected: "one mode for the same pods",
    help: "remove one of the two, or make them agree",
  }), "Istio takes one PeerAuthentication for a pod, the oldest; which one that is cannot be seen in Git."),
  IZ354: rule("error", "mTLS needs to know which pods", (a: { key: string }) => ({
    read: `${a.key} where no selector says which pods`,
    expected: "a Service with a selector, or a workload",
    help: "set it on a Service with a selector; for a whole namespace use istiomize.dev/mtls, without a port",
  }), "A PeerAuthentication for one Service selects its pods, and Istio takes port-level modes only together with a selector."),
  IZ355: rule("info", "Argo Rollouts sets these weights", (a: { rollout: string; virtualService: string; between: string; pending: readonly string[] }) => ({
    read: `Rollout ${a.rollout} splits VirtualService ${a.virtualService} between ${a.between}`,
    help: a.pending.length > 0
      ? `the Rollout has ${list(a.pending)}, the name before a prefix or suffix: list rollout-transform.yaml of Argo Rollouts under \`configurations:\`, so that kustomize changes it`
      : "generated with weights 100 and 0; let Argo CD ignore them (ignore-differences.yaml, which `istiomize install --argocd DIR` writes)",
  }), "Argo Rollouts needs a VirtualService with both destinations, and changes their weights in the cluster."),
  IZ356: rule("warning", "weights belong to Argo Rollouts", (a: { key: string; rollout: string; stable: string; canary: string }) => ({
    read: `istiomize.dev/${a.key} on a Service whose traffic Rollout ${a.rollout} splits`,
    expected: `no weights, or those that Argo Rollouts starts from: ${a.stable}=100,${a.canary}=0`,
    help: "remove it, and write `setWeight` steps in the Rollout; 100 and 0 are generated",
  }), "Argo Rollouts puts its own weights in the place of any other, as soon as it sees them."),
  IZ357: rule("error", "Service of a Rollout is not in the input", (a: { rollout: string; field: string; service: string; suggestion?: string }) => ({
    read: a.service === "" ? `no ${a.field} in Rollout ${a.rollout}, and no destinationRule` : `${a.field} ${a.service} of Rollout ${a.rollout}`,
    expected: a.service === "" ? "stableService and canaryService, or a destinationRule with two subsets" : "a Service of this name in the Rollout's namespace",
    help: a.suggestion ? renamedHelp(a.suggestion) : a.service === "" ? `add ${a.field} to the Rollout` : "add the Service, or correct the name in the Rollout",
  }), "The rule that Argo Rollouts works on needs both destinations."),
  IZ358: rule("warning", "Rollout names an object that is not in the input", (a: { rollout: string; kind: string; name: string; expected: string; help: string }) => ({
    read: `${a.kind} ${a.name || "(no name)"} in Rollout ${a.rollout}`,
    expected: a.expected,
    help: a.help,
  }), "Argo Rollouts does nothing with a Rollout as long as an object that it names is missing."),
  IZ359: rule("error", "Rollout does not fit its routes", (a: { rollout: string; object: string; found: string; expected: string; help: string }) => ({
    read: `${a.object} for Rollout ${a.rollout}: ${a.found}`,
    expected: a.expected,
    help: a.help,
  }), "Argo Rollouts checks this first and refuses the Rollout (InvalidSpec), so nothing is rolled out."),
  IZ360: rule("warning", "subset policy is never used", (a: { subset: string; isByHand?: boolean }) => ({
    read: `a policy for subset ${a.subset}, to which no route leads`,
    expected: a.isByHand ? "a VirtualService whose routes name the subset" : "weights or active, so that a route names the subset",
    help: a.isByHand ? "route to the subset, or move the policy to spec.trafficPolicy" : "add istiomize.dev/weights to the Service, or put the setting on the Service",
  }), "The policy of a subset holds only for calls that a route sends to that subset."),
  IZ361: rule("warning", "outlier detection ejects nobody", (a: { percent: string; pods: number; of: string; needed: number; scope?: string; field?: string }) => ({
    read: `${a.percent} of ${a.pods} ${a.pods === 1 ? "pod" : "pods"} of ${a.of} is less than one`,
    expected: "a percentage that is at least one pod",
    help: a.pods === 1 ? "run more replicas, or remove outlier detection: requests have no other pod to go to" : `${a.field ?? `istiomize.dev/${a.scope ?? ""}outlier-max-ejection-percent: ${a.needed}%`} (or more replicas)`,
    ...(a.pods > 1 && { proposed: a.field === undefined ? `${a.needed}%` : String(a.needed) }),
  }), "Envoy rounds down before the first ejection; Istio's default of 10% ejects nobody below ten pods."),
  IZ362: rule("warning", "gateway errors are never counted", (a: { gateway: number; all: string; words: readonly [gateway: string, all: string] }) => ({
    read: `${a.words[0]} ${a.gateway}, ${a.words[1]} ${a.all}`,
    expected: "fewer gateway errors than 5xx: every gateway error is a 5xx too",
    help: `lower ${a.words[0]}, or set ${a.words[1]} to 0`,
  }), "The lower counter always trips first."),
  IZ363: rule("warning", "outlier detection can eject every pod", (a: { words: readonly [maximum: string, minimum: string]; only?: string }) => ({
    read: a.only === undefined ? a.words[0] : `${a.words[0]}, and one pod in all of ${a.only}`,
    expected: a.only === undefined ? `less than 100%, or ${a.words[1]} above 0` : `more pods, or ${a.words[1]} above 0`,
    help: a.only === undefined ? `${a.words[1].startsWith("outlier-") ? "istiomize.dev/outlier-min-health-percent: 50%" : "minHealthPercent: 50"} switches outlier detection off while fewer pods are healthy` : "add replicas, or remove outlier detection: while the only pod is ejected, every call fails",
  }), "With everything ejected every call ends in 503."),
  IZ364: rule("warning", "more subsets than a Rollout splits", (a: { rollout: string; more: readonly string[] }) => ({
    read: `additionalSubsetNames ${list(a.more)} of Rollout ${a.rollout}`,
    expected: "two subsets, the stable and the canary one: the generated route gives traffic to no other",
    help: "remove additionalSubsetNames, or write the VirtualService and the DestinationRules by hand",
  }), "Argo Rollouts leaves the share of such subsets alone; istiomize gives them none."),
  IZ365: rule("warning", "consistent hash is weakened", (a: { by: string; field?: string }) => ({
    read: `${a.field ?? "consistent-hash"} together with ${a.by}`,
    expected: "hashing over one fixed set of pods",
    help: `remove one of the two; ${acceptIf("IZ365", "callers may change pods when the set changes")}`,
  }), "A hash holds within one subset only."),
  IZ366: rule("warning", "h2-upgrade changes nothing here", (a: { port: string; why: string; field?: string }) => ({
    read: `${a.field ?? "h2-upgrade"} UPGRADE on port ${a.port}`,
    expected: `an HTTP/1 port: ${a.why}`,
    help: `remove ${a.field ?? "h2-upgrade"}`,
  }), "gRPC and HTTP/2 ports speak HTTP/2 already."),
  IZ367: rule("warning", "subsets share their pods", (a: { one: string; other: string; isSame: boolean; workloads: readonly string[] }) => ({
    read: `subset ${a.one} selects ${a.isSame ? "the same pods as" : "only pods of"} subset ${a.other}: ${list(a.workloads)}`,
    expected: "subsets without common pods, by a label (usually `version`) that differs",
    help: a.isSame ? `change the labels of one of the two` : `add a label to subset ${a.other}; ${acceptIf("IZ367", `calls to it may reach the pods of ${a.one} too`)}`,
  }), "A split between subsets with common pods is not the split that is written."),
  IZ368: rule("warning", "part of the policy does not hold here", (a: { of: string; lost: readonly string[]; replaces: "block" | "port" }) => ({
    read: `${a.of} without ${list(a.lost)}, which the policy above it sets`,
    expected: a.replaces === "block" ? "a complete block: Istio replaces a block as a whole and does not merge" : "a complete entry: for this port, Istio uses nothing of the policy above",
    help: `repeat it in ${a.of}; ${acceptIf("IZ368", "Istio's defaults are meant there")}`,
  }), "What a subset or a port does not repeat goes back to Istio's default there: no limit, no outlier detection, the default load balancer."),
  IZ369: rule("warning", "connection pool is too small for its callers", (a: { limit: string; most: number; servers: number; service: string; needed: number; callers: readonly string[] }) => ({
    read: `${a.limit}: ${a.most} at a time for ${a.servers} ${a.servers === 1 ? "pod" : "pods"} of Service ${a.service}; its callers can send ${a.needed} (${list(a.callers)})`,
    expected: `room for ${a.needed} at a time, one for each worker thread of the callers`,
    help: `raise the limit or add replicas; ${acceptIf("IZ369", "the others are meant to be refused")}`,
  }), "The sidecars of the server take the limits too, for all callers together: what is above them is answered with 503 (UO)."),
  IZ370: rule("error", "a prefix turns one Service's name into another's", (a: { host: string; other: string }) => ({
    read: `the host ${a.host}, which ${a.other} was called before a prefix was set`,
    expected: "Service names that stay different with and without the prefix",
    help: "set spec.hosts: fqdn, or rename one of the two Services",
  }), "kustomize's name references would rewrite this host into the other Service's name."),
  IZ371: rule("error", "full host names need a namespace", (a: { service: string }) => ({
    read: `Service ${a.service} carries no namespace`,
    expected: "a namespace, to write <service>.<namespace>.svc.<domain>",
    help: "set `namespace:` in the kustomization, spec.namespace of the ServiceMesh (or -n), or spec.hosts: short",
  }), "A full host with a guessed namespace would be a rule for nobody."),
  IZ372: rule("error", "generated host is not a Service", (a: { host: string }) => ({
    read: `the host ${a.host}`,
    expected: "a Service of that name in the input",
    help: "istiomize ran in an inner kustomization, and an outer one changed the names; move it to the outermost `transformers:`",
  }), "A rule whose host was renamed afterwards is silently dead."),
  IZ373: rule("error", "incomplete host name", (a: { host: string; meant: string; isDestination: boolean }) => ({
    read: `${quote(a.host)}, which Istio does not complete: it does so for names without a dot only`,
    expected: `${a.meant}, or the name alone for a Service in the same namespace`,
    help: `write ${a.meant}; ${a.isDestination ? "otherwise every request there ends in 503" : "otherwise these rules hold for no call to it"}`,
    current: a.host, proposed: a.meant,
  }), "`web.shop` works in a browser's address inside the cluster, where DNS completes it, and nowhere in Istio's objects."),
  IZ374: rule("warning", "unknown host", (a: { host: string; isCluster: boolean; suggestion?: string }) => ({
    read: quote(a.host),
    expected: a.isCluster ? "a Service in the input, as the others of its namespace are" : "a Service, or a host of a ServiceEntry, in the input",
    help: maybe(a.suggestion) ?? (a.isCluster ? `correct the host; ${acceptIf("IZ374", "the Service is deployed from elsewhere")}` : "add a ServiceEntry for it, or list its gateway under `gateways`; otherwise these rules hold for calls to port 80 only"),
    ...(a.suggestion && { current: a.host, proposed: a.suggestion }),
  }), "Rules for a host that is in nobody's registry are rules for nobody, or for port 80 only."),
  IZ375: rule("warning", "rule is never reached", (a: { rule: string; what: string; by: string; taken: string }) => ({
    read: `${a.rule}: ${a.what}`,
    expected: `requests that ${a.by}, which comes first, does not take; that one takes ${a.taken}`,
    help: `move it before ${a.by}, narrow ${a.by}, or remove it`,
  }), "Istio takes the first rule that fits; what an earlier one covers is never looked at, and nothing says so."),
  IZ376: rule("info", "prefix ends within a word", (a: { prefix: string }) => ({
    read: `prefix ${quote(a.prefix)}, which takes ${a.prefix}/x and ${a.prefix}x alike`,
    help: `nothing to do if that is meant; otherwise write two matches, exact: ${a.prefix} and prefix: ${a.prefix}/`,
  }), "A prefix of a VirtualService is plain text; it knows no path segments, as those of an HTTPRoute or Ingress do."),
  IZ377: rule("warning", "no rule for other requests", (a: { ports: readonly string[] }) => ({
    read: `rules with a match only${a.ports.length > 0 ? `, on port ${list(a.ports)}` : ""}`,
    expected: "a last rule without a match: a call in the mesh that matches no rule ends in 404",
    help: `add one that routes to the Service; ${acceptIf("IZ377", "other requests are meant to be refused")}`,
  }), "As soon as one rule is there for a Service, its sidecars send nothing there that no rule takes."),
  IZ378: rule("info", "timeout is longer than its callers wait", (a: { timeout: string; caller: string; waits: string }) => ({
    read: `timeout ${a.timeout}; callers of ${a.caller}, which calls this, wait for ${a.waits} at most`,
    help: `set a timeout below ${a.waits}: the work then ends when nobody waits for it any more`,
  }), "A callee that may take longer than its caller's own callers wait works for nobody."),
  IZ379: rule("warning", "one rule for several ports", (a: { host: string; port?: number; others: readonly string[]; rule: string; isAtGateway?: boolean }) => ({
    read: a.port === undefined ? `no port for ${a.host}, which has ${list(a.others)}` : `${a.rule} for every port, and port ${a.port} of ${a.host} as its destination`,
    expected: a.port === undefined ? (a.isAtGateway ? "the port: without it a gateway uses its own port number, and answers 503 if the Service has no such port" : "the port, which istioctl analyze demands (IST0112); without it, calls keep their port")
      : `a rule for each port, with match.port: calls to ${list(a.others)} are sent to ${a.port} too`,
    help: a.port === undefined ? "add port.number to the destination; if several ports are called, write a rule with match.port for each" : `add match: [{port: ${a.port}}], so that calls to other ports stay there`,
  }), "A VirtualService holds for every HTTP port of its hosts, whatever port it was written for."),
  IZ380: rule("error", "fault injection in production", (a: { service: string }) => ({
    read: `a fault for ${a.service}, with spec.environment: production`,
    expected: "no fault, or the Service in spec.allowFaults",
    help: `remove the fault; if it is meant, add ${a.service} to spec.allowFaults`,
  }), "Injected faults are real errors for real callers."),
  IZ381: rule("error", "subset is not visible to all callers", (a: { subset: string; rule: string; seen: string; blind: readonly string[] }) => ({
    read: `subset ${a.subset}, which ${a.rule} defines for ${a.seen} only`,
    expected: `a DestinationRule that all callers of this rule can see, also those in ${list(a.blind)}`,
    help: "give both objects the same exportTo",
  }), "A caller that sees the route and not the subset gets 503 for every request."),
  IZ382: rule("warning", "wildcard host takes calls to other Services", (a: { host: string; taken: readonly string[] }) => ({
    read: `${quote(a.host)} in the mesh: ${a.taken.length > 5 ? `${list(a.taken.slice(0, 5))} and ${a.taken.length - 5} more` : list(a.taken)}`,
    expected: "the hosts that are meant, each in full",
    help: "list them; use a wildcard only for hosts of ServiceEntries and gateways",
  }), "In the mesh a wildcard takes the calls to every Service below it that has no VirtualService of its own."),
  IZ383: rule("warning", "match does not do what it seems to do", (a: { read: string; expected: string; help: string; proposed?: string }) => a,
    "Envoy compares whole values, character by character; exact and prefix know no stars, and a pattern that is not bounded takes its neighbours."),
  IZ384: rule("warning", "mirrored requests are carried out twice", (a: { mirror: string; share: string; isReadOnly?: boolean }) => ({
    read: `${a.share} copied to ${a.mirror}${a.isReadOnly ? "" : ", whatever the method"}`,
    expected: a.isReadOnly ? "a percentage, if the mirror is too small for all requests" : "copies of requests that change nothing (GET, HEAD), or a mirror with data of its own",
    help: a.isReadOnly ? "add a percentage" : `mirror in a rule for GET alone (istiomize.dev/route.<name>.match: method:GET); ${acceptIf("IZ384", "the mirror has data of its own")}`,
  }), "The mirror carries out what it gets: orders are placed and mails sent a second time."),
  IZ385: rule("warning", "fault without a percentage", (a: { kind: "delay" | "abort" }) => ({
    read: `fault.${a.kind} without a percentage`,
    expected: "percentage.value: without it Istio uses 0%",
    help: `add percentage: {value: 10} to ${a.kind}, or remove it`,
  }), "A fault that reaches no request is a test that passes whatever the callers do."),
  IZ386: rule("error", "gateway bypasses the split", (a: { host: string; by: string; subsets: readonly string[]; help?: string }) => ({
    read: `all of ${a.host}; ${a.by} ${a.subsets.length > 1 ? `splits its traffic between ${list(a.subsets)}` : `sends its traffic to subset ${list(a.subsets)} alone`}`,
    expected: "the same subsets and weights here: rules for the mesh do not hold at a gateway",
    help: a.help ?? `route to the subsets here too, or add the gateway, beside mesh, and its hosts to ${a.by}`,
  }), "What comes through the gateway goes to all pods alike, those of a canary too (IST0140)."),
  IZ387: rule("warning", "rules do not hold in the mesh", (a: { host: string; gateways: readonly string[] }) => ({
    read: `${a.host}, a Service, with gateways: ${list(a.gateways)}`,
    expected: "mesh among the gateways, if calls between Services are meant too",
    help: `add mesh to gateways, or a VirtualService for the mesh; ${acceptIf("IZ387", "only the gateway is meant")}`,
  }), "A VirtualService that lists gateways holds there and nowhere else."),
  IZ388: rule("warning", "retries multiply", (a: { service: string; calls: number; hops: readonly string[] }) => ({
    read: `${a.hops.join(" × ")}: up to ${a.calls} calls to ${a.service} for one request`,
    expected: "retries in one place of the chain: the first caller, or the last one",
    help: "set attempts: 0 in the others, or remove 5xx, gateway-error and status codes from their retryOn",
  }), "When the last Service of a chain fails, each hop in front repeats all tries of those behind it, while it is down."),
  IZ389: rule("warning", "rewrite makes a wrong slash", (a: { prefix: string; uri: string; from: string; to: string }) => ({
    read: `prefix ${quote(a.prefix)} rewritten to ${quote(a.uri)}: ${a.from} becomes ${a.to}`,
    expected: "both with a slash at the end, or both without",
    help: a.prefix.endsWith("/") ? `rewrite to ${a.uri}/` : `match prefix: ${a.prefix}/ and exact: ${a.prefix} instead`,
  }), "Istio puts the rewrite in place of the prefix, character by character."),
  IZ390: rule("error", "not in Istio's API", (a: { field: string; known?: string; help?: string; since?: string; target?: string } & Change) => ({
    read: a.since === undefined ? quote(a.field) : `${a.field}, new in Istio ${a.since}`,
    expected: a.since === undefined ? `one of ${list((a.known ?? "").split(", "))}` : `only fields and values of Istio ${a.target ?? ""} (spec.istioVersion)`,
    help: a.since === undefined ? a.help : `raise spec.istioVersion to "${a.since}" once every cluster runs it, or remove ${a.field}`,
    ...changeOf(a),
  }), "The API server drops a field that is not in Istio's schema, without a word, or refuses the object; either way it does not do what it says."),
  IZ391: rule("error", "value that the API server refuses", (a: { field: string; found: string; expects: string; help?: string } & Change) => ({
    read: a.field === "" || a.found.includes(`\`${a.field}\``) ? a.found : `${a.field}: ${a.found}`, expected: a.expects, help: a.help, ...changeOf(a),
  }), "Istio's schema in the cluster takes only such values; kubectl apply and Argo CD stop at the first object that is refused."),
  IZ392: rule("warning", "field without effect, or deprecated", (a: { field: string; found: string; state: "deprecated" | "ignored"; instead: string } & Change) => ({
    read: `${a.found}, which ${a.state === "ignored" ? "Istio ignores" : "is deprecated"}`, expected: a.instead, ...changeOf(a),
  }), "A field without effect misleads whoever reads it, and a deprecated one is removed some day."),
  IZ393: rule("info", "old version of the API", (a: { found: string; wanted: string } & Change) => ({
    read: a.found, expected: a.wanted, help: "every Istio since 1.22 serves it, with the same fields", ...changeOf(a),
  }), "Old versions of Istio's API will not be served for ever, and some tools compare objects by version."),
  IZ394: rule("error", "value that istiod refuses", (a: { field: string; found: string; expects: string; help?: string } & Change) => ({
    read: a.found.includes(a.field) || a.field === "" ? a.found : `${a.field}: ${a.found}`, expected: a.expects, help: a.help, ...changeOf(a),
  }), "istiod's webhook looks at every object when it is applied, and refuses those that its proxies could not be given."),
  IZ395: rule("warning", "policy does not do what it seems to do", (a: { what: string; expected: string; suggestion?: string; help?: string }) => ({
    read: a.what,
    expected: a.expected,
    help: maybe(a.suggestion) ?? a.help ?? `correct it; ${acceptIf("IZ395", "the workload is deployed from elsewhere")}`,
  }), "A policy whose selector or principal matches nothing, or that leaves something out, protects less than it seems to; Istio does not report it."),
  IZ396: rule("warning", "policy shuts callers out", (a: { who: string; by: string; help: string }) => ({
    read: `${a.who}: refused by ${a.by}`,
    expected: "policies that allow every caller that needs access",
    help: a.help,
  }), "One ALLOW policy denies everything that none allows, and STRICT everything that does not come from the mesh."),
  IZ397: rule("error", "HTTP conditions on a port that carries no HTTP", (a: { fields: readonly string[]; action: string; ports: readonly string[]; isAll: boolean; number: number; of: string }) => ({
    read: `${list(a.fields)} in a rule of action ${a.action}${a.isAll ? "" : ", without ports,"} for pods with port ${list(a.ports)}`,
    expected: "methods, paths, hosts and tokens for HTTP and gRPC ports only",
    help: a.action === "ALLOW" ? "use ports, principals and namespaces, or declare the port as HTTP; as it is, the rule allows nothing there" : `${a.isAll ? "remove them" : "list the HTTP ports under `ports`"}; as it is, the conditions are ignored there and the rule refuses everything`,
  }), "On TCP ports Istio sees no method, path, host or token."),
  IZ398: rule("info", "path pattern leaves out the path itself", (a: { pattern: string; bare: string }) => ({
    read: quote(a.pattern),
    help: `it does not match ${a.bare}; list ${quote(a.bare)} too if that is meant`,
  }), "A pattern that ends in /* asks for the slash."),
  IZ399: rule("info", "calls stay in the caller's zone", (a: { workload: string; isKey: boolean }) => ({
    read: `outlier detection without a locality setting; the pods of ${a.workload} are spread over zones`,
    help: `with outlier detection, pods of other zones get calls only while near ones are unhealthy; ${a.isKey ? "istiomize.dev/locality: disabled" : "localityLbSetting: {enabled: false}"} spreads the calls over all`,
  }), "Locality load balancing is on by default in Istio and waits only for outlier detection."),

  // ---- 4xx: files and commands
  IZ401: rule("error", "neither kustomize nor kubectl found", (a: { named?: string }) => ({
    read: a.named === undefined ? "no `kustomize` and no `kubectl` on PATH" : `--with ${a.named}, and no such program`,
    expected: "one of them: istiomize builds with the real tool",
    help: "install kustomize (brew install kustomize, or the releases of kubernetes-sigs/kustomize) or kubectl (kubernetes.io/docs/tasks/tools)",
  }), "`render` builds with the tool that your pipeline uses, never with an imitation."),
  IZ402: rule("error", "kustomize could not build", (a: { command: string; message: string }) => ({
    read: a.message,
    expected: `\`${a.command}\` to succeed`,
    help: "correct the kustomization; nothing was rendered or written",
  }), "What kustomize cannot build, istiomize cannot mesh."),
  IZ403: rule("error", "no kustomization here", (a: { directory: string }) => ({
    read: a.directory,
    expected: "an existing directory with a kustomization.yaml, kustomization.yml or Kustomization",
    help: "name the overlay to render, for example `istiomize render overlays/staging`",
  }), "`render` takes the directory of a kustomization."),
  IZ404: rule("error", "kustomization cannot be read", (a: { message: string; help?: string }) => ({
    read: a.message,
    expected: "a kustomization that kustomize builds",
    help: `${a.help ?? "correct the file"}; nothing was written`,
  }), "What `generate` writes follows from all kustomizations of the tree, so one that cannot be read stops it."),
  IZ405: rule("error", "kustomizations that contain each other", (a: { cycle: readonly string[] }) => ({
    read: a.cycle.join(" → "),
    expected: "a base without the overlay, or itself, under `resources`",
    help: "remove the entry that leads back; nothing was written",
  }), "kustomize refuses a cycle: neither of them could ever be built."),
  IZ406: rule("error", "a file with the name of a generated file", (a: { file: string }) => ({
    read: `${a.file}, whose first line is not the header of a generated file`,
    expected: "no file of this name, or one that istiomize wrote",
    help: "rename it (also in the kustomization) and remove istiomize.dev/generated-from from it, or delete it so that istiomize can write it; nothing was written",
  }), "`generate` never touches a file that it does not own, and its own files have fixed names."),
  IZ407: rule("info", "remote base left alone", (a: { url: string }) => ({
    read: a.url,
    help: "nothing to do: objects for its Services are written beside the kustomization of this tree that builds them",
  }), "A remote base is somebody else's repository: nothing can be written beside its files."),
  IZ408: rule("error", "no tree to work on", (a: { path: string; message: string }) => ({
    read: `${a.path}: ${a.message}`,
    expected: "a directory with at least one kustomization in it or below",
    help: "name the directory that holds your base and overlays, for example `istiomize generate gitops`; `istiomize scaffold tree` makes one",
  }), "`generate` and `scaffold` work on a directory of kustomizations."),
  IZ409: rule("error", "file cannot be read", (a: { message: string }) => ({
    read: a.message,
    expected: "YAML in UTF-8, as kustomize reads it",
    help: "correct the file, or remove it from the kustomization; nothing was written",
  }), "A file that cannot be read might hold a Service or a setting, so nothing is written at all."),
  IZ410: rule("error", "cannot be written", (a: { code: string; message: string }) => {
    const [reason, help] = systemErrors[a.code] ?? [a.message, "see why, and run again"];
    return { read: `${reason} (${a.code})`, expected: "permission and space to write every file", help: `nothing was written, the tree is as it was; ${help}` };
  }, "Either every file of a run is written or none, so one that cannot be written stops all of them."),
  IZ411: rule("error", "changed while istiomize was at work", (a: { now: "changed" | "created" | "removed" }) => ({
    read: { changed: "other content than was read a moment ago", created: "a file where there was none", removed: "no file where there was one" }[a.now],
    expected: "an unchanged file between reading and writing",
    help: "nothing was written, the tree is as it was; run again, to start from what is there now",
  }), "What was planned for the old content would overwrite what somebody just wrote."),
  IZ412: rule("error", "another run is at work here", (a: { pid: number; host: string; isHere: boolean; since: string; lock: string }) => ({
    read: `process ${a.pid}${a.isHere ? "" : ` on ${a.host}`}, at work since ${a.since}`,
    expected: "one run at a time in one tree",
    help: a.isHere ? "nothing was written; run again when it has ended" : `nothing was written; run again when it has ended, or remove ${a.lock} if it was killed: from here that cannot be seen`,
  }), "Two runs at once would each plan from what the other is about to replace."),
  IZ413: rule("info", "interrupted run found and tidied up", (a: { outcome: "not begun" | "undone" | "finished"; pid?: number; since?: string }) => ({
    read: `what a run${a.pid === undefined ? "" : ` (process ${a.pid}, ${a.since})`} left that was stopped ${{ "not begun": "before it had changed any file", undone: "before it had changed every file", finished: "when it had changed every file" }[a.outcome]}`,
    help: a.outcome === "finished" ? "the tree is as after that run" : "the tree is as before that run",
  }), "A run that is killed leaves a journal, from which the next one puts the tree in order before it does anything else."),
  IZ414: rule("error", "a run was interrupted here", (a: { pid: number; since: string }) => ({
    read: `a tree whose files a run (process ${a.pid}, ${a.since}) was replacing when it was stopped`,
    expected: "a tree as before or as after a run",
    help: "`istiomize generate <tree>` puts it in order first; nothing was written by this one",
  }), "Half of the files are new and half are old: what would be said about them is true of neither."),
  IZ415: rule("error", "leads out of the tree", (a: { target: string; tree: string }) => ({
    read: `a path that leads to ${a.target}`,
    expected: `a file below ${a.tree}`,
    help: "nothing was written; put the file itself in place of the symbolic link, or name the directory that holds both",
  }), "A tool that is given a tree writes inside that tree and nowhere else."),
  IZ416: rule("error", "edited since a run was interrupted, left alone", () => ({
    read: "content that is neither what the interrupted run found nor what it wrote",
    expected: "one of the two, so that the run can be undone",
    help: "every other file is as before that run; see whether this one still fits to them, and run again",
  }), "What a person wrote is never overwritten, not even to put a tree in order."),
  IZ417: rule("error", "a run cannot be undone", (a: { code: string; message: string; journal: string }) => {
    const [reason, help] = systemErrors[a.code] ?? [a.message, "see why"];
    return { read: `${reason} (${a.code})`, expected: "permission and space to put back what was there before", help: `${help}, and run again: the tree is half as before and half as after until then; ${a.journal} says what is left to do` };
  }, "The journal stays until the tree is in order again, so nothing is lost."),
  IZ418: rule("error", "journal of an interrupted run cannot be read", (a: { message: string }) => ({
    read: a.message,
    expected: "a journal as this version of istiomize writes it, of files in this tree",
    help: "nothing was written; put the tree in order with the version that was interrupted, or with git, and remove this file",
  }), "Without its journal nobody knows what an interrupted run had already replaced."),
  IZ419: rule("error", "one file by two names", (a: { other: string }) => ({
    read: `the same file as ${a.other}, by way of a symbolic link, and another content for it`,
    expected: "one content for one file",
    help: "nothing was written; replace the symbolic link by a file or directory of its own",
  }), "One of the two contents would be lost."),
  IZ420: rule("error", "generated file out of date", (a: { found: string; wanted: string; tree: string }) => ({
    read: a.found,
    expected: a.wanted,
    help: `\`istiomize generate ${a.tree}\` corrects it; --diff shows every difference first`,
  }), "Plain `kustomize build` uses the files as they are: what is out of date there is out of date in the cluster."),
  IZ421: rule("error", "the tree has another layout", (a: { layout: "transformer" | "resource"; file: string }) => ({
    read: a.layout === "transformer" ? `${a.file} runs istiomize inside the build, under \`transformers:\`` : `the ServiceMesh in ${a.file}, without the annotation config.kubernetes.io/local-config`,
    expected: "the files layout: the ServiceMesh under `resources:` with config.kubernetes.io/local-config: \"true\"",
    help: `\`istiomize generate --migrate\` changes it (add --diff to see how first)${a.layout === "transformer" ? "; a build that runs istiomize needs no files" : ": without it, the cluster would get the ServiceMesh"}`,
  }), "Files and a function in one build would both make the same objects; a tree has one layout."),
  IZ422: rule("error", "one object in two places", (a: { object: string; other: string }) => ({
    read: `${a.object}, which ${a.other} holds too`,
    expected: "each object once in a build",
    help: "delete one of them, or remove its file from the kustomization; nothing was written",
  }), "kustomize refuses two objects of one identity (\"may not add resource with an already registered id\")."),
  IZ423: rule("error", "patch of a generated object", (a: { patch: string; object: string; annotation: string }) => ({
    read: `${a.patch} patches ${a.object}, which istiomize generates`,
    expected: "a patch of an annotation, from which the object is generated",
    help: `patch the annotation of its Service instead; if the field has none, patch ${a.annotation}`,
  }), "A generated object is made anew from annotations and the ServiceMesh, and the files bring every build to that result."),
  IZ424: rule("error", "plain kustomize build differs", (a: { found: string; wanted: string; more: number }) => ({
    read: a.found,
    expected: `${a.wanted}, as \`istiomize render\` gives${a.more > 0 ? ` (and ${a.more} more differences in this object)` : ""}`,
    help: "`istiomize generate` brings the files up to date; if it has nothing to do, please report this tree",
  }), "The generated files must give the same objects as rendering: otherwise what was reviewed is not what runs."),
  IZ425: rule("error", "generated objects that kustomize cannot tell apart", (a: { target: string; others: readonly string[]; file: string }) => ({
    read: `a patch of ${a.target} in ${a.file} would also hit ${list(a.others)}`,
    expected: "names that are also different before prefixes and namespaces are set",
    help: "rename one of the Services, or use the transformer layout for this overlay; nothing was written",
  }), "kustomize finds the target of a patch by its name now and by the name that it had in its file."),
  IZ426: rule("error", "cannot be migrated automatically", (a: { message: string; help: string }) => ({
    read: a.message,
    expected: "a ServiceMesh in a file of its own, under `transformers:` or `resources:`",
    help: `${a.help}; nothing was written`,
  }), "`--migrate` changes only lines whose meaning is certain."),
  IZ427: rule("error", "kustomization cannot be edited", (a: { message: string; entries: readonly string[] }) => ({
    read: a.message,
    expected: "a mapping with plain lists",
    help: `write it without anchors or tags, or add these entries by hand: ${a.entries.join(", ")}; nothing was written`,
  }), "Only lines that must change are changed; where that is not certain, nothing is."),
  IZ428: rule("error", "cannot be removed automatically", (a: { message: string; help: string }) => ({
    read: a.message,
    expected: "annotations, and ServiceMeshes in documents of their own",
    help: `${a.help}; nothing was written`,
  }), "`--remove --annotations` takes out what is istiomize's and nothing else; where that is not certain, a person decides."),
  IZ429: rule("warning", "patch of all objects also hits generated ones", (a: { patch: string; object: string }) => ({
    read: `${a.patch} patches every object of its target, such as ${a.object}, which istiomize generates`,
    expected: "a patch of hand-written objects only: on generated ones it is undone",
    help: "name the object in the patch's target; change generated ones with an annotation or the ServiceMesh",
  }), "What a patch does to a generated object is undone at the end of the kustomization, so that a plain build gives what `render` gives."),
  IZ430: rule("error", "a name that Kubernetes refuses", (a: { name: string; what: "service" | "overlay" | "namespace" | "mesh" | "prefix"; start: string; suggestion?: string }) => ({
    read: `${quote(a.name)} for ${a.what === "overlay" || a.what === "service" ? `a new ${a.what}` : `the ${a.what}`}`,
    expected: `at most 63 lower-case letters, digits and \`-\`, beginning with ${a.start}${a.what === "prefix" ? "" : " and not ending with `-`"}`,
    help: `${a.suggestion ? `take ${a.suggestion}` : "choose another one"}; nothing was written`,
  }), "A Service's name is a DNS label (RFC 1035), and those of namespaces and pods follow the same rule but for a leading digit (RFC 1123)."),
  IZ431: rule("error", "name is already used in this tree", (a: { name: string; by: string }) => ({
    read: `${quote(a.name)}, the name of ${a.by}`,
    expected: "a name that is not used in the tree",
    help: "choose another name; nothing was written",
  }), "Two objects of one name cannot be told apart, and scaffold never writes over anything."),
  IZ432: rule("error", "not a port number", (a: { port: string }) => ({
    read: quote(a.port),
    expected: "a number from 1 to 65535",
    help: "give the port that the container listens on, such as `--port 8080`; nothing was written",
  }), "Kubernetes refuses a Service with any other port."),
  IZ433: rule("error", "no base to add a service to", (a: { found: readonly string[]; named?: string }) => ({
    read: a.named !== undefined ? `--base ${a.named}: no kustomization there` : a.found.length === 0 ? "no kustomization that holds services, or that an overlay builds" : `only overlays: ${list(a.found)}`,
    expected: a.named !== undefined && a.found.length > 0 ? `a base of this tree: ${list(a.found)}` : "a base: a kustomization that overlays name under `resources`",
    help: `${a.named !== undefined && a.found.length > 0 ? `write \`--base ${a.found[0]}\`` : "name one with `--base DIRECTORY`, or begin with `istiomize scaffold tree`"}; nothing was written`,
  }), "A service belongs in a base, from which every environment gets it."),
  IZ434: rule("error", "several bases to choose from", (a: { bases: readonly string[]; like: string | undefined }) => ({
    read: list(a.bases),
    expected: "the name of one of them",
    help: `choose one, such as \`--base ${a.bases[0]}\`${a.like === undefined ? "" : `, or \`--like ${a.like}\` for the place and shape of that service`}; nothing was written`,
  }), "Where a service stands decides which environments run it."),
  IZ435: rule("error", "nothing of this name to copy", (a: { name: string; what: "service" | "overlay"; known: readonly string[]; suggestion?: string }) => ({
    read: `--like ${a.name}`,
    expected: `${a.what === "service" ? "a Service" : "an overlay"} of this tree: ${list(a.known.length > 12 ? [...a.known.slice(0, 11), `and ${a.known.length - 11} more`] : a.known)}`,
    help: `${a.suggestion ? `take --like ${a.suggestion}` : "name one of these"}; nothing was written`,
  }), "`--like` takes over the shape and the conventions of what is there."),
  IZ436: rule("error", "not an image reference", (a: { image: string }) => ({
    read: quote(a.image),
    expected: "a repository in lower case, with a tag or digest: registry.example.com/team/web:1.0.0",
    help: "write what `docker pull` would take; nothing was written",
  }), "A pod with a reference that cannot be read stays in InvalidImageName."),
  IZ437: rule("error", "two environments with the same names in one namespace", (a: { namespace: string; other: string }) => ({
    read: `namespace ${quote(a.namespace)}, which ${a.other} uses`,
    expected: "a different namespace, or names with a prefix",
    help: "choose another `--namespace`, or a `--prefix` for the names; nothing was written",
  }), "Two environments with the same names in the same namespace overwrite each other."),
  IZ438: rule("error", "file is already there", (a: { file: string; more?: number; tree?: string }) => ({
    read: `${a.file}${a.more ? ` and ${a.more} more` : ""}`,
    expected: "no file of this name: scaffold never writes over anything",
    help: `${a.tree === undefined ? "choose another name or directory, or move the file away" : `choose another directory; \`istiomize scaffold service NAME ${a.tree}\` adds a service to an existing tree`}; nothing was written`,
  }), "What somebody wrote is not replaced."),
  IZ439: rule("error", "file cannot be copied", (a: { what: string; why: string; help: string }) => ({
    read: `${a.what}: ${a.why}`,
    expected: "text files that kustomize reads",
    help: `${a.help}; nothing was written`,
  }), "`--like` copies texts and replaces names in them."),
  IZ440: rule("error", "no common base for services", (a: { services: readonly string[] }) => ({
    read: `${list(a.services)}: each with its own base and overlays`,
    expected: "`--like` with the service to copy, overlays included",
    help: `for example \`--like ${a.services[0]}\`; nothing was written`,
  }), "There is no base that they share, so a new one needs its own, in the shape of the others."),
  IZ441: rule("error", "names changed after istiomize ran", (a: { renames: readonly string[]; meshed: string }) => ({
    read: `${a.renames.join(", ")}, above the transformer in ${a.meshed}`,
    expected: "istiomize under `transformers:` of the outermost kustomization that is built: only there are names final",
    help: "move the `transformers:` entry here; or list istio-namereference.yaml, which `istiomize generate` writes, under `configurations:` here",
  }), "kustomize renames the Services and not the hosts of rules that are there already: they would name Services that do not exist."),
  IZ450: rule("error", "cannot be installed here", (a: { found: "directory" | "foreign" | "dangling" | "special" | "module" | "package"; other?: string }) => ({
    read: {
      directory: "a directory of this name", foreign: "a file that is not istiomize", dangling: "a symbolic link that leads nowhere", special: "neither a file nor a link",
      module: `a directory below ${a.other}, which says "type": "module"`, package: "a package.json that istiomize did not write",
    }[a.found],
    expected: a.found === "module" ? "a place where Node.js takes a file without extension for CommonJS" : "no file of this name, or one that istiomize put there",
    help: `${a.found === "module" ? "choose a directory outside that package" : "move it away, or choose another directory"}; nothing was written`,
  }), "What somebody else put there is never overwritten."),
  IZ451: rule("error", "cannot be installed", (a: { code: string; message: string }) => {
    const [reason, help] = systemErrors[a.code] ?? [a.message, "see why, and run again"];
    return { read: `${reason} (${a.code})`, expected: "permission and space to write here", help: `${help}, or choose another directory` };
  }, "A file is written beside its place and renamed there, so the directory itself must be writable."),
  IZ452: rule("error", "would be overwritten", (a: { now: "changed" | "foreign"; more: number }) => ({
    read: `${a.now === "changed" ? "a file that somebody edited" : "a file that istiomize did not write"}${a.more > 0 ? ` (and ${a.more} more such files)` : ""}`,
    expected: "a file as an earlier `istiomize install --argocd` wrote it, or none",
    help: `${a.now === "changed" ? "keep changes of your own in a kustomization that takes this one in" : "move it away, or choose another directory"}; --force overwrites it; nothing was written`,
  }), "The tree for Argo CD is replaced as a whole by that of another version, and what people wrote into it would be lost."),
  IZ453: rule("error", "no plugin home", () => ({
    read: "neither KUSTOMIZE_PLUGIN_HOME nor XDG_CONFIG_HOME nor HOME in the environment",
    expected: "one of them, from which kustomize knows its plugin home",
    help: "name it: `istiomize install --plugin-home DIR`, and set KUSTOMIZE_PLUGIN_HOME to DIR where kustomize runs; nothing was written",
  }), "kustomize looks for plugins in a directory that it finds through the environment."),
  IZ454: rule("error", "nothing to install", (a: { program: string }) => ({
    read: `istiomize run from its sources, ${a.program}`,
    expected: "the bundle istiomize.cjs or the self-contained executable",
    help: "`npm run build` makes the bundle; run that one; nothing was written",
  }), "What is installed is the very executable that runs."),
  IZ455: rule("warning", "istiomize is not on PATH", (a: { directory?: string }) => ({
    read: "no `istiomize` on PATH",
    expected: "`istiomize`: kustomize, kpt and Helm find the function by its name",
    help: a.directory === undefined ? "`istiomize install --bin DIR`, with a DIR that is on PATH" : `\`istiomize install --bin ${a.directory}\``,
  }), "`exec: {path: istiomize}` is looked up on the PATH of whoever runs kustomize."),
  IZ456: rule("warning", "another version of istiomize", (a: { found: string; own: string; install: string }) => ({
    read: a.found,
    expected: `${a.own}, as the one that runs now`,
    help: `\`${a.install}\``,
  }), "Two versions may give two results: what you render here is not what kustomize builds."),
  IZ457: rule("warning", "istiomize is found and cannot be started", (a: { fault: "run bit" | "line ends" | "node" | "other"; message?: string; file: string }) => ({
    read: { "run bit": "a file without its run bit", "line ends": "a first line that ends in CR LF, so that the system looks for a program `node\\r`", node: "a script for Node.js, and no `node` on PATH", other: a.message ?? "nothing that runs" }[a.fault],
    expected: "a program that prints its version",
    help: { "run bit": `\`chmod +x ${a.file}\``, "line ends": "install it anew, and keep Git from changing it: `*.cjs -text` in .gitattributes", node: "install Node.js 20 or newer, or the self-contained executable", other: "install it anew" }[a.fault],
  }), "kustomize, kpt and Helm start this very file."),
  IZ458: rule("warning", "kustomize looks in another plugin home", (a: { used: string; from: string; missed: string; missedFrom: string; fault: "later" | "not there" | "relative" }) => ({
    read: {
      later: `${a.used} (${a.from}), where no istiomize is; it is in ${a.missed} (${a.missedFrom})`,
      "not there": `${a.used} (${a.from}), because ${a.missed} (${a.missedFrom}) is not there`,
      relative: `${a.missed} (${a.missedFrom}), which is not an absolute path`,
    }[a.fault],
    expected: "the first of the plugin homes that exists to hold istiomize: kustomize looks in no other",
    help: a.fault === "later" ? "`istiomize install` puts it into the one that is used" : a.fault === "relative" ? `set ${a.missedFrom} to an absolute path` : `\`istiomize install --plugin-home ${a.missed}\`, or unset ${a.missedFrom}`,
  }), "The first directory that exists wins, even an empty one."),
  IZ459: rule("info", "the older plugin is not installed", (a: { path: string }) => ({
    read: `nothing at ${a.path}`,
    expected: "istiomize there, for trees whose transformer carries no config.kubernetes.io/function",
    help: "`istiomize install`; it is the form that kubectl runs, and the safer one in Argo CD",
  }), "Without a plugin kustomize fails with a message about \"Go object code\", which is not what is missing."),
  IZ460: rule("info", "several kustomizes on PATH", (a: { used: string; others: readonly string[] }) => ({
    read: `${a.used} runs; behind it ${list(a.others)}`,
    help: "what you build here and what a pipeline builds may differ; keep one",
  }), "The first one on PATH is run."),
  IZ461: rule("error", "what this tree needs does not work here", (a: { mode: string; why: string; fix: string }) => ({
    read: `${a.mode}: ${a.why}`,
    expected: "a build with its mesh on this machine",
    help: a.fix,
  }), "The layout of a tree, and the form of its transformer, decide what must be installed where it is built."),
  IZ462: rule("warning", "transformer without a guard", () => ({
    read: "a transformer that kustomize may skip without a word",
    expected: "spec.guard: true, and as a second document a PatchTransformer that deletes IstiomizeRan",
    help: "add both, as `istiomize scaffold tree --layout transformer` writes them",
  }), "Without --enable-exec, and always under kubectl, an exec function is skipped with exit code 0: the build loses its mesh and nobody notices."),
  IZ463: rule("warning", "a function that older kustomize refuses", (a: { field: "args" | "envs" }) => ({
    read: `exec.${a.field} in config.kubernetes.io/function`,
    expected: "exec: {path: istiomize} and nothing else: kustomize before 5.7.0 and kpt stop at an unknown field",
    help: "remove it; settings of istiomize belong in the ServiceMesh",
  }), "The annotation is read strictly, and exec.args and exec.envs are there only since kustomize 5.7.0."),
  IZ464: rule("error", "no function where kustomize looks", (a: { path: string; from: string; fault: "missing" | "run bit" | "line ends" | "PATH"; nearby?: string }) => ({
    read: a.fault === "PATH" ? `exec.path ${a.path}, and no such program on PATH` : `exec.path ${a.path}, from ${a.from}: ${{ missing: "no such file", "run bit": "a file without its run bit", "line ends": "a first line that ends in CR LF" }[a.fault]}`,
    expected: "a program; a relative path begins at the kustomization that lists the transformer, not at the file that holds it",
    help: a.nearby !== undefined ? `there is one at ${a.nearby}; better: exec: {path: istiomize}, found on PATH from everywhere` : { missing: "write exec: {path: istiomize}, which is found on PATH from everywhere", "run bit": `\`chmod +x\`, and \`git update-index --chmod=+x\` for everybody else`, "line ends": "`*.cjs text eol=lf` in .gitattributes, and check it out anew", PATH: "write exec: {path: istiomize}, or install that program" }[a.fault],
  }), "kustomize starts the function from the directory of the kustomization that lists it under `transformers:`."),
  IZ465: rule("warning", "a schema of Istio's kinds alone", (a: { path: string }) => ({
    read: `openapi.path ${a.path}, which describes no kind of Kubernetes`,
    expected: "no `openapi`, or a schema that holds the built-in kinds too",
    help: "remove it: istiomize needs none",
  }), "`openapi` replaces kustomize's own schema: a patch of a Deployment's containers then replaces the list instead of merging it."),
  IZ466: rule("error", "Argo CD does not mesh this Application", (a: { path: string; mode: string; config: string; fix: string }) => ({
    read: `${a.path} (${a.mode}), with ${a.config}`,
    expected: "a configuration of Argo CD in which istiomize runs",
    help: a.fix,
  }), "Argo CD builds every Application with the options that argocd-cm says, or with the plugin that the Application names."),
  IZ467: rule("warning", "build options that Argo CD never applies", (a: { key: string; value: string; version: string }) => ({
    read: `${a.key}: ${a.value}`,
    expected: "kustomize.buildOptions, which holds for every version: Argo CD 3.2 to 3.5 read the options of one version and apply them nowhere",
    help: `point kustomize.path.${a.version} at a wrapper that adds them, as exec/ of \`istiomize install --argocd DIR\` does`,
  }), "The key is parsed and dropped, so the build runs without the options (argoproj/argo-cd#27673)."),
  IZ468: rule("error", "kustomize and plugin in one source", () => ({
    read: "spec.source.kustomize beside spec.source.plugin",
    expected: "one of the two: Argo CD refuses an Application with both",
    help: "move the settings of kustomize: into an overlay, or use the plugin or exec mode, in which they work",
  }), "An Application source has one type."),
  IZ469: rule("error", "name that Argo CD does not know", (a: { what: "plugin" | "version"; name: string; known: readonly string[]; suggestion?: string; component?: string }) => ({
    read: a.what === "plugin" ? (a.name === "" ? "spec.source.plugin without a name, and no plugin with `discover`" : `spec.source.plugin.name ${quote(a.name)}`) : `spec.source.kustomize.version ${quote(a.name)}`,
    expected: a.what === "plugin" ? `the name of a ConfigManagementPlugin, with \`-<spec.version>\` behind it where it has one: ${list(a.known, "none is switched on")}` : `a <name> for which argocd-cm says kustomize.path.<name>: ${list(a.known, "it says none")}`,
    help: a.component ? `list ${a.component} under \`components:\` of Argo CD's kustomization` : a.suggestion ? `did you mean ${quote(a.suggestion)}?` : a.what === "plugin" ? "name one of them" : `add kustomize.path.${a.name} to argocd-cm, or leave version out`,
  }), "Argo CD reports an error instead of rendering the Application."),
  IZ470: rule("warning", "every repository may run programs in Argo CD", (a: { options: string }) => ({
    read: `kustomize.buildOptions: ${a.options}`,
    expected: "--enable-exec only for Applications that ask for it",
    help: "take the plugin sidecar, the older plugin with --enable-alpha-plugins alone, or a wrapper under kustomize.path.<name>: `istiomize install --argocd DIR` writes all three",
  }), "With --enable-exec for all, whoever can push to any repository that Argo CD reads can run a program of his own in the repo-server."),
  IZ471: rule("warning", "a plugin that takes every kustomization", (a: { discover: string }) => ({
    read: `discover: ${a.discover}`,
    expected: "no `discover`, so that only Applications that name the plugin get it",
    help: "remove it, and write `plugin: {name: …}` into the Applications that use istiomize",
  }), "Argo CD asks plugins first, so this one renders every Application that has a kustomization, and their `kustomize:` settings are lost."),
  IZ472: rule("warning", "a pipe that hides a failure", (a: { command: string }) => ({
    read: quote(a.command),
    expected: "`command: [istiomize, render, .]`, which fails when a part of it does",
    help: "write that; or begin the script with `set -euo pipefail` in a shell that knows it (bash)",
  }), "A shell gives the exit code of the last command of a pipe: a failed build becomes an empty render, and an empty render deletes everything."),
  IZ473: rule("warning", "a key that Argo CD ignores", (a: { key: string; known: readonly string[]; suggestion?: string }) => ({
    read: `${a.key}, which a ConfigManagementPlugin does not have`,
    expected: `one of ${list(a.known)}`,
    help: maybe(a.suggestion) ?? "remove it",
  }), "The file of a plugin is no object of a cluster: nothing checks it, and what is misspelled is not there."),
  IZ474: rule("error", "Flux cannot run istiomize", (a: { path: string; mode: string; directory: string }) => ({
    read: `spec.path ${a.path}, ${a.mode}`,
    expected: "files that plain kustomize builds: Flux runs no plugins, and has no setting that would allow it",
    help: `\`istiomize generate --migrate ${a.directory}\`, then \`istiomize generate ${a.directory}\`, and commit what they write; \`istiomize generate --check ${a.directory}\` in CI keeps it up to date`,
  }), "kustomize-controller builds with plugins disabled: a transformer fails there, and a ServiceMesh under `resources:` is an object that the cluster refuses."),
  IZ475: rule("error", "incomplete guard", (a: { missing: "document" | "field" }) => ({
    read: { document: "spec.guard: true, and no PatchTransformer that deletes the marker", field: "the PatchTransformer of the guard, and no spec.guard: true" }[a.missing],
    expected: "both, or none: spec.guard: true, and a PatchTransformer that deletes IstiomizeRan",
    help: { document: "add it, or the marker goes to the cluster, which refuses it", field: "add it to the ServiceMesh, or every build fails" }[a.missing],
  }), "istiomize makes the marker where spec.guard asks for it, and the PatchTransformer deletes it; one without the other fails with and without a mesh."),
  IZ476: rule("info", "not looked at", (a: { more: number }) => ({
    read: `no permission to read it${a.more > 0 ? ` (and ${a.more} more)` : ""}`,
    help: "if it configures Argo CD or Flux, run doctor as somebody who may read it",
  }), "What stands there may say otherwise than what was found elsewhere."),
  IZ477: rule("error", "a parameter that istiomize refuses", (a: { message: string }) => ({
    read: a.message,
    expected: "parameters as gitops/argocd/cmp/plugin.yaml announces them: strict, \"true\" or \"false\", and environment",
    help: "correct it in spec.source.plugin.parameters of the Application",
  }), "A parameter that nothing reads would have no effect, so the render ends with an error."),

  IZ478: rule("error", "baseline cannot be read", (a: { message: string }) => ({
    read: a.message,
    expected: "a file that `istiomize lint --update-baseline` wrote",
    help: "correct the path, or write the file with `istiomize lint <tree> --baseline <file> --update-baseline`",
  }), "Without its baseline a tree that was clean yesterday fails today, so a missing one is never taken for an empty one."),
  IZ479: rule("info", "finding of the baseline is gone", (a: { code: string; resource: string; field: string; read: string }) => ({
    read: `${a.code}${a.resource && ` at ${a.resource}`}${a.field && `, ${a.field}`}${a.read && `: ${quote(a.read)}`}`,
    help: "remove it from the baseline with `--update-baseline`, so that it is reported if it comes back",
  }), "An entry of a baseline that no longer occurs would hide the same fault when somebody makes it again."),
  IZ480: rule("error", "nothing to check", (a: { path: string; message: string }) => ({
    read: `${a.path}: ${a.message}`,
    expected: "a file or directory with Kubernetes manifests or kustomizations, or `-` for standard input",
    help: "correct the path; `--verbose` lists the files that were left out, and why",
  }), "A check that looked at nothing must not look like one that found nothing."),

  IZ490: rule("error", "no git revision to compare with", (a: { fault: "no git" | "no repository" | "outside" | "checkout"; directory?: string; message?: string }) => ({
    read: { "no git": "no `git` on PATH", "no repository": `${a.directory ?? ""}: ${a.message ?? ""}`, outside: `${a.directory ?? ""}, which is not in ${a.message ?? ""}`, checkout: `git could not write the files of the revision: ${a.message ?? ""}` }[a.fault],
    expected: "kustomizations in one git repository: --diff compares its working tree with a revision of it",
    help: { "no git": "install git", "no repository": "name a directory of a git repository; in CI check the repository out, with the .git directory", outside: "run it once for each repository", checkout: "see whether there is room in the temporary directory (TMPDIR), and whether `git fsck` finds the repository sound" }[a.fault],
  }), "`render --diff` renders a second time from the files as they were at that revision, and only git knows those."),
  IZ491: rule("error", "revision not found", (a: { revision: string; fault: "range" | "unknown" | "shallow" | "unrelated"; suggestion?: string }) => ({
    read: `--diff ${quote(a.revision)}${a.fault === "unrelated" ? ", which shares no commit with HEAD here" : ""}`,
    expected: "a branch, tag or commit, such as main, HEAD or HEAD~1; main... for the commit at which this branch left main",
    help: {
      range: "name one revision: the other side is always the working tree; check the later one out and name the earlier one",
      unknown: maybe(a.suggestion) ?? "`git fetch` brings what is only on the server; `git branch --all` names what is here",
      shallow: "the repository is a shallow clone: fetch that revision (`git fetch origin main`), or the whole history (`git fetch --unshallow`; `fetch-depth: 0` of actions/checkout)",
      unrelated: "a shallow clone has no common commit: `git fetch --unshallow`, or `fetch-depth: 0` of actions/checkout; else name the revision without `...`",
    }[a.fault],
  }), "The working tree is compared with a revision that this clone of the repository holds."),
  IZ492: rule("error", "no kustomization to compare", (a: { path: string; revision: string }) => ({
    read: `${a.path}: no kustomization there or below, neither now nor at ${a.revision}`,
    expected: "an overlay, or a tree that holds overlays",
    help: "name a directory such as overlays/staging or gitops; one that is gone may be named too, if it was there at that revision",
  }), "What is compared are the builds of kustomizations; where there is none on either side there is nothing to compare."),
  IZ493: rule("error", "overlay cannot be compared", (a: { overlay: string; side: "now" | "then"; revision: string }) => ({
    read: a.side === "now" ? `\`istiomize render ${a.overlay}\` fails, for the reason above` : `\`istiomize render ${a.overlay}\` fails on the files as they were at ${a.revision}, for the reason above`,
    expected: "a build of both sides",
    help: a.side === "now" ? "correct it; the other overlays are compared" : "compare with a revision at which it builds; a file that git does not keep (.gitignore) is not there at any revision",
  }), "A build that fails has no objects; to show them all as new or as gone would be wrong."),
  IZ494: rule("warning", "submodules are left out", (a: { paths: readonly string[] }) => ({
    read: `${a.paths.join(", ")}: the commit that this revision names is not here`,
    expected: "submodules that are checked out, with that commit",
    help: "`git submodule update --init`, and `git fetch` in the submodule; an overlay that takes nothing from there is compared all the same",
  }), "The files of a submodule are in a repository of its own: without the commit that the revision names they cannot be written down."),

  // ---- 9xx: our own bugs
  IZ901: rule("error", "istiomize itself failed", (a: { version: string; step: string; message: string }) => ({
    read: `${a.message} (version ${a.version}, ${a.step})`,
    expected: "no failure: this is a bug in istiomize",
    help: "please report it with the input that caused it; nothing was written",
  }), "A mistake in the input never ends here."),
} satisfies { readonly [code: `IZ${number}`]: Rule<never> };

export type Code = keyof typeof catalogue;
/** What the message of a code needs to be told; `{}` where it needs nothing. */
export type Arguments<C extends Code> = [Parameters<(typeof catalogue)[C]["text"]>[0]] extends [never]
  ? { readonly [key: string]: never }
  : Parameters<(typeof catalogue)[C]["text"]>[0];
