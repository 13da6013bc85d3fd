/** Every rule that advises, a function each. */
import type { Advice, AdviceAsked } from './advice.ts';
import { dearer, idle, misjudged } from './advice-on-servers.ts';
import { billedWhileIdle, kept, tooLarge, unpriced } from './advice-on-the-fleet.ts';

const rules = [idle, tooLarge, dearer, misjudged, unpriced, billedWhileIdle, kept];

export function advise(asked: AdviceAsked): readonly Advice[] {
  return rules.flatMap((rule) => rule(asked));
}
