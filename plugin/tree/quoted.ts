const leftOut = "(left out: it may hold values of Secrets)";

/**
 * Where kustomize and its YAML reader quote what stands in files: patches, literals and lines of generators, values
 * that could not be read, whole objects. Collected from every error message of kustomize 5.0 to 5.8 that does.
 */
const quotes: readonly (readonly [pattern: RegExp, replacement: string | ((...groups: string[]) => string)])[] = [
  [/(with config: `)\n([^]*\n)[ \t]*`(?=: )/g, (_, before, config) => `${before}${/^path: .*$/m.exec(config!)?.[0] ?? leftOut}\``],
  [/((?:JSON patch from|both an SM and JSON patch:|must specify a target for (?:JSON )?patch|`(?:patches\.)?target` field:) )(?!\[path: "[^"\n]*"\]\s*$)[^]*/, `$1${leftOut}`],
  [/(?:literal sources [^]*?: )?(invalid literal source )[^]*(, expected key=value)/g, `$1${leftOut}$2`],
  [/\bline \[?[\d ]+\]? has invalid utf8 bytes : [^]*/, "a line has invalid utf8 bytes"],
  [/(unknown anchor) '[^]*'( referenced)/g, "$1$2"],
  [/(anchor) '[^]*'( value contains itself)/g, "$1$2"],
  [/(cannot (?:unmarshal|decode) \S+) `[^]*?`(?= (?:into|as) )/g, "$1"],
  [/map\[string\]interface ?\{\}(?:\(nil\)|\{[^]*\}): (?=yaml: )/g, ""],
  [/(in object )\{\{([^{}]*)\}[^]*\}\}/g, "$1$2"],
  [/((?:node contents|for the following resource|one of patch and path in|set at the same time|generated duplicate resource|invalid map key|nodes unequal)\b:?)\s[^]*/, `$1 ${leftOut}`],
  [/((?:is not a string:|found \d+ in|empty item at|out of bounds for value|JsonOp=|Patch=|roleRef|cannot be found in|defined using alias)\s?)[^]*/, `$1${leftOut}`],
  [/(evalsymlink failure on )'[^']*\n[^]*/, `$1${leftOut}`],
];

/** The words of kustomize about a failed build, without what it quotes from files. */
export function withoutQuotes(message: string): string {
  return quotes.reduce((text, [pattern, replacement]) => (typeof replacement === "string" ? text.replace(pattern, replacement) : text.replace(pattern, replacement)), withoutCredentials(message));
}

/** A text without the user and password that a URL in it carries. */
export function withoutCredentials(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s\/@'"]+@/gi, "$1…@");
}
