// Loaded before a program (`node --require`): counts what it does to files below ISTIOMIZE_AT_ROOT, and at the n-th
// time (ISTIOMIZE_AT) kills the process before that happens, or half-way through (ISTIOMIZE_AT_HALF), or first writes
// a file as somebody else would (ISTIOMIZE_AT_WRITE: path and text as JSON). ISTIOMIZE_AT_LOG lists what was counted.
"use strict";
const fs = require("node:fs");
const { syncBuiltinESMExports } = require("node:module");
const { isMainThread } = require("node:worker_threads");

const { ISTIOMIZE_AT, ISTIOMIZE_AT_ROOT: root, ISTIOMIZE_AT_HALF, ISTIOMIZE_AT_WRITE, ISTIOMIZE_AT_LOG: log } = process.env;
const names = ["openSync", "writeFileSync", "fsync", "fsyncSync", "closeSync", "fchmodSync", "fchownSync", "mkdirSync", "linkSync", "renameSync", "unlinkSync", "rmdirSync"];
const plain = Object.fromEntries([...names, "appendFileSync"].map((name) => [name, fs[name]]));
const open = new Set();
let count = 0;
let isInside = false;

function reach(name, call, args) {
  if (log) plain.appendFileSync(log, `${name} ${typeof args[0] === "string" ? args[0].slice(root.length + 1) : ""}\n`);
  if (++count !== Number(ISTIOMIZE_AT)) return;
  if (ISTIOMIZE_AT_WRITE) return plain.writeFileSync(...JSON.parse(ISTIOMIZE_AT_WRITE));
  if (ISTIOMIZE_AT_HALF && name === "writeFileSync") {
    const bytes = Buffer.from(args[1]);
    call(args[0], bytes.subarray(0, bytes.length >> 1), ...args.slice(2));
  }
  process.kill(process.pid, "SIGKILL");
}

if (isMainThread && root) {
  for (const name of names) {
    fs[name] = (...args) => {
      const isCounted = !isInside && (typeof args[0] === "number" ? open.has(args[0]) : String(args[0]).startsWith(root));
      if (!isCounted) return plain[name](...args);
      isInside = true; // node's own functions call each other
      try {
        reach(name, plain[name], args);
        const result = plain[name](...args);
        if (name === "openSync") open.add(result);
        if (name === "closeSync") open.delete(args[0]);
        return result;
      } finally {
        isInside = false;
      }
    };
  }
  syncBuiltinESMExports();
}
