// Replicas that share a server of which nobody says how many slots it has: they find it out together. In held time, with a real Redis.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Upstream } from '../../src/core/exchange.ts';
import type { Leases } from '../../src/core/ports.ts';
import { Scheduler } from '../../src/fleet/scheduler.ts';
import { SlotShares } from '../../src/fleet/slot-shares.ts';
import { createRedisLeases } from '../../src/stores/redis/leases.ts';
import { createHeldClock } from '../held-clock.ts';
import { heldTime, openRedisRig, putTime } from '../stores/redis-rig.ts';
import { upstreamOf } from '../targets.ts';
import { nothingLearnt, openGate, queueOf, wantOf } from '../wants.ts';

const { operator, redis } = await openRedisRig();

const stepMs = 10;
const answerMs = 100;
const server: Upstream = { ...upstreamOf('ollama', 1), slotsAssumed: true, slotsMax: 16 };
const target = { upstream: server, model: 'm', tier: 1, weight: 1 };

const endOfTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
let opened = 0;

/** A server that works on so many at once and lets the others wait, and replicas in front of it. */
async function openFleet(replicaCount: number, slots: number) {
  await operator.flushAll();
  const clock = createHeldClock();
  const fleet = { served: 0, most: 0, now: 0, overLimit: 0 };
  let asking = 0;
  let working = 0;
  let known: readonly number[] = [];
  const waiting: (() => void)[] = [];
  const counted = (leases: Leases): Leases => ({
    ...leases,
    renew: async (claims) => {
      asking += 1;
      return await leases.renew(claims).finally(() => {
        asking -= 1;
      });
    },
  });
  const replicas = Array.from({ length: replicaCount }, () => {
    opened += 1;
    const leases = counted(createRedisLeases({ redis, id: `learnt-${opened}`, time: heldTime }));
    const shares = new SlotShares({ leases, clock, replicas: () => replicaCount });
    const queue = queueOf();
    const scheduler = new Scheduler({ clock, queue, gate: openGate, learnt: nothingLearnt, shares });
    scheduler.resize(queue, [server]);
    void shares.follow([server]);
    return { shares, scheduler };
  });
  const limits = () => replicas.map(({ scheduler }) => scheduler.limitOf(server));

  const work = async () => {
    if (working >= slots) await new Promise<void>((begin) => waiting.push(begin));
    working += 1;
    const sentMs = clock.now();
    await new Promise<void>((done) => clock.after(answerMs, done));
    working -= 1;
    waiting.shift()?.();
    return sentMs;
  };
  const ask = async (scheduler: Scheduler) => {
    const want = wantOf([target], { arrivedMs: clock.now() });
    const slot = scheduler.take(want) ?? (await scheduler.wait(want, { queueMs: 1e9, onLeave: () => {} }));
    const sentMs = clock.now();
    fleet.now += 1;
    fleet.most = Math.max(fleet.most, fleet.now);
    // A limit that was lowered is told within milliseconds; till then each uses no more than it held.
    if (fleet.now > Math.max(...known, ...limits())) fleet.overLimit += 1;
    const begunMs = await work();
    fleet.now -= 1;
    fleet.served += 1;
    const firstContentMs = begunMs - sentMs + answerMs / 2;
    slot.release({
      outcome: 'served',
      tookMs: clock.now() - sentMs,
      firstContentMs,
      outputTokens: 5,
      cold: false,
    });
  };
  /** So many clients of one replica, each of which asks again when it has its answer, until told not to. */
  const load = (replica: number, clients: number) => {
    let stopped = false;
    const { scheduler } = replicas[replica] ?? assert.fail('there is such a replica');
    for (let client = 0; client < clients; client += 1) {
      void (async () => {
        while (!stopped) await ask(scheduler);
      })();
    }
    return () => {
      stopped = true;
    };
  };
  const pass = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      known = [Math.max(...limits()), ...known.slice(0, 1)];
      clock.advance(stepMs);
      if (passedMs % 100 === 0) await putTime(operator, clock.now());
      do await endOfTurn();
      while (asking > 0);
    }
  };
  await putTime(operator, 0);
  await pass(100);
  after(() => Promise.all(replicas.map(({ shares }) => shares.close())));
  return { fleet, replicas, limits, load, pass };
}

/** How many answers two loads of six come to in so long, over so many replicas. */
async function answersOf(replicaCount: number, slots: number, ms: number) {
  const { fleet, limits, load, pass } = await openFleet(replicaCount, slots);
  const stops = [0, 1].map((at) => load(at % replicaCount, 6));
  await pass(ms);
  for (const stop of stops) stop();
  assert.equal(fleet.overLimit, 0, 'never more at once than the limit that was known');
  return { served: fleet.served, limits: limits(), most: fleet.most };
}

test('two replicas find out together how many slots a server has, and serve as many as one would', async (t) => {
  for (const slots of [6, 16]) {
    const one = await answersOf(1, slots, 20_000);
    const two = await answersOf(2, slots, 20_000);
    t.diagnostic(`${slots} slots: one replica ${JSON.stringify(one)}, two ${JSON.stringify(two)}`);
    assert.ok(two.served >= 0.8 * one.served, `${two.served} of ${one.served}`);
    assert.equal(two.limits[0], two.limits[1], 'they go by the same number');
  }
});

test('the load of one replica alone makes the limit grow, and what it found is not learnt anew when the load goes to the other', async () => {
  const { fleet, replicas, limits, load, pass } = await openFleet(2, 16);
  const stop = load(0, 12);
  await pass(15_000);
  stop();
  const [found = 0] = limits();
  assert.ok(found >= 12, `found ${found}`);
  await pass(500);
  const [before, [, other]] = [fleet.served, replicas];
  assert.equal(other?.scheduler.limitOf(server), found);
  load(1, 12);
  await pass(3_000);
  assert.ok(fleet.served - before >= 12 * 20, `${fleet.served - before} of ${12 * 30}`);
});
