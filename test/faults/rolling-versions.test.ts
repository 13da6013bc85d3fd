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
import { openPacedLlm } from '../upstream/paced-llm.ts';
import { until } from './rig.ts';
import { openRolling, type Version, versions } from './rolling-rig.ts';
import { load } from './shared-slots-rig.ts';
import { readStreams } from './stream-load.ts';

const drain = { preStopMs: 300, requestsMs: 10_000, streamsMs: 10_000 };
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
  const llm = await openPacedLlm(t, { answerMs: 30, events: 20, everyMs: 30 });
  const rolling = await openRolling(t, { redis, store, llm: llm.url, drain, version: 'other' });
  const wholes = load(() => rolling, 6);
  const streams = readStreams(rolling, 10);
  const more = async () => {
    const before = wholes.codes.length;
    await until('they are served', () => wholes.codes.length >= before + wholesPerTurn);
  };
  const become = async (version: Version) => {
    for (const replica of rolling.replicas) {
      const ended = await replica.running.stop('SIGTERM');
      assert.equal(ended.code, 0, ended.err);
      await more();
      await replica.start(version);
      await more();
    }
  };
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    await become('this');
    await become('other');
  }
  await Promise.all([wholes.stop(), streams.stop()]);
  for (const { running } of rolling.replicas) assert.equal((await running.stop('SIGTERM')).code, 0);
  t.diagnostic(`${wholes.codes.length} answers and ${streams.ends.length} streams`);
  assert.deepEqual(
    wholes.codes.filter((code) => code !== 200),
    [],
  );
  assert.deepEqual(
    streams.ends.filter((end) => end !== 'done'),
    [],
  );
  const client = new Client({ connectionString: store });
  await client.connect();
  const { rows } = await client.query('select outcome, count(*)::int as count from ledger group by outcome');
  await client.end();
  const served = { outcome: 'complete', count: wholes.codes.length + streams.ends.length };
  assert.deepEqual(rows, [served]);
});
