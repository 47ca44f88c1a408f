import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import type { Check } from "./check.ts";
import { reviewHandWritten } from "./hand-written.ts";
import { IstioWorld } from "./istio-object.ts";
import { checkSchema } from "./istio-schema.ts";
import { reviewPlain } from "./plain-objects.ts";
import { reviewObject } from "./review.ts";

/** The rules over Istio objects: those of ours, and in `lint` those that people wrote too. */
export const checkObjects: Check = ({ context, made, lint }) => {
  const world = new IstioWorld(context, made);
  const found: Diagnostic[] = [];
  for (const object of world.objects) {
    if (!object.isOurs && !lint) continue;
    found.push(...reviewPlain(object, world) ?? reviewObject(object, world));
    if (object.isOpen) found.push(...checkSchema(object, world));
  }
  return lint ? [...found, ...reviewHandWritten(world)] : found;
};
