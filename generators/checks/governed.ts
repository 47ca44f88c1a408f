import type { Check } from "./check.ts";
import { reviewRollouts } from "./rollouts.ts";

/** The rules about Argo Rollouts, where there are any. */
export const checkRollouts: Check = (input) => (input.context.rollouts.length === 0 ? [] : reviewRollouts(input));
