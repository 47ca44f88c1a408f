import { findTraps } from "./yaml-traps.ts";
import { validateIstio } from "./validate.ts";

/** What looks things up in Istio's schemas; the bundle unpacks it when it is first asked for. */
export const validator = { validateIstio, findTraps };
