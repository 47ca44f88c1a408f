/** Rewrites the generated pages and schemas from the tables, with the messages of the goldens as examples. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeReference } from "../generators/reference.ts";
import { readExamples } from "./examples.ts";
import { root } from "./tools.ts";

for (const [file, text] of Object.entries(writeReference(readExamples()))) writeFileSync(join(root, file), text);
