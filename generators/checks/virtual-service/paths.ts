import { diagnose, type Diagnostic } from "../../diagnostics/diagnostic.ts";
import { asMapping, asText } from "../../kube/object.ts";
import { readTextMatch } from "./text-match.ts";
import { isWrittenAsIstio, type RouteCheck, type Routes, type Rule } from "./routes.ts";

/** Prefixes that end within a word, and rewrites that double or lose a slash (rules V5 and V6). */
export const checkPaths: RouteCheck = (routes) => routes.rules.filter(({ kind }) => kind === "http").flatMap((rule) => [...checkPrefixes(rule, routes), ...checkRewrite(rule, routes)]);

function prefixesOf({ matches }: Rule): readonly { readonly prefix: string; readonly path: readonly string[] }[] {
  return matches.flatMap(({ body, path }) => {
    const uri = readTextMatch(body["uri"]);
    return uri?.kind === "prefix" && uri.text.startsWith("/") ? [{ prefix: uri.text, path: [...path, "uri", "prefix"] }] : [];
  });
}

/** `/api` takes `/apiary` too: an Istio prefix knows no segments. */
function checkPrefixes(rule: Rule, { object }: Routes): readonly Diagnostic[] {
  return prefixesOf(rule).filter(({ prefix, path }) => /[A-Za-z0-9]$/.test(prefix) && isWrittenAsIstio(object, ...path))
    .map(({ prefix, path }) => diagnose("IZ376", object.placeOf(...path), { prefix }, object.subject && { subject: object.subject }));
}

/** The rewrite stands in for the prefix, character by character. */
function checkRewrite(rule: Rule, { object }: Routes): readonly Diagnostic[] {
  const uri = asText(asMapping(rule.body["rewrite"])?.["uri"]);
  if (uri === undefined || uri === "") return [];
  const path = [...rule.path, "rewrite", "uri"];
  const prefixes = prefixesOf(rule);
  const wrong = prefixes.find(({ prefix }, i) => prefix.endsWith("/") !== uri.endsWith("/") && !prefixes.slice(0, i).some((earlier) => earlier.prefix === `${prefix}/`));
  if (!wrong || !isWrittenAsIstio(object, ...path)) return [];
  const { prefix } = wrong;
  const from = prefix.endsWith("/") ? `${prefix}x` : `${prefix}/x`;
  return [diagnose("IZ389", object.placeOf(...path), { prefix, uri, from, to: uri + from.slice(prefix.length) }, object.subject && { subject: object.subject })];
}
