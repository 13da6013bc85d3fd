/** What every driver of `Leases` promises: replicas of one service, asked one after the other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LearntClaim, LeaseClaim, LeaseGrant, Leases } from '../../src/core/ports.ts';

export interface LeasesDriver {
  readonly driver: string;
  /** A service that nobody has asked yet: opens replicas of it, and moves the time that it goes by. */
  open(): Promise<{
    replica(): Leases;
    pass(ms: number): Promise<void>;
    /** As a server that was killed and came back: what was told is gone. */
    forget(): Promise<void>;
  }>;
}

/** So long that every lease has ended that was not renewed meanwhile. */
const leaseMs = 10_000;
const turnMs = 1_000;

export function leasesConformance({ driver, open }: LeasesDriver): void {
  const promise = (name: string, run: () => Promise<void>) => test(`${driver}: ${name}`, run);

  promise('who is alone has all the slots, and a second one a part as soon as it is given back', async () => {
    const service = await open();
    const [one, two] = [service.replica(), service.replica()];
    assert.equal(await ask(one, { slots: 4 }), 4);
    assert.equal(await ask(one, { slots: 4, held: 4 }), 4);
    assert.equal(await ask(two, { slots: 4, wanted: 9 }), 0);
    const fewer = await ask(one, { slots: 4, held: 4 });
    assert.equal(fewer, 1, 'one stays with who is idle');
    assert.equal(await ask(two, { slots: 4, wanted: 9 }), 0, 'they may still be in use');
    await ask(one, { slots: 4, held: fewer });
    assert.equal(await ask(two, { slots: 4, wanted: 9 }), 3);
  });

  promise('what is in use stays with who uses it, for as long as it does', async () => {
    const service = await open();
    const [one, two] = [service.replica(), service.replica()];
    await ask(one, { slots: 3 });
    await ask(two, { slots: 3, wanted: 3 });
    for (const used of [3, 2]) {
      await ask(one, { slots: 3, held: used, wanted: used });
      assert.equal(await ask(two, { slots: 3, wanted: 3 }), 3 - used);
    }
  });

  promise('those who want more than there is have equal parts, whatever they want', async () => {
    const service = await open();
    const replicas = [service.replica(), service.replica(), service.replica()];
    const held = replicas.map(() => 0);
    for (let round = 0; round < 3; round += 1) {
      for (const [at, replica] of replicas.entries()) {
        const wanted = [2, 50, 500][at] ?? 0;
        held[at] = await ask(replica, { slots: 12, held: held[at] ?? 0, wanted });
      }
    }
    assert.deepEqual(held, [2, 5, 5]);
  });

  promise('a server with one slot is one replica’s at a time, and they take turns', async () => {
    const service = await open();
    const [one, two] = [service.replica(), service.replica()];
    const held = { one: 0, two: 0 };
    const turns = { one: 0, two: 0 };
    for (let turn = 0; turn < 6; turn += 1) {
      for (let round = 0; round < 3; round += 1) {
        held.one = await ask(one, { slots: 1, held: held.one, wanted: 4 });
        assert.ok(held.one + held.two <= 1);
        held.two = await ask(two, { slots: 1, held: held.two, wanted: 4 });
        assert.ok(held.one + held.two <= 1);
      }
      turns.one += held.one;
      turns.two += held.two;
      await service.pass(turnMs);
    }
    assert.deepEqual(turns, { one: 3, two: 3 });
  });

  promise(
    'where fewer slots than replicas are wanted, whoever wants one has a turn as whoever wants many',
    async () => {
      const service = await open();
      const wants = [1, 9, 9, 0];
      const replicas = wants.map(() => service.replica());
      const held = wants.map(() => 0);
      const turns = wants.map(() => 0);
      for (let turn = 0; turn < 8; turn += 1) {
        for (let round = 0; round < 3; round += 1) {
          for (const [at, replica] of replicas.entries()) {
            const wanted = wants[at] ?? 0;
            held[at] = await ask(replica, { slots: 2, held: held[at] ?? 0, wanted });
          }
        }
        for (const [at, count] of held.entries()) turns[at] = (turns[at] ?? 0) + count;
        await service.pass(turnMs);
      }
      assert.ok(
        turns.every((count, at) => count >= 2 === (wants[at] ?? 0) > 0),
        `turns: ${turns}`,
      );
    },
  );

  promise('who stands for more parties has so much more, and never more than it wants', async () => {
    const service = await open();
    const replicas = [service.replica(), service.replica(), service.replica()];
    const claims = [
      { wanted: 20, weight: 1.5 },
      { wanted: 20, weight: 0.5 },
      { wanted: 2, weight: 40 },
    ];
    const held = replicas.map(() => 0);
    for (let round = 0; round < 3; round += 1) {
      for (const [at, replica] of replicas.entries())
        held[at] = await ask(replica, { slots: 10, held: held[at] ?? 0, ...(claims[at] ?? { wanted: 0 }) });
    }
    assert.deepEqual(held, [6, 2, 2]);
  });

  promise('who is to have no whole number of slots has it over time', async () => {
    const service = await open();
    const replicas = [service.replica(), service.replica()];
    const held = [0, 0];
    const sums = [0, 0];
    for (let turn = 0; turn < 16; turn += 1) {
      for (let round = 0; round < 3; round += 1) {
        for (const [at, replica] of replicas.entries())
          held[at] = await ask(replica, { slots: 1, held: held[at] ?? 0, wanted: 9, weight: 1.5 - at });
      }
      for (const [at, count] of held.entries()) sums[at] = (sums[at] ?? 0) + count;
      await service.pass(turnMs);
    }
    assert.deepEqual(sums, [12, 4]);
  });

  promise(
    'who tells its parties hears of those of the others, as last told, where there is not enough for all',
    async () => {
      const service = await open();
      const [one, two] = [service.replica(), service.replica()];
      const parties = { named: [{ mark: 'light_', wanted: 4 }], others: { count: 2, wanted: 70 } };
      const nobody = { named: [], others: { count: 0, wanted: 0 } };
      const wanting = { slots: 4, wanted: 74 };
      assert.deepEqual((await grantOf(one, { ...wanting, parties })).claims, []);
      assert.equal((await grantOf(one, wanting)).claims, undefined);
      const heard = await grantOf(two, { slots: 4, wanted: 9, parties: nobody });
      assert.deepEqual(heard.claims, [{ wanted: 74, parties }]);
      assert.deepEqual((await grantOf(one, { ...wanting, parties: nobody })).claims, [
        { wanted: 9, parties: nobody },
      ]);
      assert.deepEqual((await grantOf(two, { slots: 4, wanted: 9, parties })).claims, [
        { wanted: 74, parties: nobody },
      ]);
      await grantOf(one, { slots: 4, wanted: 1, parties });
      assert.deepEqual((await grantOf(two, { slots: 4, wanted: 2, parties })).claims, [], 'there is enough');
    },
  );

  promise('P2: what a dead replica held is free when its lease has ended, and not before', async () => {
    const service = await open();
    const [dead, alive] = [service.replica(), service.replica()];
    await ask(dead, { slots: 2, wanted: 2 });
    await service.pass(leaseMs - 1);
    assert.equal(await ask(alive, { slots: 2, wanted: 2 }), 0);
    await service.pass(1);
    assert.equal(await ask(alive, { slots: 2, wanted: 2 }), 2);
  });

  promise('P4: who comes back after its time gets nothing that others hold', async () => {
    const service = await open();
    const [zombie, heir] = [service.replica(), service.replica()];
    await ask(zombie, { slots: 1, wanted: 1 });
    await service.pass(leaseMs);
    assert.equal(await ask(heir, { slots: 1, wanted: 1 }), 1);
    assert.equal(await ask(zombie, { slots: 1, wanted: 1 }), 0);
  });

  promise(
    'DP2: who was forgotten keeps what it holds, and is granted no more for the time of a lease',
    async () => {
      const service = await open();
      const [idle, busy, empty] = [service.replica(), service.replica(), service.replica()];
      const all = { slots: 5, heard: true };
      await service.forget();
      for (let passedMs = 0; passedMs < leaseMs; passedMs += turnMs) {
        assert.equal(await ask(empty, { ...all, wanted: 3 }), 0);
        assert.ok((await ask(idle, { ...all, held: 3 })) >= 1);
        assert.equal(await ask(busy, { ...all, held: 2, wanted: 9 }), 2);
        await service.pass(turnMs);
      }
      await ask(idle, { ...all, held: 1 });
      assert.equal(await ask(busy, { ...all, held: 2, wanted: 9 }), 2);
      assert.equal(await ask(empty, { ...all, wanted: 3 }), 2);
    },
  );

  promise(
    'what is given back at the end is there at once, and those who wait for it hear of it',
    async () => {
      const service = await open();
      const [leaving, waiting] = [service.replica(), service.replica()];
      const news = new Promise<void>((heard) => waiting.onNews(heard));
      await ask(leaving, { slots: 2, wanted: 2 });
      assert.equal(await ask(waiting, { slots: 2, wanted: 2 }), 0);
      await leaving.release(['server']);
      assert.equal(await ask(waiting, { slots: 2, wanted: 2 }), 2);
      await news;
    },
  );

  promise('who holds more than its part hears that another waits', async () => {
    const service = await open();
    const [holder, waiting] = [service.replica(), service.replica()];
    await ask(holder, { slots: 2 });
    const news = new Promise<void>((heard) => holder.onNews(heard));
    await ask(waiting, { slots: 2, wanted: 1 });
    await news;
  });

  promise('what one finds out of how many slots there are, the others hear and are divided by', async () => {
    const service = await open();
    const [one, two] = [service.replica(), service.replica()];
    const first = await learn(one, { slots: 1, wanted: 9 });
    assert.deepEqual(first.learnt, { slots: 1, tooMany: 0, revision: 1 });
    const news = new Promise<void>((heard) => two.onNews(heard));
    const more = await learn(one, { slots: 4, held: 1, wanted: 9, revision: 1, isNew: true });
    assert.deepEqual([more.slots, more.learnt], [4, { slots: 4, tooMany: 0, revision: 2 }]);
    await news;
    const heard = await learn(two, { slots: 1, wanted: 9 });
    assert.deepEqual(heard.learnt, { slots: 4, tooMany: 0, revision: 2 }, 'who is new has to hear first');
    assert.equal(heard.others, 4, 'all are held');
    assert.equal((await learn(one, { slots: 4, held: 4, wanted: 1, revision: 2 })).others, 0, 'none is used');
  });

  promise('of two who find out something at once both lower it, and one alone raises it', async () => {
    const service = await open();
    const [one, two] = [service.replica(), service.replica()];
    await learn(one, { slots: 6, revision: 7 });
    await learn(one, { slots: 7, revision: 7, isNew: true });
    const raises = await learn(two, { slots: 8, revision: 7, isNew: true });
    assert.deepEqual(raises.learnt, { slots: 7, tooMany: 0, revision: 8 });
    const lowers = await learn(two, { slots: 3, tooMany: 6, revision: 7, isNew: true });
    assert.deepEqual(lowers.learnt, { slots: 3, tooMany: 6, revision: 9 });
    const knowsNothingNew = await learn(one, { slots: 2, revision: 8 });
    assert.equal(knowsNothingNew.learnt?.slots, 3, 'that it knew fewer before is no finding');
  });

  promise(
    'DP2: after all was forgotten the latest number that anybody knows counts, whoever asks first',
    async () => {
      const service = await open();
      const [fresh, old, latest] = [service.replica(), service.replica(), service.replica()];
      assert.equal((await learn(fresh, { slots: 1 })).learnt?.slots, 1);
      assert.equal((await learn(latest, { slots: 6, revision: 40, heard: true })).learnt?.slots, 6);
      assert.equal((await learn(old, { slots: 3, revision: 39, heard: true })).learnt?.slots, 6);
      assert.deepEqual((await learn(fresh, { slots: 1, revision: 1 })).learnt, {
        slots: 6,
        tooMany: 0,
        revision: 40,
      });
    },
  );

  promise(
    'G14: whatever they ask, and whoever dies, what is granted is never more than there is',
    async () => {
      const steps = fc.array(
        fc.record({
          who: fc.nat(2),
          wanted: fc.nat(7),
          passMs: fc.oneof(fc.nat(300), fc.constant(leaseMs)),
          uses: fc.boolean(),
        }),
        { minLength: 1, maxLength: 30 },
      );
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 5 }), steps, async (slots, all) => {
          const service = await open();
          const replicas = [0, 1, 2].map(() => ({ leases: service.replica(), held: 0, endsAtMs: 0 }));
          let nowMs = 0;
          for (const { who, wanted, passMs, uses } of all) {
            const replica = replicas[who];
            assert.ok(replica !== undefined);
            // Who did not renew in time holds nothing: it knows by its own clock.
            const held = nowMs < replica.endsAtMs ? Math.min(replica.held, uses ? slots : wanted) : 0;
            replica.held = await ask(replica.leases, { slots, held, wanted });
            replica.endsAtMs = nowMs + leaseMs;
            const together = replicas.reduce((sum, each) => sum + (nowMs < each.endsAtMs ? each.held : 0), 0);
            assert.ok(together <= slots, `${together} of ${slots}`);
            nowMs += passMs;
            await service.pass(passMs);
          }
        }),
        { numRuns: 40 },
      );
    },
  );
}

type Asked = Pick<LeaseClaim, 'slots'> & Partial<LeaseClaim>;

async function ask(leases: Leases, claim: Asked): Promise<number> {
  return (await grantOf(leases, claim)).slots;
}

/** Where slots are learnt. */
function learn(
  leases: Leases,
  { tooMany = 0, revision = 0, isNew = false, ...claim }: Asked & Partial<LearntClaim>,
): Promise<LeaseGrant> {
  return grantOf(leases, { ...claim, learnt: { tooMany, revision, isNew } });
}

async function grantOf(leases: Leases, claim: Asked): Promise<LeaseGrant> {
  const grants = await leases.renew([{ upstream: 'server', held: 0, wanted: 0, heard: false, ...claim }]);
  const [grant] = grants ?? [];
  assert.ok(grant !== undefined, 'somebody could tell');
  return grant;
}
