/** Rewrites the generated pages from the tables. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { writeReference } from "../generators/reference.ts";

for (const [file, text] of Object.entries(writeReference())) writeFileSync(fileURLToPath(new URL(`../${file}`, import.meta.url)), text);
