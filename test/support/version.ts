import { readFileSync } from "node:fs";

/** The bundle has its version written into it; the tests run the sources. */
(globalThis as { ISTIOMIZE_VERSION?: string }).ISTIOMIZE_VERSION = (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }).version;
