// Claims that are under way: renewed while they are, kept when they end, and removed when they are too old.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createHeldClaims } from '../../src/stores/held-claims.ts';
import { unavailable } from '../../src/stores/sql/outage.ts';
import { until } from '../faults/rig.ts';
import { createHeldClock } from '../held-clock.ts';
import { sqliteBackend, temporaryFolder } from './databases.ts';
import { openReplaysOn } from './replays-on.ts';

const claim = { tenant: 'acme', user: '', key: 'k', fingerprint: 'f' };
const reply = { status: 200, headers: [], body: Buffer.from('done') };
const leaseMs = 30_000;

async function open(t: TestContext) {
  const clock = createHeldClock();
  const backend = sqliteBackend(t, join(await temporaryFolder(t), 'claims.sqlite'));
  let away = false;
  const { replays } = await openReplaysOn(backend, { ttlMs: 60_000, leaseMs }, clock);
  const reached = { ...replays };
  for (const name of ['begin', 'renew', 'end', 'erase', 'prune'] as const) {
    const work = replays[name].bind(replays) as (...given: unknown[]) => Promise<never>;
    reached[name] = async (...given: unknown[]) => {
      if (away) throw unavailable('the test took it away');
      return await work(...given);
    };
  }
  const troubles: string[] = [];
  const claims = createHeldClaims({
    replays: reached,
    clock,
    leaseMs,
    onTrouble: ({ message }) => void troubles.push(message),
  });
  t.after(async () => {
    const closed = claims.close(0);
    clock.advance(0);
    await closed;
  });
  const begin = async () => {
    const state = await claims.begin(claim);
    assert.ok(state.kind === 'begun', state.kind);
    return state;
  };
  const rows = () =>
    backend.write(async (database) => {
      const { count } = await database
        .selectFrom('replays')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow();
      return count;
    });
  /** Works of the database that the clock set off are over when it has answered once more. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    await rows();
  };
  return {
    claims,
    replays,
    troubles,
    begin,
    rows,
    pass,
    takeAway: (isAway: boolean) => {
      away = isAway;
    },
  };
}

test('C12: what is under way for long stays claimed, and what has ended is not renewed', async (t) => {
  const { begin, replays, pass } = await open(t);
  const begun = await begin();
  for (let tenSeconds = 0; tenSeconds < 12; tenSeconds += 1) {
    await pass(10_000);
    assert.equal((await replays.begin(claim)).kind, 'under-way');
  }
  await begun.end(reply);
  assert.equal((await replays.begin(claim)).kind, 'done');
  await pass(60_000);
  assert.equal((await replays.begin(claim)).kind, 'begun', 'its time is over');
});

test('DP9: what cannot be kept is tried again; after half a minute it is told, and the key is free', async (t) => {
  const { begin, replays, pass, takeAway, troubles } = await open(t);
  const first = await begin();
  takeAway(true);
  await first.end(reply);
  await pass(1_000);
  takeAway(false);
  await pass(2_000);
  assert.equal((await replays.begin(claim)).kind, 'done');
  await pass(60_000);
  const second = await begin();
  takeAway(true);
  await second.end(reply);
  for (const ms of [1_000, 2_000, 4_000, 8_000, 16_000]) await pass(ms);
  assert.deepEqual(troubles, ['the test took it away']);
  assert.equal((await replays.begin(claim)).kind, 'begun');
});

test('what is too old is gone within the hour, whether anybody comes or not', async (t) => {
  const { begin, rows, pass } = await open(t);
  await (await begin()).end(reply);
  assert.equal(await rows(), 1);
  await pass(3_600_000);
  await until('it is removed', async () => (await rows()) === 0);
});

test('closing waits for what is under way, though not for ever', async (t) => {
  const { claims, begin, pass, replays } = await open(t);
  const begun = await begin();
  let closed = false;
  const closing = claims.close(2_000).then(() => {
    closed = true;
  });
  await pass(1_999);
  assert.equal(closed, false);
  await begun.end(reply);
  await closing;
  assert.equal((await replays.begin(claim)).kind, 'done');
  const hanging = await open(t);
  await hanging.begin();
  const given = hanging.claims.close(2_000);
  await hanging.pass(2_000);
  await given;
});
