import type { Code } from "../diagnostics/catalogue.ts";

/** How a rule is kept: nothing that breaks it can be written, or whoever breaks it is told. */
export interface RuleRow {
  /** The rule, as it ends the sentence "In a mesh that works, …". */
  readonly says: string;
  /** Page and anchor below https://istio.io/latest/docs/. */
  readonly docs: string;
  /** What is made keeps the rule whatever the annotations say. */
  readonly construction?: Construction;
  /** What says that an object, ours or hand-written, breaks it, and the golden that shows it, below test/golden/. */
  readonly codes?: { readonly [C in Code]?: string };
}

/** A golden whose output shows that a rule cannot be broken. */
export interface Construction {
  readonly how: string;
  /** Below test/golden/. */
  readonly golden: string;
  /** Text that stands in its output, and text that does not. */
  readonly shows?: readonly string[];
  readonly never?: readonly string[];
}

const vs = "reference/config/networking/virtual-service/";
const dr = "reference/config/networking/destination-rule/";
const protocols = "ops/configuration/traffic-management/protocol-selection/";
const routing = "ops/configuration/traffic-management/traffic-routing/";
const requirements = "ops/deployment/application-requirements/";
const peers = "reference/config/security/peer_authentication/";
const policies = "reference/config/security/authorization-policy/";
const advice = "ops/best-practices/traffic-management/";
const problems = "ops/common-problems/network-issues/";

/**
 * Every rule of a mesh that works: P ports and Services, H hosts and who sees them, V routes, S subsets and policies,
 * T timeouts and retries, M mutual TLS and authorization, K Kustomize.
 */
