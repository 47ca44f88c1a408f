import type { Item } from "../../generators/kube/object.ts";
import { splitStream } from "../chunks.ts";
import { editText, type FieldEdit } from "../edit.ts";
import { addMarked } from "../tree/marks.ts";
import type { FileChange } from "../write/change.ts";
import { markChange, type Change, type Insertion } from "./build.ts";
import { withFields } from "./delta.ts";
import type { Source } from "./objects.ts";
import type { SourceTree } from "./source.ts";

/** The lines that istiomize adds to files of people's. */
export class Insertions {
  readonly #tree: SourceTree;
  readonly #byFile = new Map<string, Insertion[]>();
  readonly byItem = new Map<Item, Insertion>();

  constructor(tree: SourceTree) {
    this.#tree = tree;
  }

  /** Adds what can be added as lines of their own; the rest is left to a patch. */
  add(source: Source, edits: readonly FieldEdit[]): void {
    const { item, file, chunk } = source;
    if (!this.#tree.isInside(file) || chunk.style !== "document" || chunk.frame) return;
    const fitting = addMarked(chunk.text, edits) !== undefined ? edits
      : edits.reduce<readonly FieldEdit[]>((all, edit) => (addMarked(chunk.text, [...all, edit]) === undefined ? all : [...all, edit]), []);
    if (fitting.length === 0) return;
    const insertion: Insertion = { source, edits: fitting, before: item.object, after: withFields(item.object, fitting) };
    this.byItem.set(item, insertion);
    const own = this.#byFile.get(file);
    if (own) own.push(insertion);
    else this.#byFile.set(file, [insertion]);
  }

  files(): readonly string[] {
    return [...this.#byFile.keys()];
  }

  /** The text of a file with its new lines; in a copy that is to be built, `changes` numbers the objects that they are in. */
  textOf(file: string, changes?: Change[]): string {
    const byLine = new Map(this.#byFile.get(file)?.map((insertion) => [insertion.source.chunk.line, insertion]));
    return splitStream(this.#tree.original(file)).chunks.map((chunk) => {
      const insertion = byLine.get(chunk.line);
      if (!insertion) return chunk.before + chunk.text;
      const text = addMarked(chunk.text, insertion.edits)!;
      return chunk.before + (changes ? editText(text, [markChange(changes.push(insertion) - 1)]) : text);
    }).join("");
  }

  /** Files that gain lines, or lose lines that istiomize once added. */
  changes(among?: ReadonlySet<string>): readonly FileChange[] {
    const files = new Set([...this.#tree.nodes.values()].flatMap(({ resources }) => resources).filter((file) => this.#tree.isInside(file) && !this.#tree.owned.has(file) && (!among || among.has(file))));
    return [...files].flatMap((path): readonly FileChange[] => {
      const before = this.#tree.read(path);
      const after = this.#byFile.has(path) ? this.textOf(path) : this.#tree.original(path);
      return before === after ? [] : [{ path, before, after }];
    });
  }
}
