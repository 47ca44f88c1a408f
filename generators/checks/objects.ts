import type { Check } from "./check.ts";
import { gatewayChecks } from "./gateways.ts";
import { reviewHandWritten } from "./hand-written.ts";
import { IstioWorld, type ObjectCheck } from "./istio-object.ts";
import { checkSchema } from "./istio-schema.ts";
import { reviewByKind } from "./other-objects.ts";
import { virtualServiceChecks } from "./virtual-service/index.ts";

/** Every rule over one object. */
const objectChecks: readonly ObjectCheck[] = [...gatewayChecks, reviewByKind, ...virtualServiceChecks];

/** The rules over Istio objects: those of ours, and in `lint` those that people wrote too. */
export const checkObjects: Check = ({ context, made, lint }) => {
  const world = new IstioWorld(context, made);
  return [
    ...world.objects.filter(({ isOurs }) => isOurs || lint).flatMap((object) => objectChecks.flatMap((check) => check(object, world))),
    ...world.objects.filter(({ isOurs, isOpen }) => isOpen && (isOurs || lint)).flatMap((object) => checkSchema(object, world)),
    ...(lint ? reviewHandWritten(world) : []),
  ];
};
