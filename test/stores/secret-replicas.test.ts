/** Two gateways, each a process of its own, that share the store with a secret in it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPlace, serve } from '../cli/gateway-process.ts';
import { openPostgresServer, type PostgresServer } from '../servers/postgres-server.ts';
import { openRedisServer, type RedisServer } from '../servers/redis-server.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';

let redis: RedisServer;
let postgres: PostgresServer;
before(async () => {
  [redis, postgres] = await Promise.all([openRedisServer(), openPostgresServer()]);
});
after(() => Promise.all([redis.stop(), postgres.stop()]));

test('P10: a secret that is changed at one replica is taken over by all at once', async (t) => {
  await using place = await openPlace();
  const llm = await openFakeLlm();
  t.after(() => llm.close());
  const store = await postgres.createDatabase();
  const write = (name: string, key: string) =>
    place.write(
      `${name}.yaml`,
      JSON.stringify({
        data: name,
        store,
        shared: redis.url,
        secrets: { masterKey: '3c'.repeat(32) },
        upstreams: { cloud: { type: 'openai', url: llm.url, key } },
        models: { m: { targets: [{ upstream: 'cloud', model: 'm' }] } },
      }),
    );
  await Promise.all([write('one', 'sk-not-yet'), write('two', 'store:openai')]);
  await using one = await serve(['--config', 'one.yaml'], { place });
  const put = async (value: string) => {
    const reply = await fetch(`${one.ready.admin}/admin/api/v1/secrets/openai`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${await one.token()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ value }),
    });
    assert.equal(reply.status, 200);
  };
  await put('sk-first-of-both');
  await using two = await serve(['--config', 'two.yaml'], { place });
  const shownBy = async () => {
    assert.equal((await two.chat({ model: 'm' })).status, 200);
    return llm.requests.at(-1)?.headers.authorization;
  };
  assert.equal(await shownBy(), 'Bearer sk-first-of-both');
  await put('sk-second-of-both');
  await two.line(({ msg }) => msg === 'the configuration is taken over');
  assert.equal(await shownBy(), 'Bearer sk-second-of-both');
});
