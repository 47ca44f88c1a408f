import { gatewayChecks } from "./gateways.ts";
import type { ObjectCheck } from "./istio-object.ts";
import { reviewByKind } from "./other-objects.ts";
import { virtualServiceChecks } from "./virtual-service/index.ts";

const objectChecks: readonly ObjectCheck[] = [...gatewayChecks, reviewByKind, ...virtualServiceChecks];

/** Every rule over one object. */
export const reviewObject: ObjectCheck = (object, world) => objectChecks.flatMap((check) => check(object, world));
