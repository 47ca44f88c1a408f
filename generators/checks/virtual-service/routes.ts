import type { Diagnostic } from "../../diagnostics/diagnostic.ts";
import { asList, asMapping, asText, type Mapping } from "../../kube/object.ts";
import { entriesOf, type IstioObject, type IstioWorld } from "../istio-object.ts";
import type { TrafficMap } from "./traffic-map.ts";

export type RuleKind = "http" | "tls" | "tcp";

/** One alternative of a rule's `match`; a rule without one has an empty match. */
export interface Match {
  readonly body: Mapping;
  readonly path: readonly string[];
}

/** One entry of `http`, `tls` or `tcp`. */
export interface Rule {
  readonly kind: RuleKind;
  readonly body: Mapping;
  readonly path: readonly string[];
  /** `rule "canary"`, or `http[1]` for one without a name. */
  readonly label: string;
  readonly matches: readonly Match[];
  readonly isMatchless: boolean;
  readonly destinations: readonly Destination[];
}

/** A place where a rule sends requests, or copies of them. */
export interface Destination {
  /** The `destination` mapping. */
  readonly path: readonly string[];
  readonly host: string;
  readonly subset?: string;
  readonly port?: number;
  /** As it is written; nothing where it is left out. */
  readonly weight?: number;
  readonly isMirror: boolean;
}

/** A VirtualService, read once for all checks of it. */
export interface Routes {
  readonly object: IstioObject;
  readonly rules: readonly Rule[];
  readonly hosts: readonly Host[];
  /** As they stand in `gateways`; `mesh` alone where it is absent. */
  readonly gateways: readonly string[];
  readonly isMesh: boolean;
  /** Named by a `delegate` of another one: no hosts. */
  readonly isDelegate: boolean;
}

export interface Host {
  readonly text: string;
  readonly path: readonly string[];
}

/** One rule of the book over one VirtualService. */
export type RouteCheck = (routes: Routes, world: IstioWorld, map: TrafficMap) => readonly Diagnostic[];

/** A VirtualService; most of a run are asked for little, so that their parts are read when somebody asks. */
export class ReadRoutes implements Routes {
  readonly object: IstioObject;
  #rules: readonly Rule[] | undefined;
  #hosts: readonly Host[] | undefined;
  #gateways: readonly string[] | undefined;

  constructor(object: IstioObject) {
    this.object = object;
  }

  get rules(): readonly Rule[] {
    const { spec } = this.object;
    return this.#rules ??= kinds.flatMap((kind) => (spec[kind] === undefined ? [] : entriesOf(spec[kind]).map(([body, step]) => new ReadRule(kind, body, ["spec", kind, step]))));
  }

  get hosts(): readonly Host[] {
    return this.#hosts ??= asList(this.object.spec["hosts"]).flatMap((text, i): Host[] => (typeof text === "string" ? [{ text, path: ["spec", "hosts", `[${i}]`] }] : []));
  }

  get gateways(): readonly string[] {
    return this.#gateways ??= readGateways(this.object.spec);
  }

  get isMesh(): boolean {
    return this.hosts.length > 0 && this.gateways.includes("mesh");
  }

  get isDelegate(): boolean {
    return this.hosts.length === 0;
  }
}

const kinds = ["http", "tls", "tcp"] as const;
const meshAlone: readonly string[] = ["mesh"];

function readGateways(spec: Mapping): readonly string[] {
  const listed = asList(spec["gateways"]).filter((name) => typeof name === "string");
  return listed.length > 0 ? listed : meshAlone;
}

/** A rule, read as far as it is asked for. */
class ReadRule implements Rule {
  readonly kind: RuleKind;
  readonly body: Mapping;
  readonly path: readonly string[];
  #matches: readonly Match[] | undefined;
  #destinations: readonly Destination[] | undefined;

