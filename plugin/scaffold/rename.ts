import { Lexer, isPair, isScalar, isSeq, parseAllDocuments, visit, type Node, type Pair } from "yaml";

/** What is to be called otherwise in a copy. */
export interface Rename {
  /** Names and what takes their place; the first that fits a word counts. */
  readonly pairs: readonly (readonly [from: string, to: string])[];
  /** Names of other things, which words that begin or end with a renamed one may be. */
  readonly others: readonly string[];
  /** Values that stay as they are, whatever names stand in them. */
  readonly keeps?: (value: string) => boolean;
  /** Labels that tell a thing apart here, though elsewhere they say of what kind it is. */
  readonly labels?: readonly string[];
}

/** Keys whose values say what a thing is, not what it is called. */
const kept = new Set([
  "apiVersion", "kind", "protocol", "appProtocol", "targetPort", "type", "newTag", "digest", "tier", "component", "team", "version",
  "app.kubernetes.io/component", "app.kubernetes.io/part-of", "app.kubernetes.io/version", "app.kubernetes.io/managed-by",
]);

/** One change of a text: the characters from `start` to `end` give way to `text`. */
interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A YAML text with names replaced in values and comments; keys, order, quoting and everything else stay. */
export function renameYaml(text: string, rename: Rename): string {
  const values = findValues(text, rename.labels).filter(({ value }) => !rename.keeps?.(value));
  const splices = [...values, ...findComments(text)].flatMap(({ start, end }): readonly Splice[] => {
    const renamed = renameWords(text.slice(start, end), rename);
    return renamed === text.slice(start, end) ? [] : [{ start, end, text: renamed }];
  });
  return applySplices(text, splices);
}

/** A text in which every scalar that is exactly this number, at a key that holds ports, is another one; and so in addresses of the service. */
export function replacePort(text: string, service: string, from: number, to: number): string {
  const address = new RegExp(`(?<![A-Za-z0-9-])(${service}(?:\\.[a-z0-9.-]+)?:)${from}(?!\\d)`, "g");
  const splices = findValues(text).flatMap(({ start, end, value, key }): readonly Splice[] => {
    const written = text.slice(start, end);
    if (value === String(from) && ["port", "containerPort", "targetPort", "hostPort", "number", "value"].includes(key ?? "")) return [{ start, end, text: written.replace(String(from), String(to)) }];
    return [{ start, end, text: written.replace(address, `$1${to}`) }];
  });
  return applySplices(text, splices);
}

/** A text with the image of one container by another, wherever it stands as a value of `image`. */
export function replaceImage(text: string, from: string, to: string): string {
  const splices = findValues(text).filter(({ value, key }) => key === "image" && value === from).map(({ start, end }): Splice => ({ start, end, text: text.slice(start, end).replace(from, to) }));
  return applySplices(text, splices);
}

export function applySplices(text: string, splices: readonly Splice[]): string {
  return [...splices].sort((a, b) => b.start - a.start).reduce((edited, { start, end, text: by }) => edited.slice(0, start) + by + edited.slice(end), text);
}

/** A path, or any other text, with names replaced in it. */
export function renameWords(text: string, rename: Pick<Rename, "pairs" | "others">): string {
  return text.replace(/[A-Za-z0-9](?:[-A-Za-z0-9]*[A-Za-z0-9])?/g, (word, at: number) => (isDomainEnding(text, word, at) ? word : renameWord(word, rename)));
}

/** Whether a word is renamed at all: then what holds it belongs to what is copied. */
export function namesIt(text: string, rename: Pick<Rename, "pairs" | "others">): boolean {
  return renameWords(text, rename) !== text;
}

/** The `dev` of istiomize.dev or shop.example.dev names nothing of ours. */
function isDomainEnding(text: string, word: string, at: number): boolean {
  return text[at - 1] === "." && /^(dev|app|com|io|net|org|test|local|cloud|svc|cluster)$/.test(word) && !/^\.[A-Za-z]/.test(text.slice(at + word.length));
}

function renameWord(word: string, { pairs, others }: Pick<Rename, "pairs" | "others">): string {
  for (const [from, to] of pairs) {
    if (word === from) return to;
    const isLonger = others.some((other) => other !== from && other.length > from.length && (word === other || word.startsWith(`${other}-`) || word.endsWith(`-${other}`)));
    if (isLonger || others.includes(word)) continue;
    if (word.startsWith(`${from}-`)) return to + word.slice(from.length);
    if (word.endsWith(`-${from}`)) return word.slice(0, -from.length) + to;
    const at = word.indexOf(`-${from}-`);
    if (at > 0) return word.slice(0, at + 1) + to + word.slice(at + 1 + from.length);
  }
  return word;
}

interface Value {
  readonly start: number;
  readonly end: number;
  readonly value: string;
  readonly key: string | undefined;
}

/** Where the scalars of all documents stand that are values, without those that name a kind of thing. */
function findValues(text: string, labels: readonly string[] = []): readonly Value[] {
  const values: Value[] = [];
  for (const document of parseAllDocuments(text, { schema: "failsafe", uniqueKeys: false, logLevel: "silent" })) {
    if (!("contents" in document)) continue;
    visit(document, {
      Scalar(position, node, path) {
        if (position === "key" || !node.range) return;
        const key = keyAbove(path);
        if ((key !== undefined && kept.has(key) && !labels.includes(key)) || (key === "name" && isPortName(path))) return;
        values.push({ start: node.range[0], end: node.range[1], value: String(node.value), key });
      },
    });
  }
  return values;
}

function keyAbove(path: readonly unknown[]): string | undefined {
  const pair = path.findLast((step): step is Pair => isPair(step));
  return pair && isScalar(pair.key) ? String(pair.key.value) : undefined;
}

/** The name of a port, which is that of its protocol. */
function isPortName(path: readonly unknown[]): boolean {
  const list = path.findLastIndex((step) => isSeq(step as Node));
  const holder = path[list - 1];
  return isPair(holder) && isScalar(holder.key) && holder.key.value === "ports";
}

function findComments(text: string): readonly Pick<Value, "start" | "end">[] {
  const comments: Pick<Value, "start" | "end">[] = [];
  let at = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === "\u0002" || token === "\u0018" || token === "\u001f") continue;
    if (token.startsWith("#")) comments.push({ start: at, end: at + token.length });
    at += token.length;
  }
  return comments;
}
