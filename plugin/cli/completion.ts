import { suggest } from "../../generators/diagnostics/suggest.ts";
import { commands, functionOptions, print, readOptions, refuse, type Options, type Syntax, type Values } from "./cli.ts";

export const completionOptions = { help: { type: "boolean", short: "h" } } as const;
export const shells = ["bash", "zsh", "fish"] as const;
type Shell = (typeof shells)[number];

/** One command with the words before it: `scaffold tree`; the first of all is the function, without a word. */
interface Row {
  readonly at: string;
  readonly summary: string;
  readonly options: Options;
  readonly values: { readonly [option: string]: Values };
  /** The commands that may follow, else the arguments. */
  readonly words: Values;
}

/** `istiomize completion bash|zsh|fish`: a script for the shell, from the table of commands. */
export async function completion(args: readonly string[]): Promise<number> {
  const options = readOptions(args, completionOptions);
  if (typeof options === "string") return refuse(options);
  if (options["help"]) return print(completionHelp);
  const [shell, extra] = options._ ?? [];
  if (extra !== undefined) return refuse(`completion takes one shell; ${JSON.stringify(extra)} is a second one`);
  if (shell === undefined) return refuse("name a shell: `istiomize completion bash`, `zsh` or `fish`");
  const near = suggest(shell, shells);
  if (!shells.some((each) => each === shell)) return refuse(`there is a completion for bash, zsh and fish, not for ${JSON.stringify(shell)}${near ? `; did you mean ${near}?` : ""}`);
  return print(writers[shell as Shell](await readRows()));
}

async function readRows(): Promise<readonly Row[]> {
  const names = Object.keys(commands);
  const top: Row = { at: "", summary: "", options: functionOptions, values: {}, words: [...names, "help"] };
  const rows = await Promise.all(names.map(async (name) => rowsOf(name, commands[name]!.summary, await commands[name]!.syntax())));
  return [top, ...rows.flat()];
}

function rowsOf(at: string, summary: string, { options, values = {}, argument = [], inner = {} }: Syntax): readonly Row[] {
  const names = Object.keys(inner);
  return [{ at, summary, options, values, words: names.length > 0 ? names : argument }, ...names.flatMap((name) => rowsOf(`${at} ${name}`, "", inner[name]!))];
}

/** The options as they are typed, the long form first. */
function spellings(options: Options, name: string): readonly string[] {
  const short = options[name]!.short;
  return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];
}

function longOptions({ options }: Row): string {
  return Object.keys(options).map((name) => `--${name}`).join(" ");
}

/** The options of a command that take a value, with what it may be; nothing where it may be anything. */
function valued({ options, values }: Row): readonly { readonly names: readonly string[]; readonly name: string; readonly values: Values }[] {
  return Object.keys(options).filter((name) => options[name]!.type === "string").map((name) => ({ name, names: spellings(options, name), values: values[name] ?? [] }));
}

const writers: { readonly [S in Shell]: (rows: readonly Row[]) => string } = { bash: writeBash, zsh: writeZsh, fish: writeFish };

/** The lines of a shell's `case` for one kind of answer. */
function cases(entries: readonly (readonly [pattern: string, action: string])[]): string {
  const byAction = new Map<string, string[]>();
  for (const [pattern, action] of entries) byAction.set(action, [...(byAction.get(action) ?? []), pattern]);
  return [...byAction].map(([action, patterns]) => `    ${patterns.join(" | ")}) ${action} ;;`).join("\n");
}

/** Both shells take the same cases; only what an answer is differs. */
function caseLines(rows: readonly Row[], write: (values: Values) => string): { readonly values: string; readonly options: string; readonly words: string; readonly nested: string } {
  return {
    values: cases(rows.flatMap((row) => valued(row).flatMap(({ names, values }) => names.map((name) => [`"${row.at}:${name}"`, `${write(values)}; return`] as const)))),
    options: cases(rows.map((row) => [`"${row.at}"`, write(longOptions(row).split(" "))] as const)),
    words: cases(rows.map((row) => [`"${row.at}"`, write(row.words)] as const)),
    nested: rows.filter(({ at }) => at.includes(" ")).map(({ at }) => `${at.split(" ")[0]}:*`).filter((pattern, i, all) => all.indexOf(pattern) === i).join(" | "),
  };
}

