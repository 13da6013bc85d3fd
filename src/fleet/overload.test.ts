// What becomes of a fleet that is asked for more than it can do: the real scheduler on a clock that stands still.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { targetOn, upstreamOf } from '../../test/targets.ts';
import { endingOf, nothingLearnt, openGate, queueOf, wantOf } from '../../test/wants.ts';
import { createRoundRobin } from '../routing/policies/round-robin.ts';
import { Scheduler } from './scheduler.ts';

const seed = 7;
const slots = 16;
const serviceMs = 1_000;
const capacityPerMs = slots / serviceMs;
const lastMs = 100_000;

/** Mulberry32. */
function createRandom(): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Served {
  readonly tenant: string;
  readonly tookMs: number;
  readonly usedMs: number;
}

/** Requests of each tenant come by chance, so many a millisecond, and take as long as they have tokens. */
async function simulate(perMs: Readonly<Record<string, number>>, patienceMs: number) {
  const random = createRandom();
  const clock = createHeldClock();
  const scheduler = new Scheduler({ clock, queue: queueOf(), gate: openGate, learnt: nothingLearnt });
  const candidates = [targetOn(upstreamOf('a', slots / 2)), targetOn(upstreamOf('b', slots / 2))];
  const policy = createRoundRobin();
  const served: Served[] = [];
  const come = (tenant: string) => {
    const cameMs = clock.now();
    const usedMs = serviceMs * (0.5 + random());
    const want = wantOf(candidates, { policy, tenant, key: tenant, model: 'm', tokens: usedMs });
    const work = (slot: ReturnType<Scheduler['take']>) =>
      clock.after(usedMs, () => {
        slot?.release(endingOf('served'));
        served.push({ tenant, tookMs: clock.now() - cameMs, usedMs });
      });
    const slot = scheduler.take(want);
    if (slot !== undefined) work(slot);
    else scheduler.wait(want, { queueMs: patienceMs, onLeave: () => {} }).then(work, () => {});
  };
  for (const [tenant, rate] of Object.entries(perMs)) {
    let atMs = 0;
    for (;;) {
      atMs += -Math.log(1 - random()) / rate;
      if (atMs > lastMs) break;
      clock.after(atMs, () => come(tenant));
    }
  }
  while (clock.now() < lastMs) {
    clock.advance(Math.min(clock.nextInMs, lastMs - clock.now()));
    // Whoever was given a slot begins to work before time goes on.
    await Promise.resolve();
    await Promise.resolve();
  }
  return served;
}

function p99(served: readonly Served[], tenants: ReadonlySet<string>): number {
  const took = served
    .filter(({ tenant, tookMs }) => tenants.has(tenant) && tookMs > 0)
    .map(({ tookMs }) => tookMs)
    .sort((one, other) => one - other);
  return took[Math.floor(took.length * 0.99)] ?? 0;
}

test('C9: one tenant at ten times its share raises the others’ p99 by less than a fifth', async (t) => {
  const light = new Set(['b', 'c', 'd', 'e']);
  const share = capacityPerMs / 5;
  const usual = Object.fromEntries(['a', ...light].map((tenant) => [tenant, share * 0.9]));
  const before = p99(await simulate(usual, 30_000), light);
  const during = p99(await simulate({ ...usual, a: share * 10 }, 30_000), light);
  const told = `seed ${seed}: p99 of the others ${before.toFixed(0)} ms, with the flood ${during.toFixed(0)} ms`;
  t.diagnostic(told);
  assert.ok(during < before * 1.2, told);
});

test('at twice the load that can be served, nearly all of what can be served is', async (t) => {
  const served = await simulate({ a: capacityPerMs, b: capacityPerMs }, 5_000);
  const goodput = served.reduce((sum, { usedMs }) => sum + usedMs, 0) / (slots * lastMs);
  const told = `seed ${seed}: ${(goodput * 100).toFixed(1)} % of the capacity was of use`;
  t.diagnostic(told);
  assert.ok(goodput >= 0.95, told);
  const given = (tenant: string) => served.filter((one) => one.tenant === tenant).length;
  assert.ok(Math.abs(given('a') / given('b') - 1) < 0.05, 'and both tenants had as much of it');
});