  constructor(kind: RuleKind, body: Mapping, path: readonly string[]) {
    this.kind = kind;
    this.body = body;
    this.path = path;
  }

  get label(): string {
    const name = asText(this.body["name"]);
    return name ? `rule ${name}` : `${this.kind}${this.path.at(-1)}`;
  }

  get matches(): readonly Match[] {
    return this.#matches ??= readMatches(this.body, this.path);
  }

  get isMatchless(): boolean {
    return this.matches[0]!.path === this.path;
  }

  get destinations(): readonly Destination[] {
    return this.#destinations ??= readDestinations(this.body, this.path);
  }
}

function readMatches(body: Mapping, path: readonly string[]): readonly Match[] {
  const matches = entriesOf(body["match"]).map(([match, step]): Match => ({ body: match, path: [...path, "match", step] }));
  return matches.length > 0 ? matches : [{ body: {}, path }];
}

function readDestinations(body: Mapping, path: readonly string[]): readonly Destination[] {
  const mirror = asMapping(body["mirror"]);
  return [
    ...entriesOf(body["route"]).flatMap(([entry, step]) => readDestination(entry, [...path, "route", step], false)),
    ...(mirror ? readDestination({ destination: mirror }, [...path, "mirror"], true) : []),
    ...entriesOf(body["mirrors"]).flatMap(([entry, step]) => readDestination(entry, [...path, "mirrors", step], true)),
  ];
}

function readDestination(entry: Mapping, path: readonly string[], isMirror: boolean): readonly Destination[] {
  const destination = asMapping(entry["destination"]);
  const host = asText(destination?.["host"]);
  if (!destination || host === undefined || host === "") return [];
  const subset = asText(destination["subset"]);
  const port = asMapping(destination["port"])?.["number"];
  const weight = entry["weight"];
  return [{
    path: path.at(-1) === "mirror" ? path : [...path, "destination"], host, isMirror,
    ...(subset && { subset }), ...(typeof port === "number" && { port }), ...(typeof weight === "number" && { weight }),
  }];
}

/** The gateways (or `mesh`) at which a match counts. */
export function gatewaysOf({ body }: Match, { gateways }: Routes): readonly string[] {
  const own = asList(body["gateways"]).filter((name) => typeof name === "string");
  return own.length > 0 ? own : gateways;
}

/** Whether a match is for calls inside the mesh. */
export function isForMesh(match: Match, routes: Routes): boolean {
  return routes.isMesh && gatewaysOf(match, routes).includes("mesh");
}

/** Annotations that hold Istio's own fields; what they say nothing else has checked. */
const hatches = /^istiomize\.dev\/((route|gateway)\.[^.]+\.)?(virtual-service-patch|routes|tcp-routes|tls-routes)$/;

/** Whether a field was written as Istio has it: in a hand-written object, or by an annotation that holds Istio's fields. */
export function isWrittenAsIstio(object: IstioObject, ...path: readonly string[]): boolean {
  return !object.isOurs || hatches.test(object.placeOf(...path).path.at(-1) ?? "");
}

/** Methods that change nothing (RFC 9110, 9.2.1). */
const safeMethods = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Whether a rule takes nothing but calls that change nothing. */
export function takesReadsOnly(rule: Rule): boolean {
  return !rule.isMatchless && rule.matches.every(({ body }) => safeMethods.has(asText(asMapping(body["method"])?.["exact"]) ?? ""));
}

/** How often a rule tries again: 2 where it says nothing, or nothing about that. */
export function attemptsOf({ body }: Rule): number {
  const attempts = asMapping(body["retries"])?.["attempts"];
  return typeof attempts === "number" ? attempts : 2;
}

/** The conditions under which a rule tries again, where it names them. */
export function conditionsOf({ body }: Rule): readonly string[] | undefined {
  const written = asText(asMapping(body["retries"])?.["retryOn"]);
  return written?.split(",").map((each) => each.trim()).filter(Boolean);
}