function writeBash(rows: readonly Row[]): string {
  const { values, options, words, nested } = caseLines(rows, (each) => (each === "directory" ? "_istiomize_paths -d" : each === "file" ? "_istiomize_paths -f" : `_istiomize_words "${each.join(" ")}"`));
  return `# Completion of istiomize ${ISTIOMIZE_VERSION} for bash. Put this line into ~/.bashrc:
#   source <(istiomize completion bash)
_istiomize_words() {
  local line
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -W "$1" -- "$cur")
}

_istiomize_paths() {
  local line
  compopt -o filenames 2> /dev/null
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$1" -- "$cur")
}

_istiomize() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at="" word i
  COMPREPLY=()
  # --option=value comes as three words.
  if [[ $cur == "=" ]]; then cur=""; elif [[ $prev == "=" ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$at:$word" in
    *:--) _istiomize_paths -f; return ;; # what follows goes to kustomize
    *:-*) ;;
    :*) at=$word ;;
    ${nested}) at="$at $word" ;;
    esac
  done
  case "$at:$prev" in
${values}
  esac
  if [[ $cur == -* ]]; then
    case "$at" in
${options}
    esac
    return
  fi
  case "$at" in
${words}
  esac
}

complete -F _istiomize istiomize
`;
}

function writeZsh(rows: readonly Row[]): string {
  const { values, options, words, nested } = caseLines(rows, (each) => (each === "directory" ? "_files -/" : each === "file" ? "_files" : each.length === 0 ? ":" : `compadd -- ${each.join(" ")}`));
  const described = rows.filter(({ at, summary }) => at !== "" && summary !== "").map(({ at, summary }) => `      '${at}:${quoteZsh(summary)}'`).join("\n");
  return `#compdef istiomize
# Completion of istiomize ${ISTIOMIZE_VERSION} for zsh. Put this line into ~/.zshrc, behind compinit:
#   source <(istiomize completion zsh)
_istiomize() {
  local at="" word prev=\${words[CURRENT-1]}
  local -a described
  integer i
  for (( i = 2; i < CURRENT; i++ )); do
    word=\${words[i]}
    case "$at:$word" in
    (*:--) _files; return ;; # what follows goes to kustomize
    (*:-*) ;;
    (:*) at=$word ;;
    (${nested}) at="$at $word" ;;
    esac
  done
  if [[ \${words[CURRENT]} == --*=* ]]; then
    prev=\${words[CURRENT]%%=*}
    compset -P '*='
  fi
  case "$at:$prev" in
${values}
  esac
  if [[ $PREFIX == -* ]]; then
    case "$at" in
${options}
    esac
    return
  fi
  if [[ -z $at ]]; then
    described=(
${described}
    )
    _describe command described
    return
  fi
  case "$at" in
${words}
  esac
}

if [[ \${funcstack[1]} == _istiomize ]]; then _istiomize "$@"; else compdef _istiomize istiomize; fi
`;
}

function quoteZsh(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(":", "\\:");
}

function writeFish(rows: readonly Row[]): string {
  const under = ({ at }: Row): string => quoteFish(`test (__istiomize_at) = "${at}"`);
  const lines = rows.flatMap((row): readonly string[] => {
    const start = `complete -c istiomize -n ${under(row)}`;
    const named = Object.keys(row.options).map((name) => {
      const { type, short } = row.options[name]!;
      return `${start} -l ${name}${short === undefined ? "" : ` -s ${short}`}${type === "string" ? writeFishValues(row.values[name] ?? [], " -x") : ""}`;
    });
    const words = row.at === "" ? rows.filter(({ at, summary }) => at !== "" && summary !== "").map(({ at, summary }) => `${start} -a ${at} -d ${quoteFish(summary)}`)
      : row.words.length === 0 ? [] : [`${start}${writeFishValues(row.words, "")}`];
    return [...named, ...words];
  });
  const nested = [...new Set(rows.filter(({ at }) => at.includes(" ")).map(({ at }) => at.split(" ")[0]!))];
  return `# Completion of istiomize ${ISTIOMIZE_VERSION} for fish. To have it in every shell:
#   istiomize completion fish > ~/.config/fish/completions/istiomize.fish
function __istiomize_at
    set -l at
    for word in (commandline -opc)[2..-1]
        if string match -q -- '-*' $word
            continue
        else if test (count $at) -eq 0; or contains -- "$at" ${nested.join(" ")}
            set -a at $word
        end
    end
    echo "$at"
end

complete -c istiomize -f
${lines.join("\n")}
`;
}

function writeFishValues(values: Values, exclusive: string): string {
  if (values === "directory") return `${exclusive} -a '(__fish_complete_directories)'`;
  if (values === "file") return " -r -F";
  return values.length === 0 ? exclusive : `${exclusive} -a ${quoteFish(values.join(" "))}`;
}

function quoteFish(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

const completionHelp = `istiomize completion bash|zsh|fish: a script that completes commands, options and names in a shell

Examples
  source <(istiomize completion bash)    # in ~/.bashrc
  source <(istiomize completion zsh)     # in ~/.zshrc, behind compinit
  istiomize completion fish > ~/.config/fish/completions/istiomize.fish

It completes what the command table of this version says: commands, options, layouts and protocols, annotations and codes for
\`explain\`, directories elsewhere. The script asks nobody: after an update of istiomize, write it anew.
`;
