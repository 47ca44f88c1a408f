// A process of its own that writes files the way the commands do: `write ROOT CHANGES.json`, `recover ROOT`
// (each prints its diagnostics as a line of JSON) and `write-and-look`, which then prints what is there.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FileChange } from "../../plugin/write/change.ts";
import { recoverInterrupted, writeChanges } from "../../plugin/write/transaction.ts";
import { lookAt } from "./look.ts";

const [command, root, changes] = process.argv.slice(2) as [string, string, string?];
const { ISTIOMIZE_START_AT: startAt } = process.env;
// Processes that start at once begin at once.
while (startAt !== undefined && Date.now() < Number(startAt));

async function write(): Promise<void> {
  const plan = JSON.parse(readFileSync(changes!, "utf8")) as readonly FileChange[];
  print(await writeChanges(root, plan.map((change) => ({ ...change, path: join(root, change.path) }))));
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

async function main(): Promise<void> {
  if (command === "recover") print(await recoverInterrupted(root));
  else await write();
  if (command === "write-and-look") print(lookAt(root));
}

void main();
