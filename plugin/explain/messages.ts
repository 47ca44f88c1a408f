import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * A message of each code that a golden raises, by code, without its first line, from the committed page of codes. In the
 * bundle scripts/build/embed-messages.ts puts the texts in the place of this function.
 */
export function readMessages(): { readonly [code: string]: string } {
  const page = readFileSync(fileURLToPath(new URL("../../generators/diagnostics/README.md", import.meta.url)), "utf8");
  return Object.fromEntries(page.split(/^### /m).flatMap((section): [string, string][] => {
    const code = /^IZ\d{3}/.exec(section)?.[0];
    const message = /^```text\n.*\n([\s\S]*?)\n```$/m.exec(section)?.[1];
    return code !== undefined && message !== undefined ? [[code, message]] : [];
  }));
}
