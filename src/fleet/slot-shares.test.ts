import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHeldClock } from '../../test/held-clock.ts';
import { upstreamOf } from '../../test/targets.ts';
import type { LeaseClaim, Leases, OtherClaim } from '../core/ports.ts';
import { PartyShares } from './party-shares.ts';
import { SlotShares } from './slot-shares.ts';

const server = upstreamOf('server', 4);
const endOfTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A service that grants as told, or does not answer. */
function rig() {
  const clock = createHeldClock();
  const service = {
    away: false,
    granted: 4,
    claims: [] as LeaseClaim[],
    news: () => {},
    others: [] as OtherClaim[],
  };
  const leases: Leases = {
    leaseMs: 10_000,
    renew: (claims) => {
      service.claims.push(...claims);
      return Promise.resolve(
        service.away
          ? undefined
          : claims.map(({ parties }) => ({
              slots: service.granted,
              others: 0,
              claims: parties && service.others,
            })),
      );
    },
    release: () => Promise.resolve(),
    onNews: (run) => {
      service.news = run;
    },
  };
  const parties = new PartyShares((party) => `mark-${party}`);
  const shares = new SlotShares({ leases, clock, replicas: () => 2, parties });
  /** Time goes by as it does for a process that is at work. */
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      await endOfTurn();
    }
  };
  return { clock, service, shares, parties, pass };
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

test('who wants what is told by marks once a second, and what the others told counts until the lease has ended', async () => {
  const { service, shares, parties, pass } = rig();
  const mark = (party: string, wanted: number) => ({ mark: `mark-${party}`, wanted });
  parties.countFrom(
    () =>
      new Map([
        [
          server.identity,
          new Map([
            ['light', 4],
            ['flood', 9],
          ]),
        ],
      ]),
  );
  service.others = [{ wanted: 9, parties: { named: [mark('flood', 9)], others: { count: 0, wanted: 0 } } }];
  service.granted = 2;
  const weights = parties.at([server.identity]);
  assert.equal(weights.of('flood'), 1);
  await shares.follow([server]);
  assert.deepEqual(service.claims[0]?.parties, {
    named: [mark('flood', 9), mark('light', 4)],
    others: { count: 0, wanted: 0 },
  });
  const { version } = weights;
  assert.deepEqual([weights.of('flood'), weights.of('light'), weights.of('new')], [0.5, 1, 1]);
  shares.want(server, 1, 12);
  await pass(500);
  const later = service.claims.slice(1);
  assert.ok(later.length > 0 && later.every((claim) => claim.parties === undefined && claim.weight === 1.5));
  service.away = true;
  await pass(8_000);
  assert.deepEqual([weights.of('flood'), weights.version], [0.5, version]);
  await pass(2_000);
  assert.deepEqual([weights.of('flood'), weights.version], [1, version + 1]);
});

test('of many parties those that want most are told of by their marks, and the others together', async () => {
  const { service, shares, parties } = rig();
  const demand = new Map(Array.from({ length: 40 }, (_, at) => [`p${at}`, at + 1]));
  parties.countFrom(() => new Map([[server.identity, demand]]));
  await shares.follow([server]);
  const told = service.claims[0]?.parties;
  assert.deepEqual([told?.named.length, told?.named[0]], [16, { mark: 'mark-p39', wanted: 40 }]);
  assert.deepEqual(told?.others, { count: 24, wanted: (24 * 25) / 2 });
});
