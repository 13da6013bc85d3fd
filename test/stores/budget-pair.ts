/** Replicas that share budgets by a Redis, with connections of their own. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { BudgetDecision, Reservation } from '../../src/core/budget.ts';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import type { BudgetOption, BudgetsOptions } from '../../src/stores/budget-rules.ts';
import { createRedisBudgets } from '../../src/stores/redis/budgets.ts';
import type { Redis } from '../../src/stores/redis/connection.ts';
import { createRedisPresence } from '../../src/stores/redis/presence.ts';
import { daily, spendOf, subject } from '../conformance/budgets-rig.ts';
import { until } from '../faults/rig.ts';
import { openWatched } from './redis-rig.ts';

export const nothingBefore = () => Promise.resolve(0);

interface Replica {
  readonly reserve: (count: number) => Promise<BudgetDecision>;
  readonly hold: (count: number) => Promise<Reservation>;
  readonly spent: () => Promise<readonly [number, number]>;
  readonly redis: Redis;
  readonly until: (state: string) => Promise<void>;
  readonly crossed: number[];
}

interface ReplicasOptions extends Partial<Pick<BudgetsOptions, 'spentBefore' | 'lastLook'>> {
  readonly url: string;
  readonly budget?: BudgetOption;
  /** By which they wait, and Lua that takes the server's time: the server's own without it. */
  readonly held?: { readonly clock: Clock; readonly time: string };
  /** As many as they know of, where that is not all of them. */
  readonly known?: number;
}

/** With connections of their own. */
export async function openReplicas(
  t: TestContext,
  count: number,
  options: ReplicasOptions,
): Promise<readonly Replica[]> {
  const { budget = daily(10), spentBefore = nothingBefore, lastLook, url, held, known = count } = options;
  const replicas: Replica[] = [];
  const counts: (() => number)[] = [];
  for (let number = 1; number <= count; number += 1) {
    // Who is not answered in time decides alone, which is nobody's question where time stands still.
    const watched = await openWatched(url, systemClock, held && 5_000);
    const presence = createRedisPresence({
      redis: watched.redis,
      clock: systemClock,
      id: `replica-${number}`,
    });
    await presence.announce();
    counts.push(() => presence.count());
    t.after(async () => {
      await presence.close();
      await watched.redis.close();
    });
    const crossed: number[] = [];
    const budgets = createRedisBudgets([budget], {
      redis: watched.redis,
      clock: held?.clock ?? systemClock,
      time: held?.time,
      presence: {
        ...presence,
        count: () => known,
        publish: (...given) => presence.publish(...given),
        subscribe: (...given) => presence.subscribe(...given),
      },
      spentBefore,
      ...(lastLook && { lastLook }),
      onCrossed: (_, share) => void crossed.push(share),
    });
    const reserve = async (amount: number) => await budgets.reserve(subject, spendOf(amount));
    replicas.push({
      ...watched,
      crossed,
      reserve,
      hold: async (amount) => {
        const decision = await reserve(amount);
        assert.ok(decision.allowed && decision.reservation !== undefined, JSON.stringify(decision));
        return decision.reservation;
      },
      spent: async () => {
        const [standing] = await budgets.standings();
        return [(standing?.spent ?? 0) / 1e9, (standing?.reserved ?? 0) / 1e9];
      },
    });
  }
  return replicas;
}

export async function untilSpent(replica: Replica, spent: number, reserved: number): Promise<void> {
  await until(`${spent} are spent and ${reserved} set aside`, async () => {
    const [is, held] = await replica.spent().catch(() => [-1, -1] as const);
    return is === spent && held === reserved;
  });
}

export function pair(replicas: readonly Replica[]): readonly [Replica, Replica] {
  const [one, two] = replicas;
  assert.ok(one !== undefined && two !== undefined);
  return [one, two];
}
