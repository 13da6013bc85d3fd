/**
 * What it costs that many are limited: `node bench/holders.ts [HOLDERS]`. A limit on requests and one on tokens, taken and
 * settled, and a budget, reserved and settled, by one holder while there is no other and while there are 100,000.
 */
import { createClient } from '@redis/client';
import type { BudgetSubject } from '../src/core/budget.ts';
import type { LimitSubject, RateLimiter } from '../src/core/ports.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { Secret } from '../src/lib/secret.ts';
import { createMemoryBudgets } from '../src/stores/memory/budgets.ts';
import { createMemoryRateLimiter } from '../src/stores/memory/rate-limiter.ts';
import { openRedis } from '../src/stores/redis/connection.ts';
import { createRedisRateLimiter } from '../src/stores/redis/rate-limiter.ts';
import { openRedisServer } from '../test/servers/redis-server.ts';

const many = Number(process.argv[2] ?? 100_000);
const turns = 100_000;
const rounds = 7;
const tripsEach = 1_000;
/** So few that a busy server answers each in time. */
const atOnce = 16;
/** Nobody is refused, and nobody forgotten meanwhile. */
const limits = [
  { per: 'key', requests: { count: 60, perMs: 3_600_000 }, burst: 1e7 },
  { per: 'key', tokens: { count: 3_600, perMs: 3_600_000 }, burstTokens: 1e9 },
] as const;

function subjectOf(key: string): LimitSubject {
  return { key, user: '', team: '', tenant: 't', address: 'a', route: '/' };
}

async function take(limiter: RateLimiter, subject: LimitSubject): Promise<void> {
  await limiter.take(subject);
  const decision = await limiter.take({ ...subject, call: { model: 'm', tokens: 100 } });
  if (!decision.allowed) throw new Error('nobody is over a limit here');
  decision.settle?.(80);
}

/** As a request does it: what needs no waiting is not waited for. */
function takeAtOnce(limiter: RateLimiter, subject: LimitSubject): void {
  void limiter.take(subject);
  const decision = limiter.take({ ...subject, call: { model: 'm', tokens: 100 } });
  if (!(decision instanceof Promise) && decision.allowed) decision.settle?.(80);
}

function budgetsOf(holders: number) {
  const budgets = createMemoryBudgets([{ per: 'key', usd: 1_000_000, window: 'month', alertAt: [1] }], {
    clock,
    spentBefore: () => Promise.resolve(0),
    onCrossed: () => {},
  });
  const spend = { nanoUsd: 1_000, tokens: 100, requests: 1 };
  const reserve = (subject: BudgetSubject) => {
    const settled = (decision: Awaited<ReturnType<typeof budgets.reserve>>) => {
      if (!decision.allowed) throw new Error('nobody has spent too much here');
      decision.reservation?.settle(spend);
    };
    const decision = budgets.reserve(subject, spend);
    return decision instanceof Promise ? decision.then(settled) : settled(decision);
  };
  return {
    reserve,
    fill: async () => {
      for (let holder = 0; holder < holders; holder += 1) await reserve(payer(holder));
    },
  };
}

function payer(holder: number): BudgetSubject {
  return { key: `k${holder}`, user: '', team: '', tenant: 't' };
}

function us(run: (turn: number) => void): number {
  const startMs = performance.now();
  for (let turn = 0; turn < turns; turn += 1) run(turn);
  return ((performance.now() - startMs) * 1_000) / turns;
}

const holders = [1, many];
const limiters = holders.map((count) => {
  const limiter = createMemoryRateLimiter(limits, clock);
  for (let holder = 0; holder < count; holder += 1) takeAtOnce(limiter, subjectOf(`k${holder}`));
  return limiter;
});
const purses = holders.map(budgetsOf);
for (const purse of purses) await purse.fill();
const one = subjectOf('k0');
const payerOne = payer(0);
const cases = [
  ...limiters.map((limiter, index) => ({
    name: `limits in memory, one of ${holders[index]}`,
    run: () => takeAtOnce(limiter, one),
  })),
  ...purses.map(({ reserve }, index) => ({
    name: `a budget in memory, one of ${holders[index]}`,
    run: () => void reserve(payerOne),
  })),
];
// In turns, because the machine is not always as fast; the best round of each says what it costs.
const best = cases.map(() => Number.POSITIVE_INFINITY);
for (let round = 0; round < rounds; round += 1) {
  for (const [index, { run }] of cases.entries()) best[index] = Math.min(best[index] ?? 0, us(run));
}
for (const [index, { name }] of cases.entries()) console.log(`${name}: ${best[index]?.toFixed(2)} us`);

const server = await openRedisServer();
const operator = createClient({ url: server.url });
await operator.connect();
const redis = await openRedis({ url: new Secret(server.url), clock, onState: () => {} });
const limiter = createRedisRateLimiter(limits, { redis, clock, replicas: () => 1 });
await p50();
const alone = await p50();
for (let holder = 0; holder < many; holder += atOnce) {
  await Promise.all(Array.from({ length: atOnce }, (_, at) => take(limiter, subjectOf(`k${holder + at}`))));
}
console.log(
  `limits in Redis, p50 of both: ${alone.toFixed(0)} us alone, ${(await p50()).toFixed(0)} of ${await operator.dbSize()} keys`,
);
await redis.close();
operator.destroy();
await server.stop();

async function p50(): Promise<number> {
  const took: number[] = [];
  for (let trip = 0; trip < tripsEach; trip += 1) {
    const startMs = performance.now();
    await take(limiter, one);
    took.push((performance.now() - startMs) * 1_000);
  }
  return took.sort((a, b) => a - b)[tripsEach / 2] ?? 0;
}
