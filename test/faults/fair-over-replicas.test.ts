// Tenants that share a server over replicas, each with its work where it happens to be. In held time, with a real Redis.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Leases } from '../../src/core/ports.ts';
import { PartyShares } from '../../src/fleet/party-shares.ts';
import { Scheduler } from '../../src/fleet/scheduler.ts';
import { SlotShares } from '../../src/fleet/slot-shares.ts';
import { createRedisLeases } from '../../src/stores/redis/leases.ts';
import { createHeldClock } from '../held-clock.ts';
import { heldTime, openRedisRig, putTime } from '../stores/redis-rig.ts';
import { upstreamOf } from '../targets.ts';
import { endingOf, nothingLearnt, openGate, queueOf, wantOf } from '../wants.ts';

const { operator, redis } = await openRedisRig();

const stepMs = 10;
const answerMs = 100;
/** Until all have told what they want, and heard it. */
const settlingMs = 3_000;
const endOfTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
/** A key's name begins with its tenant's. */
const markOf = (name: string) => name.replace('\u0000', '').padEnd(6, '_');
let opened = 0;

/** How many clients of which tenants, or of which `tenant/key`, each replica has: all ask again when they have their answer. */
type Loads = readonly Readonly<Record<string, number>>[];

interface Fleet {
  readonly slots: number;
  readonly loads: Loads;
  /** These know nothing of parties, as a version before. */
  readonly before?: readonly number[];
  readonly fairness?: 'tenant' | 'key';
  readonly measuredMs?: number;
}

/** What part of all answers each has. */
async function partsOf({ slots, loads, before = [], measuredMs = 8_000, fairness = 'tenant' }: Fleet) {
  await operator.flushAll();
  const clock = createHeldClock();
  await putTime(operator, 0);
  const server = upstreamOf('server', slots);
  const target = { upstream: server, model: 'm', tier: 1, weight: 1 };
  const served = new Map<string, number>();
  let [asking, atOnce, most] = [0, 0, 0];
  const counted = (leases: Leases): Leases => ({
    ...leases,
    renew: async (claims) => {
      asking += 1;
      return await leases.renew(claims).finally(() => {
        asking -= 1;
      });
    },
  });
  const openReplica = (at: number) => {
    opened += 1;
    const leases = counted(createRedisLeases({ redis, id: `fair-${opened}`, time: heldTime }));
    const parties = before.includes(at) ? undefined : new PartyShares(markOf);
    const shares = new SlotShares({ leases, clock, replicas: () => loads.length, parties });
    after(() => shares.close());
    const queue = queueOf({ fairness });
    const scheduler = new Scheduler({ clock, queue, gate: openGate, learnt: nothingLearnt, shares, parties });
    scheduler.resize(queue, [server]);
    void shares.follow([server]);
    return scheduler;
  };
  const client = async (scheduler: Scheduler, name: string) => {
    const [tenant = '', key = 'key'] = name.split('/');
    for (;;) {
      const want = wantOf([target], { tenant, key, arrivedMs: clock.now() });
      const slot = scheduler.take(want) ?? (await scheduler.wait(want, { queueMs: 1e9, onLeave: () => {} }));
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise<void>((done) => clock.after(answerMs, done));
      atOnce -= 1;
      served.set(name, (served.get(name) ?? 0) + 1);
      slot.release(endingOf('served'));
    }
  };
  const pass = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      clock.advance(stepMs);
      if (passedMs % 100 === 0) await putTime(operator, clock.now());
      do await endOfTurn();
      while (asking > 0);
    }
  };
  for (const [at, load] of loads.entries()) {
    const scheduler = openReplica(at);
    for (const [name, clients] of Object.entries(load))
      for (let count = 0; count < clients; count += 1) void client(scheduler, name);
  }
  await pass(settlingMs);
  served.clear();
  await pass(measuredMs);
  assert.ok(most <= slots, `${most} at once of ${slots}`);
  const all = [...served.values()].reduce((sum, count) => sum + count, 0);
  assert.ok(all >= (0.85 * slots * measuredMs) / answerMs, `only ${all} answers`);
  return new Map([...served].map(([name, count]) => [name, count / all]));
}

