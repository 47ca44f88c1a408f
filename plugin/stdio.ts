import { readFileSync, readSync, writeSync } from "node:fs";

/** The whole of a file descriptor. Reads again where a pipe that does not block has nothing yet. */
export function readAll(descriptor: number): Buffer {
  try {
    return readFileSync(descriptor);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EOF") return Buffer.alloc(0);
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
  }
  const chunks: Buffer[] = [];
  for (;;) {
    const buffer = Buffer.allocUnsafe(65_536);
    try {
      const length = readSync(descriptor, buffer);
      if (length === 0) return Buffer.concat(chunks);
      chunks.push(buffer.subarray(0, length));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EOF") return Buffer.concat(chunks);
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      pause();
    }
  }
}

/**
 * Writes everything before it returns. `process.stdout.write` followed by an exit cuts large outputs at the size of
 * the pipe, and kustomize would take what is missing for deleted.
 */
export function writeAll(descriptor: number, text: string): void {
  let rest = Buffer.from(text, "utf8");
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw error;
      pause();
    }
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
}

/** Colours for terminals, unless NO_COLOR says otherwise (https://no-color.org). */
export function isColoured(stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY === true && !process.env["NO_COLOR"];
}
