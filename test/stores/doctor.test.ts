// What `doctor` says of the stores: reached or not, and what mends it. It changes nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'pg';
import { systemClock } from '../../src/lib/clock.ts';
import { openShared } from '../../src/stores/open-shared.ts';
import { sharedStateOption } from '../../src/stores/shared-options.ts';
import { openPlace } from '../cli/gateway-process.ts';
import { runVerb } from '../cli/run-verb.ts';
import { openPostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer } from '../servers/redis-server.ts';

interface Finding {
  readonly area: string;
  readonly state: string;
  readonly says: string;
  readonly mend?: string;
}

test('doctor reaches both stores, leaves them as they are, and says when one is away', async (t) => {
  await using place = await openPlace();
  const [redis, postgres] = await Promise.all([
    openRedisServer(),
    openPostgresServer({ config: { max_connections: '12' } }),
  ]);
  t.after(() => Promise.all([redis.stop(), postgres.stop()]));
  const database = await postgres.createDatabase();
  const environment = { STORE_URL: database, SHARED_URL: redis.url };
  await place.write(
    'millrace.yaml',
    'store: env:STORE_URL\nshared: env:SHARED_URL\nupstreams: { sim: { type: simulator } }\n',
  );
  const examine = async (): Promise<{
    code: number | null;
    of: (area: string) => Finding | undefined;
    text: string;
  }> => {
    const { code, out, err } = await runVerb(['doctor', '--config', 'millrace.yaml', '--json'], {
      place,
      environment,
    });
    const { findings } = JSON.parse(out) as { findings: readonly Finding[] };
    return { code, of: (area) => findings.find((finding) => finding.area === area), text: out + err };
  };

  const well = await examine();
  assert.equal(well.code, 0, well.text);
  assert.match(well.of('store')?.says ?? '', /^postgres .*schema at step 0; the next start takes it to \d+$/);
  assert.match(well.of('shared')?.says ?? '', /^Redis answers; 0 gateway\(s\) share it now$/);
  const client = new Client({ connectionString: database });
  await client.connect();
  const { rows } = await client.query(
    "select * from information_schema.tables where table_schema = 'public'",
  );
  await client.end();
  assert.deepEqual(rows, [], 'no table was made');

  const gateways = await Promise.all(
    ['a', 'b', 'c'].map((id) =>
      openShared(sharedStateOption.parse(redis.url), { clock: systemClock, id, onTrouble: () => {} }),
    ),
  );
  const scarce = await examine();
  await Promise.all(gateways.map((gateway) => gateway.close()));
  assert.equal(scarce.code, 0, scarce.text);
  assert.equal(scarce.of('store')?.state, 'warn');
  assert.match(scarce.of('store')?.says ?? '', /3 gateways take turns at the 2 connections/);

  redis.kill();
  postgres.kill();
  const ill = await examine();
  assert.equal(ill.code, 1);
  assert.equal(ill.of('store')?.state, 'fail');
  assert.match(ill.of('store')?.mend ?? '', /start the database/);
  assert.equal(ill.of('shared')?.state, 'warn');
  for (const url of [database, redis.url]) {
    assert.equal(ill.text.includes(new URL(url).password), false, 'no password is shown');
  }
});
