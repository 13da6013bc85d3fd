/**
 * Two versions side by side, and the way back (P3): each replica is stopped and comes again as the other version, under load,
 * over one PostgreSQL and one Redis. `MILLRACE_OTHER` names a checkout of the other version; without one both are this one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'pg';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { soaking, times } from '../soak.ts';
import { openRollingLoad, sum } from './rolling-load.ts';
import { openRolling, type Version, versions } from './rolling-rig.ts';

/** A proxy that is held up for longer than `preStopMs` may ask one that has stopped after one that had not begun yet. */
const drain = { preStopMs: times(300, 5_000), requestsMs: 10_000, streamsMs: 10_000 };
const cycles = times(1, 5);
const wholesPerTurn = times(10, 100);
const reason =
  'one version with itself is what rolling.test.ts shows; MILLRACE_OTHER names a checkout of another';

test('P3: from one version to the other and back under load, over one PostgreSQL and one Redis: nothing fails, and no row is missing', {
  timeout: 180_000 * cycles,
  skip: !soaking && versions.other === undefined ? reason : false,
}, async (t) => {
  const [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
  t.after(() => Promise.all([redis.stop(), postgres.stop()]));
  const store = await postgres.createDatabase();
  const load = await openRollingLoad(t);
  const rolling = await openRolling(t, { redis, store, llm: load.url, drain, version: 'other' });
  load.begin(rolling);
  const become = async (version: Version) => {
    for (const replica of rolling.replicas) {
      const ended = await replica.running.stop('SIGTERM');
      assert.equal(ended.code, 0, ended.err);
      await load.more(wholesPerTurn);
      await replica.start(version);
      await load.more(wholesPerTurn);
    }
  };
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    await become('this');
    await become('other');
  }
  t.diagnostic(await load.rest());
  for (const { running } of rolling.replicas) assert.equal((await running.stop('SIGTERM')).code, 0);
  assert.deepEqual(Object.keys(load.wholes), ['200']);
  assert.deepEqual(Object.keys(load.streams), ['200']);
  const client = new Client({ connectionString: store });
  await client.connect();
  const { rows } = await client.query('select outcome, count(*)::int as count from ledger group by outcome');
  await client.end();
  const served = { outcome: 'complete', count: sum(load.wholes) + sum(load.streams) };
  assert.deepEqual(rows, [served]);
});
