// What one replica is told, or finds out, of a server holds for all of them (U6, U16).
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { type FakeLlm, openFakeLlm } from '../upstream/fake-llm.ts';
import { until } from './rig.ts';

const redis = await openRedisServer();
after(() => redis.stop());

/** Two replicas in front of the same servers. */
async function openPair(t: TestContext, names: readonly string[]) {
  const llms = new Map<string, FakeLlm>();
  for (const name of names) llms.set(name, await openFakeLlm());
  const config = {
    shared: redis.url,
    upstreams: Object.fromEntries(
      [...llms].map(([name, { url }]) => [name, { type: 'openai', url: `${url}/v1`, slots: 4 }]),
    ),
    models: {
      o: { policy: 'round-robin', targets: names.map((upstream) => ({ upstream, model: 'fake-model' })) },
    },
    retries: { attempts: 5 },
    // Nothing is found out by asking for lists.
    health: { everyMs: 3_600_000 },
  };
  const replica = () => openTestGateway({ config });
  const pair: readonly [TestGateway, TestGateway] = [await replica(), await replica()];
  t.after(async () => {
    for (const gateway of pair) await gateway.close();
    for (const llm of llms.values()) await llm.close();
  });
  const all = [...llms.values()];
  return {
    pair,
    all,
    calls: () =>
      all.reduce((sum, { requests }) => sum + requests.filter(({ method }) => method === 'POST').length, 0),
  };
}

async function ask({ url, key }: TestGateway, content = 'hi') {
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'o', messages: [{ role: 'user', content }] }),
  });
  return { status: reply.status, text: await reply.text() };
}

const recordOf = ({ gateway: { lasting, snapshot } }: TestGateway) => {
  const [upstream] = snapshot.upstreams;
  assert.ok(upstream);
  return lasting.health.of(upstream);
};

test('U6: what an account told one replica to wait, the other waits as well', async (t) => {
  const { pair, all, calls } = await openPair(t, ['a']);
  const [one, two] = pair;
  all[0]?.behave({ status: 429, headers: { 'retry-after': '20' } });
  assert.equal((await ask(one)).status, 429);
  await until('the other has heard', () => recordOf(two).nextTryMs > 0);
  assert.equal((await ask(two)).status, 429);
  assert.equal(calls(), 1, 'no call to the limited account');
});

test('U16: a request that broke two servers is sent to no third by any replica', async (t) => {
  const { pair, all, calls } = await openPair(t, ['a', 'b', 'c']);
  const [one, two] = pair;
  const { quarantine } = two.gateway.lasting.retries;
  for (const llm of all) llm.behave({ resetAfterRequest: true });
  assert.match((await ask(one, 'poison')).text, /poison_suspected/);
  await until('the other has heard', () => !quarantine.isEmpty);
  await until('of both', async () => (await ask(two, 'poison')).text.includes('poison_suspected'));
  assert.equal(calls(), 2);
});
