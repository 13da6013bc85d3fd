import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { upstreamOf } from '../../test/targets.ts';
import type { LeaseClaim, Leases } from '../core/ports.ts';
import { SlotShares } from './slot-shares.ts';

const server = upstreamOf('server', 4);
const endOfTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A service that grants as told, or does not answer. */
function rig() {
  const clock = createHeldClock();
  const service = { away: false, granted: 4, claims: [] as LeaseClaim[], news: () => {} };
  const leases: Leases = {
    leaseMs: 10_000,
    renew: (claims) => {
      service.claims.push(...claims);
      return Promise.resolve(
        service.away ? undefined : claims.map(() => ({ slots: service.granted, others: 0 })),
      );
    },
    release: () => Promise.resolve(),
    onNews: (run) => {
      service.news = run;
    },
  };
  const shares = new SlotShares({ leases, clock, replicas: () => 2 });
  /** Time goes by as it does for a process that is at work. */
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      await endOfTurn();
    }
  };
  return { clock, service, shares, pass };
}

test('nothing is ours before it was granted, and then as much as was granted', async () => {
  const { service, shares, pass } = rig();
  assert.equal(shares.of(server, 4), 0);
  service.granted = 3;
  await pass(50);
  assert.equal(shares.of(server, 4), 3);
  assert.equal(shares.of(server, 2), 2, 'a server that has fewer by now');
});

test('DP1: while nobody answers what was held is still used, for however long', async () => {
  const { service, shares, pass } = rig();
  await shares.follow([server]);
  service.away = true;
  for (let minute = 0; minute < 3; minute += 1) {
    await pass(10_000);
    assert.equal(shares.of(server, 4), 4);
  }
});

test('who never heard what is its own takes its part of the slots, when nobody answers for long', async () => {
  const { service, shares, pass } = rig();
  service.away = true;
  await shares.follow([server]);
  assert.equal(shares.of(server, 4), 0);
  await pass(2_100);
  assert.equal(shares.of(server, 4), 2);
});

test('who waits for slots of which nobody tells is told once its part is there', async () => {
  const { service, shares, pass } = rig();
  let told = 0;
  shares.onGrown(() => {
    told = shares.of(server, 4);
  });
  service.away = true;
  await shares.follow([server]);
  shares.want(server, 0, 1);
  await pass(1_900);
  assert.equal(told, 0);
  await pass(400);
  assert.equal(told, 2);
});

test('DP1: who had nothing yet takes its part of the slots, but none where there are fewer than replicas', async () => {
  const { service, shares, pass } = rig();
  service.granted = 0;
  await shares.follow([server]);
  service.away = true;
  await pass(3_200);
  assert.equal(shares.of(server, 4), 2);
  assert.equal(shares.of(server, 1), 0);
});

test('P4: who slept for longer than its lease uses nothing before it was answered', async () => {
  const { clock, service, shares, pass } = rig();
  await shares.follow([server]);
  shares.want(server, 1, 0);
  await pass(1_000);
  // All timers are late: as when the process was stopped.
  const late = clock.now;
  clock.now = () => late() + 30_000;
  assert.equal(shares.of(server, 4), 0);
  service.granted = 1;
  service.claims.length = 0;
  await pass(1_100);
  assert.equal(service.claims[0]?.held, 1, 'only what is under way is certain to be used');
  assert.equal(shares.of(server, 4), 1);
});

test('who was answered once says so, and who slept for longer than its lease does not', async () => {
  const { clock, service, shares, pass } = rig();
  await shares.follow([server]);
  await pass(1_000);
  const late = clock.now;
  clock.now = () => late() + 30_000;
  await pass(2_200);
  assert.deepEqual(
    service.claims.map(({ heard }) => heard),
    [false, true, false, true],
  );
});

test('who waits is told of when its part has grown, and asks at once when another has given back', async () => {
  const { service, shares, pass } = rig();
  let grown = 0;
  shares.onGrown(() => {
    grown += 1;
  });
  service.granted = 0;
  await shares.follow([server]);
  shares.want(server, 0, 1);
  await pass(50);
  assert.equal(grown, 0);
  service.granted = 1;
  service.news();
  await pass(50);
  assert.deepEqual([grown, shares.of(server, 4)], [1, 1]);
});
