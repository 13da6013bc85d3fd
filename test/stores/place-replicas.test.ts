// Two whole gateways that share Redis: how many run at once is one number for both.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../faults/rig.ts';
import { openTestGateway } from '../gateway.ts';
import { openRedisServer } from '../servers/redis-server.ts';
import { openGatedLlm } from '../upstream/gated-llm.ts';

async function open(t: TestContext) {
  const redis = await openRedisServer();
  t.after(() => redis.stop());
  const llm = await openGatedLlm(t);
  const config = {
    shared: redis.url,
    upstreams: { llm: { type: 'openai', url: llm.url, slots: 64 } },
    models: { m: { targets: [{ upstream: 'llm', model: 'gated' }] } },
    limits: [{ per: 'tenant', concurrent: 4 }],
  };
  const replicas = await Promise.all([openTestGateway({ config }), openTestGateway({ config })]);
  t.after(() => Promise.all(replicas.map((replica) => replica.close())));
  t.after(() => llm.open());
  for (const { gateway } of replicas)
    await until('they know of each other', () => gateway.lasting.shared.presence.count() === 2);
  /** The statuses of those that are answered, in the order in which they were. */
  const codes: number[] = [];
  const send = (count: number) => {
    for (let index = 0; index < count; index += 1) {
      const { url, key } = replicas[index % 2 === 0 ? 0 : 1];
      const asked = fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          'x-forwarded-for': '192.0.2.7',
        },
        body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }] }),
      });
      void asked.then(async (reply) => {
        await reply.arrayBuffer();
        codes.push(reply.status);
      });
    }
  };
  return { redis, llm, codes, send };
}

test('C11: of many at once four run, whichever replica they come to; when they end four others may', async (t) => {
  const { llm, codes, send } = await open(t);
  llm.shut();
  for (const round of [1, 2]) {
    codes.length = 0;
    send(20);
    await until('all but four are refused', () => codes.length === 16 && llm.asked === 4 * round);
    assert.deepEqual(new Set(codes), new Set([429]));
    llm.open();
    await until('those four are answered', () => codes.length === 20);
    assert.equal(codes.filter((code) => code === 200).length, 4);
    llm.shut();
  }
});

test('DP1: without Redis each replica lets its share run, and nobody is told of a fault', async (t) => {
  const { redis, llm, codes, send } = await open(t);
  llm.shut();
  redis.kill();
  send(20);
  await until('all but four are refused', () => codes.length === 16 && llm.asked === 4);
  assert.deepEqual(new Set(codes), new Set([429]));
  llm.open();
  await until('those four are answered', () => codes.length === 20);
});
