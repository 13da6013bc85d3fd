/** A server of which nobody says how many slots it has gets one request at a time at first, and more as it shows that it can. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openTestGateway, type TestGateway } from '../gateway.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { openFakeLlm } from '../upstream/fake-llm.ts';

test('Ollama begins with one slot, which grows as its answers show no wait; what is configured is not learnt', async (t) => {
  const llm = await openFakeLlm({ firstTokenMs: 5 });
  t.after(() => llm.close());
  const gateway = await openTestGateway({
    config: {
      upstreams: {
        learnt: { type: 'ollama', url: llm.url },
        said: { type: 'ollama', url: llm.url, slots: 1, headers: { 'x-other': 'account' } },
      },
      models: {
        l: { targets: [{ upstream: 'learnt', model: 'fake-model' }] },
        s: { targets: [{ upstream: 'said', model: 'fake-model' }] },
      },
    },
  });
  t.after(() => gateway.close());
  const { scheduler } = gateway.gateway.lasting;
  const [learnt, said] = gateway.gateway.snapshot.upstreams;
  assert.ok(learnt && said);
  assert.deepEqual([scheduler.limitOf(learnt), scheduler.slotsFrom(learnt)], [1, 'learnt']);
  await until('it is found to work on more than one', async () => {
    await Promise.all(Array.from({ length: 8 }, () => chat(gateway, 'l')));
    return scheduler.limitOf(learnt) > 1;
  });
  for (let round = 0; round < 4; round += 1)
    await Promise.all(Array.from({ length: 8 }, () => chat(gateway, 's')));
  assert.deepEqual([scheduler.limitOf(said), scheduler.slotsFrom(said)], [1, 'configured']);
});

test('two replicas know of one another how many slots Ollama was found to have', async (t) => {
  const llm = await openFakeLlm({ firstTokenMs: 5 });
  t.after(() => llm.close());
  const redis = await openRedisServer();
  t.after(() => redis.stop());
  const replica = async () => {
    const gateway = await openTestGateway({
      config: {
        shared: redis.url,
        upstreams: { learnt: { type: 'ollama', url: llm.url } },
        models: { l: { targets: [{ upstream: 'learnt', model: 'fake-model' }] } },
      },
    });
    t.after(() => gateway.close());
    const { lasting, snapshot } = gateway.gateway;
    const [upstream] = snapshot.upstreams;
    assert.ok(upstream);
    return { gateway, limit: () => lasting.scheduler.limitOf(upstream) };
  };
  const [asked, idle] = [await replica(), await replica()];
  await until('it is found to work on more than one', async () => {
    await Promise.all(Array.from({ length: 8 }, () => chat(asked.gateway, 'l')));
    return asked.limit() > 1;
  });
  await until('the other knows', () => idle.limit() > 1);
});

async function chat(gateway: TestGateway, model: string): Promise<void> {
  const reply = await fetch(`${gateway.url}/api/chat`, {
    method: 'POST',
    headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello there' }] }),
  });
  assert.equal(reply.status, 200);
  await reply.text();
}