export const ruleBook: { readonly [rule: string]: RuleRow } = {
  // ---- P: protocol and shape of a Service
  P1: { says: "the protocol of a port is what its appProtocol says, or else the front of its name", docs: protocols, codes: { IZ319: "lint-service/port-says-two-protocols", IZ336: "checks/port-without-a-protocol" },
    construction: { how: "appProtocol and port names are read as Istio reads them.", golden: "generation/app-protocol-wins-over-the-port-name", shows: ["  - name: default-tcp-web\n    match:\n    - port: 8080"], never: ["- port: 80\n"] } },
  P2: { says: "http rules are for HTTP ports, tls rules for TLS ports and tcp rules for the rest", docs: vs, codes: { IZ229: "checks/http-keys-on-bytes", IZ335: "checks/tcp-port-is-left-out" },
    construction: { how: "Each port of a Service gets rules of its own kind.", golden: "generation/weights-on-every-kind-of-port", shows: ["  http:\n", "  tls:\n", "  tcp:\n"] } },
  P3: { says: "settings for HTTP are for HTTP ports", docs: protocols, codes: { IZ214: "annotations/setting-fits-no-port", IZ215: "annotations/inherited-setting-fits-no-port", IZ218: "lint-destination-rule/http-settings-on-tcp" } },
  P4: { says: "a port says which protocol it speaks", docs: protocols, codes: { IZ319: "lint-service/server-speaks-first", IZ336: "checks/port-without-a-protocol" } },
  P5: { says: "UDP is left alone, because it bypasses the proxy", docs: protocols, codes: { IZ339: "checks/udp-only" },
    construction: { how: "Rules are made for TCP ports only.", golden: "generation/http-grpc-tcp-udp-ports", never: ["number: 8125"] } },
  P6: { says: "an ExternalName Service is meshed by the Service behind it", docs: routing, codes: { IZ332: "checks/external-name" } },
  P7: { says: "a headless Service is not steered, because the caller picks the pod", docs: routing, codes: { IZ333: "checks/headless-load-balancing", IZ334: "checks/headless-weights" } },
  P8: { says: "h2-upgrade is for HTTP/1.1 ports", docs: `${dr}#ConnectionPoolSettings-HTTPSettings-H2UpgradePolicy`, codes: { IZ366: "checks/h2-upgrade-on-grpc" } },
  P9: { says: "a Service without a selector has no subsets and no mutual TLS by itself", docs: routing, codes: { IZ222: "lint-destination-rule/subset-of-a-service-without-selector", IZ330: "checks/service-without-selector" } },
  P10: { says: "each port of a Service has rules of its own, and every destination names its port", docs: `${vs}#HTTPMatchRequest`, codes: { IZ379: "lint-virtual-service/no-port-of-two" },
    construction: { how: "A Service with several ports gets one set of rules for each, matched by port.", golden: "generation/several-ports", shows: ["    match:\n    - port: 8080", "    match:\n    - port: 9090", "          number: 8080", "          number: 9090"] } },
  P11: { says: "routes and policies of callers name ports of the Service, policies of servers ports of the container", docs: `${vs}#Destination`, codes: { IZ209: "annotations/port-scope-unknown-port", IZ304: "checks/destination-has-no-such-port", IZ352: "checks/mtls-of-an-undeclared-container-port" },
    construction: { how: "A port is named once, and written as each kind of object wants it.", golden: "generation/mtls-of-a-port-only", shows: ["portLevelMtls:"] } },
  P12: { says: "a container port is behind one Service port", docs: requirements, codes: { IZ338: "checks/two-services-for-one-container-port" } },
  P13: { says: "the ports of the proxy are its own", docs: requirements, codes: { IZ337: "checks/port-of-the-proxy" } },

  // ---- H: hosts, visibility, ownership
  H1: { says: "a host is a Service's short name or its full one, never something between", docs: `${vs}#Destination`, codes: { IZ371: "checks/full-host-without-a-namespace", IZ373: "lint-virtual-service/half-qualified-hosts" },
    construction: { how: "Hosts come from Services: short in the same namespace, full in another.", golden: "generation/weights-to-another-namespace", shows: ["host: web\n", "host: web.payments.svc.cluster.local"] } },
  H2: { says: "a host has the namespace and the name that its Service has at the end", docs: `${vs}#Destination`, codes: { IZ305: "checks/name-means-two-services", IZ370: "checks/prefix-makes-another-name", IZ372: "checks/generated-host-was-renamed" },
    construction: { how: "Short names follow the namespace of their rule.", golden: "generation/names-before-a-namespace", shows: ["host: "] } },
  H3: { says: "one VirtualService speaks for a host in the mesh", docs: "reference/config/analysis/ist0109/", codes: { IZ320: "checks/two-virtual-services", IZ326: "lint-virtual-service/two-for-one-host" } },
  H4: { says: "a DestinationRule stands beside its Service, because that of a caller's namespace would replace it", docs: `${dr}#DestinationRule`, codes: { IZ324: "lint-destination-rule/rule-of-callers-lacks-a-subset" },
    construction: { how: "What is made stands in the namespace of its Service.", golden: "generation/canary-by-version-label", shows: ["kind: DestinationRule\nmetadata:\n  name: web\n  namespace: shop"] } },
  H5: { says: "one DestinationRule speaks for a host in a namespace", docs: `${dr}#DestinationRule`, codes: { IZ318: "lint-destination-rule/two-rules-for-one-host", IZ321: "checks/two-destination-rules" } },
  H6: { says: "callers who see a VirtualService see the DestinationRule of its subsets too", docs: `${vs}#VirtualService`, codes: { IZ230: "checks/gateway-does-not-see-these-routes", IZ381: "lint-virtual-service/subset-out-of-sight" },
    construction: { how: "One setting writes exportTo of both.", golden: "generation/export-to", shows: ["  host: web\n  exportTo:\n  - \".\"\n  - payments", "  hosts:\n  - web\n  exportTo:\n  - \".\"\n  - payments"] } },
  H7: { says: "a host of the mesh is a host that the mesh knows", docs: `${vs}#VirtualService`, codes: { IZ374: "lint-virtual-service/hosts" } },
  H8: { says: "a Sidecar that limits what a caller sees lists the hosts that it calls", docs: "reference/config/networking/sidecar/", codes: { IZ218: "lint-security/sidecar-hides-what-is-called" } },
  H9: { says: "no wildcard captures the Services beside it", docs: `${vs}#VirtualService`, codes: { IZ382: "lint-virtual-service/hosts" },
    construction: { how: "The hosts of a Service are names.", golden: "generation/further-hosts", never: ["- \"*", "host: \"*"] } },
  H10: { says: "a DestinationRule for some callers stays in their namespace", docs: `${dr}#DestinationRule`, codes: { IZ218: "lint-destination-rule/client-selector-names-the-servers" } },
  H11: { says: "routes and policies act in the callers' proxies, so callers have one", docs: "ops/deployment/architecture/", codes: { IZ342: "checks/pods-not-injected-by-namespace" } },

  // ---- V: routes and weights
  V1: { says: "the rule without a match is the last one, and there is one", docs: "reference/config/analysis/ist0130/", codes: { IZ377: "lint-virtual-service/no-rule-for-the-rest" },
    construction: { how: "The default rule is written last.", golden: "generation/canary-by-version-label", shows: ["  http:\n  - name: default\n"] } },
  V2: { says: "no rule is behind another that takes all of its requests", docs: "reference/config/analysis/ist0131/", codes: { IZ375: "lint-virtual-service/never-reached" } },
  V3: { says: "the weights of a rule are percent", docs: `${vs}#HTTPRouteDestination`, codes: { IZ302: "checks/weights-do-not-sum" } },
  V4: { says: "a destination stands once in a rule, and one alone has no weight", docs: `${vs}#HTTPRouteDestination`, codes: { IZ303: "checks/destination-named-twice" },
    construction: { how: "A single destination carries no weight.", golden: "generation/one-destination-carries-no-weight", never: ["weight:"] } },
  V5: { says: "a path ends where a segment does", docs: `${vs}#StringMatch`, codes: { IZ376: "lint-virtual-service/paths" },
    construction: { how: "A `path` is that path, and what is below it.", golden: "annotations/path/accepted", shows: ["    - uri:\n        exact: /api\n", "    - uri:\n        prefix: /api/\n"] } },
  V6: { says: "a rewritten path has one slash where one belongs", docs: `${vs}#HTTPRewrite`, codes: { IZ389: "lint-virtual-service/paths" },
    construction: { how: "Both halves of a `path` are rewritten so that the slash stands where it stood.", golden: "generation/gateway-rewrite", shows: ["uriRegexRewrite:\n        match: \"^(?:/old|/older)(/.*)?$\"\n        rewrite: \"/new\\\\1\""] } },
  V7: { says: "a regular expression is one of RE2, and stands for the whole value", docs: `${vs}#StringMatch`, codes: { IZ383: "lint-virtual-service/system-docuthinker", IZ394: "lint-schema/refused" } },
  V8: { says: "mirrored requests can be carried out twice", docs: `${vs}#HTTPMirrorPolicy`, codes: { IZ301: "lint-virtual-service/destination-that-is-not-there", IZ384: "lint-virtual-service/mirrors-and-faults" } },
  V9: { says: "faults are injected on purpose, in a stated share of requests, and not in production", docs: `${vs}#HTTPFaultInjection`, codes: { IZ380: "checks/fault-in-production", IZ385: "lint-virtual-service/mirrors-and-faults" },
    construction: { how: "A fault without a percentage cannot be written.", golden: "annotations/fault-delay/accepted", shows: ["        fixedDelay: 5s\n        percentage:\n          value: 10\n"] } },
  V10: { says: "a consistent hash holds within one subset", docs: `${dr}#LoadBalancerSettings-ConsistentHashLB`, codes: { IZ365: "checks/consistent-hash-within-subsets" } },
  V11: { says: "what a gateway does and what the mesh does are two VirtualServices", docs: `${vs}#VirtualService`, codes: { IZ218: "lint-virtual-service/match-at-another-gateway", IZ387: "lint-virtual-service/hosts" },
    construction: { how: "A gateway has a VirtualService of its own.", golden: "annotations/gateways/accepted", shows: ["  name: web-public\n", "  gateways:\n  - istio-system/public\n"], never: ["- mesh"] } },
  V12: { says: "callers behind a gateway take part in a split as those in the mesh do", docs: `${vs}#HTTPRouteDestination`, codes: { IZ386: "lint-virtual-service/gateway-passes-by-the-split" } },

  // ---- S: subsets and policies of callers
  S1: { says: "a subset selects pods of its Service", docs: `${dr}#Subset`, codes: { IZ222: "lint-destination-rule/subset-without-pods", IZ331: "checks/no-workload-behind-the-service", IZ367: "lint-destination-rule/subsets-share-pods" },
    construction: { how: "Subsets come from the pod labels behind the Service's selector.", golden: "generation/canary-by-version-label", shows: ["  - name: canary\n    labels:\n      version: canary"] } },
  S2: { says: "the selector of a Service leaves the version open", docs: `${dr}#Subset`, codes: { IZ222: "lint-destination-rule/subset-against-the-selector", IZ301: "checks/subset-outside-the-selector" } },
  S3: { says: "a subset that a route names is defined", docs: problems, codes: { IZ221: "checks/no-such-subset", IZ301: "lint-virtual-service/subset-that-is-not-defined", IZ324: "checks/hand-written-destination-rule-lacks-a-subset" } },
  S4: { says: "the policy of a subset is for a subset that a route names", docs: `${dr}#Subset`, codes: { IZ360: "lint-destination-rule/subset-policy-without-a-route" } },
  S5: { says: "two versions differ in a label", docs: `${dr}#Subset`, codes: { IZ306: "checks/subsets-cannot-be-told-apart" } },
  S6: { says: "Services between which traffic is split select different pods", docs: advice, codes: { IZ328: "checks/split-between-services-that-share-pods" } },
  S7: { says: "traffic goes to workloads that have pods", docs: advice, codes: { IZ307: "checks/weight-to-a-workload-without-pods" } },
  S8: { says: "outlier detection keeps traffic in a zone, whether that is wanted or not", docs: `${dr}#LocalityLoadBalancerSetting`, codes: { IZ399: "lint-destination-rule/outlier-detection-keeps-calls-in-a-zone" } },
  S9: { says: "outlier detection may eject at least one pod", docs: `${dr}#OutlierDetection`, codes: { IZ361: "checks/outlier-detection-ejects-nobody" } },
  S10: { says: "outlier detection counts what can happen, and leaves some pods", docs: `${dr}#OutlierDetection`, codes: { IZ362: "checks/gateway-errors-are-never-counted", IZ363: "checks/outlier-detection-ejects-every-pod" } },
  S11: { says: "a connection pool has room for the callers that share it", docs: `${dr}#ConnectionPoolSettings`, codes: { IZ369: "lint-destination-rule/pool-smaller-than-its-callers" } },
  S12: { says: "no block of a policy is empty, and each is complete where it replaces another", docs: `${dr}#TrafficPolicy`, codes: { IZ368: "lint-destination-rule/subset-drops-a-part-of-the-policy", IZ394: "lint-schema/refused" },
    construction: { how: "A block is written with its first field.", golden: "generation/weights-over-a-subset-and-a-service", never: ["{}", "trafficPolicy:"] } },
  S13: { says: "there is no DestinationRule where nothing is set", docs: `${dr}#DestinationRule`,
    construction: { how: "An object is made for what it says.", golden: "generation/enabled-alone", never: ["kind: DestinationRule"] } },
  S14: { says: "subsets are there before routes name them, and go after them", docs: advice,
    construction: { how: "DestinationRules come first, and an earlier sync wave says so to Argo CD.", golden: "mesh/argocd-sync-waves", shows: ["kind: DestinationRule\nmetadata:\n  name: web\n  namespace: shop\n  annotations:\n    argocd.argoproj.io/sync-wave: \"0\"", "kind: VirtualService\nmetadata:\n  name: web\n  namespace: shop\n  annotations:\n    argocd.argoproj.io/sync-wave: \"1\""] } },

  // ---- T: timeouts and retries
  T1: { says: "all tries of a request fit in its timeout", docs: `${vs}#HTTPRetry`, codes: { IZ310: "checks/retries-exceed-timeout" } },
  T2: { says: "retries that are switched off say nothing else", docs: `${vs}#HTTPRetry`,
    construction: { how: "`retry-attempts: 0` writes `attempts: 0` alone.", golden: "generation/retries-off", shows: ["    retries:\n      attempts: 0\n    route:"] } },
  T3: { says: "only what may run twice is retried", docs: `${vs}#HTTPRetry`, codes: { IZ311: "checks/retries-re-run-calls" } },
  T4: { says: "a broken connection is no status code", docs: `${vs}#HTTPRetry`, codes: { IZ312: "checks/retry-on-a-status-code" } },
  T5: { says: "one hop of a call chain retries, because retries multiply", docs: `${vs}#HTTPRetry`, codes: { IZ388: "lint-virtual-service/retries-multiply" } },
  T6: { says: "streams have no timeout", docs: `${vs}#HTTPRoute`, codes: { IZ313: "checks/timeout-on-grpc" } },
  T7: { says: "no Service works on for a caller that has given up", docs: `${vs}#HTTPRoute`, codes: { IZ378: "lint-virtual-service/works-longer-than-anybody-waits" } },
  T8: { says: "one of retryBudget and maxRetries bounds the retries", docs: `${dr}#TrafficPolicy-RetryBudget`, codes: { IZ218: "lint-destination-rule/retry-budget-beside-max-retries" } },

  // ---- M: mutual TLS, authorization, network
  M1: { says: "mutual TLS is left to Istio, which knows which pods have it", docs: "ops/configuration/traffic-management/tls-configuration/", codes: { IZ351: "checks/istio-mutual-is-the-default" } },
  M2: { says: "callers speak what servers accept", docs: "ops/configuration/traffic-management/tls-configuration/", codes: { IZ350: "checks/strict-pods-and-tls-disable" } },
  M3: { says: "nobody without a sidecar calls a pod that takes mutual TLS only", docs: "concepts/security/", codes: { IZ343: "checks/pods-on-the-host-network", IZ396: "lint-security/strict-behind-a-load-balancer" } },
  M4: { says: "one PeerAuthentication speaks for a pod on each level", docs: peers, codes: { IZ323: "checks/two-peer-authentications", IZ353: "lint-security/two-peer-authentications", IZ354: "checks/mtls-without-selector" } },
  M5: { says: "probes of the kubelet go through where pods take mutual TLS only", docs: "ops/configuration/mesh/app-health-check/", codes: { IZ396: "lint-security/strict-and-probes-in-plain-text" } },
  M6: { says: "an ALLOW policy names every caller", docs: policies, codes: { IZ396: "lint-security/gateway-is-shut-out" } },
  M7: { says: "a policy names callers by identities that they have", docs: policies, codes: { IZ395: "lint-security/principals-of-nobody" } },
  M8: { says: "a policy asks for HTTP fields on HTTP ports only", docs: "ops/common-problems/security-issues/", codes: { IZ397: "lint-security/http-conditions-on-tcp", IZ398: "lint-security/path-patterns" } },
  M9: { says: "a NetworkPolicy leaves the ports of Istio open", docs: requirements,
    construction: { how: "No NetworkPolicy is made.", golden: "generation/http-service", never: ["kind: NetworkPolicy"] } },
  M10: { says: "a token that is checked is also required", docs: "reference/config/security/request_authentication/", codes: { IZ395: "lint-security/token-is-not-required" } },
  M11: { says: "a policy for a waypoint or a Gateway of the Gateway API names it by targetRefs", docs: "ambient/usage/l7-features/", codes: { IZ218: "lint-security/selector-of-a-gateway-api-gateway" } },
  M12: { says: "a namespace lets in the init container that redirects traffic", docs: "setup/additional-setup/cni/", codes: { IZ342: "lint-security/pod-security-refuses-sidecars" } },

  // ---- K: Kustomize, and what others wrote
  K1: { says: "what is made is made anew from the final names and namespaces", docs: `${vs}#Destination`, codes: { IZ117: "input/own-output-of-another-mesh-is-left" },
    construction: { how: "Objects of an inner layer are made again.", golden: "input/own-output-regenerated", shows: ["generated-from:"] } },
  K2: { says: "hosts follow a prefix or suffix of their Service", docs: `${vs}#Destination`, codes: { IZ370: "checks/prefix-makes-another-name", IZ372: "checks/generated-host-was-renamed" },
    construction: { how: "Names are looked up as people wrote them, and written as they are at the end.", golden: "generation/names-before-a-prefix", shows: ["host: blue-web\n", "host: blue-web-next"] } },
  K3: { says: "no name of a ConfigMap or Secret of the tree is copied, because its hash comes later", docs: `${dr}#ClientTLSSettings`,
    construction: { how: "A Secret is named as the annotation names it.", golden: "generation/tls-mutual-with-a-secret", shows: ["credentialName: web-client"] } },
  K4: { says: "what people wrote for a host is left alone", docs: `${vs}#VirtualService`, codes: { IZ320: "checks/two-virtual-services", IZ321: "checks/two-destination-rules", IZ322: "checks/name-is-taken", IZ323: "checks/two-peer-authentications" } },
  K5: { says: "what a sync needs first has an earlier wave", docs: advice, codes: { IZ344: "argocd/sync-wave-is-no-number" },
    construction: { how: "Waves follow the Service's, and order the kinds where the ServiceMesh asks for it.", golden: "mesh/argocd-sync-waves", shows: ["argocd.argoproj.io/sync-wave: \"5\"", "argocd.argoproj.io/sync-wave: \"6\""] } },
  K6: { says: "a second run changes nothing, and takes out only what is ours", docs: `${vs}#VirtualService`,
    construction: { how: "Generated objects say what they come from.", golden: "input/own-output-removed-with-its-service", never: ["generated-from"] } },
};

