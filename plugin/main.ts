/**
 * Entry of the executable. Without a command it is the function: what comes on standard input goes meshed to standard
 * output, for kustomize, kubectl, kpt, containers and pipes alike. With one it is the command line.
 */
import { existsSync, fstatSync, readFileSync, writeSync } from "node:fs";
import { isAbsolute } from "node:path";

async function main(args: readonly string[]): Promise<number> {
  if (Number.parseInt(process.versions.node, 10) < 20) {
    writeSync(2, `istiomize: needs Node.js 20 or newer; this is ${process.versions.node}, ${process.execPath}\n`);
    return 2;
  }
  const [first] = args;
  // The older plugin form: the config file is the first argument, and kustomize sets this variable.
  if (first !== undefined && process.env["KUSTOMIZE_PLUGIN_CONFIG_ROOT"] !== undefined && isAbsolute(first) && existsSync(first)) {
    const { runAsFunction } = await import("./run.ts");
    return runAsFunction({ config: readFileSync(first, "utf8") });
  }
  // `render` starts kustomize first and loads everything else while it builds.
  if (first === "render") return (await import("./cli/render.ts")).render(args.slice(1));
  if (first === undefined && !isTerminal()) return (await import("./run.ts")).runAsFunction({});
  return (await import("./cli/cli.ts")).runCommand(args);
}

/** Asks for the stream, which takes node milliseconds to make, only where a terminal is possible at all. */
function isTerminal(): boolean {
  try {
    return fstatSync(0).isCharacterDevice() && process.stdin.isTTY;
  } catch {
    return false;
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code), // everything was written synchronously: nothing is left to cut off
  async (error: unknown) => process.exit((await import("./run.ts")).reportBug(error)),
);
