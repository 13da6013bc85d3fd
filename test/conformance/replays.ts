/** What every driver of `Replays` promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Replays, Sealers } from '../../src/core/ports.ts';
import type { KeptReply, ReplayClaim, ReplayState } from '../../src/core/replay.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { ReplayBound } from '../../src/stores/sql/replay-bound.ts';
import type { ReplaysOptions } from '../../src/stores/sql/replays.ts';
import { createHeldClock } from '../held-clock.ts';

export interface OpenedReplays {
  readonly replays: Replays;
  /** What lies in the database, as a thief would find it. */
  stolen(): Promise<Buffer>;
  close(): Promise<void>;
}

/** Nothing is kept yet, and this clock alone counts. */
export type OpenReplays = (options: ReplaysOptions, clock: Clock) => Promise<OpenedReplays>;

const dayMs = 86_400_000;
const leaseMs = 30_000;
const claim: ReplayClaim = { tenant: 'acme', user: 'ada', key: 'k-1', fingerprint: 'f-1' };
const reply: KeptReply = {
  status: 200,
  headers: ['content-type', 'application/json', 'x-millrace-model', 'gemma'],
  body: Buffer.from([0, 1, 255, 10, 200, 0]),
};

export function replaysConformance(driver: string, open: OpenReplays): void {
  const promise = (
    name: string,
    run: (given: OpenedReplays & { clock: ReturnType<typeof createHeldClock> }) => Promise<void>,
    sealers?: Sealers,
    bound?: () => ReplayBound,
  ) =>
    test(`${driver}: ${name}`, async () => {
      const clock = createHeldClock();
      const opened = await open({ ttlMs: dayMs, leaseMs, sealers, bound: bound?.() }, clock);
      await run({ ...opened, clock }).finally(() => opened.close());
    });

  promise('C12: of many that begin at once with one key, one may', async ({ replays }) => {
    const states = await Promise.all(Array.from({ length: 20 }, () => replays.begin(claim)));
    assert.equal(states.filter(({ kind }) => kind === 'begun').length, 1);
    assert.equal(states.filter(({ kind }) => kind === 'under-way').length, 19);
  });

  promise('C12: what was kept comes back as it was, again and again', async ({ replays }) => {
    await replays.end(claim, tokenOf(await replays.begin(claim)), reply);
    for (let again = 0; again < 3; again += 1) assert.deepEqual(keptOf(await replays.begin(claim)), reply);
  });

  promise('C12: one key asked with something else is a mistake, before the end and after', async (given) => {
    const { replays } = given;
    const token = tokenOf(await replays.begin(claim));
    const other = { ...claim, fingerprint: 'f-2' };
    assert.deepEqual(await replays.begin(other), { kind: 'mismatch' });
    await replays.end(claim, token, reply);
    assert.deepEqual(await replays.begin(other), { kind: 'mismatch' });
    assert.deepEqual(
      await replays.begin({ ...claim, user: 'bob' }),
      { kind: 'mismatch' },
      'nor is it others’',
    );
  });

  promise('C12: the same key of another tenant is another key', async ({ replays }) => {
    await replays.end(claim, tokenOf(await replays.begin(claim)), reply);
    const other = { ...claim, tenant: 'other' };
    const token = tokenOf(await replays.begin(other));
    await replays.end(other, token, { ...reply, status: 500 });
    assert.equal(keptOf(await replays.begin(claim)).status, 200);
    assert.equal(keptOf(await replays.begin(other)).status, 500);
  });

  promise('C12: after 24 hours, and not before, the key is new', async ({ replays, clock }) => {
    await replays.end(claim, tokenOf(await replays.begin(claim)), reply);
    clock.advance(dayMs - 1);
    assert.equal((await replays.begin(claim)).kind, 'done');
    clock.advance(1);
    const token = tokenOf(await replays.begin({ ...claim, fingerprint: 'f-2' }));
    await replays.end(claim, token, { ...reply, status: 201 });
    assert.equal(keptOf(await replays.begin({ ...claim, fingerprint: 'f-2' })).status, 201);
  });

  promise(
    'C12: a claim that nobody renews any more is free again, and its first holder too late',
    async (given) => {
      const { replays, clock } = given;
      const first = tokenOf(await replays.begin(claim));
      clock.advance(leaseMs - 1);
      await replays.renew([first]);
      clock.advance(leaseMs - 1);
      assert.equal((await replays.begin(claim)).kind, 'under-way', 'it was renewed');
      clock.advance(1);
      const second = tokenOf(await replays.begin(claim));
      await replays.end(claim, first, { ...reply, status: 500 });
      await replays.renew([first]);
      await replays.end(claim, first, 'undone');
      assert.equal((await replays.begin(claim)).kind, 'under-way');
      await replays.end(claim, second, reply);
      assert.equal(keptOf(await replays.begin(claim)).status, 200);
      await replays.renew([second]);
      clock.advance(leaseMs * 2);
      assert.equal((await replays.begin(claim)).kind, 'done', 'renewing changes nothing of what has ended');
    },
  );

  promise('what was not done may begin again, what was too large may not', async ({ replays }) => {
    await replays.end(claim, tokenOf(await replays.begin(claim)), 'undone');
    await replays.end(claim, tokenOf(await replays.begin(claim)), 'too-large');
    assert.deepEqual(await replays.begin(claim), { kind: 'not-kept' });
  });

  promise('a user’s replies are erased, or a tenant’s, and nobody else’s', async ({ replays }) => {
    const mine = [claim, { ...claim, key: 'k-2' }];
    const bobs = { ...claim, user: 'bob', key: 'k-3' };
    const others = { ...claim, tenant: 'other' };
    for (const each of [...mine, bobs, others])
      await replays.end(each, tokenOf(await replays.begin(each)), reply);
    assert.equal(await replays.erase('acme', 'ada'), 2);
    assert.equal((await replays.begin(bobs)).kind, 'done');
    assert.equal(await replays.erase('acme'), 1);
    assert.equal((await replays.begin(others)).kind, 'done');
    assert.equal((await replays.begin(claim)).kind, 'begun');
  });

  promise('what is too old is removed, and nothing else', async ({ replays, clock }) => {
    for (let index = 0; index < 5; index += 1) {
      const each = { ...claim, key: `old-${index}` };
      await replays.end(each, tokenOf(await replays.begin(each)), reply);
    }
    clock.advance(dayMs / 2);
    await replays.end(claim, tokenOf(await replays.begin(claim)), reply);
    assert.equal(await replays.prune(), 0);
    clock.advance(dayMs / 2);
    assert.equal(await replays.prune(), 5);
    assert.equal((await replays.begin(claim)).kind, 'done');
  });

  promise(
    'C12: of a tenant so much is kept and the oldest goes first, and nothing is done twice for it',
    async ({ replays, clock, stolen }) => {
      const keep = async (each: ReplayClaim) => {
        clock.advance(1);
        const body = Buffer.alloc(1_000, each.key);
        await replays.end(each, tokenOf(await replays.begin(each)), { ...reply, body });
        await replays.renew([]);
      };
      const others = { ...claim, tenant: 'other' };
      await keep(others);
      const all = Array.from({ length: 40 }, (_, at) => ({ ...claim, key: `k-${at}` }));
      const [first = claim] = all;
      await keep(first);
      const kindOf = async (each: ReplayClaim) => (await replays.begin(each)).kind;
      assert.equal(await kindOf(first), 'done');
      for (const each of all.slice(1)) await keep(each);
      const kinds = await Promise.all(all.map(kindOf));
      const kept = kinds.filter((kind) => kind === 'done').length;
      assert.ok(kept >= 8 && kept <= 11, `${kept} of 10,000 bytes are kept`);
      const gone = kinds.slice(0, -kept);
      assert.deepEqual(new Set(gone), new Set(['not-kept']), 'the oldest');
      assert.ok((await stolen()).length <= 13_500);
      assert.equal(await kindOf(others), 'done', 'another has its own');
    },
    undefined,
    () => new ReplayBound(10_000),
  );

  promise('whatever the key, the headers and the body are, they come back', async ({ replays }) => {
    const word = fc.string({ unit: fc.constantFrom(...'aZ09 !"\'\\;é'), minLength: 1, maxLength: 255 });
    const any = fc.record({
      key: word,
      status: fc.integer({ min: 200, max: 599 }),
      headers: fc.array(word, { maxLength: 6 }),
      body: fc.uint8Array({ maxLength: 4_000 }),
    });
    let made = 0;
    await fc.assert(
      fc.asyncProperty(any, async ({ key, ...kept }) => {
        made += 1;
        const each = { ...claim, tenant: `t${made}`, key };
        await replays.end(each, tokenOf(await replays.begin(each)), kept);
        const found = keptOf(await replays.begin(each));
        assert.deepEqual({ ...found, body: new Uint8Array(found.body) }, kept);
      }),
      { numRuns: 30 },
    );
  });

  const words = { ...reply, body: Buffer.from('the secret of the mill') };

  promise(
    'G8: with a sealer no answer can be read where it lies, and it is sealed for this key alone',
    async (given) => {
      const { replays, stolen } = given;
      await replays.end(claim, tokenOf(await replays.begin(claim)), words);
      assert.deepEqual(keptOf(await replays.begin(claim)), words);
      const found = await stolen();
      assert.ok(found.length > 0);
      assert.ok(!found.includes('mill') && !found.includes('gemma'));
    },
    mixing,
  );

  let pad = 0x55;
  const changing: Sealers = {
    of: async () => {
      const mix = (bytes: Uint8Array) => Buffer.from(bytes.map((byte) => byte ^ pad));
      return { seal: mix, open: mix };
    },
    destroy: async () => {
      pad += 1;
    },
  };

  promise(
    'G8: what was sealed with a key that is gone is not given again, nor done again',
    async ({ replays }) => {
      await replays.end(claim, tokenOf(await replays.begin(claim)), words);
      await changing.destroy('acme', 'ada');
      assert.deepEqual(await replays.begin(claim), { kind: 'not-kept' });
    },
    changing,
  );

  promise('without one it lies there as it was sent', async ({ replays, stolen }) => {
    await replays.end(claim, tokenOf(await replays.begin(claim)), words);
    assert.ok((await stolen()).includes('secret of the mill'));
  });
}

/** Stands for a cipher: what matters here is what is sealed, about what and whose. */
const mixing: Sealers = {
  of: async (tenant, user) => {
    const mix = (bytes: Uint8Array, about: string) => {
      const pad = Buffer.from(`${tenant}/${user}/${about}`);
      return Buffer.from(bytes.map((byte, index) => byte ^ (pad[index % pad.length] ?? 0) ^ 0x55));
    };
    return { seal: mix, open: mix };
  },
  destroy: async () => {},
};

function tokenOf(state: ReplayState): string {
  assert.equal(state.kind, 'begun');
  return state.kind === 'begun' ? state.token : '';
}

function keptOf(state: ReplayState): KeptReply {
  assert.ok(state.kind === 'done', state.kind);
  return { ...state.reply, body: Buffer.from(state.reply.body) };
}