/** Codes of checks that no rule of the book is about, and why they are there. */
export const besideTheRules: { readonly [C in Code]?: string } = {
  IZ308: "gateways: two Services that take the rest of a host",
  IZ309: "gateways: rules of two VirtualServices whose order is in no file",
  IZ314: "gateways: one that is not there",
  IZ315: "gateways: a host that is not the gateway's",
  IZ316: "gateways: two servers that clash",
  IZ317: "two Sidecars or Telemetries for the same pods",
  IZ325: "two controllers that write one object",
  IZ327: "the limits of a split by server name",
  IZ329: "ambient mode without a waypoint",
  IZ340: "injection: a label on a Namespace that is not in the input",
  IZ341: "injection: which of several labels counts",
  IZ345: "hooks of Argo CD",
  IZ346: "Argo Rollouts: two for one object",
  IZ347: "Argo Rollouts: the workload",
  IZ348: "Argo Rollouts: what it refuses",
  IZ349: "Flagger: labels that it changes",
  IZ355: "Argo Rollouts: weights that it sets",
  IZ356: "Argo Rollouts: weights that it replaces",
  IZ357: "Argo Rollouts: a Service that is not there",
  IZ358: "Argo Rollouts: an object that is not there",
  IZ359: "Argo Rollouts: what it checks first",
  IZ364: "Argo Rollouts: further subsets",
  IZ390: "fields that Istio does not know",
  IZ391: "values that the API server refuses",
  IZ392: "fields that Istio no longer uses",
  IZ393: "old versions of Istio's API",
};
