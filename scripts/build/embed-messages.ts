import type { Plugin } from "esbuild";
import { readMessages } from "../../plugin/explain/messages.ts";

/** Puts the messages of the page of codes into the place of the function that reads them from the repository. */
export const embedMessages: Plugin = {
  name: "embed-messages",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]plugin[\\/]explain[\\/]messages\.ts$/ }, () => ({ contents: `const messages = ${JSON.stringify(readMessages())}; export const readMessages = () => messages;`, loader: "js" }));
  },
};
