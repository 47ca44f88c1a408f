import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { root } from "../../scripts/tools.ts";

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly [key: string]: unknown };
  readonly result?: unknown;
}

/** What an editor underlines: the line, counted from 1, the text there and what it says. */
export interface Underlined {
  readonly line: number;
  readonly text: string;
  readonly message: string;
}

/**
 * An editor with the YAML language server, as far as a test needs one: it opens texts, and says what is underlined, what
 * is proposed and what is shown at a place. `^` in a text marks the place of the cursor.
 */
export class Editor {
  readonly #server: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<string, (message: Message) => void>();
  readonly #settings: object;
  readonly #folder: string;
  #received = Buffer.alloc(0);
  #next = 1;
  #files = 0;

  private constructor(settings: object, folder: string) {
    this.#settings = settings;
    this.#folder = folder;
    this.#server = spawn(process.execPath, [join(root, "node_modules/yaml-language-server/bin/yaml-language-server"), "--stdio"]);
    this.#server.stdout.on("data", (chunk: Buffer) => this.#receive(chunk));
  }

  /** Starts a server with these settings, for texts in this folder, and stops it when the test ends. */
  static async start(t: TestContext, settings: object, folder: string): Promise<Editor> {
    const editor = new Editor(settings, folder);
    t.after(() => editor.#server.kill());
    await editor.#ask("initialize", { processId: process.pid, rootUri: null, capabilities: { textDocument: { completion: { completionItem: { snippetSupport: false } } }, workspace: { configuration: true } } });
    const configured = editor.#wait("configuration");
    editor.#tell("initialized", {});
    editor.#tell("workspace/didChangeConfiguration", { settings });
    await configured;
    return editor;
  }

  /** What is underlined in a text. */
  async underlined(text: string): Promise<readonly Underlined[]> {
    const uri = this.#newFile();
    const published = this.#wait(`publish ${uri}`);
    this.#open(uri, text);
    const { diagnostics } = (await published).params as unknown as { readonly diagnostics: readonly { readonly range: Range; readonly message: string }[] };
    return diagnostics.map(({ range, message }) => ({ line: range.start.line + 1, text: text.split("\n")[range.start.line]!.slice(range.start.character, range.end.line === range.start.line ? range.end.character : undefined), message }));
  }

  /** What is proposed at the cursor. */
  async proposed(text: string): Promise<readonly string[]> {
    const { uri, position } = await this.#openAt(text);
    const { result } = await this.#ask("textDocument/completion", { textDocument: { uri }, position });
    return (result as { readonly items: readonly { readonly label: string }[] }).items.map(({ label }) => label);
  }

  /** What is shown at the cursor. */
  async shown(text: string): Promise<string> {
    const { uri, position } = await this.#openAt(text);
    const { result } = await this.#ask("textDocument/hover", { textDocument: { uri }, position });
    return (result as { readonly contents: { readonly value: string } } | null)?.contents.value ?? "";
  }

  #newFile(): string {
    return pathToFileURL(join(this.#folder, `${this.#files++}.yaml`)).href;
  }

  /** Opens a text without its mark, and waits until the server has looked at it. */
  async #openAt(marked: string): Promise<{ readonly uri: string; readonly position: Position }> {
    const uri = this.#newFile();
    const published = this.#wait(`publish ${uri}`);
    const at = marked.indexOf("^");
    const before = marked.slice(0, at).split("\n");
    this.#open(uri, marked.replace("^", ""));
    await published;
    return { uri, position: { line: before.length - 1, character: before.at(-1)!.length } };
  }

  #open(uri: string, text: string): void {
    this.#tell("textDocument/didOpen", { textDocument: { uri, languageId: "yaml", version: 1, text } });
  }

  #ask(method: string, params: object): Promise<Message> {
    const id = this.#next++;
    this.#send({ id, method, params });
    return this.#wait(`answer ${id}`);
  }

  #tell(method: string, params: object): void {
    this.#send({ method, params });
  }

  #send(message: object): void {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.#server.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  }

  #wait(key: string): Promise<Message> {
    return new Promise((done) => this.#waiting.set(key, done));
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const header = /^Content-Length: (\d+)\r\n(?:[^\r]+\r\n)*\r\n/.exec(this.#received.toString("latin1"));
      const end = header ? header[0].length + Number(header[1]) : Infinity;
      if (this.#received.length < end) return;
      const message = JSON.parse(this.#received.subarray(header![0].length, end).toString("utf8")) as Message;
      this.#received = this.#received.subarray(end);
      this.#handle(message);
    }
  }

  #handle(message: Message): void {
    const { id, method, params } = message;
    if (method === "workspace/configuration") this.#send({ id, result: (params!["items"] as readonly { readonly section: string }[]).map(({ section }) => (this.#settings as { readonly [section: string]: unknown })[section] ?? null) });
    else if (method !== undefined && id !== undefined) this.#send({ id, result: null });
    const key = method === "workspace/configuration" ? "configuration" : method === "textDocument/publishDiagnostics" ? `publish ${params!["uri"] as string}` : method === undefined ? `answer ${id}` : "";
    this.#waiting.get(key)?.(message);
    this.#waiting.delete(key);
  }
}

interface Position {
  readonly line: number;
  readonly character: number;
}

interface Range {
  readonly start: Position;
  readonly end: Position;
}
