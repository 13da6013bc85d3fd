/** P12: two replicas that start together on an empty database make one schema, one pepper and one chain of one audit log. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { openTestAdmin } from '../admin-rig.ts';
import { aRow } from '../conformance/ledger.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { times } from '../soak.ts';

const runs = times(5, 50);

let redis: RedisServer;
let postgres: PostgresServer;
before(async () => {
  [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
});
after(() => Promise.all([redis.stop(), postgres.stop()]));

/** Patient: two that start on a busy machine are about neither's time-out. */
const shared = () => ({ url: redis.url, timeoutMs: 2_000 });

test('P12: two replicas start together, again and again: every step is taken once, and of two that do the same one wins', async () => {
  for (let run = 0; run < runs; run += 1) await startTogether();
});

test('P12: what is done by the clock is done by both at once, and comes to the same as done once', async (t) => {
  const config = { store: await postgres.createDatabase(), shared: shared(), privacy: { ledgerDays: 30 } };
  const replicas = await Promise.all([openTestGateway({ config }), openTestGateway({ config })]);
  t.after(() => Promise.all(replicas.map((replica) => replica.close())));
  const [one] = replicas;
  const { ledger } = one.gateway.lasting.store;
  const all = { fromDay: '2000-01-01', toDay: '2100-01-01', where: {}, rowsMax: 100 };
  const sum = async (where: object) => {
    const [found] = await ledger.sum({ ...all, by: [], where });
    return [found?.exchanges ?? 0, found?.outputTokens ?? 0, found?.costNanoUsd ?? 0];
  };
  const left = async () => (await ledger.page({ ...all, rowsMax: 1_000 })).rows.length;
  const both = <T>(run: (replica: TestGateway) => Promise<T>) => Promise.all(replicas.map(run));
  for (let run = 0; run < runs; run += 1) {
    const user = `ada-${run}`;
    const rows = Array.from({ length: rowsOfRun }, (_, at) => rowOf(user, run * rowsOfRun + at));
    await ledger.append(rows);
    const [before, hers] = [await sum({}), await sum({ user })];
    assert.equal(hers[0], rowsOfRun);
    const erased = await both(({ gateway }) => gateway.lasting.privacy.erase({ tenant: 'acme', user }));
    // Those whose turn it is may be looked for by both again.
    await both(({ gateway }) => gateway.lasting.privacy.goOn());
    assert.equal(
      erased.reduce((count, { exchanges }) => count + exchanges, 0),
      rowsOfRun,
      'each row by one of them',
    );
    assert.deepEqual(await sum({ user }), [0, 0, 0]);
    assert.deepEqual(await sum({}), before, 'nothing is counted twice, or not at all');
    await both(({ gateway }) => gateway.lasting.privacy.shortenLedger());
    assert.deepEqual(await sum({}), before, 'sums stay as they are when rows go');
    assert.equal(await left(), ((run + 1) * rowsOfRun) / 2);
  }
});

/** What is left of all runs fits into one page. */
const rowsOfRun = times(60, 30);
const dayMs = 86_400_000;

/** One in two is older than the ledger keeps. */
function rowOf(user: string, number: number) {
  const atMs = Date.now() - (number % 2 === 0 ? 40 : 2) * dayMs - (number % 5) * dayMs;
  const costNanoUsd = 1_000 + number;
  return aRow({ id: `row-${number}`, atMs, tenant: 'acme', user, outputTokens: 3, costNanoUsd });
}

async function startTogether(): Promise<void> {
  const store = await postgres.createDatabase();
  const identity = { pepper: 'w5Wx71nVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' };
  const open = () => openTestAdmin({ config: { store, shared: shared(), identity } });
  const replicas = await Promise.all([open(), open()]);
  const client = new Client({ connectionString: store });
  try {
    const make = (path: string, body: object) =>
      Promise.all(replicas.map((replica) => replica.ask(path, { method: 'POST', body })));
    const tenants = await make('tenants', { name: 'acme' });
    assert.deepEqual(tenants.map(({ status }) => status).toSorted(), [201, 409]);
    const keys = await make('keys?tenant=acme', { name: 'ci', role: 'developer' });
    assert.deepEqual(keys.map(({ status }) => status).toSorted(), [201, 409]);
    for (const replica of replicas) {
      const verdict = await replica.ask('audit/verify');
      assert.equal(verdict.body.sound, true, JSON.stringify(verdict.body));
    }
    await client.connect();
    const { rows } = await client.query('select step from schema_steps order by step');
    assert.deepEqual(
      rows.map(({ step }) => Number(step)),
      rows.map((_, index) => index + 1),
    );
    const troubles = replicas.flatMap(({ gateway }) =>
      gateway.lines.filter((line) => line.includes('"err"')),
    );
    assert.deepEqual(troubles, []);
  } finally {
    await client.end();
    await Promise.all(replicas.map((replica) => replica.close()));
  }
}
