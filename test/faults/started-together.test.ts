/** P12: two replicas that start together on an empty database make one schema, one pepper and one chain of one audit log. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { openTestAdmin } from '../admin-rig.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { times } from '../soak.ts';

const runs = times(10, 50);

let redis: RedisServer;
let postgres: PostgresServer;
before(async () => {
  [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
});
after(() => Promise.all([redis.stop(), postgres.stop()]));

test('P12: two replicas start together, again and again: every step is taken once, and of two that do the same one wins', async () => {
  for (let run = 0; run < runs; run += 1) await startTogether();
});

async function startTogether(): Promise<void> {
  const store = await postgres.createDatabase();
  const identity = { pepper: 'w5Wx71nVhT2pLw0Xc9Rf5KsBn4Yd6GjEa' };
  const open = () => openTestAdmin({ config: { store, shared: redis.url, identity } });
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
