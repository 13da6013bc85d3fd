/** The pool: who is tried out, who is replaced, and how many there are. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { sql } from 'kysely';
import { openPostgresBackend } from '../../src/stores/postgres/open-postgres.ts';
import { poolShare } from '../../src/stores/postgres/pool-share.ts';
import type { Backend } from '../../src/stores/sql/store.ts';
import { durableStoreOption } from '../../src/stores/store-options.ts';
import { createHeldClock } from '../held-clock.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { hasCode } from './failure-code.ts';
import { switchTo } from './switched-port.ts';

let server: PostgresServer;
before(async () => {
  server = await openPostgresServer();
});
after(() => server.stop());

async function openHere(t: TestContext, url: string) {
  const option = durableStoreOption.parse({ url });
  if (option === 'sqlite') throw new Error('that is no address');
  const clock = createHeldClock();
  const backend = await openPostgresBackend(option, { clock, replicas: () => 1 });
  t.after(() => backend.close());
  return { backend, clock };
}

async function processOf({ write }: Backend): Promise<number> {
  const { rows } = await write((database) =>
    sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(database),
  );
  return rows[0]?.pid ?? 0;
}

test('a connection that was forgotten on the way is found out before it is used', async (t) => {
  const through = await switchTo(t, server.port);
  const url = new URL(server.url);
  url.port = String(through.port);
  const { backend, clock } = await openHere(t, url.href);
  const first = await processOf(backend);
  clock.advance(29_000);
  assert.equal(await processOf(backend), first, 'it rested for less than 30 s');
  through.swallow();
  clock.advance(30_000);
  assert.notEqual(await processOf(backend), first);
});

test('a connection is replaced after an hour, give or take a tenth', async (t) => {
  const { backend, clock } = await openHere(t, server.url);
  const first = await processOf(backend);
  clock.advance(53 * 60_000);
  assert.equal(await processOf(backend), first);
  clock.advance(14 * 60_000);
  assert.notEqual(await processOf(backend), first);
});

test('a refused connection is not tried again at once, and later it is', async (t) => {
  const { backend, clock } = await openHere(t, await server.createDatabase().then(closedPort));
  const refused = async () => await processOf(backend).catch((error: unknown) => error);
  const [first, second] = [await refused(), await refused()];
  assert.ok(hasCode('dependency_unavailable')(first));
  assert.equal(second, first, 'the same failure, and no second try');
  clock.advance(2_000);
  assert.notEqual(await refused(), first);
});

test('all shares together stay below what is allowed and what the server has, and each is one at least', () => {
  const total = (configured: number, serverMax: number | undefined, replicas: number) => {
    const { short, reports } = poolShare({ configured, serverMax, replicas });
    assert.ok(short >= 1 && reports <= short);
    assert.equal(reports > 0, short + reports > 1, 'from two on reports have one of their own');
    return short + reports;
  };
  assert.equal(total(20, undefined, 1), 20);
  assert.equal(total(20, 100, 1), 20);
  assert.equal(total(100, 100, 1), 90);
  assert.equal(total(100, 100, 4), 22);
  assert.equal(total(20, 15, 1), 5);
  assert.equal(total(20, 100, 3), 6);
  assert.equal(total(20, 100, 50), 1);
  assert.equal(total(20, 5, 0), 1);
  const inTurn = (replicas: number) => poolShare({ configured: 20, serverMax: 15, replicas }).inTurn;
  assert.deepEqual([1, 5, 6].map(inTurn), [false, false, true]);
});

test('an address that leaves something to the environment is refused', async (t) => {
  for (const url of [
    'postgres://localhost/db',
    'postgres://user@localhost',
    'postgres:///db',
    'postgres://',
  ]) {
    await assert.rejects(openHere(t, url), /must name user, host and database/, url);
  }
});

test('what is configured reads `***` and says what is wrong without repeating it', () => {
  const url = 'postgres://me:hunter2secret@db/prod';
  const parsed = durableStoreOption.parse({ url, replica: url });
  assert.equal(JSON.stringify(parsed).includes('hunter2'), false);
  assert.deepEqual(durableStoreOption.parse(undefined), 'sqlite');
  assert.deepEqual(durableStoreOption.parse(url), durableStoreOption.parse({ url }));
  for (const wrong of ['mysql://me:hunter2secret@db', { url, pool: { size: 1 } }, { url, ssl: true }, 7]) {
    const { success, error } = durableStoreOption.safeParse(wrong);
    assert.equal(success, false, JSON.stringify(wrong));
    assert.equal(String(error).includes('hunter2'), false);
  }
});

/** Nobody listens on the first port. */
function closedPort(text: string): string {
  const url = new URL(text);
  url.port = '1';
  return url.href;
}