const many = 12;

test('a tenant at one of two replicas has as many answers as one that floods both', async (t) => {
  const loads = [{ light: 4, flood: many }, { flood: many }];
  const parts = await partsOf({ slots: 4, loads });
  t.diagnostic(`light ${parts.get('light')?.toFixed(3)} of all`);
  assert.ok((parts.get('light') ?? 0) >= 0.45);
  const ofOne = await partsOf({ slots: 1, loads, measuredMs: 20_000 });
  t.diagnostic(`of one slot ${ofOne.get('light')?.toFixed(3)} of all`);
  assert.ok((ofOne.get('light') ?? 0) >= 0.4);
});

test('of three replicas too, and where a tenant asks for less than its share the others have what it leaves', async (t) => {
  const three = await partsOf({
    slots: 8,
    loads: [{ light: 6, flood: many }, { flood: many }, { flood: many }],
  });
  t.diagnostic(`light ${three.get('light')?.toFixed(3)} of all`);
  assert.ok((three.get('light') ?? 0) >= 0.45);
  const parts = await partsOf({
    slots: 12,
    loads: [
      { small: 1, flood: 2 * many },
      { flood: 2 * many, middle: 2 * many },
    ],
  });
  t.diagnostic(JSON.stringify([...parts].map(([tenant, part]) => [tenant, part.toFixed(3)])));
  assert.ok((parts.get('small') ?? 0) >= 0.7 / 12, 'one at a time, but for waiting until a slot is free');
  assert.ok((parts.get('middle') ?? 0) >= 0.9 * (5.5 / 12));
  assert.ok((parts.get('flood') ?? 0) >= 0.9 * (5.5 / 12));
});

test('of more tenants than are told of by name each has its share, wherever it is', async (t) => {
  const everywhere = Object.fromEntries(Array.from({ length: 24 }, (_, at) => [`t${at}`, 2]));
  const parts = await partsOf({ slots: 25, loads: [{ ...everywhere, here: 3 }, everywhere] });
  const least = Math.min(...parts.values());
  t.diagnostic(`here ${parts.get('here')?.toFixed(3)}, the least ${least.toFixed(3)}, an even share 0.04`);
  assert.equal(parts.size, 25);
  assert.ok(least >= 0.7 / 25);
  assert.ok((parts.get('here') ?? 0) >= 0.7 / 25);
});

test('P3: beside a replica that tells of no tenants nobody is worse off than without', async (t) => {
  const loads = [{ light: 4, flood: many }, { flood: many }];
  const without = await partsOf({ slots: 4, loads, before: [0, 1] });
  const rolling = await partsOf({ slots: 4, loads, before: [1] });
  t.diagnostic(
    `light ${without.get('light')?.toFixed(3)}, and ${rolling.get('light')?.toFixed(3)} beside one`,
  );
  assert.ok((rolling.get('light') ?? 0) > (without.get('light') ?? 0));
});

test('within a tenant keys take turns at each replica alone, and over all of them where slots are shared between keys', async (t) => {
  const loads = [{ 'a/one': many, 'a/all': many }, { 'a/all': many }];
  const fleet = { slots: 8, loads, measuredMs: 4_000 };
  const tenants = (await partsOf(fleet)).get('a/one') ?? 0;
  const keys = (await partsOf({ ...fleet, fairness: 'key' })).get('a/one') ?? 0;
  t.diagnostic(
    `a key at one of two replicas: ${tenants.toFixed(3)} of its tenant's, between keys ${keys.toFixed(3)}`,
  );
  // As docs/scheduling.md says: half of its even share, for its tenant has as much at the other replica, where it does not ask.
  assert.ok(tenants >= 0.22 && tenants <= 0.3);
  assert.ok(keys >= 0.45);
});
