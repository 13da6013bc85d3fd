/**
 * A9: the audit log of two gateways that share one database. While it cannot be written, because its disk is full or it
 * is away, neither changes anything; what both wrote is one chain, and who edits it behind their backs is found out at both.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import {
  type Ask,
  assertNothingChanges,
  assertOnlyAda,
  readableWithoutStore,
} from '../admin/refused-changes.ts';
import { openTestAdmin, type TestAdmin } from '../admin-rig.ts';
import { millrace, openPlace, type Place } from '../cli/gateway-process.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { times } from '../soak.ts';
import { fileBytesMax, filledUp, limitFiles } from '../stores/full-disk.ts';
import { until } from './rig.ts';

let postgres: PostgresServer;
let redis: RedisServer;
let store: string;
let replicas: readonly TestAdmin[];
let place: Place;

before(async () => {
  [postgres, redis, place] = await Promise.all([openPostgresServer(), openRedisServer(), openPlace()]);
  store = await postgres.createDatabase();
  const open = () => openTestAdmin({ config: { store, shared: redis.url } });
  replicas = await Promise.all([open(), open()]);
  for (const { gateway } of replicas) {
    await until('they know of each other', () => gateway.gateway.lasting.shared.presence.count() === 2);
  }
  await make('ada', replicas[0]);
});
after(async () => {
  await Promise.all(replicas.map((replica) => replica.close()));
  await Promise.all([postgres.stop(), redis.stop(), place[Symbol.asyncDispose]()]);
});

async function make(name: string, replica?: TestAdmin): Promise<void> {
  const answer = await replica?.ask('users', { method: 'POST', body: { name } });
  assert.equal(answer?.status, 201, JSON.stringify(answer?.body));
}

const each = <T>(run: (replica: TestAdmin, index: number) => Promise<T>) => Promise.all(replicas.map(run));

const verdicts = () => each(async ({ ask }) => (await ask('audit/verify')).body);

/** What stands in it, without what was refused: that is counted, and comes when it comes. */
async function records(): Promise<readonly string[]> {
  const { body } = (await replicas[0]?.ask('audit?limit=500')) ?? {};
  const items = body.items as { object: string; outcome: string }[];
  return items
    .filter(({ outcome }) => outcome !== 'refused')
    .map(({ object, outcome }) => `${object} ${outcome}`);
}

async function withClient<T>(run: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: store });
  client.on('error', () => undefined);
  await client.connect();
  return await run(client).finally(() => client.end());
}

/** At each: they wait for one another, and a record that waits for too long is refused. */
const atOnce = times(4, 10);

test('A9: what two replicas write at once is one chain', async () => {
  await each(async (replica, index) => {
    await Promise.all(Array.from({ length: atOnce }, (_, at) => make(`at-once-${index}-${at}`, replica)));
  });
  const [one, two] = await verdicts();
  assert.deepEqual([one.sound, two.sound], [true, true]);
  assert.deepEqual(one.upTo, two.upTo);
  assert.equal(one.upTo.number, 2 * (1 + 2 * atOnce), 'each change began and was done');
});

/** Both refuse, nothing is said to have begun, and both change things again afterwards. */
async function refusedAtBoth(
  name: string,
  mend: () => Promise<unknown>,
  read?: readonly string[],
): Promise<void> {
  await each(({ ask }) => assertNothingChanges(ask as Ask, read));
  await mend();
  await each(async (replica, index) => {
    const again = () => replica.ask('users', { method: 'POST', body: { name: `${name}-${index}` } });
    await until('it changes things again', async () => (await again()).status === 201);
  });
  await each(({ ask }) => assertOnlyAda(ask as Ask));
  assert.deepEqual(
    (await records()).filter((record) => record.includes('unseen')),
    [],
  );
}

test('A9: with the disk of the database full both replicas refuse every change with 503 and make none', () =>
  withClient(async (client) => {
    await limitFiles(client, String(fileBytesMax));
    assert.equal(await filledUp(client, { table: 'audit', key: 'number' }), '53100', 'its disk is full');
    await refusedAtBoth('after-full', async () => {
      await limitFiles(client, 'unlimited');
      await client.query('delete from audit where number < 0');
    });
  }));

test('A9, DP9: with the database away both replicas refuse every change with 503 and make none', async () => {
  postgres.kill();
  await refusedAtBoth('after-kill', () => postgres.restart(), readableWithoutStore);
});

test('A9: a record that was edited, or taken out, is found at both, and by `millrace audit verify`', async () => {
  const [sound] = await verdicts();
  const verify = async (replica: TestAdmin) => {
    const { code, out, err } = await millrace(
      ['audit', 'verify', '--admin', replica.url, '--token', replica.token],
      { place },
    );
    return `${code} ${out}${err}`;
  };
  const [one, two] = replicas;
  assert.ok(one !== undefined && two !== undefined);
  assert.match(
    await verify(one),
    new RegExp(`^0 sound from the first record to record ${sound.upTo.number}`),
  );
  await withClient(async (client) => {
    const editing = (sql: string) => client.query(sql).then(verdicts);
    const brokenAt = (found: Awaited<ReturnType<typeof verdicts>>) =>
      found.map((verdict) => verdict.brokenAt);
    const { rows } = await client.query('select object from audit where number = 7');
    assert.deepEqual(brokenAt(await editing(`update audit set object = 'nobody' where number = 7`)), [7, 7]);
    assert.match(await verify(two), /^1 .*broken at record 7/s);
    await client.query('update audit set object = $1 where number = 7', [rows[0]?.object]);
    assert.deepEqual(brokenAt(await verdicts()), [undefined, undefined], 'as it was it fits again');
    assert.deepEqual(brokenAt(await editing('delete from audit where number = 12')), [12, 12]);
  });
});
