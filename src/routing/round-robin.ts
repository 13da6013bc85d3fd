/** The plain policy: each target of a tier in its turn, tiers in their order. */
import type { Target } from '../core/exchange.ts';

export function createRoundRobin(targets: readonly Target[]): () => readonly Target[] {
  if (targets.length < 2) return () => targets;
  const tiers = [...Map.groupBy(targets, (target) => target.tier)]
    .sort(([one], [other]) => one - other)
    .map(([, members]) => rotations(members));
  let turn = -1;
  return () => {
    turn = (turn + 1) % turnsMax;
    const [only] = tiers;
    if (tiers.length === 1 && only !== undefined) return only[turn % only.length] ?? targets;
    return tiers.flatMap((orders) => orders[turn % orders.length] ?? []);
  };
}

const turnsMax = 2 ** 30;

/** Every order that a turn can give, made once: choosing one then costs an index. */
function rotations(members: readonly Target[]): readonly (readonly Target[])[] {
  return members.map((_, first) => [...members.slice(first), ...members.slice(0, first)]);
}
